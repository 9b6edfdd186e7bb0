/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logs: owns what is on the embedded bus. Of a batch it reads the head alone (its length, its format, how many records it holds) and
 * writes its base offset, which the checksum does not cover; records and their compression are between producer and consumer.
 */
#include "lab/logs.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/hmap.h"
#include "lib/base/mem.h"

/* The head of a batch: where what stands, and its length. */
#define AT_LENGTH 8
#define AT_MAGIC 16
#define AT_LAST_DELTA 23
#define AT_COUNT 57
#define HEAD 61
#define MAGIC 2

struct batch {
    int64_t base;
    int32_t records;
    size_t len;
    uint8_t *bytes;
};

struct kn_log {
    struct batch *batches; /* a ring; oldest at head */
    size_t head, count, room;
    size_t bytes, keep;
    int64_t start, end;
};

struct topic {
    int partitions;
    struct kn_log *logs;
};

struct kn_lab_logs {
    const char *const *single;
    int partitions;
    size_t keep;
    struct kn_hmap *topics;
};

/* --- topics -------------------------------------------------------------------------------------------------------------- */

static struct batch *batch_at(const struct kn_log *log, size_t i)
{
    return &log->batches[(log->head + i) % log->room];
}

static void logs_free_topic(void *value)
{
    struct topic *topic = value;

    for (int i = 0; i < topic->partitions; i++) {
        for (size_t k = 0; k < topic->logs[i].count; k++) {
            free(batch_at(&topic->logs[i], k)->bytes);
        }
        free(topic->logs[i].batches);
    }
    free(topic->logs);
    free(topic);
}

struct kn_lab_logs *kn_lab_logs_new(const char *const *single, int partitions, size_t keep_bytes)
{
    struct kn_lab_logs *logs = KN_NEW(struct kn_lab_logs);

    *logs = (struct kn_lab_logs){
        .single = single, .partitions = partitions, .keep = keep_bytes, .topics = kn_hmap_new(logs_free_topic)
    };
    return logs;
}

void kn_lab_logs_free(struct kn_lab_logs *logs)
{
    if (logs != NULL) {
        kn_hmap_free(logs->topics);
        free(logs);
    }
}

static bool is_name(const char *name)
{
    static const char LEGAL[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const size_t len = strlen(name);

    return len > 0 && len <= KN_LOGS_NAME_MAX && strspn(name, LEGAL) == len && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

static int partitions_of(const struct kn_lab_logs *logs, const char *name)
{
    for (const char *const *one = logs->single; *one != NULL; one++) {
        if (strncmp(*one, name, strlen(*one)) == 0) {
            return 1;
        }
    }
    return logs->partitions;
}

static struct topic *logs_make_topic(struct kn_lab_logs *logs, const char *name)
{
    struct topic *topic = NULL;

    if (!is_name(name) || kn_hmap_count(logs->topics) >= KN_LOGS_TOPICS_MAX) {
        return NULL;
    }
    topic = KN_NEW(struct topic);
    topic->partitions = partitions_of(logs, name);
    topic->logs = kn_alloc((size_t)topic->partitions * sizeof(*topic->logs));
    for (int i = 0; i < topic->partitions; i++) {
        topic->logs[i].keep = logs->keep;
    }
    kn_hmap_put(logs->topics, name, topic);
    return topic;
}

int kn_lab_logs_topic(struct kn_lab_logs *logs, const char *name, bool make)
{
    const struct topic *topic = kn_hmap_get(logs->topics, name);

    if (topic == NULL && make) {
        topic = logs_make_topic(logs, name);
    }
    return topic != NULL ? topic->partitions : 0;
}

const char *kn_lab_logs_next(const struct kn_lab_logs *logs, size_t *at)
{
    const char *name = NULL;
    void *topic = NULL;

    return kn_hmap_next(logs->topics, at, &name, &topic) ? name : NULL;
}

struct kn_log *kn_lab_logs_partition(struct kn_lab_logs *logs, const char *name, int32_t partition)
{
    const struct topic *topic = kn_hmap_get(logs->topics, name);

    return topic != NULL && partition >= 0 && partition < topic->partitions ? &topic->logs[partition] : NULL;
}

/* --- a log --------------------------------------------------------------------------------------------------------------- */

static int32_t read32(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return (int32_t)be32toh(value);
}

/* The length of the batch that begins here, its records counted; 0: there is no whole one. */
static size_t measure(const uint8_t *at, size_t left, int32_t *ret_records)
{
    if (left < HEAD || at[AT_MAGIC] != MAGIC) {
        return 0;
    }
    const int32_t rest = read32(at + AT_LENGTH), last = read32(at + AT_LAST_DELTA), count = read32(at + AT_COUNT);
    if (rest < HEAD - AT_LENGTH - 4 || (size_t)rest > left - AT_LENGTH - 4 || count < 1 || last != count - 1) {
        return 0;
    }
    *ret_records = count;
    return (size_t)rest + AT_LENGTH + 4;
}

static bool are_batches(const uint8_t *at, size_t len)
{
    int32_t records = 0;

    while (len > 0) {
        const size_t one = measure(at, len, &records);
        if (one == 0) {
            return false;
        }
        at += one;
        len -= one;
    }
    return true;
}

static void forget_oldest(struct kn_log *log)
{
    struct batch *oldest = batch_at(log, 0);

    log->bytes -= oldest->len;
    log->start = oldest->base + oldest->records;
    free(oldest->bytes);
    log->head = (log->head + 1) % log->room;
    log->count--;
}

static struct batch *next_place(struct kn_log *log)
{
    if (log->count == log->room) {
        const size_t room = log->room == 0 ? 64 : 2 * log->room;
        struct batch *larger = kn_alloc(room * sizeof(*larger));

        for (size_t i = 0; i < log->count; i++) {
            larger[i] = *batch_at(log, i);
        }
        free(log->batches);
        log->batches = larger;
        log->head = 0;
        log->room = room;
    }
    return batch_at(log, log->count++);
}

enum kn_lab_logs_code kn_lab_log_append(struct kn_log *log, const uint8_t *batches, size_t len, int64_t *ret_base)
{
    *ret_base = log->end;
    if (len == 0 || !are_batches(batches, len)) {
        return KN_LOGS_CORRUPT;
    }
    while (len > 0) {
        int32_t records = 0;
        const size_t one = measure(batches, len, &records);
        struct batch *batch = next_place(log);
        const uint64_t base = htobe64((uint64_t)log->end);

        *batch = (struct batch){ .base = log->end, .records = records, .len = one, .bytes = kn_alloc(one) };
        memcpy(batch->bytes, batches, one);
        memcpy(batch->bytes, &base, sizeof(base));
        log->end += records;
        log->bytes += one;
        batches += one;
        len -= one;
    }
    while (log->bytes > log->keep && log->count > 1) {
        forget_oldest(log);
    }
    return KN_LOGS_OK;
}

/* Which batch holds the offset; offsets grow along the ring. */
static size_t find_batch(const struct kn_log *log, int64_t offset)
{
    size_t low = 0, high = log->count;

    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (batch_at(log, middle)->base <= offset) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

enum kn_lab_logs_code kn_lab_log_read(const struct kn_log *log, int64_t offset, size_t max_bytes, struct kn_strbuf *out)
{
    size_t taken = 0;

    if (offset < log->start || offset > log->end) {
        return KN_LOGS_OUT_OF_RANGE;
    }
    if (offset == log->end) {
        return KN_LOGS_OK;
    }
    for (size_t i = find_batch(log, offset); i < log->count; i++) {
        const struct batch *batch = batch_at(log, i);
        if (taken > 0 && taken + batch->len > max_bytes) {
            break;
        }
        kn_strbuf_add(out, batch->bytes, batch->len);
        taken += batch->len;
    }
    return KN_LOGS_OK;
}

int64_t kn_lab_log_start(const struct kn_log *log)
{
    return log->start;
}

int64_t kn_lab_log_end(const struct kn_log *log)
{
    return log->end;
}
