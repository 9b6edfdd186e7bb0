/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HMAC with a kept key: what a message costs is its own bytes, because the key's two blocks were hashed once and OpenSSL uses the processor's
 * instructions for the rest. It keeps no more of the key than OpenSSL's context does.
 */
#include "lib/adapter/crypto.h"

#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>

#include "lib/base/mem.h"

struct kn_hmac {
    EVP_MAC_CTX *ctx;
};

struct kn_hmac *kn_hmac_new(const void *key, size_t key_len)
{
    struct kn_hmac *hmac = KN_NEW(struct kn_hmac);
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string("digest", digest, 0), OSSL_PARAM_construct_end() };

    hmac->ctx = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac);
    if (hmac->ctx == NULL || EVP_MAC_init(hmac->ctx, key, key_len, params) != 1) {
        abort(); /* memory is out or the provider is broken: neither leaves anything to say */
    }
    return hmac;
}

void kn_hmac_free(struct kn_hmac *hmac)
{
    if (hmac != NULL) {
        EVP_MAC_CTX_free(hmac->ctx);
        free(hmac);
    }
}

void kn_hmac_begin(struct kn_hmac *hmac)
{
    if (EVP_MAC_init(hmac->ctx, NULL, 0, NULL) != 1) {
        abort();
    }
}

void kn_hmac_add(struct kn_hmac *hmac, const void *data, size_t len)
{
    if (EVP_MAC_update(hmac->ctx, data, len) != 1) {
        abort();
    }
}

void kn_hmac_end(struct kn_hmac *hmac, uint8_t out[32])
{
    size_t len = 0;

    if (EVP_MAC_final(hmac->ctx, out, &len, 32) != 1 || len != 32) {
        abort();
    }
}
