/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Servers that boot from volumes, in a whole cloud on simulated hosts: of an image, a snapshot, an existing volume, with more of them beside; what dies with its server and what stays; what is
 * refused, and fails, and takes nothing along; deleted while it is built; shelved, rescued, rebuilt; daemons that are killed in the middle. After all of it the audit finds every promise kept.
 */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/needs.h"
#include "tests/support/whole_cloud.h"

#define SERVERS "/compute/v2.1/servers"
#define VOLUMES "/volume/v3/volumes"
#define V KN_WHOLE_JSON "OpenStack-API-Version: compute 2.90\r\n"
#define VV KN_WHOLE_JSON "OpenStack-API-Version: volume 3.71\r\n"
#define BUSY "SELECT count(*) FROM task WHERE state IN ('run', 'undo')"
#define NOTHING "SELECT (SELECT count(*) FROM attachment) + (SELECT count(*) FROM server WHERE deleted_at IS NULL)"
#define USED "SELECT coalesce(sum(used), 0)::bigint FROM quota_usage WHERE service = 'volume' AND resource = $1"

static char image[KN_UUID_SIZE], other[KN_UUID_SIZE], small_flavor[64], volume[KN_UUID_SIZE], snapshot[KN_UUID_SIZE];

static void post_of(int status, const char *flavor, const char *bdm, const char *more, char ret_id[KN_UUID_SIZE])
{
    AUTO_FREE char *body = kn_asprintf("{\"server\": {\"name\": \"s\", \"flavorRef\": \"%s\", \"networks\": \"none\", "
                                       "\"block_device_mapping_v2\": [%s]%s}}",
                                       flavor, bdm, more);

    kn_whole_cloud_expect(status, "POST", SERVERS, V, body);
    if (status == 202) {
        kn_copy(ret_id, KN_UUID_SIZE, kn_whole_cloud_text("server.id"));
    }
}

static void post(int status, const char *bdm, const char *more, char ret_id[KN_UUID_SIZE])
{
    post_of(status, small_flavor, bdm, more, ret_id);
}

/* An entry of block_device_mapping_v2 with the volume as its destination. */
static char *entry(const char *source, const char *id, const char *more)
{
    return kn_asprintf("{\"source_type\": \"%s\", \"destination_type\": \"volume\"%s%s%s%s}", source,
                       id != NULL ? ", \"uuid\": \"" : "", id != NULL ? id : "", id != NULL ? "\"" : "", more);
}

static void settled(void)
{
    kn_whole_cloud_await(BUSY, 0);
}

static void is(const char *server, const char *vm_state)
{
    AUTO_FREE char *sql =
        kn_asprintf("SELECT count(*) FROM server WHERE id = $1 AND vm_state = '%s' AND task_state IS NULL", vm_state);

    assert_int_equal(kn_whole_cloud_count(sql, server), 1);
}

static const char *of_server(const char *server, const char *rest, const char *member)
{
    AUTO_FREE char *path = kn_asprintf(SERVERS "/%s%s", server, rest);

    kn_whole_cloud_expect(200, "GET", path, V, NULL);
    return kn_whole_cloud_text(member);
}

static void delete_server(const char *server)
{
    AUTO_FREE char *path = kn_asprintf(SERVERS "/%s", server);

    kn_whole_cloud_expect(204, "DELETE", path, V, NULL);
}

static void delete_volumes(void)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    assert_ok(kn_db_query(kn_whole.db, "SELECT id FROM volume WHERE name IS DISTINCT FROM 'kept'", 0, NULL, &rows,
                          &err),
              &err);
    for (int i = 0; i < kn_rows_count(rows); i++) {
        AUTO_FREE char *path = kn_asprintf(VOLUMES "/%s", kn_rows_text(rows, i, 0));

        kn_whole_cloud_expect(202, "DELETE", path, VV, NULL);
    }
    settled();
    assert_int_equal(kn_whole_cloud_count(NOTHING, NULL), 0);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM volume", NULL), 1);
    assert_int_equal(kn_whole_cloud_count(USED, "volumes"), 1);
    assert_int_equal(kn_whole_cloud_count(USED, "gigabytes"), 3 + 3);
}

/* --- tests ----------------------------------------------------------------------------------------------------------------- */

static void of_an_image(void **state)
{
    AUTO_FREE char *root = entry("image", image,
                                 ", \"boot_index\": 0, \"volume_size\": 2, \"delete_on_termination\": true"),
                   *data = entry("blank", NULL, ", \"boot_index\": -1, \"volume_size\": 1, \"tag\": \"data\"");
    AUTO_FREE char *both = kn_asprintf("%s, %s", data, root);
    char server[KN_UUID_SIZE];

    (void)state;
    post(202, both, ", \"imageRef\": \"\"", server);
    settled();
    is(server, "active");
    assert_string_equal(of_server(server, "", "server.image"), "");
    of_server(server, "/diagnostics", "state");
    assert_non_null(strstr(kn_whole.http.body.buf,
                           "\"num_disks\":2")); /* the volumes; the image's disk is one of them */
    of_server(server, "/os-volume_attachments", "volumeAttachments.0.device");
    assert_int_equal(
        kn_whole_cloud_count(
            "SELECT count(*) FROM attachment a JOIN volume v ON v.id = a.volume_id WHERE server_id = $1 AND "
            "a.status = 'attached' AND v.status = 'in-use' AND a.connection->>'format' = v.format AND a.delete_on_termination = (v.size_gib = 2) AND "
            "(a.device, v.size_gib, v.bootable, coalesce(a.boot_index, -1), coalesce(a.tag, '')) IN "
            "(('/dev/vda', 2, true, 0, ''), ('/dev/vdb', 1, false, -1, 'data'))",
            server),
        2);
    AUTO_FREE char *detach = kn_asprintf(SERVERS "/%s/os-volume_attachments/%s", server,
                                         kn_whole_cloud_text("volumeAttachments.0.volumeId"));
    const char *first = kn_whole_cloud_text("volumeAttachments.0.device");
    const bool is_root = strcmp(first, "/dev/vda") == 0;
    kn_whole_cloud_expect(is_root ? 403 : 202, "DELETE", detach, V, NULL);
    settled();
    kn_whole_cloud_act(server, 400, V,
                       "{\"createBackup\": {\"name\": \"b\", \"backup_type\": \"d\", \"rotation\": 1}}");
    kn_whole_cloud_act(server, 202, V, "{\"reboot\": {\"type\": \"HARD\"}}");
    settled();
    is(server, "active");
    assert_true(kn_whole_cloud_is_sound());
    delete_server(server);
    settled();
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM volume WHERE size_gib = 2", NULL),
                     0); /* it died, too */
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM volume WHERE size_gib = 1 AND status = 'available'",
                                          NULL),
                     1);
    delete_volumes();
}

static void of_what_is_there(void **state)
{
    AUTO_FREE char *root = entry("volume", volume, ", \"boot_index\": 0"),
                   *copy = entry("snapshot", snapshot, ", \"boot_index\": 0, \"delete_on_termination\": true");
    AUTO_FREE char *old =
        kn_asprintf("{\"server\": {\"name\": \"old\", \"flavorRef\": \"%s\", \"block_device_mapping\": "
                    "[{\"volume_id\": \"%s\", \"device_name\": \"vda\"}]}}",
                    small_flavor, volume);
    char one[KN_UUID_SIZE], two[KN_UUID_SIZE], three[KN_UUID_SIZE];

    (void)state;
    post(202, root, ", \"imageRef\": \"\"", one);
    post(202, copy, "", two);
    settled();
    is(one, "active");
    is(two, "active");
    post(400, root, "", three); /* it has a server */
    assert_non_null(strstr(kn_whole.http.body.buf, "must be available"));
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM volume WHERE snapshot_id IS NOT NULL AND size_gib = 3",
                                          NULL),
                     1);
    delete_server(one);
    delete_server(two);
    settled();
    kn_whole_cloud_expect(202, "POST", SERVERS, KN_WHOLE_JSON, old);
    kn_copy(three, sizeof(three), kn_whole_cloud_text("server.id"));
    settled();
    is(three, "active");
    assert_string_equal(of_server(three, "/os-volume_attachments", "volumeAttachments.0.device"), "/dev/vda");
    delete_server(three);
    settled();
    delete_volumes();
}

static void refused(const char *bdm, const char *more, int status, const char *words)
{
    char none[KN_UUID_SIZE];

    post(status, bdm, more, none);
    if (strstr(kn_whole.http.body.buf, words) == NULL) {
        fail_msg("%s, not %s", kn_whole.http.body.buf, words);
    }
}

static void what_is_refused(void **state)
{
    static const char OTHER[] = "99999999-9999-4999-8999-999999999999";
    AUTO_FREE char *missing = entry("volume", OTHER, ", \"boot_index\": 0"),
                   *lost = entry("snapshot", OTHER, ", \"boot_index\": 0"),
                   *no_size = entry("image", image, ", \"boot_index\": 0"),
                   *small = entry("snapshot", snapshot, ", \"boot_index\": 0, \"volume_size\": 1"),
                   *typed = entry("image", image, ", \"boot_index\": 0, \"volume_size\": 1, \"volume_type\": \"none\""),
                   *twice = entry("volume", volume, ", \"boot_index\": 0"),
                   *much = entry("image", image, ", \"boot_index\": 0, \"volume_size\": 1000");

    (void)state;
    refused(missing, "", 400, "failed to get volume");
    refused(lost, "", 400, "failed to get snapshot");
    refused(no_size, "", 400, "need to have a non-zero size");
    refused(small, "", 400, "smaller than the snapshot size");
    refused(typed, "", 400, "none could not be found");
    refused(twice, ", \"min_count\": 2, \"max_count\": 2", 400, "to multiple instances");
    refused(much, "", 403, "gigabytes");
    delete_volumes();
}

/* No back end has room: the server is in error and says why, and what was made for it is gone. What was there is what it was. */
static void what_fails(void **state)
{
    AUTO_FREE char *path = kn_asprintf("/volume/v3/os-quota-sets/%s", kn_whole.project);
    AUTO_FREE char *root = entry("volume", volume, ", \"boot_index\": 0"),
                   *much = entry("blank", NULL, ", \"volume_size\": 5000"), *both = kn_asprintf("%s, %s", root, much),
                   *fine = entry("image", image, ", \"boot_index\": 0, \"volume_size\": 1");
    char server[KN_UUID_SIZE], nowhere[KN_UUID_SIZE];

    (void)state;
    kn_whole_cloud_expect(200, "PUT", path, VV, "{\"quota_set\": {\"gigabytes\": -1}}");
    post(202, both, "", server);
    settled();
    is(server, "error");
    assert_string_equal(of_server(server, "", "server.status"), "ERROR");
    assert_non_null(strstr(kn_whole_cloud_text("server.fault.message"), "no back end has room"));
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM attachment", NULL), 0);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM volume WHERE id = $1 AND status = 'available'", volume),
                     1);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM volume", NULL), 1);
    assert_true(kn_whole_cloud_is_sound());
    /* The volume was made, no host was found: it stays, free, and the server keeps no hand on it. */
    kn_whole_cloud_expect(
        200, "POST", "/compute/v2.1/flavors", V,
        "{\"flavor\": {\"name\": \"big\", \"id\": \"big\", \"ram\": 10000000, \"vcpus\": 1, \"disk\": 0}}");
    post_of(202, "big", fine, "", nowhere);
    settled();
    is(nowhere, "error");
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM volume WHERE status = 'available'", NULL), 2);
    delete_server(server);
    delete_server(nowhere);
    settled();
    delete_volumes();
}

/* Killed, and deleted while they are built: nothing stays but what was made and was to stay. */
static void killed_and_deleted_in_the_middle(void **state)
{
    AUTO_FREE char *root = entry("image", image,
                                 ", \"boot_index\": 0, \"volume_size\": 1, \"delete_on_termination\": true"),
                   *data = entry("blank", NULL, ", \"volume_size\": 1, \"delete_on_termination\": true");
    AUTO_FREE char *both = kn_asprintf("%s, %s", root, data);
    char servers[12][KN_UUID_SIZE];
    static const char *const DAEMONS[] = { "kilonova-volume", "kilonova-conductor" };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(servers); i++) {
        post(202, both, "", servers[i]);
        if (i % 3 == 1) {
            kn_whole_cloud_restart(DAEMONS[i / 3 % 2]);
        }
        if (i % 2 == 1) {
            delete_server(servers[i]);
        }
        if (i == 7) {
            delete_server(servers[0]);
        }
    }
    kn_whole_cloud_restart("kilonova-volume");
    settled();
    for (size_t i = 2; i < KN_COUNT(servers); i += 2) {
        is(servers[i], "active");
    }
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM volume WHERE status = 'in-use'", NULL), 10);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM volume", NULL), 11);
    assert_true(kn_whole_cloud_is_sound());
    for (size_t i = 2; i < KN_COUNT(servers); i += 2) {
        delete_server(servers[i]);
        if (i == 6) {
            kn_whole_cloud_restart("kilonova-conductor");
        }
    }
    settled();
    delete_volumes();
}

/* A volume whose type says so is two servers' at once; who comes with an older API is told, and nobody takes it from them by the storage's side. */
static void of_several_servers(void **state)
{
    AUTO_FREE char *root = entry("image", image,
                                 ", \"boot_index\": 0, \"volume_size\": 1, \"delete_on_termination\": true");
    char one[KN_UUID_SIZE], two[KN_UUID_SIZE], shared[KN_UUID_SIZE], attachment[KN_UUID_SIZE];

    (void)state;
    kn_whole_cloud_expect(
        200, "POST", "/volume/v3/types", VV,
        "{\"volume_type\": {\"name\": \"shared\", \"extra_specs\": {\"multiattach\": \"<is> True\"}}}");
    AUTO_FREE char *type = kn_strdup(kn_whole_cloud_text("volume_type.id"));
    kn_whole_cloud_expect(
        200, "POST", "/volume/v3/qos-specs", VV,
        "{\"qos_specs\": {\"name\": \"slow\", \"consumer\": \"front-end\", \"total_iops_sec_per_gb\": \"40\"}}");
    AUTO_FREE char *slow = kn_asprintf("/volume/v3/qos-specs/%s/associate?vol_type_id=%s",
                                       kn_whole_cloud_text("qos_specs.id"), type);
    kn_whole_cloud_expect(202, "GET", slow, VV, NULL);
    kn_whole_cloud_expect(202, "POST", VOLUMES, VV, "{\"volume\": {\"size\": 1, \"volume_type\": \"shared\"}}");
    kn_copy(shared, sizeof(shared), kn_whole_cloud_text("volume.id"));
    post(202, root, "", one);
    post(202, root, "", two);
    settled();
    AUTO_FREE char *at_one = kn_asprintf(SERVERS "/%s/os-volume_attachments", one),
                   *at_two = kn_asprintf(SERVERS "/%s/os-volume_attachments", two),
                   *body = kn_asprintf("{\"volumeAttachment\": {\"volumeId\": \"%s\"}}", shared);
    kn_whole_cloud_expect(400, "POST", at_one, KN_WHOLE_JSON "OpenStack-API-Version: compute 2.59\r\n", body);
    assert_non_null(strstr(kn_whole.http.body.buf, "starting with compute API version 2.60"));
    kn_whole_cloud_expect(200, "POST", at_one, V, body);
    kn_whole_cloud_expect(200, "POST", at_two, V, body);
    settled();
    assert_int_equal(
        kn_whole_cloud_count("SELECT count(*) FROM attachment WHERE volume_id = $1 AND status = 'attached' AND "
                             "connection->>'shared' = 'true' AND connection->>'format' = 'raw' AND "
                             "connection->'limits'->>'total_iops_sec' = '40'",
                             shared),
        2);
    AUTO_FREE char *of_shared = kn_asprintf("/volume/v3/attachments?volume_id=%s", shared);
    kn_whole_cloud_expect(200, "GET", of_shared, VV, NULL);
    kn_copy(attachment, sizeof(attachment), kn_whole_cloud_text("attachments.0.id"));
    AUTO_FREE char *theirs = kn_asprintf("/volume/v3/attachments/%s", attachment);
    kn_whole_cloud_expect(409, "DELETE", theirs, VV, NULL);
    assert_true(kn_whole_cloud_is_sound());
    delete_server(one);
    settled();
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM volume WHERE id = $1 AND status = 'in-use'", shared),
                     1);
    AUTO_FREE char *detach = kn_asprintf("%s/%s", at_two, shared);
    kn_whole_cloud_expect(202, "DELETE", detach, V, NULL);
    settled();
    delete_server(two);
    settled();
    delete_volumes();
}

/* --- what is done to such a server ------------------------------------------------------------------------------------------- */

#define AT(minor) KN_WHOLE_JSON "OpenStack-API-Version: compute 2." minor "\r\n"

static void refuses(const char *server, const char *headers, const char *body, const char *words)
{
    kn_whole_cloud_act(server, 400, headers, body);
    if (strstr(kn_whole.http.body.buf, words) == NULL) {
        fail_msg("%s, not %s", kn_whole.http.body.buf, words);
    }
}

static void act_and_die(const char *server, const char *headers, const char *body, const char *daemon,
                        const char *vm_state)
{
    kn_whole_cloud_act(server, strstr(body, "rescue_image") != NULL ? 200 : 202, headers, body);
    kn_whole_cloud_restart(daemon);
    settled();
    is(server, vm_state);
}

/* It is kept in its volume: no image is made, and it leaves its host at once, whatever compute.shelved_offload_time is. */
static void shelved(void **state)
{
    AUTO_FREE char *root = entry("image", image,
                                 ", \"boot_index\": 0, \"volume_size\": 1, \"delete_on_termination\": true");
    static const char *const DAEMONS[] = { "kilonova-agent", "kilonova-conductor" };
    const int64_t images = kn_whole_cloud_count("SELECT count(*) FROM image", NULL);
    char server[KN_UUID_SIZE];

    (void)state;
    post(202, root, "", server);
    settled();
    for (size_t i = 0; i < KN_COUNT(DAEMONS); i++) {
        act_and_die(server, V, "{\"shelve\": null}", DAEMONS[i], "shelved_offloaded");
        assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM server s JOIN attachment a ON a.server_id = s.id "
                                              "JOIN volume v ON v.id = a.volume_id WHERE s.id = $1 AND s.host IS NULL "
                                              "AND a.status = 'attached' AND v.status = 'in-use'",
                                              server),
                         1);
        assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM allocation WHERE server_id = $1", server), 0);
        assert_true(kn_whole_cloud_is_sound());
        act_and_die(server, V, "{\"unshelve\": null}", DAEMONS[i], "active");
    }
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM image", NULL), images);
    assert_int_equal(kn_whole_cloud_count("SELECT power_state FROM server WHERE id = $1", server), 1);
    kn_whole_cloud_act(server, 202, V, "{\"shelve\": null}");
    settled();
    delete_server(server);
    settled();
    delete_volumes();
}

/* Since 2.87, and from a disk that stands behind the others. */
static void rescued(void **state)
{
    AUTO_FREE char *root = entry("image", image, ", \"boot_index\": 0, \"volume_size\": 1"), *stable = NULL,
                   *plain = NULL;
    char server[KN_UUID_SIZE];

    (void)state;
    plain = kn_asprintf("{\"rescue\": {\"rescue_image_ref\": \"%s\"}}", image);
    stable = kn_asprintf("{\"rescue\": {\"rescue_image_ref\": \"%s\"}}", other);
    post(202, root, "", server);
    settled();
    refuses(server, AT("86"), stable, "cannot be rescued: Cannot rescue a volume-backed instance");
    refuses(server, AT("87"), plain, "Cannot rescue a volume-backed instance");
    refuses(server, AT("87"), "{\"rescue\": null}", "Cannot rescue a volume-backed instance");
    act_and_die(server, AT("87"), stable, "kilonova-agent", "rescued");
    assert_true(kn_whole_cloud_is_sound());
    act_and_die(server, V, "{\"unrescue\": null}", "kilonova-conductor", "active");
    delete_server(server);
    settled();
    delete_volumes();
}

/* What the volume's disk begins with; its file is raw. */
static void holds(const char *root, const char *text)
{
    AUTO_FREE char *path = kn_asprintf("%s/volume-%s", kn_whole.dir, root);
    char begins[64] = "";
    FILE *f = fopen(path, "r");

    assert_non_null(f);
    assert_true(fread(begins, 1, strlen(text), f) == strlen(text));
    fclose(f);
    assert_string_equal(begins, text);
}

static void rebuilt_of(void **state)
{
    static const char *const DAEMONS[] = { "kilonova-volume", "kilonova-conductor", "kilonova-agent" };
    AUTO_FREE char *root = entry("image", image, ", \"boot_index\": 0, \"volume_size\": 1");
    AUTO_FREE char *same = kn_asprintf("{\"rebuild\": {\"imageRef\": \"%s\", \"metadata\": {\"a\": \"b\"}}}", image),
                   *another = kn_asprintf("{\"rebuild\": {\"imageRef\": \"%s\"}}", other);
    char server[KN_UUID_SIZE], disk[KN_UUID_SIZE];

    (void)state;
    post(202, root, "", server);
    settled();
    kn_copy(disk, sizeof(disk), of_server(server, "/os-volume_attachments", "volumeAttachments.0.volumeId"));
    holds(disk, "what boots");
    /* Before 2.93 only the image that it has, and its volume stays what it is. */
    refuses(server, AT("92"), another, "Unable to rebuild with a different image for a volume-backed server.");
    act_and_die(server, AT("92"), same, "kilonova-conductor", "active");
    assert_string_equal(of_server(server, "", "server.metadata.a"), "b");
    assert_string_equal(of_server(server, "", "server.image"), "");
    for (size_t i = 0; i < KN_COUNT(DAEMONS); i++) {
        act_and_die(server, AT("93"), i % 2 == 0 ? another : same, DAEMONS[i], "active");
        holds(disk, i % 2 == 0 ? "what else boots" : "what boots");
        assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM volume WHERE id = $1 AND status = 'in-use' AND "
                                              "bootable AND image->>'image_id' <> ''",
                                              disk),
                         1);
        assert_true(kn_whole_cloud_is_sound());
    }
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM volume WHERE image->>'image_id' = $1", other), 1);
    assert_string_equal(of_server(server, "", "server.image"), "");
    /* One that is off stays off; deleted in the middle, the volume is there and free. */
    kn_whole_cloud_act(server, 202, V, "{\"os-stop\": null}");
    settled();
    act_and_die(server, AT("93"), same, "kilonova-volume", "stopped");
    holds(disk, "what boots");
    kn_whole_cloud_act(server, 202, AT("93"), another);
    delete_server(server);
    settled();
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM volume WHERE id = $1 AND status = 'available'", disk),
                     1);
    delete_volumes();
}

static void extend(int status, const char *disk, const char *minor, int size_gib)
{
    AUTO_FREE char *path = kn_asprintf(VOLUMES "/%s/action", disk),
                   *body = kn_asprintf("{\"os-extend\": {\"new_size\": %d}}", size_gib),
                   *headers = kn_asprintf(KN_WHOLE_JSON "OpenStack-API-Version: volume 3.%s\r\n", minor);

    kn_whole_cloud_expect(status, "POST", path, headers, body);
}

static void has_gib(const char *disk, const char *status, int gib)
{
    AUTO_FREE char *sql = kn_asprintf("SELECT count(*) FROM volume WHERE id = $1 AND status = '%s' AND size_gib = %d "
                                      "AND extends_from IS NULL",
                                      status, gib);

    assert_int_equal(kn_whole_cloud_count(sql, disk), 1);
    assert_int_equal(kn_whole_cloud_count(USED, "gigabytes"), 3 + 3 + gib);
}

/* Since 3.42. Whatever fails leaves it as it was, quota and all. */
static void grown_while_it_is_used(void **state)
{
    static const char *const DAEMONS[] = { "kilonova-volume", "kilonova-conductor", "kilonova-agent" };
    AUTO_FREE char *root = entry("image", image, ", \"boot_index\": 0, \"volume_size\": 1"),
                   *quota = kn_asprintf("/volume/v3/os-quota-sets/%s", kn_whole.project);
    char server[KN_UUID_SIZE], disk[KN_UUID_SIZE];
    struct kn_error err = { 0 };

    (void)state;
    kn_whole_cloud_expect(200, "PUT", quota, VV, "{\"quota_set\": {\"gigabytes\": -1}}");
    post(202, root, "", server);
    settled();
    kn_copy(disk, sizeof(disk), of_server(server, "/os-volume_attachments", "volumeAttachments.0.volumeId"));
    extend(400, disk, "41", 2);
    extend(400, disk, "42", 1);
    for (int i = 0; i < (int)KN_COUNT(DAEMONS); i++) {
        extend(202, disk, "42", 2 + i);
        kn_whole_cloud_restart(DAEMONS[i]);
        settled();
        has_gib(disk, "in-use", 2 + i);
        assert_true(kn_whole_cloud_is_sound());
    }
    assert_int_equal(
        kn_whole_cloud_count("SELECT count(*) FROM task WHERE kind = 'server.extend_volume' AND state = 'done' AND "
                             "object_id = $1",
                             server),
        3);
    extend(202, disk, "42", 5000);
    settled();
    has_gib(disk, "in-use", 4);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM volume_message WHERE resource_uuid = $1", disk), 1);
    assert_true(kn_whole_cloud_is_sound());
    assert_ok(kn_db_script(kn_whole.db, "UPDATE server SET task_state = 'powering-off' WHERE deleted_at IS NULL", &err),
              &err);
    extend(400, disk, "42", 5);
    assert_non_null(strstr(kn_whole.http.body.buf, "belongs to a server that is busy"));
    assert_ok(kn_db_script(kn_whole.db, "UPDATE server SET task_state = NULL WHERE deleted_at IS NULL", &err), &err);
    extend(202, disk, "42", 5);
    delete_server(server); /* in the middle: what it is now nobody knows, but that it can go */
    settled();
    delete_volumes();
}

static int start_cloud(void **state)
{
    (void)state;
    kn_whole_cloud_start("2");
    kn_copy(image, sizeof(image), kn_whole_cloud_image());
    kn_whole_cloud_expect(201, "POST", "/image/v2/images", KN_WHOLE_JSON,
                          "{\"name\": \"o\", \"disk_format\": \"raw\", \"container_format\": \"bare\", "
                          "\"hw_rescue_bus\": \"virtio\"}");
    kn_copy(other, sizeof(other), kn_whole_cloud_text("id"));
    AUTO_FREE char *file = kn_asprintf("/image/v2/images/%s/file", other);
    kn_whole_cloud_expect(204, "PUT", file, "Content-Type: application/octet-stream\r\n", "what else boots");
    kn_copy(small_flavor, sizeof(small_flavor), kn_whole_cloud_flavor());
    AUTO_FREE char *path = kn_asprintf("/volume/v3/os-quota-sets/%s", kn_whole.project);
    kn_whole_cloud_expect(200, "PUT", path, VV, "{\"quota_set\": {\"volumes\": -1, \"gigabytes\": 100}}");
    AUTO_FREE char *compute = kn_asprintf("/compute/v2.1/os-quota-sets/%s", kn_whole.project);
    kn_whole_cloud_expect(200, "PUT", compute, V, "{\"quota_set\": {\"instances\": -1, \"cores\": -1, \"ram\": -1}}");
    AUTO_FREE char *body = kn_asprintf("{\"volume\": {\"size\": 3, \"name\": \"kept\", \"imageRef\": \"%s\"}}", image);
    kn_whole_cloud_expect(202, "POST", VOLUMES, VV, body);
    kn_copy(volume, sizeof(volume), kn_whole_cloud_text("volume.id"));
    settled();
    AUTO_FREE char *snap = kn_asprintf("{\"snapshot\": {\"volume_id\": \"%s\"}}", volume);
    kn_whole_cloud_expect(202, "POST", "/volume/v3/snapshots", VV, snap);
    kn_copy(snapshot, sizeof(snapshot), kn_whole_cloud_text("snapshot.id"));
    settled();
    return 0;
}

int main(void)
{
    kn_test_needs("qemu-img");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(of_an_image, kn_whole_cloud_sound),
        cmocka_unit_test_teardown(of_what_is_there, kn_whole_cloud_sound),
        cmocka_unit_test_teardown(what_is_refused, kn_whole_cloud_sound),
        cmocka_unit_test_teardown(what_fails, kn_whole_cloud_sound),
        cmocka_unit_test_teardown(of_several_servers, kn_whole_cloud_sound),
        cmocka_unit_test_teardown(killed_and_deleted_in_the_middle, kn_whole_cloud_sound),
        cmocka_unit_test_teardown(shelved, kn_whole_cloud_sound),
        cmocka_unit_test_teardown(rescued, kn_whole_cloud_sound),
        cmocka_unit_test_teardown(rebuilt_of, kn_whole_cloud_sound),
        cmocka_unit_test_teardown(grown_while_it_is_used, kn_whole_cloud_sound),
    };

    return cmocka_run_group_tests(tests, start_cloud, kn_whole_cloud_teardown);
}
