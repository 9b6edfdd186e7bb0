/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of qcow2 headers (docs/interop/qcow2.txt of QEMU): the header, then its extensions. It accepts an image
 * that stands by itself: no backing file, no data file, no encryption, no feature that it does not know, and tables that lie
 * inside the file and are no larger than QEMU itself allows. What the tables point at is QEMU's business: it checks each
 * entry, and a base is opened read-only.
 */
#include <inttypes.h>

#include "image/data/inspect_private.h"
#include "lib/base/mem.h"

#define V2_LENGTH 72
#define V3_LENGTH 104
#define V3_COMPRESSION_LENGTH 112       /* the first header with a compression type */
#define CLUSTER_BITS_MIN 9
#define CLUSTER_BITS_MAX 21
#define EXTENDED_L2_BITS_MIN 14
#define L1_BYTES_MAX (INT64_C(32) << 20)
#define REFTABLE_BYTES_MAX (INT64_C(8) << 20)
#define SNAPSHOTS_MAX 65536

enum incompatible { DIRTY = 1, CORRUPT = 2, DATA_FILE = 4, COMPRESSION = 8, EXTENDED_L2 = 16 };
#define KNOWN_FEATURES (DIRTY | COMPRESSION | EXTENDED_L2)

struct qcow2_header {
    uint32_t version;
    uint64_t backing_offset;
    uint32_t backing_len;
    uint32_t cluster_bits;
    uint64_t size;
    uint32_t crypt_method;
    uint32_t l1_entries;
    uint64_t l1_offset;
    uint64_t reftable_offset;
    uint32_t reftable_clusters;
    uint32_t snapshots;
    uint64_t snapshots_offset;
    uint64_t incompatible;
    uint32_t refcount_order;
    uint32_t length;
    uint8_t compression;
};

static int refuse_short(struct kn_error *err)
{
    return kn_fail(err, KN_UNSUPPORTED_MEDIA, "the qcow2 header is cut off");
}

static int read_v3(const struct kn_image_sample *sample, struct qcow2_header *h, struct kn_error *err)
{
    if (sample->head_len < V3_LENGTH) {
        return refuse_short(err);
    }
    h->incompatible = kn_image_be64(sample->head + 72);
    h->refcount_order = kn_image_be32(sample->head + 96);
    h->length = kn_image_be32(sample->head + 100);
    if (h->length < V3_LENGTH || h->length > (1U << h->cluster_bits) || h->length > sample->head_len) {
        return kn_fail(err, KN_UNSUPPORTED_MEDIA, "the qcow2 header says it is %" PRIu32 " bytes long", h->length);
    }
    h->compression = h->length >= V3_COMPRESSION_LENGTH ? sample->head[104] : 0;
    return 0;
}

static int read_header(const struct kn_image_sample *sample, struct qcow2_header *h, struct kn_error *err)
{
    const uint8_t *p = sample->head;

    if (sample->head_len < V2_LENGTH) {
        return refuse_short(err);
    }
    *h = (struct qcow2_header){
        .version = kn_image_be32(p + 4),
        .backing_offset = kn_image_be64(p + 8),
        .backing_len = kn_image_be32(p + 16),
        .cluster_bits = kn_image_be32(p + 20),
        .size = kn_image_be64(p + 24),
        .crypt_method = kn_image_be32(p + 32),
        .l1_entries = kn_image_be32(p + 36),
        .l1_offset = kn_image_be64(p + 40),
        .reftable_offset = kn_image_be64(p + 48),
        .reftable_clusters = kn_image_be32(p + 56),
        .snapshots = kn_image_be32(p + 60),
        .snapshots_offset = kn_image_be64(p + 64),
        .refcount_order = 4,
        .length = V2_LENGTH,
    };
    if (h->version != 2 && h->version != 3) {
        return kn_fail(err, KN_UNSUPPORTED_MEDIA, "qcow2 version %" PRIu32 " is not known", h->version);
    }
    if (h->cluster_bits < CLUSTER_BITS_MIN || h->cluster_bits > CLUSTER_BITS_MAX) {
        return kn_fail(err, KN_UNSUPPORTED_MEDIA, "the qcow2 header asks for clusters of 2^%" PRIu32 " bytes",
                       h->cluster_bits);
    }
    return h->version == 3 ? read_v3(sample, h, err) : 0;
}

/* What would make the image more, or something else, than the bytes that were checksummed. */
static int check_alone(const struct qcow2_header *h, struct kn_error *err)
{
    if (h->backing_offset != 0 || h->backing_len != 0) {
        return kn_fail(err, KN_UNSUPPORTED_MEDIA, "the qcow2 image has a backing file");
    }
    if ((h->incompatible & DATA_FILE) != 0) {
        return kn_fail(err, KN_UNSUPPORTED_MEDIA, "the qcow2 image has an external data file");
    }
    if (h->crypt_method != 0) {
        return kn_fail(err, KN_UNSUPPORTED_MEDIA, "the qcow2 image is encrypted");
    }
    return 0;
}

static int check_features(const struct qcow2_header *h, struct kn_error *err)
{
    if ((h->incompatible & CORRUPT) != 0) {
        return kn_fail(err, KN_UNSUPPORTED_MEDIA, "the qcow2 image is marked as corrupt");
    }
    if ((h->incompatible & ~(uint64_t)KNOWN_FEATURES) != 0) {
        return kn_fail(err, KN_UNSUPPORTED_MEDIA, "the qcow2 image asks for unknown features 0x%" PRIx64,
                       h->incompatible & ~(uint64_t)KNOWN_FEATURES);
    }
    if (h->compression > 1 || ((h->incompatible & COMPRESSION) != 0) != (h->compression != 0)) {
        return kn_fail(err, KN_UNSUPPORTED_MEDIA, "the qcow2 image asks for compression type %d", h->compression);
    }
    if ((h->incompatible & EXTENDED_L2) != 0 && h->cluster_bits < EXTENDED_L2_BITS_MIN) {
        return kn_fail(err, KN_UNSUPPORTED_MEDIA, "the qcow2 image has subclusters in clusters of 2^%" PRIu32 " bytes",
                       h->cluster_bits);
    }
    if (h->refcount_order > 6) {
        return kn_fail(err, KN_UNSUPPORTED_MEDIA, "the qcow2 image counts references in 2^%" PRIu32 " bits",
                       h->refcount_order);
    }
    return 0;
}

/* A table of `bytes` at `offset`: on a cluster, behind the header, inside the file. */
static int check_table(const struct qcow2_header *h, const struct kn_image_sample *sample, const char *what,
                       uint64_t offset, int64_t bytes, struct kn_error *err)
{
    const uint64_t cluster = UINT64_C(1) << h->cluster_bits;
    const uint64_t end = (uint64_t)sample->size;

    if (offset < cluster || offset % cluster != 0 || offset > end || (uint64_t)bytes > end - offset) {
        return kn_fail(err, KN_UNSUPPORTED_MEDIA,
                       "the qcow2 image's %s, %" PRId64 " bytes at %" PRIu64 ", is not inside its %" PRId64 " bytes",
                       what, bytes, offset, sample->size);
    }
    return 0;
}

/* How many L1 entries a disk of this size needs; the size was checked to fit into an int64_t. */
static uint64_t l1_needed(const struct qcow2_header *h)
{
    const uint32_t entry_bits = (h->incompatible & EXTENDED_L2) != 0 ? 4 : 3;
    const uint32_t bits = h->cluster_bits + h->cluster_bits - entry_bits;

    return (h->size >> bits) + ((h->size & ((UINT64_C(1) << bits) - 1)) != 0 ? 1 : 0);
}

static int check_l1(const struct qcow2_header *h, const struct kn_image_sample *sample, struct kn_error *err)
{
    const int64_t bytes = (int64_t)h->l1_entries * 8;

    if (bytes > L1_BYTES_MAX || h->l1_entries < l1_needed(h)) {
        return kn_fail(err, KN_UNSUPPORTED_MEDIA,
                       "an L1 table of %" PRIu32 " entries does not fit a qcow2 disk of %" PRIu64 " bytes",
                       h->l1_entries, h->size);
    }
    return bytes == 0 ? 0 : check_table(h, sample, "L1 table", h->l1_offset, bytes, err);
}

static int check_reftable(const struct qcow2_header *h, const struct kn_image_sample *sample, struct kn_error *err)
{
    const int64_t bytes = (int64_t)h->reftable_clusters << h->cluster_bits;

    if (bytes == 0 || bytes > REFTABLE_BYTES_MAX) {
        return kn_fail(err, KN_UNSUPPORTED_MEDIA, "the qcow2 image has a reference table of %" PRId64 " bytes", bytes);
    }
    return check_table(h, sample, "reference table", h->reftable_offset, bytes, err);
}

static int check_snapshots(const struct qcow2_header *h, const struct kn_image_sample *sample, struct kn_error *err)
{
    if (h->snapshots > SNAPSHOTS_MAX) {
        return kn_fail(err, KN_UNSUPPORTED_MEDIA, "the qcow2 image has %" PRIu32 " snapshots", h->snapshots);
    }
    /* 40 bytes: the shortest entry. */
    return h->snapshots == 0
               ? 0
               : check_table(h, sample, "snapshot table", h->snapshots_offset, (int64_t)h->snapshots * 40, err);
}

/* Extensions that make an image unfit; the specification tells readers to ignore those they do not know. */
static const struct inspect_qcow2_extension {
    uint32_t type;
    const char *why;
} REFUSED[] = {
    { 0xe2792aca, "names the format of a backing file" },
    { 0x44415441, "names an external data file" },
    { 0x0537be77, "has an encryption header" },
};

static int check_extension(uint32_t type, struct kn_error *err)
{
    for (size_t i = 0; i < KN_COUNT(REFUSED); i++) {
        if (REFUSED[i].type == type) {
            return kn_fail(err, KN_UNSUPPORTED_MEDIA, "the qcow2 image %s", REFUSED[i].why);
        }
    }
    return 0;
}

/* They fill the rest of the first cluster, each padded to 8 bytes, up to one of type 0. */
static int check_extensions(const struct qcow2_header *h, const struct kn_image_sample *sample, struct kn_error *err)
{
    const uint64_t cluster = UINT64_C(1) << h->cluster_bits;
    const uint64_t end = cluster < sample->head_len ? cluster : sample->head_len;

    for (uint64_t at = h->length; at + 8 <= end;) {
        const uint32_t type = kn_image_be32(sample->head + at);
        const uint64_t len = kn_image_be32(sample->head + at + 4);

        if (type == 0) {
            return 0;
        }
        if (check_extension(type, err) < 0) {
            return -1;
        }
        at += 8 + ((len + 7) & ~UINT64_C(7));
        if (at > end) {
            return kn_fail(err, KN_UNSUPPORTED_MEDIA, "a qcow2 header extension runs past the header");
        }
    }
    return end == cluster ? 0 : kn_fail(err, KN_UNSUPPORTED_MEDIA, "the qcow2 header extensions have no end");
}

int kn_image_inspect_qcow2(const struct kn_image_sample *sample, struct kn_image_inspection *ret, struct kn_error *err)
{
    struct qcow2_header h = { 0 };

    if (read_header(sample, &h, err) < 0 || check_alone(&h, err) < 0 || check_features(&h, err) < 0) {
        return -1;
    }
    if (h.size > INT64_MAX) {
        return kn_fail(err, KN_UNSUPPORTED_MEDIA, "the qcow2 image claims a disk of %" PRIu64 " bytes", h.size);
    }
    if (check_l1(&h, sample, err) < 0 || check_reftable(&h, sample, err) < 0 || check_snapshots(&h, sample, err) < 0 ||
        check_extensions(&h, sample, err) < 0) {
        return -1;
    }
    ret->virtual_size = (int64_t)h.size;
    return 0;
}
