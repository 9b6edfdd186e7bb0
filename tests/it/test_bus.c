/* SPDX-License-Identifier: Apache-2.0 */
/* bus against a broker: what is sent after assign is read, in order; a broker that forgets is noticed and healed. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "lib/adapter/bus.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/domain/message.h"
#include "tests/support/broker.h"
#include "tests/support/test.h"

#define WAIT_MS 60000

static struct kn_test_broker *broker;
static struct kn_conf conf;

struct fixture {
    struct kn_bus *bus;
    struct kn_bus_reader *reader;
    char topic[64]; /* of its own for each test */
};

static int group_setup(void **state)
{
    (void)state;
    kn_conf_defaults(&conf);
    broker = kn_test_broker_start();
    kn_test_broker_conf(broker, &conf);
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    kn_test_broker_free(broker);
    return 0;
}

static int setup(void **state)
{
    struct fixture *f = KN_NEW(struct fixture);
    struct kn_error err = { 0 };
    char uuid[KN_UUID_SIZE];

    kn_uuid_make(uuid);
    snprintf(f->topic, sizeof(f->topic), "kn.test.%s", uuid);
    *state = f;
    assert_ok(kn_bus_new(&conf, "test", &f->bus, &err), &err);
    assert_ok(kn_bus_ensure_topic(f->bus, f->topic, 2, WAIT_MS, &err), &err);
    assert_ok(kn_bus_reader_new(f->bus, &f->reader, &err), &err);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    kn_bus_reader_free(f->reader);
    kn_bus_free(f->bus);
    free(f);
    return 0;
}

static void send_text(struct fixture *f, int partition, const char *text)
{
    struct kn_error err = { 0 };

    assert_ok(kn_bus_send(f->bus, f->topic, partition, text, strlen(text), &err), &err);
}

/* Waits for one message; its text goes to out. */
static void expect(struct fixture *f, const char *text)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;
    struct kn_bus_message m;

    while (kn_bus_poll(f->reader, &m, 1, 100) == 0) {
        assert_true(kn_mono_ms() < deadline);
    }
    assert_int_equal(m.len, strlen(text));
    assert_memory_equal(m.data, text, m.len);
    assert_string_equal(m.topic, f->topic);
    kn_bus_message_done(&m);
}

static void test_reads_what_comes_after_assign(void **state)
{
    struct fixture *f = *state;
    struct kn_error err = { 0 };
    struct kn_bus_message m;

    send_text(f, 0, "before");
    assert_int_equal(kn_bus_flush(f->bus, WAIT_MS), 0);
    assert_ok(kn_bus_assign(f->reader, f->topic, 0, &err), &err);
    assert_ok(kn_bus_assign(f->reader, f->topic, 0, &err), &err); /* twice is nothing */
    send_text(f, 0, "after");
    expect(f, "after");
    send_text(f, 1, "another partition");
    send_text(f, 0, "last");
    expect(f, "last");
    assert_int_equal(kn_bus_poll(f->reader, &m, 1, 0), 0);
}

/* The fetching begins at the first poll: what was sent since the assignment is heard then, and what was given up before it never is. */
static void test_assigned_before_the_first_poll(void **state)
{
    struct fixture *f = *state;
    struct kn_error err = { 0 };

    assert_ok(kn_bus_assign(f->reader, f->topic, 0, &err), &err);
    assert_ok(kn_bus_assign(f->reader, f->topic, 1, &err), &err);
    assert_ok(kn_bus_unassign(f->reader, f->topic, 1, &err), &err);
    send_text(f, 1, "given up");
    send_text(f, 0, "before the first poll");
    expect(f, "before the first poll");
    assert_int_equal(kn_bus_flush(f->bus, WAIT_MS), 0);
    assert_ok(kn_bus_assign(f->reader, f->topic, 1, &err), &err); /* beside one that is read */
    send_text(f, 1, "again");
    expect(f, "again");
}

static void *send_beside(void *arg)
{
    send_text(arg, 0, "of another thread");
    return NULL;
}

/* What one thread gathers leaves together and in its order, more than a lot of it, too; what others send meanwhile does not wait for it. */
static void test_gathered_messages_leave_together(void **state)
{
    struct fixture *f = *state;
    struct kn_error err = { 0 };
    pthread_t thread;
    char text[16];

    assert_ok(kn_bus_assign(f->reader, f->topic, 0, &err), &err);
    assert_ok(kn_bus_assign(f->reader, f->topic, 1, &err), &err);
    kn_bus_gather(f->bus);
    send_text(f, 0, "first");
    send_text(f, 0, "second");
    assert_int_equal(pthread_create(&thread, NULL, send_beside, f), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    expect(f, "of another thread");
    kn_bus_depart(f->bus);
    expect(f, "first");
    expect(f, "second");
    kn_bus_gather(f->bus);
    for (int i = 0; i < 200; i++) {
        snprintf(text, sizeof(text), "%d", i);
        send_text(f, 0, text);
    }
    kn_bus_depart(f->bus);
    for (int i = 0; i < 200; i++) {
        snprintf(text, sizeof(text), "%d", i);
        expect(f, text);
    }
    send_text(f, 1, "nothing is gathered now");
    expect(f, "nothing is gathered now");
    kn_bus_depart(f->bus); /* of nothing is nothing */
}

static int connect_raw(void)
{
    const struct sockaddr_in address = { .sin_family = AF_INET,
                                         .sin_port = htons((uint16_t)conf.bus_embedded_port),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* What speaks another language, or no request that is known, is hung up on; who only says half is waited for alone. */
static void test_strangers_at_the_embedded_broker(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } STRANGE[] = {
        { "GET / HTTP/1.1\r\n\r\n", 18 },
        { "\xff\xff\xff\xff", 4 },
        { "\0\0\0\0", 4 },
        { "\0\0\0\x0a\0\x63\0\0\0\0\0\1\xff\xff", 14 },
        { "\0\0\0\x0e\0\3\0\4\0\0\0\1\xff\xff\0\0\0\1", 18 },
    };
    struct fixture *f = *state;
    struct kn_error err = { 0 };
    char byte;

    if (kn_test_broker_is_kafka(broker)) {
        skip();
    }
    const int half = connect_raw();
    assert_int_equal(send(half, "\0\0\0\x40\0\1", 6, MSG_NOSIGNAL), 6);
    for (size_t i = 0; i < KN_COUNT(STRANGE); i++) {
        const int fd = connect_raw();
        assert_int_equal(send(fd, STRANGE[i].bytes, STRANGE[i].len, MSG_NOSIGNAL), STRANGE[i].len);
        assert_true(recv(fd, &byte, 1, 0) <= 0);
        close(fd);
    }
    assert_ok(kn_bus_assign(f->reader, f->topic, 0, &err), &err);
    send_text(f, 0, "still here");
    expect(f, "still here");
    close(half);
}

static void test_batches_keep_their_order(void **state)
{
    enum { COUNT = 5000 };
    struct fixture *f = *state;
    struct kn_error err = { 0 };
    struct kn_bus_message batch[500];
    int next = 0;

    assert_ok(kn_bus_assign(f->reader, f->topic, 0, &err), &err);
    for (int i = 0; i < COUNT; i++) {
        char text[16];

        snprintf(text, sizeof(text), "%d", i);
        send_text(f, 0, text);
    }
    for (const int64_t deadline = kn_mono_ms() + WAIT_MS; next < COUNT && kn_mono_ms() < deadline;) {
        const int n = kn_bus_poll(f->reader, batch, (int)KN_COUNT(batch), 100);

        for (int i = 0; i < n; i++) {
            AUTO_FREE char *text = strndup(batch[i].data, batch[i].len);

            assert_int_equal(atoi(text), next++);
            kn_bus_message_done(&batch[i]);
        }
    }
    assert_int_equal(next, COUNT);
}

static void test_unassigned_partitions_are_silent(void **state)
{
    struct fixture *f = *state;
    struct kn_error err = { 0 };

    assert_ok(kn_bus_assign(f->reader, f->topic, 0, &err), &err);
    assert_ok(kn_bus_assign(f->reader, f->topic, 1, &err), &err);
    send_text(f, 1, "one");
    expect(f, "one");
    assert_ok(kn_bus_unassign(f->reader, f->topic, 1, &err), &err);
    send_text(f, 1, "unheard");
    assert_int_equal(kn_bus_flush(f->bus, WAIT_MS), 0);
    send_text(f, 0, "heard");
    expect(f, "heard");
}

/* What is said about security reaches librdkafka, is refused when it cannot be meant, and is never repeated in a message. */
static void test_security(void **state)
{
    static const struct {
        const char *protocol, *mechanism, *user, *ca;
        bool works;
    } CASES[] = {
        { "plaintext", "SCRAM-SHA-512", "", "", true },
        { "sasl_plaintext", "SCRAM-SHA-512", "agent-h1", "", true },
        { "sasl_plaintext", "PLAIN", "agent-h1", "", true },
        { "sasl_plaintext", "SCRAM-SHA-512", "", "", false },
        { "sasl_plaintext", "NONSENSE", "agent-h1", "", false },
        { "tls", "SCRAM-SHA-512", "agent-h1", "", false },
        { "ssl", "SCRAM-SHA-512", "", "/nonexistent/ca.pem", false },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        AUTO(kn_bus) struct kn_bus *bus = NULL;
        struct kn_conf secured = conf;
        struct kn_error err = { 0 };

        secured.bus_brokers = "127.0.0.1:1";
        secured.bus_security_protocol = CASES[i].protocol;
        secured.bus_sasl_mechanism = CASES[i].mechanism;
        secured.bus_sasl_username = CASES[i].user;
        secured.bus_sasl_password = "never-say-this";
        secured.bus_ssl_ca_file = CASES[i].ca;
        assert_int_equal(kn_bus_new(&secured, "test", &bus, &err), CASES[i].works ? 0 : -1);
        assert_null(strstr(err.message, "never-say-this"));
    }
}

static void test_missing_topic_is_said(void **state)
{
    struct fixture *f = *state;
    struct kn_error err = { 0 };

    if (!kn_test_broker_is_kafka(broker)) {
        /* The embedded broker makes what it is asked for, with sixteen partitions. */
        assert_fails(kn_bus_assign(f->reader, f->topic, 99, &err), &err, KN_UNAVAILABLE);
        return;
    }
    assert_fails(kn_bus_assign(f->reader, "kn.test.missing", 0, &err), &err, KN_UNAVAILABLE);
}

static void test_too_large_is_refused(void **state)
{
    struct fixture *f = *state;
    const size_t len = 2000000;
    AUTO_FREE char *data = kn_alloc(len);
    struct kn_error err = { 0 };

    assert_fails(kn_bus_send(f->bus, f->topic, 0, data, len, &err), &err, KN_TOO_LARGE);
}

static void test_a_broker_that_forgot_is_noticed(void **state)
{
    struct fixture *f = *state;
    struct kn_error err = { 0 };
    const int64_t deadline = kn_mono_ms() + WAIT_MS;
    struct kn_bus_message m;
    int64_t before = 0;

    if (kn_test_broker_is_kafka(broker)) {
        skip();
    }
    assert_ok(kn_bus_assign(f->reader, f->topic, 0, &err), &err);
    for (int i = 0; i < 50; i++) {
        send_text(f, 0, "old");
        expect(f, "old");
    }
    before = kn_bus_epoch(f->bus);
    assert_true(before > 0);
    kn_test_broker_kill(broker);
    send_text(f, 0, "while away");
    kn_test_broker_up(broker);
    /* Sent into the void, delivered to the new one, below the position of the old. */
    expect(f, "while away");
    /* A reader may see it once more: it starts at the beginning of the new log. */
    while (kn_bus_epoch(f->bus) == before) {
        assert_true(kn_mono_ms() < deadline);
        if (kn_bus_poll(f->reader, &m, 1, 20) == 1) {
            kn_bus_message_done(&m);
        }
    }
    assert_int_equal(kn_bus_epoch(f->bus), before + 1);
    send_text(f, 0, "new");
    for (bool seen = false; !seen;) {
        if (kn_bus_poll(f->reader, &m, 1, 100) == 1) {
            seen = m.len == 3 && memcmp(m.data, "new", 3) == 0;
            kn_bus_message_done(&m);
        }
        assert_true(kn_mono_ms() < deadline);
    }
    assert_int_equal(kn_bus_epoch(f->bus), before + 1);
}

/* Many clients wait for a broker to come back: none is served before its topics are made, or the broker could not make them any more. */
static void test_comes_back_under_many_clients(void **state)
{
    enum { CLIENTS = 16, STARTS = 10 };
    struct fixture *f = *state;
    struct kn_bus *clients[CLIENTS];
    struct kn_error err = { 0 };

    if (kn_test_broker_is_kafka(broker)) {
        skip();
    }
    for (int i = 0; i < CLIENTS; i++) {
        assert_ok(kn_bus_new(&conf, "asks", &clients[i], &err), &err);
        assert_ok(kn_bus_ensure_topic(clients[i], KN_TOPIC_TASK, KN_SHARDS, WAIT_MS, &err), &err);
    }
    for (int i = 0; i < STARTS; i++) {
        kn_test_broker_kill(broker);
        kn_test_broker_up(broker);
        assert_ok(kn_bus_ensure_topic(f->bus, KN_TOPIC_TASK, KN_SHARDS, WAIT_MS, &err), &err);
        send_text(f, 0, "alive");
        assert_int_equal(kn_bus_flush(f->bus, WAIT_MS), 0);
    }
    assert_ok(kn_bus_assign(f->reader, KN_TOPIC_TASK, KN_SHARDS - 1, &err), &err);
    for (int i = 0; i < CLIENTS; i++) {
        kn_bus_free(clients[i]);
    }
}

/* librdkafka wakes up too early for its timers and asks the clock until they are due: what it waits for ends later by that much, and never before. */
static void test_a_wait_ends_when_timers_are_due(void **state)
{
    struct timespec until;
    cnd_t condition;
    mtx_t mutex;

    (void)state;
    assert_int_equal(cnd_init(&condition), thrd_success);
    assert_int_equal(mtx_init(&mutex, mtx_plain), thrd_success);
    for (int i = 0; i < 20; i++) {
        clock_gettime(CLOCK_REALTIME, &until);
        const int64_t begun = kn_mono_us();

        mtx_lock(&mutex);
        assert_int_equal(cnd_timedwait(&condition, &mutex, &until), thrd_timedout);
        mtx_unlock(&mutex);
        assert_true(kn_mono_us() - begun >= 1000);
    }
    mtx_destroy(&mutex);
    cnd_destroy(&condition);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reads_what_comes_after_assign, setup, teardown),
        cmocka_unit_test_setup_teardown(test_assigned_before_the_first_poll, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gathered_messages_leave_together, setup, teardown),
        cmocka_unit_test_setup_teardown(test_strangers_at_the_embedded_broker, setup, teardown),
        cmocka_unit_test_setup_teardown(test_batches_keep_their_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unassigned_partitions_are_silent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_missing_topic_is_said, setup, teardown),
        cmocka_unit_test(test_security),
        cmocka_unit_test(test_a_wait_ends_when_timers_are_due),
        cmocka_unit_test_setup_teardown(test_too_large_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_broker_that_forgot_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_comes_back_under_many_clients, setup, teardown),
    };

    return cmocka_run_group_tests_name("it/bus", tests, group_setup, group_teardown);
}
