/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of the nouns: what each can be asked, that no word of a client ever stands in a statement, and that the statements of one's
 * own select what the tables write. And what immutable forbids.
 */
#include <string.h>

#include "identity/rows/immutable.h"
#include "identity/rows/nouns.h"
#include "lib/adapter/http_private.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/test.h"

static struct kn_http_server server;

/* The statement of GET <noun>?<query>, behind its columns. bounds as for kn_rest_list_within(). */
static int build(const struct kn_rest_noun *noun, const char *query, const struct kn_rest_bound *bounds,
                 struct kn_rest_query *ret, struct kn_error *err)
{
    AUTO_FREE char *target = kn_asprintf("/v3%s?%s", noun->path, query);
    struct kn_http_raw *raw = kn_http_raw_new(&server, target, NULL);
    AUTO_RELEASE(kn_rest_list)
    struct kn_rest_list l = {
        .req = &raw->req, .noun = noun, .view = KN_REST_LIST, .bounds = bounds, .query = KN_REST_QUERY_INIT
    };
    int rc = kn_request_query_read(&raw->req, err) < 0 || kn_rest_list_read(&l, err) < 0
                 ? -1
                 : kn_rest_list_sql(&l, ret, err);

    kn_http_raw_free(raw);
    return rc;
}

static void expect_of(const struct kn_rest_noun *noun, const char *query, const struct kn_rest_bound *bounds,
                      const char *sql, int count)
{
    AUTO_RELEASE(kn_rest_query) struct kn_rest_query q = KN_REST_QUERY_INIT;
    struct kn_error err = { 0 };

    assert_ok(build(noun, query, bounds, &q, &err), &err);
    assert_string_equal(strstr(q.sql.buf, " WHERE true") + strlen(" WHERE true"), sql);
    assert_int_equal(q.count, count);
}

static void expect(const char *query, const char *sql, int count)
{
    expect_of(&kn_identity_domain_noun, query, NULL, sql, count);
}

static void test_filters(void **state)
{
    (void)state;
    expect("", " ORDER BY (name), (id)", 0);
    expect("name='; DROP TABLE domain", " AND (name) = $1::text ORDER BY (name), (id)", 1);
    expect("name__contains=%25", " AND position($1 IN name) > 0 ORDER BY (name), (id)", 1);
    expect("name__istartswith=a", " AND starts_with(lower(name), lower($1)) ORDER BY (name), (id)", 1);
    expect("name__endswith=a", " AND right(name, length($1::text)) = $1 ORDER BY (name), (id)", 1);
    expect("name__=a&name__contains__=a&names=a&id; --=a&enabled__contains=a", " ORDER BY (name), (id)", 0);
    expect("enabled=yes", " AND (enabled) = $1::boolean ORDER BY (name), (id)", 1);
    expect("enabled", " AND (enabled) = $1::boolean ORDER BY (name), (id)", 1);
    expect("tags=a,b", " AND tags @> string_to_array($1, ',') ORDER BY (name), (id)", 1);
    expect("tags-any=a", " AND tags && string_to_array($1, ',') ORDER BY (name), (id)", 1);
    expect("not-tags=a", " AND NOT tags @> string_to_array($1, ',') ORDER BY (name), (id)", 1);
    expect("not-tags-any=a", " AND NOT tags && string_to_array($1, ',') ORDER BY (name), (id)", 1);
    expect("name=a&name=b", " AND (name) = $1::text AND (name) = $2::text ORDER BY (name), (id)", 2);
}

static void test_pages(void **state)
{
    const struct kn_rest_bound bounds[] = { { "domain_id = ?", "d" },
                                            { "id IN (SELECT ? UNION SELECT ?)", "u" },
                                            { NULL, NULL } };

    (void)state;
    expect("limit=10", " ORDER BY (name), (id) LIMIT 11", 0);
    expect("limit=0", " ORDER BY (name), (id)", 0);
    expect("limit=999999999", " ORDER BY (name), (id) LIMIT 1001", 0);
    expect("sort_key=enabled&sort_dir=DESC", " ORDER BY (enabled) DESC, (id) DESC", 0);
    expect("sort_dir=desc", " ORDER BY (name) DESC, (id) DESC", 0);
    expect_of(&kn_identity_user_noun, "sort_key=password_expires_at", NULL,
              " ORDER BY coalesce(password_expires_at, 'infinity'::timestamptz), (id)", 0);
    expect_of(&kn_identity_group_noun, "name=x", bounds,
              " AND domain_id = $1 AND id IN (SELECT $2 UNION SELECT $2) AND (name) = $3::text ORDER BY (name), (id)",
              3);
    expect_of(&kn_identity_role_noun, "", NULL, " AND domain_id IS NULL ORDER BY (name), (id)", 0);
    expect_of(&kn_identity_role_noun, "domain_id=d", NULL, " AND (domain_id) = $1::text ORDER BY (name), (id)", 1);
    expect_of(&kn_identity_project_noun, "", NULL, " AND NOT is_domain ORDER BY (name), (id)", 0);
    expect_of(&kn_identity_region_noun, "", NULL, " ORDER BY (id)", 0);
    expect_of(&kn_identity_endpoint_noun, "region=r", NULL, " AND (region_id) = $1::text ORDER BY (name), (id)", 1);
}

static void test_refusals(void **state)
{
    static const char *const BAD[] = {
        "limit=many",
        "limit=-1",
        "limit=",
        "limit=1000000000",
        "sort_key=colour",
        "sort_key=tags",
        "sort_key=options",
        "sort_dir=sideways",
        "enabled=perhaps",
        "password_expires_at=soon",
        "password_expires_at=2026-01-01T00:00:00Z",
        "password_expires_at=lt:soon",
        "password_expires_at=around:2026-01-01T00:00:00Z",
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        AUTO_RELEASE(kn_rest_query) struct kn_rest_query q = KN_REST_QUERY_INIT;
        struct kn_error err = { 0 };

        assert_fails(build(&kn_identity_user_noun, BAD[i], NULL, &q, &err), &err, KN_BAD_REQUEST);
    }
}

static void test_so_many_filters_and_no_more(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf query = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_rest_query) struct kn_rest_query q = KN_REST_QUERY_INIT, none = KN_REST_QUERY_INIT;
    struct kn_error err = { 0 };

    (void)state;
    kn_strbuf_addstr(&query, "limit=5&sort_key=name");
    for (int i = 0; i < KN_REST_KEYSTONE.filters_max; i++) {
        kn_strbuf_addstr(&query, "&name=x");
    }
    assert_ok(build(&kn_identity_user_noun, query.buf, NULL, &q, &err), &err);
    assert_int_equal(q.count, KN_REST_KEYSTONE.filters_max);
    kn_strbuf_addstr(&query, "&name=x");
    assert_fails(build(&kn_identity_user_noun, query.buf, NULL, &none, &err), &err, KN_BAD_REQUEST);
}

static void test_own_statements_select_what_the_tables_write(void **state)
{
    static const struct {
        const struct kn_rest_noun *noun;
        const char *columns;
    } CASES[] = {
        { &kn_identity_project_noun, KN_PROJECT_COLUMNS },
        { &kn_identity_role_noun, KN_ROLE_COLUMNS },
    };
    struct kn_request req = { 0 };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf list = KN_STRBUF_INIT, one = KN_STRBUF_INIT;

        kn_rest_columns(CASES[i].noun, &req, KN_REST_LIST, &list);
        kn_rest_columns(CASES[i].noun, &req, KN_REST_SHOW, &one);
        assert_string_equal(list.buf, CASES[i].columns);
        assert_string_equal(one.buf, CASES[i].columns);
    }
}

static void test_immutable(void **state)
{
    static const struct {
        bool is;
        const char *object; /* NULL: it goes */
        bool may;
    } CASES[] = {
        { false, "{\"name\": \"x\"}", true },
        { false, NULL, true },
        { true, "{\"name\": \"x\"}", false },
        { true, "{\"name\": \"x\", \"options\": {\"immutable\": false}}", false },
        { true, "{\"options\": {\"immutable\": true}}", false },
        { true, "{\"options\": {}}", false },
        { true, "{\"tags\": []}", false },
        { true, "{\"extra\": {\"colour\": \"red\"}, \"options\": {\"immutable\": false}}", false },
        { true, NULL, false },
        { true, "{\"options\": {\"immutable\": false}}", true },
        { true, "{\"options\": {\"immutable\": \"no\"}, \"domain_id\": \"d\"}", true },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        json_auto_t *object = CASES[i].object != NULL ? json_loads(CASES[i].object, 0, NULL) : NULL;
        struct kn_error err = { 0 };

        if (CASES[i].may) {
            assert_ok(kn_identity_immutable_check(CASES[i].is, "role", "1", object, &err), &err);
        } else {
            assert_fails(kn_identity_immutable_check(CASES[i].is, "role", "1", object, &err), &err, KN_FORBIDDEN);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_so_many_filters_and_no_more),
        cmocka_unit_test(test_own_statements_select_what_the_tables_write),
        cmocka_unit_test(test_immutable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
