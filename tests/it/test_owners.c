/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who owns a name: every daemon with a database beside a namesake that lives, is frozen, was killed; and one whose name another took while it was
 * frozen. The daemons are processes; what they own, test_conductor_store and test_scheduler hold against the rows.
 */
#include "tests/support/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/adapter/db.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/broker.h"
#include "tests/support/postgres.h"
#include "tests/support/process.h"
#include "tests/support/scratch.h"

#define WAIT_MS 60000

static const char *const NAMES[] = { "api", "conductor", "scheduler", "network", "volume", "image" };
#define COUNT ((int)KN_COUNT(NAMES))

static struct {
    struct kn_test_pg *pg;
    struct kn_test_broker *broker;
    struct kn_conf conf;
    char *url;
    struct kn_db *db;
    char dir[KN_TEST_DIR];
    char log[KN_TEST_DIR + 16];
    int api_port, image_port;
} world;

/* --- processes -------------------------------------------------------------------------------------------------------- */

static pid_t start(const char *name)
{
    AUTO_FREE char *file = kn_asprintf("kilonova-%s", name);
    AUTO_FREE char *program = kn_test_binary(file);
    char *set[] = {
        kn_asprintf("db.url=%s", world.url),
        kn_asprintf("bus.brokers=%s", world.conf.bus_brokers),
        kn_asprintf("bus.embedded_port=%lld", (long long)world.conf.bus_embedded_port),
        kn_asprintf("api.listen=127.0.0.1:%d", world.api_port),
        kn_asprintf("image.data_listen=127.0.0.1:%d", world.image_port),
        kn_asprintf("image.store_dir=%s/store", world.dir),
        kn_asprintf("volume.file_dir=%s/volumes", world.dir),
        kn_asprintf("identity.key_file=%s/token.key", world.dir),
        kn_strdup("daemon.host=h1"),
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

static void bootstrap(void)
{
    AUTO_FREE char *program = kn_test_binary("kilonova");
    AUTO_FREE char *url = kn_asprintf("db.url=%s", world.url);
    AUTO_FREE char *key = kn_asprintf("identity.key_file=%s/token.key", world.dir);
    const char *argv[] = { program, "--set", url, "--set", key, "bootstrap", NULL };

    assert_true(kn_test_end(kn_test_spawn(argv, world.log, NULL), 0));
}

/* The boot in its row, when that is another than `before`. */
static char *await_boot(const char *name, const char *before)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;
    AUTO_FREE char *id = kn_asprintf("kilonova-%s/h1", name);

    for (;;) {
        AUTO(kn_rows) struct kn_rows *rows = NULL;
        struct kn_error err = { 0 };

        assert_ok(kn_db_query(world.db, "SELECT boot FROM service WHERE id = $1", 1, KN_ARGS(id), &rows, &err), &err);
        if (kn_rows_count(rows) == 1 && strcmp(kn_rows_text(rows, 0, 0), before) != 0) {
            return kn_strdup(kn_rows_text(rows, 0, 0));
        }
        if (kn_mono_ms() > deadline) {
            fail_msg("kilonova-%s does not come up", name);
        }
        kn_test_pause(20);
    }
}

/* It ends by itself, within the limit. */
static void must_fail(pid_t pid)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;
    int status = 0;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (kn_mono_ms() > deadline) {
            kn_test_end(pid, SIGKILL);
            fail_msg("it works beside its namesake");
        }
        kn_test_pause(20);
    }
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 0);
}

static bool log_says(const char *text)
{
    AUTO_FREE char *command = kn_asprintf("grep -qF '%s' %s", text, world.log);

    return system(command) == 0; /* NOLINT(cert-env33-c): the text is this file's own */
}

static void await_log(const char *text)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;

    while (!log_says(text)) {
        assert_true(kn_mono_ms() < deadline);
        kn_test_pause(50);
    }
}

static void cut(const char *name, const char *boot)
{
    AUTO_FREE char *sql =
        kn_asprintf("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '%s %s'", name,
                    boot);
    struct kn_error err = { 0 };

    assert_ok(kn_db_script(world.db, sql, &err), &err);
}

/* --- tests ------------------------------------------------------------------------------------------------------------ */

static void test_a_namesake_is_refused_while_one_lives(void **state)
{
    pid_t first[COUNT], second[COUNT];
    char *boot[COUNT];
    (void)state;

    for (int i = 0; i < COUNT; i++) {
        first[i] = start(NAMES[i]);
        boot[i] = await_boot(NAMES[i], "");
    }
    kill(first[1], SIGSTOP); /* frozen, and nobody knows for how long: it counts as alive */
    for (int i = 0; i < COUNT; i++) {
        second[i] = start(NAMES[i]);
    }
    for (int i = 0; i < COUNT; i++) {
        AUTO_FREE char *text = kn_asprintf("another kilonova-%s with the name", NAMES[i]);

        must_fail(second[i]);
        assert_true(log_says(text));
        assert_true(log_says(boot[i]));
    }
    for (int i = 0; i < COUNT; i++) { /* kill -9 frees the name at once */
        AUTO_FREE char *after = NULL;

        kn_test_end(first[i], SIGKILL);
        first[i] = start(NAMES[i]);
        after = await_boot(NAMES[i], boot[i]);
        kn_test_end(first[i], SIGKILL);
        free(boot[i]);
    }
}

static void test_a_lost_connection_takes_the_name_again(void **state)
{
    const pid_t pid = start("scheduler");
    AUTO_FREE char *boot = await_boot("scheduler", "");
    (void)state;

    cut("scheduler", boot);
    await_log("it is held again");
    assert_true(kn_test_end(pid, SIGTERM));
}

static void test_who_lost_its_name_stops(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) { /* a loop of each sort: api, conductor, bus service */
        AUTO_FREE char *lock = kn_asprintf("name kilonova-%s/h1", NAMES[i]);
        AUTO(kn_db) struct kn_db *thief = kn_db_new(world.url, "thief");
        const pid_t pid = start(NAMES[i]);
        AUTO_FREE char *boot = await_boot(NAMES[i], "");
        struct kn_error err = { 0 };

        kill(pid, SIGSTOP);
        cut(NAMES[i], boot);
        kn_db_hold(thief, lock);
        assert_ok(kn_db_connect(thief, WAIT_MS, &err), &err);
        kill(pid, SIGCONT);
        must_fail(pid);
        assert_true(log_says("thief"));
    }
}

/* --- the world -------------------------------------------------------------------------------------------------------- */

static int setup(void **state)
{
    struct kn_error err = { 0 };
    (void)state;

    assert_ok(kn_db_script(world.db, "DELETE FROM service; UPDATE shard SET owner = NULL, lease_until = '-infinity'",
                           &err),
              &err);
    return 0;
}

static int group_setup(void **state)
{
    (void)state;
    kn_test_dir(world.dir, "owners");
    snprintf(world.log, sizeof(world.log), "%s/log", world.dir);
    world.pg = kn_test_pg_start(KN_TEST_PG_FAST);
    world.url = kn_test_pg_migrated(world.pg, "owners");
    world.db = kn_db_new(world.url, "test");
    world.broker = kn_test_broker_start();
    kn_test_broker_conf(world.broker, &world.conf);
    bootstrap();
    world.api_port = kn_test_free_port();
    world.image_port = kn_test_free_port();
    return 0;
}

static int group_teardown(void **state)
{
    AUTO_FREE char *remove = kn_asprintf("rm -rf %s", world.dir);

    (void)state;
    kn_db_free(world.db);
    kn_test_broker_free(world.broker);
    kn_test_pg_free(world.pg);
    free(world.url);
    return system(remove) == 0 ? 0 : -1; /* NOLINT(cert-env33-c): a folder of our own */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_namesake_is_refused_while_one_lives, setup),
        cmocka_unit_test_setup(test_a_lost_connection_takes_the_name_again, setup),
        cmocka_unit_test_setup(test_who_lost_its_name_stops, setup),
    };

    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
