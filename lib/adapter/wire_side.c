/* SPDX-License-Identifier: Apache-2.0 */
/* wire_side: what is to be sent to one end, in memory of a fixed size: it is counted before it is put, and nobody waits here. */
#include "lib/adapter/wire_private.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

size_t kn_wire_side_room(const struct kn_wire_side *s)
{
    return sizeof(s->out) - s->len;
}

void kn_wire_side_put(struct kn_wire_side *s, const void *data, size_t len)
{
    if (len == 0) {
        return;
    }
    if (s->at + s->len + len > sizeof(s->out)) {
        memmove(s->out, s->out + s->at, s->len);
        s->at = 0;
    }
    memcpy(s->out + s->at + s->len, data, len);
    s->len += len;
}

bool kn_wire_side_takes(const struct kn_wire_side *s)
{
    return s->len <= KN_WIRE_BYTES && (s->speech != KN_WIRE_DIALLED || s->head_came);
}

void kn_wire_side_carry(struct kn_wire_side *s, const uint8_t *data, size_t len)
{
    uint8_t head[KN_WEBSOCKET_HEAD];

    if (len > 0 && s->speech == KN_WIRE_WEBSOCKET) {
        kn_wire_side_put(s, head, kn_websocket_head(KN_WEBSOCKET_BINARY, len, head));
    }
    kn_wire_side_put(s, data, len);
}

bool kn_wire_side_control(struct kn_wire_side *s, enum kn_websocket_op op, const uint8_t *data, size_t len)
{
    uint8_t head[KN_WEBSOCKET_HEAD];

    if (kn_wire_side_room(s) < KN_WEBSOCKET_HEAD + 2 * (KN_WEBSOCKET_HEAD + KN_WEBSOCKET_CONTROL) + len) {
        return false; /* what is left is the close frame's */
    }
    kn_wire_side_put(s, head, kn_websocket_head(op, len, head));
    kn_wire_side_put(s, data, len);
    return true;
}

bool kn_wire_side_send(struct kn_wire_side *s)
{
    while (s->len > 0) {
        const ssize_t n = send(s->fd, s->out + s->at, s->len, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0) {
            return errno == EAGAIN || errno == EINTR || errno == ENOTCONN;
        }
        s->at += (size_t)n;
        s->len -= (size_t)n;
    }
    s->at = 0;
    return true;
}
