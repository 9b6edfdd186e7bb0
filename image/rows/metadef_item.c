/* SPDX-License-Identifier: Apache-2.0 */
/* The items of a namespace of metadata's definitions, all four kinds by the same statements; and the types of resources. */
#include <string.h>

#include "image/rows/metadef_sql.h"
#include "image/rows/metadef_store.h"
#include "lib/base/cleanup.h"

static int fail_unknown(const char *space, const struct kn_metadef_kind *kind, const char *name, struct kn_error *err)
{
    return kn_fail(err, KN_NOT_FOUND, "The metadata definition %s with name=%.100s was not found in namespace=%.100s.",
                   kind->name, name, space);
}

static int fail_taken(const char *space, const struct kn_metadef_kind *kind, const char *name, struct kn_error *err)
{
    return kn_fail(err, KN_CONFLICT, "A metadata definition %s with name=%.100s already exists in namespace=%.100s.",
                   kind->name, name, space);
}

int kn_metadef_item_list(struct kn_db *db, const char *space, const struct kn_metadef_kind *kind,
                         const struct kn_metadef_page *page, struct kn_rows **ret_rows, struct kn_error *err)
{
    static const struct kn_stmt LIST = {
        "metadef_items",
        "SELECT i.name, " KN_METADEF_ITEM " FROM metadef_item i WHERE i.namespace = $1 AND i.kind = $2 AND ($3 = '' OR "
        "(i.created_at, i.name) < (SELECT m.created_at, m.name FROM metadef_item m WHERE m.namespace = $1 AND m.kind = $2 "
        "AND m.name = $3)) ORDER BY i.created_at DESC, i.name DESC LIMIT $4::bigint", 4
    };
    struct kn_arg limit;

    return kn_db_run(db, &LIST, KN_ARGS(space, kind->name, page->marker, kn_arg_int(&limit, page->limit)), ret_rows, err);
}

int kn_metadef_item_get(struct kn_db *db, const char *space, const struct kn_metadef_kind *kind, const char *name,
                        struct kn_rows **ret_rows, struct kn_error *err)
{
    static const struct kn_stmt GET = {
        "metadef_item_get",
        "SELECT i.name, " KN_METADEF_ITEM " FROM metadef_item i WHERE i.namespace = $1 AND i.kind = $2 AND i.name = $3", 3
    };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &GET, KN_ARGS(space, kind->name, name), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return fail_unknown(space, kind, name, err);
    }
    *ret_rows = kn_steal(&rows);
    return 0;
}

/* Associating a namespace with a type that nobody knew makes it known. */
static int know_type(struct kn_db *db, const struct kn_metadef_kind *kind, const char *name, struct kn_error *err)
{
    static const struct kn_stmt KNOW = {
        "metadef_type_add", "INSERT INTO metadef_resource_type (name) VALUES ($1) ON CONFLICT DO NOTHING", 1
    };

    return kind == &kn_metadef_association ? kn_db_run(db, &KNOW, KN_ARGS(name), NULL, err) : 0;
}

int kn_metadef_item_add(struct kn_db *db, const char *space, const struct kn_metadef_kind *kind, const char *name,
                        json_t *body, struct kn_error *err)
{
    static const struct kn_stmt ADD = {
        "metadef_item_add",
        "INSERT INTO metadef_item (namespace, kind, name, body) VALUES ($1, $2, $3, $4::jsonb - 'name') ON CONFLICT DO NOTHING", 4
    };
    AUTO_FREE char *text = json_dumps(body, JSON_COMPACT);
    const char *named = name != NULL ? name : json_string_value(json_object_get(body, "name"));
    int64_t added = 0;

    if (named == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "'name' is a required property of a %s.", kind->schema);
    }
    if (know_type(db, kind, named, err) < 0 ||
        kn_db_change(db, &ADD, KN_ARGS(space, kind->name, named, text), &added, err) < 0) {
        return -1;
    }
    return added == 1 ? 0 : fail_taken(space, kind, named, err);
}

int kn_metadef_item_set(struct kn_db *db, const char *space, const struct kn_metadef_kind *kind, const char *name,
                        json_t *body, struct kn_error *err)
{
    static const struct kn_stmt SET = {
        "metadef_item_set",
        "UPDATE metadef_item SET name = $4, body = $5::jsonb - 'name', updated_at = now() "
        "WHERE namespace = $1 AND kind = $2 AND name = $3", 5
    };
    AUTO_FREE char *text = json_dumps(body, JSON_COMPACT);
    const char *named = json_string_value(json_object_get(body, "name"));
    int64_t changed = 0;

    if (named == NULL) {
        named = name;
    }
    if (kn_db_change(db, &SET, KN_ARGS(space, kind->name, name, named, text), &changed, err) < 0) {
        return err->code == KN_CONFLICT ? fail_taken(space, kind, named, err) : -1;
    }
    return changed == 1 ? 0 : fail_unknown(space, kind, name, err);
}

int kn_metadef_item_drop(struct kn_db *db, const char *space, const struct kn_metadef_kind *kind, const char *name,
                         struct kn_error *err)
{
    static const struct kn_stmt DROP = {
        "metadef_item_drop",
        "DELETE FROM metadef_item WHERE namespace = $1 AND kind = $2 AND ($3::text IS NULL OR name = $3)", 3
    };
    int64_t dropped = 0;

    if (kn_db_change(db, &DROP, KN_ARGS(space, kind->name, name), &dropped, err) < 0) {
        return -1;
    }
    return name == NULL || dropped == 1 ? 0 : fail_unknown(space, kind, name, err);
}

int kn_metadef_types(struct kn_db *db, struct kn_rows **ret_rows, struct kn_error *err)
{
    static const struct kn_stmt LIST = {
        "metadef_types",
        "SELECT name, jsonb_build_object('name', name, 'created_at', " KN_METADEF_TIME("created_at") ", 'updated_at', "
        KN_METADEF_TIME("updated_at") ") FROM metadef_resource_type ORDER BY name", 0
    };

    return kn_db_run(db, &LIST, KN_NO_ARGS, ret_rows, err);
}
