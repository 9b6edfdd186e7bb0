/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query: lists of images: Glance's filters, sorting and paging turned into one SELECT. Building it is pure; values travel as
 * arguments only, and what is text in the SQL comes from tables in query.c.
 */
#ifndef KN_IMAGE_QUERY_H
#define KN_IMAGE_QUERY_H

#include <stdbool.h>

#include "image/image.h"
#include "lib/base/strbuf.h"
#include "lib/domain/limits.h"

#define KN_IMAGE_LIMIT_DEFAULT 25
#define KN_QUERY_ARGS_MAX 64
#define KN_QUERY_SORTS_MAX 8

struct kn_sort; /* query_sort.c */

struct kn_image_query {
    const struct kn_caller *caller;
    struct kn_strbuf where;      /* " AND …" pieces */
    struct kn_strbuf sql;        /* the finished SELECT */
    char *args[KN_QUERY_ARGS_MAX];
    int count;
    const struct kn_sort *sorts[KN_QUERY_SORTS_MAX + 2]; /* room for the two that make an order total */
    bool descending[KN_QUERY_SORTS_MAX + 2];
    int sort_count;
    int dir_count;
    bool sort_is_new, sort_is_old; /* "sort=", or sort_key= and sort_dir=; the two syntaxes do not mix */
    const char *marker;          /* NULL: from the beginning */
    int limit;
    const char *visibility;      /* NULL: none asked for */
    const char *member_status;
    bool hidden;
};

void kn_image_query_init(struct kn_image_query *q, const struct kn_caller *caller);
void kn_image_query_release(struct kn_image_query *q);
/* One parameter of the request's query string. key and value must outlive the query. KN_BAD_REQUEST for what Glance refuses. */
int kn_image_query_add(struct kn_image_query *q, const char *key, const char *value, struct kn_error *err);
/* No more parameters: q->sql is the SELECT for its q->count arguments in q->args. */
int kn_image_query_finish(struct kn_image_query *q, struct kn_error *err);
int kn_image_query_run(struct kn_image_query *q, struct kn_db *db, struct kn_rows **ret_rows, struct kn_error *err);

#endif
