/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipam: which IPv4 address is next. Pure: the caller reads the database and tells what it found.
 *
 * Addresses are handed out upwards from the subnet's cursor (the last one handed out), so that a new port costs the same in
 * an empty subnet and in one with 60,000 ports, and a released address rests until the cursor comes round. The caller first offers
 * the free range right behind the cursor; when that is used up, kn_network_ipam_look says where to look for gaps: from the cursor to
 * the end, then from the beginning to where the cursor stood. After that the subnet is full.
 *
 *   while (!kn_network_ipam_draw(ipam, &ip)) {
 *       if (!kn_network_ipam_look(ipam, &look)) return full;
 *       … for each free range of the database inside look, ascending: kn_network_ipam_offer(ipam, range);
 *       kn_network_ipam_looked(ipam, how far the answer reached);
 *   }
 */
#ifndef KN_NETWORK_ADDRESS_IPAM_H
#define KN_NETWORK_ADDRESS_IPAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kn_network_ipam_range {
    uint32_t first, last; /* both inclusive, host byte order */
};

enum kn_network_ipam_phase { KN_IPAM_AFTER, KN_IPAM_WRAPPED, KN_IPAM_FULL };

struct kn_network_ipam {
    struct kn_network_ipam_range *pools; /* ascending, disjoint */
    size_t pool_count;
    struct kn_network_ipam_range *offers; /* free, inside the pools, not yet drawn; taken from `offer_at` on */
    size_t offer_count, offer_at;
    uint32_t *reserved;          /* addresses asked for by name in this batch: skipped */
    size_t reserved_count;
    enum kn_network_ipam_phase phase;
    uint32_t origin;             /* the cursor when it began */
    uint32_t looked;             /* in this phase, everything up to here has been offered */
    uint32_t cursor;             /* the last address drawn */
    bool drawn;                  /* the cursor moved: write it back */
};

/* pools are copied, sorted; cursor: 0 when nothing was handed out yet. */
void kn_network_ipam_init(struct kn_network_ipam *ipam, const struct kn_network_ipam_range *pools, size_t pool_count,
                          uint32_t cursor);
void kn_network_ipam_release(struct kn_network_ipam *ipam);

/* Says that a range is free in the database; what lies outside the pools is ignored. */
void kn_network_ipam_offer(struct kn_network_ipam *ipam, struct kn_network_ipam_range range);
/* The next free address; false when the offers are used up. */
bool kn_network_ipam_draw(struct kn_network_ipam *ipam, uint32_t *ret_ip);
/* Where to look for gaps now; false: the subnet is full. */
bool kn_network_ipam_look(struct kn_network_ipam *ipam, struct kn_network_ipam_range *ret_look);
/* The look is done up to and including `until`, >= look.last when nothing is left there. */
void kn_network_ipam_looked(struct kn_network_ipam *ipam, uint32_t until);
/* Keeps an address that was asked for by name out of the draw; false if this batch gave it away already. */
bool kn_network_ipam_reserve(struct kn_network_ipam *ipam, uint32_t ip);
bool kn_network_ipam_in_pools(const struct kn_network_ipam *ipam, uint32_t ip);

#define KN_IPV4_SIZE 16
bool kn_network_ipv4_parse(const char *text, uint32_t *ret_ip); /* dotted quad, nothing else; NULL is not */
void kn_network_ipv4_text(uint32_t ip, char out[KN_IPV4_SIZE]);

#endif
