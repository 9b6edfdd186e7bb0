/* SPDX-License-Identifier: Apache-2.0 */
/*
 * url: the signed address of a blob: whoever holds it may read that one blob until it expires. Pure, but for the key.
 *
 *   <base>/blob/<sha512>?expires=<seconds since 1970>&signature=<hex>
 *
 *   <base>/image/<image id>?task=<id>&expires=<seconds since 1970>&signature=<hex>
 *
 * The second one is the address where one host puts the data of one image, as the step of one task: worth nothing when that task is over (image/serve/receive.c).
 * kilonova-image alone makes and checks them. Its key lives in a file of mode 0600 beside the blobs, so that URLs outlive a
 * restart and another kilonova-image takes over with the same. A URL must never be logged.
 */
#ifndef KN_IMAGE_DATA_URL_H
#define KN_IMAGE_DATA_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/adapter/crypto.h"
#include "lib/base/error.h"
#include "lib/base/strbuf.h"

struct kn_image_url_key {
    uint8_t bytes[32];
};

/* Reads <dir>/.url.key, or makes it. */
int kn_image_url_key_load(const char *dir, struct kn_image_url_key *ret, struct kn_error *err);
void kn_image_url_sign(const struct kn_image_url_key *key, const char *base, const char *sha512, int64_t expires_s,
                       struct kn_strbuf *out);
/* True if the signature fits and has not expired at now_s. Any argument may be NULL. */
bool kn_image_url_check(const struct kn_image_url_key *key, const char *sha512, const char *expires,
                        const char *signature, int64_t now_s);

/* The address to which a task brings an image's data, and whether one is. */
void kn_image_url_sign_upload(const struct kn_image_url_key *key, const char *base, const char *image, int64_t task,
                              int64_t expires_s, struct kn_strbuf *out);
bool kn_image_url_check_upload(const struct kn_image_url_key *key, const char *image, const char *task,
                               const char *expires, const char *signature, int64_t now_s);

#endif
