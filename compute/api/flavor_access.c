/* SPDX-License-Identifier: Apache-2.0 */
/* The projects that a private flavor is open to, over HTTP. */
#include "compute/api.h"
#include "compute/rows/flavor.h"
#include "compute/rows/view.h"
#include "identity/api.h"
#include "lib/domain/message.h"
#include "lib/domain/schema.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"

static const struct kn_schema TENANT[] = {
    KN_SCHEMA("tenant", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_FLAVOR_TENANT, .rule = &KN_TEXT_PROJECT),
    KN_SCHEMA_END,
};
static const struct kn_schema ACTION[] = {
    KN_SCHEMA("addTenantAccess", KN_IS_OBJECT, .inner = TENANT),
    KN_SCHEMA("removeTenantAccess", KN_IS_OBJECT, .inner = TENANT),
    KN_SCHEMA_END,
};

static const struct kn_rest_attr ACCESS_ATTRS[] = {
    KN_REST_ATTR("flavor_id", "a.flavor_id", KN_REST_TEXT, KN_REST_LIST),
    KN_REST_ATTR("tenant_id", "a.project_id", KN_REST_TEXT, KN_REST_LIST),
    KN_REST_ATTRS_END,
};
static const struct kn_rest_noun ACCESS = {
    .one = "flavor_access",
    .many = "flavor_access",
    .label = "Flavor access",
    .from = "flavor_access a",
    .id = "a.project_id",
    .id_type = KN_REST_TEXT,
    .order = "tenant_id",
    .ascending = true,
    .ties = "",
    .unsorted = true,
    .pages_since = KN_REST_NEVER,
    .attrs = ACCESS_ATTRS,
    .manners = &KN_REST_NOVA,
};

static int answer_access(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_rest_bound of_flavor[] = { { "a.flavor_id = ?", req->params[0] }, { NULL, NULL } };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_rest_rows(&ACCESS, req, KN_REST_LIST, KN_REST_NO_WISHES, of_flavor, &rows, err) < 0) {
        return -1;
    }
    kn_rest_write_all(&ACCESS, req, KN_REST_LIST, rows, res);
    return 0;
}

int kn_compute_flavor_access_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_compute_flavor_get(req->db, req->params[0], NULL, &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_bool(rows, 0, KN_FLAVOR_PUBLIC)) {
        return kn_fail(err, KN_NOT_FOUND, "Access list not available for public flavors.");
    }
    return answer_access(req, res, err);
}

int kn_compute_flavors_action(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const json_t *add = NULL, *remove = NULL;

    if (kn_schema_check(ACTION, req->body, req->microversion, err) < 0) {
        return -1;
    }
    if (json_object_size(req->body) != 1) {
        return kn_fail(err, KN_BAD_REQUEST, "The request body must name exactly one action");
    }
    add = json_object_get(req->body, "addTenantAccess");
    if (kn_policy_check(add != NULL ? KN_NOVA_FLAVOR_ACCESS_ADD : KN_NOVA_FLAVOR_ACCESS_REMOVE, &req->caller, NULL,
                        err) < 0) {
        return -1;
    }
    /* Access of a project that is gone can be taken away. */
    if ((add != NULL && kn_identity_project_verify(req->db, kn_json_str(add, "tenant"), err) < 0) ||
        kn_compute_flavor_get(req->db, req->params[0], NULL, &rows, err) < 0) {
        return -1;
    }
    remove = json_object_get(req->body, "removeTenantAccess");
    if (add != NULL && kn_compute_since(req, 7) && kn_rows_bool(rows, 0, KN_FLAVOR_PUBLIC)) {
        return kn_fail(err, KN_CONFLICT, "Can not add access to a public flavor.");
    }
    if (add != NULL && kn_compute_flavor_access_add(req->db, req->params[0], kn_json_str(add, "tenant"), err) < 0) {
        return -1;
    }
    if (remove != NULL &&
        kn_compute_flavor_access_remove(req->db, req->params[0], kn_json_str(remove, "tenant"), err) < 0) {
        return -1;
    }
    return answer_access(req, res, err);
}
