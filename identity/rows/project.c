/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the table `project`: a forest below each domain, at most KN_PROJECT_DEPTH high, in which nothing enabled stands below something
 * disabled (a domain is the exception: disabling it switches off all of it). A domain can be read as a project, Keystone's way;
 * it changes through domain.c. What other services keep for a project is theirs; they see its tokens end.
 */
#include <string.h>

#include "identity/api.h"
#include "identity/rows/immutable.h"
#include "identity/rows/nouns.h"
#include "identity/rows/realm.h"
#include "identity/rows/revoke.h"
#include "identity/rows/tree.h"
#include "lib/base/mem.h"
#include "lib/domain/limits.h"

static const struct kn_rest_attr ATTRS[] = {
    KN_ATTR_ID,
    KN_ATTR_NAME(KN_LIMIT_PROJECT_NAME),
    KN_SHOWN_TEXT("domain_id", "domain_id", KN_REST_FIND | KN_REST_NULL | KN_REST_WRITE, .column = "domain_id",
                  .limit = KN_LIMIT_IDENTITY_REF, .fixed = "Update of `domain_id` is not allowed."),
    KN_ATTR_DESCRIPTION(KN_REST_FIND),
    KN_ATTR_ENABLED(KN_REST_FIND),
    KN_SHOWN_TEXT("parent_id", "parent_id", KN_REST_FIND | KN_REST_NULL | KN_REST_WRITE, .column = "parent_id",
                  .limit = KN_LIMIT_IDENTITY_REF, .fixed = "Update of `parent_id` is not allowed.",
                  .fixed_code = KN_FORBIDDEN),
    KN_ATTR_TAGS,
    KN_REST_ATTR("is_domain", "is_domain", KN_REST_BOOL, KN_REST_SHOWN | KN_REST_FIND | KN_REST_WRITE,
                 .fixed = "Update of `is_domain` is not allowed."),
    KN_ATTR_OPTIONS,
    KN_ATTR_EXTRA,
    KN_ATTR_LINKS,
    KN_REST_ATTRS_END,
};
static const struct kn_rest_param PARAMS[] = { KN_PARAMS_TAGS, KN_REST_PARAMS_END };
static const struct kn_rest_clash CLASHES[] = {
    { "project_name", KN_CONFLICT,
      "Conflict occurred attempting to store project - it is not permitted to have two projects with either the same "
      "name or same id in the same domain: name is %1, project id %2." },
    { "", KN_BAD_REQUEST, "Could not find the project's domain or parent." },
    { NULL, KN_CONFLICT, NULL },
};

/* Whoever does not say is_domain wants no domains. */
static int project_narrow(struct kn_rest_list *l, struct kn_error *err)
{
    (void)err;
    kn_rest_text(&l->query, kn_request_query(l->req, "is_domain") == NULL ? " AND NOT is_domain" : "");
    return 0;
}

/* clang-format off */
static const struct kn_stmt LOCK = { "project_lock", "SELECT enabled, immutable FROM project WHERE id = $1 FOR NO KEY UPDATE", 1 };
/* clang-format on */
static const struct kn_stmt LEAVE = {
    "project_leave", "UPDATE identity_user SET default_project_id = NULL WHERE default_project_id = $1", 1
};

/* What holds of it until the transaction's end. */
enum lock_column { LOCK_ENABLED, LOCK_IMMUTABLE };

static int rows_project_lock(struct kn_db *db, const char *id, const json_t *object, bool *ret_enabled,
                             struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &LOCK, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_rest_not_found(&kn_identity_project_noun, id, err);
    }
    *ret_enabled = kn_rows_bool(rows, 0, LOCK_ENABLED);
    return kn_identity_immutable_check(kn_rows_bool(rows, 0, LOCK_IMMUTABLE), "project", id, object, err);
}

/* A parent may be the domain itself. */
static int project_grow(struct kn_request *req, json_t *object, struct kn_error *err)
{
    if (kn_identity_settle_home(req, object, err) < 0) {
        return -1;
    }
    const char *domain = kn_identity_said(object, "domain_id"), *parent = kn_identity_said(object, "parent_id");
    if (parent == NULL || strcmp(parent, domain) == 0) {
        json_object_del(object, "parent_id");
        parent = NULL;
    }
    return kn_identity_tree_hold(req->db, domain, err) < 0 ? -1
                                                           : kn_identity_tree_may_grow(req->db, domain, parent, err);
}

/* Switches it off, with its tokens, or looks whether it may go on. */
static int settle_enabled(struct kn_db *db, const char *id, bool enabled, const json_t *object, struct kn_error *err)
{
    if (kn_identity_says_enabled(object, true)) {
        return enabled ? 0 : kn_identity_tree_may_enable(db, id, err);
    }
    return enabled && kn_identity_tree_may_disable(db, id, err) < 0
               ? -1
               : kn_identity_revoke(db, KN_REVOKE_PROJECT, id, err);
}

static int project_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                          struct kn_error *err)
{
    const bool switches = json_object_get(object, "enabled") != NULL;
    bool enabled = false;

    if (now == NULL) {
        return project_grow(req, object, err);
    }
    if ((switches && kn_identity_tree_hold(req->db, id, err) < 0) ||
        rows_project_lock(req->db, id, object, &enabled, err) < 0) {
        return -1;
    }
    return object == NULL ? kn_db_run(req->db, &LEAVE, KN_ARGS(id), NULL, err)
           : switches     ? settle_enabled(req->db, id, enabled, object, err)
                          : 0;
}

static int project_after(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                         struct kn_error *err)
{
    (void)now;
    return object == NULL ? kn_identity_revoke(req->db, KN_REVOKE_PROJECT, id, err) : 0;
}

const struct kn_rest_noun kn_identity_project_noun = {
    .one = "project",
    .many = "projects",
    .label = "project",
    .path = "/projects",
    .from = "any_project",
    .order = "name",
    .attrs = ATTRS,
    .params = PARAMS,
    .narrow = project_narrow,
    KN_NOUN_COMMON,
    .table = "project",
    .lock = "" /* decide() does */,
    .decide = project_decide,
    .after = project_after,
    .clashes = CLASHES,
    .in_use = "Cannot delete the %1 %2 since it is not a leaf in the hierarchy.",
};

/* --- tags --- */

/* Changes of tags obey what holds for every change. */
static int tags_before_lock(struct kn_request *req, const char *id, struct kn_error *err)
{
    json_auto_t *change = json_pack("{s:[]}", "tags");
    bool enabled = false;

    return rows_project_lock(req->db, id, change, &enabled, err);
}

static const struct kn_rest_attr TAG_ATTRS[] = { KN_ATTR_TAGS, KN_REST_ATTRS_END };
const struct kn_rest_noun kn_identity_tagged_project_noun = {
    .one = "project",
    .many = "projects",
    .label = "project",
    .from = "any_project",
    .attrs = TAG_ATTRS,
    KN_NOUN_COMMON,
    .table = "project",
    .lock = "",
    .before_lock = tags_before_lock,
};

int kn_identity_project_verify(struct kn_db *db, const char *project_id, struct kn_error *err)
{
    /* A domain is a project, too: Keystone finds it by GET /v3/projects/{id}. */
    static const struct kn_stmt VERIFY = {
        "project_verify", "SELECT FROM project WHERE id = $1 UNION ALL SELECT FROM domain WHERE id = $1", 1
    };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &VERIFY, KN_ARGS(project_id), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) > 0
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "Project ID %.80s is not a valid project.", project_id);
}
