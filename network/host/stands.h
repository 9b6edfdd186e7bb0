/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stands: whether the kernel still has all that was built of a network: devices, their places, MTUs and links, who is behind what and where, the namespace of DHCP
 * with its addresses and its process, what leads outside. Whatever somebody took away or changed by hand is found here and built again by the next tick.
 */
#ifndef KN_NETWORK_HOST_STANDS_H
#define KN_NETWORK_HOST_STANDS_H

#include "network/host/link/link.h"
#include "network/host/link/stock.h"
#include "network/host/network.h"

struct kn_network_look {
    const struct kn_network_stock *stock; /* of the host's own namespace, taken just now */
    struct kn_network_links *links;
    const struct kn_ip *underlay;         /* of no family: networks do not leave the host */
    const char *physical;                 /* agent.physical_networks */
    char why[KN_STOCK_WHY];               /* what is otherwise, of the network that was looked at last */
};

/* The network is wanted and was built. A tap that is gone went with its guest: that is not the network's. */
bool kn_network_host_agrees(struct kn_network_look *look, const struct kn_network_host_network *network);

#endif
