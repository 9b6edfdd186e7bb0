/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Servers that are rescued, in a whole cloud on simulated hosts: states, instance actions, what is refused, and daemons that die in the middle; after all of it the
 * audit finds every promise kept.
 */
#include "tests/support/test.h"

#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/process.h"
#include "tests/support/whole_cloud.h"

#define SERVERS "/compute/v2.1/servers"
#define NEW KN_WHOLE_JSON "OpenStack-API-Version: compute 2.79\r\n"
#define IS(state) \
    "SELECT count(*) FROM server WHERE vm_state = '" state "' AND task_state IS NULL AND deleted_at IS NULL"

static char server[KN_UUID_SIZE], image[KN_UUID_SIZE];

static void ask(int status, const char *method, const char *path, const char *body)
{
    kn_whole_cloud_expect(status, method, path, NEW, body);
}

static void act(int status, const char *body)
{
    AUTO_FREE char *path = kn_asprintf(SERVERS "/%s/action", server);

    ask(status, "POST", path, body);
}

static void sound(void)
{
    kn_whole_cloud_await("SELECT count(*) FROM task WHERE state IN ('run', 'undo')", 0);
    assert_true(kn_whole_cloud_is_sound());
}

static void there_and_back(void **state)
{
    AUTO_FREE char *path = kn_asprintf(SERVERS "/%s", server),
                   *actions = kn_asprintf(SERVERS "/%s/os-instance-actions", server);

    (void)state;
    act(200, "{\"rescue\": null}");
    assert_int_equal(strlen(kn_whole_cloud_text("adminPass")), 12);
    kn_whole_cloud_await(IS("rescued"), 1);
    ask(200, "GET", path, NULL);
    assert_string_equal(kn_whole_cloud_text("server.status"), "RESCUE");
    sound();
    act(409, "{\"rescue\": {}}");
    act(409, "{\"reboot\": {\"type\": \"HARD\"}}");
    act(409, "{\"os-stop\": null}");
    act(202, "{\"unrescue\": null}");
    kn_whole_cloud_await(IS("active"), 1);
    ask(200, "GET", actions, NULL);
    assert_string_equal(kn_whole_cloud_text("instanceActions.0.action"), "unrescue");
    assert_string_equal(kn_whole_cloud_text("instanceActions.1.action"), "rescue");
    act(409, "{\"unrescue\": null}");
    sound();
}

/* One that is off runs while it is rescued, and afterwards. */
static void of_a_stopped_one(void **state)
{
    (void)state;
    act(202, "{\"os-stop\": null}");
    kn_whole_cloud_await(IS("stopped"), 1);
    act(200, "{\"rescue\": {\"adminPass\": \"mine\"}}");
    assert_string_equal(kn_whole_cloud_text("adminPass"), "mine");
    kn_whole_cloud_await(IS("rescued"), 1);
    act(202, "{\"unrescue\": null}");
    kn_whole_cloud_await(IS("active"), 1);
    sound();
}

static void make_image(const char *properties, char ret_id[KN_UUID_SIZE])
{
    AUTO_FREE char *body = kn_asprintf("{\"name\": \"r\", \"disk_format\": \"raw\", \"container_format\": \"bare\"%s}",
                                       properties);

    ask(201, "POST", "/image/v2/images", body);
    kn_copy(ret_id, KN_UUID_SIZE, kn_whole_cloud_text("id"));
    AUTO_FREE char *path = kn_asprintf("/image/v2/images/%s/file", ret_id);

    assert_int_equal(kn_whole_cloud_ask("PUT", path, "Content-Type: application/octet-stream\r\n", "what boots"), 204);
}

static void from(int status, const char *id, const char *words)
{
    AUTO_FREE char *body = kn_asprintf("{\"rescue\": {\"rescue_image_ref\": \"%s\"}}", id);

    act(status, body);
    if (strstr(kn_whole.http.body.buf, words) == NULL) {
        fail_msg("%s", kn_whole.http.body.buf);
    }
}

static void from_an_image(void **state)
{
    char plain[KN_UUID_SIZE], stable[KN_UUID_SIZE], odd[KN_UUID_SIZE];

    (void)state;
    make_image("", plain);
    make_image(", \"hw_rescue_bus\": \"sata\"", stable);
    make_image(", \"hw_rescue_device\": \"floppy\"", odd);
    from(400, "77777777-7777-4777-8777-777777777777",
         "Requested rescue image '77777777-7777-4777-8777-777777777777' is invalid");
    from(400, "x", "rescue_image_ref");
    from(400, odd, "cannot be rescued: hw_rescue_device may be disk here, and is floppy");
    assert_int_equal(kn_whole_cloud_count(IS("active"), NULL), 1);
    from(200, plain, "adminPass");
    kn_whole_cloud_await(IS("rescued"), 1);
    act(202, "{\"unrescue\": null}");
    kn_whole_cloud_await(IS("active"), 1);
    from(200, stable, "adminPass");
    kn_whole_cloud_await(IS("rescued"), 1);
    assert_int_equal(
        kn_whole_cloud_count("SELECT count(*) FROM task WHERE kind = 'server.rescue' AND input->>'bus' = 'sata'", NULL),
        1);
    act(202, "{\"unrescue\": null}");
    kn_whole_cloud_await(IS("active"), 1);
    sound();
}

/* Its data cannot be found: all stays as it was, and the action says that it failed. */
static void what_fails_changes_nothing(void **state)
{
    AUTO_FREE char *actions = kn_asprintf(SERVERS "/%s/os-instance-actions", server);
    struct kn_error err = { 0 };

    (void)state;
    AUTO_FREE char *sql = kn_asprintf(
        "INSERT INTO task (kind, shard, object_id, project_id, user_id, request_id, input, state) SELECT 'server.rescue', shard, object_id, "
        "project_id, user_id, 'req-lost', jsonb_build_object('image', gen_random_uuid()), 'run' FROM task WHERE object_id = '%s' LIMIT 1;"
        "UPDATE server SET task_state = 'rescuing' WHERE id = '%s'",
        server, server);

    assert_ok(kn_db_script(kn_whole.db, sql, &err), &err);
    kn_whole_cloud_await(IS("active"), 1);
    ask(200, "GET", actions, NULL);
    assert_string_equal(kn_whole_cloud_text("instanceActions.0.message"), "Error");
    sound();
}

static void daemons_die(void **state)
{
    static const char *const WHO[] = { "kilonova-conductor", "kilonova-agent", "kilonova-image" };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(WHO); i++) {
        act(200, "{\"rescue\": null}");
        kn_test_pause((int)(i * 9));
        kn_whole_cloud_restart(WHO[i]);
        kn_whole_cloud_await(IS("rescued"), 1);
        act(202, "{\"unrescue\": null}");
        kn_test_pause((int)(i * 9));
        kn_whole_cloud_restart(WHO[i]);
        kn_whole_cloud_await(IS("active"), 1);
    }
    act(200, "{\"rescue\": null}");
    kn_whole_cloud_await(IS("rescued"), 1);
    AUTO_FREE char *path = kn_asprintf(SERVERS "/%s", server);

    ask(204, "DELETE", path, NULL);
    kn_whole_cloud_await("SELECT count(*) FROM server WHERE deleted_at IS NULL", 0);
    sound();
}

static int start(void **state)
{
    const char *flavor;

    (void)state;
    kn_whole_cloud_start("2");
    flavor = kn_whole_cloud_flavor();
    kn_copy(image, sizeof(image), kn_whole_cloud_image());
    AUTO_FREE char *body = kn_asprintf(
        "{\"server\": {\"name\": \"s\", \"flavorRef\": \"%s\", \"imageRef\": \"%s\", \"networks\": \"none\"}}", flavor,
        image);

    ask(202, "POST", SERVERS, body);
    kn_copy(server, sizeof(server), kn_whole_cloud_text("server.id"));
    kn_whole_cloud_await(IS("active"), 1);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back), cmocka_unit_test(of_a_stopped_one),
        cmocka_unit_test(from_an_image),  cmocka_unit_test(what_fails_changes_nothing),
        cmocka_unit_test(daemons_die),
    };

    return cmocka_run_group_tests(tests, start, kn_whole_cloud_teardown);
}
