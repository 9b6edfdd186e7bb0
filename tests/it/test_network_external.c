/* SPDX-License-Identifier: Apache-2.0 */
/*
 * External networks of a host that is no lab's: bridged to a device that is a wire, or translated by the host itself ("nat"). A guest behind a router goes out
 * and is reached by a floating address, also by a forwarded port of UDP; a device that is the host's own is left alone, and what is wrong is said. Skipped
 * without root.
 */
#include "tests/support/test.h"

#include <stdio.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/host_agent.h"
#include "tests/support/needs.h"
#include "tests/support/netlab.h"
#include "tests/support/process.h"
#include "tests/support/scratch.h"
#include "tests/support/streams.h"

#define WAIT_MS 60000
#define ROUTER "4e000001-1111-4111-8111-111111111111"
#define INSIDE "0a0a0a0a-1111-4111-8111-111111111111"
#define OUTSIDE "0e0e0e0e-1111-4111-8111-111111111111"
#define SUBNET_IN "0b0b0b0b-1111-4111-8111-111111111111"
#define SUBNET_OUT "0c0c0c0c-1111-4111-8111-111111111111"

static struct kn_machine hub, world_machine, machine;
static struct kn_actor world, agent, shell, guest;
static char dir[KN_TEST_DIR];
static int version;

/* A host with a guest, a router and both networks; `physical` is what the external one is called there. */
static void tell(const char *physical)
{
    const char *said = kn_actor_ask(
        &agent,
        "state {\"host\":\"h\",\"from\":-1,\"version\":%d,\"piece\":1,\"pieces\":1,\"drop\":[],\"put\":["
        "{\"kind\":\"network\",\"id\":\"" INSIDE
        "\",\"type\":\"vxlan\",\"vni\":7,\"mtu\":1450,\"dhcp_ips\":[],\"subnets\":[{\"id\":\"" SUBNET_IN
        "\",\"cidr\":\"10.5.0.0/24\",\"gateway\":\"10.5.0.1\",\"dhcp\":false,\"dns\":[],\"routes\":[]}]},"
        "{\"kind\":\"network\",\"id\":\"" OUTSIDE
        "\",\"type\":\"flat\",\"physical\":\"%s\",\"mtu\":1500,\"dhcp_ips\":[],\"subnets\":[{\"id\":\"" SUBNET_OUT
        "\",\"cidr\":\"172.24.4.0/24\",\"gateway\":\"172.24.4.1\",\"dhcp\":false,\"dns\":[],\"routes\":[]}]},"
        "{\"kind\":\"port\",\"id\":\"" PORT_ID(
            1) "\",\"network\":\"" INSIDE
               "\",\"server\":\"" SERVER(1) "\",\"hostname\":\"g\",\"mac\":\"" MAC(
                   1) "\",\"up\":true,\"filtered\":true,\"ips\":[{\"subnet\":\"" SUBNET_IN "\",\"ip\":\"10.5.0.11\"}]},"
                      "{\"kind\":\"port\",\"id\":\"" PORT_ID(5) "\",\"network\":\"" INSIDE "\",\"mac\":\"" MAC(
                          5) "\",\"up\":true,\"filtered\":false,\"is_router\":true,\"ips\":[{\"subnet\":\"" SUBNET_IN
                             "\",\"ip\":\"10.5.0.1\"}]},"
                             "{\"kind\":\"port\",\"id\":\"" PORT_ID(6) "\",\"network\":\"" OUTSIDE "\",\"mac\":\"" MAC(
                                 6) "\",\"up\":true,\"filtered\":false,\"is_router\":true,\"ips\":[{\"subnet\":\"" SUBNET_OUT
                                    "\",\"ip\":\"172.24.4.10\"}]},"
                                    "{\"kind\":\"router\",\"id\":\"" ROUTER
                                    "\",\"lease\":1,\"up\":true,\"interfaces\":["
                                    "{\"port\":\"" PORT_ID(5) "\",\"network\":\"" INSIDE "\",\"mac\":\"" MAC(
                                        5) "\",\"ips\":[\"10.5.0.1/24\"]},"
                                           "{\"port\":\"" PORT_ID(6) "\",\"network\":\"" OUTSIDE "\",\"mac\":\"" MAC(
                                               6) "\",\"ips\":[\"172.24.4.10/24\"]}],"
                                                  "\"gateway\":1,\"snat\":true,\"snat_ip\":\"172.24.4.10\",\"routes\":[{\"destination\":\"0.0.0.0/0\",\"nexthop\":\"172.24.4.1\"}],"
                                                  "\"floating\":[{\"id\":\"" SERVER(
                                                      8) "\",\"outside\":\"172.24.4.50\",\"inside\":\"10.5.0.11\"}],"
                                                         "\"forwards\":[{\"id\":\"" SERVER(
                                                             9) "\",\"outside\":\"172.24.4.60\",\"inside\":\"10.5.0.11\",\"protocol\":17,\"outside_first\":53,\"outside_last\":53,"
                                                                "\"inside_first\":5353,\"inside_last\":5353}]}]}",
        ++version, physical);

    assert_string_equal(said, "ok");
    kn_actor_ask(&agent, "hold 0");
}

/* Its word reaches the bus. */
static void hold_on(void)
{
    kn_actor_ask(&agent, "hold 0");
}

#define UDP_SERVER \
    "(python3 -c 'import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.bind((\"0.0.0.0\", 5353))\nwhile 1: d, a = s.recvfrom(99); s.sendto(b\"from the guest: \" + d, a)' >/dev/null 2>&1 &)"
#define UDP_ASK \
    "python3 -c 'import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.settimeout(1); s.sendto(b\"hello\", (\"172.24.4.60\", 53)); print(s.recvfrom(99))' | grep -q 'from the guest: hello'"

/* The host has its own wire, eth0, with an address and a way out, and two to spare, eth1 and eth2. */
static int setup(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        return 0;
    }
    kn_test_dir(dir, "net-external");
    kn_machine_start(&hub);
    kn_machine_start(&world_machine);
    kn_machine_start(&machine);
    kn_machine_plug(&world_machine, "eth0", "198.51.100.1/24", &hub, "office");
    kn_machine_plug(&machine, "eth0", "198.51.100.2/24", &hub, "office");
    kn_machine_plug(&world_machine, "eth1", "172.24.4.1/24", &hub, "street");
    kn_machine_plug(&machine, "eth1", NULL, &hub, "street");
    kn_actor_start(&world, &world_machine, kn_shell);
    kn_actor_start(&shell, &machine, kn_shell);
    kn_stream_serve(&world, 0);
    assert_runs(&world, "ip link set eth1 down; ip addr add 203.0.113.1/32 dev lo"); /* somebody further away */
    assert_runs(&shell, "ip route add default via 198.51.100.1");
    kn_actor_start(&agent, &machine, kn_host_agent);
    assert_string_equal(kn_actor_ask(&agent, "physical nats:nat,street:eth1,own:eth0"), "ok");
    assert_string_equal(kn_actor_ask(&agent, "open 192.0.2.1 %s/h", dir), "ok");
    hold_on();
    tell("nats");
    assert_string_equal(kn_actor_ask(&agent, "plug " SERVER(1) " [" NIC(1) "]"), "ok");
    kn_guest_start(&guest, &machine, TAP(1), MAC(1));
    kn_actor_ask(&guest, "ip addr add 10.5.0.11/24 dev eth0; ip route add default via 10.5.0.1");
    kn_stream_serve(&guest, 1);
    kn_actor_ask(&guest, UDP_SERVER);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        return 0;
    }
    struct kn_actor *const actors[] = { &guest, &agent, &shell, &world };

    for (size_t i = 0; i < KN_COUNT(actors); i++) {
        kn_actor_kill(actors[i]);
    }
    kn_machine_stop(&machine);
    kn_machine_stop(&world_machine);
    kn_machine_stop(&hub);
    AUTO_FREE char *command = kn_asprintf("rm -rf %s", dir);

    return system(command);
}

/* --- tests, in order: each builds on the one before ----------------------------------------------------------------- */

/* The host translates: the world sees the host. Whoever has a route by the host reaches floating addresses. */
static void test_nat(void **state)
{
    (void)state;
    need_root();
    kn_actor_await(&guest, PING "198.51.100.1", true, hold_on);
    kn_actor_await(&guest, PING "203.0.113.1", true, hold_on);
    kn_stream_open(&guest, dir, "out", "203.0.113.1");
    assert_true(kn_stream_works(&guest, dir, "out"));
    assert_says(kn_actor_ask(&world, "busybox netstat -tn"), "198.51.100.2:");
    kn_actor_await(&shell, PING "172.24.4.50", true, hold_on);
    kn_actor_await(&shell, "busybox nc -w 2 172.24.4.50 22 </dev/null | grep -q guest1", true, hold_on);
    kn_actor_await(&shell, UDP_ASK, true, hold_on);
    assert_runs(&world, "ip route add 172.24.4.0/24 via 198.51.100.2");
    kn_actor_await(&world, "busybox nc -w 2 172.24.4.50 22 </dev/null | grep -q guest1", true, hold_on);
    kn_actor_await(&world, UDP_ASK, true, hold_on);
    kn_actor_ask(&agent, "hold 0");
    assert_true(kn_stream_works(&guest, dir, "out"));
    assert_runs(&world, "ip route del 172.24.4.0/24");
}

/* The host's own wire is not taken from under it: what is wrong is said of the router, and ends when the address goes. */
static void test_own_device_is_left_alone(void **state)
{
    (void)state;
    need_root();
    tell("own");
    assert_says(kn_actor_ask(&agent, "standing"), "\"why\":\"");
    assert_says(kn_actor_ask(&agent, "standing"), "eth0");
    kn_actor_await(&shell, PING "198.51.100.1", true, NULL);
    assert_runs(&shell, "! ip -d link show eth0 | grep -q master");
}

/* Bridged to a wire to spare: floating addresses are on the wire. */
static void test_bridged(void **state)
{
    (void)state;
    need_root();
    assert_runs(&world, "ip link set eth1 up");
    tell("street");
    kn_actor_await(&guest, PING "172.24.4.1", true, hold_on);
    kn_actor_await(&guest, PING "203.0.113.1", true, hold_on);
    kn_actor_await(&world, PING "172.24.4.50", true, hold_on);
    kn_actor_await(&world, UDP_ASK, true, hold_on);
    kn_stream_open(&world, dir, "in", "172.24.4.50");
    assert_true(kn_stream_works(&world, dir, "in"));
    assert_runs(&shell, "! nft list tables | grep kilonova_0e0e0e0e"); /* nothing is translated by the host any more */
    assert_runs(&shell, "! ip addr show dev kb0e0e0e0e | grep 172.24.4.1/");
    kn_actor_ask(&agent, "hold 0");
    assert_string_equal(kn_actor_ask(&agent, "standing"), "[{\"id\":\"" ROUTER "\",\"lease\":1}]");
    assert_runs(&shell, "ip link set eth1 nomaster"); /* an operator's hand */
    kn_actor_await(&world, PING "172.24.4.50", false, hold_on);
    assert_string_equal(kn_actor_ask(&agent, "tick"), "ok");
    kn_actor_await(&world, PING "172.24.4.50", true, hold_on);
    assert_true(kn_stream_works(&world, dir, "in"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nat),
        cmocka_unit_test(test_own_device_is_left_alone),
        cmocka_unit_test(test_bridged),
    };

    kn_test_needs("busybox", "ip", "nft", "python3");
    return cmocka_run_group_tests(tests, setup, teardown);
}
