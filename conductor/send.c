/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands out. A host never has more than conductor.max_per_host of them unanswered; what is over waits here in its task and goes out when an answer
 * comes. A command that the bus would not take is sent again at the deadline: sending never fails a task.
 */
#include <string.h>

#include "conductor/conductor.h"
#include "conductor/engine.h"
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

static bool host_admits(struct kn_conductor *c, struct kn_task *task, struct kn_part *part)
{
    int *n = counter(c, kn_task_host(task));

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

void kn_settle(struct kn_conductor *c, struct kn_task *task, struct kn_part *part)
{
    const char *host = kn_task_host(task);
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

void kn_settle_all(struct kn_conductor *c, struct kn_task *task)
{
    for (int i = 0; i < task->part_count; i++) {
        kn_settle(c, task, &task->parts[i]);
    }
}

/* --- sending -------------------------------------------------------------------------------------------------------------- */

static void send_part(struct kn_conductor *c, struct kn_task *task, int i)
{
    struct kn_part *part = &task->parts[i];
    int64_t now_ms = kn_now_ms();
    struct kn_message message;
    struct kn_error err = { 0 };
    char topic[128];

    kn_engine_topic(task, i, topic);
    kn_engine_command(task, i, now_ms, now_ms + c->daemon.conf.conductor_step_timeout_s * 1000, &message);
    message.shard = c->home;
    if (kn_daemon_send(&c->daemon, topic, 0, &message, &err) < 0) {
        kn_log_error("send command", &err);
    }
    kn_message_release(&message);
    part->state = KN_PART_SENT;
    if (part->sent_at_us == 0) {
        part->sent_at_us = now_ms * 1000;
    }
}

void kn_send(struct kn_conductor *c, struct kn_task *task)
{
    for (int i = 0; !task->moving && i < task->part_count; i++) {
        struct kn_part *part = &task->parts[i];

        if (part->state == KN_PART_TODO && (!kn_engine_to_agent(task, i) || host_admits(c, task, part))) {
            send_part(c, task, i);
        }
    }
}

void kn_send_again(struct kn_conductor *c, struct kn_task *task)
{
    for (int i = 0; i < task->part_count; i++) {
        if (task->parts[i].state == KN_PART_SENT) {
            task->parts[i].state = KN_PART_TODO;
        }
    }
    kn_send(c, task);
}

void kn_send_waiting(struct kn_conductor *c)
{
    const char *key;
    void *task;

    if (!c->full_host) {
        return;
    }
    c->full_host = false;
    for (size_t at = 0; kn_hmap_next(c->tasks, &at, &key, &task);) {
        kn_send(c, task);
    }
}
