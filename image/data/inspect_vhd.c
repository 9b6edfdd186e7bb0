/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of Microsoft's VHD (which QEMU calls vpc): a footer of 512 bytes at the end, which a dynamic disk repeats at
 * the start. Fixed and dynamic disks stand by themselves; a differencing one names a parent and is refused, because tools
 * would read it without, or go and look for it.
 */
#include <string.h>

#include "image/data/inspect_private.h"
#include "lib/base/mem.h"

#define FOOTER_LEN 512
#define DYNAMIC_LEN 1024
#define BLOCK_MIN 512U
#define BLOCK_MAX (256U << 20)
#define GEOMETRY_MAX (UINT64_C(65535) * 16 * 255 * 512)
#define FIXED 2U
#define DYNAMIC 3U

static int inspect_vhd_refuse(struct kn_error *err, const char *why)
{
    return kn_fail(err, KN_UNSUPPORTED_MEDIA, "the vhd %s", why);
}

static bool is_footer(const uint8_t *p)
{
    return memcmp(p, "conectix", 8) == 0;
}

/* One's complement of the sum of all bytes but the checksum's own. */
static bool checksum_fits(const uint8_t *p, size_t len, size_t at)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < len; i++) {
        sum += i >= at && i < at + 4 ? 0 : p[i];
    }
    return ~sum == kn_image_be32(p + at);
}

static int read_footer(const struct kn_image_sample *sample, uint8_t p[FOOTER_LEN], struct kn_error *err)
{
    const bool at_start = kn_image_sample_read(sample, 0, p, FOOTER_LEN) && is_footer(p);

    if (!at_start && !(kn_image_sample_read(sample, sample->size - FOOTER_LEN, p, FOOTER_LEN) && is_footer(p))) {
        return kn_fail(err, KN_UNSUPPORTED_MEDIA, "disk_format is \"vhd\", but the data is not");
    }
    if (!checksum_fits(p, FOOTER_LEN, 64)) {
        return inspect_vhd_refuse(err, "footer's checksum does not fit");
    }
    return at_start || kn_image_be32(p + 60) == FIXED
               ? 0
               : inspect_vhd_refuse(err, "is dynamic but does not begin with its footer");
}

/* The header of a dynamic disk, and the table of its blocks. */
static int check_dynamic(const struct kn_image_sample *sample, const uint8_t *footer, int64_t size,
                         struct kn_error *err)
{
    uint8_t p[DYNAMIC_LEN];
    const uint64_t at = kn_image_be64(footer + 16);

    if (at > (uint64_t)sample->size || !kn_image_sample_read(sample, (int64_t)at, p, sizeof(p)) ||
        memcmp(p, "cxsparse", 8) != 0 || !checksum_fits(p, sizeof(p), 36)) {
        return inspect_vhd_refuse(err, "has no header of a dynamic disk where its footer says");
    }
    const uint64_t table = kn_image_be64(p + 16);
    const uint32_t entries = kn_image_be32(p + 28);
    const uint32_t block = kn_image_be32(p + 32);
    if (block < BLOCK_MIN || block > BLOCK_MAX || (block & (block - 1)) != 0 ||
        (uint64_t)size > (uint64_t)entries * block) {
        return inspect_vhd_refuse(err, "promises a disk that its blocks do not hold");
    }
    if (table > (uint64_t)sample->size || (int64_t)entries * 4 > sample->size - (int64_t)table) {
        return inspect_vhd_refuse(err, "table of blocks points outside the file");
    }
    return 0;
}

/* Tools go by the size or, below its largest value, by the geometry; whichever is larger is what a disk may become. */
static int64_t size_of(const uint8_t *footer)
{
    const uint64_t said = kn_image_be64(footer + 48);
    const uint64_t geometry = ((uint64_t)footer[56] << 8 | footer[57]) * footer[58] * footer[59] * 512;

    if (said == 0 || said > (uint64_t)INT64_MAX) {
        return -1;
    }
    return (int64_t)(said > geometry || geometry == GEOMETRY_MAX ? said : geometry);
}

int kn_image_inspect_vhd(const struct kn_image_sample *sample, struct kn_image_inspection *ret, struct kn_error *err)
{
    uint8_t footer[FOOTER_LEN];

    if (read_footer(sample, footer, err) < 0) {
        return -1;
    }
    const uint32_t type = kn_image_be32(footer + 60);
    const int64_t size = size_of(footer);
    if (type != FIXED && type != DYNAMIC) {
        return inspect_vhd_refuse(err, "is neither fixed nor dynamic: what names a parent is not taken");
    }
    if (size < 0) {
        return inspect_vhd_refuse(err, "footer's size is no size of a disk");
    }
    if (type == FIXED && (int64_t)kn_image_be64(footer + 48) > sample->size - FOOTER_LEN) {
        return inspect_vhd_refuse(err, "is shorter than its disk");
    }
    if (type == DYNAMIC && check_dynamic(sample, footer, (int64_t)kn_image_be64(footer + 48), err) < 0) {
        return -1;
    }
    ret->virtual_size = size;
    return 0;
}
