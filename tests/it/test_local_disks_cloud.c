/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ephemeral disks and swap in a whole cloud on simulated hosts: the host's room counts all of a server's disks, a volume gets the next name, and nothing is left behind.
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
    char server[KN_UUID_SIZE], image[KN_UUID_SIZE], volume[KN_UUID_SIZE];

    (void)state;
    kn_copy(image, sizeof(image), kn_whole_cloud_image());
    ask(200, "POST", "/compute/v2.1/flavors",
        "{\"flavor\": {\"name\": \"roomy\", \"id\": \"roomy\", \"ram\": 64, \"vcpus\": 1, \"disk\": 2, "
        "\"OS-FLV-EXT-DATA:ephemeral\": 3, \"swap\": 1500}}");
    AUTO_FREE char *body = kn_asprintf("{\"server\": {\"name\": \"s\", \"flavorRef\": \"roomy\", \"imageRef\": \"%s\", "
                                       "\"networks\": \"none\"}}",
                                       image);

    ask(202, "POST", "/compute/v2.1/servers", body);
    kn_copy(server, sizeof(server), kn_whole_cloud_text("server.id"));
    kn_whole_cloud_await("SELECT count(*) FROM server WHERE vm_state = 'active'", 1);
    assert_int_equal(kn_whole_cloud_count("SELECT disk_gib FROM allocation WHERE server_id = $1::text::uuid", server),
                     2 + 3 + 2);
    assert_int_equal(kn_whole_cloud_count("SELECT sum(used_disk_gib) FROM host", NULL), 7);
    assert_true(kn_whole_cloud_is_sound());

    ask(202, "POST", "/volume/v3/volumes", "{\"volume\": {\"size\": 1}}");
    kn_copy(volume, sizeof(volume), kn_whole_cloud_text("volume.id"));
    kn_whole_cloud_await("SELECT count(*) FROM volume WHERE status = 'available'", 1);
    AUTO_FREE char *attach = kn_asprintf("{\"volumeAttachment\": {\"volumeId\": \"%s\", \"device\": \"/dev/vdb\"}}",
                                         volume),
                   *path = kn_asprintf("/compute/v2.1/servers/%s/os-volume_attachments", server),
                   *self = kn_asprintf("/compute/v2.1/servers/%s", server);

    ask(200, "POST", path, attach);
    kn_whole_cloud_await("SELECT count(*) FROM attachment WHERE status = 'attached' AND device = '/dev/vdd'", 1);
    assert_true(kn_whole_cloud_is_sound());
    ask(204, "DELETE", self, NULL);
    kn_whole_cloud_await("SELECT count(*) FROM server WHERE deleted_at IS NULL", 0);
    assert_int_equal(kn_whole_cloud_count("SELECT sum(used_disk_gib) FROM host", NULL), 0);
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
    const struct CMUnitTest tests[] = { cmocka_unit_test(they_are_counted) };

    return cmocka_run_group_tests(tests, start_cloud, kn_whole_cloud_teardown);
}
