/* SPDX-License-Identifier: Apache-2.0 */
/* Counts a group's servers by host. Who belongs to it, and when, is claims.c's. */
#include "scheduler/group.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/hmap.h"
#include "lib/base/mem.h"

struct kn_scheduler_group {
    bool is_strict;          /* what is asked for must be */
    bool together;
    int64_t most;
    int64_t placed;          /* of all hosts */
    struct kn_hmap *members; /* host -> int64_t */
};

struct kn_scheduler_group *kn_scheduler_group_new(const char *policy, int64_t most)
{
    struct kn_scheduler_group *group = KN_NEW(struct kn_scheduler_group);

    group->is_strict = strncmp(policy, "soft-", 5) != 0;
    group->together = strstr(policy, "anti") == NULL;
    group->most = most;
    group->members = kn_hmap_new(free);
    return group;
}

void kn_scheduler_group_free(struct kn_scheduler_group *group)
{
    if (group != NULL) {
        kn_hmap_free(group->members);
        free(group);
    }
}

static int64_t members_of(const struct kn_scheduler_group *group, const char *host)
{
    const int64_t *count = kn_hmap_get(group->members, host);

    return count != NULL ? *count : 0;
}

void kn_scheduler_group_add(struct kn_scheduler_group *group, const char *host, int sign)
{
    int64_t *count = kn_hmap_get(group->members, host);

    if (count == NULL) {
        count = KN_NEW(int64_t);
        kn_hmap_put(group->members, host, count);
    }
    *count += sign;
    group->placed += sign;
}

bool kn_scheduler_group_lets_together(const struct kn_scheduler_group *group, const char *host)
{
    return group == NULL || !group->is_strict || !group->together || group->placed == 0 || members_of(group, host) > 0;
}

bool kn_scheduler_group_lets_apart(const struct kn_scheduler_group *group, const char *host)
{
    return group == NULL || !group->is_strict || group->together || members_of(group, host) < group->most;
}

bool kn_scheduler_group_prefers(const struct kn_scheduler_group *group)
{
    return group != NULL && !group->is_strict;
}

int64_t kn_scheduler_group_reluctance(const struct kn_scheduler_group *group, const char *host)
{
    return !kn_scheduler_group_prefers(group) ? 0
           : group->together                  ? -members_of(group, host)
                                              : members_of(group, host);
}
