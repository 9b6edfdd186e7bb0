/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build.c: the order in which a router comes up: namespace, legs, then, inside of it, what is forwarded, how it is translated, addresses, routes;
 * connections that are translated otherwise than the router says are cut, and new addresses are announced. Decides nothing: that is router.c's.
 */
#include "network/host/router/build.h"

#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "network/host/link/inside.h"
#include "network/host/link/netns.h"
#include "network/host/firewall/nft.h"

#define NETNS_DIR "/run/netns"
#define ANNOUNCEMENTS 2 /* of each new address: one may be lost */

struct router_job {
    const struct kn_network_state_router *router;
    const struct kn_network_router_place *places;
};

/* --- inside ------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *value;
} ROUTER_SETTINGS[] = {
    { "net/ipv4/ip_forward", "1" },
    { "net/ipv6/conf/all/forwarding", "1" },
    { "net/ipv6/conf/all/accept_ra", "0" },
    { "net/ipv4/conf/all/arp_ignore", "1" }, /* an address is said only where it is */
    { "net/ipv4/conf/all/arp_announce", "2" }, /* and no leg speaks in another's name */
    { "net/ipv4/conf/all/rp_filter", "0" },
    { "net/ipv4/conf/default/rp_filter", "0" },
    { "net/ipv4/conf/all/accept_redirects", "0" },
    { "net/ipv4/conf/all/send_redirects", "0" },
    { "net/ipv4/conf/default/send_redirects", "0" },
};

/* What a kernel lacks (IPv6) is not there to be set. */
static int router_settings(struct kn_error *err)
{
    for (size_t i = 0; i < KN_COUNT(ROUTER_SETTINGS); i++) {
        AUTO_FREE char *path = kn_asprintf("/proc/sys/%s", ROUTER_SETTINGS[i].name);
        AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

        if (fd >= 0 && write(fd, ROUTER_SETTINGS[i].value, 1) != 1) {
            return kn_fail(err, KN_INTERNAL, "cannot set %s of a router", ROUTER_SETTINGS[i].name);
        }
    }
    return 0;
}

static bool router_has_leg(const struct router_job *job, const char *device)
{
    char name[KN_ROUTER_NAME_SIZE];

    for (size_t i = 0; i < job->router->interface_count; i++) {
        kn_network_router_inner(job->router->interfaces[i].port, name);
        if (job->places[i].bridge[0] != '\0' && strcmp(name, device) == 0) {
            return true;
        }
    }
    return false;
}

/* Legs that are no more; their outer ends go with them. */
static int router_drop_legs(struct kn_network_links *links, const struct router_job *job, struct kn_error *err)
{
    struct if_nameindex *list = if_nameindex();
    int rc = 0;

    for (const struct if_nameindex *at = list; at != NULL && at->if_index != 0 && rc == 0; at++) {
        if (strncmp(at->if_name, "r-", 2) == 0 && !router_has_leg(job, at->if_name)) {
            rc = kn_network_link_delete(links, at->if_name, err);
        }
    }
    if (list != NULL) {
        if_freenameindex(list);
    }
    return rc;
}

struct router_addresses {
    struct kn_network_inside_address *items;
    size_t count;
};

static void router_address(struct router_addresses *list, unsigned device, struct kn_ip ip, uint8_t length)
{
    if ((list->count & (list->count - 1)) == 0) { /* grows by doubling */
        list->items = kn_realloc_array(list->items, list->count == 0 ? 1 : list->count * 2, sizeof(*list->items));
    }
    list->items[list->count++] = (struct kn_network_inside_address){ .device = device, .ip = ip, .length = length };
}

static bool router_has_address(const struct router_addresses *list, const struct kn_ip *ip)
{
    for (size_t i = 0; i < list->count; i++) {
        if (kn_ip_equal(&list->items[i].ip, ip)) {
            return true;
        }
    }
    return false;
}

static void router_own_addresses(const struct kn_network_state_interface *leg, unsigned device,
                                 struct router_addresses *list)
{
    static const struct kn_ip_prefix LINK = { .ip = { .family = 6, .bytes = { 0xfe, 0x80 } }, .length = 64 };
    bool has_v6 = false;

    for (size_t i = 0; i < leg->ips.count; i++) {
        router_address(list, device, leg->ips.items[i], leg->lengths[i]);
        has_v6 |= leg->ips.items[i].family == 6;
    }
    if (has_v6) {
        router_address(list, device, kn_ip_eui64(&LINK, leg->mac), 64);
    }
}

/* Floating addresses are the outer leg's own: it answers for them. Several ports forwarded by one address are one address. */
static void router_lent_addresses(const struct kn_network_state_router *router, unsigned device,
                                  struct router_addresses *list)
{
    for (size_t i = 0; i < router->floating_count; i++) {
        router_address(list, device, router->floating[i].outside, 32);
    }
    for (size_t i = 0; i < router->forward_count; i++) {
        if (!router_has_address(list, &router->forwards[i].outside)) {
            router_address(list, device, router->forwards[i].outside, 32);
        }
    }
}

/* What its devices shall have. */
static void router_list_addresses(const struct router_job *job, struct router_addresses *list)
{
    char name[KN_ROUTER_NAME_SIZE];

    for (size_t i = 0; i < job->router->interface_count; i++) {
        if (job->places[i].bridge[0] == '\0') {
            continue;
        }
        kn_network_router_inner(job->router->interfaces[i].port, name);
        router_own_addresses(&job->router->interfaces[i], kn_network_link_index(name), list);
        if ((int)i == job->router->gateway) {
            router_lent_addresses(job->router, kn_network_link_index(name), list);
        }
    }
}

static int router_bring_up(struct kn_network_links *links, const struct router_job *job, struct kn_error *err)
{
    char name[KN_ROUTER_NAME_SIZE];

    for (size_t i = 0; i < job->router->interface_count; i++) {
        kn_network_router_inner(job->router->interfaces[i].port, name);
        if (job->places[i].bridge[0] != '\0' && kn_network_link_up(links, name, job->places[i].mtu, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int router_translate(const struct kn_network_state_router *router, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    struct kn_network_nft *nft = NULL;

    if (kn_network_nft_new(&nft, err) < 0) {
        return -1;
    }
    kn_network_router_rules(router, &text);
    const int rc = kn_network_nft_apply(nft, text.buf, err);

    kn_network_nft_free(nft);
    return rc;
}

static int router_route(struct kn_network_links *links, const struct kn_network_state_router *router,
                        struct kn_error *err)
{
    AUTO_FREE struct kn_network_inside_route *routes = kn_realloc_array(NULL, router->route_count + 1, sizeof(*routes));

    for (size_t i = 0; i < router->route_count; i++) {
        routes[i] = (struct kn_network_inside_route){ router->routes[i].destination, router->routes[i].nexthop };
    }
    return kn_network_inside_routes(links, routes, router->route_count, err);
}

static const uint8_t *router_mac_of(const struct router_job *job, unsigned device)
{
    char name[KN_ROUTER_NAME_SIZE];

    for (size_t i = 0; i < job->router->interface_count; i++) {
        kn_network_router_inner(job->router->interfaces[i].port, name);
        if (kn_network_link_index(name) == device) {
            return job->router->interfaces[i].mac;
        }
    }
    return NULL;
}

/* Of those that are new. */
static void router_announce(const struct router_job *job, const struct router_addresses *list, int times)
{
    for (int n = 0; n < times; n++) {
        for (size_t i = 0; i < list->count; i++) {
            const uint8_t *mac = list->items[i].is_new ? router_mac_of(job, list->items[i].device) : NULL;

            if (mac != NULL) {
                kn_network_inside_announce(list->items[i].device, mac, &list->items[i].ip, true);
            }
        }
    }
}

static bool router_wants(const void *ctx, const struct kn_network_router_flow *flow)
{
    return kn_network_router_allows(ctx, flow);
}

/* Rules before addresses: nothing that comes for an address is answered by the router itself. */
static int router_inside(void *ctx, struct kn_error *err)
{
    const struct router_job *job = ctx;
    AUTO(kn_network_links) struct kn_network_links *links = NULL;
    struct router_addresses list = { NULL, 0 };
    int rc = -1;

    router_list_addresses(job, &list); /* legs that are no more are in nobody's way: their devices have other names */
    if (kn_network_links_open(&links, err) == 0 && router_settings(err) == 0 &&
        kn_network_link_up(links, "lo", 0, err) == 0 && router_drop_legs(links, job, err) == 0 &&
        router_bring_up(links, job, err) == 0 && router_translate(job->router, err) == 0 &&
        kn_network_inside_addresses(links, list.items, list.count, err) == 0 &&
        router_route(links, job->router, err) == 0 && kn_network_inside_cut(router_wants, job->router, err) == 0) {
        router_announce(job, &list, ANNOUNCEMENTS);
        rc = 0;
    }
    free(list.items);
    return rc;
}

static int router_inside_announce(void *ctx, struct kn_error *err)
{
    const struct router_job *job = ctx;
    struct router_addresses list = { NULL, 0 };

    (void)err;
    router_list_addresses(job, &list);
    for (size_t i = 0; i < list.count; i++) {
        list.items[i].is_new = true;
    }
    router_announce(job, &list, 1);
    free(list.items);
    return 0;
}

/* --- outside ------------------------------------------------------------------------------------------------------ */

static int router_leg(struct kn_network_links *links, const struct kn_network_state_interface *leg,
                      const struct kn_network_router_place *place, int ns, struct kn_error *err)
{
    char outer[KN_ROUTER_NAME_SIZE], inner[KN_ROUTER_NAME_SIZE];

    kn_network_router_outer(leg->port, outer);
    kn_network_router_inner(leg->port, inner);
    return kn_network_link_veth(links, outer, ns, inner, leg->mac, place->mtu, err) < 0 ||
                   kn_network_link_enslave(links, outer, place->bridge, true, err) < 0 ||
                   kn_network_link_station(links, outer, leg->mac, err) < 0
               ? -1
               : 0;
}

/* What is left of a namespace that vanished would stand in the way of the new one. */
static int router_clear(struct kn_network_links *links, const struct kn_network_state_router *router,
                        struct kn_error *err)
{
    char outer[KN_ROUTER_NAME_SIZE];

    for (size_t i = 0; i < router->interface_count; i++) {
        kn_network_router_outer(router->interfaces[i].port, outer);
        if (kn_network_link_delete(links, outer, err) < 0) {
            return -1;
        }
    }
    return 0;
}

int kn_network_router_build(struct kn_network_links *links, const struct kn_network_state_router *router,
                            const struct kn_network_router_place *places, struct kn_error *err)
{
    struct router_job job = { router, places };
    char name[KN_ROUTER_NAME_SIZE];

    if (!router->up) {
        return kn_network_router_remove(links, router->id, err);
    }
    kn_network_router_netns(router->id, name);
    if ((!kn_network_netns_exists(name) && router_clear(links, router, err) < 0) ||
        kn_network_netns_ensure(name, err) < 0) {
        return kn_fail_context(err, "router %s", router->id);
    }
    AUTO_CLOSE int ns = kn_network_netns_open(name);

    for (size_t i = 0; i < router->interface_count; i++) {
        if (places[i].bridge[0] != '\0' && router_leg(links, &router->interfaces[i], &places[i], ns, err) < 0) {
            return kn_fail_context(err, "router %s", router->id);
        }
    }
    return kn_network_netns_run(name, router_inside, &job, err) < 0 ? kn_fail_context(err, "router %s", router->id) : 0;
}

void kn_network_router_announce(const struct kn_network_state_router *router,
                                const struct kn_network_router_place *places)
{
    struct router_job job = { router, places };
    struct kn_error ignored;
    char name[KN_ROUTER_NAME_SIZE];

    kn_network_router_netns(router->id, name);
    kn_network_netns_run(name, router_inside_announce, &job, &ignored);
}

/* --- what stands -------------------------------------------------------------------------------------------------- */

/* Is its MAC behind it in the bridge? */
static bool router_leg_is_known(const struct kn_network_state_interface *leg, const char *outer, const char *bridge,
                                char why[KN_STOCK_WHY])
{
    AUTO(kn_network_links) struct kn_network_links *links = NULL;
    struct kn_network_link_station station = { .port = outer };
    struct kn_error unread;

    memcpy(station.mac, leg->mac, sizeof(station.mac));
    return kn_network_links_open(&links, &unread) < 0 ||
           kn_network_link_forwards(links,
                                    &(struct kn_network_link_forwarding){
                                        .bridge = bridge, .stations = &station, .station_count = 1 },
                                    why, &unread);
}

bool kn_network_router_stands(const struct kn_network_stock *stock, const struct kn_network_state_router *router,
                              const struct kn_network_router_place *places, char why[KN_STOCK_WHY])
{
    char name[KN_ROUTER_NAME_SIZE];

    kn_network_router_netns(router->id, name);
    if (kn_network_netns_exists(name) != router->up) {
        snprintf(why, KN_STOCK_WHY, "the namespace %s is %s", name, router->up ? "gone" : "there");
        return false;
    }
    for (size_t i = 0; i < router->interface_count && router->up; i++) {
        const struct kn_network_stock_want want = { .name = name, .bridge = places[i].bridge, .mtu = places[i].mtu };

        kn_network_router_outer(router->interfaces[i].port, name);
        if (places[i].bridge[0] != '\0' &&
            (!kn_network_stock_has(stock, &want, why) ||
             !router_leg_is_known(&router->interfaces[i], name, places[i].bridge, why))) {
            return false;
        }
    }
    return true;
}

static uint64_t router_text_digest(uint64_t digest, const char *text)
{
    for (; *text != '\0'; text++) {
        digest = (digest ^ (uint8_t)*text) * 1099511628211u;
    }
    return digest;
}

static uint64_t router_settings_digest(void)
{
    uint64_t digest = 1;

    for (size_t i = 0; i < KN_COUNT(ROUTER_SETTINGS); i++) {
        AUTO_FREE char *path = kn_asprintf("/proc/sys/%s", ROUTER_SETTINGS[i].name);
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
        char value[2] = "-";

        if (fd >= 0 && read(fd, value, 1) == 1) {
            digest = router_text_digest(digest, value);
        }
    }
    return digest;
}

/* No table has a number, too. */
static int router_rules_digest(uint64_t *ret, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf listed = KN_STRBUF_INIT;
    struct kn_network_nft *nft = NULL;
    struct kn_error missing = { 0 };

    if (kn_network_nft_new(&nft, err) < 0) {
        return -1;
    }
    kn_network_nft_list(nft, "ip", "kilonova", &listed, &missing);
    kn_network_nft_list(nft, "ip6", "kilonova", &listed, &missing);
    kn_network_nft_free(nft);
    *ret = router_text_digest(1, listed.len > 0 ? listed.buf : "");
    return 0;
}

static int router_print_inside(void *ctx, struct kn_error *err)
{
    struct kn_network_router_print *print = ctx;
    AUTO(kn_network_links) struct kn_network_links *links = NULL;
    AUTO(kn_network_stock) struct kn_network_stock *stock = NULL;

    if (kn_network_links_open(&links, err) < 0 || kn_network_stock_take(&stock, err) < 0 ||
        kn_network_inside_digests(links, &print->addresses, &print->routes, err) < 0) {
        return -1;
    }
    print->devices = kn_network_stock_digest(stock);
    print->settings = router_settings_digest();
    return router_rules_digest(&print->rules, err);
}

int kn_network_router_print(const struct kn_network_state_router *router, struct kn_network_router_print *ret,
                            struct kn_error *err)
{
    struct kn_network_router_print print = { 0 };
    char name[KN_ROUTER_NAME_SIZE];

    kn_network_router_netns(router->id, name);
    if (router->up && kn_network_netns_run(name, router_print_inside, &print, err) < 0) {
        return -1;
    }
    *ret = print;
    return 0;
}

const char *kn_network_router_differs(const struct kn_network_router_print *was,
                                      const struct kn_network_router_print *is)
{
    const struct {
        uint64_t was, is;
        const char *words;
    } parts[] = { { was->devices, is->devices, "its devices were changed" },
                  { was->settings, is->settings, "what it forwards was changed" },
                  { was->addresses, is->addresses, "its addresses were changed" },
                  { was->routes, is->routes, "its routes were changed" },
                  { was->rules, is->rules, "its translation was changed" } };

    for (size_t i = 0; i < KN_COUNT(parts); i++) {
        if (parts[i].was != parts[i].is) {
            return parts[i].words;
        }
    }
    return NULL;
}

/* --- its end ------------------------------------------------------------------------------------------------------ */

/* Its legs first: whatever keeps the namespace alive, nothing passes it any more. */
static int router_unplug(void *ctx, struct kn_error *err)
{
    const struct router_job job = { &(struct kn_network_state_router){ .interface_count = 0 }, NULL };
    AUTO(kn_network_links) struct kn_network_links *links = NULL;

    (void)ctx;
    return kn_network_links_open(&links, err) < 0 ? -1 : router_drop_legs(links, &job, err);
}

int kn_network_router_remove(struct kn_network_links *links, const char *id, struct kn_error *err)
{
    char name[KN_ROUTER_NAME_SIZE];

    (void)links;
    kn_network_router_netns(id, name);
    if (!kn_network_netns_exists(name)) {
        return 0;
    }
    return kn_network_netns_run(name, router_unplug, NULL, err) < 0 || kn_network_netns_remove(name, err) < 0
               ? kn_fail_context(err, "router %s", id)
               : 0;
}

int kn_network_router_sweep(struct kn_network_links *links, const char *const *ids, size_t count, struct kn_error *err)
{
    DIR *dir = opendir(NETNS_DIR);
    int rc = 0;

    for (const struct dirent *entry; dir != NULL && rc == 0 && (entry = readdir(dir)) != NULL;) {
        bool is_wanted = strncmp(entry->d_name, "kr-", 3) != 0 || strlen(entry->d_name) != 11;

        for (size_t i = 0; i < count && !is_wanted; i++) {
            is_wanted = strncmp(entry->d_name + 3, ids[i], 8) == 0;
        }
        rc = is_wanted ? 0 : kn_network_router_remove(links, entry->d_name + 3, err);
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return rc;
}
