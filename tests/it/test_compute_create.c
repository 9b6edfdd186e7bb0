/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /servers on the real front door and a real database: what is written for a good one, and a table of bad ones: the right
 * code in Nova's dialect, and nothing changed in the database.
 */
#include <pthread.h>
#include <stdio.h>

#include "compute/rows/server_insert.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "tests/support/compute_seed.h"
#include "tests/support/test.h"

#define SERVERS "/compute/v2.1/servers"
/* A body that is right but for what is added. */
#define SERVER(more) "{\"server\": {\"name\": \"s\", \"flavorRef\": \"1\", \"imageRef\": \"" SEED_IMAGE "\"" more "}}"
#define NETS(nics) SERVER(", \"networks\": [" nics "]")

static int post(const char *token, int minor, const char *body)
{
    return kn_test_nova_ask(nova, token, minor, "POST", SERVERS, body);
}

static int64_t written(void)
{
    return kn_test_nova_sql(nova, "SELECT (SELECT count(*) FROM server) + (SELECT count(*) FROM task) + "
                                  "(SELECT coalesce(sum(used), 0) FROM quota_usage WHERE resource = 'instances')");
}

static void a_server_is_wished_for(void **state)
{
    (void)state;
    assert_int_equal(
        post(SEED_MEMBER, 96,
             "{\"server\": {\"name\": \"My Box\", \"flavorRef\": \"1\", \"imageRef\": \"" SEED_IMAGE
             "\", \"min_count\": 1, "
             "\"max_count\": 1, \"networks\": [{\"uuid\": \"" SEED_NETWORK "\"}], \"key_name\": \"key\", "
             "\"user_data\": \"YQ==\", \"metadata\": {\"a\": \"b\"}, \"tags\": [\"t\", \"t\"], \"description\": \"d\", "
             "\"availability_zone\": \"nova\", \"security_groups\": [{\"name\": \"default\"}], "
             "\"block_device_mapping_v2\": [{\"uuid\": \"" SEED_IMAGE
             "\", \"boot_index\": 0, \"source_type\": \"image\", "
             "\"destination_type\": \"local\", \"delete_on_termination\": true}]}}"),
        202);
    assert_true(kn_uuid_valid(kn_test_nova_str(nova, "server.id")));
    assert_string_equal(kn_test_nova_str(nova, "server.OS-DCF:diskConfig"), "MANUAL");
    assert_string_equal(kn_test_nova_str(nova, "server.security_groups.0.name"), "default");
    assert_int_equal(strlen(kn_test_nova_str(nova, "server.adminPass")), 12);
    assert_int_equal(strncmp(kn_test_http_header(&nova->http, "Location"), "http://", 7), 0);
    assert_int_equal(kn_test_nova_sql(nova,
                                      "SELECT count(*) FROM server WHERE name = 'My Box' AND hostname = 'my-box' AND "
                                      "vm_state = 'building' AND task_state = 'scheduling' AND generation = 1 AND "
                                      "key_data = 'ssh-ed25519 AAAA' AND tags = '{t}' AND zone = 'nova' AND "
                                      "pinned_zone = 'nova' AND user_data = 'YQ==' AND metadata->>'a' = 'b' AND "
                                      "flavor->>'memory_mib' = '512' AND project_id = '" SEED_PROJECT "'"),
                     1);
    assert_int_equal(kn_test_nova_sql(nova,
                                      "SELECT count(*) FROM task t JOIN server s ON s.id = t.object_id WHERE "
                                      "t.kind = 'server.create' AND t.state = 'run' AND t.request_id LIKE 'req-%' AND "
                                      "t.input = '{\"requests\": [{\"network\": \"" SEED_NETWORK
                                      "\", \"any_project\": false}], \"zone\": \"nova\"}'"),
                     1);
    assert_int_equal(
        kn_test_nova_sql(
            nova,
            "SELECT coalesce(sum(used * CASE resource WHEN 'instances' THEN 1000000 WHEN 'cores' THEN 10000 WHEN 'ram' THEN 1 END), 0)::bigint FROM quota_usage"),
        1010512);
}

static void the_only_network_is_taken(void **state)
{
    (void)state;
    assert_int_equal(post(SEED_MEMBER, 1, SERVER("")), 202);
    assert_int_equal(post(SEED_MEMBER, 96, SERVER(", \"networks\": \"auto\"")), 202);
    assert_int_equal(
        kn_test_nova_sql(nova, "SELECT count(*) FROM task WHERE input->'requests'->0->>'network' = '" SEED_NETWORK "'"),
        2);
    assert_int_equal(post(SEED_MEMBER, 96, SERVER(", \"networks\": \"none\"")), 202);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM task WHERE input->'requests' = '[]'"), 1);
    kn_test_nova_sql(
        nova,
        "INSERT INTO rbac_policy (id, project_id, object_type, object_id, action, target) VALUES (gen_random_uuid(), '" SEED_OTHER
        "', 'network', '" SEED_NETWORK_FOREIGN "', 'access_as_shared', '" SEED_PROJECT "')");
    assert_int_equal(post(SEED_MEMBER, 1, SERVER("")), 409);
}

static void hints_are_kept(void **state)
{
    (void)state;
    assert_int_equal(post(SEED_MEMBER, 1,
                          "{\"server\": {\"name\": \"s\", \"flavorRef\": \"1\", \"imageRef\": \"" SEED_IMAGE
                          "\"}, \"os:scheduler_hints\": {\"different_host\": [\"" SEED_NOBODY "\", \"" SEED_IMAGE
                          "\"], \"same_host\": \"" SEED_NOBODY "\"}}"),
                     202);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM server WHERE apart_from = '{" SEED_NOBODY
                                            "," SEED_IMAGE "}' AND together_with = '{" SEED_NOBODY "}'"),
                     1);
    assert_int_equal(post(SEED_MEMBER, 1,
                          "{\"server\": {\"name\": \"s\", \"flavorRef\": \"1\", \"imageRef\": \"" SEED_IMAGE
                          "\"}, \"os:scheduler_hints\": {\"different_host\": []}}"),
                     202);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM server WHERE apart_from IS NULL"), 1);
}

/* A flavor's ephemeral disk is there unasked; what entries say of it is kept as the host will make it. */
static void local_disks_are_kept(void **state)
{
    (void)state;
    assert_int_equal(post(SEED_MEMBER, 1,
                          "{\"server\": {\"name\": \"s\", \"flavorRef\": \"4\", \"imageRef\": \"" SEED_IMAGE "\"}}"),
                     202);
    assert_int_equal(kn_test_nova_sql(nova,
                                      "SELECT count(*) FROM server WHERE disks = '[{\"device\": \"/dev/vdb\", \"bus\": "
                                      "\"virtio\", \"size_mib\": 5120, \"format\": \"ext4\", \"name\": "
                                      "\"ephemeral0\", \"label\": \"ephemeral0\"}]'"),
                     1);
    assert_int_equal(
        post(
            SEED_MEMBER, 42,
            "{\"server\": {\"name\": \"s\", \"flavorRef\": \"4\", \"imageRef\": \"" SEED_IMAGE
            "\", \"networks\": \"none\", \"block_device_mapping_v2\": [{\"uuid\": \"" SEED_IMAGE
            "\", \"source_type\": \"image\", \"destination_type\": \"local\", \"boot_index\": 0, \"tag\": \"root\"}, "
            "{\"source_type\": \"blank\", \"destination_type\": \"local\", \"guest_format\": \"vfat\", \"volume_size\": 2, "
            "\"disk_bus\": \"sata\", \"tag\": \"scratch\"}]}}"),
        202);
    assert_int_equal(
        kn_test_nova_sql(nova,
                         "SELECT count(*) FROM server WHERE disks = '[{\"device\": \"/dev/vda\", \"bus\": \"virtio\", "
                         "\"tag\": \"root\"}, {\"device\": \"/dev/sda\", \"bus\": \"sata\", \"size_mib\": 2048, "
                         "\"format\": \"vfat\", \"name\": \"ephemeral0\", \"label\": \"ephemeral0\", \"tag\": "
                         "\"scratch\"}]'"),
        1);
    assert_int_equal(post(SEED_MEMBER, 1, SERVER("")), 202);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM server WHERE disks IS NULL"), 1);
}

/* What image and flavor ask of the machine is kept with the server, or refused with nothing written. */
static void machines_are_kept(void **state)
{
    (void)state;
    kn_test_nova_sql(
        nova,
        "UPDATE image SET properties = '{\"hw_disk_bus\": \"scsi\", \"hw_firmware_type\": \"uefi\"}' WHERE id = '" SEED_IMAGE
        "'");
    assert_int_equal(post(SEED_MEMBER, 1, SERVER("")), 202);
    assert_int_equal(
        kn_test_nova_sql(nova, "SELECT count(*) FROM server WHERE machine = '{\"firmware\": \"uefi\"}' AND disks = "
                               "'[{\"device\": \"/dev/sda\", \"bus\": \"scsi\"}]'"),
        1);
    kn_test_nova_sql(nova, "UPDATE image SET properties = '{}', disk_format = 'iso' WHERE id = '" SEED_IMAGE "'");
    assert_int_equal(post(SEED_MEMBER, 1, SERVER("")), 202);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM server WHERE machine IS NULL AND disks = "
                                            "'[{\"device\": \"/dev/sda\", \"bus\": \"sata\", \"cdrom\": true}]'"),
                     1);
    kn_test_nova_sql(nova, "UPDATE image SET properties = '{\"hw_video_model\": \"crt\"}' WHERE id = '" SEED_IMAGE "'");
    assert_int_equal(post(SEED_MEMBER, 1, SERVER("")), 400);
    assert_string_equal(kn_test_nova_str(nova, "badRequest.message"),
                        "Invalid image metadata. Error: Field value crt is invalid");
    kn_test_nova_sql(nova, "UPDATE image SET properties = '{}' WHERE id = '" SEED_IMAGE "'");
    kn_test_nova_sql(nova, "UPDATE flavor SET extra_specs = '{\"hw:cpu_policy\": \"dedicated\"}' WHERE id = '1'");
    assert_int_equal(post(SEED_MEMBER, 1, SERVER("")), 400);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM server"), 2);
}

/* Nobody's network is the project's: one is made with all that belongs to it, if this cloud says where it leads and of which addresses it is. */
static void a_network_is_made(void **state)
{
    static const char *const OUTSIDE[] = {
        "WITH gone AS (DELETE FROM rbac_policy) UPDATE network SET project_id = 'nobody'",
        "INSERT INTO network (id, project_id, vni, is_default) VALUES ('eeeeeeee-0000-4000-8000-000000000001', 'x', 9999, true)",
        "INSERT INTO subnet (id, network_id, project_id, ip_version, cidr, gateway_ip, pools, enable_dhcp) VALUES ('eeeeeeee-0000-4000-8000-000000000002',"
        " 'eeeeeeee-0000-4000-8000-000000000001', 'x', 4, '172.24.4.0/24', '172.24.4.1', '[{\"start\": \"172.24.4.2\", \"end\": \"172.24.4.254\"}]', false)",
        "INSERT INTO subnet_pool (id, project_id, ip_version, prefixes, default_prefixlen, min_prefixlen, max_prefixlen, is_default) VALUES"
        " ('eeeeeeee-0000-4000-8000-000000000003', 'x', 4, '{10.99.0.0/16}', 26, 8, 32, true)",
        "INSERT INTO rbac_policy (id, project_id, object_type, object_id, action, target) VALUES (gen_random_uuid(), 'x', 'network', 'eeeeeeee-0000-4000-8000-000000000001', 'access_as_external', '*'),"
        " (gen_random_uuid(), 'x', 'subnetpool', 'eeeeeeee-0000-4000-8000-000000000003', 'access_as_shared', '*')",
    };

    (void)state;
    kn_test_nova_sql(nova, OUTSIDE[0]);
    assert_int_equal(post(SEED_MEMBER, 96, SERVER(", \"networks\": \"auto\"")), 400);
    assert_string_equal(kn_test_nova_str(nova, "badRequest.message"),
                        "Unable to automatically allocate a network for project " SEED_PROJECT);
    assert_int_equal(written(), 0);
    for (size_t i = 1; i < KN_COUNT(OUTSIDE); i++) {
        kn_test_nova_sql(nova, OUTSIDE[i]);
    }
    for (int i = 0; i < 2; i++) { /* the second finds it */
        assert_int_equal(post(SEED_MEMBER, 96, SERVER(", \"networks\": \"auto\"")), 202);
    }
    assert_int_equal(
        kn_test_nova_sql(nova,
                         "SELECT count(*) FROM task t JOIN auto_topology a ON"
                         " a.network_id::text = t.input->'requests'->0->>'network' AND a.project_id = '" SEED_PROJECT
                         "'"),
        2);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM router WHERE project_id = '" SEED_PROJECT "'"), 1);
}

/* Ports to be made count before anything is accepted. */
static void ports_that_do_not_fit(void **state)
{
    (void)state;
    kn_test_nova_sql(
        nova,
        "INSERT INTO quota_limit (service, project_id, resource, hard_limit) SELECT 'network', n.project_id, 'port', 1 + (SELECT count(*) FROM port p WHERE p.project_id = n.project_id) "
        "FROM network n WHERE id = '" SEED_NETWORK "'");
    assert_int_equal(post(SEED_MEMBER, 1, NETS("{\"uuid\": \"" SEED_NETWORK "\"}, {\"uuid\": \"" SEED_NETWORK "\"}")),
                     403);
    assert_string_equal(kn_test_nova_str(nova, "forbidden.message"),
                        "Quota exceeded for resources: ['port']. Maximum number of ports exceeded");
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM task"), 0);
    assert_int_equal(post(SEED_MEMBER, 1, NETS("{\"uuid\": \"" SEED_NETWORK "\"}")), 202);
    kn_test_nova_sql(nova, "DELETE FROM quota_limit");
}

static void many_at_once(void **state)
{
    (void)state;
    assert_int_equal(post(SEED_MEMBER, 1,
                          SERVER(", \"min_count\": 2, \"max_count\": 3, \"return_reservation_id\": true")),
                     202);
    assert_int_equal(strncmp(kn_test_nova_str(nova, "reservation_id"), "r-", 2), 0);
    assert_int_equal(
        kn_test_nova_sql(nova, "SELECT count(*) FROM server WHERE name IN ('s-1', 's-2', 's-3') AND hostname = name"),
        3);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(DISTINCT object_id) FROM task"), 3);
    /* 10 instances are allowed: 7 are left */
    assert_int_equal(post(SEED_MEMBER, 1, SERVER(", \"min_count\": 1, \"max_count\": \"9\"")), 202);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT used FROM quota_usage WHERE resource = 'instances'"), 10);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM server"), 10);
    assert_int_equal(post(SEED_MEMBER, 1, SERVER("")), 403);
    assert_string_equal(kn_test_nova_str(nova, "forbidden.message"),
                        "Quota exceeded for instances: Requested 1, but already used 10 of 10 instances");
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM task"), 10);
}

static void an_admin_names_a_host(void **state)
{
    (void)state;
    assert_int_equal(post(SEED_ADMIN, 1, NETS("{\"uuid\": \"" SEED_NETWORK "\"}")), 202);
    assert_int_equal(post(SEED_ADMIN, 1,
                          SERVER(", \"networks\": [{\"uuid\": \"" SEED_NETWORK "\"}], "
                                 "\"availability_zone\": \"east:h2\"")),
                     202);
    assert_int_equal(
        kn_test_nova_sql(nova, "SELECT count(*) FROM task WHERE input->>'host' = 'h2' AND input->>'zone' = 'east'"), 1);
    assert_int_equal(post(SEED_ADMIN, 74, SERVER(", \"networks\": \"none\", \"host\": \"h1\"")), 202);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM task WHERE input->>'host' = 'h1'"), 1);
    assert_int_equal(post(SEED_MEMBER, 1, SERVER(", \"availability_zone\": \"east:h2\"")), 403);
    assert_int_equal(post(SEED_ADMIN, 1, SERVER(", \"availability_zone\": \"east:h9\"")), 400);
    assert_int_equal(post(SEED_ADMIN, 1, SERVER(", \"availability_zone\": \"a:b:c:d\"")), 400);
}

struct bad {
    const char *token;
    int minor;
    int status;
    const char *fault;
    const char *body;
    const char *word; /* of the message */
};

static const struct bad BAD[] = {
    { SEED_MEMBER, 96, 400, "badRequest", "{", "" },
    { SEED_MEMBER, 96, 400, "badRequest", "[]", "object" },
    { SEED_MEMBER, 96, 400, "badRequest", "{}", "'server' is a required property" },
    { SEED_MEMBER, 96, 400, "badRequest", NULL, "" },
    { SEED_MEMBER, 96, 400, "badRequest", SERVER(", \"networks\": \"none\", \"colour\": \"red\""),
      "'colour' was unexpected" },
    { SEED_MEMBER, 18, 400, "badRequest", SERVER(", \"description\": \"d\""), "'description' was unexpected" },
    { SEED_MEMBER, 96, 400, "badRequest", SERVER(""), "'networks' is a required property" },
    { SEED_MEMBER, 36, 400, "badRequest", SERVER(", \"networks\": \"none\""), "not of type 'array'" },
    { SEED_MEMBER, 1, 400, "badRequest", "{\"server\": {\"name\": \"\", \"flavorRef\": \"1\"}}", "too short" },
    { SEED_MEMBER, 1, 400, "badRequest", "{\"server\": {\"name\": \"s\", \"flavorRef\": \"1\"}}", "Missing imageRef" },
    { SEED_MEMBER, 1, 400, "badRequest", "{\"server\": {\"name\": \"s\", \"flavorRef\": \"1\", \"imageRef\": \"x\"}}",
      "uuid" },
    { SEED_MEMBER, 1, 400, "badRequest",
      "{\"server\": {\"name\": \"s\", \"flavorRef\": \"1\", \"imageRef\": \"" SEED_NOBODY "\"}}",
      "Can not find requested image" },
    { SEED_MEMBER, 1, 400, "badRequest",
      "{\"server\": {\"name\": \"s\", \"flavorRef\": \"1\", \"imageRef\": \"" SEED_IMAGE_PRIVATE "\"}}",
      "Can not find" },
    { SEED_MEMBER, 1, 400, "badRequest",
      "{\"server\": {\"name\": \"s\", \"flavorRef\": \"1\", \"imageRef\": \"" SEED_IMAGE_QUEUED "\"}}",
      "is not active" },
    { SEED_MEMBER, 1, 400, "badRequest",
      "{\"server\": {\"name\": \"s\", \"flavorRef\": \"1\", \"imageRef\": \"" SEED_IMAGE_BIG "\"}}",
      "disk is too small" },
    { SEED_MEMBER, 1, 400, "badRequest",
      "{\"server\": {\"name\": \"s\", \"flavorRef\": \"9\", \"imageRef\": \"" SEED_IMAGE "\"}}",
      "Flavor 9 could not be found" },
    { SEED_MEMBER, 1, 400, "badRequest",
      "{\"server\": {\"name\": \"s\", \"flavorRef\": \"2\", \"imageRef\": \"" SEED_IMAGE "\"}}",
      "Flavor 2 could not be found" },
    { SEED_MEMBER, 1, 400, "badRequest",
      "{\"server\": {\"name\": \"s\", \"flavorRef\": 3, \"imageRef\": \"" SEED_IMAGE "\"}}",
      "Flavor 3 could not be found" },
    { SEED_MEMBER, 1, 400, "badRequest",
      "{\"server\": {\"name\": \"s\", \"flavorRef\": \"4\", \"imageRef\": \"" SEED_IMAGE
      "\", \"block_device_mapping\": [{\"virtual_name\": \"ephemeral0\", \"volume_size\": 6}]}}",
      "Ephemeral disks requested are larger than the instance type allows" },
    { SEED_MEMBER, 1, 400, "badRequest", SERVER(", \"key_name\": \"nokey\""), "Invalid key_name" },
    { SEED_STRANGER, 96, 400, "badRequest", SERVER(", \"networks\": \"none\", \"key_name\": \"key\""),
      "Invalid key_name" },
    { SEED_MEMBER, 1, 400, "badRequest", SERVER(", \"security_groups\": [{\"name\": \"web\"}]"),
      "Security group web not found" },
    { SEED_MEMBER, 1, 400, "badRequest", SERVER(", \"availability_zone\": \"mars\""), "zone is not available" },
    { SEED_MEMBER, 1, 400, "badRequest", SERVER(", \"min_count\": 3, \"max_count\": 2"),
      "min_count must be <= max_count" },
    { SEED_MEMBER, 1, 400, "badRequest", SERVER(", \"min_count\": 0"), "minimum of 1" },
    { SEED_MEMBER, 1, 400, "badRequest", SERVER(", \"max_count\": 100000"), "max_count" },
    { SEED_MEMBER, 1, 400, "badRequest", SERVER(", \"user_data\": \"%%\""), "base64" },
    { SEED_MEMBER, 1, 400, "badRequest", SERVER(", \"personality\": [{\"path\": \"/a\", \"contents\": \"Y\"}]"),
      "base64" },
    { SEED_MEMBER, 57, 400, "badRequest", SERVER(", \"networks\": \"none\", \"personality\": []"),
      "'personality' was unexpected" },
    { SEED_MEMBER, 1, 400, "badRequest", SERVER(", \"config_drive\": \"maybe\""), "config_drive" },
    { SEED_MEMBER, 1, 400, "badRequest",
      "{\"server\": {\"name\": \"s\", \"flavorRef\": \"1\", \"imageRef\": \"" SEED_IMAGE
      "\"}, \"os:scheduler_hints\": {\"group\": \"x\"}}",
      "'x' is not a 'uuid'" },
    { SEED_MEMBER, 1, 400, "badRequest",
      "{\"server\": {\"name\": \"s\", \"flavorRef\": \"1\", \"imageRef\": \"" SEED_IMAGE
      "\"}, \"OS-SCH-HNT:scheduler_hints\": {\"group\": \"" SEED_NOBODY "\"}}",
      "Instance group " SEED_NOBODY " could not be found." },
    { SEED_MEMBER, 1, 400, "badRequest",
      "{\"server\": {\"name\": \"s\", \"flavorRef\": \"1\", \"imageRef\": \"" SEED_IMAGE
      "\"}, \"os:scheduler_hints\": {\"query\": \"[]\"}}",
      "The scheduler hint 'query' is not supported" },
    { SEED_MEMBER, 1, 400, "badRequest",
      "{\"server\": {\"name\": \"s\", \"flavorRef\": \"1\", \"imageRef\": \"" SEED_IMAGE
      "\"}, \"os:scheduler_hints\": {\"different_host\": [\"x\"]}}",
      "'x' is not a 'uuid'" },
    { SEED_MEMBER, 1, 400, "badRequest", SERVER(", \"block_device_mapping\": [{\"volume_id\": \"" SEED_NOBODY "\"}]"),
      "Block Device Mapping" },
    { SEED_MEMBER, 1, 400, "badRequest",
      SERVER(", \"block_device_mapping_v2\": [{\"uuid\": \"" SEED_NOBODY "\", \"source_type\": \"volume\", "
             "\"destination_type\": \"volume\", \"boot_index\": 0}]"),
      "Block Device Mapping" },
    { SEED_MEMBER, 1, 400, "badRequest", SERVER(", \"metadata\": {\"a\": 1}"), "not of type 'string'" },
    { SEED_MEMBER, 90, 400, "badRequest", SERVER(", \"networks\": \"none\", \"hostname\": \"a.b\""), "does not match" },
    { SEED_MEMBER, 90, 400, "badRequest", SERVER(", \"networks\": \"none\", \"hostname\": \"ab\", \"max_count\": 2"),
      "hostname" },
    { SEED_MEMBER, 1, 400, "badRequest", NETS("{\"uuid\": \"" SEED_NOBODY "\"}"), SEED_NOBODY },
    { SEED_MEMBER, 1, 400, "badRequest", NETS("{\"uuid\": \"" SEED_NETWORK_FOREIGN "\"}"), SEED_NETWORK_FOREIGN },
    { SEED_MEMBER, 1, 400, "badRequest", NETS("{\"uuid\": \"" SEED_NETWORK "\", \"fixed_ip\": \"192.168.7.7\"}"),
      "192.168.7.7" },
    { SEED_MEMBER, 1, 400, "badRequest", NETS("{\"uuid\": \"" SEED_NETWORK "\", \"fixed_ip\": \"10.0.0\"}"), "ipv4" },
    { SEED_MEMBER, 1, 400, "badRequest", NETS("{}"), "missing 'uuid'" },
    { SEED_MEMBER, 1, 400, "badRequest", NETS("{\"port\": \"" SEED_NOBODY "\"}"), SEED_NOBODY },
    { SEED_MEMBER, 1, 409, "conflictingRequest", NETS("{\"port\": \"" SEED_PORT_USED "\"}"), "in use" },
    { SEED_MEMBER, 1, 400, "badRequest", NETS("{\"port\": \"" SEED_PORT "\"}, {\"port\": \"" SEED_PORT "\"}"),
      "twice" },
    { SEED_MEMBER, 1, 400, "badRequest", NETS("{\"port\": \"" SEED_PORT "\", \"fixed_ip\": \"10.0.0.5\"}"),
      "cannot be used" },
    { SEED_MEMBER, 1, 400, "badRequest", SERVER(", \"networks\": [{\"port\": \"" SEED_PORT "\"}], \"max_count\": 2"),
      "multiple instances" },
    { SEED_MEMBER, 1, 403, "forbidden", SERVER(", \"min_count\": 11"), "Quota exceeded for instances" },
    { SEED_READER, 1, 403, "forbidden", SERVER(""), "" },
    { "nobody", 1, 401, "error", SERVER(""), "" },
};

/* A name of 254 two-byte characters fits alone; of two servers each gets "-1" or "-2" behind it. */
static void names_of_several_must_fit(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf body = KN_STRBUF_INIT;
    const int64_t before = written();

    (void)state;
    kn_strbuf_addstr(&body, "{\"server\": {\"flavorRef\": \"1\", \"imageRef\": \"" SEED_IMAGE
                            "\", \"min_count\": 2, \"name\": \"");
    for (int i = 0; i < 254; i++) {
        kn_strbuf_addstr(&body, "\xc3\xa9");
    }
    kn_strbuf_addstr(&body, "\"}}");
    assert_int_equal(post(SEED_MEMBER, 1, body.buf), 400);
    assert_non_null(strstr(nova->http.body.buf, "253 characters"));
    assert_int_equal(written(), before);
}

static void bad_input_changes_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        char path[64];
        int status = post(BAD[i].token, BAD[i].minor, BAD[i].body);
        const char *message = NULL;

        if (status != BAD[i].status) {
            fail_msg("row %zu: %d, wanted %d: %s -> %s", i, status, BAD[i].status, BAD[i].body, nova->http.body.buf);
        }
        snprintf(path, sizeof(path), "%s.message", BAD[i].fault);
        message = kn_test_nova_str(nova, path);
        if (message[0] == '\0' || strstr(message, BAD[i].word) == NULL) {
            fail_msg("row %zu: no \"%s\" under %s in %s", i, BAD[i].word, path, nova->http.body.buf);
        }
        assert_int_equal(written(), 0);
    }
}

/* A certificate is made with its key, and no guest of ours would read it. */
static void certificates_are_for_no_server(void **state)
{
    (void)state;
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 91, "POST", "/compute/v2.1/os-keypairs",
                                      "{\"keypair\": {\"name\": \"cert\", \"type\": \"x509\"}}"),
                     201);
    assert_string_equal(kn_test_nova_str(nova, "keypair.type"), "x509");
    assert_non_null(strstr(kn_test_nova_str(nova, "keypair.private_key"), "BEGIN PRIVATE KEY"));
    assert_non_null(strstr(kn_test_nova_str(nova, "keypair.public_key"), "BEGIN CERTIFICATE"));
    assert_int_equal(post(SEED_MEMBER, 1, SERVER(", \"key_name\": \"cert\"")), 400);
    assert_non_null(strstr(nova->http.body.buf, "x509"));
}

/* Bodies of all sorts at once: each its own verdict, and the usage is what exists. */
static void *post_some(void *arg)
{
    struct kn_test_http http = kn_test_http_open(nova->http.port);
    int *accepted = arg;

    for (int i = 0; i < 10; i++) {
        kn_test_http_ask(&http, "POST", SERVERS, "X-Auth-Token: " SEED_MEMBER "\r\n", SERVER(""));
        *accepted += http.status == 202;
        assert_true(http.status == 202 || http.status == 403);
    }
    kn_test_http_close(&http);
    return NULL;
}

static void a_crowd_gets_exactly_the_quota(void **state)
{
    pthread_t threads[4];
    int accepted[4] = { 0 };

    (void)state;
    kn_test_nova_sql(
        nova, "INSERT INTO quota_limit (service, project_id, resource, hard_limit) VALUES ('compute', '" SEED_PROJECT
              "', 'instances', 25), "
              "('compute', '" SEED_PROJECT "', 'cores', -1), ('compute', '" SEED_PROJECT "', 'ram', -1)");
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, post_some, &accepted[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(accepted[0] + accepted[1] + accepted[2] + accepted[3], 25);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM server"), 25);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM task"), 25);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT used FROM quota_usage WHERE resource = 'instances'"), 25);
}

/* --- who shares a commit ---------------------------------------------------------------------------------------------- */

static void *post_one(void *arg)
{
    struct kn_test_http http = kn_test_http_open(nova->http.port);

    (void)arg;
    kn_test_http_ask(&http, "POST", SERVERS, "X-Auth-Token: " SEED_MEMBER "\r\n", SERVER(""));
    assert_int_equal(http.status, 202);
    kn_test_http_close(&http);
    return NULL;
}

/* Whoever was announced and does not come is not waited for. */
static void who_never_comes_holds_nobody_up(void **state)
{
    struct kn_convoy_coming absent = { NULL };

    (void)state;
    kn_compute_server_announce(&absent);
    assert_int_equal(post(SEED_MEMBER, 0, SERVER("")), 202);
    kn_convoy_coming_release(&absent);
    kn_convoy_coming_release(&absent); /* once is enough */
    assert_int_equal(post(SEED_MEMBER, 0, SERVER("")), 202);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM task"), 2);
}

/* Those that come together are written together, as soon as it happens that they do. */
static void who_comes_at_once_shares_a_commit(void **state)
{
    const int64_t deadline = kn_mono_ms() + 60000;
    pthread_t threads[8];

    (void)state;
    do {
        assert_true(kn_mono_ms() < deadline);
        assert_int_equal(kn_seed_fresh(state), 0);
        for (int i = 0; i < 8; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, post_one, NULL), 0);
        }
        for (int i = 0; i < 8; i++) {
            pthread_join(threads[i], NULL);
        }
        assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM server"), 8);
        assert_int_equal(kn_test_nova_sql(nova, "SELECT count(DISTINCT object_id) FROM task"), 8);
        assert_int_equal(kn_test_nova_sql(nova, "SELECT used FROM quota_usage WHERE resource = 'instances'"), 8);
    } while (kn_test_nova_sql(nova, "SELECT count(DISTINCT xmin::text) FROM server") > 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_server_is_wished_for, kn_seed_fresh),
        cmocka_unit_test_setup(the_only_network_is_taken, kn_seed_fresh),
        cmocka_unit_test_setup(hints_are_kept, kn_seed_fresh),
        cmocka_unit_test_setup(local_disks_are_kept, kn_seed_fresh),
        cmocka_unit_test_setup(machines_are_kept, kn_seed_fresh),
        cmocka_unit_test_setup(a_network_is_made, kn_seed_fresh),
        cmocka_unit_test_setup(ports_that_do_not_fit, kn_seed_fresh),
        cmocka_unit_test_setup(many_at_once, kn_seed_fresh),
        cmocka_unit_test_setup(an_admin_names_a_host, kn_seed_fresh),
        cmocka_unit_test_setup(bad_input_changes_nothing, kn_seed_fresh),
        cmocka_unit_test_setup(certificates_are_for_no_server, kn_seed_fresh),
        cmocka_unit_test_setup(names_of_several_must_fit, kn_seed_fresh),
        cmocka_unit_test_setup(a_crowd_gets_exactly_the_quota, kn_seed_fresh),
        cmocka_unit_test_setup(who_never_comes_holds_nobody_up, kn_seed_fresh),
        cmocka_unit_test_setup(who_comes_at_once_shares_a_commit, kn_seed_fresh),
    };

    return cmocka_run_group_tests(tests, kn_seed_group_setup, kn_seed_group_teardown);
}
