/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pure parts of imports: which addresses a download may reach, which URIs are tried at all, what a request's body says, and that no
 * status of an image in motion is without a way out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "image/data/address.h"
#include "image/data/fetch.h"
#include "image/rows/image.h"
#include "image/rows/import_order.h"
#include "lib/base/mem.h"

static bool allowed(const char *text, const char *networks)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        return kn_image_address_allowed((const struct sockaddr *)(const void *)&v4, networks);
    }
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return kn_image_address_allowed((const struct sockaddr *)(const void *)&v6, networks);
}

static void test_addresses(void **state)
{
    (void)state;
    static const char *const PUBLIC[] = { "1.1.1.1",     "9.255.255.255",    "11.0.0.0",        "100.63.255.255",
                                          "100.128.0.0", "172.15.255.255",   "172.32.0.0",      "192.167.255.255",
                                          "198.17.0.0",  "198.20.0.0",       "223.255.255.255", "2606:4700::1111",
                                          "2a00::1",     "64:ff9b::1.1.1.1", "::ffff:8.8.8.8" };
    static const char *const PRIVATE[] = { "0.0.0.0",
                                           "0.1.2.3",
                                           "10.0.0.1",
                                           "10.255.255.255",
                                           "100.64.0.1",
                                           "127.0.0.1",
                                           "127.255.1.1",
                                           "169.254.169.254",
                                           "172.16.0.1",
                                           "172.31.255.255",
                                           "192.168.0.1",
                                           "198.18.0.1",
                                           "198.19.255.255",
                                           "224.0.0.1",
                                           "240.0.0.1",
                                           "255.255.255.255",
                                           "::",
                                           "::1",
                                           "::2",
                                           "::127.0.0.1",
                                           "::ffff:127.0.0.1",
                                           "::ffff:0:127.0.0.1",
                                           "::ffff:10.1.2.3",
                                           "64:ff9b::10.0.0.1",
                                           "64:ff9b::a9fe:a9fe",
                                           "fe80::1",
                                           "fc00::1",
                                           "fdff::1",
                                           "fec0::1",
                                           "ff02::1",
                                           "2002:7f00:1::",
                                           "2001::1",
                                           "2001:db8::1" };

    for (size_t i = 0; i < KN_COUNT(PUBLIC); i++) {
        if (!allowed(PUBLIC[i], "")) {
            fail_msg("%s is public", PUBLIC[i]);
        }
    }
    for (size_t i = 0; i < KN_COUNT(PRIVATE); i++) {
        if (allowed(PRIVATE[i], "")) {
            fail_msg("%s is not public", PRIVATE[i]);
        }
    }
    assert_true(allowed("10.1.2.3", "192.168.0.0/16,10.1.0.0/16"));
    assert_false(allowed("10.2.0.1", "192.168.0.0/16,10.1.0.0/16"));
    assert_true(allowed("::ffff:10.1.2.3", "10.1.0.0/16"));
    assert_true(allowed("fd12::1", "fd00::/8"));
    assert_true(allowed("10.1.2.3", "10.1.2.3/32"));
    assert_false(allowed("10.1.2.4", "10.1.2.3/32"));
}

static void test_networks(void **state)
{
    (void)state;
    static const char *const GOOD[] = { "", "10.0.0.0/8", "10.0.0.0/0,fd00::/8,::1/128", "0.0.0.0/32" };
    static const char *const BAD[] = { "10.0.0.0",    "10.0.0.0/33", "10.0.0/8",
                                       "fd00::/129",  "x/8",         "10.0.0.0/-1",
                                       "10.0.0.0/8x", ",",           "10.0.0.0/99999999999999999999",
                                       "10.0.0.0/8 " };

    for (size_t i = 0; i < KN_COUNT(GOOD); i++) {
        assert_int_equal(kn_image_address_networks_check(GOOD[i], NULL), 0);
    }
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        if (kn_image_address_networks_check(BAD[i], NULL) == 0) {
            fail_msg("\"%s\" is a list of networks", BAD[i]);
        }
    }
}

static void test_uris(void **state)
{
    (void)state;
    static const struct kn_image_fetch_rules RULES = { .networks = "10.7.0.0/16", .ports = "80,443,8080" };
    static const char *const GOOD[] = {
        "http://example.org/x", "https://example.org:443/x?y=z", "http://example.org:8080",      "http://1.1.1.1/",
        "http://10.7.0.1/",     "http://[2606:4700::1111]/",     "http://user:pass@example.org/"
    };
    static const char *const BAD[] = { NULL,
                                       "",
                                       "example.org",
                                       "//example.org/",
                                       "ftp://example.org/",
                                       "file:///etc/passwd",
                                       "gopher://example.org/",
                                       "http://",
                                       "http:/example.org",
                                       "http://example.org:22/",
                                       "http://example.org:/x y",
                                       "http://127.0.0.1/",
                                       "http://127.1/",
                                       "http://0x7f000001/",
                                       "http://017700000001/",
                                       "http://2130706433/",
                                       "http://[::1]/",
                                       "http://[::ffff:127.0.0.1]/",
                                       "http://10.8.0.1/",
                                       "http://169.254.169.254/",
                                       "http://example.org/\r\nX: y" };

    for (size_t i = 0; i < KN_COUNT(GOOD); i++) {
        if (kn_image_fetch_check(GOOD[i], &RULES, NULL) < 0) {
            fail_msg("%s is refused", GOOD[i]);
        }
    }
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        if (kn_image_fetch_check(BAD[i], &RULES, NULL) == 0) {
            fail_msg("%s is taken", BAD[i]);
        }
    }
}

static void test_orders(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int rc;
        enum kn_image_import_method method;
    } CASES[] = {
        { "{\"method\":{\"name\":\"glance-direct\"}}", 0, KN_IMPORT_DIRECT },
        { "{\"method\":{\"name\":\"web-download\",\"uri\":\"u\"},\"stores\":[\"file\"]}", 0, KN_IMPORT_DOWNLOAD },
        { "{\"method\":{\"name\":\"copy-image\"},\"all_stores\":true,\"all_stores_must_succeed\":false}", 0,
          KN_IMPORT_COPY },
        { "{\"method\":{\"name\":\"copy\"}}", -1, KN_IMPORT_COPY },
        { "{\"method\":[]}", -1, KN_IMPORT_COPY },
        { "{\"method\":{\"name\":\"copy-image\"},\"stores\":[]}", -1, KN_IMPORT_COPY },
        { "{\"method\":{\"name\":\"copy-image\"},\"stores\":[1]}", -1, KN_IMPORT_COPY },
        { "[1]", -1, KN_IMPORT_COPY },
    };

    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        json_t *body = json_loads(CASES[i].body, 0, NULL);
        struct kn_image_import_order order = { .method = KN_IMPORT_METHOD_COUNT };

        assert_non_null(body);
        if (kn_image_import_order_parse(body, &order, NULL) != CASES[i].rc) {
            fail_msg("%s", CASES[i].body);
        }
        assert_int_equal(order.method, CASES[i].rc == 0 ? CASES[i].method : KN_IMPORT_METHOD_COUNT);
        json_decref(body);
    }
    assert_int_equal(kn_image_import_order_parse(NULL, &(struct kn_image_import_order){ 0 }, NULL), -1);
}

/* Which status an event leads to. */
static void test_statuses(void **state)
{
    (void)state;
    static const struct {
        enum kn_image_event event;
        const char *to;
    } LEADS[] = {
        { KN_IMAGE_UPLOAD_BEGINS, "saving" },   { KN_IMAGE_UPLOAD_FAILS, "queued" },
        { KN_IMAGE_UPLOAD_ENDS, "active" },     { KN_IMAGE_STAGE_BEGINS, "uploading" },
        { KN_IMAGE_STAGE_FAILS, "queued" },     { KN_IMAGE_IMPORT_BEGINS, "importing" },
        { KN_IMAGE_IMPORT_FAILS, "queued" },    { KN_IMAGE_IMPORT_ENDS, "active" },
        { KN_IMAGE_DEACTIVATE, "deactivated" }, { KN_IMAGE_REACTIVATE, "active" },
    };

    assert_int_equal(KN_COUNT(LEADS), KN_IMAGE_EVENT_COUNT);
    for (size_t i = 0; i < KN_COUNT(LEADS); i++) {
        assert_true(kn_image_stands(LEADS[i].to, LEADS[i].event));
        assert_false(kn_image_stands("deleted", LEADS[i].event));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses), cmocka_unit_test(test_networks), cmocka_unit_test(test_uris),
        cmocka_unit_test(test_orders),    cmocka_unit_test(test_statuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
