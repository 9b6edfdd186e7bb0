/* SPDX-License-Identifier: Apache-2.0 */
/* quotas.c: Neutron's quotas over HTTP. Anybody may see the own project's, an admin sees and sets all. */
#include "lib/base/jsonw.h"
#include "lib/rest/manners.h"
#include "lib/rest/quota.h"
#include "lib/rest/write.h"
#include "network/api/nouns.h"

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("network", NULL, KN_REST_INT, KN_REST_PUT, .limit = KN_LIMIT_QUOTA),
    KN_REST_ATTR("subnet", NULL, KN_REST_INT, KN_REST_PUT, .limit = KN_LIMIT_QUOTA),
    KN_REST_ATTR("subnetpool", NULL, KN_REST_INT, KN_REST_PUT, .limit = KN_LIMIT_QUOTA),
    KN_REST_ATTR("port", NULL, KN_REST_INT, KN_REST_PUT, .limit = KN_LIMIT_QUOTA),
    KN_REST_ATTR("security_group", NULL, KN_REST_INT, KN_REST_PUT, .limit = KN_LIMIT_QUOTA),
    KN_REST_ATTR("security_group_rule", NULL, KN_REST_INT, KN_REST_PUT, .limit = KN_LIMIT_QUOTA),
    KN_REST_ATTR("router", NULL, KN_REST_INT, KN_REST_PUT, .limit = KN_LIMIT_QUOTA),
    KN_REST_ATTR("floatingip", NULL, KN_REST_INT, KN_REST_PUT, .limit = KN_LIMIT_QUOTA),
    KN_REST_ATTR("rbac_policy", NULL, KN_REST_INT, KN_REST_PUT, .limit = KN_LIMIT_QUOTA),
    KN_REST_ATTR("check_limit", NULL, KN_REST_BOOL, KN_REST_PUT), /* is done anyway */
    KN_REST_ATTR("force", NULL, KN_REST_BOOL, KN_REST_PUT),
    KN_REST_ATTR("tenant_id", NULL, KN_REST_TEXT, KN_REST_PUT, .limit = KN_LIMIT_TENANT),
    KN_REST_ATTR("project_id", NULL, KN_REST_TEXT, KN_REST_PUT, .limit = KN_LIMIT_TENANT),
    KN_REST_ATTRS_END,
};
static const struct kn_rest_noun QUOTA = {
    .one = "quota", .many = "quotas", .label = "Quota", .attrs = ATTRS, .manners = &KN_REST_NEUTRON
};

/* Whether there is such a project is not asked: Neutron does not either (neutron/extensions/quotasv2.py). */
static int network_quotas_enter(struct kn_request *req, struct kn_error *err)
{
    const char *project = req->params[0];

    if (kn_policy_check(req->route->rule, &req->caller, &(struct kn_target){ .project_id = project }, err) < 0) {
        return -1;
    }
    if (project[0] == '\0' || !kn_limit_fits(KN_LIMIT_TENANT, project)) {
        kn_fail(err, KN_NOT_FOUND, "Project %.64s could not be found.", project);
        return kn_fail_name(err, "ProjectNotFound");
    }
    return 0;
}

/* No limit below what is there already, unless it is forced. */
static int network_quotas_judge(const json_t *object, const struct kn_quota_set *set, struct kn_error *err)
{
    int64_t limit = 0;
    const struct kn_quota_line *below = kn_schema_bool(object, "force", false)
                                            ? NULL
                                            : kn_rest_quota_below(set, object, &limit);

    if (below == NULL) {
        return 0;
    }
    kn_fail(err, KN_BAD_REQUEST, "Quota limit %lld for %s must be greater than or equal to already used %lld",
            (long long)limit, below->name, (long long)below->used);
    return kn_fail_name(err, "HTTPBadRequest");
}

static const struct kn_rest_quota_manners NEUTRON = {
    .service = "network",
    .one = "quota",
    .used = "used",
    .noun = &QUOTA,
    .enter = network_quotas_enter,
    .judge = network_quotas_judge,
};

int kn_network_quotas_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_quota_show(&NEUTRON, req, false, res, err);
}

/* Which project the token is of: so python-neutronclient asks before it asks for that project's. Not in Neutron's reference, but in Neutron. */
int kn_network_quotas_tenant(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)err;
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, "tenant");
    kn_jsonw_str(&res->body, "tenant_id", req->caller.project_id);
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

int kn_network_quotas_default(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_quota_defaults(&NEUTRON, req, res, err);
}

int kn_network_quotas_details(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_quota_show(&NEUTRON, req, true, res, err);
}

int kn_network_quotas_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_quota_update(&NEUTRON, req, res, err);
}

int kn_network_quotas_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_rest_quota_reset(&NEUTRON, req, err);
}

static const struct kn_stmt PROJECTS = {
    "quota_projects",
    "SELECT DISTINCT project_id FROM quota_limit WHERE service = 'network' AND project_id <> '' ORDER BY project_id", 0
};

/* The projects whose limits are not the defaults. */
int kn_network_quotas_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    enum { PROJECT };
    AUTO_RELEASE(kn_quota_set) struct kn_quota_set set = KN_QUOTA_SET_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(req->db, &PROJECTS, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "quotas");
    for (int row = 0; row < kn_rows_count(rows); row++) {
        const char *project = kn_rows_text(rows, row, PROJECT);

        if (kn_quota_read(req->db, "network", project, &set, err) < 0) {
            return -1;
        }
        kn_jsonw_object(&res->body, NULL);
        kn_jsonw_str(&res->body, "project_id", project);
        kn_jsonw_str(&res->body, "tenant_id", project);
        kn_rest_quota_members(&NEUTRON, req, &set, false, &res->body);
        kn_jsonw_end_object(&res->body);
    }
    kn_jsonw_end_array(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}
