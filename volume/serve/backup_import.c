/* SPDX-License-Identifier: Apache-2.0 */
/* Records that were imported against the store: is all there that they name? What the chunks hold is compared when a volume is restored, as that of every backup. Writes nothing. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "volume/serve/backup.h"
#include "volume/serve/copy.h"

#define GIB (INT64_C(1) << 30)

/* A manifest names what is its own, and what the backup has on which it builds: those rows keep it. What else it names may go at any time, or is another's. */
static int import_judge_dirs(const struct kn_conf *conf, struct kn_db *db, const struct kn_volume_backup_place *place,
                             struct kn_volume_backup_manifest *m, struct kn_error *err)
{
    AUTO_RELEASE(kn_volume_backup_place) struct kn_volume_backup_place parent = { .store = NULL };
    AUTO_RELEASE(kn_volume_backup_manifest)
    struct kn_volume_backup_manifest theirs = KN_VOLUME_BACKUP_MANIFEST_INIT;

    if (strcmp(m->dirs[0], place->dir) != 0) {
        return kn_fail(err, KN_GONE, "the manifest in \"%s\" is of \"%s\"", place->dir, m->dirs[0]);
    }
    if (place->parent != NULL && (kn_volume_backup_find(db, place->parent, &parent, err) < 0 ||
                                  kn_volume_backup_open(conf, &parent, &theirs, err) < 0)) {
        return -1;
    }
    const int known = theirs.dir_count;
    for (int i = 1; i < m->dir_count; i++) {
        if (kn_volume_backup_manifest_dir(&theirs, m->dirs[i]) >= known) {
            return kn_fail(err, KN_GONE, "the manifest in \"%s\" names \"%s\", which the backup does not build on",
                           place->dir, m->dirs[i]);
        }
    }
    return parent.store == NULL || parent.store == place->store
               ? 0
               : kn_fail(err, KN_GONE, "\"%s\" and what it builds on are in different stores", place->dir);
}

static int import_compare(const void *a, const void *b)
{
    const char *const *one = a, *const *other = b;

    return strcmp(*one, *other);
}

/* The same bytes at several places are one chunk. */
static int64_t import_count_own(const struct kn_volume_backup_manifest *m)
{
    AUTO_FREE const char **own = kn_alloc((m->count + 1) * sizeof(*own));
    size_t count = 0;
    int64_t different = 0;

    for (size_t i = 0; i < m->count; i++) {
        if (m->chunks[i].dir == 0) {
            own[count++] = m->chunks[i].sha256;
        }
    }
    qsort(own, count, sizeof(*own), import_compare);
    for (size_t i = 0; i < count; i++) {
        different += i == 0 || strcmp(own[i - 1], own[i]) != 0;
    }
    return different;
}

static int import_look_at_chunks(const struct kn_conf *conf, const struct kn_volume_backup_place *place,
                                 const struct kn_volume_backup_manifest *m, const struct kn_volume_watch *watch,
                                 struct kn_error *err)
{
    for (size_t i = 0; i < m->count; i++) {
        const struct kn_volume_backup_chunk *chunk = &m->chunks[i];
        const int64_t at = chunk->index * m->chunk, len = at + m->chunk < m->size ? m->chunk : m->size - at;
        bool holds = false;

        if (kn_volume_look(watch, at, m->size, err) < 0 ||
            place->store->holds(conf, m->dirs[chunk->dir], chunk->sha256, (size_t)len, &holds, err) < 0) {
            return -1;
        }
        if (!holds) {
            return kn_fail(err, KN_GONE, "\"%s\" has lost the chunk %s", m->dirs[chunk->dir], chunk->sha256);
        }
    }
    return 0;
}

/* A record may come from a cloud that has another store. */
static int import_judge_store(const struct kn_conf *conf, const struct kn_volume_backup_place *place,
                              struct kn_error *err)
{
    struct kn_error why = { 0 };

    return place->store == NULL || place->store->start == NULL || place->store->start(conf, &why) == 0
               ? 0
               : kn_fail(err, KN_NOT_IMPLEMENTED, "the record is of a store of the kind %s: %s", place->store->name,
                         why.message);
}

int kn_volume_backup_import(const struct kn_conf *conf, struct kn_db *db, const char *backup, const char *manifest,
                            int64_t size_gib, const struct kn_volume_watch *watch, int64_t *ret_objects,
                            struct kn_error *err)
{
    AUTO_RELEASE(kn_volume_backup_place) struct kn_volume_backup_place place = { .store = NULL };
    AUTO_RELEASE(kn_volume_backup_manifest) struct kn_volume_backup_manifest m = KN_VOLUME_BACKUP_MANIFEST_INIT;

    if (kn_volume_backup_find(db, backup, &place, err) < 0 || import_judge_store(conf, &place, err) < 0) {
        return -1;
    }
    kn_copy(place.manifest, sizeof(place.manifest), manifest); /* the row has it when it was found to be true */
    if (kn_volume_backup_open(conf, &place, &m, err) < 0 || import_judge_dirs(conf, db, &place, &m, err) < 0) {
        return -1;
    }
    if ((m.size + GIB - 1) / GIB != size_gib) {
        return kn_fail(err, KN_GONE, "the backup in \"%s\" is of %lld bytes, not of %lld GiB", place.dir,
                       (long long)m.size, (long long)size_gib);
    }
    *ret_objects = import_count_own(&m);
    return import_look_at_chunks(conf, &place, &m, watch, err);
}
