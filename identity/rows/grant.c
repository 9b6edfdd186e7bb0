/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the table `assignment`: who has which role where. A user or a group; on a project, a domain or the system; on the target itself or
 * (inherited) on the projects below it. Taking one away ends the tokens that rest on it.
 */
#include <string.h>

#include "identity/rows/app_credential.h"
#include "identity/rows/held.h"
#include "identity/rows/nouns.h"
#include "identity/rows/revoke.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"

/* Uses the index assignment_once. $1 user, $2 group, $3 project, $4 domain, $5 inherited */
#define HERE \
    "coalesce(user_id, group_id) = coalesce($1::text, $2::text) AND (user_id IS NULL) = ($1::text IS NULL) " \
    "AND coalesce(project_id, '') = coalesce($3::text, '') AND coalesce(domain_id, '') = coalesce($4::text, '') " \
    "AND inherited = $5::boolean"

static const struct kn_stmt EXISTING = {
    "grant_existing",
    "SELECT $1::text IS NULL OR EXISTS (SELECT FROM identity_user WHERE id = $1), "
    "$2::text IS NULL OR EXISTS (SELECT FROM identity_group WHERE id = $2), "
    "$3::text IS NULL OR EXISTS (SELECT FROM project WHERE id = $3), "
    "$4::text IS NULL OR EXISTS (SELECT FROM domain WHERE id = $4), "
    "$5::text IS NULL OR EXISTS (SELECT FROM role WHERE id = $5), "
    "$5::text IS NULL OR $3::text IS NULL OR NOT EXISTS (SELECT FROM role r, project p WHERE r.id = $5 AND p.id = $3 "
    "AND r.domain_id <> p.domain_id)",
    5
};
enum grant_column { EXISTING_USER, EXISTING_GROUP, EXISTING_PROJECT, EXISTING_DOMAIN, EXISTING_ROLE, EXISTING_FITS };
static const struct kn_stmt INSERT = {
    "grant_insert",
    "INSERT INTO assignment (user_id, group_id, project_id, domain_id, inherited, role_id) "
    "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
    6
};
static const struct kn_stmt DELETE = { "grant_delete", "DELETE FROM assignment WHERE " HERE " AND role_id = $6", 6 };
static const struct kn_stmt REVOKE = {
    "grant_revoke",
    KN_REVOKE_HELD
    "WHERE role_id = $6 AND ($7::text IS NULL OR (holder_id = $7 AND group_id IS NULL)) "
    "AND group_id IS NOT DISTINCT FROM $2 AND project_id IS NOT DISTINCT FROM $3 AND domain_id IS NOT DISTINCT FROM $4 "
    "AND inherited = $5::boolean",
    7
};
static const struct kn_stmt EXISTS = { "grant_exists", "SELECT FROM assignment WHERE " HERE " AND role_id = $6", 6 };
static const struct kn_stmt ROLES = {
    "grant_roles",
    "SELECT " KN_ROLE_COLUMNS " FROM role WHERE id IN (SELECT role_id FROM assignment WHERE " HERE ") ORDER BY name", 5
};

/* As the statements want them; the role last. */
static const char *const *grant_args(const struct kn_identity_grant *g, const char *args[6])
{
    args[0] = g->user_id;
    args[1] = g->group_id;
    args[2] = g->project_id;
    args[3] = g->domain_id;
    args[4] = g->inherited ? "true" : "false";
    args[5] = g->role_id;
    return args;
}

/* *ret_fits: the role may be given there. */
static int grant_check(struct kn_db *db, const struct kn_identity_grant *g, bool *ret_fits, struct kn_error *err)
{
    static const char *const WHAT[] = {
        [EXISTING_USER] = "user",     [EXISTING_GROUP] = "group", [EXISTING_PROJECT] = "project",
        [EXISTING_DOMAIN] = "domain", [EXISTING_ROLE] = "role",
    };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *const *args = KN_ARGS(g->user_id, g->group_id, g->project_id, g->domain_id, g->role_id);

    if (kn_db_run(db, &EXISTING, args, &rows, err) < 0) {
        return -1;
    }
    for (int i = EXISTING_USER; i < EXISTING_FITS; i++) {
        if (!kn_rows_bool(rows, 0, i)) {
            return kn_fail(err, KN_NOT_FOUND, "Could not find %s: %s.", WHAT[i], args[i]);
        }
    }
    *ret_fits = kn_rows_bool(rows, 0, EXISTING_FITS);
    return 0;
}

int kn_identity_grant_insert(struct kn_db *db, const struct kn_identity_grant *g, struct kn_error *err)
{
    const char *args[6];
    bool fits = false;

    if (grant_check(db, g, &fits, err) < 0) {
        return -1;
    }
    return fits ? kn_db_run(db, &INSERT, grant_args(g, args), NULL, err)
                : kn_fail(err, KN_FORBIDDEN, "Project %s must be in the same domain as the role %s being assigned.",
                          g->project_id, g->role_id);
}

static int not_assigned(const struct kn_identity_grant *g, struct kn_error *err)
{
    return kn_fail(err, KN_NOT_FOUND,
                   "Could not find role assignment with role: %s, user or group: %s, project, domain, or "
                   "system: %s.",
                   g->role_id, g->user_id != NULL ? g->user_id : g->group_id,
                   g->project_id != NULL  ? g->project_id
                   : g->domain_id != NULL ? g->domain_id
                                          : "system");
}

int kn_identity_grant_delete(struct kn_db *db, const struct kn_identity_grant *g, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { 0 };
    const char *args[6];
    struct kn_arg now;
    int64_t gone = 0;

    if (kn_tx_begin(&tx, db, err) < 0) {
        return -1;
    }
    grant_args(g, args);
    const char *const *held = KN_ARGS(kn_arg_int(&now, kn_now_us()), args[1], args[2], args[3], args[4], args[5],
                                      args[0]);
    if (kn_db_run(db, &REVOKE, held, NULL, err) < 0 || kn_db_change(db, &DELETE, args, &gone, err) < 0) {
        return -1;
    }
    if (gone == 0) {
        return not_assigned(g, err);
    }
    if (g->user_id != NULL && g->project_id != NULL &&
        kn_identity_app_credential_forget_user(db, g->user_id, g->project_id, err) < 0) {
        return -1;
    }
    return kn_tx_commit(&tx, err);
}

int kn_identity_grant_exists(struct kn_db *db, const struct kn_identity_grant *g, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *args[6];
    bool fits = false;

    if (grant_check(db, g, &fits, err) < 0 || kn_db_run(db, &EXISTS, grant_args(g, args), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) > 0 ? 0 : not_assigned(g, err);
}

int kn_identity_grant_roles(struct kn_db *db, const struct kn_identity_grant *g, struct kn_rows **ret_rows,
                            struct kn_error *err)
{
    const char *args[6];
    bool fits = false;
    return grant_check(db, g, &fits, err) < 0 ? -1 : kn_db_run(db, &ROLES, grant_args(g, args), ret_rows, err);
}
