/* SPDX-License-Identifier: Apache-2.0 */
/* prefixes.c: a prefix is halved until it is taken or free as a whole. Knows no rows. */
#include "network/address/prefixes.h"

#include <stdlib.h>

#include "lib/base/mem.h"

void kn_network_prefix_set_release(struct kn_network_prefix_set *set)
{
    free(set->items);
    *set = (struct kn_network_prefix_set)KN_NETWORK_PREFIX_SET_INIT;
}

void kn_network_prefix_set_add(struct kn_network_prefix_set *set, const struct kn_ip_prefix *prefix)
{
    set->items = kn_realloc_array(set->items, set->count + 1, sizeof(*set->items));
    set->items[set->count].ip = kn_ip_prefix_first(prefix);
    set->items[set->count++].length = prefix->length;
}

static bool covers(const struct kn_ip_prefix *outer, const struct kn_ip_prefix *inner)
{
    return outer->length <= inner->length && kn_ip_prefix_holds(outer, &inner->ip);
}

bool kn_network_prefixes_overlap(const struct kn_ip_prefix *a, const struct kn_ip_prefix *b)
{
    return covers(a, b) || covers(b, a);
}

bool kn_network_prefix_set_overlaps(const struct kn_network_prefix_set *set, const struct kn_ip_prefix *prefix)
{
    for (size_t i = 0; i < set->count; i++) {
        if (kn_network_prefixes_overlap(&set->items[i], prefix)) {
            return true;
        }
    }
    return false;
}

bool kn_network_prefix_set_holds(const struct kn_network_prefix_set *set, const struct kn_ip_prefix *prefix)
{
    for (size_t i = 0; i < set->count; i++) {
        if (covers(&set->items[i], prefix)) {
            return true;
        }
    }
    return false;
}

/* By first address; the larger of two with the same one first. */
static int prefixes_by_place(const void *a, const void *b)
{
    const struct kn_ip_prefix *x = a, *y = b;
    const int places = kn_ip_compare(&x->ip, &y->ip);

    return places != 0 ? places : (int)x->length - (int)y->length;
}

/* Two halves of one become it. */
static bool merge(struct kn_ip_prefix *left, const struct kn_ip_prefix *right)
{
    struct kn_ip_prefix whole = *left;

    if (left->length != right->length || left->length == 0) {
        return false;
    }
    whole.length--;
    const struct kn_ip first = kn_ip_prefix_first(&whole);

    if (!kn_ip_equal(&first, &left->ip) || !kn_ip_prefix_holds(&whole, &right->ip)) {
        return false;
    }
    *left = whole;
    return true;
}

void kn_network_prefix_set_compact(struct kn_network_prefix_set *set)
{
    size_t count = 0;

    if (set->count > 0) {
        qsort(set->items, set->count, sizeof(*set->items), prefixes_by_place);
    }
    for (size_t i = 0; i < set->count; i++) {
        if (count > 0 && covers(&set->items[count - 1], &set->items[i])) {
            continue;
        }
        set->items[count++] = set->items[i];
        while (count > 1 && merge(&set->items[count - 2], &set->items[count - 1])) {
            count--;
        }
    }
    set->count = count;
}

/* What is left of `outer` without `inner`, which lies in it: a half of each length between the two. */
static void prefixes_around(const struct kn_ip_prefix *outer, const struct kn_ip_prefix *inner,
                            struct kn_network_prefix_set *left)
{
    for (uint8_t length = inner->length; length > outer->length; length--) {
        struct kn_ip_prefix half = { inner->ip, length };

        half.ip = kn_ip_prefix_first(&half);
        half.ip.bytes[(length - 1) / 8] ^= (uint8_t)(0x80 >> (length - 1) % 8);
        kn_network_prefix_set_add(left, &half);
    }
}

void kn_network_prefix_set_subtract(struct kn_network_prefix_set *set, const struct kn_network_prefix_set *gone)
{
    for (size_t i = 0; i < gone->count; i++) {
        struct kn_network_prefix_set left = KN_NETWORK_PREFIX_SET_INIT;

        for (size_t n = 0; n < set->count; n++) {
            if (!kn_network_prefixes_overlap(&set->items[n], &gone->items[i])) {
                kn_network_prefix_set_add(&left, &set->items[n]);
            } else if (covers(&set->items[n], &gone->items[i])) {
                prefixes_around(&set->items[n], &gone->items[i], &left);
            }
        }
        kn_network_prefix_set_release(set);
        *set = left;
    }
    kn_network_prefix_set_compact(set);
}

/* *best: of no family until a room was found. */
static void look(const struct kn_ip_prefix *room, const struct kn_network_prefix_set *taken, int length,
                 struct kn_ip_prefix *best)
{
    if (room->length > length || (best->ip.family != 0 && best->length >= length)) {
        return;
    }
    for (size_t i = 0; i < taken->count; i++) {
        if (covers(&taken->items[i], room)) {
            return;
        }
    }
    if (!kn_network_prefix_set_overlaps(taken, room)) {
        *best = best->ip.family == 0 || best->length < room->length ? *room : *best;
        return;
    }
    struct kn_ip_prefix left = { room->ip, (uint8_t)(room->length + 1) }, right = left;

    right.ip.bytes[room->length / 8] |= (uint8_t)(0x80 >> room->length % 8);
    look(&left, taken, length, best);
    look(&right, taken, length, best);
}

bool kn_network_prefix_set_find(const struct kn_network_prefix_set *set, const struct kn_network_prefix_set *taken,
                                int length, struct kn_ip_prefix *ret)
{
    struct kn_ip_prefix best = { KN_IP_NONE, 0 };

    for (size_t i = 0; i < set->count; i++) {
        look(&set->items[i], taken, length, &best);
    }
    if (best.ip.family == 0) {
        return false;
    }
    *ret = (struct kn_ip_prefix){ best.ip, (uint8_t)length };
    return true;
}
