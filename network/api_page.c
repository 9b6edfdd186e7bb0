/* SPDX-License-Identifier: Apache-2.0 */
/* api_page.c: order, markers and links of lists. The id is always the last key, so that an order is total. */
#include "network/api_page.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"

static int read_limit(const struct kn_request *req, struct kn_page *page, struct kn_error *err)
{
    const char *text = kn_request_query(req, "limit");

    page->limit = -1;
    if (text == NULL) {
        return 0;
    }
    if (text[0] == '\0' || strspn(text, "0123456789") != strlen(text)) {
        return kn_fail(err, KN_BAD_REQUEST, "Limit must be an integer 0 or greater and not '%.64s'", text);
    }
    page->limit = strlen(text) <= 9 ? strtoll(text, NULL, 10) : 0;
    if (page->limit == 0) {
        page->limit = -1; /* Neutron's "no limit", as is more than there can be */
    }
    return 0;
}

static const struct kn_column *sort_column(const struct kn_collection *c, const struct kn_request *req, const char *name)
{
    for (const struct kn_column *column = c->columns; column->name != NULL; column++) {
        bool is_usable = (column->flags & KN_COLUMN_SORT) != 0 &&
                         ((column->flags & KN_COLUMN_ADMIN) == 0 || req->caller.is_admin);

        if (is_usable && strcmp(column->name, name) == 0) {
            return column;
        }
    }
    return NULL;
}

static int read_direction(const char *text, bool *ret_descending, struct kn_error *err)
{
    if (strcmp(text, "asc") != 0 && strcmp(text, "desc") != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "The value of sort_dirs must be \"asc\" or \"desc\", not '%.64s'", text);
    }
    *ret_descending = text[0] == 'd';
    return 0;
}

static int read_sort(const struct kn_collection *c, const struct kn_request *req, struct kn_page *page,
                     struct kn_error *err)
{
    const char *name, *direction;
    int i = 0;

    for (; (name = kn_request_query_at(req, "sort_key", i)) != NULL; i++) {
        direction = kn_request_query_at(req, "sort_dir", i);
        if (direction == NULL) {
            return kn_fail(err, KN_BAD_REQUEST, "The number of sort_keys and sort_dirs must be same");
        }
        if (i == KN_PAGE_KEYS - 1) {
            return kn_fail(err, KN_BAD_REQUEST, "at most %d sort_keys are allowed", KN_PAGE_KEYS - 1);
        }
        page->keys[i] = sort_column(c, req, name);
        if (page->keys[i] == NULL) {
            return kn_fail(err, KN_BAD_REQUEST, "['%.64s'] is invalid attribute for sort_keys", name);
        }
        if (read_direction(direction, &page->descending[i], err) < 0) {
            return -1;
        }
    }
    if (kn_request_query_at(req, "sort_dir", i) != NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "The number of sort_keys and sort_dirs must be same");
    }
    page->keys[i] = sort_column(c, req, "id");
    page->descending[i] = i > 0 && page->descending[i - 1];
    page->key_count = i + 1;
    return 0;
}

int kn_neutron_page_read(const struct kn_collection *c, struct kn_request *req, struct kn_page *ret, struct kn_error *err)
{
    struct kn_page page = { .marker = kn_request_query(req, "marker") };

    if (read_limit(req, &page, err) < 0 || read_sort(c, req, &page, err) < 0 ||
        kn_request_query_bool(req, "page_reverse", false, &page.reverse, err) < 0) {
        return -1;
    }
    if (page.marker != NULL && !kn_uuid_valid(page.marker)) {
        return kn_collection_not_found(c, page.marker, err);
    }
    *ret = page;
    return 0;
}

static bool goes_down(const struct kn_page *page, int key)
{
    return page->descending[key] != page->reverse;
}

/* (a, b, c) behind the marker's: a > A OR (a = A AND (b > B OR (b = B AND c > C))), each in its own direction. */
static void add_behind(const struct kn_page *page, const struct kn_collection *c, struct kn_query *query)
{
    int marker = kn_query_value(query, page->marker);

    kn_strbuf_addstr(&query->sql, " AND (");
    for (int i = 0; i < page->key_count; i++) {
        AUTO_FREE char *value = kn_asprintf("(SELECT %s FROM %s WHERE %s = $%d::uuid)", page->keys[i]->sql, c->from, c->id,
                                            marker);

        kn_strbuf_addf(&query->sql, "(%s) %s %s", page->keys[i]->sql, goes_down(page, i) ? "<" : ">", value);
        if (i + 1 < page->key_count) {
            kn_strbuf_addf(&query->sql, " OR ((%s) = %s AND (", page->keys[i]->sql, value);
        }
    }
    for (int i = 1; i < page->key_count; i++) {
        kn_strbuf_addstr(&query->sql, "))");
    }
    kn_strbuf_addch(&query->sql, ')');
}

void kn_page_add(const struct kn_page *page, const struct kn_collection *c, struct kn_query *query)
{
    struct kn_arg limit;

    if (page->marker != NULL) {
        add_behind(page, c, query);
    }
    kn_strbuf_addstr(&query->sql, " ORDER BY ");
    for (int i = 0; i < page->key_count; i++) {
        kn_strbuf_addf(&query->sql, "%s%s%s", i > 0 ? ", " : "", page->keys[i]->sql, goes_down(page, i) ? " DESC" : "");
    }
    if (page->limit > 0) {
        kn_strbuf_addf(&query->sql, " LIMIT $%d::bigint", kn_query_value(query, kn_arg_int(&limit, page->limit)));
    }
}

int kn_page_row(const struct kn_page *page, int count, int i)
{
    return page->reverse ? count - 1 - i : i;
}

bool kn_page_marker_exists(const struct kn_collection *c, struct kn_request *req, const char *marker,
                           struct kn_error *err)
{
    AUTO_FREE char *sql = kn_asprintf("SELECT 1 FROM %s WHERE %s = $1::uuid", c->from, c->id);
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_query(req->db, sql, 1, KN_ARGS(marker), &rows, err) < 0) {
        return false;
    }
    if (kn_rows_count(rows) == 0) {
        kn_collection_not_found(c, marker, err);
        return false;
    }
    return true;
}

struct query_copy {
    struct kn_strbuf *out;
    int count;
};

static void copy_parameter(void *ctx, const char *key, const char *value)
{
    struct query_copy *copy = ctx;

    if (strcmp(key, "marker") == 0 || strcmp(key, "page_reverse") == 0) {
        return;
    }
    kn_strbuf_addch(copy->out, copy->count++ == 0 ? '?' : '&');
    kn_strbuf_addurl(copy->out, key);
    kn_strbuf_addch(copy->out, '=');
    kn_strbuf_addurl(copy->out, value);
}

static void add_link(const struct kn_request *req, const char *plural, const char *rel, const char *marker,
                     struct kn_strbuf *out)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf href = KN_STRBUF_INIT;
    struct query_copy copy = { &href, 0 };

    kn_strbuf_addf(&href, "%s/v2.0/%s", req->base_url, plural);
    kn_request_query_each(req, copy_parameter, &copy);
    kn_strbuf_addf(&href, "%cmarker=%s%s", copy.count == 0 ? '?' : '&', marker,
                   strcmp(rel, "previous") == 0 ? "&page_reverse=True" : "");
    kn_jsonw_object(out, NULL);
    kn_jsonw_str(out, "href", href.buf);
    kn_jsonw_str(out, "rel", rel);
    kn_jsonw_end_object(out);
}

void kn_neutron_page_links(const struct kn_page *page, const struct kn_request *req, const char *plural, int count,
                   const char *first_id, const char *last_id, struct kn_strbuf *out)
{
    AUTO_FREE char *key = kn_asprintf("%s_links", plural);
    bool is_full = count == page->limit;
    bool has_next = page->reverse ? page->marker != NULL : is_full;
    bool has_previous = page->reverse ? is_full : page->marker != NULL;

    if (page->limit < 0 || (!has_next && !has_previous)) {
        return;
    }
    kn_jsonw_array(out, key);
    if (has_next) {
        add_link(req, plural, "next", last_id, out);
    }
    if (has_previous) {
        add_link(req, plural, "previous", first_id, out);
    }
    kn_jsonw_end_array(out);
}
