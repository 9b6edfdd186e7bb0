/* SPDX-License-Identifier: Apache-2.0 */
/*
 * routers: routers, the addresses that they lend and the ports that they forward. A router's legs are ports of its own: network:router_interface in the
 * project's networks, network:router_gateway in the external one. Where it lives is a lease (network/serve/leases.h); its legs are bound there.
 */
#ifndef KN_NETWORK_ROWS_L3_ROUTERS_H
#define KN_NETWORK_ROWS_L3_ROUTERS_H

#include "lib/adapter/quota.h"
#include "lib/base/ip.h"
#include "lib/base/uuid.h"
#include "lib/rest/noun.h"

#define KN_ROUTER_LEG "network:router_interface"
#define KN_ROUTER_GATEWAY "network:router_gateway"
#define KN_FLOATING_PORT "network:floatingip"

/* SQL: does it stand where it is, on a host that lives (network/serve/standing.h)? */
#define KN_ROUTER_STANDS(r) \
    "EXISTS (SELECT 1 FROM router_stand rs JOIN network_host rh ON rh.host = rs.host WHERE rs.router_id = " r \
    ".id AND rs.host = " r ".host AND rs.lease = " r ".lease AND rs.why = '' AND rh.until > now())"
/*
 * SQL, and what it means to the operator: ACTIVE: it does what it is for (without a leg, nothing). BUILD: it gets its host, or was changed just now. ERROR: its host lives and says why
 * it cannot. DOWN: its host is silent, or nobody can have it, or it is switched off.
 */
#define KN_ROUTER_STATUS(r) \
    "(CASE WHEN NOT EXISTS (SELECT 1 FROM port rp WHERE rp.device_id = " r \
    ".id::text AND rp.device_owner IN ('network:router_interface'," \
    " 'network:router_gateway')) THEN 'ACTIVE' WHEN NOT " r ".admin_state_up THEN 'DOWN' WHEN " KN_ROUTER_STANDS( \
        r) " THEN 'ACTIVE'" \
           " WHEN EXISTS (SELECT 1 FROM router_stand rs JOIN network_host rh ON rh.host = rs.host WHERE rs.router_id = " r \
           ".id AND rs.host = " r ".host AND rs.why <> '' AND rh.until > now()) THEN 'ERROR'" \
           " WHEN greatest(" r ".updated_at, " r ".leased_at) > now() - interval '30 s' THEN 'BUILD' ELSE 'DOWN' END)"
/*
 * The same in the words that Neutron has for routers, of which clients know no others: one is ACTIVE from the start, also switched off, until it is known
 * that it does not do what it is for. (ALLOCATING, the third, is of routers on several hosts; who waits for ACTIVE gives up when he sees it.)
 */
#define KN_ROUTER_SHOWN(r) \
    "(CASE " KN_ROUTER_STATUS(r) " WHEN 'ERROR' THEN 'ERROR' WHEN 'DOWN' THEN CASE WHEN " r \
                                 ".admin_state_up THEN 'ERROR' ELSE 'ACTIVE' END ELSE 'ACTIVE' END)"

extern const struct kn_rest_noun kn_network_routers;
extern const struct kn_rest_noun kn_network_floatingips;
extern const struct kn_rest_noun kn_network_port_forwardings;

/* Handlers of routes: what a router does beside being changed, and what is below a floating IP. */
kn_handler kn_network_routers_add_leg, kn_network_routers_remove_leg, kn_network_routers_add_routes,
    kn_network_routers_remove_routes;
kn_handler kn_network_forwardings_list, kn_network_forwardings_show, kn_network_forwardings_create,
    kn_network_forwardings_update, kn_network_forwardings_delete;

/* --- router_ports.c: ports that are the cloud's own --- */

struct kn_network_router_port {
    const char *network, *project, *device, *owner; /* project "": nobody's */
    const json_t *fixed_ips; /* [{subnet_id, ip_address}], borrowed; NULL: as the network gives them */
};
/* In the transaction of what it is for; bound where the device, a router, is. Counts the port in its project's quota. ret_id: its new id. */
int kn_network_router_port_make(struct kn_request *req, const struct kn_network_router_port *port,
                                char ret_id[KN_UUID_SIZE], struct kn_error *err);
/* Gives it up; what is written of its end is for hosts. */
int kn_network_router_port_end(struct kn_request *req, const char *id, struct kn_error *err);
/* The router is told to its host, with its gateway: peers know the addresses that it lends by that. NULL and "" are nobody. */
int kn_network_router_changed(struct kn_db *db, const char *id, struct kn_error *err);
/* Holds the router until the transaction ends. */
int kn_network_router_hold(struct kn_db *db, const char *id, struct kn_error *err);

/* --- router_of_port.c: what the ports' noun asks --- */
/* What routers and floating addresses have of a port that is made (is_there false), changed, or ends (object NULL); who is concerned is told. */
int kn_network_router_of_port(struct kn_request *req, const char *id, bool is_there, const json_t *object,
                              struct kn_error *err);
/* KN_BAD_REQUEST: a floating address stands for one that the port has not any more. */
int kn_network_router_check_kept(struct kn_request *req, const char *id, struct kn_error *err);

/* --- router_legs.c --- */
/* A leg in a subnet, in the caller's transaction, who takes the claims, if it is a port more, and tells behind the commit. */
int kn_network_router_add_subnet(struct kn_request *req, const char *router, const char *subnet,
                                 struct kn_quota_claims *claims, struct kn_error *err);

/* --- router_gateway.c --- */
/* external_gateway_info of a body, for a router that is there and held: made, changed, taken away. */
int kn_network_router_set_gateway(struct kn_request *req, const char *id, const json_t *info, struct kn_error *err);
/* KN_BAD_REQUEST unless every next hop can be reached and is not the router itself. */
int kn_network_router_check_routes(struct kn_request *req, const char *id, const json_t *routes, struct kn_error *err);
/* KN_BAD_REQUEST if the router has the subnet, or one that overlaps it. */
int kn_network_router_check_overlap(struct kn_request *req, const char *id, const char *subnet, struct kn_error *err);
/* "Bad <what> request: …." Returns -1. */
int kn_network_bad(struct kn_error *err, const char *what, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* --- floating_reach.c: which router leads from a port outside --- */

struct kn_network_reach {
    char ip[64], subnet[KN_UUID_SIZE], router[KN_UUID_SIZE];
};
/* fixed_ip NULL: the port's only IPv4 address. Refused in Neutron's words; project: whose the floating address is. */
int kn_network_reach(struct kn_request *req, const char *port, const char *fixed_ip, const char *project,
                     const char *network, struct kn_network_reach *ret, struct kn_error *err);

#endif
