/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query: the text of a statement, put together from fixed pieces, and its values. What a client wrote only ever travels as a value.
 *
 *   AUTO_RELEASE(kn_rest_query) struct kn_rest_query q = KN_REST_QUERY_INIT;
 *   kn_rest_text(&q, "SELECT id FROM flavor f WHERE true");
 *   kn_rest_add(&q, " AND f.memory_mib >= ?::bigint", min_ram);      ? becomes $1, $2, …
 *   kn_rest_run(&q, db, &rows, err);
 */
#ifndef KN_REST_QUERY_H
#define KN_REST_QUERY_H

#include "lib/adapter/db.h"
#include "lib/base/strbuf.h"

#define KN_REST_VALUES 96

struct kn_rest_query {
    struct kn_strbuf sql;
    char *values[KN_REST_VALUES]; /* copies; NULL is SQL's */
    int count;                    /* may be larger than there is room for: kn_rest_run says so */
};
#define KN_REST_QUERY_INIT \
    { \
        KN_STRBUF_INIT, { NULL }, 0 \
    }

void kn_rest_query_release(struct kn_rest_query *q);
void kn_rest_text(struct kn_rest_query *q, const char *text);
/* text with '?' in it, once or more often: all of them stand for this value. */
void kn_rest_add(struct kn_rest_query *q, const char *text, const char *value);
/* The same where every "%C" of the form stands for the expression. */
void kn_rest_add_form(struct kn_rest_query *q, const char *form, const char *expression, const char *value);
/* KN_BAD_REQUEST: more values than there is room for. */
int kn_rest_run(struct kn_rest_query *q, struct kn_db *db, struct kn_rows **ret_rows, struct kn_error *err);

/* The same for a text that comes again and again (kn_db_repeat). */
int kn_rest_run_again(struct kn_rest_query *q, struct kn_db *db, struct kn_rows **ret_rows, struct kn_error *err);

#endif
