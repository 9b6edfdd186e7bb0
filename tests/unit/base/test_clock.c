/* SPDX-License-Identifier: Apache-2.0 */
/* Time: the three texts that OpenStack's services write, what is read back, and what is refused. */
#include "lib/base/clock.h"

#include <time.h>

#include "lib/base/mem.h"
#include "tests/support/test.h"

static void test_texts(void **state)
{
    (void)state;
    char text[KN_TIME_SIZE];
    kn_time_iso(INT64_C(1795255200123), text);
    assert_string_equal(text, "2026-11-21T10:00:00Z");
    kn_time_iso_us(INT64_C(1795255200123456), text);
    assert_string_equal(text, "2026-11-21T10:00:00.123456");
    kn_time_iso_us_z(INT64_C(1795255200000001), text);
    assert_string_equal(text, "2026-11-21T10:00:00.000001Z");
    kn_time_iso(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00Z");
    kn_time_iso(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59Z");
}

static void test_calendar_agrees_with_libc(void **state)
{
    (void)state;
    for (int64_t s = INT64_C(-62135596800); s < INT64_C(253402300799); s += 86400 * 17 + 3671) {
        char ours[KN_TIME_SIZE], theirs[KN_TIME_SIZE];
        kn_time_iso(s * 1000, ours);
        time_t t = (time_t)s;
        struct tm tm;
        assert_non_null(gmtime_r(&t, &tm));
        strftime(theirs, sizeof(theirs), "%Y-%m-%dT%H:%M:%SZ", &tm);
        if (s > INT64_C(-30610224000)) { /* strftime writes years below 1000 without zeros */
            assert_string_equal(ours, theirs);
        }
        int64_t back;
        assert_int_equal(kn_time_parse(ours, &back), 0);
        assert_int_equal(back, s * 1000000);
    }
}

static void test_reads(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } CASES[] = {
        { "2026-11-21T10:00:00Z", INT64_C(1795255200000000) },
        { "2026-11-21T10:00:00", INT64_C(1795255200000000) },
        { "2026-11-21 10:00:00", INT64_C(1795255200000000) },
        { "2026-11-21T10:00:00.5Z", INT64_C(1795255200500000) },
        { "2026-11-21T10:00:00.123456789", INT64_C(1795255200123456) },
        { "2026-11-21T12:00:00+02:00", INT64_C(1795255200000000) },
        { "2026-11-21T04:30:00-0530", INT64_C(1795255200000000) },
        { "2026-11-21T10:00Z", INT64_C(1795255200000000) },
        { "2026-11-21T10:00", INT64_C(1795255200000000) },
        { "2026-11-21T10", INT64_C(1795255200000000) },
        { "2026-11-21T12:00+02:00", INT64_C(1795255200000000) },
        { "2026-11-21", INT64_C(1795219200000000) },
        { "2024-02-29T00:00:00Z", INT64_C(1709164800000000) },
    };
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        int64_t us = 0;
        assert_int_equal(kn_time_parse(CASES[i].text, &us), 0);
        assert_int_equal(us, CASES[i].us);
    }
}

static void test_refuses(void **state)
{
    (void)state;
    static const char *const CASES[] = {
        "",
        "now",
        "2026-11",
        "2026-11-21T",
        "2026-11-21Z",
        "2026-11-21T10:",
        "2026-11-21T10:00:",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-11-31T00:00:00Z",
        "2026-11-21T24:00:00Z",
        "2026-11-21T10:60:00Z",
        "2026-11-21T10:00:60Z",
        "2026-11-21T10:00:00.Z",
        "2026-11-21T10:00:00Zx",
        "2026-11-21T10:00:00+25:00",
        "2026-11-21T10:00:00+1",
        " 2026-11-21T10:00:00Z",
        "2026-11-21T10:00:00z",
        "0000-01-01T00:00:00Z",
        "-026-11-21T10:00:00Z",
    };
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        int64_t us = 42;
        if (kn_time_parse(CASES[i], &us) != -1) {
            fail_msg("accepted \"%s\"", CASES[i]);
        }
        assert_int_equal(us, 42); /* untouched */
    }
}

static void test_clocks_run(void **state)
{
    (void)state;
    assert_true(kn_now_ms() > INT64_C(1700000000000));
    assert_true(kn_now_us() / 1000 - kn_now_ms() < 60000);
    int64_t before = kn_mono_us();
    assert_true(kn_mono_us() >= before);
    assert_true(kn_mono_ms() >= before / 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),      cmocka_unit_test(test_calendar_agrees_with_libc),
        cmocka_unit_test(test_reads),      cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_clocks_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
