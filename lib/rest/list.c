/* SPDX-License-Identifier: Apache-2.0 */
/* Puts a list together: what may be seen, the parameters' conditions, a page; and writes it. */
#include "lib/rest/list.h"

#include <string.h>

#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/rest/manners.h"
#include "lib/rest/type.h"

void kn_rest_list_release(struct kn_rest_list *l)
{
    kn_rest_query_release(&l->query);
    for (int i = 0; i < l->pattern_count; i++) {
        kn_regex_free(l->patterns[i].regex);
    }
}

const char *kn_rest_asked(const struct kn_rest_list *l, const char *key, int i)
{
    if (l->wishes == NULL) {
        return kn_request_query_at(l->req, key, i);
    }
    for (const struct kn_rest_wish *w = l->wishes; w->key != NULL; w++) {
        if (strcmp(w->key, key) == 0 && i-- == 0) {
            return w->value;
        }
    }
    return NULL;
}

/* --- parameters ------------------------------------------------------------------------------------------------------- */

/* 1: a suffix of the service's made a comparison of it. 0: it has none. -1: it compares with a number, and the value is none. */
static int add_suffixed(struct kn_rest_list *l, const char *key, const char *value, struct kn_error *err)
{
    const size_t len = strlen(key);

    for (const struct kn_rest_suffix *s = l->noun->manners->suffixes; s != NULL && s->suffix != NULL; s++) {
        const size_t tail = strlen(s->suffix);
        const struct kn_rest_attr *a;

        if (len <= tail || strcmp(key + len - tail, s->suffix) != 0) {
            continue;
        }
        a = kn_rest_attr(l->noun, l->req, key, len - tail, KN_REST_FILTER);
        if (a == NULL || (s->types & 1u << a->type) == 0) {
            continue;
        }
        if (!kn_rest_fits(a->type, value)) {
            return kn_rest_fail(err, KN_BAD_REQUEST, l->noun->manners->bad_number, key, value);
        }
        kn_rest_where(l, s->form, a->sql, value);
        return 1;
    }
    return 0;
}

struct kn_rest_only {
    const char *const *names;
    const char *unknown;
};

static void list_look_up(void *ctx, const char *key, const char *value)
{
    struct kn_rest_only *only = ctx;
    const char *const *name = only->names;

    (void)value;
    while (*name != NULL && strcmp(*name, key) != 0) {
        name++;
    }
    only->unknown = *name == NULL ? key : only->unknown;
}

static int strict_since(const struct kn_rest_noun *noun)
{
    return noun->strict_since > 0 ? noun->strict_since : noun->manners->unknown_since;
}

int kn_rest_only(const struct kn_rest_noun *noun, const struct kn_request *req, const char *const *names,
                 struct kn_error *err)
{
    struct kn_rest_only only = { names, NULL };

    kn_request_query_each(req, list_look_up, &only);
    return only.unknown == NULL || req->microversion < strict_since(noun)
               ? 0
               : kn_rest_fail(err, KN_BAD_REQUEST, noun->manners->bad_filter, only.unknown, "");
}

static int add_unknown(struct kn_rest_list *l, const char *key, const char *value, struct kn_error *err)
{
    const struct kn_rest_manners *m = l->noun->manners;

    if (l->noun->other != NULL) {
        return l->noun->other(l, NULL, key, value, err);
    }
    return m->unknown == KN_REST_IGNORE_UNKNOWN || l->req->microversion < strict_since(l->noun)
               ? 0
               : kn_rest_fail(err, KN_BAD_REQUEST, m->bad_filter, key, value);
}

static int add_parameter(struct kn_rest_list *l, const char *key, const char *value, struct kn_error *err)
{
    const struct kn_rest_attr *a = kn_rest_attr(l->noun, l->req, key, strlen(key), KN_REST_FILTER);

    if (kn_rest_page_knows(l, key)) {
        return 0;
    }
    if (a != NULL) {
        kn_rest_filter *add = a->filter != NULL ? a->filter : l->noun->manners->filters[a->type];

        return add(l, a, key, value, err);
    }
    for (const struct kn_rest_param *p = l->noun->params; p != NULL && p->name != NULL; p++) {
        if (strcmp(p->name, key) == 0 && l->req->microversion >= p->since) {
            const struct kn_rest_attr as = { .name = p->name, .sql = p->sql, .type = p->type };
            const bool is_his = (p->ruled_until > 0 && l->req->microversion > p->ruled_until) ||
                                kn_policy_allows(p->rule, &l->req->caller, NULL);

            return p->add != NULL && is_his ? p->add(l, &as, key, value, err) : 0;
        }
    }
    const int rc = add_suffixed(l, key, value, err);
    return rc == 0 ? add_unknown(l, key, value, err) : rc < 0 ? -1 : 0;
}

struct parameter_walk {
    struct kn_rest_list *l;
    struct kn_error *err;
    int rc;
    int count;
};

static void list_visit(void *ctx, const char *key, const char *value)
{
    struct parameter_walk *walk = ctx;
    const int most = walk->l->noun->manners->filters_max;

    walk->count += !kn_rest_page_knows(walk->l, key);
    if (walk->rc == 0 && most > 0 && walk->count > most) {
        walk->rc = kn_fail(walk->err, KN_BAD_REQUEST, "a list takes at most %d filters", most);
    }
    if (walk->rc == 0 && (walk->l->noun->manners->repeats || kn_rest_asked(walk->l, key, 0) == value)) {
        walk->rc = add_parameter(walk->l, key, value, walk->err);
    }
}

void kn_rest_add_bounds(struct kn_rest_query *q, const struct kn_rest_bound *bounds)
{
    for (; bounds != NULL && bounds->form != NULL; bounds++) {
        kn_rest_text(q, " AND ");
        if (bounds->value != NULL) {
            kn_rest_add(q, bounds->form, bounds->value);
        } else {
            kn_rest_text(q, bounds->form);
        }
    }
}

/* --- the statement ---------------------------------------------------------------------------------------------------- */

static const char *lists_from(const struct kn_rest_noun *noun)
{
    return noun->lists_from != NULL ? noun->lists_from : noun->from;
}

/* " FROM … WHERE <what the caller may see and what is there at all>" */
static void add_from(const struct kn_rest_noun *noun, const char *from, const struct kn_request *req, bool sees_all,
                     struct kn_rest_query *q)
{
    kn_strbuf_addf(&q->sql, " FROM %s WHERE %s", from, noun->kept != NULL ? noun->kept : "true");
    if (noun->visible != NULL && !sees_all) {
        kn_rest_text(q, " AND ");
        kn_rest_add(q, noun->visible, req->caller.project_id);
    }
}

/* The conditions were numbered before the statement had values: they go first. */
void kn_rest_list_select(const struct kn_rest_list *l, const char *columns, struct kn_rest_query *ret)
{
    for (int i = 0; i < l->query.count && i < KN_REST_VALUES; i++) {
        ret->values[i] = l->query.values[i] != NULL ? kn_strdup(l->query.values[i]) : NULL;
    }
    ret->count = l->query.count;
    kn_strbuf_addf(&ret->sql, "SELECT %s", columns);
    add_from(l->noun, lists_from(l->noun), l->req, l->sees_all, ret);
    kn_strbuf_addstr(&ret->sql, l->query.sql.buf);
}

static int count_all(struct kn_rest_list *l, int64_t *ret, struct kn_error *err)
{
    AUTO_RELEASE(kn_rest_query) struct kn_rest_query q = KN_REST_QUERY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    kn_rest_list_select(l, "count(*) AS count", &q);
    if (kn_rest_run(&q, l->req->db, &rows, err) < 0) {
        return -1;
    }
    *ret = kn_rows_int(rows, 0, kn_rows_col(rows, "count"));
    return 0;
}

static int wants_count(const struct kn_rest_list *l, bool *ret, struct kn_error *err)
{
    if (!l->noun->manners->has_count_since_45 || l->req->microversion < 45) {
        return 0;
    }
    return kn_request_query_bool(l->req, "with_count", false, ret, err);
}

/* Nothing was asked of it that makes its statement one of many: it comes again. */
static bool list_is_plain(const struct kn_rest_list *l)
{
    static const char *const WORDS[] = { "sort", "sort_key", "sort_dir", "fields" };

    for (size_t i = 0; i < KN_COUNT(WORDS); i++) {
        if (kn_rest_asked(l, WORDS[i], 0) != NULL) {
            return false;
        }
    }
    return l->pattern_count == 0 && l->page.offset == 0 &&
           (!l->page.is_asked || l->page.limit == l->noun->manners->limit_max);
}

int kn_rest_list_read(struct kn_rest_list *l, struct kn_error *err)
{
    struct parameter_walk walk = { l, err, 0, 0 };

    kn_rest_add_bounds(&l->query, l->bounds);
    const size_t unfiltered = l->query.sql.len;
    if (l->wishes == NULL) {
        kn_request_query_each(l->req, list_visit, &walk);
    }
    for (const struct kn_rest_wish *w = l->wishes; w != NULL && w->key != NULL; w++) {
        list_visit(&walk, w->key, w->value);
    }
    const bool is_filtered = l->query.sql.len > unfiltered;
    if (walk.rc < 0 || (l->noun->narrow != NULL && l->noun->narrow(l, err) < 0) || kn_rest_page_read(l, err) < 0) {
        return -1;
    }
    l->comes_again = !is_filtered && list_is_plain(l);
    return 0;
}

/* The page that the list's patterns chose, in its order. */
static int select_chosen(struct kn_rest_list *l, const char *columns, struct kn_rest_query *ret, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO_FREE char *form = kn_asprintf(" AND %%C = ANY (?::%s[])", kn_rest_sql_type(l->noun->id_type));
    struct kn_rest_page page = l->page;

    if (kn_rest_scan(l, &ids, err) < 0) {
        return -1;
    }
    page.marker = NULL; /* the ids are behind it already */
    kn_strbuf_addf(&ret->sql, "SELECT %s FROM %s WHERE true", columns, lists_from(l->noun));
    kn_rest_add_form(ret, form, l->noun->id, kn_array_value(&ids));
    return kn_rest_page_add(l, &page, ret, err);
}

int kn_rest_list_sql(struct kn_rest_list *l, struct kn_rest_query *ret, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf columns = KN_STRBUF_INIT;

    kn_rest_columns(l->noun, l->req, l->view, &columns);
    if (l->pattern_count > 0 && !l->is_empty) {
        return select_chosen(l, columns.buf, ret, err);
    }
    kn_rest_list_select(l, columns.buf, ret);
    return kn_rest_page_add(l, &l->page, ret, err);
}

static int list_run(struct kn_rest_list *l, struct kn_rows **ret, struct kn_error *err)
{
    AUTO_RELEASE(kn_rest_query) struct kn_rest_query q = KN_REST_QUERY_INIT;

    if (kn_rest_list_sql(l, &q, err) < 0 ||
        (!l->is_empty && (l->comes_again ? kn_rest_run_again : kn_rest_run)(&q, l->req->db, ret, err) < 0)) {
        return -1;
    }
    return *ret != NULL && l->noun->vet != NULL ? l->noun->vet(l->req, l->view, *ret, err) : 0;
}

static void list_print_list(const struct kn_rest_list *l, const struct kn_rows *rows, const char *path, int64_t total,
                            struct kn_strbuf *out)
{
    const int count = kn_rest_page_count(l, rows);
    struct kn_rest_printer printer;
    const bool is_map = l->noun->is_map;

    kn_rest_printer_init(&printer, l->noun, l->req, l->view);
    kn_jsonw_object(out, NULL);
    is_map ? kn_jsonw_object(out, l->noun->many) : kn_jsonw_array(out, l->noun->many);
    for (int i = 0; i < count; i++) {
        const int row = kn_rest_page_row(l, count, i);

        kn_jsonw_object(out, is_map ? kn_rest_id_of(rows, row) : NULL);
        if (l->noun->boxed) {
            kn_jsonw_object(out, l->noun->one);
        }
        kn_rest_print(&printer, rows, row, out);
        kn_strbuf_addstr(out, l->noun->boxed ? "}}" : "}");
    }
    is_map ? kn_jsonw_end_object(out) : kn_jsonw_end_array(out);
    kn_rest_page_links(l, path, rows, out);
    if (total >= 0) {
        kn_jsonw_int(out, "count", total);
    }
    kn_jsonw_end_object(out);
}

void kn_rest_write_page(const struct kn_rest_list *l, const struct kn_rows *rows, const char *path,
                        struct kn_response *res)
{
    list_print_list(l, rows, path, -1, &res->body);
}

int kn_rest_list_within(const struct kn_rest_noun *noun, struct kn_request *req, unsigned view, const char *path,
                        const struct kn_rest_bound *bounds, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_rest_list)
    struct kn_rest_list l = { .req = req,
                              .noun = noun,
                              .view = view,
                              .bounds = bounds,
                              .query = KN_REST_QUERY_INIT,
                              .sees_all = kn_rest_reaches_all(req),
                              .marks_all = kn_rest_reaches_all(req) };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    bool counts = false;
    int64_t total = -1;

    if (kn_rest_list_read(&l, err) < 0 || wants_count(&l, &counts, err) < 0 ||
        (counts && count_all(&l, &total, err) < 0) || list_run(&l, &rows, err) < 0) {
        return -1;
    }
    list_print_list(&l, rows, path != NULL ? path : noun->path, total, &res->body);
    return 0;
}

int kn_rest_rows(const struct kn_rest_noun *noun, struct kn_request *req, unsigned view,
                 const struct kn_rest_wish *wishes, const struct kn_rest_bound *bounds, struct kn_rows **ret_rows,
                 struct kn_error *err)
{
    AUTO_RELEASE(kn_rest_list)
    struct kn_rest_list l = { .req = req,
                              .wishes = wishes,
                              .noun = noun,
                              .view = view,
                              .bounds = bounds,
                              .query = KN_REST_QUERY_INIT,
                              .sees_all = kn_rest_reaches_all(req),
                              .marks_all = kn_rest_reaches_all(req) };

    return kn_rest_list_read(&l, err) < 0 || list_run(&l, ret_rows, err) < 0 ? -1 : 0;
}

int kn_rest_list(const struct kn_rest_noun *noun, struct kn_request *req, unsigned view, const char *path,
                 struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list_within(noun, req, view, path, NULL, res, err);
}

/* id: what the noun's id is compared with, an expression; NULL: the value. Returns its place among the statement's values, or -1. */
static int add_find(const struct kn_rest_noun *noun, const struct kn_request *req, unsigned view,
                    const struct kn_rest_bound *bounds, const char *id, const char *value, struct kn_rest_query *q)
{
    int at = -1;

    kn_rest_text(q, "SELECT ");
    kn_rest_columns(noun, req, view, &q->sql);
    add_from(noun, noun->from, req, kn_rest_reaches_all(req), q);
    kn_strbuf_addf(&q->sql, " AND %s = ", noun->id);
    if (id != NULL) {
        kn_rest_text(q, id);
    } else {
        at = q->count;
        kn_rest_add(q, "?", value);
    }
    kn_rest_add_bounds(q, bounds);
    return at;
}

int kn_rest_find_sql(const struct kn_rest_noun *noun, const struct kn_request *req, unsigned view,
                     const struct kn_rest_bound *bounds, const char *id, struct kn_rest_query *q)
{
    return add_find(noun, req, view, bounds, NULL, id, q);
}

/* Each is found as one alone would be. That there are ten of them is what the planner believes of any text, so it has no reason to plan anew. */
void kn_rest_find_many_sql(const struct kn_rest_noun *noun, const struct kn_request *req, unsigned view,
                           const struct kn_rest_bound *bounds, const char *ids, struct kn_rest_query *q)
{
    AUTO_FREE char *form = kn_asprintf("SELECT found.* FROM unnest(?::text::%s[]) AS asked (id) CROSS JOIN LATERAL (",
                                       kn_rest_sql_type(noun->id_type));

    kn_rest_add(q, form, ids);
    add_find(noun, req, view, bounds, "asked.id", NULL, q);
    kn_rest_text(q, " OFFSET 0) AS found");
}

int kn_rest_find(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, unsigned view,
                 const struct kn_rest_bound *bounds, struct kn_rows **ret_rows, struct kn_error *err)
{
    AUTO_RELEASE(kn_rest_query) struct kn_rest_query q = KN_REST_QUERY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (!kn_rest_fits(noun->id_type, id)) {
        return kn_rest_not_found(noun, id, err);
    }
    kn_rest_find_sql(noun, req, view, bounds, id, &q);
    if (kn_rest_run_again(&q, req->db, &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_rest_not_found(noun, id, err);
    }
    if (noun->vet != NULL && noun->vet(req, view, rows, err) < 0) {
        return -1;
    }
    *ret_rows = kn_steal(&rows);
    return 0;
}

void kn_rest_write_row(const struct kn_rest_noun *noun, struct kn_request *req, unsigned view,
                       const struct kn_rows *rows, int row, struct kn_response *res)
{
    const bool is_bare = noun->manners->is_bare;

    if (!is_bare) {
        kn_jsonw_object(&res->body, NULL);
    }
    kn_jsonw_object(&res->body, is_bare ? NULL : noun->one);
    kn_rest_members(noun, req, view, rows, row, &res->body);
    kn_jsonw_end_object(&res->body);
    if (!is_bare) {
        kn_jsonw_end_object(&res->body);
    }
}

void kn_rest_write_one(const struct kn_rest_noun *noun, struct kn_request *req, unsigned view,
                       const struct kn_rows *rows, struct kn_response *res)
{
    kn_rest_write_row(noun, req, view, rows, 0, res);
}

void kn_rest_write_all(const struct kn_rest_noun *noun, struct kn_request *req, unsigned view,
                       const struct kn_rows *rows, struct kn_response *res)
{
    const struct kn_rest_list l = { .req = req, .noun = noun, .view = view };

    list_print_list(&l, rows, noun->path, -1, &res->body);
}

int kn_rest_show(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, unsigned view,
                 struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_rest_find(noun, req, id, view, NULL, &rows, err) < 0) {
        return -1;
    }
    kn_rest_write_one(noun, req, view, rows, res);
    return 0;
}

int kn_rest_show_many(const struct kn_rest_noun *noun, struct kn_request *req, struct kn_array *ids,
                      struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_rest_query) struct kn_rest_query q = KN_REST_QUERY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_strbuf *out = &res->body;
    const char *type = kn_rest_sql_type(noun->id_type);
    AUTO_FREE char *form = kn_asprintf(" AND %%C = ANY(?::%s[]) ORDER BY array_position(?::%s[], %%C)", type, type);

    kn_rest_text(&q, "SELECT ");
    kn_rest_columns(noun, req, KN_REST_CHANGED, &q.sql);
    add_from(noun, noun->from, req, kn_rest_reaches_all(req), &q);
    kn_rest_add_form(&q, form, noun->id, kn_array_value(ids));
    if (kn_rest_run(&q, req->db, &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(out, NULL);
    kn_jsonw_array(out, noun->many);
    for (int row = 0; row < kn_rows_count(rows); row++) {
        kn_jsonw_object(out, NULL);
        kn_rest_members(noun, req, KN_REST_CHANGED, rows, row, out);
        kn_jsonw_end_object(out);
    }
    kn_jsonw_end_array(out);
    kn_jsonw_end_object(out);
    return 0;
}
