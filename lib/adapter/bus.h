/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus: Kafka over librdkafka. It may forget everything and nothing is lost: nobody stores offsets, everybody reads
 * from the end with static assignment and says hello.
 *
 * One struct kn_bus is one producer; a struct kn_bus_reader is one consumer and belongs to one thread. The embedded broker
 * (bus.brokers = embedded; lab/broker.c) is spoken to by the same code.
 */
#ifndef KN_ADAPTER_BUS_H
#define KN_ADAPTER_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/adapter/conf.h"
#include "lib/base/cleanup.h"
#include "lib/base/error.h"

struct kn_bus;
struct kn_bus_reader;
struct kn_message; /* lib/domain/message.h */

struct kn_bus_message {
    const char *topic;
    int partition;
    const char *data; /* not NUL-terminated */
    size_t len;
    void *opaque;     /* the library's */
};

/* Connects in the background. client: shown in the broker's log. */
int kn_bus_new(const struct kn_conf *conf, const char *client, struct kn_bus **ret_bus, struct kn_error *err);
/* Flushes for up to 5 s, then frees. */
void kn_bus_free(struct kn_bus *bus);
KN_DEFINE_AUTO(kn_bus);

/*
 * Who speaks here (signer.h); before anything is said. Where a key is configured, kn_bus_say() signs and kn_bus_hear() believes nothing else.
 */
int kn_bus_speak_as(struct kn_bus *bus, const char *who, struct kn_error *err);
/* Sends a message: prints, signs, kn_bus_send(). */
int kn_bus_say(struct kn_bus *bus, const char *topic, int partition, const struct kn_message *message,
               struct kn_error *err);
/*
 * Reads one: parses it, and where messages are signed proves who said it and that they may. KN_FORBIDDEN when not. Without keys `from` is "", because
 * a claim is worth nothing.
 */
int kn_bus_hear(struct kn_bus *bus, const struct kn_bus_message *raw, struct kn_message *ret, struct kn_error *err);

/*
 * Makes sure that a topic exists with `partitions` (AdminClient on Kafka; the embedded broker makes its own) and warms up the
 * producer's metadata for it. Waits up to wait_ms.
 */
int kn_bus_ensure_topic(struct kn_bus *bus, const char *topic, int partitions, int64_t wait_ms, struct kn_error *err);

/*
 * Sends one message; data is copied. Asynchronous: success means queued. KN_UNAVAILABLE when the local queue is full.
 * Thread-safe. Delivery failures are counted and logged, not reported: the sweep of the conductor repairs.
 */
int kn_bus_send(struct kn_bus *bus, const char *topic, int partition, const void *data, size_t len,
                struct kn_error *err);
/*
 * Between these two what this thread sends on the bus gathers, and leaves together: many messages are few requests then, and whoever reads them finds
 * many at once. Their order stays. What the local queue does not take is lost as anything on the bus may be, and logged. Not nested; nothing that
 * may wait stands between them.
 */
void kn_bus_gather(struct kn_bus *bus);
void kn_bus_depart(struct kn_bus *bus);
/* Serves delivery reports; call now and then from any one thread (the reader's poll does it for its bus). */
void kn_bus_tick(struct kn_bus *bus);
/* Has everything that was sent so far arrived? */
bool kn_bus_is_quiet(struct kn_bus *bus);
int kn_bus_flush(struct kn_bus *bus, int64_t wait_ms);
/*
 * Counts the clusters seen: changes when the broker behind the address has become another one (a new cluster id: the
 * embedded broker was restarted, everything in it is gone). Whoever sees it change says hello again.
 */
int64_t kn_bus_epoch(struct kn_bus *bus);

int kn_bus_reader_new(struct kn_bus *bus, struct kn_bus_reader **ret_reader, struct kn_error *err);
void kn_bus_reader_free(struct kn_bus_reader *reader);
KN_DEFINE_AUTO(kn_bus_reader);
/*
 * Adds a partition, read from its end; the fetching begins at the next poll. Returns when the position is known, so that whatever is sent after this call is seen
 * (waits up to 10 s). Adding what is there is nothing.
 */
int kn_bus_assign(struct kn_bus_reader *reader, const char *topic, int partition, struct kn_error *err);
int kn_bus_unassign(struct kn_bus_reader *reader, const char *topic, int partition, struct kn_error *err);
/*
 * Waits up to wait_ms for a message, then takes what is there, at most `max`. Returns how many (0 on time-out, broker
 * troubles included: those are logged and healed inside). Release each with kn_bus_message_done().
 */
int kn_bus_poll(struct kn_bus_reader *reader, struct kn_bus_message *messages, int max, int wait_ms);
void kn_bus_message_done(struct kn_bus_message *message);

#endif
