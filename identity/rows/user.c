/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the table `identity_user`. It sees hashes, never passwords; a hash leaves it only for a login (account.c). */
#include <string.h>

#include "identity/rows/nouns.h"
#include "identity/rows/password.h"
#include "identity/rows/revoke.h"
#include "identity/rows/user.h"

static const struct kn_rest_attr ATTRS[] = {
    KN_ATTR_ID, KN_ATTR_NAME, KN_REST_ATTR("domain_id", "domain_id", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("description", "description", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND | KN_REST_IF_SET), KN_ATTR_ENABLED,
    KN_REST_ATTR("email", "coalesce(email, '')", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND | KN_REST_IF_SET),
    KN_REST_ATTR("default_project_id", "coalesce(default_project_id, '')", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND | KN_REST_IF_SET),
    KN_REST_ATTR("password_expires_at", "password_expires_at", KN_REST_TIME, KN_REST_SHOWN | KN_REST_FIND | KN_REST_NULL),
    KN_REST_ATTR("options", "options", KN_REST_JSON, KN_REST_SHOWN), KN_ATTR_EXTRA, KN_ATTR_LINKS, KN_REST_ATTRS_END,
};

const struct kn_rest_noun kn_user_noun = {
    .one = "user", .many = "users", .label = "user", .path = "/users", .from = "identity_user", .id = "id", .id_type = KN_REST_TEXT,
    .order = "name", .ascending = true, .ties = "id", .attrs = ATTRS, .manners = &KN_REST_KEYSTONE,
};

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
