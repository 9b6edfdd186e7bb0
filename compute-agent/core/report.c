/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report: what the agent says unasked on kn.report: hello, heartbeat, the guests it has, a guest that changed by itself.
 * Losing any of these is fine: the next one says it again.
 */
#include "compute-agent/core/agent.h"
#include "compute-agent/core/uptime.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/form.h"

#define HOSTS_A_HELLO 1000  /* about 250 bytes each, KN_MESSAGE_MAX in all */
#define GUESTS_A_REPORT 500
#define STANDING_MS 30000 /* the same is said again after that */

void kn_agent_count_from(struct kn_agent *agent, int64_t after)
{
    pthread_mutex_lock(&agent->saying);
    agent->said = after > agent->said ? after : agent->said;
    pthread_mutex_unlock(&agent->saying);
}

/* The clock orders the lives of an agent; within one, and when it steps back, the last number does. */
static int64_t next_number(struct kn_agent *agent)
{
    const int64_t now_us = kn_now_us();

    agent->said = now_us > agent->said ? now_us : agent->said + 1;
    return agent->said;
}

/* Steals body. generation: of the guest that it is about, 0 = about none. */
static void report_of(struct kn_agent *agent, const char *type, int64_t generation, json_t *body)
{
    struct kn_message m;
    struct kn_error err = { 0 };

    kn_message_init(&m, type, body);
    m.generation = generation;
    pthread_mutex_lock(&agent->saying);
    m.seq = next_number(agent);
    if (kn_daemon_send(&agent->daemon, KN_TOPIC_REPORT, 0, &m, &err) < 0) {
        kn_log_error(type, &err);
    }
    pthread_mutex_unlock(&agent->saying);
    kn_message_release(&m);
}

void kn_agent_report(struct kn_agent *agent, const char *type, json_t *body)
{
    report_of(agent, type, 0, body);
}

/* NULL: none; else out. */
static const char *question_of(struct kn_agent *agent, char out[KN_UUID_SIZE])
{
    if (agent->driver->question == NULL) {
        return NULL;
    }
    agent->driver->question(agent->driver_state, out);
    return out;
}

static void hello_piece(struct kn_agent *agent, json_t *hosts)
{
    char question[KN_UUID_SIZE];

    kn_agent_report(agent, "agent.hello",
                    json_pack("{s:s, s:s, s:o, s:s*}", "agent", agent->id, "boot", agent->daemon.id, "hosts", hosts,
                              "question", question_of(agent, question)));
}

void kn_agent_hello(struct kn_agent *agent)
{
    json_t *piece = json_array();
    size_t i;
    json_t *host;

    agent->said_ms = kn_mono_ms();
    json_array_foreach (agent->hosts, i, host) {
        json_array_append(piece, host);
        if (json_array_size(piece) == HOSTS_A_HELLO) {
            hello_piece(agent, piece);
            piece = json_array();
        }
    }
    if (json_array_size(piece) > 0) {
        hello_piece(agent, piece);
    } else {
        json_decref(piece);
    }
    kn_agent_domains(agent);
}

void kn_agent_heartbeat(struct kn_agent *agent)
{
    char uptime[KN_SIZE_OF(UPTIME)];

    kn_agent_uptime(uptime, sizeof(uptime));
    agent->said_ms = kn_mono_ms();
    kn_condition_beat(&agent->daemon.condition, agent->said_ms);
    kn_agent_report(agent, "agent.heartbeat",
                    json_pack("{s:s, s:s, s:s, s:o*}", "agent", agent->id, "boot", agent->daemon.id, "uptime", uptime,
                              "networks", agent->driver->networks_known(agent->driver_state)));
}

void kn_agent_standing(struct kn_agent *agent)
{
    json_auto_t *standing = agent->driver->standing == NULL ? NULL : agent->driver->standing(agent->driver_state);
    const int64_t now_ms = kn_mono_ms();
    const bool is_empty = json_array_size(json_object_get(standing, "routers")) == 0;

    if (standing == NULL || (is_empty && agent->standing == NULL) ||
        (json_equal(standing, agent->standing) && (is_empty || now_ms - agent->standing_ms < STANDING_MS))) {
        return;
    }
    json_decref(agent->standing);
    agent->standing = json_incref(standing);
    agent->standing_ms = now_ms;
    kn_agent_report(agent, "net.routers",
                    json_pack("{s:s, s:O, s:O}", "agent", agent->id, "host", json_object_get(standing, "host"),
                              "routers", json_object_get(standing, "routers")));
}

void kn_agent_networks_missed(void *ctx, const char *host, int64_t version)
{
    char question[KN_UUID_SIZE];

    kn_agent_report(ctx, "net.ask",
                    json_pack("{s:s, s:s, s:I, s:s*}", "agent", ((struct kn_agent *)ctx)->id, "host", host, "version",
                              (json_int_t)version, "question", question_of(ctx, question)));
}

void kn_agent_announced(void *ctx, const char *host, json_t *heard)
{
    kn_agent_report(ctx, "net.announced",
                    json_pack("{s:s, s:s, s:O}", "agent", ((struct kn_agent *)ctx)->id, "host", host, "heard", heard));
}

/* The guests of one host on their way into messages. */
struct report_roll {
    struct kn_agent *agent;
    const char *host;
    json_t *domains;
};

static void roll_send(struct report_roll *roll)
{
    if (json_array_size(roll->domains) > 0) {
        kn_agent_report(roll->agent, "agent.domains",
                        json_pack("{s:s, s:s, s:O}", "agent", roll->agent->id, "host", roll->host, "domains",
                                  roll->domains));
    }
    json_array_clear(roll->domains);
}

static void report_roll_add(void *ctx, const char *server, const struct kn_agent_guest *guest)
{
    struct report_roll *roll = ctx;

    json_array_append_new(roll->domains, kn_form_write_guest(server, guest->generation, guest->power_state));
    if (json_array_size(roll->domains) == GUESTS_A_REPORT) {
        roll_send(roll);
    }
}

static void domains_of(struct kn_agent *agent, const char *host)
{
    struct report_roll roll = { agent, host, json_array() };
    struct kn_error err = { 0 };

    if (agent->driver->list(agent->driver_state, host, report_roll_add, &roll, &err) < 0) {
        kn_log_error("listing guests", &err);
    }
    roll_send(&roll);
    json_decref(roll.domains);
}

static void domains_of_all(void *ctx)
{
    struct kn_agent *agent = ctx;
    size_t i;
    json_t *host;

    json_array_foreach (agent->hosts, i, host) {
        domains_of(agent, kn_json_str(host, "host"));
    }
}

void kn_agent_domains(struct kn_agent *agent)
{
    /* A hypervisor may take its time: not on the thread that reads the bus and lives by heartbeats. */
    if (agent->works == NULL) {
        domains_of_all(agent);
    } else if (kn_works_errand(agent->works, "domains", domains_of_all, NULL) < 0) {
        kn_log(KN_WARNING, "too busy to list guests", NULL);
    }
}

void kn_agent_power_changed(void *ctx, const char *host, const char *server, const struct kn_agent_guest *guest,
                            const char *reason)
{
    report_of(ctx, "server.power_state", guest->generation,
              json_pack("{s:s, s:s, s:s, s:i, s:s}", "agent", ((struct kn_agent *)ctx)->id, "host", host, "server",
                        server, "power_state", guest->power_state, "reason", reason));
}
