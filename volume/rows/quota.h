/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quota: how much of what a project may have. Limits are rows of `volume_quota` or the defaults of the table; usage is
 * `volume_usage`, which changes in the same transaction as the volumes it counts.
 */
#ifndef KN_VOLUME_ROWS_QUOTA_H
#define KN_VOLUME_ROWS_QUOTA_H

#include <stdint.h>

#include "lib/adapter/db.h"
#include "lib/base/error.h"

/* X(id, name, default limit): what Cinder's quota sets hold. -1 = unlimited. */
#define KN_VOLUME_QUOTAS(X)                                     \
    X(KN_VOLUME_QUOTA_VOLUMES, "volumes", 10)                   \
    X(KN_VOLUME_QUOTA_SNAPSHOTS, "snapshots", 10)               \
    X(KN_VOLUME_QUOTA_GIGABYTES, "gigabytes", 1000)             \
    X(KN_VOLUME_QUOTA_BACKUPS, "backups", 10)                   \
    X(KN_VOLUME_QUOTA_BACKUP_GIGABYTES, "backup_gigabytes", 1000) \
    X(KN_VOLUME_QUOTA_PER_VOLUME, "per_volume_gigabytes", -1)   \
    X(KN_VOLUME_QUOTA_GROUPS, "groups", 10)                     \
    X(KN_VOLUME_QUOTA_TYPE_VOLUMES, "volumes_file", -1)         \
    X(KN_VOLUME_QUOTA_TYPE_SNAPSHOTS, "snapshots_file", -1)     \
    X(KN_VOLUME_QUOTA_TYPE_GIGABYTES, "gigabytes_file", -1)

enum kn_volume_quota {
#define X(id, name, dflt) id,
    KN_VOLUME_QUOTAS(X)
#undef X
        KN_VOLUME_QUOTA_COUNT
};

struct kn_volume_quotas {
    int64_t limits[KN_VOLUME_QUOTA_COUNT];
    int64_t in_use[KN_VOLUME_QUOTA_COUNT];
};

extern const char *const kn_volume_quota_names[KN_VOLUME_QUOTA_COUNT];

void kn_volume_quota_defaults(struct kn_volume_quotas *ret);
int kn_volume_quota_read(struct kn_db *db, const char *project, struct kn_volume_quotas *ret, struct kn_error *err);
int kn_volume_quota_write(struct kn_db *db, const char *project, enum kn_volume_quota quota, int64_t limit,
                          struct kn_error *err);
int kn_volume_quota_reset(struct kn_db *db, const char *project, struct kn_error *err);
/*
 * Counts one more volume, inside the transaction that writes it; projects' volumes are counted one after another.
 * KN_TOO_LARGE, in Cinder's words: more than the limits allow.
 */
int kn_volume_quota_take(struct kn_db *db, const char *project, int64_t size_gib, struct kn_error *err);

#endif
