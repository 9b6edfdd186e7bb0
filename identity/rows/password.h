/* SPDX-License-Identifier: Apache-2.0 */
/*
 * password: what the configuration (identity.lockout_…, password_…, unique_last_password_count) makes of passwords: which ones may be
 * chosen, how long they live, which cannot come back, and when wrong ones lock the account. Everything here hashes or calls for it, so
 * it belongs on the login threads.
 */
#ifndef KN_IDENTITY_ROWS_PASSWORD_H
#define KN_IDENTITY_ROWS_PASSWORD_H

#include "identity/rows/account.h"
#include "lib/adapter/conf.h"

#define KN_PASSWORD_HASH 128

/* Pure: the expressions of identity.password_regex. KN_INTERNAL: one of them is none. */
int kn_identity_password_regex_check(const char *expressions, struct kn_error *err);
/* Pure: KN_BAD_REQUEST, in Keystone's words, if a new password does not match each of them. */
int kn_identity_password_allowed(const struct kn_conf *conf, const char *password, struct kn_error *err);
/* Pure: whether wrong passwords have locked the account. */
bool kn_identity_password_locked(const struct kn_conf *conf, const struct kn_identity_account *account);

/*
 * Whether this is the account's password, counted: wrong ones lead to the lock, a right one forgets them. *ret_right is false for a
 * locked account, too. An account without an id stands for nobody: it takes as long.
 */
int kn_identity_password_try(struct kn_db *db, const struct kn_conf *conf, const struct kn_identity_account *account,
                             const char *password, bool *ret_right, struct kn_error *err);
/* In the caller's transaction. hash NULL: no login by password any more. own: chosen by the user, not for it. */
int kn_identity_password_store(struct kn_db *db, const struct kn_conf *conf, const char *user_id, const char *hash,
                               bool own, struct kn_error *err);
/*
 * The user itself chooses a new one, the old one having been checked. KN_BAD_REQUEST: locked, too young, not allowed, or used before.
 * Ends the user's tokens; the caller calls kn_identity_refresh().
 */
int kn_identity_password_change(struct kn_db *db, const struct kn_conf *conf, const struct kn_identity_account *account,
                                const char *password, struct kn_error *err);

#endif
