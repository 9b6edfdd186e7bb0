/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follower: a thread that digests a file while somebody else writes it, out of the page cache. So receiving and digesting an
 * upload go on side by side, and memory stays that of one buffer.
 */
#ifndef KN_IMAGE_DATA_FOLLOWER_H
#define KN_IMAGE_DATA_FOLLOWER_H

#include <stdint.h>

#include "lib/adapter/crypto.h"
#include "lib/base/error.h"

struct kn_image_follower;

/* fd is borrowed and must be readable; it stays open until kn_image_follower_free(). */
struct kn_image_follower *kn_image_follower_new(int fd);
/* The file's first `size` bytes are written and will not change. */
void kn_image_follower_advance(struct kn_image_follower *f, int64_t size);
/* Waits until all that was announced is digested. Once. */
int kn_image_follower_end(struct kn_image_follower *f, char sha512[KN_SHA512_HEX], char md5[KN_MD5_HEX],
                          struct kn_error *err);
/* Without end(): stops where it is. Takes NULL. */
void kn_image_follower_free(struct kn_image_follower *f);

#endif
