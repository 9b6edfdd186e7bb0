/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encrypted volumes in a whole cloud on simulated hosts: an agent and kilonova-volume that speak of keys, on both back ends; servers that get one, lose it, boot from it, are shelved and built again; daemons that are killed and a
 * key file that is another's. What is not done with such volumes is refused in words. Nobody's rows, messages and files have a key in the clear, and the audit finds every promise kept.
 */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/adapter/crypto.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "tests/support/needs.h"
#include "tests/support/whole_cloud.h"

#define SERVERS "/compute/v2.1/servers"
#define VOLUMES "/volume/v3/volumes"
#define TYPES "/volume/v3/types"
#define V KN_WHOLE_JSON "OpenStack-API-Version: compute 2.93\r\n"
#define VV KN_WHOLE_JSON "OpenStack-API-Version: volume 3.71\r\n"
#define BUSY "SELECT count(*) FROM task WHERE state IN ('run', 'undo')"
#define MASTER "0123456789abcdef0123456789abcdef"
#define OF_ANOTHER "fedcba9876543210fedcba9876543210"

static const char *const BACKENDS[] = { "file", "nbd" };
static char flavor[64], image[KN_UUID_SIZE], key_dir[KN_TEST_DIR], one[KN_UUID_SIZE], two[KN_UUID_SIZE];

static void settled(void)
{
    kn_whole_cloud_await(BUSY, 0);
}

static void key_file(const char *bytes)
{
    struct kn_error err = { 0 };

    assert_ok(kn_file_replace(key_dir, "master", bytes, 32, &err), &err);
}

static void said(const char *words)
{
    assert_non_null(strstr(kn_whole.http.body.buf, words));
}

static void refused(const char *method, const char *path, const char *headers, const char *body, const char *words)
{
    kn_whole_cloud_expect(400, method, path, headers, body);
    said(words);
}

static void is(const char *table, const char *id, const char *status)
{
    AUTO_FREE char *sql = kn_asprintf("SELECT count(*) FROM %s WHERE id = $1 AND status = '%s'", table, status);

    assert_int_equal(kn_whole_cloud_count(sql, id), 1);
}

static void server(const char *bdm, char ret[KN_UUID_SIZE])
{
    AUTO_FREE char *body =
        kn_asprintf("{\"server\": {\"name\": \"s\", \"flavorRef\": \"%s\", \"networks\": \"none\", %s}}", flavor, bdm);

    kn_whole_cloud_expect(202, "POST", SERVERS, V, body);
    kn_copy(ret, KN_UUID_SIZE, kn_whole_cloud_text("server.id"));
    settled();
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM server WHERE id = $1 AND vm_state = 'active'", ret), 1);
}

static void ask_for(const char *backend, char ret[KN_UUID_SIZE])
{
    AUTO_FREE char *body = kn_asprintf("{\"volume\": {\"size\": 1, \"volume_type\": \"secret-%s\"}}", backend);

    kn_whole_cloud_expect(202, "POST", VOLUMES, VV, body);
    said("\"encrypted\":true");
    kn_copy(ret, KN_UUID_SIZE, kn_whole_cloud_text("volume.id"));
}

static void volume(const char *backend, char ret[KN_UUID_SIZE])
{
    ask_for(backend, ret);
    settled();
    is("volume", ret, "available");
}

static void attach(const char *to, const char *which)
{
    AUTO_FREE char *path = kn_asprintf(SERVERS "/%s/os-volume_attachments", to);
    AUTO_FREE char *body = kn_asprintf("{\"volumeAttachment\": {\"volumeId\": \"%s\"}}", which);

    kn_whole_cloud_expect(200, "POST", path, V, body);
}

static void detach(const char *from, const char *which)
{
    AUTO_FREE char *path = kn_asprintf(SERVERS "/%s/os-volume_attachments/%s", from, which);

    kn_whole_cloud_expect(202, "DELETE", path, V, NULL);
    settled();
    is("volume", which, "available");
}

static void delete(const char *where, int status, const char *id)
{
    AUTO_FREE char *path = kn_asprintf("%s/%s", where, id);

    kn_whole_cloud_expect(status, "DELETE", path, VV, NULL);
    settled();
}

/* What opens the disk, as kilonova-volume has it. */
static char *key_of(const char *which)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };
    char *key = NULL;

    assert_ok(kn_db_query(kn_whole.db, "SELECT id, sealed FROM volume_key WHERE volume_id = $1", 1, KN_ARGS(which),
                          &rows, &err),
              &err);
    assert_int_equal(kn_rows_count(rows), 1);
    assert_ok(kn_unseal((const uint8_t *)MASTER, kn_rows_text(rows, 0, 0), kn_rows_text(rows, 0, 1), &key, &err), &err);
    assert_int_equal(strlen(key), 64);
    return key;
}

static void nobody_has_it_in_the_clear(const char *which)
{
    static const char *const TABLES[] = { "task", "attachment", "volume", "volume_key", "server", "volume_message" };
    AUTO_FREE char *key = key_of(which);
    AUTO_FREE char *look = kn_asprintf("! printf %%s %s | grep -rqsf - %s && ! cat /proc/[0-9]*/cmdline 2>/dev/null | "
                                       "tr '\\0' ' ' | grep -v grep | grep -q 'secret.*%s'",
                                       key, kn_whole.dir, key);

    for (size_t i = 0; i < KN_COUNT(TABLES); i++) {
        AUTO_FREE char *sql = kn_asprintf("SELECT count(*) FROM %s t WHERE t::text LIKE '%%' || $1 || '%%'", TABLES[i]);

        assert_int_equal(kn_whole_cloud_count(sql, key), 0);
    }
    assert_int_equal(system(look), 0);
}

/* From one server to another, and everything that such a volume is not used for. */
static void goes_from_server_to_server(void **state)
{
    (void)state;
    for (size_t i = 0; i < KN_COUNT(BACKENDS); i++) {
        char id[KN_UUID_SIZE], plain[KN_UUID_SIZE];

        volume(BACKENDS[i], id);
        attach(one, id);
        settled();
        is("volume", id, "in-use");
        assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM attachment WHERE volume_id = $1 AND status = "
                                              "'attached' AND connection->>'format' = 'luks'",
                                              id),
                         1);
        nobody_has_it_in_the_clear(id);
        kn_whole_cloud_expect(202, "POST", VOLUMES, VV, "{\"volume\": {\"size\": 1}}");
        kn_copy(plain, sizeof(plain), kn_whole_cloud_text("volume.id"));
        settled();
        AUTO_FREE char *swap = kn_asprintf(SERVERS "/%s/os-volume_attachments/%s", one, id),
                       *to = kn_asprintf("{\"volumeAttachment\": {\"volumeId\": \"%s\"}}", plain),
                       *action = kn_asprintf(VOLUMES "/%s/action", id),
                       *backup = kn_asprintf("{\"backup\": {\"volume_id\": \"%s\", \"force\": true}}", id),
                       *snapshot = kn_asprintf("{\"snapshot\": {\"volume_id\": \"%s\", \"force\": true}}", id);
        refused("PUT", swap, V, to, "Only raw and qcow2 disks are swapped");
        refused("POST", action, VV, "{\"os-extend\": {\"new_size\": 2}}", "is encrypted");
        refused("POST", action, VV, "{\"os-volume_upload_image\": {\"image_name\": \"i\", \"force\": true}}", "");
        refused("POST", "/volume/v3/backups", VV, backup, "is encrypted");
        refused("POST", "/volume/v3/snapshots", VV, snapshot, "is encrypted");
        detach(one, id);
        attach(two, id);
        kn_whole_cloud_restart("kilonova-volume");
        kn_whole_cloud_restart("kilonova-agent");
        settled();
        is("volume", id, "in-use");
        detach(two, id);
        delete (VOLUMES, 202, id);
        delete (VOLUMES, 202, plain);
    }
    kn_whole_cloud_await("SELECT count(*) FROM volume_key", 0);
}

/* Whoever keeps the wrong file opens nothing, spoils nothing and makes nothing that the right one would not open; whoever lists services sees why. */
static void another_key_file_opens_nothing(void **state)
{
    char id[KN_UUID_SIZE], not_made[KN_UUID_SIZE];

    (void)state;
    volume("file", id);
    key_file(OF_ANOTHER);
    kn_whole_cloud_restart("kilonova-volume");
    attach(one, id);
    settled();
    is("volume", id, "available");
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM attachment WHERE volume_id = $1", id), 0);
    kn_whole_cloud_await("SELECT count(*) FROM service WHERE stuck LIKE '%opens 0 of 1 keys%'", 1);
    ask_for("file", not_made);
    settled();
    is("volume", not_made, "error");
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM volume_key WHERE volume_id <> $1", id), 0);
    key_file(MASTER);
    kn_whole_cloud_restart("kilonova-volume");
    kn_whole_cloud_await("SELECT count(*) FROM service WHERE stuck IS NOT NULL", 0);
    delete (VOLUMES, 202, not_made);
    attach(one, id);
    settled();
    is("volume", id, "in-use");
    detach(one, id);
    delete (VOLUMES, 202, id);
}

static void act(const char *id, const char *body, const char *vm_state)
{
    AUTO_FREE char *sql =
        kn_asprintf("SELECT count(*) FROM server WHERE id = $1 AND vm_state = '%s' AND task_state IS NULL", vm_state);

    kn_whole_cloud_act(id, 202, V, body);
    settled();
    assert_int_equal(kn_whole_cloud_count(sql, id), 1);
}

/* A root disk like any other; what would write an image over it, or make one of it, is refused. */
static void a_server_boots_from_one(void **state)
{
    char id[KN_UUID_SIZE], booted[KN_UUID_SIZE];

    (void)state;
    AUTO_FREE char *made = kn_asprintf("{\"server\": {\"name\": \"s\", \"flavorRef\": \"%s\", \"networks\": \"none\", "
                                       "\"block_device_mapping_v2\": [{\"source_type\": \"image\", \"uuid\": \"%s\", "
                                       "\"destination_type\": \"volume\", \"volume_size\": 1, \"boot_index\": 0, "
                                       "\"volume_type\": \"secret-file\"}]}}",
                                       flavor, image);
    refused("POST", SERVERS, V, made, "encrypts");
    volume("file", id);
    AUTO_FREE char *action = kn_asprintf(VOLUMES "/%s/action", id),
                   *bdm = kn_asprintf("\"block_device_mapping_v2\": [{\"source_type\": \"volume\", \"uuid\": \"%s\", "
                                      "\"destination_type\": \"volume\", \"boot_index\": 0}]",
                                      id),
                   *rebuild = kn_asprintf("{\"rebuild\": {\"imageRef\": \"%s\"}}", image);
    kn_whole_cloud_expect(200, "POST", action, VV, "{\"os-set_bootable\": {\"bootable\": true}}");
    server(bdm, booted);
    is("volume", id, "in-use");
    AUTO_FREE char *path = kn_asprintf(SERVERS "/%s/action", booted);
    refused("POST", path, V, rebuild, "");
    refused("POST", path, V, "{\"createImage\": {\"name\": \"i\"}}", "is encrypted");
    act(booted, "{\"os-stop\": null}", "stopped");
    act(booted, "{\"os-start\": null}", "active");
    act(booted, "{\"reboot\": {\"type\": \"HARD\"}}", "active");
    act(booted, "{\"shelve\": null}", "shelved_offloaded");
    act(booted, "{\"unshelve\": null}", "active");
    refused("POST", path, V, "{\"rescue\": null}", "cannot be rescued");
    nobody_has_it_in_the_clear(id);
    delete (SERVERS, 204, booted);
    is("volume", id, "available");
    delete (VOLUMES, 202, id);
}

static void make_type(const char *backend)
{
    AUTO_FREE char *body =
        kn_asprintf("{\"volume_type\": {\"name\": \"secret-%s\", \"extra_specs\": {\"volume_backend_name\": \"%s\"}}}",
                    backend, backend);

    kn_whole_cloud_expect(200, "POST", TYPES, VV, body);
    AUTO_FREE char *path = kn_asprintf(TYPES "/%s/encryption", kn_whole_cloud_text("volume_type.id"));
    kn_whole_cloud_expect(200, "POST", path, VV,
                          "{\"encryption\": {\"provider\": \"luks\", \"control_location\": \"front-end\", "
                          "\"cipher\": \"aes-xts-plain64\", \"key_size\": 256}}");
}

static int start_cloud(void **state)
{
    (void)state;
    kn_test_dir(key_dir, "master");
    AUTO_FREE char *path = kn_asprintf("%s/master", key_dir);

    key_file(MASTER);
    setenv("KILONOVA_VOLUME_KEY_FILE", path, 1);
    setenv("KILONOVA_VOLUME_DRIVER", "file, nbd", 1);
    setenv("KILONOVA_AGENT_SIM_SPAWN_MS", "1", 1);
    kn_whole_cloud_start("2");
    kn_copy(image, sizeof(image), kn_whole_cloud_image());
    kn_copy(flavor, sizeof(flavor), kn_whole_cloud_flavor());
    for (size_t i = 0; i < KN_COUNT(BACKENDS); i++) {
        make_type(BACKENDS[i]);
    }
    AUTO_FREE char *of_image = kn_asprintf("\"imageRef\": \"%s\"", image);
    server(of_image, one);
    server(of_image, two);
    return 0;
}

static int stop_cloud(void **state)
{
    AUTO_FREE char *path = kn_asprintf("%s/master", key_dir);

    kn_whole_cloud_stop();
    unlink(path);
    rmdir(key_dir);
    (void)state;
    return 0;
}

int main(void)
{
    kn_test_needs("qemu-img");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(goes_from_server_to_server, kn_whole_cloud_sound),
        cmocka_unit_test_teardown(another_key_file_opens_nothing, kn_whole_cloud_sound),
        cmocka_unit_test_teardown(a_server_boots_from_one, kn_whole_cloud_sound),
    };

    return cmocka_run_group_tests(tests, start_cloud, stop_cloud);
}
