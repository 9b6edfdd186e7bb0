/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Remote consoles of a whole cloud on simulated hosts, whose serial line repeats what it hears and whose picture is grey: what clients are told, who may open what a token
 * names and how often, and what ends a console that is open.
 */
#include "tests/support/test.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/domain/limits.h"
#include "tests/support/process.h"
#include "tests/support/websocket_client.h"
#include "tests/support/whole_cloud.h"

#define SERVERS "/compute/v2.1/servers"
#define TOKENS "/compute/v2.1/os-console-auth-tokens"
#define AT(version) KN_WHOLE_JSON "OpenStack-API-Version: compute 2." version "\r\n"
#define IS(state) \
    "SELECT count(*) FROM server WHERE vm_state = '" state "' AND task_state IS NULL AND deleted_at IS NULL"
#define SERIAL "{\"remote_console\": {\"protocol\": \"serial\", \"type\": \"serial\"}}"
#define NOVNC "{\"remote_console\": {\"protocol\": \"vnc\", \"type\": \"novnc\"}}"
#define LIMIT_MS 60000

static char server[KN_UUID_SIZE], image[KN_UUID_SIZE];
static const char *flavor;

static void ask(int status, const char *method, const char *path, const char *headers, const char *body,
                const char *words)
{
    kn_whole_cloud_ask(method, path, headers, body);
    if (kn_whole.http.status != status || strstr(kn_whole.http.body.buf, words) == NULL) {
        fail_msg("%s %s %s: %d %s, wanted %d %s", method, path, body == NULL ? "" : body, kn_whole.http.status,
                 kn_whole.http.body.buf, status, words);
    }
}

static void wish(int status, const char *headers, const char *body, const char *words)
{
    AUTO_FREE char *path = kn_asprintf(SERVERS "/%s/remote-consoles", server);

    ask(status, "POST", path, headers, body, words);
}

static void act(int status, const char *headers, const char *body, const char *words)
{
    AUTO_FREE char *path = kn_asprintf(SERVERS "/%s/action", server);

    ask(status, "POST", path, headers, body, words);
}

/* What stands behind the mark in the last answer's URL. */
static void token_of(const char *mark, char out[64])
{
    const char *at = strstr(kn_whole.http.body.buf, mark);

    assert_non_null(at);
    at += strlen(mark);
    assert_int_equal(strcspn(at, "\""), 43);
    kn_copy(out, 44, at);
}

static void serial_token(char out[64])
{
    wish(200, AT("79"), SERIAL, "\"protocol\":\"serial\"");
    token_of("/?token=", out);
}

static struct kn_test_websocket open_with(const char *token, const char *more)
{
    AUTO_FREE char *path = kn_asprintf("/?token=%s", token);
    AUTO_FREE char *headers = kn_asprintf(KN_TEST_WEBSOCKET_ASKS "%s", more);

    return kn_test_websocket_open(kn_whole.console_port, path, headers);
}

static void refused(const char *token, int code)
{
    struct kn_test_websocket ws = open_with(token, "");

    assert_int_equal(ws.status, 101);
    assert_int_equal(kn_test_websocket_end(&ws), code);
    assert_int_equal(ws.said.len, 0);
    kn_test_websocket_close(&ws);
}

/* A place at the host is free again as soon as the host has seen the end. */
static struct kn_test_websocket open_again(void)
{
    const int64_t deadline = kn_mono_ms() + LIMIT_MS;

    for (;;) {
        char token[64];

        serial_token(token);
        struct kn_test_websocket ws = open_with(token, "");

        if (kn_test_websocket_hear(&ws) == KN_WEBSOCKET_BINARY) {
            return ws;
        }
        assert_int_equal(ws.code, KN_WEBSOCKET_LATER);
        kn_test_websocket_close(&ws);
        assert_true(kn_mono_ms() < deadline);
    }
}

/* --- what is answered -------------------------------------------------------------------------------------------------- */

static void test_what_is_answered(void **state)
{
    AUTO_FREE char *page = kn_asprintf("http://127.0.0.1:%d/vnc_lite.html?path=%%3Ftoken%%3D", kn_whole.console_port);
    AUTO_FREE char *line = kn_asprintf("ws://127.0.0.1:%d/?token=", kn_whole.console_port);

    (void)state;
    wish(200, AT("6"), NOVNC, "{\"remote_console\":{\"protocol\":\"vnc\",\"type\":\"novnc\",\"url\":\"");
    assert_non_null(strstr(kn_whole.http.body.buf, page));
    wish(200, AT("6"), SERIAL, "{\"remote_console\":{\"protocol\":\"serial\",\"type\":\"serial\",\"url\":\"");
    assert_non_null(strstr(kn_whole.http.body.buf, line));
    act(200, AT("1"), "{\"os-getVNCConsole\": {\"type\": \"novnc\"}}", "{\"console\":{\"type\":\"novnc\",\"url\":\"");
    act(200, AT("5"), "{\"os-getSerialConsole\": {\"type\": \"serial\"}}", "{\"console\":{\"type\":\"serial\",");
}

static void test_what_is_refused(void **state)
{
    static const struct {
        const char *headers, *body;
        const char *words;
    } BAD[] = {
        { AT("6"), "{\"remote_console\": {\"protocol\": \"spice\", \"type\": \"spice-html5\"}}",
          "Unavailable console type spice-html5." },
        { AT("6"), "{\"remote_console\": {\"protocol\": \"rdp\", \"type\": \"rdp-html5\"}}",
          "Unavailable console type rdp." },
        { AT("8"), "{\"remote_console\": {\"protocol\": \"mks\", \"type\": \"webmks\"}}",
          "Unavailable console type webmks." },
        { AT("7"), "{\"remote_console\": {\"protocol\": \"mks\", \"type\": \"webmks\"}}", "protocol" },
        { AT("6"), "{\"remote_console\": {\"protocol\": \"vnc\", \"type\": \"xvpvnc\"}}",
          "Invalid console type xvpvnc" },
        { AT("6"), "{\"remote_console\": {\"protocol\": \"vnc\", \"type\": \"serial\"}}",
          "Invalid console type serial" },
        { AT("6"), "{\"remote_console\": {\"protocol\": \"serial\", \"type\": \"novnc\"}}",
          "Invalid console type novnc" },
        { AT("6"), "{\"remote_console\": {\"protocol\": \"x\", \"type\": \"novnc\"}}", "protocol" },
        { AT("6"), "{\"remote_console\": {\"protocol\": \"vnc\", \"type\": \"spice-direct\"}}", "type" },
        { AT("6"), "{\"remote_console\": {\"protocol\": \"vnc\"}}", "type" },
        { AT("6"), "{\"remote_console\": {\"protocol\": \"vnc\", \"type\": \"novnc\", \"more\": 1}}", "more" },
        { AT("6"), "{\"remote_console\": null}", "remote_console" },
        { AT("6"), "{}", "remote_console" },
    };
    static const char *const OLD[] = {
        "{\"os-getVNCConsole\": {\"type\": \"novnc\"}}",
        "{\"os-getSPICEConsole\": {\"type\": \"spice-html5\"}}",
        "{\"os-getSerialConsole\": {\"type\": \"serial\"}}",
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        wish(400, BAD[i].headers, BAD[i].body, BAD[i].words);
    }
    for (size_t i = 0; i < KN_COUNT(OLD); i++) {
        act(400, AT("6"), OLD[i], "There is no such action: os-get");
    }
    act(400, AT("1"), OLD[1], "Unavailable console type spice-html5.");
    act(400, AT("1"), "{\"os-getVNCConsole\": {\"type\": \"xvpvnc\"}}", "Invalid console type xvpvnc");
    act(400, AT("1"), "{\"os-getVNCConsole\": {\"type\": \"vnc\"}}", "type");
    act(400, AT("1"), "{\"os-getVNCConsole\": {}}", "type");
    AUTO_FREE char *old = kn_asprintf(SERVERS "/%s/remote-consoles", server);

    ask(404, "POST", old, AT("5"), NOVNC, "");
    ask(404, "POST", SERVERS "/77777777-7777-4777-8777-777777777777/remote-consoles", AT("6"), NOVNC,
        "could not be found");
}

static void test_a_token_is_looked_at(void **state)
{
    char token[64];

    (void)state;
    serial_token(token);
    AUTO_FREE char *path = kn_asprintf(TOKENS "/%s", token);
    AUTO_FREE char *wanted = kn_asprintf("{\"console\":{\"instance_uuid\":\"%s\",\"host\":\"", server);

    ask(200, "GET", path, AT("31"), NULL, wanted);
    ask(200, "GET", path, AT("96"), NULL, "\"port\":0,\"internal_access_path\":null}}");
    ask(400, "GET", path, AT("30"), NULL, "");
    ask(404, "GET", TOKENS "/none", AT("31"), NULL, "Token not found");
    /* Whoever reads the database has no token. */
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM console_token WHERE to_jsonb(console_token)::text LIKE "
                                          "'%' || $1 || '%'",
                                          token),
                     0);
    struct kn_test_websocket ws = open_with(token, "");

    kn_test_websocket_await(&ws, "sim# ");
    ask(404, "GET", path, AT("31"), NULL, "Token not found");
    kn_test_websocket_close(&ws);
}

/* --- opening ----------------------------------------------------------------------------------------------------------- */

static void test_a_line_is_typed_at(void **state)
{
    char token[64];

    (void)state;
    serial_token(token);
    struct kn_test_websocket ws = open_with(token, "Sec-WebSocket-Protocol: base64, binary\r\n");

    assert_int_equal(ws.status, 101);
    assert_non_null(strstr(ws.head.buf, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_non_null(strstr(ws.head.buf, "Sec-WebSocket-Protocol: binary"));
    kn_test_websocket_await(&ws, server);
    kn_test_websocket_say(&ws, KN_WEBSOCKET_BINARY, "who is ", 7);
    kn_test_websocket_say(&ws, KN_WEBSOCKET_TEXT, "there?\r", 7);
    kn_test_websocket_await(&ws, "you said: who is there?");
    kn_test_websocket_say(&ws, KN_WEBSOCKET_CLOSE, "\x03\xe8", 2);
    assert_int_equal(kn_test_websocket_end(&ws), KN_WEBSOCKET_NORMAL);
    kn_test_websocket_close(&ws);
    ws = open_again(); /* its place is free again */
    kn_test_websocket_close(&ws);
}

static void test_a_picture_is_seen(void **state)
{
    char token[64];

    (void)state;
    wish(200, AT("79"), NOVNC, "vnc_lite.html");
    token_of("%3Ftoken%3D", token);
    struct kn_test_websocket ws = open_with(token, "");

    kn_test_websocket_await(&ws, "RFB 003.008\n");
    kn_test_websocket_say(&ws, KN_WEBSOCKET_BINARY, "RFB 003.008\n", 12);
    kn_test_websocket_await(&ws, "\x01\x01");
    kn_test_websocket_say(&ws, KN_WEBSOCKET_BINARY, "\x01", 1);
    kn_test_websocket_say(&ws, KN_WEBSOCKET_BINARY, "\x01", 1);
    kn_test_websocket_await(&ws, "sim");
    kn_test_websocket_say(&ws, KN_WEBSOCKET_BINARY, "\x03\x00\x00\x00\x00\x00\x00\x20\x00\x10", 10);
    kn_test_websocket_await(&ws, "\x80\x80\x80\x80");
    kn_test_websocket_close(&ws);
}

static void test_a_token_opens_once(void **state)
{
    struct kn_error err = { 0 };
    char token[64];

    (void)state;
    struct kn_test_websocket ws = open_again();

    kn_test_websocket_close(&ws);
    serial_token(token);
    ws = open_with(token, "");
    refused(token, KN_WEBSOCKET_MUTE);
    kn_test_websocket_close(&ws);
    refused("bad", KN_WEBSOCKET_MUTE);
    refused("", KN_WEBSOCKET_MUTE);
    refused("%27%20OR%201%3D1", KN_WEBSOCKET_MUTE);
    serial_token(token); /* its minute is over */
    assert_ok(kn_db_script(kn_whole.db, "UPDATE console_token SET expires_at = clock_timestamp()", &err), &err);
    refused(token, KN_WEBSOCKET_MUTE);
    serial_token(token); /* its server is elsewhere */
    assert_ok(kn_db_script(kn_whole.db, "UPDATE console_token SET host = 'another'", &err), &err);
    refused(token, KN_WEBSOCKET_MUTE);
}

static void test_pages_of_others(void **state)
{
    AUTO_FREE char *ours = kn_asprintf("Origin: http://127.0.0.1:%d\r\n", kn_whole.console_port);
    struct kn_test_websocket ws;
    char token[64];

    (void)state;
    serial_token(token);
    ws = kn_test_websocket_open(kn_whole.console_port, "/", KN_TEST_WEBSOCKET_ASKS "Origin: http://evil.example\r\n");
    assert_int_equal(ws.status, 403);
    kn_test_websocket_close(&ws);
    ws = kn_test_websocket_open(kn_whole.console_port, "/", KN_TEST_WEBSOCKET_ASKS "Origin: null\r\n");
    assert_int_equal(ws.status, 403);
    kn_test_websocket_close(&ws);
    AUTO_FREE char *headers = kn_asprintf("Host: 127.0.0.1:%d\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                                          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " KN_TEST_WEBSOCKET_KEY
                                          "\r\n%s",
                                          kn_whole.console_port, ours);
    AUTO_FREE char *path = kn_asprintf("/?token=%s", token);

    ws = kn_test_websocket_open(kn_whole.console_port, path, headers);
    assert_int_equal(ws.status, 101);
    kn_test_websocket_await(&ws, "sim# ");
    kn_test_websocket_close(&ws);
}

/* What is no handshake, and what a stranger who found the port may try. */
static void test_strangers(void **state)
{
    static const struct {
        const char *path, *headers;
        int status;
    } TRIES[] = {
        { "/",
          "Host: x\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " KN_TEST_WEBSOCKET_KEY
          "\r\n",
          400 },
        { "/", "Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n", 400 },
        { "/",
          "Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: " KN_TEST_WEBSOCKET_KEY
          "\r\n",
          426 },
        { "/", "Host: x\r\n", 404 },
        { "/../../etc/passwd", "Host: x\r\n", 404 },
        { "/%2e%2e/%2e%2e/etc/passwd", "Host: x\r\n", 404 },
        { "/.git", "Host: x\r\n", 404 },
        { "/app", "Host: x\r\n", 404 },
        { "/", "Host: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n", 404 },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(TRIES); i++) {
        struct kn_test_websocket ws = kn_test_websocket_open(kn_whole.console_port, TRIES[i].path, TRIES[i].headers);

        if (ws.status != TRIES[i].status) {
            fail_msg("%s %s: %d, wanted %d", TRIES[i].path, TRIES[i].headers, ws.status, TRIES[i].status);
        }
        kn_test_websocket_close(&ws);
    }
    /* Who claims to be a host, without a secret that somebody waits for, hears nothing. */
    struct kn_test_websocket ws =
        kn_test_websocket_open(kn_whole.console_port,
                               "/?token=0000000000000000000000000000000000000000000000000000000000000000",
                               "Host: x\r\nConnection: Upgrade\r\nUpgrade: kilonova-console\r\n");

    assert_int_equal(ws.status, 101);
    assert_int_equal(kn_test_websocket_hear(&ws), -1);
    kn_test_websocket_close(&ws);
}

/* --- bounds and ends --------------------------------------------------------------------------------------------------- */

static void test_a_line_has_one_client(void **state)
{
    char token[64];

    (void)state;
    struct kn_test_websocket first = open_again();

    serial_token(token);
    refused(token, KN_WEBSOCKET_LATER);
    kn_test_websocket_say(&first, KN_WEBSOCKET_BINARY, "still here\r", 11);
    kn_test_websocket_await(&first, "you said: still here");
    kn_test_websocket_close(&first);
    first = open_again();
    kn_test_websocket_close(&first);
    /* Whoever asks for ever keeps a few tokens. */
    for (int i = 0; i < KN_MAX_CONSOLE_TOKENS + 3; i++) {
        serial_token(token);
    }
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM console_token", NULL), KN_MAX_CONSOLE_TOKENS);
}

static void test_pictures_have_a_few(void **state)
{
    struct kn_test_websocket open[KN_MAX_CONSOLES_OF_SERVER];
    char token[64];

    (void)state;
    for (int i = 0; i <= KN_MAX_CONSOLES_OF_SERVER; i++) {
        wish(200, AT("79"), NOVNC, "vnc_lite.html");
        token_of("%3Ftoken%3D", token);
        if (i == KN_MAX_CONSOLES_OF_SERVER) {
            refused(token, KN_WEBSOCKET_LATER);
        } else {
            open[i] = open_with(token, "");
            kn_test_websocket_await(&open[i], "RFB");
        }
    }
    for (int i = 0; i < KN_MAX_CONSOLES_OF_SERVER; i++) {
        kn_test_websocket_close(&open[i]);
    }
}

/* One that does not run has none; the console of one that is deleted ends. */
static void test_servers_end_it(void **state)
{
    AUTO_FREE char *path = kn_asprintf(SERVERS "/%s", server);

    (void)state;
    struct kn_test_websocket ws = open_again();

    act(202, AT("79"), "{\"os-stop\": null}", "");
    assert_int_equal(kn_test_websocket_end(&ws), KN_WEBSOCKET_NORMAL);
    kn_test_websocket_close(&ws);
    kn_whole_cloud_await(IS("stopped"), 1);
    wish(409, AT("79"), SERIAL, "is not ready");
    wish(409, AT("79"), NOVNC, "is not ready");
    act(202, AT("79"), "{\"os-start\": null}", "");
    kn_whole_cloud_await(IS("active"), 1);
    ws = open_again();

    /* Its host says nothing of it: rows do. */
    struct kn_error err = { 0 };

    assert_ok(kn_db_script(kn_whole.db, "UPDATE server SET task_state = 'deleting'", &err), &err);
    assert_int_equal(kn_test_websocket_end(&ws), KN_WEBSOCKET_AWAY);
    kn_test_websocket_close(&ws);
    assert_ok(kn_db_script(kn_whole.db, "UPDATE server SET task_state = NULL", &err), &err);
    ws = open_again();
    ask(204, "DELETE", path, AT("79"), NULL, "");
    kn_test_websocket_end(&ws);
    assert_true(ws.code == KN_WEBSOCKET_NORMAL || ws.code == KN_WEBSOCKET_AWAY); /* whoever saw it first */
    kn_test_websocket_close(&ws);
    kn_whole_cloud_await("SELECT count(*) FROM server WHERE deleted_at IS NULL", 0);
    wish(404, AT("79"), SERIAL, "could not be found");
}

static void make_server(void)
{
    AUTO_FREE char *body = kn_asprintf(
        "{\"server\": {\"name\": \"s\", \"flavorRef\": \"%s\", \"imageRef\": \"%s\", \"networks\": \"none\"}}", flavor,
        image);

    ask(202, "POST", SERVERS, AT("79"), body, "");
    kn_copy(server, sizeof(server), kn_whole_cloud_text("server.id"));
    kn_whole_cloud_await(IS("active"), 1);
}

/* The token that a console was asked with is revoked: the console ends, and what it gave but nobody opened opens nothing. */
static void test_revocation_ends_it(void **state)
{
    char token[64], spare[64], mine[KN_KS_TOKEN];

    (void)state;
    make_server();
    AUTO_FREE char *path = kn_asprintf(SERVERS "/%s/remote-consoles", server);

    kn_ks_log_in(201, "admin", KN_KS_PASSWORD, KN_KS_ADMIN_SCOPE, mine);
    AUTO_FREE char *as = kn_asprintf("X-Auth-Token: %s\r\n" AT("79"), mine);

    kn_test_http_ask(&kn_whole.http, "POST", path, as, SERIAL);
    assert_int_equal(kn_whole.http.status, 200);
    token_of("/?token=", token);
    kn_test_http_ask(&kn_whole.http, "POST", path, as, SERIAL);
    token_of("/?token=", spare);
    struct kn_test_websocket ws = open_with(token, "");

    kn_test_websocket_await(&ws, "sim# ");
    AUTO_FREE char *subject = kn_asprintf("X-Subject-Token: %s\r\n", mine);

    ask(204, "DELETE", "/identity/v3/auth/tokens", subject, NULL, "");
    assert_int_equal(kn_test_websocket_end(&ws), KN_WEBSOCKET_REFUSED);
    kn_test_websocket_close(&ws);
    refused(spare, KN_WEBSOCKET_MUTE);
    assert_true(kn_whole_cloud_is_sound());
}

/* A token opens at any API, wherever it was asked for; one that dies takes its consoles along, and the host has their places again. */
static void test_another_api(void **state)
{
    const int first = kn_whole.console_port, second = kn_test_free_port();
    const int64_t deadline = kn_mono_ms() + LIMIT_MS;
    char token[64];

    (void)state;
    const pid_t pid = kn_whole_cloud_second_api(kn_test_free_port(), second);
    struct kn_test_websocket ws;

    for (bool is_open = false; !is_open;) { /* it hears hosts' answers in a moment */
        assert_true(kn_mono_ms() < deadline);
        serial_token(token);
        kn_whole.console_port = second;
        ws = open_with(token, "");
        kn_whole.console_port = first;
        is_open = kn_test_websocket_hear(&ws) == KN_WEBSOCKET_BINARY;
        if (!is_open) {
            kn_test_websocket_close(&ws);
        }
    }
    kn_test_websocket_say(&ws, KN_WEBSOCKET_BINARY, "elsewhere\r", 10);
    kn_test_websocket_await(&ws, "you said: elsewhere");
    kn_test_end(pid, SIGKILL);
    assert_int_equal(kn_test_websocket_end(&ws), 0);
    kn_test_websocket_close(&ws);
    ws = open_again();
    kn_test_websocket_close(&ws);
}

static void test_the_host_ends_it(void **state)
{
    (void)state;
    struct kn_test_websocket ws = open_again();

    kn_whole_cloud_restart("kilonova-agent");
    assert_int_equal(kn_test_websocket_end(&ws), KN_WEBSOCKET_NORMAL);
    kn_test_websocket_close(&ws);
}

/* Of a host whose agent began anew meanwhile a token opens the console as if nothing had been, and once. */
static void test_a_token_outlives_its_host(void **state)
{
    AUTO_FREE char *path = kn_asprintf(SERVERS "/%s/action", server);
    const int64_t deadline = kn_mono_ms() + LIMIT_MS;
    char token[64];

    (void)state;
    struct kn_test_websocket ws = open_again();

    kn_test_websocket_close(&ws);
    serial_token(token);
    kn_whole_cloud_restart("kilonova-agent");
    while (kn_whole_cloud_ask("POST", path, AT("79"), "{\"os-getConsoleOutput\": {}}") != 200) { /* it hears again */
        assert_true(kn_mono_ms() < deadline);
    }
    ws = open_with(token, "");
    kn_test_websocket_await(&ws, "sim# ");
    kn_test_websocket_close(&ws);
    refused(token, KN_WEBSOCKET_MUTE);
}

static int start(void **state)
{
    (void)state;
    kn_whole_cloud_start("1");
    flavor = kn_whole_cloud_flavor();
    kn_copy(image, sizeof(image), kn_whole_cloud_image());
    make_server();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_answered),      cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_a_token_is_looked_at),  cmocka_unit_test(test_a_line_is_typed_at),
        cmocka_unit_test(test_a_picture_is_seen),     cmocka_unit_test(test_a_token_opens_once),
        cmocka_unit_test(test_pages_of_others),       cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_a_line_has_one_client), cmocka_unit_test(test_pictures_have_a_few),
        cmocka_unit_test(test_servers_end_it),        cmocka_unit_test(test_revocation_ends_it),
        cmocka_unit_test(test_another_api),           cmocka_unit_test(test_a_token_outlives_its_host),
        cmocka_unit_test(test_the_host_ends_it),
    };

    return cmocka_run_group_tests(tests, start, kn_whole_cloud_teardown);
}
