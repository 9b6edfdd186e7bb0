/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens and their keys: what goes in comes out, and not one changed character passes. Failed logins: how often, and for how long. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "identity/auth/keys.h"
#include "identity/auth/limiter.h"
#include "identity/auth/token.h"
#include "lib/adapter/crypto.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/scratch.h"
#include "tests/support/test.h"

#define NOW INT64_C(1763722800000000)
#define HEX "0123456789abcdef0123456789abcdef"

static const struct kn_identity_keys KEYS = { .key = { { 7, "first" }, { 8, "second" } }, .count = 2 };
static const struct kn_identity_token FULL = {
    .methods = KN_METHOD_PASSWORD | KN_METHOD_TOKEN,
    .scope = KN_SCOPE_PROJECT,
    .roles = 15,
    .user_id = HEX,
    .user_domain_id = "default",
    .scope_id = "not-hex-but-text",
    .scope_domain_id = HEX,
    .issued_us = NOW - 5,
    .expires_us = NOW + 1000,
    .audit = "abcdefghijklmnop",
    .has_parent = true,
    .parent = "ponmlkjihgfedcba",
};
static const struct kn_identity_token BARE = { .methods = KN_METHOD_PASSWORD,
                                               .user_id = HEX,
                                               .user_domain_id = "default",
                                               .issued_us = NOW,
                                               .expires_us = NOW + 1,
                                               .audit = "abcdefghijklmnop" };
static const struct kn_identity_token RULED = {
    .methods = KN_METHOD_APP_CREDENTIAL,
    .scope = KN_SCOPE_PROJECT,
    .user_id = HEX,
    .user_domain_id = "default",
    .scope_id = HEX,
    .scope_domain_id = "default",
    .issued_us = NOW,
    .expires_us = NOW + 1,
    .audit = "abcdefghijklmnop",
    .credential_id = HEX,
    .unrestricted = true,
    .rules = "compute\tGET\t/v2.1/servers\n",
};
static const struct kn_identity_token LENT = {
    .methods = KN_METHOD_PASSWORD,
    .scope = KN_SCOPE_PROJECT,
    .roles = 3,
    .user_id = HEX,
    .user_domain_id = "default",
    .scope_id = HEX,
    .scope_domain_id = "default",
    .issued_us = NOW,
    .expires_us = NOW + 1,
    .audit = "abcdefghijklmnop",
    .trust_id = HEX,
    .trustor_id = HEX,
    .trustee_id = "a-name",
};

static void test_round_trip(void **state)
{
    const struct kn_identity_token *const TOKENS[] = { &FULL, &BARE, &RULED, &LENT };
    struct kn_error err = { 0 };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(TOKENS); i++) {
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;
        struct kn_identity_token got;
        kn_identity_token_encode(TOKENS[i], &KEYS, &sb);
        assert_true(sb.len < 255);
        assert_ok(kn_identity_token_decode(sb.buf, &KEYS, NOW, &got, &err), &err);
        assert_int_equal(got.methods, TOKENS[i]->methods);
        assert_int_equal(got.scope, TOKENS[i]->scope);
        assert_int_equal(got.roles, TOKENS[i]->roles);
        assert_string_equal(got.user_id, TOKENS[i]->user_id);
        assert_string_equal(got.user_domain_id, TOKENS[i]->user_domain_id);
        assert_string_equal(got.scope_id, TOKENS[i]->scope_id);
        assert_string_equal(got.scope_domain_id, TOKENS[i]->scope_domain_id);
        assert_true(got.issued_us == TOKENS[i]->issued_us && got.expires_us == TOKENS[i]->expires_us);
        assert_memory_equal(got.audit, TOKENS[i]->audit, KN_AUDIT_BYTES);
        assert_int_equal(got.has_parent, TOKENS[i]->has_parent);
        assert_string_equal(got.trust_id, TOKENS[i]->trust_id);
        assert_string_equal(got.trustor_id, TOKENS[i]->trustor_id);
        assert_string_equal(got.trustee_id, TOKENS[i]->trustee_id);
        assert_string_equal(got.credential_id, TOKENS[i]->credential_id);
        assert_int_equal(got.unrestricted, TOKENS[i]->unrestricted);
        assert_string_equal(got.rules, TOKENS[i]->rules);
        assert_memory_equal(got.parent, TOKENS[i]->parent, KN_AUDIT_BYTES);
    }
}

/* As many rules as a token can hold fit into its text. */
static void test_longest(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;
    struct kn_identity_token token = RULED, got;
    struct kn_error err = { 0 };

    (void)state;
    memset(token.user_id, 'u', 64);
    memset(token.user_domain_id, 'd', 64);
    memset(token.scope_id, 's', 64);
    memset(token.scope_domain_id, 'e', 64);
    memset(token.credential_id, 'c', 64);
    memset(token.rules, 'r', KN_TOKEN_RULES);
    token.has_parent = true;
    kn_identity_token_encode(&token, &KEYS, &sb);
    assert_true(sb.len <= KN_TOKEN_MAX);
    assert_ok(kn_identity_token_decode(sb.buf, &KEYS, NOW, &got, &err), &err);
    assert_string_equal(got.rules, token.rules);
}

static void test_every_character_counts(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;
    struct kn_identity_token got = { .methods = 99 };
    struct kn_error err = { 0 };

    (void)state;
    kn_identity_token_encode(&FULL, &KEYS, &sb);
    for (size_t i = 0; i < sb.len; i++) {
        char was = sb.buf[i];
        sb.buf[i] = was == 'A' ? 'B' : 'A';
        assert_fails(kn_identity_token_decode(sb.buf, &KEYS, NOW, &got, &err), &err, KN_UNAUTHORIZED);
        sb.buf[i] = '\0'; /* cut */
        assert_fails(kn_identity_token_decode(sb.buf, &KEYS, NOW, &got, &err), &err, KN_UNAUTHORIZED);
        sb.buf[i] = was;
    }
    kn_strbuf_addstr(&sb, "AAAA");
    assert_fails(kn_identity_token_decode(sb.buf, &KEYS, NOW, &got, &err), &err, KN_UNAUTHORIZED);
    assert_int_equal(got.methods, 99); /* untouched */
}

static void test_expiry_and_keys(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;
    const struct kn_identity_keys rotated = { .key = { { 9, "third" }, { 7, "first" } }, .count = 2 };
    const struct kn_identity_keys without = { .key = { { 9, "third" }, { 8, "second" } }, .count = 2 };
    const struct kn_identity_keys reused = { .key = { { 7, "another" } }, .count = 1 };
    struct kn_identity_token got;
    struct kn_error err = { 0 };

    (void)state;
    kn_identity_token_encode(&FULL, &KEYS, &sb);
    assert_ok(kn_identity_token_decode(sb.buf, &KEYS, NOW + 999, &got, &err), &err);
    assert_fails(kn_identity_token_decode(sb.buf, &KEYS, NOW + 1000, &got, &err), &err, KN_UNAUTHORIZED);
    assert_ok(kn_identity_token_decode(sb.buf, &rotated, NOW, &got, &err), &err);
    assert_fails(kn_identity_token_decode(sb.buf, &without, NOW, &got, &err), &err, KN_UNAUTHORIZED);
    assert_fails(kn_identity_token_decode(sb.buf, &reused, NOW, &got, &err), &err, KN_UNAUTHORIZED);
}

static void test_not_tokens(void **state)
{
    static const char *const BAD[] = { "", "kn1.", "kn1.AAAA", "kn2.AAAA", "gAAAAABh", "kn1.=", "kn1.\xff" };
    struct kn_identity_token got;
    struct kn_error err = { 0 };
    static char large[5000];

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        assert_fails(kn_identity_token_decode(BAD[i], &KEYS, NOW, &got, &err), &err, KN_UNAUTHORIZED);
    }
    memset(large, 'A', sizeof(large) - 1);
    memcpy(large, "kn1.", 4);
    assert_fails(kn_identity_token_decode(large, &KEYS, NOW, &got, &err), &err, KN_UNAUTHORIZED);
}

static void test_audit_text(void **state)
{
    char text[KN_AUDIT_TEXT];

    (void)state;
    kn_identity_audit_text(FULL.audit, text);
    assert_string_equal(text, "YWJjZGVmZ2hpamtsbW5vcA");
}

static void test_key_rotation(void **state)
{
    struct kn_identity_keys keys = { .count = 0 };

    (void)state;
    kn_identity_keys_add(&keys);
    assert_int_equal(keys.count, 1);
    uint32_t first = keys.key[0].id;
    kn_identity_keys_add(&keys);
    assert_int_equal(keys.count, 2);
    assert_int_equal(keys.key[0].id, first); /* the new one waits */
    uint32_t second = keys.key[1].id;
    kn_identity_keys_promote(&keys);
    assert_int_equal(keys.key[0].id, second);
    assert_int_equal(keys.key[1].id, first);
    for (int i = 0; i < 5; i++) {
        kn_identity_keys_add(&keys);
    }
    assert_int_equal(keys.count, 3);
    assert_int_equal(keys.key[0].id, second);
}

static void test_key_file(void **state)
{
    char dir[KN_TEST_DIR];
    struct kn_identity_keys keys = { .count = 0 }, got;
    struct kn_error err = { 0 };
    struct stat st;

    (void)state;
    kn_test_dir(dir, "keys");
    AUTO_FREE char *path = kn_asprintf("%s/token.key", dir);
    assert_fails(kn_identity_keys_load(path, &got, &err), &err, KN_NOT_FOUND);
    kn_identity_keys_add(&keys);
    kn_identity_keys_add(&keys);
    assert_ok(kn_identity_keys_save(path, &keys, &err), &err);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_ok(kn_identity_keys_load(path, &got, &err), &err);
    assert_int_equal(got.count, 2);
    assert_memory_equal(got.key, keys.key, 2 * sizeof(*keys.key));
    assert_int_equal(chmod(path, 0640), 0);
    assert_fails(kn_identity_keys_load(path, &got, &err), &err, KN_INTERNAL);
    unlink(path);
    rmdir(dir);
    assert_fails(kn_identity_keys_save(path, &keys, &err), &err, KN_INTERNAL);
}

static void test_bad_key_files(void **state)
{
    static const char *const BAD[] = { "", "\n", "00000001 00", "00000001", "0000000g 00", "x" };
    struct kn_identity_keys got;
    struct kn_error err = { 0 };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        assert_fails(kn_identity_keys_parse(BAD[i], &got, &err), &err, KN_INTERNAL);
    }
}

static void test_limiter(void **state)
{
    static struct kn_identity_limiter l;

    (void)state;
    for (int i = 0; i < KN_LIMITER_FAILURES; i++) {
        assert_true(kn_identity_limiter_allows(&l, "eve 1.2.3.4", 1000));
        kn_identity_limiter_failed(&l, "eve 1.2.3.4", 1000);
    }
    assert_false(kn_identity_limiter_allows(&l, "eve 1.2.3.4", 1000));
    assert_true(kn_identity_limiter_allows(&l, "eve 1.2.3.5", 1000));
    assert_false(kn_identity_limiter_allows(&l, "eve 1.2.3.4", 1000 + KN_LIMITER_RETURN_MS - 1));
    assert_true(kn_identity_limiter_allows(&l, "eve 1.2.3.4", 1000 + KN_LIMITER_RETURN_MS));
    kn_identity_limiter_failed(&l, "eve 1.2.3.4", 1000 + KN_LIMITER_RETURN_MS);
    assert_false(kn_identity_limiter_allows(&l, "eve 1.2.3.4", 1000 + KN_LIMITER_RETURN_MS));
    /* a flood of names must not forget everybody at once, nor grow */
    for (int i = 0; i < 100000; i++) {
        char name[32];
        snprintf(name, sizeof(name), "flood %d", i);
        kn_identity_limiter_failed(&l, name, 2000);
    }
    assert_false(kn_identity_limiter_allows(&l, "eve 1.2.3.4", 2000));
}

static int setup(void **state)
{
    (void)state;
    return kn_crypto_init(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_longest),
        cmocka_unit_test(test_every_character_counts),
        cmocka_unit_test(test_expiry_and_keys),
        cmocka_unit_test(test_not_tokens),
        cmocka_unit_test(test_audit_text),
        cmocka_unit_test(test_key_rotation),
        cmocka_unit_test(test_key_file),
        cmocka_unit_test(test_bad_key_files),
        cmocka_unit_test(test_limiter),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
