/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop of the bus services: take what is there, hand it over as one batch, again if the database was away. It knows no message by name but the hello that it
 * says; what a batch means is the room's business. One active writer a kind: the connection holds an advisory lock (kn_db_hold), so that whoever lost it
 * cannot write before it has it again.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/adapter/daemon.h"
#include "lib/adapter/metrics.h"
#include "lib/adapter/namesake.h"
#include "lib/adapter/task.h"
#include "lib/base/backoff.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#define BATCH 500
#define WAIT_MS 200
#define TRIES_OF_A_BATCH 60 /* two minutes */
#define TRIES_OF_ONE 5
#define HEARTBEAT_EVERY_MS 3000
#define STANDBY_EVERY_MS 500
#define PROBE_EVERY_MS 5000
#define DEAF_MS 20000 /* nothing of our own was heard for so long, nor was anything else done */

static struct kn_metric HANDLED = KN_COUNTER("kilonova_messages_handled_total", "messages of finished batches", NULL,
                                             NULL);
static struct kn_metric REPEATED = KN_COUNTER("kilonova_batches_repeated_total", "batches handed over again", NULL,
                                              NULL);

struct loop {
    struct kn_daemon daemon;
    const struct kn_service *service;
    struct kn_bus_reader *reader;
    void *state;
    struct kn_message *messages[BATCH]; /* of this batch; each points into store */
    struct kn_message store[BATCH];
    int count;
    int64_t bus_epoch;
    int64_t next_tick_ms, next_heartbeat_ms, next_probe_ms;
};

static bool stopping(struct loop *loop)
{
    return atomic_load(&loop->daemon.stopping);
}

static bool service_due(int64_t *next_ms, int64_t every_ms)
{
    int64_t now = kn_mono_ms();

    if (every_ms == 0 || now < *next_ms) {
        return false;
    }
    *next_ms = now + every_ms;
    return true;
}

/* --- start ------------------------------------------------------------------------------------------------------------ */

/* Beside the active one it lives and says so, as whoever looks for one that can take over wants to know. */
static int stand_by(struct loop *loop, const struct kn_error *reason, struct kn_error *err)
{
    if (!atomic_exchange(&loop->daemon.standing_by, true)) {
        kn_log(KN_INFO, "standing by", "reason", reason->message, NULL);
        loop->next_heartbeat_ms = 0;
    }
    loop->daemon.progress_ms = kn_mono_ms(); /* it has nothing to do, and does it */
    return service_due(&loop->next_heartbeat_ms, HEARTBEAT_EVERY_MS) ? kn_daemon_heartbeat(&loop->daemon, err)
                                                                     : kn_namesake_keep(&loop->daemon, err);
}

/* No database is nobody's turn: it is no standing by, and its door says what is missing. */
static int wait_for_database(struct loop *loop, const struct kn_error *reason, bool *told, struct kn_error *err)
{
    if (!*told) {
        *told = true;
        kn_log_error("waiting for the database", reason);
    }
    kn_condition_missed(&loop->daemon.condition, reason->message);
    return kn_namesake_keep(&loop->daemon, err);
}

/* Waits until this one is the active writer. The lock's name is the service's. */
static int become_active(struct loop *loop, struct kn_error *err)
{
    bool told = false;

    while (!stopping(loop) && kn_db_connect(loop->daemon.db, STANDBY_EVERY_MS, err) < 0) {
        const struct kn_error reason = *err;

        if (reason.code != KN_UNAVAILABLE) {
            return -1;
        }
        if ((kn_db_locked_out(loop->daemon.db) ? stand_by(loop, &reason, err)
                                               : wait_for_database(loop, &reason, &told, err)) < 0 &&
            err->code != KN_UNAVAILABLE) {
            return -1;
        }
    }
    if (!stopping(loop) && (atomic_exchange(&loop->daemon.standing_by, false) || told)) {
        kn_log(KN_INFO, "active", NULL);
    }
    return 0;
}

static int open_topics(struct loop *loop, struct kn_error *err)
{
    const struct {
        const char *topic;
        int partitions;
    } needed[] = {
        { loop->service->topic, 1 }, { KN_TOPIC_REPORT, 1 }, { KN_TOPIC_DEAD, 1 }, { KN_TOPIC_REPLY, KN_SHARDS }
    };

    for (size_t i = 0; i < KN_COUNT(needed); i++) {
        if (kn_bus_ensure_topic(loop->daemon.bus, needed[i].topic, needed[i].partitions, 30000, err) < 0) {
            return -1;
        }
    }
    /* Reports first: what is not in the first fetch begins when that ends, and our own hello ends it. */
    return kn_bus_reader_new(loop->daemon.bus, &loop->reader, err) < 0 ||
                   (loop->service->reads_reports && kn_bus_assign(loop->reader, KN_TOPIC_REPORT, 0, err) < 0) ||
                   kn_bus_assign(loop->reader, loop->service->topic, 0, err) < 0
               ? -1
               : 0;
}

static void say_hello(struct loop *loop)
{
    struct kn_message message;
    struct kn_error err = { 0 };

    loop->bus_epoch = kn_bus_epoch(loop->daemon.bus);
    kn_message_init(&message, "service.hello",
                    json_pack("{s:s, s:s}", "topic", loop->service->topic, "boot", loop->daemon.id));
    if (kn_daemon_send(&loop->daemon, KN_TOPIC_REPORT, 0, &message, &err) < 0) {
        kn_log_error("say hello", &err);
    }
    kn_message_release(&message);
}

/*
 * A service that is not asked anything and one that has gone deaf look the same. So it asks itself: what it says on its own topic must come back, unless
 * there is so much before it that other things get done.
 */
static void probe(struct loop *loop)
{
    struct kn_message message;
    struct kn_error err = { 0 };

    kn_message_init(&message, "service.probe", json_pack("{s:s}", "boot", loop->daemon.id));
    kn_daemon_send(&loop->daemon, loop->service->topic, 0, &message,
                   &err); /* one that is not sent does not come back: that is the sign */
    kn_message_release(&message);
}

static void service_check_hearing(struct loop *loop)
{
    const int64_t silence_ms = kn_mono_ms() - loop->daemon.progress_ms;
    struct kn_error why = { 0 };

    if (silence_ms < DEAF_MS) {
        return;
    }
    kn_fail(&why, KN_UNAVAILABLE, "hears nothing on %s, not even itself", loop->service->topic);
    if (kn_daemon_stuck(&loop->daemon, KN_STUCK_BUS, &why)) {
        kn_log_error("stuck", &why);
    }
}

/* --- a batch ----------------------------------------------------------------------------------------------------------- */

/* What is said about long work goes to whoever does some. */
static bool service_belongs(const struct loop *loop, const struct kn_message *message, const char *topic)
{
    return strcmp(message->type->topic, KN_TOPIC_WORK) == 0
               ? loop->service->works_long && strcmp(topic, loop->service->topic) == 0
               : strcmp(message->type->topic, topic) == 0;
}

/* A command that nobody could handle is answered, so that its task can decide. */
static void service_refuse(struct loop *loop, const struct kn_message *message, const struct kn_error *why)
{
    kn_log_request(message->request_id);
    kn_log_error(message->type->name, why);
    kn_log_request(NULL);
    if (message->type->result != NULL) {
        kn_reply_failed(&loop->daemon, message, why, false);
    } else {
        kn_daemon_bury(&loop->daemon, message, why);
    }
}

/* Commands and reports go to the room; replies that stray onto its topic are nobody's. */
static void service_take(struct loop *loop, const struct kn_bus_message *raw)
{
    struct kn_message *message = &loop->store[loop->count];
    struct kn_error why = { 0 };

    if (kn_bus_hear(loop->daemon.bus, raw, message, &why) == 0 && strcmp(message->type->topic, KN_TOPIC_OWN) == 0) {
        if (strcmp(kn_json_str(message->body, "boot"), loop->daemon.id) == 0) {
            kn_daemon_progress(&loop->daemon);
        }
        kn_message_release(message);
        return;
    }
    if (why.code == KN_OK && !message->is_reply && service_belongs(loop, message, raw->topic)) {
        if (kn_message_fits(message, &why) < 0) {
            service_refuse(loop, message, &why);
            kn_message_release(message);
            return;
        }
        loop->messages[loop->count] = message;
        loop->count++;
        return;
    }
    if (why.code == KN_OK) {
        kn_fail(&why, KN_BAD_REQUEST, "%s does not belong on topic \"%s\"", message->type->name, raw->topic);
    }
    kn_daemon_dead(&loop->daemon, raw, &why);
    kn_message_release(message);
}

static void service_take_batch(struct loop *loop)
{
    struct kn_bus_message raw[BATCH];
    int count = kn_bus_poll(loop->reader, raw, BATCH, WAIT_MS);

    loop->count = 0;
    for (int i = 0; i < count; i++) {
        service_take(loop, &raw[i]);
        kn_bus_message_done(&raw[i]);
    }
}

static bool is_ordered(const struct loop *loop, const struct kn_message *message)
{
    return loop->service->obeys_tasks && message->type->result != NULL;
}

/*
 * Late and repeated commands are refused before the room sees them. There is one active writer and it reads its topic in order: what a conductor
 * decides after this look sends its commands after those of this batch, and a connection that breaks in between makes the batch start over here.
 */
static int refuse_stale(struct loop *loop, struct kn_message **messages, int count, struct kn_message **ret,
                        int *ret_count, struct kn_error *err)
{
    struct kn_message *ordered[BATCH];
    bool current[BATCH] = { false };
    int n = 0;

    for (int i = 0; i < count; i++) {
        if (is_ordered(loop, messages[i])) {
            ordered[n++] = messages[i];
        }
    }
    if (n > 0 && kn_task_sift(loop->daemon.db, ordered, n, current, err) < 0) {
        return -1;
    }
    *ret_count = 0;
    for (int i = 0, at = 0; i < count; i++) {
        struct kn_error why = { 0 };

        if (!is_ordered(loop, messages[i]) || current[at++]) {
            ret[(*ret_count)++] = messages[i];
            continue;
        }
        kn_fail(&why, KN_STALE, "task %lld is not at attempt %d any more", (long long)messages[i]->task,
                messages[i]->attempt);
        service_refuse(loop, messages[i], &why);
    }
    return 0;
}

static void service_pause_ms(int64_t ms)
{
    const struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };

    nanosleep(&t, NULL);
}

/* While it is held up it lives, and says why. */
static void say_stuck(struct loop *loop, const struct kn_error *why)
{
    struct kn_error err = { 0 };

    kn_daemon_stuck(&loop->daemon, KN_STUCK_WORK, why);
    if (service_due(&loop->next_heartbeat_ms, HEARTBEAT_EVERY_MS) && kn_daemon_heartbeat(&loop->daemon, &err) < 0) {
        kn_log_error("heartbeat", &err);
    }
}

/*
 * Again until it is done, refused, or was tried often enough: the database comes back (that is waited for without counting), a deadlock's loser tries once
 * more. What a living database calls away for minutes is no matter of time, and must not hold up the others. *ret_why is KN_OK when it was done.
 */
static int handle_some(struct loop *loop, struct kn_message **messages, int count, struct kn_error *ret_why,
                       struct kn_error *err)
{
    struct kn_message *current[BATCH];
    struct kn_backoff backoff = { .min_ms = 10, .max_ms = 2000 };
    int n = 0;

    for (int tries = count > 1 ? TRIES_OF_A_BATCH : TRIES_OF_ONE; !stopping(loop);) {
        kn_error_clear(ret_why);
        kn_bus_gather(loop->daemon.bus);
        const bool done = refuse_stale(loop, messages, count, current, &n, ret_why) == 0 &&
                          (n == 0 || loop->service->handle(&loop->daemon, loop->state, current, n, ret_why) == 0);
        kn_bus_depart(loop->daemon.bus);
        if (done) {
            kn_metric_add(&HANDLED, count, NULL, NULL);
            kn_daemon_progress(&loop->daemon);
            return 0;
        }
        if (ret_why->code != KN_UNAVAILABLE || --tries == 0) {
            return 0;
        }
        kn_metric_add(&REPEATED, 1, NULL, NULL);
        kn_log_error("batch, once more", ret_why);
        service_pause_ms(kn_backoff_next(&backoff, (uint32_t)kn_mono_us()));
        if (become_active(loop, err) < 0) {
            return -1;
        }
        say_stuck(loop, ret_why);
    }
    return 0;
}

/* One message that cannot be handled must not take the others of its batch along: then each is handed over alone. */
static int handle_batch(struct loop *loop, struct kn_error *err)
{
    struct kn_error why = { 0 };

    if (loop->count == 0 || handle_some(loop, loop->messages, loop->count, &why, err) < 0) {
        return loop->count == 0 ? 0 : -1;
    }
    for (int i = 0; why.code != KN_OK && i < loop->count; i++) {
        struct kn_error alone = { 0 };

        if (handle_some(loop, &loop->messages[i], 1, &alone, err) < 0) {
            return -1;
        }
        if (alone.code != KN_OK) {
            service_refuse(loop, loop->messages[i], &alone);
            kn_daemon_progress(&loop->daemon);
        }
    }
    return 0;
}

static void drop_batch(struct loop *loop)
{
    for (int i = 0; i < loop->count; i++) {
        kn_message_release(loop->messages[i]);
    }
    loop->count = 0;
}

/* --- timers ------------------------------------------------------------------------------------------------------------ */

static int service_run_timers(struct loop *loop, struct kn_error *err)
{
    struct kn_error why = { 0 };
    bool ok = true;

    if (kn_bus_epoch(loop->daemon.bus) != loop->bus_epoch) {
        say_hello(loop);
    }
    if (service_due(&loop->next_heartbeat_ms, HEARTBEAT_EVERY_MS)) {
        ok = kn_daemon_heartbeat(&loop->daemon, &why) == 0;
    }
    if (service_due(&loop->next_probe_ms, PROBE_EVERY_MS)) {
        probe(loop);
        service_check_hearing(loop);
    }
    if (ok && loop->service->tick != NULL && service_due(&loop->next_tick_ms, loop->service->tick_ms)) {
        ok = loop->service->tick(&loop->daemon, loop->state, &why) == 0;
        kn_daemon_stuck(&loop->daemon, KN_STUCK_TIMER, ok ? NULL : &why);
    }
    if (ok) {
        return 0;
    }
    kn_log_error("timer", &why);
    return why.code == KN_UNAVAILABLE ? become_active(loop, err) : 0;
}

/* --- the loop ---------------------------------------------------------------------------------------------------------- */

static int service_run(struct loop *loop, struct kn_error *err)
{
    say_hello(loop);
    while (!stopping(loop)) {
        int result;

        service_take_batch(loop);
        result = handle_batch(loop, err);
        drop_batch(loop);
        if (result < 0 || service_run_timers(loop, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int adapter_service_start(struct loop *loop, int argc, char **argv, struct kn_error *err)
{
    loop->daemon.check = loop->service->check;
    if (kn_daemon_init(&loop->daemon, loop->service->name, argc, argv, NULL, true, err) < 0) {
        return -1;
    }
    /* From here on a connection that is the writer's: a new one, because the first one was made without the lock. */
    kn_db_free(loop->daemon.db);
    loop->daemon.db = kn_daemon_db(&loop->daemon.conf, loop->service->name);
    kn_db_plan_once(loop->daemon.db);
    kn_db_hold(loop->daemon.db, loop->service->name);
    if (become_active(loop, err) < 0 || stopping(loop)) {
        return stopping(loop) ? 0 : -1;
    }
    if (open_topics(loop, err) < 0) {
        return -1;
    }
    if (loop->service->start != NULL && loop->service->start(&loop->daemon, &loop->state, err) < 0) {
        return -1;
    }
    atomic_store(&loop->daemon.ready, true);
    return 0;
}

int kn_service_main(const struct kn_service *service, int argc, char **argv)
{
    struct loop *loop = KN_NEW(struct loop);
    struct kn_error err = { 0 };
    int result = 0;

    loop->service = service;
    if (adapter_service_start(loop, argc, argv, &err) < 0 || (!stopping(loop) && service_run(loop, &err) < 0)) {
        kn_log_error("service", &err);
        result = 1;
    }
    if (atomic_load(&loop->daemon.ousted)) {
        result = 1;
    }
    if (service->stop != NULL && loop->state != NULL) {
        service->stop(&loop->daemon, loop->state);
    }
    kn_bus_reader_free(loop->reader);
    kn_daemon_release(&loop->daemon);
    free(loop);
    return result;
}
