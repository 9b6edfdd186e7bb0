/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in for libFuzzer in the check: hands every file named on the command line to the target once. It owns no
 * knowledge of any format, and must never skip a file in silence: one that cannot be read is a failure.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        perror(path);
        return -1;
    }
    uint8_t *data = NULL;
    size_t size = 0;
    for (size_t got = 1; got > 0; size += got) {
        uint8_t *more = realloc(data, size + 65536);
        if (more == NULL) {
            abort();
        }
        data = more;
        got = fread(data + size, 1, 65536, f);
    }
    fclose(f);
    /* A block of exactly the right size, so that ASan sees the first byte read behind it. */
    uint8_t *exact = realloc(data, size > 0 ? size : 1);
    data = exact != NULL ? exact : data;
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (replay(argv[i]) < 0) {
            return 1;
        }
    }
    printf("ok   %-40s %d inputs\n", argv[0], argc - 1);
    return argc > 1 ? 0 : 1;
}
