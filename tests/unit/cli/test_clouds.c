/* SPDX-License-Identifier: Apache-2.0 */
/* clouds.yaml as people write it: what is found, what is passed over, and what is not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "cli/clouds.h"
#include "lib/base/strbuf.h"

static const char YAML[] =
        "# who we are\n"
        "clouds:\n"
        "  other:\n"
        "    auth: {auth_url: \"http://nowhere\"}\n"
        "    region_name: wrong\n"
        "  c:\n"
        "    auth:\n"
        "      auth_url: http://127.0.0.1:5000/v3   # the door\n"
        "      username: \"joe\"\n"
        "      password: 'a # b'\n"
        "      project_name: p\n"
        "    region_name: RegionOne\n"
        "    identity_api_version: 3\n"
        "    regions:\n"
        "      - name: x\n"
        "  last:\n"
        "    auth:\n"
        "      username: nobody\n";

static void note(void *ctx, const char *variable, const char *value)
{
    kn_strbuf_addf(ctx, "%s=%s;", variable, value);
}

/* rc: 0, or the error's code. */
static void expect(const char *text, const char *cloud, int rc, const char *wanted)
{
    struct kn_strbuf found = KN_STRBUF_INIT;
    struct kn_error err = { 0 };

    assert_int_equal(kn_clouds_parse(text, cloud, note, &found, &err), rc == 0 ? 0 : -1);
    assert_string_equal(found.buf, wanted);
    assert_int_equal(err.code, rc == 0 ? KN_OK : rc);
    kn_strbuf_release(&found);
}

static void test_usual(void **state)
{
    (void)state;
    expect(YAML, "c", 0, "OS_AUTH_URL=http://127.0.0.1:5000/v3;OS_USERNAME=joe;OS_PASSWORD=a # b;OS_PROJECT_NAME=p;OS_REGION_NAME=RegionOne;");
    expect(YAML, "last", 0, "OS_USERNAME=nobody;");
    expect(YAML, "other", 0, "OS_AUTH_URL=http://nowhere;OS_REGION_NAME=wrong;");
    expect(YAML, "missing", KN_NOT_FOUND, "");
}

/* What the line-by-line reader that stood here once could not read. */
static void test_all_of_yaml(void **state)
{
    static const char ANCHORS[] = "defaults: &d\n  region_name: far\n  auth: &a\n    auth_url: http://u\n    username: joe\n"
                                  "clouds:\n  whole: *d\n  merged:\n    <<: *d\n    region_name: near\n    auth:\n      <<: [*a, {password: p}]\n      username: ann\n";
    (void)state;
    expect(ANCHORS, "whole", 0, "OS_REGION_NAME=far;OS_AUTH_URL=http://u;OS_USERNAME=joe;");
    expect(ANCHORS, "merged", 0, "OS_REGION_NAME=near;OS_USERNAME=ann;OS_AUTH_URL=http://u;OS_PASSWORD=p;");
    expect("clouds: {c: {auth: {\"username\": 'it''s', password: \"a\\tb\\u00e9\"}}}", "c", 0, "OS_USERNAME=it's;OS_PASSWORD=a\tb\xc3\xa9;");
    expect("clouds:\n  c:\n    auth:\n      password: >-\n        one\n        two\n      username: |\n        three\n", "c", 0,
           "OS_PASSWORD=one two;OS_USERNAME=three\n;");
    expect("clouds:\n  c:\n    auth:\n      password: \"one\n        two\"\n      token: ~\n      user_id: null\n      username: 'null'\n", "c", 0,
           "OS_PASSWORD=one two;OS_USERNAME=null;");
    expect("clouds:\n  'my cloud':\n    region_name: x\n", "my cloud", 0, "OS_REGION_NAME=x;");
    expect("clouds: &c\n  c: &s\n    <<: *s\n    region_name: x\n    auth: *c\n", "c", 0, "OS_REGION_NAME=x;"); /* in a circle */
}

static void test_bad(void **state)
{
    (void)state;
    expect("", "c", KN_NOT_FOUND, "");
    expect("- clouds\n", "c", KN_NOT_FOUND, "");
    expect("c:\n  auth:\n    username: x\n", "c", KN_NOT_FOUND, "");
    expect("clouds:\n  c:\n", "c", 0, "");
    expect("clouds:\n  c:\n    auth: [1]\n    region_name: {a: b}\n", "c", 0, "");
    expect("clouds:\n  c:\n    username: not in auth\n    auth:\n      region_name: not out of it\n", "c", 0, "");
    expect("clouds:\r\n  c:\r\n    region_name: x\r\n", "c", 0, "OS_REGION_NAME=x;");
    expect("clouds:\n  c:\n    region_name: 'x\n", "c", KN_BAD_REQUEST, ""); /* nothing is guessed */
    expect("clouds:\n  c: *nobody\n", "c", KN_BAD_REQUEST, "");
    expect("clouds:\n\tc: 1\n", "c", KN_BAD_REQUEST, "");
    expect("clouds: \xff\n", "c", KN_BAD_REQUEST, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_usual), cmocka_unit_test(test_all_of_yaml), cmocka_unit_test(test_bad) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
