/* SPDX-License-Identifier: Apache-2.0 */
/* crypto: hashes, MACs, passwords, random bytes; the cage of OpenSSL and libsodium. */
#ifndef KN_ADAPTER_CRYPTO_H
#define KN_ADAPTER_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/strbuf.h"

#define KN_SHA512_HEX 129
#define KN_SHA256_HEX 65
#define KN_MD5_HEX 33

int kn_crypto_init(struct kn_error *err);
void kn_random(void *out, size_t len);
void kn_sha256_hex(const void *data, size_t len, char out[KN_SHA256_HEX]);
void kn_md5_hex(const void *data, size_t len,
                char out[KN_MD5_HEX]); /* fingerprints of keypairs, checksums clients expect */
void kn_sha1(const void *data, size_t len, uint8_t out[20]); /* where a protocol says so (RFC 6455), for no secret */
void kn_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len, uint8_t out[32]);

/* HMAC-SHA256 with a key that stays; one thread at a time. begin, add what there is, end; then begin again. */
struct kn_hmac;
struct kn_hmac *kn_hmac_new(const void *key, size_t key_len);
void kn_hmac_free(struct kn_hmac *hmac); /* takes NULL */
void kn_hmac_begin(struct kn_hmac *hmac);
void kn_hmac_add(struct kn_hmac *hmac, const void *data, size_t len);
void kn_hmac_end(struct kn_hmac *hmac, uint8_t out[32]);

bool kn_equal(const void *a, const void *b, size_t len); /* constant time */

void kn_wipe(void *data, size_t len);        /* not optimised away */
void kn_hex(const void *data, size_t len, char *out); /* 2 * len digits and a NUL */
int kn_unhex(const char *text, uint8_t *out, size_t len); /* exactly 2 * len digits, or -1 */

/* SHA-512 and MD5 of a stream at once, as images need them. */
struct kn_digest;
struct kn_digest *kn_digest_new(void);
void kn_digest_update(struct kn_digest *d, const void *data, size_t len);
void kn_digest_end(struct kn_digest *d, char sha512[KN_SHA512_HEX], char md5[KN_MD5_HEX]);
void kn_digest_free(struct kn_digest *d);

/* argon2id, OWASP parameters (t=2, m=19 MiB, p=1): 18 ms of a core, so only on the login threads. */
int kn_password_hash(const char *password, char out[128], struct kn_error *err);
bool kn_password_matches(const char *hash, const char *password);
bool kn_password_needs_rehash(const char *hash);

/* Secrets that have to be read again: sealed about something (an id) with a key, they open about nothing else and with no other. */
#define KN_SEAL_KEY 32
void kn_seal(const uint8_t key[KN_SEAL_KEY], const char *about, const char *plain, struct kn_strbuf *out);
int kn_unseal(const uint8_t key[KN_SEAL_KEY], const char *about, const char *text, char **ret_plain,
              struct kn_error *err);

/* For one who asks: a box whose name anybody may know, and what is sealed into it opens for who made it, while that process lives. */
#define KN_BOX_NAME 65 /* 64 hex digits */
struct kn_box {
    char name[KN_BOX_NAME];
    uint8_t secret[32];
};
void kn_box_make(struct kn_box *ret);
/* *ret (heap): a text. KN_BAD_REQUEST: the name is none. */
int kn_box_seal(const char *name, const char *plain, char **ret, struct kn_error *err);
int kn_box_open(const struct kn_box *box, const char *text, char **ret_plain, struct kn_error *err);

void kn_base64url_add(struct kn_strbuf *out, const void *data, size_t len); /* no padding */
int kn_base64url_decode(const char *text, size_t len, uint8_t *out, size_t size, size_t *ret_len);
void kn_base64_add(struct kn_strbuf *out, const void *data, size_t len); /* RFC 4648, padded */
/* Decoders: 0, or -1 when text is not exactly that or does not fit; the padded one skips white space, as mail tools wrap it. */
int kn_base64_decode(const char *text, size_t len, uint8_t *out, size_t size, size_t *ret_len);

/* A new RSA key of 2048 bits: PEM (PKCS#1, what every ssh reads) and the line for authorized_keys, without a comment. */
int kn_ssh_key_make(struct kn_strbuf *private_pem, struct kn_strbuf *public_line, struct kn_error *err);

#define KN_X509_FINGERPRINT 60 /* aa:bb:… of a SHA-1, as Nova has it */
/* Of one certificate in PEM, and nothing beside it; else KN_BAD_REQUEST in Nova's words. */
int kn_x509_fingerprint(const char *pem, char ret[KN_X509_FINGERPRINT], struct kn_error *err);
/* A certificate of this name (letters, digits, -, _) for a client, signed by its own new RSA key of 2048 bits, for ten years; both PEM, the key PKCS#8. */
int kn_x509_make(const char *name, struct kn_strbuf *key_pem, struct kn_strbuf *cert_pem, struct kn_error *err);

#endif
