/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task: how a wish becomes a row. The API writes the object and its task in ONE transaction, then wakes the conductor; a
 * lost wake-up is found by the conductor's sweep. Everything after that is conductor/'s business.
 */
#ifndef KN_ADAPTER_TASK_H
#define KN_ADAPTER_TASK_H

#include <jansson.h>

#include "lib/adapter/bus.h"
#include "lib/adapter/db.h"
#include "lib/domain/message.h"

/* A condition beside ids, in a form that hides the index of open tasks: planners took it, and walked all of it for each id. */
#define KN_TASK_IS_OPEN(state) "CASE WHEN " state " IN ('run', 'undo') THEN true END"

struct kn_task_wish {
    const char *kind; /* a flow's name: "server.create" (conductor/flows/flows.c) */
    const char *object_id;
    const char *project_id;
    const char *user_id;
    const char *request_id;
    json_t *input; /* borrowed; NULL = {}; what it may say: lib/domain/wish.c */
};

/* Inserts the task; call inside the transaction that writes the object. An input that its kind does not declare is refused (KN_INTERNAL). */
int kn_task_insert(struct kn_db *db, const struct kn_task_wish *wish, int64_t *ret_id, struct kn_error *err);
/* The same for many in one statement; ret_ids has `count` places, in the order of the wishes. */
int kn_task_insert_many(struct kn_db *db, const struct kn_task_wish *wishes, int count, int64_t *ret_ids,
                        struct kn_error *err);
/* Writes down what was done at once, without a task: a finished row, for the history of the object. */
int kn_task_record(struct kn_db *db, const struct kn_task_wish *wish, struct kn_error *err);
/*
 * Which commands are of now: their task is open and stands at their attempt. A command is sent after the move that leads to it was
 * committed, so the one that is awaited is always found so; what is repeated, late, or of a task that was superseded is not.
 */
int kn_task_sift(struct kn_db *db, struct kn_message *const *commands, int count, bool *ret_current,
                 struct kn_error *err);
/* Asks the open tasks of an object to stop: their flows undo what they did. Call before inserting the one that supersedes them. */
int kn_task_cancel(struct kn_db *db, const char *object_id, struct kn_error *err);
/* After the commit. Never fails: the sweep repairs. */
void kn_task_wake(struct kn_bus *bus, const char *object_id, int64_t id);

#endif
