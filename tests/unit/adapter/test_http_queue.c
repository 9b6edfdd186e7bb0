/* SPDX-License-Identifier: Apache-2.0 */
/* Who is woken for what waits: a thread that would only look at the queue and sleep again costs more than the request that it looked at. */
#include <stdlib.h>

#include "lib/adapter/http_private.h"
#include "lib/base/mem.h"
#include "tests/support/test.h"

#define THREADS 4

static struct kn_http_lane lane_of(int lists)
{
    return (struct kn_http_lane){ .size = THREADS, .lists = lists, .resting = THREADS, .parties = kn_hmap_new(free) };
}

static void take_one(struct kn_http_lane *l, const struct kn_http_raw *wanted)
{
    assert_ptr_equal(kn_http_queue_take(l), wanted);
    l->resting--;
}

static void give_back(struct kn_http_lane *l, struct kn_http_raw *raw)
{
    kn_http_queue_done(l, raw);
    l->resting++;
}

/* One project has half of the threads: what it has beyond that calls nobody until one of its own is done, another's does at once. */
static void test_what_may_not_be_worked_on_calls_nobody(void **state)
{
    struct kn_http_raw one[] = { { .names[0] = "a" }, { .names[0] = "a" }, { .names[0] = "a" }, { .names[0] = "a" } };
    struct kn_http_raw other = { .names[0] = "b" };
    struct kn_http_lane l = lane_of(THREADS);

    (void)state;
    l.jobs_end = &l.jobs;
    assert_false(kn_http_queue_calls(&l));
    for (size_t i = 0; i < KN_COUNT(one); i++) {
        kn_http_queue_put(&l, &one[i]);
        assert_true(kn_http_queue_calls(&l));
    }
    take_one(&l, &one[0]);
    assert_true(kn_http_queue_calls(&l));
    take_one(&l, &one[1]);
    assert_false(kn_http_queue_calls(&l));
    kn_http_queue_put(&l, &other);
    assert_true(kn_http_queue_calls(&l));
    take_one(&l, &other);
    assert_false(kn_http_queue_calls(&l));
    give_back(&l, &one[0]);
    give_back(&l, &other);
    assert_true(kn_http_queue_calls(&l));
    take_one(&l, &one[2]);
    assert_false(kn_http_queue_calls(&l));
    give_back(&l, &one[1]);
    take_one(&l, &one[3]);
    give_back(&l, &one[2]);
    give_back(&l, &one[3]);
    assert_false(kn_http_queue_calls(&l));
    kn_hmap_free(l.parties);
}

static void test_lists_beyond_their_bound_and_no_rest(void **state)
{
    struct kn_http_raw lists[] = { { .is_list = true }, { .is_list = true } };
    struct kn_http_raw shorter = { .is_list = false };
    struct kn_http_lane l = lane_of(1);

    (void)state;
    l.jobs_end = &l.jobs;
    kn_http_queue_put(&l, &lists[0]);
    kn_http_queue_put(&l, &lists[1]);
    take_one(&l, &lists[0]);
    assert_false(kn_http_queue_calls(&l));
    kn_http_queue_put(&l, &shorter);
    assert_true(kn_http_queue_calls(&l));
    l.resting = 0; /* whoever is done first looks for himself */
    assert_false(kn_http_queue_calls(&l));
    take_one(&l, &shorter);
    give_back(&l, &lists[0]);
    take_one(&l, &lists[1]);
    kn_hmap_free(l.parties);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_may_not_be_worked_on_calls_nobody),
        cmocka_unit_test(test_lists_beyond_their_bound_and_no_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
