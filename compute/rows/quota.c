/* SPDX-License-Identifier: Apache-2.0 */
/* The SQL of limits and usage. Usage is read here and written by server_insert.c and the conductor, never anywhere else. */
#include "compute/rows/quota.h"

#include <string.h>

#include "lib/adapter/quota_change.h"

const struct kn_quota_row kn_quota_rows[KN_QUOTA_COUNT] = {
#define X(id, name, dflt, until) [id] = { name, dflt, until },
    KN_QUOTAS(X)
#undef X
};

static const struct kn_stmt LIMITS = { "quota_limits",
    "SELECT resource, hard_limit FROM compute_quota WHERE project_id = $1", 1 };
static const struct kn_stmt USAGE = { "quota_usage",
    "SELECT instances, cores, ram_mib FROM compute_usage WHERE project_id = $1", 1 };
static const struct kn_stmt WRITE = { "quota_write",
    KN_QUOTA_CHANGES "INSERT INTO compute_quota (project_id, resource, hard_limit) VALUES ($1, $2, $3::integer) "
    "ON CONFLICT (project_id, resource) DO UPDATE SET hard_limit = excluded.hard_limit", 3 };
static const struct kn_stmt RESET = { "quota_reset", KN_QUOTA_CHANGES "DELETE FROM compute_quota WHERE project_id = $1", 1 };

void kn_quota_defaults(struct kn_quota_set *ret)
{
    memset(ret, 0, sizeof(*ret));
    for (int q = 0; q < KN_QUOTA_COUNT; q++) {
        ret->limits[q] = kn_quota_rows[q].dflt;
    }
}

static void take_limit(struct kn_quota_set *set, const char *resource, int64_t limit)
{
    for (int q = 0; q < KN_QUOTA_COUNT; q++) {
        if (strcmp(kn_quota_rows[q].name, resource) == 0) {
            set->limits[q] = limit;
        }
    }
}

int kn_quota_read(struct kn_db *db, const char *project, struct kn_quota_set *ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *limits = NULL;
    AUTO(kn_rows) struct kn_rows *usage = NULL;
    struct kn_quota_set set;

    if (kn_db_run(db, &LIMITS, KN_ARGS(project), &limits, err) < 0 ||
        kn_db_run(db, &USAGE, KN_ARGS(project), &usage, err) < 0) {
        return -1;
    }
    kn_quota_defaults(&set);
    for (int row = 0; row < kn_rows_count(limits); row++) {
        take_limit(&set, kn_rows_text(limits, row, 0), kn_rows_int(limits, row, 1));
    }
    if (kn_rows_count(usage) > 0) {
        set.in_use[KN_QUOTA_INSTANCES] = kn_rows_int(usage, 0, 0);
        set.in_use[KN_QUOTA_CORES] = kn_rows_int(usage, 0, 1);
        set.in_use[KN_QUOTA_RAM] = kn_rows_int(usage, 0, 2);
    }
    *ret = set;
    return 0;
}

int kn_quota_write(struct kn_db *db, const char *project, enum kn_quota quota, int64_t limit, struct kn_error *err)
{
    struct kn_arg number;

    return kn_db_run(db, &WRITE, KN_ARGS(project, kn_quota_rows[quota].name, kn_arg_int(&number, limit)), NULL, err);
}

int kn_quota_reset(struct kn_db *db, const char *project, struct kn_error *err)
{
    return kn_db_run(db, &RESET, KN_ARGS(project), NULL, err);
}
