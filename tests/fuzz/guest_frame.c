/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest's tap sends, where its announcements of addresses are heard: nothing is read beyond the frame, and who it is about is who sent it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "network/host/link/ears.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_FREE uint8_t *frame = kn_alloc(size + 1);
    const uint8_t *exact = frame + 1; /* its end is the memory's */
    struct kn_ip ip = KN_IP_NONE;
    uint8_t mac[6];

    memcpy(frame + 1, data, size);
    if (kn_network_ears_read(exact, size, mac, &ip)) {
        if ((ip.family != 4 && ip.family != 6) || memcmp(mac, exact + 6, sizeof(mac)) != 0) {
            abort();
        }
    } else if (ip.family != 0) {
        abort();
    }
    return 0;
}
