/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The namespaces of metadata's definitions: their rows, their JSON, who sees them. Their items are metadef_item.c's; only a new
 * namespace brings items along, in its transaction.
 */
#include "image/rows/metadef_store.h"

#include "image/rows/metadef_sql.h"
#include "lib/base/cleanup.h"

#define VISIBLE "($2::boolean OR n.visibility = 'public' OR n.owner = $1)"
#define NAMESPACE                                                                                                      \
    "jsonb_strip_nulls(jsonb_build_object('namespace', n.namespace, 'owner', n.owner, 'visibility', n.visibility, "    \
    "'protected', n.protected, 'display_name', n.display_name, 'description', n.description, "                         \
    "'created_at', " KN_METADEF_TIME("n.created_at") ", 'updated_at', " KN_METADEF_TIME("n.updated_at") ", "           \
    "'self', '/v2/metadefs/namespaces/' || n.namespace, 'schema', '/v2/schemas/metadefs/namespace', "                  \
    "'resource_type_associations', (" KN_METADEF_ITEMS_OF("resource_type") ")))"

int kn_metadef_namespace_list(struct kn_db *db, const struct kn_caller *caller, const struct kn_metadef_page *page,
                              struct kn_rows **ret_rows, struct kn_error *err)
{
#define LIST(column, beyond, order)                                                                                           \
    "SELECT n.namespace, " NAMESPACE " FROM metadef_namespace n WHERE " VISIBLE " AND $3 IN ('', n.visibility) AND "    \
    "($4::text[] IS NULL OR EXISTS (SELECT FROM metadef_item i WHERE i.namespace = n.namespace AND "                   \
    "i.kind = 'resource_type' AND i.name = ANY ($4::text[]))) AND ($5 = '' OR (n." column ", n.namespace) " beyond \
    " (SELECT m." column ", m.namespace FROM metadef_namespace m WHERE m.namespace = $5)) "                          \
    "ORDER BY n." column " " order ", n.namespace " order " LIMIT $6::bigint"
    static const struct kn_stmt ORDERED[KN_METADEF_ORDERS][2] = {
        [KN_METADEF_BY_AGE] = { { "metadef_namespaces_newest", LIST("created_at", "<", "DESC"), 6 },
                                { "metadef_namespaces_oldest", LIST("created_at", ">", "ASC"), 6 } },
        [KN_METADEF_BY_CHANGE] = { { "metadef_namespaces_latest", LIST("updated_at", "<", "DESC"), 6 },
                                   { "metadef_namespaces_earliest", LIST("updated_at", ">", "ASC"), 6 } },
        [KN_METADEF_BY_NAME] = { { "metadef_namespaces_z_a", LIST("namespace", "<", "DESC"), 6 },
                                 { "metadef_namespaces_a_z", LIST("namespace", ">", "ASC"), 6 } },
    };
    struct kn_arg limit;

    return kn_db_run(db, &ORDERED[page->order][page->ascending ? 1 : 0],
                     KN_ARGS(caller->project_id, kn_policy_allows(KN_GLANCE_GET_NAMESPACES, caller, NULL) ? "t" : "f", page->visibility, page->resource_types,
                             page->marker, kn_arg_int(&limit, page->limit)), ret_rows, err);
}

static int fail_unknown(const char *name, struct kn_error *err)
{
    return kn_fail(err, KN_NOT_FOUND, "Namespace %.100s not found", name);
}

/* {name: value} of a jsonb object, each name with the prefix before it. */
#define PREFIXED(object) "(SELECT jsonb_object_agg(p.prefix || e.key, e.value) FROM jsonb_each(" object ") e)"
#define PREFIXED_LIST(list) "(SELECT jsonb_agg(p.prefix || e.value) FROM jsonb_array_elements_text(" list ") e)"

int kn_metadef_namespace_get(struct kn_db *db, const struct kn_caller *caller, const char *name, const char *resource_type,
                             struct kn_rows **ret_rows, struct kn_error *err)
{
    static const struct kn_stmt GET = {
        "metadef_namespace_get",
        "WITH p AS (SELECT coalesce((SELECT body->>'prefix' FROM metadef_item WHERE namespace = $3 AND kind = 'resource_type' "
        "AND name = $4), '') AS prefix) SELECT n.namespace, " NAMESPACE " || jsonb_strip_nulls(jsonb_build_object("
        "'properties', (SELECT jsonb_object_agg(p.prefix || i.name, i.body) FROM metadef_item i "
        "WHERE i.namespace = n.namespace AND i.kind = 'property'), "
        "'objects', (SELECT jsonb_agg(" KN_METADEF_ITEM " || jsonb_strip_nulls(jsonb_build_object("
        "'properties', " PREFIXED("i.body->'properties'") ", 'required', " PREFIXED_LIST("i.body->'required'") ")) "
        "ORDER BY i.name) FROM metadef_item i WHERE i.namespace = n.namespace AND i.kind = 'object'), "
        "'tags', (SELECT jsonb_agg(jsonb_build_object('name', i.name) ORDER BY i.name) FROM metadef_item i "
        "WHERE i.namespace = n.namespace AND i.kind = 'tag'))), n.protected "
        "FROM metadef_namespace n, p WHERE " VISIBLE " AND n.namespace = $3",
        4
    };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &GET, KN_ARGS(caller->project_id, kn_policy_allows(KN_GLANCE_GET_NAMESPACE, caller, NULL) ? "t" : "f", name, resource_type), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return fail_unknown(name, err);
    }
    *ret_rows = kn_steal(&rows);
    return 0;
}

/* --- writing -------------------------------------------------------------------------------------------------------- */

static const char *text_of(json_t *body, const char *key, const char *dflt)
{
    const char *text = json_string_value(json_object_get(body, key));

    return text != NULL ? text : dflt;
}

static int add_list(struct kn_db *db, const char *space, const struct kn_metadef_kind *kind, json_t *body, struct kn_error *err)
{
    size_t i;
    json_t *item;

    json_array_foreach(json_object_get(body, kind->list), i, item) {
        if (kn_metadef_item_add(db, space, kind, NULL, item, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int add_map(struct kn_db *db, const char *space, const struct kn_metadef_kind *kind, json_t *body, struct kn_error *err)
{
    const char *name;
    json_t *item;

    json_object_foreach(json_object_get(body, kind->list), name, item) {
        if (kn_metadef_item_add(db, space, kind, name, item, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int add_items(struct kn_db *db, const char *space, json_t *body, struct kn_error *err)
{
    for (const struct kn_metadef_kind *const *kind = kn_metadef_items; *kind != NULL; kind++) {
        if (((*kind)->is_map ? add_map : add_list)(db, space, *kind, body, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int fail_taken(const char *name, struct kn_error *err)
{
    return kn_fail(err, KN_CONFLICT, "The metadata definition namespace=%.100s already exists.", name);
}

int kn_metadef_namespace_add(struct kn_db *db, json_t *body, const char *owner, struct kn_error *err)
{
    static const struct kn_stmt ADD = {
        "metadef_namespace_add",
        "INSERT INTO metadef_namespace (namespace, owner, visibility, protected, display_name, description) "
        "VALUES ($1, $2, $3, $4::boolean, $5, $6) ON CONFLICT DO NOTHING", 6
    };
    AUTO_TX struct kn_tx tx = { NULL };
    const char *name = text_of(body, "namespace", "");
    int64_t added = 0;

    if (kn_tx_begin(&tx, db, err) < 0 ||
        kn_db_change(db, &ADD, KN_ARGS(name, text_of(body, "owner", owner), text_of(body, "visibility", "private"),
                                       json_is_true(json_object_get(body, "protected")) ? "t" : "f",
                                       text_of(body, "display_name", NULL), text_of(body, "description", NULL)),
                     &added, err) < 0) {
        return -1;
    }
    if (added == 0) {
        return fail_taken(name, err);
    }
    return add_items(db, name, body, err) < 0 ? -1 : kn_tx_commit(&tx, err);
}

int kn_metadef_namespace_set(struct kn_db *db, const char *name, json_t *body, const char *owner, struct kn_error *err)
{
    static const struct kn_stmt SET = {
        "metadef_namespace_set",
        "UPDATE metadef_namespace SET namespace = $2, owner = $3, visibility = $4, protected = $5::boolean, display_name = $6, "
        "description = $7, updated_at = now() WHERE namespace = $1", 7
    };
    const char *renamed = text_of(body, "namespace", name);
    int64_t changed = 0;

    if (kn_db_change(db, &SET, KN_ARGS(name, renamed, text_of(body, "owner", owner), text_of(body, "visibility", "private"),
                                       json_is_true(json_object_get(body, "protected")) ? "t" : "f",
                                       text_of(body, "display_name", NULL), text_of(body, "description", NULL)),
                     &changed, err) < 0) {
        return err->code == KN_CONFLICT ? fail_taken(renamed, err) : -1;
    }
    return changed == 1 ? 0 : fail_unknown(name, err);
}

int kn_metadef_namespace_drop(struct kn_db *db, const char *name, struct kn_error *err)
{
    static const struct kn_stmt DROP = {
        "metadef_namespace_drop", "DELETE FROM metadef_namespace WHERE namespace = $1 AND NOT protected", 1
    };
    int64_t dropped = 0;

    if (kn_db_change(db, &DROP, KN_ARGS(name), &dropped, err) < 0) {
        return -1;
    }
    return dropped == 1
               ? 0
               : kn_fail(err, KN_FORBIDDEN, "Metadata definition namespace %.100s is protected and cannot be deleted.", name);
}
