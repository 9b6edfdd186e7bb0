/* SPDX-License-Identifier: Apache-2.0 */
/* Keystone's bodies against the nouns' tables: its words, what a client makes up, what the words of our own answers are kept for. */
#include "tests/support/test.h"

#include <jansson.h>
#include <stdlib.h>

#include "identity/rows/nouns.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

/* words: of the refusal, or, as JSON, what the noun's functions see. */
static void expect(const struct kn_rest_noun *noun, unsigned method, const char *text, const char *words)
{
    json_auto_t *body = json_loads(text, 0, NULL);
    struct kn_request req = { .body = body };
    struct kn_error err = { .code = KN_OK };
    json_t *object = NULL;
    int rc = kn_rest_body(noun, &req, method, &object, &err);
    AUTO_FREE char *seen = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);

    if (strcmp(words, rc < 0 ? err.message : seen) != 0 || (rc < 0 && err.code != KN_BAD_REQUEST)) {
        fail_msg("%s: %s \"%s\"", text, kn_code_name(err.code), rc < 0 ? err.message : seen);
    }
}

static void test_words(void **state)
{
    static const struct {
        unsigned method;
        const char *body, *words;
    } CASES[] = {
        { KN_REST_POST, "{}", "'domain' is a required property" },
        { KN_REST_POST, "{\"domain\":{}}", "Invalid input for field 'domain': 'name' is a required property" },
        { KN_REST_POST, "{\"domain\":{\"name\":5}}", "Invalid input for field 'name': 5 is not of type 'string'" },
        { KN_REST_POST, "{\"domain\":{\"name\":\"\"}}", "Invalid input for field 'name': '' is too short" },
        { KN_REST_PUT, "{\"domain\":{\"enabled\":\"perhaps\"}}",
          "Invalid input for field 'enabled': 'perhaps' is not of type 'boolean'" },
        { KN_REST_PUT, "{\"domain\":{\"tags\":[\"a\",\"b\",\"a\"]}}",
          "Invalid input for field 'tags': [\"a\", \"b\", \"a\"] has non-unique elements" },
        { KN_REST_PUT, "{\"domain\":{\"options\":{\"colour\":1}}}",
          "Invalid input for field 'options': Additional properties are not allowed ('colour' was unexpected)" },
        { KN_REST_PUT, "{\"domain\":{}}", "Invalid input for field 'domain': {} does not have enough properties" },
        { KN_REST_PUT, "{\"domain\":{\"id\":\"x\"}}", "\"id\" cannot be set here" },
        { KN_REST_PUT, "{\"domain\":{\"parent_id\":\"x\"}}", "\"parent_id\" cannot be set here" },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        expect(&kn_identity_domain_noun, CASES[i].method, CASES[i].body, CASES[i].words);
    }
}

static void test_attributes_of_ones_own(void **state)
{
    AUTO_FREE char *much = malloc(20001);
    AUTO_FREE char *large = NULL;

    (void)state;
    expect(&kn_identity_domain_noun, KN_REST_POST, "{\"domain\":{\"name\":\"n\"}}", "{\"name\":\"n\"}");
    expect(&kn_identity_domain_noun, KN_REST_POST, "{\"domain\":{\"name\":\"n\",\"colour\":\"red\",\"extra\":[1]}}",
           "{\"extra\":{\"colour\":\"red\",\"extra\":[1]},\"name\":\"n\"}");
    expect(&kn_identity_domain_noun, KN_REST_PUT, "{\"domain\":{\"colour\":null,\"description\":null}}",
           "{\"description\":null,\"extra\":{\"colour\":null}}");
    /* What only a new one says is one's own later. */
    expect(&kn_identity_domain_noun, KN_REST_PUT, "{\"domain\":{\"explicit_domain_id\":\"x\"}}",
           "{\"extra\":{\"explicit_domain_id\":\"x\"}}");
    memset(much, 'x', 20000);
    much[20000] = '\0';
    large = kn_asprintf("{\"domain\":{\"colour\":\"%s\"}}", much);
    expect(&kn_identity_domain_noun, KN_REST_PUT, large, "the attributes of your own take more than 16384 bytes");
    /* Limits take none. */
    expect(&kn_identity_limit_noun, KN_REST_PUT, "{\"limit\":{\"colour\":\"red\"}}",
           "Invalid input for field 'limit': Additional properties are not allowed ('colour' was unexpected)");
}

static void test_what_functions_put_there_no_body_says(void **state)
{
    (void)state;
    expect(&kn_identity_limit_noun, KN_REST_PUT, "{\"limit\":{\"registered_id\":\"x\"}}",
           "Invalid input for field 'limit': Additional properties are not allowed ('registered_id' was unexpected)");
    expect(
        &kn_identity_app_credential_noun, KN_REST_POST,
        "{\"application_credential\":{\"name\":\"n\",\"secret_hash\":\"x\"}}",
        "Invalid input for field 'application_credential': Additional properties are not allowed ('secret_hash' was unexpected)");
    expect(&kn_identity_user_noun, KN_REST_PUT, "{\"user\":{\"password_hash\":\"x\"}}",
           "{\"extra\":{\"password_hash\":\"x\"}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_attributes_of_ones_own),
        cmocka_unit_test(test_what_functions_put_there_no_body_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
