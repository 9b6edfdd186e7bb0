/* SPDX-License-Identifier: Apache-2.0 */
/* What is done of encryption specs. The names of the provider are those that Nova and os-brick know. */
#include "lib/domain/volume_encryption.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/mem.h"

#define CANNOT "Invalid volume type: its encryption cannot be done: "
#define BITS 256 /* where nobody says */

static const char *const PROVIDERS[] = {
    "luks",
    "LuksEncryptor",
    "nova.volume.encryptors.luks.LuksEncryptor",
    "os_brick.encryptors.luks.LuksEncryptor",
};

static bool encryption_is_luks(const char *provider)
{
    for (size_t i = 0; i < KN_COUNT(PROVIDERS); i++) {
        if (strcmp(PROVIDERS[i], provider) == 0) {
            return true;
        }
    }
    return false;
}

int kn_volume_encryption_check(const struct kn_volume_encryption *said, int *ret_bits, struct kn_error *err)
{
    const char *cipher = said->cipher != NULL && *said->cipher != '\0' ? said->cipher : "aes-xts-plain64";
    const int64_t bits = said->key_size == 0 ? BITS : said->key_size;

    if (!encryption_is_luks(said->provider)) {
        return kn_fail(err, KN_BAD_REQUEST, CANNOT "provider \"%.64s\" is not luks.", said->provider);
    }
    if (strcmp(said->control_location, "front-end") != 0) {
        return kn_fail(err, KN_BAD_REQUEST, CANNOT "control_location \"%.64s\" is not front-end.",
                       said->control_location);
    }
    if (strcmp(cipher, "aes-xts-plain64") != 0) {
        return kn_fail(err, KN_BAD_REQUEST, CANNOT "cipher \"%.64s\" is not aes-xts-plain64.", cipher);
    }
    if (bits != 128 && bits != 256) {
        return kn_fail(err, KN_BAD_REQUEST, CANNOT "key_size %lld is neither 128 nor 256.", (long long)bits);
    }
    *ret_bits = (int)bits;
    return 0;
}
