/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a port has beyond its addresses, over the real front door: names in DNS and the domain of its network, options of DHCP, what administrators pin to
 * its binding; what is refused of it, and that hosts are told what they must know.
 */
#include "tests/support/test.h"

#include <stdio.h>

#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "tests/support/front.h"
#include "tests/support/neutron.h"
#include "tests/support/neutron_words.h"

#define ALICE KN_TEST_TOKEN("a11ce", "member")
#define ADMIN KN_TEST_TOKEN("ad", "admin")
#define MESSAGE "NeutronError.message"

static char network[KN_UUID_SIZE], port[KN_UUID_SIZE];

static void make_network(const char *more)
{
    kn_copy(network, sizeof(network), neutron_network(ALICE, more));
    neutron_subnet(ALICE, network, ",\"cidr\":\"10.0.0.0/24\"");
}

static void make_port(const char *more)
{
    neutron_post(201, ALICE, "port", network, more);
    kn_copy(port, sizeof(port), neutron_get("port.id"));
}

static void put_as(int status, const char *token, const char *members)
{
    AUTO_FREE char *body = kn_asprintf("{\"port\":{%s}}", members);

    neutron_say(status, token, neutron_at("PUT", "ports", port), body);
}

static void put(int status, const char *members)
{
    put_as(status, ALICE, members);
}

static void run_sql(const char *sql)
{
    struct kn_error err = { 0 };

    assert_ok(kn_db_script(kn_neutron.db, sql, &err), &err);
}

/* Of the last answer's port. */
static size_t count_options(void)
{
    json_t *json = kn_test_http_json(&kn_neutron.http);
    const size_t count = json_array_size(json_object_get(json_object_get(json, "port"), "extra_dhcp_opts"));

    json_decref(json);
    return count;
}

/* What its host must be told, since it was asked last. */
static void host_hears(int changes)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err;

    assert_ok(kn_db_query(kn_neutron.db, "DELETE FROM network_change WHERE id = $1::uuid RETURNING 1", 1, KN_ARGS(port),
                          &rows, &err),
              &err);
    assert_int_equal(kn_rows_count(rows), changes);
}

static void bind_port(void)
{
    AUTO_FREE char *bind = kn_asprintf("INSERT INTO port_binding (port_id, host, state) VALUES ('%s', 'h', 'active')",
                                       port);

    run_sql(bind);
}

/* --- options ------------------------------------------------------------------------------------------------------ */

#define OPT(name, value) "{\"opt_name\":\"" name "\",\"opt_value\":" value "}"
#define OPT_6(name, value) "{\"opt_name\":\"" name "\",\"opt_value\":" value ",\"ip_version\":6}"
#define OPTS(list) "\"extra_dhcp_opts\":[" list "]"

/* null takes one away; what is not named stays; a version has options of its own. */
static void test_options_are_merged(void **state)
{
    (void)state;
    make_network("");
    make_port("," OPTS(OPT("bootfile-name",
                           "\"pxe.0\"") "," OPT("ntp-server", "\"10.0.0.7,10.0.0.8\"") "," OPT("tftp-server", "null")));
    assert_int_equal(count_options(), 2);
    bind_port();
    put(200,
        OPTS(OPT("bootfile-name", "\"other.0\"") "," OPT_6("59", "\"tftp://[fd00::1]/x\"") "," OPT("router", "\"\"")));
    assert_int_equal(count_options(), 4);
    assert_string_equal(neutron_get("port.extra_dhcp_opts.0.opt_value"), "other.0");
    assert_string_equal(neutron_get("port.extra_dhcp_opts.0.ip_version"), "4");
    assert_string_equal(neutron_get("port.extra_dhcp_opts.2.ip_version"), "6");
    assert_string_equal(neutron_get("port.extra_dhcp_opts.3.opt_value"), "");
    host_hears(1);
    put(200, OPTS(OPT("ntp-server", "null") "," OPT("59", "null")));
    neutron_say(200, ALICE, neutron_at("GET", "ports", port), NULL);
    assert_int_equal(count_options(), 3); /* 59 of DHCPv6 is another one */
    put(200, OPTS(""));
    put(200, "\"extra_dhcp_opts\":null");
    assert_int_equal(count_options(), 3);
    make_port("");
    assert_string_equal(neutron_get("port.extra_dhcp_opts"), "[]");
}

static void test_bad_options(void **state)
{
    static const char *const BAD[] = {
        OPT("bootfile-name", "\"a\\nuser=root\""),
        OPT("bootfile-name", "\"a\\rb\""),
        OPT("bootfile-name", "\"a#b\""),
        OPT("bootfile-name", "\"a\\\"b\""),
        OPT("bootfile-name", "\"a\\\\b\""),
        OPT("bootfile-name", "\"\xc3\xa4\""),
        OPT("bootfile-name", "\"\""),
        OPT("bootfile-name", "5"),
        OPT("bootfile\\nname", "\"a\""),
        OPT("option:router", "\"a\""),
        OPT("tag:x,67", "\"a\""),
        OPT("no-such-option", "\"a\""),
        OPT("client-id", "\"a\""),
        OPT("0", "\"a\""),
        OPT("255", "\"a\""),
        OPT("99999999999999999999", "\"a\""),
        OPT("", "\"a\""),
        OPT("ntp-server", "\"ntp.example.org\""),
        OPT("router", "\"10.0.0.1,x\""),
        OPT("3", "\"999.1.1.1\""),
        OPT("150", "\"tftp.example.org\""),
        OPT("mtu", "\"abc\""),
        OPT("26", "\"70000\""),
        OPT("ip-forward-enable", "\"300\""),
        OPT("T1", "\"soon\""),
        OPT("51", "\"x\""),
        OPT("time-offset", "\"--5\""),
        OPT("static-route", "\"x\""),
        OPT("classless-static-route", "\"10.0.0.0/8\""),
        OPT("domain-search", "\"a..b\""),
        OPT_6("dns-server", "\"10.0.0.1\""),
        OPT_6("23", "\"[fd00::1\""),
        OPT_6("information-refresh-time", "\"x\""),
        OPT_6("bootfile-name", "\"a\""),
        "{\"opt_name\":\"mtu\",\"opt_value\":\"1400\",\"ip_version\":5}",
        "{\"opt_name\":\"mtu\",\"opt_value\":\"1400\",\"ip_version\":\"x\"}",
        "{\"opt_name\":\"mtu\"}",
        "{\"opt_value\":\"mtu\"}",
        "{\"opt_name\":\"mtu\",\"opt_value\":\"1400\",\"colour\":\"red\"}",
        OPT("mtu", "\"1400\"") "," OPT("mtu", "\"1300\""),
        "\"mtu\"",
    };

    (void)state;
    make_network("");
    make_port("," OPTS(OPT("mtu", "\"1200\"")));
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        AUTO_FREE char *list = kn_asprintf("\"extra_dhcp_opts\":[%s]", BAD[i]);
        AUTO_FREE char *more = kn_asprintf(",%s", list);

        put(400, list);
        assert_non_null(strstr(neutron_get(MESSAGE), "extra_dhcp_opts"));
        neutron_post(400, ALICE, "port", network, more);
    }
    neutron_say(200, ALICE, neutron_at("GET", "ports", port), NULL);
    assert_string_equal(neutron_get("port.extra_dhcp_opts.0.opt_value"), "1200");
    put(400, OPTS(OPT("mtu", "\"abc\"")));
    assert_string_equal(neutron_get(MESSAGE),
                        "Invalid input for extra_dhcp_opts. Reason: 'abc' of mtu is no number from 0 to 65535.");
    put(200,
        OPTS(OPT("time-offset", "\"-3600\"") "," OPT("T1", "\"1h\"") "," OPT("51", "\"infinite\"") "," OPT("classless-static-route", "\"10.0.0.0/8,10.0.0.1,0.0.0.0/0,10.0.0.2\"") "," OPT(
            "domain-search",
            "\"a.example,b.example.\"") "," OPT_6("dns-server",
                                                  "\"[fd00::1],fd00::2\"") "," OPT("252",
                                                                                   "\"whatever\"") "," OPT("mtu",
                                                                                                           "\"1200\"")));
    put(400, OPTS(OPT("bootfile", "\"a\"")));
    assert_string_equal(neutron_get(MESSAGE), "Invalid input for extra_dhcp_opts. Reason: 'bootfile' is no option of "
                                              "DHCPv4 that this cloud can give.");
}

/* --- names -------------------------------------------------------------------------------------------------------- */

static void test_names_of_ports(void **state)
{
    (void)state;
    make_network("");
    make_port(",\"dns_name\":\"Db\",\"fixed_ips\":[{\"ip_address\":\"10.0.0.50\"}]");
    assert_string_equal(neutron_get("port.dns_name"), "db");
    assert_string_equal(neutron_get("port.dns_assignment.0.ip_address"), "10.0.0.50");
    assert_string_equal(neutron_get("port.dns_assignment.0.hostname"), "db");
    assert_string_equal(neutron_get("port.dns_assignment.0.fqdn"), "db.openstacklocal.");
    bind_port();
    put(200, "\"dns_name\":\"\"");
    assert_string_equal(neutron_get("port.dns_name"), "");
    assert_string_equal(neutron_get("port.dns_assignment.0.hostname"), "host-10-0-0-50");
    assert_string_equal(neutron_get("port.dns_assignment.0.fqdn"), "host-10-0-0-50.openstacklocal.");
    host_hears(1);
    neutron_say(200, ALICE, neutron_at("PUT", "networks", network),
                "{\"network\":{\"dns_domain\":\"Lab.example.ORG.\"}}");
    assert_string_equal(neutron_get("network.dns_domain"), "lab.example.org.");
    put(200, "\"dns_name\":\"a.b\"");
    assert_string_equal(neutron_get("port.dns_assignment.0.fqdn"), "a.b.lab.example.org.");
    put(200, "\"dns_name\":\"www.lab.example.org.\"");
    assert_string_equal(neutron_get("port.dns_assignment.0.fqdn"), "www.lab.example.org.");
    put(400, "\"dns_name\":\"www.example.org.\"");
    put(400, "\"dns_name\":\"lab.example.org.\"");
    put(400, "\"dns_name\":\"wwwlab.example.org.\"");
    neutron_post(400, ALICE, "port", network, ",\"dns_name\":\"www.openstacklocal.\"");
    put(400, "\"dns_assignment\":[]");
    neutron_say(200, ALICE, neutron_at("GET", "ports", port), NULL);
    assert_string_equal(neutron_get("port.dns_name"), "www.lab.example.org.");
}

static void test_bad_names(void **state)
{
    static const char *const NAMES[] = {
        "-a", "a-", "a..b", ".", ".a", "a b", "a_b", "a\\n", "\xc3\xa4", "a.5", "a,b"
    };

    (void)state;
    make_network(",\"dns_domain\":\"example.org.\"");
    make_port("");
    for (size_t i = 0; i < KN_COUNT(NAMES); i++) {
        AUTO_FREE char *name = kn_asprintf("\"dns_name\":\"%s\"", NAMES[i]);
        AUTO_FREE char *domain = kn_asprintf("{\"network\":{\"dns_domain\":\"%s.\"}}", NAMES[i]);

        put(400, name);
        assert_non_null(strstr(neutron_get(MESSAGE), "not a valid PQDN or FQDN"));
        neutron_say(400, ALICE, neutron_at("PUT", "networks", network), domain);
    }
    neutron_say(400, ALICE, neutron_at("PUT", "networks", network), "{\"network\":{\"dns_domain\":\"example.org\"}}");
    assert_string_equal(neutron_get(MESSAGE), "Invalid input for dns_domain. Reason: 'example.org' is not a FQDN.");
    put(200, "\"dns_name\":\"123456789012345678901234567890123456789012345678901234567890123\"");
    put(400, "\"dns_name\":\"1234567890123456789012345678901234567890123456789012345678901234\"");
    neutron_say(
        400, ALICE, "POST /floatingips",
        "{\"floatingip\":{\"floating_network_id\":\"99999999-9999-4999-8999-999999999999\",\"dns_name\":\"x\"}}");
    assert_string_equal(neutron_get(MESSAGE), "Invalid input for dns_name. Reason: this cloud has none.");
}

/* A port without a name of its own is called as its server. */
static void test_names_of_servers(void **state)
{
    (void)state;
    make_network("");
    make_port("");
    AUTO_FREE char *plug = kn_asprintf(
        "INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, flavor, reservation_id, created_at)"
        " VALUES ('aaaaaaaa-0000-4000-8000-000000000001', 'a11ce', 'u', 'n', 'Web-1.example.org', 'active', '{}', 'r-1', now());"
        "UPDATE port SET device_id = 'aaaaaaaa-0000-4000-8000-000000000001', device_owner = 'compute:nova', nic = 0 WHERE id = '%s'",
        port);

    run_sql(plug);
    neutron_say(200, ALICE, neutron_at("GET", "ports", port), NULL);
    assert_string_equal(neutron_get("port.dns_name"), "web-1");
    assert_string_equal(neutron_get("port.dns_assignment.0.fqdn"), "web-1.openstacklocal.");
    put(200, "\"dns_name\":\"own\"");
    assert_string_equal(neutron_get("port.dns_assignment.0.fqdn"), "own.openstacklocal.");
    neutron_say(200, ALICE, "GET /ports?fields=dns_name&device_owner=compute:nova",
                NULL); /* the network has a port, too */
    assert_string_equal(neutron_get("ports.0.dns_name"), "own");
}

/* --- bindings ----------------------------------------------------------------------------------------------------- */

static void test_profiles(void **state)
{
    (void)state;
    make_network("");
    make_port(",\"binding:profile\":{}");
    assert_string_equal(neutron_get("port.binding:profile"), "(absent)");
    put(403, "\"binding:profile\":{\"a\":1}");
    put_as(200, ADMIN, "\"binding:profile\":{\"trusted\":true,\"a\":{\"b\":[1]}}");
    assert_string_equal(neutron_get("port.binding:profile.a.b.0"), "1");
    put(200, "\"name\":\"x\"");
    assert_string_equal(neutron_get("port.binding:profile"), "(absent)");
    neutron_say(200, ADMIN, neutron_at("GET", "ports", port), NULL);
    assert_string_equal(neutron_get("port.binding:profile.trusted"), "true");
    put_as(400, ADMIN, "\"binding:profile\":[]");
    AUTO_FREE char *large = kn_alloc(4200);

    snprintf(large, 4200, "\"binding:profile\":{\"a\":\"%04088d\"}", 1);
    put_as(400, ADMIN, large);
    assert_string_equal(neutron_get(MESSAGE), "Invalid input for operation: binding:profile value too large.");
    put_as(200, ADMIN, "\"binding:profile\":null");
    assert_string_equal(neutron_get("port.binding:profile"), "{}");
    put(400, "\"binding:vnic_type\":\"direct\"");
    assert_non_null(strstr(neutron_get(MESSAGE), "'direct'"));
    put(400, "\"propagate_uplink_status\":true");
    put(400, "\"numa_affinity_policy\":\"required\"");
}

static void assert_host(const char *host, const char *vif)
{
    neutron_say(200, ADMIN, neutron_at("GET", "ports", port), NULL);
    assert_string_equal(neutron_get("port.binding:host_id"), host);
    assert_string_equal(neutron_get("port.binding:vif_type"), vif);
    assert_string_equal(neutron_get("port.status"), strcmp(vif, "tap") == 0 ? "ACTIVE" : "DOWN");
}

/* An administrator says where a port is to be: shown while it is nowhere, of no effect there, and never over where it really is. */
static void test_hosts_by_hand(void **state)
{
    (void)state;
    make_network("");
    neutron_post(403, ALICE, "port", network, ",\"binding:host_id\":\"h9\"");
    neutron_post(201, ADMIN, "port", network, ",\"binding:host_id\":\"h9\",\"project_id\":\"a11ce\"");
    kn_copy(port, sizeof(port), neutron_get("port.id"));
    assert_string_equal(neutron_get("port.binding:host_id"), "h9");
    assert_host("h9", "unbound");
    neutron_say(200, ADMIN, "GET /ports?binding:host_id=h9", NULL);
    assert_string_equal(neutron_get("ports.0.id"), port);
    put(403, "\"binding:host_id\":\"h8\"");
    put(200, "\"name\":\"x\"");
    assert_string_equal(neutron_get("port.binding:host_id"), "(absent)");
    put_as(200, ADMIN, "\"binding:host_id\":\"h8\"");
    assert_host("h8", "unbound");
    neutron_say(200, ADMIN,
                "GET /ports?binding:host_id=h8&name=x&device_owner=", NULL); /* empty is a value to ask for */
    assert_string_equal(neutron_get("ports.0.id"), port);
    neutron_say(200, ADMIN, "GET /ports?binding:host_id=h8&name=", NULL);
    assert_string_equal(neutron_get("ports.0.id"), "(absent)");
    put_as(200, ADMIN, "\"binding:host_id\":null");
    assert_host("", "unbound");
    put_as(200, ADMIN, "\"binding:host_id\":\"h8\"");
    put_as(200, ADMIN, "\"binding:host_id\":\"\"");
    assert_host("", "unbound");

    AUTO_FREE char *sql =
        kn_asprintf("UPDATE port SET device_id = 'd', device_owner = 'compute:nova', nic = 0 WHERE id = '%s';"
                    "INSERT INTO port_binding (port_id, host, state) VALUES ('%s', 'h1', 'active')",
                    port, port);

    run_sql(sql);
    assert_host("h1", "tap");
    put_as(409, ADMIN, "\"binding:host_id\":\"h8\"");
    assert_string_equal(neutron_get("NeutronError.type"), "PortInUse");
    put_as(409, ADMIN, "\"binding:host_id\":null");
    put_as(200, ADMIN, "\"binding:host_id\":\"h1\",\"name\":\"same\"");
    assert_string_equal(neutron_get("port.name"), "same");
    assert_host("h1", "tap");
    run_sql("DELETE FROM port_binding; UPDATE port SET nic = NULL");
    assert_host("", "unbound"); /* nothing of what was refused or the same is left */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_options_are_merged, kn_neutron_fresh),
        cmocka_unit_test_setup(test_bad_options, kn_neutron_fresh),
        cmocka_unit_test_setup(test_names_of_ports, kn_neutron_fresh),
        cmocka_unit_test_setup(test_bad_names, kn_neutron_fresh),
        cmocka_unit_test_setup(test_names_of_servers, kn_neutron_fresh),
        cmocka_unit_test_setup(test_profiles, kn_neutron_fresh),
        cmocka_unit_test_setup(test_hosts_by_hand, kn_neutron_fresh),
    };
    return cmocka_run_group_tests(tests, kn_neutron_start, kn_neutron_stop);
}
