/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Security groups, their rules, templates and address groups over the real front door: their life, who sees them, what is refused in which words, and
 * what hosts are to hear of it (the outbox). What ports have of them is test_network_guards.c's.
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
#define READER KN_TEST_TOKEN("a11ce", "reader")
#define ADMIN KN_TEST_TOKEN("ad", "admin")
#define NOBODY KN_NEUTRON_NOBODY

static int64_t number(const char *sql)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err;

    assert_ok(kn_db_query(kn_neutron.db, sql, 0, KN_NO_ARGS, &rows, &err), &err);
    return kn_rows_int(rows, 0, 0);
}

/* A group of Alice's. */
static void make_group(const char *more, char id[64])
{
    AUTO_FREE char *body = kn_asprintf("{\"security_group\":{\"name\":\"web\"%s}}", more);

    neutron_say(201, ALICE, "POST /security-groups", body);
    kn_copy(id, 64, neutron_get("security_group.id"));
}

/* A rule of the group, ingress unless `more` says more; the answer must have this status. */
static void rule(int status, const char *group, const char *more)
{
    AUTO_FREE char *body =
        kn_asprintf("{\"security_group_rule\":{\"security_group_id\":\"%s\",\"direction\":\"ingress\"%s}}", group,
                    more);

    neutron_say(status, ALICE, "POST /security-group-rules", body);
}

#define assert_said(path, text) assert_string_equal(neutron_get(path), text)

static void test_default_group(void **state)
{
    (void)state;
    char id[64];

    neutron_say(200, READER, "GET /security-groups", NULL);
    assert_int_equal(neutron_count("security_groups"), 1);
    assert_said("security_groups.0.name", "default");
    assert_said("security_groups.0.description", "Default security group");
    assert_said("security_groups.0.project_id", "a11ce");
    assert_said("security_groups.0.stateful", "true");
    assert_said("security_groups.0.shared", "false");
    kn_copy(id, sizeof(id), neutron_get("security_groups.0.id"));
    neutron_say(200, ALICE, "GET /security-group-rules?direction=ingress", NULL);
    assert_int_equal(neutron_count("security_group_rules"), 2);
    assert_said("security_group_rules.0.remote_group_id", id);
    assert_said("security_group_rules.0.belongs_to_default_sg", "true");
    neutron_say(200, ALICE, "GET /security-group-rules?direction=egress&ethertype=IPv6", NULL);
    assert_int_equal(neutron_count("security_group_rules"), 1);
    assert_said("security_group_rules.0.remote_group_id", "null");
    neutron_say(200, ALICE, "GET /security-groups", NULL);
    assert_said("security_groups.0.id", id);
    assert_int_equal(number("SELECT count(*) FROM security_group"), 1);
    /* It is never renamed, nobody else's is called so, and only an administrator deletes it. */
    neutron_say(409, ALICE, neutron_at("PUT", "security-groups", id), "{\"security_group\":{\"name\":\"mine\"}}");
    assert_said("NeutronError.type", "SecurityGroupCannotUpdateDefault");
    neutron_say(200, ALICE, neutron_at("PUT", "security-groups", id),
                "{\"security_group\":{\"description\":\"mine\"}}");
    neutron_say(409, ALICE, "POST /security-groups", "{\"security_group\":{\"name\":\"Default\"}}");
    assert_said("NeutronError.type", "SecurityGroupDefaultAlreadyExists");
    neutron_say(409, ALICE, neutron_at("DELETE", "security-groups", id), NULL);
    assert_said("NeutronError.type", "SecurityGroupCannotRemoveDefault");
    neutron_say(200, ADMIN, "GET /security-groups?project_id=b0b", NULL);
    assert_int_equal(neutron_count("security_groups"), 1);
    neutron_say(204, ADMIN, neutron_at("DELETE", "security-groups", id), NULL);
    assert_int_equal(
        number("SELECT count(*) FROM quota_usage u FULL JOIN (SELECT * FROM quota_fact WHERE service = 'network') f"
               " USING (service, project_id, resource) WHERE coalesce(u.used, 0) <> coalesce(f.used, 0)"),
        0);
}

static void test_life_of_a_group(void **state)
{
    (void)state;
    char id[64];

    make_group(",\"description\":\"doors\",\"stateful\":false", id);
    assert_said("security_group.name", "web");
    assert_said("security_group.description", "doors");
    assert_said("security_group.stateful", "false");
    assert_said("security_group.tenant_id", "a11ce");
    assert_said("security_group.security_group_rules.0.direction", "egress");
    assert_said("security_group.security_group_rules.1.direction", "egress");
    assert_said("security_group.security_group_rules.2", "(absent)");
    neutron_say(200, ALICE, neutron_at("PUT", "security-groups", id),
                "{\"security_group\":{\"name\":\"door\",\"stateful\":true}}");
    assert_said("security_group.name", "door");
    assert_said("security_group.stateful", "true");
    assert_said("security_group.revision_number", "2");
    AUTO_FREE char *tag = kn_asprintf("PUT /security-groups/%s/tags/blue", id);

    neutron_say(201, ALICE, tag, NULL);
    neutron_say(200, ALICE, "GET /security-groups?tags=blue", NULL);
    assert_said("security_groups.0.tags", "[\"blue\"]");
    assert_int_equal(neutron_count("security_groups"), 1);
    neutron_say(404, BOB, neutron_at("GET", "security-groups", id), NULL);
    assert_said("NeutronError.type", "SecurityGroupNotFound");
    neutron_say(404, BOB, neutron_at("PUT", "security-groups", id), "{\"security_group\":{\"name\":\"x\"}}");
    neutron_say(404, BOB, neutron_at("DELETE", "security-groups", id), NULL);
    neutron_say(403, READER, neutron_at("DELETE", "security-groups", id), NULL);
    neutron_say(200, ADMIN, neutron_at("GET", "security-groups", id), NULL);
    neutron_say(201, ALICE, "POST /security-groups", "{\"security_groups\":[{\"name\":\"a\"},{\"name\":\"b\"}]}");
    assert_int_equal(neutron_count("security_groups"), 2);
    neutron_say(409, ALICE, "POST /security-groups", "{\"security_groups\":[{\"name\":\"c\"},{\"name\":\"default\"}]}");
    assert_int_equal(number("SELECT count(*) FROM security_group WHERE name = 'c'"), 0);
    neutron_say(200, ALICE, "GET /security-groups?name=door&fields=id", NULL);
    assert_said("security_groups.0.id", id);
    neutron_say(204, ALICE, neutron_at("DELETE", "security-groups", id), NULL);
    neutron_say(404, ALICE, neutron_at("DELETE", "security-groups", id), NULL);
    AUTO_FREE char *words = kn_asprintf("Security group %s does not exist", id);

    assert_said("NeutronError.message", words);
}

/* What it names as remote goes with it, from the groups of others, too, and their hosts hear of it. */
static void test_group_that_is_a_remote(void **state)
{
    (void)state;
    char web[64], db[64];

    make_group("", web);
    make_group("", db);
    AUTO_FREE char *remote =
        kn_asprintf(",\"protocol\":\"tcp\",\"port_range_min\":5432,\"port_range_max\":5432,\"remote_group_id\":\"%s\"",
                    web);

    rule(201, db, remote);
    assert_said("security_group_rule.remote_group_id", web);
    assert_int_equal(number("DELETE FROM network_change RETURNING 1"), 1);
    neutron_say(204, ALICE, neutron_at("DELETE", "security-groups", web), NULL);
    assert_int_equal(
        number(
            "SELECT count(*) FROM security_group_rule WHERE direction = 'ingress' AND project_id = 'a11ce' AND protocol = 'tcp'"),
        0);
    AUTO_FREE char *told = kn_asprintf("SELECT count(*) FROM network_change WHERE kind = 'group' AND id = '%s'", db);

    assert_int_equal(number(told), 1);
}

static void test_rules_as_they_are_shown(void **state)
{
    (void)state;
    char id[64];

    make_group("", id);
    rule(
        201, id,
        ",\"protocol\":6,\"port_range_min\":\"80\",\"port_range_max\":81,\"remote_ip_prefix\":\"10.0.0.7/24\",\"description\":\"w\"");
    assert_said("security_group_rule.protocol", "6");
    assert_said("security_group_rule.port_range_min", "80");
    assert_said("security_group_rule.ethertype", "IPv4");
    assert_said("security_group_rule.remote_ip_prefix", "10.0.0.7/24");
    assert_said("security_group_rule.normalized_cidr", "10.0.0.0/24");
    assert_said("security_group_rule.description", "w");
    assert_said("security_group_rule.security_group_id", id);
    assert_said("security_group_rule.belongs_to_default_sg", "false");
    assert_int_equal(number("SELECT count(*) FROM network_change WHERE kind = 'group'"), 1);
    char made[64];

    kn_copy(made, sizeof(made), neutron_get("security_group_rule.id"));
    rule(201, id, ",\"protocol\":\"ICMP\",\"ethertype\":\"ipv6\",\"port_range_min\":128,\"port_range_max\":0");
    assert_said("security_group_rule.protocol", "ipv6-icmp");
    assert_said("security_group_rule.ethertype", "IPv6");
    rule(201, id,
         ",\"protocol\":\"udp\",\"port_range_min\":1,\"port_range_max\":65535,\"remote_ip_prefix\":\"0.0.0.0/0\"");
    assert_said("security_group_rule.port_range_min", "null");
    assert_said("security_group_rule.remote_ip_prefix", "0.0.0.0/0");
    rule(201, id, ",\"protocol\":\"vrrp\",\"remote_ip_prefix\":\"192.0.2.1\"");
    assert_said("security_group_rule.remote_ip_prefix", "192.0.2.1/32");
    neutron_say(200, ALICE, neutron_at("GET", "security-groups", id), NULL);
    assert_said("security_group.security_group_rules.5.direction", "ingress");
    neutron_say(404, BOB, neutron_at("GET", "security-group-rules", made), NULL);
    assert_said("NeutronError.type", "SecurityGroupRuleNotFound");
    neutron_say(404, BOB, neutron_at("DELETE", "security-group-rules", made), NULL);
    neutron_say(405, ALICE, neutron_at("PUT", "security-group-rules", made),
                "{\"security_group_rule\":{\"description\":\"x\"}}");
    assert_said("NeutronError.type", "HTTPMethodNotAllowed");
    neutron_say(204, ALICE, neutron_at("DELETE", "security-group-rules", made), NULL);
    neutron_say(404, ALICE, neutron_at("GET", "security-group-rules", made), NULL);
}

static void test_rules_that_are_refused(void **state)
{
    static const struct {
        int status;
        const char *more, *type, *message;
    } BAD[] = {
        { 400, ",\"protocol\":\"foo\"", "SecurityGroupRuleInvalidProtocol", NULL },
        { 400, ",\"protocol\":256", "SecurityGroupRuleInvalidProtocol", NULL },
        { 400, ",\"protocol\":[]", "SecurityGroupRuleInvalidProtocol", NULL },
        { 400, ",\"ethertype\":\"IPv5\"", "SecurityGroupRuleInvalidEtherType",
          "Security group rule for ethertype 'IPv5' not supported. Allowed values are ['IPv4', 'IPv6']." },
        { 400, ",\"port_range_min\":80,\"port_range_max\":80", "SecurityGroupProtocolRequiredWithPorts",
          "Must also specify protocol if port range is given." },
        { 400, ",\"protocol\":\"tcp\",\"port_range_min\":90,\"port_range_max\":80", "SecurityGroupInvalidPortRange",
          "For TCP/UDP protocols, port_range_min must be <= port_range_max" },
        { 400, ",\"protocol\":\"tcp\",\"port_range_min\":90", "SecurityGroupInvalidPortRange", NULL },
        { 400, ",\"protocol\":\"tcp\",\"port_range_min\":0,\"port_range_max\":80", "SecurityGroupInvalidPortValue",
          "Invalid value for port 0" },
        { 400, ",\"protocol\":\"tcp\",\"port_range_min\":1,\"port_range_max\":65536", "SecurityGroupInvalidPortValue",
          "Invalid value for port 65536" },
        { 400, ",\"protocol\":\"tcp\",\"port_range_min\":\"a\",\"port_range_max\":80", "SecurityGroupInvalidPortValue",
          "Invalid value for port a" },
        { 400, ",\"protocol\":\"icmp\",\"port_range_max\":4", "SecurityGroupMissingIcmpType",
          "ICMP code (port-range-max) 4 is provided but ICMP type (port-range-min) is missing." },
        { 400, ",\"protocol\":\"icmp\",\"port_range_min\":256", "SecurityGroupInvalidIcmpValue",
          "Invalid value for ICMP type (port_range_min) 256. It must be 0 to 255." },
        { 400, ",\"protocol\":\"vrrp\",\"port_range_min\":2,\"port_range_max\":3",
          "SecurityGroupInvalidProtocolForPort",
          "Ports cannot be specified for protocol 112. Ports are only supported for DCCP, SCTP, TCP, UDP, UDPLITE." },
        { 400, ",\"remote_ip_prefix\":\"10.0.0.0/33\"", "InvalidCIDR", "Invalid CIDR 10.0.0.0/33 given as IP prefix." },
        { 400, ",\"ethertype\":\"IPv6\",\"remote_ip_prefix\":\"10.0.0.0/8\"", "SecurityGroupRuleParameterConflict",
          "Conflicting value ethertype IPv6 for CIDR 10.0.0.0/8" },
        { 400, ",\"protocol\":\"icmpv6\"", "SecurityGroupEthertypeConflictWithProtocol",
          "Invalid ethertype IPv4 for protocol icmpv6." },
        { 400, ",\"protocol\":\"58\"", "SecurityGroupEthertypeConflictWithProtocol", NULL },
        { 400, ",\"remote_ip_prefix\":\"10.0.0.0/8\",\"remote_group_id\":\"" NOBODY "\"",
          "SecurityGroupMultipleRemoteEntites",
          "Only one of remote_ip_prefix or remote_group_id or remote_address_group_id may be provided." },
        { 404, ",\"remote_group_id\":\"" NOBODY "\"", "SecurityGroupNotFound",
          "Security group " NOBODY " does not exist" },
        { 404, ",\"remote_group_id\":\"x\"", "SecurityGroupNotFound", NULL },
        { 404, ",\"remote_address_group_id\":\"" NOBODY "\"", "AddressGroupNotFound",
          "Address group " NOBODY " could not be found." },
        { 400, ",\"direction\":\"sideways\"", "HTTPBadRequest", NULL },
        { 400, ",\"color\":\"red\"", "HTTPBadRequest", NULL },
        { 400, ",\"normalized_cidr\":\"10.0.0.0/8\"", "HTTPBadRequest", NULL },
    };
    (void)state;
    char id[64];

    make_group("", id);
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        rule(BAD[i].status, id, BAD[i].more);
        if (strcmp(neutron_get("NeutronError.type"), BAD[i].type) != 0) {
            fail_msg("%s: %s", BAD[i].more, kn_neutron.http.body.buf);
        }
        if (BAD[i].message != NULL) {
            assert_said("NeutronError.message", BAD[i].message);
        }
    }
    rule(404, NOBODY, "");
    assert_said("NeutronError.type", "SecurityGroupNotFound");
    neutron_say(400, ALICE, "POST /security-group-rules", "{\"security_group_rule\":{\"direction\":\"ingress\"}}");
    assert_int_equal(
        number("SELECT count(*) FROM security_group_rule WHERE direction = 'ingress' AND remote_group_id IS NULL"), 0);
    assert_int_equal(number("SELECT count(*) FROM network_change"), 0);
}

/* A name and its number, nothing and everything, are the same. */
static void test_the_same_rule_twice(void **state)
{
    (void)state;
    char id[64], made[64];

    make_group("", id);
    rule(201, id, ",\"protocol\":\"tcp\",\"remote_ip_prefix\":\"0.0.0.0/0\"");
    kn_copy(made, sizeof(made), neutron_get("security_group_rule.id"));
    rule(409, id, ",\"protocol\":\"6\"");
    assert_said("NeutronError.type", "SecurityGroupRuleExists");
    AUTO_FREE char *words = kn_asprintf("Security group rule already exists. Rule id is %s.", made);

    assert_said("NeutronError.message", words);
    rule(201, id, ",\"protocol\":\"6\",\"ethertype\":\"IPv6\"");
    AUTO_FREE char *twice = kn_asprintf(
        "{\"security_group_rules\":[{\"security_group_id\":\"%s\",\"direction\":\"ingress\",\"protocol\":\"udp\"},"
        "{\"security_group_id\":\"%s\",\"direction\":\"ingress\",\"protocol\":17}]}",
        id, id);

    neutron_say(409, ALICE, "POST /security-group-rules", twice);
    assert_said("NeutronError.type", "DuplicateSecurityGroupRuleInPost");
    AUTO_FREE char *others =
        kn_asprintf("{\"security_group_rules\":[{\"security_group_id\":\"%s\",\"direction\":\"ingress\"},"
                    "{\"security_group_id\":\"" NOBODY "\",\"direction\":\"ingress\"}]}",
                    id);

    neutron_say(400, ALICE, "POST /security-group-rules", others);
    assert_said("NeutronError.type", "SecurityGroupNotSingleGroupRules");
    AUTO_FREE char *both = kn_asprintf(
        "{\"security_group_rules\":[{\"security_group_id\":\"%s\",\"direction\":\"ingress\",\"protocol\":\"udp\"},"
        "{\"security_group_id\":\"%s\",\"direction\":\"ingress\",\"protocol\":\"sctp\"}]}",
        id, id);

    neutron_say(201, ALICE, "POST /security-group-rules", both);
    assert_int_equal(neutron_count("security_group_rules"), 2);
}

static void test_quota_of_groups_and_rules(void **state)
{
    (void)state;
    char id[64];

    neutron_say(200, ADMIN, "PUT /quotas/a11ce", "{\"quota\":{\"security_group\":2,\"security_group_rule\":7}}");
    make_group("", id);
    neutron_say(409, ALICE, "POST /security-groups", "{\"security_group\":{\"name\":\"third\"}}");
    assert_said("NeutronError.type", "OverQuota");
    rule(201, id, ",\"protocol\":\"tcp\"");
    rule(409, id, ",\"protocol\":\"udp\"");
    assert_said("NeutronError.type", "OverQuota");
    neutron_say(200, ALICE, "GET /quotas/a11ce/details", NULL);
    assert_said("quota.security_group_rule.used", "7");
    assert_said("quota.security_group.used", "2");
    neutron_say(204, ALICE, neutron_at("DELETE", "security-groups", id), NULL);
    neutron_say(200, ALICE, "GET /quotas/a11ce/details", NULL);
    assert_said("quota.security_group_rule.used", "4");
}

static void test_templates(void **state)
{
    (void)state;
    char id[64], parent[64];

    neutron_say(403, ALICE, "POST /default-security-group-rules",
                "{\"default_security_group_rule\":{\"direction\":\"ingress\"}}");
    neutron_say(200, ALICE, "GET /default-security-group-rules", NULL);
    assert_int_equal(neutron_count("default_security_group_rules"), 4);
    neutron_say(
        201, ADMIN, "POST /default-security-group-rules",
        "{\"default_security_group_rule\":{\"direction\":\"ingress\",\"protocol\":\"tcp\",\"port_range_min\":22,\"port_range_max\":22,"
        "\"description\":\"door\"}}");
    assert_said("default_security_group_rule.used_in_default_sg", "false");
    assert_said("default_security_group_rule.used_in_non_default_sg", "true");
    kn_copy(id, sizeof(id), neutron_get("default_security_group_rule.id"));
    neutron_say(
        409, ADMIN, "POST /default-security-group-rules",
        "{\"default_security_group_rule\":{\"direction\":\"ingress\",\"protocol\":\"6\",\"port_range_min\":22,\"port_range_max\":22}}");
    assert_said("NeutronError.type", "DefaultSecurityGroupRuleExists");
    neutron_say(
        201, ADMIN, "POST /default-security-group-rules",
        "{\"default_security_group_rule\":{\"direction\":\"ingress\",\"remote_group_id\":\"PARENT\",\"protocol\":\"icmp\"}}");
    kn_copy(parent, sizeof(parent), neutron_get("default_security_group_rule.id"));
    char group[64];

    make_group("", group);
    assert_said("security_group.security_group_rules.4", "(absent)");
    AUTO_FREE char *path = kn_asprintf("GET /security-group-rules?security_group_id=%s&protocol=icmp", group);

    neutron_say(200, ALICE, path, NULL);
    assert_said("security_group_rules.0.remote_group_id", group);
    neutron_say(204, ADMIN, neutron_at("DELETE", "default-security-group-rules", id), NULL);
    neutron_say(204, ADMIN, neutron_at("DELETE", "default-security-group-rules", parent), NULL);
    neutron_say(404, ADMIN, neutron_at("GET", "default-security-group-rules", id), NULL);
    assert_said("NeutronError.type", "DefaultSecurityGroupRuleNotFound");
}

static void test_address_groups(void **state)
{
    (void)state;
    char id[64], group[64];

    neutron_say(201, ALICE, "POST /address-groups",
                "{\"address_group\":{\"name\":\"offices\",\"addresses\":[\"10.0.0.7/24\",\"2001:db8::/32\"]}}");
    assert_said("address_group.addresses", "[\"10.0.0.0/24\",\"2001:db8::/32\"]");
    kn_copy(id, sizeof(id), neutron_get("address_group.id"));
    AUTO_FREE char *add = kn_asprintf("PUT /address-groups/%s/add_addresses", id);
    AUTO_FREE char *take = kn_asprintf("PUT /address-groups/%s/remove_addresses", id);

    neutron_say(200, ALICE, add, "{\"addresses\":[\"192.0.2.1/32\"]}");
    assert_said("address_group.addresses", "[\"10.0.0.0/24\",\"192.0.2.1/32\",\"2001:db8::/32\"]");
    assert_int_equal(number("SELECT count(*) FROM network_change WHERE kind = 'addresses'"), 1);
    neutron_say(400, ALICE, add, "{\"addresses\":[\"192.0.2.9/32\",\"192.0.2.1/32\"]}");
    assert_said("NeutronError.type", "AddressesAlreadyExist");
    neutron_say(404, ALICE, take, "{\"addresses\":[\"192.0.2.9/32\"]}");
    assert_said("NeutronError.type", "AddressesNotFound");
    neutron_say(404, ALICE, take, "{\"addresses\":[\"192.0.2.9\"]}"); /* no range: a single address */
    neutron_say(200, ALICE, add, "{\"addresses\":[\"192.0.2.9\",\"10.3.0.7/16\"]}");
    neutron_say(200, ALICE, take, "{\"addresses\":[\"192.0.2.9/32\",\"10.3.0.0/16\"]}");
    neutron_say(400, ALICE, add, "{\"addresses\":[\"192.0.2.300\"]}");
    neutron_say(400, ALICE, add, "{}");
    neutron_say(404, BOB, add, "{\"addresses\":[\"192.0.2.9/32\"]}");
    neutron_say(403, READER, add, "{\"addresses\":[\"192.0.2.9/32\"]}");
    neutron_say(200, ALICE, take, "{\"addresses\":[\"192.0.2.1/32\"]}");
    assert_said("address_group.addresses", "[\"10.0.0.0/24\",\"2001:db8::/32\"]");
    make_group("", group);
    AUTO_FREE char *remote = kn_asprintf(",\"remote_address_group_id\":\"%s\"", id);

    rule(201, group, remote);
    neutron_say(409, ALICE, neutron_at("DELETE", "address-groups", id), NULL);
    assert_said("NeutronError.type", "AddressGroupInUse");
    neutron_say(204, ALICE, neutron_at("DELETE", "security-groups", group), NULL);
    neutron_say(204, ALICE, neutron_at("DELETE", "address-groups", id), NULL);
    neutron_say(404, ALICE, neutron_at("GET", "address-groups", id), NULL);
    assert_said("NeutronError.type", "AddressGroupNotFound");
}

#define FRESH(test) cmocka_unit_test_setup(test, kn_neutron_fresh)

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        FRESH(test_default_group),
        FRESH(test_life_of_a_group),
        FRESH(test_group_that_is_a_remote),
        FRESH(test_rules_as_they_are_shown),
        FRESH(test_rules_that_are_refused),
        FRESH(test_the_same_rule_twice),
        FRESH(test_quota_of_groups_and_rules),
        FRESH(test_templates),
        FRESH(test_address_groups),
    };

    return cmocka_run_group_tests(TESTS, kn_neutron_start, kn_neutron_stop);
}
