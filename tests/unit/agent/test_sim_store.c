/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator's memory: what was answered for is there after a kill -9, whatever the journal's end looks like. */
#include "tests/support/scratch.h"
#include "tests/support/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compute-agent/sim/store.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

#define A "aaaaaaaa-0000-4000-8000-000000000001"
#define B "bbbbbbbb-0000-4000-8000-000000000002"

struct place {
    char dir[KN_TEST_DIR];
    char path[KN_TEST_DIR + 16];
};

static int setup(void **state)
{
    struct place *p = KN_NEW(struct place);

    kn_test_dir(p->dir, "sim");
    snprintf(p->path, sizeof(p->path), "%s/sim.journal", p->dir);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;

    unlink(p->path);
    rmdir(p->dir);
    free(p);
    return 0;
}

static struct kn_agent_sim_store *open_store(const struct place *p, int want_broken)
{
    struct kn_agent_sim_store *store = NULL;
    struct kn_error err = { 0 };
    int broken = -1;

    assert_ok(kn_agent_sim_store_open(p->path, 3, &store, &broken, &err), &err);
    assert_int_equal(broken, want_broken);
    return store;
}

static void put(struct kn_agent_sim_store *store, int host, const char *server, int64_t generation, const char *taps)
{
    AUTO_FREE char *own = kn_strdup(taps);
    struct kn_agent_sim_guest g = { .host = host, .generation = generation, .power_state = 1, .taps = own };
    struct kn_error err = { 0 };

    kn_copy(g.server, sizeof(g.server), server);
    assert_ok(kn_agent_sim_store_put(store, &g, &err), &err);
}

static void append(const struct place *p, const char *text)
{
    FILE *f = fopen(p->path, "a");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void test_survives(void **state)
{
    struct kn_agent_sim_store *store = open_store(*state, 0);
    struct kn_error err = { 0 };

    put(store, 0, A, 1, "tap1,tap2");
    put(store, 2, B, 7, NULL);
    put(store, 0, A, 1, "tap3");
    assert_ok(kn_agent_sim_store_bury(store, 2, B, 7, 1234, &err), &err);
    kn_agent_sim_store_free(store); /* closing writes nothing: as good as a kill */

    store = open_store(*state, 0);
    assert_true(kn_agent_sim_store_get(store, 0, A)->exists);
    assert_string_equal(kn_agent_sim_store_get(store, 0, A)->taps, "tap3");
    assert_false(kn_agent_sim_store_get(store, 2, B)->exists);
    assert_int_equal(kn_agent_sim_store_get(store, 2, B)->generation, 7);
    assert_null(kn_agent_sim_store_get(store, 1, A));
    assert_null(kn_agent_sim_store_first(store, 2));
    assert_ptr_equal(kn_agent_sim_store_first(store, 0), kn_agent_sim_store_get(store, 0, A));
    kn_agent_sim_store_free(store);
}

/* Of journals from before guests had a size, too. */
static void test_keeps_sizes(void **state)
{
    const struct place *p = *state;
    struct kn_agent_sim_guest g = { .host = 0, .generation = 1, .power_state = 1, .vcpus = 2, .memory_mib = 512 };
    struct kn_error err = { 0 };

    append(p, "guest 1 " B " 4 1 - - 7 1\n");
    struct kn_agent_sim_store *store = open_store(p, 0);
    assert_int_equal(kn_agent_sim_store_get(store, 1, B)->vcpus, 0);
    assert_int_equal(kn_agent_sim_store_get(store, 1, B)->obeyed.task, 7);
    kn_copy(g.server, sizeof(g.server), A);
    assert_ok(kn_agent_sim_store_put(store, &g, &err), &err);
    assert_ok(kn_agent_sim_store_obey(store, 0, A, &(struct kn_agent_order){ 9, 2 }, 1, &err), &err);
    kn_agent_sim_store_free(store);

    append(p, "guest 2 " B " 4 1 - - 0x512\n"
              "guest 2 " B " 4 1 - - 2x\n");
    store = open_store(p, 2);
    assert_int_equal(kn_agent_sim_store_get(store, 0, A)->vcpus, 2);
    assert_int_equal(kn_agent_sim_store_get(store, 0, A)->memory_mib, 512);
    assert_int_equal(kn_agent_sim_store_get(store, 0, A)->obeyed.task, 9);
    kn_agent_sim_store_free(store);
}

static void test_torn_and_broken_lines(void **state)
{
    const struct place *p = *state;

    append(p, "guest 0 " A " 3 1 tap9 -\n"
              "guest 9 " B " 3 1 - -\n"          /* no such host */
              "garbage\n"
              "guest 0 not-a-uuid 3 1 - -\n"
              "guest 1 " A " -3 1 - -\n"
              "guest 1 " B " 4 1 - -");          /* was being written */
    struct kn_agent_sim_store *store = open_store(p, 4);
    assert_int_equal(kn_agent_sim_store_get(store, 0, A)->generation, 3);
    assert_null(kn_agent_sim_store_get(store, 1, B));
    put(store, 1, B, 5, NULL); /* must not glue itself to the torn line */
    kn_agent_sim_store_free(store);

    store = open_store(p, 0);
    assert_int_equal(kn_agent_sim_store_get(store, 1, B)->generation, 5);
    kn_agent_sim_store_free(store);
}

static void test_compacts_at_start(void **state)
{
    const struct place *p = *state;
    struct kn_agent_sim_store *store = open_store(p, 0);
    struct stat before, after;

    for (int i = 1; i <= 500; i++) {
        put(store, 0, A, i, NULL);
    }
    kn_agent_sim_store_free(store);
    assert_int_equal(stat(p->path, &before), 0);
    store = open_store(p, 0);
    assert_int_equal(stat(p->path, &after), 0);
    assert_true(after.st_size * 100 < before.st_size);
    assert_int_equal(kn_agent_sim_store_get(store, 0, A)->generation, 500);
    kn_agent_sim_store_free(store);
}

static void test_tombstones_go_after_their_time(void **state)
{
    struct kn_agent_sim_store *store = open_store(*state, 0);
    struct kn_error err = { 0 };

    assert_ok(kn_agent_sim_store_bury(store, 0, A, 1, 1000, &err), &err);
    assert_ok(kn_agent_sim_store_bury(store, 0, B, 1, 2000, &err), &err);
    assert_ok(kn_agent_sim_store_tidy(store, 1500, &err), &err);
    assert_null(kn_agent_sim_store_get(store, 0, A));
    assert_non_null(kn_agent_sim_store_get(store, 0, B));
    kn_agent_sim_store_free(store);
}

static int obey(struct kn_agent_sim_store *store, const char *server, int64_t task, int64_t attempt,
                struct kn_error *err)
{
    const struct kn_agent_order order = { task, attempt };

    return kn_agent_sim_store_obey(store, 0, server, &order, 5000, err);
}

static void test_older_commands_are_refused_for_ever(void **state)
{
    struct kn_agent_sim_store *store = open_store(*state, 0);
    struct kn_error err = { 0 };

    assert_ok(obey(store, A, 10, 2, &err), &err); /* before there is a guest: as before a spawn */
    assert_false(kn_agent_sim_store_get(store, 0, A)->exists);
    assert_int_equal(kn_agent_sim_store_get(store, 0, A)->generation, 0);
    kn_agent_sim_store_free(store);

    store = open_store(*state, 0);
    put(store, 0, A, 1, "tap1");
    assert_ok(obey(store, A, 10, 2, &err), &err); /* the same again is an ensure */
    assert_ok(obey(store, A, 20, 1, &err), &err);
    assert_string_equal(kn_agent_sim_store_get(store, 0, A)->taps, "tap1");
    kn_agent_sim_store_free(store);

    store = open_store(*state, 0);
    json_t *answer = json_pack("{s:i}", "power_state", 1);
    assert_ok(kn_agent_sim_store_done(store, 0, A, &(struct kn_agent_order){ 20, 1 }, 2, answer, &err), &err);
    json_decref(answer);
    kn_agent_sim_store_free(store);

    store = open_store(*state, 0);
    assert_string_equal(kn_agent_sim_store_get(store, 0, A)->answer, "{\"power_state\":1}");
    assert_int_equal(kn_agent_sim_store_get(store, 0, A)->part, 2);
    assert_fails(obey(store, A, 20, 0, &err), &err, KN_STALE);
    assert_fails(obey(store, A, 10, 9, &err), &err, KN_STALE);
    assert_ok(kn_agent_sim_store_bury(store, 0, A, 2, 6000, &err), &err);
    kn_agent_sim_store_free(store);

    store = open_store(*state, 0);
    assert_fails(obey(store, A, 10, 2, &err), &err, KN_STALE);
    assert_ok(obey(store, B, 1, 1, &err), &err);
    kn_agent_sim_store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_survives, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keeps_sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_torn_and_broken_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(test_compacts_at_start, setup, teardown),
        cmocka_unit_test_setup_teardown(test_older_commands_are_refused_for_ever, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tombstones_go_after_their_time, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
