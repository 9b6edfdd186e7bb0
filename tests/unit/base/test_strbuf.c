/* SPDX-License-Identifier: Apache-2.0 */
/* String buffers: growth, numbers, and that no byte string can break out of JSON, XML or a URL. */
#include "lib/base/strbuf.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/test.h"

static void test_empty(void **state)
{
    (void)state;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;
    assert_string_equal(sb.buf, "");
    kn_strbuf_clear(&sb);
    kn_strbuf_add(&sb, NULL, 0);
    assert_int_equal(sb.len, 0);
    AUTO_FREE char *text = kn_strbuf_detach(&sb);
    assert_string_equal(text, "");
    assert_string_equal(sb.buf, "");
}

static void test_grows(void **state)
{
    (void)state;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;
    for (int i = 0; i < 10000; i++) {
        kn_strbuf_addch(&sb, (char)('a' + i % 26));
        assert_int_equal(sb.buf[sb.len], 0);
    }
    assert_int_equal(sb.len, 10000);
    assert_int_equal(sb.buf[9999], 'a' + 9999 % 26);
    size_t cap = sb.cap;
    kn_strbuf_clear(&sb);
    assert_string_equal(sb.buf, "");
    assert_int_equal(sb.cap, cap);
}

static void test_format_of_any_length(void **state)
{
    (void)state;
    for (int len = 0; len < 300; len++) {
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;
        kn_strbuf_addstr(&sb, "<");
        kn_strbuf_addf(&sb, "%*s|%d", len, "", 7);
        assert_int_equal(sb.len, (size_t)len + 3);
        assert_int_equal(sb.buf[sb.len - 1], '7');
        assert_int_equal(strlen(sb.buf), sb.len);
    }
}

static void test_numbers(void **state)
{
    (void)state;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;
    static const int64_t VALUES[] = { 0, 7, -1, 1000, INT64_MAX, INT64_MIN };
    for (size_t i = 0; i < KN_COUNT(VALUES); i++) {
        kn_strbuf_addint(&sb, VALUES[i]);
        kn_strbuf_addch(&sb, ' ');
    }
    assert_string_equal(sb.buf, "0 7 -1 1000 9223372036854775807 -9223372036854775808 ");
}

struct escape {
    const char *in;
    const char *out;
};

static void check_escapes(void (*add)(struct kn_strbuf *, const char *), const struct escape *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;
        add(&sb, cases[i].in);
        assert_string_equal(sb.buf, cases[i].out);
    }
}

static void test_json(void **state)
{
    (void)state;
    static const struct escape CASES[] = {
        { NULL, "null" },
        { "", "\"\"" },
        { "plain", "\"plain\"" },
        { "a\"b\\c", "\"a\\\"b\\\\c\"" },
        { "\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"" },
        { "\x01\x1f\x7f", "\"\\u0001\\u001f\x7f\"" },
        { "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80", "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80\"" },
        { "\xff", "\"\xef\xbf\xbd\"" },                     /* never UTF-8 */
        { "\xc3", "\"\xef\xbf\xbd\"" },                     /* cut short */
        { "\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },     /* overlong slash */
        { "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" }, /* surrogate */
        { "\xf4\x90\x80\x80x", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx\"" }, /* above U+10FFFF */
        { "\xe2\x82\"", "\"\xef\xbf\xbd\xef\xbf\xbd\\\"\"" }, /* the quote behind half a character is still escaped */
    };
    check_escapes(kn_strbuf_addjson, CASES, KN_COUNT(CASES));
}

/* Eight bytes are looked at together: one that needs an escape is found wherever it stands, and its neighbours stay as they are. */
static void test_json_at_every_place(void **state)
{
    (void)state;
    for (int c = 1; c < 0x80; c++) {
        for (size_t at = 0; at < 24; at++) {
            char text[] = "!#[]~\x7f z!#[]~\x7f z!#[]~\x7f z";
            AUTO_RELEASE(kn_strbuf)
            struct kn_strbuf whole = KN_STRBUF_INIT, one = KN_STRBUF_INIT, wanted = KN_STRBUF_INIT;

            kn_strbuf_addjson(&one, (char[]){ (char)c, '\0' });
            kn_strbuf_addf(&wanted, "\"%.*s%.*s%s\"", (int)at, text, (int)one.len - 2, one.buf + 1, text + at + 1);
            text[at] = (char)c;
            kn_strbuf_addjson(&whole, text);
            assert_string_equal(whole.buf, wanted.buf);
        }
    }
}

static void test_xml(void **state)
{
    (void)state;
    static const struct escape CASES[] = {
        { "", "" },
        { "<a b=\"c\" d='e'>&</a>", "&lt;a b=&quot;c&quot; d=&apos;e&apos;&gt;&amp;&lt;/a&gt;" },
        { "t\ta\nb\rc", "t\ta\nb\rc" },
        { "\x01\x08\x0b\x1fz", "z" },
        { "\xc3\xbc\xff\xe2\x82", "\xc3\xbc" },
        { "\xef\xbf\xbe\xef\xbf\xbf\xef\xbf\xbd", "\xef\xbf\xbd" },
    };
    check_escapes(kn_strbuf_addxml, CASES, KN_COUNT(CASES));
}

static void test_url(void **state)
{
    (void)state;
    static const struct escape CASES[] = {
        { "AZaz09-._~", "AZaz09-._~" },
        { "a b/c?d=e&f%", "a%20b%2Fc%3Fd%3De%26f%25" },
        { "\xc3\xbc\n", "%C3%BC%0A" },
    };
    check_escapes(kn_strbuf_addurl, CASES, KN_COUNT(CASES));
}

static void test_detach(void **state)
{
    (void)state;
    struct kn_strbuf sb = KN_STRBUF_INIT;
    kn_strbuf_addstr(&sb, "mine");
    AUTO_FREE char *text = kn_strbuf_detach(&sb);
    assert_string_equal(text, "mine");
    assert_int_equal(sb.cap, 0);
    kn_strbuf_release(&sb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),   cmocka_unit_test(test_grows),  cmocka_unit_test(test_format_of_any_length),
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_json),   cmocka_unit_test(test_xml),
        cmocka_unit_test(test_url),     cmocka_unit_test(test_detach), cmocka_unit_test(test_json_at_every_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
