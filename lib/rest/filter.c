/* SPDX-License-Identifier: Apache-2.0 */
/* The comparisons that lists know. Each adds one condition for one parameter; the words of refusals are the services'. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "lib/rest/type.h"

void kn_rest_where(struct kn_rest_list *l, const char *form, const char *expression, const char *value)
{
    kn_rest_text(&l->query, " AND ");
    kn_rest_add_form(&l->query, form, expression, value);
}

static void filter_compare(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *op, const char *value)
{
    AUTO_FREE char *form = kn_asprintf("(%%C) %s ?::%s", op, kn_rest_sql_type(a->type));

    kn_rest_where(l, form, a->sql, value);
}

int kn_rest_equal(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                  struct kn_error *err)
{
    (void)key;
    (void)err;
    if (!kn_rest_fits(a->type, value)) {
        l->is_empty = true;
        return 0;
    }
    filter_compare(l, a, "=", value);
    return 0;
}

static void one_of(struct kn_rest_list *l, const struct kn_rest_attr *a, struct kn_array *values)
{
    AUTO_FREE char *form = kn_asprintf("(%%C) = ANY(?::%s[])", kn_rest_sql_type(a->type));

    kn_rest_where(l, form, a->sql, kn_array_value(values));
}

int kn_rest_any_of(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                   struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array values = KN_ARRAY_INIT;
    const char *each;

    (void)err;
    if (value != kn_rest_asked(l, key, 0)) {
        return 0; /* the first one spoke for all */
    }
    for (int i = 0; (each = kn_rest_asked(l, key, i)) != NULL; i++) {
        if (kn_rest_fits(a->type, each)) {
            kn_array_add(&values, each);
        }
    }
    one_of(l, a, &values);
    return 0;
}

static const char *behind(const char *value, const char *prefix)
{
    const size_t len = strlen(prefix);

    return strncmp(value, prefix, len) == 0 ? value + len : NULL;
}

static int fail_quote(const char *text, const char *why, struct kn_error *err)
{
    return kn_fail(err, KN_BAD_REQUEST, "Invalid filter value '%.128s'. %s", text, why);
}

/* Quotes stand around whole items. Glance's rules and words. */
static int check_quotes(const char *text, struct kn_error *err)
{
    bool quoted = false;

    for (const char *p = text; *p != '\0'; p++) {
        if (*p != '"' || (p > text && p[-1] == '\\')) {
            continue;
        }
        if (!quoted && p > text && p[-1] != ',') {
            return fail_quote(text, "There is no comma before opening quotation mark.", err);
        }
        if (quoted && p[1] != '\0' && p[1] != ',') {
            return fail_quote(text, "There is no comma after closing quotation mark.", err);
        }
        quoted = !quoted;
    }
    return quoted ? fail_quote(text, "The quote is not closed.", err) : 0;
}

static void add_fitting(struct kn_array *list, enum kn_rest_type type, const char *text)
{
    if (kn_rest_fits(type, text)) {
        kn_array_add(list, text);
    }
}

/* a,"b,c",d -> {a; b,c; d}: those that can be of the type. */
static void filter_split(struct kn_array *list, enum kn_rest_type type, const char *text)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf item = KN_STRBUF_INIT;
    bool quoted = false;

    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '"' && (p == text || p[-1] != '\\')) {
            quoted = !quoted;
        } else if (*p == ',' && !quoted) {
            add_fitting(list, type, item.buf);
            kn_strbuf_clear(&item);
        } else {
            kn_strbuf_addch(&item, *p);
        }
    }
    add_fitting(list, type, item.buf);
}

int kn_rest_in(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
               struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array list = KN_ARRAY_INIT;
    const char *in = behind(value, "in:"), *eq = behind(value, "eq:");

    (void)key;
    if (in == NULL) {
        add_fitting(&list, a->type, eq != NULL ? eq : value);
    } else if (check_quotes(in, err) == 0) {
        filter_split(&list, a->type, in);
    } else {
        return -1;
    }
    one_of(l, a, &list);
    return 0;
}

/* What Python's libraries read as yes and as no; NULL for other words. */
static const char *truth(const char *value)
{
    static const char *const WORDS[][2] = {
        { "true", "t" },  { "1", "t" }, { "yes", "t" }, { "on", "t" },  { "t", "t" }, { "y", "t" },
        { "false", "f" }, { "0", "f" }, { "no", "f" },  { "off", "f" }, { "f", "f" }, { "n", "f" },
    };

    for (size_t i = 0; i < KN_COUNT(WORDS); i++) {
        if (strcasecmp(WORDS[i][0], value) == 0) {
            return WORDS[i][1];
        }
    }
    return NULL;
}

int kn_rest_boolean(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                    struct kn_error *err)
{
    const char *word = truth(value);

    (void)key;
    (void)err;
    filter_compare(l, a, "=", word != NULL ? word : "f");
    return 0;
}

int kn_rest_boolean_word(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                         struct kn_error *err)
{
    const char *word = truth(value);

    if (word == NULL) {
        return kn_rest_fail(err, KN_BAD_REQUEST, l->noun->manners->bad_boolean, key, value);
    }
    filter_compare(l, a, "=", word);
    return 0;
}

int kn_rest_true_false(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                       struct kn_error *err)
{
    const bool is_word = strcasecmp(value, "true") == 0 || strcasecmp(value, "false") == 0;

    return is_word ? kn_rest_boolean_word(l, a, key, value, err)
                   : kn_rest_fail(err, KN_BAD_REQUEST, l->noun->manners->bad_boolean, key, value);
}

static int compare_time(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                        const char *form, struct kn_error *err)
{
    char time[KN_TIME_SIZE];
    int64_t us = 0;

    if (kn_time_parse(value, &us) < 0) {
        return kn_rest_fail(err, KN_BAD_REQUEST, l->noun->manners->bad_time, key, value);
    }
    kn_time_iso_us_z(us, time);
    kn_rest_where(l, form, a->sql, time);
    return 0;
}

int kn_rest_since(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                  struct kn_error *err)
{
    return compare_time(l, a, key, value, "%C >= ?::timestamptz", err);
}

int kn_rest_until(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                  struct kn_error *err)
{
    const char *since = strcmp(key, "changes-before") == 0 ? kn_rest_asked(l, "changes-since", 0) : NULL;
    int64_t from_us = 0, to_us = 0;

    if (since != NULL && kn_time_parse(since, &from_us) == 0 && kn_time_parse(value, &to_us) == 0 && to_us < from_us) {
        return kn_fail(err, KN_BAD_REQUEST, "The value of changes-since must be less than or equal to changes-before.");
    }
    return compare_time(l, a, key, value, "%C <= ?::timestamptz", err);
}

int kn_rest_refused(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                    struct kn_error *err)
{
    (void)a;
    (void)value;
    (void)l;
    return kn_fail(err, KN_BAD_REQUEST, "Invalid filter field: %.60s.", key);
}

int kn_rest_number(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                   struct kn_error *err)
{
    if (!kn_rest_fits(KN_REST_INT, value)) {
        return kn_rest_fail(err, KN_BAD_REQUEST, l->noun->manners->bad_number, key, value);
    }
    filter_compare(l, a, "=", value);
    return 0;
}

/* One of "gt:2026-11-21T10:00:00Z", or a time alone. false: it is none. */
static bool add_time(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *value)
{
    static const char *const OPERATORS[][2] = {
        { "lt:", "<" }, { "lte:", "<=" }, { "gt:", ">" }, { "gte:", ">=" },
        { "eq:", "=" }, { "neq:", "<>" }, { "", "=" },
    };
    AUTO_FREE char *form = NULL;
    char time[KN_TIME_SIZE];
    int64_t us = 0;
    size_t i = 0;

    while (behind(value, OPERATORS[i][0]) == NULL) {
        i++; /* the last one is before everything */
    }
    if (kn_time_parse(behind(value, OPERATORS[i][0]), &us) < 0) {
        return false;
    }
    kn_time_iso_us_z(us, time);
    form = kn_asprintf("date_trunc('%s', %%C) %s ?::timestamptz", l->noun->manners->time_grain, OPERATORS[i][1]);
    kn_rest_where(l, form, a->sql, time);
    return true;
}

int kn_rest_time(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                 struct kn_error *err)
{
    const char *separator = l->noun->manners->joins_times ? "," : "";
    AUTO_FREE char *text = kn_strdup(value);
    char *rest = text;

    for (char *one = strsep(&rest, separator); one != NULL; one = strsep(&rest, separator)) {
        if (!add_time(l, a, one)) {
            return kn_rest_fail(err, KN_BAD_REQUEST, l->noun->manners->bad_time, key, value);
        }
    }
    return 0;
}

int kn_rest_flag(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                 struct kn_error *err)
{
    return kn_rest_boolean_word(l, a, key, value[0] != '\0' ? value : "true", err);
}

int kn_rest_compared_time(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                          struct kn_error *err)
{
    return isalpha((unsigned char)value[0]) && add_time(l, a, value)
               ? 0
               : kn_rest_fail(err, KN_BAD_REQUEST, l->noun->manners->bad_time, key, value);
}

int kn_rest_tags(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                 struct kn_error *err)
{
    const bool any = strstr(key, "-any") != NULL, none = strncmp(key, "not-", 4) == 0;
    AUTO_FREE char *form = kn_asprintf("%s%%C %s string_to_array(?, ',')", none ? "NOT " : "", any ? "&&" : "@>");

    (void)err;
    kn_rest_where(l, form, a->sql, value);
    return 0;
}

int kn_rest_ignored(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                    struct kn_error *err)
{
    (void)l;
    (void)a;
    (void)key;
    (void)value;
    (void)err;
    return 0;
}

int kn_rest_all_tenants(struct kn_rest_list *l, struct kn_error *err)
{
    bool all = false;

    if (kn_request_query_bool(l->req, "all_tenants", false, &all, err) < 0) {
        return -1;
    }
    l->sees_all = all && kn_rest_reaches_all(l->req);
    return 0;
}
