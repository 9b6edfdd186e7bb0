/* SPDX-License-Identifier: Apache-2.0 */
/* os-quota-sets, os-quota-class-sets and limits over HTTP. Which resource is shown until which microversion is quota.h's table. */
#include <string.h>

#include "compute/api.h"
#include "compute/rows/quota.h"
#include "compute/rows/view.h"
#include "identity/api.h"
#include "lib/domain/schema.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"

#define LIMIT(name, last) KN_SCHEMA(name, KN_IS_INTEGER, .flags = KN_NULLABLE, .limit = KN_LIMIT_QUOTA, .until = last)

static const struct kn_schema QUOTA_SET[] = {
    LIMIT("instances", 0),
    LIMIT("cores", 0),
    LIMIT("ram", 0),
    LIMIT("metadata_items", 0),
    LIMIT("key_pairs", 0),
    LIMIT("server_groups", 0),
    LIMIT("server_group_members", 0),
    LIMIT("injected_files", 56),
    LIMIT("injected_file_content_bytes", 56),
    LIMIT("injected_file_path_bytes", 56),
    LIMIT("fixed_ips", 35),
    LIMIT("floating_ips", 35),
    LIMIT("security_groups", 35),
    LIMIT("security_group_rules", 35),
    LIMIT("networks", 35),
    KN_SCHEMA("force", KN_IS_BOOLEAN),
    KN_SCHEMA_END,
};
static const struct kn_schema UPDATE[] = {
    KN_SCHEMA("quota_set", KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = QUOTA_SET),
    KN_SCHEMA_END,
};
static const struct kn_rest_noun QUOTA_NOUN = { .one = "quota_set", .manners = &KN_REST_NOVA };
static const char *const QUERY[] = { "user_id", NULL };

static bool shown(const struct kn_request *req, int quota)
{
    return kn_quota_rows[quota].until == 0 || req->microversion <= kn_quota_rows[quota].until;
}

static void write_limits(struct kn_strbuf *sb, const struct kn_request *req, const struct kn_quota_set *set)
{
    for (int q = 0; q < KN_QUOTA_COUNT; q++) {
        if (shown(req, q)) {
            kn_jsonw_int(sb, kn_quota_rows[q].name, set->limits[q]);
        }
    }
}

static void write_details(struct kn_strbuf *sb, const struct kn_request *req, const struct kn_quota_set *set)
{
    for (int q = 0; q < KN_QUOTA_COUNT; q++) {
        if (shown(req, q)) {
            kn_jsonw_object(sb, kn_quota_rows[q].name);
            kn_jsonw_int(sb, "limit", set->limits[q]);
            kn_jsonw_int(sb, "in_use", set->in_use[q]);
            kn_jsonw_int(sb, "reserved", 0);
            kn_jsonw_end_object(sb);
        }
    }
}

/*
 * Members read their own project's quota, admins anybody's. Quotas of single users do not exist here: the limits of a user are his
 * project's, as in Nova for a user without any, but what he alone uses is not counted, and nothing can be set for him.
 */
static int may_open(struct kn_request *req, bool of_user_too, struct kn_error *err)
{
    if (kn_rest_only(&QUOTA_NOUN, req, QUERY, err) < 0) {
        return -1;
    }
    if (!of_user_too && kn_request_query(req, "user_id") != NULL) {
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

static int open_quota(struct kn_request *req, bool of_user_too, struct kn_quota_set *ret, struct kn_error *err)
{
    return may_open(req, of_user_too, err) < 0 || kn_project_verify(req->db, req->params[0], err) < 0
               ? -1
               : kn_quota_read(req->db, req->params[0], ret, err);
}

static void answer(struct kn_request *req, const char *key, const char *id, const struct kn_quota_set *set, bool details,
                   struct kn_response *res)
{
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, key);
    if (id != NULL) {
        kn_jsonw_str(&res->body, "id", id);
    }
    if (details) {
        write_details(&res->body, req, set);
    } else {
        write_limits(&res->body, req, set);
    }
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
}

int kn_compute_quotas_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    struct kn_quota_set set;

    if (open_quota(req, true, &set, err) < 0) {
        return -1;
    }
    answer(req, "quota_set", req->params[0], &set, false, res);
    return 0;
}

int kn_compute_quotas_detail(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    struct kn_quota_set set;

    if (open_quota(req, false, &set, err) < 0) {
        return -1;
    }
    answer(req, "quota_set", req->params[0], &set, true, res);
    return 0;
}

int kn_compute_quotas_defaults(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    struct kn_quota_set set;

    if (kn_project_verify(req->db, req->params[0], err) < 0) {
        return -1;
    }
    kn_quota_defaults(&set);
    answer(req, "quota_set", req->params[0], &set, false, res);
    return 0;
}

/* A limit below what is used already needs "force". */
static int check_limits(const json_t *in, const struct kn_quota_set *set, struct kn_error *err)
{
    bool force = kn_schema_bool(in, "force", false);

    for (int q = 0; q < KN_QUOTA_COUNT && !force; q++) {
        int64_t limit = kn_schema_int(in, kn_quota_rows[q].name, -1);

        if (limit >= 0 && limit < set->in_use[q]) {
            return kn_fail(err, KN_BAD_REQUEST, "Quota limit %lld for %s must be greater than or equal to already used and reserved "
                           "%lld.", (long long)limit, kn_quota_rows[q].name, (long long)set->in_use[q]);
        }
    }
    if (json_object_get(in, "networks") != NULL && !json_is_null(json_object_get(in, "networks"))) {
        return kn_fail(err, KN_BAD_REQUEST, "The quota of networks belongs to the network service");
    }
    return 0;
}

static int write_all(struct kn_db *db, const char *project, const json_t *in, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };

    if (kn_tx_begin(&tx, db, err) < 0) {
        return -1;
    }
    for (int q = 0; q < KN_QUOTA_COUNT; q++) {
        const json_t *value = json_object_get(in, kn_quota_rows[q].name);

        if (value != NULL && !json_is_null(value) &&
            kn_quota_write(db, project, (enum kn_quota)q, kn_schema_int(in, kn_quota_rows[q].name, -1), err) < 0) {
            return -1;
        }
    }
    return kn_tx_commit(&tx, err);
}

int kn_compute_quotas_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const json_t *in = NULL;
    struct kn_quota_set set;

    if (kn_schema_check(UPDATE, req->body, req->microversion, err) < 0 || open_quota(req, false, &set, err) < 0) {
        return -1;
    }
    in = json_object_get(req->body, "quota_set");
    if (check_limits(in, &set, err) < 0 || write_all(req->db, req->params[0], in, err) < 0 ||
        kn_quota_read(req->db, req->params[0], &set, err) < 0) {
        return -1;
    }
    answer(req, "quota_set", NULL, &set, false, res);
    return 0;
}

int kn_compute_quotas_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return may_open(req, false, err) < 0 ? -1 : kn_quota_reset(req->db, req->params[0], err); /* of one that is gone, too, as in Nova */
}

/* One class there is: the defaults. */
int kn_compute_quota_classes_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    struct kn_quota_set set;

    (void)err;
    kn_quota_defaults(&set);
    answer(req, "quota_class_set", req->params[0], &set, false, res);
    return 0;
}

/* --- limits --- */

struct limit_name {
    const char *name;
    enum kn_quota quota;
    int until;
};

static const struct limit_name ABSOLUTE[] = {
    { "maxTotalInstances", KN_QUOTA_INSTANCES, 0 },
    { "maxTotalCores", KN_QUOTA_CORES, 0 },
    { "maxTotalRAMSize", KN_QUOTA_RAM, 0 },
    { "maxServerMeta", KN_QUOTA_METADATA, 0 },
    { "maxImageMeta", KN_QUOTA_METADATA, 38 },
    { "maxTotalKeypairs", KN_QUOTA_KEY_PAIRS, 0 },
    { "maxServerGroups", KN_QUOTA_SERVER_GROUPS, 0 },
    { "maxServerGroupMembers", KN_QUOTA_GROUP_MEMBERS, 0 },
    { "maxPersonality", KN_QUOTA_FILES, 56 },
    { "maxPersonalitySize", KN_QUOTA_FILE_BYTES, 56 },
    { "maxSecurityGroups", KN_QUOTA_GROUPS, 35 },
    { "maxSecurityGroupRules", KN_QUOTA_GROUP_RULES, 35 },
    { "maxTotalFloatingIps", KN_QUOTA_FLOATING_IPS, 35 },
};
static const struct limit_name USED[] = {
    { "totalInstancesUsed", KN_QUOTA_INSTANCES, 0 },
    { "totalCoresUsed", KN_QUOTA_CORES, 0 },
    { "totalRAMUsed", KN_QUOTA_RAM, 0 },
    { "totalServerGroupsUsed", KN_QUOTA_SERVER_GROUPS, 0 },
    { "totalSecurityGroupsUsed", KN_QUOTA_GROUPS, 35 },
    { "totalFloatingIpsUsed", KN_QUOTA_FLOATING_IPS, 35 },
};

static void write_names(struct kn_strbuf *sb, const struct kn_request *req, const struct limit_name *names, size_t count,
                        const int64_t *values)
{
    for (size_t i = 0; i < count; i++) {
        if (names[i].until == 0 || req->microversion <= names[i].until) {
            kn_jsonw_int(sb, names[i].name, values[names[i].quota]);
        }
    }
}

int kn_compute_limits_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const char *const LIMITS_QUERY[] = { "tenant_id", "reserved", NULL };
    const char *project = kn_request_query(req, "tenant_id");
    struct kn_quota_set set;

    project = project != NULL ? project : req->caller.project_id;
    if (kn_rest_only(&QUOTA_NOUN, req, LIMITS_QUERY, err) < 0) {
        return -1;
    }
    if (strcmp(project, req->caller.project_id) != 0 && kn_policy_check(KN_NOVA_LIMITS_OTHER, &req->caller, NULL, err) < 0) {
        return -1;
    }
    if (kn_quota_read(req->db, project, &set, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, "limits");
    kn_jsonw_raw(&res->body, "rate", "[]");
    kn_jsonw_object(&res->body, "absolute");
    write_names(&res->body, req, ABSOLUTE, sizeof(ABSOLUTE) / sizeof(ABSOLUTE[0]), set.limits);
    write_names(&res->body, req, USED, sizeof(USED) / sizeof(USED[0]), set.in_use);
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}
