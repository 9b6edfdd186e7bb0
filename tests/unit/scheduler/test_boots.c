/* SPDX-License-Identifier: Apache-2.0 */
/* Which life of an agent is heard: a restart is taken at once, two that live are found out, whoever of them speaks first. */
#include "scheduler/boots.h"
#include "tests/support/test.h"

static void test_a_restart_is_taken_at_once(void **state)
{
    struct kn_scheduler_boots boots = { .living = "a" };
    (void)state;

    assert_int_equal(kn_scheduler_boots_heard(&boots, "a", 1000), KN_BOOT_KNOWN);
    assert_int_equal(kn_scheduler_boots_heard(&boots, "b", 2000), KN_BOOT_NEW);
    assert_int_equal(kn_scheduler_boots_heard(&boots, "a", 2001), KN_BOOT_LATE); /* was under way when it was killed */
    assert_int_equal(kn_scheduler_boots_heard(&boots, "b", 9000), KN_BOOT_KNOWN);
    assert_int_equal(kn_scheduler_boots_heard(&boots, "c", 9001), KN_BOOT_NEW); /* again and again */
    assert_int_equal(kn_scheduler_boots_heard(&boots, "d", 9002), KN_BOOT_NEW);
}

static void test_the_newer_of_two_is_refused(void **state)
{
    struct kn_scheduler_boots boots = { .living = "a" };
    (void)state;

    assert_int_equal(kn_scheduler_boots_heard(&boots, "b", 1000), KN_BOOT_NEW);
    assert_int_equal(kn_scheduler_boots_heard(&boots, "a", 4000), KN_BOOT_LATE);
    assert_int_equal(kn_scheduler_boots_heard(&boots, "a", 9000), KN_BOOT_TWO);
    assert_string_equal(boots.living, "a");
    assert_string_equal(boots.refused, "b");
    assert_int_equal(kn_scheduler_boots_heard(&boots, "b", 9001), KN_BOOT_REFUSED);
    assert_int_equal(kn_scheduler_boots_heard(&boots, "a", 9002), KN_BOOT_KNOWN);
    assert_int_equal(kn_scheduler_boots_heard(&boots, "c", 9003), KN_BOOT_NEW); /* b restarted: the same once more */
    assert_int_equal(kn_scheduler_boots_heard(&boots, "a", 19000), KN_BOOT_TWO);
    assert_string_equal(boots.refused, "c");
}

static void test_the_first_of_all_has_no_one_before(void **state)
{
    struct kn_scheduler_boots boots = { 0 };
    (void)state;

    assert_int_equal(kn_scheduler_boots_heard(&boots, "a", 1), KN_BOOT_NEW);
    assert_int_equal(kn_scheduler_boots_heard(&boots, "a", 9999), KN_BOOT_KNOWN);
    assert_int_equal(kn_scheduler_boots_heard(&boots, "b", 10000), KN_BOOT_NEW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_restart_is_taken_at_once),
        cmocka_unit_test(test_the_newer_of_two_is_refused),
        cmocka_unit_test(test_the_first_of_all_has_no_one_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
