/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the table `role_implication`: who has the prior role has the implied one too. admin, manager, member and reader form a chain that
 * nobody breaks, because policies rest on it. An implication that goes ends the tokens of all who had the prior role.
 */
#include <string.h>

#include "identity/rows/held.h"
#include "identity/rows/nouns.h"
#include "lib/base/clock.h"

#define SELECT_RULES \
    "SELECT p.id, p.name, i.id, i.name FROM role_implication r JOIN role p ON p.id = r.prior_id " \
    "JOIN role i ON i.id = r.implied_id "

static const struct kn_stmt LIST = {
    "inference_list", SELECT_RULES "WHERE $1::text IS NULL OR r.prior_id = $1 ORDER BY p.name, p.id, i.name, i.id", 1
};
static const struct kn_stmt GET = { "inference_get", SELECT_RULES "WHERE r.prior_id = $1 AND r.implied_id = $2", 2 };
static const struct kn_stmt BOTH = {
    "inference_roles",
    "SELECT wanted.id, r.name, r.domain_id FROM (VALUES (1, $1::text), (2, $2::text)) AS wanted (n, id) "
    "LEFT JOIN role r ON r.id = wanted.id ORDER BY n",
    2
};
enum both_column { BOTH_ID, BOTH_NAME, BOTH_DOMAIN };
static const struct kn_stmt INSERT = {
    "inference_insert", "INSERT INTO role_implication (prior_id, implied_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", 2
};
static const struct kn_stmt REVOKE = { "inference_revoke", KN_REVOKE_HELD "WHERE role_id IN " KN_ROLES_LEADING_TO("$2"),
                                       2 };
/* clang-format off */
static const struct kn_stmt DELETE = { "inference_delete",
    "DELETE FROM role_implication WHERE prior_id = $1 AND implied_id = $2", 2 };
/* clang-format on */

int kn_identity_inference_list(struct kn_db *db, const char *prior_id, struct kn_rows **ret_rows, struct kn_error *err)
{
    return kn_db_run(db, &LIST, KN_ARGS(prior_id), ret_rows, err);
}

/* The names and domains of both roles, prior first. */
static int find_roles(struct kn_db *db, const char *prior_id, const char *implied_id, struct kn_rows **ret_rows,
                      struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &BOTH, KN_ARGS(prior_id, implied_id), &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < 2; i++) {
        if (kn_rows_null(rows, i, BOTH_NAME)) {
            return kn_rest_not_found(&kn_identity_role_noun, kn_rows_text(rows, i, BOTH_ID), err);
        }
    }
    *ret_rows = kn_steal(&rows);
    return 0;
}

int kn_identity_inference_get(struct kn_db *db, const char *prior_id, const char *implied_id, struct kn_rows **ret_rows,
                              struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL, *roles = NULL;

    if (find_roles(db, prior_id, implied_id, &roles, err) < 0 ||
        kn_db_run(db, &GET, KN_ARGS(prior_id, implied_id), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "%s does not imply %s.", prior_id, implied_id);
    }
    *ret_rows = kn_steal(&rows);
    return 0;
}

int kn_identity_inference_insert(struct kn_db *db, const char *prior_id, const char *implied_id, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *roles = NULL;

    if (find_roles(db, prior_id, implied_id, &roles, err) < 0) {
        return -1;
    }
    if (strcmp(kn_rows_text(roles, 1, BOTH_NAME), "admin") == 0 && kn_rows_null(roles, 1, BOTH_DOMAIN)) {
        return kn_fail(err, KN_FORBIDDEN, "%s cannot be an implied roles.", implied_id);
    }
    if (kn_rows_null(roles, 0, BOTH_DOMAIN) && !kn_rows_null(roles, 1, BOTH_DOMAIN)) {
        return kn_fail(err, KN_FORBIDDEN, "Global role cannot imply a domain-specific role");
    }
    return kn_db_run(db, &INSERT, KN_ARGS(prior_id, implied_id), NULL, err);
}

/* admin -> manager -> member -> reader. */
static bool is_of_the_chain(const struct kn_rows *rule)
{
    static const char *const CHAIN[] = { "admin", "manager", "member", "reader" };

    for (int i = 0; i < 3; i++) {
        if (strcmp(CHAIN[i], kn_rows_text(rule, 0, KN_INFERENCE_PRIOR)) == 0 &&
            strcmp(CHAIN[i + 1], kn_rows_text(rule, 0, KN_INFERENCE_IMPLIED)) == 0) {
            return true;
        }
    }
    return false;
}

int kn_identity_inference_delete(struct kn_db *db, const char *prior_id, const char *implied_id, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rule = NULL;
    AUTO_TX struct kn_tx tx = { 0 };
    struct kn_arg now;

    if (kn_tx_begin(&tx, db, err) < 0 || kn_identity_inference_get(db, prior_id, implied_id, &rule, err) < 0) {
        return -1;
    }
    if (is_of_the_chain(rule)) {
        return kn_fail(err, KN_FORBIDDEN, "Role %s always implies %s.", kn_rows_text(rule, 0, KN_INFERENCE_PRIOR),
                       kn_rows_text(rule, 0, KN_INFERENCE_IMPLIED));
    }
    if (kn_db_run(db, &REVOKE, KN_ARGS(kn_arg_int(&now, kn_now_us()), prior_id), NULL, err) < 0 ||
        kn_db_run(db, &DELETE, KN_ARGS(prior_id, implied_id), NULL, err) < 0) {
        return -1;
    }
    return kn_tx_commit(&tx, err);
}
