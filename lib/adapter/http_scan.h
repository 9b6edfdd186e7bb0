/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_scan: every byte of a connection before libmicrohttpd sees it. Pure: bytes in, bytes out.
 *
 * libmicrohttpd takes what RFC 9112 forbids (a bare LF or CR ends a line, a NUL ends a text, a space may stand before a colon) and answers
 * the rest itself, in bare HTML, without a log line. So this reads the heads and the framing of bodies strictly, lets through what is plain,
 * and makes it plainer: no empty lines before a request, no chunk extensions, no trailers, no cookies. Of a head that is bad, libmicrohttpd
 * is given the good beginning and an end that makes it whole, and nothing behind it, ever: so it becomes one request, whose verdict
 * stands here, and the listener answers it in the service's dialect and closes. A chunked body that breaks off is ended likewise.
 *
 *   bytes -> kn_http_scan_feed() -> bytes for libmicrohttpd;   s->why != KN_OK: request number s->bad is refused for it, s->words says why
 */
#ifndef KN_ADAPTER_HTTP_SCAN_H
#define KN_ADAPTER_HTTP_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

#define KN_HTTP_TARGET_MAX ((size_t)16 << 10)
#define KN_HTTP_HEAD_MAX \
    ((size_t)20 << 10) /* request line and headers, in libmicrohttpd's memory with what it makes of them */
#define KN_HTTP_HEADERS_MAX 100U
#define KN_HTTP_SPARE 96 /* what may come out of a feed beyond the room: chunk sizes that were held back, an end */

/* Where the next byte stands. */
enum kn_http_spot {
    KN_HTTP_AT_START, /* between requests */
    KN_HTTP_AT_START_LF, /* of an empty line there */
    KN_HTTP_AT_METHOD,
    KN_HTTP_AT_TARGET,
    KN_HTTP_AT_VERSION,
    KN_HTTP_AT_LINE, /* a header line begins, or the empty one */
    KN_HTTP_AT_NAME,
    KN_HTTP_AT_VALUE,
    KN_HTTP_AT_VALUE_LF,
    KN_HTTP_AT_END_LF, /* of the head */
    KN_HTTP_AT_DATA, /* of a body: `left` bytes that nobody looks at */
    KN_HTTP_AT_SIZE, /* of a chunk */
    KN_HTTP_AT_EXTENSION,
    KN_HTTP_AT_SIZE_LF,
    KN_HTTP_AT_CHUNK_CR, /* behind a chunk */
    KN_HTTP_AT_CHUNK_LF,
    KN_HTTP_AT_TRAILER, /* a trailer's line begins, or the empty one */
    KN_HTTP_AT_TRAILER_TEXT,
    KN_HTTP_AT_TRAILER_LF,
    KN_HTTP_AT_TRAILERS_LF,
    KN_HTTP_AT_BAD, /* nothing is let through any more */
    KN_HTTP_SPOT_COUNT
};

enum kn_http_field {
    KN_HTTP_FIELD_OTHER,
    KN_HTTP_FIELD_LENGTH,
    KN_HTTP_FIELD_CODING,
    KN_HTTP_FIELD_COOKIE,
    KN_HTTP_FIELD_HOST
};

/* One connection's; its event thread's alone. Begins as zeroes, head_most excepted. */
struct kn_http_scan {
    enum kn_http_spot spot;
    enum kn_code why; /* KN_OK: all was well so far */
    const char *words;
    uint64_t bad; /* the number of the request that is refused */
    bool bad_in_body; /* its head was good */
    uint64_t heads; /* requests begun; the first is 1 */
    uint64_t seen; /* requests that libmicrohttpd spoke of: the listener's */
    size_t head_most; /* bytes of a head; 0: KN_HTTP_HEAD_MAX */
    uint64_t left; /* bytes of the body, or of the chunk */
    size_t head; /* bytes of this head, or of the trailers */
    size_t target; /* bytes of the target */
    size_t framing; /* bytes of chunks' size lines beyond what their data pays for */
    unsigned at; /* position in what the spot reads: method, version, name, digits, coding, extension, empty lines */
    unsigned headers, lengths, codings, hosts;
    bool is_old; /* HTTP/1.0 */
    bool padded; /* a value that ended, but for blanks */
    enum kn_http_field field;
    char name[20]; /* of this header, lower case, as far as it matters */
    char spare[KN_HTTP_SPARE];
    size_t spare_len;
};

/* Writes at most room bytes, the rest into s->spare, which the caller hands out first the next time. len <= room. Returns the bytes written. */
size_t kn_http_scan_feed(struct kn_http_scan *s, const char *in, size_t len, char *out, size_t room);
/* How many of the bytes to come are a body's and need no feed; kn_http_scan_pass() says that they passed. */
uint64_t kn_http_scan_unread(const struct kn_http_scan *s);
void kn_http_scan_pass(struct kn_http_scan *s, size_t len);

#endif
