/* SPDX-License-Identifier: Apache-2.0 */
/* What a late, doubled or early command may still do. */
#include "tests/support/test.h"

#include "compute-agent/generation.h"
#include "lib/base/mem.h"

static const struct kn_guest NOTHING = { 0, false, 0 };
static const struct kn_guest GUEST_5 = { 5, true, 1 };
static const struct kn_guest TOMB_5 = { 5, false, 0 };

static void test_rules(void **state)
{
    static const struct {
        const struct kn_guest *known;
        enum kn_intent intent;
        int64_t asked;
        enum kn_ruling want;
    } CASES[] = {
        { &NOTHING, KN_INTENT_SPAWN, 1, KN_RULING_ACT },     { &GUEST_5, KN_INTENT_SPAWN, 4, KN_RULING_STALE },
        { &GUEST_5, KN_INTENT_SPAWN, 5, KN_RULING_ACT },     { &GUEST_5, KN_INTENT_SPAWN, 6, KN_RULING_ACT },
        { &TOMB_5, KN_INTENT_SPAWN, 4, KN_RULING_STALE },    { &TOMB_5, KN_INTENT_SPAWN, 5, KN_RULING_STALE },
        { &TOMB_5, KN_INTENT_SPAWN, 6, KN_RULING_ACT },      { &NOTHING, KN_INTENT_USE, 1, KN_RULING_ABSENT },
        { &GUEST_5, KN_INTENT_USE, 4, KN_RULING_STALE },     { &GUEST_5, KN_INTENT_USE, 5, KN_RULING_ACT },
        { &TOMB_5, KN_INTENT_USE, 5, KN_RULING_STALE },      { &TOMB_5, KN_INTENT_USE, 6, KN_RULING_ABSENT },
        { &NOTHING, KN_INTENT_RELEASE, 1, KN_RULING_DONE },  { &GUEST_5, KN_INTENT_RELEASE, 4, KN_RULING_STALE },
        { &GUEST_5, KN_INTENT_RELEASE, 5, KN_RULING_ACT },   { &TOMB_5, KN_INTENT_RELEASE, 4, KN_RULING_DONE },
        { &NOTHING, KN_INTENT_DESTROY, 1, KN_RULING_ACT },   { &GUEST_5, KN_INTENT_DESTROY, 4, KN_RULING_STALE },
        { &GUEST_5, KN_INTENT_DESTROY, 5, KN_RULING_ACT },   { &GUEST_5, KN_INTENT_DESTROY, 6, KN_RULING_ACT },
        { &TOMB_5, KN_INTENT_DESTROY, 4, KN_RULING_ACT },    { &TOMB_5, KN_INTENT_DESTROY, 5, KN_RULING_ACT },
        { &TOMB_5, KN_INTENT_DESTROY, 6, KN_RULING_ACT },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        if (kn_generation_rule(CASES[i].known, CASES[i].intent, CASES[i].asked) != CASES[i].want) {
            fail_msg("case %zu", i);
        }
    }
}

static void test_refusals_say_why(void **state)
{
    struct kn_guest_ref ref = { "h1", "11111111-1111-4111-8111-111111111111", 4 };
    struct kn_error err = { 0 };

    (void)state;
    assert_int_equal(kn_generation_refuse(KN_RULING_ACT, &GUEST_5, &ref, &err), 0);
    assert_int_equal(kn_generation_refuse(KN_RULING_DONE, &TOMB_5, &ref, &err), 0);
    assert_fails(kn_generation_refuse(KN_RULING_STALE, &TOMB_5, &ref, &err), &err, KN_STALE);
    assert_non_null(strstr(err.message, "generation 5, destroyed; asked for 4"));
    assert_fails(kn_generation_refuse(KN_RULING_ABSENT, &NOTHING, &ref, &err), &err, KN_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_rules), cmocka_unit_test(test_refusals_say_why) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
