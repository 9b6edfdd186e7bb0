/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list: Cinder's lists of volumes: filters, sorting, paging by marker or offset, as one SELECT. What is text in the SQL comes
 * from tables in list.c; the user's words travel as arguments.
 */
#ifndef KN_VOLUME_LIST_H
#define KN_VOLUME_LIST_H

#include "lib/adapter/http.h"

#define KN_VOLUME_LIMIT_MAX 1000

struct kn_volume_list {
    struct kn_rows *rows;   /* for kn_volume_at() */
    int64_t count;          /* of all pages; -1 unless asked for */
    bool is_full;           /* there may be a next page */
};

/* Everything comes from the request's query string. KN_BAD_REQUEST for what Cinder refuses. */
int kn_volume_list(struct kn_request *req, struct kn_volume_list *ret, struct kn_error *err);
void kn_volume_list_release(struct kn_volume_list *list);

#endif
