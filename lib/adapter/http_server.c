/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the listener: its socket, libmicrohttpd's daemon with its limits, start and stop. Everything per request is in
 * http_exchange.c and http_workers.c. Each connection costs at most MEMORY_BYTES besides its body.
 */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/adapter/http_private.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"

#define EVENT_THREADS 2U
#define EVENT_STACK_BYTES ((size_t)256 << 10)
#define MEMORY_BYTES ((size_t)32 << 10) /* request line, headers, and the answer's headers */
#define CONNECTIONS 4096U
#define IDLE_S 75
#define BACKLOG 1024U
#define DRAIN_MS 30000

/* "host:port" -> its two parts; "" for any address. */
static int split_listen(const char *listen, char host[256], const char **ret_port, struct kn_error *err)
{
    const char *colon = strrchr(listen, ':');
    if (colon == NULL || (size_t)(colon - listen) >= 256 || colon[1] == '\0') {
        return kn_fail(err, KN_BAD_REQUEST, "\"%s\" is no address:port to listen on", listen);
    }
    bool v6 = listen[0] == '[' && colon > listen && colon[-1] == ']';
    size_t len = (size_t)(colon - listen) - (v6 ? 2 : 0);
    memcpy(host, listen + (v6 ? 1 : 0), len);
    host[len] = '\0';
    *ret_port = colon + 1;
    return 0;
}

static int bind_one(const struct addrinfo *at)
{
    AUTO_CLOSE int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol);
    int on = 1;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(fd, at->ai_addr, at->ai_addrlen) < 0 || listen(fd, (int)BACKLOG) < 0) {
        return -1;
    }
    int bound = fd;
    fd = -1;
    return bound;
}

static int http_server_open_socket(const char *listen, struct kn_error *err)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
    struct addrinfo *found = NULL;
    char host[256];
    const char *port = NULL;

    if (split_listen(listen, host, &port, err) < 0) {
        return -1;
    }
    int failed = getaddrinfo(host[0] != '\0' ? host : NULL, port, &hints, &found);
    if (failed != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "cannot listen on \"%s\": %s", listen, gai_strerror(failed));
    }
    int fd = bind_one(found);
    if (fd < 0) {
        kn_fail(err, KN_UNAVAILABLE, "cannot listen on \"%s\": %s", listen, strerror(errno));
    }
    freeaddrinfo(found);
    return fd;
}

static int http_server_port_of(int fd)
{
    struct sockaddr_storage addr = { 0 };
    socklen_t len = sizeof(addr);
    char port[NI_MAXSERV] = "0";

    if (getsockname(fd, (struct sockaddr *)&addr, &len) == 0) {
        getnameinfo((struct sockaddr *)&addr, len, NULL, 0, port, sizeof(port), NI_NUMERICSERV);
    }
    return (int)strtol(port, NULL, 10);
}

/* Escapes stay: kn_url_decode() undoes them after the path was cut at its slashes. */
static size_t leave_escapes(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls;
    (void)connection;
    return strlen(text);
}

static void set_patience(struct MHD_Connection *connection, int seconds)
{
    MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, (unsigned)seconds);
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode what)
{
    const struct kn_http_server *s = cls;
    const int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;

    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        kn_http_gate_close(fd, *socket_context);
        *socket_context = NULL;
        return;
    }
    *socket_context = kn_http_gate_open(fd);
    if (s->silent_s > 0) {
        set_patience(connection, s->silent_s);
    }
}

void kn_http_trust(struct kn_http_raw *raw)
{
    if (raw->server->silent_s > 0) {
        set_patience(raw->connection, IDLE_S);
    }
}

static struct MHD_Daemon *start_daemon(struct kn_http_server *s, int fd, const struct kn_http_limits *limits)
{
    const struct MHD_OptionItem pool[] = {
        { limits->threads <= 1 ? MHD_OPTION_END : MHD_OPTION_THREAD_POOL_SIZE, EVENT_THREADS, NULL },
        { MHD_OPTION_END, 0, NULL },
    };
    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, kn_http_on_access,
                            s, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_URI_LOG_CALLBACK, kn_http_on_target, s,
                            MHD_OPTION_NOTIFY_COMPLETED, kn_http_on_completed, s, MHD_OPTION_UNESCAPE_CALLBACK,
                            leave_escapes, NULL, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, MEMORY_BYTES, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS,
                            MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)limits->per_address,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_THREAD_STACK_SIZE,
                            EVENT_STACK_BYTES, MHD_OPTION_ARRAY, pool, MHD_OPTION_END);
}

static void server_free(struct kn_http_server *s)
{
    kn_http_lane_release(&s->fast);
    kn_http_lane_release(&s->slow);
    free(s);
}

static int http_server_start(struct kn_http_server *s, const struct kn_http_limits *limits, int fd,
                             struct kn_error *err)
{
    int fast = kn_http_lane_start(&s->fast, s, limits->threads, limits->lists, 0, err);
    int slow = kn_http_lane_start(&s->slow, s, limits->slow_threads, 0, limits->slow_waiting, err);

    if (fast < 0 || slow < 0) {
        return -1;
    }
    s->mhd = start_daemon(s, fd, limits);
    return s->mhd != NULL ? 0 : kn_fail(err, KN_INTERNAL, "cannot start the HTTP listener: %s", strerror(errno));
}

int kn_http_serve(const char *listen, const struct kn_http_limits *limits, const struct kn_http_ops *ops, void *ctx,
                  struct kn_http_server **ret_server, struct kn_error *err)
{
    AUTO_CLOSE int fd = http_server_open_socket(listen, err);
    if (fd < 0) {
        return -1;
    }
    struct kn_http_server *s = KN_NEW(struct kn_http_server);
    s->ops = ops;
    s->ctx = ctx;
    s->max_body = limits->max_body;
    s->bodies_max = limits->bodies;
    s->silent_s = limits->silent_s;
    s->port = http_server_port_of(fd);
    if (http_server_start(s, limits, fd, err) < 0) {
        kn_http_lane_stop(&s->fast);
        kn_http_lane_stop(&s->slow);
        server_free(s);
        return -1;
    }
    fd = -1; /* the daemon's now */
    *ret_server = s;
    return 0;
}

static void http_server_drain(struct kn_http_server *s)
{
    const struct timespec pause = { .tv_nsec = 5000000 };
    int64_t until = kn_mono_ms() + DRAIN_MS;

    while (atomic_load(&s->open_exchanges) > 0 && kn_mono_ms() < until) {
        nanosleep(&pause, NULL);
    }
}

void kn_http_stop(struct kn_http_server *s)
{
    if (s == NULL) {
        return;
    }
    atomic_store(&s->draining, true);
    int fd = MHD_quiesce_daemon(s->mhd);
    http_server_drain(s);
    kn_http_lane_stop(&s->fast);
    kn_http_lane_stop(&s->slow);
    MHD_stop_daemon(s->mhd);
    if (fd >= 0) {
        close(fd);
    }
    server_free(s);
}

int kn_http_port(const struct kn_http_server *s)
{
    return s->port;
}

size_t kn_http_bodies(struct kn_http_server *s)
{
    return atomic_load(&s->bodies);
}

static int waiting_in(struct kn_http_lane *l)
{
    pthread_mutex_lock(&l->lock);
    int waiting = l->waiting;
    pthread_mutex_unlock(&l->lock);
    return waiting;
}

int kn_http_waiting(struct kn_http_server *s)
{
    return waiting_in(&s->fast) + waiting_in(&s->slow);
}
