/* SPDX-License-Identifier: Apache-2.0 */
/*
 * websocket: RFC 6455 as a server speaks it, without a socket: what a handshake must say, what frames of a client mean, how ours begin. Pure. Text and
 * binary are the same here: bytes that go on to somebody else.
 */
#ifndef KN_ADAPTER_WEBSOCKET_H
#define KN_ADAPTER_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/strbuf.h"

#define KN_WEBSOCKET_HEAD 14    /* the longest head of a frame: of a client's; ours have 4 less, they mask nothing */
#define KN_WEBSOCKET_CONTROL 125 /* the most that a ping, pong or close says */
#define KN_WEBSOCKET_ACCEPT 29  /* Sec-WebSocket-Accept with its NUL */

enum kn_websocket_code { /* why a connection is closed: RFC 6455, 7.4.1 */
                         KN_WEBSOCKET_MUTE = 0,  /* the close frame says nothing at all */
                         KN_WEBSOCKET_NORMAL = 1000,
                         KN_WEBSOCKET_AWAY = 1001,
                         KN_WEBSOCKET_BROKEN = 1002,
                         KN_WEBSOCKET_REFUSED = 1008,
                         KN_WEBSOCKET_FAILED = 1011,
                         KN_WEBSOCKET_LATER = 1013,
};

enum kn_websocket_op {
    KN_WEBSOCKET_MORE = 0x0,
    KN_WEBSOCKET_TEXT = 0x1,
    KN_WEBSOCKET_BINARY = 0x2,
    KN_WEBSOCKET_CLOSE = 0x8,
    KN_WEBSOCKET_PING = 0x9,
    KN_WEBSOCKET_PONG = 0xA,
};

/* --- the handshake --- */

/* The answer to a Sec-WebSocket-Key. false: it is none (16 bytes in base64). */
bool kn_websocket_accept(const char *key, char out[KN_WEBSOCKET_ACCEPT]);
/* Whether a list of a header ("keep-alive, Upgrade") has the word, in any case. NULL has none. */
bool kn_websocket_lists(const char *header, const char *word);
/*
 * Whether a page of this origin may connect: allowed are the origin of our_url (its scheme, host and port), and those of a list of origins separated by
 * commas. No Origin at all says that it is no browser.
 */
bool kn_websocket_origin_fits(const char *origin, const char *our_url, const char *others);

/* --- frames --- */

/* Where the reading of a client's frames stands. All zero at the start. */
struct kn_websocket_in {
    uint8_t head[KN_WEBSOCKET_HEAD];
    size_t head_len;
    uint64_t left;  /* of the frame's payload */
    size_t at;      /* in the mask */
    bool in_frame;
    bool in_message; /* a message of several frames goes on */
    uint8_t control[KN_WEBSOCKET_CONTROL];
    size_t control_len;
};

enum kn_websocket_event {
    KN_WEBSOCKET_NOTHING,  /* all of the input was used, or there is no room */
    KN_WEBSOCKET_PINGED,   /* in->control is what the pong has to say */
    KN_WEBSOCKET_PONGED,
    KN_WEBSOCKET_CLOSED,   /* the client closes; nothing behind it is read */
    KN_WEBSOCKET_BAD,      /* it does not speak the protocol; the same */
};

/*
 * Reads until something happened: *ret_used bytes of data were used, *ret_out of what clients sent, unmasked, were put into out, which has `room`. Call again with
 * the rest after an event.
 */
enum kn_websocket_event kn_websocket_read(struct kn_websocket_in *in, const uint8_t *data, size_t len, uint8_t *out,
                                          size_t room, size_t *ret_used, size_t *ret_out);
/* The head of a whole frame of ours with len bytes behind it; its length. */
size_t kn_websocket_head(enum kn_websocket_op op, size_t len, uint8_t out[KN_WEBSOCKET_HEAD]);
/* A whole close frame; a reason that is too long is cut. Its length. */
size_t kn_websocket_close(enum kn_websocket_code code, const char *reason,
                          uint8_t out[KN_WEBSOCKET_HEAD + KN_WEBSOCKET_CONTROL]);

#endif
