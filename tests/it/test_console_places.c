/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many consoles there are, in a whole cloud on simulated hosts: a project has as many as it may at one API, whatever else is asked for is told to come later, and each that ends gives
 * its place back. And what ends all of a project's: that it is switched off.
 */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

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
#define SERVER_COUNT (KN_MAX_CONSOLES_OF_PROJECT / KN_MAX_CONSOLES_OF_SERVER)

static char servers[SERVER_COUNT][KN_UUID_SIZE];
static struct kn_test_websocket consoles[KN_MAX_CONSOLES_OF_PROJECT];

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

    return kn_test_websocket_open(kn_whole.console_port, opens, KN_TEST_WEBSOCKET_ASKS);
}

static struct kn_test_websocket open_picture(int i)
{
    AUTO_FREE char *headers = kn_asprintf("X-Auth-Token: %s\r\n" AT, kn_ks.admin);

    return open_one(headers, servers[i / KN_MAX_CONSOLES_OF_SERVER], NOVNC, "%3Ftoken%3D");
}

static void test_a_project_has_its_places(void **state)
{
    const int64_t deadline = kn_mono_ms() + LIMIT_MS;
    AUTO_FREE char *headers = kn_asprintf("X-Auth-Token: %s\r\n" AT, kn_ks.admin);

    (void)state;
    for (int i = 0; i < KN_MAX_CONSOLES_OF_PROJECT; i++) {
        consoles[i] = open_picture(i);
        kn_test_websocket_await(&consoles[i], "RFB");
    }
    struct kn_test_websocket more = open_one(headers, servers[0], SERIAL, "/?token=");

    assert_int_equal(kn_test_websocket_end(&more), KN_WEBSOCKET_LATER);
    assert_string_equal(more.why.buf, "too many consoles are open");
    kn_test_websocket_close(&more);
    kn_test_websocket_close(&consoles[7]);
    for (bool is_open = false; !is_open;) { /* as soon as the end was seen */
        assert_true(kn_mono_ms() < deadline);
        consoles[7] = open_picture(7);
        is_open = kn_test_websocket_hear(&consoles[7]) == KN_WEBSOCKET_BINARY;
        if (!is_open) {
            assert_int_equal(consoles[7].code, KN_WEBSOCKET_LATER);
            kn_test_websocket_close(&consoles[7]);
        }
    }
    for (int i = 0; i < KN_MAX_CONSOLES_OF_PROJECT; i++) {
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

static int start(void **state)
{
    AUTO_FREE char *body = NULL, *quota = NULL;

    (void)state;
    kn_whole_cloud_start("1");
    const char *flavor = kn_whole_cloud_flavor(), *image = kn_whole_cloud_image();

    quota = kn_asprintf("/compute/v2.1/os-quota-sets/%s", kn_whole.project);
    kn_whole_cloud_expect(200, "PUT", quota, AT, "{\"quota_set\": {\"instances\": -1, \"cores\": -1, \"ram\": -1}}");
    body = kn_asprintf(
        "{\"server\": {\"name\": \"s\", \"flavorRef\": \"%s\", \"imageRef\": \"%s\", \"networks\": \"none\"}}", flavor,
        image);
    for (int i = 0; i < SERVER_COUNT; i++) {
        kn_whole_cloud_expect(202, "POST", SERVERS, AT, body);
        kn_copy(servers[i], KN_UUID_SIZE, kn_whole_cloud_text("server.id"));
    }
    kn_whole_cloud_await("SELECT count(*) FROM server WHERE vm_state = 'active' AND task_state IS NULL", SERVER_COUNT);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_a_project_has_its_places),
                                        cmocka_unit_test(test_a_project_that_is_switched_off) };

    return cmocka_run_group_tests(tests, start, kn_whole_cloud_teardown);
}
