/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated agent on a real bus, from outside: commands in, replies and reports out. Killed with SIGKILL wherever it
 * stands, it comes back whole.
 */
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/adapter/bus.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "tests/support/broker.h"
#include "tests/support/process.h"
#include "tests/support/test.h"

#define WAIT_MS 60000

static struct kn_test_broker *broker;
static struct kn_conf conf;

struct fixture {
    struct kn_bus *bus;
    struct kn_bus_reader *reader;
    char id[KN_UUID_SIZE];   /* the agent's, of its own for each test */
    char host[64];           /* its first host */
    char topic[64];
    char dir[64];
    pid_t pid;
    int64_t task;            /* of the next command */
};

static int group_setup(void **state)
{
    (void)state;
    kn_conf_defaults(&conf);
    broker = kn_test_broker_start();
    kn_test_broker_conf(broker, &conf);
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    kn_test_broker_free(broker);
    return 0;
}

static void start_agent(struct fixture *f)
{
    AUTO_FREE char *program = kn_test_binary("kilonova-agent");
    AUTO_FREE char *id = kn_asprintf("agent.id=%s", f->id);
    AUTO_FREE char *host = kn_asprintf("agent.host=%s", f->id);
    AUTO_FREE char *dir = kn_asprintf("agent.state_dir=%s", f->dir);
    AUTO_FREE char *brokers = kn_asprintf("bus.brokers=%s", conf.bus_brokers);
    AUTO_FREE char *port = kn_asprintf("bus.embedded_port=%d", (int)conf.bus_embedded_port);
    const char *argv[] = { program, "--driver", "sim", "--hosts", "3", "--set", id, "--set", host, "--set", dir, "--set",
                           brokers, "--set", port, NULL };

    f->pid = kn_test_spawn(argv, "/dev/stderr", NULL);
}

/* The next message of a type from this agent (or this agent's task); the caller releases it. */
static struct kn_message expect(struct fixture *f, const char *type, int64_t task)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;

    for (;;) {
        struct kn_bus_message raw;
        struct kn_message m = { 0 };
        struct kn_error err = { 0 };
        if (kn_mono_ms() > deadline) {
            fail_msg("no %s came", type);
        }
        if (kn_bus_poll(f->reader, &raw, 1, 100) == 0) {
            continue;
        }
        bool is_dead = strcmp(raw.topic, KN_TOPIC_DEAD) == 0;
        if (!is_dead) {
            assert_ok(kn_message_parse(raw.data, raw.len, &m, &err), &err);
        }
        kn_bus_message_done(&raw);
        bool is_mine = !is_dead && (task != 0 ? m.task == task : strcmp(kn_json_str(m.body, "agent"), f->id) == 0);
        if (is_mine && strcmp(m.type->name, type) == 0) {
            return m;
        }
        kn_message_release(&m);
    }
}

static void expect_hello(struct fixture *f)
{
    struct kn_message hello = expect(f, "agent.hello", 0);
    json_t *hosts = json_object_get(hello.body, "hosts");

    assert_int_equal(json_array_size(hosts), 3);
    assert_string_equal(kn_json_str(json_array_get(hosts, 0), "host"), f->host);
    kn_message_release(&hello);
}

static int setup(void **state)
{
    static int64_t tasks = 1;
    struct fixture *f = KN_NEW(struct fixture);
    struct kn_error err = { 0 };

    *state = f;
    kn_uuid_make(f->id);
    f->task = kn_now_us() + tasks++; /* a shared Kafka remembers other runs' */
    snprintf(f->host, sizeof(f->host), "%s-00001", f->id);
    snprintf(f->topic, sizeof(f->topic), KN_TOPIC_AGENT "%s", f->id);
    snprintf(f->dir, sizeof(f->dir), "/tmp/kn-agent-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    assert_ok(kn_bus_new(&conf, "test", &f->bus, &err), &err);
    assert_ok(kn_bus_ensure_topic(f->bus, f->topic, 1, WAIT_MS, &err), &err);
    assert_ok(kn_bus_ensure_topic(f->bus, KN_TOPIC_REPLY, KN_SHARDS, WAIT_MS, &err), &err);
    assert_ok(kn_bus_reader_new(f->bus, &f->reader, &err), &err);
    assert_ok(kn_bus_assign(f->reader, KN_TOPIC_REPORT, 0, &err), &err);
    assert_ok(kn_bus_assign(f->reader, KN_TOPIC_REPLY, 5, &err), &err);
    start_agent(f);
    expect_hello(f);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    AUTO_FREE char *journal = kn_asprintf("%s/sim.journal", f->dir);

    assert_true(kn_test_end(f->pid, SIGTERM)); /* leaves with 0 */
    kn_bus_reader_free(f->reader);
    kn_bus_free(f->bus);
    unlink(journal);
    rmdir(f->dir);
    free(f);
    return 0;
}

/* Sends a command (steals body, adds the host) and returns its task. */
static int64_t command(struct fixture *f, const char *type, int64_t generation, json_t *body)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    struct kn_error err = { 0 };
    struct kn_message m;

    if (json_object_get(body, "host") == NULL) {
        json_object_set_new(body, "host", json_string(f->host));
    }
    kn_message_init(&m, type, body);
    m.task = f->task++;
    m.shard = 5;
    m.attempt = 1;
    m.generation = generation;
    assert_ok(kn_message_print(&m, &text, &err), &err);
    assert_ok(kn_bus_send(f->bus, f->topic, 0, text.buf, text.len, &err), &err);
    kn_message_release(&m);
    return f->task - 1;
}

static json_t *spawn_body(const char *server)
{
    return json_pack("{s:s, s:{s:s, s:s, s:s, s:i, s:i, s:i, s:[{s:s, s:s, s:s, s:s}]}}", "server", server, "spec", "name",
                     "a", "hostname", "a", "project", "p", "vcpus", 1, "memory_mib", 64, "disk_gib", 1, "nics", "port",
                     server, "network", server, "mac", "fa:16:3e:00:00:01", "tap", "tap00000000-00");
}

static void done(struct fixture *f, const char *type, int64_t task)
{
    struct kn_message m = expect(f, type, task);

    if (!m.ok) {
        fail_msg("%s: %s", type, m.error.message);
    }
    kn_message_release(&m);
}

static void refused(struct fixture *f, const char *type, int64_t task, enum kn_code code)
{
    struct kn_message m = expect(f, type, task);

    assert_false(m.ok);
    assert_int_equal(m.error.code, code);
    kn_message_release(&m);
}

static void spawn(struct fixture *f, const char *server, int64_t generation)
{
    done(f, "server.spawn", command(f, "server.spawn", generation, spawn_body(server)));
}

/* How many guests the first host has. */
static size_t guests(struct fixture *f)
{
    struct kn_message m = expect(f, "host.observe", command(f, "host.observe", 0, json_pack("{s:s}", "audit", "x")));
    size_t count = json_array_size(json_object_get(m.result, "domains"));

    assert_int_equal(json_array_size(json_object_get(m.result, "taps")), count);
    kn_message_release(&m);
    return count;
}

static void test_twice_is_once(void **state)
{
    struct fixture *f = *state;
    char server[KN_UUID_SIZE];

    kn_uuid_make(server);
    spawn(f, server, 1);
    spawn(f, server, 1);
    assert_int_equal(guests(f), 1);
    done(f, "server.destroy", command(f, "server.destroy", 1, json_pack("{s:s}", "server", server)));
    done(f, "server.destroy", command(f, "server.destroy", 1, json_pack("{s:s}", "server", server)));
    assert_int_equal(guests(f), 0);
}

static void test_stale_is_refused(void **state)
{
    struct fixture *f = *state;
    char server[KN_UUID_SIZE];

    kn_uuid_make(server);
    spawn(f, server, 4);
    refused(f, "server.spawn", command(f, "server.spawn", 3, spawn_body(server)), KN_STALE);
    refused(f, "server.destroy", command(f, "server.destroy", 3, json_pack("{s:s}", "server", server)), KN_STALE);
    assert_int_equal(guests(f), 1);
    done(f, "server.destroy", command(f, "server.destroy", 5, json_pack("{s:s}", "server", server)));
    refused(f, "server.spawn", command(f, "server.spawn", 5, spawn_body(server)), KN_STALE); /* the tombstone */
    refused(f, "server.power",
            command(f, "server.power", 4, json_pack("{s:s, s:s}", "server", server, "action", "stop")), KN_STALE);
    spawn(f, server, 6);
    assert_int_equal(guests(f), 1);
}

static int power_of(struct fixture *f, const char *server, const char *action)
{
    int64_t task = command(f, "server.power", 1, json_pack("{s:s, s:s}", "server", server, "action", action));
    struct kn_message m = expect(f, "server.power", task);
    int power_state = m.ok ? (int)kn_json_int(m.result, "power_state") : -1;

    kn_message_release(&m);
    return power_state;
}

static void test_power(void **state)
{
    struct fixture *f = *state;
    char server[KN_UUID_SIZE];

    kn_uuid_make(server);
    assert_int_equal(power_of(f, server, "stop"), -1); /* no such guest */
    spawn(f, server, 1);
    assert_int_equal(power_of(f, server, "stop"), 4);
    assert_int_equal(power_of(f, server, "pause"), -1);
    assert_int_equal(power_of(f, server, "start"), 1);
    assert_int_equal(power_of(f, server, "suspend"), 7);
    assert_int_equal(power_of(f, server, "resume"), 1);
    assert_int_equal(power_of(f, server, "dance"), -1);
}

static json_t *attach_body(const char *server, const char *volume)
{
    return json_pack("{s:s, s:s, s:{s:s, s:s, s:s}}", "server", server, "volume", volume, "connection", "driver", "file",
                     "path", "/v", "format", "raw");
}

static void test_volumes(void **state)
{
    struct fixture *f = *state;
    char server[KN_UUID_SIZE];
    char volume[KN_UUID_SIZE];

    kn_uuid_make(server);
    kn_uuid_make(volume);
    spawn(f, server, 1);
    for (int i = 0; i < 2; i++) { /* twice is once */
        struct kn_message m = expect(f, "server.attach_volume",
                                     command(f, "server.attach_volume", 1, attach_body(server, volume)));
        assert_true(m.ok);
        assert_string_equal(kn_json_str(m.result, "device"), "/dev/vdb");
        kn_message_release(&m);
    }
    for (int i = 0; i < 2; i++) {
        json_t *body = json_pack("{s:s, s:s}", "server", server, "volume", volume);
        done(f, "server.detach_volume", command(f, "server.detach_volume", 1, body));
    }
}

static void test_killed_anywhere(void **state)
{
    struct fixture *f = *state;
    char servers[40][KN_UUID_SIZE];
    int64_t tasks[40];

    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 40; i++) {
            kn_uuid_make(servers[i]);
            tasks[i] = command(f, "server.spawn", 1, spawn_body(servers[i]));
        }
        /* Somewhere in the middle: after a few replies have come. */
        for (int i = 0; i < round * 8; i++) {
            done(f, "server.spawn", tasks[i]);
        }
        kn_test_end(f->pid, SIGKILL);
        start_agent(f);
        expect_hello(f);
        for (int i = 0; i < 40; i++) { /* as a conductor does after a hello */
            spawn(f, servers[i], 1);
        }
        assert_int_equal(guests(f), 40);
        for (int i = 0; i < 40; i++) {
            done(f, "server.destroy", command(f, "server.destroy", 2, json_pack("{s:s}", "server", servers[i])));
        }
    }
    assert_int_equal(guests(f), 0);
    kn_test_end(f->pid, SIGKILL);
    start_agent(f);
    expect_hello(f);
    refused(f, "server.spawn", command(f, "server.spawn", 1, spawn_body(servers[0])), KN_STALE);
}

static void send_raw(struct fixture *f, const char *text, size_t len)
{
    struct kn_error err = { 0 };

    assert_ok(kn_bus_send(f->bus, f->topic, 0, text, len, &err), &err);
}

static void test_garbage(void **state)
{
    static const char *const GARBAGE[] = {
        "", "{", "[]", "null", "{\"type\":\"server.spawn\"}", "{\"type\":\"no.such\",\"v\":1,\"body\":{}}",
        "{\"type\":\"server.spawn\",\"v\":99,\"body\":{}}", "{\"type\":\"server.destroy\",\"v\":1,\"body\":{\"host\":1}}",
    };
    struct fixture *f = *state;
    struct kn_error err = { 0 };
    char server[KN_UUID_SIZE];
    size_t dead = 0;

    assert_ok(kn_bus_assign(f->reader, KN_TOPIC_DEAD, 0, &err), &err);
    for (size_t i = 0; i < KN_COUNT(GARBAGE); i++) {
        send_raw(f, GARBAGE[i], strlen(GARBAGE[i]));
    }
    send_raw(f, "\xff\x00\xfe", 3);
    for (int64_t deadline = kn_mono_ms() + WAIT_MS; dead < KN_COUNT(GARBAGE) + 1 && kn_mono_ms() < deadline;) {
        struct kn_bus_message raw;
        if (kn_bus_poll(f->reader, &raw, 1, 100) == 1) {
            dead += strcmp(raw.topic, KN_TOPIC_DEAD) == 0;
            kn_bus_message_done(&raw);
        }
    }
    assert_int_equal(dead, KN_COUNT(GARBAGE) + 1);
    assert_ok(kn_bus_unassign(f->reader, KN_TOPIC_DEAD, 0, &err), &err);

    /* Well-formed and wrong is answered. */
    kn_uuid_make(server);
    json_t *body = spawn_body(server);
    json_object_set_new(json_object_get(body, "spec"), "vcpus", json_string("many"));
    refused(f, "server.spawn", command(f, "server.spawn", 1, body), KN_BAD_REQUEST);
    body = spawn_body(server);
    json_object_set_new(body, "host", json_string("somewhere-else"));
    refused(f, "server.spawn", command(f, "server.spawn", 1, body), KN_NOT_FOUND);
    spawn(f, server, 1);
}

static void test_says_hello_to_a_new_broker(void **state)
{
    struct fixture *f = *state;

    if (kn_test_broker_is_kafka(broker)) {
        skip(); /* it is not ours to kill */
    }
    kn_test_broker_kill(broker);
    kn_test_broker_up(broker);
    expect_hello(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_twice_is_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stale_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_power, setup, teardown),
        cmocka_unit_test_setup_teardown(test_volumes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed_anywhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_garbage, setup, teardown),
        cmocka_unit_test_setup_teardown(test_says_hello_to_a_new_broker, setup, teardown),
    };

    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
