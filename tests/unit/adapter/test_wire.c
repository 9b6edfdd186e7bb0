/* SPDX-License-Identifier: Apache-2.0 */
/* Wires between pairs of sockets: a raw end and a WebSocket's, slow readers, silent clients, ends from either side, and a head that is skipped. */
#include "tests/support/test.h"

#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/adapter/wire.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/process.h"
#include "tests/support/websocket_client.h"

#define LIMIT_MS 60000

/* client - (wire) - console */
static struct {
    struct kn_wires *wires;
    struct kn_test_websocket client;
    int console;
    int inner[2];
    uint64_t id;
    atomic_int ended;
    char why[128];
} on;

static void wire_test_ended(void *ctx, const char *why)
{
    (void)ctx;
    kn_copy(on.why, sizeof(on.why), why);
    close(on.inner[0]);
    close(on.inner[1]);
    atomic_fetch_add(&on.ended, 1);
}

static void join(int64_t ping_ms, int64_t dead_ms, enum kn_wire_speech speech, const char *first)
{
    const struct kn_wires_limits limits = { .ping_ms = ping_ms, .dead_ms = dead_ms, .most = 1 };
    struct kn_error err = { 0 };
    int outer[2], line[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, outer), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line), 0);
    on.client = (struct kn_test_websocket){ .fd = outer[0] };
    on.client.head = on.client.unread = on.client.said = on.client.why = (struct kn_strbuf)KN_STRBUF_INIT;
    on.console = line[0];
    on.inner[0] = outer[1];
    on.inner[1] = line[1];
    on.why[0] = '\0';
    atomic_store(&on.ended, 0);
    const struct kn_wire_plan plan = { .ends = { { outer[1], speech, first }, { line[1], KN_WIRE_RAW, NULL } },
                                       .ended = wire_test_ended };

    assert_ok(kn_wires_new(&limits, &on.wires, &err), &err);
    assert_ok(kn_wires_join(on.wires, &plan, &on.id, &err), &err);
    assert_fails(kn_wires_join(on.wires, &plan, &on.id, &err), &err, KN_TOO_MANY);
}

static void await_end(const char *why)
{
    const int64_t deadline = kn_mono_ms() + LIMIT_MS;

    while (atomic_load(&on.ended) == 0 ||
           kn_wires_count(on.wires) > 0) { /* its place is free a moment after its end is told */
        assert_true(kn_mono_ms() < deadline);
        kn_test_pause(5);
    }
    assert_string_equal(on.why, why);
}

static void leave(void)
{
    kn_wires_free(on.wires);
    assert_int_equal(atomic_load(&on.ended), 1);
    kn_test_websocket_close(&on.client);
    close(on.console);
}

static void console_hears(const char *text)
{
    char got[64] = "";

    assert_int_equal(recv(on.console, got, strlen(text), MSG_WAITALL), (ssize_t)strlen(text));
    assert_string_equal(got, text);
}

static void test_there_and_back(void **state)
{
    (void)state;
    join(0, 0, KN_WIRE_WEBSOCKET, NULL);
    kn_test_websocket_say(&on.client, KN_WEBSOCKET_BINARY, "uname\r", 6);
    console_hears("uname\r");
    assert_int_equal(send(on.console, "Linux", 5, 0), 5);
    kn_test_websocket_await(&on.client, "Linux");
    kn_test_websocket_say(&on.client, KN_WEBSOCKET_PING, "well?", 5);
    assert_int_equal(kn_test_websocket_hear(&on.client), KN_WEBSOCKET_PONG);
    kn_test_websocket_say(&on.client, KN_WEBSOCKET_CLOSE, "\x03\xe8", 2);
    assert_int_equal(kn_test_websocket_end(&on.client), KN_WEBSOCKET_NORMAL);
    await_end("the client closed it");
    leave();
}

/* What it said last is still heard. */
static void test_the_console_ends(void **state)
{
    (void)state;
    join(0, 0, KN_WIRE_WEBSOCKET, NULL);
    assert_int_equal(send(on.console, "Power down.", 11, 0), 11);
    shutdown(on.console, SHUT_RDWR);
    kn_test_websocket_await(&on.client, "Power down.");
    assert_int_equal(kn_test_websocket_hear(&on.client), KN_WEBSOCKET_CLOSE);
    assert_int_equal(on.client.code, KN_WEBSOCKET_NORMAL);
    kn_test_websocket_say(&on.client, KN_WEBSOCKET_CLOSE, "\x03\xe8", 2);
    await_end("the console ended");
    leave();
}

static void test_the_client_goes(void **state)
{
    (void)state;
    join(0, 0, KN_WIRE_WEBSOCKET, NULL);
    shutdown(on.client.fd, SHUT_RDWR);
    await_end("the client went away");
    leave();
}

static void test_cut(void **state)
{
    (void)state;
    join(0, 0, KN_WIRE_WEBSOCKET, NULL);
    kn_wires_cut(on.wires, on.id + 1, KN_WEBSOCKET_AWAY, "another one");
    kn_wires_cut(on.wires, on.id, KN_WEBSOCKET_REFUSED, "revoked");
    assert_int_equal(kn_test_websocket_hear(&on.client), KN_WEBSOCKET_CLOSE);
    assert_int_equal(on.client.code, KN_WEBSOCKET_REFUSED);
    shutdown(on.client.fd, SHUT_RDWR);
    await_end("revoked");
    leave();
}

static void test_free_ends_all(void **state)
{
    (void)state;
    join(0, 0, KN_WIRE_WEBSOCKET, NULL);
    leave();
    assert_string_equal(on.why, "this API stops");
}

/* A client that answers pings lives, however silent it is; one that does not ends. */
static void test_silence(void **state)
{
    (void)state;
    join(40, 600, KN_WIRE_WEBSOCKET, NULL);
    const int64_t begun_ms = kn_mono_ms();

    while (kn_mono_ms() - begun_ms < 1200) {
        assert_int_equal(kn_test_websocket_hear(&on.client), KN_WEBSOCKET_PING);
        kn_test_websocket_say(&on.client, KN_WEBSOCKET_PONG, "", 0);
    }
    assert_int_equal(atomic_load(&on.ended), 0);
    await_end("the client does not answer");
    leave();
}

/* Nobody reads: the writer is held up after little more than the wire's memory and the sockets' own, and gets on when somebody does. */
static void test_slow_readers(void **state)
{
    static char chunk[4096];
    const int64_t deadline = kn_mono_ms() + LIMIT_MS;
    size_t sent = 0, read = 0;

    (void)state;
    memset(chunk, 'x', sizeof(chunk));
    join(0, 0, KN_WIRE_WEBSOCKET, NULL);
    for (struct pollfd p = { on.console, POLLOUT, 0 }; poll(&p, 1, 1000) == 1;) {
        const ssize_t n = send(on.console, chunk, sizeof(chunk), MSG_DONTWAIT);

        sent += n > 0 ? (size_t)n : 0;
        assert_true(kn_mono_ms() < deadline);
    }
    assert_true(sent >= KN_WIRE_BYTES && sent < 4 * 1024 * 1024);
    for (bool more = true; more; more = read < sent) {
        assert_int_equal(kn_test_websocket_hear(&on.client), KN_WEBSOCKET_BINARY);
        read += on.client.said.len;
        kn_strbuf_clear(&on.client.said);
    }
    assert_int_equal(read, sent);
    shutdown(on.console, SHUT_RDWR);
    assert_int_equal(kn_test_websocket_end(&on.client), KN_WEBSOCKET_NORMAL);
    await_end("the console ended");
    leave();
}

/* Who only asks whether we are there, and never reads the answers, ends; no memory grows for him. */
static void test_a_flood_of_pings(void **state)
{
    static const uint8_t PING[] = { 0x89, 0x81, 0, 0, 0, 0, 'p' };
    size_t at = 0; /* a full socket takes a part of one */

    (void)state;
    join(0, 0, KN_WIRE_WEBSOCKET, NULL);
    for (int64_t deadline = kn_mono_ms() + LIMIT_MS; atomic_load(&on.ended) == 0;) {
        assert_true(kn_mono_ms() < deadline);
        const ssize_t sent = send(on.client.fd, PING + at, sizeof(PING) - at, MSG_NOSIGNAL | MSG_DONTWAIT);

        at = sent > 0 ? (at + (size_t)sent) % sizeof(PING) : at;
    }
    await_end("the client does not read");
    leave();
}

static void test_no_protocol(void **state)
{
    (void)state;
    join(0, 0, KN_WIRE_WEBSOCKET, NULL);
    assert_int_equal(send(on.client.fd, "GET / HTTP/1.1\r\n\r\n", 18, 0), 18);
    assert_int_equal(kn_test_websocket_hear(&on.client), KN_WEBSOCKET_CLOSE);
    assert_int_equal(on.client.code, KN_WEBSOCKET_BROKEN);
    shutdown(on.client.fd, SHUT_RDWR);
    await_end("not the WebSocket protocol");
    leave();
}

/* Who dials says the first word, and what comes before the end of the head is nobody's. */
static void test_dialled(void **state)
{
    static const char HEAD[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r";
    char got[8] = "";

    (void)state;
    join(0, 0, KN_WIRE_DIALLED, "hello");
    assert_int_equal(send(on.console, "login: ", 7, 0), 7); /* not before the answer */
    assert_int_equal(recv(on.client.fd, got, 5, MSG_WAITALL), 5);
    assert_string_equal(got, "hello");
    kn_test_pause(20);
    assert_int_equal(recv(on.client.fd, got, 5, MSG_DONTWAIT), -1);
    assert_int_equal(send(on.client.fd, HEAD, sizeof(HEAD) - 1, 0), (ssize_t)sizeof(HEAD) - 1);
    kn_test_pause(20);
    assert_int_equal(send(on.client.fd, "\nls\r", 4, 0), 4);
    console_hears("ls\r");
    assert_int_equal(recv(on.client.fd, got, 7, MSG_WAITALL), 7);
    assert_string_equal(got, "login: ");
    shutdown(on.client.fd, SHUT_RDWR);
    await_end("the console ended");
    leave();
}

static void test_dialled_in_vain(void **state)
{
    (void)state;
    join(0, 0, KN_WIRE_DIALLED, "hello");
    assert_int_equal(send(on.client.fd, "HTTP/1.1 404 Not Found\r\n\r\n", 26, 0), 26);
    await_end("the API wants it no more");
    leave();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),  cmocka_unit_test(test_the_console_ends),
        cmocka_unit_test(test_the_client_goes), cmocka_unit_test(test_cut),
        cmocka_unit_test(test_free_ends_all),   cmocka_unit_test(test_silence),
        cmocka_unit_test(test_slow_readers),    cmocka_unit_test(test_a_flood_of_pings),
        cmocka_unit_test(test_no_protocol),     cmocka_unit_test(test_dialled),
        cmocka_unit_test(test_dialled_in_vain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
