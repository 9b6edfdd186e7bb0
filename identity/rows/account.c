/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the reading of users, scopes and roles for tokens. It must never decide whether a login succeeds: identity/api/tokens.c does. */
#include "identity/rows/account.h"

#include <string.h>

#include "lib/adapter/members.h"
#include "lib/domain/policy.h"

#define OPTION(name) "coalesce((u.options ->> '" name "')::boolean, false)"
#define AGO(time) "(extract(epoch FROM now() - " time ") * 1000)::bigint"
/* struct kn_identity_account */
/* clang-format off */
#define ACCOUNT(TEXT, INT, BOOL) \
    TEXT(id, "u.id") TEXT(name, "u.name") TEXT(domain_id, "u.domain_id") TEXT(domain_name, "d.name") \
    TEXT(default_project_id, "u.default_project_id") TEXT(hash, "u.password_hash") \
    BOOL(enabled, "u.enabled AND d.enabled") \
    INT(password_expires_us, "(extract(epoch FROM u.password_expires_at) * 1000000)::bigint") \
    INT(password_age_ms, AGO("u.password_at")) BOOL(password_own, "u.password_own") INT(failures, "u.failures") \
    INT(failed_ago_ms, AGO("u.failed_at")) BOOL(ignores_lockout, OPTION("ignore_lockout_failure_attempts")) \
    BOOL(locks_password, OPTION("lock_password")) BOOL(multi_factor, OPTION("multi_factor_auth_enabled"))
/* clang-format on */
/* Of struct kn_identity_scope_facts. */
/* clang-format off */
#define TARGET(TEXT, INT, BOOL) \
    TEXT(id, "t.id") TEXT(name, "t.name") TEXT(domain_id, "t.domain_id") TEXT(domain_name, "t.domain_name") \
    BOOL(enabled, "t.enabled")
/* clang-format on */
#define USER "SELECT " KN_MEMBERS_SQL(ACCOUNT) " FROM identity_user u JOIN domain d ON d.id = u.domain_id WHERE "
#define PROJECT \
    "SELECT " KN_MEMBERS_SQL( \
        TARGET) " FROM (SELECT p.id, p.name, p.domain_id, d.name AS domain_name, " \
                "p.enabled AND d.enabled AS enabled FROM project p JOIN domain d ON d.id = p.domain_id) t WHERE "
#define DOMAIN \
    "SELECT " KN_MEMBERS_SQL( \
        TARGET) " FROM (SELECT id, name, '' AS domain_id, '' AS domain_name, enabled FROM domain) t WHERE "

static const struct kn_stmt USER_BY_ID = { "account_user_by_id", USER "u.id = $1", 1 };
static const struct kn_stmt USER_BY_NAME = { "account_user_by_name", USER "u.name = $1 AND (d.id = $2 OR d.name = $3)",
                                             3 };
static const struct kn_stmt PROJECT_BY_ID = { "account_project_by_id", PROJECT "t.id = $1", 1 };
static const struct kn_stmt PROJECT_BY_NAME = { "account_project_by_name",
                                                PROJECT "t.name = $1 AND (t.domain_id = $2 OR t.domain_name = $3)", 3 };
static const struct kn_stmt DOMAIN_BY_ID = { "account_domain_by_id", DOMAIN "t.id = $1", 1 };
static const struct kn_stmt DOMAIN_BY_NAME = { "account_domain_by_name", DOMAIN "t.name = $1", 1 };
/* $2 project or $3 domain, neither = the system. Inherited: from the domain, or from a project above. */
static const struct kn_stmt ROLES = {
    "account_roles",
    "WITH RECURSIVE mine AS (SELECT role_id, project_id, domain_id, inherited FROM held_assignment WHERE holder_id = $1), "
    "up (id, parent_id, domain_id) AS (SELECT id, parent_id, domain_id FROM project WHERE id = $2 "
    "UNION SELECT p.id, p.parent_id, p.domain_id FROM project p JOIN up ON p.id = up.parent_id), "
    "here (role_id) AS ((SELECT role_id FROM mine WHERE NOT inherited AND project_id IS NOT DISTINCT FROM $2 "
    "AND domain_id IS NOT DISTINCT FROM $3 "
    "UNION SELECT role_id FROM mine WHERE inherited AND (project_id IN (SELECT parent_id FROM up) "
    "OR domain_id IN (SELECT domain_id FROM up))) "
    "UNION SELECT i.implied_id FROM here JOIN role_implication i ON i.prior_id = here.role_id) "
    "SELECT r.id, r.name FROM role r JOIN here ON here.role_id = r.id WHERE r.domain_id IS NULL ORDER BY r.name",
    3
};

void kn_identity_scope_facts_release(struct kn_identity_scope_facts *facts)
{
    kn_rows_free(facts->role_rows);
    facts->role_rows = NULL;
}

static int account_find(struct kn_db *db, const struct kn_identity_named *named, const struct kn_stmt *by_id,
                        const struct kn_stmt *by_name, struct kn_rows **ret_rows, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    int rc = named->id != NULL
                 ? kn_db_run(db, by_id, KN_ARGS(named->id), &rows, err)
                 : kn_db_run(db, by_name, KN_ARGS(named->name, named->domain_id, named->domain_name), &rows, err);

    if (rc < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Could not find \"%s\".", named->id != NULL ? named->id : named->name);
    }
    *ret_rows = kn_steal(&rows);
    return 0;
}

int kn_identity_account_find(struct kn_db *db, const struct kn_identity_named *user, struct kn_identity_account *ret,
                             struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (account_find(db, user, &USER_BY_ID, &USER_BY_NAME, &rows, err) < 0) {
        return -1;
    }
    KN_MEMBERS_READ(ACCOUNT, rows, ret);
    return 0;
}

static int find_target(struct kn_db *db, enum kn_identity_scope kind, const struct kn_identity_named *target,
                       struct kn_identity_scope_facts *ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    bool project = kind == KN_SCOPE_PROJECT;

    if (account_find(db, target, project ? &PROJECT_BY_ID : &DOMAIN_BY_ID, project ? &PROJECT_BY_NAME : &DOMAIN_BY_NAME,
                     &rows, err) < 0) {
        return -1;
    }
    KN_MEMBERS_READ(TARGET, rows, ret);
    return 0;
}

int kn_identity_scope_find(struct kn_db *db, enum kn_identity_scope kind, const struct kn_identity_named *target,
                           const char *user_id, struct kn_identity_scope_facts *ret, struct kn_error *err)
{
    struct kn_identity_scope_facts facts = { .kind = kind, .enabled = true };

    if (kind == KN_SCOPE_PROJECT || kind == KN_SCOPE_DOMAIN) {
        if (find_target(db, kind, target, &facts, err) < 0) {
            return -1;
        }
    }
    if (kind != KN_SCOPE_NONE) {
        const char *project = kind == KN_SCOPE_PROJECT ? facts.id : NULL;
        const char *domain = kind == KN_SCOPE_DOMAIN ? facts.id : NULL;
        if (kn_db_run(db, &ROLES, KN_ARGS(user_id, project, domain), &facts.role_rows, err) < 0) {
            return -1;
        }
    }
    for (int i = 0; facts.role_rows != NULL && i < kn_rows_count(facts.role_rows); i++) {
        facts.roles |= kn_role_bits(kn_rows_text(facts.role_rows, i, KN_HELD_ROLE));
    }
    *ret = facts;
    return 0;
}

/* --- some of the roles --- */

static bool account_is_held(const struct kn_rows *held, const char *role_id)
{
    for (int i = 0; i < kn_rows_count(held); i++) {
        if (strcmp(kn_rows_text(held, i, KN_HELD_ROLE_ID), role_id) == 0) {
            return true;
        }
    }
    return false;
}

int kn_identity_scope_part(struct kn_db *db, const char *user_id, const char *project_id, struct kn_rows **role_rows,
                           struct kn_identity_scope_facts *ret, struct kn_error *err)
{
    const struct kn_identity_named project = { .id = project_id };
    AUTO_RELEASE(kn_identity_scope_facts) struct kn_identity_scope_facts facts = { 0 };
    uint32_t bits = 0;

    if (kn_identity_scope_find(db, KN_SCOPE_PROJECT, &project, user_id, &facts, err) < 0) {
        return -1;
    }
    bool whole = facts.enabled && kn_rows_count(*role_rows) > 0;
    for (int i = 0; i < kn_rows_count(*role_rows); i++) {
        whole = whole && account_is_held(facts.role_rows, kn_rows_text(*role_rows, i, KN_HELD_ROLE_ID));
        bits |= kn_role_bits(kn_rows_text(*role_rows, i, KN_HELD_ROLE));
    }
    if (!whole) {
        return kn_fail(err, KN_UNAUTHORIZED, "The request you have made requires authentication.");
    }
    kn_identity_scope_facts_release(&facts);
    *ret = facts;
    ret->roles = bits;
    ret->role_rows = kn_steal(role_rows);
    return 0;
}

/* The id of the held role that is named by "id" or by "name"; NULL if it is not among them. */
static const char *held_role(const struct kn_identity_scope_facts *held, const json_t *wanted)
{
    const char *id = json_string_value(json_object_get(wanted, "id")),
               *name = json_string_value(json_object_get(wanted, "name"));

    for (int i = 0; i < kn_rows_count(held->role_rows); i++) {
        const char *own = kn_rows_text(held->role_rows, i, KN_HELD_ROLE_ID);

        if (id != NULL ? strcmp(id, own) == 0
                       : name != NULL && strcmp(name, kn_rows_text(held->role_rows, i, KN_HELD_ROLE)) == 0) {
            return own;
        }
    }
    return NULL;
}

int kn_identity_settle_roles(const struct kn_identity_scope_facts *held, json_t *object, enum kn_code code,
                             const char *words, struct kn_error *err)
{
    const json_t *wanted = json_object_get(object, "roles"), *role = NULL;
    json_auto_t *ids = json_array();
    size_t k = 0;

    json_array_foreach (wanted, k, role) {
        const char *id = held_role(held, role);

        if (id == NULL) {
            return kn_fail(err, code, "%s", words);
        }
        json_array_append_new(ids, json_string(id));
    }
    for (int i = 0; json_array_size(wanted) == 0 && i < kn_rows_count(held->role_rows); i++) {
        json_array_append_new(ids, json_string(kn_rows_text(held->role_rows, i, KN_HELD_ROLE_ID)));
    }
    json_object_set(object, "roles", ids);
    return 0;
}
