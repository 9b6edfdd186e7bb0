/* SPDX-License-Identifier: Apache-2.0 */
/* relay: moves bytes between two sockets for forward.c, which waits for them. Must never wait itself. */
#include "lab/relay.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/mem.h"

struct kn_lab_relay *kn_lab_relay_new(int a, int b)
{
    struct kn_lab_relay *relay = KN_NEW(struct kn_lab_relay);

    relay->fds[0] = a;
    relay->fds[1] = b;
    return relay;
}

void kn_lab_relay_free(struct kn_lab_relay *relay)
{
    if (relay == NULL) {
        return;
    }
    close(relay->fds[0]);
    close(relay->fds[1]);
    free(relay);
}

static bool would_wait(void)
{
    return errno == EAGAIN || errno == EINTR;
}

enum moved { MOVED_NOTHING, MOVED_SOMETHING, MOVED_FAILED };

static enum moved relay_fill(struct kn_lab_relay_way *way, int from)
{
    ssize_t n;

    if (way->len > 0 || way->ended) {
        return MOVED_NOTHING;
    }
    n = recv(from, way->data, sizeof(way->data), MSG_DONTWAIT);
    if (n < 0) {
        return would_wait() ? MOVED_NOTHING : MOVED_FAILED;
    }
    way->ended = n == 0;
    way->len = (size_t)n;
    return MOVED_SOMETHING;
}

static enum moved relay_drain(struct kn_lab_relay_way *way, int to)
{
    ssize_t n;

    if (way->ended && way->len == 0 && !way->told) {
        shutdown(to, SHUT_WR);
        way->told = true;
        return MOVED_SOMETHING;
    }
    if (way->len == 0) {
        return MOVED_NOTHING;
    }
    n = send(to, way->data + way->at, way->len - way->at, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0) {
        return would_wait() ? MOVED_NOTHING : MOVED_FAILED;
    }
    way->at += (size_t)n;
    if (way->at == way->len) {
        way->at = way->len = 0;
    }
    return MOVED_SOMETHING;
}

bool kn_lab_relay_pump(struct kn_lab_relay *relay)
{
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i < 2; i++) {
            enum moved in = relay_fill(&relay->ways[i], relay->fds[i]);
            enum moved out = in == MOVED_FAILED ? MOVED_FAILED : relay_drain(&relay->ways[i], relay->fds[1 - i]);

            if (out == MOVED_FAILED) {
                return false;
            }
            moved |= in == MOVED_SOMETHING || out == MOVED_SOMETHING;
        }
    }
    return !(relay->ways[0].told && relay->ways[1].told);
}
