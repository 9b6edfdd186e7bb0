/* SPDX-License-Identifier: Apache-2.0 */
/* Trees as text: what is printed reads as the same tree, to the byte what jansson prints where it prints the same, and is well formed in any case. */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/strbuf.h"
#include "lib/domain/json_text.h"

static void test_as_jansson_prints_it(void **state)
{
    static const char *const TEXTS[] = {
        "{}",
        "[]",
        "null",
        "true",
        "false",
        "0",
        "-9223372036854775808",
        "9223372036854775807",
        "\"\"",
        "{\"b\":1,\"a\":{\"c\":[],\"d\":{}},\"\":null}",
        "[[[1,2],[]],\"x\",true,false,null]",
        "1.5",
        "[0.1,1e300,-2.0]",
        "\"\\\"\\\\/\\b\\f\\n\\r\\t\"",
        "{\"k\\\"\\\\\\n\":\"é€😀\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
        json_auto_t *tree = json_loads(TEXTS[i], JSON_DECODE_ANY, NULL);
        AUTO_FREE char *wanted = json_dumps(tree, JSON_COMPACT | JSON_ENCODE_ANY);
        AUTO_FREE char *text = kn_json_text(tree);

        assert_non_null(tree);
        assert_string_equal(text, wanted);
    }
}

static void test_control_characters_and_bytes_that_are_none(void **state)
{
    json_auto_t *odd = json_pack("[s]", "\x01\x1f\x7f");
    json_auto_t *wrong = json_array();

    (void)state;
    json_array_append_new(wrong, json_string_nocheck("a\xff\xc3"));
    AUTO_FREE char *text = kn_json_text(odd);
    json_auto_t *again = json_loads(text, 0, NULL);
    AUTO_FREE char *mended = kn_json_text(wrong);
    json_auto_t *read = json_loads(mended, 0, NULL);

    assert_true(json_equal(odd, again));
    assert_string_equal(json_string_value(json_array_get(read, 0)), "a\xef\xbf\xbd\xef\xbf\xbd");
}

static void test_nothing(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf out = KN_STRBUF_INIT;

    (void)state;
    kn_strbuf_addstr(&out, "a:");
    kn_json_print(&out, NULL);
    assert_string_equal(out.buf, "a:null");
    assert_null(kn_json_text(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_jansson_prints_it),
        cmocka_unit_test(test_control_characters_and_bytes_that_are_none),
        cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
