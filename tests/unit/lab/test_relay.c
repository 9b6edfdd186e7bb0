/* SPDX-License-Identifier: Apache-2.0 */
/* A relay between two socket pairs: bytes, ends of stream, slow readers, broken peers. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lab/relay.h"
#include "lib/base/mem.h"

/* left[0] - left[1] = relay = right[1] - right[0] */
struct line {
    int left;
    int right;
    struct kn_lab_relay *relay;
};

static int setup(void **state)
{
    struct line *line = KN_NEW(struct line);
    int left[2];
    int right[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, left) < 0 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, right) < 0) {
        return -1;
    }
    line->left = left[0];
    line->right = right[0];
    line->relay = kn_lab_relay_new(left[1], right[1]);
    *state = line;
    return 0;
}

static int teardown(void **state)
{
    struct line *line = *state;

    kn_lab_relay_free(line->relay);
    close(line->left);
    close(line->right);
    free(line);
    return 0;
}

static void test_both_ways(void **state)
{
    struct line *line = *state;
    char got[8] = { 0 };

    assert_int_equal(write(line->left, "ping", 4), 4);
    assert_int_equal(write(line->right, "pong", 4), 4);
    assert_true(kn_lab_relay_pump(line->relay));
    assert_int_equal(read(line->right, got, sizeof(got)), 4);
    assert_memory_equal(got, "ping", 4);
    assert_int_equal(read(line->left, got, sizeof(got)), 4);
    assert_memory_equal(got, "pong", 4);
}

static void test_half_close(void **state)
{
    struct line *line = *state;
    char got[8] = { 0 };

    assert_int_equal(write(line->left, "last", 4), 4);
    shutdown(line->left, SHUT_WR);
    assert_true(kn_lab_relay_pump(line->relay));
    assert_int_equal(read(line->right, got, sizeof(got)), 4);
    assert_int_equal(read(line->right, got, sizeof(got)), 0);
    assert_int_equal(write(line->right, "answer", 6), 6);
    assert_true(kn_lab_relay_pump(line->relay));
    assert_int_equal(read(line->left, got, sizeof(got)), 6);
    shutdown(line->right, SHUT_WR);
    assert_false(kn_lab_relay_pump(line->relay));
    assert_int_equal(read(line->left, got, sizeof(got)), 0);
}

/* More than every buffer on the way holds: nothing is lost, nothing doubled, and the relay never waits. */
static void test_slow_reader(void **state)
{
    struct line *line = *state;
    const uint32_t total = 128 * 1024;
    uint32_t sent = 0;
    uint32_t received = 0;

    for (int round = 0; received < total; round++) {
        uint32_t word = 0;
        ssize_t n;

        assert_true(round < 100000000);
        while (sent < total && write(line->left, &sent, sizeof(sent)) == (ssize_t)sizeof(sent)) {
            sent++;
        }
        assert_true(kn_lab_relay_pump(line->relay));
        n = read(line->right, &word, sizeof(word));
        if (n == (ssize_t)sizeof(word)) {
            assert_int_equal(word, received);
            received++;
        }
    }
}

static void test_broken_peer(void **state)
{
    struct line *line = *state;

    close(line->right);
    line->right = open("/dev/null", O_RDONLY);
    assert_int_equal(write(line->left, "lost", 4), 4);
    assert_false(kn_lab_relay_pump(line->relay));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_both_ways, setup, teardown),
        cmocka_unit_test_setup_teardown(test_half_close, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slow_reader, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broken_peer, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
