/* SPDX-License-Identifier: Apache-2.0 */
/* network_world: what the tests of kilonova-network as a process share; we play conductor and agents. Every call that fails ends the test. */
#ifndef KN_TESTS_SUPPORT_NETWORK_WORLD_H
#define KN_TESTS_SUPPORT_NETWORK_WORLD_H

#include <jansson.h>
#include <sys/types.h>

#include "lib/adapter/bus.h"
#include "lib/adapter/conf.h"
#include "lib/adapter/db.h"
#include "lib/domain/message.h"
#include "tests/support/broker.h"
#include "tests/support/postgres.h"

#define KN_NETWORK_WAIT_MS 60000
#define KN_NETWORK_SHARD 5 /* answers to us arrive here */
#define NET "11111111-1111-4111-8111-111111111111" /* the network: 10.0.0.0/16 */
#define AGENT_A "net-test-a" /* of host h1 */
#define AGENT_B "net-test-b" /* of host h2; s1 is simulated */

extern struct kn_network_world {
    struct kn_test_pg *pg;
    struct kn_test_broker *broker;
    struct kn_conf conf;
    char *url;
    struct kn_db *db;
    struct kn_bus *bus;
    struct kn_bus_reader *replies, *told; /* told: what agent A is */
    pid_t network;
    int64_t next_task;
} kn_network_world;

/* cmocka's fixtures of a group. */
int kn_network_world_setup(void **state);
int kn_network_world_teardown(void **state);

/* One more kilonova-network, which reads when this returns. */
void kn_network_world_start(void);
/* The next message of a reader. */
void kn_network_world_next(struct kn_bus_reader *reader, struct kn_message *ret);
void kn_network_world_send(const char *topic, const char *type, int64_t task, json_t *body);
/* A command about server number n, as the task that is returned; steals more, which may be NULL. */
int64_t kn_network_world_command(const char *type, int server, json_t *more);
int64_t kn_network_world_allocate(int server);
/* The answer to that command; others are passed over. */
void kn_network_world_answer(int64_t task, struct kn_message *ret);
void kn_network_world_must(int64_t task); /* it is good */
void kn_network_world_mac(int server, char out[32]);
/* The one number that a statement finds. */
int64_t kn_network_world_number(const char *sql);

#endif
