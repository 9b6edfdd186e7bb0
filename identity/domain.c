/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the table `domain`. A domain that goes takes its projects and users along; it must have been disabled first. */
#include <string.h>

#include "identity/nouns.h"
#include "identity/revoke.h"

#define COLUMNS "id, name, description, enabled"

static const struct kn_stmt LIST = { "domain_list",
    "SELECT " COLUMNS " FROM domain WHERE ($1::text IS NULL OR name = $1) AND ($2::boolean IS NULL OR enabled = $2) "
    "AND ($3::text IS NULL OR id IN (SELECT domain_id FROM assignment WHERE user_id = $3)) ORDER BY name", 3 };
static const struct kn_stmt GET = { "domain_get", "SELECT " COLUMNS " FROM domain WHERE id = $1", 1 };
static const struct kn_stmt INSERT = { "domain_insert",
    "INSERT INTO domain (id, name, description, enabled) VALUES ($1, $2, coalesce($3, ''), coalesce($4::boolean, true))", 4 };
static const struct kn_stmt UPDATE = { "domain_update",
    "UPDATE domain SET name = coalesce($2, name), description = coalesce($3, description), "
    "enabled = coalesce($4::boolean, enabled) WHERE id = $1", 4 };
static const struct kn_stmt DELETE_USERS = { "domain_delete_users", "DELETE FROM identity_user WHERE domain_id = $1", 1 };
static const struct kn_stmt DELETE_PROJECTS = { "domain_delete_projects", "DELETE FROM project WHERE domain_id = $1", 1 };
static const struct kn_stmt DELETE = { "domain_delete", "DELETE FROM domain WHERE id = $1", 1 };

int kn_domain_list(struct kn_db *db, const struct kn_filter *f, struct kn_rows **ret_rows, struct kn_error *err)
{
    return kn_db_run(db, &LIST, KN_ARGS(f->name, f->enabled, f->user_id), ret_rows, err);
}

int kn_domain_get(struct kn_db *db, const char *id, struct kn_rows **ret_rows, struct kn_error *err)
{
    return kn_db_run(db, &GET, KN_ARGS(id), ret_rows, err);
}

static int named(const struct kn_change *c, struct kn_error *err)
{
    return err->code == KN_CONFLICT
               ? kn_fail(err, KN_CONFLICT, "Conflict occurred attempting to store domain - it is not permitted to have two "
                         "domains with the same name: %s.", c->name)
               : -1;
}

int kn_domain_insert(struct kn_db *db, const char *id, const struct kn_change *c, struct kn_error *err)
{
    return kn_db_run(db, &INSERT, KN_ARGS(id, c->name, c->description, c->enabled), NULL, err) < 0 ? named(c, err) : 0;
}

int kn_domain_update(struct kn_db *db, const char *id, const struct kn_change *c, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { 0 };

    if (kn_tx_begin(&tx, db, err) < 0) {
        return -1;
    }
    if (kn_db_run(db, &UPDATE, KN_ARGS(id, c->name, c->description, c->enabled), NULL, err) < 0) {
        return named(c, err);
    }
    bool disabled = c->enabled != NULL && strcmp(c->enabled, "false") == 0;
    if (disabled && kn_revoke(db, KN_REVOKE_DOMAIN, id, err) < 0) {
        return -1;
    }
    return kn_tx_commit(&tx, err);
}

/* KN_NOT_FOUND, or KN_FORBIDDEN while it may not go. */
static int may_go(struct kn_db *db, const char *id, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_domain_get(db, id, &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Could not find domain: %s.", id);
    }
    if (kn_rows_bool(rows, 0, 3) || strcmp(id, "default") == 0) {
        return kn_fail(err, KN_FORBIDDEN, "Cannot delete a domain that is enabled, please disable it first.");
    }
    return 0;
}

int kn_domain_delete(struct kn_db *db, const char *id, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { 0 };

    if (kn_tx_begin(&tx, db, err) < 0 || may_go(db, id, err) < 0 ||
        kn_db_run(db, &DELETE_USERS, KN_ARGS(id), NULL, err) < 0 ||
        kn_db_run(db, &DELETE_PROJECTS, KN_ARGS(id), NULL, err) < 0 || kn_db_run(db, &DELETE, KN_ARGS(id), NULL, err) < 0 ||
        kn_revoke(db, KN_REVOKE_DOMAIN, id, err) < 0) {
        return -1;
    }
    return kn_tx_commit(&tx, err);
}
