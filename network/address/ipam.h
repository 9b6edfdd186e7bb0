/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipam: which addresses of a subnet come next, of either family. Pure: the caller reads the database and tells what it found.
 *
 * A subnet's pools are gone through once, upwards: its cursor says how far. What lies behind the cursor and is free is put, a few hundred at a time,
 * into the table address_ready, from where addresses are drawn (network/rows/ports/draw.c); what is released goes into the same table, behind all of
 * them. So a new port costs the same in an empty subnet and in one with 60,000 ports, and a released address is the last to be handed out again.
 */
#ifndef KN_NETWORK_ADDRESS_IPAM_H
#define KN_NETWORK_ADDRESS_IPAM_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/ip.h"

struct kn_network_ipam_range {
    struct kn_ip first, last; /* both inclusive */
};

struct kn_network_ipam {
    struct kn_network_ipam_range *pools; /* ascending, disjoint */
    size_t pool_count;
    struct kn_ip *given;                 /* in this transaction, not written yet */
    size_t given_count;
};

/* Of one subnet, behind an address: what is in use there. */
struct kn_network_ipam_taken {
    const struct kn_ip *ips; /* ascending */
    size_t count;
    bool is_all; /* nothing is in use behind the last of them; otherwise that is not known */
};

/* pools are copied, sorted. */
void kn_network_ipam_init(struct kn_network_ipam *ipam, const struct kn_network_ipam_range *pools, size_t pool_count);
void kn_network_ipam_release(struct kn_network_ipam *ipam);

/* The next address of the pools behind the cursor (none: the first); false when it is through with them. */
bool kn_network_ipam_next(const struct kn_network_ipam *ipam, const struct kn_ip *cursor, struct kn_ip *ret_ip);
/*
 * Moves the cursor over at most `most` free addresses, which are put into ret, as far as `taken` is known. taken: from kn_network_ipam_next() on. Returns
 * how many there are.
 */
size_t kn_network_ipam_fresh(const struct kn_network_ipam *ipam, const struct kn_network_ipam_taken *taken, size_t most,
                             struct kn_ip *cursor, struct kn_ip *ret);
/* Notes that this transaction gives the address away; false if it did already. */
bool kn_network_ipam_give(struct kn_network_ipam *ipam, const struct kn_ip *ip);
bool kn_network_ipam_in_pools(const struct kn_network_ipam *ipam, const struct kn_ip *ip);

#endif
