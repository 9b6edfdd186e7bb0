/* SPDX-License-Identifier: Apache-2.0 */
/* What a host makes of a router: golden texts of its translation, and which tracked connections it still wants. */
#include "tests/support/test.h"

#include <netinet/in.h>
#include <stdio.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "network/host/router/router.h"

#define INNER "0a000001-1111-4111-8111-111111111111"
#define OUTER "0e000001-1111-4111-8111-111111111111"
#define OTHER "0a000002-1111-4111-8111-111111111111"

static struct kn_ip ip_of(const char *text)
{
    struct kn_ip ip = KN_IP_NONE;

    assert_true(kn_ip_parse(text, &ip));
    return ip;
}

struct router_world {
    struct kn_network_state_router router;
    struct kn_network_state_interface legs[3];
    struct kn_ip ips[3][2];
    struct kn_network_state_route routes[2];
    struct kn_network_state_floating floating[2];
    struct kn_network_state_forward forwards[2];
};

static void make(struct router_world *w)
{
    *w = (struct router_world){
        .router = { .id = "4e000001-1111-4111-8111-111111111111", .up = true, .gateway = 1, .snat = true },
        .legs = { { .port = INNER }, { .port = OUTER }, { .port = OTHER } },
        .ips = { { ip_of("10.0.0.1"), ip_of("fd00:1::1") },
                 { ip_of("172.24.4.10"), ip_of("fd00:e::10") },
                 { ip_of("10.1.0.1"), ip_of("fd00:2::1") } },
        .routes = { { { ip_of("0.0.0.0"), 0 }, ip_of("172.24.4.1") }, { { ip_of("::"), 0 }, ip_of("fd00:e::1") } },
        .floating = { { .outside = ip_of("172.24.4.50"), .inside = ip_of("10.0.0.5") },
                      { .outside = ip_of("172.24.4.51"), .inside = ip_of("10.0.0.6") } },
        .forwards = { { .outside = ip_of("172.24.4.60"),
                        .inside = ip_of("10.0.0.7"),
                        .protocol = IPPROTO_TCP,
                        .outside_first = 2222,
                        .outside_last = 2222,
                        .inside_first = 22,
                        .inside_last = 22 },
                      { .outside = ip_of("172.24.4.60"),
                        .inside = ip_of("10.0.0.8"),
                        .protocol = IPPROTO_UDP,
                        .outside_first = 100,
                        .outside_last = 101,
                        .inside_first = 200,
                        .inside_last = 201 } },
    };
    for (size_t i = 0; i < KN_COUNT(w->legs); i++) {
        static uint8_t lengths[] = { 24, 64 };

        w->legs[i].ips = (struct kn_network_ips){ w->ips[i], 2 };
        w->legs[i].lengths = lengths;
    }
    w->router.interfaces = w->legs;
    w->router.interface_count = KN_COUNT(w->legs);
    w->router.routes = w->routes;
    w->router.route_count = KN_COUNT(w->routes);
    w->router.snat_ip = ip_of("172.24.4.10");
    w->router.floating = w->floating;
    w->router.floating_count = 2;
    w->router.forwards = w->forwards;
    w->router.forward_count = 2;
}

#define HEAD "add table ip kilonova\ndelete table ip kilonova\ntable ip kilonova {\n"
#define HEAD_6 "add table ip6 kilonova\ndelete table ip6 kilonova\ntable ip6 kilonova {\n"

static void test_names(void **state)
{
    char name[KN_ROUTER_NAME_SIZE];

    (void)state;
    kn_network_router_netns("4e000001-1111-4111-8111-111111111111", name);
    assert_string_equal(name, "kr-4e000001");
    kn_network_router_outer(INNER, name);
    assert_string_equal(name, "kr0a000001-11");
    kn_network_router_inner(INNER, name);
    assert_string_equal(name, "r-0a000001-11");
}

static void test_whole(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    struct router_world w;

    (void)state;
    make(&w);
    kn_network_router_rules(&w.router, &text);
    assert_string_equal(
        text.buf,
        HEAD "  map inside {\n"
             "    type ipv4_addr : ipv4_addr\n"
             "    elements = { 172.24.4.50 : 10.0.0.5, 172.24.4.51 : 10.0.0.6 }\n"
             "  }\n"
             "  map outside {\n"
             "    type ipv4_addr : ipv4_addr\n"
             "    elements = { 10.0.0.5 : 172.24.4.50, 10.0.0.6 : 172.24.4.51 }\n"
             "  }\n"
             "  map forwards {\n"
             "    type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service\n"
             "    elements = { 172.24.4.60 . tcp . 2222 : 10.0.0.7 . 22, 172.24.4.60 . udp . 100 : 10.0.0.8 . 200, "
             "172.24.4.60 . udp . 101 : 10.0.0.8 . 201 }\n"
             "  }\n"
             "  chain prerouting {\n"
             "    type nat hook prerouting priority -100; policy accept;\n"
             "    dnat to ip daddr map @inside\n"
             "    dnat ip to ip daddr . meta l4proto . th dport map @forwards\n"
             "  }\n"
             "  chain postrouting {\n"
             "    type nat hook postrouting priority 100; policy accept;\n"
             "    oifname \"r-0e000001-11\" goto leaving\n"
             "    iifname != \"r-0e000001-11\" ct status dnat goto turning\n"
             "  }\n"
             "  chain leaving {\n"
             "    snat to ip saddr map @outside\n"
             "    snat to 172.24.4.10\n"
             "  }\n"
             "  chain turning {\n"
             "    snat to ip saddr map @outside\n"
             "    snat to 172.24.4.10\n"
             "  }\n"
             "}\n" HEAD_6 "}\n");
}

/* Without a gateway nothing is translated; without SNAT only floating addresses are, and what turns around. */
static void test_less(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    struct router_world w;

    (void)state;
    make(&w);
    w.router.snat = false;
    kn_network_router_rules(&w.router, &text);
    assert_non_null(strstr(text.buf, "  chain leaving {\n    snat to ip saddr map @outside\n  }\n"));
    assert_non_null(strstr(text.buf, "    snat to 172.24.4.10\n"));
    kn_strbuf_clear(&text);
    w.router.gateway = -1;
    w.router.floating_count = w.router.forward_count = 0;
    kn_network_router_rules(&w.router, &text);
    assert_null(strstr(text.buf, "elements"));
    assert_null(strstr(text.buf, "oifname"));
    assert_null(strstr(text.buf, "snat to 172"));
}

static struct kn_network_router_flow flow(const char *source, const char *destination, const char *reply_source,
                                          const char *reply_destination)
{
    return (struct kn_network_router_flow){ .protocol = IPPROTO_TCP,
                                            .source = ip_of(source),
                                            .destination = ip_of(destination),
                                            .reply_source = ip_of(reply_source),
                                            .reply_destination = ip_of(reply_destination),
                                            .destination_port = 80,
                                            .reply_source_port = 80 };
}

#define allows(...) kn_network_router_allows(&w.router, &(struct kn_network_router_flow[]){ flow(__VA_ARGS__) }[0])

static void test_connections(void **state)
{
    struct router_world w;

    (void)state;
    make(&w);
    assert_true(allows("10.0.0.5", "10.1.0.5", "10.1.0.5", "10.0.0.5"));            /* only routed */
    assert_true(allows("172.24.4.1", "172.24.4.50", "10.0.0.5", "172.24.4.1"));     /* in */
    assert_false(allows("172.24.4.1", "172.24.4.50", "10.0.0.6", "172.24.4.1"));    /* to whom it was before */
    assert_false(allows("172.24.4.1", "172.24.4.52", "10.0.0.5", "172.24.4.1"));    /* that is gone */
    assert_false(allows("172.24.4.1", "172.24.4.50", "172.24.4.50", "172.24.4.1")); /* begun before it was anybody's */
    assert_true(allows("172.24.4.1", "172.24.4.52", "172.24.4.52", "172.24.4.1")); /* nobody's now */
    assert_true(allows("10.0.0.5", "8.8.8.8", "8.8.8.8", "172.24.4.50")); /* out */
    assert_false(allows("10.0.0.6", "8.8.8.8", "8.8.8.8", "172.24.4.50")); /* out by what is another's now */
    assert_true(allows("10.0.0.9", "8.8.8.8", "8.8.8.8", "172.24.4.10")); /* as the router */
    assert_true(allows("10.0.0.5", "8.8.8.8", "8.8.8.8", "172.24.4.10")); /* since before it had its own */
    assert_true(allows("10.0.0.5", "172.24.4.51", "10.0.0.6", "172.24.4.50")); /* turned around */
    w.router.snat = false;
    assert_false(allows("10.0.0.9", "8.8.8.8", "8.8.8.8", "172.24.4.10"));
    assert_true(allows("10.0.0.9", "172.24.4.51", "10.0.0.6", "172.24.4.10"));

    struct kn_network_router_flow forwarded = flow("172.24.4.1", "172.24.4.60", "10.0.0.7", "172.24.4.1");

    forwarded.destination_port = 2222;
    forwarded.reply_source_port = 22;
    assert_true(kn_network_router_allows(&w.router, &forwarded));
    forwarded.reply_source_port = 23;
    assert_false(kn_network_router_allows(&w.router, &forwarded));
    forwarded = flow("172.24.4.1", "172.24.4.60", "172.24.4.60", "172.24.4.1");
    forwarded.destination_port = forwarded.reply_source_port =
        2222; /* answered by the router, before it was forwarded */
    assert_false(kn_network_router_allows(&w.router, &forwarded));
    forwarded.destination_port = forwarded.reply_source_port = 2223;
    assert_true(kn_network_router_allows(&w.router, &forwarded));
}

/* --- address scopes ---------------------------------------------------------------------------------------------------- */

#define RED "5c000001-1111-4111-8111-111111111111"
#define BLUE "5c000002-1111-4111-8111-111111111111"

/* Of one family: of the first leg, of the gateway, of the other leg. */
static void scopes(struct router_world *w, int family, const char *inner, const char *outer, const char *other)
{
    const char *const said[] = { inner, outer, other };

    for (size_t i = 0; i < KN_COUNT(said); i++) {
        snprintf(family == 4 ? w->legs[i].scope4 : w->legs[i].scope6, KN_UUID_SIZE, "%s", said[i]);
    }
}

static void test_scopes_are_kept_apart(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    struct router_world w;

    (void)state;
    make(&w);
    w.router.floating_count = w.router.forward_count = 0;
    scopes(&w, 4, RED, RED, BLUE);
    scopes(&w, 6, "", RED, "");
    kn_network_router_rules(&w.router, &text);
    assert_non_null(
        strstr(text.buf, "  set near {\n    type ifname\n    elements = { \"r-0a000001-11\" }\n  }\n"
                         "  map scopes {\n    type ifname : mark\n"
                         "    elements = { \"r-0a000001-11\" : 1, \"r-0e000001-11\" : 1, \"r-0a000002-11\" : 2 }\n  }\n"
                         "  set within {\n    type mark . ifname\n"
                         "    elements = { 1 . \"r-0a000001-11\", 1 . \"r-0e000001-11\", 2 . \"r-0a000002-11\" }\n  }\n"
                         "  chain scope {\n"
                         "    type filter hook forward priority 0; policy accept;\n"
                         "    meta mark set iifname map @scopes\n"
                         "    meta mark . oifname @within accept\n"
                         "    ct status snat accept\n"
                         "    ct status dnat accept\n"
                         "    oifname \"r-0e000001-11\" accept\n"
                         "    drop\n  }\n"));
    assert_non_null(strstr(text.buf, "  chain leaving {\n    snat to ip saddr map @outside\n    iifname @near return\n"
                                     "    snat to 172.24.4.10\n  }\n"));
    assert_non_null(strstr(
        text.buf, HEAD_6 "  map scopes {\n    type ifname : mark\n"
                         "    elements = { \"r-0a000001-11\" : 1, \"r-0e000001-11\" : 2, \"r-0a000002-11\" : 1 }\n  }\n"
                         "  set within {\n    type mark . ifname\n"
                         "    elements = { 1 . \"r-0a000001-11\", 2 . \"r-0e000001-11\", 1 . \"r-0a000002-11\" }\n  }\n"
                         "  chain scope {\n"
                         "    type filter hook forward priority 0; policy accept;\n"
                         "    meta mark set iifname map @scopes\n"
                         "    meta mark . oifname @within accept\n"
                         "    drop\n  }\n}\n"));
}

/* Nothing is kept apart where all are of one scope; within one that has a name nothing is translated. Without SNAT only floating addresses leave it. */
static void test_one_scope(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    struct router_world w;

    (void)state;
    make(&w);
    scopes(&w, 4, RED, RED, RED);
    kn_network_router_rules(&w.router, &text);
    assert_null(strstr(text.buf, "chain scope"));
    assert_non_null(strstr(text.buf, "elements = { \"r-0a000001-11\", \"r-0a000002-11\" }"));
    assert_non_null(strstr(text.buf, "    iifname @near return\n"));
    kn_strbuf_clear(&text);
    scopes(&w, 4, "", "", RED);
    w.router.snat = false;
    kn_network_router_rules(&w.router, &text);
    assert_null(strstr(text.buf, "near"));
    assert_non_null(strstr(text.buf, "  set lent {\n    type ipv4_addr\n    elements = { 10.0.0.5, 10.0.0.6 }\n  }\n"));
    assert_non_null(strstr(text.buf, "    oifname \"r-0e000001-11\" ip saddr @lent accept\n    drop\n"));
    kn_strbuf_clear(&text);
    w.router.gateway = -1;
    kn_network_router_rules(&w.router, &text);
    assert_null(strstr(text.buf, "ct status snat"));
    assert_non_null(strstr(text.buf, "    meta mark . oifname @within accept\n    drop\n"));
    kn_strbuf_clear(&text);
    w.legs[2].ips.count = 0; /* no address: no scope */
    kn_network_router_rules(&w.router, &text);
    assert_null(strstr(text.buf, "chain scope"));
}

static void test_connections_between_scopes(void **state)
{
    struct router_world w;

    (void)state;
    make(&w);
    scopes(&w, 4, RED, RED, BLUE);
    scopes(&w, 6, RED, RED, BLUE);
    assert_false(allows("10.0.0.9", "10.1.0.9", "10.1.0.9", "10.0.0.9"));
    assert_false(allows("fd00:2::9", "fd00:1::9", "fd00:1::9", "fd00:2::9"));
    assert_true(allows("10.0.0.9", "10.0.0.1", "10.0.0.1", "10.0.0.9")); /* the router itself */
    assert_true(allows("10.0.0.9", "10.1.0.1", "10.1.0.1", "10.0.0.9"));
    assert_true(allows("fd00:2::9", "fe80::1", "fe80::1", "fd00:2::9"));
    assert_true(allows("10.0.0.9", "8.8.8.8", "8.8.8.8", "10.0.0.9")); /* within its scope: as itself */
    assert_true(allows("8.8.8.8", "10.0.0.9", "10.0.0.9", "8.8.8.8"));
    assert_true(allows("fd00:1::9", "2001:db8::1", "2001:db8::1", "fd00:1::9"));
    assert_false(allows("fd00:2::9", "2001:db8::1", "2001:db8::1", "fd00:2::9"));
    assert_false(allows("10.0.0.9", "8.8.8.8", "8.8.8.8", "172.24.4.10")); /* and not as the router */
    assert_false(allows("10.1.0.9", "8.8.8.8", "8.8.8.8", "10.1.0.9")); /* between two: the other way round */
    assert_false(allows("8.8.8.8", "10.1.0.9", "10.1.0.9", "8.8.8.8"));
    assert_true(allows("10.1.0.9", "8.8.8.8", "8.8.8.8", "172.24.4.10"));
    assert_true(allows("10.0.0.5", "8.8.8.8", "8.8.8.8", "172.24.4.50")); /* floating addresses within, too */
    w.floating[0].inside = ip_of("10.1.0.5");
    assert_true(allows("8.8.8.8", "172.24.4.50", "10.1.0.5", "8.8.8.8"));
    assert_true(allows("10.0.0.9", "172.24.4.50", "10.1.0.5",
                       "172.24.4.10")); /* from one to the other, as the outside calls it */
    w.routes[1] = (struct kn_network_state_route){ { ip_of("10.9.0.0"), 16 }, ip_of("10.1.0.77") }; /* behind a leg */
    assert_false(allows("10.9.0.9", "10.0.0.9", "10.0.0.9", "10.9.0.9"));
    assert_true(allows("10.9.0.9", "10.1.0.9", "10.1.0.9", "10.9.0.9"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_less),
        cmocka_unit_test(test_connections),
        cmocka_unit_test(test_scopes_are_kept_apart),
        cmocka_unit_test(test_one_scope),
        cmocka_unit_test(test_connections_between_scopes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
