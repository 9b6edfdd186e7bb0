/* SPDX-License-Identifier: Apache-2.0 */
/* host_ask.c: what others want to know of a host's networks: which taps there are, who asks for metadata, what a guest is told of its NICs. */
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "network/address/mac.h"
#include "network/host/build.h"
#include "network/host/host_private.h"
#include "network/host/stands.h"

/* tap + 8 hex digits + "-" + 2 hex digits */
static bool is_our_tap(const char *name)
{
    return strlen(name) == 14 && strncmp(name, "tap", 3) == 0 && name[11] == '-' &&
           strspn(name + 3, "0123456789abcdef") == 8;
}

json_t *kn_network_host_taps(struct kn_network_host *host)
{
    struct if_nameindex *list = if_nameindex();
    json_t *taps = json_array();

    (void)host;
    for (const struct if_nameindex *at = list; at != NULL && at->if_index != 0; at++) {
        if (is_our_tap(at->if_name)) {
            json_array_append_new(taps, json_string(at->if_name));
        }
    }
    if (list != NULL) {
        if_freenameindex(list);
    }
    return taps;
}

/* --- what it was told ------------------------------------------------------------------------------------------------- */

/* The last 32 bits: what is made at random of a MAC. */
static uint32_t mac_number(const uint8_t mac[6])
{
    return (uint32_t)mac[2] << 24 | (uint32_t)mac[3] << 16 | (uint32_t)mac[4] << 8 | mac[5];
}

static uint32_t mac_in(enum kn_network_kind kind, const void *object)
{
    return kind == KN_NETWORK_IS_PORT   ? mac_number(((const struct kn_network_state_port *)object)->mac)
           : kind == KN_NETWORK_IS_PEER ? mac_number(((const struct kn_network_state_peer *)object)->mac)
                                        : 0;
}

static json_t *told_kind(const struct kn_network_host *host, enum kn_network_kind kind)
{
    json_int_t count = 0, ids = 0, macs = 0;
    const char *id;
    void *object;

    for (size_t at = 0; kn_hmap_next(host->state.objects[kind], &at, &id, &object);) {
        char start[9];

        kn_copy(start, sizeof(start), id);
        count++;
        ids += (json_int_t)strtoul(start, NULL, 16);
        macs += mac_in(kind, object);
    }
    return json_pack("{s:s, s:I, s:I, s:I}", "kind", kn_network_kind_names[kind], "count", count, "ids", ids, "macs",
                     macs);
}

/* The networks and routers that the kernel does not have as they should be, by a look of this moment. */
static json_t *told_broken(struct kn_network_host *host)
{
    AUTO(kn_network_stock) struct kn_network_stock *stock = NULL;
    struct kn_network_look look = { .links = host->links, .underlay = &host->underlay, .physical = host->physical };
    json_t *broken = json_array();
    struct kn_error err;
    const char *id;
    void *value;

    const bool is_listed = kn_network_stock_take(&stock, &err) == 0;

    look.stock = stock;
    for (size_t at = 0; kn_hmap_next(host->networks, &at, &id, &value);) {
        const struct kn_network_host_network *network = value;

        if (network->wanted != NULL && (!network->built || (is_listed && !kn_network_host_agrees(&look, network)))) {
            json_array_append_new(broken, json_string(id));
        }
    }
    kn_network_routers_broken(&host->routers, &host->state, broken);
    return broken;
}

json_t *kn_network_host_told(struct kn_network_host *host)
{
    json_t *kinds = json_array(), *told;

    pthread_mutex_lock(&host->lock);
    for (int kind = 0; kind < KN_NETWORK_KINDS; kind++) {
        if (kn_hmap_count(host->state.objects[kind]) > 0) {
            json_array_append_new(kinds, told_kind(host, (enum kn_network_kind)kind));
        }
    }
    told = json_pack("{s:I, s:o, s:o}", "version", (json_int_t)host->state.version, "kinds", kinds, "broken",
                     told_broken(host));
    pthread_mutex_unlock(&host->lock);
    return told;
}

/* --- who asks ------------------------------------------------------------------------------------------------------- */

static bool owns(const struct kn_network_state_port *port, const struct kn_ip *ip)
{
    static const struct kn_ip_prefix LINK_LOCAL = { .ip = { .family = 6, .bytes = { 0xfe, 0x80 } }, .length = 64 };
    const struct kn_ip own = kn_ip_eui64(&LINK_LOCAL, port->mac);

    for (size_t i = 0; i < port->ips.count; i++) {
        if (kn_ip_equal(&port->ips.items[i], ip)) {
            return true;
        }
    }
    return kn_ip_equal(&own, ip);
}

static const struct kn_network_state_port *owner_of(const struct kn_network_host_network *network,
                                                    const struct kn_ip *ip)
{
    const char *id;
    void *value;

    for (size_t at = 0; kn_hmap_next(network->ports, &at, &id, &value);) {
        const struct kn_network_state_port *port = value;

        if (port->server[0] != '\0' && owns(port, ip)) {
            return port;
        }
    }
    return NULL;
}

/* "fe80::1%dhcp" is fe80::1. */
static bool ask_address(const char *text, struct kn_ip *ret)
{
    char bare[KN_IP_SIZE + IF_NAMESIZE];
    const size_t len = strcspn(text, "%");

    if (len >= sizeof(bare)) {
        return false;
    }
    kn_copy(bare, len + 1, text);
    return kn_ip_parse(bare, ret);
}

bool kn_network_host_lookup(struct kn_network_host *host, const char *network_id, const char *source_ip,
                            char ret_server_id[KN_UUID_SIZE])
{
    const struct kn_network_state_port *port = NULL;
    char id[KN_UUID_SIZE];
    struct kn_ip ip;

    kn_copy(id, sizeof(id), network_id); /* less the door behind it */
    if (!ask_address(source_ip, &ip)) {
        return false;
    }
    pthread_mutex_lock(&host->lock);
    const struct kn_network_host_network *network = kn_hmap_get(host->networks, id);

    if (network != NULL && (port = owner_of(network, &ip)) != NULL) {
        kn_copy(ret_server_id, KN_UUID_SIZE, port->server);
    }
    pthread_mutex_unlock(&host->lock);
    return port != NULL;
}

/* --- NICs ----------------------------------------------------------------------------------------------------------- */

static json_t *ask_ips(const struct kn_network_ips *ips)
{
    json_t *list = json_array();
    char text[KN_IP_SIZE];

    for (size_t i = 0; i < ips->count; i++) {
        json_array_append_new(list, json_string(kn_ip_text(&ips->items[i], text)));
    }
    return list;
}

static json_t *ask_routes(const struct kn_network_state_subnet *subnet)
{
    json_t *list = json_array();
    char destination[KN_IP_PREFIX_SIZE], nexthop[KN_IP_SIZE];

    for (size_t i = 0; i < subnet->route_count; i++) {
        json_array_append_new(list, json_pack("{s:s, s:s}", "destination",
                                              kn_ip_prefix_text(&subnet->routes[i].destination, destination), "nexthop",
                                              kn_ip_text(&subnet->routes[i].nexthop, nexthop)));
    }
    return list;
}

/* NULL: nothing stands for the address. */
static json_t *ask_floating(const struct kn_network_state_port *port, const struct kn_ip *ip)
{
    json_t *list = NULL;
    char text[KN_IP_SIZE];

    for (size_t i = 0; i < port->floating_count; i++) {
        if (kn_ip_equal(&port->floating[i].inside, ip)) {
            list = list != NULL ? list : json_array();
            json_array_append_new(list, json_string(kn_ip_text(&port->floating[i].outside, text)));
        }
    }
    return list;
}

/* ipv6_address_mode; NULL: none. */
static const char *ask_mode(const struct kn_network_state_subnet *subnet)
{
    return subnet->address_mode == KN_RA_SLAAC       ? "slaac"
           : subnet->address_mode == KN_RA_STATELESS ? "dhcpv6-stateless"
           : subnet->address_mode == KN_RA_STATEFUL  ? "dhcpv6-stateful"
                                                     : NULL;
}

static json_t *ask_ip(const struct kn_network_state_port *port, const struct kn_ip *ip,
                      const struct kn_network_state_subnet *subnet)
{
    json_t *floating = ask_floating(port, ip);
    char text[KN_IP_SIZE], gateway[KN_IP_SIZE];
    json_t *json = json_pack("{s:s, s:i, s:i, s:s, s:o, s:o, s:b}", "address", kn_ip_text(ip, text), "prefix",
                             (int)subnet->cidr.length, "version", (int)ip->family, "subnet", subnet->id, "dns",
                             ask_ips(&subnet->dns), "routes", ask_routes(subnet), "dhcp", (int)subnet->dhcp);

    if (subnet->gateway.family != 0) {
        json_object_set_new(json, "gateway", json_string(kn_ip_text(&subnet->gateway, gateway)));
    }
    if (ask_mode(subnet) != NULL) {
        json_object_set_new(json, "mode", json_string(ask_mode(subnet)));
    }
    if (floating != NULL) {
        json_object_set_new(json, "floating", floating);
    }
    return json;
}

/* NULL: the state does not have the port. */
static json_t *ask_nic(const struct kn_network_host *host, const char *id)
{
    const struct kn_network_state_port *port = kn_network_state_get(&host->state, KN_NETWORK_IS_PORT, id);
    const struct kn_network_host_network *network = port == NULL ? NULL : kn_hmap_get(host->networks, port->network);
    char mac[KN_MAC_TEXT], tap[KN_HOST_IFNAME];
    json_t *ips;

    if (network == NULL || network->wanted == NULL) {
        return NULL;
    }
    ips = json_array();
    for (size_t i = 0; i < port->ips.count; i++) {
        const struct kn_network_state_subnet *subnet = kn_network_host_network_subnet(network, port->subnets[i]);

        if (subnet != NULL) {
            json_array_append_new(ips, ask_ip(port, &port->ips.items[i], subnet));
        }
    }
    kn_network_mac_text(port->mac, mac);
    kn_network_tap_of(port->id, tap);
    return json_pack("{s:s, s:s, s:s, s:i, s:s, s:o}", "port", port->id, "network", port->network, "mac", mac, "mtu",
                     network->wanted->mtu, "tap", tap, "ips", ips);
}

json_t *kn_network_host_nics(struct kn_network_host *host, const json_t *nics)
{
    json_t *list = json_array();
    const json_t *nic;
    size_t i;

    pthread_mutex_lock(&host->lock);
    json_array_foreach (nics, i, nic) {
        const char *port = json_string_value(json_object_get(nic, "port"));
        json_t *said = port == NULL ? NULL : ask_nic(host, port);

        if (said != NULL) {
            json_object_set(said, "tag", json_object_get(nic, "tag"));
            json_array_append_new(list, said);
        }
    }
    pthread_mutex_unlock(&host->lock);
    return list;
}
