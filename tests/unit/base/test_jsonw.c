/* SPDX-License-Identifier: Apache-2.0 */
/* What the writer writes, jansson reads; commas stand where they belong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"

static void members_in_order(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;

    (void)state;
    kn_jsonw_object(&sb, NULL);
    kn_jsonw_str(&sb, "a", "x\"y\n");
    kn_jsonw_str(&sb, "n", NULL);
    kn_jsonw_int(&sb, "i", INT64_MIN);
    kn_jsonw_bool(&sb, "t", true);
    kn_jsonw_bool(&sb, "f", false);
    kn_jsonw_null(&sb, "z");
    kn_jsonw_raw(&sb, "r", "{\"q\": 1}");
    kn_jsonw_array(&sb, "l");
    kn_jsonw_int(&sb, NULL, 1);
    kn_jsonw_object(&sb, NULL);
    kn_jsonw_end_object(&sb);
    kn_jsonw_array(&sb, NULL);
    kn_jsonw_end_array(&sb);
    kn_jsonw_end_array(&sb);
    kn_jsonw_object(&sb, "o");
    kn_jsonw_end_object(&sb);
    kn_jsonw_end_object(&sb);
    assert_string_equal(sb.buf,
                        "{\"a\":\"x\\\"y\\n\",\"n\":null,\"i\":-9223372036854775808,\"t\":true,\"f\":false,\"z\":null,"
                        "\"r\":{\"q\": 1},\"l\":[1,{},[]],\"o\":{}}");
}

/* A value that ends in an opening bracket must not eat the comma. */
static void brackets_in_values(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;
    json_t *back = NULL;

    (void)state;
    kn_jsonw_array(&sb, NULL);
    kn_jsonw_str(&sb, NULL, "{");
    kn_jsonw_str(&sb, NULL, "[");
    kn_jsonw_raw(&sb, NULL, "\"[\"");
    kn_jsonw_int(&sb, NULL, 2);
    kn_jsonw_end_array(&sb);
    back = json_loads(sb.buf, 0, NULL);
    assert_int_equal(json_array_size(back), 4);
    json_decref(back);
}

/* A key that was written by hand. */
static void after_a_key(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;

    (void)state;
    kn_strbuf_addstr(&sb, "{\"a\":");
    kn_jsonw_array(&sb, NULL);
    kn_jsonw_str(&sb, NULL, ":");
    kn_jsonw_str(&sb, NULL, "b");
    kn_jsonw_end_array(&sb);
    kn_jsonw_end_object(&sb);
    assert_string_equal(sb.buf, "{\"a\":[\":\",\"b\"]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_in_order),
        cmocka_unit_test(brackets_in_values),
        cmocka_unit_test(after_a_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
