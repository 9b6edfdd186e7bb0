/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns argon2id: how a password becomes what the database holds, with OWASP's parameters. Each call takes 19 MiB and some 18 ms of a
 * core, so it must never be called on a thread that serves requests (identity/auth/login.c has threads of its own).
 */
#include <sodium.h>
#include <string.h>

#include "lib/adapter/crypto.h"

#define PASSES 2
#define MEMORY_BYTES (19U * 1024 * 1024)

_Static_assert(crypto_pwhash_STRBYTES == 128, "kn_password_hash() promises room for 128");

int kn_password_hash(const char *password, char out[128], struct kn_error *err)
{
    char hash[crypto_pwhash_STRBYTES];

    if (crypto_pwhash_str_alg(hash, password, strlen(password), PASSES, MEMORY_BYTES, crypto_pwhash_ALG_ARGON2ID13) !=
        0) {
        return kn_fail(err, KN_UNAVAILABLE, "no memory to hash a password");
    }
    memcpy(out, hash, sizeof(hash));
    return 0;
}

bool kn_password_matches(const char *hash, const char *password)
{
    return crypto_pwhash_str_verify(hash, password, strlen(password)) == 0;
}

bool kn_password_needs_rehash(const char *hash)
{
    return crypto_pwhash_str_needs_rehash(hash, PASSES, MEMORY_BYTES) != 0;
}
