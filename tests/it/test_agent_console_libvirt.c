/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consoles of a real guest: the agent dials, and behind the socket is the guest's own shell, or its picture; the log of the line goes on. The API is played here. Needs
 * what tests/support/one_guest.h says.
 */
#include "tests/support/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"
#include "tests/support/one_guest.h"
#include "tests/support/process.h"

#define LIMIT_MS 60000
#define SECRET(digit) digit "000000000000000000000000000000000000000000000000000000000000000"

static int api = -1; /* listens */
static char address[32];

static void listen_as_api(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);

    api = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(api, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(api, 8), 0);
    assert_int_equal(getsockname(api, (struct sockaddr *)&at, &len), 0);
    snprintf(address, sizeof(address), "127.0.0.1:%d", ntohs(at.sin_port));
}

/* The answer's code; KN_OK: it is done. secret NULL: only whether it could be. */
static enum kn_code ask_console(const char *type, const char *secret)
{
    json_t *body = json_pack("{s:s, s:s}", "server", kn_one_guest.server, "type", type);

    if (secret != NULL) {
        json_object_set_new(body, "address", json_string(address));
        json_object_set_new(body, "secret", json_string(secret));
    }
    AUTO_RELEASE(kn_message) struct kn_message m = kn_test_agent_ask(&kn_one_guest.agent, "server.console", 1, body);

    return m.ok ? KN_OK : m.error.code;
}

static void await_bytes(int fd, struct kn_strbuf *said, const char *text)
{
    const int64_t deadline = kn_mono_ms() + LIMIT_MS;

    while (memmem(said->buf, said->len, text, strlen(text)) == NULL) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        char chunk[4096];
        const ssize_t n = poll(&p, 1, LIMIT_MS) == 1 ? recv(fd, chunk, sizeof(chunk), 0) : -1;

        if (n <= 0 || kn_mono_ms() > deadline) {
            fail_msg("no \"%s\" but %s", text, said->buf);
        }
        kn_strbuf_add(said, chunk, (size_t)n);
    }
}

/* The agent comes, says the secret, and is let in. */
static int let_in(const char *secret)
{
    static const char YES[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: kilonova-console\r\n\r\n";
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf head = KN_STRBUF_INIT;
    AUTO_FREE char *wanted = kn_asprintf("GET /?token=%s HTTP/1.1\r\n", secret);
    struct pollfd p = { .fd = api, .events = POLLIN };

    assert_int_equal(poll(&p, 1, LIMIT_MS), 1);
    const int fd = accept(api, NULL, NULL);

    await_bytes(fd, &head, "\r\n\r\n");
    assert_int_equal(strncmp(head.buf, wanted, strlen(wanted)), 0);
    assert_int_equal(send(fd, YES, sizeof(YES) - 1, MSG_NOSIGNAL), (ssize_t)sizeof(YES) - 1);
    return fd;
}

static void type_line(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void test_before_there_is_a_guest(void **state)
{
    (void)state;
    listen_as_api();
    assert_int_equal(ask_console("serial", NULL), KN_NOT_FOUND);
    kn_one_guest_tell_networks();
    kn_one_guest_spawn(1);
    kn_one_guest_await_said("GUEST-READY", 1);
    assert_int_equal(ask_console("serial", NULL), KN_OK);
    assert_int_equal(ask_console("novnc", NULL), KN_OK);
    assert_int_equal(ask_console("spice-html5", NULL), KN_NOT_IMPLEMENTED);
}

/* A typed command answers, a second client is told so, a question that comes twice opens once, and the log has it all. */
static void test_the_line(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf said = KN_STRBUF_INIT;

    (void)state;
    assert_int_equal(ask_console("serial", SECRET("1")), KN_OK);
    int fd = let_in(SECRET("1"));

    assert_int_equal(ask_console("serial", SECRET("1")), KN_OK);
    assert_int_equal(ask_console("serial", SECRET("2")), KN_TOO_MANY);
    type_line(fd, "\recho line-$((40 + 2))\r");
    await_bytes(fd, &said, "line-42");
    kn_one_guest_await_said("line-42", 1);
    close(fd);
    enum kn_code again;

    do { /* the agent sees the end in a moment */
        again = ask_console("serial", SECRET("3"));
        assert_true(again == KN_OK || again == KN_TOO_MANY);
    } while (again != KN_OK);
    fd = let_in(SECRET("3"));
    kn_strbuf_clear(&said);
    type_line(fd, "\recho again-$((40 + 3))\r");
    await_bytes(fd, &said, "again-43");
    close(fd);
}

/* No port of the host leads to it. */
static void test_the_picture(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf said = KN_STRBUF_INIT;

    (void)state;
    assert_int_equal(ask_console("novnc", SECRET("4")), KN_OK);
    const int fd = let_in(SECRET("4"));

    await_bytes(fd, &said, "RFB 003.008\n");
    type_line(fd, "RFB 003.008\n");
    await_bytes(fd, &said, "\x01"); /* as many kinds of security as there are: one */
    assert_int_equal(system("! ss -Hltn | grep -E ':59[0-9][0-9] '"), 0);
    close(fd);
}

/* An API that does not take it, or is not there, costs nothing; a guest that goes ends what is open. */
static void test_ends(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf said = KN_STRBUF_INIT;
    char byte;

    (void)state;
    assert_int_equal(ask_console("novnc", SECRET("5")), KN_OK);
    const int refused = accept(api, NULL, NULL);

    type_line(refused, "HTTP/1.1 403 Forbidden\r\n\r\n");
    while (recv(refused, &byte, 1, 0) > 0) {
    }
    close(refused);
    assert_int_equal(ask_console("novnc", SECRET("6")), KN_OK);
    const int fd = let_in(SECRET("6"));

    await_bytes(fd, &said, "RFB");
    kn_one_guest_destroy(2);
    while (recv(fd, &byte, 1, 0) > 0) {
    }
    close(fd);
    assert_int_equal(ask_console("serial", SECRET("7")), KN_STALE);
    close(api);
}

static int run_inside(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_before_there_is_a_guest),
        cmocka_unit_test(test_the_line),
        cmocka_unit_test(test_the_picture),
        cmocka_unit_test(test_ends),
    };

    return cmocka_run_group_tests(tests, kn_one_guest_setup, kn_one_guest_teardown);
}

int main(void)
{
    kn_test_needs("ip", "virsh", "curl", "libvirtd", "qemu-img", "ss");
    return kn_one_guest_main(run_inside);
}
