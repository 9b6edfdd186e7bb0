/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's serial output, made fit for JSON. */
#include "tests/support/test.h"

#include <jansson.h>
#include <string.h>

#include "compute-agent/core/console.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

static void tail(const char *data, size_t len, int64_t lines, const char *want)
{
    struct kn_strbuf out = KN_STRBUF_INIT;

    kn_agent_console_tail(data, len, lines, &out);
    assert_string_equal(out.buf, want);
    kn_strbuf_release(&out);
}

static void test_lines(void **state)
{
    (void)state;
    tail("a\nb\nc\n", 6, -1, "a\nb\nc\n");
    tail("a\nb\nc\n", 6, 1, "c\n");
    tail("a\nb\nc\n", 6, 2, "b\nc\n");
    tail("a\nb\nc", 5, 2, "b\nc");
    tail("a\nb\n", 4, 9, "a\nb\n");
    tail("a\nb\n", 4, 0, "");
    tail("\n\n", 2, 1, "\n");
    tail("", 0, 3, "");
}

static void test_bytes_that_are_no_text(void **state)
{
    (void)state;
    tail("a\xff"
         "b",
         3, -1,
         "a\xef\xbf\xbd"
         "b");
    tail("\0x", 2, -1, "\xef\xbf\xbdx");
    tail("\xc3\xa9", 2, -1, "\xc3\xa9");
    tail("\xc0\xaf", 2, -1, "\xef\xbf\xbd\xef\xbf\xbd");         /* overlong */
    tail("\xed\xa0\x80", 3, -1, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* surrogate */
    tail("\xf0\x9f\x98\x80", 4, -1, "\xf0\x9f\x98\x80");
    tail("\xf0\x9f\x98", 3, -1, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* cut off */
}

static void test_bound(void **state)
{
    size_t len = 3 * KN_CONSOLE_MAX;
    AUTO_FREE char *data = kn_alloc(len);
    struct kn_strbuf out = KN_STRBUF_INIT;
    json_t *text;

    (void)state;
    memset(data, 0xff, len); /* each becomes three bytes */
    kn_agent_console_tail(data, len, -1, &out);
    assert_true(out.len <= KN_CONSOLE_MAX && out.len > KN_CONSOLE_MAX - 3);
    text = json_stringn(out.buf, out.len);
    assert_non_null(text); /* whole characters only */
    json_decref(text);
    kn_strbuf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_lines), cmocka_unit_test(test_bytes_that_are_no_text),
                                        cmocka_unit_test(test_bound) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
