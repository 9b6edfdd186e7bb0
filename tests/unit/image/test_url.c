/* SPDX-License-Identifier: Apache-2.0 */
/* Signed URLs: what was signed is admitted until it expires, and nothing that differs by a character. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "image/data/blob.h"
#include "image/data/url.h"
#include "lib/base/cleanup.h"

static const struct kn_image_url_key KEY = { { 1, 2, 3 } };
static const struct kn_image_url_key OTHER = { { 1, 2, 4 } };

static void test_signed_url_is_admitted(void **state)
{
    (void)state;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf url = KN_STRBUF_INIT;
    char sha512[KN_SHA512_HEX];

    memset(sha512, 'a', sizeof(sha512) - 1);
    sha512[sizeof(sha512) - 1] = '\0';
    assert_true(kn_image_sha512_valid(sha512));
    kn_image_url_sign(&KEY, "http://image:9292", sha512, 1000, &url);
    assert_memory_equal(url.buf, "http://image:9292/blob/aaaa", 27);
    assert_non_null(strstr(url.buf, "?expires=1000&signature="));
    const char *signature = strstr(url.buf, "signature=") + strlen("signature=");
    assert_int_equal(strlen(signature), 64);

    assert_true(kn_image_url_check(&KEY, sha512, "1000", signature, 999));
    assert_true(kn_image_url_check(&KEY, sha512, "1000", signature, 1000));
    assert_false(kn_image_url_check(&KEY, sha512, "1000", signature, 1001));
    assert_false(kn_image_url_check(&KEY, sha512, "2000", signature, 999));
    assert_false(kn_image_url_check(&KEY, sha512, "1000x", signature, 999));
    assert_false(kn_image_url_check(&KEY, sha512, "", signature, 999));
    assert_false(kn_image_url_check(&OTHER, sha512, "1000", signature, 999));
    assert_false(kn_image_url_check(&KEY, sha512, "1000", NULL, 999));
    assert_false(kn_image_url_check(&KEY, sha512, NULL, signature, 999));
    assert_false(kn_image_url_check(&KEY, sha512, "1000", "", 999));
    for (size_t i = 0; i < 64; i++) {
        char wrong[65];

        memcpy(wrong, signature, sizeof(wrong));
        wrong[i] = wrong[i] == '0' ? '1' : '0';
        assert_false(kn_image_url_check(&KEY, sha512, "1000", wrong, 999));
    }
    sha512[0] = 'b';
    assert_false(kn_image_url_check(&KEY, sha512, "1000", signature, 999));
}

static void test_digest_names(void **state)
{
    (void)state;
    char name[KN_SHA512_HEX + 1];

    memset(name, 'f', sizeof(name));
    name[KN_SHA512_HEX - 1] = '\0';
    assert_true(kn_image_sha512_valid(name));
    name[5] = 'F';
    assert_false(kn_image_sha512_valid(name));
    name[5] = '/';
    assert_false(kn_image_sha512_valid(name));
    memset(name, 'f', sizeof(name));
    name[KN_SHA512_HEX] = '\0';
    assert_false(kn_image_sha512_valid(name)); /* 129 digits */
    assert_false(kn_image_sha512_valid(""));
    assert_false(kn_image_sha512_valid(NULL));
    assert_false(kn_image_sha512_valid("../../../etc/passwd"));
}

/* Good for one image and one task, and for nothing else. */
static void test_signed_upload_is_admitted(void **state)
{
    static const char IMAGE[] = "11111111-1111-4111-8111-111111111111",
                      ANOTHER[] = "11111111-1111-4111-8111-111111111112";
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf url = KN_STRBUF_INIT;

    (void)state;
    kn_image_url_sign_upload(&KEY, "http://image:9292", IMAGE, 7, 1000, &url);
    assert_non_null(
        strstr(url.buf, "http://image:9292/image/11111111-1111-4111-8111-111111111111?task=7&expires=1000&signature="));
    const char *signature = strstr(url.buf, "signature=") + strlen("signature=");

    assert_true(kn_image_url_check_upload(&KEY, IMAGE, "7", "1000", signature, 1000));
    assert_false(kn_image_url_check_upload(&KEY, IMAGE, "7", "1000", signature, 1001));
    assert_false(kn_image_url_check_upload(&KEY, IMAGE, "8", "1000", signature, 1000));
    assert_false(kn_image_url_check_upload(&KEY, IMAGE, NULL, "1000", signature, 1000));
    assert_false(kn_image_url_check_upload(&KEY, IMAGE, "7", "1001", signature, 1000));
    assert_false(kn_image_url_check_upload(&KEY, ANOTHER, "7", "1000", signature, 1000));
    assert_false(kn_image_url_check_upload(&OTHER, IMAGE, "7", "1000", signature, 1000));
    assert_false(kn_image_url_check(&KEY, IMAGE, "1000", signature, 1000)); /* nor does it read anything */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signed_url_is_admitted),
        cmocka_unit_test(test_signed_upload_is_admitted),
        cmocka_unit_test(test_digest_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
