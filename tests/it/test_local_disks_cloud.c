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
static bool dies = true; /* what the server has, with it */

static void is_settled(int which)
{
    AUTO_FREE char *sql = kn_asprintf(
        "SELECT count(*) FROM attachment a JOIN volume v ON v.id = a.volume_id WHERE a.server_id = $1 AND a.volume_id = '%s' AND a.status = 'attached' "
        "AND v.status = 'in-use' AND a.device = '/dev/vdb' AND a.tag = 'data' AND a.delete_on_termination = %s AND a.connection->>'serial' = a.volume_id::text",
        volumes[which], dies ? "true" : "false");

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

/* Said of the old one while the swap is under way: so is the new one. When that came too late nothing was accepted. */
static void change_meanwhile(void)
{
    AUTO_FREE char *path = kn_asprintf("/compute/v2.1/servers/%s/os-volume_attachments/%s", server, volumes[has]),
                   *body = kn_asprintf("{\"volumeAttachment\": {\"volumeId\": \"%s\", \"delete_on_termination\": %s}}",
                                       volumes[has], dies ? "false" : "true");
    const int status = kn_whole_cloud_ask("PUT", path, KN_WHOLE_JSON "OpenStack-API-Version: compute 2.85\r\n", body);

    assert_true(status == 202 || status == 404);
    dies = status == 202 ? !dies : dies;
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

static void attach_first(void)
{
    AUTO_FREE char *path = kn_asprintf("/compute/v2.1/servers/%s/os-volume_attachments", server),
                   *attach = kn_asprintf("{\"volumeAttachment\": {\"volumeId\": \"%s\", \"tag\": \"data\", "
                                         "\"delete_on_termination\": true}}",
                                         volumes[0]);

    kn_whole_cloud_expect(200, "POST", path, KN_WHOLE_JSON "OpenStack-API-Version: compute 2.80\r\n", attach);
    has = 0;
    dies = true;
    is_settled(0);
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
    attach_first();
}

/* Which of the two it is then is what the server's history says; and nothing is anybody's that a guest still has. */
static void they_change_places(void **state)
{
    static const char *const DAEMONS[] = { "kilonova-agent", "kilonova-conductor", "kilonova-volume" };

    (void)state;
    make_server_with_volumes();
    for (int i = 0; i < 6; i++) {
        swap(202);
        change_meanwhile();
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

static void let_go(int which)
{
    AUTO_FREE char *action = kn_asprintf("/volume/v3/volumes/%s/action", volumes[which]),
                   *volume = kn_asprintf("/volume/v3/volumes/%s", volumes[which]),
                   *path = kn_asprintf("/compute/v2.1/servers/%s/os-volume_attachments/%s", server, volumes[which]);

    ask(400, "DELETE", volume, NULL);
    ask(400, "DELETE", path, NULL);
    ask(202, "POST", action, "{\"os-reset_status\": {\"status\": \"in-use\"}}");
    ask(400, "DELETE", volume, NULL);
    ask(202, "DELETE", path, NULL);
    kn_whole_cloud_await(IDLE, 0);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM volume WHERE id = $1 AND status = 'available'",
                                          volumes[which]),
                     1);
}

/* What a host did not take back (test_change.c): whichever the guest has, an administrator lets both go, and their host is asked. */
static void what_is_in_doubt_is_asked_for(void **state)
{
    AUTO_FREE char *sql = kn_asprintf(
        "INSERT INTO attachment (id, volume_id, server_id, status, tag, device) SELECT gen_random_uuid(), '%s', server_id, 'attaching', tag, device FROM attachment; "
        "UPDATE attachment SET status = 'detaching' WHERE status = 'attached'; UPDATE volume SET status = volume_status(id); "
        "UPDATE server SET vm_state = 'error' WHERE deleted_at IS NULL",
        volumes[1 - has]);
    struct kn_error err = { 0 };

    (void)state;
    kn_whole_cloud_act(server, 202, NEW, "{\"os-start\": null}");
    kn_whole_cloud_await(IDLE, 0);
    assert_ok(kn_db_script(kn_whole.db, sql, &err), &err);
    kn_whole_cloud_act(server, 202, NEW, "{\"os-resetState\": {\"state\": \"active\"}}");
    let_go(has);
    let_go(1 - has);
    assert_true(kn_whole_cloud_is_sound());
    attach_first();
    kn_whole_cloud_act(server, 202, NEW, "{\"os-stop\": null}");
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
                                        cmocka_unit_test(what_is_in_doubt_is_asked_for),
                                        cmocka_unit_test(what_fails_is_taken_back) };

    return cmocka_run_group_tests(tests, start_cloud, kn_whole_cloud_teardown);
}
