/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the tables `registered_limit` and `unified_limit`. It must never let a limit stand without the registered one that it differs from. */
#include "identity/rows/limit.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/uuid.h"

#define TEXT(name, ...) KN_REST_ATTR(name, name, KN_REST_TEXT, KN_REST_SHOWN | __VA_ARGS__)
#define COMMON TEXT("service_id", KN_REST_FIND), TEXT("region_id", KN_REST_FIND | KN_REST_NULL), TEXT("resource_name", KN_REST_FIND)
#define REST                                                                                                                   \
    .id = "id", .id_type = KN_REST_TEXT, .order = "resource_name", .ascending = true, .ties = "id", .manners = &KN_REST_KEYSTONE

static const struct kn_rest_attr REGISTERED_ATTRS[] = {
    KN_ATTR_ID, COMMON, KN_REST_ATTR("default_limit", "default_limit", KN_REST_INT, KN_REST_SHOWN),
    KN_REST_ATTR("description", "description", KN_REST_TEXT, KN_REST_SHOWN), KN_ATTR_LINKS, KN_REST_ATTRS_END,
};
static const struct kn_rest_attr LIMIT_ATTRS[] = {
    KN_ATTR_ID, COMMON, TEXT("project_id", KN_REST_FIND | KN_REST_NULL), TEXT("domain_id", KN_REST_FIND | KN_REST_NULL),
    KN_REST_ATTR("resource_limit", "resource_limit", KN_REST_INT, KN_REST_SHOWN),
    KN_REST_ATTR("description", "description", KN_REST_TEXT, KN_REST_SHOWN), KN_ATTR_LINKS, KN_REST_ATTRS_END,
};
const struct kn_rest_noun kn_registered_limit_noun = {
    .one = "registered_limit", .many = "registered_limits", .label = "registered_limit", .path = "/registered_limits",
    .from = "registered_limit", .attrs = REGISTERED_ATTRS, REST,
};
const struct kn_rest_noun kn_limit_noun = {
    .one = "limit", .many = "limits", .label = "limit", .path = "/limits", .from = "shown_limit", .attrs = LIMIT_ATTRS, REST,
};

static const struct kn_stmt REGISTERED_INSERT = { "registered_limit_insert",
    "INSERT INTO registered_limit (id, service_id, region_id, resource_name, default_limit, description) "
    "VALUES ($1, $2, $3, $4, $5, $6)", 6 };
static const struct kn_stmt REGISTERED_UPDATE = { "registered_limit_update",
    "UPDATE registered_limit SET service_id = coalesce($2, service_id), region_id = coalesce($3, region_id), "
    "resource_name = coalesce($4, resource_name), default_limit = coalesce($5::integer, default_limit), "
    "description = CASE WHEN $7::boolean THEN $6 ELSE description END WHERE id = $1", 7 };
static const struct kn_stmt REGISTERED_DELETE = { "registered_limit_delete", "DELETE FROM registered_limit WHERE id = $1", 1 };
static const struct kn_stmt REGISTERED_USED = { "registered_limit_used", "SELECT FROM unified_limit WHERE registered_id = $1 LIMIT 1", 1 };

static const struct kn_stmt PLACE = { "limit_place",
    "SELECT $1::text IS NULL OR EXISTS (SELECT FROM catalog_service WHERE id = $1), "
    "$2::text IS NULL OR EXISTS (SELECT FROM catalog_region WHERE id = $2)", 2 };

static const struct kn_stmt LIMIT_INSERT = { "limit_insert",
    "INSERT INTO unified_limit (id, registered_id, project_id, domain_id, resource_limit, description) "
    "SELECT $1, id, $5, $6, $7::integer, $8 FROM registered_limit "
    "WHERE service_id = $2 AND coalesce(region_id, '') = coalesce($3, '') AND resource_name = $4", 8 };
static const struct kn_stmt LIMIT_UPDATE = { "limit_update",
    "UPDATE unified_limit SET resource_limit = coalesce($2::integer, resource_limit), description = coalesce($3, description) "
    "WHERE id = $1", 3 };
static const struct kn_stmt LIMIT_DELETE = { "limit_delete", "DELETE FROM unified_limit WHERE id = $1", 1 };

static const char *text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* The number as an argument; NULL if it is not there. */
static const char *number(const json_t *object, const char *key, struct kn_arg *arg)
{
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? kn_arg_int(arg, json_integer_value(value)) : NULL;
}

static int refused(struct kn_db *db, struct kn_error *err)
{
    static const struct {
        const char *constraint;
        enum kn_code code;
        const char *message;
    } MEANINGS[] = {
        { "registered_limit_once", KN_CONFLICT, "Conflict occurred attempting to store registered_limit - Duplicate entry." },
        { "unified_limit_once", KN_CONFLICT, "Conflict occurred attempting to store limit - Duplicate entry." },
        { "unified_limit_project", KN_BAD_REQUEST, "the limit's project does not exist" },
        { "unified_limit_domain", KN_BAD_REQUEST, "the limit's domain does not exist" },
    };

    for (size_t i = 0; err->code == KN_CONFLICT && i < KN_COUNT(MEANINGS); i++) {
        if (strcmp(kn_db_constraint(db), MEANINGS[i].constraint) == 0) {
            return kn_fail(err, MEANINGS[i].code, "%s", MEANINGS[i].message);
        }
    }
    return -1;
}

/* --- making --- */

/* A service or region that goes later leaves its limits behind, as Keystone does: a client deletes what it made in any order. */
static int check_place(struct kn_db *db, const json_t *item, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &PLACE, KN_ARGS(text(item, "service_id"), text(item, "region_id")), &rows, err) < 0) {
        return -1;
    }
    if (!kn_rows_bool(rows, 0, 0)) {
        return kn_fail(err, KN_BAD_REQUEST, "the limit's service does not exist");
    }
    return kn_rows_bool(rows, 0, 1) ? 0 : kn_fail(err, KN_BAD_REQUEST, "the limit's region does not exist");
}

static int insert_registered(struct kn_db *db, const char *id, const json_t *item, struct kn_error *err)
{
    struct kn_arg limit;
    const char *const *args = KN_ARGS(id, text(item, "service_id"), text(item, "region_id"), text(item, "resource_name"),
                                      number(item, "default_limit", &limit), text(item, "description"));
    if (check_place(db, item, err) < 0) {
        return -1;
    }
    return kn_db_run(db, &REGISTERED_INSERT, args, NULL, err) < 0 ? refused(db, err) : 0;
}

static int insert_limit(struct kn_db *db, const char *id, const json_t *item, struct kn_error *err)
{
    const char *project = text(item, "project_id"), *domain = text(item, "domain_id");
    struct kn_arg limit;
    const char *const *args = KN_ARGS(id, text(item, "service_id"), text(item, "region_id"), text(item, "resource_name"), project, domain,
                                      number(item, "resource_limit", &limit), text(item, "description"));
    int64_t made = 0;

    if ((project == NULL) == (domain == NULL)) {
        return kn_fail(err, KN_BAD_REQUEST, "a limit is of a project or of a domain: it names one of project_id and domain_id");
    }
    if (kn_db_change(db, &LIMIT_INSERT, args, &made, err) < 0) {
        return refused(db, err);
    }
    return made > 0 ? 0
                    : kn_fail(err, KN_FORBIDDEN, "Unable to create a limit that has no corresponding registered limit.");
}

static int insert_all(struct kn_db *db, const json_t *items, struct kn_array *ids,
                      int (*insert)(struct kn_db *db, const char *id, const json_t *item, struct kn_error *err), struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { 0 };
    const json_t *item = NULL;
    size_t i = 0;

    if (kn_tx_begin(&tx, db, err) < 0) {
        return -1;
    }
    json_array_foreach(items, i, item) {
        char id[KN_HEX_SIZE];
        kn_uuid_make_hex(id);
        kn_array_add(ids, id);
        if (insert(db, id, item, err) < 0) {
            return -1;
        }
    }
    return kn_tx_commit(&tx, err);
}

int kn_registered_limits_insert(struct kn_db *db, const json_t *items, struct kn_array *ids, struct kn_error *err)
{
    return insert_all(db, items, ids, insert_registered, err);
}

int kn_limits_insert(struct kn_db *db, const json_t *items, struct kn_array *ids, struct kn_error *err)
{
    return insert_all(db, items, ids, insert_limit, err);
}

/* --- one --- */

static int not_found(const char *what, const char *id, struct kn_error *err)
{
    return kn_fail(err, KN_NOT_FOUND, "Could not find %s for %s.", what, id);
}

static int used(const char *id, struct kn_error *err)
{
    return kn_fail(err, KN_FORBIDDEN, "Unable to update or delete registered limit %s because there are project limits associated with it.",
                   id);
}

/* A change of what it is a limit of would change the limits that rest on it. */
static int check_unused(struct kn_db *db, const char *id, const json_t *change, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (text(change, "service_id") == NULL && text(change, "region_id") == NULL && text(change, "resource_name") == NULL) {
        return 0;
    }
    if (kn_db_run(db, &REGISTERED_USED, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) == 0 ? 0 : used(id, err);
}

int kn_registered_limit_update(struct kn_db *db, const char *id, const json_t *change, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { 0 };
    struct kn_arg limit;
    const char *const *args = KN_ARGS(id, text(change, "service_id"), text(change, "region_id"), text(change, "resource_name"),
                                      number(change, "default_limit", &limit), text(change, "description"),
                                      json_object_get(change, "description") != NULL ? "true" : "false");
    int64_t changed = 0;

    if (kn_tx_begin(&tx, db, err) < 0 || check_place(db, change, err) < 0) {
        return -1;
    }
    if (kn_db_change(db, &REGISTERED_UPDATE, args, &changed, err) < 0) { /* locks the row: no limit can come to rest on it now */
        return refused(db, err);
    }
    if (changed == 0) {
        return not_found("registered limit", id, err);
    }
    return check_unused(db, id, change, err) < 0 ? -1 : kn_tx_commit(&tx, err);
}

int kn_limit_update(struct kn_db *db, const char *id, const json_t *change, struct kn_error *err)
{
    struct kn_arg limit;
    const char *const *args = KN_ARGS(id, number(change, "resource_limit", &limit), text(change, "description"));
    int64_t changed = 0;

    if (kn_db_change(db, &LIMIT_UPDATE, args, &changed, err) < 0) {
        return -1;
    }
    return changed > 0 ? 0 : not_found("limit", id, err);
}

int kn_registered_limit_delete(struct kn_db *db, const char *id, struct kn_error *err)
{
    int64_t gone = 0;

    if (kn_db_change(db, &REGISTERED_DELETE, KN_ARGS(id), &gone, err) < 0) {
        return err->code == KN_CONFLICT ? used(id, err) : -1;
    }
    return gone > 0 ? 0 : not_found("registered limit", id, err);
}

int kn_limit_delete(struct kn_db *db, const char *id, struct kn_error *err)
{
    int64_t gone = 0;

    if (kn_db_change(db, &LIMIT_DELETE, KN_ARGS(id), &gone, err) < 0) {
        return -1;
    }
    return gone > 0 ? 0 : not_found("limit", id, err);
}
