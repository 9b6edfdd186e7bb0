/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire: two stream sockets joined, for as long as both live: what one says is handed to the other. One thread carries all wires of a process. Each
 * direction has KN_WIRE_BYTES of memory and no more: whoever does not read holds up whoever writes to him, and nobody else.
 *
 * A WebSocket's end is pinged, and a wire whose pings are not answered ends; a dead machine at the other end is found by TCP itself (kn_wire_keep_alive).
 */
#ifndef KN_ADAPTER_WIRE_H
#define KN_ADAPTER_WIRE_H

#include <stdint.h>

#include "lib/adapter/websocket.h"
#include "lib/base/cleanup.h"
#include "lib/base/error.h"

#define KN_WIRE_BYTES ((size_t)64 << 10)

struct kn_wires;

enum kn_wire_speech {
    KN_WIRE_RAW,
    KN_WIRE_WEBSOCKET, /* the server's side, after the handshake */
    KN_WIRE_DIALLED, /* raw, once a head of HTTP with the status 101 has come, which is skipped; of the first end alone */
};

struct kn_wire_end {
    int fd; /* made non-blocking; the caller's to close, once `ended` was called. It may be connecting still */
    enum kn_wire_speech speech;
    const char *first; /* said before all else; NULL: nothing. At most 1 KiB */
};

struct kn_wire_plan {
    struct kn_wire_end ends[2];
    /* Once, on the wires' thread: the wire is over, nobody touches its sockets any more. why: a few words. It must not block, nor call kn_wires_free(). */
    void (*ended)(void *ctx, const char *why);
    void *ctx;
};

struct kn_wires_limits {
    int64_t ping_ms; /* how often a WebSocket is pinged; 0: 15 s */
    int64_t dead_ms; /* silence of one that is pinged, after which it is dead; 0: 45 s */
    int most; /* wires at once */
};

int kn_wires_new(const struct kn_wires_limits *limits, struct kn_wires **ret_wires, struct kn_error *err);
/* Ends all wires (`ended` of each is called), then the thread. Takes NULL. */
void kn_wires_free(struct kn_wires *wires);
KN_DEFINE_AUTO(kn_wires);

/* Joins; *ret_id names the wire from before anything can happen to it. KN_TOO_MANY. Any thread. */
int kn_wires_join(struct kn_wires *wires, const struct kn_wire_plan *plan, uint64_t *ret_id, struct kn_error *err);
/* Ends a wire soon, if there still is one of that name; a WebSocket is told code and why. Any thread. */
void kn_wires_cut(struct kn_wires *wires, uint64_t id, enum kn_websocket_code code, const char *why);
/* Bids a WebSocket that was joined to nothing farewell: closed in order, then `ended`. Its second end is not looked at. */
void kn_wires_refuse(struct kn_wires *wires, const struct kn_wire_plan *plan, enum kn_websocket_code code,
                     const char *why);
int kn_wires_count(struct kn_wires *wires);

/* A TCP socket whose other end dies without a word fails within half a minute, whether it is written to or not. */
void kn_wire_keep_alive(int fd);

#endif
