/* SPDX-License-Identifier: Apache-2.0 */
/*
 * routers: all routers of a host, and the host's hold on them. A state that came from kilonova-network says which they are. One that this process only found
 * in its files may be old: somebody else may have them by now; until the control plane has said it again nothing new is made of it, and what stands, stands.
 *
 * The hold ends when nothing that the host said has reached the bus for KN_LEASE_HELD_MS (lib/domain/lease.h): then all of them go, before anybody else gets
 * them, and stay gone until the state was said again.
 */
#ifndef KN_NETWORK_HOST_ROUTERS_H
#define KN_NETWORK_HOST_ROUTERS_H

#include "network/host/router_build.h"

struct kn_network_routers {
    bool is_trusted;       /* the state was said since the hold began */
    int64_t held_from_ms;  /* monotonic: of the newest word that reached the bus; 0: none yet */
    struct kn_hmap *built; /* id -> what was built, as a digest */
};

void kn_network_routers_init(struct kn_network_routers *routers);
void kn_network_routers_release(struct kn_network_routers *routers);

/* The state was said, whole: it holds from now on. */
void kn_network_routers_trust(struct kn_network_routers *routers);
/*
 * Makes the kernel agree with the state where it differs from what was built: after each change of the state, and now and then. Networks go before. Goes on
 * where it can and reports the first thing that did not work.
 */
int kn_network_routers_settle(struct kn_network_routers *routers, struct kn_network_links *links,
                              const struct kn_network_state *state, struct kn_error *err);

enum kn_network_hold {
    KN_HOLD_SAME,
    KN_HOLD_LOST, /* just now; the routers are down */
    KN_HOLD_REGAINED, /* just now: the state is to be asked for */
};
/* reached_ms: when the newest word that has reached the bus was said; monotonic, as now_ms. */
enum kn_network_hold kn_network_routers_hold(struct kn_network_routers *routers, struct kn_network_links *links,
                                             int64_t reached_ms, int64_t now_ms);

#endif
