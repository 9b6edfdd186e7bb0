/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inspect: what an image's first bytes say, read before anybody else trusts them. Pure: bytes in, a verdict out.
 *
 * Nothing is guessed. The declared disk_format decides which reader runs; data that carries another format's magic is
 * refused, because a tool that probes would follow it (a "raw" disk that is a qcow2 naming /etc/shadow as its backing
 * file). qemu-img and QEMU are always told the format that was checked here, never asked for it.
 */
#ifndef KN_IMAGE_DATA_INSPECT_H
#define KN_IMAGE_DATA_INSPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

#define KN_INSPECT_HEAD 65536 /* how much of the start the readers want; less is fine when the file is shorter */

struct kn_image_sample {
    const uint8_t *head;      /* the file's first bytes */
    size_t head_len;
    int64_t size;             /* of the whole file */
    /* Bytes further in: true if all of [at, at + len) came. NULL: there is only the head. Needed for vhd, vhdx and vmdk. */
    bool (*read)(const struct kn_image_sample *sample, int64_t at, void *out, size_t len);
    const void *source; /* for read */
};

struct kn_image_inspection {
    int64_t virtual_size; /* bytes of the disk inside */
};

/* True when data of this format is stored and booted as it is. */
bool kn_image_inspectable(const char *disk_format);
/* qemu-img's name of a format whose data is converted when it is imported; NULL for every other. */
const char *kn_image_convertible(const char *disk_format);
/*
 * KN_UNSUPPORTED_MEDIA when the data is not what it is declared to be, or is but asks for what no image may ask for:
 * other files, encryption, features this reader does not know, tables outside the file, a disk above max_virtual bytes.
 */
int kn_image_inspect(const char *disk_format, const struct kn_image_sample *sample, int64_t max_virtual,
                     struct kn_image_inspection *ret, struct kn_error *err);

#endif
