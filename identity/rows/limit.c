/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the tables `registered_limit` and `unified_limit`: Keystone's unified limits, model "flat". A registered limit says what a resource of a
 * service is limited to by default, a limit says otherwise for one project or domain. They are kept for services that ask; the quotas of this
 * program's own are elsewhere. It must never let a limit stand without the registered one that it differs from.
 */
#include "identity/rows/nouns.h"

#define PLACE(more)                                                                                                        \
    KN_SHOWN_TEXT("service_id", "service_id", KN_REST_FIND | KN_REST_REQUIRED | (more), .limit = KN_LIMIT_IDENTITY_ID COLUMN("service_id")), \
    KN_SHOWN_TEXT("region_id", "region_id", KN_REST_FIND | KN_REST_NULL | (more), .limit = KN_LIMIT_LIMIT_REGION COLUMN("region_id")), \
    KN_SHOWN_TEXT("resource_name", "resource_name", KN_REST_FIND | KN_REST_REQUIRED | (more), .limit = KN_LIMIT_RESOURCE_NAME \
                  COLUMN("resource_name"))
#define NUMBER(name)                                                                                                       \
    KN_REST_ATTR(name, name, KN_REST_INT, KN_REST_SHOWN | KN_REST_WRITE | KN_REST_REQUIRED | KN_REST_EXACT, .column = name, \
                 .limit = KN_LIMIT_RESOURCE_LIMIT)
#define OWNER(name) \
    KN_SHOWN_TEXT(name, name, KN_REST_FIND | KN_REST_NULL | KN_REST_POST, .column = name, .limit = KN_LIMIT_IDENTITY_REF)

/* --- registered limits --- */

#define COLUMN(name) , .column = name
static const struct kn_rest_attr REGISTERED_ATTRS[] = {
    KN_ATTR_ID, PLACE(KN_REST_WRITE), NUMBER("default_limit"), KN_ATTR_DESCRIPTION(0), KN_ATTR_LINKS, KN_REST_ATTRS_END,
};
#undef COLUMN

static const struct kn_stmt THERE = { "limit_place",
    "SELECT $1::text IS NULL OR EXISTS (SELECT FROM catalog_service WHERE id = $1), "
    "$2::text IS NULL OR EXISTS (SELECT FROM catalog_region WHERE id = $2)", 2 };
enum there_column { THERE_SERVICE, THERE_REGION };
static const struct kn_stmt REGISTERED_USED = { "registered_limit_used", "SELECT FROM unified_limit WHERE registered_id = $1 LIMIT 1", 1 };

#define IN_USE "Unable to update or delete registered limit %2 because there are project limits associated with it."

/* A change of what it is a limit of would change the limits that rest on it. */
static int check_unused(struct kn_request *req, const char *id, const json_t *object, struct kn_error *err)
{
    int64_t used = 0;

    if (json_object_get(object, "service_id") == NULL && json_object_get(object, "region_id") == NULL &&
        json_object_get(object, "resource_name") == NULL) {
        return 0;
    }
    if (kn_db_change(req->db, &REGISTERED_USED, KN_ARGS(id), &used, err) < 0) {
        return -1;
    }
    return used == 0 ? 0 : kn_rest_fail(err, KN_FORBIDDEN, IN_USE, "", id);
}

/* A service or region that goes later leaves its limits behind, as Keystone does: a client deletes what it made in any order. */
static int decide_registered(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (object == NULL) {
        return 0;
    }
    if (kn_db_run(req->db, &THERE, KN_ARGS(kn_said(object, "service_id"), kn_said(object, "region_id")), &rows, err) < 0) {
        return -1;
    }
    if (!kn_rows_bool(rows, 0, THERE_SERVICE)) {
        return kn_fail(err, KN_BAD_REQUEST, "the limit's service does not exist");
    }
    if (!kn_rows_bool(rows, 0, THERE_REGION)) {
        return kn_fail(err, KN_BAD_REQUEST, "the limit's region does not exist");
    }
    return now == NULL ? 0 : check_unused(req, id, object, err);
}

static const struct kn_rest_clash REGISTERED_CLASHES[] = {
    { "registered_limit_once", KN_CONFLICT, "Conflict occurred attempting to store registered_limit - Duplicate entry." },
    { NULL, KN_CONFLICT, NULL },
};
const struct kn_rest_noun kn_registered_limit_noun = {
    .one = "registered_limit", .many = "registered_limits", .label = "registered_limit", .path = "/registered_limits",
    .from = "registered_limit", .order = "resource_name", .attrs = REGISTERED_ATTRS, KN_NOUN_COMMON, .table = "registered_limit",
    .many_limit = KN_LIMIT_LIMIT_ITEMS, .decide = decide_registered, .clashes = REGISTERED_CLASHES, .in_use = IN_USE,
};

/* --- limits --- */

#define COLUMN(name)
static const struct kn_rest_attr LIMIT_ATTRS[] = {
    KN_ATTR_ID, PLACE(KN_REST_POST), OWNER("project_id"), OWNER("domain_id"), NUMBER("resource_limit"), KN_ATTR_DESCRIPTION(0), KN_ATTR_LINKS,
    KN_REST_ATTR("registered_id", NULL, KN_REST_TEXT, 0, .column = "registered_id"), KN_REST_ATTRS_END,
};

static const struct kn_stmt REGISTERED = { "limit_registered",
    "SELECT id FROM registered_limit WHERE service_id = $1 AND coalesce(region_id, '') = coalesce($2, '') AND resource_name = $3", 3 };

static int check_limit(struct kn_request *req, json_t *object, struct kn_error *err)
{
    (void)req;
    return json_object_get(object, "service_id") == NULL || (kn_said(object, "project_id") == NULL) != (kn_said(object, "domain_id") == NULL)
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "a limit is of a project or of a domain: it names one of project_id and domain_id");
}

static int decide_limit(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *const *args = KN_ARGS(kn_said(object, "service_id"), kn_said(object, "region_id"), kn_said(object, "resource_name"));

    (void)id;
    if (now != NULL) {
        return 0;
    }
    if (kn_db_run(req->db, &REGISTERED, args, &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_FORBIDDEN, "Unable to create a limit that has no corresponding registered limit.");
    }
    json_object_set_new(object, "registered_id", json_string(kn_rest_id_of(rows, 0)));
    return 0;
}

static const struct kn_rest_clash LIMIT_CLASHES[] = {
    { "unified_limit_once", KN_CONFLICT, "Conflict occurred attempting to store limit - Duplicate entry." },
    { "unified_limit_project", KN_BAD_REQUEST, "the limit's project does not exist" },
    { "unified_limit_domain", KN_BAD_REQUEST, "the limit's domain does not exist" },
    { "unified_limit_registered", KN_FORBIDDEN, "Unable to create a limit that has no corresponding registered limit." },
    { NULL, KN_CONFLICT, NULL },
};
const struct kn_rest_noun kn_limit_noun = {
    .one = "limit", .many = "limits", .label = "limit", .path = "/limits", .from = "shown_limit", .order = "resource_name",
    .attrs = LIMIT_ATTRS, KN_NOUN_COMMON, .table = "unified_limit", .many_limit = KN_LIMIT_LIMIT_ITEMS, .check = check_limit,
    .decide = decide_limit, .clashes = LIMIT_CLASHES,
};
