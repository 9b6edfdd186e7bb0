/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything of compute that is not a server: flavors with their specs and access, key pairs, quotas and limits, hypervisors,
 * services, zones. One golden file a view and microversion that changed it; bad input with nothing changed.
 */
#include <stdio.h>

#include "compute/api.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "tests/support/compute_seed.h"
#include "tests/support/golden.h"
#include "tests/support/test.h"

#define V "/compute/v2.1"
#define KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHk3V4v6eNRhVqWhbb8LWe5eT2m8l5zRl9yGRq6Wu5cx me@here"
#define H1 "55555555-5555-4555-8555-111111111111"
#define H9 "55555555-5555-4555-8555-999999999999"

static int ask(const char *token, int minor, const char *method, const char *path, const char *body)
{
    return kn_test_nova_ask(nova, token, minor, method, path, body);
}

static int get(const char *token, int minor, const char *path)
{
    return ask(token, minor, "GET", path, NULL);
}

/* A view at the microversions that changed it: golden file compute/<name>-2.<minor>. */
static void golden(const char *token, const int *minors, size_t count, const char *path, const char *name)
{
    char file[96];

    for (size_t i = 0; i < count; i++) {
        if (get(token, minors[i], path) != 200) {
            fail_msg("%s at 2.%d: %d %s", path, minors[i], nova->http.status, nova->http.body.buf);
        }
        snprintf(file, sizeof(file), "compute/%s-2.%d", name, minors[i]);
        kn_test_golden(file, kn_test_nova_at(nova, ""), nova->http.port);
    }
}
#define GOLDEN(token, path, name, ...) \
    golden(token, (const int[]){ __VA_ARGS__ }, sizeof((const int[]){ __VA_ARGS__ }) / sizeof(int), V path, name)

static void views(void **state)
{
    (void)state;
    kn_test_nova_sql(nova, "UPDATE agent SET last_seen = '2026-11-21 10:00:00+00'");
    kn_test_nova_sql(
        nova,
        "UPDATE service SET last_seen = '2026-11-21 10:00:00.5+00', uuid = '66666666-6666-4666-8666-666666666666'");
    kn_test_nova_sql(nova, "UPDATE keypair SET created_at = '2026-11-21 10:00:00+00'");
    GOLDEN(SEED_MEMBER, "/flavors/1", "flavor", 1, 55, 61, 75);
    GOLDEN(SEED_MEMBER, "/flavors", "flavors", 1, 55);
    GOLDEN(SEED_ADMIN, "/flavors/detail?is_public=None", "flavors-detail", 61);
    GOLDEN(SEED_MEMBER, "/os-keypairs", "keypairs", 1, 2, 35);
    GOLDEN(SEED_ADMIN, "/os-hypervisors", "hypervisors", 1, 53);
    GOLDEN(SEED_ADMIN, "/os-hypervisors/detail", "hypervisors-detail", 1, 28, 53, 88);
    GOLDEN(SEED_ADMIN, "/os-hypervisors/statistics", "hypervisor-statistics", 1);
    GOLDEN(SEED_ADMIN, "/os-services", "services", 1, 11, 53);
    GOLDEN(SEED_MEMBER, "/os-availability-zone", "zones", 1);
    GOLDEN(SEED_MEMBER, "/os-quota-sets/" SEED_PROJECT, "quota-set", 1, 36, 57);
    GOLDEN(SEED_MEMBER, "/os-quota-sets/" SEED_PROJECT "/detail", "quota-set-detail", 57);
    GOLDEN(SEED_MEMBER, "/limits", "limits", 1, 36, 39, 57);
}

static void flavors_come_and_go(void **state)
{
    (void)state;
    assert_int_equal(
        ask(SEED_ADMIN, 61, "POST", V "/flavors",
            "{\"flavor\": {\"name\": \"m1.new\", \"id\": null, \"ram\": 1024, \"vcpus\": 2, \"disk\": 0, \"swap\": 0, "
            "\"OS-FLV-EXT-DATA:ephemeral\": 0, \"rxtx_factor\": 1.5, \"os-flavor-access:is_public\": false, "
            "\"description\": \"d\"}}"),
        200);
    char id[64], path[128];
    snprintf(id, sizeof(id), "%s", kn_test_nova_str(nova, "flavor.id"));
    assert_true(kn_uuid_valid(id));
    assert_int_equal(json_integer_value(kn_test_nova_at(nova, "flavor.ram")), 1024);
    assert_true(json_real_value(kn_test_nova_at(nova, "flavor.rxtx_factor")) > 1.4);
    snprintf(path, sizeof(path), V "/flavors/%s", id);
    assert_int_equal(get(SEED_MEMBER, 1, path), 404);
    snprintf(path, sizeof(path), V "/flavors/%s/action", id);
    assert_int_equal(ask(SEED_ADMIN, 7, "POST", path, "{\"addTenantAccess\": {\"tenant\": \"" SEED_PROJECT "\"}}"),
                     200);
    assert_string_equal(kn_test_nova_str(nova, "flavor_access.0.tenant_id"), SEED_PROJECT);
    assert_int_equal(ask(SEED_ADMIN, 7, "POST", path, "{\"addTenantAccess\": {\"tenant\": \"" SEED_PROJECT "\"}}"),
                     409);
    snprintf(path, sizeof(path), V "/flavors/%s", id);
    assert_int_equal(get(SEED_MEMBER, 1, path), 200);
    assert_int_equal(get(SEED_STRANGER, 1, path), 404);
    snprintf(path, sizeof(path), V "/flavors/%s/action", id);
    assert_int_equal(ask(SEED_ADMIN, 7, "POST", path, "{\"removeTenantAccess\": {\"tenant\": \"" SEED_PROJECT "\"}}"),
                     200);
    assert_int_equal(ask(SEED_ADMIN, 7, "POST", path, "{\"removeTenantAccess\": {\"tenant\": \"" SEED_PROJECT "\"}}"),
                     404);
    snprintf(path, sizeof(path), V "/flavors/%s", id);
    assert_int_equal(ask(SEED_ADMIN, 55, "PUT", path, "{\"flavor\": {\"description\": null}}"), 200);
    assert_int_equal(ask(SEED_ADMIN, 54, "PUT", path, "{\"flavor\": {\"description\": null}}"), 404);
    assert_int_equal(ask(SEED_ADMIN, 1, "DELETE", path, NULL), 202);
    assert_int_equal(ask(SEED_ADMIN, 1, "DELETE", path, NULL), 404);
}

static void extra_specs(void **state)
{
    (void)state;
    assert_int_equal(ask(SEED_ADMIN, 1, "POST", V "/flavors/1/os-extra_specs",
                         "{\"extra_specs\": {\"a\": \"b\", \"n\": 5}}"),
                     200);
    assert_int_equal(get(SEED_MEMBER, 1, V "/flavors/1/os-extra_specs"), 200);
    assert_string_equal(kn_test_nova_str(nova, "extra_specs.n"), "5");
    assert_int_equal(ask(SEED_ADMIN, 1, "PUT", V "/flavors/1/os-extra_specs/a", "{\"a\": \"c\"}"), 200);
    assert_int_equal(ask(SEED_ADMIN, 1, "PUT", V "/flavors/1/os-extra_specs/x", "{\"a\": \"c\"}"), 400);
    assert_int_equal(ask(SEED_ADMIN, 85, "PUT", V "/flavors/1/os-extra_specs/hw:x", "{\"hw:x\": \"c\"}"), 200);
    assert_int_equal(ask(SEED_ADMIN, 86, "PUT", V "/flavors/1/os-extra_specs/hw:x", "{\"hw:x\": \"c\"}"), 400);
    assert_int_equal(ask(SEED_ADMIN, 86, "POST", V "/flavors/1/os-extra_specs", "{\"extra_specs\":{\"hw:y\":1}}"), 400);
    assert_int_equal(get(SEED_MEMBER, 1, V "/flavors/1/os-extra_specs/a"), 200);
    assert_string_equal(kn_test_nova_str(nova, "a"), "c");
    assert_int_equal(ask(SEED_ADMIN, 1, "DELETE", V "/flavors/1/os-extra_specs/a", NULL), 200);
    assert_int_equal(ask(SEED_ADMIN, 1, "DELETE", V "/flavors/1/os-extra_specs/a", NULL), 404);
    assert_int_equal(get(SEED_MEMBER, 1, V "/flavors/1/os-extra_specs/a"), 404);
    assert_int_equal(ask(SEED_ADMIN, 1, "POST", V "/flavors/9/os-extra_specs", "{\"extra_specs\": {}}"), 404);
}

static void key_pairs(void **state)
{
    (void)state;
    assert_int_equal(ask(SEED_MEMBER, 92, "POST", V "/os-keypairs",
                         "{\"keypair\": {\"name\": \"a@b.c\", \"public_key\": \"" KEY "\\n\"}}"),
                     201);
    assert_string_equal(kn_test_nova_str(nova, "keypair.public_key"), KEY "\n"); /* as it was sent: clients compare */
    assert_string_equal(kn_test_nova_str(nova, "keypair.type"), "ssh");
    assert_null(kn_test_nova_at(nova, "keypair.private_key"));
    assert_int_equal(ask(SEED_MEMBER, 92, "POST", V "/os-keypairs",
                         "{\"keypair\": {\"name\": \"a@b.c\", \"public_key\": \"" KEY "\"}}"),
                     409);
    assert_int_equal(get(SEED_MEMBER, 92, V "/os-keypairs/a@b.c"), 200);
    assert_string_equal(kn_test_nova_str(nova, "keypair.user_id"), SEED_PROJECT);
    assert_int_equal(get(SEED_STRANGER, 92, V "/os-keypairs/a@b.c"), 404);
    assert_int_equal(get(SEED_STRANGER, 92, V "/os-keypairs/a@b.c?user_id=" SEED_PROJECT), 403);
    assert_int_equal(get(SEED_ADMIN, 92, V "/os-keypairs/a@b.c?user_id=" SEED_PROJECT), 200);
    assert_int_equal(ask(SEED_MEMBER, 1, "POST", V "/os-keypairs", "{\"keypair\": {\"name\": \"made\"}}"), 200);
    assert_non_null(strstr(kn_test_nova_str(nova, "keypair.private_key"), "BEGIN RSA PRIVATE KEY"));
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM keypair WHERE keypair::text LIKE '%PRIVATE%'"), 0);
    kn_test_nova_sql(
        nova, "INSERT INTO quota_limit (service, project_id, resource, hard_limit) VALUES ('compute', '" SEED_PROJECT
              "', 'key_pairs', 3)");
    assert_int_equal(ask(SEED_MEMBER, 92, "POST", V "/os-keypairs",
                         "{\"keypair\": {\"name\": \"n\", \"public_key\": \"" KEY "\"}}"),
                     403);
    assert_int_equal(get(SEED_MEMBER, 35, V "/os-keypairs?limit=1"), 200);
    assert_string_equal(kn_test_nova_str(nova, "keypairs_links.0.rel"), "next");
    assert_int_equal(ask(SEED_MEMBER, 2, "DELETE", V "/os-keypairs/made", NULL), 204);
    assert_int_equal(ask(SEED_MEMBER, 1, "DELETE", V "/os-keypairs/made", NULL), 404);
}

static void quotas(void **state)
{
    (void)state;
    assert_int_equal(ask(SEED_ADMIN, 57, "PUT", V "/os-quota-sets/" SEED_PROJECT,
                         "{\"quota_set\": {\"instances\": 50, \"cores\": \"-1\"}}"),
                     200);
    assert_int_equal(json_integer_value(kn_test_nova_at(nova, "quota_set.instances")), 50);
    assert_int_equal(get(SEED_MEMBER, 57, V "/os-quota-sets/" SEED_PROJECT), 200);
    assert_int_equal(json_integer_value(kn_test_nova_at(nova, "quota_set.cores")), -1);
    assert_int_equal(get(SEED_MEMBER, 57, V "/os-quota-sets/" SEED_PROJECT "?user_id=x"), 200);
    assert_int_equal(json_integer_value(kn_test_nova_at(nova, "quota_set.instances")), 50);
    assert_int_equal(get(SEED_MEMBER, 57, V "/os-quota-sets/" SEED_PROJECT "/detail?user_id=x"), 400);
    assert_int_equal(get(SEED_MEMBER, 57, V "/os-quota-sets/" SEED_PROJECT "/defaults"), 200);
    assert_int_equal(json_integer_value(kn_test_nova_at(nova, "quota_set.instances")), 10);
    kn_test_nova_sql(nova, "INSERT INTO quota_usage VALUES ('compute', '" SEED_PROJECT
                           "', 'instances', 5), ('compute', '" SEED_PROJECT "', 'cores', 5), ('compute', '" SEED_PROJECT
                           "', 'ram', 5)");
    assert_int_equal(ask(SEED_ADMIN, 57, "PUT", V "/os-quota-sets/" SEED_PROJECT,
                         "{\"quota_set\": {\"instances\": 4}}"),
                     400);
    assert_int_equal(ask(SEED_ADMIN, 57, "PUT", V "/os-quota-sets/" SEED_PROJECT,
                         "{\"quota_set\": {\"instances\": 4, \"force\": true}}"),
                     200);
    assert_int_equal(ask(SEED_ADMIN, 57, "DELETE", V "/os-quota-sets/" SEED_PROJECT, NULL), 202);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM quota_limit"), 0);
}

/* A slip of the pen makes no quota and opens no flavor; what is left of a project that is gone can be cleared away. */
static void projects_that_do_not_exist(void **state)
{
    static const char GONE[] = "dddddddddddddddddddddddddddddddd";
    static const char *const TAILS[] = { "", "/detail", "/defaults" };
    char path[128];

    (void)state;
    for (size_t i = 0; i < KN_COUNT(TAILS); i++) {
        snprintf(path, sizeof(path), V "/os-quota-sets/%s%s", GONE, TAILS[i]);
        assert_int_equal(get(SEED_ADMIN, 57, path), 400);
        assert_string_equal(kn_test_nova_str(nova, "badRequest.message"),
                            "Project ID dddddddddddddddddddddddddddddddd is not a valid project.");
    }
    snprintf(path, sizeof(path), V "/os-quota-sets/%s", GONE);
    assert_int_equal(ask(SEED_ADMIN, 57, "PUT", path, "{\"quota_set\": {\"instances\": 5}}"), 400);
    assert_int_equal(ask(SEED_ADMIN, 7, "POST", V "/flavors/2/action",
                         "{\"addTenantAccess\": {\"tenant\": \"dddddddddddddddddddddddddddddddd\"}}"),
                     400);
    assert_int_equal(
        kn_test_nova_sql(nova, "SELECT (SELECT count(*) FROM quota_limit) + (SELECT count(*) FROM flavor_access)"), 0);
    kn_test_nova_sql(
        nova,
        "WITH f AS (INSERT INTO flavor_access (flavor_id, project_id) VALUES ('2', 'dddddddddddddddddddddddddddddddd')) "
        "INSERT INTO quota_limit (service, project_id, resource, hard_limit) VALUES ('compute', 'dddddddddddddddddddddddddddddddd', 'cores', 1)");
    assert_int_equal(ask(SEED_ADMIN, 57, "DELETE", path, NULL), 202);
    assert_int_equal(ask(SEED_ADMIN, 7, "POST", V "/flavors/2/action",
                         "{\"removeTenantAccess\": {\"tenant\": \"dddddddddddddddddddddddddddddddd\"}}"),
                     200);
    assert_int_equal(
        kn_test_nova_sql(nova, "SELECT (SELECT count(*) FROM quota_limit) + (SELECT count(*) FROM flavor_access)"), 0);
    assert_int_equal(get(SEED_ADMIN, 57, V "/os-quota-sets/default"), 200); /* a domain is a project */
}

static void hosts_are_switched(void **state)
{
    (void)state;
    assert_int_equal(ask(SEED_ADMIN, 53, "PUT", V "/os-services/" H1,
                         "{\"status\": \"disabled\", \"disabled_reason\": \"dust\"}"),
                     200);
    assert_string_equal(kn_test_nova_str(nova, "service.status"), "disabled");
    assert_int_equal(
        kn_test_nova_sql(nova, "SELECT count(*) FROM host WHERE disabled AND disabled_reason = 'dust' AND name = 'h1'"),
        1);
    assert_int_equal(get(SEED_MEMBER, 1, V "/os-availability-zone"), 200);
    assert_true(json_is_true(kn_test_nova_at(nova, "availabilityZoneInfo.0.zoneState.available")));
    assert_true(json_is_false(kn_test_nova_at(nova, "availabilityZoneInfo.1.zoneState.available")));
    assert_int_equal(ask(SEED_ADMIN, 53, "PUT", V "/os-services/" H1,
                         "{\"status\": \"enabled\", \"forced_down\": true}"),
                     200);
    assert_string_equal(kn_test_nova_str(nova, "service.state"), "down");
    assert_int_equal(ask(SEED_ADMIN, 11, "PUT", V "/os-services/force-down",
                         "{\"host\": \"h1\", \"binary\": \"nova-compute\", "
                         "\"forced_down\": false}"),
                     200);
    assert_int_equal(ask(SEED_ADMIN, 1, "PUT", V "/os-services/disable",
                         "{\"host\": \"h1\", \"binary\": \"nova-compute\"}"),
                     200);
    assert_int_equal(ask(SEED_ADMIN, 1, "PUT", V "/os-services/enable",
                         "{\"host\": \"h1\", \"binary\": \"nova-compute\"}"),
                     200);
    assert_int_equal(
        kn_test_nova_sql(nova,
                         "SELECT count(*) FROM host WHERE disabled OR forced_down OR disabled_reason IS NOT NULL"),
        0);
    assert_int_equal(get(SEED_ADMIN, 53, V "/os-hypervisors?hypervisor_hostname_pattern=2&with_servers=true"), 200);
    assert_int_equal(json_array_size(kn_test_nova_at(nova, "hypervisors")), 1);
    assert_int_equal(get(SEED_ADMIN, 53, V "/os-hypervisors/" H1), 200);
    assert_int_equal(get(SEED_ADMIN, 88, V "/os-hypervisors?limit=1"), 200);
    assert_string_equal(kn_test_nova_str(nova, "hypervisors_links.0.rel"), "next");
    assert_int_equal(get(SEED_ADMIN, 88, V "/os-hypervisors?limit=1&marker=" H1), 200);
    assert_string_equal(kn_test_nova_str(nova, "hypervisors.0.hypervisor_hostname"), "h2");
    assert_int_equal(get(SEED_ADMIN, 1, V "/os-availability-zone/detail"), 200);
    assert_true(json_is_true(kn_test_nova_at(nova, "availabilityZoneInfo.0.hosts.h2.nova-compute.available")));
    assert_int_equal(get(SEED_ADMIN, 1, V "/os-services?binary=nova-compute&host=h2"), 200);
    assert_int_equal(json_array_size(kn_test_nova_at(nova, "services")), 1);
}

/*
 * A host that the scheduler left out is seen: one that was never taken in is down, one that was is disabled and up, because its servers run on. Both say why.
 */
static void hosts_that_were_refused(void **state)
{
    (void)state;
    kn_test_nova_sql(
        nova,
        "INSERT INTO agent_refusal (agent_id, subject, kind, boot, host_uuid, reason) VALUES "
        "('a', 'h1', 'host', 'b', '" H1 "', 'reserve above memory'), ('a', 'h9', 'host', 'b', '" H9 "', 'no vcpus'), "
        "('a', 'h2', 'owner', 'b', NULL, 'belongs to another agent'), ('a', '#3', 'host', 'b', NULL, 'no name')");
    assert_int_equal(get(SEED_ADMIN, 53, V "/os-hypervisors/detail"), 200);
    assert_int_equal(json_array_size(kn_test_nova_at(nova, "hypervisors")), 3);
    assert_string_equal(kn_test_nova_str(nova, "hypervisors.0.state"), "up");
    assert_string_equal(kn_test_nova_str(nova, "hypervisors.0.status"), "disabled");
    assert_string_equal(kn_test_nova_str(nova, "hypervisors.0.service.disabled_reason"),
                        "refused: reserve above memory");
    assert_string_equal(kn_test_nova_str(nova, "hypervisors.1.status"), "enabled");
    assert_string_equal(kn_test_nova_str(nova, "hypervisors.2.hypervisor_hostname"), "h9");
    assert_string_equal(kn_test_nova_str(nova, "hypervisors.2.state"), "down");
    assert_int_equal(get(SEED_ADMIN, 88, V "/os-hypervisors/" H9), 200);
    assert_string_equal(kn_test_nova_str(nova, "hypervisor.service.disabled_reason"), "refused: no vcpus");
    assert_int_equal(get(SEED_ADMIN, 88, V "/os-hypervisors?limit=1&marker=" H9), 200);
    assert_int_equal(json_array_size(kn_test_nova_at(nova, "hypervisors")), 0);
    assert_int_equal(get(SEED_ADMIN, 53, V "/os-services?host=h9"), 200);
    assert_string_equal(kn_test_nova_str(nova, "services.0.state"), "down");
    assert_string_equal(kn_test_nova_str(nova, "services.0.disabled_reason"), "refused: no vcpus");
    assert_int_equal(ask(SEED_ADMIN, 53, "PUT", V "/os-services/" H9, "{\"status\": \"enabled\"}"), 404);
    assert_int_equal(ask(SEED_ADMIN, 53, "PUT", V "/os-services/" H1, "{\"status\": \"enabled\"}"), 200);
    assert_string_equal(kn_test_nova_str(nova, "service.status"), "disabled"); /* only its agent can change that */
    assert_int_equal(get(SEED_MEMBER, 1, V "/os-availability-zone"), 200);
    assert_int_equal(json_array_size(kn_test_nova_at(nova, "availabilityZoneInfo")), 2);

    assert_int_equal(get(SEED_ADMIN, 53, V "/os-services?binary=nova-conductor"), 200);
    assert_string_equal(kn_test_nova_str(nova, "services.0.state"), "up");
    kn_test_nova_sql(nova, "UPDATE service SET stuck = 'it hurts', stuck_since = now()");
    assert_int_equal(get(SEED_ADMIN, 53, V "/os-services?binary=nova-conductor"), 200);
    assert_string_equal(kn_test_nova_str(nova, "services.0.state"), "down");
    assert_string_equal(kn_test_nova_str(nova, "services.0.disabled_reason"), "stuck: it hurts");
}

static const struct {
    const char *token;
    int minor;
    const char *method;
    const char *path;
    const char *body;
    int status;
} REFUSED[] = {
    { SEED_MEMBER, 1, "POST", V "/flavors", "{\"flavor\": {\"name\": \"x\", \"ram\": 1, \"vcpus\": 1, \"disk\": 1}}",
      403 },
    { SEED_ADMIN, 1, "POST", V "/flavors",
      "{\"flavor\": {\"name\": \"m1.tiny\", \"ram\": 1, \"vcpus\": 1, \"disk\": 1}}", 409 },
    { SEED_ADMIN, 1, "POST", V "/flavors",
      "{\"flavor\": {\"name\": \"x\", \"id\": \"1\", \"ram\": 1, \"vcpus\": 1, \"disk\": 1}}", 409 },
    { SEED_ADMIN, 1, "POST", V "/flavors", "{\"flavor\": {\"name\": \"x\", \"ram\": 0, \"vcpus\": 1, \"disk\": 1}}",
      400 },
    { SEED_ADMIN, 1, "POST", V "/flavors", "{\"flavor\": {\"name\": \"x\", \"ram\": 1, \"vcpus\": \"a\", \"disk\": 1}}",
      400 },
    { SEED_ADMIN, 1, "POST", V "/flavors",
      "{\"flavor\": {\"name\": \"x\", \"id\": \"a/b\", \"ram\": 1, \"vcpus\": 1, \"disk\": 1}}", 400 },
    { SEED_ADMIN, 1, "POST", V "/flavors",
      "{\"flavor\": {\"name\": \"x\", \"ram\": 1, \"vcpus\": 1, \"disk\": 99999999999}}", 400 },
    { SEED_ADMIN, 1, "GET", V "/flavors?is_public=perhaps", NULL, 400 },
    { SEED_ADMIN, 1, "GET", V "/flavors?minRam=x", NULL, 400 },
    { SEED_ADMIN, 1, "GET", V "/flavors?marker=x", NULL, 400 },
    { SEED_ADMIN, 75, "GET", V "/flavors?colour=x", NULL, 400 },
    { SEED_ADMIN, 1, "GET", V "/flavors/1/os-flavor-access", NULL, 404 },
    { SEED_ADMIN, 7, "POST", V "/flavors/1/action", "{\"addTenantAccess\": {\"tenant\": \"" SEED_PROJECT "\"}}", 409 },
    { SEED_ADMIN, 7, "POST", V "/flavors/9/action", "{\"addTenantAccess\": {\"tenant\": \"" SEED_PROJECT "\"}}", 404 },
    { SEED_ADMIN, 7, "POST", V "/flavors/1/action", "{}", 400 },
    { SEED_ADMIN, 7, "POST", V "/flavors/1/action", "{\"paint\": {}}", 400 },
    { SEED_MEMBER, 1, "GET", V "/flavors/2", NULL, 404 },
    { SEED_MEMBER, 92, "POST", V "/os-keypairs", "{\"keypair\": {\"name\": \"x\"}}", 400 },
    { SEED_MEMBER, 2, "POST", V "/os-keypairs",
      "{\"keypair\": {\"name\": \"x\", \"type\": \"x509\", \"public_key\": \"x\"}}", 400 },
    { SEED_MEMBER, 1, "POST", V "/os-keypairs",
      "{\"keypair\": {\"name\": \"x\", \"public_key\": \"ssh-rsa nonsense\"}}", 400 },
    { SEED_MEMBER, 1, "POST", V "/os-keypairs", "{\"keypair\": {\"name\": \"x/y\", \"public_key\": \"" KEY "\"}}",
      400 },
    { SEED_MEMBER, 10, "POST", V "/os-keypairs",
      "{\"keypair\": {\"name\": \"x\", \"user_id\": \"z\", \"public_key\": \"" KEY "\"}}", 403 },
    { SEED_MEMBER, 1, "GET", V "/os-quota-sets/" SEED_OTHER, NULL, 403 },
    { SEED_MEMBER, 1, "PUT", V "/os-quota-sets/" SEED_PROJECT, "{\"quota_set\": {\"instances\": 99}}", 403 },
    { SEED_ADMIN, 1, "PUT", V "/os-quota-sets/" SEED_PROJECT, "{\"quota_set\": {\"instances\": -2}}", 400 },
    { SEED_ADMIN, 1, "PUT", V "/os-quota-sets/" SEED_PROJECT, "{\"quota_set\": {\"colours\": 1}}", 400 },
    { SEED_ADMIN, 57, "PUT", V "/os-quota-sets/" SEED_PROJECT, "{\"quota_set\": {\"injected_files\": 1}}", 400 },
    { SEED_ADMIN, 1, "PUT", V "/os-quota-sets/" SEED_PROJECT "?user_id=x", "{\"quota_set\": {\"instances\": 1}}", 400 },
    { SEED_MEMBER, 1, "GET", V "/limits?tenant_id=" SEED_OTHER, NULL, 403 },
    { SEED_MEMBER, 1, "GET", V "/os-hypervisors", NULL, 403 },
    { SEED_ADMIN, 53, "GET", V "/os-hypervisors/5", NULL, 400 },
    { SEED_ADMIN, 1, "GET", V "/os-hypervisors/5", NULL, 404 },
    { SEED_ADMIN, 53, "GET", V "/os-hypervisors/" SEED_NOBODY, NULL, 404 },
    { SEED_ADMIN, 53, "GET", V "/os-hypervisors?hypervisor_hostname_pattern=zz", NULL, 404 },
    { SEED_ADMIN, 53, "GET", V "/os-hypervisors?hypervisor_hostname_pattern=h&limit=1", NULL, 400 },
    { SEED_ADMIN, 88, "GET", V "/os-hypervisors/" H1 "/uptime", NULL, 404 },
    { SEED_ADMIN, 53, "GET", V "/os-hypervisors/x/uptime", NULL, 400 },
    { SEED_ADMIN, 53, "DELETE", V "/os-services/x", NULL, 400 },
    { SEED_ADMIN, 52, "DELETE", V "/os-services/x", NULL, 400 },
    { SEED_ADMIN, 53, "DELETE", V "/os-services/" SEED_NOBODY, NULL, 404 },
    { SEED_ADMIN, 53, "DELETE", V "/os-services/" H1, NULL, 409 }, /* it is alive */
    { SEED_MEMBER, 53, "DELETE", V "/os-services/" H1, NULL, 403 },
    { SEED_ADMIN, 53, "PUT", V "/os-services/" H1, "{}", 400 },
    { SEED_ADMIN, 53, "PUT", V "/os-services/" H1, "{\"status\": \"enabled\", \"disabled_reason\": \"x\"}", 400 },
    { SEED_ADMIN, 53, "PUT", V "/os-services/" SEED_NOBODY, "{\"status\": \"enabled\"}", 404 },
    { SEED_ADMIN, 53, "PUT", V "/os-services/x", "{\"status\": \"enabled\"}", 400 },
    { SEED_ADMIN, 1, "PUT", V "/os-services/disable", "{\"host\": \"h1\", \"binary\": \"nova-conductor\"}", 400 },
    { SEED_ADMIN, 1, "PUT", V "/os-services/disable", "{\"host\": \"h9\", \"binary\": \"nova-compute\"}", 404 },
    { SEED_ADMIN, 1, "PUT", V "/os-services/explode", "{\"host\": \"h1\", \"binary\": \"nova-compute\"}", 404 },
    { SEED_ADMIN, 1, "GET", V "/os-aggregates/1", NULL, 404 },
    { SEED_ADMIN, 1, "POST", V "/os-aggregates", "{}", 400 },
    { SEED_MEMBER, 1, "POST", V "/os-aggregates", "{\"aggregate\": {\"name\": \"x\"}}", 403 },
    { SEED_ADMIN, 1, "DELETE", V "/os-aggregates/1", NULL, 404 },
    { SEED_MEMBER, 36, "GET", V "/os-floating-ips", NULL, 404 },
    { SEED_MEMBER, 1, "GET", V "/os-floating-ips-bulk", NULL, 404 },
    { SEED_MEMBER, 1, "GET", V "/extensions/os-nothing", NULL, 404 },
    { SEED_MEMBER, 36, "GET", V "/images", NULL, 404 },
};

static void refusals(void **state)
{
    static const char STATE[] =
        "SELECT (SELECT count(*) FROM flavor) * 1000 + (SELECT count(*) FROM keypair) * 100 + "
        "(SELECT count(*) FROM quota_limit) * 10 + (SELECT count(*) FROM host WHERE disabled OR forced_down)";

    (void)state;
    for (size_t i = 0; i < KN_COUNT(REFUSED); i++) {
        if (ask(REFUSED[i].token, REFUSED[i].minor, REFUSED[i].method, REFUSED[i].path, REFUSED[i].body) !=
            REFUSED[i].status) {
            fail_msg("row %zu: %s %s: %d, wanted %d: %s", i, REFUSED[i].method, REFUSED[i].path, nova->http.status,
                     REFUSED[i].status, nova->http.body.buf);
        }
        assert_int_equal(kn_test_nova_sql(nova, STATE), 4100);
    }
    assert_int_equal(get(SEED_ADMIN, 1, V "/os-migrations"), 200);
    assert_string_equal(nova->http.body.buf, "{\"migrations\":[]}");
    assert_int_equal(get(SEED_ADMIN, 58, V "/os-migrations?limit="), 200); /* there are no pages yet */
    assert_int_equal(get(SEED_ADMIN, 59, V "/os-migrations?limit="), 400);
    assert_int_equal(get(SEED_ADMIN, 59, V "/os-migrations?limit=1"), 200);
    assert_int_equal(get(SEED_MEMBER, 1, V "/extensions"), 200);
    assert_int_equal(get(SEED_MEMBER, 1, V "/extensions/servers"), 200);
    assert_int_equal(get(SEED_ADMIN, 1, V "/os-aggregates"), 200);
    assert_int_equal(get(SEED_MEMBER, 1, V "/os-server-groups"), 200);
}

/* Of a host that is up; then it is silent, and goes if nothing is on it. */
static void hosts_that_go(void **state)
{
    static const char SILENT[] =
        "WITH a AS (UPDATE agent SET last_seen = now() - interval '1 hour' RETURNING 1), s AS (UPDATE service SET last_seen = now() - interval '1 hour' "
        "RETURNING 1), o AS (INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, host, flavor, reservation_id) VALUES "
        "('77777777-7777-4777-8777-000000000009', 'p', 'u', 's', 's', 'active', 'h1', '{}', 'r') RETURNING 1) SELECT 1";
    char number[64], path[128];

    (void)state;
    kn_test_nova_sql(nova, "UPDATE agent SET last_seen = now(), uptime = ' 08:32:11 up 93 days' RETURNING 1");
    assert_int_equal(get(SEED_ADMIN, 53, V "/os-hypervisors/" H1 "/uptime"), 200);
    assert_string_equal(kn_test_nova_str(nova, "hypervisor.uptime"), " 08:32:11 up 93 days");
    assert_string_equal(kn_test_nova_str(nova, "hypervisor.state"), "up");
    assert_int_equal(get(SEED_ADMIN, 88, V "/os-hypervisors/" H1), 200);
    assert_string_equal(kn_test_nova_str(nova, "hypervisor.uptime"), " 08:32:11 up 93 days");
    assert_int_equal(get(SEED_ADMIN, 1, V "/os-services?host=h2"), 200);
    snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(kn_test_nova_at(nova, "services.0.id")));
    kn_test_nova_sql(nova, SILENT);
    assert_int_equal(get(SEED_ADMIN, 53, V "/os-hypervisors/" H1 "/uptime"), 400);
    assert_int_equal(get(SEED_ADMIN, 88, V "/os-hypervisors/" H1), 200);
    assert_true(json_is_null(kn_test_nova_at(nova, "hypervisor.uptime")));
    assert_int_equal(ask(SEED_ADMIN, 53, "DELETE", V "/os-services/" H1, NULL), 409);
    assert_non_null(strstr(nova->http.body.buf, "hosting instances"));
    snprintf(path, sizeof(path), V "/os-services/%s", number);
    assert_int_equal(ask(SEED_ADMIN, 52, "DELETE", path, NULL), 204);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM host"), 1);
    assert_int_equal(get(SEED_ADMIN, 53, V "/os-services?binary=nova-conductor"), 200);
    snprintf(path, sizeof(path), V "/os-services/%s", kn_test_nova_str(nova, "services.0.id"));
    assert_int_equal(ask(SEED_ADMIN, 53, "DELETE", path, NULL), 204);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM service"), 0);
}

/* Which parameters a list has depends on the list and on the microversion; the unknown ones are refused once they are. */
static void parameters_of_lists(void **state)
{
    static const struct {
        const char *token;
        int minor;
        const char *path;
        int status;
        const char *key;
        size_t count;
    } CASES[] = {
        { SEED_MEMBER, 34, V "/os-keypairs?limit=0&marker=none", 200, "keypairs", 2 }, /* there are no pages yet */
        { SEED_MEMBER, 35, V "/os-keypairs?limit=0", 200, "keypairs", 0 },
        { SEED_MEMBER, 35, V "/os-keypairs?limit=1&marker=key", 200, "keypairs", 1 },
        { SEED_MEMBER, 35, V "/os-keypairs?marker=none", 400, NULL, 0 },
        { SEED_MEMBER, 74, V "/os-keypairs?sort_key=name&sort_dir=desc", 200, "keypairs", 2 }, /* it cannot be sorted */
        { SEED_MEMBER, 75, V "/os-keypairs?sort_key=name", 400, NULL, 0 },
        { SEED_ADMIN, 32, V "/os-hypervisors?limit=1", 200, "hypervisors", 2 },
        { SEED_ADMIN, 33, V "/os-hypervisors?limit=1", 200, "hypervisors", 1 },
        { SEED_ADMIN, 53, V "/os-hypervisors?colour=x", 400, NULL, 0 },
        { SEED_ADMIN, 52, V "/os-hypervisors/h/search", 200, "hypervisors", 2 },
        { SEED_ADMIN, 52, V "/os-hypervisors/1/servers", 200, "hypervisors", 1 },
        { SEED_ADMIN, 52, V "/os-hypervisors/zz/servers", 404, NULL, 0 },
        { SEED_ADMIN, 74, V "/os-services?limit=1", 200, "services", 3 },
        { SEED_ADMIN, 75, V "/os-services?limit=1", 400, NULL, 0 },
        { SEED_MEMBER, 1, V "/flavors?sort_key=ram", 400, NULL, 0 },
        { SEED_MEMBER, 1, V "/flavors?sort_key=memory_mb&sort_key=name&limit=1&marker=4", 200, "flavors", 1 },
        { SEED_ADMIN, 1, V "/flavors?is_public=None&marker=2&limit=1", 200, "flavors", 1 },
        { SEED_MEMBER, 1, V "/flavors?marker=2", 400, NULL, 0 }, /* he does not see that one */
        { SEED_MEMBER, 1, V "/flavors?minRam=513", 200, "flavors", 0 },
    };

    (void)state;
    kn_test_nova_sql(nova, "INSERT INTO keypair (user_id, name, public_key, fingerprint) VALUES ('" SEED_PROJECT
                           "', 'zoo', 'k', 'aa')");
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        const int status = get(CASES[i].token, CASES[i].minor, CASES[i].path);

        if (status != CASES[i].status ||
            (CASES[i].key != NULL && json_array_size(kn_test_nova_at(nova, CASES[i].key)) != CASES[i].count)) {
            fail_msg("%s at 2.%d: %d %s", CASES[i].path, CASES[i].minor, status, nova->http.body.buf);
        }
    }
}

/* Glance's images under Nova's old routes: who sees them, filters, pages. */
static void old_images(void **state)
{
    static const struct {
        const char *query;
        int found;
    } FILTERS[] = {
        { "", 3 },
        { "?name=cirros", 1 },
        { "?status=ACTIVE", 2 },
        { "?status=saving", 1 },
        { "?status=DELETED", 0 },
        { "?minRam=512", 1 },
        { "?minDisk=1", 0 },
        { "?property-os=linux", 1 },
        { "?type=snapshot", 0 },
        { "?unknown=x", 3 },
        { "?limit=1", 1 },
        { "?limit=0", 0 },
        { "?changes-since=2026-11-21T09:00:00Z", 3 },
        { "?changes-since=2999-01-01T00:00:00Z", 0 },
    };

    (void)state;
    kn_test_nova_sql(nova,
                     "UPDATE image SET created_at = '2026-11-21 10:00:00+00', updated_at = '2026-11-21 10:00:01.5+00'");
    kn_test_nova_sql(nova,
                     "UPDATE image SET min_ram = 512, properties = '{\"os\": \"linux\"}' WHERE id = '" SEED_IMAGE "'");
    GOLDEN(SEED_MEMBER, "/images/" SEED_IMAGE, "image", 1, 35);
    GOLDEN(SEED_MEMBER, "/images?name=cirros&limit=1", "images", 1);
    GOLDEN(SEED_MEMBER, "/images/detail?status=SAVING", "images-detail", 1);
    for (size_t i = 0; i < KN_COUNT(FILTERS); i++) {
        AUTO_FREE char *path = kn_asprintf(V "/images%s", FILTERS[i].query);

        assert_int_equal(get(SEED_STRANGER, 1, path), 200);
        if (json_array_size(kn_test_nova_at(nova, "images")) != (size_t)FILTERS[i].found) {
            fail_msg("%s: %s", path, nova->http.body.buf);
        }
    }
    assert_int_equal(get(SEED_ADMIN, 1, V "/images/detail"), 200);
    assert_int_equal(json_array_size(kn_test_nova_at(nova, "images")), 4);
    assert_int_equal(get(SEED_MEMBER, 1, V "/images?limit=x"), 400);
    assert_int_equal(get(SEED_MEMBER, 1, V "/images?marker=" SEED_IMAGE_PRIVATE), 400);
    assert_int_equal(get(SEED_MEMBER, 1, V "/images/" SEED_IMAGE_PRIVATE), 404);
    assert_string_equal(kn_test_nova_str(nova, "itemNotFound.message"), "Image not found.");
    assert_int_equal(get(SEED_MEMBER, 36, V "/images/" SEED_IMAGE), 404);
}

/* Every route has a rule and a handler, and a reader changes nothing. */
static void the_route_table(void **state)
{
    static const struct kn_caller READER = { .user_id = "u", .project_id = "p", .roles = KN_ROLE_READER };

    (void)state;
    for (const struct kn_route *r = kn_compute_api.routes; r->method != NULL; r++) {
        assert_true(r->rule > KN_RULE_NONE && r->rule < KN_RULE_COUNT);
        assert_non_null(r->handle);
        assert_true(r->status >= 200 && r->status < 300);
        assert_true(r->until == 0 || r->until >= r->since);
        if (strcmp(r->method, "GET") != 0 && strstr(r->path, "/os-keypairs") == NULL) {
            assert_true(kn_policy_admit(r->rule, &READER, NULL) == KN_DENY_FORBIDDEN);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(views, kn_seed_fresh),
        cmocka_unit_test_setup(flavors_come_and_go, kn_seed_fresh),
        cmocka_unit_test_setup(extra_specs, kn_seed_fresh),
        cmocka_unit_test_setup(key_pairs, kn_seed_fresh),
        cmocka_unit_test_setup(quotas, kn_seed_fresh),
        cmocka_unit_test_setup(projects_that_do_not_exist, kn_seed_fresh),
        cmocka_unit_test_setup(hosts_are_switched, kn_seed_fresh),
        cmocka_unit_test_setup(hosts_that_were_refused, kn_seed_fresh),
        cmocka_unit_test_setup(refusals, kn_seed_fresh),
        cmocka_unit_test_setup(hosts_that_go, kn_seed_fresh),
        cmocka_unit_test_setup(parameters_of_lists, kn_seed_fresh),
        cmocka_unit_test_setup(old_images, kn_seed_fresh),
        cmocka_unit_test(the_route_table),
    };

    return cmocka_run_group_tests(tests, kn_seed_group_setup, kn_seed_group_teardown);
}
