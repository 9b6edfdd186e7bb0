/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the bus of a test program: the embedded broker as our child, or the address of a Kafka that others started. */
#include "tests/support/broker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/process.h"

struct kn_test_broker {
    const char *kafka; /* NULL: embedded */
    int port;
    pid_t pid;         /* 0: down */
};

void kn_test_broker_up(struct kn_test_broker *broker)
{
    AUTO_FREE char *program = kn_test_binary("kilonova-broker");
    AUTO_FREE char *port = kn_asprintf("%d", broker->port);
    const char *argv[] = { program, "--port", port, NULL };

    broker->pid = kn_test_spawn(argv, "/dev/stderr", NULL);
    kn_test_wait_port(broker->port);
}

struct kn_test_broker *kn_test_broker_start(void)
{
    struct kn_test_broker *broker = KN_NEW(struct kn_test_broker);

    broker->kafka = getenv("KN_TEST_BROKERS");
    if (broker->kafka == NULL) {
        broker->port = kn_test_free_port();
        kn_test_broker_up(broker);
    }
    return broker;
}

void kn_test_broker_kill(struct kn_test_broker *broker)
{
    if (broker->pid != 0) {
        kn_test_end(broker->pid, SIGKILL);
        broker->pid = 0;
    }
}

void kn_test_broker_free(struct kn_test_broker *broker)
{
    if (broker != NULL) {
        kn_test_broker_kill(broker);
        free(broker);
    }
}

void kn_test_broker_conf(const struct kn_test_broker *broker, struct kn_conf *conf)
{
    conf->bus_brokers = broker->kafka != NULL ? broker->kafka : "embedded";
    conf->bus_embedded_port = broker->kafka != NULL ? 9092 : broker->port;
}

bool kn_test_broker_is_kafka(const struct kn_test_broker *broker)
{
    return broker->kafka != NULL;
}
