/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keystone's unified limits, model "flat", which are the rows of `quota_limit` (lib/adapter/quota.h): a registered limit is the default of a resource, a
 * limit what one project or domain has instead. Those of this program's own services are the quotas that the services enforce and set; others are kept
 * for services elsewhere, under the id of their service. It must never let a limit be made without the registered one that it differs from.
 */
#include "identity/rows/nouns.h"
#include "lib/adapter/quota.h"

/* Which of this program's services a service of the catalog is; NULL: none. */
#define KIND(type) \
    "CASE WHEN " type " IN ('compute', 'image', 'network') THEN " type " WHEN " type \
    " IN ('block-storage', 'block-store', 'volume', 'volumev2', 'volumev3') THEN 'volume' END"
/* What a service itself set names none of the catalog: it is shown as the first of its kind. */
#define SERVICE \
    "coalesce(service_id, (SELECT s.id FROM catalog_service s WHERE " KIND( \
        "s.type") " = quota_limit.service ORDER BY s.type, s.id LIMIT 1))"
#define KNOWN "FROM " KN_QUOTA_KNOWN " k WHERE (k.service, k.resource) = (quota_limit.service, quota_limit.resource)"
#define NAME "coalesce((SELECT k.seen " KNOWN "), resource)"
#define KEPT SERVICE " IS NOT NULL AND NOT EXISTS (SELECT " KNOWN " AND k.seen IS NULL)"

#define PLACE(more) \
    KN_SHOWN_TEXT("service_id", SERVICE, KN_REST_FIND | KN_REST_REQUIRED | (more), .column = "service_id", \
                  .limit = KN_LIMIT_IDENTITY_ID), \
        KN_SHOWN_TEXT("region_id", "region_id", KN_REST_FIND | KN_REST_NULL | (more), .column = "region_id", \
                      .limit = KN_LIMIT_LIMIT_REGION), \
        KN_SHOWN_TEXT("resource_name", NAME, KN_REST_FIND | KN_REST_REQUIRED | (more), \
                      .limit = KN_LIMIT_RESOURCE_NAME), \
        KN_REST_ATTR("kept_service", NULL, KN_REST_TEXT, 0, .column = "service"), \
        KN_REST_ATTR("kept_resource", NULL, KN_REST_TEXT, 0, .column = "resource"), \
        KN_REST_ATTR("kept_project", NULL, KN_REST_TEXT, 0, .column = "project_id")
#define NUMBER(name) \
    KN_REST_ATTR(name, "hard_limit", KN_REST_INT, KN_REST_SHOWN | KN_REST_WRITE | KN_REST_REQUIRED | KN_REST_EXACT, \
                 .column = "hard_limit", .limit = KN_LIMIT_RESOURCE_LIMIT)
/* A domain is a project, too. */
#define OWNER(name, is) \
    KN_SHOWN_TEXT(name, \
                  "CASE WHEN EXISTS (SELECT FROM any_project p WHERE p.id = project_id AND p.is_domain = " is \
                  ") THEN project_id END", \
                  KN_REST_FIND | KN_REST_NULL | KN_REST_POST, .limit = KN_LIMIT_IDENTITY_REF)

static const struct kn_stmt WHERE = {
    "limit_place",
    "SELECT s.id IS NOT NULL, $2::text IS NULL OR EXISTS (SELECT FROM catalog_region WHERE id = $2), coalesce(k.service, $1::text), "
    "coalesce(k.resource, $3::text) FROM (SELECT 1) one LEFT JOIN catalog_service s ON s.id = $1 "
    "LEFT JOIN " KN_QUOTA_KNOWN " k ON k.service = " KIND("s.type") " AND k.seen = $3",
    3
};
enum where_column { WHERE_SERVICE_IS, WHERE_REGION_IS, WHERE_SERVICE, WHERE_RESOURCE };
static const struct kn_stmt CHANGED = {
    "limit_changed", KN_QUOTA_CHANGES("project_id FROM quota_limit WHERE id = $1 AND " KN_QUOTA_OURS) "SELECT", 1
};

/* Finds what it is kept under, and says so in the object. */
static int limit_settle(struct kn_request *req, json_t *object, const char *service, const char *region,
                        const char *name, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(req->db, &WHERE, KN_ARGS(service, region, name), &rows, err) < 0) {
        return -1;
    }
    if (!kn_rows_bool(rows, 0, WHERE_SERVICE_IS)) {
        return kn_fail(err, KN_BAD_REQUEST, "the limit's service does not exist");
    }
    if (!kn_rows_bool(rows, 0, WHERE_REGION_IS)) {
        return kn_fail(err, KN_BAD_REQUEST, "the limit's region does not exist");
    }
    json_object_set_new(object, "kept_service", json_string(kn_rows_text(rows, 0, WHERE_SERVICE)));
    json_object_set_new(object, "kept_resource", json_string(kn_rows_text(rows, 0, WHERE_RESOURCE)));
    return 0;
}

/* A limit that is new or other counts from now on; one that goes has been said before it does. */
static int limit_after(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                       struct kn_error *err)
{
    (void)now;
    return object == NULL ? 0 : kn_db_run(req->db, &CHANGED, KN_ARGS(id), NULL, err);
}

/* --- registered limits --- */

static const struct kn_rest_attr REGISTERED_ATTRS[] = {
    KN_ATTR_ID, PLACE(KN_REST_WRITE), NUMBER("default_limit"), KN_ATTR_DESCRIPTION(0), KN_ATTR_LINKS, KN_REST_ATTRS_END,
};

static const struct kn_stmt REGISTERED_USED = {
    "registered_limit_used",
    "SELECT FROM quota_limit r JOIN quota_limit l ON l.service = r.service AND l.resource = r.resource AND l.project_id <> '' "
    "AND (l.region_id IS NOT DISTINCT FROM r.region_id OR l." KN_QUOTA_OURS
    ") JOIN any_project p ON p.id = l.project_id WHERE r.id = $1 LIMIT 1",
    1
};

#define IN_USE "Unable to update or delete registered limit %2 because there are project limits associated with it."

static int limit_check_unused(struct kn_request *req, const char *id, struct kn_error *err)
{
    int64_t used = 0;

    if (kn_db_change(req->db, &REGISTERED_USED, KN_ARGS(id), &used, err) < 0) {
        return -1;
    }
    return used == 0 ? 0 : kn_rest_fail(err, KN_FORBIDDEN, IN_USE, "", id);
}

/* What the object says, or what was. */
static const char *limit_either(const json_t *object, const struct kn_rows *now, const char *name)
{
    return kn_identity_said(object, name) != NULL ? kn_identity_said(object, name)
                                                  : kn_rest_was(&kn_identity_registered_limit_noun, now, name);
}

/*
 * A change of what it is a limit of would change the limits that rest on it. A service or region that goes later leaves its limits behind, as Keystone
 * does: a client deletes what it made in any order.
 */
static int decide_registered(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                             struct kn_error *err)
{
    const char *region;

    if (object == NULL) {
        return limit_check_unused(req, id, err) < 0 ? -1 : kn_db_run(req->db, &CHANGED, KN_ARGS(id), NULL, err);
    }
    if (now == NULL) {
        json_object_set_new(object, "kept_project", json_string(""));
        return limit_settle(req, object, kn_identity_said(object, "service_id"), kn_identity_said(object, "region_id"),
                            kn_identity_said(object, "resource_name"), err);
    }
    if (json_object_get(object, "service_id") == NULL && json_object_get(object, "region_id") == NULL &&
        json_object_get(object, "resource_name") == NULL) {
        return 0;
    }
    region = limit_either(object, now, "region_id");
    return limit_check_unused(req, id, err) < 0 ||
                   limit_settle(req, object, limit_either(object, now, "service_id"), region[0] != '\0' ? region : NULL,
                                limit_either(object, now, "resource_name"), err) < 0
               ? -1
               : 0;
}

static const struct kn_rest_clash REGISTERED_CLASHES[] = {
    { "", KN_CONFLICT, "Conflict occurred attempting to store registered_limit - Duplicate entry." },
    { NULL, KN_CONFLICT, NULL },
};
const struct kn_rest_noun kn_identity_registered_limit_noun = {
    .one = "registered_limit",
    .many = "registered_limits",
    .label = "registered_limit",
    .path = "/registered_limits",
    .from = "quota_limit",
    .kept = "project_id = '' AND " KEPT,
    .order = "resource_name",
    .attrs = REGISTERED_ATTRS,
    KN_NOUN_COMMON,
    .table = "quota_limit",
    .many_limit = KN_LIMIT_LIMIT_ITEMS,
    .decide = decide_registered,
    .after = limit_after,
    .clashes = REGISTERED_CLASHES,
};

/* --- limits --- */

static const struct kn_rest_attr LIMIT_ATTRS[] = {
    KN_ATTR_ID,
    PLACE(KN_REST_POST),
    OWNER("project_id", "false"),
    OWNER("domain_id", "true"),
    NUMBER("resource_limit"),
    KN_ATTR_DESCRIPTION(0),
    KN_ATTR_LINKS,
    KN_REST_ATTRS_END,
};

/* Held: it cannot go before the limit is there. */
static const struct kn_stmt REGISTERED = {
    "limit_registered",
    "SELECT FROM quota_limit WHERE service = $1 AND project_id = '' AND resource = $2 AND (region_id IS NOT DISTINCT FROM $3 OR " KN_QUOTA_OURS
    ") FOR SHARE",
    3
};
/* clang-format off */
static const struct kn_stmt HOLDER = { "limit_holder", "SELECT FROM any_project WHERE id = $1 AND is_domain = $2::boolean", 2 };
/* clang-format on */

static int check_limit(struct kn_request *req, json_t *object, struct kn_error *err)
{
    (void)req;
    return json_object_get(object, "service_id") == NULL ||
                   (kn_identity_said(object, "project_id") == NULL) != (kn_identity_said(object, "domain_id") == NULL)
               ? 0
               : kn_fail(err, KN_BAD_REQUEST,
                         "a limit is of a project or of a domain: it names one of project_id and domain_id");
}

static int find_holder(struct kn_request *req, json_t *object, struct kn_error *err)
{
    const bool is_domain = kn_identity_said(object, "domain_id") != NULL;
    const char *holder = kn_identity_said(object, is_domain ? "domain_id" : "project_id");
    int64_t found = 0;

    if (kn_db_change(req->db, &HOLDER, KN_ARGS(holder, is_domain ? "t" : "f"), &found, err) < 0) {
        return -1;
    }
    json_object_set_new(object, "kept_project", json_string(holder));
    return found > 0 ? 0
                     : kn_fail(err, KN_BAD_REQUEST, "the limit's %s does not exist", is_domain ? "domain" : "project");
}

static int find_registered(struct kn_request *req, json_t *object, struct kn_error *err)
{
    int64_t found = 0;

    if (limit_settle(req, object, kn_identity_said(object, "service_id"), kn_identity_said(object, "region_id"),
                     kn_identity_said(object, "resource_name"), err) < 0) {
        return err->code == KN_BAD_REQUEST ? 0 : -1; /* of what there is not, nothing is registered */
    }
    if (kn_db_change(req->db, &REGISTERED,
                     KN_ARGS(kn_identity_said(object, "kept_service"), kn_identity_said(object, "kept_resource"),
                             kn_identity_said(object, "region_id")),
                     &found, err) < 0) {
        return -1;
    }
    return found > 0 ? 1 : 0;
}

static int decide_limit(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                        struct kn_error *err)
{
    int found;

    if (object == NULL) {
        return kn_db_run(req->db, &CHANGED, KN_ARGS(id), NULL, err);
    }
    if (now != NULL) {
        return 0;
    }
    found = find_registered(req, object, err);
    if (found <= 0) {
        return found < 0
                   ? -1
                   : kn_fail(err, KN_FORBIDDEN, "Unable to create a limit that has no corresponding registered limit.");
    }
    return find_holder(req, object, err);
}

static const struct kn_rest_clash LIMIT_CLASHES[] = {
    { "", KN_CONFLICT, "Conflict occurred attempting to store limit - Duplicate entry." },
    { NULL, KN_CONFLICT, NULL },
};
/* What is kept for a project that is gone waits for history to take it. */
const struct kn_rest_noun kn_identity_limit_noun = {
    .one = "limit",
    .many = "limits",
    .label = "limit",
    .path = "/limits",
    .from = "quota_limit",
    .kept = "EXISTS (SELECT FROM any_project p WHERE p.id = project_id) AND " KEPT,
    .order = "resource_name",
    .attrs = LIMIT_ATTRS,
    KN_NOUN_COMMON,
    .table = "quota_limit",
    .many_limit = KN_LIMIT_LIMIT_ITEMS,
    .check = check_limit,
    .decide = decide_limit,
    .after = limit_after,
    .clashes = LIMIT_CLASHES,
};
