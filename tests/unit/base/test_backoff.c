/* SPDX-License-Identifier: Apache-2.0 */
/* Back-off: it doubles, keeps its bounds whatever the jitter, and starts over when told. */

#include "lib/base/backoff.h"
#include "tests/support/test.h"

static void test_doubles_to_max(void **state)
{
    (void)state;
    static const int64_t STEPS[] = { 100, 200, 400, 800, 1000, 1000 };
    struct kn_backoff b = { .min_ms = 100, .max_ms = 1000 };
    for (size_t i = 0; i < sizeof(STEPS) / sizeof(STEPS[0]); i++) {
        /* half of an even step is added at most, so the largest jitter gives the whole step */
        assert_int_equal(kn_backoff_next(&b, (uint32_t)(STEPS[i] / 2)), STEPS[i]);
    }
}

static void test_jitter_keeps_bounds(void **state)
{
    (void)state;
    struct kn_backoff b = { .min_ms = 1, .max_ms = 777 };
    for (uint32_t r = 0; r < 10000; r++) {
        int64_t ms = kn_backoff_next(&b, r * 2654435761U);
        assert_in_range(ms, 1, 777);
    }
}

static void test_reset_starts_over(void **state)
{
    (void)state;
    struct kn_backoff b = { .min_ms = 10, .max_ms = 1000 };
    kn_backoff_next(&b, 0);
    kn_backoff_next(&b, 0);
    kn_backoff_reset(&b);
    assert_int_equal(kn_backoff_next(&b, 5), 10);
}

static void test_min_above_max(void **state)
{
    (void)state;
    struct kn_backoff b = { .min_ms = 500, .max_ms = 100 };
    assert_in_range(kn_backoff_next(&b, 99), 50, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_doubles_to_max),
        cmocka_unit_test(test_jitter_keeps_bounds),
        cmocka_unit_test(test_reset_starts_over),
        cmocka_unit_test(test_min_above_max),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
