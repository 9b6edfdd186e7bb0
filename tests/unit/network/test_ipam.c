/* SPDX-License-Identifier: Apache-2.0 */
/* The choice of addresses of both families: order, what is taken, pools, ends; against a bitmap that plays the database. */
#include "tests/support/test.h"

#include <string.h>

#include "lib/base/mem.h"
#include "network/address/ipam.h"

#define SIZE 256U
#define MOST 16

/* Two families, one arithmetic: the n-th address of a subnet. */
static struct kn_ip nth(int family, unsigned n)
{
    struct kn_ip_prefix prefix;
    struct kn_ip ip;

    assert_true(kn_ip_prefix_parse(family == 4 ? "10.0.0.0/24" : "2001:db8::/64", &prefix));
    assert_true(kn_ip_add(&prefix.ip, n, &ip));
    return ip;
}

static const int FAMILIES[] = { 4, 6 };

/* The addresses that are in use. */
struct fake {
    bool used[SIZE];
};

/* What is in use from there on, at most `most` of it, as the statement says it. */
static struct kn_network_ipam_taken taken_from(const struct fake *db, int family, unsigned from, size_t most,
                                               struct kn_ip *ips)
{
    struct kn_network_ipam_taken taken = { ips, 0, true };

    for (unsigned i = from; i < SIZE; i++) {
        if (db->used[i]) {
            if (taken.count == most) {
                taken.is_all = false;
                break;
            }
            ips[taken.count++] = nth(family, i);
        }
    }
    return taken;
}

/* Everything that can be had, by fills of `most`, each of which sees `sees` addresses in use. Marks them as used; returns how many. */
static unsigned drain(struct fake *db, struct kn_network_ipam *ipam, int family, struct kn_ip *cursor, size_t most,
                      size_t sees)
{
    struct kn_ip from, got[MOST], ips[SIZE], last = *cursor;
    const struct kn_ip zero = nth(family, 0);
    unsigned total = 0;

    while (kn_network_ipam_next(ipam, cursor, &from)) {
        const struct kn_network_ipam_taken taken = taken_from(db, family, (unsigned)kn_ip_distance(&zero, &from), sees,
                                                              ips);
        const size_t count = kn_network_ipam_fresh(ipam, &taken, most, cursor, got);

        for (size_t i = 0; i < count; i++) {
            const unsigned n = (unsigned)kn_ip_distance(&zero, &got[i]);

            assert_true(last.family == 0 || kn_ip_compare(&last, &got[i]) < 0); /* upwards */
            assert_true(kn_network_ipam_in_pools(ipam, &got[i]));
            assert_false(db->used[n]);
            db->used[n] = true;
            last = got[i];
        }
        total += (unsigned)count;
    }
    return total;
}

static void pool(int family, unsigned first, unsigned last, struct kn_network_ipam_range *ret)
{
    *ret = (struct kn_network_ipam_range){ nth(family, first), nth(family, last) };
}

static void test_upwards_over_what_is_taken(void **state)
{
    (void)state;
    for (size_t f = 0; f < KN_COUNT(FAMILIES); f++) {
        struct kn_network_ipam_range range;
        struct kn_network_ipam ipam;
        struct kn_ip cursor = KN_IP_NONE, got[MOST];
        const struct kn_ip in_use[] = { nth(FAMILIES[f], 10), nth(FAMILIES[f], 12), nth(FAMILIES[f], 13) };
        const struct kn_network_ipam_taken taken = { in_use, 3, true };

        pool(FAMILIES[f], 10, 20, &range);
        kn_network_ipam_init(&ipam, &range, 1);
        assert_int_equal(kn_network_ipam_fresh(&ipam, &taken, 3, &cursor, got), 3);
        for (unsigned i = 0; i < 3; i++) {
            const struct kn_ip wanted = nth(FAMILIES[f], i == 0 ? 11 : 13 + i);

            assert_true(kn_ip_equal(&got[i], &wanted));
        }
        assert_true(kn_ip_equal(&cursor, &got[2]));
        kn_network_ipam_release(&ipam);
    }
}

/* What is not known is not handed out, and the cursor stays where knowledge ends. */
static void test_no_further_than_is_known(void **state)
{
    (void)state;
    struct kn_network_ipam_range range;
    struct kn_network_ipam ipam;
    struct kn_ip cursor = KN_IP_NONE, got[MOST];
    const struct kn_ip in_use[] = { nth(4, 10), nth(4, 12) }, known = nth(4, 12);
    const struct kn_network_ipam_taken taken = { in_use, 2, false };

    pool(4, 10, 20, &range);
    kn_network_ipam_init(&ipam, &range, 1);
    assert_int_equal(kn_network_ipam_fresh(&ipam, &taken, MOST, &cursor, got), 1);
    assert_true(kn_ip_equal(&cursor, &known));
    kn_network_ipam_release(&ipam);
}

/* Every free address of a random subnet comes exactly once, whatever is known at a time; pools in any order. */
static void test_all_there_is_once(void **state)
{
    (void)state;
    uint32_t seed = 7;

    for (int round = 0; round < 200; round++) {
        const int family = FAMILIES[round % 2];
        struct kn_network_ipam_range ranges[2];
        struct kn_ip cursor = KN_IP_NONE;
        struct fake db = { { false } };
        struct kn_network_ipam ipam;
        unsigned unused = 0;

        for (unsigned i = 0; i < SIZE; i++) {
            seed = seed * 1664525U + 1013904223U;
            db.used[i] = (seed >> 16) % 4 != 0;
            unused += ((i >= 10 && i <= 20) || (i >= 100 && i <= 140)) && !db.used[i];
        }
        pool(family, 100, 140, &ranges[0]);
        pool(family, 10, 20, &ranges[1]);
        kn_network_ipam_init(&ipam, ranges, 2);
        assert_int_equal(drain(&db, &ipam, family, &cursor, 1 + (seed >> 8) % MOST, 1 + (seed >> 12) % 7), unused);
        kn_network_ipam_release(&ipam);
    }
}

static void test_cursor_at_either_end(void **state)
{
    static const struct {
        unsigned cursor, left;
    } CASES[] = { { 9, 11 }, { 0, 11 }, { 19, 1 }, { 20, 0 }, { 200, 0 } };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        struct kn_network_ipam_range range;
        struct kn_network_ipam ipam;
        struct kn_ip cursor = nth(6, CASES[i].cursor);
        struct fake db = { { false } };

        pool(6, 10, 20, &range);
        kn_network_ipam_init(&ipam, &range, 1);
        assert_int_equal(drain(&db, &ipam, 6, &cursor, 4, 4), CASES[i].left);
        kn_network_ipam_release(&ipam);
    }
}

/* The very last addresses of both families end a pool as any other. */
static void test_ends_of_the_families(void **state)
{
    static const char *const LAST[] = { "255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(LAST); i++) {
        struct kn_network_ipam_range range;
        struct kn_network_ipam ipam;
        struct kn_ip cursor = KN_IP_NONE, got[MOST];
        const struct kn_network_ipam_taken nothing = { NULL, 0, true };

        assert_true(kn_ip_parse(LAST[i], &range.last));
        range.first = range.last;
        kn_network_ipam_init(&ipam, &range, 1);
        assert_int_equal(kn_network_ipam_fresh(&ipam, &nothing, MOST, &cursor, got), 1);
        assert_false(kn_network_ipam_next(&ipam, &cursor, &got[0]));
        kn_network_ipam_release(&ipam);
    }
}

static void test_what_is_given_is_given_once(void **state)
{
    (void)state;
    struct kn_network_ipam ipam;
    const struct kn_ip a = nth(4, 10), b = nth(6, 10);

    kn_network_ipam_init(&ipam, NULL, 0);
    assert_true(kn_network_ipam_give(&ipam, &a));
    assert_true(kn_network_ipam_give(&ipam, &b));
    assert_false(kn_network_ipam_give(&ipam, &a));
    assert_false(kn_network_ipam_in_pools(&ipam, &a));
    kn_network_ipam_release(&ipam);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_upwards_over_what_is_taken), cmocka_unit_test(test_no_further_than_is_known),
        cmocka_unit_test(test_all_there_is_once),          cmocka_unit_test(test_cursor_at_either_end),
        cmocka_unit_test(test_ends_of_the_families),       cmocka_unit_test(test_what_is_given_is_given_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
