/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os-getConsoleOutput: a question to a host. Real front door, real bus; the agent is played here, so that it can be silent, late, or not who it
 * says it is. The front has four workers; more questions than that wait, and everybody else is served.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "compute/api.h"
#include "lib/adapter/question.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/asked_agent.h"
#include "tests/support/front.h"
#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/test.h"

#define LIMIT_MS 60000
#define PATIENT_MS 600000 /* a deadline that no test lives to see */
#define SHORT_MS 300
#define CROWD 40
#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ONE "77777777-7777-4777-8777-000000000001" /* of project A on host quiet */
#define TWO "77777777-7777-4777-8777-000000000002" /* of project A on host other */
#define NEW "77777777-7777-4777-8777-000000000003" /* of project A, not yet anywhere */
#define SERVERS "/compute/v2.1/servers/"

static struct {
    struct kn_asked_agent on;
    struct kn_test_front *front;
    struct kn_test_http clients[CROWD];
} world;

static const struct kn_api *const APIS[] = { &kn_compute_api, NULL };

/* --- the agent --------------------------------------------------------------------------------------------------------- */

/* The next question, if one comes within wait_ms. */
static bool next_question(struct kn_message *ret, int wait_ms)
{
    struct kn_bus_message raw;
    struct kn_error err = { 0 };

    if (kn_bus_poll(world.on.reader, &raw, 1, wait_ms) == 0) {
        return false;
    }
    assert_ok(kn_message_parse(raw.data, raw.len, ret, &err), &err);
    kn_bus_message_done(&raw);
    assert_int_equal(ret->task, 0);
    assert_int_equal(ret->question[14], '4'); /* a uuid by chance alone */
    return true;
}

static struct kn_message hear(void)
{
    struct kn_message m = { 0 };

    if (!next_question(&m, LIMIT_MS)) {
        fail_msg("nobody asked");
    }
    return m;
}

static void say(const char *question, const char *agent, const char *output, enum kn_code failed)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    struct kn_error err = { 0 };

    m.type = kn_message_type("server.console_log");
    m.is_reply = true;
    m.ok = failed == KN_OK;
    m.result = m.ok ? json_pack("{s:s}", "output", output) : NULL;
    if (!m.ok) {
        kn_fail(&m.error, failed, "%s on host quiet", output);
    }
    kn_copy(m.question, sizeof(m.question), question);
    kn_copy(m.agent, sizeof(m.agent), agent);
    assert_ok(kn_message_print(&m, &text, &err), &err);
    assert_ok(kn_bus_send(world.on.bus, KN_TOPIC_ANSWER, 0, text.buf, text.len, &err), &err);
}

static void answer(struct kn_message *question, const char *output)
{
    say(question->question, world.on.agent, output, KN_OK);
    kn_message_release(question);
}

/* --- clients ----------------------------------------------------------------------------------------------------------- */

static void ask(int client, const char *project, const char *role, const char *server)
{
    static const char BODY[] = "{\"os-getConsoleOutput\": {\"length\": 7}}";
    AUTO_FREE char *text =
        kn_asprintf("POST " SERVERS
                    "%s/action HTTP/1.1\r\nHost: x\r\nX-Auth-Token: %s:%s\r\nContent-Length: %zu\r\n\r\n%s",
                    server, project, role, strlen(BODY), BODY);
    kn_test_http_send(&world.clients[client], text, strlen(text));
}

static void assert_answer(int client, int status, const char *says)
{
    struct kn_test_http *c = &world.clients[client];

    assert_true(kn_test_http_read(c, false));
    if (c->status != status || strstr(c->body.buf, says) == NULL) {
        fail_msg("%d %s, wanted %d \"%s\"", c->status, c->body.buf, status, says);
    }
    assert_int_equal(strncmp(kn_test_http_header(c, "x-openstack-request-id"), "req-", 4), 0);
    if (status == 429 || status == 503) {
        assert_string_equal(kn_test_http_header(c, "Retry-After"), "1");
    }
}

static bool has_answer(int client)
{
    struct pollfd p = { .fd = world.clients[client].fd, .events = POLLIN };
    return poll(&p, 1, 0) == 1;
}

/* Asks, again for as long as the answer is an early 503, until the agent hears it. */
static struct kn_message ask_until_heard(int client, const char *project, const char *role, const char *server)
{
    const int64_t deadline = kn_mono_ms() + LIMIT_MS;
    struct kn_message m = { 0 };

    ask(client, project, role, server);
    while (!next_question(&m, 20)) {
        if (has_answer(client)) {
            assert_answer(client, 503, "serviceUnavailable");
            ask(client, project, role, server);
        }
        assert_true(kn_mono_ms() < deadline);
    }
    return m;
}

static int64_t number(const char *sql)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    assert_ok(kn_db_query(world.on.db, sql, 0, KN_NO_ARGS, &rows, &err), &err);
    return kn_rows_int(rows, 0, 0);
}

static void say_ok(struct kn_message *question, const char *type, json_t *result)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_message) struct kn_message m = { .is_reply = true, .ok = true, .result = result };
    struct kn_error err = { 0 };

    assert_string_equal(question->type->name, type);
    m.type = question->type;
    m.generation = question->generation;
    kn_copy(m.question, sizeof(m.question), question->question);
    kn_copy(m.agent, sizeof(m.agent), world.on.agent);
    assert_ok(kn_message_print(&m, &text, &err), &err);
    assert_ok(kn_bus_send(world.on.bus, KN_TOPIC_ANSWER, 0, text.buf, text.len, &err), &err);
    kn_message_release(question);
}

static void ask_password(const char *method, const char *server)
{
    AUTO_FREE char *text = kn_asprintf("%s " SERVERS "%s/os-server-password HTTP/1.1\r\nHost: x\r\nX-Auth-Token: " A
                                       ":member\r\n\r\n",
                                       method, server);

    kn_test_http_send(&world.clients[0], text, strlen(text));
}

static void get(int client, const char *project, int status)
{
    AUTO_FREE char *token = kn_asprintf("X-Auth-Token: %s:member\r\n", project);

    kn_test_http_ask(&world.clients[client], "GET", SERVERS ONE, token, NULL);
    assert_int_equal(world.clients[client].status, status);
}

/* --- the world --------------------------------------------------------------------------------------------------------- */

static void open_front(int64_t wait_ms)
{
    struct kn_message m;

    world.on.conf.api_host_wait_ms = wait_ms;
    world.front = kn_test_front_start(&world.on.conf, APIS);
    for (int i = 0; i < CROWD; i++) {
        world.clients[i] = kn_test_http_open(kn_test_front_port(world.front));
    }
    m = ask_until_heard(0, A, "member", ONE); /* from now on it hears answers */
    assert_string_equal(m.project, A); /* whose turn it takes at the agent */
    if (wait_ms == PATIENT_MS) {
        answer(&m, "warm");
        assert_answer(0, 200, "warm");
    } else {
        kn_message_release(&m);
        assert_answer(0, 504, "did not come");
    }
}

static void close_front(void)
{
    for (int i = 0; i < CROWD; i++) {
        kn_test_http_close(&world.clients[i]);
    }
    kn_test_front_free(world.front);
}

static int patient(void **state)
{
    (void)state;
    open_front(PATIENT_MS);
    return 0;
}

static int hasty(void **state)
{
    (void)state;
    open_front(SHORT_MS);
    return 0;
}

static int closed(void **state)
{
    (void)state;
    close_front();
    assert_int_equal(number("SELECT count(*) FROM task"), 0); /* a read is no task of record */
    return 0;
}

static void seed(void)
{
    AUTO_FREE char *sql = kn_asprintf(
        "INSERT INTO agent (id, boot) VALUES ('%s', 'b');"
        "INSERT INTO host (name, uuid, agent_id, zone, vcpus, memory_mib, disk_gib, cpu_ratio_percent, hypervisor_type, hypervisor_version) "
        "SELECT name, gen_random_uuid(), '%s', 'nova', 1, 1, 1, 100, 'sim', 1 FROM unnest('{quiet,other}'::text[]) name;"
        "INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, flavor, reservation_id, host, generation, launched_at) VALUES "
        "('" ONE "', '" A "', 'u', 'one', 'one', 'active', '{}', 'r', 'quiet', 3, now()), ('" TWO "', '" A
        "', 'u', 'two', 'two', 'active', '{}', 'r', 'other', 1, now()),"
        "('" NEW "', '" A "', 'u', 'new', 'new', 'building', '{}', 'r', NULL, 1, NULL)",
        world.on.agent, world.on.agent);
    struct kn_error err = { 0 };

    assert_ok(kn_db_script(world.on.db, sql, &err), &err);
}

static int group_setup(void **state)
{
    (void)state;
    kn_asked_agent_start(&world.on, "console");
    seed();
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    kn_asked_agent_stop(&world.on);
    return 0;
}

/* --- the tests --------------------------------------------------------------------------------------------------------- */

/* 32 at once of one project, the host says nothing: twice as many as there are workers wait, the rest is told so, and everybody is served. */
static void test_a_silent_host_holds_nobody(void **state)
{
    struct kn_message asked[KN_QUESTIONS_PER_PROJECT];

    (void)state;
    for (int i = 0; i < KN_QUESTIONS_PER_PROJECT; i++) {
        ask(i, A, "member", i % 2 == 0 ? ONE : TWO);
        asked[i] = hear();
    }
    for (int i = KN_QUESTIONS_PER_PROJECT; i < 32; i++) {
        ask(i, A, "member", ONE);
        assert_answer(i, 429, "overLimit");
    }
    for (int i = 0; i < 20; i++) {
        get(32, A, 200);
        get(33, "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", 404);
    }
    for (int i = KN_QUESTIONS_PER_PROJECT - 1; i >= 0; i--) { /* each its own */
        AUTO_FREE char *output = kn_asprintf("line %d", i);
        assert_int_equal(kn_json_int(asked[i].body, "lines"), 7);
        assert_string_equal(kn_json_str(asked[i].body, "host"), i % 2 == 0 ? "quiet" : "other");
        assert_int_equal(asked[i].generation, i % 2 == 0 ? 3 : 1);
        AUTO_FREE char *request = kn_strdup(asked[i].request_id);
        answer(&asked[i], output);
        assert_answer(i, 200, output);
        assert_string_equal(kn_test_http_header(&world.clients[i], "x-openstack-request-id"), request);
    }
    ask(0, A, "member", ONE); /* the places are free again */
    asked[0] = hear();
    answer(&asked[0], "again");
    assert_answer(0, 200, "again");
}

/* Many projects, one host: it has a bound, too; another host has its own. Who hangs up frees a place. */
static void test_a_host_has_a_bound(void **state)
{
    struct kn_message m;

    (void)state;
    for (int i = 0; i < KN_QUESTIONS_PER_HOST; i++) {
        AUTO_FREE char *project = kn_asprintf("p%d", i / KN_QUESTIONS_PER_PROJECT);
        ask(i, project, "admin", ONE);
        m = hear();
        kn_message_release(&m);
    }
    ask(32, "p9", "admin", ONE);
    assert_answer(32, 503, "too many requests wait");
    ask(33, "p9", "admin", TWO);
    m = hear();
    answer(&m, "other");
    assert_answer(33, 200, "other");
    kn_test_http_close(&world.clients[0]);
    world.clients[0] = kn_test_http_open(kn_test_front_port(world.front));
    m = ask_until_heard(32, "p9", "admin", ONE);
    answer(&m, "a place");
    assert_answer(32, 200, "a place");
}

/* Whoever writes kn.answer: an answer is one only to the question that waits, by the agent that was asked. */
static void test_forged_answers(void **state)
{
    static const char *const GARBAGE[] = {
        "", "{", "null", "{\"type\":\"server.console_log\",\"v\":1}",
        "{\"type\":\"server.spawn\",\"v\":1,\"reply\":{\"ok\":true,\"result\":{\"power_state\":1}}}"
    };
    struct kn_error err = { 0 };
    struct kn_message m;
    char unknown[KN_UUID_SIZE];

    (void)state;
    ask(0, A, "member", ONE);
    m = hear();
    kn_uuid_make(unknown);
    say(unknown, world.on.agent, "unknown", KN_OK);
    say(m.question, "thief", "forged", KN_OK);
    say(m.question, "thief", "forged", KN_NOT_FOUND);
    for (size_t i = 0; i < KN_COUNT(GARBAGE); i++) {
        assert_ok(kn_bus_send(world.on.bus, KN_TOPIC_ANSWER, 0, GARBAGE[i], strlen(GARBAGE[i]), &err), &err);
    }
    say(m.question, world.on.agent, "true", KN_OK);
    answer(&m, "twice");
    assert_answer(0, 200, "true");
    ask(0, A, "member", ONE); /* the second one was not for this */
    m = hear();
    answer(&m, "next");
    assert_answer(0, 200, "next");
}

static void test_refusals(void **state)
{
    static const struct {
        enum kn_code code;
        int status;
        const char *says;
    } REFUSALS[] = {
        { KN_NOT_FOUND, 409, "Instance " ONE " is not ready" },
        { KN_STALE, 409, "Instance " ONE " is not ready" },
        { KN_UNAVAILABLE, 503, "cannot be read now" },
        { KN_INTERNAL, 503, "cannot be read now" },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(REFUSALS); i++) {
        struct kn_message m;

        ask(0, A, "member", ONE);
        m = hear();
        say(m.question, world.on.agent, "no such file", REFUSALS[i].code);
        kn_message_release(&m);
        assert_answer(0, REFUSALS[i].status, REFUSALS[i].says);
        assert_null(strstr(world.clients[0].body.buf, "quiet"));
    }
    ask(0, A, "member", NEW);
    assert_answer(0, 409, "Instance " NEW " is not ready");
    ask(0, "b", "member", ONE);
    assert_answer(0, 404, "could not be found");
}

/* After the deadline nobody waits: a late answer is nobody's, above all not the next one's. */
static void test_late_answers(void **state)
{
    struct kn_message late, m;

    (void)state;
    ask(0, A, "member", ONE);
    late = hear();
    assert_answer(0, 504, "the answer did not come within 0.3 s");
    m = (struct kn_message){ 0 };
    for (int tries = 0; tries < 100; tries++) { /* a slow machine may need more than one */
        ask(0, A, "member", ONE);
        m = hear();
        say(late.question, world.on.agent, "late", KN_OK);
        answer(&m, "in time");
        assert_true(kn_test_http_read(&world.clients[0], false));
        assert_null(strstr(world.clients[0].body.buf, "late"));
        if (world.clients[0].status == 200) {
            break;
        }
    }
    assert_non_null(strstr(world.clients[0].body.buf, "in time"));
    kn_message_release(&late);
}

#define POSTING "99999999-7777-4777-8777-000000000001"

/* What the guest posted is read at its host; to clear it, the posting that is there is named, so that no repetition drops a later one. */
static void test_passwords(void **state)
{
    struct kn_message m;

    (void)state;
    ask_password("GET", ONE);
    m = hear();
    say_ok(&m, "server.password",
           json_pack("{s:s, s:s, s:s}", "host", "quiet", "password", "c2VjcmV0", "posted", POSTING));
    assert_answer(0, 200, "{\"password\":\"c2VjcmV0\"}");
    ask_password("DELETE", ONE);
    m = hear();
    say_ok(&m, "server.password",
           json_pack("{s:s, s:s, s:s}", "host", "quiet", "password", "c2VjcmV0", "posted", POSTING));
    m = hear();
    assert_int_equal(m.generation, 3);
    assert_string_equal(kn_json_str(m.body, "host"), "quiet");
    assert_string_equal(kn_json_str(m.body, "server"), ONE);
    assert_string_equal(kn_json_str(m.body, "posted"), POSTING);
    say_ok(&m, "server.forget_password", json_object());
    assert_answer(0, 204, "");
    ask_password("GET", ONE);
    m = hear();
    say_ok(&m, "server.password", json_pack("{s:s}", "host", "quiet"));
    assert_answer(0, 200, "{\"password\":\"\"}");
    ask_password("DELETE", ONE); /* nothing to clear: one question */
    m = hear();
    say_ok(&m, "server.password", json_pack("{s:s}", "host", "quiet"));
    assert_answer(0, 204, "");
    ask_password("GET", NEW); /* on no host: it posted nothing */
    assert_answer(0, 200, "{\"password\":\"\"}");
    ask_password("DELETE", NEW);
    assert_answer(0, 204, "");
}

/* An API that stops leaves nobody waiting for ten minutes. */
static void test_a_stop_answers_all(void **state)
{
    struct kn_message m;

    (void)state;
    open_front(PATIENT_MS);
    for (int i = 0; i < KN_QUESTIONS_PER_PROJECT; i++) {
        ask(i, A, "member", ONE);
        m = hear();
        kn_message_release(&m);
    }
    kn_test_front_free(world.front);
    for (int i = 0; i < CROWD; i++) {
        if (i < KN_QUESTIONS_PER_PROJECT) {
            assert_answer(i, 503, "this API stops");
        }
        kn_test_http_close(&world.clients[i]);
    }
}

/* The bus goes while a client waits, and comes back: nobody waits for the deadline, and nobody has to start anything again. */
static void test_a_bus_that_goes(void **state)
{
    struct kn_message m;

    (void)state;
    if (kn_test_broker_is_kafka(world.on.broker)) {
        skip();
    }
    ask(0, A, "member", ONE);
    m = hear();
    kn_message_release(&m);
    kn_test_broker_kill(world.on.broker);
    assert_answer(0, 503, "the message bus is away");
    ask(1, A, "member", ONE);
    assert_answer(1, 503, "the message bus is away");
    get(2, A, 200);
    kn_test_broker_up(world.on.broker);
    m = ask_until_heard(0, A, "member", ONE);
    answer(&m, "back");
    assert_answer(0, 200, "back");
}

/* There never was one. */
static void test_no_bus(void **state)
{
    struct kn_conf conf = world.on.conf;

    (void)state;
    conf.bus_brokers = "127.0.0.1:1";
    conf.api_host_wait_ms = PATIENT_MS;
    struct kn_test_front *front = kn_test_front_start(&conf, APIS);
    world.clients[0] = kn_test_http_open(kn_test_front_port(front));
    ask(0, A, "member", ONE);
    assert_answer(0, 503, "the message bus is away");
    get(0, A, 200);
    kn_test_http_close(&world.clients[0]);
    kn_test_front_free(front);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_silent_host_holds_nobody, patient, closed),
        cmocka_unit_test_setup_teardown(test_a_host_has_a_bound, patient, closed),
        cmocka_unit_test_setup_teardown(test_forged_answers, patient, closed),
        cmocka_unit_test_setup_teardown(test_refusals, patient, closed),
        cmocka_unit_test_setup_teardown(test_passwords, patient, closed),
        cmocka_unit_test_setup_teardown(test_late_answers, hasty, closed),
        cmocka_unit_test(test_a_stop_answers_all),
        cmocka_unit_test(test_no_bus),
        cmocka_unit_test_setup_teardown(test_a_bus_that_goes, patient, closed),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
