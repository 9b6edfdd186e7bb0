/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host keeps as it made it, beside what test_network_host.c sees: a dnsmasq that is frozen, limits that were taken away by hand, the metadata door of IPv6.
 * Skipped without root.
 */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/host_agent.h"
#include "tests/support/needs.h"
#include "tests/support/netlab.h"
#include "tests/support/scratch.h"

#define WAIT_MS 60000
#define POLICY "51515151-1111-4111-8111-111111111111"

static struct kn_machine machine;
static struct kn_actor agent, shell;
static int version;
static char dir[KN_TEST_DIR];

static void tell(const char *put)
{
    AUTO_FREE char *body = kn_asprintf(
        "state {\"host\":\"h\",\"from\":%d,\"version\":%d,\"piece\":1,\"pieces\":1,\"put\":[%s],\"drop\":[]}",
        version == 0 ? -1 : version, version + 1, put);

    assert_string_equal(kn_actor_ask(&agent, "%s", body), "ok");
    version++;
}

static void tick(void)
{
    assert_string_equal(kn_actor_ask(&agent, "tick"), "ok");
}

static int setup(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        return 0;
    }
    kn_test_dir(dir, "net-kept");
    kn_machine_start(&machine);
    kn_actor_start(&shell, &machine, kn_shell);
    kn_actor_start(&agent, &machine, kn_host_agent);
    assert_string_equal(kn_actor_ask(&agent, "open 192.0.2.1 %s/a", dir), "ok");
    tell(NETWORK(1450) "," PORT(1));
    assert_string_equal(kn_actor_ask(&agent, "plug " SERVER(1) " [" NIC(1) "]"), "ok");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        return 0;
    }
    kn_actor_ask(&agent, "unplug " SERVER(1));
    kn_actor_kill(&agent);
    kn_actor_kill(&shell);
    kn_machine_stop(&machine);
    AUTO_FREE char *command = kn_asprintf("rm -rf %s", dir);

    return system(command);
}

/* A little while, for who is to answer. */
#define PAUSE "busybox usleep 200000"

/* It has its pid and hears nothing: noticed by what it does not answer, in a few looks at the network. */
static void test_a_frozen_dnsmasq_is_replaced(void **state)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;

    (void)state;
    need_root();
    AUTO_FREE char *before = kn_strdup(kn_actor_ask(&shell, "cat %s/a/networks/" NET "/pid", dir));

    for (int asked = 0; asked < 6; asked++) {
        tick();
        assert_runs(&shell, PAUSE);
    }
    assert_string_equal(kn_actor_ask(&shell, "cat %s/a/networks/" NET "/pid", dir), before); /* it answers */
    assert_runs(&shell, "kill -STOP %s", before + 2);
    while (strcmp(kn_actor_ask(&shell, "cat %s/a/networks/" NET "/pid", dir), before) == 0) {
        assert_true(kn_mono_ms() < deadline);
        tick();
        assert_runs(&shell, PAUSE);
    }
    assert_runs(&shell, "! grep -q dnsmasq /proc/%s/cmdline 2>/dev/null", before + 2);
    assert_runs(&shell, "ip netns exec kn-0a0a0a0a busybox netstat -lun | grep -q ':53 '");
}

#define LIMITED \
    "tc qdisc show dev " TAP( \
        1) " | grep -q 'tbf.*5Mbit' && tc qdisc show dev ti00000001-11 | grep -q 'tbf.*7Mbit' && " \
           "tc filter show dev " TAP(1) " parent ffff: | grep -q ti00000001-11"

/* What somebody took away or changed by hand comes back. */
static void test_limits_come_back(void **state)
{
    static const char *const HANDS[] = {
        "tc qdisc del dev " TAP(1) " root",
        "tc qdisc del dev " TAP(1) " ingress",
        "tc filter del dev " TAP(1) " parent ffff:",
        "tc qdisc replace dev ti00000001-11 root tbf rate 1mbit burst 64k latency 50ms",
        "ip link del ti00000001-11",
    };

    (void)state;
    need_root();
    AUTO_FREE char *port = kn_asprintf("%.*s,\"policy\":\"" POLICY "\"}", (int)strlen(PORT(1)) - 1, PORT(1));
    AUTO_FREE char *limited = kn_asprintf("%s,{\"kind\":\"policy\",\"id\":\"" POLICY
                                          "\",\"to_guest\":{\"max_kbps\":5000},\"from_guest\":{\"max_kbps\":7000}}",
                                          port);

    tell(limited);
    assert_runs(&shell, LIMITED);
    for (size_t i = 0; i < KN_COUNT(HANDS); i++) {
        assert_runs(&shell, "%s", HANDS[i]);
        assert_false(kn_actor_runs(&shell, LIMITED));
        tick();
        assert_runs(&shell, LIMITED);
    }
}

#define DOOR "ip netns exec kn-0a0a0a0a busybox netstat -ltn | grep -q a9fe:a9fe:80"

/* Below IPv6's least MTU there is no door of IPv6; above it there is one again, and it can be reached. */
static void test_metadata_comes_back_with_the_mtu(void **state)
{
    (void)state;
    need_root();
    assert_runs(&shell, DOOR);
    tell(NETWORK(1200));
    kn_actor_kill(&agent); /* the next life begins below it */
    kn_actor_start(&agent, &machine, kn_host_agent);
    assert_string_equal(kn_actor_ask(&agent, "open 192.0.2.1 %s/a", dir), "ok");
    assert_false(kn_actor_runs(&shell, DOOR));
    tell(NETWORK(1450));
    assert_runs(&shell, DOOR);
    tell(NETWORK(1200));
    assert_false(kn_actor_runs(&shell, DOOR));
    tell(NETWORK(1450));
    assert_runs(&shell, DOOR);
    assert_string_equal(kn_actor_ask(&agent, "broken"), "[]");
}

#define ASK "timeout 3 busybox wget -qO- http://169.254.169.254/"

#define UNSERVED \
    "{\"kind\":\"network\",\"id\":\"" NET \
    "\",\"type\":\"vxlan\",\"vni\":4242,\"mtu\":1450,\"subnets\":[{\"id\":\"" SUBNET \
    "\",\"cidr\":\"10.5.0.0/24\",\"gateway\":\"10.5.0.1\",\"dhcp\":false,\"dns\":[],\"routes\":[]}]}"

/* A guest that was told of nothing but its router sends to the router's MAC, and the door of its own host answers; in nobody's name but its own. Also where the network has no DHCP. */
static void test_metadata_by_way_of_a_router(void **state)
{
    struct kn_actor guest;

    (void)state;
    need_root();
    tell(PORT(2));
    kn_guest_start(&guest, &machine, TAP(1), MAC(1));
    assert_runs(&guest, "ip addr add " IP(1) "/24 dev eth0 && ip addr add " IP(
                            2) "/32 dev eth0 && "
                               "ip route add default via 10.5.0.1 && "
                               "ip neigh add 10.5.0.1 lladdr fa:16:3e:aa:aa:aa dev eth0 nud permanent");
    kn_actor_await(&guest, ASK " | grep " SERVER(1), true, NULL);
    assert_runs(&guest, "ip route add 169.254.169.254 via 10.5.0.1 src " IP(2));
    assert_false(kn_actor_runs(&guest, ASK));
    assert_runs(&guest, "ip route del 169.254.169.254");
    kn_actor_await(&guest, ASK " | grep " SERVER(1), true, NULL);
    assert_says(kn_actor_ask(&agent, "firewall"), "same");
    tell(UNSERVED);
    assert_runs(&shell, "! ip netns exec kn-0a0a0a0a busybox netstat -lun | grep -q ':53 '");
    for (int i = 0; i < 2; i++) {
        kn_actor_await(&guest, ASK " | grep " SERVER(1), true, NULL);
        assert_string_equal(kn_actor_ask(&agent, "broken"), "[]");
        assert_says(kn_actor_ask(&agent, "firewall"), "same");
        assert_runs(&shell, DOOR);
        assert_runs(&shell, "ip netns exec kn-0a0a0a0a ip addr del 169.254.169.254 peer 10.5.0.0/24 dev dhcp");
        assert_false(strcmp(kn_actor_ask(&agent, "broken"), "[]") == 0);
        tick();
    }
    tell(NETWORK(1450));
    kn_actor_await(&shell, "ip netns exec kn-0a0a0a0a busybox netstat -lun | grep -q ':53 '", true, NULL);
    kn_actor_await(&guest, ASK " | grep " SERVER(1), true, NULL);
    assert_string_equal(kn_actor_ask(&agent, "broken"), "[]");
    kn_actor_kill(&guest);
}

#define GROUP "91919191-1111-4111-8111-111111111111"
#define RULE(direction) "{\"id\":\"" GROUP "\",\"ingress\":" direction ",\"family\":4}"

/* One guest that fills its room for connections takes none of the others', and keeps those that it has. */
static void test_a_guest_fills_no_more_than_its_room(void **state)
{
    struct kn_actor guest, other;

    (void)state;
    need_root();
    AUTO_FREE char *one = kn_asprintf("%.*s,\"groups\":[\"" GROUP "\"]}", (int)strlen(PORT(1)) - 1, PORT(1));
    AUTO_FREE char *two = kn_asprintf("%.*s,\"groups\":[\"" GROUP "\"]}", (int)strlen(PORT(2)) - 1, PORT(2));
    AUTO_FREE char *all = kn_asprintf("{\"kind\":\"group\",\"id\":\"" GROUP
                                      "\",\"stateful\":true,\"rules\":[" RULE("true") "," RULE("false") "]},%s,%s",
                                      one, two);

    tell(all);
    assert_string_equal(kn_actor_ask(&agent, "plug " SERVER(2) " [" NIC(2) "]"), "ok");
    kn_guest_start(&guest, &machine, TAP(1), MAC(1));
    kn_guest_start(&other, &machine, TAP(2), MAC(2));
    assert_runs(&guest, "ip addr add " IP(1) "/24 dev eth0");
    assert_runs(&other, "ip addr add " IP(2) "/24 dev eth0; ip addr add 10.5.0.99/32 dev lo");
    kn_actor_await(&guest, PING IP(2), true, NULL);
    /* What is full stays full, however slow the machine is. */
    assert_runs(&shell, "echo 600 > /proc/sys/net/netfilter/nf_conntrack_udp_timeout");
    assert_runs(&guest,
                "bash -c 'for ((p = 1; p < 20000; p++)); do echo >/dev/udp/" IP(2) "/$p; done' 2>/dev/null; true");
    kn_actor_await(&guest, PING IP(2), false, NULL);
    kn_actor_await(&other, PING IP(1), true, NULL); /* of its own room */
    assert_says(kn_actor_ask(&agent, "firewall"), "same");
    assert_runs(&shell, "[ $(cat /proc/sys/net/netfilter/nf_conntrack_count) -le 9000 ]");
    kn_actor_kill(&guest);
    kn_actor_kill(&other);
    assert_string_equal(kn_actor_ask(&agent, "unplug " SERVER(2)), "ok");
}

/* Within half a second there is more of what it writes, or there is not. */
#define FLOWS "was=$(cat %s/flow); busybox usleep 500000; [ \"$(cat %s/flow)\" != \"$was\" ]"

/* A life that ends after it has written down that a group lets nobody in any more, and before it cut who was in: the next one cuts. */
static void test_a_change_outlives_who_heard_it(void **state)
{
    struct kn_actor guest, other;

    (void)state;
    need_root();
    AUTO_FREE char *tool = realpath("tests/support/guest_net.py", NULL);
    AUTO_FREE char *one = kn_asprintf("%.*s,\"groups\":[\"" GROUP "\"]}", (int)strlen(PORT(1)) - 1, PORT(1));
    AUTO_FREE char *two = kn_asprintf("%.*s,\"groups\":[\"" GROUP "\"]}", (int)strlen(PORT(2)) - 1, PORT(2));
    AUTO_FREE char *nobody = kn_asprintf("{\"kind\":\"group\",\"id\":\"" GROUP
                                         "\",\"stateful\":true,\"rules\":[" RULE("false") "]},%s,%s",
                                         one, two);
    AUTO_FREE char *flows = kn_asprintf(FLOWS, dir, dir);

    assert_string_equal(kn_actor_ask(&agent, "plug " SERVER(2) " [" NIC(2) "]"), "ok");
    tell(nobody);
    assert_runs(&shell, "cp -a %s/a %s/denied", dir, dir);
    tell("{\"kind\":\"group\",\"id\":\"" GROUP "\",\"stateful\":true,\"rules\":[" RULE("true") "," RULE("false") "]}");
    kn_guest_start(&guest, &machine, TAP(1), MAC(1));
    kn_guest_start(&other, &machine, TAP(2), MAC(2));
    assert_runs(&guest, "ip addr add " IP(1) "/24 dev eth0");
    assert_runs(&other, "ip addr add " IP(2) "/24 dev eth0");
    assert_runs(&other, "(python3 %s serve %s/ready >/dev/null 2>&1 &)", tool, dir);
    kn_actor_await(&guest, PING IP(2), true, NULL);
    AUTO_FREE char *begin = kn_asprintf("test -e %s/ready", dir);

    kn_actor_await(&guest, begin, true, NULL);
    assert_runs(&guest, "(python3 %s stream " IP(2) " 22 %s/flow >/dev/null 2>&1 &)", tool, dir);
    kn_actor_await(&guest, flows, true, NULL);
    kn_actor_kill(&agent);
    assert_runs(&shell, "rm -rf %s/a && mv %s/denied %s/a", dir, dir, dir);
    version--;
    kn_actor_start(&agent, &machine, kn_host_agent);
    assert_string_equal(kn_actor_ask(&agent, "open 192.0.2.1 %s/a", dir), "ok");
    kn_actor_await(&guest, flows, false, tick);
    assert_says(kn_actor_ask(&agent, "firewall"), "same");
    kn_actor_kill(&guest);
    kn_actor_kill(&other);
    assert_string_equal(kn_actor_ask(&agent, "unplug " SERVER(2)), "ok");
}

static const char *piece(int n, const char *put)
{
    AUTO_FREE char *body = kn_asprintf(
        "state {\"host\":\"h\",\"from\":%d,\"version\":%d,\"piece\":%d,\"pieces\":2,\"put\":[%s],\"drop\":[]}", version,
        version + 1, n, put);

    return kn_actor_ask(&agent, "%s", body);
}

/* A life that ends between two pieces of a change has taken nothing of it, and the next one does not take the rest for the whole. */
static void test_a_change_is_cut_in_its_middle(void **state)
{
    (void)state;
    need_root();
    AUTO_FREE char *before = kn_strdup(kn_actor_ask(&agent, "version"));

    assert_string_equal(piece(1, PEER(3, "192.0.2.2")), "ok");
    kn_actor_kill(&agent);
    kn_actor_start(&agent, &machine, kn_host_agent);
    assert_string_equal(kn_actor_ask(&agent, "open 192.0.2.1 %s/a", dir), "ok");
    assert_says(piece(2, PEER(4, "192.0.2.2")), "piece");
    assert_string_equal(kn_actor_ask(&agent, "version"), before);
    tick();
    assert_runs(&shell, "! bridge fdb show | grep -e " MAC(3) " -e " MAC(4));
    assert_says(kn_actor_ask(&agent, "firewall"), "same");
    assert_string_equal(piece(1, PEER(3, "192.0.2.2")), "ok");
    assert_string_equal(piece(2, PEER(4, "192.0.2.2")), "ok");
    version++;
    assert_runs(&shell, "bridge fdb show | grep " MAC(3) " && bridge fdb show | grep " MAC(4));
    assert_string_equal(kn_actor_ask(&agent, "broken"), "[]");
}

int main(void)
{
    kn_test_needs("busybox", "dnsmasq", "ip", "nft", "python3", "tc");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_frozen_dnsmasq_is_replaced),
        cmocka_unit_test(test_limits_come_back),
        cmocka_unit_test(test_metadata_comes_back_with_the_mtu),
        cmocka_unit_test(test_metadata_by_way_of_a_router),
        cmocka_unit_test(test_a_guest_fills_no_more_than_its_room),
        cmocka_unit_test(test_a_change_outlives_who_heard_it),
        cmocka_unit_test(test_a_change_is_cut_in_its_middle),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
