/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON-home document against the routes: each knows every path that the other knows. */
#include <jansson.h>
#include <string.h>

#include "identity/api.h"
#include "identity/api/home.h"
#include "lib/base/mem.h"
#include "tests/support/test.h"

/* The same path, whatever its parameters are called. */
static bool same_shape(const char *a, const char *b)
{
    for (; *a == *b && *a != '\0'; a++, b++) {
        if (*a == '{') {
            a += strcspn(a, "}");
            b += strcspn(b, "}");
        }
    }
    return *a == *b;
}

static bool in_home(const char *path)
{
    for (int i = 0; kn_identity_home_path(i) != NULL; i++) {
        if (same_shape(kn_identity_home_path(i), path)) {
            return true;
        }
    }
    return false;
}

static bool in_routes(const char *path)
{
    for (const struct kn_route *route = kn_identity_api.routes; route->method != NULL; route++) {
        if (same_shape(route->path + strlen("/v3"), path)) {
            return true;
        }
    }
    return false;
}

static void test_same_paths(void **state)
{
    (void)state;
    for (const struct kn_route *route = kn_identity_api.routes; route->method != NULL; route++) {
        if (route->status != 404 && !in_home(route->path + strlen("/v3"))) { /* what is only refused is no resource */
            fail_msg("%s has no relation in home.c", route->path);
        }
    }
    for (int i = 0; kn_identity_home_path(i) != NULL; i++) {
        if (!in_routes(kn_identity_home_path(i))) {
            fail_msg("%s is no route", kn_identity_home_path(i));
        }
    }
}

static json_t *document(const char *rest)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;

    assert_true(kn_identity_home_write(rest, &sb));
    json_t *json = json_loadb(sb.buf, sb.len, JSON_REJECT_DUPLICATES, NULL); /* no relation is there twice */
    assert_non_null(json);
    return json;
}

#define BASE "https://docs.openstack.org/api/openstack-identity/3"

static void test_document(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf none = KN_STRBUF_INIT;
    json_auto_t *v3 = document("/v3/"), *root = document("");
    const json_t *users = json_object_get(json_object_get(v3, "resources"), BASE "/rel/users");
    const json_t *user = json_object_get(json_object_get(root, "resources"), BASE "/rel/user");

    (void)state;
    assert_string_equal(json_string_value(json_object_get(users, "href")), "/users");
    assert_string_equal(json_string_value(json_object_get(user, "href-template")), "/v3/users/{user_id}");
    assert_string_equal(json_string_value(json_object_get(json_object_get(user, "href-vars"), "user_id")),
                        BASE "/param/user_id");
    assert_false(kn_identity_home_write("/v3/users", &none));
    assert_false(kn_identity_home_write("/v2.0", &none));
    assert_int_equal(none.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_same_paths), cmocka_unit_test(test_document) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
