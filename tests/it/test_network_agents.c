/* SPDX-License-Identifier: Apache-2.0 */
/* What Neutron calls agents, zones, segments and providers: hosts and networks told over HTTP as they are, and what operators may say of them. */
#include "lib/base/uuid.h"
#include "tests/support/postgres.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/front.h"
#include "tests/support/neutron.h"
#include "tests/support/neutron_words.h"

#define ALICE KN_TEST_TOKEN("a11ce", "member")
#define ADMIN KN_TEST_TOKEN("ad", "admin")
#define NOBODY "99999999-9999-4999-8999-999999999999"
#define TYPE "NeutronError.type"
#define MESSAGE "NeutronError.message"
#define assert_said(path, wanted) assert_string_equal(neutron_get(path), wanted)

/* h1 lives and may have routers, h2 is silent, s1 is simulated. */
static const char HOSTS[] = KN_TEST_EMPTY(
    "host, agent, network_agent") "INSERT INTO agent (id, boot, last_seen) VALUES ('a1', 'b', now()), ('a2', 'b', now() - interval '1 hour'), ('a3', 'b', now());"
                                  "INSERT INTO host (name, uuid, agent_id, zone, underlay, vcpus, memory_mib, disk_gib, cpu_ratio_percent, hypervisor_type, hypervisor_version)"
                                  " VALUES ('h1', gen_random_uuid(), 'a1', 'east', '192.0.2.1', 1, 1, 1, 100, 'QEMU', 1),"
                                  " ('h2', gen_random_uuid(), 'a2', 'west', '192.0.2.2', 1, 1, 1, 100, 'QEMU', 1),"
                                  " ('s1', gen_random_uuid(), 'a3', 'sim', '192.0.2.3', 1, 1, 1, 100, 'sim', 1);"
                                  "INSERT INTO network_host (host, physical) VALUES ('h1', '{public}');"
                                  "INSERT INTO host_network_state (host, version) VALUES ('h1', 1);";

static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void run(const char *format, ...)
{
    struct kn_error err;
    char sql[1000];
    va_list args;

    va_start(args, format);
    vsnprintf(sql, sizeof(sql), format, args);
    va_end(args);
    assert_ok(kn_db_script(kn_neutron.db, sql, &err), &err);
}

static int fresh(void **state)
{
    struct kn_error err;

    kn_neutron_fresh(state);
    assert_ok(kn_db_script(kn_neutron.db, HOSTS, &err), &err);
    return 0;
}

static int empty(void **state)
{
    (void)state;
    run(KN_TEST_EMPTY("host, agent, network_agent"));
    return 0;
}

static const char *at(const char *format, ...) __attribute__((format(printf, 1, 2)));
static const char *at(const char *format, ...)
{
    static char text[4][300];
    static int n;
    va_list args;

    n = (n + 1) % 4;
    va_start(args, format);
    vsnprintf(text[n], sizeof(text[n]), format, args);
    va_end(args);
    return text[n];
}

static void count(const char *token, const char *what, const char *plural, size_t wanted)
{
    neutron_say(200, token, what, NULL);
    if (neutron_count(plural) != wanted) {
        fail_msg("%s: %zu", what, neutron_count(plural));
    }
}

static const char *agent(const char *host, const char *type)
{
    static char id[4][40];
    static int n;
    char what[200];

    snprintf(what, sizeof(what), "GET /agents?host=%s&agent_type=%s%%20agent", host, type);
    count(ADMIN, what, "agents", 1);
    n = (n + 1) % 4;
    kn_copy(id[n], sizeof(id[n]), neutron_get("agents.0.id"));
    return id[n];
}

/* --- agents ------------------------------------------------------------------------------------------------------- */

static void test_agents_are_what_runs(void **state)
{
    (void)state;
    count(ADMIN, "GET /agents", "agents", 7);
    count(ADMIN, "GET /agents?alive=true", "agents", 4);
    count(ADMIN, "GET /agents?alive=False&fields=host", "agents", 3);
    assert_said("agents.0", "{\"host\":\"h2\"}");
    count(ADMIN, "GET /agents?host=s1", "agents", 0);
    count(ADMIN, "GET /agents?agent_type=L3%20agent", "agents", 1);
    assert_said("agents.0.configurations.agent_mode", "legacy");
    assert_said("agents.0.configurations.physical_networks", "[\"public\"]");
    assert_said("agents.0.availability_zone", "east");
    assert_said("agents.0.binary", "kilonova-agent");
    assert_said("agents.0.topic", "kn.agent.a1");
    assert_said("agents.0.alive", "true");
    assert_said("agents.0.admin_state_up", "true");
    count(ADMIN, "GET /agents?limit=2&sort_key=host&sort_dir=desc", "agents", 2);
    assert_said("agents.0.host", "h2");
    neutron_say(200, ADMIN, at("GET /agents/%s", agent("h2", "DHCP")), NULL);
    assert_said("agent.alive", "false");
    assert_said("agent.description", "null");
    neutron_say(404, ADMIN, "GET /agents/" NOBODY, NULL);
    assert_said(TYPE, "AgentNotFound");
    assert_said(MESSAGE, "Agent " NOBODY " could not be found.");
    count(ALICE, "GET /agents", "agents", 0);
    neutron_say(404, ALICE, at("GET /agents/%s", agent("h2", "DHCP")), NULL);
    neutron_say(400, ADMIN, "GET /agents?alive=perhaps", NULL);
}

static void test_what_is_said_of_agents(void **state)
{
    const char *dhcp = agent("h1", "DHCP"), *l3 = agent("h1", "L3");

    (void)state;
    neutron_say(200, ADMIN, at("PUT /agents/%s", dhcp),
                "{\"agent\":{\"description\":\"rack 7\",\"admin_state_up\":true}}");
    assert_said("agent.description", "rack 7");
    neutron_say(400, ADMIN, at("PUT /agents/%s", dhcp), "{\"agent\":{\"admin_state_up\":false}}");
    neutron_say(400, ADMIN, at("PUT /agents/%s", dhcp), "{\"agent\":{\"host\":\"h2\"}}");
    assert_said(MESSAGE, "Cannot update read-only attribute host");
    neutron_say(200, ADMIN, at("PUT /agents/%s", l3), "{\"agent\":{\"admin_state_up\":false}}");
    assert_said("agent.admin_state_up", "false");
    count(ADMIN, "GET /agents?admin_state_up=false", "agents", 1);
    neutron_say(200, ADMIN, at("PUT /agents/%s", l3), "{\"agent\":{\"description\":\"off\"}}");
    assert_said("agent.admin_state_up", "false");
    neutron_say(200, ADMIN, at("PUT /agents/%s", l3), "{\"agent\":{\"admin_state_up\":true}}");
    assert_said("agent.description", "off");
    neutron_say(404, ALICE, at("PUT /agents/%s", l3),
                "{\"agent\":{\"description\":\"mine\"}}"); /* nor is he shown it */
    assert_said(TYPE, "AgentNotFound");
    neutron_say(404, ADMIN, "PUT /agents/" NOBODY, "{\"agent\":{\"description\":\"x\"}}");
}

/* One that is silent may be deleted; heard again, it is there again, as new. */
static void test_agents_end(void **state)
{
    const char *dead = agent("h2", "DHCP"), *alive = agent("h1", "DHCP");

    (void)state;
    neutron_say(409, ADMIN, at("DELETE /agents/%s", alive), NULL);
    neutron_say(200, ADMIN, at("PUT /agents/%s", dead), "{\"agent\":{\"description\":\"old\"}}");
    neutron_say(204, ADMIN, at("DELETE /agents/%s", dead), NULL);
    neutron_say(404, ADMIN, at("GET /agents/%s", dead), NULL);
    neutron_say(404, ADMIN, at("DELETE /agents/%s", dead), NULL);
    count(ADMIN, "GET /agents", "agents", 6);
    run("UPDATE agent SET last_seen = now() WHERE id = 'a2'");
    neutron_say(200, ADMIN, at("GET /agents/%s", dead), NULL);
    assert_said("agent.alive", "true");
    assert_said("agent.description", "null");
}

static void test_who_serves_what(void **state)
{
    const char *dhcp = agent("h1", "DHCP"), *l3 = agent("h1", "L3");
    char network[40], router[40];

    (void)state;
    kn_copy(network, sizeof(network), neutron_network(ALICE, ""));
    neutron_say(201, ALICE, "POST /routers", "{\"router\":{}}");
    kn_copy(router, sizeof(router), neutron_get("router.id"));
    count(ADMIN, at("GET /networks/%s/dhcp-agents", network), "agents", 0);
    count(ADMIN, at("GET /routers/%s/l3-agents", router), "agents", 0);
    run("INSERT INTO host_network_object (host, kind, id) VALUES ('h1', 'network', '%s'); UPDATE router SET host = 'h1'",
        network);
    count(ADMIN, at("GET /networks/%s/dhcp-agents", network), "agents", 0); /* nobody asks there for addresses yet */
    neutron_subnet(ALICE, network, ",\"cidr\":\"10.0.0.0/24\"");
    count(ADMIN, at("GET /networks/%s/dhcp-agents", network), "agents", 1);
    assert_said("agents.0.id", dhcp);
    assert_said("agents.0.configurations", "{\"dhcp_driver\":\"dnsmasq\",\"networks\":1,\"subnets\":1}");
    count(ADMIN, at("GET /routers/%s/l3-agents", router), "agents", 1);
    assert_said("agents.0.id", l3);
    assert_said("agents.0.configurations.routers", "1");
    count(ADMIN, at("GET /agents/%s/dhcp-networks", dhcp), "networks", 1);
    assert_said("networks.0.id", network);
    assert_said("networks.0.availability_zones", "[\"east\"]");
    count(ADMIN, at("GET /agents/%s/l3-routers", l3), "routers", 1);
    count(ADMIN, at("GET /agents/%s/dhcp-networks", l3), "networks", 0);
    neutron_say(404, ADMIN, "GET /agents/" NOBODY "/dhcp-networks", NULL);
    neutron_say(404, ADMIN, "GET /networks/" NOBODY "/dhcp-agents", NULL);
    neutron_say(403, ALICE, at("GET /networks/%s/dhcp-agents", network), NULL);
    neutron_say(501, ADMIN, at("POST /agents/%s/dhcp-networks", dhcp), "{\"network_id\":\"x\"}");
    neutron_say(501, ADMIN, at("POST /agents/%s/l3-routers", l3), "{\"router_id\":\"x\"}");
}

/* --- zones -------------------------------------------------------------------------------------------------------- */

static void test_zones(void **state)
{
    (void)state;
    count(ALICE, "GET /availability_zones", "availability_zones", 4);
    count(ALICE, "GET /availability_zones?resource=router", "availability_zones", 1);
    assert_said("availability_zones.0", "{\"name\":\"east\",\"resource\":\"router\",\"state\":\"available\"}");
    count(ALICE, "GET /availability_zones?state=unavailable", "availability_zones", 1);
    assert_said("availability_zones.0.name", "west");
    count(ALICE, "GET /availability_zones?name=east&name=west", "availability_zones", 3);
    neutron_say(200, ADMIN, at("PUT /agents/%s", agent("h1", "L3")), "{\"agent\":{\"admin_state_up\":false}}");
    count(ALICE, "GET /availability_zones?resource=router", "availability_zones", 1);
    assert_said("availability_zones.0.state", "unavailable");
}

/* What an aggregate says of a host goes before what its agent says, here as in compute. */
static void test_zones_of_aggregates(void **state)
{
    char network[KN_UUID_SIZE];

    (void)state;
    run("UPDATE host SET aggregate_zone = 'moon' WHERE name = 'h1'");
    count(ALICE, "GET /availability_zones?name=moon", "availability_zones", 2);
    count(ALICE, "GET /availability_zones?name=east", "availability_zones", 0);
    count(ADMIN, "GET /agents?host=h1&availability_zone=moon", "agents", 2);
    neutron_say(201, ALICE, "POST /networks", "{\"network\":{\"availability_zone_hints\":[\"moon\"]}}");
    kn_copy(network, sizeof(network), neutron_get("network.id"));
    neutron_say(404, ALICE, "POST /networks", "{\"network\":{\"availability_zone_hints\":[\"east\"]}}");
    run("INSERT INTO host_network_object (host, kind, id) VALUES ('h1', 'network', '%s')", network);
    neutron_say(200, ALICE, at("GET /networks/%s", network), NULL);
    assert_said("network.availability_zones", "[\"moon\"]");
    neutron_say(201, ALICE, "POST /routers", "{\"router\":{\"availability_zone_hints\":[\"moon\"]}}");
    run("UPDATE router SET host = 'h1'");
    neutron_say(200, ALICE, at("GET /routers/%s", neutron_get("router.id")), NULL);
    assert_said("router.availability_zones", "[\"moon\"]");
}

static void test_zone_hints(void **state)
{
    (void)state;
    neutron_say(201, ALICE, "POST /networks", "{\"network\":{\"availability_zone_hints\":[\"east\",\"west\"]}}");
    assert_said("network.availability_zone_hints", "[\"east\",\"west\"]");
    assert_said("network.availability_zones", "[]");
    neutron_say(404, ALICE, "POST /networks", "{\"network\":{\"availability_zone_hints\":[\"moon\"]}}");
    assert_said(TYPE, "AvailabilityZoneNotFound");
    assert_said(MESSAGE, "AvailabilityZone moon could not be found.");
    neutron_say(400, ALICE, "POST /networks", "{\"network\":{\"availability_zone_hints\":[\"east\",\"east\"]}}");
    neutron_say(400, ALICE, "POST /networks", "{\"network\":{\"availability_zone_hints\":\"east\"}}");
    neutron_say(201, ALICE, "POST /routers", "{\"router\":{\"availability_zone_hints\":[\"east\"]}}");
    neutron_say(404, ALICE, "POST /routers",
                "{\"router\":{\"availability_zone_hints\":[\"west\"]}}"); /* has no host for routers */
    count(ALICE, "GET /networks", "networks", 1);
}

/* --- networks ----------------------------------------------------------------------------------------------------- */

static void test_segments(void **state)
{
    char network[40];

    (void)state;
    neutron_say(
        201, ADMIN, "POST /networks",
        "{\"network\":{\"segments\":[{\"provider:network_type\":\"vxlan\",\"provider:segmentation_id\":4711}]}}");
    assert_said("network.provider:segmentation_id", "4711");
    kn_copy(network, sizeof(network), neutron_get("network.id"));
    count(ADMIN, at("GET /segments?network_id=%s", network), "segments", 1);
    assert_said("segments.0.id", network);
    assert_said("segments.0.network_type", "vxlan");
    assert_said("segments.0.physical_network", "null");
    assert_said("segments.0.segmentation_id", "4711");
    neutron_say(200, ADMIN, at("GET /segments/%s", network), NULL);
    neutron_say(404, ADMIN, "GET /segments/" NOBODY, NULL);
    assert_said(TYPE, "SegmentNotFound");
    count(ALICE, "GET /segments", "segments", 0);
    neutron_say(404, ALICE, at("GET /segments/%s", network), NULL);
    neutron_say(403, ALICE, "POST /networks", "{\"network\":{\"segments\":[{}]}}");
    neutron_say(400, ADMIN, "POST /networks", "{\"network\":{\"segments\":[{},{}]}}");
    neutron_say(400, ADMIN, "POST /networks", "{\"network\":{\"segments\":[{}]}}");
    neutron_say(400, ADMIN, "POST /networks", "{\"network\":{\"segments\":[{\"provider:segmentation_id\":4712}]}}");
    neutron_say(
        400, ADMIN, "POST /networks",
        "{\"network\":{\"segments\":[{\"provider:network_type\":\"vxlan\"}],\"provider:network_type\":\"vxlan\"}}");
    assert_said(TYPE, "SegmentsSetInConjunctionWithProviders");
    neutron_say(400, ADMIN, "POST /networks", "{\"network\":{\"segments\":[{\"colour\":\"red\"}]}}");
    neutron_say(501, ADMIN, "POST /segments", "{\"segment\":{}}");
    neutron_say(501, ADMIN, at("DELETE /segments/%s", network), NULL);
    count(ADMIN, "GET /segments", "segments", 1);
}

static void test_default_external_network(void **state)
{
    char first[40], second[40];

    (void)state;
    neutron_say(201, ADMIN, "POST /networks", "{\"network\":{\"router:external\":true,\"is_default\":true}}");
    assert_said("network.is_default", "true");
    kn_copy(first, sizeof(first), neutron_get("network.id"));
    neutron_say(409, ADMIN, "POST /networks", "{\"network\":{\"router:external\":true,\"is_default\":true}}");
    assert_said(TYPE, "DefaultExternalNetworkExists");
    assert_said(MESSAGE, at("A default external network already exists: %s.", first));
    neutron_say(201, ADMIN, "POST /networks", "{\"network\":{\"router:external\":true}}");
    kn_copy(second, sizeof(second), neutron_get("network.id"));
    assert_said("network.is_default", "false");
    neutron_say(409, ADMIN, at("PUT /networks/%s", second), "{\"network\":{\"is_default\":true}}");
    count(ALICE, "GET /networks?is_default=true", "networks", 1);
    neutron_say(200, ADMIN, at("PUT /networks/%s", first), "{\"network\":{\"is_default\":true}}");
    neutron_say(200, ADMIN, at("PUT /networks/%s", first), "{\"network\":{\"router:external\":false}}");
    assert_said("network.is_default", "false");
    neutron_say(200, ADMIN, at("PUT /networks/%s", second), "{\"network\":{\"is_default\":true}}");
    neutron_say(400, ADMIN, at("PUT /networks/%s", first), "{\"network\":{\"is_default\":true}}");
    neutron_say(403, ALICE, "POST /networks", "{\"network\":{\"is_default\":true}}");
}

static void test_adjacency_and_transparency(void **state)
{
    (void)state;
    neutron_say(201, ALICE, "POST /networks", "{\"network\":{\"vlan_transparent\":false}}");
    assert_said("network.l2_adjacency", "true");
    neutron_say(400, ALICE, "POST /networks", "{\"network\":{\"vlan_transparent\":true}}");
    count(ALICE, "GET /networks", "networks", 1);
}

static void test_service_providers(void **state)
{
    (void)state;
    count(ALICE, "GET /service-providers", "service_providers", 1);
    assert_said("service_providers.0",
                "{\"service_type\":\"L3_ROUTER_NAT\",\"name\":\"single_node\",\"default\":true}");
    count(ALICE, "GET /service-providers?service_type=VPN", "service_providers", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_agents_are_what_runs, fresh, empty),
        cmocka_unit_test_setup_teardown(test_what_is_said_of_agents, fresh, empty),
        cmocka_unit_test_setup_teardown(test_agents_end, fresh, empty),
        cmocka_unit_test_setup_teardown(test_who_serves_what, fresh, empty),
        cmocka_unit_test_setup_teardown(test_zones, fresh, empty),
        cmocka_unit_test_setup_teardown(test_zones_of_aggregates, fresh, empty),
        cmocka_unit_test_setup_teardown(test_zone_hints, fresh, empty),
        cmocka_unit_test_setup(test_segments, kn_neutron_fresh),
        cmocka_unit_test_setup(test_default_external_network, kn_neutron_fresh),
        cmocka_unit_test_setup(test_adjacency_and_transparency, kn_neutron_fresh),
        cmocka_unit_test(test_service_providers),
    };

    return cmocka_run_group_tests(tests, kn_neutron_start, kn_neutron_stop);
}
