/* SPDX-License-Identifier: Apache-2.0 */
/* sweep: what killed writers and failed transactions leave behind, found again and set right. kilonova-image's. */
#ifndef KN_IMAGE_SERVE_SWEEP_H
#define KN_IMAGE_SERVE_SWEEP_H

#include "lib/adapter/db.h"
#include "lib/base/error.h"

/* Images in status saving whose writer is dead go back to queued, their .part is dropped. */
int kn_image_sweep_saving(struct kn_db *db, const char *dir, int *ret_count, struct kn_error *err);
/* Every .part that nobody writes, and all data that no image refers to, rows and files. */
int kn_image_sweep_store(struct kn_db *db, const char *dir, int *ret_count, struct kn_error *err);
/* Drops data unless an image refers to it, safely against an upload of the same content. *ret_dropped may be NULL. */
int kn_image_drop(struct kn_db *db, const char *dir, const char *sha512, bool *ret_dropped, struct kn_error *err);

#endif
