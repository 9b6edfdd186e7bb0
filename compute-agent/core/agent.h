/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent: one process on every host (or one that carries many simulated ones). Reads its own topic from the end, does what
 * it is told in the order of each server, and reports what is. No database.
 */
#ifndef KN_COMPUTE_AGENT_CORE_AGENT_H
#define KN_COMPUTE_AGENT_CORE_AGENT_H

#include <pthread.h>

#include "compute-agent/core/consoles.h"
#include "compute-agent/core/driver.h"
#include "lib/adapter/daemon.h"
#include "lib/adapter/work.h"

struct kn_agent {
    struct kn_daemon daemon;
    char id[256];                   /* its topic is kn.agent.<id> */
    char topic[300];
    const struct kn_agent_driver *driver; /* immutable after start, as all above */
    void *driver_state;             /* the driver's own locks guard it */
    struct kn_works *works;         /* NULL: commands run where they are read */
    struct kn_works *readers; /* questions: they wait for no command, and no command for them; NULL with works */
    struct kn_agent_consoles *consoles; /* locks itself */
    pthread_mutex_t saying; /* held while a report is sent, so that they come in the order of their numbers */
    int64_t said_ms,
        reached_ms; /* monotonic: when it last said that it lives; of the newest of these that the bus has. Main thread */
    bool is_holding; /* its hosts have routers: it says often that it lives. Main thread */
    json_t *standing; /* what was last said of routers; NULL: nothing. Main thread, as the next */
    int64_t standing_ms;
    int64_t said; /* guarded by saying: the number of the last report */
    pthread_mutex_t asking; /* guards questions and their answers (keys.h) */
    pthread_cond_t answered;
    struct kn_agent_key_question *questions; /* that wait */
    int id_lock; /* a file of this id in agent.state_dir, locked while the process lives */
    json_t *hosts; /* what hello says; immutable after start */
};

/* The whole life of the process: returns its exit code. */
int kn_agent_main(int argc, char **argv);

/* --- command.c --- */
/* Takes a command (heap, parsed): runs it or queues it; answers it either way. */
void kn_agent_command(struct kn_agent *agent, struct kn_message *command);
/* kn_work_run: ctx = the agent. */
int kn_agent_obey(void *ctx, struct kn_work *work, struct kn_work_answer *ret);

/* --- agent.c --- */
/* agent.refused: if this life is meant, it ends as a failure. */
void kn_agent_refused(struct kn_agent *agent, const struct kn_message *m);

/* --- report.c --- */
/* Says it on kn.report; steals body. From any thread. */
void kn_agent_report(struct kn_agent *agent, const char *type, json_t *body);
/* Says hello with all hosts, then names their guests. */
void kn_agent_hello(struct kn_agent *agent);
/* Reports from now on count from above this number: an earlier life's clock, or another's, was ahead of ours. */
void kn_agent_count_from(struct kn_agent *agent, int64_t after);
void kn_agent_heartbeat(struct kn_agent *agent);
void kn_agent_domains(struct kn_agent *agent);
/* The routers of its hosts, if there is something new to say of them, or nothing was said for long. */
void kn_agent_standing(struct kn_agent *agent);
/* One guest changed by itself: the driver's event. ctx = the agent. */
void kn_agent_power_changed(void *ctx, const char *host, const char *server, const struct kn_agent_guest *guest,
                            const char *reason);
/* The same: a host's state of networks has a gap. */
void kn_agent_networks_missed(void *ctx, const char *host, int64_t version);
void kn_agent_announced(void *ctx, const char *host, json_t *heard);

#endif
