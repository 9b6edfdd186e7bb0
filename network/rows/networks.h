/* SPDX-License-Identifier: Apache-2.0 */
/* networks: the nouns of Neutron as tables of lib/rest, and what they share. */
#ifndef KN_NETWORK_ROWS_NETWORKS_H
#define KN_NETWORK_ROWS_NETWORKS_H

#include "lib/adapter/http.h"
#include "lib/rest/noun.h"

extern const struct kn_rest_noun kn_network_networks, kn_network_subnets, kn_network_ports,
    kn_network_ip_availabilities;
extern const struct kn_text_rule KN_NEUTRON_UUID;
extern const struct kn_text_rule KN_NEUTRON_NAME; /* printable, no space at either end */
extern const struct kn_text_rule KN_NEUTRON_FULL_NAME; /* the same, and not empty */

/*
 * Keeps others from changing the network's subnets and from drawing addresses of them until the transaction ends. Row locks always go from the network (whoever
 * changes: FOR UPDATE; whoever draws: FOR KEY SHARE, network/rows/ports/topology.h) to its subnets, in the order of their ids.
 */
int kn_network_lock(struct kn_request *req, const char *id, struct kn_error *err);

#define KN_NETWORK_V4_MTU 68 /* the least that IPv4 works with, and Linux */
#define KN_NETWORK_V6_MTU 1280 /* the least that IPv6 works with */
/* What devices and guests have: one without subnets may be told less. */
#define KN_NETWORK_WIRE_MTU(n) "greatest(" n ".mtu, 68)"
/* KN_CONFLICT: too little for a subnet of IPv6. Returns -1. */
/* Does a subnet of that family work with that MTU? Fails in Neutron's words. */
int kn_network_check_mtu(const char *network_id, int family, int64_t mtu, struct kn_error *err);

#endif
