/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue before the commit: threads hand in orders; one of them leads, writes what waits in one transaction and hands the lead
 * on. A lone order is written at once, and while one batch commits the next one gathers; whoever leads waits for those only that are being planned, and
 * for these a moment. It knows nothing of servers but the list they wait in.
 */
#include <pthread.h>
#include <time.h>

#include "compute/rows/server_insert.h"
#include "lib/adapter/task.h"

#define COMPANY_MS 3        /* a plan takes less, unless the database is slow */
#define BATCH_MAX 64        /* orders */
#define BATCH_SERVERS 1000  /* servers: an order for more comes alone */

static struct {
    pthread_mutex_t lock;
    struct kn_compute_server_order *first, *last; /* guarded by lock */
    bool led;                             /* guarded by lock: somebody is writing */
    int waiting;                          /* guarded by lock: how many stand in the list */
    int64_t coming, came;                 /* guarded by lock: being planned now; planned so far */
    pthread_cond_t arrival;               /* another one came */
} queue = { .lock = PTHREAD_MUTEX_INITIALIZER, .arrival = PTHREAD_COND_INITIALIZER };

/* --- company -------------------------------------------------------------------------------------------------------------- */

void kn_compute_server_coming_begin(struct kn_compute_server_coming *coming)
{
    pthread_mutex_lock(&queue.lock);
    queue.coming++;
    pthread_mutex_unlock(&queue.lock);
    coming->is_counted = true;
}

/* Under the lock. */
static void arrive(struct kn_compute_server_coming *coming)
{
    if (coming->is_counted) {
        coming->is_counted = false;
        queue.coming--;
        queue.came++;
        pthread_cond_signal(&queue.arrival);
    }
}

void kn_compute_server_coming_release(struct kn_compute_server_coming *coming)
{
    pthread_mutex_lock(&queue.lock);
    arrive(coming);
    pthread_mutex_unlock(&queue.lock);
}

/* Under the lock. Those that are planned now come along, or are found to be wrong. */
static void await_company(void)
{
    const int64_t all = queue.came + queue.coming;
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += COMPANY_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (queue.came < all && queue.waiting < BATCH_MAX &&
           pthread_cond_timedwait(&queue.arrival, &queue.lock, &until) == 0) {
    }
}

/* --- the list ------------------------------------------------------------------------------------------------------------- */

static void push(struct kn_compute_server_order *order)
{
    order->next = NULL;
    order->done = false;
    pthread_cond_init(&order->turn, NULL);
    if (queue.last == NULL) {
        queue.first = order;
    } else {
        queue.last->next = order;
    }
    queue.last = order;
    queue.waiting++;
}

/* Takes what fits into one transaction, oldest first. */
static int server_queue_take(struct kn_compute_server_order *batch[BATCH_MAX])
{
    int count = 0, servers = 0;

    while (queue.first != NULL && count < BATCH_MAX && (count == 0 || servers + queue.first->count <= BATCH_SERVERS)) {
        servers += queue.first->count;
        batch[count++] = queue.first;
        queue.first = queue.first->next;
        queue.waiting--;
    }
    queue.last = queue.first == NULL ? NULL : queue.last;
    return count;
}

/* In a transaction of their own. */
static int write_again(struct kn_db *db, struct kn_compute_server_order *const *batch, int count, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };

    return kn_tx_begin(&tx, db, err) < 0 ? -1 : kn_compute_server_orders_write(&tx, batch, count, err);
}

/*
 * Of many, one may be over its quota: then each is written on its own and told its own fate. A database that went away is asked
 * once more for all of them; if the first commit did arrive, kn_compute_server_orders_write finds out. result: of the transaction's beginning.
 */
static void write_batch(struct kn_db *db, struct kn_tx *tx, int result, struct kn_error err,
                        struct kn_compute_server_order *const *batch, int count)
{
    int together = result < 0 ? -1 : kn_compute_server_orders_write(tx, batch, count, &err);

    kn_tx_release(tx);
    if (together < 0 && err.code == KN_UNAVAILABLE) {
        together = write_again(db, batch, count, &err);
    }
    for (int i = 0; i < count; i++) {
        batch[i]->result = together;
        batch[i]->err = err;
        if (together < 0 && count > 1 && err.code != KN_UNAVAILABLE) {
            batch[i]->err = (struct kn_error){ 0 };
            batch[i]->result = write_again(db, &batch[i], 1, &batch[i]->err);
        }
    }
}

/* In one go, so that the conductor finds them together. */
static void wake_conductor(struct kn_compute_server_order *const *batch, int count)
{
    kn_bus_gather(batch[0]->bus);
    for (int i = 0; i < count; i++) {
        for (int j = 0; batch[i]->result == 0 && j < batch[i]->count; j++) {
            if (batch[i]->tasks[j] != 0) {
                kn_task_wake(batch[i]->bus, batch[i]->ids[j], batch[i]->tasks[j]);
            }
        }
    }
    kn_bus_depart(batch[0]->bus);
}

/*
 * Called and left with the lock held. While the transaction begins others come, and go along. Wakes those who were served, and of those who wait the
 * one that is to lead.
 */
static void lead(struct kn_db *db)
{
    struct kn_compute_server_order *batch[BATCH_MAX];
    AUTO_TX struct kn_tx tx = { NULL };
    struct kn_error err = { 0 };
    int count, begun;

    queue.led = true;
    pthread_mutex_unlock(&queue.lock);
    begun = kn_tx_begin(&tx, db, &err);
    pthread_mutex_lock(&queue.lock);
    await_company();
    count = server_queue_take(batch);
    pthread_mutex_unlock(&queue.lock);
    write_batch(db, &tx, begun, err, batch, count);
    wake_conductor(batch, count);
    pthread_mutex_lock(&queue.lock);
    for (int i = 0; i < count; i++) {
        batch[i]->done = true;
        pthread_cond_signal(&batch[i]->turn);
    }
    queue.led = false;
    if (queue.first != NULL) {
        pthread_cond_signal(&queue.first->turn);
    }
}

void kn_compute_server_queue_write(struct kn_db *db, struct kn_compute_server_order *order,
                                   struct kn_compute_server_coming *coming)
{
    pthread_mutex_lock(&queue.lock);
    arrive(coming);
    push(order);
    while (!order->done) {
        if (queue.led) {
            pthread_cond_wait(&order->turn, &queue.lock);
        } else {
            lead(db); /* perhaps only those before this one: then once more */
        }
    }
    pthread_mutex_unlock(&queue.lock);
    pthread_cond_destroy(&order->turn);
}
