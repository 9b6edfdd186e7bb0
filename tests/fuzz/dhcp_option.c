/* SPDX-License-Identifier: Apache-2.0 */
/* An extra DHCP option as a user writes it: a line with its name or number, then its value. What is said to be wrong is said again when it is asked again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "network/rows/ports/dhcp_options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_FREE char *name = kn_alloc(size + 2);

    memcpy(name, data, size);
    char *value = strchr(name, '\n');

    value = value == NULL ? name + strlen(name) : value;
    if (*value == '\n') {
        *value++ = '\0';
    }
    for (int version = 4; version <= 6; version += 2) {
        const char *wrong = kn_network_dhcp_option_wrong(name, version, value);

        if (wrong != kn_network_dhcp_option_wrong(name, version, value) ||
            (wrong != NULL && !kn_network_dhcp_option_known(name, version))) {
            abort();
        }
    }
    return 0;
}
