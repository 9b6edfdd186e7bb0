/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipam.c: the arithmetic of handing out addresses. Owns no rows and does no I/O: network/rows/topology.c reads what is free and offers
 * it, the unique constraint address_once is the net below.
 */
#include "network/address/ipam.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

static int by_first(const void *a, const void *b)
{
    const struct kn_network_ipam_range *x = a, *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

void kn_network_ipam_init(struct kn_network_ipam *ipam, const struct kn_network_ipam_range *pools, size_t pool_count,
                          uint32_t cursor)
{
    *ipam = (struct kn_network_ipam){ .phase = KN_IPAM_AFTER, .origin = cursor, .looked = cursor, .cursor = cursor };
    ipam->pools = kn_realloc_array(NULL, pool_count + 1, sizeof(*pools));
    ipam->pool_count = pool_count;
    if (pool_count > 0) {
        memcpy(ipam->pools, pools, pool_count * sizeof(*pools));
        qsort(ipam->pools, pool_count, sizeof(*pools), by_first);
    }
}

void kn_network_ipam_release(struct kn_network_ipam *ipam)
{
    free(ipam->pools);
    free(ipam->offers);
    free(ipam->reserved);
    *ipam = (struct kn_network_ipam){ .phase = KN_IPAM_FULL };
}

void kn_network_ipam_offer(struct kn_network_ipam *ipam, struct kn_network_ipam_range range)
{
    for (size_t i = 0; i < ipam->pool_count; i++) {
        struct kn_network_ipam_range pool = ipam->pools[i];
        struct kn_network_ipam_range both = { range.first > pool.first ? range.first : pool.first,
                                              range.last < pool.last ? range.last : pool.last };

        if (both.first <= both.last) {
            ipam->offers = kn_realloc_array(ipam->offers, ipam->offer_count + 1, sizeof(both));
            ipam->offers[ipam->offer_count++] = both;
        }
    }
}

static bool ipam_is_reserved(const struct kn_network_ipam *ipam, uint32_t ip)
{
    for (size_t i = 0; i < ipam->reserved_count; i++) {
        if (ipam->reserved[i] == ip) {
            return true;
        }
    }
    return false;
}

/* Takes the first address of the offers, whatever it is. */
static bool pop(struct kn_network_ipam *ipam, uint32_t *ret_ip)
{
    if (ipam->offer_at == ipam->offer_count) {
        return false;
    }
    struct kn_network_ipam_range *offer = &ipam->offers[ipam->offer_at];

    *ret_ip = offer->first;
    if (offer->first == offer->last) {
        ipam->offer_at++;
    } else {
        offer->first++;
    }
    return true;
}

bool kn_network_ipam_draw(struct kn_network_ipam *ipam, uint32_t *ret_ip)
{
    uint32_t ip;

    while (pop(ipam, &ip)) {
        if (!ipam_is_reserved(ipam, ip)) {
            ipam->cursor = ip;
            ipam->drawn = true;
            *ret_ip = ip;
            return true;
        }
    }
    return false;
}

/* The range that this phase has not looked at; false: nothing is left of it. */
static bool rest_of_phase(const struct kn_network_ipam *ipam, struct kn_network_ipam_range *ret)
{
    uint32_t first = ipam->pools[0].first, last = ipam->pools[ipam->pool_count - 1].last;

    if (ipam->looked == UINT32_MAX) {
        return false;
    }
    ret->first = ipam->looked >= first ? ipam->looked + 1 : first;
    ret->last = ipam->phase == KN_IPAM_WRAPPED && ipam->origin < last ? ipam->origin : last;
    return ret->first <= ret->last;
}

bool kn_network_ipam_look(struct kn_network_ipam *ipam, struct kn_network_ipam_range *ret_look)
{
    if (ipam->pool_count == 0) {
        return false;
    }
    if (ipam->phase == KN_IPAM_AFTER && !rest_of_phase(ipam, ret_look)) {
        ipam->phase = KN_IPAM_WRAPPED;
        ipam->looked = 0;
    }
    if (ipam->phase == KN_IPAM_WRAPPED && !rest_of_phase(ipam, ret_look)) {
        ipam->phase = KN_IPAM_FULL;
    }
    return ipam->phase != KN_IPAM_FULL;
}

void kn_network_ipam_looked(struct kn_network_ipam *ipam, uint32_t until)
{
    ipam->looked = until;
}

bool kn_network_ipam_reserve(struct kn_network_ipam *ipam, uint32_t ip)
{
    if (ipam_is_reserved(ipam, ip)) {
        return false;
    }
    ipam->reserved = kn_realloc_array(ipam->reserved, ipam->reserved_count + 1, sizeof(ip));
    ipam->reserved[ipam->reserved_count++] = ip;
    return true;
}

bool kn_network_ipam_in_pools(const struct kn_network_ipam *ipam, uint32_t ip)
{
    for (size_t i = 0; i < ipam->pool_count; i++) {
        if (ip >= ipam->pools[i].first && ip <= ipam->pools[i].last) {
            return true;
        }
    }
    return false;
}

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
