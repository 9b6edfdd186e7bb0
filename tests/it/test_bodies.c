/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bodies of compute, volumes and images, field by field: each gets values of every wrong type and objects get names that nobody knows
 * (tests/support/feeder.h). Everything is asked by an administrator, so that nothing is refused for another reason.
 */
#include <stdio.h>

#include "lib/base/mem.h"
#include "tests/support/compute_seed.h"
#include "tests/support/feeder.h"
#include "tests/support/postgres.h"
#include "tests/support/test.h"

#define SERVER "77777777-7777-4777-8777-111111111111"
#define VOLUME "77777777-7777-4777-8777-222222222222"
#define COMPUTE "/compute/v2.1/"
#define CINDER "/volume/v3/"
#define GLANCE "/image/v2/"
#define PATCH_TYPE "application/openstack-images-v2.1-json-patch"

static const char ROWS[] = KN_TEST_EMPTY(
    "image_member, image_task, metadef_namespace, quota_limit, quota_usage") "INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, generation, flavor, image_id, reservation_id) VALUES "
                                                                             "('" SERVER "', '" SEED_PROJECT
                                                                             "', 'u', 's', 's', 'active', 1, '{\"id\": \"1\", \"name\": \"m1.tiny\", \"vcpus\": 1, "
                                                                             "\"memory_mib\": 512, \"disk_gib\": 1, \"ephemeral_gib\": 0, \"swap_mib\": 0, \"extra_specs\": {}}', '" SEED_IMAGE
                                                                             "', 'r');"
                                                                             "INSERT INTO volume (id, project_id, user_id, size_gib, status) VALUES ('" VOLUME
                                                                             "', '" SEED_PROJECT
                                                                             "', 'u', 1, 'available');"
                                                                             "INSERT INTO keypair (user_id, name, public_key, fingerprint) VALUES ('cccccccccccccccccccccccccccccccc', 'key', 'ssh-ed25519 AAAA', 'a');"
                                                                             "UPDATE image SET visibility = 'shared', disk_format = 'raw', container_format = 'bare' WHERE id = '" SEED_IMAGE_QUEUED
                                                                             "';";

static int fresh(void **state)
{
    struct kn_error err = { 0 };

    kn_seed_fresh(state);
    assert_ok(kn_db_script(nova->db, ROWS, &err), &err);
    return 0;
}

static int ask(const struct kn_feed *feed, const char *body)
{
    const char *type = strcmp(feed->method, "PATCH") == 0 ? PATCH_TYPE : "application/json";
    AUTO_FREE char *headers =
        kn_asprintf("X-Auth-Token: " SEED_ADMIN "\r\nAccept: application/json\r\nContent-Type: %s\r\n"
                    "OpenStack-API-Version: %s\r\n",
                    type, strncmp(feed->path, CINDER, strlen(CINDER)) == 0 ? "volume 3.71" : "compute 2.89");

    kn_test_http_ask(&nova->http, feed->method, feed->path, headers, body);
    return nova->http.status;
}

#define LINES(table) "SELECT t::text AS line FROM " table " t"

static void look(char out[64])
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    assert_ok(kn_db_query(nova->db,
                          "SELECT md5(string_agg(line, '|' ORDER BY line)) FROM (" LINES("server") " UNION ALL " LINES(
                              "task") " UNION ALL " LINES("keypair") " UNION ALL " LINES("flavor") " UNION ALL " LINES("flavor_access") " UNION ALL " LINES("quota_limit") " UNION ALL " LINES("quota_usage") " UNION ALL " LINES("host") " UNION ALL " LINES("volume") " UNION ALL " LINES("attachment") " UNION ALL " LINES("image") " UNION ALL " LINES("image_member") " UNION ALL " LINES("image_task") " UNION ALL " LINES("metadef_namespace") " UNION ALL " LINES("metadef_item") ") lines",
                          0, KN_NO_ARGS, &rows, &err),
              &err);
    kn_copy(out, 64, kn_rows_text(rows, 0, 0));
}

static const struct kn_feed NOVA[] = {
    { "POST", COMPUTE "servers",
      "{\"server\": {\"name\": \"s\", \"flavorRef\": \"1\", \"imageRef\": \"" SEED_IMAGE
      "\", \"adminPass\": \"p\", \"metadata\": {\"k\": \"v\"}, "
      "\"networks\": [{\"uuid\": \"" SEED_NETWORK
      "\", \"fixed_ip\": \"10.0.0.9\", \"tag\": \"t\"}, {\"port\": \"" SEED_PORT "\"}], "
      "\"OS-DCF:diskConfig\": \"AUTO\", \"accessIPv4\": \"1.2.3.4\", \"accessIPv6\": \"::1\", \"availability_zone\": \"nova\", "
      "\"block_device_mapping_v2\": [{\"uuid\": \"" SEED_IMAGE "\", \"boot_index\": 0, \"source_type\": \"image\", "
      "\"destination_type\": \"local\", \"delete_on_termination\": true}], \"config_drive\": false, \"key_name\": \"key\", "
      "\"min_count\": 1, \"max_count\": 1, \"return_reservation_id\": false, \"security_groups\": [{\"name\": \"default\"}], "
      "\"user_data\": \"YQ==\", \"description\": \"d\", \"tags\": [\"t\"], \"trusted_image_certificates\": null, "
      "\"hypervisor_hostname\": \"h1\"}, \"os:scheduler_hints\": {}, \"OS-SCH-HNT:scheduler_hints\": {}}",
      "server.name:d server.flavorRef:d server.min_count:d server.max_count:d server.adminPass:s server.metadata:x server.metadata.k:s server.networks:a server.networks.1.port:n "
      "server.block_device_mapping_v2:a server.block_device_mapping_v2.0.delete_on_termination:bd server.networks.0.tag:s server.config_drive:bd "
      "server.return_reservation_id:bd server.security_groups:a server.user_data:s server.description:ns server.tags:a "
      "server.tags.0:s server.trusted_image_certificates:n os:scheduler_hints:x OS-SCH-HNT:scheduler_hints:x" },
    { "PUT", COMPUTE "servers/" SERVER,
      "{\"server\": {\"name\": \"n\", \"description\": \"d\", \"accessIPv4\": \"1.2.3.4\", \"accessIPv6\": \"::1\", "
      "\"OS-DCF:diskConfig\": \"AUTO\"}}",
      "server.name:d server.description:ns" },
    /* Nova's schemas of these actions say {}: anything, null is meant. */
    { "POST", COMPUTE "servers/" SERVER "/action", "{\"os-stop\": null}", "os-stop:*" },
    { "POST", COMPUTE "servers/" SERVER "/action", "{\"reboot\": {\"type\": \"HARD\"}}", NULL },
    { "POST", COMPUTE "servers/" SERVER "/action", "{\"lock\": {\"locked_reason\": \"r\"}}",
      "lock:n lock.locked_reason:s" },
    { "POST", COMPUTE "servers/" SERVER "/action", "{\"os-getConsoleOutput\": {\"length\": 5}}",
      "os-getConsoleOutput.length:nd" },
    { "POST", COMPUTE "servers/" SERVER "/action", "{\"os-resetState\": {\"state\": \"error\"}}", NULL },
    { "POST", COMPUTE "servers/" SERVER "/metadata", "{\"metadata\": {\"k\": \"v\"}}", "metadata:x metadata.k:s" },
    { "PUT", COMPUTE "servers/" SERVER "/metadata", "{\"metadata\": {\"k\": \"v\"}}", "metadata:x metadata.k:s" },
    { "PUT", COMPUTE "servers/" SERVER "/metadata/k", "{\"meta\": {\"k\": \"v\"}}", "meta.k:s" },
    { "PUT", COMPUTE "servers/" SERVER "/tags", "{\"tags\": [\"t\"]}", "tags:a tags.0:s" },
    { "POST", COMPUTE "servers/" SERVER "/os-volume_attachments",
      "{\"volumeAttachment\": {\"volumeId\": \"" VOLUME
      "\", \"device\": \"/dev/vdb\", \"tag\": \"t\", \"delete_on_termination\": false}}",
      "volumeAttachment.device:n volumeAttachment.tag:s volumeAttachment.delete_on_termination:bd" },
    { "PUT", COMPUTE "servers/" SERVER "/os-volume_attachments/" VOLUME,
      "{\"volumeAttachment\": {\"volumeId\": \"" VOLUME "\", \"id\": \"" VOLUME "\", \"serverId\": \"" SERVER "\", "
      "\"delete_on_termination\": false}}",
      "volumeAttachment.delete_on_termination:bd" },
    { "POST", COMPUTE "os-keypairs",
      "{\"keypair\": {\"name\": \"k\", \"type\": \"ssh\", \"user_id\": \"u\", \"public_key\": "
      "\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqXBr5cCBQ9rkpNLBuz0kFqMVeSgDDtGzzwZLAtYDgE\"}}",
      "keypair.name:d keypair.user_id:s" },
    { "POST", COMPUTE "flavors",
      "{\"flavor\": {\"name\": \"f\", \"id\": \"f\", \"ram\": 1, \"vcpus\": 1, \"disk\": 0, \"OS-FLV-EXT-DATA:ephemeral\": 0, \"swap\": 0, "
      "\"rxtx_factor\": 1.0, \"os-flavor-access:is_public\": true, \"description\": \"d\"}}",
      "flavor.name:d flavor.id:nid flavor.ram:d flavor.vcpus:d flavor.disk:d flavor.OS-FLV-EXT-DATA:ephemeral:d flavor.swap:d "
      "flavor.rxtx_factor:ifd flavor.os-flavor-access:is_public:bd flavor.description:ns" },
    { "PUT", COMPUTE "flavors/1", "{\"flavor\": {\"description\": \"d\"}}", "flavor.description:ns" },
    { "POST", COMPUTE "flavors/1/os-extra_specs", "{\"extra_specs\": {\"k\": \"v\"}}",
      "extra_specs:x extra_specs.k:sif" },
    { "PUT", COMPUTE "flavors/1/os-extra_specs/k", "{\"k\": \"v\"}", "k:sif" },
    { "POST", COMPUTE "flavors/2/action", "{\"addTenantAccess\": {\"tenant\": \"" SEED_PROJECT "\"}}", NULL },
    { "PUT", COMPUTE "os-quota-sets/" SEED_PROJECT,
      "{\"quota_set\": {\"instances\": 5, \"cores\": 5, \"ram\": 5, \"metadata_items\": 5, \"key_pairs\": 5, \"server_groups\": 5, "
      "\"server_group_members\": 5, \"force\": true}}",
      "quota_set.instances:nd quota_set.cores:nd quota_set.ram:nd quota_set.metadata_items:nd quota_set.key_pairs:nd quota_set.server_groups:nd "
      "quota_set.server_group_members:nd quota_set.force:bd" },
};

static const struct kn_feed VOLUMES[] = {
    { "POST", CINDER "volumes",
      "{\"volume\": {\"size\": 1, \"name\": \"n\", \"description\": \"d\", \"availability_zone\": null, \"volume_type\": \"file\", "
      "\"metadata\": {\"k\": \"v\"}, \"snapshot_id\": null, \"source_volid\": null, \"consistencygroup_id\": null, \"group_id\": null, "
      "\"backup_id\": null, \"image_id\": null, \"imageRef\": null, \"multiattach\": false}, \"OS-SCH-HNT:scheduler_hints\": null}",
      "volume.size:d volume.name:ns volume.description:ns volume.availability_zone:ns volume.volume_type:ns volume.metadata:nx volume.metadata.k:s "
      "volume.snapshot_id:n volume.source_volid:n volume.consistencygroup_id:n volume.group_id:n volume.backup_id:n volume.image_id:ns "
      "volume.imageRef:ns volume.multiattach:nbd OS-SCH-HNT:scheduler_hints:n" },
    { "PUT", CINDER "volumes/" VOLUME,
      "{\"volume\": {\"name\": \"n\", \"description\": \"d\", \"metadata\": {\"k\": \"v\"}}}",
      "volume.name:ns volume.description:ns volume.metadata:nx volume.metadata.k:s" },
    { "POST", CINDER "volumes/" VOLUME "/metadata", "{\"metadata\": {\"k\": \"v\"}}", "metadata:x metadata.k:s" },
    { "PUT", CINDER "volumes/" VOLUME "/metadata", "{\"metadata\": {\"k\": \"v\"}}", "metadata:x metadata.k:s" },
    { "PUT", CINDER "volumes/" VOLUME "/metadata/k", "{\"meta\": {\"k\": \"v\"}}", "meta.k:s" },
    { "POST", CINDER "volumes/" VOLUME "/action", "{\"os-set_bootable\": {\"bootable\": true}}",
      "os-set_bootable.bootable:bd" },
    { "POST", CINDER "volume-transfers", "{\"transfer\": {\"volume_id\": \"" VOLUME "\"}}", NULL },
    { "POST", CINDER "volumes/" VOLUME "/action", "{\"os-reset_status\": {\"status\": \"error\"}}", NULL },
    { "PUT", CINDER "os-quota-sets/" SEED_PROJECT,
      "{\"quota_set\": {\"volumes\": 5, \"snapshots\": 5, \"gigabytes\": 5, \"backups\": 5, \"backup_gigabytes\": 5, \"groups\": 5, "
      "\"per_volume_gigabytes\": 5, \"force\": true}}",
      "quota_set.volumes:nd quota_set.snapshots:nd quota_set.gigabytes:nd quota_set.backups:nd quota_set.backup_gigabytes:nd quota_set.groups:nd "
      "quota_set.per_volume_gigabytes:nd quota_set.force:bd" },
    /* Cinder's schema of this action says {}: anything. */
    { "POST", CINDER "volumes/" VOLUME "/action", "{\"os-force_delete\": {}}", "os-force_delete:*" },
};

static const struct kn_feed IMAGES[] = {
    /* Names that Glance does not know are properties of one's own (additionalProperties: string in its image schema). */
    { "POST", GLANCE "images",
      "{\"name\": \"n\", \"visibility\": \"private\", \"protected\": false, \"os_hidden\": false, \"owner\": \"o\", \"container_format\": \"bare\", "
      "\"disk_format\": \"raw\", \"tags\": [\"t\"], \"min_ram\": 0, \"min_disk\": 0, \"own\": \"v\", \"kernel_id\": null}",
      ":x name:ns protected:b os_hidden:b owner:ns container_format:n disk_format:n tags:a tags.0:s min_ram:f own:s kernel_id:n" },
    /* Members that an operation does not need are ignored, as RFC 6902 wants. */
    { "PATCH", GLANCE "images/" SEED_IMAGE_QUEUED, "[{\"op\": \"replace\", \"path\": \"/name\", \"value\": \"n\"}]",
      "0:x 0.value:ns" },
    { "PATCH", GLANCE "images/" SEED_IMAGE_QUEUED, "[{\"op\": \"add\", \"path\": \"/own\", \"value\": \"n\"}]",
      "0:x 0.value:s" },
    { "POST", GLANCE "images/" SEED_IMAGE_QUEUED "/members", "{\"member\": \"" SEED_OTHER "\"}", "member:s" },
    { "PUT", GLANCE "images/" SEED_IMAGE_QUEUED "/members/" SEED_OTHER,
      "{\"status\": \"accepted\", \"member\": \"" SEED_OTHER "\"}", NULL },
    /* active: the right body is told 409 */
    { "POST", GLANCE "images/" SEED_IMAGE "/import",
      "{\"method\": {\"name\": \"web-download\", \"uri\": \"http://x.example/y\"}, \"all_stores\": false, "
      "\"all_stores_must_succeed\": true, \"stores\": [\"file\"]}",
      "method.uri:s all_stores:b all_stores_must_succeed:b stores.0:s" },
    { "POST", GLANCE "metadefs/namespaces",
      "{\"namespace\": \"fed\", \"display_name\": \"d\", \"description\": \"d\", \"visibility\": \"private\", \"protected\": false, \"owner\": \"o\"}",
      "namespace:s display_name:s description:s protected:b owner:s" },
    { "PUT", GLANCE "metadefs/namespaces/space",
      "{\"namespace\": \"space\", \"display_name\": \"d\", \"description\": \"d\", \"visibility\": \"private\", \"protected\": false, \"owner\": \"o\"}",
      "display_name:s description:s protected:b owner:s namespace:s" },
};

#define FEED(table) kn_feed_all(table, KN_COUNT(table), ask, look)

static void compute(void **state)
{
    (void)state;
    FEED(NOVA);
}

static void volumes(void **state)
{
    (void)state;
    FEED(VOLUMES);
}

static void images(void **state)
{
    static const struct kn_feed SPACE = { "POST", GLANCE "metadefs/namespaces", NULL, NULL };
    static const struct kn_feed MEMBER = { "POST", GLANCE "images/" SEED_IMAGE_QUEUED "/members", NULL, NULL };

    (void)state;
    assert_int_equal(ask(&SPACE, "{\"namespace\": \"space\"}"), 201);
    assert_int_equal(ask(&MEMBER, "{\"member\": \"" SEED_OTHER "\"}"), 200);
    FEED(IMAGES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(compute, fresh),
        cmocka_unit_test_setup(volumes, fresh),
        cmocka_unit_test_setup(images, fresh),
    };

    return cmocka_run_group_tests(tests, kn_seed_group_setup, kn_seed_group_teardown);
}
