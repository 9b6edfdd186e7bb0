/* SPDX-License-Identifier: Apache-2.0 */
/* What the body of a security group's rule becomes: protocols by every name, ranges, prefixes. What is refused, and how, is tests/it/test_network_groups.c's. */
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"
#include "network/rows/groups/rule_plan.h"
#include "tests/support/test.h"

static json_t *plan(const char *text)
{
    json_t *object = json_loads(text, 0, NULL);
    struct kn_error err = { 0 };

    assert_non_null(object);
    assert_ok(kn_network_rule_plan(object, &err), &err);
    return object;
}

/* The members of the laid out body, in short: ethertype protocol number first last prefix. */
static void assert_plan(const char *body, const char *wanted)
{
    static const char *const NAMES[] = { "ethertype",      "protocol",       "number",
                                         "port_range_min", "port_range_max", "remote_ip_prefix" };
    json_auto_t *object = plan(body);
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf is = KN_STRBUF_INIT;

    for (size_t i = 0; i < KN_COUNT(NAMES); i++) {
        AUTO_FREE char *text = json_dumps(json_object_get(object, NAMES[i]), JSON_ENCODE_ANY);

        kn_strbuf_addf(&is, "%s%s", i > 0 ? " " : "", text);
    }
    assert_string_equal(is.buf, wanted);
}

static void test_what_is_meant(void **state)
{
    (void)state;
    assert_plan("{}", "\"IPv4\" null null null null null");
    assert_plan("{\"protocol\": 6, \"port_range_min\": \"22\", \"port_range_max\": 22}", "\"IPv4\" \"6\" 6 22 22 null");
    assert_plan("{\"protocol\": \"TCP\", \"port_range_min\": 1, \"port_range_max\": 65535}",
                "\"IPv4\" \"tcp\" 6 null null null");
    assert_plan("{\"protocol\": \"udplite\", \"port_range_min\": 1, \"port_range_max\": 2}",
                "\"IPv4\" \"udplite\" 136 1 2 null");
    assert_plan("{\"protocol\": \"ip\"}", "\"IPv4\" \"ip\" null null null null");
    assert_plan("{\"protocol\": 0}", "\"IPv4\" \"0\" 0 null null null");
    assert_plan("{\"protocol\": 255}", "\"IPv4\" \"255\" 255 null null null");
    assert_plan("{\"protocol\": \"icmp\", \"port_range_min\": 8}", "\"IPv4\" \"icmp\" 1 8 null null");
    assert_plan("{\"ethertype\": \"ipv6\", \"protocol\": \"icmp\", \"port_range_min\": 0, \"port_range_max\": 0}",
                "\"IPv6\" \"ipv6-icmp\" 58 0 0 null");
    assert_plan("{\"ethertype\": \"IPV6\", \"protocol\": \"icmpv6\"}", "\"IPv6\" \"ipv6-icmp\" 58 null null null");
    assert_plan("{\"ethertype\": \"IPv6\", \"protocol\": \"1\"}", "\"IPv6\" \"58\" 58 null null null");
    assert_plan("{\"remote_ip_prefix\": \"10.0.0.7\"}", "\"IPv4\" null null null null \"10.0.0.7/32\"");
    assert_plan("{\"remote_ip_prefix\": \"10.0.0.7/8\"}", "\"IPv4\" null null null null \"10.0.0.7/8\"");
    assert_plan("{\"remote_ip_prefix\": \"\"}", "\"IPv4\" null null null null null");
    assert_plan("{\"ethertype\": \"IPv6\", \"remote_ip_prefix\": \"2001:DB8:0:0::/32\"}",
                "\"IPv6\" null null null null \"2001:db8::/32\"");
}

static void test_numbers(void **state)
{
    (void)state;
    assert_int_equal(kn_network_rule_number(NULL), -1);
    assert_int_equal(kn_network_rule_number("ip"), -1);
    assert_int_equal(kn_network_rule_number("hopopt"), 0);
    assert_int_equal(kn_network_rule_number("132"), 132);
    assert_int_equal(kn_network_rule_number("sctp"), 132);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_what_is_meant), cmocka_unit_test(test_numbers) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
