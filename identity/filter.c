/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the text of the lists' statements. It must never put a word of a user into it: those are parameters. */
#include "identity/filter.h"

#include <string.h>
#include <strings.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"

#define ARGS_MAX (KN_FILTER_MAX + 8)

struct text {
    struct kn_strbuf *sql;
    const char **args;
    int count;
};

bool kn_filter_has(const struct kn_filter *f, const char *key)
{
    for (int i = 0; i < f->count; i++) {
        if (strcmp(f->items[i].key, key) == 0) {
            return true;
        }
    }
    return false;
}

int kn_filter_add(struct kn_filter *f, const char *key, const char *value, struct kn_error *err)
{
    if (f->count == KN_FILTER_MAX) {
        return kn_fail(err, KN_BAD_REQUEST, "a list takes at most %d filters", KN_FILTER_MAX);
    }
    f->items[f->count].key = key;
    f->items[f->count++].value = value;
    return 0;
}

/* " AND <text>" with the value in place of its '?'. */
static void add_condition(struct text *t, const char *text, const char *value)
{
    t->args[t->count++] = value;
    kn_strbuf_addstr(t->sql, " AND ");
    for (; *text != '\0'; text++) {
        if (*text == '?') {
            kn_strbuf_addf(t->sql, "$%d", t->count);
        } else {
            kn_strbuf_addch(t->sql, *text);
        }
    }
}

/* "%C": the column. position() and right() know no patterns, so there is nothing to escape. */
static const struct {
    const char *suffix;
    const char *form;
} COMPARISONS[] = {
    { "", "%C = ?" },
    { "__contains", "position(? IN %C) > 0" },
    { "__icontains", "position(lower(?) IN lower(%C)) > 0" },
    { "__startswith", "starts_with(%C, ?)" },
    { "__istartswith", "starts_with(lower(%C), lower(?))" },
    { "__endswith", "right(%C, length(?::text)) = ?" },
    { "__iendswith", "right(lower(%C), length(?::text)) = lower(?)" },
};

static void add_form(struct text *t, const char *form, const char *column, const char *value)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;

    for (const char *at = form; *at != '\0'; at++) {
        if (at[0] == '%' && at[1] == 'C') {
            kn_strbuf_addstr(&sb, column);
            at++;
        } else {
            kn_strbuf_addch(&sb, *at);
        }
    }
    add_condition(t, sb.buf, value);
}

/* Keystone takes a flag without a value for true, and any word but these for true as well; words that are no answer are refused here. */
static int boolean_word(const char *key, const char *value, const char **ret, struct kn_error *err)
{
    static const char *const WORDS[][2] = { { "", "true" },      { "1", "true" },  { "true", "true" }, { "yes", "true" },
                                            { "on", "true" },    { "t", "true" },  { "0", "false" },   { "false", "false" },
                                            { "no", "false" },   { "off", "false" }, { "f", "false" } };

    for (size_t i = 0; i < KN_COUNT(WORDS); i++) {
        if (strcasecmp(WORDS[i][0], value) == 0) {
            *ret = WORDS[i][1];
            return 0;
        }
    }
    return kn_fail(err, KN_BAD_REQUEST, "Invalid input for field '%s': '%.40s' is not a boolean", key, value);
}

static int add_time(struct text *t, const struct kn_field *field, const char *value, struct kn_error *err)
{
    static const char *const WORDS[][2] = {
        { "lt:", "%C < ?::timestamptz" },   { "lte:", "%C <= ?::timestamptz" }, { "gt:", "%C > ?::timestamptz" },
        { "gte:", "%C >= ?::timestamptz" }, { "eq:", "%C = ?::timestamptz" },   { "neq:", "%C <> ?::timestamptz" },
    };
    int64_t us = 0;

    for (size_t i = 0; i < KN_COUNT(WORDS); i++) {
        size_t len = strlen(WORDS[i][0]);
        if (strncmp(value, WORDS[i][0], len) == 0 && kn_time_parse(value + len, &us) == 0) {
            add_form(t, WORDS[i][1], field->column, value + len);
            return 0;
        }
    }
    return kn_fail(err, KN_BAD_REQUEST, "Invalid input for field '%s': '%.60s' is not lt, lte, gt, gte, eq or neq, a colon and a time "
                   "like 2026-11-21T10:00:00Z", field->key, value);
}

static int add_exact(struct text *t, const struct kn_field *field, const char *value, struct kn_error *err)
{
    const char *word = NULL;

    switch (field->kind) {
    case KN_FIELD_TEXT:
        add_form(t, COMPARISONS[0].form, field->column, value);
        return 0;
    case KN_FIELD_BOOLEAN:
        if (boolean_word(field->key, value, &word, err) < 0) {
            return -1;
        }
        add_form(t, "%C = ?::boolean", field->column, word);
        return 0;
    case KN_FIELD_TIME:
        return add_time(t, field, value, err);
    case KN_FIELD_TAGS:
        add_form(t, "%C @> string_to_array(?, ',')", field->column, value);
        return 0;
    case KN_FIELD_TAGS_ANY:
        add_form(t, "%C && string_to_array(?, ',')", field->column, value);
        return 0;
    case KN_FIELD_NOT_TAGS:
        add_form(t, "NOT %C @> string_to_array(?, ',')", field->column, value);
        return 0;
    case KN_FIELD_NOT_TAGS_ANY:
        add_form(t, "NOT %C && string_to_array(?, ',')", field->column, value);
        return 0;
    }
    return 0;
}

static int add_item(struct text *t, const struct kn_field *fields, const char *key, const char *value, struct kn_error *err)
{
    for (const struct kn_field *field = fields; field->key != NULL; field++) {
        size_t len = strlen(field->key);
        if (strcmp(field->key, key) == 0) {
            return add_exact(t, field, value, err);
        }
        for (size_t i = 1; field->kind == KN_FIELD_TEXT && i < KN_COUNT(COMPARISONS); i++) {
            if (strncmp(key, field->key, len) == 0 && strcmp(key + len, COMPARISONS[i].suffix) == 0) {
                add_form(t, COMPARISONS[i].form, field->column, value);
            }
        }
    }
    return 0;
}

/* --- order --- */

struct order {
    const char *column; /* never NULL in SQL: every row has its place */
    bool descending;
};

/* What sorts by this field; NULL = nothing can. */
static char *sort_column(const struct kn_field *field)
{
    switch (field->kind) {
    case KN_FIELD_TEXT:
        return kn_asprintf("coalesce(%s, '')", field->column);
    case KN_FIELD_BOOLEAN:
        return kn_strdup(field->column);
    case KN_FIELD_TIME:
        return kn_asprintf("coalesce(%s, 'infinity'::timestamptz)", field->column);
    case KN_FIELD_TAGS:
    case KN_FIELD_TAGS_ANY:
    case KN_FIELD_NOT_TAGS:
    case KN_FIELD_NOT_TAGS_ANY:
        break;
    }
    return NULL;
}

static const char *said(const struct kn_filter *f, const char *key)
{
    for (int i = 0; i < f->count; i++) {
        if (strcmp(f->items[i].key, key) == 0) {
            return f->items[i].value;
        }
    }
    return NULL;
}

/* *ret_memory is what the column's text lives in. */
static int find_order(const struct kn_listing *listing, const struct kn_filter *f, struct order *ret, char **ret_memory,
                      struct kn_error *err)
{
    const char *key = said(f, "sort_key"), *direction = said(f, "sort_dir");

    *ret = (struct order){ "name", direction != NULL && strcasecmp(direction, "desc") == 0 };
    if (direction != NULL && !ret->descending && strcasecmp(direction, "asc") != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input for field 'sort_dir': '%.40s' is neither asc nor desc", direction);
    }
    for (const struct kn_field *field = listing->fields; key != NULL && field->key != NULL; field++) {
        if (strcmp(field->key, key) == 0 && *ret_memory == NULL) {
            *ret_memory = sort_column(field);
        }
    }
    if (key == NULL || strcmp(key, "id") == 0) {
        return 0;
    }
    ret->column = *ret_memory;
    return *ret_memory != NULL ? 0 : kn_fail(err, KN_BAD_REQUEST, "Invalid input for field 'sort_key': nothing sorts by '%.40s'", key);
}

static void add_marker(struct text *t, const struct kn_listing *listing, const struct order *order, const char *marker)
{
    AUTO_FREE char *after = kn_asprintf("(%s, id) %s (SELECT %s, id FROM %s WHERE id = ?)", order->column,
                                        order->descending ? "<" : ">", order->column, listing->from);
    add_condition(t, after, marker);
}

int kn_filter_text(const struct kn_listing *listing, const struct kn_filter *f, struct kn_strbuf *sql, const char **args,
                   int *ret_count, struct kn_error *err)
{
    struct text t = { sql, args, 0 };
    AUTO_FREE char *memory = NULL;
    struct order order;

    if (find_order(listing, f, &order, &memory, err) < 0) {
        return -1;
    }
    kn_strbuf_addstr(sql, listing->select);
    for (int i = 0; i < f->count; i++) {
        if (add_item(&t, listing->fields, f->items[i].key, f->items[i].value, err) < 0) {
            return -1;
        }
    }
    if (f->realm != NULL) {
        add_condition(&t, listing->realm, f->realm);
    }
    if (f->of != NULL) {
        add_condition(&t, listing->of, f->of);
    }
    if (f->marker != NULL) {
        add_marker(&t, listing, &order, f->marker);
    }
    const char *direction = order.descending ? " DESC" : "";
    kn_strbuf_addf(sql, " ORDER BY %s%s, id%s", order.column, direction, direction);
    if (f->limit > 0) {
        kn_strbuf_addf(sql, " LIMIT %lld", (long long)f->limit + 1);
    }
    *ret_count = t.count;
    return 0;
}

static int check_marker(struct kn_db *db, const struct kn_listing *listing, const char *marker, struct kn_error *err)
{
    AUTO_FREE char *sql = kn_asprintf("SELECT FROM %s WHERE id = $1", listing->from);
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_query(db, sql, 1, KN_ARGS(marker), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) > 0 ? 0 : kn_fail(err, KN_NOT_FOUND, "Marker %.64s could not be found.", marker);
}

int kn_filter_run(struct kn_db *db, const struct kn_listing *listing, const struct kn_filter *f, struct kn_rows **ret_rows,
                  struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sql = KN_STRBUF_INIT;
    const char *args[ARGS_MAX];
    int count = 0;

    if (kn_filter_text(listing, f, &sql, args, &count, err) < 0 ||
        (f->marker != NULL && check_marker(db, listing, f->marker, err) < 0)) {
        return -1;
    }
    return kn_db_query(db, sql.buf, count, args, ret_rows, err);
}
