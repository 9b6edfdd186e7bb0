/* SPDX-License-Identifier: Apache-2.0 */
/*
 * convoy: threads that would each do the same costly thing go together. The first that comes leads and does it for all who wait, while the next ones gather; then one
 * of those leads. A lone one goes at once. Whoever is announced and on his way is waited for, a moment: so those that come at the same time go together even if what
 * they do is quick.
 *
 *   static struct kn_convoy convoy = KN_CONVOY(.most = 64, .company_ms = 3);
 *   kn_convoy_announce(&convoy, &coming);  … what takes time …
 *   kn_convoy_ride(&convoy, &order.rider, &coming, begin, carry, ctx);
 */
#ifndef KN_BASE_CONVOY_H
#define KN_BASE_CONVOY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Stands in what rides; zeroed but for its weight. */
struct kn_convoy_rider {
    int weight;
    bool done;                    /* guarded by the convoy's lock, as those behind it */
    struct kn_convoy_rider *next;
    pthread_cond_t turn;          /* it is done, or its thread is to lead */
};

struct kn_convoy {
    int most;        /* riders that go together */
    int most_weight; /* and what they weigh; 0: anything. Who weighs more goes alone */
    int company_ms;  /* how long those that are on their way are waited for */
    pthread_mutex_t lock;
    struct kn_convoy_rider *first, *last; /* guarded by lock, as all behind it */
    bool led;                             /* somebody is carrying */
    int waiting;
    int64_t coming, came;                 /* on their way now; ever arrived */
    pthread_cond_t arrival;
};
#define KN_CONVOY(...) \
    { \
        __VA_ARGS__, .lock = PTHREAD_MUTEX_INITIALIZER, .arrival = PTHREAD_COND_INITIALIZER \
    }

/* Somebody is on his way, until he rides or it is released. */
struct kn_convoy_coming {
    struct kn_convoy *convoy; /* NULL: not announced, or there */
};
void kn_convoy_announce(struct kn_convoy *convoy, struct kn_convoy_coming *coming);
void kn_convoy_coming_release(struct kn_convoy_coming *coming);

struct kn_convoy_way {
    void (*begin)(void *ctx); /* before it is known who goes; may be NULL */
    void (*carry)(void *ctx, struct kn_convoy_rider *const *riders, int count);
    void *ctx; /* the leader's */
};

/* Returns when the rider was carried, by this thread or by another. coming may be NULL. */
void kn_convoy_ride(struct kn_convoy *convoy, struct kn_convoy_rider *rider, struct kn_convoy_coming *coming,
                    const struct kn_convoy_way *way);

#endif
