/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated agent on a real bus, from outside: commands in, replies and reports out. Killed with SIGKILL wherever it
 * stands, it comes back whole.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/agent.h"
#include "tests/support/broker.h"
#include "tests/support/process.h"
#include "tests/support/test.h"

#define WAIT_MS 60000

static struct kn_test_broker *broker;
static struct kn_conf conf;
static const char *const SIM[] = { "--driver", "sim", "--hosts", "3", NULL };

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

static void expect_hello(struct kn_test_agent *f)
{
    struct kn_message hello = kn_test_agent_expect(f, "agent.hello", 0);
    json_t *hosts = json_object_get(hello.body, "hosts");

    assert_int_equal(json_array_size(hosts), 3);
    assert_string_equal(kn_json_str(json_array_get(hosts, 0), "host"), f->host);
    kn_message_release(&hello);
}

static int setup(void **state)
{
    struct kn_test_agent *f = KN_NEW(struct kn_test_agent);

    *state = f;
    kn_test_agent_init(f, &conf, SIM);
    snprintf(f->host, sizeof(f->host), "%s-00001", f->id);
    expect_hello(f);
    return 0;
}

static json_t *spawn_body(const char *server)
{
    return json_pack("{s:s, s:{s:s, s:s, s:s, s:i, s:i, s:i, s:[{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:[]}]}}", "server",
                     server, "spec", "name", "a", "hostname", "a", "project", "p", "vcpus", 1, "memory_mib", 64,
                     "disk_gib", 1, "nics", "port", server, "network", server, "mac", "fa:16:3e:00:00:01", "tap",
                     "tap00000000-00", "network_name", "n", "vni", 7, "mtu", 1450, "ips");
}

static void done(struct kn_test_agent *f, const char *type, int64_t task)
{
    json_decref(kn_test_agent_done(f, type, task));
}

static int64_t send_destroy(struct kn_test_agent *f, const char *server, int64_t generation)
{
    return kn_test_agent_command(f, "server.destroy", generation, json_pack("{s:s}", "server", server));
}

static int64_t send_spawn(struct kn_test_agent *f, const char *server, int64_t generation)
{
    return kn_test_agent_command(f, "server.spawn", generation, spawn_body(server));
}

static void spawn(struct kn_test_agent *f, const char *server, int64_t generation)
{
    done(f, "server.spawn", send_spawn(f, server, generation));
}

/* How many guests the first host has. */
static size_t guests(struct kn_test_agent *f)
{
    json_t *seen = kn_test_agent_observe(f);
    size_t count = json_array_size(json_object_get(seen, "domains"));

    assert_int_equal(json_array_size(json_object_get(seen, "taps")), count);
    json_decref(seen);
    return count;
}

static void test_twice_is_once(void **state)
{
    struct kn_test_agent *f = *state;
    char server[KN_UUID_SIZE];

    kn_uuid_make(server);
    spawn(f, server, 1);
    spawn(f, server, 1);
    assert_int_equal(guests(f), 1);
    done(f, "server.destroy", send_destroy(f, server, 1));
    done(f, "server.destroy", send_destroy(f, server, 1));
    assert_int_equal(guests(f), 0);
}

static void test_stale_is_refused(void **state)
{
    struct kn_test_agent *f = *state;
    char server[KN_UUID_SIZE];

    kn_uuid_make(server);
    spawn(f, server, 4);
    kn_test_agent_refused(f, "server.spawn", send_spawn(f, server, 3), KN_STALE);
    kn_test_agent_refused(f, "server.destroy", send_destroy(f, server, 3), KN_STALE);
    assert_int_equal(guests(f), 1);
    done(f, "server.destroy", send_destroy(f, server, 5));
    kn_test_agent_refused(f, "server.spawn", send_spawn(f, server, 5), KN_STALE); /* the tombstone */
    assert_int_equal(kn_test_agent_power(f, server, "stop"), -1);
    spawn(f, server, 6);
    assert_int_equal(guests(f), 1);
}

static void test_power(void **state)
{
    struct kn_test_agent *f = *state;
    char server[KN_UUID_SIZE];

    kn_uuid_make(server);
    assert_int_equal(kn_test_agent_power(f, server, "stop"), -1); /* no such guest */
    spawn(f, server, 1);
    assert_int_equal(kn_test_agent_power(f, server, "stop"), 4);
    assert_int_equal(kn_test_agent_power(f, server, "pause"), -1);
    assert_int_equal(kn_test_agent_power(f, server, "start"), 1);
    assert_int_equal(kn_test_agent_power(f, server, "suspend"), 7);
    assert_int_equal(kn_test_agent_power(f, server, "resume"), 1);
    assert_int_equal(kn_test_agent_power(f, server, "dance"), -1);
}

static json_t *attach_body(const char *server, const char *volume)
{
    return json_pack("{s:s, s:s, s:{s:s, s:s, s:s}}", "server", server, "volume", volume, "connection", "driver",
                     "file", "path", "/v", "format", "raw");
}

static void test_volumes(void **state)
{
    struct kn_test_agent *f = *state;
    char server[KN_UUID_SIZE];
    char volume[KN_UUID_SIZE];

    kn_uuid_make(server);
    kn_uuid_make(volume);
    spawn(f, server, 1);
    for (int i = 0; i < 2; i++) { /* twice is once */
        int64_t task = kn_test_agent_command(f, "server.attach_volume", 1, attach_body(server, volume));
        json_t *result = kn_test_agent_done(f, "server.attach_volume", task);
        assert_string_equal(kn_json_str(result, "device"), "/dev/vdb");
        json_decref(result);
    }
    for (int i = 0; i < 2; i++) {
        json_t *body = json_pack("{s:s, s:s}", "server", server, "volume", volume);
        done(f, "server.detach_volume", kn_test_agent_command(f, "server.detach_volume", 1, body));
    }
}

static size_t taps(struct kn_test_agent *f)
{
    json_t *seen = kn_test_agent_observe(f);
    const size_t count = json_array_size(json_object_get(seen, "taps"));

    json_decref(seen);
    return count;
}

static void test_interfaces(void **state)
{
    struct kn_test_agent *f = *state;
    char server[KN_UUID_SIZE], port[KN_UUID_SIZE];
    AUTO_FREE char *tap = NULL;

    kn_uuid_make(server);
    kn_uuid_make(port);
    tap = kn_asprintf("tap%.11s", port);
    spawn(f, server, 1);
    const size_t before = taps(f);

    for (int i = 0; i < 2; i++) { /* twice is once */
        json_t *body = json_pack("{s:s, s:{s:s, s:s, s:s, s:i}}", "server", server, "nic", "port", port, "mac",
                                 "fa:16:3e:00:00:01", "tap", tap, "mtu", 1450);

        done(f, "server.attach_interface", kn_test_agent_command(f, "server.attach_interface", 1, body));
        assert_int_equal(taps(f), before + 1);
    }
    kn_test_agent_kill9(f);
    kn_test_agent_start(f);
    struct kn_message hello = kn_test_agent_expect(f, "agent.hello", 0);

    kn_message_release(&hello);
    assert_int_equal(taps(f), before + 1);
    for (int i = 0; i < 2; i++) {
        json_t *body = json_pack("{s:s, s:s}", "server", server, "port", port);

        done(f, "server.detach_interface", kn_test_agent_command(f, "server.detach_interface", 1, body));
        assert_int_equal(taps(f), before);
    }
    kn_uuid_make(server); /* of a guest that is not there nothing has to be taken */
    done(f, "server.detach_interface",
         kn_test_agent_command(f, "server.detach_interface", 1,
                               json_pack("{s:s, s:s}", "server", server, "port", port)));
}

/* A command of a task that was sent before. */
static int64_t again(struct kn_test_agent *f, int64_t task, const char *type, json_t *body)
{
    const int64_t next = f->task;

    f->task = task;
    kn_test_agent_command(f, type, 1, body);
    f->task = next;
    return task;
}

/* A question: of no task, and answered whatever was obeyed. */
static void read_console(struct kn_test_agent *f, const char *server, bool is_there)
{
    struct kn_message m = kn_test_agent_ask(f, "server.console_log", 1, json_pack("{s:s}", "server", server));

    assert_int_equal(m.task, 0);
    assert_int_equal(m.ok, is_there);
    if (is_there) {
        assert_non_null(strstr(kn_json_str(m.result, "output"), server));
    } else {
        assert_int_equal(m.error.code, KN_NOT_FOUND);
    }
    kn_message_release(&m);
}

/* A spawn takes ten minutes; who asks about its server is told at once that it is not there. */
static void test_a_question_waits_for_no_command(void **state)
{
    static const char *const SLOW[] = { "--driver", "sim", "--hosts", "3", "--set", "agent.sim_spawn_ms=600000", NULL };
    struct kn_test_agent *f = *state;
    char server[KN_UUID_SIZE];

    kn_uuid_make(server);
    kn_test_agent_kill9(f);
    f->options = SLOW;
    kn_test_agent_start(f);
    expect_hello(f);
    for (int i = 0; i < 200; i++) { /* more than it has threads */
        char other[KN_UUID_SIZE];
        kn_uuid_make(other);
        send_spawn(f, other, 1);
    }
    send_spawn(f, server, 1);
    read_console(f, server, false);
    kn_test_agent_kill9(f);
    f->options = SIM;
    kn_test_agent_start(f);
    expect_hello(f);
}

/* The first guest of the first host. */
static void expect_guest(struct kn_test_agent *f, int power_state, size_t volumes)
{
    json_t *seen = kn_test_agent_observe(f);
    const json_t *guest = json_array_get(json_object_get(seen, "domains"), 0);

    assert_int_equal(kn_json_int(guest, "power_state"), power_state);
    assert_int_equal(json_array_size(json_object_get(guest, "volumes")), volumes);
    json_decref(seen);
}

/* Within one generation, too: what was obeyed later is not undone by what comes late, and a kill -9 forgets nothing of it. */
static void test_older_commands_change_nothing(void **state)
{
    struct kn_test_agent *f = *state;
    char server[KN_UUID_SIZE];
    char volume[KN_UUID_SIZE];
    int64_t spawned, attached, detached;

    kn_uuid_make(server);
    kn_uuid_make(volume);
    spawned = send_spawn(f, server, 1);
    done(f, "server.spawn", spawned);
    attached = kn_test_agent_command(f, "server.attach_volume", 1, attach_body(server, volume));
    done(f, "server.attach_volume", attached);
    read_console(f, server, true);
    detached = kn_test_agent_command(f, "server.detach_volume", 1,
                                     json_pack("{s:s, s:s}", "server", server, "volume", volume));
    done(f, "server.detach_volume", detached);
    assert_int_equal(kn_test_agent_power(f, server, "stop"), 4);
    for (int life = 0; life < 2; life++) {
        kn_test_agent_refused(f, "server.spawn", again(f, spawned, "server.spawn", spawn_body(server)), KN_STALE);
        kn_test_agent_refused(f, "server.attach_volume",
                              again(f, attached, "server.attach_volume", attach_body(server, volume)), KN_STALE);
        kn_test_agent_refused(f, "server.destroy",
                              again(f, detached, "server.destroy", json_pack("{s:s}", "server", server)), KN_STALE);
        read_console(f, server, true); /* it has no order and changes none */
        expect_guest(f, 4, 0);
        kn_test_agent_kill9(f);
        kn_test_agent_start(f);
        expect_hello(f);
    }
    done(f, "server.destroy", send_destroy(f, server, 2));
    kn_test_agent_refused(f, "server.attach_volume",
                          again(f, attached, "server.attach_volume", attach_body(server, volume)), KN_STALE);
}

static void expect_reboots(struct kn_test_agent *f, const char *server, int count)
{
    struct kn_message m = kn_test_agent_ask(f, "server.console_log", 1, json_pack("{s:s}", "server", server));
    AUTO_FREE char *says = kn_asprintf("rebooted %d\n", count);

    assert_true(m.ok);
    assert_non_null(strstr(kn_json_str(m.result, "output"), says));
    kn_message_release(&m);
}

static json_t *reboot_body(const char *server)
{
    return json_pack("{s:s, s:s}", "server", server, "action", "reboot_hard");
}

/* The newest command, too, is done once; the same again has the same answer, also from the next life. What failed may be tried again. */
static void test_the_newest_command_is_done_once(void **state)
{
    struct kn_test_agent *f = *state;
    char server[KN_UUID_SIZE], volume[KN_UUID_SIZE];
    int64_t rebooted, attached, destroyed, failed;

    kn_uuid_make(server);
    kn_uuid_make(volume);
    failed = kn_test_agent_command(f, "server.power", 1, reboot_body(server));
    kn_test_agent_refused(f, "server.power", failed, KN_NOT_FOUND);
    spawn(f, server, 1);
    rebooted = kn_test_agent_command(f, "server.power", 1, reboot_body(server));
    done(f, "server.power", rebooted);
    expect_reboots(f, server, 1);
    for (int life = 0; life < 2; life++) {
        for (int times = 0; times < 2; times++) {
            json_t *result = kn_test_agent_done(f, "server.power",
                                                again(f, rebooted, "server.power", reboot_body(server)));

            assert_int_equal(kn_json_int(result, "power_state"), 1);
            json_decref(result);
        }
        expect_reboots(f, server, 1 - life); /* counted by the process */
        kn_test_agent_kill9(f);
        kn_test_agent_start(f);
        expect_hello(f);
    }
    attached = kn_test_agent_command(f, "server.attach_volume", 1, attach_body(server, volume));
    done(f, "server.attach_volume", attached);
    json_t *result = kn_test_agent_done(f, "server.attach_volume",
                                        again(f, attached, "server.attach_volume", attach_body(server, volume)));
    assert_string_equal(kn_json_str(result, "device"), "/dev/vdb");
    json_decref(result);
    expect_guest(f, 1, 1);
    kn_test_agent_refused(f, "server.power", again(f, rebooted, "server.power", reboot_body(server)), KN_STALE);
    destroyed = send_destroy(f, server, 1);
    done(f, "server.destroy", destroyed);
    done(f, "server.destroy", again(f, destroyed, "server.destroy", json_pack("{s:s}", "server", server)));
    assert_int_equal(guests(f), 0);
}

static void test_killed_anywhere(void **state)
{
    struct kn_test_agent *f = *state;
    char servers[40][KN_UUID_SIZE];
    int64_t tasks[40];

    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 40; i++) {
            kn_uuid_make(servers[i]);
            tasks[i] = send_spawn(f, servers[i], 1);
        }
        /* Somewhere in the middle: after a few replies have come. */
        for (int i = 0; i < round * 8; i++) {
            done(f, "server.spawn", tasks[i]);
        }
        kn_test_agent_kill9(f);
        kn_test_agent_start(f);
        expect_hello(f);
        for (int i = 0; i < 40; i++) { /* as a conductor does after a hello */
            spawn(f, servers[i], 1);
        }
        assert_int_equal(guests(f), 40);
        for (int i = 0; i < 40; i++) {
            done(f, "server.destroy", send_destroy(f, servers[i], 2));
        }
    }
    assert_int_equal(guests(f), 0);
    kn_test_agent_kill9(f);
    kn_test_agent_start(f);
    expect_hello(f);
    kn_test_agent_refused(f, "server.spawn", send_spawn(f, servers[0], 1), KN_STALE);
}

static void send_raw(struct kn_test_agent *f, const char *text, size_t len)
{
    struct kn_error err = { 0 };

    assert_ok(kn_bus_send(f->bus, f->topic, 0, text, len, &err), &err);
}

static void test_garbage(void **state)
{
    static const char *const GARBAGE[] = {
        "",
        "{",
        "[]",
        "null",
        "{\"type\":\"server.spawn\"}",
        "{\"type\":\"no.such\",\"v\":1,\"body\":{}}",
        "{\"type\":\"server.spawn\",\"v\":99,\"body\":{}}",
        "{\"type\":\"server.destroy\",\"v\":1,\"body\":{\"host\":1}}",
    };
    struct kn_test_agent *f = *state;
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
    json_object_set_new(json_object_get(body, "spec"), "vcpus",
                        json_string("many")); /* nobody of ours says such a thing: as text */
    json_object_set_new(body, "host", json_string(f->host));
    AUTO_FREE char *odd = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    AUTO_FREE char *text = kn_asprintf(
        "{\"type\":\"server.spawn\",\"v\":1,\"task\":%lld,\"attempt\":1,\"generation\":1,\"shard\":%d,\"body\":%s}",
        (long long)f->task, KN_TEST_AGENT_SHARD, odd);
    send_raw(f, text, strlen(text));
    kn_test_agent_refused(f, "server.spawn", f->task++, KN_BAD_REQUEST);
    body = spawn_body(server);
    json_object_set_new(body, "host", json_string("somewhere-else"));
    kn_test_agent_refused(f, "server.spawn", kn_test_agent_command(f, "server.spawn", 1, body), KN_NOT_FOUND);
    spawn(f, server, 1);
}

/* An agent whose hosts the scheduler would leave out says so itself, in one line, and says nothing else. */
static void test_a_mad_configuration_ends_it(void **state)
{
    static const struct {
        const char *option, *word;
    } MAD[] = { { "agent.reserved_memory_mib=1073741824", "is above" }, { "agent.id=a b", "is not 1 to 200 letters" } };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(MAD); i++) {
        AUTO_FREE char *program = kn_test_binary("kilonova-agent");
        AUTO_FREE char *brokers = kn_asprintf("bus.brokers=%s", conf.bus_brokers);
        AUTO_FREE char *port = kn_asprintf("bus.embedded_port=%d", (int)conf.bus_embedded_port);
        char dir[KN_TEST_DIR], text[8192];

        kn_test_dir(dir, "mad");
        AUTO_FREE char *state_dir = kn_asprintf("agent.state_dir=%s", dir);
        AUTO_FREE char *log = kn_asprintf("%s/log", dir);
        const char *argv[] = { program,   "--set",    brokers, "--set", port,          "--set",
                               state_dir, "--driver", "sim",   "--set", MAD[i].option, NULL };

        assert_false(kn_test_end(kn_test_spawn(argv, log, NULL), 0));
        FILE *out = fopen(log, "r");
        assert_non_null(out);
        text[fread(text, 1, sizeof(text) - 1, out)] = '\0';
        fclose(out);
        if (strstr(text, MAD[i].word) == NULL || strstr(text, "agent ready") != NULL) {
            fail_msg("%s: %s", MAD[i].option, text);
        }
        unlink(log);
    }
}

/* Each is newer than all before, over a kill -9 too, and newer than what it is told of. */
static void test_reports_are_numbered(void **state)
{
    struct kn_test_agent *f = *state;
    const int64_t ahead = kn_now_us() + INT64_C(1000000000000);
    struct kn_message m = kn_test_agent_expect(f, "agent.heartbeat", 0);
    const int64_t first = m.seq;

    kn_message_release(&m);
    kn_test_agent_kill9(f);
    kn_test_agent_start(f);
    m = kn_test_agent_expect(f, "agent.hello", 0);
    assert_true(first > 0 && m.seq > first);
    kn_message_release(&m);
    kn_test_agent_command(f, "agent.introduce", 0, json_pack("{s:I}", "after", (json_int_t)ahead));
    m = kn_test_agent_expect(f, "agent.hello", 0);
    assert_int_equal(m.seq, ahead + 1);
    kn_message_release(&m);
}

static void test_says_hello_to_a_new_broker(void **state)
{
    struct kn_test_agent *f = *state;

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
        cmocka_unit_test_setup_teardown(test_twice_is_once, setup, kn_test_agent_teardown_sim),
        cmocka_unit_test_setup_teardown(test_stale_is_refused, setup, kn_test_agent_teardown_sim),
        cmocka_unit_test_setup_teardown(test_power, setup, kn_test_agent_teardown_sim),
        cmocka_unit_test_setup_teardown(test_volumes, setup, kn_test_agent_teardown_sim),
        cmocka_unit_test_setup_teardown(test_interfaces, setup, kn_test_agent_teardown_sim),
        cmocka_unit_test_setup_teardown(test_older_commands_change_nothing, setup, kn_test_agent_teardown_sim),
        cmocka_unit_test_setup_teardown(test_a_question_waits_for_no_command, setup, kn_test_agent_teardown_sim),
        cmocka_unit_test_setup_teardown(test_the_newest_command_is_done_once, setup, kn_test_agent_teardown_sim),
        cmocka_unit_test_setup_teardown(test_killed_anywhere, setup, kn_test_agent_teardown_sim),
        cmocka_unit_test_setup_teardown(test_garbage, setup, kn_test_agent_teardown_sim),
        cmocka_unit_test(test_a_mad_configuration_ends_it),
        cmocka_unit_test_setup_teardown(test_reports_are_numbered, setup, kn_test_agent_teardown_sim),
        cmocka_unit_test_setup_teardown(test_says_hello_to_a_new_broker, setup, kn_test_agent_teardown_sim),
    };

    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
