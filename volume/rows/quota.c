/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of volume_quota and volume_usage. Usage is given back by the conductor, in the statement that drops the volume. */
#include "volume/rows/quota.h"

#include <string.h>

#include "lib/adapter/quota_change.h"
#include "lib/base/cleanup.h"

const char *const kn_volume_quota_names[KN_VOLUME_QUOTA_COUNT] = {
#define X(id, name, dflt) name,
    KN_VOLUME_QUOTAS(X)
#undef X
};

void kn_volume_quota_defaults(struct kn_volume_quotas *ret)
{
    static const struct kn_volume_quotas DEFAULTS = { .limits = {
#define X(id, name, dflt) dflt,
        KN_VOLUME_QUOTAS(X)
#undef X
    } };

    *ret = DEFAULTS;
}

static void set_limit(struct kn_volume_quotas *q, const char *name, int64_t limit)
{
    for (int i = 0; i < KN_VOLUME_QUOTA_COUNT; i++) {
        if (strcmp(kn_volume_quota_names[i], name) == 0) {
            q->limits[i] = limit;
        }
    }
}

int kn_volume_quota_read(struct kn_db *db, const char *project, struct kn_volume_quotas *ret, struct kn_error *err)
{
    static const struct kn_stmt LIMITS = {
        "volume_quota_limits", "SELECT resource, hard_limit FROM volume_quota WHERE project_id = $1", 1
    };
    static const struct kn_stmt USAGE = {
        "volume_quota_usage", "SELECT volumes, gigabytes FROM volume_usage WHERE project_id = $1", 1
    };
    AUTO(kn_rows) struct kn_rows *limits = NULL;
    AUTO(kn_rows) struct kn_rows *usage = NULL;
    struct kn_volume_quotas q;

    if (kn_db_run(db, &LIMITS, KN_ARGS(project), &limits, err) < 0 ||
        kn_db_run(db, &USAGE, KN_ARGS(project), &usage, err) < 0) {
        return -1;
    }
    kn_volume_quota_defaults(&q);
    for (int i = 0; i < kn_rows_count(limits); i++) {
        set_limit(&q, kn_rows_text(limits, i, 0), kn_rows_int(limits, i, 1));
    }
    if (kn_rows_count(usage) > 0) {
        q.in_use[KN_VOLUME_QUOTA_VOLUMES] = q.in_use[KN_VOLUME_QUOTA_TYPE_VOLUMES] = kn_rows_int(usage, 0, 0);
        q.in_use[KN_VOLUME_QUOTA_GIGABYTES] = q.in_use[KN_VOLUME_QUOTA_TYPE_GIGABYTES] = kn_rows_int(usage, 0, 1);
    }
    *ret = q;
    return 0;
}

int kn_volume_quota_write(struct kn_db *db, const char *project, enum kn_volume_quota quota, int64_t limit,
                          struct kn_error *err)
{
    static const struct kn_stmt WRITE = {
        "volume_quota_write",
        KN_QUOTA_CHANGES "INSERT INTO volume_quota (project_id, resource, hard_limit) VALUES ($1, $2, $3) "
        "ON CONFLICT (project_id, resource) DO UPDATE SET hard_limit = excluded.hard_limit", 3
    };
    struct kn_arg text;

    return kn_db_run(db, &WRITE, KN_ARGS(project, kn_volume_quota_names[quota], kn_arg_int(&text, limit)), NULL, err);
}

int kn_volume_quota_reset(struct kn_db *db, const char *project, struct kn_error *err)
{
    static const struct kn_stmt RESET = { "volume_quota_reset", KN_QUOTA_CHANGES "DELETE FROM volume_quota WHERE project_id = $1", 1 };

    return kn_db_run(db, &RESET, KN_ARGS(project), NULL, err);
}

/* The usage after `asked` more against the limit. */
static bool exceeds(const struct kn_volume_quotas *q, enum kn_volume_quota quota)
{
    return q->limits[quota] >= 0 && q->in_use[quota] > q->limits[quota];
}

static int check(const struct kn_volume_quotas *q, int64_t size_gib, struct kn_error *err)
{
    const int64_t per_volume = q->limits[KN_VOLUME_QUOTA_PER_VOLUME];

    if (per_volume >= 0 && size_gib > per_volume) {
        return kn_fail(err, KN_TOO_LARGE,
                       "Requested volume size %lld is larger than maximum allowed limit %lld.", (long long)size_gib,
                       (long long)per_volume);
    }
    if (exceeds(q, KN_VOLUME_QUOTA_VOLUMES) || exceeds(q, KN_VOLUME_QUOTA_TYPE_VOLUMES)) {
        return kn_fail(err, KN_TOO_LARGE, "VolumeLimitExceeded: Maximum number of volumes allowed (%lld) exceeded for "
                                          "quota 'volumes'.", (long long)q->limits[KN_VOLUME_QUOTA_VOLUMES]);
    }
    if (exceeds(q, KN_VOLUME_QUOTA_GIGABYTES) || exceeds(q, KN_VOLUME_QUOTA_TYPE_GIGABYTES)) {
        return kn_fail(err, KN_TOO_LARGE,
                       "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota. "
                       "Requested %lldG, quota is %lldG and %lldG has been consumed.", (long long)size_gib,
                       (long long)q->limits[KN_VOLUME_QUOTA_GIGABYTES],
                       (long long)(q->in_use[KN_VOLUME_QUOTA_GIGABYTES] - size_gib));
    }
    return 0;
}

int kn_volume_quota_take(struct kn_db *db, const char *project, int64_t size_gib, struct kn_error *err)
{
    /* Locks the project's row: whoever comes next counts what this transaction took. */
    static const struct kn_stmt TAKE = {
        "volume_quota_take",
        "INSERT INTO volume_usage AS u (project_id, volumes, gigabytes) VALUES ($1, 1, $2) ON CONFLICT (project_id) "
        "DO UPDATE SET volumes = u.volumes + 1, gigabytes = u.gigabytes + excluded.gigabytes", 2
    };
    struct kn_volume_quotas q;
    struct kn_arg size;

    if (kn_db_run(db, &TAKE, KN_ARGS(project, kn_arg_int(&size, size_gib)), NULL, err) < 0 ||
        kn_volume_quota_read(db, project, &q, err) < 0) {
        return -1;
    }
    return check(&q, size_gib, err);
}
