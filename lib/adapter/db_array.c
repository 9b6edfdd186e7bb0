/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Array literals: how a list travels as one parameter. text holds "{a,b" without the closing brace while it grows; reading
 * closes it for the reader and opens it again for the writer.
 */
#include "lib/adapter/db.h"

#include <string.h>

void kn_array_release(struct kn_array *a)
{
    kn_strbuf_release(&a->text);
    a->count = 0;
    a->closed = false;
}

void kn_array_clear(struct kn_array *a)
{
    kn_strbuf_clear(&a->text);
    a->count = 0;
    a->closed = false;
}

static void next_element(struct kn_array *a)
{
    if (a->count == 0) {
        kn_strbuf_clear(&a->text);
    } else if (a->closed) {
        a->text.len--; /* the next character overwrites the brace */
    }
    a->closed = false;
    kn_strbuf_addch(&a->text, a->count++ == 0 ? '{' : ',');
}

void kn_array_add(struct kn_array *a, const char *value)
{
    next_element(a);
    if (value == NULL) {
        kn_strbuf_addstr(&a->text, "NULL");
        return;
    }
    kn_strbuf_grow(&a->text, 2 * strlen(value) + sizeof("\"\"")); /* once, were each of it escaped */
    char *at = a->text.buf + a->text.len;
    *at++ = '"';
    for (const char *p = value; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\') {
            *at++ = '\\';
        }
        *at++ = *p;
    }
    *at++ = '"';
    *at = '\0';
    a->text.len = (size_t)(at - a->text.buf);
}

void kn_array_addint(struct kn_array *a, int64_t value)
{
    next_element(a);
    kn_strbuf_addint(&a->text, value);
}

const char *kn_array_value(struct kn_array *a)
{
    if (!a->closed) {
        kn_strbuf_addstr(&a->text, a->count == 0 ? "{}" : "}");
        a->closed = true;
    }
    return a->text.buf;
}
