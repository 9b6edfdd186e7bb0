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

static const char YAML[] = "# who we are\n"
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

    assert_int_equal(kn_cli_clouds_parse(text, cloud, note, &found, &err), rc == 0 ? 0 : -1);
    assert_string_equal(found.buf, wanted);
    assert_int_equal(err.code, rc == 0 ? KN_OK : rc);
    kn_strbuf_release(&found);
}

/* Refused with these words in it, and nothing was visited. */
static void refused(const char *text, const char *why)
{
    struct kn_strbuf found = KN_STRBUF_INIT;
    struct kn_error err = { 0 };

    assert_int_equal(kn_cli_clouds_parse(text, "c", note, &found, &err), -1);
    assert_int_equal(err.code, KN_BAD_REQUEST);
    if (strstr(err.message, why) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", why, err.message);
    }
    assert_null(strstr(err.message, "secret"));
    assert_int_equal(found.len, 0);
    kn_strbuf_release(&found);
}

static void test_usual(void **state)
{
    (void)state;
    expect(
        YAML, "c", 0,
        "OS_AUTH_URL=http://127.0.0.1:5000/v3;OS_USERNAME=joe;OS_PASSWORD=a # b;OS_PROJECT_NAME=p;OS_REGION_NAME=RegionOne;");
    expect(YAML, "last", 0, "OS_USERNAME=nobody;");
    expect(YAML, "other", 0, "OS_AUTH_URL=http://nowhere;OS_REGION_NAME=wrong;");
    expect(YAML, "missing", KN_NOT_FOUND, "");
}

/* What the line-by-line reader that stood here once could not read. */
static void test_all_of_yaml(void **state)
{
    static const char ANCHORS[] =
        "defaults: &d\n  region_name: far\n  auth: &a\n    auth_url: http://u\n    username: joe\n"
        "clouds:\n  whole: *d\n  merged:\n    <<: *d\n    region_name: near\n    auth:\n      <<: [*a, {password: p}]\n      username: ann\n";
    (void)state;
    expect(ANCHORS, "whole", 0, "OS_AUTH_URL=http://u;OS_USERNAME=joe;OS_REGION_NAME=far;");
    expect(ANCHORS, "merged", 0, "OS_AUTH_URL=http://u;OS_USERNAME=ann;OS_PASSWORD=p;OS_REGION_NAME=near;");
    expect("clouds: {c: {auth: {\"username\": 'it''s', password: \"a\\tb\\u00e9\"}}}", "c", 0,
           "OS_USERNAME=it's;OS_PASSWORD=a\tb\xc3\xa9;");
    expect("clouds:\n  c:\n    auth:\n      password: >-\n        one\n        two\n      username: |\n        three\n",
           "c", 0, "OS_USERNAME=three\n;OS_PASSWORD=one two;");
    expect(
        "clouds:\n  c:\n    auth:\n      password: \"one\n        two\"\n      token: ~\n      user_id: null\n      username: 'null'\n",
        "c", 0, "OS_USERNAME=null;OS_PASSWORD=one two;");
    expect("clouds:\n  'my cloud':\n    region_name: x\n", "my cloud", 0, "OS_REGION_NAME=x;");
    expect("clouds: &c\n  c: &s\n    <<: *s\n    region_name: x\n    auth: *c\n", "c", 0,
           "OS_REGION_NAME=x;"); /* in a circle */
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

static void test_keys_twice(void **state)
{
    (void)state;
    refused("clouds:\n  c:\n    region_name: a\n    interface: b\n    region_name: c\n",
            "line 5: the key of line 3 stands here again");
    refused("clouds:\n  c:\n    auth:\n      password: secret\n  d: {}\n  'c': {}\n",
            "line 6: the key of line 2 stands here again");
    expect("clouds:\n  c:\n    region_name: a\n  d:\n    region_name: b\n", "c", 0, "OS_REGION_NAME=a;");
}

/* Merges of merges: 9 to the power of 12 ways lead to one mapping. */
static void bomb(int levels, int width)
{
    struct kn_strbuf text = KN_STRBUF_INIT;

    kn_strbuf_addf(&text, "m0: &m0 {region_name: x}\n");
    for (int level = 1; level <= levels; level++) {
        kn_strbuf_addf(&text, "m%d: &m%d {<<: [*m%d", level, level, level - 1);
        for (int i = 1; i < width; i++) {
            kn_strbuf_addf(&text, ", *m%d", level - 1);
        }
        kn_strbuf_addf(&text, "]}\n");
    }
    kn_strbuf_addf(&text, "clouds: {c: {<<: *m%d}}\n", levels);
    expect(text.buf, "c", 0, "OS_REGION_NAME=x;");
    kn_strbuf_release(&text);
}

static void test_aliases(void **state)
{
    static const char MERGED[] =
        "base: &base\n  region_name: r\n  interface: public\n  auth: &auth\n    auth_url: u\n    username: joe\n"
        "more: &more\n  interface: lost\n  cacert: /ca\n"
        "clouds:\n"
        "  c:\n    <<: [*base, *more]\n    region_name: own\n    auth:\n      <<: *auth\n      username: ann\n"
        "  d: *base\n";

    (void)state;
    expect(MERGED, "c", 0, "OS_AUTH_URL=u;OS_USERNAME=ann;OS_REGION_NAME=own;OS_INTERFACE=public;OS_CACERT=/ca;");
    expect(MERGED, "d", 0, "OS_AUTH_URL=u;OS_USERNAME=joe;OS_REGION_NAME=r;OS_INTERFACE=public;");
    expect("clouds:\n  c:\n    region_name: &r x\n    interface: *r\n", "c", 0, "OS_REGION_NAME=x;OS_INTERFACE=x;");
    expect("clouds:\n  c: &c\n    regions: *c\n    region_name: x\n", "c", 0, "OS_REGION_NAME=x;");
    bomb(12, 9);
    bomb(500, 2);
}

/* Said by line, in words that repeat nothing of the file. */
static void test_what_is_said(void **state)
{
    (void)state;
    refused("clouds:\n  c:\n    region_name: 'x\n", "clouds.yaml, line 4: found unexpected end of stream");
    refused("clouds:\n  c:\n    auth:\n      password: secret: secret\n", "line 4: mapping values are not allowed");
    refused("clouds:\n  c:\n    region_name: \"a\\0b\"\n", "line 3: a NUL byte in a value");
    refused("clouds:\n  c:\n    region_name: *nowhere\n", "line 3: found undefined alias");
    refused("clouds:\n  c:\n    region_name: a\n---\nclouds: {}\n", "line 4: a second document");
}

static void test_too_much(void **state)
{
    struct kn_strbuf text = KN_STRBUF_INIT;

    (void)state;
    for (int i = 0; i < 40; i++) {
        kn_strbuf_addf(&text, "[");
    }
    refused(text.buf, "nested too deeply");
    kn_strbuf_clear(&text);
    for (int i = 0; i < 4096; i++) {
        kn_strbuf_addf(&text, "- %d\n", i);
    }
    refused(text.buf, "line 4096: too many");
    kn_strbuf_clear(&text);
    kn_strbuf_addf(&text, "clouds: {c: {region_name: x}}\n# %*s\n", 250 << 10, "");
    expect(text.buf, "c", 0, "OS_REGION_NAME=x;");
    kn_strbuf_addf(&text, "# %*s\n", 6 << 10, "");
    refused(text.buf, "larger than 256 KiB");
    kn_strbuf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_usual),   cmocka_unit_test(test_all_of_yaml),
                                        cmocka_unit_test(test_bad),     cmocka_unit_test(test_keys_twice),
                                        cmocka_unit_test(test_aliases), cmocka_unit_test(test_what_is_said),
                                        cmocka_unit_test(test_too_much) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
