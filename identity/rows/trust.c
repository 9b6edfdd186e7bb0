/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the tables `trust` and `trust_role`. It must never give a role that the trustor does not hold at that moment: each login asks
 * again.
 */
#include "identity/rows/trust.h"

#include <string.h>

#include "identity/rows/nouns.h"
#include "identity/rows/revoke.h"
#include "lib/adapter/members.h"
#include "lib/base/cleanup.h"

#define LIVE "(expires_at IS NULL OR expires_at > now())"
#define SAID(name, column_, limit_) \
    KN_SHOWN_TEXT(name, column_, KN_REST_FILTER | KN_REST_POST | KN_REST_REQUIRED, .column = column_, .limit = limit_)
#define EXPIRY "to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"

static const struct kn_schema ROLE[] = { KN_SCHEMA("role", KN_IS_OBJECT, .inner = kn_identity_role_body),
                                         KN_SCHEMA_END };
static const struct kn_rest_attr ATTRS[] = {
    KN_ATTR_ID,
    SAID("trustor_user_id", "trustor_id", KN_LIMIT_IDENTITY_ID),
    SAID("trustee_user_id", "trustee_id", KN_LIMIT_IDENTITY_ID),
    KN_SHOWN_TEXT("project_id", "project_id", KN_REST_POST | KN_REST_REQUIRED, .column = "project_id",
                  .limit = KN_LIMIT_IDENTITY_ID),
    KN_REST_ATTR("impersonation", "impersonation", KN_REST_BOOL,
                 KN_REST_SHOWN | KN_REST_POST | KN_REST_REQUIRED | KN_REST_EXACT, .column = "impersonation"),
    KN_SHOWN_TEXT("expires_at", EXPIRY, KN_REST_POST | KN_REST_NULL, .column = "expires_at", .limit = KN_LIMIT_EXPIRY,
                  .form = "?::timestamptz"),
    KN_REST_ATTR("remaining_uses", "remaining_uses", KN_REST_INT,
                 KN_REST_SHOWN | KN_REST_POST | KN_REST_NULL | KN_REST_EXACT, .column = "remaining_uses",
                 .limit = KN_LIMIT_TRUST_USES),
    KN_SHOWN_TEXT("deleted_at", "NULL", 0),
    KN_REST_ATTR("redelegation_count", "0", KN_REST_INT, KN_REST_SHOWN | KN_REST_POST | KN_REST_NULL | KN_REST_EXACT,
                 .limit = KN_LIMIT_REDELEGATIONS),
    KN_REST_ATTR("allow_redelegation", NULL, KN_REST_BOOL, KN_REST_POST | KN_REST_NULL | KN_REST_EXACT),
    KN_REST_ATTR("roles", NULL, KN_REST_JSON, KN_REST_POST, .inner = ROLE, .inner_shape = KN_IS_LIST,
                 .limit = KN_LIMIT_ROLE_ITEMS),
    KN_ATTR_LINKS,
    KN_REST_ATTRS_END,
};

/* What a login looks at: the members of struct kn_identity_trust, and where they come from. */
/* clang-format off */
#define MEMBERS(TEXT, INT, BOOL) \
    TEXT(id, "id") TEXT(trustor_id, "trustor_id") TEXT(trustee_id, "trustee_id") TEXT(project_id, "project_id") \
    BOOL(impersonation, "impersonation") INT(expires_us, "(extract(epoch FROM expires_at) * 1000000)::bigint") \
    BOOL(spent, "coalesce(remaining_uses = 0, false)")
/* clang-format on */
static const struct kn_stmt FIND = { "trust_find",
                                     "SELECT " KN_MEMBERS_SQL(MEMBERS) " FROM trust WHERE id = $1 AND " LIVE, 1 };
static const struct kn_stmt ROLES = {
    "trust_roles",
    "SELECT " KN_ROLE_COLUMNS
    " FROM role WHERE id IN (SELECT role_id FROM trust_role WHERE trust_id = $1) ORDER BY name",
    1
};
static const struct kn_stmt SCOPE_ROLES = {
    "trust_scope_roles",
    "WITH RECURSIVE down (id) AS (SELECT role_id FROM trust_role WHERE trust_id = $1 UNION SELECT i.implied_id "
    "FROM role_implication i JOIN down ON i.prior_id = down.id) SELECT r.id, r.name FROM role r JOIN down ON down.id = r.id "
    "WHERE r.domain_id IS NULL ORDER BY r.name",
    1
};
static const struct kn_stmt USE = {
    "trust_use",
    "UPDATE trust SET remaining_uses = remaining_uses - 1 WHERE id = $1 AND (remaining_uses IS NULL OR remaining_uses > 0)",
    1
};
static const struct kn_stmt INSERT_ROLES = {
    "trust_insert_roles",
    "INSERT INTO trust_role (trust_id, role_id) SELECT $1, jsonb_array_elements_text($2::jsonb) ON CONFLICT DO NOTHING",
    2
};

int kn_identity_trust_roles(struct kn_db *db, const char *id, struct kn_rows **ret_rows, struct kn_error *err)
{
    return kn_db_run(db, &ROLES, KN_ARGS(id), ret_rows, err);
}

/* --- logging in --- */

int kn_identity_trust_find(struct kn_db *db, const char *id, struct kn_identity_trust *ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &FIND, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_rest_not_found(&kn_identity_trust_noun, id, err);
    }
    KN_MEMBERS_READ(MEMBERS, rows, ret);
    return 0;
}

int kn_identity_trust_scope(struct kn_db *db, const struct kn_identity_trust *trust,
                            struct kn_identity_scope_facts *ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    return kn_db_run(db, &SCOPE_ROLES, KN_ARGS(trust->id), &rows, err) < 0
               ? -1
               : kn_identity_scope_part(db, trust->trustor_id, trust->project_id, &rows, ret, err);
}

int kn_identity_trust_use(struct kn_db *db, const char *id, struct kn_error *err)
{
    int64_t used = 0;

    if (kn_db_change(db, &USE, KN_ARGS(id), &used, err) < 0) {
        return -1;
    }
    return used == 1 ? 0 : kn_fail(err, KN_FORBIDDEN, "There are no remaining uses of trust %.64s.", id);
}

/* --- rows --- */

/* Who lends is who asks, and lends what is its own. */
static int trust_check(struct kn_request *req, json_t *object, struct kn_error *err)
{
    const struct kn_identity_named project = { .id = kn_identity_said(object, "project_id") };
    AUTO_RELEASE(kn_identity_scope_facts) struct kn_identity_scope_facts held = { 0 };

    if (strcmp(req->caller.user_id, kn_identity_said(object, "trustor_user_id")) != 0) {
        return kn_fail(err, KN_FORBIDDEN,
                       "You are not authorized to perform the requested action: The authenticated user should match "
                       "the trustor.");
    }
    if (kn_schema_bool(object, "allow_redelegation", false) || kn_schema_int(object, "redelegation_count", 0) > 0) {
        return kn_fail(err, KN_FORBIDDEN, "Trusts cannot be lent on here.");
    }
    if (kn_identity_settle_expiry(object, err) < 0) {
        return -1;
    }
    if (json_array_size(json_object_get(object, "roles")) == 0) {
        return kn_fail(
            err, KN_FORBIDDEN,
            "You are not authorized to perform the requested action: At least one role should be specified.");
    }
    return kn_identity_scope_find(req->db, KN_SCOPE_PROJECT, &project, req->caller.user_id, &held, err) < 0
               ? -1
               : kn_identity_settle_roles(&held, object, KN_NOT_FOUND,
                                          "Could not find a role of the trustor that was to be lent.", err);
}

static int trust_after(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                       struct kn_error *err)
{
    AUTO_FREE char *roles = json_dumps(json_object_get(object, "roles"), JSON_COMPACT);

    (void)now;
    return object == NULL ? kn_identity_revoke(req->db, KN_REVOKE_TRUST, id, err)
                          : kn_db_run(req->db, &INSERT_ROLES, KN_ARGS(id, roles), NULL, err);
}

static int trust_clash(struct kn_request *req, const char *constraint, const json_t *object, struct kn_error *err)
{
    (void)req;
    (void)constraint;
    return kn_rest_not_found(&kn_identity_user_noun, kn_identity_said(object, "trustee_user_id"), err);
}

const struct kn_rest_noun kn_identity_trust_noun = {
    .one = "trust",
    .many = "trusts",
    .label = "trust",
    .path = "/OS-TRUST/trusts",
    .from = "trust",
    .kept = LIVE,
    .order = "id",
    .attrs = ATTRS,
    KN_NOUN_COMMON,
    .table = "trust",
    .check = trust_check,
    .after = trust_after,
    .clash = trust_clash,
};
