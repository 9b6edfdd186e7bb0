/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conductor's one loop: messages in, decisions, one transaction, messages out; and the timers. No timer delays a batch: it is what
 * was there, small when idle and large when busy.
 */
#include <stdlib.h>
#include <string.h>

#include "conductor/conductor.h"
#include "conductor/engine/engine.h"
#include "conductor/store/due.h"
#include "conductor/store/history.h"
#include "lib/adapter/metrics.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#define BATCH 500
#define LEASE_EVERY_MS 1000
#define SWEEP_EVERY_MS 1000
#define CHECK_EVERY_MS 1000
#define WORKED_EVERY_MS 10000 /* that work goes on without getting further */
#define HEARTBEAT_EVERY_MS 2000
#define DEAF_MS 20000
#define STUCK_FOR_MS 10000 /* what failed may be hidden behind turns that had nothing to do */
#define DUE_EVERY_MS 5000
#define PRUNE_EVERY_MS 60000
#define PRUNE_NEXT_MS 1000 /* while there is more: history goes in the gaps of the work */

static struct kn_metric ENDED = KN_COUNTER("kilonova_tasks_total", "tasks that ended", "kind", "state");
static struct kn_metric TOOK = KN_HISTOGRAM("kilonova_task_ms", "from the wish to the end", "kind", NULL);

/* --- moves ---------------------------------------------------------------------------------------------------------------- */

static struct kn_conductor_move *new_move(struct kn_conductor *c, struct kn_conductor_task *task)
{
    if (c->move_count == c->move_size) {
        c->move_size = c->move_size == 0 ? BATCH : c->move_size * 2;
        c->moves = kn_realloc_array(c->moves, (size_t)c->move_size, sizeof(*c->moves));
    }
    c->moves[c->move_count] = (struct kn_conductor_move){ .task = task,
                                                          .from_attempt = task->attempt,
                                                          .change = KN_CHANGE_INIT };
    return &c->moves[c->move_count++];
}

void kn_conductor_move_on(struct kn_conductor *c, struct kn_conductor_task *task, bool failed)
{
    struct kn_conductor_move *move = new_move(c, task);

    task->moving = true;
    kn_conductor_settle_all(c, task);
    if (failed) {
        move->cancel_count = kn_conductor_cancels_of(task, &move->cancels);
    }
    move->records = kn_realloc_array(NULL, (size_t)task->part_count + 1, sizeof(*move->records));
    kn_conductor_engine_advance(task, failed, (int)c->daemon.conf.conductor_tries, &move->change, move->records,
                                &move->record_count);
}

void kn_conductor_admit_moves(struct kn_conductor *c, struct kn_conductor_task *task)
{
    struct kn_conductor_move move = { .task = task, .from_attempt = task->attempt, .change = KN_CHANGE_INIT };

    if (kn_conductor_engine_admit(task, (int)c->daemon.conf.conductor_tries, &move.change)) {
        task->moving = true;
        *new_move(c, task) = move;
    } else {
        kn_conductor_send(c, task);
    }
}

static void task_ended(const struct kn_conductor_task *task)
{
    double took_ms = (double)(kn_now_us() - task->created_at_us) / 1000.0;

    kn_metric_add(&ENDED, 1, task->flow->kind, kn_conductor_task_state_name(task->state));
    kn_metric_observe_ms(&TOOK, took_ms, task->flow->kind, NULL);
    if (task->state == KN_TASK_FAILED) {
        kn_log_request(task->request_id);
        kn_log(KN_WARNING, "task failed", "kind", task->flow->kind, "object", task->object_id, "host", task->home.host,
               "reason", task->error.message, NULL);
        kn_log_request(NULL);
    }
}

/* The move is written: what it leads to goes out. */
static void act(struct kn_conductor *c, struct kn_conductor_move *move)
{
    struct kn_conductor_task *task = move->task;

    task->moving = false;
    if (move->applied) {
        kn_conductor_admit_unhold(c, task->id);
        kn_conductor_cancels_send(c, move->cancels, move->cancel_count);
    }
    if (!move->applied) {
        kn_conductor_forget(c, task); /* somebody else moved it; the sweep loads it again if it is still ours */
    } else if (task->state == KN_TASK_DONE || task->state == KN_TASK_FAILED) {
        task_ended(task);
        kn_conductor_forget(c, task);
    } else {
        task->deadline_ms = kn_mono_ms() + c->daemon.conf.conductor_step_timeout_s * 1000;
        kn_conductor_send(c, task);
    }
}

static void drop_moves(struct kn_conductor *c)
{
    for (int i = 0; i < c->move_count; i++) {
        kn_conductor_move_release(&c->moves[i]);
    }
    c->move_count = 0;
}

static int write_some(struct kn_conductor *c, struct kn_conductor_move *moves, int count, struct kn_error *err)
{
    return kn_conductor_store_write(c->daemon.db, &c->shards, moves, count, c->daemon.conf.conductor_step_timeout_s,
                                    c->daemon.conf.history_messages_days, err);
}

/* The task is told what its values did: it is taken back; else ended, with a word in its object; else ended. */
static void loop_give_way(struct kn_conductor_move *move, int tries, const struct kn_error *why)
{
    kn_conductor_change_release(&move->change);
    move->change = (struct kn_conductor_change)KN_CHANGE_INIT;
    move->record_count = 0;
    if (tries < 2) {
        kn_conductor_engine_unwritable(move->task, tries > 0, why, &move->change);
    }
}

static int write_alone(struct kn_conductor *c, struct kn_conductor_move *move, struct kn_error *err)
{
    for (int tries = 0; tries <= 3; tries++) {
        struct kn_error why = { 0 };

        if (write_some(c, move, 1, &why) == 0) {
            return 0;
        }
        if (!kn_db_values_at_fault(c->daemon.db)) {
            *err = why;
            return -1;
        }
        kn_log_request(move->task->request_id);
        kn_log_error("what a task came to cannot be written", &why);
        kn_log_request(NULL);
        loop_give_way(move, tries, &why);
    }
    move->applied = false; /* not even its end: it stays open, and the audit names it */
    kn_conductor_admit_hold(c, move->task->id);
    return 0;
}

/* Values that the database will never take are one task's affair: then each is written alone, and that one ends with the reason. */
static int write_moves(struct kn_conductor *c, struct kn_error *err)
{
    struct kn_error why = { 0 };

    if (c->move_count == 0) {
        return 0;
    }
    if (write_some(c, c->moves, c->move_count, &why) < 0) {
        if (!kn_db_values_at_fault(c->daemon.db)) {
            *err = why;
            return -1;
        }
        for (int i = 0; i < c->move_count; i++) {
            if (write_alone(c, &c->moves[i], err) < 0) {
                return -1;
            }
        }
    }
    kn_bus_gather(c->daemon.bus);
    for (int i = 0; i < c->move_count; i++) {
        act(c, &c->moves[i]);
    }
    kn_bus_depart(c->daemon.bus);
    drop_moves(c);
    return 0;
}

/* --- messages ------------------------------------------------------------------------------------------------------------- */

/* An answer that does not end the row: a part is done, or it was refused and is asked for again after a pause. */
static void note_answer(struct kn_conductor *c, struct kn_conductor_task *task, const struct kn_message *reply)
{
    bool is_done = task->parts[reply->part].state == KN_PART_DONE;

    if (!is_done && task->refusals == 0) {
        return;
    }
    kn_conductor_settle(c, task, &task->parts[reply->part]);
    if (!is_done) {
        kn_log_error("what must be done is asked for again", &reply->error);
        task->deadline_ms = kn_mono_ms() + kn_conductor_engine_pause_ms(task);
    }
}

static void on_reply(struct kn_conductor *c, const struct kn_message *reply)
{
    struct kn_conductor_task *task = kn_conductor_task_find(c, reply->task);
    struct kn_error why = { 0 };
    enum kn_conductor_verdict_of_row verdict;

    if (task == NULL) {
        return; /* ended, or not ours any more */
    }
    if (!kn_conductor_engine_answers(task, reply, &why)) {
        kn_daemon_bury(&c->daemon, reply, &why);
        return;
    }
    verdict = kn_conductor_engine_reply(task, reply);
    if (verdict == KN_ROW_WAITS || verdict == KN_ROW_ENDED) {
        kn_conductor_answers_keep(c, task, reply->part, reply->ok ? reply->result : NULL);
    }
    switch (verdict) {
    case KN_ROW_IGNORED:
    case KN_ROW_AGAIN:
        break;
    case KN_ROW_WAITS:
        note_answer(c, task, reply);
        break;
    case KN_ROW_ENDED:
    case KN_ROW_FAILED:
        kn_conductor_move_on(c, task, verdict == KN_ROW_FAILED);
        break;
    }
}

/* What works on may be wrong about it, as an answer may. What it says is written at the end of this turn, unless that was done just now. */
static void on_working(struct kn_conductor *c, const struct kn_message *working)
{
    struct kn_conductor_task *task = kn_conductor_task_find(c, working->task);
    const int told = task != NULL ? task->progress : 0;
    struct kn_error why = { 0 };

    if (task == NULL || task->moving) {
        return;
    }
    if (!kn_conductor_engine_answers(task, working, &why)) {
        kn_daemon_bury(&c->daemon, working, &why);
        return;
    }
    if (!kn_conductor_engine_working(task, working, kn_now_us(), c->daemon.conf.conductor_work_limit_s * 1000000)) {
        return;
    }
    task->deadline_ms = kn_mono_ms() + c->daemon.conf.conductor_step_timeout_s * 1000;
    if (task->progress != told || task->worked_ms == 0 || kn_mono_ms() - task->worked_ms > WORKED_EVERY_MS) {
        task->worked = true;
        c->working = true;
    }
}

/* So that whoever shows it, or takes the task over, knows; one whose move is under way says so itself. */
static int write_working(struct kn_conductor *c, struct kn_error *err)
{
    AUTO_FREE struct kn_conductor_task **tasks = c->working ? kn_realloc_array(NULL, kn_hmap_count(c->tasks) + 1,
                                                                               sizeof(struct kn_conductor_task *))
                                                            : NULL;
    const char *key;
    void *value;
    int count = 0;

    for (size_t at = 0; c->working && kn_hmap_next(c->tasks, &at, &key, &value);) {
        struct kn_conductor_task *task = value;

        if (task->worked) {
            task->worked = false;
            task->worked_ms = kn_mono_ms();
            tasks[count++] = task;
        }
    }
    c->working = false;
    return count == 0
               ? 0
               : kn_conductor_store_working(c->daemon.db, tasks, count, c->daemon.conf.conductor_step_timeout_s, err);
}

/* A report that the database will never take is set aside: the next one, and whatever came with it, must not wait for it. */
static int loop_on_report(struct kn_conductor *c, const struct kn_message *report, struct kn_error *err)
{
    struct kn_error why = { 0 };

    if (kn_conductor_report(c, report, &why) == 0) {
        return 0;
    }
    if (kn_db_values_at_fault(c->daemon.db)) {
        kn_daemon_bury(&c->daemon, report, &why);
        return 0;
    }
    *err = why;
    return -1;
}

static int on_message(struct kn_conductor *c, const struct kn_message *message, struct kn_error *err)
{
    if (message->is_reply) {
        on_reply(c, message);
        return 0;
    }
    if (strcmp(message->type->name, "working") == 0) {
        on_working(c, message);
        return 0;
    }
    if (strcmp(message->type->name, "task.wake") == 0) {
        kn_conductor_admit_want(c, message->task);
        return 0;
    }
    return strcmp(message->type->topic, KN_TOPIC_REPORT) == 0 ? loop_on_report(c, message, err) : 0;
}

static int loop_take_batch(struct kn_conductor *c, struct kn_error *err)
{
    static struct kn_bus_message raw[BATCH];
    int wait_ms = c->wanted_count > 0 || c->move_count > 0 ? 0 : 200;
    int count = kn_bus_poll(c->reader, raw, BATCH, wait_ms);
    int result = 0;

    for (int i = 0; i < count; i++) {
        struct kn_message message = { 0 };
        struct kn_error why = { 0 };

        if (kn_bus_hear(c->daemon.bus, &raw[i], &message, &why) < 0) {
            kn_daemon_dead(&c->daemon, &raw[i], &why);
        } else if (result == 0) {
            result = on_message(c, &message, err);
        }
        kn_message_release(&message);
        kn_bus_message_done(&raw[i]);
    }
    return result;
}

/* --- shards --------------------------------------------------------------------------------------------------------------- */

/* Reads the partitions of the shards that it has; a shard that came is swept at once, one that went is forgotten. */
static int follow_shards(struct kn_conductor *c, struct kn_error *err)
{
    for (int i = 0; i < KN_SHARDS; i++) {
        if (c->shards.mine[i] == c->assigned[i]) {
            continue;
        }
        if (c->shards.mine[i]) {
            if (kn_bus_assign(c->reader, KN_TOPIC_TASK, i, err) < 0 ||
                kn_bus_assign(c->reader, KN_TOPIC_REPLY, i, err) < 0) {
                return -1;
            }
            c->next_sweep_ms = 0;
        } else {
            kn_conductor_forget_shard(c, i);
            if (kn_bus_unassign(c->reader, KN_TOPIC_TASK, i, err) < 0 ||
                kn_bus_unassign(c->reader, KN_TOPIC_REPLY, i, err) < 0) {
                return -1;
            }
        }
        c->assigned[i] = c->shards.mine[i];
    }
    return 0;
}

/*
 * All answers come to one partition, because Kafka is asked once a partition and answers one request after the other: a batch of
 * answers is one request then, not sixteen. Who answers knows nothing of it: a command names the partition of its answer. When
 * the home went to another conductor, what is open is sent again, from the new home.
 */
static int settle_home(struct kn_conductor *c, struct kn_error *err)
{
    const int before = c->home;

    if (before >= 0 && c->assigned[before]) {
        return 0;
    }
    c->home = -1;
    for (int i = 0; i < KN_SHARDS && c->home < 0; i++) {
        c->home = c->assigned[i] ? i : -1;
    }
    return before >= 0 && c->home >= 0 ? kn_conductor_send_all_again(c, err) : 0;
}

/* --- timers --------------------------------------------------------------------------------------------------------------- */

static int lease(struct kn_conductor *c, struct kn_error *err)
{
    if (kn_daemon_heartbeat(&c->daemon, err) < 0 || kn_conductor_shards_renew(&c->shards, c->daemon.db, err) < 0) {
        return -1;
    }
    if (follow_shards(c, err) < 0) {
        return -1;
    }
    return settle_home(c, err);
}

static int beat(struct kn_conductor *c, struct kn_error *err)
{
    struct kn_message message;
    int result;

    kn_message_init(&message, "service.heartbeat",
                    json_pack("{s:s, s:s}", "topic", KN_TOPIC_TASK, "boot", c->daemon.id));
    message.seq = kn_mono_us();
    result = kn_daemon_send(&c->daemon, KN_TOPIC_REPORT, 0, &message, err);
    kn_message_release(&message);
    return result;
}

static bool loop_due(int64_t *next_ms, int64_t every_ms)
{
    int64_t now = kn_mono_ms();

    if (now < *next_ms) {
        return false;
    }
    *next_ms = now + every_ms;
    return true;
}

/* Only whoever has the first shard prunes. What fails is tried again; a lost database shows at the next statement. */
static void prune(struct kn_conductor *c)
{
    struct kn_error err = { 0 };
    bool more = false;

    if (!c->shards.mine[0] || !loop_due(&c->next_prune_ms, PRUNE_EVERY_MS)) {
        return;
    }
    if (kn_conductor_history_prune(c->daemon.db, &c->daemon.conf, &more, &err) < 0) {
        kn_log_error("prune history", &err);
    } else if (more) {
        c->next_prune_ms = kn_mono_ms() + PRUNE_NEXT_MS;
    }
}

/* So does what is due by time alone. */
static void loop_wish_due(struct kn_conductor *c)
{
    struct kn_error err = { 0 };
    bool more = false;

    if (!c->shards.mine[0] || !loop_due(&c->next_due_ms, DUE_EVERY_MS)) {
        return;
    }
    if (kn_conductor_due_wish(c->daemon.db, &c->daemon.conf, &more, &err) < 0) {
        kn_log_error("wish what is due", &err);
    } else if (more) {
        c->next_due_ms = kn_mono_ms() + PRUNE_NEXT_MS;
    }
}

/* Its own heartbeats do not come back: then nothing else comes either. */
static void loop_check_hearing(struct kn_conductor *c)
{
    struct kn_error why = { 0 };

    if (c->bus_heard_ms == 0 || kn_mono_ms() - c->bus_heard_ms < DEAF_MS) {
        kn_daemon_stuck(&c->daemon, KN_STUCK_BUS, NULL);
        return;
    }
    kn_fail(&why, KN_UNAVAILABLE, "hears nothing on %s, not even itself", KN_TOPIC_REPORT);
    if (kn_daemon_stuck(&c->daemon, KN_STUCK_BUS, &why)) {
        kn_log_error("stuck", &why);
    }
}

static int loop_run_timers(struct kn_conductor *c, struct kn_error *err)
{
    struct kn_error ignored = { 0 };
    bool room = (int64_t)kn_hmap_count(c->tasks) * 2 < c->daemon.conf.conductor_max_in_flight;

    if (loop_due(&c->next_heartbeat_ms, HEARTBEAT_EVERY_MS)) {
        beat(c, &ignored); /* a bus that does not take it is what its absence shows */
    }
    loop_check_hearing(c);
    if (loop_due(&c->next_lease_ms, LEASE_EVERY_MS) && lease(c, err) < 0) {
        return -1;
    }
    if (kn_bus_epoch(c->daemon.bus) != c->bus_epoch && kn_conductor_bus_forgot(c, err) < 0) {
        return -1;
    }
    if (((c->backlog && room) || loop_due(&c->next_sweep_ms, SWEEP_EVERY_MS)) && kn_conductor_sweep(c, err) < 0) {
        return -1;
    }
    prune(c);
    loop_wish_due(c);
    return loop_due(&c->next_check_ms, CHECK_EVERY_MS) ? kn_conductor_check_deadlines(c, err) : 0;
}

/* --- the loop ------------------------------------------------------------------------------------------------------------- */

static int turn(struct kn_conductor *c, struct kn_error *err)
{
    /* The timers may take shards and their tasks away, so no move may be left then. */
    if (loop_take_batch(c, err) < 0 || write_moves(c, err) < 0 || loop_run_timers(c, err) < 0 ||
        write_moves(c, err) < 0) {
        return -1;
    }
    if (write_working(c, err) < 0) {
        return -1;
    }
    kn_conductor_send_waiting(c);
    return kn_conductor_admit(c, err) < 0 ? -1 : write_moves(c, err);
}

void kn_conductor_run(struct kn_conductor *c)
{
    atomic_store(&c->daemon.ready, true);
    while (!atomic_load(&c->daemon.stopping)) {
        struct kn_error err = { 0 };

        if (turn(c, &err) == 0) {
            if (kn_mono_ms() - c->failed_ms > STUCK_FOR_MS) {
                kn_daemon_stuck(&c->daemon, KN_STUCK_WORK, NULL);
                c->daemon.progress_ms = kn_mono_ms();
            }
            continue;
        }
        c->failed_ms = kn_mono_ms();
        kn_daemon_stuck(&c->daemon, KN_STUCK_WORK, &err);
        kn_log_error("conductor", &err);
        drop_moves(c);
        kn_conductor_forget_all(c);
        while (!atomic_load(&c->daemon.stopping) && kn_db_connect(c->daemon.db, 1000, &err) < 0) {
            /* the shards stay leased until the lease ends; others may take them */
        }
    }
}

static void free_task(void *task)
{
    kn_conductor_task_free(task);
}

int kn_conductor_start(struct kn_conductor *c, int argc, char **argv, struct kn_error *err)
{
    if (kn_conductor_flows_check(err) < 0 || kn_daemon_init(&c->daemon, "conductor", argc, argv, NULL, true, err) < 0 ||
        kn_bus_reader_new(c->daemon.bus, &c->reader, err) < 0 ||
        kn_bus_ensure_topic(c->daemon.bus, KN_TOPIC_TASK, KN_SHARDS, 30000, err) < 0 ||
        kn_bus_ensure_topic(c->daemon.bus, KN_TOPIC_REPLY, KN_SHARDS, 30000, err) < 0 ||
        kn_bus_ensure_topic(c->daemon.bus, KN_TOPIC_REPORT, 1, 30000, err) < 0 ||
        kn_conductor_reports_start(c, err) < 0 || kn_bus_assign(c->reader, KN_TOPIC_REPORT, 0, err) < 0) {
        return -1;
    }
    c->tasks = kn_hmap_new(free_task);
    c->waiting = kn_hmap_new(free);
    c->answers = kn_hmap_new(kn_conductor_answer_free);
    c->in_flight = kn_hmap_new(free);
    c->held = kn_hmap_new(free);
    c->home = -1;
    c->failed_ms = -STUCK_FOR_MS;
    c->bus_epoch = kn_bus_epoch(c->daemon.bus);
    kn_conductor_shards_init(&c->shards, c->daemon.host, c->daemon.id, c->daemon.conf.conductor_lease_ms);
    return kn_conductor_shards_reclaim(&c->shards, c->daemon.db, err);
}

void kn_conductor_stop(struct kn_conductor *c)
{
    struct kn_error err = { 0 };

    if (c->tasks != NULL) {
        kn_conductor_forget_all(c);
        if (kn_conductor_shards_release(&c->shards, c->daemon.db, &err) < 0) {
            kn_log_error("give up shards", &err);
        }
        kn_hmap_free(c->tasks);
        kn_hmap_free(c->waiting);
        kn_hmap_free(c->answers);
        kn_hmap_free(c->in_flight);
        kn_hmap_free(c->held);
    }
    kn_hmap_free(c->said);
    kn_bus_reader_free(c->reader);
    kn_daemon_release(&c->daemon);
    free(c->wanted);
    free(c->moves);
}
