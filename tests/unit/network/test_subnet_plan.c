/* SPDX-License-Identifier: Apache-2.0 */
/* What a subnet's body means: ranges, gateways, pools, lists; and what a batch gathers of ports. */
#include "tests/support/test.h"

#include <jansson.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "network/address/mac.h"
#include "network/rows/ports/plan.h"
#include "network/rows/subnets/plan.h"

static void test_ranges(void **state)
{
    static const char *const BAD[] = { "",
                                       "10.0.0.0",
                                       "10.0.0.0/",
                                       "10.0.0.0/33",
                                       "10.0.0.0/x",
                                       "0.0.0.0/0",
                                       "127.0.0.0/8",
                                       "224.0.0.0/4",
                                       "169.254.0.0/16",
                                       "0.1.0.0/16",
                                       "fd00::/129",
                                       "::/0",
                                       "fe80::/64",
                                       "ff02::/16",
                                       "::1/128",
                                       "::ffff:10.0.0.0/104",
                                       "10.0.0.0/24 " };
    struct kn_error err = { 0 };
    struct kn_ip_prefix cidr = { .length = 0 };
    char text[KN_IP_PREFIX_SIZE];

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        assert_fails(kn_network_subnet_plan_cidr(BAD[i], &cidr, &err), &err, KN_BAD_REQUEST);
    }
    assert_int_equal(cidr.ip.family, 0); /* untouched */
    assert_fails(kn_network_subnet_plan_cidr("10.0.0.77", &cidr, &err), &err, KN_BAD_REQUEST);
    assert_non_null(strstr(err.message, "'10.0.0.77/32' is recommended"));
    assert_ok(kn_network_subnet_plan_cidr("10.1.3.7/23", &cidr, &err), &err); /* as in Neutron, its range is meant */
    assert_string_equal(kn_ip_prefix_text(&cidr, text), "10.1.2.0/23");
    assert_ok(kn_network_subnet_plan_cidr("FD00:0::1/64", &cidr, &err), &err);
    assert_string_equal(kn_ip_prefix_text(&cidr, text), "fd00::/64");
}

/* The object of a POST, then of a PUT (NULL: none) on top, as it will be written; or the words of a refusal. */
static void expect_plan(const char *post, const char *put, const char *wanted)
{
    AUTO_RELEASE(kn_network_subnet_plan) struct kn_network_subnet_plan plan = { .pools = NULL };
    json_auto_t *object = json_loads(post, 0, NULL), *change = put != NULL ? json_loads(put, 0, NULL) : NULL,
                *said = json_object();
    struct kn_error err = { 0 };

    assert_non_null(object);
    assert_true(put == NULL || change != NULL);
    if (kn_network_subnet_plan_create(object, &plan, &err) < 0 ||
        (change != NULL && kn_network_subnet_plan_update(change, &plan, &err) < 0)) {
        if (wanted[0] == '{' || strstr(err.message, wanted) == NULL) {
            fail_msg("%s %s: %s", post, put != NULL ? put : "", err.message);
        }
        return;
    }
    kn_network_subnet_plan_say(&plan, said);
    AUTO_FREE char *text = json_dumps(said, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(text, wanted);
}

#define POOL(first, last) "{\"end\":\"10.0.0." last "\",\"start\":\"10.0.0." first "\"}"
#define SAID(pools, dhcp, gateway) \
    "{\"allocation_pools\":[" pools "],\"enable_dhcp\":" dhcp ",\"gateway_ip\":" gateway "}"

static void test_defaults(void **state)
{
    (void)state;
    expect_plan("{\"cidr\":\"10.0.0.0/24\"}", NULL, SAID(POOL("2", "254"), "true", "\"10.0.0.1\""));
    expect_plan("{\"cidr\":\"10.0.0.0/24\",\"gateway_ip\":null,\"enable_dhcp\":\"no\"}", NULL,
                SAID(POOL("1", "254"), "false", "null"));
    expect_plan("{\"cidr\":\"10.0.0.0/24\",\"gateway_ip\":\"10.0.0.100\"}", NULL,
                SAID(POOL("1", "99") "," POOL("101", "254"), "true", "\"10.0.0.100\""));
    expect_plan("{\"cidr\":\"10.0.0.0/24\",\"gateway_ip\":\"10.0.0.254\"}", NULL,
                SAID(POOL("1", "253"), "true", "\"10.0.0.254\""));
    expect_plan("{\"cidr\":\"10.0.0.0/24\",\"gateway_ip\":\"192.168.0.1\"}", NULL,
                SAID(POOL("1", "254"), "true", "\"192.168.0.1\""));
    expect_plan("{\"cidr\":\"10.0.0.8/31\",\"enable_dhcp\":false}", NULL,
                SAID(POOL("9", "9"), "false", "\"10.0.0.8\""));
    expect_plan("{\"cidr\":\"10.0.0.8/32\",\"enable_dhcp\":false}", NULL, SAID("", "false", "\"10.0.0.8\""));
}

static void test_refusals(void **state)
{
    (void)state;
    expect_plan("{}", NULL, "a subnetpool must be specified");
    expect_plan("{\"cidr\":\"10.0.0.0/24\",\"ip_version\":6}", NULL,
                "cidr '10.0.0.0/24' does not match the ip_version '6'");
    expect_plan("{\"cidr\":\"10.0.0.0/24\",\"ip_version\":5}", NULL, "5 is not in [4, 6]");
    expect_plan("{\"cidr\":\"10.0.0.8/31\"}", NULL, "incompatible with DHCP");
    expect_plan("{\"cidr\":\"10.0.0.0/24\",\"gateway_ip\":\"10.0.0.0\"}", NULL, "Gateway is not valid on subnet");
    expect_plan("{\"cidr\":\"10.0.0.0/24\",\"gateway_ip\":\"10.0.0.255\"}", NULL, "Gateway is not valid on subnet");
    expect_plan("{\"cidr\":\"10.0.0.0/24\",\"allocation_pools\":[" POOL("1", "9") "]}", NULL,
                "Gateway ip 10.0.0.1 conflicts");
    expect_plan("{\"cidr\":\"10.0.0.0/24\",\"allocation_pools\":[" POOL("9", "2") "]}", NULL, "is not valid");
    expect_plan("{\"cidr\":\"10.0.0.0/24\",\"allocation_pools\":[" POOL("2", "255") "]}", NULL,
                "spans beyond the subnet cidr");
    expect_plan("{\"cidr\":\"10.0.0.0/24\",\"allocation_pools\":[" POOL("2", "9") "," POOL("9", "12") "]}", NULL,
                "overlapping");
    expect_plan("{\"cidr\":\"10.0.0.0/24\",\"allocation_pools\":[{\"start\":\"10.0.0.5\"}]}", NULL, "is not valid");
}

static void test_changes(void **state)
{
    (void)state;
    expect_plan("{\"cidr\":\"10.0.0.0/24\"}", "{}", SAID(POOL("2", "254"), "true", "\"10.0.0.1\""));
    expect_plan("{\"cidr\":\"10.0.0.0/24\"}", "{\"gateway_ip\":null}", SAID(POOL("2", "254"), "true", "null"));
    expect_plan("{\"cidr\":\"10.0.0.0/24\"}", "{\"allocation_pools\":[" POOL("5", "9") "],\"enable_dhcp\":false}",
                SAID(POOL("5", "9"), "false", "\"10.0.0.1\""));
    expect_plan("{\"cidr\":\"10.0.0.0/24\"}", "{\"gateway_ip\":\"10.0.0.77\"}", "Gateway ip 10.0.0.77 conflicts");
}

#define V6(rest) "{\"ip_version\":6,\"cidr\":\"2001:db8::/64\"" rest "}"
#define V6_POOL(first, last) "{\"end\":\"2001:db8::" last "\",\"start\":\"2001:db8::" first "\"}"
#define V6_LAST "ffff:ffff:ffff:ffff"
#define MODES(ra, address) ",\"ipv6_ra_mode\":" ra ",\"ipv6_address_mode\":" address

#define V6_SAID(pools, dhcp, gateway) \
    "{\"allocation_pools\":[" pools "],\"enable_dhcp\":" dhcp ",\"gateway_ip\":" gateway "}"

static void test_v6(void **state)
{
    (void)state;
    expect_plan(V6(""), NULL, V6_SAID(V6_POOL("2", V6_LAST), "true", "\"2001:db8::1\""));
    expect_plan(V6(",\"gateway_ip\":null,\"enable_dhcp\":false"), NULL,
                V6_SAID(V6_POOL("1", V6_LAST), "false", "null"));
    expect_plan(V6(",\"gateway_ip\":\"2001:db8::\""), NULL, V6_SAID(V6_POOL("1", V6_LAST), "true", "\"2001:db8::\""));
    expect_plan(V6(",\"gateway_ip\":\"fe80::1\""), NULL, V6_SAID(V6_POOL("1", V6_LAST), "true", "\"fe80::1\""));
    expect_plan("{\"ip_version\":6,\"cidr\":\"2001:db8::/48\",\"gateway_ip\":\"2001:db8:0:1::\"}", NULL,
                V6_SAID(V6_POOL("1", V6_LAST) ",{\"end\":\"2001:db8:0:" V6_LAST
                                              ":ffff\",\"start\":\"2001:db8:0:1::1\"}",
                        "true", "\"2001:db8:0:1::\""));
    expect_plan(V6(MODES("\"slaac\"", "\"slaac\"")), NULL, V6_SAID(V6_POOL("2", V6_LAST), "true", "\"2001:db8::1\""));
    expect_plan(V6(MODES("\"dhcpv6-stateful\"", "null")), NULL,
                V6_SAID(V6_POOL("2", V6_LAST), "true", "\"2001:db8::1\""));
    expect_plan(V6(MODES("null", "\"dhcpv6-stateless\"")), "{\"gateway_ip\":null}",
                V6_SAID(V6_POOL("2", V6_LAST), "true", "null"));
    expect_plan("{\"ip_version\":6,\"cidr\":\"2001:db8::4/126\"}", NULL,
                V6_SAID(V6_POOL("6", "7"), "true", "\"2001:db8::5\""));
}

static void test_v6_refusals(void **state)
{
    (void)state;
    expect_plan("{\"cidr\":\"10.0.0.0/24\"" MODES("\"slaac\"", "null") "}", NULL,
                "ipv6_ra_mode is not valid when ip_version is 4");
    expect_plan("{\"cidr\":\"10.0.0.0/24\"" MODES("null", "\"slaac\"") "}", NULL,
                "ipv6_address_mode is not valid when ip_version is 4");
    expect_plan(V6(MODES("\"slaac\"", "\"dhcpv6-stateful\"")), NULL,
                "ipv6_ra_mode set to 'slaac' with ipv6_address_mode set to 'dhcpv6-stateful' is not valid. If both "
                "attributes are set, they must be the same value");
    expect_plan(V6(MODES("\"slaac\"", "null") ",\"enable_dhcp\":false"), NULL,
                "ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False");
    expect_plan("{\"ip_version\":6,\"cidr\":\"2001:db8::/80\"" MODES("\"slaac\"", "\"slaac\"") "}", NULL,
                "Invalid CIDR 2001:db8::/80 for IPv6 address mode. OpenStack uses the EUI-64 address format, which "
                "requires the prefix to be /64");
    expect_plan("{\"ip_version\":6,\"cidr\":\"2001:db8::/48\"" MODES("\"dhcpv6-stateful\"", "\"dhcpv6-stateful\"") "}",
                NULL, "Invalid CIDR 2001:db8::/48 for IPv6 address mode. DHCPv6 serves prefixes of 64 bits and more");
    expect_plan(V6(MODES("\"slaac\"", "\"slaac\"")), "{\"enable_dhcp\":false}",
                "Cannot disable enable_dhcp with ipv6 attributes set");
    expect_plan(V6(",\"gateway_ip\":\"10.0.0.1\""), NULL, "gateway_ip '10.0.0.1' does not match the ip_version '6'");
    expect_plan(V6(",\"allocation_pools\":[" POOL("2", "9") "]"), NULL, "is not valid");
    expect_plan(V6(",\"allocation_pools\":[" V6_POOL("1", "9") "]"), NULL, "Gateway ip 2001:db8::1 conflicts");
    expect_plan(V6(",\"allocation_pools\":[" V6_POOL("9", "2") "]"), NULL, "is not valid");
    expect_plan("{\"ip_version\":6,\"cidr\":\"2001:db8::/127\"}", NULL, "incompatible with DHCP");
}

static void test_lists(void **state)
{
    static const struct {
        const char *object;
        enum kn_code code; /* KN_OK: fine */
    } CASES[] = {
        { "{}", KN_OK },
        { "{\"dns_nameservers\":null,\"host_routes\":null}", KN_OK },
        { "{\"dns_nameservers\":[\"8.8.8.8\",\"8.8.4.4\"]}", KN_OK },
        { "{\"dns_nameservers\":[\"8.8.8.8\",\"8.8.8.8\"]}", KN_BAD_REQUEST },
        { "{\"dns_nameservers\":[\"8.8.8.8\\n\"]}", KN_BAD_REQUEST },
        { "{\"dns_nameservers\":[1]}", KN_BAD_REQUEST },
        { "{\"dns_nameservers\":[\"1.1.1.1\",\"1.1.1.2\",\"1.1.1.3\",\"1.1.1.4\",\"1.1.1.5\",\"1.1.1.6\"]}",
          KN_BAD_REQUEST },
        { "{\"host_routes\":[{\"destination\":\"10.2.0.0/16\",\"nexthop\":\"10.0.0.1\"}]}", KN_OK },
        { "{\"host_routes\":[{\"destination\":\"10.2.0.1/16\",\"nexthop\":\"10.0.0.1\"}]}", KN_BAD_REQUEST },
        { "{\"host_routes\":[{\"destination\":\"127.0.0.0/8\",\"nexthop\":\"10.0.0.1\"}]}", KN_BAD_REQUEST },
        { "{\"host_routes\":[{\"destination\":\"0.0.0.0/0\",\"nexthop\":\"10.0.0.1\"}]}", KN_OK },
        { "{\"host_routes\":[{\"destination\":\"10.2.0.0/16\"}]}", KN_BAD_REQUEST },
        { "{\"host_routes\":[{\"destination\":\"10.2.0.0/16\",\"nexthop\":\"x\"}]}", KN_BAD_REQUEST },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        json_auto_t *object = json_loads(CASES[i].object, 0, NULL);
        struct kn_error err = { .code = KN_OK };

        if ((kn_network_subnet_plan_lists(object, 4, &err) < 0) != (CASES[i].code != KN_OK) ||
            err.code != CASES[i].code) {
            fail_msg("%s: %s", CASES[i].object, err.message);
        }
    }
}

/* null in a body is an empty list in a row. */
static void test_null_lists(void **state)
{
    AUTO_RELEASE(kn_network_subnet_plan) struct kn_network_subnet_plan plan = { .cidr.length = 24 };
    json_auto_t *object = json_loads("{\"dns_nameservers\":null,\"host_routes\":null,\"name\":null}", 0, NULL);

    (void)state;
    kn_network_subnet_plan_say(&plan, object);
    assert_int_equal(json_array_size(json_object_get(object, "dns_nameservers")), 0);
    assert_true(json_is_array(json_object_get(object, "dns_nameservers")) &&
                json_is_array(json_object_get(object, "host_routes")));
    assert_true(json_is_null(json_object_get(object, "name")));
    assert_true(json_is_null(json_object_get(object, "gateway_ip")));
}

static void test_macs(void **state)
{
    static const char *const BAD[] = { "",
                                       "fa:16:3e:00:00",
                                       "fa:16:3e:00:00:0",
                                       "fa-16-3e-00-00-01",
                                       "fa:16:3e:00:00:0g",
                                       "01:00:5e:00:00:01",
                                       "00:00:00:00:00:00",
                                       "fa:16:3e:00:00:01 " };
    uint8_t mac[6];
    char text[KN_MAC_TEXT];

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        assert_false(kn_network_mac_parse(BAD[i], mac));
    }
    assert_false(kn_network_mac_parse(NULL, mac));
    assert_true(kn_network_mac_parse("FA:16:3e:00:0A:01", mac));
    kn_network_mac_text(mac, text);
    assert_string_equal(text, "fa:16:3e:00:0a:01");
}

/* What netaddr takes, and what it does not. */
static void test_macs_of_clients(void **state)
{
    static const char *const GOOD[] = { "fa:16:3e:00:0a:01", "FA-16-3E-00-0A-01", "fa:16:3e:0:a:1", "fa16.3e00.0a01",
                                        "fa16:3e00:a01",     "fa163e-000a01",     "fa163e000a01",   "fa16-3e00-a01" };
    static const char *const BAD[] = { "",
                                       "fa:16:3e:00:00",
                                       "fa:16-3e:00-0a:01",
                                       "fa.16.3e.00.0a.01",
                                       "fa163e00a",
                                       "fa163e000a01 ",
                                       "fa:16:3e:00:0a:01:",
                                       "0fa:16:3e:00:0a:01",
                                       "01-00-5e-00-00-01",
                                       "000000000000",
                                       ":::::",
                                       "::" };
    uint8_t mac[6];
    char text[KN_MAC_TEXT];

    (void)state;
    for (size_t i = 0; i < KN_COUNT(GOOD); i++) {
        assert_true(kn_network_mac_read(GOOD[i], mac));
        kn_network_mac_text(mac, text);
        assert_string_equal(text, "fa:16:3e:00:0a:01");
    }
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        assert_false(kn_network_mac_read(BAD[i], mac));
    }
    assert_false(kn_network_mac_read(NULL, mac));
}

/* One value a column and port, whatever was left out. */
static void test_a_batch_is_columns(void **state)
{
    AUTO_RELEASE(kn_network_plan) struct kn_network_plan plan;

    (void)state;
    kn_network_plan_init(&plan);
    kn_network_plan_port(&plan, &(struct kn_network_plan_port){
                                    .id = "a", .network_id = "n", .project_id = "p", .mac = "m", .nic = -1 });
    kn_network_plan_port(&plan, &(struct kn_network_plan_port){ .id = "b",
                                                                .network_id = "n",
                                                                .project_id = "p",
                                                                .name = "x,\"y",
                                                                .mac = "m",
                                                                .tag = "h",
                                                                .nic = 2,
                                                                .admin_state_up = true,
                                                                .made_for_server = true });
    const struct kn_ip ip = kn_ip_v4(0x0a000002);
    kn_network_plan_address(&plan, "a", "s", &ip);
    assert_string_equal(kn_array_value(&plan.columns[KN_PLAN_ID]), "{\"a\",\"b\"}");
    assert_string_equal(kn_array_value(&plan.columns[KN_PLAN_NAME]), "{\"\",\"x,\\\"y\"}");
    assert_string_equal(kn_array_value(&plan.columns[KN_PLAN_TAG]), "{NULL,\"h\"}");
    assert_string_equal(kn_array_value(&plan.columns[KN_PLAN_NIC]), "{NULL,\"2\"}");
    assert_string_equal(kn_array_value(&plan.columns[KN_PLAN_UP]), "{\"f\",\"t\"}");
    assert_string_equal(kn_array_value(&plan.columns[KN_PLAN_MADE]), "{\"f\",\"t\"}");
    assert_string_equal(kn_array_value(&plan.columns[KN_PLAN_ADDRESS_PORT]), "{\"a\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_v6),
        cmocka_unit_test(test_v6_refusals),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_null_lists),
        cmocka_unit_test(test_macs),
        cmocka_unit_test(test_macs_of_clients),
        cmocka_unit_test(test_a_batch_is_columns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
