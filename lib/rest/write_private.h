/* SPDX-License-Identifier: Apache-2.0 */
/* write_private: what the files of writing do for each other (write.c, write_create.c, write_refuse.c); nobody else includes it. */
#ifndef KN_REST_WRITE_PRIVATE_H
#define KN_REST_WRITE_PRIVATE_H

#include "lib/rest/write.h"

#define AGAIN 4 /* tries of what lost a race that a new one can win (noun.raced) */

/* In the transaction that their requests' connection is in: all of them become rows, and get ids. */
int kn_rest_write_news(const struct kn_rest_noun *noun, struct kn_rest_new *news, int count, struct kn_error *err);
/* The transaction's last act. */
int kn_rest_write_take_quota(const struct kn_rest_noun *noun, struct kn_request *req, struct kn_array *ids,
                             struct kn_error *err);

/* The body of a POST is of many, in the service's way. */
bool kn_rest_write_is_bulk(const struct kn_rest_noun *noun, const struct kn_request *req);
/* kn_rest_see() by another rule than the route's: who it lets at everybody's sees all. */
int kn_rest_see_by(const struct kn_rest_noun *noun, struct kn_request *req, enum kn_rule rule, const char *id,
                   bool *ret_is_owned, struct kn_error *err);

#endif
