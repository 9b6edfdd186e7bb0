/* SPDX-License-Identifier: Apache-2.0 */
/* dhcp_options: which options dnsmasq knows (dnsmasq --help dhcp, --help dhcp6), and what a value of each is: what is none, it drops without a word to anybody. Pure. */
#ifndef KN_NETWORK_ROWS_PORTS_DHCP_OPTIONS_H
#define KN_NETWORK_ROWS_PORTS_DHCP_OPTIONS_H

#include <stdbool.h>

/* By name or number; version: of IP, 4 or 6. */
bool kn_network_dhcp_option_known(const char *name, int version);
/* What a value of a known option has to be, if this one is not; NULL: it is fine. */
const char *kn_network_dhcp_option_wrong(const char *name, int version, const char *value);

#endif
