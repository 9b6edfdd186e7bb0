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
#define SMALL_BYTES ((size_t)16 << 10) /* where heads are bounded */
#define CONNECTIONS 4096
#define SPARE 64U /* at doors, where we count: what libmicrohttpd has closed, and still counts */
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

int kn_http_listen(const char *listen, struct kn_error *err)
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

int kn_http_port_of(int fd)
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

/* At a door it entered before it was added; else it comes from the server's own socket. */
static struct kn_http_caller *caller_of(struct kn_http_server *s, struct MHD_Connection *connection, int fd)
{
    struct kn_http_scan *scan = s->port == 0 ? kn_http_gate_at(fd) : NULL;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    char address[INET6_ADDRSTRLEN];
    struct kn_http_caller *caller;

    if (scan != NULL) {
        return (struct kn_http_caller *)scan; /* its first member */
    }
    kn_http_address_text(info != NULL ? info->client_addr : NULL, address);
    caller = kn_http_caller_enter(s, fd, "", address);
    if (caller != NULL && kn_http_gate_open(fd, &caller->scan)) {
        return caller;
    }
    if (caller != NULL) {
        kn_http_caller_leave(s, caller);
    }
    shutdown(fd, SHUT_RDWR);
    return NULL;
}
_Static_assert(offsetof(struct kn_http_caller, scan) == 0, "the gate's scan is the caller");

static void on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct kn_http_server *s = cls;
    struct kn_http_caller *caller = *socket_context;
    const int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;

    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (caller != NULL) {
            kn_http_gate_close(fd, &caller->scan, s->once);
            kn_http_caller_leave(s, caller);
        }
        *socket_context = NULL;
        return;
    }
    *socket_context = caller_of(s, connection, fd);
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
    const struct MHD_OptionItem listening[] = {
        { MHD_OPTION_LISTEN_SOCKET, fd, NULL },
        { MHD_OPTION_PER_IP_CONNECTION_LIMIT, limits->per_address, NULL },
        { limits->threads <= 1 ? MHD_OPTION_END : MHD_OPTION_THREAD_POOL_SIZE, EVENT_THREADS, NULL },
        { MHD_OPTION_END, 0, NULL },
    };
    const struct MHD_OptionItem not_listening[] = { { MHD_OPTION_END, 0, NULL } };
    const unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
                           (fd < 0 ? MHD_USE_NO_LISTEN_SOCKET : 0U);

    return MHD_start_daemon(flags, 0, NULL, NULL, kn_http_on_access, s, MHD_OPTION_URI_LOG_CALLBACK, kn_http_on_target,
                            s, MHD_OPTION_NOTIFY_COMPLETED, kn_http_on_completed, s, MHD_OPTION_UNESCAPE_CALLBACK,
                            leave_escapes, NULL, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, s->head > 0 ? SMALL_BYTES : MEMORY_BYTES,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)s->connections + (fd < 0 ? SPARE : 0U),
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_THREAD_STACK_SIZE,
                            EVENT_STACK_BYTES, MHD_OPTION_ARRAY, fd < 0 ? not_listening : listening, MHD_OPTION_END);
}

static void server_free(struct kn_http_server *s)
{
    kn_http_lane_release(&s->fast);
    kn_http_lane_release(&s->slow);
    kn_hmap_free(s->crowds);
    pthread_cond_destroy(&s->caller_left);
    pthread_mutex_destroy(&s->callers_lock);
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
    if (s->mhd == NULL) {
        return kn_fail(err, KN_INTERNAL, "cannot start the HTTP listener: %s", strerror(errno));
    }
    return fd < 0 ? kn_http_doors_start(s, err) : 0;
}

int kn_http_serve(const char *listen, const struct kn_http_limits *limits, const struct kn_http_ops *ops, void *ctx,
                  struct kn_http_server **ret_server, struct kn_error *err)
{
    AUTO_CLOSE int fd = listen != NULL ? kn_http_listen(listen, err) : -1;
    if (fd < 0 && listen != NULL) {
        return -1;
    }
    struct kn_http_server *s = KN_NEW(struct kn_http_server);
    s->ops = ops;
    s->ctx = ctx;
    s->max_body = limits->max_body;
    s->bodies_max = limits->bodies;
    s->silent_s = limits->silent_s;
    s->life_s = limits->life_s;
    s->connections = limits->connections > 0 ? limits->connections : CONNECTIONS;
    s->per_address = limits->per_address;
    s->head = limits->head;
    s->once = limits->once;
    s->port = fd >= 0 ? kn_http_port_of(fd) : 0;
    s->crowds = kn_hmap_new(free);
    pthread_mutex_init(&s->callers_lock, NULL);
    pthread_cond_init(&s->caller_left, NULL);
    if (http_server_start(s, limits, fd, err) < 0) {
        kn_http_doors_stop(s);
        MHD_stop_daemon(s->mhd);
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
    kn_http_doors_stop(s);
    int fd = s->port > 0 ? MHD_quiesce_daemon(s->mhd) : -1;
    if (s->once) { /* what was not asked yet is not waited for */
        kn_http_callers_end(s, INT64_MAX, true);
    }
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
