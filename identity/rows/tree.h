/* SPDX-License-Identifier: Apache-2.0 */
/* tree: how projects stand below each other, and what that forbids. The root of every tree is a domain. */
#ifndef KN_IDENTITY_ROWS_TREE_H
#define KN_IDENTITY_ROWS_TREE_H

#include "lib/adapter/db.h"

#define KN_PROJECT_DEPTH 5 /* projects from the root down, the domain not counted */

/* Rows of KN_PROJECT_COLUMNS. Nearest first, the domain last. user_id: only those in which this user has a role; NULL = all. */
int kn_identity_tree_parents(struct kn_db *db, const char *id, const char *user_id, struct kn_rows **ret_rows,
                             struct kn_error *err);
/* Level by level. */
int kn_identity_tree_below(struct kn_db *db, const char *id, const char *user_id, struct kn_rows **ret_rows,
                           struct kn_error *err);

/*
 * Until the transaction's end nobody else makes or switches projects in the domain of that id, or of the project of that id. Before any
 * lock on a project, and before the questions that follow.
 */
int kn_identity_tree_hold(struct kn_db *db, const char *id, struct kn_error *err);
/* parent_id NULL: directly below the domain. KN_BAD_REQUEST: no such domain or parent, or one is disabled; KN_FORBIDDEN: too deep. */
int kn_identity_tree_may_grow(struct kn_db *db, const char *domain_id, const char *parent_id, struct kn_error *err);
/* KN_FORBIDDEN: something above is disabled, something below is enabled. */
int kn_identity_tree_may_enable(struct kn_db *db, const char *id, struct kn_error *err);
int kn_identity_tree_may_disable(struct kn_db *db, const char *id, struct kn_error *err);

#endif
