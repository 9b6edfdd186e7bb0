/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of lib/rest: statements with their values, types, sort keys, words. Lists and bodies are tested through each service. */
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "lib/rest/query.h"
#include "lib/rest/type.h"
#include "tests/support/test.h"

static void test_values_travel_apart(void **state)
{
    AUTO_RELEASE(kn_rest_query) struct kn_rest_query q = KN_REST_QUERY_INIT;

    (void)state;
    kn_rest_text(&q, "SELECT 1 WHERE true");
    kn_rest_add(&q, " AND a = ? AND b = ?", "'; DROP TABLE server; --");
    kn_rest_add_form(&q, " AND position(? IN %C) > 0", "t.name", "%C?");
    kn_rest_add(&q, " AND c IS ?", NULL);
    assert_string_equal(q.sql.buf,
                        "SELECT 1 WHERE true AND a = $1 AND b = $1 AND position($2 IN t.name) > 0 AND c IS $3");
    assert_string_equal(q.values[0], "'; DROP TABLE server; --");
    assert_string_equal(q.values[1], "%C?");
    assert_null(q.values[2]);
}

static void test_too_many_values(void **state)
{
    AUTO_RELEASE(kn_rest_query) struct kn_rest_query q = KN_REST_QUERY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    (void)state;
    for (int i = 0; i <= KN_REST_VALUES; i++) {
        kn_rest_add(&q, " AND a = ?", "x");
    }
    assert_fails(kn_rest_run(&q, NULL, &rows, &err), &err, KN_BAD_REQUEST);
}

static void test_types_know_their_texts(void **state)
{
    static const struct {
        enum kn_rest_type type;
        const char *text;
        bool fits;
    } CASES[] = {
        { KN_REST_TEXT, "", true },
        { KN_REST_UUID, "00000000-0000-4000-8000-00000000000A", true },
        { KN_REST_UUID, "00000000000040008000000000000000", false },
        { KN_REST_INT, "0", true },
        { KN_REST_INT, "-7", true },
        { KN_REST_INT, "999999999999999999", true },
        { KN_REST_INT, "9223372036854775807", true },
        { KN_REST_INT, "9223372036854775808", false },
        { KN_REST_INT, "", false },
        { KN_REST_INT, "-", false },
        { KN_REST_INT, "1e3", false },
        { KN_REST_INT, "1;", false },
        { KN_REST_TIME, "2026-11-21T10:00:00Z", true },
        { KN_REST_TIME, "yesterday", false },
        { KN_REST_INET, "10.0.0.1", true },
        { KN_REST_INET, "10.0.0.256", false },
        { KN_REST_INET, "fe80::1", true },
        { KN_REST_INET, "10.0.0.1/24", false },
        { KN_REST_CIDR, "10.0.0.0/24", true },
        { KN_REST_CIDR, "10.0.0.0/33", false },
        { KN_REST_CIDR, "fd00::/64", true },
        { KN_REST_CIDR, "fd00::/129", false },
        { KN_REST_CIDR, "10.0.0.0", false },
        { KN_REST_CIDR, "10.0.0.0/", false },
        { KN_REST_MAC, "fa:16:3E:00:00:01", true },
        { KN_REST_MAC, "fa-16-3e-00-00-01", true },
        { KN_REST_MAC, "fa-16:3e-00-00-01", false },
        { KN_REST_MAC, "fa:16:3e:00:00:0", false },
        { KN_REST_JSON, "{}", false },
        { KN_REST_REAL, "1.5", true },
        { KN_REST_REAL, "0", true },
        { KN_REST_REAL, "1e-40", true },
        { KN_REST_REAL, "1e-50", false },
        { KN_REST_REAL, "1e39", false },
        { KN_REST_REAL, "nan", false },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        if (kn_rest_fits(CASES[i].type, CASES[i].text) != CASES[i].fits) {
            fail_msg("%s as %s", CASES[i].text, kn_rest_sql_type(CASES[i].type));
        }
    }
}

static void expect_key(const struct kn_rest_attr *a, const char *wanted)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf key = KN_STRBUF_INIT;

    kn_rest_sort_key(a, &KN_REST_CINDER, &key);
    assert_string_equal(key.buf, wanted);
}

static void test_null_has_a_place(void **state)
{
    const struct kn_rest_attr attrs[] = {
        KN_REST_ATTR("id", "v.id", KN_REST_UUID, KN_REST_SORT),
        KN_REST_ATTR("name", "v.name", KN_REST_TEXT, KN_REST_SORT | KN_REST_NULL),
        KN_REST_ATTR("at", "v.at", KN_REST_TIME, KN_REST_SORT | KN_REST_NULL),
    };

    (void)state;
    expect_key(&attrs[0], "(v.id)");
    expect_key(&attrs[1], "coalesce(v.name, ''::text)");
    expect_key(&attrs[2], "coalesce(v.at, '-infinity'::timestamptz)");
}

static void test_words(void **state)
{
    struct kn_error err = { 0 };

    (void)state;
    assert_int_equal(kn_rest_fail(&err, KN_BAD_REQUEST, "%1 is '%2', not %s %% '%2'", "limit", "%1%n"), -1);
    assert_string_equal(err.message, "limit is '%1%n', not %s %% '%1%n'");
}

/* What a filter makes of a value: its SQL and the value that travels; "" if it refuses. */
static void expect_filter(kn_rest_filter *add, enum kn_rest_type type, const char *value, const char *sql,
                          const char *travels)
{
    static const struct kn_rest_noun NOUN = { .manners = &KN_REST_GLANCE };
    AUTO_RELEASE(kn_rest_list) struct kn_rest_list l = { .noun = &NOUN, .query = KN_REST_QUERY_INIT };
    const struct kn_rest_attr a = KN_REST_ATTR("name", "i.c", type, KN_REST_FILTER);
    struct kn_error err = { 0 };
    const int rc = add(&l, &a, "name", value, &err);

    if (sql[0] == '\0') {
        assert_int_equal(rc, -1);
        assert_int_equal(err.code, KN_BAD_REQUEST);
        assert_string_equal(err.message, travels);
        assert_int_equal(l.query.count, 0);
        return;
    }
    assert_ok(rc, &err);
    assert_string_equal(l.query.sql.buf, sql);
    assert_string_equal(l.query.values[0], travels);
}

static void test_filters_of_lists(void **state)
{
    static const char TEXTS[] = " AND (i.c) = ANY($1::text[])", UUIDS[] = " AND (i.c) = ANY($1::uuid[])";

    (void)state;
    expect_filter(kn_rest_in, KN_REST_TEXT, "a,b", TEXTS, "{\"a,b\"}");
    expect_filter(kn_rest_in, KN_REST_TEXT, "eq:in:a", TEXTS, "{\"in:a\"}");
    expect_filter(kn_rest_in, KN_REST_TEXT, "in:a,\"b,c\",d", TEXTS, "{\"a\",\"b,c\",\"d\"}");
    expect_filter(kn_rest_in, KN_REST_TEXT, "in:", TEXTS, "{\"\"}");
    expect_filter(kn_rest_in, KN_REST_UUID, "in:x,00000000-0000-4000-8000-00000000000A,", UUIDS,
                  "{\"00000000-0000-4000-8000-00000000000A\"}");
    expect_filter(kn_rest_in, KN_REST_UUID, "x", UUIDS, "{}");
    expect_filter(kn_rest_in, KN_REST_TEXT, "in:a\"b\"", "",
                  "Invalid filter value 'a\"b\"'. There is no comma before opening quotation mark.");
    expect_filter(kn_rest_in, KN_REST_TEXT, "in:\"a\"b", "",
                  "Invalid filter value '\"a\"b'. There is no comma after closing quotation mark.");
    expect_filter(kn_rest_in, KN_REST_TEXT, "in:a,\"b", "", "Invalid filter value 'a,\"b'. The quote is not closed.");
    expect_filter(kn_rest_true_false, KN_REST_BOOL, "True", " AND (i.c) = $1::boolean", "t");
    expect_filter(kn_rest_true_false, KN_REST_BOOL, "1", "",
                  "Invalid value '1' for 'name' filter. Valid values are 'true' or 'false'.");
    expect_filter(kn_rest_time, KN_REST_TIME, "gte:2026-11-21T10:00:00Z",
                  " AND date_trunc('second', i.c) >= $1::timestamptz", "2026-11-21T10:00:00.000000Z");
    expect_filter(kn_rest_time, KN_REST_TIME, "gt:2026-11-21T10:00:00Z,lt:2027-11-21T10:00:00Z", "",
                  "Bad \"name\" query filter format. Use ISO 8601 DateTime notation.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_travel_apart),
        cmocka_unit_test(test_too_many_values),
        cmocka_unit_test(test_types_know_their_texts),
        cmocka_unit_test(test_null_has_a_place),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_filters_of_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
