/* SPDX-License-Identifier: Apache-2.0 */
/* source: what a new volume is made from: an image, a snapshot, another volume, or nothing. */
#ifndef KN_VOLUME_ROWS_SOURCE_H
#define KN_VOLUME_ROWS_SOURCE_H

#include <jansson.h>

#include "lib/adapter/http.h"

/*
 * Of the body of a POST, before its transaction: what it names must be there, be usable, and fit. Puts into the object what the body leaves to the source (size, type) and
 * what the row keeps of it. KN_NOT_FOUND, KN_BAD_REQUEST in Cinder's words.
 */
int kn_volume_source_read(struct kn_request *req, json_t *object, struct kn_error *err);
/* In the transaction that writes the volume: the source is held, and still what it must be. */
int kn_volume_source_hold(struct kn_db *db, const struct kn_caller *caller, const json_t *object, struct kn_error *err);
/* Of what source_read left: what the task is wished with beside the size. */
void kn_volume_source_wish(const json_t *object, json_t *input);

/*
 * An image that the caller may use and that a volume of that size can hold. *ret_known (a new reference): what the volume is to say of it, texts; its "image_id" is the
 * id as rows and tasks hold it, whatever the case of `image`.
 */
int kn_volume_source_image(const struct kn_request *req, const char *image, int64_t size_gib, json_t **ret_known,
                           struct kn_error *err);

#endif
