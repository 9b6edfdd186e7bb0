/* SPDX-License-Identifier: Apache-2.0 */
/* Writes JSON members into a string buffer; escaping is strbuf's, balance is the caller's. */
#include "lib/base/jsonw.h"

#include <stddef.h>
#include <string.h>

/* Everything that begins a member or an item passes here. */
static void jsonw_begin(struct kn_strbuf *sb, const char *key)
{
    const char last = sb->len > 0 ? sb->buf[sb->len - 1] : '{';

    const bool is_next = last != '{' && last != '[' && last != ':';
    const size_t len = key != NULL ? strlen(key) : 0;

    kn_strbuf_grow(sb, len + sizeof(",\"\":")); /* once for all of it: lists write a hundred thousand */
    char *at = sb->buf + sb->len;
    if (is_next) {
        *at++ = ',';
    }
    if (key != NULL) {
        *at++ = '"';
        memcpy(at, key, len);
        memcpy(at + len, "\":", 2);
        at += len + 2;
    }
    *at = '\0';
    sb->len = (size_t)(at - sb->buf);
}

void kn_jsonw_object(struct kn_strbuf *sb, const char *key)
{
    jsonw_begin(sb, key);
    kn_strbuf_addch(sb, '{');
}

void kn_jsonw_end_object(struct kn_strbuf *sb)
{
    kn_strbuf_addch(sb, '}');
}

void kn_jsonw_array(struct kn_strbuf *sb, const char *key)
{
    jsonw_begin(sb, key);
    kn_strbuf_addch(sb, '[');
}

void kn_jsonw_end_array(struct kn_strbuf *sb)
{
    kn_strbuf_addch(sb, ']');
}

void kn_jsonw_str(struct kn_strbuf *sb, const char *key, const char *value)
{
    jsonw_begin(sb, key);
    kn_strbuf_addjson(sb, value);
}

void kn_jsonw_int(struct kn_strbuf *sb, const char *key, int64_t value)
{
    jsonw_begin(sb, key);
    kn_strbuf_addint(sb, value);
}

void kn_jsonw_bool(struct kn_strbuf *sb, const char *key, bool value)
{
    jsonw_begin(sb, key);
    kn_strbuf_addstr(sb, value ? "true" : "false");
}

void kn_jsonw_null(struct kn_strbuf *sb, const char *key)
{
    jsonw_begin(sb, key);
    kn_strbuf_add(sb, "null", 4);
}

void kn_jsonw_raw(struct kn_strbuf *sb, const char *key, const char *json)
{
    jsonw_begin(sb, key);
    kn_strbuf_addstr(sb, json != NULL ? json : "null");
}

void kn_jsonw_value(struct kn_strbuf *sb, const char *key, struct kn_jsonr value)
{
    if (value.len == 0) {
        kn_jsonw_null(sb, key);
        return;
    }
    jsonw_begin(sb, key);
    kn_strbuf_add(sb, value.text, value.len);
}
