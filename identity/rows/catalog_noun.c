/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the tables `catalog_region`, `catalog_service`, `catalog_endpoint` and `catalog_version`. It must never change one without the last. */
#include "identity/rows/catalog_noun.h"

#include <string.h>

#include "identity/auth/identity.h"
#include "identity/rows/body.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"

#define TEXT(name) KN_SCHEMA(name, KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_CATALOG_TEXT)
#define ENABLED KN_SCHEMA("enabled", KN_IS_BOOLEAN, .flags = KN_EXACT)
#define ID KN_SCHEMA("id", KN_IS_STRING, .limit = KN_LIMIT_CATALOG_TEXT)
#define TEXT_OF(name, sql, ...) KN_REST_ATTR(name, sql, KN_REST_TEXT, KN_REST_SHOWN | __VA_ARGS__)
#define REST(...)                                                                                                             \
    .from = __VA_ARGS__, .id = "id", .id_type = KN_REST_TEXT, .ascending = true, .ties = "id", .manners = &KN_REST_KEYSTONE

/* A scheme, or where this cloud is. */
static bool is_url(const char *text)
{
    static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-";
    size_t scheme = strspn(text, LETTERS);

    return (scheme > 0 && text[scheme] == ':' && text[scheme + 1] != '\0') ||
           strncmp(text, "$(public_endpoint)s", strlen("$(public_endpoint)s")) == 0;
}

static const struct kn_text_rule URL = { is_url, "does not match '^[a-zA-Z0-9+.-]+:.+'", false };
static const char *const INTERFACES[] = { "admin", "internal", "public", NULL };

/* --- regions --- */

static const struct kn_schema REGION[] = { ID, KN_BODY_DESCRIPTION, TEXT("parent_region_id"), KN_SCHEMA_END };
static const struct kn_rest_attr REGION_ATTRS[] = {
    KN_ATTR_ID, KN_REST_ATTR("description", "description", KN_REST_TEXT, KN_REST_SHOWN),
    TEXT_OF("parent_region_id", "parent_id", KN_REST_FIND | KN_REST_NULL), KN_ATTR_EXTRA, KN_ATTR_LINKS, KN_REST_ATTRS_END,
};
static const struct kn_rest_noun REGION_REST = {
    .one = "region", .many = "regions", .label = "region", .path = "/regions", .order = "id", .attrs = REGION_ATTRS,
    REST("catalog_region"),
};
static const struct kn_stmt REGION_INSERT = { "catalog_region_insert",
    "INSERT INTO catalog_region (id, description, parent_id, extra) VALUES ($1, coalesce($2, ''), nullif($3, ''), $4::jsonb)", 4 };
static const struct kn_stmt REGION_CHANGE = { "catalog_region_change",
    "UPDATE catalog_region SET description = coalesce($2, description), parent_id = nullif(coalesce($3, parent_id), ''), "
    "extra = extra || $4::jsonb WHERE id = $1", 4 };
static const struct kn_stmt REGION_REMOVE = { "catalog_region_remove", "DELETE FROM catalog_region WHERE id = $1", 1 };
static const struct kn_stmt REGION_ENSURE = { "catalog_region_ensure",
    "INSERT INTO catalog_region (id) VALUES ($1) ON CONFLICT DO NOTHING", 1 };
/* Whether this region is below itself. */
static const struct kn_stmt REGION_CIRCLE = { "catalog_region_circle",
    "WITH RECURSIVE up (id) AS (SELECT parent_id FROM catalog_region WHERE id = $1 UNION SELECT r.parent_id FROM catalog_region r "
    "JOIN up ON up.id = r.id) SELECT FROM up WHERE id = $1", 1 };

const struct kn_catalog_noun kn_catalog_regions = {
    &REGION_REST, REGION, REGION, { "description", "parent_region_id" }, &REGION_INSERT, &REGION_CHANGE, &REGION_REMOVE,
};

/* --- services --- */

#define SERVICE(flag)                                                                             \
    KN_SCHEMA("type", KN_IS_STRING, .flags = flag, .limit = KN_LIMIT_CATALOG_TYPE), \
    KN_SCHEMA("name", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_CATALOG_TEXT), KN_BODY_DESCRIPTION, ENABLED

static const struct kn_schema SERVICE_CREATE[] = { SERVICE(KN_REQUIRED), KN_SCHEMA_END };
static const struct kn_schema SERVICE_CHANGE[] = { SERVICE(0), ID, KN_SCHEMA_END };
static const struct kn_rest_attr SERVICE_ATTRS[] = {
    KN_ATTR_ID, TEXT_OF("type", "type", KN_REST_FIND), KN_ATTR_NAME, KN_REST_ATTR("description", "description", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("enabled", "enabled", KN_REST_BOOL, KN_REST_SHOWN), KN_ATTR_EXTRA, KN_ATTR_LINKS, KN_REST_ATTRS_END,
};
static const struct kn_rest_noun SERVICE_REST = {
    .one = "service", .many = "services", .label = "service", .path = "/services", .order = "name", .attrs = SERVICE_ATTRS,
    REST("catalog_service"),
};
static const struct kn_stmt SERVICE_INSERT = { "catalog_service_insert",
    "INSERT INTO catalog_service (id, type, name, description, enabled, extra) VALUES ($1, $2, coalesce($3, ''), coalesce($4, ''), "
    "coalesce($5::boolean, true), $6::jsonb)", 6 };
static const struct kn_stmt SERVICE_UPDATE = { "catalog_service_change",
    "UPDATE catalog_service SET type = coalesce($2, type), name = coalesce($3, name), description = coalesce($4, description), "
    "enabled = coalesce($5::boolean, enabled), extra = extra || $6::jsonb WHERE id = $1", 6 };
static const struct kn_stmt SERVICE_REMOVE = { "catalog_service_remove", "DELETE FROM catalog_service WHERE id = $1", 1 };

const struct kn_catalog_noun kn_catalog_services = {
    &SERVICE_REST, SERVICE_CREATE, SERVICE_CHANGE, { "type", "name", "description", "enabled" }, &SERVICE_INSERT, &SERVICE_UPDATE,
    &SERVICE_REMOVE,
};

/* --- endpoints --- */

#define ENDPOINT(flag)                                                                            \
    KN_SCHEMA("service_id", KN_IS_STRING, .flags = flag, .limit = KN_LIMIT_IDENTITY_ID), \
    KN_SCHEMA("interface", KN_IS_STRING, .flags = flag, .words = INTERFACES),                     \
    KN_SCHEMA("url", KN_IS_STRING, .flags = flag, .limit = KN_LIMIT_ENDPOINT_URL, .rule = &URL), \
    TEXT("region_id"), TEXT("region"), TEXT("name"), KN_BODY_DESCRIPTION, ENABLED, ID

static const struct kn_schema ENDPOINT_CREATE[] = { ENDPOINT(KN_REQUIRED), KN_SCHEMA_END };
static const struct kn_schema ENDPOINT_CHANGE[] = { ENDPOINT(0), KN_SCHEMA_END };

/* The place of this cloud is filled in, projects and users are not: this URL is everybody's. */
static void print_url(const struct kn_request *req, const char *name, const char *template, struct kn_strbuf *out)
{
    static const char HERE[] = "$(public_endpoint)s";
    AUTO_FREE char *here = kn_identity_public_url(req);
    bool inside = strncmp(template, HERE, strlen(HERE)) == 0;
    AUTO_FREE char *url = kn_asprintf("%s%s", inside ? here : "", inside ? template + strlen(HERE) : template);

    kn_jsonw_str(out, name, url);
}

static const struct kn_rest_attr ENDPOINT_ATTRS[] = {
    KN_ATTR_ID, TEXT_OF("interface", "interface", KN_REST_FIND), TEXT_OF("region", "region_id", KN_REST_FIND | KN_REST_NULL),
    TEXT_OF("region_id", "region_id", KN_REST_FIND | KN_REST_NULL), TEXT_OF("service_id", "service_id", KN_REST_FIND),
    KN_REST_ATTR("url", "url", KN_REST_TEXT, KN_REST_SHOWN, .print = print_url),
    KN_REST_ATTR("enabled", "enabled", KN_REST_BOOL, KN_REST_SHOWN), TEXT_OF("name", "name", KN_REST_IF_SET),
    TEXT_OF("description", "description", KN_REST_IF_SET), KN_ATTR_EXTRA, KN_ATTR_LINKS, KN_REST_ATTRS_END,
};
static const struct kn_rest_noun ENDPOINT_REST = {
    .one = "endpoint", .many = "endpoints", .label = "endpoint", .path = "/endpoints", .order = "name", .attrs = ENDPOINT_ATTRS,
    REST("catalog_endpoint"),
};
static const struct kn_stmt ENDPOINT_INSERT = { "catalog_endpoint_insert",
    "INSERT INTO catalog_endpoint (id, service_id, interface, url, region_id, name, description, enabled, extra) VALUES ($1, $2, $3, $4, "
    "nullif($5, ''), coalesce($6, ''), coalesce($7, ''), coalesce($8::boolean, true), $9::jsonb)", 9 };
static const struct kn_stmt ENDPOINT_UPDATE = { "catalog_endpoint_change",
    "UPDATE catalog_endpoint SET service_id = coalesce($2, service_id), interface = coalesce($3, interface), url = coalesce($4, url), "
    "region_id = nullif(coalesce($5, region_id), ''), name = coalesce($6, name), description = coalesce($7, description), "
    "enabled = coalesce($8::boolean, enabled), extra = extra || $9::jsonb WHERE id = $1", 9 };
static const struct kn_stmt ENDPOINT_REMOVE = { "catalog_endpoint_remove", "DELETE FROM catalog_endpoint WHERE id = $1", 1 };

const struct kn_catalog_noun kn_catalog_endpoints = {
    &ENDPOINT_REST, ENDPOINT_CREATE, ENDPOINT_CHANGE,
    { "service_id", "interface", "url", "region_id", "name", "description", "enabled" }, &ENDPOINT_INSERT, &ENDPOINT_UPDATE,
    &ENDPOINT_REMOVE,
};

/* --- writing --- */

static const struct kn_stmt MOVED = { "catalog_moved", "UPDATE catalog_version SET version = version + 1", 0 };

static int refused(struct kn_db *db, const struct kn_catalog_noun *noun, const char *id, struct kn_error *err)
{
    static const struct {
        const char *constraint;
        enum kn_code code;
        const char *message;
    } MEANINGS[] = {
        { "catalog_region_pkey", KN_CONFLICT, "Conflict occurred attempting to store region - Duplicate ID." },
        { "catalog_region_parent", KN_NOT_FOUND, "Could not find the parent region." },
        { "catalog_endpoint_service", KN_BAD_REQUEST, "The endpoint's service does not exist." },
        { "catalog_endpoint_region", KN_BAD_REQUEST, "The endpoint's region does not exist." },
    };

    if (err->code != KN_CONFLICT) {
        return -1;
    }
    for (size_t i = 0; i < KN_COUNT(MEANINGS); i++) {
        if (strcmp(kn_db_constraint(db), MEANINGS[i].constraint) == 0) {
            return kn_fail(err, MEANINGS[i].code, "%s", MEANINGS[i].message);
        }
    }
    return kn_fail_context(err, "%s %s", noun->rest->one, id);
}

/* id, the noun's fields, extra. */
static void fill_args(const struct kn_catalog_noun *noun, const char *id, const char *const *values, const char *extra, const char **args)
{
    int count = 0;

    args[count++] = id;
    for (int i = 0; i < KN_CATALOG_FIELDS && noun->fields[i] != NULL; i++) {
        args[count++] = values[i];
    }
    args[count] = extra;
}

int kn_catalog_insert(struct kn_db *db, const struct kn_catalog_noun *noun, const char *id, const char *const *values, const char *extra,
                      struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { 0 };
    const char *args[KN_CATALOG_FIELDS + 2];

    fill_args(noun, id, values, extra, args);
    if (kn_tx_begin(&tx, db, err) < 0) {
        return -1;
    }
    if (kn_db_run(db, noun->insert, args, NULL, err) < 0) {
        return refused(db, noun, id, err);
    }
    return kn_db_run(db, &MOVED, KN_NO_ARGS, NULL, err) < 0 ? -1 : kn_tx_commit(&tx, err);
}

static int check_circle(struct kn_db *db, const struct kn_catalog_noun *noun, const char *id, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (noun != &kn_catalog_regions) {
        return 0;
    }
    if (kn_db_run(db, &REGION_CIRCLE, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) == 0
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "The specified parent region would create a circular region hierarchy.");
}

static int not_found(const struct kn_catalog_noun *noun, const char *id, struct kn_error *err)
{
    return kn_rest_not_found(noun->rest, id, err);
}

int kn_catalog_change(struct kn_db *db, const struct kn_catalog_noun *noun, const char *id, const char *const *values, const char *extra,
                      struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { 0 };
    const char *args[KN_CATALOG_FIELDS + 2];
    int64_t changed = 0;

    fill_args(noun, id, values, extra, args);
    /* The version first: two changes at once go one behind the other, so that no two regions can become each other's parent. */
    if (kn_tx_begin(&tx, db, err) < 0 || kn_db_run(db, &MOVED, KN_NO_ARGS, NULL, err) < 0) {
        return -1;
    }
    if (kn_db_change(db, noun->change, args, &changed, err) < 0) {
        return refused(db, noun, id, err);
    }
    if (changed == 0) {
        return not_found(noun, id, err);
    }
    return check_circle(db, noun, id, err) < 0 ? -1 : kn_tx_commit(&tx, err);
}

int kn_catalog_remove(struct kn_db *db, const struct kn_catalog_noun *noun, const char *id, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { 0 };
    int64_t gone = 0;

    if (kn_tx_begin(&tx, db, err) < 0) {
        return -1;
    }
    if (kn_db_change(db, noun->remove, KN_ARGS(id), &gone, err) < 0) {
        return err->code == KN_CONFLICT ? kn_fail(err, KN_FORBIDDEN, "Unable to delete %s %s because it or its child regions have "
                                                  "associated endpoints.", noun->rest->one, id)
                                        : -1;
    }
    if (gone == 0) {
        return not_found(noun, id, err);
    }
    return kn_db_run(db, &MOVED, KN_NO_ARGS, NULL, err) < 0 ? -1 : kn_tx_commit(&tx, err);
}

int kn_catalog_region_ensure(struct kn_db *db, const char *id, struct kn_error *err)
{
    return kn_db_run(db, &REGION_ENSURE, KN_ARGS(id), NULL, err);
}
