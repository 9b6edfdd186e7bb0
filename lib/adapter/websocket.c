/* SPDX-License-Identifier: Apache-2.0 */
/*
 * websocket: bytes from anybody, so everything is counted before it is kept, and nothing is kept but a head and one control frame. A frame's
 * payload goes through, however long it says it is. It must never look at a socket or a clock.
 */
#include "lib/adapter/websocket.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "lib/adapter/crypto.h"
#include "lib/base/cleanup.h"

#define KEY_BYTES 16
#define SHA1_BYTES 20
#define MAGIC "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define FINAL 0x80
#define RESERVED 0x70
#define OPCODE 0x0F
#define MASKED 0x80
#define LENGTH 0x7F
#define LENGTH_16 126
#define LENGTH_64 127
#define MASK_BYTES 4

/* --- the handshake ----------------------------------------------------------------------------------------------------- */

bool kn_websocket_accept(const char *key, char out[KN_WEBSOCKET_ACCEPT])
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT, accept = KN_STRBUF_INIT;
    uint8_t raw[KEY_BYTES], digest[SHA1_BYTES];
    size_t len = 0;

    if (key == NULL || strlen(key) != 24 || kn_base64_decode(key, 24, raw, sizeof(raw), &len) < 0 || len != KEY_BYTES) {
        return false;
    }
    kn_strbuf_addstr(&text, key);
    kn_strbuf_addstr(&text, MAGIC);
    kn_sha1(text.buf, text.len, digest);
    kn_base64_add(&accept, digest, sizeof(digest));
    memcpy(out, accept.buf, KN_WEBSOCKET_ACCEPT - 1);
    out[KN_WEBSOCKET_ACCEPT - 1] = '\0';
    return true;
}

bool kn_websocket_lists(const char *header, const char *word)
{
    const size_t want = strlen(word);

    for (const char *at = header; at != NULL && *at != '\0';) {
        at += strspn(at, " \t,");
        const size_t len = strcspn(at, ",");
        size_t trimmed = len;

        while (trimmed > 0 && (at[trimmed - 1] == ' ' || at[trimmed - 1] == '\t')) {
            trimmed--;
        }
        if (trimmed == want && strncasecmp(at, word, want) == 0) {
            return true;
        }
        at += len;
    }
    return false;
}

/* "scheme://host[:port]" of a URL, and a port that everybody leaves out. */
struct websocket_origin {
    const char *scheme, *host, *port;
    size_t scheme_len, host_len, port_len;
};

static bool is_port(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!isdigit((unsigned char)text[i])) {
            return false;
        }
    }
    return len > 0 && len <= 5;
}

static bool origin_split(const char *url, size_t len, struct websocket_origin *ret)
{
    const char *after = memmem(url, len, "://", 3);

    if (after == NULL || after == url) {
        return false;
    }
    const char *host = after + 3, *end = host;

    while (end < url + len && *end != '/' && *end != '?' && *end != '#') {
        end++;
    }
    /* An IPv6 address has colons of its own. */
    const char *bracket = host < end && *host == '[' ? memchr(host, ']', (size_t)(end - host)) : NULL;
    const char *from = bracket != NULL ? bracket : host;
    const char *colon = memchr(from, ':', (size_t)(end - from));
    const bool tls = after - url == 5 && strncasecmp(url, "https", 5) == 0;
    const bool wss = after - url == 3 && strncasecmp(url, "wss", 3) == 0;

    *ret = (struct websocket_origin){ .scheme = url, .scheme_len = (size_t)(after - url), .host = host };
    ret->host_len = (size_t)((colon != NULL ? colon : end) - host);
    ret->port = colon != NULL ? colon + 1 : tls || wss ? "443" : "80";
    ret->port_len = colon != NULL ? (size_t)(end - colon - 1) : strlen(ret->port);
    return ret->host_len > 0 && is_port(ret->port, ret->port_len);
}

static bool origin_equal(const struct websocket_origin *a, const struct websocket_origin *b)
{
    return a->scheme_len == b->scheme_len && strncasecmp(a->scheme, b->scheme, a->scheme_len) == 0 &&
           a->host_len == b->host_len && strncasecmp(a->host, b->host, a->host_len) == 0 &&
           a->port_len == b->port_len && strncmp(a->port, b->port, a->port_len) == 0;
}

static bool origin_is(const struct websocket_origin *origin, const char *url, size_t len)
{
    struct websocket_origin allowed;

    return origin_split(url, len, &allowed) && origin_equal(origin, &allowed);
}

bool kn_websocket_origin_fits(const char *origin, const char *our_url, const char *others)
{
    struct websocket_origin page;

    if (origin == NULL) {
        return true;
    }
    if (!origin_split(origin, strlen(origin), &page)) { /* "null" is one, too: a page of nowhere */
        return false;
    }
    if (origin_is(&page, our_url, strlen(our_url))) {
        return true;
    }
    for (const char *at = others; *at != '\0';) {
        at += strspn(at, " ,");
        const size_t len = strcspn(at, " ,");

        if (len > 0 && origin_is(&page, at, len)) {
            return true;
        }
        at += len;
    }
    return false;
}

/* --- reading ----------------------------------------------------------------------------------------------------------- */

static size_t head_wants(const struct kn_websocket_in *in)
{
    const uint8_t length = in->head[1] & LENGTH;

    return in->head_len < 2 ? 2 : 2 + MASK_BYTES + (length == LENGTH_16 ? 2U : length == LENGTH_64 ? 8U : 0U);
}

static enum kn_websocket_op frame_op(const struct kn_websocket_in *in)
{
    return (enum kn_websocket_op)(in->head[0] & OPCODE);
}

static bool frame_is_control(const struct kn_websocket_in *in)
{
    return (in->head[0] & 0x08) != 0;
}

/* Its first two bytes are there: whether a client may say so now. */
static bool head_is_fine(const struct kn_websocket_in *in)
{
    const bool final = (in->head[0] & FINAL) != 0;

    if ((in->head[0] & RESERVED) != 0 || (in->head[1] & MASKED) == 0) {
        return false;
    }
    switch (frame_op(in)) {
    case KN_WEBSOCKET_MORE:
        return in->in_message;
    case KN_WEBSOCKET_TEXT:
    case KN_WEBSOCKET_BINARY:
        return !in->in_message;
    case KN_WEBSOCKET_CLOSE:
    case KN_WEBSOCKET_PING:
    case KN_WEBSOCKET_PONG:
        return final && (in->head[1] & LENGTH) <= KN_WEBSOCKET_CONTROL;
    }
    return false;
}

/* All of the head is there. */
static bool head_opens(struct kn_websocket_in *in)
{
    const uint8_t length = in->head[1] & LENGTH;
    const size_t more = length == LENGTH_16 ? 2 : length == LENGTH_64 ? 8 : 0;

    in->left = more == 0 ? length : 0;
    for (size_t i = 0; i < more; i++) {
        in->left = in->left << 8 | in->head[2 + i];
    }
    if (in->left >> 63 != 0) {
        return false;
    }
    in->at = 0;
    in->control_len = 0;
    in->in_frame = true;
    if (!frame_is_control(in)) {
        in->in_message = (in->head[0] & FINAL) == 0;
    }
    return true;
}

static uint8_t unmask(struct kn_websocket_in *in, uint8_t byte)
{
    return byte ^ in->head[in->head_len - MASK_BYTES + in->at++ % MASK_BYTES];
}

/* The frame is whole. */
static enum kn_websocket_event frame_ends(struct kn_websocket_in *in)
{
    const enum kn_websocket_op op = frame_op(in);

    in->in_frame = false;
    in->head_len = 0;
    return op == KN_WEBSOCKET_PING    ? KN_WEBSOCKET_PINGED
           : op == KN_WEBSOCKET_PONG  ? KN_WEBSOCKET_PONGED
           : op == KN_WEBSOCKET_CLOSE ? KN_WEBSOCKET_CLOSED
                                      : KN_WEBSOCKET_NOTHING;
}

/* One more byte of a head. */
static enum kn_websocket_event head_takes(struct kn_websocket_in *in, uint8_t byte)
{
    in->head[in->head_len++] = byte;
    if (in->head_len == 2 && !head_is_fine(in)) {
        return KN_WEBSOCKET_BAD;
    }
    if (in->head_len < head_wants(in)) {
        return KN_WEBSOCKET_NOTHING;
    }
    if (!head_opens(in)) {
        return KN_WEBSOCKET_BAD;
    }
    return in->left == 0 ? frame_ends(in) : KN_WEBSOCKET_NOTHING;
}

enum kn_websocket_event kn_websocket_read(struct kn_websocket_in *in, const uint8_t *data, size_t len, uint8_t *out,
                                          size_t room, size_t *ret_used, size_t *ret_out)
{
    enum kn_websocket_event event = KN_WEBSOCKET_NOTHING;
    size_t used = 0, put = 0;

    while (used < len && event == KN_WEBSOCKET_NOTHING) {
        if (!in->in_frame) {
            event = head_takes(in, data[used++]);
            continue;
        }
        if (frame_is_control(in)) {
            in->control[in->control_len++] = unmask(in, data[used++]);
        } else if (put < room) {
            out[put++] = unmask(in, data[used++]);
        } else {
            break;
        }
        event = --in->left == 0 ? frame_ends(in) : KN_WEBSOCKET_NOTHING;
    }
    *ret_used = used;
    *ret_out = put;
    return event;
}

/* --- writing ----------------------------------------------------------------------------------------------------------- */

size_t kn_websocket_head(enum kn_websocket_op op, size_t len, uint8_t out[KN_WEBSOCKET_HEAD])
{
    const size_t more = len < LENGTH_16 ? 0 : len <= UINT16_MAX ? 2 : 8;

    out[0] = (uint8_t)(FINAL | (unsigned)op);
    out[1] = (uint8_t)(more == 0 ? len : more == 2 ? LENGTH_16 : LENGTH_64);
    for (size_t i = 0; i < more; i++) {
        out[2 + i] = (uint8_t)((uint64_t)len >> (8 * (more - 1 - i)));
    }
    return 2 + more;
}

size_t kn_websocket_close(enum kn_websocket_code code, const char *reason,
                          uint8_t out[KN_WEBSOCKET_HEAD + KN_WEBSOCKET_CONTROL])
{
    const size_t room = KN_WEBSOCKET_CONTROL - 2, all = strlen(reason), len = all < room ? all : room;

    if (code == KN_WEBSOCKET_MUTE) {
        return kn_websocket_head(KN_WEBSOCKET_CLOSE, 0, out);
    }
    const size_t head = kn_websocket_head(KN_WEBSOCKET_CLOSE, len + 2, out);

    out[head] = (uint8_t)((unsigned)code >> 8);
    out[head + 1] = (uint8_t)((unsigned)code & 0xFF);
    memcpy(out + head + 2, reason, len);
    return head + 2 + len;
}
