/* SPDX-License-Identifier: Apache-2.0 */
/* Lanes with make-believe work: order in a lane, turns between projects, bounds, ends. What runs is held by the test until it is let go. */
#include "tests/support/test.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/adapter/lanes.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"
#include "tests/support/process.h"

#define WAIT_S 60
#define MANY 300

/* A piece of work: says that it began, waits to be let go or to be told to end. */
struct piece {
    char name[16];
    bool is_held, is_far;
    atomic_bool go;
    atomic_int runs, agains, tells;
    atomic_int word; /* what it heard last */
    atomic_int ended; /* enum kn_lane_end + 1 */
    int percent; /* told last */
    int percents[3]; /* to tell */
};

static struct {
    sem_t began, ended;
    pthread_mutex_t lock;
    struct kn_strbuf story; /* names in the order of their begin */
    atomic_int live, entered, left;
} T = { .lock = PTHREAD_MUTEX_INITIALIZER, .story = KN_STRBUF_INIT };

static void await(sem_t *sem)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_S;
    assert_int_equal(sem_timedwait(sem, &until), 0);
}

static void run(struct kn_lane_job *job, void *arg)
{
    struct piece *piece = arg;

    pthread_mutex_lock(&T.lock);
    kn_strbuf_addf(&T.story, "%s%s", T.story.len > 0 ? " " : "", piece->name);
    pthread_mutex_unlock(&T.lock);
    atomic_fetch_add(&piece->runs, 1);
    for (size_t i = 0; i < KN_COUNT(piece->percents) && piece->percents[i] > 0; i++) {
        kn_lane_tell(job, piece->percents[i], "piece");
    }
    sem_post(&T.began);
    while (piece->is_held && !atomic_load(&piece->go) && kn_lane_word(job) == KN_LANE_GO_ON) {
        kn_test_pause(1);
    }
    atomic_store(&piece->word, (int)kn_lane_word(job));
}

static void end(void *arg, enum kn_lane_end how)
{
    struct piece *piece = arg;

    atomic_store(&piece->ended, (int)how + 1);
    atomic_fetch_sub(&T.live, 1);
    sem_post(&T.ended);
}

static void again(void *arg, void *newer)
{
    atomic_fetch_add(&((struct piece *)arg)->agains, 1);
    (void)newer;
}

static void tell(void *arg, int percent, const char *detail)
{
    struct piece *piece = arg;

    assert_string_equal(detail, "piece");
    piece->percent = percent;
    atomic_fetch_add(&piece->tells, 1);
}

static void *enter(void *ctx)
{
    atomic_fetch_add(&T.entered, 1);
    return ctx;
}

static void leave(void *own)
{
    assert_ptr_equal(own, &T);
    atomic_fetch_add(&T.left, 1);
}

static const struct kn_lane_trade TRADE = { run, end, again, tell, enter, leave, &T };

static struct kn_lanes *lanes_of(int threads, int jobs, int jobs_per_project, int tell_ms)
{
    const struct kn_lane_bounds bounds = { threads, jobs, jobs_per_project, tell_ms };
    struct kn_lanes *lanes = NULL;
    struct kn_error err = { 0 };

    sem_init(&T.began, 0, 0);
    sem_init(&T.ended, 0, 0);
    kn_strbuf_release(&T.story);
    atomic_store(&T.live, 0);
    atomic_store(&T.entered, 0);
    atomic_store(&T.left, 0);
    assert_ok(kn_lanes_new(&TRADE, &bounds, &lanes, &err), &err);
    return lanes;
}

static int add(struct kn_lanes *lanes, const char *key, const char *project, struct piece *piece, struct kn_error *err)
{
    bool is_new = false;
    const int rc = kn_lanes_add(lanes, &(struct kn_lane_place){ key, project, piece->name, piece->is_far }, piece,
                                &is_new, err);

    if (rc == 0 && is_new) {
        atomic_fetch_add(&T.live, 1);
    }
    return rc == 0 ? is_new : -1;
}

static void must_add(struct kn_lanes *lanes, const char *key, const char *project, struct piece *piece)
{
    struct kn_error err = { 0 };

    assert_int_equal(add(lanes, key, project, piece, &err), 1);
}

static void let_go(struct piece *piece)
{
    atomic_store(&piece->go, true);
}

static bool has_name(const void *arg, const void *what)
{
    return strcmp(((const struct piece *)arg)->name, what) == 0;
}

#define PIECE(n) \
    { \
        .name = n \
    }
#define HELD(n) \
    { \
        .name = n, .is_held = true \
    }

static void in_order_in_a_lane(void **state)
{
    static struct piece pieces[MANY];
    char last[7] = { 0 };
    struct kn_lanes *lanes = lanes_of(4, MANY, MANY, 1000);

    (void)state;
    for (int i = 0; i < MANY; i++) {
        const char key[] = { (char)('a' + i % 7), '\0' };
        snprintf(pieces[i].name, sizeof(pieces[i].name), "%c", key[0]);
        pieces[i].name[1] = (char)('!' + i / 7); /* 43 steps of it, in the order of the characters */
        must_add(lanes, key, i % 2 == 0 ? "p" : "q", &pieces[i]);
    }
    for (int i = 0; i < MANY; i++) {
        await(&T.ended);
    }
    kn_lanes_free(lanes);
    for (const char *p = T.story.buf; *p != '\0'; p += p[2] == ' ' ? 3 : 2) {
        assert_true(p[1] > last[p[0] - 'a']);
        last[p[0] - 'a'] = p[1];
    }
    assert_int_equal(T.entered, 4);
    assert_int_equal(T.left, 4);
}

static void bounded(void **state)
{
    static struct piece a = HELD("a"), b = HELD("b"), c = PIECE("c"), d = PIECE("d"), e = PIECE("e"), f = PIECE("f");
    struct kn_lanes *lanes = lanes_of(3, 4, 3, 1000);
    struct kn_error err = { 0 };

    (void)state;
    must_add(lanes, "a", "p", &a);
    must_add(lanes, "b", "p", &b);
    await(&T.began); /* both at once, or this would wait for ever */
    await(&T.began);
    must_add(lanes, "a", "p", &c);
    assert_fails(add(lanes, "d", "p", &d, &err), &err, KN_UNAVAILABLE);
    assert_non_null(strstr(err.message, "project \"p\""));
    must_add(lanes, "b", "q", &e);
    assert_fails(add(lanes, "e", "q", &f, &err), &err, KN_UNAVAILABLE);
    assert_int_equal(kn_lanes_pending(lanes), 4);
    let_go(&a);
    let_go(&b);
    for (int i = 0; i < 4; i++) {
        await(&T.ended);
    }
    kn_lanes_free(lanes);
    assert_int_equal(d.runs + f.runs, 0);
}

/* However much a project has, there is a thread for the next one; what is nobody's may have all. */
static void one_thread_is_kept_for_the_next_project(void **state)
{
    static struct piece p[4] = { HELD("p0"), HELD("p1"), HELD("p2"), HELD("p3") };
    static struct piece q = HELD("q0"), nobody[3] = { HELD("n0"), HELD("n1"), HELD("n2") };
    struct kn_lanes *lanes = lanes_of(3, 100, 100, 1000);

    (void)state;
    for (int i = 0; i < 4; i++) {
        must_add(lanes, p[i].name, "p", &p[i]);
    }
    await(&T.began);
    await(&T.began);
    must_add(lanes, "q0", "q", &q);
    await(&T.began);
    assert_int_equal(q.runs, 1);
    assert_int_equal(p[2].runs + p[3].runs, 0);
    let_go(&q);
    for (int i = 0; i < 4; i++) {
        let_go(&p[i]);
    }
    for (int i = 0; i < 5; i++) {
        await(&T.ended);
    }
    for (int i = 0; i < 3; i++) {
        must_add(lanes, nobody[i].name, "", &nobody[i]);
    }
    for (int i = 0; i < 5; i++) {
        await(&T.began); /* two of them were p's */
    }
    kn_lanes_free(lanes); /* tells them */
    assert_int_equal(nobody[2].word, KN_LANE_STOP);
}

/* One thread: whoever has many lanes gets one turn in two, not one after all of his own. */
/* Of four threads two may wait for who is far, each for another project; what is near passes them. */
static void half_of_the_threads_are_for_what_is_far(void **state)
{
    struct piece far[] = { HELD("f1"), HELD("f2"), HELD("g1"), HELD("h1") };
    struct piece near[] = { HELD("n1"), HELD("n2") };
    struct kn_lanes *lanes = lanes_of(4, 10, 10, 1000);

    (void)state;
    for (size_t i = 0; i < KN_COUNT(far); i++) {
        far[i].is_far = true;
        must_add(lanes, far[i].name, i < 2 ? "p" : far[i].name, &far[i]);
    }
    await(&T.began);
    await(&T.began);
    must_add(lanes, "n1", "p", &near[0]);
    must_add(lanes, "n2", "q", &near[1]);
    await(&T.began);
    await(&T.began);
    assert_int_equal(atomic_load(&far[0].runs) + atomic_load(&far[2].runs) + atomic_load(&near[0].runs) +
                         atomic_load(&near[1].runs),
                     4);
    let_go(&far[0]);
    await(&T.ended);
    await(&T.began); /* p had its turn, g1 holds the other place: h1 */
    assert_int_equal(atomic_load(&far[3].runs), 1);
    for (size_t i = 0; i < KN_COUNT(far); i++) {
        let_go(&far[i]);
    }
    let_go(&near[0]);
    let_go(&near[1]);
    for (int i = 0; i < 5; i++) {
        await(&T.ended);
    }
    assert_int_equal(atomic_load(&far[1].runs), 1);
    kn_lanes_free(lanes);
}

static void projects_take_turns(void **state)
{
    static struct piece hold = HELD("hold");
    static struct piece p[4] = { PIECE("p0"), PIECE("p1"), PIECE("p2"), PIECE("p3") },
                        q[2] = { PIECE("q0"), PIECE("q1") }, r = PIECE("r0");
    struct kn_lanes *lanes = lanes_of(1, 100, 100, 1000);

    (void)state;
    must_add(lanes, "hold", "x", &hold);
    await(&T.began);
    for (int i = 0; i < 4; i++) {
        must_add(lanes, p[i].name, "p", &p[i]);
    }
    must_add(lanes, "q0", "q", &q[0]);
    must_add(lanes, "q0", "q", &q[1]);
    must_add(lanes, "r0", "r", &r);
    let_go(&hold);
    for (int i = 0; i < 8; i++) {
        await(&T.ended);
    }
    kn_lanes_free(lanes);
    assert_string_equal(T.story.buf, "hold p0 q0 r0 p1 q1 p2 p3");
}

static void cancelled(void **state)
{
    static struct piece one = HELD("one"), two = PIECE("two"), three = PIECE("three"), other = PIECE("other");
    struct kn_lanes *lanes = lanes_of(1, 100, 100, 1000);

    (void)state;
    must_add(lanes, "a", "p", &one);
    await(&T.began);
    must_add(lanes, "a", "p", &two);
    must_add(lanes, "a", "q", &three);
    must_add(lanes, "b", "p", &other);
    assert_int_equal(kn_lanes_cancel(lanes, has_name, "nothing"), 0);
    assert_int_equal(kn_lanes_cancel(lanes, has_name, "two"), 1);
    assert_int_equal(two.ended, KN_LANE_CANCELLED + 1); /* at once, and it never began */
    assert_int_equal(kn_lanes_cancel(lanes, has_name, "two"), 0);
    assert_int_equal(kn_lanes_pending(lanes), 3);
    assert_int_equal(kn_lanes_cancel(lanes, has_name, "other"), 1); /* the only one of its lane */
    assert_int_equal(kn_lanes_cancel(lanes, has_name, "one"), 1);
    for (int i = 0; i < 4; i++) {
        await(&T.ended);
    }
    assert_int_equal(one.word, KN_LANE_CANCEL);
    assert_int_equal(one.ended, KN_LANE_RAN + 1);
    assert_int_equal(three.word, KN_LANE_GO_ON); /* the word was for one job, not for its lane */
    assert_int_equal(two.runs + other.runs, 0);
    assert_int_equal(kn_lanes_cancel(lanes, has_name, "one"), 0); /* over */
    kn_lanes_free(lanes);
    assert_string_equal(T.story.buf, "one three");
}

/* Out of the front of a lane that waits: it stands for its next job's project then, and nothing is lost. */
static void cancelled_in_front(void **state)
{
    static struct piece hold = HELD("hold"), first = PIECE("first"), second = PIECE("second"), q = PIECE("q");
    struct kn_lanes *lanes = lanes_of(1, 100, 100, 1000);

    (void)state;
    must_add(lanes, "hold", "x", &hold);
    await(&T.began);
    must_add(lanes, "a", "p", &first);
    must_add(lanes, "a", "q", &second);
    must_add(lanes, "b", "q", &q);
    assert_int_equal(kn_lanes_cancel(lanes, has_name, "first"), 1);
    let_go(&hold);
    for (int i = 0; i < 4; i++) {
        await(&T.ended);
    }
    kn_lanes_free(lanes);
    assert_int_equal(second.runs + q.runs, 2);
    assert_int_equal(first.runs, 0);
}

static void not_queued_twice(void **state)
{
    static struct piece hold = HELD("hold"), waits = PIECE("waits"), same = PIECE("waits"), held_too = PIECE("hold");
    struct kn_lanes *lanes = lanes_of(2, 100, 100, 1000);
    struct kn_error err = { 0 };

    (void)state;
    must_add(lanes, "a", "p", &hold);
    await(&T.began);
    must_add(lanes, "a", "p", &waits);
    assert_int_equal(add(lanes, "a", "p", &same, &err), 0);
    assert_int_equal(add(lanes, "a", "p", &held_too, &err), 0);
    assert_int_equal(waits.agains, 1);
    assert_int_equal(hold.agains, 1);
    assert_int_equal(kn_lanes_pending(lanes), 2);
    let_go(&hold);
    await(&T.ended);
    await(&T.ended);
    must_add(lanes, "a", "p", &same); /* over: it is new */
    await(&T.ended);
    kn_lanes_free(lanes);
    assert_string_equal(T.story.buf, "hold waits waits");
}

static void stopped(void **state)
{
    static struct piece runs = HELD("runs"), waits[3] = { PIECE("w0"), PIECE("w1"), PIECE("w2") }, late = PIECE("late");
    struct kn_lanes *lanes = lanes_of(1, 100, 100, 1000);
    struct kn_error err = { 0 };

    (void)state;
    must_add(lanes, "a", "p", &runs);
    await(&T.began);
    for (int i = 0; i < 3; i++) {
        must_add(lanes, i == 0 ? "a" : "b", "p", &waits[i]);
    }
    kn_lanes_stop(lanes);
    assert_int_equal(runs.word, KN_LANE_STOP);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(waits[i].ended, KN_LANE_DROPPED + 1);
        assert_int_equal(waits[i].runs, 0);
    }
    assert_int_equal(T.live, 0);
    assert_int_equal(T.left, 1);
    assert_fails(add(lanes, "a", "p", &late, &err), &err, KN_UNAVAILABLE);
    kn_lanes_free(lanes);
}

static void progress_is_told_now_and_then(void **state)
{
    static struct piece eager = { .name = "eager", .percents = { 10, 20, 30 } },
                        quick = { .name = "quick", .percents = { 10, 20, 30 } };
    struct kn_lanes *lanes = lanes_of(1, 100, 100, 0);

    (void)state;
    must_add(lanes, "a", "p", &eager);
    await(&T.ended);
    kn_lanes_free(lanes);
    assert_int_equal(eager.tells, 3);
    assert_int_equal(eager.percent, 30);
    lanes = lanes_of(1, 100, 100, 60000);
    must_add(lanes, "a", "p", &quick);
    await(&T.ended);
    kn_lanes_free(lanes);
    assert_int_equal(quick.tells, 0);
}

/* --- all at once: for the sanitisers ------------------------------------------------------------------------------------- */

static struct kn_lanes *crowd;
static struct piece crowd_pieces[4][MANY];

static void *adder(void *arg)
{
    struct piece *mine = arg;

    for (int i = 0; i < MANY; i++) {
        const char key[] = { (char)('a' + i % 5), '\0' }, project[] = { (char)('p' + i % 3), '\0' };
        snprintf(mine[i].name, sizeof(mine[i].name), "%d-%d", (int)((mine - crowd_pieces[0]) / MANY), i);
        assert_int_equal(add(crowd, key, project, &mine[i], NULL), 1);
        if (i % 7 == 0) {
            kn_lanes_cancel(crowd, has_name, mine[i].name);
        }
    }
    return NULL;
}

static void a_crowd(void **state)
{
    pthread_t threads[4];
    int ran = 0, cancels = 0;

    (void)state;
    crowd = lanes_of(4, 4 * MANY, 4 * MANY, 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, adder, crowd_pieces[i]), 0);
    }
    for (int i = 0; i < 4 * MANY; i++) {
        await(&T.ended);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    kn_lanes_free(crowd);
    for (int i = 0; i < 4 * MANY; i++) {
        const struct piece *piece = &crowd_pieces[i / MANY][i % MANY];
        ran += piece->ended == KN_LANE_RAN + 1 && piece->runs == 1;
        cancels += piece->ended == KN_LANE_CANCELLED + 1 && piece->runs == 0;
    }
    assert_int_equal(ran + cancels, 4 * MANY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order_in_a_lane),
        cmocka_unit_test(bounded),
        cmocka_unit_test(one_thread_is_kept_for_the_next_project),
        cmocka_unit_test(half_of_the_threads_are_for_what_is_far),
        cmocka_unit_test(projects_take_turns),
        cmocka_unit_test(cancelled),
        cmocka_unit_test(cancelled_in_front),
        cmocka_unit_test(not_queued_twice),
        cmocka_unit_test(stopped),
        cmocka_unit_test(progress_is_told_now_and_then),
        cmocka_unit_test(a_crowd),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);

    kn_strbuf_release(&T.story);
    return failed;
}
