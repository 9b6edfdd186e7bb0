/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build.c: the order in which a network comes up on a host and goes down again. Decides nothing: what is wanted stands in the
 * struct, how it is done in link.c, netns.c and dnsmasq.c.
 */
#include "network/host/build.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "network/host/link/behind.h"
#include "network/host/dhcp/dhcp.h"
#include "network/host/dhcp/dnsmasq.h"
#include "network/host/link/inside.h"
#include "network/host/link/netns.h"

const struct kn_ip KN_METADATA_IP = { .family = 4, .bytes = { 169, 254, 169, 254 } };
const struct kn_ip KN_METADATA_IP6 = { .family = 6, .bytes = { 0xfe, 0x80, [12] = 0xa9, 0xfe, 0xa9, 0xfe } };

/* --- taps ----------------------------------------------------------------------------------------------------------- */

/* Asked of the kernel: devices go while this process lives (a tap with its guest, a bridge by an operator's hand), and a memory of them would not. */
static bool is_plugged(const struct kn_network_host_network *network, const struct kn_network_plug *plug,
                       const struct kn_network_state_port *port, uint64_t stations)
{
    return plug->tap_index != 0 && plug->tap_index == kn_network_link_index(plug->tap) &&
           plug->bridge_index == kn_network_link_index(network->bridge) && plug->built_mtu == network->wanted->mtu &&
           memcmp(plug->built_mac, port->mac, sizeof(port->mac)) == 0 && plug->built_stations == stations;
}

static bool waits_for_guest(const struct kn_network_plug *plug)
{
    return plug->comes_with_guest && kn_network_link_index(plug->tap) == 0;
}

int kn_network_host_unplug_tap(struct kn_network_links *links, struct kn_network_plug *plug, struct kn_error *err)
{
    plug->bridge_index = 0;
    return kn_network_link_leave(links, plug->tap, err);
}

static int build_tap(struct kn_network_links *links, const struct kn_network_host_network *network,
                     struct kn_network_link_behind behind, bool is_whole, struct kn_network_plug *plug,
                     struct kn_error *err)
{
    const struct kn_network_state_port *port = kn_hmap_get(network->ports, plug->port);
    uint64_t digest;
    size_t count;

    if (port == NULL || !port->up) {
        return kn_network_host_unplug_tap(links, plug, err);
    }
    if (waits_for_guest(plug)) {
        plug->tap_index = plug->bridge_index = 0;
        return 0;
    }
    AUTO_FREE uint8_t(*macs)[6] = kn_network_behind_stations(behind.items, behind.count, port->id, port->mac, &count,
                                                             &digest);

    if (!is_whole && is_plugged(network, plug, port, digest)) {
        return 0;
    }
    if (kn_network_link_tap(links, plug->tap, network->wanted->mtu, err) < 0 ||
        kn_network_link_enslave(links, plug->tap, network->bridge, true, err) < 0 ||
        kn_network_link_stations(links, plug->tap, (const uint8_t(*)[6])macs, count, err) < 0) {
        return -1;
    }
    plug->tap_index = kn_network_link_index(plug->tap);
    plug->bridge_index = kn_network_link_index(network->bridge);
    plug->built_mtu = network->wanted->mtu;
    memcpy(plug->built_mac, port->mac, sizeof(plug->built_mac));
    plug->built_stations = digest;
    return 0;
}

static int build_taps(struct kn_network_links *links, const struct kn_network_host_network *network,
                      struct kn_network_link_behind behind, bool is_whole, struct kn_error *err)
{
    const char *port;
    void *plug;

    for (size_t at = 0; kn_hmap_next(network->plugs, &at, &port, &plug);) {
        if (build_tap(links, network, behind, is_whole, plug, err) < 0) {
            return -1;
        }
    }
    return 0;
}

bool kn_network_host_stands(const struct kn_network_host_network *network, const struct kn_ip *underlay)
{
    const unsigned bridge = kn_network_link_index(network->bridge);
    const char *id;
    void *value;

    for (size_t at = 0; kn_hmap_next(network->plugs, &at, &id, &value);) {
        const struct kn_network_plug *plug = value;
        const struct kn_network_state_port *port = kn_hmap_get(network->ports, plug->port);

        if (port != NULL && port->up && plug->bridge_index != bridge && !waits_for_guest(plug)) {
            return false;
        }
    }
    return bridge != 0 && (underlay->family == 0 || network->wanted->type != KN_NETWORK_VXLAN ||
                           kn_network_link_index(network->vxlan) != 0);
}

/* --- VXLAN ---------------------------------------------------------------------------------------------------------- */

const struct kn_network_state_peer **kn_network_host_elsewhere(const struct kn_network_host_network *network,
                                                               size_t *ret_count)
{
    const struct kn_network_state_peer **elsewhere = kn_alloc((kn_hmap_count(network->peers) + 1) * sizeof(*elsewhere));
    const char *id;
    void *value;
    size_t count = 0;

    for (size_t at = 0; kn_hmap_next(network->peers, &at, &id, &value);) {
        if (kn_hmap_get(network->ports, id) == NULL) {
            elsewhere[count++] = value;
        }
    }
    *ret_count = count;
    return elsewhere;
}

static int build_peers(struct kn_network_links *links, const struct kn_network_host_network *network,
                       struct kn_network_link_behind behind, struct kn_error *err)
{
    size_t count;
    AUTO_FREE const struct kn_network_state_peer **elsewhere = kn_network_host_elsewhere(network, &count);

    return kn_network_link_peers(links, network->vxlan, elsewhere, count, behind, err);
}

/* Broadcasts and multicasts reach the device: ARP and neighbour solicitations it answers itself, the others it sends to the hosts of peers. */
static int build_vxlan(struct kn_network_links *links, const struct kn_network_host_network *network,
                       struct kn_network_link_behind behind, const struct kn_ip *underlay, bool is_whole,
                       struct kn_error *err)
{
    if (underlay->family == 0 || network->wanted->type != KN_NETWORK_VXLAN) {
        return 0;
    }
    if (kn_network_link_vxlan(links, network->vxlan, network->wanted->vni, underlay, network->wanted->mtu, err) < 0 ||
        kn_network_link_enslave(links, network->vxlan, network->bridge, true, err) < 0) {
        return -1;
    }
    return is_whole ? build_peers(links, network, behind, err) : 0;
}

/* --- DHCP ----------------------------------------------------------------------------------------------------------- */

/* The door reaches subnets on which its namespace has no address as the metadata server. */
struct kn_network_inside_address *kn_network_host_inside(const struct kn_network_host_network *network,
                                                         size_t *ret_count)
{
    const struct kn_network_state_network *wanted = network->wanted;
    struct kn_network_inside_address *list = kn_realloc_array(NULL, wanted->subnet_count + 2, sizeof(*list));
    size_t count = 0;
    struct kn_ip ip;

    list[count++] = (struct kn_network_inside_address){ .ip = KN_METADATA_IP, .length = 32 };
    if (kn_network_host_network_speaks(network, 6)) {
        list[count++] = (struct kn_network_inside_address){ .ip = KN_METADATA_IP6, .length = 64 };
    }
    for (size_t i = 0; i < wanted->subnet_count; i++) {
        const struct kn_ip_prefix *cidr = &wanted->subnets[i].cidr;

        if (kn_network_state_dhcp_ip(wanted, &wanted->subnets[i], &ip)) {
            if (kn_network_host_network_speaks(network, ip.family)) {
                list[count++] = (struct kn_network_inside_address){ .ip = ip, .length = cidr->length };
            }
        } else if (cidr->ip.family == 4) {
            list[count++] = (struct kn_network_inside_address){ .ip = KN_METADATA_IP,
                                                                .length = cidr->length,
                                                                .peer = kn_ip_prefix_first(cidr) };
        }
    }
    *ret_count = count;
    return list;
}

/* It has the addresses that it is told: no guest's advertisement gives it others. A kernel or a device without IPv6 has nothing to be set. */
static int build_deaf(struct kn_error *err)
{
    AUTO_CLOSE int fd = open("/proc/sys/net/ipv6/conf/" KN_HOST_DHCP_IFACE "/accept_ra", O_WRONLY | O_CLOEXEC);

    return fd >= 0 && write(fd, "0", 1) != 1 ? kn_fail(err, KN_INTERNAL, "cannot set accept_ra of a network") : 0;
}

/* Inside the namespace. What it had of subnets that are gone, or under an address that is another's now, it has no more. */
static int build_inside(void *ctx, struct kn_error *err)
{
    const struct kn_network_host_network *network = ctx;
    AUTO(kn_network_links) struct kn_network_links *links = NULL;
    size_t count;

    if (kn_network_links_open(&links, err) < 0 || kn_network_link_up(links, "lo", 0, err) < 0 ||
        kn_network_link_mac(links, KN_HOST_DHCP_IFACE, kn_network_state_door_mac(network->wanted), err) < 0 ||
        kn_network_link_up(links, KN_HOST_DHCP_IFACE, network->wanted->mtu, err) < 0 || build_deaf(err) < 0) {
        return -1;
    }
    AUTO_FREE struct kn_network_inside_address *addresses = kn_network_host_inside(network, &count);

    for (size_t i = 0; i < count; i++) {
        addresses[i].device = kn_network_link_index(KN_HOST_DHCP_IFACE);
    }
    return kn_network_inside_addresses(links, addresses, count, err);
}

bool kn_network_host_is_torn(const struct kn_network_host_network *network)
{
    return kn_network_netns_exists(network->netns) != (kn_network_link_index(network->veth) != 0);
}

/* What is left of a namespace that vanished, or lost its device, would stand in the way of the new one. */
static int clear_remains(struct kn_network_links *links, const struct kn_network_host_network *network,
                         struct kn_error *err)
{
    if (!kn_network_host_is_torn(network)) {
        return 0;
    }
    kn_network_dnsmasq_end(network->dir);
    return kn_network_netns_remove(network->netns, err) < 0 ? -1 : kn_network_link_delete(links, network->veth, err);
}

static int build_veth(struct kn_network_links *links, const struct kn_network_host_network *network, bool is_whole,
                      struct kn_error *err)
{
    AUTO_CLOSE int ns = kn_network_netns_open(network->netns);
    uint8_t mac[1][6];

    memcpy(mac[0], kn_network_state_door_mac(network->wanted), sizeof(mac[0]));
    if (kn_network_link_veth(links, network->veth, ns, KN_HOST_DHCP_IFACE, mac[0], network->wanted->mtu, err) < 0 ||
        kn_network_link_enslave(links, network->veth, network->bridge, true, err) < 0) {
        return -1;
    }
    return is_whole ? kn_network_link_stations(links, network->veth, (const uint8_t(*)[6])mac, 1, err)
                    : kn_network_link_station(links, network->veth, mac[0], err);
}

/* Nothing of it is served any more. */
static void end_dhcp(const struct kn_network_host_network *network)
{
    if (kn_network_dnsmasq_runs(network->dir)) {
        kn_network_dnsmasq_remove(network->dir);
    }
}

/* Nobody answers for it. */
static int end_doors(struct kn_network_links *links, const struct kn_network_host_network *network,
                     struct kn_error *err)
{
    end_dhcp(network);
    return kn_network_netns_remove(network->netns, err) < 0 ? -1 : kn_network_link_delete(links, network->veth, err);
}

static int build_dhcp(struct kn_network_links *links, const struct kn_network_host_network *network, bool is_whole,
                      struct kn_error *err)
{
    if (!kn_network_state_has_door(network->wanted)) {
        return end_doors(links, network, err);
    }
    if (clear_remains(links, network, err) < 0 || kn_network_netns_ensure(network->netns, err) < 0 ||
        build_veth(links, network, is_whole, err) < 0 ||
        kn_network_netns_run(network->netns, build_inside, (void *)(uintptr_t)network, err) < 0) {
        return -1;
    }
    if (!kn_network_state_is_served(network->wanted)) {
        end_dhcp(network);
        return 0;
    }
    return kn_network_dnsmasq_ensure(network, err);
}

/* --- all of it ------------------------------------------------------------------------------------------------------ */

int kn_network_host_build(struct kn_network_links *links, const struct kn_network_host_network *network,
                          const struct kn_ip *underlay, bool is_whole, struct kn_error *err)
{
    struct kn_network_link_behind behind = { NULL, 0 };
    AUTO_FREE struct kn_network_behind *list = kn_network_behind_of(network, &behind.count);

    behind.items = list;
    if (kn_network_link_bridge(links, network->bridge, network->wanted->mtu, err) < 0 ||
        kn_network_link_is_gateway(network->bridge, network->wanted->zone == 0, err) < 0 ||
        build_vxlan(links, network, behind, underlay, is_whole, err) < 0 ||
        build_taps(links, network, behind, is_whole, err) < 0) {
        return -1;
    }
    return build_dhcp(links, network, is_whole, err);
}

int kn_network_host_demolish(struct kn_network_links *links, const struct kn_network_host_network *network,
                             struct kn_error *err)
{
    const char *const devices[] = { network->veth, network->vxlan, network->bridge };
    struct kn_error later;
    int rc = 0;

    kn_network_dnsmasq_remove(network->dir);
    for (size_t i = 0; i < KN_COUNT(devices); i++) {
        if (kn_network_link_delete(links, devices[i], rc == 0 ? err : &later) < 0) {
            rc = -1;
        }
    }
    return kn_network_netns_remove(network->netns, rc == 0 ? err : &later) < 0 ? -1 : rc;
}
