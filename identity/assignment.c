/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the table `assignment`: who has which role where. Taking a role away ends the user's tokens of that scope. */
#include <string.h>

#include "identity/account.h"
#include "identity/nouns.h"
#include "identity/revoke.h"
#include "lib/base/mem.h"

#define HERE "user_id = $1 AND project_id IS NOT DISTINCT FROM $2 AND domain_id IS NOT DISTINCT FROM $3"

static const struct kn_stmt EXISTING = { "grant_existing",
    "SELECT EXISTS (SELECT FROM identity_user WHERE id = $1), $2::text IS NULL OR EXISTS (SELECT FROM project WHERE id = $2), "
    "$3::text IS NULL OR EXISTS (SELECT FROM domain WHERE id = $3), $4::text IS NULL OR EXISTS (SELECT FROM role WHERE id = $4)", 4 };
static const struct kn_stmt INSERT = { "grant_insert",
    "INSERT INTO assignment (user_id, project_id, domain_id, role_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING", 4 };
static const struct kn_stmt DELETE = { "grant_delete", "DELETE FROM assignment WHERE " HERE " AND role_id = $4", 4 };
static const struct kn_stmt EXISTS = { "grant_exists", "SELECT FROM assignment WHERE " HERE " AND role_id = $4", 4 };
static const struct kn_stmt ROLES = { "grant_roles",
    "SELECT id, name, description FROM role WHERE id IN (SELECT role_id FROM assignment WHERE " HERE ") ORDER BY name", 3 };
static const struct kn_stmt LIST = { "grant_list",
    "SELECT r.id, r.name, u.id, u.name, ud.id, ud.name, p.id, p.name, pd.id, pd.name, d.id, d.name FROM ("
    "SELECT role_id, user_id, project_id, domain_id FROM assignment UNION "
    "SELECT lower_role.id, a.user_id, a.project_id, a.domain_id FROM assignment a JOIN role upper_role ON upper_role.id = a.role_id "
    "JOIN " KN_IMPLIED_ROLES " ON implied.prior = upper_role.name JOIN role lower_role ON lower_role.name = implied.name "
    "WHERE $6::boolean) a JOIN role r ON r.id = a.role_id JOIN identity_user u ON u.id = a.user_id JOIN domain ud ON ud.id = u.domain_id "
    "LEFT JOIN project p ON p.id = a.project_id LEFT JOIN domain pd ON pd.id = p.domain_id LEFT JOIN domain d ON d.id = a.domain_id "
    "WHERE ($1::text IS NULL OR a.user_id = $1) AND ($2::text IS NULL OR a.role_id = $2) AND ($3::text IS NULL OR a.project_id = $3) "
    "AND ($4::text IS NULL OR a.domain_id = $4) AND (NOT $5::boolean OR (a.project_id IS NULL AND a.domain_id IS NULL)) "
    "ORDER BY u.name, u.id, p.name, p.id, d.name, r.name", 6 };

static const char *const *grant_args(const struct kn_grant *g, const char *args[4])
{
    args[0] = g->user_id;
    args[1] = g->project_id;
    args[2] = g->domain_id;
    args[3] = g->role_id;
    return args;
}

int kn_grant_check(struct kn_db *db, const struct kn_grant *g, struct kn_error *err)
{
    static const char *const WHAT[] = { "user", "project", "domain", "role" };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *args[4];

    if (kn_db_run(db, &EXISTING, grant_args(g, args), &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        if (!kn_rows_bool(rows, 0, i)) {
            return kn_fail(err, KN_NOT_FOUND, "Could not find %s: %s.", WHAT[i], args[i]);
        }
    }
    return 0;
}

int kn_grant_insert(struct kn_db *db, const struct kn_grant *g, struct kn_error *err)
{
    const char *args[4];
    return kn_grant_check(db, g, err) < 0 ? -1 : kn_db_run(db, &INSERT, grant_args(g, args), NULL, err);
}

static int not_assigned(const struct kn_grant *g, struct kn_error *err)
{
    return kn_fail(err, KN_NOT_FOUND, "Could not find role assignment with role: %s, user or group: %s, project, domain, or "
                   "system: %s.", g->role_id, g->user_id,
                   g->project_id != NULL ? g->project_id : g->domain_id != NULL ? g->domain_id : "system");
}

int kn_grant_delete(struct kn_db *db, const struct kn_grant *g, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { 0 };
    const char *args[4];
    char name[160];
    int64_t gone = 0;

    if (kn_tx_begin(&tx, db, err) < 0 || kn_db_change(db, &DELETE, grant_args(g, args), &gone, err) < 0) {
        return -1;
    }
    if (gone == 0) {
        return not_assigned(g, err);
    }
    kn_revoke_grant_name(g->user_id, g->project_id != NULL ? g->project_id : g->domain_id != NULL ? g->domain_id : "", name);
    return kn_revoke(db, KN_REVOKE_GRANT, name, err) < 0 ? -1 : kn_tx_commit(&tx, err);
}

int kn_grant_exists(struct kn_db *db, const struct kn_grant *g, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *args[4];

    if (kn_db_run(db, &EXISTS, grant_args(g, args), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) > 0 ? 0 : not_assigned(g, err);
}

int kn_grant_roles(struct kn_db *db, const struct kn_grant *g, struct kn_rows **ret_rows, struct kn_error *err)
{
    const char *args[4];
    return kn_grant_check(db, g, err) < 0 ? -1 : kn_db_run(db, &ROLES, grant_args(g, args), ret_rows, err);
}

int kn_grant_list(struct kn_db *db, const struct kn_grant_filter *f, struct kn_rows **ret_rows, struct kn_error *err)
{
    const char *const *args = KN_ARGS(f->user_id, f->role_id, f->project_id, f->domain_id, f->system, f->effective);
    return kn_db_run(db, &LIST, args, ret_rows, err);
}
