/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work that takes longer than a step's patience, in a whole cloud whose spawns take fifteen seconds and whose steps are given one: it is not taken for
 * silence, it shows as progress, a conductor that dies meanwhile changes nothing, and deleting the server ends it.
 */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "tests/support/process.h"
#include "tests/support/whole_cloud.h"

#define WAIT_MS 60000
#define SPAWN_MS 15000
#define SERVERS "/compute/v2.1/servers"
#define ACTIVE "SELECT count(*) FROM server WHERE vm_state = 'active' AND deleted_at IS NULL"

static char flavor[KN_UUID_SIZE], image[KN_UUID_SIZE];

static char *post_server(const char *name)
{
    AUTO_FREE char *body = kn_asprintf(
        "{\"server\": {\"name\": \"%s\", \"flavorRef\": \"%s\", \"imageRef\": \"%s\", \"networks\": \"none\"}}", name,
        flavor, image);

    assert_int_equal(kn_whole_cloud_ask("POST", SERVERS, KN_WHOLE_JSON "OpenStack-API-Version: compute 2.37\r\n", body),
                     202);
    return kn_strdup(kn_whole_cloud_text("server.id"));
}

static int progress_of(const char *id)
{
    AUTO_FREE char *path = kn_asprintf(SERVERS "/%s", id);
    json_t *json;
    int progress;

    assert_int_equal(kn_whole_cloud_ask("GET", path, NULL, NULL), 200);
    json = kn_test_http_json(&kn_whole.http);
    progress = (int)kn_json_int(json_object_get(json, "server"), "progress");
    json_decref(json);
    return progress;
}

static int await_progress(const char *id)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;
    int progress;

    while ((progress = progress_of(id)) == 0) {
        assert_true(kn_mono_ms() < deadline);
        kn_test_pause(50);
    }
    return progress;
}

static void delete(const char *id)
{
    AUTO_FREE char *path = kn_asprintf(SERVERS "/%s", id);

    assert_int_equal(kn_whole_cloud_ask("DELETE", path, NULL, NULL), 204);
}

/* Its host is not given up, whatever dies meanwhile but the one that works. */
static void longer_than_a_step(void **state)
{
    (void)state;
    AUTO_FREE char *id = post_server("slow");
    const int progress = await_progress(id);

    assert_in_range(progress, 1, 99);
    kn_whole_cloud_restart("kilonova-conductor");
    kn_whole_cloud_await(ACTIVE, 1);
    assert_int_equal(
        kn_whole_cloud_count(
            "SELECT count(*) FROM task WHERE kind = 'server.create' AND state = 'done' AND context ? 'tries'", NULL),
        0);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM task WHERE working_since IS NOT NULL OR progress <> 0",
                                          NULL),
                     0);
    assert_int_equal(progress_of(id), 0);
    delete (id);
    kn_whole_cloud_await("SELECT count(*) FROM server WHERE deleted_at IS NULL", 0);
}

static void deleted_while_it_builds(void **state)
{
    (void)state;
    const int64_t begun_ms = kn_mono_ms();
    AUTO_FREE char *id = post_server("unwanted");

    await_progress(id);
    delete (id);
    kn_whole_cloud_await("SELECT count(*) FROM server WHERE deleted_at IS NULL", 0);
    assert_true(kn_mono_ms() - begun_ms < SPAWN_MS); /* nobody waited for the spawn's end */
    kn_whole_cloud_await("SELECT count(*) FROM task WHERE state IN ('run', 'undo')", 0);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM allocation", NULL), 0);
}

/* The conductor dies between the decision and the message that tells: the deletion ends the work all the same. */
static void deleted_around_a_death(void **state)
{
    (void)state;
    const int64_t begun_ms = kn_mono_ms();
    AUTO_FREE char *id = post_server("unwanted");

    await_progress(id);
    delete (id);
    kn_whole_cloud_restart("kilonova-conductor");
    kn_whole_cloud_await("SELECT count(*) FROM server WHERE deleted_at IS NULL", 0);
    assert_true(kn_mono_ms() - begun_ms < SPAWN_MS + WAIT_MS / 2);
    kn_whole_cloud_await("SELECT count(*) FROM task WHERE state IN ('run', 'undo')", 0);
}

static int start(void **state)
{
    (void)state;
    setenv("KILONOVA_CONDUCTOR_STEP_TIMEOUT_S", "1", 1);
    setenv("KILONOVA_AGENT_SIM_SPAWN_MS", "15000", 1);
    kn_whole_cloud_start("2");
    kn_copy(flavor, sizeof(flavor), kn_whole_cloud_flavor());
    kn_copy(image, sizeof(image), kn_whole_cloud_image());
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(longer_than_a_step),
        cmocka_unit_test(deleted_while_it_builds),
        cmocka_unit_test(deleted_around_a_death),
    };

    return cmocka_run_group_tests(tests, start, kn_whole_cloud_teardown);
}
