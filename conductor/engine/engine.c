/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk over a flow, decided purely; loop.c acts on what this file decides and store.c writes it. It knows no kind of task: everything
 * special stands in the flows' tables.
 */
#include "conductor/engine/engine.h"

#include <stdio.h>
#include <string.h>

#include "conductor/flows/bodies.h"
#include "conductor/flows/context.h"
#include "lib/base/mem.h"

#define FIRST_PAUSE_MS INT64_C(1000) /* after a refusal; each further one doubles it */
#define MAX_DOUBLINGS 5

/* --- planning ---------------------------------------------------------------------------------------------------------- */

static int items_of(const struct kn_conductor_task *task, const struct kn_conductor_flow_part *part)
{
    return part->count == NULL ? 1 : part->count(task);
}

static const char *message_of(const struct kn_conductor_task *task, const struct kn_conductor_flow_part *part)
{
    return task->state == KN_TASK_UNDO ? part->undo : part->message;
}

void kn_conductor_engine_plan(struct kn_conductor_task *task)
{
    const struct kn_conductor_flow_row *row = &task->flow->rows[task->step];
    int total = 0;

    for (int i = 0; i < KN_ROW_PARTS && row->parts[i].message != NULL; i++) {
        total += items_of(task, &row->parts[i]);
    }
    task->parts = kn_realloc_array(task->parts, (size_t)(total + 1), sizeof(*task->parts));
    task->part_count = 0;
    task->resends = 0;
    task->refusals = 0;
    for (int i = 0; i < KN_ROW_PARTS && row->parts[i].message != NULL; i++) {
        const struct kn_conductor_flow_part *part = &row->parts[i];

        for (int item = 0; message_of(task, part) != NULL && item < items_of(task, part); item++) {
            task->parts[task->part_count++] = (struct kn_conductor_part){
                .of = part, .item = item, .state = KN_PART_TODO, .type = kn_message_type(message_of(task, part))
            };
        }
    }
}

/* --- events ------------------------------------------------------------------------------------------------------------ */

static enum kn_conductor_verdict_of_row row_state(const struct kn_conductor_task *task)
{
    for (int i = 0; i < task->part_count; i++) {
        if (task->parts[i].state != KN_PART_DONE) {
            return KN_ROW_WAITS;
        }
    }
    return KN_ROW_ENDED;
}

static const struct kn_conductor_place *place_of(const struct kn_conductor_task *task, int part)
{
    return kn_conductor_task_place(task, task->parts[part].of);
}

/* What it is about: of a working, the command that it names. */
static const struct kn_message_type *about(const struct kn_message *m)
{
    return m->is_reply ? m->type : kn_message_type(kn_json_str(m->body, "command"));
}

static bool engine_belongs(const struct kn_conductor_task *task, const struct kn_message *reply)
{
    return reply->task == task->id && reply->attempt == task->attempt && reply->part >= 0 &&
           reply->part < task->part_count && reply->generation == place_of(task, reply->part)->generation &&
           task->parts[reply->part].type == about(reply) && task->parts[reply->part].state != KN_PART_DONE;
}

bool kn_conductor_engine_answers(const struct kn_conductor_task *task, const struct kn_message *reply,
                                 struct kn_error *err)
{
    const char *agent = kn_speaker_agent(reply->from);

    if (!engine_belongs(task, reply) || agent == NULL) {
        return true;
    }
    if (!kn_conductor_engine_to_agent(task, reply->part)) {
        kn_fail(err, KN_FORBIDDEN, "sender \"%s\" answers what a service was told", reply->from);
        return false;
    }
    if (strcmp(agent, place_of(task, reply->part)->agent) == 0) {
        return true;
    }
    kn_fail(err, KN_FORBIDDEN, "sender \"%s\" answers what agent \"%s\" was told", reply->from,
            place_of(task, reply->part)->agent);
    return false;
}

/* What the command itself is to blame for stays so; a full disk or a libvirt that stumbled do not. */
static bool may_pass(enum kn_code code)
{
    return code == KN_TOO_MANY || (kn_code_status(code) >= 500 && code != KN_NOT_IMPLEMENTED);
}

static void engine_take_answer(struct kn_conductor_task *task, const struct kn_conductor_flow_part *part,
                               const json_t *answer)
{
    if (part->chooses != KN_TO_SERVICE) {
        kn_conductor_place_take(part->chooses == KN_TO_DEST ? &task->dest : &task->home, answer);
    }
    kn_conductor_find_answer(task, part->message, answer);
}

enum kn_conductor_verdict_of_row kn_conductor_engine_reply(struct kn_conductor_task *task,
                                                           const struct kn_message *reply)
{
    struct kn_conductor_part *part;

    if (!engine_belongs(task, reply)) {
        return KN_ROW_IGNORED;
    }
    part = &task->parts[reply->part];
    if (reply->ok) {
        part->state = KN_PART_DONE;
        if (task->state == KN_TASK_RUN) {
            engine_take_answer(task, part->of, reply->result);
        }
        return row_state(task);
    }
    if (task->state == KN_TASK_UNDO) {
        part->not_yet = reply->error; /* taking back is tried again at the deadline, until its patience ends */
        return KN_ROW_WAITS;
    }
    if (task->flow->insists && may_pass(reply->error.code)) {
        task->refusals++;
        return KN_ROW_WAITS;
    }
    task->error = reply->error;
    task->elsewhere = reply->elsewhere;
    return KN_ROW_FAILED;
}

bool kn_conductor_engine_may_share(const struct kn_conductor_task *task, int part)
{
    bool others = false;

    for (int i = 0; i < task->part_count; i++) {
        others = others || (i != part && task->parts[i].state != KN_PART_DONE);
    }
    return others && task->parts[part].of->is_anybodys && task->state == KN_TASK_RUN && task->attempt == 1;
}

void kn_conductor_engine_share(struct kn_conductor_task *task, int part, const json_t *answer)
{
    task->parts[part].state = KN_PART_DONE;
    engine_take_answer(task, task->parts[part].of, answer);
}

bool kn_conductor_engine_working(struct kn_conductor_task *task, const struct kn_message *working, int64_t now_us,
                                 int64_t limit_us)
{
    if (!engine_belongs(task, working)) {
        return false;
    }
    if (task->working_since_us == 0) {
        task->working_since_us = now_us;
    }
    if (now_us - task->working_since_us > limit_us && !task->flow->insists) {
        task->parts[working->part].overdue = true;
        task->deadline_ms = 0;
        return false;
    }
    task->resends = 0;
    task->progress = (int)kn_json_int(working->body, "percent");
    return true;
}

int64_t kn_conductor_engine_pause_ms(const struct kn_conductor_task *task)
{
    int doublings = task->refusals - 1 < MAX_DOUBLINGS ? task->refusals - 1 : MAX_DOUBLINGS;

    return FIRST_PAUSE_MS << doublings;
}

bool kn_conductor_engine_to_agent(const struct kn_conductor_task *task, int part)
{
    return task->parts[part].of->to != KN_TO_SERVICE;
}

/* What could not be taken back is told with the task's end, and to the audit: it may still be there. */
static void note_not_undone(struct kn_conductor_task *task, const char *what, const struct kn_error *why)
{
    kn_conductor_find_more(task, "not_undone", json_sprintf("%s: %s", what, why->message));
}

/* Nobody will answer for this part: does the row go on without it? */
static bool engine_give_up(struct kn_conductor_task *task, int i, bool agent_down)
{
    struct kn_conductor_part *part = &task->parts[i];
    struct kn_error why = { 0 };

    if (part->overdue) {
        kn_fail(&why, KN_TIMEOUT, "%s was not done in the time that conductor.work_limit_s gives it", part->type->name);
    } else {
        kn_fail(&why, agent_down ? KN_UNAVAILABLE : KN_TIMEOUT, "host \"%s\" does not answer %s",
                place_of(task, i)->host, part->type->name);
    }
    if (task->state == KN_TASK_UNDO &&
        !agent_down) { /* it lives, so it will not say hello and be told: nobody will take this back */
        note_not_undone(task, part->type->name, &why);
        part->refused = why;
    }
    if (task->state == KN_TASK_UNDO || (agent_down && part->of->skip_if_down)) {
        part->state = KN_PART_DONE;
        return true;
    }
    task->error = why;
    task->elsewhere = true;
    return false;
}

void kn_conductor_engine_refuse(struct kn_conductor_task *task, int part, const struct kn_error *why)
{
    task->parts[part].refused = *why;
    task->deadline_ms = 0;
}

/* The true reason, and no other host: none of them was asked. */
static bool give_up_refused(struct kn_conductor_task *task, int i)
{
    if (task->state == KN_TASK_UNDO) {
        note_not_undone(task, task->parts[i].type->name, &task->parts[i].refused);
        task->parts[i].state = KN_PART_DONE;
        task->elsewhere = false;
        return true;
    }
    task->error = task->parts[i].refused;
    task->elsewhere = false;
    return false;
}

bool kn_conductor_engine_waits(const struct kn_conductor_task *task, const struct kn_conductor_flow_part *part)
{
    return part->waits_for_host || (task->state == KN_TASK_UNDO && part->undo_waits_for_host);
}

bool kn_conductor_engine_tires(const struct kn_conductor_task *task, int part, unsigned down, int64_t now_us,
                               int64_t limit_us)
{
    const struct kn_conductor_part *p = &task->parts[part];

    const bool in_vain = kn_conductor_engine_to_agent(task, part) ? (down & KN_DOWN(p->of->to)) != 0
                                                                  : p->not_yet.code != KN_OK;

    return task->state == KN_TASK_UNDO && p->of->undo_tires && p->state == KN_PART_SENT && in_vain &&
           p->sent_at_us > 0 && now_us - p->sent_at_us > limit_us;
}

/* Who waits for a host that is down has not asked in vain. */
static bool waits_for_a_host(const struct kn_conductor_task *task, unsigned down)
{
    for (int i = 0; i < task->part_count; i++) {
        const struct kn_conductor_part *part = &task->parts[i];

        if (part->state == KN_PART_SENT && (down & KN_DOWN(part->of->to)) != 0 &&
            kn_conductor_engine_waits(task, part->of)) {
            return true;
        }
    }
    return false;
}

/* A service that is away comes back, so its parts wait for ever; a host may not. */
enum kn_conductor_verdict_of_row kn_conductor_engine_timeout(struct kn_conductor_task *task, unsigned down)
{
    task->resends = waits_for_a_host(task, down) ? 0 : task->resends + 1;
    for (int i = 0; i < task->part_count; i++) {
        bool agent_down = (down & KN_DOWN(task->parts[i].of->to)) != 0 &&
                          !kn_conductor_engine_waits(task, task->parts[i].of);
        bool hopeless = task->parts[i].overdue ||
                        (kn_conductor_engine_to_agent(task, i) &&
                         (agent_down || (task->resends > KN_MAX_RESENDS && !task->flow->insists)));

        if (task->parts[i].state == KN_PART_SENT && task->parts[i].refused.code != KN_OK) {
            if (!give_up_refused(task, i)) {
                return KN_ROW_FAILED;
            }
            continue;
        }
        if (task->parts[i].state == KN_PART_SENT && hopeless && !engine_give_up(task, i, agent_down)) {
            return KN_ROW_FAILED;
        }
    }
    return row_state(task) == KN_ROW_ENDED ? KN_ROW_ENDED : KN_ROW_AGAIN;
}

/* --- moving ------------------------------------------------------------------------------------------------------------ */

static void begin_attempt(struct kn_conductor_task *task)
{
    task->attempt++;
    task->working_since_us = 0;
    task->worked_ms = 0;
    task->progress = 0;
}

static bool may_try_again(const struct kn_conductor_task *task, int max_tries)
{
    return task->flow->retry_row >= 0 && task->elsewhere && kn_conductor_task_tries(task) + 1 < max_tries;
}

static void record_row(struct kn_conductor_task *task, bool failed, struct kn_conductor_step_record *records,
                       int *ret_records)
{
    int n = 0;

    for (int i = 0; i < task->part_count; i++) {
        bool done = task->parts[i].state == KN_PART_DONE;

        if (!done && !failed) {
            continue;
        }
        records[n++] = (struct kn_conductor_step_record){
            .name = task->parts[i].type->name,
            .state = !done || task->parts[i].refused.code != KN_OK ? "failed"
                     : task->state == KN_TASK_UNDO                 ? "undone"
                                                                   : "done",
            .started_at_us = task->parts[i].sent_at_us == 0 ? task->created_at_us : task->parts[i].sent_at_us,
        };
        kn_copy(records[n - 1].host, sizeof(records->host),
                kn_conductor_engine_to_agent(task, i) ? place_of(task, i)->host : "");
    }
    *ret_records = n;
}

/* Another host: the failed one is excluded, the generation tells late messages apart. A server whose home is chosen anew is of that generation. */
static void begin_again(struct kn_conductor_task *task, struct kn_conductor_change *change)
{
    const bool moves_home = task->flow->retry_place == KN_TO_HOME;
    struct kn_conductor_place *place = moves_home ? &task->home : &task->dest;

    kn_conductor_find_more(task, "exclude", json_string(place->host));
    kn_conductor_find_more(task, "failures", json_sprintf("%s: %s", place->host, task->error.message));
    kn_conductor_find(task, "tries", json_integer(kn_conductor_task_tries(task) + 1));
    *place = (struct kn_conductor_place){ .generation = place->generation + 1 };
    if (moves_home) {
        kn_conductor_change_set_int(change, task->flow->object, task->object_id, "generation", place->generation);
    }
    task->state = KN_TASK_RUN;
    task->step = task->flow->retry_row;
    kn_error_clear(&task->error);
    task->elsewhere = false;
}

static const struct kn_conductor_becomes *becomes_of_failed(const struct kn_conductor_task *task, bool is_left)
{
    const struct kn_conductor_flow *flow = task->flow;

    return is_left && flow->left != NULL                                   ? flow->left
           : flow->no_room != NULL && task->error.code == KN_NO_VALID_HOST ? flow->no_room
                                                                           : flow->failed;
}

static void settle_failed(struct kn_conductor_task *task, struct kn_conductor_change *change)
{
    const bool is_left = json_array_size(kn_conductor_found(task, "not_undone")) > 0;

    task->state = KN_TASK_FAILED;
    task->part_count = 0;
    kn_conductor_change_becomes(change, becomes_of_failed(task, is_left), task);
    if (is_left) {
        kn_conductor_change_becomes(change, task->flow->object->broken, task);
    }
}

static void step_forward(struct kn_conductor_task *task, struct kn_conductor_change *change)
{
    kn_conductor_change_becomes(change, task->flow->rows[task->step].becomes, task);
    if (task->step + 1 < task->flow->row_count) {
        task->step++;
        return;
    }
    task->state = KN_TASK_DONE;
    task->part_count = 0;
    kn_conductor_change_becomes(change, task->flow->done, task);
}

static void step_back(struct kn_conductor_task *task, int max_tries, struct kn_conductor_change *change)
{
    bool again = may_try_again(task, max_tries);
    int floor = again ? task->flow->retry_row : -1;

    if (task->step - 1 > floor) {
        task->step--;
    } else if (again) {
        begin_again(task, change);
    } else {
        settle_failed(task, change);
    }
}

static bool is_open(const struct kn_conductor_task *task)
{
    return task->state == KN_TASK_RUN || task->state == KN_TASK_UNDO;
}

/* Rows without anything to send are passed at once. */
static bool pass_empty_rows(struct kn_conductor_task *task, int max_tries, struct kn_conductor_change *change)
{
    bool moved = false;

    while (is_open(task)) {
        kn_conductor_engine_plan(task);
        if (task->part_count > 0) {
            break;
        }
        moved = true;
        if (task->state == KN_TASK_RUN) {
            step_forward(task, change);
        } else {
            step_back(task, max_tries, change);
        }
    }
    return moved;
}

void kn_conductor_engine_advance(struct kn_conductor_task *task, bool failed, int max_tries,
                                 struct kn_conductor_change *change, struct kn_conductor_step_record *records,
                                 int *ret_records)
{
    record_row(task, failed, records, ret_records);
    begin_attempt(task);
    if (failed) {
        bool whole_row = !may_try_again(task, max_tries) || task->step > task->flow->retry_row;

        task->state = KN_TASK_UNDO;
        if (!whole_row) {
            step_back(task, max_tries, change);
        }
    } else if (task->state == KN_TASK_RUN) {
        step_forward(task, change);
    } else {
        step_back(task, max_tries, change);
    }
    pass_empty_rows(task, max_tries, change);
}

void kn_conductor_engine_unwritable(struct kn_conductor_task *task, bool at_once, const struct kn_error *why,
                                    struct kn_conductor_change *change)
{
    task->error = *why;
    task->elsewhere = false;
    begin_attempt(task);
    if (task->state == KN_TASK_DONE) {
        task->state = KN_TASK_RUN;
        task->step = task->flow->row_count - 1;
    }
    if (at_once || task->state != KN_TASK_RUN || task->flow->left != NULL) {
        task->state = KN_TASK_FAILED;
        task->part_count = 0;
        note_not_undone(task, "what was done", why);
        kn_conductor_change_becomes(change, task->flow->left, task);
        kn_conductor_change_becomes(change, task->flow->object->broken, task);
        return;
    }
    task->state = KN_TASK_UNDO;
    pass_empty_rows(task, 0, change);
}

bool kn_conductor_engine_admit(struct kn_conductor_task *task, int max_tries, struct kn_conductor_change *change)
{
    if (!pass_empty_rows(task, max_tries, change)) {
        return false;
    }
    begin_attempt(task);
    return true;
}

/* --- messages ---------------------------------------------------------------------------------------------------------- */

void kn_conductor_engine_command(const struct kn_conductor_task *task, int part, int64_t now_ms, int64_t deadline_ms,
                                 struct kn_message *ret)
{
    const struct kn_conductor_part *p = &task->parts[part];
    json_t *body = task->state == KN_TASK_UNDO ? p->of->undo_build(task, p->item) : p->of->build(task, p->item);

    kn_message_init(ret, p->type->name, body);
    ret->task = task->id;
    ret->step = task->step;
    ret->part = part;
    ret->attempt = task->attempt;
    ret->generation = place_of(task, part)->generation;
    ret->shard = task->shard;
    ret->sent_at = now_ms;
    ret->deadline = deadline_ms;
    kn_copy(ret->request_id, sizeof(ret->request_id), task->request_id);
    kn_copy(ret->project, sizeof(ret->project), task->project_id);
}

bool kn_conductor_engine_cancel(const struct kn_conductor_task *task, int part, struct kn_message *ret)
{
    static const char *const LISTENING[] = { KN_TOPIC_AGENT, KN_TOPIC_VOLUME, KN_TOPIC_IMAGE };
    const struct kn_conductor_part *p = &task->parts[part];
    struct kn_message command = { .task = task->id,
                                  .step = task->step,
                                  .part = part,
                                  .attempt = task->attempt,
                                  .generation = place_of(task, part)->generation,
                                  .shard = task->shard };

    for (size_t i = 0; p->state == KN_PART_SENT && i < KN_COUNT(LISTENING); i++) {
        if (strcmp(p->type->topic, LISTENING[i]) == 0) {
            kn_copy(command.request_id, sizeof(command.request_id), task->request_id);
            kn_message_about(ret, "cancel", &command, NULL);
            return true;
        }
    }
    return false;
}

void kn_conductor_engine_topic(const struct kn_conductor_task *task, int part, char out[KN_TOPIC_SIZE])
{
    const char *topic = task->parts[part].type->topic;

    snprintf(out, KN_TOPIC_SIZE, "%s%s", topic,
             kn_conductor_engine_to_agent(task, part) ? place_of(task, part)->agent : "");
}
