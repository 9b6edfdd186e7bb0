/* SPDX-License-Identifier: Apache-2.0 */
/* Published vectors (FIPS 180, RFC 1321, RFC 4231, RFC 4648), and the ways in which each of them can be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "lib/adapter/crypto.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

static void test_hashes(void **state)
{
    char sha[KN_SHA256_HEX], md5[KN_MD5_HEX];

    (void)state;
    kn_sha256_hex("abc", 3, sha);
    assert_string_equal(sha, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    kn_sha256_hex("", 0, sha);
    assert_string_equal(sha, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    kn_md5_hex("message digest", 14, md5);
    assert_string_equal(md5, "f96b697d7cb7938d525a2f31aaf161d0");
}

static void test_hmac(void **state)
{
    static const uint8_t EXPECTED[32] = { 0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24,
                                          0x26, 0x08, 0x95, 0x75, 0xc7, 0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27,
                                          0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43 };
    uint8_t out[32];

    (void)state;
    kn_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, out);
    assert_memory_equal(out, EXPECTED, 32);
    assert_true(kn_equal(out, EXPECTED, 32));
    out[31] ^= 1;
    assert_false(kn_equal(out, EXPECTED, 32));
}

static void test_digest_in_pieces(void **state)
{
    char sha512[KN_SHA512_HEX], md5[KN_MD5_HEX];
    struct kn_digest *d = kn_digest_new();

    (void)state;
    kn_digest_update(d, "a", 1);
    kn_digest_update(d, "", 0);
    kn_digest_update(d, "bc", 2);
    kn_digest_end(d, sha512, md5);
    kn_digest_free(d);
    kn_digest_free(NULL);
    assert_string_equal(sha512, "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                                "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
    assert_string_equal(md5, "900150983cd24fb0d6963f7d28e17f72");
}

static void test_random_differs(void **state)
{
    uint8_t a[32] = { 0 }, b[32] = { 0 };

    (void)state;
    kn_random(a, sizeof(a));
    kn_random(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
}

static void test_passwords(void **state)
{
    char one[128], two[128];
    struct kn_error err = { 0 };

    (void)state;
    assert_int_equal(kn_password_hash("correct horse", one, &err), 0);
    assert_int_equal(kn_password_hash("correct horse", two, &err), 0);
    assert_string_not_equal(one, two); /* salted */
    assert_int_equal(strncmp(one, "$argon2id$v=19$m=19456,t=2,p=1$", 31), 0);
    assert_true(kn_password_matches(one, "correct horse"));
    assert_false(kn_password_matches(one, "correct hors"));
    assert_false(kn_password_matches(one, ""));
    assert_false(kn_password_matches("", "correct horse"));
    assert_false(kn_password_matches("$argon2id$nonsense", "correct horse"));
    assert_false(kn_password_needs_rehash(one));
    assert_true(kn_password_needs_rehash("$argon2id$v=19$m=8192,t=1,p=1$YWFhYWFhYWFhYWFhYWFhYQ$"
                                         "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE"));
}

static void test_base64(void **state)
{
    static const char *const PAIRS[][2] = { { "", "" },        { "f", "Zg==" },          { "fo", "Zm8=" },
                                            { "foo", "Zm9v" }, { "foobar", "Zm9vYmFy" }, { "\xfb\xff", "+/8=" } };
    (void)state;
    for (size_t i = 0; i < KN_COUNT(PAIRS); i++) {
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;
        uint8_t out[16];
        size_t len = 99;
        kn_base64_add(&sb, PAIRS[i][0], strlen(PAIRS[i][0]));
        assert_string_equal(sb.buf, PAIRS[i][1]);
        assert_int_equal(sb.len, strlen(PAIRS[i][1]));
        assert_int_equal(kn_base64_decode(sb.buf, sb.len, out, sizeof(out), &len), 0);
        assert_int_equal(len, strlen(PAIRS[i][0]));
        assert_memory_equal(out, PAIRS[i][0], len);
    }
}

static void test_base64_refuses(void **state)
{
    static const char *const BAD[] = { "Zg", "Zg=", "Zg===", "Z", "Zm9v!", "Zh==", "-_8=" };
    uint8_t out[16];
    size_t len = 99;

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        assert_int_equal(kn_base64_decode(BAD[i], strlen(BAD[i]), out, sizeof(out), &len), -1);
    }
    assert_int_equal(kn_base64_decode("Zm9vYmFy", 8, out, 5, &len), -1);
    assert_int_equal(len, 99);
    assert_int_equal(kn_base64_decode("Zm9v\r\n YmFy\n", 12, out, sizeof(out), &len), 0);
    assert_int_equal(len, 6);
}

static void test_base64url(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;
    uint8_t out[4];
    size_t len = 0;

    (void)state;
    kn_strbuf_addstr(&sb, "t.");
    kn_base64url_add(&sb, "\xfb\xff", 2);
    assert_string_equal(sb.buf, "t.-_8");
    assert_int_equal(kn_base64url_decode(sb.buf + 2, 3, out, sizeof(out), &len), 0);
    assert_int_equal(len, 2);
    assert_int_equal(kn_base64url_decode("-_8=", 4, out, sizeof(out), &len), -1);
    assert_int_equal(kn_base64url_decode("+/8", 3, out, sizeof(out), &len), -1);
}

static int setup(void **state)
{
    (void)state;
    return kn_crypto_init(NULL);
}

static void test_seal(void **state)
{
    static const uint8_t KEY[KN_SEAL_KEY] = "a key", OTHER[KN_SEAL_KEY] = "another key";
    static const char *const BROKEN[] = { "", "x", "AAAA", "not base64!",
                                          "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" };
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sealed = KN_STRBUF_INIT, again = KN_STRBUF_INIT;
    AUTO_FREE char *plain = NULL;
    char *none = NULL;
    struct kn_error err = { 0 };

    (void)state;
    kn_seal(KEY, "id", "the text", &sealed);
    kn_seal(KEY, "id", "the text", &again);
    assert_string_not_equal(sealed.buf, again.buf); /* nobody sees that two are the same */
    assert_null(strstr(sealed.buf, "text"));
    assert_int_equal(kn_unseal(KEY, "id", sealed.buf, &plain, &err), 0);
    assert_string_equal(plain, "the text");
    assert_int_equal(kn_unseal(OTHER, "id", sealed.buf, &none, &err), -1);
    assert_int_equal(kn_unseal(KEY, "other", sealed.buf, &none, &err), -1);
    for (size_t i = 0; i < sealed.len; i++) {
        char was = sealed.buf[i];
        sealed.buf[i] = was == 'A' ? 'B' : 'A';
        assert_int_equal(kn_unseal(KEY, "id", sealed.buf, &none, &err), -1);
        sealed.buf[i] = was;
    }
    for (size_t i = 0; i < KN_COUNT(BROKEN); i++) {
        assert_int_equal(kn_unseal(KEY, "id", BROKEN[i], &none, &err), -1);
    }
    assert_null(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seal),           cmocka_unit_test(test_hashes),
        cmocka_unit_test(test_hmac),           cmocka_unit_test(test_digest_in_pieces),
        cmocka_unit_test(test_random_differs), cmocka_unit_test(test_passwords),
        cmocka_unit_test(test_base64),         cmocka_unit_test(test_base64_refuses),
        cmocka_unit_test(test_base64url),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
