/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: clouds.yaml. What is found must be a variable of OpenStack's with a value. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/clouds.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(void *ctx, const char *variable, const char *value)
{
    (void)ctx;
    if (strncmp(variable, "OS_", 3) != 0 || value[0] == '\0') {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_FREE char *text = kn_strndup((const char *)data, size);

    (void)kn_cli_clouds_parse(text, "c", check, NULL, NULL);
    return 0;
}
