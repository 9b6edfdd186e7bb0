/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of VirtualBox's VDI headers, version 1.1: dynamic or static, complete in itself. A differencing one names its
 * parent by uuid; it is refused, and so is every block size that QEMU does not read.
 */
#include <string.h>

#include "image/data/inspect_private.h"
#include "lib/base/mem.h"

#define HEADER_LEN 456
#define VERSION_1_1 0x00010001U
#define BLOCK_BYTES (1U << 20)
#define MAP_MAX 0x3fffffffU  /* entries */
#define DYNAMIC 1U
#define STATIC 2U

struct vdi_header {
    uint32_t version, type, map_offset, data_offset, sector, block, blocks;
    uint64_t size;
};

static int inspect_vdi_refuse(struct kn_error *err, const char *why)
{
    return kn_fail(err, KN_UNSUPPORTED_MEDIA, "the vdi header %s", why);
}

static bool names_parent(const uint8_t *p)
{
    static const uint8_t NONE[32];

    return memcmp(p + 424, NONE, sizeof(NONE)) != 0; /* two uuids: of the parent, and of the parent's last change */
}

static int inspect_vdi_check(const struct kn_image_sample *sample, const struct vdi_header *h, struct kn_error *err)
{
    if (h->version != VERSION_1_1) {
        return inspect_vdi_refuse(err, "is of a version other than 1.1");
    }
    if (h->type != DYNAMIC && h->type != STATIC) {
        return inspect_vdi_refuse(err, "is of an image that is neither dynamic nor static");
    }
    if (h->sector != 512 || h->block != BLOCK_BYTES) {
        return inspect_vdi_refuse(err, "has sectors or blocks of an unusual size");
    }
    if (h->size == 0 || h->size > (uint64_t)INT64_MAX || h->blocks > MAP_MAX ||
        h->size > (uint64_t)h->blocks * BLOCK_BYTES) {
        return inspect_vdi_refuse(err, "promises a disk that its blocks do not hold");
    }
    if ((int64_t)h->map_offset + (int64_t)h->blocks * 4 > sample->size) {
        return inspect_vdi_refuse(err, "points outside the file");
    }
    return 0;
}

int kn_image_inspect_vdi(const struct kn_image_sample *sample, struct kn_image_inspection *ret, struct kn_error *err)
{
    uint8_t p[HEADER_LEN];

    if (!kn_image_sample_read(sample, 0, p, sizeof(p))) {
        return inspect_vdi_refuse(err, "is cut off");
    }
    const struct vdi_header h = {
        .version = kn_image_le32(p + 68),
        .type = kn_image_le32(p + 76),
        .map_offset = kn_image_le32(p + 340),
        .data_offset = kn_image_le32(p + 344),
        .sector = kn_image_le32(p + 360),
        .block = kn_image_le32(p + 376),
        .blocks = kn_image_le32(p + 384),
        .size = kn_image_le64(p + 368),
    };
    if (inspect_vdi_check(sample, &h, err) < 0) {
        return -1;
    }
    if (names_parent(p)) {
        return inspect_vdi_refuse(err, "names a parent");
    }
    ret->virtual_size = (int64_t)h.size;
    return 0;
}
