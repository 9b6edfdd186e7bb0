/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the words of host aggregates mean for a placement, as Nova's AggregateInstanceExtraSpecsFilter and AggregateMultiTenancyIsolation have it. Of a flavor's extra
 * specs those are meant that begin with aggregate_instance_extra_specs: and no others. Pure.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "scheduler/choose.h"

#define SCOPE "aggregate_instance_extra_specs:"
#define ISOLATION "filter_tenant_id"
#define WHITE " \t\n\r\f\v"

/* Values of one key are a set, and one text may name several, with commas between. */
void kn_scheduler_aggregates_add(json_t *aggregates, const json_t *metadata)
{
    const char *key;
    json_t *value;

    json_object_foreach ((json_t *)(uintptr_t)metadata, key, value) {
        AUTO_FREE char *text = kn_strdup(json_string_value(value) != NULL ? json_string_value(value) : "");
        json_t *values = json_object_get(aggregates, key);
        char *rest = text;

        if (values == NULL) {
            values = json_array();
            json_object_set_new(aggregates, key, values);
        }
        for (char *word = strsep(&rest, ","); word != NULL; word = strsep(&rest, ",")) {
            size_t len;

            word += strspn(word, WHITE);
            for (len = strlen(word); len > 0 && strchr(WHITE, word[len - 1]) != NULL; len--) {
                word[len - 1] = '\0';
            }
            json_array_append_new(values, json_string(word));
        }
    }
}

/* --- one value and what is asked of it ------------------------------------------------------------------------------- */

enum aggregates_order { LESS = 1, EQUAL = 2, MORE = 4 };

static const struct {
    const char *word;
    bool is_number;
    unsigned takes;
} OPERATORS[] = {
    { "=", true, MORE | EQUAL }, /* at least: as it has always been */
    { "==", true, EQUAL },          { "!=", true, LESS | MORE },    { ">=", true, MORE | EQUAL },
    { "<=", true, LESS | EQUAL },   { "s==", false, EQUAL },        { "s!=", false, LESS | MORE },
    { "s<", false, LESS },          { "s<=", false, LESS | EQUAL }, { "s>", false, MORE },
    { "s>=", false, MORE | EQUAL },
};

static unsigned compare_texts(const char *a, const char *b)
{
    const int sign = strcmp(a, b);

    return sign < 0 ? LESS : sign > 0 ? MORE : EQUAL;
}

/* 0: one of them is no number, so they do not compare. */
static unsigned compare_numbers(const char *a, const char *b)
{
    char *end_a = NULL, *end_b = NULL;
    const double x = strtod(a, &end_a), y = strtod(b, &end_b);

    if (*a == '\0' || *b == '\0' || *end_a != '\0' || *end_b != '\0') {
        return 0;
    }
    return x < y ? LESS : x > y ? MORE : EQUAL;
}

/* "<or> a <or> b": every second word is a value. */
static bool is_one_of(const char *value, char *words)
{
    for (char *word = strtok_r(NULL, WHITE, &words); word != NULL; word = strtok_r(NULL, WHITE, &words)) {
        if (strcmp(word, value) == 0) {
            return true;
        }
        strtok_r(NULL, WHITE, &words);
    }
    return false;
}

static bool has_parts(const char *value, char *words, bool all)
{
    char *word = strtok_r(NULL, WHITE, &words);
    bool any = word != NULL;

    for (; word != NULL; word = all ? strtok_r(NULL, WHITE, &words) : NULL) {
        any = any && strstr(value, word) != NULL;
    }
    return any;
}

static bool aggregate_value_fits(const char *value, const char *asked)
{
    AUTO_FREE char *copy = kn_strdup(asked);
    char *words = NULL;
    const char *first = strtok_r(copy, WHITE, &words);
    const char *operand;

    if (first == NULL) {
        return strcmp(value, asked) == 0;
    }
    if (strcmp(first, "<or>") == 0) {
        return is_one_of(value, words);
    }
    if (strcmp(first, "<in>") == 0 || strcmp(first, "<all-in>") == 0) {
        return has_parts(value, words, strcmp(first, "<all-in>") == 0);
    }
    for (size_t i = 0; i < KN_COUNT(OPERATORS); i++) {
        if (strcmp(first, OPERATORS[i].word) == 0) {
            operand = strtok_r(NULL, WHITE, &words);
            return operand != NULL && ((OPERATORS[i].is_number ? compare_numbers : compare_texts)(value, operand) &
                                       OPERATORS[i].takes) != 0;
        }
    }
    return strcmp(value, asked) == 0;
}

/* --- a host's words -------------------------------------------------------------------------------------------------- */

static bool any_value_fits(const json_t *values, const char *asked)
{
    const json_t *value;
    size_t i;

    json_array_foreach (values, i, value) {
        if (aggregate_value_fits(json_string_value(value), asked)) {
            return true;
        }
    }
    return false;
}

bool kn_scheduler_aggregates_fit(const json_t *aggregates, const json_t *extra_specs)
{
    const char *key;
    json_t *asked;

    json_object_foreach ((json_t *)(uintptr_t)extra_specs, key, asked) {
        if (strncmp(key, SCOPE, strlen(SCOPE)) == 0 && json_is_string(asked) &&
            !any_value_fits(json_object_get(aggregates, key + strlen(SCOPE)), json_string_value(asked))) {
            return false;
        }
    }
    return true;
}

bool kn_scheduler_aggregates_admit(const json_t *aggregates, const char *project)
{
    bool is_isolated = false;
    const char *key;
    json_t *values;

    json_object_foreach ((json_t *)(uintptr_t)aggregates, key, values) {
        const json_t *value;
        size_t i;

        if (strncmp(key, ISOLATION, strlen(ISOLATION)) != 0) {
            continue;
        }
        json_array_foreach (values, i, value) {
            is_isolated = true;
            if (project != NULL && strcmp(json_string_value(value), project) == 0) {
                return true;
            }
        }
    }
    return !is_isolated;
}
