/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kilonova-api with a database and without a bus: it listens, knows people, shows what there is and takes wishes, each a row that
 * waits for a conductor. And what it takes for JSON.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/keystone.h"
#include "tests/support/process.h"
#include "tests/support/test.h"

static void test_without_a_bus(void **state)
{
    const int port = kn_test_free_port();
    AUTO_FREE char *program = kn_test_binary("kilonova-api");
    AUTO_FREE char *url = kn_asprintf("db.url=%s", kn_ks.url);
    AUTO_FREE char *keys = kn_asprintf("identity.key_file=%s", kn_ks.key_file);
    AUTO_FREE char *listen = kn_asprintf("api.listen=127.0.0.1:%d", port);
    const char *argv[] = { program,
                           "--set",
                           url,
                           "--set",
                           keys,
                           "--set",
                           listen,
                           "--set",
                           "bus.brokers=127.0.0.1:1",
                           "--set",
                           "daemon.host=lonely",
                           NULL };
    struct kn_test_http own = kn_ks.http;
    char token[KN_KS_TOKEN];

    (void)state;
    const pid_t pid = kn_test_spawn(argv, "/dev/stderr", NULL);
    kn_test_wait_port(port);
    kn_ks.http = kn_test_http_open(port);
    kn_ks_log_in(201, "admin", KN_KS_PASSWORD, KN_KS_ADMIN_SCOPE, token);
    AUTO_FREE char *project = kn_strdup(kn_ks_text("token.project.id"));
    AUTO_FREE char *path = kn_asprintf("/volume/v3/%s/volumes", project);
    AUTO_FREE char *header = kn_asprintf("X-Auth-Token: %s\r\n", token);
    kn_test_http_ask(&kn_ks.http, "GET", path, header, NULL);
    assert_int_equal(kn_ks.http.status, 200);
    kn_test_http_ask(&kn_ks.http, "POST", path, header, "{\"volume\": {\"size\": 1}}");
    assert_int_equal(kn_ks.http.status, 202);
    kn_test_http_close(&kn_ks.http);
    kn_ks.http = own;
    assert_true(kn_test_end(pid, SIGTERM));
}

/* Hosts dial it, so it has to say an address that can be dialled. */
static void test_consoles_have_an_address(void **state)
{
    AUTO_FREE char *program = kn_test_binary("kilonova-api");
    AUTO_FREE char *url = kn_asprintf("db.url=%s", kn_ks.url);
    AUTO_FREE char *keys = kn_asprintf("identity.key_file=%s", kn_ks.key_file);
    AUTO_FREE char *listen = kn_asprintf("api.listen=127.0.0.1:%d", kn_test_free_port());
    const char *argv[] = { program,
                           "--set",
                           url,
                           "--set",
                           keys,
                           "--set",
                           listen,
                           "--set",
                           "bus.brokers=127.0.0.1:1",
                           "--set",
                           "daemon.host=vague",
                           "--set",
                           "console.listen=0.0.0.0:0",
                           NULL };

    (void)state;
    assert_false(kn_test_end(kn_test_spawn(argv, "/dev/stderr", NULL), 0));
}

/* Types of media have no case: this is JSON, and only what it says is wrong. */
static void test_json_in_any_case(void **state)
{
    static const char REQUEST[] =
        "POST /identity/v3/auth/tokens HTTP/1.1\r\nHost: x\r\nContent-Type: Application/JSON\r\n"
        "Content-Length: 2\r\n\r\n{}";

    (void)state;
    kn_test_http_send(&kn_ks.http, REQUEST, strlen(REQUEST));
    assert_true(kn_test_http_read(&kn_ks.http, false));
    assert_int_equal(kn_ks.http.status, 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_without_a_bus),
                                        cmocka_unit_test(test_consoles_have_an_address),
                                        cmocka_unit_test(test_json_in_any_case) };
    return cmocka_run_group_tests(tests, kn_ks_group_start, kn_ks_group_stop);
}
