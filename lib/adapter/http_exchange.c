/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns an exchange on its event thread: libmicrohttpd's callbacks, one function a state. It reads bodies and sends answers; whatever
 * may block goes to a worker while the connection is suspended. It must never wait.
 *
 * libmicrohttpd sends an answer only before the body or after all of it. So an answer that was decided early waits until the body
 * was read and dropped: a client that is still sending would otherwise see a reset instead of its 401 or 413.
 */
#include <poll.h>
#include <string.h>
#include <strings.h>

#include "lib/adapter/http_private.h"
#include "lib/base/clock.h"

#define PIECE_BYTES (256U << 10)          /* what an upload is handed at a time */
#define SWALLOW_BYTES (INT64_C(64) << 20) /* what is read to deliver a refusal politely */

/*
 * libmicrohttpd keeps each parameter of a query in the connection's memory, and when that is full it forgets to answer. Queries are
 * read by us (http_url.c), from a copy; in its own text there is only one parameter.
 */
static void hide_parameters(const char *target)
{
    for (char *at = (char *)(uintptr_t)target; (at = strchr(at, '&')) != NULL;) {
        *at = '+';
    }
}

void *kn_http_on_target(void *cls, const char *target, struct MHD_Connection *connection)
{
    struct kn_http_server *s = cls;
    struct kn_http_raw *raw = kn_http_raw_new(s, target, connection);
    struct kn_http_caller *c = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;

    raw->caller = c;
    raw->scan = c != NULL ? &c->scan : NULL;
    raw->number = c != NULL ? ++c->scan.seen : 0;
    raw->door = c != NULL ? kn_request_strdup(&raw->req, c->door) : "";
    hide_parameters(target);
    atomic_fetch_add(&s->open_exchanges, 1);
    return raw;
}

void kn_http_finish(struct kn_http_raw *raw)
{
    raw->server->ops->finish(raw->server->ctx, &raw->req, &raw->res, kn_mono_us() - raw->started_us);
}

static enum MHD_Result send_answer(struct kn_http_raw *raw)
{
    raw->state = KN_HTTP_SENT;
    return kn_http_send(raw);
}

static void http_exchange_refuse(struct kn_http_raw *raw, const struct kn_error *err)
{
    kn_response_reset(&raw->res);
    raw->server->ops->refuse(raw->server->ctx, &raw->req, err, &raw->res);
    kn_http_finish(raw);
    raw->state = KN_HTTP_SWALLOW;
}

/* It waited, or wanted to, and others come first. Bounded lanes take whole requests, no uploads. */
static void http_exchange_give_way(struct kn_http_raw *raw)
{
    struct kn_error err = { 0 };

    kn_fail(&err, KN_TOO_MANY, "too many requests of this kind are waiting");
    http_exchange_refuse(raw, &err);
    raw->state = KN_HTTP_ANSWERED;
    MHD_resume_connection(raw->connection);
}

/* Somebody answers it who is at work already. Nobody else holds it: its handler has returned before it began. */
static bool joins(struct kn_http_raw *raw)
{
    const struct kn_http_ops *ops = raw->server->ops;

    if (ops->join == NULL || raw->body.len > 0) {
        return false;
    }
    raw->deferred = true;
    atomic_store(&raw->parted, 1);
    if (ops->join(raw->server->ctx, &raw->req)) {
        return true; /* and may be gone */
    }
    raw->deferred = false;
    atomic_store(&raw->parted, 0);
    return false;
}

static enum MHD_Result hand_over(struct kn_http_raw *raw, enum kn_http_job job)
{
    struct kn_http_server *s = raw->server;
    struct kn_http_raw *evicted = NULL;

    if (s->ops->names != NULL && (job == KN_HTTP_DISPATCH || job == KN_HTTP_BEGIN)) {
        s->ops->names(s->ctx, &raw->req, job == KN_HTTP_DISPATCH ? raw->body.buf : NULL, raw->body.len, raw->names);
    }
    if (raw->caller != NULL) {
        kn_http_caller_asks(s, raw->caller);
    }
    raw->state = KN_HTTP_WORKING;
    MHD_suspend_connection(raw->connection);
    if (job == KN_HTTP_DISPATCH && joins(raw)) {
        return MHD_YES;
    }
    switch (kn_http_work(raw, job, &evicted)) {
    case KN_HTTP_QUEUED:
        break;
    case KN_HTTP_FULL:
        http_exchange_give_way(evicted);
        break;
    case KN_HTTP_CLOSED:
        raw->state = KN_HTTP_CUT;
        MHD_resume_connection(raw->connection);
        break;
    }
    return MHD_YES;
}

/* --- the budget of bodies --- */

/* What a text of len bytes costs: it grows by doubling. */
static size_t cost(size_t len)
{
    size_t room = KN_HTTP_SMALL_BODY;

    if (len <= room) {
        return 0;
    }
    while (room < len) {
        room *= 2;
    }
    return room;
}

bool kn_http_budget_take(struct kn_http_raw *raw, size_t len)
{
    struct kn_http_server *s = raw->server;
    const size_t all = cost(len), more = all > raw->budgeted ? all - raw->budgeted : 0;

    if (more == 0) {
        return true;
    }
    if (atomic_fetch_add(&s->bodies, more) + more > s->bodies_max && s->bodies_max > 0) {
        atomic_fetch_sub(&s->bodies, more);
        return false;
    }
    raw->budgeted += more;
    return true;
}

void kn_http_body_drop(struct kn_http_raw *raw)
{
    kn_strbuf_release(&raw->body);
    atomic_fetch_sub(&raw->server->bodies, raw->budgeted);
    raw->budgeted = 0;
}

/* The body is more than there is room for: whoever sends it may come again. */
static void refuse_for_memory(struct kn_http_raw *raw)
{
    struct kn_error err = { 0 };

    kn_fail(&err, KN_UNAVAILABLE, "the bodies of other requests fill the memory for bodies; try again");
    kn_http_body_drop(raw);
    kn_response_reset(&raw->res);
    raw->server->ops->refuse(raw->server->ctx, &raw->req, &err, &raw->res);
    kn_response_header(&raw->res, "Retry-After", "1");
    kn_http_finish(raw);
    raw->state = KN_HTTP_SWALLOW;
}

/* Before the body: a client that waits for 100 Continue, has no body or a huge one gets its answer at once. */
static enum MHD_Result answer_early(struct kn_http_raw *raw)
{
    const char *expect = kn_request_header(&raw->req, "Expect");

    if (raw->length == 0 || raw->length > SWALLOW_BYTES ||
        (expect != NULL && strcasecmp(expect, "100-continue") == 0)) {
        return send_answer(raw);
    }
    raw->state = KN_HTTP_SWALLOW;
    return MHD_YES;
}

/* Its head or its body is not HTTP: what libmicrohttpd has of it was made whole by us. */
static bool is_bad(const struct kn_http_raw *raw)
{
    return raw->scan != NULL && raw->scan->why != KN_OK && raw->scan->bad == raw->number;
}

static int check_head(struct kn_http_raw *raw, struct kn_error *err)
{
    if (raw->scan == NULL || raw->number > raw->scan->heads) {
        raw->ends = true;
        return kn_fail(err, KN_INTERNAL, "the listener reads past http_gate.c");
    }
    if (is_bad(raw) && !raw->scan->bad_in_body) {
        raw->ends = true;
        return kn_fail(err, raw->scan->why, "%s", raw->scan->words);
    }
    return 0;
}

static enum MHD_Result on_headers(struct kn_http_raw *raw, const char *method)
{
    struct kn_http_server *s = raw->server;
    struct kn_error err = { 0 };

    if (kn_http_raw_open(raw, method, &err) < 0 || check_head(raw, &err) < 0) {
        http_exchange_refuse(raw, &err);
        return raw->ends ? send_answer(raw) : answer_early(raw);
    }
    kn_http_trust(raw);
    if (s->ops->open(s->ctx, &raw->req, &raw->upload, &raw->res) < 0) {
        kn_http_finish(raw);
        return answer_early(raw);
    }
    if (raw->upload != NULL) {
        return hand_over(raw, KN_HTTP_BEGIN);
    }
    if (s->once && raw->length != 0 && method[0] != 'P') {
        raw->repeats = true;
        return hand_over(raw, KN_HTTP_DISPATCH);
    }
    if (raw->length > (int64_t)s->max_body) {
        kn_fail(&err, KN_TOO_LARGE, "the body has %lld bytes, at most %zu are read", (long long)raw->length,
                s->max_body);
        http_exchange_refuse(raw, &err);
        return answer_early(raw);
    }
    if (s->ops->is_slow != NULL && s->ops->is_slow(s->ctx, &raw->req)) {
        raw->lane = &s->slow;
    }
    raw->is_list = s->ops->is_list != NULL && s->ops->is_list(s->ctx, &raw->req);
    raw->state = KN_HTTP_BODY;
    return MHD_YES;
}

/* A client that hung up: in the middle of its body, or while its answer is awaited. */
static bool has_hung_up(const struct kn_http_raw *raw)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(raw->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct pollfd fd = { .fd = info != NULL ? info->connect_fd : -1, .events = POLLRDHUP };

    return poll(&fd, 1, 0) == 1;
}

bool kn_request_is_gone(const struct kn_request *req)
{
    return has_hung_up(req->raw);
}

/*
 * More of the body is awaited. libmicrohttpd watches sockets by their edges and takes a short read for an empty socket, so an end that
 * came together with the last data is never seen again: the connection, and an upload's lock with it, would live until the idle
 * timeout. Resuming makes it read once more.
 */
static enum MHD_Result await_more(struct kn_http_raw *raw)
{
    if (has_hung_up(raw)) {
        MHD_suspend_connection(raw->connection);
        MHD_resume_connection(raw->connection);
    }
    return MHD_YES;
}

static enum MHD_Result http_exchange_on_body(struct kn_http_raw *raw, const char *data, size_t *len)
{
    struct kn_error err = { 0 };

    if (*len == 0 && is_bad(raw)) {
        raw->ends = true;
        kn_fail(&err, raw->scan->why, "%s", raw->scan->words);
        http_exchange_refuse(raw, &err);
        return send_answer(raw);
    }
    if (*len == 0) {
        return hand_over(raw, KN_HTTP_DISPATCH);
    }
    if (*len > raw->server->max_body - raw->body.len) { /* only a chunked one comes this far */
        kn_fail(&err, KN_TOO_LARGE, "the body has more than %zu bytes", raw->server->max_body);
        kn_http_body_drop(raw);
        http_exchange_refuse(raw, &err);
    } else if (!kn_http_budget_take(raw, raw->body.len + *len)) {
        refuse_for_memory(raw);
    } else {
        kn_strbuf_add(&raw->body, data, *len);
    }
    *len = 0;
    return await_more(raw);
}

static enum MHD_Result on_stream(struct kn_http_raw *raw, const char *data, size_t *len)
{
    if (*len == 0) {
        raw->ends = is_bad(raw);
        raw->broken = raw->ends ? raw->scan->words : NULL;
        return hand_over(raw, KN_HTTP_END);
    }
    size_t room = PIECE_BYTES - raw->body.len;
    size_t taken = *len < room ? *len : room;
    kn_strbuf_add(&raw->body, data, taken);
    *len -= taken;
    return raw->body.len < PIECE_BYTES ? await_more(raw) : hand_over(raw, KN_HTTP_CHUNK);
}

static enum MHD_Result on_swallow(struct kn_http_raw *raw, size_t *len)
{
    if (*len == 0) {
        raw->ends = raw->ends || is_bad(raw);
        return send_answer(raw);
    }
    raw->swallowed += (int64_t)*len;
    *len = 0;
    return raw->swallowed <= SWALLOW_BYTES ? await_more(raw) : MHD_NO;
}

enum MHD_Result kn_http_on_access(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *len, void **con_cls)
{
    struct kn_http_raw *raw = *con_cls;

    (void)cls;
    (void)connection;
    (void)url;
    (void)version;
    if (raw->repeats) {
        raw->repeats = false;
        if (*len == 0 && raw->state != KN_HTTP_ANSWERED) {
            return raw->state == KN_HTTP_SWALLOW ? answer_early(raw) : MHD_YES;
        }
    }
    switch (raw->state) {
    case KN_HTTP_NEW:
        return on_headers(raw, method);
    case KN_HTTP_BODY:
        return http_exchange_on_body(raw, data, len);
    case KN_HTTP_STREAM:
        return on_stream(raw, data, len);
    case KN_HTTP_SWALLOW:
        return on_swallow(raw, len);
    case KN_HTTP_ANSWERED:
        return send_answer(raw);
    case KN_HTTP_WORKING:
    case KN_HTTP_SENT:
        return MHD_YES;
    case KN_HTTP_CUT:
        break;
    }
    return MHD_NO;
}

void kn_http_on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                          enum MHD_RequestTerminationCode how)
{
    struct kn_http_raw *raw = *con_cls;
    struct kn_http_server *s = cls;

    (void)connection;
    (void)how;
    if (raw == NULL) {
        return;
    }
    *con_cls = NULL;
    raw->connection = NULL;
    if (raw->caller != NULL) {
        kn_http_caller_answered(s, raw->caller);
    }
    if (raw->upload_open) {
        kn_http_work(raw, KN_HTTP_ABANDON, NULL);
    } else {
        kn_http_raw_free(raw);
    }
    atomic_fetch_sub(&s->open_exchanges, 1);
}
