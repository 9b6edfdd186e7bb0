/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the table `role`. admin, manager, member and reader are what the policies of all services mean (lib/domain/policy.h): they
 * cannot be renamed or deleted. Any other role is a name that a token carries and nothing here gives a meaning.
 */
#include <string.h>

#include "identity/nouns.h"
#include "lib/base/clock.h"
#include "lib/domain/policy.h"

#define COLUMNS "id, name, description"

static const struct kn_stmt LIST = { "role_list",
    "SELECT " COLUMNS " FROM role WHERE ($1::text IS NULL OR name = $1) AND $2::text IS NULL ORDER BY name", 2 };
static const struct kn_stmt GET = { "role_get", "SELECT " COLUMNS " FROM role WHERE id = $1", 1 };
static const struct kn_stmt INSERT = { "role_insert",
    "INSERT INTO role (id, name, description) VALUES ($1, $2, coalesce($3, ''))", 3 };
static const struct kn_stmt UPDATE = { "role_update",
    "UPDATE role SET name = coalesce($2, name), description = coalesce($3, description) WHERE id = $1", 3 };
static const struct kn_stmt REVOKE = { "role_revoke",
    "INSERT INTO revocation (kind, target, before_us, expires_at) SELECT 'grant', "
    "user_id || '/' || coalesce(project_id, domain_id, 'system'), $2, now() + interval '1 day' "
    "FROM assignment WHERE role_id = $1", 2 };
static const struct kn_stmt DELETE = { "role_delete", "DELETE FROM role WHERE id = $1", 1 };

bool kn_role_is_builtin(const char *name)
{
    return kn_role_bits(name) != 0;
}

int kn_role_list(struct kn_db *db, const struct kn_filter *f, struct kn_rows **ret_rows, struct kn_error *err)
{
    return kn_db_run(db, &LIST, KN_ARGS(f->name, f->domain_id), ret_rows, err);
}

int kn_role_get(struct kn_db *db, const char *id, struct kn_rows **ret_rows, struct kn_error *err)
{
    return kn_db_run(db, &GET, KN_ARGS(id), ret_rows, err);
}

static int refused(const struct kn_change *c, struct kn_error *err)
{
    return err->code == KN_CONFLICT
               ? kn_fail(err, KN_CONFLICT, "Conflict occurred attempting to store role - Duplicate entry found with name %s.",
                         c->name)
               : -1;
}

int kn_role_insert(struct kn_db *db, const char *id, const struct kn_change *c, struct kn_error *err)
{
    return kn_db_run(db, &INSERT, KN_ARGS(id, c->name, c->description), NULL, err) < 0 ? refused(c, err) : 0;
}

static int may_change(struct kn_db *db, const char *id, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_role_get(db, id, &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Could not find role: %s.", id);
    }
    return kn_role_is_builtin(kn_rows_text(rows, 0, 1))
               ? kn_fail(err, KN_FORBIDDEN, "Cannot change or delete immutable role %s.", kn_rows_text(rows, 0, 1))
               : 0;
}

int kn_role_update(struct kn_db *db, const char *id, const struct kn_change *c, struct kn_error *err)
{
    if (may_change(db, id, err) < 0) {
        return -1;
    }
    return kn_db_run(db, &UPDATE, KN_ARGS(id, c->name, c->description), NULL, err) < 0 ? refused(c, err) : 0;
}

int kn_role_delete(struct kn_db *db, const char *id, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { 0 };
    struct kn_arg now;

    if (kn_tx_begin(&tx, db, err) < 0 || may_change(db, id, err) < 0 ||
        kn_db_run(db, &REVOKE, KN_ARGS(id, kn_arg_int(&now, kn_now_us())), NULL, err) < 0 ||
        kn_db_run(db, &DELETE, KN_ARGS(id), NULL, err) < 0) {
        return -1;
    }
    return kn_tx_commit(&tx, err);
}
