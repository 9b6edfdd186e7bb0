/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns of users: what they may say, what is none, and what would take too long. */
#include "lib/adapter/regex.h"
#include "lib/base/mem.h"
#include "tests/support/test.h"

static bool found(const char *pattern, const char *text)
{
    AUTO(kn_regex) struct kn_regex *re = NULL;
    struct kn_error err = { 0 };
    bool ret = false;

    assert_ok(kn_regex_new(pattern, &re, &err), &err);
    assert_ok(kn_regex_search(re, text, &ret, &err), &err);
    return ret;
}

static void test_what_patterns_say(void **state)
{
    (void)state;
    assert_true(found("^a\\.b$", "a.b"));
    assert_false(found("^a\\.b$", "axb"));
    assert_true(found("\\d{2}", "web42"));
    assert_false(found("\\d{3}", "web42"));
    assert_true(found("^(?!db)", "web"));
    assert_true(found("^\xC3\xA9.$", "\xC3\xA9\xC3\xA9")); /* characters, not bytes */
    assert_true(found("(a)(b)(c)", "abc"));
}

static void test_what_is_no_pattern(void **state)
{
    static const char *const BAD[] = { "(", "[", "a{2,1}", "*", "\\", "(?<n", "\\C", "((a{1,999}){1,999}){1,999}" };
    struct kn_regex *re = NULL;
    struct kn_error err = { 0 };
    char longer[KN_REGEX_MAX + 2];

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        assert_fails(kn_regex_new(BAD[i], &re, &err), &err, KN_BAD_REQUEST);
    }
    memset(longer, 'a', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    assert_fails(kn_regex_new(longer, &re, &err), &err, KN_BAD_REQUEST);
    assert_null(re);
}

static void test_what_takes_too_long(void **state)
{
    static const char *const COSTLY[] = { "(a+)+$", "^(a|aa)+$" };
    char text[202];

    (void)state;
    memset(text, 'a', sizeof(text));
    text[200] = '!';
    text[201] = '\0';
    for (size_t i = 0; i < KN_COUNT(COSTLY); i++) {
        AUTO(kn_regex) struct kn_regex *re = NULL;
        struct kn_error err = { 0 };
        bool ret = true;

        assert_ok(kn_regex_new(COSTLY[i], &re, &err), &err);
        assert_fails(kn_regex_search(re, text, &ret, &err), &err, KN_BAD_REQUEST);
        assert_true(ret);
    }
}

static void test_literals(void **state)
{
    char out[KN_REGEX_MAX + 1];

    (void)state;
    assert_true(kn_regex_literal("^a\\.b-c$", out));
    assert_string_equal(out, "a.b-c");
    assert_true(kn_regex_literal("^$", out));
    assert_false(kn_regex_literal("^a.b$", out));
    assert_false(kn_regex_literal("a$", out));
    assert_false(kn_regex_literal("^a", out));
    assert_false(kn_regex_literal("^a\\d$", out));
    assert_false(kn_regex_literal("^a\\$", out));
    assert_false(kn_regex_literal("^a\\", out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_patterns_say),
        cmocka_unit_test(test_what_is_no_pattern),
        cmocka_unit_test(test_what_takes_too_long),
        cmocka_unit_test(test_literals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
