/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks into memory and out of it. There is room for conductor.max_in_flight of them; the rest waits in PostgreSQL, where the sweep
 * finds it, oldest first and fair between projects. Nothing here decides what a task does next.
 */
#include <stdlib.h>

#include "conductor/conductor.h"
#include "lib/adapter/metrics.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#define FIRST_PAUSE_MS INT64_C(2000)
#define LAST_PAUSE_MS INT64_C(300000)

static struct kn_metric OPEN = KN_GAUGE("kilonova_conductor_tasks", "tasks that this conductor walks", NULL, NULL);

static int room(const struct kn_conductor *c)
{
    return (int)c->daemon.conf.conductor_max_in_flight - (int)kn_hmap_count(c->tasks);
}

struct kn_conductor_task *kn_conductor_task_find(const struct kn_conductor *c, int64_t id)
{
    struct kn_arg arg;

    return kn_hmap_get(c->tasks, kn_arg_int(&arg, id));
}

struct kn_conductor_hold {
    int64_t until_ms, pause_ms; /* monotonic; the next pause */
};

static struct kn_conductor_hold *hold_of(const struct kn_conductor *c, int64_t task)
{
    struct kn_arg arg;

    return kn_hmap_get(c->held, kn_arg_int(&arg, task));
}

void kn_conductor_admit_hold(struct kn_conductor *c, int64_t task)
{
    struct kn_conductor_hold *hold = hold_of(c, task);
    struct kn_arg arg;

    if (hold == NULL) {
        hold = KN_NEW(struct kn_conductor_hold);
        hold->pause_ms = FIRST_PAUSE_MS;
        kn_hmap_put(c->held, kn_arg_int(&arg, task), hold);
    }
    hold->until_ms = kn_mono_ms() + hold->pause_ms;
    hold->pause_ms = hold->pause_ms * 2 < LAST_PAUSE_MS ? hold->pause_ms * 2 : LAST_PAUSE_MS;
}

void kn_conductor_admit_unhold(struct kn_conductor *c, int64_t task)
{
    struct kn_arg arg;

    if (kn_hmap_count(c->held) > 0) {
        kn_hmap_del(c->held, kn_arg_int(&arg, task));
    }
}

static bool admit_is_held(const struct kn_conductor *c, int64_t task)
{
    const struct kn_conductor_hold *hold = kn_hmap_count(c->held) > 0 ? hold_of(c, task) : NULL;

    return hold != NULL && kn_mono_ms() < hold->until_ms;
}

void kn_conductor_admit_want(struct kn_conductor *c, int64_t task)
{
    if (kn_conductor_task_find(c, task) != NULL || admit_is_held(c, task)) {
        return;
    }
    if (c->wanted_count >= room(c)) {
        c->backlog = true;
        return;
    }
    if (c->wanted_count == c->wanted_size) {
        c->wanted_size = c->wanted_size == 0 ? 512 : c->wanted_size * 2;
        c->wanted = kn_realloc_array(c->wanted, (size_t)c->wanted_size, sizeof(*c->wanted));
    }
    c->wanted[c->wanted_count++] = task;
}

/* Out of memory; whoever waits for the object goes on waiting. */
static void admit_drop(struct kn_conductor *c, struct kn_conductor_task *task)
{
    struct kn_arg arg;

    kn_conductor_settle_all(c, task);
    kn_hmap_del(c->tasks, kn_arg_int(&arg, task->id));
}

static void keep_waiting(struct kn_conductor *c, const struct kn_conductor_waiting *waiting)
{
    int64_t *id = KN_NEW(int64_t);

    *id = waiting->task;
    kn_hmap_put(c->waiting, waiting->object_id, id);
}

/*
 * What was ended in the database is ended in memory, too, before anything can be sent: its answers and its deadline are nobody's now. Who works on it is told;
 * a conductor that dies just here tells nobody, but what the deletion itself sends says the same to whoever works on what is deleted.
 */
static void drop_ended(struct kn_conductor *c, const struct kn_rows *ended)
{
    for (int i = 0; ended != NULL && i < kn_rows_count(ended); i++) {
        struct kn_conductor_task *task = kn_conductor_task_find(c, kn_rows_int(ended, i, KN_ONLY));

        if (task != NULL) {
            struct kn_conductor_cancel *cancels;
            const int count = kn_conductor_cancels_of(task, &cancels);

            kn_conductor_cancels_send(c, cancels, count);
            kn_conductor_cancels_free(cancels, count);
            admit_drop(c, task);
        }
    }
}

/* A task that this batch loaded: into memory, and on its way. */
static void admit_take_in(struct kn_conductor *c, struct kn_conductor_task *task)
{
    struct kn_arg arg;

    if (kn_conductor_task_find(c, task->id) != NULL) {
        kn_conductor_task_free(task);
        return;
    }
    kn_hmap_put(c->tasks, kn_arg_int(&arg, task->id), task);
    task->deadline_ms = kn_mono_ms() + c->daemon.conf.conductor_step_timeout_s * 1000;
    kn_conductor_admit_moves(c, task);
}

int kn_conductor_admit(struct kn_conductor *c, struct kn_error *err)
{
    AUTO_RELEASE(kn_conductor_admission) struct kn_conductor_admission admission = { 0 };

    if (c->wanted_count == 0) {
        return 0;
    }
    if (kn_conductor_store_admit(c->daemon.db, &c->shards, c->wanted, c->wanted_count, &admission, err) < 0) {
        return -1;
    }
    c->wanted_count = 0;
    drop_ended(c, admission.ended);
    for (int i = 0; i < admission.waiting_count; i++) {
        keep_waiting(c, &admission.waiting[i]);
    }
    kn_bus_gather(c->daemon.bus);
    for (int i = 0; i < admission.task_count; i++) {
        admit_take_in(c, admission.tasks[i]);
    }
    kn_bus_depart(c->daemon.bus);
    admission.task_count = 0;
    /* Nobody may know them: the tasks of an object follow each other without the sweep. */
    for (int i = 0; i < admission.waiting_count; i++) {
        kn_conductor_admit_want(c, admission.waiting[i].behind);
    }
    kn_metric_set(&OPEN, (int64_t)kn_hmap_count(c->tasks), NULL, NULL);
    return 0;
}

/* It asks for as many as memory can hold, because those that are there already are among the oldest. */
int kn_conductor_sweep(struct kn_conductor *c, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_conductor_store_open_ids(c->daemon.db, &c->shards, (int)c->daemon.conf.conductor_max_in_flight, &rows, err) <
        0) {
        return -1;
    }
    c->backlog = false;
    for (int i = 0; i < kn_rows_count(rows); i++) {
        kn_conductor_admit_want(c, kn_rows_int(rows, i, KN_ONLY));
    }
    return 0;
}

void kn_conductor_forget(struct kn_conductor *c, struct kn_conductor_task *task)
{
    int64_t *next = kn_hmap_take(c->waiting, task->object_id);

    admit_drop(c, task);
    if (next != NULL) {
        kn_conductor_admit_want(c, *next);
        free(next);
    }
}

void kn_conductor_forget_shard(struct kn_conductor *c, int shard)
{
    const char *key;
    void *value;

    for (size_t at = 0; kn_hmap_next(c->tasks, &at, &key, &value);) {
        struct kn_conductor_task *task = value;

        if (task->shard == shard) {
            kn_conductor_settle_all(c, task);
            kn_hmap_del(c->tasks, key);
        }
    }
}

void kn_conductor_forget_all(struct kn_conductor *c)
{
    for (int i = 0; i < KN_SHARDS; i++) {
        kn_conductor_forget_shard(c, i);
    }
    c->wanted_count = 0;
    c->next_sweep_ms = 0;
}
