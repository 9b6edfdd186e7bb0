/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file: whatever its bytes, it is taken or refused with one line that names a line of the file. */
#include <stdlib.h>
#include <string.h>

#include "lib/adapter/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kn_conf conf, before;
    struct kn_error err = { .code = KN_OK };
    kn_conf_defaults(&conf);
    before = conf;
    if (kn_conf_parse(&conf, "fuzz", (const char *)data, size, &err) < 0) {
        bool told = err.code == KN_BAD_REQUEST && strncmp(err.message, "fuzz:", 5) == 0;
        if (!told || memcmp(&conf, &before, sizeof(conf)) != 0) {
            abort();
        }
    }
    return 0;
}
