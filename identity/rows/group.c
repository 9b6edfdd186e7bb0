/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the tables `identity_group` and `membership`. A group has roles as a user has, and every member has them too; who leaves one, and
 * everybody when it goes, loses the tokens that rest on it.
 */
#include <string.h>

#include "identity/rows/held.h"
#include "identity/rows/nouns.h"
#include "identity/rows/revoke.h"
#include "lib/base/clock.h"

static const struct kn_rest_attr ATTRS[] = {
    KN_ATTR_ID, KN_ATTR_NAME, KN_REST_ATTR("domain_id", "domain_id", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND),
    KN_ATTR_DESCRIPTION, KN_ATTR_EXTRA, KN_ATTR_LINKS, KN_REST_ATTRS_END,
};

const struct kn_rest_noun kn_group_noun = {
    .one = "group", .many = "groups", .label = "group", .path = "/groups", .from = "identity_group", .id = "id", .id_type = KN_REST_TEXT,
    .order = "name", .ascending = true, .ties = "id", .attrs = ATTRS, .manners = &KN_REST_KEYSTONE,
};

static const struct kn_stmt INSERT = { "group_insert",
    "INSERT INTO identity_group (id, domain_id, name, description, extra) VALUES ($1, $2, $3, coalesce($4, ''), "
    "coalesce($5::jsonb, '{}'))", 5 };
static const struct kn_stmt UPDATE = { "group_update",
    "UPDATE identity_group SET name = coalesce($2, name), description = coalesce($3, description), "
    "extra = extra || coalesce($4::jsonb, '{}') WHERE id = $1", 4 };
static const struct kn_stmt REVOKE = { "group_revoke", KN_REVOKE_HELD "WHERE group_id = $2", 2 };
static const struct kn_stmt DELETE = { "group_delete", "DELETE FROM identity_group WHERE id = $1", 1 };
static const struct kn_stmt EXISTING = { "group_existing",
    "SELECT EXISTS (SELECT FROM identity_group WHERE id = $1), EXISTS (SELECT FROM identity_user WHERE id = $2), "
    "EXISTS (SELECT FROM membership WHERE group_id = $1 AND user_id = $2)", 2 };
static const struct kn_stmt JOIN = { "group_join",
    "INSERT INTO membership (group_id, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", 2 };
static const struct kn_stmt REVOKE_MEMBER = { "group_revoke_member",
    KN_REVOKE_HELD "WHERE group_id = $2 AND holder_id = $3", 3 };
static const struct kn_stmt LEAVE = { "group_leave", "DELETE FROM membership WHERE group_id = $1 AND user_id = $2", 2 };

static int refused(struct kn_db *db, const struct kn_change *c, struct kn_error *err)
{
    if (err->code != KN_CONFLICT) {
        return -1;
    }
    if (strcmp(kn_db_constraint(db), "group_name") == 0) {
        return kn_fail(err, KN_CONFLICT, "Conflict occurred attempting to store group - Duplicate entry found with name %s.",
                       c->name);
    }
    return kn_fail(err, KN_NOT_FOUND, "Could not find the group's domain.");
}

int kn_group_insert(struct kn_db *db, const char *id, const char *domain_id, const struct kn_change *c, struct kn_error *err)
{
    return kn_db_run(db, &INSERT, KN_ARGS(id, domain_id, c->name, c->description, c->extra), NULL, err) < 0 ? refused(db, c, err) : 0;
}

static int not_found(const char *id, struct kn_error *err)
{
    return kn_fail(err, KN_NOT_FOUND, "Could not find group: %s.", id);
}

int kn_group_update(struct kn_db *db, const char *id, const struct kn_change *c, struct kn_error *err)
{
    int64_t changed = 0;

    if (kn_db_change(db, &UPDATE, KN_ARGS(id, c->name, c->description, c->extra), &changed, err) < 0) {
        return refused(db, c, err);
    }
    return changed > 0 ? 0 : not_found(id, err);
}

int kn_group_delete(struct kn_db *db, const char *id, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { 0 };
    struct kn_arg now;
    int64_t gone = 0;

    if (kn_tx_begin(&tx, db, err) < 0 || kn_db_run(db, &REVOKE, KN_ARGS(kn_arg_int(&now, kn_now_us()), id), NULL, err) < 0 ||
        kn_db_change(db, &DELETE, KN_ARGS(id), &gone, err) < 0) {
        return -1;
    }
    return gone == 0 ? not_found(id, err) : kn_tx_commit(&tx, err);
}

/* KN_NOT_FOUND says which of the two is not there. */
static int existing(struct kn_db *db, const char *group_id, const char *user_id, bool *ret_member, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &EXISTING, KN_ARGS(group_id, user_id), &rows, err) < 0) {
        return -1;
    }
    if (!kn_rows_bool(rows, 0, 0)) {
        return not_found(group_id, err);
    }
    if (!kn_rows_bool(rows, 0, 1)) {
        return kn_fail(err, KN_NOT_FOUND, "Could not find user: %s.", user_id);
    }
    *ret_member = kn_rows_bool(rows, 0, 2);
    return 0;
}

int kn_group_join(struct kn_db *db, const char *group_id, const char *user_id, struct kn_error *err)
{
    bool member = false;

    return existing(db, group_id, user_id, &member, err) < 0 ? -1
                                                             : kn_db_run(db, &JOIN, KN_ARGS(group_id, user_id), NULL, err);
}

int kn_group_check(struct kn_db *db, const char *group_id, const char *user_id, struct kn_error *err)
{
    bool member = false;

    if (existing(db, group_id, user_id, &member, err) < 0) {
        return -1;
    }
    return member ? 0 : kn_fail(err, KN_NOT_FOUND, "User '%s' not found in group '%s'.", user_id, group_id);
}

int kn_group_leave(struct kn_db *db, const char *group_id, const char *user_id, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { 0 };
    struct kn_arg now;

    if (kn_tx_begin(&tx, db, err) < 0 || kn_group_check(db, group_id, user_id, err) < 0 ||
        kn_db_run(db, &REVOKE_MEMBER, KN_ARGS(kn_arg_int(&now, kn_now_us()), group_id, user_id), NULL, err) < 0 ||
        kn_db_run(db, &LEAVE, KN_ARGS(group_id, user_id), NULL, err) < 0) {
        return -1;
    }
    return kn_tx_commit(&tx, err);
}
