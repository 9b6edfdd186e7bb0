/* SPDX-License-Identifier: Apache-2.0 */
/* QoS over the real front door: policies and their rules, who makes them, what ports and networks have of them, what is refused by name, what hosts hear. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/front.h"
#include "tests/support/neutron.h"
#include "tests/support/neutron_bad.h"
#include "tests/support/neutron_words.h"

#define ALICE KN_TEST_TOKEN("a11ce", "member")
#define CHIEF KN_TEST_TOKEN("a11ce", "manager")
#define BOB KN_TEST_TOKEN("b0b", "manager")
#define ADMIN KN_TEST_TOKEN("ad", "admin")
#define NOBODY KN_NEUTRON_NOBODY
#define assert_said(path, text) assert_string_equal(neutron_get(path), text)

static char policy[64];

static int64_t number(const char *sql)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err;

    assert_ok(kn_db_query(kn_neutron.db, sql, 0, KN_NO_ARGS, &rows, &err), &err);
    return kn_rows_int(rows, 0, 0);
}

/* "POST …/<kind>s[/<id>]" below the policy. */
static void below(int status, const char *token, const char *method, const char *kind, const char *id,
                  const char *members)
{
    AUTO_FREE char *what = kn_asprintf("%s /qos/policies/%s/%ss%s%s", method, policy, kind, id != NULL ? "/" : "",
                                       id != NULL ? id : "");
    AUTO_FREE char *body = members != NULL ? kn_asprintf("{\"%s\":{%s}}", kind, members) : NULL;

    neutron_say(status, token, what, body);
}

static int fresh(void **state)
{
    struct kn_error err;

    kn_neutron_fresh(state);
    assert_ok(kn_db_script(kn_neutron.db, "DELETE FROM qos_policy", &err), &err);
    neutron_say(201, CHIEF, "POST /qos/policies", "{\"policy\":{\"name\":\"slow\"}}");
    kn_copy(policy, sizeof(policy), neutron_get("policy.id"));
    return 0;
}

static void test_policies(void **state)
{
    (void)state;
    neutron_say(403, ALICE, "POST /qos/policies", "{\"policy\":{\"name\":\"x\"}}");
    neutron_say(200, ALICE, neutron_at("GET", "qos/policies", policy), NULL);
    assert_said("policy.rules", "[]");
    assert_said("policy.shared", "false");
    neutron_say(404, BOB, neutron_at("GET", "qos/policies", policy), NULL);
    assert_said("NeutronError.type", "QosPolicyNotFound");
    neutron_say(200, CHIEF, neutron_at("PUT", "qos/policies", policy),
                "{\"policy\":{\"shared\":true,\"is_default\":true}}");
    neutron_say(200, BOB, neutron_at("GET", "qos/policies", policy), NULL);
    neutron_say(403, BOB, neutron_at("PUT", "qos/policies", policy), "{\"policy\":{\"name\":\"mine\"}}");
    neutron_say(409, CHIEF, "POST /qos/policies", "{\"policy\":{\"is_default\":true}}");
    assert_said("NeutronError.type", "QoSPolicyDefaultAlreadyExists");
    /* New networks have it. */
    const char *network = neutron_network(ALICE, "");

    assert_said("network.qos_policy_id", policy);
    neutron_say(409, CHIEF, neutron_at("DELETE", "qos/policies", policy), NULL);
    assert_said("NeutronError.type", "QosPolicyInUse");
    neutron_say(200, ALICE, neutron_at("PUT", "networks", network), "{\"network\":{\"qos_policy_id\":null}}");
    assert_said("network.qos_policy_id", "null");
    neutron_say(204, CHIEF, neutron_at("DELETE", "qos/policies", policy), NULL);
    neutron_say(404, CHIEF, neutron_at("DELETE", "qos/policies", policy), NULL);
}

static void test_rules(void **state)
{
    (void)state;
    char limit[64], mark[64];

    below(201, CHIEF, "POST", "bandwidth_limit_rule", NULL, "\"max_kbps\":1000");
    assert_said("bandwidth_limit_rule.direction", "egress");
    assert_said("bandwidth_limit_rule.max_burst_kbps", "0");
    kn_copy(limit, sizeof(limit), neutron_get("bandwidth_limit_rule.id"));
    assert_int_equal(number("SELECT count(*) FROM network_change WHERE kind = 'policy'"), 1);
    below(201, CHIEF, "POST", "bandwidth_limit_rule", NULL,
          "\"max_kbps\":\"2000\",\"direction\":\"ingress\",\"max_burst_kbps\":100");
    below(409, CHIEF, "POST", "bandwidth_limit_rule", NULL, "\"max_kbps\":5");
    assert_said("NeutronError.type", "QoSRulesConflict");
    below(409, CHIEF, "PUT", "bandwidth_limit_rule", limit, "\"direction\":\"ingress\"");
    below(200, CHIEF, "PUT", "bandwidth_limit_rule", limit, "\"max_kbps\":3000");
    assert_said("bandwidth_limit_rule.max_kbps", "3000");
    below(200, ALICE, "GET", "bandwidth_limit_rule", NULL, NULL);
    assert_int_equal(neutron_count("bandwidth_limit_rules"), 2);
    below(403, ALICE, "DELETE", "bandwidth_limit_rule", limit, NULL);
    below(400, CHIEF, "POST", "bandwidth_limit_rule", NULL, "\"max_kbps\":-1,\"direction\":\"ingress\"");
    below(400, CHIEF, "POST", "bandwidth_limit_rule", NULL, "\"direction\":\"ingress\"");
    below(201, CHIEF, "POST", "dscp_marking_rule", NULL, "\"dscp_mark\":46");
    kn_copy(mark, sizeof(mark), neutron_get("dscp_marking_rule.id"));
    below(400, CHIEF, "PUT", "dscp_marking_rule", mark, "\"dscp_mark\":3");
    below(404, CHIEF, "GET", "bandwidth_limit_rule", mark, NULL);
    assert_said("NeutronError.type", "QosRuleNotFound");
    below(404, BOB, "GET", "dscp_marking_rule", mark, NULL);
    neutron_say(200, ALICE, neutron_at("GET", "qos/policies", policy), NULL);
    assert_said("policy.rules.2.dscp_mark", "46");
    below(204, CHIEF, "DELETE", "bandwidth_limit_rule", limit, NULL);
    below(404, CHIEF, "DELETE", "bandwidth_limit_rule", limit, NULL);
    below(501, CHIEF, "POST", "minimum_bandwidth_rule", NULL, "\"min_kbps\":1");
    below(404, BOB, "POST", "minimum_bandwidth_rule", NULL, "\"min_kbps\":1");
    assert_said("NeutronError.type", "QosPolicyNotFound");
    below(501, CHIEF, "POST", "packet_rate_limit_rule", NULL, "\"max_kpps\":1");
    below(501, CHIEF, "POST", "minimum_packet_rate_rule", NULL, "\"min_kpps\":1");
    neutron_say(200, ALICE, "GET /qos/rule-types", NULL);
    assert_said("rule_types.1.type", "dscp_marking");
    neutron_say(403, ALICE, "GET /qos/rule-types/dscp_marking", NULL);
    neutron_say(404, ADMIN, "GET /qos/rule-types/minimum_bandwidth", NULL);
    neutron_say(200, ADMIN, "GET /qos/rule-types/dscp_marking", NULL);
    assert_said("rule_type.drivers.0.supported_parameters.0.parameter_name", "dscp_mark");
    assert_said("rule_type.drivers.0.supported_parameters.0.parameter_type", "choices");
    assert_said("rule_type.drivers.0.supported_parameters.0.parameter_values.21", "56");
    assert_said("rule_type.drivers.0.supported_parameters.0.parameter_values.22", "(absent)");
    neutron_say(200, ADMIN, "GET /qos/rule-types/bandwidth_limit", NULL);
    assert_said("rule_type.drivers.0.supported_parameters.1.parameter_values.end", "2147483647");
    assert_said("rule_type.drivers.0.supported_parameters.2.parameter_values.1", "egress");
}

/* As Neutron's: who sees no such policy is given the list from its beginning. */
static void test_a_marker_that_is_none(void **state)
{
    (void)state;
    AUTO_FREE char *behind = kn_asprintf("GET /qos/policies?limit=1&marker=%s", policy);

    neutron_say(200, BOB, behind, NULL);
    assert_int_equal(neutron_count("policies"), 0);
    neutron_say(200, ALICE, behind, NULL);
    assert_int_equal(neutron_count("policies"), 0); /* it is the last */
    neutron_say(200, ALICE, "GET /qos/policies?limit=1&marker=nothing", NULL);
    assert_said("policies.0.id", policy);
    neutron_say(404, ALICE, "GET /networks?limit=1&marker=nothing", NULL);
}

static void test_policies_of_ports(void **state)
{
    (void)state;
    struct kn_error err;
    AUTO_FREE char *network = kn_strdup(neutron_network(ALICE, ""));
    AUTO_FREE char *has = kn_asprintf(",\"qos_policy_id\":\"%s\"", policy);
    AUTO_FREE char *put = kn_asprintf("{\"network\":{\"qos_policy_id\":\"%s\"}}", policy);

    neutron_post(404, ALICE, "port", network, ",\"qos_policy_id\":\"" NOBODY "\"");
    neutron_post(400, ALICE, "port", network, ",\"qos_policy_id\":\"x\"");
    neutron_post(201, ALICE, "port", network, has);
    assert_said("port.qos_policy_id", policy);
    AUTO_FREE char *port = kn_strdup(neutron_get("port.id"));
    AUTO_FREE char *bind = kn_asprintf("INSERT INTO port_binding (port_id, host, state) VALUES ('%s', 'h1', 'active')",
                                       port);

    neutron_say(409, CHIEF, neutron_at("DELETE", "qos/policies", policy), NULL);
    assert_ok(kn_db_script(kn_neutron.db, bind, &err), &err);
    neutron_say(200, ALICE, neutron_at("PUT", "ports", port), "{\"port\":{\"qos_policy_id\":null}}");
    assert_said("port.qos_policy_id", "null");
    assert_int_equal(number("SELECT count(*) FROM network_change WHERE kind = 'port'"), 1);
    neutron_say(200, ALICE, neutron_at("PUT", "networks", network), put);
    assert_int_equal(number("SELECT count(*) FROM network_change WHERE kind = 'port'"), 2);
    neutron_say(200, ALICE, neutron_at("GET", "ports", port), NULL);
    assert_said("port.qos_network_policy_id", policy);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test_setup(test_policies, fresh),
        cmocka_unit_test_setup(test_rules, fresh),
        cmocka_unit_test_setup(test_a_marker_that_is_none, fresh),
        cmocka_unit_test_setup(test_policies_of_ports, fresh),
    };

    return cmocka_run_group_tests(TESTS, kn_neutron_start, kn_neutron_stop);
}
