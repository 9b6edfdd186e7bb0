/* SPDX-License-Identifier: Apache-2.0 */
/* os-quota-sets, os-quota-class-sets and limits over HTTP. What is counted, and shown until which microversion: lib/domain/quota.h. */
#include <string.h>

#include "compute/api.h"
#include "identity/api.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "lib/rest/quota.h"

static const struct kn_schema MORE[] = {
    KN_SCHEMA("networks", KN_IS_INTEGER, .limit = KN_LIMIT_QUOTA, .until = 35),
    KN_SCHEMA("force", KN_IS_BOOLEAN),
    KN_SCHEMA_END,
};
static const struct kn_rest_noun QUOTA_NOUN = { .one = "quota_set", .manners = &KN_REST_NOVA };
static const char *const QUERY[] = { "user_id", NULL };

static bool quotas_ends(const struct kn_request *req, const char *tail)
{
    const char *path = req->route->path;

    return strcmp(path + strlen(path) - strlen(tail), tail) == 0;
}

/*
 * Members read their own project's quota, admins anybody's. Quotas of single users do not exist here: the limits of a user are his
 * project's, as in Nova for a user without any, but what he alone uses is not counted, and nothing can be set for him.
 */
static int quotas_may(struct kn_request *req, struct kn_error *err)
{
    const bool reads_limits = strcmp(req->method, "GET") == 0 && !quotas_ends(req, "/detail");

    if (kn_rest_only(&QUOTA_NOUN, req, QUERY, err) < 0) {
        return -1;
    }
    if (!reads_limits && kn_request_query(req, "user_id") != NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "Quotas of single users are not supported");
    }
    if (kn_policy_check(req->route->rule, &req->caller, &(struct kn_target){ .project_id = req->params[0] }, err) < 0) {
        return -1;
    }
    if (!KN_TEXT_PROJECT.holds(req->params[0]) || !kn_limit_fits(KN_LIMIT_TENANT, req->params[0])) {
        return kn_fail(err, KN_BAD_REQUEST, "Project ID %.80s is not a valid project.", req->params[0]);
    }
    return 0;
}

/* The defaults are nobody's; and what a project that is gone had can be reset, as in Nova. */
static int quotas_enter(struct kn_request *req, struct kn_error *err)
{
    if (!quotas_ends(req, "/defaults") && quotas_may(req, err) < 0) {
        return -1;
    }
    return strcmp(req->method, "DELETE") == 0 ? 0 : kn_identity_project_verify(req->db, req->params[0], err);
}

/* A limit below what is used already needs "force". */
static int quotas_judge(const json_t *in, const struct kn_quota_set *set, struct kn_error *err)
{
    int64_t limit = 0;
    const struct kn_quota_line *below = kn_schema_bool(in, "force", false) ? NULL
                                                                           : kn_rest_quota_below(set, in, &limit);

    if (below != NULL) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Quota limit %lld for %s must be greater than or equal to already used and reserved %lld.",
                       (long long)limit, below->name, (long long)below->used);
    }
    if (json_object_get(in, "networks") != NULL && !json_is_null(json_object_get(in, "networks"))) {
        return kn_fail(err, KN_BAD_REQUEST, "The quota of networks belongs to the network service");
    }
    return 0;
}

/* Classes learned of 2.36 later than sets did. */
static const struct kn_rest_quota_in_class IN_CLASS[] = {
    { "fixed_ips", 0, 49 },
    { "floating_ips", 0, 49 },
    { "security_groups", 0, 49 },
    { "security_group_rules", 0, 49 },
    { "server_groups", 50, 0 },
    { "server_group_members", 50, 0 },
    { NULL, 0, 0 },
};

static const struct kn_rest_quota_manners NOVA = {
    .service = "compute",
    .one = "quota_set",
    .used = "in_use",
    .shows_id = true,
    .more = MORE,
    .enter = quotas_enter,
    .judge = quotas_judge,
    .in_class = IN_CLASS,
};

int kn_compute_quotas_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_quota_show(&NOVA, req, false, res, err);
}

int kn_compute_quotas_detail(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_quota_show(&NOVA, req, true, res, err);
}

int kn_compute_quotas_defaults(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_quota_defaults(&NOVA, req, res, err);
}

int kn_compute_quotas_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_quota_update(&NOVA, req, res, err);
}

int kn_compute_quotas_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_rest_quota_reset(&NOVA, req, err);
}

int kn_compute_quota_classes_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_quota_class_show(&NOVA, req, res, err);
}

int kn_compute_quota_classes_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_quota_class_update(&NOVA, req, res, err);
}

static const struct kn_rest_quota_absolute ABSOLUTE[] = {
    { "maxTotalInstances", KN_QUOTA_INSTANCES, false, 0 },
    { "maxTotalCores", KN_QUOTA_CORES, false, 0 },
    { "maxTotalRAMSize", KN_QUOTA_RAM, false, 0 },
    { "maxServerMeta", KN_QUOTA_METADATA, false, 0 },
    { "maxImageMeta", KN_QUOTA_METADATA, false, 38 },
    { "maxTotalKeypairs", KN_QUOTA_KEY_PAIRS, false, 0 },
    { "maxServerGroups", KN_QUOTA_SERVER_GROUPS, false, 0 },
    { "maxServerGroupMembers", KN_QUOTA_GROUP_MEMBERS, false, 0 },
    { "maxPersonality", KN_QUOTA_FILES, false, 56 },
    { "maxPersonalitySize", KN_QUOTA_FILE_BYTES, false, 56 },
    { "maxSecurityGroups", KN_QUOTA_GROUPS, false, 35 },
    { "maxSecurityGroupRules", KN_QUOTA_GROUP_RULES, false, 35 },
    { "maxTotalFloatingIps", KN_QUOTA_FLOATING_IPS, false, 35 },
    { "totalInstancesUsed", KN_QUOTA_INSTANCES, true, 0 },
    { "totalCoresUsed", KN_QUOTA_CORES, true, 0 },
    { "totalRAMUsed", KN_QUOTA_RAM, true, 0 },
    { "totalServerGroupsUsed", KN_QUOTA_SERVER_GROUPS, true, 0 },
    { "totalSecurityGroupsUsed", KN_QUOTA_GROUPS, true, 35 },
    { "totalFloatingIpsUsed", KN_QUOTA_FLOATING_IPS, true, 35 },
    { .name = NULL },
};

int kn_compute_limits_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const char *const LIMITS_QUERY[] = { "tenant_id", NULL };
    AUTO_RELEASE(kn_quota_set) struct kn_quota_set set = KN_QUOTA_SET_INIT;
    const char *project = kn_request_query(req, "tenant_id");

    project = project != NULL ? project : req->caller.project_id;
    if (kn_rest_only(&QUOTA_NOUN, req, LIMITS_QUERY, err) < 0) {
        return -1;
    }
    if (strcmp(project, req->caller.project_id) != 0 &&
        kn_policy_check(KN_NOVA_LIMITS_OTHER, &req->caller, NULL, err) < 0) {
        return -1;
    }
    if (kn_quota_read(req->db, "compute", project, &set, err) < 0) {
        return -1;
    }
    kn_rest_quota_absolutes(ABSOLUTE, req, &set, res);
    return 0;
}
