/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of a list of images and where a page begins. Paging is by keyset: the marker's own row (mk) says where to go on,
 * so a page costs the same wherever it is. Every order ends in created_at and id, so that it is total.
 */
#include <string.h>

#include "image/query_private.h"
#include "lib/base/mem.h"

/* The sorted value of the row named by %s; NULLs have a place of their own. */
static const struct kn_sort {
    const char *key, *before, *after;
} SORTS[] = {
    { "name", "coalesce(", ".name, '')" },
    { "status", "", ".status" },
    { "container_format", "coalesce(", ".container_format, '')" },
    { "disk_format", "coalesce(", ".disk_format, '')" },
    { "size", "coalesce(", ".size, -1)" },
    { "created_at", "", ".created_at" },
    { "updated_at", "", ".updated_at" },
    { "id", "", ".id" },
};

static const struct kn_sort *sort_of(const char *key, size_t len)
{
    for (size_t i = 0; i < KN_COUNT(SORTS); i++) {
        if (strlen(SORTS[i].key) == len && strncmp(SORTS[i].key, key, len) == 0) {
            return &SORTS[i];
        }
    }
    return NULL;
}

static int add_key(struct kn_image_query *q, const char *key, size_t len, struct kn_error *err)
{
    const struct kn_sort *sort = sort_of(key, len);

    if (sort == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid sort key: %.*s. It must be one of the following: name, status, "
                                            "container_format, disk_format, size, id, created_at, updated_at.",
                       len > 64 ? 64 : (int)len, key);
    }
    if (q->sort_count == KN_QUERY_SORTS_MAX) {
        return kn_fail(err, KN_BAD_REQUEST, "too many sort keys");
    }
    q->sorts[q->sort_count++] = sort;
    return 0;
}

static int add_dir(struct kn_image_query *q, const char *text, size_t len, struct kn_error *err)
{
    const bool descending = len == 4 && strncmp(text, "desc", len) == 0;

    if (!descending && !(len == 3 && strncmp(text, "asc", len) == 0)) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid sort direction: %.*s", len > 64 ? 64 : (int)len, text);
    }
    if (q->dir_count == KN_QUERY_SORTS_MAX) {
        return kn_fail(err, KN_BAD_REQUEST, "too many sort directions");
    }
    q->descending[q->dir_count++] = descending;
    return 0;
}

int kn_query_sort(struct kn_image_query *q, const char *value, struct kn_error *err)
{
    q->sort_is_new = true;
    for (const char *p = value;; p++) {
        const size_t item = strcspn(p, ",");
        const char *colon = memchr(p, ':', item);
        const size_t key = colon != NULL ? (size_t)(colon - p) : item;
        const char *dir = colon != NULL ? colon + 1 : "desc";

        if (add_key(q, p, key, err) < 0 ||
            add_dir(q, dir, colon != NULL ? item - key - 1 : strlen(dir), err) < 0) {
            return -1;
        }
        p += item;
        if (*p == '\0') {
            return 0;
        }
    }
}

int kn_query_sort_key(struct kn_image_query *q, const char *value, struct kn_error *err)
{
    q->sort_is_old = true;
    return add_key(q, value, strlen(value), err);
}

int kn_query_sort_dir(struct kn_image_query *q, const char *value, struct kn_error *err)
{
    q->sort_is_old = true;
    return add_dir(q, value, strlen(value), err);
}

static void append(struct kn_image_query *q, const char *key, bool descending)
{
    const struct kn_sort *sort = sort_of(key, strlen(key));

    for (int i = 0; i < q->sort_count; i++) {
        if (q->sorts[i] == sort) {
            return;
        }
    }
    q->sorts[q->sort_count] = sort;
    q->descending[q->sort_count++] = descending;
}

int kn_query_settle_sorts(struct kn_image_query *q, struct kn_error *err)
{
    if (q->sort_is_new && q->sort_is_old) {
        return kn_fail(err, KN_BAD_REQUEST, "Old and new sorting syntax cannot be combined");
    }
    if (q->dir_count > 1 && q->dir_count != q->sort_count) {
        return kn_fail(err, KN_BAD_REQUEST, "Number of sort dirs does not match the number of sort keys");
    }
    const bool first = q->dir_count == 0 || q->descending[0];
    for (int i = q->dir_count; i < q->sort_count; i++) {
        q->descending[i] = first;
    }
    const bool last = q->sort_count > 0 ? q->descending[q->sort_count - 1] : first;
    append(q, "created_at", last);
    append(q, "id", last);
    return 0;
}

static void add_expression(struct kn_strbuf *out, const struct kn_sort *sort, const char *table)
{
    kn_strbuf_addf(out, "%s%s%s", sort->before, table, sort->after);
}

void kn_query_add_order(struct kn_image_query *q)
{
    for (int i = 0; i < q->sort_count; i++) {
        kn_strbuf_addstr(&q->sql, i == 0 ? " ORDER BY " : ", ");
        add_expression(&q->sql, q->sorts[i], "i");
        kn_strbuf_addstr(&q->sql, q->descending[i] ? " DESC" : " ASC");
    }
}

static bool has_one_direction(const struct kn_image_query *q)
{
    for (int i = 1; i < q->sort_count; i++) {
        if (q->descending[i] != q->descending[0]) {
            return false;
        }
    }
    return true;
}

static void add_row(struct kn_image_query *q, const char *table)
{
    for (int i = 0; i < q->sort_count; i++) {
        kn_strbuf_addstr(&q->where, i == 0 ? "(" : ", ");
        add_expression(&q->where, q->sorts[i], table);
    }
    kn_strbuf_addch(&q->where, ')');
}

/* One comparison of the keyset: expression of i, operator, expression of mk. */
static void add_comparison(struct kn_image_query *q, int i, const char *op)
{
    add_expression(&q->where, q->sorts[i], "i");
    kn_strbuf_addstr(&q->where, op);
    add_expression(&q->where, q->sorts[i], "mk");
}

void kn_query_add_keyset(struct kn_image_query *q)
{
    kn_strbuf_addstr(&q->where, " AND ");
    if (has_one_direction(q)) { /* an index on these columns serves it */
        add_row(q, "i");
        kn_strbuf_addstr(&q->where, q->descending[0] ? " < " : " > ");
        add_row(q, "mk");
        return;
    }
    for (int last = 0; last < q->sort_count; last++) {
        kn_strbuf_addstr(&q->where, last == 0 ? "((" : ") OR (");
        for (int i = 0; i < last; i++) {
            add_comparison(q, i, " = ");
            kn_strbuf_addstr(&q->where, " AND ");
        }
        add_comparison(q, last, q->descending[last] ? " < " : " > ");
    }
    kn_strbuf_addstr(&q->where, "))");
}
