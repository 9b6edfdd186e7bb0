/* SPDX-License-Identifier: Apache-2.0 */
/* network_world.c: a database, a bus, two real hosts and a simulated one, and kilonova-network between them. */
#include "tests/support/network_world.h"

#include "tests/support/test.h"

#include <signal.h>
#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/process.h"

struct kn_network_world kn_network_world;

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
    AUTO_FREE char *database = kn_asprintf("db.url=%s", kn_network_world.url);
    AUTO_FREE char *brokers = kn_asprintf("bus.brokers=%s", kn_network_world.conf.bus_brokers);
    AUTO_FREE char *port = kn_asprintf("bus.embedded_port=%lld", (long long)kn_network_world.conf.bus_embedded_port);
    const char *argv[] = { program, "--set", database, "--set", brokers, "--set", port, NULL };

    kn_network_world.network = kn_test_spawn(argv, "/dev/stderr", NULL);
}

void kn_network_world_next(struct kn_bus_reader *reader, struct kn_message *ret)
{
    const int64_t deadline = kn_mono_ms() + KN_NETWORK_WAIT_MS;
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

        kn_network_world_next(reports, &m);
        seen = strcmp(m.type->name, "service.hello") == 0 &&
               strcmp(kn_json_str(m.body, "topic"), KN_TOPIC_NETWORK) == 0;
    }
}

void kn_network_world_start(void)
{
    AUTO(kn_bus_reader) struct kn_bus_reader *reports = NULL;
    struct kn_error err;

    assert_ok(kn_bus_reader_new(kn_network_world.bus, &reports, &err), &err);
    assert_ok(kn_bus_assign(reports, KN_TOPIC_REPORT, 0, &err), &err);
    start_network();
    await_hello(reports);
}

void kn_network_world_send(const char *topic, const char *type, int64_t task, json_t *body)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    struct kn_error err = { .code = KN_OK };

    kn_message_init(&m, type, body);
    m.task = task;
    m.shard = KN_NETWORK_SHARD;
    m.attempt = 1;
    assert_ok(kn_message_print(&m, &text, &err), &err);
    assert_ok(kn_bus_send(kn_network_world.bus, topic, 0, text.buf, text.len, &err), &err);
}

int64_t kn_network_world_command(const char *type, int server, json_t *more)
{
    char id[KN_UUID_SIZE];
    json_t *body;

    snprintf(id, sizeof(id), "aaaaaaaa-0000-4000-8000-%012d", server);
    body = json_pack("{s:s, s:s, s:s}", "server", id, "project", "p", "hostname", "vm");
    json_object_update(body, more);
    json_decref(more);
    kn_network_world_send(KN_TOPIC_NETWORK, type, ++kn_network_world.next_task, body);
    return kn_network_world.next_task;
}

int64_t kn_network_world_allocate(int server)
{
    return kn_network_world_command("port.allocate", server, json_pack("{s:[{s:s}]}", "requests", "network", NET));
}

/* The answer to that command; others are passed over. */
void kn_network_world_answer(int64_t task, struct kn_message *ret)
{
    for (;;) {
        kn_network_world_next(kn_network_world.replies, ret);
        if (ret->task == task) {
            return;
        }
        kn_message_release(ret);
    }
}

void kn_network_world_must(int64_t task)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

    kn_network_world_answer(task, &m);
    if (!m.ok) {
        fail_msg("task %lld failed: %s", (long long)task, m.error.message);
    }
}

void kn_network_world_mac(int server, char out[32])
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

    kn_network_world_answer(kn_network_world_allocate(server), &m);
    assert_true(m.ok);
    kn_copy(out, 32, kn_json_str(json_array_get(json_object_get(m.result, "nics"), 0), "mac"));
}

int64_t kn_network_world_number(const char *sql)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err;

    assert_ok(kn_db_query(kn_network_world.db, sql, 0, KN_NO_ARGS, &rows, &err), &err);
    return kn_rows_int(rows, 0, 0);
}

int kn_network_world_setup(void **state)
{
    struct kn_error err;

    (void)state;
    kn_network_world.pg = kn_test_pg_start(KN_TEST_PG_FAST);
    kn_network_world.broker = kn_test_broker_start();
    kn_conf_defaults(&kn_network_world.conf);
    kn_test_broker_conf(kn_network_world.broker, &kn_network_world.conf);
    kn_network_world.url = kn_test_pg_migrated(kn_network_world.pg, "network");
    kn_network_world.db = kn_db_new(kn_network_world.url, "test");
    assert_ok(kn_db_script(kn_network_world.db, FIXTURE, &err), &err);
    assert_ok(kn_bus_new(&kn_network_world.conf, "test", &kn_network_world.bus, &err), &err);
    assert_ok(kn_bus_ensure_topic(kn_network_world.bus, KN_TOPIC_REPLY, KN_SHARDS, KN_NETWORK_WAIT_MS, &err), &err);
    assert_ok(kn_bus_ensure_topic(kn_network_world.bus, KN_TOPIC_REPORT, 1, KN_NETWORK_WAIT_MS, &err), &err);
    assert_ok(kn_bus_ensure_topic(kn_network_world.bus, KN_TOPIC_DEAD, 1, KN_NETWORK_WAIT_MS, &err), &err);
    assert_ok(kn_bus_ensure_topic(kn_network_world.bus, KN_TOPIC_AGENT AGENT_A, 1, KN_NETWORK_WAIT_MS, &err), &err);
    assert_ok(kn_bus_ensure_topic(kn_network_world.bus, KN_TOPIC_AGENT AGENT_B, 1, KN_NETWORK_WAIT_MS, &err), &err);
    assert_ok(kn_bus_reader_new(kn_network_world.bus, &kn_network_world.replies, &err), &err);
    assert_ok(kn_bus_reader_new(kn_network_world.bus, &kn_network_world.told, &err), &err);
    assert_ok(kn_bus_assign(kn_network_world.replies, KN_TOPIC_REPLY, KN_NETWORK_SHARD, &err), &err);
    assert_ok(kn_bus_assign(kn_network_world.told, KN_TOPIC_AGENT AGENT_A, 0, &err), &err);
    kn_network_world.next_task = kn_now_ms(); /* a shared Kafka may still hold answers of another run */
    kn_test_pg_tasks(kn_network_world.url, kn_network_world.next_task, 5000);
    kn_network_world_start();
    return 0;
}

int kn_network_world_teardown(void **state)
{
    (void)state;
    kn_test_end(kn_network_world.network, SIGTERM);
    kn_bus_reader_free(kn_network_world.told);
    kn_bus_reader_free(kn_network_world.replies);
    kn_bus_free(kn_network_world.bus);
    kn_db_free(kn_network_world.db);
    kn_test_broker_free(kn_network_world.broker);
    kn_test_pg_free(kn_network_world.pg);
    free(kn_network_world.url);
    return 0;
}
