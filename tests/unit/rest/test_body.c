/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies against a noun's table, in the words of a service that has its own. What is written of them is tested through each service. */
#include "tests/support/test.h"

#include <jansson.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"

static bool is_even(const char *text)
{
    return strlen(text) % 2 == 0;
}

static const struct kn_text_rule EVEN = { is_even, "is not even", false };
static const char *const WORDS[] = { "one", "two", NULL };
static const struct kn_schema PAIR[] = { KN_SCHEMA("a", KN_IS_STRING, .rule = &EVEN), KN_SCHEMA("b", KN_IS_INTEGER),
                                         KN_SCHEMA_END };
static const struct kn_schema PAIRS[] = { KN_SCHEMA("pairs", KN_IS_OBJECT, .inner = PAIR), KN_SCHEMA_END };

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "t.id", KN_REST_UUID, KN_REST_SHOWN),
    KN_REST_ATTR("name", "t.name", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_WRITE, .limit = KN_LIMIT_NETWORK_NAME),
    KN_REST_ATTR("kind", "t.kind", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_POST | KN_REST_REQUIRED, .words = WORDS),
    KN_REST_ATTR("mtu", "t.mtu", KN_REST_INT, KN_REST_SHOWN | KN_REST_WRITE, .limit = KN_LIMIT_WIRE_MTU),
    KN_REST_ATTR("up", "t.up", KN_REST_BOOL, KN_REST_SHOWN | KN_REST_WRITE),
    KN_REST_ATTR("shared", "t.shared", KN_REST_BOOL, KN_REST_SHOWN | KN_REST_WRITE,
                 .post = KN_NEUTRON_CREATE_NETWORK_SHARED, .put = KN_NEUTRON_UPDATE_NETWORK_SHARED),
    KN_REST_ATTR("mac", "t.mac", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_WRITE | KN_REST_NULL_IS_NOTHING),
    KN_REST_ATTR("gateway", "t.gateway", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_WRITE | KN_REST_NULL),
    KN_REST_ATTR("groups", NULL, KN_REST_TAGS, KN_REST_WRITE | KN_REST_UNBUILT),
    KN_REST_ATTR("pool", NULL, KN_REST_TEXT, KN_REST_WRITE | KN_REST_UNBUILT | KN_REST_NULL),
    KN_REST_ATTR("pairs", NULL, KN_REST_JSON, KN_REST_WRITE, .inner_shape = KN_IS_LIST, .inner = PAIRS),
    KN_REST_ATTRS_END,
};
static const struct kn_rest_noun THING = {
    .one = "thing", .many = "things", .label = "Thing", .attrs = ATTRS, .manners = &KN_REST_NEUTRON
};

struct ask {
    unsigned method;
    bool is_admin;
};
static const struct ask POST = { KN_REST_POST, false }, PUT = { KN_REST_PUT, false }, ADMIN = { KN_REST_PUT, true };

static void expect(struct ask ask, const char *text, enum kn_code code, const char *words)
{
    json_auto_t *body = json_loads(text, 0, NULL);
    struct kn_request req = { .body = body,
                              .caller = { .project_id = "p", .roles = ask.is_admin ? KN_ROLE_ADMIN : KN_ROLE_MEMBER } };
    struct kn_error err = { .code = KN_OK };
    json_t *object = NULL;

    assert_non_null(body);
    if (kn_rest_body(&THING, &req, ask.method, &object, &err) < 0 ? err.code != code || strcmp(err.message, words) != 0
                                                                  : code != KN_OK) {
        fail_msg("%s: %s \"%s\"", text, kn_code_name(err.code), err.message);
    }
}

#define NEW(members) "{\"thing\":{\"kind\":\"one\"" members "}}"
#define CHANGE(members) "{\"thing\":{" members "}}"

static void test_words_of_neutron(void **state)
{
    (void)state;
    expect(POST, NEW(",\"name\":\"x\",\"mtu\":\"1500\",\"up\":\"T\",\"gateway\":null"), KN_OK, "");
    expect(POST, "{}", KN_BAD_REQUEST, "Unable to find 'thing' in request body");
    expect(POST, "[]", KN_BAD_REQUEST, "Unable to find 'thing' in request body");
    expect(POST, "{\"thing\":{\"kind\":\"one\"},\"x\":1}", KN_BAD_REQUEST, "Unable to find 'thing' in request body");
    expect(POST, "{\"thing\":{}}", KN_BAD_REQUEST, "Failed to parse request. Required attribute 'kind' not specified");
    expect(POST, NEW(",\"nmae\":1"), KN_BAD_REQUEST, "Unrecognized attribute(s) 'nmae'");
    expect(POST, NEW(",\"id\":\"x\""), KN_BAD_REQUEST, "Attribute 'id' not allowed in POST");
    expect(PUT, CHANGE("\"kind\":\"one\""), KN_BAD_REQUEST, "Cannot update read-only attribute kind");
    expect(PUT, CHANGE("\"name\":5"), KN_BAD_REQUEST, "Invalid input for name. Reason: '5' is not a valid string.");
    expect(PUT, CHANGE("\"name\":null"), KN_BAD_REQUEST,
           "Invalid input for name. Reason: 'null' is not a valid string.");
    expect(PUT, CHANGE("\"mtu\":\"x\""), KN_BAD_REQUEST, "Invalid input for mtu. Reason: 'x' is not an integer.");
    expect(PUT, CHANGE("\"mtu\":1"), KN_BAD_REQUEST,
           "Invalid input for mtu. Reason: '1' is too small - must be at least '68'.");
    expect(PUT, CHANGE("\"up\":\"maybe\""), KN_BAD_REQUEST,
           "Invalid input for up. Reason: 'maybe' cannot be converted to boolean.");
    expect(PUT, CHANGE("\"up\":2"), KN_BAD_REQUEST,
           "Invalid input for up. Reason: '2' cannot be converted to boolean.");
    expect(POST, "{\"thing\":{\"kind\":\"three\"}}", KN_BAD_REQUEST,
           "Invalid input for kind. Reason: 'three' is not one of ['one', 'two'].");
    /* What is wrong inside of a list is said of the list. */
    expect(PUT, CHANGE("\"pairs\":7"), KN_BAD_REQUEST, "Invalid input for pairs. Reason: '7' is not a list.");
    expect(PUT, CHANGE("\"pairs\":[7]"), KN_BAD_REQUEST, "Invalid input for pairs. Reason: '7' is not a dictionary.");
    expect(PUT, CHANGE("\"pairs\":[{\"a\":\"odd\"}]"), KN_BAD_REQUEST,
           "Invalid input for pairs. Reason: 'odd' is not even.");
    expect(PUT, CHANGE("\"pairs\":[{\"c\":1}]"), KN_BAD_REQUEST,
           "Invalid input for pairs. Reason: Unrecognized attribute(s) 'c'.");
}

/* A rule is for those who want something else than what a new object has anyway. */
static void test_who_may_write(void **state)
{
    (void)state;
    expect(POST, NEW(",\"shared\":false"), KN_OK, "");
    expect(POST, NEW(",\"shared\":\"False\""), KN_OK, "");
    expect(POST, NEW(",\"shared\":true"), KN_FORBIDDEN, "rule:create_network:shared is disallowed by policy");
    expect(PUT, CHANGE("\"shared\":false"), KN_FORBIDDEN, "rule:update_network:shared is disallowed by policy");
    expect(ADMIN, CHANGE("\"shared\":true"), KN_OK, "");
}

static void test_what_is_not_built(void **state)
{
    (void)state;
    expect(PUT, CHANGE("\"groups\":[],\"pool\":null"), KN_OK, "");
    expect(PUT, CHANGE("\"groups\":[\"x\"]"), KN_BAD_REQUEST, "Invalid input for groups. Reason: this cloud has none.");
    expect(PUT, CHANGE("\"pool\":\"x\""), KN_BAD_REQUEST, "Invalid input for pool. Reason: this cloud has none.");
    expect(PUT, CHANGE("\"groups\":null"), KN_BAD_REQUEST, "Invalid input for groups. Reason: 'null' is not a list.");
}

static void test_null_that_says_nothing(void **state)
{
    json_auto_t *body = json_loads(NEW(",\"mac\":null,\"gateway\":null"), 0, NULL);
    struct kn_request req = { .body = body };
    struct kn_error err = { 0 };
    json_t *object = NULL;

    (void)state;
    assert_ok(kn_rest_body(&THING, &req, KN_REST_POST, &object, &err), &err);
    assert_null(json_object_get(object, "mac"));
    assert_true(json_is_null(json_object_get(object, "gateway")));
}

static void test_many_at_once(void **state)
{
    static const struct {
        const char *text, *words;
    } CASES[] = {
        { "{\"things\":[{\"kind\":\"one\"},{\"kind\":\"two\"}]}", NULL },
        { "{\"things\":[]}", "Resources required" },
        { "{\"things\":{}}", "Unable to find 'things' in request body" },
        { "{\"things\":[{\"kind\":\"one\"},1]}", "Unable to find 'thing' in request body" },
        { "{\"things\":[{\"kind\":\"one\"},{}]}", "Failed to parse request. Required attribute 'kind' not specified" },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        json_auto_t *body = json_loads(CASES[i].text, 0, NULL);
        struct kn_request req = { .body = body };
        struct kn_error err = { 0 };
        json_t *objects = NULL;

        if (CASES[i].words == NULL) {
            assert_ok(kn_rest_body_many(&THING, &req, &objects, &err), &err);
            assert_int_equal(json_array_size(objects), 2);
        } else {
            assert_fails(kn_rest_body_many(&THING, &req, &objects, &err), &err, KN_BAD_REQUEST);
            assert_string_equal(err.message, CASES[i].words);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_of_neutron),  cmocka_unit_test(test_who_may_write),
        cmocka_unit_test(test_what_is_not_built), cmocka_unit_test(test_null_that_says_nothing),
        cmocka_unit_test(test_many_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
