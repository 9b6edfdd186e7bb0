/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker: lanes and threads. A lane is the queue of one key and stands in the ready list while it has a job and no thread.
 * It knows nothing of messages or guests, and must never run a job under its lock.
 */
#include "compute-agent/core/worker.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/hmap.h"
#include "lib/base/mem.h"

#define STACK_BYTES (512 * 1024)

struct job {
    struct job *next;
    kn_job *run;
    void *arg;
};

struct lane {
    struct lane *next;     /* in the ready list */
    struct job *first, *last;
    bool is_running;       /* a thread holds it */
    char key[];
};

struct kn_workers {
    pthread_t *threads;    /* main thread */
    int thread_count;      /* main thread */
    void *ctx;             /* immutable */
    int max_jobs;          /* immutable */
    pthread_mutex_t lock;  /* guards all below */
    pthread_cond_t wake;
    struct kn_hmap *lanes; /* key -> struct lane, those with a job waiting or running */
    struct lane *ready, *ready_last;
    int pending;
    bool is_stopping;
};

static void ready_push(struct kn_workers *w, struct lane *lane)
{
    lane->next = NULL;
    *(w->ready != NULL ? &w->ready_last->next : &w->ready) = lane;
    w->ready_last = lane;
}

static struct lane *ready_pop(struct kn_workers *w)
{
    struct lane *lane = w->ready;

    w->ready = lane->next;
    return lane;
}

static struct job *lane_pop(struct lane *lane)
{
    struct job *job = lane->first;

    lane->first = job->next;
    return job;
}

/* Under the lock: the job is over; the lane goes on, or away. */
static void lane_release(struct kn_workers *w, struct lane *lane)
{
    lane->is_running = false;
    w->pending--;
    if (lane->first == NULL) {
        kn_hmap_del(w->lanes, lane->key);
    } else if (!w->is_stopping) {
        ready_push(w, lane);
    }
}

static void *work(void *arg)
{
    struct kn_workers *w = arg;

    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (w->ready == NULL && !w->is_stopping) {
            pthread_cond_wait(&w->wake, &w->lock);
        }
        if (w->is_stopping) {
            break;
        }
        struct lane *lane = ready_pop(w);
        AUTO_FREE struct job *job = lane_pop(lane);
        lane->is_running = true;
        pthread_mutex_unlock(&w->lock);
        job->run(w->ctx, job->arg);
        pthread_mutex_lock(&w->lock);
        lane_release(w, lane);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static int start_threads(struct kn_workers *w, int threads)
{
    pthread_attr_t attr;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    w->threads = kn_realloc_array(NULL, (size_t)threads, sizeof(*w->threads));
    while (w->thread_count < threads && pthread_create(&w->threads[w->thread_count], &attr, work, w) == 0) {
        w->thread_count++;
    }
    pthread_attr_destroy(&attr);
    return w->thread_count;
}

int kn_workers_new(int threads, int max_jobs, void *ctx, struct kn_workers **ret_workers, struct kn_error *err)
{
    AUTO(kn_workers) struct kn_workers *w = KN_NEW(struct kn_workers);

    w->ctx = ctx;
    w->max_jobs = max_jobs;
    w->lanes = kn_hmap_new(free);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wake, NULL);
    if (start_threads(w, threads) < threads) {
        return kn_fail(err, KN_UNAVAILABLE, "cannot start %d worker threads", threads);
    }
    *ret_workers = kn_steal(&w);
    return 0;
}

static void drop_waiting(struct kn_workers *w, kn_job *drop)
{
    const char *key;
    void *value;

    for (size_t at = 0; kn_hmap_next(w->lanes, &at, &key, &value);) {
        struct lane *lane = value;
        while (lane->first != NULL) {
            AUTO_FREE struct job *job = lane_pop(lane);
            if (drop != NULL) {
                drop(w->ctx, job->arg);
            }
        }
    }
}

void kn_workers_stop(struct kn_workers *w, kn_job *drop)
{
    pthread_mutex_lock(&w->lock);
    w->is_stopping = true;
    pthread_cond_broadcast(&w->wake);
    pthread_mutex_unlock(&w->lock);
    for (int i = 0; i < w->thread_count; i++) {
        pthread_join(w->threads[i], NULL);
    }
    w->thread_count = 0;
    drop_waiting(w, drop);
}

void kn_workers_free(struct kn_workers *w)
{
    if (w == NULL) {
        return;
    }
    kn_workers_stop(w, NULL);
    kn_hmap_free(w->lanes);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    free(w->threads);
    free(w);
}

static struct lane *lane_of(struct kn_workers *w, const char *key)
{
    struct lane *lane = kn_hmap_get(w->lanes, key);

    if (lane == NULL) {
        size_t size = strlen(key) + 1;
        lane = kn_alloc(sizeof(*lane) + size);
        memcpy(lane->key, key, size);
        kn_hmap_put(w->lanes, key, lane);
    }
    return lane;
}

static void lane_push(struct kn_workers *w, struct lane *lane, struct job *job)
{
    bool was_idle = lane->first == NULL && !lane->is_running;

    *(lane->first != NULL ? &lane->last->next : &lane->first) = job;
    lane->last = job;
    w->pending++;
    if (was_idle) {
        ready_push(w, lane);
        pthread_cond_signal(&w->wake);
    }
}

int kn_workers_submit(struct kn_workers *w, const char *key, kn_job *run, void *arg, struct kn_error *err)
{
    bool is_full;

    pthread_mutex_lock(&w->lock);
    is_full = w->pending >= w->max_jobs || w->is_stopping;
    if (!is_full) {
        struct job *job = KN_NEW(struct job);
        *job = (struct job){ NULL, run, arg };
        lane_push(w, lane_of(w, key), job);
    }
    pthread_mutex_unlock(&w->lock);
    return is_full ? kn_fail(err, KN_UNAVAILABLE, "the agent has too much to do") : 0;
}

int kn_workers_pending(struct kn_workers *w)
{
    int pending;

    pthread_mutex_lock(&w->lock);
    pending = w->pending;
    pthread_mutex_unlock(&w->lock);
    return pending;
}
