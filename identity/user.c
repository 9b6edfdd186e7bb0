/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the table `identity_user`. It sees hashes, never passwords; a hash leaves it only for a login (account.c). */
#include <string.h>

#include "identity/nouns.h"
#include "identity/password.h"
#include "identity/revoke.h"
#include "identity/user.h"

#define COLUMNS "id, name, domain_id, description, enabled, email, default_project_id, " \
                "(extract(epoch FROM password_expires_at) * 1000000)::bigint, options, extra"

static const struct kn_field FIELDS[] = {
    { "name", "name", KN_FIELD_TEXT },           { "domain_id", "domain_id", KN_FIELD_TEXT },
    { "enabled", "enabled", KN_FIELD_BOOLEAN },  { "description", "description", KN_FIELD_TEXT },
    { "email", "coalesce(email, '')", KN_FIELD_TEXT },
    { "default_project_id", "coalesce(default_project_id, '')", KN_FIELD_TEXT },
    { "password_expires_at", "password_expires_at", KN_FIELD_TIME },
    { NULL, NULL, KN_FIELD_TEXT },
};
/* of: a group */
static const struct kn_listing LISTING = {
    .select = "SELECT " COLUMNS " FROM identity_user WHERE true", .from = "identity_user", .fields = FIELDS,
    .realm = "domain_id = ?", .of = "id IN (SELECT user_id FROM membership WHERE group_id = ?)",
};
static const struct kn_stmt GET = { "user_get", "SELECT " COLUMNS " FROM identity_user WHERE id = $1", 1 };
static const struct kn_stmt INSERT = { "user_insert",
    "INSERT INTO identity_user (id, domain_id, name, description, enabled, email, default_project_id, options, extra) "
    "VALUES ($1, $2, $3, coalesce($4, ''), coalesce($5::boolean, true), nullif($6, ''), nullif($7, ''), "
    "jsonb_strip_nulls(coalesce($8::jsonb, '{}')), coalesce($9::jsonb, '{}'))", 9 };
static const struct kn_stmt UPDATE = { "user_update",
    "UPDATE identity_user SET name = coalesce($2, name), description = coalesce($3, description), "
    "enabled = coalesce($4::boolean, enabled), email = nullif(coalesce($5, email), ''), "
    "default_project_id = nullif(coalesce($6, default_project_id), ''), "
    "options = jsonb_strip_nulls(options || coalesce($7::jsonb, '{}')), extra = extra || coalesce($8::jsonb, '{}'), "
    "failures = CASE WHEN $4::boolean THEN 0 ELSE failures END WHERE id = $1", 8 };
static const struct kn_stmt DELETE = { "user_delete",
    "WITH departed AS (INSERT INTO departed_user (id) SELECT id FROM identity_user WHERE id = $1 ON CONFLICT DO NOTHING) "
    "DELETE FROM identity_user WHERE id = $1", 1 };

int kn_user_list(struct kn_db *db, const struct kn_filter *f, struct kn_rows **ret_rows, struct kn_error *err)
{
    return kn_filter_run(db, &LISTING, f, ret_rows, err);
}

int kn_user_get(struct kn_db *db, const char *id, struct kn_rows **ret_rows, struct kn_error *err)
{
    return kn_db_run(db, &GET, KN_ARGS(id), ret_rows, err);
}

static int refused(struct kn_db *db, const struct kn_user_change *c, struct kn_error *err)
{
    if (err->code != KN_CONFLICT) {
        return -1;
    }
    if (strcmp(kn_db_constraint(db), "user_name") == 0) {
        return kn_fail(err, KN_CONFLICT, "Conflict occurred attempting to store user - Duplicate entry found with name %s.",
                       c->name);
    }
    return kn_fail(err, KN_NOT_FOUND, "Could not find the user's domain.");
}

int kn_user_insert(struct kn_db *db, const struct kn_conf *conf, const char *id, const char *domain_id,
                   const struct kn_user_change *c, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { 0 };
    const char *const *args = KN_ARGS(id, domain_id, c->name, c->description, c->enabled, c->email, c->default_project_id,
                                      c->options, c->extra);

    if (kn_tx_begin(&tx, db, err) < 0) {
        return -1;
    }
    if (kn_db_run(db, &INSERT, args, NULL, err) < 0) {
        return refused(db, c, err);
    }
    if (c->sets_password && kn_password_store(db, conf, id, c->hash, false, err) < 0) {
        return -1;
    }
    return kn_tx_commit(&tx, err);
}

int kn_user_update(struct kn_db *db, const struct kn_conf *conf, const char *id, const struct kn_user_change *c, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { 0 };
    const char *const *args = KN_ARGS(id, c->name, c->description, c->enabled, c->email, c->default_project_id, c->options, c->extra);
    int64_t changed = 0;

    if (kn_tx_begin(&tx, db, err) < 0) {
        return -1;
    }
    if (kn_db_change(db, &UPDATE, args, &changed, err) < 0) {
        return refused(db, c, err);
    }
    if (changed == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Could not find user: %s.", id);
    }
    bool locked_out = c->sets_password || (c->enabled != NULL && strcmp(c->enabled, "false") == 0);
    if ((c->sets_password && kn_password_store(db, conf, id, c->hash, false, err) < 0) ||
        (locked_out && kn_revoke(db, KN_REVOKE_USER, id, err) < 0)) {
        return -1;
    }
    return kn_tx_commit(&tx, err);
}

int kn_user_delete(struct kn_db *db, const char *id, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { 0 };
    int64_t gone = 0;

    if (kn_tx_begin(&tx, db, err) < 0 || kn_db_change(db, &DELETE, KN_ARGS(id), &gone, err) < 0) {
        return -1;
    }
    if (gone == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Could not find user: %s.", id);
    }
    return kn_revoke(db, KN_REVOKE_USER, id, err) < 0 ? -1 : kn_tx_commit(&tx, err);
}
