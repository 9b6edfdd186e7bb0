/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the worker threads: two lanes, each with a fair queue (http_queue.c), each thread with its own database connection. A worker
 * has an exchange alone from kn_http_work() until it resumes the connection; after that it must not touch it again.
 */
#include <stdlib.h>

#include "lib/adapter/http_private.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#define STACK_BYTES (2U << 20) /* address space: jansson recurses 2,048 deep; only what is touched counts */

/* A thread that is called while the lock is held would wait for it at once. */
static void unlock_and_call(struct kn_http_lane *l, bool calls)
{
    pthread_mutex_unlock(&l->lock);
    if (calls) {
        pthread_cond_signal(&l->wake);
    }
}

enum kn_http_queued kn_http_work(struct kn_http_raw *raw, enum kn_http_job job, struct kn_http_raw **ret_evicted)
{
    struct kn_http_lane *l = raw->lane;
    enum kn_http_queued queued = KN_HTTP_QUEUED;

    bool calls = false;

    raw->job = job;
    pthread_mutex_lock(&l->lock);
    if (job != KN_HTTP_ABANDON && l->closing) {
        queued = KN_HTTP_CLOSED;
    } else {
        kn_http_queue_put(l, raw);
        if (job != KN_HTTP_ABANDON && l->bound > 0 && l->waiting > l->bound) {
            *ret_evicted = kn_http_queue_evict(l);
            queued = KN_HTTP_FULL;
        }
        calls = kn_http_queue_calls(l);
    }
    unlock_and_call(l, calls);
    return queued;
}

/* The next exchange; NULL when the lane closes and nothing is left. */
static struct kn_http_raw *http_workers_take(struct kn_http_lane *l)
{
    pthread_mutex_lock(&l->lock);
    struct kn_http_raw *raw = kn_http_queue_take(l);
    while (raw == NULL && !(l->closing && l->jobs == NULL)) {
        l->resting++;
        pthread_cond_wait(&l->wake, &l->lock);
        l->resting--;
        raw = kn_http_queue_take(l);
    }
    if (l->closing && l->jobs == NULL) { /* whoever waits for what he may not work on waits for nothing now */
        pthread_cond_broadcast(&l->wake);
    }
    unlock_and_call(l, kn_http_queue_calls(l));
    return raw;
}

/* Gives one back and takes the next, if one waits that may be worked on: a busy lane is locked once a request. */
static struct kn_http_raw *exchange_for_next(struct kn_http_lane *l, struct kn_http_raw *raw)
{
    pthread_mutex_lock(&l->lock);
    kn_http_queue_done(l, raw);
    struct kn_http_raw *next = kn_http_queue_take(l);
    unlock_and_call(l, kn_http_queue_calls(l));
    return next;
}

static void http_workers_refuse(struct kn_http_raw *raw, const struct kn_error *err)
{
    kn_response_reset(&raw->res);
    raw->server->ops->refuse(raw->server->ctx, &raw->req, err, &raw->res);
}

/* An upload that failed is over: its answer waits until the rest of the body was dropped. */
static enum kn_http_state upload_failed(struct kn_http_raw *raw, const struct kn_error *err, bool whole)
{
    if (raw->upload_open) {
        raw->upload_open = false;
        raw->upload->abandon(&raw->req, raw->upload_ctx);
    }
    http_workers_refuse(raw, err);
    return whole ? KN_HTTP_ANSWERED : KN_HTTP_SWALLOW;
}

static enum kn_http_state http_workers_upload_begin(struct kn_http_raw *raw)
{
    struct kn_error err = { 0 };

    raw->repeats = true;
    if (raw->upload->begin(&raw->req, raw->length, &raw->upload_ctx, &err) < 0) {
        return upload_failed(raw, &err, false);
    }
    raw->upload_open = true;
    return KN_HTTP_STREAM;
}

static enum kn_http_state http_workers_upload_chunk(struct kn_http_raw *raw, bool last)
{
    struct kn_error err = { 0 };

    if (raw->broken != NULL) {
        kn_fail(&err, KN_BAD_REQUEST, "%s", raw->broken);
        return upload_failed(raw, &err, last);
    }
    if (raw->body.len > 0 && raw->upload->chunk(&raw->req, raw->upload_ctx, raw->body.buf, raw->body.len, &err) < 0) {
        return upload_failed(raw, &err, last);
    }
    kn_strbuf_clear(&raw->body);
    if (!last) {
        return KN_HTTP_STREAM;
    }
    raw->upload_open = false; /* end frees its context, whatever comes out */
    if (raw->upload->end(&raw->req, raw->upload_ctx, &raw->res, &err) < 0) {
        return upload_failed(raw, &err, true);
    }
    return KN_HTTP_ANSWERED;
}

static enum kn_http_state do_job(struct kn_http_raw *raw)
{
    struct kn_http_server *s = raw->server;

    switch (raw->job) {
    case KN_HTTP_DISPATCH:
        s->ops->dispatch(s->ctx, &raw->req, raw->body.buf, raw->body.len, &raw->res);
        return KN_HTTP_ANSWERED;
    case KN_HTTP_BEGIN:
        return http_workers_upload_begin(raw);
    case KN_HTTP_CHUNK:
        return http_workers_upload_chunk(raw, false);
    case KN_HTTP_END:
        return http_workers_upload_chunk(raw, true);
    case KN_HTTP_ABANDON:
        raw->upload->abandon(&raw->req, raw->upload_ctx);
        break;
    }
    return KN_HTTP_SENT;
}

/* Nobody reads it again, and the answer may take its time on the wire. */
static void forget_body(struct kn_http_raw *raw)
{
    json_decref(raw->req.body);
    raw->req.body = NULL;
    kn_http_body_drop(raw);
}

/* Of a deferred exchange's two ends, the later one hands it back; the other must not touch it again. */
static void part(struct kn_http_raw *raw)
{
    if (atomic_fetch_add(&raw->parted, 1) == 0) {
        return;
    }
    kn_http_finish(raw);
    raw->state = KN_HTTP_ANSWERED;
    MHD_resume_connection(raw->connection);
}

void kn_request_defer(struct kn_request *req)
{
    req->raw->deferred = true;
}

struct kn_response *kn_request_response(struct kn_request *req)
{
    return &req->raw->res;
}

void kn_request_answer(struct kn_request *req, const struct kn_error *why)
{
    if (why != NULL) {
        http_workers_refuse(req->raw, why);
    }
    part(req->raw);
}

/* The job is done and given back; raw is not this thread's any more. */
static void http_workers_let_go(struct kn_http_raw *raw, enum kn_http_state next)
{
    if (raw->job == KN_HTTP_ABANDON) {
        kn_http_raw_free(raw);
    } else if (raw->job == KN_HTTP_DISPATCH && raw->deferred) {
        part(raw);
    } else {
        raw->state = next;
        MHD_resume_connection(raw->connection);
    }
}

static enum kn_http_state work_on(struct kn_http_raw *raw, struct kn_db *db)
{
    kn_log_request(raw->req.request_id);
    raw->req.db = db;
    const enum kn_http_state next = do_job(raw);
    raw->req.db = NULL;
    kn_log_request(NULL);
    if (raw->job == KN_HTTP_DISPATCH) {
        forget_body(raw);
    }
    if (!raw->deferred && (next == KN_HTTP_ANSWERED || next == KN_HTTP_SWALLOW)) {
        kn_http_finish(raw);
    }
    return next;
}

static void *http_workers_work(void *arg)
{
    struct kn_http_lane *l = arg;
    const struct kn_http_ops *ops = l->server->ops;
    AUTO(kn_db) struct kn_db *db = ops->thread_db != NULL ? ops->thread_db(l->server->ctx) : NULL;

    for (struct kn_http_raw *raw = http_workers_take(l), *next; raw != NULL; raw = next) {
        const enum kn_http_state state = work_on(raw, db);

        next = exchange_for_next(l, raw);
        http_workers_let_go(raw, state);
        if (next == NULL) {
            next = http_workers_take(l);
        }
    }
    return NULL;
}

int kn_http_lane_start(struct kn_http_lane *l, struct kn_http_server *server, int threads, int lists, int bound,
                       struct kn_error *err)
{
    pthread_attr_t attr;
    int failed = 0;

    l->server = server;
    l->bound = bound;
    l->size = threads;
    l->lists = lists > 0 && lists < threads ? lists : threads;
    l->jobs_end = &l->jobs;
    l->parties = kn_hmap_new(free);
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->wake, NULL);
    l->threads = kn_alloc((size_t)threads * sizeof(*l->threads) + 1);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    while (l->thread_count < threads && failed == 0) {
        failed = pthread_create(&l->threads[l->thread_count], &attr, http_workers_work, l);
        l->thread_count += failed == 0;
    }
    pthread_attr_destroy(&attr);
    return failed == 0 ? 0 : kn_fail(err, KN_INTERNAL, "cannot start %d threads", threads);
}

void kn_http_lane_stop(struct kn_http_lane *l)
{
    pthread_mutex_lock(&l->lock);
    l->closing = true;
    pthread_cond_broadcast(&l->wake);
    pthread_mutex_unlock(&l->lock);
    for (int i = 0; i < l->thread_count; i++) {
        pthread_join(l->threads[i], NULL);
    }
}

void kn_http_lane_release(struct kn_http_lane *l)
{
    http_workers_work(l);
    kn_hmap_free(l->parties);
    free(l->threads);
    pthread_cond_destroy(&l->wake);
    pthread_mutex_destroy(&l->lock);
}
