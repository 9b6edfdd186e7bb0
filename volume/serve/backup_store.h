/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup_store: where backups lie: a row of functions a kind of store. A backup is a directory of objects: chunks, each named by the SHA-256 of its bytes, and the manifest, which is put last. An
 * object is there whole or not at all, whatever kills the process. Every function is an ensure, and is called from any thread, for one backup by one at a time.
 */
#ifndef KN_VOLUME_SERVE_BACKUP_STORE_H
#define KN_VOLUME_SERVE_BACKUP_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/adapter/conf.h"
#include "lib/base/error.h"

#define KN_VOLUME_BACKUP_MANIFEST "manifest"

/* dir: "<container>/<backup>". */
struct kn_volume_backup_store {
    const char *name; /* as its rows have it: volume_backup.store */
    /* NULL, or before anything is put, once: whether the settings say where it is. KN_BAD_REQUEST. */
    int (*start)(const struct kn_conf *conf, struct kn_error *err);
    /* What is put is kept when this returns. One that is there with as many bytes may be left as it is. KN_TOO_LARGE: the store is full. */
    int (*put)(const struct kn_conf *conf, const char *dir, const char *name, const void *bytes, size_t len,
               struct kn_error *err);
    /* Is it there, with so many bytes? What they are nobody looks at. */
    int (*holds)(const struct kn_conf *conf, const char *dir, const char *name, size_t len, bool *ret,
                 struct kn_error *err);
    /* *ret (heap): its bytes, of which nobody has checked anything. KN_NOT_FOUND; KN_TOO_LARGE: more than max. */
    int (*get)(const struct kn_conf *conf, const char *dir, const char *name, size_t max, char **ret, size_t *ret_len,
               struct kn_error *err);
    /* Adds the names of all that is there, halves of objects as well, to an array of texts. */
    int (*list)(const struct kn_conf *conf, const char *dir, json_t *names, struct kn_error *err);
    int (*drop)(const struct kn_conf *conf, const char *dir, const char *name, struct kn_error *err);
    /* Behind the last drop: nothing is left of the directory. */
    int (*end)(const struct kn_conf *conf, const char *dir, struct kn_error *err);
};

extern const struct kn_volume_backup_store kn_volume_backup_store_directory;
extern const struct kn_volume_backup_store kn_volume_backup_store_s3;

/* By its name: volume.backup_driver, volume_backup.store. NULL: there is none. */
const struct kn_volume_backup_store *kn_volume_backup_store_find(const char *name);

#endif
