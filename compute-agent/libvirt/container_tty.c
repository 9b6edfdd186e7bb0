/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt/container_tty: the consoles of containers. QEMU keeps a log of a guest's serial line itself; of a container libvirt has a pseudo-terminal alone, whose other side waits
 * while nobody reads. So one thread reads them all and appends to the guests' logs: a chunk of each in turn, and of none more than a serial line's worth (tty_allow). Whoever
 * writes more waits, in its own container: neither the others nor the host pay for it. While the agent is away a container that writes much to its console waits for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "compute-agent/core/guest_dir.h"
#include "compute-agent/libvirt/private.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#define CHUNK 4096
#define BYTES_A_MS 64 /* of one console, when it goes on */
#define BYTES_AT_ONCE (INT64_C(1) << 20) /* of one that was quiet: a boot's */
#define HELD_MS 50 /* how long one that had its share is not looked at */

/* Immutable but for its share, which is the thread's. Only the thread takes one out of the list; others put new ones in front. */
struct tty_kept {
    struct tty_kept *next;
    char server[KN_UUID_SIZE];
    char *tty;
    int fd;
    int64_t share; /* bytes that it may write now */
    int64_t shared_ms; /* when that was worked out */
};

struct kn_agent_ttys {
    const char *state_dir; /* whoever made us keeps it */
    pthread_t thread;
    int wake; /* an eventfd: somebody came, or it is over */
    atomic_bool is_over;
    pthread_mutex_t lock; /* guards the list's links; nobody reads, writes or waits with it */
    struct tty_kept *kept;
};

static void tty_free(struct tty_kept *kept)
{
    close(kept->fd);
    free(kept->tty);
    free(kept);
}

/* Whether it may write now; its share grows with time. */
static bool tty_allow(struct tty_kept *kept, int64_t now_ms)
{
    const int64_t grown = kept->share + (now_ms - kept->shared_ms) * BYTES_A_MS;

    kept->share = grown < BYTES_AT_ONCE ? grown : BYTES_AT_ONCE;
    kept->shared_ms = now_ms;
    return kept->share >= CHUNK;
}

/* A chunk of it, to its log. False: its other side is gone. */
static bool tty_read(const struct kn_agent_ttys *ttys, struct tty_kept *kept)
{
    char chunk[CHUNK];
    const ssize_t n = read(kept->fd, chunk, sizeof(chunk));

    if (n > 0) {
        kept->share -= n;
        kn_agent_guest_add_console(ttys->state_dir, kept->server, chunk, (size_t)n);
    }
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void ttys_drop(struct kn_agent_ttys *ttys, struct tty_kept *gone)
{
    struct tty_kept **at = &ttys->kept;

    pthread_mutex_lock(&ttys->lock);
    while (*at != gone) {
        at = &(*at)->next;
    }
    *at = gone->next;
    pthread_mutex_unlock(&ttys->lock);
    tty_free(gone);
}

static struct tty_kept *ttys_first(struct kn_agent_ttys *ttys)
{
    pthread_mutex_lock(&ttys->lock);
    struct tty_kept *first = ttys->kept;

    pthread_mutex_unlock(&ttys->lock);
    return first;
}

/* One who had its share is polled for its end alone (POLLHUP comes unasked). */
static struct pollfd *ttys_polled(const struct kn_agent_ttys *ttys, struct tty_kept *first, nfds_t *ret_count,
                                  int *ret_wait_ms)
{
    const int64_t now_ms = kn_mono_ms();
    nfds_t count = 1, at = 1;

    for (const struct tty_kept *kept = first; kept != NULL; kept = kept->next) {
        count++;
    }
    struct pollfd *polled = kn_alloc(count * sizeof(*polled));

    *ret_wait_ms = -1;
    polled[0] = (struct pollfd){ .fd = ttys->wake, .events = POLLIN };
    for (struct tty_kept *kept = first; kept != NULL; kept = kept->next) {
        const bool may = tty_allow(kept, now_ms);

        polled[at++] = (struct pollfd){ .fd = kept->fd, .events = may ? POLLIN : 0 };
        *ret_wait_ms = may ? *ret_wait_ms : HELD_MS;
    }
    *ret_count = count;
    return polled;
}

/* A round: a chunk of each that has one. */
static void ttys_round(struct kn_agent_ttys *ttys)
{
    struct tty_kept *next = ttys_first(ttys);
    nfds_t count, at = 1;
    int wait_ms;
    eventfd_t woken;
    AUTO_FREE struct pollfd *polled = ttys_polled(ttys, next, &count, &wait_ms);

    if (poll(polled, count, wait_ms) < 0 ||
        ((polled[0].revents & POLLIN) != 0 && eventfd_read(ttys->wake, &woken) < 0)) {
        return;
    }
    const int64_t now_ms = kn_mono_ms();

    for (struct tty_kept *kept; (kept = next) != NULL; at++) {
        next = kept->next;
        if (polled[at].revents == 0) {
            continue;
        }
        tty_allow(kept, now_ms); /* what it did not use while nothing came is no more than it had */
        if (!tty_read(ttys, kept)) {
            ttys_drop(ttys, kept);
        }
    }
}

static void *ttys_loop(void *opaque)
{
    struct kn_agent_ttys *ttys = opaque;

    while (!ttys->is_over) {
        ttys_round(ttys);
    }
    return NULL;
}

int kn_agent_ttys_new(const char *state_dir, struct kn_agent_ttys **ret, struct kn_error *err)
{
    AUTO_FREE struct kn_agent_ttys *ttys = KN_NEW(struct kn_agent_ttys);

    ttys->state_dir = state_dir;
    ttys->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&ttys->lock, NULL);
    if (ttys->wake < 0 || pthread_create(&ttys->thread, NULL, ttys_loop, ttys) != 0) {
        return kn_fail(err, KN_INTERNAL, "cannot start the thread of consoles");
    }
    *ret = kn_steal(&ttys);
    return 0;
}

void kn_agent_ttys_free(struct kn_agent_ttys *ttys)
{
    if (ttys == NULL) {
        return;
    }
    ttys->is_over = true;
    eventfd_write(ttys->wake, 1);
    pthread_join(ttys->thread, NULL);
    for (struct tty_kept *kept; (kept = ttys->kept) != NULL;) {
        ttys->kept = kept->next;
        tty_free(kept);
    }
    close(ttys->wake);
    pthread_mutex_destroy(&ttys->lock);
    free(ttys);
}

/* One whose other side is gone is of an earlier life of the guest, and a new one may have its name: it does not count. */
static bool ttys_has(const struct kn_agent_ttys *ttys, const char *server, const char *tty)
{
    for (const struct tty_kept *kept = ttys->kept; kept != NULL; kept = kept->next) {
        struct pollfd end = { .fd = kept->fd };

        if (strcmp(kept->server, server) == 0 && strcmp(kept->tty, tty) == 0 && poll(&end, 1, 0) <= 0) {
            return true;
        }
    }
    return false;
}

int kn_agent_ttys_keep(struct kn_agent_ttys *ttys, const char *server, const char *tty, struct kn_error *err)
{
    pthread_mutex_lock(&ttys->lock);
    const bool is_kept = ttys_has(ttys, server, tty);
    const int fd = is_kept ? -1 : open(tty, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    const int why = errno;

    if (fd >= 0) {
        struct tty_kept *kept = KN_NEW(struct tty_kept);

        kn_copy(kept->server, sizeof(kept->server), server);
        kept->tty = kn_strdup(tty);
        kept->fd = fd;
        kept->share = BYTES_AT_ONCE;
        kept->shared_ms = kn_mono_ms();
        kept->next = ttys->kept;
        ttys->kept = kept;
    }
    pthread_mutex_unlock(&ttys->lock);
    eventfd_write(ttys->wake, 1);
    if (fd >= 0) {
        kn_log(KN_INFO, "a container's console is read", "server", server, "tty", tty, NULL);
    }
    return is_kept || fd >= 0 ? 0 : kn_fail(err, KN_INTERNAL, "cannot open console \"%s\": %s", tty, strerror(why));
}
