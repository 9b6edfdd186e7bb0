/* SPDX-License-Identifier: Apache-2.0 */
/* bus_private: what the files of bus share; nobody else includes it. */
#ifndef KN_ADAPTER_BUS_PRIVATE_H
#define KN_ADAPTER_BUS_PRIVATE_H

#include <librdkafka/rdkafka.h>
#include <pthread.h>

#include "lib/adapter/bus.h"
#include "lib/adapter/signer.h"
#include "lib/base/hmap.h"

struct kn_bus {
    rd_kafka_t *producer;     /* immutable after init; thread-safe itself */
    struct kn_conf conf;      /* immutable after init */
    bool embedded;            /* immutable after init */
    char *brokers;            /* immutable after init */
    char *client;             /* immutable after init */
    struct kn_signer *signer; /* immutable once the bus is spoken on; thread-safe itself; NULL: nobody signs */
    pthread_mutex_t lock;
    struct kn_hmap *topics;   /* guarded by lock: name -> rd_kafka_topic_t of the producer */
    char *cluster;            /* guarded by lock: id of the newest cluster seen, NULL before the first */
    char *producer_cluster;   /* guarded by lock: the one that the producer saw last */
    int64_t epoch;            /* guarded by lock */
    int64_t epoch_checked_ms; /* guarded by lock */
};

/* One librdkafka handle with the settings of bus_conf.c. */
int kn_bus_client_new(const struct kn_bus *bus, rd_kafka_type_t type, rd_kafka_t **ret_client, struct kn_error *err);

/* The producer's handle of a topic; NULL for a name that no broker would take. Lives as long as the bus. */
rd_kafka_topic_t *kn_bus_topic(struct kn_bus *bus, const char *name);

/*
 * Looks which cluster `client` talks to. *seen is that client's own memory of it. True when it has become another one; the
 * first client to see a new one counts the epoch up. Lock held by the caller.
 */
bool kn_bus_observe_cluster(struct kn_bus *bus, rd_kafka_t *client, char **seen);

#endif
