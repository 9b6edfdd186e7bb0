/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router: a router as a host makes it: a namespace kr-<8> (the first 8 characters of its id) with a leg in each of its networks: a veth whose end in
 * the network's bridge is kr<11> and whose inner end is r-<11> (the first 11 characters of its port's id). What is here is pure: names, the text of
 * the namespace's translation, and which translations of its connection tracking are still wanted. build.c makes the kernel agree.
 *
 * Translation is one table: what comes for a floating address goes to its port; what leaves by the gateway, or comes back in at an inner leg after it was
 * translated (two floating addresses of one router, a port and its own), leaves as its floating address or as the router's. Nothing else is changed. Beside it stands
 * what keeps address scopes apart (scope.h).
 */
#ifndef KN_NETWORK_HOST_ROUTER_ROUTER_H
#define KN_NETWORK_HOST_ROUTER_ROUTER_H

#include "lib/base/strbuf.h"
#include "network/host/state/state.h"

#define KN_ROUTER_NAME_SIZE 16 /* IFNAMSIZ */

void kn_network_router_netns(const char *id, char out[KN_ROUTER_NAME_SIZE]);
void kn_network_router_outer(const char *port, char out[KN_ROUTER_NAME_SIZE]);
void kn_network_router_inner(const char *port, char out[KN_ROUTER_NAME_SIZE]);

/* One nftables transaction that makes the namespace's tables (of IPv4, and of IPv6) what the router says, whatever was there. */
void kn_network_router_rules(const struct kn_network_state_router *router, struct kn_strbuf *out);

/* A connection as connection tracking knows it: what was sent, and what the answers look like. Ports: 0 without. */
struct kn_network_router_flow {
    uint8_t protocol;
    struct kn_ip source, destination, reply_source, reply_destination;
    uint16_t destination_port, reply_source_port;
};
/* Would the rules still translate it so, and let it pass? What is not is cut, and so is what they would lead elsewhere by now. */
bool kn_network_router_allows(const struct kn_network_state_router *router, const struct kn_network_router_flow *flow);

#endif
