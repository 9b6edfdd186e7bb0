/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allows: whether a port's groups let the first packet of a connection through, and which rule does; the same question that the kernel is asked by the
 * ruleset, answered from the state. For the connections that a change no longer allows, and for the trace. Pure.
 */
#ifndef KN_NETWORK_HOST_FIREWALL_ALLOWS_H
#define KN_NETWORK_HOST_FIREWALL_ALLOWS_H

#include "network/host/firewall/ruleset.h"
#include "network/host/state/state.h"

struct kn_network_packet {
    struct kn_ip source, destination;
    int protocol;
    int source_port, destination_port; /* of ICMP: type and code */
};

/* *ret_rule: the rule's id; "always": what every guest needs; "": nothing does, or nobody asks. It may be NULL. */
bool kn_network_allows(const struct kn_network_state *state, const struct kn_network_ruleset *ruleset,
                       const struct kn_network_state_port *port, bool is_ingress,
                       const struct kn_network_packet *packet, const char **ret_rule);

#endif
