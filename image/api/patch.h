/* SPDX-License-Identifier: Apache-2.0 */
/*
 * patch: an image as its user may write it, and the JSON patches that Glance's clients send to change it. Pure.
 *
 * A draft is one flat JSON object: the attributes of property.c that are the user's to set, and beside them his own properties.
 */
#ifndef KN_IMAGE_API_PATCH_H
#define KN_IMAGE_API_PATCH_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/error.h"

enum kn_image_patch_dialect { KN_PATCH_V20 = 4, KN_PATCH_V21 = 10 }; /* drafts of JSON patch, by Glance's media types */

/* 0 for a media type that is neither. Parameters (";charset=…") are ignored. */
int kn_image_patch_dialect_of(const char *content_type);

/* A new image's draft out of a POST's body: defaults, then what the body says. The caller owns *ret. */
int kn_image_draft_new(const json_t *body, const char *owner, json_t **ret, struct kn_error *err);
/*
 * Applies the operations of `patch`, all or (on failure, the draft's content is then unspecified) none. queued: the image has no
 * data yet, so its formats may still change.
 */
int kn_image_patch(json_t *draft, const json_t *patch, enum kn_image_patch_dialect dialect, bool queued,
                   struct kn_error *err);
/* KN_TOO_LARGE when there are more properties of the user's own than are allowed. Both functions above end with it. */
int kn_image_draft_check(json_t *draft, struct kn_error *err);

#endif
