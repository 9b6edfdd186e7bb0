/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of Microsoft's VHDX: the region table at 192 KiB names the metadata region, whose table names the disk's size
 * and whether it has a parent. One that has, or that carries a parent locator, is refused.
 */
#include <string.h>

#include "image/data/inspect_private.h"
#include "lib/base/mem.h"

#define REGIONS_AT (INT64_C(192) << 10)
#define REGIONS_MAX 2047U
#define METADATA_MAX 2047U
#define ENTRY_LEN 32
#define DISK_MAX (INT64_C(64) << 40) /* 64 TiB: the format's own limit */
#define HAS_PARENT 2U

static const uint8_t METADATA_REGION[16] = { 0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b,
                                             0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e };
static const uint8_t PARAMETERS[16] = { 0x37, 0x67, 0xa1, 0xca, 0x36, 0xfa, 0x43, 0x4d,
                                        0xb3, 0xb6, 0x33, 0xf0, 0xaa, 0x44, 0xe7, 0x6b };
static const uint8_t DISK_SIZE[16] = { 0x24, 0x42, 0xa5, 0x2f, 0x1b, 0xcd, 0x76, 0x48,
                                       0xb2, 0x11, 0x5d, 0xbe, 0xd8, 0x3b, 0xf4, 0xb8 };
static const uint8_t PARENT_LOCATOR[16] = { 0x2d, 0x5f, 0xd3, 0xa8, 0x0b, 0xb3, 0x4d, 0x45,
                                            0xab, 0xf7, 0xd3, 0xd8, 0x48, 0x34, 0xab, 0x0c };

/* A table's place in the file: how many entries, where the first stands. */
struct table {
    int64_t entries_at;
    uint32_t count;
};

static int inspect_vhdx_refuse(struct kn_error *err, const char *why)
{
    return kn_fail(err, KN_UNSUPPORTED_MEDIA, "the vhdx %s", why);
}

/* 1: found, *entry is it. 0: not there. -1: the table is not in the file. */
static int inspect_vhdx_find(const struct kn_image_sample *sample, const struct table *table, const uint8_t id[16],
                             uint8_t entry[ENTRY_LEN])
{
    for (uint32_t i = 0; i < table->count; i++) {
        if (!kn_image_sample_read(sample, table->entries_at + (int64_t)i * ENTRY_LEN, entry, ENTRY_LEN)) {
            return -1;
        }
        if (memcmp(entry, id, 16) == 0) {
            return 1;
        }
    }
    return 0;
}

/* The metadata region's offset. */
static int find_region(const struct kn_image_sample *sample, int64_t *ret_at, struct kn_error *err)
{
    uint8_t head[16], entry[ENTRY_LEN];

    if (!kn_image_sample_read(sample, REGIONS_AT, head, sizeof(head)) || memcmp(head, "regi", 4) != 0 ||
        kn_image_le32(head + 8) > REGIONS_MAX) {
        return inspect_vhdx_refuse(err, "has no region table");
    }
    const struct table regions = { REGIONS_AT + 16, kn_image_le32(head + 8) };
    if (inspect_vhdx_find(sample, &regions, METADATA_REGION, entry) != 1 ||
        kn_image_le64(entry + 16) > (uint64_t)sample->size) {
        return inspect_vhdx_refuse(err, "has no metadata region");
    }
    *ret_at = (int64_t)kn_image_le64(entry + 16);
    return 0;
}

static int open_metadata(const struct kn_image_sample *sample, int64_t at, struct table *ret, struct kn_error *err)
{
    uint8_t head[ENTRY_LEN];

    if (!kn_image_sample_read(sample, at, head, sizeof(head)) || memcmp(head, "metadata", 8) != 0 ||
        kn_image_le16(head + 10) > METADATA_MAX) {
        return inspect_vhdx_refuse(err, "has no metadata table");
    }
    *ret = (struct table){ at + ENTRY_LEN, kn_image_le16(head + 10) };
    return 0;
}

/* An item of eight bytes; each of those that are wanted has them. */
static int read_item(const struct kn_image_sample *sample, const struct table *metadata, int64_t region,
                     const uint8_t id[16], uint8_t out[8], struct kn_error *err)
{
    uint8_t entry[ENTRY_LEN];

    if (inspect_vhdx_find(sample, metadata, id, entry) != 1 || kn_image_le32(entry + 20) < 8 ||
        !kn_image_sample_read(sample, region + kn_image_le32(entry + 16), out, 8)) {
        return inspect_vhdx_refuse(err, "does not say how large it is or whether it has a parent");
    }
    return 0;
}

int kn_image_inspect_vhdx(const struct kn_image_sample *sample, struct kn_image_inspection *ret, struct kn_error *err)
{
    uint8_t parameters[8], size[8], entry[ENTRY_LEN];
    int64_t region = 0;
    struct table metadata;

    if (find_region(sample, &region, err) < 0 || open_metadata(sample, region, &metadata, err) < 0 ||
        read_item(sample, &metadata, region, PARAMETERS, parameters, err) < 0 ||
        read_item(sample, &metadata, region, DISK_SIZE, size, err) < 0) {
        return -1;
    }
    if ((kn_image_le32(parameters + 4) & HAS_PARENT) != 0 ||
        inspect_vhdx_find(sample, &metadata, PARENT_LOCATOR, entry) != 0) {
        return inspect_vhdx_refuse(err, "has a parent");
    }
    if (kn_image_le64(size) == 0 || kn_image_le64(size) > (uint64_t)DISK_MAX) {
        return inspect_vhdx_refuse(err, "promises no size of a disk");
    }
    ret->virtual_size = (int64_t)kn_image_le64(size);
    return 0;
}
