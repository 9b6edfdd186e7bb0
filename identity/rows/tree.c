/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the questions about the tree of projects. It only reads: project.c writes. */
#include "identity/rows/tree.h"

#include <string.h>

#include "identity/rows/held.h"
#include "identity/rows/nouns.h"

#define UP \
    "WITH RECURSIVE up AS (SELECT any_project.*, 0 AS depth FROM any_project WHERE id = $1 UNION ALL " \
    "SELECT p.*, up.depth + 1 FROM any_project p JOIN up ON p.id = up.parent_id) "
#define DOWN \
    "WITH RECURSIVE down AS (SELECT any_project.*, 0 AS depth FROM any_project WHERE id = $1 UNION ALL " \
    "SELECT p.*, down.depth + 1 FROM any_project p JOIN down ON p.parent_id = down.id) "
#define MINE "($2::text IS NULL OR id IN " KN_HELD_PROJECTS("$2") ")"

static const struct kn_stmt HOLD = {
    "tree_hold",
    "SELECT FROM domain WHERE id = $1 OR id = (SELECT domain_id FROM project WHERE id = $1) FOR NO KEY UPDATE", 1
};
static const struct kn_stmt PARENTS = {
    "tree_parents", UP "SELECT " KN_PROJECT_COLUMNS " FROM up WHERE depth > 0 AND " MINE " ORDER BY depth", 2
};
/* clang-format off */
static const struct kn_stmt BELOW = { "tree_below",
    DOWN "SELECT " KN_PROJECT_COLUMNS " FROM down WHERE depth > 0 AND " MINE " ORDER BY depth, name, id", 2 };
/* clang-format on */
/* How many projects there are from the root to the new one's parent; the first that is disabled, if any. */
static const struct kn_stmt BRANCH = {
    "tree_branch",
    UP "SELECT count(*) FILTER (WHERE NOT is_domain), min(id) FILTER (WHERE NOT enabled), "
       "min(id) FILTER (WHERE is_domain) FROM up",
    1
};
enum branch_column { BRANCH_HEIGHT, BRANCH_DISABLED, BRANCH_DOMAIN };
static const struct kn_stmt DISABLED_ABOVE = { "tree_disabled_above",
                                               UP "SELECT FROM up WHERE depth > 0 AND NOT enabled LIMIT 1", 1 };
static const struct kn_stmt ENABLED_BELOW = { "tree_enabled_below",
                                              DOWN "SELECT FROM down WHERE depth > 0 AND enabled LIMIT 1", 1 };

int kn_identity_tree_parents(struct kn_db *db, const char *id, const char *user_id, struct kn_rows **ret_rows,
                             struct kn_error *err)
{
    return kn_db_run(db, &PARENTS, KN_ARGS(id, user_id), ret_rows, err);
}

int kn_identity_tree_below(struct kn_db *db, const char *id, const char *user_id, struct kn_rows **ret_rows,
                           struct kn_error *err)
{
    return kn_db_run(db, &BELOW, KN_ARGS(id, user_id), ret_rows, err);
}

int kn_identity_tree_hold(struct kn_db *db, const char *id, struct kn_error *err)
{
    return kn_db_run(db, &HOLD, KN_ARGS(id), NULL, err);
}

int kn_identity_tree_may_grow(struct kn_db *db, const char *domain_id, const char *parent_id, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *parent = parent_id != NULL ? parent_id : domain_id;

    if (kn_db_run(db, &BRANCH, KN_ARGS(parent), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_null(rows, 0, BRANCH_DOMAIN)) {
        return kn_fail(err, KN_BAD_REQUEST, "Could not find %s: %s.", parent_id != NULL ? "project" : "domain", parent);
    }
    if (strcmp(kn_rows_text(rows, 0, BRANCH_DOMAIN), domain_id) != 0) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Cannot create project, since it specifies its domain_id %s, but specifies a "
                       "parent in a different domain (%s).",
                       domain_id, kn_rows_text(rows, 0, BRANCH_DOMAIN));
    }
    if (!kn_rows_null(rows, 0, BRANCH_DISABLED)) {
        return kn_fail(err, KN_BAD_REQUEST, "cannot create a project in a branch containing a disabled project: %s",
                       kn_rows_text(rows, 0, BRANCH_DISABLED));
    }
    return kn_rows_int(rows, 0, BRANCH_HEIGHT) < KN_PROJECT_DEPTH
               ? 0
               : kn_fail(err, KN_FORBIDDEN, "Max hierarchy depth reached for %s branch.", parent);
}

int kn_identity_tree_may_enable(struct kn_db *db, const char *id, struct kn_error *err)
{
    int64_t found = 0;

    if (kn_db_change(db, &DISABLED_ABOVE, KN_ARGS(id), &found, err) < 0) {
        return -1;
    }
    return found == 0 ? 0 : kn_fail(err, KN_FORBIDDEN, "Cannot enable project %s since it has disabled parents", id);
}

int kn_identity_tree_may_disable(struct kn_db *db, const char *id, struct kn_error *err)
{
    int64_t found = 0;

    if (kn_db_change(db, &ENABLED_BELOW, KN_ARGS(id), &found, err) < 0) {
        return -1;
    }
    return found == 0 ? 0
                      : kn_fail(err, KN_FORBIDDEN,
                                "Cannot disable project %s since its subtree contains enabled projects.", id);
}
