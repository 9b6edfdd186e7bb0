/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns sealing: XChaCha20-Poly1305 of libsodium with a random nonce, as a text for a database. It must never tell why something cannot be
 * opened: a wrong key and a changed byte look the same.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "lib/adapter/crypto.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG crypto_aead_xchacha20poly1305_ietf_ABYTES
_Static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == KN_SEAL_KEY, "the key's size");

void kn_seal(const uint8_t key[KN_SEAL_KEY], const char *about, const char *plain, struct kn_strbuf *out)
{
    size_t len = strlen(plain);
    AUTO_FREE uint8_t *sealed = kn_alloc(NONCE + len + TAG);

    randombytes_buf(sealed, NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + NONCE, NULL, (const uint8_t *)plain, len,
                                               (const uint8_t *)about, strlen(about), NULL, sealed, key);
    kn_base64url_add(out, sealed, NONCE + len + TAG);
}

int kn_unseal(const uint8_t key[KN_SEAL_KEY], const char *about, const char *text, char **ret_plain,
              struct kn_error *err)
{
    size_t size = strlen(text), len = 0;
    AUTO_FREE uint8_t *sealed = kn_alloc(size + 1);
    AUTO_FREE char *plain = kn_alloc(size + 1);

    if (kn_base64url_decode(text, size, sealed, size, &len) < 0 || len < NONCE + TAG ||
        crypto_aead_xchacha20poly1305_ietf_decrypt((uint8_t *)plain, NULL, NULL, sealed + NONCE, len - NONCE,
                                                   (const uint8_t *)about, strlen(about), sealed, key) != 0) {
        return kn_fail(err, KN_INTERNAL, "what is sealed about \"%s\" cannot be opened", about);
    }
    *ret_plain = kn_steal(&plain);
    return 0;
}

/* --- boxes: libsodium's sealed ones, of a key pair that lives as long as the question ----------------------------------------------- */

_Static_assert(crypto_box_PUBLICKEYBYTES == (KN_BOX_NAME - 1) / 2 && crypto_box_SECRETKEYBYTES == 32,
               "the keys' sizes");

void kn_box_make(struct kn_box *ret)
{
    uint8_t name[crypto_box_PUBLICKEYBYTES];

    crypto_box_keypair(name, ret->secret);
    kn_hex(name, sizeof(name), ret->name);
}

int kn_box_seal(const char *name, const char *plain, char **ret, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    const size_t len = strlen(plain);
    AUTO_FREE uint8_t *sealed = kn_alloc(len + crypto_box_SEALBYTES);
    uint8_t public[crypto_box_PUBLICKEYBYTES];

    if (kn_unhex(name, public, sizeof(public)) < 0 ||
        crypto_box_seal(sealed, (const uint8_t *)plain, len, public) != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "\"%.64s\" names no box", name);
    }
    kn_base64url_add(&text, sealed, len + crypto_box_SEALBYTES);
    *ret = kn_strdup(text.buf);
    return 0;
}

int kn_box_open(const struct kn_box *box, const char *text, char **ret_plain, struct kn_error *err)
{
    const size_t size = strlen(text);
    AUTO_FREE uint8_t *sealed = kn_alloc(size + 1);
    AUTO_FREE char *plain = kn_alloc(size + 1);
    uint8_t public[crypto_box_PUBLICKEYBYTES];
    size_t len = 0;

    if (kn_unhex(box->name, public, sizeof(public)) < 0 || kn_base64url_decode(text, size, sealed, size, &len) < 0 ||
        len < crypto_box_SEALBYTES || crypto_box_seal_open((uint8_t *)plain, sealed, len, public, box->secret) != 0) {
        return kn_fail(err, KN_INTERNAL, "what came in a box cannot be opened");
    }
    *ret_plain = kn_steal(&plain);
    return 0;
}
