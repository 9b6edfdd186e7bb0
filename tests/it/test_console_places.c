/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many consoles there are, in a whole cloud on simulated hosts: a project has as many as it may at one API, and all of them what an API and a host have; whatever else is asked for is
 * told to come later, and each that ends gives its place back. And what ends all of a project's: that it is switched off.
 */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/domain/limits.h"
#include "tests/support/websocket_client.h"
#include "tests/support/whole_cloud.h"

#define SERVERS "/compute/v2.1/servers"
#define AT KN_WHOLE_JSON "OpenStack-API-Version: compute 2.79\r\n"
#define NOVNC "{\"remote_console\": {\"protocol\": \"vnc\", \"type\": \"novnc\"}}"
#define SERIAL "{\"remote_console\": {\"protocol\": \"serial\", \"type\": \"serial\"}}"
#define LIMIT_MS 60000
#define EACH (KN_MAX_CONSOLES_OF_PROJECT / KN_MAX_CONSOLES_OF_SERVER) /* servers of a project */
#define PROJECTS (KN_MAX_CONSOLES / KN_MAX_CONSOLES_OF_PROJECT) /* that fill an API; there is one more */

static char tokens[PROJECTS + 1][KN_KS_TOKEN]; /* the administrator's, of each project; the first is his own */
static char servers[(PROJECTS + 1) * EACH][KN_UUID_SIZE];
static struct kn_test_websocket consoles[KN_MAX_CONSOLES];

/* mark: what stands before the token in the console's URL. */
static struct kn_test_websocket open_one(const char *headers, const char *server, const char *body, const char *mark)
{
    AUTO_FREE char *path = kn_asprintf(SERVERS "/%s/remote-consoles", server);

    kn_test_http_ask(&kn_whole.http, "POST", path, headers, body);
    if (kn_whole.http.status != 200) {
        fail_msg("%d %s", kn_whole.http.status, kn_whole.http.body.buf);
    }
    const char *at = strstr(kn_whole.http.body.buf, mark);

    assert_non_null(at);
    at += strlen(mark);
    AUTO_FREE char *opens = kn_asprintf("/?token=%.*s", (int)strcspn(at, "\""), at);

    /* The simulated host dials from 127.0.0.1. */
    return kn_test_websocket_open_from("127.0.0.2", kn_whole.console_port, opens, KN_TEST_WEBSOCKET_ASKS);
}

static struct kn_test_websocket open_picture(int i)
{
    AUTO_FREE char *headers = kn_asprintf("X-Auth-Token: %s\r\n" AT, tokens[i / KN_MAX_CONSOLES_OF_PROJECT]);

    return open_one(headers, servers[i / KN_MAX_CONSOLES_OF_SERVER], NOVNC, "%3Ftoken%3D");
}

/* As soon as the ends of others were seen. */
static struct kn_test_websocket await_picture(int i)
{
    const int64_t deadline = kn_mono_ms() + LIMIT_MS;

    for (;;) {
        struct kn_test_websocket ws = open_picture(i);

        if (kn_test_websocket_hear(&ws) == KN_WEBSOCKET_BINARY) {
            return ws;
        }
        assert_int_equal(ws.code, KN_WEBSOCKET_LATER);
        kn_test_websocket_close(&ws);
        assert_true(kn_mono_ms() < deadline);
    }
}

static void is_told_to_come_later(int project)
{
    AUTO_FREE char *headers = kn_asprintf("X-Auth-Token: %s\r\n" AT, tokens[project]);
    struct kn_test_websocket more = open_one(headers, servers[project * EACH], SERIAL, "/?token=");

    assert_int_equal(kn_test_websocket_end(&more), KN_WEBSOCKET_LATER);
    assert_string_equal(more.why.buf, "too many consoles are open");
    kn_test_websocket_close(&more);
}

static void test_a_project_has_its_places(void **state)
{
    (void)state;
    for (int i = 0; i < KN_MAX_CONSOLES_OF_PROJECT; i++) {
        consoles[i] = await_picture(i);
    }
    is_told_to_come_later(0);
    kn_test_websocket_close(&consoles[7]);
    consoles[7] = await_picture(7);
}

/* Those of the first project are open still. With as few files as a process has by custom: nothing else is in its way. */
static void test_an_api_has_its_places(void **state)
{
    (void)state;
    for (int i = KN_MAX_CONSOLES_OF_PROJECT; i < KN_MAX_CONSOLES; i++) {
        consoles[i] = await_picture(i);
    }
    is_told_to_come_later(PROJECTS);
    kn_whole_cloud_expect(200, "GET", SERVERS "?limit=1", AT, NULL);
    kn_test_websocket_close(&consoles[7]);
    consoles[7] = await_picture(KN_MAX_CONSOLES);
    is_told_to_come_later(0);
    for (int i = 0; i < KN_MAX_CONSOLES; i++) {
        kn_test_websocket_close(&consoles[i]);
    }
    for (int i = 0; i < KN_MAX_CONSOLES_OF_SERVER; i++) {
        consoles[i] = await_picture(i);
        kn_test_websocket_close(&consoles[i]);
    }
}

static void test_a_project_that_is_switched_off(void **state)
{
    char token[KN_KS_TOKEN];
    const char *project = kn_ks_make("projects", "project", "\"name\":\"other\"");
    AUTO_FREE char *target = kn_asprintf("projects/%s", project), *path = kn_asprintf("/v3/projects/%s", project);

    (void)state;
    kn_ks_grant(204, "PUT", target, kn_whole.user, kn_ks_role("admin"));
    kn_ks_log_in(201, "admin", KN_KS_PASSWORD, "{\"project\":{\"name\":\"other\",\"domain\":{\"id\":\"default\"}}}",
                 token);
    AUTO_FREE char *headers = kn_asprintf("X-Auth-Token: %s\r\n" AT, token);
    struct kn_test_websocket ws = open_one(headers, servers[0], SERIAL, "/?token=");

    kn_test_websocket_await(&ws, "sim# ");
    kn_ks_ask(200, "PATCH", path, kn_ks.admin, "{\"project\":{\"enabled\":false}}");
    assert_int_equal(kn_test_websocket_end(&ws), KN_WEBSOCKET_REFUSED);
    kn_test_websocket_close(&ws);
}

/* The administrator in another project. */
static void enter_project(int i)
{
    AUTO_FREE char *name = kn_asprintf("\"name\":\"of-many-%d\"", i);
    const char *project = kn_ks_make("projects", "project", name);
    AUTO_FREE char *target = kn_asprintf("projects/%s", project);
    AUTO_FREE char *scope = kn_asprintf("{\"project\":{%s,\"domain\":{\"id\":\"default\"}}}", name);

    kn_ks_grant(204, "PUT", target, kn_whole.user, kn_ks_role("admin"));
    kn_ks_log_in(201, "admin", KN_KS_PASSWORD, scope, tokens[i]);
}

static void make_servers(int project, const char *body)
{
    AUTO_FREE char *headers = kn_asprintf("X-Auth-Token: %s\r\n" AT, tokens[project]);

    for (int i = project * EACH; i < (project + 1) * EACH; i++) {
        kn_test_http_ask(&kn_whole.http, "POST", SERVERS, headers, body);
        assert_int_equal(kn_whole.http.status, 202);
        kn_copy(servers[i], KN_UUID_SIZE, kn_whole_cloud_text("server.id"));
    }
}

static int start(void **state)
{
    const struct rlimit custom = { 1024, 16384 };
    AUTO_FREE char *body = NULL;

    (void)state;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &custom), 0);
    kn_whole_cloud_start("1");
    const char *flavor = kn_whole_cloud_flavor(), *image = kn_whole_cloud_image();

    kn_whole_cloud_expect(200, "PUT", "/compute/v2.1/os-quota-class-sets/default", AT,
                          "{\"quota_class_set\": {\"instances\": -1, \"cores\": -1, \"ram\": -1}}");
    body = kn_asprintf(
        "{\"server\": {\"name\": \"s\", \"flavorRef\": \"%s\", \"imageRef\": \"%s\", \"networks\": \"none\"}}", flavor,
        image);
    for (int i = 0; i <= PROJECTS; i++) {
        if (i == 0) {
            kn_copy(tokens[0], sizeof(tokens[0]), kn_ks.admin);
        } else {
            enter_project(i);
        }
        make_servers(i, body);
    }
    kn_whole_cloud_await("SELECT count(*) FROM server WHERE vm_state = 'active' AND task_state IS NULL",
                         KN_COUNT(servers));
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_a_project_has_its_places),
                                        cmocka_unit_test(test_an_api_has_its_places),
                                        cmocka_unit_test(test_a_project_that_is_switched_off) };

    return cmocka_run_group_tests(tests, start, kn_whole_cloud_teardown);
}
