/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nouns: the rows of the room: domains, projects, users, roles, assignments; one .c file each. Every change that takes something away
 * writes its revocation in the same transaction; the caller calls kn_identity_refresh() after it. A NULL in a change means
 * "as it was", in a filter "any".
 */
#ifndef KN_IDENTITY_NOUNS_H
#define KN_IDENTITY_NOUNS_H

#include <stdbool.h>

#include "lib/adapter/db.h"

/* Rows of each noun come in the order that view.c writes. */
struct kn_filter {
    const char *name;
    const char *domain_id;
    const char *parent_id; /* projects below this one, or directly below this domain */
    const char *enabled;   /* "true" or "false" */
    const char *user_id;   /* only what the user has a role in */
};

struct kn_change {
    const char *name;
    const char *description;
    const char *enabled;
    const char *tags;               /* array literal */
};

/* domain.c */
int kn_domain_list(struct kn_db *db, const struct kn_filter *f, struct kn_rows **ret_rows, struct kn_error *err);
int kn_domain_get(struct kn_db *db, const char *id, struct kn_rows **ret_rows, struct kn_error *err);
int kn_domain_insert(struct kn_db *db, const char *id, const struct kn_change *c, struct kn_error *err);
int kn_domain_update(struct kn_db *db, const char *id, const struct kn_change *c, struct kn_error *err);
/* With its projects and users. KN_FORBIDDEN while it is enabled. */
int kn_domain_delete(struct kn_db *db, const char *id, struct kn_error *err);

/* project.c */
int kn_project_list(struct kn_db *db, const struct kn_filter *f, struct kn_rows **ret_rows, struct kn_error *err);
int kn_project_get(struct kn_db *db, const char *id, struct kn_rows **ret_rows, struct kn_error *err);
/* parent_id NULL: directly below the domain. */
int kn_project_insert(struct kn_db *db, const char *id, const char *domain_id, const char *parent_id,
                      const struct kn_change *c, struct kn_error *err);
int kn_project_update(struct kn_db *db, const char *id, const struct kn_change *c, struct kn_error *err);
/* KN_FORBIDDEN while it has children. */
int kn_project_delete(struct kn_db *db, const char *id, struct kn_error *err);

/* user.c; see user.h for the rest */
int kn_user_list(struct kn_db *db, const struct kn_filter *f, struct kn_rows **ret_rows, struct kn_error *err);
int kn_user_get(struct kn_db *db, const char *id, struct kn_rows **ret_rows, struct kn_error *err);
int kn_user_delete(struct kn_db *db, const char *id, struct kn_error *err);

/* role.c */
bool kn_role_is_builtin(const char *name);
int kn_role_list(struct kn_db *db, const struct kn_filter *f, struct kn_rows **ret_rows, struct kn_error *err);
int kn_role_get(struct kn_db *db, const char *id, struct kn_rows **ret_rows, struct kn_error *err);
int kn_role_insert(struct kn_db *db, const char *id, const struct kn_change *c, struct kn_error *err);
/* KN_FORBIDDEN for the builtin ones, as with the next. */
int kn_role_update(struct kn_db *db, const char *id, const struct kn_change *c, struct kn_error *err);
int kn_role_delete(struct kn_db *db, const char *id, struct kn_error *err);

/* assignment.c: a user's role on a project, a domain, or (both NULL) the system. */
struct kn_grant {
    const char *user_id;
    const char *project_id;
    const char *domain_id;
    const char *role_id;
};
/* KN_NOT_FOUND names the first of user, role, project and domain that does not exist. */
int kn_grant_check(struct kn_db *db, const struct kn_grant *g, struct kn_error *err);
int kn_grant_insert(struct kn_db *db, const struct kn_grant *g, struct kn_error *err);
/* KN_NOT_FOUND: it is not there; as with the next. */
int kn_grant_delete(struct kn_db *db, const struct kn_grant *g, struct kn_error *err);
int kn_grant_exists(struct kn_db *db, const struct kn_grant *g, struct kn_error *err);
/* Rows of roles. */
int kn_grant_roles(struct kn_db *db, const struct kn_grant *g, struct kn_rows **ret_rows, struct kn_error *err);

struct kn_grant_filter {
    const char *user_id;
    const char *role_id;
    const char *project_id;
    const char *domain_id;
    const char *system;    /* "true": only those on the system */
    const char *effective; /* "true": implied roles, too */
};
/* role id, name, user id, name, domain id, name, project id, name, domain id, name, domain id, name */
int kn_grant_list(struct kn_db *db, const struct kn_grant_filter *f, struct kn_rows **ret_rows, struct kn_error *err);

#endif
