/* SPDX-License-Identifier: Apache-2.0 */
/* tables.c: the text of tables, taken apart: sets with their elements, chains with their rules, each a line. Understands no rule (tables_walk.c does). */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "network/host/trace/tables_private.h"

/* Where the reader is. */
struct tables_reader {
    struct kn_network_tables *tables;
    char family[16]; /* "" outside of our tables */
    char table[32];
    struct kn_network_tables_lines *set; /* of these at most one; both NULL: between them */
    struct kn_network_tables_chain *chain;
    bool is_list; /* amid elements */
};

void kn_network_tables_lines_release(struct kn_network_tables_lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        free(lines->items[i]);
    }
    free(lines->items);
    *lines = (struct kn_network_tables_lines){ NULL, 0, 0 };
}

static void tables_add(struct kn_network_tables_lines *lines, const char *text, size_t length)
{
    if (lines->count == lines->room) {
        lines->room = lines->room * 2 + 8;
        lines->items = kn_realloc_array(lines->items, lines->room, sizeof(*lines->items));
    }
    lines->items[lines->count++] = kn_strndup(text, length);
}

static void tables_set_free(void *value)
{
    kn_network_tables_lines_release(value);
    free(value);
}

static void tables_chain_free(void *value)
{
    struct kn_network_tables_chain *chain = value;

    kn_network_tables_lines_release(&chain->rules);
    free(chain->name);
    free(chain);
}

const char *kn_network_tables_elements(const char *text, struct kn_network_tables_lines *into)
{
    while (*text != '\0') {
        text += strspn(text, " \t,");
        size_t length = strcspn(text, ",}"), kept = length;

        for (size_t i = 0; i + 1 < length; i++) { /* of one that comes and goes: its time, or what it counts */
            if (strncmp(text + i, " timeout ", 9) == 0 || strncmp(text + i, " expires ", 9) == 0 ||
                strncmp(text + i, " ct count ", 10) == 0) {
                kept = i;
                break;
            }
        }
        for (; kept > 0 && isspace((unsigned char)text[kept - 1]); kept--) {
        }
        if (kept > 0) {
            tables_add(into, text, kept);
        }
        if (text[length] == '}') {
            return text + length + 1;
        }
        text += length;
    }
    return text;
}

/* --- lines ---------------------------------------------------------------------------------------------------------- */

/* "set macs {", "map leaving {", "chain guest {" */
static void tables_begin(struct tables_reader *reader, const char *line)
{
    char what[16], name[128];

    if (sscanf(line, "%15s %127s {", what, name) != 2) {
        return;
    }
    AUTO_FREE char *key = kn_asprintf("%s %s %s", reader->family, reader->table, name);

    if (strcmp(what, "chain") == 0) {
        reader->chain = KN_NEW(struct kn_network_tables_chain);
        kn_copy(reader->chain->family, sizeof(reader->chain->family), reader->family);
        kn_copy(reader->chain->table, sizeof(reader->chain->table), reader->table);
        reader->chain->name = kn_strdup(name);
        kn_hmap_put(reader->tables->chains, key, reader->chain);
    } else if (strcmp(what, "set") == 0 || strcmp(what, "map") == 0) {
        reader->set = KN_NEW(struct kn_network_tables_lines);
        kn_hmap_put(reader->tables->sets, key, reader->set);
    }
}

static void tables_in_set(struct tables_reader *reader, const char *line)
{
    static const char ELEMENTS[] = "elements = {";

    if (!reader->is_list && strncmp(line, ELEMENTS, strlen(ELEMENTS)) != 0) {
        return; /* its type and flags */
    }
    line += reader->is_list ? 0 : strlen(ELEMENTS);
    reader->is_list = strchr(line, '}') == NULL;
    kn_network_tables_elements(line, reader->set);
}

static void tables_in_chain(struct kn_network_tables_chain *chain, const char *line)
{
    char hook[16], policy[16] = "";
    long priority = 0;

    if (strncmp(line, "type ", 5) != 0) {
        tables_add(&chain->rules, line, strlen(line));
    } else if (sscanf(line, "type %*s hook %15s priority %ld; policy %15[a-z]", hook, &priority, policy) >= 2) {
        kn_copy(chain->hook, sizeof(chain->hook), hook);
        chain->priority = priority;
        chain->drops = strcmp(policy, "drop") == 0;
    }
}

static void tables_line(struct tables_reader *reader, const char *line)
{
    if (reader->family[0] == '\0') {
        if (sscanf(line, "table %15s %31s {", reader->family, reader->table) != 2 ||
            strncmp(reader->table, "kilonova", strlen("kilonova")) != 0) {
            reader->family[0] = '\0';
        }
    } else if (!reader->is_list && strcmp(line, "}") == 0) {
        if (reader->set == NULL && reader->chain == NULL) {
            reader->family[0] = '\0';
        }
        reader->set = NULL;
        reader->chain = NULL;
    } else if (reader->set != NULL) {
        tables_in_set(reader, line);
    } else if (reader->chain != NULL) {
        tables_in_chain(reader->chain, line);
    } else {
        tables_begin(reader, line);
    }
}

struct kn_network_tables *kn_network_tables_read(const char *text)
{
    struct kn_network_tables *tables = KN_NEW(struct kn_network_tables);
    struct tables_reader reader = { .tables = tables };

    tables->sets = kn_hmap_new(tables_set_free);
    tables->chains = kn_hmap_new(tables_chain_free);
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        AUTO_FREE char *line = kn_strndup(text, length);
        char *start = line + strspn(line, " \t");

        for (size_t end = strlen(start); end > 0 && isspace((unsigned char)start[end - 1]); end--) {
            start[end - 1] = '\0';
        }
        if (start[0] != '\0') {
            tables_line(&reader, start);
        }
        text += length + (text[length] == '\n');
    }
    return tables;
}

void kn_network_tables_free(struct kn_network_tables *tables)
{
    if (tables != NULL) {
        kn_hmap_free(tables->sets);
        kn_hmap_free(tables->chains);
        free(tables);
    }
}

bool kn_network_tables_have(const struct kn_network_tables *tables, const char *family)
{
    const char *key;
    void *value;

    for (size_t at = 0; kn_hmap_next(tables->chains, &at, &key, &value);) {
        const struct kn_network_tables_chain *chain = value;

        if (strcmp(chain->family, family) == 0 && strcmp(chain->table, "kilonova") == 0) {
            return true;
        }
    }
    return false;
}
