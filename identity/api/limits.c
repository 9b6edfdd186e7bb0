/* SPDX-License-Identifier: Apache-2.0 */
/* Unified limits over HTTP. What is made is made by the list. Rows are limit.c's. */
#include "identity/api/handlers.h"
#include "identity/rows/body.h"
#include "identity/rows/limit.h"
#include "lib/base/jsonw.h"

#define NUMBER(key, flag) KN_SCHEMA(key, KN_IS_INTEGER, .flags = (flag) | KN_EXACT, .limit = KN_LIMIT_RESOURCE_LIMIT)
#define OF(flag)                                                                                  \
    KN_SCHEMA("service_id", KN_IS_STRING, .flags = flag, .limit = KN_LIMIT_IDENTITY_ID), \
    KN_SCHEMA("region_id", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_LIMIT_REGION), \
    KN_SCHEMA("resource_name", KN_IS_STRING, .flags = flag, .limit = KN_LIMIT_RESOURCE_NAME), KN_BODY_DESCRIPTION

static const struct kn_schema REGISTERED[] = { OF(KN_REQUIRED), NUMBER("default_limit", KN_REQUIRED), KN_SCHEMA_END };
static const struct kn_schema REGISTERED_CHANGE[] = { OF(0), NUMBER("default_limit", 0), KN_SCHEMA_END };
static const struct kn_schema LIMIT[] = {
    OF(KN_REQUIRED), NUMBER("resource_limit", KN_REQUIRED), KN_SCHEMA("project_id", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_IDENTITY_REF),
    KN_SCHEMA("domain_id", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_IDENTITY_REF), KN_SCHEMA_END,
};
static const struct kn_schema LIMIT_CHANGE[] = { NUMBER("resource_limit", 0), KN_BODY_DESCRIPTION, KN_SCHEMA_END };
static const struct kn_schema REGISTERED_ITEM[] = { KN_SCHEMA("item", KN_IS_OBJECT, .inner = REGISTERED), KN_SCHEMA_END };
static const struct kn_schema LIMIT_ITEM[] = { KN_SCHEMA("item", KN_IS_OBJECT, .inner = LIMIT), KN_SCHEMA_END };
static const struct kn_schema REGISTERED_LIST[] = {
    KN_SCHEMA("registered_limits", KN_IS_LIST, .flags = KN_REQUIRED, .inner = REGISTERED_ITEM, .limit = KN_LIMIT_LIMIT_ITEMS), KN_SCHEMA_END,
};
static const struct kn_schema LIMIT_LIST[] = {
    KN_SCHEMA("limits", KN_IS_LIST, .flags = KN_REQUIRED, .inner = LIMIT_ITEM, .limit = KN_LIMIT_LIMIT_ITEMS), KN_SCHEMA_END,
};

int kn_limits_model(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)req;
    (void)err;
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, "model");
    kn_jsonw_str(&res->body, "name", "flat");
    kn_jsonw_str(&res->body, "description", "Limit enforcement and validation does not take project hierarchy into consideration.");
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

/* --- registered limits --- */

int kn_registered_limits_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&kn_registered_limit_noun, req, KN_REST_LIST, NULL, res, err); /* they are everybody's */
}

int kn_registered_limits_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_show(&kn_registered_limit_noun, req, req->params[0], KN_REST_SHOW, res, err);
}

int kn_registered_limits_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;

    return kn_schema_check(REGISTERED_LIST, req->body, 0, err) < 0 ||
                   kn_registered_limits_insert(req->db, json_object_get(req->body, "registered_limits"), &ids, err) < 0
               ? -1
               : kn_rest_show_many(&kn_registered_limit_noun, req, &ids, true, res, err);
}

int kn_registered_limits_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const json_t *change = NULL;

    if (kn_body_object(req, "registered_limit", REGISTERED_CHANGE, &change, err) < 0 ||
        kn_registered_limit_update(req->db, req->params[0], change, err) < 0) {
        return -1;
    }
    return kn_registered_limits_show(req, res, err);
}

int kn_registered_limits_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_registered_limit_delete(req->db, req->params[0], err);
}

/* --- limits --- */

static bool sees_all(const struct kn_caller *caller)
{
    return caller->is_admin || caller->system_scoped;
}

/* A limit is seen by whose it is: somebody on the project, or of its domain. */
static struct kn_rest_bound seen_by(const struct kn_caller *caller)
{
    if (sees_all(caller)) {
        return (struct kn_rest_bound){ NULL, NULL };
    }
    return caller->domain_id[0] != '\0'
               ? (struct kn_rest_bound){ "(domain_id = ? OR project_id IN (SELECT id FROM project WHERE domain_id = ?))", caller->domain_id }
               : (struct kn_rest_bound){ "project_id = ?", caller->project_id };
}

int kn_limits_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_rest_bound bounds[] = { seen_by(&req->caller), { NULL, NULL } };

    return kn_rest_list_within(&kn_limit_noun, req, KN_REST_LIST, NULL, bounds, res, err);
}

int kn_limits_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_rest_bound bounds[] = { seen_by(&req->caller), { NULL, NULL } };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_rest_find(&kn_limit_noun, req, req->params[0], KN_REST_SHOW, bounds, &rows, err) < 0) {
        return err->code != KN_NOT_FOUND || sees_all(&req->caller)
                   ? -1
                   : kn_fail(err, KN_FORBIDDEN, "You are not authorized to perform the requested action: identity:get_limit.");
    }
    kn_rest_write_one(&kn_limit_noun, req, KN_REST_SHOW, rows, res);
    return 0;
}

int kn_limits_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;

    return kn_schema_check(LIMIT_LIST, req->body, 0, err) < 0 ||
                   kn_limits_insert(req->db, json_object_get(req->body, "limits"), &ids, err) < 0
               ? -1
               : kn_rest_show_many(&kn_limit_noun, req, &ids, true, res, err);
}

int kn_limits_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const json_t *change = NULL;

    if (kn_body_object(req, "limit", LIMIT_CHANGE, &change, err) < 0 || kn_limit_update(req->db, req->params[0], change, err) < 0) {
        return -1;
    }
    return kn_limits_show(req, res, err);
}

int kn_limits_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_limit_delete(req->db, req->params[0], err);
}
