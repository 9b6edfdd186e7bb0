/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import: one import from its data to an active image, on a thread of its own. An ensure: begun again after anything it finds the data
 * that is staged, or downloads it once more; what was half done has no lock any more and is written anew.
 */
#ifndef KN_IMAGE_SERVE_IMPORT_H
#define KN_IMAGE_SERVE_IMPORT_H

#include "lib/adapter/work.h"

/* kn_work_run of image.import: ctx = the configuration. */
int kn_image_import_run(void *ctx, struct kn_work *work, struct kn_work_answer *ret);

#endif
