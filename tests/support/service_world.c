/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the database, the bus and the daemons' command lines. */
#include "tests/support/service_world.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "tests/support/process.h"
#include "tests/support/test.h"

#define TASKS 5000
#define SETTINGS_MAX 16

struct kn_service_world kn_service_world;

int64_t kn_service_world_send(const char *topic, const char *type, json_t *body)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    struct kn_error err = { 0 };

    kn_message_init(&m, type, body);
    m.task = ++kn_service_world.next_task;
    m.attempt = 1;
    m.shard = KN_SERVICE_SHARD;
    kn_copy(m.project, sizeof(m.project), "p");
    assert_ok(kn_message_print(&m, &text, &err), &err);
    assert_ok(kn_bus_send(kn_service_world.bus, topic, 0, text.buf, text.len, &err), &err);
    return m.task;
}

void kn_service_world_next(struct kn_bus_reader *reader, struct kn_message *ret)
{
    const int64_t deadline = kn_mono_ms() + KN_SERVICE_WAIT_MS;
    struct kn_error err = { 0 };
    struct kn_bus_message m;

    while (kn_bus_poll(reader, &m, 1, 100) == 0) {
        assert_true(kn_mono_ms() < deadline);
    }
    const int rc = kn_message_parse(m.data, m.len, ret, &err);

    kn_bus_message_done(&m);
    assert_ok(rc, &err);
}

static void await_hello(struct kn_bus_reader *reports, const char *topic)
{
    for (bool seen = false; !seen;) {
        AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

        kn_service_world_next(reports, &m);
        seen = strcmp(m.type->name, "service.hello") == 0 && strcmp(kn_json_str(m.body, "topic"), topic) == 0;
    }
}

pid_t kn_service_world_daemon(const char *program, const char *topic, const char *const *settings)
{
    struct kn_service_world *w = &kn_service_world;
    AUTO(kn_bus_reader) struct kn_bus_reader *reports = NULL;
    AUTO_FREE char *path = kn_test_binary(program);
    AUTO_FREE char *database = kn_asprintf("db.url=%s", w->conf.db_url);
    AUTO_FREE char *brokers = kn_asprintf("bus.brokers=%s", w->conf.bus_brokers);
    AUTO_FREE char *port = kn_asprintf("bus.embedded_port=%lld", (long long)w->conf.bus_embedded_port);
    const char *argv[SETTINGS_MAX * 2 + 2] = { path,    "--set", database,
                                               "--set", brokers, "--set",
                                               port,    "--set", "daemon.log_level=warning" };
    struct kn_error err = { 0 };

    for (size_t n = 9; *settings != NULL; settings++) {
        assert_true(n < SETTINGS_MAX * 2);
        argv[n++] = "--set";
        argv[n++] = *settings;
    }
    assert_ok(kn_bus_reader_new(w->bus, &reports, &err), &err);
    assert_ok(kn_bus_assign(reports, KN_TOPIC_REPORT, 0, &err), &err);
    const pid_t pid = kn_test_spawn(argv, "/dev/stderr", NULL);
    await_hello(reports, topic);
    return pid;
}

void kn_service_world_sql(const char *text)
{
    struct kn_error err = { 0 };

    assert_ok(kn_db_script(kn_service_world.db, text, &err), &err);
}

void kn_service_world_start(const char *name)
{
    static const struct {
        const char *topic;
        int partitions;
    } TOPICS[] = {
        { KN_TOPIC_REPLY, KN_SHARDS }, { KN_TOPIC_REPORT, 1 }, { KN_TOPIC_IMAGE, 1 }, { KN_TOPIC_VOLUME, 1 }
    };
    struct kn_service_world *w = &kn_service_world;
    struct kn_error err = { 0 };

    kn_log_init("test", KN_ERROR);
    kn_conf_defaults(&w->conf);
    kn_test_dir(w->dir, name);
    w->pg = kn_test_pg_start(KN_TEST_PG_FAST);
    w->conf.db_url = kn_test_pg_migrated(w->pg, name);
    w->broker = kn_test_broker_start();
    kn_test_broker_conf(w->broker, &w->conf);
    w->db = kn_db_new(w->conf.db_url, "test");
    w->next_task = kn_now_ms();
    kn_test_pg_tasks(w->conf.db_url, w->next_task, TASKS);
    assert_ok(kn_bus_new(&w->conf, "test", &w->bus, &err), &err);
    for (size_t i = 0; i < KN_COUNT(TOPICS); i++) {
        assert_ok(kn_bus_ensure_topic(w->bus, TOPICS[i].topic, TOPICS[i].partitions, KN_SERVICE_WAIT_MS, &err), &err);
    }
    assert_ok(kn_bus_reader_new(w->bus, &w->replies, &err), &err);
    assert_ok(kn_bus_assign(w->replies, KN_TOPIC_REPLY, KN_SERVICE_SHARD, &err), &err);
}

void kn_service_world_stop(void)
{
    struct kn_service_world *w = &kn_service_world;
    AUTO_FREE char *clean = kn_asprintf("rm -rf %s", w->dir);

    kn_bus_reader_free(w->replies);
    kn_bus_free(w->bus);
    kn_db_free(w->db);
    kn_test_broker_free(w->broker);
    kn_test_pg_free(w->pg);
    free((char *)(uintptr_t)w->conf.db_url);
    assert_int_equal(system(clean), 0);
}
