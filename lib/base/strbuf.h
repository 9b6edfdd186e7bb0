/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strbuf: a growing string. buf is always NUL-terminated and never NULL after init; len excludes the NUL.
 * Out of memory aborts.
 *
 *   AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;
 */
#ifndef KN_BASE_STRBUF_H
#define KN_BASE_STRBUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct kn_strbuf {
    char *buf;
    size_t len;
    size_t cap; /* 0: buf is the shared empty string */
};

extern char kn_strbuf_empty[1];
#define KN_STRBUF_INIT \
    { \
        kn_strbuf_empty, 0, 0 \
    }

void kn_strbuf_release(struct kn_strbuf *sb);
void kn_strbuf_clear(struct kn_strbuf *sb); /* keeps the memory */
void kn_strbuf_grow(struct kn_strbuf *sb, size_t extra);
void kn_strbuf_add(struct kn_strbuf *sb, const void *data, size_t len);
void kn_strbuf_addstr(struct kn_strbuf *sb, const char *s);
void kn_strbuf_addch(struct kn_strbuf *sb, char c);
void kn_strbuf_addint(struct kn_strbuf *sb, int64_t n);
void kn_strbuf_addf(struct kn_strbuf *sb, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void kn_strbuf_vaddf(struct kn_strbuf *sb, const char *fmt, va_list args) __attribute__((format(printf, 2, 0)));
/* "text" with JSON escapes and the quotes; NULL gives null. */
void kn_strbuf_addjson(struct kn_strbuf *sb, const char *text);
/* text with &<>"' escaped for XML; bytes that XML forbids are dropped. */
void kn_strbuf_addxml(struct kn_strbuf *sb, const char *text);
/* Percent-encodes everything but RFC 3986 unreserved characters. */
void kn_strbuf_addurl(struct kn_strbuf *sb, const char *text);
/*
 * How many bytes (2 to 4) of a well-formed multi-byte UTF-8 character start at s (RFC 3629: no surrogates, nothing overlong); 0 = none,
 * ASCII included. Reads on only while the bytes fit, so a NUL ends it.
 */
size_t kn_utf8_len(const unsigned char *s);
/* Characters of a well-formed UTF-8 text: what the API and the database count. NULL has none. */
size_t kn_utf8_count(const char *text);
/* Hands over the heap string (free() it) and leaves sb empty. */
char *kn_strbuf_detach(struct kn_strbuf *sb);

#endif
