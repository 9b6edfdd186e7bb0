/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logs: the topics of the embedded bus, in memory: per partition a log of record batches as producers sent them (Kafka's message format
 * 2, which KIP-98 describes). A partition keeps so many bytes; the oldest batches go first. One thread.
 */
#ifndef KN_LAB_LOGS_H
#define KN_LAB_LOGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/strbuf.h"

#define KN_LOGS_PARTITIONS_MAX 256
#define KN_LOGS_TOPICS_MAX 4096
#define KN_LOGS_NAME_MAX 249 /* Kafka's */

/* Kafka's error codes, those that are used here. */
enum kn_lab_logs_code {
    KN_LOGS_OK = 0,
    KN_LOGS_OUT_OF_RANGE = 1,
    KN_LOGS_CORRUPT = 2,
    KN_LOGS_UNKNOWN = 3,
    KN_LOGS_NO_COORDINATOR = 15,
    KN_LOGS_BAD_TOPIC = 17,
};

struct kn_lab_logs;
struct kn_log; /* of a partition */

/* single: how the names of topics begin that have one partition, ended by NULL; every other has so many. keep_bytes: of a partition. */
struct kn_lab_logs *kn_lab_logs_new(const char *const *single, int partitions, size_t keep_bytes);
void kn_lab_logs_free(struct kn_lab_logs *logs);
KN_DEFINE_AUTO(kn_lab_logs);

/* How many partitions a topic has; 0: there is no such topic, and it was not wanted or its name is none. make: it comes into being. */
int kn_lab_logs_topic(struct kn_lab_logs *logs, const char *name, bool make);
/* for (size_t at = 0; (name = kn_lab_logs_next(logs, &at)) != NULL;) */
const char *kn_lab_logs_next(const struct kn_lab_logs *logs, size_t *at);
/* NULL: there is none. Stays valid as long as logs does. */
struct kn_log *kn_lab_logs_partition(struct kn_lab_logs *logs, const char *name, int32_t partition);

/* Appends one or more whole batches and says the offset of the first record. What is not well-formed changes nothing. */
enum kn_lab_logs_code kn_lab_log_append(struct kn_log *log, const uint8_t *batches, size_t len, int64_t *ret_base);
/*
 * Adds the batches from the one that holds offset on to out, at most max_bytes, but at least one. None when offset is the end.
 * KN_LOGS_OUT_OF_RANGE: it was dropped already, or is not there yet.
 */
enum kn_lab_logs_code kn_lab_log_read(const struct kn_log *log, int64_t offset, size_t max_bytes,
                                      struct kn_strbuf *out);
int64_t kn_lab_log_start(const struct kn_log *log);
int64_t kn_lab_log_end(const struct kn_log *log); /* the offset that the next record gets */

#endif
