/* SPDX-License-Identifier: Apache-2.0 */
/* Finds where values begin and end. It never decodes anything, and never looks behind a value's end. */
#include "lib/base/jsonr.h"

#include <string.h>

struct kn_jsonr kn_jsonr_of(const char *text)
{
    return (struct kn_jsonr){ text, strlen(text) };
}

/* All that follow: where what begins at `at` is over, never behind `end`. */
static const char *skip_string(const char *at, const char *end)
{
    const char *quote = at, *before;

    do {
        quote = memchr(quote + 1, '"', (size_t)(end - quote - 1));
        if (quote == NULL) {
            return end;
        }
        before = quote;
        while (before[-1] == '\\') {
            before--;
        }
    } while ((quote - before) % 2 != 0); /* it is escaped */
    return quote + 1;
}

static const char *skip_gaps(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == ',' || *at == ':' || *at == '\n' || *at == '\t' || *at == '\r')) {
        at++;
    }
    return at;
}

static const char *skip_container(const char *at, const char *end)
{
    int depth = 0;

    while (at < end) {
        const char c = *at;

        if (c == '"') {
            at = skip_string(at, end);
            continue;
        }
        at++;
        if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            break;
        }
    }
    return at;
}

/* What follows a number, true, false or null. */
static bool ends_word(char c)
{
    return c == ',' || c == '}' || c == ']' || c == ' ' || c == ':' || c == '\n' || c == '\t' || c == '\r' || c == '\0';
}

static const char *skip_value(const char *at, const char *end)
{
    if (at < end && *at == '"') {
        return skip_string(at, end);
    }
    if (at < end && (*at == '{' || *at == '[')) {
        return skip_container(at, end);
    }
    while (at < end && !ends_word(*at)) {
        at++;
    }
    return at;
}

struct kn_jsonr kn_jsonr_inside(struct kn_jsonr container)
{
    const bool has_any = container.len > 2 && (container.text[0] == '[' || container.text[0] == '{');

    return has_any ? (struct kn_jsonr){ container.text + 1, container.len - 2 } : (struct kn_jsonr){ "", 0 };
}

bool kn_jsonr_next(struct kn_jsonr *rest, struct kn_jsonr *ret_value)
{
    const char *end = rest->text + rest->len;
    const char *at = skip_gaps(rest->text, end);
    const char *behind = skip_value(at, end);

    *ret_value = (struct kn_jsonr){ at, (size_t)(behind - at) };
    *rest = (struct kn_jsonr){ behind, (size_t)(end - behind) };
    return behind > at;
}

static bool is_named(struct kn_jsonr name, const char *key)
{
    const size_t len = strlen(key);

    return name.len == len + 2 && memcmp(name.text + 1, key, len) == 0;
}

void kn_jsonr_members(struct kn_jsonr object, const char *const *keys, size_t count, struct kn_jsonr *ret)
{
    struct kn_jsonr rest = kn_jsonr_inside(object), name, value;
    size_t missing = count;

    for (size_t i = 0; i < count; i++) {
        ret[i] = (struct kn_jsonr){ "", 0 };
    }
    while (missing > 0 && kn_jsonr_next(&rest, &name) && kn_jsonr_next(&rest, &value)) {
        for (size_t i = 0; i < count; i++) {
            if (ret[i].len == 0 && is_named(name, keys[i])) {
                ret[i] = value;
                missing--;
                break;
            }
        }
    }
}

bool kn_jsonr_equal(struct kn_jsonr a, struct kn_jsonr b)
{
    return a.len == b.len && memcmp(a.text, b.text, a.len) == 0;
}

int kn_jsonr_compare(struct kn_jsonr a, struct kn_jsonr b)
{
    const int order = memcmp(a.text, b.text, a.len < b.len ? a.len : b.len);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}
