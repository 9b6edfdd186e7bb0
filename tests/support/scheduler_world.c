/* SPDX-License-Identifier: Apache-2.0 */
/* The world around kilonova-scheduler: a database and a bus of its own, and we in the place of agent and conductor. It judges nothing. */
#include "tests/support/scheduler_world.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/broker.h"
#include "tests/support/process.h"
#include "tests/support/test.h"

#define WAIT_MS KN_SCHEDULER_WAIT_MS
#define SHARD KN_SCHEDULER_SHARD
#define HOSTS KN_SCHEDULER_HOSTS

struct kn_test_pg *kn_scheduler_pg;
struct kn_test_broker *kn_scheduler_broker;

/* --- the world around it --------------------------------------------------------------------------------------------- */

void kn_scheduler_start(struct kn_scheduler_world *f)
{
    AUTO_FREE char *program = kn_test_binary("kilonova-scheduler");
    AUTO_FREE char *url = kn_asprintf("db.url=%s", f->url);
    AUTO_FREE char *brokers = kn_asprintf("bus.brokers=%s", f->conf.bus_brokers);
    AUTO_FREE char *port = kn_asprintf("bus.embedded_port=%lld", (long long)f->conf.bus_embedded_port);
    AUTO_FREE char *name = kn_asprintf("daemon.host=h%d", ++f->started); /* two live side by side */
    const char *argv[] = { program, "--set", url, "--set", brokers, "--set", port, "--set", name, NULL };

    f->scheduler = kn_test_spawn(argv, "/dev/stderr", NULL);
}

void kn_scheduler_send(struct kn_scheduler_world *f, const char *topic, const char *type, int64_t task,
                       int64_t generation, json_t *body)
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

void kn_scheduler_hello(struct kn_scheduler_world *f)
{
    json_t *hosts = json_array();

    for (int i = 0; i < HOSTS; i++) {
        char name[16];

        snprintf(name, sizeof(name), "host-%02d", i);
        json_array_append_new(hosts, json_pack("{s:s,s:i,s:i,s:i,s:i,s:s,s:s,s:i,s:{}}", "host", name, "vcpus", 4,
                                               "memory_mib", 8704, "reserved_memory_mib", 512, "disk_gib", 100, "zone",
                                               i < HOSTS / 2 ? "east" : "west", "hypervisor_type", "sim",
                                               "hypervisor_version", 1, "cpu_info"));
    }
    kn_scheduler_send(f, KN_TOPIC_REPORT, "agent.hello", 0, 0,
                      json_pack("{s:s,s:s,s:o}", "agent", "a1", "boot", "b1", "hosts", hosts));
}

int64_t kn_scheduler_number(struct kn_scheduler_world *f, const char *sql)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    assert_ok(kn_db_query(f->db, sql, 0, KN_NO_ARGS, &rows, &err), &err);
    return kn_rows_int(rows, 0, 0);
}

/* Asks until the number is this one. What is awaited is an event in another process; there is nothing else to wait on. */
void kn_scheduler_await(struct kn_scheduler_world *f, const char *sql, int64_t wanted)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;
    struct kn_bus_message m;

    while (kn_scheduler_number(f, sql) != wanted) {
        if (kn_mono_ms() > deadline) {
            fail_msg("%s: %lld, wanted %lld", sql, (long long)kn_scheduler_number(f, sql), (long long)wanted);
        }
        if (kn_bus_poll(f->reader, &m, 1, 10) == 1) {
            kn_bus_message_done(&m);
        }
    }
}

void kn_scheduler_server_id(int i, char out[KN_UUID_SIZE])
{
    snprintf(out, KN_UUID_SIZE, "00000000-0000-4000-8000-%012d", i);
}

void kn_scheduler_servers(struct kn_scheduler_world *f, int count)
{
    struct kn_error err = { 0 };
    AUTO_FREE char *sql = kn_asprintf(
        "INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, flavor, reservation_id) "
        "SELECT ('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, 'p', 'u', 's', 's', 'building', '{}', 'r' "
        "FROM generate_series(0, %d) i",
        count - 1);

    assert_ok(kn_db_script(f->db, sql, &err), &err);
}

void kn_scheduler_claim(struct kn_scheduler_world *f, int i, int64_t generation, json_t *more)
{
    char id[KN_UUID_SIZE];
    json_t *body;

    kn_scheduler_server_id(i, id);
    body = json_pack("{s:s,s:s,s:i,s:i,s:i}", "server", id, "project", "p", "vcpus", 1, "memory_mib", 512, "disk_gib",
                     1);
    json_object_update(body, more);
    json_decref(more);
    kn_scheduler_send(f, KN_TOPIC_PLACE, "place.claim", i + 1, generation, body);
}

void kn_scheduler_release(struct kn_scheduler_world *f, int i, int64_t generation)
{
    char id[KN_UUID_SIZE];

    kn_scheduler_server_id(i, id);
    kn_scheduler_send(f, KN_TOPIC_PLACE, "place.release", i + 1, generation, json_pack("{s:s}", "server", id));
}

/* The next answer, whatever it is. */
void kn_scheduler_answer(struct kn_scheduler_world *f, struct kn_message *ret)
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

/* --- fixtures -------------------------------------------------------------------------------------------------------- */

int kn_scheduler_group_setup(void **state)
{
    (void)state;
    kn_scheduler_pg = kn_test_pg_start(KN_TEST_PG_FAST);
    kn_scheduler_broker = kn_test_broker_start();
    return 0;
}

int kn_scheduler_group_teardown(void **state)
{
    (void)state;
    kn_test_broker_free(kn_scheduler_broker);
    kn_test_pg_free(kn_scheduler_pg);
    return 0;
}

int kn_scheduler_setup(void **state)
{
    struct kn_scheduler_world *f = KN_NEW(struct kn_scheduler_world);
    struct kn_error err = { 0 };

    *state = f;
    kn_conf_defaults(&f->conf);
    kn_test_broker_conf(kn_scheduler_broker, &f->conf);
    f->url = kn_test_pg_migrated(kn_scheduler_pg, "scheduler");
    f->db = kn_db_new(f->url, "test");
    kn_test_pg_tasks(f->url, 1, 5000);
    assert_ok(kn_bus_new(&f->conf, "test", &f->bus, &err), &err);
    assert_ok(kn_bus_ensure_topic(f->bus, KN_TOPIC_REPLY, KN_SHARDS, WAIT_MS, &err), &err);
    assert_ok(kn_bus_ensure_topic(f->bus, KN_TOPIC_REPORT, 1, WAIT_MS, &err), &err);
    assert_ok(kn_bus_ensure_topic(f->bus, KN_TOPIC_PLACE, 1, WAIT_MS, &err), &err);
    assert_ok(kn_bus_reader_new(f->bus, &f->reader, &err), &err);
    assert_ok(kn_bus_assign(f->reader, KN_TOPIC_REPLY, SHARD, &err), &err);
    assert_ok(kn_bus_assign(f->reader, KN_TOPIC_REPORT, 0, &err), &err);
    kn_scheduler_start(f);
    /* Its hello says that it reads. */
    AUTO_RELEASE(kn_message) struct kn_message hello = { 0 };
    kn_scheduler_answer(f, &hello);
    assert_string_equal(hello.type->name, "service.hello");
    assert_ok(kn_bus_unassign(f->reader, KN_TOPIC_REPORT, 0, &err), &err);
    kn_scheduler_hello(f);
    kn_scheduler_await(f, "SELECT count(*) FROM host", HOSTS);
    return 0;
}

int kn_scheduler_teardown(void **state)
{
    struct kn_scheduler_world *f = *state;

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
