/* SPDX-License-Identifier: Apache-2.0 */
/* Who may use a volume type that is not public, over HTTP. */
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/base/uuid.h"
#include "lib/domain/schema.h"
#include "volume/api/private.h"
#include "volume/rows/type.h"

static const struct kn_schema PROJECT[] = {
    KN_SCHEMA("project", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_FLAVOR_TENANT, .rule = &KN_TEXT_PROJECT),
    KN_SCHEMA_END,
};
static const struct kn_schema ACCESS_BODY[] = {
    KN_SCHEMA("addProjectAccess", KN_IS_OBJECT, .inner = PROJECT),
    KN_SCHEMA("removeProjectAccess", KN_IS_OBJECT, .inner = PROJECT),
    KN_SCHEMA_END,
};

/* Of a public type there is no list of who may use it: everybody may. */
static int refuse_public(struct kn_request *req, struct kn_error *err)
{
    static const struct kn_stmt PUBLIC = { "volume_type_public", "SELECT is_public FROM volume_type WHERE id = $1", 1 };
    enum { IS_PUBLIC };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_uuid_valid(req->params[0]) && kn_db_run(req->db, &PUBLIC, KN_ARGS(req->params[0]), &rows, err) < 0) {
        return -1;
    }
    if (rows == NULL || kn_rows_count(rows) == 0) {
        return kn_rest_not_found(&kn_volume_type_noun, req->params[0], err);
    }
    return kn_rows_bool(rows, 0, IS_PUBLIC)
               ? kn_fail(err, KN_CONFLICT, "Type access modification is not applicable to public volume type.")
               : 0;
}

int kn_volume_api_type_access(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const struct kn_stmt WHO = {
        "volume_type_who", "SELECT project_id FROM volume_type_project WHERE type_id = $1 ORDER BY project_id", 1
    };
    enum { OPENED_TO };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (refuse_public(req, err) < 0) {
        return err->code == KN_CONFLICT
                   ? kn_fail(err, KN_NOT_FOUND, "Access list not available for public volume types.")
                   : -1;
    }
    if (kn_db_run(req->db, &WHO, KN_ARGS(req->params[0]), &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "volume_type_access");
    for (int i = 0; i < kn_rows_count(rows); i++) {
        kn_jsonw_object(&res->body, NULL);
        kn_jsonw_str(&res->body, "volume_type_id", req->params[0]);
        kn_jsonw_str(&res->body, "project_id", kn_rows_text(rows, i, OPENED_TO));
        kn_jsonw_end_object(&res->body);
    }
    kn_jsonw_end_array(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

int kn_volume_api_type_action(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const struct kn_stmt ADD = { "volume_type_allow",
                                        "INSERT INTO volume_type_project (type_id, project_id) VALUES ($1, $2)", 2 };
    static const struct kn_stmt REMOVE = { "volume_type_forbid",
                                           "DELETE FROM volume_type_project WHERE type_id = $1 AND project_id = $2",
                                           2 };
    int64_t count = 0;

    (void)res;
    if (kn_schema_check(ACCESS_BODY, req->body, req->microversion, err) < 0) {
        return -1;
    }
    if (json_object_size(req->body) != 1) {
        return kn_fail(err, KN_BAD_REQUEST, "A body names one action.");
    }
    const bool adds = json_object_get(req->body, "addProjectAccess") != NULL;
    const json_t *wish = json_object_get(req->body, adds ? "addProjectAccess" : "removeProjectAccess");
    const char *project = json_string_value(json_object_get(wish, "project"));

    if (kn_policy_check(adds ? KN_CINDER_TYPE_ACCESS_ADD : KN_CINDER_TYPE_ACCESS_REMOVE, &req->caller, NULL, err) < 0 ||
        refuse_public(req, err) < 0) {
        return -1;
    }
    if (kn_db_change(req->db, adds ? &ADD : &REMOVE, KN_ARGS(req->params[0], project), &count, err) < 0) {
        return strcmp(kn_db_constraint(req->db), "volume_type_project_pkey") == 0
                   ? kn_fail(err, KN_CONFLICT, "Volume type access for %s / %.64s combination already exists.",
                             req->params[0], project)
                   : -1;
    }
    return count > 0 ? 0
                     : kn_fail(err, KN_NOT_FOUND, "Volume type access not found for %s / %.64s combination.",
                               req->params[0], project);
}
