/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the tables `application_credential` and `application_credential_role`. A secret is seen here once, to be hashed or compared. It
 * must never give a credential a role that its user does not hold at that moment: each login asks again.
 */
#include "identity/rows/app_credential.h"

#include <string.h>

#include "identity/rows/access_rule.h"
#include "identity/rows/revoke.h"
#include "lib/adapter/crypto.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

#define FAST "sha256:"

#define RULES(form) "(SELECT " form " FROM access_rule r JOIN application_credential_rule t ON t.rule_id = r.id " \
                    "WHERE t.credential_id = c.id)"
#define FIND "SELECT c.id, c.name, c.user_id, c.project_id, c.secret_hash, c.unrestricted, " \
             "(extract(epoch FROM c.expires_at) * 1000000)::bigint, " \
             RULES("string_agg(r.service || E'\\t' || r.method || E'\\t' || r.path || E'\\n', '' ORDER BY t.n)") \
             " FROM application_credential c "

static const struct kn_stmt BY_ID = { "app_credential_by_id", FIND "WHERE c.id = $1", 1 };
static const struct kn_stmt BY_NAME = { "app_credential_by_name",
    FIND "JOIN identity_user u ON u.id = c.user_id JOIN domain d ON d.id = u.domain_id WHERE c.name = $1 "
    "AND (u.id = $2 OR (u.name = $3 AND (d.id = $4 OR d.name = $5)))", 5 };
static const struct kn_stmt ROLES = { "app_credential_roles",
    "WITH RECURSIVE down (id) AS (SELECT role_id FROM application_credential_role WHERE credential_id = $1 UNION SELECT i.implied_id "
    "FROM role_implication i JOIN down ON i.prior_id = down.id) SELECT r.id, r.name FROM role r JOIN down ON down.id = r.id "
    "WHERE r.domain_id IS NULL ORDER BY r.name", 1 };
static const struct kn_stmt LIST = { "app_credential_list",
    "SELECT c.id, c.name, c.description, c.project_id, c.user_id, c.unrestricted, (extract(epoch FROM c.expires_at) * 1000000)::bigint, "
    "(SELECT coalesce(jsonb_agg(jsonb_build_object('id', r.id, 'name', r.name, 'domain_id', r.domain_id) ORDER BY r.name), '[]') "
    "FROM role r JOIN application_credential_role t ON t.role_id = r.id WHERE t.credential_id = c.id), "
    RULES("jsonb_agg(jsonb_build_object('id', r.id, 'service', r.service, 'method', r.method, 'path', r.path) ORDER BY t.n)")
    " FROM application_credential c WHERE c.user_id = $1 AND ($2::text IS NULL OR c.id = $2) AND ($3::text IS NULL OR c.name = $3) "
    "ORDER BY c.name", 3 };
static const struct kn_stmt INSERT = { "app_credential_insert",
    "INSERT INTO application_credential (id, user_id, project_id, name, description, secret_hash, unrestricted, expires_at) "
    "VALUES ($1, $2, $3, $4, coalesce($5, ''), $6, $7::boolean, $8::timestamp AT TIME ZONE 'UTC')", 8 };
static const struct kn_stmt INSERT_ROLES = { "app_credential_insert_roles",
    "INSERT INTO application_credential_role (credential_id, role_id) SELECT DISTINCT $1, unnest($2::text[])", 2 };
static const struct kn_stmt DELETE = { "app_credential_delete",
    "DELETE FROM application_credential WHERE id = $1 AND user_id = $2", 2 };
static const struct kn_stmt FORGET_USER = { "app_credential_forget_user",
    "DELETE FROM application_credential WHERE user_id = $1 AND project_id = $2", 2 };
static const struct kn_stmt FORGET_ROLE = { "app_credential_forget_role",
    "DELETE FROM application_credential WHERE id IN (SELECT credential_id FROM application_credential_role WHERE role_id = $1)", 1 };

/* --- secrets --- */

static void fast_hash(const char *secret, char hash[129])
{
    char hex[KN_SHA256_HEX];

    kn_sha256_hex(secret, strlen(secret), hex);
    kn_copy(hash, 129, FAST);
    kn_copy(hash + strlen(FAST), 129 - strlen(FAST), hex);
}

void kn_app_secret_make(char out[KN_APP_SECRET], char hash[129])
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    uint8_t bytes[64];

    kn_random(bytes, sizeof(bytes));
    kn_base64url_add(&text, bytes, sizeof(bytes));
    kn_copy(out, KN_APP_SECRET, text.buf);
    fast_hash(out, hash);
}

int kn_app_secret_hash(const char *secret, char hash[129], struct kn_error *err)
{
    return kn_password_hash(secret, hash, err);
}

bool kn_app_secret_matches(const char *hash, const char *secret)
{
    char own[129];

    if (strncmp(hash, FAST, strlen(FAST)) != 0) {
        return kn_password_matches(hash, secret);
    }
    fast_hash(secret, own);
    return strlen(own) == strlen(hash) && kn_equal(own, hash, strlen(own));
}

/* --- logging in --- */

int kn_app_credential_find(struct kn_db *db, const struct kn_named_credential *named, struct kn_app_credential *ret,
                           struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const struct kn_named *user = &named->user;
    int rc = named->id != NULL
                 ? kn_db_run(db, &BY_ID, KN_ARGS(named->id), &rows, err)
                 : kn_db_run(db, &BY_NAME, KN_ARGS(named->name, user->id, user->name, user->domain_id, user->domain_name), &rows, err);

    if (rc < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Could not find Application Credential: %s.", named->id != NULL ? named->id : named->name);
    }
    kn_copy(ret->id, sizeof(ret->id), kn_rows_text(rows, 0, 0));
    kn_copy(ret->name, sizeof(ret->name), kn_rows_text(rows, 0, 1));
    kn_copy(ret->user_id, sizeof(ret->user_id), kn_rows_text(rows, 0, 2));
    kn_copy(ret->project_id, sizeof(ret->project_id), kn_rows_text(rows, 0, 3));
    kn_copy(ret->hash, sizeof(ret->hash), kn_rows_text(rows, 0, 4));
    ret->unrestricted = kn_rows_bool(rows, 0, 5);
    ret->expires_us = kn_rows_int(rows, 0, 6);
    kn_copy(ret->rules, sizeof(ret->rules), kn_rows_text(rows, 0, 7));
    return 0;
}

int kn_app_credential_scope(struct kn_db *db, const char *id, const char *user_id, const char *project_id, struct kn_scope_facts *ret,
                            struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    return kn_db_run(db, &ROLES, KN_ARGS(id), &rows, err) < 0 ? -1 : kn_scope_part(db, user_id, project_id, &rows, ret, err);
}

/* --- rows --- */

int kn_app_credential_list(struct kn_db *db, const char *user_id, const char *id, const char *name, struct kn_rows **ret_rows,
                           struct kn_error *err)
{
    return kn_db_run(db, &LIST, KN_ARGS(user_id, id, name), ret_rows, err);
}

static int refused(struct kn_db *db, const struct kn_app_credential_wish *w, struct kn_error *err)
{
    if (err->code != KN_CONFLICT) {
        return -1;
    }
    if (strcmp(kn_db_constraint(db), "application_credential_name") == 0) {
        return kn_fail(err, KN_CONFLICT, "Conflict occurred attempting to store application_credential - Duplicate entry found with "
                       "name %s.", w->name);
    }
    return kn_fail(err, KN_NOT_FOUND, "Could not find the application credential's user or project.");
}

int kn_app_credential_insert(struct kn_db *db, const char *id, const struct kn_app_credential_wish *w, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { 0 };
    const char *const *args = KN_ARGS(id, w->user_id, w->project_id, w->name, w->description, w->hash,
                                      w->unrestricted ? "true" : "false", w->expires_at);

    if (kn_tx_begin(&tx, db, err) < 0) {
        return -1;
    }
    if (kn_db_run(db, &INSERT, args, NULL, err) < 0) {
        return refused(db, w, err);
    }
    if (kn_db_run(db, &INSERT_ROLES, KN_ARGS(id, w->role_ids), NULL, err) < 0 ||
        kn_access_rule_tie(db, w->user_id, id, w->rules, err) < 0) {
        return -1;
    }
    return kn_tx_commit(&tx, err);
}

int kn_app_credential_delete(struct kn_db *db, const char *user_id, const char *id, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { 0 };
    int64_t gone = 0;

    if (kn_tx_begin(&tx, db, err) < 0 || kn_db_change(db, &DELETE, KN_ARGS(id, user_id), &gone, err) < 0) {
        return -1;
    }
    if (gone == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Could not find Application Credential: %s.", id);
    }
    return kn_revoke(db, KN_REVOKE_CREDENTIAL, id, err) < 0 ? -1 : kn_tx_commit(&tx, err);
}

int kn_app_credential_forget_user(struct kn_db *db, const char *user_id, const char *project_id, struct kn_error *err)
{
    return kn_db_run(db, &FORGET_USER, KN_ARGS(user_id, project_id), NULL, err);
}

int kn_app_credential_forget_role(struct kn_db *db, const char *role_id, struct kn_error *err)
{
    return kn_db_run(db, &FORGET_ROLE, KN_ARGS(role_id), NULL, err);
}
