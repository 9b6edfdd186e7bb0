/* SPDX-License-Identifier: Apache-2.0 */
/* OpenStack's manners: microversion headers, error bodies, version documents, the address in links. Golden texts. */
#include <string.h>

#include "api/address.h"
#include "api/dialect.h"
#include "api/microversion.h"
#include "api/versions.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/test.h"

static const struct kn_api NOVA = { .name = "compute",
                                    .prefix = "/compute",
                                    .dialect = KN_DIALECT_NOVA,
                                    .microversion_service = "compute",
                                    .major = 2,
                                    .min_minor = 1,
                                    .max_minor = 96 };
static const struct kn_api CINDER = { .name = "volume",
                                      .prefix = "/volume",
                                      .dialect = KN_DIALECT_CINDER,
                                      .microversion_service = "volume",
                                      .major = 3,
                                      .min_minor = 0,
                                      .max_minor = 71 };
static const struct kn_api GLANCE = { .name = "image", .prefix = "/image", .dialect = KN_DIALECT_GLANCE };
static const struct kn_api KEYSTONE = { .name = "identity", .prefix = "/identity", .dialect = KN_DIALECT_KEYSTONE };
static const struct kn_api NEUTRON = { .name = "network", .prefix = "/network", .dialect = KN_DIALECT_NEUTRON };

#define RESPONSE \
    { \
        .status = 200, .body = KN_STRBUF_INIT, .content_type = "application/json", .fd = -1, .headers = KN_STRBUF_INIT \
    }

static void release(struct kn_response *res)
{
    kn_strbuf_release(&res->body);
    kn_strbuf_release(&res->headers);
}

static void test_microversions(void **state)
{
    static const struct {
        const struct kn_api *api;
        const char *standard, *legacy;
        int expected; /* minor, or -HTTP status */
    } CASES[] = {
        { &NOVA, NULL, NULL, 1 },
        { &NOVA, "compute 2.96", NULL, 96 },
        { &NOVA, "compute 2.1", "2.50", 1 },
        { &NOVA, NULL, "2.50", 50 },
        { &NOVA, "volume 3.10", "2.50", 50 },
        { &NOVA, "volume 3.10, compute 2.53", NULL, 53 },
        { &NOVA, "compute 2.53,volume 3.10", NULL, 53 },
        { &NOVA, "COMPUTE latest", NULL, 96 },
        { &NOVA, NULL, "latest", 96 },
        { &NOVA, NULL, "2.latest", 96 },
        { &NOVA, "compute 2.97", NULL, -406 },
        { &NOVA, "compute 2.0", NULL, -406 },
        { &NOVA, "compute 3.1", NULL, -406 },
        { &NOVA, "compute 2.", NULL, -400 },
        { &NOVA, "compute 2.1.1", NULL, -400 },
        { &NOVA, "compute 2.01", NULL, -400 },
        { &NOVA, "compute x", NULL, -400 },
        { &NOVA, "compute", NULL, -400 },
        { &NOVA, "compute 2.99999999999999999999", NULL, -400 },
        { &NOVA, NULL, "-2.1", -400 },
        { &NOVA, "computer 2.7", NULL, 1 },
        { &CINDER, "volume 3.71", NULL, 71 },
        { &CINDER, NULL, "2.50", 0 },
        { &GLANCE, "image 2.5", NULL, 0 },
    };
    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        struct kn_error err = { 0 };
        int got = 0;
        if (kn_api_microversion_choose(CASES[i].api, CASES[i].standard, CASES[i].legacy, &got, &err) < 0) {
            got = -kn_code_status(err.code);
        }
        if (got != CASES[i].expected) {
            fail_msg("case %zu: %d, expected %d (%s)", i, got, CASES[i].expected, err.message);
        }
    }
}

static void test_microversion_headers(void **state)
{
    struct kn_response res = RESPONSE;

    (void)state;
    kn_api_microversion_headers(&NOVA, 96, &res);
    assert_string_equal(res.headers.buf, "OpenStack-API-Version: compute 2.96\nX-OpenStack-Nova-API-Version: 2.96\n"
                                         "Vary: OpenStack-API-Version, X-OpenStack-Nova-API-Version\n");
    kn_strbuf_clear(&res.headers);
    kn_api_microversion_headers(&CINDER, 0, &res);
    assert_string_equal(res.headers.buf, "OpenStack-API-Version: volume 3.0\nVary: OpenStack-API-Version\n");
    kn_strbuf_clear(&res.headers);
    kn_api_microversion_headers(&GLANCE, 0, &res);
    assert_string_equal(res.headers.buf, "");
    release(&res);
}

static void test_errors(void **state)
{
    static const struct {
        enum kn_dialect dialect;
        const char *accept;
        enum kn_code code;
        const char *message;
        bool unrouted, plain;
        int status;
        const char *body;
    } CASES[] = {
        { KN_DIALECT_NOVA, NULL, KN_NOT_FOUND, "no \"x\"", false, false, 404,
          "{\"itemNotFound\":{\"code\":404,\"message\":\"no \\\"x\\\"\"}}" },
        { KN_DIALECT_NOVA, NULL, KN_QUOTA, "q", false, false, 403, "{\"forbidden\":{\"code\":403,\"message\":\"q\"}}" },
        { KN_DIALECT_NOVA, NULL, KN_NOT_ACCEPTABLE, "v", false, false, 406,
          "{\"computeFault\":{\"code\":406,\"message\":\"v\"}}" },
        { KN_DIALECT_NOVA, NULL, KN_INTERNAL, "secret", false, false, 500,
          "{\"computeFault\":{\"code\":500,\"message\":\"Unexpected API Error. The log says more under req-1.\"}}" },
        { KN_DIALECT_NOVA, "application/json", KN_NOT_FOUND, "nope", true, false, 404,
          "{\"message\":\"nope<br /><br />\\n\\n\\n\",\"code\":\"404 Not Found\",\"title\":\"Not Found\"}" },
        { KN_DIALECT_CINDER, NULL, KN_QUOTA, "q", false, false, 413,
          "{\"overLimit\":{\"code\":413,\"message\":\"q\",\"retryAfter\":0}}" },
        { KN_DIALECT_NOVA, NULL, KN_UNAUTHORIZED, "who", false, false, 401,
          "{\"error\":{\"code\":401,\"message\":\"who\",\"title\":\"Unauthorized\"}}" },
        { KN_DIALECT_KEYSTONE, NULL, KN_CONFLICT, "c", true, false, 409,
          "{\"error\":{\"code\":409,\"message\":\"c\",\"title\":\"Conflict\"}}" },
        { KN_DIALECT_NEUTRON, NULL, KN_NOT_FOUND, "Network 1 could not be found.", false, false, 404,
          "{\"NeutronError\":{\"type\":\"HTTPNotFound\",\"message\":\"Network 1 could not be found.\",\"detail\":\"\"}}" },
        { KN_DIALECT_NEUTRON, NULL, KN_QUOTA, "q", false, false, 409,
          "{\"NeutronError\":{\"type\":\"OverQuota\",\"message\":\"q\",\"detail\":\"\"}}" },
        { KN_DIALECT_NEUTRON, NULL, KN_METHOD_NOT_ALLOWED, "m", false, false, 405,
          "{\"NeutronError\":{\"type\":\"HTTPMethodNotAllowed\",\"message\":\"m\",\"detail\":\"\"}}" },
        { KN_DIALECT_NEUTRON, NULL, KN_TOO_LARGE, "l", false, false, 413,
          "{\"NeutronError\":{\"type\":\"HTTPRequestEntityTooLarge\",\"message\":\"l\",\"detail\":\"\"}}" },
        { KN_DIALECT_GLANCE, "application/json", KN_NOT_FOUND, "n", false, false, 404,
          "{\"message\":\"n<br /><br />\\n\\n\\n\",\"code\":\"404 Not Found\",\"title\":\"Not Found\"}" },
        { KN_DIALECT_GLANCE, "application/json", KN_NOT_FOUND, "n", false, true, 404, "404 Not Found\n\nn\n\n" },
        { KN_DIALECT_GLANCE, "", KN_CONFLICT, "n", false, false, 409, "409 Conflict\n\nn\n\n" },
        { KN_DIALECT_GLANCE, "*/*", KN_BAD_REQUEST, "<x>", false, false, 400,
          "<html>\n <head>\n  <title>400 Bad Request</title>\n </head>\n <body>\n  <h1>400 Bad Request</h1>\n  "
          "&lt;x&gt;<br /><br />\n\n\n </body>\n</html>" },
        { KN_DIALECT_PLACEMENT, NULL, KN_NOT_FOUND, "n", false, false, 404,
          "{\"errors\":[{\"status\":404,\"title\":\"Not Found\",\"detail\":\"n\",\"request_id\":\"req-1\","
          "\"code\":\"placement.undefined_code\"}]}" },
    };
    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        struct kn_response res = RESPONSE;
        struct kn_error err = { .code = CASES[i].code };
        const struct kn_api_dialect_ask ask = { CASES[i].dialect,    CASES[i].accept,   "req-1",
                                                "http://h/identity", CASES[i].unrouted, CASES[i].plain };
        kn_copy(err.message, sizeof(err.message), CASES[i].message);
        kn_api_dialect_error(&ask, &err, &res);
        assert_int_equal(res.status, CASES[i].status);
        assert_string_equal(res.body.buf, CASES[i].body);
        const char *auth = "WWW-Authenticate: Keystone uri=\"http://h/identity\"\n";
        assert_int_equal(strcmp(res.headers.buf, auth) == 0, res.status == 401);
        release(&res);
    }
}

static void document(const struct kn_api *api, const char *rest, int status, const char *expected)
{
    struct kn_response res = RESPONSE;

    assert_int_equal(kn_api_versions_answer(api, rest, "https://c:1/p", &res), status != 0);
    if (status != 0) {
        assert_int_equal(res.status, status);
        if (strstr(res.body.buf, expected) == NULL) {
            fail_msg("%s%s: %s has no %s", api->prefix, rest, res.body.buf, expected);
        }
        json_t *json = json_loads(res.body.buf, 0, NULL);
        assert_non_null(json);
        json_decref(json);
    }
    release(&res);
}

static void test_version_documents(void **state)
{
    (void)state;
    document(&KEYSTONE, "", 300, "{\"versions\":{\"values\":[{\"id\":\"v3.14\",\"status\":\"stable\"");
    document(&KEYSTONE, "/v3/", 200, "{\"version\":{\"id\":\"v3.14\"");
    document(&KEYSTONE, "/v3/users", 0, NULL);
    document(&NOVA, "/", 200,
             "{\"versions\":[{\"id\":\"v2.0\",\"status\":\"DEPRECATED\",\"version\":\"\",\"min_version\":\"\"");
    document(&NOVA, "/", 200, "{\"id\":\"v2.1\",\"status\":\"CURRENT\",\"version\":\"2.96\",\"min_version\":\"2.1\"");
    document(&NOVA, "/v2.1", 200,
             "\"links\":[{\"rel\":\"self\",\"href\":\"https://c:1/p/v2.1/\"},{\"rel\":\"describedby\"");
    document(&NOVA, "/servers", 300,
             "{\"choices\":[{\"id\":\"v2.1\",\"status\":\"CURRENT\",\"links\":[{\"rel\":\"self\","
             "\"href\":\"https://c:1/p/v2.1/servers\"}]");
    document(&NOVA, "/v2.1/servers", 0, NULL);
    document(&GLANCE, "/", 300,
             "{\"versions\":[{\"id\":\"v2.17\",\"status\":\"CURRENT\",\"links\":[{\"rel\":\"self\","
             "\"href\":\"https://c:1/p/v2/\"}]},{\"id\":\"v2.15\",\"status\":\"SUPPORTED\"");
    document(&GLANCE, "/versions", 200, "v2.17");
    document(&NEUTRON, "/", 200,
             "{\"versions\":[{\"id\":\"v2.0\",\"status\":\"CURRENT\",\"links\":[{\"rel\":\"self\","
             "\"href\":\"https://c:1/p/v2.0/\"}]}]}");
    document(&NEUTRON, "/v2.0/", 200, "\"collection\":\"networks\"");
    document(&NEUTRON, "/v2.0", 0, NULL);
    document(&CINDER, "/", 300,
             "{\"versions\":[{\"id\":\"v3.0\",\"status\":\"CURRENT\",\"version\":\"3.71\",\"min_version\":\"3.0\"");
    document(&CINDER, "/v3/", 200, "{\"versions\":[{\"id\":\"v3.0\"");
}

static void test_addresses(void **state)
{
    static const struct {
        struct kn_api_address address;
        const char *expected;
    } CASES[] = {
        { { NULL, NULL, "a:1", "l:9" }, "http://a:1" },
        { { "https", NULL, "a", "l:9" }, "https://a" },
        { { "https, http", "b.c, d", "a", "l:9" }, "https://b.c" },
        { { "gopher", "", "[::1]:80", "l:9" }, "http://[::1]:80" },
        { { NULL, "a/b", "x\"y", "l:9" }, "http://l:9" },
        { { NULL, NULL, NULL, "l:9" }, "http://l:9" },
    };
    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;
        kn_api_address_add(&CASES[i].address, &sb);
        assert_string_equal(sb.buf, CASES[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_microversions), cmocka_unit_test(test_microversion_headers),
        cmocka_unit_test(test_errors),        cmocka_unit_test(test_version_documents),
        cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
