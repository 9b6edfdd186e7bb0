/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of volumes as SQL. Each parameter becomes a piece of the WHERE by a row of FILTERS; pages go on behind the marker's own
 * row (mk), so a page costs the same wherever it is. An offset is what it is: it counts.
 */
#include "volume/list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "volume/volume.h"

#define ARGS_MAX 32
#define SORTS_MAX 8

struct query {
    const struct kn_request *req;
    struct kn_strbuf where;
    char *args[ARGS_MAX];
    int count;
    const struct sort *sorts[SORTS_MAX + 2];
    bool descending[SORTS_MAX + 2];
    int sort_count;
    int64_t limit, offset;
    const char *marker;
    bool all_tenants;
    bool with_count;
};

static void query_release(struct query *q)
{
    for (int i = 0; i < q->count; i++) {
        free(q->args[i]);
    }
    kn_strbuf_release(&q->where);
}

static int add_arg(struct query *q, char *value, struct kn_error *err)
{
    if (q->count == ARGS_MAX) {
        free(value);
        return kn_fail(err, KN_BAD_REQUEST, "too many filters");
    }
    q->args[q->count++] = value;
    return 0;
}

static int add_condition(struct query *q, const char *before, const char *value, const char *after,
                         struct kn_error *err)
{
    if (add_arg(q, kn_strdup(value), err) < 0) {
        return -1;
    }
    kn_strbuf_addf(&q->where, " AND %s$%d%s", before, q->count, after);
    return 0;
}

/* --- sorting -------------------------------------------------------------------------------------------------------- */

static const struct sort {
    const char *key, *before, *after;
} SORTS[] = {
    { "created_at", "", ".created_at" },
    { "updated_at", "", ".updated_at" },
    { "id", "", ".id" },
    { "name", "coalesce(", ".name, '')" },
    { "display_name", "coalesce(", ".name, '')" },
    { "size", "", ".size_gib" },
    { "status", "", ".status" },
    { "availability_zone", "", ".zone" },
    { "bootable", "", ".bootable" },
};

static int add_sort(struct query *q, const char *key, size_t len, const char *dir, size_t dir_len,
                    struct kn_error *err)
{
    const bool descending = dir_len == 0 || (dir_len == 4 && strncmp(dir, "desc", 4) == 0);

    if (!descending && !(dir_len == 3 && strncmp(dir, "asc", 3) == 0)) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input received: Invalid sort direction: %.*s",
                       dir_len > 64 ? 64 : (int)dir_len, dir);
    }
    for (size_t i = 0; i < KN_COUNT(SORTS) && q->sort_count < SORTS_MAX; i++) {
        if (strlen(SORTS[i].key) == len && strncmp(SORTS[i].key, key, len) == 0) {
            q->sorts[q->sort_count] = &SORTS[i];
            q->descending[q->sort_count++] = descending;
            return 0;
        }
    }
    return kn_fail(err, KN_BAD_REQUEST, "Invalid input received: Sort key %.*s is invalid.", len > 64 ? 64 : (int)len, key);
}

/* name:asc,size — or, in the old syntax, names alone with one direction beside them */
static int add_sorts(struct query *q, const char *text, const char *dir, struct kn_error *err)
{
    for (const char *p = text;; p++) {
        const size_t item = strcspn(p, ",");
        const char *colon = memchr(p, ':', item);
        const size_t key = colon != NULL ? (size_t)(colon - p) : item;
        const char *own = colon != NULL ? colon + 1 : dir;
        const size_t own_len = colon != NULL ? item - key - 1 : strcspn(dir, ",");

        if (add_sort(q, p, key, own, own_len, err) < 0) {
            return -1;
        }
        p += item;
        if (*p == '\0') {
            return 0;
        }
    }
}

static void settle_sorts(struct query *q)
{
    const bool last = q->sort_count == 0 || q->descending[q->sort_count - 1];

    for (size_t i = 0; i < KN_COUNT(SORTS); i++) {
        if (strcmp(SORTS[i].key, "created_at") == 0 || strcmp(SORTS[i].key, "id") == 0) {
            q->sorts[q->sort_count] = &SORTS[i];
            q->descending[q->sort_count++] = last;
        }
    }
}

static void add_order(const struct query *q, struct kn_strbuf *sql)
{
    for (int i = 0; i < q->sort_count; i++) {
        kn_strbuf_addf(sql, "%s%sv%s %s", i == 0 ? " ORDER BY " : ", ", q->sorts[i]->before, q->sorts[i]->after,
                       q->descending[i] ? "DESC" : "ASC");
    }
}

static void add_comparison(struct query *q, int i, const char *op)
{
    const struct sort *s = q->sorts[i];

    kn_strbuf_addf(&q->where, "%sv%s %s %smk%s", s->before, s->after, op, s->before, s->after);
}

/* (a < m.a) OR (a = m.a AND b < m.b) OR … */
static void add_keyset(struct query *q)
{
    for (int last = 0; last < q->sort_count; last++) {
        kn_strbuf_addstr(&q->where, last == 0 ? " AND ((" : ") OR (");
        for (int i = 0; i < last; i++) {
            add_comparison(q, i, "=");
            kn_strbuf_addstr(&q->where, " AND ");
        }
        add_comparison(q, last, q->descending[last] ? "<" : ">");
    }
    kn_strbuf_addstr(&q->where, "))");
}

/* --- filters -------------------------------------------------------------------------------------------------------- */

struct filter {
    const char *key;
    int (*add)(struct query *q, const struct filter *f, const char *value, struct kn_error *err);
    const char *column;
};

static int add_equal(struct query *q, const struct filter *f, const char *value, struct kn_error *err)
{
    return add_condition(q, f->column, value, "", err);
}

static int add_id(struct query *q, const struct filter *f, const char *value, struct kn_error *err)
{
    return add_condition(q, f->column, value, ")", err);
}

static int read_number(const char *key, const char *value, int64_t *ret, struct kn_error *err)
{
    char *end = NULL;

    errno = 0;
    const long long n = strtoll(value, &end, 10);
    if (value[0] == '\0' || *end != '\0' || errno != 0 || n < 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input received: %s param must be a non-negative integer", key);
    }
    *ret = n;
    return 0;
}

static int add_size(struct query *q, const struct filter *f, const char *value, struct kn_error *err)
{
    int64_t n = 0;

    return read_number(f->key, value, &n, err) < 0 ? -1 : add_condition(q, f->column, value, "::bigint", err);
}

static bool is_true(const char *value)
{
    static const char *const WORDS[] = { "true", "1", "yes", "on", "t", "y" };

    for (size_t i = 0; i < KN_COUNT(WORDS); i++) {
        if (strcasecmp(WORDS[i], value) == 0) {
            return true;
        }
    }
    return false;
}

static int add_bool(struct query *q, const struct filter *f, const char *value, struct kn_error *err)
{
    return add_condition(q, f->column, is_true(value) ? "t" : "f", "::boolean", err);
}

static int add_like(struct query *q, const struct filter *f, const char *value, struct kn_error *err)
{
    (void)f;
    return add_condition(q, "position(lower(", value, ") in lower(v.name)) > 0", err);
}

/* {'k': 'v'}, as Python prints it, or JSON. */
static int add_metadata(struct query *q, const struct filter *f, const char *value, struct kn_error *err)
{
    AUTO_FREE char *text = kn_strdup(value);

    for (char *p = text; *p != '\0'; p++) {
        *p = *p == '\'' ? '"' : *p;
    }
    json_t *json = json_loads(text, 0, NULL);
    if (!json_is_object(json)) {
        json_decref(json);
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input received: metadata filter is no dictionary");
    }
    char *dumped = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    if (add_arg(q, dumped, err) < 0) {
        return -1;
    }
    kn_strbuf_addf(&q->where, " AND %s$%d::jsonb", f->column, q->count);
    return 0;
}

static int set_all_tenants(struct query *q, const struct filter *f, const char *value, struct kn_error *err)
{
    (void)f;
    (void)err;
    q->all_tenants = q->req->caller.is_admin && is_true(value);
    return 0;
}

/* An admin's filter; for others their own project is filter enough. */
static int add_project(struct query *q, const struct filter *f, const char *value, struct kn_error *err)
{
    return q->req->caller.is_admin ? add_condition(q, f->column, value, "", err) : 0;
}

static int set_limit(struct query *q, const struct filter *f, const char *value, struct kn_error *err)
{
    if (read_number(f->key, value, &q->limit, err) < 0) {
        return -1;
    }
    q->limit = q->limit > KN_VOLUME_LIMIT_MAX ? KN_VOLUME_LIMIT_MAX : q->limit;
    return 0;
}

static int set_offset(struct query *q, const struct filter *f, const char *value, struct kn_error *err)
{
    return read_number(f->key, value, &q->offset, err);
}

static int set_marker(struct query *q, const struct filter *f, const char *value, struct kn_error *err)
{
    (void)f;
    (void)err;
    q->marker = value;
    return 0;
}

static int set_sort(struct query *q, const struct filter *f, const char *value, struct kn_error *err)
{
    (void)f;
    return add_sorts(q, value, "desc", err);
}

static int set_sort_key(struct query *q, const struct filter *f, const char *value, struct kn_error *err)
{
    const char *dir = kn_request_query(q->req, "sort_dir");

    (void)f;
    return add_sorts(q, value, dir != NULL ? dir : "desc", err);
}

static int set_count(struct query *q, const struct filter *f, const char *value, struct kn_error *err)
{
    (void)f;
    (void)err;
    q->with_count = is_true(value) && q->req->microversion >= 45;
    return 0;
}

static int ignore(struct query *q, const struct filter *f, const char *value, struct kn_error *err)
{
    (void)q;
    (void)f;
    (void)value;
    (void)err;
    return 0;
}

static const struct filter FILTERS[] = {
    { "all_tenants", set_all_tenants, NULL },
    { "availability_zone", add_equal, "v.zone = " },
    { "bootable", add_bool, "v.bootable = " },
    { "display_name", add_equal, "v.name = " },
    { "id", add_id, "v.id::text = lower(" },
    { "limit", set_limit, NULL },
    { "marker", set_marker, NULL },
    { "metadata", add_metadata, "v.metadata @> " },
    { "name", add_equal, "v.name = " },
    { "name~", add_like, NULL },
    { "offset", set_offset, NULL },
    { "project_id", add_project, "v.project_id = " },
    { "size", add_size, "v.size_gib = " },
    { "sort", set_sort, NULL },
    { "sort_dir", ignore, NULL }, /* read with sort_key */
    { "sort_key", set_sort_key, NULL },
    { "status", add_equal, "v.status = " },
    { "user_id", add_equal, "v.user_id = " },
    { "with_count", set_count, NULL },
};

static int add_filter(struct query *q, const char *key, const char *value, struct kn_error *err)
{
    for (size_t i = 0; i < KN_COUNT(FILTERS); i++) {
        if (strcmp(FILTERS[i].key, key) == 0) {
            return FILTERS[i].add(q, &FILTERS[i], value, err);
        }
    }
    return q->req->microversion < 31
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "Invalid input received: Invalid filters %.64s are found in query options.", key);
}

/* --- the whole ------------------------------------------------------------------------------------------------------ */

struct visit {
    struct query *q;
    struct kn_error *err;
    int rc;
};

static void visit_param(void *ctx, const char *key, const char *value)
{
    struct visit *v = ctx;

    if (v->rc == 0) {
        v->rc = add_filter(v->q, key, value, v->err);
    }
}

static int read_query(struct query *q, struct kn_error *err)
{
    struct visit v = { q, err, 0 };

    kn_request_query_each(q->req, visit_param, &v);
    if (v.rc == 0 && !q->all_tenants) {
        v.rc = add_condition(q, "v.project_id = ", q->req->caller.project_id, "", err);
    }
    return v.rc;
}

static int count_all(const struct query *q, int64_t *ret, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sql = KN_STRBUF_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    kn_strbuf_addf(&sql, "SELECT count(*) FROM volume v WHERE true%s", q->where.buf);
    if (kn_db_query(q->req->db, sql.buf, q->count, (const char *const *)q->args, &rows, err) < 0) {
        return -1;
    }
    *ret = kn_rows_int(rows, 0, 0);
    return 0;
}

/* The marker must be a volume that the caller sees. */
static int add_marker(struct query *q, struct kn_strbuf *sql, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_volume v;

    if (q->marker == NULL) {
        return 0;
    }
    if (kn_volume_get(q->req->db, &q->req->caller, q->marker, false, &rows, &v, err) < 0 ||
        add_arg(q, kn_strdup(v.id), err) < 0) {
        return -1;
    }
    kn_strbuf_addf(sql, "JOIN volume mk ON mk.id = $%d ", q->count);
    add_keyset(q);
    return 0;
}

static int run(struct query *q, struct kn_volume_list *ret, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sql = KN_STRBUF_INIT;
    struct kn_volume_list list = { NULL, -1, false };

    settle_sorts(q);
    kn_strbuf_addstr(&sql, kn_volume_select);
    if ((q->with_count && count_all(q, &list.count, err) < 0) || add_marker(q, &sql, err) < 0) {
        return -1;
    }
    kn_strbuf_addf(&sql, "WHERE true%s", q->where.buf);
    add_order(q, &sql);
    kn_strbuf_addf(&sql, " LIMIT %lld OFFSET %lld", (long long)q->limit, (long long)q->offset);
    if (kn_db_query(q->req->db, sql.buf, q->count, (const char *const *)q->args, &list.rows, err) < 0) {
        return -1;
    }
    list.is_full = q->limit > 0 && kn_rows_count(list.rows) == q->limit;
    *ret = list;
    return 0;
}

int kn_volume_list(struct kn_request *req, struct kn_volume_list *ret, struct kn_error *err)
{
    struct query q = { .req = req, .where = KN_STRBUF_INIT, .limit = KN_VOLUME_LIMIT_MAX };
    const int rc = read_query(&q, err) < 0 || run(&q, ret, err) < 0 ? -1 : 0;

    query_release(&q);
    return rc;
}

void kn_volume_list_release(struct kn_volume_list *list)
{
    kn_rows_free(list->rows);
}
