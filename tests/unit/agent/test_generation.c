/* SPDX-License-Identifier: Apache-2.0 */
/* What a late, doubled or early command may still do. */
#include "tests/support/scratch.h"
#include "tests/support/test.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "compute-agent/core/file.h"
#include "compute-agent/core/generation.h"
#include "compute-agent/core/guest_dir.h"
#include "lib/base/mem.h"

static const struct kn_agent_guest NOTHING = { 0, false, 0 };
static const struct kn_agent_guest GUEST_5 = { 5, true, 1 };
static const struct kn_agent_guest TOMB_5 = { 5, false, 0 };

static void test_rules(void **state)
{
    static const struct {
        const struct kn_agent_guest *known;
        enum kn_agent_intent intent;
        int64_t asked;
        enum kn_agent_ruling want;
    } CASES[] = {
        { &NOTHING, KN_INTENT_SPAWN, 1, KN_RULING_ACT },    { &GUEST_5, KN_INTENT_SPAWN, 4, KN_RULING_STALE },
        { &GUEST_5, KN_INTENT_SPAWN, 5, KN_RULING_ACT },    { &GUEST_5, KN_INTENT_SPAWN, 6, KN_RULING_ACT },
        { &TOMB_5, KN_INTENT_SPAWN, 4, KN_RULING_STALE },   { &TOMB_5, KN_INTENT_SPAWN, 5, KN_RULING_STALE },
        { &TOMB_5, KN_INTENT_SPAWN, 6, KN_RULING_ACT },     { &NOTHING, KN_INTENT_USE, 1, KN_RULING_ABSENT },
        { &GUEST_5, KN_INTENT_USE, 4, KN_RULING_STALE },    { &GUEST_5, KN_INTENT_USE, 5, KN_RULING_ACT },
        { &TOMB_5, KN_INTENT_USE, 5, KN_RULING_STALE },     { &TOMB_5, KN_INTENT_USE, 6, KN_RULING_ABSENT },
        { &NOTHING, KN_INTENT_RELEASE, 1, KN_RULING_DONE }, { &GUEST_5, KN_INTENT_RELEASE, 4, KN_RULING_STALE },
        { &GUEST_5, KN_INTENT_RELEASE, 5, KN_RULING_ACT },  { &TOMB_5, KN_INTENT_RELEASE, 4, KN_RULING_DONE },
        { &NOTHING, KN_INTENT_DESTROY, 1, KN_RULING_ACT },  { &GUEST_5, KN_INTENT_DESTROY, 4, KN_RULING_STALE },
        { &GUEST_5, KN_INTENT_DESTROY, 5, KN_RULING_ACT },  { &GUEST_5, KN_INTENT_DESTROY, 6, KN_RULING_ACT },
        { &TOMB_5, KN_INTENT_DESTROY, 4, KN_RULING_ACT },   { &TOMB_5, KN_INTENT_DESTROY, 5, KN_RULING_ACT },
        { &TOMB_5, KN_INTENT_DESTROY, 6, KN_RULING_ACT },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        if (kn_agent_generation_rule(CASES[i].known, CASES[i].intent, CASES[i].asked) != CASES[i].want) {
            fail_msg("case %zu", i);
        }
    }
}

static void test_refusals_say_why(void **state)
{
    struct kn_agent_guest_ref ref = { "h1", "11111111-1111-4111-8111-111111111111", 4 };
    struct kn_error err = { 0 };

    (void)state;
    assert_int_equal(kn_agent_generation_refuse(KN_RULING_ACT, &GUEST_5, &ref, &err), 0);
    assert_int_equal(kn_agent_generation_refuse(KN_RULING_DONE, &TOMB_5, &ref, &err), 0);
    assert_fails(kn_agent_generation_refuse(KN_RULING_STALE, &TOMB_5, &ref, &err), &err, KN_STALE);
    assert_non_null(strstr(err.message, "generation 5, destroyed; asked for 4"));
    assert_fails(kn_agent_generation_refuse(KN_RULING_ABSENT, &NOTHING, &ref, &err), &err, KN_NOT_FOUND);
}

static void test_order(void **state)
{
    static const struct {
        struct kn_agent_order asked, obeyed;
        bool older;
    } CASES[] = {
        { { 1, 1 }, { 0, 0 }, false }, { { 7, 3 }, { 7, 3 }, false }, { { 7, 4 }, { 7, 3 }, false },
        { { 7, 2 }, { 7, 3 }, true },  { { 8, 1 }, { 7, 3 }, false }, { { 6, 9 }, { 7, 3 }, true },
        { { 0, 0 }, { 7, 3 }, true },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        if (kn_agent_order_is_older(&CASES[i].asked, &CASES[i].obeyed) != CASES[i].older) {
            fail_msg("case %zu", i);
        }
    }
}

static void test_order_is_kept_on_disk(void **state)
{
    const char *server = "11111111-1111-4111-8111-111111111111";
    struct kn_error err = { 0 };
    char dir[KN_TEST_DIR];
    char guest[PATH_MAX];

    (void)state;
    kn_test_dir(dir, "order");
    assert_ok(kn_agent_order_obey(dir, server, &(struct kn_agent_order){ 7, 3 }, &err), &err);
    assert_ok(kn_agent_order_obey(dir, server, &(struct kn_agent_order){ 7, 3 }, &err), &err);
    assert_fails(kn_agent_order_obey(dir, server, &(struct kn_agent_order){ 7, 2 }, &err), &err, KN_STALE);
    assert_non_null(strstr(err.message, "has obeyed task 7 attempt 3; task 7 attempt 2 is older"));
    json_t *answer = json_pack("{s:s}", "device", "/dev/vdb");
    assert_null(kn_agent_order_answer(dir, server, &(struct kn_agent_order){ 7, 3 }, 0));
    assert_ok(kn_agent_order_done(dir, server, &(struct kn_agent_order){ 7, 3 }, 1, answer, &err), &err);
    assert_ok(kn_agent_order_obey(dir, server, &(struct kn_agent_order){ 7, 3 }, &err),
              &err); /* forgets nothing of it */
    json_t *kept = kn_agent_order_answer(dir, server, &(struct kn_agent_order){ 7, 3 }, 1);
    assert_true(json_equal(answer, kept));
    json_decref(kept);
    json_decref(answer);
    assert_null(kn_agent_order_answer(dir, server, &(struct kn_agent_order){ 7, 3 },
                                      0)); /* another part, another attempt */
    assert_null(kn_agent_order_answer(dir, server, &(struct kn_agent_order){ 7, 4 }, 1));
    kn_agent_guest_path(dir, server, "", guest);
    assert_ok(kn_agent_file_make_dir(guest, &err), &err);
    kn_agent_order_prune(dir, INT64_MAX); /* the server is here */
    assert_int_equal(kn_agent_order_get(dir, server).task, 7);
    assert_int_equal(rmdir(guest), 0);
    kn_agent_order_prune(dir, 0); /* it is too young to go */
    assert_int_equal(kn_agent_order_get(dir, server).attempt, 3);
    kn_agent_order_prune(dir, INT64_MAX);
    assert_int_equal(kn_agent_order_get(dir, server).task, 0);
    snprintf(guest, sizeof(guest), "%s/orders", dir);
    assert_int_equal(rmdir(guest), 0);
    snprintf(guest, sizeof(guest), "%s/servers", dir);
    assert_int_equal(rmdir(guest), 0);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_rules), cmocka_unit_test(test_refusals_say_why),
                                        cmocka_unit_test(test_order), cmocka_unit_test(test_order_is_kept_on_disk) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
