/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope: what address scopes say of a router's packets, as Neutron means them. A leg is of one scope a family, "" is the scope of all that have none. What comes in
 * by a leg leaves by those of the same scope alone; between two scopes nothing passes that keeps its addresses. By the gateway IPv4 leaves into another scope
 * translated, as the router or as a floating address, and floating addresses and forwarded ports lead in from there; within one scope that has a name
 * nothing is translated but what has a floating address. Pure.
 *
 * A packet gets the number of its leg's scope as its mark, which never leaves the namespace; a set says by which legs which number may leave. Both are looked up,
 * however many legs there are. A router whose legs are all of one scope has neither.
 */
#ifndef KN_NETWORK_HOST_ROUTER_SCOPE_H
#define KN_NETWORK_HOST_ROUTER_SCOPE_H

#include "lib/base/strbuf.h"
#include "network/host/state/state.h"

/* Maps, sets and the chain of a family's table; nothing if the router keeps nothing apart. is_translating: its gateway has an address to speak as. */
void kn_network_scope_rules(const struct kn_network_state_router *router, uint8_t family, bool is_translating,
                            struct kn_strbuf *out);
/* The set `near` of the legs whose IPv4 leaves by the gateway as it is. False: there is none, nothing is written. */
bool kn_network_scope_near(const struct kn_network_state_router *router, struct kn_strbuf *out);

/* May what keeps both of its addresses go from the one to the other? What is no address that the router leads to, it has nothing to say of. */
bool kn_network_scope_passes(const struct kn_network_state_router *router, const struct kn_ip *source,
                             const struct kn_ip *destination);
/* Does IPv4 of this address leave by the gateway as it is? */
bool kn_network_scope_is_near(const struct kn_network_state_router *router, const struct kn_ip *source);

#endif
