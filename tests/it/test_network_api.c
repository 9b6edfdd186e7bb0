/* SPDX-License-Identifier: Apache-2.0 */
/* Neutron over HTTP: what clients do and see, who may do it, and a table of everything that must be refused. */
#include "tests/support/test.h"

#include <stdio.h>

#include "lib/base/mem.h"
#include "lib/base/strbuf.h"
#include "network/api.h"
#include "tests/support/front.h"
#include "tests/support/neutron.h"
#include "tests/support/neutron_bad.h"
#include "tests/support/neutron_words.h"

#define ALICE KN_TEST_TOKEN("a11ce", "member")
#define READER KN_TEST_TOKEN("a11ce", "reader")
#define BOB KN_TEST_TOKEN("b0b", "member")
#define ADMIN KN_TEST_TOKEN("ad", "admin")
#define NOBODY KN_NEUTRON_NOBODY

/* --- networks ----------------------------------------------------------------------------------------------------- */

static void test_network_life(void **state)
{
    (void)state;
    const char *id = neutron_network(ALICE, ",\"description\":\"d\",\"admin_state_up\":\"true\"");

    assert_string_equal(neutron_get("network.tenant_id"), "a11ce");
    assert_string_equal(neutron_get("network.project_id"), "a11ce");
    assert_string_equal(neutron_get("network.status"), "ACTIVE");
    assert_string_equal(neutron_get("network.shared"), "false");
    assert_string_equal(neutron_get("network.subnets"), "[]");
    assert_string_equal(neutron_get("network.mtu"), "1450");
    assert_string_equal(neutron_get("network.provider:segmentation_id"), "(absent)");
    neutron_say(200, ADMIN, neutron_at("GET", "networks", id), NULL);
    assert_string_equal(neutron_get("network.provider:network_type"), "vxlan");
    assert_true(atoi(neutron_get("network.provider:segmentation_id")) >= 1000);
    neutron_say(200, ALICE, neutron_at("PUT", "networks", id),
                "{\"network\":{\"name\":\"renamed\",\"admin_state_up\":false}}");
    assert_string_equal(neutron_get("network.name"), "renamed");
    assert_string_equal(neutron_get("network.status"), "DOWN");
    assert_string_equal(neutron_get("network.description"), "d");
    neutron_say(204, ALICE, neutron_at("DELETE", "networks", id), NULL);
    assert_int_equal(kn_neutron.http.body.len, 0);
    neutron_say(404, ALICE, neutron_at("GET", "networks", id), NULL);
    assert_string_equal(neutron_get("NeutronError.type"), "NetworkNotFound");
    neutron_say(404, ALICE, neutron_at("GET", "networks", "a%20b%20could"),
                NULL); /* no type is made of a client's words */
    assert_string_equal(neutron_get("NeutronError.type"), "NetworkNotFound");
    neutron_say(404, ALICE, neutron_at("GET", "ports", "Drop%20table"), NULL);
    assert_string_equal(neutron_get("NeutronError.type"), "PortNotFound");
}

static void test_bulk_is_all_or_nothing(void **state)
{
    (void)state;
    neutron_say(201, ALICE, "POST /networks", "{\"networks\":[{\"name\":\"a\"},{\"name\":\"b\"}]}");
    assert_string_equal(neutron_get("networks.1.name"), "b");
    neutron_say(400, ALICE, "POST /networks", "{\"networks\":[{\"name\":\"c\"},{\"name\":5}]}");
    neutron_say(200, ALICE, "GET /networks", NULL);
    assert_int_equal(neutron_count("networks"), 2);
}

static void test_others_networks(void **state)
{
    (void)state;
    const char *hers = neutron_network(ALICE, ""),
               *shared = neutron_network(ADMIN, ",\"shared\":true,\"tenant_id\":\"a11ce\"");

    neutron_say(404, BOB, neutron_at("GET", "networks", hers), NULL);
    neutron_say(404, BOB, neutron_at("PUT", "networks", hers), "{\"network\":{\"name\":\"x\"}}");
    neutron_say(404, BOB, neutron_at("DELETE", "networks", hers), NULL);
    neutron_say(200, BOB, neutron_at("GET", "networks", shared), NULL);
    neutron_say(403, BOB, neutron_at("PUT", "networks", shared), "{\"network\":{\"name\":\"x\"}}");
    neutron_say(403, BOB, neutron_at("DELETE", "networks", shared), NULL);
    neutron_post(403, BOB, "subnet", shared, ",\"ip_version\":4,\"cidr\":\"10.0.0.0/24\"");
    neutron_post(404, BOB, "subnet", hers, ",\"ip_version\":4,\"cidr\":\"10.0.0.0/24\"");
    neutron_post(404, BOB, "port", hers, "");
    neutron_say(200, BOB, "GET /networks", NULL);
    assert_int_equal(neutron_count("networks"), 1);
    neutron_say(403, READER, "POST /networks", "{\"network\":{}}");
    neutron_say(403, ALICE, "POST /networks", "{\"network\":{\"shared\":true}}");
    neutron_say(403, ALICE, "POST /networks", "{\"network\":{\"provider:segmentation_id\":7}}");
    neutron_say(400, ALICE, "POST /networks", "{\"network\":{\"tenant_id\":\"b0b\"}}");
    neutron_say(401, "", "GET /networks", NULL);
}

static void test_segmentation_id(void **state)
{
    (void)state;
    neutron_network(ADMIN, ",\"provider:network_type\":\"vxlan\",\"provider:segmentation_id\":77");
    assert_string_equal(neutron_get("network.provider:segmentation_id"), "77");
    neutron_say(409, ADMIN, "POST /networks", "{\"network\":{\"provider:segmentation_id\":77}}");
    assert_string_equal(neutron_get("NeutronError.type"), "TunnelIdInUse");
    neutron_say(400, ADMIN, "POST /networks", "{\"network\":{\"provider:network_type\":\"flat\"}}");
}

/* --- subnets ------------------------------------------------------------------------------------------------------ */

static void test_subnet_life(void **state)
{
    (void)state;
    const char *network = neutron_network(ALICE, ""),
               *id = neutron_subnet(
                   ALICE, network,
                   ",\"cidr\":\"10.0.0.0/24\",\"dns_nameservers\":"
                   "[\"8.8.8.8\"],\"host_routes\":[{\"destination\":\"10.1.0.0/16\",\"nexthop\":\"10.0.0.9\"}]");

    assert_string_equal(neutron_get("subnet.gateway_ip"), "10.0.0.1");
    assert_string_equal(neutron_get("subnet.allocation_pools"), "[{\"end\":\"10.0.0.254\",\"start\":\"10.0.0.2\"}]");
    assert_string_equal(neutron_get("subnet.enable_dhcp"), "true");
    assert_string_equal(neutron_get("subnet.dns_nameservers"), "[\"8.8.8.8\"]");
    assert_string_equal(neutron_get("subnet.host_routes.0.nexthop"), "10.0.0.9");
    assert_string_equal(neutron_get("subnet.subnetpool_id"), "null");
    neutron_say(200, ALICE, neutron_at("GET", "networks", network), NULL);
    assert_string_equal(neutron_get("network.subnets.0"), id);
    neutron_say(200, ALICE, "GET /ports?device_owner=network:dhcp", NULL);
    assert_string_equal(neutron_get("ports.0.fixed_ips.0.ip_address"), "10.0.0.2");
    neutron_say(200, ALICE, neutron_at("PUT", "subnets", id),
                "{\"subnet\":{\"gateway_ip\":\"192.0.2.1\"}}"); /* outside: its owner's affair */
    assert_string_equal(neutron_get("subnet.gateway_ip"), "192.0.2.1");
    neutron_say(200, ALICE, neutron_at("PUT", "subnets", id),
                "{\"subnet\":{\"gateway_ip\":null,\"enable_dhcp\":false,\"name\":\"s\",\"dns_nameservers\":[]}}");
    assert_string_equal(neutron_get("subnet.gateway_ip"), "null");
    assert_string_equal(neutron_get("subnet.dns_nameservers"), "[]");
    assert_string_equal(neutron_get("subnet.host_routes.0.nexthop"), "10.0.0.9");
    neutron_say(200, ALICE, "GET /ports?device_owner=network:dhcp", NULL);
    assert_string_equal(neutron_get("ports.0.fixed_ips"), "[]");
    neutron_say(200, ALICE, neutron_at("PUT", "subnets", id), "{\"subnet\":{\"enable_dhcp\":true}}");
    neutron_say(204, ALICE, neutron_at("DELETE", "subnets", id), NULL);
    neutron_say(404, ALICE, neutron_at("GET", "subnets", id), NULL);
    assert_string_equal(neutron_get("NeutronError.type"), "SubnetNotFound");
    neutron_say(204, ALICE, neutron_at("DELETE", "networks", network), NULL); /* its DHCP port goes along */
}

static void test_subnet_pools(void **state)
{
    (void)state;
    const char *network = neutron_network(ALICE, "");

    neutron_subnet(ALICE, network, ",\"cidr\":\"10.0.0.0/24\",\"gateway_ip\":\"10.0.0.100\"");
    assert_string_equal(
        neutron_get("subnet.allocation_pools"),
        "[{\"end\":\"10.0.0.99\",\"start\":\"10.0.0.1\"},{\"end\":\"10.0.0.254\",\"start\":\"10.0.0.101\"}]");
    neutron_subnet(ALICE, network,
                   ",\"cidr\":\"10.0.1.0/24\",\"gateway_ip\":null,\"enable_dhcp\":false,\"allocation_pools\":"
                   "[{\"start\":\"10.0.1.5\",\"end\":\"10.0.1.6\"}]");
    assert_string_equal(neutron_get("subnet.allocation_pools"), "[{\"end\":\"10.0.1.6\",\"start\":\"10.0.1.5\"}]");
    neutron_post(400, ALICE, "subnet", network, ",\"ip_version\":4,\"cidr\":\"10.0.0.128/25\"");
    assert_non_null(strstr(neutron_get("NeutronError.message"), "overlaps with another subnet"));
    assert_string_equal(neutron_get("NeutronError.type"), "InvalidInput");
}

/* --- ports -------------------------------------------------------------------------------------------------------- */

static void test_port_life(void **state)
{
    (void)state;
    const char *network = neutron_network(ALICE, ""),
               *subnet = neutron_subnet(ALICE, network, ",\"cidr\":\"10.0.0.0/24\"");
    char id[64];

    neutron_post(201, ALICE, "port", network, ",\"name\":\"p\"");
    snprintf(id, sizeof(id), "%s", neutron_get("port.id"));
    assert_string_equal(neutron_get("port.fixed_ips.0.ip_address"), "10.0.0.3");
    assert_string_equal(neutron_get("port.fixed_ips.0.subnet_id"), subnet);
    assert_string_equal(neutron_get("port.status"), "DOWN");
    assert_string_equal(neutron_get("port.binding:vnic_type"), "normal");
    assert_string_equal(neutron_get("port.binding:host_id"), "(absent)");
    assert_string_equal(neutron_get("port.port_security_enabled"), "true");
    assert_memory_equal(neutron_get("port.mac_address"), "fa:16:3e:", 9);
    neutron_say(200, ALICE, neutron_at("PUT", "ports", id),
                "{\"port\":{\"fixed_ips\":[{\"ip_address\":\"10.0.0.3\"},{\"ip_address\":\"10.0.0.50\"}],"
                "\"device_id\":\"me\"}}");
    assert_string_equal(neutron_get("port.fixed_ips.1.ip_address"), "10.0.0.50");
    neutron_say(403, ALICE, neutron_at("PUT", "ports", id),
                "{\"port\":{\"mac_address\":\"fa:16:3e:01:02:03\"}}"); /* not even on a network of one's own */
    neutron_say(200, ADMIN, neutron_at("PUT", "ports", id), "{\"port\":{\"mac_address\":\"fa:16:3e:01:02:03\"}}");
    assert_string_equal(neutron_get("port.mac_address"), "fa:16:3e:01:02:03");
    neutron_say(409, ALICE, neutron_at("DELETE", "subnets", subnet), NULL);
    assert_string_equal(neutron_get("NeutronError.type"), "SubnetInUse");
    neutron_say(409, ALICE, neutron_at("DELETE", "networks", network), NULL);
    assert_string_equal(neutron_get("NeutronError.type"), "NetworkInUse");
    assert_non_null(strstr(neutron_get("NeutronError.message"), id));
    neutron_say(204, ALICE, neutron_at("DELETE", "ports", id), NULL);
    neutron_say(204, ALICE, neutron_at("DELETE", "networks", network), NULL);
}

static void test_port_addresses(void **state)
{
    (void)state;
    const char *network = neutron_network(ALICE, "");

    neutron_subnet(ALICE, network, ",\"cidr\":\"10.0.0.0/29\",\"enable_dhcp\":false");
    const char *second = neutron_subnet(ALICE, network, ",\"cidr\":\"10.0.1.0/29\",\"enable_dhcp\":false");
    AUTO_FREE char *on_second = kn_asprintf(",\"fixed_ips\":[{\"subnet_id\":\"%s\"}]", second);

    neutron_post(201, ALICE, "port", network, ",\"fixed_ips\":[]");
    assert_string_equal(neutron_get("port.fixed_ips"), "[]");
    neutron_post(201, ALICE, "port", network, ",\"fixed_ips\":[{\"ip_address\":\"10.0.0.2\"}]");
    neutron_post(409, ALICE, "port", network, ",\"fixed_ips\":[{\"ip_address\":\"10.0.0.2\"}]");
    assert_string_equal(neutron_get("NeutronError.type"), "IpAddressAlreadyAllocated");
    neutron_post(201, ALICE, "port", network, "");
    assert_string_equal(neutron_get("port.fixed_ips.0.ip_address"), "10.0.0.3");
    neutron_post(201, ALICE, "port", network, on_second);
    assert_string_equal(neutron_get("port.fixed_ips.0.ip_address"), "10.0.1.2");
    for (int i = 0; i < 7; i++) { /* three are left here, four there */
        neutron_post(201, ALICE, "port", network, "");
    }
    neutron_post(409, ALICE, "port", network, "");
    assert_string_equal(neutron_get("NeutronError.type"), "IpAddressGenerationFailure");
    neutron_post(409, ALICE, "port", network, on_second);
    assert_string_equal(neutron_get("NeutronError.type"), "IpAddressGenerationFailureForSubnet");
    neutron_post(201, ALICE, "port", network, ",\"mac_address\":\"fa:16:3e:00:00:01\",\"fixed_ips\":[]");
    neutron_post(409, ALICE, "port", network, ",\"mac_address\":\"FA:16:3E:00:00:01\",\"fixed_ips\":[]");
    neutron_post(409, ALICE, "port", network, ",\"mac_address\":\"fa-16-3e-0-0-1\",\"fixed_ips\":[]");
    assert_string_equal(neutron_get("NeutronError.type"), "MacAddressInUse");
    neutron_post(201, ALICE, "port", network,
                 ",\"mac_address\":\"FA-16-3E-00-00-02\",\"fixed_ips\":[],\"allowed_address_pairs\":"
                 "[{\"ip_address\":\"10.9.9.9\",\"mac_address\":\"fa16.3e00.0003\"}]");
    assert_string_equal(neutron_get("port.mac_address"), "fa:16:3e:00:00:02");
    assert_string_equal(neutron_get("port.allowed_address_pairs.0.mac_address"), "fa:16:3e:00:00:03");
    neutron_say(200, ALICE, "GET /ports?mac_address=FA-16-3E-00-00-02", NULL);
    assert_int_equal(neutron_count("ports"), 1);
}

static void test_ports_on_a_shared_network(void **state)
{
    (void)state;
    const char *network = neutron_network(ADMIN, ",\"shared\":true");
    char id[64];

    neutron_subnet(ADMIN, network, ",\"cidr\":\"10.0.0.0/24\"");
    neutron_post(201, BOB, "port", network, "");
    snprintf(id, sizeof(id), "%s", neutron_get("port.id"));
    neutron_post(403, BOB, "port", network, ",\"mac_address\":\"fa:16:3e:00:00:01\"");
    neutron_post(403, BOB, "port", network, ",\"fixed_ips\":[{\"ip_address\":\"10.0.0.9\"}]");
    neutron_post(403, BOB, "port", network, ",\"device_owner\":\"network:router_interface\"");
    neutron_say(404, ALICE, neutron_at("GET", "ports", id), NULL);
    neutron_say(200, ADMIN, neutron_at("GET", "ports", id), NULL);
    assert_string_equal(neutron_get("port.binding:vif_type"), "unbound");
    neutron_say(200, BOB, "GET /ports", NULL);
    assert_int_equal(neutron_count("ports"), 1); /* the DHCP port is not Bob's */
    neutron_say(409, ADMIN, neutron_at("PUT", "networks", network), "{\"network\":{\"shared\":false}}");
    assert_string_equal(neutron_get("NeutronError.type"), "InvalidSharedSetting");
}

/* A network of Alice's that an admin has shared: Bob's port on it is Bob's, the words of the network's own devices are Alice's. */
static void test_ports_of_two(void **state)
{
    (void)state;
    const char *network = neutron_network(ALICE, "");
    char id[64], x[64];

    neutron_subnet(ALICE, network, ",\"cidr\":\"10.0.0.0/24\"");
    neutron_say(200, ADMIN, neutron_at("PUT", "networks", network), "{\"network\":{\"shared\":true}}");
    neutron_post(201, BOB, "port", network, "");
    snprintf(id, sizeof(id), "%s", neutron_get("port.id"));
    neutron_say(200, ALICE, neutron_at("GET", "ports", id), NULL);
    neutron_say(403, ALICE, neutron_at("PUT", "ports", id), "{\"port\":{\"admin_state_up\":false}}");
    neutron_say(403, ALICE, neutron_at("PUT", "ports", id), "{\"port\":{\"device_owner\":\"network:x\"}}");
    neutron_say(403, BOB, neutron_at("PUT", "ports", id), "{\"port\":{\"device_owner\":\"network:x\"}}");
    neutron_say(403, BOB, neutron_at("PUT", "ports", id), "{\"port\":{\"fixed_ips\":[]}}");
    neutron_say(403, BOB, neutron_at("PUT", "ports", id), "{\"port\":{\"mac_address\":\"fa:16:3e:00:00:01\"}}");
    neutron_say(200, BOB, neutron_at("PUT", "ports", id), "{\"port\":{\"name\":\"bobs\",\"device_owner\":\"mine\"}}");
    neutron_post(403, BOB, "port", network, ",\"device_owner\":\"network:x\"");
    neutron_post(201, ALICE, "port", network, ",\"device_owner\":\"network:x\"");
    snprintf(x, sizeof(x), "%s", neutron_get("port.id"));
    neutron_say(404, BOB, neutron_at("DELETE", "ports", x), NULL);
    neutron_say(204, ALICE, neutron_at("DELETE", "ports", x), NULL);
    neutron_post(201, ADMIN, "port", network, ",\"device_owner\":\"network:x\",\"tenant_id\":\"b0b\"");
    snprintf(x, sizeof(x), "%s", neutron_get("port.id"));
    neutron_say(200, BOB, neutron_at("PUT", "ports", x), "{\"port\":{\"device_owner\":\"\"}}");
    neutron_say(204, BOB, neutron_at("DELETE", "ports", x), NULL);
    neutron_say(204, ALICE, neutron_at("DELETE", "ports", id), NULL); /* the network is hers */
}

/* What is in the outbox about it: hosts will hear so often of it. */
static int64_t changes_of(const char *id)
{
    AUTO_FREE char *sql = kn_asprintf("SELECT count(*) AS changes FROM network_change WHERE id = '%s'", id);
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err;

    assert_ok(kn_db_query(kn_neutron.db, sql, 0, KN_NO_ARGS, &rows, &err), &err);
    return kn_rows_int(rows, 0, kn_rows_col(rows, "changes"));
}

/* A port that a server has stays its own; what a host can follow changes, and its host hears of it. */
static void test_ports_in_use(void **state)
{
    (void)state;
    const char *network = neutron_network(ALICE, "");
    struct kn_error err;
    char id[64];

    neutron_subnet(ALICE, network, ",\"cidr\":\"10.0.0.0/24\"");
    neutron_say(200, ALICE, "GET /ports", NULL);
    neutron_say(409, ALICE, neutron_at("DELETE", "ports", neutron_get("ports.0.id")), NULL);
    assert_string_equal(neutron_get("NeutronError.type"), "ServicePortInUse");
    neutron_post(201, ALICE, "port", network, "");
    snprintf(id, sizeof(id), "%s", neutron_get("port.id"));
    AUTO_FREE char *sql = kn_asprintf(
        "UPDATE port SET device_id = '" NOBODY "', device_owner = 'compute:nova', nic = 0 WHERE id = '%s';"
        "INSERT INTO port_binding (port_id, host, state) VALUES ('%s', 'h', 'active'), ('%s', 'other', 'inactive')",
        id, id, id);

    assert_ok(kn_db_script(kn_neutron.db, sql, &err), &err);
    neutron_say(409, ALICE, neutron_at("DELETE", "ports", id), NULL);
    assert_string_equal(neutron_get("NeutronError.type"), "PortInUse");
    neutron_say(409, ALICE, neutron_at("PUT", "ports", id), "{\"port\":{\"device_id\":\"\"}}");
    neutron_say(409, ADMIN, neutron_at("PUT", "ports", id), "{\"port\":{\"mac_address\":\"fa:16:3e:00:00:77\"}}");
    assert_int_equal(changes_of(id), 0); /* what was refused, and what no host knows, is nobody's news */
    neutron_say(200, ALICE, neutron_at("PUT", "ports", id), "{\"port\":{\"name\":\"mine\"}}");
    assert_int_equal(changes_of(id), 0);
    neutron_say(200, ALICE, neutron_at("PUT", "ports", id), "{\"port\":{\"admin_state_up\":false}}");
    assert_int_equal(changes_of(id), 1);
    neutron_say(200, ALICE, neutron_at("PUT", "ports", id),
                "{\"port\":{\"fixed_ips\":[{\"ip_address\":\"10.0.0.77\"}]}}");
    neutron_say(200, ALICE, neutron_at("PUT", "ports", id), "{\"port\":{\"admin_state_up\":true}}");
    assert_int_equal(changes_of(id), 3);
    assert_string_equal(neutron_get("port.fixed_ips.0.ip_address"), "10.0.0.77");
    assert_string_equal(neutron_get("port.status"), "ACTIVE");
    neutron_say(200, ADMIN, neutron_at("GET", "ports", id), NULL); /* of two bindings the active one */
    assert_string_equal(neutron_get("port.binding:host_id"), "h");
    assert_string_equal(neutron_get("port.binding:vif_type"), "tap");
    neutron_say(200, ADMIN, "GET /ports?binding:host_id=other", NULL);
    assert_string_equal(neutron_get("ports.0.id"), "(absent)");
    neutron_say(200, ADMIN, "GET /ports?binding:host_id=h", NULL);
    assert_string_equal(neutron_get("ports.0.id"), id);
    const int64_t before = changes_of(network);

    neutron_say(200, ALICE, neutron_at("PUT", "networks", network), "{\"network\":{\"mtu\":1400}}");
    assert_int_equal(changes_of(network), before + 1);
}

/* --- lists -------------------------------------------------------------------------------------------------------- */

static void test_filters_fields_and_order(void **state)
{
    (void)state;
    const char *network = neutron_network(ALICE, "");
    AUTO_FREE char *by_subnet = NULL;

    by_subnet = kn_asprintf("GET /ports?fixed_ips=subnet_id=%s&fixed_ips=ip_address=10.0.0.5&fields=id",
                            neutron_subnet(ALICE, network, ",\"cidr\":\"10.0.0.0/24\""));
    for (int i = 0; i < 3; i++) {
        AUTO_FREE char *more = kn_asprintf(",\"name\":\"p%d\",\"device_id\":\"d%d\"", i, i);

        neutron_post(201, ALICE, "port", network, more);
    }
    neutron_say(200, ALICE, "GET /ports?name=p0&name=p2&sort_key=name&sort_dir=desc&fields=name&fields=device_id",
                NULL);
    assert_string_equal(neutron_get("ports"),
                        "[{\"name\":\"p2\",\"device_id\":\"d2\"},{\"name\":\"p0\",\"device_id\":\"d0\"}]");
    neutron_say(200, ALICE, by_subnet, NULL);
    assert_int_equal(neutron_count("ports"), 1);
    neutron_say(200, ALICE, "GET /ports?admin_state_up=False", NULL);
    assert_int_equal(neutron_count("ports"), 0);
    neutron_say(200, ALICE, "GET /ports?id=not-a-uuid&network_id=x&mac_address=y", NULL);
    assert_int_equal(neutron_count("ports"), 0);
    neutron_say(200, ALICE,
                "GET /subnets?cidr=10.0.0.0/24&ip_version=4&gateway_ip=10.0.0.1&enable_dhcp=true&shared=False", NULL);
    assert_int_equal(neutron_count("subnets"), 1);
    neutron_say(200, ALICE, "GET /networks?name=%27%20OR%201=1%20--", NULL);
    assert_int_equal(neutron_count("networks"), 0);
}

/* Follows the links to the end and back. */
static void test_pages(void **state)
{
    (void)state;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf names = KN_STRBUF_INIT;
    char next[512];

    neutron_say(
        201, ALICE, "POST /networks",
        "{\"networks\":[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"c\"},{\"name\":\"c\"},{\"name\":\"e\"}]}");
    snprintf(next, sizeof(next), "GET /networks?limit=2&sort_key=name&sort_dir=asc");
    for (int page = 0; page < 3; page++) {
        neutron_say(200, ALICE, next, NULL);
        kn_strbuf_addstr(&names, neutron_get("networks.0.name"));
        kn_strbuf_addstr(&names, neutron_count("networks") > 1 ? neutron_get("networks.1.name") : "");
        if (page < 2) {
            assert_string_equal(neutron_get("networks_links.0.rel"), "next");
            snprintf(next, sizeof(next), "GET %s", strstr(neutron_get("networks_links.0.href"), "/networks"));
        }
    }
    assert_string_equal(names.buf, "abcce");
    assert_string_equal(neutron_get("networks_links.0.rel"), "previous");
    snprintf(next, sizeof(next), "GET %s", strstr(neutron_get("networks_links.0.href"), "/networks"));
    neutron_say(200, ALICE, next, NULL);
    assert_string_equal(neutron_get("networks.0.name"), "c");
    assert_string_equal(neutron_get("networks.1.name"), "c");
    /* From behind the end there is a way back, and from there on to before the beginning. */
    neutron_say(200, ALICE, "GET /networks?limit=5&sort_key=name&sort_dir=asc", NULL);
    snprintf(next, sizeof(next), "GET %s", strstr(neutron_get("networks_links.0.href"), "/networks"));
    neutron_say(200, ALICE, next, NULL);
    assert_int_equal(neutron_count("networks"), 0);
    assert_string_equal(neutron_get("networks_links.0.rel"), "previous");
    snprintf(next, sizeof(next), "GET %s", strstr(neutron_get("networks_links.0.href"), "/networks"));
    neutron_say(200, ALICE, next, NULL);
    assert_int_equal(neutron_count("networks"), 5);
    assert_string_equal(neutron_get("networks.4.name"), "e");
    snprintf(next, sizeof(next), "GET %s", strstr(neutron_get("networks_links.1.href"), "/networks"));
    neutron_say(200, ALICE, next, NULL);
    assert_int_equal(neutron_count("networks"), 0);
    assert_string_equal(neutron_get("networks_links.0.rel"), "next");
    neutron_say(404, ALICE, "GET /networks?limit=1&marker=" NOBODY, NULL);
}

/* --- quotas, extensions ------------------------------------------------------------------------------------------- */

static void test_quotas(void **state)
{
    (void)state;
    neutron_say(200, ALICE, "GET /quotas/a11ce", NULL);
    assert_string_equal(neutron_get("quota.network"), "100");
    neutron_say(403, ALICE, "GET /quotas/b0b", NULL);
    neutron_say(403, ALICE, "PUT /quotas/a11ce", "{\"quota\":{\"network\":5}}");
    neutron_say(200, ADMIN, "PUT /quotas/a11ce", "{\"quota\":{\"network\":1}}");
    neutron_network(ALICE, "");
    neutron_say(409, ALICE, "POST /networks", "{\"network\":{}}");
    assert_string_equal(neutron_get("NeutronError.type"), "OverQuota");
    neutron_say(200, ALICE, "GET /quotas/a11ce/details", NULL);
    assert_string_equal(neutron_get("quota.network"), "{\"limit\":1,\"used\":1,\"reserved\":0}");
    neutron_say(200, ADMIN, "GET /quotas", NULL);
    assert_string_equal(neutron_get("quotas.0.project_id"), "a11ce");
    neutron_say(400, ADMIN, "PUT /quotas/a11ce", "{\"quota\":{\"network\":0}}");
    assert_string_equal(neutron_get("NeutronError.message"),
                        "Quota limit 0 for network must be greater than or equal to already used 1");
    neutron_say(200, ADMIN, "PUT /quotas/a11ce", "{\"quota\":{\"network\":0,\"force\":true}}");
    neutron_say(204, ADMIN, "DELETE /quotas/a11ce", NULL);
    neutron_say(200, ALICE, "GET /quotas/a11ce/default", NULL);
    neutron_say(201, ALICE, "POST /networks", "{\"network\":{}}");
    neutron_say(200, ALICE, "GET /quotas/tenant", NULL); /* python-neutronclient asks whose token it has */
    assert_string_equal(neutron_get("tenant.tenant_id"), "a11ce");
}

#define A_POOL "POST /subnetpools", "{\"subnetpool\":{\"name\":\"p\",\"prefixes\":[\"10.0.0.0/8\"]}}"

/* Subnet pools count, too; where nobody says otherwise there may be any number. */
static void test_pools_count(void **state)
{
    (void)state;
    neutron_say(200, ALICE, "GET /quotas/a11ce", NULL);
    assert_string_equal(neutron_get("quota.subnetpool"), "-1");
    neutron_say(200, ADMIN, "PUT /quotas/a11ce", "{\"quota\":{\"subnetpool\":1}}");
    neutron_say(201, ALICE, A_POOL);
    AUTO_FREE char *id = kn_strdup(neutron_get("subnetpool.id"));

    neutron_say(409, ALICE, A_POOL);
    assert_string_equal(neutron_get("NeutronError.type"), "OverQuota");
    neutron_say(204, ALICE, neutron_at("DELETE", "subnetpools", id), NULL);
    neutron_say(200, ALICE, "GET /quotas/a11ce/details", NULL);
    assert_string_equal(neutron_get("quota.subnetpool"), "{\"limit\":1,\"used\":0,\"reserved\":0}");
}

static void test_extensions_are_truthful(void **state)
{
    (void)state;
    static const char *const ABSENT[] = { "dvr", "l3-ha", "external-gateway-multihoming" };

    neutron_say(200, ALICE, "GET /extensions", NULL);
    assert_string_equal(neutron_get("extensions.0.alias"), "aap-reject-multicast");
    neutron_say(200, ALICE, "GET /extensions/net-mtu", NULL);
    assert_string_equal(neutron_get("extension.alias"), "net-mtu");
    for (size_t i = 0; i < KN_COUNT(ABSENT); i++) {
        neutron_say(404, ALICE, neutron_at("GET", "extensions", ABSENT[i]), NULL);
    }
    neutron_say(404, ALICE, "GET /trunks", NULL);
    neutron_say(200, ALICE, "GET /availability_zones", NULL);
}

/* --- bad input ---------------------------------------------------------------------------------------------------- */

static char *fill_in(const char *text, const char *network, const char *subnet, const char *port)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;

    for (; text != NULL && *text != '\0'; text++) {
        if (*text == '$') {
            text++;
            kn_strbuf_addstr(&sb, *text == 'N' ? network : *text == 'S' ? subnet : port);
        } else {
            kn_strbuf_addch(&sb, *text);
        }
    }
    return text == NULL ? NULL : kn_strbuf_detach(&sb);
}

static int64_t rows_in_all(void)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err;

    assert_ok(kn_db_query(
                  kn_neutron.db,
                  "SELECT (SELECT count(*) FROM network) + (SELECT count(*) FROM subnet) + (SELECT count(*) FROM port)"
                  " + (SELECT count(*) FROM address)",
                  0, KN_NO_ARGS, &rows, &err),
              &err);
    return kn_rows_int(rows, 0, 0);
}

static void test_bad_input_changes_nothing(void **state)
{
    (void)state;
    const char *network = neutron_network(ALICE, ""),
               *subnet = neutron_subnet(ALICE, network, ",\"cidr\":\"10.0.0.0/24\"");
    char port[64];

    neutron_post(201, ALICE, "port", network, "");
    snprintf(port, sizeof(port), "%s", neutron_get("port.id"));
    int64_t before = rows_in_all();

    for (size_t i = 0; i < kn_neutron_bad_count; i++) {
        AUTO_FREE char *what = fill_in(kn_neutron_bad[i].what, network, subnet, port),
                       *body = fill_in(kn_neutron_bad[i].body, network, subnet, port);

        if (strcmp(kn_neutron_bad[i].what, "GET /") != 0) {
            neutron_say(kn_neutron_bad[i].status, ALICE, what, body);
            assert_string_not_equal(neutron_get("NeutronError.message"), "(absent)");
        }
    }
    assert_int_equal(rows_in_all(), before);
}

/* --- what compute asks -------------------------------------------------------------------------------------------- */

static void test_what_compute_asks(void **state)
{
    static const struct kn_caller ALICES = { .project_id = "a11ce", .roles = KN_ROLE_READER },
                                  BOBS = { .project_id = "b0b", .roles = KN_ROLE_READER };
    (void)state;
    struct kn_error err = { .code = KN_OK };
    char id[KN_UUID_SIZE] = "x";
    const char *bare = neutron_network(BOB, "");

    assert_ok(kn_network_auto(kn_neutron.db, "a11ce", id, &err), &err);
    assert_string_equal(id, "");
    const char *network = neutron_network(ALICE, "");

    neutron_subnet(ALICE, network, ",\"cidr\":\"10.0.0.0/24\"");
    assert_ok(kn_network_auto(kn_neutron.db, "a11ce", id, &err), &err);
    assert_string_equal(id, network);
    assert_ok(kn_network_usable(kn_neutron.db, &ALICES, network, NULL, &err), &err);
    assert_ok(kn_network_usable(kn_neutron.db, &ALICES, network, "10.0.0.9", &err), &err);
    assert_fails(kn_network_usable(kn_neutron.db, &ALICES, network, "10.0.0.2", &err), &err,
                 KN_BAD_REQUEST); /* DHCP's */
    assert_fails(kn_network_usable(kn_neutron.db, &ALICES, network, "10.1.0.9", &err), &err, KN_BAD_REQUEST);
    assert_fails(kn_network_usable(kn_neutron.db, &BOBS, network, NULL, &err), &err, KN_BAD_REQUEST);
    assert_fails(kn_network_usable(kn_neutron.db, &BOBS, bare, NULL, &err), &err, KN_BAD_REQUEST);
    assert_fails(kn_network_usable(kn_neutron.db, &BOBS, "x", NULL, &err), &err, KN_BAD_REQUEST);
    neutron_network(ADMIN, ",\"shared\":true");
    assert_fails(kn_network_auto(kn_neutron.db, "a11ce", id, &err), &err, KN_CONFLICT);
    neutron_post(201, ALICE, "port", network, ",\"device_id\":\"d\"");
    assert_fails(kn_network_port_usable(kn_neutron.db, &ALICES, neutron_get("port.id"), &err), &err, KN_CONFLICT);
    neutron_post(201, ALICE, "port", network, "");
    assert_ok(kn_network_port_usable(kn_neutron.db, &ALICES, neutron_get("port.id"), &err), &err);
    assert_fails(kn_network_port_usable(kn_neutron.db, &BOBS, neutron_get("port.id"), &err), &err, KN_BAD_REQUEST);
    neutron_post(201, ALICE, "port", network, ",\"fixed_ips\":[]");
    assert_fails(kn_network_port_usable(kn_neutron.db, &ALICES, neutron_get("port.id"), &err), &err, KN_BAD_REQUEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_network_life, kn_neutron_fresh),
        cmocka_unit_test_setup(test_bulk_is_all_or_nothing, kn_neutron_fresh),
        cmocka_unit_test_setup(test_others_networks, kn_neutron_fresh),
        cmocka_unit_test_setup(test_segmentation_id, kn_neutron_fresh),
        cmocka_unit_test_setup(test_subnet_life, kn_neutron_fresh),
        cmocka_unit_test_setup(test_subnet_pools, kn_neutron_fresh),
        cmocka_unit_test_setup(test_port_life, kn_neutron_fresh),
        cmocka_unit_test_setup(test_port_addresses, kn_neutron_fresh),
        cmocka_unit_test_setup(test_ports_on_a_shared_network, kn_neutron_fresh),
        cmocka_unit_test_setup(test_ports_of_two, kn_neutron_fresh),
        cmocka_unit_test_setup(test_ports_in_use, kn_neutron_fresh),
        cmocka_unit_test_setup(test_filters_fields_and_order, kn_neutron_fresh),
        cmocka_unit_test_setup(test_pages, kn_neutron_fresh),
        cmocka_unit_test_setup(test_quotas, kn_neutron_fresh),
        cmocka_unit_test_setup(test_pools_count, kn_neutron_fresh),
        cmocka_unit_test_setup(test_extensions_are_truthful, kn_neutron_fresh),
        cmocka_unit_test_setup(test_bad_input_changes_nothing, kn_neutron_fresh),
        cmocka_unit_test_setup(test_what_compute_asks, kn_neutron_fresh),
    };
    return cmocka_run_group_tests(tests, kn_neutron_start, kn_neutron_stop);
}
