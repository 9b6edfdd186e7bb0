/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule_plan: what the body of a security group's rule, or of a template of one, means, in Neutron's order of checks and with its words: protocols by name
 * and number, ranges of ports, types and codes of ICMP, prefixes. Pure: whether the groups that it names exist is its callers' to find out.
 */
#ifndef KN_NETWORK_ROWS_GROUPS_RULE_PLAN_H
#define KN_NETWORK_ROWS_GROUPS_RULE_PLAN_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/base/ip.h"

/*
 * Lays out the object as rows and hosts know it, in place: all of protocol, number (IP's, of the protocol), port_range_min, port_range_max, ethertype and
 * remote_ip_prefix are there afterwards, null where nothing is meant. KN_BAD_REQUEST.
 */
int kn_network_rule_plan(json_t *object, struct kn_error *err);
/* The number of a protocol that was laid out; -1: any. */
int kn_network_rule_number(const char *protocol);
/* "10.0.0.7/24" or an address, as Neutron writes it; NULL: none. false: it is no prefix. */
bool kn_network_rule_prefix(const char *text, char out[KN_IP_PREFIX_SIZE]);

#endif
