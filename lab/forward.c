/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forward: kilonova-forward makes loopback ports of the lab's control plane appear on the loopback of every host.
 *
 *   kilonova-forward --into /lab/ns/h1/net --into /lab/ns/h2/net --port 9092 --port 9292
 *
 * A host is a network namespace with a loopback of its own, and a broker that advertises 127.0.0.1 (the embedded one
 * always does) cannot be reached from it. A socket stays in the namespace where it was made: so one thread enters each
 * namespace for the moment of listening there, comes back, and connects from where it started. It knows nothing of what
 * passes through.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "lab/relay.h"
#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#define HOSTS_MAX 64
#define PORTS_MAX 16
#define EVENTS_MAX 64

struct listener {
    int fd;
    uint16_t port; /* here and there */
};

struct forwarder {
    int epoll_fd;
    const char *hosts[HOSTS_MAX];
    size_t n_hosts;
    uint16_t ports[PORTS_MAX];
    size_t n_ports;
    struct listener listeners[HOSTS_MAX * PORTS_MAX];
    size_t n_listeners;
};

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
}

static int forward_watch(struct forwarder *f, int fd, void *what, uint32_t events, struct kn_error *err)
{
    struct epoll_event event = { .events = events, .data.ptr = what };

    if (epoll_ctl(f->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
        return kn_fail(err, KN_INTERNAL, "cannot watch a socket: %s", strerror(errno));
    }
    return 0;
}

static int forward_listen_on(struct forwarder *f, uint16_t port, struct kn_error *err)
{
    struct sockaddr_in address = loopback(port);
    struct listener *listener = &f->listeners[f->n_listeners];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, SOMAXCONN) < 0) {
        return kn_fail(err, KN_CONFLICT, "cannot listen on 127.0.0.1:%d: %s", port, strerror(errno));
    }
    *listener = (struct listener){ .fd = fd, .port = port };
    f->n_listeners++;
    return forward_watch(f, fd, listener, EPOLLIN, err);
}

static int forward_enter(const char *path, struct kn_error *err)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || setns(fd, CLONE_NEWNET) < 0) {
        return kn_fail(err, KN_NOT_FOUND, "cannot enter \"%s\": %s", path, strerror(errno));
    }
    return 0;
}

static int listen_in_hosts(struct forwarder *f, struct kn_error *err)
{
    for (size_t i = 0; i < f->n_hosts; i++) {
        if (forward_enter(f->hosts[i], err) < 0) {
            return -1;
        }
        for (size_t k = 0; k < f->n_ports; k++) {
            if (forward_listen_on(f, f->ports[k], err) < 0) {
                return kn_fail_context(err, "%s", f->hosts[i]);
            }
        }
    }
    return 0;
}

static int listen_everywhere(struct forwarder *f, struct kn_error *err)
{
    AUTO_CLOSE int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    int rc = listen_in_hosts(f, err);

    if (rc == 0 && (home < 0 || setns(home, CLONE_NEWNET) < 0)) {
        return kn_fail(err, KN_INTERNAL, "cannot come back: %s", strerror(errno));
    }
    return rc;
}

static int connect_home(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;

    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 && errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Nobody at home: the caller sees its connection closed and may try again, as it would without a forwarder. */
static void forward_accept_one(struct forwarder *f, const struct listener *listener)
{
    AUTO(kn_lab_relay) struct kn_lab_relay *relay = NULL;
    int in = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    int out = in < 0 ? -1 : connect_home(listener->port);
    int on = 1;

    if (out < 0) {
        if (in >= 0) {
            close(in);
        }
        return;
    }
    setsockopt(in, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    relay = kn_lab_relay_new(in, out);
    if (forward_watch(f, in, relay, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, NULL) == 0 &&
        forward_watch(f, out, relay, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, NULL) == 0) {
        (void)kn_steal(&relay); /* the epoll set holds it */
    }
}

static bool is_listener(const struct forwarder *f, const void *what)
{
    return (const char *)what >= (const char *)f->listeners &&
           (const char *)what < (const char *)(f->listeners + KN_COUNT(f->listeners));
}

/* Frees a relay that is over, and forgets its other event in the same batch. */
static void forward_finish(struct kn_lab_relay *relay, struct epoll_event *events, int n)
{
    for (int i = 0; i < n; i++) {
        if (events[i].data.ptr == relay) {
            events[i].data.ptr = NULL;
        }
    }
    kn_lab_relay_free(relay);
}

static int forward_serve(struct forwarder *f, struct kn_error *err)
{
    for (;;) {
        struct epoll_event events[EVENTS_MAX];
        int n = epoll_wait(f->epoll_fd, events, EVENTS_MAX, -1);

        if (n < 0 && errno != EINTR) {
            return kn_fail(err, KN_INTERNAL, "cannot wait: %s", strerror(errno));
        }
        for (int i = 0; i < n; i++) {
            void *what = events[i].data.ptr;

            if (what != NULL && is_listener(f, what)) {
                forward_accept_one(f, what);
            } else if (what != NULL && !kn_lab_relay_pump(what)) {
                forward_finish(what, events, n);
            }
        }
    }
}

static int forward_add_port(struct forwarder *f, const char *text, struct kn_error *err)
{
    char *end = NULL;
    unsigned long port = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || port == 0 || port > UINT16_MAX) {
        return kn_fail(err, KN_BAD_REQUEST, "\"%s\" is not a port", text);
    }
    if (f->n_ports == PORTS_MAX) {
        return kn_fail(err, KN_BAD_REQUEST, "more than %d ports", PORTS_MAX);
    }
    f->ports[f->n_ports++] = (uint16_t)port;
    return 0;
}

static int forward_add_host(struct forwarder *f, const char *path, struct kn_error *err)
{
    if (f->n_hosts == HOSTS_MAX) {
        return kn_fail(err, KN_BAD_REQUEST, "more than %d hosts", HOSTS_MAX);
    }
    f->hosts[f->n_hosts++] = path;
    return 0;
}

static int forward_read_arguments(struct forwarder *f, int argc, char **argv, struct kn_error *err)
{
    for (int i = 1; i < argc; i += 2) {
        int rc;

        if (i + 1 < argc && strcmp(argv[i], "--port") == 0) {
            rc = forward_add_port(f, argv[i + 1], err);
        } else if (i + 1 < argc && strcmp(argv[i], "--into") == 0) {
            rc = forward_add_host(f, argv[i + 1], err);
        } else {
            rc = kn_fail(err, KN_BAD_REQUEST, "usage: kilonova-forward --into NETNS… --port PORT…");
        }
        if (rc < 0) {
            return -1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    static struct forwarder f;
    struct kn_error err = { .code = KN_OK };

    kn_log_init("forward", KN_INFO);
    signal(SIGPIPE, SIG_IGN);
    f.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (forward_read_arguments(&f, argc, argv, &err) < 0 || listen_everywhere(&f, &err) < 0 ||
        forward_serve(&f, &err) < 0) {
        kn_log_error("forwarding", &err);
    }
    return 1;
}
