/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app_credential: a secret that stands for a user on one project, with some of its roles, and perhaps for some requests only. It
 * goes with the user, the project, and any role that it needs; its tokens go with it.
 */
#ifndef KN_IDENTITY_ROWS_APP_CREDENTIAL_H
#define KN_IDENTITY_ROWS_APP_CREDENTIAL_H

#include <jansson.h>

#include "identity/rows/account.h"
#include "lib/adapter/http.h"

/* What a login and a token need to know. */
struct kn_identity_app_credential {
    char id[65];
    char name[KN_SIZE_OF(IDENTITY_NAME)];
    char user_id[65];
    char project_id[65];
    char hash[129];
    bool unrestricted;
    int64_t expires_us;              /* 0 = never */
    char rules[KN_TOKEN_RULES + 1];  /* as tokens carry them */
};

/* By id, or by name and user. KN_NOT_FOUND. */
int kn_identity_app_credential_find(struct kn_db *db, const struct kn_identity_named_credential *named,
                                    struct kn_identity_app_credential *ret, struct kn_error *err);
/* Its project and its roles there. KN_UNAUTHORIZED: the user no longer holds one of them, or the project is disabled. */
int kn_identity_app_credential_scope(struct kn_db *db, const char *id, const char *user_id, const char *project_id,
                                     struct kn_identity_scope_facts *ret, struct kn_error *err);

/* Secrets made here have 512 bits, so a fast hash is as good as a slow one; what a user chose is hashed like a password. */
#define KN_APP_SECRET 87 /* characters of one that is made here, with the NUL */
void kn_identity_app_secret_make(char out[KN_APP_SECRET], char hash[129]);
int kn_identity_app_secret_hash(const char *secret, char hash[129], struct kn_error *err);
bool kn_identity_app_secret_matches(const char *hash, const char *secret);

/* KN_FORBIDDEN: a credential that must not make others must not take them away either. */
int kn_identity_check_unrestricted(const struct kn_request *req, struct kn_error *err);

/* In the caller's transaction: those of a user on a project whose roles there have become fewer; those that need a role. */
int kn_identity_app_credential_forget_user(struct kn_db *db, const char *user_id, const char *project_id,
                                           struct kn_error *err);
int kn_identity_app_credential_forget_role(struct kn_db *db, const char *role_id, struct kn_error *err);

#endif
