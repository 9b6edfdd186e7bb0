/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of a namespace's items, all four kinds by the same statements. Bodies have been checked. */
#include "image/rows/metadef.h"
#include "lib/base/cleanup.h"
#include "lib/domain/schema.h"

static int fail_taken(const char *space, const struct kn_image_metadef_kind *kind, const char *name,
                      struct kn_error *err)
{
    return kn_fail(err, KN_CONFLICT, "A metadata definition %s with name=%.100s already exists in namespace=%.100s.",
                   kind->name, name, space);
}

/* Associating a namespace with a type that nobody knew makes it known. */
static int know_type(struct kn_db *db, const struct kn_image_metadef_kind *kind, const char *name, struct kn_error *err)
{
    static const struct kn_stmt KNOW = { "metadef_type_add",
                                         "INSERT INTO metadef_resource_type (name) VALUES ($1) ON CONFLICT DO NOTHING",
                                         1 };

    return kind == &kn_image_metadef_kinds[KN_METADEF_ASSOCIATION] ? kn_db_run(db, &KNOW, KN_ARGS(name), NULL, err) : 0;
}

int kn_image_metadef_item_add(struct kn_db *db, const char *space, const struct kn_image_metadef_kind *kind,
                              const char *name, const json_t *body, struct kn_error *err)
{
    static const struct kn_stmt ADD = {
        "metadef_item_add",
        "INSERT INTO metadef_item (namespace, kind, name, body) VALUES ($1, $2, $3, $4::jsonb - 'name') ON CONFLICT DO NOTHING",
        4
    };
    AUTO_FREE char *text = json_dumps(body, JSON_COMPACT);
    const char *named = name != NULL ? name : kn_schema_text(body, "name", NULL);
    int64_t added = 0;

    if (named == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "'name' is a required property of a %s.", kind->noun->one);
    }
    if (know_type(db, kind, named, err) < 0 ||
        kn_db_change(db, &ADD, KN_ARGS(space, kind->name, named, text), &added, err) < 0) {
        return -1;
    }
    return added == 1 ? 0 : fail_taken(space, kind, named, err);
}

int kn_image_metadef_item_set(struct kn_db *db, const char *space, const struct kn_image_metadef_kind *kind,
                              const char *name, const json_t *body, struct kn_error *err)
{
    static const struct kn_stmt SET = {
        "metadef_item_set",
        "UPDATE metadef_item SET name = $4, body = $5::jsonb - 'name', updated_at = now() "
        "WHERE namespace = $1 AND kind = $2 AND name = $3",
        5
    };
    AUTO_FREE char *text = json_dumps(body, JSON_COMPACT);
    const char *named = kn_schema_text(body, "name", name);
    int64_t changed = 0;

    if (kn_db_change(db, &SET, KN_ARGS(space, kind->name, name, named, text), &changed, err) < 0) {
        return err->code == KN_CONFLICT ? fail_taken(space, kind, named, err) : -1;
    }
    return changed == 1 ? 0 : kn_rest_not_found(kind->noun, name, err);
}

int kn_image_metadef_item_drop(struct kn_db *db, const char *space, const struct kn_image_metadef_kind *kind,
                               const char *name, struct kn_error *err)
{
    static const struct kn_stmt KEEPS = { "metadef_item_keeps",
                                          "SELECT 1 FROM metadef_namespace WHERE namespace = $1 AND protected", 1 };
    static const struct kn_stmt DROP = {
        "metadef_item_drop",
        "DELETE FROM metadef_item WHERE namespace = $1 AND kind = $2 AND ($3::text IS NULL OR name = $3)", 3
    };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    int64_t dropped = 0;

    if (kn_db_run(db, &KEEPS, KN_ARGS(space), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) > 0) {
        return kn_fail(err, KN_FORBIDDEN, "Metadata definition namespace %.100s is protected.", space);
    }
    if (kn_db_change(db, &DROP, KN_ARGS(space, kind->name, name), &dropped, err) < 0) {
        return -1;
    }
    return name == NULL || dropped == 1 ? 0 : kn_rest_not_found(kind->noun, name, err);
}
