/* SPDX-License-Identifier: Apache-2.0 */
/* ip: texts both ways, what is no address, arithmetic across bytes and at a family's end, prefixes, and SLAAC's addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "lib/base/ip.h"
#include "lib/base/mem.h"

static struct kn_ip ip_of(const char *text)
{
    struct kn_ip ip = KN_IP_NONE;

    assert_true(kn_ip_parse(text, &ip));
    return ip;
}

static void assert_text(const struct kn_ip *ip, const char *expected)
{
    char text[KN_IP_SIZE];

    assert_string_equal(kn_ip_text(ip, text), expected);
}

static void test_texts_go_both_ways(void **state)
{
    static const char *const SAME[] = { "0.0.0.0",     "10.0.0.1",        "255.255.255.255", "::",
                                        "2001:db8::1", "fe80::a9fe:a9fe", "::ffff:10.0.0.1" };
    struct kn_ip ip = ip_of("2001:DB8:0:0:0:0:0:1");

    (void)state;
    assert_text(&ip, "2001:db8::1");
    for (size_t i = 0; i < KN_COUNT(SAME); i++) {
        ip = ip_of(SAME[i]);
        assert_text(&ip, SAME[i]);
    }
    assert_text(&KN_IP_NONE, "");
}

static void test_no_addresses(void **state)
{
    static const char *const BAD[] = { "",          "1",         "10.0.0",     "10.0.0.256",   "10.0.0.01",
                                       " 10.0.0.1", "10.0.0.1 ", "10.0.0.1/8", "fe80::1%eth0", ":::",
                                       "1::2::3",   "[::1]" };
    struct kn_ip ip;

    (void)state;
    assert_false(kn_ip_parse(NULL, &ip));
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        assert_false(kn_ip_parse(BAD[i], &ip));
    }
}

static void test_sums_carry_and_end(void **state)
{
    struct kn_ip ip = ip_of("10.0.0.255"), last4 = ip_of("255.255.255.255"),
                 last6 = ip_of("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");

    (void)state;
    assert_true(kn_ip_add(&ip, 1, &ip));
    assert_text(&ip, "10.0.1.0");
    assert_false(kn_ip_add(&ip, UINT64_MAX, &ip));
    assert_false(kn_ip_add(&last4, 1, &ip));
    assert_false(kn_ip_add(&last6, 1, &ip));
    ip = ip_of("2001:db8::ffff:ffff:ffff:ffff");
    assert_true(kn_ip_add(&ip, 1, &ip));
    assert_text(&ip, "2001:db8:0:1::");
}

static void test_distances(void **state)
{
    struct kn_ip a = ip_of("10.0.0.250"), b = ip_of("10.0.1.4"), c = ip_of("2001:db8::1"),
                 d = ip_of("2001:db8::1:0:0:0"), e = ip_of("2001:db9::");

    (void)state;
    assert_int_equal(kn_ip_distance(&a, &b), 10);
    assert_int_equal(kn_ip_distance(&a, &a), 0);
    assert_true(kn_ip_distance(&c, &d) == (1ULL << 48) - 1);
    assert_true(kn_ip_distance(&c, &e) == UINT64_MAX);
    assert_true(kn_ip_compare(&b, &c) < 0 && kn_ip_compare(&a, &b) < 0);
}

static void test_prefixes(void **state)
{
    struct kn_ip_prefix prefix;
    struct kn_ip first, last, in = ip_of("10.1.2.3"), out = ip_of("10.1.4.0"), other = ip_of("::1");
    char text[KN_IP_PREFIX_SIZE];

    (void)state;
    assert_true(kn_ip_prefix_parse("10.1.2.7/22", &prefix));
    first = kn_ip_prefix_first(&prefix);
    last = kn_ip_prefix_last(&prefix);
    assert_text(&first, "10.1.0.0");
    assert_text(&last, "10.1.3.255");
    assert_true(kn_ip_prefix_holds(&prefix, &in));
    assert_false(kn_ip_prefix_holds(&prefix, &out));
    assert_false(kn_ip_prefix_holds(&prefix, &other));
    assert_string_equal(kn_ip_prefix_text(&prefix, text), "10.1.2.7/22");
    assert_true(kn_ip_prefix_parse("::/0", &prefix) && kn_ip_prefix_holds(&prefix, &other));
    assert_true(kn_ip_prefix_parse("10.0.0.1", &prefix) && prefix.length == 32);
    assert_false(kn_ip_prefix_parse("10.0.0.0/33", &prefix));
    assert_false(kn_ip_prefix_parse("10.0.0.0/", &prefix));
    assert_false(kn_ip_prefix_parse("10.0.0.0/+8", &prefix));
    assert_false(kn_ip_prefix_parse("10.0.0.0/8x", &prefix));
    assert_false(kn_ip_prefix_parse(NULL, &prefix));
}

static void test_slaac(void **state)
{
    static const uint8_t MAC[6] = { 0xfa, 0x16, 0x3e, 0x00, 0x00, 0x01 };
    struct kn_ip_prefix prefix;
    struct kn_ip ip;

    (void)state;
    assert_true(kn_ip_prefix_parse("2001:db8:1::/64", &prefix));
    ip = kn_ip_eui64(&prefix, MAC);
    assert_text(&ip, "2001:db8:1:0:f816:3eff:fe00:1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_go_both_ways), cmocka_unit_test(test_no_addresses),
        cmocka_unit_test(test_sums_carry_and_end), cmocka_unit_test(test_distances),
        cmocka_unit_test(test_prefixes),           cmocka_unit_test(test_slaac),
    };

    return cmocka_run_group_tests_name("ip", tests, NULL, NULL);
}
