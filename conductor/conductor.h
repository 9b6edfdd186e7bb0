/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conductor: one process that walks the tasks of the shards it leases. One thread does it all: take what is there, decide (engine.c), write in
 * ONE transaction (store.c), then send (send.c). The database comes before the bus, always: what is sent is what was committed.
 *
 *   loop.c      the batch: messages in, moves out; timers
 *   admit.c     tasks into memory: by wake-up, by sweep, by taking over a shard
 *   send.c      commands out, never more on a host than it may have
 *   answers.c   what one was answered a moment ago, for others who would ask the same
 *   reports.c   agents and services say hello, guests change by themselves
 *
 * After any error of the database the conductor forgets every task and loads them again: memory is only a cache of the rows. Only values that the
 * database will never take are no such error: they end the task that came to them, or set aside the report that brought them (loop.c).
 */
#ifndef KN_CONDUCTOR_CONDUCTOR_H
#define KN_CONDUCTOR_CONDUCTOR_H

#include "conductor/store/shards.h"
#include "conductor/store/store.h"
#include "conductor/store/task.h"
#include "lib/adapter/bus.h"
#include "lib/adapter/daemon.h"
#include "lib/base/hmap.h"

struct kn_conductor {
    struct kn_daemon daemon;
    struct kn_bus_reader *reader;
    struct kn_conductor_shards shards;
    bool assigned[KN_SHARDS];     /* whose partitions are read */
    int home;                     /* the shard whose partition of kn.reply all answers come to; -1: none yet */
    struct kn_hmap *tasks;        /* id as text -> struct kn_conductor_task */
    struct kn_hmap *waiting;      /* object id -> int64_t *: a task to load when the object's current one ends */
    struct kn_hmap *
        held; /* task id as text -> struct kn_conductor_hold: what cannot be written is not tried again before its time */
    struct kn_hmap *said; /* agent id -> int64_t *: the number of its newest report */
    struct kn_hmap *answers; /* question as text -> struct kn_conductor_answer: what is anybody's */
    struct kn_hmap *in_flight; /* host -> int *: commands without an answer */
    int64_t *wanted; /* ids to admit */
    int wanted_count, wanted_size;
    struct kn_conductor_move *moves; /* of this batch */
    int move_count, move_size;
    bool working; /* some task's work said that it goes on: to be written */
    bool full_host; /* some part waits for its host */
    bool backlog; /* wake-ups were dropped because memory is full: sweep as soon as there is room */
    int64_t bus_epoch;
    int64_t bus_alive_since_ms; /* monotonic: since when our own heartbeats come back without a gap */
    int64_t bus_heard_ms;
    int64_t failed_ms; /* monotonic: the last turn that failed */
    int64_t bus_heard_seq; /* of our own heartbeats */
    int64_t next_lease_ms, next_sweep_ms, next_check_ms, next_heartbeat_ms, next_prune_ms, next_due_ms;
};

int kn_conductor_start(struct kn_conductor *c, int argc, char **argv, struct kn_error *err);
void kn_conductor_run(struct kn_conductor *c);
void kn_conductor_stop(struct kn_conductor *c);

/* --- admit.c */
void kn_conductor_admit_want(struct kn_conductor *c, int64_t task);
/* Not even the task's end can be written: it stays open, and is wanted again after a pause that doubles each time, up to five minutes. */
void kn_conductor_admit_hold(struct kn_conductor *c, int64_t task);
/* It could be. */
void kn_conductor_admit_unhold(struct kn_conductor *c, int64_t task);
/* Loads what is wanted, as far as there is room, and puts its first move (if any) among the moves. */
int kn_conductor_admit(struct kn_conductor *c, struct kn_error *err);
/* Finds open tasks that nobody woke us for. */
int kn_conductor_sweep(struct kn_conductor *c, struct kn_error *err);
struct kn_conductor_task *kn_conductor_task_find(const struct kn_conductor *c, int64_t id);
/* The task leaves memory; whoever waited for its object is wanted. */
void kn_conductor_forget(struct kn_conductor *c, struct kn_conductor_task *task);
void kn_conductor_forget_shard(struct kn_conductor *c, int shard);
void kn_conductor_forget_all(struct kn_conductor *c);

/* --- send.c */
/* Sends every part of the task that has not been sent and whose host has room. */
void kn_conductor_send(struct kn_conductor *c, struct kn_conductor_task *task);
/* What has no answer is to go out again: on this topic, NULL for all. Then kn_conductor_send_confirmed() sends it. */
void kn_conductor_ask_again(struct kn_conductor_task *task, const char *topic);
/* Sends what is to go out again, as far as the database still knows it so; the rest leaves memory. */
int kn_conductor_send_confirmed(struct kn_conductor *c, struct kn_error *err);
/* What ends those commands of the task that are in flight; taken before it moves on, sent when that is written. How many; kn_conductor_cancels_free() frees them. */
int kn_conductor_cancels_of(const struct kn_conductor_task *task, struct kn_conductor_cancel **ret_cancels);
void kn_conductor_cancels_send(struct kn_conductor *c, const struct kn_conductor_cancel *cancels, int count);
/* Hosts got room: tries the parts that wait for one. */
void kn_conductor_send_waiting(struct kn_conductor *c);
/* The part counts no longer among those in flight on its host. */
void kn_conductor_settle(struct kn_conductor *c, struct kn_conductor_task *task, struct kn_conductor_part *part);
void kn_conductor_settle_all(struct kn_conductor *c, struct kn_conductor_task *task);

/* --- answers.c */
/* An answer that is anybody's: kept for those who ask the same soon. */
void kn_conductor_answers_keep(struct kn_conductor *c, const struct kn_conductor_task *task, int part, json_t *answer);
/* Whether a fresh one is there for this part; then the part is done. */
bool kn_conductor_answers_take(struct kn_conductor *c, struct kn_conductor_task *task, int part);
void kn_conductor_answer_free(void *answer);

/* --- loop.c */
/* Moves the task on and puts the move into this batch. */
void kn_conductor_move_on(struct kn_conductor *c, struct kn_conductor_task *task, bool failed);
/* A task that was just loaded: plans its row; what it must not wait for becomes a move, the rest is sent. */
void kn_conductor_admit_moves(struct kn_conductor *c, struct kn_conductor_task *task);

/* --- reports.c */
int kn_conductor_report(struct kn_conductor *c, const struct kn_message *report, struct kn_error *err);
/* What agents said before this process listened: before it does. */
int kn_conductor_reports_start(struct kn_conductor *c, struct kn_error *err);
/* Everything that has no answer goes out once more. */
int kn_conductor_send_all_again(struct kn_conductor *c, struct kn_error *err);
/* The bus forgot: everything open is sent again. */
int kn_conductor_bus_forgot(struct kn_conductor *c, struct kn_error *err);
/* Tasks whose deadline passed or whose agent is silent. */
int kn_conductor_check_deadlines(struct kn_conductor *c, struct kn_error *err);

#endif
