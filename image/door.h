/* SPDX-License-Identifier: Apache-2.0 */
/* door: where hosts fetch image data: HTTP, signed URLs (url.h), nothing else. */
#ifndef KN_IMAGE_DOOR_H
#define KN_IMAGE_DOOR_H

#include "image/url.h"
#include "lib/base/cleanup.h"
#include "lib/base/error.h"

struct kn_door;

/* Listens on `listen` and serves what is in `dir`, both copied. */
int kn_door_open(const char *listen, const char *dir, const struct kn_url_key *key, struct kn_door **ret,
                 struct kn_error *err);
int kn_door_port(const struct kn_door *door);
void kn_door_free(struct kn_door *door);
KN_DEFINE_AUTO(kn_door);

#endif
