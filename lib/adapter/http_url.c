/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the reading of URLs: percent escapes and query strings, the first bytes from outside that anybody looks at. It must never
 * let through a NUL, a broken escape or bytes that are no UTF-8: what comes out is safe for SQL, JSON and logs.
 */
#include <string.h>

#include "lib/adapter/http.h"
#include "lib/adapter/http_private.h"
#include "lib/base/mem.h"

#define QUERY_MAX 256 /* parameters a request */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One byte of text at *at, escapes undone; -1 = broken. */
static int take_byte(const char *text, size_t len, size_t *at, bool plus_is_space)
{
    char c = text[(*at)++];
    if (c == '+' && plus_is_space) {
        return ' ';
    }
    if (c != '%') {
        return (unsigned char)c;
    }
    if (len - *at < 2) {
        return -1;
    }
    int high = hex_value(text[*at]), low = hex_value(text[*at + 1]);
    *at += 2;
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static bool utf8_valid(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    while (*s != '\0') {
        size_t len = *s < 0x80 ? 1 : kn_utf8_len(s);
        if (len == 0) {
            return false;
        }
        s += len;
    }
    return true;
}

int kn_url_decode(const char *text, size_t len, bool plus_is_space, char *out)
{
    size_t n = 0;

    for (size_t at = 0; at < len;) {
        int byte = take_byte(text, len, &at, plus_is_space);
        if (byte <= 0) {
            return -1;
        }
        out[n++] = (char)byte;
    }
    out[n] = '\0';
    return utf8_valid(out) ? 0 : -1;
}

/* A decoded copy in the request's memory; NULL if it is broken. */
static const char *decoded(struct kn_request *req, const char *text, size_t len)
{
    char *out = kn_request_alloc(req, len + 1);
    return kn_url_decode(text, len, true, out) < 0 ? NULL : out;
}

static int query_size(const char *query)
{
    int n = 1;
    for (; *query != '\0'; query++) {
        n += *query == '&';
    }
    return n;
}

int kn_request_query_read(struct kn_request *req, struct kn_error *err)
{
    struct kn_http_raw *raw = req->raw;
    const char *at = strchr(raw->target, '?');

    if (at == NULL || raw->query != NULL) {
        return 0;
    }
    int size = query_size(++at);
    if (size > QUERY_MAX) {
        return kn_fail(err, KN_BAD_REQUEST, "the query has %d parameters, at most %d are read", size, QUERY_MAX);
    }
    struct kn_http_pair *pairs = kn_request_alloc(req, (size_t)size * sizeof(*pairs));
    int count = 0;
    while (*at != '\0') {
        size_t len = strcspn(at, "&");
        const char *equals = memchr(at, '=', len);
        size_t key_len = equals != NULL ? (size_t)(equals - at) : len;
        if (len > 0) {
            struct kn_http_pair *pair = &pairs[count++];
            pair->key = decoded(req, at, key_len);
            pair->value = equals != NULL ? decoded(req, equals + 1, len - key_len - 1) : "";
            if (pair->key == NULL || pair->value == NULL) {
                return kn_fail(err, KN_BAD_REQUEST, "the query of the URL is not percent-encoded UTF-8");
            }
        }
        at += len + (at[len] == '&');
    }
    raw->query = pairs;
    raw->query_count = count;
    return 0;
}
