/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the question whether a user or a group holds more than the caller could give: by its own assignments and those of its groups,
 * on the system, in other domains, inherited by whatever lies below, and by all that the roles imply. It must never count a role
 * by its name alone: what a harmless one implies is held as well.
 */
#include "identity/rows/rank.h"

#include "identity/rows/nouns.h"

/* All that is implied by `given`, whatever the distance. */
#define IMPLIED \
    "given (role_id) AS (SELECT role_id FROM held UNION SELECT i.implied_id FROM given JOIN role_implication i " \
    "ON i.prior_id = given.role_id) "
/* Rows: the name of a role that is held, and whether any of them is held elsewhere than in the domain $2. */
#define HOLDINGS(table, holder) \
    "WITH RECURSIVE held AS (SELECT a.role_id, coalesce(p.domain_id, a.domain_id) AS home FROM " table " a " \
    "LEFT JOIN project p ON p.id = a.project_id WHERE a." holder " = $1), " IMPLIED \
    "SELECT r.name, (SELECT bool_or(home IS DISTINCT FROM $2) FROM held) FROM role r JOIN given ON given.role_id = r.id"

enum holding_column { HOLDING_ROLE, HOLDING_ELSEWHERE };
static const struct kn_stmt OF_USER = { "rank_user", HOLDINGS("held_assignment", "holder_id"), 2 };
static const struct kn_stmt OF_GROUP = { "rank_group", HOLDINGS("assignment", "group_id"), 2 };
/* clang-format off */
static const struct kn_stmt OF_ROLE = { "rank_role",
    "WITH RECURSIVE held AS (SELECT $1::text AS role_id), " IMPLIED
    "SELECT r.name, false FROM role r JOIN given ON given.role_id = r.id", 1 };
/* clang-format on */

static bool rank_is_beyond(const struct kn_rows *rows)
{
    for (int i = 0; i < kn_rows_count(rows); i++) {
        if (kn_rows_bool(rows, i, HOLDING_ELSEWHERE) ||
            !kn_identity_role_is_managed(kn_rows_text(rows, i, HOLDING_ROLE))) {
            return true;
        }
    }
    return false;
}

int kn_identity_rank_check(const struct kn_request *req, enum kn_identity_realm_noun noun, const char *id,
                           struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *realm = kn_identity_realm(req);

    if (realm == NULL) {
        return 0;
    }
    if (kn_identity_realm_check(req, noun, id, err) < 0 ||
        kn_db_run(req->db, noun == KN_REALM_GROUP ? &OF_GROUP : &OF_USER, KN_ARGS(id, realm), &rows, err) < 0) {
        return -1;
    }
    return rank_is_beyond(rows) ? kn_identity_realm_refuse(req, err) : 0;
}

int kn_identity_rank_check_role(const struct kn_request *req, const char *role_id, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_identity_realm(req) == NULL) {
        return 0;
    }
    if (kn_db_run(req->db, &OF_ROLE, KN_ARGS(role_id), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) > 0 && !rank_is_beyond(rows) ? 0 : kn_identity_realm_refuse(req, err);
}
