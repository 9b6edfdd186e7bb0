/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dhcp: the files that dnsmasq reads for one network on one host: DHCP of both families, router advertisements, names. Pure: what the state says in, text out.
 * Every value is a number, an address, a uuid, a checked label or text of checked characters (network/host/state/object.c), so nothing that a user wrote can open a line
 * of its own (CVE-2021-40085).
 */
#ifndef KN_NETWORK_HOST_DHCP_DHCP_H
#define KN_NETWORK_HOST_DHCP_DHCP_H

#include <stddef.h>

#include "lib/base/strbuf.h"
#include "network/host/network.h"

#define KN_HOST_DHCP_IFACE "dhcp" /* the namespace's end of the veth */

/* Read once, at start: where everything is and which subnets are served. dir: checked by kn_network_host_dhcp_dir_ok. */
void kn_network_host_dhcp_conf(const struct kn_network_host_network *network, struct kn_strbuf *out);
/* Read again on SIGHUP: whose addresses are whose, the options of subnets and ports, and who is called what. */
void kn_network_host_dhcp_hosts(const struct kn_network_host_network *network, struct kn_strbuf *out);
void kn_network_host_dhcp_options(const struct kn_network_host_network *network, struct kn_strbuf *out);
void kn_network_host_dhcp_names(const struct kn_network_host_network *network, struct kn_strbuf *out);
/* The lines of a lease file that still belong to a port: an address never stays leased to a guest that is gone. */
void kn_network_host_dhcp_prune(const char *leases, const struct kn_network_host_network *network,
                                struct kn_strbuf *out);

/* Can the path stand in dnsmasq's configuration? Absolute; letters, digits and /._- only. */
bool kn_network_host_dhcp_dir_ok(const char *dir);

#endif
