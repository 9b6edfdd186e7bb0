/* SPDX-License-Identifier: Apache-2.0 */
/* Rows out of bodies. The names in the SQL are the table's own; values travel as parameters. */
#include "lib/rest/write_private.h"

#include <stdint.h>
#include <string.h>

#include "lib/adapter/quota.h"
#include "lib/adapter/task.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/rest/manners.h"
#include "lib/rest/type.h"

/* --- values --------------------------------------------------------------------------------------------------------------- */

static char *array_of(const json_t *value)
{
    AUTO_RELEASE(kn_array) struct kn_array array = KN_ARRAY_INIT;
    const json_t *tag;
    size_t i;

    json_array_foreach (value, i, tag) {
        kn_array_add(&array, json_string_value(tag));
    }
    return kn_strdup(kn_array_value(&array));
}

/* A checked value as PostgreSQL reads it; NULL for null. Heap. */
static char *write_text_of(const struct kn_rest_attr *a, const json_t *object)
{
    const json_t *value = json_object_get(object, a->name);
    struct kn_arg number;

    if (json_is_null(value)) {
        return NULL;
    }
    if (a->type == KN_REST_JSON || a->type == KN_REST_MEMBERS) {
        return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    }
    if (a->type == KN_REST_REAL && !json_is_string(value)) {
        return json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(7));
    }
    if (a->type == KN_REST_TAGS) {
        return array_of(value);
    }
    return kn_strdup(a->type == KN_REST_INT    ? kn_arg_int(&number, kn_schema_int(object, a->name, 0))
                     : a->type == KN_REST_BOOL ? (kn_schema_bool(object, a->name, false) ? "t" : "f")
                                               : json_string_value(value));
}

/* there: what the column holds so far. null is what a row has of which nothing was said, unless the attribute has a form for it. */
static void write_add_value(struct kn_rest_query *q, const struct kn_rest_attr *a, const char *there,
                            const json_t *object)
{
    const char *own = a->type == KN_REST_MEMBERS ? "coalesce(%C, '{}'::jsonb) || ?::jsonb" : a->form;
    AUTO_FREE char *plain = kn_asprintf("?::%s", kn_rest_sql_type(a->type));
    AUTO_FREE char *text = write_text_of(a, object);

    if (text == NULL && own == NULL) {
        kn_rest_text(q, "DEFAULT");
    } else {
        kn_rest_add_form(q, own != NULL ? own : plain, there, text);
    }
}

/* Without a bit of KN_REST_WRITE only the noun's own functions can have put it there. */
static bool writes(const struct kn_rest_attr *a, const struct kn_request *req, unsigned method, const json_t *object)
{
    return req->microversion >= a->since && (a->until == 0 || req->microversion <= a->until) &&
           ((a->may & (method | KN_REST_ELSEWHERE)) != 0 || (a->may & KN_REST_WRITE) == 0) && a->column != NULL &&
           json_object_get(object, a->name) != NULL && (method == KN_REST_POST || a->fixed == NULL);
}

/* --- new ones ------------------------------------------------------------------------------------------------------------- */

int kn_rest_owner(const struct kn_rest_noun *noun, const struct kn_request *req, const json_t *object, const char **ret,
                  struct kn_error *err)
{
    if (noun->manners->owner != NULL) {
        return noun->manners->owner(req, object, ret, err);
    }
    *ret = req->caller.project_id;
    return 0;
}

/* "n.namespace" -> "namespace", "id" -> "id" */
static const char *write_key_of(const struct kn_rest_noun *noun)
{
    const char *dot = strchr(noun->id, '.');

    return dot != NULL ? dot + 1 : noun->id;
}

/* The key is written by its id. */
static bool fills(const struct kn_rest_noun *noun, const struct kn_request *req, const struct kn_rest_attr *a,
                  const json_t *object)
{
    return writes(a, req, KN_REST_POST, object) && strcmp(a->column, write_key_of(noun)) != 0;
}

static void add_insert(const struct kn_rest_noun *noun, const struct kn_request *req, const char *project,
                       const char *id, const json_t *object, struct kn_rest_query *q)
{
    const char *const owners[][2] = { { noun->project_column, project }, { noun->user_column, req->caller.user_id } };

    kn_strbuf_addf(&q->sql, "INSERT INTO %s (%s", noun->table, write_key_of(noun));
    for (size_t i = 0; i < KN_COUNT(owners); i++) {
        kn_strbuf_addf(&q->sql, "%s%s", owners[i][0] != NULL ? ", " : "", owners[i][0] != NULL ? owners[i][0] : "");
    }
    for (const struct kn_rest_attr *a = noun->attrs; a->name != NULL; a++) {
        if (fills(noun, req, a, object)) {
            kn_strbuf_addf(&q->sql, ", %s", a->column);
        }
    }
    kn_rest_add(q, ") VALUES (?", id);
    for (size_t i = 0; i < KN_COUNT(owners); i++) {
        if (owners[i][0] != NULL) {
            kn_rest_add(q, ", ?", owners[i][1]);
        }
    }
    for (const struct kn_rest_attr *a = noun->attrs; a->name != NULL; a++) {
        if (fills(noun, req, a, object)) {
            kn_rest_text(q, ", ");
            write_add_value(q, a, "NULL", object);
        }
    }
    kn_rest_text(q, ")");
}

static int write_explain(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, const json_t *object,
                         struct kn_error *err)
{
    const char *name = json_string_value(json_object_get(object, "name")), *constraint = kn_db_constraint(req->db);

    if (err->code != KN_CONFLICT) {
        return -1;
    }
    if (object == NULL && noun->in_use != NULL) {
        return kn_rest_fail(err, KN_FORBIDDEN, noun->in_use, noun->label, id);
    }
    for (const struct kn_rest_clash *c = noun->clashes; c != NULL && c->constraint != NULL; c++) {
        if (c->constraint[0] == '\0' || strcmp(c->constraint, constraint) == 0) {
            return kn_rest_fail(err, c->code, c->words, name != NULL ? name : "", id);
        }
    }
    return noun->clash != NULL ? noun->clash(req, constraint, object, err) : -1;
}

/* Runs a change; a violated constraint is said in the noun's words. */
static int write_run(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, struct kn_rest_query *q,
                     const json_t *object, struct kn_error *err)
{
    return kn_rest_run(q, req->db, NULL, err) < 0 ? write_explain(noun, req, id, object, err) : 0;
}

static int write_decide(const struct kn_rest_noun *noun, struct kn_request *req, const char *id,
                        const struct kn_rows *now, json_t *object, struct kn_error *err)
{
    return noun->decide != NULL ? noun->decide(req, id, now, object, err) : 0;
}

static int rest_write_end(const struct kn_rest_noun *noun, struct kn_request *req, const char *id,
                          const struct kn_rows *now, json_t *object, struct kn_error *err)
{
    return noun->after != NULL ? noun->after(req, id, now, object, err) : 0;
}

static int write_choose_id(const struct kn_rest_noun *noun, struct kn_request *req, const json_t *object,
                           const char **ret, struct kn_error *err)
{
    char made[KN_UUID_SIZE];

    if (noun->choose_id != NULL && noun->choose_id(req, object, ret, err) < 0) {
        return -1;
    }
    if (*ret == NULL) {
        (noun->id_type == KN_REST_UUID ? kn_uuid_make : kn_uuid_make_hex)(made);
        *ret = kn_request_strdup(req, made);
    }
    return 0;
}

static int write_row(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, json_t *object,
                     struct kn_error *err)
{
    AUTO_RELEASE(kn_rest_query) struct kn_rest_query q = KN_REST_QUERY_INIT;
    const char *project = NULL;

    if (noun->insert_many != NULL) {
        return noun->insert_many(&(struct kn_rest_new){ req, id, object }, 1, err);
    }
    if (kn_rest_owner(noun, req, object, &project, err) < 0) {
        return -1;
    }
    add_insert(noun, req, project, id, object, &q);
    return write_run(noun, req, id, &q, object, err);
}

/* In the caller's transaction. */
static int write_insert(const struct kn_rest_noun *noun, struct kn_request *req, json_t *object, const char **ret_id,
                        struct kn_error *err)
{
    const char *id = NULL;

    if (write_choose_id(noun, req, object, &id, err) < 0 || write_decide(noun, req, id, NULL, object, err) < 0 ||
        write_row(noun, req, id, object, err) < 0 || rest_write_end(noun, req, id, NULL, object, err) < 0) {
        return -1;
    }
    *ret_id = id;
    return 0;
}

enum { COUNTED_PROJECT, COUNTED_RESOURCE, COUNTED_AMOUNT }; /* of struct kn_rest_counts */

/* Adds what the rows count as, `sign` times. */
static int write_count(const struct kn_rest_noun *noun, struct kn_request *req, struct kn_array *ids, int sign,
                       struct kn_quota_claims *claims, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (noun->counts == NULL) {
        return 0;
    }
    if (kn_db_run(req->db, &noun->counts->stmt, KN_ARGS(kn_array_value(ids)), &rows, err) < 0) {
        return -1;
    }
    claims->service = noun->counts->service;
    for (int row = 0; row < kn_rows_count(rows); row++) {
        kn_quota_claim_named(claims, kn_rows_text(rows, row, COUNTED_PROJECT),
                             kn_rows_text(rows, row, COUNTED_RESOURCE), sign * kn_rows_int(rows, row, COUNTED_AMOUNT));
    }
    return 0;
}

/* The transaction's end. */
int kn_rest_write_take_quota(const struct kn_rest_noun *noun, struct kn_request *req, struct kn_array *ids,
                             struct kn_error *err)
{
    AUTO_RELEASE(kn_quota_claims) struct kn_quota_claims claims = KN_QUOTA_CLAIMS(NULL);

    return write_count(noun, req, ids, 1, &claims, err) < 0 ? -1 : kn_quota_take(req->db, &claims, err);
}

void kn_rest_tell_task(struct kn_request *req, const json_t *changed)
{
    const char *id;
    json_t *object;

    json_object_foreach ((json_t *)(uintptr_t)changed, id, object) { /* jansson walks over non-const objects only */
        const int64_t task = json_integer_value(json_object_get(object, "task"));

        if (task > 0) {
            kn_task_wake(req->bus, id, task);
        }
    }
}

/* changed: {id: object}, as noun.h says. */
static int write_commit(const struct kn_rest_noun *noun, struct kn_request *req, struct kn_tx *tx,
                        const json_t *changed, struct kn_error *err)
{
    if (kn_tx_commit(tx, err) < 0) {
        return -1;
    }
    if (noun->tell != NULL) {
        noun->tell(req, changed);
    }
    return 0;
}

static int write_commit_one(const struct kn_rest_noun *noun, struct kn_request *req, struct kn_tx *tx, const char *id,
                            json_t *object, struct kn_error *err)
{
    json_auto_t *changed = json_pack("{s:O?}", id, object);

    return write_commit(noun, req, tx, changed, err);
}

int kn_rest_insert_in(const struct kn_rest_noun *noun, struct kn_request *req, json_t *object,
                      struct kn_quota_claims *claims, const char **ret_id, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;

    if (write_insert(noun, req, object, ret_id, err) < 0) {
        return -1;
    }
    kn_array_add(&ids, *ret_id);
    return write_count(noun, req, &ids, 1, claims, err);
}

int kn_rest_insert(const struct kn_rest_noun *noun, struct kn_request *req, json_t *object, const char **ret_id,
                   struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO_TX struct kn_tx tx = { NULL };

    if (kn_tx_begin(&tx, req->db, err) < 0 || write_insert(noun, req, object, ret_id, err) < 0) {
        return -1;
    }
    kn_array_add(&ids, *ret_id);
    return kn_rest_write_take_quota(noun, req, &ids, err) < 0 ? -1
                                                              : write_commit_one(noun, req, &tx, *ret_id, object, err);
}

static int write_one_by_one(const struct kn_rest_noun *noun, struct kn_rest_new *news, int count, struct kn_error *err)
{
    for (int i = 0; i < count; i++) {
        if (write_insert(noun, news[i].req, news[i].object, &news[i].id, err) < 0) {
            return -1;
        }
    }
    return 0;
}

int kn_rest_write_news(const struct kn_rest_noun *noun, struct kn_rest_new *news, int count, struct kn_error *err)
{
    if (noun->insert_many == NULL) {
        return write_one_by_one(noun, news, count, err);
    }
    for (int i = 0; i < count; i++) {
        if (write_choose_id(noun, news[i].req, news[i].object, &news[i].id, err) < 0 ||
            write_decide(noun, news[i].req, news[i].id, NULL, news[i].object, err) < 0) {
            return -1;
        }
    }
    if (noun->insert_many(news, count, err) < 0) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        if (rest_write_end(noun, news[i].req, news[i].id, NULL, news[i].object, err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* --- old ones ------------------------------------------------------------------------------------------------------------- */

enum see_column { SEE_OWNED };

int kn_rest_see_by(const struct kn_rest_noun *noun, struct kn_request *req, enum kn_rule rule, const char *id,
                   bool *ret_is_owned, struct kn_error *err)
{
    AUTO_RELEASE(kn_rest_query) struct kn_rest_query q = KN_REST_QUERY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const bool reaches_all = kn_policy_allows(rule, &req->caller, NULL);

    if (!kn_rest_fits(noun->id_type, id)) {
        return kn_rest_not_found(noun, id, err);
    }
    kn_rest_text(&q, "SELECT ");
    kn_rest_add(&q, noun->owned != NULL && !reaches_all ? noun->owned : "?::text IS NOT NULL", req->caller.project_id);
    kn_strbuf_addf(&q.sql, " FROM %s WHERE %s AND %s = ", noun->from, noun->kept != NULL ? noun->kept : "true",
                   noun->id);
    kn_rest_add(&q, "?", id);
    kn_rest_text(&q, " AND ");
    kn_rest_add(&q, noun->visible != NULL && !reaches_all ? noun->visible : "?::text IS NOT NULL",
                req->caller.project_id);
    if (kn_rest_run_again(&q, req->db, &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_rest_not_found(noun, id, err);
    }
    *ret_is_owned = kn_rows_bool(rows, 0, SEE_OWNED);
    return 0;
}

int kn_rest_see(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, bool *ret_is_owned,
                struct kn_error *err)
{
    return kn_rest_see_by(noun, req, req->route->rule, id, ret_is_owned, err);
}

int kn_rest_own(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, struct kn_error *err)
{
    bool is_owned = false;

    if (kn_rest_see(noun, req, id, &is_owned, err) < 0) {
        return -1;
    }
    return is_owned ? 0 : kn_policy_refuse(req->route->rule, err);
}

/* What goes before the row's lock: what is not his in the service's words, other locks. */
static int write_before_lock(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, const char *owned,
                             struct kn_error *err)
{
    return (owned != NULL && noun->manners->refuses_others && !noun->hides_others &&
            kn_rest_own(noun, req, id, err) < 0) ||
                   (noun->before_lock != NULL && kn_rest_fits(noun->id_type, id) && noun->before_lock(req, id, err) < 0)
               ? -1
               : 0;
}

/* Reads the row that the caller may change, and holds it. */
static int write_lock(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, const char *owned,
                      const struct kn_rest_bound *bounds, struct kn_rows **ret, struct kn_error *err)
{
    AUTO_RELEASE(kn_rest_query) struct kn_rest_query q = KN_REST_QUERY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *conditions[] = { noun->visible, owned };

    if (!kn_rest_fits(noun->id_type, id)) {
        return kn_rest_not_found(noun, id, err);
    }
    kn_rest_text(&q, "SELECT ");
    kn_rest_columns(noun, req, KN_REST_NOW, &q.sql);
    kn_strbuf_addf(&q.sql, " FROM %s WHERE %s = ", noun->from, noun->id);
    kn_rest_add(&q, "?", id);
    kn_strbuf_addf(&q.sql, " AND %s", noun->kept != NULL ? noun->kept : "true");
    for (size_t i = 0; i < KN_COUNT(conditions) && !kn_rest_reaches_all(req); i++) {
        if (conditions[i] != NULL) {
            kn_rest_text(&q, " AND ");
            kn_rest_add(&q, conditions[i], req->caller.project_id);
        }
    }
    kn_rest_add_bounds(&q, bounds);
    kn_rest_text(&q, noun->lock != NULL ? noun->lock : " FOR UPDATE");
    if (kn_rest_run(&q, req->db, &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_rest_not_found(noun, id, err);
    }
    *ret = kn_steal(&rows);
    return 0;
}

static int write_match(const struct kn_rest_noun *noun, const struct kn_request *req, const struct kn_rows *now,
                       struct kn_error *err)
{
    return noun->manners->match != NULL ? noun->manners->match(noun, req, now, err) : 0;
}

/* What may be repeated and not changed. */
static int check_fixed(const struct kn_rest_noun *noun, const struct kn_rows *now, const json_t *object,
                       struct kn_error *err)
{
    for (const struct kn_rest_attr *a = noun->attrs; a->name != NULL; a++) {
        if (a->fixed == NULL || json_object_get(object, a->name) == NULL) {
            continue;
        }
        AUTO_FREE char *said = write_text_of(a, object);
        if (strcmp(said != NULL ? said : "", kn_rest_was(noun, now, a->name)) != 0) {
            return kn_rest_fail(err, a->fixed_code != KN_OK ? a->fixed_code : KN_BAD_REQUEST, a->fixed, noun->one, "");
        }
    }
    return 0;
}

/* false: the body names no column. */
static bool add_update(const struct kn_rest_noun *noun, const struct kn_request *req, const char *id,
                       const json_t *object, struct kn_rest_query *q)
{
    bool any = !noun->is_timeless;

    kn_strbuf_addf(&q->sql, "UPDATE %s SET %s", noun->table, any ? "updated_at = now()" : "");
    for (const struct kn_rest_attr *a = noun->attrs; a->name != NULL; a++) {
        if (writes(a, req, KN_REST_PUT, object)) {
            kn_strbuf_addf(&q->sql, "%s%s = ", any ? ", " : "", a->column);
            write_add_value(q, a, a->column, object);
            any = true;
        }
    }
    kn_strbuf_addf(&q->sql, " WHERE %s = ", write_key_of(noun));
    kn_rest_add(q, "?", id);
    return any;
}

int kn_rest_change_by(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, kn_rest_edit *edit,
                      void *ctx, json_t *object, struct kn_error *err)
{
    AUTO_RELEASE(kn_rest_query) struct kn_rest_query q = KN_REST_QUERY_INIT;
    AUTO_RELEASE(kn_quota_claims) struct kn_quota_claims claims = KN_QUOTA_CLAIMS(NULL);
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *now = NULL;
    const bool moves = noun->counts != NULL && noun->counts->moves;
    AUTO_TX struct kn_tx tx = { NULL };

    if (kn_tx_begin(&tx, req->db, err) < 0 || write_before_lock(noun, req, id, noun->owned, err) < 0 ||
        write_lock(noun, req, id, noun->owned, NULL, &now, err) < 0 || write_match(noun, req, now, err) < 0 ||
        (edit != NULL && edit(req, now, ctx, object, err) < 0) || check_fixed(noun, now, object, err) < 0 ||
        write_decide(noun, req, id, now, object, err) < 0) {
        return -1;
    }
    kn_array_add(&ids, id);
    if (moves && write_count(noun, req, &ids, -1, &claims, err) < 0) {
        return -1;
    }
    if ((add_update(noun, req, id, object, &q) && write_run(noun, req, id, &q, object, err) < 0) ||
        rest_write_end(noun, req, id, now, object, err) < 0 ||
        (moves && write_count(noun, req, &ids, 1, &claims, err) < 0) || kn_quota_take(req->db, &claims, err) < 0) {
        return -1;
    }
    return write_commit_one(noun, req, &tx, id, object, err);
}

int kn_rest_change(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, json_t *object,
                   struct kn_error *err)
{
    json_auto_t *asked = noun->raced != NULL ? json_deep_copy(object) : NULL;
    int rc = kn_rest_change_by(noun, req, id, NULL, NULL, object, err);

    for (int again = 0; again < AGAIN && rc < 0 && err->code == KN_CONFLICT && asked != NULL && noun->raced(req->db);
         again++) {
        json_auto_t *once_more = json_deep_copy(asked);

        json_object_clear(object); /* what the first try wrote into it */
        json_object_update(object, once_more);
        rc = kn_rest_change_by(noun, req, id, NULL, NULL, object, err);
    }
    return rc;
}

/* That he may not write what the body says is told to him who sees the row; to all others it is not there. */
static int update_body(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, json_t **ret_object,
                       struct kn_error *err)
{
    struct kn_error why = { 0 };
    bool is_owned = false;

    if (kn_rest_body(noun, req, KN_REST_PUT, ret_object, &why) == 0) {
        return 0;
    }
    if (why.code == KN_FORBIDDEN && kn_rest_see(noun, req, id, &is_owned, err) < 0) {
        return -1;
    }
    if (why.code == KN_FORBIDDEN && noun->hides_others && !is_owned) {
        return kn_rest_not_found(noun, id, err);
    }
    *err = why;
    return -1;
}

int kn_rest_update(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, struct kn_response *res,
                   struct kn_error *err)
{
    json_t *object = NULL;

    return update_body(noun, req, id, &object, err) < 0 || kn_rest_change(noun, req, id, object, err) < 0
               ? -1
               : kn_rest_show(noun, req, id, KN_REST_CHANGED, res, err);
}

/* In the caller's transaction. back: what is given back. */
static int write_delete(const struct kn_rest_noun *noun, struct kn_request *req, const char *id,
                        const struct kn_rest_bound *bounds, struct kn_quota_claims *back, struct kn_error *err)
{
    AUTO_RELEASE(kn_rest_query) struct kn_rest_query q = KN_REST_QUERY_INIT;
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *now = NULL;
    const char *owned = noun->seen_may_go ? NULL : noun->owned;

    if (write_before_lock(noun, req, id, owned, err) < 0 || write_lock(noun, req, id, owned, bounds, &now, err) < 0 ||
        write_match(noun, req, now, err) < 0) {
        return -1;
    }
    kn_array_add(&ids, id);
    if (write_count(noun, req, &ids, -1, back, err) < 0 || write_decide(noun, req, id, now, NULL, err) < 0) {
        return -1;
    }
    kn_strbuf_addf(&q.sql, "DELETE FROM %s WHERE %s = ", noun->table, write_key_of(noun));
    kn_rest_add(&q, "?", id);
    return write_run(noun, req, id, &q, NULL, err) < 0 ? -1 : rest_write_end(noun, req, id, now, NULL, err);
}

int kn_rest_delete_in(const struct kn_rest_noun *noun, struct kn_request *req, const char *id,
                      struct kn_quota_claims *claims, struct kn_error *err)
{
    return write_delete(noun, req, id, NULL, claims, err);
}

int kn_rest_delete_within(const struct kn_rest_noun *noun, struct kn_request *req, const char *id,
                          const struct kn_rest_bound *bounds, struct kn_error *err)
{
    AUTO_RELEASE(kn_quota_claims) struct kn_quota_claims back = KN_QUOTA_CLAIMS(NULL);
    AUTO_TX struct kn_tx tx = { NULL };

    return kn_tx_begin(&tx, req->db, err) < 0 || write_delete(noun, req, id, bounds, &back, err) < 0 ||
                   kn_quota_take(req->db, &back, err) < 0
               ? -1
               : write_commit_one(noun, req, &tx, id, NULL, err);
}

int kn_rest_delete(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, struct kn_error *err)
{
    return kn_rest_delete_within(noun, req, id, NULL, err);
}
