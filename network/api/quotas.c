/* SPDX-License-Identifier: Apache-2.0 */
/* volume/api/quotas.c: Neutron's quotas over HTTP. Anybody may see the own project's, an admin sees and sets all. */
#include "lib/base/jsonw.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"
#include "network/api/nouns.h"
#include "network/rows/quotas.h"

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("network", NULL, KN_REST_INT, KN_REST_PUT, .limit = KN_LIMIT_QUOTA),
    KN_REST_ATTR("subnet", NULL, KN_REST_INT, KN_REST_PUT, .limit = KN_LIMIT_QUOTA),
    KN_REST_ATTR("port", NULL, KN_REST_INT, KN_REST_PUT, .limit = KN_LIMIT_QUOTA),
    KN_REST_ATTR("check_limit", NULL, KN_REST_BOOL, KN_REST_PUT),
    KN_REST_ATTR("force", NULL, KN_REST_BOOL, KN_REST_PUT), /* the opposite of check_limit, which is off anyway */
    KN_REST_ATTR("tenant_id", NULL, KN_REST_TEXT, KN_REST_PUT, .limit = KN_LIMIT_TENANT),
    KN_REST_ATTR("project_id", NULL, KN_REST_TEXT, KN_REST_PUT, .limit = KN_LIMIT_TENANT),
    KN_REST_ATTRS_END,
};
static const struct kn_rest_noun QUOTA = { .one = "quota", .many = "quotas", .label = "Quota", .attrs = ATTRS, .manners = &KN_REST_NEUTRON };

/* Whether there is such a project is not asked: Neutron does not either (neutron/extensions/quotasv2.py). */
static int check_project(const struct kn_request *req, struct kn_error *err)
{
    const char *project = req->params[0];

    if (kn_policy_check(req->route->rule, &req->caller, &(struct kn_target){ .project_id = project }, err) < 0) {
        return -1;
    }
    if (project[0] == '\0' || !kn_limit_fits(KN_LIMIT_TENANT, project)) {
        return kn_fail(err, KN_NOT_FOUND, "Project %.64s could not be found.", project);
    }
    return 0;
}

static void write_limits(const struct kn_net_quota *quotas, struct kn_strbuf *sb)
{
    for (int i = 0; i < KN_RES_COUNT; i++) {
        kn_jsonw_int(sb, kn_net_resource_names[i], quotas[i].limit);
    }
}

static void write_quota(const struct kn_net_quota *quotas, struct kn_strbuf *sb)
{
    kn_jsonw_object(sb, NULL);
    kn_jsonw_object(sb, "quota");
    write_limits(quotas, sb);
    kn_jsonw_end_object(sb);
    kn_jsonw_end_object(sb);
}

int kn_quotas_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    struct kn_net_quota quotas[KN_RES_COUNT];

    if (check_project(req, err) < 0 || kn_net_quota_read(req->db, req->params[0], quotas, err) < 0) {
        return -1;
    }
    write_quota(quotas, &res->body);
    return 0;
}

int kn_quotas_default(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    struct kn_net_quota quotas[KN_RES_COUNT];

    if (check_project(req, err) < 0) {
        return -1;
    }
    for (enum kn_net_resource r = KN_RES_NETWORK; r < KN_RES_COUNT; r++) {
        quotas[r] = (struct kn_net_quota){ kn_net_quota_default(r), 0 };
    }
    write_quota(quotas, &res->body);
    return 0;
}

int kn_quotas_details(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    struct kn_net_quota quotas[KN_RES_COUNT];

    if (check_project(req, err) < 0 || kn_net_quota_read(req->db, req->params[0], quotas, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, "quota");
    for (int i = 0; i < KN_RES_COUNT; i++) {
        kn_jsonw_object(&res->body, kn_net_resource_names[i]);
        kn_jsonw_int(&res->body, "limit", quotas[i].limit);
        kn_jsonw_int(&res->body, "used", quotas[i].used);
        kn_jsonw_int(&res->body, "reserved", 0);
        kn_jsonw_end_object(&res->body);
    }
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

static const struct kn_stmt PROJECTS = { "quota_projects", "SELECT DISTINCT project_id FROM network_quota ORDER BY project_id", 0 };

/* The projects whose limits are not the defaults. */
int kn_quotas_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_net_quota quotas[KN_RES_COUNT];

    if (kn_db_run(req->db, &PROJECTS, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "quotas");
    for (int row = 0; row < kn_rows_count(rows); row++) {
        const char *project = kn_rows_text(rows, row, 0);

        if (kn_net_quota_read(req->db, project, quotas, err) < 0) {
            return -1;
        }
        kn_jsonw_object(&res->body, NULL);
        kn_jsonw_str(&res->body, "project_id", project);
        kn_jsonw_str(&res->body, "tenant_id", project);
        write_limits(quotas, &res->body);
        kn_jsonw_end_object(&res->body);
    }
    kn_jsonw_end_array(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

/* check_limit: no limit below what is there already. */
static int check_usage(struct kn_request *req, const json_t *object, struct kn_error *err)
{
    struct kn_net_quota quotas[KN_RES_COUNT];

    if (!kn_schema_bool(object, "check_limit", false)) {
        return 0;
    }
    if (kn_net_quota_read(req->db, req->params[0], quotas, err) < 0) {
        return -1;
    }
    for (int i = 0; i < KN_RES_COUNT; i++) {
        int64_t limit = kn_schema_int(object, kn_net_resource_names[i], -1);

        if (limit >= 0 && limit < quotas[i].used) {
            kn_fail(err, KN_CONFLICT, "Change would make usage less than 0 for the following resources: ['%s'].",
                    kn_net_resource_names[i]);
            return kn_fail_name(err, "InvalidQuotaValue");
        }
    }
    return 0;
}

static int write_all(struct kn_request *req, const json_t *object, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };

    if (kn_tx_begin(&tx, req->db, err) < 0 || check_usage(req, object, err) < 0) {
        return -1;
    }
    for (enum kn_net_resource r = KN_RES_NETWORK; r < KN_RES_COUNT; r++) {
        const char *name = kn_net_resource_names[r];

        if (json_object_get(object, name) != NULL &&
            kn_net_quota_write(req->db, req->params[0], r, kn_schema_int(object, name, 0), err) < 0) {
            return -1;
        }
    }
    return kn_tx_commit(&tx, err);
}

int kn_quotas_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    json_t *object = NULL;

    if (check_project(req, err) < 0 || kn_rest_body(&QUOTA, req, KN_REST_PUT, &object, err) < 0 || write_all(req, object, err) < 0) {
        return -1;
    }
    return kn_quotas_show(req, res, err);
}

int kn_quotas_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return check_project(req, err) < 0 ? -1 : kn_net_quota_reset(req->db, req->params[0], err);
}
