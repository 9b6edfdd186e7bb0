/* SPDX-License-Identifier: Apache-2.0 */
/* range: the HTTP Range header (RFC 9110), one range of bytes. Pure. */
#ifndef KN_IMAGE_DATA_RANGE_H
#define KN_IMAGE_DATA_RANGE_H

#include <stdint.h>

struct kn_image_range {
    int64_t offset;
    int64_t length;
};

enum kn_image_range_verdict {
    KN_RANGE_WHOLE,          /* no header, or another unit: the whole file */
    KN_RANGE_PART,           /* 206 */
    KN_RANGE_UNSATISFIABLE,  /* 416: outside the file, malformed, or several ranges */
};

/* header: NULL = none. *ret is set in every case but the last. */
enum kn_image_range_verdict kn_image_range_parse(const char *header, int64_t size, struct kn_image_range *ret);

#endif
