/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One task in memory: read from its row, asked for what its commands need. It decides nothing (engine.c) and writes
 * nothing (store.c).
 */
#include "conductor/store/task.h"

#include <string.h>

#include "conductor/flows/context.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

const char *kn_conductor_task_state_name(enum kn_conductor_task_state state)
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
static void read_error(struct kn_conductor_task *task, const char *text)
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
static void take_request_id(struct kn_conductor_task *task, const char *text)
{
    if (kn_request_id_valid(text)) {
        kn_copy(task->request_id, sizeof(task->request_id), text);
        return;
    }
    kn_request_id_make(task->request_id);
    kn_log_request(task->request_id);
    kn_log(KN_WARNING, "a task's request id is none: it goes by another", "kind", task->flow->kind, "object",
           task->object_id, "was", text, NULL);
    kn_log_request(NULL);
}

static void read_places(struct kn_conductor_task *task, const char *home, const char *dest)
{
    json_t *places[] = { home == NULL ? NULL : json_loads(home, 0, NULL),
                         dest == NULL ? NULL : json_loads(dest, 0, NULL) };

    task->at_home = places[0] != NULL;
    kn_conductor_place_read(&task->home, places[0]);
    kn_conductor_place_read(&task->dest, places[1]);
    json_decref(places[0]);
    json_decref(places[1]);
}

int kn_conductor_task_from_row(const struct kn_rows *rows, int row, struct kn_conductor_task **ret_task,
                               struct kn_error *err)
{
    const struct kn_conductor_flow *flow = kn_conductor_flow(kn_rows_text(rows, row, KN_TASK_KIND));
    struct kn_conductor_task *task;

    if (flow == NULL) {
        return kn_fail(err, KN_INTERNAL, "task %s has the unknown kind \"%s\"", kn_rows_text(rows, row, KN_TASK_ID),
                       kn_rows_text(rows, row, KN_TASK_KIND));
    }
    if (kn_rows_int(rows, row, KN_TASK_STEP) < 0 || kn_rows_int(rows, row, KN_TASK_STEP) >= flow->row_count) {
        return kn_fail(err, KN_INTERNAL, "task %s stands at step %s, its flow \"%s\" has %d",
                       kn_rows_text(rows, row, KN_TASK_ID), kn_rows_text(rows, row, KN_TASK_STEP), flow->kind,
                       flow->row_count);
    }
    task = KN_NEW(struct kn_conductor_task);
    task->id = kn_rows_int(rows, row, KN_TASK_ID);
    task->flow = flow;
    task->shard = (int)kn_rows_int(rows, row, KN_TASK_SHARD);
    kn_copy(task->object_id, sizeof(task->object_id), kn_rows_text(rows, row, KN_TASK_OBJECT));
    kn_copy(task->project_id, sizeof(task->project_id), kn_rows_text(rows, row, KN_TASK_PROJECT));
    kn_copy(task->user_id, sizeof(task->user_id), kn_rows_text(rows, row, KN_TASK_USER));
    take_request_id(task, kn_rows_text(rows, row, KN_TASK_REQUEST));
    task->state = strcmp(kn_rows_text(rows, row, KN_TASK_STATE), "undo") == 0 ? KN_TASK_UNDO : KN_TASK_RUN;
    task->step = (int)kn_rows_int(rows, row, KN_TASK_STEP);
    task->attempt = (int)kn_rows_int(rows, row, KN_TASK_ATTEMPT);
    task->input = json_cell(rows, row, KN_TASK_INPUT);
    task->context = json_cell(rows, row, KN_TASK_CONTEXT);
    read_error(task, kn_rows_str(rows, row, KN_TASK_ERROR));
    task->created_at_us = kn_rows_int(rows, row, KN_TASK_CREATED_US);
    read_places(task, kn_rows_str(rows, row, KN_TASK_HOME), kn_rows_str(rows, row, KN_TASK_DEST));
    task->working_since_us = kn_rows_int(rows, row, KN_TASK_WORKING_US);
    task->progress = (int)kn_rows_int(rows, row, KN_TASK_PROGRESS);
    *ret_task = task;
    return 0;
}

void kn_conductor_task_free(struct kn_conductor_task *task)
{
    if (task != NULL) {
        json_decref(task->input);
        json_decref(task->context);
        json_decref(task->object);
        free(task->parts);
        free(task);
    }
}

/* --- places ------------------------------------------------------------------------------------------------------------- */

void kn_conductor_place_read(struct kn_conductor_place *place, const json_t *from)
{
    kn_copy(place->host, sizeof(place->host), kn_json_str(from, "host"));
    kn_copy(place->agent, sizeof(place->agent), kn_json_str(from, "agent"));
    place->generation = kn_json_int(from, "generation");
}

json_t *kn_conductor_place_json(const struct kn_conductor_place *place)
{
    return json_pack("{s:s, s:s, s:I}", "host", place->host, "agent", place->agent, "generation",
                     (json_int_t)place->generation);
}

void kn_conductor_place_take(struct kn_conductor_place *place, const json_t *claim)
{
    kn_copy(place->host, sizeof(place->host), kn_json_str(claim, "host"));
    kn_copy(place->agent, sizeof(place->agent), kn_json_str(claim, "agent"));
}

void kn_conductor_task_settle(struct kn_conductor_task *task)
{
    kn_conductor_find_again(task);
    if (!task->at_home) {
        kn_conductor_place_read(&task->home, task->flow->told_home ? task->input : task->object);
        task->at_home = true;
    }
    if (task->flow->supersedes && task->dest.host[0] != '\0') {
        task->dest.generation = task->home.generation; /* it was a move's; what ends the move is above it */
    } else if (task->dest.generation == 0) {
        task->dest.generation = task->home.generation + 1;
    }
}

const struct kn_conductor_place *kn_conductor_task_place(const struct kn_conductor_task *task,
                                                         const struct kn_conductor_flow_part *part)
{
    return part->to == KN_TO_DEST || part->about_dest ? &task->dest : &task->home;
}

int kn_conductor_task_tries(const struct kn_conductor_task *task)
{
    return (int)kn_conductor_found_int(task, "tries");
}
