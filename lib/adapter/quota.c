/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statements on `quota_usage` and `quota_limit`. It opens no transaction: usage belongs into that of the rows it counts. Who may see and set what,
 * and in which words, is the services' own affair.
 */
#include "lib/adapter/quota.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/domain/schema.h"

/* Rows are locked in the order of their keys, whoever comes; a row that is not there yet is made, under the same lock. */
static const struct kn_stmt TAKE = {
    "quota_take",
    "INSERT INTO quota_usage AS q (service, project_id, resource, used) SELECT $1, w.p, w.r, w.n "
    "FROM unnest($2::text[], $3::text[], $4::bigint[]) w(p, r, n) ORDER BY w.p, w.r "
    "ON CONFLICT (service, project_id, resource) DO UPDATE SET used = q.used + excluded.used "
    "RETURNING q.project_id, q.resource, q.used, (SELECT l.hard_limit FROM quota_limit l WHERE l.service = q.service "
    "AND l.project_id IN (q.project_id, '') AND l.resource = q.resource ORDER BY l.project_id DESC LIMIT 1)",
    4
};
enum { T_PROJECT, T_RESOURCE, T_USED, T_LIMIT };

/*
 * Of one project, and of many: with one in its hand PostgreSQL finds "of many" cheaper than it would be in general, and so plans it anew at each
 * question, which costs ten times what the answer does.
 */
#define ROOM(projects) \
    "SELECT p, CASE WHEN most >= 0 THEN most * $4::bigint - coalesce((SELECT u.used FROM quota_usage u WHERE u.service = $1 AND u.project_id = p " \
    "AND u.resource = $2), 0) END FROM (SELECT w.p, coalesce((SELECT l.hard_limit FROM quota_limit l WHERE l.service = $1 " \
    "AND l.project_id IN (w.p, '') AND l.resource = $2 ORDER BY l.project_id DESC LIMIT 1), $3::integer) AS most FROM " projects \
    " w) m"
static const struct kn_stmt ROOM_OF_ONE = { "quota_room_of_one", ROOM("(SELECT $5::text AS p)"), 5 };
static const struct kn_stmt ROOM_OF_MANY = { "quota_room", ROOM("(SELECT DISTINCT p FROM unnest($5::text[]) p)"), 5 };

/* A user may be called like a project: what he has is not the project's. */
static const struct kn_stmt READ = {
    "quota_read",
    "SELECT k.resource, k.name, coalesce(o.hard_limit, d.hard_limit, k.dflt), CASE WHEN k.resource = 'key_pairs' THEN 0 ELSE coalesce(u.used, 0) / k.unit END FROM " KN_QUOTA_KNOWN
    " k LEFT JOIN quota_limit o ON (o.service, o.project_id, o.resource) = (k.service, $2, k.resource) "
    "LEFT JOIN quota_limit d ON (d.service, d.project_id, d.resource) = (k.service, '', k.resource) "
    "LEFT JOIN quota_usage u ON (u.service, u.project_id, u.resource) = (k.service, $2, k.resource) WHERE k.service = $1 ORDER BY k.name",
    2
};
enum { R_RESOURCE, R_NAME, R_LIMIT, R_USED };

/* clang-format off */
static const struct kn_stmt SET = { "quota_set",
    KN_QUOTA_CHANGES("$2") "INSERT INTO quota_limit (service, project_id, resource, hard_limit) SELECT $1, $2, w.r, w.n "
    "FROM unnest($3::text[], $4::integer[]) w(r, n) ON CONFLICT (service, project_id, resource) WHERE " KN_QUOTA_OURS
    " DO UPDATE SET hard_limit = excluded.hard_limit", 4 };
/* clang-format on */
static const struct kn_stmt RESET = {
    "quota_reset", KN_QUOTA_CHANGES("$2") "DELETE FROM quota_limit WHERE service = $1 AND project_id = $2", 2
};
static const struct kn_stmt FORGET_TYPE = {
    "quota_forget_type",
    "WITH l AS (DELETE FROM quota_limit WHERE service = 'volume' AND resource LIKE '%\\_' || $1) "
    "DELETE FROM quota_usage WHERE service = 'volume' AND resource LIKE '%\\_' || $1",
    1
};

/* --- taking and giving back --- */

void kn_quota_claims_release(struct kn_quota_claims *claims)
{
    for (int i = 0; i < claims->count; i++) {
        free(claims->list[i].project);
        free(claims->list[i].resource);
    }
    free(claims->list);
}

static struct kn_quota_claim *quota_claim_of(struct kn_quota_claims *claims, const char *project, const char *resource)
{
    struct kn_quota_claim *claim;

    for (int i = 0; i < claims->count; i++) {
        if (strcmp(claims->list[i].resource, resource) == 0 && strcmp(claims->list[i].project, project) == 0) {
            return &claims->list[i];
        }
    }
    claims->list = kn_realloc_array(claims->list, (size_t)claims->count + 1, sizeof(*claims->list));
    claim = &claims->list[claims->count++];
    *claim = (struct kn_quota_claim){ .project = kn_strdup(project), .resource = kn_strdup(resource) };
    return claim;
}

void kn_quota_claim_named(struct kn_quota_claims *claims, const char *project, const char *resource, int64_t amount)
{
    quota_claim_of(claims, project, resource)->amount += amount;
}

void kn_quota_claim(struct kn_quota_claims *claims, const char *project, enum kn_quota quota, int64_t amount)
{
    kn_quota_claim_named(claims, project, kn_quota_rows[quota].name, amount);
}

void kn_quota_claim_disks(struct kn_quota_claims *claims, const char *project, enum kn_quota what, const char *type_id,
                          int64_t count, int64_t gib)
{
    AUTO_FREE char *of_type = kn_asprintf("%s_%s", kn_quota_rows[what].name, type_id);
    AUTO_FREE char *gigabytes = kn_asprintf("gigabytes_%s", type_id);

    kn_quota_claim(claims, project, what, count);
    kn_quota_claim(claims, project, KN_QUOTA_GIGABYTES, gib);
    kn_quota_claim_named(claims, project, of_type, count);
    kn_quota_claim_named(claims, project, gigabytes, gib);
}

void kn_quota_claim_within(struct kn_quota_claims *claims, const char *user, enum kn_quota quota, int64_t amount,
                           int64_t limit)
{
    struct kn_quota_claim *claim = quota_claim_of(claims, user, kn_quota_rows[quota].name);

    claim->amount += amount;
    claim->limit = limit;
    claim->is_limited = true;
}

void kn_quota_claim_rows(struct kn_quota_claims *claims, const struct kn_rows *rows, int project, enum kn_quota quota,
                         int64_t amount)
{
    for (int row = 0; row < kn_rows_count(rows); row++) {
        kn_quota_claim(claims, kn_rows_text(rows, row, project), quota, amount);
    }
}

int64_t kn_quota_claimed(const struct kn_quota_claims *claims, const char *project, enum kn_quota quota)
{
    for (int i = 0; i < claims->count; i++) {
        if (strcmp(claims->list[i].resource, kn_quota_rows[quota].name) == 0 &&
            strcmp(claims->list[i].project, project) == 0) {
            return claims->list[i].amount;
        }
    }
    return 0;
}

/* Names come from the table, or from the type's row. */
static int quota_name(struct kn_db *db, const struct kn_quota_claims *claims, struct kn_quota_over *over,
                      struct kn_quota_set *set, struct kn_error *err)
{
    if (kn_quota_find(claims->service, over->name) < KN_QUOTA_COUNT) {
        return 0;
    }
    if (kn_quota_read(db, claims->service, over->project, set, err) < 0) {
        return -1;
    }
    for (int i = 0; i < set->count; i++) {
        if (strcmp(set->lines[i].resource, over->name) == 0) {
            over->name = set->lines[i].name;
            return 0;
        }
    }
    return 0;
}

/* Fills *over if the row says that the claim is too much. */
static bool quota_exceeds(const struct kn_quota_claims *claims, const struct kn_rows *rows, int row,
                          struct kn_quota_over *over)
{
    for (int i = 0; i < claims->count; i++) {
        const struct kn_quota_claim *claim = &claims->list[i];
        const enum kn_quota quota = kn_quota_find(claims->service, claim->resource);
        const int64_t unit = quota < KN_QUOTA_COUNT ? kn_quota_rows[quota].unit : 1,
                      used = kn_rows_int(rows, row, T_USED);
        int64_t limit = quota < KN_QUOTA_COUNT ? kn_quota_rows[quota].dflt : -1;

        if (strcmp(claim->project, kn_rows_text(rows, row, T_PROJECT)) != 0 ||
            strcmp(claim->resource, kn_rows_text(rows, row, T_RESOURCE)) != 0) {
            continue;
        }
        limit = claim->is_limited                  ? claim->limit
                : kn_rows_null(rows, row, T_LIMIT) ? limit
                                                   : kn_rows_int(rows, row, T_LIMIT);
        *over = (struct kn_quota_over){ .name = claim->resource,
                                        .project = claim->project,
                                        .asked = (claim->amount + unit - 1) / unit,
                                        .used = (used - claim->amount) / unit,
                                        .limit = limit };
        return claim->amount > 0 && limit >= 0 && used > limit * unit;
    }
    return false;
}

static int quota_judge(struct kn_db *db, const struct kn_quota_claims *claims, const struct kn_rows *rows,
                       struct kn_error *err)
{
    AUTO_RELEASE(kn_quota_set) struct kn_quota_set set = KN_QUOTA_SET_INIT;
    AUTO_FREE struct kn_quota_over *over = kn_realloc_array(NULL, (size_t)claims->count + 1, sizeof(*over));
    int count = 0;

    for (int row = 0; row < kn_rows_count(rows); row++) {
        count += quota_exceeds(claims, rows, row, &over[count]);
    }
    for (int i = 0; i < count; i++) {
        if (quota_name(db, claims, &over[i], &set, err) < 0) {
            return -1;
        }
    }
    return count == 0 ? 0 : kn_quota_refuse(err, claims->service, over, count);
}

int kn_quota_take(struct kn_db *db, const struct kn_quota_claims *claims, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array projects = KN_ARRAY_INIT;
    AUTO_RELEASE(kn_array) struct kn_array resources = KN_ARRAY_INIT;
    AUTO_RELEASE(kn_array) struct kn_array amounts = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    for (int i = 0; i < claims->count; i++) {
        if (claims->list[i].amount != 0) {
            kn_array_add(&projects, claims->list[i].project);
            kn_array_add(&resources, claims->list[i].resource);
            kn_array_addint(&amounts, claims->list[i].amount);
        }
    }
    if (projects.count == 0) {
        return 0;
    }
    if (kn_db_run(db, &TAKE,
                  KN_ARGS(claims->service, kn_array_value(&projects), kn_array_value(&resources),
                          kn_array_value(&amounts)),
                  &rows, err) < 0) {
        return -1;
    }
    return quota_judge(db, claims, rows, err);
}

int kn_quota_take_one(struct kn_db *db, const char *project, enum kn_quota quota, int64_t amount, struct kn_error *err)
{
    AUTO_RELEASE(kn_quota_claims) struct kn_quota_claims claims = KN_QUOTA_CLAIMS(kn_quota_rows[quota].service);

    kn_quota_claim(&claims, project, quota, amount);
    return kn_quota_take(db, &claims, err);
}

static int quota_room_ask(struct kn_db *db, const struct kn_stmt *stmt, enum kn_quota quota, const char *projects,
                          struct kn_rows **ret_rows, struct kn_error *err)
{
    const struct kn_quota_row *row = &kn_quota_rows[quota];
    struct kn_arg dflt, unit;

    return kn_db_run(db, stmt,
                     KN_ARGS(row->service, row->name, kn_arg_int(&dflt, row->dflt), kn_arg_int(&unit, row->unit),
                             projects),
                     ret_rows, err);
}

int kn_quota_room(struct kn_db *db, enum kn_quota quota, struct kn_array *projects, struct kn_rows **ret_rows,
                  struct kn_error *err)
{
    return quota_room_ask(db, &ROOM_OF_MANY, quota, kn_array_value(projects), ret_rows, err);
}

int kn_quota_room_of_one(struct kn_db *db, enum kn_quota quota, const char *project, struct kn_rows **ret_rows,
                         struct kn_error *err)
{
    return quota_room_ask(db, &ROOM_OF_ONE, quota, project, ret_rows, err);
}

/* --- limits --- */

void kn_quota_set_release(struct kn_quota_set *set)
{
    for (int i = 0; i < set->count; i++) {
        free(set->lines[i].name);
        free(set->lines[i].resource);
    }
    free(set->lines);
    *set = (struct kn_quota_set)KN_QUOTA_SET_INIT;
}

static void quota_add_line(struct kn_quota_set *set, const struct kn_rows *rows, int row, int until)
{
    set->lines[set->count++] = (struct kn_quota_line){ .name = kn_strdup(kn_rows_text(rows, row, R_NAME)),
                                                       .resource = kn_strdup(kn_rows_text(rows, row, R_RESOURCE)),
                                                       .until = until,
                                                       .limit = kn_rows_int(rows, row, R_LIMIT),
                                                       .used = kn_rows_int(rows, row, R_USED) };
}

int kn_quota_read(struct kn_db *db, const char *service, const char *project, struct kn_quota_set *ret,
                  struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &READ, KN_ARGS(service, project), &rows, err) < 0) {
        return -1;
    }
    kn_quota_set_release(ret);
    ret->lines = kn_realloc_array(NULL, (size_t)kn_rows_count(rows) + 1, sizeof(*ret->lines));
    for (enum kn_quota q = (enum kn_quota)0; q < KN_QUOTA_COUNT; q++) {
        for (int row = 0; row < kn_rows_count(rows) && strcmp(kn_quota_rows[q].service, service) == 0; row++) {
            if (strcmp(kn_rows_text(rows, row, R_RESOURCE), kn_quota_rows[q].name) == 0) {
                quota_add_line(ret, rows, row, kn_quota_rows[q].until);
            }
        }
    }
    for (int row = 0; row < kn_rows_count(rows); row++) {
        if (kn_quota_find(service, kn_rows_text(rows, row, R_RESOURCE)) == KN_QUOTA_COUNT) {
            quota_add_line(ret, rows, row, 0);
        }
    }
    return 0;
}

const struct kn_quota_line *kn_quota_of(const struct kn_quota_set *set, enum kn_quota quota)
{
    int i = 0;

    while (i < set->count - 1 && strcmp(set->lines[i].resource, kn_quota_rows[quota].name) != 0) {
        i++;
    }
    return &set->lines[i];
}

int kn_quota_limit(struct kn_db *db, enum kn_quota quota, const char *project, int64_t *ret, struct kn_error *err)
{
    AUTO_RELEASE(kn_quota_set) struct kn_quota_set set = KN_QUOTA_SET_INIT;

    if (kn_quota_read(db, kn_quota_rows[quota].service, project, &set, err) < 0) {
        return -1;
    }
    *ret = kn_quota_of(&set, quota)->limit;
    return 0;
}

int kn_quota_put(struct kn_db *db, const char *service, const char *project, const struct kn_quota_set *set,
                 const json_t *object, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array resources = KN_ARRAY_INIT;
    AUTO_RELEASE(kn_array) struct kn_array limits = KN_ARRAY_INIT;

    for (int i = 0; i < set->count; i++) {
        const json_t *value = json_object_get(object, set->lines[i].name);

        if (value != NULL && !json_is_null(value)) {
            kn_array_add(&resources, set->lines[i].resource);
            kn_array_addint(&limits, kn_schema_int(object, set->lines[i].name, 0));
        }
    }
    if (resources.count == 0) {
        return 0;
    }
    return kn_db_run(db, &SET, KN_ARGS(service, project, kn_array_value(&resources), kn_array_value(&limits)), NULL,
                     err);
}

int kn_quota_reset(struct kn_db *db, const char *service, const char *project, struct kn_error *err)
{
    return kn_db_run(db, &RESET, KN_ARGS(service, project), NULL, err);
}

int kn_quota_forget_type(struct kn_db *db, const char *type_id, struct kn_error *err)
{
    return kn_db_run(db, &FORGET_TYPE, KN_ARGS(type_id), NULL, err);
}
