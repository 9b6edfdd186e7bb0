/* SPDX-License-Identifier: Apache-2.0 */
/* served.c: what of a network DHCP, DNS, router advertisements and metadata are for, and from which address. Pure. */
#include <string.h>

#include "network/address/mac.h"
#include "network/host/state/state.h"

/* IPv6 without DHCP may still want router advertisements. */
static bool subnet_is_served(const struct kn_network_state_subnet *subnet)
{
    return subnet->dhcp || (subnet->cidr.ip.family == 6 && subnet->ra_mode != KN_RA_NONE);
}

static const uint8_t NO_MAC[6];

bool kn_network_state_dhcp_ip(const struct kn_network_state_network *network,
                              const struct kn_network_state_subnet *subnet, struct kn_ip *ret)
{
    if (!subnet_is_served(subnet) || memcmp(network->dhcp_mac, NO_MAC, sizeof(NO_MAC)) == 0) {
        return false;
    }
    for (size_t i = 0; i < network->dhcp_ips.count; i++) {
        if (kn_ip_prefix_holds(&subnet->cidr, &network->dhcp_ips.items[i])) {
            *ret = network->dhcp_ips.items[i];
            return true;
        }
    }
    /* Nothing was set aside for it: what SLAAC would make of its MAC, which nobody else has. */
    if (subnet->cidr.ip.family == 6 && subnet->cidr.length == 64) {
        *ret = kn_ip_eui64(&subnet->cidr, network->dhcp_mac);
        return true;
    }
    return false;
}

bool kn_network_state_is_served(const struct kn_network_state_network *network)
{
    struct kn_ip ip;

    for (size_t i = 0; i < network->subnet_count; i++) {
        if (kn_network_state_dhcp_ip(network, &network->subnets[i], &ip)) {
            return true;
        }
    }
    return false;
}

/* A physical network is others', too, who may have a server of that address of their own. */
bool kn_network_state_has_door(const struct kn_network_state_network *network)
{
    return kn_network_state_is_served(network) || (network->type == KN_NETWORK_VXLAN && network->subnet_count > 0);
}

const uint8_t *kn_network_state_door_mac(const struct kn_network_state_network *network)
{
    return memcmp(network->dhcp_mac, NO_MAC, sizeof(NO_MAC)) == 0 ? KN_DOOR_MAC : network->dhcp_mac;
}
