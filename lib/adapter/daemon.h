/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon: what every kilonova-* process shares: conf, log, signals, drain, /healthz and /metrics, its row in `service`, and the
 * loop "take what is there, handle the batch, send the replies".
 *
 *   int main(int argc, char **argv) { return kn_service_main(&SCHEDULER, argc, argv); }
 */
#ifndef KN_ADAPTER_DAEMON_H
#define KN_ADAPTER_DAEMON_H

#include <stdatomic.h>
#include <stdbool.h>

#include "lib/adapter/bus.h"
#include "lib/adapter/condition.h"
#include "lib/adapter/conf.h"
#include "lib/adapter/db.h"
#include "lib/domain/message.h"

struct kn_health;

#define KN_DEAD_REASONS 64

/* What was said of dead messages in this minute. Main thread. */
struct kn_dead_told {
    int64_t until_ms;
    int64_t passed; /* those that were not told of */
    int count;
    char reasons[KN_DEAD_REASONS][160];
};

/* What a daemon may be held up by, each with its own reason. Main thread. */
enum kn_stuck {
    KN_STUCK_WORK,  /* the same work is tried again and again */
    KN_STUCK_TIMER, /* what is due every now and then fails each time */
    KN_STUCK_BUS,   /* it does not hear what it says itself */
    KN_STUCK_SETTINGS, /* what it was told to use is not what belongs to this cloud; until it starts anew */
    KN_STUCK_KINDS
};

struct kn_daemon {
    int (*check)(const struct kn_conf *conf,
                 struct kn_error *err); /* set before kn_daemon_init: of struct kn_service; or NULL */
    struct kn_conf conf;
    const char *name;       /* "scheduler" */
    char host[256];         /* what it reports */
    char id[37];            /* random at each start: "who am I in this life" */
    struct kn_bus *bus;
    struct kn_db *db;       /* the main thread's; NULL in the agent */
    struct kn_db *name_db;  /* holds the lock of its name (namesake.h); NULL in the agent */
    atomic_bool ready;      /* it serves: from here on /healthz says so */
    atomic_bool stopping;   /* set by SIGTERM and SIGINT: finish the batch, then leave */
    atomic_bool standing_by; /* another one of its kind works; this one waits */
    atomic_bool ousted;      /* another one took its name: it stops, and that is a failure */
    struct kn_health *health; /* its door, or NULL */
    struct kn_dead_told dead;
    int64_t
        progress_ms; /* monotonic: when it last finished something, or heard that there is nothing to do; main thread, as stuck */
    char stuck[KN_STUCK_KINDS][300]; /* why it gets nowhere; "": it does */
    struct kn_condition condition; /* what its door says of all that */
};

/*
 * A bus service: reads one topic (partition 0), answers every command. The loop hands over batches; `handle` does ONE
 * transaction for all of them and answers each with kn_reply_*(). On KN_UNAVAILABLE (database away) the loop waits for the
 * database and hands the same batch over again: nothing was applied. A second service of the same kind waits on an advisory lock
 * (one active writer, the rest stand by).
 */
struct kn_service {
    const char *name; /* "network": binary kilonova-network */
    const char *topic; /* KN_TOPIC_NETWORK */
    bool reads_reports; /* also hands over kn.report messages, in the same batches */
    bool
        obeys_tasks; /* hands over only commands whose task stands at their attempt; the others are answered KN_STALE */
    bool works_long; /* takes part in what is said about long work: `cancel` is handed over */
    int64_t tick_ms; /* how often tick runs, 0 = never */
    /* Its settings, as far as they can be judged without anybody: before it says that it lives, and when it stands by, too. NULL: nothing is judged. */
    int (*check)(const struct kn_conf *conf, struct kn_error *err);
    int (*start)(struct kn_daemon *d, void **ret_state, struct kn_error *err);
    int (*handle)(struct kn_daemon *d, void *state, struct kn_message **messages, int count, struct kn_error *err);
    int (*tick)(struct kn_daemon *d, void *state, struct kn_error *err);
    void (*stop)(struct kn_daemon *d, void *state);
};

int kn_service_main(const struct kn_service *service, int argc, char **argv);

/* The pieces, for the daemons with loops of their own (api, conductor, agent). */
/* A connection to the configured database, with the configured patience. Connects lazily. */
struct kn_db *kn_daemon_db(const struct kn_conf *conf, const char *name);
int kn_daemon_init(struct kn_daemon *d, const char *name, int argc, char **argv, char ***ret_left, bool with_db,
                   struct kn_error *err);
void kn_daemon_release(struct kn_daemon *d);
/*
 * Keeps the daemon's name (namesake.h), then writes its row in `service` (binary kilonova-<name>, host, last_seen, its progress and what holds it up);
 * call every few seconds, standing by, too: over the connection of its name then. /healthz lives by it.
 */
int kn_daemon_heartbeat(struct kn_daemon *d, struct kn_error *err);

/*
 * It lives and gets nowhere: its next heartbeat says why, and whoever lists services sees that instead of "up". why NULL: this kind of trouble is
 * over. True if that is news, and worth a line in the log.
 */
bool kn_daemon_stuck(struct kn_daemon *d, enum kn_stuck kind, const struct kn_error *why);
/* Something was finished: ends KN_STUCK_WORK and KN_STUCK_BUS. */
void kn_daemon_progress(struct kn_daemon *d);

/* Sends a message of any type to a topic. */
int kn_daemon_send(struct kn_daemon *d, const char *topic, int partition, const struct kn_message *message,
                   struct kn_error *err);
/*
 * Sends what could not be parsed to kn.dead, with its topic, the reason and whoever it says it is from: {"topic","from","error":{code,message},"data"}.
 * `from` is there when a sender is named in it, be it no JSON at all; it is a claim, unless the error says that its signature was good.
 */
void kn_daemon_dead(struct kn_daemon *d, const struct kn_bus_message *raw, const struct kn_error *why);
/* The same for a message that was read, but that nobody can do. */
void kn_daemon_bury(struct kn_daemon *d, const struct kn_message *message, const struct kn_error *why);
/* Answers a command: to kn.reply, partition = the command's shard; a question: to kn.answer, in the name of its `agent`. result may be NULL (= {}); it is not consumed. */
void kn_reply_done(struct kn_daemon *d, const struct kn_message *command, json_t *result);
/* elsewhere: another host could do it. */
void kn_reply_failed(struct kn_daemon *d, const struct kn_message *command, const struct kn_error *why, bool elsewhere);

#endif
