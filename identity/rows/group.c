/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the tables `identity_group` and `membership`. A group has roles as a user has, and every member has them too; who leaves one, and
 * everybody when it goes, loses the tokens that rest on it.
 */
#include <string.h>

#include "identity/rows/held.h"
#include "identity/rows/nouns.h"
#include "identity/rows/realm.h"
#include "identity/rows/revoke.h"
#include "lib/base/clock.h"

static const struct kn_rest_attr ATTRS[] = {
    KN_ATTR_ID,
    KN_ATTR_NAME(KN_LIMIT_IDENTITY_NAME),
    KN_SHOWN_TEXT("domain_id", "domain_id", KN_REST_FIND | KN_REST_WRITE | KN_REST_NULL, .column = "domain_id",
                  .limit = KN_LIMIT_IDENTITY_REF, .fixed = "Cannot change Domain ID."),
    KN_ATTR_DESCRIPTION(KN_REST_FIND),
    KN_ATTR_EXTRA,
    KN_ATTR_LINKS,
    KN_REST_ATTRS_END,
};
static const struct kn_rest_clash CLASHES[] = {
    { "group_name", KN_CONFLICT, "Conflict occurred attempting to store group - Duplicate entry found with name %1." },
    { "", KN_NOT_FOUND, "Could not find the group's domain." },
    { NULL, KN_CONFLICT, NULL },
};

static const struct kn_stmt REVOKE = { "group_revoke", KN_REVOKE_HELD "WHERE group_id = $2", 2 };
static const struct kn_stmt EXISTING = {
    "group_existing",
    "SELECT EXISTS (SELECT FROM identity_group WHERE id = $1), EXISTS (SELECT FROM identity_user WHERE id = $2), "
    "EXISTS (SELECT FROM membership WHERE group_id = $1 AND user_id = $2)",
    2
};
static const struct kn_stmt JOIN = {
    "group_join", "INSERT INTO membership (group_id, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", 2
};
static const struct kn_stmt REVOKE_MEMBER = { "group_revoke_member",
                                              KN_REVOKE_HELD "WHERE group_id = $2 AND holder_id = $3", 3 };
static const struct kn_stmt LEAVE = { "group_leave", "DELETE FROM membership WHERE group_id = $1 AND user_id = $2", 2 };

static int group_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                        struct kn_error *err)
{
    struct kn_arg moment;

    return now == NULL      ? kn_identity_settle_home(req, object, err)
           : object == NULL ? kn_db_run(req->db, &REVOKE, KN_ARGS(kn_arg_int(&moment, kn_now_us()), id), NULL, err)
                            : 0;
}

const struct kn_rest_noun kn_identity_group_noun = {
    .one = "group",
    .many = "groups",
    .label = "group",
    .path = "/groups",
    .from = "identity_group",
    .order = "name",
    .attrs = ATTRS,
    KN_NOUN_COMMON,
    .table = "identity_group",
    .decide = group_decide,
    .clashes = CLASHES,
};

/* --- who is in them --- */

enum group_column { EXISTING_GROUP, EXISTING_USER, EXISTING_MEMBER };

/* KN_NOT_FOUND says which of the two is not there. */
static int rows_group_existing(struct kn_db *db, const char *group_id, const char *user_id, bool *ret_member,
                               struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &EXISTING, KN_ARGS(group_id, user_id), &rows, err) < 0) {
        return -1;
    }
    if (!kn_rows_bool(rows, 0, EXISTING_GROUP)) {
        return kn_rest_not_found(&kn_identity_group_noun, group_id, err);
    }
    if (!kn_rows_bool(rows, 0, EXISTING_USER)) {
        return kn_rest_not_found(&kn_identity_user_noun, user_id, err);
    }
    *ret_member = kn_rows_bool(rows, 0, EXISTING_MEMBER);
    return 0;
}

int kn_identity_group_join(struct kn_db *db, const char *group_id, const char *user_id, struct kn_error *err)
{
    bool member = false;

    return rows_group_existing(db, group_id, user_id, &member, err) < 0
               ? -1
               : kn_db_run(db, &JOIN, KN_ARGS(group_id, user_id), NULL, err);
}

int kn_identity_group_check(struct kn_db *db, const char *group_id, const char *user_id, struct kn_error *err)
{
    bool member = false;

    if (rows_group_existing(db, group_id, user_id, &member, err) < 0) {
        return -1;
    }
    return member ? 0 : kn_fail(err, KN_NOT_FOUND, "User '%s' not found in group '%s'.", user_id, group_id);
}

int kn_identity_group_leave(struct kn_db *db, const char *group_id, const char *user_id, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { 0 };
    struct kn_arg now;

    if (kn_tx_begin(&tx, db, err) < 0 || kn_identity_group_check(db, group_id, user_id, err) < 0 ||
        kn_db_run(db, &REVOKE_MEMBER, KN_ARGS(kn_arg_int(&now, kn_now_us()), group_id, user_id), NULL, err) < 0 ||
        kn_db_run(db, &LEAVE, KN_ARGS(group_id, user_id), NULL, err) < 0) {
        return -1;
    }
    return kn_tx_commit(&tx, err);
}
