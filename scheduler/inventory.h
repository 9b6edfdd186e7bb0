/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inventory: every host in memory. Hosts lie in buckets by their free vCPUs, so that the best fit is looked for where it is. One thread.
 *
 * Free vCPUs are those that may be sold: physical ones times the ratio, less what is used.
 */
#ifndef KN_SCHEDULER_INVENTORY_H
#define KN_SCHEDULER_INVENTORY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/domain/limits.h"
#include "scheduler/boots.h"

struct kn_scheduler_agent_seen {
    char *id;
    struct kn_scheduler_boots boots;
    json_t *refused;  /* hosts of its hellos that were left out: name -> reason; NULL: none yet */
    char hello_boot[64]; /* whose hello that was */
    char twin[64]; /* the boot of a second agent of this id that was refused and is not written down yet; "": none */
    int64_t seq; /* of its newest report */
    int64_t asked_ms; /* when it was asked to count from above seq */
    int64_t heard_ms; /* by the clock of hearing.h; the scheduler's own start counts as heard */
    bool known; /* has a row */
    bool touched; /* heard since last_seen was written */
    char uptime[KN_SIZE_OF(UPTIME)]; /* its machine's, as the last heartbeat said; "": it did not */
    bool counted; /* seq grew since it was written */
};

struct kn_scheduler_resources {
    int64_t vcpus;
    int64_t memory_mib;
    int64_t disk_gib;
};

struct kn_scheduler_host {
    char *name;
    char *zone;
    char *underlay; /* NULL: none */
    char *hypervisor_type; /* NULL: nothing is known */
    json_t *aggregates; /* what its aggregates' metadata says: key -> [value]; NULL: it is in none */
    struct kn_scheduler_agent_seen *agent;
    struct kn_scheduler_resources capacity; /* that may be sold */
    struct kn_scheduler_resources used;
    int64_t servers;
    bool disabled;
    bool forced_down;
    int bucket, place; /* where it lies; inventory.c's */
};

struct kn_scheduler_inventory;

struct kn_scheduler_inventory *kn_scheduler_inventory_new(void);
void kn_scheduler_inventory_free(struct kn_scheduler_inventory *inv);
KN_DEFINE_AUTO(kn_scheduler_inventory);

/* Makes what is not there. Pointers stay valid until the inventory is freed. */
struct kn_scheduler_agent_seen *kn_scheduler_inventory_agent(struct kn_scheduler_inventory *inv, const char *id,
                                                             int64_t now_ms);
struct kn_scheduler_agent_seen *kn_scheduler_inventory_find_agent(const struct kn_scheduler_inventory *inv,
                                                                  const char *id);
struct kn_scheduler_agent_seen *kn_scheduler_inventory_agent_at(const struct kn_scheduler_inventory *inv, int i);
int kn_scheduler_inventory_agents(const struct kn_scheduler_inventory *inv);
struct kn_scheduler_host *kn_scheduler_inventory_host(struct kn_scheduler_inventory *inv, const char *name);
struct kn_scheduler_host *kn_scheduler_inventory_find(const struct kn_scheduler_inventory *inv, const char *name);
struct kn_scheduler_host *kn_scheduler_inventory_at(const struct kn_scheduler_inventory *inv, int i);
int kn_scheduler_inventory_hosts(const struct kn_scheduler_inventory *inv);

/* The number of the change of aggregates that hosts' zones and words are of (aggregate_change). */
int64_t kn_scheduler_inventory_aggregated(const struct kn_scheduler_inventory *inv);
void kn_scheduler_inventory_set_aggregated(struct kn_scheduler_inventory *inv, int64_t version);

/* After capacity or use changed: puts the host into its bucket. */
void kn_scheduler_inventory_settle(struct kn_scheduler_inventory *inv, struct kn_scheduler_host *host);
/* sign +1 takes, -1 gives back. */
void kn_scheduler_inventory_take(struct kn_scheduler_inventory *inv, struct kn_scheduler_host *host,
                                 const struct kn_scheduler_resources *r, int sign);

/* Why the agent's last hello left this host out; NULL: it did not. */
const char *kn_scheduler_agent_refused_host(const struct kn_scheduler_agent_seen *agent, const char *name);

struct kn_scheduler_resources kn_scheduler_host_free(const struct kn_scheduler_host *host);

/* Buckets: 0 … KN_BUCKETS - 1 free vCPUs; the last holds all that have more. */
#define KN_BUCKETS 1025
int kn_scheduler_inventory_bucket(const struct kn_scheduler_inventory *inv, int bucket,
                                  struct kn_scheduler_host *const **ret_hosts);

#endif
