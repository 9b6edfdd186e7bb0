/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies against the table, rows out of bodies. The names in the SQL are the table's own; values travel as parameters. */
#include "lib/rest/write.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "lib/rest/type.h"

#define FIELDS_MAX 64

/* --- bodies ----------------------------------------------------------------------------------------------------------- */

/* The attributes that this method takes, as the schema's rows. */
static void make_schema(const struct kn_rest_noun *noun, unsigned method, struct kn_schema fields[FIELDS_MAX + 1])
{
    size_t count = 0;

    for (const struct kn_rest_attr *a = noun->attrs; a->name != NULL && count < FIELDS_MAX; a++) {
        if ((a->may & method) == 0) {
            continue;
        }
        fields[count++] = (struct kn_schema){
            .name = a->name, .shape = a->inner != NULL && a->type == KN_REST_JSON ? a->inner_shape : kn_rest_shape(a->type),
            .flags = (method == KN_REST_POST && (a->may & KN_REST_REQUIRED) != 0 ? KN_REQUIRED : 0u) |
                     ((a->may & KN_REST_NULL) != 0 ? KN_NULLABLE : 0u),
            .limit = a->limit, .rule = a->rule, .words = a->words, .inner = a->inner,
            .since = a->since, .until = a->until,
        };
    }
    fields[count] = (struct kn_schema)KN_SCHEMA_END;
}

/* What only an admin may write, of what this body says. */
static int check_writer(const struct kn_rest_noun *noun, const struct kn_request *req, unsigned method, const json_t *object,
                        struct kn_error *err)
{
    for (const struct kn_rest_attr *a = noun->attrs; a->name != NULL && !req->caller.is_admin; a++) {
        if ((a->may & method) != 0 && (a->may & KN_REST_WRITE_ADMIN) != 0 && json_object_get(object, a->name) != NULL) {
            return kn_rest_fail(err, KN_FORBIDDEN, noun->manners->bad_writer, a->name, noun->one);
        }
    }
    return 0;
}

int kn_rest_body(const struct kn_rest_noun *noun, struct kn_request *req, unsigned method, const json_t **ret, struct kn_error *err)
{
    struct kn_schema fields[FIELDS_MAX + 1];
    const struct kn_schema body[] = { KN_SCHEMA(noun->one, KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = fields), KN_SCHEMA_END };
    const json_t *object;

    make_schema(noun, method, fields);
    if (kn_schema_check(body, req->body, req->microversion, err) < 0) {
        return -1;
    }
    object = json_object_get(req->body, noun->one);
    if (check_writer(noun, req, method, object, err) < 0) {
        return -1;
    }
    *ret = object;
    return noun->check != NULL ? noun->check(req, object, err) : 0;
}

/* --- rows ------------------------------------------------------------------------------------------------------------- */

static void add_tags(const json_t *value, struct kn_array *array)
{
    const json_t *tag;
    size_t i;

    json_array_foreach (value, i, tag) {
        kn_array_add(array, json_string_value(tag));
    }
}

/* A checked value as PostgreSQL reads it. */
static void add_value(struct kn_rest_query *q, const struct kn_rest_attr *a, const json_t *object)
{
    const json_t *value = json_object_get(object, a->name);
    AUTO_FREE char *form = kn_asprintf("?::%s", kn_rest_sql_type(a->type));
    AUTO_RELEASE(kn_array) struct kn_array array = KN_ARRAY_INIT;
    struct kn_arg number;

    if (json_is_null(value)) {
        kn_rest_text(q, "NULL");
    } else if (a->type == KN_REST_INT) {
        kn_rest_add(q, form, kn_arg_int(&number, kn_schema_int(object, a->name, 0)));
    } else if (a->type == KN_REST_BOOL) {
        kn_rest_add(q, form, kn_schema_bool(object, a->name, false) ? "t" : "f");
    } else if (a->type == KN_REST_JSON) {
        AUTO_FREE char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        kn_rest_add(q, form, text);
    } else if (a->type == KN_REST_TAGS) {
        add_tags(value, &array);
        kn_rest_add(q, form, kn_array_value(&array));
    } else {
        kn_rest_add(q, form, json_string_value(value));
    }
}

static bool writes(const struct kn_rest_attr *a, unsigned method, const json_t *object)
{
    return (a->may & method) != 0 && a->column != NULL && json_object_get(object, a->name) != NULL;
}

static void add_insert(const struct kn_rest_noun *noun, const struct kn_request *req, const char *id, const json_t *object,
                       struct kn_rest_query *q)
{
    const char *const owners[][2] = { { noun->project_column, req->caller.project_id }, { noun->user_column, req->caller.user_id } };

    kn_strbuf_addf(&q->sql, "INSERT INTO %s (id", noun->table);
    for (size_t i = 0; i < KN_COUNT(owners); i++) {
        kn_strbuf_addf(&q->sql, "%s%s", owners[i][0] != NULL ? ", " : "", owners[i][0] != NULL ? owners[i][0] : "");
    }
    for (const struct kn_rest_attr *a = noun->attrs; a->name != NULL; a++) {
        if (writes(a, KN_REST_POST, object)) {
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
        if (writes(a, KN_REST_POST, object)) {
            kn_rest_text(q, ", ");
            add_value(q, a, object);
        }
    }
    kn_rest_text(q, ")");
}

/* Runs a change; a violated constraint is said in the noun's words. */
static int change(const struct kn_rest_noun *noun, struct kn_request *req, struct kn_rest_query *q, const json_t *object,
                  struct kn_error *err)
{
    if (kn_rest_run(q, req->db, NULL, err) == 0) {
        return 0;
    }
    return err->code == KN_CONFLICT && noun->clash != NULL ? noun->clash(req, kn_db_constraint(req->db), object, err) : -1;
}

int kn_rest_create(const struct kn_rest_noun *noun, struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_rest_query) struct kn_rest_query q = KN_REST_QUERY_INIT;
    AUTO_TX struct kn_tx tx = { NULL };
    char id[KN_UUID_SIZE];
    const json_t *object = NULL;

    kn_uuid_make(id);
    if (kn_rest_body(noun, req, KN_REST_POST, &object, err) < 0 || kn_tx_begin(&tx, req->db, err) < 0 ||
        (noun->before_insert != NULL && noun->before_insert(req, id, object, err) < 0)) {
        return -1;
    }
    add_insert(noun, req, id, object, &q);
    if (change(noun, req, &q, object, err) < 0 || (noun->after_insert != NULL && noun->after_insert(req, id, object, err) < 0) ||
        kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    return kn_rest_show(noun, req, id, KN_REST_CHANGED, res, err);
}

/* Locks the row that the caller may change. */
static int lock(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, struct kn_error *err)
{
    AUTO_RELEASE(kn_rest_query) struct kn_rest_query q = KN_REST_QUERY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *conditions[] = { noun->visible, noun->owned };

    if (!kn_rest_fits(noun->id_type, id)) {
        return kn_rest_not_found(noun, id, err);
    }
    kn_strbuf_addf(&q.sql, "SELECT FROM %s WHERE %s = ", noun->from, noun->id);
    kn_rest_add(&q, "?", id);
    kn_strbuf_addf(&q.sql, " AND %s", noun->kept != NULL ? noun->kept : "true");
    for (size_t i = 0; i < KN_COUNT(conditions) && !req->caller.is_admin; i++) {
        if (conditions[i] != NULL) {
            kn_rest_text(&q, " AND ");
            kn_rest_add(&q, conditions[i], req->caller.project_id);
        }
    }
    kn_rest_text(&q, " FOR UPDATE");
    if (kn_rest_run(&q, req->db, &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) > 0 ? 0 : kn_rest_not_found(noun, id, err);
}

static void add_update(const struct kn_rest_noun *noun, const char *id, const json_t *object, struct kn_rest_query *q)
{
    kn_strbuf_addf(&q->sql, "UPDATE %s SET updated_at = now()", noun->table);
    for (const struct kn_rest_attr *a = noun->attrs; a->name != NULL; a++) {
        if (writes(a, KN_REST_PUT, object)) {
            kn_strbuf_addf(&q->sql, ", %s = ", a->column);
            add_value(q, a, object);
        }
    }
    kn_rest_add(q, " WHERE id = ?", id);
}

int kn_rest_update(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, struct kn_response *res,
                   struct kn_error *err)
{
    AUTO_RELEASE(kn_rest_query) struct kn_rest_query q = KN_REST_QUERY_INIT;
    AUTO_TX struct kn_tx tx = { NULL };
    const json_t *object = NULL;

    if (kn_rest_body(noun, req, KN_REST_PUT, &object, err) < 0 || kn_tx_begin(&tx, req->db, err) < 0 ||
        lock(noun, req, id, err) < 0 || (noun->before_update != NULL && noun->before_update(req, id, object, err) < 0)) {
        return -1;
    }
    add_update(noun, id, object, &q);
    if (change(noun, req, &q, object, err) < 0 || kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    return kn_rest_show(noun, req, id, KN_REST_CHANGED, res, err);
}

int kn_rest_delete(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, struct kn_error *err)
{
    AUTO_RELEASE(kn_rest_query) struct kn_rest_query q = KN_REST_QUERY_INIT;
    AUTO_TX struct kn_tx tx = { NULL };

    if (kn_tx_begin(&tx, req->db, err) < 0 || lock(noun, req, id, err) < 0 ||
        (noun->before_delete != NULL && noun->before_delete(req, id, err) < 0)) {
        return -1;
    }
    kn_strbuf_addf(&q.sql, "DELETE FROM %s WHERE id = ", noun->table);
    kn_rest_add(&q, "?", id);
    return change(noun, req, &q, NULL, err) < 0 ? -1 : kn_tx_commit(&tx, err);
}
