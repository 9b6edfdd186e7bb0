/* SPDX-License-Identifier: Apache-2.0 */
/* mac: hardware addresses as text ("fa:16:3e:00:00:01"; clients have other ways to write them, too) and as six bytes. Pure. */
#ifndef KN_NETWORK_ADDRESS_MAC_H
#define KN_NETWORK_ADDRESS_MAC_H

#include <stdbool.h>
#include <stdint.h>

#define KN_MAC_TEXT 18

/* Of the door to metadata where a network has no DHCP; on every host, and no port's. */
extern const uint8_t KN_DOOR_MAC[6];

/* Six pairs of hex digits behind colons, as this house writes them; not multicast, not zero. */
bool kn_network_mac_parse(const char *text, uint8_t out[6]);
/* The same of whatever clients of Neutron write (netaddr's spellings): colons, hyphens or dots, fewer groups or none, no zeros in front. */
bool kn_network_mac_read(const char *text, uint8_t out[6]);
void kn_network_mac_text(const uint8_t mac[6], char out[KN_MAC_TEXT]);

#endif
