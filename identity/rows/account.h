/* SPDX-License-Identifier: Apache-2.0 */
/*
 * account: what the database says about a login: the user, the scope, the roles there. The two questions that every token begins with, and
 * that showing a token asks again.
 */
#ifndef KN_IDENTITY_ROWS_ACCOUNT_H
#define KN_IDENTITY_ROWS_ACCOUNT_H

#include "identity/auth/login.h"
#include "lib/adapter/db.h"
#include "lib/domain/limits.h"

struct kn_identity_account {
    char id[65];
    char name[KN_SIZE_OF(IDENTITY_NAME)];
    char domain_id[65];
    char domain_name[KN_SIZE_OF(PROJECT_NAME)];
    char default_project_id[65];
    char hash[129];            /* "" = no login by password */
    bool enabled;              /* and the domain as well */
    int64_t password_expires_us; /* 0 = never */
    int64_t password_age_ms;
    bool password_own;         /* chosen by the user */
    int64_t failures;          /* wrong passwords since the last right one */
    int64_t failed_ago_ms;
    bool ignores_lockout;      /* the user's options */
    bool locks_password;
    bool multi_factor;
};

struct kn_identity_scope_facts {
    enum kn_identity_scope kind;
    char id[65];               /* project or domain */
    char name[KN_SIZE_OF(IDENTITY_NAME)];
    char domain_id[65];        /* of a project */
    char domain_name[KN_SIZE_OF(PROJECT_NAME)];
    bool enabled;
    uint32_t roles;            /* bits of enum kn_role */
    struct kn_rows *role_rows; /* of enum kn_identity_held_column; implied ones included */
};
enum kn_identity_held_column { KN_HELD_ROLE_ID, KN_HELD_ROLE };
void kn_identity_scope_facts_release(struct kn_identity_scope_facts *facts);

/* KN_NOT_FOUND if there is none. */
int kn_identity_account_find(struct kn_db *db, const struct kn_identity_named *user, struct kn_identity_account *ret,
                             struct kn_error *err);
/* The scope and the user's roles in it (none is no error). KN_NOT_FOUND: no such project or domain. */
int kn_identity_scope_find(struct kn_db *db, enum kn_identity_scope kind, const struct kn_identity_named *target,
                           const char *user_id, struct kn_identity_scope_facts *ret, struct kn_error *err);
/*
 * A project with some of a user's roles there: those of the rows (id, name), which are taken. KN_UNAUTHORIZED: there are none, the user
 * does not hold them all, or the project is disabled.
 */
int kn_identity_scope_part(struct kn_db *db, const char *user_id, const char *project_id, struct kn_rows **role_rows,
                           struct kn_identity_scope_facts *ret, struct kn_error *err);
/*
 * "roles" of a checked object, {"id"} or {"name"} each, become the ids of those that are held; all of these if none is named. code, words: what a
 * role is told that is not held.
 */
int kn_identity_settle_roles(const struct kn_identity_scope_facts *held, json_t *object, enum kn_code code,
                             const char *words, struct kn_error *err);

#endif
