/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What no honest guest sends is dropped at its tap, by a guest that tries, and is shown to pass without the firewall. Skipped without root.
 */
#include "tests/support/firewall_world.h"

#include <stdio.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/needs.h"
#include "tests/support/process.h"

#define WAIT_MS 60000

/* --- spoofing ---------------------------------------------------------------------------------------------------------- */

/* Works without the firewall and not with it. */
static void expect_dropped(const struct kn_actor *guest, const char *command, const char *before)
{
    assert_runs(&kn_fire.shell, "nft flush ruleset");
    kn_actor_runs(guest, before);
    kn_actor_await(guest, command, true, NULL);
    assert_string_equal(kn_actor_ask(&kn_fire.agent, "digests"), "none");
    assert_string_equal(kn_actor_ask(&kn_fire.agent, "check"), "ok");
    assert_string_equal(kn_actor_ask(&kn_fire.agent, "digests"), "same");
    assert_runs(guest, "%s", before);
    if (kn_actor_runs(guest, command)) {
        fail_msg("was not dropped: %s", command);
    }
}

static void test_spoofed_addresses(void **state)
{
    (void)state;
    need_root();
    kn_fire_now("group 93 rules=" OUT ",in:4:-1:-1:-1:any,in:6:-1:-1:-1:any", NULL);
    assert_runs(&kn_fire.guests[1], "ip addr add 10.0.0.99/24 dev eth0 && ip -6 addr add fd00::99/64 dev eth0 nodad");
    expect_dropped(&kn_fire.guests[1], PING "-I 10.0.0.99 10.0.0.3", "true");
    expect_dropped(&kn_fire.guests[1], PING "-I fd00::99 fd00::3", "true");
    expect_dropped(&kn_fire.guests[1], "busybox arping -c 1 -w 1 -s 10.0.0.99 -I eth0 10.0.0.3", "true");
    /* as allowed address pairs they pass: a plain one, prefixes */
    kn_fire_now(PORT_LINE(1, "a1", 1, "groups=91 pair=10.0.0.99/" MAC(1) ",fd00::90/124/" MAC(1)), NULL);
    kn_actor_await(&kn_fire.guests[1], PING "-I 10.0.0.99 10.0.0.3", true, NULL);
    kn_actor_await(&kn_fire.guests[1], PING "-I fd00::99 fd00::3", true, NULL);
    kn_fire_now(PORT_LINE(1, "a1", 1, "groups=91 pair=10.0.0.96/28/" MAC(1)), NULL);
    kn_actor_await(&kn_fire.guests[1], PING "-I 10.0.0.99 10.0.0.3", true, NULL);
    assert_false(kn_actor_runs(&kn_fire.guests[1], PING "-I fd00::99 fd00::3"));
    kn_fire_now(PORT_LINE(1, "a1", 1, "groups=91"), NULL);
    assert_false(kn_actor_runs(&kn_fire.guests[1], PING "-I 10.0.0.99 10.0.0.3"));
    assert_runs(&kn_fire.guests[1], "ip addr del 10.0.0.99/24 dev eth0; ip -6 addr del fd00::99/64 dev eth0");
    kn_actor_await(&kn_fire.guests[1], PING "10.0.0.3", true, NULL);
    kn_actor_await(&kn_fire.guests[1], PING LOCAL(3) "%eth0", true, NULL); /* link-local of its MAC */
}

static void test_spoofed_mac(void **state)
{
    (void)state;
    need_root();
    assert_runs(&kn_fire.guests[1], "ip link set eth0 down && ip link set eth0 address fa:16:3e:00:00:aa up");
    expect_dropped(&kn_fire.guests[1], PING "10.0.0.3", "ip neigh flush dev eth0; true");
    kn_fire_now(PORT_LINE(1, "a1", 1, "groups=91 pair=10.0.0.1/fa:16:3e:00:00:aa"), NULL);
    kn_actor_await(&kn_fire.guests[1], PING "10.0.0.3", true, NULL);
    kn_fire_now(PORT_LINE(1, "a1", 1, "groups=91"), NULL);
    assert_runs(&kn_fire.guests[1],
                "ip link set eth0 down && ip link set eth0 address " MAC(1) " up && ip -6 addr replace "
                                                                            "fd00::1/64 dev eth0 nodad");
    kn_actor_await(&kn_fire.guests[1], PING "10.0.0.3", true, NULL);
}

/* Sent by guest 1, seen at guest 3; a ping behind it shows that it had the time to come. */
static void expect_not_said(const char *what, const char *seen)
{
    AUTO_FREE char *say = kn_asprintf("%s raw %s && " PING "10.0.0.3", kn_fire.tool, what);

    assert_runs(&kn_fire.shell, "nft flush ruleset");
    for (const int64_t deadline = kn_mono_ms() + WAIT_MS; !kn_actor_runs(&kn_fire.guests[3], seen);) {
        const char *said = kn_actor_ask(&kn_fire.guests[1], "%s", say);

        if (kn_mono_ms() > deadline) {
            fail_msg("does not come: %s: %s: %s", what, said, kn_actor_ask(&kn_fire.guests[3], "ip neigh; ip -6 addr"));
        }
        kn_test_pause(10);
    }
    assert_string_equal(kn_actor_ask(&kn_fire.agent, "check"), "ok");
    assert_runs(&kn_fire.guests[3],
                "ip neigh flush dev eth0; ip -6 route flush proto ra; ip -6 addr flush dynamic dev eth0; ip addr "
                "replace 10.0.0.3/24 dev eth0; true");
    kn_actor_await(&kn_fire.guests[3], PING "10.0.0.2 && " PING "fd00::2", true, NULL);
    kn_actor_await(&kn_fire.guests[1], say, true, NULL);
    if (kn_actor_runs(&kn_fire.guests[3], seen)) {
        fail_msg("was not dropped: %s", what);
    }
}

static void test_what_no_guest_says(void **state)
{
    (void)state;
    need_root();
    kn_fire_now("group 92 rules=" OUT ",in:4:1:8:-1:any,in:6:58:128:-1:any", NULL);
    kn_actor_await(&kn_fire.guests[3], PING "10.0.0.2", true, NULL);
    kn_actor_await(&kn_fire.guests[3], PING "fd00::2", true, NULL);
    expect_not_said("arp 10.0.0.2 10.0.0.3 " MAC(3), "ip neigh | grep -q '10.0.0.2 .*" MAC(1) "'");
    expect_not_said("na " LOCAL(1) " fd00::2 " MAC(3), "ip neigh | grep -q 'fd00::2 .*" MAC(1) "'");
    expect_not_said("ra " LOCAL(1) " 2001:db8:66::", "ip -6 addr | grep -q 2001:db8:66");
}

/* Without port security a guest says what it likes, but not to the doors of the network. */
static void test_port_security_off(void **state)
{
    (void)state;
    need_root();
    kn_fire_now(PORT_LINE(1, "a1", 1, "groups=91 open"), PORT_LINE(3, "a1", 3, "groups=93"), NULL);
    assert_runs(&kn_fire.shell,
                "ip link add kd000000a1 type veth peer name door && ip link set kd000000a1 master kb000000a1 up && "
                "ip link set kb000000a1 arp off && "
                "ip addr add 169.254.169.254/32 dev door && ip link set door up && ip route add 10.0.0.0/24 dev door");
    assert_runs(&kn_fire.guests[3], "ip route replace 169.254.169.254 dev eth0");
    assert_runs(&kn_fire.guests[1], "ip addr add 10.0.0.99/24 dev eth0 && ip route replace 169.254.169.254 dev eth0");
    kn_actor_await(&kn_fire.guests[1], PING "-I 10.0.0.99 10.0.0.3", true, NULL);
    kn_actor_await(&kn_fire.guests[1], PING "169.254.169.254", true, NULL);
    expect_dropped(&kn_fire.guests[1], PING "-I 10.0.0.99 169.254.169.254", "true");
    assert_runs(&kn_fire.shell, "ip link del kd000000a1");
    assert_runs(&kn_fire.guests[1], "ip addr del 10.0.0.99/24 dev eth0; ip addr add 169.254.169.254/32 dev eth0");
    assert_runs(&kn_fire.guests[3], "ip neigh flush dev eth0");
    expect_dropped(&kn_fire.guests[1], PING "-I 169.254.169.254 10.0.0.3",
                   "true; ip route del 169.254.169.254 2>/dev/null; true");
    assert_runs(&kn_fire.guests[1], "ip addr del 169.254.169.254/32 dev eth0");
    kn_fire_now(PORT_LINE(1, "a1", 1, "groups=91"), NULL);
}

static void test_rogue_dhcp(void **state)
{
    (void)state;
    need_root();
    AUTO_FREE char *ask = kn_strdup("busybox udhcpc -i eth0 -n -q -f -t 3 -T 1 -s /bin/true 2>&1 | grep 10.0.0.200");

    assert_runs(&kn_fire.guests[1],
                "cd %s && : > rogue.leases && printf 'start 10.0.0.200\\nend 10.0.0.200\\ninterface eth0\\n"
                "lease_file %s/rogue.leases\\npidfile %s/rogue.pid\\n' > rogue && busybox udhcpd rogue",
                kn_fire.dir, kn_fire.dir, kn_fire.dir);
    expect_dropped(&kn_fire.guests[3], ask, "true");
    assert_runs(&kn_fire.guests[1], "kill $(cat %s/rogue.pid)", kn_fire.dir);
}

static void test_port_down(void **state)
{
    (void)state;
    need_root();
    kn_actor_await(&kn_fire.guests[1], PING "10.0.0.3", true, NULL);
    kn_fire_now(PORT_LINE(3, "a1", 3, "groups=93 down"), NULL);
    assert_false(kn_actor_runs(&kn_fire.guests[1], PING "10.0.0.3"));
    assert_false(kn_actor_runs(&kn_fire.guests[3], PING "10.0.0.1"));
    kn_fire_now(PORT_LINE(3, "a1", 3, "groups=93"), NULL);
    kn_actor_await(&kn_fire.guests[1], PING "10.0.0.3", true, NULL);
}

int main(void)
{
    kn_test_needs("busybox", "ip", "nft", "python3");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spoofed_addresses),  cmocka_unit_test(test_spoofed_mac),
        cmocka_unit_test(test_what_no_guest_says), cmocka_unit_test(test_port_security_off),
        cmocka_unit_test(test_rogue_dhcp),         cmocka_unit_test(test_port_down),
    };
    return cmocka_run_group_tests(tests, kn_fire_setup, kn_fire_teardown);
}
