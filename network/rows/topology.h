/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topology: the networks that a batch works on, with their subnets, what is free in them and their DHCP port, read in one
 * statement. Belongs to one transaction: drawn addresses are only promises until network/rows/plan.h has written them.
 */
#ifndef KN_NETWORK_ROWS_TOPOLOGY_H
#define KN_NETWORK_ROWS_TOPOLOGY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/adapter/db.h"
#include "lib/base/hmap.h"
#include "lib/base/uuid.h"
#include "network/address/ipam.h"
#include "network/rows/macs.h"

struct kn_network_subnet_view {
    char id[KN_UUID_SIZE];
    uint32_t base;
    int prefix;
    char gateway[KN_IPV4_SIZE]; /* "" if none */
    bool dhcp;
    char dhcp_ip[KN_IPV4_SIZE]; /* of the network's DHCP port in this subnet, "" if it has none yet */
    json_t *dns;                /* ["8.8.8.8"] */
    json_t *routes;             /* [{destination, nexthop}] */
    struct kn_network_ipam ipam;
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
 * Reads the networks of an array of ids; those that do not exist are simply absent. lock: addresses will be drawn, so take
 * the subnets' row locks first, in the order of their ids.
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
struct kn_network_subnet_view *kn_network_view_subnet_of(const struct kn_network_view *network, uint32_t ip);

bool kn_network_subnet_view_holds(const struct kn_network_subnet_view *subnet,
                                  uint32_t ip); /* a host's address there: not the net, not the broadcast */
/* The next free address; *ret_found is false when the subnet is full. */
int kn_network_subnet_view_draw(struct kn_db *db, struct kn_network_subnet_view *subnet, bool *ret_found,
                                uint32_t *ret_ip, struct kn_error *err);
/* A named address: KN_BAD_REQUEST if it is not in the subnet, KN_CONFLICT if it is taken. */
int kn_network_subnet_view_take(struct kn_db *db, struct kn_network_subnet_view *subnet, uint32_t ip,
                                struct kn_error *err);
/* One address of the network, from the first subnet that has one; KN_CONFLICT in Neutron's words when all are full. */
int kn_network_view_draw(struct kn_db *db, struct kn_network_view *network, struct kn_network_subnet_view **ret_subnet,
                         uint32_t *ret_ip, struct kn_error *err);

/* [{start, end}] as ranges; false if any entry is not one. *ret is an array of *ret_count, to be freed. */
bool kn_network_pools_parse(const json_t *pools, struct kn_network_ipam_range **ret, size_t *ret_count);

#endif
