/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the sockets that a server listens on besides its own, or instead: doors, made elsewhere (each in a network's namespace), opened and
 * closed while it runs. One thread accepts at all of them; a connection knows its door, is counted (http_callers.c) and handed to libmicrohttpd.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/adapter/http_private.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"

#define TICK_MS 1000
#define EVENTS 16

struct kn_http_door {
    struct kn_http_door *next;
    int fd;
    char name[KN_HTTP_DOOR_SIZE];
};

struct kn_http_doors {
    struct kn_http_server *server;
    int epoll;
    int wake; /* written once: it is over */
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock;
    struct kn_http_door *doors; /* guarded by lock */
};

/* The lock is held. */
static void doors_close(struct kn_http_doors *d, const char *name)
{
    for (struct kn_http_door **at = &d->doors; *at != NULL;) {
        struct kn_http_door *door = *at;

        if (name != NULL && strcmp(door->name, name) != 0) {
            at = &door->next;
            continue;
        }
        *at = door->next;
        close(door->fd); /* and out of epoll's set with it */
        free(door);
    }
}

void kn_http_door_open(struct kn_http_server *s, const char *name, int fd)
{
    struct kn_http_doors *d = s->doors;
    struct kn_http_door *door = KN_NEW(struct kn_http_door);
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

    door->fd = fd;
    kn_copy(door->name, sizeof(door->name), name);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    pthread_mutex_lock(&d->lock);
    doors_close(d, name);
    door->next = d->doors;
    d->doors = door;
    epoll_ctl(d->epoll, EPOLL_CTL_ADD, fd, &event);
    pthread_mutex_unlock(&d->lock);
}

void kn_http_door_close(struct kn_http_server *s, const char *name)
{
    pthread_mutex_lock(&s->doors->lock);
    doors_close(s->doors, name);
    pthread_mutex_unlock(&s->doors->lock);
}

/* Somebody who knocks there. The descriptor of an event may be closed by now, and another door's: then nobody does. */
static int doors_accept(struct kn_http_doors *d, int listener, struct sockaddr_storage *ret_from,
                        char door[KN_HTTP_DOOR_SIZE])
{
    socklen_t size = sizeof(*ret_from);
    int fd = -1;

    pthread_mutex_lock(&d->lock);
    for (const struct kn_http_door *at = d->doors; at != NULL; at = at->next) {
        if (at->fd == listener) {
            fd = accept4(listener, (struct sockaddr *)ret_from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
            kn_copy(door, KN_HTTP_DOOR_SIZE, at->name);
        }
    }
    pthread_mutex_unlock(&d->lock);
    return fd;
}

static void let_in(struct kn_http_doors *d, int listener)
{
    struct kn_http_server *s = d->server;
    struct sockaddr_storage from = { 0 };
    char door[KN_HTTP_DOOR_SIZE], address[INET6_ADDRSTRLEN];
    const int fd = doors_accept(d, listener, &from, door);
    struct kn_http_caller *caller;

    if (fd < 0) {
        return;
    }
    kn_http_address_text((const struct sockaddr *)&from, address);
    caller = address[0] != '\0' ? kn_http_caller_enter(s, fd, door, address) : NULL;
    if (caller == NULL || !kn_http_gate_open(fd, &caller->scan)) {
        close(fd);
    } else if (MHD_add_connection(s->mhd, fd, (const struct sockaddr *)&from,
                                  from.ss_family == AF_INET ? sizeof(struct sockaddr_in)
                                                            : sizeof(struct sockaddr_in6)) == MHD_YES) {
        return;
    } else { /* it closed the descriptor */
        kn_http_gate_forget(fd, &caller->scan);
    }
    if (caller != NULL) {
        kn_http_caller_leave(s, caller);
    }
}

static void *doors_loop(void *arg)
{
    struct kn_http_doors *d = arg;
    struct epoll_event events[EVENTS];

    for (;;) {
        const int count = epoll_wait(d->epoll, events, EVENTS, TICK_MS);

        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == d->wake) {
                return NULL;
            }
            let_in(d, events[i].data.fd);
        }
        if (d->server->life_s > 0) {
            kn_http_callers_end(d->server, kn_mono_ms() - (int64_t)d->server->life_s * 1000, false);
        }
    }
}

int kn_http_doors_start(struct kn_http_server *s, struct kn_error *err)
{
    struct kn_http_doors *d = KN_NEW(struct kn_http_doors);

    s->doors = d;
    d->server = s;
    pthread_mutex_init(&d->lock, NULL);
    d->epoll = epoll_create1(EPOLL_CLOEXEC);
    d->wake = eventfd(0, EFD_CLOEXEC);
    struct epoll_event event = { .events = EPOLLIN, .data.fd = d->wake };
    if (d->epoll < 0 || d->wake < 0 || epoll_ctl(d->epoll, EPOLL_CTL_ADD, d->wake, &event) < 0) {
        return kn_fail(err, KN_INTERNAL, "cannot listen at doors: %s", strerror(errno));
    }
    d->has_thread = pthread_create(&d->thread, NULL, doors_loop, d) == 0;
    return d->has_thread ? 0 : kn_fail(err, KN_INTERNAL, "cannot listen at doors: no thread");
}

void kn_http_doors_stop(struct kn_http_server *s)
{
    struct kn_http_doors *d = s->doors;

    if (d == NULL) {
        return;
    }
    if (d->has_thread) {
        eventfd_write(d->wake, 1);
        pthread_join(d->thread, NULL);
    }
    doors_close(d, NULL);
    close(d->wake);
    close(d->epoll);
    pthread_mutex_destroy(&d->lock);
    free(d);
    s->doors = NULL;
}
