/* SPDX-License-Identifier: Apache-2.0 */
/* quotas.c: limits are rows or defaults; usage is counted, so that it always equals what exists. */
#include "network/rows/quotas.h"

#include <string.h>

#include "lib/adapter/quota_change.h"
#include "lib/base/mem.h"

static const struct {
    int64_t dflt;
} ROWS[KN_RES_COUNT] = {
    [KN_RES_NETWORK] = { 100 },
    [KN_RES_SUBNET] = { 100 },
    [KN_RES_PORT] = { 500 },
};

const char *const kn_net_resource_names[KN_RES_COUNT] = {
    [KN_RES_NETWORK] = "network",
    [KN_RES_SUBNET] = "subnet",
    [KN_RES_PORT] = "port",
};

static const struct kn_stmt LIMITS = { "network_quota_limits", "SELECT resource, hard_limit FROM network_quota WHERE project_id = $1", 1 };
static const struct kn_stmt USED = {
    "quota_used",
    "SELECT (SELECT count(*) FROM network WHERE project_id = $1), (SELECT count(*) FROM subnet WHERE project_id = $1),"
    " (SELECT count(*) FROM port WHERE project_id = $1 AND device_owner <> 'network:dhcp')", 1
};
static const struct kn_stmt WRITE = {
    "network_quota_write",
    KN_QUOTA_CHANGES "INSERT INTO network_quota (project_id, resource, hard_limit) VALUES ($1, $2, $3::integer)"
    " ON CONFLICT (project_id, resource) DO UPDATE SET hard_limit = excluded.hard_limit", 3
};
static const struct kn_stmt RESET = { "network_quota_reset", KN_QUOTA_CHANGES "DELETE FROM network_quota WHERE project_id = $1", 1 };
static const struct kn_stmt LOCK = {
    "quota_lock", "SELECT pg_advisory_xact_lock(hashtextextended('network quota ' || $1, 0))", 1
};

/* One after the other, in the order of their names: two makers never wait for each other. */
static const struct kn_stmt LOCK_MANY = {
    "quota_lock_many",
    "SELECT pg_advisory_xact_lock(hashtextextended('network quota ' || p, 0)) FROM (SELECT DISTINCT p FROM unnest($1::text[]) AS p ORDER BY p) w",
    1
};
static const struct kn_stmt ROOM = {
    "quota_room",
    "SELECT w.p, CASE WHEN coalesce(l.hard_limit, $2::bigint) >= 0 THEN coalesce(l.hard_limit, $2::bigint)"
    " - (SELECT count(*) FROM port WHERE project_id = w.p AND device_owner <> 'network:dhcp') END"
    " FROM (SELECT DISTINCT p FROM unnest($1::text[]) AS p) w"
    " LEFT JOIN network_quota l ON l.project_id = w.p AND l.resource = 'port'", 2
};

int64_t kn_net_quota_default(enum kn_net_resource resource)
{
    return ROWS[resource].dflt;
}

int kn_net_quota_read(struct kn_db *db, const char *project_id, struct kn_net_quota ret[KN_RES_COUNT],
                      struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *limits = NULL, *used = NULL;

    if (kn_db_run(db, &LIMITS, KN_ARGS(project_id), &limits, err) < 0 ||
        kn_db_run(db, &USED, KN_ARGS(project_id), &used, err) < 0) {
        return -1;
    }
    for (int i = 0; i < KN_RES_COUNT; i++) {
        ret[i] = (struct kn_net_quota){ ROWS[i].dflt, kn_rows_int(used, 0, i) };
        for (int row = 0; row < kn_rows_count(limits); row++) {
            if (strcmp(kn_rows_text(limits, row, 0), kn_net_resource_names[i]) == 0) {
                ret[i].limit = kn_rows_int(limits, row, 1);
            }
        }
    }
    return 0;
}

int kn_net_quota_write(struct kn_db *db, const char *project_id, enum kn_net_resource resource, int64_t limit,
                       struct kn_error *err)
{
    struct kn_arg arg;

    return kn_db_run(db, &WRITE, KN_ARGS(project_id, kn_net_resource_names[resource], kn_arg_int(&arg, limit)), NULL, err);
}

int kn_net_quota_reset(struct kn_db *db, const char *project_id, struct kn_error *err)
{
    return kn_db_run(db, &RESET, KN_ARGS(project_id), NULL, err);
}

int kn_net_quota_check(struct kn_db *db, const char *project_id, enum kn_net_resource resource, int64_t more,
                       struct kn_error *err)
{
    struct kn_net_quota quotas[KN_RES_COUNT];

    if (kn_db_run(db, &LOCK, KN_ARGS(project_id), NULL, err) < 0 || kn_net_quota_read(db, project_id, quotas, err) < 0) {
        return -1;
    }
    if (quotas[resource].limit >= 0 && quotas[resource].used + more > quotas[resource].limit) {
        return kn_fail(err, KN_QUOTA, "Quota exceeded for resources: ['%s'].", kn_net_resource_names[resource]);
    }
    return 0;
}

static int room(struct kn_db *db, const char *projects, struct kn_rows **ret_rows, struct kn_error *err)
{
    struct kn_arg dflt;

    return kn_db_run(db, &ROOM, KN_ARGS(projects, kn_arg_int(&dflt, ROWS[KN_RES_PORT].dflt)), ret_rows, err);
}

int kn_net_quota_room(struct kn_db *db, struct kn_array *projects, struct kn_rows **ret_rows, struct kn_error *err)
{
    const char *names = kn_array_value(projects);

    return kn_db_run(db, &LOCK_MANY, KN_ARGS(names), NULL, err) < 0 ? -1 : room(db, names, ret_rows, err);
}

int kn_net_quota_foresee(struct kn_db *db, const char *project_id, int64_t more, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array projects = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (more == 0) {
        return 0;
    }
    kn_array_add(&projects, project_id);
    if (room(db, kn_array_value(&projects), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_null(rows, 0, 1) || kn_rows_int(rows, 0, 1) >= more
               ? 0
               : kn_fail(err, KN_QUOTA, "Quota exceeded for resources: ['port']. Maximum number of ports exceeded");
}
