/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_insert: planned servers become rows: server, task and usage in one transaction.
 *
 * Commits are shared: the first thread that comes writes for all that wait (one multi-row statement each for servers and tasks,
 * one usage row per project, one commit), while the next ones gather. So under load a POST costs a fraction of a commit, and the
 * usage row of a busy project is locked once per batch: last, just before the commit. Alone, a POST pays one transaction.
 */
#ifndef KN_COMPUTE_ROWS_SERVER_INSERT_H
#define KN_COMPUTE_ROWS_SERVER_INSERT_H

#include "compute/rows/server_plan.h"
#include "lib/base/convoy.h"

struct kn_compute_server_order {
    struct kn_convoy_rider rider;     /* server_queue.c */
    const struct kn_compute_server_plan *plan;
    int count;                        /* how many servers of the plan */
    char (*ids)[KN_UUID_SIZE];        /* count places; filled by the caller */
    int64_t *tasks;                   /* count places; filled when result is 0 */
    int64_t *
        volume_tasks; /* of the plan's volumes, server by server, likewise: those that stand before them; NULL: it has none */
    struct kn_bus *bus; /* whom the conductor is woken by */
    /* the outcome */
    int result;
    struct kn_error err;
};

/* An order is coming, before it is planned: whoever writes waits a moment for it. */
void kn_compute_server_announce(struct kn_convoy_coming *coming);

/*
 * Writes as many servers as the plan asks for and the quota allows, at least min_count, and wakes the conductor. KN_QUOTA in Nova's
 * words otherwise. first_id: the first one's.
 */
int kn_compute_server_insert(const struct kn_request *req, const struct kn_compute_server_plan *plan,
                             struct kn_convoy_coming *coming, char first_id[KN_UUID_SIZE], struct kn_error *err);

/* All of these in a transaction that was begun, and its commit; -1: nothing was written, and it is to be released. For server_queue.c. */
int kn_compute_server_orders_write(struct kn_tx *tx, struct kn_compute_server_order *const *orders, int count,
                                   struct kn_error *err);
/* Waits until the order has been written, by this thread or by another; its conductor is woken. */
void kn_compute_server_queue_write(struct kn_db *db, struct kn_compute_server_order *order,
                                   struct kn_convoy_coming *coming);

#endif
