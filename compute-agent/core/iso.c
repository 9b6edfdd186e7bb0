/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iso.c: ECMA-119 and Joliet, as far as a few small files need them. The two trees have directories of their own, because the names differ, and share the
 * files' bytes. Directories come breadth first and in the order of names, which is the path tables' order, too.
 */
#include "compute-agent/core/iso.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "lib/base/mem.h"

#define SECTOR 2048U
#define FIRST_SECTOR 16U /* what is before is the system's own */
#define RECORD_HEAD 33U
#define NAME_MAX_BYTES 64U

enum iso_tree { TREE_ISO, TREE_JOLIET, TREES };

struct iso_node {
    char *name; /* "" of the root */
    size_t parent;
    bool is_dir;
    void *data;
    size_t size;
    uint32_t extent;                          /* of a file */
    uint32_t dir_extent[TREES], dir_size[TREES];
    uint16_t number;                          /* of a directory in path tables, from 1 on */
};

struct kn_agent_iso {
    char label[17];
    struct tm made;
    struct iso_node *nodes; /* the root is the first */
    size_t count;
    size_t *dirs;           /* breadth first */
    size_t dir_count;
    uint32_t table_extent[TREES][2], table_size[TREES]; /* little and big endian */
    uint32_t sectors;
};

static size_t iso_node_add(struct kn_agent_iso *iso, size_t parent, const char *name, size_t len, bool is_dir)
{
    iso->nodes = kn_realloc_array(iso->nodes, iso->count + 1, sizeof(*iso->nodes));
    iso->nodes[iso->count] = (struct iso_node){ .name = kn_strndup(name, len), .parent = parent, .is_dir = is_dir };
    return iso->count++;
}

struct kn_agent_iso *kn_agent_iso_new(const char *label, int64_t now_s)
{
    struct kn_agent_iso *iso = KN_NEW(struct kn_agent_iso);
    const time_t now = (time_t)now_s;

    kn_copy(iso->label, sizeof(iso->label), label);
    gmtime_r(&now, &iso->made);
    iso_node_add(iso, 0, "", 0, true);
    return iso;
}

void kn_agent_iso_free(struct kn_agent_iso *iso)
{
    if (iso == NULL) {
        return;
    }
    for (size_t i = 0; i < iso->count; i++) {
        free(iso->nodes[i].name);
        free(iso->nodes[i].data);
    }
    free(iso->nodes);
    free(iso->dirs);
    free(iso);
}

static size_t iso_dir(struct kn_agent_iso *iso, size_t parent, const char *name, size_t len)
{
    for (size_t i = 1; i < iso->count; i++) {
        if (iso->nodes[i].parent == parent && strlen(iso->nodes[i].name) == len &&
            strncmp(iso->nodes[i].name, name, len) == 0) {
            return i;
        }
    }
    return iso_node_add(iso, parent, name, len, true);
}

void kn_agent_iso_add(struct kn_agent_iso *iso, const char *path, const void *data, size_t len)
{
    size_t at = 0;

    for (const char *slash; (slash = strchr(path, '/')) != NULL; path = slash + 1) {
        at = iso_dir(iso, at, path, (size_t)(slash - path));
    }
    at = iso_node_add(iso, at, path, strlen(path), false);
    iso->nodes[at].data = kn_alloc(len + 1);
    memcpy(iso->nodes[at].data, data, len);
    iso->nodes[at].size = len;
}

/* --- names ------------------------------------------------------------------------------------------------------------ */

/* As the tree writes it; "" of the root is one byte 0. Returns its length. */
static size_t iso_name(const struct iso_node *node, enum iso_tree tree, uint8_t out[NAME_MAX_BYTES])
{
    size_t len = 0;

    if (node->name[0] == '\0') {
        out[0] = 0;
        return 1;
    }
    for (const char *c = node->name; *c != '\0' && len + 6 < NAME_MAX_BYTES; c++) {
        if (tree == TREE_JOLIET) {
            out[len++] = 0;
        }
        out[len++] = tree == TREE_JOLIET ? (uint8_t)*c : (uint8_t)toupper((unsigned char)*c);
    }
    if (tree == TREE_ISO && !node->is_dir) {
        const char *end = strchr(node->name, '.') != NULL ? ";1" : ".;1";

        memcpy(out + len, end, strlen(end));
        len += strlen(end);
    }
    return len;
}

static uint32_t record_size(size_t name_len)
{
    return RECORD_HEAD + (uint32_t)name_len + (name_len % 2 == 0 ? 1 : 0);
}

static uint32_t iso_sectors(size_t bytes)
{
    return (uint32_t)((bytes + SECTOR - 1) / SECTOR);
}

/* --- layout ----------------------------------------------------------------------------------------------------------- */

/* The child of the directory that comes after `after` (0: the first) by name; 0: none. */
static size_t iso_next(const struct kn_agent_iso *iso, size_t dir, size_t after)
{
    size_t best = 0;

    for (size_t i = 1; i < iso->count; i++) {
        if (iso->nodes[i].parent == dir && (after == 0 || strcmp(iso->nodes[i].name, iso->nodes[after].name) > 0) &&
            (best == 0 || strcmp(iso->nodes[i].name, iso->nodes[best].name) < 0)) {
            best = i;
        }
    }
    return best;
}

static void iso_order(struct kn_agent_iso *iso)
{
    iso->dirs = kn_realloc_array(iso->dirs, iso->count, sizeof(*iso->dirs));
    iso->dirs[0] = 0;
    iso->dir_count = 1;
    for (size_t i = 0; i < iso->dir_count; i++) {
        iso->nodes[iso->dirs[i]].number = (uint16_t)(i + 1);
        for (size_t child = iso_next(iso, iso->dirs[i], 0); child != 0; child = iso_next(iso, iso->dirs[i], child)) {
            if (iso->nodes[child].is_dir) {
                iso->dirs[iso->dir_count++] = child;
            }
        }
    }
}

/* No record lies across the end of a sector. */
static uint32_t iso_room(uint32_t at, uint32_t size)
{
    return at % SECTOR + size > SECTOR ? at + SECTOR - at % SECTOR : at;
}

static uint32_t iso_dir_size(const struct kn_agent_iso *iso, size_t dir, enum iso_tree tree)
{
    uint32_t size = 2 * record_size(1); /* itself and its parent */
    uint8_t name[NAME_MAX_BYTES];

    for (size_t child = iso_next(iso, dir, 0); child != 0; child = iso_next(iso, dir, child)) {
        const uint32_t record = record_size(iso_name(&iso->nodes[child], tree, name));

        size = iso_room(size, record) + record;
    }
    return iso_sectors(size) * SECTOR;
}

static void iso_lay_tree(struct kn_agent_iso *iso, enum iso_tree tree)
{
    uint8_t name[NAME_MAX_BYTES];

    for (size_t i = 0; i < iso->dir_count; i++) {
        const size_t len = iso_name(&iso->nodes[iso->dirs[i]], tree, name);

        iso->table_size[tree] += 8 + (uint32_t)(len + len % 2);
    }
    for (size_t end = 0; end < 2; end++) {
        iso->table_extent[tree][end] = iso->sectors;
        iso->sectors += iso_sectors(iso->table_size[tree]);
    }
    for (size_t i = 0; i < iso->dir_count; i++) {
        struct iso_node *dir = &iso->nodes[iso->dirs[i]];

        dir->dir_size[tree] = iso_dir_size(iso, iso->dirs[i], tree);
        dir->dir_extent[tree] = iso->sectors;
        iso->sectors += dir->dir_size[tree] / SECTOR;
    }
}

static void iso_lay(struct kn_agent_iso *iso)
{
    iso->sectors = FIRST_SECTOR + 3; /* two descriptors and the end of them */
    memset(iso->table_size, 0, sizeof(iso->table_size));
    iso_order(iso);
    for (enum iso_tree tree = 0; tree < TREES; tree++) {
        iso_lay_tree(iso, tree);
    }
    for (size_t i = 1; i < iso->count; i++) {
        if (!iso->nodes[i].is_dir) {
            iso->nodes[i].extent = iso->sectors;
            iso->sectors += iso_sectors(iso->nodes[i].size);
        }
    }
}

/* --- bytes ------------------------------------------------------------------------------------------------------------ */

static void iso_put_number(uint8_t *out, uint32_t value, size_t bytes, bool is_big)
{
    for (size_t i = 0; i < bytes; i++) {
        out[is_big ? bytes - 1 - i : i] = (uint8_t)(value >> (8 * i));
    }
}

/* Little endian, then big endian. */
static void iso_put_both(uint8_t *out, uint32_t value, size_t bytes)
{
    iso_put_number(out, value, bytes, false);
    iso_put_number(out + bytes, value, bytes, true);
}

static uint32_t iso_put_record(const struct kn_agent_iso *iso, uint8_t *out, const struct iso_node *node,
                               enum iso_tree tree, const uint8_t *name, size_t len)
{
    const uint32_t size = record_size(len);

    out[0] = (uint8_t)size;
    iso_put_both(out + 2, node->is_dir ? node->dir_extent[tree] : node->extent, 4);
    iso_put_both(out + 10, node->is_dir ? node->dir_size[tree] : (uint32_t)node->size, 4);
    out[18] = (uint8_t)iso->made.tm_year;
    out[19] = (uint8_t)(iso->made.tm_mon + 1);
    out[20] = (uint8_t)iso->made.tm_mday;
    out[21] = (uint8_t)iso->made.tm_hour;
    out[22] = (uint8_t)iso->made.tm_min;
    out[23] = (uint8_t)iso->made.tm_sec;
    out[25] = node->is_dir ? 2 : 0;
    iso_put_both(out + 28, 1, 2); /* of one volume, the first */
    out[32] = (uint8_t)len;
    memcpy(out + RECORD_HEAD, name, len);
    return size;
}

static void iso_put_directory(const struct kn_agent_iso *iso, uint8_t *disk, size_t dir, enum iso_tree tree)
{
    const struct iso_node *node = &iso->nodes[dir], *parent = &iso->nodes[node->parent];
    uint8_t *out = disk + (size_t)node->dir_extent[tree] * SECTOR, name[NAME_MAX_BYTES];
    uint32_t at = iso_put_record(iso, out, node, tree, (const uint8_t *)"\0", 1);

    at += iso_put_record(iso, out + at, parent, tree, (const uint8_t *)"\1", 1);
    for (size_t child = iso_next(iso, dir, 0); child != 0; child = iso_next(iso, dir, child)) {
        const size_t len = iso_name(&iso->nodes[child], tree, name);

        at = iso_room(at, record_size(len));
        at += iso_put_record(iso, out + at, &iso->nodes[child], tree, name, len);
    }
}

static void iso_put_table(const struct kn_agent_iso *iso, uint8_t *disk, enum iso_tree tree, bool is_big)
{
    uint8_t *out = disk + (size_t)iso->table_extent[tree][is_big] * SECTOR;

    for (size_t i = 0; i < iso->dir_count; i++) {
        const struct iso_node *node = &iso->nodes[iso->dirs[i]];
        uint8_t name[NAME_MAX_BYTES];
        const size_t len = iso_name(node, tree, name);

        out[0] = (uint8_t)len;
        iso_put_number(out + 2, node->dir_extent[tree], 4, is_big);
        iso_put_number(out + 6, iso->nodes[node->parent].number, 2, is_big);
        memcpy(out + 8, name, len);
        out += 8 + len + len % 2;
    }
}

/* A text in a field of blanks. */
static void iso_put_text(uint8_t *out, const char *text, size_t size, enum iso_tree tree)
{
    const size_t width = tree == TREE_JOLIET ? 2 : 1;

    for (size_t i = 0; i + width <= size; i += width) {
        const char c = *text != '\0' ? *text++ : ' ';

        out[i] = 0;
        out[i + width - 1] = (uint8_t)c;
    }
}

static void iso_put_descriptor(const struct kn_agent_iso *iso, uint8_t *disk, enum iso_tree tree)
{
    static const size_t FIELDS[][2] = { { 190, 128 }, { 318, 128 }, { 446, 128 }, { 574, 128 },
                                        { 702, 37 },  { 739, 37 },  { 776, 37 } };
    uint8_t *out = disk + (size_t)(FIRST_SECTOR + (uint32_t)tree) * SECTOR;

    out[0] = tree == TREE_ISO ? 1 : 2;
    memcpy(out + 1, "CD001\1", 6);
    iso_put_text(out + 8, "", 32, tree);
    iso_put_text(out + 40, iso->label, 32, tree);
    iso_put_both(out + 80, iso->sectors, 4);
    if (tree == TREE_JOLIET) {
        memcpy(out + 88, "%/E", 3); /* UCS-2, level 3 */
    }
    iso_put_both(out + 120, 1, 2);
    iso_put_both(out + 124, 1, 2);
    iso_put_both(out + 128, SECTOR, 2);
    iso_put_both(out + 132, iso->table_size[tree], 4);
    iso_put_number(out + 140, iso->table_extent[tree][false], 4, false);
    iso_put_number(out + 148, iso->table_extent[tree][true], 4, true);
    iso_put_record(iso, out + 156, &iso->nodes[0], tree, (const uint8_t *)"\0", 1);
    for (size_t i = 0; i < KN_COUNT(FIELDS); i++) {
        iso_put_text(out + FIELDS[i][0], "", FIELDS[i][1], tree);
    }
    for (size_t at = 813; at < 881; at += 17) {
        memset(out + at, '0', 16); /* of no date */
    }
    out[881] = 1;
}

void kn_agent_iso_write(struct kn_agent_iso *iso, struct kn_strbuf *out)
{
    iso_lay(iso);
    AUTO_FREE uint8_t *disk = kn_alloc((size_t)iso->sectors * SECTOR);
    uint8_t *end = disk + (size_t)(FIRST_SECTOR + 2) * SECTOR;

    for (enum iso_tree tree = 0; tree < TREES; tree++) {
        iso_put_descriptor(iso, disk, tree);
        iso_put_table(iso, disk, tree, false);
        iso_put_table(iso, disk, tree, true);
        for (size_t i = 0; i < iso->dir_count; i++) {
            iso_put_directory(iso, disk, iso->dirs[i], tree);
        }
    }
    end[0] = 255;
    memcpy(end + 1, "CD001\1", 6);
    for (size_t i = 1; i < iso->count; i++) {
        if (!iso->nodes[i].is_dir) {
            memcpy(disk + (size_t)iso->nodes[i].extent * SECTOR, iso->nodes[i].data, iso->nodes[i].size);
        }
    }
    kn_strbuf_add(out, disk, (size_t)iso->sectors * SECTOR);
}
