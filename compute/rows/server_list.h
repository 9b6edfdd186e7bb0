/* SPDX-License-Identifier: Apache-2.0 */
/* server_list: which servers a query asks for, in which order. Filters, sort keys and who may use them are tables. */
#ifndef KN_COMPUTE_ROWS_SERVER_LIST_H
#define KN_COMPUTE_ROWS_SERVER_LIST_H

#include "compute/rows/server.h"

struct kn_server_list {
    struct kn_rows *rows;
    struct kn_page page;
    bool nothing; /* the filter cannot match: rows is NULL */
};

void kn_server_list_release(struct kn_server_list *list);
/* Reads the query and runs it; brief: only ids and names are wanted. KN_BAD_REQUEST, KN_FORBIDDEN in Nova's words. */
int kn_server_list_read(const struct kn_request *req, bool brief, struct kn_server_list *ret, struct kn_error *err);

#endif
