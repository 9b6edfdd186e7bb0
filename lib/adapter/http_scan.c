/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the reading of heads and of a body's framing, a byte at a time, one function a spot; where a byte cannot be, the row of that spot in
 * ENDS says how the request is made whole. It knows no socket and no service, and it must never let anything pass behind a refused head:
 * that is how a second request would be smuggled in.
 */
#include "lib/adapter/http_scan.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"

#define METHOD_MAX 32U
#define EMPTY_LINES_MAX 8U
#define EXTENSION_MAX 256U
#define LENGTH_DIGITS 18U /* fits into int64_t */
#define CHUNK_DIGITS 15U
#define CHUNK_PAYS 16U /* bytes of framing that a chunk may have for nothing, and as many again as its data */
#define FRAMING_MAX ((size_t)16 << 10)

static const char VERSION[] = "HTTP/1.1";
static const char CODING[] = "chunked";

struct out {
    char *at;
    size_t room, len;
};

static void put(struct kn_http_scan *s, struct out *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (out->len < out->room) {
            out->at[out->len++] = text[i];
        } else if (s->spare_len < sizeof(s->spare)) {
            s->spare[s->spare_len++] = text[i];
        }
    }
}

static void http_scan_put_text(struct kn_http_scan *s, struct out *out, const char *text)
{
    put(s, out, text, strlen(text));
}

/* What makes a request whole that is refused here. */
static const char *end_of(const struct kn_http_scan *s)
{
    static const char *const ENDS[] = {
        [KN_HTTP_AT_START] = "BAD / HTTP/1.1\r\n\r\n",
        [KN_HTTP_AT_START_LF] = "BAD / HTTP/1.1\r\n\r\n",
        [KN_HTTP_AT_METHOD] = " / HTTP/1.1\r\n\r\n",
        [KN_HTTP_AT_TARGET] = " HTTP/1.1\r\n\r\n",
        [KN_HTTP_AT_VERSION] = "\r\n\r\n",
        [KN_HTTP_AT_LINE] = "\r\n",
        [KN_HTTP_AT_NAME] = "X:\r\n\r\n", /* and no name that means anything */
        [KN_HTTP_AT_VALUE] = "\r\n\r\n",
        [KN_HTTP_AT_VALUE_LF] = "\r\n\r\n",
        [KN_HTTP_AT_END_LF] = "\r\n",
        [KN_HTTP_AT_SIZE] = "0\r\n\r\n",
        [KN_HTTP_AT_EXTENSION] = "0\r\n\r\n",
        [KN_HTTP_AT_SIZE_LF] = "0\r\n\r\n",
        [KN_HTTP_AT_CHUNK_CR] = "\r\n0\r\n\r\n",
        [KN_HTTP_AT_CHUNK_LF] = "\r\n0\r\n\r\n",
        [KN_HTTP_AT_TRAILER] = "0\r\n\r\n",
        [KN_HTTP_AT_TRAILER_TEXT] = "0\r\n\r\n",
        [KN_HTTP_AT_TRAILER_LF] = "0\r\n\r\n",
        [KN_HTTP_AT_TRAILERS_LF] = "0\r\n\r\n",
        [KN_HTTP_AT_BAD] = "",
    };
    _Static_assert(KN_COUNT(ENDS) == KN_HTTP_SPOT_COUNT, "one end a spot");

    return s->spot == KN_HTTP_AT_TARGET && s->target == 0 ? "/ HTTP/1.1\r\n\r\n" : ENDS[s->spot];
}

static bool reads_value(const struct kn_http_scan *s, enum kn_http_field field)
{
    return (s->spot == KN_HTTP_AT_VALUE || s->spot == KN_HTTP_AT_VALUE_LF) && s->field == field;
}

static void http_scan_refuse(struct kn_http_scan *s, struct out *out, enum kn_code why, const char *words)
{
    if (s->spot == KN_HTTP_AT_START || s->spot == KN_HTTP_AT_START_LF) {
        s->heads++;
    } else if (s->spot == KN_HTTP_AT_VERSION && s->at < strlen(VERSION)) {
        http_scan_put_text(s, out, VERSION + s->at);
    } else if (reads_value(s, KN_HTTP_FIELD_LENGTH) && s->at == 0) {
        http_scan_put_text(s, out, "0");
    } else if (reads_value(s, KN_HTTP_FIELD_CODING) && s->at < strlen(CODING)) {
        http_scan_put_text(s, out, CODING + s->at);
    }
    http_scan_put_text(s, out, end_of(s));
    s->bad_in_body = s->spot >= KN_HTTP_AT_DATA;
    s->bad = s->heads;
    s->why = why;
    s->words = words;
    s->spot = KN_HTTP_AT_BAD;
}

static void refuse_plainly(struct kn_http_scan *s, struct out *out, const char *words)
{
    http_scan_refuse(s, out, KN_BAD_REQUEST, words);
}

/* A character of a method or of a header's name (RFC 9110, 5.6.2). */
static bool is_token(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

static bool http_scan_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static int hex(char c)
{
    c = lower(c);
    return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void move_to(struct kn_http_scan *s, enum kn_http_spot spot)
{
    s->spot = spot;
    s->at = 0;
}

/* --- the request line --- */

static void at_start(struct kn_http_scan *s, struct out *out, char c)
{
    if (c == '\r' && s->at < EMPTY_LINES_MAX) {
        s->spot = KN_HTTP_AT_START_LF;
    } else if (!is_token(c)) {
        refuse_plainly(s, out, "the request does not begin with a method");
    } else {
        s->heads++;
        s->head = 1;
        s->target = 0;
        s->headers = s->lengths = s->codings = s->hosts = 0;
        s->left = 0;
        s->framing = 0;
        move_to(s, KN_HTTP_AT_METHOD);
        put(s, out, &c, 1);
    }
}

static void at_start_lf(struct kn_http_scan *s, struct out *out, char c)
{
    if (c != '\n') {
        refuse_plainly(s, out, "a line ends with a bare CR");
        return;
    }
    s->spot = KN_HTTP_AT_START;
    s->at++;
}

static void at_method(struct kn_http_scan *s, struct out *out, char c)
{
    if (c == ' ') {
        put(s, out, &c, 1);
        move_to(s, KN_HTTP_AT_TARGET);
    } else if (!is_token(c) || ++s->at > METHOD_MAX) {
        refuse_plainly(s, out, "the request line has no method, target and version");
    } else {
        put(s, out, &c, 1);
    }
}

static void at_target(struct kn_http_scan *s, struct out *out, char c)
{
    if (c == ' ' && s->target > 0) {
        put(s, out, &c, 1);
        move_to(s, KN_HTTP_AT_VERSION);
    } else if (c == ' ' || is_control(c)) {
        refuse_plainly(s, out, "the request line has no method, target and version");
    } else if (s->target == KN_HTTP_TARGET_MAX) {
        http_scan_refuse(s, out, KN_URI_TOO_LONG, "the URL is longer than 16384 bytes");
    } else {
        s->target++;
        put(s, out, &c, 1);
    }
}
_Static_assert(KN_HTTP_TARGET_MAX == 16384, "the message says so");

/* The last digit may be any: whoever speaks 1.2 speaks 1.1 as well. */
static void at_version(struct kn_http_scan *s, struct out *out, char c)
{
    const unsigned size = sizeof(VERSION) - 1;

    if (s->at == size - 1 && is_digit(c)) {
        s->is_old = c == '0';
        put(s, out, s->is_old ? "0" : "1", 1);
        s->at++;
    } else if (s->at < size - 1 && c == VERSION[s->at]) {
        put(s, out, &c, 1);
        s->at++;
    } else if (s->at == sizeof("HTTP/") - 1 && is_digit(c)) {
        http_scan_refuse(s, out, KN_HTTP_VERSION, "this speaks HTTP/1.1");
    } else if (s->at == size && c == '\r') {
        s->at++;
    } else if (s->at == size + 1 && c == '\n') {
        http_scan_put_text(s, out, "\r\n");
        move_to(s, KN_HTTP_AT_LINE);
    } else {
        refuse_plainly(s, out, "the request line does not end with a version of HTTP and CRLF");
    }
}

/* --- headers --- */

static void name_char(struct kn_http_scan *s, char c)
{
    if (s->at < sizeof(s->name) - 1) {
        s->name[s->at] = lower(c);
    }
    s->at++;
}

static void at_line(struct kn_http_scan *s, struct out *out, char c)
{
    if (c == '\r') {
        move_to(s, KN_HTTP_AT_END_LF);
    } else if (http_scan_is_blank(c)) {
        refuse_plainly(s, out, "a header goes on in the next line");
    } else if (!is_token(c)) {
        refuse_plainly(s, out, "a header has no name");
    } else if (s->headers == KN_HTTP_HEADERS_MAX) {
        http_scan_refuse(s, out, KN_HEAD_TOO_LARGE, "the request has more than 100 headers");
    } else {
        s->headers++;
        move_to(s, KN_HTTP_AT_NAME);
        name_char(s, c);
        put(s, out, &c, 1);
    }
}
_Static_assert(KN_HTTP_HEADERS_MAX == 100, "the message says so");

/* Why this header may not stand here; NULL if it may. Two readers must not see two ends of one request, nor two hosts. */
static const char *contradiction(struct kn_http_scan *s)
{
    s->field = KN_HTTP_FIELD_OTHER;
    if (strcmp(s->name, "content-length") == 0) {
        s->field = KN_HTTP_FIELD_LENGTH;
        s->lengths++;
    } else if (strcmp(s->name, "transfer-encoding") == 0) {
        s->field = KN_HTTP_FIELD_CODING;
        s->codings++;
    } else if (strcmp(s->name, "host") == 0) {
        s->field = KN_HTTP_FIELD_HOST;
        s->hosts++;
    } else if (strcmp(s->name, "cookie") == 0) {
        s->field = KN_HTTP_FIELD_COOKIE;
    }
    return s->lengths + s->codings > 1   ? "the headers do not say clearly where the request ends"
           : s->codings > 0 && s->is_old ? "HTTP/1.0 has no Transfer-Encoding"
           : s->hosts > 1                ? "the request names two hosts"
                                         : NULL;
}

static void at_name(struct kn_http_scan *s, struct out *out, char c)
{
    if (c == ':') {
        s->name[s->at < sizeof(s->name) ? s->at : sizeof(s->name) - 1] = '\0';
        const char *why = contradiction(s);
        if (why != NULL) {
            refuse_plainly(s, out, why);
            return;
        }
        put(s, out, &c, 1);
        s->padded = false;
        move_to(s, KN_HTTP_AT_VALUE);
    } else if (!is_token(c)) {
        refuse_plainly(s, out, "a header's name is not followed by a colon");
    } else {
        name_char(s, c);
        put(s, out, &c, 1);
    }
}

static void length_char(struct kn_http_scan *s, struct out *out, char c)
{
    if (http_scan_is_blank(c)) {
        s->padded = s->at > 0;
    } else if (!is_digit(c) || s->padded || s->at == LENGTH_DIGITS) {
        refuse_plainly(s, out, "the length of the body is not a number");
    } else {
        s->left = s->left * 10 + (uint64_t)(c - '0');
        s->at++;
        put(s, out, &c, 1);
    }
}

static void coding_char(struct kn_http_scan *s, struct out *out, char c)
{
    if (http_scan_is_blank(c)) {
        s->padded = s->at > 0;
    } else if (s->padded || s->at >= strlen(CODING) || lower(c) != CODING[s->at]) {
        refuse_plainly(s, out, "the only Transfer-Encoding that is read is \"chunked\"");
    } else {
        s->at++;
        c = lower(c);
        put(s, out, &c, 1);
    }
}

/* A name, an address, a port: links in answers are made of it, so nothing else goes in. */
static void host_char(struct kn_http_scan *s, struct out *out, char c)
{
    const bool fits = (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || strchr("-._~:[]%", c) != NULL;

    if (http_scan_is_blank(c)) {
        s->padded = s->at > 0;
        put(s, out, &c, 1);
    } else if (s->padded || !fits) {
        refuse_plainly(s, out, "the host is not the name or the address of one");
    } else {
        s->at++;
        put(s, out, &c, 1);
    }
}

/* A cookie's value never gets through: nobody reads it here, and libmicrohttpd would take it apart in the connection's memory. */
static void at_value(struct kn_http_scan *s, struct out *out, char c)
{
    if (c == '\r') {
        s->spot = KN_HTTP_AT_VALUE_LF;
        return;
    }
    if (is_control(c) && c != '\t') {
        refuse_plainly(s, out, c == '\n' ? "a line ends with a bare LF" : "a header's value has a control character");
        return;
    }
    switch (s->field) {
    case KN_HTTP_FIELD_LENGTH:
        length_char(s, out, c);
        break;
    case KN_HTTP_FIELD_CODING:
        coding_char(s, out, c);
        break;
    case KN_HTTP_FIELD_COOKIE:
        http_scan_put_text(s, out, " ");
        break;
    case KN_HTTP_FIELD_HOST:
        host_char(s, out, c);
        break;
    case KN_HTTP_FIELD_OTHER:
        put(s, out, &c, 1);
        break;
    }
}

static void at_value_lf(struct kn_http_scan *s, struct out *out, char c)
{
    if (c != '\n') {
        refuse_plainly(s, out, "a line ends with a bare CR");
    } else if (s->field == KN_HTTP_FIELD_LENGTH && s->at == 0) {
        refuse_plainly(s, out, "the length of the body is not a number");
    } else if (s->field == KN_HTTP_FIELD_CODING && s->at < strlen(CODING)) {
        refuse_plainly(s, out, "the only Transfer-Encoding that is read is \"chunked\"");
    } else {
        http_scan_put_text(s, out, "\r\n");
        move_to(s, KN_HTTP_AT_LINE);
    }
}

static void at_end_lf(struct kn_http_scan *s, struct out *out, char c)
{
    if (c != '\n') {
        refuse_plainly(s, out, "a line ends with a bare CR");
    } else if (s->hosts == 0 && !s->is_old) {
        refuse_plainly(s, out, "the request names no host");
    } else {
        http_scan_put_text(s, out, "\r\n");
        move_to(s, s->codings > 0 ? KN_HTTP_AT_SIZE : s->left > 0 ? KN_HTTP_AT_DATA : KN_HTTP_AT_START);
    }
}

/* --- bodies --- */

/* A client that sends more framing than data makes work that no limit of bodies sees; it may be FRAMING_MAX bytes ahead of its data. */
static bool is_paid(struct kn_http_scan *s)
{
    const uint64_t pays = CHUNK_PAYS + s->left;

    s->framing = s->framing > pays ? s->framing - (size_t)pays : 0;
    return s->framing <= FRAMING_MAX;
}

static void at_size(struct kn_http_scan *s, struct out *out, char c)
{
    int digit = hex(c);

    s->framing++;

    if (digit >= 0 && s->at < CHUNK_DIGITS) {
        s->left = (s->at++ == 0 ? 0 : s->left) * 16 + (uint64_t)digit;
    } else if (s->at > 0 && (c == ';' || c == '\r')) {
        move_to(s, c == ';' ? KN_HTTP_AT_EXTENSION : KN_HTTP_AT_SIZE_LF);
    } else {
        refuse_plainly(s, out, "a chunk of the body has no size");
    }
}

static void at_extension(struct kn_http_scan *s, struct out *out, char c)
{
    s->framing++;
    if (c == '\r') {
        move_to(s, KN_HTTP_AT_SIZE_LF);
    } else if ((is_control(c) && c != '\t') || ++s->at > EXTENSION_MAX) {
        refuse_plainly(s, out, "a chunk's extension is too long, or has a control character");
    }
}

static void at_size_lf(struct kn_http_scan *s, struct out *out, char c)
{
    char line[24];

    if (c != '\n') {
        refuse_plainly(s, out, "a line ends with a bare CR");
    } else if (!is_paid(s)) {
        refuse_plainly(s, out, "the body has more chunk extensions than data");
    } else if (s->left > 0) {
        put(s, out, line, (size_t)snprintf(line, sizeof(line), "%llx\r\n", (unsigned long long)s->left));
        move_to(s, KN_HTTP_AT_DATA);
    } else {
        s->head = 0;
        move_to(s, KN_HTTP_AT_TRAILER);
    }
}

static void at_chunk_end(struct kn_http_scan *s, struct out *out, char c)
{
    if (c != (s->spot == KN_HTTP_AT_CHUNK_CR ? '\r' : '\n')) {
        refuse_plainly(s, out, "a chunk of the body does not end where its size says");
    } else if (s->spot == KN_HTTP_AT_CHUNK_CR) {
        s->spot = KN_HTTP_AT_CHUNK_LF;
    } else {
        http_scan_put_text(s, out, "\r\n");
        move_to(s, KN_HTTP_AT_SIZE);
    }
}

static void at_trailer(struct kn_http_scan *s, struct out *out, char c)
{
    if (c == '\r') {
        s->spot = s->spot == KN_HTTP_AT_TRAILER ? KN_HTTP_AT_TRAILERS_LF : KN_HTTP_AT_TRAILER_LF;
    } else if (is_control(c) && c != '\t') {
        refuse_plainly(s, out, "the trailers of the body have a control character");
    } else {
        s->spot = KN_HTTP_AT_TRAILER_TEXT;
    }
}

static void at_trailer_lf(struct kn_http_scan *s, struct out *out, char c)
{
    if (c != '\n') {
        refuse_plainly(s, out, "a line ends with a bare CR");
    } else if (s->spot == KN_HTTP_AT_TRAILER_LF) {
        s->spot = KN_HTTP_AT_TRAILER;
    } else {
        http_scan_put_text(s, out, "0\r\n\r\n");
        move_to(s, KN_HTTP_AT_START);
    }
}

static void at_data(struct kn_http_scan *s, struct out *out, char c)
{
    put(s, out, &c, 1);
    kn_http_scan_pass(s, 1);
}

static void at_bad(struct kn_http_scan *s, struct out *out, char c)
{
    (void)s;
    (void)out;
    (void)c;
}

typedef void reader(struct kn_http_scan *s, struct out *out, char c);

static reader *const READERS[] = {
    [KN_HTTP_AT_START] = at_start,
    [KN_HTTP_AT_START_LF] = at_start_lf,
    [KN_HTTP_AT_METHOD] = at_method,
    [KN_HTTP_AT_TARGET] = at_target,
    [KN_HTTP_AT_VERSION] = at_version,
    [KN_HTTP_AT_LINE] = at_line,
    [KN_HTTP_AT_NAME] = at_name,
    [KN_HTTP_AT_VALUE] = at_value,
    [KN_HTTP_AT_VALUE_LF] = at_value_lf,
    [KN_HTTP_AT_END_LF] = at_end_lf,
    [KN_HTTP_AT_DATA] = at_data,
    [KN_HTTP_AT_SIZE] = at_size,
    [KN_HTTP_AT_EXTENSION] = at_extension,
    [KN_HTTP_AT_SIZE_LF] = at_size_lf,
    [KN_HTTP_AT_CHUNK_CR] = at_chunk_end,
    [KN_HTTP_AT_CHUNK_LF] = at_chunk_end,
    [KN_HTTP_AT_TRAILER] = at_trailer,
    [KN_HTTP_AT_TRAILER_TEXT] = at_trailer,
    [KN_HTTP_AT_TRAILER_LF] = at_trailer_lf,
    [KN_HTTP_AT_TRAILERS_LF] = at_trailer_lf,
    [KN_HTTP_AT_BAD] = at_bad,
};
_Static_assert(KN_COUNT(READERS) == KN_HTTP_SPOT_COUNT, "every spot has a reader");

/* Heads and trailers are counted; what a body holds is not. */
static bool is_too_much(struct kn_http_scan *s)
{
    bool counts = (s->spot > KN_HTTP_AT_START_LF && s->spot < KN_HTTP_AT_DATA) ||
                  (s->spot >= KN_HTTP_AT_TRAILER && s->spot < KN_HTTP_AT_BAD);
    return counts && s->head++ >= (s->head_most > 0 ? s->head_most : KN_HTTP_HEAD_MAX);
}

size_t kn_http_scan_feed(struct kn_http_scan *s, const char *in, size_t len, char *ret, size_t room)
{
    struct out out = { .room = room };

    out.at = ret;
    for (size_t i = 0; i < len; i++) {
        if (is_too_much(s)) {
            http_scan_refuse(s, &out, KN_HEAD_TOO_LARGE,
                             s->head_most > 0 ? "the headers of the request are longer than is read here"
                                              : "the headers of the request are longer than 20480 bytes");
        }
        READERS[s->spot](s, &out, in[i]);
    }
    return out.len;
}
_Static_assert(KN_HTTP_HEAD_MAX == 20480, "the message says so");

uint64_t kn_http_scan_unread(const struct kn_http_scan *s)
{
    return s->spot == KN_HTTP_AT_DATA ? s->left : 0;
}

void kn_http_scan_pass(struct kn_http_scan *s, size_t len)
{
    s->left -= len;
    if (s->left == 0) {
        move_to(s, s->codings > 0 ? KN_HTTP_AT_CHUNK_CR : KN_HTTP_AT_START);
    }
}
