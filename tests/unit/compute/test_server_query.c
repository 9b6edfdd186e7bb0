/* SPDX-License-Identifier: Apache-2.0 */
/* GET /servers as SQL: who may filter by what at which microversion, what is refused, and what is left to patterns. Golden texts, no database. */
#include <string.h>

#include "compute/api/server_noun.h"
#include "lib/adapter/http_private.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/test.h"

static struct kn_http_server server;

#define LIVE " AND s.deleted_at IS NULL AND s.vm_state <> 'soft-delete'"
#define OWN " AND s.project_id = $2"
#define ORDER " ORDER BY (s.created_at) DESC, (s.id) DESC LIMIT 1000"

/* Reads the query into a list; sql: the statement behind " WHERE true", NULL where that asks a database. */
static int build(bool admin, int minor, const char *query, struct kn_rest_list *ret_list, struct kn_rest_query *ret_sql,
                 struct kn_error *err)
{
    static const struct kn_route ROUTE = { .method = "GET", .path = "/v2.1/servers", .rule = KN_NOVA_SERVERS };
    AUTO_FREE char *target = kn_asprintf("/v2.1/servers?%s", query);
    struct kn_http_raw *raw = kn_http_raw_new(&server, target, NULL);
    int rc;

    raw->req.route = &ROUTE;
    raw->req.microversion = minor;
    raw->req.caller.roles = kn_role_bits(admin ? "admin" : "member");
    kn_copy(raw->req.caller.project_id, sizeof(raw->req.caller.project_id), "p");
    *ret_list = (struct kn_rest_list){
        .req = &raw->req, .noun = &kn_compute_server_noun, .view = KN_REST_BRIEF, .query = KN_REST_QUERY_INIT
    };
    rc = kn_request_query_read(&raw->req, err) < 0 || kn_rest_list_read(ret_list, err) < 0 ? -1 : 0;
    if (rc == 0 && ret_list->pattern_count == 0) {
        rc = kn_rest_list_sql(ret_list, ret_sql, err);
    }
    kn_http_raw_free(raw);
    return rc;
}

static void expect(bool admin, int minor, const char *query, const char *sql)
{
    AUTO_RELEASE(kn_rest_list) struct kn_rest_list l;
    AUTO_RELEASE(kn_rest_query) struct kn_rest_query q = KN_REST_QUERY_INIT;
    struct kn_error err = { 0 };

    assert_ok(build(admin, minor, query, &l, &q, &err), &err);
    assert_string_equal(strstr(q.sql.buf, " WHERE true") + strlen(" WHERE true"), sql);
}

static void expect_refused(bool admin, int minor, const char *query, enum kn_code code, const char *words)
{
    AUTO_RELEASE(kn_rest_list) struct kn_rest_list l;
    AUTO_RELEASE(kn_rest_query) struct kn_rest_query q = KN_REST_QUERY_INIT;
    struct kn_error err = { 0 };

    assert_int_equal(build(admin, minor, query, &l, &q, &err), -1);
    assert_int_equal(err.code, code);
    assert_non_null(strstr(err.message, words));
}

static void test_who_may_filter(void **state)
{
    (void)state;
    expect(false, 1, "", " AND s.project_id = $1" LIVE ORDER);
    expect(true, 1, "all_tenants=1", LIVE ORDER);
    expect(false, 1, "user_id=u", " AND s.project_id = $1" LIVE ORDER); /* not his yet: passed over */
    expect(false, 83, "user_id=u", OWN " AND (s.user_id) = $1::text" LIVE ORDER);
    expect(true, 1, "user_id=u", OWN " AND (s.user_id) = $1::text" LIVE ORDER);
    expect(false, 96, "host=h", " AND s.project_id = $1" LIVE ORDER); /* it never is */
    expect(true, 96, "host=h", OWN " AND (s.host) = $1::text" LIVE ORDER);
    expect(false, 25, "tags=a,b", " AND s.project_id = $1" LIVE ORDER); /* not there yet */
    expect(false, 26, "not-tags-any=a,b", OWN " AND NOT s.tags && string_to_array($1, ',')" LIVE ORDER);
    expect(false, 1, "changes-since=2026-11-21T10:00:00Z", OWN " AND s.updated_at >= $1::timestamptz" ORDER);
    expect(false, 74, "colour=red", " AND s.project_id = $1" LIVE ORDER);
    expect_refused(false, 75, "colour=red", KN_BAD_REQUEST,
                   "Additional properties are not allowed ('colour' was unexpected)");
    expect_refused(false, 1, "_x=red", KN_BAD_REQUEST, "Invalid filter field: _x.");
    expect_refused(false, 1, "metadata=red", KN_BAD_REQUEST, "Invalid filter field: metadata.");
    expect_refused(false, 1, "all_tenants", KN_FORBIDDEN, "os_compute_api:servers:index:get_all_tenants");
    expect_refused(false, 1, "sort_key=host", KN_FORBIDDEN, "Only administrators can sort servers by host");
    expect_refused(false, 38, "status=none", KN_BAD_REQUEST, "Invalid status value");
}

/* A pattern that is a text is SQL's; any other is not, and brings no text of the client's into it. */
static void test_patterns(void **state)
{
    AUTO_RELEASE(kn_rest_list) struct kn_rest_list l;
    AUTO_RELEASE(kn_rest_query) struct kn_rest_query q = KN_REST_QUERY_INIT;
    struct kn_error err = { 0 };

    (void)state;
    expect(false, 1, "name=we'b", OWN " AND strpos(s.name, $1) > 0" LIVE ORDER);
    expect(false, 1, "name=%5Eweb%24", OWN " AND $1::text = s.name" LIVE ORDER);
    expect_refused(false, 1, "name=(", KN_BAD_REQUEST, "is not a 'regex'");
    assert_ok(build(true, 1, "name=we.&ip=10.&node=h.", &l, &q, &err), &err);
    assert_int_equal(l.pattern_count, 3);
    assert_true(l.patterns[1].is_list);
    assert_int_equal(l.query.count, 0);
}

/* Only what nobody's parameters made one of many is prepared: a session keeps each for good. */
static void test_which_lists_come_again(void **state)
{
    static const struct {
        const char *query;
        bool comes_again;
    } CASES[] = {
        { "", true },
        { "all_tenants=1", true },
        { "limit=1000", true },
        { "limit=999", false },
        { "name=a", false },
        { "status=ACTIVE", false },
        { "changes-since=2026-11-21T10:00:00Z", false },
        { "sort_key=display_name", false },
        { "sort_dir=asc", false },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        AUTO_RELEASE(kn_rest_list) struct kn_rest_list l;
        AUTO_RELEASE(kn_rest_query) struct kn_rest_query q = KN_REST_QUERY_INIT;
        struct kn_error err = { 0 };

        assert_ok(build(true, 90, CASES[i].query, &l, &q, &err), &err);
        if (l.comes_again != CASES[i].comes_again) {
            fail_msg("%s", CASES[i].query);
        }
    }
}

/* A thousand servers are joined with their hosts; one looks for its own. Nothing is selected twice. */
static void test_lists_join_what_one_looks_for(void **state)
{
    static const struct kn_route ROUTE = { .method = "GET", .path = "/v2.1/servers", .rule = KN_NOVA_SERVERS };
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf list = KN_STRBUF_INIT, one = KN_STRBUF_INIT;
    struct kn_request req = { .route = &ROUTE, .microversion = 90 };

    (void)state;
    req.caller.roles = kn_role_bits("admin");
    kn_copy(req.caller.project_id, sizeof(req.caller.project_id), "p");
    kn_rest_columns(&kn_compute_server_noun, &req, KN_REST_LIST, &list);
    kn_rest_columns(&kn_compute_server_noun, &req, KN_REST_SHOW, &one);
    assert_null(strstr(list.buf, "FROM host"));
    assert_non_null(strstr(list.buf, "g.last_seen"));
    assert_non_null(strstr(one.buf, "FROM host"));
    assert_memory_equal(one.buf, "s.id, s.name, ", 14);
    assert_null(strstr(strstr(one.buf, ", s.host,") + 1, ", s.host,"));
    assert_null(strstr(one.buf, ", s.id,"));
}

static void expect_addresses(const char *nics, const char *label, bool typed, int count, const char *wanted)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;

    assert_int_equal(kn_compute_server_addresses(&sb, NULL, nics, label, typed), count);
    assert_string_equal(sb.buf, wanted);
}

#define IP(address) "{\"dns\": [], \"address\": \"" address "\", \"version\": 4}"
#define NIC(name, mac, ips) "{\"ips\": [" ips "], \"mac\": \"" mac "\", \"network_name\": \"" name "\"}"
#define SHOWN_IP(address) "{\"version\":4,\"addr\":\"" address "\"}"
#define QUOTED "a \\\"1\\\""

/* NICs as PostgreSQL writes them. */
static void test_addresses(void **state)
{
    static const char NICS[] = "[" NIC(QUOTED, "m1",
                                       IP("10.0.0.1") ", " IP("10.0.0.2")) ", " NIC("b", "m2",
                                                                                    "") ", " NIC(QUOTED, "m3",
                                                                                                 IP("10.0.0.3")) "]";
    static const char OF_A[] = "\"" QUOTED
                               "\":[" SHOWN_IP("10.0.0.1") "," SHOWN_IP("10.0.0.2") "," SHOWN_IP("10.0.0.3") "]";
    AUTO_FREE char *both = kn_asprintf("{%s,\"b\":[]}", OF_A);
    AUTO_FREE char *first = kn_asprintf("{%s}", OF_A);

    (void)state;
    expect_addresses("[]", "", true, 0, "{}");
    expect_addresses(NICS, "", false, 2, both);
    expect_addresses(NICS, "a \"1\"", false, 1, first);
    expect_addresses(NICS, "c", false, 0, "{}");
    expect_addresses("[" NIC("n", "m", IP("10.0.0.1")) "]", "", true, 1,
                     "{\"n\":[{\"version\":4,\"addr\":\"10.0.0.1\",\"OS-EXT-IPS:type\":\"fixed\","
                     "\"OS-EXT-IPS-MAC:mac_addr\":\"m\"}]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_may_filter),
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_which_lists_come_again),
        cmocka_unit_test(test_lists_join_what_one_looks_for),
        cmocka_unit_test(test_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
