/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire: the thread, its epoll and its clock. Wires belong to the thread; others hand it orders (join, cut) through a list under a lock. A wire that is over is
 * swept at the end of a turn, so that what epoll said of it in the same turn finds it still there. Must never wait for a single socket.
 */
#include "lib/adapter/wire_private.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#define PING_MS 15000
#define DEAD_MS 45000
#define TURN_MS 500          /* how often clocks are looked at while there are wires */
#define DIAL_MS 10000        /* for the answer of who was dialled */
#define CLOSING_MS 3000      /* for the last words, and for the other side to hear them */
#define EVENTS 64
#define WHY 80

enum wire_state {
    WIRE_CARRIES,
    WIRE_DRAINS,  /* one end is over: what it said last is still handed on */
    WIRE_CLOSES,  /* last words, then silence from the other side */
    WIRE_IS_OVER,
};

struct wire {
    uint64_t id;
    enum wire_state state;
    int64_t until_ms;            /* of the two states that end */
    int64_t heard_ms, pinged_ms; /* of a WebSocket */
    char why[WHY];
    enum kn_websocket_code code;
    void (*ended)(void *ctx, const char *why);
    void *ctx;
    struct wire *next;
    struct kn_wire_side sides[2];
};

struct wire_order { /* to the thread */
    struct wire *wire; /* NULL: cut */
    uint64_t id;
    enum kn_websocket_code code;
    char why[WHY];
    struct wire_order *next;
};

struct kn_wires {
    struct kn_wires_limits limits; /* immutable, as are the next four */
    int epoll_fd, wake_fd, turn_ms;
    pthread_t thread;
    atomic_bool stopping;
    atomic_int count;
    pthread_mutex_t lock;
    struct wire_order *orders;     /* guarded by lock, as the next two; the oldest first */
    struct wire_order **orders_end;
    uint64_t last_id;
    struct wire *wires;            /* the thread's */
};

/* --- the life of a wire ------------------------------------------------------------------------------------------------ */

static void wire_say_why(struct wire *w, enum kn_websocket_code code, const char *why)
{
    if (w->why[0] == '\0') {
        w->code = code;
        kn_copy(w->why, sizeof(w->why), why);
    }
}

static void wire_over(struct wire *w, const char *why)
{
    wire_say_why(w, KN_WEBSOCKET_AWAY, why);
    w->state = WIRE_IS_OVER;
}

/* The last words go out; whoever hears them shuts his end, or is not waited for. */
static void wire_close(struct wire *w, enum kn_websocket_code code, const char *why, int64_t now)
{
    uint8_t frame[KN_WEBSOCKET_HEAD + KN_WEBSOCKET_CONTROL];
    bool has_words = false;

    if (w->state == WIRE_CLOSES || w->state == WIRE_IS_OVER) {
        return;
    }
    wire_say_why(w, code, why);
    w->state = WIRE_CLOSES;
    w->until_ms = now + CLOSING_MS;
    for (int i = 0; i < 2; i++) {
        struct kn_wire_side *s = &w->sides[i];

        if (s->fd >= 0 && s->speech == KN_WIRE_WEBSOCKET && !s->has_ended) {
            const size_t len = kn_websocket_close(w->code, w->why, frame);

            if (kn_wire_side_room(s) >= len) {
                kn_wire_side_put(s, frame, len);
                has_words = true;
            }
        }
    }
    if (!has_words) {
        w->state = WIRE_IS_OVER;
    }
}

/* Whoever is left hears all that was said. */
static void wire_drain(struct wire *w, const char *why, int64_t now)
{
    wire_say_why(w, KN_WEBSOCKET_NORMAL, why);
    if (w->state == WIRE_CARRIES) {
        w->state = WIRE_DRAINS;
        w->until_ms = now + CLOSING_MS;
    }
}

/* --- reading ----------------------------------------------------------------------------------------------------------- */

static bool head_is_101(const struct kn_wire_side *s)
{
    return s->head_len > 12 && memcmp(s->head, "HTTP/1.1 101", 12) == 0;
}

/* Skips the head of the answer; *ret_used of data belong to it. */
static void take_head(struct wire *w, struct kn_wire_side *s, const uint8_t *data, size_t len, size_t *ret_used)
{
    size_t used = 0;

    while (used < len && !s->head_came && w->state == WIRE_CARRIES) {
        if (s->head_len == sizeof(s->head)) {
            wire_over(w, "the API answered something else");
            break;
        }
        s->head[s->head_len++] = (char)data[used++];
        if (s->head_len >= 4 && memcmp(s->head + s->head_len - 4, "\r\n\r\n", 4) == 0) {
            s->head_came = true;
            if (!head_is_101(s)) {
                wire_over(w, "the API wants it no more");
            }
        }
    }
    *ret_used = used;
}

static void take_frames(struct wire *w, struct kn_wire_side *from, struct kn_wire_side *to, const uint8_t *data,
                        size_t len, int64_t now)
{
    uint8_t plain[KN_WIRE_CHUNK];

    w->heard_ms = now;
    while (len > 0 && w->state != WIRE_IS_OVER) {
        size_t used = 0, got = 0;
        const enum kn_websocket_event event = kn_websocket_read(&from->in, data, len, plain, sizeof(plain), &used,
                                                                &got);

        if (w->state == WIRE_CARRIES && got > 0) {
            kn_wire_side_carry(to, plain, got);
        }
        data += used;
        len -= used;
        if (event == KN_WEBSOCKET_PINGED && w->state != WIRE_CLOSES &&
            !kn_wire_side_control(from, KN_WEBSOCKET_PONG, from->in.control, from->in.control_len)) {
            wire_over(w, "the client does not read");
        } else if (event == KN_WEBSOCKET_CLOSED) {
            if (w->state == WIRE_CLOSES) {
                wire_over(w, "closed");
            } else {
                wire_close(w, KN_WEBSOCKET_NORMAL, "the client closed it", now);
            }
            return;
        } else if (event == KN_WEBSOCKET_BAD) {
            wire_close(w, KN_WEBSOCKET_BROKEN, "not the WebSocket protocol", now);
            from->has_ended = true;
            return;
        }
    }
}

static void wire_take_bytes(struct wire *w, struct kn_wire_side *from, struct kn_wire_side *to, const uint8_t *data,
                            size_t len, int64_t now)
{
    size_t used = 0;

    if (from->speech == KN_WIRE_WEBSOCKET) {
        take_frames(w, from, to, data, len, now);
        return;
    }
    if (from->speech == KN_WIRE_DIALLED && !from->head_came) {
        take_head(w, from, data, len, &used);
    }
    if (w->state == WIRE_CARRIES && len > used) {
        kn_wire_side_carry(to, data + used, len - used);
    }
}

/* Whether it may be read now: there is room for a chunk at the other side, or nobody wants it any more. */
static bool may_read(const struct wire *w, int side)
{
    return w->sides[side].fd >= 0 && !w->sides[side].has_ended &&
           (w->state != WIRE_CARRIES || kn_wire_side_takes(&w->sides[1 - side]));
}

static void wire_read(struct wire *w, int side, int64_t now)
{
    struct kn_wire_side *from = &w->sides[side], *to = &w->sides[1 - side];
    uint8_t data[KN_WIRE_CHUNK];

    while (may_read(w, side) && w->state != WIRE_IS_OVER) {
        const ssize_t n = recv(from->fd, data, sizeof(data), MSG_DONTWAIT);

        if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOTCONN)) {
            return;
        }
        if (n <= 0) {
            from->has_ended = from->is_gone = true;
            from->len = 0;
            if (w->state == WIRE_CLOSES) {
                wire_over(w, "closed");
            } else if (from->speech == KN_WIRE_WEBSOCKET) {
                wire_over(w, "the client went away");
            } else {
                wire_drain(w, "the console ended", now);
            }
            return;
        }
        wire_take_bytes(w, from, to, data, (size_t)n, now);
        if ((size_t)n < sizeof(data)) {
            return;
        }
    }
}

/* --- a turn ------------------------------------------------------------------------------------------------------------ */

static void wire_watch(struct kn_wires *wires, struct wire *w, int side)
{
    struct kn_wire_side *s = &w->sides[side];
    const uint32_t wanted = (may_read(w, side) ? EPOLLIN : 0U) | (s->len > 0 ? EPOLLOUT : 0U);
    struct epoll_event event = { .events = wanted, .data.u64 = (uint64_t)(uintptr_t)w | (unsigned)side };

    if (s->is_gone) {
        epoll_ctl(wires->epoll_fd, EPOLL_CTL_DEL, s->fd, NULL);
    } else if (s->fd >= 0 && s->watched != wanted) {
        s->watched = wanted;
        epoll_ctl(wires->epoll_fd, EPOLL_CTL_MOD, s->fd, &event);
    }
}

/* What was read is sent at once, if it can be. */
static void wire_move(struct wire *w, int64_t now)
{
    for (int i = 0; i < 2 && w->state != WIRE_IS_OVER; i++) {
        if (w->sides[i].fd >= 0 && !w->sides[i].is_gone && !kn_wire_side_send(&w->sides[i])) {
            wire_over(w, w->sides[i].speech == KN_WIRE_WEBSOCKET ? "the client went away" : "the console went away");
        }
    }
    if (w->state == WIRE_DRAINS && w->sides[0].len == 0 && w->sides[1].len == 0) {
        wire_close(w, KN_WEBSOCKET_NORMAL, w->why, now);
        for (int i = 0; i < 2; i++) {
            kn_wire_side_send(&w->sides[i]);
        }
    }
}

static void wire_tick(struct kn_wires *wires, struct wire *w, int64_t now)
{
    struct kn_wire_side *s = w->sides[0].speech == KN_WIRE_WEBSOCKET ? &w->sides[0] : &w->sides[1];

    if ((w->state == WIRE_DRAINS || w->state == WIRE_CLOSES) && now >= w->until_ms) {
        wire_over(w, w->why);
    }
    if (w->state == WIRE_CARRIES && w->sides[0].speech == KN_WIRE_DIALLED && !w->sides[0].head_came &&
        now - w->heard_ms >= DIAL_MS) {
        wire_over(w, "the API does not answer");
    }
    if (w->state != WIRE_CARRIES || s->speech != KN_WIRE_WEBSOCKET) {
        return;
    }
    if (now - w->heard_ms >= wires->limits.dead_ms) {
        wire_over(w, "the client does not answer");
    } else if (now - w->pinged_ms >= wires->limits.ping_ms) {
        w->pinged_ms = now;
        kn_wire_side_control(s, KN_WEBSOCKET_PING, NULL,
                             0); /* one that has no room for it does not read: silence tells */
    }
}

static void wire_free(struct kn_wires *wires, struct wire *w)
{
    for (int i = 0; i < 2; i++) {
        if (w->sides[i].fd >= 0) {
            epoll_ctl(wires->epoll_fd, EPOLL_CTL_DEL, w->sides[i].fd, NULL);
        }
    }
    w->ended(w->ctx, w->why);
    free(w);
    atomic_fetch_sub(&wires->count, 1);
}

static void wires_sweep(struct kn_wires *wires, int64_t now)
{
    for (struct wire **at = &wires->wires; *at != NULL;) {
        struct wire *w = *at;

        wire_tick(wires, w, now);
        wire_move(w, now);
        if (w->state == WIRE_IS_OVER) {
            *at = w->next;
            wire_free(wires, w);
            continue;
        }
        wire_watch(wires, w, 0);
        wire_watch(wires, w, 1);
        at = &w->next;
    }
}

static void wire_begin(struct kn_wires *wires, struct wire *w, int64_t now)
{
    for (int i = 0; i < 2; i++) {
        struct epoll_event event = { .data.u64 = (uint64_t)(uintptr_t)w | (unsigned)i };
        const int fd = w->sides[i].fd;

        if (fd >= 0 && (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0 ||
                        epoll_ctl(wires->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)) {
            w->sides[i].fd = -1;
            wire_over(w, "a socket that cannot be waited for");
        }
    }
    w->heard_ms = w->pinged_ms = now;
    w->next = wires->wires;
    wires->wires = w;
}
_Static_assert(_Alignof(struct wire) >= 2, "the lowest bit of a wire's address is the side");

static struct wire_order *take_order(struct kn_wires *wires)
{
    pthread_mutex_lock(&wires->lock);
    struct wire_order *order = wires->orders;
    if (order != NULL) {
        wires->orders = order->next;
        if (wires->orders == NULL) {
            wires->orders_end = &wires->orders;
        }
    }
    pthread_mutex_unlock(&wires->lock);
    return order;
}

static void wires_obey(struct kn_wires *wires, int64_t now)
{
    for (struct wire_order *o = take_order(wires); o != NULL; o = take_order(wires)) {
        if (o->wire != NULL) {
            wire_begin(wires, o->wire, now);
        }
        for (struct wire *w = wires->wires; w != NULL; w = w->next) {
            if (w->id == o->id && o->why[0] != '\0') {
                wire_close(w, o->code, o->why, now);
            }
        }
        free(o);
    }
}

/* Who is gone while nobody may read what he said last is not waited for: epoll would say so for ever. */
static void wire_hear(struct wire *w, int side, uint32_t events, int64_t now)
{
    const bool may = may_read(w, side);

    wire_read(w, side, now);
    if (!may && (events & (EPOLLHUP | EPOLLERR)) != 0 && !w->sides[side].is_gone) {
        wire_over(w, "the other end went away");
    }
}

static void *carry_all(void *arg)
{
    struct kn_wires *wires = arg;
    struct epoll_event events[EVENTS];

    while (!atomic_load(&wires->stopping)) {
        const int n = epoll_wait(wires->epoll_fd, events, EVENTS, wires->wires != NULL ? wires->turn_ms : -1);
        const int64_t now = kn_mono_ms();

        for (int i = 0; i < n; i++) {
            struct wire *w = (struct wire *)(uintptr_t)(events[i].data.u64 & ~UINT64_C(1));
            uint64_t rings;

            if (w == NULL) {
                (void)!read(wires->wake_fd, &rings, sizeof(rings));
            } else if (w->state != WIRE_IS_OVER) {
                wire_hear(w, (int)(events[i].data.u64 & 1), events[i].events, now);
            }
        }
        wires_obey(wires, now);
        wires_sweep(wires, now);
    }
    return NULL;
}

/* --- orders ------------------------------------------------------------------------------------------------------------ */

static void wires_order(struct kn_wires *wires, struct wire_order *order)
{
    const uint64_t one = 1;

    pthread_mutex_lock(&wires->lock);
    *wires->orders_end = order;
    wires->orders_end = &order->next;
    pthread_mutex_unlock(&wires->lock);
    (void)!write(wires->wake_fd, &one, sizeof(one));
}

static struct wire *wire_new(struct kn_wires *wires, const struct kn_wire_plan *plan)
{
    struct wire *w = KN_NEW(struct wire);

    for (int i = 0; i < 2; i++) {
        w->sides[i].fd = plan->ends[i].fd;
        w->sides[i].speech = plan->ends[i].speech;
        if (plan->ends[i].first != NULL) {
            kn_wire_side_put(&w->sides[i], plan->ends[i].first, strnlen(plan->ends[i].first, KN_WIRE_HEAD_MAX));
        }
    }
    w->ended = plan->ended;
    w->ctx = plan->ctx;
    pthread_mutex_lock(&wires->lock);
    w->id = ++wires->last_id;
    pthread_mutex_unlock(&wires->lock);
    atomic_fetch_add(&wires->count, 1);
    return w;
}

int kn_wires_join(struct kn_wires *wires, const struct kn_wire_plan *plan, uint64_t *ret_id, struct kn_error *err)
{
    if (atomic_load(&wires->count) >= wires->limits.most) {
        return kn_fail(err, KN_TOO_MANY, "%d consoles are open already", wires->limits.most);
    }
    struct wire_order *order = KN_NEW(struct wire_order);

    order->wire = wire_new(wires, plan);
    *ret_id = order->id = order->wire->id;
    wires_order(wires, order);
    return 0;
}

static void order_cut(struct kn_wires *wires, struct wire_order *order, enum kn_websocket_code code, const char *why)
{
    order->code = code;
    kn_copy(order->why, sizeof(order->why), why);
    wires_order(wires, order);
}

void kn_wires_cut(struct kn_wires *wires, uint64_t id, enum kn_websocket_code code, const char *why)
{
    struct wire_order *order = KN_NEW(struct wire_order);

    order->id = id;
    order_cut(wires, order, code, why);
}

void kn_wires_refuse(struct kn_wires *wires, const struct kn_wire_plan *plan, enum kn_websocket_code code,
                     const char *why)
{
    struct wire_order *order = KN_NEW(struct wire_order);
    struct kn_wire_plan half = *plan;

    half.ends[1] = (struct kn_wire_end){ .fd = -1 };
    order->wire = wire_new(wires, &half);
    order->id = order->wire->id;
    order_cut(wires, order, code, why);
}

int kn_wires_count(struct kn_wires *wires)
{
    return atomic_load(&wires->count);
}

/* --- life -------------------------------------------------------------------------------------------------------------- */

static int wires_start(struct kn_wires *wires, struct kn_error *err)
{
    struct epoll_event event = { .events = EPOLLIN };

    wires->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    wires->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wires->epoll_fd < 0 || wires->wake_fd < 0 ||
        epoll_ctl(wires->epoll_fd, EPOLL_CTL_ADD, wires->wake_fd, &event) < 0) {
        return kn_fail(err, KN_INTERNAL, "cannot wait for sockets: %s", strerror(errno));
    }
    return pthread_create(&wires->thread, NULL, carry_all, wires) != 0
               ? kn_fail(err, KN_INTERNAL, "cannot start the thread that carries consoles")
               : 0;
}

static void wires_release(struct kn_wires *wires)
{
    if (wires->epoll_fd >= 0) {
        close(wires->epoll_fd);
    }
    if (wires->wake_fd >= 0) {
        close(wires->wake_fd);
    }
    pthread_mutex_destroy(&wires->lock);
    free(wires);
}

int kn_wires_new(const struct kn_wires_limits *limits, struct kn_wires **ret_wires, struct kn_error *err)
{
    struct kn_wires *wires = KN_NEW(struct kn_wires);

    wires->limits = *limits;
    wires->limits.ping_ms = limits->ping_ms > 0 ? limits->ping_ms : PING_MS;
    wires->limits.dead_ms = limits->dead_ms > 0 ? limits->dead_ms : DEAD_MS;
    wires->turn_ms = wires->limits.ping_ms / 2 < TURN_MS ? (int)(wires->limits.ping_ms / 2) : TURN_MS;
    wires->orders_end = &wires->orders;
    pthread_mutex_init(&wires->lock, NULL);
    if (wires_start(wires, err) < 0) {
        wires_release(wires);
        return -1;
    }
    *ret_wires = wires;
    return 0;
}

void kn_wires_free(struct kn_wires *wires)
{
    const uint64_t one = 1;

    if (wires == NULL) {
        return;
    }
    atomic_store(&wires->stopping, true);
    (void)!write(wires->wake_fd, &one, sizeof(one));
    pthread_join(wires->thread, NULL);
    wires_obey(wires, kn_mono_ms());
    for (struct wire *w = wires->wires; w != NULL; w = w->next) {
        wire_close(w, KN_WEBSOCKET_AWAY, "this API stops", kn_mono_ms());
        wire_move(w, kn_mono_ms());
        wire_over(w, "this API stops");
    }
    wires_sweep(wires, kn_mono_ms());
    wires_release(wires);
}

void kn_wire_keep_alive(int fd)
{
    const int on = 1, idle_s = 10, every_s = 5, tries = 3, dead_ms = 30000, syns = 2;

    (void)!setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    (void)!setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)!setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &syns, sizeof(syns));
    (void)!setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
    (void)!setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof(every_s));
    (void)!setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof(tries));
    (void)!setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_ms, sizeof(dead_ms));
}
