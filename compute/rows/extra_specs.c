/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values held against the table of what flavors may say (asked.h). Whether a host can do what a spec asks is machine.c's question, when a server is made.
 */
#include "compute/rows/extra_specs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "compute/rows/asked.h"
#include "lib/adapter/regex.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

/* --- values ------------------------------------------------------------------------------------------------------------- */

static int spec_check_number(const struct kn_compute_asked *rule, const char *value, struct kn_error *err)
{
    const char *digits = value[0] == '-' || value[0] == '+' ? value + 1 : value;

    errno = 0;
    const long long number = strtoll(value, NULL, 10);

    if (digits[0] == '\0' || digits[strspn(digits, "0123456789")] != '\0') {
        return kn_fail(err, KN_BAD_REQUEST, "Validation failed; '%.60s' is not a valid integer value.", value);
    }
    if (rule->says.most != KN_ASKED_ANY && (number > rule->says.most || errno != 0)) {
        return kn_fail(err, KN_BAD_REQUEST, "Validation failed; '%.60s' is greater than the max value of '%lld'.",
                       value, (long long)rule->says.most);
    }
    if (rule->says.least != KN_ASKED_ANY && number < rule->says.least) {
        return kn_fail(err, KN_BAD_REQUEST, "Validation failed; '%.60s' is less than the min value of '%lld'.", value,
                       (long long)rule->says.least);
    }
    return 0;
}

static int spec_check_bool(const char *value, struct kn_error *err)
{
    static const char *const WORDS[] = { "1", "t", "true", "on", "y", "yes", "0", "f", "false", "off", "n", "no" };

    for (size_t i = 0; i < KN_COUNT(WORDS); i++) {
        if (strcasecmp(WORDS[i], value) == 0) {
            return 0;
        }
    }
    return kn_fail(err, KN_BAD_REQUEST, "Validation failed; '%.60s' is not a valid boolean-like value.", value);
}

static int spec_check_word(const struct kn_compute_asked *rule, const char *value, struct kn_error *err)
{
    return kn_compute_asked_word(rule->says.words, value)
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "Validation failed; '%.60s' is not one of: %s.", value, rule->says.words);
}

static int spec_check_form(const struct kn_compute_asked *rule, const char *value, struct kn_error *err)
{
    AUTO_FREE char *whole = kn_asprintf("^(?:%s)$", rule->says.words);
    AUTO(kn_regex) struct kn_regex *regex = NULL;
    bool is_found = false;

    if (kn_regex_new(whole, &regex, err) < 0) {
        return -1;
    }
    return kn_regex_search(regex, value, &is_found, NULL) == 0 && is_found && strchr(value, '\n') == NULL
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "Validation failed; '%.60s' is not of the format '%s'.", value,
                         rule->says.words);
}

static int spec_check(const char *name, const char *value, struct kn_error *err)
{
    const struct kn_compute_asked *rule = kn_compute_asked_find(KN_ASKED_FLAVOR, name);

    if (rule == NULL) {
        return !kn_compute_asked_is_novas(name)
                   ? 0
                   : kn_fail(err, KN_BAD_REQUEST,
                             "Validation failed; extra spec '%.255s' does not appear to be a valid extra spec.", name);
    }
    switch (rule->says.kind) {
    case KN_SAYS_TEXT:
        return 0;
    case KN_SAYS_BOOLEAN:
        return spec_check_bool(value, err);
    case KN_SAYS_INTEGER:
        return spec_check_number(rule, value, err);
    case KN_SAYS_WORD:
        return spec_check_word(rule, value, err);
    case KN_SAYS_FORM:
        return spec_check_form(rule, value, err);
    }
    return 0;
}

int kn_compute_extra_specs_check(const json_t *specs, struct kn_error *err)
{
    const char *name;
    json_t *value;

    json_object_foreach ((json_t *)(uintptr_t)specs, name, value) {
        AUTO_FREE char *number = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY);

        if (spec_check(name, json_is_string(value) ? json_string_value(value) : number, err) < 0) {
            return -1;
        }
    }
    return 0;
}
