/* SPDX-License-Identifier: Apache-2.0 */
/* Collects the pieces of a statement. Owns its values; knows nothing of nouns. */
#include "lib/rest/query.h"

#include <stdlib.h>

#include "lib/base/mem.h"

void kn_rest_query_release(struct kn_rest_query *q)
{
    kn_strbuf_release(&q->sql);
    for (int i = 0; i < q->count && i < KN_REST_VALUES; i++) {
        free(q->values[i]);
    }
    q->count = 0;
}

void kn_rest_text(struct kn_rest_query *q, const char *text)
{
    kn_strbuf_addstr(&q->sql, text);
}

void kn_rest_add_form(struct kn_rest_query *q, const char *form, const char *expression, const char *value)
{
    if (q->count < KN_REST_VALUES) {
        q->values[q->count] = kn_strdup(value);
    }
    q->count++;
    for (const char *at = form; *at != '\0'; at++) {
        if (*at == '?') {
            kn_strbuf_addf(&q->sql, "$%d", q->count);
        } else if (at[0] == '%' && at[1] == 'C' && expression != NULL) {
            kn_strbuf_addstr(&q->sql, expression);
            at++;
        } else {
            kn_strbuf_addch(&q->sql, *at);
        }
    }
}

void kn_rest_add(struct kn_rest_query *q, const char *text, const char *value)
{
    kn_rest_add_form(q, text, NULL, value);
}

int kn_rest_run_again(struct kn_rest_query *q, struct kn_db *db, struct kn_rows **ret_rows, struct kn_error *err)
{
    return q->count > KN_REST_VALUES
               ? kn_rest_run(q, db, ret_rows, err)
               : kn_db_repeat(db, q->sql.buf, q->count, (const char *const *)q->values, ret_rows, err);
}

int kn_rest_run(struct kn_rest_query *q, struct kn_db *db, struct kn_rows **ret_rows, struct kn_error *err)
{
    if (q->count > KN_REST_VALUES) {
        return kn_fail(err, KN_BAD_REQUEST, "too many filters: a query takes %d values", KN_REST_VALUES);
    }
    return kn_db_query(db, q->sql.buf, q->count, (const char *const *)q->values, ret_rows, err);
}
