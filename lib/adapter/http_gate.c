/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the place where http_scan.h stands: between the socket and libmicrohttpd. That library calls recv() for its sockets and offers
 * no hook there, so this program defines recv() itself: a program's own definition comes before libc's for every library it loads. For a
 * descriptor that no listener has it is what it always was. It must never give back fewer bytes than asked while the kernel has more:
 * libmicrohttpd takes a short read for an empty socket, and would not read again.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/adapter/http_private.h"
#include "lib/base/mem.h"

#define DESCRIPTORS 65536
#define PIECE 4096U
#define DRAIN_BYTES \
    ((size_t)256 << 10) /* read and dropped behind a refused head, so that the client reads its answer */

/* By descriptor. Set before libmicrohttpd reads from it first, taken away before it closes it; each is its event thread's. */
static _Atomic(struct kn_http_scan *) scans[DESCRIPTORS];

bool kn_http_gate_open(int fd, struct kn_http_scan *s)
{
    if (fd < 0 || fd >= DESCRIPTORS) {
        return false;
    }
    atomic_store(&scans[fd], s);
    return true;
}

struct kn_http_scan *kn_http_gate_at(int fd)
{
    return fd >= 0 && fd < DESCRIPTORS ? atomic_load_explicit(&scans[fd], memory_order_acquire) : NULL;
}

void kn_http_gate_forget(int fd, struct kn_http_scan *s)
{
    atomic_compare_exchange_strong(&scans[fd], &s, NULL);
}

static ssize_t http_gate_drain(int fd)
{
    char nothing[PIECE];
    ssize_t n = 0;

    for (size_t all = 0;
         all < DRAIN_BYTES && (n = recvfrom(fd, nothing, sizeof(nothing), MSG_DONTWAIT, NULL, NULL)) > 0;) {
        all += (size_t)n;
    }
    return n;
}

void kn_http_gate_close(int fd, struct kn_http_scan *s, bool drains)
{
    if (drains ||
        s->why !=
            KN_OK) { /* what is unread when the socket is closed would be a reset, and could overtake the answer */
        shutdown(fd, SHUT_WR);
        http_gate_drain(fd);
    }
    atomic_store(&scans[fd], NULL);
}

static size_t take_spare(struct kn_http_scan *s, char *to, size_t room)
{
    size_t n = s->spare_len < room ? s->spare_len : room;

    memcpy(to, s->spare, n);
    s->spare_len -= n;
    memmove(s->spare, s->spare + n, s->spare_len);
    return n;
}

/* One read; *ret_short: the kernel has no more. What recvfrom() gave, and in *ret_got what came out of it. */
static ssize_t read_piece(int fd, struct kn_http_scan *s, char *to, size_t room, int flags, size_t *ret_got,
                          bool *ret_short)
{
    char piece[PIECE];
    uint64_t unread = kn_http_scan_unread(s);
    size_t want = unread > 0 && unread < room ? (size_t)unread : unread == 0 && room > PIECE ? PIECE : room;
    ssize_t n = recvfrom(fd, unread > 0 ? to : piece, want, flags, NULL, NULL);

    *ret_got = 0;
    *ret_short = n < (ssize_t)want;
    if (n > 0 && unread > 0) {
        kn_http_scan_pass(s, (size_t)n);
        *ret_got = (size_t)n;
    } else if (n > 0) {
        *ret_got = kn_http_scan_feed(s, piece, (size_t)n, to, room);
    }
    return n;
}

static ssize_t read_through(int fd, struct kn_http_scan *s, char *to, size_t size, int flags)
{
    size_t got = take_spare(s, to, size);
    bool empty = false;
    ssize_t n = 1;

    while (got < size && s->spot != KN_HTTP_AT_BAD && !(empty && got > 0)) {
        size_t more = 0;
        n = read_piece(fd, s, to + got, size - got, flags, &more, &empty);
        got += more;
        if (n <= 0) {
            break;
        }
    }
    if (s->spot == KN_HTTP_AT_BAD) {
        n = http_gate_drain(fd);
    }
    if (got > 0) {
        return (ssize_t)got;
    }
    if (n > 0) {
        errno = EAGAIN;
    }
    return n > 0 ? -1 : n;
}

/* recv() under a name that no header of libc knows. */
ssize_t kn_http_recv(int fd, void *buf, size_t size, int flags) __asm__("recv");

ssize_t kn_http_recv(int fd, void *buf, size_t size, int flags)
{
    struct kn_http_scan *s = kn_http_gate_at(fd);

    return s == NULL ? recvfrom(fd, buf, size, flags, NULL, NULL) : read_through(fd, s, buf, size, flags);
}

/* epoll_ctl() under a name that no header of libc knows. */
int kn_http_epoll_ctl(int epoll_fd, int what, int fd, struct epoll_event *event) __asm__("epoll_ctl");

/*
 * When libmicrohttpd 0.9.75 stops to listen, MHD_quiesce_daemon() and the event thread may both take the listening socket out of the same set;
 * whoever comes second ends the process ("Failed to remove listen FD from epoll set"). What is out already is out.
 */
int kn_http_epoll_ctl(int epoll_fd, int what, int fd, struct epoll_event *event)
{
    const int rc = (int)syscall(SYS_epoll_ctl, epoll_fd, what, fd, event);

    return rc < 0 && what == EPOLL_CTL_DEL && errno == ENOENT ? 0 : rc;
}
