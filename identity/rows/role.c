/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the table `role`. admin, manager, member and reader are what the policies of all services mean (lib/domain/policy.h): they
 * cannot be renamed or deleted. Any other role is a name that a token carries, unless it implies one of the four; a role of a domain never
 * stands in a token, only what it implies does.
 */
#include <string.h>

#include "identity/rows/app_credential.h"
#include "identity/rows/held.h"
#include "identity/rows/immutable.h"
#include "identity/rows/nouns.h"
#include "lib/base/clock.h"
#include "lib/domain/policy.h"

static const struct kn_rest_attr ATTRS[] = {
    KN_ATTR_ID, KN_ATTR_NAME, KN_REST_ATTR("domain_id", "domain_id", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND | KN_REST_NULL),
    KN_ATTR_DESCRIPTION, KN_ATTR_OPTIONS, KN_ATTR_EXTRA, KN_ATTR_LINKS, KN_REST_ATTRS_END,
};

/* Whoever names no domain wants the roles of the whole cloud. */
static int narrow(struct kn_rest_list *l, struct kn_error *err)
{
    (void)err;
    kn_rest_text(&l->query, kn_request_query(l->req, "domain_id") == NULL ? " AND domain_id IS NULL" : "");
    return 0;
}

const struct kn_rest_noun kn_role_noun = {
    .one = "role", .many = "roles", .label = "role", .path = "/roles", .from = "role", .id = "id", .id_type = KN_REST_TEXT,
    .order = "name", .ascending = true, .ties = "id", .attrs = ATTRS, .narrow = narrow, .manners = &KN_REST_KEYSTONE,
};

static const struct kn_stmt LOOK = { "role_look", "SELECT name, domain_id, immutable FROM role WHERE id = $1", 1 };
static const struct kn_stmt INSERT = { "role_insert",
    "INSERT INTO role (id, domain_id, name, description, immutable, extra) VALUES ($1, $2, $3, coalesce($4, ''), "
    "coalesce($5::boolean, false), coalesce($6::jsonb, '{}'))", 6 };
static const struct kn_stmt UPDATE = { "role_update",
    "UPDATE role SET name = coalesce($2, name), description = coalesce($3, description), "
    "immutable = coalesce($4::boolean, immutable), extra = extra || coalesce($5::jsonb, '{}') WHERE id = $1", 5 };
static const struct kn_stmt REVOKE = { "role_revoke", KN_REVOKE_HELD "WHERE role_id IN " KN_ROLES_LEADING_TO("$2"), 2 };
static const struct kn_stmt DELETE = { "role_delete", "DELETE FROM role WHERE id = $1", 1 };

bool kn_role_is_builtin(const char *name)
{
    return kn_role_bits(name) != 0;
}

bool kn_role_is_managed(const char *name)
{
    return kn_role_is_builtin(name) && strcmp(name, "admin") != 0;
}

static int refused(struct kn_db *db, const struct kn_change *c, struct kn_error *err)
{
    if (err->code != KN_CONFLICT) {
        return -1;
    }
    if (strcmp(kn_db_constraint(db), "role_name") == 0) {
        return kn_fail(err, KN_CONFLICT, "Conflict occurred attempting to store role - Duplicate entry found with name %s.",
                       c->name);
    }
    return kn_fail(err, KN_NOT_FOUND, "Could not find the role's domain.");
}

int kn_role_insert(struct kn_db *db, const char *id, const char *domain_id, const struct kn_change *c, struct kn_error *err)
{
    const char *const *args = KN_ARGS(id, domain_id, c->name, c->description, c->immutable, c->extra);
    return kn_db_run(db, &INSERT, args, NULL, err) < 0 ? refused(db, c, err) : 0;
}

/* The row of a role that is none of the four; *ret_immutable: what it says of itself. */
static int may_change(struct kn_db *db, const char *id, bool *ret_immutable, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &LOOK, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Could not find role: %s.", id);
    }
    if (kn_role_is_builtin(kn_rows_text(rows, 0, 0)) && kn_rows_null(rows, 0, 1)) {
        return kn_fail(err, KN_FORBIDDEN, "Cannot change or delete immutable role %s.", kn_rows_text(rows, 0, 0));
    }
    *ret_immutable = kn_rows_bool(rows, 0, 2);
    return 0;
}

int kn_role_update(struct kn_db *db, const char *id, const struct kn_change *c, struct kn_error *err)
{
    bool immutable = false;

    if (may_change(db, id, &immutable, err) < 0 || kn_immutable_update(immutable, "role", id, c, err) < 0) {
        return -1;
    }
    const char *const *args = KN_ARGS(id, c->name, c->description, c->immutable, c->extra);
    return kn_db_run(db, &UPDATE, args, NULL, err) < 0 ? refused(db, c, err) : 0;
}

int kn_role_delete(struct kn_db *db, const char *id, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { 0 };
    bool immutable = false;
    struct kn_arg now;

    if (kn_tx_begin(&tx, db, err) < 0 || may_change(db, id, &immutable, err) < 0 ||
        kn_immutable_delete(immutable, "role", id, err) < 0 ||
        kn_db_run(db, &REVOKE, KN_ARGS(kn_arg_int(&now, kn_now_us()), id), NULL, err) < 0 ||
        kn_app_credential_forget_role(db, id, err) < 0 || kn_db_run(db, &DELETE, KN_ARGS(id), NULL, err) < 0) {
        return -1;
    }
    return kn_tx_commit(&tx, err);
}
