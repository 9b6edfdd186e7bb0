/* SPDX-License-Identifier: Apache-2.0 */
/* api_query: the text of a SELECT and the values of its parameters. */
#ifndef KN_NETWORK_API_QUERY_H
#define KN_NETWORK_API_QUERY_H

#include "network/api_collection.h"

#define KN_QUERY_ARGS 64

struct kn_query {
    struct kn_strbuf sql;
    char *args[KN_QUERY_ARGS];
    int count;
};
#define KN_QUERY_INIT { KN_STRBUF_INIT, { NULL }, 0 }

void kn_query_release(struct kn_query *query);
/* Adds a value (copied) and returns its number: 2 for $2. More than there is room for is an error of kn_query_run. */
int kn_query_value(struct kn_query *query, const char *value);
/* Appends " AND column = any of the parameter's values". A value that cannot be one of the column's matches nothing. */
int kn_query_filter(struct kn_query *query, const struct kn_request *req, const struct kn_column *column,
                    struct kn_error *err);
int kn_query_run(struct kn_query *query, struct kn_db *db, struct kn_rows **ret_rows, struct kn_error *err);

#endif
