/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The choice: bucket by bucket from the end that the policy likes, the best of the first bucket in which a host passes. Looking stops after PROBES
 * candidates of one bucket, so that a decision stays in microseconds among 100,000 hosts; nobody is refused before every host was asked.
 */
#include "scheduler/choose.h"

#include "lib/base/cleanup.h"
#include "lib/base/strbuf.h"

#define PROBES 64 /* passing candidates of one bucket that are compared */

static struct kn_scheduler_host *best_of_bucket(const struct kn_scheduler_inventory *inv, int bucket,
                                                const struct kn_scheduler_policy_of_packing *policy,
                                                const struct kn_scheduler_placement *p)
{
    struct kn_scheduler_host *const *hosts;
    int count = kn_scheduler_inventory_bucket(inv, bucket, &hosts);
    struct kn_scheduler_host *best = NULL;
    int passed = 0;

    for (int i = 0; i < count && passed < PROBES; i++) {
        if (kn_scheduler_filter_first_refusal(hosts[i], p) != NULL) {
            continue;
        }
        passed++;
        if (best == NULL || policy->better(hosts[i], best, p)) {
            best = hosts[i];
        }
    }
    return best;
}

static struct kn_scheduler_host *find_best(const struct kn_scheduler_inventory *inv,
                                           const struct kn_scheduler_policy_of_packing *policy,
                                           const struct kn_scheduler_placement *p)
{
    int lowest = p->wanted.vcpus >= KN_BUCKETS ? KN_BUCKETS - 1 : (int)p->wanted.vcpus;
    struct kn_scheduler_host *best = NULL;

    for (int i = lowest; i < KN_BUCKETS && best == NULL; i++) {
        best = best_of_bucket(inv, policy->fullest_first ? i : KN_BUCKETS - 1 - (i - lowest), policy, p);
    }
    return best;
}

static bool is_preferred(const struct kn_scheduler_host *a, const struct kn_scheduler_host *b,
                         const struct kn_scheduler_policy_of_packing *policy, const struct kn_scheduler_placement *p)
{
    const int64_t ours = kn_scheduler_group_reluctance(p->group, a->name),
                  theirs = kn_scheduler_group_reluctance(p->group, b->name);

    if (ours != theirs) {
        return ours < theirs;
    }
    return a->bucket != b->bucket ? (a->bucket < b->bucket) == policy->fullest_first : policy->better(a, b, p);
}

/* What a group would like goes before what the policy likes, so every host is asked. */
static struct kn_scheduler_host *find_preferred(const struct kn_scheduler_inventory *inv,
                                                const struct kn_scheduler_policy_of_packing *policy,
                                                const struct kn_scheduler_placement *p)
{
    struct kn_scheduler_host *best = NULL;

    for (int i = 0; i < kn_scheduler_inventory_hosts(inv); i++) {
        struct kn_scheduler_host *host = kn_scheduler_inventory_at(inv, i);

        if (kn_scheduler_filter_first_refusal(host, p) == NULL &&
            (best == NULL || is_preferred(host, best, policy, p))) {
            best = host;
        }
    }
    return best;
}

/* --- why nobody --------------------------------------------------------------------------------------------------------- */

static bool refused_for_size(const struct kn_scheduler_host *host, const struct kn_scheduler_placement *p)
{
    struct kn_scheduler_placement small = *p;

    small.wanted = (struct kn_scheduler_resources){ 0 };
    return kn_scheduler_filter_first_refusal(host, &small) == NULL;
}

static int64_t lack(int64_t wanted, int64_t free)
{
    return wanted > free ? wanted - free : 0;
}

/* Parts of the wish that are missing, added up: comparable between resources of different units. */
static double lacking(const struct kn_scheduler_host *host, const struct kn_scheduler_placement *p)
{
    struct kn_scheduler_resources free = kn_scheduler_host_free(host);
    double vcpus = (double)lack(p->wanted.vcpus, free.vcpus) / (double)(p->wanted.vcpus + 1);
    double memory = (double)lack(p->wanted.memory_mib, free.memory_mib) / (double)(p->wanted.memory_mib + 1);
    double disk = (double)lack(p->wanted.disk_gib, free.disk_gib) / (double)(p->wanted.disk_gib + 1);

    return vcpus + memory + disk;
}

static const struct kn_scheduler_host *nearest_miss(const struct kn_scheduler_inventory *inv,
                                                    const struct kn_scheduler_placement *p)
{
    const struct kn_scheduler_host *nearest = NULL;

    for (int i = 0; i < kn_scheduler_inventory_hosts(inv); i++) {
        const struct kn_scheduler_host *host = kn_scheduler_inventory_at(inv, i);

        if (refused_for_size(host, p) && (nearest == NULL || lacking(host, p) < lacking(nearest, p))) {
            nearest = host;
        }
    }
    return nearest;
}

static void say_counts(const struct kn_scheduler_inventory *inv, const struct kn_scheduler_placement *p,
                       struct kn_strbuf *out)
{
    int left = kn_scheduler_inventory_hosts(inv);

    kn_strbuf_addf(out, "%d hosts", left);
    for (const struct kn_scheduler_filter *filter = kn_scheduler_filters; filter->name != NULL; filter++) {
        int taken = 0;

        for (int i = 0; i < kn_scheduler_inventory_hosts(inv); i++) {
            taken += kn_scheduler_filter_first_refusal(kn_scheduler_inventory_at(inv, i), p) == filter ? 1 : 0;
        }
        if (taken > 0) {
            left -= taken;
            kn_strbuf_addf(out, "; %s took %d, %d left", filter->name, taken, left);
        }
    }
}

static void say_nearest(const struct kn_scheduler_host *host, const struct kn_scheduler_placement *p,
                        struct kn_strbuf *out)
{
    struct kn_scheduler_resources free = kn_scheduler_host_free(host);

    kn_strbuf_addf(out, "; nearest is host \"%s\", which lacks", host->name);
    if (p->wanted.vcpus > free.vcpus) {
        kn_strbuf_addf(out, " %lld vCPUs", (long long)(p->wanted.vcpus - free.vcpus));
    }
    if (p->wanted.memory_mib > free.memory_mib) {
        kn_strbuf_addf(out, " %lld MiB of memory", (long long)(p->wanted.memory_mib - free.memory_mib));
    }
    if (p->wanted.disk_gib > free.disk_gib) {
        kn_strbuf_addf(out, " %lld GiB of disk", (long long)(p->wanted.disk_gib - free.disk_gib));
    }
}

static int choose_explain(const struct kn_scheduler_inventory *inv, const struct kn_scheduler_placement *p,
                          struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf why = KN_STRBUF_INIT;
    const struct kn_scheduler_host *nearest = nearest_miss(inv, p);

    say_counts(inv, p, &why);
    if (nearest != NULL) {
        say_nearest(nearest, p, &why);
    }
    return kn_fail(err, KN_NO_VALID_HOST, "No valid host was found. %s.", why.buf);
}

int kn_scheduler_choose(const struct kn_scheduler_inventory *inv, const struct kn_scheduler_policy_of_packing *policy,
                        const struct kn_scheduler_placement *p, struct kn_scheduler_host **ret_host,
                        struct kn_error *err)
{
    struct kn_scheduler_host *best = NULL;

    if (*p->host != '\0') {
        best = kn_scheduler_inventory_find(inv, p->host);
        best = best != NULL && kn_scheduler_filter_first_refusal(best, p) == NULL ? best : NULL;
    } else {
        best = (kn_scheduler_group_prefers(p->group) ? find_preferred : find_best)(inv, policy, p);
    }
    if (best == NULL) {
        return choose_explain(inv, p, err);
    }
    *ret_host = best;
    return 0;
}
