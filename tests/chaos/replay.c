/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay: records every command, answer, report and wake-up of a cloud and says each of them twice more, shuffled: `replay CONFIG AGENT SEED`. It prints "reading" when
 * it reads; a line on its standard input ends the recording; it prints how many messages it sent again.
 */
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/adapter/bus.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

#define BATCH 200
#define TIMES 2

struct record {
    char *topic;
    int partition;
    char *data;
    size_t len;
};

struct recording {
    struct record *records;
    size_t count, size;
    uint64_t seed; /* never 0; a failed order can be had again */
};

/* xorshift64 */
static size_t next_number(struct recording *r)
{
    r->seed ^= r->seed << 13;
    r->seed ^= r->seed >> 7;
    r->seed ^= r->seed << 17;
    return (size_t)r->seed;
}

static int assign_all(struct kn_bus_reader *reader, const char *agent, struct kn_error *err)
{
    AUTO_FREE char *agent_topic = kn_asprintf("%s%s", KN_TOPIC_AGENT, agent);
    const char *const topics[] = { KN_TOPIC_TASK,   KN_TOPIC_REPLY, KN_TOPIC_PLACE,  KN_TOPIC_NETWORK,
                                   KN_TOPIC_VOLUME, KN_TOPIC_IMAGE, KN_TOPIC_REPORT, agent_topic };

    for (size_t i = 0; i < KN_COUNT(topics); i++) {
        for (int p = 0; p < (i < 2 ? KN_SHARDS : 1); p++) {
            if (kn_bus_assign(reader, topics[i], p, err) < 0) {
                return -1;
            }
        }
    }
    return 0;
}

static void keep(struct recording *r, const struct kn_bus_message *m)
{
    if (r->count == r->size) {
        r->size = r->size == 0 ? 1024 : r->size * 2;
        r->records = kn_realloc_array(r->records, r->size, sizeof(*r->records));
    }
    r->records[r->count] = (struct record){ kn_strdup(m->topic), m->partition, kn_alloc(m->len + 1), m->len };
    memcpy(r->records[r->count].data, m->data, m->len);
    r->count++;
}

static void record(struct kn_bus_reader *reader, struct recording *r)
{
    struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

    while (poll(&input, 1, 0) == 0) {
        struct kn_bus_message messages[BATCH];
        const int count = kn_bus_poll(reader, messages, BATCH, 100);

        for (int i = 0; i < count; i++) {
            keep(r, &messages[i]);
            kn_bus_message_done(&messages[i]);
        }
    }
}

static void shuffle(struct recording *r)
{
    for (size_t i = r->count; i > 1; i--) {
        const size_t j = next_number(r) % i;
        const struct record swapped = r->records[i - 1];

        r->records[i - 1] = r->records[j];
        r->records[j] = swapped;
    }
}

static int play(struct kn_bus *bus, struct recording *r, struct kn_error *err)
{
    for (int time = 0; time < TIMES; time++) {
        shuffle(r);
        for (size_t i = 0; i < r->count; i++) {
            if (kn_bus_send(bus, r->records[i].topic, r->records[i].partition, r->records[i].data, r->records[i].len,
                            err) < 0) {
                return -1;
            }
        }
    }
    return kn_bus_flush(bus, 30000) < 0 ? kn_fail(err, KN_TIMEOUT, "the broker did not take it all within 30 s") : 0;
}

static void release(struct recording *r)
{
    for (size_t i = 0; i < r->count; i++) {
        free(r->records[i].topic);
        free(r->records[i].data);
    }
    free(r->records);
}

static int run(const struct kn_conf *conf, const char *agent, uint64_t seed, struct kn_error *err)
{
    AUTO(kn_bus) struct kn_bus *bus = NULL;
    struct kn_bus_reader *reader = NULL;
    struct recording r = { NULL, 0, 0, seed };
    int result;

    if (kn_bus_new(conf, "replay", &bus, err) < 0 || kn_bus_reader_new(bus, &reader, err) < 0) {
        return -1;
    }
    result = assign_all(reader, agent, err);
    if (result == 0) {
        puts("reading");
        fflush(stdout);
        record(reader, &r);
        result = play(bus, &r, err);
        printf("%zu\n", r.count * TIMES);
    }
    kn_bus_reader_free(reader);
    release(&r);
    return result;
}

int main(int argc, char **argv)
{
    static struct kn_conf conf;
    struct kn_error err = { 0 };
    AUTO_FREE char **left = NULL;

    kn_log_init("replay", KN_WARNING);
    if (kn_conf_load(&conf, argc, argv, &left, &err) < 0 || left[0] == NULL || left[1] == NULL) {
        kn_log_error("replay CONFIG AGENT SEED", &err);
        return 1;
    }
    if (run(&conf, left[0], strtoull(left[1], NULL, 10) * 2 + 1, &err) < 0) {
        kn_log_error("replay", &err);
        return 1;
    }
    return 0;
}
