/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: the headers of disks that are converted at import. The first byte chooses the format, the rest is the file, seen
 * again at 192 KiB (where a VHDX has its tables) and at its end (where a VHD has its footer).
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/data/inspect.h"
#include "lib/base/mem.h"

#define AGAIN_AT (INT64_C(192) << 10)
#define SIZE (INT64_C(1) << 20)
#define LARGE (INT64_C(1) << 40)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct source {
    const uint8_t *data;
    size_t size;
};

/* Zeros where the input says nothing. */
static bool read_again(const struct kn_image_sample *sample, int64_t at, void *out, size_t len)
{
    const struct source *s = sample->source;
    uint8_t *to = out;

    for (size_t i = 0; i < len; i++) {
        const int64_t from = at + (int64_t)i;
        const int64_t in = from < (int64_t)s->size ? from
                           : from < AGAIN_AT       ? -1
                           : from >= SIZE - 512    ? from - (SIZE - 512)
                                                   : from - AGAIN_AT;
        to[i] = in >= 0 && in < (int64_t)s->size ? s->data[in] : 0;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const FORMATS[] = { "vmdk", "vhd", "vhdx", "vdi" };
    struct kn_image_inspection found = { -1 };

    if (size == 0) {
        return 0;
    }
    static const uint8_t VHDX[] = "vhdxfile"; /* all of its head that is looked at */
    const char *const format = FORMATS[data[0] % KN_COUNT(FORMATS)];
    const bool is_vhdx = strcmp(format, "vhdx") == 0;
    const struct source source = { data + 1, size - 1 };
    const struct kn_image_sample sample = { .head = is_vhdx ? VHDX : data + 1,
                                            .head_len = is_vhdx ? sizeof(VHDX) - 1 : size - 1,
                                            .size = SIZE,
                                            .read = read_again,
                                            .source = &source };
    if (kn_image_inspect(format, &sample, LARGE, &found, NULL) == 0 &&
        (found.virtual_size <= 0 || found.virtual_size > LARGE)) {
        abort();
    }
    return 0;
}
