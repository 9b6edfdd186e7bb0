/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Servers that are shelved and come back, in a whole cloud on simulated hosts: what they hold meanwhile (their ports and volumes, no host), the image that they are kept
 * in, where they come back, what is refused, and daemons that die in the middle; after all of it the audit finds every promise kept.
 */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/process.h"
#include "tests/support/whole_cloud.h"

#define SERVERS "/compute/v2.1/servers"
#define V(minor) KN_WHOLE_JSON "OpenStack-API-Version: compute 2." minor "\r\n"
#define IS(state) \
    "SELECT count(*) FROM server WHERE vm_state = '" state "' AND task_state IS NULL AND deleted_at IS NULL"
#define KEPT_IN "SELECT count(*) FROM image WHERE name = 's-shelved' AND deleted_at IS NULL AND status = 'active'"
#define UNDECIDED "SELECT count(*) FROM image WHERE status IN ('queued', 'saving') AND deleted_at IS NULL"

static char server[KN_UUID_SIZE], make[512];

static void sound(void)
{
    kn_whole_cloud_await("SELECT count(*) FROM task WHERE state IN ('run', 'undo')", 0);
    kn_whole_cloud_await(UNDECIDED, 0);
    assert_true(kn_whole_cloud_is_sound());
}

static const char *shown(const char *member)
{
    AUTO_FREE char *path = kn_asprintf(SERVERS "/%s", server);

    kn_whole_cloud_expect(200, "GET", path, V("96"), NULL);
    return kn_whole_cloud_text(member);
}

static void make_server(void)
{
    kn_whole_cloud_expect(202, "POST", SERVERS, V("37"), make);
    kn_copy(server, sizeof(server), kn_whole_cloud_text("server.id"));
    kn_whole_cloud_await(IS("active"), 1);
}

static void there_and_back(void **state)
{
    const char *mac, *image;

    (void)state;
    mac = shown("server.addresses.n.0.OS-EXT-IPS-MAC:mac_addr");
    image = shown("server.image.id");
    kn_whole_cloud_act(server, 202, V("1"), "{\"shelve\": null}");
    kn_whole_cloud_await(IS("shelved_offloaded"), 1);
    kn_whole_cloud_await(KEPT_IN, 1);
    assert_string_equal(shown("server.status"), "SHELVED_OFFLOADED");
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM allocation WHERE server_id = $1", server), 0);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM port_binding b JOIN port p ON p.id = b.port_id "
                                          "WHERE p.device_id = $1::text",
                                          server),
                     0);
    assert_int_equal(
        kn_whole_cloud_count("SELECT count(*) FROM server WHERE id = $1 AND host IS NULL AND power_state = 0", server),
        1);
    sound();
    kn_whole_cloud_act(server, 409, V("1"), "{\"shelve\": null}");
    kn_whole_cloud_act(server, 409, V("1"), "{\"shelveOffload\": null}");
    kn_whole_cloud_act(server, 409, V("1"), "{\"os-start\": null}");
    kn_whole_cloud_act(server, 409, V("1"), "{\"createImage\": {\"name\": \"n\"}}");
    kn_whole_cloud_act(server, 202, V("1"), "{\"unshelve\": null}");
    kn_whole_cloud_await(IS("active"), 1);
    kn_whole_cloud_await(KEPT_IN, 0); /* nobody needs it any more */
    assert_string_equal(shown("server.addresses.n.0.OS-EXT-IPS-MAC:mac_addr"), mac);
    assert_string_equal(shown("server.image.id"), image);
    sound();
    AUTO_FREE char *actions = kn_asprintf(SERVERS "/%s/os-instance-actions", server);

    kn_whole_cloud_expect(200, "GET", actions, V("1"), NULL);
    assert_string_equal(kn_whole_cloud_text("instanceActions.0.action"), "unshelve");
    assert_string_equal(kn_whole_cloud_text("instanceActions.1.action"), "shelve"); /* it leaves its host in that */
    AUTO_FREE char *shelve = kn_asprintf("%s/%s", actions, kn_whole_cloud_text("instanceActions.1.request_id"));

    kn_whole_cloud_expect(200, "GET", shelve, V("51"), NULL);
    assert_string_equal(kn_whole_cloud_text("instanceAction.action"), "shelve");
    assert_non_null(strstr(kn_whole.http.body.buf, "compute_shelve_instance"));
    assert_non_null(strstr(kn_whole.http.body.buf, "compute_shelve_offload_instance"));
    kn_whole_cloud_act(server, 409, V("1"), "{\"unshelve\": null}");
}

static void from_any_state(void **state)
{
    static const char *const BEFORE[][2] = { { "{\"os-stop\": null}", "stopped" },
                                             { "{\"pause\": null}", "paused" },
                                             { "{\"suspend\": null}", "suspended" } };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BEFORE); i++) {
        AUTO_FREE char *is = kn_asprintf("SELECT count(*) FROM server WHERE vm_state = '%s' AND task_state IS NULL",
                                         BEFORE[i][1]);

        kn_whole_cloud_act(server, 202, V("1"), BEFORE[i][0]);
        kn_whole_cloud_await(is, 1);
        kn_whole_cloud_act(server, 202, V("1"), "{\"shelve\": null}");
        kn_whole_cloud_await(IS("shelved_offloaded"), 1);
        kn_whole_cloud_act(server, 202, V("1"), "{\"unshelve\": null}");
        kn_whole_cloud_await(IS("active"), 1);
    }
    sound();
}

/* To a zone from 2.77 on, to a host from 2.91 on, and only of a server that has none. */
static void where_it_comes_back(void **state)
{
    AUTO_FREE char *other = NULL, *to = NULL;

    (void)state;
    kn_whole_cloud_act(server, 202, V("1"), "{\"shelve\": null}");
    kn_whole_cloud_await(IS("shelved_offloaded"), 1);
    kn_whole_cloud_act(server, 400, V("77"), "{\"unshelve\": {}}");
    kn_whole_cloud_act(server, 400, V("77"), "{\"unshelve\": {\"availability_zone\": \"nowhere\"}}");
    kn_whole_cloud_act(server, 400, V("77"), "{\"unshelve\": {\"availability_zone\": null}}");
    kn_whole_cloud_act(server, 400, V("90"), "{\"unshelve\": {\"availability_zone\": \"nova\", \"host\": \"h\"}}");
    kn_whole_cloud_act(server, 400, V("91"), "{\"unshelve\": {\"host\": \"none\"}}");
    assert_int_equal(kn_whole_cloud_count(IS("shelved_offloaded"), NULL), 1);
    kn_whole_cloud_act(server, 202, V("77"), "{\"unshelve\": {\"availability_zone\": \"nova\"}}");
    kn_whole_cloud_await(IS("active"), 1);
    assert_string_equal(shown("server.pinned_availability_zone"), "nova");
    other = kn_strdup(strcmp(shown("server.OS-EXT-SRV-ATTR:host"), "whole-00001") == 0 ? "whole-00002" : "whole-00001");
    kn_whole_cloud_act(server, 202, V("1"), "{\"shelve\": null}");
    kn_whole_cloud_await(IS("shelved_offloaded"), 1);
    to = kn_asprintf("{\"unshelve\": {\"availability_zone\": null, \"host\": \"%s\"}}", other);
    kn_whole_cloud_act(server, 202, V("91"), to);
    kn_whole_cloud_await(IS("active"), 1);
    assert_string_equal(shown("server.OS-EXT-SRV-ATTR:host"), other);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM server WHERE id = $1 AND pinned_zone IS NULL", server),
                     1);
    sound();
}

/* The image is somebody's to delete: then the server cannot come back, and says so; it is shelved as before. */
static void what_fails_leaves_it_shelved(void **state)
{
    struct kn_error err = { 0 };

    (void)state;
    kn_whole_cloud_act(server, 202, V("1"), "{\"shelve\": null}");
    kn_whole_cloud_await(IS("shelved_offloaded"), 1);
    assert_ok(kn_db_script(kn_whole.db,
                           "UPDATE image SET status = 'deactivated' WHERE name = 's-shelved' AND deleted_at IS NULL",
                           &err),
              &err);
    kn_whole_cloud_act(server, 202, V("1"), "{\"unshelve\": null}");
    kn_whole_cloud_await("SELECT count(*) FROM task WHERE state IN ('run', 'undo')", 0);
    kn_whole_cloud_await(IS("shelved_offloaded"), 1);
    sound();
    assert_ok(kn_db_script(kn_whole.db,
                           "UPDATE image SET status = 'active' WHERE name = 's-shelved' AND deleted_at IS NULL", &err),
              &err);
    kn_whole_cloud_act(server, 202, V("1"), "{\"unshelve\": null}");
    kn_whole_cloud_await(IS("active"), 1);
    kn_whole_cloud_await(KEPT_IN, 0);
    sound();
}

/* A server that is on no host gets volumes and loses them; it finds them when it comes back, as what it was told they would be. */
static void volumes_come_and_go_meanwhile(void **state)
{
    char volumes[2][KN_UUID_SIZE];
    AUTO_FREE char *path = kn_asprintf(SERVERS "/%s/os-volume_attachments", server), *gone = NULL;

    (void)state;
    for (int i = 0; i < 2; i++) {
        AUTO_FREE char *body = NULL;

        kn_whole_cloud_expect(202, "POST", "/volume/v3/volumes", V("1"), "{\"volume\": {\"size\": 1}}");
        kn_copy(volumes[i], KN_UUID_SIZE, kn_whole_cloud_text("volume.id"));
        kn_whole_cloud_await("SELECT count(*) FROM volume WHERE status = 'creating'", 0);
        if (i == 0) {
            kn_whole_cloud_act(server, 202, V("1"), "{\"shelve\": null}");
            kn_whole_cloud_await(IS("shelved_offloaded"), 1);
        }
        body = kn_asprintf("{\"volumeAttachment\": {\"volumeId\": \"%s\"}}", volumes[i]);
        kn_whole_cloud_expect(200, "POST", path, V("1"), body);
        assert_string_equal(kn_whole_cloud_text("volumeAttachment.device"), i == 0 ? "/dev/vdb" : "/dev/vdc");
        kn_whole_cloud_await("SELECT count(*) FROM attachment WHERE status = 'attached'", i + 1);
    }
    sound();
    gone = kn_asprintf("%s/%s", path, volumes[0]);
    kn_whole_cloud_expect(202, "DELETE", gone, V("1"), NULL);
    kn_whole_cloud_await("SELECT count(*) FROM attachment", 1);
    kn_whole_cloud_await("SELECT count(*) FROM volume WHERE status = 'available'", 1);
    kn_whole_cloud_act(server, 202, V("1"), "{\"unshelve\": null}");
    kn_whole_cloud_await(IS("active"), 1);
    sound(); /* its host was asked: the guest has that disk and no other */
    kn_whole_cloud_expect(200, "GET", path, V("1"), NULL);
    assert_string_equal(kn_whole_cloud_text("volumeAttachments.0.device"), "/dev/vdc");
    AUTO_FREE char *last = kn_asprintf("%s/%s", path, volumes[1]);

    kn_whole_cloud_expect(202, "DELETE", last, V("1"), NULL);
    kn_whole_cloud_await("SELECT count(*) FROM attachment", 0);
    sound();
}

static void deleted_while_it_is_shelved(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        AUTO_FREE char *path = kn_asprintf(SERVERS "/%s", server);

        kn_whole_cloud_act(server, 202, V("1"), "{\"shelve\": null}");
        if (i == 0) {
            kn_whole_cloud_await(IS("shelved_offloaded"), 1);
        } else {
            kn_test_pause(i * 12);
        }
        kn_whole_cloud_expect(204, "DELETE", path, V("1"), NULL);
        kn_whole_cloud_await("SELECT count(*) FROM server WHERE deleted_at IS NULL", 0);
        kn_whole_cloud_await(UNDECIDED, 0);
        kn_whole_cloud_await("SELECT count(*) FROM task WHERE state IN ('run', 'undo')", 0);
        kn_whole_cloud_await(KEPT_IN, 0);
        make_server();
    }
    sound();
}

static void daemons_die(void **state)
{
    static const char *const WHO[] = { "kilonova-conductor", "kilonova-agent", "kilonova-scheduler",
                                       "kilonova-network" };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(WHO); i++) {
        kn_whole_cloud_act(server, 202, V("1"), "{\"shelve\": null}");
        kn_test_pause((int)(i * 11));
        kn_whole_cloud_restart(WHO[i]);
        kn_whole_cloud_await(IS("shelved_offloaded"), 1);
        kn_whole_cloud_act(server, 202, V("1"), "{\"unshelve\": null}");
        kn_test_pause((int)(i * 7));
        kn_whole_cloud_restart(WHO[i]);
        kn_whole_cloud_await(IS("active"), 1);
    }
    kn_whole_cloud_await(KEPT_IN, 0);
    sound();
}

static int start(void **state)
{
    AUTO_FREE char *net = NULL, *subnet = NULL;

    (void)state;
    kn_whole_cloud_start("2");
    const char *flavor = kn_whole_cloud_flavor(), *image = kn_whole_cloud_image();

    kn_whole_cloud_expect(201, "POST", "/network/v2.0/networks", V("1"), "{\"network\": {\"name\": \"n\"}}");
    net = kn_strdup(kn_whole_cloud_text("network.id"));
    subnet = kn_asprintf("{\"subnet\": {\"network_id\": \"%s\", \"ip_version\": 4, \"cidr\": \"10.5.0.0/24\"}}", net);
    kn_whole_cloud_expect(201, "POST", "/network/v2.0/subnets", V("1"), subnet);
    snprintf(
        make, sizeof(make),
        "{\"server\": {\"name\": \"s\", \"flavorRef\": \"%s\", \"imageRef\": \"%s\", \"networks\": [{\"uuid\": \"%s\"}]}}",
        flavor, image, net);
    make_server();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(from_any_state),
        cmocka_unit_test(where_it_comes_back),
        cmocka_unit_test(what_fails_leaves_it_shelved),
        cmocka_unit_test(volumes_come_and_go_meanwhile),
        cmocka_unit_test(deleted_while_it_is_shelved),
        cmocka_unit_test(daemons_die),
    };

    return cmocka_run_group_tests(tests, start, kn_whole_cloud_teardown);
}
