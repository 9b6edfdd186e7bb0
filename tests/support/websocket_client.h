/* SPDX-License-Identifier: Apache-2.0 */
/*
 * websocket_client: the other side of lib/adapter/websocket.h, for tests: a handshake, masked frames, and what comes back. Waits with a limit; what the server
 * says is the test's business.
 */
#ifndef KN_TESTS_SUPPORT_WEBSOCKET_CLIENT_H
#define KN_TESTS_SUPPORT_WEBSOCKET_CLIENT_H

#include <stdbool.h>

#include "lib/adapter/websocket.h"
#include "lib/base/strbuf.h"

#define KN_TEST_WEBSOCKET_KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define KN_TEST_WEBSOCKET_ASKS \
    "Host: 127.0.0.1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n" \
    "Sec-WebSocket-Key: " KN_TEST_WEBSOCKET_KEY "\r\n"

struct kn_test_websocket {
    int fd;
    int status;            /* of the handshake; 101: it is one */
    int code;              /* of a close frame that was heard, which is answered; 0: none */
    struct kn_strbuf head; /* of the answer */
    struct kn_strbuf unread, said, why; /* bytes of frames; what they carried so far; what the close frame said */
};

/* A connection to a port of loopback, and the handshake: headers are whole lines, beside the request line. */
struct kn_test_websocket kn_test_websocket_open(int port, const char *path, const char *headers);
/* The same, from this address of the loopback. */
struct kn_test_websocket kn_test_websocket_open_from(const char *from, int port, const char *path, const char *headers);
void kn_test_websocket_close(struct kn_test_websocket *ws);
void kn_test_websocket_say(struct kn_test_websocket *ws, enum kn_websocket_op op, const void *data, size_t len);
/* The next frame's op, its payload added to ws->said unless it is a control frame; -1: the connection is over. */
int kn_test_websocket_hear(struct kn_test_websocket *ws);
/* Hears until the text was said; a connection that ends before fails the test. */
void kn_test_websocket_await(struct kn_test_websocket *ws, const char *text);
/* Hears until the end; the close frame's code, 0 if there was none. */
int kn_test_websocket_end(struct kn_test_websocket *ws);

#endif
