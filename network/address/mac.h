/* SPDX-License-Identifier: Apache-2.0 */
/* mac: hardware addresses as text ("fa:16:3e:00:00:01") and as six bytes. Pure. */
#ifndef KN_NETWORK_ADDRESS_MAC_H
#define KN_NETWORK_ADDRESS_MAC_H

#include <stdbool.h>
#include <stdint.h>

#define KN_MAC_TEXT 18

/* Of the door to metadata where a network has no DHCP; on every host, and no port's. */
extern const uint8_t KN_DOOR_MAC[6];

bool kn_network_mac_parse(const char *text, uint8_t out[6]); /* six pairs of hex digits; not multicast, not zero */
void kn_network_mac_text(const uint8_t mac[6], char out[KN_MAC_TEXT]);

#endif
