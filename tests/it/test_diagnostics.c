/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server's diagnostics and topology, and its hypervisor's uptime, on a whole cloud of simulated hosts: both forms, servers that do not run, who may. What a real guest
 * answers is test_agent_libvirt.c's.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/test.h"
#include "tests/support/whole_cloud.h"

#define COMPUTE "/compute/v2.1"
#define AT(minor) "OpenStack-API-Version: compute 2." minor "\r\n" KN_WHOLE_JSON
#define OPEN "SELECT count(*) FROM task WHERE state IN ('run', 'undo')"

static char *server;

static int start(void **state)
{
    (void)state;
    kn_whole_cloud_start("2");
    AUTO_FREE char *body = kn_asprintf(
        "{\"server\": {\"name\": \"s\", \"flavorRef\": \"%s\", \"imageRef\": \"%s\", \"networks\": \"none\"}}",
        kn_whole_cloud_flavor(), kn_whole_cloud_image());
    assert_int_equal(kn_whole_cloud_ask("POST", COMPUTE "/servers", AT("96"), body), 202);
    server = kn_asprintf(COMPUTE "/servers/%s", kn_whole_cloud_text("server.id"));
    kn_whole_cloud_await(OPEN, 0);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    free(server);
    kn_whole_cloud_stop();
    return 0;
}

static void asked(int status, const char *headers, const char *method, const char *path, const char *body)
{
    const int got = kn_whole_cloud_ask(method, path, headers, body);

    if (got != status) {
        fail_msg("%s %s: %d, not %d: %s", method, path, got, status, kn_whole.http.body.buf);
    }
}

static bool says(const char *words)
{
    return strstr(kn_whole.http.body.buf, words) != NULL;
}

static void both_forms(void **state)
{
    AUTO_FREE char *path = kn_asprintf("%s/diagnostics", server);
    AUTO_FREE char *act = kn_asprintf("%s/action", server);

    (void)state;
    asked(200, AT("47"), "GET", path, NULL);
    assert_true(says("\"vda_read_req\":0") && says("\"vda_write\":0") && says("\"cpu0_time\":0") &&
                !says("\"memory\":0") && !says("num_disks"));
    asked(200, AT("48"), "GET", path, NULL);
    assert_true(says("\"state\":\"running\"") && says("\"num_disks\":1") && says("\"num_cpus\":1") &&
                says("\"cpu_details\":[{\"id\":0,\"time\":0,\"utilisation\":null}]") && !says("\"maximum\":0") &&
                says("\"driver\":\"libvirt\"") && says("\"errors_count\":0") && says("\"config_drive\":false") &&
                says("\"hypervisor\":\"sim\""));
    asked(200, AT("96"), "GET", path, NULL);
    asked(202, AT("96"), "POST", act, "{\"os-stop\": null}");
    kn_whole_cloud_await(OPEN, 0);
    asked(409, AT("96"), "GET", path, NULL);
    assert_true(says("while it is in power state shutdown"));
    asked(409, AT("1"), "GET", path, NULL);
    asked(202, AT("96"), "POST", act, "{\"os-start\": null}");
    kn_whole_cloud_await(OPEN, 0);
    asked(404, AT("96"), "GET", COMPUTE "/servers/99999999-9999-4999-8999-999999999999/diagnostics", NULL);
}

/* No guest has NUMA nodes of its own. */
static void topology(void **state)
{
    AUTO_FREE char *path = kn_asprintf("%s/topology", server);

    (void)state;
    asked(404, AT("77"), "GET", path, NULL);
    asked(200, AT("78"), "GET", path, NULL);
    assert_string_equal(kn_whole.http.body.buf, "{\"nodes\":[],\"pagesize_kb\":null}");
    asked(404, AT("78"), "GET", COMPUTE "/servers/99999999-9999-4999-8999-999999999999/topology", NULL);
}

/* A heartbeat brings it. */
static void uptime(void **state)
{
    (void)state;
    kn_whole_cloud_await("SELECT count(*) FROM agent WHERE uptime LIKE '% up %load average%'", 1);
    asked(200, AT("88"), "GET", COMPUTE "/os-hypervisors/detail", NULL);
    assert_non_null(strstr(kn_whole_cloud_text("hypervisors.0.uptime"), "load average"));
    AUTO_FREE char *path = kn_asprintf(COMPUTE "/os-hypervisors/%s/uptime", kn_whole_cloud_text("hypervisors.0.id"));
    asked(200, AT("87"), "GET", path, NULL);
    assert_non_null(strstr(kn_whole_cloud_text("hypervisor.uptime"), "load average"));
    assert_true(kn_whole_cloud_is_sound());
}

/* A host whose guests do not know an action says so; the API refuses it, and changes nothing. */
static void what_its_host_cannot(void **state)
{
    AUTO_FREE char *act = kn_asprintf("%s/action", server);
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(kn_db_script(kn_whole.db, "UPDATE host SET cannot = '[\"suspend\", \"createImage\"]'", &err), &err);
    asked(409, AT("96"), "POST", act, "{\"suspend\": null}");
    assert_true(says("Operation 'suspend' not supported for instance ("));
    asked(409, AT("96"), "POST", act, "{\"createImage\": {\"name\": \"never\"}}");
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM image WHERE name = $1", "never"), 0);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM server WHERE task_state IS NOT NULL AND name = $1",
                                          "s"),
                     0);
    asked(202, AT("96"), "POST", act, "{\"pause\": null}");
    kn_whole_cloud_await(OPEN, 0);
    asked(202, AT("96"), "POST", act, "{\"unpause\": null}");
    kn_whole_cloud_await(OPEN, 0);
    assert_ok(kn_db_script(kn_whole.db, "UPDATE host SET cannot = NULL", &err), &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(both_forms), cmocka_unit_test(topology),
                                        cmocka_unit_test(uptime), cmocka_unit_test(what_its_host_cannot) };

    return cmocka_run_group_tests(tests, start, stop);
}
