/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What agents say of themselves and of their hosts, told to a running kilonova-scheduler: hosts of others, a second agent of one id, hosts that make no
 * sense. Whatever one says, the others go on.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/process.h"
#include "tests/support/scheduler_world.h"
#include "tests/support/scratch.h"
#include "tests/support/test.h"

static void hello_of(struct kn_scheduler_world *f, const char *agent, const char *host, const char *zone)
{
    kn_scheduler_send(f, KN_TOPIC_REPORT, "agent.hello", 0, 0,
                      json_pack("{s:s,s:s,s:[{s:s,s:i,s:i,s:i,s:i,s:s,s:s,s:i,s:{}}]}", "agent", agent, "boot", "b",
                                "hosts", "host", host, "vcpus", 4, "memory_mib", 8704, "reserved_memory_mib", 512,
                                "disk_gib", 100, "zone", zone, "hypervisor_type", "sim", "hypervisor_version", 1,
                                "cpu_info"));
}

/* A report of agent "o" with a number. */
static void numbered(struct kn_scheduler_world *f, const char *type, int64_t seq, const char *boot, const char *zone)
{
    json_t *body = json_pack("{s:s,s:s}", "agent", "o", "boot", boot);
    struct kn_message m;
    struct kn_error err = { 0 };

    if (zone != NULL) {
        json_object_set_new(body, "hosts",
                            json_pack("[{s:s,s:i,s:i,s:i,s:s}]", "host", "host-o", "vcpus", 4, "memory_mib", 8704,
                                      "disk_gib", 100, "zone", zone));
    }
    kn_message_init(&m, type, body);
    m.seq = seq;
    assert_ok(kn_bus_say(f->bus, KN_TOPIC_REPORT, 0, &m, &err), &err);
    kn_message_release(&m);
}

static void await_read(struct kn_scheduler_world *f, const char *host)
{
    AUTO_FREE char *sql = kn_asprintf("SELECT count(*) FROM host WHERE name = '%s'", host);

    hello_of(f, "sentinel", host, "east");
    kn_scheduler_await(f, sql, 1);
}

/* Its hello says that it reads. */
static void start_again(struct kn_scheduler_world *f)
{
    struct kn_error err = { 0 };

    assert_ok(kn_bus_assign(f->reader, KN_TOPIC_REPORT, 0, &err), &err);
    kn_scheduler_start(f);
    for (bool reads = false; !reads;) {
        AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

        kn_scheduler_answer(f, &m);
        reads = strcmp(m.type->name, "service.hello") == 0;
    }
    assert_ok(kn_bus_unassign(f->reader, KN_TOPIC_REPORT, 0, &err), &err);
}

/* Recorded and said again, they neither change a host nor keep a dead agent alive; a restart of the scheduler forgets nothing. */
static void test_an_old_report_is_none(void **state)
{
    struct kn_scheduler_world *f = *state;

    numbered(f, "agent.hello", 10, "o1", "east");
    numbered(f, "agent.hello", 20, "o1", "west");
    numbered(f, "agent.heartbeat", 30, "o1", NULL);
    await_read(f, "host-read");
    kn_scheduler_await(f, "SELECT report_seq FROM agent WHERE id = 'o'", 30);
    for (int life = 0; life < 2; life++) {
        AUTO_FREE char *host = kn_asprintf("host-read-%d", life);

        kn_scheduler_number(f, "UPDATE agent SET last_seen = now() - interval '1 hour' WHERE id = 'o' RETURNING 1");
        numbered(f, "agent.hello", 10, "o1", "east");
        numbered(f, "agent.heartbeat", 30, "o1", NULL);
        numbered(f, "agent.hello", 5, "o0", "east");
        await_read(f, host);
        assert_int_equal(kn_scheduler_number(f, "SELECT count(*) FROM host WHERE name = 'host-o' AND zone = 'west'"),
                         1);
        assert_int_equal(
            kn_scheduler_number(
                f,
                "SELECT count(*) FROM agent WHERE id = 'o' AND boot = 'o1' AND last_seen < now() - interval '30 min'"),
            1);
        kn_test_end(f->scheduler, SIGKILL);
        start_again(f);
    }
}

/* A new life whose clock is behind is asked to count on from where the last one was. */
static void test_an_agent_with_an_old_clock_is_told(void **state)
{
    struct kn_scheduler_world *f = *state;
    AUTO_RELEASE(kn_message) struct kn_message message = { 0 };
    struct kn_error err = { 0 };

    assert_ok(kn_bus_ensure_topic(f->bus, KN_TOPIC_AGENT "o", 1, KN_SCHEDULER_WAIT_MS, &err), &err);
    assert_ok(kn_bus_assign(f->reader, KN_TOPIC_AGENT "o", 0, &err), &err);
    numbered(f, "agent.hello", 100, "o1", "west");
    numbered(f, "agent.hello", 50, "o2", "east");
    kn_scheduler_answer(f, &message);
    assert_string_equal(message.type->name, "agent.introduce");
    assert_int_equal(kn_json_int(message.body, "after"), 100);
    numbered(f, "agent.hello", 101, "o2", "east");
    kn_scheduler_await(f, "SELECT count(*) FROM host WHERE name = 'host-o' AND zone = 'east'", 1);
}

static bool removed(const struct kn_scheduler_world *f, const char *host)
{
    AUTO_FREE char *program = kn_test_binary("kilonova");
    AUTO_FREE char *url = kn_asprintf("db.url=%s", f->url);
    const char *argv[] = { program, "--set", url, "host", "remove", host, NULL };

    return kn_test_end(kn_test_spawn(argv, "/dev/stderr", NULL), 0);
}

static bool command(const struct kn_scheduler_world *f, const char *host, const char *agent)
{
    AUTO_FREE char *program = kn_test_binary("kilonova");
    AUTO_FREE char *url = kn_asprintf("db.url=%s", f->url);
    AUTO_FREE char *brokers = kn_asprintf("bus.brokers=%s", f->conf.bus_brokers);
    AUTO_FREE char *port = kn_asprintf("bus.embedded_port=%lld", (long long)f->conf.bus_embedded_port);
    const char *argv[] = { program, "--set", url,  "--set",   brokers, "--set", port,
                           "host",  "move",  host, "--agent", agent,   NULL };

    return kn_test_end(kn_test_spawn(argv, "/dev/stderr", NULL), 0);
}

/* Whether `kilonova host list` has a line with all three. */
static bool listed(const struct kn_scheduler_world *f, const char *host, const char *agent, const char *word)
{
    AUTO_FREE char *program = kn_test_binary("kilonova");
    AUTO_FREE char *url = kn_asprintf("db.url=%s", f->url);
    AUTO_FREE char *column = kn_asprintf(" %s ", agent);
    const char *argv[] = { program, "--set", url, "host", "list", NULL };
    char dir[KN_TEST_DIR], line[2048];
    bool found = false;

    kn_test_dir(dir, "list");
    AUTO_FREE char *path = kn_asprintf("%s/out", dir);
    assert_true(kn_test_end(kn_test_spawn(argv, path, NULL), 0));
    FILE *out = fopen(path, "r");
    assert_non_null(out);
    while (fgets(line, sizeof(line), out) != NULL) {
        found = found ||
                (strncmp(line, host, strlen(host)) == 0 && strstr(line, column) != NULL && strstr(line, word) != NULL);
    }
    fclose(out);
    unlink(path);
    rmdir(dir);
    return found;
}

/* A host belongs to its first agent: whoever else says hello in its name gets no spec that is meant for it. */
static void test_a_host_belongs_to_its_first_agent(void **state)
{
    struct kn_scheduler_world *f = *state;
    AUTO_RELEASE(kn_message) struct kn_message before = { 0 };
    AUTO_RELEASE(kn_message) struct kn_message after = { 0 };

    kn_scheduler_servers(f, 2);
    hello_of(f, "thief", "host-00", "stolen");
    hello_of(f, "thief", "host-99", "east"); /* its own is taken in */
    kn_scheduler_await(f, "SELECT count(*) FROM host WHERE agent_id = 'thief' AND name = 'host-99'", 1);
    assert_int_equal(kn_scheduler_number(
                         f, "SELECT count(*) FROM host WHERE name = 'host-00' AND agent_id = 'a1' AND zone = 'east'"),
                     1);
    kn_scheduler_claim(f, 0, 1, json_pack("{s:s}", "host", "host-00"));
    kn_scheduler_answer(f, &before);
    assert_true(before.ok);
    assert_string_equal(kn_json_str(before.result, "agent"), "a1");
    assert_true(listed(f, "host-00", "thief", "belongs to agent \"a1\""));
    assert_false(listed(f, "host-00", "a1", "refused since"));

    assert_false(command(f, "host-00", "nobody"));
    assert_true(command(f, "host-00", "thief"));
    hello_of(f, "thief", "host-00", "east"), hello_of(f, "a1", "host-00", "west"); /* the first is asked to */
    hello_of(f, "a1", "host-98", "west");
    kn_scheduler_await(f, "SELECT count(*) FROM host WHERE name = 'host-98'", 1);
    assert_int_equal(kn_scheduler_number(
                         f,
                         "SELECT count(*) FROM host WHERE name = 'host-00' AND agent_id = 'thief' AND zone = 'east'"),
                     1);
    kn_scheduler_claim(f, 1, 1, json_pack("{s:s}", "host", "host-00"));
    kn_scheduler_answer(f, &after);
    assert_true(after.ok);
    assert_string_equal(kn_json_str(after.result, "agent"), "thief");
    assert_false(listed(f, "host-00", "thief", "belongs to"));
    assert_true(listed(f, "host-00", "a1", "belongs to agent \"thief\""));
}

/* A machine that is gone for good leaves, or no audit is ever whole again; nothing goes from under a server, and a host that comes back is taken in. */
static void test_a_host_that_is_gone_is_removed(void **state)
{
    struct kn_scheduler_world *f = *state;
    AUTO_RELEASE(kn_message) struct kn_message answer = { 0 };

    kn_scheduler_servers(f, 1);
    hello_of(f, "gone", "host-97", "east");
    kn_scheduler_await(f, "SELECT count(*) FROM host WHERE name = 'host-97'", 1);
    assert_false(removed(f, "host-96")); /* there is none */
    assert_false(removed(f, "host-97")); /* its agent is alive */
    kn_scheduler_claim(f, 0, 1, json_pack("{s:s}", "host", "host-97"));
    kn_scheduler_answer(f, &answer);
    assert_true(answer.ok);
    kn_scheduler_number(f, "UPDATE agent SET last_seen = now() - interval '1 hour' WHERE id = 'gone' RETURNING 1");
    assert_false(removed(f, "host-97")); /* it holds a server's place */
    kn_scheduler_number(f, "DELETE FROM allocation WHERE host = 'host-97' RETURNING 1");
    assert_true(removed(f, "host-97"));
    assert_false(removed(f, "host-97"));
    hello_of(f, "gone", "host-97", "east");
    kn_scheduler_await(f, "SELECT count(*) FROM host WHERE name = 'host-97'", 1);
}

/* Two agents with one id: the older speaks on after the newer's hello, so the newer is told to stop. */
static void test_the_newer_of_two_agents_is_refused(void **state)
{
    struct kn_scheduler_world *f = *state;
    const int64_t deadline = kn_mono_ms() + KN_SCHEDULER_WAIT_MS;
    struct kn_error err = { 0 };

    assert_ok(kn_bus_ensure_topic(f->bus, KN_TOPIC_AGENT "a1", 1, KN_SCHEDULER_WAIT_MS, &err), &err);
    assert_ok(kn_bus_assign(f->reader, KN_TOPIC_AGENT "a1", 0, &err), &err);
    hello_of(f, "a1", "host-00", "east"); /* boot b after b1 */
    for (bool refused = false; !refused;) {
        struct kn_bus_message m;

        assert_true(kn_mono_ms() < deadline);
        kn_scheduler_send(f, KN_TOPIC_REPORT, "agent.heartbeat", 0, 0,
                          json_pack("{s:s,s:s}", "agent", "a1", "boot", "b1"));
        if (kn_bus_poll(f->reader, &m, 1, 200) == 1) {
            AUTO_RELEASE(kn_message) struct kn_message message = { 0 };

            assert_ok(kn_message_parse(m.data, m.len, &message, &err), &err);
            kn_bus_message_done(&m);
            refused = strcmp(message.type->name, "agent.refused") == 0;
            assert_true(!refused || strcmp(kn_json_str(message.body, "boot"), "b") == 0);
        }
    }
    kn_scheduler_await(f, "SELECT count(*) FROM agent_refusal WHERE agent_id = 'a1' AND kind = 'boot' AND boot = 'b'",
                       1);
    assert_true(listed(f, "-", "a1", "a second agent with this id, told to stop; boot b1 was there first"));
}

/* What a bad configuration says about one host stops nobody, is told on kn.dead, and is mended by the next hello. */
static void test_a_mad_host_stops_nobody(void **state)
{
    static const char *const MAD[] = {
        "{\"reserved_memory_mib\":9999999}",
        "{\"reserved_memory_mib\":-1}",
        "{\"disk_gib\":9223372036854775807}",
        "{\"memory_mib\":9223372036854775807}",
        "{\"vcpus\":0}",
        "{\"hypervisor_version\":-9223372036854775807}",
    };
    struct kn_scheduler_world *f = *state;
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    struct kn_error err = { 0 };

    assert_ok(kn_bus_ensure_topic(f->bus, KN_TOPIC_DEAD, 1, KN_SCHEDULER_WAIT_MS, &err), &err);
    kn_scheduler_servers(f, 1);
    for (size_t i = 0; i < KN_COUNT(MAD); i++) {
        json_t *host = json_pack("{s:s,s:i,s:i,s:i,s:i,s:s,s:s,s:i,s:{}}", "host", "host-mad", "vcpus", 4, "memory_mib",
                                 8704, "reserved_memory_mib", 512, "disk_gib", 100, "zone", "east", "hypervisor_type",
                                 "sim", "hypervisor_version", 1, "cpu_info");
        json_t *more = json_loads(MAD[i], 0, NULL);

        assert_int_equal(json_object_update(host, more), 0);
        json_decref(more);
        kn_scheduler_send(f, KN_TOPIC_REPORT, "agent.hello", 0, 0,
                          json_pack("{s:s,s:s,s:[o]}", "agent", "mad", "boot", "b", "hosts", host));
    }
    kn_scheduler_claim(f, 0, 1, NULL);
    kn_scheduler_answer(f, &m);
    assert_true(m.ok);
    kn_scheduler_await(f, "SELECT count(*) FROM agent WHERE id = 'mad'", 1);
    assert_int_equal(kn_scheduler_number(f, "SELECT count(*) FROM host WHERE name = 'host-mad'"), 0);
    hello_of(f, "mad", "host-mad", "east");
    kn_scheduler_await(f, "SELECT count(*) FROM host WHERE name = 'host-mad'", 1);
}

static json_t *host_of(const char *name, int reserved)
{
    return json_pack("{s:s,s:i,s:i,s:i,s:i,s:s,s:s,s:i,s:{}}", "host", name, "vcpus", 4, "memory_mib", 8704,
                     "reserved_memory_mib", reserved, "disk_gib", 100, "zone", "east", "hypervisor_type", "sim",
                     "hypervisor_version", 1, "cpu_info");
}

static void refused_claim(struct kn_scheduler_world *f, int server, const char *host)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

    kn_scheduler_claim(f, server, 1, json_pack("{s:s}", "host", host));
    kn_scheduler_answer(f, &m);
    assert_false(m.ok);
    assert_non_null(strstr(m.error.message, "ComputeSaneFilter"));
}

/* Another scheduler, that reads its topic. */
static void restart(struct kn_scheduler_world *f)
{
    struct kn_error err = { 0 };
    bool is_there = false;

    kn_test_end(f->scheduler, SIGKILL);
    assert_ok(kn_bus_assign(f->reader, KN_TOPIC_REPORT, 0, &err), &err);
    kn_scheduler_start(f);
    while (!is_there) {
        AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

        kn_scheduler_answer(f, &m);
        is_there = strcmp(m.type->name, "service.hello") == 0;
    }
    assert_ok(kn_bus_unassign(f->reader, KN_TOPIC_REPORT, 0, &err), &err);
}

/*
 * One hello with every kind of host: each bad one is named, the good ones are taken in, one that was good before keeps its row and its servers and gets no
 * new ones, through a restart of the scheduler, until a hello makes sense again.
 */
static void test_every_mad_host_is_named(void **state)
{
    struct kn_scheduler_world *f = *state;
    AUTO_RELEASE(kn_message) struct kn_message before = { 0 };
    AUTO_RELEASE(kn_message) struct kn_message after = { 0 };

    kn_scheduler_servers(f, 5);
    kn_scheduler_claim(f, 0, 1, json_pack("{s:s}", "host", "host-00"));
    kn_scheduler_answer(f, &before);
    assert_true(before.ok);
    kn_scheduler_send(f, KN_TOPIC_REPORT, "agent.hello", 0, 0,
                      json_pack("{s:s,s:s,s:[o,o,o,o,o,o]}", "agent", "a1", "boot", "b1", "hosts",
                                host_of("host-00", 9999), host_of("host-77", 9999), host_of("twice", 1),
                                host_of("host-78", 1), host_of("twice", 2), host_of("", 1)));
    kn_scheduler_await(f, "SELECT count(*) FROM host WHERE name = 'host-78'", 1);
    assert_int_equal(kn_scheduler_number(f,
                                         "SELECT count(*) FROM agent_refusal WHERE agent_id = 'a1' AND kind = 'host'"),
                     4);
    assert_int_equal(kn_scheduler_number(f, "SELECT count(*) FROM host WHERE name IN ('host-77', 'twice', '')"), 0);
    assert_int_equal(
        kn_scheduler_number(
            f, "SELECT count(*) FROM host WHERE name = 'host-00' AND servers = 1 AND reserved_memory_mib = 512"),
        1);
    assert_true(listed(f, "host-00", "a1", "\"reserved_memory_mib\" of 9999 is above"));
    assert_true(listed(f, "host-77", "a1", "refused since"));
    assert_true(listed(f, "twice", "a1", "2 times"));
    assert_true(listed(f, "#6", "a1", "refused since"));
    refused_claim(f, 1, "host-00");

    restart(f);
    refused_claim(f, 2, "host-00");
    kn_scheduler_send(f, KN_TOPIC_REPORT, "agent.hello", 0, 0,
                      json_pack("{s:s,s:s,s:[o,o]}", "agent", "a1", "boot", "b1", "hosts", host_of("host-00", 512),
                                host_of("host-77", 1)));
    kn_scheduler_await(f, "SELECT count(*) FROM agent_refusal WHERE subject IN ('host-00', 'host-77')", 0);
    kn_scheduler_claim(f, 3, 1, json_pack("{s:s}", "host", "host-00"));
    kn_scheduler_answer(f, &after);
    assert_true(after.ok);
    assert_false(listed(f, "host-00", "a1", "refused since"));

    /* A new life of the agent without them: what was said before is nobody's any more. */
    kn_scheduler_send(f, KN_TOPIC_REPORT, "agent.hello", 0, 0,
                      json_pack("{s:s,s:s,s:[o]}", "agent", "a1", "boot", "b2", "hosts", host_of("host-00", 512)));
    kn_scheduler_await(f, "SELECT count(*) FROM agent_refusal", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_host_belongs_to_its_first_agent, kn_scheduler_setup,
                                        kn_scheduler_teardown),
        cmocka_unit_test_setup_teardown(test_an_old_report_is_none, kn_scheduler_setup, kn_scheduler_teardown),
        cmocka_unit_test_setup_teardown(test_an_agent_with_an_old_clock_is_told, kn_scheduler_setup,
                                        kn_scheduler_teardown),
        cmocka_unit_test_setup_teardown(test_a_host_that_is_gone_is_removed, kn_scheduler_setup, kn_scheduler_teardown),
        cmocka_unit_test_setup_teardown(test_the_newer_of_two_agents_is_refused, kn_scheduler_setup,
                                        kn_scheduler_teardown),
        cmocka_unit_test_setup_teardown(test_a_mad_host_stops_nobody, kn_scheduler_setup, kn_scheduler_teardown),
        cmocka_unit_test_setup_teardown(test_every_mad_host_is_named, kn_scheduler_setup, kn_scheduler_teardown),
    };

    return cmocka_run_group_tests_name("it/scheduler_hosts", tests, kn_scheduler_group_setup,
                                       kn_scheduler_group_teardown);
}
