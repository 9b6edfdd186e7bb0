/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service that lives and gets nowhere is not listed as up: work that is tried again and again, a timer that always fails, a bus that brings nothing. And it is
 * listed as up again when that is over. Told with kilonova-scheduler; the loop is that of every bus service.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/process.h"
#include "tests/support/scheduler_world.h"
#include "tests/support/scratch.h"
#include "tests/support/test.h"

#define STUCK(word) \
    "SELECT count(*) FROM service WHERE binary_name = 'kilonova-scheduler' AND stuck LIKE '%" word \
    "%' AND last_seen > now() - interval '10 s'"
#define CLAIMS 20
#define FREE \
    "SELECT count(*) FROM service WHERE binary_name = 'kilonova-scheduler' AND stuck IS NULL AND stuck_since IS NULL AND " \
    "progress_at > now() - interval '10 s'"

static void sql(const struct kn_scheduler_world *f, const char *text)
{
    struct kn_error err = { 0 };

    assert_ok(kn_db_script(f->db, text, &err), &err);
}

static bool listed(const struct kn_scheduler_world *f, const char *word)
{
    AUTO_FREE char *program = kn_test_binary("kilonova");
    AUTO_FREE char *url = kn_asprintf("db.url=%s", f->url);
    const char *argv[] = { program, "--set", url, "service", "list", NULL };
    char dir[KN_TEST_DIR], text[8192];

    kn_test_dir(dir, "list");
    AUTO_FREE char *path = kn_asprintf("%s/out", dir);
    assert_true(kn_test_end(kn_test_spawn(argv, path, NULL), 0));
    FILE *out = fopen(path, "r");
    assert_non_null(out);
    text[fread(text, 1, sizeof(text) - 1, out)] = '\0';
    fclose(out);
    unlink(path);
    rmdir(dir);
    return strstr(text, word) != NULL;
}

static void test_work_that_is_tried_again_and_again(void **state)
{
    struct kn_scheduler_world *f = *state;
    const int64_t deadline = kn_mono_ms() + KN_SCHEDULER_WAIT_MS;

    sql(f,
        "CREATE FUNCTION hurt() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'it hurts' USING ERRCODE = '40001'; END$$;"
        "CREATE TRIGGER hurt BEFORE INSERT ON allocation FOR EACH ROW EXECUTE FUNCTION hurt()");
    kn_scheduler_servers(f, CLAIMS);
    while (kn_scheduler_number(f, STUCK("it hurts")) ==
           0) { /* two of them that are read at once make a batch that is tried for long */
        assert_true(kn_mono_ms() < deadline);
        for (int i = 0; i < CLAIMS; i++) {
            kn_scheduler_claim(f, i, 1, NULL);
        }
        kn_test_pause(500);
    }
    assert_true(listed(f, ": "));
    assert_true(listed(f, "stuck since"));
    sql(f, "DROP TRIGGER hurt ON allocation");
    kn_scheduler_await(f, "SELECT count(*) FROM allocation", CLAIMS);
    kn_scheduler_await(f, FREE, 1);
    assert_false(listed(f, "stuck since"));
}

static void test_a_timer_that_always_fails(void **state)
{
    struct kn_scheduler_world *f = *state;

    sql(f, "ALTER TABLE host RENAME COLUMN forced_down TO hidden");
    kn_scheduler_await(f, STUCK("forced_down"), 1);
    sql(f, "ALTER TABLE host RENAME COLUMN hidden TO forced_down");
    kn_scheduler_await(f, FREE, 1);
}

static void test_a_bus_that_brings_nothing(void **state)
{
    struct kn_scheduler_world *f = *state;

    if (kn_test_broker_is_kafka(kn_scheduler_broker)) {
        skip(); /* it is not ours to kill */
    }
    kn_test_broker_kill(kn_scheduler_broker);
    kn_scheduler_await(f, STUCK("hears nothing on kn.place"), 1);
    kn_test_broker_up(kn_scheduler_broker);
    kn_scheduler_await(f, FREE, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_work_that_is_tried_again_and_again, kn_scheduler_setup,
                                        kn_scheduler_teardown),
        cmocka_unit_test_setup_teardown(test_a_timer_that_always_fails, kn_scheduler_setup, kn_scheduler_teardown),
        cmocka_unit_test_setup_teardown(test_a_bus_that_brings_nothing, kn_scheduler_setup, kn_scheduler_teardown),
    };

    return cmocka_run_group_tests_name("it/stuck", tests, kn_scheduler_group_setup, kn_scheduler_group_teardown);
}
