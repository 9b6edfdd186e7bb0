/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sending half of the bus: one producer, the handles of the topics it writes to, and the count of clusters that stood
 * behind the address. bus_conf.c has the settings, bus_topic.c makes topics, bus_reader.c reads. Delivery is not this file's
 * promise: whoever needs an answer asks again.
 */
#include <string.h>

#include "lib/adapter/bus_private.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#define EPOCH_CHECK_MS 100
#define LAST_FLUSH_MS 5000
#define LOT \
    64 /* messages to one partition that leave at once: whoever reads them works while the next ones are written */

static void bus_free_topic(void *topic)
{
    rd_kafka_topic_destroy(topic);
}

int kn_bus_new(const struct kn_conf *conf, const char *client, struct kn_bus **ret_bus, struct kn_error *err)
{
    AUTO(kn_bus) struct kn_bus *bus = KN_NEW(struct kn_bus);

    pthread_mutex_init(&bus->lock, NULL);
    bus->conf = *conf; /* its texts live as long as the process */
    bus->embedded = strcmp(conf->bus_brokers, "embedded") == 0;
    bus->brokers = bus->embedded ? kn_asprintf("127.0.0.1:%d", (int)conf->bus_embedded_port)
                                 : kn_strdup(conf->bus_brokers);
    bus->client = kn_strdup(client);
    bus->topics = kn_hmap_new(bus_free_topic);
    if (kn_bus_client_new(bus, RD_KAFKA_PRODUCER, &bus->producer, err) < 0) {
        return -1;
    }
    *ret_bus = kn_steal(&bus);
    return 0;
}

void kn_bus_free(struct kn_bus *bus)
{
    if (bus == NULL) {
        return;
    }
    if (bus->producer != NULL) {
        kn_bus_flush(bus, LAST_FLUSH_MS);
        kn_hmap_free(bus->topics);
        rd_kafka_destroy(bus->producer);
    } else {
        kn_hmap_free(bus->topics);
    }
    pthread_mutex_destroy(&bus->lock);
    kn_signer_free(bus->signer);
    free(bus->producer_cluster);
    free(bus->cluster);
    free(bus->client);
    free(bus->brokers);
    free(bus);
}

/* A handle lives as long as the bus: librdkafka looks a topic up by walking a list, we by hashing. */
rd_kafka_topic_t *kn_bus_topic(struct kn_bus *bus, const char *name)
{
    rd_kafka_topic_t *topic = NULL;

    pthread_mutex_lock(&bus->lock);
    topic = kn_hmap_get(bus->topics, name);
    if (topic == NULL) {
        topic = rd_kafka_topic_new(bus->producer, name, NULL);
        if (topic != NULL) {
            kn_hmap_put(bus->topics, name, topic);
        }
    }
    pthread_mutex_unlock(&bus->lock);
    return topic;
}

static int produce_failed(const char *topic, struct kn_error *err)
{
    const rd_kafka_resp_err_t why = rd_kafka_last_error();
    const enum kn_code code = why == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ? KN_TOO_LARGE : KN_UNAVAILABLE;

    return kn_fail(err, code, "bus: topic \"%s\": %s", topic, rd_kafka_err2str(why));
}

/* --- together ------------------------------------------------------------------------------------------------------------- */

/* What goes to one partition. */
struct bus_lot {
    rd_kafka_topic_t *topic;
    int partition;
    rd_kafka_message_t messages[LOT];
    int count;
};

static _Thread_local struct {
    const struct kn_bus *bus; /* NULL: nothing is gathered */
    struct bus_lot **lots;
    int count;
} gathering;

static void lot_depart(struct bus_lot *lot)
{
    const int sent = rd_kafka_produce_batch(lot->topic, lot->partition, RD_KAFKA_MSG_F_FREE, lot->messages, lot->count);

    for (int i = 0; sent < lot->count && i < lot->count; i++) {
        if (lot->messages[i].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            kn_log(KN_WARNING, "a message was not sent", "topic", rd_kafka_topic_name(lot->topic), "reason",
                   rd_kafka_err2str(lot->messages[i].err), NULL);
            free(lot->messages[i].payload);
        }
    }
    lot->count = 0;
}

static struct bus_lot *lot_of(rd_kafka_topic_t *topic, int partition)
{
    for (int i = 0; i < gathering.count; i++) {
        if (gathering.lots[i]->topic == topic && gathering.lots[i]->partition == partition) {
            return gathering.lots[i];
        }
    }
    gathering.lots = kn_realloc_array(gathering.lots, (size_t)gathering.count + 1, sizeof(struct bus_lot *));
    gathering.lots[gathering.count] = KN_NEW(struct bus_lot);
    gathering.lots[gathering.count]->topic = topic;
    gathering.lots[gathering.count]->partition = partition;
    return gathering.lots[gathering.count++];
}

static void lot_add(struct bus_lot *lot, const void *data, size_t len)
{
    void *copy = kn_alloc(len + 1);

    memcpy(copy, data, len);
    lot->messages[lot->count++] = (rd_kafka_message_t){ .payload = copy, .len = len };
    if (lot->count == LOT) {
        lot_depart(lot);
    }
}

void kn_bus_gather(struct kn_bus *bus)
{
    gathering.bus = bus;
}

void kn_bus_depart(struct kn_bus *bus)
{
    if (gathering.bus != bus) {
        return;
    }
    for (int i = 0; i < gathering.count; i++) {
        lot_depart(gathering.lots[i]);
        free(gathering.lots[i]);
    }
    free(gathering.lots);
    gathering.bus = NULL;
    gathering.lots = NULL;
    gathering.count = 0;
}

int kn_bus_send(struct kn_bus *bus, const char *topic, int partition, const void *data, size_t len,
                struct kn_error *err)
{
    rd_kafka_topic_t *handle = kn_bus_topic(bus, topic);
    void *payload = NULL;

    if (handle == NULL) {
        return kn_fail(err, KN_INTERNAL, "bus: bad topic name \"%s\"", topic);
    }
    if (gathering.bus == bus) {
        lot_add(lot_of(handle, partition), data, len);
        return 0;
    }
    /* With F_COPY librdkafka only reads; its prototype cannot say so. */
    memcpy(&payload, &data, sizeof(payload));
    if (rd_kafka_produce(handle, partition, RD_KAFKA_MSG_F_COPY, payload, len, NULL, 0, NULL) != 0) {
        return produce_failed(topic, err);
    }
    return 0;
}

void kn_bus_tick(struct kn_bus *bus)
{
    rd_kafka_poll(bus->producer, 0);
}

bool kn_bus_is_quiet(struct kn_bus *bus)
{
    return rd_kafka_outq_len(bus->producer) == 0;
}

int kn_bus_flush(struct kn_bus *bus, int64_t wait_ms)
{
    return rd_kafka_flush(bus->producer, (int)wait_ms) == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : -1;
}

bool kn_bus_observe_cluster(struct kn_bus *bus, rd_kafka_t *client, char **seen)
{
    char *now = rd_kafka_clusterid(client, 0);
    const bool first = *seen == NULL;

    if (now == NULL || (*seen != NULL && strcmp(now, *seen) == 0)) {
        rd_kafka_mem_free(client, now);
        return false;
    }
    free(*seen);
    *seen = kn_strdup(now);
    rd_kafka_mem_free(client, now);
    /* A client that lags behind may see the last cluster after another client has seen it. */
    if (bus->cluster == NULL || (!first && strcmp(bus->cluster, *seen) != 0)) {
        free(bus->cluster);
        bus->cluster = kn_strdup(*seen);
        bus->epoch++;
    }
    return !first;
}

int64_t kn_bus_epoch(struct kn_bus *bus)
{
    const int64_t now = kn_mono_ms();
    int64_t epoch = 0;

    pthread_mutex_lock(&bus->lock);
    if (now - bus->epoch_checked_ms >= EPOCH_CHECK_MS) {
        bus->epoch_checked_ms = now;
        kn_bus_observe_cluster(bus, bus->producer, &bus->producer_cluster);
    }
    epoch = bus->epoch;
    pthread_mutex_unlock(&bus->lock);
    return epoch;
}
