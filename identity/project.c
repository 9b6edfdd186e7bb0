/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the table `project`: a forest below each domain. What other services keep for a project is theirs; they see its tokens end. */
#include <string.h>

#include "identity/nouns.h"
#include "identity/revoke.h"

#define COLUMNS "id, name, domain_id, description, enabled, coalesce(parent_id, domain_id), to_json(tags)"

static const struct kn_stmt LIST = { "project_list",
    "SELECT " COLUMNS " FROM project WHERE ($1::text IS NULL OR name = $1) AND ($2::text IS NULL OR domain_id = $2) "
    "AND ($3::text IS NULL OR coalesce(parent_id, domain_id) = $3) AND ($4::boolean IS NULL OR enabled = $4) "
    "AND ($5::text IS NULL OR id IN (SELECT project_id FROM assignment WHERE user_id = $5)) ORDER BY name, id", 5 };
static const struct kn_stmt GET = { "project_get", "SELECT " COLUMNS " FROM project WHERE id = $1", 1 };
static const struct kn_stmt INSERT = { "project_insert",
    "INSERT INTO project (id, domain_id, parent_id, name, description, enabled, tags) VALUES "
    "($1, $2, $3, $4, coalesce($5, ''), coalesce($6::boolean, true), coalesce($7::text[], '{}'))", 7 };
static const struct kn_stmt UPDATE = { "project_update",
    "UPDATE project SET name = coalesce($2, name), description = coalesce($3, description), "
    "enabled = coalesce($4::boolean, enabled), tags = coalesce($5::text[], tags) WHERE id = $1", 5 };
static const struct kn_stmt DELETE = { "project_delete", "DELETE FROM project WHERE id = $1", 1 };

int kn_project_list(struct kn_db *db, const struct kn_filter *f, struct kn_rows **ret_rows, struct kn_error *err)
{
    return kn_db_run(db, &LIST, KN_ARGS(f->name, f->domain_id, f->parent_id, f->enabled, f->user_id), ret_rows, err);
}

int kn_project_get(struct kn_db *db, const char *id, struct kn_rows **ret_rows, struct kn_error *err)
{
    return kn_db_run(db, &GET, KN_ARGS(id), ret_rows, err);
}

/* A name that is taken, or a domain or parent that is not there. */
static int refused(struct kn_db *db, const struct kn_change *c, struct kn_error *err)
{
    if (err->code != KN_CONFLICT) {
        return -1;
    }
    if (strcmp(kn_db_constraint(db), "project_name") == 0) {
        return kn_fail(err, KN_CONFLICT, "Conflict occurred attempting to store project - it is not permitted to have two "
                       "projects with the same name in the same domain: %s.", c->name);
    }
    return kn_fail(err, KN_NOT_FOUND, "Could not find the project's domain or parent.");
}

int kn_project_insert(struct kn_db *db, const char *id, const char *domain_id, const char *parent_id,
                      const struct kn_change *c, struct kn_error *err)
{
    const char *const *args = KN_ARGS(id, domain_id, parent_id, c->name, c->description, c->enabled, c->tags);
    return kn_db_run(db, &INSERT, args, NULL, err) < 0 ? refused(db, c, err) : 0;
}

int kn_project_update(struct kn_db *db, const char *id, const struct kn_change *c, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { 0 };

    if (kn_tx_begin(&tx, db, err) < 0) {
        return -1;
    }
    if (kn_db_run(db, &UPDATE, KN_ARGS(id, c->name, c->description, c->enabled, c->tags), NULL, err) < 0) {
        return refused(db, c, err);
    }
    bool disabled = c->enabled != NULL && strcmp(c->enabled, "false") == 0;
    if (disabled && kn_revoke(db, KN_REVOKE_PROJECT, id, err) < 0) {
        return -1;
    }
    return kn_tx_commit(&tx, err);
}

int kn_project_delete(struct kn_db *db, const char *id, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { 0 };
    int64_t gone = 0;

    if (kn_tx_begin(&tx, db, err) < 0) {
        return -1;
    }
    if (kn_db_change(db, &DELETE, KN_ARGS(id), &gone, err) < 0) {
        return err->code == KN_CONFLICT
                   ? kn_fail(err, KN_FORBIDDEN, "Cannot delete the project %s since it is not a leaf in the hierarchy.", id)
                   : -1;
    }
    if (gone == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Could not find project: %s.", id);
    }
    return kn_revoke(db, KN_REVOKE_PROJECT, id, err) < 0 ? -1 : kn_tx_commit(&tx, err);
}
