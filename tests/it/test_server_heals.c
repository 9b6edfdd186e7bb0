/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What administrators and owners do to a server beside its power, on a whole cloud of simulated hosts: a state that was set by hand becomes what its host sees,
 * crash dumps, passwords, and what newer clouds have no more. A real guest's part is test_agent_libvirt.c's.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/test.h"
#include "tests/support/whole_cloud.h"

#define COMPUTE "/compute/v2.1"
#define VERSION "OpenStack-API-Version: compute 2.96\r\n" KN_WHOLE_JSON
#define OPEN "SELECT count(*) FROM task WHERE state IN ('run', 'undo')"

static char *server, *id;

static int start(void **state)
{
    (void)state;
    kn_whole_cloud_start("2");
    AUTO_FREE char *body = kn_asprintf(
        "{\"server\": {\"name\": \"s\", \"flavorRef\": \"%s\", \"imageRef\": \"%s\", \"networks\": \"none\"}}",
        kn_whole_cloud_flavor(), kn_whole_cloud_image());
    assert_int_equal(kn_whole_cloud_ask("POST", COMPUTE "/servers", VERSION, body), 202);
    id = kn_strdup(kn_whole_cloud_text("server.id"));
    server = kn_asprintf(COMPUTE "/servers/%s", id);
    kn_whole_cloud_await(OPEN, 0);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    free(server);
    free(id);
    kn_whole_cloud_stop();
    return 0;
}

static void act(int status, const char *body)
{
    AUTO_FREE char *path = kn_asprintf("%s/action", server);
    const int got = kn_whole_cloud_ask("POST", path, VERSION, body);

    if (got != status) {
        fail_msg("%s: %d, not %d: %s", body, got, status, kn_whole.http.body.buf);
    }
}

static void run(const char *sql)
{
    struct kn_error err = { 0 };

    assert_ok(kn_db_script(kn_whole.db, sql, &err), &err);
}

static void await_state(const char *vm_state)
{
    AUTO_FREE char *sql = kn_asprintf("SELECT count(*) FROM server WHERE vm_state = '%s' AND task_state IS NULL",
                                      vm_state);

    kn_whole_cloud_await(OPEN, 0);
    kn_whole_cloud_await(sql, 1);
}

/* It is what its host sees, whatever is said of it. */
static void a_state_heals(void **state)
{
    (void)state;
    act(202, "{\"os-resetState\": {\"state\": \"error\"}}");
    await_state("error");
    act(202, "{\"os-resetState\": {\"state\": \"active\"}}");
    await_state("active");
    act(202, "{\"os-stop\": null}");
    await_state("stopped");
    act(202, "{\"os-resetState\": {\"state\": \"active\"}}");
    await_state("stopped");
    run("UPDATE server SET vm_state = 'active', task_state = 'powering-on', power_state = 1"); /* a task that nobody has */
    act(202, "{\"os-resetState\": {\"state\": \"active\"}}");
    await_state("stopped");
    assert_int_equal(kn_whole_cloud_count("SELECT power_state FROM server", NULL), 4);
    act(202, "{\"os-start\": null}");
    await_state("active");
    /* its host has no such guest */
    run("UPDATE server SET host = (SELECT name FROM host WHERE name <> server.host)");
    act(202, "{\"os-resetState\": {\"state\": \"active\"}}");
    await_state("error");
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM server WHERE fault IS NOT NULL", NULL), 1);
    run("UPDATE server SET host = (SELECT host FROM allocation WHERE server_id = server.id)");
    act(202, "{\"os-resetState\": {\"state\": \"active\"}}");
    await_state("active");
}

static void dumps_and_passwords(void **state)
{
    AUTO_FREE char *history = kn_asprintf("%s/os-instance-actions", server);

    (void)state;
    act(202, "{\"trigger_crash_dump\": null}");
    await_state("active");
    assert_int_equal(kn_whole_cloud_ask("GET", history, VERSION, NULL), 200);
    assert_string_equal(kn_whole_cloud_text("instanceActions.0.action"), "trigger_crash_dump");
    act(400, "{\"trigger_crash_dump\": {}}");
    act(202, "{\"changePassword\": {\"adminPass\": \"secret-of-mine\"}}");
    assert_int_equal(kn_whole_cloud_ask("GET", history, VERSION, NULL), 200);
    assert_string_equal(kn_whole_cloud_text("instanceActions.0.action"), "changePassword");
    act(400, "{\"changePassword\": {}}");
    act(400, "{\"changePassword\": {\"adminPass\": 1}}");
    act(202, "{\"injectNetworkInfo\": null}");
    assert_int_equal(kn_whole_cloud_ask("GET", history, VERSION, NULL), 200);
    assert_string_equal(kn_whole_cloud_text("instanceActions.0.action"), "injectNetworkInfo");
    act(410, "{\"resetNetwork\": null}");
    act(409, "{\"restore\": null}");
    act(202, "{\"os-stop\": null}");
    await_state("stopped");
    act(409, "{\"trigger_crash_dump\": null}");
    act(409, "{\"changePassword\": {\"adminPass\": \"x\"}}");
    act(202, "{\"os-start\": null}");
    await_state("active");
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM task t WHERE t::text LIKE $1", "%secret-of-mine%"), 0);
    assert_true(kn_whole_cloud_is_sound());
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_state_heals), cmocka_unit_test(dumps_and_passwords) };

    return cmocka_run_group_tests(tests, start, stop);
}
