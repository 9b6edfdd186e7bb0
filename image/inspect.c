/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The readers of image headers, one row of READERS a disk format. Here: the table, the magics of all formats that some
 * tool would follow, and the formats without structure of their own. The reader of qcow2 is in inspect_qcow2.c.
 *
 * Pure and without allocation; every byte is read after its offset was checked. It must never open a file nor grow an
 * opinion about what data "probably" is.
 */
#include "image/inspect.h"

#include <string.h>

#include "image/inspect_private.h"
#include "lib/base/mem.h"

/* Formats of QEMU's block layer by what their probes look at: whatever else carries one of these is refused. */
static const struct magic {
    const char *format;
    size_t offset;
    const char *bytes;
    size_t len;
} MAGICS[] = {
#define MAGIC(format, offset, bytes) { format, offset, bytes, sizeof(bytes) - 1 }
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

static const char *magic_of(const struct kn_sample *sample)
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
static int inspect_raw(const struct kn_sample *sample, struct kn_inspection *ret, struct kn_error *err)
{
    (void)err;
    ret->virtual_size = sample->size;
    return 0;
}

/* ISO 9660: the first volume descriptor follows 16 sectors of system area. */
static int inspect_iso(const struct kn_sample *sample, struct kn_inspection *ret, struct kn_error *err)
{
    static const char ID[] = "CD001";
    const size_t at = 16 * 2048 + 1;

    if (sample->head_len < at + sizeof(ID) - 1 || memcmp(sample->head + at, ID, sizeof(ID) - 1) != 0) {
        return kn_fail(err, KN_UNSUPPORTED_MEDIA, "the data has no ISO 9660 volume descriptor");
    }
    ret->virtual_size = sample->size;
    return 0;
}

static const struct reader {
    const char *format;
    const char *magic; /* the one it may carry; NULL = none */
    int (*inspect)(const struct kn_sample *sample, struct kn_inspection *ret, struct kn_error *err);
} READERS[] = {
    { "aki", NULL, inspect_raw },
    { "ami", NULL, inspect_raw },
    { "ari", NULL, inspect_raw },
    { "iso", NULL, inspect_iso },
    { "qcow2", "qcow2", kn_inspect_qcow2 },
    { "raw", NULL, inspect_raw },
};

static const struct reader *reader_of(const char *format)
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
    return reader_of(disk_format) != NULL;
}

static int check_magic(const struct reader *reader, const struct kn_sample *sample, struct kn_error *err)
{
    const char *found = magic_of(sample);

    if (found == NULL && reader->magic != NULL) {
        return kn_fail(err, KN_UNSUPPORTED_MEDIA, "disk_format is \"%s\", but the data is not", reader->format);
    }
    if (found != NULL && (reader->magic == NULL || strcmp(found, reader->magic) != 0)) {
        return kn_fail(err, KN_UNSUPPORTED_MEDIA, "disk_format is \"%s\", but the data is \"%s\"", reader->format,
                       found);
    }
    return 0;
}

int kn_image_inspect(const char *disk_format, const struct kn_sample *sample, int64_t max_virtual,
                     struct kn_inspection *ret, struct kn_error *err)
{
    const struct reader *reader = reader_of(disk_format);
    struct kn_inspection found = { 0 };

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
