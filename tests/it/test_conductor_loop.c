/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kilonova-conductor as a process, with us in the place of those whom it tells: values that the database will never take are one task's or one report's affair, and
 * the others go on; and who asks what anybody was told.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/adapter/bus.h"
#include "lib/adapter/db.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "tests/support/broker.h"
#include "tests/support/postgres.h"
#include "tests/support/process.h"
#include "tests/support/test.h"

#define WAIT_MS 60000
#define SERVERS 5
#define SERVER(n) "aaaaaaaa-0000-4000-8000-00000000000" #n
#define DONE "SELECT count(*) FROM task WHERE state = 'done'"

static struct {
    struct kn_test_pg *pg;
    struct kn_test_broker *broker;
    struct kn_conf conf;
    char *url;
    struct kn_db *db;
    struct kn_bus *bus;
    struct kn_bus_reader *reader;
    pid_t conductor;
    int located; /* how often it was asked where an image is */
    bool image_is_away; /* nobody answers that */
} world;

static void sql(const char *text)
{
    struct kn_error err = { 0 };

    assert_ok(kn_db_script(world.db, text, &err), &err);
}

static int64_t number(const char *text)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    assert_ok(kn_db_query(world.db, text, 0, KN_NO_ARGS, &rows, &err), &err);
    return kn_rows_int(rows, 0, 0);
}

static void say(const char *topic, int partition, const struct kn_message *m)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    struct kn_error err = { 0 };

    assert_ok(kn_message_print(m, &text, &err), &err);
    assert_ok(kn_bus_send(world.bus, topic, partition, text.buf, text.len, &err), &err);
}

static void report(const char *type, json_t *body)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

    kn_message_init(&m, type, body);
    say(KN_TOPIC_REPORT, 0, &m);
}

static json_t *result_of(const struct kn_message *m)
{
    if (strcmp(m->type->name, "place.claim") == 0) {
        return json_pack("{s:s, s:s, s:s}", "host", "h", "agent", "loop", "zone", "nova");
    }
    if (strcmp(m->type->name, "image.locate") == 0) {
        world.located++;
        return json_pack("{s:s, s:s, s:i, s:s, s:i}", "url", "http://127.0.0.1/blob", "sha512", "00", "size", 1,
                         "disk_format", "raw", "virtual_size", 1);
    }
    return json_pack("{s:i}", "power_state", strcmp(m->type->name, "server.spawn") == 0 ? 1 : 4);
}

/* The agent, the scheduler and the image service: whatever is asked for is done. */
static void obey(void)
{
    struct kn_bus_message raw;

    if (kn_bus_poll(world.reader, &raw, 1, 50) == 1) {
        AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
        struct kn_error err = { 0 };

        assert_ok(kn_message_parse(raw.data, raw.len, &m, &err), &err);
        kn_bus_message_done(&raw);
        if (world.image_is_away && strcmp(m.type->name, "image.locate") == 0) {
            world.located++;
            return;
        }
        m.is_reply = true;
        m.ok = true;
        m.result = result_of(&m);
        say(KN_TOPIC_REPLY, m.shard, &m);
    }
}

static void await(const char *text, int64_t wanted)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;

    while (number(text) != wanted) {
        if (kn_mono_ms() > deadline) {
            fail_msg("%s: %lld, wanted %lld", text, (long long)number(text), (long long)wanted);
        }
        obey();
    }
}

static void stop_all(void)
{
    for (int i = 1; i <= SERVERS; i++) {
        AUTO_FREE char *id = kn_asprintf("aaaaaaaa-0000-4000-8000-00000000000%d", i);
        AUTO_FREE char *text =
            kn_asprintf("INSERT INTO task (kind, shard, object_id, project_id, user_id, request_id) VALUES "
                        "('server.stop', %d, '%s', 'p', 'u', 'req-aaaaaaaa-0000-4000-8000-000000000001')",
                        kn_shard_of(id), id);

        sql(text);
    }
}

static int setup(void **state)
{
    AUTO_FREE char *program = kn_test_binary("kilonova-conductor");
    struct kn_error err = { 0 };

    (void)state;
    world.pg = kn_test_pg_start(KN_TEST_PG_FAST);
    world.broker = kn_test_broker_start();
    kn_conf_defaults(&world.conf);
    kn_test_broker_conf(world.broker, &world.conf);
    world.url = kn_test_pg_migrated(world.pg, "loop");
    world.db = kn_db_new(world.url, "test");
    assert_ok(kn_bus_new(&world.conf, "test", &world.bus, &err), &err);
    assert_ok(kn_bus_ensure_topic(world.bus, KN_TOPIC_REPLY, KN_SHARDS, WAIT_MS, &err), &err);
    assert_ok(kn_bus_ensure_topic(world.bus, KN_TOPIC_REPORT, 1, WAIT_MS, &err), &err);
    assert_ok(kn_bus_ensure_topic(world.bus, KN_TOPIC_AGENT "loop", 1, WAIT_MS, &err), &err);
    assert_ok(kn_bus_reader_new(world.bus, &world.reader, &err), &err);
    assert_ok(kn_bus_assign(world.reader, KN_TOPIC_AGENT "loop", 0, &err), &err);
    assert_ok(kn_bus_ensure_topic(world.bus, KN_TOPIC_PLACE, 1, WAIT_MS, &err), &err);
    assert_ok(kn_bus_assign(world.reader, KN_TOPIC_PLACE, 0, &err), &err);
    assert_ok(kn_bus_ensure_topic(world.bus, KN_TOPIC_IMAGE, 1, WAIT_MS, &err), &err);
    assert_ok(kn_bus_assign(world.reader, KN_TOPIC_IMAGE, 0, &err), &err);
    sql("INSERT INTO agent (id, boot) VALUES ('loop', 'b');"
        "INSERT INTO host (name, uuid, agent_id, zone, vcpus, memory_mib, disk_gib, cpu_ratio_percent, hypervisor_type, hypervisor_version) "
        "VALUES ('h', gen_random_uuid(), 'loop', 'nova', 8, 4096, 100, 100, 'sim', 1);"
        "INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, power_state, host, flavor, reservation_id) "
        "SELECT ('aaaaaaaa-0000-4000-8000-00000000000' || i)::uuid, 'p', 'u', 's', 's', 'active', 1, 'h', '{}', 'r' FROM generate_series(1, 5) i");

    AUTO_FREE char *url = kn_asprintf("db.url=%s", world.url);
    AUTO_FREE char *brokers = kn_asprintf("bus.brokers=%s", world.conf.bus_brokers);
    AUTO_FREE char *port = kn_asprintf("bus.embedded_port=%lld", (long long)world.conf.bus_embedded_port);
    const char *argv[] = { program, "--set", url, "--set", brokers, "--set", port, "--set", "daemon.host=h1", NULL };

    world.conductor = kn_test_spawn(argv, "/dev/stderr", NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_true(kn_test_end(world.conductor, SIGTERM));
    kn_bus_reader_free(world.reader);
    kn_bus_free(world.bus);
    kn_db_free(world.db);
    free(world.url);
    kn_test_broker_free(world.broker);
    kn_test_pg_free(world.pg);
    return 0;
}

/* One server of five can never be written as stopped: its task ends with the reason, the others are stopped. */
static void test_one_task_breaks_a_constraint(void **state)
{
    (void)state;
    sql("ALTER TABLE server ADD CONSTRAINT hurt CHECK (NOT (id = '" SERVER(3) "' AND vm_state = 'stopped'))");
    stop_all();
    await("SELECT count(*) FROM task WHERE state IN ('run', 'undo')", 0);
    assert_int_equal(number(DONE), SERVERS - 1);
    assert_int_equal(number("SELECT count(*) FROM task WHERE state = 'failed' AND object_id = '" SERVER(
                         3) "' AND error->>'message' LIKE '%hurt%'"),
                     1);
    assert_int_equal(number("SELECT count(*) FROM server WHERE vm_state = 'stopped'"), SERVERS - 1);
    assert_int_equal(
        number("SELECT count(*) FROM server WHERE id = '" SERVER(3) "' AND vm_state = 'active' AND task_state IS NULL"),
        1);
}

static json_t *domain(const char *server, json_int_t generation, json_int_t power_state)
{
    return json_pack("{s:s, s:I, s:I}", "server", server, "generation", generation, "power_state", power_state);
}

/* Reports with values that the database would refuse, and a good guest among mad ones: it counts, and tasks go on. */
static void test_mad_reports_stop_nobody(void **state)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;

    (void)state;
    sql("UPDATE server SET (vm_state, power_state) = ('active', 1); DELETE FROM task; ALTER TABLE server DROP CONSTRAINT IF EXISTS hurt");
    while (number("SELECT count(*) FROM server WHERE id = '" SERVER(1) "' AND vm_state = 'stopped'") == 0) {
        assert_true(kn_mono_ms() < deadline);
        report("agent.domains",
               json_pack("{s:s, s:s, s:[o, o, o, s, o, o]}", "agent", "loop", "host", "h", "domains",
                         domain(SERVER(2), 1, 99999999), domain(SERVER(2), -1, 4), domain("no uuid", 1, 4), "nothing",
                         domain(SERVER(2), INT64_MAX, INT64_MIN), domain(SERVER(1), 1, 4)));
        report("agent.domains",
               json_pack("{s:s, s:s, s:[o]}", "agent", "loop", "host", "nobody's", "domains", domain(SERVER(4), 1, 4)));
        report("agent.domains",
               json_pack("{s:s, s:s, s:[o]}", "agent", "nobody", "host", "h", "domains", domain(SERVER(4), 1, 4)));
        report("service.hello", json_pack("{s:s, s:s}", "topic", "a b\n'", "boot", "b"));
        obey();
    }
    assert_int_equal(number("SELECT count(*) FROM server WHERE vm_state = 'stopped'"), 1);
    sql("UPDATE server SET (vm_state, power_state) = ('active', 1)");
    stop_all();
    await(DONE, SERVERS);
    assert_int_equal(number("SELECT count(*) FROM service WHERE stuck IS NOT NULL"), 0);
}

/* A row that somebody wrote by hand: what it leads to goes by a request id that all can read, and it ends. */
static void test_an_odd_request_id(void **state)
{
    AUTO_FREE char *text =
        kn_asprintf("INSERT INTO task (kind, shard, object_id, project_id, user_id, request_id) VALUES "
                    "('server.stop', %d, '" SERVER(2) "', 'p', 'u', 'me')",
                    kn_shard_of(SERVER(2)));

    (void)state;
    sql("UPDATE server SET (vm_state, power_state) = ('active', 1); DELETE FROM task");
    sql(text);
    await(DONE, 1);
}

static void create_one(const char *image)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    char id[KN_UUID_SIZE];

    kn_uuid_make(id);
    kn_strbuf_addf(
        &text,
        "INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, task_state, image_id, flavor, reservation_id) VALUES ('%s', 'p', 'u', "
        "'s', 's', 'building', 'scheduling', '%s', '{\"name\": \"f\", \"vcpus\": 1, \"memory_mib\": 64, \"disk_gib\": 1}', 'r');"
        "INSERT INTO task (kind, shard, object_id, project_id, user_id, request_id, input) VALUES ('server.create', %d, '%s', 'p', 'u', "
        "'req-aaaaaaaa-0000-4000-8000-000000000001', '{\"requests\": []}')",
        id, image, kn_shard_of(id), id);
    sql(text.buf);
}

#define CREATED "SELECT count(*) FROM task WHERE kind = 'server.create' AND state = 'done'"

/* Where an image is fetched is anybody's answer, for a moment: those of the same image ask once, those of another ask, too, and later it is asked anew. */
static void test_what_is_anybodys_is_asked_once(void **state)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;
    int64_t made = 2;

    (void)state;
    sql("DELETE FROM task");
    world.located = 0;
    create_one("bbbbbbbb-0000-4000-8000-000000000001");
    await(CREATED, 1);
    assert_int_equal(world.located, 1);
    create_one("bbbbbbbb-0000-4000-8000-000000000002");
    await(CREATED, made);
    assert_int_equal(world.located, 2);
    assert_int_equal(
        number("SELECT count(*) FROM server WHERE vm_state = 'active' AND host = 'h' AND image_id IS NOT NULL"), 2);
    for (int shared = 0;
         world.located == 2 || shared == 0;) { /* each is made, whether it asked or not, and told as done */
        const int before = world.located;

        assert_true(kn_mono_ms() < deadline);
        create_one("bbbbbbbb-0000-4000-8000-000000000001");
        await(CREATED, ++made);
        shared += world.located == before;
    }
    assert_int_equal(
        number("SELECT count(*) FROM task WHERE NOT steps @> '[{\"name\": \"image.locate\", \"state\": \"done\"}]'"),
        0);
}

/* Nobody has an answer yet: each asks for himself, and is asked for again as ever. */
static void test_what_nobody_was_told_is_asked_by_each(void **state)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;

    (void)state;
    sql("DELETE FROM task");
    world.located = 0;
    world.image_is_away = true;
    create_one("bbbbbbbb-0000-4000-8000-000000000003");
    create_one("bbbbbbbb-0000-4000-8000-000000000003");
    while (world.located < 2) {
        assert_true(kn_mono_ms() < deadline);
        obey();
    }
    assert_int_equal(number(CREATED), 0);
    world.image_is_away = false;
    report("service.hello", json_pack("{s:s, s:s}", "topic", KN_TOPIC_IMAGE, "boot", "b"));
    await(CREATED, 2);
}

#define TRIES "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM tries" /* nextval is not rolled back */

/* Not even its end can be written: it is tried again, and less and less often; once it can be, it ends. */
static void test_an_end_that_cannot_be_written_is_not_hurried(void **state)
{
    AUTO_FREE char *text =
        kn_asprintf("INSERT INTO task (kind, shard, object_id, project_id, user_id, request_id) VALUES "
                    "('server.stop', %d, '" SERVER(2) "', 'p', 'u', 'req-aaaaaaaa-0000-4000-8000-000000000001')",
                    kn_shard_of(SERVER(2)));
    int64_t began_ms = 0;

    (void)state;
    sql("UPDATE server SET (vm_state, power_state) = ('active', 1); DELETE FROM task; CREATE SEQUENCE tries;"
        "CREATE FUNCTION hurt() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.state IN ('done', 'failed') THEN PERFORM nextval('tries');"
        " RAISE EXCEPTION 'hurt' USING ERRCODE = 'check_violation'; END IF; RETURN NEW; END $$;"
        "CREATE TRIGGER hurt BEFORE UPDATE ON task FOR EACH ROW EXECUTE FUNCTION hurt()");
    sql(text);
    while (number(TRIES) == 0) {
        obey();
    }
    began_ms = kn_mono_ms();
    for (int64_t seen = number(TRIES), rounds = 0;
         rounds < 3;) { /* after pauses of 2, 4 and 8 s; the sweep alone would be there in 3 */
        const int64_t now = number(TRIES);

        assert_true(kn_mono_ms() - began_ms < WAIT_MS);
        obey();
        if (now >= seen + 4) { /* of one round: a stop, and three ways to end it */
            seen = now;
            rounds++;
        }
    }
    assert_true(kn_mono_ms() - began_ms > 5000);
    sql("DROP TRIGGER hurt ON task");
    await("SELECT count(*) FROM task WHERE state IN ('done', 'failed')", 1);
}

#define MANY 120 /* the sweep alone would come to the last of them after the minute that await() gives */

/* The tasks of an object follow each other at once, and only the last was told of. */
static void test_tasks_of_an_object_follow_each_other(void **state)
{
    AUTO_FREE char *text = kn_asprintf(
        "INSERT INTO task (kind, shard, object_id, project_id, user_id, request_id) SELECT 'server.stop', %d, '" SERVER(
            3) "', 'p', 'u', 'req-aaaaaaaa-0000-4000-8000-000000000001' FROM generate_series(1, %d)",
        kn_shard_of(SERVER(3)), MANY);
    AUTO_RELEASE(kn_message) struct kn_message wake = { 0 };

    (void)state;
    sql("UPDATE server SET (vm_state, power_state) = ('active', 1); DELETE FROM task");
    sql(text);
    kn_message_init(&wake, "task.wake", NULL);
    wake.task = number("SELECT max(id) FROM task");
    wake.shard = kn_shard_of(SERVER(3));
    say(KN_TOPIC_TASK, wake.shard, &wake);
    await(DONE, MANY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_task_breaks_a_constraint),
        cmocka_unit_test(test_mad_reports_stop_nobody),
        cmocka_unit_test(test_an_odd_request_id),
        cmocka_unit_test(test_what_is_anybodys_is_asked_once),
        cmocka_unit_test(test_what_nobody_was_told_is_asked_by_each),
        cmocka_unit_test(test_an_end_that_cannot_be_written_is_not_hurried),
        cmocka_unit_test(test_tasks_of_an_object_follow_each_other),
    };

    return cmocka_run_group_tests_name("it/conductor_loop", tests, setup, teardown);
}
