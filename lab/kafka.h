/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka: what the embedded bus answers to Kafka's clients: of the protocol (kafka.apache.org/protocol) what librdkafka's producers and
 * simple consumers say, and no more: ApiVersions 0 to 3, Metadata 1 to 4, Produce 3 to 7, Fetch 4, ListOffsets 1, FindCoordinator 0
 * (there is none). Pure: bytes in, bytes out, the logs between.
 */
#ifndef KN_LAB_KAFKA_H
#define KN_LAB_KAFKA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lab/logs.h"
#include "lib/base/strbuf.h"

#define KN_KAFKA_REQUEST_MAX \
    (4 << 20) /* bytes; a producer's largest message is 1.1 MB, and a request may hold one of each partition */

#define KN_KAFKA_ANSWER_MAX (8 << 20)  /* bytes that a fetch is given at once, about */
#define KN_KAFKA_WAIT_MAX 32

struct kn_lab_kafka {
    struct kn_lab_logs *logs;
    const char *cluster; /* another one each time: what was here before is forgotten */
    uint16_t port;       /* of 127.0.0.1, where everybody finds everything */
};

/* What a fetch waits for: that one of these logs gets longer, or that the time is over. */
struct kn_lab_kafka_wait {
    int64_t ms;
    bool any; /* there are more logs than have a place here: look again whenever something was written */
    size_t count;
    struct {
        const struct kn_log *log;
        int64_t end;
    } logs[KN_KAFKA_WAIT_MAX];
};

enum kn_lab_kafka_turn {
    KN_KAFKA_ANSWERED,
    KN_KAFKA_WAITS, /* a fetch that found nothing: ask again when kn_lab_kafka_wait_is_over(), or, for good, when its time is */
    KN_KAFKA_BAD, /* no request that is known here: hang up */
};

/*
 * Answers a request, given without its length; the answer is added to out with its length. for_good: a fetch that finds nothing is
 * answered. What waits or is bad adds nothing.
 */
enum kn_lab_kafka_turn kn_lab_kafka_answer(const struct kn_lab_kafka *kafka, const uint8_t *request, size_t len,
                                           bool for_good, struct kn_strbuf *out, struct kn_lab_kafka_wait *ret_wait);
bool kn_lab_kafka_wait_is_over(const struct kn_lab_kafka_wait *wait);

#endif
