/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aggregate: what changes of a host aggregate mean for hosts. Such changes are made one after the other, and none while the scheduler claims: each
 * holds the row of `aggregate_change`, whose number tells the scheduler that what it knows is old.
 */
#ifndef KN_COMPUTE_ROWS_AGGREGATE_H
#define KN_COMPUTE_ROWS_AGGREGATE_H

#include <jansson.h>

#include "lib/adapter/db.h"

#define KN_AGGREGATE_ZONE "availability_zone"

/*
 * Each in a transaction of its own. KN_NOT_FOUND, KN_CONFLICT and KN_BAD_REQUEST in Nova's words: no such aggregate or host, a host is in it already or is in
 * another zone, or servers would change their zone.
 */
int kn_compute_aggregate_add_host(struct kn_db *db, const char *id, const char *host, struct kn_error *err);
int kn_compute_aggregate_remove_host(struct kn_db *db, const char *id, const char *host, struct kn_error *err);
/* words: laid over its metadata, null takes one away. */
int kn_compute_aggregate_set_metadata(struct kn_db *db, const char *id, const json_t *words, struct kn_error *err);
/* name, zone: NULL = as it is; has_zone with a NULL zone is refused as Nova does. */
struct kn_compute_aggregate_update {
    const char *name;
    bool has_zone;
    const char *zone;
};
int kn_compute_aggregate_update(struct kn_db *db, const char *id, const struct kn_compute_aggregate_update *update,
                                struct kn_error *err);
/* The number of a new one; written into ret. */
int kn_compute_aggregate_number(struct kn_db *db, char ret[24], struct kn_error *err);

#endif
