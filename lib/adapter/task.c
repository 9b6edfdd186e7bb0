/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes wishes into `task`, wakes the conductor and waits for the few tasks whose end a caller needs. It must never look at
 * the steps of a task or change one that runs, except for asking it to stop: the conductor alone does that.
 */
#include "lib/adapter/task.h"

#include <time.h>

#include "lib/adapter/batch.h"
#include "lib/base/backoff.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/uuid.h"
#include "lib/domain/message.h"

static struct kn_batch_stmt INSERT = { "task_insert",
    "INSERT INTO task (kind, shard, object_id, project_id, user_id, request_id, input) "
    "SELECT kind, shard, object_id, project_id, user_id, request_id, input FROM @ RETURNING id",
    { { "kind", "text" }, { "shard", "smallint" }, { "object_id", "uuid" }, { "project_id", "text" }, { "user_id", "text" },
      { "request_id", "text" }, { "input", "jsonb" } }, { 0 }, { 0 }, false };
static const struct kn_stmt RECORD = { "task_record",
    "INSERT INTO task (kind, shard, object_id, project_id, user_id, request_id, state, finished_at) "
    "VALUES ($1, $2::smallint, $3, $4, $5, $6, 'done', now())", 6 };
static const struct kn_stmt CANCEL = { "task_cancel",
    "UPDATE task SET cancel = true WHERE object_id = $1 AND state IN ('run', 'undo') AND NOT cancel", 1 };
static const struct kn_stmt CURRENT = { "task_current_attempt",
    "SELECT id, attempt FROM task WHERE id = ANY($1::bigint[]) AND state IN ('run', 'undo') ORDER BY id", 1 };
static const struct kn_stmt LOOK = { "task_look", "SELECT state, context, error FROM task WHERE id = $1::bigint", 1 };

static void add_wish(struct kn_batch *batch, const struct kn_task_wish *wish)
{
    AUTO_FREE char *input = wish->input != NULL ? json_dumps(wish->input, JSON_COMPACT) : NULL;

    kn_batch_add(batch, wish->kind);
    kn_batch_addint(batch, kn_shard_of(wish->object_id));
    kn_batch_add(batch, wish->object_id);
    kn_batch_add(batch, wish->project_id);
    kn_batch_add(batch, wish->user_id);
    kn_batch_add(batch, wish->request_id);
    kn_batch_add(batch, input != NULL ? input : "{}");
}

int kn_task_insert_many(struct kn_db *db, const struct kn_task_wish *wishes, int count, int64_t *ret_ids, struct kn_error *err)
{
    AUTO_RELEASE(kn_batch) struct kn_batch batch;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    kn_batch_init(&batch, &INSERT);
    for (int i = 0; i < count; i++) {
        add_wish(&batch, &wishes[i]);
    }
    if (kn_batch_run(&batch, db, &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        ret_ids[i] = kn_rows_int(rows, i, 0);
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
                     KN_ARGS(wish->kind, kn_arg_int(&shard, kn_shard_of(wish->object_id)), wish->object_id, wish->project_id,
                             wish->user_id, wish->request_id),
                     NULL, err);
}

static int64_t attempt_of(const struct kn_rows *rows, int64_t task)
{
    int low = 0, high = kn_rows_count(rows);

    while (low < high) {
        const int mid = low + (high - low) / 2;

        if (kn_rows_int(rows, mid, 0) < task) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low < kn_rows_count(rows) && kn_rows_int(rows, low, 0) == task ? kn_rows_int(rows, low, 1) : -1;
}

int kn_task_sift(struct kn_db *db, struct kn_message *const *commands, int count, bool *ret_current, struct kn_error *err)
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
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_message) struct kn_message wake;
    struct kn_error err = { 0 };

    kn_message_init(&wake, "task.wake", NULL);
    wake.task = id;
    wake.shard = kn_shard_of(object_id);
    if (kn_message_print(&wake, &text, &err) < 0 ||
        kn_bus_send(bus, KN_TOPIC_TASK, wake.shard, text.buf, text.len, &err) < 0) {
        kn_log(KN_DEBUG, "a task was not announced; the sweep finds it", "why", err.message, NULL);
    }
}

static void sleep_ms(int64_t ms)
{
    const struct timespec t = { ms / 1000, (ms % 1000) * 1000000 };

    nanosleep(&t, NULL);
}

/* 1: it has ended, *rows says how; 0: not yet; -1: err. */
static int look(struct kn_db *db, int64_t id, struct kn_rows **rows, struct kn_error *err)
{
    struct kn_arg arg;
    const char *state = NULL;

    if (kn_db_run(db, &LOOK, KN_ARGS(kn_arg_int(&arg, id)), rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(*rows) == 0) {
        return kn_fail(err, KN_INTERNAL, "task %lld is gone", (long long)id);
    }
    state = kn_rows_text(*rows, 0, 0);
    return state[0] == 'd' || state[0] == 'f'; /* done, failed; the others are run and undo */
}

static int outcome(const struct kn_rows *rows, json_t **ret_context, struct kn_error *err)
{
    json_t *error = NULL;

    if (kn_rows_text(rows, 0, 0)[0] == 'd') {
        *ret_context = json_loads(kn_rows_text(rows, 0, 1), 0, NULL);
        return 0;
    }
    error = json_loads(kn_rows_text(rows, 0, 2), 0, NULL);
    kn_fail(err, kn_code_from_name(kn_json_str(error, "code")), "%s", kn_json_str(error, "message"));
    json_decref(error);
    return -1;
}

int kn_task_wait(struct kn_db *db, int64_t id, int64_t wait_ms, json_t **ret_context, struct kn_error *err)
{
    struct kn_backoff pause = { 4, 100, 0 };
    int64_t until = kn_mono_ms() + wait_ms;

    for (;;) {
        AUTO(kn_rows) struct kn_rows *rows = NULL;
        int ended = look(db, id, &rows, err);

        if (ended < 0) {
            return -1;
        }
        if (ended > 0) {
            return outcome(rows, ret_context, err);
        }
        if (kn_mono_ms() >= until) {
            return kn_fail(err, KN_TIMEOUT, "the answer did not come within %lld s", (long long)(wait_ms / 1000));
        }
        sleep_ms(kn_backoff_next(&pause, (uint32_t)id * 2654435761U));
    }
}
