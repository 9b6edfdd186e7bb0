/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the list of a server's connections: whose they are, and which of them wait for a request that does not come. So nobody keeps the
 * others out: at a door (http_doors.c) one address holds so many and no more, and of whatever there is much, what says nothing gives way to who
 * comes: of the address that waits most often, what waits longest. A connection is shut down here and closed by libmicrohttpd, which sees its
 * end; it is on the list as long as its descriptor is open, so that no other's is shut.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "lib/adapter/http_private.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"

#define LEAVE_MS 1000 /* what was shut is gone after far less */
#define CROWDED(most) ((most) / 8 * 7) /* from so many connections on, one that waits gives way to each that comes */

/* Those of one address at one door. */
struct kn_http_crowd {
    int open;
    int waiting;
    char name[];
};

static struct kn_http_crowd *crowd_of(struct kn_http_server *s, const char *name)
{
    struct kn_http_crowd *crowd = kn_hmap_get(s->crowds, name);
    const size_t size = strlen(name) + 1;

    if (crowd == NULL) {
        crowd = kn_alloc(sizeof(*crowd) + size);
        memcpy(crowd->name, name, size);
        kn_hmap_put(s->crowds, name, crowd);
    }
    return crowd;
}

/* --- the list, oldest first; the lock is held ---------------------------------------------------------------------------------- */

static void link_last(struct kn_http_server *s, struct kn_http_caller *c)
{
    c->older = s->newest;
    c->newer = NULL;
    *(s->newest != NULL ? &s->newest->newer : &s->oldest) = c;
    s->newest = c;
}

static void unlink_caller(struct kn_http_server *s, struct kn_http_caller *c)
{
    *(c->older != NULL ? &c->older->newer : &s->oldest) = c->newer;
    *(c->newer != NULL ? &c->newer->older : &s->newest) = c->older;
}

static void set_waiting(struct kn_http_caller *c, bool waits)
{
    c->crowd->waiting += waits - c->waits;
    c->waits = waits;
}

static void shut(struct kn_http_caller *c)
{
    set_waiting(c, false);
    c->is_shut = true;
    shutdown(c->fd, SHUT_RDWR);
}

static bool shut_one_that_waits(struct kn_http_server *s)
{
    const struct kn_http_crowd *worst = NULL;
    const char *name;
    void *value;

    for (size_t at = 0; kn_hmap_next(s->crowds, &at, &name, &value);) {
        const struct kn_http_crowd *crowd = value;
        worst = worst == NULL || crowd->waiting > worst->waiting ? crowd : worst;
    }
    for (struct kn_http_caller *c = worst != NULL && worst->waiting > 0 ? s->oldest : NULL; c != NULL; c = c->newer) {
        if (c->waits && c->crowd == worst) {
            shut(c);
            return true;
        }
    }
    return false;
}

/* Whether another may come in. At a door what was shut is waited for: its end is libmicrohttpd's, and takes a moment. */
static bool make_room(struct kn_http_server *s, bool at_door)
{
    bool is_shut = s->open >= CROWDED(s->connections) && shut_one_that_waits(s);

    for (int left = LEAVE_MS; is_shut && at_door && s->open >= s->connections && left > 0; left--) {
        struct timespec until;

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_clockwait(&s->caller_left, &s->callers_lock, CLOCK_MONOTONIC, &until);
    }
    return s->open < s->connections;
}

/* --- what happens to one ------------------------------------------------------------------------------------------------------- */

struct kn_http_caller *kn_http_caller_enter(struct kn_http_server *s, int fd, const char *door, const char *address)
{
    AUTO_FREE char *name = kn_asprintf("%s %s", door, address);
    struct kn_http_caller *c = NULL;

    pthread_mutex_lock(&s->callers_lock);
    const bool at_door = door[0] != '\0';
    const struct kn_http_crowd *known = kn_hmap_get(s->crowds, name);
    const bool is_welcome = !at_door || s->per_address == 0 || known == NULL || known->open < s->per_address;
    if (is_welcome && make_room(s, at_door)) {
        c = KN_NEW(struct kn_http_caller);
        c->scan.head_most = s->head;
        c->fd = fd;
        kn_copy(c->door, sizeof(c->door), door);
        c->crowd = crowd_of(s, name);
        c->since_ms = kn_mono_ms();
        c->crowd->open++;
        s->open++;
        set_waiting(c, true);
        link_last(s, c);
    }
    pthread_mutex_unlock(&s->callers_lock);
    return c;
}

void kn_http_caller_asks(struct kn_http_server *s, struct kn_http_caller *c)
{
    pthread_mutex_lock(&s->callers_lock);
    if (!c->is_shut) {
        set_waiting(c, false);
    }
    pthread_mutex_unlock(&s->callers_lock);
}

void kn_http_caller_answered(struct kn_http_server *s, struct kn_http_caller *c)
{
    pthread_mutex_lock(&s->callers_lock);
    if (!c->is_shut && !s->once) {
        set_waiting(c, true);
        c->since_ms = kn_mono_ms();
        unlink_caller(s, c);
        link_last(s, c);
    }
    pthread_mutex_unlock(&s->callers_lock);
}

void kn_http_caller_leave(struct kn_http_server *s, struct kn_http_caller *c)
{
    pthread_mutex_lock(&s->callers_lock);
    set_waiting(c, false);
    unlink_caller(s, c);
    s->open--;
    if (--c->crowd->open == 0) {
        kn_hmap_del(s->crowds, c->crowd->name);
    }
    pthread_cond_signal(&s->caller_left);
    pthread_mutex_unlock(&s->callers_lock);
    free(c);
}

void kn_http_callers_end(struct kn_http_server *s, int64_t since_ms, bool waiting_only)
{
    pthread_mutex_lock(&s->callers_lock);
    for (struct kn_http_caller *c = s->oldest; c != NULL && c->since_ms <= since_ms; c = c->newer) {
        if (!c->is_shut && (c->waits || !waiting_only)) {
            shut(c);
        }
    }
    pthread_mutex_unlock(&s->callers_lock);
}
