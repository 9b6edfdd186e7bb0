/* SPDX-License-Identifier: Apache-2.0 */
/* websocket_client: frames of a server are short and unmasked; both lengths that ours has are read. Every failure to talk fails the test. */
#include "tests/support/websocket_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/test.h"

#define WAIT_MS 60000

/* More bytes; false: the connection is over. */
static bool more(struct kn_test_websocket *ws, struct kn_strbuf *into)
{
    struct pollfd p = { .fd = ws->fd, .events = POLLIN };
    char chunk[65536];

    if (poll(&p, 1, WAIT_MS) != 1) {
        fail_msg("the server says nothing");
    }
    const ssize_t n = recv(ws->fd, chunk, sizeof(chunk), 0);

    if (n > 0) {
        kn_strbuf_add(into, chunk, (size_t)n);
    }
    return n > 0;
}

static void send_all(int fd, const void *data, size_t len)
{
    (void)!send(fd, data, len, MSG_NOSIGNAL); /* one that is over says so where it is read */
}

struct kn_test_websocket kn_test_websocket_open(int port, const char *path, const char *headers)
{
    return kn_test_websocket_open_from("127.0.0.1", port, path, headers);
}

struct kn_test_websocket kn_test_websocket_open_from(const char *from, int port, const char *path, const char *headers)
{
    struct sockaddr_in here = { .sin_family = AF_INET };
    const struct sockaddr_in at = { .sin_family = AF_INET,
                                    .sin_port = htons((uint16_t)port),
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct kn_test_websocket ws = { socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
                                    0,
                                    0,
                                    KN_STRBUF_INIT,
                                    KN_STRBUF_INIT,
                                    KN_STRBUF_INIT,
                                    KN_STRBUF_INIT };
    AUTO_FREE char *asks = kn_asprintf("GET %s HTTP/1.1\r\n%s\r\n", path, headers);
    const char *end = NULL;

    assert_int_equal(inet_pton(AF_INET, from, &here.sin_addr), 1);
    assert_int_equal(bind(ws.fd, (const struct sockaddr *)&here, sizeof(here)), 0);
    assert_int_equal(connect(ws.fd, (const struct sockaddr *)&at, sizeof(at)), 0);
    send_all(ws.fd, asks, strlen(asks));
    while ((end = strstr(ws.head.buf, "\r\n\r\n")) == NULL) {
        assert_true(more(&ws, &ws.head));
    }
    kn_strbuf_add(&ws.unread, end + 4, ws.head.len - (size_t)(end + 4 - ws.head.buf));
    assert_int_equal(sscanf(ws.head.buf, "HTTP/1.1 %d", &ws.status), 1);
    return ws;
}

void kn_test_websocket_close(struct kn_test_websocket *ws)
{
    close(ws->fd);
    kn_strbuf_release(&ws->head);
    kn_strbuf_release(&ws->unread);
    kn_strbuf_release(&ws->said);
    kn_strbuf_release(&ws->why);
}

void kn_test_websocket_say(struct kn_test_websocket *ws, enum kn_websocket_op op, const void *data, size_t len)
{
    static const uint8_t MASK[4] = { 0x12, 0x34, 0x56, 0x78 };
    AUTO_FREE uint8_t *frame = kn_alloc(KN_WEBSOCKET_HEAD + len + 1);
    size_t n = kn_websocket_head(op, len, frame);

    frame[1] |= 0x80;
    memcpy(frame + n, MASK, sizeof(MASK));
    n += sizeof(MASK);
    for (size_t i = 0; i < len; i++) {
        frame[n + i] = (uint8_t)(((const uint8_t *)data)[i] ^ MASK[i % 4]);
    }
    send_all(ws->fd, frame, n + len);
}

static bool need(struct kn_test_websocket *ws, size_t len)
{
    while (ws->unread.len < len) {
        if (!more(ws, &ws->unread)) {
            return false;
        }
    }
    return true;
}

int kn_test_websocket_hear(struct kn_test_websocket *ws)
{
    if (!need(ws, 2)) {
        return -1;
    }
    const uint8_t first = (uint8_t)ws->unread.buf[0], second = (uint8_t)ws->unread.buf[1];
    size_t head = 2, len = second;

    assert_int_equal(first & 0xF0, 0x80); /* whole, and nothing reserved */
    assert_true(len <= 126); /* never masked; ours are short */
    if (len == 126) {
        head = 4;
        if (!need(ws, head)) {
            return -1;
        }
        len = (size_t)(uint8_t)ws->unread.buf[2] << 8 | (uint8_t)ws->unread.buf[3];
    }
    if (!need(ws, head + len)) {
        return -1;
    }
    const char *payload = ws->unread.buf + head;
    const int op = first & 0x0F;

    if (op == KN_WEBSOCKET_BINARY) {
        kn_strbuf_add(&ws->said, payload, len);
    } else if (op == KN_WEBSOCKET_CLOSE && len >= 2) {
        ws->code = (uint8_t)payload[0] << 8 | (uint8_t)payload[1];
        kn_strbuf_clear(&ws->why);
        kn_strbuf_add(&ws->why, payload + 2, len - 2);
        kn_test_websocket_say(ws, KN_WEBSOCKET_CLOSE, "\x03\xe8", 2); /* as it should be: neither side waits */
    }
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf rest = KN_STRBUF_INIT;

    kn_strbuf_add(&rest, ws->unread.buf + head + len, ws->unread.len - head - len);
    kn_strbuf_clear(&ws->unread);
    kn_strbuf_add(&ws->unread, rest.buf, rest.len);
    return op;
}

void kn_test_websocket_await(struct kn_test_websocket *ws, const char *text)
{
    while (memmem(ws->said.buf, ws->said.len, text, strlen(text)) == NULL) {
        const int op = kn_test_websocket_hear(ws);

        if (op < 0 || op == KN_WEBSOCKET_CLOSE) {
            fail_msg("it ended (%d %s) before it said \"%s\": %s", ws->code, ws->why.buf, text, ws->said.buf);
        }
    }
}

int kn_test_websocket_end(struct kn_test_websocket *ws)
{
    while (kn_test_websocket_hear(ws) >= 0) {
    }
    return ws->code;
}
