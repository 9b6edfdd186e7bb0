/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the tables `application_credential` and `application_credential_role`. A secret is seen here once, to be hashed or compared. It
 * must never give a credential a role that its user does not hold at that moment: each login asks again.
 */
#include "identity/rows/app_credential.h"

#include <string.h>

#include "identity/rows/access_rule.h"
#include "identity/rows/nouns.h"
#include "identity/rows/revoke.h"
#include "lib/adapter/crypto.h"
#include "lib/adapter/members.h"
#include "lib/base/cleanup.h"

#define FAST "sha256:"

#define OWN "application_credential.id"
#define RULES(form) \
    "(SELECT " form \
    " FROM access_rule r JOIN application_credential_rule t ON t.rule_id = r.id WHERE t.credential_id = " OWN ")"
#define ROLES_SHOWN \
    "(SELECT coalesce(jsonb_agg(jsonb_build_object('id', r.id, 'name', r.name, 'domain_id', r.domain_id) ORDER BY r.name), '[]') " \
    "FROM role r JOIN application_credential_role t ON t.role_id = r.id WHERE t.credential_id = " OWN ")"
#define RULES_SHOWN \
    RULES( \
        "jsonb_agg(jsonb_build_object('id', r.id, 'service', r.service, 'method', r.method, 'path', r.path) ORDER BY t.n)")

static const struct kn_schema ROLE[] = { KN_SCHEMA("role", KN_IS_OBJECT, .inner = kn_identity_role_body),
                                         KN_SCHEMA_END };
static const struct kn_schema RULE[] = { KN_SCHEMA("access_rule", KN_IS_OBJECT, .inner = kn_identity_access_rule_body),
                                         KN_SCHEMA_END };
static const struct kn_rest_attr ATTRS[] = {
    KN_ATTR_ID,
    KN_ATTR_NAME(KN_LIMIT_IDENTITY_NAME),
    KN_ATTR_DESCRIPTION(0),
    KN_SHOWN_TEXT("project_id", "project_id", KN_REST_POST, .limit = KN_LIMIT_IDENTITY_REF),
    KN_SHOWN_TEXT("user_id", "user_id", 0),
    KN_REST_ATTR("unrestricted", "unrestricted", KN_REST_BOOL,
                 KN_REST_SHOWN | KN_REST_POST | KN_REST_NULL | KN_REST_EXACT, .column = "unrestricted"),
    KN_REST_ATTR("expires_at", "expires_at", KN_REST_TIME, KN_REST_SHOWN | KN_REST_POST | KN_REST_NULL,
                 .column = "expires_at", .limit = KN_LIMIT_EXPIRY),
    KN_REST_ATTR("roles", ROLES_SHOWN, KN_REST_JSON, KN_REST_SHOWN | KN_REST_POST, .inner = ROLE,
                 .inner_shape = KN_IS_LIST, .limit = KN_LIMIT_ROLE_ITEMS),
    KN_REST_ATTR("access_rules", RULES_SHOWN, KN_REST_JSON, KN_REST_SHOWN | KN_REST_IF_SET | KN_REST_POST,
                 .inner = RULE, .inner_shape = KN_IS_LIST, .limit = KN_LIMIT_ACCESS_RULES),
    KN_ATTR_LINKS,
    KN_REST_ATTR("secret", NULL, KN_REST_TEXT, KN_REST_POST | KN_REST_NULL, .limit = KN_LIMIT_APP_SECRET),
    KN_REST_ATTR("secret_hash", NULL, KN_REST_TEXT, 0, .column = "secret_hash"),
    KN_REST_ATTRS_END,
};
static const struct kn_rest_clash CLASHES[] = {
    { "application_credential_name", KN_CONFLICT,
      "Conflict occurred attempting to store application_credential - Duplicate entry found with name %1." },
    { "", KN_NOT_FOUND, "Could not find the application credential's user or project." },
    { NULL, KN_CONFLICT, NULL },
};

/* What a login looks at: struct kn_identity_app_credential. */
/* clang-format off */
#define MEMBERS(TEXT, INT, BOOL) \
    TEXT(id, OWN) TEXT(name, "application_credential.name") TEXT(user_id, "user_id") \
    TEXT(project_id, "project_id") TEXT(hash, "secret_hash") BOOL(unrestricted, "unrestricted") \
    INT(expires_us, "(extract(epoch FROM expires_at) * 1000000)::bigint") \
    TEXT(rules, RULES("string_agg(r.service || E'\\t' || r.method || E'\\t' || r.path || E'\\n', '' ORDER BY t.n)"))
/* clang-format on */
#define FIND "SELECT " KN_MEMBERS_SQL(MEMBERS) " FROM application_credential "
static const struct kn_stmt BY_ID = { "app_credential_by_id", FIND "WHERE id = $1", 1 };
static const struct kn_stmt BY_NAME = {
    "app_credential_by_name",
    FIND
    "JOIN identity_user u ON u.id = user_id JOIN domain d ON d.id = u.domain_id WHERE application_credential.name = $1 "
    "AND (u.id = $2 OR (u.name = $3 AND (d.id = $4 OR d.name = $5)))",
    5
};
static const struct kn_stmt ROLES = {
    "app_credential_roles",
    "WITH RECURSIVE down (id) AS (SELECT role_id FROM application_credential_role WHERE credential_id = $1 UNION SELECT i.implied_id "
    "FROM role_implication i JOIN down ON i.prior_id = down.id) SELECT r.id, r.name FROM role r JOIN down ON down.id = r.id "
    "WHERE r.domain_id IS NULL ORDER BY r.name",
    1
};
static const struct kn_stmt INSERT_ROLES = {
    "app_credential_insert_roles",
    "INSERT INTO application_credential_role (credential_id, role_id) SELECT DISTINCT $1, jsonb_array_elements_text($2::jsonb)",
    2
};
/* clang-format off */
static const struct kn_stmt FORGET_USER = { "app_credential_forget_user",
    "DELETE FROM application_credential WHERE user_id = $1 AND project_id = $2", 2 };
/* clang-format on */
static const struct kn_stmt FORGET_ROLE = {
    "app_credential_forget_role",
    "DELETE FROM application_credential WHERE id IN (SELECT credential_id FROM application_credential_role WHERE role_id = $1)",
    1
};

/* --- secrets --- */

static void fast_hash(const char *secret, char hash[129])
{
    char hex[KN_SHA256_HEX];

    kn_sha256_hex(secret, strlen(secret), hex);
    kn_copy(hash, 129, FAST);
    kn_copy(hash + strlen(FAST), 129 - strlen(FAST), hex);
}

void kn_identity_app_secret_make(char out[KN_APP_SECRET], char hash[129])
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    uint8_t bytes[64];

    kn_random(bytes, sizeof(bytes));
    kn_base64url_add(&text, bytes, sizeof(bytes));
    kn_copy(out, KN_APP_SECRET, text.buf);
    fast_hash(out, hash);
}

int kn_identity_app_secret_hash(const char *secret, char hash[129], struct kn_error *err)
{
    return kn_password_hash(secret, hash, err);
}

bool kn_identity_app_secret_matches(const char *hash, const char *secret)
{
    char own[129];

    if (strncmp(hash, FAST, strlen(FAST)) != 0) {
        return kn_password_matches(hash, secret);
    }
    fast_hash(secret, own);
    return strlen(own) == strlen(hash) && kn_equal(own, hash, strlen(own));
}

/* --- logging in --- */

int kn_identity_app_credential_find(struct kn_db *db, const struct kn_identity_named_credential *named,
                                    struct kn_identity_app_credential *ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const struct kn_identity_named *user = &named->user;
    int rc = named->id != NULL
                 ? kn_db_run(db, &BY_ID, KN_ARGS(named->id), &rows, err)
                 : kn_db_run(db, &BY_NAME,
                             KN_ARGS(named->name, user->id, user->name, user->domain_id, user->domain_name), &rows,
                             err);

    if (rc < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_rest_not_found(&kn_identity_app_credential_noun, named->id != NULL ? named->id : named->name, err);
    }
    KN_MEMBERS_READ(MEMBERS, rows, ret);
    return 0;
}

int kn_identity_app_credential_scope(struct kn_db *db, const char *id, const char *user_id, const char *project_id,
                                     struct kn_identity_scope_facts *ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    return kn_db_run(db, &ROLES, KN_ARGS(id), &rows, err) < 0
               ? -1
               : kn_identity_scope_part(db, user_id, project_id, &rows, ret, err);
}

/* --- rows --- */

int kn_identity_check_unrestricted(const struct kn_request *req, struct kn_error *err)
{
    return !req->caller.restricted ? 0
                                   : kn_fail(err, KN_FORBIDDEN,
                                             "Using method '%s' is not allowed for managing additional application "
                                             "credentials.",
                                             req->caller.credential_id[0] != '\0' ? "application_credential" : "trust");
}

/* What the caller's token gives on its project: all of the user's roles there, or those of the credential that logged in. */
static int held_roles(const struct kn_request *req, struct kn_identity_scope_facts *ret, struct kn_error *err)
{
    const struct kn_identity_named project = { .id = req->caller.project_id };

    if (req->caller.project_id[0] == '\0') {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid application credential: the token is not scoped to a project");
    }
    return req->caller.credential_id[0] != '\0'
               ? kn_identity_app_credential_scope(req->db, req->caller.credential_id, req->caller.user_id, project.id,
                                                  ret, err)
               : kn_identity_scope_find(req->db, KN_SCOPE_PROJECT, &project, req->caller.user_id, ret, err);
}

static int settle_secret(json_t *object, struct kn_error *err)
{
    char made[KN_APP_SECRET], hash[129];
    const char *chosen = kn_identity_said(object, "secret");

    if (chosen != NULL && kn_identity_app_secret_hash(chosen, hash, err) < 0) {
        return -1;
    }
    if (chosen == NULL) {
        kn_identity_app_secret_make(made, hash);
        json_object_set_new(object, "secret", json_string(made));
    }
    json_object_set_new(object, "secret_hash", json_string(hash));
    return 0;
}

static int app_credential_check(struct kn_request *req, json_t *object, struct kn_error *err)
{
    AUTO_RELEASE(kn_identity_scope_facts) struct kn_identity_scope_facts held = { 0 };

    if (kn_identity_check_unrestricted(req, err) < 0 || held_roles(req, &held, err) < 0 ||
        kn_identity_settle_roles(
            &held, object, KN_BAD_REQUEST,
            "Invalid application credential: Cannot create an application credential with unassigned "
            "role",
            err) < 0) {
        return -1;
    }
    if (json_array_size(json_object_get(object, "roles")) == 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid application credential: there is no role to give");
    }
    return kn_identity_settle_expiry(object, err) < 0 ? -1 : settle_secret(object, err);
}

static int app_credential_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                                 struct kn_error *err)
{
    (void)id;
    (void)now;
    (void)object;
    return kn_identity_check_unrestricted(req, err);
}

static int app_credential_after(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                                struct kn_error *err)
{
    AUTO_FREE char *roles = json_dumps(json_object_get(object, "roles"), JSON_COMPACT);

    (void)now;
    if (object == NULL) {
        return kn_identity_revoke(req->db, KN_REVOKE_CREDENTIAL, id, err);
    }
    return kn_db_run(req->db, &INSERT_ROLES, KN_ARGS(id, roles), NULL, err) < 0
               ? -1
               : kn_identity_access_rule_tie(req->db, req->caller.user_id, id, json_object_get(object, "access_rules"),
                                             err);
}

const struct kn_rest_noun kn_identity_app_credential_noun = {
    .one = "application_credential",
    .many = "application_credentials",
    .label = "Application Credential",
    .path = "/users/{}/application_credentials",
    .from = "application_credential",
    .order = "name",
    .attrs = ATTRS,
    KN_NOUN_COMMON,
    .table = "application_credential",
    .user_column = "user_id",
    .project_column = "project_id",
    .check = app_credential_check,
    .decide = app_credential_decide,
    .after = app_credential_after,
    .clashes = CLASHES,
};

int kn_identity_app_credential_forget_user(struct kn_db *db, const char *user_id, const char *project_id,
                                           struct kn_error *err)
{
    return kn_db_run(db, &FORGET_USER, KN_ARGS(user_id, project_id), NULL, err);
}

int kn_identity_app_credential_forget_role(struct kn_db *db, const char *role_id, struct kn_error *err)
{
    return kn_db_run(db, &FORGET_ROLE, KN_ARGS(role_id), NULL, err);
}
