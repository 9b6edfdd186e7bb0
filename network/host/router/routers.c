/* SPDX-License-Identifier: Apache-2.0 */
/*
 * routers.c: which routers this host has in the kernel, against its state; and whether it may have any. What was built is remembered as a digest of the router
 * and of the places of its legs, so that a state of many costs nothing where little changed.
 */
#include "network/host/router/routers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#define SAY_AGAIN 4 /* times, after 1, 2, 4 and 8 seconds */
#define LOOK_INTO 32 /* namespaces at a time: a host waits for this */

/* A router that was tried. */
struct built {
    uint64_t digest; /* 0: it was not built */
    struct kn_network_router_print print; /* what was inside it then */
    int64_t lease;
    int said; /* how often it was announced again */
    int64_t say_ms; /* when to do so next */
    char why[256]; /* what is wrong; "" if nothing is */
};

void kn_network_routers_init(struct kn_network_routers *routers)
{
    *routers = (struct kn_network_routers){ .fence = kn_network_fence_new(), .built = kn_hmap_new(free) };
}

void kn_network_routers_release(struct kn_network_routers *routers)
{
    kn_hmap_free(routers->built);
    kn_network_fence_free(routers->fence);
    routers->built = NULL;
    routers->fence = NULL;
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

static struct built *routers_built(struct kn_network_routers *routers, const char *id)
{
    struct built *built = kn_hmap_get(routers->built, id);

    if (built == NULL) {
        built = KN_NEW(struct built);
        built->lease = -1;
        kn_hmap_put(routers->built, id, built);
    }
    return built;
}

static void routers_say_soon(struct built *built, int64_t now_ms)
{
    built->said = 0;
    built->say_ms = now_ms + 1000;
}

/* A look at what the kernel has. */
struct routers_look {
    const struct kn_network_stock *stock; /* of the host's own namespace; NULL: nobody looks */
    bool is_deep; /* inside, too */
    char why[KN_STOCK_WHY];
};

static bool routers_agrees(struct routers_look *look, const struct kn_network_state_router *router,
                           const struct kn_network_router_place *places, const struct built *built)
{
    struct kn_network_router_print print;
    struct kn_error unread;

    if (look->stock == NULL) {
        return true;
    }
    if (!kn_network_router_stands(look->stock, router, places, look->why)) {
        return false;
    }
    if (!look->is_deep || kn_network_router_print(router, &print, &unread) < 0) {
        return true;
    }
    const char *what = kn_network_router_differs(&built->print, &print);

    kn_copy(look->why, sizeof(look->why), what == NULL ? "" : what);
    return what == NULL;
}

static int routers_settle_one(struct kn_network_routers *routers, struct kn_network_links *links,
                              const struct kn_network_state *state, const struct kn_network_state_router *router,
                              struct routers_look *look, struct kn_error *err)
{
    AUTO_FREE struct kn_network_router_place *places = kn_realloc_array(NULL, router->interface_count + 1,
                                                                        sizeof(*places));
    const uint64_t digest = routers_places(state, router, places);
    struct built *built = routers_built(routers, router->id);

    if (built->digest == digest && routers_agrees(look, router, places, built)) {
        return 0;
    }
    if (built->digest == digest) {
        kn_log(KN_WARNING, "a router of this host was broken, it is built again", "router", router->id, "reason",
               look->why, NULL);
    }
    built->digest = 0;
    if (kn_network_router_build(links, router, places, err) < 0 ||
        kn_network_router_print(router, &built->print, err) < 0) {
        kn_copy(built->why, sizeof(built->why), err->message);
        return -1;
    }
    if (built->lease != router->lease) { /* its neighbours may know another holder */
        routers_say_soon(built, kn_mono_ms());
    }
    built->lease = router->lease;
    built->digest = digest;
    built->why[0] = '\0';
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

static void routers_say_all_soon(struct kn_network_routers *routers)
{
    const char *id;
    void *built;

    for (size_t at = 0; kn_hmap_next(routers->built, &at, &id, &built);) {
        routers_say_soon(built, kn_mono_ms());
    }
}

/* What is gone goes first: its addresses may be another's by now, and nothing of this host speaks before that. */
static int routers_settle_all(struct kn_network_routers *routers, struct kn_network_links *links,
                              const struct kn_network_state *state, bool is_whole, struct routers_look *look,
                              struct kn_error *err)
{
    const struct kn_hmap *wanted = state->objects[KN_NETWORK_IS_ROUTER];
    const size_t count = kn_hmap_count(wanted);
    struct kn_error later;
    size_t number = 0;
    const char *id;
    void *value;
    int rc = 0;

    if (!kn_network_fence_is_said(routers->fence, kn_hmap_count(wanted))) {
        return 0;
    }
    if (routers_sweep(routers, links, state, err) < 0 ||
        kn_network_fence_trust(routers->fence, kn_hmap_count(wanted), kn_mono_ms(), err) < 0) {
        return -1;
    }
    if (is_whole) { /* of those that were silent meanwhile, too */
        routers_say_all_soon(routers);
    }
    for (size_t at = 0; kn_hmap_next(wanted, &at, &id, &value);) {
        look->is_deep = (number++ + count - routers->turn % count) % count < LOOK_INTO;
        if (routers_settle_one(routers, links, state, value, look, rc == 0 ? err : &later) < 0) {
            rc = -1;
        }
    }
    routers->turn += look->stock != NULL ? LOOK_INTO : 0;
    return rc;
}

int kn_network_routers_settle(struct kn_network_routers *routers, struct kn_network_links *links,
                              const struct kn_network_state *state, bool is_whole, struct kn_error *err)
{
    struct routers_look nobody = { .stock = NULL };

    return routers_settle_all(routers, links, state, is_whole, &nobody, err);
}

int kn_network_routers_keep(struct kn_network_routers *routers, struct kn_network_links *links,
                            const struct kn_network_state *state, struct kn_error *err)
{
    AUTO(kn_network_stock) struct kn_network_stock *stock = NULL;

    if (kn_hmap_count(state->objects[KN_NETWORK_IS_ROUTER]) > 0 && kn_network_stock_take(&stock, err) < 0) {
        return -1;
    }
    struct routers_look look = { .stock = stock };

    return routers_settle_all(routers, links, state, false, &look, err);
}

void kn_network_routers_broken(struct kn_network_routers *routers, const struct kn_network_state *state, json_t *ids)
{
    AUTO(kn_network_stock) struct kn_network_stock *stock = NULL;
    struct kn_error unread;
    const char *id;
    void *value;

    if (kn_hmap_count(routers->built) == 0 || kn_network_stock_take(&stock, &unread) < 0) {
        return;
    }
    for (size_t at = 0; kn_hmap_next(routers->built, &at, &id, &value);) {
        const struct kn_network_state_router *router = kn_network_state_get(state, KN_NETWORK_IS_ROUTER, id);
        struct routers_look look = { .stock = stock, .is_deep = true };
        const struct built *built = value;

        if (router == NULL) {
            continue;
        }
        AUTO_FREE struct kn_network_router_place *places = kn_realloc_array(NULL, router->interface_count + 1,
                                                                            sizeof(*places));

        if (built->digest != routers_places(state, router, places) || !routers_agrees(&look, router, places, built)) {
            json_array_append_new(ids, json_string(id));
        }
    }
}

/* --- what is said of them ------------------------------------------------------------------------------------------------ */

static void routers_announce_one(const struct kn_network_state *state, const struct kn_network_state_router *router,
                                 struct built *built, int64_t now_ms)
{
    AUTO_FREE struct kn_network_router_place *places = kn_realloc_array(NULL, router->interface_count + 1,
                                                                        sizeof(*places));

    routers_places(state, router, places);
    kn_network_router_announce(router, places);
    built->said++;
    built->say_ms = now_ms + (1000 << built->said);
}

void kn_network_routers_announce(struct kn_network_routers *routers, const struct kn_network_state *state,
                                 int64_t now_ms)
{
    const char *id;
    void *value;

    for (size_t at = 0; kn_hmap_next(routers->built, &at, &id, &value);) {
        const struct kn_network_state_router *router = kn_network_state_get(state, KN_NETWORK_IS_ROUTER, id);
        struct built *built = value;

        if (router != NULL && router->up && built->digest != 0 && built->said < SAY_AGAIN && now_ms >= built->say_ms) {
            routers_announce_one(state, router, built, now_ms);
        }
    }
}

json_t *kn_network_routers_standing(const struct kn_network_routers *routers, const struct kn_network_state *state,
                                    int64_t now_ms)
{
    json_t *list = json_array();
    const char *id;
    void *value;

    for (size_t at = 0; kn_network_fence_is_open(routers->fence, now_ms) &&
                        kn_hmap_next(state->objects[KN_NETWORK_IS_ROUTER], &at, &id, &value);) {
        const struct kn_network_state_router *router = value;
        const struct built *built = kn_hmap_get(routers->built, id);

        if (built != NULL && (built->why[0] != '\0' || built->lease == router->lease)) {
            json_array_append_new(list, json_pack("{s:s, s:I, s:s*}", "id", id, "lease", (json_int_t)router->lease,
                                                  "why", built->why[0] != '\0' ? built->why : NULL));
        }
    }
    return list;
}
