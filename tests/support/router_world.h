/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router_world: what three hosts are told of two overlays (1, 2), a network that leads outside (3), guests on each host, and the router between them,
 * wherever it is at the moment.
 */
#ifndef KN_TESTS_SUPPORT_ROUTER_WORLD_H
#define KN_TESTS_SUPPORT_ROUTER_WORLD_H

#include <stddef.h>

#define KN_ROUTER_ID "4e000001-1111-4111-8111-111111111111"

/* host -1: wherever the router is. */
extern const struct kn_router_world_port {
    const char *ip4, *ip6;
    int network, host, number;
} KN_ROUTER_PORTS[6];

/* What the router is at the moment; lists are JSON without their brackets, NULL: empty; routes with a comma behind them. */
extern struct kn_router_now {
    int host, lease;
    const char *gateway, *snat, *snat_ip, *routes, *floating, *forwards;
} kn_router_now;

/* Both live until the next but one call. */
const char *kn_router_port_id(size_t port);
const char *kn_router_port_mac(size_t port);
/* "state …": everything that a host must know now, whole, for kn_host_agent. To be freed. */
char *kn_router_words(int host);

#endif
