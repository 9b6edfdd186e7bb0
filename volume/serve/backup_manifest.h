/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup_manifest: what a backup is made of, as a text: every chunk of the disk that is not zeros, by the SHA-256 of its bytes, and which backup stores it. An incremental backup's names its ancestors' chunks as
 * well, so one manifest is all that restoring needs. Pure.
 *
 *   kilonova-backup 1
 *   size 1073741824
 *   chunk 4194304
 *   in volumebackups/<backup>          each directory that is used, its own first: number 0
 *   17 <64 hex digits> 0               chunk 17, and the number of its directory; in order
 *   end 1                              how many chunks
 */
#ifndef KN_VOLUME_SERVE_BACKUP_MANIFEST_H
#define KN_VOLUME_SERVE_BACKUP_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#include "lib/adapter/crypto.h"
#include "lib/base/error.h"
#include "lib/base/strbuf.h"

#define KN_VOLUME_BACKUP_DIRS 1024 /* a chain is no longer */

struct kn_volume_backup_chunk {
    int64_t index;
    int dir; /* of the manifest's */
    char sha256[KN_SHA256_HEX];
};

struct kn_volume_backup_manifest {
    int64_t size; /* of the disk, in bytes */
    int64_t chunk; /* bytes; the last one may be shorter */
    char **dirs;
    int dir_count;
    struct kn_volume_backup_chunk *chunks; /* by index, upwards */
    size_t count;
    size_t room; /* of chunks */
};

#define KN_VOLUME_BACKUP_MANIFEST_INIT \
    { \
        .size = 0 \
    }
void kn_volume_backup_manifest_release(struct kn_volume_backup_manifest *m);
/* The number of a directory, which is added if it is new. */
int kn_volume_backup_manifest_dir(struct kn_volume_backup_manifest *m, const char *dir);
/* Behind those that are there. */
void kn_volume_backup_manifest_add(struct kn_volume_backup_manifest *m, int64_t index, const char *sha256, int dir);
/* NULL: that chunk is zeros. *at: where to look from, 0 at first; it moves upwards with the index. */
const struct kn_volume_backup_chunk *kn_volume_backup_manifest_find(const struct kn_volume_backup_manifest *m,
                                                                    int64_t index, size_t *at);
void kn_volume_backup_manifest_write(const struct kn_volume_backup_manifest *m, struct kn_strbuf *out);
/* text: as long as len, ended by a NUL. KN_INTERNAL: it is no manifest. ret is empty at first, and the caller's to release in any case. */
int kn_volume_backup_manifest_read(const char *text, size_t len, struct kn_volume_backup_manifest *ret,
                                   struct kn_error *err);

#endif
