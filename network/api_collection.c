/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_collection.c: puts a SELECT together from the pieces of a table and writes its rows as JSON. api_page.c owns order and
 * pages. A row is visible or it does not exist: there is no third answer.
 */
#include "network/api_collection.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "network/api_page.h"
#include "network/api_query.h"

static bool is_visible(const struct kn_request *req, const struct kn_column *column)
{
    return (column->flags & KN_COLUMN_ADMIN) == 0 || req->caller.is_admin;
}

/* --- fields ------------------------------------------------------------------------------------------------------- */

static bool is_wanted(const struct kn_request *req, const struct kn_column *column)
{
    const char *field = kn_request_query_at(req, "fields", 0);

    if (!is_visible(req, column)) {
        return false;
    }
    for (int i = 1; field != NULL; i++) {
        if (strcmp(field, column->name) == 0) {
            return true;
        }
        field = kn_request_query_at(req, "fields", i);
        if (field == NULL) {
            return false;
        }
    }
    return true;
}

/* The SELECT's columns are the wanted ones in order, then the id. */
static void add_columns(const struct kn_collection *c, const struct kn_request *req, struct kn_strbuf *sql)
{
    kn_strbuf_addstr(sql, "SELECT ");
    for (const struct kn_column *column = c->columns; column->name != NULL; column++) {
        if (is_wanted(req, column)) {
            kn_strbuf_addf(sql, "%s, ", column->sql);
        }
    }
    kn_strbuf_addf(sql, "%s FROM %s WHERE ", c->id, c->from);
}

static void write_cell(struct kn_strbuf *sb, const struct kn_column *column, const struct kn_rows *rows, int row, int col)
{
    if (kn_rows_null(rows, row, col)) {
        kn_jsonw_null(sb, column->name);
        return;
    }
    switch (column->kind) {
    case KN_COLUMN_TEXT:
        kn_jsonw_str(sb, column->name, kn_rows_text(rows, row, col));
        break;
    case KN_COLUMN_INT:
        kn_jsonw_int(sb, column->name, kn_rows_int(rows, row, col));
        break;
    case KN_COLUMN_BOOL:
        kn_jsonw_bool(sb, column->name, kn_rows_bool(rows, row, col));
        break;
    case KN_COLUMN_JSON:
        kn_jsonw_raw(sb, column->name, kn_rows_text(rows, row, col));
        break;
    }
}

/* Returns the column of the id, which is the last one. */
static int write_row(struct kn_strbuf *sb, const char *key, const struct kn_collection *c, const struct kn_request *req,
                     const struct kn_rows *rows, int row)
{
    int col = 0;

    kn_jsonw_object(sb, key);
    for (const struct kn_column *column = c->columns; column->name != NULL; column++) {
        if (is_wanted(req, column)) {
            write_cell(sb, column, rows, row, col++);
        }
    }
    kn_jsonw_end_object(sb);
    return col;
}

/* --- filters ------------------------------------------------------------------------------------------------------ */

static const struct kn_column *column_of(const struct kn_collection *c, const char *name)
{
    const struct kn_column *column = c->columns;

    while (column->name != NULL && strcmp(column->name, name) != 0) {
        column++;
    }
    return column->name != NULL ? column : NULL;
}

static const struct kn_collection_filter *filter_of(const struct kn_collection *c, const char *name)
{
    const struct kn_collection_filter *filter = c->filters;

    while (filter != NULL && filter->name != NULL && strcmp(filter->name, name) != 0) {
        filter++;
    }
    return filter != NULL && filter->name != NULL ? filter : NULL;
}

struct unknown {
    const struct kn_collection *c;
    const struct kn_request *req;
    const char *name;
};

static void look_for_unknown(void *ctx, const char *key, const char *value)
{
    static const char *const OWN[] = { "fields", "limit", "marker", "page_reverse", "sort_key", "sort_dir" };
    struct unknown *unknown = ctx;
    const struct kn_column *column = column_of(unknown->c, key);
    bool known = filter_of(unknown->c, key) != NULL ||
                 (column != NULL && (column->flags & KN_COLUMN_FILTER) != 0 && is_visible(unknown->req, column));

    (void)value;
    for (size_t i = 0; i < KN_COUNT(OWN); i++) {
        known = known || strcmp(OWN[i], key) == 0;
    }
    unknown->name = known ? unknown->name : key;
}

static int add_filters(const struct kn_collection *c, struct kn_request *req, struct kn_query *query, struct kn_error *err)
{
    struct unknown unknown = { c, req, NULL };

    kn_request_query_each(req, look_for_unknown, &unknown);
    if (unknown.name != NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "['%.64s'] is invalid attribute for filtering", unknown.name);
    }
    for (const struct kn_column *column = c->columns; column->name != NULL; column++) {
        if ((column->flags & KN_COLUMN_FILTER) != 0 && kn_request_query(req, column->name) != NULL &&
            kn_query_filter(query, req, column, err) < 0) {
            return -1;
        }
    }
    for (const struct kn_collection_filter *f = c->filters; f != NULL && f->name != NULL; f++) {
        if (kn_request_query(req, f->name) != NULL && f->add(req, &query->sql, query, err) < 0) {
            return -1;
        }
    }
    return 0;
}

const char *kn_collection_value(struct kn_request *req, void *query, const char *value)
{
    AUTO_FREE char *text = kn_asprintf("$%d", kn_query_value(query, value));

    return kn_request_strdup(req, text);
}

/* "SELECT … WHERE <what the caller may see>" */
static void begin(const struct kn_collection *c, struct kn_request *req, struct kn_query *query)
{
    kn_query_value(query, req->caller.project_id);
    add_columns(c, req, &query->sql);
    kn_strbuf_addstr(&query->sql, req->caller.is_admin ? "$1::text IS NOT NULL" : c->visible);
}

/* --- the calls ---------------------------------------------------------------------------------------------------- */

static void write_list(const struct kn_collection *c, const struct kn_request *req, const struct kn_page *page,
                       const struct kn_rows *rows, struct kn_response *res)
{
    int count = kn_rows_count(rows), id = 0;

    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, c->plural);
    for (int i = 0; i < count; i++) {
        id = write_row(&res->body, NULL, c, req, rows, kn_page_row(page, count, i));
    }
    kn_jsonw_end_array(&res->body);
    if (count > 0) {
        kn_neutron_page_links(page, req, c->plural, count, kn_rows_text(rows, kn_page_row(page, count, 0), id),
                      kn_rows_text(rows, kn_page_row(page, count, count - 1), id), &res->body);
    }
    kn_jsonw_end_object(&res->body);
}

int kn_collection_list(const struct kn_collection *c, struct kn_request *req, struct kn_response *res,
                       struct kn_error *err)
{
    AUTO_RELEASE(kn_query) struct kn_query query = KN_QUERY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_page page;

    begin(c, req, &query);
    if (add_filters(c, req, &query, err) < 0 || kn_neutron_page_read(c, req, &page, err) < 0) {
        return -1;
    }
    kn_page_add(&page, c, &query);
    if (kn_query_run(&query, req->db, &rows, err) < 0) {
        return -1;
    }
    if (page.marker != NULL && kn_rows_count(rows) == 0 && !kn_page_marker_exists(c, req, page.marker, err)) {
        return -1;
    }
    write_list(c, req, &page, rows, res);
    return 0;
}

int kn_collection_not_found(const struct kn_collection *c, const char *id, struct kn_error *err)
{
    return kn_fail(err, KN_NOT_FOUND, "%s %.64s could not be found.", c->label, id);
}

int kn_collection_show(const struct kn_collection *c, struct kn_request *req, const char *id, struct kn_response *res,
                       struct kn_error *err)
{
    AUTO_RELEASE(kn_query) struct kn_query query = KN_QUERY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (!kn_uuid_valid(id)) {
        return kn_collection_not_found(c, id, err);
    }
    begin(c, req, &query);
    kn_strbuf_addf(&query.sql, " AND %s = $%d::uuid", c->id, kn_query_value(&query, id));
    if (kn_query_run(&query, req->db, &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_collection_not_found(c, id, err);
    }
    kn_jsonw_object(&res->body, NULL);
    write_row(&res->body, c->noun, c, req, rows, 0);
    kn_jsonw_end_object(&res->body);
    return 0;
}

int kn_collection_show_many(const struct kn_collection *c, struct kn_request *req, struct kn_array *ids, bool bulk,
                            struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_query) struct kn_query query = KN_QUERY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    begin(c, req, &query);
    int n = kn_query_value(&query, kn_array_value(ids));

    kn_strbuf_addf(&query.sql, " AND %s = ANY($%d::uuid[]) ORDER BY array_position($%d::uuid[], %s)", c->id, n, n, c->id);
    if (kn_query_run(&query, req->db, &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    if (bulk) {
        kn_jsonw_array(&res->body, c->plural);
    }
    for (int row = 0; row < kn_rows_count(rows); row++) {
        write_row(&res->body, bulk ? NULL : c->noun, c, req, rows, row);
    }
    if (bulk) {
        kn_jsonw_end_array(&res->body);
    }
    kn_jsonw_end_object(&res->body);
    return 0;
}
