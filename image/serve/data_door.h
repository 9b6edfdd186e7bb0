/* SPDX-License-Identifier: Apache-2.0 */
/* data_door: where hosts fetch image data: HTTP, signed URLs (url.h), nothing else. */
#ifndef KN_IMAGE_SERVE_DATA_DOOR_H
#define KN_IMAGE_SERVE_DATA_DOOR_H

#include "image/data/url.h"
#include "lib/base/cleanup.h"
#include "lib/base/error.h"

struct kn_image_data_door;

/* Listens on `listen` and serves what is in `dir`, both copied. */
int kn_image_data_door_open(const char *listen, const char *dir, const struct kn_image_url_key *key,
                            struct kn_image_data_door **ret, struct kn_error *err);
int kn_image_data_door_port(const struct kn_image_data_door *door);
void kn_image_data_door_free(struct kn_image_data_door *door);
KN_DEFINE_AUTO(kn_image_data_door);

#endif
