/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies against a table that has one of everything: what passes, and the exact words of each refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/domain/schema.h"

static const struct kn_schema NIC[] = {
    KN_SCHEMA("uuid", KN_IS_STRING, .rule = &KN_TEXT_UUID),
    KN_SCHEMA("port", KN_IS_STRING, .flags = KN_NULLABLE, .rule = &KN_TEXT_UUID),
    KN_SCHEMA("tag", KN_IS_STRING, .limit = KN_LIMIT_SERVER_TAG, .rule = &KN_TEXT_TAG, .since = 42),
    KN_SCHEMA_END,
};
static const struct kn_schema NIC_ITEM[] = { KN_SCHEMA("nic", KN_IS_OBJECT, .inner = NIC), KN_SCHEMA_END };
static const struct kn_schema META_VALUE[] = { KN_SCHEMA("value", KN_IS_STRING, .limit = KN_LIMIT_META_VALUE),
                                               KN_SCHEMA_END };
static const char *const AUTO_NONE[] = { "none", "auto", NULL };
static const struct kn_schema SERVER[] = {
    KN_SCHEMA("name", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_SERVER_NAME, .rule = &KN_TEXT_NAME),
    KN_SCHEMA("count", KN_IS_INTEGER, .limit = KN_LIMIT_SERVERS_AT_ONCE),
    KN_SCHEMA("ratio", KN_IS_NUMBER),
    KN_SCHEMA("drive", KN_IS_BOOLEAN),
    KN_SCHEMA("description", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_SERVER_DESCRIPTION,
              .rule = &KN_TEXT_PRINTABLE, .since = 19),
    KN_SCHEMA("metadata", KN_IS_MAP, .rule = &KN_TEXT_META_KEY, .inner = META_VALUE),
    KN_SCHEMA("networks", KN_IS_LIST, .limit = KN_LIMIT_NICS, .inner = NIC_ITEM, .until = 36),
    KN_SCHEMA("networks", KN_IS_LIST, .flags = KN_REQUIRED, .limit = KN_LIMIT_NICS, .inner = NIC_ITEM, .since = 37),
    KN_SCHEMA("networks", KN_IS_STRING, .flags = KN_REQUIRED, .words = AUTO_NONE, .since = 37),
    KN_SCHEMA("stop", KN_IS_NULL),
    KN_SCHEMA_END,
};
static const struct kn_schema BODY[] = {
    KN_SCHEMA("server", KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = SERVER),
    KN_SCHEMA("hints", KN_IS_ANY),
    KN_SCHEMA_END,
};

static const char *check(int microversion, const char *text)
{
    static struct kn_error err;
    json_t *body = json_loads(text, JSON_DECODE_ANY, NULL);
    int result;

    assert_non_null(body);
    kn_error_clear(&err);
    result = kn_schema_check(BODY, body, microversion, &err);
    json_decref(body);
    assert_int_equal(result, err.code == KN_OK ? 0 : -1);
    assert_true(err.code == KN_OK || err.code == KN_BAD_REQUEST);
    return result == 0 ? "" : err.message;
}

static void what_passes(void **state)
{
    static const char *const GOOD[] = {
        "{\"server\": {\"name\": \"a\"}}",
        "{\"server\": {\"name\": \"ein Gerät\", \"count\": 5, \"drive\": true, \"ratio\": 0.1}}",
        "{\"server\": {\"name\": \"a\", \"count\": \"5\", \"drive\": \"off\", \"ratio\": \"1.5\", \"stop\": null}}",
        "{\"server\": {\"name\": \"a\", \"networks\": [{\"port\": null}]}, \"hints\": {\"x\": 1}}",
        "{\"server\": {\"name\": \"a\", \"metadata\": {\"k.e:y -_\": \"\"}}}",
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(GOOD); i++) {
        assert_string_equal(check(1, GOOD[i]), "");
    }
    assert_string_equal(check(37, "{\"server\": {\"name\": \"a\", \"networks\": \"auto\"}}"), "");
    assert_string_equal(check(37, "{\"server\": {\"name\": \"a\", \"networks\": []}}"), "");
    assert_string_equal(check(42, "{\"server\": {\"name\": \"a\", \"networks\": [{\"tag\": \"x\"}]}}"), "");
    assert_string_equal(check(19, "{\"server\": {\"name\": \"a\", \"description\": null}}"), "");
}

static void what_is_refused(void **state)
{
    static const struct {
        int microversion;
        const char *body;
        const char *words;
    } BAD[] = {
        { 1, "[]", "The request's body must be a JSON object" },
        { 1, "null", "The request's body must be a JSON object" },
        { 1, "{}", "'server' is a required property" },
        { 1, "{\"server\": {\"name\": \"a\"}, \"x\": 1}",
          "Additional properties are not allowed ('x' was unexpected)" },
        { 1, "{\"server\": 1}", "Invalid input for field/attribute server. Value: 1. 1 is not of type 'object'" },
        { 1, "{\"server\": {}}", "Invalid input for field/attribute server. Value: {}. 'name' is a required property" },
        { 1, "{\"server\": {\"name\": \"\"}}", "Invalid input for field/attribute name. Value: . '' is too short" },
        { 1, "{\"server\": {\"name\": 1}}",
          "Invalid input for field/attribute name. Value: 1. 1 is not of type 'string'" },
        { 1, "{\"server\": {\"name\": null}}",
          "Invalid input for field/attribute name. Value: null. null is not of type 'string'" },
        { 1, "{\"server\": {\"name\": \"a \"}}",
          "Invalid input for field/attribute name. Value: a . 'a ' is not a 'name': printable characters, no white space at "
          "either end" },
        { 1, "{\"server\": {\"name\": \"a\", \"count\": 0}}",
          "Invalid input for field/attribute count. Value: 0. 0 is less than the minimum of 1" },
        { 1, "{\"server\": {\"name\": \"a\", \"count\": \"1001\"}}",
          "Invalid input for field/attribute count. Value: 1001. '1001' is greater than the maximum of 1000" },
        { 1, "{\"server\": {\"name\": \"a\", \"count\": \"1x\"}}",
          "Invalid input for field/attribute count. Value: 1x. '1x' does not match '^[0-9]*$'" },
        { 1, "{\"server\": {\"name\": \"a\", \"count\": 1.5}}",
          "Invalid input for field/attribute count. Value: 1.5. 1.5 is not of type 'integer'" },
        { 1, "{\"server\": {\"name\": \"a\", \"count\": \"99999999999999999999\"}}",
          "Invalid input for field/attribute count. Value: 99999999999999999999. '99999999999999999999' does not match "
          "'^[0-9]*$'" },
        { 1, "{\"server\": {\"name\": \"a\", \"count\": true}}",
          "Invalid input for field/attribute count. Value: true. true is not of type 'integer'" },
        { 1, "{\"server\": {\"name\": \"a\", \"drive\": \"maybe\"}}",
          "Invalid input for field/attribute drive. Value: maybe. 'maybe' is not one of [True, 'True', '1', 'on', 'yes', "
          "False, 'False', '0', 'off', 'no']" },
        { 1, "{\"server\": {\"name\": \"a\", \"drive\": 1}}",
          "Invalid input for field/attribute drive. Value: 1. 1 is not of type 'boolean'" },
        { 1, "{\"server\": {\"name\": \"a\", \"ratio\": 1e300}}",
          "Invalid input for field/attribute ratio. Value: 1.0000000000000001e300. 1.0000000000000001e300 is greater than the maximum of 3.40282e+38" },
        { 1, "{\"server\": {\"name\": \"a\", \"ratio\": \"0.00000000000000000000000000000000000000000000000001\"}}",
          "Invalid input for field/attribute ratio. Value: 0.00000000000000000000000000000000000000000000000001. "
          "'0.00000000000000000000000000000000000000000000000001' is less than or equal to the minimum of 0" },
        { 1, "{\"server\": {\"name\": \"a\", \"ratio\": 0}}",
          "Invalid input for field/attribute ratio. Value: 0. 0 is less than or equal to the minimum of 0" },
        { 18, "{\"server\": {\"name\": \"a\", \"description\": \"d\"}}",
          "Invalid input for field/attribute server. Value: {\"name\": \"a\", \"description\": \"d\"}. Additional properties "
          "are not allowed ('description' was unexpected)" },
        { 37, "{\"server\": {\"name\": \"a\"}}",
          "Invalid input for field/attribute server. Value: {\"name\": \"a\"}. 'networks' is a required property" },
        { 37, "{\"server\": {\"name\": \"a\", \"networks\": \"some\"}}",
          "Invalid input for field/attribute networks. Value: some. 'some' is not one of ['none', 'auto']" },
        { 36, "{\"server\": {\"name\": \"a\", \"networks\": \"auto\"}}",
          "Invalid input for field/attribute networks. Value: auto. 'auto' is not of type 'array'" },
        { 1,
          "{\"server\": {\"name\": \"a\", \"networks\": [{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}]}}",
          "Invalid input for field/attribute networks. Value: [{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}]. [{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}] is too long" },
        { 1, "{\"server\": {\"name\": \"a\", \"networks\": [{}, 7]}}",
          "Invalid input for field/attribute 1. Value: 7. 7 is not of type 'object'" },
        { 1, "{\"server\": {\"name\": \"a\", \"networks\": [{\"uuid\": \"x\"}]}}",
          "Invalid input for field/attribute uuid. Value: x. 'x' is not a 'uuid'" },
        { 41, "{\"server\": {\"name\": \"a\", \"networks\": [{\"tag\": \"x\"}]}}",
          "Invalid input for field/attribute 0. Value: {\"tag\": \"x\"}. Additional properties are not allowed ('tag' was "
          "unexpected)" },
        { 1, "{\"server\": {\"name\": \"a\", \"metadata\": {\"k/y\": \"\"}}}",
          "Invalid input for field/attribute metadata. Value: {\"k/y\": \"\"}. Additional properties are not allowed ('k/y' "
          "was unexpected)" },
        { 1, "{\"server\": {\"name\": \"a\", \"metadata\": {\"k\": 1}}}",
          "Invalid input for field/attribute k. Value: 1. 1 is not of type 'string'" },
        { 1, "{\"server\": {\"name\": \"a\", \"stop\": 1}}",
          "Invalid input for field/attribute stop. Value: 1. 1 is not of type 'null'" },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        assert_string_equal(check(BAD[i].microversion, BAD[i].body), BAD[i].words);
    }
    assert_int_equal(kn_schema_check(BODY, NULL, 1, NULL), -1);
}

/* 300 characters of two bytes: too long, and shown cut between characters. */
static void long_values_are_cut(void **state)
{
    json_t *body = json_object(), *server = json_object();
    char name[601] = { 0 };
    struct kn_error err = { 0 };

    (void)state;
    for (int i = 0; i < 300; i++) {
        memcpy(name + 2 * i, "ä", 2);
    }
    json_object_set_new(server, "name", json_string(name));
    json_object_set_new(body, "server", server);
    assert_int_equal(kn_schema_check(BODY, body, 1, &err), -1);
    assert_non_null(strstr(err.message, "… is too long") ? err.message : strstr(err.message, "…' is too long"));
    name[510] = '\0'; /* 255 characters are allowed */
    json_object_set_new(server, "name", json_string(name));
    assert_int_equal(kn_schema_check(BODY, body, 1, &err), 0);
    json_decref(body);
}

static void texts(void **state)
{
    static const struct {
        const struct kn_text_rule *rule;
        const char *good[8];
        const char *bad[8];
    } RULES[] = {
        { &KN_TEXT_NAME,
          { "", "a", "a b", "größe", "日本" },
          { " a", "a ", "a\tb", "a\n",
            "\xC2\xA0"
            "a",
            "a\xE2\x80\x8B"
            "b" } },
        { &KN_TEXT_PRINTABLE, { "", " a " }, { "a\nb", "\x7F" } },
        { &KN_TEXT_UUID, { "00000000-0000-0000-0000-000000000000" }, { "", "x", "00000000000000000000000000000000" } },
        { &KN_TEXT_UUID_OR_EMPTY, { "", "00000000-0000-0000-0000-00000000000a" }, { "x" } },
        { &KN_TEXT_HOSTNAME, { "a1", "a-b" }, { "", "-a", "a-", "a.b", "a_b" } },
        { &KN_TEXT_FQDN, { "a.b-c_d" }, { "a b", "a/b" } },
        { &KN_TEXT_IPV4, { "10.0.0.1" }, { "10.0.0", "10.0.0.256", "::1", "" } },
        { &KN_TEXT_IPV6, { "::1", "fe80::1" }, { "10.0.0.1", "g::" } },
        { &KN_TEXT_IP, { "::1", "10.0.0.1" }, { "host" } },
        { &KN_TEXT_BASE64,
          { "", "YQ==", "YWI=", "YWJj", "YWJj\nYWJj\n" },
          { "Y", "YQ", "YQ=", "Y===", "YQ==YQ==", "a b=" } },
        { &KN_TEXT_TAG, { "a b" }, { "a,b", "a/b" } },
        { &KN_TEXT_META_KEY, { "hw:cpu_policy" }, { "", "a/b", "ä" } },
        { &KN_TEXT_KEYPAIR, { "my key_1-a" }, { "a@b", "a.b", " a" } },
        { &KN_TEXT_KEYPAIR_292, { "a@b.c" }, { "a/b", "a " } },
        { &KN_TEXT_FLAVOR_ID, { "m1.tiny", "1" }, { " a", "a/b" } },
        { &KN_TEXT_PROJECT, { "abc-9" }, { "a_b" } },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(RULES); i++) {
        for (size_t g = 0; g < 8 && RULES[i].good[g] != NULL; g++) {
            if (!RULES[i].rule->holds(RULES[i].good[g])) {
                fail_msg("refused \"%s\": %s", RULES[i].good[g], RULES[i].rule->words);
            }
        }
        for (size_t b = 0; b < 8 && RULES[i].bad[b] != NULL; b++) {
            if (RULES[i].rule->holds(RULES[i].bad[b])) {
                fail_msg("took \"%s\": %s", RULES[i].bad[b], RULES[i].rule->words);
            }
        }
    }
}

static void getters(void **state)
{
    json_t *o = json_loads("{\"a\": \"7\", \"b\": 8, \"c\": \"yes\", \"d\": false, \"e\": \"False\", \"n\": null}", 0,
                           NULL);

    (void)state;
    assert_int_equal(kn_schema_int(o, "a", 1), 7);
    assert_int_equal(kn_schema_int(o, "b", 1), 8);
    assert_int_equal(kn_schema_int(o, "n", 1), 1);
    assert_int_equal(kn_schema_int(o, "x", 2), 2);
    assert_true(kn_schema_bool(o, "c", false));
    assert_false(kn_schema_bool(o, "d", true));
    assert_false(kn_schema_bool(o, "e", true));
    assert_true(kn_schema_bool(o, "n", true));
    json_decref(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_passes), cmocka_unit_test(what_is_refused), cmocka_unit_test(long_values_are_cut),
        cmocka_unit_test(texts),       cmocka_unit_test(getters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
