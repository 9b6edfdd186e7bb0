/* SPDX-License-Identifier: Apache-2.0 */
/*
 * select: a list's SELECT, put together from fixed pieces, and its keyset paging. User text only ever travels as a parameter.
 *
 *   AUTO_RELEASE(kn_select) struct kn_select sel = KN_SELECT_INIT;
 *   kn_select_text(&sel, "SELECT id FROM flavor f WHERE true");
 *   kn_select_add(&sel, " AND f.memory_mib >= ?::bigint", min_ram);      ? becomes $1, $2, …
 *   kn_select_run(&sel, db, &rows, err);
 *
 * A page starts after its marker: the marker's own sort values are read first (an unknown marker is KN_BAD_REQUEST), then the
 * list asks for what comes after them. No OFFSET, so page 500 costs what page 1 costs.
 */
#ifndef KN_COMPUTE_ROWS_SELECT_H
#define KN_COMPUTE_ROWS_SELECT_H

#include <stdbool.h>

#include "lib/adapter/db.h"
#include "lib/adapter/http.h"
#include "lib/domain/limits.h"

#define KN_SELECT_ARGS 64
#define KN_ORDER_MAX 6

struct kn_select {
    struct kn_strbuf sql;
    const char *args[KN_SELECT_ARGS]; /* borrowed: they must outlive the run */
    int count;
};
#define KN_SELECT_INIT { KN_STRBUF_INIT, { NULL }, 0 }

void kn_select_release(struct kn_select *sel);
void kn_select_text(struct kn_select *sel, const char *text);
/* text with one or more '?', all of them standing for this value. */
void kn_select_add(struct kn_select *sel, const char *text, const char *value);
int kn_select_run(struct kn_select *sel, struct kn_db *db, struct kn_rows **ret_rows, struct kn_error *err);

/* From microversion 2.<since> on, a query parameter that `names` (ended by NULL) does not hold is KN_BAD_REQUEST. */
int kn_query_known(const struct kn_request *req, const char *const *names, int since, struct kn_error *err);

struct kn_page {
    int64_t limit;       /* 0 .. KN_MAX_PAGE */
    const char *marker;  /* NULL = from the beginning */
    struct kn_arg limit_arg;
};
/* Reads limit and marker; KN_BAD_REQUEST for a limit that is no number. */
int kn_page_read(const struct kn_request *req, struct kn_page *ret, struct kn_error *err);
/* "servers_links":[{"rel":"next","href":…}] when the page is full; `path` as in "/servers/detail"; nothing otherwise. */
void kn_page_links(struct kn_strbuf *sb, const struct kn_request *req, const struct kn_page *page, const char *key,
                   const char *path, int rows, const char *last_id);

struct kn_sort_key {
    const char *name;
    const char *sql;   /* an expression that is never NULL */
    const char *type;  /* its SQL type */
};
struct kn_order {
    const struct kn_sort_key *keys[KN_ORDER_MAX];
    bool descending[KN_ORDER_MAX];
    int count;
};
/*
 * Reads sort_key and sort_dir (repeated, in pairs; the last direction holds for the rest). `keys` ends with name == NULL; an
 * unknown key or direction is KN_BAD_REQUEST. `unique` is put behind the others, so that an order is total.
 */
int kn_order_read(const struct kn_request *req, const struct kn_sort_key *keys, const char *dflt, bool dflt_descending,
                  const struct kn_sort_key *unique, struct kn_order *ret, struct kn_error *err);
/*
 * Adds " AND <after the marker> ORDER BY … LIMIT …". from: table and alias, "flavor f"; is_marker: the condition that finds the
 * marker's row, with a '?'. ret_marker holds the marker's values until sel has run.
 */
int kn_select_page(struct kn_select *sel, struct kn_db *db, const struct kn_order *order, struct kn_page *page,
                   const char *from, const char *is_marker, struct kn_rows **ret_marker, struct kn_error *err);

#endif
