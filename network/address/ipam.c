/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipam.c: the arithmetic of handing out addresses. Owns no rows and does no I/O: network/rows/ports/draw.c reads what is in use and writes what is
 * ready, the unique constraint address_once is the net below.
 */
#include "network/address/ipam.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

static int by_first(const void *a, const void *b)
{
    const struct kn_network_ipam_range *x = a, *y = b;

    return kn_ip_compare(&x->first, &y->first);
}

void kn_network_ipam_init(struct kn_network_ipam *ipam, const struct kn_network_ipam_range *pools, size_t pool_count)
{
    *ipam = (struct kn_network_ipam){ .pool_count = pool_count };
    ipam->pools = kn_realloc_array(NULL, pool_count + 1, sizeof(*pools));
    if (pool_count > 0) {
        memcpy(ipam->pools, pools, pool_count * sizeof(*pools));
        qsort(ipam->pools, pool_count, sizeof(*pools), by_first);
    }
}

void kn_network_ipam_release(struct kn_network_ipam *ipam)
{
    free(ipam->pools);
    free(ipam->given);
    *ipam = (struct kn_network_ipam){ .pools = NULL };
}

bool kn_network_ipam_next(const struct kn_network_ipam *ipam, const struct kn_ip *cursor, struct kn_ip *ret_ip)
{
    for (size_t i = 0; i < ipam->pool_count; i++) {
        if (cursor->family == 0 || kn_ip_compare(cursor, &ipam->pools[i].first) < 0) {
            *ret_ip = ipam->pools[i].first;
            return true;
        }
        if (kn_ip_compare(cursor, &ipam->pools[i].last) < 0) {
            return kn_ip_add(cursor, 1, ret_ip);
        }
    }
    return false;
}

size_t kn_network_ipam_fresh(const struct kn_network_ipam *ipam, const struct kn_network_ipam_taken *taken, size_t most,
                             struct kn_ip *cursor, struct kn_ip *ret)
{
    size_t count = 0, at = 0;
    struct kn_ip next;

    while (count < most && kn_network_ipam_next(ipam, cursor, &next)) {
        while (at < taken->count && kn_ip_compare(&taken->ips[at], &next) < 0) {
            at++;
        }
        if (at == taken->count && !taken->is_all) {
            break;
        }
        if (at == taken->count || !kn_ip_equal(&taken->ips[at], &next)) {
            ret[count++] = next;
        }
        *cursor = next;
    }
    return count;
}

bool kn_network_ipam_give(struct kn_network_ipam *ipam, const struct kn_ip *ip)
{
    for (size_t i = 0; i < ipam->given_count; i++) {
        if (kn_ip_equal(&ipam->given[i], ip)) {
            return false;
        }
    }
    ipam->given = kn_realloc_array(ipam->given, ipam->given_count + 1, sizeof(*ip));
    ipam->given[ipam->given_count++] = *ip;
    return true;
}

bool kn_network_ipam_in_pools(const struct kn_network_ipam *ipam, const struct kn_ip *ip)
{
    for (size_t i = 0; i < ipam->pool_count; i++) {
        if (kn_ip_compare(ip, &ipam->pools[i].first) >= 0 && kn_ip_compare(ip, &ipam->pools[i].last) <= 0) {
            return true;
        }
    }
    return false;
}
