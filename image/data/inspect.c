/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The readers of image headers, one row of READERS a disk format. Here: the table, the magics of all formats that some
 * tool would follow, and the formats without structure of their own. The others have a file each: inspect_<format>.c.
 *
 * Pure; every byte is read after its offset was checked. It must never open a file nor grow an
 * opinion about what data "probably" is.
 */
#include "image/data/inspect.h"

#include <string.h>

#include "image/data/inspect_private.h"
#include "lib/base/mem.h"

/* Formats of QEMU's block layer by what their probes look at: whatever else carries one of these is refused. */
static const struct magic {
    const char *format;
    size_t offset;
    const char *bytes;
    size_t len;
} MAGICS[] = {
#define MAGIC(format, offset, bytes) \
    { \
        format, offset, bytes, sizeof(bytes) - 1 \
    }
    MAGIC("qcow2", 0, "QFI\xfb"),
    MAGIC("qed", 0, "QED\0"),
    MAGIC("vmdk", 0, "KDMV"),
    MAGIC("vmdk", 0, "COWD"),
    MAGIC("vmdk", 0, "# Disk DescriptorFile"),
    MAGIC("vhd", 0, "conectix"),
    MAGIC("vhdx", 0, "vhdxfile"),
    MAGIC("vdi", 64, "\x7f\x10\xda\xbe"),
    MAGIC("luks", 0, "LUKS\xba\xbe"),
    MAGIC("ploop", 0, "WithoutFreeSpace"),
    MAGIC("ploop", 0, "WithouFreSpacExt"),
    MAGIC("bochs", 0, "Bochs Virtual HD Image"),
    MAGIC("cloop", 0, "#!/bin/sh\n#V2.0 Format\nmodprobe cloop"),
#undef MAGIC
};

static const char *magic_of(const struct kn_image_sample *sample)
{
    for (size_t i = 0; i < KN_COUNT(MAGICS); i++) {
        const struct magic *m = &MAGICS[i];

        if (sample->head_len >= m->offset + m->len && memcmp(sample->head + m->offset, m->bytes, m->len) == 0) {
            return m->format;
        }
    }
    return NULL;
}

/* A disk byte by byte, or a kernel or ramdisk: what is in the file is what the guest sees. */
static int inspect_raw(const struct kn_image_sample *sample, struct kn_image_inspection *ret, struct kn_error *err)
{
    (void)err;
    ret->virtual_size = sample->size;
    return 0;
}

/* ISO 9660: the first volume descriptor follows 16 sectors of system area. */
static int inspect_iso(const struct kn_image_sample *sample, struct kn_image_inspection *ret, struct kn_error *err)
{
    static const char ID[] = "CD001";
    const size_t at = 16 * 2048 + 1;

    if (sample->head_len < at + sizeof(ID) - 1 || memcmp(sample->head + at, ID, sizeof(ID) - 1) != 0) {
        return kn_fail(err, KN_UNSUPPORTED_MEDIA, "the data has no ISO 9660 volume descriptor");
    }
    ret->virtual_size = sample->size;
    return 0;
}

static const struct inspect_reader {
    const char *format;
    const char *magic;   /* the one it may carry; NULL = none */
    bool magic_may_lack; /* at the start of the file */
    const char *convert; /* qemu-img's name of it when its data is converted at import; NULL = it is kept as it is */
    int (*inspect)(const struct kn_image_sample *sample, struct kn_image_inspection *ret, struct kn_error *err);
} READERS[] = {
    { "aki", NULL, false, NULL, inspect_raw },
    { "ami", NULL, false, NULL, inspect_raw },
    { "ari", NULL, false, NULL, inspect_raw },
    { "iso", NULL, false, NULL, inspect_iso },
    { "qcow2", "qcow2", false, NULL, kn_image_inspect_qcow2 },
    { "raw", NULL, false, NULL, inspect_raw },
    { "vdi", "vdi", false, "vdi", kn_image_inspect_vdi },
    { "vhd", "vhd", true, "vpc", kn_image_inspect_vhd },
    { "vhdx", "vhdx", false, "vhdx", kn_image_inspect_vhdx },
    { "vmdk", "vmdk", false, "vmdk", kn_image_inspect_vmdk },
};

static const struct inspect_reader *reader_of(const char *format)
{
    for (size_t i = 0; i < KN_COUNT(READERS); i++) {
        if (strcmp(READERS[i].format, format) == 0) {
            return &READERS[i];
        }
    }
    return NULL;
}

bool kn_image_inspectable(const char *disk_format)
{
    const struct inspect_reader *reader = reader_of(disk_format);

    return reader != NULL && reader->convert == NULL;
}

const char *kn_image_convertible(const char *disk_format)
{
    const struct inspect_reader *reader = reader_of(disk_format);

    return reader != NULL ? reader->convert : NULL;
}

bool kn_image_sample_read(const struct kn_image_sample *sample, int64_t at, void *out, size_t len)
{
    if (at < 0 || at > sample->size || (int64_t)len > sample->size - at) {
        return false;
    }
    if ((uint64_t)at + len <= sample->head_len) {
        memcpy(out, sample->head + at, len);
        return true;
    }
    return sample->read != NULL && sample->read(sample, at, out, len);
}

int64_t kn_image_sectors_to_bytes(uint64_t sectors)
{
    return sectors > 0 && sectors <= (uint64_t)INT64_MAX / 512 ? (int64_t)(sectors * 512) : -1;
}

static int check_magic(const struct inspect_reader *reader, const struct kn_image_sample *sample, struct kn_error *err)
{
    const char *found = magic_of(sample);

    if (found == NULL && reader->magic != NULL && !reader->magic_may_lack) {
        return kn_fail(err, KN_UNSUPPORTED_MEDIA, "disk_format is \"%s\", but the data is not", reader->format);
    }
    if (found != NULL && (reader->magic == NULL || strcmp(found, reader->magic) != 0)) {
        return kn_fail(err, KN_UNSUPPORTED_MEDIA, "disk_format is \"%s\", but the data is \"%s\"", reader->format,
                       found);
    }
    return 0;
}

int kn_image_inspect(const char *disk_format, const struct kn_image_sample *sample, int64_t max_virtual,
                     struct kn_image_inspection *ret, struct kn_error *err)
{
    const struct inspect_reader *reader = reader_of(disk_format);
    struct kn_image_inspection found = { 0 };

    if (reader == NULL) {
        kn_fail(err, KN_UNSUPPORTED_MEDIA, "data of disk_format \"%s\" cannot be inspected", disk_format);
        return kn_fail_hint(err, "convert it to raw or qcow2 first: qemu-img convert");
    }
    if (check_magic(reader, sample, err) < 0 || reader->inspect(sample, &found, err) < 0) {
        return -1;
    }
    if (found.virtual_size > max_virtual) {
        return kn_fail(err, KN_UNSUPPORTED_MEDIA, "the disk inside has %lld bytes, more than the %lld allowed",
                       (long long)found.virtual_size, (long long)max_virtual);
    }
    *ret = found;
    return 0;
}
