/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the life of passwords: the columns of identity_user that begin with password or fail, and the table `password_history`. It must
 * never let a password reach a log line or a statement: only hashes leave it.
 */
#include "identity/rows/password.h"

#include <regex.h>
#include <string.h>

#include "identity/rows/revoke.h"
#include "lib/adapter/crypto.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

#define DAY_MS INT64_C(86400000)

/* argon2id of nothing that anybody knows: what a login of nobody is checked against. */
/* clang-format off */
static const char NOBODYS[] = "$argon2id$v=19$m=19456,t=2,p=1$zWKFFhMqeHOF7/70M1ftQw$"
                              "zIZOG1nu129pjuIVaxgtS/K5+rQDfRySka2UQZzjm4c";
/* clang-format on */

static const struct kn_stmt FAILED = {
    "password_failed",
    "UPDATE identity_user SET failures = CASE WHEN $2::boolean THEN 1 ELSE failures + 1 END, failed_at = now() WHERE id = $1",
    2
};
/* clang-format off */
static const struct kn_stmt SUCCEEDED = { "password_succeeded",
    "UPDATE identity_user SET failures = 0, failed_at = NULL WHERE id = $1", 1 };
/* clang-format on */
static const struct kn_stmt REMEMBER = {
    "password_remember",
    "INSERT INTO password_history (user_id, hash) SELECT id, password_hash FROM identity_user "
    "WHERE id = $1 AND password_hash IS NOT NULL",
    1
};
static const struct kn_stmt FORGET = {
    "password_forget",
    "DELETE FROM password_history WHERE user_id = $1 AND gone_at NOT IN "
    "(SELECT gone_at FROM password_history WHERE user_id = $1 ORDER BY gone_at DESC LIMIT $2)",
    2
};
static const struct kn_stmt HISTORY = {
    "password_history", "SELECT hash FROM password_history WHERE user_id = $1 ORDER BY gone_at DESC LIMIT $2", 2
};
enum history_column { HISTORY_HASH };
static const struct kn_stmt STORE = {
    "password_store",
    "UPDATE identity_user SET password_hash = $2, password_at = now(), password_own = $3::boolean, failures = 0, failed_at = NULL, "
    "password_expires_at = CASE WHEN $2::text IS NULL THEN NULL "
    "WHEN $4::boolean AND NOT coalesce((options ->> 'ignore_change_password_upon_first_use')::boolean, false) THEN now() "
    "WHEN $5::integer > 0 AND NOT coalesce((options ->> 'ignore_password_expiry')::boolean, false) "
    "THEN now() + make_interval(days => $5::integer) END WHERE id = $1",
    5
};

/* --- which ones --- */

/* Calls judge with each expression until it fails. */
static int each_expression(const char *expressions,
                           int (*judge)(void *ctx, const char *expression, struct kn_error *err), void *ctx,
                           struct kn_error *err)
{
    AUTO_FREE char *copy = kn_strdup(expressions);
    char *rest = copy;

    for (char *expression = strsep(&rest, " "); expression != NULL; expression = strsep(&rest, " ")) {
        if (expression[0] != '\0' && judge(ctx, expression, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int compiles(void *ctx, const char *expression, struct kn_error *err)
{
    regex_t regex;

    (void)ctx;
    if (regcomp(&regex, expression, REG_EXTENDED | REG_NOSUB) != 0) {
        return kn_fail(err, KN_INTERNAL, "identity.password_regex: \"%s\" is no extended regular expression",
                       expression);
    }
    regfree(&regex);
    return 0;
}

int kn_identity_password_regex_check(const char *expressions, struct kn_error *err)
{
    return each_expression(expressions, compiles, NULL, err);
}

struct candidate {
    const struct kn_conf *conf;
    const char *password;
};

static int matches(void *ctx, const char *expression, struct kn_error *err)
{
    const struct candidate *c = ctx;
    const char *said = c->conf->identity_password_regex_description;
    regex_t regex;

    if (regcomp(&regex, expression, REG_EXTENDED | REG_NOSUB) != 0) {
        return compiles(NULL, expression, err);
    }
    int rc = regexec(&regex, c->password, 0, NULL, 0);
    regfree(&regex);
    return rc == 0 ? 0
                   : kn_fail(err, KN_BAD_REQUEST, "The password does not match the requirements: %s.",
                             said[0] != '\0' ? said : expression);
}

int kn_identity_password_allowed(const struct kn_conf *conf, const char *password, struct kn_error *err)
{
    struct candidate candidate = { conf, password };

    return each_expression(conf->identity_password_regex, matches, &candidate, err);
}

/* --- trying --- */

static bool counts(const struct kn_conf *conf, const struct kn_identity_account *account)
{
    return conf->identity_lockout_failure_attempts > 0 && !account->ignores_lockout && account->id[0] != '\0';
}

static bool too_many(const struct kn_conf *conf, const struct kn_identity_account *account)
{
    return counts(conf, account) && account->failures >= conf->identity_lockout_failure_attempts;
}

bool kn_identity_password_locked(const struct kn_conf *conf, const struct kn_identity_account *account)
{
    int64_t duration_ms = conf->identity_lockout_duration_s * 1000;

    return too_many(conf, account) && (duration_ms == 0 || account->failed_ago_ms < duration_ms);
}

int kn_identity_password_try(struct kn_db *db, const struct kn_conf *conf, const struct kn_identity_account *account,
                             const char *password, bool *ret_right, struct kn_error *err)
{
    bool has_one = account->hash[0] != '\0';
    bool right = kn_password_matches(has_one ? account->hash : NOBODYS, password) && has_one;

    if (kn_identity_password_locked(conf, account)) {
        right = false; /* whatever it was: neither counted nor told */
    } else if (!right && counts(conf, account)) {
        const char *afresh = too_many(conf, account) ? "true" : "false";
        if (kn_db_run(db, &FAILED, KN_ARGS(account->id, afresh), NULL, err) < 0) {
            return -1;
        }
    } else if (right && account->failures > 0 && kn_db_run(db, &SUCCEEDED, KN_ARGS(account->id), NULL, err) < 0) {
        return -1;
    }
    *ret_right = right;
    return 0;
}

/* --- new ones --- */

int kn_identity_password_store(struct kn_db *db, const struct kn_conf *conf, const char *user_id, const char *hash,
                               bool own, struct kn_error *err)
{
    int64_t before = conf->identity_unique_last_password_count > 0 ? conf->identity_unique_last_password_count - 1 : 0;
    bool first_use = conf->identity_change_password_upon_first_use && !own;
    struct kn_arg keep, days;

    if (kn_db_run(db, &REMEMBER, KN_ARGS(user_id), NULL, err) < 0 ||
        kn_db_run(db, &FORGET, KN_ARGS(user_id, kn_arg_int(&keep, before)), NULL, err) < 0) {
        return -1;
    }
    return kn_db_run(db, &STORE,
                     KN_ARGS(user_id, hash, own ? "true" : "false", first_use ? "true" : "false",
                             kn_arg_int(&days, conf->identity_password_expires_days)),
                     NULL, err);
}

static int check_age(const struct kn_conf *conf, const struct kn_identity_account *account, struct kn_error *err)
{
    int64_t left_ms = conf->identity_minimum_password_age_days * DAY_MS - account->password_age_ms;

    if (!account->password_own || left_ms <= 0) {
        return 0;
    }
    return kn_fail(
        err, KN_BAD_REQUEST,
        "You cannot change your password at this time due to the minimum password age. Once you "
        "change your password, it must be used for %lld day(s) before it can be changed. Please try again in %lld day(s) "
        "or contact your administrator to reset your password.",
        (long long)conf->identity_minimum_password_age_days, (long long)(left_ms / DAY_MS));
}

static int check_history(struct kn_db *db, const struct kn_conf *conf, const struct kn_identity_account *account,
                         const char *password, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    int64_t count = conf->identity_unique_last_password_count;
    struct kn_arg before;

    if (count == 0) {
        return 0;
    }
    if (kn_db_run(db, &HISTORY, KN_ARGS(account->id, kn_arg_int(&before, count - 1)), &rows, err) < 0) {
        return -1;
    }
    bool used = kn_password_matches(account->hash, password);
    for (int i = 0; !used && i < kn_rows_count(rows); i++) {
        used = kn_password_matches(kn_rows_text(rows, i, HISTORY_HASH), password);
    }
    return !used ? 0
                 : kn_fail(err, KN_BAD_REQUEST,
                           "The new password cannot be identical to a previous password. The total number which "
                           "includes the new password must be unique is %lld.",
                           (long long)count);
}

int kn_identity_password_change(struct kn_db *db, const struct kn_conf *conf, const struct kn_identity_account *account,
                                const char *password, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { 0 };
    char hash[KN_PASSWORD_HASH];

    if (account->locks_password) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "You cannot change your password at this time due to password policy disallowing "
                       "password changes. Please contact your administrator to reset your password.");
    }
    if (check_age(conf, account, err) < 0 || kn_identity_password_allowed(conf, password, err) < 0 ||
        check_history(db, conf, account, password, err) < 0 || kn_password_hash(password, hash, err) < 0 ||
        kn_tx_begin(&tx, db, err) < 0 || kn_identity_password_store(db, conf, account->id, hash, true, err) < 0 ||
        kn_identity_revoke(db, KN_REVOKE_USER, account->id, err) < 0) {
        return -1;
    }
    return kn_tx_commit(&tx, err);
}
