/* SPDX-License-Identifier: Apache-2.0 */
/* Builds the SELECTs of lists and reads their paging parameters. What a filter means is its noun's business. */
#include "compute/rows/select.h"

#include <stdlib.h>
#include <string.h>

void kn_select_release(struct kn_select *sel)
{
    kn_strbuf_release(&sel->sql);
}

void kn_select_text(struct kn_select *sel, const char *text)
{
    kn_strbuf_addstr(&sel->sql, text);
}

void kn_select_add(struct kn_select *sel, const char *text, const char *value)
{
    if (sel->count == KN_SELECT_ARGS) {
        abort(); /* more filters than any table of ours has */
    }
    sel->args[sel->count++] = value;
    for (; *text != '\0'; text++) {
        if (*text == '?') {
            kn_strbuf_addf(&sel->sql, "$%d", sel->count);
        } else {
            kn_strbuf_addch(&sel->sql, *text);
        }
    }
}

int kn_select_run(struct kn_select *sel, struct kn_db *db, struct kn_rows **ret_rows, struct kn_error *err)
{
    return kn_db_query(db, sel->sql.buf, sel->count, sel->args, ret_rows, err);
}

struct known_walk {
    const char *const *names;
    const char *unknown;
};

static void look_up(void *ctx, const char *key, const char *value)
{
    struct known_walk *walk = ctx;

    (void)value;
    for (const char *const *name = walk->names; *name != NULL; name++) {
        if (strcmp(*name, key) == 0) {
            return;
        }
    }
    walk->unknown = key;
}

int kn_query_known(const struct kn_request *req, const char *const *names, int since, struct kn_error *err)
{
    struct known_walk walk = { names, NULL };

    if (req->microversion < since) {
        return 0;
    }
    kn_request_query_each(req, look_up, &walk);
    return walk.unknown == NULL ? 0
                                : kn_fail(err, KN_BAD_REQUEST, "Additional properties are not allowed ('%.80s' was unexpected)",
                                          walk.unknown);
}

int kn_page_read(const struct kn_request *req, struct kn_page *ret, struct kn_error *err)
{
    const char *limit = kn_request_query(req, "limit");
    struct kn_page page = { .limit = KN_MAX_PAGE, .marker = kn_request_query(req, "marker") };

    if (limit != NULL) {
        if (limit[0] == '\0' || limit[strspn(limit, "0123456789")] != '\0') {
            return kn_fail(err, KN_BAD_REQUEST, "Invalid input for query parameters limit. Value: %.40s. '%.40s' does not "
                           "match '^[0-9]*$'", limit, limit);
        }
        page.limit = strlen(limit) > 6 ? KN_MAX_PAGE : strtol(limit, NULL, 10);
        page.limit = page.limit > KN_MAX_PAGE ? KN_MAX_PAGE : page.limit;
    }
    *ret = page;
    return 0;
}

struct link_walk {
    struct kn_strbuf *sb;
};

/* Everything that was asked, except the marker, asked again. */
static void add_query(void *ctx, const char *key, const char *value)
{
    struct link_walk *walk = ctx;

    if (strcmp(key, "marker") == 0) {
        return;
    }
    kn_strbuf_addurl(walk->sb, key);
    kn_strbuf_addch(walk->sb, '=');
    kn_strbuf_addurl(walk->sb, value);
    kn_strbuf_addch(walk->sb, '&');
}

void kn_page_links(struct kn_strbuf *sb, const struct kn_request *req, const struct kn_page *page, const char *key,
                   const char *path, int rows, const char *last_id)
{
    struct link_walk walk = { sb };

    if (page->limit == 0 || rows < page->limit || last_id == NULL) {
        return;
    }
    kn_strbuf_addf(sb, ",\"%s\":[{\"rel\":\"next\",\"href\":\"%s/v2.1%s?", key, req->base_url, path);
    kn_request_query_each(req, add_query, &walk);
    kn_strbuf_addstr(sb, "marker=");
    kn_strbuf_addurl(sb, last_id);
    kn_strbuf_addstr(sb, "\"}]");
}

static const struct kn_sort_key *find_key(const struct kn_sort_key *keys, const char *name)
{
    for (; keys->name != NULL; keys++) {
        if (strcmp(keys->name, name) == 0) {
            return keys;
        }
    }
    return NULL;
}

static int read_direction(const struct kn_request *req, int index, bool *descending, struct kn_error *err)
{
    const char *dir = kn_request_query_at(req, "sort_dir", index);

    if (dir == NULL) {
        return 0; /* as the one before */
    }
    if (strcmp(dir, "asc") != 0 && strcmp(dir, "desc") != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Unknown sort direction, must be one of: asc, desc");
    }
    *descending = strcmp(dir, "desc") == 0;
    return 0;
}

int kn_order_read(const struct kn_request *req, const struct kn_sort_key *keys, const char *dflt, bool dflt_descending,
                  const struct kn_sort_key *unique, struct kn_order *ret, struct kn_error *err)
{
    struct kn_order order = { .count = 0 };
    bool descending = dflt_descending;

    for (int i = 0; i < KN_ORDER_MAX - 1; i++) {
        const char *name = kn_request_query_at(req, "sort_key", i);
        const struct kn_sort_key *key = NULL;

        if (name == NULL && i > 0) {
            break;
        }
        if (read_direction(req, i, &descending, err) < 0) {
            return -1;
        }
        key = find_key(keys, name != NULL ? name : dflt);
        if (key == NULL) {
            return kn_fail(err, KN_BAD_REQUEST, "Invalid input for query parameters sort_key. Value: %.60s. It is not one of "
                           "the sort keys", name);
        }
        order.keys[order.count] = key;
        order.descending[order.count++] = descending;
    }
    order.keys[order.count] = unique;
    order.descending[order.count++] = descending;
    *ret = order;
    return 0;
}

/* (a, b) < ($1, $2) when all go the same way, which an index understands; otherwise spelled out. */
static bool one_way(const struct kn_order *order)
{
    for (int i = 1; i < order->count; i++) {
        if (order->descending[i] != order->descending[0]) {
            return false;
        }
    }
    return true;
}

static void add_value(struct kn_select *sel, const struct kn_sort_key *key, const char *value)
{
    kn_select_add(sel, "?", value);
    kn_strbuf_addf(&sel->sql, "::%s", key->type);
}

static void add_after_one_way(struct kn_select *sel, const struct kn_order *order, const struct kn_rows *marker)
{
    kn_select_text(sel, " AND (");
    for (int i = 0; i < order->count; i++) {
        kn_strbuf_addf(&sel->sql, "%s%s", i > 0 ? ", " : "", order->keys[i]->sql);
    }
    kn_strbuf_addf(&sel->sql, ") %s (", order->descending[0] ? "<" : ">");
    for (int i = 0; i < order->count; i++) {
        kn_select_text(sel, i > 0 ? ", " : "");
        add_value(sel, order->keys[i], kn_rows_text(marker, 0, i));
    }
    kn_select_text(sel, ")");
}

static void add_after_mixed(struct kn_select *sel, const struct kn_order *order, const struct kn_rows *marker)
{
    kn_select_text(sel, " AND (false");
    for (int i = 0; i < order->count; i++) {
        kn_select_text(sel, " OR (true");
        for (int j = 0; j <= i; j++) {
            const char *op = j < i ? "=" : order->descending[j] ? "<" : ">";

            kn_strbuf_addf(&sel->sql, " AND %s %s ", order->keys[j]->sql, op);
            add_value(sel, order->keys[j], kn_rows_text(marker, 0, j));
        }
        kn_select_text(sel, ")");
    }
    kn_select_text(sel, ")");
}

static int read_marker(struct kn_db *db, const struct kn_order *order, const char *marker, const char *from,
                       const char *is_marker, struct kn_rows **ret_rows, struct kn_error *err)
{
    AUTO_RELEASE(kn_select) struct kn_select sel = KN_SELECT_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    kn_select_text(&sel, "SELECT ");
    for (int i = 0; i < order->count; i++) {
        kn_strbuf_addf(&sel.sql, "%s(%s)::text", i > 0 ? ", " : "", order->keys[i]->sql);
    }
    kn_strbuf_addf(&sel.sql, " FROM %s WHERE ", from);
    kn_select_add(&sel, is_marker, marker);
    if (kn_select_run(&sel, db, &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_BAD_REQUEST, "marker [%.80s] not found", marker);
    }
    *ret_rows = kn_steal(&rows);
    return 0;
}

int kn_select_page(struct kn_select *sel, struct kn_db *db, const struct kn_order *order, struct kn_page *page,
                   const char *from, const char *is_marker, struct kn_rows **ret_marker, struct kn_error *err)
{
    if (page->marker != NULL) {
        if (read_marker(db, order, page->marker, from, is_marker, ret_marker, err) < 0) {
            return -1;
        }
        if (one_way(order)) {
            add_after_one_way(sel, order, *ret_marker);
        } else {
            add_after_mixed(sel, order, *ret_marker);
        }
    }
    kn_select_text(sel, " ORDER BY ");
    for (int i = 0; i < order->count; i++) {
        kn_strbuf_addf(&sel->sql, "%s%s %s", i > 0 ? ", " : "", order->keys[i]->sql,
                       order->descending[i] ? "DESC" : "ASC");
    }
    kn_select_add(sel, " LIMIT ?::bigint", kn_arg_int(&page->limit_arg, page->limit));
    return 0;
}
