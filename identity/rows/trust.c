/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the tables `trust` and `trust_role`. It must never give a role that the trustor does not hold at that moment: each login asks
 * again.
 */
#include "identity/rows/trust.h"

#include "identity/rows/nouns.h"

#include "identity/rows/revoke.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

#define LIVE "(t.expires_at IS NULL OR t.expires_at > now())"

static const struct kn_stmt LIST = { "trust_list",
    "SELECT t.id, t.trustor_id, t.trustee_id, t.project_id, t.impersonation, (extract(epoch FROM t.expires_at) * 1000000)::bigint, "
    "t.remaining_uses FROM trust t WHERE " LIVE " AND ($1::text IS NULL OR t.id = $1) AND ($2::text IS NULL OR t.trustor_id = $2) "
    "AND ($3::text IS NULL OR t.trustee_id = $3) ORDER BY t.id", 3 };
static const struct kn_stmt ROLES = { "trust_roles",
    "SELECT " KN_ROLE_COLUMNS " FROM role WHERE id IN (SELECT role_id FROM trust_role WHERE trust_id = $1) ORDER BY name", 1 };
static const struct kn_stmt SCOPE_ROLES = { "trust_scope_roles",
    "WITH RECURSIVE down (id) AS (SELECT role_id FROM trust_role WHERE trust_id = $1 UNION SELECT i.implied_id "
    "FROM role_implication i JOIN down ON i.prior_id = down.id) SELECT r.id, r.name FROM role r JOIN down ON down.id = r.id "
    "WHERE r.domain_id IS NULL ORDER BY r.name", 1 };
static const struct kn_stmt USE = { "trust_use",
    "UPDATE trust SET remaining_uses = remaining_uses - 1 WHERE id = $1 AND (remaining_uses IS NULL OR remaining_uses > 0)", 1 };
static const struct kn_stmt INSERT = { "trust_insert",
    "INSERT INTO trust (id, trustor_id, trustee_id, project_id, impersonation, expires_at, remaining_uses) VALUES "
    "($1, $2, $3, $4, $5::boolean, $6::timestamp AT TIME ZONE 'UTC', $7::integer)", 7 };
static const struct kn_stmt INSERT_ROLES = { "trust_insert_roles",
    "INSERT INTO trust_role (trust_id, role_id) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING", 2 };
static const struct kn_stmt DELETE = { "trust_delete", "DELETE FROM trust WHERE id = $1", 1 };

static int fail_unknown(const char *id, struct kn_error *err)
{
    return kn_fail(err, KN_NOT_FOUND, "Could not find trust: %.64s.", id);
}

int kn_trust_list(struct kn_db *db, const char *id, const char *trustor_id, const char *trustee_id, struct kn_rows **ret_rows,
                  struct kn_error *err)
{
    return kn_db_run(db, &LIST, KN_ARGS(id, trustor_id, trustee_id), ret_rows, err);
}

int kn_trust_roles(struct kn_db *db, const char *id, struct kn_rows **ret_rows, struct kn_error *err)
{
    return kn_db_run(db, &ROLES, KN_ARGS(id), ret_rows, err);
}

/* --- logging in --- */

int kn_trust_find(struct kn_db *db, const char *id, struct kn_trust *ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_trust_list(db, id, NULL, NULL, &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return fail_unknown(id, err);
    }
    kn_copy(ret->id, sizeof(ret->id), kn_rows_text(rows, 0, 0));
    kn_copy(ret->trustor_id, sizeof(ret->trustor_id), kn_rows_text(rows, 0, 1));
    kn_copy(ret->trustee_id, sizeof(ret->trustee_id), kn_rows_text(rows, 0, 2));
    kn_copy(ret->project_id, sizeof(ret->project_id), kn_rows_text(rows, 0, 3));
    ret->impersonation = kn_rows_bool(rows, 0, 4);
    ret->expires_us = kn_rows_int(rows, 0, 5);
    ret->spent = !kn_rows_null(rows, 0, 6) && kn_rows_int(rows, 0, 6) == 0;
    return 0;
}

int kn_trust_scope(struct kn_db *db, const struct kn_trust *trust, struct kn_scope_facts *ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    return kn_db_run(db, &SCOPE_ROLES, KN_ARGS(trust->id), &rows, err) < 0
               ? -1
               : kn_scope_part(db, trust->trustor_id, trust->project_id, &rows, ret, err);
}

int kn_trust_use(struct kn_db *db, const char *id, struct kn_error *err)
{
    int64_t used = 0;

    if (kn_db_change(db, &USE, KN_ARGS(id), &used, err) < 0) {
        return -1;
    }
    return used == 1 ? 0 : kn_fail(err, KN_FORBIDDEN, "There are no remaining uses of trust %.64s.", id);
}

/* --- rows --- */

int kn_trust_insert(struct kn_db *db, const char *id, const struct kn_trust_wish *w, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { 0 };
    const char *const *args = KN_ARGS(id, w->trustor_id, w->trustee_id, w->project_id, w->impersonation ? "true" : "false",
                                      w->expires_at, w->remaining_uses);

    if (kn_tx_begin(&tx, db, err) < 0) {
        return -1;
    }
    if (kn_db_run(db, &INSERT, args, NULL, err) < 0) {
        return err->code == KN_CONFLICT ? kn_fail(err, KN_NOT_FOUND, "Could not find user: %.64s.", w->trustee_id) : -1;
    }
    return kn_db_run(db, &INSERT_ROLES, KN_ARGS(id, w->role_ids), NULL, err) < 0 ? -1 : kn_tx_commit(&tx, err);
}

int kn_trust_delete(struct kn_db *db, const char *id, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { 0 };
    int64_t gone = 0;

    if (kn_tx_begin(&tx, db, err) < 0 || kn_db_change(db, &DELETE, KN_ARGS(id), &gone, err) < 0) {
        return -1;
    }
    if (gone == 0) {
        return fail_unknown(id, err);
    }
    return kn_revoke(db, KN_REVOKE_TRUST, id, err) < 0 ? -1 : kn_tx_commit(&tx, err);
}
