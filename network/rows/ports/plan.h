/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan: the ports and addresses that a batch is about to write, and the one statement that writes them. The only place where ports and addresses
 * are inserted, for the bus and for HTTP alike.
 */
#ifndef KN_NETWORK_ROWS_PORTS_PLAN_H
#define KN_NETWORK_ROWS_PORTS_PLAN_H

#include <stdbool.h>

#include "lib/adapter/db.h"
#include "network/rows/ports/draw.h"
#include "network/rows/ports/topology.h"

struct kn_network_plan_port {
    const char *id;
    const char *network_id;
    const char *project_id;
    const char *name, *description; /* NULL = "" */
    const char *mac;
    const char *device_id, *device_owner; /* NULL = "" */
    const char *tag;                      /* NULL: none */
    int nic;                              /* -1: none */
    bool admin_state_up;
    bool made_for_server;
    enum {
        KN_PORT_AS_NETWORK,
        KN_PORT_SECURE,
        KN_PORT_INSECURE
    } security; /* port_security_enabled; a network:… port has none of itself */
    const char *pairs;  /* allowed_address_pairs as JSON; NULL = none */
};

enum kn_network_plan_column {
    KN_PLAN_ID,
    KN_PLAN_NETWORK,
    KN_PLAN_PROJECT,
    KN_PLAN_NAME,
    KN_PLAN_DESCRIPTION,
    KN_PLAN_MAC,
    KN_PLAN_DEVICE,
    KN_PLAN_OWNER,
    KN_PLAN_TAG,
    KN_PLAN_NIC,
    KN_PLAN_UP,
    KN_PLAN_MADE,
    KN_PLAN_ADDRESS_SUBNET,
    KN_PLAN_ADDRESS_IP,
    KN_PLAN_ADDRESS_PORT,
    KN_PLAN_SECURE,
    KN_PLAN_PAIRS,
    KN_PLAN_GROUP_PORT,
    KN_PLAN_GROUP,
    KN_PLAN_COLUMNS
};

struct kn_network_plan {
    struct kn_array columns[KN_PLAN_COLUMNS];
};

void kn_network_plan_init(struct kn_network_plan *plan);
void kn_network_plan_release(struct kn_network_plan *plan);
void kn_network_plan_port(struct kn_network_plan *plan, const struct kn_network_plan_port *port);
void kn_network_plan_address(struct kn_network_plan *plan, const char *port_id, const char *subnet_id,
                             const struct kn_ip *ip);
/* Those that the port has not yet. */
void kn_network_plan_addresses(struct kn_network_plan *plan, const char *port_id, const struct kn_network_draw *draw);
/* The port has the security group, if it has port security; the group is the caller's to know. */
void kn_network_plan_group(struct kn_network_plan *plan, const char *port_id, const char *group_id);
/*
 * Writes the ports and the addresses. KN_CONFLICT when a MAC or an address was taken meanwhile: roll back and plan again
 * (kn_network_plan_raced says so).
 */
int kn_network_plan_write(struct kn_db *db, struct kn_network_plan *plan, struct kn_error *err);
/* *ret_groups: a row (port, group) for each that the new ports have now; stays as it is when there was nothing to write. NULL: nobody asks. */
enum { KN_PLAN_ROW_PORT, KN_PLAN_ROW_GROUP };
int kn_network_plan_write_groups(struct kn_db *db, struct kn_network_plan *plan, struct kn_rows **ret_groups,
                                 struct kn_error *err);
/* Was the KN_CONFLICT of kn_network_plan_write a race that a new draw can win? */
bool kn_network_plan_raced(const struct kn_db *db);

/*
 * Gives the network's DHCP port an address on each subnet with DHCP that has none (makes the port if need be) and notes it in the
 * view and in the plan; where guests make their addresses themselves, so does it. A subnet too full for it stays without.
 */
int kn_network_plan_dhcp(struct kn_db *db, struct kn_network_plan *plan, struct kn_network_view *network,
                         struct kn_error *err);

#endif
