/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt/container_tty: the consoles of containers. QEMU keeps a log of a guest's serial line itself; of a container libvirt has a pseudo-terminal alone, whose other side waits
 * while nobody reads. So one thread reads them all and appends to the guests' logs. While the agent is away a container that writes much to its console waits for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "compute-agent/libvirt/private.h"
#include "lib/base/mem.h"

#define CHUNK 4096

struct tty_kept {
    struct tty_kept *next;
    char server[KN_UUID_SIZE];
    char *tty, *log;
    int fd;
};

struct kn_agent_ttys {
    pthread_t thread;
    int wake; /* an eventfd: somebody came, or it is over */
    atomic_bool is_over;
    pthread_mutex_t lock; /* guards kept */
    struct tty_kept *kept;
};

static void tty_free(struct tty_kept *kept)
{
    close(kept->fd);
    free(kept->tty);
    free(kept->log);
    free(kept);
}

static void tty_append(const char *log, const char *bytes, size_t len)
{
    AUTO_CLOSE int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    /* Short or failed: it is a log. */
    if (fd < 0 || write(fd, bytes, len) < 0) {
        return;
    }
}

/* False: its other side is gone. */
static bool tty_drain(const struct tty_kept *kept)
{
    char chunk[CHUNK];
    ssize_t n;

    while ((n = read(kept->fd, chunk, sizeof(chunk))) > 0) {
        tty_append(kept->log, chunk, (size_t)n);
    }
    return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* What is ready is read; what is gone is dropped. */
static void ttys_read(struct kn_agent_ttys *ttys)
{
    pthread_mutex_lock(&ttys->lock);
    for (struct tty_kept **at = &ttys->kept; *at != NULL;) {
        struct tty_kept *kept = *at;

        if (tty_drain(kept)) {
            at = &kept->next;
            continue;
        }
        *at = kept->next;
        tty_free(kept);
    }
    pthread_mutex_unlock(&ttys->lock);
}

static struct pollfd *ttys_polled(struct kn_agent_ttys *ttys, nfds_t *ret_count)
{
    nfds_t count = 1, at = 1;

    pthread_mutex_lock(&ttys->lock);
    for (const struct tty_kept *kept = ttys->kept; kept != NULL; kept = kept->next) {
        count++;
    }
    struct pollfd *polled = kn_alloc(count * sizeof(*polled));

    polled[0] = (struct pollfd){ .fd = ttys->wake, .events = POLLIN };
    for (const struct tty_kept *kept = ttys->kept; kept != NULL; kept = kept->next) {
        polled[at++] = (struct pollfd){ .fd = kept->fd, .events = POLLIN };
    }
    pthread_mutex_unlock(&ttys->lock);
    *ret_count = count;
    return polled;
}

static void *ttys_loop(void *opaque)
{
    struct kn_agent_ttys *ttys = opaque;

    while (!ttys->is_over) {
        eventfd_t woken;
        nfds_t count;
        AUTO_FREE struct pollfd *polled = ttys_polled(ttys, &count);

        if (poll(polled, count, -1) < 0) {
            continue;
        }
        if ((polled[0].revents & POLLIN) != 0 && eventfd_read(ttys->wake, &woken) < 0) {
            continue;
        }
        ttys_read(ttys);
    }
    return NULL;
}

int kn_agent_ttys_new(struct kn_agent_ttys **ret, struct kn_error *err)
{
    AUTO_FREE struct kn_agent_ttys *ttys = KN_NEW(struct kn_agent_ttys);

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

/* Of an earlier life of the guest, whose end was not read yet: a new one may have the terminal of the old one. */
static bool ttys_has(struct kn_agent_ttys *ttys, const char *server, const char *tty)
{
    for (const struct tty_kept *kept = ttys->kept; kept != NULL; kept = kept->next) {
        if (strcmp(kept->server, server) == 0 && strcmp(kept->tty, tty) == 0) {
            return true;
        }
    }
    return false;
}

int kn_agent_ttys_keep(struct kn_agent_ttys *ttys, const char *server, const char *tty, const char *log,
                       struct kn_error *err)
{
    ttys_read(ttys);
    pthread_mutex_lock(&ttys->lock);
    const bool is_kept = ttys_has(ttys, server, tty);
    const int fd = is_kept ? -1 : open(tty, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

    if (fd >= 0) {
        struct tty_kept *kept = KN_NEW(struct tty_kept);

        kn_copy(kept->server, sizeof(kept->server), server);
        kept->tty = kn_strdup(tty);
        kept->log = kn_strdup(log);
        kept->fd = fd;
        kept->next = ttys->kept;
        ttys->kept = kept;
    }
    pthread_mutex_unlock(&ttys->lock);
    eventfd_write(ttys->wake, 1);
    return is_kept || fd >= 0 ? 0 : kn_fail(err, KN_INTERNAL, "cannot open console \"%s\": %s", tty, strerror(errno));
}
