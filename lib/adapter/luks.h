/* SPDX-License-Identifier: Apache-2.0 */
/*
 * luks: the header of an encrypted disk: LUKS version 1, AES in XTS mode with plain64, SHA-256, a single passphrase; QEMU, cryptsetup and the kernel read it. Behind it lies the payload, which who opens the disk encrypts
 * and decrypts; an empty one is noise. We write the header ourselves: qemu-img first times the machine for seconds, to slow down who guesses passphrases, and gives up on a busy one. The passphrases here are 256 random bits, and
 * nobody guesses these.
 */
#ifndef KN_ADAPTER_LUKS_H
#define KN_ADAPTER_LUKS_H

#include <stdint.h>

#include "lib/base/error.h"

#define KN_LUKS_HEADER_MAX (INT64_C(2) << 20) /* bytes that a disk has before its payload, at most */

/* Writes one into an empty file, which is then as long as header and payload are. bits: of AES, 128 or 256. KN_NO_VALID_HOST: there is no room. */
int kn_luks_format(int fd, const char *passphrase, int bits, int64_t payload, struct kn_error *err);
/* How many bytes stand before the payload. KN_INTERNAL: it is no such disk. */
int kn_luks_header(int fd, int64_t *ret, struct kn_error *err);

#endif
