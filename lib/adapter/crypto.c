/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns hashes, MACs, random bytes and the base64 texts: the one cage of OpenSSL and, with crypto_password.c, of libsodium.
 * OpenSSL hashes (it uses the processor's SHA instructions), libsodium does everything that must be constant in time. It must
 * never keep a key: keys are the caller's, for the length of a call.
 */
#include "lib/adapter/crypto.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

int kn_crypto_init(struct kn_error *err)
{
    if (sodium_init() < 0) {
        return kn_fail(err, KN_INTERNAL, "libsodium cannot start: no source of random bytes");
    }
    return 0;
}

void kn_random(void *out, size_t len)
{
    randombytes_buf(out, len);
}

/* EVP_Digest() fails only when memory is out or the provider is broken: neither leaves anything to say. */
static void hash_hex(const EVP_MD *kind, const void *data, size_t len, char *out)
{
    uint8_t sum[EVP_MAX_MD_SIZE];
    unsigned int sum_len = 0;

    if (EVP_Digest(data, len, sum, &sum_len, kind, NULL) != 1) {
        abort();
    }
    sodium_bin2hex(out, (size_t)sum_len * 2 + 1, sum, sum_len);
}

/* EVP_sha256() is looked up among the providers each time that it is used: as dear as hashing what most callers have. */
static EVP_MD *crypto_sha256;
static pthread_once_t crypto_sha256_once = PTHREAD_ONCE_INIT;

static void crypto_fetch_sha256(void)
{
    crypto_sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

void kn_sha256_hex(const void *data, size_t len, char out[KN_SHA256_HEX])
{
    pthread_once(&crypto_sha256_once, crypto_fetch_sha256);
    hash_hex(crypto_sha256, data, len, out);
}

void kn_md5_hex(const void *data, size_t len, char out[KN_MD5_HEX])
{
    hash_hex(EVP_md5(), data, len, out);
}

void kn_sha1(const void *data, size_t len, uint8_t out[20])
{
    unsigned int size = 20;

    if (EVP_Digest(data, len, out, &size, EVP_sha1(), NULL) != 1) {
        abort();
    }
}

void kn_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len, uint8_t out[32])
{
    crypto_auth_hmacsha256_state state;

    crypto_auth_hmacsha256_init(&state, key, key_len);
    crypto_auth_hmacsha256_update(&state, data, len);
    crypto_auth_hmacsha256_final(&state, out);
    sodium_memzero(&state, sizeof(state));
}

bool kn_equal(const void *a, const void *b, size_t len)
{
    return sodium_memcmp(a, b, len) == 0;
}

void kn_wipe(void *data, size_t len)
{
    sodium_memzero(data, len);
}

void kn_hex(const void *data, size_t len, char *out)
{
    sodium_bin2hex(out, 2 * len + 1, data, len);
}

int kn_unhex(const char *text, uint8_t *out, size_t len)
{
    size_t got = 0;

    return strlen(text) == 2 * len && sodium_hex2bin(out, len, text, 2 * len, NULL, &got, NULL) == 0 && got == len ? 0
                                                                                                                   : -1;
}

struct kn_digest {
    EVP_MD_CTX *sha512;
    EVP_MD_CTX *md5;
};

static EVP_MD_CTX *context_new(const EVP_MD *kind)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (ctx == NULL || EVP_DigestInit_ex(ctx, kind, NULL) != 1) {
        abort();
    }
    return ctx;
}

struct kn_digest *kn_digest_new(void)
{
    struct kn_digest *d = KN_NEW(struct kn_digest);
    d->sha512 = context_new(EVP_sha512());
    d->md5 = context_new(EVP_md5());
    return d;
}

void kn_digest_update(struct kn_digest *d, const void *data, size_t len)
{
    if (EVP_DigestUpdate(d->sha512, data, len) != 1 || EVP_DigestUpdate(d->md5, data, len) != 1) {
        abort();
    }
}

static void context_end(EVP_MD_CTX *ctx, char *out)
{
    uint8_t sum[EVP_MAX_MD_SIZE];
    unsigned int len = 0;

    if (EVP_DigestFinal_ex(ctx, sum, &len) != 1) {
        abort();
    }
    sodium_bin2hex(out, (size_t)len * 2 + 1, sum, len);
}

void kn_digest_end(struct kn_digest *d, char sha512[KN_SHA512_HEX], char md5[KN_MD5_HEX])
{
    context_end(d->sha512, sha512);
    context_end(d->md5, md5);
}

void kn_digest_free(struct kn_digest *d)
{
    if (d == NULL) {
        return;
    }
    EVP_MD_CTX_free(d->sha512);
    EVP_MD_CTX_free(d->md5);
    free(d);
}

static void add_base64(struct kn_strbuf *out, const void *data, size_t len, int variant)
{
    size_t size = sodium_base64_encoded_len(len, variant); /* with its NUL */

    kn_strbuf_grow(out, size);
    sodium_bin2base64(out->buf + out->len, size, data, len, variant);
    while (out->buf[out->len] != '\0') {
        out->len++;
    }
}

static int decode_base64(const char *text, size_t len, const char *ignore, int variant, uint8_t *out, size_t size,
                         size_t *ret_len)
{
    size_t got = 0;
    const char *end = NULL;

    if (sodium_base642bin(out, size, text, len, ignore, &got, &end, variant) != 0 || end != text + len) {
        return -1;
    }
    *ret_len = got;
    return 0;
}

void kn_base64url_add(struct kn_strbuf *out, const void *data, size_t len)
{
    add_base64(out, data, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

int kn_base64url_decode(const char *text, size_t len, uint8_t *out, size_t size, size_t *ret_len)
{
    return decode_base64(text, len, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING, out, size, ret_len);
}

void kn_base64_add(struct kn_strbuf *out, const void *data, size_t len)
{
    add_base64(out, data, len, sodium_base64_VARIANT_ORIGINAL);
}

int kn_base64_decode(const char *text, size_t len, uint8_t *out, size_t size, size_t *ret_len)
{
    return decode_base64(text, len, " \t\r\n", sodium_base64_VARIANT_ORIGINAL, out, size, ret_len);
}
