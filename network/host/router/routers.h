/* SPDX-License-Identifier: Apache-2.0 */
/*
 * routers: all routers of a host, against its state. A state that came from kilonova-network says which they are. One that this process only found in its files
 * may be old: somebody else may have them by now; until the control plane has said it again nothing new is made of it, and what stands, stands behind its fence
 * (network/host/router/fence.h).
 *
 * Who gets a router says so to its neighbours, at once and then again for a while: one of the words may be lost, and an older holder's may come late.
 */
#ifndef KN_NETWORK_HOST_ROUTER_ROUTERS_H
#define KN_NETWORK_HOST_ROUTER_ROUTERS_H

#include <jansson.h>

#include "network/host/router/fence.h"
#include "network/host/router/build.h"

struct kn_network_routers {
    struct kn_network_fence *fence;
    struct kn_hmap *built; /* id -> what became of it */
    size_t turn; /* whose turn it is to be looked into */
};

void kn_network_routers_init(struct kn_network_routers *routers);
void kn_network_routers_release(struct kn_network_routers *routers);

/*
 * Makes the kernel agree with the state where that differs from what was built: after each change of the state. Networks go before. is_whole: the
 * state was said whole just now, and the fence believed it. Goes on where it can and reports the first thing that did not work.
 */
int kn_network_routers_settle(struct kn_network_routers *routers, struct kn_network_links *links,
                              const struct kn_network_state *state, bool is_whole, struct kn_error *err);
/*
 * The same now and then, with a look at what the kernel has of what was built: all that others took away or changed is built again, and the log says what it was. Of
 * very many routers a part is looked into at a time.
 */
int kn_network_routers_keep(struct kn_network_routers *routers, struct kn_network_links *links,
                            const struct kn_network_state *state, struct kn_error *err);
/* Adds the ids of those that the kernel does not have as they were built. */
void kn_network_routers_broken(struct kn_network_routers *routers, const struct kn_network_state *state, json_t *ids);
/* Every second or so: what is to be said again to neighbours. */
void kn_network_routers_announce(struct kn_network_routers *routers, const struct kn_network_state *state,
                                 int64_t now_ms);
/* What is said to the control plane of each router that the state wants: [{id, lease, why?}], kn_form_standing. New reference. */
json_t *kn_network_routers_standing(const struct kn_network_routers *routers, const struct kn_network_state *state,
                                    int64_t now_ms);

#endif
