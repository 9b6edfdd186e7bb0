/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host says of a packet's way, held against the packet: two machines, guests on taps, a router between two networks. For each kind of stop a real packet is
 * sent: where the trace says that it passes it arrives, where it says what stops it, it does not, and once that is mended, it does. Skipped without root.
 */
#include "tests/support/test.h"

#include <stdio.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"
#include "tests/support/host_agent.h"
#include "tests/support/needs.h"
#include "tests/support/netlab.h"
#include "tests/support/process.h"
#include "tests/support/scratch.h"

#define WAIT_MS 60000
#define NET_2 "0c0c0c0c-1111-4111-8111-111111111111"
#define ROUTER "4e000001-1111-4111-8111-111111111111"
#define LEG(n) "0a00000" #n "-1111-4111-8111-111111111111"
#define GROUP(n) "9000000" #n "-1111-4111-8111-111111111111"
#define RULE(n) "ee00000" #n "-1111-4111-8111-111111111111"
#define UL_A "192.0.2.1"
#define UL_B "192.0.2.2"

static struct kn_machine machines[2];
static struct kn_actor agents[2], shells[2], guests[5];
static char dir[KN_TEST_DIR];
static int version[2];

enum { A, B };

/* Who may be an end of a segment: guests by their numbers, then the router's legs. */
static const struct node {
    const char *port, *mac, *ip, *net, *gateway;
    int host;
} NODES[] = {
    [1] = { PORT_ID(1), MAC(1), "10.5.0.11", NET, "10.5.0.1", A },
    [2] = { PORT_ID(2), MAC(2), "10.5.0.12", NET, "10.5.0.1", B },
    [3] = { PORT_ID(3), MAC(3), "10.5.0.13", NET, "10.5.0.1", A },
    [4] = { PORT_ID(4), MAC(4), "10.6.0.14", NET_2, "10.6.0.1", A },
    [5] = { LEG(1), "fa:16:3e:01:00:01", "10.5.0.1", NET, NULL, A },
    [6] = { LEG(2), "fa:16:3e:01:00:02", "10.6.0.1", NET_2, NULL, A },
};
enum { LEG_1 = 5, LEG_2 = 6 };
static const char *const UNDERLAYS[] = { UL_A, UL_B };

/* --- what hosts are told ------------------------------------------------------------------------------------------------ */

#define RULE_OF(n, way, more) "{\"id\":\"" RULE(n) "\",\"ingress\":" way ",\"family\":4" more "}"
#define ALL_OUT RULE_OF(1, "false", "")
#define PING_IN RULE_OF(2, "true", ",\"protocol\":1")
#define GROUP_AS(n, stateful, rules) \
    "{\"kind\":\"group\",\"id\":\"" GROUP(n) "\",\"stateful\":" stateful ",\"rules\":[" rules "]}"
#define GUEST(n, net, subnet, ip, more) \
    "{\"kind\":\"port\",\"id\":\"" PORT_ID(n) "\",\"network\":\"" net "\",\"server\":\"" SERVER( \
        n) "\",\"mac\":\"" MAC(n) "\",\"filtered\":true,\"groups\":[\"" GROUP(n) "\"],\"ips\":[{\"subnet\":\"" subnet \
                                                                                 "\",\"ip\":\"" ip "\"}]" more "}"
#define UP ",\"up\":true"
#define DOWN ",\"up\":false"
#define SUBNET_2 "0d0d0d0d-1111-4111-8111-111111111111"
#define PORT_1 GUEST(1, NET, SUBNET, "10.5.0.11", UP)
#define PORT_2 GUEST(2, NET, SUBNET, "10.5.0.12", UP)
#define PORT_3 GUEST(3, NET, SUBNET, "10.5.0.13", UP)
#define PORT_4 GUEST(4, NET_2, SUBNET_2, "10.6.0.14", UP)
#define LEG_PORT(n, net, subnet, ip, mac) \
    "{\"kind\":\"port\",\"id\":\"" LEG( \
        n) "\",\"network\":\"" net "\",\"mac\":\"" mac \
           "\",\"up\":true,\"filtered\":false,\"is_router\":true,\"ips\":[{\"subnet\":\"" subnet "\",\"ip\":\"" ip \
           "\"}]}"
#define LEG_OF(n, net, ip, mac, more) \
    "{\"port\":\"" LEG(n) "\",\"network\":\"" net "\",\"mac\":\"" mac "\",\"ips\":[\"" ip "/24\"]" more "}"
#define ROUTER_AS(up) ROUTER_WITH(up, "")
#define ROUTER_WITH(up, more) \
    "{\"kind\":\"router\",\"id\":\"" ROUTER "\",\"lease\":1,\"up\":" up \
    ",\"interfaces\":[" LEG_OF(1, NET, "10.5.0.1", "fa:16:3e:01:00:01", "") "," LEG_OF(2, NET_2, "10.6.0.1", \
                                                                                       "fa:16:3e:01:00:02", more) "]}"
#define NETWORK_2 \
    "{\"kind\":\"network\",\"id\":\"" NET_2 \
    "\",\"type\":\"vxlan\",\"vni\":4243,\"mtu\":1450,\"subnets\":[{\"id\":\"" SUBNET_2 \
    "\",\"cidr\":\"10.6.0.0/24\",\"gateway\":\"10.6.0.1\",\"dhcp\":false,\"dns\":[],\"routes\":[]}]}"
#define PEER_LEG \
    "{\"kind\":\"peer\",\"id\":\"" LEG( \
        1) "\",\"network\":\"" NET "\",\"mac\":\"fa:16:3e:01:00:01\",\"ips\":[\"10.5.0.1\"],\"underlay\":\"" UL_A \
           "\"}"

static void told(int host, const char *put, const char *drop)
{
    const char *said =
        kn_actor_ask(&agents[host],
                     "state {\"host\":\"h\",\"from\":%d,\"version\":%d,\"piece\":1,\"pieces\":1,\"put\":[%s],"
                     "\"drop\":[%s]}",
                     version[host] == 0 ? -1 : version[host], version[host] + 1, put, drop);

    assert_string_equal(said, "ok");
    version[host]++;
}

/* --- the two judges ----------------------------------------------------------------------------------------------------- */

struct way {
    struct kn_strbuf pieces[2]; /* of each host */
    const char *source, *destination;
};

static void put_piece(struct way *way, int host, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void put_piece(struct way *way, int host, const char *format, ...)
{
    struct kn_strbuf *out = &way->pieces[host];
    va_list args;

    kn_strbuf_addstr(out, out->len == 0 ? "{" : ",{");
    va_start(args, format);
    kn_strbuf_vaddf(out, format, args);
    va_end(args);
    kn_strbuf_addf(out, ",\"packet\":{\"source\":\"%s\",\"destination\":\"%s\",\"protocol\":1,\"source_port\":8}}",
                   way->source, way->destination);
}

static void put_segment(struct way *way, const struct node *from, const struct node *to)
{
    for (int host = A; host <= B; host++) {
        if (from->host == host || to->host == host) {
            put_piece(
                way, host,
                "\"network\":\"%s\",\"from\":\"%s\",\"from_mac\":\"%s\",\"to\":\"%s\",\"to_mac\":\"%s\",\"next\":\"%s\","
                "\"leaves\":%s,\"arrives\":%s%s%s%s",
                from->net, from->port, from->mac, to->port, to->mac, to->ip, from->host == host ? "true" : "false",
                to->host == host ? "true" : "false", from->host == to->host ? "" : ",\"far\":\"",
                from->host == to->host ? "" : UNDERLAYS[1 - host], from->host == to->host ? "" : "\"");
        }
    }
}

static const char *trace_of(const struct node *from, const struct node *to, const char *source)
{
    struct way way = { .pieces = { KN_STRBUF_INIT, KN_STRBUF_INIT }, .source = source, .destination = to->ip };
    static char said[2][1024];
    int stopped = -1;

    if (from->net == to->net) {
        put_segment(&way, from, to);
    } else {
        put_segment(&way, from, &NODES[LEG_1]);
        put_piece(&way, A,
                  "\"router\":\"" ROUTER "\",\"from\":\"" LEG(1) "\",\"to\":\"" LEG(
                      2) "\",\"after\":{\"source\":\"%s\","
                         "\"destination\":\"%s\",\"protocol\":1,\"source_port\":8}",
                  source, to->ip);
        put_segment(&way, &NODES[LEG_2], to);
    }
    for (int n = 0; n < 2; n++) { /* the sender's host first */
        const int host = n == 0 ? from->host : 1 - from->host;

        kn_copy(said[host], sizeof(said[host]),
                way.pieces[host].len == 0 ? "pass" : kn_actor_ask(&agents[host], "trace [%s]", way.pieces[host].buf));
        stopped = stopped < 0 && strncmp(said[host], "pass", 4) != 0 ? host : stopped;
        kn_strbuf_release(&way.pieces[host]);
    }
    return said[stopped < 0 ? to->host : stopped];
}

/* Its routers speak: this host was heard just now. */
static void heard(void)
{
    kn_actor_ask(&agents[A], "hold 0");
}

static bool arrives(int from, int to, const char *source)
{
    return kn_actor_ask(&guests[from], "busybox ping -c 1 -W 1 -I %s %s", source, NODES[to].ip)[0] == '0';
}

/* Both say that it passes: asked again until they do, for a packet may come late. */
static void passes_from(int from, int to, const char *source)
{
    heard();
    for (const int64_t deadline = kn_mono_ms() + WAIT_MS; !arrives(from, to, source); heard()) {
        if (kn_mono_ms() > deadline) {
            fail_msg("no packet from %d to %d; the trace says %s", from, to,
                     trace_of(&NODES[from], &NODES[to], source));
        }
        kn_test_pause(10);
    }
    const char *said = trace_of(&NODES[from], &NODES[to], source);

    if (strncmp(said, "pass", 4) != 0) {
        fail_msg("a packet went from %d to %d, and the trace says %s", from, to, said);
    }
}

static void passes(int from, int to)
{
    passes_from(from, to, NODES[from].ip);
}

/* Both say that it does not, and the trace says why. */
static void stops_from(int from, int to, const char *source, const char *why)
{
    const char *said = trace_of(&NODES[from], &NODES[to], source);

    if (strstr(said, why) == NULL) {
        fail_msg("from %d to %d: wanted \"%s\", the trace says %s", from, to, why, said);
    }
    if (arrives(from, to, source)) {
        fail_msg("a packet went from %d to %d, and the trace says %s", from, to, said);
    }
}

static void stops(int from, int to, const char *why)
{
    stops_from(from, to, NODES[from].ip, why);
}

#define shell(host, ...) \
    do { \
        const char *said_ = kn_actor_ask(&shells[host], __VA_ARGS__); \
        if (strncmp(said_, "0 ", 2) != 0) { \
            fail_msg("did not succeed: %s", said_); \
        } \
    } while (0)

/* --- the world ---------------------------------------------------------------------------------------------------------- */

static void start_guest(int n)
{
    const struct node *node = &NODES[n];
    AUTO_FREE char *tap = kn_asprintf("tap%.11s", node->port),
                   *server = kn_asprintf("5e00000%d-1111-4111-8111-111111111111", n);

    assert_string_equal(kn_actor_ask(&agents[node->host],
                                     "plug %s [{\"port\":\"%s\",\"mac\":\"%s\",\"tap\":\"%s\",\"mtu\":1450}]", server,
                                     node->port, node->mac, tap),
                        "ok");
    kn_guest_start(&guests[n], &machines[node->host], tap, node->mac);
    kn_actor_ask(&guests[n], "ip addr add %s/24 dev eth0; ip route replace default via %s", node->ip, node->gateway);
}

static int setup(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        return 0;
    }
    kn_test_dir(dir, "net-trace");
    for (int host = A; host <= B; host++) {
        kn_machine_start(&machines[host]);
        kn_actor_start(&shells[host], &machines[host], kn_shell);
    }
    kn_machine_cable(&machines[A], UL_A "/24", &machines[B], UL_B "/24");
    for (int host = A; host <= B; host++) {
        kn_actor_start(&agents[host], &machines[host], kn_host_agent);
        assert_string_equal(kn_actor_ask(&agents[host], "open %s %s/%d", UNDERLAYS[host], dir, host), "ok");
    }
    told(
        A,
        NETWORK(
            1450) "," NETWORK_2 "," PORT_1 "," PORT_3 "," PORT_4
                  "," LEG_PORT(1, NET, SUBNET, "10.5.0.1", "fa:16:3e:01:00:01") "," LEG_PORT(2, NET_2, SUBNET_2, "10.6.0.1", "fa:16:3e:01:00:02") "," ROUTER_AS(
                      "true") "," GROUP_AS(1, "true",
                                           ALL_OUT) "," GROUP_AS(3, "true",
                                                                 ALL_OUT
                                                                 "," PING_IN) "," GROUP_AS(4, "true",
                                                                                           ALL_OUT
                                                                                           "," PING_IN) "," PEER(2,
                                                                                                                 UL_B),
        "");
    told(B,
         NETWORK(1450) "," PORT_2
                       "," GROUP_AS(2, "true", ALL_OUT "," PING_IN) "," PEER(1, UL_A) "," PEER(3, UL_A) "," PEER_LEG,
         "");
    for (int n = 1; n <= 4; n++) {
        start_guest(n);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        return 0;
    }
    for (int n = 1; n <= 4; n++) {
        kn_actor_ask(&agents[NODES[n].host], "unplug 5e00000%d-1111-4111-8111-111111111111", n);
        kn_actor_kill(&guests[n]);
    }
    for (int host = A; host <= B; host++) {
        kn_actor_kill(&agents[host]);
        kn_actor_kill(&shells[host]);
        kn_machine_stop(&machines[host]);
    }
    AUTO_FREE char *command = kn_asprintf("rm -rf %s", dir);

    return system(command);
}

/* --- tests: each leaves the world as it was ------------------------------------------------------------------------------ */

static void test_what_passes_names_its_rules(void **state)
{
    (void)state;
    need_root();
    passes(1, 3);
    passes(1, 2);
    passes(2, 3);
    passes(1, 4);
    passes(2, 4);
    assert_string_equal(trace_of(&NODES[1], &NODES[3], NODES[1].ip), "pass egress=" RULE(1) " ingress=" RULE(2));
    assert_string_equal(trace_of(&NODES[1], &NODES[2], NODES[1].ip), "pass ingress=" RULE(2)); /* the far host's half */
}

static void test_groups(void **state)
{
    (void)state;
    need_root();
    stops(3, 1, "stop ingress: no security group rule lets ICMP type 8 from 10.5.0.13 to 10.5.0.11 into");
    stops(2, 1, "stop ingress: no security group rule lets");
    told(A, GROUP_AS(1, "true", PING_IN), "");
    stops(1, 3, "stop egress: no security group rule lets");
    stops(1, 2, "stop egress: no security group rule lets");
    stops(1, 4, "stop egress: no security group rule lets");
    passes(3, 1);
    told(A, GROUP_AS(1, "true", ALL_OUT), "");
    told(B, GROUP_AS(2, "true", ALL_OUT), "");
    stops(1, 2, "stop ingress: no security group rule lets");
    told(B, GROUP_AS(2, "false", PING_IN), ""); /* stateless: the answer wants a rule of its own */
    stops(1, 2, "stop answer: the answer (ICMP type 0 from 10.5.0.12 to 10.5.0.11) is dropped by chain always_out");
    told(B, GROUP_AS(2, "true", ALL_OUT "," PING_IN), "");
    passes(1, 2);
}

static void test_spoofing(void **state)
{
    (void)state;
    need_root();
    kn_actor_ask(&guests[1], "ip addr add 10.5.0.77/24 dev eth0");
    stops_from(1, 3, "10.5.0.77", "stop spoofing: anti-spoofing (chain guest_ip): port " PORT_ID(1) " may not send");
    told(A, GUEST(1, NET, SUBNET, "10.5.0.11", UP ",\"pairs\":[{\"ip\":\"10.5.0.77/32\",\"mac\":\"" MAC(1) "\"}]"), "");
    passes_from(1, 3, "10.5.0.77");
    told(A, PORT_1, "");
    stops_from(1, 3, "10.5.0.77", "stop spoofing");
    kn_actor_ask(&guests[1], "ip addr del 10.5.0.77/24 dev eth0");
}

static void test_ports_that_are_down_or_not_there(void **state)
{
    (void)state;
    need_root();
    told(A, GUEST(1, NET, SUBNET, "10.5.0.11", DOWN), "");
    stops(1, 3, "stop up: port " PORT_ID(1) " is down (admin_state_up is false)");
    told(A, PORT_1, "");
    passes(1, 3);
    told(A, GUEST(3, NET, SUBNET, "10.5.0.13", DOWN), "");
    stops(1, 3, "stop up: port " PORT_ID(3) " is down (admin_state_up is false)");
    told(A, "", DROP("port", PORT_ID(3)));
    stops(1, 3, "stop told: this host was not told of port " PORT_ID(3));
    told(A, PORT_3 "," GROUP_AS(3, "true", ALL_OUT "," PING_IN), "");
    passes(1, 3);
    shell(A, "ip link set " TAP(3) " nomaster");
    stops(1, 3, "stop device: " TAP(3) " is in no bridge, not in " BRIDGE);
    shell(A, "ip link set " TAP(3) " master " BRIDGE " && bridge link set dev " TAP(
                 3) " learning off flood off && bridge fdb replace " MAC(3) " dev " TAP(3) " master static");
    passes(1, 3);
    shell(A, "bridge fdb del " MAC(3) " dev " TAP(3) " master");
    stops(1, 3, "stop station: in " BRIDGE ", " MAC(3) " is behind nothing, not behind " TAP(3));
    shell(A, "bridge fdb replace " MAC(3) " dev " TAP(3) " master static");
    passes(1, 3);
    shell(A, "ip link set " TAP(1) " down");
    stops(1, 3, "stop device: " TAP(1) " has no link: it is down");
    shell(A, "ip link set " TAP(1) " up && bridge fdb replace " MAC(1) " dev " TAP(1) " master static");
    passes(1, 3);
    shell(A, "ip link set " BRIDGE " down");
    stops(1, 3, "stop device: " BRIDGE ", the bridge that " TAP(1) " is in, is down");
    shell(A, "ip link set " BRIDGE " up");
    passes(1, 3);
}

static void test_missing_peers(void **state)
{
    (void)state;
    need_root();
    shell(A, "ip link set kx0a0a0a0a down");
    stops(1, 2, "stop neighbour: missing peer: kx0a0a0a0a answers nobody"); /* the kernel forgets them */
    assert_string_equal(kn_actor_ask(&agents[A], "tick"), "ok");
    passes(1, 2);
    told(A, "", DROP("peer", PORT_ID(2)));
    stops(1, 2, "stop neighbour: missing peer: kx0a0a0a0a answers nobody who asks for 10.5.0.12");
    told(A, PEER(2, "192.0.2.99"), "");
    stops(1, 2, "stop tunnel: missing peer: kx0a0a0a0a sends frames for " MAC(2) " to 192.0.2.99, not to 192.0.2.2");
    told(A, PEER(2, UL_B), "");
    passes(1, 2);
    told(B, "", DROP("peer", PORT_ID(1)));
    stops(1, 2, "stop answer: missing peer: answers to " MAC(1) " go nowhere, not to 192.0.2.1");
    told(B, PEER(1, UL_A), "");
    passes(1, 2);
    told(B, "", DROP("peer", LEG(1)));
    stops(2, 4, "stop neighbour: missing peer");
    told(B, PEER_LEG, "");
    passes(2, 4);
}

static void test_routers(void **state)
{
    (void)state;
    need_root();
    told(A, ROUTER_AS("false"), "");
    stops(1, 4, "router " ROUTER " is down (admin_state_up is false)");
    told(A, ROUTER_AS("true"), "");
    passes(1, 4);
    shell(A, "ip netns exec kr-4e000001 ip route del 10.6.0.0/24");
    stops(1, 4, "stop route: missing route: the router's namespace leads nowhere to 10.6.0.14");
    shell(A, "ip netns exec kr-4e000001 ip route add 10.6.0.0/24 dev r-0a000002-11");
    passes(1, 4);
    shell(A, "ip netns exec kr-4e000001 sysctl -qw net.ipv4.ip_forward=0");
    stops(1, 4, "stop namespace: kr-4e000001 forwards no packets");
    shell(A, "ip netns exec kr-4e000001 sysctl -qw net.ipv4.ip_forward=1");
    shell(A, "ip netns exec kr-4e000001 ip link set r-0a000002-11 down");
    stops(1, 4, "stop leg: the router's leg r-0a000002-11 is without a link");
    shell(A, "ip netns exec kr-4e000001 ip link set r-0a000002-11 up");
    told(A, "", DROP("router", ROUTER));
    stops(1, 4, "stop told: this host was not told of the router of port " LEG(1));
    told(A, ROUTER_AS("true"), "");
    passes(1, 4);
    passes(2, 4);
    told(A, ROUTER_WITH("true", ",\"scope4\":\"5c000001-1111-4111-8111-111111111111\""), "");
    stops(1, 4, "stop scope: address scope: r-0a000001-11 and r-0a000002-11 are of two scopes");
    stops(2, 4, "stop scope: address scope");
    told(A, ROUTER_AS("true"), "");
    passes(1, 4);
    passes(2, 4);
}

/* Nothing that this host says reaches anybody any more: its routers are silent in its kernel, and that is seen. */
static void test_a_lease_that_ran_out(void **state)
{
    (void)state;
    need_root();
    passes(1, 4);
    shell(A, "nft flush set bridge kilonova_lease held"); /* as its time ends it */
    stops(1, 4, "stop lease: this host's routers are silent");
    passes(1, 4);
}

static void unsure(int from, int to, const char *family)
{
    AUTO_FREE char *why = kn_asprintf("unknown tables: the kernel has no table %s kilonova", family);
    const char *said = trace_of(&NODES[from], &NODES[to], NODES[from].ip);

    if (strncmp(said, "pass", 4) == 0 || strstr(said, why) == NULL) {
        fail_msg("from %d to %d: wanted \"%s\", the trace says %s", from, to, why, said);
    }
}

/* Whoever meddles with the kernel is seen: what a host says is what its kernel has. */
static void test_meddlers(void **state)
{
    (void)state;
    need_root();
    shell(A, "nft insert rule inet kilonova out_" GROUP(1) " ip daddr 10.5.0.13 drop");
    stops(1, 3, "this host's kernel drops it (chain out_" GROUP(1) ") though rule " RULE(1));
    assert_string_equal(kn_actor_ask(&agents[A], "tick"), "ok");
    passes(1, 3);
    stops(3, 1, "stop ingress");
    shell(A, "nft delete table inet kilonova && nft delete table bridge kilonova");
    unsure(3, 1, "bridge"); /* it passes just now, and nobody may rely on that */
    assert_string_equal(kn_actor_ask(&agents[A], "tick"), "ok");
    stops(3, 1, "stop ingress");
    shell(A, "nft delete table bridge kilonova");
    unsure(3, 1, "bridge"); /* though another one of ours is there, of the same family */
    assert_string_equal(kn_actor_ask(&agents[A], "tick"), "ok");
    passes(1, 3);
    shell(A, "nft insert rule bridge kilonova guest ether saddr " MAC(1) " limit rate over 1/hour drop");
    assert_non_null(strstr(trace_of(&NODES[1], &NODES[3], NODES[1].ip), "unknown egress: chain guest"));
    assert_string_equal(kn_actor_ask(&agents[A], "tick"), "ok");
    passes(1, 3);
}

static void test_what_is_no_piece_is_refused(void **state)
{
    (void)state;
    need_root();
    static const char *const BAD[] = {
        "[{}]", "[7]", "[{\"packet\":{\"source\":\"x\",\"destination\":\"10.0.0.1\",\"protocol\":6}}]",
        "[{\"packet\":{\"source\":\"fd00::1\",\"destination\":\"10.0.0.1\",\"protocol\":6}}]",
        "[{\"from_mac\":\"zz:zz:zz:zz:zz:zz\",\"packet\":{\"source\":\"10.0.0.1\",\"destination\":\"10.0.0.1\",\"protocol\":6}}]"
    };

    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        const char *said = kn_actor_ask(&agents[A], "trace %s", BAD[i]);

        if (strstr(said, "piece") == NULL) {
            fail_msg("%s: %s", BAD[i], said);
        }
    }
}

int main(void)
{
    kn_test_needs("bridge", "busybox", "ip", "nft", "sysctl");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_passes_names_its_rules),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_spoofing),
        cmocka_unit_test(test_ports_that_are_down_or_not_there),
        cmocka_unit_test(test_missing_peers),
        cmocka_unit_test(test_routers),
        cmocka_unit_test(test_a_lease_that_ran_out),
        cmocka_unit_test(test_meddlers),
        cmocka_unit_test(test_what_is_no_piece_is_refused),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
