/* SPDX-License-Identifier: Apache-2.0 */
/* ipv4: a dotted quad as a number, for the host's side, until that knows lib/base/ip.h. Pure. */
#ifndef KN_NETWORK_ADDRESS_IPV4_H
#define KN_NETWORK_ADDRESS_IPV4_H

#include <stdbool.h>
#include <stdint.h>

#define KN_IPV4_SIZE 16
bool kn_network_ipv4_parse(const char *text, uint32_t *ret_ip); /* dotted quad, nothing else; NULL is not */
void kn_network_ipv4_text(uint32_t ip, char out[KN_IPV4_SIZE]);

#endif
