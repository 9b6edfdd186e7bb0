/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kilonova-network as a process between a real database and a bus: allocates, binds, tells the agents, survives kill -9 and a
 * database that goes away. We play conductor and agents.
 */
#include "tests/support/test.h"

#include <signal.h>
#include <stdio.h>

#include "lib/adapter/bus.h"
#include "lib/adapter/db.h"
#include "lib/adapter/quota.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "tests/support/broker.h"
#include "tests/support/postgres.h"
#include "tests/support/process.h"

#define WAIT_MS 60000
#define SHARD 5 /* answers to us arrive here */
#define NET "11111111-1111-4111-8111-111111111111"
#define AGENT_A "net-test-a"
#define AGENT_B "net-test-b"

static struct kn_test_pg *pg;
static struct kn_test_broker *broker;
static struct kn_conf conf;
static char *url;
static struct kn_db *db;
static struct kn_bus *bus;
static struct kn_bus_reader *replies, *peers;
static pid_t network;
static int64_t next_task;

static const char FIXTURE[] =
    "INSERT INTO network (id, project_id, name, vni) VALUES ('" NET "', 'p', 'n', 1);"
    "INSERT INTO subnet (id, network_id, project_id, ip_version, cidr, pools, cursor_ip) VALUES (gen_random_uuid(), '" NET
    "', 'p', 4,"
    " '10.0.0.0/16', '[{\"start\":\"10.0.0.2\",\"end\":\"10.0.255.254\"}]', '10.0.1.0');"
    "INSERT INTO agent (id, boot) VALUES ('" AGENT_A "', 'b'), ('" AGENT_B "', 'b'), ('sim', 'b');"
    "INSERT INTO host (name, uuid, agent_id, zone, underlay, vcpus, memory_mib, disk_gib, cpu_ratio_percent, hypervisor_type,"
    " hypervisor_version) VALUES ('h1', gen_random_uuid(), '" AGENT_A
    "', 'nova', '192.0.2.1', 1, 1, 1, 100, 'QEMU', 1),"
    " ('h2', gen_random_uuid(), '" AGENT_B "', 'nova', '192.0.2.2', 1, 1, 1, 100, 'QEMU', 1),"
    " ('s1', gen_random_uuid(), 'sim', 'nova', NULL, 1, 1, 1, 100, 'sim', 1);";

/* --- the world around it ------------------------------------------------------------------------------------------- */

static void start_network(void)
{
    AUTO_FREE char *program = kn_test_binary("kilonova-network");
    AUTO_FREE char *database = kn_asprintf("db.url=%s", url);
    AUTO_FREE char *brokers = kn_asprintf("bus.brokers=%s", conf.bus_brokers);
    AUTO_FREE char *port = kn_asprintf("bus.embedded_port=%lld", (long long)conf.bus_embedded_port);
    const char *argv[] = { program, "--set", database, "--set", brokers, "--set", port, NULL };

    network = kn_test_spawn(argv, "/dev/stderr", NULL);
}

static void next(struct kn_bus_reader *reader, struct kn_message *ret)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;
    struct kn_error err = { .code = KN_OK };
    struct kn_bus_message m;

    while (kn_bus_poll(reader, &m, 1, 100) == 0) {
        assert_true(kn_mono_ms() < deadline);
    }
    const int rc = kn_message_parse(m.data, m.len, ret, &err);

    kn_bus_message_done(&m);
    assert_ok(rc, &err);
}

/* Waits for the hello that says: I read. */
static void await_hello(struct kn_bus_reader *reports)
{
    for (bool seen = false; !seen;) {
        AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

        next(reports, &m);
        seen = strcmp(m.type->name, "service.hello") == 0 &&
               strcmp(kn_json_str(m.body, "topic"), KN_TOPIC_NETWORK) == 0;
    }
}

static void start_and_await(void)
{
    AUTO(kn_bus_reader) struct kn_bus_reader *reports = NULL;
    struct kn_error err;

    assert_ok(kn_bus_reader_new(bus, &reports, &err), &err);
    assert_ok(kn_bus_assign(reports, KN_TOPIC_REPORT, 0, &err), &err);
    start_network();
    await_hello(reports);
}

static void send_body(const char *topic, const char *type, int64_t task, json_t *body)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    struct kn_error err = { .code = KN_OK };

    kn_message_init(&m, type, body);
    m.task = task;
    m.shard = SHARD;
    m.attempt = 1;
    assert_ok(kn_message_print(&m, &text, &err), &err);
    assert_ok(kn_bus_send(bus, topic, 0, text.buf, text.len, &err), &err);
}

static int64_t command(const char *type, int server, json_t *more)
{
    char id[KN_UUID_SIZE];
    json_t *body;

    snprintf(id, sizeof(id), "aaaaaaaa-0000-4000-8000-%012d", server);
    body = json_pack("{s:s, s:s, s:s}", "server", id, "project", "p", "hostname", "vm");
    json_object_update(body, more);
    json_decref(more);
    send_body(KN_TOPIC_NETWORK, type, ++next_task, body);
    return next_task;
}

static int64_t allocate(int server)
{
    return command("port.allocate", server, json_pack("{s:[{s:s}]}", "requests", "network", NET));
}

/* The answer to that command; others are passed over. */
static void answer(int64_t task, struct kn_message *ret)
{
    for (;;) {
        next(replies, ret);
        if (ret->task == task) {
            return;
        }
        kn_message_release(ret);
    }
}

static void must(int64_t task)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

    answer(task, &m);
    if (!m.ok) {
        fail_msg("task %lld failed: %s", (long long)task, m.error.message);
    }
}

static void mac_of(int server, char out[32])
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

    answer(allocate(server), &m);
    assert_true(m.ok);
    kn_copy(out, 32, kn_json_str(json_array_get(json_object_get(m.result, "nics"), 0), "mac"));
}

static int64_t number(const char *sql)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err;

    assert_ok(kn_db_query(db, sql, 0, KN_NO_ARGS, &rows, &err), &err);
    return kn_rows_int(rows, 0, 0);
}

static int setup(void **state)
{
    struct kn_error err;

    (void)state;
    pg = kn_test_pg_start(KN_TEST_PG_FAST);
    broker = kn_test_broker_start();
    kn_conf_defaults(&conf);
    kn_test_broker_conf(broker, &conf);
    url = kn_test_pg_migrated(pg, "network");
    db = kn_db_new(url, "test");
    assert_ok(kn_db_script(db, FIXTURE, &err), &err);
    assert_ok(kn_bus_new(&conf, "test", &bus, &err), &err);
    assert_ok(kn_bus_ensure_topic(bus, KN_TOPIC_REPLY, KN_SHARDS, WAIT_MS, &err), &err);
    assert_ok(kn_bus_ensure_topic(bus, KN_TOPIC_REPORT, 1, WAIT_MS, &err), &err);
    assert_ok(kn_bus_ensure_topic(bus, KN_TOPIC_DEAD, 1, WAIT_MS, &err), &err);
    assert_ok(kn_bus_ensure_topic(bus, KN_TOPIC_AGENT AGENT_A, 1, WAIT_MS, &err), &err);
    assert_ok(kn_bus_ensure_topic(bus, KN_TOPIC_AGENT AGENT_B, 1, WAIT_MS, &err), &err);
    assert_ok(kn_bus_reader_new(bus, &replies, &err), &err);
    assert_ok(kn_bus_reader_new(bus, &peers, &err), &err);
    assert_ok(kn_bus_assign(replies, KN_TOPIC_REPLY, SHARD, &err), &err);
    assert_ok(kn_bus_assign(peers, KN_TOPIC_AGENT AGENT_A, 0, &err), &err);
    next_task = kn_now_ms(); /* a shared Kafka may still hold answers of another run */
    kn_test_pg_tasks(url, next_task, 5000);
    start_and_await();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kn_test_end(network, SIGTERM);
    kn_bus_reader_free(peers);
    kn_bus_reader_free(replies);
    kn_bus_free(bus);
    kn_db_free(db);
    kn_test_broker_free(broker);
    kn_test_pg_free(pg);
    free(url);
    return 0;
}

/* --- tests ---------------------------------------------------------------------------------------------------------- */

/* The next table for host h1. */
static void table(struct kn_message *ret)
{
    next(peers, ret);
    assert_string_equal(ret->type->name, "net.peers");
    assert_string_equal(kn_json_str(ret->body, "host"), "h1");
    assert_string_equal(kn_json_str(ret->body, "network"), NET);
}

static void test_tables_follow_the_servers(void **state)
{
    (void)state;
    char mac[32];

    must(allocate(1));
    mac_of(2, mac);
    must(allocate(3));
    must(command("port.bind", 1, json_pack("{s:s}", "host", "h1")));
    AUTO_RELEASE(kn_message) struct kn_message alone = { 0 }, both = { 0 }, again = { 0 }, after = { 0 };

    table(&alone);
    assert_int_equal(json_array_size(json_object_get(alone.body, "peers")), 0);
    must(command("port.bind", 3, json_pack("{s:s}", "host", "s1"))); /* a simulated host: nobody is told */
    must(command("port.bind", 2, json_pack("{s:s}", "host", "h2")));
    table(&both);
    const json_t *peer = json_array_get(json_object_get(both.body, "peers"), 0);

    assert_int_equal(json_array_size(json_object_get(both.body, "peers")), 1);
    assert_string_equal(kn_json_str(peer, "mac"), mac);
    assert_string_equal(kn_json_str(peer, "underlay"), "192.0.2.2");
    assert_string_equal(json_string_value(json_array_get(json_object_get(peer, "ips"), 0)),
                        "10.0.1.3"); /* .1.1 is DHCP's */
    assert_int_equal(kn_json_int(both.body, "version"), kn_json_int(alone.body, "version") + 1);

    send_body(KN_TOPIC_REPORT, "agent.hello", 0,
              json_pack("{s:s, s:s, s:[{s:s, s:s}]}", "agent", AGENT_A, "boot", "c", "hosts", "host", "h1",
                        "hypervisor_type", "QEMU"));
    table(&again);
    assert_true(json_equal(again.body, both.body));

    must(command("port.release", 2, NULL));
    table(&after);
    assert_int_equal(json_array_size(json_object_get(after.body, "peers")), 0);
    assert_int_equal(kn_json_int(after.body, "version"), kn_json_int(both.body, "version") + 1);
    must(command("port.release", 2, NULL));
}

/*
 * The project's last port goes to somebody else between the service's look and its taking: the command is told so, as if it had come later, and nothing
 * of it stays. Nobody waits in between: the look holds no row.
 */
static void test_the_last_port_goes_elsewhere(void **state)
{
    AUTO(kn_db) struct kn_db *other = kn_db_new(url, "other");
    AUTO_RELEASE(kn_message) struct kn_message reply = { 0 };
    const int64_t deadline = kn_mono_ms() + WAIT_MS;
    struct kn_error err = { 0 };
    struct kn_tx tx = { NULL };
    int64_t task, ports;

    (void)state;
    assert_ok(kn_quota_take_one(db, "p", KN_QUOTA_PORT, 1, &err), &err);
    assert_ok(kn_quota_take_one(db, "p", KN_QUOTA_PORT, -1, &err), &err);
    assert_ok(
        kn_db_script(
            db,
            "INSERT INTO quota_limit (service, project_id, resource, hard_limit) SELECT 'network', 'p', 'port', used + 1 "
            "FROM quota_usage WHERE project_id = 'p' AND resource = 'port'",
            &err),
        &err);
    ports = number("SELECT count(*) FROM port");
    assert_ok(kn_tx_begin(&tx, other, &err), &err);
    assert_ok(kn_quota_take_one(other, "p", KN_QUOTA_PORT, 1, &err), &err);
    task = allocate(900);
    while (number("SELECT count(*) FROM pg_locks WHERE NOT granted") == 0) {
        assert_true(kn_mono_ms() < deadline);
    }
    assert_ok(kn_tx_commit(&tx, &err), &err);
    answer(task, &reply);
    assert_false(reply.ok);
    assert_string_equal(reply.error.message,
                        "Quota exceeded for resources: ['port']. Maximum number of ports exceeded");
    assert_int_equal(number("SELECT count(*) FROM port"), ports);
    assert_ok(kn_quota_take_one(db, "p", KN_QUOTA_PORT, -1, &err), &err);
    must(allocate(900)); /* there is one again */
    must(command("port.release", 900, NULL));
    assert_ok(kn_db_script(db, "DELETE FROM quota_limit", &err), &err);
}

/* A creation that a deletion superseded, said again after it, makes no port; an old release takes none away. */
static void test_late_commands_touch_no_port(void **state)
{
    (void)state;
    static const char *const LATE[] = { "state = 'failed'", "attempt = 2", "state = 'done'" };
    struct kn_error err = { 0 };

    must(allocate(601));
    for (size_t i = 0; i < KN_COUNT(LATE); i++) {
        AUTO_RELEASE(kn_message) struct kn_message made = { 0 }, gone = { 0 };
        AUTO_FREE char *sql = kn_asprintf("UPDATE task SET %s WHERE id IN (%lld, %lld)", LATE[i],
                                          (long long)next_task + 1, (long long)next_task + 2);

        assert_ok(kn_db_script(db, sql, &err), &err);
        answer(allocate(602), &made);
        assert_false(made.ok);
        assert_int_equal(made.error.code, KN_STALE);
        answer(command("port.release", 601, NULL), &gone);
        assert_int_equal(gone.error.code, KN_STALE);
    }
    assert_int_equal(number("SELECT count(*) FROM port WHERE device_id LIKE '%000000000601'"), 1);
    assert_int_equal(number("SELECT count(*) FROM port WHERE device_id LIKE '%000000000602'"), 0);
    must(command("port.release", 601, NULL));
}

static void test_garbage_harms_nobody(void **state)
{
    (void)state;
    static const char *const GARBAGE[] = { "",
                                           "{",
                                           "\xff\xfe",
                                           "[]",
                                           "{\"type\":\"port.allocate\",\"v\":1}",
                                           "{\"type\":\"port.allocate\",\"v\":99,\"body\":{}}",
                                           "{\"type\":\"place.claim\",\"v\":1,\"body\":{}}" };
    struct kn_error err;

    for (size_t i = 0; i < KN_COUNT(GARBAGE); i++) {
        assert_ok(kn_bus_send(bus, KN_TOPIC_NETWORK, 0, GARBAGE[i], strlen(GARBAGE[i]), &err), &err);
    }
    must(allocate(10));
}

static void test_one_bad_command_does_not_spoil_the_others(void **state)
{
    (void)state;
    int64_t tasks[20];

    for (int i = 0; i < 20; i++) {
        tasks[i] = i % 2 == 0
                       ? allocate(20 + i)
                       : command("port.allocate", 20 + i,
                                 json_pack("{s:[{s:s, s:s}]}", "requests", "network", NET, "fixed_ip", "1.2.3.4"));
    }
    for (int i = 0; i < 20; i++) {
        AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

        answer(tasks[i], &m);
        assert_int_equal(m.ok, i % 2 == 0);
        assert_true(m.ok || m.error.code == KN_BAD_REQUEST);
    }
}

/* Values that the database will never take, in one command of a batch and in reports: that one is answered with the reason, the others are carried out. */
static void test_what_the_database_refuses_is_one_answer(void **state)
{
    static const char *const HOSTS[] = { "[]", "[null]", "[\"x\"]", "[{\"host\": 5, \"hypervisor_type\": {}}]",
                                         "[{\"host\": \"\", \"vcpus\": -1}]" };
    struct kn_error err = { 0 };
    int64_t tasks[10];
    (void)state;

    assert_ok(kn_db_script(db, "ALTER TABLE port ADD CONSTRAINT hurt CHECK (device_id NOT LIKE '%000000000705')", &err),
              &err);
    for (int i = 0; i < 10; i++) {
        send_body(KN_TOPIC_REPORT, "agent.hello", 0,
                  json_pack("{s:s, s:s, s:o}", "agent", AGENT_A, "boot", "d", "hosts",
                            json_loads(HOSTS[(size_t)i % KN_COUNT(HOSTS)], 0, NULL)));
        tasks[i] = allocate(700 + i);
    }
    for (int i = 0; i < 10; i++) {
        AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

        answer(tasks[i], &m);
        assert_int_equal(m.ok, i != 5);
        assert_true(m.ok || strstr(m.error.message, "hurt") != NULL);
    }
    assert_ok(kn_db_script(db, "ALTER TABLE port DROP CONSTRAINT hurt", &err), &err);
    must(allocate(705));
    for (int i = 0; i < 10; i++) {
        must(command("port.release", 700 + i, NULL));
    }
}

static void test_kill_in_the_middle(void **state)
{
    (void)state;
    int64_t last = 0;

    for (int i = 100; i < 400; i++) {
        allocate(i);
    }
    must(allocate(100)); /* it has begun */
    kn_test_end(network, SIGKILL);
    start_and_await();
    for (int i = 100; i < 400; i++) {
        last = allocate(i); /* the conductor sends again what is open */
    }
    must(last);
    assert_int_equal(
        number(
            "SELECT count(*) FROM port WHERE made_for_server AND device_id >= 'aaaaaaaa-0000-4000-8000-000000000100'"),
        300);
    assert_int_equal(
        number(
            "SELECT count(DISTINCT device_id) FROM port WHERE made_for_server AND device_id >= 'aaaaaaaa-0000-4000-8000-000000000100'"),
        300);
    assert_int_equal(number("SELECT count(*) - count(DISTINCT ip) FROM address"), 0);
}

static void test_database_away(void **state)
{
    (void)state;
    kn_test_pg_down(pg);
    int64_t task = allocate(500);

    kn_test_pg_up(pg);
    must(task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables_follow_the_servers),
        cmocka_unit_test(test_late_commands_touch_no_port),
        cmocka_unit_test(test_garbage_harms_nobody),
        cmocka_unit_test(test_one_bad_command_does_not_spoil_the_others),
        cmocka_unit_test(test_what_the_database_refuses_is_one_answer),
        cmocka_unit_test(test_kill_in_the_middle),
        cmocka_unit_test(test_the_last_port_goes_elsewhere),
        cmocka_unit_test(test_database_away),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
