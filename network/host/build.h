/* SPDX-License-Identifier: Apache-2.0 */
/* build: makes the kernel and dnsmasq agree with a struct kn_network_host_network, and takes it all away again. */
#ifndef KN_NETWORK_HOST_BUILD_H
#define KN_NETWORK_HOST_BUILD_H

#include "network/host/link/inside.h"
#include "network/host/link/link.h"
#include "network/host/network.h"

extern const struct kn_ip KN_METADATA_IP, KN_METADATA_IP6; /* 169.254.169.254, fe80::a9fe:a9fe */

/* underlay: of no family = networks do not leave the host. The firewall must know the taps already. The network is wanted. is_whole: its peers, too. */
int kn_network_host_build(struct kn_network_links *links, const struct kn_network_host_network *network,
                          const struct kn_ip *underlay, bool is_whole, struct kn_error *err);
/* Whether bridge, VXLAN device and taps are still the ones that were built: a look by their numbers alone; stands.h has the whole one. */
bool kn_network_host_stands(const struct kn_network_host_network *network, const struct kn_ip *underlay);
/* The peers that are on other hosts, less those that are about to come here: their MAC is behind their tap. A new array. */
const struct kn_network_state_peer **kn_network_host_elsewhere(const struct kn_network_host_network *network,
                                                               size_t *ret_count);
/* Whether what serves the network stands half: a namespace without its device, or the other way round. Then nothing of it is relied upon. */
bool kn_network_host_is_torn(const struct kn_network_host_network *network);
/* The addresses that the device of DHCP has, and no others: where it answers, and the metadata door's; without the device. A new array. Pure. */
struct kn_network_inside_address *kn_network_host_inside(const struct kn_network_host_network *network,
                                                         size_t *ret_count);
/* A tap whose port is not of this host any more: out of everything, and kept for who made it. */
int kn_network_host_unplug_tap(struct kn_network_links *links, struct kn_network_plug *plug, struct kn_error *err);
/* Goes on where it can and reports the first thing that did not work. */
int kn_network_host_demolish(struct kn_network_links *links, const struct kn_network_host_network *network,
                             struct kn_error *err);

#endif
