/* SPDX-License-Identifier: Apache-2.0 */
/* scope.c: the text, and the same decisions about what is tracked already. Golden texts: tests/unit/network/test_host_router.c. */
#include "network/host/router/scope.h"

#include <stdint.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/hmap.h"
#include "network/host/router/router.h"

static const char *scope_of(const struct kn_network_state_interface *leg, uint8_t family)
{
    return family == 4 ? leg->scope4 : leg->scope6;
}

static bool scope_has(const struct kn_network_state_interface *leg, uint8_t family)
{
    for (size_t i = 0; i < leg->ips.count; i++) {
        if (leg->ips.items[i].family == family) {
            return true;
        }
    }
    return false;
}

/* --- the text --------------------------------------------------------------------------------------------------------- */

static bool scope_is_one(const struct kn_network_state_router *router, uint8_t family)
{
    const struct kn_network_state_interface *first = NULL;

    for (size_t i = 0; i < router->interface_count; i++) {
        const struct kn_network_state_interface *leg = &router->interfaces[i];

        if (!scope_has(leg, family)) {
            continue;
        }
        if (first != NULL && strcmp(scope_of(first, family), scope_of(leg, family)) != 0) {
            return false;
        }
        first = leg;
    }
    return true;
}

/* A scope's number: 1 is the first one's that a leg has. */
static uintptr_t scope_number(struct kn_hmap *numbers, const char *scope)
{
    uintptr_t number = (uintptr_t)kn_hmap_get(numbers, scope);

    if (number == 0) {
        number = kn_hmap_count(numbers) + 1;
        kn_hmap_put(numbers, scope, (void *)number);
    }
    return number;
}

static void scope_legs(const struct kn_network_state_router *router, uint8_t family, struct kn_strbuf *out)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf numbers = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf within = KN_STRBUF_INIT;
    struct kn_hmap *known = kn_hmap_new(NULL);
    char name[KN_ROUTER_NAME_SIZE];

    for (size_t i = 0; i < router->interface_count; i++) {
        if (scope_has(&router->interfaces[i], family)) {
            const unsigned long number = scope_number(known, scope_of(&router->interfaces[i], family));
            const char *comma = numbers.len > 0 ? ", " : "";

            kn_network_router_inner(router->interfaces[i].port, name);
            kn_strbuf_addf(&numbers, "%s\"%s\" : %lu", comma, name, number);
            kn_strbuf_addf(&within, "%s%lu . \"%s\"", comma, number, name);
        }
    }
    kn_hmap_free(known);
    kn_strbuf_addf(out,
                   "  map scopes {\n    type ifname : mark\n    elements = { %s }\n  }\n"
                   "  set within {\n    type mark . ifname\n    elements = { %s }\n  }\n",
                   numbers.buf, within.buf);
}

/* Who may leave into another scope where the router itself does not translate: what has a floating address. */
static void scope_lent(const struct kn_network_state_router *router, struct kn_strbuf *out)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf list = KN_STRBUF_INIT;
    char ip[KN_IP_SIZE];

    for (size_t i = 0; i < router->floating_count; i++) {
        if (router->floating[i].inside.family == 4 && router->floating[i].outside.family == 4) {
            kn_strbuf_addf(&list, "%s%s", list.len > 0 ? ", " : "", kn_ip_text(&router->floating[i].inside, ip));
        }
    }
    kn_strbuf_addstr(out, "  set lent {\n    type ipv4_addr\n");
    if (list.len > 0) {
        kn_strbuf_addf(out, "    elements = { %s }\n", list.buf);
    }
    kn_strbuf_addstr(out, "  }\n");
}

void kn_network_scope_rules(const struct kn_network_state_router *router, uint8_t family, bool is_translating,
                            struct kn_strbuf *out)
{
    const bool leaves = family == 4 && router->gateway >= 0;
    char gateway[KN_ROUTER_NAME_SIZE];

    if (scope_is_one(router, family)) {
        return;
    }
    scope_legs(router, family, out);
    if (leaves && !is_translating) {
        scope_lent(router, out);
    }
    kn_strbuf_addstr(out, "  chain scope {\n"
                          "    type filter hook forward priority 0; policy accept;\n"
                          "    meta mark set iifname map @scopes\n"
                          "    meta mark . oifname @within accept\n");
    if (leaves) { /* what is translated, and what will be */
        kn_network_router_inner(router->interfaces[router->gateway].port, gateway);
        kn_strbuf_addf(out, "    ct status snat accept\n    ct status dnat accept\n    oifname \"%s\"%s accept\n",
                       gateway, is_translating ? "" : " ip saddr @lent");
    }
    kn_strbuf_addstr(out, "    drop\n  }\n");
}

static bool scope_leg_is_near(const struct kn_network_state_router *router,
                              const struct kn_network_state_interface *leg)
{
    const char *outer = router->gateway < 0 ? "" : router->interfaces[router->gateway].scope4;

    return outer[0] != '\0' && leg != &router->interfaces[router->gateway] && strcmp(leg->scope4, outer) == 0;
}

bool kn_network_scope_near(const struct kn_network_state_router *router, struct kn_strbuf *out)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf list = KN_STRBUF_INIT;
    char name[KN_ROUTER_NAME_SIZE];

    for (size_t i = 0; i < router->interface_count; i++) {
        if (scope_leg_is_near(router, &router->interfaces[i])) {
            kn_network_router_inner(router->interfaces[i].port, name);
            kn_strbuf_addf(&list, "%s\"%s\"", list.len > 0 ? ", " : "", name);
        }
    }
    if (list.len > 0) {
        kn_strbuf_addf(out, "  set near {\n    type ifname\n    elements = { %s }\n  }\n", list.buf);
    }
    return list.len > 0;
}

/* --- what is tracked already --------------------------------------------------------------------------------------------- */

/* Whose link it is on. */
static const struct kn_network_state_interface *scope_link_of(const struct kn_network_state_router *router,
                                                              const struct kn_ip *ip)
{
    const struct kn_network_state_interface *best = NULL;
    uint8_t length = 0;

    for (size_t i = 0; i < router->interface_count; i++) {
        const struct kn_network_state_interface *leg = &router->interfaces[i];

        for (size_t n = 0; n < leg->ips.count; n++) {
            const struct kn_ip_prefix prefix = { leg->ips.items[n], leg->lengths[n] };

            if ((best == NULL || prefix.length > length) && kn_ip_prefix_holds(&prefix, ip)) {
                best = leg;
                length = prefix.length;
            }
        }
    }
    return best;
}

/* By which leg the router sends to it; NULL: by none, or to nobody else than itself and its neighbours. */
static const struct kn_network_state_interface *scope_way_to(const struct kn_network_state_router *router,
                                                             const struct kn_ip *ip)
{
    static const struct kn_ip_prefix LINK = { { 6, { 0xfe, 0x80 } }, 10 }, GROUPS = { { 6, { 0xff } }, 8 };
    const struct kn_network_state_route *best = NULL;
    const struct kn_network_state_interface *leg = scope_link_of(router, ip);

    if (leg != NULL || kn_ip_prefix_holds(&LINK, ip) || kn_ip_prefix_holds(&GROUPS, ip)) {
        return leg;
    }
    for (size_t i = 0; i < router->route_count; i++) {
        const struct kn_network_state_route *route = &router->routes[i];

        if (kn_ip_prefix_holds(&route->destination, ip) &&
            (best == NULL || route->destination.length > best->destination.length)) {
            best = route;
        }
    }
    return best != NULL ? scope_link_of(router, &best->nexthop) : NULL;
}

static bool scope_is_own(const struct kn_network_state_router *router, const struct kn_ip *ip)
{
    for (size_t i = 0; i < router->interface_count; i++) {
        for (size_t n = 0; n < router->interfaces[i].ips.count; n++) {
            if (kn_ip_equal(&router->interfaces[i].ips.items[n], ip)) {
                return true;
            }
        }
    }
    for (size_t i = 0; i < router->floating_count; i++) {
        if (kn_ip_equal(&router->floating[i].outside, ip)) {
            return true;
        }
    }
    for (size_t i = 0; i < router->forward_count; i++) {
        if (kn_ip_equal(&router->forwards[i].outside, ip)) {
            return true;
        }
    }
    return false;
}

bool kn_network_scope_passes(const struct kn_network_state_router *router, const struct kn_ip *source,
                             const struct kn_ip *destination)
{
    const struct kn_network_state_interface *from = scope_way_to(router, source),
                                            *to = scope_way_to(router, destination);

    return from == NULL || to == NULL || from == to ||
           strcmp(scope_of(from, source->family), scope_of(to, source->family)) == 0 || scope_is_own(router, source) ||
           scope_is_own(router, destination);
}

bool kn_network_scope_is_near(const struct kn_network_state_router *router, const struct kn_ip *source)
{
    const struct kn_network_state_interface *leg = scope_way_to(router, source);

    return leg != NULL && scope_leg_is_near(router, leg);
}
