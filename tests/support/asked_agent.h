/* SPDX-License-Identifier: Apache-2.0 */
/*
 * asked_agent: a database, a bus, and the ear of an agent that the test plays: for questions to hosts over a real front door. The agent's topic is its own, also
 * on a Kafka that others use.
 */
#ifndef KN_TESTS_SUPPORT_ASKED_AGENT_H
#define KN_TESTS_SUPPORT_ASKED_AGENT_H

#include "lib/adapter/bus.h"
#include "lib/adapter/conf.h"
#include "lib/adapter/db.h"
#include "lib/base/uuid.h"
#include "tests/support/broker.h"
#include "tests/support/postgres.h"

struct kn_asked_agent {
    struct kn_test_pg *pg;
    struct kn_test_broker *broker;
    struct kn_conf conf; /* defaults, the database's and the bus's places */
    char *url;
    struct kn_db *db;
    struct kn_bus *bus;
    struct kn_bus_reader *reader; /* the agent's ear */
    char agent[KN_UUID_SIZE];
};

/* name: of the database, and in the log. */
void kn_asked_agent_start(struct kn_asked_agent *on, const char *name);
void kn_asked_agent_stop(struct kn_asked_agent *on);

#endif
