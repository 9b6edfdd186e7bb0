/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build: makes the kernel agree with a router of the host's state, and takes it away again. Everything is compared with what the kernel has, so
 * that nothing that is right is touched: established streams go on whatever becomes of the agent.
 */
#ifndef KN_NETWORK_HOST_ROUTER_BUILD_H
#define KN_NETWORK_HOST_ROUTER_BUILD_H

#include "network/host/link/link.h"
#include "network/host/link/stock.h"
#include "network/host/router/router.h"

/* Where a leg stands: beside router->interfaces. bridge "": its network is not here, the leg is left out. */
struct kn_network_router_place {
    char bridge[KN_ROUTER_NAME_SIZE];
    int mtu;
};

/* The bridges are there. A router that is down is one that is gone. */
int kn_network_router_build(struct kn_network_links *links, const struct kn_network_state_router *router,
                            const struct kn_network_router_place *places, struct kn_error *err);
/* Says to the neighbours of a router that was built where it is: all its addresses. What does not work is no failure. */
void kn_network_router_announce(const struct kn_network_state_router *router,
                                const struct kn_network_router_place *places);
/* Whether the places of its legs are those that were built, by what stock says of the host's devices; if not, why says what is otherwise. */
bool kn_network_router_stands(const struct kn_network_stock *stock, const struct kn_network_state_router *router,
                              const struct kn_network_router_place *places, char why[KN_STOCK_WHY]);

/* What is inside its namespace, as numbers that change with it. What they are cannot be said beforehand: a route whose next hop is nowhere is not there. */
struct kn_network_router_print {
    uint64_t devices, settings, addresses, routes, rules;
};
/* Of one that was built. A router that is down has all zero. */
int kn_network_router_print(const struct kn_network_state_router *router, struct kn_network_router_print *ret,
                            struct kn_error *err);
/* What is not as it was, in words; NULL: nothing. */
const char *kn_network_router_differs(const struct kn_network_router_print *was,
                                      const struct kn_network_router_print *is);
/* The namespace and its legs, of a router of which only the id is known. Absent is fine. */
int kn_network_router_remove(struct kn_network_links *links, const char *id, struct kn_error *err);
/* Removes every router of this host that is not among the ids (a list of `count`). */
int kn_network_router_sweep(struct kn_network_links *links, const char *const *ids, size_t count, struct kn_error *err);

#endif
