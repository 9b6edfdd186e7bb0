/* SPDX-License-Identifier: Apache-2.0 */
/* write_private: what write.c does for write_create.c; nobody else includes it. */
#ifndef KN_REST_WRITE_PRIVATE_H
#define KN_REST_WRITE_PRIVATE_H

#include "lib/rest/write.h"

#define AGAIN 4 /* tries of what lost a race that a new one can win (noun.raced) */

/* In the transaction that their requests' connection is in: all of them become rows, and get ids. */
int kn_rest_write_news(const struct kn_rest_noun *noun, struct kn_rest_new *news, int count, struct kn_error *err);
/* The transaction's last act. */
int kn_rest_write_take_quota(const struct kn_rest_noun *noun, struct kn_request *req, struct kn_array *ids,
                             struct kn_error *err);

#endif
