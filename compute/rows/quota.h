/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quota: what a project may have and what it has. Limits are rows of `compute_quota` or the defaults of the table below; usage
 * is `compute_usage`, changed in the transaction that makes or deletes a server, so that it always equals what exists.
 */
#ifndef KN_COMPUTE_ROWS_QUOTA_H
#define KN_COMPUTE_ROWS_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/adapter/db.h"

/* X(id, name, default, last microversion that shows it (0 = all)) */
#define KN_QUOTAS(X)                                                                \
    X(KN_QUOTA_INSTANCES, "instances", 10, 0)                                       \
    X(KN_QUOTA_CORES, "cores", 20, 0)                                               \
    X(KN_QUOTA_RAM, "ram", 51200, 0)                                                \
    X(KN_QUOTA_METADATA, "metadata_items", 128, 0)                                  \
    X(KN_QUOTA_KEY_PAIRS, "key_pairs", 100, 0)                                      \
    X(KN_QUOTA_SERVER_GROUPS, "server_groups", 10, 0)                               \
    X(KN_QUOTA_GROUP_MEMBERS, "server_group_members", 10, 0)                        \
    X(KN_QUOTA_FILES, "injected_files", 5, 56)                                      \
    X(KN_QUOTA_FILE_BYTES, "injected_file_content_bytes", 10240, 56)                \
    X(KN_QUOTA_PATH_BYTES, "injected_file_path_bytes", 255, 56)                     \
    X(KN_QUOTA_FIXED_IPS, "fixed_ips", -1, 35)                                      \
    X(KN_QUOTA_FLOATING_IPS, "floating_ips", -1, 35)                                \
    X(KN_QUOTA_GROUPS, "security_groups", -1, 35)                                   \
    X(KN_QUOTA_GROUP_RULES, "security_group_rules", -1, 35)

enum kn_quota {
#define X(id, name, dflt, until) id,
    KN_QUOTAS(X)
#undef X
        KN_QUOTA_COUNT
};

struct kn_quota_row {
    const char *name;
    int64_t dflt;
    int until; /* last minor microversion that shows it, 0 = no end */
};
extern const struct kn_quota_row kn_quota_rows[KN_QUOTA_COUNT];

/* limits: -1 = unlimited; in_use: 0 for what nobody counts. */
struct kn_quota_set {
    int64_t limits[KN_QUOTA_COUNT];
    int64_t in_use[KN_QUOTA_COUNT];
};

/* kn_quota_rows[].dflt as limits, nothing in use. */
void kn_quota_defaults(struct kn_quota_set *ret);
int kn_quota_read(struct kn_db *db, const char *project, struct kn_quota_set *ret, struct kn_error *err);
int kn_quota_write(struct kn_db *db, const char *project, enum kn_quota quota, int64_t limit, struct kn_error *err);
int kn_quota_reset(struct kn_db *db, const char *project, struct kn_error *err);

#endif
