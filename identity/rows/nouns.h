/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nouns: the rows of the room: domains, projects, users, groups, roles, what they imply, assignments; one .c file each. Every change that
 * takes something away writes its revocation in the same transaction; the caller calls kn_identity_refresh() after it. A NULL in
 * a change means "as it was". What clients see, filter and sort is a table a noun (lib/rest).
 */
#ifndef KN_IDENTITY_ROWS_NOUNS_H
#define KN_IDENTITY_ROWS_NOUNS_H

#include <stdbool.h>

#include "lib/adapter/db.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"

extern const struct kn_rest_noun kn_domain_noun, kn_project_noun, kn_user_noun, kn_group_noun, kn_role_noun;

/* Attributes that most nouns have, in their tables. */
#define KN_ATTR_ID KN_REST_ATTR("id", "id", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_SORT)
#define KN_ATTR_NAME KN_REST_ATTR("name", "name", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND)
#define KN_ATTR_DESCRIPTION KN_REST_ATTR("description", "description", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND)
#define KN_ATTR_ENABLED KN_REST_ATTR("enabled", "enabled", KN_REST_BOOL, KN_REST_SHOWN | KN_REST_FIND)
#define KN_ATTR_TAGS KN_REST_ATTR("tags", "tags", KN_REST_TAGS, KN_REST_SHOWN | KN_REST_FILTER)
#define KN_OPTIONS "CASE WHEN immutable THEN '{\"immutable\":true}' ELSE '{}' END"
#define KN_ATTR_OPTIONS KN_REST_ATTR("options", KN_OPTIONS, KN_REST_JSON, KN_REST_SHOWN)
#define KN_ATTR_EXTRA KN_REST_ATTR("extra", "extra", KN_REST_MEMBERS, KN_REST_SHOWN)
#define KN_ATTR_LINKS KN_REST_ATTR("links", NULL, KN_REST_LINKS, KN_REST_SHOWN)
#define KN_PARAMS_TAGS                                                          \
    KN_REST_PARAM("tags-any", kn_rest_tags, .sql = "tags", .type = KN_REST_TAGS), \
    KN_REST_PARAM("not-tags", kn_rest_tags, .sql = "tags", .type = KN_REST_TAGS), \
    KN_REST_PARAM("not-tags-any", kn_rest_tags, .sql = "tags", .type = KN_REST_TAGS)

/* What statements of one's own select of these nouns, to be written as the tables say: kn_rest_columns(), which test_nouns holds against it. */
#define KN_DOMAIN_COLUMNS "id, id, name, description, enabled, to_json(tags), " KN_OPTIONS ", extra"
#define KN_PROJECT_COLUMNS \
    "id, id, name, domain_id, description, enabled, parent_id, to_json(tags), is_domain, " KN_OPTIONS ", extra"
#define KN_ROLE_COLUMNS "id, id, name, domain_id, description, " KN_OPTIONS ", extra"

struct kn_change {
    const char *name;
    const char *description;
    const char *enabled;
    const char *tags;               /* array literal */
    const char *immutable;
    const char *extra;              /* a JSON object: attributes that clients made up, beside those that are there */
};

/* domain.c */
/* Rows of the enabled ones in which this user has a role. */
int kn_domain_held(struct kn_db *db, const char *user_id, struct kn_rows **ret_rows, struct kn_error *err);
int kn_domain_insert(struct kn_db *db, const char *id, const struct kn_change *c, struct kn_error *err);
int kn_domain_update(struct kn_db *db, const char *id, const struct kn_change *c, struct kn_error *err);
/* With its projects and users. KN_FORBIDDEN while it is enabled. */
int kn_domain_delete(struct kn_db *db, const char *id, struct kn_error *err);

/* project.c */
int kn_project_held(struct kn_db *db, const char *user_id, struct kn_rows **ret_rows, struct kn_error *err);
/* parent_id NULL: directly below the domain. */
int kn_project_insert(struct kn_db *db, const char *id, const char *domain_id, const char *parent_id,
                      const struct kn_change *c, struct kn_error *err);
/* KN_FORBIDDEN: disabling one with an enabled project below, enabling one below a disabled one. */
int kn_project_update(struct kn_db *db, const char *id, const struct kn_change *c, struct kn_error *err);
/* KN_FORBIDDEN while it has children. */
int kn_project_delete(struct kn_db *db, const char *id, struct kn_error *err);
/* KN_NOT_FOUND: the project, or (the second two) the tag is not there. */
int kn_project_tag_add(struct kn_db *db, const char *id, const char *tag, struct kn_error *err);
int kn_project_tag_check(struct kn_db *db, const char *id, const char *tag, struct kn_error *err);
int kn_project_tag_remove(struct kn_db *db, const char *id, const char *tag, struct kn_error *err);

/* user.c; see user.h for the rest */
int kn_user_delete(struct kn_db *db, const char *id, struct kn_error *err);

/* group.c */
int kn_group_insert(struct kn_db *db, const char *id, const char *domain_id, const struct kn_change *c,
                    struct kn_error *err);
int kn_group_update(struct kn_db *db, const char *id, const struct kn_change *c, struct kn_error *err);
int kn_group_delete(struct kn_db *db, const char *id, struct kn_error *err);
/* KN_NOT_FOUND: no such group or user, or (the second two) the user is not in it. */
int kn_group_join(struct kn_db *db, const char *group_id, const char *user_id, struct kn_error *err);
int kn_group_check(struct kn_db *db, const char *group_id, const char *user_id, struct kn_error *err);
int kn_group_leave(struct kn_db *db, const char *group_id, const char *user_id, struct kn_error *err);

/* role.c */
bool kn_role_is_builtin(const char *name);
bool kn_role_is_managed(const char *name); /* one that the manager of a domain may give there */
/* domain_id NULL: a role of the whole cloud. */
int kn_role_insert(struct kn_db *db, const char *id, const char *domain_id, const struct kn_change *c,
                   struct kn_error *err);
/* KN_FORBIDDEN for the builtin ones, as with the next. */
int kn_role_update(struct kn_db *db, const char *id, const struct kn_change *c, struct kn_error *err);
int kn_role_delete(struct kn_db *db, const char *id, struct kn_error *err);

/* inference.c: which role implies which. Rows: prior id, name, implied id, name. */
int kn_inference_list(struct kn_db *db, const char *prior_id, struct kn_rows **ret_rows, struct kn_error *err);
int kn_inference_insert(struct kn_db *db, const char *prior_id, const char *implied_id, struct kn_error *err);
/* KN_NOT_FOUND: it is not there. */
int kn_inference_get(struct kn_db *db, const char *prior_id, const char *implied_id, struct kn_rows **ret_rows,
                     struct kn_error *err);
int kn_inference_delete(struct kn_db *db, const char *prior_id, const char *implied_id, struct kn_error *err);

/* grant.c: a role of a user or a group on a project, a domain, or (both NULL) the system. */
struct kn_grant {
    const char *user_id;  /* or */
    const char *group_id;
    const char *project_id;
    const char *domain_id;
    const char *role_id;
    bool inherited;       /* holds in the projects below, not on the target itself */
};
/* KN_NOT_FOUND names the first of actor, target and role that does not exist. */
int kn_grant_insert(struct kn_db *db, const struct kn_grant *g, struct kn_error *err);
/* KN_NOT_FOUND: it is not there; as with the next. */
int kn_grant_delete(struct kn_db *db, const struct kn_grant *g, struct kn_error *err);
int kn_grant_exists(struct kn_db *db, const struct kn_grant *g, struct kn_error *err);
/* Rows of roles. */
int kn_grant_roles(struct kn_db *db, const struct kn_grant *g, struct kn_rows **ret_rows, struct kn_error *err);

/* assignment.c: all assignments as one list. */
struct kn_assignment_filter {
    const char *user_id;
    const char *group_id;
    const char *role_id;
    const char *project_id;
    const char *domain_id;
    const char *realm;     /* only on this domain and its projects */
    bool system;           /* only those on the system */
    bool subtree;          /* project_id and all below it */
    const char *inherited; /* "true", "false" */
    bool effective;        /* by users, on each project, and with implied roles */
};
enum kn_assignment_column {
    KN_ASSIGNMENT_ROLE, /* id, name, its domain's id, its domain's name; so all five */
    KN_ASSIGNMENT_USER = 4,
    KN_ASSIGNMENT_GROUP = 8,
    KN_ASSIGNMENT_PROJECT = 12,
    KN_ASSIGNMENT_DOMAIN = 16,
    KN_ASSIGNMENT_INHERITED = 20,
    KN_ASSIGNMENT_VIA_GROUP, /* what an effective one comes from: ids or NULL */
    KN_ASSIGNMENT_VIA_PROJECT,
    KN_ASSIGNMENT_VIA_DOMAIN,
    KN_ASSIGNMENT_VIA_ROLE,
};
int kn_assignment_list(struct kn_db *db, const struct kn_assignment_filter *f, struct kn_rows **ret_rows,
                       struct kn_error *err);

#endif
