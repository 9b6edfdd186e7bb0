/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: image headers. The input is the start of a file, read as every format there is, once as the whole file and
 * once as the start of a large one. Whatever is accepted must keep its promises.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "image/data/inspect.h"
#include "lib/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const FORMATS[] = { "raw", "qcow2", "iso", "ami", "vmdk", "vdi", "vhd", "vhdx" };
    static const int64_t LARGE = INT64_C(1) << 40;

    for (size_t i = 0; i < 2 * KN_COUNT(FORMATS); i++) {
        const struct kn_image_sample sample = { .head = data,
                                                .head_len = size,
                                                .size = i % 2 == 0 ? (int64_t)size : LARGE };
        struct kn_image_inspection found = { -1 };
        struct kn_error err;

        if (kn_image_inspect(FORMATS[i / 2], &sample, LARGE, &found, &err) == 0 &&
            (found.virtual_size < 0 || found.virtual_size > LARGE)) {
            abort();
        }
    }
    return 0;
}
