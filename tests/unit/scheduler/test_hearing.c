/* SPDX-License-Identifier: Apache-2.0 */
/* The clock of silences: one agent that says nothing is down, a bus that carries nothing downs nobody. */
#include "scheduler/hearing.h"
#include "tests/support/test.h"

#define TIMEOUT_MS 30000

static void test_others_are_heard(void **state)
{
    struct kn_scheduler_hearing h = { .last_ms = 1000 };
    const int64_t agent_ms = kn_scheduler_hearing_ms(&h, 1000);

    (void)state;
    for (int64_t now_ms = 3000; now_ms <= 1000 + TIMEOUT_MS; now_ms += 2000) {
        kn_scheduler_hearing_heard(&h, now_ms);
        assert_int_equal(kn_scheduler_hearing_ms(&h, now_ms + 1999), now_ms + 1999);
    }
    assert_true(kn_scheduler_hearing_ms(&h, 1000 + TIMEOUT_MS) - agent_ms >= TIMEOUT_MS); /* it is down */
}

static void test_nobody_is_heard(void **state)
{
    struct kn_scheduler_hearing h = { .last_ms = 1000 };
    const int64_t agent_ms = kn_scheduler_hearing_ms(&h, 1000);

    (void)state;
    assert_int_equal(kn_scheduler_hearing_ms(&h, 1000 + KN_HEARING_GAP_MS) - agent_ms, KN_HEARING_GAP_MS);
    assert_int_equal(kn_scheduler_hearing_ms(&h, 1001 + KN_HEARING_GAP_MS) - agent_ms,
                     0); /* a gap, from its beginning on */
    assert_int_equal(kn_scheduler_hearing_ms(&h, 1000 + 10 * TIMEOUT_MS) - agent_ms, 0);
    kn_scheduler_hearing_heard(&h, 1000 + 10 * TIMEOUT_MS); /* a conductor, before any agent */
    assert_int_equal(kn_scheduler_hearing_ms(&h, 1000 + 10 * TIMEOUT_MS) - agent_ms, 0);
    assert_int_equal(kn_scheduler_hearing_ms(&h, 1005 + 10 * TIMEOUT_MS) - agent_ms, 5);
}

static void test_two_gaps_add_up(void **state)
{
    struct kn_scheduler_hearing h = { .last_ms = 0 };

    (void)state;
    kn_scheduler_hearing_heard(&h, 20000);
    kn_scheduler_hearing_heard(&h, 25000);
    kn_scheduler_hearing_heard(&h, 45000);
    assert_int_equal(h.deaf_ms, 40000);
    assert_int_equal(kn_scheduler_hearing_ms(&h, 46000), 6000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_others_are_heard),
        cmocka_unit_test(test_nobody_is_heard),
        cmocka_unit_test(test_two_gaps_add_up),
    };

    return cmocka_run_group_tests_name("scheduler/hearing", tests, NULL, NULL);
}
