/* SPDX-License-Identifier: Apache-2.0 */
/*
 * convert: foreign disk formats made into qcow2 by qemu-img, in a child that can do little else: no network, no new privileges, no
 * open files but its pipes, limits on memory, processor time and what it may write, and it dies with us. The data's header
 * was inspected before; what comes out is inspected again.
 */
#ifndef KN_IMAGE_DATA_CONVERT_H
#define KN_IMAGE_DATA_CONVERT_H

#include <stdint.h>

#include "image/data/blob.h"
#include "lib/base/error.h"

struct kn_image_conversion {
    const char *format;   /* qemu-img's name of what it is; never guessed */
    const char *from;     /* paths */
    const char *to;
    int64_t max_bytes;    /* what may be written */
};

/* progress as in blob.h, in hundredths of a percent of 10,000. KN_UNSUPPORTED_MEDIA: qemu-img would not or could not. */
int kn_image_convert(const struct kn_image_conversion *c, kn_image_blob_progress *progress, void *ctx,
                     struct kn_error *err);

#endif
