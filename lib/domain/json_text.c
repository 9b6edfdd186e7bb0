/* SPDX-License-Identifier: Apache-2.0 */
/* Trees into text. It reads trees that our parser or our code made; what is written is well formed whatever their strings hold (strbuf.h). */
#include "lib/domain/json_text.h"

#include <stdbool.h>
#include <stdint.h>

static int json_text_append(const char *data, size_t len, void *out)
{
    kn_strbuf_add(out, data, len);
    return 0;
}

static void json_text_object(struct kn_strbuf *out, json_t *object)
{
    const char *key;
    json_t *value;
    bool is_next = false;

    kn_strbuf_addch(out, '{');
    json_object_foreach (object, key, value) {
        if (is_next) {
            kn_strbuf_addch(out, ',');
        }
        is_next = true;
        kn_strbuf_addjson(out, key);
        kn_strbuf_addch(out, ':');
        kn_json_print(out, value);
    }
    kn_strbuf_addch(out, '}');
}

static void json_text_array(struct kn_strbuf *out, const json_t *array)
{
    kn_strbuf_addch(out, '[');
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (i > 0) {
            kn_strbuf_addch(out, ',');
        }
        kn_json_print(out, json_array_get(array, i));
    }
    kn_strbuf_addch(out, ']');
}

void kn_json_print(struct kn_strbuf *out, const json_t *value)
{
    if (value == NULL) {
        kn_strbuf_addstr(out, "null");
        return;
    }
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        json_text_object(out, (json_t *)(uintptr_t)value); /* it only looks; the prototype cannot say so */
        break;
    case JSON_ARRAY:
        json_text_array(out, value);
        break;
    case JSON_STRING:
        kn_strbuf_addjson(out, json_string_value(value));
        break;
    case JSON_INTEGER:
        kn_strbuf_addint(out, json_integer_value(value));
        break;
    case JSON_REAL:
        json_dump_callback(value, json_text_append, out, JSON_COMPACT | JSON_ENCODE_ANY);
        break;
    case JSON_TRUE:
        kn_strbuf_addstr(out, "true");
        break;
    case JSON_FALSE:
        kn_strbuf_addstr(out, "false");
        break;
    case JSON_NULL:
        kn_strbuf_addstr(out, "null");
        break;
    }
}

char *kn_json_text(const json_t *value)
{
    struct kn_strbuf out = KN_STRBUF_INIT;

    if (value == NULL) {
        return NULL;
    }
    kn_json_print(&out, value);
    return kn_strbuf_detach(&out);
}
