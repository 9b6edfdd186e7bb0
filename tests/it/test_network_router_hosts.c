/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routers on several hosts, by packets: three machines on an underlay and a wire that leads outside, guests of two networks on different ones. A router
 * stands on one of them: both families between its legs, out with and without SNAT, several addresses at its gateway, routes that people give it. Then it
 * moves: what crosses it goes on or is cut, what does not cross it never notices, and the old holder, whatever became of its agent, does not answer any more.
 * Skipped without root.
 */
#include "tests/support/test.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/domain/lease.h"
#include "network/host.h"
#include "tests/support/host_agent.h"
#include "tests/support/needs.h"
#include "tests/support/netlab.h"
#include "tests/support/process.h"
#include "tests/support/router_world.h"
#include "tests/support/scratch.h"
#include "tests/support/streams.h"

#define WAIT_MS 60000
#define HOSTS 3

enum { ONE, TWO, FOUR };
static const int LIVES[] = { [ONE] = 0, [TWO] = 1, [FOUR] = 2 };

static struct kn_machine hub, outside_machine, machines[HOSTS];
static struct kn_actor agents[HOSTS], shells[HOSTS], guests[3], outside;
static char dir[KN_TEST_DIR];

#define EARLIER "11111111-1111-4111-8111-111111111111" /* a question of this host, long answered */

/* --- what hosts are told --------------------------------------------------------------------------------------------- */

static void tell(int host)
{
    AUTO_FREE char *words = kn_router_words(host);

    assert_string_equal(kn_actor_ask(&agents[host], "%s", words), "ok");
}

/* All there was before its question: it lay on the bus. */
static void tell_late(int host)
{
    AUTO_FREE char *words = kn_router_words(host);
    char *body = strchr(words, '{');

    assert_non_null(body);
    *body = '\0';
    assert_string_equal(kn_actor_ask(&agents[host], "%s{\"answers\": \"" EARLIER "\", %s", words, body + 1), "ok");
}

static void tell_all(void)
{
    for (int host = 0; host < HOSTS; host++) {
        tell(host);
    }
}

/* A word that was said this long ago is the newest that reached the bus. */
#define hold(host, age) kn_actor_ask(&agents[host], "hold %d", age)

/* The holder's word reaches the bus, if it has an agent. */
static void be_heard(void)
{
    if (agents[kn_router_now.host].pid != 0) {
        hold(kn_router_now.host, 0);
    }
}

#define open_stream(actor, name, address) kn_stream_open(actor, dir, name, address)
#define stream_works(actor, name) (be_heard(), kn_stream_works(actor, dir, name))

static void open_agent(int host)
{
    kn_actor_start(&agents[host], &machines[host], kn_host_agent);
    assert_string_equal(kn_actor_ask(&agents[host], "physical public:ext0"), "ok");
    assert_string_equal(kn_actor_ask(&agents[host], "open 192.0.2.%d %s/h%d", host + 1, dir, host), "ok");
}

static void start_agent(int host)
{
    open_agent(host);
    hold(host, 0);
}

static void start_guest(int which)
{
    const int number = KN_ROUTER_PORTS[which].number, host = LIVES[which];
    char tap[32];

    assert_string_equal(
        kn_actor_ask(
            &agents[host],
            "plug 5e00000%d-1111-4111-8111-111111111111 [{\"port\":\"%s\",\"mac\":\"%s\",\"tap\":\"tap0000000%d-11\",\"mtu\":1450}]",
            number, kn_router_port_id((size_t)which), kn_router_port_mac((size_t)which), number),
        "ok");
    snprintf(tap, sizeof(tap), "tap0000000%d-11", number);
    kn_guest_start(&guests[which], &machines[host], tap, kn_router_port_mac((size_t)which));
    kn_actor_ask(
        &guests[which],
        "ip addr add %s/24 dev eth0; ip -6 addr add %s/64 dev eth0 nodad; ip link set eth0 mtu 1450 up; ip route add default via 10.%d.0.1; ip -6 route add default via fd00:%d::1",
        KN_ROUTER_PORTS[which].ip4, KN_ROUTER_PORTS[which].ip6, KN_ROUTER_PORTS[which].network,
        KN_ROUTER_PORTS[which].network);
    kn_stream_serve(&guests[which], number);
}

static int setup(void **state)
{
    char ip[32];

    (void)state;
    if (geteuid() != 0) {
        return 0;
    }
    kn_test_dir(dir, "net-router-hosts");
    kn_machine_start(&hub);
    kn_machine_start(&outside_machine);
    kn_machine_plug(&outside_machine, "eth0", "172.24.4.1/24", &hub, "wire");
    kn_actor_start(&outside, &outside_machine, kn_shell);
    kn_actor_ask(&outside, "ip -6 addr add fd00:e::1/64 dev eth0 nodad");
    kn_stream_serve(&outside, 0);
    for (int i = 0; i < HOSTS; i++) {
        kn_machine_start(&machines[i]);
        snprintf(ip, sizeof(ip), "192.0.2.%d/24", i + 1);
        kn_machine_plug(&machines[i], "ul0", ip, &hub, "underlay");
        kn_machine_plug(&machines[i], "ext0", NULL, &hub, "wire");
        kn_actor_start(&shells[i], &machines[i], kn_shell);
        start_agent(i);
    }
    tell_all();
    for (int i = ONE; i <= FOUR; i++) {
        start_guest(i);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        return 0;
    }
    for (int i = 0; i < 3; i++) {
        kn_actor_ask(&agents[LIVES[i]], "unplug 5e00000%d-1111-4111-8111-111111111111", KN_ROUTER_PORTS[i].number);
        kn_actor_kill(&guests[i]);
    }
    for (int i = 0; i < HOSTS; i++) {
        kn_actor_kill(&agents[i]);
        kn_actor_kill(&shells[i]);
        kn_machine_stop(&machines[i]);
    }
    kn_actor_kill(&outside);
    kn_machine_stop(&outside_machine);
    kn_machine_stop(&hub);
    AUTO_FREE char *command = kn_asprintf("rm -rf %s", dir);

    return system(command);
}

/* --- tests, in order: each builds on the one before ----------------------------------------------------------------- */

/* Legs on three hosts, and none of the guests on the router's: both families. */
static void test_routes_across_hosts(void **state)
{
    (void)state;
    need_root();
    kn_router_now.host = 2;
    kn_router_now.lease++;
    tell_all();
    kn_actor_await(&guests[ONE], PING "10.2.0.12", true, be_heard);
    kn_actor_await(&guests[TWO], PING "10.1.0.14", true, be_heard);
    kn_actor_await(&guests[ONE], PING "fd00:2::12", true, be_heard);
    kn_actor_await(&guests[TWO], PING "fd00:1::14", true, be_heard);
    kn_actor_await(&guests[ONE], PING "-s 1400 10.2.0.12", true, be_heard); /* as big as the network carries */
    kn_actor_await(&guests[ONE], PING "172.24.4.1", true, be_heard);
}

/* Several addresses at the gateway, the one that SNAT uses among them; IPv6 leaves as itself. */
static void test_gateway_with_several_addresses(void **state)
{
    (void)state;
    need_root();
    kn_router_now.gateway = "\"172.24.4.10/24\",\"172.24.4.11/24\",\"fd00:e::10/64\"";
    kn_router_now.snat_ip = "172.24.4.11";
    tell(kn_router_now.host);
    kn_actor_await(&outside, PING "172.24.4.10", true, be_heard);
    kn_actor_await(&outside, PING "172.24.4.11", true, be_heard);
    open_stream(&guests[ONE], "snat", "172.24.4.1");
    assert_true(stream_works(&guests[ONE], "snat"));
    assert_non_null(strstr(kn_actor_ask(&outside, "busybox netstat -tn"), "172.24.4.11:"));
    kn_router_now.snat = "false";
    tell(kn_router_now.host);
    assert_false(kn_actor_runs(&guests[ONE], PING "172.24.4.1"));
    assert_runs(&outside, "ip route add 10.1.0.0/24 via 172.24.4.11; ip -6 route add fd00:1::/64 via fd00:e::10");
    kn_actor_await(&guests[ONE], PING "172.24.4.1", true, be_heard);
    kn_actor_await(&guests[ONE], PING "fd00:e::1", true, be_heard);
    kn_actor_await(&outside, PING "fd00:1::11", true, be_heard);
    assert_runs(&outside, "ip route del 10.1.0.0/24");
    kn_router_now.gateway = "\"172.24.4.10/24\",\"fd00:e::10/64\"";
    kn_router_now.snat_ip = "172.24.4.10";
    kn_router_now.snat = "true";
    tell(kn_router_now.host);
    kn_actor_await(&guests[ONE], PING "172.24.4.1", true, be_heard);
}

/* Only a gateway of IPv6 that is a link-local address is what router advertisements name. */
static void test_reached_by_its_link_local_address(void **state)
{
    (void)state;
    need_root();
    assert_runs(&guests[TWO], "ip -6 route replace default via fe80::f816:3eff:fe00:102 dev eth0");
    kn_actor_await(&guests[TWO], PING "fd00:1::11", true, be_heard);
}

static void test_routes_that_people_give(void **state)
{
    (void)state;
    need_root();
    assert_runs(&guests[FOUR], "ip addr add 198.51.100.4/32 dev lo; ip -6 addr add 2001:db8:4::4/128 dev lo");
    assert_false(kn_actor_runs(&guests[TWO], PING "198.51.100.4"));
    kn_router_now.routes =
        "{\"destination\":\"198.51.100.0/24\",\"nexthop\":\"10.1.0.14\"},{\"destination\":\"2001:db8:4::/64\",\"nexthop\":\"fd00:1::14\"},";
    tell(kn_router_now.host);
    kn_actor_await(&outside, "ip route replace 198.51.100.0/24 via 172.24.4.10 && " PING "198.51.100.4", false,
                   be_heard); /* its firewall lets nobody speak so */
    assert_runs(&shells[2], "ip netns exec kr-4e000001 ip route get 198.51.100.4 | grep -q 'via 10.1.0.14'");
    assert_runs(&shells[2], "ip netns exec kr-4e000001 ip -6 route get 2001:db8:4::4 | grep -q 'via fd00:1::14'");
    kn_router_now.routes = NULL;
    tell(kn_router_now.host);
    assert_runs(&shells[2], "! ip netns exec kr-4e000001 ip route | grep 198.51.100");
    assert_runs(&shells[2], "! ip netns exec kr-4e000001 ip -6 route | grep 2001:db8:4");
    assert_runs(&outside, "ip route del 198.51.100.0/24");
}

#define FLOATING(n, outside, inside) \
    "{\"id\":\"f000000" #n "-1111-4111-8111-111111111111\",\"outside\":\"" outside "\",\"inside\":\"" inside "\"}"
#define FORWARD(n, number, from, inside, to) \
    "{\"id\":\"f000001" #n "-1111-4111-8111-111111111111\",\"outside\":\"172.24.4.60\",\"inside\":\"" inside \
    "\",\"protocol\":" #number ",\"outside_first\":" #from ",\"outside_last\":" #from ",\"inside_first\":" #to \
    ",\"inside_last\":" #to "}"
#define UDP_SERVER \
    "(python3 -c 'import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.bind((\"0.0.0.0\", 5353))\nwhile 1: d, a = s.recvfrom(99); s.sendto(b\"from two: \" + d, a)' >/dev/null 2>&1 &)"
#define UDP_ASK(ip, port) \
    "python3 -c 'import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.settimeout(1); s.sendto(b\"hello\", (\"" ip \
    "\", " #port ")); print(s.recvfrom(99))' | grep -q 'from two: hello'"

/* From one host's guest to another's, while the router is on a third; the stream of the address that moved ends at once, of the others none. */
static void test_floating_addresses_move(void **state)
{
    (void)state;
    need_root();
    kn_router_now.floating = FLOATING(1, "172.24.4.50", "10.1.0.11") "," FLOATING(2, "172.24.4.51", "10.1.0.14");
    kn_router_now.forwards = FORWARD(1, 6, 2222, "10.2.0.12", 22) "," FORWARD(2, 17, 53, "10.2.0.12", 5353);
    tell(kn_router_now.host);
    kn_actor_ask(&guests[TWO], UDP_SERVER);
    kn_actor_await(&outside, PING "172.24.4.50", true, be_heard);
    open_stream(&outside, "fifty", "172.24.4.50");
    open_stream(&outside, "other", "172.24.4.51");
    assert_true(stream_works(&outside, "fifty"));
    assert_true(stream_works(&outside, "other"));
    kn_actor_await(&outside, UDP_ASK("172.24.4.60", 53), true, be_heard);
    kn_actor_await(&outside, "busybox nc -w 2 172.24.4.60 2222 </dev/null | grep -q guest2", true, be_heard);
    kn_router_now.floating = FLOATING(1, "172.24.4.50", "10.2.0.12") "," FLOATING(2, "172.24.4.51", "10.1.0.14");
    tell(kn_router_now.host);
    assert_false(stream_works(&outside, "fifty"));
    assert_true(stream_works(&outside, "other"));
    kn_actor_await(&outside, "busybox nc -w 2 172.24.4.50 22 </dev/null | grep -q guest2", true, be_heard);
    kn_router_now.forwards = NULL;
    tell(kn_router_now.host);
    kn_actor_await(&outside, UDP_ASK("172.24.4.60", 53), false, be_heard);
}

/* Exactly one says that it has this address, as often as it is asked. */
static void assert_one_answers(void)
{
    const char *said = kn_actor_ask(&outside, "busybox arping -b -c 3 -w 4 -I eth0 172.24.4.10");

    if (strstr(said, "Sent 3 probe") == NULL || strstr(said, "Received 3 response") == NULL) {
        fail_msg("not one holder: %s", said);
    }
}

/* Nobody hears the holder any more. Returns how long it answered. */
static int64_t silence(const struct kn_actor *asker)
{
    const int64_t begun = kn_mono_ms();

    while (kn_actor_runs(asker, PING "172.24.4.10")) {
        if (kn_mono_ms() - begun > WAIT_MS) {
            fail_msg("the old holder answers for ever");
        }
        kn_test_pause(10);
    }
    return kn_mono_ms() - begun;
}

static void move_to(int host)
{
    kn_router_now.host = host;
    kn_router_now.lease++;
    hold(host, 0);
    for (int i = 0; i < HOSTS; i++) {
        if (agents[i].pid != 0) {
            tell(i);
        }
    }
    hold(host, 0);
}

/* Its agent is killed: the router falls silent by itself, in time, and is silent still when the agent is there again, until it is told that it lost it. */
static void test_agent_dies_under_streams(void **state)
{
    (void)state;
    need_root();
    open_stream(&guests[ONE], "routed", "10.2.0.12");
    open_stream(&guests[ONE], "routed6", "fd00:2::12");
    open_stream(&guests[ONE], "beside", "10.1.0.14");
    open_stream(&guests[ONE], "out", "172.24.4.1");
    assert_true(stream_works(&guests[ONE], "routed"));
    assert_true(stream_works(&guests[ONE], "routed6"));
    assert_true(stream_works(&guests[ONE], "beside"));
    assert_true(stream_works(&guests[ONE], "out"));
    assert_true(stream_works(&outside, "other"));
    hold(2, 0);
    kn_actor_kill(&agents[2]);
    agents[2].pid = 0;
    assert_true(silence(&outside) < KN_LEASE_MS);
    assert_true(stream_works(&guests[ONE], "beside"));
    move_to(0);
    kn_actor_await(&outside, PING "172.24.4.10", true, be_heard);
    assert_one_answers();
    assert_true(stream_works(&guests[ONE], "routed")); /* what is not translated is not tracked either */
    assert_true(stream_works(&guests[ONE], "routed6"));
    assert_true(stream_works(&guests[ONE], "beside"));
    hold(0, 0);
    if (!stream_works(&guests[ONE], "out")) { /* cut, and not hanging */
        open_stream(&guests[ONE], "out2", "172.24.4.1");
        assert_true(stream_works(&guests[ONE], "out2"));
    }
    hold(0, 0);
    start_agent(2); /* from its files, in which the router is its own */
    hold(2, 0);
    assert_runs(&shells[2], "ls /run/netns | grep -q kr-4e000001");
    hold(0, 0);
    assert_one_answers();
    tell(2);
    assert_runs(&shells[2], "! ls /run/netns | grep kr-");
    hold(0, 0);
    assert_one_answers();
}

/* Frozen and thawed, it does not answer: neither before it notices, nor when it is heard again. */
static void test_host_thaws(void **state)
{
    (void)state;
    need_root();
    hold(0, 0);
    kill(agents[0].pid, SIGSTOP);
    assert_true(silence(&outside) < KN_LEASE_MS);
    const struct kn_actor frozen = agents[0];

    agents[0].pid = 0;
    move_to(1);
    kn_actor_await(&outside, PING "172.24.4.10", true, be_heard);
    agents[0] = frozen;
    kill(agents[0].pid, SIGCONT);
    hold(1, 0);
    assert_one_answers();
    assert_string_equal(hold(0, KN_LEASE_MS), "holds");
    assert_string_equal(hold(0, 0), "holds asks");
    assert_string_equal(hold(0, 0), "holds");
    assert_string_equal(kn_actor_ask(&agents[0], "standing"), "[]");
    hold(1, 0);
    assert_one_answers();
    tell(0);
    assert_string_equal(hold(0, 0), "free");
    hold(1, 0);
    assert_one_answers();
}

/* The bus was away: the holder is silent, and when it is told that it still is the holder it goes on with all that it tracked. */
static void test_silence_that_nobody_used(void **state)
{
    (void)state;
    need_root();
    open_stream(&guests[ONE], "kept", "172.24.4.1");
    assert_true(stream_works(&guests[ONE], "kept"));
    assert_string_equal(hold(1, KN_LEASE_HELD_MS), "holds");
    assert_false(kn_actor_runs(&outside, PING "172.24.4.10"));
    assert_string_equal(hold(1, 0), "holds asks");
    assert_false(kn_actor_runs(&outside, PING "172.24.4.10"));
    tell_late(1); /* what lay on the bus meanwhile may be older than another's lease */
    hold(1, 0);
    assert_false(kn_actor_runs(&outside, PING "172.24.4.10"));
    tell(1);
    kn_actor_await(&outside, PING "172.24.4.10", true, be_heard);
    assert_true(stream_works(&guests[ONE], "kept"));
    assert_runs(&shells[1], "nft flush ruleset"); /* the fence is missed before long */
    for (const int64_t deadline = kn_mono_ms() + WAIT_MS;
         !kn_actor_runs(&shells[1], "nft list table bridge kilonova_lease | grep -q expires");) {
        assert_true(kn_mono_ms() < deadline);
        hold(1, 0);
        kn_test_pause(10);
    }
    assert_string_equal(kn_actor_ask(&agents[1], "tick"), "ok"); /* and the guests' firewall */
    assert_string_equal(kn_actor_ask(&agents[1], "firewall"), "same");
    hold(1, 0);
    hold(1, 0);
    assert_string_equal(kn_actor_ask(&agents[1], "standing"), "[{\"id\":\"" KN_ROUTER_ID "\",\"lease\":4}]");
}

/* kill -9 between any two lines: while it builds, takes down, changes. The next life makes it what was said. */
static void test_killed_at_any_moment(void **state)
{
    (void)state;
    need_root();
    for (int i = 0; i < 16; i++) {
        kn_router_now.host = i % 3 == 2 ? 0 : 1; /* builds, changes, takes down */
        kn_router_now.lease++;
        kn_router_now.floating = i % 2 == 0 ? FLOATING(1, "172.24.4.50", "10.2.0.12")
                                            : FLOATING(2, "172.24.4.51", "10.1.0.14");
        AUTO_FREE char *words = kn_router_words(1);

        hold(1, 0);
        kn_actor_say(&agents[1], words);
        kn_test_pause(4 * i);
        kn_actor_kill(&agents[1]);
        start_agent(1);
        tell(1);
        hold(1, 0);
        assert_runs(&shells[1], kn_router_now.host == 1 ? "ls /run/netns | grep -q kr-4e000001"
                                                        : "! ls /run/netns | grep kr- && ! ip -o link | grep ' kr'");
        if (kn_router_now.host == 1) {
            tell(0);
            kn_actor_await(&outside,
                           i % 2 == 0 ? "busybox nc -w 2 172.24.4.50 22 </dev/null | grep -q guest2"
                                      : PING "172.24.4.51",
                           true, be_heard);
            assert_runs(&shells[1], i % 2 == 0 ? "! ip netns exec kr-4e000001 ip addr | grep 172.24.4.51"
                                               : "! ip netns exec kr-4e000001 ip addr | grep 172.24.4.50");
        }
    }
}

/* A new life of the holder's agent takes nothing away from who speaks, whatever comes first: its state or its word on the bus. */
static void test_begins_again_without_a_gap(void **state)
{
    (void)state;
    need_root();
    kn_router_now.floating = FLOATING(1, "172.24.4.50", "10.2.0.12");
    kn_router_now.host = 1;
    kn_router_now.lease++;
    tell_all();
    kn_actor_await(&outside, PING "172.24.4.50", true, be_heard);
    kn_actor_ask(&outside, "(ping -i 0.01 -c 300 -W 10 172.24.4.50 > %s/pings 2>&1 &)", dir);
    kn_actor_kill(&agents[1]);
    open_agent(1);
    tell(1);
    kn_test_pause(300); /* before it is heard: pings go on, or are lost */
    hold(1, 0);
    AUTO_FREE char *ended = kn_asprintf("grep -q received %s/pings", dir),
                   *all = kn_asprintf("grep ' 0%% packet loss' %s/pings", dir);

    kn_actor_await(&outside, ended, true, be_heard);
    assert_true(kn_actor_runs(&outside, all));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes_across_hosts),
        cmocka_unit_test(test_gateway_with_several_addresses),
        cmocka_unit_test(test_reached_by_its_link_local_address),
        cmocka_unit_test(test_routes_that_people_give),
        cmocka_unit_test(test_floating_addresses_move),
        cmocka_unit_test(test_agent_dies_under_streams),
        cmocka_unit_test(test_host_thaws),
        cmocka_unit_test(test_silence_that_nobody_used),
        cmocka_unit_test(test_killed_at_any_moment),
        cmocka_unit_test(test_begins_again_without_a_gap),
    };

    kn_test_needs("busybox", "ip", "nft", "ping", "python3");
    return cmocka_run_group_tests(tests, setup, teardown);
}
