/* SPDX-License-Identifier: Apache-2.0 */
/*
 * volume_encryption: what a type of volumes may say of their encryption, and what of it is done here: LUKS (version 1), read and written by the QEMU of the guest. Any other is kept and shown, but no
 * volume is made of it. Pure.
 */
#ifndef KN_DOMAIN_VOLUME_ENCRYPTION_H
#define KN_DOMAIN_VOLUME_ENCRYPTION_H

#include <stdint.h>

#include "lib/base/error.h"

struct kn_volume_encryption {
    const char *provider;
    const char *control_location; /* front-end: the host of the guest; back-end: who has the disk */
    const char *cipher;           /* as dm-crypt calls it; NULL: whoever makes the disk chooses */
    int64_t key_size;             /* of AES, in bits; 0: the same */
};

/* KN_BAD_REQUEST: no volume can be encrypted so here, and why. *ret_bits: of AES, in XTS mode. */
int kn_volume_encryption_check(const struct kn_volume_encryption *said, int *ret_bits, struct kn_error *err);

#endif
