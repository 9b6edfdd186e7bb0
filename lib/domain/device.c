/* SPDX-License-Identifier: Apache-2.0 */
/* device: which name a disk gets. Doors and drivers ask it; it must never know what is behind a name. */
#include "lib/domain/device.h"

#include <stdio.h>

#include "lib/domain/form.h"

#define DEVICE_COUNT 26

int kn_device_pick(uint32_t used, const char *wish, char ret_device[KN_DEVICE_SIZE], struct kn_error *err)
{
    int at = kn_device_index(wish);

    /* vda is the root disk's, whether or not there is one yet. */
    if (at <= 0 || (used >> at & 1) != 0) {
        for (at = 1; at < DEVICE_COUNT && (used >> at & 1) != 0; at++) {
        }
    }
    if (at >= DEVICE_COUNT) {
        return kn_fail(err, KN_CONFLICT, "no disk device name is free");
    }
    snprintf(ret_device, KN_DEVICE_SIZE, "vd%c", 'a' + at);
    return 0;
}
