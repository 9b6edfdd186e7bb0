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
