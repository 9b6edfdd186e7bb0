/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup: the bytes of disks, to a store and back. A disk is read in chunks of a fixed size; zeros are not stored, nor is what the parent has already. What is read back is hashed, and hashed once
 * more where it was written. The rows of backups are read here; of their columns `store` alone is written, before the first byte is.
 */
#ifndef KN_VOLUME_SERVE_BACKUP_H
#define KN_VOLUME_SERVE_BACKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/adapter/conf.h"
#include "lib/adapter/crypto.h"
#include "lib/adapter/db.h"
#include "volume/serve/backup_manifest.h"
#include "volume/serve/backup_store.h"
#include "volume/serve/driver.h"

/* Where a backup is, as its row says. */
struct kn_volume_backup_place {
    const struct kn_volume_backup_store *store; /* NULL: nothing was stored yet */
    char *dir; /* "<container>/<backup>"; of one whose record was imported that of the backup which was exported */
    char manifest[KN_SHA256_HEX]; /* "": it is not whole */
    char *parent; /* NULL: none */
    bool
        is_theirs; /* what lies there is not this backup's to remove: it was never found to be what its record said, or another has it, too */
};
void kn_volume_backup_place_release(struct kn_volume_backup_place *place);

/* KN_NOT_FOUND: there is no such row; KN_INTERNAL: it names a store that is not there. ret is the caller's to release in any case. */
int kn_volume_backup_find(struct kn_db *db, const char *backup, struct kn_volume_backup_place *ret,
                          struct kn_error *err);
/* What it is made of: read, and hashed as its row says. */
int kn_volume_backup_open(const struct kn_conf *conf, const struct kn_volume_backup_place *place,
                          struct kn_volume_backup_manifest *ret, struct kn_error *err);

/*
 * The file `path`, a whole raw disk that nobody writes, is stored as this backup; one that is stored already stays as it is. *ret_objects: its own chunks. KN_TOO_LARGE: the store
 * is full. What was stored of one that fails is left for kn_volume_backup_remove().
 */
int kn_volume_backup_create(const struct kn_conf *conf, struct kn_db *db, const char *backup, const char *path,
                            const struct kn_volume_watch *watch, int64_t *ret_objects, char ret_manifest[KN_SHA256_HEX],
                            struct kn_error *err);
/*
 * Whether all that this backup, whose record was imported, is made of lies where its record says: the manifest with this hash, of a disk of this size, and each chunk, in its own directory or in those of the backup
 * that it builds on. *ret_objects: its own chunks. KN_NOT_FOUND, KN_INTERNAL: it does not. Nothing is changed.
 */
int kn_volume_backup_import(const struct kn_conf *conf, struct kn_db *db, const char *backup, const char *manifest,
                            int64_t size_gib, const struct kn_volume_watch *watch, int64_t *ret_objects,
                            struct kn_error *err);
/* Nothing is left of it, but what is another's. Without a row there is nothing to do. */
int kn_volume_backup_remove(const struct kn_conf *conf, struct kn_db *db, const char *backup,
                            const struct kn_volume_watch *watch, struct kn_error *err);

/* A backup that fills disks. */
struct kn_volume_backup_source {
    const struct kn_conf *conf;
    struct kn_volume_backup_place place;
    struct kn_volume_backup_manifest manifest;
    struct kn_volume_filling filling; /* its own; the source stays where it is */
};
/* ret is the caller's to release in any case. KN_NOT_FOUND, KN_INTERNAL: it is not what its row says. */
int kn_volume_backup_source_open(const struct kn_conf *conf, struct kn_db *db, const char *backup,
                                 struct kn_volume_backup_source *ret, struct kn_error *err);
void kn_volume_backup_source_release(struct kn_volume_backup_source *source);

#endif
