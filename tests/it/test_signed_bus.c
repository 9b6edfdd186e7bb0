/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bus whose messages are signed, and a host that was broken into: it has its agent's key and may write kn.report, kn.reply and (there are no ACLs here) everything
 * else. Scheduler, conductor and an agent "b" are processes; we are agent "a", the thief, and whoever else is needed.
 */
#include "tests/support/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/adapter/bus.h"
#include "lib/adapter/db.h"
#include "lib/adapter/signer.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "tests/support/broker.h"
#include "tests/support/postgres.h"
#include "tests/support/process.h"
#include "tests/support/scratch.h"

#define WAIT_MS 60000
#define SERVER "11111111-1111-4111-8111-111111111111"
#define UNKNOWN "22222222-2222-4222-8222-222222222222" /* to the database */
#define SENTINEL "33333333-3333-4333-8333-333333333333"
#define TOPIC_A KN_TOPIC_AGENT "a"
#define TOPIC_B KN_TOPIC_AGENT "b"

static struct {
    struct kn_test_pg *pg;
    struct kn_test_broker *broker;
    struct kn_conf conf;
    char *url;
    struct kn_db *db;
    char dir[KN_TEST_DIR];
    char secret[96], key_of_b[96];
    struct kn_bus *bus;             /* nobody's: reads, and says what is not signed */
    struct kn_bus_reader *dead;     /* kn.dead */
    struct kn_bus_reader *commands; /* of agent a */
    struct kn_bus_reader *replies;  /* the first partition */
    pid_t scheduler, conductor, agent;
    int helloes;
} world;

/* --- processes -------------------------------------------------------------------------------------------------------- */

static pid_t start(const char *name, const char *key, const char *const *more)
{
    AUTO_FREE char *program = kn_test_binary(name);
    AUTO_FREE char *url = kn_asprintf("db.url=%s", world.url);
    AUTO_FREE char *brokers = kn_asprintf("bus.brokers=%s", world.conf.bus_brokers);
    AUTO_FREE char *port = kn_asprintf("bus.embedded_port=%lld", (long long)world.conf.bus_embedded_port);
    const char *argv[32] = { program, "--set", url, "--set", brokers, "--set", port, "--set", key };
    size_t n = 9;

    while (more != NULL && *more != NULL && n < KN_COUNT(argv) - 1) {
        argv[n++] = *more++;
    }
    return kn_test_spawn(argv, "/dev/stderr", NULL);
}

static bool run(const char *const *words)
{
    AUTO_FREE char *key = kn_asprintf("bus.key_file=%s", world.secret);

    return kn_test_end(start("kilonova", key, words), 0);
}

static pid_t start_plane(const char *name)
{
    AUTO_FREE char *key = kn_asprintf("bus.key_file=%s", world.secret);

    return start(name, key, NULL);
}

static pid_t start_agent(void)
{
    AUTO_FREE char *key = kn_asprintf("agent.key_file=%s", world.key_of_b);
    AUTO_FREE char *state = kn_asprintf("agent.state_dir=%s", world.dir);
    const char *more[] = { "--set", "agent.id=b", "--set", "agent.host=hb", "--driver", "sim", "--set", state, NULL };

    return start("kilonova-agent", key, more);
}

/* --- speaking --------------------------------------------------------------------------------------------------------- */

/* Says a message with that speaker's own key, and waits until the broker has it; who NULL: unsigned. Releases m. */
static void say(const char *who, const char *topic, struct kn_message *m)
{
    AUTO(kn_bus) struct kn_bus *bus = NULL;
    struct kn_error err = { 0 };

    assert_ok(kn_bus_new(&world.conf, "test", &bus, &err), &err);
    if (who != NULL) {
        assert_ok(kn_bus_speak_as(bus, who, &err), &err);
    }
    assert_ok(kn_bus_say(bus, topic, strcmp(topic, KN_TOPIC_REPLY) == 0 ? m->shard : 0, m, &err), &err);
    assert_int_equal(kn_bus_flush(bus, WAIT_MS), 0);
    kn_message_release(m);
}

static void say_body(const char *who, const char *topic, const char *type, int64_t task, json_t *body)
{
    struct kn_message m;

    kn_message_init(&m, type, body);
    m.task = task;
    m.attempt = 1;
    m.generation = 1;
    say(who, topic, &m);
}

/* Says it as somebody else than who signs it. */
static void say_in_the_name_of(const char *from, const char *signs, const char *topic, const char *type, json_t *body)
{
    AUTO(kn_signer) struct kn_signer *s = NULL;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    struct kn_message m;
    struct kn_error err = { 0 };

    kn_message_init(&m, type, body);
    kn_copy(m.from, sizeof(m.from), from);
    assert_ok(kn_message_print(&m, &text, &err), &err);
    assert_ok(kn_signer_new(&world.conf, signs, &s, &err), &err);
    kn_signer_sign(s, topic, &text);
    assert_ok(kn_bus_send(world.bus, topic, 0, text.buf, text.len, &err), &err);
    assert_int_equal(kn_bus_flush(world.bus, WAIT_MS), 0);
    kn_message_release(&m);
}

static json_t *hello(const char *agent, const char *host)
{
    return json_pack("{s:s,s:s,s:[{s:s,s:i,s:i,s:i}]}", "agent", agent, "boot", "b1", "hosts", "host", host, "vcpus", 4,
                     "memory_mib", 8704, "disk_gib", 100);
}

static json_t *heartbeat(const char *agent)
{
    return json_pack("{s:s,s:s}", "agent", agent, "boot", "b1");
}

/* --- waiting ---------------------------------------------------------------------------------------------------------- */

/* Something is refused with these words. */
static void await_dead(const char *words)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;

    for (bool seen = false; !seen;) {
        struct kn_bus_message raw;

        if (kn_mono_ms() > deadline) {
            fail_msg("nobody refused with: %s", words);
        }
        if (kn_bus_poll(world.dead, &raw, 1, 100) == 1) {
            json_t *dead = json_loadb(raw.data, raw.len, 0, NULL);

            seen = strstr(kn_json_str(json_object_get(dead, "error"), "message"), words) != NULL;
            json_decref(dead);
            kn_bus_message_done(&raw);
        }
    }
}

static int64_t number(const char *sql)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    assert_ok(kn_db_query(world.db, sql, 0, KN_NO_ARGS, &rows, &err), &err);
    return kn_rows_int(rows, 0, 0);
}

static void await(const char *sql, int64_t wanted)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;

    while (number(sql) != wanted) {
        if (kn_mono_ms() > deadline) {
            fail_msg("%s: not %lld", sql, (long long)wanted);
        }
        kn_test_pause(20);
    }
}

/* The next message of a type; raw is a copy of its bytes. */
static void next(struct kn_bus_reader *reader, const char *type, struct kn_message *ret, struct kn_strbuf *raw)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;

    for (bool found = false; !found;) {
        struct kn_bus_message m;
        struct kn_error err = { 0 };

        if (kn_mono_ms() > deadline) {
            fail_msg("no %s came", type);
        }
        if (kn_bus_poll(reader, &m, 1, 100) == 0) {
            continue;
        }
        assert_ok(kn_message_parse(m.data, m.len, ret, &err), &err);
        found = strcmp(ret->type->name, type) == 0;
        if (found && raw != NULL) {
            kn_strbuf_clear(raw);
            kn_strbuf_add(raw, m.data, m.len);
        }
        if (!found) {
            kn_message_release(ret);
        }
        kn_bus_message_done(&m);
    }
}

/* The scheduler has read all that was said on kn.report before. */
static void await_scheduler(void)
{
    AUTO_FREE char *host = kn_asprintf("sentinel-%d", world.helloes++);
    AUTO_FREE char *sql = kn_asprintf("SELECT count(*) FROM host WHERE name = '%s'", host);

    say_body("agent/sentinel", KN_TOPIC_REPORT, "agent.hello", 0, hello("sentinel", host));
    await(sql, 1);
}

/* --- tests ------------------------------------------------------------------------------------------------------------ */

static void test_a_forged_hello_takes_no_host(void **state)
{
    (void)state;
    say_body("agent/a", KN_TOPIC_REPORT, "agent.hello", 0, hello("a", "ha"));
    await("SELECT count(*) FROM host WHERE name = 'ha' AND agent_id = 'a'", 1);
    say_body(NULL, KN_TOPIC_REPORT, "agent.hello", 0, hello("a", "stolen-1"));
    await_dead("sender \"\": what it says is not signed");
    say_body("agent/thief", KN_TOPIC_REPORT, "agent.hello", 0, hello("a", "stolen-2"));
    await_dead("sender \"agent/thief\" may not say agent.hello of another");
    say_in_the_name_of("agent/a", "agent/thief", KN_TOPIC_REPORT, "agent.hello", hello("a", "stolen-3"));
    await_dead("sender \"agent/a\": the signature is wrong");
    say_body("network/c1", KN_TOPIC_REPORT, "agent.hello", 0, hello("a", "stolen-4"));
    await_dead("sender \"network/c1\" may not say agent.hello");
    await_scheduler();
    assert_int_equal(number("SELECT count(*) FROM host WHERE name LIKE 'stolen%'"), 0);
}

static void test_a_forged_heartbeat_keeps_nobody_alive(void **state)
{
    (void)state;
    number("UPDATE agent SET last_seen = now() - interval '1 hour' WHERE id = 'a' RETURNING 1");
    say_body("agent/thief", KN_TOPIC_REPORT, "agent.heartbeat", 0, heartbeat("a"));
    await_dead("sender \"agent/thief\" may not say agent.heartbeat of another");
    say_in_the_name_of("agent/a", "agent/thief", KN_TOPIC_REPORT, "agent.heartbeat", heartbeat("a"));
    await_dead("sender \"agent/a\": the signature is wrong");
    await_scheduler();
    assert_int_equal(number("SELECT count(*) FROM agent WHERE id = 'a' AND last_seen < now() - interval '30 min'"), 1);
    say_body("agent/a", KN_TOPIC_REPORT, "agent.heartbeat", 0, heartbeat("a"));
    await("SELECT count(*) FROM agent WHERE id = 'a' AND last_seen > now() - interval '1 min'", 1);
}

static void answer(const char *who, const struct kn_message *command)
{
    struct kn_message m = *command;

    m.is_reply = m.ok = true;
    m.body = NULL;
    m.result = json_pack("{s:i}", "power_state", 4);
    say(who, KN_TOPIC_REPLY, &m);
}

static void test_nobody_answers_for_another_agent(void **state)
{
    AUTO_RELEASE(kn_message) struct kn_message command = { 0 };
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf raw = KN_STRBUF_INIT;
    AUTO_FREE char *sql = kn_asprintf(
        "INSERT INTO task (kind, shard, object_id, project_id, user_id, request_id) VALUES ('server.stop', %d, '" SERVER
        "', 'p', 'u', 'req-6f1f4d5e-0000-4000-8000-000000000009') RETURNING id",
        kn_shard_of(SERVER));
    struct kn_error err = { 0 };
    (void)state;

    number(
        "INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, task_state, power_state, host, flavor, reservation_id) VALUES "
        "('" SERVER
        "', 'p', 'u', 's', 's', 'active', 'powering-off', 1, 'ha', '{\"vcpus\":1,\"memory_mib\":64,\"disk_gib\":0}', 'r') RETURNING 1");
    const int64_t task = number(sql);
    next(world.commands, "server.power", &command, &raw);
    assert_int_equal(command.task, task);

    answer("agent/thief", &command);
    await_dead("sender \"agent/thief\" answers what agent \"a\" was told");
    answer("network/c1", &command);
    await_dead("sender \"network/c1\" may not say the answer to server.power");
    answer(NULL, &command);
    await_dead("sender \"\": what it says is not signed");
    assert_int_equal(number("SELECT count(*) FROM task WHERE state = 'run'"), 1);
    assert_int_equal(number("SELECT count(*) FROM server WHERE vm_state = 'active'"), 1);

    /* What was signed for one agent is no command for another. */
    assert_ok(kn_bus_send(world.bus, TOPIC_B, 0, raw.buf, raw.len, &err), &err);
    await_dead("the signature is wrong");
    answer("agent/a", &command);
    await("SELECT count(*) FROM task WHERE state = 'done'", 1);
    assert_int_equal(number("SELECT count(*) FROM server WHERE vm_state = 'stopped' AND power_state = 4"), 1);
}

static void say_power(int64_t seq, const char *server, int power_state)
{
    struct kn_message m;

    kn_message_init(&m, "server.power_state",
                    json_pack("{s:s,s:s,s:s,s:i,s:s}", "agent", "a", "host", "ha", "server", server, "power_state",
                              power_state, "reason", "test"));
    m.generation = 1;
    m.seq = seq;
    say("agent/a", KN_TOPIC_REPORT, &m);
}

/* A signature proves who said it, not when: an agent's reports are ordered. */
static void test_an_old_report_changes_nothing(void **state)
{
    static const char ACTIVE[] = "SELECT count(*) FROM server WHERE id = '" SERVER
                                 "' AND vm_state = 'active' AND power_state = 1";
    (void)state;

    number("UPDATE server SET vm_state = 'active', power_state = 1 RETURNING 1");
    number(
        "INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, power_state, host, flavor, reservation_id) VALUES ('" SENTINEL
        "', 'p', 'u', 's', 's', 'active', 1, 'ha', '{\"vcpus\":1,\"memory_mib\":64,\"disk_gib\":0}', 'r') RETURNING 1");
    say_power(20, SERVER, 4);
    await(ACTIVE, 0);
    assert_int_equal(number("SELECT report_seq FROM agent WHERE id = 'a'"), 20); /* with what it did */
    number("UPDATE server SET vm_state = 'active', power_state = 1 RETURNING 1"); /* it was started again */
    for (int life = 0; life < 2; life++) {
        AUTO_FREE char *seen = kn_asprintf("SELECT count(*) FROM server WHERE id = '" SENTINEL "' AND power_state = %d",
                                           life == 0 ? 4 : 1);

        say_power(20, SERVER, 4);
        say_power(10, SERVER, 3);
        say_power(30 + life, SENTINEL, life == 0 ? 4 : 1);
        await(seen, 1);
        assert_int_equal(number(ACTIVE), 1);
        kn_test_end(world.conductor, SIGKILL);
        number("DELETE FROM service WHERE binary_name = 'kilonova-conductor' RETURNING 1");
        world.conductor = start_plane("kilonova-conductor");
        await(
            "SELECT count(*) FROM shard WHERE lease_until > now() AND owner IN (SELECT host || '/' || boot FROM service WHERE binary_name = 'kilonova-conductor')",
            KN_SHARDS);
    }
}

static json_t *spawn_body(void)
{
    return json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:i, s:i, s:i, s:[]}}", "host", "hb-00001", "server", UNKNOWN,
                     "spec", "name", "a", "hostname", "a", "project", "p", "vcpus", 1, "memory_mib", 64, "disk_gib", 1,
                     "nics");
}

static size_t guests_of_b(void)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    size_t count = 0;

    say_body("audit", TOPIC_B, "host.observe", 0, json_pack("{s:s,s:s}", "host", "hb-00001", "audit", "test"));
    next(world.replies, "host.observe", &m, NULL);
    assert_true(m.ok);
    assert_string_equal(m.from, "agent/b");
    count = json_array_size(json_object_get(m.result, "domains"));
    return count;
}

static void test_an_agent_obeys_the_control_plane_alone(void **state)
{
    (void)state;
    say_body(NULL, TOPIC_B, "server.spawn", 7, spawn_body());
    await_dead("sender \"\": what it says is not signed");
    say_body("agent/thief", TOPIC_B, "server.spawn", 7,
             spawn_body()); /* the test's bus has the secret: signed with b's key */
    await_dead("sender \"agent/thief\" may not say server.spawn");
    say_in_the_name_of("conductor/c1", "conductor/c1", TOPIC_A, "server.spawn", spawn_body()); /* for a: a's business */
    assert_int_equal(guests_of_b(), 0);
    say_body("conductor/c1", TOPIC_B, "server.spawn", 7, spawn_body());
    assert_int_equal(guests_of_b(), 1);
}

static void test_services_obey_no_stranger(void **state)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    json_t *body = json_pack("{s:s,s:s,s:i,s:i,s:i,s:s}", "server", SERVER, "project", "p", "vcpus", 1, "memory_mib",
                             64, "disk_gib", 0, "host", "ha");
    (void)state;

    kn_test_pg_tasks(world.url, 1000, 1);
    say_body(NULL, KN_TOPIC_PLACE, "place.claim", 1000, json_incref(body));
    await_dead("sender \"\": what it says is not signed");
    say_body("agent/a", KN_TOPIC_PLACE, "place.claim", 1000, json_incref(body));
    await_dead("sender \"agent/a\" may not say place.claim");
    assert_int_equal(number("SELECT count(*) FROM allocation"), 0);
    say_body("conductor/c1", KN_TOPIC_PLACE, "place.claim", 1000, body);
    next(world.replies, "place.claim", &m, NULL);
    assert_true(m.ok);
    assert_int_equal(number("SELECT count(*) FROM allocation"), 1);
    number("DELETE FROM task WHERE id = 1000 RETURNING 1");
}

static void test_a_key_that_others_may_read_is_refused(void **state)
{
    AUTO_FREE char *again =
        kn_asprintf("SELECT count(*) FROM agent WHERE id = 'b' AND extract(epoch FROM hello_at) * 1000 > %lld",
                    (long long)kn_now_ms());
    (void)state;

    assert_true(kn_test_end(world.agent, SIGTERM));
    assert_int_equal(chmod(world.key_of_b, 0644), 0);
    assert_false(kn_test_end(start_agent(), 0));
    assert_int_equal(chmod(world.key_of_b, 0600), 0);
    world.agent = start_agent();
    await(again, 1);
    assert_int_equal(guests_of_b(), 1);
}

/* --- the world -------------------------------------------------------------------------------------------------------- */

static struct kn_bus_reader *reader_of(const char *topic, int partitions)
{
    struct kn_bus_reader *reader = NULL;
    struct kn_error err = { 0 };

    assert_ok(kn_bus_ensure_topic(world.bus, topic, partitions, WAIT_MS, &err), &err);
    assert_ok(kn_bus_reader_new(world.bus, &reader, &err), &err);
    assert_ok(kn_bus_assign(reader, topic, 0, &err), &err);
    return reader;
}

static void make_keys(void)
{
    const char *bus_key[] = { "bus", "key", NULL };
    const char *agent_key[] = { "agent", "key", "b", world.key_of_b, NULL };

    snprintf(world.secret, sizeof(world.secret), "%s/bus.key", world.dir);
    snprintf(world.key_of_b, sizeof(world.key_of_b), "%s/b.key", world.dir);
    assert_true(run(bus_key));
    assert_true(run(agent_key));
    assert_false(run(bus_key)); /* there is one */
    world.conf.bus_key_file = world.secret;
}

static int group_setup(void **state)
{
    struct kn_error err = { 0 };
    (void)state;

    kn_test_dir(world.dir, "signed");
    world.pg = kn_test_pg_start(KN_TEST_PG_FAST);
    world.url = kn_test_pg_migrated(world.pg, "signed");
    world.db = kn_db_new(world.url, "test");
    world.broker = kn_test_broker_start();
    kn_conf_defaults(&world.conf);
    kn_test_broker_conf(world.broker, &world.conf);
    make_keys();
    assert_ok(kn_bus_new(&world.conf, "test", &world.bus, &err), &err);
    world.dead = reader_of(KN_TOPIC_DEAD, 1);
    world.commands = reader_of(TOPIC_A, 1);
    world.replies = reader_of(KN_TOPIC_REPLY, KN_SHARDS);
    world.scheduler = start_plane("kilonova-scheduler");
    world.conductor = start_plane("kilonova-conductor");
    await("SELECT count(*) FROM service", 2);
    world.agent = start_agent();
    await("SELECT count(*) FROM host WHERE agent_id = 'b'", 1); /* what it says itself is believed */
    return 0;
}

static int group_teardown(void **state)
{
    AUTO_FREE char *remove = kn_asprintf("rm -rf %s", world.dir);
    (void)state;

    kn_test_end(world.agent, SIGTERM);
    kn_test_end(world.conductor, SIGTERM);
    kn_test_end(world.scheduler, SIGTERM);
    kn_bus_reader_free(world.dead);
    kn_bus_reader_free(world.commands);
    kn_bus_reader_free(world.replies);
    kn_bus_free(world.bus);
    kn_db_free(world.db);
    kn_test_broker_free(world.broker);
    kn_test_pg_free(world.pg);
    free(world.url);
    return system(remove) == 0 ? 0 : -1; /* NOLINT(cert-env33-c): a folder of our own */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_forged_hello_takes_no_host),
        cmocka_unit_test(test_a_forged_heartbeat_keeps_nobody_alive),
        cmocka_unit_test(test_nobody_answers_for_another_agent),
        cmocka_unit_test(test_an_old_report_changes_nothing),
        cmocka_unit_test(test_an_agent_obeys_the_control_plane_alone),
        cmocka_unit_test(test_services_obey_no_stranger),
        cmocka_unit_test(test_a_key_that_others_may_read_is_refused),
    };

    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
