/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group: servers that are to be together or apart, and which hosts carry how many of them. Pure; loaded for a batch of claims, and changed with
 * every one of them that is decided, so that two at once see each other.
 */
#ifndef KN_SCHEDULER_GROUP_H
#define KN_SCHEDULER_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/cleanup.h"

struct kn_scheduler_group;

/* policy: affinity, anti-affinity, soft-affinity, soft-anti-affinity; most: how many of them a host may carry by anti-affinity. */
struct kn_scheduler_group *kn_scheduler_group_new(const char *policy, int64_t most);
void kn_scheduler_group_free(struct kn_scheduler_group *group);
KN_DEFINE_AUTO(kn_scheduler_group);

/* One more (1) or one less (-1) of them on the host. */
void kn_scheduler_group_add(struct kn_scheduler_group *group, const char *host, int sign);

/* May one more of them be there? Each asks by one of the two policies that must hold, and is true by any other. group NULL: true. */
bool kn_scheduler_group_lets_together(const struct kn_scheduler_group *group, const char *host);
bool kn_scheduler_group_lets_apart(const struct kn_scheduler_group *group, const char *host);
/* By a policy that should hold: the host with the least of it is best. 0 for all hosts by any other. */
int64_t kn_scheduler_group_reluctance(const struct kn_scheduler_group *group, const char *host);
/* Does one of those policies speak? */
bool kn_scheduler_group_prefers(const struct kn_scheduler_group *group);

#endif
