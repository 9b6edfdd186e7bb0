/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What those who watch a daemon are told: its door while the database is away, hangs and is back, and the list of services of one that stands by. One
 * daemon of each sort of loop.
 */
#include "tests/support/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/adapter/db.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/broker.h"
#include "tests/support/http_client.h"
#include "tests/support/postgres.h"
#include "tests/support/process.h"
#include "tests/support/scratch.h"

#define WAIT_MS 60000

static const char *const NAMES[] = { "api", "conductor", "scheduler" };
#define COUNT ((int)KN_COUNT(NAMES))

static struct {
    struct kn_test_pg *pg;
    struct kn_test_broker *broker;
    struct kn_conf conf;
    char *url;
    char dir[KN_TEST_DIR];
    char log[KN_TEST_DIR + 16];
    int api_port;
} world;

static pid_t start(const char *name, const char *host, int health_port)
{
    AUTO_FREE char *file = kn_asprintf("kilonova-%s", name);
    AUTO_FREE char *program = kn_test_binary(file);
    char *set[] = {
        kn_asprintf("db.url=%s", world.url),
        kn_asprintf("bus.brokers=%s", world.conf.bus_brokers),
        kn_asprintf("bus.embedded_port=%lld", (long long)world.conf.bus_embedded_port),
        kn_asprintf("api.listen=127.0.0.1:%d", world.api_port),
        kn_asprintf("identity.key_file=%s/token.key", world.dir),
        kn_asprintf("daemon.health_listen=127.0.0.1:%d", health_port),
        kn_asprintf("daemon.host=%s", host),
    };
    const char *argv[2 * KN_COUNT(set) + 2] = { program };
    pid_t pid;

    for (size_t i = 0; i < KN_COUNT(set); i++) {
        argv[1 + 2 * i] = "--set";
        argv[2 + 2 * i] = set[i];
    }
    pid = kn_test_spawn(argv, world.log, NULL);
    for (size_t i = 0; i < KN_COUNT(set); i++) {
        free(set[i]);
    }
    return pid;
}

static void await_health(const char *name, int port, int status, const char *text)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;

    for (;; kn_test_pause(100)) {
        struct kn_test_http c = kn_test_http_open(port);

        kn_test_http_ask(&c, "GET", "/healthz", "", NULL);
        const bool is_so = c.status == status && strstr(c.body.buf, text) != NULL;
        if (!is_so && kn_mono_ms() > deadline) {
            fail_msg("%s says %d %s, wanted %d %s", name, c.status, c.body.buf, status, text);
        }
        kn_test_http_close(&c);
        if (is_so) {
            return;
        }
    }
}

static void await_all(const int port[COUNT], int status, const char *text)
{
    for (int i = 0; i < COUNT; i++) {
        await_health(NAMES[i], port[i], status, text);
    }
}

static void test_a_database_that_is_away(void **state)
{
    int port[COUNT];
    pid_t pid[COUNT];
    (void)state;

    for (int i = 0; i < COUNT; i++) {
        port[i] = kn_test_free_port();
        pid[i] = start(NAMES[i], "h1", port[i]);
        kn_test_wait_port(port[i]);
    }
    await_all(port, 200, "ok");
    kn_test_pg_down(world.pg);
    await_all(port, 503, "database");
    kn_test_pg_up(world.pg);
    await_all(port, 200, "ok");
    for (int i = 0; i < COUNT; i++) {
        assert_true(kn_test_end(pid[i], SIGTERM));
    }
}

/* Nothing fails, nothing comes: the daemon hangs in a statement. A lock that nobody gives back stands for a disk that does not answer. */
static void test_a_database_that_hangs(void **state)
{
    AUTO(kn_db) struct kn_db *db = kn_db_new(world.url, "test");
    struct kn_error err = { 0 };
    int port[COUNT];
    pid_t pid[COUNT];
    (void)state;

    for (int i = 0; i < COUNT; i++) {
        port[i] = kn_test_free_port();
        pid[i] = start(NAMES[i], "h1", port[i]);
        kn_test_wait_port(port[i]);
    }
    await_all(port, 200, "ok");
    assert_ok(kn_db_script(db, "BEGIN; LOCK TABLE service IN ACCESS EXCLUSIVE MODE", &err), &err);
    await_all(port, 503, "no heartbeat for");
    assert_ok(kn_db_script(db, "ROLLBACK", &err), &err);
    await_all(port, 200, "ok");
    for (int i = 0; i < COUNT; i++) {
        assert_true(kn_test_end(pid[i], SIGTERM));
    }
}

/* How many schedulers said so far that they became active. */
static int became_active(void)
{
    AUTO_FREE char *command = kn_asprintf("exit $(grep -c 'daemon=scheduler msg=active' %s)", world.log);

    return WEXITSTATUS(system(command));
}

/* It is there to take over: whoever lists the services must see it alive. */
static void test_one_that_stands_by_is_up(void **state)
{
    AUTO(kn_db) struct kn_db *db = kn_db_new(world.url, "test");
    const int64_t deadline = kn_mono_ms() + WAIT_MS;
    const int active = kn_test_free_port();
    const pid_t first = start("scheduler", "h1", active);
    int64_t beats = 0;
    (void)state;

    kn_test_wait_port(active);
    await_health("scheduler", active, 200, "ok");
    const int standby = kn_test_free_port();
    const pid_t second = start("scheduler", "h2", standby);
    kn_test_wait_port(standby);
    await_health("scheduler", standby, 200, "standby");
    while (beats == 0) { /* later than the one that every daemon writes when it starts */
        AUTO(kn_rows) struct kn_rows *rows = NULL;
        struct kn_error err = { 0 };

        assert_ok(
            kn_db_query(
                db,
                "SELECT count(*) FROM service WHERE id = 'kilonova-scheduler/h2' AND last_seen > started_at + interval '2 s'",
                0, KN_NO_ARGS, &rows, &err),
            &err);
        beats = kn_rows_int(rows, 0, 0);
        assert_true(kn_mono_ms() < deadline);
        kn_test_pause(100);
    }
    /* One that is ended while it stands by was never active, and does not say so. */
    const int third_port = kn_test_free_port();
    const int before = became_active();
    const pid_t third = start("scheduler", "h3", third_port);

    kn_test_wait_port(third_port);
    await_health("scheduler", third_port, 200, "standby");
    assert_true(kn_test_end(third, SIGTERM));
    assert_int_equal(became_active(), before);
    kn_test_end(first, SIGKILL);
    await_health("scheduler", standby, 200, "ok");
    assert_int_equal(became_active(), before + 1);
    assert_true(kn_test_end(second, SIGTERM));
}

static int group_setup(void **state)
{
    AUTO_FREE char *program = kn_test_binary("kilonova");

    (void)state;
    kn_test_dir(world.dir, "health");
    snprintf(world.log, sizeof(world.log), "%s/log", world.dir);
    world.pg = kn_test_pg_start(KN_TEST_PG_FAST);
    world.url = kn_test_pg_migrated(world.pg, "health");
    world.broker = kn_test_broker_start();
    kn_test_broker_conf(world.broker, &world.conf);
    world.api_port = kn_test_free_port();
    AUTO_FREE char *url = kn_asprintf("db.url=%s", world.url);
    AUTO_FREE char *key = kn_asprintf("identity.key_file=%s/token.key", world.dir);
    const char *argv[] = { program, "--set", url, "--set", key, "bootstrap", NULL };
    assert_true(kn_test_end(kn_test_spawn(argv, world.log, NULL), 0));
    return 0;
}

static int group_teardown(void **state)
{
    AUTO_FREE char *remove = kn_asprintf("rm -rf %s", world.dir);

    (void)state;
    kn_test_broker_free(world.broker);
    kn_test_pg_free(world.pg);
    free(world.url);
    return system(remove) == 0 ? 0 : -1; /* NOLINT(cert-env33-c): a folder of our own */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_database_that_is_away),
        cmocka_unit_test(test_a_database_that_hangs),
        cmocka_unit_test(test_one_that_stands_by_is_up),
    };

    return cmocka_run_group_tests_name("it/health", tests, group_setup, group_teardown);
}
