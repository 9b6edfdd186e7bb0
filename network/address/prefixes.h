/* SPDX-License-Identifier: Apache-2.0 */
/* prefixes: sets of prefixes of one family: what they are at their simplest, and what is left of them. Pure. */
#ifndef KN_NETWORK_ADDRESS_PREFIXES_H
#define KN_NETWORK_ADDRESS_PREFIXES_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/ip.h"

struct kn_network_prefix_set {
    struct kn_ip_prefix *items;
    size_t count;
};
#define KN_NETWORK_PREFIX_SET_INIT \
    { \
        NULL, 0 \
    }

void kn_network_prefix_set_release(struct kn_network_prefix_set *set);
void kn_network_prefix_set_add(struct kn_network_prefix_set *set, const struct kn_ip_prefix *prefix);
/* The same addresses by as few prefixes as possible, ascending. */
void kn_network_prefix_set_compact(struct kn_network_prefix_set *set);
bool kn_network_prefixes_overlap(const struct kn_ip_prefix *a, const struct kn_ip_prefix *b);
bool kn_network_prefix_set_overlaps(const struct kn_network_prefix_set *set, const struct kn_ip_prefix *prefix);
/* Do all of its addresses lie in the set, which is compact? */
bool kn_network_prefix_set_holds(const struct kn_network_prefix_set *set, const struct kn_ip_prefix *prefix);
/* What of the set is not of the other one. */
void kn_network_prefix_set_subtract(struct kn_network_prefix_set *set, const struct kn_network_prefix_set *gone);
/* A prefix of that length in the set that meets nothing of what is taken: the first of the smallest room that has one. */
bool kn_network_prefix_set_find(const struct kn_network_prefix_set *set, const struct kn_network_prefix_set *taken,
                                int length, struct kn_ip_prefix *ret);

#endif
