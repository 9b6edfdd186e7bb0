/* SPDX-License-Identifier: Apache-2.0 */
/* data_door: where hosts fetch image data, and put that of images of their servers: HTTP, signed URLs (image/data/url.h), nothing else. */
#ifndef KN_IMAGE_SERVE_DATA_DOOR_H
#define KN_IMAGE_SERVE_DATA_DOOR_H

#include "image/data/url.h"
#include "lib/adapter/conf.h"
#include "lib/base/cleanup.h"
#include "lib/base/error.h"

struct kn_image_data_door;

/* Listens on `listen` and serves what is in conf->image_store_dir. conf outlives it. takes: also what comes (receive.h), which wants conf's database. */
int kn_image_data_door_open(const char *listen, const struct kn_conf *conf, const struct kn_image_url_key *key,
                            bool takes, struct kn_image_data_door **ret, struct kn_error *err);
int kn_image_data_door_port(const struct kn_image_data_door *door);
void kn_image_data_door_free(struct kn_image_data_door *door);
KN_DEFINE_AUTO(kn_image_data_door);

#endif
