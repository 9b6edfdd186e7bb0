/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subnet_plan: what a subnet's body means: its range, gateway, pools, name servers and routes, checked against each other in Neutron's
 * words. Pure.
 */
#ifndef KN_NETWORK_ROWS_SUBNET_PLAN_H
#define KN_NETWORK_ROWS_SUBNET_PLAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "network/address/ipam.h"

struct kn_network_subnet_plan {
    uint32_t base;
    int prefix;
    bool dhcp;
    uint32_t gateway;             /* 0: none */
    struct kn_network_ipam_range *pools;  /* heap */
    size_t pool_count;
};

void kn_network_subnet_plan_release(struct kn_network_subnet_plan *plan);
/* "10.0.0.0/24", with no bits behind the prefix. */
int kn_network_subnet_plan_cidr(const char *text, uint32_t *ret_base, int *ret_prefix, struct kn_error *err);
/* The checked object of a POST. */
int kn_network_subnet_plan_create(const json_t *object, struct kn_network_subnet_plan *ret, struct kn_error *err);
/* The checked object of a PUT on top of what there is (*plan, changed only on success). */
int kn_network_subnet_plan_update(const json_t *object, struct kn_network_subnet_plan *plan, struct kn_error *err);
/* dns_nameservers and host_routes of a body, if it has them. */
int kn_network_subnet_plan_lists(const json_t *object, struct kn_error *err);
/* Writes what was decided into the body's copy, as the row will hold it: pools, gateway, DHCP; null lists are empty ones. */
void kn_network_subnet_plan_say(const struct kn_network_subnet_plan *plan, json_t *object);

#endif
