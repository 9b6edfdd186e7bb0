/* SPDX-License-Identifier: Apache-2.0 */
/*
 * draw: addresses for ports, out of the subnets of a topology that was loaded with its locks. What is drawn is held against everybody else until the
 * transaction ends; it is the port's once network/rows/ports/plan.h wrote it.
 *
 * Where addresses come from is the table address_ready: first those that nobody had yet, upwards, then those that were released, oldest first. Where
 * more than KN_READY_FREED of the latter wait they go first, so that the table stays small on a /64, too. Many draw from one subnet at the same time:
 * each passes over what another one holds.
 */
#ifndef KN_NETWORK_ROWS_PORTS_DRAW_H
#define KN_NETWORK_ROWS_PORTS_DRAW_H

#include "network/rows/ports/topology.h"

#define KN_READY_FREED 1024

/* The addresses of one port. */
struct kn_network_draw {
    struct kn_network_draw_item {
        struct kn_network_subnet_view *subnet;
        struct kn_ip ip;
        bool is_kept; /* the port has it already */
    } *items;
    size_t count;
};
#define KN_NETWORK_DRAW_INIT \
    { \
        NULL, 0 \
    }

void kn_network_draw_release(struct kn_network_draw *draw);
void kn_network_draw_add(struct kn_network_draw *draw, struct kn_network_subnet_view *subnet, const struct kn_ip *ip);
/* Has it one on that subnet already? */
bool kn_network_draw_has(const struct kn_network_draw *draw, const struct kn_network_subnet_view *subnet);

/* The next free address; *ret_found is false when the subnet is full. */
int kn_network_subnet_view_draw(struct kn_db *db, struct kn_network_subnet_view *subnet, bool *ret_found,
                                struct kn_ip *ret_ip, struct kn_error *err);
/* A named address: KN_BAD_REQUEST if it is not in the subnet, KN_CONFLICT if it is taken. */
int kn_network_subnet_view_take(struct kn_db *db, struct kn_network_subnet_view *subnet, const struct kn_ip *ip,
                                struct kn_error *err);
/* Where guests make their addresses themselves a port's can only be the one that its MAC makes, except for a router's: KN_BAD_REQUEST. */
int kn_network_subnet_view_admits(const struct kn_network_subnet_view *subnet, const struct kn_ip *ip,
                                  const char *device_owner, const char *mac, struct kn_error *err);
/* Takes a named address for a port, if it admits it. */
int kn_network_subnet_view_take_for(struct kn_db *db, struct kn_network_subnet_view *subnet, const struct kn_ip *ip,
                                    const char *device_owner, const char *mac, struct kn_error *err);
/* Is the subnet for ports of this owner ("" is everybody's)? */
bool kn_network_subnet_view_serves(const struct kn_network_subnet_view *subnet, const char *device_owner);
/* Has the network a subnet for ports of this owner, or none at all? KN_CONFLICT in Neutron's words. */
int kn_network_view_check_serves(const struct kn_network_view *network, const char *device_owner, struct kn_error *err);
/*
 * What a port has of which nobody said anything: one address of each family from the first subnet that has one, and on every subnet where guests make
 * their own the one that its MAC makes. KN_CONFLICT in Neutron's words when the subnets of a family are full.
 */
int kn_network_view_draw(struct kn_db *db, struct kn_network_view *network, const char *device_owner, const char *mac,
                         struct kn_network_draw *draw, struct kn_error *err);
/* The last of these alone: on those subnets where the draw has none yet. A router's interface has none. */
void kn_network_view_draw_auto(struct kn_network_view *network, const char *device_owner, const char *mac,
                               struct kn_network_draw *draw);

#endif
