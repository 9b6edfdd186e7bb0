/* SPDX-License-Identifier: Apache-2.0 */
/* Quota sets and limits over HTTP. A project reads its own; an admin reads and writes everybody's. What is counted: lib/domain/quota.h. */
#include <string.h>

#include "lib/rest/noun.h"
#include "lib/rest/quota.h"
#include "volume/api/private.h"

static const struct kn_schema MORE[] = {
    KN_SCHEMA("tenant_id", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_VOLUME_TENANT),
    KN_SCHEMA("force", KN_IS_BOOLEAN),
    KN_SCHEMA_END,
};

/* Whether there is such a project is not asked: Cinder does not (cinder/api/contrib/quotas.py), so nor do its clients expect it. */
static int volume_quotas_enter(struct kn_request *req, struct kn_error *err)
{
    if (strcmp(req->method, "GET") == 0) {
        return kn_policy_check(KN_CINDER_QUOTA, &req->caller, &(struct kn_target){ .project_id = req->params[0] }, err);
    }
    return req->params[0][0] != '\0' && kn_limit_fits(KN_LIMIT_VOLUME_TENANT, req->params[0])
               ? 0
               : kn_fail(err, KN_NOT_FOUND, "The project could not be found.");
}

static const struct kn_rest_quota_manners CINDER = {
    .service = "volume",
    .one = "quota_set",
    .used = "in_use",
    .has_allocated = true,
    .shows_id = true,
    .more = MORE,
    .enter = volume_quotas_enter,
};

int kn_volume_api_quota(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    bool usage = false;

    return kn_request_query_bool(req, "usage", false, &usage, err) < 0
               ? -1
               : kn_rest_quota_show(&CINDER, req, usage, res, err);
}

int kn_volume_api_quota_defaults(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_quota_defaults(&CINDER, req, res, err);
}

int kn_volume_api_quota_set(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_quota_update(&CINDER, req, res, err);
}

int kn_volume_api_quota_reset(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_rest_quota_reset(&CINDER, req, err);
}

int kn_volume_api_quota_class(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_quota_class_show(&CINDER, req, res, err);
}

int kn_volume_api_quota_class_set(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_quota_class_update(&CINDER, req, res, err);
}

/* --- limits --------------------------------------------------------------------------------------------------------- */

static const struct kn_rest_quota_absolute ABSOLUTE[] = {
    { "maxTotalVolumes", KN_QUOTA_VOLUMES, false, 0 },
    { "totalVolumesUsed", KN_QUOTA_VOLUMES, true, 0 },
    { "maxTotalVolumeGigabytes", KN_QUOTA_GIGABYTES, false, 0 },
    { "totalGigabytesUsed", KN_QUOTA_GIGABYTES, true, 0 },
    { "maxTotalSnapshots", KN_QUOTA_SNAPSHOTS, false, 0 },
    { "totalSnapshotsUsed", KN_QUOTA_SNAPSHOTS, true, 0 },
    { "maxTotalBackups", KN_QUOTA_BACKUPS, false, 0 },
    { "totalBackupsUsed", KN_QUOTA_BACKUPS, true, 0 },
    { "maxTotalBackupGigabytes", KN_QUOTA_BACKUP_GIGABYTES, false, 0 },
    { "totalBackupGigabytesUsed", KN_QUOTA_BACKUP_GIGABYTES, true, 0 },
    { .name = NULL },
};

int kn_volume_api_limits(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_quota_set) struct kn_quota_set set = KN_QUOTA_SET_INIT;
    const char *other = kn_rest_reaches_all(req) ? kn_request_query(req, "project_id") : NULL;

    if (kn_quota_read(req->db, "volume", other != NULL ? other : req->caller.project_id, &set, err) < 0) {
        return -1;
    }
    kn_rest_quota_absolutes(ABSOLUTE, req, &set, res);
    return 0;
}
