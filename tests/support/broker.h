/* SPDX-License-Identifier: Apache-2.0 */
/*
 * broker: a bus for one test program: kilonova-broker on a port of its own, or the Kafka that KN_TEST_BROKERS names (then all
 * test programs share its topics, and it cannot be restarted).
 */
#ifndef KN_TESTS_SUPPORT_BROKER_H
#define KN_TESTS_SUPPORT_BROKER_H

#include <stdbool.h>

#include "lib/adapter/conf.h"

struct kn_test_broker;

struct kn_test_broker *kn_test_broker_start(void);
void kn_test_broker_free(struct kn_test_broker *broker);
/* Points bus.* of a configuration at it. */
void kn_test_broker_conf(const struct kn_test_broker *broker, struct kn_conf *conf);
bool kn_test_broker_is_kafka(const struct kn_test_broker *broker);
/* kill -9: everything in it is gone. up() starts an empty one on the same port. */
void kn_test_broker_kill(struct kn_test_broker *broker);
void kn_test_broker_up(struct kn_test_broker *broker);

#endif
