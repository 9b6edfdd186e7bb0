/* SPDX-License-Identifier: Apache-2.0 */
/* Who goes together, and who leads. It knows nothing of what is carried, and holds its lock only between the calls of others. */
#include "lib/base/convoy.h"

#include <stdlib.h>
#include <time.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

/* --- company -------------------------------------------------------------------------------------------------------- */

void kn_convoy_announce(struct kn_convoy *convoy, struct kn_convoy_coming *coming)
{
    pthread_mutex_lock(&convoy->lock);
    convoy->coming++;
    pthread_mutex_unlock(&convoy->lock);
    coming->convoy = convoy;
}

/* Under the lock. */
static void convoy_arrive(struct kn_convoy_coming *coming)
{
    struct kn_convoy *convoy = coming == NULL ? NULL : kn_steal(&coming->convoy);

    if (convoy != NULL) {
        convoy->coming--;
        convoy->came++;
        pthread_cond_signal(&convoy->arrival);
    }
}

void kn_convoy_coming_release(struct kn_convoy_coming *coming)
{
    struct kn_convoy *convoy = coming->convoy;

    if (convoy != NULL) {
        pthread_mutex_lock(&convoy->lock);
        convoy_arrive(coming);
        pthread_mutex_unlock(&convoy->lock);
    }
}

/* Under the lock. Of those that are on their way now each arrives, or has turned back. */
static void convoy_await_company(struct kn_convoy *convoy)
{
    const int64_t all = convoy->came + convoy->coming;
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until); /* a clock that is set back holds nobody */
    until.tv_nsec += convoy->company_ms * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (convoy->came < all && convoy->waiting < convoy->most &&
           pthread_cond_clockwait(&convoy->arrival, &convoy->lock, CLOCK_MONOTONIC, &until) == 0) {
    }
}

/* --- the way -------------------------------------------------------------------------------------------------------- */

static void convoy_push(struct kn_convoy *convoy, struct kn_convoy_rider *rider)
{
    rider->next = NULL;
    rider->done = false;
    pthread_cond_init(&rider->turn, NULL);
    if (convoy->last == NULL) {
        convoy->first = rider;
    } else {
        convoy->last->next = rider;
    }
    convoy->last = rider;
    convoy->waiting++;
}

/* Those that fit, oldest first; at least one. */
static int convoy_take(struct kn_convoy *convoy, struct kn_convoy_rider **riders)
{
    int count = 0, weight = 0;

    while (convoy->first != NULL && count < convoy->most &&
           (count == 0 || convoy->most_weight == 0 || weight + convoy->first->weight <= convoy->most_weight)) {
        weight += convoy->first->weight;
        riders[count++] = convoy->first;
        convoy->first = convoy->first->next;
        convoy->waiting--;
    }
    convoy->last = convoy->first == NULL ? NULL : convoy->last;
    return count;
}

/* Called and left with the lock held. Wakes those who were carried, and of those who wait the one that is to lead. */
static void convoy_lead(struct kn_convoy *convoy, const struct kn_convoy_way *way)
{
    AUTO_FREE struct kn_convoy_rider **riders = kn_realloc_array(NULL, (size_t)convoy->most, sizeof(*riders));
    int count;

    convoy->led = true;
    pthread_mutex_unlock(&convoy->lock);
    if (way->begin != NULL) {
        way->begin(way->ctx);
    }
    pthread_mutex_lock(&convoy->lock);
    convoy_await_company(convoy);
    count = convoy_take(convoy, riders);
    pthread_mutex_unlock(&convoy->lock);
    way->carry(way->ctx, riders, count);
    pthread_mutex_lock(&convoy->lock);
    for (int i = 0; i < count; i++) {
        riders[i]->done = true;
        pthread_cond_signal(&riders[i]->turn);
    }
    convoy->led = false;
    if (convoy->first != NULL) {
        pthread_cond_signal(&convoy->first->turn);
    }
}

void kn_convoy_ride(struct kn_convoy *convoy, struct kn_convoy_rider *rider, struct kn_convoy_coming *coming,
                    const struct kn_convoy_way *way)
{
    pthread_mutex_lock(&convoy->lock);
    convoy_arrive(coming);
    convoy_push(convoy, rider);
    while (!rider->done) {
        if (convoy->led) {
            pthread_cond_wait(&rider->turn, &convoy->lock);
        } else {
            convoy_lead(convoy, way); /* perhaps only those before this one: then once more */
        }
    }
    pthread_mutex_unlock(&convoy->lock);
    pthread_cond_destroy(&rider->turn);
}
