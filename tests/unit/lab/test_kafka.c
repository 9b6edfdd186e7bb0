/* SPDX-License-Identifier: Apache-2.0 */
/* The embedded bus without its sockets: requests as bytes, answers as bytes. Real clients are in tests/it/test_bus.c. */
#include "tests/support/test.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "lab/kafka.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

#define KEEP 1000
#define CORRELATION 7
#define HEAD 61 /* of a batch */

static const char *const SINGLE[] = { "one", "two", "t", NULL };

struct world {
    struct kn_lab_kafka kafka;
    struct kn_strbuf ask, answer;
    struct kn_lab_kafka_wait wait;
};

static struct world w;

static int setup(void **state)
{
    (void)state;
    w = (struct world){ .kafka = { kn_lab_logs_new(SINGLE, 4, KEEP), "cluster", 9092 },
                        .ask = KN_STRBUF_INIT,
                        .answer = KN_STRBUF_INIT };
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kn_lab_logs_free(w.kafka.logs);
    kn_strbuf_release(&w.ask);
    kn_strbuf_release(&w.answer);
    return 0;
}

/* --- requests ------------------------------------------------------------------------------------------------------------ */

static void put16(int value)
{
    const uint16_t wire = htobe16((uint16_t)value);
    kn_strbuf_add(&w.ask, &wire, sizeof(wire));
}

static void put32(int64_t value)
{
    const uint32_t wire = htobe32((uint32_t)value);
    kn_strbuf_add(&w.ask, &wire, sizeof(wire));
}

static void put64(int64_t value)
{
    const uint64_t wire = htobe64((uint64_t)value);
    kn_strbuf_add(&w.ask, &wire, sizeof(wire));
}

static void put_name(const char *name)
{
    put16((int)strlen(name));
    kn_strbuf_addstr(&w.ask, name);
}

static void begin(int key, int version)
{
    kn_strbuf_clear(&w.ask);
    put16(key);
    put16(version);
    put32(CORRELATION);
    put_name("test");
}

static enum kn_lab_kafka_turn ask(bool for_good)
{
    kn_strbuf_clear(&w.answer);
    return kn_lab_kafka_answer(&w.kafka, (const uint8_t *)w.ask.buf, w.ask.len, for_good, &w.answer, &w.wait);
}

static int64_t read_at(size_t at, size_t len)
{
    uint64_t value = 0;

    assert_true(at + len <= w.answer.len);
    for (size_t i = 0; i < len; i++) {
        value = value << 8 | (uint8_t)w.answer.buf[at + i];
    }
    return len == 8 ? (int64_t)value : len == 4 ? (int32_t)value : (int16_t)value;
}

/* A batch of so many records, with so many bytes behind its head. */
static void put_batch(int records, int body)
{
    const size_t at = w.ask.len;
    AUTO_FREE char *rest = kn_alloc((size_t)body + 1);

    put64(0);
    put32(HEAD - 12 + body);
    put32(0);
    kn_strbuf_addch(&w.ask, 2);
    put32(0x1234);
    put16(0);
    put32(records - 1);
    put64(0);
    put64(0);
    put64(-1);
    put16(-1);
    put32(-1);
    put32(records);
    assert_int_equal(w.ask.len - at, HEAD);
    memset(rest, 'r', (size_t)body);
    kn_strbuf_add(&w.ask, rest, (size_t)body);
}

static void begin_produce(const char *topic, int partition, int bytes)
{
    begin(0, 7);
    put16(-1); /* no transaction */
    put16(-1); /* acks=all */
    put32(1000);
    put32(1);
    put_name(topic);
    put32(1);
    put32(partition);
    put32(bytes);
}

/* The error and the base offset of what was produced. */
static int produce(const char *topic, int partition, int records, int body, int64_t *ret_base)
{
    begin_produce(topic, partition, HEAD + body);
    put_batch(records, body);
    assert_int_equal(ask(false), KN_KAFKA_ANSWERED);
    const size_t at = 8 + 4 + 2 + strlen(topic) + 4 + 4;
    *ret_base = read_at(at + 2, 8);
    return (int)read_at(at, 2);
}

static void begin_fetch(const char *topic, int partition, int64_t offset, int max_bytes)
{
    begin(1, 4);
    put32(-1);
    put32(500); /* ms to wait */
    put32(1);
    put32(1 << 20);
    kn_strbuf_addch(&w.ask, 0);
    put32(1);
    put_name(topic);
    put32(1);
    put32(partition);
    put64(offset);
    put32(max_bytes);
}

/* The error of what was fetched, and how many bytes came. */
static int fetched(const char *topic, int *ret_bytes)
{
    const size_t at = 8 + 4 + 4 + 2 + strlen(topic) + 4 + 4;

    *ret_bytes = (int)read_at(at + 2 + 8 + 8 + 4, 4);
    return (int)read_at(at, 2);
}

static void make_topic(const char *name)
{
    begin(3, 4);
    put32(1);
    put_name(name);
    kn_strbuf_addch(&w.ask, 1);
    assert_int_equal(ask(false), KN_KAFKA_ANSWERED);
    assert_int_equal(read_at(0, 4), w.answer.len - 4);
    assert_int_equal(read_at(4, 4), CORRELATION);
}

/* --- tests --------------------------------------------------------------------------------------------------------------- */

static void test_topics(void **state)
{
    (void)state;
    AUTO_FREE char *long_name = kn_alloc(KN_LOGS_NAME_MAX + 2);

    make_topic("many");
    make_topic("one");
    assert_int_equal(kn_lab_logs_topic(w.kafka.logs, "many", false), 4);
    assert_int_equal(kn_lab_logs_topic(w.kafka.logs, "one", false), 1);
    assert_int_equal(kn_lab_logs_topic(w.kafka.logs, "none", false), 0);
    memset(long_name, 'a', KN_LOGS_NAME_MAX + 1);
    const char *const bad[] = { "", ".", "..", "a b", "a/b", "\xc3\xa4", long_name };
    for (size_t i = 0; i < KN_COUNT(bad); i++) {
        make_topic(bad[i]);
        assert_int_equal(kn_lab_logs_topic(w.kafka.logs, bad[i], false), 0);
    }
}

static void test_topics_are_bounded(void **state)
{
    (void)state;
    for (int i = 0; i < KN_LOGS_TOPICS_MAX + 10; i++) {
        AUTO_FREE char *name = kn_asprintf("t%d", i);
        assert_int_equal(kn_lab_logs_topic(w.kafka.logs, name, true), i < KN_LOGS_TOPICS_MAX ? 1 : 0);
    }
}

static void test_what_goes_in_comes_out(void **state)
{
    (void)state;
    int64_t base = 0;
    int bytes = 0;

    make_topic("one");
    assert_int_equal(produce("one", 0, 3, 10, &base), KN_LOGS_OK);
    assert_int_equal(base, 0);
    assert_int_equal(produce("one", 0, 2, 20, &base), KN_LOGS_OK);
    assert_int_equal(base, 3);
    begin_fetch("one", 0, 0, 1 << 20);
    assert_int_equal(ask(false), KN_KAFKA_ANSWERED);
    assert_int_equal(fetched("one", &bytes), KN_LOGS_OK);
    assert_int_equal(bytes, 2 * HEAD + 30);
    begin_fetch("one", 0, 4, 1 << 20); /* in the middle of the second batch: a client passes over what it has */
    assert_int_equal(ask(false), KN_KAFKA_ANSWERED);
    assert_int_equal(fetched("one", &bytes), KN_LOGS_OK);
    assert_int_equal(bytes, HEAD + 20);
    assert_int_equal(read_at(w.answer.len - (size_t)bytes, 8), 3); /* its base offset is the log's */
    begin_fetch("one", 0, 0, 1); /* one batch always comes, or nothing ever would */
    assert_int_equal(ask(false), KN_KAFKA_ANSWERED);
    fetched("one", &bytes);
    assert_int_equal(bytes, HEAD + 10);
}

static void test_a_fetch_waits(void **state)
{
    (void)state;
    int64_t base = 0;
    int bytes = -1;

    make_topic("one");
    make_topic("two");
    begin_fetch("one", 0, 0, 1000);
    assert_int_equal(ask(false), KN_KAFKA_WAITS);
    assert_int_equal(w.answer.len, 0);
    assert_int_equal(w.wait.ms, 500);
    const struct kn_lab_kafka_wait wait = w.wait;
    assert_false(kn_lab_kafka_wait_is_over(&wait));
    produce("two", 0, 1, 1, &base);
    assert_false(kn_lab_kafka_wait_is_over(&wait));
    produce("one", 0, 1, 1, &base);
    assert_true(kn_lab_kafka_wait_is_over(&wait));
    begin_fetch("one", 0, 1, 1000);
    assert_int_equal(ask(true), KN_KAFKA_ANSWERED); /* its time is over */
    assert_int_equal(fetched("one", &bytes), KN_LOGS_OK);
    assert_int_equal(bytes, 0);
}

static void test_the_oldest_go(void **state)
{
    (void)state;
    int64_t base = 0;
    int bytes = 0;

    make_topic("one");
    for (int i = 0; i < 100; i++) {
        assert_int_equal(produce("one", 0, 1, 139, &base), KN_LOGS_OK); /* 200 bytes each, 1,000 are kept */
        assert_int_equal(base, i);
    }
    struct kn_log *log = kn_lab_logs_partition(w.kafka.logs, "one", 0);
    assert_int_equal(kn_lab_log_end(log), 100);
    assert_int_equal(kn_lab_log_start(log), 95);
    const int64_t gone[] = { 0, 94, 101, -1 };
    for (size_t i = 0; i < KN_COUNT(gone); i++) {
        begin_fetch("one", 0, gone[i], 1000);
        assert_int_equal(ask(false), KN_KAFKA_ANSWERED); /* an error is not waited with */
        assert_int_equal(fetched("one", &bytes), KN_LOGS_OUT_OF_RANGE);
    }
    begin_fetch("one", 0, 95, 1 << 20);
    assert_int_equal(ask(false), KN_KAFKA_ANSWERED);
    assert_int_equal(fetched("one", &bytes), KN_LOGS_OK);
    assert_int_equal(bytes, 1000);
    assert_int_equal(produce("one", 0, 1, 5000, &base), KN_LOGS_OK); /* one that is larger than all that is kept */
    assert_int_equal(kn_lab_log_start(log), 100);
}

static void test_no_such_partition(void **state)
{
    (void)state;
    int64_t base = 0;
    int bytes = 0;

    make_topic("many");
    assert_int_equal(produce("many", 3, 1, 1, &base), KN_LOGS_OK);
    assert_int_equal(produce("many", 4, 1, 1, &base), KN_LOGS_UNKNOWN);
    assert_int_equal(produce("many", -1, 1, 1, &base), KN_LOGS_UNKNOWN);
    assert_int_equal(produce("none", 0, 1, 1, &base), KN_LOGS_UNKNOWN);
    begin_fetch("many", 4, 0, 1000);
    assert_int_equal(ask(false), KN_KAFKA_ANSWERED);
    assert_int_equal(fetched("many", &bytes), KN_LOGS_UNKNOWN);
}

/* What is not a batch of format 2, whole and counted, changes nothing. */
static void test_bad_batches(void **state)
{
    (void)state;
    struct kn_log *log = NULL;
    int64_t base = 0;

    make_topic("one");
    log = kn_lab_logs_partition(w.kafka.logs, "one", 0);
    assert_int_equal(produce("one", 0, 0, 1, &base), KN_LOGS_CORRUPT); /* no records */
    begin_produce("one", 0, HEAD + 1);
    put_batch(1, 1);
    const size_t at = w.ask.len - HEAD - 1;
    static const struct {
        size_t at;
        char is;
    } BREAK[] = { { 16, 1 } /* format */,           { 11, 0 } /* shorter */, { 8, 1 } /* longer */,
                  { 8, (char)0xff } /* negative */, { 26, 5 } /* last */,    { 60, 9 } /* count */ };
    for (size_t i = 0; i < KN_COUNT(BREAK); i++) {
        const char was = w.ask.buf[at + BREAK[i].at];
        w.ask.buf[at + BREAK[i].at] = BREAK[i].is;
        assert_int_equal(ask(false), KN_KAFKA_ANSWERED);
        assert_int_equal(read_at(8 + 4 + 2 + 3 + 4 + 4, 2), KN_LOGS_CORRUPT);
        w.ask.buf[at + BREAK[i].at] = was;
    }
    begin_produce("one", 0, 0);
    assert_int_equal(ask(false), KN_KAFKA_ANSWERED);
    begin_produce("one", 0, -1);
    assert_int_equal(ask(false), KN_KAFKA_ANSWERED);
    assert_int_equal(kn_lab_log_end(log), 0);
}

/* Every request, cut at every byte, and with another length in each place: hung up on or answered, never more. */
static void test_bad_requests(void **state)
{
    (void)state;
    make_topic("one");
    begin_fetch("one", 0, 0, 1000);
    for (size_t len = 0; len < w.ask.len; len++) {
        assert_int_equal(kn_lab_kafka_answer(&w.kafka, (const uint8_t *)w.ask.buf, len, true, &w.answer, &w.wait),
                         KN_KAFKA_BAD);
    }
    static const struct {
        int key, version;
    } UNKNOWN[] = { { 0, 2 }, { 0, 8 },  { 1, 3 },  { 1, 5 },  { 2, 0 },
                    { 3, 5 }, { 11, 0 }, { 18, 4 }, { -1, 0 }, { 32767, 0 } };
    for (size_t i = 0; i < KN_COUNT(UNKNOWN); i++) {
        begin(UNKNOWN[i].key, UNKNOWN[i].version);
        assert_int_equal(ask(true), KN_KAFKA_BAD);
    }
    const int32_t counts[] = { INT32_MAX, INT32_MIN, -2, 1000000 };
    for (size_t i = 0; i < KN_COUNT(counts); i++) {
        begin(3, 4);
        put32(counts[i]);
        kn_strbuf_addch(&w.ask, 0);
        (void)ask(true);
        assert_true(w.answer.len < 1000);
        begin(1, 4);
        put32(-1);
        put32(0);
        put32(0);
        put32(0);
        kn_strbuf_addch(&w.ask, 0);
        put32(counts[i]);
        (void)ask(true);
        assert_true(w.answer.len < 1000);
    }
}

static void test_versions(void **state)
{
    (void)state;
    begin(18, 0);
    assert_int_equal(ask(false), KN_KAFKA_ANSWERED);
    assert_int_equal(read_at(8, 2), 0);
    assert_int_equal(read_at(10, 4), 6);
    begin(18, 3);
    assert_int_equal(ask(false), KN_KAFKA_ANSWERED);
    assert_int_equal(w.answer.buf[10], 7); /* a compact array: one more than it has */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_topics, setup, teardown),
        cmocka_unit_test_setup_teardown(test_topics_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_goes_in_comes_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_fetch_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_oldest_go, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_such_partition, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_batches, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(test_versions, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
