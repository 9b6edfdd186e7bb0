/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every daemon does before and beside its own work: configuration, log, signals, its row in `service`, messages out. The loop of the bus services
 * is service.c's, the health door health.c's.
 */
#include "lib/adapter/daemon.h"

#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/adapter/health.h"
#include "lib/adapter/metrics.h"
#include "lib/adapter/migrate.h"
#include "lib/adapter/namesake.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"

#define DEAD_WINDOW_MS 60000
#define FILES 16384 /* an API has up to 4096 connections, and as many again of consoles */
#define SENDER_MAX 128 /* bytes of a name that is told */
#define CONNECT_WAIT_MS 60000 /* for a database that starts together with us */

static const struct kn_stmt HEARTBEAT = {
    "service_heartbeat",
    "INSERT INTO service (id, binary_name, host, boot, progress_at, stuck, stuck_since) "
    "VALUES ($1, $2, $3, $4, now() - $5::bigint * interval '1 ms', $6::text, CASE WHEN $6::text IS NOT NULL THEN now() END) "
    "ON CONFLICT (id) DO UPDATE SET last_seen = now(), boot = $4, progress_at = excluded.progress_at, stuck = excluded.stuck, "
    "stuck_since = CASE WHEN $6::text IS NOT NULL THEN coalesce(service.stuck_since, now()) END, "
    "started_at = CASE WHEN service.boot = $4 THEN service.started_at ELSE now() END",
    6
};

static struct kn_metric SENT = KN_COUNTER("kilonova_messages_sent_total", "messages handed to the bus", "type", NULL);
static struct kn_metric DEAD = KN_COUNTER("kilonova_messages_dead_total", "messages that could not be read", "topic",
                                          NULL);

/* Set by the handler; one daemon a process. */
static struct kn_daemon *the_daemon;

static void on_signal(int number)
{
    (void)number;
    atomic_store(&the_daemon->stopping, true);
}

/* SIGTERM and SIGINT ask for the end; a second one is not needed, because no loop waits longer than it must. */
static void catch_signals(struct kn_daemon *d)
{
    struct sigaction action = { .sa_handler = on_signal };

    the_daemon = d;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int daemon_set_log(const struct kn_daemon *d, struct kn_error *err)
{
    static const char *const names[] = {
        [KN_DEBUG] = "debug", [KN_INFO] = "info", [KN_WARNING] = "warning", [KN_ERROR] = "error"
    };
    _Static_assert(KN_COUNT(names) == KN_ERROR + 1, "a name for each level");

    for (size_t i = 0; i < KN_COUNT(names); i++) {
        if (strcmp(names[i], d->conf.daemon_log_level) == 0) {
            kn_log_init(d->name, (enum kn_level)i);
            return 0;
        }
    }
    return kn_fail(err, KN_BAD_REQUEST, "daemon.log_level \"%s\" is none of debug, info, warning, error",
                   d->conf.daemon_log_level);
}

static void set_names(struct kn_daemon *d)
{
    if (*d->conf.daemon_host != '\0') {
        kn_copy(d->host, sizeof(d->host), d->conf.daemon_host);
    } else if (gethostname(d->host, sizeof(d->host) - 1) < 0) {
        kn_copy(d->host, sizeof(d->host), "localhost");
    }
    kn_uuid_make(d->id);
}

struct kn_db *kn_daemon_db(const struct kn_conf *conf, const char *name)
{
    struct kn_db *db = kn_db_new(conf->db_url, name);

    kn_db_patience(db, 1000 * conf->db_patience_s);
    return db;
}

static int open_database(struct kn_daemon *d, struct kn_error *err)
{
    d->db = kn_daemon_db(&d->conf, d->name);
    kn_db_plan_once(d->db);
    if (kn_db_connect(d->db, CONNECT_WAIT_MS, err) < 0) {
        return kn_fail_context(err, "database");
    }
    return kn_migrate_check(d->db, kn_migrations, kn_migrations_count, err) < 0 ? -1 : kn_namesake_start(d, err);
}

/* Without this every thread (librdkafka has several) keeps a heap of its own, and none gives anything back. */
static void bound_memory(void)
{
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_TRIM_THRESHOLD, 1 << 20);
}

/*
 * As many files as it is let: what there is of consoles, connections and guests is bounded by limits of their own, and the 1024 that a process has by custom (select()
 * could not go beyond, and nothing here calls it) are fewer. What is run by a daemon has them as well.
 */
static void daemon_take_files(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < FILES) {
        files.rlim_cur = files.rlim_max < FILES ? files.rlim_max : FILES;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

/* An agent does so when it knows its id. */
static int daemon_speak(struct kn_daemon *d, struct kn_error *err)
{
    AUTO_FREE char *who = kn_asprintf("%s/%s", d->name, d->host);

    return kn_bus_speak_as(d->bus, who, err);
}

int kn_daemon_init(struct kn_daemon *d, const char *name, int argc, char **argv, char ***ret_left, bool with_db,
                   struct kn_error *err)
{
    d->name = name;
    d->progress_ms = kn_mono_ms();
    bound_memory();
    daemon_take_files();
    kn_log_init(name, KN_INFO);
    if (kn_conf_load(&d->conf, argc, argv, ret_left, err) < 0 || daemon_set_log(d, err) < 0) {
        return -1;
    }
    if (d->check != NULL && d->check(&d->conf, err) < 0) {
        return -1;
    }
    set_names(d);
    catch_signals(d);
    if (kn_health_open(d, &d->health, err) < 0 || (with_db && open_database(d, err) < 0) ||
        kn_bus_new(&d->conf, name, &d->bus, err) < 0 || (with_db && daemon_speak(d, err) < 0)) {
        return -1;
    }
    kn_log(KN_INFO, "started", "host", d->host, "boot", d->id, "bus", d->conf.bus_brokers, NULL);
    return with_db ? kn_daemon_heartbeat(d, err) : 0;
}

void kn_daemon_release(struct kn_daemon *d)
{
    kn_health_close(d->health);
    kn_bus_free(d->bus);
    kn_db_free(d->db);
    kn_db_free(d->name_db); /* the last: nothing of ours works any more */
    kn_log(KN_INFO, "stopped", NULL);
}

/* NULL: nothing holds it up. */
static const char *why_stuck(const struct kn_daemon *d)
{
    for (int kind = 0; kind < KN_STUCK_KINDS; kind++) {
        if (d->stuck[kind][0] != '\0') {
            return d->stuck[kind];
        }
    }
    return NULL;
}

bool kn_daemon_stuck(struct kn_daemon *d, enum kn_stuck kind, const struct kn_error *why)
{
    const char *text = why == NULL ? "" : why->message;
    const bool is_news = strncmp(d->stuck[kind], text, sizeof(d->stuck[kind]) - 1) != 0;

    kn_copy(d->stuck[kind], sizeof(d->stuck[kind]), text);
    kn_condition_stuck(&d->condition, why_stuck(d));
    return is_news;
}

void kn_daemon_progress(struct kn_daemon *d)
{
    d->progress_ms = kn_mono_ms();
    kn_daemon_stuck(d, KN_STUCK_WORK, NULL);
    kn_daemon_stuck(d, KN_STUCK_BUS, NULL);
}

static int write_heartbeat(struct kn_daemon *d, struct kn_error *err)
{
    AUTO_FREE char *binary = kn_asprintf("kilonova-%s", d->name);
    AUTO_FREE char *id = kn_asprintf("%s/%s", binary, d->host);
    struct kn_db *db = atomic_load(&d->standing_by) ? d->name_db : d->db;
    struct kn_arg idle;

    if (kn_namesake_keep(d, err) < 0) {
        return -1;
    }
    return kn_db_run(db, &HEARTBEAT,
                     KN_ARGS(id, binary, d->host, d->id, kn_arg_int(&idle, kn_mono_ms() - d->progress_ms),
                             why_stuck(d)),
                     NULL, err);
}

int kn_daemon_heartbeat(struct kn_daemon *d, struct kn_error *err)
{
    struct kn_error why = { 0 };

    if (write_heartbeat(d, &why) < 0) {
        kn_condition_missed(&d->condition, why.message);
        *err = why;
        return -1;
    }
    kn_condition_beat(&d->condition, kn_mono_ms());
    return 0;
}

/* --- messages --------------------------------------------------------------------------------------------------------- */

int kn_daemon_send(struct kn_daemon *d, const char *topic, int partition, const struct kn_message *message,
                   struct kn_error *err)
{
    if (kn_bus_say(d->bus, topic, partition, message, err) < 0) {
        return kn_fail_context(err, "send %s", message->type->name);
    }
    kn_metric_add(&SENT, 1, message->type->name, NULL);
    return 0;
}

/*
 * A line for each reason (that of a refused signature names the sender) and minute, and never more than KN_DEAD_REASONS of them: whoever sends without end must not
 * fill the disk, too.
 */
static void log_dead(struct kn_daemon *d, const char *topic, const char *from, const char *reason)
{
    const int64_t now = kn_mono_ms();
    struct kn_arg passed;

    if (now >= d->dead.until_ms) {
        if (d->dead.passed > 0) {
            kn_log(KN_WARNING, "dead messages that were not told of", "count", kn_arg_int(&passed, d->dead.passed),
                   NULL);
        }
        memset(&d->dead, 0, sizeof(d->dead));
        d->dead.until_ms = now + DEAD_WINDOW_MS;
    }
    for (int i = 0; i < d->dead.count; i++) {
        if (strncmp(d->dead.reasons[i], reason, sizeof(d->dead.reasons[i]) - 1) == 0) {
            d->dead.passed++;
            return;
        }
    }
    if (d->dead.count == KN_DEAD_REASONS) {
        d->dead.passed++;
        return;
    }
    kn_copy(d->dead.reasons[d->dead.count++], sizeof(d->dead.reasons[0]), reason);
    kn_log(KN_WARNING, "dead message", "topic", topic, "reason", reason, "from", from, NULL);
}

/* Who the bytes say they are from: the envelope's speaker, or the agent that answers or reports. Heap; NULL: they do not say. */
static char *claimed_sender(const struct kn_bus_message *raw)
{
    static const char *const NAMES[] = { "\"from\":\"", "\"agent\":\"" };
    static const char FIT[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./@:";

    for (size_t i = 0; raw->len > 0 && i < KN_COUNT(NAMES); i++) {
        const char *at = memmem(raw->data, raw->len, NAMES[i], strlen(NAMES[i]));
        char name[SENDER_MAX + 1] = "";

        if (at != NULL) {
            at += strlen(NAMES[i]);
            const size_t left = raw->len - (size_t)(at - raw->data);

            memcpy(name, at, left < SENDER_MAX ? left : SENDER_MAX);
            name[strspn(name, FIT)] = '\0';
        }
        if (name[0] != '\0') {
            return kn_strdup(name);
        }
    }
    return NULL;
}

/* What is not UTF-8 cannot be shown as it is: json_stringn refuses it, and the length is all that is told. */
void kn_daemon_dead(struct kn_daemon *d, const struct kn_bus_message *raw, const struct kn_error *why)
{
    struct kn_error err = { 0 };
    json_t *data = raw->len <= 4096 ? json_stringn(raw->data, raw->len) : NULL;
    AUTO_FREE char *from = claimed_sender(raw);
    json_t *dead = json_pack("{s:s, s:i, s:s*, s:{s:s, s:s}, s:I, s:o*}", "topic", raw->topic, "partition",
                             raw->partition, "from", from, "error", "code", kn_code_name(why->code), "message",
                             why->message, "length", (json_int_t)raw->len, "data", data);
    AUTO_FREE char *text = json_dumps(dead, JSON_COMPACT);

    json_decref(dead);
    kn_metric_add(&DEAD, 1, raw->topic, NULL);
    log_dead(d, raw->topic, from, why->message);
    if (text != NULL && kn_bus_send(d->bus, KN_TOPIC_DEAD, 0, text, strlen(text), &err) < 0) {
        kn_log_error("send to kn.dead", &err);
    }
}

void kn_daemon_bury(struct kn_daemon *d, const struct kn_message *message, const struct kn_error *why)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    struct kn_error err = { 0 };

    if (kn_message_print(message, &text, &err) < 0) {
        kn_log_error("send to kn.dead", &err);
        return;
    }
    const struct kn_bus_message raw = { .topic = message->is_reply ? KN_TOPIC_REPLY : message->type->topic,
                                        .data = text.buf,
                                        .len = text.len };
    kn_daemon_dead(d, &raw, why);
}

static void reply(struct kn_daemon *d, const struct kn_message *command, struct kn_message *answer)
{
    const char *topic = command->type->is_question ? KN_TOPIC_ANSWER : KN_TOPIC_REPLY;
    struct kn_error err = { 0 };

    answer->type = command->type;
    answer->is_reply = true;
    answer->task = command->task;
    answer->step = command->step;
    answer->part = command->part;
    answer->attempt = command->attempt;
    answer->generation = command->generation;
    answer->shard = command->shard;
    answer->sent_at = kn_now_ms();
    kn_copy(answer->request_id, sizeof(answer->request_id), command->request_id);
    kn_copy(answer->question, sizeof(answer->question), command->question);
    kn_copy(answer->agent, sizeof(answer->agent), command->agent);
    if (kn_daemon_send(d, topic, command->type->is_question ? 0 : command->shard, answer, &err) < 0) {
        kn_log_error("reply", &err); /* who waits asks again at the deadline */
    }
}

void kn_reply_done(struct kn_daemon *d, const struct kn_message *command, json_t *result)
{
    struct kn_message answer = { .ok = true, .result = result == NULL ? json_object() : json_incref(result) };

    reply(d, command, &answer);
    json_decref(answer.result);
}

void kn_reply_failed(struct kn_daemon *d, const struct kn_message *command, const struct kn_error *why, bool elsewhere)
{
    struct kn_message answer = { .ok = false, .elsewhere = elsewhere, .error = *why };

    reply(d, command, &answer);
}
