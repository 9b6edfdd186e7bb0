/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands out. A host never has more than conductor.max_per_host of them unanswered; what is over waits here in its task and goes out when an answer
 * comes. A command that the bus would not take now is sent again at the deadline; one that it will never take ends its task.
 */
#include <string.h>

#include "conductor/conductor.h"
#include "conductor/engine/engine.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

/* --- how much is in flight on a host -------------------------------------------------------------------------------------- */

static int *counter(struct kn_conductor *c, const char *host)
{
    int *n = kn_hmap_get(c->in_flight, host);

    if (n == NULL) {
        n = KN_NEW(int);
        kn_hmap_put(c->in_flight, host, n);
    }
    return n;
}

static bool host_admits(struct kn_conductor *c, struct kn_conductor_task *task, struct kn_conductor_part *part)
{
    int *n = counter(c, kn_conductor_task_place(task, part->of)->host);

    if (part->admitted) {
        return true;
    }
    if (*n >= c->daemon.conf.conductor_max_per_host) {
        c->full_host = true;
        return false;
    }
    (*n)++;
    part->admitted = true;
    return true;
}

void kn_conductor_settle(struct kn_conductor *c, struct kn_conductor_task *task, struct kn_conductor_part *part)
{
    const char *host = kn_conductor_task_place(task, part->of)->host;
    int *n;

    if (!part->admitted) {
        return;
    }
    n = counter(c, host);
    (*n)--;
    part->admitted = false;
    if (*n <= 0) {
        kn_hmap_del(c->in_flight, host);
    }
}

void kn_conductor_settle_all(struct kn_conductor *c, struct kn_conductor_task *task)
{
    for (int i = 0; i < task->part_count; i++) {
        kn_conductor_settle(c, task, &task->parts[i]);
    }
}

/* --- sending -------------------------------------------------------------------------------------------------------------- */

static void send_part(struct kn_conductor *c, struct kn_conductor_task *task, int i)
{
    struct kn_conductor_part *part = &task->parts[i];
    int64_t now_ms = kn_now_ms();
    struct kn_message message;
    struct kn_error err = { 0 };
    char topic[KN_TOPIC_SIZE];

    kn_conductor_engine_topic(task, i, topic);
    kn_conductor_engine_command(task, i, now_ms, now_ms + c->daemon.conf.conductor_step_timeout_s * 1000, &message);
    message.shard = c->home;
    if (kn_daemon_send(&c->daemon, topic, 0, &message, &err) < 0) {
        kn_log_error("send command", &err);
        if (!kn_code_retriable(err.code)) {
            kn_conductor_engine_refuse(task, i, &err);
            c->next_check_ms = 0;
        }
    }
    kn_message_release(&message);
    part->state = KN_PART_SENT;
    if (part->sent_at_us == 0) {
        part->sent_at_us = now_ms * 1000;
    }
}

/*
 * Whoever was stopped for longer than its lease may have a successor: it says nothing before the database has said that the shard is
 * still its own. What it would have said waits for the timer that renews, which is due at once.
 */
static bool may_speak(struct kn_conductor *c)
{
    if (kn_conductor_shards_lapsed(&c->shards, kn_boot_ms())) {
        c->full_host = true;
        c->next_lease_ms = 0;
        return false;
    }
    return true;
}

void kn_conductor_send(struct kn_conductor *c, struct kn_conductor_task *task)
{
    if (!may_speak(c)) {
        return;
    }
    for (int i = 0; !task->moving && i < task->part_count; i++) {
        struct kn_conductor_part *part = &task->parts[i];

        if (part->state == KN_PART_TODO && !kn_conductor_answers_take(c, task, i) &&
            (!kn_conductor_engine_to_agent(task, i) || host_admits(c, task, part))) {
            send_part(c, task, i);
        }
    }
}

static bool is_for(const struct kn_conductor_task *task, int part, const char *topic)
{
    char its[KN_TOPIC_SIZE];

    kn_conductor_engine_topic(task, part, its);
    return strcmp(its, topic) == 0;
}

void kn_conductor_ask_again(struct kn_conductor_task *task, const char *topic)
{
    for (int i = 0; !task->moving && i < task->part_count; i++) {
        if (task->parts[i].state == KN_PART_SENT && (topic == NULL || is_for(task, i, topic))) {
            task->parts[i].state = KN_PART_TODO;
            task->again = true;
        }
    }
}

/* What the database knows at another attempt, or as ended, was moved by somebody else: it is loaded anew, if it is still open. */
static void forget_unconfirmed(struct kn_conductor *c)
{
    const char *key;
    void *value;

    for (size_t at = 0; kn_hmap_next(c->tasks, &at, &key, &value);) {
        struct kn_conductor_task *task = value;

        if (task->again) {
            kn_conductor_forget(c, task);
            c->next_sweep_ms = 0;
        }
    }
}

int kn_conductor_send_confirmed(struct kn_conductor *c, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *key;
    void *value;

    for (size_t at = 0; kn_hmap_next(c->tasks, &at, &key, &value);) {
        if (((const struct kn_conductor_task *)value)->again) {
            kn_array_add(&ids, key);
        }
    }
    if (ids.count == 0) {
        return 0;
    }
    if (kn_conductor_store_current(c->daemon.db, kn_array_value(&ids), &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        struct kn_conductor_task *task = kn_conductor_task_find(c, kn_rows_int(rows, i, KN_CURRENT_TASK));

        if (task != NULL && task->attempt == kn_rows_int(rows, i, KN_CURRENT_ATTEMPT)) {
            task->again = false;
            kn_conductor_send(c, task);
        }
    }
    forget_unconfirmed(c);
    return 0;
}

void kn_conductor_send_waiting(struct kn_conductor *c)
{
    const char *key;
    void *task;

    if (!c->full_host) {
        return;
    }
    c->full_host = false;
    for (size_t at = 0; kn_hmap_next(c->tasks, &at, &key, &task);) {
        kn_conductor_send(c, task);
    }
}

/* --- what is not wanted any more ------------------------------------------------------------------------------------------ */

int kn_conductor_cancels_of(const struct kn_conductor_task *task, struct kn_conductor_cancel **ret_cancels)
{
    int count = 0;

    *ret_cancels = NULL;
    for (int i = 0; i < task->part_count; i++) {
        struct kn_message message;

        if (!kn_conductor_engine_cancel(task, i, &message)) {
            continue;
        }
        *ret_cancels = kn_realloc_array(*ret_cancels, (size_t)count + 1, sizeof(**ret_cancels));
        kn_conductor_engine_topic(task, i, (*ret_cancels)[count].topic);
        (*ret_cancels)[count++].message = message;
    }
    return count;
}

/* One that is lost does no harm: what comes after it on that topic ends the work as well, or waits for it. */
void kn_conductor_cancels_send(struct kn_conductor *c, const struct kn_conductor_cancel *cancels, int count)
{
    for (int i = 0; i < count; i++) {
        struct kn_error err = { 0 };

        if (kn_daemon_send(&c->daemon, cancels[i].topic, 0, &cancels[i].message, &err) < 0) {
            kn_log_error("send cancel", &err);
        }
    }
}
