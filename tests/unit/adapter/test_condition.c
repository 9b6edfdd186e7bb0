/* SPDX-License-Identifier: Apache-2.0 */
/* When a daemon counts as ill, by a clock of the test's own. */
#include "lib/adapter/condition.h"

#include <string.h>

#include "tests/support/test.h"

#define T 1000000

static void test_one_missed_round_is_no_illness(void **state)
{
    struct kn_condition c = { .beat_ms = 0 };
    char text[KN_CONDITION_TEXT];

    (void)state;
    assert_false(kn_condition_ill(&c, T, text)); /* it has not begun */
    kn_condition_beat(&c, T);
    kn_condition_missed(&c, "database: gone");
    assert_false(kn_condition_ill(&c, T + 14000, text));
    assert_true(kn_condition_ill(&c, T + 16000, text));
    assert_string_equal(text, "no heartbeat for 16 s: database: gone");
    kn_condition_beat(&c, T + 17000);
    assert_false(kn_condition_ill(&c, T + 18000, text));
}

static void test_who_hangs_cannot_say_why(void **state)
{
    struct kn_condition c = { .beat_ms = 0 };
    char text[KN_CONDITION_TEXT];

    (void)state;
    kn_condition_beat(&c, T);
    assert_true(kn_condition_ill(&c, T + 60000, text));
    assert_string_equal(text, "no heartbeat for 60 s: it waits for something that does not answer");
}

static void test_stuck_counts_at_once(void **state)
{
    struct kn_condition c = { .beat_ms = 0 };
    char text[KN_CONDITION_TEXT], longest[1000];

    (void)state;
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    kn_condition_beat(&c, T);
    kn_condition_stuck(&c, longest);
    assert_true(kn_condition_ill(&c, T, text));
    assert_memory_equal(text, "stuck: xxx", 10);
    assert_true(kn_condition_ill(&c, T + 99000, text));
    kn_condition_stuck(&c, NULL);
    assert_false(kn_condition_ill(&c, T, text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_missed_round_is_no_illness),
        cmocka_unit_test(test_who_hangs_cannot_say_why),
        cmocka_unit_test(test_stuck_counts_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
