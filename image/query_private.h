/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the list share; see query.h. */
#ifndef KN_IMAGE_QUERY_PRIVATE_H
#define KN_IMAGE_QUERY_PRIVATE_H

#include "image/query.h"

/* Takes `value` (heap) over as the next argument: $q->count. */
int kn_query_arg(struct kn_image_query *q, char *value, struct kn_error *err);

/* query_sort.c */
int kn_query_sort(struct kn_image_query *q, const char *value, struct kn_error *err);     /* sort=name:asc,size */
int kn_query_sort_key(struct kn_image_query *q, const char *value, struct kn_error *err);
int kn_query_sort_dir(struct kn_image_query *q, const char *value, struct kn_error *err);
/* Makes the order total: defaults, directions, created_at and id at the end. */
int kn_query_settle_sorts(struct kn_image_query *q, struct kn_error *err);
void kn_query_add_order(struct kn_image_query *q);
/* " AND i comes after mk", the marker's row. */
void kn_query_add_keyset(struct kn_image_query *q);

#endif
