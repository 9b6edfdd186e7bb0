/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a supervised process: its table as a whole, then its times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lab/life.h"
#include "lib/base/mem.h"

#define GRACE_MS 700

static struct kn_lab_life life_in(enum kn_lab_life_state state)
{
    struct kn_lab_life life;

    kn_lab_life_init(&life, GRACE_MS);
    life.state = state;
    return life;
}

static void test_every_state_is_reached_and_left(void **state)
{
    bool reached[KN_LIFE_STATE_COUNT] = { [KN_LIFE_IDLE] = true };

    (void)state;
    for (int rounds = 0; rounds < KN_LIFE_STATE_COUNT; rounds++) {
        for (int from = 0; from < KN_LIFE_STATE_COUNT; from++) {
            for (int event = 0; reached[from] && event < KN_LIFE_EVENT_COUNT; event++) {
                struct kn_lab_life life = life_in((enum kn_lab_life_state)from);

                kn_lab_life_step(&life, (enum kn_lab_life_event)event, 0, 0);
                reached[life.state] = true;
            }
        }
    }
    for (int s = 0; s < KN_LIFE_STATE_COUNT; s++) {
        struct kn_lab_life life = life_in((enum kn_lab_life_state)s);

        assert_true(reached[s]);
        /* STOP, then the end of the process: idle, from anywhere. */
        kn_lab_life_step(&life, KN_LIFE_STOP, 0, 0);
        kn_lab_life_step(&life, KN_LIFE_EXITED, 0, 0);
        assert_int_equal(life.state, KN_LIFE_IDLE);
        assert_true(life.due_ms == INT64_MAX);
    }
}

static void test_spawned_only_when_nothing_runs(void **state)
{
    (void)state;
    for (int event = 0; event < KN_LIFE_EVENT_COUNT; event++) {
        struct kn_lab_life running = life_in(KN_LIFE_RUNNING);
        struct kn_lab_life stopping = life_in(KN_LIFE_STOPPING);

        assert_int_not_equal(kn_lab_life_step(&running, (enum kn_lab_life_event)event, 0, 0), KN_LIFE_SPAWN);
        assert_int_not_equal(kn_lab_life_step(&stopping, (enum kn_lab_life_event)event, 0, 0), KN_LIFE_SPAWN);
    }
}

static void test_restart_backs_off(void **state)
{
    struct kn_lab_life life = life_in(KN_LIFE_IDLE);
    int64_t now_ms = 1000;
    int64_t wait_ms = 0;

    (void)state;
    assert_int_equal(kn_lab_life_step(&life, KN_LIFE_START, now_ms, 0), KN_LIFE_SPAWN);
    for (uint32_t i = 1; i <= 10; i++) {
        int64_t before_ms = wait_ms;

        assert_int_equal(kn_lab_life_step(&life, KN_LIFE_EXITED, now_ms, 0), KN_LIFE_NOTHING);
        assert_int_equal(life.state, KN_LIFE_WAITING);
        wait_ms = life.due_ms - now_ms;
        assert_in_range(wait_ms, 200, 5000);
        assert_true(wait_ms >= before_ms);
        assert_int_equal(life.restarts, i);
        now_ms = life.due_ms;
        assert_int_equal(kn_lab_life_step(&life, KN_LIFE_DUE, now_ms, 0), KN_LIFE_SPAWN);
    }
    assert_true(wait_ms >= 2500);
    now_ms += 10000; /* healthy by now: the next wait is short again */
    kn_lab_life_step(&life, KN_LIFE_EXITED, now_ms, 0);
    assert_in_range(life.due_ms - now_ms, 200, 400);
}

static void test_stop_asks_then_kills(void **state)
{
    struct kn_lab_life life = life_in(KN_LIFE_IDLE);

    (void)state;
    kn_lab_life_step(&life, KN_LIFE_START, 0, 0);
    assert_int_equal(kn_lab_life_step(&life, KN_LIFE_STOP, 50, 0), KN_LIFE_ASK);
    assert_int_equal(life.due_ms, 50 + GRACE_MS);
    assert_int_equal(kn_lab_life_step(&life, KN_LIFE_DUE, life.due_ms, 0), KN_LIFE_KILL);
    assert_true(life.due_ms == INT64_MAX);
    assert_int_equal(kn_lab_life_step(&life, KN_LIFE_EXITED, 800, 0), KN_LIFE_NOTHING);
    assert_int_equal(life.state, KN_LIFE_IDLE);
    assert_int_equal(life.restarts, 0);
}

static void test_restart_spawns_once_it_ended(void **state)
{
    struct kn_lab_life life = life_in(KN_LIFE_IDLE);

    (void)state;
    kn_lab_life_step(&life, KN_LIFE_START, 0, 0);
    assert_int_equal(kn_lab_life_step(&life, KN_LIFE_RESTART, 10, 0), KN_LIFE_ASK);
    assert_int_equal(kn_lab_life_step(&life, KN_LIFE_EXITED, 20, 0), KN_LIFE_SPAWN);
    assert_int_equal(life.state, KN_LIFE_RUNNING);
    assert_int_equal(life.started_ms, 20);
}

static void test_stop_of_a_waiting_one_is_at_once(void **state)
{
    struct kn_lab_life life = life_in(KN_LIFE_IDLE);

    (void)state;
    kn_lab_life_step(&life, KN_LIFE_START, 0, 0);
    kn_lab_life_step(&life, KN_LIFE_EXITED, 1, 0);
    assert_int_equal(kn_lab_life_step(&life, KN_LIFE_STOP, 2, 0), KN_LIFE_NOTHING);
    assert_int_equal(life.state, KN_LIFE_IDLE);
    assert_true(life.due_ms == INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_state_is_reached_and_left),
        cmocka_unit_test(test_spawned_only_when_nothing_runs),
        cmocka_unit_test(test_restart_backs_off),
        cmocka_unit_test(test_stop_asks_then_kills),
        cmocka_unit_test(test_restart_spawns_once_it_ended),
        cmocka_unit_test(test_stop_of_a_waiting_one_is_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
