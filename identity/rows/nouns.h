/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nouns: the rows of the room; one .c file each. What clients see, filter, sort and write of them is a table a noun (lib/rest). Every change
 * that takes something away writes its revocation in the same transaction; the caller calls kn_identity_refresh() after it.
 */
#ifndef KN_IDENTITY_ROWS_NOUNS_H
#define KN_IDENTITY_ROWS_NOUNS_H

#include <stdbool.h>

#include "lib/adapter/db.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"

extern const struct kn_rest_noun kn_identity_domain_noun, kn_identity_project_noun, kn_identity_user_noun,
    kn_identity_group_noun, kn_identity_role_noun;
extern const struct kn_rest_noun kn_identity_region_noun, kn_identity_service_noun,
    kn_identity_endpoint_noun; /* the catalog */
extern const struct kn_rest_noun kn_identity_registered_limit_noun, kn_identity_limit_noun; /* unified limits */
extern const struct kn_rest_noun kn_identity_trust_noun, kn_identity_credential_noun, kn_identity_app_credential_noun,
    kn_identity_access_rule_noun;
/* project.c: of a project its tags alone, held before they are read. */
extern const struct kn_rest_noun kn_identity_tagged_project_noun;
/* A domain that is made or changed as the project which it can be read as. */
extern const struct kn_rest_noun kn_identity_domain_as_project_noun;

/* --- what most of their tables have --------------------------------------------------------------------------------------- */

#define KN_NOUN_COMMON \
    .id = "id", .id_type = KN_REST_TEXT, .ascending = true, .ties = "id", .is_timeless = true, \
    .manners = &KN_REST_KEYSTONE
#define KN_SHOWN_TEXT(name, sql, ...) KN_REST_ATTR(name, sql, KN_REST_TEXT, KN_REST_SHOWN | __VA_ARGS__)

#define KN_ATTR_ID KN_REST_ATTR("id", "id", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_SORT)
/* Nobody sees blanks at the ends of a name, so none are taken: "x" and "x " would be two accounts. */
#define KN_ATTR_NAME(limit_) \
    KN_SHOWN_TEXT("name", "name", KN_REST_FIND | KN_REST_WRITE | KN_REST_REQUIRED, .column = "name", .limit = limit_, \
                  .rule = &KN_TEXT_NAME)
#define KN_ATTR_DESCRIPTION(more) \
    KN_SHOWN_TEXT("description", "description", KN_REST_WRITE | KN_REST_CLEAR | (more), .column = "description", \
                  .limit = KN_LIMIT_IDENTITY_DESCRIPTION)
#define KN_ATTR_ENABLED(more) \
    KN_REST_ATTR("enabled", "enabled", KN_REST_BOOL, KN_REST_SHOWN | KN_REST_WRITE | (more), .column = "enabled")
#define KN_ATTR_TAGS \
    KN_REST_ATTR("tags", "tags", KN_REST_TAGS, KN_REST_SHOWN | KN_REST_FILTER | KN_REST_WRITE | KN_REST_UNIQUE, \
                 .column = "tags", .inner = kn_identity_tag_body, .limit = KN_LIMIT_PROJECT_TAGS)
/* What a row refers to and may do without; "" is nothing, too. */
#define KN_REF_FORM "nullif(?, '')"
#define KN_ATTR_REF(name_, sql, ...) \
    KN_SHOWN_TEXT(name_, sql, KN_REST_NULL | __VA_ARGS__, .column = name_, .limit = KN_LIMIT_IDENTITY_REF, \
                  .form = KN_REF_FORM)
/* "options" of what has no other than this one (immutable.h). */
#define KN_OPTIONS "CASE WHEN immutable THEN '{\"immutable\":true}' ELSE '{}' END"
#define KN_ATTR_OPTIONS \
    KN_REST_ATTR("options", KN_OPTIONS, KN_REST_JSON, KN_REST_SHOWN | KN_REST_WRITE, .column = "immutable", \
                 .inner = kn_identity_immutable_body, .inner_shape = KN_IS_OBJECT, \
                 .form = "coalesce((?::jsonb ->> 'immutable')::boolean, %C, false)")
#define KN_ATTR_EXTRA KN_REST_ATTR("extra", "extra", KN_REST_MEMBERS, KN_REST_SHOWN | KN_REST_WRITE, .column = "extra")
#define KN_ATTR_LINKS KN_REST_ATTR("links", NULL, KN_REST_LINKS, KN_REST_SHOWN)
#define KN_PARAMS_TAGS \
    KN_REST_PARAM("tags-any", kn_rest_tags, .sql = "tags", .type = KN_REST_TAGS), \
        KN_REST_PARAM("not-tags", kn_rest_tags, .sql = "tags", .type = KN_REST_TAGS), \
        KN_REST_PARAM("not-tags-any", kn_rest_tags, .sql = "tags", .type = KN_REST_TAGS)
extern const struct kn_schema kn_identity_tag_body[], kn_identity_immutable_body[], kn_identity_role_body[];

/* What statements of one's own select of these nouns, to be written as the tables say: kn_rest_columns(), which test_nouns holds against it. */
#define KN_PROJECT_COLUMNS \
    "id, name, domain_id, description, enabled, parent_id, to_json(tags), is_domain, " KN_OPTIONS ", extra"
#define KN_ROLE_COLUMNS "id, name, domain_id, description, " KN_OPTIONS ", extra"

/* A text of a checked object; NULL if it is absent or null. */
const char *kn_identity_said(const json_t *object, const char *key);
/* Whether a checked object says `enabled`, and that it is so. */
bool kn_identity_says_enabled(const json_t *object, bool is);
/*
 * "expires_at" of an object: what it says becomes "2026-11-21T10:00:00.000000Z". KN_BAD_REQUEST: no time, or one that is over.
 */
int kn_identity_settle_expiry(json_t *object, struct kn_error *err);

/* --- questions of their own ----------------------------------------------------------------------------------------------- */

/* group.c: KN_NOT_FOUND: no such group or user, or (the second two) the user is not in it. */
int kn_identity_group_join(struct kn_db *db, const char *group_id, const char *user_id, struct kn_error *err);
int kn_identity_group_check(struct kn_db *db, const char *group_id, const char *user_id, struct kn_error *err);
int kn_identity_group_leave(struct kn_db *db, const char *group_id, const char *user_id, struct kn_error *err);

/* role.c */
bool kn_identity_role_is_builtin(const char *name);
bool kn_identity_role_is_managed(const char *name); /* one that the manager of a domain may give there */

/* user_options.c: what a body may say under "options" of a user: those that are honoured. Pure. */
extern const struct kn_schema kn_identity_user_options[];

/* inference.c: which role implies which. */
enum kn_identity_inference_column {
    KN_INFERENCE_PRIOR_ID,
    KN_INFERENCE_PRIOR,
    KN_INFERENCE_IMPLIED_ID,
    KN_INFERENCE_IMPLIED
};
int kn_identity_inference_list(struct kn_db *db, const char *prior_id, struct kn_rows **ret_rows, struct kn_error *err);
int kn_identity_inference_insert(struct kn_db *db, const char *prior_id, const char *implied_id, struct kn_error *err);
/* KN_NOT_FOUND: it is not there. */
int kn_identity_inference_get(struct kn_db *db, const char *prior_id, const char *implied_id, struct kn_rows **ret_rows,
                              struct kn_error *err);
int kn_identity_inference_delete(struct kn_db *db, const char *prior_id, const char *implied_id, struct kn_error *err);
/* grant.c: a role of a user or a group on a project, a domain, or (both NULL) the system. */
struct kn_identity_grant {
    const char *user_id; /* or */
    const char *group_id;
    const char *project_id;
    const char *domain_id;
    const char *role_id;
    bool inherited; /* holds in the projects below, not on the target itself */
};
/* KN_NOT_FOUND names the first of actor, target and role that does not exist. */
int kn_identity_grant_insert(struct kn_db *db, const struct kn_identity_grant *g, struct kn_error *err);
/* KN_NOT_FOUND: it is not there; as with the next. */
int kn_identity_grant_delete(struct kn_db *db, const struct kn_identity_grant *g, struct kn_error *err);
int kn_identity_grant_exists(struct kn_db *db, const struct kn_identity_grant *g, struct kn_error *err);
/* Rows of roles. */
int kn_identity_grant_roles(struct kn_db *db, const struct kn_identity_grant *g, struct kn_rows **ret_rows,
                            struct kn_error *err);

/* assignment.c: all assignments as one list. */
struct kn_identity_assignment_filter {
    const char *user_id;
    const char *group_id;
    const char *role_id;
    const char *project_id;
    const char *domain_id;
    const char *realm; /* only on this domain and its projects */
    bool system; /* only those on the system */
    bool subtree; /* project_id and all below it */
    const char *inherited; /* "true", "false" */
    bool effective; /* by users, on each project, and with implied roles */
};
enum kn_identity_assignment_column {
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
int kn_identity_assignment_list(struct kn_db *db, const struct kn_identity_assignment_filter *f,
                                struct kn_rows **ret_rows, struct kn_error *err);

#endif
