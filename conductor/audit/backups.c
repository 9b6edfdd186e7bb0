/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backups that lie in a directory (volume.backup_dir) against their rows: every one has its manifest and all chunks that it names, wherever in the chain they are, and nothing lies there beside. What seems wrong
 * is asked for a second time: a backup's end is written on its row before anything of it goes. A machine that does not see the directory cannot judge it.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conductor/audit/audit.h"
#include "lib/adapter/crypto.h"
#include "lib/base/cleanup.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"

#define MANIFEST "manifest"
#define FILE_MOST (INT64_C(1) << 30)

enum backup_promise { HAS_CHUNKS, LONE, DEEP, BACKUP_PROMISE_COUNT };

const char *const kn_conductor_audit_backup_promises[] = {
    [HAS_CHUNKS] = "5. every backup has its manifest and its chunks",
    [LONE] = "5. nothing lies among the backups that belongs to none",
    [DEEP] = "5. every backup's chunks are what was stored",
    [BACKUP_PROMISE_COUNT] = NULL,
};

struct backups {
    struct kn_conductor_audit *audit;
    const char *dir;
    json_t *findings[BACKUP_PROMISE_COUNT];
    json_t *unjudged[BACKUP_PROMISE_COUNT];
};

/* One of them, while it is looked at. */
struct backup {
    struct backups *all;
    const char *id, *place, *container,
        *manifest; /* place: the directory's name, the exported backup's of one whose record was imported */
    int64_t size, chunk; /* of the disk and of a chunk, as its manifest says; 0: it does not */
    json_t *dirs; /* those that its manifest names, in order */
    json_t *own; /* {chunk of its own: true} */
    json_t *said[BACKUP_PROMISE_COUNT]; /* what seems to be wrong */
};

static bool backups_read(const char *path, char **ret, size_t *ret_len)
{
    struct kn_error ignored = { 0 };
    struct stat st;

    return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= FILE_MOST &&
           kn_file_read(path, (size_t)st.st_size, ret, ret_len, &ignored) == 0;
}

/* Whether the file holds bytes of this hash. */
static bool backups_is_intact(const char *path, const char *sha256)
{
    AUTO_FREE char *bytes = NULL;
    char found[KN_SHA256_HEX];
    size_t len = 0;

    if (!backups_read(path, &bytes, &len)) {
        return false;
    }
    kn_sha256_hex(bytes, len, found);
    return strcmp(found, sha256) == 0;
}

static int64_t backups_chunk_len(const struct backup *b, int64_t index)
{
    const int64_t rest = b->size - index * b->chunk;

    return rest < b->chunk ? rest : b->chunk;
}

static void backups_look_at_chunk(struct backup *b, const char *line)
{
    char sha256[KN_SHA256_HEX] = "";
    long long index = -1;
    int dir = -1;

    if (sscanf(line, "%lld %64[0-9a-f] %d", &index, sha256, &dir) != 3 || index < 0 || dir < 0 ||
        dir >= (int)json_array_size(b->dirs) || b->chunk <= 0 || index > (b->size - 1) / b->chunk) {
        json_array_append_new(b->said[HAS_CHUNKS],
                              json_sprintf("the manifest of backup %s says \"%.80s\"", b->id, line));
        return;
    }
    AUTO_FREE char *path = kn_asprintf("%s/%s/%s", b->all->dir, json_string_value(json_array_get(b->dirs, (size_t)dir)),
                                       sha256);
    if (dir == 0) {
        json_object_set_new(b->own, sha256, json_true());
    }
    struct stat st;

    if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode)) {
        json_array_append_new(b->said[HAS_CHUNKS], json_sprintf("backup %s has lost %s", b->id, path));
    } else if (st.st_size != backups_chunk_len(b, index)) {
        json_array_append_new(b->said[HAS_CHUNKS],
                              json_sprintf("backup %s has %s with %lld bytes instead of %lld", b->id, path,
                                           (long long)st.st_size, (long long)backups_chunk_len(b, index)));
    } else if (b->all->audit->is_deep && !backups_is_intact(path, sha256)) {
        json_array_append_new(b->said[DEEP],
                              json_sprintf("backup %s has %s, which is not what was stored", b->id, path));
    }
}

/* As volume/serve/backup_manifest.h says it. */
static void backups_look_at_manifest(struct backup *b, char *text)
{
    char *rest = NULL;

    for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        if (strncmp(line, "size ", 5) == 0) {
            b->size = strtoll(line + 5, NULL, 10);
        } else if (strncmp(line, "chunk ", 6) == 0) {
            b->chunk = strtoll(line + 6, NULL, 10);
        } else if (strncmp(line, "in ", 3) == 0) {
            json_array_append_new(b->dirs, json_string(line + 3));
        } else if (*line >= '0' && *line <= '9') {
            backups_look_at_chunk(b, line);
        }
    }
}

static void backups_look_beside(struct backup *b, const char *path)
{
    DIR *d = opendir(path);

    if (d == NULL) {
        return; /* its manifest is missed already */
    }
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        if (e->d_name[0] != '.' && strcmp(e->d_name, MANIFEST) != 0 && json_object_get(b->own, e->d_name) == NULL) {
            json_array_append_new(b->said[LONE], json_sprintf("%s/%s is none of its backup's chunks", path, e->d_name));
        }
    }
    closedir(d);
}

static void backups_look_at(struct backup *b)
{
    AUTO_FREE char *path = kn_asprintf("%s/%s/%s", b->all->dir, b->container, b->place),
                   *manifest = kn_asprintf("%s/" MANIFEST, path), *text = NULL;
    char sha256[KN_SHA256_HEX];
    size_t len = 0;

    if (!backups_read(manifest, &text, &len)) {
        json_array_append_new(b->said[HAS_CHUNKS],
                              json_sprintf("the manifest of backup %s is gone: %s", b->id, manifest));
        return;
    }
    kn_sha256_hex(text, len, sha256);
    if (strcmp(sha256, b->manifest) != 0) {
        json_array_append_new(b->said[HAS_CHUNKS],
                              json_sprintf("the manifest of backup %s is not the one that was stored", b->id));
        return;
    }
    backups_look_at_manifest(b, text);
    backups_look_beside(b, path);
}

#define AT_REST "b.store = 'directory' AND b.status = 'available' AND NOT " KN_AUDIT_MOVING("b.id")

/* What seemed wrong is, if the row says the same again. */
static int backups_judge(struct backup *b, struct kn_error *err)
{
    static const struct kn_stmt STILL = { "audit_backup_still",
                                          "SELECT 1 FROM volume_backup b WHERE b.id = $1 AND " AT_REST, 1 };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    size_t wrong = 0;

    for (int p = 0; p < BACKUP_PROMISE_COUNT; p++) {
        wrong += json_array_size(b->said[p]);
    }
    if (wrong > 0 && kn_db_run(b->all->audit->db, &STILL, KN_ARGS(b->id), &rows, err) < 0) {
        return -1;
    }
    for (int p = 0; rows != NULL && kn_rows_count(rows) > 0 && p < BACKUP_PROMISE_COUNT; p++) {
        json_array_extend(b->all->findings[p], b->said[p]);
    }
    return 0;
}

static int backups_look_at_rows(struct backups *s, const struct kn_rows *rows, struct kn_error *err)
{
    enum { ID, CONTAINER, SHA256, PLACE };
    int rc = 0;

    for (int i = 0; i < kn_rows_count(rows) && rc == 0; i++) {
        struct backup b = { .all = s,
                            .id = kn_rows_text(rows, i, ID),
                            .place = kn_rows_text(rows, i, PLACE),
                            .container = kn_rows_text(rows, i, CONTAINER),
                            .manifest = kn_rows_text(rows, i, SHA256),
                            .dirs = json_array(),
                            .own = json_object() };

        for (int p = 0; p < BACKUP_PROMISE_COUNT; p++) {
            b.said[p] = json_array();
        }
        backups_look_at(&b);
        rc = backups_judge(&b, err);
        for (int p = 0; p < BACKUP_PROMISE_COUNT; p++) {
            json_decref(b.said[p]);
        }
        json_decref(b.dirs);
        json_decref(b.own);
    }
    return rc;
}

/* --- directories without a row -------------------------------------------------------------------------------------------------- */

static void backups_names_in(const char *container, struct kn_array *ids)
{
    DIR *d = opendir(container);

    if (d == NULL) {
        return;
    }
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        if (kn_uuid_valid(e->d_name)) {
            kn_array_add(ids, e->d_name);
        }
    }
    closedir(d);
}

static int backups_look_for_lone(struct backups *s, const char *container, struct kn_error *err)
{
    static const struct kn_stmt WITHOUT = {
        "audit_backup_lone",
        "SELECT d FROM unnest($1::uuid[]) d WHERE NOT EXISTS (SELECT 1 FROM volume_backup b WHERE coalesce(b.location, b.id) = d)",
        1
    };
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_FREE char *path = kn_asprintf("%s/%s", s->dir, container);

    backups_names_in(path, &ids);
    if (kn_db_run(s->audit->db, &WITHOUT, KN_ARGS(kn_array_value(&ids)), &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        AUTO_FREE char *lone = kn_asprintf("%s/%s", path, kn_rows_text(rows, i, KN_ONLY));

        if (access(lone, F_OK) == 0) {
            json_array_append_new(s->findings[LONE], json_sprintf("%s has no backup", lone));
        }
    }
    return 0;
}

static int backups_look(struct backups *s, struct kn_error *err)
{
    static const struct kn_stmt ALL = {
        "audit_backups",
        "SELECT b.id, b.container, b.manifest, coalesce(b.location, b.id) FROM volume_backup b WHERE " AT_REST
        " ORDER BY b.id",
        0
    };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    int rc = 0;

    if (kn_db_run(s->audit->db, &ALL, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    DIR *d = opendir(s->dir);
    if (d == NULL) {
        for (int p = 0; p < BACKUP_PROMISE_COUNT && (errno != ENOENT || kn_rows_count(rows) > 0); p++) {
            json_array_append_new(s->unjudged[p],
                                  json_sprintf("%s cannot be looked into from here: %s", s->dir, strerror(errno)));
        }
        return 0;
    }
    for (const struct dirent *e; rc == 0 && (e = readdir(d)) != NULL;) {
        rc = e->d_name[0] == '.' ? 0 : backups_look_for_lone(s, e->d_name, err);
    }
    closedir(d);
    return rc < 0 ? -1 : backups_look_at_rows(s, rows, err);
}

int kn_conductor_audit_backups(struct kn_conductor_audit *audit, const struct kn_conf *conf, struct kn_error *err)
{
    struct backups s = { .audit = audit, .dir = conf->volume_backup_dir };

    for (int p = 0; p < BACKUP_PROMISE_COUNT; p++) {
        s.findings[p] = json_array();
        s.unjudged[p] = json_array();
    }
    const int rc = backups_look(&s, err);
    for (int p = 0; p < BACKUP_PROMISE_COUNT; p++) {
        if (rc == 0 && (p != DEEP || audit->is_deep)) {
            kn_conductor_audit_say(audit, kn_conductor_audit_backup_promises[p], s.findings[p], s.unjudged[p]);
        }
        json_decref(s.findings[p]);
        json_decref(s.unjudged[p]);
    }
    return rc;
}
