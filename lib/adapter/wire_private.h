/* SPDX-License-Identifier: Apache-2.0 */
/* wire_private: one end of a wire (wire_side.c), for wire.c, which moves bytes from one to the other. The wires' thread alone. */
#ifndef KN_ADAPTER_WIRE_PRIVATE_H
#define KN_ADAPTER_WIRE_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/adapter/wire.h"

#define KN_WIRE_CHUNK ((size_t)16 << 10)
#define KN_WIRE_SPARE ((size_t)4 << 10) /* for pings, pongs and a close frame, beside what is carried */
#define KN_WIRE_HEAD_MAX 1024

struct kn_wire_side {
    int fd;
    enum kn_wire_speech speech;
    uint32_t watched; /* what epoll looks for */
    bool has_ended; /* it says no more */
    bool is_gone; /* nor hears anything: epoll is not asked about it, for it would say so for ever */
    bool head_came; /* KN_WIRE_DIALLED */
    struct kn_websocket_in in;
    char head[KN_WIRE_HEAD_MAX];
    size_t head_len;
    size_t at, len; /* of out, what is to be sent */
    uint8_t out[KN_WIRE_BYTES + KN_WIRE_CHUNK + KN_WIRE_SPARE];
};

size_t kn_wire_side_room(const struct kn_wire_side *s);
/* There is room for it. */
void kn_wire_side_put(struct kn_wire_side *s, const void *data, size_t len);
/* What is carried leaves room for a whole chunk with its head, and never touches the spare. Who was dialled hears nothing before he has answered. */
bool kn_wire_side_takes(const struct kn_wire_side *s);
/* Of one that takes: a chunk at most. */
void kn_wire_side_carry(struct kn_wire_side *s, const uint8_t *data, size_t len);
/* false: it asks for answers and does not read them. */
bool kn_wire_side_control(struct kn_wire_side *s, enum kn_websocket_op op, const uint8_t *data, size_t len);
/* As much as goes without waiting; false: it is gone. */
bool kn_wire_side_send(struct kn_wire_side *s);

#endif
