/* SPDX-License-Identifier: Apache-2.0 */
/* console: bytes from inside a guest are hostile; what leaves here is valid UTF-8 of bounded length. */
#include "compute-agent/core/console.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/cleanup.h"

/* The length of the valid UTF-8 sequence at p (no NUL, no overlong form, no surrogate), 0 if it is none. */
static size_t sequence(const unsigned char *p, size_t left)
{
    static const struct {
        unsigned char first_min, first_max, second_min, second_max;
        size_t len;
    } FORMS[] = {
        { 0x01, 0x7f, 0x80, 0xbf, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
        { 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
        { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };

    for (size_t i = 0; i < sizeof(FORMS) / sizeof(FORMS[0]); i++) {
        bool fits = *p >= FORMS[i].first_min && *p <= FORMS[i].first_max && FORMS[i].len <= left;
        fits = fits && (FORMS[i].len < 2 || (p[1] >= FORMS[i].second_min && p[1] <= FORMS[i].second_max));
        for (size_t k = 2; fits && k < FORMS[i].len; k++) {
            fits = (p[k] & 0xc0) == 0x80;
        }
        if (fits) {
            return FORMS[i].len;
        }
    }
    return 0;
}

/* Where the last `lines` lines begin (-1 = all). A newline at the very end closes the last line and opens none. */
static size_t tail_start(const char *data, size_t len, int64_t lines)
{
    size_t at = len > 0 && data[len - 1] == '\n' ? len - 1 : len;

    if (lines == 0) {
        return len;
    }
    while (at > 0 && lines != 0) {
        lines -= data[--at] == '\n';
    }
    return lines == 0 ? at + 1 : 0;
}

/* Where to start so that the rest is no longer than `max`, at the beginning of a character. */
static size_t bounded_start(const struct kn_strbuf *text, size_t from, size_t max)
{
    size_t at = text->len - from > max ? text->len - max : from;

    while (at < text->len && ((unsigned char)text->buf[at] & 0xc0) == 0x80) {
        at++;
    }
    return at;
}

void kn_agent_console_tail(const char *data, size_t len, int64_t lines, struct kn_strbuf *out)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    size_t from;

    for (size_t at = 0; at < len;) {
        size_t n = sequence((const unsigned char *)data + at, len - at);
        kn_strbuf_add(&text, n > 0 ? data + at : "\xef\xbf\xbd", n > 0 ? n : 3);
        at += n > 0 ? n : 1;
    }
    from = bounded_start(&text, tail_start(text.buf, text.len, lines), KN_CONSOLE_MAX);
    kn_strbuf_add(out, text.buf + from, text.len - from);
}
