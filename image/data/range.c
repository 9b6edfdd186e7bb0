/* SPDX-License-Identifier: Apache-2.0 */
/* The Range header: "bytes=0-99", "bytes=100-", "bytes=-100". Who serves bytes asks here which. */
#include "image/data/range.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* Digits up to something else; -1: none; what does not fit is as good as the largest number. */
static int64_t range_read_number(const char **p)
{
    int64_t n = -1;

    for (; **p >= '0' && **p <= '9'; (*p)++) {
        const int digit = **p - '0';

        n = n < 0 ? digit : n > (INT64_MAX - digit) / 10 ? INT64_MAX : n * 10 + digit;
    }
    return n;
}

static enum kn_image_range_verdict cut(int64_t first, int64_t last, int64_t size, struct kn_image_range *ret)
{
    if (first >= size || last < first) {
        return KN_RANGE_UNSATISFIABLE;
    }
    *ret = (struct kn_image_range){ first, (last < size - 1 ? last : size - 1) - first + 1 };
    return KN_RANGE_PART;
}

enum kn_image_range_verdict kn_image_range_parse(const char *header, int64_t size, struct kn_image_range *ret)
{
    static const char UNIT[] = "bytes=";

    if (header == NULL || strncasecmp(header, UNIT, sizeof(UNIT) - 1) != 0) {
        *ret = (struct kn_image_range){ 0, size };
        return KN_RANGE_WHOLE;
    }
    const char *p = header + sizeof(UNIT) - 1;
    const int64_t first = range_read_number(&p);
    if (*p++ != '-') {
        return KN_RANGE_UNSATISFIABLE;
    }
    const int64_t last = range_read_number(&p);
    if (*p != '\0' || (first < 0 && last <= 0)) {
        return KN_RANGE_UNSATISFIABLE;
    }
    if (first < 0) { /* the last so many bytes */
        return cut(last < size ? size - last : 0, size - 1, size, ret);
    }
    return cut(first, last < 0 ? size - 1 : last, size, ret);
}
