/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store: the rows of task. Moves of many tasks are written in ONE transaction with what they make of their objects, guarded
 * by the shard's epoch and the task's attempt: a move that somebody else made first changes nothing.
 */
#ifndef KN_CONDUCTOR_STORE_STORE_H
#define KN_CONDUCTOR_STORE_STORE_H

#include "conductor/engine/engine.h"
#include "conductor/store/change.h"
#include "conductor/store/shards.h"
#include "conductor/store/task.h"

/* Ends a command that is in flight. */
struct kn_conductor_cancel {
    char topic[KN_TOPIC_SIZE];
    struct kn_message message;
};
void kn_conductor_cancels_free(struct kn_conductor_cancel *cancels, int count);

struct kn_conductor_move {
    struct kn_conductor_task *task;        /* borrowed; already stands where it moves to */
    int from_attempt;
    struct kn_conductor_change change;
    struct kn_conductor_step_record *records;
    int record_count;
    struct kn_conductor_cancel
        *cancels;   /* for what is in flight and not wanted any more: they go out when the move is written */
    int cancel_count;
    bool applied;                /* filled by kn_conductor_store_write */
};

void kn_conductor_move_release(struct kn_conductor_move *move);

/*
 * Writes the moves. Tasks that were not applied (lost shard, somebody was faster) have applied = false and nothing of theirs is written.
 * step_timeout_s: the deadline of the rows they moved to. messages_days: how long owners are told of failures (failure.h).
 */
int kn_conductor_store_write(struct kn_db *db, const struct kn_conductor_shards *shards,
                             struct kn_conductor_move *moves, int count, int64_t step_timeout_s, int64_t messages_days,
                             struct kn_error *err);
enum { KN_CURRENT_TASK, KN_CURRENT_ATTEMPT };
/* (id, attempt) of those of the tasks that are still open: what is sent again is held against it first. */
int kn_conductor_store_current(struct kn_db *db, const char *task_ids, struct kn_rows **ret_rows, struct kn_error *err);
/* The deadlines of tasks whose messages were sent again. */
int kn_conductor_store_touch(struct kn_db *db, const char *task_ids, int64_t step_timeout_s, struct kn_error *err);
/* How far tasks are whose work says that it goes on; their deadlines begin anew. One that moved on since is left alone. */
int kn_conductor_store_working(struct kn_db *db, struct kn_conductor_task *const *tasks, int count,
                               int64_t step_timeout_s, struct kn_error *err);

/* Ids of open tasks of my shards, oldest first, fair between projects. */
int kn_conductor_store_open_ids(struct kn_db *db, const struct kn_conductor_shards *shards, int limit,
                                struct kn_rows **ret_rows, struct kn_error *err);
/* A task that must wait for an older one of its object: behind is the oldest. */
struct kn_conductor_waiting {
    char object_id[KN_UUID_SIZE];
    int64_t task, behind;
};

struct kn_conductor_admission {
    struct kn_conductor_task **tasks; /* the caller takes the tasks out or kn_conductor_admission_release frees them */
    int task_count;
    struct kn_conductor_waiting *waiting;
    int waiting_count;
    struct kn_rows *
        ended; /* ids of the tasks that a deletion ended: whoever has one in memory forgets it before anything is sent; may be NULL */
};

void kn_conductor_admission_release(struct kn_conductor_admission *admission);
/*
 * Loads tasks by id, those only that are open and of my shards, with their objects. Flows that supersede end the cancelled tasks
 * of their objects first and bump the generation.
 */
int kn_conductor_store_admit(struct kn_db *db, const struct kn_conductor_shards *shards, const int64_t *ids, int count,
                             struct kn_conductor_admission *ret, struct kn_error *err);

#endif
