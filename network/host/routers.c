/* SPDX-License-Identifier: Apache-2.0 */
/*
 * routers.c: which routers this host has in the kernel, against its state; and whether it may have any. What was built is remembered as a digest of the router
 * and of the places of its legs, so that a state of many costs nothing where little changed.
 */
#include "network/host/routers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/lease.h"

struct built {
    uint64_t digest;
};

void kn_network_routers_init(struct kn_network_routers *routers)
{
    *routers = (struct kn_network_routers){ .built = kn_hmap_new(free) };
}

void kn_network_routers_release(struct kn_network_routers *routers)
{
    kn_hmap_free(routers->built);
    routers->built = NULL;
}

void kn_network_routers_trust(struct kn_network_routers *routers)
{
    routers->is_trusted = true;
}

/* --- one router ------------------------------------------------------------------------------------------------------- */

/* Where its legs stand. A network that has no bridge yet is left out; its leg comes with it. */
static uint64_t routers_places(const struct kn_network_state *state, const struct kn_network_state_router *router,
                               struct kn_network_router_place *places)
{
    uint64_t digest = kn_network_state_digest(router);

    for (size_t i = 0; i < router->interface_count; i++) {
        const char *id = router->interfaces[i].network;
        const struct kn_network_state_network *network = kn_network_state_get(state, KN_NETWORK_IS_NETWORK, id);
        char bridge[KN_ROUTER_NAME_SIZE];

        snprintf(bridge, sizeof(bridge), "kb%.8s", id);
        const unsigned index = network != NULL ? kn_network_link_index(bridge) : 0;

        places[i] = (struct kn_network_router_place){ .bridge = "" };
        if (index != 0) {
            kn_copy(places[i].bridge, sizeof(places[i].bridge), bridge);
            places[i].mtu = network->mtu;
        }
        digest = digest * 1099511628211u + index * 65536u + (uint64_t)places[i].mtu;
    }
    return digest;
}

static int routers_settle_one(struct kn_network_routers *routers, struct kn_network_links *links,
                              const struct kn_network_state *state, const struct kn_network_state_router *router,
                              struct kn_error *err)
{
    AUTO_FREE struct kn_network_router_place *places = kn_realloc_array(NULL, router->interface_count + 1,
                                                                        sizeof(*places));
    const uint64_t digest = routers_places(state, router, places);
    struct built *built = kn_hmap_get(routers->built, router->id);

    if (built != NULL && built->digest == digest && kn_network_router_stands(router, places)) {
        return 0;
    }
    if (kn_network_router_build(links, router, places, err) < 0) {
        return -1;
    }
    if (built == NULL) {
        built = KN_NEW(struct built);
        kn_hmap_put(routers->built, router->id, built);
    }
    built->digest = digest;
    return 0;
}

/* --- all of them ------------------------------------------------------------------------------------------------------ */

static int routers_sweep(struct kn_network_routers *routers, struct kn_network_links *links,
                         const struct kn_network_state *state, struct kn_error *err)
{
    const struct kn_hmap *wanted = state->objects[KN_NETWORK_IS_ROUTER];
    AUTO_FREE const char **ids = kn_alloc((kn_hmap_count(wanted) + 1) * sizeof(*ids));
    struct kn_hmap *kept = kn_hmap_new(free);
    size_t count = 0;
    const char *id;
    void *value;

    for (size_t at = 0; kn_hmap_next(wanted, &at, &id, &value);) {
        const struct built *built = kn_hmap_get(routers->built, id);

        ids[count++] = id;
        if (built != NULL) {
            struct built *copy = KN_NEW(struct built);

            *copy = *built;
            kn_hmap_put(kept, id, copy);
        }
    }
    kn_hmap_free(routers->built);
    routers->built = kept;
    return kn_network_router_sweep(links, ids, count, err);
}

int kn_network_routers_settle(struct kn_network_routers *routers, struct kn_network_links *links,
                              const struct kn_network_state *state, struct kn_error *err)
{
    struct kn_error later;
    const char *id;
    void *value;
    int rc = 0;

    if (!routers->is_trusted) {
        return 0;
    }
    if (routers_sweep(routers, links, state, err) < 0) { /* what is gone first: its addresses may be another's now */
        rc = -1;
    }
    for (size_t at = 0; kn_hmap_next(state->objects[KN_NETWORK_IS_ROUTER], &at, &id, &value);) {
        if (routers_settle_one(routers, links, state, value, rc == 0 ? err : &later) < 0) {
            rc = -1;
        }
    }
    return rc;
}

/* --- the hold --------------------------------------------------------------------------------------------------------- */

enum kn_network_hold kn_network_routers_hold(struct kn_network_routers *routers, struct kn_network_links *links,
                                             int64_t reached_ms, int64_t now_ms)
{
    const bool was_held = routers->held_from_ms >= 0;
    struct kn_error err;

    if (now_ms - reached_ms < KN_LEASE_HELD_MS) {
        routers->held_from_ms = reached_ms;
        return was_held ? KN_HOLD_SAME : KN_HOLD_REGAINED;
    }
    if (!was_held) {
        return KN_HOLD_SAME;
    }
    if (kn_network_router_sweep(links, NULL, 0, &err) < 0) {
        kn_log_error("letting go of the routers", &err); /* tried again with the next call */
        return KN_HOLD_SAME;
    }
    kn_hmap_free(routers->built);
    routers->built = kn_hmap_new(free);
    routers->held_from_ms = -1;
    routers->is_trusted = false;
    return KN_HOLD_LOST;
}
