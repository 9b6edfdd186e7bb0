/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kilonova-scheduler as a process between a real database and a bus: claims, releases, repetitions, kill -9. We play
 * agent and conductor. Whatever happens, a host's use is the sum of its allocations.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/adapter/bus.h"
#include "lib/adapter/db.h"
#include "lib/base/clock.h"
#include "lib/base/hmap.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "tests/support/broker.h"
#include "tests/support/postgres.h"
#include "tests/support/process.h"
#include "tests/support/test.h"

#define WAIT_MS 60000
#define SHARD 3 /* answers to us arrive here */
#define HOSTS 40

static struct kn_test_pg *pg;
static struct kn_test_broker *broker;

struct fixture {
    struct kn_conf conf;
    char *url;
    struct kn_db *db;
    struct kn_bus *bus;
    struct kn_bus_reader *reader;
    pid_t scheduler;
    int started;
};

/* --- the world around it --------------------------------------------------------------------------------------------- */

static void start_scheduler(struct fixture *f)
{
    AUTO_FREE char *program = kn_test_binary("kilonova-scheduler");
    AUTO_FREE char *url = kn_asprintf("db.url=%s", f->url);
    AUTO_FREE char *brokers = kn_asprintf("bus.brokers=%s", f->conf.bus_brokers);
    AUTO_FREE char *port = kn_asprintf("bus.embedded_port=%lld", (long long)f->conf.bus_embedded_port);
    AUTO_FREE char *name = kn_asprintf("daemon.host=h%d", ++f->started); /* two live side by side */
    const char *argv[] = { program, "--set", url, "--set", brokers, "--set", port, "--set", name, NULL };

    f->scheduler = kn_test_spawn(argv, "/dev/stderr", NULL);
}

static void send(struct fixture *f, const char *topic, const char *type, int64_t task, int64_t generation, json_t *body)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    struct kn_error err = { 0 };

    kn_message_init(&m, type, body);
    m.task = task;
    m.generation = generation;
    m.shard = SHARD;
    m.attempt = 1;
    assert_ok(kn_message_print(&m, &text, &err), &err);
    assert_ok(kn_bus_send(f->bus, topic, 0, text.buf, text.len, &err), &err);
}

static void say_hello(struct fixture *f)
{
    json_t *hosts = json_array();

    for (int i = 0; i < HOSTS; i++) {
        char name[16];

        snprintf(name, sizeof(name), "host-%02d", i);
        json_array_append_new(hosts, json_pack("{s:s,s:i,s:i,s:i,s:i,s:s,s:s,s:i,s:{}}", "host", name, "vcpus", 4, "memory_mib",
                                               8704, "reserved_memory_mib", 512, "disk_gib", 100, "zone",
                                               i < HOSTS / 2 ? "east" : "west", "hypervisor_type", "sim",
                                               "hypervisor_version", 1, "cpu_info"));
    }
    send(f, KN_TOPIC_REPORT, "agent.hello", 0, 0, json_pack("{s:s,s:s,s:o}", "agent", "a1", "boot", "b1", "hosts", hosts));
}

static int64_t number(struct fixture *f, const char *sql)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    assert_ok(kn_db_query(f->db, sql, 0, KN_NO_ARGS, &rows, &err), &err);
    return kn_rows_int(rows, 0, 0);
}

/* Asks until the number is this one. What is awaited is an event in another process; there is nothing else to wait on. */
static void await_number(struct fixture *f, const char *sql, int64_t wanted)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;
    struct kn_bus_message m;

    while (number(f, sql) != wanted) {
        if (kn_mono_ms() > deadline) {
            fail_msg("%s: %lld, wanted %lld", sql, (long long)number(f, sql), (long long)wanted);
        }
        if (kn_bus_poll(f->reader, &m, 1, 10) == 1) {
            kn_bus_message_done(&m);
        }
    }
}

static void server_id(int i, char out[KN_UUID_SIZE])
{
    snprintf(out, KN_UUID_SIZE, "00000000-0000-4000-8000-%012d", i);
}

static void make_servers(struct fixture *f, int count)
{
    struct kn_error err = { 0 };
    AUTO_FREE char *sql = kn_asprintf(
        "INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, flavor, reservation_id) "
        "SELECT ('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, 'p', 'u', 's', 's', 'building', '{}', 'r' "
        "FROM generate_series(0, %d) i", count - 1);

    assert_ok(kn_db_script(f->db, sql, &err), &err);
}

static void claim(struct fixture *f, int i, int64_t generation, json_t *more)
{
    char id[KN_UUID_SIZE];
    json_t *body;

    server_id(i, id);
    body = json_pack("{s:s,s:s,s:i,s:i,s:i}", "server", id, "project", "p", "vcpus", 1, "memory_mib", 512, "disk_gib", 1);
    json_object_update(body, more);
    json_decref(more);
    send(f, KN_TOPIC_PLACE, "place.claim", i + 1, generation, body);
}

static void release(struct fixture *f, int i, int64_t generation)
{
    char id[KN_UUID_SIZE];

    server_id(i, id);
    send(f, KN_TOPIC_PLACE, "place.release", i + 1, generation, json_pack("{s:s}", "server", id));
}

/* The next answer, whatever it is. */
static void answer(struct fixture *f, struct kn_message *ret)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;
    struct kn_error err = { 0 };
    struct kn_bus_message m;

    while (kn_bus_poll(f->reader, &m, 1, 100) == 0) {
        assert_true(kn_mono_ms() < deadline);
    }
    const int rc = kn_message_parse(m.data, m.len, ret, &err);
    kn_bus_message_done(&m);
    assert_ok(rc, &err);
}

/* A claim that is granted; its host goes to out. */
static void claim_one(struct fixture *f, int i, int64_t generation, json_t *more, char out[64])
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

    claim(f, i, generation, more);
    answer(f, &m);
    if (!m.ok) {
        fail_msg("refused: %s", m.error.message);
    }
    assert_int_equal(m.task, i + 1);
    kn_copy(out, 64, kn_json_str(m.result, "host"));
}

static void assert_sums(struct fixture *f)
{
    assert_int_equal(number(f, "SELECT count(*) FROM host h LEFT JOIN (SELECT host, count(*) n, sum(vcpus) v, sum(memory_mib) m, "
                               "sum(disk_gib) d FROM allocation GROUP BY host) a ON a.host = h.name WHERE h.used_vcpus <> "
                               "coalesce(a.v, 0) OR h.used_memory_mib <> coalesce(a.m, 0) OR h.used_disk_gib <> coalesce(a.d, 0) "
                               "OR h.servers <> coalesce(a.n, 0)"), 0);
}

/* --- fixtures -------------------------------------------------------------------------------------------------------- */

static int group_setup(void **state)
{
    (void)state;
    pg = kn_test_pg_start(KN_TEST_PG_FAST);
    broker = kn_test_broker_start();
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    kn_test_broker_free(broker);
    kn_test_pg_free(pg);
    return 0;
}

static int setup(void **state)
{
    struct fixture *f = KN_NEW(struct fixture);
    struct kn_error err = { 0 };

    *state = f;
    kn_conf_defaults(&f->conf);
    kn_test_broker_conf(broker, &f->conf);
    f->url = kn_test_pg_migrated(pg, "scheduler");
    f->db = kn_db_new(f->url, "test");
    kn_test_pg_tasks(f->url, 1, 5000);
    assert_ok(kn_bus_new(&f->conf, "test", &f->bus, &err), &err);
    assert_ok(kn_bus_ensure_topic(f->bus, KN_TOPIC_REPLY, KN_SHARDS, WAIT_MS, &err), &err);
    assert_ok(kn_bus_ensure_topic(f->bus, KN_TOPIC_REPORT, 1, WAIT_MS, &err), &err);
    assert_ok(kn_bus_ensure_topic(f->bus, KN_TOPIC_PLACE, 1, WAIT_MS, &err), &err);
    assert_ok(kn_bus_reader_new(f->bus, &f->reader, &err), &err);
    assert_ok(kn_bus_assign(f->reader, KN_TOPIC_REPLY, SHARD, &err), &err);
    assert_ok(kn_bus_assign(f->reader, KN_TOPIC_REPORT, 0, &err), &err);
    start_scheduler(f);
    /* Its hello says that it reads. */
    AUTO_RELEASE(kn_message) struct kn_message hello = { 0 };
    answer(f, &hello);
    assert_string_equal(hello.type->name, "service.hello");
    assert_ok(kn_bus_unassign(f->reader, KN_TOPIC_REPORT, 0, &err), &err);
    say_hello(f);
    await_number(f, "SELECT count(*) FROM host", HOSTS);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    if (f->scheduler != 0) {
        kn_test_end(f->scheduler, SIGKILL);
    }
    kn_bus_reader_free(f->reader);
    kn_bus_free(f->bus);
    kn_db_free(f->db);
    free(f->url);
    free(f);
    return 0;
}

/* --- tests ----------------------------------------------------------------------------------------------------------- */

static void test_claims_and_releases_repeat_themselves(void **state)
{
    struct fixture *f = *state;
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    char first[64], second[64], moved[64];

    make_servers(f, 1);
    claim_one(f, 0, 1, NULL, first);
    claim_one(f, 0, 1, NULL, second);
    assert_string_equal(first, second);
    assert_int_equal(number(f, "SELECT sum(servers) FROM host"), 1);

    /* A newer generation moves what it holds. */
    number(f, "UPDATE server SET generation = 2 RETURNING 1");
    claim_one(f, 0, 2, json_pack("{s:[s]}", "exclude", first), moved);
    assert_string_not_equal(first, moved);
    assert_int_equal(number(f, "SELECT sum(used_memory_mib) FROM host"), 512);
    assert_sums(f);

    /* An old one neither claims nor releases. */
    claim(f, 0, 1, NULL);
    answer(f, &m);
    assert_false(m.ok);
    assert_int_equal(m.error.code, KN_STALE);
    kn_message_release(&m);
    release(f, 0, 1);
    answer(f, &m);
    assert_true(m.ok);
    assert_int_equal(number(f, "SELECT sum(servers) FROM host"), 1);
    for (int i = 0; i < 2; i++) {
        kn_message_release(&m);
        release(f, 0, 2);
        answer(f, &m);
        assert_true(m.ok);
    }
    assert_int_equal(number(f, "SELECT sum(used_vcpus) + sum(used_memory_mib) + sum(servers) FROM host"), 0);
    assert_int_equal(number(f, "SELECT count(*) FROM allocation"), 0);
}

/* A repeated release of a task that is over frees nothing, a claim of one that was superseded takes nothing, whatever the generation says. */
static void test_only_the_present_attempt_is_obeyed(void **state)
{
    struct fixture *f = *state;
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    char host[64];

    make_servers(f, 2);
    claim_one(f, 0, 1, NULL, host);
    number(f, "UPDATE task SET attempt = 2 WHERE id = 1 RETURNING 1");
    release(f, 0, 1);
    answer(f, &m);
    assert_false(m.ok);
    assert_int_equal(m.error.code, KN_STALE);
    kn_message_release(&m);
    number(f, "UPDATE task SET attempt = 1, state = 'done' WHERE id = 1 RETURNING 1");
    release(f, 0, 1);
    answer(f, &m);
    assert_false(m.ok);
    kn_message_release(&m);
    number(f, "UPDATE task SET state = 'failed' WHERE id = 2 RETURNING 1");
    claim(f, 1, 1, NULL);
    answer(f, &m);
    assert_false(m.ok);
    assert_int_equal(m.error.code, KN_STALE);
    assert_int_equal(number(f, "SELECT count(*) FROM allocation"), 1);
    assert_sums(f);
}

static void test_deleted_servers_claim_nothing(void **state)
{
    struct fixture *f = *state;
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

    make_servers(f, 1);
    number(f, "UPDATE server SET deleted_at = now() RETURNING 1");
    claim(f, 0, 1, NULL);
    answer(f, &m);
    assert_false(m.ok);
    kn_message_release(&m);
    claim(f, 77, 1, NULL); /* has never been */
    answer(f, &m);
    assert_false(m.ok);
    assert_int_equal(number(f, "SELECT count(*) FROM allocation"), 0);
}

static void test_no_valid_host_says_why(void **state)
{
    struct fixture *f = *state;
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    char host[64];

    make_servers(f, 2);
    claim(f, 0, 1, json_pack("{s:s,s:i}", "zone", "east", "memory_mib", 9000));
    answer(f, &m);
    assert_false(m.ok);
    assert_int_equal(m.error.code, KN_NO_VALID_HOST);
    assert_non_null(strstr(m.error.message, "No valid host was found. 40 hosts; AvailabilityZoneFilter took 20, 20 left; "
                                            "RamFilter took 20, 0 left"));
    assert_non_null(strstr(m.error.message, "lacks 808 MiB of memory"));
    kn_message_release(&m);

    /* The API's switches are heard. */
    number(f, "UPDATE host SET disabled = true WHERE zone = 'east' RETURNING 1");
    for (const int64_t deadline = kn_mono_ms() + WAIT_MS; kn_mono_ms() < deadline; kn_message_release(&m)) {
        claim(f, 1, 1, json_pack("{s:s}", "zone", "east"));
        answer(f, &m);
        if (!m.ok) {
            break;
        }
        release(f, 1, 1);
        kn_message_release(&m);
        answer(f, &m);
    }
    assert_false(m.ok);
    assert_non_null(strstr(m.error.message, "ComputeDisabledFilter took 20"));
    claim_one(f, 1, 1, NULL, host);
    assert_sums(f);
}

/* Notes who was answered; how many were new. */
static int note(struct fixture *f, struct kn_hmap *done, int wait_ms)
{
    struct kn_bus_message batch[100];
    const int n = kn_bus_poll(f->reader, batch, 100, wait_ms);
    int fresh = 0;

    for (int i = 0; i < n; i++) {
        AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
        AUTO_FREE char *key = NULL;
        struct kn_error err = { 0 };
        const char *before = NULL;

        assert_ok(kn_message_parse(batch[i].data, batch[i].len, &m, &err), &err);
        kn_bus_message_done(&batch[i]);
        assert_true(m.ok);
        key = kn_asprintf("%lld", (long long)m.task);
        before = kn_hmap_get(done, key);
        if (before == NULL) {
            kn_hmap_put(done, key, kn_strdup(kn_json_str(m.result, "host")));
            fresh++;
        } else {
            assert_string_equal(before, kn_json_str(m.result, "host")); /* the same answer again */
        }
    }
    return fresh;
}

/* 200 claims that the hosts just hold (40 hosts of 16 vCPUs, 16 x 512 MiB), the scheduler killed in their middle. */
static void test_killed_in_the_middle(void **state)
{
    enum { COUNT = 200 };
    struct fixture *f = *state;
    struct kn_hmap *done = kn_hmap_new(free);
    const int64_t deadline = kn_mono_ms() + WAIT_MS;

    make_servers(f, COUNT);
    for (int i = 0; i < COUNT; i++) {
        claim(f, i, 1, NULL);
        if (i == COUNT / 2) {
            while (note(f, done, 10) == 0) {
                assert_true(kn_mono_ms() < deadline);
            }
            kn_test_end(f->scheduler, SIGKILL);
            start_scheduler(f);
        }
    }
    /* As the conductor does: what is not answered is asked again. */
    while (kn_hmap_count(done) < COUNT) {
        assert_true(kn_mono_ms() < deadline);
        if (note(f, done, 1000) > 0) {
            continue;
        }
        for (int i = 0; i < COUNT; i++) {
            AUTO_FREE char *key = kn_asprintf("%d", i + 1);

            if (kn_hmap_get(done, key) == NULL) {
                claim(f, i, 1, NULL);
            }
        }
    }
    kn_hmap_free(done);
    assert_int_equal(number(f, "SELECT count(*) FROM allocation"), COUNT);
    assert_sums(f);
    /* Packed: no more hosts than needed. */
    assert_int_equal(number(f, "SELECT count(*) FROM host WHERE servers > 0"), (COUNT + 15) / 16);
}

static void test_database_restarted_under_claims(void **state)
{
    enum { COUNT = 100 };
    struct fixture *f = *state;
    struct kn_hmap *done = kn_hmap_new(free);
    const int64_t deadline = kn_mono_ms() + WAIT_MS;

    make_servers(f, COUNT);
    for (int i = 0; i < COUNT; i++) {
        claim(f, i, 1, NULL);
        if (i == COUNT / 2) {
            kn_test_pg_down(pg);
        }
    }
    kn_test_pg_up(pg);
    while (kn_hmap_count(done) < COUNT) {
        assert_true(kn_mono_ms() < deadline);
        note(f, done, 100);
    }
    kn_hmap_free(done);
    assert_int_equal(number(f, "SELECT count(*) FROM allocation"), COUNT);
    assert_sums(f);
}

static void test_garbage_is_survived(void **state)
{
    static const char *const garbage[] = { "", "{", "null", "{\"type\":\"place.claim\",\"v\":1,\"body\":{}}",
                                           "{\"type\":\"task.wake\",\"v\":1}", "{\"type\":\"place.claim\",\"v\":9}",
                                           "{\"type\":\"agent.hello\",\"v\":1,\"body\":{\"agent\":\"x\",\"boot\":\"y\",\"hosts\":[7,{}]}}" };
    struct fixture *f = *state;
    struct kn_error err = { 0 };
    char host[64];

    make_servers(f, 1);
    for (size_t i = 0; i < KN_COUNT(garbage); i++) {
        assert_ok(kn_bus_send(f->bus, KN_TOPIC_PLACE, 0, garbage[i], strlen(garbage[i]), &err), &err);
        assert_ok(kn_bus_send(f->bus, KN_TOPIC_REPORT, 0, garbage[i], strlen(garbage[i]), &err), &err);
    }
    claim_one(f, 0, 1, NULL, host);
    assert_int_equal(number(f, "SELECT count(*) FROM host"), HOSTS);
}

/* Two of them: the second claims nothing until the first is gone, then everything goes on. */
static void test_standby_takes_over(void **state)
{
    struct fixture *f = *state;
    const pid_t first = f->scheduler;
    const int64_t deadline = kn_mono_ms() + WAIT_MS;
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    struct kn_bus_message raw;
    struct kn_error err = { 0 };
    char host[64];

    make_servers(f, 2);
    start_scheduler(f);
    await_number(f, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%advisory%' "
                    "AND application_name = 'scheduler'", 1);
    claim_one(f, 0, 1, NULL, host);
    assert_int_equal(kn_bus_poll(f->reader, &raw, 1, 1000), 0); /* one answer, not two */
    assert_ok(kn_bus_assign(f->reader, KN_TOPIC_REPORT, 0, &err), &err);
    kn_test_end(first, SIGKILL);
    do {
        assert_true(kn_mono_ms() < deadline);
        kn_message_release(&m);
        answer(f, &m);
    } while (strcmp(m.type->name, "service.hello") != 0);
    claim_one(f, 1, 1, NULL, host);
    assert_sums(f);
}

static void hello_of(struct fixture *f, const char *agent, const char *host, const char *zone)
{
    send(f, KN_TOPIC_REPORT, "agent.hello", 0, 0,
         json_pack("{s:s,s:s,s:[{s:s,s:i,s:i,s:i,s:i,s:s,s:s,s:i,s:{}}]}", "agent", agent, "boot", "b", "hosts", "host", host, "vcpus", 4, "memory_mib",
                   8704, "reserved_memory_mib", 512, "disk_gib", 100, "zone", zone, "hypervisor_type", "sim", "hypervisor_version", 1, "cpu_info"));
}

static bool command(const struct fixture *f, const char *host, const char *agent)
{
    AUTO_FREE char *program = kn_test_binary("kilonova");
    AUTO_FREE char *url = kn_asprintf("db.url=%s", f->url);
    AUTO_FREE char *brokers = kn_asprintf("bus.brokers=%s", f->conf.bus_brokers);
    AUTO_FREE char *port = kn_asprintf("bus.embedded_port=%lld", (long long)f->conf.bus_embedded_port);
    const char *argv[] = { program, "--set", url, "--set", brokers, "--set", port, "host", "move", host, "--agent", agent, NULL };

    return kn_test_end(kn_test_spawn(argv, "/dev/stderr", NULL), 0);
}

/* A host belongs to its first agent: whoever else says hello in its name gets no spec that is meant for it. */
static void test_a_host_belongs_to_its_first_agent(void **state)
{
    struct fixture *f = *state;
    AUTO_RELEASE(kn_message) struct kn_message before = { 0 };
    AUTO_RELEASE(kn_message) struct kn_message after = { 0 };

    make_servers(f, 2);
    hello_of(f, "thief", "host-00", "stolen");
    hello_of(f, "thief", "host-99", "east"); /* its own is taken in */
    await_number(f, "SELECT count(*) FROM host WHERE agent_id = 'thief' AND name = 'host-99'", 1);
    assert_int_equal(number(f, "SELECT count(*) FROM host WHERE name = 'host-00' AND agent_id = 'a1' AND zone = 'east'"), 1);
    claim(f, 0, 1, json_pack("{s:s}", "host", "host-00"));
    answer(f, &before);
    assert_true(before.ok);
    assert_string_equal(kn_json_str(before.result, "agent"), "a1");

    assert_false(command(f, "host-00", "nobody"));
    assert_true(command(f, "host-00", "thief"));
    hello_of(f, "thief", "host-00", "east"), hello_of(f, "a1", "host-00", "west"); /* the first is asked to */
    hello_of(f, "a1", "host-98", "west");
    await_number(f, "SELECT count(*) FROM host WHERE name = 'host-98'", 1);
    assert_int_equal(number(f, "SELECT count(*) FROM host WHERE name = 'host-00' AND agent_id = 'thief' AND zone = 'east'"), 1);
    claim(f, 1, 1, json_pack("{s:s}", "host", "host-00"));
    answer(f, &after);
    assert_true(after.ok);
    assert_string_equal(kn_json_str(after.result, "agent"), "thief");
}

/* Two agents with one id: the older speaks on after the newer's hello, so the newer is told to stop. */
static void test_the_newer_of_two_agents_is_refused(void **state)
{
    struct fixture *f = *state;
    const int64_t deadline = kn_mono_ms() + WAIT_MS;
    struct kn_error err = { 0 };

    assert_ok(kn_bus_ensure_topic(f->bus, KN_TOPIC_AGENT "a1", 1, WAIT_MS, &err), &err);
    assert_ok(kn_bus_assign(f->reader, KN_TOPIC_AGENT "a1", 0, &err), &err);
    hello_of(f, "a1", "host-00", "east"); /* boot b after b1 */
    for (bool refused = false; !refused;) {
        struct kn_bus_message m;

        assert_true(kn_mono_ms() < deadline);
        send(f, KN_TOPIC_REPORT, "agent.heartbeat", 0, 0, json_pack("{s:s,s:s}", "agent", "a1", "boot", "b1"));
        if (kn_bus_poll(f->reader, &m, 1, 200) == 1) {
            AUTO_RELEASE(kn_message) struct kn_message message = { 0 };

            assert_ok(kn_message_parse(m.data, m.len, &message, &err), &err);
            kn_bus_message_done(&m);
            refused = strcmp(message.type->name, "agent.refused") == 0;
            assert_true(!refused || strcmp(kn_json_str(message.body, "boot"), "b") == 0);
        }
    }
}

static void test_sigterm_ends_it_cleanly(void **state)
{
    struct fixture *f = *state;

    assert_true(kn_test_end(f->scheduler, SIGTERM));
    f->scheduler = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_claims_and_releases_repeat_themselves, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_the_present_attempt_is_obeyed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deleted_servers_claim_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_valid_host_says_why, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed_in_the_middle, setup, teardown),
        cmocka_unit_test_setup_teardown(test_database_restarted_under_claims, setup, teardown),
        cmocka_unit_test_setup_teardown(test_garbage_is_survived, setup, teardown),
        cmocka_unit_test_setup_teardown(test_standby_takes_over, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_host_belongs_to_its_first_agent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_newer_of_two_agents_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sigterm_ends_it_cleanly, setup, teardown),
    };

    return cmocka_run_group_tests_name("it/scheduler", tests, group_setup, group_teardown);
}
