/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build.c: the order in which a network comes up on a host and goes down again. Decides nothing: what is wanted stands in the
 * struct, how it is done in link.c, netns.c and dnsmasq.c.
 */
#include "network/host/build.h"

#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "network/host/dhcp.h"
#include "network/host/dnsmasq.h"
#include "network/host/netns.h"

#define METADATA_IP 0xa9fea9feU /* 169.254.169.254 */

/* Asked of the kernel: devices go while this process lives (a tap with its guest, a bridge by an operator's hand), and a memory of them would not. */
static bool is_plugged(const struct kn_network_host_network *network, const struct kn_network_host_nic *nic)
{
    return nic->tap_index != 0 && nic->tap_index == kn_network_link_index(nic->tap) &&
           nic->bridge_index == kn_network_link_index(network->bridge);
}

bool kn_network_host_stands(const struct kn_network_host_network *network, uint32_t underlay)
{
    const unsigned bridge = kn_network_link_index(network->bridge);

    for (size_t i = 0; i < network->nic_count; i++) {
        if (network->nics[i]->bridge_index != bridge) {
            return false;
        }
    }
    return bridge != 0 && (underlay == 0 || kn_network_link_index(network->vxlan) != 0);
}

static int build_tap(struct kn_network_links *links, const struct kn_network_host_network *network,
                     struct kn_network_host_nic *nic, struct kn_error *err)
{
    if (is_plugged(network, nic)) {
        return 0;
    }
    if (kn_network_link_tap(links, nic->tap, nic->mtu, err) < 0 ||
        kn_network_link_enslave(links, nic->tap, network->bridge, true, err) < 0) {
        return -1;
    }
    if (kn_network_link_station(links, nic->tap, nic->mac, err) < 0) {
        return -1;
    }
    nic->tap_index = kn_network_link_index(nic->tap);
    nic->bridge_index = kn_network_link_index(network->bridge);
    return 0;
}

static int build_vxlan(struct kn_network_links *links, const struct kn_network_host_network *network, uint32_t underlay,
                       struct kn_error *err)
{
    const struct kn_network_host_nic *nic = network->nics[0];

    if (underlay == 0) {
        return 0;
    }
    if (kn_network_link_vxlan(links, network->vxlan, nic->vni, underlay, nic->mtu, err) < 0 ||
        kn_network_link_enslave(links, network->vxlan, network->bridge, false, err) < 0) {
        return -1;
    }
    return kn_network_host_build_peers(links, network, err);
}

/* Inside the namespace: the addresses of DHCP and of the metadata door. */
static int build_inside(void *ctx, struct kn_error *err)
{
    const struct kn_network_host_network *network = ctx;
    AUTO(kn_network_links) struct kn_network_links *links = NULL;

    if (kn_network_links_open(&links, err) < 0 || kn_network_link_up(links, "lo", err) < 0 ||
        kn_network_link_up(links, KN_HOST_DHCP_IFACE, err) < 0 ||
        kn_network_link_address(links, KN_HOST_DHCP_IFACE, METADATA_IP, 32, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < network->nic_count; i++) {
        const struct kn_network_host_nic *nic = network->nics[i];
        const struct kn_network_host_address *address = kn_network_host_nic_served(nic);
        bool is_same = i > 0 && network->nics[i - 1]->dhcp_ip == nic->dhcp_ip;

        if (address != NULL && !is_same &&
            kn_network_link_address(links, KN_HOST_DHCP_IFACE, nic->dhcp_ip, address->prefix, err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* The MAC of the network's DHCP port is the same on every host. */
static const struct kn_network_host_nic *first_with_dhcp(const struct kn_network_host_network *network)
{
    for (size_t i = 0; i < network->nic_count; i++) {
        if (kn_network_host_nic_served(network->nics[i]) != NULL) {
            return network->nics[i];
        }
    }
    return NULL;
}

/* What is left of a namespace that vanished would stand in the way of the new one. */
static int clear_remains(struct kn_network_links *links, const struct kn_network_host_network *network,
                         struct kn_error *err)
{
    if (kn_network_netns_exists(network->netns)) {
        return 0;
    }
    kn_network_dnsmasq_end(network->dir);
    return kn_network_link_delete(links, network->veth, err);
}

static int build_veth(struct kn_network_links *links, const struct kn_network_host_network *network,
                      const struct kn_network_host_nic *nic, struct kn_error *err)
{
    AUTO_CLOSE int ns = kn_network_netns_open(network->netns);

    if (kn_network_link_veth(links, network->veth, ns, KN_HOST_DHCP_IFACE, nic->dhcp_mac, nic->mtu, err) < 0 ||
        kn_network_link_enslave(links, network->veth, network->bridge, true, err) < 0) {
        return -1;
    }
    return kn_network_link_station(links, network->veth, nic->dhcp_mac, err);
}

static int build_dhcp(struct kn_network_links *links, const struct kn_network_host_network *network,
                      struct kn_error *err)
{
    const struct kn_network_host_nic *nic = first_with_dhcp(network);

    if (nic == NULL) {
        return 0;
    }
    if (clear_remains(links, network, err) < 0 || kn_network_netns_ensure(network->netns, err) < 0 ||
        build_veth(links, network, nic, err) < 0 ||
        kn_network_netns_run(network->netns, build_inside, (void *)(uintptr_t)network, err) < 0) {
        return -1;
    }
    return kn_network_dnsmasq_ensure(network->dir, network->netns,
                                     (const struct kn_network_host_nic *const *)network->nics, network->nic_count, err);
}

int kn_network_host_build(struct kn_network_links *links, const struct kn_network_host_network *network,
                          uint32_t underlay, struct kn_error *err)
{
    if (kn_network_link_bridge(links, network->bridge, network->nics[0]->mtu, err) < 0 ||
        build_vxlan(links, network, underlay, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < network->nic_count; i++) {
        if (build_tap(links, network, network->nics[i], err) < 0) {
            return -1;
        }
    }
    return build_dhcp(links, network, err);
}

static bool is_local(const struct kn_network_host_network *network, const uint8_t mac[6])
{
    for (size_t i = 0; i < network->nic_count; i++) {
        if (memcmp(network->nics[i]->mac, mac, sizeof(network->nics[i]->mac)) == 0) {
            return true;
        }
    }
    return false;
}

int kn_network_host_build_peers(struct kn_network_links *links, const struct kn_network_host_network *network,
                                struct kn_error *err)
{
    AUTO_FREE struct kn_network_link_peer *elsewhere = kn_alloc((network->peer_count + 1) * sizeof(*elsewhere));
    size_t count = 0;

    for (size_t i = 0; i < network->peer_count; i++) {
        if (!is_local(network, network->peers[i].mac)) { /* the table is older than what is plugged in here */
            elsewhere[count++] = network->peers[i];
        }
    }
    return kn_network_link_peers(links, network->vxlan, elsewhere, count, err);
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
