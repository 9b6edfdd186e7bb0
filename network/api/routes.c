/* SPDX-License-Identifier: Apache-2.0 */
/* routes.c: the route table of Neutron v2.0. The front door serves the version documents; what is not in this table does not exist. */
#include "network/api.h"

#include <string.h>

#include "lib/rest/list.h"
#include "lib/rest/write_refuse.h"
#include "lib/rest/write.h"
#include "network/api/nouns.h"
#include "network/api/tags.h"
#include "network/rows/agents.h"
#include "network/rows/l3/auto_topology.h"
#include "network/rows/groups/groups.h"
#include "network/rows/networks.h"
#include "network/rows/qos.h"
#include "network/rows/l3/routers.h"
#include "network/rows/segments.h"
#include "network/rows/shared.h"
#include "network/rows/subnets/pools.h"

/* The handlers of a noun that is a report; the four of one that never changes, all lib/rest's; and the fifth. */
#define LIST_HANDLER(plural) \
    static int plural##_list(struct kn_request *req, struct kn_response *res, struct kn_error *err) \
    { \
        return kn_rest_list(&kn_network_##plural, req, KN_REST_LIST, NULL, res, err); \
    }
#define READ_HANDLERS(plural) \
    LIST_HANDLER(plural) \
    static int plural##_show(struct kn_request *req, struct kn_response *res, struct kn_error *err) \
    { \
        return kn_rest_show(&kn_network_##plural, req, req->params[0], KN_REST_SHOW, res, err); \
    }
#define FOUR_HANDLERS(plural) \
    READ_HANDLERS(plural) \
    static int plural##_create(struct kn_request *req, struct kn_response *res, struct kn_error *err) \
    { \
        return kn_rest_create(&kn_network_##plural, req, res, err); \
    } \
    static int plural##_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err) \
    { \
        (void)res; \
        return kn_rest_delete(&kn_network_##plural, req, req->params[0], err); \
    }
#define HANDLERS(plural) \
    FOUR_HANDLERS(plural) \
    static int plural##_update(struct kn_request *req, struct kn_response *res, struct kn_error *err) \
    { \
        return kn_rest_update(&kn_network_##plural, req, req->params[0], res, err); \
    }
HANDLERS(networks)
HANDLERS(subnets)
HANDLERS(ports)
HANDLERS(subnetpools)
HANDLERS(address_scopes)
TAGS(networks)
TAGS(subnets)
TAGS(ports)
HANDLERS(security_groups)
FOUR_HANDLERS(security_group_rules)
FOUR_HANDLERS(default_security_group_rules)
HANDLERS(address_groups)
HANDLERS(policies)
HANDLERS(rbac_policies)
TAGS(security_groups)
TAGS(policies)
HANDLERS(routers)
HANDLERS(floatingips)
TAGS(routers)
TAGS(floatingips)
TAGS(subnetpools)

READ_HANDLERS(ip_availabilities)
READ_HANDLERS(agents)
READ_HANDLERS(segments)
LIST_HANDLER(zones)
LIST_HANDLER(service_providers)

/* What those hear whom the rules of changes refuse; ONE: of the rule of GET. */
#define REFUSAL(plural, ONE) \
    static int plural##_refuse(struct kn_request *req, struct kn_response *res, struct kn_error *err) \
    { \
        (void)res; \
        return kn_rest_refuse(&kn_network_##plural, req, KN_NEUTRON_GET_##ONE, err); \
    }
#define REFUSAL_OF_ACTS(plural, ONE) \
    static int plural##_refuse_act(struct kn_request *req, struct kn_response *res, struct kn_error *err) \
    { \
        (void)res; \
        return kn_rest_refuse_act(&kn_network_##plural, req, KN_NEUTRON_GET_##ONE, err); \
    }
#define REFUSAL_OF_PARTS(whole, part, ONE) \
    static int part##_refuse(struct kn_request *req, struct kn_response *res, struct kn_error *err) \
    { \
        (void)res; \
        return kn_rest_refuse_part(&kn_network_##whole, &kn_network_##part, req, KN_NEUTRON_GET_##ONE, err); \
    }
REFUSAL(networks, NETWORK)
REFUSAL(subnets, SUBNET)
REFUSAL(ports, PORT)
REFUSAL(security_groups, SECURITY_GROUP)
REFUSAL(security_group_rules, SECURITY_GROUP_RULE)
REFUSAL(default_security_group_rules, DEFAULT_GROUP_RULE)
REFUSAL(address_groups, ADDRESS_GROUP)
REFUSAL(rbac_policies, RBAC_POLICY)
REFUSAL(policies, QOS_POLICY)
REFUSAL(routers, ROUTER)
REFUSAL(floatingips, FLOATINGIP)
REFUSAL(subnetpools, SUBNETPOOL)
REFUSAL(address_scopes, ADDRESS_SCOPE)
REFUSAL(agents, AGENT)
REFUSAL_OF_ACTS(networks, NETWORK)
REFUSAL_OF_ACTS(subnets, SUBNET)
REFUSAL_OF_ACTS(ports, PORT)
REFUSAL_OF_ACTS(security_groups, SECURITY_GROUP)
REFUSAL_OF_ACTS(address_groups, ADDRESS_GROUP)
REFUSAL_OF_ACTS(policies, QOS_POLICY)
REFUSAL_OF_ACTS(routers, ROUTER)
REFUSAL_OF_ACTS(floatingips, FLOATINGIP)
REFUSAL_OF_ACTS(subnetpools, SUBNETPOOL)
REFUSAL_OF_ACTS(segments, SEGMENT)
REFUSAL_OF_PARTS(policies, bandwidth_limit_rules, QOS_POLICY)
REFUSAL_OF_PARTS(policies, dscp_marking_rules, QOS_POLICY)
REFUSAL_OF_PARTS(floatingips, port_forwardings, FORWARDING)

#define ROUTE_BUT(m, p, r, s, h, other) \
    { \
        .method = m, .path = p, .rule = KN_NEUTRON_##r, .status = s, .handle = h, .refuses = other \
    }
#define ROUTE(m, p, r, s, h) ROUTE_BUT(m, p, r, s, h, NULL)
/* GET and POST of the collection, GET and DELETE of one of it; and PUT. */
#define FIXED(path, plural, ONE) \
    ROUTE("GET", "/v2.0/" path, GET_##ONE, 200, plural##_list), \
        ROUTE_BUT("POST", "/v2.0/" path, CREATE_##ONE, 201, plural##_create, plural##_refuse), \
        ROUTE("GET", "/v2.0/" path "/{id}", GET_##ONE, 200, plural##_show), \
        ROUTE_BUT("DELETE", "/v2.0/" path "/{id}", DELETE_##ONE, 204, plural##_delete, plural##_refuse)
#define NOUN_AT(path, plural, ONE) \
    FIXED(path, plural, ONE), \
        ROUTE_BUT("PUT", "/v2.0/" path "/{id}", UPDATE_##ONE, 200, plural##_update, plural##_refuse)
#define NOUN(plural, ONE) NOUN_AT(#plural, plural, ONE)

/* The same of a rule below its QoS policy. */
#define BELOW_POLICY(kind, ONE) \
    ROUTE("GET", "/v2.0/qos/policies/{id}/" #kind "_rules", GET_##ONE, 200, kn_network_qos_##kind##_list), \
        ROUTE_BUT("POST", "/v2.0/qos/policies/{id}/" #kind "_rules", CREATE_##ONE, 201, \
                  kn_network_qos_##kind##_create, kind##_rules_refuse), \
        ROUTE("GET", "/v2.0/qos/policies/{id}/" #kind "_rules/{rule}", GET_##ONE, 200, kn_network_qos_##kind##_show), \
        ROUTE_BUT("PUT", "/v2.0/qos/policies/{id}/" #kind "_rules/{rule}", UPDATE_##ONE, 200, \
                  kn_network_qos_##kind##_update, kind##_rules_refuse), \
        ROUTE_BUT("DELETE", "/v2.0/qos/policies/{id}/" #kind "_rules/{rule}", DELETE_##ONE, 204, \
                  kn_network_qos_##kind##_delete, kind##_rules_refuse)
#define REFUSED_BELOW_POLICY(kind, ONE) \
    ROUTE("POST", "/v2.0/qos/policies/{id}/" #kind "_rules", CREATE_##ONE, 201, kn_network_qos_refuse)

static const struct kn_route ROUTES[] = {
    NOUN(networks, NETWORK),
    TAG_ROUTES(networks, "networks", NETWORK),
    NOUN(subnets, SUBNET),
    TAG_ROUTES(subnets, "subnets", SUBNET),
    NOUN(ports, PORT),
    TAG_ROUTES(ports, "ports", PORT),
    ROUTE("GET", "/v2.0/ports/{id}/trace", GET_PORT_TRACE, 200, kn_network_port_trace),
    NOUN_AT("security-groups", security_groups, SECURITY_GROUP),
    TAG_ROUTES(security_groups, "security-groups", SECURITY_GROUP),
    FIXED("security-group-rules", security_group_rules, SECURITY_GROUP_RULE),
    FIXED("default-security-group-rules", default_security_group_rules, DEFAULT_GROUP_RULE),
    NOUN_AT("address-groups", address_groups, ADDRESS_GROUP),
    ROUTE_BUT("PUT", "/v2.0/address-groups/{id}/add_addresses", UPDATE_ADDRESS_GROUP, 200, kn_network_address_group_add,
              address_groups_refuse_act),
    ROUTE_BUT("PUT", "/v2.0/address-groups/{id}/remove_addresses", UPDATE_ADDRESS_GROUP, 200,
              kn_network_address_group_remove, address_groups_refuse_act),
    NOUN_AT("rbac-policies", rbac_policies, RBAC_POLICY),
    NOUN_AT("qos/policies", policies, QOS_POLICY),
    TAG_ROUTES(policies, "policies", QOS_POLICY),
    BELOW_POLICY(bandwidth_limit, QOS_LIMIT),
    BELOW_POLICY(dscp_marking, QOS_MARK),
    REFUSED_BELOW_POLICY(minimum_bandwidth, QOS_MIN_BANDWIDTH),
    REFUSED_BELOW_POLICY(packet_rate_limit, QOS_PACKET_LIMIT),
    REFUSED_BELOW_POLICY(minimum_packet_rate, QOS_MIN_PACKETS),
    ROUTE("GET", "/v2.0/qos/rule-types", QOS_TYPES, 200, kn_network_qos_types_list),
    ROUTE("GET", "/v2.0/qos/rule-types/{type}", QOS_TYPE_DETAILS, 200, kn_network_qos_types_show),
    NOUN(routers, ROUTER),
    TAG_ROUTES(routers, "routers", ROUTER),
    ROUTE_BUT("PUT", "/v2.0/routers/{id}/add_router_interface", ADD_ROUTER_INTERFACE, 200, kn_network_routers_add_leg,
              routers_refuse_act),
    ROUTE_BUT("PUT", "/v2.0/routers/{id}/remove_router_interface", REMOVE_ROUTER_INTERFACE, 200,
              kn_network_routers_remove_leg, routers_refuse_act),
    ROUTE_BUT("PUT", "/v2.0/routers/{id}/add_extraroutes", ADD_EXTRAROUTES, 200, kn_network_routers_add_routes,
              routers_refuse_act),
    ROUTE_BUT("PUT", "/v2.0/routers/{id}/remove_extraroutes", REMOVE_EXTRAROUTES, 200, kn_network_routers_remove_routes,
              routers_refuse_act),
    NOUN(floatingips, FLOATINGIP),
    TAG_ROUTES(floatingips, "floatingips", FLOATINGIP),
    ROUTE("GET", "/v2.0/floatingips/{id}/port_forwardings", GET_FORWARDING, 200, kn_network_forwardings_list),
    ROUTE_BUT("POST", "/v2.0/floatingips/{id}/port_forwardings", CREATE_FORWARDING, 201, kn_network_forwardings_create,
              port_forwardings_refuse),
    ROUTE("GET", "/v2.0/floatingips/{id}/port_forwardings/{forwarding}", GET_FORWARDING, 200,
          kn_network_forwardings_show),
    ROUTE_BUT("PUT", "/v2.0/floatingips/{id}/port_forwardings/{forwarding}", UPDATE_FORWARDING, 200,
              kn_network_forwardings_update, port_forwardings_refuse),
    ROUTE_BUT("DELETE", "/v2.0/floatingips/{id}/port_forwardings/{forwarding}", DELETE_FORWARDING, 204,
              kn_network_forwardings_delete, port_forwardings_refuse),
    NOUN(subnetpools, SUBNETPOOL),
    TAG_ROUTES(subnetpools, "subnetpools", SUBNETPOOL),
    ROUTE_BUT("PUT", "/v2.0/subnetpools/{id}/add_prefixes", ADD_PREFIXES, 200, kn_network_pool_add_prefixes,
              subnetpools_refuse_act),
    ROUTE_BUT("PUT", "/v2.0/subnetpools/{id}/remove_prefixes", REMOVE_PREFIXES, 200, kn_network_pool_remove_prefixes,
              subnetpools_refuse_act),
    ROUTE_BUT("PUT", "/v2.0/subnetpools/{id}/onboard_network_subnets", ONBOARD_SUBNETS, 200, kn_network_pool_onboard,
              subnetpools_refuse_act),
    ROUTE("GET", "/v2.0/address-scopes", GET_ADDRESS_SCOPE, 200, address_scopes_list),
    ROUTE_BUT("POST", "/v2.0/address-scopes", CREATE_ADDRESS_SCOPE, 201, address_scopes_create, address_scopes_refuse),
    ROUTE("GET", "/v2.0/address-scopes/{id}", GET_ADDRESS_SCOPE, 200, address_scopes_show),
    ROUTE_BUT("PUT", "/v2.0/address-scopes/{id}", UPDATE_ADDRESS_SCOPE, 200, address_scopes_update,
              address_scopes_refuse),
    ROUTE_BUT("DELETE", "/v2.0/address-scopes/{id}", DELETE_ADDRESS_SCOPE, 204, address_scopes_delete,
              address_scopes_refuse),
    ROUTE("GET", "/v2.0/network-ip-availabilities", GET_IP_AVAILABILITY, 200, ip_availabilities_list),
    ROUTE("GET", "/v2.0/network-ip-availabilities/{id}", GET_IP_AVAILABILITY, 200, ip_availabilities_show),
    ROUTE("GET", "/v2.0/extensions", EXTENSIONS, 200, kn_network_neutron_extensions_list),
    ROUTE("GET", "/v2.0/extensions/{alias}", EXTENSIONS, 200, kn_network_neutron_extensions_show),
    ROUTE("GET", "/v2.0/availability_zones", ZONES, 200, zones_list),
    ROUTE("GET", "/v2.0/agents", GET_AGENT, 200, agents_list),
    ROUTE("GET", "/v2.0/agents/{id}", GET_AGENT, 200, agents_show),
    ROUTE_BUT("PUT", "/v2.0/agents/{id}", UPDATE_AGENT, 200, kn_network_agents_update, agents_refuse),
    ROUTE_BUT("DELETE", "/v2.0/agents/{id}", DELETE_AGENT, 204, kn_network_agents_delete, agents_refuse),
    ROUTE("GET", "/v2.0/agents/{id}/dhcp-networks", GET_DHCP_NETWORKS, 200, kn_network_networks_of_agent),
    ROUTE("POST", "/v2.0/agents/{id}/dhcp-networks", CREATE_DHCP_NETWORK, 201, kn_network_agents_refuse),
    ROUTE("DELETE", "/v2.0/agents/{id}/dhcp-networks/{network}", DELETE_DHCP_NETWORK, 204, kn_network_agents_refuse),
    ROUTE("GET", "/v2.0/agents/{id}/l3-routers", GET_L3_ROUTERS, 200, kn_network_routers_of_agent),
    ROUTE("POST", "/v2.0/agents/{id}/l3-routers", CREATE_L3_ROUTER, 201, kn_network_agents_refuse),
    ROUTE("DELETE", "/v2.0/agents/{id}/l3-routers/{router}", DELETE_L3_ROUTER, 204, kn_network_agents_refuse),
    ROUTE("GET", "/v2.0/networks/{id}/dhcp-agents", GET_DHCP_AGENTS, 200, kn_network_agents_of_network),
    ROUTE("GET", "/v2.0/routers/{id}/l3-agents", GET_L3_AGENTS, 200, kn_network_agents_of_router),
    ROUTE("GET", "/v2.0/auto-allocated-topology/{project}", GET_TOPOLOGY, 200, kn_network_topology_show),
    ROUTE("DELETE", "/v2.0/auto-allocated-topology/{project}", DELETE_TOPOLOGY, 204, kn_network_topology_delete),
    ROUTE("GET", "/v2.0/segments", GET_SEGMENT, 200, segments_list),
    ROUTE("GET", "/v2.0/segments/{id}", GET_SEGMENT, 200, segments_show),
    ROUTE("POST", "/v2.0/segments", CREATE_SEGMENT, 201, kn_network_segments_refuse),
    ROUTE_BUT("PUT", "/v2.0/segments/{id}", UPDATE_SEGMENT, 200, kn_network_segments_refuse, segments_refuse_act),
    ROUTE_BUT("DELETE", "/v2.0/segments/{id}", DELETE_SEGMENT, 204, kn_network_segments_refuse, segments_refuse_act),
    ROUTE("GET", "/v2.0/service-providers", GET_SERVICE_PROVIDER, 200, service_providers_list),
    ROUTE("GET", "/v2.0/quotas", QUOTAS, 200, kn_network_quotas_list),
    ROUTE("GET", "/v2.0/quotas/tenant", QUOTA_TENANT, 200, kn_network_quotas_tenant),
    ROUTE("GET", "/v2.0/quotas/{project}", GET_QUOTA, 200, kn_network_quotas_show),
    ROUTE("PUT", "/v2.0/quotas/{project}", UPDATE_QUOTA, 200, kn_network_quotas_update),
    ROUTE("DELETE", "/v2.0/quotas/{project}", DELETE_QUOTA, 204, kn_network_quotas_delete),
    ROUTE("GET", "/v2.0/quotas/{project}/default", GET_QUOTA, 200, kn_network_quotas_default),
    ROUTE("GET", "/v2.0/quotas/{project}/details", GET_QUOTA, 200, kn_network_quotas_details),
    { .method = NULL },
};

/* Neutron's, by its own and its usual extensions. */
static const struct kn_unbuilt UNBUILT[] = {
    { "/v2.0/routers/{id}/conntrack_helpers", "conntrack helpers" },
    { "/v2.0/routers/{id}/add_external_gateways", "routers with several gateways" },
    { "/v2.0/routers/{id}/update_external_gateways", "routers with several gateways" },
    { "/v2.0/routers/{id}/remove_external_gateways", "routers with several gateways" },
    { "/v2.0/floatingip_pools", "floating IP pools" },
    { "/v2.0/trunks", "trunks" },
    { "/v2.0/qos/alias-bandwidth-limit-rules", "aliases of QoS rules" },
    { "/v2.0/qos/alias-dscp-marking-rules", "aliases of QoS rules" },
    { "/v2.0/security-groups-default-statefulness", "default statefulness of security groups" },
    { "/v2.0/network_segment_ranges", "segment ranges" },
    { "/v2.0/metering", "metering labels" },
    { "/v2.0/flavors", "network flavors" },
    { "/v2.0/service_profiles", "service profiles" },
    { "/v2.0/local_ips", "local IPs" },
    { "/v2.0/ndp_proxies", "NDP proxies" },
    { "/v2.0/bgp-speakers", "BGP speakers" },
    { "/v2.0/bgp-peers", "BGP peers" },
    { "/v2.0/bgpvpn", "BGP VPNs" },
    { "/v2.0/vpn", "VPNs" },
    { "/v2.0/fwaas", "firewalls" },
    { "/v2.0/lbaas", "load balancers" },
    { "/v2.0/log", "packet logs" },
    { "/v2.0/taas", "taps" },
    { "/v2.0/sfc", "service chains" },
    { "/v2.0/loggable-resources", "packet logs" },
    { "/v2.0/log/logs", "packet logs" },
    { "/v2.0/ports/{id}/bindings", "port bindings" },
    { "/v2.0/ports/{id}/add_allowed_address_pairs", "allowed address pairs" },
    { NULL, NULL },
};

/* Clients send something with a tag: an object, or an object as a text. */
static bool routes_ignores_body(const struct kn_route *route)
{
    const char *last = strrchr(route->path, '/');

    return strcmp(last, "/{tag}") == 0;
}

const struct kn_api kn_network_api = {
    .name = "network",
    .prefix = "/network",
    .dialect = KN_DIALECT_NEUTRON,
    .major = 2,
    .json_suffix = true,
    .ignores_body = routes_ignores_body,
    .routes = ROUTES,
    .unbuilt = UNBUILT,
};
