/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disks in a whole cloud on simulated hosts. Ephemeral ones and swap: the host's room counts all of a server's disks, a volume gets the next name, and nothing is left behind. Volumes that change places,
 * whoever is killed meanwhile.
 */
#include "tests/support/test.h"

#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/whole_cloud.h"

#define NEW KN_WHOLE_JSON "OpenStack-API-Version: compute 2.42\r\n"

static void ask(int status, const char *method, const char *path, const char *body)
{
    kn_whole_cloud_expect(status, method, path, NEW, body);
}

static void they_are_counted(void **state)
{
    char id[KN_UUID_SIZE], image[KN_UUID_SIZE], volume[KN_UUID_SIZE];

    (void)state;
    kn_copy(image, sizeof(image), kn_whole_cloud_image());
    ask(200, "POST", "/compute/v2.1/flavors",
        "{\"flavor\": {\"name\": \"roomy\", \"id\": \"roomy\", \"ram\": 64, \"vcpus\": 1, \"disk\": 2, "
        "\"OS-FLV-EXT-DATA:ephemeral\": 3, \"swap\": 1500}}");
    AUTO_FREE char *body = kn_asprintf("{\"server\": {\"name\": \"s\", \"flavorRef\": \"roomy\", \"imageRef\": \"%s\", "
                                       "\"networks\": \"none\"}}",
                                       image);

    ask(202, "POST", "/compute/v2.1/servers", body);
    kn_copy(id, sizeof(id), kn_whole_cloud_text("server.id"));
    kn_whole_cloud_await("SELECT count(*) FROM server WHERE vm_state = 'active'", 1);
    assert_int_equal(kn_whole_cloud_count("SELECT disk_gib FROM allocation WHERE server_id = $1::text::uuid", id),
                     2 + 3 + 2);
    assert_int_equal(kn_whole_cloud_count("SELECT sum(used_disk_gib) FROM host", NULL), 7);
    assert_true(kn_whole_cloud_is_sound());

    ask(202, "POST", "/volume/v3/volumes", "{\"volume\": {\"size\": 1}}");
    kn_copy(volume, sizeof(volume), kn_whole_cloud_text("volume.id"));
    kn_whole_cloud_await("SELECT count(*) FROM volume WHERE status = 'available'", 1);
    AUTO_FREE char *attach = kn_asprintf("{\"volumeAttachment\": {\"volumeId\": \"%s\", \"device\": \"/dev/vdb\"}}",
                                         volume),
                   *path = kn_asprintf("/compute/v2.1/servers/%s/os-volume_attachments", id),
                   *self = kn_asprintf("/compute/v2.1/servers/%s", id);

    ask(200, "POST", path, attach);
    kn_whole_cloud_await("SELECT count(*) FROM attachment WHERE status = 'attached' AND device = '/dev/vdd'", 1);
    assert_true(kn_whole_cloud_is_sound());
    ask(204, "DELETE", self, NULL);
    kn_whole_cloud_await("SELECT count(*) FROM server WHERE deleted_at IS NULL", 0);
    assert_int_equal(kn_whole_cloud_count("SELECT sum(used_disk_gib) FROM host", NULL), 0);
    assert_true(kn_whole_cloud_is_sound());
}

/* --- volumes that change places ----------------------------------------------------------------------------------------------- */

#define IDLE "SELECT count(*) FROM task WHERE state IN ('run', 'undo')"

static char server[KN_UUID_SIZE], volumes[2][KN_UUID_SIZE];
static int has;

static void is_settled(int which)
{
    AUTO_FREE char *sql = kn_asprintf(
        "SELECT count(*) FROM attachment a JOIN volume v ON v.id = a.volume_id WHERE a.server_id = $1 AND a.volume_id = '%s' AND a.status = 'attached' "
        "AND v.status = 'in-use' AND a.device = '/dev/vdb' AND a.tag = 'data' AND a.delete_on_termination AND a.connection->>'serial' = a.volume_id::text",
        volumes[which]);

    kn_whole_cloud_await(IDLE, 0);
    assert_int_equal(kn_whole_cloud_count(sql, server), 1);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM attachment", NULL), 1);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM volume WHERE id = $1 AND status = 'available'",
                                          volumes[1 - which]),
                     1);
    assert_true(kn_whole_cloud_is_sound());
}

static int swap_status(void)
{
    AUTO_FREE char *path = kn_asprintf("/compute/v2.1/servers/%s/os-volume_attachments/%s", server, volumes[has]),
                   *body = kn_asprintf("{\"volumeAttachment\": {\"volumeId\": \"%s\"}}", volumes[1 - has]);

    return kn_whole_cloud_ask("PUT", path, NEW, body);
}

static void swap(int status)
{
    assert_int_equal(swap_status(), status);
}

/* Its guest is off, and nobody has said so yet. */
static void swap_in_vain(void)
{
    struct kn_error err = { 0 };

    do {
        assert_ok(kn_db_script(kn_whole.db, "UPDATE server SET vm_state = 'active' WHERE deleted_at IS NULL", &err),
                  &err);
    } while (swap_status() != 202);
    kn_whole_cloud_await(IDLE, 0);
    assert_ok(kn_db_script(kn_whole.db, "UPDATE server SET vm_state = 'stopped' WHERE deleted_at IS NULL", &err), &err);
}

static void make_server_with_volumes(void)
{
    AUTO_FREE char *body = kn_asprintf("{\"server\": {\"name\": \"s\", \"flavorRef\": \"%s\", \"imageRef\": \"%s\", "
                                       "\"networks\": \"none\"}}",
                                       kn_whole_cloud_flavor(), kn_whole_cloud_image());

    ask(202, "POST", "/compute/v2.1/servers", body);
    kn_copy(server, sizeof(server), kn_whole_cloud_text("server.id"));
    for (int i = 0; i < 2; i++) {
        ask(202, "POST", "/volume/v3/volumes", "{\"volume\": {\"size\": 1}}");
        kn_copy(volumes[i], sizeof(volumes[i]), kn_whole_cloud_text("volume.id"));
    }
    kn_whole_cloud_await(IDLE, 0);
    AUTO_FREE char *path = kn_asprintf("/compute/v2.1/servers/%s/os-volume_attachments", server),
                   *attach = kn_asprintf("{\"volumeAttachment\": {\"volumeId\": \"%s\", \"tag\": \"data\", "
                                         "\"delete_on_termination\": true}}",
                                         volumes[0]);

    kn_whole_cloud_expect(200, "POST", path, KN_WHOLE_JSON "OpenStack-API-Version: compute 2.80\r\n", attach);
    is_settled(0);
}

/* Which of the two it is then is what the server's history says; and nothing is anybody's that a guest still has. */
static void they_change_places(void **state)
{
    static const char *const DAEMONS[] = { "kilonova-agent", "kilonova-conductor", "kilonova-volume" };

    (void)state;
    make_server_with_volumes();
    for (int i = 0; i < 6; i++) {
        swap(202);
        if (i > 0) {
            kn_whole_cloud_restart(DAEMONS[i % 3]);
        }
        has = 1 - has;
        is_settled(has);
    }
    kn_whole_cloud_act(server, 202, NEW, "{\"pause\": null}");
    kn_whole_cloud_await(IDLE, 0);
    swap(202);
    has = 1 - has;
    is_settled(has);
    kn_whole_cloud_act(server, 202, NEW, "{\"unpause\": null}");
    kn_whole_cloud_await(IDLE, 0);
    kn_whole_cloud_act(server, 202, NEW, "{\"os-stop\": null}");
    swap(409);
    kn_whole_cloud_await(IDLE, 0);
}

/* A guest that is off when its host is told (nobody knew it): both are what they were. */
static void what_fails_is_taken_back(void **state)
{
    AUTO_FREE char *self = kn_asprintf("/compute/v2.1/servers/%s", server);

    (void)state;
    swap_in_vain();
    is_settled(has);
    assert_int_equal(
        kn_whole_cloud_count(
            "SELECT count(*) FROM task WHERE kind = 'server.swap_volume' AND state = 'failed' AND object_id = $1",
            server),
        1);
    kn_whole_cloud_act(server, 202, NEW, "{\"os-start\": null}");
    kn_whole_cloud_await(IDLE, 0);
    swap(202);
    ask(204, "DELETE", self, NULL);
    kn_whole_cloud_await("SELECT count(*) FROM server WHERE deleted_at IS NULL", 0);
    kn_whole_cloud_await(IDLE, 0);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM attachment", NULL), 0);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM volume WHERE status <> 'available'", NULL), 0);
    assert_true(kn_whole_cloud_is_sound());
}

static int start_cloud(void **state)
{
    (void)state;
    kn_whole_cloud_start("2");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(they_are_counted), cmocka_unit_test(they_change_places),
                                        cmocka_unit_test(what_fails_is_taken_back) };

    return cmocka_run_group_tests(tests, start_cloud, kn_whole_cloud_teardown);
}
