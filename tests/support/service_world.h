/* SPDX-License-Identifier: Apache-2.0 */
/* service_world: what the tests of kilonova-image and kilonova-volume as processes share; we play conductor. Every call that fails ends the test. */
#ifndef KN_TESTS_SUPPORT_SERVICE_WORLD_H
#define KN_TESTS_SUPPORT_SERVICE_WORLD_H

#include <sys/types.h>

#include "lib/adapter/bus.h"
#include "lib/adapter/conf.h"
#include "lib/adapter/db.h"
#include "lib/domain/message.h"
#include "tests/support/broker.h"
#include "tests/support/postgres.h"
#include "tests/support/scratch.h"

#define KN_SERVICE_WAIT_MS 60000
#define KN_SERVICE_SHARD 7 /* answers to us arrive here */

extern struct kn_service_world {
    struct kn_test_pg *pg;
    struct kn_test_broker *broker;
    struct kn_conf conf;
    struct kn_db *db;
    struct kn_bus *bus;
    struct kn_bus_reader *replies;
    char dir[KN_TEST_DIR]; /* of its own; gone with the world */
    int64_t next_task; /* the one before the next: each of a few thousand has a row and is open */
} kn_service_world;

void kn_service_world_start(const char *name);
void kn_service_world_stop(void);
/* A daemon with these settings ("section.key=value", ended by NULL) beside those of database and bus; it reads its topic when this returns. */
pid_t kn_service_world_daemon(const char *program, const char *topic, const char *const *settings);
/* A command of project p, as the next task's; its id. Steals the body. */
int64_t kn_service_world_send(const char *topic, const char *type, json_t *body);
/* The next message of a reader. */
void kn_service_world_next(struct kn_bus_reader *reader, struct kn_message *ret);
void kn_service_world_sql(const char *text);

#endif
