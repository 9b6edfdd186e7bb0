/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler_world: what the tests of kilonova-scheduler share. Every call that fails ends the test. */
#ifndef KN_TESTS_SUPPORT_SCHEDULER_WORLD_H
#define KN_TESTS_SUPPORT_SCHEDULER_WORLD_H

#include <jansson.h>
#include <sys/types.h>

#include "lib/adapter/bus.h"
#include "lib/adapter/conf.h"
#include "lib/adapter/db.h"
#include "lib/domain/message.h"
#include "tests/support/broker.h"
#include "tests/support/postgres.h"

#define KN_SCHEDULER_WAIT_MS 60000
#define KN_SCHEDULER_SHARD 3 /* answers to us arrive here */
#define KN_SCHEDULER_HOSTS 40

struct kn_scheduler_world {
    struct kn_conf conf;
    char *url;
    struct kn_db *db;
    struct kn_bus *bus;
    struct kn_bus_reader *reader;
    pid_t scheduler;
    int started;
};

extern struct kn_test_pg *kn_scheduler_pg;
extern struct kn_test_broker *kn_scheduler_broker;

/* cmocka's fixtures: database and bus a group; 40 hosts of agent a1 (boot b1) and a running scheduler a test. */
int kn_scheduler_group_setup(void **state);
int kn_scheduler_group_teardown(void **state);
int kn_scheduler_setup(void **state);
int kn_scheduler_teardown(void **state);

/* One more scheduler, of a name of its own. */
void kn_scheduler_start(struct kn_scheduler_world *f);
/* Says a message as attempt 1; steals body. */
void kn_scheduler_send(struct kn_scheduler_world *f, const char *topic, const char *type, int64_t task,
                       int64_t generation, json_t *body);
/* The hello of a1 with its 40 hosts. */
void kn_scheduler_hello(struct kn_scheduler_world *f);
/* The one number that a statement finds, and waiting until it is this one. */
int64_t kn_scheduler_number(struct kn_scheduler_world *f, const char *sql);
void kn_scheduler_await(struct kn_scheduler_world *f, const char *sql, int64_t wanted);
/* Server i, and the rows of the first `count`. */
void kn_scheduler_server_id(int i, char out[KN_UUID_SIZE]);
void kn_scheduler_servers(struct kn_scheduler_world *f, int count);
/* Commands about server i, as task i + 1; steals more, which may be NULL. */
void kn_scheduler_claim(struct kn_scheduler_world *f, int i, int64_t generation, json_t *more);
void kn_scheduler_release(struct kn_scheduler_world *f, int i, int64_t generation);
/* The next answer, whatever it is; release it. */
void kn_scheduler_answer(struct kn_scheduler_world *f, struct kn_message *ret);

#endif
