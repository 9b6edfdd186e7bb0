/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agents: what Neutron calls agents. One process of a host does all of it here; each of its duties is shown as the agent that clients know by that name.
 * Simulated hosts have none. Nothing is scheduled: a host serves the networks that its ports are in, and routers are leased (network/serve/leases.h).
 */
#ifndef KN_NETWORK_ROWS_AGENTS_H
#define KN_NETWORK_ROWS_AGENTS_H

#include "lib/adapter/http.h"
#include "lib/rest/noun.h"

/* Of a host's row: what an aggregate says, before what its agent says. */
#define KN_NETWORK_ZONE_OF(h) "coalesce(" h ".aggregate_zone, " h ".zone)"

extern const struct kn_rest_noun kn_network_agents, kn_network_zones;

kn_handler kn_network_agents_update, kn_network_agents_delete, kn_network_agents_refuse;
kn_handler kn_network_agents_of_network, kn_network_agents_of_router, kn_network_networks_of_agent,
    kn_network_routers_of_agent;

/* KN_NOT_FOUND in Neutron's words unless each of the object's availability_zone_hints is a zone of the resource, "network" or "router". */
int kn_network_zones_check(struct kn_request *req, const json_t *object, const char *resource, struct kn_error *err);

#endif
