/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the worker threads: one queue, first come first served, each thread with its own database connection. A worker has an
 * exchange alone from kn_http_work() until it resumes the connection; after that it must not touch it again.
 *
 * The queue needs no bound of its own: an exchange is queued once, and connections are bounded.
 */
#include <stdlib.h>

#include "lib/adapter/http_private.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#define STACK_BYTES (2U << 20) /* address space: jansson recurses 2,048 deep; only what is touched counts */

bool kn_http_work(struct kn_http_raw *raw, enum kn_http_job job)
{
    struct kn_http_server *s = raw->server;

    raw->job = job;
    raw->next_job = NULL;
    pthread_mutex_lock(&s->lock);
    bool open = !s->closing || job == KN_HTTP_ABANDON;
    if (open) {
        *s->jobs_end = raw;
        s->jobs_end = &raw->next_job;
        pthread_cond_signal(&s->wake);
    }
    pthread_mutex_unlock(&s->lock);
    return open;
}

/* The next exchange; NULL when the server closes and nothing is left. */
static struct kn_http_raw *take(struct kn_http_server *s)
{
    pthread_mutex_lock(&s->lock);
    while (s->jobs == NULL && !s->closing) {
        pthread_cond_wait(&s->wake, &s->lock);
    }
    struct kn_http_raw *raw = s->jobs;
    if (raw != NULL) {
        s->jobs = raw->next_job;
        s->jobs_end = s->jobs == NULL ? &s->jobs : s->jobs_end;
    }
    pthread_mutex_unlock(&s->lock);
    return raw;
}

static void refuse(struct kn_http_raw *raw, const struct kn_error *err)
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
    refuse(raw, err);
    return whole ? KN_HTTP_ANSWERED : KN_HTTP_SWALLOW;
}

static enum kn_http_state upload_begin(struct kn_http_raw *raw)
{
    struct kn_error err = { 0 };

    raw->repeats = true;
    if (raw->upload->begin(&raw->req, raw->length, &raw->upload_ctx, &err) < 0) {
        return upload_failed(raw, &err, false);
    }
    raw->upload_open = true;
    return KN_HTTP_STREAM;
}

static enum kn_http_state upload_chunk(struct kn_http_raw *raw, bool last)
{
    struct kn_error err = { 0 };

    if (raw->body.len > 0 &&
        raw->upload->chunk(&raw->req, raw->upload_ctx, raw->body.buf, raw->body.len, &err) < 0) {
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
        return upload_begin(raw);
    case KN_HTTP_CHUNK:
        return upload_chunk(raw, false);
    case KN_HTTP_END:
        return upload_chunk(raw, true);
    case KN_HTTP_ABANDON:
        raw->upload->abandon(&raw->req, raw->upload_ctx);
        break;
    }
    return KN_HTTP_SENT;
}

static void *work(void *arg)
{
    struct kn_http_server *s = arg;
    AUTO(kn_db) struct kn_db *db = s->ops->thread_db != NULL ? s->ops->thread_db(s->ctx) : NULL;

    for (struct kn_http_raw *raw = take(s); raw != NULL; raw = take(s)) {
        bool alone = raw->job == KN_HTTP_ABANDON;
        kn_log_request(raw->req.request_id);
        raw->req.db = db;
        enum kn_http_state next = do_job(raw);
        raw->req.db = NULL;
        kn_log_request(NULL);
        if (alone) {
            kn_http_raw_free(raw);
            continue;
        }
        if (next == KN_HTTP_ANSWERED || next == KN_HTTP_SWALLOW) {
            kn_http_finish(raw);
        }
        raw->state = next;
        MHD_resume_connection(raw->connection);
    }
    return NULL;
}

int kn_http_workers_start(struct kn_http_server *s, int threads, struct kn_error *err)
{
    pthread_attr_t attr;
    int failed = 0;

    s->threads = kn_alloc((size_t)threads * sizeof(*s->threads));
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    while (s->thread_count < threads && failed == 0) {
        failed = pthread_create(&s->threads[s->thread_count], &attr, work, s);
        s->thread_count += failed == 0;
    }
    pthread_attr_destroy(&attr);
    return failed == 0 ? 0 : kn_fail(err, KN_INTERNAL, "cannot start %d threads", threads);
}

void kn_http_workers_stop(struct kn_http_server *s)
{
    pthread_mutex_lock(&s->lock);
    s->closing = true;
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
    for (int i = 0; i < s->thread_count; i++) {
        pthread_join(s->threads[i], NULL);
    }
    free(s->threads);
}

void kn_http_workers_leftovers(struct kn_http_server *s)
{
    work(s);
}
