/* SPDX-License-Identifier: Apache-2.0 */
/* stands.c: reads what the kernel has of a network and compares. Changes nothing: build.c does that. */
#include "network/host/stands.h"

#include <ifaddrs.h>
#include <netpacket/packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "network/host/build.h"
#include "network/host/dhcp/dhcp.h"
#include "network/host/dhcp/dnsmasq.h"
#include "network/host/link/behind.h"
#include "network/host/link/external.h"
#include "network/host/link/netns.h"

/* --- devices ---------------------------------------------------------------------------------------------------------- */

static bool has_overlay(const struct kn_network_look *look, const struct kn_network_host_network *network)
{
    return look->underlay->family != 0 && network->wanted->type == KN_NETWORK_VXLAN;
}

static bool has_tap(const struct kn_network_look *look, const struct kn_network_host_network *network,
                    const struct kn_network_plug *plug)
{
    const struct kn_network_state_port *port = kn_hmap_get(network->ports, plug->port);

    return port != NULL && port->up && kn_network_stock_find(look->stock, plug->tap) != NULL;
}

/* A bridge's own MTU follows its ports until it is set, and a wire's may be any. */
static bool devices_agree(struct kn_network_look *look, const struct kn_network_host_network *network)
{
    const int mtu = network->wanted->mtu;
    const struct kn_network_stock_want wants[] = {
        { .name = network->bridge, .mtu = has_overlay(look, network) ? mtu : 0 },
        { .name = network->vxlan, .bridge = network->bridge, .mtu = mtu },
        { .name = network->veth, .bridge = network->bridge, .mtu = mtu },
    };
    const bool is_wanted[] = { true, has_overlay(look, network), kn_network_state_has_door(network->wanted) };
    const char *id;
    void *value;

    for (size_t i = 0; i < KN_COUNT(wants); i++) {
        if (is_wanted[i] && !kn_network_stock_has(look->stock, &wants[i], look->why)) {
            return false;
        }
    }
    if (!kn_network_link_was_gateway(network->bridge, network->wanted->zone == 0)) {
        snprintf(look->why, sizeof(look->why), "%s speaks for the host, or does not where it should", network->bridge);
        return false;
    }
    for (size_t at = 0; kn_hmap_next(network->plugs, &at, &id, &value);) {
        const struct kn_network_plug *plug = value;

        if (has_tap(look, network, plug) &&
            !kn_network_stock_has(look->stock,
                                  &(struct kn_network_stock_want){
                                      .name = plug->tap, .bridge = network->bridge, .mtu = mtu },
                                  look->why)) {
            return false;
        }
    }
    return true;
}

/* --- forwarding ------------------------------------------------------------------------------------------------------- */

struct stations {
    struct kn_network_link_station *items;
    size_t count;
};

static void stations_add(struct stations *list, const char *port, const uint8_t mac[6])
{
    if ((list->count & (list->count - 1)) == 0) { /* grows by doubling */
        list->items = kn_realloc_array(list->items, list->count == 0 ? 1 : list->count * 2, sizeof(*list->items));
    }
    list->items[list->count].port = port;
    memcpy(list->items[list->count++].mac, mac, 6);
}

static void stations_of(const struct kn_network_look *look, const struct kn_network_host_network *network,
                        struct kn_network_link_behind behind, struct stations *list)
{
    const char *id;
    void *value;

    if (kn_network_state_has_door(network->wanted)) {
        stations_add(list, network->veth, kn_network_state_door_mac(network->wanted));
    }
    for (size_t at = 0; kn_hmap_next(network->plugs, &at, &id, &value);) {
        const struct kn_network_plug *plug = value;
        uint64_t digest;
        size_t count = 0;

        if (!has_tap(look, network, plug)) {
            continue;
        }
        const struct kn_network_state_port *port = kn_hmap_get(network->ports, plug->port);
        AUTO_FREE uint8_t(*macs)[6] = kn_network_behind_stations(behind.items, behind.count, port->id, port->mac,
                                                                 &count, &digest);

        for (size_t i = 0; i < count; i++) {
            stations_add(list, plug->tap, macs[i]);
        }
    }
}

static bool forwarding_agrees(struct kn_network_look *look, const struct kn_network_host_network *network)
{
    struct kn_network_link_behind behind = { NULL, 0 };
    AUTO_FREE struct kn_network_behind *list = kn_network_behind_of(network, &behind.count);
    size_t count;
    AUTO_FREE const struct kn_network_state_peer **peers = kn_network_host_elsewhere(network, &count);
    struct stations stations = { NULL, 0 };
    struct kn_error err;

    behind.items = list;
    stations_of(look, network, behind, &stations);
    const struct kn_network_link_forwarding wanted = { .bridge = network->bridge,
                                                       .vxlan = has_overlay(look, network) ? network->vxlan : NULL,
                                                       .peers = peers,
                                                       .peer_count = count,
                                                       .behind = behind,
                                                       .stations = stations.items,
                                                       .station_count = stations.count };
    const bool agrees = kn_network_link_forwards(look->links, &wanted, look->why, &err);

    free(stations.items);
    return agrees;
}

/* --- DHCP ------------------------------------------------------------------------------------------------------------- */

struct inside_look {
    const struct kn_network_host_network *network;
    const struct ifaddrs *list;
    char *why;
};

static struct kn_ip inside_ip(const struct ifaddrs *at)
{
    struct kn_ip ip = { .family = 0 };

    if (at->ifa_addr != NULL && at->ifa_addr->sa_family == AF_INET) {
        ip.family = 4;
        memcpy(ip.bytes, &((const struct sockaddr_in *)(const void *)at->ifa_addr)->sin_addr, 4);
    } else if (at->ifa_addr != NULL && at->ifa_addr->sa_family == AF_INET6) {
        ip.family = 6;
        memcpy(ip.bytes, &((const struct sockaddr_in6 *)(const void *)at->ifa_addr)->sin6_addr, 16);
    }
    return ip;
}

/* Whether the address stands for that range, or for none beside its own. */
static bool inside_reaches(const struct ifaddrs *at, const struct kn_ip *peer)
{
    struct in_addr to = { 0 }, own;

    if (at->ifa_addr->sa_family != AF_INET) {
        return peer->family == 0;
    }
    own = ((const struct sockaddr_in *)(const void *)at->ifa_addr)->sin_addr;
    if (at->ifa_dstaddr != NULL) {
        to = ((const struct sockaddr_in *)(const void *)at->ifa_dstaddr)->sin_addr;
    }
    return peer->family == 0 ? to.s_addr == 0 || to.s_addr == own.s_addr : memcmp(&to, peer->bytes, 4) == 0;
}

static bool inside_says(const struct inside_look *look, const char *words, const struct kn_ip *ip)
{
    char text[KN_IP_SIZE];

    snprintf(look->why, KN_STOCK_WHY, "%s %s %s", look->network->netns, words, kn_ip_text(ip, text));
    return false;
}

/* Those that it shall have, and no others: one that it kept is a guest's by now, maybe. */
static bool inside_has_addresses(const struct inside_look *look)
{
    size_t count;
    AUTO_FREE struct kn_network_inside_address *wanted = kn_network_host_inside(look->network, &count);
    AUTO_FREE bool *is_there = kn_alloc(count * sizeof(*is_there));

    for (const struct ifaddrs *at = look->list; at != NULL; at = at->ifa_next) {
        const struct kn_ip ip = inside_ip(at);
        size_t i = 0;

        if (ip.family == 0 || strcmp(at->ifa_name, KN_HOST_DHCP_IFACE) != 0) {
            continue;
        }
        while (i < count && (!kn_ip_equal(&wanted[i].ip, &ip) || !inside_reaches(at, &wanted[i].peer))) {
            i++;
        }
        if (i == count) {
            return inside_says(look, "has an address that is not its own,", &ip);
        }
        is_there[i] = true;
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_there[i]) {
            return inside_says(look, "lacks the address", &wanted[i].ip);
        }
    }
    return true;
}

static bool inside_has_mac(const struct ifaddrs *at, const uint8_t mac[6])
{
    return at->ifa_addr == NULL || at->ifa_addr->sa_family != AF_PACKET ||
           memcmp(((const struct sockaddr_ll *)(const void *)at->ifa_addr)->sll_addr, mac, 6) == 0;
}

static bool inside_agrees(const struct inside_look *look)
{
    bool is_up = false;

    for (const struct ifaddrs *at = look->list; at != NULL; at = at->ifa_next) {
        if (strcmp(at->ifa_name, KN_HOST_DHCP_IFACE) != 0) {
            continue;
        }
        is_up = is_up || (at->ifa_flags & IFF_UP) != 0;
        if (!inside_has_mac(at, kn_network_state_door_mac(look->network->wanted))) {
            snprintf(look->why, KN_STOCK_WHY, "%s in %s has another MAC", KN_HOST_DHCP_IFACE, look->network->netns);
            return false;
        }
    }
    if (!is_up) {
        snprintf(look->why, KN_STOCK_WHY, "%s in %s is down or gone", KN_HOST_DHCP_IFACE, look->network->netns);
        return false;
    }
    return inside_has_addresses(look);
}

/* Inside the namespace. What cannot be read is as it was. */
static int inside_work(void *ctx, struct kn_error *err)
{
    struct inside_look *look = ctx;
    struct ifaddrs *list = NULL;

    (void)err;
    if (getifaddrs(&list) < 0) {
        return 0;
    }
    look->list = list;
    const int rc = inside_agrees(look) ? 0 : -1;

    freeifaddrs(list);
    return rc;
}

static bool dhcp_agrees(struct kn_network_look *look, const struct kn_network_host_network *network)
{
    struct inside_look inside = { network, NULL, look->why };
    struct kn_error err;

    const bool is_served = kn_network_state_is_served(network->wanted),
               has_door = kn_network_state_has_door(network->wanted);

    if (kn_network_netns_exists(network->netns) != has_door) {
        snprintf(look->why, sizeof(look->why), "the namespace %s is %s", network->netns, has_door ? "gone" : "there");
        return false;
    }
    if (!has_door) {
        return true;
    }
    if (kn_network_dnsmasq_runs(network->dir) != is_served) {
        snprintf(look->why, sizeof(look->why), "dnsmasq %s", is_served ? "does not run" : "runs");
        return false;
    }
    return kn_network_netns_run(network->netns, inside_work, &inside, &err) == 0;
}

/* --- all of it -------------------------------------------------------------------------------------------------------- */

/* The wire that a flat network is. */
static bool outside_agrees(struct kn_network_look *look, const struct kn_network_host_network *network)
{
    char device[KN_DEVICE_NAME_SIZE];

    if (network->wanted->type != KN_NETWORK_FLAT) {
        return true;
    }
    if (!kn_network_physical_device(look->physical, network->wanted->physical, device)) {
        snprintf(look->why, sizeof(look->why), "this host has no physical network \"%s\"", network->wanted->physical);
        return false;
    }
    return kn_network_external_stands(look->stock, device, network->wanted, network->bridge, look->why);
}

bool kn_network_host_agrees(struct kn_network_look *look, const struct kn_network_host_network *network)
{
    return devices_agree(look, network) && outside_agrees(look, network) && forwarding_agrees(look, network) &&
           dhcp_agrees(look, network);
}
