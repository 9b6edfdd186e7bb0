/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever holds connections and says no request on them keeps nobody out: neither at a server's own socket nor at its doors. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/adapter/http.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/http_client.h"
#include "tests/support/test.h"

#define CONNECTIONS 64
#define PATIENCE_MS 60000

static int open_request(void *ctx, struct kn_request *req, const struct kn_upload **ret_upload, struct kn_response *res)
{
    (void)ctx;
    (void)req;
    (void)ret_upload;
    (void)res;
    return 0;
}

static void dispatch(void *ctx, struct kn_request *req, const char *body, size_t len, struct kn_response *res)
{
    (void)ctx;
    (void)body;
    (void)len;
    kn_strbuf_addf(&res->body, "%s at \"%s\" from %s", req->raw_path, kn_request_door(req), kn_request_remote(req));
}

static void refuse(void *ctx, struct kn_request *req, const struct kn_error *err, struct kn_response *res)
{
    (void)ctx;
    (void)req;
    res->status = kn_code_status(err->code);
}

static void finish(void *ctx, struct kn_request *req, struct kn_response *res, int64_t took_us)
{
    (void)ctx;
    (void)req;
    (void)res;
    (void)took_us;
}

static const struct kn_http_ops OPS = {
    .open = open_request, .dispatch = dispatch, .refuse = refuse, .finish = finish
};

static void send_text(struct kn_test_http *c, const char *text)
{
    kn_test_http_send(c, text, strlen(text));
}

static void is_served(int port, const char *from, const char *wanted)
{
    struct kn_test_http c = kn_test_http_open_from(port, from);

    send_text(&c, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(kn_test_http_read(&c, false));
    assert_int_equal(c.status, 200);
    assert_string_equal(c.body.buf, wanted);
    kn_test_http_close(&c);
}

static int listener(int *ret_port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(fd, 4 * CONNECTIONS), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *ret_port = ntohs(at.sin_port);
    return fd;
}

/* More slow heads than there are connections, from few addresses, and nobody who comes then waits for their patience to end. */
static void slow_heads_give_way(struct kn_http_server *s, int port, const char *from, const char *wanted)
{
    static const char *const ADDRESSES[] = { "127.0.0.2", "127.0.0.3", "127.0.0.4" };
    struct kn_test_http slow[CONNECTIONS + 16];
    const int64_t begun_ms = kn_mono_ms();

    for (size_t i = 0; i < KN_COUNT(slow); i++) {
        slow[i] = kn_test_http_open_from(port, ADDRESSES[i % KN_COUNT(ADDRESSES)]);
        send_text(&slow[i], i % 2 == 0 ? "" : "GET / HTTP/1.1\r\nX: ");
    }
    for (int i = 0; i < CONNECTIONS; i++) {
        is_served(port, from, wanted);
    }
    assert_true(kn_mono_ms() - begun_ms < PATIENCE_MS / 2); /* slow heads may take a minute */
    assert_false(kn_test_http_read(&slow[0], false)); /* who waits longest goes first */
    send_text(&slow[KN_COUNT(slow) - 1], "1\r\nHost: x\r\n\r\n");
    assert_true(kn_test_http_read(&slow[KN_COUNT(slow) - 1], false)); /* and who came last may still ask */
    for (size_t i = 0; i < KN_COUNT(slow); i++) {
        kn_test_http_close(&slow[i]);
    }
    kn_http_stop(s);
}

static void test_slow_heads_at_the_own_socket(void **state)
{
    static const struct kn_http_limits LIMITS = {
        .threads = 2, .max_body = 1000, .connections = CONNECTIONS, .silent_s = PATIENCE_MS / 1000
    };
    struct kn_http_server *s = NULL;
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(kn_http_serve("127.0.0.1:0", &LIMITS, &OPS, NULL, &s, &err), &err);
    slow_heads_give_way(s, kn_http_port(s), "127.0.0.1", "/a at \"\" from 127.0.0.1");
}

static void test_slow_heads_at_a_door(void **state)
{
    static const struct kn_http_limits LIMITS = { .threads = 1, .max_body = 1000, .connections = CONNECTIONS };
    struct kn_http_server *s = NULL;
    struct kn_error err = { 0 };
    int port;

    (void)state;
    assert_ok(kn_http_serve(NULL, &LIMITS, &OPS, NULL, &s, &err), &err);
    kn_http_door_open(s, "green", listener(&port));
    slow_heads_give_way(s, port, "127.0.0.1", "/a at \"green\" from 127.0.0.1");
}

/* One that was answered waits again; one that drips its head, or does not read, ends when its life is over. */
static void test_a_life_ends(void **state)
{
    static const struct kn_http_limits LIMITS = { .threads = 1, .max_body = 1000, .life_s = 1, .once = true };
    const int64_t deadline_ms = kn_mono_ms() + PATIENCE_MS;
    struct kn_http_server *s = NULL;
    struct kn_error err = { 0 };
    const struct timeval pace = { .tv_usec = 50000 };
    char end;
    int port;

    (void)state;
    assert_ok(kn_http_serve(NULL, &LIMITS, &OPS, NULL, &s, &err), &err);
    kn_http_door_open(s, "green", listener(&port));
    struct kn_test_http c = kn_test_http_open(port);
    assert_int_equal(setsockopt(c.fd, SOL_SOCKET, SO_RCVTIMEO, &pace, sizeof(pace)), 0);
    send_text(&c, "GET / HTTP/1.1\r\nX: ");
    while (recv(c.fd, &end, 1, 0) != 0) {
        assert_true(kn_mono_ms() < deadline_ms);
        (void)send(c.fd, "x", 1, MSG_NOSIGNAL);
    }
    kn_test_http_close(&c);
    is_served(port, NULL, "/a at \"green\" from 127.0.0.1");
    kn_http_stop(s);
}

/* What a guest began to say is not waited for. */
static void test_a_stop_waits_for_no_half_request(void **state)
{
    static const struct kn_http_limits LIMITS = { .threads = 1, .max_body = 1000, .once = true };
    static const char *const HALVES[] = { "", "GET / HTTP/1.1\r\nX: ",
                                          "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1" };
    struct kn_http_server *s = NULL;
    struct kn_test_http clients[KN_COUNT(HALVES)];
    struct kn_error err = { 0 };
    int port;

    (void)state;
    assert_ok(kn_http_serve(NULL, &LIMITS, &OPS, NULL, &s, &err), &err);
    kn_http_door_open(s, "green", listener(&port));
    for (size_t i = 0; i < KN_COUNT(HALVES); i++) {
        clients[i] = kn_test_http_open(port);
        send_text(&clients[i], HALVES[i]);
    }
    is_served(port, NULL, "/a at \"green\" from 127.0.0.1"); /* they were seen before */
    const int64_t begun_ms = kn_mono_ms();
    kn_http_stop(s);
    assert_true(kn_mono_ms() - begun_ms < 10000);
    for (size_t i = 0; i < KN_COUNT(HALVES); i++) {
        assert_false(kn_test_http_read(&clients[i], false));
        kn_test_http_close(&clients[i]);
    }
}

/* So many of one address at one door, whatever it has at another; a door that closes is closed, one that opens again is another. */
static void test_doors(void **state)
{
    static const struct kn_http_limits LIMITS = { .threads = 1, .max_body = 1000, .per_address = 2 };
    struct kn_http_server *s = NULL;
    struct kn_error err = { 0 };
    struct kn_test_http idle[2], more;
    int green, red, again;

    (void)state;
    assert_ok(kn_http_serve(NULL, &LIMITS, &OPS, NULL, &s, &err), &err);
    kn_http_door_open(s, "green", listener(&green));
    kn_http_door_open(s, "red", listener(&red));
    for (int i = 0; i < 2; i++) {
        idle[i] = kn_test_http_open(green);
    }
    more = kn_test_http_open(green);
    assert_false(kn_test_http_read(&more, false));
    kn_test_http_close(&more);
    is_served(green, "127.0.0.2", "/a at \"green\" from 127.0.0.2");
    is_served(red, NULL, "/a at \"red\" from 127.0.0.1");
    kn_http_door_close(s, "green");
    kn_http_door_close(s, "green");
    more = (struct kn_test_http){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
    const struct sockaddr_in at = { .sin_family = AF_INET,
                                    .sin_port = htons((uint16_t)green),
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    assert_int_equal(connect(more.fd, (const struct sockaddr *)&at, sizeof(at)), -1);
    more.head = more.body = more.unread = (struct kn_strbuf)KN_STRBUF_INIT;
    kn_test_http_close(&more);
    send_text(&idle[0], "GET /b HTTP/1.1\r\nHost: x\r\n\r\n"); /* who is in is answered, more than once */
    assert_true(kn_test_http_read(&idle[0], false));
    assert_string_equal(idle[0].body.buf, "/b at \"green\" from 127.0.0.1");
    send_text(&idle[0], "GET /c HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(kn_test_http_read(&idle[0], false));
    kn_http_door_open(s, "red", listener(&again));
    is_served(again, NULL, "/a at \"red\" from 127.0.0.1");
    for (int i = 0; i < 2; i++) {
        kn_test_http_close(&idle[i]);
    }
    kn_http_stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slow_heads_at_the_own_socket),
        cmocka_unit_test(test_slow_heads_at_a_door),
        cmocka_unit_test(test_a_life_ends),
        cmocka_unit_test(test_a_stop_waits_for_no_half_request),
        cmocka_unit_test(test_doors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
