/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns how a struct kn_error is written and what each code means to the outside. Messages stay one line whatever their
 * values hold, and of whole characters wherever a value is cut, because they travel in log lines, headers and the bus. It must never log or decide what to do about an error.
 */
#include "lib/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/strbuf.h"

static const struct {
    int status;
    const char *name;
    const char *fault;
    const char *title;
    bool retriable;
} CODES[] = {
#define X(code, status, fault, title, retry) [code] = { status, #code, fault, title, retry },
    KN_CODES(X)
#undef X
};
_Static_assert(KN_COUNT(CODES) == KN_CODE_COUNT, "one row a code");

/* Control characters would let a value forge a second line. */
static void keep_one_line(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f) {
            *text = ' ';
        }
    }
}

/* A precision ("%.100s") and the room cut bytes, and half a character is no text: what is left of one goes. */
static void keep_whole_characters(char *text)
{
    char *to = text;

    for (const char *at = text; *at != '\0';) {
        const size_t size = (unsigned char)*at < 0x80 ? 1 : kn_utf8_len((const unsigned char *)at);

        memmove(to, at, size);
        to += size;
        at += size > 0 ? size : 1;
    }
    *to = '\0';
}

/* Through a buffer of its own, because the arguments may point into the text that is replaced. */
static __attribute__((format(printf, 3, 0))) void format_line(char *dst, size_t size, const char *fmt, va_list args)
{
    char text[sizeof(((struct kn_error *)0)->message)];
    vsnprintf(text, sizeof(text), fmt, args);
    keep_one_line(text);
    keep_whole_characters(text);
    kn_copy(dst, size, text);
}

int kn_fail(struct kn_error *err, enum kn_code code, const char *fmt, ...)
{
    if (err == NULL) {
        return -1;
    }
    va_list args;
    va_start(args, fmt);
    format_line(err->message, sizeof(err->message), fmt, args);
    va_end(args);
    err->code = code;
    err->hint[0] = '\0';
    err->name[0] = '\0';
    err->is_private = false;
    return -1;
}

int kn_fail_context(struct kn_error *err, const char *fmt, ...)
{
    if (err == NULL) {
        return -1;
    }
    char old[sizeof(err->message)];
    kn_copy(old, sizeof(old), err->message);
    size_t cause = strlen(old);
    va_list args;
    va_start(args, fmt);
    format_line(err->message, sizeof(err->message), fmt, args);
    va_end(args);
    /* The cause is worth more than its context: a long context is what gets cut. */
    size_t room = sizeof(err->message) - cause;
    size_t context = strlen(err->message);
    if (context + 2 >= room) {
        context = room > 3 ? room - 3 : 0;
        while (context > 0 && ((unsigned char)err->message[context] & 0xC0) == 0x80) {
            context--; /* what is cut off begins within a character */
        }
    }
    if (context > 0) {
        memcpy(err->message + context, ": ", 2);
        context += 2;
    }
    memcpy(err->message + context, old, cause + 1);
    return -1;
}

int kn_fail_hint(struct kn_error *err, const char *fmt, ...)
{
    if (err == NULL) {
        return -1;
    }
    va_list args;
    va_start(args, fmt);
    format_line(err->hint, sizeof(err->hint), fmt, args);
    va_end(args);
    return -1;
}

int kn_fail_private(struct kn_error *err)
{
    if (err != NULL) {
        err->is_private = true;
    }
    return -1;
}

int kn_fail_name(struct kn_error *err, const char *name)
{
    if (err != NULL) {
        kn_copy(err->name, sizeof(err->name), name);
    }
    return -1;
}

void kn_error_clear(struct kn_error *err)
{
    err->code = KN_OK;
    err->message[0] = '\0';
    err->hint[0] = '\0';
    err->name[0] = '\0';
    err->is_private = false;
}

int kn_code_status(enum kn_code code)
{
    return CODES[code].status;
}

const char *kn_code_fault(enum kn_code code)
{
    return CODES[code].fault;
}

const char *kn_code_title(enum kn_code code)
{
    return CODES[code].title;
}

const char *kn_code_name(enum kn_code code)
{
    return CODES[code].name;
}

bool kn_code_retriable(enum kn_code code)
{
    return CODES[code].retriable;
}

enum kn_code kn_code_from_name(const char *name)
{
    for (size_t i = 0; name != NULL && i < KN_COUNT(CODES); i++) {
        if (strcmp(CODES[i].name, name) == 0) {
            return (enum kn_code)i;
        }
    }
    return KN_INTERNAL;
}
