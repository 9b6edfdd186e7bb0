/* SPDX-License-Identifier: Apache-2.0 */
/* What is read where it lies is what jansson reads, and of a text that is broken nothing from behind its end. */
#include "tests/support/test.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/jsonr.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"

static const char *const TEXTS[] = {
    "[]",
    "{}",
    "[1, -2.5e3, true, null, \"a\"]",
    "[\"\", \"a, b\", \"]\", \"\\\"\", \"\\\\\", \"\\\\\\\"}\", \"\\u0022\", \"\303\251\"]",
    "[[], {}, [[1], [2, [3]]], {\"a\": {\"b\": []}}]",
    "{\"a\":1,\"b\":\"x:y\",\"c\":{\"a\":2},\"d\":[{\"a\":3}],\"e\":null}",
    "[{\"ips\": [{\"dns\": [], \"dhcp\": true, \"address\": \"10.20.0.4\"}], \"network_name\": \"a \\\"b\\\"\"}]",
};

static void is_same(struct kn_jsonr value, const json_t *want)
{
    json_auto_t *got = json_loadb(value.text, value.len, JSON_DECODE_ANY, NULL);

    assert_non_null(got);
    assert_true(json_equal(got, want));
}

static void walks_as_jansson(struct kn_jsonr value, const json_t *want)
{
    struct kn_jsonr rest = kn_jsonr_inside(value), item, name;
    size_t count = 0;

    is_same(value, want);
    while (json_is_object(want) && kn_jsonr_next(&rest, &name)) {
        json_auto_t *key = json_loadb(name.text, name.len, JSON_DECODE_ANY, NULL);

        assert_true(kn_jsonr_next(&rest, &item));
        walks_as_jansson(item, json_object_get(want, json_string_value(key)));
        count++;
    }
    while (json_is_array(want) && kn_jsonr_next(&rest, &item)) {
        walks_as_jansson(item, json_array_get(want, count++));
    }
    assert_false(kn_jsonr_next(&rest, &item));
    assert_int_equal(count, json_is_object(want) ? json_object_size(want) : json_array_size(want));
}

static void test_reads_what_jansson_reads(void **state)
{
    (void)state;
    for (size_t i = 0; i < KN_COUNT(TEXTS); i++) {
        json_auto_t *want = json_loads(TEXTS[i], 0, NULL);
        AUTO_FREE char *dense = json_dumps(want, JSON_COMPACT);
        AUTO_FREE char *wide = json_dumps(want, JSON_INDENT(2));

        walks_as_jansson(kn_jsonr_of(TEXTS[i]), want);
        walks_as_jansson(kn_jsonr_of(dense), want);
        walks_as_jansson(kn_jsonr_of(wide), want);
    }
}

static void test_members(void **state)
{
    static const char *const KEYS[] = { "d", "a", "none", "b" };
    struct kn_jsonr values[KN_COUNT(KEYS)];
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;

    (void)state;
    kn_jsonr_members(kn_jsonr_of(TEXTS[5]), KEYS, KN_COUNT(KEYS), values);
    kn_jsonw_array(&sb, NULL);
    for (size_t i = 0; i < KN_COUNT(KEYS); i++) {
        kn_jsonw_value(&sb, NULL, values[i]);
    }
    kn_jsonw_end_array(&sb);
    assert_string_equal(sb.buf, "[[{\"a\":3}],1,null,\"x:y\"]");
    kn_jsonr_members(kn_jsonr_of("7"), KEYS, KN_COUNT(KEYS), values);
    assert_int_equal(values[1].len, 0);
    assert_true(kn_jsonr_equal(kn_jsonr_of("\"a\""), kn_jsonr_of("\"a\"")));
    assert_false(kn_jsonr_equal(kn_jsonr_of("\"a\""), kn_jsonr_of("\"ab\"")));
}

/* The sanitiser sees what is read behind the end. */
static void test_every_beginning_of_a_text(void **state)
{
    static const char *const KEYS[] = { "a" };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(TEXTS); i++) {
        for (size_t len = 0; len <= strlen(TEXTS[i]); len++) {
            AUTO_FREE char *part = kn_strndup(TEXTS[i], len);
            struct kn_jsonr rest = kn_jsonr_inside(kn_jsonr_of(part)), item, value;
            size_t seen = 0;

            while (kn_jsonr_next(&rest, &item)) {
                kn_jsonr_members(item, KEYS, 1, &value);
                assert_true(item.text >= part && item.text + item.len <= part + len);
                seen++;
            }
            assert_true(seen <= len);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_what_jansson_reads),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_every_beginning_of_a_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
