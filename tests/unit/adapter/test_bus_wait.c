/* SPDX-License-Identifier: Apache-2.0 */
/* By what clock librdkafka's threads wait (lib/adapter/bus_conf.c): this program has its own pthread_cond_clockwait(), so that no clock must be set. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>

#include "lib/base/clock.h"
#include "tests/support/test.h"

static clockid_t waited_by;
static int64_t waited_until_ms;

int pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *mutex, clockid_t clock,
                           const struct timespec *until)
{
    (void)condition;
    (void)mutex;
    waited_by = clock;
    waited_until_ms = (int64_t)until->tv_sec * 1000 + until->tv_nsec / 1000000;
    return ETIMEDOUT;
}

/* So many milliseconds from now, as librdkafka says it. */
static void wait_ms(int ms)
{
    struct timespec until;
    cnd_t condition;
    mtx_t mutex;

    waited_by = CLOCK_REALTIME;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    assert_int_equal(cnd_init(&condition), thrd_success);
    assert_int_equal(mtx_init(&mutex, mtx_plain), thrd_success);
    mtx_lock(&mutex);
    assert_int_equal(cnd_timedwait(&condition, &mutex, &until), thrd_timedout);
    mtx_unlock(&mutex);
    mtx_destroy(&mutex);
    cnd_destroy(&condition);
}

static void test_no_clock_that_is_set(void **state)
{
    static const int WAITS_MS[] = { 0, 1000, 3600000, -5000 };

    (void)state;
    for (size_t i = 0; i < sizeof(WAITS_MS) / sizeof(WAITS_MS[0]); i++) {
        const int64_t begun_ms = kn_mono_ms();
        const int64_t due_ms = begun_ms + (WAITS_MS[i] > 0 ? WAITS_MS[i] : 0);

        wait_ms(WAITS_MS[i]);
        assert_int_equal(waited_by, CLOCK_MONOTONIC);
        /* A millisecond later than asked for, and this test may have been slow before it waited. */
        assert_true(waited_until_ms >= due_ms && waited_until_ms <= due_ms + 2 + kn_mono_ms() - begun_ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_no_clock_that_is_set) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
