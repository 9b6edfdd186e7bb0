/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules: what the taps of a host may send, as one nftables table "bridge kilonova". Pure: NICs in, the text of ONE
 * transaction out; network/host/nft.h applies it.
 *
 * The rules never change, only their sets do, so a change costs what changed: each tap has its MAC, and the addresses it may use
 * in ARP and IPv4. IPv6, VLAN tags, DHCP servers and all other protocols are dropped. Frames of the DHCP namespaces (kd…)
 * never cross the VXLAN (kx…): the same address and MAC live on every host.
 */
#ifndef KN_NETWORK_HOST_RULES_H
#define KN_NETWORK_HOST_RULES_H

#include <stddef.h>

#include "lib/base/strbuf.h"
#include "network/host/state.h"

/* The whole table in place of whatever there was. */
void kn_network_host_rules_whole(const struct kn_network_state_port *const *ports, size_t count, struct kn_strbuf *out);
/* From the NICs that go to those that come, the table being there; either may be empty. */
void kn_network_host_rules_change(const struct kn_network_state_port *const *gone, size_t gone_count,
                                  const struct kn_network_state_port *const *come, size_t come_count,
                                  struct kn_strbuf *out);

#endif
