/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests, written and read. What is read may come from a store that others write: every number is bounded, every name is checked. */
#include "volume/serve/backup_manifest.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/domain/limits.h"
#include "lib/domain/schema.h"

#define HEAD "kilonova-backup 1"
#define CHUNK_LEAST (64 << 10)
#define CHUNK_MOST (64 << 20)
#define GIB (INT64_C(1) << 30)

void kn_volume_backup_manifest_release(struct kn_volume_backup_manifest *m)
{
    for (int i = 0; i < m->dir_count; i++) {
        free(m->dirs[i]);
    }
    free(m->dirs);
    free(m->chunks);
    *m = (struct kn_volume_backup_manifest)KN_VOLUME_BACKUP_MANIFEST_INIT;
}

int kn_volume_backup_manifest_dir(struct kn_volume_backup_manifest *m, const char *dir)
{
    for (int i = 0; i < m->dir_count; i++) {
        if (strcmp(m->dirs[i], dir) == 0) {
            return i;
        }
    }
    m->dirs = kn_realloc_array(m->dirs, (size_t)m->dir_count + 1, sizeof(*m->dirs));
    m->dirs[m->dir_count] = kn_strdup(dir);
    return m->dir_count++;
}

void kn_volume_backup_manifest_add(struct kn_volume_backup_manifest *m, int64_t index, const char *sha256, int dir)
{
    if (m->count == m->room) {
        m->room = m->room == 0 ? 256 : m->room * 2;
        m->chunks = kn_realloc_array(m->chunks, m->room, sizeof(*m->chunks));
    }
    struct kn_volume_backup_chunk *chunk = &m->chunks[m->count++];
    chunk->index = index;
    chunk->dir = dir;
    kn_copy(chunk->sha256, sizeof(chunk->sha256), sha256);
}

const struct kn_volume_backup_chunk *kn_volume_backup_manifest_find(const struct kn_volume_backup_manifest *m,
                                                                    int64_t index, size_t *at)
{
    while (*at < m->count && m->chunks[*at].index < index) {
        ++*at;
    }
    return *at < m->count && m->chunks[*at].index == index ? &m->chunks[*at] : NULL;
}

void kn_volume_backup_manifest_write(const struct kn_volume_backup_manifest *m, struct kn_strbuf *out)
{
    kn_strbuf_addf(out, HEAD "\nsize %lld\nchunk %lld\n", (long long)m->size, (long long)m->chunk);
    for (int i = 0; i < m->dir_count; i++) {
        kn_strbuf_addf(out, "in %s\n", m->dirs[i]);
    }
    for (size_t i = 0; i < m->count; i++) {
        kn_strbuf_addf(out, "%lld %s %d\n", (long long)m->chunks[i].index, m->chunks[i].sha256, m->chunks[i].dir);
    }
    kn_strbuf_addf(out, "end %zu\n", m->count);
}

/* --- reading ---------------------------------------------------------------------------------------------------------------- */

static bool manifest_is_dir(const char *dir)
{
    const char *slash = strchr(dir, '/');

    if (slash == NULL || slash - dir > KN_MAX_BACKUP_CONTAINER || slash == dir) {
        return false;
    }
    AUTO_FREE char *container = kn_strndup(dir, (size_t)(slash - dir));
    return KN_TEXT_CONTAINER.holds(container) && kn_uuid_valid(slash + 1);
}

/* "word number" */
static bool manifest_number(const char *line, const char *word, int64_t *ret)
{
    const size_t len = strlen(word);
    char *end = NULL;

    if (strncmp(line, word, len) != 0 || line[len] != ' ' || line[len + 1] < '0' || line[len + 1] > '9') {
        return false;
    }
    *ret = strtoll(line + len + 1, &end, 10);
    return *end == '\0';
}

static bool manifest_chunk(struct kn_volume_backup_manifest *m, const char *line)
{
    char *end = NULL;
    const int64_t index = line[0] >= '0' && line[0] <= '9' ? strtoll(line, &end, 10) : -1;

    if (index < 0 || *end != ' ' || strspn(end + 1, "0123456789abcdef") != KN_SHA256_HEX - 1 ||
        end[KN_SHA256_HEX] != ' ') {
        return false;
    }
    AUTO_FREE char *sha256 = kn_strndup(end + 1, KN_SHA256_HEX - 1);
    char *last = NULL;
    const long dir = strtol(end + KN_SHA256_HEX + 1, &last, 10);
    if (*last != '\0' || last == end + KN_SHA256_HEX + 1 || dir < 0 || dir >= m->dir_count ||
        (m->count > 0 && index <= m->chunks[m->count - 1].index) || index > (m->size - 1) / m->chunk) {
        return false;
    }
    kn_volume_backup_manifest_add(m, index, sha256, (int)dir);
    return true;
}

static bool manifest_has_sizes(const struct kn_volume_backup_manifest *m)
{
    return m->size > 0 && m->size / GIB <= KN_MAX_VOLUME_SIZE_GIB && m->chunk >= CHUNK_LEAST && m->chunk <= CHUNK_MOST;
}

/* Lines 0 to 2, then directories, chunks, the end. *ret_ends: this was the last one. */
static bool manifest_line(struct kn_volume_backup_manifest *m, size_t line, const char *text, bool *ret_ends)
{
    const int dirs = m->dir_count;
    int64_t count = 0;

    if (line == 0) {
        return strcmp(text, HEAD) == 0;
    }
    if (line == 1) {
        return manifest_number(text, "size", &m->size);
    }
    if (line == 2) {
        return manifest_number(text, "chunk", &m->chunk) && manifest_has_sizes(m);
    }
    if (strncmp(text, "in ", 3) == 0) {
        return m->count == 0 && m->dir_count < KN_VOLUME_BACKUP_DIRS && manifest_is_dir(text + 3) &&
               kn_volume_backup_manifest_dir(m, text + 3) == dirs;
    }
    *ret_ends = manifest_number(text, "end", &count);
    return *ret_ends ? count >= 0 && (size_t)count == m->count && m->dir_count > 0 : manifest_chunk(m, text);
}

int kn_volume_backup_manifest_read(const char *text, size_t len, struct kn_volume_backup_manifest *ret,
                                   struct kn_error *err)
{
    const char *rest = text, *end = text + len;
    bool ends = false;

    for (size_t line = 0; rest < end && !ends; line++) {
        const char *stop = memchr(rest, '\n', (size_t)(end - rest));
        if (stop == NULL) {
            break;
        }
        AUTO_FREE char *one = kn_strndup(rest, (size_t)(stop - rest));
        if (!manifest_line(ret, line, one, &ends)) {
            return kn_fail(err, KN_INTERNAL, "the manifest's line %zu is none: \"%.80s\"", line + 1, one);
        }
        rest = stop + 1;
    }
    return ends && rest == end ? 0 : kn_fail(err, KN_INTERNAL, "the manifest is not whole");
}
