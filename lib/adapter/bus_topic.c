/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Topics come into being: asked of Kafka's admin API, or of the embedded broker by mentioning them. Either way the producer knows
 * the topic afterwards, so that its first message does not wait. It must never change a topic that is there.
 */
#include <time.h>

#include "lib/adapter/bus_private.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"

/* Nobody reads the past; keep an hour for people who look. */
#define RETENTION_MS "3600000"
#define RETRY_MS 50
#define REQUEST_MS 5000

static rd_kafka_NewTopic_t *new_topic(const char *name, int partitions, struct kn_error *err)
{
    char why[256] = "";
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(name, partitions, -1, why, sizeof(why));

    if (topic == NULL) {
        kn_fail(err, KN_INTERNAL, "bus: topic \"%s\": %s", name, why);
        return NULL;
    }
    rd_kafka_NewTopic_set_config(topic, "retention.ms", RETENTION_MS);
    return topic;
}

static int creation_result(rd_kafka_event_t *event, const char *name, struct kn_error *err)
{
    const rd_kafka_CreateTopics_result_t *result = event != NULL ? rd_kafka_event_CreateTopics_result(event) : NULL;
    const rd_kafka_topic_result_t **topics = NULL;
    rd_kafka_resp_err_t rc = RD_KAFKA_RESP_ERR__TIMED_OUT;
    size_t count = 0;

    if (result != NULL) {
        topics = rd_kafka_CreateTopics_result_topics(result, &count);
        rc = count > 0 ? rd_kafka_topic_result_error(topics[0]) : rd_kafka_event_error(event);
    }
    if (rc == RD_KAFKA_RESP_ERR_NO_ERROR || rc == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
        return 0;
    }
    return kn_fail(err, KN_UNAVAILABLE, "bus: making topic \"%s\": %s", name, rd_kafka_err2str(rc));
}

static int create_once(struct kn_bus *bus, const char *name, int partitions, int64_t wait_ms, struct kn_error *err)
{
    rd_kafka_NewTopic_t *topic = new_topic(name, partitions, err);
    rd_kafka_queue_t *queue = NULL;
    rd_kafka_AdminOptions_t *options = NULL;
    rd_kafka_event_t *event = NULL;
    int rc = 0;

    if (topic == NULL) {
        return -1;
    }
    queue = rd_kafka_queue_new(bus->producer);
    options = rd_kafka_AdminOptions_new(bus->producer, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_AdminOptions_set_request_timeout(options, (int)wait_ms, NULL, 0);
    rd_kafka_CreateTopics(bus->producer, &topic, 1, options, queue);
    event = rd_kafka_queue_poll(queue, (int)wait_ms + RETRY_MS);
    rc = creation_result(event, name, err);
    rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(topic);
    return rc;
}

/* How many partitions the brokers know, each with a leader; 0 while there is anything to wait for. */
static int count_partitions(struct kn_bus *bus, rd_kafka_topic_t *topic, int64_t wait_ms)
{
    const struct rd_kafka_metadata *metadata = NULL;
    int count = 0;

    if (rd_kafka_metadata(bus->producer, 0, topic, &metadata, (int)wait_ms) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return 0;
    }
    if (metadata->topic_cnt == 1 && metadata->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        count = metadata->topics[0].partition_cnt;
        for (int i = 0; i < metadata->topics[0].partition_cnt; i++) {
            count = metadata->topics[0].partitions[i].leader < 0 ? 0 : count;
        }
    }
    rd_kafka_metadata_destroy(metadata);
    return count;
}

static int64_t request_time(int64_t left_ms)
{
    return left_ms < RETRY_MS ? RETRY_MS : left_ms > REQUEST_MS ? REQUEST_MS : left_ms;
}

int kn_bus_ensure_topic(struct kn_bus *bus, const char *topic, int partitions, int64_t wait_ms, struct kn_error *err)
{
    const struct timespec pause = { 0, RETRY_MS * 1000000L };
    const int64_t deadline = kn_mono_ms() + wait_ms;
    rd_kafka_topic_t *handle = kn_bus_topic(bus, topic);
    bool created = bus->embedded;

    if (handle == NULL) {
        return kn_fail(err, KN_INTERNAL, "bus: bad topic name \"%s\"", topic);
    }
    kn_fail(err, KN_UNAVAILABLE, "bus: topic \"%s\" does not appear", topic);
    for (;; nanosleep(&pause, NULL)) {
        const int there = count_partitions(bus, handle, request_time(deadline - kn_mono_ms()));

        if (there >= partitions) {
            kn_error_clear(err);
            return 0;
        }
        if (there > 0) {
            return kn_fail(err, KN_CONFLICT, "bus: topic \"%s\" has %d partitions, not %d", topic, there, partitions);
        }
        if (kn_mono_ms() >= deadline) {
            return -1;
        }
        if (!created) {
            created = create_once(bus, topic, partitions, request_time(deadline - kn_mono_ms()), err) == 0;
        }
    }
}
