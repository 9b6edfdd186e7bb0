/* SPDX-License-Identifier: Apache-2.0 */
/* Subnets of IPv6 and ports of both families, over the real front door: who gets which address, and what is refused in Neutron's words. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/front.h"
#include "tests/support/neutron.h"
#include "tests/support/neutron_words.h"

#define ALICE KN_TEST_TOKEN("a11ce", "member")
#define V6(rest) ",\"ip_version\":6,\"cidr\":\"2001:db8::/64\"" rest
#define MODE(mode) ",\"ipv6_ra_mode\":\"" mode "\",\"ipv6_address_mode\":\"" mode "\""
#define MAC "fa:16:3e:00:00:01"
#define OWN "2001:db8::f816:3eff:fe00:1" /* what that MAC makes */

struct id {
    char text[64];
};

static struct id kept(const char *path)
{
    struct id id;

    snprintf(id.text, sizeof(id.text), "%s", neutron_get(path));
    return id;
}

static struct id new_network(void)
{
    struct id id;

    snprintf(id.text, sizeof(id.text), "%s", neutron_network(ALICE, ""));
    return id;
}

static struct id v6_subnet(const struct id *network, const char *more)
{
    neutron_post(201, ALICE, "subnet", network->text, more);
    return kept("subnet.id");
}

static struct id v6_port(const struct id *network, const char *more)
{
    neutron_post(201, ALICE, "port", network->text, more);
    return kept("port.id");
}

/* The addresses of the last answer's port, in their order. */
static void has(const char *first, const char *second)
{
    assert_string_equal(neutron_get("port.fixed_ips.0.ip_address"), first);
    assert_string_equal(neutron_get("port.fixed_ips.1.ip_address"), second);
}

static void test_one_of_each_family(void **state)
{
    (void)state;
    const struct id net = new_network();

    v6_subnet(&net, ",\"ip_version\":4,\"cidr\":\"10.0.0.0/24\"");
    v6_subnet(&net, V6(MODE("dhcpv6-stateful")));
    assert_string_equal(neutron_get("subnet.gateway_ip"), "2001:db8::1");
    assert_string_equal(neutron_get("subnet.ipv6_ra_mode"), "dhcpv6-stateful");
    v6_port(&net, "");
    has("10.0.0.3", "2001:db8::3"); /* the DHCP port has the first ones */
    neutron_post(201, ALICE, "port", net.text, ",\"fixed_ips\":[{\"ip_address\":\"2001:DB8:0::77\"}]");
    has("2001:db8::77", "(absent)");
    neutron_post(409, ALICE, "port", net.text, ",\"fixed_ips\":[{\"ip_address\":\"2001:db8::77\"}]");
    neutron_post(400, ALICE, "port", net.text, ",\"fixed_ips\":[{\"ip_address\":\"2001:db8:0:1::77\"}]");
    neutron_say(200, ALICE, "GET /ports?fixed_ips=ip_address%3D2001:db8::77", NULL);
    assert_int_equal(neutron_count("ports"), 1);
    neutron_say(200, ALICE, "GET /ports?fixed_ips=ip_address_substr%3Ddb8::7", NULL);
    assert_int_equal(neutron_count("ports"), 1);
    neutron_say(200, ALICE, "GET /ports?fixed_ips=ip_address_substr%3Ddb8::%25", NULL); /* no pattern */
    assert_int_equal(neutron_count("ports"), 0);
    neutron_say(200, ALICE, "GET /subnets?ip_version=6&ipv6_ra_mode=dhcpv6-stateful", NULL);
    assert_int_equal(neutron_count("subnets"), 1);
}

/* Guests make their addresses themselves: every port has it, whatever else it was given, and keeps it. */
static void test_what_guests_make(void **state)
{
    static const char *const MODES[] = { MODE("slaac"), MODE("dhcpv6-stateless"), ",\"ipv6_address_mode\":\"slaac\"",
                                         ",\"ipv6_ra_mode\":\"dhcpv6-stateless\"" };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(MODES); i++) {
        const struct id net = new_network();
        AUTO_FREE char *more = kn_asprintf(V6("%s"), MODES[i]);
        const struct id subnet = v6_subnet(&net, more);
        AUTO_FREE char *other = kn_asprintf(",\"fixed_ips\":[{\"subnet_id\":\"%s\",\"ip_address\":\"2001:db8::9\"}]",
                                            subnet.text);

        v6_subnet(&net, ",\"ip_version\":4,\"cidr\":\"10.0.0.0/24\"");
        const struct id port = v6_port(&net, ",\"mac_address\":\"" MAC "\"");
        has("10.0.0.3", OWN);
        neutron_say(200, ALICE, neutron_at("PUT", "ports", port.text),
                    "{\"port\":{\"fixed_ips\":[{\"ip_address\":\"10.0.0.9\"}]}}");
        has("10.0.0.9", OWN);
        neutron_say(200, ALICE, neutron_at("PUT", "ports", port.text), /* what it has, as clients say it again */
                    "{\"port\":{\"fixed_ips\":[{\"ip_address\":\"" OWN "\"},{\"ip_address\":\"10.0.0.9\"}]}}");
        has("10.0.0.9", OWN);
        neutron_say(400, ALICE, neutron_at("PUT", "ports", port.text),
                    "{\"port\":{\"fixed_ips\":[{\"ip_address\":\"2001:db8::9\"}]}}");
        assert_string_equal(neutron_get("NeutronError.type"), "AllocationOnAutoAddressSubnet");
        neutron_post(400, ALICE, "port", net.text, other);
        assert_string_equal(neutron_get("NeutronError.type"), "AllocationOnAutoAddressSubnet");
        neutron_say(204, ALICE, neutron_at("DELETE", "subnets", subnet.text), NULL); /* holds nothing */
        neutron_say(200, ALICE, neutron_at("GET", "ports", port.text), NULL);
        has("10.0.0.9", "(absent)");
    }
}

/* Ports that were there before the subnet have made theirs, too; a router's has not. */
static void test_a_subnet_that_comes_later(void **state)
{
    (void)state;
    const struct id net = new_network();
    const struct id port = v6_port(&net, ",\"mac_address\":\"" MAC "\"");
    const struct id router = v6_port(&net, "");
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err;

    /* A router's port that has no address yet is nothing that a call could make. */
    assert_ok(kn_db_query(kn_neutron.db,
                          "UPDATE port SET device_owner = 'network:router_interface' WHERE id = $1::uuid", 1,
                          KN_ARGS(router.text), &rows, &err),
              &err);

    v6_subnet(&net, V6(MODE("slaac")));
    neutron_say(200, ALICE, neutron_at("GET", "ports", port.text), NULL);
    has(OWN, "(absent)");
    neutron_say(200, ALICE, neutron_at("GET", "ports", router.text), NULL);
    has("(absent)", "(absent)");
}

/* A router's leg has an address there that no MAC makes, and keeps it, too. */
static void test_a_leg_says_its_own_again(void **state)
{
    (void)state;
    const struct id net = new_network();
    const struct id subnet = v6_subnet(&net, V6(MODE("slaac")));

    neutron_say(201, ALICE, "POST /routers", "{\"router\":{}}");
    const struct id router = kept("router.id");
    AUTO_FREE char *path = kn_asprintf("PUT /routers/%s/add_router_interface", router.text);
    AUTO_FREE char *body = kn_asprintf("{\"subnet_id\":\"%s\"}", subnet.text);
    AUTO_FREE char *again =
        kn_asprintf("{\"port\":{\"fixed_ips\":[{\"subnet_id\":\"%s\",\"ip_address\":\"2001:db8::1\"}]}}", subnet.text);

    neutron_say(200, ALICE, path, body);
    const struct id leg = kept("port_id");

    neutron_say(200, ALICE, neutron_at("PUT", "ports", leg.text), again);
    has("2001:db8::1", "(absent)");
}

static void test_what_is_refused(void **state)
{
    static const char *const BAD[][2] = {
        { V6(",\"ipv6_ra_mode\":\"slaac\",\"ipv6_address_mode\":\"dhcpv6-stateful\""), "must be the same value" },
        { V6(MODE("slaac") ",\"enable_dhcp\":false"), "cannot be set when enable_dhcp is set to False" },
        { ",\"ip_version\":6,\"cidr\":\"2001:db8::/48\"" MODE("slaac"), "requires the prefix to be /64" },
        { ",\"ip_version\":4,\"cidr\":\"10.0.0.0/24\",\"ipv6_ra_mode\":\"slaac\"", "not valid when ip_version is 4" },
        { ",\"ip_version\":6,\"cidr\":\"10.0.0.0/24\"", "does not match the ip_version '6'" },
        { V6(",\"dns_nameservers\":[\"8.8.8.8\"]"), "dns_nameserver '8.8.8.8' does not match the ip_version '6'" },
        { V6(",\"ipv6_ra_mode\":\"x\""), "ipv6_ra_mode" },
        { V6(",\"gateway_ip\":\"10.0.0.1\""), "does not match the ip_version '6'" },
    };

    (void)state;
    const struct id net = new_network();

    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        neutron_post(400, ALICE, "subnet", net.text, BAD[i][0]);
        if (strstr(neutron_get("NeutronError.message"), BAD[i][1]) == NULL) {
            fail_msg("%s: %s", BAD[i][0], neutron_get("NeutronError.message"));
        }
    }
    const struct id subnet = v6_subnet(&net, V6(MODE("dhcpv6-stateful")));

    neutron_say(400, ALICE, neutron_at("PUT", "subnets", subnet.text), "{\"subnet\":{\"enable_dhcp\":false}}");
    neutron_say(400, ALICE, neutron_at("PUT", "subnets", subnet.text), "{\"subnet\":{\"ipv6_ra_mode\":\"slaac\"}}");
    neutron_post(400, ALICE, "subnet", net.text, ",\"ip_version\":6,\"cidr\":\"2001:db8::/80\"");
    v6_port(&net, "");
    neutron_say(409, ALICE, neutron_at("DELETE", "subnets", subnet.text), NULL);
    assert_string_equal(neutron_get("NeutronError.type"), "SubnetInUse");
}

static struct id subnet_for(const struct id *network, const char *cidr, const char *types)
{
    AUTO_FREE char *more = kn_asprintf(",\"ip_version\":6,\"cidr\":\"%s\",\"enable_dhcp\":false,\"service_types\":[%s]",
                                       cidr, types);

    neutron_post(201, ALICE, "subnet", network->text, more);
    return kept("subnet.id");
}

static void leg_is(int status, const struct id *router, const struct id *subnet)
{
    AUTO_FREE char *leg = kn_asprintf("PUT /routers/%s/add_router_interface", router->text);
    AUTO_FREE char *body = kn_asprintf("{\"subnet_id\":\"%s\"}", subnet->text);

    neutron_say(status, ALICE, leg, body);
}

/* A router has one leg for all of a network's IPv6 subnets; one that is for others does not widen it. */
static void test_service_types_of_a_leg_that_widens(void **state)
{
    (void)state;
    const struct id net = new_network();
    const struct id first = subnet_for(&net, "fd00:1::/64", ""),
                    others = subnet_for(&net, "fd00:2::/64", "\"compute:nova\""),
                    routers = subnet_for(&net, "fd00:3::/64", "\"compute:nova\",\"network:router_interface\"");

    neutron_say(201, ALICE, "POST /routers", "{\"router\":{}}");
    const struct id router = kept("router.id");

    leg_is(200, &router, &first);
    const struct id port = kept("port_id");

    leg_is(400, &router, &others);
    assert_string_equal(neutron_get("NeutronError.type"), "InvalidInput");
    assert_non_null(strstr(neutron_get("NeutronError.message"), others.text));
    leg_is(200, &router, &routers);
    assert_string_equal(neutron_get("port_id"), port.text);
    neutron_say(200, ALICE, neutron_at("GET", "ports", port.text), NULL);
    assert_string_equal(neutron_get("port.fixed_ips.0.ip_address"), "fd00:1::1");
    assert_string_equal(neutron_get("port.fixed_ips.1.ip_address"), "fd00:3::1");
    assert_string_equal(neutron_get("port.fixed_ips.2"), "(absent)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_one_of_each_family, kn_neutron_fresh),
        cmocka_unit_test_setup(test_what_guests_make, kn_neutron_fresh),
        cmocka_unit_test_setup(test_a_subnet_that_comes_later, kn_neutron_fresh),
        cmocka_unit_test_setup(test_a_leg_says_its_own_again, kn_neutron_fresh),
        cmocka_unit_test_setup(test_service_types_of_a_leg_that_widens, kn_neutron_fresh),
        cmocka_unit_test_setup(test_what_is_refused, kn_neutron_fresh),
    };
    return cmocka_run_group_tests(tests, kn_neutron_start, kn_neutron_stop);
}
