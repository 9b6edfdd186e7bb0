/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns growing strings and the escapes of the three texts that Kilonova writes: JSON, XML and URLs. Whatever bytes come in, what
 * goes out is well formed (UTF-8 included). It must never read those texts: jansson, libvirt and the HTTP library do.
 */
#include "lib/base/strbuf.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

char kn_strbuf_empty[1] = "";

void kn_strbuf_release(struct kn_strbuf *sb)
{
    if (sb->cap > 0) {
        free(sb->buf);
    }
    *sb = (struct kn_strbuf)KN_STRBUF_INIT;
}

void kn_strbuf_clear(struct kn_strbuf *sb)
{
    sb->len = 0;
    if (sb->cap > 0) {
        sb->buf[0] = '\0';
    }
}

void kn_strbuf_grow(struct kn_strbuf *sb, size_t extra)
{
    if (extra < sb->cap - sb->len && sb->cap > 0) {
        return;
    }
    size_t cap = sb->cap < 64 ? 64 : sb->cap;
    while (cap - sb->len <= extra) {
        cap = cap > SIZE_MAX / 2 ? SIZE_MAX : cap * 2;
        if (cap == SIZE_MAX) {
            break;
        }
    }
    sb->buf = kn_realloc_array(sb->cap > 0 ? sb->buf : NULL, cap, 1);
    sb->buf[sb->len] = '\0';
    sb->cap = cap;
}

void kn_strbuf_add(struct kn_strbuf *sb, const void *data, size_t len)
{
    if (len == 0) {
        return;
    }
    kn_strbuf_grow(sb, len);
    memcpy(sb->buf + sb->len, data, len);
    sb->len += len;
    sb->buf[sb->len] = '\0';
}

void kn_strbuf_addstr(struct kn_strbuf *sb, const char *s)
{
    kn_strbuf_add(sb, s, strlen(s));
}

void kn_strbuf_addch(struct kn_strbuf *sb, char c)
{
    kn_strbuf_grow(sb, 1);
    sb->buf[sb->len++] = c;
    sb->buf[sb->len] = '\0';
}

void kn_strbuf_addint(struct kn_strbuf *sb, int64_t n)
{
    char digits[21]; /* 19 digits, a sign, one spare */
    char *at = digits + sizeof(digits);
    uint64_t rest = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (n < 0) {
        *--at = '-';
    }
    kn_strbuf_add(sb, at, (size_t)(digits + sizeof(digits) - at));
}

void kn_strbuf_addf(struct kn_strbuf *sb, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    kn_strbuf_vaddf(sb, fmt, args);
    va_end(args);
}

void kn_strbuf_vaddf(struct kn_strbuf *sb, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    kn_strbuf_grow(sb, 64);
    size_t room = sb->cap - sb->len;
    int n = vsnprintf(sb->buf + sb->len, room, fmt, args);
    if (n < 0) {
        abort(); /* only a broken format can do this */
    }
    if ((size_t)n >= room) {
        kn_strbuf_grow(sb, (size_t)n);
        vsnprintf(sb->buf + sb->len, (size_t)n + 1, fmt, again);
    }
    sb->len += (size_t)n;
    va_end(again);
}

size_t kn_utf8_len(const unsigned char *s)
{
    static const struct {
        unsigned char first, last, low, high; /* range of the first byte, range of the second */
        size_t len;
    } FORMS[] = {
        { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
        { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
        { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };
    for (size_t i = 0; i < KN_COUNT(FORMS); i++) {
        if (s[0] < FORMS[i].first || s[0] > FORMS[i].last) {
            continue;
        }
        if (s[1] < FORMS[i].low || s[1] > FORMS[i].high) {
            return 0;
        }
        for (size_t k = 2; k < FORMS[i].len; k++) {
            if ((s[k] & 0xc0) != 0x80) {
                return 0;
            }
        }
        return FORMS[i].len;
    }
    return 0;
}

/* Adds the escape of one ASCII character that JSON cannot hold as it is. */
static void add_json_escape(struct kn_strbuf *sb, unsigned char c)
{
    static const char SHORT[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (const char *pair = SHORT; *pair != '\0'; pair += 2) {
        if ((unsigned char)pair[0] == c) {
            kn_strbuf_addch(sb, '\\');
            kn_strbuf_addch(sb, pair[1]);
            return;
        }
    }
    kn_strbuf_addf(sb, "\\u%04x", c);
}

/* ASCII that JSON holds as it is. */
static bool is_plain(unsigned char c)
{
    return c >= ' ' && c < 0x80 && c != '"' && c != '\\';
}

#define EACH_BYTE(c) (UINT64_C(0x0101010101010101) * (c))

/* The same of eight of them; a borrow may blame a byte behind one that is blamed anyway. */
static bool are_plain(uint64_t bytes)
{
    const uint64_t quote = bytes ^ EACH_BYTE('"'), slash = bytes ^ EACH_BYTE('\\');
    const uint64_t below = (bytes - EACH_BYTE(' ')) | (quote - EACH_BYTE(1)) | (slash - EACH_BYTE(1));

    return ((bytes | below) & EACH_BYTE(0x80)) == 0;
}

/* How many bytes of it begin the text of so many: all, or fewer than that. */
static size_t plain_json(const char *text, size_t len)
{
    size_t at = 0;
    uint64_t bytes;

    for (; at + sizeof(bytes) <= len; at += sizeof(bytes)) {
        memcpy(&bytes, text + at, sizeof(bytes));
        if (!are_plain(bytes)) {
            break;
        }
    }
    while (at < len && is_plain((unsigned char)text[at])) {
        at++;
    }
    return at;
}

void kn_strbuf_addjson(struct kn_strbuf *sb, const char *text)
{
    if (text == NULL) {
        kn_strbuf_add(sb, "null", 4);
        return;
    }
    const size_t len_all = strlen(text), plain_len = plain_json(text, len_all);

    if (plain_len == len_all) { /* nearly all */
        kn_strbuf_grow(sb, plain_len + 2);
        sb->buf[sb->len] = '"';
        memcpy(sb->buf + sb->len + 1, text, plain_len);
        memcpy(sb->buf + sb->len + 1 + plain_len, "\"", 2);
        sb->len += plain_len + 2;
        return;
    }
    kn_strbuf_addch(sb, '"');
    const unsigned char *at = (const unsigned char *)text + plain_len;
    const unsigned char *plain = (const unsigned char *)text; /* what was passed over and not added yet */
    while (*at != '\0') {
        if (is_plain(*at)) {
            at++;
            continue;
        }
        size_t len = *at < 0x80 ? 1 : kn_utf8_len(at);
        if (len > 1) {
            at += len;
            continue;
        }
        kn_strbuf_add(sb, plain, (size_t)(at - plain));
        if (len == 0) {
            kn_strbuf_add(sb, "\xef\xbf\xbd", 3); /* U+FFFD stands for a byte that is not UTF-8 */
        } else {
            add_json_escape(sb, *at);
        }
        plain = ++at;
    }
    kn_strbuf_add(sb, plain, (size_t)(at - plain));
    kn_strbuf_addch(sb, '"');
}

static const char *xml_entity(unsigned char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&apos;";
    }
    return NULL;
}

/* XML 1.0 has no place for most control characters, nor for U+FFFE and U+FFFF. */
static bool xml_allows(const unsigned char *s, size_t len)
{
    if (len == 1) {
        return *s >= ' ' || *s == '\t' || *s == '\n' || *s == '\r';
    }
    return len > 1 && !(s[0] == 0xef && s[1] == 0xbf && s[2] >= 0xbe);
}

void kn_strbuf_addxml(struct kn_strbuf *sb, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    while (*at != '\0') {
        size_t len = *at < 0x80 ? 1 : kn_utf8_len(at);
        const char *entity = xml_entity(*at);
        if (entity != NULL) {
            kn_strbuf_addstr(sb, entity);
        } else if (xml_allows(at, len)) {
            kn_strbuf_add(sb, at, len);
        }
        at += len > 0 ? len : 1;
    }
}

static bool is_unreserved(unsigned char c)
{
    const unsigned char small = c | 0x20;

    return (small >= 'a' && small <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

void kn_strbuf_addurl(struct kn_strbuf *sb, const char *text)
{
    const char *plain = text; /* what was passed over and not added yet */
    const char *at = text;

    for (; *at != '\0'; at++) {
        if (!is_unreserved((unsigned char)*at)) {
            kn_strbuf_add(sb, plain, (size_t)(at - plain));
            kn_strbuf_addf(sb, "%%%02X", (unsigned)(unsigned char)*at);
            plain = at + 1;
        }
    }
    kn_strbuf_add(sb, plain, (size_t)(at - plain));
}

char *kn_strbuf_detach(struct kn_strbuf *sb)
{
    kn_strbuf_grow(sb, 0);
    char *text = sb->buf;
    *sb = (struct kn_strbuf)KN_STRBUF_INIT;
    return text;
}

size_t kn_utf8_count(const char *text)
{
    size_t count = 0;

    for (; text != NULL && *text != '\0'; text++) {
        count += ((unsigned char)*text & 0xC0) != 0x80;
    }
    return count;
}
