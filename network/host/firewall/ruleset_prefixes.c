/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ruleset_prefixes.c: prefixes in the tables: as nft lists them, and those of a group's members together, which is the one thing that no object says alone: members
 * may have the same, or one that lies in another's, and no interval may overlap another. Each prefix of a group is counted; the chains source_<group> and
 * destination_<group> are made of all.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/hmap.h"
#include "lib/base/mem.h"
#include "network/host/firewall/ruleset_private.h"

/* --- words ---------------------------------------------------------------------------------------------------------- */

void kn_network_ruleset_put_prefix(const struct kn_ip_prefix *prefix, struct kn_strbuf *out)
{
    struct kn_ip first = kn_ip_prefix_first(prefix);
    char text[KN_IP_SIZE];

    kn_strbuf_addstr(out, kn_ip_text(&first, text));
    if (prefix->length < kn_ip_bits(&first)) {
        kn_strbuf_addf(out, "/%d", prefix->length);
    }
}

static int by_prefix(const void *a, const void *b)
{
    const struct kn_ip_prefix *left = a, *right = b;
    struct kn_ip left_ip = kn_ip_prefix_first(left), right_ip = kn_ip_prefix_first(right);
    int order = kn_ip_compare(&left_ip, &right_ip);

    return order != 0 ? order : (int)left->length - (int)right->length;
}

size_t kn_network_ruleset_disjoint(struct kn_ip_prefix *prefixes, size_t count)
{
    size_t kept = 0;

    if (count > 0) {
        qsort(prefixes, count, sizeof(*prefixes), by_prefix);
    }
    for (size_t i = 0; i < count; i++) {
        struct kn_ip first = kn_ip_prefix_first(&prefixes[i]);

        if (kept == 0 || prefixes[kept - 1].ip.family != first.family ||
            !kn_ip_prefix_holds(&prefixes[kept - 1], &first)) {
            prefixes[kept++] = prefixes[i];
        }
    }
    return kept;
}

/* Where the run of prefixes that begins at `at` ends, each beginning where the one before ended. */
static size_t run_end(const struct kn_ip_prefix *prefixes, size_t count, size_t at)
{
    for (; at + 1 < count; at++) {
        struct kn_ip last = kn_ip_prefix_last(&prefixes[at]), first = kn_ip_prefix_first(&prefixes[at + 1]), next;

        if (first.family != last.family || !kn_ip_add(&last, 1, &next) || !kn_ip_equal(&next, &first)) {
            break;
        }
    }
    return at;
}

/* As nft lists an interval: as a prefix if it is one. */
static void put_interval(const struct kn_ip_prefix *from, const struct kn_ip_prefix *to, struct kn_strbuf *out)
{
    struct kn_ip first = kn_ip_prefix_first(from), last = kn_ip_prefix_last(to);
    char first_text[KN_IP_SIZE], last_text[KN_IP_SIZE];

    for (int length = kn_ip_bits(&first); length >= 0; length--) {
        struct kn_ip_prefix whole = { .ip = first, .length = (uint8_t)length };
        struct kn_ip whole_first = kn_ip_prefix_first(&whole), whole_last = kn_ip_prefix_last(&whole);

        if (kn_ip_equal(&whole_first, &first) && kn_ip_equal(&whole_last, &last)) {
            kn_network_ruleset_put_prefix(&whole, out);
            return;
        }
    }
    kn_strbuf_addf(out, "%s-%s", kn_ip_text(&first, first_text), kn_ip_text(&last, last_text));
}

/* "ip saddr { a, b } accept" of one family; nothing for none. nft makes one interval of neighbours. */
static void put_family_addresses(const struct kn_ip_prefix *prefixes, size_t count, uint8_t family, const char *side,
                                 struct kn_strbuf *out)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf list = KN_STRBUF_INIT;
    size_t printed = 0;

    for (size_t i = 0; i < count; i++) {
        if (prefixes[i].ip.family == family) {
            size_t end = run_end(prefixes, count, i);

            kn_strbuf_addstr(&list, printed++ == 0 ? "" : ", ");
            put_interval(&prefixes[i], &prefixes[end], &list);
            i = end;
        }
    }
    if (printed > 0) {
        kn_strbuf_addf(out, printed == 1 ? "%s %s %s accept\n" : "%s %s { %s } accept\n", family == 4 ? "ip" : "ip6",
                       side, list.buf);
    }
}

void kn_network_ruleset_put_addresses(const struct kn_ip_prefix *prefixes, size_t count, bool is_source,
                                      struct kn_strbuf *out)
{
    AUTO_FREE struct kn_ip_prefix *room = kn_alloc((count + 1) * sizeof(*room));
    const char *side = is_source ? "saddr" : "daddr";

    for (size_t i = 0; i < count; i++) {
        room[i] = prefixes[i];
    }
    count = kn_network_ruleset_disjoint(room, count);
    put_family_addresses(room, count, 4, side, out);
    put_family_addresses(room, count, 6, side, out);
}

/* --- of a group's members together ------------------------------------------------------------------------------------ */

struct kn_network_ruleset_joint {
    struct kn_ip_prefix *prefixes;
    unsigned *counts; /* beside them: of so many members */
    size_t count;
};

void kn_network_ruleset_joint_free(void *value)
{
    struct kn_network_ruleset_joint *joint = value;

    free(joint->prefixes);
    free(joint->counts);
    free(joint);
}

static size_t joint_find(const struct kn_network_ruleset_joint *joint, const struct kn_ip_prefix *prefix)
{
    size_t at = 0;

    while (at < joint->count &&
           (joint->prefixes[at].length != prefix->length || !kn_ip_equal(&joint->prefixes[at].ip, &prefix->ip))) {
        at++;
    }
    return at;
}

void kn_network_ruleset_joint_add(struct kn_hmap *joints, const char *group, const struct kn_ip_prefix *prefix)
{
    struct kn_network_ruleset_joint *joint = kn_hmap_get(joints, group);

    if (joint == NULL) {
        joint = KN_NEW(struct kn_network_ruleset_joint);
        kn_hmap_put(joints, group, joint);
    }
    const size_t at = joint_find(joint, prefix);

    if (at == joint->count) {
        joint->prefixes = kn_realloc_array(joint->prefixes, at + 1, sizeof(*joint->prefixes));
        joint->counts = kn_realloc_array(joint->counts, at + 1, sizeof(*joint->counts));
        joint->prefixes[at] = *prefix;
        joint->counts[at] = 0;
        joint->count++;
    }
    joint->counts[at]++;
}

void kn_network_ruleset_joint_remove(struct kn_hmap *joints, const char *group, const struct kn_ip_prefix *prefix)
{
    struct kn_network_ruleset_joint *joint = kn_hmap_get(joints, group);
    const size_t at = joint == NULL ? 0 : joint_find(joint, prefix);

    if (joint == NULL || at == joint->count || --joint->counts[at] > 0) {
        return;
    }
    joint->count--;
    joint->prefixes[at] = joint->prefixes[joint->count];
    joint->counts[at] = joint->counts[joint->count];
    if (joint->count == 0) {
        kn_hmap_del(joints, group);
    }
}

bool kn_network_ruleset_joint_has(const struct kn_hmap *joints, const char *group, const struct kn_ip *ip)
{
    const struct kn_network_ruleset_joint *joint = kn_hmap_get(joints, group);

    for (size_t i = 0; joint != NULL && i < joint->count; i++) {
        if (kn_ip_prefix_holds(&joint->prefixes[i], ip)) {
            return true;
        }
    }
    return false;
}

void kn_network_ruleset_joint_body(const struct kn_hmap *joints, const char *group, bool is_source,
                                   struct kn_strbuf *out)
{
    const struct kn_network_ruleset_joint *joint = kn_hmap_get(joints, group);

    if (joint != NULL) {
        kn_network_ruleset_put_addresses(joint->prefixes, joint->count, is_source, out);
    }
}
