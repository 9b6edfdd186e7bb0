/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns POST, GET, HEAD and DELETE /v3/auth/tokens: who logs in, into which scope, and what a token shows. Whatever is wrong with a
 * login, the answer is the same 401: neither words nor time say whether the user exists. It runs on the login threads.
 */
#include <string.h>

#include "identity/api/handlers.h"
#include "identity/api/view.h"
#include "identity/auth/authenticate.h"
#include "identity/auth/identity.h"
#include "identity/rows/app_credential.h"
#include "identity/rows/revoke.h"
#include "identity/rows/trust.h"
#include "lib/adapter/crypto.h"
#include "lib/base/clock.h"
#include "lib/base/jsonw.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#define AUTO_FACTS AUTO_RELEASE(kn_identity_scope_facts)

/* --- where --- */

static int say_no_scope(const struct kn_identity_account *account, const struct kn_identity_login *login,
                        struct kn_error *err)
{
    kn_log(KN_INFO, "login into a scope refused", "user", account->id, "scope",
           login->target.id != NULL ? login->target.id : login->target.name, NULL);
    return kn_fail(err, KN_UNAUTHORIZED, KN_LOGIN_REFUSED);
}

static int wanted_scope(struct kn_db *db, const struct kn_identity_login *login,
                        const struct kn_identity_account *account, struct kn_identity_scope_facts *ret,
                        struct kn_error *err)
{
    if (kn_identity_scope_find(db, login->scope, &login->target, account->id, ret, err) < 0) {
        return err->code == KN_NOT_FOUND ? say_no_scope(account, login, err) : -1;
    }
    bool anything = login->scope == KN_SCOPE_NONE || (ret->enabled && kn_rows_count(ret->role_rows) > 0);
    return anything ? 0 : say_no_scope(account, login, err);
}

/* Nothing was said: the default project if the user can work there, else no scope. */
static int default_scope(struct kn_db *db, const struct kn_identity_account *account,
                         struct kn_identity_scope_facts *ret, struct kn_error *err)
{
    const struct kn_identity_named project = { .id = account->default_project_id };
    AUTO_FACTS struct kn_identity_scope_facts facts = { 0 };

    if (account->default_project_id[0] == '\0') {
        return 0;
    }
    if (kn_identity_scope_find(db, KN_SCOPE_PROJECT, &project, account->id, &facts, err) < 0) {
        return err->code == KN_NOT_FOUND ? 0 : -1;
    }
    if (facts.enabled && kn_rows_count(facts.role_rows) > 0) {
        *ret = facts;
        facts.role_rows = NULL;
    }
    return 0;
}

static int refuse_trust(const struct kn_identity_trust *trust, const char *why, struct kn_error *err)
{
    kn_log(KN_INFO, "login by a trust refused", "trust", trust->id, "reason", why, NULL);
    return kn_fail(err, KN_FORBIDDEN, "You are not authorized to perform the requested action: %s.", why);
}

/* Both users of the trust are there and what it lends is still the trustor's; uses one of its uses. The account becomes the trustor's. */
static int enter_trust(struct kn_db *db, const char *id, struct kn_identity_account *account,
                       struct kn_identity_token *token, struct kn_identity_scope_facts *ret, struct kn_error *err)
{
    struct kn_identity_account trustor = { 0 };
    struct kn_identity_trust trust = { 0 };

    if (kn_identity_trust_find(db, id, &trust, err) < 0) {
        return err->code == KN_NOT_FOUND ? kn_fail(err, KN_UNAUTHORIZED, KN_LOGIN_REFUSED) : -1;
    }
    if (strcmp(trust.trustee_id, account->id) != 0) {
        return refuse_trust(&trust, "the user is not the trustee", err);
    }
    if (kn_identity_authenticate_again(db, trust.trustor_id, &trustor, err) < 0 ||
        kn_identity_trust_scope(db, &trust, ret, err) < 0) {
        return err->code == KN_UNAUTHORIZED
                   ? refuse_trust(&trust, "the trustor no longer has what the trust lends", err)
                   : -1;
    }
    if (kn_identity_trust_use(db, id, err) < 0) {
        return -1;
    }
    kn_copy(token->trust_id, sizeof(token->trust_id), trust.id);
    kn_copy(token->trustor_id, sizeof(token->trustor_id), trust.trustor_id);
    kn_copy(token->trustee_id, sizeof(token->trustee_id), trust.trustee_id);
    if (trust.expires_us > 0 && (token->expires_us == 0 || trust.expires_us < token->expires_us)) {
        token->expires_us = trust.expires_us;
    }
    if (trust.impersonation) {
        *account = trustor;
    }
    return 0;
}

/* A trust may put another user into the account's place, and itself into the token. */
static int find_scope(struct kn_db *db, const struct kn_identity_login *login, struct kn_identity_account *account,
                      struct kn_identity_token *token, struct kn_identity_scope_facts *ret, struct kn_error *err)
{
    if (login->trust != NULL) {
        return enter_trust(db, login->trust, account, token, ret, err);
    }
    if (token->credential_id[0] != '\0') {
        return kn_identity_app_credential_scope(db, token->credential_id, account->id, token->scope_id, ret, err);
    }
    return login->scope_said ? wanted_scope(db, login, account, ret, err) : default_scope(db, account, ret, err);
}

/* --- what it shows --- */

static void add_id_name(struct kn_strbuf *sb, const char *key, const char *id, const char *name)
{
    kn_jsonw_object(sb, key);
    kn_jsonw_str(sb, "id", id);
    kn_jsonw_str(sb, "name", name);
    kn_jsonw_end_object(sb);
}

static void write_user(struct kn_strbuf *sb, const struct kn_identity_account *account)
{
    char expires[KN_TIME_SIZE];

    kn_jsonw_object(sb, "user");
    kn_jsonw_str(sb, "id", account->id);
    kn_jsonw_str(sb, "name", account->name);
    add_id_name(sb, "domain", account->domain_id, account->domain_name);
    kn_time_iso_us(account->password_expires_us, expires);
    kn_jsonw_str(sb, "password_expires_at", account->password_expires_us > 0 ? expires : NULL);
    kn_jsonw_end_object(sb);
}

static void tokens_write_scope(struct kn_strbuf *sb, const struct kn_identity_scope_facts *facts)
{
    switch (facts->kind) {
    case KN_SCOPE_NONE:
        return;
    case KN_SCOPE_PROJECT:
        kn_jsonw_object(sb, "project");
        kn_jsonw_str(sb, "id", facts->id);
        kn_jsonw_str(sb, "name", facts->name);
        add_id_name(sb, "domain", facts->domain_id, facts->domain_name);
        kn_jsonw_end_object(sb);
        kn_jsonw_bool(sb, "is_domain", false);
        break;
    case KN_SCOPE_DOMAIN:
        add_id_name(sb, "domain", facts->id, facts->name);
        break;
    case KN_SCOPE_SYSTEM:
        kn_jsonw_object(sb, "system");
        kn_jsonw_bool(sb, "all", true);
        kn_jsonw_end_object(sb);
        break;
    }
    kn_jsonw_array(sb, "roles");
    for (int i = 0; i < kn_rows_count(facts->role_rows); i++) {
        add_id_name(sb, NULL, kn_rows_str(facts->role_rows, i, KN_HELD_ROLE_ID),
                    kn_rows_str(facts->role_rows, i, KN_HELD_ROLE));
    }
    kn_jsonw_end_array(sb);
}

static void write_audit(struct kn_strbuf *sb, const struct kn_identity_token *token)
{
    char text[KN_AUDIT_TEXT];

    kn_jsonw_array(sb, "audit_ids");
    kn_identity_audit_text(token->audit, text);
    kn_jsonw_str(sb, NULL, text);
    if (token->has_parent) {
        kn_identity_audit_text(token->parent, text);
        kn_jsonw_str(sb, NULL, text);
    }
    kn_jsonw_end_array(sb);
}

static void write_times(struct kn_strbuf *sb, const struct kn_identity_token *token)
{
    char time[KN_TIME_SIZE];

    kn_time_iso_us_z(token->issued_us, time);
    kn_jsonw_str(sb, "issued_at", time);
    kn_time_iso_us_z(token->expires_us, time);
    kn_jsonw_str(sb, "expires_at", time);
}

/* "access_rules" of a token's lines. */
static void write_rules(struct kn_strbuf *sb, const char *rules)
{
    static const char *const KEYS[] = { "service", "method", "path" };

    kn_jsonw_array(sb, "access_rules");
    while (*rules != '\0') {
        kn_jsonw_object(sb, NULL);
        for (size_t i = 0; i < KN_COUNT(KEYS); i++) {
            size_t len = strcspn(rules, "\t\n");
            AUTO_FREE char *value = kn_strndup(rules, len);
            kn_jsonw_str(sb, KEYS[i], value);
            rules += len + (rules[len] != '\0');
        }
        kn_jsonw_end_object(sb);
    }
    kn_jsonw_end_array(sb);
}

static void write_credential(struct kn_strbuf *sb, const struct kn_identity_app_credential *credential)
{
    if (credential->id[0] == '\0') {
        return;
    }
    kn_jsonw_object(sb, "application_credential");
    kn_jsonw_str(sb, "id", credential->id);
    kn_jsonw_str(sb, "name", credential->name);
    kn_jsonw_bool(sb, "restricted", !credential->unrestricted);
    if (credential->rules[0] != '\0') {
        write_rules(sb, credential->rules);
    }
    kn_jsonw_end_object(sb);
}

static void write_trust(struct kn_strbuf *sb, const struct kn_identity_trust *trust)
{
    if (trust->id[0] == '\0') {
        return;
    }
    kn_jsonw_object(sb, "OS-TRUST:trust");
    kn_jsonw_str(sb, "id", trust->id);
    kn_jsonw_bool(sb, "impersonation", trust->impersonation);
    kn_jsonw_object(sb, "trustor_user");
    kn_jsonw_str(sb, "id", trust->trustor_id);
    kn_jsonw_end_object(sb);
    kn_jsonw_object(sb, "trustee_user");
    kn_jsonw_str(sb, "id", trust->trustee_id);
    kn_jsonw_end_object(sb);
    kn_jsonw_end_object(sb);
}

/* What lent a token its rights; both empty for a token of a person. */
struct lender {
    struct kn_identity_app_credential credential;
    struct kn_identity_trust trust;
};

static int find_lender(struct kn_db *db, const struct kn_identity_token *token, struct lender *ret,
                       struct kn_error *err)
{
    const struct kn_identity_named_credential named = { .id = token->credential_id };

    if (token->trust_id[0] != '\0' && kn_identity_trust_find(db, token->trust_id, &ret->trust, err) < 0) {
        return -1;
    }
    return token->credential_id[0] == '\0' ? 0 : kn_identity_app_credential_find(db, &named, &ret->credential, err);
}

static void write_token(struct kn_request *req, const struct kn_identity_token *token,
                        const struct kn_identity_account *account, const struct kn_identity_scope_facts *facts,
                        const struct lender *lender, struct kn_response *res)
{
    struct kn_strbuf *sb = &res->body;

    kn_jsonw_object(sb, NULL);
    kn_jsonw_object(sb, "token");
    kn_identity_methods_write(sb, "methods", token->methods);
    write_user(sb, account);
    write_audit(sb, token);
    write_times(sb, token);
    tokens_write_scope(sb, facts);
    write_credential(sb, &lender->credential);
    write_trust(sb, &lender->trust);
    if (facts->kind != KN_SCOPE_NONE && kn_request_query(req, "nocatalog") == NULL) {
        kn_identity_catalog_write(req, account->id, facts->kind == KN_SCOPE_PROJECT ? facts->id : "", sb);
    }
    kn_jsonw_end_object(sb);
    kn_jsonw_end_object(sb);
}

/* --- the routes --- */

static void tokens_fill(struct kn_identity_token *token, const struct kn_identity_account *account,
                        const struct kn_identity_scope_facts *facts, const struct kn_conf *conf)
{
    int64_t latest = token->issued_us + conf->identity_token_s * 1000000;

    token->expires_us = token->expires_us > 0 && token->expires_us < latest ? token->expires_us : latest;
    token->scope = facts->kind;
    token->roles = facts->roles;
    kn_copy(token->user_id, sizeof(token->user_id), account->id);
    kn_copy(token->user_domain_id, sizeof(token->user_domain_id), account->domain_id);
    kn_copy(token->scope_id, sizeof(token->scope_id), facts->id);
    kn_copy(token->scope_domain_id, sizeof(token->scope_domain_id), facts->domain_id);
    kn_random(token->audit, sizeof(token->audit));
}

int kn_identity_tokens_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    AUTO_FACTS struct kn_identity_scope_facts facts = { 0 };
    struct lender lender = { 0 };
    struct kn_identity_account account = { 0 };
    struct kn_identity_token token = { 0 };
    struct kn_identity_login login;

    if (kn_identity_login_parse(req->body, &login, err) < 0) {
        return -1;
    }
    token.methods = (uint8_t)login.methods;
    if (kn_identity_revocations_moment(req->db, &token.issued_us, err) <
            0 || /* before anything that the token rests on is read */
        kn_identity_authenticate(req, &login, &account, &token, err) < 0 ||
        find_scope(req->db, &login, &account, &token, &facts, err) < 0 ||
        find_lender(req->db, &token, &lender, err) < 0) {
        return -1;
    }
    tokens_fill(&token, &account, &facts, req->conf);
    kn_identity_sign(&token, &text);
    kn_response_header(res, "X-Subject-Token", text.buf);
    write_token(req, &token, &account, &facts, &lender, res);
    return 0;
}

/*
 * The token in question: one that the route's rule lets the caller at. With allow_expired also one that has ended lately: services
 * finish what a caller began with it.
 */
static int subject(struct kn_request *req, const char **ret_text, struct kn_identity_token *ret, struct kn_error *err)
{
    const char *text = kn_request_header(req, "X-Subject-Token");
    int64_t late_us = kn_identity_view_flag(req, "allow_expired") ? req->conf->identity_allow_expired_s * 1000000 : 0;
    struct kn_error why = { 0 };

    if (text == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "X-Subject-Token is missing");
    }
    if (kn_identity_read_late(text, late_us, ret, &why) < 0) {
        return kn_fail(err, KN_NOT_FOUND, "Failed to validate token");
    }
    if (kn_policy_check(req->route->rule, &req->caller, &(struct kn_target){ .user_id = ret->user_id }, err) < 0) {
        return -1;
    }
    *ret_text = text;
    return 0;
}

static int tokens_scope_of(struct kn_db *db, const struct kn_identity_token *token, const struct lender *lender,
                           struct kn_identity_scope_facts *ret, struct kn_error *err)
{
    const struct kn_identity_named target = { .id = token->scope_id };

    if (token->trust_id[0] != '\0') {
        return kn_identity_trust_scope(db, &lender->trust, ret, err);
    }
    return token->credential_id[0] != '\0'
               ? kn_identity_app_credential_scope(db, token->credential_id, token->user_id, token->scope_id, ret, err)
               : kn_identity_scope_find(db, token->scope, &target, token->user_id, ret, err);
}

int kn_identity_tokens_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_FACTS struct kn_identity_scope_facts facts = { 0 };
    struct lender lender = { 0 };
    struct kn_identity_account account = { 0 };
    struct kn_identity_token token;
    const char *text = NULL;

    if (subject(req, &text, &token, err) < 0) {
        return -1;
    }
    if (kn_identity_authenticate_again(req->db, token.user_id, &account, err) < 0 ||
        find_lender(req->db, &token, &lender, err) < 0 || tokens_scope_of(req->db, &token, &lender, &facts, err) < 0) {
        return err->code == KN_UNAUTHORIZED || err->code == KN_NOT_FOUND
                   ? kn_fail(err, KN_NOT_FOUND, "Failed to validate token")
                   : -1;
    }
    kn_response_header(res, "X-Subject-Token", text);
    write_token(req, &token, &account, &facts, &lender, res);
    return 0;
}

int kn_identity_tokens_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    char audit[KN_AUDIT_TEXT];
    struct kn_identity_token token;
    const char *text = NULL;

    (void)res;
    if (subject(req, &text, &token, err) < 0) {
        return -1;
    }
    kn_identity_audit_text(token.audit, audit);
    if (kn_identity_revoke(req->db, KN_REVOKE_TOKEN, audit, err) < 0) {
        return -1;
    }
    kn_identity_refresh(req->db);
    return 0;
}
