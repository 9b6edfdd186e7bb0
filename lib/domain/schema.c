/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk of a body along its tables, and the words of a refusal. The rules of single texts live in schema_text.c; what a value
 * means, and whether what it names exists, is its handler's business.
 */
#include "lib/domain/schema.h"

#include <errno.h>
#include <float.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"
#include "lib/base/uuid.h"

#define SHOWN_MAX 200 /* bytes of a value that a refusal repeats */

/* What jsonschema says, which Nova, Cinder and Keystone hand on. */
#define JSON_SCHEMA \
    .missing = "'%1' is a required property", \
    .unknown = "Additional properties are not allowed ('%1' was unexpected)", \
    .shapes = { [KN_IS_STRING] = "is not of type 'string'", [KN_IS_INTEGER] = "is not of type 'integer'", \
                [KN_IS_NUMBER] = "is not of type 'number'", [KN_IS_BOOLEAN] = "is not of type 'boolean'", \
                [KN_IS_OBJECT] = "is not of type 'object'", [KN_IS_LIST] = "is not of type 'array'", \
                [KN_IS_MAP] = "is not of type 'object'",    [KN_IS_NULL] = "is not of type 'null'", \
                [KN_IS_ANY] = "is not of any type" }, \
    .too_short = "is too short", .too_long = "is too long", .too_small = "is less than the minimum of %1", \
    .too_large = "is greater than the maximum of %1", .no_number = "does not match '^[0-9]+(\\.[0-9]+)?$'"

const struct kn_schema_words KN_SCHEMA_NOVA = {
    .refusal = "Invalid input for field/attribute %1. Value: %2. %3",
    JSON_SCHEMA,
    .no_integer = "does not match '^[0-9]*$'",
    .no_boolean = "is not one of [True, 'True', '1', 'on', 'yes', False, 'False', '0', 'off', 'no']",
};
const struct kn_schema_words KN_SCHEMA_KEYSTONE = {
    .refusal = "Invalid input for field '%1': %3",
    JSON_SCHEMA,
    .no_integer = "is not of type 'integer'",
    .no_boolean = "is not of type 'boolean'",
};

static const char *const TRUE_WORDS[] = { "True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes" };
static const char *const FALSE_WORDS[] = { "False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no" };

struct walk {
    const struct kn_schema_words *words;
    int microversion;
    bool is_secret; /* no value is repeated */
    struct kn_error *err;
};

static int schema_check_value(const struct walk *w, const struct kn_schema *row, const json_t *value, const char *at);

/* --- words --- */

/* Cuts at a character's border. */
static void add_cut(struct kn_strbuf *out, const char *text)
{
    size_t len = strlen(text);

    if (len > SHOWN_MAX) {
        len = SHOWN_MAX;
        while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80) {
            len--;
        }
        kn_strbuf_add(out, text, len);
        kn_strbuf_addstr(out, "…");
        return;
    }
    kn_strbuf_add(out, text, len);
}

/* A value as it is, strings bare or in single quotes. */
static void schema_add_value(struct kn_strbuf *out, const json_t *value, bool quoted)
{
    AUTO_FREE char *text = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY);

    kn_strbuf_addstr(out, quoted ? "'" : "");
    add_cut(out, json_is_string(value) ? json_string_value(value) : text != NULL ? text : "");
    kn_strbuf_addstr(out, quoted ? "'" : "");
}

/* The words, each "%1" of them the first text, and so on. */
static void schema_add_words(struct kn_strbuf *out, const char *words, const char *const texts[3])
{
    for (const char *at = words; *at != '\0'; at++) {
        if (at[0] == '%' && at[1] >= '1' && at[1] <= '3') {
            kn_strbuf_addstr(out, texts[at[1] - '1']);
            at++;
        } else {
            kn_strbuf_addch(out, *at);
        }
    }
}

static int schema_refuse(const struct walk *w, const char *at, const json_t *value, const char *what)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf shown = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf said = KN_STRBUF_INIT;

    if (w->is_secret) {
        return kn_fail(w->err, KN_BAD_REQUEST, "Invalid input for field/attribute %s.", at != NULL ? at : "body");
    }
    if (at == NULL) {
        return kn_fail(w->err, KN_BAD_REQUEST, "%s", what);
    }
    schema_add_value(&shown, value, false);
    schema_add_words(&said, w->words->refusal, (const char *const[]){ at, shown.buf, what });
    return kn_fail(w->err, KN_BAD_REQUEST, "%s", said.buf);
}

/* A name that is missing, or not known. */
static int refuse_name(const struct walk *w, const char *at, const json_t *value, const char *words, const char *name)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf what = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf shown = KN_STRBUF_INIT;

    add_cut(&shown, name);
    schema_add_words(&what, words, (const char *const[]){ shown.buf, "", "" });
    return schema_refuse(w, at, value, what.buf);
}

/* "<value> <words>" */
static int refuse_value(const struct walk *w, const char *at, const json_t *value, const char *words)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf what = KN_STRBUF_INIT;

    schema_add_value(&what, value, json_is_string(value) || w->words->quotes_all);
    kn_strbuf_addch(&what, ' ');
    kn_strbuf_addstr(&what, words);
    return schema_refuse(w, at, value, what.buf);
}

static int refuse_shape(const struct walk *w, const struct kn_schema *row, const json_t *value, const char *at)
{
    return refuse_value(w, at, value, w->words->shapes[row->shape]);
}

static int refuse_bound(const struct walk *w, const json_t *value, const char *at, const char *words, int64_t bound)
{
    AUTO_FREE char *number = kn_asprintf("%lld", (long long)bound);
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf what = KN_STRBUF_INIT;

    schema_add_words(&what, words, (const char *const[]){ number, "", "" });
    return refuse_value(w, at, value, what.buf);
}

/* --- values --- */

static bool schema_is_word(const char *const *words, size_t count, const char *text)
{
    for (size_t i = 0; i < count && words[i] != NULL; i++) {
        if (strcmp(words[i], text) == 0) {
            return true;
        }
    }
    return false;
}

/* 0, 1, or -1: none at all. */
static int loose_boolean(const json_t *value)
{
    static const char *const WORDS[][2] = { { "false", "true" }, { "0", "1" }, { "no", "yes" },
                                            { "off", "on" },     { "f", "t" }, { "n", "y" } };

    if (!json_is_string(value)) {
        return json_is_integer(value) && (json_integer_value(value) | 1) == 1 ? (int)json_integer_value(value) : -1;
    }
    for (size_t i = 0; i < KN_COUNT(WORDS); i++) {
        for (int side = 0; side < 2; side++) {
            if (strcasecmp(WORDS[i][side], json_string_value(value)) == 0) {
                return side;
            }
        }
    }
    return -1;
}

static bool shape_takes(const struct walk *w, const struct kn_schema *row, const json_t *value)
{
    bool exact = (row->flags & KN_EXACT) != 0;

    switch (row->shape) {
    case KN_IS_STRING:
        return json_is_string(value);
    case KN_IS_INTEGER:
        return json_is_integer(value) || (json_is_string(value) && !exact);
    case KN_IS_NUMBER:
        return json_is_number(value) || (json_is_string(value) && !exact);
    case KN_IS_BOOLEAN:
        return json_is_boolean(value) ||
               ((json_is_string(value) || (w->words->is_loose && json_is_integer(value))) && !exact);
    case KN_IS_OBJECT:
    case KN_IS_MAP:
        return json_is_object(value);
    case KN_IS_LIST:
        return json_is_array(value);
    case KN_IS_NULL:
        return json_is_null(value);
    case KN_IS_ANY:
        return true;
    }
    return false;
}

static int check_count(const struct walk *w, const struct kn_schema *row, const json_t *value, size_t count,
                       const char *at)
{
    if (kn_limit_short(row->limit, (int64_t)count)) {
        return refuse_value(w, at, value, w->words->too_short);
    }
    if (kn_limit_long(row->limit, (int64_t)count)) {
        return refuse_value(w, at, value, w->words->too_long);
    }
    return 0;
}

static int check_words(const struct walk *w, const struct kn_schema *row, const json_t *value, const char *at)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf words = KN_STRBUF_INIT;

    if (schema_is_word(row->words, SIZE_MAX, json_string_value(value))) {
        return 0;
    }
    kn_strbuf_addstr(&words, "is not one of [");
    for (size_t i = 0; row->words[i] != NULL; i++) {
        kn_strbuf_addf(&words, "%s'%s'", i > 0 ? ", " : "", row->words[i]);
    }
    kn_strbuf_addch(&words, ']');
    return refuse_value(w, at, value, words.buf);
}

/* What is compared as text further on is written in one way. */
static void settle_id(const json_t *value)
{
    AUTO_FREE char *text = kn_strdup(json_string_value(value));

    kn_uuid_lower(text);
    json_string_set((json_t *)(uintptr_t)value, text);
}

static int check_string(const struct walk *w, const struct kn_schema *row, const json_t *value, const char *at)
{
    const char *text = json_string_value(value);

    const bool is_bytes = kn_limit_rows[row->limit].unit == KN_UNIT_BYTES;

    if (check_count(w, row, value, is_bytes ? strlen(text) : kn_utf8_count(text), at) < 0) {
        return -1;
    }
    if (row->rule != NULL && !row->rule->holds(text)) {
        return refuse_value(w, at, value, row->rule->words);
    }
    if (row->rule != NULL && row->rule->is_id) {
        settle_id(value);
    }
    return row->words != NULL ? check_words(w, row, value, at) : 0;
}

/* Digits, an optional sign before them; false when it is anything else or does not fit. */
static bool integer_of(const json_t *value, int64_t *ret)
{
    const char *text = json_string_value(value);
    char *end = NULL;

    if (json_is_integer(value)) {
        *ret = json_integer_value(value);
        return true;
    }
    if (text == NULL || text[strspn(text, "-0123456789")] != '\0' || text[0] == '\0') {
        return false;
    }
    errno = 0;
    *ret = strtoll(text, &end, 10);
    return errno == 0 && *end == '\0';
}

static int check_integer(const struct walk *w, const struct kn_schema *row, const json_t *value, const char *at)
{
    int64_t number = 0;

    if (!integer_of(value, &number)) {
        return refuse_value(w, at, value, w->words->no_integer);
    }
    if (kn_limit_short(row->limit, number)) {
        return refuse_bound(w, value, at, w->words->too_small, kn_limit_rows[row->limit].min);
    }
    return kn_limit_long(row->limit, number)
               ? refuse_bound(w, value, at, w->words->too_large, kn_limit_rows[row->limit].max)
               : 0;
}

static int check_number(const struct walk *w, const struct kn_schema *row, const json_t *value, const char *at)
{
    const char *text = json_string_value(value);
    double number = json_number_value(value);
    char *end = NULL;

    if ((row->flags & KN_EXACT) != 0) {
        return 0;
    }
    if (text != NULL) {
        if (text[0] == '\0' || text[strspn(text, "0123456789.")] != '\0') {
            return refuse_value(w, at, value, w->words->no_number);
        }
        number = strtod(text, &end);
        if (*end != '\0') {
            return refuse_value(w, at, value, w->words->no_number);
        }
    }
    if (number > (double)FLT_MAX) {
        return refuse_value(w, at, value, "is greater than the maximum of 3.40282e+38");
    }
    if (number < (double)FLT_MIN) { /* a float tells what is smaller from 0 badly, or not at all */
        return refuse_value(w, at, value, "is less than or equal to the minimum of 0");
    }
    return 0;
}

static int check_boolean(const struct walk *w, const json_t *value, const char *at)
{
    const char *text = json_string_value(value);
    const bool known = w->words->is_loose ? json_is_boolean(value) || loose_boolean(value) >= 0
                                          : text == NULL || schema_is_word(TRUE_WORDS, KN_COUNT(TRUE_WORDS), text) ||
                                                schema_is_word(FALSE_WORDS, KN_COUNT(FALSE_WORDS), text);

    return known ? 0 : refuse_value(w, at, value, w->words->no_boolean);
}

/* --- containers --- */

static bool schema_in_range(const struct walk *w, const struct kn_schema *row)
{
    return (row->since == 0 || w->microversion >= row->since) && (row->until == 0 || w->microversion <= row->until);
}

/* The row for this name and value: one that takes its type, else the first of that name; NULL if nothing is known by that name. */
static const struct kn_schema *row_for(const struct walk *w, const struct kn_schema *fields, const char *name,
                                       const json_t *value)
{
    const struct kn_schema *first = NULL;

    for (const struct kn_schema *row = fields; row->name != NULL; row++) {
        if (strcmp(row->name, name) != 0 || !schema_in_range(w, row)) {
            continue;
        }
        if (shape_takes(w, row, value)) {
            return row;
        }
        first = first != NULL ? first : row;
    }
    return first;
}

/* Whom a refusal names. */
static const char *inside(const struct walk *w, const char *at, const char *name)
{
    return w->words->blames_outer && at != NULL ? at : name;
}

static int schema_check_fields(const struct walk *w, const struct kn_schema *fields, const json_t *object, bool open,
                               const char *at)
{
    json_t *body = json_incref((json_t *)(uintptr_t)object); /* jansson iterates over non-const objects only */
    const char *name = NULL;
    json_t *value = NULL;
    int result = 0;

    for (const struct kn_schema *row = fields; row->name != NULL && result == 0; row++) {
        if ((row->flags & KN_REQUIRED) && schema_in_range(w, row) && json_object_get(body, row->name) == NULL) {
            result = refuse_name(w, at, body, w->words->missing, row->name);
        }
    }
    json_object_foreach (body, name, value) {
        const struct kn_schema *row = result == 0 ? row_for(w, fields, name, value) : NULL;

        if (result < 0) {
            break;
        }
        if (row == NULL && open) {
            continue;
        }
        if (row == NULL) {
            result = refuse_name(w, at, body, w->words->unknown, name);
            break;
        }
        result = schema_check_value(w, row, value, inside(w, at, row->name));
    }
    json_decref(body);
    return result;
}

/* The row of a list's items or a map's values that takes this one's type; the first if none does. */
static const struct kn_schema *row_of_item(const struct walk *w, const struct kn_schema *rows, const json_t *value)
{
    for (const struct kn_schema *row = rows; row->name != NULL; row++) {
        if (schema_in_range(w, row) &&
            (shape_takes(w, row, value) || (json_is_null(value) && (row->flags & KN_NULLABLE)))) {
            return row;
        }
    }
    return rows;
}

static bool is_twice(const json_t *list, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (json_equal(json_array_get(list, k), json_array_get(list, i))) {
            return true;
        }
    }
    return false;
}

static int schema_check_list(const struct walk *w, const struct kn_schema *row, const json_t *value, const char *at)
{
    char index[24];

    if (check_count(w, row, value, json_array_size(value), at) < 0) {
        return -1;
    }
    for (size_t i = 0; row->inner != NULL && i < json_array_size(value); i++) {
        const json_t *item = json_array_get(value, i);

        snprintf(index, sizeof(index), "%zu", i);
        if (schema_check_value(w, row_of_item(w, row->inner, item), item, inside(w, at, index)) < 0) {
            return -1;
        }
        if ((row->flags & KN_UNIQUE) != 0 && is_twice(value, i)) {
            return refuse_value(w, at, value, "has non-unique elements");
        }
    }
    return 0;
}

static int check_map(const struct walk *w, const struct kn_schema *row, const json_t *value, const char *at)
{
    json_t *map = (json_t *)(uintptr_t)value; /* only read */
    const char *name = NULL;
    json_t *item = NULL;

    if (check_count(w, row, value, json_object_size(value), at) < 0) {
        return -1;
    }
    json_object_foreach (map, name, item) {
        if (row->rule != NULL && !row->rule->holds(name)) {
            return refuse_name(w, at, value, w->words->unknown, name);
        }
        if (schema_check_value(w, row_of_item(w, row->inner, item), item, inside(w, at, name)) < 0) {
            return -1;
        }
    }
    return 0;
}

static int schema_check_value(const struct walk *w, const struct kn_schema *row, const json_t *value, const char *at)
{
    if (json_is_null(value) && (row->flags & KN_NULLABLE)) {
        return 0;
    }
    if (!shape_takes(w, row, value)) {
        return refuse_shape(w, row, value, at);
    }
    switch (row->shape) {
    case KN_IS_STRING:
        return check_string(w, row, value, at);
    case KN_IS_INTEGER:
        return check_integer(w, row, value, at);
    case KN_IS_NUMBER:
        return check_number(w, row, value, at);
    case KN_IS_BOOLEAN:
        return check_boolean(w, value, at);
    case KN_IS_OBJECT:
        return row->inner != NULL ? schema_check_fields(w, row->inner, value, (row->flags & KN_OPEN) != 0, at) : 0;
    case KN_IS_LIST:
        return schema_check_list(w, row, value, at);
    case KN_IS_MAP:
        return check_map(w, row, value, at);
    case KN_IS_NULL:
    case KN_IS_ANY:
        return 0;
    }
    return 0;
}

static int check_body(const struct walk *w, const struct kn_schema *fields, const json_t *body)
{
    if (!json_is_object(body)) {
        return kn_fail(w->err, KN_BAD_REQUEST, "The request's body must be a JSON object");
    }
    return schema_check_fields(w, fields, body, false, NULL);
}

int kn_schema_check_in(const struct kn_schema_words *words, const struct kn_schema *fields, const json_t *body,
                       int microversion, struct kn_error *err)
{
    const struct walk w = { words, microversion, false, err };

    return check_body(&w, fields, body);
}

int kn_schema_check(const struct kn_schema *fields, const json_t *body, int microversion, struct kn_error *err)
{
    return kn_schema_check_in(&KN_SCHEMA_NOVA, fields, body, microversion, err);
}

int kn_schema_check_secret(const struct kn_schema *fields, const json_t *body, struct kn_error *err)
{
    const struct walk w = { &KN_SCHEMA_NOVA, 0, true, err };

    return check_body(&w, fields, body);
}

const char *kn_schema_text(const json_t *object, const char *key, const char *dflt)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL ? text : dflt;
}

int64_t kn_schema_int(const json_t *object, const char *key, int64_t dflt)
{
    int64_t number = 0;

    return integer_of(json_object_get(object, key), &number) ? number : dflt;
}

bool kn_schema_bool(const json_t *object, const char *key, bool dflt)
{
    const json_t *value = json_object_get(object, key);

    if (json_is_string(value) || json_is_integer(value)) {
        return loose_boolean(value) == 1;
    }
    return json_is_boolean(value) ? json_is_true(value) : dflt;
}
