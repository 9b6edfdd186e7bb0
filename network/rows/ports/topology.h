/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topology: the networks that a batch works on, with their subnets and their DHCP port, read in one statement. Belongs to one transaction:
 * drawn addresses (network/rows/ports/draw.h) are only promises until network/rows/ports/plan.h has written them.
 */
#ifndef KN_NETWORK_ROWS_PORTS_TOPOLOGY_H
#define KN_NETWORK_ROWS_PORTS_TOPOLOGY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/adapter/db.h"
#include "lib/base/hmap.h"
#include "lib/base/uuid.h"
#include "network/address/ipam.h"
#include "network/rows/ports/macs.h"

struct kn_network_subnet_view {
    char id[KN_UUID_SIZE];
    struct kn_ip_prefix cidr;
    struct kn_ip gateway; /* of no family: none */
    bool dhcp;
    bool is_auto; /* IPv6: every port has the address that its MAC makes, and guests find it by themselves */
    struct kn_ip dhcp_ip; /* of the network's DHCP port in this subnet; of no family: it has none yet */
    json_t *dns;          /* ["8.8.8.8"] */
    json_t *routes;       /* [{destination, nexthop}] */
    json_t *service_types; /* ["compute:nova"]: for ports of these owners alone; [] for all */
    /* What draw.c knows. */
    struct kn_network_ipam ipam;
    struct kn_ip cursor;
    struct kn_ip *ready; /* drawn from address_ready, taken from `ready_at` on */
    size_t ready_count, ready_at;
    int ready_phase;
    char ready_last[KN_IP_SIZE]; /* the last fresh one that was read, or the freed one's number */
};

struct kn_network_view {
    char id[KN_UUID_SIZE];
    char project_id[65];
    char *name;
    int64_t mtu, vni;
    char dhcp_port[KN_UUID_SIZE]; /* "" if there is none yet */
    char dhcp_mac[KN_MAC_SIZE];
    struct kn_network_subnet_view *subnets; /* oldest first */
    int subnet_count;
    struct kn_network_macs *macs; /* the topology's */
};

struct kn_network_topology {
    struct kn_hmap *networks; /* id -> struct kn_network_view */
    struct kn_network_macs *macs;
};

/*
 * Reads the networks of an array of ids; those that do not exist are simply absent. lock: addresses will be drawn, so nobody shall change the
 * subnets meanwhile; others may draw from them, too.
 */
int kn_network_topology_load(struct kn_db *db, struct kn_array *network_ids, bool lock, struct kn_network_topology *ret,
                             struct kn_error *err);
void kn_network_topology_release(struct kn_network_topology *topology);
struct kn_network_view *kn_network_topology_network(const struct kn_network_topology *topology,
                                                    const char *id); /* NULL if absent */
struct kn_network_subnet_view *kn_network_view_subnet(const struct kn_network_view *network, const char *id);
/* Of a new port there. */
int kn_network_view_mac(struct kn_db *db, const struct kn_network_view *network, char ret_mac[KN_MAC_SIZE],
                        struct kn_error *err);
/* The subnet whose range holds the address; NULL if none. */
struct kn_network_subnet_view *kn_network_view_subnet_of(const struct kn_network_view *network, const struct kn_ip *ip);

/* Is it a host's address there: not the net's, and of IPv4 not the broadcast? */
bool kn_network_subnet_view_holds(const struct kn_network_subnet_view *subnet, const struct kn_ip *ip);

/* [{start, end}] as ranges; false if any entry is not one. *ret is an array of *ret_count, to be freed. */
bool kn_network_pools_parse(const json_t *pools, struct kn_network_ipam_range **ret, size_t *ret_count);

#endif
