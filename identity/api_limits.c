/* SPDX-License-Identifier: Apache-2.0 */
/* Unified limits over HTTP. What is made is made by the list. Rows are limit.c's. */
#include <string.h>

#include "identity/body.h"
#include "identity/handlers.h"
#include "identity/limit.h"
#include "identity/view.h"

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

/* --- what they look like --- */

static void view_of(struct kn_strbuf *sb, const struct kn_rows *rows, int row)
{
    kn_jsonw_str(sb, "id", kn_rows_str(rows, row, 0));
    kn_jsonw_str(sb, "service_id", kn_rows_str(rows, row, 1));
    kn_jsonw_str(sb, "region_id", kn_rows_str(rows, row, 2));
    kn_jsonw_str(sb, "resource_name", kn_rows_str(rows, row, 3));
}

static void view_registered(struct kn_strbuf *sb, const struct kn_request *req, const struct kn_rows *rows, int row)
{
    view_of(sb, rows, row);
    kn_jsonw_int(sb, "default_limit", kn_rows_int(rows, row, 4));
    kn_jsonw_str(sb, "description", kn_rows_str(rows, row, 5));
    kn_view_self(sb, req, "registered_limits", kn_rows_text(rows, row, 0));
}

static void view_limit(struct kn_strbuf *sb, const struct kn_request *req, const struct kn_rows *rows, int row)
{
    view_of(sb, rows, row);
    kn_jsonw_str(sb, "project_id", kn_rows_str(rows, row, 4));
    kn_jsonw_str(sb, "domain_id", kn_rows_str(rows, row, 5));
    kn_jsonw_int(sb, "resource_limit", kn_rows_int(rows, row, 6));
    kn_jsonw_str(sb, "description", kn_rows_str(rows, row, 7));
    kn_view_self(sb, req, "limits", kn_rows_text(rows, row, 0));
}

static void write_made(struct kn_response *res, const struct kn_request *req, const char *key, const struct kn_rows *rows, kn_view *view)
{
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, key);
    for (int i = 0; i < kn_rows_count(rows); i++) {
        kn_jsonw_object(&res->body, NULL);
        view(&res->body, req, rows, i);
        kn_jsonw_end_object(&res->body);
    }
    kn_jsonw_end_array(&res->body);
    kn_jsonw_end_object(&res->body);
}

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
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_filter filter;

    if (kn_body_filter(req, &filter, err) < 0) {
        return -1;
    }
    filter.realm = NULL; /* they are everybody's */
    if (kn_filter_run(req->db, &kn_registered_limits, &filter, &rows, err) < 0) {
        return -1;
    }
    kn_view_page(res, req, "registered_limits", rows, filter.limit, view_registered);
    return 0;
}

int kn_registered_limits_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_registered_limit_get(req->db, req->params[0], &rows, err) < 0) {
        return -1;
    }
    return kn_view_one(res, req, "registered_limit", req->params[0], rows, view_registered, err);
}

int kn_registered_limits_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_schema_check(REGISTERED_LIST, req->body, 0, err) < 0 ||
        kn_registered_limits_insert(req->db, json_object_get(req->body, "registered_limits"), &rows, err) < 0) {
        return -1;
    }
    write_made(res, req, "registered_limits", rows, view_registered);
    return 0;
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

int kn_limits_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_filter filter;

    if (kn_body_filter(req, &filter, err) < 0) {
        return -1;
    }
    filter.realm = !sees_all(&req->caller) && req->caller.domain_id[0] != '\0' ? req->caller.domain_id : NULL;
    filter.of = !sees_all(&req->caller) && filter.realm == NULL ? req->caller.project_id : NULL;
    if (kn_filter_run(req->db, &kn_limits, &filter, &rows, err) < 0) {
        return -1;
    }
    kn_view_page(res, req, "limits", rows, filter.limit, view_limit);
    return 0;
}

/* A limit is seen by whose it is: somebody on the project, or of its domain. */
static int check_seen(struct kn_request *req, const char *id, struct kn_error *err)
{
    struct kn_filter filter = { .realm = req->caller.domain_id[0] != '\0' ? req->caller.domain_id : NULL };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (sees_all(&req->caller)) {
        return 0;
    }
    filter.of = filter.realm == NULL ? req->caller.project_id : NULL;
    if (kn_filter_run(req->db, &kn_limits, &filter, &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        if (strcmp(kn_rows_text(rows, i, 0), id) == 0) {
            return 0;
        }
    }
    return kn_fail(err, KN_FORBIDDEN, "You are not authorized to perform the requested action: identity:get_limit.");
}

int kn_limits_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (check_seen(req, req->params[0], err) < 0 || kn_limit_get(req->db, req->params[0], &rows, err) < 0) {
        return -1;
    }
    return kn_view_one(res, req, "limit", req->params[0], rows, view_limit, err);
}

int kn_limits_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_schema_check(LIMIT_LIST, req->body, 0, err) < 0 ||
        kn_limits_insert(req->db, json_object_get(req->body, "limits"), &rows, err) < 0) {
        return -1;
    }
    write_made(res, req, "limits", rows, view_limit);
    return 0;
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
