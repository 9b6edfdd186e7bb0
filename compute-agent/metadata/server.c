/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metadata/server: a small HTTP/1.0 server on handed-over sockets: one request a connection, then it closes. epoll, one
 * thread; the list of doors is the only thing that other threads touch.
 */
#include "compute-agent/metadata/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "compute-agent/metadata/metadata.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#define REQUEST_MAX 4096
#define CALLERS_MAX 1024
#define CALLERS_OF_ONE 8 /* connections that one guest may hold: the others of its host want to boot, too */
#define CALLER_LIFE_MS 10000
#define TICK_MS 1000

enum kind { KIND_WAKE, KIND_DOOR, KIND_CALLER };

/* What an epoll event points to. */
struct source {
    enum kind kind;
    int fd;
};

struct door {
    struct source source;
    struct door *next;
    char network[KN_UUID_SIZE];
    bool is_closed; /* the thread frees it: an event for it may be under way */
};

struct caller {
    struct source source;
    struct caller *next;
    char network[KN_UUID_SIZE];
    char ip[INET_ADDRSTRLEN];
    int64_t until_ms;
    size_t got;
    char request[REQUEST_MAX];
    struct kn_strbuf response; /* empty: still reading */
    size_t sent;
    bool is_done;
};

struct kn_agent_metadata_server {
    struct kn_agent_metadata_guests guests; /* immutable, as all down to the lock */
    int epoll;
    struct source wake;
    pthread_t thread;
    bool has_thread;
    atomic_bool is_stopping;
    pthread_mutex_t lock;
    struct door *doors;       /* guarded by lock */
    struct caller *callers;   /* the thread's */
    int caller_count;         /* the thread's */
};

static int server_watch(struct kn_agent_metadata_server *s, int op, struct source *source, uint32_t events)
{
    struct epoll_event e = { .events = events, .data = { .ptr = source } };

    return epoll_ctl(s->epoll, op, source->fd, &e);
}

static void server_wake(struct kn_agent_metadata_server *s)
{
    eventfd_write(s->wake.fd, 1);
}

static void mark_closed(struct kn_agent_metadata_server *s, const char *network)
{
    for (struct door *d = s->doors; d != NULL; d = d->next) {
        d->is_closed = d->is_closed || strcmp(d->network, network) == 0;
    }
}

void kn_agent_metadata_server_open(struct kn_agent_metadata_server *s, const char *network, int fd)
{
    struct door *door = KN_NEW(struct door);

    door->source = (struct source){ KIND_DOOR, fd };
    kn_copy(door->network, sizeof(door->network), network);
    pthread_mutex_lock(&s->lock);
    mark_closed(s, network);
    door->next = s->doors;
    s->doors = door;
    server_watch(s, EPOLL_CTL_ADD, &door->source, EPOLLIN);
    pthread_mutex_unlock(&s->lock);
    server_wake(s);
}

void kn_agent_metadata_server_close(struct kn_agent_metadata_server *s, const char *network)
{
    pthread_mutex_lock(&s->lock);
    mark_closed(s, network);
    pthread_mutex_unlock(&s->lock);
    server_wake(s);
}

static void sweep_doors(struct kn_agent_metadata_server *s, bool all)
{
    pthread_mutex_lock(&s->lock);
    for (struct door **at = &s->doors; *at != NULL;) {
        struct door *d = *at;
        if (all || d->is_closed) {
            *at = d->next;
            close(d->source.fd);
            free(d);
        } else {
            at = &d->next;
        }
    }
    pthread_mutex_unlock(&s->lock);
}

static void sweep_callers(struct kn_agent_metadata_server *s, int64_t now_ms)
{
    for (struct caller **at = &s->callers; *at != NULL;) {
        struct caller *c = *at;
        if (c->is_done || now_ms >= c->until_ms) {
            *at = c->next;
            close(c->source.fd);
            kn_strbuf_release(&c->response);
            free(c);
            s->caller_count--;
        } else {
            at = &c->next;
        }
    }
}

static bool is_greedy(const struct kn_agent_metadata_server *s, const char *network, const char *ip)
{
    int count = 0;

    for (const struct caller *c = s->callers; c != NULL; c = c->next) {
        count += strcmp(c->ip, ip) == 0 && strcmp(c->network, network) == 0;
    }
    return count >= CALLERS_OF_ONE;
}

static void server_accept_one(struct kn_agent_metadata_server *s, const struct door *door)
{
    struct sockaddr_in from = { 0 };
    socklen_t size = sizeof(from);
    char ip[INET_ADDRSTRLEN];
    int fd = accept4(door->source.fd, (struct sockaddr *)(void *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct caller *c;

    if (fd < 0) {
        return;
    }
    inet_ntop(AF_INET, &from.sin_addr, ip, sizeof(ip));
    if (s->caller_count >= CALLERS_MAX || from.sin_family != AF_INET || is_greedy(s, door->network, ip)) {
        close(fd);
        return;
    }
    c = KN_NEW(struct caller);
    c->source = (struct source){ KIND_CALLER, fd };
    memcpy(c->network, door->network, sizeof(c->network));
    memcpy(c->ip, ip, sizeof(c->ip));
    c->until_ms = kn_mono_ms() + CALLER_LIFE_MS;
    c->response = (struct kn_strbuf)KN_STRBUF_INIT;
    c->next = s->callers;
    s->callers = c;
    s->caller_count++;
    server_watch(s, EPOLL_CTL_ADD, &c->source, EPOLLIN);
}

static const char *status_line(int status)
{
    static const struct {
        int status;
        const char *line;
    } LINES[] = {
        { 200, "200 OK" },
        { 404, "404 Not Found" },
        { 405, "405 Method Not Allowed\r\nAllow: GET, HEAD" },
        { 409, "409 Conflict" },
        { 411, "411 Length Required" },
        { 414, "414 URI Too Long" },
        { 503, "503 Service Unavailable" },
        { 431, "431 Request Header Fields Too Large" },
        { 505, "505 HTTP Version Not Supported" },
    };
    for (size_t i = 0; i < KN_COUNT(LINES); i++) {
        if (LINES[i].status == status) {
            return LINES[i].line;
        }
    }
    return "400 Bad Request";
}

static void respond(struct caller *c, int status, const char *type, const struct kn_strbuf *body, bool is_head)
{
    kn_strbuf_addf(&c->response, "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
                   status_line(status), type, body->len);
    if (!is_head) {
        kn_strbuf_add(&c->response, body->buf, body->len);
    }
}

/* One plain line, and the connection ends: a guest's bytes behind it are nobody's request. */
static void server_refuse(struct caller *c, int status, bool is_head)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf body = KN_STRBUF_INIT;
    const char *line = status_line(status);

    kn_strbuf_add(&body, line, strcspn(line, "\r"));
    respond(c, status, "text/plain; charset=UTF-8", &body, is_head);
}

/* Returns the HTTP status. */
static int server_take_password(const struct kn_agent_metadata_server *s, const char *server,
                                const struct kn_agent_metadata_request *request)
{
    struct kn_error err = { 0 };

    if (s->guests.take_password(s->guests.ctx, server, request->body, request->body_len, &err) == 0) {
        return 200;
    }
    if (err.code == KN_UNAVAILABLE) { /* a full disk, not the guest's doing */
        kn_log_error("keeping a guest's password", &err);
    }
    return kn_code_status(err.code);
}

/* The password is no part of the spec: what was posted may be newer. */
static int read_out(const struct kn_agent_metadata_server *s, const char *server, json_t *spec, const char *path,
                    struct kn_strbuf *body, const char **ret_type)
{
    json_auto_t *password = s->guests.password_of(s->guests.ctx, server);

    json_object_set(spec, KN_METADATA_PASSWORD, json_object_get(password, "password"));
    return kn_agent_metadata_answer(server, spec, path, body, ret_type);
}

static void server_answer(struct kn_agent_metadata_server *s, struct caller *c,
                          const struct kn_agent_metadata_request *request)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf body = KN_STRBUF_INIT;
    const char *type = "text/plain; charset=UTF-8";
    char server[KN_UUID_SIZE];
    json_t *spec = NULL;
    int status = 404;

    if (s->guests.who(s->guests.ctx, c->network, c->ip, server, &spec)) {
        status = request->is_post ? server_take_password(s, server, request)
                                  : read_out(s, server, spec, request->path, &body, &type);
    }
    json_decref(spec);
    if (status != 200) {
        server_refuse(c, status, request->is_head != 0);
    } else {
        respond(c, status, type, &body, request->is_head != 0);
    }
}

static void server_read_more(struct kn_agent_metadata_server *s, struct caller *c)
{
    struct kn_agent_metadata_request request;
    enum kn_agent_metadata_parse parsed;
    ssize_t n = read(c->source.fd, c->request + c->got, sizeof(c->request) - c->got);

    if (n <= 0) {
        c->is_done = n == 0 || (errno != EAGAIN && errno != EINTR);
        return;
    }
    c->got += (size_t)n;
    parsed = kn_agent_metadata_parse(c->request, c->got, &request);
    if (parsed == KN_METADATA_OK) {
        server_answer(s, c, &request);
    } else if (parsed == KN_METADATA_BAD || c->got == sizeof(c->request)) {
        server_refuse(c, parsed == KN_METADATA_BAD ? request.status : 431, false);
    }
    if (c->response.len > 0) {
        server_watch(s, EPOLL_CTL_MOD, &c->source, EPOLLOUT);
    }
}

static void write_more(struct caller *c)
{
    ssize_t n = send(c->source.fd, c->response.buf + c->sent, c->response.len - c->sent, MSG_NOSIGNAL);

    if (n < 0) {
        c->is_done = errno != EAGAIN && errno != EINTR;
        return;
    }
    c->sent += (size_t)n;
    c->is_done = c->sent == c->response.len;
    if (c->is_done) {
        shutdown(c->source.fd, SHUT_WR);
    }
}

static void server_serve(struct kn_agent_metadata_server *s, struct source *source)
{
    eventfd_t drained;

    switch (source->kind) {
    case KIND_WAKE:
        eventfd_read(source->fd, &drained);
        break;
    case KIND_DOOR:
        server_accept_one(s, (struct door *)(void *)source);
        break;
    case KIND_CALLER: {
        struct caller *c = (struct caller *)(void *)source;
        if (c->response.len > 0) {
            write_more(c);
        } else {
            server_read_more(s, c);
        }
        break;
    }
    }
}

static void *server_loop(void *arg)
{
    struct kn_agent_metadata_server *s = arg;
    struct epoll_event events[16];

    while (!s->is_stopping) {
        int count = epoll_wait(s->epoll, events, KN_COUNT(events), TICK_MS);
        for (int i = 0; i < count; i++) {
            server_serve(s, events[i].data.ptr);
        }
        sweep_callers(s, kn_mono_ms());
        sweep_doors(s, false);
    }
    return NULL;
}

int kn_agent_metadata_server_new(const struct kn_agent_metadata_guests *guests,
                                 struct kn_agent_metadata_server **ret_server, struct kn_error *err)
{
    AUTO(kn_agent_metadata_server) struct kn_agent_metadata_server *s = KN_NEW(struct kn_agent_metadata_server);

    s->guests = *guests;
    pthread_mutex_init(&s->lock, NULL);
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->wake = (struct source){ KIND_WAKE, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
    if (s->epoll < 0 || s->wake.fd < 0 || server_watch(s, EPOLL_CTL_ADD, &s->wake, EPOLLIN) < 0) {
        return kn_fail(err, KN_INTERNAL, "metadata server: %s", strerror(errno));
    }
    s->has_thread = pthread_create(&s->thread, NULL, server_loop, s) == 0;
    if (!s->has_thread) {
        return kn_fail(err, KN_INTERNAL, "metadata server: no thread");
    }
    *ret_server = kn_steal(&s);
    return 0;
}

void kn_agent_metadata_server_free(struct kn_agent_metadata_server *s)
{
    if (s == NULL) {
        return;
    }
    s->is_stopping = true;
    if (s->has_thread) {
        server_wake(s);
        pthread_join(s->thread, NULL);
    }
    sweep_callers(s, INT64_MAX);
    sweep_doors(s, true);
    close(s->wake.fd);
    close(s->epoll);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
