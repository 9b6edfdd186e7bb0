/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What guards a port, over the real front door: its security groups, port security, allowed address pairs; which fit together, whose they may be, and that
 * each change is noted for hosts. Ports that servers get are in test_network_ports.c.
 */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/front.h"
#include "tests/support/neutron.h"
#include "tests/support/neutron_bad.h"
#include "tests/support/neutron_words.h"

#define ALICE KN_TEST_TOKEN("a11ce", "member")
#define BOB KN_TEST_TOKEN("b0b", "member")
#define ADMIN KN_TEST_TOKEN("ad", "admin")
#define NOBODY KN_NEUTRON_NOBODY
#define assert_said(path, text) assert_string_equal(neutron_get(path), text)

static char network[64], web[64], db[64], port[64], own[64];

static int64_t number(const char *sql)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err;

    assert_ok(kn_db_query(kn_neutron.db, sql, 0, KN_NO_ARGS, &rows, &err), &err);
    return kn_rows_int(rows, 0, 0);
}

static void group(const char *token, const char *more, char id[64])
{
    AUTO_FREE char *body = kn_asprintf("{\"security_group\":{%s}}", more);

    neutron_say(201, token, "POST /security-groups", body);
    kn_copy(id, 64, neutron_get("security_group.id"));
}

static void post(int status, const char *more)
{
    neutron_post(status, ALICE, "port", network, more);
}

static void put(int status, const char *members)
{
    AUTO_FREE char *body = kn_asprintf("{\"port\":{%s}}", members);

    neutron_say(status, ALICE, neutron_at("PUT", "ports", port), body);
}

/* Alice's network with a subnet, two groups and a port of hers. */
static int fresh(void **state)
{
    kn_neutron_fresh(state);
    kn_copy(network, sizeof(network), neutron_network(ALICE, ""));
    neutron_subnet(ALICE, network, ",\"cidr\":\"10.0.0.0/24\"");
    group(ALICE, "\"name\":\"web\"", web);
    group(ALICE, "\"name\":\"db\"", db);
    post(201, ",\"mac_address\":\"fa:16:3e:00:00:01\"");
    kn_copy(port, sizeof(port), neutron_get("port.id"));
    kn_copy(own, sizeof(own), neutron_get("port.security_groups.0"));
    return 0;
}

static void test_groups_of_a_port(void **state)
{
    (void)state;
    char theirs[64];

    neutron_say(200, ALICE, "GET /security-groups?name=default", NULL);
    assert_said("security_groups.0.id", own);
    AUTO_FREE char *both = kn_asprintf("\"security_groups\":[\"%s\",\"%s\"]", web, db);
    AUTO_FREE char *mixed = kn_asprintf("\"security_groups\":[\"%s\",\"" NOBODY "\"]", web);
    AUTO_FREE char *twice = kn_asprintf("\"security_groups\":[\"%s\",\"%s\"]", web, web);

    put(200, both);
    assert_said("port.security_groups.2", "(absent)");
    put(404, mixed);
    assert_said("NeutronError.type", "SecurityGroupNotFound");
    put(400, twice);
    put(400, "\"security_groups\":[\"web\"]");
    AUTO_FREE char *with = kn_asprintf("GET /ports?security_groups=%s", db);

    neutron_say(200, ALICE, with, NULL);
    assert_int_equal(neutron_count("ports"), 1);
    neutron_say(409, ALICE, neutron_at("DELETE", "security-groups", db), NULL);
    AUTO_FREE char *words = kn_asprintf("Security Group %s in use.", db);

    assert_said("NeutronError.type", "SecurityGroupInUse");
    assert_said("NeutronError.message", words);
    neutron_say(409, ALICE, neutron_at("PUT", "security-groups", db), "{\"security_group\":{\"stateful\":false}}");
    assert_said("NeutronError.type", "SecurityGroupInUse");
    group(BOB, "\"name\":\"theirs\"", theirs);
    AUTO_FREE char *foreign = kn_asprintf("\"security_groups\":[\"%s\"]", theirs);

    put(404, foreign);
    put(200, "\"security_groups\":null");
    assert_said("port.security_groups", "[]");
    neutron_say(200, ALICE, with, NULL);
    assert_int_equal(neutron_count("ports"), 0);
    neutron_say(204, ALICE, neutron_at("DELETE", "security-groups", db), NULL);
    post(201, ",\"security_groups\":[]");
    assert_said("port.security_groups", "[]");
    assert_said("port.port_security_enabled", "true");
    AUTO_FREE char *one = kn_asprintf(",\"security_groups\":[\"%s\"]", web);

    post(201, one);
    assert_said("port.security_groups.0", web);
    neutron_say(204, ALICE, neutron_at("DELETE", "ports", neutron_get("port.id")), NULL);
    neutron_say(204, ALICE, neutron_at("DELETE", "security-groups", web), NULL);
}

static void test_stateless_and_stateful(void **state)
{
    (void)state;
    char loose[64];

    group(ALICE, "\"stateful\":false", loose);
    AUTO_FREE char *both = kn_asprintf("\"security_groups\":[\"%s\",\"%s\"]", web, loose);

    put(409, both);
    assert_said("NeutronError.type", "SecurityGroupConflict");
}

static void test_port_security(void **state)
{
    (void)state;
    AUTO_FREE char *one = kn_asprintf(",\"port_security_enabled\":false,\"security_groups\":[\"%s\"]", web);
    AUTO_FREE char *again = kn_asprintf("\"port_security_enabled\":true,\"security_groups\":[\"%s\"]", web);

    post(201, ",\"port_security_enabled\":false");
    assert_said("port.port_security_enabled", "false");
    assert_said("port.security_groups", "[]");
    post(400, one);
    assert_said("NeutronError.type", "PortSecurityAndIPRequiredForSecurityGroups");
    post(409, ",\"port_security_enabled\":false,\"allowed_address_pairs\":[{\"ip_address\":\"10.0.0.9\"}]");
    assert_said("NeutronError.type", "AddressPairAndPortSecurityRequired");
    put(409, "\"port_security_enabled\":false");
    assert_said("NeutronError.type", "PortSecurityPortHasSecurityGroup");
    put(200, "\"security_groups\":[],\"allowed_address_pairs\":[{\"ip_address\":\"10.0.0.9\"}]");
    put(409, "\"port_security_enabled\":false");
    assert_said("NeutronError.type", "AddressPairAndPortSecurityRequired");
    put(200, "\"port_security_enabled\":false,\"allowed_address_pairs\":[]");
    put(400, again + strlen("\"port_security_enabled\":true,"));
    put(200, again);
    assert_said("port.security_groups.0", web);
    /* What the network says of it. */
    neutron_say(200, ALICE, neutron_at("PUT", "networks", network), "{\"network\":{\"port_security_enabled\":false}}");
    assert_said("network.port_security_enabled", "false");
    post(201, "");
    assert_said("port.port_security_enabled", "false");
    assert_said("port.security_groups", "[]");
    AUTO_FREE char *named = kn_asprintf(",\"security_groups\":[\"%s\"]", web);

    post(201, named);
    assert_said("port.port_security_enabled", "true");
    post(201, ",\"port_security_enabled\":true");
    assert_said("port.security_groups.0", own);
    /* The network's own devices have none. */
    neutron_post(201, ADMIN, "port", network, ",\"device_owner\":\"network:custom\"");
    assert_said("port.port_security_enabled", "false");
    assert_said("port.security_groups", "[]");
    assert_int_equal(number("SELECT count(*) FROM port WHERE port_security AND device_owner LIKE 'network:%'"), 0);
}

static void test_pairs(void **state)
{
    static const struct {
        const char *pairs, *type;
    } BAD[] = {
        { "{}", "HTTPBadRequest" },
        { "[5]", "HTTPBadRequest" },
        { "[{\"mac_address\":\"fa:16:3e:00:00:09\"}]", "AllowedAddressPairsMissingIP" },
        { "[{\"ip_address\":\"10.0.0.9\"},{\"ip_address\":\"10.0.0.9\"}]", "DuplicateAddressPairInRequest" },
        { "[{\"ip_address\":\"10.0.0.9\"},{\"ip_address\":\"10.0.0.9/32\",\"mac_address\":\"fa:16:3e:00:00:01\"}]",
          "DuplicateAddressPairInRequest" },
        { "[{\"ip_address\":\"x\"}]", "HTTPBadRequest" },
        { "[{\"ip_address\":\"10.0.0.0/33\"}]", "HTTPBadRequest" },
        { "[{\"ip_address\":\"224.0.0.1\"}]", "HTTPBadRequest" },
        { "[{\"ip_address\":\"ff02::/16\"}]", "HTTPBadRequest" },
        { "[{\"ip_address\":\"10.0.0.9\",\"mac_address\":\"01:00:5e:00:00:01\"}]", "HTTPBadRequest" },
        { "[{\"ip_address\":\"10.0.0.9\",\"color\":\"red\"}]", "HTTPBadRequest" },
        { "[{\"ip_address\":\"10.0.0.1\"},{\"ip_address\":\"10.0.0.2\"},{\"ip_address\":\"10.0.0.3\"},{\"ip_address\":\"10.0.0.4\"},"
          "{\"ip_address\":\"10.0.0.5\"},{\"ip_address\":\"10.0.0.6\"},{\"ip_address\":\"10.0.0.7\"},{\"ip_address\":\"10.0.0.8\"},"
          "{\"ip_address\":\"10.0.0.9\"},{\"ip_address\":\"10.0.0.10\"},{\"ip_address\":\"10.0.0.11\"}]",
          "AllowedAddressPairExhausted" },
    };
    (void)state;

    put(200,
        "\"allowed_address_pairs\":[{\"ip_address\":\"10.0.0.9\"},{\"ip_address\":\"2001:db8::/64\",\"mac_address\":\"fa:16:3e:00:00:02\"}]");
    assert_said("port.allowed_address_pairs.0.ip_address", "10.0.0.9");
    assert_said("port.allowed_address_pairs.0.mac_address", "fa:16:3e:00:00:01");
    assert_said("port.allowed_address_pairs.1.ip_address", "2001:db8::/64");
    assert_said("port.allowed_address_pairs.1.mac_address", "fa:16:3e:00:00:02");
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        AUTO_FREE char *said = kn_asprintf("\"allowed_address_pairs\":%s", BAD[i].pairs);

        put(400, said);
        assert_said("NeutronError.type", BAD[i].type);
    }
    neutron_say(200, ALICE, neutron_at("GET", "ports", port), NULL);
    assert_said("port.allowed_address_pairs.2", "(absent)");
    /* what its guest announced goes with the pair that allowed it */
    AUTO_FREE char *announced = kn_asprintf(
        "INSERT INTO announced_address (network_id, ip, port_id, mac, number, heard_at) SELECT network_id, ip::inet, id, station::macaddr, 1, now()"
        " FROM port, (VALUES ('10.0.0.9', 'fa:16:3e:00:00:01'), ('2001:db8::7', 'fa:16:3e:00:00:02')) AS said(ip, station) WHERE id = '%s'",
        port);
    struct kn_error err;

    assert_ok(kn_db_script(kn_neutron.db, announced, &err), &err);
    put(200, "\"name\":\"x\"");
    assert_int_equal(number("SELECT count(*) FROM announced_address"), 2);
    put(200, "\"allowed_address_pairs\":[{\"ip_address\":\"10.0.0.9\"}]");
    assert_int_equal(number("SELECT count(*) FROM announced_address WHERE ip = '10.0.0.9'"), 1);
    assert_int_equal(number("SELECT count(*) FROM announced_address"), 1);
    put(200, "\"allowed_address_pairs\":null");
    assert_said("port.allowed_address_pairs", "[]");
    assert_int_equal(number("SELECT count(*) FROM announced_address"), 0);
}

/* On a shared network of somebody else nobody opens his own port. */
static void test_who_may(void **state)
{
    (void)state;
    neutron_say(200, ADMIN, neutron_at("PUT", "networks", network), "{\"network\":{\"shared\":true}}");
    neutron_post(403, BOB, "port", network, ",\"port_security_enabled\":false");
    neutron_post(403, BOB, "port", network, ",\"allowed_address_pairs\":[{\"ip_address\":\"10.0.0.9\"}]");
    neutron_post(201, BOB, "port", network, "");
    AUTO_FREE char *theirs = kn_strdup(neutron_get("port.id"));

    neutron_say(403, BOB, neutron_at("PUT", "ports", theirs),
                "{\"port\":{\"allowed_address_pairs\":[{\"ip_address\":\"10.0.0.9\"}]}}");
    neutron_say(200, BOB, neutron_at("PUT", "ports", theirs), "{\"port\":{\"security_groups\":[]}}");
    assert_int_equal(number("SELECT count(*) FROM security_group WHERE is_default AND project_id = 'b0b'"), 1);
}

/* A bound port's host hears of each of them, and of nothing that changes nothing there. */
static void test_hosts_hear_of_it(void **state)
{
    (void)state;
    struct kn_error err;
    AUTO_FREE char *bind = kn_asprintf(
        "UPDATE port SET device_id = gen_random_uuid(), device_owner = 'compute:nova', nic = 0 WHERE id = '%s';"
        "INSERT INTO port_binding (port_id, host, state) VALUES ('%s', 'h1', 'active')",
        port, port);
    AUTO_FREE char *one = kn_asprintf("\"security_groups\":[\"%s\"]", web);

    assert_ok(kn_db_script(kn_neutron.db, bind, &err), &err);
    put(200, one);
    assert_int_equal(number("SELECT count(*) FROM network_change WHERE kind = 'port'"), 1);
    put(200, "\"allowed_address_pairs\":[{\"ip_address\":\"10.0.0.9\"}]");
    put(200, "\"security_groups\":[],\"allowed_address_pairs\":[],\"port_security_enabled\":false");
    assert_int_equal(number("SELECT count(*) FROM network_change WHERE kind = 'port'"), 3);
    put(404, "\"security_groups\":[\"" NOBODY "\"],\"port_security_enabled\":true");
    assert_int_equal(number("SELECT count(*) FROM network_change WHERE kind = 'port'"), 3);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test_setup(test_groups_of_a_port, fresh),
        cmocka_unit_test_setup(test_stateless_and_stateful, fresh),
        cmocka_unit_test_setup(test_port_security, fresh),
        cmocka_unit_test_setup(test_pairs, fresh),
        cmocka_unit_test_setup(test_who_may, fresh),
        cmocka_unit_test_setup(test_hosts_hear_of_it, fresh),
    };

    return cmocka_run_group_tests(TESTS, kn_neutron_start, kn_neutron_stop);
}
