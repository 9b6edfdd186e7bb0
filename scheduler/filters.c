/* SPDX-License-Identifier: Apache-2.0 */
/* The filters: one line of the table, one small pure function. A new reason to refuse a host is a new line here and nothing else. */
#include <string.h>

#include "lib/domain/form.h"
#include "scheduler/choose.h"

static bool is_wanted_host(const struct kn_scheduler_host *host, const struct kn_scheduler_placement *p)
{
    return *p->host == '\0' || strcmp(host->name, p->host) == 0;
}

static bool is_in_zone(const struct kn_scheduler_host *host, const struct kn_scheduler_placement *p)
{
    return *p->zone == '\0' || strcmp(host->zone, p->zone) == 0;
}

static bool has_words_of_flavor(const struct kn_scheduler_host *host, const struct kn_scheduler_placement *p)
{
    return kn_scheduler_aggregates_fit(host->aggregates, p->extra_specs);
}

static bool is_open_to_project(const struct kn_scheduler_host *host, const struct kn_scheduler_placement *p)
{
    return kn_scheduler_aggregates_admit(host->aggregates, p->project);
}

static bool filters_names(const char *const *names, const struct kn_scheduler_host *host)
{
    for (; names != NULL && *names != NULL; names++) {
        if (strcmp(*names, host->name) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_its_kind(const struct kn_scheduler_host *host, const struct kn_scheduler_placement *p)
{
    return kn_kind_is_of(p->kind != NULL ? p->kind : "", host->hypervisor_type != NULL ? host->hypervisor_type : "");
}

/* A host that failed this server before. */
static bool is_untried(const struct kn_scheduler_host *host, const struct kn_scheduler_placement *p)
{
    return !filters_names(p->exclude, host);
}

static bool is_apart(const struct kn_scheduler_host *host, const struct kn_scheduler_placement *p)
{
    return !filters_names(p->apart, host);
}

static bool is_together(const struct kn_scheduler_host *host, const struct kn_scheduler_placement *p)
{
    return p->together == NULL || filters_names(p->together, host);
}

static bool filters_is_enabled(const struct kn_scheduler_host *host, const struct kn_scheduler_placement *p)
{
    (void)p;
    return !host->disabled;
}

static bool filters_is_up(const struct kn_scheduler_host *host, const struct kn_scheduler_placement *p)
{
    return !host->forced_down && host->agent != NULL && p->now_ms - host->agent->heard_ms < p->agent_timeout_ms;
}

/* What its agent said of it last makes no sense: its servers go on, new ones wait until it does. */
static bool is_sane(const struct kn_scheduler_host *host, const struct kn_scheduler_placement *p)
{
    (void)p;
    return host->agent == NULL || kn_scheduler_agent_refused_host(host->agent, host->name) == NULL;
}

static bool is_with_its_group(const struct kn_scheduler_host *host, const struct kn_scheduler_placement *p)
{
    return kn_scheduler_group_lets_together(p->group, host->name);
}

static bool is_apart_from_its_group(const struct kn_scheduler_host *host, const struct kn_scheduler_placement *p)
{
    return kn_scheduler_group_lets_apart(p->group, host->name);
}

static bool has_vcpus(const struct kn_scheduler_host *host, const struct kn_scheduler_placement *p)
{
    return kn_scheduler_host_free(host).vcpus >= p->wanted.vcpus;
}

static bool has_memory(const struct kn_scheduler_host *host, const struct kn_scheduler_placement *p)
{
    return kn_scheduler_host_free(host).memory_mib >= p->wanted.memory_mib;
}

static bool has_disk(const struct kn_scheduler_host *host, const struct kn_scheduler_placement *p)
{
    return kn_scheduler_host_free(host).disk_gib >= p->wanted.disk_gib;
}

const struct kn_scheduler_filter kn_scheduler_filters[] = {
    { "RequestedHostFilter", is_wanted_host },
    { "AvailabilityZoneFilter", is_in_zone },
    { "AggregateMultiTenancyIsolation", is_open_to_project },
    { "AggregateInstanceExtraSpecsFilter", has_words_of_flavor },
    { "ImagePropertiesFilter", has_its_kind },
    { "RetryFilter", is_untried },
    { "ComputeDisabledFilter", filters_is_enabled },
    { "ComputeUpFilter", filters_is_up },
    { "ComputeSaneFilter", is_sane },
    { "ServerGroupAffinityFilter", is_with_its_group },
    { "ServerGroupAntiAffinityFilter", is_apart_from_its_group },
    { "DifferentHostFilter", is_apart },
    { "SameHostFilter", is_together },
    { "CoreFilter", has_vcpus },
    { "RamFilter", has_memory },
    { "DiskFilter", has_disk },
    { NULL, NULL },
};

const struct kn_scheduler_filter *kn_scheduler_filter_first_refusal(const struct kn_scheduler_host *host,
                                                                    const struct kn_scheduler_placement *p)
{
    for (const struct kn_scheduler_filter *filter = kn_scheduler_filters; filter->name != NULL; filter++) {
        if (!filter->passes(host, p)) {
            return filter;
        }
    }
    return NULL;
}
