/* SPDX-License-Identifier: Apache-2.0 */
/*
 * choose: who may host a server (filters), who is best (policies), and in words why nobody could. Pure: `now` is a parameter, nothing is claimed here.
 */
#ifndef KN_SCHEDULER_CHOOSE_H
#define KN_SCHEDULER_CHOOSE_H

#include "lib/base/error.h"
#include "scheduler/group.h"
#include "scheduler/inventory.h"

struct kn_scheduler_placement {
    struct kn_scheduler_resources wanted;
    const char *zone;            /* "" = any */
    const char *host;            /* "" = any */
    const char *const *exclude;  /* NULL-ended; may be NULL */
    const char *const *apart;    /* hosts of servers that it is kept away from; the same */
    const char *const *together; /* hosts of servers one of which it is to be with; NULL: any */
    const json_t *extra_specs; /* of its flavor; NULL: none */
    const char *kind;            /* of guest (lib/domain/form.h); NULL or "": any */
    const char *project;         /* whose it is; NULL: nobody's, which no aggregate is kept for */
    const struct kn_scheduler_group *group; /* whose others it is to be with, or away from; NULL: it is in none */
    int64_t now_ms;              /* monotonic */
    int64_t agent_timeout_ms;
};

/* aggregates.c: do the aggregates of a host (its member `aggregates`) have what a flavor asks of them; are they open to the project? */
bool kn_scheduler_aggregates_fit(const json_t *aggregates, const json_t *extra_specs);
bool kn_scheduler_aggregates_admit(const json_t *aggregates, const char *project);
/* The words of one more aggregate, a JSON object of texts, beside those of others. */
void kn_scheduler_aggregates_add(json_t *aggregates, const json_t *metadata);

/* One reason for which a host may not. In the order in which they are asked. */
struct kn_scheduler_filter {
    const char *name; /* Nova's word where there is one */
    bool (*passes)(const struct kn_scheduler_host *host, const struct kn_scheduler_placement *p);
};
extern const struct kn_scheduler_filter kn_scheduler_filters[]; /* ended by name == NULL */

/* NULL: every filter lets it pass; else the first that does not. */
const struct kn_scheduler_filter *kn_scheduler_filter_first_refusal(const struct kn_scheduler_host *host,
                                                                    const struct kn_scheduler_placement *p);

struct kn_scheduler_policy_of_packing {
    const char *name; /* pack, spread */
    bool fullest_first; /* which end of the buckets it begins at */
    /* Of two hosts in the same bucket, true if a is better than b. */
    bool (*better)(const struct kn_scheduler_host *a, const struct kn_scheduler_host *b,
                   const struct kn_scheduler_placement *p);
};
/* NULL if there is none of this name. */
const struct kn_scheduler_policy_of_packing *kn_scheduler_packing(const char *name);

/*
 * The host to take. KN_NO_VALID_HOST names every filter with the hosts it took away and what the nearest miss lacked.
 */
int kn_scheduler_choose(const struct kn_scheduler_inventory *inv, const struct kn_scheduler_policy_of_packing *policy,
                        const struct kn_scheduler_placement *p, struct kn_scheduler_host **ret_host,
                        struct kn_error *err);

#endif
