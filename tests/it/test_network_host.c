/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network on real hosts: two machines joined by a cable, guests on taps. DHCP gives leases, VXLAN carries, ARP is answered, spoofing is
 * dropped, metadata knows who asks, kill -9 is survived, nothing is left behind. Skipped without root.
 */
#include "tests/support/test.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "network/host.h"
#include "tests/support/host_agent.h"
#include "tests/support/needs.h"
#include "tests/support/netlab.h"
#include "tests/support/process.h"
#include "tests/support/scratch.h"

#define WAIT_MS 60000

static struct kn_machine machine_a, machine_b;
static struct kn_actor agent_a, agent_b, shell_a, shell_b, guest_1, guest_2, guest_3;
static char dir[KN_TEST_DIR];

/* The lease as the client saw it, then the address on eth0. */
static const char *lease(const struct kn_actor *guest)
{
    return kn_actor_ask(
        guest,
        "ip addr flush dev eth0; busybox udhcpc -i eth0 -n -q -f -t 50 -T 1 -O mtu -O staticroutes -O bootfile -O ntpsrv -s %s/udhcpc",
        dir);
}

static void write_udhcpc_script(void)
{
    AUTO_FREE char *path = kn_asprintf("%s/udhcpc", dir);
    FILE *file = fopen(path, "w");

    fprintf(
        file,
        "#!/bin/sh\n[ \"$1\" = bound ] || exit 0\n"
        "echo lease ip=$ip mask=$mask router=$router dns=$dns mtu=$mtu hostname=$hostname bootfile=$bootfile ntp=$ntpsrv static=$staticroutes\n"
        "ip addr add $ip/$mask dev eth0\nset -- $staticroutes\n"
        "while [ $# -ge 2 ]; do ip route replace $1 via $2; shift 2; done\n");
    fclose(file);
    chmod(path, 0755);
}

static void start_agent(struct kn_actor *agent, const struct kn_machine *machine, const char *underlay,
                        const char *name)
{
    kn_actor_start(agent, machine, kn_host_agent);
    assert_string_equal(kn_actor_ask(agent, "open %s %s/%s", underlay, dir, name), "ok");
}

static int setup(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        return 0;
    }
    kn_test_dir(dir, "net-host");
    write_udhcpc_script();
    kn_machine_start(&machine_a);
    kn_machine_start(&machine_b);
    kn_machine_cable(&machine_a, "192.0.2.1/24", &machine_b, "192.0.2.2/24");
    kn_actor_start(&shell_a, &machine_a, kn_shell);
    kn_actor_start(&shell_b, &machine_b, kn_shell);
    start_agent(&agent_a, &machine_a, "192.0.2.1", "a");
    start_agent(&agent_b, &machine_b, "192.0.2.2", "b");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        return 0;
    }
    kn_actor_ask(&agent_a, "unplug " SERVER(1));
    kn_actor_ask(&agent_a, "unplug " SERVER(3));
    kn_actor_ask(&agent_b, "unplug " SERVER(2));
    struct kn_actor *const actors[] = { &agent_a, &agent_b, &shell_a, &shell_b, &guest_1, &guest_2, &guest_3 };

    for (size_t i = 0; i < KN_COUNT(actors); i++) {
        kn_actor_kill(actors[i]);
    }
    kn_machine_stop(&machine_a);
    kn_machine_stop(&machine_b);
    AUTO_FREE char *command = kn_asprintf("rm -rf %s", dir);

    return system(command);
}

/* --- tests, in order: each builds on the one before ----------------------------------------------------------------- */

static void test_a_plug_waits_for_its_port(void **state)
{
    (void)state;
    need_root();
    assert_string_equal(kn_actor_ask(&agent_a, "plug " SERVER(1) " [" NIC(1) "]"),
                        "port " PORT_ID(1) " is not told to this host yet");
    assert_string_equal(kn_actor_ask(&agent_a, "version"), "-1");
    assert_says(kn_actor_ask(&agent_a, STATE(1, 2, "", "")), "where -1 is known"); /* a change of what nobody knows */
    assert_string_equal(kn_actor_ask(&agent_a, STATE(-1, 1, PORT(1) "," NETWORK(1450), "")), "ok"); /* in any order */
    assert_string_equal(kn_actor_ask(&agent_a, "plug " SERVER(1) " [" NIC(1) "]"), "ok");
}

#define ALL_OF_B NETWORK(1450) "," PORT(2) "," PEER(1, "192.0.2.1") "," PEER(3, "192.0.2.1")

static void test_plug(void **state)
{
    (void)state;
    need_root();
    /* what comes in pieces counts with the last of them */
    assert_string_equal(kn_actor_ask(&agent_a, PIECE(1, 2, 1, 2, PORT(3), "")), "ok");
    assert_string_equal(kn_actor_ask(&agent_a, "version"), "1");
    assert_string_equal(kn_actor_ask(&agent_a, PIECE(2, 2, 1, 2, PEER(2, "192.0.2.2"), "")), "ok");
    assert_string_equal(kn_actor_ask(&agent_a, "version"), "2");
    assert_string_equal(kn_actor_ask(&agent_a, "plug " SERVER(3) " [" NIC(3) "]"), "ok");
    assert_string_equal(kn_actor_ask(&agent_b, STATE(-1, 7, ALL_OF_B, "")), "ok");
    assert_string_equal(kn_actor_ask(&agent_b, "plug " SERVER(2) " [" NIC(2) "]"), "ok");
    assert_string_equal(kn_actor_ask(&agent_a, "plug " SERVER(1) " [" NIC(1) "]"), "ok"); /* twice is once */
    assert_says(kn_actor_ask(&agent_a, "taps"), "\"" TAP(1) "\"");
    kn_guest_start(&guest_1, &machine_a, TAP(1), MAC(1));
    kn_guest_start(&guest_2, &machine_b, TAP(2), MAC(2));
    kn_guest_start(&guest_3, &machine_a, TAP(3), MAC(3));
}

static void test_what_is_bad_changes_nothing(void **state)
{
    (void)state;
    need_root();
    assert_string_equal(kn_actor_ask(&agent_a, "plug " SERVER(4) " [" NIC(4) ", {\"port\":\"x\"}]"),
                        "nic has no valid \"port\"");
    assert_null(strstr(kn_actor_ask(&agent_a, "taps"), TAP(4)));
    assert_says(kn_actor_ask(&agent_a,
                             STATE(2, 3, "{\"kind\":\"peer\",\"id\":\"" NET "\",\"mac\":1}", DROP("port", PORT_ID(1)))),
                "no valid \"network\"");
    assert_string_equal(kn_actor_ask(&agent_a, "version"), "2");
}

/* All there was, said again by who kept it: the host does not go back. When it asked, it does: rows may come out of an old dump. */
static void test_what_is_old_is_passed_over(void **state)
{
    (void)state;
    need_root();
    assert_says(
        kn_actor_ask(&agent_b,
                     "state {\"host\":\"h\",\"from\":-1,\"version\":3,\"piece\":1,\"pieces\":1,\"put\":[],\"drop\":[],"
                     "\"answers\":\"11111111-1111-4111-8111-111111111111\"}"),
        "all of version 3, where 7 is known");
    assert_string_equal(kn_actor_ask(&agent_b, "version"), "7");
    assert_says(kn_actor_ask(&agent_b, "taps"), "\"" TAP(2) "\"");
    assert_string_equal(kn_actor_ask(&agent_b, STATE(-1, 6, ALL_OF_B, "")), "ok");
    assert_string_equal(kn_actor_ask(&agent_b, "version"), "6");
    assert_string_equal(kn_actor_ask(&agent_b, STATE(-1, 7, ALL_OF_B, "")), "ok");
}

static void test_leases(void **state)
{
    (void)state;
    need_root();
    const char *said = lease(&guest_1);

    assert_says(said, "lease ip=" IP(1) " mask=24 router=10.5.0.1 dns=192.0.2.53 mtu=1450 hostname=guest-1");
    assert_says(said, "169.254.169.254/32 10.5.0.2");
    assert_says(said, "198.51.100.0/24 10.5.0.9");
    assert_says(said, "0.0.0.0/0 10.5.0.1");
    assert_says(lease(&guest_2), "lease ip=" IP(2));
    assert_says(lease(&guest_3), "lease ip=" IP(3));
}

static void test_pings(void **state)
{
    (void)state;
    need_root();
    kn_actor_await(&guest_1, PING IP(3), true, NULL); /* the same host */
    kn_actor_await(&guest_1, PING IP(2), true, NULL); /* over VXLAN */
    kn_actor_await(&guest_2, PING IP(3), true, NULL);
    kn_actor_await(&guest_1, PING "10.5.0.2", true, NULL); /* the namespace, here and there */
    kn_actor_await(&guest_2, PING "10.5.0.2", true, NULL);
    kn_actor_await(&guest_1, PING "-s 1400 " IP(2), true, NULL);
}

static void test_metadata_knows_who_asks(void **state)
{
    (void)state;
    need_root();
    assert_says(kn_actor_ask(&guest_1, "busybox wget -qO- http://169.254.169.254/"), SERVER(1));
    assert_says(kn_actor_ask(&guest_3, "busybox wget -qO- http://169.254.169.254/"), SERVER(3));
    assert_says(kn_actor_ask(&guest_2, "busybox wget -qO- http://169.254.169.254/"), SERVER(2));
}

/* Works without the firewall and not with it, so that it is the firewall that stops it. The command gives up after a second or a few. */
static void expect_dropped(const struct kn_actor *guest, const char *command)
{
    assert_runs(&shell_a, "nft delete table bridge kilonova");
    kn_actor_await(guest, command, true, NULL);
    assert_string_equal(kn_actor_ask(&agent_a, "tick"), "ok"); /* which sees that it went */
    assert_runs(&shell_a, "nft list table bridge kilonova >/dev/null");
    kn_actor_runs(&guest_3, "ip neigh flush dev eth0");
    if (kn_actor_runs(guest, command)) {
        fail_msg("was not dropped: %s", command);
    }
}

static void test_spoofing_is_dropped(void **state)
{
    (void)state;
    need_root();
    assert_runs(&guest_1, "ip addr add 10.5.0.99/24 dev eth0");
    expect_dropped(&guest_1, PING "-I 10.5.0.99 " IP(3));
    expect_dropped(&guest_1, "busybox arping -c 1 -w 1 -s 10.5.0.99 -I eth0 " IP(3));
    assert_runs(&guest_1, "ip addr del 10.5.0.99/24 dev eth0");
    kn_actor_await(&guest_1, PING IP(3), true, NULL); /* the rightful address still works */
    assert_runs(&guest_3, "ip -6 addr add fe80::3/64 dev eth0 nodad");
    assert_runs(&guest_1, "ip -6 addr add fe80::1/64 dev eth0 nodad");
    expect_dropped(&guest_1, "busybox ping -6 -c 1 -W 1 fe80::3%eth0");
    assert_runs(&guest_1,
                "ip link set eth0 down && ip link set eth0 address fa:16:3e:00:00:aa up && ip addr replace " IP(
                    1) "/24 dev eth0");
    assert_false(kn_actor_runs(&guest_1, PING IP(3)));
    assert_runs(&guest_1, "ip link set eth0 down && ip link set eth0 address " MAC(1) " up");
    assert_says(lease(&guest_1), "lease ip=" IP(1));
    kn_actor_await(&guest_1, PING IP(3), true, NULL);
}

/* VXLAN's packet for the network of the tests, with a frame in it: 10.5.0.<last> asks, with a MAC of nobody's, for that of guest 3. */
#define STRANGER(last) \
    "echo 0800000000109200ffffffffffff02000000006608060001080006040001020000000066" \
    "0a0500" last "0000000000000a05000d | busybox xxd -r -p >/dev/udp/192.0.2.1/4789"

/* The host is no station of the network: it answers nothing there, and unpacks nothing but what hosts of peers send. */
static void test_a_guest_does_not_find_its_host(void **state)
{
    (void)state;
    need_root();
    assert_false(kn_actor_runs(&guest_1, "busybox arping -c 1 -w 1 -I eth0 192.0.2.1"));
    assert_runs(&shell_a, "! ip -6 addr show dev " BRIDGE " | grep inet6");
    assert_runs(&shell_a, "ip -o link show " BRIDGE " | sed 's/.*ether //; s/ .*//' >%s/bridge", dir);
    assert_runs(&guest_1,
                "ip neigh replace 192.0.2.1 lladdr $(cat %s/bridge) dev eth0 && ip route replace 192.0.2.1 dev eth0",
                dir);
    assert_runs(&guest_1, "bash -c '" STRANGER("61") "'");
    assert_runs(&shell_b, "ip addr add 192.0.2.99/24 dev ul0 && ip route add 192.0.2.1 dev ul0 src 192.0.2.99");
    assert_runs(&shell_b, "bash -c '" STRANGER("62") "'");
    assert_runs(&shell_b, "ip route del 192.0.2.1 dev ul0; ip addr del 192.0.2.99/24 dev ul0");
    assert_runs(&shell_b,
                "bash -c '" STRANGER("63") "'"); /* behind them: who is heard shows that they had the time to come */
    kn_actor_await(&guest_3, "ip neigh | grep -q '10.5.0.99 .*02:00:00:00:00:66'", true, NULL);
    assert_runs(&guest_3, "! ip neigh | grep -q '10.5.0.97 ' && ! ip neigh | grep -q '10.5.0.98 '");
    assert_runs(&guest_1, "ip route del 192.0.2.1 dev eth0; ip neigh del 192.0.2.1 dev eth0");
    assert_runs(&guest_3, "ip neigh flush dev eth0");
}

static void test_rogue_dhcp_server_is_dropped(void **state)
{
    (void)state;
    need_root();
    AUTO_FREE char *ask = kn_asprintf("busybox udhcpc -i eth0 -n -q -f -t 3 -T 1 -s %s/udhcpc | grep ip=10.5.0.200",
                                      dir);

    assert_runs(&shell_a, "kill -STOP $(cat %s/a/networks/" NET "/pid)", dir);
    assert_runs(&guest_1,
                "cd %s && : > rogue.leases && printf 'start 10.5.0.200\\nend 10.5.0.200\\ninterface eth0\\n"
                "lease_file %s/rogue.leases\\npidfile %s/rogue.pid\\n' > rogue && busybox udhcpd rogue",
                dir, dir, dir);
    expect_dropped(&guest_3, ask);
    assert_runs(&guest_1, "kill $(cat %s/rogue.pid)", dir);
    assert_runs(&shell_a, "kill -CONT $(cat %s/a/networks/" NET "/pid)", dir);
    assert_says(lease(&guest_3), "lease ip=" IP(3));
}

/* A change that came before is nothing; one that begins elsewhere changes nothing and is to be asked for; the next one counts. */
static void test_changes_are_taken_in_order(void **state)
{
    (void)state;
    need_root();
    assert_string_equal(kn_actor_ask(&agent_a, STATE(1, 2, "", DROP("peer", PORT_ID(2)))), "ok"); /* twice */
    assert_says(kn_actor_ask(&agent_a, STATE(4, 5, "", DROP("peer", PORT_ID(2)))),
                "where 2 is known"); /* lost: 3 and 4 */
    assert_says(kn_actor_ask(&agent_a, PIECE(2, 2, 2, 3, "", DROP("peer", PORT_ID(2)))), "piece");
    kn_actor_await(&guest_1, "ip neigh flush dev eth0; " PING IP(2), true, NULL);
    assert_string_equal(kn_actor_ask(&agent_a, STATE(2, 3, "", DROP("peer", PORT_ID(2)))), "ok");
    assert_false(kn_actor_runs(&guest_1, "ip neigh flush dev eth0; " PING IP(2)));
    assert_string_equal(kn_actor_ask(&agent_a, STATE(3, 4, PEER(2, "192.0.2.2"), "")), "ok");
    kn_actor_await(&guest_1, "ip neigh flush dev eth0; " PING IP(2), true, NULL);
    /* everything again, as after a hello: nothing is taken away in between */
    assert_string_equal(kn_actor_ask(&agent_a,
                                     STATE(-1, 9, NETWORK(1450) "," PORT(1) "," PORT(3) "," PEER(2, "192.0.2.2"), "")),
                        "ok");
    assert_string_equal(kn_actor_ask(&agent_a, "version"), "9");
    kn_actor_await(&guest_1, PING IP(2), true, NULL);
}

/* Groups and limits come with the state, to taps that are plugged; what they no longer allow ends; the kernel has what the state wants. */
static void test_groups_and_limits_arrive(void **state)
{
    (void)state;
    need_root();
#define GROUP "91919191-1111-4111-8111-111111111111"
#define POLICY "51515151-1111-4111-8111-111111111111"
#define RULE "{\"id\":\"" GROUP "\",\"ingress\":true,\"family\":4,\"protocol\":1}"
    static const char PORT_3[] = PORT(3);
    AUTO_FREE char *port = kn_strndup(PORT_3, strlen(PORT_3) - 1);

    assert_string_equal(kn_actor_ask(&agent_a, STATE(9, 10, "%s,\"groups\":[]}", ""), port), "ok");
    assert_false(kn_actor_runs(&guest_1, PING IP(3)));
    assert_false(kn_actor_runs(&guest_2, PING IP(3)));
    assert_says(lease(&guest_3), "lease ip=" IP(3)); /* what a guest needs always passes */
    assert_says(kn_actor_ask(&guest_3, "busybox wget -qO- http://169.254.169.254/"), SERVER(3));
    assert_string_equal(kn_actor_ask(&agent_a,
                                     STATE(10, 11,
                                           "{\"kind\":\"group\",\"id\":\"" GROUP "\",\"stateful\":true,\"rules\":[" RULE
                                           "]},%s,\"groups\":[\"" GROUP "\"],\"policy\":\"" POLICY
                                           "\"},{\"kind\":\"policy\",\"id\":\"" POLICY
                                           "\",\"to_guest\":{\"max_kbps\":5000},\"from_guest\":{\"max_kbps\":7000}}",
                                           ""),
                                     port),
                        "ok");
    kn_actor_await(&guest_1, PING IP(3), true, NULL);
    kn_actor_await(&guest_2, PING IP(3), true, NULL); /* from the other host */
    assert_false(kn_actor_runs(&guest_3, PING IP(1)));
    assert_runs(&shell_a,
                "tc qdisc show dev " TAP(3) " | grep -q 'tbf.*5Mbit' && tc qdisc show dev ti00000003-11 | grep -q "
                                            "'tbf.*7Mbit'");
    assert_says(kn_actor_ask(&agent_a, "firewall"), "same");
    assert_string_equal(kn_actor_ask(&agent_a, STATE(11, 12, PORT(3), DROP("group", GROUP) "," DROP("policy", POLICY))),
                        "ok");
    kn_actor_await(&guest_3, PING IP(1), true, NULL);
    assert_runs(&shell_a, "! ip link show ti00000003-11 2>/dev/null && ! tc qdisc show dev " TAP(3) " | grep tbf");
    assert_runs(&shell_a, "nft flush ruleset");
    assert_says(kn_actor_ask(&agent_a, "firewall"), "others");
    assert_string_equal(kn_actor_ask(&agent_a, "tick"), "ok");
    assert_says(kn_actor_ask(&agent_a, "firewall"), "same");
    /* back to where the next tests begin */
    assert_string_equal(kn_actor_ask(&agent_a,
                                     STATE(-1, 9, NETWORK(1450) "," PORT(1) "," PORT(3) "," PEER(2, "192.0.2.2"), "")),
                        "ok");
}

#define ASKS(who) "busybox nslookup " who " 10.5.0.2 | grep -q "

/* Names in DNS, forwards and back, from both hosts; options that a port has of its own go before its subnet's, and another port does not get them. */
static void test_names_and_options_of_ports_arrive(void **state)
{
    (void)state;
    need_root();
    static const char PORT_3[] = PORT_AS(3, IP(3), "db", SERVER(3), "true"), NETWORK_IN[] = NETWORK(1450);
    AUTO_FREE char *port = kn_strndup(PORT_3, strlen(PORT_3) - 1);
    AUTO_FREE char *network = kn_strndup(NETWORK_IN, strlen(NETWORK_IN) - 1);

    assert_string_equal(
        kn_actor_ask(
            &agent_a,
            STATE(9, 10,
                  "%s,\"options\":[{\"name\":\"bootfile-name\",\"value\":\"pxe (1).0\",\"version\":4},"
                  "{\"name\":\"42\",\"value\":\"192.0.2.7\",\"version\":4},"
                  "{\"name\":\"mtu\",\"value\":\"1234\",\"version\":4}],"
                  "\"floating\":[{\"id\":\"" PORT_ID(1) "\",\"outside\":\"203.0.113.5\",\"inside\":\"" IP(3) "\"}]}",
                  ""),
            port),
        "ok");
    assert_says(kn_actor_ask(&agent_a, "nics [" NIC(3) "]"), "\"floating\":[\"203.0.113.5\"]"); /* for metadata */
    const char *said = lease(&guest_3);

    assert_says(said, "mtu=1234 hostname=db bootfile=pxe (1).0 ntp=192.0.2.7");
    assert_says(lease(&guest_1), "mtu=1450 hostname=guest-1 bootfile= ntp= ");
    kn_actor_await(&guest_1, ASKS("db.openstacklocal") IP(3), true, NULL);
    kn_actor_await(&guest_1, ASKS(IP(3)) "db.openstacklocal", true, NULL);
    kn_actor_await(&guest_1, ASKS(IP(2)) "guest-2.openstacklocal", true, NULL); /* who lives elsewhere */
    kn_actor_await(&guest_1, ASKS("host-10-5-0-13.openstacklocal") IP(3), true, NULL);
    /* another domain, and a name below it */
    assert_string_equal(kn_actor_ask(&agent_a,
                                     STATE(10, 11,
                                           "%s,\"domain\":\"lab.example.org\"}," PORT_AS(3, IP(3), "a.b", SERVER(3),
                                                                                         "true"),
                                           ""),
                                     network),
                        "ok");
    kn_actor_await(&guest_1, ASKS("a.b.lab.example.org") IP(3), true, NULL);
    kn_actor_await(&guest_1, ASKS(IP(3)) "a.b.lab.example.org", true, NULL);
    kn_actor_await(&guest_1, ASKS("guest-1.lab.example.org") IP(1), true, NULL);
    assert_says(lease(&guest_3), "hostname=a bootfile= ntp= ");
    assert_string_equal(kn_actor_ask(&agent_a,
                                     STATE(-1, 9, NETWORK(1450) "," PORT(1) "," PORT(3) "," PEER(2, "192.0.2.2"), "")),
                        "ok");
}

/* What changes of a port that is plugged reaches kernel, firewall, DHCP and names without a replug. */
static void test_a_change_of_a_plugged_port_arrives(void **state)
{
    (void)state;
    need_root();
    /* another address and another name */
    assert_string_equal(kn_actor_ask(&agent_a, STATE(9, 10, PORT_AS(3, "10.5.0.33", "renamed", SERVER(3), "true"), "")),
                        "ok");
    assert_says(lease(&guest_3), "lease ip=10.5.0.33");
    kn_actor_await(&guest_1, PING "10.5.0.33", true, NULL);
    kn_actor_await(&guest_1, "busybox nslookup renamed.openstacklocal 10.5.0.2 | grep -q 10.5.0.33", true, NULL);
    kn_actor_await(&guest_1, "busybox nslookup guest-2.openstacklocal 10.5.0.2 | grep -q " IP(2), true,
                   NULL); /* who lives elsewhere */
    assert_says(kn_actor_ask(&guest_3, "busybox wget -qO- http://169.254.169.254/"), SERVER(3));
    assert_runs(&guest_3, "ip addr add " IP(3) "/24 dev eth0");
    assert_false(kn_actor_runs(&guest_3, PING "-I " IP(3) " " IP(1))); /* the old one is not his any more */
    /* down: nothing passes; up again */
    assert_string_equal(kn_actor_ask(&agent_a, STATE(10, 11, PORT_AS(3, IP(3), "guest-3", SERVER(3), "false"), "")),
                        "ok");
    assert_false(kn_actor_runs(&guest_3, PING IP(1)));
    assert_string_equal(kn_actor_ask(&agent_a, STATE(11, 12, PORT(3), "")), "ok");
    assert_says(lease(&guest_3), "lease ip=" IP(3));
    assert_string_equal(kn_actor_ask(&agent_a, STATE(12, 13, NETWORK(1400), "")), "ok");
    assert_runs(&shell_a, "ip link show " TAP(1) " | grep -q 'mtu 1400 '");
    assert_says(lease(&guest_3), "mtu=1400");
    assert_string_equal(kn_actor_ask(&agent_a, STATE(13, 14, NETWORK(1450), "")), "ok");
    kn_actor_await(&guest_1, PING IP(3), true, NULL);
}

static void test_survives_kill_and_loss(void **state)
{
    (void)state;
    need_root();
    kn_actor_kill(&agent_a);
    kn_actor_await(&guest_1, PING IP(2), true, NULL); /* nothing depends on the process */
    assert_runs(&shell_a,
                "ip link del kx0a0a0a0a; ip link del " BRIDGE "; nft flush ruleset; kill $(cat %s/a/networks/" NET
                "/pid)",
                dir);
    assert_false(kn_actor_runs(&guest_1, "ip neigh flush dev eth0; " PING IP(2)));
    start_agent(&agent_a, &machine_a, "192.0.2.1", "a");
    assert_string_equal(kn_actor_ask(&agent_a, "tick"), "ok");
    kn_actor_await(&guest_1, PING IP(2), true, NULL);
    assert_says(lease(&guest_1), "lease ip=" IP(1));
    assert_says(kn_actor_ask(&guest_1, "busybox wget -qO- http://169.254.169.254/"), SERVER(1));
    assert_runs(&shell_a, "nft list set bridge kilonova ips4 | grep -q " IP(1));
}

/* The host's namespace is torn down and made anew under the same files: one opening builds everything, without the control plane. */
static void test_reboot_builds_everything_in_one_pass(void **state)
{
    struct kn_machine other;
    struct kn_actor agent, shell;

    (void)state;
    need_root();
    assert_runs(&shell_a, "mkdir -p %s/c && cp %s/a/network-state %s/a/network-plugs %s/c/", dir, dir, dir, dir);
    kn_machine_start(&other);
    kn_actor_start(&shell, &other, kn_shell);
    start_agent(&agent, &other, "192.0.2.3", "c");
    assert_string_equal(kn_actor_ask(&agent, "version"), kn_actor_ask(&agent_a, "version"));
    assert_runs(&shell, "for d in " TAP(1) " " TAP(3) " " BRIDGE
                                                      " kx0a0a0a0a kd0a0a0a0a; do ip link show $d up || exit 1; done");
    assert_runs(&shell, "bridge fdb show dev kx0a0a0a0a | grep -q '" MAC(2) " dst 192.0.2.2'");
    assert_runs(&shell, "nft list set bridge kilonova ips4 | grep -q " IP(1));
    assert_runs(&shell, "kill -0 $(cat %s/c/networks/" NET "/pid)", dir);
    /* half a line at the end, as a crash leaves it, is cut off, and what comes next is whole again */
    kn_actor_kill(&agent);
    assert_runs(&shell, "printf '{\"from\":14,\"version\":15,\"put\":[{' >> %s/c/network-state", dir);
    start_agent(&agent, &other, "192.0.2.3", "c");
    assert_string_equal(kn_actor_ask(&agent, "version"), "14");
    assert_string_equal(kn_actor_ask(&agent, STATE(14, 15, "", DROP("network", NET))), "ok");
    assert_string_equal(kn_actor_ask(&shell, "ip -o link | grep -o ' k[bxd][0-9a-f]*'; true"), "0 ");
    kn_actor_kill(&agent);
    start_agent(&agent, &other, "192.0.2.3", "c");
    assert_string_equal(kn_actor_ask(&agent, "version"), "15");
    assert_string_equal(kn_actor_ask(&shell, "ip -o link | grep -o ' k[bxd][0-9a-f]*'; true"), "0 ");
    kn_actor_kill(&agent);
    kn_actor_kill(&shell);
    kn_machine_stop(&other);
}

/* The same while the agent lives: nothing that it remembers stands for what the kernel has. */
static void test_tick_builds_again_what_went(void **state)
{
    (void)state;
    need_root();
    assert_runs(&shell_a, "ip link del kx0a0a0a0a; ip link del " BRIDGE "; nft flush ruleset");
    assert_false(kn_actor_runs(&guest_1, "ip neigh flush dev eth0; " PING IP(2)));
    assert_string_equal(kn_actor_ask(&agent_a, "tick"), "ok");
    assert_runs(&shell_a, "nft list set bridge kilonova ips4 | grep -q " IP(1));
    kn_actor_await(&guest_1, "ip neigh flush dev eth0; " PING IP(2), true, NULL);
}

/* A guest that is started again is plugged again: its tap may have gone with the guest, or by an operator's hand. */
static void test_plug_makes_a_tap_that_went(void **state)
{
    (void)state;
    need_root();
    kn_actor_kill(&guest_3);
    assert_runs(&shell_a, "ip link show " TAP(3) " >/dev/null 2>&1 && ip link del " TAP(3) "; true");
    assert_string_equal(kn_actor_ask(&agent_a, "plug " SERVER(3) " [" NIC(3) "]"), "ok");
    assert_says(kn_actor_ask(&agent_a, "taps"), "\"" TAP(3) "\"");
    kn_guest_start(&guest_3, &machine_a, TAP(3), MAC(3));
    assert_says(lease(&guest_3), "lease ip=" IP(3));
}

static void test_tick_starts_dnsmasq_again(void **state)
{
    (void)state;
    need_root();
    assert_runs(&shell_a,
                "p=$(cat %s/a/networks/" NET
                "/pid); kill -9 $p; while grep -q dnsmasq /proc/$p/comm 2>/dev/null; do sleep .05; done",
                dir);
    assert_string_equal(kn_actor_ask(&agent_a, "tick"), "ok");
    assert_says(lease(&guest_3), "lease ip=" IP(3));
}

/* Its address goes to another MAC: the lease of the first must not stand in the way. */
static void test_address_changes_hands(void **state)
{
    (void)state;
    need_root();
    kn_actor_kill(&guest_3);
    assert_string_equal(kn_actor_ask(&agent_a, "unplug " SERVER(3)), "ok");
    assert_string_equal(kn_actor_ask(&agent_a, STATE(14, 15, PORT_AS(4, IP(3), "other", SERVER(3), "true"),
                                                     DROP("port", PORT_ID(3)))),
                        "ok");
    assert_string_equal(kn_actor_ask(&agent_a, "plug " SERVER(3) " [" NIC(4) "]"), "ok");
    kn_guest_start(&guest_3, &machine_a, TAP(4), MAC(4));
    assert_says(lease(&guest_3), "lease ip=" IP(3));
    kn_actor_await(&guest_1, "ip neigh flush dev eth0; " PING IP(3), true, NULL);
}

/* Its tap waits for who plugged it. */
static void test_a_port_that_leaves_is_cut_off(void **state)
{
    (void)state;
    need_root();
    assert_string_equal(kn_actor_ask(&agent_a, STATE(15, 16, "", DROP("port", PORT_ID(4)))), "ok");
    assert_false(kn_actor_runs(&guest_3, PING IP(1)));
    assert_says(kn_actor_ask(&agent_a, "taps"), "\"" TAP(4) "\"");
    assert_string_equal(kn_actor_ask(&agent_a, STATE(16, 17, PORT_AS(4, IP(3), "other", SERVER(3), "true"), "")), "ok");
    kn_actor_await(&guest_3, PING IP(1), true, NULL);
}

static void test_nothing_is_left(void **state)
{
    (void)state;
    need_root();
    assert_string_equal(kn_actor_ask(&agent_a, "unplug " SERVER(3)), "ok");
    kn_actor_await(&guest_1, PING IP(2), true, NULL); /* the network is still in use */
    assert_string_equal(kn_actor_ask(&agent_a, "unplug " SERVER(1)), "ok");
    assert_string_equal(kn_actor_ask(&agent_a, "unplug " SERVER(1)), "ok");
    assert_string_equal(kn_actor_ask(&agent_a, "taps"), "[]");
    assert_string_equal(kn_actor_ask(&agent_a, STATE(17, 18, "", DROP("network", NET))), "ok");
    assert_string_equal(kn_actor_ask(&shell_a, "ip -o link | grep -o ' k[bxd][0-9a-f]*\\| tap[^:]*'; true"), "0 ");
    assert_string_equal(kn_actor_ask(&shell_a, "ls /run/netns; ls -A %s/a/networks", dir), "0 ");
    assert_string_equal(kn_actor_ask(&shell_a, "pgrep -f 'dnsmasq --conf-file=%s/[a]/'; true", dir), "0 ");
}

int main(void)
{
    kn_test_needs("busybox", "dnsmasq", "ip", "nft", "pgrep", "tc");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plug_waits_for_its_port),
        cmocka_unit_test(test_plug),
        cmocka_unit_test(test_what_is_bad_changes_nothing),
        cmocka_unit_test(test_what_is_old_is_passed_over),
        cmocka_unit_test(test_leases),
        cmocka_unit_test(test_pings),
        cmocka_unit_test(test_metadata_knows_who_asks),
        cmocka_unit_test(test_spoofing_is_dropped),
        cmocka_unit_test(test_a_guest_does_not_find_its_host),
        cmocka_unit_test(test_rogue_dhcp_server_is_dropped),
        cmocka_unit_test(test_changes_are_taken_in_order),
        cmocka_unit_test(test_groups_and_limits_arrive),
        cmocka_unit_test(test_names_and_options_of_ports_arrive),
        cmocka_unit_test(test_a_change_of_a_plugged_port_arrives),
        cmocka_unit_test(test_survives_kill_and_loss),
        cmocka_unit_test(test_reboot_builds_everything_in_one_pass),
        cmocka_unit_test(test_tick_builds_again_what_went),
        cmocka_unit_test(test_plug_makes_a_tap_that_went),
        cmocka_unit_test(test_tick_starts_dnsmasq_again),
        cmocka_unit_test(test_address_changes_hands),
        cmocka_unit_test(test_a_port_that_leaves_is_cut_off),
        cmocka_unit_test(test_nothing_is_left),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
