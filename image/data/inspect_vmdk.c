/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of VMware's VMDK: a sparse extent with its descriptor inside, as "monolithicSparse" and "streamOptimized" have
 * it. Everything in a descriptor that names another file is refused: a parent, a second extent, an extent with a path; so
 * is a header without a capacity, for which tools read the extents' names instead.
 */
#include <string.h>
#include <strings.h>

#include "image/data/inspect_private.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

#define HEADER_LEN 512
#define DESCRIPTOR_MAX 65536U
#define LINE_MAX_LEN 512

struct descriptor {
    bool has_type;
    int extents;
};

static int inspect_vmdk_refuse(struct kn_error *err, const char *why)
{
    return kn_fail(err, KN_UNSUPPORTED_MEDIA, "the vmdk %s", why);
}

static bool begins(const char *line, const char *word)
{
    return strncasecmp(line, word, strlen(word)) == 0;
}

/* key = "value", with or without quotes and spaces. True if the line is this key's. */
static bool inspect_vmdk_value_of(const char *line, const char *key, char out[LINE_MAX_LEN])
{
    if (!begins(line, key)) {
        return false;
    }
    line += strlen(key);
    line += strspn(line, " \t");
    if (*line != '=') {
        return false;
    }
    line += 1 + strspn(line + 1, " \t\"");
    kn_copy(out, LINE_MAX_LEN, line);
    out[strcspn(out, "\"\r")] = '\0';
    return true;
}

/* RW 4192256 SPARSE "name.vmdk" */
static int check_extent(const char *line, struct descriptor *d, struct kn_error *err)
{
    const char *name = strchr(line, '"');

    d->extents++;
    if (d->extents > 1) {
        return inspect_vmdk_refuse(err, "has more than one extent");
    }
    if (strstr(line, " SPARSE ") == NULL || name == NULL || strpbrk(name, "/\\") != NULL) {
        return inspect_vmdk_refuse(err, "names an extent outside of itself");
    }
    return 0;
}

static int check_line(const char *line, struct descriptor *d, struct kn_error *err)
{
    char value[LINE_MAX_LEN];

    line += strspn(line, " \t");
    if (begins(line, "parentFileNameHint") ||
        (inspect_vmdk_value_of(line, "parentCID", value) && strcasecmp(value, "ffffffff") != 0)) {
        return inspect_vmdk_refuse(err, "names a parent");
    }
    if (inspect_vmdk_value_of(line, "createType", value)) {
        d->has_type = true;
        return strcmp(value, "monolithicSparse") == 0 || strcmp(value, "streamOptimized") == 0
                   ? 0
                   : inspect_vmdk_refuse(err, "is neither monolithicSparse nor streamOptimized");
    }
    return begins(line, "RW ") || begins(line, "RDONLY ") || begins(line, "NOACCESS ") ? check_extent(line, d, err) : 0;
}

/* text ends with a NUL. Tools look for words anywhere, so a word that hides behind a lone CR or an overlong line is refused. */
static int check_descriptor(const char *text, struct kn_error *err)
{
    struct descriptor d = { false, 0 };

    if (strcasestr(text, "parentFileNameHint") != NULL) {
        return inspect_vmdk_refuse(err, "names a parent");
    }
    while (*text != '\0') {
        const size_t len = strcspn(text, "\r\n");
        char line[LINE_MAX_LEN];

        if (len >= sizeof(line)) {
            return inspect_vmdk_refuse(err, "descriptor has a line that is too long");
        }
        memcpy(line, text, len);
        line[len] = '\0';
        if (check_line(line, &d, err) < 0) {
            return -1;
        }
        text += len + (text[len] != '\0');
    }
    return d.has_type && d.extents == 1 ? 0 : inspect_vmdk_refuse(err, "descriptor does not describe one extent");
}

static int read_descriptor(const struct kn_image_sample *sample, const uint8_t *header, struct kn_error *err)
{
    const uint64_t sector = kn_image_le64(header + 28);
    const uint64_t sectors = kn_image_le64(header + 36);

    if (sector == 0 || sectors == 0 || sectors > DESCRIPTOR_MAX / 512 || sector > (uint64_t)sample->size / 512) {
        return inspect_vmdk_refuse(err, "does not carry its descriptor");
    }
    AUTO_FREE char *text = kn_alloc(sectors * 512 + 1);
    if (!kn_image_sample_read(sample, (int64_t)sector * 512, text, sectors * 512)) {
        return inspect_vmdk_refuse(err, "descriptor is cut off");
    }
    return check_descriptor(text, err);
}

int kn_image_inspect_vmdk(const struct kn_image_sample *sample, struct kn_image_inspection *ret, struct kn_error *err)
{
    uint8_t header[HEADER_LEN];

    if (!kn_image_sample_read(sample, 0, header, sizeof(header)) || memcmp(header, "KDMV", 4) != 0) {
        return inspect_vmdk_refuse(err, "is no sparse extent with its descriptor inside");
    }
    const uint32_t version = kn_image_le32(header + 4);
    const int64_t size = kn_image_sectors_to_bytes(kn_image_le64(header + 12));
    const uint64_t grain = kn_image_le64(header + 20);
    if (version < 1 || version > 3) {
        return inspect_vmdk_refuse(err, "is of an unknown version");
    }
    if (size < 0 || grain == 0 || grain > 128 << 10 || (grain & (grain - 1)) != 0) {
        return inspect_vmdk_refuse(err, "header has no capacity or no grain size");
    }
    if (read_descriptor(sample, header, err) < 0) {
        return -1;
    }
    ret->virtual_size = size;
    return 0;
}
