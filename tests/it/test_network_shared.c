/* SPDX-License-Identifier: Apache-2.0 */
/* What `shared` and `router:external` of networks, and `shared` of the others, have to do with RBAC policies; who leads outside, and what ports of a target may. */
#include "tests/support/rbac_world.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/test.h"

/* --- networks --------------------------------------------------------------------------------------------------------------- */

static void test_ports_of_the_target(void **state)
{
    (void)state;
    const struct rbac_id network = rbac_make(&rbac_kinds[RBAC_NETWORK], ALICE);
    AUTO_FREE char *subnet = kn_strdup(neutron_subnet(ALICE, network.text, ",\"cidr\":\"10.0.0.0/24\""));

    neutron_post(404, BOB, "port", network.text, "");
    neutron_say(404, BOB, neutron_at("GET", "subnets", subnet), NULL);
    rbac_let(201, ALICE, "network", network.text, "shared", B);
    neutron_say(200, BOB, neutron_at("GET", "subnets", subnet), NULL);
    neutron_say(200, BOB, "GET /subnets?shared=true", NULL);
    assert_int_equal(neutron_count("subnets"), 1);
    neutron_say(200, ALICE, "GET /subnets?shared=true", NULL);
    assert_int_equal(neutron_count("subnets"), 0);
    neutron_say(200, CAROL, "GET /subnets", NULL);
    assert_int_equal(neutron_count("subnets"), 0);
    neutron_post(403, BOB, "subnet", network.text, ",\"ip_version\":4,\"cidr\":\"10.0.1.0/24\"");
    neutron_post(403, BOB, "port", network.text, ",\"fixed_ips\":[{\"ip_address\":\"10.0.0.77\"}]");
    neutron_post(201, BOB, "port", network.text, "");
    assert_non_null(strstr(neutron_get("port.fixed_ips.0.ip_address"), "10.0.0."));
    const struct rbac_id port = rbac_kept("port.id");

    neutron_say(404, CAROL, neutron_at("GET", "ports", port.text), NULL);
    neutron_say(204, ALICE, neutron_at("DELETE", "ports", port.text), NULL); /* the network is hers */

    /* A leg of Bob's router, because he is named. */
    neutron_say(201, BOB, "POST /routers", "{\"router\":{}}");
    const struct rbac_id router = rbac_kept("router.id");
    AUTO_FREE char *what = kn_asprintf("PUT /routers/%s/add_router_interface", router.text),
                   *body = kn_asprintf("{\"subnet_id\":\"%s\"}", subnet);

    neutron_say(200, BOB, what, body);
}

/* `shared` is the policy for everybody, and nothing beside it. */
static void test_shared_is_a_policy(void **state)
{
    (void)state;
    const struct rbac_id network = rbac_make(&rbac_kinds[RBAC_NETWORK], ALICE);

    neutron_say(200, ADMIN, neutron_at("PUT", "networks", network.text), "{\"network\":{\"shared\":true}}");
    assert_said("network.shared", "true");
    neutron_say(200, ALICE, "GET /rbac-policies?object_type=network&target_project=*", NULL);
    assert_int_equal(neutron_count("rbac_policies"), 1);
    const struct rbac_id open = rbac_kept("rbac_policies.0.id");

    assert_said("rbac_policies.0.object_id", network.text);
    rbac_let(409, ADMIN, "network", network.text, "shared", "*");
    assert_type("DuplicateRbacPolicy");
    neutron_say(200, ADMIN, neutron_at("PUT", "networks", network.text), "{\"network\":{\"shared\":true}}");
    const struct rbac_id port = rbac_kinds[RBAC_NETWORK].use(BOB, network.text);

    neutron_say(409, ADMIN, neutron_at("PUT", "networks", network.text), "{\"network\":{\"shared\":false}}");
    assert_type("InvalidSharedSetting");
    rbac_drop(409, ADMIN, &open);
    rbac_let(201, ALICE, "network", network.text, "shared", B);
    neutron_say(200, ADMIN, neutron_at("PUT", "networks", network.text), "{\"network\":{\"shared\":false}}");
    assert_said("network.shared", "false");
    neutron_say(200, BOB, neutron_at("GET", "networks", network.text), NULL);
    assert_said("network.shared", "true");
    neutron_say(204, BOB, neutron_at("DELETE", "ports", port.text), NULL);

    neutron_say(201, ADMIN, "POST /networks", "{\"networks\":[{\"shared\":true},{\"shared\":true},{}]}");
    assert_said("networks.0.shared", "true");
    assert_said("networks.2.shared", "false");
    assert_int_equal(rbac_number("SELECT count(*) FROM rbac_policy WHERE target = '*'"), 2);
    assert_int_equal(rbac_number("SELECT count(*) FROM quota_usage WHERE project_id = '" BOSS
                                 "' AND resource = 'rbac_policy'"),
                     0); /* which is no matter of quotas */
    neutron_say(200, CAROL, "GET /networks?shared=true", NULL);
    assert_int_equal(neutron_count("networks"), 2);

    /* A policy of QoS that is in use is not closed, be it by its owner alone. */
    neutron_say(201, ALICE, "POST /qos/policies", "{\"policy\":{\"name\":\"q\",\"shared\":true}}");
    const struct rbac_id policy = rbac_kept("policy.id"), with = rbac_kinds[RBAC_QOS_POLICY].use(ALICE, policy.text);

    neutron_say(409, ALICE, neutron_at("PUT", "qos/policies", policy.text), "{\"policy\":{\"shared\":false}}");
    assert_type("RbacPolicyInUse");
    neutron_say(204, ALICE, neutron_at("DELETE", "networks", with.text), NULL);
    neutron_say(200, ALICE, neutron_at("PUT", "qos/policies", policy.text), "{\"policy\":{\"shared\":false}}");
    assert_said("policy.shared", "false");
    assert_int_equal(rbac_number("SELECT count(*) FROM rbac_policy WHERE object_type = 'qos_policy'"), 0);
}

static void test_revision_of_a_network(void **state)
{
    (void)state;
    const struct rbac_id network = rbac_make(&rbac_kinds[RBAC_NETWORK], ALICE);
    const struct rbac_id policy = rbac_let(201, ALICE, "network", network.text, "shared", B);

    neutron_say(200, ALICE, neutron_at("GET", "networks", network.text), NULL);
    assert_said("network.revision_number", "2");
    rbac_drop(204, ALICE, &policy);
    neutron_say(200, ALICE, neutron_at("GET", "networks", network.text), NULL);
    assert_true(atoi(neutron_get("network.revision_number")) > 2);
}

/* Nobody needs to be let at his own. */
static void test_own_target(void **state)
{
    (void)state;
    const struct rbac_id network = rbac_make(&rbac_kinds[RBAC_NETWORK], ALICE);
    const struct rbac_id policy = rbac_let(201, ALICE, "network", network.text, "shared", A);

    rbac_shows(&rbac_kinds[RBAC_NETWORK], ALICE, &network, "true");
    rbac_kinds[RBAC_NETWORK].use(ALICE, network.text);
    rbac_retarget(200, ALICE, &policy, B);
    rbac_retarget(200, ALICE, &policy, A);
    rbac_drop(204, ALICE, &policy);
}

/* --- outside ------------------------------------------------------------------------------------------------------------------ */

static void router(int status, const char *token, const struct rbac_id *network)
{
    AUTO_FREE char *body = kn_asprintf("{\"router\":{\"external_gateway_info\":{\"network_id\":\"%s\"}}}",
                                       network->text);

    neutron_say(status, token, "POST /routers", body);
}

static void floating(int status, const char *token, const struct rbac_id *network)
{
    AUTO_FREE char *body = kn_asprintf("{\"floatingip\":{\"floating_network_id\":\"%s\"}}", network->text);

    neutron_say(status, token, "POST /floatingips", body);
}

static void is_external(const struct rbac_id *network, const char *external)
{
    neutron_say(200, ADMIN, neutron_at("GET", "networks", network->text), NULL);
    assert_said("network.router:external", external);
}

static void test_external_for_one(void **state)
{
    (void)state;
    const struct rbac_id network = rbac_make(&rbac_kinds[RBAC_NETWORK], ALICE);

    neutron_subnet(ALICE, network.text, ",\"cidr\":\"172.24.4.0/24\",\"enable_dhcp\":false");
    router(404, BOB, &network);
    rbac_let(403, ALICE, "network", network.text, "external", "*");
    const struct rbac_id policy = rbac_let(201, ALICE, "network", network.text, "external", B);

    is_external(&network, "true");
    neutron_say(200, BOB, "GET /networks?router:external=true", NULL);
    assert_int_equal(neutron_count("networks"), 1);
    assert_said("networks.0.shared", "false");
    router(404, CAROL, &network);
    floating(404, CAROL, &network);
    floating(201, BOB, &network);
    const struct rbac_id ip = rbac_kept("floatingip.id");

    router(201, BOB, &network);
    const struct rbac_id led = rbac_kept("router.id");

    rbac_drop(409, ALICE, &policy);
    assert_type("RbacPolicyInUse");
    assert_non_null(strstr(neutron_get("NeutronError.message"), "There are routers attached to this network"));
    const struct rbac_id open = rbac_let(201, ADMIN, "network", network.text, "external", "*");

    rbac_drop(204, ALICE, &policy);
    rbac_drop(409, ADMIN, &open);
    rbac_retarget(200, ADMIN, &open, B); /* its only user has it still */
    rbac_drop(409, ADMIN, &open);
    neutron_say(204, BOB, neutron_at("DELETE", "routers", led.text), NULL);
    rbac_drop(409, ADMIN, &open); /* the last one goes, and with it what leads outside: an address is lent */
    assert_type("ExternalNetworkInUse");
    neutron_say(204, BOB, neutron_at("DELETE", "floatingips", ip.text), NULL);
    rbac_drop(204, ADMIN, &open);
    is_external(&network, "false");
    router(404, BOB, &network);
}

static void test_external_is_a_policy(void **state)
{
    static const char EXTERNAL[] = "{\"network\":{\"router:external\":true}}",
                      INSIDE[] = "{\"network\":{\"router:external\":false}}";

    (void)state;
    neutron_say(201, ADMIN, "POST /networks", EXTERNAL);
    const struct rbac_id network = rbac_kept("network.id");
    AUTO_FREE char *policies =
        kn_asprintf("GET /rbac-policies?action=access_as_external&object_id=%s&target_tenant=%%2A", network.text);

    assert_said("network.router:external", "true");
    neutron_say(200, ADMIN, policies, NULL);
    assert_int_equal(neutron_count("rbac_policies"), 1);
    rbac_let(201, ADMIN, "network", network.text, "external", B);
    neutron_say(200, ADMIN, neutron_at("PUT", "networks", network.text), INSIDE);
    assert_said("network.router:external", "false");
    assert_int_equal(rbac_number("SELECT count(*) FROM rbac_policy"), 0);
    neutron_say(200, ADMIN, neutron_at("PUT", "networks", network.text), EXTERNAL);
    neutron_say(200, ADMIN, policies, NULL);
    assert_int_equal(neutron_count("rbac_policies"), 1);
    neutron_say(200, ADMIN, neutron_at("PUT", "networks", network.text), "{\"network\":{\"is_default\":true}}");
    neutron_say(200, ADMIN, policies, NULL);
    const struct rbac_id open = rbac_kept("rbac_policies.0.id");

    rbac_drop(409, ADMIN, &open);
    assert_type("RbacPolicyInUse");
    rbac_retarget(409, ADMIN, &open, B);
    neutron_say(200, ADMIN, neutron_at("PUT", "networks", network.text), "{\"network\":{\"is_default\":false}}");
    neutron_say(200, ADMIN, "GET /networks?router:external=false", NULL);
    assert_int_equal(neutron_count("networks"), 0);
    const struct rbac_id shared = rbac_let(201, ADMIN, "network", network.text, "shared", "*");

    rbac_drop(204, ADMIN, &shared);
    is_external(&network, "true");
    const struct rbac_id one = rbac_let(201, ADMIN, "network", network.text, "external", B);

    rbac_drop(204, ADMIN, &one);
    is_external(&network, "true");
}

#define T(name) cmocka_unit_test_setup_teardown(name, rbac_fresh, rbac_settled)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_ports_of_the_target), T(test_shared_is_a_policy), T(test_revision_of_a_network),
        T(test_own_target),          T(test_external_for_one),   T(test_external_is_a_policy),
    };
    return cmocka_run_group_tests(tests, kn_neutron_start, kn_neutron_stop);
}
