/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the decision who logs in. Whatever is wrong, the answer is the same 401: neither words nor time say whether the user exists. It
 * must never log what was tried.
 */
#include "identity/auth/authenticate.h"

#include <string.h>

#include "identity/auth/identity.h"
#include "identity/rows/app_credential.h"
#include "identity/rows/password.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

static const struct kn_stmt FACTORS = {
    "authenticate_factors",
    "SELECT FROM identity_user u WHERE id = $1 AND (jsonb_array_length(coalesce(options -> 'multi_factor_auth_rules', '[]')) = 0 "
    "OR EXISTS (SELECT FROM jsonb_array_elements(options -> 'multi_factor_auth_rules') rule WHERE rule <@ $2::jsonb))",
    2
};

/* The name under which failures are counted: not the user's id, which would tell that it exists. */
static const char *try_name(struct kn_request *req, const struct kn_identity_named *user)
{
    AUTO_FREE char *name = kn_asprintf("%s/%s/%s %s", user->id != NULL ? user->id : "",
                                       user->name != NULL ? user->name : "",
                                       user->domain_id != NULL     ? user->domain_id
                                       : user->domain_name != NULL ? user->domain_name
                                                                   : "",
                                       kn_request_remote(req));
    return kn_request_strdup(req, name);
}

static int authenticate_refuse(struct kn_request *req, const char *limited, const struct kn_identity_account *account,
                               bool locked, bool right, struct kn_error *err)
{
    const char *reason = account->id[0] == '\0' ? "no such user"
                         : locked               ? "locked"
                         : !right               ? "wrong password"
                                                : "disabled";

    kn_identity_failed(limited);
    kn_log(KN_WARNING, "login failed", "user", account->id[0] != '\0' ? account->id : NULL, "remote",
           kn_request_remote(req), "reason", reason, NULL);
    return kn_fail(err, KN_UNAUTHORIZED, KN_LOGIN_REFUSED);
}

int kn_identity_authenticate_password(struct kn_request *req, const struct kn_identity_named *user,
                                      const char *password, struct kn_identity_account *ret, struct kn_error *err)
{
    const char *limited = try_name(req, user);
    struct kn_identity_account account = { 0 };
    struct kn_error why = { 0 };
    bool right = false;

    if (kn_identity_may_try(limited, err) < 0) {
        return -1;
    }
    if (kn_identity_account_find(req->db, user, &account, &why) < 0 && why.code != KN_NOT_FOUND) {
        *err = why;
        return -1;
    }
    bool locked = kn_identity_password_locked(req->conf, &account);
    if (kn_identity_password_try(req->db, req->conf, &account, password, &right, err) < 0) {
        return -1;
    }
    if (!right || !account.enabled) {
        return authenticate_refuse(req, limited, &account, locked, right, err);
    }
    *ret = account;
    return 0;
}

static int by_password(struct kn_request *req, const struct kn_identity_login *login, struct kn_identity_account *ret,
                       struct kn_error *err)
{
    struct kn_identity_account account = { 0 };

    if (kn_identity_authenticate_password(req, &login->user, login->password, &account, err) < 0) {
        return -1;
    }
    if (account.password_expires_us > 0 && account.password_expires_us <= kn_now_us()) {
        return kn_fail(err, KN_UNAUTHORIZED, "The password is expired and needs to be changed for user: %s.",
                       account.id);
    }
    *ret = account;
    return 0;
}

int kn_identity_authenticate_again(struct kn_db *db, const char *user_id, struct kn_identity_account *ret,
                                   struct kn_error *err)
{
    const struct kn_identity_named user = { .id = user_id };

    if (kn_identity_account_find(db, &user, ret, err) < 0) {
        return err->code == KN_NOT_FOUND ? kn_fail(err, KN_UNAUTHORIZED, KN_LOGIN_REFUSED) : -1;
    }
    return ret->enabled ? 0 : kn_fail(err, KN_UNAUTHORIZED, KN_LOGIN_REFUSED);
}

/* A token that does not count is one that cannot be found: Keystone says 404 here, and 401 wherever else a token does not count. */
static int read_token(struct kn_db *db, const char *text, struct kn_identity_token *ret, struct kn_error *err)
{
    if (kn_identity_read_now(db, text, ret, err) < 0) {
        return err->code == KN_UNAUTHORIZED ? kn_fail(err, KN_NOT_FOUND, "Could not find token.") : -1;
    }
    return 0;
}

/* What a token of a credential cannot be made to leave: the credential, its project, its rules. */
static void bind_credential(struct kn_identity_token *made, const char *id, const char *project_id, bool unrestricted,
                            const char *rules)
{
    made->methods |= KN_METHOD_APP_CREDENTIAL;
    made->unrestricted = unrestricted;
    kn_copy(made->credential_id, sizeof(made->credential_id), id);
    kn_copy(made->scope_id, sizeof(made->scope_id), project_id);
    kn_copy(made->rules, sizeof(made->rules), rules);
}

/* A token made from another lives no longer than that one. */
static int by_token(struct kn_request *req, const struct kn_identity_login *login, struct kn_identity_account *ret,
                    struct kn_identity_token *made, struct kn_error *err)
{
    struct kn_identity_token old;

    if (read_token(req->db, login->token, &old, err) < 0 ||
        kn_identity_authenticate_again(req->db, old.user_id, ret, err) < 0) {
        return -1;
    }
    if (old.trust_id[0] != '\0') {
        return kn_fail(err, KN_FORBIDDEN,
                       "You are not authorized to perform the requested action: Using a trust token to create another "
                       "token is not allowed.");
    }
    if (old.credential_id[0] != '\0') {
        if (login->scope_said) {
            return kn_fail(err, KN_FORBIDDEN,
                           "You are not authorized to perform the requested action: Using an application credential "
                           "token to create a scoped token is not allowed.");
        }
        bind_credential(made, old.credential_id, old.scope_id, old.unrestricted, old.rules);
    }
    made->expires_us = old.expires_us;
    made->methods |= old.methods;
    made->has_parent = true;
    memcpy(made->parent, old.audit, KN_AUDIT_BYTES);
    return 0;
}

static bool secret_is_right(const struct kn_identity_app_credential *credential, const char *secret)
{
    return credential->id[0] != '\0' && kn_identity_app_secret_matches(credential->hash, secret) &&
           (credential->expires_us == 0 || credential->expires_us > kn_now_us());
}

static int by_credential(struct kn_request *req, const struct kn_identity_login *login, struct kn_identity_account *ret,
                         struct kn_identity_token *made, struct kn_error *err)
{
    const struct kn_identity_named_credential *named = &login->credential;
    AUTO_FREE char *what = kn_asprintf("%s of %s", named->id != NULL ? named->id : named->name,
                                       named->id != NULL ? "" : try_name(req, &named->user));
    AUTO_FREE char *limited = kn_asprintf("credential %s %s", what, kn_request_remote(req));
    struct kn_identity_app_credential credential = { 0 };
    struct kn_error why = { 0 };

    if (login->scope_said) {
        return kn_fail(err, KN_UNAUTHORIZED, "Application credentials cannot request a scope.");
    }
    if (kn_identity_may_try(limited, err) < 0) {
        return -1;
    }
    if (kn_identity_app_credential_find(req->db, named, &credential, &why) < 0 && why.code != KN_NOT_FOUND) {
        *err = why;
        return -1;
    }
    if (!secret_is_right(&credential, login->secret)) {
        kn_identity_failed(limited);
        kn_log(KN_WARNING, "login failed", "credential", credential.id[0] != '\0' ? credential.id : NULL, "remote",
               kn_request_remote(req), NULL);
        return kn_fail(err, KN_UNAUTHORIZED, KN_LOGIN_REFUSED);
    }
    bind_credential(made, credential.id, credential.project_id, credential.unrestricted, credential.rules);
    made->expires_us = credential.expires_us;
    return kn_identity_authenticate_again(req->db, credential.user_id, ret, err);
}

/* The user's own rules, if it has any: one of them names no other methods than these. */
static int check_factors(struct kn_db *db, const struct kn_identity_account *account, unsigned methods,
                         struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf names = KN_STRBUF_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (!account->multi_factor) {
        return 0;
    }
    kn_identity_methods_write(&names, NULL, methods);
    if (kn_db_run(db, &FACTORS, KN_ARGS(account->id, names.buf), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) > 0 ? 0 : kn_fail(err, KN_UNAUTHORIZED, KN_LOGIN_REFUSED);
}

/* Several methods have to speak of the same user. */
static int agree(struct kn_identity_account *account, const struct kn_identity_account *other, struct kn_error *err)
{
    if (account->id[0] != '\0' && strcmp(account->id, other->id) != 0) {
        return kn_fail(err, KN_UNAUTHORIZED, KN_LOGIN_REFUSED);
    }
    *account = *other;
    return 0;
}

int kn_identity_authenticate(struct kn_request *req, const struct kn_identity_login *login,
                             struct kn_identity_account *ret, struct kn_identity_token *made, struct kn_error *err)
{
    struct kn_identity_account account = { 0 }, other = { 0 };

    if (login->password != NULL && by_password(req, login, &account, err) < 0) {
        return -1;
    }
    if (login->secret != NULL &&
        (by_credential(req, login, &other, made, err) < 0 || agree(&account, &other, err) < 0)) {
        return -1;
    }
    if (login->token != NULL && (by_token(req, login, &other, made, err) < 0 || agree(&account, &other, err) < 0)) {
        return -1;
    }
    if (check_factors(req->db, &account, made->methods, err) < 0) {
        return -1;
    }
    *ret = account;
    return 0;
}
