/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka: the requests as a table of what is understood, one function each. A reader that met the end of the request early, or a length
 * that is none, is bad from then on and reads zeros; it is asked once, at the end of the request. Loops over counts end with it.
 */
#include "lab/kafka.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/mem.h"

#define NODE 1 /* the only broker */
#define NOTHING (-1)

/* --- bytes in ------------------------------------------------------------------------------------------------------------ */

struct kafka_reader {
    const uint8_t *at;
    size_t left;
    bool bad;
};

static void take_bytes(struct kafka_reader *r, void *to, size_t len)
{
    if (r->bad || r->left < len) {
        r->bad = true;
        memset(to, 0, len);
        return;
    }
    memcpy(to, r->at, len);
    r->at += len;
    r->left -= len;
}

static int8_t take_int8(struct kafka_reader *r)
{
    int8_t value;

    take_bytes(r, &value, sizeof(value));
    return value;
}

static int16_t take_int16(struct kafka_reader *r)
{
    uint16_t value;

    take_bytes(r, &value, sizeof(value));
    return (int16_t)be16toh(value);
}

static int32_t take_int32(struct kafka_reader *r)
{
    uint32_t value;

    take_bytes(r, &value, sizeof(value));
    return (int32_t)be32toh(value);
}

static int64_t take_int64(struct kafka_reader *r)
{
    uint64_t value;

    take_bytes(r, &value, sizeof(value));
    return (int64_t)be64toh(value);
}

/* So many bytes, where they stand; NULL if there are none (a length of -1 is Kafka's null). */
static const uint8_t *take_run(struct kafka_reader *r, int32_t len)
{
    const uint8_t *run = r->at;

    if (len < 0 || r->bad || (size_t)len > r->left) {
        r->bad = r->bad || len != NOTHING;
        return NULL;
    }
    r->at += len;
    r->left -= (size_t)len;
    return run;
}

/* A name of a topic; one that is too long for a topic reads as "", which is none. */
static void take_name(struct kafka_reader *r, char name[KN_LOGS_NAME_MAX + 1])
{
    const int16_t len = take_int16(r);
    const uint8_t *text = take_run(r, len);

    name[0] = '\0';
    if (text != NULL && len <= KN_LOGS_NAME_MAX && memchr(text, '\0', (size_t)len) == NULL) {
        memcpy(name, text, (size_t)len);
        name[len] = '\0';
    }
}

/* --- bytes out ----------------------------------------------------------------------------------------------------------- */

static void put_int8(struct kn_strbuf *out, int8_t value)
{
    kn_strbuf_add(out, &value, sizeof(value));
}

static void put_int16(struct kn_strbuf *out, int16_t value)
{
    const uint16_t wire = htobe16((uint16_t)value);

    kn_strbuf_add(out, &wire, sizeof(wire));
}

static void put_int32(struct kn_strbuf *out, int32_t value)
{
    const uint32_t wire = htobe32((uint32_t)value);

    kn_strbuf_add(out, &wire, sizeof(wire));
}

static void put_int64(struct kn_strbuf *out, int64_t value)
{
    const uint64_t wire = htobe64((uint64_t)value);

    kn_strbuf_add(out, &wire, sizeof(wire));
}

static void kafka_put_text(struct kn_strbuf *out, const char *text)
{
    put_int16(out, (int16_t)strlen(text));
    kn_strbuf_addstr(out, text);
}

/* A place for a number that is known later. */
static size_t reserve_int32(struct kn_strbuf *out)
{
    put_int32(out, 0);
    return out->len - sizeof(int32_t);
}

static void fill_int32(struct kn_strbuf *out, size_t at, int32_t value)
{
    const uint32_t wire = htobe32((uint32_t)value);

    memcpy(out->buf + at, &wire, sizeof(wire));
}

/* --- the requests -------------------------------------------------------------------------------------------------------- */

struct ask {
    const struct kn_lab_kafka *kafka;
    struct kafka_reader in;
    int16_t version;
    struct kn_strbuf *out;
    struct kn_lab_kafka_wait *wait; /* of a fetch, as the rest */
    size_t found; /* bytes read, and errors: nobody waits with those */
    size_t wanted; /* fewer are waited with */
};

struct request {
    int16_t key, min, max;
    void (*answer)(struct ask *ask);
};

#define REQUEST_COUNT 6
static const struct request REQUESTS[REQUEST_COUNT];

static void answer_versions(struct ask *ask)
{
    const bool is_flexible = ask->version >= 3;

    put_int16(ask->out, KN_LOGS_OK);
    if (is_flexible) {
        put_int8(ask->out, (int8_t)(REQUEST_COUNT + 1));
    } else {
        put_int32(ask->out, (int32_t)REQUEST_COUNT);
    }
    for (size_t i = 0; i < REQUEST_COUNT; i++) {
        put_int16(ask->out, REQUESTS[i].key);
        put_int16(ask->out, REQUESTS[i].min);
        put_int16(ask->out, REQUESTS[i].max);
        if (is_flexible) {
            put_int8(ask->out, 0); /* no tagged fields */
        }
    }
    if (ask->version >= 1) {
        put_int32(ask->out, 0); /* throttled for so long */
    }
    if (is_flexible) {
        put_int8(ask->out, 0);
    }
}

static void describe_topic(struct ask *ask, const char *name, bool make)
{
    const int partitions = kn_lab_logs_topic(ask->kafka->logs, name, make);

    put_int16(ask->out, partitions > 0 ? KN_LOGS_OK : make ? KN_LOGS_BAD_TOPIC : KN_LOGS_UNKNOWN);
    kafka_put_text(ask->out, name);
    put_int8(ask->out, 0); /* is not internal */
    put_int32(ask->out, partitions);
    for (int i = 0; i < partitions; i++) {
        put_int16(ask->out, KN_LOGS_OK);
        put_int32(ask->out, i);
        put_int32(ask->out, NODE); /* leads */
        put_int32(ask->out, 1);
        put_int32(ask->out, NODE); /* has a copy */
        put_int32(ask->out, 1);
        put_int32(ask->out, NODE); /* is up to date */
    }
}

static void describe_cluster(struct ask *ask)
{
    if (ask->version >= 3) {
        put_int32(ask->out, 0); /* throttled */
    }
    put_int32(ask->out, 1);
    put_int32(ask->out, NODE);
    kafka_put_text(ask->out, "127.0.0.1");
    put_int32(ask->out, ask->kafka->port);
    put_int16(ask->out, NOTHING); /* in no rack */
    if (ask->version >= 2) {
        kafka_put_text(ask->out, ask->kafka->cluster);
    }
    put_int32(ask->out, NODE); /* controls */
}

static void kafka_answer_metadata(struct ask *ask)
{
    struct kafka_reader ahead = ask->in;
    char name[KN_LOGS_NAME_MAX + 1];
    const int32_t count = take_int32(&ask->in);

    take_int32(&ahead);
    for (int32_t i = 0; i < count && !ahead.bad; i++) {
        take_name(&ahead, name);
    }
    const bool make = ask->version >= 4 ? take_int8(&ahead) != 0 : true; /* it stands behind the names */
    if (ahead.bad) {
        ask->in.bad = true;
        return;
    }
    describe_cluster(ask);
    const size_t said = reserve_int32(ask->out);
    int32_t topics = 0;
    if (count < 0) {
        const char *each = NULL;
        for (size_t at = 0; (each = kn_lab_logs_next(ask->kafka->logs, &at)) != NULL; topics++) {
            describe_topic(ask, each, false);
        }
    }
    for (; topics < count; topics++) {
        take_name(&ask->in, name);
        describe_topic(ask, name, make);
    }
    fill_int32(ask->out, said, topics);
}

/* Goes through the topics and partitions of a request, and writes the same frame around what `each` says. */
static void each_partition(struct ask *ask, void (*each)(struct ask *ask, const char *topic, int32_t partition))
{
    char name[KN_LOGS_NAME_MAX + 1];
    const int32_t topics = take_int32(&ask->in);

    put_int32(ask->out, topics);
    for (int32_t i = 0; i < topics && !ask->in.bad; i++) {
        take_name(&ask->in, name);
        kafka_put_text(ask->out, name);
        const int32_t partitions = take_int32(&ask->in);
        put_int32(ask->out, partitions);
        for (int32_t k = 0; k < partitions && !ask->in.bad; k++) {
            const int32_t partition = take_int32(&ask->in);
            put_int32(ask->out, partition);
            each(ask, name, partition);
        }
    }
}

static void produce(struct ask *ask, const char *topic, int32_t partition)
{
    const int32_t len = take_int32(&ask->in);
    const uint8_t *batches = take_run(&ask->in, len);
    struct kn_log *log = kn_lab_logs_partition(ask->kafka->logs, topic, partition);
    enum kn_lab_logs_code code = KN_LOGS_UNKNOWN;
    int64_t base = NOTHING;

    if (ask->in.bad) {
        return;
    }
    if (log != NULL) {
        code = kn_lab_log_append(log, batches, batches != NULL ? (size_t)len : 0, &base);
    }
    put_int16(ask->out, (int16_t)code);
    put_int64(ask->out, code == KN_LOGS_OK ? base : NOTHING);
    put_int64(ask->out, NOTHING); /* no time of appending: the producer's own counts */
    if (ask->version >= 5) {
        put_int64(ask->out, log != NULL ? kn_lab_log_start(log) : NOTHING);
    }
}

static void answer_produce(struct ask *ask)
{
    take_run(&ask->in, take_int16(&ask->in)); /* the transaction's id: there are none */
    take_int16(&ask->in); /* acks: there is one copy, and it is written at once */
    take_int32(&ask->in); /* timeout */
    each_partition(ask, produce);
    put_int32(ask->out, 0); /* throttled */
}

/* The batches of one partition behind their length, and what became of it. */
static enum kn_lab_logs_code kafka_read_log(struct ask *ask, const struct kn_log *log, int64_t offset,
                                            int32_t max_bytes)
{
    const size_t len_at = reserve_int32(ask->out);
    const size_t room = ask->found < KN_KAFKA_ANSWER_MAX ? KN_KAFKA_ANSWER_MAX - ask->found : 0;
    const size_t most = max_bytes > 0 && (size_t)max_bytes < room ? (size_t)max_bytes : room;
    const enum kn_lab_logs_code code = log == NULL ? KN_LOGS_UNKNOWN
                                       : room == 0 ? KN_LOGS_OK
                                                   : kn_lab_log_read(log, offset, most, ask->out);
    const size_t len = ask->out->len - len_at - sizeof(int32_t);

    fill_int32(ask->out, len_at, (int32_t)len);
    ask->found += len + (code != KN_LOGS_OK);
    return code;
}

static void kafka_wait_for(struct kn_lab_kafka_wait *wait, const struct kn_log *log)
{
    if (wait->count == KN_KAFKA_WAIT_MAX) {
        wait->any = true;
        return;
    }
    wait->logs[wait->count].log = log;
    wait->logs[wait->count++].end = kn_lab_log_end(log);
}

static void kafka_fetch(struct ask *ask, const char *topic, int32_t partition)
{
    const int64_t offset = take_int64(&ask->in);
    const int32_t max_bytes = take_int32(&ask->in);
    const struct kn_log *log = kn_lab_logs_partition(ask->kafka->logs, topic, partition);
    const size_t code_at = ask->out->len;

    if (ask->in.bad) {
        return;
    }
    put_int16(ask->out, KN_LOGS_OK);
    put_int64(ask->out, log != NULL ? kn_lab_log_end(log) : NOTHING); /* of what can be read */
    put_int64(ask->out, log != NULL ? kn_lab_log_end(log) : NOTHING); /* and of what is in no transaction */
    put_int32(ask->out, NOTHING); /* transactions that were given up */
    const uint16_t code = htobe16((uint16_t)kafka_read_log(ask, log, offset, max_bytes));
    memcpy(ask->out->buf + code_at, &code, sizeof(code));
    if (log != NULL) {
        kafka_wait_for(ask->wait, log);
    }
}

static void answer_fetch(struct ask *ask)
{
    take_int32(&ask->in); /* the asking broker: a client has none */
    const int32_t max_wait_ms = take_int32(&ask->in);
    const int32_t min_bytes = take_int32(&ask->in);
    take_int32(&ask->in); /* bytes of all partitions together: each has its own bound, and all have ours */
    take_int8(&ask->in); /* isolation: there are no transactions */
    *ask->wait = (struct kn_lab_kafka_wait){ .ms = max_wait_ms };
    ask->wanted = max_wait_ms > 0 && min_bytes > 0 ? (size_t)min_bytes : 0;
    put_int32(ask->out, 0); /* throttled */
    each_partition(ask, kafka_fetch);
}

/* When: -1 the end, -2 the beginning; no times are kept. */
static void list_offset(struct ask *ask, const char *topic, int32_t partition)
{
    const int64_t when = take_int64(&ask->in);
    const struct kn_log *log = kn_lab_logs_partition(ask->kafka->logs, topic, partition);

    put_int16(ask->out, log != NULL ? KN_LOGS_OK : KN_LOGS_UNKNOWN);
    put_int64(ask->out, NOTHING);
    put_int64(ask->out, log == NULL ? NOTHING : when == -2 ? kn_lab_log_start(log) : kn_lab_log_end(log));
}

static void answer_offsets(struct ask *ask)
{
    take_int32(&ask->in); /* the asking broker */
    each_partition(ask, list_offset);
}

/* Nobody coordinates groups here. librdkafka compresses with lz4 only where it can ask. */
static void answer_coordinator(struct ask *ask)
{
    put_int16(ask->out, KN_LOGS_NO_COORDINATOR);
    put_int32(ask->out, NOTHING);
    kafka_put_text(ask->out, "");
    put_int32(ask->out, NOTHING);
}

enum { PRODUCE = 0, FETCH = 1, LIST_OFFSETS = 2, METADATA = 3, FIND_COORDINATOR = 10, API_VERSIONS = 18 };

static const struct request REQUESTS[REQUEST_COUNT] = {
    { PRODUCE, 3, 7, answer_produce },
    { FETCH, 4, 4, answer_fetch },
    { LIST_OFFSETS, 1, 1, answer_offsets },
    { METADATA, 1, 4, kafka_answer_metadata },
    { FIND_COORDINATOR, 0, 0, answer_coordinator },
    { API_VERSIONS, 0, 3, answer_versions },
};

static const struct request *find_request(int16_t key, int16_t version)
{
    for (size_t i = 0; i < REQUEST_COUNT; i++) {
        if (REQUESTS[i].key == key && version >= REQUESTS[i].min && version <= REQUESTS[i].max) {
            return &REQUESTS[i];
        }
    }
    return NULL;
}

enum kn_lab_kafka_turn kn_lab_kafka_answer(const struct kn_lab_kafka *kafka, const uint8_t *bytes, size_t len,
                                           bool for_good, struct kn_strbuf *out, struct kn_lab_kafka_wait *ret_wait)
{
    struct ask ask = { .kafka = kafka, .in = { bytes, len, false }, .out = out, .wait = ret_wait };
    const size_t begin = out->len;
    const int16_t key = take_int16(&ask.in);
    const struct request *request = NULL;

    ask.version = take_int16(&ask.in);
    const int32_t correlation = take_int32(&ask.in);
    take_run(&ask.in, take_int16(&ask.in)); /* the client's name */
    request = ask.in.bad ? NULL : find_request(key, ask.version);
    if (request == NULL) {
        return KN_KAFKA_BAD;
    }
    const size_t len_at = reserve_int32(out);
    put_int32(out, correlation);
    request->answer(&ask);
    if (ask.in.bad || (ask.found < ask.wanted && !for_good)) {
        out->len = begin;
        return ask.in.bad ? KN_KAFKA_BAD : KN_KAFKA_WAITS;
    }
    fill_int32(out, len_at, (int32_t)(out->len - len_at - sizeof(int32_t)));
    return KN_KAFKA_ANSWERED;
}

bool kn_lab_kafka_wait_is_over(const struct kn_lab_kafka_wait *wait)
{
    for (size_t i = 0; i < wait->count; i++) {
        if (kn_lab_log_end(wait->logs[i].log) != wait->logs[i].end) {
            return true;
        }
    }
    return wait->any;
}
