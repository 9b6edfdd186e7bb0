/* SPDX-License-Identifier: Apache-2.0 */
/* The SQL of tasks. It decides nothing: what moves where comes from engine.c, when it is written from loop.c. */
#include "conductor/store/store.h"

#include <stdio.h>
#include <string.h>

#include "conductor/flows/context.h"
#include "conductor/store/failure.h"
#include "conductor/store/objects.h"
#include "conductor/store/story.h"
#include "lib/adapter/batch.h"
#include "lib/adapter/task.h"
#include "lib/base/clock.h"
#include "lib/base/hmap.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/json_text.h"

static struct kn_batch_stmt MOVE = {
    "task_move",
    "UPDATE task t SET state = u.state, step = u.step, attempt = u.attempt, context = u.context, steps = t.steps || u.steps, error = u.error, "
    "home = u.home, dest = u.dest, "
    "working_since = NULL, progress = 0, "
    "deadline = CASE WHEN u.state IN ('run', 'undo') THEN now() + u.timeout_s * interval '1 s' END, "
    "finished_at = CASE WHEN u.state IN ('done', 'failed') THEN now() END "
    "FROM @ WHERE t.id = u.id AND t.attempt = u.from_attempt AND t.state NOT IN ('done', 'failed') RETURNING t.id",
    { { "id", "bigint" },
      { "from_attempt", "int" },
      { "state", "text" },
      { "step", "smallint" },
      { "attempt", "int" },
      { "context", "jsonb" },
      { "steps", "jsonb" },
      { "error", "jsonb" },
      { "timeout_s", "int" },
      { "home", "jsonb" },
      { "dest", "jsonb" } },
    { 0 },
    { 0 },
    false
};

static const struct kn_stmt TOUCH = {
    "task_touch",
    "UPDATE task SET deadline = now() + $2::int * interval '1 s' WHERE id = ANY($1::bigint[]) AND " KN_TASK_IS_OPEN(
        "state"),
    2
};

static struct kn_batch_stmt WORKING = {
    "task_working",
    "UPDATE task t SET deadline = now() + u.timeout_s * interval '1 s', progress = u.progress, working_since = to_timestamp(u.since_us / 1000000.0) "
    "FROM @ WHERE t.id = u.id AND t.attempt = u.attempt AND t.state IN ('run', 'undo')",
    { { "id", "bigint" },
      { "attempt", "int" },
      { "progress", "smallint" },
      { "since_us", "bigint" },
      { "timeout_s", "int" } },
    { 0 },
    { 0 },
    false
};

static const struct kn_stmt CURRENT = {
    "task_current", "SELECT id, attempt FROM task WHERE id = ANY($1::bigint[]) AND " KN_TASK_IS_OPEN("state"), 1
};

static const struct kn_stmt OPEN_IDS = {
    "task_open_ids",
    "SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY project_id ORDER BY id) AS turn FROM task "
    "WHERE shard = ANY($1::smallint[]) AND state IN ('run', 'undo')) t ORDER BY turn, id LIMIT $2::int",
    2
};

/* older: the oldest open task of the same object that stands before this one; beside: kinds that stand in nobody's way. */
static const struct kn_stmt LOAD = {
    "task_load",
    "SELECT " KN_TASK_COLUMNS ", CASE WHEN t.kind = ANY($3::text[]) THEN NULL ELSE "
    "(SELECT min(o.id) FROM task o WHERE o.object_id = t.object_id AND o.id < t.id AND o.kind <> ALL($3::text[]) "
    "AND " KN_TASK_IS_OPEN(
        "o.state") ") END AS older "
                   "FROM task t WHERE t.id = ANY($1::bigint[]) AND t.shard = ANY($2::smallint[]) AND " KN_TASK_IS_OPEN(
                       "t.state") " ORDER BY t.id",
    3
};

/* The destination of a move that it ends is the superseding task's: what is there is its to end, too. */
static const struct kn_stmt SUPERSEDE = {
    "task_supersede",
    "WITH ended AS (UPDATE task o SET state = 'failed', finished_at = now(), deadline = NULL, "
    "error = '{\"code\": \"KN_CONFLICT\", \"message\": \"cancelled by a later request\"}' "
    "FROM task t WHERE t.id = ANY($1::bigint[]) AND t.kind = ANY($2::text[]) AND o.object_id = t.object_id AND o.id < t.id AND o.cancel "
    "AND " KN_TASK_IS_OPEN(
        "o.state") " RETURNING o.id, o.object_id, o.dest), "
                   "taken_over AS (UPDATE task t SET dest = e.dest FROM ended e WHERE t.id = ANY($1::bigint[]) AND t.kind = ANY($2::text[]) "
                   "AND t.object_id = e.object_id AND e.dest->>'host' <> '' AND t.id NOT IN (SELECT id FROM ended)) "
                   "SELECT id FROM ended",
    2
};

void kn_conductor_cancels_free(struct kn_conductor_cancel *cancels, int count)
{
    for (int i = 0; i < count; i++) {
        kn_message_release(&cancels[i].message);
    }
    free(cancels);
}

void kn_conductor_move_release(struct kn_conductor_move *move)
{
    kn_conductor_change_release(&move->change);
    free(move->records);
    kn_conductor_cancels_free(move->cancels, move->cancel_count);
}

/* --- writing ------------------------------------------------------------------------------------------------------------ */

static void add_place(struct kn_batch *batch, const struct kn_conductor_place *place, bool known)
{
    json_t *json = known ? kn_conductor_place_json(place) : NULL;
    AUTO_FREE char *text = kn_json_text(json);

    kn_batch_add(batch, text);
    json_decref(json);
}

static void add_move(struct kn_batch *batch, const struct kn_conductor_move *move, int64_t timeout_s)
{
    const struct kn_conductor_task *task = move->task;
    AUTO_FREE char *context = kn_conductor_story_context(task);
    AUTO_FREE char *steps = kn_conductor_story_steps(move, kn_now_us());
    AUTO_FREE char *error = kn_conductor_story_error(task);

    kn_batch_addint(batch, task->id);
    kn_batch_addint(batch, move->from_attempt);
    kn_batch_add(batch, kn_conductor_task_state_name(task->state));
    kn_batch_addint(batch, task->step);
    kn_batch_addint(batch, task->attempt);
    kn_batch_add(batch, context);
    kn_batch_add(batch, steps);
    kn_batch_add(batch, error);
    kn_batch_addint(batch, timeout_s);
    add_place(batch, &task->home, task->flow->object == &kn_conductor_record_server);
    add_place(batch, &task->dest, task->dest.host[0] != '\0' || task->dest.generation > task->home.generation + 1);
}

/* Marks the moves whose task is among the returned ids. Both are few hundred; the ids come back in any order. */
static void mark_applied(struct kn_conductor_move *moves, int count, const struct kn_rows *rows)
{
    AUTO(kn_hmap) struct kn_hmap *ids = kn_hmap_new(NULL);
    struct kn_arg arg;

    for (int i = 0; i < kn_rows_count(rows); i++) {
        kn_hmap_put(ids, kn_rows_text(rows, i, KN_ONLY), moves);
    }
    for (int i = 0; i < count; i++) {
        moves[i].applied = moves[i].applied && kn_hmap_get(ids, kn_arg_int(&arg, moves[i].task->id)) != NULL;
    }
}

static int write_tasks(struct kn_db *db, struct kn_conductor_move *moves, int count, int64_t timeout_s,
                       struct kn_error *err)
{
    AUTO_RELEASE(kn_batch) struct kn_batch batch;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    kn_batch_init(&batch, &MOVE);
    for (int i = 0; i < count; i++) {
        if (moves[i].applied) {
            add_move(&batch, &moves[i], timeout_s);
        }
    }
    if (batch.rows == 0) {
        return 0;
    }
    if (kn_batch_run(&batch, db, &rows, err) < 0) {
        return -1;
    }
    mark_applied(moves, count, rows);
    return 0;
}

static int write_objects(struct kn_db *db, const struct kn_conductor_move *moves, int count, struct kn_error *err)
{
    AUTO_FREE const struct kn_conductor_change **changes = kn_realloc_array(NULL, (size_t)count, sizeof(*changes));
    int n = 0;

    for (int i = 0; i < count; i++) {
        if (moves[i].applied) {
            changes[n++] = &moves[i].change;
        }
    }
    return kn_conductor_objects_write(db, changes, n, err);
}

int kn_conductor_store_write(struct kn_db *db, const struct kn_conductor_shards *shards,
                             struct kn_conductor_move *moves, int count, int64_t step_timeout_s, int64_t messages_days,
                             struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    bool valid[KN_SHARDS];

    if (kn_tx_begin(&tx, db, err) < 0 || kn_conductor_shards_lock(shards, db, valid, err) < 0) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        moves[i].applied = valid[moves[i].task->shard];
    }
    if (write_tasks(db, moves, count, step_timeout_s, err) < 0 || write_objects(db, moves, count, err) < 0 ||
        kn_conductor_failures_tell(db, moves, count, messages_days, err) < 0) {
        return -1;
    }
    return kn_tx_commit(&tx, err);
}

int kn_conductor_store_touch(struct kn_db *db, const char *task_ids, int64_t step_timeout_s, struct kn_error *err)
{
    struct kn_arg timeout;

    return kn_db_run(db, &TOUCH, KN_ARGS(task_ids, kn_arg_int(&timeout, step_timeout_s)), NULL, err);
}

int kn_conductor_store_working(struct kn_db *db, struct kn_conductor_task *const *tasks, int count,
                               int64_t step_timeout_s, struct kn_error *err)
{
    AUTO_RELEASE(kn_batch) struct kn_batch batch;

    kn_batch_init(&batch, &WORKING);
    for (int i = 0; i < count; i++) {
        kn_batch_addint(&batch, tasks[i]->id);
        kn_batch_addint(&batch, tasks[i]->attempt);
        kn_batch_addint(&batch, tasks[i]->progress);
        kn_batch_addint(&batch, tasks[i]->working_since_us);
        kn_batch_addint(&batch, step_timeout_s);
    }
    return kn_batch_run(&batch, db, NULL, err);
}

/* --- reading ------------------------------------------------------------------------------------------------------------ */

int kn_conductor_store_current(struct kn_db *db, const char *task_ids, struct kn_rows **ret_rows, struct kn_error *err)
{
    return kn_db_run(db, &CURRENT, KN_ARGS(task_ids), ret_rows, err);
}

int kn_conductor_store_open_ids(struct kn_db *db, const struct kn_conductor_shards *shards, int limit,
                                struct kn_rows **ret_rows, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array mine = KN_ARRAY_INIT;
    struct kn_arg arg;

    return kn_db_run(db, &OPEN_IDS, KN_ARGS(kn_conductor_shards_array(shards, &mine), kn_arg_int(&arg, limit)),
                     ret_rows, err);
}

/* The kinds of flows with a property, as an array literal. */
static const char *store_kinds(struct kn_array *array, bool beside)
{
    for (int i = 0; kn_conductor_flow_tables[i] != NULL; i++) {
        for (const struct kn_conductor_flow *flow = kn_conductor_flow_tables[i]; flow->kind != NULL; flow++) {
            if (beside ? flow->beside : flow->supersedes) {
                kn_array_add(array, flow->kind);
            }
        }
    }
    return kn_array_value(array);
}

enum { OLDER = KN_TASK_COLUMN_COUNT }; /* of LOAD, behind the task's own */

static int store_store_load(struct kn_db *db, const struct kn_conductor_shards *shards, const char *ids,
                            struct kn_rows **ret_rows, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array mine = KN_ARRAY_INIT;
    AUTO_RELEASE(kn_array) struct kn_array beside = KN_ARRAY_INIT;

    return kn_db_run(db, &LOAD, KN_ARGS(ids, kn_conductor_shards_array(shards, &mine), store_kinds(&beside, true)),
                     ret_rows, err);
}

/* A task that supersedes and finds an older one before it: ends those that were cancelled and looks again. *ret_ended: their ids. */
static int supersede(struct kn_db *db, const struct kn_conductor_shards *shards, const char *ids, struct kn_rows **rows,
                     struct kn_rows **ret_ended, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array superseding = KN_ARRAY_INIT;
    bool needed = false;

    for (int i = 0; i < kn_rows_count(*rows); i++) {
        const struct kn_conductor_flow *flow = kn_conductor_flow(kn_rows_text(*rows, i, KN_TASK_KIND));

        needed = needed || (flow != NULL && flow->supersedes && !kn_rows_null(*rows, i, OLDER));
    }
    if (!needed) {
        return 0;
    }
    if (kn_db_run(db, &SUPERSEDE, KN_ARGS(ids, store_kinds(&superseding, false)), ret_ended, err) < 0) {
        return -1;
    }
    kn_rows_free(kn_steal(rows));
    return store_store_load(db, shards, ids, rows, err);
}

/* Splits loaded rows into tasks that may run and ones that wait; a task of an unknown kind is left alone. */
static void collect(const struct kn_rows *rows, struct kn_conductor_admission *admission)
{
    size_t max = (size_t)kn_rows_count(rows) + 1;

    admission->tasks = kn_realloc_array(NULL, max, sizeof(*admission->tasks));
    admission->waiting = kn_realloc_array(NULL, max, sizeof(*admission->waiting));
    for (int i = 0; i < kn_rows_count(rows); i++) {
        struct kn_error why = { 0 };

        if (!kn_rows_null(rows, i, OLDER)) {
            struct kn_conductor_waiting *waiting = &admission->waiting[admission->waiting_count++];

            waiting->task = kn_rows_int(rows, i, KN_TASK_ID);
            waiting->behind = kn_rows_int(rows, i, OLDER);
            kn_copy(waiting->object_id, sizeof(waiting->object_id), kn_rows_text(rows, i, KN_TASK_OBJECT));
        } else if (kn_conductor_task_from_row(rows, i, &admission->tasks[admission->task_count], &why) < 0) {
            kn_log_error("load task", &why);
        } else {
            admission->task_count++;
        }
    }
}

void kn_conductor_admission_release(struct kn_conductor_admission *admission)
{
    for (int i = 0; i < admission->task_count; i++) {
        kn_conductor_task_free(admission->tasks[i]);
    }
    free(admission->tasks);
    free(admission->waiting);
    kn_rows_free(admission->ended);
    *admission = (struct kn_conductor_admission){ 0 };
}

/* Bumped once per task, as a rule; twice when a conductor dies just here, which does no harm. */
static int bump_superseding(struct kn_db *db, const struct kn_conductor_record *record,
                            const struct kn_conductor_admission *admission, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;

    for (int i = 0; i < admission->task_count; i++) {
        const struct kn_conductor_task *task = admission->tasks[i];

        if (task->flow->supersedes && task->flow->object == record && task->attempt == 1) {
            kn_array_add(&ids, task->object_id);
        }
    }
    return ids.count == 0 ? 0 : kn_db_run(db, record->bump, KN_ARGS(kn_array_value(&ids)), NULL, err);
}

static int bump_all(struct kn_db *db, const struct kn_conductor_admission *admission, struct kn_error *err)
{
    for (int i = 0; i < KN_RECORDS; i++) {
        if (kn_conductor_records[i]->bump != NULL &&
            bump_superseding(db, kn_conductor_records[i], admission, err) < 0) {
            return -1;
        }
    }
    return 0;
}

int kn_conductor_store_admit(struct kn_db *db, const struct kn_conductor_shards *shards, const int64_t *ids, int count,
                             struct kn_conductor_admission *ret, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_RELEASE(kn_array) struct kn_array wanted = KN_ARRAY_INIT;
    AUTO_RELEASE(kn_conductor_admission) struct kn_conductor_admission admission = { 0 };
    bool valid[KN_SHARDS];

    for (int i = 0; i < count; i++) {
        kn_array_addint(&wanted, ids[i]);
    }
    if (kn_tx_begin(&tx, db, err) < 0 || kn_conductor_shards_lock(shards, db, valid, err) < 0 ||
        store_store_load(db, shards, kn_array_value(&wanted), &rows, err) < 0 ||
        supersede(db, shards, kn_array_value(&wanted), &rows, &admission.ended, err) < 0) {
        return -1;
    }
    collect(rows, &admission);
    if (bump_all(db, &admission, err) < 0 ||
        kn_conductor_objects_load(db, admission.tasks, admission.task_count, err) < 0 || kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    *ret = admission;
    admission = (struct kn_conductor_admission){ 0 };
    return 0;
}
