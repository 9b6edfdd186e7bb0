/* SPDX-License-Identifier: Apache-2.0 */
/* build: makes the kernel and dnsmasq agree with a struct kn_network_host_network, and takes it all away again. */
#ifndef KN_NETWORK_HOST_BUILD_H
#define KN_NETWORK_HOST_BUILD_H

#include "network/host/link.h"
#include "network/host/network.h"

/* underlay: 0 = networks do not leave the host. The firewall must know the taps already. */
int kn_network_host_build(struct kn_network_links *links, const struct kn_network_host_network *network,
                          uint32_t underlay, struct kn_error *err);
/* Whether bridge, VXLAN device and the taps' places in the bridge are still those that were built. */
bool kn_network_host_stands(const struct kn_network_host_network *network, uint32_t underlay);
/* Only the forwarding entries. */
int kn_network_host_build_peers(struct kn_network_links *links, const struct kn_network_host_network *network,
                                struct kn_error *err);
/* Goes on where it can and reports the first thing that did not work. */
int kn_network_host_demolish(struct kn_network_links *links, const struct kn_network_host_network *network,
                             struct kn_error *err);

#endif
