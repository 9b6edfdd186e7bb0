/* SPDX-License-Identifier: Apache-2.0 */
/* What a host makes of a router: golden texts of its translation, and which tracked connections it still wants. */
#include "tests/support/test.h"

#include <netinet/in.h>

#include "lib/base/cleanup.h"
#include "network/host/router/router.h"

#define INNER "0a000001-1111-4111-8111-111111111111"
#define OUTER "0e000001-1111-4111-8111-111111111111"

static struct kn_ip ip_of(const char *text)
{
    struct kn_ip ip = KN_IP_NONE;

    assert_true(kn_ip_parse(text, &ip));
    return ip;
}

struct router_world {
    struct kn_network_state_router router;
    struct kn_network_state_interface legs[2];
    struct kn_network_state_floating floating[2];
    struct kn_network_state_forward forwards[2];
};

static void make(struct router_world *w)
{
    *w = (struct router_world){
        .router = { .id = "4e000001-1111-4111-8111-111111111111", .up = true, .gateway = 1, .snat = true },
        .legs = { { .port = INNER }, { .port = OUTER } },
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
    w->router.interfaces = w->legs;
    w->router.interface_count = 2;
    w->router.snat_ip = ip_of("172.24.4.10");
    w->router.floating = w->floating;
    w->router.floating_count = 2;
    w->router.forwards = w->forwards;
    w->router.forward_count = 2;
}

#define HEAD "add table ip kilonova\ndelete table ip kilonova\ntable ip kilonova {\n"

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
             "}\n");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_less),
        cmocka_unit_test(test_connections),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
