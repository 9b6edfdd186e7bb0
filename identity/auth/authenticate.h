/* SPDX-License-Identifier: Apache-2.0 */
/* authenticate: who somebody is, by what a login brings. On the login threads. */
#ifndef KN_IDENTITY_AUTH_AUTHENTICATE_H
#define KN_IDENTITY_AUTH_AUTHENTICATE_H

#include "identity/rows/account.h"
#include "lib/adapter/http.h"

/* The words of every refusal: they do not say whether the user exists. */
#define KN_LOGIN_REFUSED "The request you have made requires authentication."

/*
 * Who logs in, and what the methods say about the token to make (methods, parent, latest end). KN_UNAUTHORIZED in the same words
 * whatever was wrong, except for a right password that has expired; KN_TOO_MANY: too many wrong ones from there.
 */
int kn_identity_authenticate(struct kn_request *req, const struct kn_identity_login *login,
                             struct kn_identity_account *ret, struct kn_identity_token *made, struct kn_error *err);
/* By the password alone, even if it has expired. */
int kn_identity_authenticate_password(struct kn_request *req, const struct kn_identity_named *user,
                                      const char *password, struct kn_identity_account *ret, struct kn_error *err);
/* The user behind a token, as the database sees it now. KN_UNAUTHORIZED: gone or disabled. */
int kn_identity_authenticate_again(struct kn_db *db, const char *user_id, struct kn_identity_account *ret,
                                   struct kn_error *err);

#endif
