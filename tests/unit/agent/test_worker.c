/* SPDX-License-Identifier: Apache-2.0 */
/* One lane a server: its jobs in order, those of others side by side, never too many. */
#include "tests/support/test.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "compute-agent/core/worker.h"
#include "lib/base/mem.h"

#define LANES 7
#define JOBS 300

static struct {
    atomic_int running[LANES];
    int next[LANES]; /* only ever touched by the lane's one job: the sanitiser would tell */
    atomic_int wrong;
    atomic_int dropped;
    sem_t done;
    sem_t started;
    sem_t go;
} T;

struct step {
    int lane;
    int n;
};

static void count(void *ctx, void *arg)
{
    struct step *step = arg;

    (void)ctx;
    if (atomic_fetch_add(&T.running[step->lane], 1) != 0 || T.next[step->lane] != step->n) {
        atomic_fetch_add(&T.wrong, 1);
    }
    T.next[step->lane] = step->n + 1;
    atomic_fetch_sub(&T.running[step->lane], 1);
    free(step);
    sem_post(&T.done);
}

static void test_order(void **state)
{
    struct kn_workers *w = NULL;
    struct kn_error err = { 0 };
    char key[8];

    (void)state;
    sem_init(&T.done, 0, 0);
    assert_ok(kn_workers_new(4, LANES * JOBS, NULL, &w, &err), &err);
    for (int n = 0; n < JOBS; n++) {
        for (int lane = 0; lane < LANES; lane++) {
            struct step *step = KN_NEW(struct step);
            *step = (struct step){ lane, n };
            snprintf(key, sizeof(key), "s%d", lane);
            assert_ok(kn_workers_submit(w, key, count, step, &err), &err);
        }
    }
    for (int i = 0; i < LANES * JOBS; i++) {
        sem_wait(&T.done);
    }
    kn_workers_free(w);
    assert_int_equal(T.wrong, 0);
}

/* Says that it runs, then waits to be let go. */
static void hold(void *ctx, void *arg)
{
    (void)ctx, (void)arg;
    sem_post(&T.started);
    sem_wait(&T.go);
}

static void drop(void *ctx, void *arg)
{
    (void)ctx, (void)arg;
    atomic_fetch_add(&T.dropped, 1);
}

static void *stop(void *arg)
{
    kn_workers_stop(arg, drop);
    return NULL;
}

static void test_side_by_side_and_bounded(void **state)
{
    struct kn_workers *w = NULL;
    struct kn_error err = { 0 };

    (void)state;
    sem_init(&T.started, 0, 0);
    sem_init(&T.go, 0, 0);
    assert_ok(kn_workers_new(2, 4, NULL, &w, &err), &err);
    assert_ok(kn_workers_submit(w, "a", hold, NULL, &err), &err);
    assert_ok(kn_workers_submit(w, "b", hold, NULL, &err), &err);
    sem_wait(&T.started); /* both run at once, or this would wait for ever */
    sem_wait(&T.started);
    assert_ok(kn_workers_submit(w, "a", hold, NULL, &err), &err);
    assert_ok(kn_workers_submit(w, "c", hold, NULL, &err), &err);
    assert_int_equal(kn_workers_pending(w), 4);
    assert_fails(kn_workers_submit(w, "d", hold, NULL, &err), &err, KN_UNAVAILABLE);

    for (int i = 0; i < 4; i++) {
        sem_post(&T.go);
    }
    sem_wait(&T.started);
    sem_wait(&T.started);
    kn_workers_free(w);
}

/* Stopping lets the job that runs come to its end and drops all that wait. */
static void test_stop(void **state)
{
    struct kn_workers *w = NULL;
    struct kn_error err = { 0 };
    pthread_t stopper;
    int waiting = 0;

    (void)state;
    assert_ok(kn_workers_new(1, 1 << 24, NULL, &w, &err), &err);
    assert_ok(kn_workers_submit(w, "a", hold, NULL, &err), &err);
    sem_wait(&T.started);
    assert_int_equal(pthread_create(&stopper, NULL, stop, w), 0);
    while (kn_workers_submit(w, "a", hold, NULL, NULL) == 0) {
        waiting++;
    }
    sem_post(&T.go);
    pthread_join(stopper, NULL);
    assert_int_equal(T.dropped, waiting);
    kn_workers_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_order),
                                        cmocka_unit_test(test_side_by_side_and_bounded),
                                        cmocka_unit_test(test_stop) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
