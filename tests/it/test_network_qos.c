/* SPDX-License-Identifier: Apache-2.0 */
/* Bandwidth limits of both directions and DSCP marks, with real packets between two guests. Skipped without root. */
#include "tests/support/firewall_world.h"

#include <stdio.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/needs.h"

#define BYTES 1000000
#define KBPS 4000
#define BUCKET 65536

/* Milliseconds for so many bytes there and back. */
static int bulk(void)
{
    AUTO_FREE char *command = kn_asprintf("%s bulk 10.0.0.2 22 %d", kn_fire.tool, BYTES);
    const char *said = kn_actor_ask(&kn_fire.guests[1], "%s", command);

    assert_int_equal(said[0], '0');
    return atoi(said + 2);
}

/* Without a limit it is faster, at the latest when the machine has time for it. */
static void await_faster(int least)
{
    for (const int64_t deadline = kn_mono_ms() + 60000; bulk() >= least;) {
        assert_true(kn_mono_ms() < deadline);
    }
}

/* The bytes that the bucket does not hold pass at the rate and no faster. */
static void test_bandwidth(void **state)
{
    (void)state;
    need_root();
    const int least = (BYTES - 2 * BUCKET) / (KBPS / 8);

    kn_fire_now("group 92 rules=" OUT ",in:4:-1:-1:-1:any,in:6:-1:-1:-1:any", NULL);
    kn_fire_passes(1, 2, TCP4, 22, true);
    await_faster(least);
    assert_string_equal(kn_actor_ask(&kn_fire.agent, "shape " TAP(1) " 0 %d", KBPS), "ok"); /* what guest 1 sends */
    assert_true(bulk() >= least);
    assert_string_equal(kn_actor_ask(&kn_fire.agent, "shape " TAP(1) " %d 0", KBPS), "ok"); /* what it gets */
    assert_true(bulk() >= least);
    assert_string_equal(kn_actor_ask(&kn_fire.agent, "shape " TAP(1) " %d %d", KBPS, KBPS), "ok");
    assert_string_equal(kn_actor_ask(&kn_fire.agent, "shape " TAP(1) " %d %d", KBPS * 2, KBPS),
                        "ok"); /* changed in place */
    assert_true(bulk() >= least);
    assert_runs(&kn_fire.shell,
                "ip link show ti00000001-11 >/dev/null && tc qdisc show dev " TAP(1) " | grep -q 'rate 8Mbit'");
    assert_string_equal(kn_actor_ask(&kn_fire.agent, "shape " TAP(1) " 0 0"), "ok");
    assert_string_equal(kn_actor_ask(&kn_fire.agent, "shape " TAP(1) " 0 0"), "ok");
    await_faster(least);
    assert_false(kn_actor_runs(&kn_fire.shell, "ip link show ti00000001-11"));
    assert_string_equal(kn_actor_ask(&kn_fire.agent, "shape tap0000000f-11 0 0"), "ok"); /* a tap that is not there */
}

static void sees(const char *address, int dscp)
{
    AUTO_FREE char *wanted = kn_asprintf("0 %d ", dscp);

    assert_string_equal(kn_actor_ask(&kn_fire.guests[1], "%s tos %s", kn_fire.tool, address), wanted);
}

static void test_dscp(void **state)
{
    (void)state;
    need_root();
    kn_fire_now("group 92 rules=" OUT ",in:4:-1:-1:-1:any,in:6:-1:-1:-1:any", NULL);
    sees("10.0.0.2", 0);
    kn_fire_now("policy 51 dscp=46", PORT_LINE(1, "a1", 1, "groups=91 policy=51"), NULL);
    sees("10.0.0.2", 46);
    sees("fd00::2", 46);
    kn_fire_now("policy 51 dscp=10", NULL);
    sees("10.0.0.2", 10);
    kn_fire_now("policy 51", NULL);
    sees("10.0.0.2", 0);
    sees("fd00::2", 0);
}

int main(void)
{
    kn_test_needs("busybox", "ip", "nft", "python3", "tc");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bandwidth),
        cmocka_unit_test(test_dscp),
    };
    return cmocka_run_group_tests(tests, kn_fire_setup, kn_fire_teardown);
}
