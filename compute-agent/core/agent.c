/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent: the life of the process: open the driver, read the own topic from its end, say hello, then commands and timers
 * until told to stop. What a command means is command.c's, what is reported report.c's.
 */
#include "compute-agent/core/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "compute-agent/core/file.h"
#include "compute-agent/core/keys.h"
#include "compute-agent/core/unpack.h"
#include "lib/base/backoff.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/lease.h"
#include "lib/domain/hello.h"

#define BATCH_MAX 500
#define POLL_MS 250
#define HOLD_MS 250
#define HEARTBEAT_MS 5000
#define DOMAINS_MS 60000
#define TIDY_MS 5000
#define TOPIC_WAIT_MS 10000
#define JOBS_MAX 4096
#define JOBS_OF_ONE 2048 /* of a project */
#define READERS 2
#define QUESTIONS_MAX 64 /* that wait or are read; whoever asks one more is told so */
#define QUESTIONS_OF_ONE (QUESTIONS_MAX / 4) /* of a project's: the others' find room */
#define ANSWER_WAIT_MS 1000
#define LOCK_WAIT_MS 3000 /* for one that was told to stop just now */
#define LOCK_EVERY_MS 50
#define ID_MAX 200 /* a topic has 249 */

struct timer {
    int64_t every_ms;
    void (*ring)(struct kn_agent *agent);
    int64_t next_ms;
};

static void tidy(struct kn_agent *agent)
{
    agent->driver->tick(agent->driver_state, kn_now_ms());
}

/* --driver NAME and --hosts N: short for two options of [agent]. */
static int take_options(struct kn_conf *conf, char **left, struct kn_error *err)
{
    for (; *left != NULL; left += 2) {
        char *end = NULL;
        if (strcmp(*left, "--driver") == 0 && left[1] != NULL) {
            conf->agent_driver = left[1];
        } else if (strcmp(*left, "--hosts") == 0 && left[1] != NULL) {
            conf->agent_sim_hosts = strtol(left[1], &end, 10);
            if (*end != '\0' || conf->agent_sim_hosts < 1 || conf->agent_sim_hosts > 200000) {
                return kn_fail(err, KN_BAD_REQUEST, "--hosts \"%s\" is not a number from 1 to 200000", left[1]);
            }
        } else {
            return kn_fail(err, KN_BAD_REQUEST, "option \"%s\" is unknown or lacks its value", *left);
        }
    }
    return 0;
}

static const char *or_else(const char *text, const char *otherwise)
{
    return text[0] != '\0' ? text : otherwise;
}

/* A hypervisor that is not up yet is waited for: the host starts in whatever order it likes. */
static int open_driver(struct kn_agent *agent, const char *host, const struct kn_agent_driver_events *events,
                       struct kn_error *err)
{
    struct kn_backoff backoff = { .min_ms = 200, .max_ms = 5000 };
    struct kn_conf *conf = &agent->daemon.conf;

    for (;;) {
        if (agent->driver->open(conf, host, events, &agent->driver_state, err) == 0) {
            return 0;
        }
        if (err->code != KN_UNAVAILABLE || agent->daemon.stopping) {
            return -1;
        }
        kn_log_error("opening the driver", err);
        usleep((useconds_t)kn_backoff_next(&backoff, (uint32_t)kn_mono_us()) * 1000);
        kn_error_clear(err);
    }
}

/*
 * Two agents with one id obey every command twice. On one machine the lock of a file tells, and a dead process has none; on two the scheduler finds
 * out (scheduler/boots.h) and says agent.refused.
 */
static int hold_id(struct kn_agent *agent, struct kn_error *err)
{
    AUTO_FREE char *path = kn_asprintf("%s/agent-%s.lock", agent->daemon.conf.agent_state_dir, agent->id);

    agent->id_lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (agent->id_lock < 0) {
        return kn_fail(err, KN_INTERNAL, "cannot open \"%s\": %s", path, strerror(errno));
    }
    for (int waited_ms = 0; flock(agent->id_lock, LOCK_EX | LOCK_NB) < 0; waited_ms += LOCK_EVERY_MS) {
        if (errno != EWOULDBLOCK || waited_ms >= LOCK_WAIT_MS) {
            kn_fail(err, KN_CONFLICT, "another agent with the id \"%s\" is alive on this machine: it has \"%s\" locked",
                    agent->id, path);
            return kn_fail_hint(err, "give each agent of a machine an agent.id and an agent.state_dir of its own");
        }
        usleep(LOCK_EVERY_MS * 1000);
    }
    return 0;
}

void kn_agent_refused(struct kn_agent *agent, const struct kn_message *m)
{
    struct kn_error err = { 0 };

    if (strcmp(kn_json_str(m->body, "boot"), agent->daemon.id) != 0) {
        return;
    }
    kn_fail(&err, KN_CONFLICT, "another agent with the id \"%s\" is alive, its boot is \"%s\": this one stops",
            agent->id, kn_json_str(m->body, "living"));
    kn_fail_hint(&err, "give each agent an agent.id of its own");
    kn_log_error("refused", &err);
    atomic_store(&agent->daemon.ousted, true);
    atomic_store(&agent->daemon.stopping, true);
}

/* What the configuration and the hypervisor make of the hosts, judged as the scheduler will: it would leave them out, far away from whoever can mend it. */
static int check_hosts(const json_t *hosts, struct kn_error *err)
{
    json_t *sane = NULL;
    json_t *mad = NULL;
    const json_t *first;

    if (json_array_size(hosts) == 0) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "the hypervisor's host cannot be told: is its name, or a text of [agent], no UTF-8?");
    }
    kn_hello_sift(hosts, &sane, &mad);
    first = json_array_get(mad, 0);
    if (first != NULL) {
        kn_fail(err, KN_BAD_REQUEST, "host \"%.255s\" makes no sense: %s", kn_json_str(first, "subject"),
                kn_json_str(first, "reason"));
        kn_fail_hint(err, "look at the options of [agent] and at what the hypervisor says of this machine");
    }
    json_decref(sane);
    json_decref(mad);
    return first == NULL ? 0 : -1;
}

/* The id becomes the name of a topic, and Kafka takes no others. */
static int check_id(const char *id, struct kn_error *err)
{
    const size_t length = strlen(id);

    if (length == 0 || length > ID_MAX ||
        id[strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] != '\0') {
        return kn_fail(err, KN_BAD_REQUEST,
                       "agent.id \"%.64s\" is not 1 to %d letters, digits, dots, underscores and hyphens", id, ID_MAX);
    }
    return 0;
}

static int agent_speak(struct kn_agent *agent, struct kn_error *err)
{
    AUTO_FREE char *who = kn_asprintf("agent/%s", agent->id);

    return kn_bus_speak_as(agent->daemon.bus, who, err);
}

static int open_lanes(struct kn_agent *agent, int threads, struct kn_error *err)
{
    const struct kn_work_trade commands = {
        .run = kn_agent_obey, .ctx = agent, .threads = threads, .jobs = JOBS_MAX, .jobs_per_project = JOBS_OF_ONE
    };
    const struct kn_work_trade questions = { .run = kn_agent_obey,
                                             .ctx = agent,
                                             .threads = READERS,
                                             .jobs = QUESTIONS_MAX,
                                             .jobs_per_project = QUESTIONS_OF_ONE };

    if (kn_agent_consoles_new(&agent->consoles, err) < 0) {
        return -1;
    }
    if (threads == 0) {
        return 0;
    }
    return kn_works_new(&agent->daemon, &commands, &agent->works, err) < 0
               ? -1
               : kn_works_new(&agent->daemon, &questions, &agent->readers, err);
}

static int agent_start(struct kn_agent *agent, char **left, const struct kn_agent_driver_events *events,
                       struct kn_error *err)
{
    struct kn_conf *conf = &agent->daemon.conf;
    const char *host;

    if (take_options(conf, left, err) < 0) {
        return -1;
    }
    host = or_else(conf->agent_host, agent->daemon.host);
    if (check_id(or_else(conf->agent_id, host), err) < 0) {
        return -1;
    }
    kn_copy(agent->id, sizeof(agent->id), or_else(conf->agent_id, host));
    snprintf(agent->topic, sizeof(agent->topic), "%s%s", KN_TOPIC_AGENT, agent->id);
    agent->driver = kn_agent_driver_find(conf->agent_driver);
    if (agent->driver == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "agent.driver \"%s\" is neither libvirt nor lxc nor sim",
                       conf->agent_driver);
    }
    if (agent_speak(agent, err) < 0 || kn_agent_file_make_dir(conf->agent_state_dir, err) < 0 ||
        hold_id(agent, err) < 0 || open_driver(agent, host, events, err) < 0 ||
        agent->driver->inventory(agent->driver_state, &agent->hosts, err) < 0 || check_hosts(agent->hosts, err) < 0) {
        return -1;
    }
    return open_lanes(agent, agent->driver->workers(agent->driver_state), err);
}

/* The order matters: first listen, then say hello, so that what hello brings is heard. */
static int listen_topic(struct kn_agent *agent, struct kn_bus_reader *reader, struct kn_error *err)
{
    struct kn_bus *bus = agent->daemon.bus;
    struct kn_error why = { 0 };

    if (kn_bus_ensure_topic(bus, agent->topic, 1, TOPIC_WAIT_MS, err) < 0 ||
        kn_bus_ensure_topic(bus, KN_TOPIC_REPORT, 1, TOPIC_WAIT_MS, err) < 0 ||
        kn_bus_ensure_topic(bus, KN_TOPIC_REPLY, KN_SHARDS, TOPIC_WAIT_MS, err) < 0) {
        return -1;
    }
    /* An older control plane has made none, and an agent with ACLs cannot: it serves all the same. */
    if (kn_bus_ensure_topic(bus, KN_TOPIC_ANSWER, 1, ANSWER_WAIT_MS, &why) < 0) {
        kn_log_error("questions", &why);
    }
    return kn_bus_assign(reader, agent->topic, 0, err);
}

static void agent_take(struct kn_agent *agent, const struct kn_bus_message *raw)
{
    AUTO_FREE struct kn_message *m = KN_NEW(struct kn_message);
    struct kn_error err = { 0 };

    if (kn_bus_hear(agent->daemon.bus, raw, m, &err) < 0) {
        kn_daemon_dead(&agent->daemon, raw, &err);
        return;
    }
    kn_agent_command(agent, kn_steal(&m));
}

static void ring_timers(struct kn_agent *agent, struct timer *timers, size_t count)
{
    int64_t now = kn_mono_ms();

    for (size_t i = 0; i < count; i++) {
        if (now >= timers[i].next_ms) {
            timers[i].next_ms = now + timers[i].every_ms;
            timers[i].ring(agent);
        }
    }
}

static void beat_often(struct kn_agent *agent)
{
    if (agent->is_holding) {
        kn_agent_heartbeat(agent);
    }
}

/* What was said last has arrived, if nothing is on its way. */
static void agent_hold(struct kn_agent *agent)
{
    if (kn_bus_is_quiet(agent->daemon.bus)) {
        agent->reached_ms = agent->said_ms;
    }
    const bool was_holding = agent->is_holding;

    if (agent->driver->hold != NULL &&
        agent->driver->hold(agent->driver_state, agent->reached_ms, &agent->is_holding)) {
        kn_agent_hello(agent);
    } else if (agent->is_holding && !was_holding) { /* its last word may be old */
        kn_agent_heartbeat(agent);
    }
    kn_agent_standing(agent);
}

static void agent_loop(struct kn_agent *agent, struct kn_bus_reader *reader)
{
    struct timer timers[] = { { HEARTBEAT_MS, kn_agent_heartbeat, kn_mono_ms() + HEARTBEAT_MS },
                              { DOMAINS_MS, kn_agent_domains, kn_mono_ms() + DOMAINS_MS },
                              { TIDY_MS, tidy, kn_mono_ms() + TIDY_MS },
                              { KN_LEASE_BEAT_MS, beat_often, kn_mono_ms() + KN_LEASE_BEAT_MS },
                              { HOLD_MS, agent_hold, kn_mono_ms() + HOLD_MS } };
    struct kn_bus_message batch[BATCH_MAX];
    int64_t epoch = kn_bus_epoch(agent->daemon.bus);

    kn_agent_hello(agent);
    while (!agent->daemon.stopping) {
        int count = kn_bus_poll(reader, batch, BATCH_MAX, POLL_MS);
        for (int i = 0; i < count; i++) {
            agent_take(agent, &batch[i]);
            kn_bus_message_done(&batch[i]);
            ring_timers(agent, timers, KN_COUNT(timers)); /* the host's word does not wait behind what it is told */
        }
        /* Another broker behind the address: what was on its way is gone. */
        if (epoch != kn_bus_epoch(agent->daemon.bus)) {
            epoch = kn_bus_epoch(agent->daemon.bus);
            kn_agent_hello(agent);
        }
        ring_timers(agent, timers, KN_COUNT(timers));
    }
}

static int agent_serve(struct kn_agent *agent, struct kn_error *err)
{
    AUTO(kn_bus_reader) struct kn_bus_reader *reader = NULL;

    if (kn_bus_reader_new(agent->daemon.bus, &reader, err) < 0 || listen_topic(agent, reader, err) < 0) {
        return -1;
    }
    kn_log(KN_INFO, "agent ready", "agent", agent->id, "driver", agent->driver->name, NULL);
    atomic_store(&agent->daemon.ready, true);
    agent_loop(agent, reader);
    return 0;
}

static void agent_stop(struct kn_agent *agent)
{
    atomic_store(&agent->daemon.stopping, true);
    kn_works_free(agent->works);
    kn_works_free(agent->readers);
    kn_agent_consoles_free(agent->consoles);
    if (agent->driver_state != NULL) {
        agent->driver->close(agent->driver_state);
    }
    json_decref(agent->hosts);
    json_decref(agent->standing);
    kn_daemon_release(&agent->daemon);
}

int kn_agent_main(int argc, char **argv)
{
    static struct kn_agent agent;
    struct kn_agent_driver_events events = { kn_agent_power_changed, kn_agent_networks_missed, kn_agent_announced,
                                             kn_agent_keys_ask, &agent };
    struct kn_error err = { 0 };
    char **left = NULL;
    int done;

    if (argc > 1 && strcmp(argv[1], KN_UNPACK_OPTION) == 0) { /* an errand of an agent that runs already */
        return kn_agent_unpack_main(argc, argv);
    }
    pthread_mutex_init(&agent.saying, NULL);
    kn_agent_keys_init(&agent);
    if (kn_daemon_init(&agent.daemon, "agent", argc, argv, &left, false, &err) < 0) {
        kn_log_error("starting", &err);
        return 1;
    }
    done = agent_start(&agent, left, &events, &err) < 0 ? -1 : agent_serve(&agent, &err);
    if (done < 0) {
        kn_log_error("agent", &err);
    }
    agent_stop(&agent);
    free(left);
    return done < 0 || atomic_load(&agent.daemon.ousted) ? 1 : 0;
}
