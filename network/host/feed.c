/* SPDX-License-Identifier: Apache-2.0 */
/* feed.c: one thread and a bounded queue in front of kn_network_host_take(). */
#include "network/host.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#define WAITING_MAX 2000 /* bodies; one more is dropped, and its version asked for */
#define ASK_EVERY_MS 2000

struct kn_network_feed {
    struct kn_network_host *host; /* immutable, as all down to the lock */
    kn_network_feed_ask *ask;
    void *ctx;
    pthread_t thread;
    bool runs;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    json_t **waiting; /* guarded by the lock, as all below; in their order */
    size_t first, count;
    bool is_stopping;
};

static json_t *feed_next(struct kn_network_feed *feed)
{
    json_t *body = feed->waiting[feed->first];

    feed->first = (feed->first + 1) % WAITING_MAX;
    feed->count--;
    return body;
}

/* Waits until there is something, or for as long as somebody who asked waits for an answer. NULL: nothing came. */
static json_t *feed_await(struct kn_network_feed *feed, bool is_asking, bool *ret_stop)
{
    json_t *body = NULL;
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ASK_EVERY_MS / 1000;
    pthread_mutex_lock(&feed->lock);
    while (feed->count == 0 && !feed->is_stopping) {
        if (!is_asking) {
            pthread_cond_wait(&feed->changed, &feed->lock);
        } else if (pthread_cond_timedwait(&feed->changed, &feed->lock, &until) != 0) {
            break;
        }
    }
    *ret_stop = feed->is_stopping;
    if (feed->count > 0 && !feed->is_stopping) {
        body = feed_next(feed);
    }
    pthread_mutex_unlock(&feed->lock);
    return body;
}

/* Whether it has to be asked for again. */
static bool feed_take(struct kn_network_feed *feed, json_t *body)
{
    struct kn_error why = { .code = KN_OK };
    const int rc = kn_network_host_take(feed->host, body, &why);

    json_decref(body);
    if (rc < 0 && why.code != KN_STALE) {
        kn_log_error("a state of networks makes no sense", &why);
    }
    return rc < 0;
}

static void *feed_run(void *arg)
{
    struct kn_network_feed *feed = arg;
    int64_t asked_ms = 0;
    bool is_asking = false, stop = false;

    for (;;) {
        json_t *body = feed_await(feed, is_asking, &stop);

        if (stop) {
            return NULL;
        }
        if (body != NULL) {
            is_asking = feed_take(feed, body);
        }
        if (is_asking && (asked_ms == 0 || kn_mono_ms() - asked_ms >= ASK_EVERY_MS)) {
            asked_ms = kn_mono_ms();
            feed->ask(feed->ctx, kn_network_host_version(feed->host));
        }
    }
}

int kn_network_feed_new(struct kn_network_host *host, kn_network_feed_ask *ask, void *ctx,
                        struct kn_network_feed **ret_feed, struct kn_error *err)
{
    struct kn_network_feed *feed = KN_NEW(struct kn_network_feed);
    pthread_condattr_t attr;

    feed->host = host;
    feed->ask = ask;
    feed->ctx = ctx;
    feed->waiting = kn_alloc(WAITING_MAX * sizeof(json_t *));
    pthread_mutex_init(&feed->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&feed->changed, &attr);
    pthread_condattr_destroy(&attr);
    feed->runs = pthread_create(&feed->thread, NULL, feed_run, feed) == 0;
    if (!feed->runs) {
        kn_network_feed_free(feed);
        return kn_fail(err, KN_INTERNAL, "cannot start the thread of the networks' state");
    }
    *ret_feed = feed;
    return 0;
}

void kn_network_feed_free(struct kn_network_feed *feed)
{
    if (feed == NULL) {
        return;
    }
    pthread_mutex_lock(&feed->lock);
    feed->is_stopping = true;
    pthread_cond_broadcast(&feed->changed);
    pthread_mutex_unlock(&feed->lock);
    if (feed->runs) {
        pthread_join(feed->thread, NULL);
    }
    while (feed->count > 0) {
        json_decref(feed_next(feed));
    }
    pthread_cond_destroy(&feed->changed);
    pthread_mutex_destroy(&feed->lock);
    free(feed->waiting);
    free(feed);
}

void kn_network_feed_add(struct kn_network_feed *feed, json_t *body)
{
    pthread_mutex_lock(&feed->lock);
    if (feed->count < WAITING_MAX) {
        feed->waiting[(feed->first + feed->count) % WAITING_MAX] = body;
        feed->count++;
        pthread_cond_signal(&feed->changed);
        body = NULL;
    }
    pthread_mutex_unlock(&feed->lock);
    json_decref(body);
}
