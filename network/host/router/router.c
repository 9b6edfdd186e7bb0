/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router.c: the compiler of a router's translation. Prints only names that are made from uuids, addresses and numbers. Golden texts:
 * tests/unit/network/test_host_router.c.
 */
#include "network/host/router/router.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "network/host/router/scope.h"

void kn_network_router_netns(const char *id, char out[KN_ROUTER_NAME_SIZE])
{
    snprintf(out, KN_ROUTER_NAME_SIZE, "kr-%.8s", id);
}

void kn_network_router_outer(const char *port, char out[KN_ROUTER_NAME_SIZE])
{
    snprintf(out, KN_ROUTER_NAME_SIZE, "kr%.11s", port);
}

void kn_network_router_inner(const char *port, char out[KN_ROUTER_NAME_SIZE])
{
    snprintf(out, KN_ROUTER_NAME_SIZE, "r-%.11s", port);
}

/* --- the text --------------------------------------------------------------------------------------------------------- */

/* A map's element: "a : b", after a comma where it is not the first. */
static void router_pair(struct kn_strbuf *out, const struct kn_ip *key, const struct kn_ip *value)
{
    char a[KN_IP_SIZE], b[KN_IP_SIZE];

    kn_strbuf_addf(out, "%s%s : %s", out->len > 0 ? ", " : "", kn_ip_text(key, a), kn_ip_text(value, b));
}

static void router_map(struct kn_strbuf *out, const char *name, const char *type, const struct kn_strbuf *elements)
{
    kn_strbuf_addf(out, "  map %s {\n    type %s\n", name, type);
    if (elements->len > 0) {
        kn_strbuf_addf(out, "    elements = { %s }\n", elements->buf);
    }
    kn_strbuf_addstr(out, "  }\n");
}

static void router_floating(const struct kn_network_state_router *router, struct kn_strbuf *out)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf inside = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf outside = KN_STRBUF_INIT;

    for (size_t i = 0; i < router->floating_count; i++) {
        const struct kn_network_state_floating *floating = &router->floating[i];

        if (floating->outside.family == 4 && floating->inside.family == 4) {
            router_pair(&inside, &floating->outside, &floating->inside);
            router_pair(&outside, &floating->inside, &floating->outside);
        }
    }
    router_map(out, "inside", "ipv4_addr : ipv4_addr", &inside);
    router_map(out, "outside", "ipv4_addr : ipv4_addr", &outside);
}

static const char *router_protocol(int protocol)
{
    return protocol == IPPROTO_TCP ? "tcp" : protocol == IPPROTO_UDP ? "udp" : NULL;
}

static void router_forwards(const struct kn_network_state_router *router, struct kn_strbuf *out)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf list = KN_STRBUF_INIT;
    char outside[KN_IP_SIZE], inside[KN_IP_SIZE];

    for (size_t i = 0; i < router->forward_count; i++) {
        const struct kn_network_state_forward *f = &router->forwards[i];
        const char *protocol = router_protocol(f->protocol);

        for (int n = 0; protocol != NULL && n <= f->outside_last - f->outside_first; n++) {
            const int port = f->inside_first + n <= f->inside_last ? f->inside_first + n : f->inside_last;

            kn_strbuf_addf(&list, "%s%s . %s . %d : %s . %d", list.len > 0 ? ", " : "",
                           kn_ip_text(&f->outside, outside), protocol, f->outside_first + n,
                           kn_ip_text(&f->inside, inside), port);
        }
    }
    router_map(out, "forwards", "ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service", &list);
}

static bool router_has_snat_ip(const struct kn_network_state_router *router)
{
    return router->gateway >= 0 && router->snat_ip.family == 4;
}

static bool router_translates(const struct kn_network_state_router *router)
{
    return router_has_snat_ip(router) && router->snat;
}

static void router_chains(const struct kn_network_state_router *router, bool has_near, struct kn_strbuf *out)
{
    char gateway[KN_ROUTER_NAME_SIZE], ip[KN_IP_SIZE];

    kn_strbuf_addstr(out, "  chain prerouting {\n"
                          "    type nat hook prerouting priority -100; policy accept;\n"
                          "    dnat to ip daddr map @inside\n"
                          "    dnat ip to ip daddr . meta l4proto . th dport map @forwards\n"
                          "  }\n"
                          "  chain postrouting {\n"
                          "    type nat hook postrouting priority 100; policy accept;\n");
    if (router->gateway >= 0) {
        kn_network_router_inner(router->interfaces[router->gateway].port, gateway);
        kn_strbuf_addf(out, "    oifname \"%s\" goto leaving\n    iifname != \"%s\" ct status dnat goto turning\n",
                       gateway, gateway);
    }
    kn_strbuf_addstr(out, "  }\n");
    for (int turning = 0; turning <= 1; turning++) {
        kn_strbuf_addf(out, "  chain %s {\n    snat to ip saddr map @outside\n", turning ? "turning" : "leaving");
        if (!turning && has_near) {
            kn_strbuf_addstr(out, "    iifname @near return\n");
        }
        if (turning ? router_has_snat_ip(router) : router_translates(router)) {
            kn_strbuf_addf(out, "    snat to %s\n", kn_ip_text(&router->snat_ip, ip));
        }
        kn_strbuf_addstr(out, "  }\n");
    }
}

void kn_network_router_rules(const struct kn_network_state_router *router, struct kn_strbuf *out)
{
    const bool translates = router_translates(router);

    kn_strbuf_addstr(out, "add table ip kilonova\ndelete table ip kilonova\ntable ip kilonova {\n");
    router_floating(router, out);
    router_forwards(router, out);
    const bool has_near = translates && kn_network_scope_near(router, out);

    kn_network_scope_rules(router, 4, translates, out);
    router_chains(router, has_near, out);
    kn_strbuf_addstr(out, "}\nadd table ip6 kilonova\ndelete table ip6 kilonova\ntable ip6 kilonova {\n");
    kn_network_scope_rules(router, 6, false, out);
    kn_strbuf_addstr(out, "}\n");
}

/* --- what is translated already ----------------------------------------------------------------------------------- */

/* Where the rules lead what comes for the flow's destination; a floating address leads whatever port it comes for. False: nowhere else. */
static bool router_target(const struct kn_network_state_router *router, const struct kn_network_router_flow *flow,
                          struct kn_network_state_forward *ret)
{
    for (size_t i = 0; i < router->floating_count; i++) {
        if (kn_ip_equal(&router->floating[i].outside, &flow->destination)) {
            *ret = (struct kn_network_state_forward){ .inside = router->floating[i].inside,
                                                      .inside_first = flow->destination_port,
                                                      .inside_last = flow->destination_port };
            return true;
        }
    }
    for (size_t i = 0; i < router->forward_count; i++) {
        const struct kn_network_state_forward *f = &router->forwards[i];

        if (f->protocol == flow->protocol && kn_ip_equal(&f->outside, &flow->destination) &&
            flow->destination_port >= f->outside_first && flow->destination_port <= f->outside_last) {
            *ret = *f;
            return true;
        }
    }
    return false;
}

/* Does it go where its destination leads now? Also one that is not led anywhere: it was begun before its destination led somewhere, and would never. */
static bool router_leads(const struct kn_network_state_router *router, const struct kn_network_router_flow *flow,
                         bool is_led)
{
    struct kn_network_state_forward target;

    return router_target(router, flow, &target)
               ? kn_ip_equal(&target.inside, &flow->reply_source) && flow->reply_source_port >= target.inside_first &&
                     flow->reply_source_port <= target.inside_last
               : !is_led;
}

/* May it speak as that? One that spoke as the router goes on when its port gets a floating address. */
static bool router_lends(const struct kn_network_state_router *router, const struct kn_network_router_flow *flow,
                         bool is_turned)
{
    for (size_t i = 0; i < router->floating_count; i++) {
        if (kn_ip_equal(&router->floating[i].outside, &flow->reply_destination)) {
            return kn_ip_equal(&router->floating[i].inside, &flow->source);
        }
    }
    return router_has_snat_ip(router) && kn_ip_equal(&router->snat_ip, &flow->reply_destination) &&
           (is_turned || (router->snat && !kn_network_scope_is_near(router, &flow->source)));
}

bool kn_network_router_allows(const struct kn_network_state_router *router, const struct kn_network_router_flow *flow)
{
    const bool is_led = !kn_ip_equal(&flow->destination, &flow->reply_source) ||
                        flow->destination_port != flow->reply_source_port;
    const bool is_lent = !kn_ip_equal(&flow->source, &flow->reply_destination);

    return router_leads(router, flow, is_led) && (!is_lent || router_lends(router, flow, is_led)) &&
           (is_led || is_lent || kn_network_scope_passes(router, &flow->source, &flow->destination));
}
