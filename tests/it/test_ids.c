/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ids in capitals, in every place of a body, a path and a query that takes one: what is accepted is written down as rows and messages
 * write it, because executors compare text; what is refused is refused at the door.
 */
#include <ctype.h>

#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "tests/support/compute_seed.h"
#include "tests/support/test.h"

#define IMAGE "abcdefab-1111-4111-8111-abcdefabcdef"
#define NETWORK "abcdefab-2222-4222-8222-abcdefabcdef"
#define PORT "abcdefab-3333-4333-8333-abcdefabcdef"
#define SERVER "abcdefab-4444-4444-8444-abcdefabcdef"
#define VOLUME "abcdefab-5555-4555-8555-abcdefabcdef"
#define ABSENT "abcdefab-6666-4666-8666-abcdefabcdef"
#define COMPUTE "/compute/v2.1/"
#define CINDER "/volume/v3/"

static const char ROWS[] =
    "UPDATE image SET id = '" IMAGE "' WHERE id = '" SEED_IMAGE "';"
    "INSERT INTO network (id, project_id, name, vni) VALUES ('" NETWORK "', '" SEED_PROJECT "', 'hex', 9);"
    "INSERT INTO subnet (id, network_id, project_id, ip_version, cidr, gateway_ip, pools) VALUES "
    "('44444444-4444-4444-8444-222222222222', '" NETWORK "', '" SEED_PROJECT "', 4, '10.7.0.0/24', '10.7.0.1', "
    "'[{\"start\": \"10.7.0.2\", \"end\": \"10.7.0.254\"}]');"
    "INSERT INTO port (id, network_id, project_id, mac, device_id) VALUES "
    "('" PORT "', '" NETWORK "', '" SEED_PROJECT "', 'fa:16:3e:00:00:09', '');"
    "INSERT INTO address (subnet_id, ip, port_id) VALUES ('44444444-4444-4444-8444-222222222222', '10.7.0.77', '" PORT
    "');"
    "INSERT INTO volume (id, project_id, user_id, size_gib, status) VALUES ('" VOLUME "', '" SEED_PROJECT
    "', 'u', 1, 'available');"
    "INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, generation, flavor, image_id, host, reservation_id, "
    "power_state, launched_at, nics, zone) VALUES ('" SERVER "', '" SEED_PROJECT "', 'u', 's', 's', 'active', 1, "
    "'{\"id\": \"1\", \"name\": \"m1.tiny\", \"vcpus\": 1, \"memory_mib\": 512, \"disk_gib\": 1, \"ephemeral_gib\": 0, \"swap_mib\": 0, "
    "\"extra_specs\": {}}', '" IMAGE "', 'h1', 'r', 1, now(), '[{\"port\": \"" PORT "\", \"network\": \"" NETWORK "\", "
    "\"network_name\": \"hex\", \"mac\": \"fa:16:3e:00:00:09\", \"ips\": []}]', 'nova');";

static int fresh(void **state)
{
    struct kn_error err = { 0 };

    kn_seed_fresh(state);
    assert_ok(kn_db_script(nova->db, ROWS, &err), &err);
    return 0;
}

/* In capitals, what stands between two ^. */
static char *shout(const char *text)
{
    char *out = kn_strdup(text), *to = out;
    bool loud = false;

    for (const char *c = text; *c != '\0'; c++) {
        loud ^= *c == '^';
        if (*c != '^') {
            *to++ = loud ? (char)toupper((unsigned char)*c) : *c;
        }
    }
    *to = '\0';
    return out;
}

static void ask(int status, const char *method, const char *path, const char *body)
{
    AUTO_FREE char *loud_path = shout(path);
    AUTO_FREE char *loud_body = body != NULL ? shout(body) : NULL;
    int got = kn_test_nova_ask(nova, SEED_MEMBER, 79, method, loud_path, loud_body);

    if (got != status) {
        fail_msg("%s %s %s: %d %s, wanted %d", method, loud_path, loud_body != NULL ? loud_body : "", got,
                 nova->http.body.buf, status);
    }
}

/* No task may carry an id that its executor does not know again. */
static void assert_no_capitals(void)
{
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM task WHERE input::text ~ '[A-F]{4}'"), 0);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM server WHERE nics::text ~ '[A-F]{4}'"), 0);
}

static void a_server_of_ids_in_capitals(void **state)
{
    (void)state;
    ask(202, "POST", COMPUTE "servers",
        "{\"server\": {\"name\": \"a\", \"flavorRef\": \"1\", \"imageRef\": \"^" IMAGE
        "^\", \"networks\": [{\"uuid\": \"^" NETWORK "^\"}, "
        "{\"port\": \"^" PORT "^\"}], \"block_device_mapping_v2\": [{\"uuid\": \"^" IMAGE "^\", \"boot_index\": 0, "
        "\"source_type\": \"image\", \"destination_type\": \"local\", \"delete_on_termination\": true}]}}");
    assert_int_equal(kn_test_nova_sql(nova,
                                      "SELECT count(*) FROM task WHERE kind = 'server.create' AND input->'requests' = "
                                      "'[{\"network\": \"" NETWORK "\", \"any_project\": false}, {\"port\": \"" PORT
                                      "\"}]'"),
                     1);
    assert_no_capitals();
    ask(400, "POST", COMPUTE "servers",
        "{\"server\": {\"name\": \"a\", \"flavorRef\": \"1\", \"imageRef\": \"^" IMAGE
        "^\", \"networks\": [{\"port\": \"" PORT "\"}, "
        "{\"port\": \"^" PORT "^\"}]}}");
    ask(400, "POST", COMPUTE "servers",
        "{\"server\": {\"name\": \"a\", \"flavorRef\": \"1\", \"imageRef\": \"^" ABSENT
        "^\", \"networks\": \"none\"}}");
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM task"), 1);
}

static void what_is_plugged_in_by_capitals(void **state)
{
    (void)state;
    ask(200, "POST", COMPUTE "servers/^" SERVER "^/os-volume_attachments",
        "{\"volumeAttachment\": {\"volumeId\": \"^" VOLUME "^\"}}");
    assert_string_equal(kn_test_nova_str(nova, "volumeAttachment.volumeId"), VOLUME);
    assert_string_equal(kn_test_nova_str(nova, "volumeAttachment.serverId"), SERVER);
    assert_int_equal(
        kn_test_nova_sql(nova, "SELECT count(*) FROM task WHERE kind = 'server.attach_volume' AND input->>'volume' = "
                               "'" VOLUME "'"),
        1);
    kn_test_nova_sql(nova, "WITH a AS (UPDATE attachment SET status = 'attached' RETURNING 1), "
                           "v AS (UPDATE volume SET status = 'in-use' RETURNING 1) "
                           "UPDATE server SET task_state = NULL");
    ask(200, "GET", COMPUTE "servers/^" SERVER "^/os-volume_attachments/^" VOLUME "^", NULL);
    ask(404, "GET", COMPUTE "servers/^" SERVER "^/os-volume_attachments/^" ABSENT "^", NULL);
    ask(202, "DELETE", COMPUTE "servers/^" SERVER "^/os-volume_attachments/^" VOLUME "^", NULL);
    assert_int_equal(
        kn_test_nova_sql(nova, "SELECT count(*) FROM task WHERE kind = 'server.detach_volume' AND input->>'volume' = "
                               "'" VOLUME "'"),
        1);
    ask(200, "POST", COMPUTE "servers/^" SERVER "^/os-interface",
        "{\"interfaceAttachment\": {\"port_id\": \"^" PORT "^\"}}");
    ask(200, "GET", COMPUTE "servers/^" SERVER "^/os-interface/^" PORT "^", NULL);
    assert_string_equal(kn_test_nova_str(nova, "interfaceAttachment.port_id"), PORT);
    ask(202, "DELETE", COMPUTE "servers/^" SERVER "^/os-interface/^" PORT "^", NULL);
    ask(200, "POST", COMPUTE "servers/^" SERVER "^/os-interface",
        "{\"interfaceAttachment\": {\"net_id\": \"^" NETWORK "^\"}}");
    assert_string_equal(kn_test_nova_str(nova, "interfaceAttachment.net_id"), NETWORK);
    ask(200, "GET", COMPUTE "servers/^" SERVER "^/os-instance-actions", NULL);
    assert_string_equal(kn_test_nova_str(nova, "instanceActions.0.instance_uuid"), SERVER);
    assert_no_capitals();
}

static void lists_by_capitals(void **state)
{
    (void)state;
    ask(200, "GET", COMPUTE "servers?uuid=^" SERVER "^", NULL);
    assert_string_equal(kn_test_nova_str(nova, "servers.0.id"), SERVER);
    ask(200, "GET", COMPUTE "servers?image=^" IMAGE "^", NULL);
    assert_string_equal(kn_test_nova_str(nova, "servers.0.id"), SERVER);
    ask(200, "GET", COMPUTE "servers?marker=^" SERVER "^", NULL);
    ask(200, "GET", CINDER "volumes?id=^" VOLUME "^", NULL);
    assert_string_equal(kn_test_nova_str(nova, "volumes.0.id"), VOLUME);
    ask(200, "GET", CINDER "volumes?marker=^" VOLUME "^", NULL);
    ask(200, "GET", "/image/v2/images?id=in:^" IMAGE "^", NULL);
    assert_string_equal(kn_test_nova_str(nova, "images.0.id"), IMAGE);
    ask(200, "GET", "/network/v2.0/ports?network_id=^" NETWORK "^", NULL);
    assert_string_equal(kn_test_nova_str(nova, "ports.0.id"), PORT);
}

static void objects_by_capitals(void **state)
{
    (void)state;
    ask(200, "GET", COMPUTE "servers/^" SERVER "^", NULL);
    ask(202, "POST", COMPUTE "servers/^" SERVER "^/action", "{\"os-stop\": null}");
    ask(200, "PUT", CINDER "volumes/^" VOLUME "^", "{\"volume\": {\"name\": \"n\"}}");
    ask(200, "POST", CINDER "volumes/^" VOLUME "^/metadata", "{\"metadata\": {\"AB\": \"1\"}}");
    ask(200, "GET", CINDER "volumes/^" VOLUME "^/metadata/AB", NULL);
    ask(404, "POST", CINDER "volumes", "{\"volume\": {\"size\": 1, \"source_volid\": \"^" ABSENT "^\"}}");
    ask(404, "POST", CINDER "volumes", "{\"volume\": {\"size\": 1, \"snapshot_id\": \"^" ABSENT "^\"}}");
    ask(202, "POST", CINDER "volumes", "{\"volume\": {\"size\": 1, \"imageRef\": \"^" IMAGE "^\"}}");
    AUTO_FREE char *path = shout(CINDER "volumes/^" VOLUME "^/action"),
                   *body = shout("{\"os-reimage\": {\"image_id\": \"^" IMAGE "^\"}}");
    kn_test_http_ask(&nova->http, "POST", path,
                     "X-Auth-Token: " SEED_MEMBER "\r\nOpenStack-API-Version: volume 3.71\r\n", body);
    assert_int_equal(nova->http.status, 202);
    kn_test_nova_sql(nova, "UPDATE volume SET status = 'available' WHERE id = '" VOLUME "'");
    ask(202, "DELETE", CINDER "volumes/^" VOLUME "^", NULL);
    ask(400, "POST", CINDER "volumes", "{\"volume\": {\"size\": 1, \"source_volid\": \"^" VOLUME "^\"}}");
    assert_int_equal(kn_test_nova_sql(nova,
                                      "SELECT count(*) FROM task WHERE kind = 'volume.delete' AND object_id = '" VOLUME
                                      "'"),
                     1);
    ask(201, "POST", "/image/v2/images", "{\"id\": \"^" ABSENT "^\", \"name\": \"i\"}");
    assert_string_equal(kn_test_nova_str(nova, "id"), ABSENT);
    ask(409, "POST", "/image/v2/images", "{\"id\": \"" ABSENT "\", \"name\": \"i\"}");
    ask(204, "DELETE", "/image/v2/images/^" ABSENT "^", NULL);
    ask(200, "GET", "/network/v2.0/ports/^" PORT "^", NULL);
    assert_no_capitals();
}

/* What people name themselves is theirs, capitals and all. */
static void keys_keep_their_capitals(void **state)
{
    (void)state;
    ask(200, "PUT", COMPUTE "servers/" SERVER "/metadata/^" ABSENT "^", "{\"meta\": {\"^" ABSENT "^\": \"x\"}}");
    ask(404, "GET", COMPUTE "servers/" SERVER "/metadata/" ABSENT, NULL);
    ask(201, "PUT", COMPUTE "servers/" SERVER "/tags/^" ABSENT "^", NULL);
    ask(404, "GET", COMPUTE "servers/" SERVER "/tags/" ABSENT, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_server_of_ids_in_capitals, fresh),
        cmocka_unit_test_setup(what_is_plugged_in_by_capitals, fresh),
        cmocka_unit_test_setup(lists_by_capitals, fresh),
        cmocka_unit_test_setup(objects_by_capitals, fresh),
        cmocka_unit_test_setup(keys_keep_their_capitals, fresh),
    };

    return cmocka_run_group_tests(tests, kn_seed_group_setup, kn_seed_group_teardown);
}
