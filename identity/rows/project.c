/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the table `project`: a forest below each domain, at most KN_PROJECT_DEPTH high, in which nothing enabled stands below something
 * disabled (a domain is the exception: disabling it switches off all of it). A domain can be read as a project, Keystone's way;
 * it changes through domain.c. What other services keep for a project is theirs; they see its tokens end.
 */
#include <string.h>

#include "identity/api.h"
#include "identity/rows/held.h"
#include "identity/rows/immutable.h"
#include "identity/rows/nouns.h"
#include "identity/rows/revoke.h"
#include "identity/rows/tree.h"
#include "lib/base/mem.h"
#include "lib/domain/limits.h"

static const struct kn_rest_attr ATTRS[] = {
    KN_ATTR_ID, KN_ATTR_NAME, KN_REST_ATTR("domain_id", "domain_id", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND | KN_REST_NULL),
    KN_ATTR_DESCRIPTION, KN_ATTR_ENABLED,
    KN_REST_ATTR("parent_id", "parent_id", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND | KN_REST_NULL), KN_ATTR_TAGS,
    KN_REST_ATTR("is_domain", "is_domain", KN_REST_BOOL, KN_REST_SHOWN | KN_REST_FIND),
    KN_ATTR_OPTIONS, KN_ATTR_EXTRA, KN_ATTR_LINKS, KN_REST_ATTRS_END,
};
static const struct kn_rest_param PARAMS[] = { KN_PARAMS_TAGS, KN_REST_PARAMS_END };

/* Whoever does not say is_domain wants no domains. */
static int narrow(struct kn_rest_list *l, struct kn_error *err)
{
    (void)err;
    kn_rest_text(&l->query, kn_request_query(l->req, "is_domain") == NULL ? " AND NOT is_domain" : "");
    return 0;
}

const struct kn_rest_noun kn_project_noun = {
    .one = "project", .many = "projects", .label = "project", .path = "/projects", .from = "any_project", .id = "id",
    .id_type = KN_REST_TEXT, .order = "name", .ascending = true, .ties = "id", .attrs = ATTRS, .params = PARAMS, .narrow = narrow,
    .manners = &KN_REST_KEYSTONE,
};

static const struct kn_stmt HELD = { "project_held",
    "SELECT " KN_PROJECT_COLUMNS " FROM any_project WHERE NOT is_domain AND enabled AND id IN " KN_HELD_PROJECTS("$1")
    " ORDER BY name, id", 1 };
static const struct kn_stmt LOCK = { "project_lock", "SELECT enabled, immutable FROM project WHERE id = $1 FOR NO KEY UPDATE", 1 };
static const struct kn_stmt INSERT = { "project_insert",
    "INSERT INTO project (id, domain_id, parent_id, name, description, enabled, tags, immutable, extra) VALUES "
    "($1, $2, $3, $4, coalesce($5, ''), coalesce($6::boolean, true), coalesce($7::text[], '{}'), "
    "coalesce($8::boolean, false), coalesce($9::jsonb, '{}'))", 9 };
static const struct kn_stmt UPDATE = { "project_update",
    "UPDATE project SET name = coalesce($2, name), description = coalesce($3, description), "
    "enabled = coalesce($4::boolean, enabled), tags = coalesce($5::text[], tags), "
    "immutable = coalesce($6::boolean, immutable), extra = extra || coalesce($7::jsonb, '{}') WHERE id = $1", 7 };
static const struct kn_stmt DELETE = { "project_delete", "DELETE FROM project WHERE id = $1", 1 };
static const struct kn_stmt LEAVE = { "project_leave", "UPDATE identity_user SET default_project_id = NULL WHERE default_project_id = $1", 1 };
static const struct kn_stmt TAG_ADD = { "project_tag_add",
    "WITH was AS (SELECT cardinality(tags) AS n, $2 = ANY (tags) AS has FROM project WHERE id = $1), "
    "added AS (UPDATE project SET tags = tags || $2::text FROM was WHERE id = $1 AND n < $3::integer AND NOT has) "
    "SELECT n, has FROM was", 3 };
static const struct kn_stmt TAG_HAS = { "project_tag_has",
    "SELECT EXISTS (SELECT FROM any_project WHERE id = $1), EXISTS (SELECT FROM any_project WHERE id = $1 AND $2 = ANY (tags))",
    2 };
static const struct kn_stmt TAG_REMOVE = { "project_tag_remove",
    "UPDATE project SET tags = array_remove(tags, $2) WHERE id = $1", 2 };

int kn_project_held(struct kn_db *db, const char *user_id, struct kn_rows **ret_rows, struct kn_error *err)
{
    return kn_db_run(db, &HELD, KN_ARGS(user_id), ret_rows, err);
}

/* A name that is taken, or a domain or parent that is not there. */
static int refused(struct kn_db *db, const char *id, const struct kn_change *c, struct kn_error *err)
{
    if (err->code != KN_CONFLICT) {
        return -1;
    }
    if (strcmp(kn_db_constraint(db), "project_name") == 0) {
        return kn_fail(err, KN_CONFLICT, "Conflict occurred attempting to store project - it is not permitted to have two "
                       "projects with either the same name or same id in the same domain: name is %s, project id %s.",
                       c->name, id);
    }
    return kn_fail(err, KN_BAD_REQUEST, "Could not find the project's domain or parent.");
}

int kn_project_insert(struct kn_db *db, const char *id, const char *domain_id, const char *parent_id,
                      const struct kn_change *c, struct kn_error *err)
{
    const char *const *args =
        KN_ARGS(id, domain_id, parent_id, c->name, c->description, c->enabled, c->tags, c->immutable, c->extra);
    AUTO_TX struct kn_tx tx = { 0 };

    if (kn_tx_begin(&tx, db, err) < 0 || kn_tree_hold(db, domain_id, err) < 0 || kn_tree_may_grow(db, domain_id, parent_id, err) < 0) {
        return -1;
    }
    return kn_db_run(db, &INSERT, args, NULL, err) < 0 ? refused(db, id, c, err) : kn_tx_commit(&tx, err);
}

static int not_found(const char *id, struct kn_error *err)
{
    return kn_fail(err, KN_NOT_FOUND, "Could not find project: %s.", id);
}

static int lock(struct kn_db *db, const char *id, bool *ret_enabled, bool *ret_immutable, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &LOCK, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return not_found(id, err);
    }
    *ret_enabled = kn_rows_bool(rows, 0, 0);
    *ret_immutable = kn_rows_bool(rows, 0, 1);
    return 0;
}

/* Switches it off, with its tokens, or looks whether it may go on. */
static int settle_enabled(struct kn_db *db, const char *id, bool enabled, const struct kn_change *c, struct kn_error *err)
{
    if (c->enabled == NULL) {
        return 0;
    }
    if (strcmp(c->enabled, "true") == 0) {
        return enabled ? 0 : kn_tree_may_enable(db, id, err);
    }
    return enabled && kn_tree_may_disable(db, id, err) < 0 ? -1 : kn_revoke(db, KN_REVOKE_PROJECT, id, err);
}

int kn_project_update(struct kn_db *db, const char *id, const struct kn_change *c, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { 0 };
    bool enabled = false, immutable = false;

    if (kn_tx_begin(&tx, db, err) < 0 || (c->enabled != NULL && kn_tree_hold(db, id, err) < 0) ||
        lock(db, id, &enabled, &immutable, err) < 0 || kn_immutable_update(immutable, "project", id, c, err) < 0 ||
        settle_enabled(db, id, enabled, c, err) < 0) {
        return -1;
    }
    if (kn_db_run(db, &UPDATE, KN_ARGS(id, c->name, c->description, c->enabled, c->tags, c->immutable, c->extra), NULL, err) < 0) {
        return refused(db, id, c, err);
    }
    return kn_tx_commit(&tx, err);
}

int kn_project_delete(struct kn_db *db, const char *id, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { 0 };
    bool enabled = false, immutable = false;

    if (kn_tx_begin(&tx, db, err) < 0 || lock(db, id, &enabled, &immutable, err) < 0 ||
        kn_immutable_delete(immutable, "project", id, err) < 0) {
        return -1;
    }
    if (kn_db_run(db, &LEAVE, KN_ARGS(id), NULL, err) < 0) {
        return -1;
    }
    if (kn_db_run(db, &DELETE, KN_ARGS(id), NULL, err) < 0) {
        return err->code == KN_CONFLICT
                   ? kn_fail(err, KN_FORBIDDEN, "Cannot delete the project %s since it is not a leaf in the hierarchy.", id)
                   : -1;
    }
    return kn_revoke(db, KN_REVOKE_PROJECT, id, err) < 0 ? -1 : kn_tx_commit(&tx, err);
}

/* --- tags --- */

/* Changes of tags obey what holds for every change. */
static int lock_for_tags(struct kn_db *db, const char *id, struct kn_error *err)
{
    static const struct kn_change TAGS = { .tags = "{}" };
    bool enabled = false, immutable = false;

    return lock(db, id, &enabled, &immutable, err) < 0 ? -1 : kn_immutable_update(immutable, "project", id, &TAGS, err);
}

int kn_project_tag_add(struct kn_db *db, const char *id, const char *tag, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_TX struct kn_tx tx = { 0 };
    struct kn_arg most;

    if (kn_tx_begin(&tx, db, err) < 0 || lock_for_tags(db, id, err) < 0 ||
        kn_db_run(db, &TAG_ADD, KN_ARGS(id, tag, kn_arg_int(&most, KN_MAX_PROJECT_TAGS)), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_bool(rows, 0, 1)) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input for field 'tags': the project has the tag %s already", tag);
    }
    return kn_rows_int(rows, 0, 0) >= KN_MAX_PROJECT_TAGS
               ? kn_fail(err, KN_BAD_REQUEST, "Invalid input for field 'tags': a project has at most %d", KN_MAX_PROJECT_TAGS)
               : kn_tx_commit(&tx, err);
}

int kn_project_tag_check(struct kn_db *db, const char *id, const char *tag, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &TAG_HAS, KN_ARGS(id, tag), &rows, err) < 0) {
        return -1;
    }
    if (!kn_rows_bool(rows, 0, 0)) {
        return not_found(id, err);
    }
    return kn_rows_bool(rows, 0, 1) ? 0 : kn_fail(err, KN_NOT_FOUND, "Could not find project tag: %s.", tag);
}

int kn_project_tag_remove(struct kn_db *db, const char *id, const char *tag, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { 0 };

    if (kn_tx_begin(&tx, db, err) < 0 || lock_for_tags(db, id, err) < 0 || kn_project_tag_check(db, id, tag, err) < 0 ||
        kn_db_run(db, &TAG_REMOVE, KN_ARGS(id, tag), NULL, err) < 0) {
        return -1;
    }
    return kn_tx_commit(&tx, err);
}

int kn_project_verify(struct kn_db *db, const char *project_id, struct kn_error *err)
{
    /* A domain is a project, too: Keystone finds it by GET /v3/projects/{id}. */
    static const struct kn_stmt VERIFY = { "project_verify",
        "SELECT FROM project WHERE id = $1 UNION ALL SELECT FROM domain WHERE id = $1", 1 };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &VERIFY, KN_ARGS(project_id), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) > 0 ? 0 : kn_fail(err, KN_BAD_REQUEST, "Project ID %.80s is not a valid project.", project_id);
}
