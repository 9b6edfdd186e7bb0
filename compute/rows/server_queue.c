/* SPDX-License-Identifier: Apache-2.0 */
/* The commits that orders share (lib/base/convoy.h): one transaction for those that come at once, begun while they gather; and what becomes of each when it fails. */
#include "compute/rows/server_insert.h"
#include "lib/adapter/task.h"

#define ORDERS_MOST 64
#define SERVERS_MOST 1000 /* an order for more comes alone */
#define COMPANY_MS 3 /* a plan takes less, unless the database is slow */

static struct kn_convoy convoy = KN_CONVOY(.most = ORDERS_MOST, .most_weight = SERVERS_MOST, .company_ms = COMPANY_MS);

/* The leader's. */
struct server_batch {
    struct kn_db *db;
    struct kn_tx tx;
    int begun;
    struct kn_error err;
};

void kn_compute_server_announce(struct kn_convoy_coming *coming)
{
    kn_convoy_announce(&convoy, coming);
}

static void batch_begin(void *ctx)
{
    struct server_batch *batch = ctx;

    batch->begun = kn_tx_begin(&batch->tx, batch->db, &batch->err);
}

/* In a transaction of their own. */
static int write_again(struct kn_db *db, struct kn_compute_server_order *const *orders, int count, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };

    return kn_tx_begin(&tx, db, err) < 0 ? -1 : kn_compute_server_orders_write(&tx, orders, count, err);
}

/*
 * Of many, one may be over its quota: then each is written on its own and told its own fate. A database that went away is asked
 * once more for all of them; if the first commit did arrive, kn_compute_server_orders_write finds out.
 */
static void write_batch(struct server_batch *batch, struct kn_compute_server_order *const *orders, int count)
{
    struct kn_error err = batch->err;
    int together = batch->begun < 0 ? -1 : kn_compute_server_orders_write(&batch->tx, orders, count, &err);

    kn_tx_release(&batch->tx);
    if (together < 0 && err.code == KN_UNAVAILABLE) {
        together = write_again(batch->db, orders, count, &err);
    }
    for (int i = 0; i < count; i++) {
        orders[i]->result = together;
        orders[i]->err = err;
        if (together < 0 && count > 1 && err.code != KN_UNAVAILABLE) {
            orders[i]->err = (struct kn_error){ 0 };
            orders[i]->result = write_again(batch->db, &orders[i], 1, &orders[i]->err);
        }
    }
}

/* In one go, so that the conductor finds them together. */
static void wake_conductor(struct kn_compute_server_order *const *orders, int count)
{
    kn_bus_gather(orders[0]->bus);
    for (int i = 0; i < count; i++) {
        const size_t each = json_array_size(orders[i]->plan->volumes);

        for (size_t j = 0; orders[i]->result == 0 && j < each * (size_t)orders[i]->count; j++) {
            if (orders[i]->volume_tasks[j] != 0) {
                kn_task_wake(orders[i]->bus, orders[i]->ids[j / each], orders[i]->volume_tasks[j]);
            }
        }
        for (int j = 0; orders[i]->result == 0 && j < orders[i]->count; j++) {
            if (orders[i]->tasks[j] != 0) {
                kn_task_wake(orders[i]->bus, orders[i]->ids[j], orders[i]->tasks[j]);
            }
        }
    }
    kn_bus_depart(orders[0]->bus);
}

/* A rider is the first member of its order. */
static void batch_carry(void *ctx, struct kn_convoy_rider *const *riders, int count)
{
    struct kn_compute_server_order *orders[ORDERS_MOST];

    for (int i = 0; i < count; i++) {
        orders[i] = (struct kn_compute_server_order *)(void *)riders[i];
    }
    write_batch(ctx, orders, count);
    wake_conductor(orders, count);
}

void kn_compute_server_queue_write(struct kn_db *db, struct kn_compute_server_order *order,
                                   struct kn_convoy_coming *coming)
{
    struct server_batch batch = { .db = db };
    const struct kn_convoy_way way = { batch_begin, batch_carry, &batch };

    order->rider.weight = order->count;
    kn_convoy_ride(&convoy, &order->rider, coming, &way);
}
