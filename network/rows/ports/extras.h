/* SPDX-License-Identifier: Apache-2.0 */
/*
 * extras: what a port has beyond its addresses and groups: its name in DNS, extra options of DHCP (extra_dhcp_opts) and what administrators pin to its
 * binding (binding:profile). Names and options reach dnsmasq's files on hosts (network/host/dhcp/dhcp.c): what is no name, no option that dnsmasq knows, or no
 * text that may stand there is refused here.
 *
 * A port without a dns_name of its own is called as the server that has it; one whose dns_name was taken away ("") has the name of its address alone.
 */
#ifndef KN_NETWORK_ROWS_PORTS_EXTRAS_H
#define KN_NETWORK_ROWS_PORTS_EXTRAS_H

#include "lib/rest/noun.h"

/* The domain of networks that have none; Neutron's. */
#define KN_NETWORK_DOMAIN "openstacklocal."

/* SQL: what the port p is called, "" if by nothing but its addresses; s is its server, if it has one. Of a server's qualified name the first label. */
#define KN_PORT_NAME(p, s) "coalesce(" p ".dns_name, split_part(lower(" s ".hostname), '.', 1), '')"

/* SQL: packets of the port p pass: it is switched on, and so is its network. */
#define KN_PORT_IS_UP(p) \
    "(" p ".admin_state_up AND (SELECT pn.admin_state_up FROM network pn WHERE pn.id = " p ".network_id))"

extern const struct kn_text_rule kn_network_dns_name, kn_network_dns_domain;
extern const struct kn_schema kn_network_dhcp_opts[];

/* Writes the text in lower case where it stands, if it is there. */
void kn_network_dns_lower(json_t *object, const char *name);
/* A POST's or PUT's body, before its transaction. */
int kn_network_extras_check(json_t *object, struct kn_error *err);
/* Of a new port, whose row is written. */
int kn_network_extras_new(struct kn_request *req, const char *id, const json_t *object, struct kn_error *err);
/* Of one that is there: puts into the object what its columns will be. */
int kn_network_extras_change(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                             struct kn_error *err);

#endif
