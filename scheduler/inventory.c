/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hosts in memory: found by name, by index, by how much they have free. It knows no request and no database; what it holds is what hosts.c loaded and
 * claims.c took.
 */
#include "scheduler/inventory.h"

#include <stdlib.h>

#include "lib/base/hmap.h"
#include "lib/base/mem.h"

struct bucket {
    struct kn_scheduler_host **hosts;
    int count, size;
};

struct kn_scheduler_inventory {
    struct kn_hmap *hosts_by_name;  /* borrows */
    struct kn_hmap *agents_by_id;   /* borrows */
    struct kn_scheduler_host **hosts;
    int host_count, host_size;
    struct kn_scheduler_agent_seen **agents;
    int agent_count, agent_size;
    int64_t aggregated;
    struct bucket buckets[KN_BUCKETS];
};

struct kn_scheduler_inventory *kn_scheduler_inventory_new(void)
{
    struct kn_scheduler_inventory *inv = KN_NEW(struct kn_scheduler_inventory);

    inv->hosts_by_name = kn_hmap_new(NULL);
    inv->agents_by_id = kn_hmap_new(NULL);
    return inv;
}

static void free_host(struct kn_scheduler_host *host)
{
    free(host->name);
    free(host->zone);
    free(host->underlay);
    free(host->hypervisor_type);
    json_decref(host->aggregates);
    free(host);
}

static void free_agent(struct kn_scheduler_agent_seen *agent)
{
    free(agent->id);
    json_decref(agent->refused);
    free(agent);
}

void kn_scheduler_inventory_free(struct kn_scheduler_inventory *inv)
{
    if (inv == NULL) {
        return;
    }
    for (int i = 0; i < inv->host_count; i++) {
        free_host(inv->hosts[i]);
    }
    for (int i = 0; i < inv->agent_count; i++) {
        free_agent(inv->agents[i]);
    }
    for (int i = 0; i < KN_BUCKETS; i++) {
        free(inv->buckets[i].hosts);
    }
    kn_hmap_free(inv->hosts_by_name);
    kn_hmap_free(inv->agents_by_id);
    free(inv->hosts);
    free(inv->agents);
    free(inv);
}

int64_t kn_scheduler_inventory_aggregated(const struct kn_scheduler_inventory *inv)
{
    return inv->aggregated;
}

void kn_scheduler_inventory_set_aggregated(struct kn_scheduler_inventory *inv, int64_t version)
{
    inv->aggregated = version;
}

/* Room for one more pointer. */
static void *inventory_grow(void *array, int count, int *size)
{
    if (count < *size) {
        return array;
    }
    *size = *size == 0 ? 16 : *size * 2;
    return kn_realloc_array(array, (size_t)*size, sizeof(void *));
}

struct kn_scheduler_agent_seen *kn_scheduler_inventory_find_agent(const struct kn_scheduler_inventory *inv,
                                                                  const char *id)
{
    return kn_hmap_get(inv->agents_by_id, id);
}

struct kn_scheduler_agent_seen *kn_scheduler_inventory_agent(struct kn_scheduler_inventory *inv, const char *id,
                                                             int64_t now_ms)
{
    struct kn_scheduler_agent_seen *agent = kn_scheduler_inventory_find_agent(inv, id);

    if (agent == NULL) {
        agent = KN_NEW(struct kn_scheduler_agent_seen);
        agent->id = kn_strdup(id);
        agent->heard_ms = now_ms;
        inv->agents = inventory_grow(inv->agents, inv->agent_count, &inv->agent_size);
        inv->agents[inv->agent_count++] = agent;
        kn_hmap_put(inv->agents_by_id, id, agent);
    }
    return agent;
}

struct kn_scheduler_agent_seen *kn_scheduler_inventory_agent_at(const struct kn_scheduler_inventory *inv, int i)
{
    return inv->agents[i];
}

int kn_scheduler_inventory_agents(const struct kn_scheduler_inventory *inv)
{
    return inv->agent_count;
}

struct kn_scheduler_host *kn_scheduler_inventory_find(const struct kn_scheduler_inventory *inv, const char *name)
{
    return kn_hmap_get(inv->hosts_by_name, name);
}

struct kn_scheduler_host *kn_scheduler_inventory_host(struct kn_scheduler_inventory *inv, const char *name)
{
    struct kn_scheduler_host *host = kn_scheduler_inventory_find(inv, name);

    if (host == NULL) {
        host = KN_NEW(struct kn_scheduler_host);
        host->name = kn_strdup(name);
        host->bucket = -1;
        inv->hosts = inventory_grow(inv->hosts, inv->host_count, &inv->host_size);
        inv->hosts[inv->host_count++] = host;
        kn_hmap_put(inv->hosts_by_name, name, host);
    }
    return host;
}

struct kn_scheduler_host *kn_scheduler_inventory_at(const struct kn_scheduler_inventory *inv, int i)
{
    return inv->hosts[i];
}

int kn_scheduler_inventory_hosts(const struct kn_scheduler_inventory *inv)
{
    return inv->host_count;
}

const char *kn_scheduler_agent_refused_host(const struct kn_scheduler_agent_seen *agent, const char *name)
{
    return json_string_value(json_object_get(agent->refused, name));
}

struct kn_scheduler_resources kn_scheduler_host_free(const struct kn_scheduler_host *host)
{
    return (struct kn_scheduler_resources){ .vcpus = host->capacity.vcpus - host->used.vcpus,
                                            .memory_mib = host->capacity.memory_mib - host->used.memory_mib,
                                            .disk_gib = host->capacity.disk_gib - host->used.disk_gib };
}

/* --- buckets -------------------------------------------------------------------------------------------------------- */

static int bucket_of(const struct kn_scheduler_host *host)
{
    int64_t vcpus = kn_scheduler_host_free(host).vcpus;

    return vcpus < 0 ? 0 : vcpus >= KN_BUCKETS ? KN_BUCKETS - 1 : (int)vcpus;
}

/* The last one of the bucket takes the place that becomes free. */
static void inventory_leave(struct kn_scheduler_inventory *inv, struct kn_scheduler_host *host)
{
    struct bucket *b = &inv->buckets[host->bucket];

    b->hosts[host->place] = b->hosts[--b->count];
    b->hosts[host->place]->place = host->place;
    host->bucket = -1;
}

void kn_scheduler_inventory_settle(struct kn_scheduler_inventory *inv, struct kn_scheduler_host *host)
{
    int to = bucket_of(host);
    struct bucket *b = &inv->buckets[to];

    if (host->bucket == to) {
        return;
    }
    if (host->bucket >= 0) {
        inventory_leave(inv, host);
    }
    b->hosts = inventory_grow(b->hosts, b->count, &b->size);
    host->bucket = to;
    host->place = b->count;
    b->hosts[b->count++] = host;
}

void kn_scheduler_inventory_take(struct kn_scheduler_inventory *inv, struct kn_scheduler_host *host,
                                 const struct kn_scheduler_resources *r, int sign)
{
    host->used.vcpus += sign * r->vcpus;
    host->used.memory_mib += sign * r->memory_mib;
    host->used.disk_gib += sign * r->disk_gib;
    host->servers += sign;
    kn_scheduler_inventory_settle(inv, host);
}

int kn_scheduler_inventory_bucket(const struct kn_scheduler_inventory *inv, int bucket,
                                  struct kn_scheduler_host *const **ret_hosts)
{
    *ret_hosts = inv->buckets[bucket].hosts;
    return inv->buckets[bucket].count;
}
