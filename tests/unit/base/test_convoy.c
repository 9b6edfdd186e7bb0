/* SPDX-License-Identifier: Apache-2.0 */
/* convoy: a lone rider goes at once, those that are announced are waited for, but not for ever, and nobody is carried twice or forgotten. */
#include "lib/base/convoy.h"

#include <stdatomic.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/test.h"

#define RIDERS 8
#define ROUNDS 50

struct load {
    struct kn_convoy_rider rider; /* the first member */
    int carried; /* the leader's while it is carried */
    int together;
};

static atomic_int journeys;

static void carry(void *ctx, struct kn_convoy_rider *const *riders, int count)
{
    (void)ctx;
    atomic_fetch_add(&journeys, 1);
    for (int i = 0; i < count; i++) {
        struct load *load = (struct load *)(void *)riders[i];

        load->carried++;
        load->together = count;
    }
}

static const struct kn_convoy_way WAY = { NULL, carry, NULL };

static void test_a_lone_rider_waits_for_nobody(void **state)
{
    struct kn_convoy convoy = KN_CONVOY(.most = 4, .company_ms = 900);
    struct load load = { .carried = 0 };
    const int64_t begun = kn_mono_ms();

    (void)state;
    kn_convoy_ride(&convoy, &load.rider, NULL, &WAY);
    assert_int_equal(load.carried, 1);
    assert_int_equal(load.together, 1);
    assert_true(kn_mono_ms() - begun < 900);
}

static void test_who_turns_back_is_not_waited_for(void **state)
{
    struct kn_convoy convoy = KN_CONVOY(.most = 4, .company_ms = 1);
    struct kn_convoy_coming other = { NULL };
    struct load load = { .carried = 0 };

    (void)state;
    kn_convoy_announce(&convoy, &other);
    kn_convoy_ride(&convoy, &load.rider, NULL, &WAY); /* the other does not come: a moment, no more */
    assert_int_equal(load.carried, 1);
    kn_convoy_coming_release(&other);
    kn_convoy_coming_release(&other);
    convoy.company_ms = 60000;
    kn_convoy_ride(&convoy, &load.rider, NULL, &WAY);
    assert_int_equal(load.carried, 2);
}

struct traveller {
    struct kn_convoy *convoy;
    struct kn_convoy_coming coming;
    struct load load;
};

static void *travel(void *arg)
{
    struct traveller *t = arg;

    kn_convoy_ride(t->convoy, &t->load.rider, &t->coming, &WAY);
    return NULL;
}

/* All were announced before the first rode, so they go together however late each arrives. */
static void test_the_announced_go_together(void **state)
{
    struct kn_convoy convoy = KN_CONVOY(.most = RIDERS, .company_ms = 60000);
    struct traveller travellers[RIDERS] = { 0 };
    pthread_t threads[RIDERS];

    (void)state;
    for (int i = 0; i < RIDERS; i++) {
        travellers[i].convoy = &convoy;
        kn_convoy_announce(&convoy, &travellers[i].coming);
    }
    for (int i = 0; i < RIDERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, travel, &travellers[i]), 0);
    }
    for (int i = 0; i < RIDERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(travellers[i].load.carried, 1);
        assert_int_equal(travellers[i].load.together, RIDERS);
    }
}

static void *travel_often(void *arg)
{
    struct traveller *t = arg;

    for (int i = 0; i < ROUNDS; i++) {
        kn_convoy_ride(t->convoy, &t->load.rider, NULL, &WAY);
        if (t->load.together > 3) {
            break;
        }
    }
    return NULL;
}

/* Whoever weighs more than fits goes alone; never more than the most go together; each is carried once a ride. */
static void test_a_crowd(void **state)
{
    struct kn_convoy convoy = KN_CONVOY(.most = 3, .most_weight = 10, .company_ms = 1);
    struct traveller travellers[RIDERS] = { 0 };
    pthread_t threads[RIDERS];

    (void)state;
    for (int i = 0; i < RIDERS; i++) {
        travellers[i].convoy = &convoy;
        travellers[i].load.rider.weight = i == 0 ? 100 : 4;
        assert_int_equal(pthread_create(&threads[i], NULL, travel_often, &travellers[i]), 0);
    }
    for (int i = 0; i < RIDERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(travellers[i].load.carried, ROUNDS);
        assert_true(travellers[i].load.together <= 2);
    }
    assert_int_equal(travellers[0].load.together, 1);
    assert_int_equal(convoy.waiting, 0);
    assert_null(convoy.first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_lone_rider_waits_for_nobody),
        cmocka_unit_test(test_who_turns_back_is_not_waited_for),
        cmocka_unit_test(test_the_announced_go_together),
        cmocka_unit_test(test_a_crowd),
    };

    return cmocka_run_group_tests_name("base/convoy", tests, NULL, NULL);
}
