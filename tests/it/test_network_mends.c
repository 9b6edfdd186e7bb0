/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Somebody's hand at a host: whatever is taken away or changed of a network or a router is seen by who asks (the audit), and is as it was after the next
 * look, while the agent lives; and a look that finds nothing changes nothing. Skipped without root.
 */
#include "tests/support/test.h"

#include <stdio.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "network/host.h"
#include "tests/support/host_agent.h"
#include "tests/support/needs.h"
#include "tests/support/netlab.h"
#include "tests/support/process.h"
#include "tests/support/router_world.h"
#include "tests/support/scratch.h"

#define WAIT_MS 60000

/* One machine with a served network of two guests and a peer; one with a router between a guest and a wire that leads outside. */
static struct kn_machine machine, router_machine, outside_machine, hub;
static struct kn_actor agent, shell, guests[2], router_agent, router_shell, inside, outside;
static char dir[KN_TEST_DIR];

static void hold_on(void)
{
    kn_actor_ask(&router_agent, "hold 0");
}

static void start_network(void)
{
    kn_machine_start(&machine);
    kn_actor_start(&shell, &machine, kn_shell);
    kn_actor_start(&agent, &machine, kn_host_agent);
    assert_string_equal(kn_actor_ask(&agent, "open 192.0.2.1 %s/n", dir), "ok");
    assert_string_equal(kn_actor_ask(&agent,
                                     STATE(-1, 1, NETWORK(1450) "," PORT(1) "," PORT(3) "," PEER(2, "192.0.2.2"), "")),
                        "ok");
    assert_string_equal(kn_actor_ask(&agent, "plug " SERVER(1) " [" NIC(1) "]"), "ok");
    assert_string_equal(kn_actor_ask(&agent, "plug " SERVER(3) " [" NIC(3) "]"), "ok");
    kn_guest_start(&guests[0], &machine, TAP(1), MAC(1));
    kn_guest_start(&guests[1], &machine, TAP(3), MAC(3));
    kn_actor_ask(&guests[0], "ip addr add " IP(1) "/24 dev eth0; ip link set eth0 up; ip route add 169.254.169.254 via "
                                                  "10.5.0.2");
    kn_actor_ask(&guests[1], "ip addr add " IP(3) "/24 dev eth0; ip link set eth0 up");
}

static void start_router(void)
{
    kn_machine_start(&hub);
    kn_machine_start(&outside_machine);
    kn_machine_plug(&outside_machine, "eth0", "172.24.4.1/24", &hub, "wire");
    kn_actor_start(&outside, &outside_machine, kn_shell);
    kn_machine_start(&router_machine);
    kn_machine_plug(&router_machine, "ext0", NULL, &hub, "wire");
    kn_actor_start(&router_shell, &router_machine, kn_shell);
    kn_actor_start(&router_agent, &router_machine, kn_host_agent);
    assert_string_equal(kn_actor_ask(&router_agent, "physical public:ext0"), "ok");
    assert_string_equal(kn_actor_ask(&router_agent, "open 192.0.2.1 %s/r", dir), "ok");
    hold_on();
    kn_router_now.floating = "{\"id\":\"f1000001-1111-4111-8111-111111111111\",\"outside\":\"172.24.4.50\","
                             "\"inside\":\"10.1.0.11\"}";
    AUTO_FREE char *words = kn_router_words(0);

    assert_string_equal(kn_actor_ask(&router_agent, "%s", words), "ok");
    assert_string_equal(
        kn_actor_ask(&router_agent,
                     "plug " SERVER(1) " [{\"port\":\"%s\",\"mac\":\"%s\",\"tap\":\"" TAP(1) "\",\"mtu\":1450}]",
                     kn_router_port_id(0), kn_router_port_mac(0)),
        "ok");
    kn_guest_start(&inside, &router_machine, TAP(1), kn_router_port_mac(0));
    kn_actor_ask(&inside, "ip addr add 10.1.0.11/24 dev eth0; ip link set eth0 mtu 1450 up; ip route add default via "
                          "10.1.0.1");
}

static int setup(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        return 0;
    }
    kn_test_dir(dir, "net-mends");
    start_network();
    start_router();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        return 0;
    }
    kn_actor_ask(&agent, STATE(-1, 9, "", "")); /* which ends its dnsmasq */
    struct kn_actor *const actors[] = { &agent,        &shell,        &guests[0], &guests[1],
                                        &router_agent, &router_shell, &inside,    &outside };

    for (size_t i = 0; i < KN_COUNT(actors); i++) {
        kn_actor_kill(actors[i]);
    }
    kn_machine_stop(&machine);
    kn_machine_stop(&router_machine);
    kn_machine_stop(&outside_machine);
    kn_machine_stop(&hub);
    AUTO_FREE char *command = kn_asprintf("rm -rf %s", dir);

    return system(command);
}

/* What is broken is seen, mended by one look, and seen to be mended; the command is the only thing that is said of a failure. */
static void hurt(const struct kn_actor *with, const struct kn_actor *of, const char *command)
{
    const char *said;

    assert_string_equal(kn_actor_ask(of, "broken"), "[]");
    assert_runs(with, "%s", command);
    if (strcmp(kn_actor_ask(of, "broken"), "[]") == 0) {
        fail_msg("nobody sees: %s", command);
    }
    said = kn_actor_ask(of, "tick");
    if (strcmp(said, "ok") != 0) {
        fail_msg("%s: %s", command, said);
    }
    said = kn_actor_ask(of, "broken");
    if (strcmp(said, "[]") != 0) {
        fail_msg("is not mended: %s: %s", command, said);
    }
}

#define VXLAN "kx0a0a0a0a"
#define DHCP "ip netns exec kn-0a0a0a0a "

static void test_a_network(void **state)
{
    static const struct {
        const char *hurts, *stands;
    } HANDS[] = {
        { "bridge fdb del " MAC(2) " dev " VXLAN " self",
          "bridge fdb show dev " VXLAN " | grep " MAC(2) " | grep dst" },
        { "bridge fdb del " MAC(2) " dev " VXLAN " master",
          "bridge fdb show dev " VXLAN " | grep " MAC(2) " | grep master" },
        { "bridge fdb add " MAC(2) " dev " VXLAN
                                   " self dst 192.0.2.9 static; bridge fdb append " MAC(3) " dev " VXLAN
                                                                                           " self dst 192.0.2.9",
          "! bridge fdb show dev " VXLAN " | grep 192.0.2.9" },
        { "ip neigh del " IP(2) " dev " VXLAN, "ip neigh show nud permanent dev " VXLAN " | grep " IP(2) },
        { "ip link set " VXLAN " down", "ip link show " VXLAN " | grep -w UP" },
        { "ip link set " VXLAN " nomaster", "ip link show " VXLAN " | grep 'master " BRIDGE "'" },
        { "bridge fdb del " MAC(1) " dev " TAP(1) " master", "bridge fdb show dev " TAP(1) " | grep " MAC(1) },
        { "ip link set " TAP(1) " nomaster", "ip link show " TAP(1) " | grep 'master " BRIDGE "'" },
        { "ip link set " TAP(1) " down", "ip link show " TAP(1) " | grep -w UP" },
        { "ip link set " TAP(1) " mtu 1000", "ip link show " TAP(1) " | grep 'mtu 1450'" },
        { "bridge link set dev " TAP(1) " learning on flood on",
          "bridge -d link show dev " TAP(1) " | grep 'learning off flood off'" },
        { "ip link set " BRIDGE " down", "ip link show " BRIDGE " | grep -w UP" },
        { "ip link set " BRIDGE " mtu 1000", "ip link show " BRIDGE " | grep 'mtu 1450'" },
        { "echo 0 > /proc/sys/net/ipv6/conf/all/disable_ipv6",
          "grep -x 1 /proc/sys/net/ipv6/conf/" BRIDGE "/disable_ipv6" },
        { "echo 0 > /proc/sys/net/ipv4/conf/" BRIDGE "/arp_ignore",
          "grep -x 8 /proc/sys/net/ipv4/conf/" BRIDGE "/arp_ignore" },
        { "ip link del " BRIDGE, "ip link show " TAP(1) " | grep 'master " BRIDGE "'" },
        { "ip link set kd0a0a0a0a down", "ip link show kd0a0a0a0a | grep -w UP" },
        { "ip link del kd0a0a0a0a", DHCP "ip addr show dhcp | grep 10.5.0.2/" },
        { DHCP "ip link set dhcp down", DHCP "ip link show dhcp | grep -w UP" },
        { DHCP "ip addr flush dev dhcp", DHCP "ip addr show dhcp | grep 10.5.0.2/" },
        { DHCP "ip addr del 169.254.169.254/32 dev dhcp", DHCP "ip addr show dhcp | grep 169.254.169.254" },
        { DHCP "ip addr add 10.5.0.222/24 dev dhcp", "! " DHCP "ip addr show dhcp | grep 10.5.0.222" },
        { DHCP "ip link set dhcp address fa:16:3e:aa:aa:aa", DHCP "ip link show dhcp | grep fa:16:3e:ff:ff:ff" },
        { "ip netns del kn-0a0a0a0a", DHCP "ip addr show dhcp | grep 10.5.0.2/" },
    };

    (void)state;
    need_root();
    for (size_t i = 0; i < KN_COUNT(HANDS); i++) {
        hurt(&shell, &agent, HANDS[i].hurts);
        assert_runs(&shell, "%s >/dev/null", HANDS[i].stands);
        kn_actor_await(&guests[0], PING IP(3), true, NULL);
        kn_actor_await(&guests[0], PING "10.5.0.2", true, NULL);
        kn_actor_await(&guests[0], "busybox wget -qO- http://169.254.169.254/ | grep -q " SERVER(1), true, NULL);
        kn_actor_await(&guests[0], "busybox nslookup host-10-5-0-12 10.5.0.2 | grep -q " IP(2), true, NULL);
    }
}

#define INSIDE "ip netns exec kr-4e000001 "

/* Whoever asks the host at that moment, what waits for who asks, and the outside: all go on. */
static void test_a_router(void **state)
{
    static const char *const HANDS[] = {
        INSIDE "nft flush ruleset",
        INSIDE "nft flush chain ip kilonova prerouting",
        INSIDE "nft delete element ip kilonova inside '{ 172.24.4.50 }'",
        INSIDE "ip route del default",
        INSIDE "ip route add 198.51.100.0/24 via 10.1.0.99 proto static",
        INSIDE "sh -c 'echo 0 > /proc/sys/net/ipv4/ip_forward'",
        INSIDE "ip link set r-0a000001-11 down",
        INSIDE "ip link set r-0a000001-11 mtu 1000",
        INSIDE "ip addr del 10.1.0.1/24 dev r-0a000001-11",
        INSIDE "ip addr add 172.24.4.77/32 dev r-0a000003-11",
        INSIDE "ip link del r-0a000003-11",
        "ip link set kr0a000001-11 down",
        "ip link set kr0a000001-11 nomaster",
        "ip link set kr0a000003-11 mtu 1000",
        "bridge fdb del fa:16:3e:00:01:01 dev kr0a000001-11 master",
        "ip netns del kr-4e000001",
        "ip link set ext0 down",
        "ip link set ext0 nomaster",
        "bridge link set dev ext0 learning off",
    };

    (void)state;
    need_root();
    kn_actor_await(&outside, PING "172.24.4.50", true, hold_on);
    for (size_t i = 0; i < KN_COUNT(HANDS); i++) {
        hold_on();
        hurt(&router_shell, &router_agent, HANDS[i]);
        kn_actor_await(&outside, PING "172.24.4.50", true, hold_on);
        kn_actor_await(&inside, PING "172.24.4.1", true, hold_on);
    }
    assert_runs(&router_shell, INSIDE "ip addr show | grep -c '172.24.4.77\\|198.51.100' | grep -x 0");
}

/* Below 1280 a device has no IPv6 at all. */
static void test_a_small_mtu(void **state)
{
    (void)state;
    need_root();
    assert_string_equal(kn_actor_ask(&agent, STATE(1, 2, NETWORK(1000), "")), "ok");
    assert_string_equal(kn_actor_ask(&agent, "broken"), "[]");
    assert_runs(&shell, "ip link show " TAP(1) " | grep 'mtu 1000' && ip link show " VXLAN " | grep 'mtu 1000' && " DHCP
                                               "ip link show dhcp | grep 'mtu 1000'");
    kn_actor_await(&guests[0], PING IP(3), true, NULL);
    assert_string_equal(kn_actor_ask(&agent, STATE(2, 3, NETWORK(1450), "")), "ok");
    assert_string_equal(kn_actor_ask(&agent, "broken"), "[]");
    assert_runs(&shell, "! ip -6 addr show | grep fe80"); /* the host does not speak there */
    assert_runs(&shell, DHCP "ip addr show dhcp | grep fe80::a9fe:a9fe");
}

#define SERVED(mac, ip, dhcp) \
    "{\"kind\":\"network\",\"id\":\"" NET "\",\"type\":\"vxlan\",\"vni\":4242,\"mtu\":1450,\"dhcp_mac\":\"" mac \
    "\",\"dhcp_ips\":[\"" ip "\"],\"subnets\":[{\"id\":\"" SUBNET \
    "\",\"cidr\":\"10.5.0.0/24\",\"gateway\":\"10.5.0.1\",\"dhcp\":" dhcp ",\"dns\":[],\"routes\":[]}]}"

/* What the state does not say any more is answered by nobody: an address of DHCP's that may be a guest's by now, and DHCP itself. */
static void test_what_was_served_ends(void **state)
{
    (void)state;
    need_root();
    /* the kernel takes the second address of a range away with the first */
    assert_runs(&shell, DHCP "ip addr add 10.5.0.9/24 dev dhcp");
    assert_string_equal(kn_actor_ask(&agent, STATE(3, 4, SERVED("fa:16:3e:ff:ff:ff", "10.5.0.9", "true"), "")), "ok");
    assert_string_equal(kn_actor_ask(&agent, "broken"), "[]");
    kn_actor_await(&guests[0], PING "10.5.0.9", true, NULL);
    assert_runs(&shell, "! " DHCP "ip addr show dhcp | grep 10.5.0.2/");
    kn_actor_await(&guests[0], PING "10.5.0.2", false, NULL);
    /* nothing is served: no process, and no address but the door's */
    assert_string_equal(kn_actor_ask(&agent, STATE(4, 5, SERVED("fa:16:3e:ff:ff:ff", "10.5.0.9", "false"), "")), "ok");
    assert_string_equal(kn_actor_ask(&agent, "broken"), "[]");
    assert_runs(&shell, "! " DHCP "ip addr show dhcp | grep 10.5.0.9 && " DHCP
                        "ip addr show dhcp | grep '169.254.169.254 peer 10.5.0.0/24'");
    kn_actor_await(&guests[0], PING "10.5.0.9", false, NULL);
    assert_runs(&shell, "! pgrep -f '[d]nsmasq.*%s/n/'", dir);
    kn_actor_await(&guests[0], PING IP(3), true, NULL);
    assert_string_equal(kn_actor_ask(&agent, STATE(5, 6, SERVED("fa:16:3e:ff:ff:01", "10.5.0.2", "true"), "")), "ok");
    kn_actor_await(&guests[0], PING "10.5.0.2", true, NULL);
    kn_actor_await(&guests[0], "busybox wget -qO- http://169.254.169.254/ | grep -q " SERVER(1), true, NULL);
    /* and what the host was not told between is no matter */
    assert_string_equal(kn_actor_ask(&agent, STATE(6, 7, SERVED("fa:16:3e:ff:ff:02", "10.5.0.3", "true"), "")), "ok");
    assert_string_equal(kn_actor_ask(&agent, "broken"), "[]");
    kn_actor_await(&guests[0], PING "10.5.0.3", true, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_network),
        cmocka_unit_test(test_a_router),
        cmocka_unit_test(test_a_small_mtu),
        cmocka_unit_test(test_what_was_served_ends),
    };

    kn_test_needs("busybox", "ip", "bridge", "nft");
    return cmocka_run_group_tests(tests, setup, teardown);
}
