/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan: what a subnet's body means, of either family: its range, gateway, pools, IPv6 modes, name servers and routes, checked against each
 * other in Neutron's words. Pure.
 */
#ifndef KN_NETWORK_ROWS_SUBNETS_PLAN_H
#define KN_NETWORK_ROWS_SUBNETS_PLAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"
#include "network/address/ipam.h"

enum kn_network_mode { KN_MODE_NONE, KN_MODE_SLAAC, KN_MODE_STATELESS, KN_MODE_STATEFUL };

struct kn_network_subnet_plan {
    struct kn_ip_prefix cidr;
    bool dhcp;
    enum kn_network_mode ra_mode, address_mode; /* of IPv6 */
    struct kn_ip gateway;                       /* of no family: none */
    struct kn_network_ipam_range *pools;        /* heap */
    size_t pool_count;
};

void kn_network_subnet_plan_release(struct kn_network_subnet_plan *plan);
/* "10.0.0.77/24" is the range 10.0.0.0/24. */
int kn_network_subnet_plan_cidr(const char *text, struct kn_ip_prefix *ret_cidr, struct kn_error *err);
/* The checked object of a POST. */
int kn_network_subnet_plan_create(const json_t *object, struct kn_network_subnet_plan *ret, struct kn_error *err);
/* The checked object of a PUT on top of what there is (*plan, changed only on success). */
int kn_network_subnet_plan_update(const json_t *object, struct kn_network_subnet_plan *plan, struct kn_error *err);
/* Could a route lead there? It is a range as such, and none of every host's own. */
bool kn_network_is_destination(const struct kn_ip_prefix *prefix);
/* dns_nameservers and host_routes of a body for a subnet of this family, if it has them. */
int kn_network_subnet_plan_lists(const json_t *object, int family, struct kn_error *err);

/* `service_types` of a body, in Neutron's words; NULL and null say nothing. */
int kn_network_subnet_services(const json_t *list, struct kn_error *err);
/* Writes what was decided into the body's copy, as the row will hold it: range, pools, gateway, DHCP; null lists are empty ones. */
void kn_network_subnet_plan_say(const struct kn_network_subnet_plan *plan, json_t *object);

/* "slaac"; KN_MODE_NONE for NULL, "" and what is none. */
enum kn_network_mode kn_network_mode_of(const char *text);
/* Do guests make their addresses there themselves? */
bool kn_network_subnet_plan_is_auto(const struct kn_network_subnet_plan *plan);

#endif
