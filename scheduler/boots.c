/* SPDX-License-Identifier: Apache-2.0 */
/* The decision of boots.h: no clock and no message of its own. */
#include "scheduler/boots.h"

#include <string.h>

#include "lib/base/mem.h"

#define LATE_MS 6000 /* longer than an agent's heartbeats are apart: what a dead one had sent has come by then */

enum kn_scheduler_boot_verdict kn_scheduler_boots_heard(struct kn_scheduler_boots *boots, const char *boot,
                                                        int64_t now_ms)
{
    if (strcmp(boot, boots->living) == 0) {
        return KN_BOOT_KNOWN;
    }
    if (*boot != '\0' && strcmp(boot, boots->refused) == 0) {
        return KN_BOOT_REFUSED;
    }
    if (*boots->before != '\0' && strcmp(boot, boots->before) == 0) {
        if (now_ms - boots->since_ms < LATE_MS) {
            return KN_BOOT_LATE;
        }
        kn_copy(boots->refused, sizeof(boots->refused), boots->living);
        kn_copy(boots->living, sizeof(boots->living), boot);
        boots->before[0] = '\0';
        return KN_BOOT_TWO;
    }
    kn_copy(boots->before, sizeof(boots->before), boots->living);
    kn_copy(boots->living, sizeof(boots->living), boot);
    boots->since_ms = now_ms;
    return KN_BOOT_NEW;
}
