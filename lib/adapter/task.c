/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes wishes into `task` and wakes the conductor. It must never look at the steps of a task or change one that runs, except for
 * asking it to stop: the conductor alone does that.
 */
#include "lib/adapter/task.h"

#include <string.h>

#include "lib/adapter/batch.h"
#include "lib/base/log.h"
#include "lib/base/uuid.h"
#include "lib/domain/json_text.h"
#include "lib/domain/message.h"
#include "lib/domain/wish.h"

static struct kn_batch_stmt INSERT = {
    "task_insert",
    "INSERT INTO task (kind, shard, object_id, project_id, user_id, request_id, input) "
    "SELECT kind, shard, object_id, project_id, user_id, request_id, input FROM @ RETURNING id",
    { { "kind", "text" },
      { "shard", "smallint" },
      { "object_id", "uuid" },
      { "project_id", "text" },
      { "user_id", "text" },
      { "request_id", "text" },
      { "input", "jsonb" } },
    { 0 },
    { 0 },
    false
};
static const struct kn_stmt RECORD = {
    "task_record",
    "INSERT INTO task (kind, shard, object_id, project_id, user_id, request_id, state, finished_at) "
    "VALUES ($1, $2::smallint, $3, $4, $5, $6, 'done', now())",
    6
};
static const struct kn_stmt CANCEL = {
    "task_cancel", "UPDATE task SET cancel = true WHERE object_id = $1 AND " KN_TASK_IS_OPEN("state") " AND NOT cancel",
    1
};
static const struct kn_stmt CURRENT = {
    "task_current_attempt",
    "SELECT id, attempt FROM task WHERE id = ANY($1::bigint[]) AND " KN_TASK_IS_OPEN("state") " ORDER BY id", 1
};

enum { CURRENT_TASK, CURRENT_ATTEMPT };

static void add_wish(struct kn_batch *batch, const struct kn_task_wish *wish)
{
    AUTO_FREE char *input = kn_json_text(wish->input);

    kn_batch_add(batch, wish->kind);
    kn_batch_addint(batch, kn_shard_of(wish->object_id));
    kn_batch_add(batch, wish->object_id);
    kn_batch_add(batch, wish->project_id);
    kn_batch_add(batch, wish->user_id);
    kn_batch_add(batch, wish->request_id);
    kn_batch_add(batch, input != NULL ? input : "{}");
}

/* Many servers of one request share their input. */
static int check_wishes(const struct kn_task_wish *wishes, int count, struct kn_error *err)
{
    for (int i = 0; i < count; i++) {
        bool same = i > 0 && wishes[i].input == wishes[i - 1].input && strcmp(wishes[i].kind, wishes[i - 1].kind) == 0;

        if (!same && kn_wish_check(wishes[i].kind, wishes[i].input, err) < 0) {
            return -1;
        }
    }
    return 0;
}

int kn_task_insert_many(struct kn_db *db, const struct kn_task_wish *wishes, int count, int64_t *ret_ids,
                        struct kn_error *err)
{
    AUTO_RELEASE(kn_batch) struct kn_batch batch;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    kn_batch_init(&batch, &INSERT);
    if (check_wishes(wishes, count, err) < 0) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        add_wish(&batch, &wishes[i]);
    }
    if (kn_batch_run(&batch, db, &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        ret_ids[i] = kn_rows_int(rows, i, KN_ONLY);
    }
    return 0;
}

int kn_task_insert(struct kn_db *db, const struct kn_task_wish *wish, int64_t *ret_id, struct kn_error *err)
{
    return kn_task_insert_many(db, wish, 1, ret_id, err);
}

int kn_task_record(struct kn_db *db, const struct kn_task_wish *wish, struct kn_error *err)
{
    struct kn_arg shard;

    return kn_db_run(db, &RECORD,
                     KN_ARGS(wish->kind, kn_arg_int(&shard, kn_shard_of(wish->object_id)), wish->object_id,
                             wish->project_id, wish->user_id, wish->request_id),
                     NULL, err);
}

static int64_t attempt_of(const struct kn_rows *rows, int64_t task)
{
    int low = 0, high = kn_rows_count(rows);

    while (low < high) {
        const int mid = low + (high - low) / 2;

        if (kn_rows_int(rows, mid, CURRENT_TASK) < task) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low < kn_rows_count(rows) && kn_rows_int(rows, low, CURRENT_TASK) == task
               ? kn_rows_int(rows, low, CURRENT_ATTEMPT)
               : -1;
}

int kn_task_sift(struct kn_db *db, struct kn_message *const *commands, int count, bool *ret_current,
                 struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    for (int i = 0; i < count; i++) {
        kn_array_addint(&ids, commands[i]->task);
    }
    if (kn_db_run(db, &CURRENT, KN_ARGS(kn_array_value(&ids)), &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        ret_current[i] = attempt_of(rows, commands[i]->task) == commands[i]->attempt;
    }
    return 0;
}

int kn_task_cancel(struct kn_db *db, const char *object_id, struct kn_error *err)
{
    return kn_db_run(db, &CANCEL, KN_ARGS(object_id), NULL, err);
}

void kn_task_wake(struct kn_bus *bus, const char *object_id, int64_t id)
{
    AUTO_RELEASE(kn_message) struct kn_message wake;
    struct kn_error err = { 0 };

    kn_message_init(&wake, "task.wake", NULL);
    wake.task = id;
    wake.shard = kn_shard_of(object_id);
    if (kn_bus_say(bus, KN_TOPIC_TASK, wake.shard, &wake, &err) < 0) {
        kn_log(KN_DEBUG, "a task was not announced; the sweep finds it", "why", err.message, NULL);
    }
}
