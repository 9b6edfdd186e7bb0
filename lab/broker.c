/* SPDX-License-Identifier: Apache-2.0 */
/*
 * broker: kilonova-broker, the embedded bus of one machine: a Kafka of one process that forgets everything when it ends; what it
 * forgets is repaired by those who use it (lib/adapter/bus.h). This file owns its connections: one thread, one epoll set. Requests of a
 * connection are answered in their order, as Kafka does; a fetch that finds nothing waits, and what comes meanwhile waits behind it.
 * It must never listen anywhere but on 127.0.0.1: it asks nobody who he is.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lab/kafka.h"
#include "lab/logs.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"

#define PORT_DEFAULT 9092
#define PARTITIONS_DEFAULT 16
#define KEEP_BYTES (16 << 20) /* of a partition */
#define CONNECTIONS_MAX 4096
#define EVENTS_MAX 64
#define READ_BYTES 65536
#define LENGTH sizeof(uint32_t) /* before each request */

/* Topics come into being when somebody asks for them. kn.task and kn.reply are the sharded ones. */
/* clang-format off */
static const char *const SINGLE[] = { "kn.agent.", "kn.place", "kn.network", "kn.volume", "kn.image",
                                      "kn.report", "kn.answer", "kn.event",  "kn.dead",   NULL };
/* clang-format on */

struct options {
    uint16_t port;
    int partitions;
};

struct connection {
    int fd;
    size_t at;           /* in broker's list */
    struct kn_strbuf in; /* what was read and not yet answered */
    struct kn_strbuf out;
    size_t sent;         /* of out */
    bool is_full;        /* the kernel takes no more: EPOLLOUT says when */
    bool is_waiting;     /* its first request is a fetch that found nothing */
    int64_t deadline_ms; /* of that */
    struct kn_lab_kafka_wait wait;
};

struct broker {
    struct kn_lab_kafka kafka;
    int epoll_fd, listen_fd, signal_fd;
    struct connection *connections[CONNECTIONS_MAX];
    size_t count;
};

/* --- a connection -------------------------------------------------------------------------------------------------------- */

static void hang_up(struct broker *b, struct connection *c)
{
    b->connections[c->at] = b->connections[--b->count];
    b->connections[c->at]->at = c->at;
    close(c->fd);
    kn_strbuf_release(&c->in);
    kn_strbuf_release(&c->out);
    free(c);
}

static void watch_output(const struct broker *b, struct connection *c, bool is_full)
{
    struct epoll_event event = { .events = EPOLLIN | (is_full ? EPOLLOUT : 0U), .data.ptr = c };

    if (c->is_full != is_full) {
        c->is_full = is_full;
        (void)epoll_ctl(b->epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
    }
}

/* Writes what the kernel takes. False: the other end has gone. */
static bool broker_flush(const struct broker *b, struct connection *c)
{
    while (c->sent < c->out.len) {
        const ssize_t n = send(c->fd, c->out.buf + c->sent, c->out.len - c->sent, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR) {
            watch_output(b, c, true);
            return errno == EAGAIN;
        }
        c->sent += n > 0 ? (size_t)n : 0;
    }
    kn_strbuf_clear(&c->out);
    c->sent = 0;
    watch_output(b, c, false);
    return true;
}

/* The length of the first request that was read, without its own length; -1: it is not whole; -2: nobody sends such a thing. */
static int64_t request_length(const struct kn_strbuf *in, size_t at)
{
    uint32_t wire;

    if (in->len - at < LENGTH) {
        return -1;
    }
    memcpy(&wire, in->buf + at, LENGTH);
    const uint32_t len = be32toh(wire);
    return len > KN_KAFKA_REQUEST_MAX ? -2 : in->len - at - LENGTH < len ? -1 : (int64_t)len;
}

/* Answers all that is whole, up to a fetch that waits. is_late: the first one has waited long enough. False: hang up. */
static bool broker_answer(const struct broker *b, struct connection *c, bool is_late)
{
    size_t at = 0;
    int64_t len;

    c->is_waiting = false;
    while (!c->is_waiting && (len = request_length(&c->in, at)) >= 0) {
        const uint8_t *request = (const uint8_t *)c->in.buf + at + LENGTH;
        switch (kn_lab_kafka_answer(&b->kafka, request, (size_t)len, is_late && at == 0, &c->out, &c->wait)) {
        case KN_KAFKA_ANSWERED:
            at += LENGTH + (size_t)len;
            break;
        case KN_KAFKA_WAITS:
            c->is_waiting = true;
            c->deadline_ms = kn_mono_ms() + c->wait.ms;
            break;
        case KN_KAFKA_BAD:
            return false;
        }
    }
    c->in.len -= at;
    memmove(c->in.buf, c->in.buf + at, c->in.len);
    return (c->is_waiting || len != -2) && broker_flush(b, c);
}

/* False: the other end has gone, or sends more than a client does that waits for its answers. */
static bool broker_take_in(struct connection *c)
{
    kn_strbuf_grow(&c->in, READ_BYTES);
    const ssize_t n = recv(c->fd, c->in.buf + c->in.len, READ_BYTES, 0);

    if (n > 0) {
        c->in.len += (size_t)n;
    }
    return n > 0 ? c->in.len <= 2 * KN_KAFKA_REQUEST_MAX : n < 0 && (errno == EAGAIN || errno == EINTR);
}

static void broker_serve(struct broker *b, struct connection *c, uint32_t events)
{
    bool is_alive = (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0 || broker_take_in(c);

    if (is_alive && (events & EPOLLOUT) != 0) {
        is_alive = broker_flush(b, c);
    }
    /* Who does not take his answers gets no more of them. */
    if (is_alive && !c->is_waiting && !c->is_full) {
        is_alive = broker_answer(b, c, false);
    }
    if (!is_alive) {
        hang_up(b, c);
    }
}

static void accept_all(struct broker *b)
{
    int on = 1;

    for (int fd; (fd = accept4(b->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0;) {
        struct connection *c = KN_NEW(struct connection);
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

        *c = (struct connection){ .fd = fd, .at = b->count, .in = KN_STRBUF_INIT, .out = KN_STRBUF_INIT };
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        if (b->count == CONNECTIONS_MAX || epoll_ctl(b->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
            close(fd);
            free(c);
        } else {
            b->connections[b->count++] = c;
        }
    }
}

/* --- the loop ------------------------------------------------------------------------------------------------------------ */

/* Those whose fetch has something now, or has waited long enough. From behind, because one that hangs up gives its place to the last. */
static void broker_wake(struct broker *b)
{
    const int64_t now = kn_mono_ms();

    for (size_t i = b->count; i-- > 0;) {
        struct connection *c = b->connections[i];
        const bool is_late = c->is_waiting && now >= c->deadline_ms;

        if (c->is_waiting && (is_late || kn_lab_kafka_wait_is_over(&c->wait)) && !broker_answer(b, c, is_late)) {
            hang_up(b, c);
        }
    }
}

static int until_next_deadline(const struct broker *b)
{
    int64_t next = INT64_MAX;

    for (size_t i = 0; i < b->count; i++) {
        if (b->connections[i]->is_waiting && b->connections[i]->deadline_ms < next) {
            next = b->connections[i]->deadline_ms;
        }
    }
    const int64_t left = next == INT64_MAX ? -1 : next - kn_mono_ms();
    return next == INT64_MAX ? -1 : left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

/* Until SIGTERM or SIGINT. */
static void broker_loop(struct broker *b)
{
    struct epoll_event events[EVENTS_MAX];

    for (;;) {
        const int count = epoll_wait(b->epoll_fd, events, EVENTS_MAX, until_next_deadline(b));
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == &b->signal_fd) {
                return;
            }
            if (events[i].data.ptr == &b->listen_fd) {
                accept_all(b);
            } else {
                broker_serve(b, events[i].data.ptr, events[i].events);
            }
        }
        broker_wake(b);
    }
}

static int broker_listen_on(uint16_t port, struct kn_error *err)
{
    const struct sockaddr_in address = { .sin_family = AF_INET,
                                         .sin_port = htons(port),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1; /* a killed broker's connections linger */

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, SOMAXCONN) < 0) {
        return kn_fail(err, KN_CONFLICT, "cannot listen on 127.0.0.1:%d: %s", port, strerror(errno));
    }
    return fd;
}

static int signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

static int broker_run(const struct options *options, struct kn_error *err)
{
    AUTO(kn_lab_logs) struct kn_lab_logs *logs = kn_lab_logs_new(SINGLE, options->partitions, KEEP_BYTES);
    AUTO_FREE struct broker *b = KN_NEW(struct broker);
    char cluster[KN_UUID_SIZE];
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = &b->listen_fd };

    kn_uuid_make(cluster);
    *b = (struct broker){ .kafka = { logs, cluster, options->port },
                          .epoll_fd = epoll_create1(EPOLL_CLOEXEC),
                          .signal_fd = signals() };
    b->listen_fd = broker_listen_on(options->port, err);
    if (b->listen_fd < 0) {
        return -1;
    }
    if (epoll_ctl(b->epoll_fd, EPOLL_CTL_ADD, b->listen_fd, &event) < 0) {
        return kn_fail(err, KN_INTERNAL, "cannot wait for connections: %s", strerror(errno));
    }
    event.data.ptr = &b->signal_fd;
    if (epoll_ctl(b->epoll_fd, EPOLL_CTL_ADD, b->signal_fd, &event) < 0) {
        return kn_fail(err, KN_INTERNAL, "cannot wait for signals: %s", strerror(errno));
    }
    printf("kilonova-broker: ready on 127.0.0.1:%d\n", options->port);
    fflush(stdout);
    broker_loop(b);
    while (b->count > 0) {
        hang_up(b, b->connections[0]);
    }
    return 0;
}

/* --- the command line ---------------------------------------------------------------------------------------------------- */

static int broker_read_number(const char *text, long min, long max, long *ret_number, struct kn_error *err)
{
    char *end = NULL;
    long number = strtol(text, &end, 10);

    if (end == text || *end != '\0' || number < min || number > max) {
        return kn_fail(err, KN_BAD_REQUEST, "\"%s\" is not a number from %ld to %ld", text, min, max);
    }
    *ret_number = number;
    return 0;
}

static int broker_read_options(int argc, char **argv, struct options *ret_options, struct kn_error *err)
{
    long port = PORT_DEFAULT;
    long partitions = PARTITIONS_DEFAULT;

    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        int rc;

        if (strcmp(argv[i], "--port") == 0) {
            rc = broker_read_number(value, 1, UINT16_MAX, &port, err);
        } else if (strcmp(argv[i], "--partitions") == 0) {
            rc = broker_read_number(value, 1, KN_LOGS_PARTITIONS_MAX, &partitions, err);
        } else {
            rc = kn_fail(err, KN_BAD_REQUEST, "usage: kilonova-broker [--port %d] [--partitions %d]", PORT_DEFAULT,
                         PARTITIONS_DEFAULT);
        }
        if (rc < 0) {
            return kn_fail_context(err, "%s", argv[i]);
        }
    }
    *ret_options = (struct options){ .port = (uint16_t)port, .partitions = (int)partitions };
    return 0;
}

int main(int argc, char **argv)
{
    struct options options = { 0 };
    struct kn_error err = { .code = KN_OK };

    kn_log_init("broker", KN_INFO);
    if (broker_read_options(argc, argv, &options, &err) < 0 || broker_run(&options, &err) < 0) {
        fprintf(stderr, "kilonova-broker: %s\n", err.message);
        return 1;
    }
    return 0;
}
