/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent: a kilonova-agent under test and the conductor's side of the bus: commands in, replies and reports out. Everything waits
 * up to a minute and fails the test after that.
 */
#ifndef KN_TESTS_SUPPORT_AGENT_H
#define KN_TESTS_SUPPORT_AGENT_H

#include <jansson.h>
#include <sys/types.h>

#include "lib/adapter/bus.h"
#include "lib/domain/message.h"
#include "tests/support/scratch.h"

#define KN_TEST_AGENT_SHARD 5 /* of every command here: replies come to that partition */

struct kn_test_agent {
    struct kn_bus *bus;
    struct kn_bus_reader *reader;
    char id[KN_UUID_SIZE];      /* random: one topic a test */
    char host[64];              /* the host that commands name */
    char topic[64];
    char dir[KN_TEST_DIR];      /* agent.state_dir */
    const char *const *options; /* more for its command line, NULL-ended */
    const struct kn_conf *conf;
    pid_t pid;
    int64_t task;               /* of the next command */
};

/* Listens on the bus that conf names, then starts the agent. conf and options outlive it. */
void kn_test_agent_init(struct kn_test_agent *agent, const struct kn_conf *conf, const char *const *options);
void kn_test_agent_start(struct kn_test_agent *agent);
void kn_test_agent_kill9(struct kn_test_agent *agent);
/* SIGTERM must end it well. Leaves dir. */
void kn_test_agent_release(struct kn_test_agent *agent);

/* The next message of a type: a reply to the task, or, with task 0, a report that names this agent or its host. */
struct kn_message kn_test_agent_expect(struct kn_test_agent *agent, const char *type, int64_t task);
/* Sends a command (steals body; host is added if absent), returns its task. */
int64_t kn_test_agent_command(struct kn_test_agent *agent, const char *type, int64_t generation, json_t *body);
/* Asks a question (steals body; host is added if absent); the answer, which says that it is this agent's. */
struct kn_message kn_test_agent_ask(struct kn_test_agent *agent, const char *type, int64_t generation, json_t *body);
/* The reply is ok; returns its result (new reference). */
json_t *kn_test_agent_done(struct kn_test_agent *agent, const char *type, int64_t task);
/* The reply is a refusal with this code. */
void kn_test_agent_refused(struct kn_test_agent *agent, const char *type, int64_t task, enum kn_code code);
/* What host.observe says (new reference). */
json_t *kn_test_agent_observe(struct kn_test_agent *agent);
/* server.power; the power state it ends in, -1 when it was refused. */
int kn_test_agent_power(struct kn_test_agent *agent, const char *server, const char *action);

/* cmocka's teardown for one with the sim driver, made by KN_NEW: its journal goes, too. */
int kn_test_agent_teardown_sim(void **state);

#endif
