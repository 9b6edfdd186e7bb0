/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Servers that are rebuilt, in a whole cloud on simulated hosts: what they become, what stays (addresses, host, volumes), what is refused, and daemons that die in the
 * middle; after all of it the audit finds every promise kept.
 */
#include "tests/support/test.h"

#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/process.h"
#include "tests/support/whole_cloud.h"

#define SERVERS "/compute/v2.1/servers"
#define V(minor) KN_WHOLE_JSON "OpenStack-API-Version: compute 2." minor "\r\n"
#define IS(state) \
    "SELECT count(*) FROM server WHERE vm_state = '" state "' AND task_state IS NULL AND deleted_at IS NULL"

static char server[KN_UUID_SIZE], image[KN_UUID_SIZE], other[KN_UUID_SIZE];

static void rebuild(int status, const char *headers, const char *from, const char *more)
{
    AUTO_FREE char *body = kn_asprintf("{\"rebuild\": {\"imageRef\": \"%s\"%s}}", from, more);

    kn_whole_cloud_act(server, status, headers, body);
}

static void refused(const char *headers, const char *from, const char *more, const char *words)
{
    rebuild(400, headers, from, more);
    if (strstr(kn_whole.http.body.buf, words) == NULL) {
        fail_msg("%s, not %s", kn_whole.http.body.buf, words);
    }
}

static void sound(void)
{
    kn_whole_cloud_await("SELECT count(*) FROM task WHERE state IN ('run', 'undo')", 0);
    assert_true(kn_whole_cloud_is_sound());
}

static const char *shown(const char *headers, const char *member)
{
    AUTO_FREE char *path = kn_asprintf(SERVERS "/%s", server);

    kn_whole_cloud_expect(200, "GET", path, headers, NULL);
    return kn_whole_cloud_text(member);
}

static void to_another_image(void **state)
{
    const char *host = shown(V("90"), "server.OS-EXT-SRV-ATTR:host"), *mac = NULL;

    const int64_t ports = kn_whole_cloud_count("SELECT count(*) FROM port", NULL);

    (void)state;
    mac = kn_whole_cloud_text("server.addresses.n.0.OS-EXT-IPS-MAC:mac_addr");
    rebuild(202, V("94"), other,
            ", \"name\": \"anew\", \"hostname\": \"an-other\", \"metadata\": {\"k\": \"v\"}, \"adminPass\": \"mine\", "
            "\"description\": \"d\", \"key_name\": \"key\", \"user_data\": \"Zm9v\", \"accessIPv4\": \"192.0.2.7\"");
    assert_string_equal(kn_whole_cloud_text("server.adminPass"), "mine");
    assert_string_equal(kn_whole_cloud_text("server.user_data"), "Zm9v");
    assert_string_equal(kn_whole_cloud_text("server.key_name"), "key");
    assert_non_null(strstr(kn_test_http_header(&kn_whole.http, "Location"), server));
    kn_whole_cloud_await(IS("active"), 1);
    assert_string_equal(shown(V("90"), "server.image.id"), other);
    assert_string_equal(kn_whole_cloud_text("server.name"), "anew");
    assert_string_equal(kn_whole_cloud_text("server.OS-EXT-SRV-ATTR:hostname"), "an-other");
    assert_string_equal(kn_whole_cloud_text("server.metadata.k"), "v");
    assert_string_equal(kn_whole_cloud_text("server.description"), "d");
    assert_string_equal(kn_whole_cloud_text("server.accessIPv4"), "192.0.2.7");
    assert_string_equal(kn_whole_cloud_text("server.OS-EXT-SRV-ATTR:host"), host);
    assert_string_equal(kn_whole_cloud_text("server.addresses.n.0.OS-EXT-IPS-MAC:mac_addr"), mac);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM port", NULL), ports);
    sound();
}

/* What is not named stays; null takes back. Before 2.75 the answer is PUT's. */
static void only_what_is_named(void **state)
{
    (void)state;
    rebuild(202, V("1"), other, "");
    assert_int_equal(strlen(kn_whole_cloud_text("server.adminPass")), 12);
    assert_null(strstr(kn_whole.http.body.buf, "key_name"));
    assert_null(strstr(kn_whole.http.body.buf, "user_data"));
    kn_whole_cloud_await(IS("active"), 1);
    assert_string_equal(shown(V("90"), "server.name"), "anew");
    assert_string_equal(kn_whole_cloud_text("server.key_name"), "key");
    rebuild(202, V("57"), image, ", \"key_name\": null, \"user_data\": null, \"metadata\": {}");
    assert_non_null(strstr(kn_whole.http.body.buf, "\"key_name\":null"));
    assert_non_null(strstr(kn_whole.http.body.buf, "\"user_data\":null"));
    kn_whole_cloud_await(IS("active"), 1);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM server WHERE key_data IS NULL AND user_data IS NULL "
                                          "AND metadata = '{}' AND id = $1",
                                          server),
                     1);
    sound();
}

static void of_a_stopped_one(void **state)
{
    (void)state;
    kn_whole_cloud_act(server, 202, V("1"), "{\"os-stop\": null}");
    kn_whole_cloud_await(IS("stopped"), 1);
    rebuild(202, V("90"), other, "");
    kn_whole_cloud_await("SELECT count(*) FROM task WHERE state IN ('run', 'undo')", 0);
    kn_whole_cloud_await(IS("stopped"), 1);
    sound();
    kn_whole_cloud_act(server, 202, V("1"), "{\"os-start\": null}");
    kn_whole_cloud_await(IS("active"), 1);
    kn_whole_cloud_act(server, 202, V("1"), "{\"pause\": null}");
    kn_whole_cloud_await(IS("paused"), 1);
    rebuild(409, V("1"), other, "");
    assert_non_null(strstr(kn_whole.http.body.buf, "Cannot 'rebuild' instance"));
    kn_whole_cloud_act(server, 202, V("1"), "{\"unpause\": null}");
    kn_whole_cloud_await(IS("active"), 1);
}

/* Images said what hosts they are for before servers knew it: the host that the server is on decides. */
static void of_an_image_that_says_its_kind(void **state)
{
    AUTO_FREE char *path = kn_asprintf("/image/v2/images/%s", other);
    static const char PATCH[] = "Content-Type: application/openstack-images-v2.1-json-patch\r\n";
    struct kn_error err = { 0 };

    (void)state;
    kn_whole_cloud_expect(200, "PATCH", path, PATCH,
                          "[{\"op\": \"add\", \"path\": \"/img_hv_type\", \"value\": \"kvm\"}]");
    rebuild(202, V("1"), other, "");
    kn_whole_cloud_await(IS("active"), 1);
    assert_ok(kn_db_script(kn_whole.db, "UPDATE host SET hypervisor_type = 'LXC'", &err), &err);
    refused(V("1"), other, "", "another machine than the server has");
    assert_ok(kn_db_script(kn_whole.db, "UPDATE host SET hypervisor_type = 'QEMU'", &err), &err);
    kn_whole_cloud_expect(200, "PATCH", path, PATCH,
                          "[{\"op\": \"replace\", \"path\": \"/img_hv_type\", \"value\": \"lxc\"}]");
    refused(V("1"), other, "", "another machine than the server has");
    kn_whole_cloud_expect(200, "PATCH", path, PATCH,
                          "[{\"op\": \"replace\", \"path\": \"/img_hv_type\", \"value\": \"qemu\"}]");
    rebuild(202, V("1"), other, "");
    kn_whole_cloud_await(IS("active"), 1);
    kn_whole_cloud_expect(200, "PATCH", path, PATCH, "[{\"op\": \"remove\", \"path\": \"/img_hv_type\"}]");
    assert_ok(kn_db_script(kn_whole.db, "UPDATE host SET hypervisor_type = 'sim'", &err), &err);
    sound();
}

static void what_is_wrong_changes_nothing(void **state)
{
    (void)state;
    refused(V("1"), "77777777-7777-4777-8777-777777777777", "", "Cannot find image for rebuild");
    refused(V("1"), "x", "", "imageRef");
    refused(V("1"), other, ", \"preserve_ephemeral\": true", "preserving ephemeral");
    refused(V("1"), other, ", \"personality\": [{\"path\": \"/a\", \"contents\": \"?\"}]", "base64");
    refused(V("1"), other, ", \"key_name\": \"key\"", "key_name");
    refused(V("54"), other, ", \"key_name\": \"none\"", "Invalid key_name provided.");
    refused(V("57"), other, ", \"personality\": []", "personality");
    refused(V("57"), other, ", \"user_data\": \"?\"", "user_data");
    refused(V("63"), other, ", \"trusted_image_certificates\": [\"a\"]", "trusted certificates are not supported");
    refused(V("89"), other, ", \"hostname\": \"h\"", "hostname");
    refused(V("90"), other, ", \"hostname\": \"-\"", "hostname");
    refused(V("90"), other, ", \"name\": \"\"", "name");
    kn_whole_cloud_act(server, 400, V("1"), "{\"rebuild\": {}}");
    AUTO_FREE char *path = kn_asprintf("/image/v2/images/%s", other);

    kn_whole_cloud_expect(200, "PATCH", path, "Content-Type: application/openstack-images-v2.1-json-patch\r\n",
                          "[{\"op\": \"replace\", \"path\": \"/min_ram\", \"value\": 65}]");
    refused(V("1"), other, "", "Flavor's memory is too small for requested image.");
    kn_whole_cloud_expect(200, "PATCH", path, "Content-Type: application/openstack-images-v2.1-json-patch\r\n",
                          "[{\"op\": \"replace\", \"path\": \"/min_ram\", \"value\": 0}]");
    kn_whole_cloud_expect(200, "PATCH", path, "Content-Type: application/openstack-images-v2.1-json-patch\r\n",
                          "[{\"op\": \"add\", \"path\": \"/hw_machine_type\", \"value\": \"pc\"}]");
    refused(V("1"), other, "", "another machine than the server has");
    kn_whole_cloud_expect(200, "PATCH", path, "Content-Type: application/openstack-images-v2.1-json-patch\r\n",
                          "[{\"op\": \"replace\", \"path\": \"/hw_machine_type\", \"value\": \"none\"}]");
    refused(V("1"), other, "", "hw_machine_type");
    kn_whole_cloud_expect(200, "PATCH", path, "Content-Type: application/openstack-images-v2.1-json-patch\r\n",
                          "[{\"op\": \"remove\", \"path\": \"/hw_machine_type\"}]");
    assert_string_equal(shown(V("90"), "server.name"), "anew");
    sound();
}

/* Its image is gone when the task looks for it: the server is in ERROR and says why, and another rebuild heals it. */
static void what_fails_is_healed_by_another(void **state)
{
    struct kn_error err = { 0 };

    (void)state;
    AUTO_FREE char *sql = kn_asprintf(
        "UPDATE server SET task_state = 'rebuilding', image_id = gen_random_uuid() WHERE id = '%s';"
        "INSERT INTO task (kind, shard, object_id, project_id, user_id, request_id, state, input) SELECT 'server.rebuild', shard, object_id, "
        "project_id, user_id, 'req-lost', 'run', jsonb_build_object('image', gen_random_uuid()) FROM task WHERE object_id = '%s' LIMIT 1",
        server, server);

    assert_ok(kn_db_script(kn_whole.db, sql, &err), &err);
    kn_whole_cloud_await(IS("error"), 1);
    assert_non_null(strstr(shown(V("90"), "server.fault.message"), "does not exist"));
    rebuild(202, V("90"), image, "");
    kn_whole_cloud_await(IS("active"), 1);
    sound();
}

static void daemons_die(void **state)
{
    static const char *const WHO[] = { "kilonova-conductor", "kilonova-agent", "kilonova-image" };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(WHO); i++) {
        rebuild(202, V("90"), i % 2 == 0 ? other : image, "");
        kn_test_pause((int)(i * 7));
        kn_whole_cloud_restart(WHO[i]);
        kn_whole_cloud_await(IS("active"), 1);
    }
    rebuild(202, V("90"), other, "");
    AUTO_FREE char *path = kn_asprintf(SERVERS "/%s", server);

    kn_whole_cloud_expect(204, "DELETE", path, V("1"), NULL);
    kn_whole_cloud_await("SELECT count(*) FROM server WHERE deleted_at IS NULL", 0);
    sound();
}

static int start(void **state)
{
    AUTO_FREE char *net = NULL, *subnet = NULL, *body = NULL;

    (void)state;
    kn_whole_cloud_start("2");
    const char *flavor = kn_whole_cloud_flavor();

    kn_copy(image, sizeof(image), kn_whole_cloud_image());
    kn_copy(other, sizeof(other), kn_whole_cloud_image());
    kn_whole_cloud_expect(201, "POST", "/network/v2.0/networks", V("1"), "{\"network\": {\"name\": \"n\"}}");
    net = kn_strdup(kn_whole_cloud_text("network.id"));
    subnet = kn_asprintf("{\"subnet\": {\"network_id\": \"%s\", \"ip_version\": 4, \"cidr\": \"10.5.0.0/24\"}}", net);
    kn_whole_cloud_expect(201, "POST", "/network/v2.0/subnets", V("1"), subnet);
    kn_whole_cloud_expect(200, "POST", "/compute/v2.1/os-keypairs", V("1"), "{\"keypair\": {\"name\": \"key\"}}");
    body = kn_asprintf(
        "{\"server\": {\"name\": \"s\", \"flavorRef\": \"%s\", \"imageRef\": \"%s\", \"networks\": [{\"uuid\": \"%s\"}]}}",
        flavor, image, net);
    kn_whole_cloud_expect(202, "POST", SERVERS, V("90"), body);
    kn_copy(server, sizeof(server), kn_whole_cloud_text("server.id"));
    kn_whole_cloud_await(IS("active"), 1);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(to_another_image),
        cmocka_unit_test(only_what_is_named),
        cmocka_unit_test(of_a_stopped_one),
        cmocka_unit_test(of_an_image_that_says_its_kind),
        cmocka_unit_test(what_is_wrong_changes_nothing),
        cmocka_unit_test(what_fails_is_healed_by_another),
        cmocka_unit_test(daemons_die),
    };

    return cmocka_run_group_tests(tests, start, kn_whole_cloud_teardown);
}
