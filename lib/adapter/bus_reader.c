/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reading half: partitions read from their end into one queue, without groups and without stored offsets (librdkafka's
 * "simple" consumer: no group means no coordinator, no joins, no rebalances). When the cluster behind the address has become
 * another one, every partition starts at the new one's beginning. One thread owns a reader.
 */
#include <string.h>
#include <time.h>

#include "lib/adapter/bus_private.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"

#define ASSIGN_MS 10000
#define KNOW_MS 1000
#define CLUSTER_CHECK_MS 100
#define POLL_MAX 1000

struct assigned {
    rd_kafka_topic_t *topic; /* one reference each */
    int partition;
    int64_t from; /* where it begins */
    bool is_begun; /* librdkafka reads it: from the next poll on */
};

struct kn_bus_reader {
    struct kn_bus *bus;
    rd_kafka_t *consumer;
    rd_kafka_queue_t *queue;
    struct assigned *assigned;
    int count;
    char *cluster;
    int64_t cluster_checked_ms;
};

int kn_bus_reader_new(struct kn_bus *bus, struct kn_bus_reader **ret_reader, struct kn_error *err)
{
    struct kn_bus_reader *reader = NULL;
    rd_kafka_t *consumer = NULL;

    if (kn_bus_client_new(bus, RD_KAFKA_CONSUMER, &consumer, err) < 0) {
        return -1;
    }
    reader = KN_NEW(struct kn_bus_reader);
    reader->bus = bus;
    reader->consumer = consumer;
    reader->queue = rd_kafka_queue_new(consumer);
    *ret_reader = reader;
    return 0;
}

static void bus_reader_end(struct assigned *a)
{
    if (a->is_begun) {
        rd_kafka_consume_stop(a->topic, a->partition);
    }
    rd_kafka_topic_destroy(a->topic);
}

void kn_bus_reader_free(struct kn_bus_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    for (int i = 0; i < reader->count; i++) {
        bus_reader_end(&reader->assigned[i]);
    }
    rd_kafka_queue_destroy(reader->queue);
    rd_kafka_destroy(reader->consumer);
    free(reader->assigned);
    free(reader->cluster);
    free(reader);
}

static int bus_reader_find(const struct kn_bus_reader *reader, const char *topic, int partition)
{
    for (int i = 0; i < reader->count; i++) {
        if (reader->assigned[i].partition == partition &&
            strcmp(rd_kafka_topic_name(reader->assigned[i].topic), topic) == 0) {
            return i;
        }
    }
    return -1;
}

/*
 * Where the partition ends now. Asked over the producer's connection: on the consumer's own, Kafka would let the question wait
 * behind the fetch that waits for messages.
 */
static int find_end(struct kn_bus_reader *reader, rd_kafka_topic_t *topic, int partition, int64_t *ret_end,
                    struct kn_error *err)
{
    const struct timespec pause = { 0, 50000000 };
    const int64_t deadline = kn_mono_ms() + ASSIGN_MS;
    const char *name = rd_kafka_topic_name(topic);
    rd_kafka_resp_err_t rc = RD_KAFKA_RESP_ERR_NO_ERROR;
    int64_t begin = 0;

    do {
        const struct rd_kafka_metadata *metadata = NULL;

        rc = rd_kafka_query_watermark_offsets(reader->bus->producer, name, partition, &begin, ret_end, 1000);
        if (rc == RD_KAFKA_RESP_ERR_NO_ERROR) {
            return 0;
        }
        if (rd_kafka_metadata(reader->bus->producer, 0, kn_bus_topic(reader->bus, name), &metadata, 1000) ==
            RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_metadata_destroy(metadata);
        }
        nanosleep(&pause, NULL);
    } while (kn_mono_ms() < deadline);
    return kn_fail(err, KN_UNAVAILABLE, "bus: topic \"%s\" partition %d: %s", name, partition, rd_kafka_err2str(rc));
}

/*
 * Kafka answers one question after the other on a connection, and a fetch is one that waits: what is asked meanwhile waits with it. So the consumer learns
 * of its topics before it fetches anything.
 */
static void know_topic(const struct kn_bus_reader *reader, rd_kafka_topic_t *topic)
{
    const struct rd_kafka_metadata *metadata = NULL;

    for (int i = 0; i < reader->count; i++) {
        if (reader->assigned[i].is_begun ||
            strcmp(rd_kafka_topic_name(reader->assigned[i].topic), rd_kafka_topic_name(topic)) == 0) {
            return;
        }
    }
    if (rd_kafka_metadata(reader->consumer, 0, topic, &metadata, KNOW_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_metadata_destroy(metadata);
    }
}

/* All that was assigned since the last poll: together, so that the next fetch is for all of it. */
static void begin_assigned(struct kn_bus_reader *reader)
{
    for (int i = 0; i < reader->count; i++) {
        struct assigned *a = &reader->assigned[i];

        if (!a->is_begun) {
            a->is_begun = rd_kafka_consume_start_queue(a->topic, a->partition, a->from, reader->queue) == 0;
        }
    }
}

int kn_bus_assign(struct kn_bus_reader *reader, const char *topic, int partition, struct kn_error *err)
{
    rd_kafka_topic_t *handle = NULL;
    int64_t end = 0;

    if (bus_reader_find(reader, topic, partition) >= 0) {
        return 0;
    }
    handle = rd_kafka_topic_new(reader->consumer, topic, NULL);
    if (handle == NULL) {
        return kn_fail(err, KN_INTERNAL, "bus: bad topic name \"%s\"", topic);
    }
    if (find_end(reader, handle, partition, &end, err) < 0) {
        rd_kafka_topic_destroy(handle);
        return -1;
    }
    know_topic(reader, handle);
    reader->assigned = kn_realloc_array(reader->assigned, (size_t)reader->count + 1, sizeof(reader->assigned[0]));
    reader->assigned[reader->count++] = (struct assigned){ handle, partition, end, false };
    return 0;
}

int kn_bus_unassign(struct kn_bus_reader *reader, const char *topic, int partition, struct kn_error *err)
{
    const int at = bus_reader_find(reader, topic, partition);

    (void)err;
    if (at >= 0) {
        bus_reader_end(&reader->assigned[at]);
        reader->assigned[at] = reader->assigned[--reader->count];
    }
    return 0;
}

/* A position in the old cluster's log means nothing in the new one's, even where the number happens to exist. */
static void follow_cluster(struct kn_bus_reader *reader)
{
    const int64_t now = kn_mono_ms();
    bool another = false;

    if (now - reader->cluster_checked_ms < CLUSTER_CHECK_MS) {
        return;
    }
    reader->cluster_checked_ms = now;
    pthread_mutex_lock(&reader->bus->lock);
    another = kn_bus_observe_cluster(reader->bus, reader->consumer, &reader->cluster);
    pthread_mutex_unlock(&reader->bus->lock);
    for (int i = 0; another && i < reader->count; i++) {
        rd_kafka_seek(reader->assigned[i].topic, reader->assigned[i].partition, RD_KAFKA_OFFSET_BEGINNING, 0);
    }
}

/* Errors travel in the queue as messages without data; librdkafka has logged and mends what they mean. */
static int bus_reader_take(rd_kafka_message_t *message, struct kn_bus_message *out)
{
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_message_destroy(message);
        return 0;
    }
    *out = (struct kn_bus_message){ rd_kafka_topic_name(message->rkt), message->partition, message->payload,
                                    message->len, message };
    return 1;
}

int kn_bus_poll(struct kn_bus_reader *reader, struct kn_bus_message *messages, int max, int wait_ms)
{
    rd_kafka_message_t *more[POLL_MAX];
    rd_kafka_message_t *first = NULL;
    ssize_t n = 0;
    int count = 0;

    begin_assigned(reader);
    follow_cluster(reader);
    kn_bus_tick(reader->bus);
    first = max > 0 ? rd_kafka_consume_queue(reader->queue, wait_ms) : NULL;
    if (first == NULL) {
        return 0;
    }
    count = bus_reader_take(first, &messages[0]);
    max = max - count < POLL_MAX ? max - count : POLL_MAX;
    n = max > 0 ? rd_kafka_consume_batch_queue(reader->queue, 0, more, (size_t)max) : 0;
    for (ssize_t i = 0; i < n; i++) {
        count += bus_reader_take(more[i], &messages[count]);
    }
    return count;
}

void kn_bus_message_done(struct kn_bus_message *message)
{
    if (message->opaque != NULL) {
        rd_kafka_message_destroy(message->opaque);
        message->opaque = NULL;
    }
}
