/* SPDX-License-Identifier: Apache-2.0 */
/* The cage of PCRE2. It owns the limits; what a pattern is matched against, and what a refusal is called, is its caller's business. */
#include "lib/adapter/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#include "lib/base/mem.h"

#define STEPS_MAX 50000 /* of the matcher, for one text: a millisecond or so */
#define DEPTH_MAX 2000 /* of nested backtracking points */
#define HEAP_MAX_KIB 1024
#define NESTING_MAX 50 /* of parentheses */

struct kn_regex {
    pcre2_code *code;
    pcre2_match_context *limits;
};

int kn_regex_new(const char *pattern, struct kn_regex **ret_regex, struct kn_error *err)
{
    const uint32_t options = PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C;
    AUTO(kn_regex) struct kn_regex *regex = KN_NEW(struct kn_regex);
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    PCRE2_UCHAR words[120];
    PCRE2_SIZE at = 0;
    int code = 0;

    pcre2_set_max_pattern_length(context, KN_REGEX_MAX);
    pcre2_set_parens_nest_limit(context, NESTING_MAX);
    regex->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, options, &code, &at, context);
    pcre2_compile_context_free(context);
    if (regex->code == NULL) {
        pcre2_get_error_message(code, words, sizeof(words));
        return kn_fail(err, KN_BAD_REQUEST, "%s at offset %zu", (const char *)words, at);
    }
    regex->limits = pcre2_match_context_create(NULL);
    pcre2_set_match_limit(regex->limits, STEPS_MAX);
    pcre2_set_depth_limit(regex->limits, DEPTH_MAX);
    pcre2_set_heap_limit(regex->limits, HEAP_MAX_KIB);
    *ret_regex = kn_steal(&regex);
    return 0;
}

void kn_regex_free(struct kn_regex *regex)
{
    if (regex == NULL) {
        return;
    }
    pcre2_code_free(regex->code);
    pcre2_match_context_free(regex->limits);
    free(regex);
}

int kn_regex_search(const struct kn_regex *regex, const char *text, bool *ret_found, struct kn_error *err)
{
    pcre2_match_data *match = pcre2_match_data_create(1, NULL);
    int code = pcre2_match(regex->code, (PCRE2_SPTR)text, strlen(text), 0, 0, match, regex->limits);

    pcre2_match_data_free(match);
    if (code < 0 && code != PCRE2_ERROR_NOMATCH) {
        return kn_fail(err, KN_BAD_REQUEST, "the pattern takes too many steps");
    }
    *ret_found = code >= 0; /* 0: found, and more groups than anybody asks about */
    return 0;
}

bool kn_regex_literal(const char *pattern, char out[KN_REGEX_MAX + 1])
{
    size_t len = 0;

    if (pattern[0] != '^' || strlen(pattern) > KN_REGEX_MAX) {
        return false;
    }
    for (const char *at = pattern + 1; *at != '\0'; at++) {
        if (at[0] == '$' && at[1] == '\0') {
            out[len] = '\0';
            return true;
        }
        if (at[0] == '\\' && at[1] != '\0' && strchr(".*+?()[]{}|^$\\-/", at[1]) != NULL) {
            at++;
        } else if (strchr(".*+?()[]{}|^$\\", at[0]) != NULL) {
            return false;
        }
        out[len++] = *at;
    }
    return false;
}
