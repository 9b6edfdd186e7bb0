/* SPDX-License-Identifier: Apache-2.0 */
/* The packing policies by name: which hosts are looked at first, and which of two is better. Pure. */
#include <string.h>

#include "scheduler/choose.h"

/* What would be left; the smaller the better when packing. Memory decides among hosts with as many vCPUs, then disk. */
static int compare_left(const struct kn_scheduler_host *a, const struct kn_scheduler_host *b)
{
    struct kn_scheduler_resources left = kn_scheduler_host_free(a);
    struct kn_scheduler_resources other = kn_scheduler_host_free(b);

    if (left.vcpus != other.vcpus) {
        return left.vcpus < other.vcpus ? -1 : 1;
    }
    if (left.memory_mib != other.memory_mib) {
        return left.memory_mib < other.memory_mib ? -1 : 1;
    }
    return left.disk_gib < other.disk_gib ? -1 : left.disk_gib > other.disk_gib;
}

static bool fits_tighter(const struct kn_scheduler_host *a, const struct kn_scheduler_host *b,
                         const struct kn_scheduler_placement *p)
{
    (void)p;
    return compare_left(a, b) < 0;
}

static bool leaves_more(const struct kn_scheduler_host *a, const struct kn_scheduler_host *b,
                        const struct kn_scheduler_placement *p)
{
    (void)p;
    return compare_left(a, b) > 0;
}

static const struct kn_scheduler_policy_of_packing POLICIES[] = {
    { "pack", true, fits_tighter },
    { "spread", false, leaves_more },
};

const struct kn_scheduler_policy_of_packing *kn_scheduler_packing(const char *name)
{
    for (size_t i = 0; i < sizeof(POLICIES) / sizeof(POLICIES[0]); i++) {
        if (strcmp(POLICIES[i].name, name) == 0) {
            return &POLICIES[i];
        }
    }
    return NULL;
}
