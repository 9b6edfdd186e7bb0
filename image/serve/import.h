/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import: one import from its data to an active image, on a thread of its own. An ensure: begun again after anything it finds the data
 * that is staged, or downloads it once more; what was half done has no lock any more and is written anew.
 */
#ifndef KN_IMAGE_SERVE_IMPORT_H
#define KN_IMAGE_SERVE_IMPORT_H

#include <stdatomic.h>

#include "lib/adapter/conf.h"
#include "lib/adapter/db.h"
#include "lib/base/error.h"

enum kn_import_outcome {
    KN_IMPORT_DONE,
    KN_IMPORT_FAILED,  /* for good: err says why, the image is queued again */
    KN_IMPORT_LATER,   /* this process stops, or the database is away: nothing is decided */
};

/* stopping: set by whoever wants it to end soon. */
enum kn_import_outcome kn_import_run(struct kn_db *db, const struct kn_conf *conf, const char *task,
                                     const atomic_bool *stopping, struct kn_error *err);

#endif
