/* SPDX-License-Identifier: Apache-2.0 */
/* type: what the types of attributes are to PostgreSQL, to a body and to an order. */
#ifndef KN_REST_TYPE_H
#define KN_REST_TYPE_H

#include "lib/rest/noun.h"

const char *kn_rest_sql_type(enum kn_rest_type type);   /* "uuid" */
enum kn_shape kn_rest_shape(enum kn_rest_type type);    /* of a body's field */
/* Would PostgreSQL take the text as one of the type? */
bool kn_rest_fits(enum kn_rest_type type, const char *text);
/* The attribute as a sort key: an expression that is never NULL. */
void kn_rest_sort_key(const struct kn_rest_attr *a, const struct kn_rest_manners *m, struct kn_strbuf *out);

#endif
