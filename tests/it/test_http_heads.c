/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heads and bodies that are no HTTP, byte for byte over a real socket: each has one status, one plain answer by the front door, and
 * the end of the connection; what comes behind is never a request. And that what is large or odd but HTTP is served.
 */
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>

#include "lib/adapter/http.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/http_client.h"
#include "tests/support/test.h"

static struct {
    struct kn_http_server *server;
    struct kn_test_http http;
    sem_t abandoned;
    atomic_int ended;    /* uploads */
    atomic_int finished; /* answers */
    atomic_int hidden;   /* requests behind a refused one */
} world;

static int up_begin(struct kn_request *req, int64_t length, void **ret_ctx, struct kn_error *err)
{
    (void)length;
    (void)err;
    *ret_ctx = req;
    return 0;
}

static int up_chunk(struct kn_request *req, void *ctx, const void *data, size_t len, struct kn_error *err)
{
    (void)req;
    (void)ctx;
    (void)data;
    (void)len;
    (void)err;
    return 0;
}

static int up_end(struct kn_request *req, void *ctx, struct kn_response *res, struct kn_error *err)
{
    (void)req;
    (void)ctx;
    (void)res;
    (void)err;
    atomic_fetch_add(&world.ended, 1);
    return 0;
}

static void up_abandon(struct kn_request *req, void *ctx)
{
    (void)req;
    (void)ctx;
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
        return -1;
    }
    return 0;
}

static void dispatch(void *ctx, struct kn_request *req, const char *body, size_t len, struct kn_response *res)
{
    (void)ctx;
    atomic_fetch_add(&world.hidden, strcmp(req->raw_path, "/hidden") == 0);
    kn_strbuf_addf(&res->body, "%s %s ", req->method, req->raw_path);
    kn_strbuf_add(&res->body, body, len);
}

static void finish(void *ctx, struct kn_request *req, struct kn_response *res, int64_t took_us)
{
    (void)ctx;
    (void)req;
    (void)res;
    (void)took_us;
    atomic_fetch_add(&world.finished, 1);
}

static const struct kn_http_ops OPS = {
    .open = open_request, .dispatch = dispatch, .refuse = refuse, .finish = finish
};
static const struct kn_http_limits LIMITS = { .threads = 3, .max_body = 1000 };

static int start(void **state)
{
    struct kn_error err = { 0 };

    memset(&world, 0, sizeof(world));
    sem_init(&world.abandoned, 0, 0);
    assert_ok(kn_http_serve("127.0.0.1:0", &LIMITS, &OPS, NULL, &world.server, &err), &err);
    world.http = kn_test_http_open(kn_http_port(world.server));
    *state = &world.http;
    return 0;
}

static int stop(void **state)
{
    kn_test_http_close(*state);
    kn_http_stop(world.server);
    return 0;
}

/* One plain answer, the connection's last; what comes behind is not read as a request. */
static void refused(int port, const char *text, size_t len, int status)
{
    static const char BEHIND[] = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n";
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf all = KN_STRBUF_INIT;
    struct kn_test_http bad = kn_test_http_open(port);
    int finished = atomic_load(&world.finished);

    kn_strbuf_add(&all, text, len);
    kn_strbuf_addstr(&all, BEHIND);
    kn_test_http_send(&bad, all.buf, all.len);
    if (!kn_test_http_read(&bad, false) || bad.status != status) {
        fail_msg("%d instead of %d for %.200s", bad.status, status, text);
    }
    assert_string_equal(kn_test_http_header(&bad, "Connection"), "close");
    assert_null(strstr(bad.body.buf, "\r\n"));
    assert_null(strstr(bad.body.buf, "<html>"));
    assert_false(kn_test_http_read(&bad, false));
    assert_int_equal(bad.unread.len, 0);
    assert_int_equal(atomic_load(&world.finished), finished + 1);
    assert_int_equal(atomic_load(&world.hidden), 0);
    kn_test_http_close(&bad);
}

#define HEAD "POST /b HTTP/1.1\r\nHost: x\r\n"
#define CHUNKED HEAD "Transfer-Encoding: chunked\r\n\r\n"
#define BYTES(text) text, sizeof(text) - 1

static void test_bad_heads(void **state)
{
    static const struct {
        const char *text;
        size_t len;
        int status;
    } CASES[] = {
        { BYTES("GE\0T / HTTP/1.1\r\nHost: x\r\n\r\n"), 400 },
        { BYTES("GET /a\0b HTTP/1.1\r\nHost: x\r\n\r\n"), 400 },
        { BYTES(HEAD "A\0: b\r\n\r\n"), 400 },
        { BYTES(HEAD "A: b\0c\r\n\r\n"), 400 },
        { BYTES("GET / HTTP/1.1\nHost: x\n\n"), 400 },
        { BYTES(HEAD "A: b\nC: d\r\n\r\n"), 400 },
        { BYTES(HEAD "A: b\r\n\n"), 400 },
        { BYTES(HEAD "A: b\rC: d\r\n\r\n"), 400 },
        { BYTES(HEAD "A: b\r\n\r"), 400 },
        { BYTES(HEAD "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"), 400 },
        { BYTES(HEAD "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"), 400 },
        { BYTES(HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), 400 },
        { BYTES(HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"), 400 },
        { BYTES(HEAD "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400 },
        { BYTES(HEAD "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"), 400 },
        { BYTES(HEAD "Transfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n"), 400 },
        { BYTES(HEAD "Content-Length: 4\r\nContent-Length: 40\r\n\r\nabcd"), 400 },
        { BYTES(HEAD "Content-Length: 0\r\nContent-Length: 0\r\n\r\n"), 400 },
        { BYTES(HEAD "Content-Length: -1\r\n\r\n"), 400 },
        { BYTES(HEAD "Content-Length: +1\r\n\r\na"), 400 },
        { BYTES(HEAD "Content-Length: 0x10\r\n\r\n0123456789abcdef"), 400 },
        { BYTES(HEAD "Content-Length: abc\r\n\r\n"), 400 },
        { BYTES(HEAD "Content-Length: 1, 1\r\n\r\na"), 400 },
        { BYTES(HEAD "Content-Length:\r\n\r\n"), 400 },
        { BYTES(HEAD "Content-Length: 18446744073709551616\r\n\r\n"), 400 },
        { BYTES(HEAD "A: b\r\n c\r\n\r\n"), 400 },
        { BYTES(HEAD "no colon\r\n\r\n"), 400 },
        { BYTES(HEAD "nocolon\r\n\r\n"), 400 },
        { BYTES(HEAD ": b\r\n\r\n"), 400 },
        { BYTES("GET / HTTP/1.1\r\n\r\n"), 400 },
        { BYTES(HEAD "Host: y\r\n\r\n"), 400 },
        { BYTES("GET\r\n\r\n"), 400 },
        { BYTES("GET /\r\n\r\n"), 400 },
        { BYTES("GET / HTTP/9\r\n\r\n"), 505 },
        { BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505 },
        { BYTES("\x16\x03\x01\x02\x01\x01\xfc\x03\x03"), 400 },
        { BYTES("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400 },
        { BYTES(CHUNKED "zz\r\n"), 400 },
        { BYTES(CHUNKED "1\nab"), 400 },
        { BYTES(CHUNKED "1\r\nabc\r\n"), 400 },
        { BYTES(CHUNKED "10000000000000000\r\na\r\n0\r\n\r\n"), 400 },
        { BYTES(CHUNKED "0\r\nA: b\n\r\n\r\n"), 400 },
        { BYTES("PUT /upload/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\nzz\r\n"), 400 },
        { BYTES("PUT /secret HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\nzz\r\n"), 401 },
    };
    struct kn_test_http *c = *state;

    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        refused(c->port, CASES[i].text, CASES[i].len, CASES[i].status);
    }
    sem_wait(&world.abandoned);
    assert_int_equal(atomic_load(&world.ended), 0);
    kn_test_http_ask(c, "GET", "/still/here", NULL, NULL);
    assert_int_equal(c->status, 200);
}

static void add_many(struct kn_strbuf *sb, const char *text, int count)
{
    for (int i = 0; i < count; i++) {
        kn_strbuf_addstr(sb, text);
    }
}

/* What is too much, and what is just enough: libmicrohttpd's memory holds it, and an answer. */
static void test_large_heads(void **state)
{
    static const struct {
        const char *before, *text;
        int count, status;
    } CASES[] = {
        { "GET /", "a", 20 << 10, 414 },         { HEAD "A: ", "a", 40 << 10, 431 },
        { HEAD "A: ", "a", 70000, 431 },         { HEAD "A: b", "\r\nA: b", 1000, 431 },
        { HEAD "Cookie: ", "a=b; ", 3000, 200 }, { HEAD "A: b", "\r\nA: b", 90, 200 },
    };
    struct kn_test_http *c = *state;

    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;

        kn_strbuf_addstr(&text, CASES[i].before);
        add_many(&text, CASES[i].text, CASES[i].count);
        kn_strbuf_addstr(&text,
                         CASES[i].status == 414 ? " HTTP/1.1\r\nHost: x\r\n\r\n" : "\r\nContent-Length: 900\r\n\r\n");
        if (CASES[i].status != 200) {
            refused(c->port, text.buf, text.len, CASES[i].status);
            continue;
        }
        add_many(&text, "x", 900);
        kn_test_http_send(c, text.buf, text.len);
        assert_true(kn_test_http_read(c, false));
        assert_int_equal(c->status, 200);
    }
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf full = KN_STRBUF_INIT;
    kn_strbuf_addstr(&full, "POST /");
    add_many(&full, "a", 16000);
    kn_strbuf_addstr(&full, " HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n");
    add_many(&full, "A: bcdefghijklmnopqrstuvwxyz0123456789\r\n", 98);
    kn_strbuf_addstr(&full, "\r\n");
    add_many(&full, "x", 900);
    kn_test_http_send(c, full.buf, full.len);
    assert_true(kn_test_http_read(c, false));
    assert_int_equal(c->status, 200);
}

/* A good request is answered before the bad one behind it, and both by their own words; also when they come byte by byte. */
static void test_bad_behind_good(void **state)
{
    static const char BOTH[] = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi" CHUNKED
                               "2;some=thing\r\nho\r\n0\r\nTrailer: t\r\n\r\n\r\nGET /c HTTP/1.1\nHost: x\n\n";
    const struct kn_test_http *first = *state;

    for (size_t piece = 1; piece < sizeof(BOTH); piece = piece == 1 ? sizeof(BOTH) - 1 : sizeof(BOTH)) {
        struct kn_test_http c = kn_test_http_open(first->port);
        for (size_t at = 0; at < sizeof(BOTH) - 1; at += piece) {
            kn_test_http_send(&c, BOTH + at, piece);
        }
        assert_true(kn_test_http_read(&c, false));
        assert_string_equal(c.body.buf, "POST /a hi");
        assert_true(kn_test_http_read(&c, false));
        assert_string_equal(c.body.buf, "POST /b ho");
        assert_true(kn_test_http_read(&c, false));
        assert_int_equal(c.status, 400);
        assert_false(kn_test_http_read(&c, false));
        kn_test_http_close(&c);
    }
}

/* Who goes away in the middle, and what is unusual but HTTP. */
static void test_odd_connections(void **state)
{
    static const char *const CUT[] = { "", "\r\n", "GET / HTTP/1.1\r\nHost",
                                       "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc" };
    static const char *const FINE[] = { "\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
                                        "GET * HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.0\r\n\r\n",
                                        "GET / HTTP/1.1\r\nHost: x\r\nA:\r\nB:\t c \r\n\r\n" };
    const struct kn_test_http *c = *state;

    for (size_t i = 0; i < KN_COUNT(CUT); i++) {
        struct kn_test_http cut = kn_test_http_open(c->port);
        kn_test_http_send(&cut, CUT[i], strlen(CUT[i]));
        kn_test_http_close(&cut);
    }
    for (size_t i = 0; i < KN_COUNT(FINE); i++) {
        struct kn_test_http fine = kn_test_http_open(c->port);
        kn_test_http_send(&fine, FINE[i], strlen(FINE[i]));
        assert_true(kn_test_http_read(&fine, false));
        assert_int_equal(fine.status, 200);
        kn_test_http_close(&fine);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)
    const struct CMUnitTest tests[] = { TEST(test_bad_heads), TEST(test_large_heads), TEST(test_bad_behind_good),
                                        TEST(test_odd_connections) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
