/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `kilonova project purge` in a whole cloud: a project is deleted while it has a server with a port and a volume, an image that is protected and one that is
 * not. All of it stays, as in Keystone and Nova, and the audit says so; the command lists it, deletes it by the cloud's own API, and names what refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/process.h"
#include "tests/support/test.h"
#include "tests/support/whole_cloud.h"

#define NOVA "/compute/v2.1"
#define HEADERS KN_WHOLE_JSON "OpenStack-API-Version: compute 2.37\r\n"

static struct kn_ks_person orphan;
static char token[KN_KS_TOKEN], flavor[64], log_path[KN_TEST_DIR + 16];

/* By the project's own user. */
static const char *make(int status, const char *path, const char *body, const char *at)
{
    AUTO_FREE char *headers = kn_asprintf("X-Auth-Token: %s\r\n" HEADERS, token);

    kn_test_http_ask(&kn_whole.http, "POST", path, headers, body);
    if (kn_whole.http.status != status) {
        fail_msg("%s: %d %s", path, kn_whole.http.status, kn_whole.http.body.buf);
    }
    return kn_whole_cloud_text(at);
}

static bool purge(const char *more)
{
    AUTO_FREE char *program = kn_test_binary("kilonova");
    const char *argv[] = { program, "project", "purge", orphan.project, more, NULL };

    return kn_test_end(kn_test_spawn(argv, log_path, NULL), 0);
}

static void assert_said(const char *text)
{
    char said[16384] = "";
    FILE *f = fopen(log_path, "rbe");

    assert_non_null(f);
    assert_true(fread(said, 1, sizeof(said) - 1, f) > 0);
    fclose(f);
    if (strstr(said, text) == NULL) {
        fail_msg("\"%s\" is not in %s", text, said);
    }
}

static void set_environment(void)
{
    AUTO_FREE char *url = kn_asprintf("http://127.0.0.1:%d/identity", kn_whole.http.port);
    const char *const variables[][2] = {
        { "OS_AUTH_URL", url },
        { "OS_USERNAME", "admin" },
        { "OS_PASSWORD", KN_KS_PASSWORD },
        { "OS_PROJECT_NAME", "admin" },
    };

    unsetenv("OS_CLOUD");
    for (size_t i = 0; i < KN_COUNT(variables); i++) {
        assert_int_equal(setenv(variables[i][0], variables[i][1], 1), 0);
    }
}

static const char *neutron(const char *path, const char *one, const char *members)
{
    AUTO_FREE char *at = kn_asprintf("/network/v2.0/%s", path), *body = kn_asprintf("{\"%s\": {%s}}", one, members),
                   *id = kn_asprintf("%s.id", one);

    return make(201, at, body, id);
}

/* What holds one another, and others: a router with a leg, a group with a rule of addresses, a pool in a scope that a subnet is of, what is shared. */
static void make_network_things(const char *network)
{
    AUTO_FREE char *scope = kn_strdup(neutron("address-scopes", "address_scope", "\"name\": \"s\", \"ip_version\": 4"));
    AUTO_FREE char *pool_members = kn_asprintf(
        "\"name\": \"p\", \"prefixes\": [\"10.8.0.0/16\"], \"default_prefixlen\": 24, \"address_scope_id\": \"%s\"",
        scope);
    AUTO_FREE char *pool = kn_strdup(neutron("subnetpools", "subnetpool", pool_members));
    AUTO_FREE char *second = kn_strdup(neutron("networks", "network", "\"name\": \"second\""));
    AUTO_FREE char *subnet_members = kn_asprintf("\"network_id\": \"%s\", \"ip_version\": 4, \"subnetpool_id\": \"%s\"",
                                                 second, pool);
    AUTO_FREE char *subnet = kn_strdup(neutron("subnets", "subnet", subnet_members));
    AUTO_FREE char *router = kn_strdup(neutron("routers", "router", "\"name\": \"r\""));
    AUTO_FREE char *leg = kn_asprintf("/network/v2.0/routers/%s/add_router_interface", router),
                   *leg_body = kn_asprintf("{\"subnet_id\": \"%s\"}", subnet);
    AUTO_FREE char *group = kn_strdup(neutron("security-groups", "security_group", "\"name\": \"g\""));
    AUTO_FREE char *addresses = kn_strdup(neutron("address-groups", "address_group",
                                                  "\"name\": \"a\", \"addresses\": [\"10.0.0.0/8\"]"));
    AUTO_FREE char *rule =
        kn_asprintf("\"security_group_id\": \"%s\", \"direction\": \"ingress\", \"remote_address_group_id\": \"%s\"",
                    group, addresses);
    AUTO_FREE char *let = kn_asprintf(
        "\"object_type\": \"network\", \"object_id\": \"%s\", \"action\": \"access_as_shared\", \"target_tenant\": \"%s\"",
        network, kn_whole.project);

    assert_int_equal(kn_whole_cloud_ask("PUT", leg, KN_WHOLE_JSON, leg_body), 200);
    neutron("security-group-rules", "security_group_rule", rule);
    neutron("rbac-policies", "rbac_policy", let);

    /* An administrator made these for it: the second lets it at nothing of its own. */
    AUTO_FREE char *policy = kn_asprintf("{\"policy\": {\"name\": \"q\", \"project_id\": \"%s\"}}", orphan.project);

    assert_int_equal(kn_whole_cloud_ask("POST", "/network/v2.0/qos/policies", KN_WHOLE_JSON, policy), 201);
    assert_int_equal(kn_whole_cloud_ask("POST", "/network/v2.0/networks", KN_WHOLE_JSON, "{\"network\": {}}"), 201);
    AUTO_FREE char *theirs = kn_asprintf(
        "{\"rbac_policy\": {\"object_type\": \"network\", \"object_id\": \"%s\", \"action\": \"access_as_shared\", \"target_tenant\": \"%s\", \"project_id\": \"%s\"}}",
        kn_whole_cloud_text("network.id"), kn_whole.project, orphan.project);

    assert_int_equal(kn_whole_cloud_ask("POST", "/network/v2.0/rbac-policies", KN_WHOLE_JSON, theirs), 201);
}

/* A group with a volume, and a snapshot of it, which holds both. */
static void make_group(void)
{
#define TYPE "plain"
#define NEW KN_WHOLE_JSON "OpenStack-API-Version: volume 3.60\r\n"
    AUTO_FREE char *headers = kn_asprintf("X-Auth-Token: %s\r\n" NEW, token);

    assert_int_equal(kn_whole_cloud_ask("POST", "/volume/v3/group_types", NEW,
                                        "{\"group_type\": {\"name\": \"plain\"}}"),
                     202);
    AUTO_FREE char *type = kn_strdup(kn_whole_cloud_text("group_type.id"));
    assert_int_equal(kn_whole_cloud_ask("POST", "/volume/v3/types", NEW, "{\"volume_type\": {\"name\": \"" TYPE "\"}}"),
                     200);
    AUTO_FREE char *group = kn_asprintf("{\"group\": {\"group_type\": \"%s\", \"volume_types\": [\"" TYPE "\"]}}",
                                        type);
    kn_test_http_ask(&kn_whole.http, "POST", "/volume/v3/groups", headers, group);
    assert_int_equal(kn_whole.http.status, 202);
    AUTO_FREE char *id = kn_strdup(kn_whole_cloud_text("group.id"));
    AUTO_FREE char *volume = kn_asprintf("{\"volume\": {\"size\": 1, \"volume_type\": \"" TYPE
                                         "\", \"group_id\": \"%s\"}}",
                                         id),
                   *snapshot = kn_asprintf("{\"group_snapshot\": {\"group_id\": \"%s\"}}", id);
    kn_test_http_ask(&kn_whole.http, "POST", "/volume/v3/volumes", headers, volume);
    assert_int_equal(kn_whole.http.status, 202);
    kn_whole_cloud_await("SELECT count(*) FROM volume WHERE status = 'available' AND group_id IS NOT NULL", 1);
    kn_test_http_ask(&kn_whole.http, "POST", "/volume/v3/group_snapshots", headers, snapshot);
    assert_int_equal(kn_whole.http.status, 202);
}

static void make_things(void)
{
    const char *image = kn_whole_cloud_image(); /* everybody may boot it, and it is not the project's */
    AUTO_FREE char *image_path = kn_asprintf("/image/v2/images/%s", image);

    assert_int_equal(kn_whole_cloud_ask("PATCH", image_path,
                                        "Content-Type: application/openstack-images-v2.1-json-patch\r\n",
                                        "[{\"op\": \"replace\", \"path\": \"/visibility\", \"value\": \"public\"}]"),
                     200);
    const char *network = make(201, "/network/v2.0/networks", "{\"network\": {\"name\": \"n\"}}", "network.id");
    AUTO_FREE char *subnet =
        kn_asprintf("{\"subnet\": {\"network_id\": \"%s\", \"ip_version\": 4, \"cidr\": \"10.9.0.0/24\"}}", network);
    make(201, "/network/v2.0/subnets", subnet, "subnet.id");
    AUTO_FREE char *port = kn_asprintf("{\"port\": {\"network_id\": \"%s\", \"name\": \"lone\"}}", network);
    make(201, "/network/v2.0/ports", port, "port.id");
    AUTO_FREE char *server = kn_asprintf(
        "{\"server\": {\"name\": \"left\", \"flavorRef\": \"%s\", \"imageRef\": \"%s\", \"networks\": [{\"uuid\": \"%s\"}]}}",
        flavor, image, network);
    make(202, NOVA "/servers", server, "server.id");
    make_network_things(network);
    make(200, NOVA "/os-server-groups", "{\"server_group\": {\"name\": \"left\", \"policies\": [\"affinity\"]}}",
         "server_group.id");
    make(202, "/volume/v3/volumes", "{\"volume\": {\"size\": 1, \"name\": \"left\"}}", "volume.id");
    make_group();
    make(201, "/image/v2/images", "{\"name\": \"kept\", \"protected\": true}", "id");
    make(201, "/image/v2/images", "{\"name\": \"hidden\", \"os_hidden\": true}", "id");
    kn_whole_cloud_await("SELECT count(*) FROM server WHERE vm_state = 'active' AND task_state IS NULL", 1);
    kn_whole_cloud_await("SELECT count(*) FROM volume WHERE status = 'available'", 2);
    kn_whole_cloud_await("SELECT count(*) FROM volume_group_snapshot WHERE status = 'available'", 1);
}

static int64_t left(void)
{
    return kn_whole_cloud_count(
        "SELECT (SELECT count(*) FROM server WHERE project_id = $1 AND deleted_at IS NULL) + (SELECT count(*) FROM volume WHERE project_id = $1) + (SELECT count(*) FROM volume_group WHERE project_id = $1) + "
        "(SELECT count(*) FROM server_group WHERE project_id = $1) + (SELECT count(*) FROM port WHERE project_id = $1) + (SELECT count(*) FROM network WHERE project_id = $1) + "
        "(SELECT count(*) FROM (SELECT project_id FROM router UNION ALL SELECT project_id FROM security_group UNION ALL SELECT project_id FROM address_group UNION ALL "
        "SELECT project_id FROM qos_policy UNION ALL SELECT project_id FROM subnet_pool UNION ALL SELECT project_id FROM address_scope UNION ALL "
        "SELECT project_id FROM rbac_policy) o WHERE project_id = $1) + "
        "(SELECT count(*) FROM image WHERE owner = $1 AND deleted_at IS NULL)",
        orphan.project);
}

static void test_purge(void **state)
{
    AUTO_FREE char *project = kn_asprintf("/v3/projects/%s", orphan.project);

    (void)state;
    make_things();
    const int64_t before = left();
    kn_ks_ask(204, "DELETE", project, kn_ks.admin, NULL);
    assert_false(kn_whole_cloud_is_sound());
    assert_int_equal(left(), before);

    assert_true(purge("--dry-run"));
    assert_said("left");
    assert_int_equal(left(), before);

    assert_false(purge(NULL));
    assert_said("stays: the cloud answered 403");
    assert_int_equal(left(), 1);
    assert_int_equal(kn_whole_cloud_ask("GET", "/image/v2/images?protected=true", NULL, NULL), 200);
    AUTO_FREE char *path = kn_asprintf("/image/v2/images/%s", kn_whole_cloud_text("images.0.id"));
    assert_int_equal(kn_whole_cloud_ask("PATCH", path, "Content-Type: application/openstack-images-v2.1-json-patch\r\n",
                                        "[{\"op\": \"replace\", \"path\": \"/protected\", \"value\": false}]"),
                     200);
    assert_true(purge(NULL));
    assert_int_equal(left(), 0);
    assert_true(kn_whole_cloud_is_sound());
    assert_true(purge(NULL)); /* of nothing */
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM image WHERE deleted_at IS NULL", NULL),
                     1); /* another's */
}

static int start(void **state)
{
    (void)state;
    kn_whole_cloud_start("2");
    kn_copy(flavor, sizeof(flavor), kn_whole_cloud_flavor());
    orphan = kn_ks_make_person("orphan", "member");
    kn_ks_log_in(201, orphan.name, "s3cret", orphan.scope, token);
    snprintf(log_path, sizeof(log_path), "%s/purge.log", kn_whole.dir);
    set_environment();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_purge) };

    return cmocka_run_group_tests(tests, start, kn_whole_cloud_teardown);
}
