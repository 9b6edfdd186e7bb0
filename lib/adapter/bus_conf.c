/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settings of every librdkafka handle, as tables with their reasons, and where its log lines go. This file decides nothing
 * at run time; what differs between Kafka and the embedded broker is a column here, and what no setting says, how it waits, a function.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <threads.h>

#include "lib/adapter/bus_private.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

/* In a window of time, so many lines; a broker that is away would write for ever. */
#define LOG_WINDOW_MS 10000
#define LOG_LINES 5

enum { PRODUCER = 1, CONSUMER = 2 };

static const struct {
    int types;
    const char *name;
    const char *kafka;    /* NULL: librdkafka's default */
    const char *embedded;
} SETTINGS[] = {
    /* Come back quickly: a restart of the broker is felt as long as this. */
    { PRODUCER | CONSUMER, "reconnect.backoff.ms", "50", "20" },
    { PRODUCER | CONSUMER, "reconnect.backoff.max.ms", "1000", "200" },
    { PRODUCER | CONSUMER, "socket.nagle.disable", "true", "true" },
    { PRODUCER | CONSUMER, "socket.keepalive.enable", "true", "true" },
    { PRODUCER | CONSUMER, "log.connection.close", "false", "false" },
    /* The embedded broker makes topics when it is asked about them; on Kafka kn_bus_ensure_topic() does. */
    { CONSUMER, "allow.auto.create.topics", "false", "true" },

    /* A batch is what has gathered while the last ones travelled: no timer. Unbounded, they would travel one by one. */
    { PRODUCER, "linger.ms", "0", "0" },
    { PRODUCER, "max.in.flight.requests.per.connection", "5", "5" },
    { PRODUCER, "acks", "all", "all" },
    { PRODUCER, "retry.backoff.ms", "20", "20" },
    /* Whoever waits for an answer asks again long before; older messages would only confuse. */
    { PRODUCER, "message.timeout.ms", "30000", "30000" },
    { PRODUCER, "message.max.bytes", "1100000", "1100000" },
    { PRODUCER, "queue.buffering.max.messages", "100000", "100000" },
    { PRODUCER, "queue.buffering.max.kbytes", "32768", "32768" },

    /* A fetch that waits is woken by what comes; those that end for nothing are most of what an idle Kafka does. */
    { CONSUMER, "fetch.wait.max.ms", "2000", "500" },
    { CONSUMER, "fetch.min.bytes", "1", "1" },
    { CONSUMER, "fetch.error.backoff.ms", "20", "5" },
    { CONSUMER, "fetch.message.max.bytes", "1200000", "1200000" },
    { CONSUMER, "fetch.max.bytes", "4194304", "4194304" },
    /* Bounds the memory. Not lower: librdkafka 2.0 rests for a second when a queue was over its bound. */
    { CONSUMER, "queued.max.messages.kbytes", "8192", "8192" },
    { CONSUMER, "queued.min.messages", "20000", "20000" },
    { CONSUMER, "enable.auto.commit", "false", "false" },
    /* When a position is gone the broker has forgotten: everything it has now is new. */
    { CONSUMER, "auto.offset.reset", "earliest", "earliest" },
};

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

/* How many lines were swallowed since the last one that was written; -1: swallow this one too. */
static int admit_line(void)
{
    static int64_t window; /* guarded by log_lock, as are the others */
    static int lines;
    static int swallowed;
    const int64_t now = kn_mono_ms();
    int answer = -1;

    pthread_mutex_lock(&log_lock);
    if (now - window >= LOG_WINDOW_MS) {
        window = now;
        lines = 0;
    }
    if (lines++ < LOG_LINES) {
        answer = swallowed;
        swallowed = 0;
    } else {
        swallowed++;
    }
    pthread_mutex_unlock(&log_lock);
    return answer;
}

static void log_line(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    const int swallowed = admit_line();
    char count[16] = "";

    (void)client;
    (void)level;
    if (swallowed >= 0) {
        snprintf(count, sizeof(count), "%d", swallowed);
        kn_log(KN_WARNING, "bus", "facility", facility, "text", text, "suppressed", swallowed > 0 ? count : NULL, NULL);
    }
}

static int bus_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value, struct kn_error *err)
{
    char why[256];

    if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK) {
        return kn_fail(err, KN_INTERNAL, "bus setting \"%s\": %s", name, why);
    }
    return 0;
}

/* What the operator says about who we are and whom we believe; empty ones stay librdkafka's defaults. */
static const struct {
    const char *name;
    size_t offset; /* in struct kn_conf */
    bool is_sasl; /* means something only where the protocol has SASL */
} SECURITY[] = {
    { "sasl.mechanisms", offsetof(struct kn_conf, bus_sasl_mechanism), true },
    { "sasl.username", offsetof(struct kn_conf, bus_sasl_username), true },
    { "sasl.password", offsetof(struct kn_conf, bus_sasl_password), true },
    { "ssl.ca.location", offsetof(struct kn_conf, bus_ssl_ca_file), false },
    { "ssl.certificate.location", offsetof(struct kn_conf, bus_ssl_certificate_file), false },
    { "ssl.key.location", offsetof(struct kn_conf, bus_ssl_key_file), false },
};

static int set_security(const struct kn_conf *from, rd_kafka_conf_t *conf, struct kn_error *err)
{
    const char *protocol = from->bus_security_protocol;
    const bool has_sasl = strncmp(protocol, "sasl", 4) == 0;

    if (bus_conf_set(conf, "security.protocol", protocol, err) < 0) {
        return -1;
    }
    if (has_sasl && *from->bus_sasl_username == '\0') {
        return kn_fail(err, KN_BAD_REQUEST, "bus.security_protocol is \"%s\", but bus.sasl_username is empty",
                       protocol);
    }
    for (size_t i = 0; i < KN_COUNT(SECURITY); i++) {
        const char *value = *(const char *const *)(const void *)((const char *)from + SECURITY[i].offset);

        if (*value != '\0' && (has_sasl || !SECURITY[i].is_sasl) &&
            bus_conf_set(conf, SECURITY[i].name, value, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int set_all(const struct kn_bus *bus, int type, rd_kafka_conf_t *conf, struct kn_error *err)
{
    for (size_t i = 0; i < KN_COUNT(SETTINGS); i++) {
        const char *value = bus->embedded ? SETTINGS[i].embedded : SETTINGS[i].kafka;

        if ((SETTINGS[i].types & type) != 0 && value != NULL && bus_conf_set(conf, SETTINGS[i].name, value, err) < 0) {
            return -1;
        }
    }
    if (bus_conf_set(conf, "bootstrap.servers", bus->brokers, err) < 0 ||
        bus_conf_set(conf, "client.id", bus->client, err) < 0) {
        return -1;
    }
    return bus->embedded ? 0 : set_security(&bus->conf, conf, err);
}

int kn_bus_client_new(const struct kn_bus *bus, rd_kafka_type_t type, rd_kafka_t **ret_client, struct kn_error *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_t *client = NULL;
    char why[256] = "";

    if (set_all(bus, type == RD_KAFKA_PRODUCER ? PRODUCER : CONSUMER, conf, err) < 0) {
        rd_kafka_conf_destroy(conf);
        return -1;
    }
    rd_kafka_conf_set_log_cb(conf, log_line);
    client = rd_kafka_new(type, conf, why, sizeof(why));
    if (client == NULL) {
        rd_kafka_conf_destroy(conf);
        return kn_fail(err, KN_INTERNAL, "bus: %s", why);
    }
    *ret_client = client;
    return 0;
}

#define NS_A_SECOND INT64_C(1000000000)
#define NS_LATER 1000000

/* cnd_timedwait() under a name that no header of libc knows. */
int kn_bus_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until) __asm__("cnd_timedwait");

/*
 * A handle's main thread has a timer that is due each second. It waits for whole milliseconds, wakes up to one too early, and then asks the clock without a pause until
 * the timer is due: 0.7 ms of a processor each second, of each handle, which was a third of what an idle cloud cost. So what librdkafka waits for ends a millisecond later; only
 * what does not come is noticed later by it.
 *
 * `until` is the wall clock's, made just now of so many milliseconds. It is waited for by a clock that nobody sets: a wall clock that is set back an hour would let librdkafka's
 * timers, and with them the bus, stand still for that hour.
 */
int kn_bus_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until)
{
    struct timespec wall, later;

    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_MONOTONIC, &later);
    const int64_t left_ns = (until->tv_sec - wall.tv_sec) * NS_A_SECOND + until->tv_nsec - wall.tv_nsec;
    const int64_t at_ns = later.tv_nsec + (left_ns > 0 ? left_ns : 0) + NS_LATER;

    later.tv_sec += at_ns / NS_A_SECOND;
    later.tv_nsec = at_ns % NS_A_SECOND;
    switch (pthread_cond_clockwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, CLOCK_MONOTONIC,
                                   &later)) { /* as glibc's waits, but for the clock */
    case 0:
        return thrd_success;
    case ETIMEDOUT:
        return thrd_timedout;
    }
    return thrd_error;
}
