/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the inspector share; see inspect.h. */
#ifndef KN_IMAGE_DATA_INSPECT_PRIVATE_H
#define KN_IMAGE_DATA_INSPECT_PRIVATE_H

#include "image/data/inspect.h"

/* True if all bytes of [at, at + len) are in the file and were read. */
bool kn_image_sample_read(const struct kn_image_sample *sample, int64_t at, void *out, size_t len);

/* The magic was checked (but a vhd's, which stands at the end of a fixed one); everything else was not. */
int kn_image_inspect_qcow2(const struct kn_image_sample *sample, struct kn_image_inspection *ret, struct kn_error *err);
int kn_image_inspect_vdi(const struct kn_image_sample *sample, struct kn_image_inspection *ret, struct kn_error *err);
int kn_image_inspect_vhd(const struct kn_image_sample *sample, struct kn_image_inspection *ret, struct kn_error *err);
int kn_image_inspect_vhdx(const struct kn_image_sample *sample, struct kn_image_inspection *ret, struct kn_error *err);
int kn_image_inspect_vmdk(const struct kn_image_sample *sample, struct kn_image_inspection *ret, struct kn_error *err);

/* Whole sectors as bytes: -1 when that is no size a disk can have. */
int64_t kn_image_sectors_to_bytes(uint64_t sectors);

static inline uint16_t kn_image_le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t kn_image_le32(const uint8_t *p)
{
    return (uint32_t)kn_image_le16(p + 2) << 16 | kn_image_le16(p);
}

static inline uint64_t kn_image_le64(const uint8_t *p)
{
    return (uint64_t)kn_image_le32(p + 4) << 32 | kn_image_le32(p);
}

static inline uint32_t kn_image_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t kn_image_be64(const uint8_t *p)
{
    return (uint64_t)kn_image_be32(p) << 32 | kn_image_be32(p + 4);
}

#endif
