/* SPDX-License-Identifier: Apache-2.0 */
/* The Range header: what is a part, what is the whole, what cannot be satisfied. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "image/data/range.h"
#include "lib/base/mem.h"

static const struct {
    const char *header;
    int64_t size;
    enum kn_image_range_verdict verdict;
    int64_t offset, length;
} CASES[] = {
    { NULL, 100, KN_RANGE_WHOLE, 0, 100 },
    { "lines=1-2", 100, KN_RANGE_WHOLE, 0, 100 },
    { "bytes=0-0", 100, KN_RANGE_PART, 0, 1 },
    { "bytes=0-99", 100, KN_RANGE_PART, 0, 100 },
    { "bytes=10-19", 100, KN_RANGE_PART, 10, 10 },
    { "BYTES=10-", 100, KN_RANGE_PART, 10, 90 },
    { "bytes=90-1000", 100, KN_RANGE_PART, 90, 10 },
    { "bytes=-1", 100, KN_RANGE_PART, 99, 1 },
    { "bytes=-1000", 100, KN_RANGE_PART, 0, 100 },
    { "bytes=5-99999999999999999999999", 100, KN_RANGE_PART, 5, 95 },
    { "bytes=100-", 100, KN_RANGE_UNSATISFIABLE, 0, 0 },
    { "bytes=99999999999999999999999-", 100, KN_RANGE_UNSATISFIABLE, 0, 0 },
    { "bytes=20-10", 100, KN_RANGE_UNSATISFIABLE, 0, 0 },
    { "bytes=-0", 100, KN_RANGE_UNSATISFIABLE, 0, 0 },
    { "bytes=-", 100, KN_RANGE_UNSATISFIABLE, 0, 0 },
    { "bytes=", 100, KN_RANGE_UNSATISFIABLE, 0, 0 },
    { "bytes=5", 100, KN_RANGE_UNSATISFIABLE, 0, 0 },
    { "bytes=a-b", 100, KN_RANGE_UNSATISFIABLE, 0, 0 },
    { "bytes=0-1,5-6", 100, KN_RANGE_UNSATISFIABLE, 0, 0 },
    { "bytes=0-1 ", 100, KN_RANGE_UNSATISFIABLE, 0, 0 },
    { "bytes=0-", 0, KN_RANGE_UNSATISFIABLE, 0, 0 },
    { NULL, 0, KN_RANGE_WHOLE, 0, 0 },
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        struct kn_image_range range = { 0, 0 };

        assert_int_equal(kn_image_range_parse(CASES[i].header, CASES[i].size, &range), CASES[i].verdict);
        assert_int_equal(range.offset, CASES[i].offset);
        assert_int_equal(range.length, CASES[i].length);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
