/* SPDX-License-Identifier: Apache-2.0 */
/* Quota sets and limits over HTTP. A project reads its own; an admin reads and writes everybody's. */
#include <string.h>

#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/domain/schema.h"
#include "lib/rest/noun.h"
#include "volume/api/private.h"
#include "volume/rows/quota.h"

/* {"limit": 10, "in_use": 1, "reserved": 0, "allocated": 0} */
static void print_usage(struct kn_strbuf *out, const char *name, int64_t limit, int64_t in_use)
{
    kn_jsonw_object(out, name);
    kn_jsonw_int(out, "limit", limit);
    kn_jsonw_int(out, "in_use", in_use);
    kn_jsonw_int(out, "reserved", 0);
    kn_jsonw_int(out, "allocated", 0);
    kn_jsonw_end_object(out);
}

/* project: NULL leaves "id" out. */
static void print_set(struct kn_strbuf *out, const char *project, const struct kn_volume_quotas *q, bool usage)
{
    kn_jsonw_object(out, NULL);
    kn_jsonw_object(out, "quota_set");
    if (project != NULL) {
        kn_jsonw_str(out, "id", project);
    }
    for (int i = 0; i < KN_VOLUME_QUOTA_COUNT; i++) {
        if (usage) {
            print_usage(out, kn_volume_quota_names[i], q->limits[i], q->in_use[i]);
        } else {
            kn_jsonw_int(out, kn_volume_quota_names[i], q->limits[i]);
        }
    }
    kn_jsonw_end_object(out);
    kn_jsonw_end_object(out);
}

/* Whether there is such a project is not asked: Cinder does not (cinder/api/contrib/quotas.py), so nor do its clients expect it. */
static int check_project(const struct kn_request *req, struct kn_error *err)
{
    return kn_policy_check(KN_CINDER_QUOTA, &req->caller, &(struct kn_target){ .project_id = req->params[0] }, err);
}

int kn_volume_api_quota(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    struct kn_volume_quotas q;
    bool usage = false;

    if (check_project(req, err) < 0 || kn_request_query_bool(req, "usage", false, &usage, err) < 0 ||
        kn_volume_quota_read(req->db, req->params[0], &q, err) < 0) {
        return -1;
    }
    print_set(&res->body, req->params[0], &q, usage);
    return 0;
}

int kn_volume_api_quota_defaults(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    struct kn_volume_quotas q;

    if (check_project(req, err) < 0) {
        return -1;
    }
    kn_volume_quota_defaults(&q);
    print_set(&res->body, req->params[0], &q, false);
    return 0;
}

#define LIMIT(id, name, dflt) KN_SCHEMA(name, KN_IS_INTEGER, .flags = KN_NULLABLE, .limit = KN_LIMIT_QUOTA),
static const struct kn_schema SET[] = {
    KN_VOLUME_QUOTAS(LIMIT)
    KN_SCHEMA("tenant_id", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_VOLUME_TENANT),
    KN_SCHEMA("force", KN_IS_BOOLEAN),
    KN_SCHEMA_END,
};
static const struct kn_schema SET_BODY[] = {
    KN_SCHEMA("quota_set", KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = SET),
    KN_SCHEMA_END,
};

static int write_limits(struct kn_request *req, const json_t *in, struct kn_error *err)
{
    for (int i = 0; i < KN_VOLUME_QUOTA_COUNT; i++) {
        const json_t *limit = json_object_get(in, kn_volume_quota_names[i]);

        if (limit != NULL && !json_is_null(limit) &&
            kn_volume_quota_write(req->db, req->params[0], (enum kn_volume_quota)i,
                                  kn_schema_int(in, kn_volume_quota_names[i], 0), err) < 0) {
            return -1;
        }
    }
    return 0;
}

int kn_volume_api_quota_set(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    struct kn_volume_quotas q;

    if (kn_schema_check(SET_BODY, req->body, req->microversion, err) < 0 || kn_tx_begin(&tx, req->db, err) < 0 ||
        write_limits(req, json_object_get(req->body, "quota_set"), err) < 0 ||
        kn_volume_quota_read(req->db, req->params[0], &q, err) < 0 || kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    print_set(&res->body, NULL, &q, false);
    return 0;
}

int kn_volume_api_quota_reset(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_volume_quota_reset(req->db, req->params[0], err);
}

/* --- limits --------------------------------------------------------------------------------------------------------- */

static const struct {
    enum kn_volume_quota quota;
    const char *limit, *used;
} LIMITS[] = {
    { KN_VOLUME_QUOTA_VOLUMES, "maxTotalVolumes", "totalVolumesUsed" },
    { KN_VOLUME_QUOTA_GIGABYTES, "maxTotalVolumeGigabytes", "totalGigabytesUsed" },
    { KN_VOLUME_QUOTA_SNAPSHOTS, "maxTotalSnapshots", "totalSnapshotsUsed" },
    { KN_VOLUME_QUOTA_BACKUPS, "maxTotalBackups", "totalBackupsUsed" },
    { KN_VOLUME_QUOTA_BACKUP_GIGABYTES, "maxTotalBackupGigabytes", "totalBackupGigabytesUsed" },
};

int kn_volume_api_limits(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const char *other = kn_rest_reaches_all(req) ? kn_request_query(req, "project_id") : NULL;
    struct kn_volume_quotas q;

    if (kn_volume_quota_read(req->db, other != NULL ? other : req->caller.project_id, &q, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, "limits");
    kn_jsonw_raw(&res->body, "rate", "[]");
    kn_jsonw_object(&res->body, "absolute");
    for (size_t i = 0; i < KN_COUNT(LIMITS); i++) {
        kn_jsonw_int(&res->body, LIMITS[i].limit, q.limits[LIMITS[i].quota]);
        kn_jsonw_int(&res->body, LIMITS[i].used, q.in_use[LIMITS[i].quota]);
    }
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}
