/* SPDX-License-Identifier: Apache-2.0 */
/* Storing disks and filling them again. The manifest is put last, and dropped first: whatever has one is whole. */
#include "volume/serve/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "volume/serve/copy.h"

#define MANIFEST_MOST (INT64_C(1) << 30)
#define MIB (INT64_C(1) << 20)

void kn_volume_backup_place_release(struct kn_volume_backup_place *place)
{
    free(place->dir);
    free(place->parent);
    *place = (struct kn_volume_backup_place){ .store = NULL };
}

int kn_volume_backup_find(struct kn_db *db, const char *backup, struct kn_volume_backup_place *ret,
                          struct kn_error *err)
{
    static const struct kn_stmt FIND = {
        "backup_find",
        "SELECT b.container, b.store, b.manifest, b.parent_id, coalesce(b.location, b.id), (b.location IS NOT NULL AND b.manifest IS NULL) OR EXISTS "
        "(SELECT FROM volume_backup o WHERE coalesce(o.location, o.id) = coalesce(b.location, b.id) AND o.id <> b.id AND o.container = b.container "
        "AND o.store = b.store AND o.manifest IS NOT NULL AND o.status <> 'deleting') FROM volume_backup b WHERE b.id = $1",
        1
    };
    enum { CONTAINER, STORE, MANIFEST, PARENT, LOCATION, IS_THEIRS };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &FIND, KN_ARGS(backup), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "backup \"%s\" does not exist", backup);
    }
    const char *store = kn_rows_str(rows, 0, STORE), *parent = kn_rows_str(rows, 0, PARENT);
    ret->store = store != NULL ? kn_volume_backup_store_find(store) : NULL;
    ret->dir = kn_asprintf("%s/%s", kn_rows_text(rows, 0, CONTAINER), kn_rows_text(rows, 0, LOCATION));
    ret->is_theirs = kn_rows_bool(rows, 0, IS_THEIRS);
    ret->parent = parent != NULL ? kn_strdup(parent) : NULL;
    kn_copy(ret->manifest, sizeof(ret->manifest), kn_rows_text(rows, 0, MANIFEST));
    return store == NULL || ret->store != NULL
               ? 0
               : kn_fail(err, KN_INTERNAL, "backup \"%s\" is in a store of the kind \"%s\", which is not there", backup,
                         store);
}

/* The text of its manifest and the hash of that, which nobody has compared yet. */
static int backup_fetch_manifest(const struct kn_conf *conf, const struct kn_volume_backup_place *place,
                                 char **ret_text, size_t *ret_len, char ret_sha256[KN_SHA256_HEX], struct kn_error *err)
{
    if (place->store->get(conf, place->dir, KN_VOLUME_BACKUP_MANIFEST, MANIFEST_MOST, ret_text, ret_len, err) < 0) {
        return -1;
    }
    kn_sha256_hex(*ret_text, *ret_len, ret_sha256);
    return 0;
}

/* What the store does not have although it was stored there is gone, like what is damaged: whoever asks for it again gets no more. */
static int backup_gone(struct kn_error *err)
{
    err->code = err->code == KN_NOT_FOUND ? KN_GONE : err->code;
    return -1;
}

int kn_volume_backup_open(const struct kn_conf *conf, const struct kn_volume_backup_place *place,
                          struct kn_volume_backup_manifest *ret, struct kn_error *err)
{
    AUTO_FREE char *text = NULL;
    char sha256[KN_SHA256_HEX];
    size_t len = 0;

    if (place->store == NULL || place->manifest[0] == '\0') {
        return kn_fail(err, KN_INTERNAL, "the backup \"%s\" is not whole", place->dir);
    }
    if (backup_fetch_manifest(conf, place, &text, &len, sha256, err) < 0) {
        return backup_gone(err);
    }
    return strcmp(sha256, place->manifest) == 0
               ? kn_volume_backup_manifest_read(text, len, ret, err)
               : kn_fail(err, KN_GONE, "the manifest of the backup \"%s\" is not the one that was stored", place->dir);
}

/* --- storing ---------------------------------------------------------------------------------------------------------------- */

/* A disk on its way into the store. */
struct backup_storing {
    const struct kn_conf *conf;
    const struct kn_volume_watch *watch;
    const struct kn_volume_backup_place *place;
    const char *path;
    int fd;
    int64_t next_data; /* before it, from where we are, there is none */
    char *piece; /* of a chunk's size */
    struct kn_volume_backup_manifest parent; /* empty: none */
    size_t parent_at;
    int parent_dirs[KN_VOLUME_BACKUP_DIRS]; /* our number of each of its */
    struct kn_volume_backup_manifest manifest;
};

static bool backup_is_zero(const char *bytes, size_t len)
{
    return len == 0 || (bytes[0] == '\0' && memcmp(bytes, bytes + 1, len - 1) == 0);
}

/* Whether there may be anything but zeros in what begins here. */
static bool backup_has_data(struct backup_storing *s, int64_t at, int64_t end)
{
    if (s->next_data < at) {
        s->next_data = lseek(s->fd, at, SEEK_DATA);
        s->next_data = s->next_data < 0 ? (errno == ENXIO ? INT64_MAX : at) : s->next_data;
    }
    return s->next_data < end;
}

static int backup_read(int fd, const char *path, char *bytes, size_t len, int64_t at, struct kn_error *err)
{
    for (size_t done = 0; done < len;) {
        const ssize_t n = pread(fd, bytes + done, len - done, at + (int64_t)done);

        if (n == 0 || (n < 0 && errno != EINTR)) {
            return kn_fail(err, KN_INTERNAL, "cannot read \"%s\": %s", path,
                           n == 0 ? "it became shorter" : strerror(errno));
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* Whether the chain has this chunk: what it has lost is stored again. */
static int backup_is_stored(const struct backup_storing *s, const struct kn_volume_backup_chunk *old,
                            const char *sha256, size_t len, bool *ret, struct kn_error *err)
{
    *ret = false;
    return old == NULL || strcmp(old->sha256, sha256) != 0
               ? 0
               : s->place->store->holds(s->conf, s->parent.dirs[old->dir], sha256, len, ret, err);
}

static int backup_store_chunk(struct backup_storing *s, int64_t index, size_t len, struct kn_error *err)
{
    const struct kn_volume_backup_chunk *old = kn_volume_backup_manifest_find(&s->parent, index, &s->parent_at);
    char sha256[KN_SHA256_HEX];
    bool is_stored = false;

    if (backup_is_zero(s->piece, len)) {
        return 0;
    }
    kn_sha256_hex(s->piece, len, sha256);
    if (backup_is_stored(s, old, sha256, len, &is_stored, err) < 0) {
        return -1;
    }
    if (is_stored) {
        int *dir = &s->parent_dirs[old->dir];

        *dir = *dir == 0 ? kn_volume_backup_manifest_dir(&s->manifest, s->parent.dirs[old->dir]) : *dir;
        kn_volume_backup_manifest_add(&s->manifest, index, sha256, *dir);
        return 0;
    }
    kn_volume_backup_manifest_add(&s->manifest, index, sha256, 0);
    return s->place->store->put(s->conf, s->place->dir, sha256, s->piece, len, err);
}

static int backup_store_chunks(struct backup_storing *s, struct kn_error *err)
{
    const int64_t size = s->manifest.size, chunk = s->manifest.chunk;

    for (int64_t at = 0, index = 0; at < size; at += chunk, index++) {
        const int64_t end = at + chunk < size ? at + chunk : size;

        if (!backup_has_data(s, at, end)) {
            continue;
        }
        if (kn_volume_look(s->watch, at, size, err) < 0 ||
            backup_read(s->fd, s->path, s->piece, (size_t)(end - at), at, err) < 0 ||
            backup_store_chunk(s, index, (size_t)(end - at), err) < 0) {
            return -1;
        }
    }
    return s->manifest.dir_count <= KN_VOLUME_BACKUP_DIRS
               ? 0
               : kn_fail(err, KN_CONFLICT, "the chain of backups is too long: make one that is not incremental");
}

static int backup_compare(const void *a, const void *b)
{
    const char *const *one = a, *const *other = b;

    return strcmp(*one, *other);
}

/* What an earlier attempt has put and the manifest does not name goes; what is there beside is counted. */
static int backup_tidy(const struct kn_conf *conf, const struct kn_volume_backup_place *place,
                       const struct kn_volume_backup_manifest *m, int64_t *ret_objects, struct kn_error *err)
{
    AUTO_FREE const char **own = kn_alloc((m->count + 1) * sizeof(*own));
    json_auto_t *names = json_array();
    size_t count = 0, i;
    json_t *value;

    for (size_t c = 0; c < m->count; c++) {
        if (m->chunks[c].dir == 0) {
            own[count++] = m->chunks[c].sha256;
        }
    }
    qsort(own, count, sizeof(*own), backup_compare);
    if (place->store->list(conf, place->dir, names, err) < 0) {
        return -1;
    }
    *ret_objects = 0;
    json_array_foreach (names, i, value) {
        const char *name = json_string_value(value);

        if (bsearch(&name, own, count, sizeof(*own), backup_compare) != NULL) {
            ++*ret_objects;
        } else if (strcmp(name, KN_VOLUME_BACKUP_MANIFEST) != 0 &&
                   place->store->drop(conf, place->dir, name, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int backup_store_manifest(struct backup_storing *s, int64_t *ret_objects, char ret_sha256[KN_SHA256_HEX],
                                 struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;

    if (backup_tidy(s->conf, s->place, &s->manifest, ret_objects, err) < 0 ||
        (s->watch != NULL && s->watch->wanted(s->watch->ctx, err) < 0)) {
        return -1;
    }
    kn_volume_backup_manifest_write(&s->manifest, &text);
    kn_sha256_hex(text.buf, text.len, ret_sha256);
    return s->place->store->put(s->conf, s->place->dir, KN_VOLUME_BACKUP_MANIFEST, text.buf, text.len, err);
}

/* The parent's manifest, if it has one, and with it the size of chunks. */
static int backup_open_parent(struct kn_db *db, struct backup_storing *s, struct kn_error *err)
{
    AUTO_RELEASE(kn_volume_backup_place) struct kn_volume_backup_place parent = { .store = NULL };

    s->manifest.chunk = s->conf->volume_backup_chunk_mib * MIB;
    if (s->place->parent == NULL) {
        return 0;
    }
    if (kn_volume_backup_find(db, s->place->parent, &parent, err) < 0 ||
        kn_volume_backup_open(s->conf, &parent, &s->parent, err) < 0) {
        return -1;
    }
    s->manifest.chunk = s->parent.chunk;
    return 0;
}

static int backup_store_all(struct kn_db *db, struct backup_storing *s, int64_t *ret_objects,
                            char ret_sha256[KN_SHA256_HEX], struct kn_error *err)
{
    struct stat st;

    s->fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (s->fd < 0 || fstat(s->fd, &st) < 0) {
        return kn_fail(err, KN_INTERNAL, "cannot open \"%s\": %s", s->path, strerror(errno));
    }
    if (backup_open_parent(db, s, err) < 0) {
        return -1;
    }
    s->manifest.size = st.st_size;
    s->piece = kn_alloc((size_t)s->manifest.chunk);
    kn_volume_backup_manifest_dir(&s->manifest, s->place->dir);
    return backup_store_chunks(s, err) < 0 ? -1 : backup_store_manifest(s, ret_objects, ret_sha256, err);
}

/* As its row has it already, else where its parent is, else where new ones go; the row has it from now on. */
static int backup_settle_store(const struct kn_conf *conf, struct kn_db *db, const char *backup,
                               struct kn_volume_backup_place *ret, struct kn_error *err)
{
    static const struct kn_stmt SETTLE = {
        "backup_settle_store",
        "UPDATE volume_backup b SET store = coalesce((SELECT p.store FROM volume_backup p WHERE p.id = b.parent_id), $2) "
        "WHERE b.id = $1 AND b.store IS NULL",
        2
    };

    if (kn_db_run(db, &SETTLE, KN_ARGS(backup, conf->volume_backup_driver), NULL, err) < 0 ||
        kn_volume_backup_find(db, backup, ret, err) < 0) {
        return -1;
    }
    return ret->store != NULL ? 0 : kn_fail(err, KN_INTERNAL, "backup \"%s\" is in no store", backup);
}

/* It was stored before, and the answer was lost: whatever has a manifest is whole. KN_NOT_FOUND: it was not. */
static int backup_find_stored(const struct kn_conf *conf, const struct kn_volume_backup_place *place,
                              int64_t *ret_objects, char ret_sha256[KN_SHA256_HEX], struct kn_error *err)
{
    AUTO_RELEASE(kn_volume_backup_manifest) struct kn_volume_backup_manifest m = KN_VOLUME_BACKUP_MANIFEST_INIT;
    AUTO_FREE char *text = NULL;
    size_t len = 0;

    return backup_fetch_manifest(conf, place, &text, &len, ret_sha256, err) < 0 ||
                   kn_volume_backup_manifest_read(text, len, &m, err) < 0
               ? -1
               : backup_tidy(conf, place, &m, ret_objects, err);
}

int kn_volume_backup_create(const struct kn_conf *conf, struct kn_db *db, const char *backup, const char *path,
                            const struct kn_volume_watch *watch, int64_t *ret_objects, char ret_manifest[KN_SHA256_HEX],
                            struct kn_error *err)
{
    AUTO_RELEASE(kn_volume_backup_place) struct kn_volume_backup_place place = { .store = NULL };
    struct kn_error absent = { 0 };

    if (backup_settle_store(conf, db, backup, &place, err) < 0) {
        return -1;
    }
    if (backup_find_stored(conf, &place, ret_objects, ret_manifest, &absent) == 0) {
        return 0;
    }
    if (absent.code != KN_NOT_FOUND) {
        *err = absent;
        return -1;
    }
    AUTO_FREE struct backup_storing *s = KN_NEW(struct backup_storing);
    *s = (struct backup_storing){
        .conf = conf, .watch = watch, .place = &place, .path = path, .fd = -1, .next_data = -1
    };
    const int rc = backup_store_all(db, s, ret_objects, ret_manifest, err);
    if (s->fd >= 0) {
        close(s->fd);
    }
    free(s->piece);
    kn_volume_backup_manifest_release(&s->parent);
    kn_volume_backup_manifest_release(&s->manifest);
    return rc;
}

int kn_volume_backup_remove(const struct kn_conf *conf, struct kn_db *db, const char *backup,
                            const struct kn_volume_watch *watch, struct kn_error *err)
{
    AUTO_RELEASE(kn_volume_backup_place) struct kn_volume_backup_place place = { .store = NULL };
    json_auto_t *names = json_array();
    struct kn_error absent = { 0 };
    size_t i;
    json_t *name;

    if (kn_volume_backup_find(db, backup, &place, &absent) < 0) {
        *err = absent;
        return absent.code == KN_NOT_FOUND ? 0 : -1;
    }
    if (watch != NULL && watch->wanted(watch->ctx, err) < 0) {
        return -1;
    }
    if (place.store == NULL || place.is_theirs) {
        return 0;
    }
    if (place.store->drop(conf, place.dir, KN_VOLUME_BACKUP_MANIFEST, err) < 0 ||
        place.store->list(conf, place.dir, names, err) < 0) {
        return -1;
    }
    json_array_foreach (names, i, name) {
        if (kn_volume_look(watch, (int64_t)i, (int64_t)json_array_size(names), err) < 0 ||
            place.store->drop(conf, place.dir, json_string_value(name), err) < 0) {
            return -1;
        }
    }
    return place.store->end(conf, place.dir, err);
}

/* --- filling ---------------------------------------------------------------------------------------------------------------- */

static int64_t backup_chunk_len(const struct kn_volume_backup_manifest *m, int64_t at)
{
    return at + m->chunk < m->size ? m->chunk : m->size - at;
}

static int backup_fill_chunk(const struct kn_volume_backup_source *source, const struct kn_volume_backup_chunk *chunk,
                             int fd, struct kn_error *err)
{
    const int64_t at = chunk->index * source->manifest.chunk;
    const size_t wanted = (size_t)backup_chunk_len(&source->manifest, at);
    const char *dir = source->manifest.dirs[chunk->dir];
    AUTO_FREE char *bytes = NULL;
    char sha256[KN_SHA256_HEX];
    size_t len = 0;

    if (source->place.store->get(source->conf, dir, chunk->sha256, wanted, &bytes, &len, err) < 0) {
        return backup_gone(err);
    }
    kn_sha256_hex(bytes, len, sha256);
    if (len != wanted || strcmp(sha256, chunk->sha256) != 0) {
        return kn_fail(err, KN_GONE, "the chunk %s of \"%s\" is not what was stored", chunk->sha256, dir);
    }
    for (size_t done = 0; done < len;) {
        const ssize_t n = pwrite(fd, bytes + done, len - done, at + (int64_t)done);

        if (n < 0 && errno != EINTR) {
            return kn_fail(err, errno == ENOSPC || errno == EDQUOT ? KN_TOO_LARGE : KN_INTERNAL,
                           "cannot write a disk: %s", strerror(errno));
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* What the disk holds now, from the platter where that can be had: chunk by chunk, and nothing but zeros between them. */
static int backup_verify(const struct kn_volume_backup_source *source, int fd, const struct kn_volume_watch *watch,
                         struct kn_error *err)
{
    const struct kn_volume_backup_manifest *m = &source->manifest;
    AUTO_FREE char *piece = kn_alloc((size_t)m->chunk);
    struct backup_storing holes = { .fd = fd, .next_data = -1 };
    char sha256[KN_SHA256_HEX];
    size_t place = 0;

    if (fsync(fd) < 0) {
        return kn_fail(err, errno == ENOSPC || errno == EDQUOT ? KN_TOO_LARGE : KN_INTERNAL, "cannot write a disk: %s",
                       strerror(errno));
    }
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    for (int64_t at = 0, index = 0; at < m->size; at += m->chunk, index++) {
        const struct kn_volume_backup_chunk *chunk = kn_volume_backup_manifest_find(m, index, &place);
        const size_t len = (size_t)backup_chunk_len(m, at);

        if (chunk == NULL && !backup_has_data(&holes, at, at + (int64_t)len)) {
            continue;
        }
        if (kn_volume_look(watch, at, m->size, err) < 0 || backup_read(fd, "the new disk", piece, len, at, err) < 0) {
            return -1;
        }
        kn_sha256_hex(piece, len, sha256);
        if (chunk == NULL ? !backup_is_zero(piece, len) : strcmp(sha256, chunk->sha256) != 0) {
            return kn_fail(err, KN_INTERNAL, "what was written of \"%s\" is not what is read, at byte %lld",
                           source->place.dir, (long long)at);
        }
    }
    return 0;
}

/* kn_volume_filling: ctx = the source. */
static int backup_fill(void *ctx, int fd, const struct kn_volume_watch *watch, struct kn_error *err)
{
    const struct kn_volume_backup_source *source = ctx;
    const struct kn_volume_backup_manifest *m = &source->manifest;

    if (ftruncate(fd, m->size) < 0) {
        return kn_fail(err, KN_TOO_LARGE, "cannot make a disk of %lld bytes: %s", (long long)m->size, strerror(errno));
    }
    for (size_t i = 0; i < m->count; i++) {
        if (kn_volume_look(watch, m->chunks[i].index * m->chunk, m->size, err) < 0 ||
            backup_fill_chunk(source, &m->chunks[i], fd, err) < 0) {
            return -1;
        }
    }
    return backup_verify(source, fd, watch, err);
}

int kn_volume_backup_source_open(const struct kn_conf *conf, struct kn_db *db, const char *backup,
                                 struct kn_volume_backup_source *ret, struct kn_error *err)
{
    ret->conf = conf;
    ret->filling = (struct kn_volume_filling){ backup_fill, ret };
    return kn_volume_backup_find(db, backup, &ret->place, err) < 0
               ? -1
               : kn_volume_backup_open(conf, &ret->place, &ret->manifest, err);
}

void kn_volume_backup_source_release(struct kn_volume_backup_source *source)
{
    kn_volume_backup_place_release(&source->place);
    kn_volume_backup_manifest_release(&source->manifest);
}
