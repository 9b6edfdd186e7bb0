/* SPDX-License-Identifier: Apache-2.0 */
/* A flavor's extra specs, and the projects that a private flavor is open to, over HTTP. */
#include <stdio.h>
#include <string.h>

#include "compute/api.h"
#include "compute/rows/flavor.h"
#include "compute/rows/view.h"
#include "identity/api.h"
#include "lib/domain/message.h"
#include "lib/domain/schema.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"

static const struct kn_schema SPEC_VALUES[] = {
    KN_SCHEMA("value", KN_IS_STRING, .limit = KN_LIMIT_EXTRA_SPEC_VALUE),
    KN_SCHEMA("value", KN_IS_NUMBER),
    KN_SCHEMA_END,
};
static const struct kn_schema SPECS[] = {
    KN_SCHEMA("extra_specs", KN_IS_MAP, .flags = KN_REQUIRED, .rule = &KN_TEXT_META_KEY, .inner = SPEC_VALUES),
    KN_SCHEMA_END,
};
static const struct kn_schema ONE_SPEC[] = {
    KN_SCHEMA("extra_specs", KN_IS_MAP, .limit = KN_LIMIT_ONE_ITEM, .rule = &KN_TEXT_META_KEY, .inner = SPEC_VALUES),
    KN_SCHEMA_END,
};
static const struct kn_schema TENANT[] = {
    KN_SCHEMA("tenant", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_FLAVOR_TENANT, .rule = &KN_TEXT_PROJECT),
    KN_SCHEMA_END,
};
static const struct kn_schema ACTION[] = {
    KN_SCHEMA("addTenantAccess", KN_IS_OBJECT, .inner = TENANT),
    KN_SCHEMA("removeTenantAccess", KN_IS_OBJECT, .inner = TENANT),
    KN_SCHEMA_END,
};

/* What is stored: text for text, and text for numbers too. */
static char *stored(json_t *specs)
{
    json_t *out = json_object();
    const char *key = NULL;
    json_t *value = NULL;
    char *text = NULL;

    json_object_foreach (specs, key, value) {
        AUTO_FREE char *number = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY);

        json_object_set_new(out, key, json_string(number != NULL ? number : json_string_value(value)));
    }
    text = json_dumps(out, JSON_COMPACT);
    json_decref(out);
    return text;
}

static int api_flavor_specs_merge(struct kn_request *req, json_t *specs, struct kn_response *res, struct kn_error *err)
{
    AUTO_FREE char *text = stored(specs);

    if (kn_compute_flavor_specs_merge(req->db, req->params[0], text, err) < 0) {
        return -1;
    }
    kn_response_json(res, json_incref(req->body)); /* as it was sent */
    return 0;
}

int kn_compute_flavor_specs_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_compute_flavor_get(req->db, req->params[0], kn_compute_visible_project(req), &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_raw(&res->body, "extra_specs", kn_rows_text(rows, 0, KN_FLAVOR_SPECS));
    kn_jsonw_end_object(&res->body);
    return 0;
}

int kn_compute_flavor_specs_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    if (kn_schema_check(SPECS, req->body, req->microversion, err) < 0) {
        return -1;
    }
    return api_flavor_specs_merge(req, json_object_get(req->body, "extra_specs"), res, err);
}

int kn_compute_flavor_specs_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    json_t *specs = NULL;
    json_t *one = json_object();
    int result = 0;

    if (kn_compute_flavor_get(req->db, req->params[0], kn_compute_visible_project(req), &rows, err) < 0) {
        json_decref(one);
        return -1;
    }
    specs = json_loads(kn_rows_text(rows, 0, KN_FLAVOR_SPECS), 0, NULL);
    if (json_object_get(specs, req->params[1]) == NULL) {
        result = kn_fail(err, KN_NOT_FOUND, "Flavor %.100s has no extra specs with key %.100s.", req->params[0],
                         req->params[1]);
    } else {
        json_object_set(one, req->params[1], json_object_get(specs, req->params[1]));
        kn_response_json(res, json_incref(one));
    }
    json_decref(one);
    json_decref(specs);
    return result;
}

int kn_compute_flavor_specs_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    json_t *wrapped = json_object();
    int result = -1;

    json_object_set(wrapped, "extra_specs", req->body);
    result = kn_schema_check(ONE_SPEC, wrapped, req->microversion, err);
    json_decref(wrapped);
    if (result < 0) {
        return -1;
    }
    if (json_object_get(req->body, req->params[1]) == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "Request body and URI mismatch");
    }
    return api_flavor_specs_merge(req, req->body, res, err);
}

int kn_compute_flavor_specs_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_compute_flavor_spec_delete(req->db, req->params[0], req->params[1], err);
}

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
