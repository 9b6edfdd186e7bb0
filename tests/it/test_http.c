/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listener over a real socket, with a front door of a few lines: what it hands over, what it refuses, what becomes of uploads that
 * end badly, and that a slow handler delays nobody else.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/adapter/http.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/http_client.h"
#include "tests/support/test.h"

#define MAX_BODY 1000

static struct {
    struct kn_http_server *server;
    sem_t entered, go;          /* /slow: inside; may leave */
    sem_t abandoned;
    atomic_long uploaded;       /* bytes of the last finished upload */
    atomic_int finished;        /* answers */
} world;

static int up_begin(struct kn_request *req, int64_t length, void **ret_ctx, struct kn_error *err)
{
    (void)length;
    if (strcmp(req->raw_path, "/upload/refused") == 0) {
        return kn_fail(err, KN_CONFLICT, "no room");
    }
    *ret_ctx = kn_alloc(sizeof(long));
    return 0;
}

static int up_chunk(struct kn_request *req, void *ctx, const void *data, size_t len, struct kn_error *err)
{
    if (strcmp(req->raw_path, "/upload/full") == 0) {
        return kn_fail(err, KN_TOO_LARGE, "disk full");
    }
    assert_non_null(memchr(data, 'x', len));
    *(long *)ctx += (long)len;
    return 0;
}

static int up_end(struct kn_request *req, void *ctx, struct kn_response *res, struct kn_error *err)
{
    (void)req;
    (void)err;
    atomic_store(&world.uploaded, *(long *)ctx);
    free(ctx);
    res->status = 204;
    return 0;
}

static void up_abandon(struct kn_request *req, void *ctx)
{
    (void)req;
    free(ctx);
    sem_post(&world.abandoned);
}

static const struct kn_upload UPLOAD = { up_begin, up_chunk, up_end, up_abandon };

static void refuse(void *ctx, struct kn_request *req, const struct kn_error *err, struct kn_response *res)
{
    (void)ctx;
    (void)req;
    res->status = kn_code_status(err->code);
    kn_strbuf_addstr(&res->body, err->message);
}

static int open_request(void *ctx, struct kn_request *req, const struct kn_upload **ret_upload, struct kn_response *res)
{
    (void)ctx;
    if (strncmp(req->raw_path, "/upload", 7) == 0) {
        *ret_upload = &UPLOAD;
    }
    if (strcmp(req->raw_path, "/secret") == 0) {
        res->status = 401;
        kn_strbuf_addstr(&res->body, "who?");
        return -1;
    }
    return 0;
}

static void send_file(struct kn_response *res)
{
    FILE *f = tmpfile();
    for (int i = 0; i < 100000; i++) {
        fprintf(f, "%09d\n", i);
    }
    fflush(f);
    res->fd = dup(fileno(f));
    res->fd_offset = 10;
    res->fd_length = 100000;
    res->content_type = "application/octet-stream";
    fclose(f);
}

static void say_query(void *ctx, const char *key, const char *value)
{
    kn_strbuf_addf(ctx, "%s=%s;", key, value);
}

static void dispatch(void *ctx, struct kn_request *req, const char *body, size_t len, struct kn_response *res)
{
    struct kn_error err = { 0 };

    if (kn_request_query_read(req, &err) < 0) {
        refuse(ctx, req, &err, res);
        return;
    }
    if (strcmp(req->raw_path, "/slow") == 0 || strcmp(req->raw_path, "/lane/slow") == 0) {
        sem_post(&world.entered);
        sem_wait(&world.go);
    }
    if (strcmp(req->raw_path, "/file") == 0) {
        send_file(res);
        return;
    }
    if (strcmp(req->raw_path, "/nothing") == 0) {
        res->status = 204;
    }
    kn_response_header(res, "X-Kind", "te\r\nX-Evil: 1");
    kn_strbuf_addf(&res->body, "%s %s from %s ", req->method, req->raw_path, kn_request_remote(req));
    kn_request_query_each(req, say_query, &res->body);
    kn_strbuf_add(&res->body, body, len);
}

static void finish(void *ctx, struct kn_request *req, struct kn_response *res, int64_t took_us)
{
    (void)ctx;
    (void)req;
    (void)res;
    assert_true(took_us >= 0);
    atomic_fetch_add(&world.finished, 1);
}

static bool is_slow(void *ctx, const struct kn_request *req)
{
    (void)ctx;
    return strncmp(req->raw_path, "/lane", 5) == 0;
}

static const struct kn_http_ops OPS = {
    .open = open_request, .dispatch = dispatch, .refuse = refuse, .finish = finish, .is_slow = is_slow
};
static const struct kn_http_limits LIMITS = {
    .threads = 3, .slow_threads = 1, .slow_waiting = 2, .max_body = MAX_BODY
};

static int start(void **state)
{
    struct kn_error err = { 0 };
    memset(&world, 0, sizeof(world));
    sem_init(&world.entered, 0, 0);
    sem_init(&world.go, 0, 0);
    sem_init(&world.abandoned, 0, 0);
    assert_ok(kn_http_serve("127.0.0.1:0", &LIMITS, &OPS, NULL, &world.server, &err), &err);
    static struct kn_test_http client;
    client = kn_test_http_open(kn_http_port(world.server));
    *state = &client;
    return 0;
}

static int stop(void **state)
{
    kn_test_http_close(*state);
    kn_http_stop(world.server);
    return 0;
}

static void test_plain(void **state)
{
    struct kn_test_http *c = *state;

    kn_test_http_ask(c, "GET", "/a%2Fb?x=1+2&y=%c3%a9&x&=", NULL, NULL);
    assert_int_equal(c->status, 200);
    assert_string_equal(c->body.buf, "GET /a%2Fb from 127.0.0.1 x=1 2;y=é;x=;=;");
    assert_string_equal(kn_test_http_header(c, "X-Kind"), "teX-Evil: 1");
    assert_string_equal(kn_test_http_header(c, "X-Evil"), "");
    assert_string_equal(kn_test_http_header(c, "Content-Type"), "application/json");
    kn_test_http_ask(c, "POST", "/b", NULL, "{\"a\":1}"); /* the same connection */
    assert_string_equal(c->body.buf, "POST /b from 127.0.0.1 {\"a\":1}");
    kn_test_http_ask(c, "HEAD", "/b", NULL, NULL);
    assert_int_equal(c->status, 200);
    kn_test_http_ask(c, "GET", "/nothing", NULL, NULL);
    assert_int_equal(c->status, 204);
    assert_int_equal(c->body.len, 0);
    assert_string_equal(kn_test_http_header(c, "Content-Type"), "");
    assert_int_equal(atomic_load(&world.finished), 4);
}

static void test_bad_queries(void **state)
{
    static const char *const BAD[] = {
        "/?a=%", "/?a=%0", "/?%zz=1", "/?a=%00", "/?a=%ff%fe", "/?a=%c3", "/?a=%ed%a0%80"
    };
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        kn_test_http_ask(*state, "GET", BAD[i], NULL, NULL);
        assert_int_equal(((struct kn_test_http *)*state)->status, 400);
    }
}

/* However many: libmicrohttpd alone would answer 500 of them never. */
static void test_many_parameters(void **state)
{
    static const int COUNTS[] = { 256, 257, 500, 5000 };
    struct kn_test_http *c = *state;

    for (size_t i = 0; i < KN_COUNT(COUNTS); i++) {
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf path = KN_STRBUF_INIT;

        kn_strbuf_addstr(&path, "/?a=b");
        for (int n = 1; n < COUNTS[i]; n++) {
            kn_strbuf_addstr(&path, "&a=b");
        }
        kn_test_http_ask(c, "GET", path.buf, NULL, NULL);
        assert_int_equal(c->status, COUNTS[i] == 5000 ? 414 : COUNTS[i] > 256 ? 400 : 200);
    }
    assert_int_equal(atomic_load(&world.finished), (int)KN_COUNT(COUNTS));
}

static void test_bodies_too_large(void **state)
{
    struct kn_test_http *c = *state;
    static char big[MAX_BODY + 2];

    memset(big, 'x', sizeof(big) - 1);
    kn_test_http_ask(c, "POST", "/b", NULL, big);
    assert_int_equal(c->status, 413);
    big[MAX_BODY] = '\0';
    kn_test_http_ask(c, "POST", "/b", NULL, big);
    assert_int_equal(c->status, 200);
    /* chunked: nobody announced how much would come */
    const char *head = "POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    kn_test_http_send(c, head, strlen(head));
    for (int i = 0; i < 101; i++) {
        kn_test_http_send(c, "a\r\nxxxxxxxxxx\r\n", 15);
    }
    kn_test_http_send(c, "0\r\n\r\n", 5);
    assert_true(kn_test_http_read(c, false));
    assert_int_equal(c->status, 413);
    kn_test_http_ask(c, "GET", "/b", NULL, NULL);
    assert_int_equal(c->status, 200);
}

static void test_refused_before_the_body(void **state)
{
    struct kn_test_http *c = *state;
    static char body[MAX_BODY];

    memset(body, 'x', sizeof(body) - 1);
    kn_test_http_ask(c, "PUT", "/secret", NULL, body);
    assert_int_equal(c->status, 401);
    assert_string_equal(c->body.buf, "who?");
    const char *head = "PUT /secret HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n";
    kn_test_http_close(c);
    *c = kn_test_http_open(kn_http_port(world.server));
    kn_test_http_send(c, head, strlen(head));
    assert_true(kn_test_http_read(c, false)); /* and no 100 before it */
    assert_int_equal(c->status, 401);
}

static void upload(struct kn_test_http *c, const char *path, const char *headers, int pieces, bool chunked)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;
    static char piece[1000];

    memset(piece, 'x', sizeof(piece));
    kn_strbuf_addf(&sb, "PUT %s HTTP/1.1\r\nHost: x\r\n%s", path, headers);
    kn_strbuf_addstr(&sb, chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "");
    if (!chunked) {
        kn_strbuf_addf(&sb, "Content-Length: %d\r\n\r\n", pieces * 1000);
    }
    kn_test_http_send(c, sb.buf, sb.len);
    for (int i = 0; i < pieces; i++) {
        kn_test_http_send(c, chunked ? "3e8\r\n" : "", chunked ? 5 : 0);
        kn_test_http_send(c, piece, sizeof(piece));
        kn_test_http_send(c, chunked ? "\r\n" : "", chunked ? 2 : 0);
    }
    kn_test_http_send(c, chunked ? "0\r\n\r\n" : "", chunked ? 5 : 0);
}

static void test_uploads(void **state)
{
    static const int PIECES[] = { 0, 1, 3000, 262 };
    struct kn_test_http *c = *state;

    for (size_t i = 0; i < KN_COUNT(PIECES) * 2; i++) {
        atomic_store(&world.uploaded, -1);
        upload(c, "/upload/x", "", PIECES[i / 2], i % 2 == 1);
        assert_true(kn_test_http_read(c, false));
        assert_int_equal(c->status, 204);
        assert_int_equal(atomic_load(&world.uploaded), PIECES[i / 2] * 1000);
    }
}

static void test_upload_continue(void **state)
{
    struct kn_test_http *c = *state;
    const char *head = "PUT /upload/x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";

    kn_test_http_send(c, head, strlen(head));
    assert_true(kn_test_http_read(c, true));
    assert_int_equal(c->status, 100);
    kn_test_http_send(c, "xxx", 3);
    assert_true(kn_test_http_read(c, false));
    assert_int_equal(c->status, 204);
    assert_int_equal(atomic_load(&world.uploaded), 3);
}

static void test_uploads_that_fail(void **state)
{
    struct kn_test_http *c = *state;

    upload(c, "/upload/refused", "", 1000, false);
    assert_true(kn_test_http_read(c, false));
    assert_int_equal(c->status, 409);
    assert_string_equal(c->body.buf, "no room");
    upload(c, "/upload/full", "", 1000, true);
    assert_true(kn_test_http_read(c, false));
    assert_int_equal(c->status, 413);
    sem_wait(&world.abandoned);
    upload(c, "/upload/full", "", 1, false); /* fails with its last piece */
    assert_true(kn_test_http_read(c, false));
    assert_int_equal(c->status, 413);
    sem_wait(&world.abandoned);
    /* the client goes away in the middle */
    kn_test_http_send(c, "PUT /upload/x HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nxx", 56);
    kn_test_http_close(c);
    sem_wait(&world.abandoned);
    *c = kn_test_http_open(kn_http_port(world.server));
}

static void test_file(void **state)
{
    struct kn_test_http *c = *state;

    kn_test_http_ask(c, "GET", "/file", NULL, NULL);
    assert_int_equal(c->status, 200);
    assert_int_equal(c->body.len, 100000);
    assert_memory_equal(c->body.buf, "000000001\n", 10);
    assert_memory_equal(c->body.buf + 99990, "000010000\n", 10);
    kn_test_http_ask(c, "HEAD", "/file", NULL, NULL);
    assert_string_equal(kn_test_http_header(c, "Content-Length"), "100000");
}

static void test_slow_delays_nobody(void **state)
{
    struct kn_test_http *c = *state;
    struct kn_test_http slow[2] = { kn_test_http_open(c->port), kn_test_http_open(c->port) };

    for (int i = 0; i < 2; i++) {
        kn_test_http_send(&slow[i], "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n", 32);
        sem_wait(&world.entered);
    }
    for (int i = 0; i < 20; i++) {
        struct kn_test_http other = kn_test_http_open(c->port);
        kn_test_http_ask(&other, "GET", "/fast", NULL, NULL);
        assert_int_equal(other.status, 200);
        kn_test_http_close(&other);
    }
    for (int i = 0; i < 2; i++) {
        sem_post(&world.go);
    }
    for (int i = 0; i < 2; i++) {
        assert_true(kn_test_http_read(&slow[i], false));
        kn_test_http_close(&slow[i]);
    }
}

/* The lane has one thread and room for two that wait: the fourth is refused, others are served meanwhile. */
static void test_slow_lane_is_bounded(void **state)
{
    struct kn_test_http *c = *state;
    struct kn_test_http slow[3];

    for (int i = 0; i < 3; i++) {
        slow[i] = kn_test_http_open(c->port);
        kn_test_http_send(&slow[i], "GET /lane/slow HTTP/1.1\r\nHost: x\r\n\r\n", 37);
        if (i == 0) {
            sem_wait(&world.entered);
        }
    }
    do { /* the two may still be on their way into the queue */
        kn_test_http_ask(c, "GET", "/fast", NULL, NULL);
        assert_int_equal(c->status, 200);
    } while (kn_http_waiting(world.server) < 2);
    kn_test_http_ask(c, "GET", "/lane/fast", NULL, NULL);
    assert_int_equal(c->status, 429);
    for (int i = 0; i < 3; i++) { /* all before the first answer: which of the last two came first is not known */
        sem_post(&world.go);
    }
    for (int i = 0; i < 3; i++) {
        assert_true(kn_test_http_read(&slow[i], false));
        assert_int_equal(slow[i].status, 200);
        kn_test_http_close(&slow[i]);
    }
    kn_test_http_ask(c, "GET", "/lane/fast", NULL, NULL);
    assert_int_equal(c->status, 200);
}

/* One address may hold so many; and whoever says nothing, or half a head, is not waited for long. */
static void test_connections_are_bounded(void **state)
{
    static const struct kn_http_limits FEW = { .threads = 2, .max_body = MAX_BODY, .per_address = 4, .silent_s = 1 };
    static const char GET_B[] = "GET /b HTTP/1.1\r\nHost: x\r\n\r\n";
    const int64_t deadline_ms = kn_mono_ms() + 60000;
    struct kn_http_server *s = NULL;
    struct kn_test_http idle[4];
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(kn_http_serve("127.0.0.1:0", &FEW, &OPS, NULL, &s, &err), &err);
    for (int i = 0; i < 4; i++) {
        idle[i] = kn_test_http_open(kn_http_port(s));
        kn_test_http_send(&idle[i], "GET / HTTP/1.1\r\nX: ", i % 2 == 0 ? 0 : 19);
    }
    struct kn_test_http more = kn_test_http_open(kn_http_port(s));
    assert_false(kn_test_http_read(&more, false));
    kn_test_http_close(&more);
    for (int i = 0; i < 4; i++) {
        while (kn_test_http_read(&idle[i], false)) { /* it may say 408 before it closes */
        }
        kn_test_http_close(&idle[i]);
    }
    /* The server closes a connection before it stops to count it. */
    for (bool answered = false; !answered; kn_test_http_close(&more)) {
        assert_true(kn_mono_ms() < deadline_ms);
        more = kn_test_http_open(kn_http_port(s));
        kn_test_http_send(&more, GET_B, strlen(GET_B));
        answered = kn_test_http_read(&more, false);
    }
    assert_int_equal(more.status, 200);
    kn_http_stop(s);
}

static void test_absolute_target(void **state)
{
    static const char ABSOLUTE[] = "GET HTTP://somebody:80/abs?x=1 HTTP/1.1\r\nHost: x\r\n\r\n";
    struct kn_test_http *c = *state;

    kn_test_http_send(c, ABSOLUTE, strlen(ABSOLUTE));
    assert_true(kn_test_http_read(c, false));
    assert_string_equal(c->body.buf, "GET /abs from 127.0.0.1 x=1;");
}

static void *stop_it(void *arg)
{
    kn_http_stop(arg);
    return NULL;
}

static void test_stop_drains(void **state)
{
    struct kn_test_http *c = *state;
    struct kn_http_server *s = NULL;
    struct kn_error err = { 0 };
    pthread_t stopper;

    (void)c;
    assert_ok(kn_http_serve("127.0.0.1:0", &LIMITS, &OPS, NULL, &s, &err), &err);
    struct kn_test_http slow = kn_test_http_open(kn_http_port(s));
    kn_test_http_send(&slow, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n", 32);
    sem_wait(&world.entered);
    assert_int_equal(pthread_create(&stopper, NULL, stop_it, s), 0);
    sem_post(&world.go);
    assert_true(kn_test_http_read(&slow, false));
    assert_int_equal(slow.status, 200);
    pthread_join(stopper, NULL);
    kn_test_http_close(&slow);
}

static void test_bad_addresses(void **state)
{
    static const char *const BAD[] = { "", "localhost", "127.0.0.1:", "127.0.0.1:http!", "256.0.0.1:1" };
    struct kn_http_server *s = NULL;
    struct kn_error err = { 0 };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        assert_fails(kn_http_serve(BAD[i], &LIMITS, &OPS, NULL, &s, &err), &err, KN_BAD_REQUEST);
    }
    AUTO_FREE char *taken = kn_asprintf("127.0.0.1:%d", kn_http_port(world.server));
    assert_fails(kn_http_serve(taken, &LIMITS, &OPS, NULL, &s, &err), &err, KN_UNAVAILABLE);
    assert_null(s);
}

/* libmicrohttpd and its event thread may both take the listening socket out of a set (http_gate.c): the second must not end the process. */
static void test_out_of_a_set_is_out(void **state)
{
    const int set = epoll_create1(EPOLL_CLOEXEC), fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct epoll_event in = { .events = EPOLLIN };

    (void)state;
    assert_int_equal(epoll_ctl(set, EPOLL_CTL_ADD, fd, &in), 0);
    assert_int_equal(epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL), 0);
    assert_int_equal(epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL), 0);
    assert_int_equal(epoll_ctl(set, EPOLL_CTL_MOD, fd, &in), -1);
    close(fd);
    assert_int_equal(epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL), -1);
    close(set);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_plain),
        TEST(test_bad_queries),
        TEST(test_many_parameters),
        TEST(test_bodies_too_large),
        TEST(test_refused_before_the_body),
        TEST(test_uploads),
        TEST(test_upload_continue),
        TEST(test_uploads_that_fail),
        TEST(test_file),
        TEST(test_slow_delays_nobody),
        TEST(test_slow_lane_is_bounded),
        TEST(test_connections_are_bounded),
        TEST(test_absolute_target),
        TEST(test_stop_drains),
        TEST(test_bad_addresses),
        cmocka_unit_test(test_out_of_a_set_is_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
