/* SPDX-License-Identifier: Apache-2.0 */
/* Which requests an application credential's access rules let through. */
#include <string.h>

#include "identity/rows/access_rule.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/test.h"

static void test_paths(void **state)
{
    static const struct {
        const char *pattern, *path;
        bool matches;
    } CASES[] = {
        { "/v2.1/servers", "/v2.1/servers", true },
        { "/v2.1/servers", "/v2.1/servers/1", false },
        { "/v2.1/servers", "/v2.1/server", false },
        { "/v2.1/servers", "/v2x1/servers", false },
        { "/v2.1/servers/*", "/v2.1/servers/1", true },
        { "/v2.1/servers/*", "/v2.1/servers/", false },
        { "/v2.1/servers/*", "/v2.1/servers/1/ips", false },
        { "/v2.1/servers/*/ips", "/v2.1/servers/1/ips", true },
        { "/v2.1/servers/{id}/ips", "/v2.1/servers/1/ips", true },
        { "/v2.1/servers/{id}/ips", "/v2.1/servers//ips", false },
        { "/v2.1/servers/{id", "/v2.1/servers/{id", true },
        { "/v2.1/servers/a*b", "/v2.1/servers/axbxb", true },
        { "/v2.1/servers/a*b", "/v2.1/servers/ab", false },
        { "/v2.1/servers/a*b", "/v2.1/servers/ax/b", false },
        { "/v2.1/*/a*c/d", "/v2.1/x/abcac/d", true },
        { "/v2.1/**", "/v2.1/", true },
        { "/v2.1/**", "/v2.1/a/b/c", true },
        { "/v2.1/**", "/v2.0/a", false },
        { "**", "/anything/at/all", true },
        { "/**/ips", "/v2.1/servers/1/ips", true },
        { "/**/ips", "/v2.1/servers/1/ips/x", false },
        { "/**/*/b/**/d", "/x/a/b/b/c/d", true },
        { "/**/*b", "/x/ab/cb", true },
        { "/***", "/a/b", true },
        { "", "", true },
        { "", "/", false },
        { "/", "", false },
    };
    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        if (kn_identity_access_path_matches(CASES[i].pattern, CASES[i].path) != CASES[i].matches) {
            fail_msg("\"%s\" on \"%s\"", CASES[i].pattern, CASES[i].path);
        }
    }
}

/* The worst that fits into a rule and a URL. */
static void test_time_is_bounded(void **state)
{
    char pattern[226] = "", path[8001];
    int64_t begin = kn_mono_ms();

    (void)state;
    for (int i = 0; i < 222; i += 3) {
        memcpy(pattern + i, "**a", 4);
    }
    memset(path, 'a', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    path[7999] = 'b';
    assert_false(kn_identity_access_path_matches(pattern, path));
    for (int i = 0; i < 222; i += 2) {
        memcpy(pattern + i, "*a", 3);
    }
    assert_false(kn_identity_access_path_matches(pattern, path));
    assert_true(kn_mono_ms() - begin < 5000);
}

static void test_rules(void **state)
{
    static const char RULES[] = "compute\tGET\t/v2.1/servers\nblock-storage\tPOST\t/v3/*/volumes\n";

    (void)state;
    assert_true(kn_identity_access_rules_allow(RULES, "compute", "GET", "/v2.1/servers"));
    assert_false(kn_identity_access_rules_allow(RULES, "compute", "HEAD", "/v2.1/servers"));
    assert_false(kn_identity_access_rules_allow(RULES, "image", "GET", "/v2.1/servers"));
    assert_true(kn_identity_access_rules_allow(RULES, "volume", "POST", "/v3/0123/volumes"));
    assert_true(kn_identity_access_rules_allow("volumev3\tGET\t/v3\n", "volume", "GET", "/v3"));
    assert_false(kn_identity_access_rules_allow("", "compute", "GET", "/"));
    assert_false(kn_identity_access_rules_allow("compute\tGET\t/", "compute", "GET", "/")); /* broken: no end */
    assert_false(kn_identity_access_rules_allow("compute", "compute", "GET", "/"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_time_is_bounded),
        cmocka_unit_test(test_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
