/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One task in memory: read from its row, asked for what its commands need. It decides nothing (engine.c) and writes
 * nothing (store.c).
 */
#include "conductor/store/task.h"

#include <string.h>

#include "lib/base/log.h"
#include "lib/base/mem.h"

const char *kn_task_state_name(enum kn_task_state state)
{
    static const char *const names[] = {
        [KN_TASK_RUN] = "run", [KN_TASK_UNDO] = "undo", [KN_TASK_DONE] = "done", [KN_TASK_FAILED] = "failed"
    };
    _Static_assert(KN_COUNT(names) == KN_TASK_FAILED + 1, "a name for each state");

    return names[state];
}

static json_t *json_cell(const struct kn_rows *rows, int row, int col)
{
    const char *text = kn_rows_str(rows, row, col);
    json_t *value = text == NULL ? NULL : json_loads(text, JSON_DECODE_ANY, NULL);

    return value == NULL ? json_object() : value;
}

/* The failure that an earlier conductor has written down. */
static void read_error(struct kn_task *task, const char *text)
{
    json_t *error = text == NULL ? NULL : json_loads(text, 0, NULL);

    if (error != NULL) {
        task->error.code = kn_code_from_name(kn_json_str(error, "code"));
        kn_copy(task->error.message, sizeof(task->error.message), kn_json_str(error, "message"));
        task->elsewhere = kn_json_bool(error, "elsewhere");
    }
    json_decref(error);
}

/* The API writes valid ones. Whatever else is in a row must not end in commands that nobody can parse: it is replaced, and the log says by what. */
static void take_request_id(struct kn_task *task, const char *text)
{
    if (kn_request_id_valid(text)) {
        kn_copy(task->request_id, sizeof(task->request_id), text);
        return;
    }
    kn_request_id_make(task->request_id);
    kn_log_request(task->request_id);
    kn_log(KN_WARNING, "a task's request id is none: it goes by another", "kind", task->flow->kind, "object", task->object_id, "was", text, NULL);
    kn_log_request(NULL);
}

int kn_task_from_row(const struct kn_rows *rows, int row, struct kn_task **ret_task, struct kn_error *err)
{
    const struct kn_flow *flow = kn_flow(kn_rows_text(rows, row, 1));
    struct kn_task *task;

    if (flow == NULL) {
        return kn_fail(err, KN_INTERNAL, "task %s has the unknown kind \"%s\"", kn_rows_text(rows, row, 0),
                       kn_rows_text(rows, row, 1));
    }
    if (kn_rows_int(rows, row, 8) < 0 || kn_rows_int(rows, row, 8) >= flow->row_count) {
        return kn_fail(err, KN_INTERNAL, "task %s stands at step %s, its flow \"%s\" has %d", kn_rows_text(rows, row, 0),
                       kn_rows_text(rows, row, 8), flow->kind, flow->row_count);
    }
    task = KN_NEW(struct kn_task);
    task->id = kn_rows_int(rows, row, 0);
    task->flow = flow;
    task->shard = (int)kn_rows_int(rows, row, 2);
    kn_copy(task->object_id, sizeof(task->object_id), kn_rows_text(rows, row, 3));
    kn_copy(task->project_id, sizeof(task->project_id), kn_rows_text(rows, row, 4));
    kn_copy(task->user_id, sizeof(task->user_id), kn_rows_text(rows, row, 5));
    take_request_id(task, kn_rows_text(rows, row, 6));
    task->state = strcmp(kn_rows_text(rows, row, 7), "undo") == 0 ? KN_TASK_UNDO : KN_TASK_RUN;
    task->step = (int)kn_rows_int(rows, row, 8);
    task->attempt = (int)kn_rows_int(rows, row, 9);
    task->input = json_cell(rows, row, 10);
    task->context = json_cell(rows, row, 11);
    read_error(task, kn_rows_str(rows, row, 12));
    task->created_at_us = kn_rows_int(rows, row, 13);
    *ret_task = task;
    return 0;
}

void kn_task_free(struct kn_task *task)
{
    if (task != NULL) {
        json_decref(task->input);
        json_decref(task->context);
        json_decref(task->object);
        free(task->parts);
        free(task);
    }
}

/* Looked for in the order: told by the wish, found out by a step, written in the object's row. */
static const char *told_found_or_written(const struct kn_task *task, bool told, const char *key)
{
    const char *text = told ? kn_json_str(task->input, key) : "";

    if (*text == '\0') {
        text = kn_json_str(task->context, key);
    }
    return *text == '\0' ? kn_json_str(task->object, key) : text;
}

/* A fence goes to the host it was told, at the generation it was told; in a creation "host" is only a wish to the scheduler. */
static bool is_fence(const struct kn_task *task)
{
    return json_object_get(task->input, "generation") != NULL;
}

int64_t kn_task_generation(const struct kn_task *task)
{
    return kn_json_int(is_fence(task) ? task->input : task->object, "generation");
}

const char *kn_task_host(const struct kn_task *task)
{
    return told_found_or_written(task, is_fence(task), "host");
}

const char *kn_task_agent(const struct kn_task *task)
{
    return told_found_or_written(task, is_fence(task), "agent");
}

int kn_task_tries(const struct kn_task *task)
{
    return (int)kn_json_int(task->context, "tries");
}
