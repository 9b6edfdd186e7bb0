/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: one line whatever the values, the cause survives every context, codes and their names agree. */
#include "lib/base/error.h"

#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"
#include "tests/support/test.h"

static void test_fail_fills(void **state)
{
    (void)state;
    struct kn_error err = { .hint = "old" };
    assert_int_equal(kn_fail(&err, KN_NOT_FOUND, "server \"%s\" does not exist", "x"), -1);
    assert_int_equal(err.code, KN_NOT_FOUND);
    assert_string_equal(err.message, "server \"x\" does not exist");
    assert_string_equal(err.hint, "");
}

static void test_null_is_allowed(void **state)
{
    (void)state;
    assert_int_equal(kn_fail(NULL, KN_CONFLICT, "x"), -1);
    assert_int_equal(kn_fail_context(NULL, "x"), -1);
    assert_int_equal(kn_fail_hint(NULL, "x"), -1);
}

static void test_stays_one_line(void **state)
{
    (void)state;
    struct kn_error err;
    kn_fail(&err, KN_BAD_REQUEST, "name \"%s\"", "a\nlevel=error\r\x1b[2J\x7f");
    assert_string_equal(err.message, "name \"a level=error  [2J \"");
}

static void test_message_may_quote_itself(void **state)
{
    (void)state;
    struct kn_error err;
    kn_fail(&err, KN_CONFLICT, "busy");
    kn_fail(&err, KN_UNAVAILABLE, "gave up: %s", err.message);
    assert_string_equal(err.message, "gave up: busy");
}

static void test_context_goes_in_front(void **state)
{
    (void)state;
    struct kn_error err;
    kn_fail(&err, KN_TIMEOUT, "no answer");
    kn_fail_hint(&err, "is it %s?", "running");
    assert_int_equal(kn_fail_context(&err, "host \"%s\"", "h1"), -1);
    assert_string_equal(err.message, "host \"h1\": no answer");
    assert_string_equal(err.hint, "is it running?");
    assert_int_equal(err.code, KN_TIMEOUT);
}

static void test_cause_survives_long_context(void **state)
{
    (void)state;
    char big[2000];
    memset(big, 'c', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    struct kn_error err;
    kn_fail(&err, KN_INTERNAL, "the cause");
    kn_fail_context(&err, "%s", big);
    assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
    assert_non_null(strstr(err.message, "ccc: the cause"));

    kn_fail(&err, KN_INTERNAL, "%s", big);
    kn_fail_context(&err, "context");
    assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
    assert_int_equal(strspn(err.message, "c"), sizeof(err.message) - 1);
}

/* Wherever a value is cut: by a precision, by the room for a message, by the room for its context. */
static void test_no_half_characters(void **state)
{
    static const char *const CHARACTERS[] = { "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80" };
    struct kn_error err;

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CHARACTERS); i++) {
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf many = KN_STRBUF_INIT;
        const size_t size = strlen(CHARACTERS[i]);

        while (many.len < 2000) {
            kn_strbuf_addstr(&many, CHARACTERS[i]);
        }
        kn_fail(&err, KN_NOT_FOUND, "x%.100s could not be found", many.buf);
        assert_int_equal(strlen(err.message), 1 + 100 / size * size + strlen(" could not be found"));
        assert_non_null(strstr(err.message, CHARACTERS[i]));
        assert_string_equal(strchr(err.message, ' '), " could not be found");
        for (size_t shift = 0; shift < size; shift++) {
            char more[8] = "xxxx";

            more[shift] = '\0';
            kn_fail(&err, KN_INTERNAL, "%s%s", more, many.buf);
            assert_int_equal((strlen(err.message) - shift) % size, 0);
            assert_in_range(strlen(err.message), sizeof(err.message) - size, sizeof(err.message) - 1);
            kn_fail(&err, KN_INTERNAL, "%s", more);
            kn_fail_context(&err, "%s", many.buf);
            assert_int_equal((strlen(err.message) - shift - 2) % size, 0);
            kn_fail_hint(&err, "%s%s", more, many.buf);
            assert_int_equal((strlen(err.hint) - shift) % size, 0);
        }
    }
    kn_fail(&err, KN_INTERNAL, "a\xc3(b\xff\xe2\x82");
    assert_string_equal(err.message, "a(b");
}

static void test_codes_go_round(void **state)
{
    (void)state;
    for (int i = 0; i < KN_CODE_COUNT; i++) {
        enum kn_code code = (enum kn_code)i;
        assert_int_equal(kn_code_from_name(kn_code_name(code)), code);
        assert_in_range(kn_code_status(code), 200, 599);
        assert_true(strlen(kn_code_fault(code)) > 0);
        assert_true(strlen(kn_code_title(code)) > 0);
    }
    assert_int_equal(kn_code_from_name("KN_NONSENSE"), KN_INTERNAL);
    assert_int_equal(kn_code_from_name(NULL), KN_INTERNAL);
    assert_int_equal(kn_code_status(KN_QUOTA), 403);
    assert_true(kn_code_retriable(KN_UNAVAILABLE));
    assert_false(kn_code_retriable(KN_BAD_REQUEST));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fail_fills),
        cmocka_unit_test(test_null_is_allowed),
        cmocka_unit_test(test_stays_one_line),
        cmocka_unit_test(test_message_may_quote_itself),
        cmocka_unit_test(test_context_goes_in_front),
        cmocka_unit_test(test_cause_survives_long_context),
        cmocka_unit_test(test_no_half_characters),
        cmocka_unit_test(test_codes_go_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
