/* SPDX-License-Identifier: Apache-2.0 */
/* ipv4.c: between dotted quads and numbers in host byte order. Knows nothing else; whoever knows both families takes lib/base/ip.h. */
#include "network/address/ipv4.h"

#include <arpa/inet.h>
#include <stddef.h>

bool kn_network_ipv4_parse(const char *text, uint32_t *ret_ip)
{
    struct in_addr in;

    if (text == NULL || inet_pton(AF_INET, text, &in) != 1) {
        return false;
    }
    *ret_ip = ntohl(in.s_addr);
    return true;
}

void kn_network_ipv4_text(uint32_t ip, char out[KN_IPV4_SIZE])
{
    struct in_addr in = { .s_addr = htonl(ip) };

    inet_ntop(AF_INET, &in, out, KN_IPV4_SIZE);
}
