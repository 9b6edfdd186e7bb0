/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the table `domain`. A domain that goes takes its projects, users, groups and roles along; it must have been disabled first. */
#include <string.h>

#include "identity/rows/held.h"
#include "identity/rows/immutable.h"
#include "identity/rows/nouns.h"
#include "identity/rows/revoke.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"

static bool is_hex_id(const char *text)
{
    return text[strspn(text, "0123456789abcdef")] == '\0';
}

static const struct kn_text_rule HEX_ID = { is_hex_id, "is not 32 hex digits", false };
static const struct kn_rest_attr ATTRS[] = {
    KN_ATTR_ID,
    KN_ATTR_NAME(KN_LIMIT_PROJECT_NAME),
    KN_ATTR_DESCRIPTION(0),
    KN_ATTR_ENABLED(KN_REST_FIND),
    KN_ATTR_TAGS,
    KN_ATTR_OPTIONS,
    KN_ATTR_EXTRA,
    KN_ATTR_LINKS,
    KN_REST_ATTR("explicit_domain_id", NULL, KN_REST_TEXT, KN_REST_POST, .limit = KN_LIMIT_MADE_ID, .rule = &HEX_ID),
    KN_REST_ATTRS_END,
};
static const struct kn_rest_param PARAMS[] = { KN_PARAMS_TAGS, KN_REST_PARAMS_END };
static const struct kn_rest_clash CLASHES[] = {
    { "", KN_CONFLICT,
      "Conflict occurred attempting to store domain - it is not permitted to have two domains with the same name: %1." },
    { NULL, KN_CONFLICT, NULL },
};

/* Its groups may have had members of other domains. */
static const struct kn_stmt REVOKE_GROUPS = {
    "domain_revoke_groups", KN_REVOKE_HELD "WHERE group_id IN (SELECT id FROM identity_group WHERE domain_id = $2)", 2
};
static const struct kn_stmt CONTENTS[] = {
    { "domain_delete_groups", "DELETE FROM identity_group WHERE domain_id = $1", 1 },
    { "domain_delete_users",
      "WITH departed AS (INSERT INTO departed_user (id) SELECT id FROM identity_user WHERE domain_id = $1 ON CONFLICT DO NOTHING) "
      "DELETE FROM identity_user WHERE domain_id = $1",
      1 },
    { "domain_delete_projects", "DELETE FROM project WHERE domain_id = $1", 1 },
    { "domain_delete_roles", "DELETE FROM role WHERE domain_id = $1", 1 },
};

static int domain_choose_id(struct kn_request *req, const json_t *object, const char **ret_id, struct kn_error *err)
{
    (void)req;
    (void)err;
    *ret_id = kn_identity_said(object, "explicit_domain_id");
    return 0;
}

static int empty(struct kn_db *db, const char *id, struct kn_error *err)
{
    struct kn_arg now;

    if (kn_db_run(db, &REVOKE_GROUPS, KN_ARGS(kn_arg_int(&now, kn_now_us()), id), NULL, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < KN_COUNT(CONTENTS); i++) {
        if (kn_db_run(db, &CONTENTS[i], KN_ARGS(id), NULL, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int domain_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                         struct kn_error *err)
{
    if (now == NULL) {
        return 0;
    }
    if (kn_identity_immutable_check(strcmp(kn_rest_was(&kn_identity_domain_noun, now, "options"), "{}") != 0, "domain",
                                    id, object, err) < 0) {
        return -1;
    }
    if (object != NULL) {
        return 0;
    }
    return strcmp(kn_rest_was(&kn_identity_domain_noun, now, "enabled"), "t") == 0 || strcmp(id, "default") == 0
               ? kn_fail(err, KN_FORBIDDEN, "Cannot delete a domain that is enabled, please disable it first.")
               : empty(req->db, id, err);
}

static int domain_after(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                        struct kn_error *err)
{
    return now != NULL && (object == NULL || kn_identity_says_enabled(object, false))
               ? kn_identity_revoke(req->db, KN_REVOKE_DOMAIN, id, err)
               : 0;
}

#define WRITTEN \
    .table = "domain", .choose_id = domain_choose_id, .decide = domain_decide, .after = domain_after, .clashes = CLASHES
const struct kn_rest_noun kn_identity_domain_noun = {
    .one = "domain",
    .many = "domains",
    .label = "domain",
    .path = "/domains",
    .from = "domain",
    .order = "name",
    .attrs = ATTRS,
    .params = PARAMS,
    KN_NOUN_COMMON,
    WRITTEN,
};

/* --- a domain as the project at the root of its own ----------------------------------------------------------------------- */

/* The first of these are the domain's in its order: decide() reads rows of both. */
static const struct kn_rest_attr AS_PROJECT[] = {
    KN_ATTR_ID,
    KN_ATTR_NAME(KN_LIMIT_PROJECT_NAME),
    KN_ATTR_DESCRIPTION(0),
    KN_ATTR_ENABLED(0),
    KN_ATTR_TAGS,
    KN_ATTR_OPTIONS,
    KN_ATTR_EXTRA,
    KN_REST_ATTR("domain_id", "NULL", KN_REST_TEXT, KN_REST_WRITE | KN_REST_NULL, .limit = KN_LIMIT_IDENTITY_REF,
                 .fixed = "Update of `domain_id` is not allowed."),
    KN_REST_ATTR("parent_id", "NULL", KN_REST_TEXT, KN_REST_WRITE | KN_REST_NULL, .limit = KN_LIMIT_IDENTITY_REF,
                 .fixed = "Update of `parent_id` is not allowed.", .fixed_code = KN_FORBIDDEN),
    KN_REST_ATTR("is_domain", "true", KN_REST_BOOL, KN_REST_WRITE, .fixed = "Update of `is_domain` is not allowed."),
    KN_REST_ATTRS_END,
};
const struct kn_rest_noun kn_identity_domain_as_project_noun = {
    .one = "project",
    .many = "projects",
    .label = "project",
    .path = "/projects",
    .from = "domain",
    .order = "name",
    .attrs = AS_PROJECT,
    KN_NOUN_COMMON,
    WRITTEN,
};
