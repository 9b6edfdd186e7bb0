/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routers on a host, with guests on two networks and somebody outside: routed, translated, reached by floating addresses and forwarded ports; a floating
 * address moves and cuts the old one's streams and nobody else's; address scopes are kept apart; kill -9 of the agent stops nothing; what goes leaves nothing. Skipped without root.
 */
#include "tests/support/test.h"

#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "network/host/router/build.h"
#include "tests/support/needs.h"
#include "tests/support/netlab.h"
#include "tests/support/process.h"
#include "tests/support/scratch.h"
#include "tests/support/streams.h"

#define WAIT_MS 60000
#define ROUTER "4e000001-1111-4111-8111-111111111111"
#define LEG(n) "0a00000" #n "-1111-4111-8111-111111111111"

/* The networks: two inside, one outside. Guest n lives on the network GUESTS says. */
static const char *const BRIDGES[] = { "kb000000a1", "kb000000b1", "kb000000e1" };
static const struct {
    const char *tap, *mac, *ip, *gateway, *ip6, *gateway6;
    int network;
} GUESTS[] = {
    { "tap00000001-11", "fa:16:3e:00:00:01", "10.1.0.11/24", "10.1.0.1", "fd00:1::11/64", "fd00:1::1", 0 },
    { "tap00000002-11", "fa:16:3e:00:00:02", "10.2.0.12/24", "10.2.0.1", "fd00:2::12/64", "fd00:2::1", 1 },
    { "tap00000003-11", "fa:16:3e:00:00:03", "172.24.4.1/24", NULL, "fd00:e::1/64", "fd00:e::10", 2 },
    { "tap00000004-11", "fa:16:3e:00:00:04", "10.1.0.14/24", "10.1.0.1", "fd00:1::14/64", "fd00:1::1", 0 },
};
enum { ONE, TWO, OUT, FOUR };

static struct kn_machine machine;
static struct kn_actor agent, shell, guests[KN_COUNT(GUESTS)];
static char dir[KN_TEST_DIR];

/* --- the agent's half, in its own process -------------------------------------------------------------------------- */

static struct kn_ip ip_of(const char *text)
{
    struct kn_ip ip = KN_IP_NONE;

    kn_ip_parse(text, &ip);
    return ip;
}

static int lay_networks(struct kn_network_links *links, struct kn_error *err)
{
    for (size_t i = 0; i < KN_COUNT(BRIDGES); i++) {
        if (kn_network_link_bridge(links, BRIDGES[i], 1450, err) < 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < KN_COUNT(GUESTS); i++) {
        uint8_t mac[6] = { 0xfa, 0x16, 0x3e, 0, 0, (uint8_t)(i + 1) };

        if (kn_network_link_tap(links, GUESTS[i].tap, 1450, err) < 0 ||
            kn_network_link_enslave(links, GUESTS[i].tap, BRIDGES[GUESTS[i].network], true, err) < 0 ||
            kn_network_link_station(links, GUESTS[i].tap, mac, err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Scopes of the legs, a character each: "-": none. */
static void build_scopes(struct kn_network_state_interface legs[3], const char *word)
{
    for (int i = 0; i < 3 && strlen(word) == 3; i++) {
        if (word[i] != '-') {
            snprintf(legs[i].scope4, sizeof(legs[i].scope4), "5c00000%c-1111-4111-8111-111111111111", word[i]);
            kn_copy(legs[i].scope6, sizeof(legs[i].scope6), legs[i].scope4);
        }
    }
}

/* "snat" or "none", then floating addresses "outside=inside", forwards "outside:port=inside:port" and "scopes=112". */
static int build(struct kn_network_links *links, const char *line, struct kn_error *err)
{
    static uint8_t lengths[] = { 24, 64 };
    struct kn_ip ips[3][2] = { { ip_of("10.1.0.1"), ip_of("fd00:1::1") },
                               { ip_of("10.2.0.1"), ip_of("fd00:2::1") },
                               { ip_of("172.24.4.10"), ip_of("fd00:e::10") } };
    struct kn_network_state_interface legs[3];
    struct kn_network_state_floating floating[8];
    struct kn_network_state_forward forwards[8];
    struct kn_network_state_route route = { { ip_of("0.0.0.0"), 0 }, ip_of("172.24.4.1") };
    struct kn_network_state_router router = { .id = ROUTER,
                                              .up = true,
                                              .interfaces = legs,
                                              .interface_count = 3,
                                              .gateway = 2,
                                              .snat = strncmp(line, "snat", 4) == 0,
                                              .snat_ip = ips[2][0],
                                              .routes = &route,
                                              .route_count = 1,
                                              .floating = floating,
                                              .forwards = forwards };
    struct kn_network_router_place places[3];
    AUTO_FREE char *copy = kn_strdup(line);
    char *rest = NULL, outside[64], inside[64];

    for (int i = 0; i < 3; i++) {
        legs[i] = (struct kn_network_state_interface){ .mac = { 0xfa, 0x16, 0x3e, 1, 0, (uint8_t)i },
                                                       .ips = { ips[i], 2 },
                                                       .lengths = lengths };
        snprintf(legs[i].port, sizeof(legs[i].port), "0a00000%d-1111-4111-8111-111111111111", i + 1);
        kn_copy(places[i].bridge, sizeof(places[i].bridge), BRIDGES[i]);
        places[i].mtu = 1450;
    }
    for (char *word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        int from, to;

        if (strncmp(word, "scopes=", 7) == 0) {
            build_scopes(legs, word + 7);
        } else if (sscanf(word, "%63[0-9.]:%d=%63[0-9.]:%d", outside, &from, inside, &to) == 4) {
            forwards[router.forward_count++] = (struct kn_network_state_forward){ .outside = ip_of(outside),
                                                                                  .inside = ip_of(inside),
                                                                                  .protocol = IPPROTO_TCP,
                                                                                  .outside_first = from,
                                                                                  .outside_last = from,
                                                                                  .inside_first = to,
                                                                                  .inside_last = to };
        } else if (sscanf(word, "%63[0-9.]=%63[0-9.]", outside, inside) == 2) {
            floating[router.floating_count++] = (struct kn_network_state_floating){ .outside = ip_of(outside),
                                                                                    .inside = ip_of(inside) };
        }
    }
    AUTO(kn_network_stock) struct kn_network_stock *stock = NULL;
    char why[KN_STOCK_WHY];

    if (kn_network_router_build(links, &router, places, err) < 0 || kn_network_stock_take(&stock, err) < 0) {
        return -1;
    }
    return kn_network_router_stands(stock, &router, places, why)
               ? 0
               : kn_fail(err, KN_INTERNAL, "what was built does not stand: %s", why);
}

/* "networks", "router <see build()>", "remove", "sweep" */
static void be_agent(const char *line, char *answer, size_t size)
{
    struct kn_error err = { .code = KN_OK };
    struct kn_network_links *links = NULL;
    int rc = kn_network_links_open(&links, &err);

    if (rc == 0) {
        rc = strcmp(line, "networks") == 0 ? lay_networks(links, &err)
             : strcmp(line, "remove") == 0 ? kn_network_router_remove(links, ROUTER, &err)
             : strcmp(line, "sweep") == 0  ? kn_network_router_sweep(links, NULL, 0, &err)
                                           : build(links, line + strlen("router "), &err);
    }
    kn_network_links_free(links);
    snprintf(answer, size, "%s", rc == 0 ? "ok" : err.message);
}

#define router(what) assert_string_equal(kn_actor_ask(&agent, "router " what), "ok")

#define open_stream(actor, name, address) kn_stream_open(actor, dir, name, address)
#define stream_works(actor, name) kn_stream_works(actor, dir, name)

static int setup(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        return 0;
    }
    kn_test_dir(dir, "net-router");
    kn_machine_start(&machine);
    kn_actor_start(&shell, &machine, kn_shell);
    kn_actor_start(&agent, &machine, be_agent);
    assert_string_equal(kn_actor_ask(&agent, "networks"), "ok");
    for (size_t i = 0; i < KN_COUNT(GUESTS); i++) {
        kn_guest_start(&guests[i], &machine, GUESTS[i].tap, GUESTS[i].mac);
        kn_actor_ask(&guests[i], "ip link set lo up; ip addr add %s dev eth0; ip link set eth0 up", GUESTS[i].ip);
        kn_actor_ask(&guests[i], "ip addr add %s dev eth0 nodad; ip -6 route add default via %s", GUESTS[i].ip6,
                     GUESTS[i].gateway6);
        if (GUESTS[i].gateway != NULL) {
            kn_actor_ask(&guests[i], "ip route add default via %s", GUESTS[i].gateway);
        }
        kn_stream_serve(&guests[i], (int)i + 1);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        return 0;
    }
    for (size_t i = 0; i < KN_COUNT(GUESTS); i++) {
        kn_actor_kill(&guests[i]);
    }
    kn_actor_kill(&agent);
    kn_actor_kill(&shell);
    kn_machine_stop(&machine);
    AUTO_FREE char *command = kn_asprintf("rm -rf %s", dir);

    return system(command);
}

/* --- tests, in order: each builds on the one before ----------------------------------------------------------------- */

static void test_routes_between_networks(void **state)
{
    (void)state;
    need_root();
    router("snat");
    kn_actor_await(&guests[ONE], PING "10.2.0.12", true, NULL);
    kn_actor_await(&guests[TWO], PING "10.1.0.11", true, NULL);
    router("snat"); /* twice is once */
    kn_actor_await(&guests[ONE], PING "10.2.0.12", true, NULL);
}

/* Out as the router, whom the outside has never heard of; without SNAT as oneself, which the outside cannot answer until it has a route. */
static void test_leaves_as_the_router(void **state)
{
    (void)state;
    need_root();
    kn_actor_await(&guests[ONE], PING "172.24.4.1", true, NULL);
    open_stream(&guests[ONE], "snat", "172.24.4.1");
    assert_true(stream_works(&guests[ONE], "snat"));
    assert_non_null(strstr(kn_actor_ask(&guests[OUT], "busybox netstat -tn"), "172.24.4.10:"));
    router("none");
    assert_false(kn_actor_runs(&guests[ONE], PING "172.24.4.1"));
    assert_runs(&guests[OUT], "ip route add 10.1.0.0/24 via 172.24.4.10");
    assert_false(stream_works(&guests[ONE], "snat")); /* what was translated so is cut */
    kn_actor_await(&guests[ONE], PING "172.24.4.1", true, NULL);
    assert_runs(&guests[OUT], "ip route del 10.1.0.0/24");
    router("snat");
    kn_actor_await(&guests[ONE], PING "172.24.4.1", true, NULL);
}

static void test_floating_addresses(void **state)
{
    (void)state;
    need_root();
    router("snat 172.24.4.50=10.1.0.11 172.24.4.51=10.2.0.12");
    kn_actor_await(&guests[OUT], PING "172.24.4.50", true, NULL);
    open_stream(&guests[OUT], "in", "172.24.4.50");
    open_stream(&guests[OUT], "other", "172.24.4.51");
    open_stream(&guests[TWO], "out", "172.24.4.1");
    open_stream(&guests[ONE], "turn", "172.24.4.51"); /* from one to the other, by what the outside calls it */
    open_stream(&guests[ONE], "self", "172.24.4.50");
    assert_true(stream_works(&guests[OUT], "in"));
    assert_true(stream_works(&guests[OUT], "other"));
    assert_true(stream_works(&guests[TWO], "out"));
    assert_true(stream_works(&guests[ONE], "turn"));
    assert_true(stream_works(&guests[ONE], "self"));
    assert_non_null(strstr(kn_actor_ask(&guests[OUT], "busybox netstat -tn"), "172.24.4.51:"));
    assert_non_null(strstr(kn_actor_ask(&guests[TWO], "busybox netstat -tn"), "172.24.4.50:"));

    router("snat 172.24.4.50=10.1.0.14 172.24.4.51=10.2.0.12"); /* to another guest */
    assert_false(stream_works(&guests[OUT], "in"));
    assert_true(stream_works(&guests[OUT], "other"));
    assert_true(stream_works(&guests[TWO], "out"));
    kn_actor_await(&guests[OUT], "busybox nc -w 2 172.24.4.50 22 </dev/null | grep -q guest4", true, NULL);

    router("snat 172.24.4.51=10.2.0.12"); /* gone */
    kn_actor_await(&guests[OUT], PING "172.24.4.50", false, NULL);
    assert_true(stream_works(&guests[OUT], "other"));
}

static void test_forwarded_ports(void **state)
{
    (void)state;
    need_root();
    router("snat 172.24.4.51=10.2.0.12 172.24.4.60:2201=10.1.0.11:22 172.24.4.60:2204=10.1.0.14:22");
    kn_actor_await(&guests[OUT], "busybox nc -w 2 172.24.4.60 2201 </dev/null | grep -q guest1", true, NULL);
    kn_actor_await(&guests[OUT], "busybox nc -w 2 172.24.4.60 2204 </dev/null | grep -q guest4", true, NULL);
    kn_actor_await(&guests[ONE], "busybox nc -w 2 172.24.4.60 2204 </dev/null | grep -q guest4", true, NULL);
    assert_false(kn_actor_runs(&guests[OUT], "busybox nc -w 2 172.24.4.60 22 </dev/null | grep -q guest"));
    assert_true(stream_works(&guests[OUT], "other"));
}

/* Between two scopes nothing passes but what is translated; within one nothing is. A stream ends with what allowed it. */
static void test_address_scopes(void **state)
{
    (void)state;
    need_root();
    router("snat 172.24.4.51=10.2.0.12 scopes=112"); /* two inside of one scope, the outside of another */
    kn_actor_await(&guests[ONE], PING "10.2.0.12", true, NULL);
    kn_actor_await(&guests[ONE], PING "-6 fd00:2::12", true, NULL);
    open_stream(&guests[ONE], "as-router", "172.24.4.1");
    assert_true(stream_works(&guests[ONE], "as-router"));
    assert_non_null(strstr(kn_actor_ask(&guests[OUT], "busybox netstat -tn"), "172.24.4.10:"));
    assert_true(stream_works(&guests[OUT], "other")); /* by a floating address */
    assert_false(kn_actor_runs(&guests[ONE], PING "-6 fd00:e::1")); /* which IPv6 has not */
    assert_runs(&guests[OUT], "ip route add 10.0.0.0/8 via 172.24.4.10");
    assert_false(kn_actor_runs(&guests[OUT], PING "10.1.0.11")); /* not to what only the inside calls so */

    router("snat 172.24.4.51=10.2.0.12 scopes=121"); /* the second network goes into a scope of its own */
    assert_false(stream_works(&guests[ONE], "as-router")); /* and the first comes into the outside's */
    assert_false(kn_actor_runs(&guests[ONE], PING "10.2.0.12"));
    assert_false(kn_actor_runs(&guests[TWO], PING "-6 fd00:1::11"));
    assert_true(stream_works(&guests[OUT], "other"));
    kn_actor_await(&guests[OUT], PING "10.1.0.11", true, NULL);
    kn_actor_await(&guests[ONE], PING "-6 fd00:e::1", true, NULL);
    open_stream(&guests[ONE], "as-itself", "172.24.4.1");
    assert_true(stream_works(&guests[ONE], "as-itself"));
    assert_non_null(strstr(kn_actor_ask(&guests[OUT], "busybox netstat -tn"), "10.1.0.11:"));
    open_stream(&guests[ONE], "turned", "172.24.4.51"); /* the other scope's, as the outside calls it */
    assert_true(stream_works(&guests[ONE], "turned"));
    assert_false(kn_actor_runs(&guests[OUT], PING "10.2.0.12"));
    kn_actor_await(&guests[TWO], PING "172.24.4.1", true, NULL);

    router(
        "none 172.24.4.51=10.2.0.12 scopes=-2-"); /* without SNAT only what has a floating address leaves its scope */
    assert_true(stream_works(&guests[ONE], "as-itself"));
    assert_true(stream_works(&guests[OUT], "other"));
    kn_actor_await(&guests[TWO], PING "172.24.4.1", true, NULL);
    router("none scopes=-2-");
    assert_false(kn_actor_runs(&guests[TWO], PING "172.24.4.1"));

    router("snat scopes=--2"); /* the outside into another one */
    assert_false(stream_works(&guests[ONE], "as-itself"));
    kn_actor_await(&guests[ONE], PING "172.24.4.1", true, NULL);
    assert_runs(&guests[OUT], "ip route del 10.0.0.0/8");
    router("snat 172.24.4.51=10.2.0.12");
    kn_actor_await(&guests[ONE], PING "10.2.0.12", true, NULL);
    open_stream(&guests[OUT], "other", "172.24.4.51");
    assert_true(stream_works(&guests[OUT], "other"));
    open_stream(&guests[TWO], "out", "172.24.4.1");
    assert_true(stream_works(&guests[TWO], "out"));
}

/* The agent dies and is there again; somebody took a leg away; a stream of another leg notices nothing. */
static void test_agent_killed(void **state)
{
    (void)state;
    need_root();
    kn_actor_kill(&agent);
    assert_true(stream_works(&guests[OUT], "other"));
    kn_actor_start(&agent, &machine, be_agent);
    assert_runs(&shell, "ip link del kr0a000001-11");
    router("snat 172.24.4.51=10.2.0.12");
    assert_true(stream_works(&guests[OUT], "other"));
    assert_true(stream_works(&guests[TWO], "out"));
    kn_actor_await(&guests[ONE], PING "172.24.4.1", true, NULL);
}

static void test_nothing_is_left(void **state)
{
    (void)state;
    need_root();
    assert_string_equal(kn_actor_ask(&agent, "remove"), "ok");
    assert_string_equal(kn_actor_ask(&agent, "remove"), "ok");
    assert_runs(&shell, "! ip -o link | grep -E ' (kr|r-)' && ! ls /run/netns | grep kr-");
    assert_false(kn_actor_runs(&guests[ONE], PING "10.2.0.12"));
    router("snat");
    kn_actor_await(&guests[ONE], PING "10.2.0.12", true, NULL);
    assert_string_equal(kn_actor_ask(&agent, "sweep"), "ok");
    assert_runs(&shell, "! ip -o link | grep -E ' (kr|r-)' && ! ls /run/netns | grep kr-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes_between_networks), cmocka_unit_test(test_leaves_as_the_router),
        cmocka_unit_test(test_floating_addresses),      cmocka_unit_test(test_forwarded_ports),
        cmocka_unit_test(test_address_scopes),          cmocka_unit_test(test_agent_killed),
        cmocka_unit_test(test_nothing_is_left),
    };

    kn_test_needs("busybox", "ip");
    return cmocka_run_group_tests(tests, setup, teardown);
}
