/* SPDX-License-Identifier: Apache-2.0 */
/*
 * look: what the kernel says where a packet would go: devices, stations of a bridge, tunnels, neighbours, routes. Reads and changes nothing. Each
 * works on the namespace of the calling thread; what is not there is no failure, but an empty answer.
 */
#ifndef KN_NETWORK_HOST_LINK_LOOK_H
#define KN_NETWORK_HOST_LINK_LOOK_H

#include "network/host/link/link.h"
#include "network/host/nic.h"

struct kn_network_look_device {
    bool is_there, is_up, has_carrier;
    char bridge[KN_HOST_IFNAME]; /* that it is in; "": none */
};
int kn_network_look_device(const char *name, struct kn_network_look_device *ret, struct kn_error *err);

/* Which port of the bridge a MAC is behind: "" none. Of the bridge's own MAC, the bridge. */
int kn_network_look_station(const char *bridge, const uint8_t mac[6], char ret_device[KN_HOST_IFNAME],
                            struct kn_error *err);
/* The host that a VXLAN device sends frames for the MAC to; of no family: none. */
int kn_network_look_tunnel(const char *vxlan, const uint8_t mac[6], struct kn_ip *ret_far, struct kn_error *err);
/* Whose MAC the device answers for the address; all zero: nobody's. */
int kn_network_look_neighbour(const char *device, const struct kn_ip *ip, uint8_t ret_mac[6], struct kn_error *err);

struct kn_network_look_route {
    bool is_there, is_own; /* is_own: the packet is for this namespace itself */
    char device[KN_HOST_IFNAME];
    struct kn_ip via; /* of no family: on the link */
};
int kn_network_look_route(const struct kn_ip *to, struct kn_network_look_route *ret, struct kn_error *err);

#endif
