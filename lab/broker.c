/* SPDX-License-Identifier: Apache-2.0 */
/*
 * broker: kilonova-broker, the embedded bus of one machine: librdkafka's mock cluster in a process of its own, on a
 * port that stays. It speaks the Kafka protocol to ordinary clients and forgets everything when it ends; what it
 * forgets is repaired by those who use it (lib/adapter/bus.h). 127.0.0.1 only, 5 MiB kept a partition: one machine, not more.
 *
 * The mock cluster has no say in its port: it binds 127.0.0.1:0 and listens with a backlog of 5, before anybody can make topics.
 * Whoever asks for one meanwhile gets it, with as many partitions as the mock cluster likes. Therefore this program
 * defines bind() and listen() itself; it is linked with -rdynamic, so that librdkafka finds these before libc's. They pass
 * on to the system call and change nothing but that first port, the backlog, and when the first one begins to listen: until the topics
 * are made another socket, which nobody knows, lies under its number.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#define PORT_DEFAULT 9092
#define PARTITIONS_DEFAULT 16
#define PARTITIONS_MAX 256
#define BACKLOG 1024

/* Topics whose partitions matter. kn.agent.* come into being when somebody asks for them. */
static const struct topic {
    const char *name;
    bool sharded; /* --partitions, else 1 */
} topics[] = {
    { "kn.task", true },   { "kn.reply", true },   { "kn.place", false },  { "kn.network", false }, { "kn.volume", false },
    { "kn.image", false }, { "kn.report", false }, { "kn.answer", false }, { "kn.event", false }, { "kn.dead", false },
};

struct options {
    uint16_t port;
    int partitions;
};

static in_port_t fixed_port; /* network order; taken by the first bind to port 0. Main thread, before the cluster's. */
static struct {
    int fd;   /* bound there; -1 before and after */
    int held; /* the same socket, kept while another one lies under fd; -1 */
} door = { -1, -1 };

/* Named in assembly: the C library's own declaration takes a union that only it can spell. */
int first_bind(int fd, const struct sockaddr *address, socklen_t len) __asm__("bind");

int first_bind(int fd, const struct sockaddr *address, socklen_t len)
{
    struct sockaddr_in in;
    int on = 1;

    if (address->sa_family == AF_INET && len == sizeof(in)) {
        memcpy(&in, address, sizeof(in));
        if (in.sin_port == 0 && fixed_port != 0) {
            in.sin_port = fixed_port;
            fixed_port = 0;
            door.fd = fd;
            setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)); /* a killed broker's connections linger */
            return (int)syscall(SYS_bind, fd, &in, sizeof(in));
        }
    }
    return (int)syscall(SYS_bind, fd, address, len);
}

/* Puts a socket that listens on some port of the kernel's choice under the door's number. */
static int close_door(void)
{
    const struct sockaddr_in nowhere = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    AUTO_CLOSE int decoy = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    door.held = fcntl(door.fd, F_DUPFD_CLOEXEC, 0);
    return door.held < 0 || decoy < 0 || bind(decoy, (const struct sockaddr *)&nowhere, sizeof(nowhere)) < 0 ||
                   syscall(SYS_listen, decoy, 1) < 0 || dup2(decoy, door.fd) < 0
               ? -1
               : 0;
}

int listen(int fd, int backlog)
{
    return fd == door.fd && door.held < 0 ? close_door() : (int)syscall(SYS_listen, fd, backlog);
}

/* The other way round; then the cluster is given something to do, because it still waits for the one that lay there. */
static int open_door(rd_kafka_mock_cluster_t *cluster, struct kn_error *err)
{
    const int flags = fcntl(door.fd, F_GETFL);

    if (flags < 0 || fcntl(door.held, F_SETFL, flags) < 0 || syscall(SYS_listen, door.held, BACKLOG) < 0 ||
        dup2(door.held, door.fd) < 0) {
        return kn_fail(err, KN_CONFLICT, "cannot listen: %s", strerror(errno));
    }
    close(door.held);
    rd_kafka_mock_topic_set_error(cluster, topics[0].name, RD_KAFKA_RESP_ERR_NO_ERROR);
    return 0;
}

/* librdkafka aborts when its bind fails; ask first, so that the reason is a line and not a core. */
static int check_port(uint16_t port, struct kn_error *err)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
    };
    AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        return kn_fail(err, KN_CONFLICT, "cannot listen on 127.0.0.1:%d: %s", port, strerror(errno));
    }
    return 0;
}

static int make_topics(rd_kafka_mock_cluster_t *cluster, int partitions, struct kn_error *err)
{
    for (size_t i = 0; i < KN_COUNT(topics); i++) {
        rd_kafka_resp_err_t rc =
            rd_kafka_mock_topic_create(cluster, topics[i].name, topics[i].sharded ? partitions : 1, 1);

        if (rc != RD_KAFKA_RESP_ERR_NO_ERROR) {
            return kn_fail(err, KN_INTERNAL, "cannot make topic \"%s\": %s", topics[i].name, rd_kafka_err2str(rc));
        }
    }
    return 0;
}

static void wait_for_end(void)
{
    sigset_t set;
    int number = 0;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigwait(&set, &number);
}

/* Blocked before any thread starts, so that only wait_for_end() takes them. */
static void block_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int serve(rd_kafka_t *client, const struct options *options, struct kn_error *err)
{
    rd_kafka_mock_cluster_t *cluster;
    int rc;

    fixed_port = htons(options->port);
    cluster = rd_kafka_mock_cluster_new(client, 1);
    if (cluster == NULL) {
        return kn_fail(err, KN_INTERNAL, "cannot make the cluster");
    }
    rc = make_topics(cluster, options->partitions, err) < 0 ? -1 : open_door(cluster, err);
    if (rc == 0) {
        printf("kilonova-broker: ready on %s\n", rd_kafka_mock_cluster_bootstraps(cluster));
        fflush(stdout);
        wait_for_end();
    }
    rd_kafka_mock_cluster_destroy(cluster);
    return rc;
}

/* librdkafka's lines go through our log; 4 and below are warnings and worse in syslog's count. */
static void log_line(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    (void)client;
    kn_log(level <= 4 ? KN_WARNING : KN_DEBUG, text, "facility", facility, NULL);
}

static int run(const struct options *options, struct kn_error *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256];
    rd_kafka_t *client;
    int rc;

    block_signals();
    if (check_port(options->port, err) < 0) {
        rd_kafka_conf_destroy(conf);
        return -1;
    }
    rd_kafka_conf_set_log_cb(conf, log_line);
    client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    if (client == NULL) {
        rd_kafka_conf_destroy(conf);
        return kn_fail(err, KN_INTERNAL, "cannot start librdkafka: %s", why);
    }
    rc = serve(client, options, err);
    rd_kafka_destroy(client);
    return rc;
}

static int read_number(const char *text, long min, long max, long *ret_number, struct kn_error *err)
{
    char *end = NULL;
    long number = strtol(text, &end, 10);

    if (end == text || *end != '\0' || number < min || number > max) {
        return kn_fail(err, KN_BAD_REQUEST, "\"%s\" is not a number from %ld to %ld", text, min, max);
    }
    *ret_number = number;
    return 0;
}

static int read_options(int argc, char **argv, struct options *ret_options, struct kn_error *err)
{
    long port = PORT_DEFAULT;
    long partitions = PARTITIONS_DEFAULT;

    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        int rc;

        if (strcmp(argv[i], "--port") == 0) {
            rc = read_number(value, 1, UINT16_MAX, &port, err);
        } else if (strcmp(argv[i], "--partitions") == 0) {
            rc = read_number(value, 1, PARTITIONS_MAX, &partitions, err);
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
    if (read_options(argc, argv, &options, &err) < 0 || run(&options, &err) < 0) {
        fprintf(stderr, "kilonova-broker: %s\n", err.message);
        return 1;
    }
    return 0;
}
