/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk of a body along its tables, and the words of a refusal. The rules of single texts live in schema_text.c; what a value
 * means, and whether what it names exists, is its handler's business.
 */
#include "lib/domain/schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"
#include "lib/base/uuid.h"

#define SHOWN_MAX 200 /* bytes of a value that a refusal repeats */

static const char *const TRUE_WORDS[] = { "True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes" };
static const char *const FALSE_WORDS[] = { "False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no" };

static const char *const SHAPE_NAMES[] = {
    [KN_IS_STRING] = "string", [KN_IS_INTEGER] = "integer", [KN_IS_NUMBER] = "number", [KN_IS_BOOLEAN] = "boolean",
    [KN_IS_OBJECT] = "object", [KN_IS_LIST] = "array",      [KN_IS_MAP] = "object",    [KN_IS_NULL] = "null",
    [KN_IS_ANY] = "any",
};
_Static_assert(sizeof(SHAPE_NAMES) / sizeof(SHAPE_NAMES[0]) == KN_IS_ANY + 1, "a shape without a name");

struct walk {
    int microversion;
    bool is_secret; /* no value is repeated */
    struct kn_error *err;
};

static int check_value(const struct walk *w, const struct kn_schema *row, const json_t *value, const char *at);

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
static void add_value(struct kn_strbuf *out, const json_t *value, bool quoted)
{
    AUTO_FREE char *text = NULL;

    if (json_is_string(value)) {
        kn_strbuf_addstr(out, quoted ? "'" : "");
        add_cut(out, json_string_value(value));
        kn_strbuf_addstr(out, quoted ? "'" : "");
        return;
    }
    text = json_dumps(value, JSON_ENCODE_ANY);
    add_cut(out, text != NULL ? text : "");
}

static int refuse(const struct walk *w, const char *at, const json_t *value, const char *what)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf shown = KN_STRBUF_INIT;

    if (w->is_secret) {
        return kn_fail(w->err, KN_BAD_REQUEST, "Invalid input for field/attribute %s.", at != NULL ? at : "body");
    }
    if (at == NULL) {
        return kn_fail(w->err, KN_BAD_REQUEST, "%s", what);
    }
    add_value(&shown, value, false);
    return kn_fail(w->err, KN_BAD_REQUEST, "Invalid input for field/attribute %s. Value: %s. %s", at, shown.buf, what);
}

/* "<value> <words>" */
static int refuse_value(const struct walk *w, const char *at, const json_t *value, const char *words)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf what = KN_STRBUF_INIT;

    add_value(&what, value, true);
    kn_strbuf_addch(&what, ' ');
    kn_strbuf_addstr(&what, words);
    return refuse(w, at, value, what.buf);
}

static int refuse_shape(const struct walk *w, const struct kn_schema *row, const json_t *value, const char *at)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf words = KN_STRBUF_INIT;

    kn_strbuf_addf(&words, "is not of type '%s'", SHAPE_NAMES[row->shape]);
    return refuse_value(w, at, value, words.buf);
}

/* --- values --- */

static bool is_word(const char *const *words, size_t count, const char *text)
{
    for (size_t i = 0; i < count && words[i] != NULL; i++) {
        if (strcmp(words[i], text) == 0) {
            return true;
        }
    }
    return false;
}

static bool shape_takes(const struct kn_schema *row, const json_t *value)
{
    bool exact = (row->flags & KN_EXACT) != 0;

    switch (row->shape) {
    case KN_IS_STRING:
        return json_is_string(value);
    case KN_IS_INTEGER:
        return json_is_integer(value) || (json_is_string(value) && !exact);
    case KN_IS_NUMBER:
        return json_is_number(value) || json_is_string(value);
    case KN_IS_BOOLEAN:
        return json_is_boolean(value) || (json_is_string(value) && !exact);
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

static int check_count(const struct walk *w, const struct kn_schema *row, const json_t *value, size_t count, const char *at)
{
    if (kn_limit_short(row->limit, (int64_t)count)) {
        return refuse_value(w, at, value, "is too short");
    }
    if (kn_limit_long(row->limit, (int64_t)count)) {
        return refuse_value(w, at, value, "is too long");
    }
    return 0;
}

static int check_words(const struct walk *w, const struct kn_schema *row, const json_t *value, const char *at)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf words = KN_STRBUF_INIT;

    if (is_word(row->words, SIZE_MAX, json_string_value(value))) {
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
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf words = KN_STRBUF_INIT;
    int64_t number = 0;

    if (!integer_of(value, &number)) {
        return refuse_value(w, at, value, "does not match '^[0-9]*$'");
    }
    if (kn_limit_short(row->limit, number)) {
        kn_strbuf_addf(&words, "is less than the minimum of %lld", (long long)kn_limit_rows[row->limit].min);
        return refuse_value(w, at, value, words.buf);
    }
    if (kn_limit_long(row->limit, number)) {
        kn_strbuf_addf(&words, "is greater than the maximum of %lld", (long long)kn_limit_rows[row->limit].max);
        return refuse_value(w, at, value, words.buf);
    }
    return 0;
}

static int check_number(const struct walk *w, const json_t *value, const char *at)
{
    const char *text = json_string_value(value);
    double number = json_number_value(value);
    char *end = NULL;

    if (text != NULL) {
        if (text[0] == '\0' || text[strspn(text, "0123456789.")] != '\0') {
            return refuse_value(w, at, value, "does not match '^[0-9]+(\\.[0-9]+)?$'");
        }
        number = strtod(text, &end);
        if (*end != '\0') {
            return refuse_value(w, at, value, "does not match '^[0-9]+(\\.[0-9]+)?$'");
        }
    }
    if (!(number > 0)) {
        return refuse_value(w, at, value, "is less than or equal to the minimum of 0");
    }
    return 0;
}

static int check_boolean(const struct walk *w, const json_t *value, const char *at)
{
    const char *text = json_string_value(value);

    if (text == NULL || is_word(TRUE_WORDS, KN_COUNT(TRUE_WORDS), text) ||
        is_word(FALSE_WORDS, KN_COUNT(FALSE_WORDS), text)) {
        return 0;
    }
    return refuse_value(w, at, value, "is not one of [True, 'True', '1', 'on', 'yes', False, 'False', '0', 'off', 'no']");
}

/* --- containers --- */

static bool in_range(const struct walk *w, const struct kn_schema *row)
{
    return (row->since == 0 || w->microversion >= row->since) && (row->until == 0 || w->microversion <= row->until);
}

/* The row for this name and value: one that takes its type, else the first of that name; NULL if nothing is known by that name. */
static const struct kn_schema *row_for(const struct walk *w, const struct kn_schema *fields, const char *name,
                                       const json_t *value)
{
    const struct kn_schema *first = NULL;

    for (const struct kn_schema *row = fields; row->name != NULL; row++) {
        if (strcmp(row->name, name) != 0 || !in_range(w, row)) {
            continue;
        }
        if (shape_takes(row, value)) {
            return row;
        }
        first = first != NULL ? first : row;
    }
    return first;
}

static int check_fields(const struct walk *w, const struct kn_schema *fields, const json_t *object, bool open, const char *at)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf what = KN_STRBUF_INIT;
    json_t *body = json_incref((json_t *)(uintptr_t)object); /* jansson iterates over non-const objects only */
    const char *name = NULL;
    json_t *value = NULL;
    int result = 0;

    for (const struct kn_schema *row = fields; row->name != NULL && result == 0; row++) {
        if ((row->flags & KN_REQUIRED) && in_range(w, row) && json_object_get(body, row->name) == NULL) {
            kn_strbuf_addf(&what, "'%s' is a required property", row->name);
            result = refuse(w, at, body, what.buf);
        }
    }
    json_object_foreach(body, name, value) {
        const struct kn_schema *row = result == 0 ? row_for(w, fields, name, value) : NULL;

        if (result < 0) {
            break;
        }
        if (row == NULL && open) {
            continue;
        }
        if (row == NULL) {
            kn_strbuf_addstr(&what, "Additional properties are not allowed ('");
            add_cut(&what, name);
            kn_strbuf_addstr(&what, "' was unexpected)");
            result = refuse(w, at, body, what.buf);
            break;
        }
        result = check_value(w, row, value, row->name);
    }
    json_decref(body);
    return result;
}

/* The row of a list's items or a map's values that takes this one's type; the first if none does. */
static const struct kn_schema *row_of_item(const struct walk *w, const struct kn_schema *rows, const json_t *value)
{
    for (const struct kn_schema *row = rows; row->name != NULL; row++) {
        if (in_range(w, row) && (shape_takes(row, value) || (json_is_null(value) && (row->flags & KN_NULLABLE)))) {
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

static int check_list(const struct walk *w, const struct kn_schema *row, const json_t *value, const char *at)
{
    char index[24];

    if (check_count(w, row, value, json_array_size(value), at) < 0) {
        return -1;
    }
    for (size_t i = 0; row->inner != NULL && i < json_array_size(value); i++) {
        const json_t *item = json_array_get(value, i);

        snprintf(index, sizeof(index), "%zu", i);
        if (check_value(w, row_of_item(w, row->inner, item), item, index) < 0) {
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
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf what = KN_STRBUF_INIT;
    json_t *map = (json_t *)(uintptr_t)value; /* only read */
    const char *name = NULL;
    json_t *item = NULL;

    if (check_count(w, row, value, json_object_size(value), at) < 0) {
        return -1;
    }
    json_object_foreach(map, name, item) {
        if (row->rule != NULL && !row->rule->holds(name)) {
            kn_strbuf_addstr(&what, "Additional properties are not allowed ('");
            add_cut(&what, name);
            kn_strbuf_addstr(&what, "' was unexpected)");
            return refuse(w, at, value, what.buf);
        }
        if (check_value(w, row_of_item(w, row->inner, item), item, name) < 0) {
            return -1;
        }
    }
    return 0;
}

static int check_value(const struct walk *w, const struct kn_schema *row, const json_t *value, const char *at)
{
    if (json_is_null(value) && (row->flags & KN_NULLABLE)) {
        return 0;
    }
    if (!shape_takes(row, value)) {
        return refuse_shape(w, row, value, at);
    }
    switch (row->shape) {
    case KN_IS_STRING:
        return check_string(w, row, value, at);
    case KN_IS_INTEGER:
        return check_integer(w, row, value, at);
    case KN_IS_NUMBER:
        return check_number(w, value, at);
    case KN_IS_BOOLEAN:
        return check_boolean(w, value, at);
    case KN_IS_OBJECT:
        return row->inner != NULL ? check_fields(w, row->inner, value, (row->flags & KN_OPEN) != 0, at) : 0;
    case KN_IS_LIST:
        return check_list(w, row, value, at);
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
    return check_fields(w, fields, body, false, NULL);
}

int kn_schema_check(const struct kn_schema *fields, const json_t *body, int microversion, struct kn_error *err)
{
    const struct walk w = { microversion, false, err };

    return check_body(&w, fields, body);
}

int kn_schema_check_secret(const struct kn_schema *fields, const json_t *body, struct kn_error *err)
{
    const struct walk w = { 0, true, err };

    return check_body(&w, fields, body);
}

int64_t kn_schema_int(const json_t *object, const char *key, int64_t dflt)
{
    int64_t number = 0;

    return integer_of(json_object_get(object, key), &number) ? number : dflt;
}

bool kn_schema_bool(const json_t *object, const char *key, bool dflt)
{
    const json_t *value = json_object_get(object, key);

    if (json_is_string(value)) {
        return is_word(TRUE_WORDS, KN_COUNT(TRUE_WORDS), json_string_value(value));
    }
    return json_is_boolean(value) ? json_is_true(value) : dflt;
}
