/* SPDX-License-Identifier: Apache-2.0 */
/* The SQL of hosts and zones. */
#include "compute/rows/hypervisor.h"

#include <stdlib.h>

static const struct kn_stmt ZONE = { "zone_look", "SELECT FROM host WHERE coalesce(aggregate_zone, zone) = $1 LIMIT 1",
                                     1 };
static const struct kn_stmt HOST = { "host_look", "SELECT FROM host WHERE name = $1", 1 };
static const struct kn_stmt TOTALS = {
    "hypervisor_totals",
    "SELECT json_build_object('count', count(*), 'vcpus', coalesce(sum(vcpus), 0), 'vcpus_used', coalesce(sum(used_vcpus), 0), "
    "'memory_mb', coalesce(sum(memory_mib), 0), 'memory_mb_used', coalesce(sum(used_memory_mib + reserved_memory_mib), 0), "
    "'free_ram_mb', coalesce(sum(memory_mib - used_memory_mib - reserved_memory_mib), 0), 'local_gb', coalesce(sum(disk_gib), 0), "
    "'local_gb_used', coalesce(sum(used_disk_gib), 0), 'free_disk_gb', coalesce(sum(disk_gib - used_disk_gib), 0), "
    "'disk_available_least', coalesce(sum(disk_gib - used_disk_gib), 0), 'current_workload', 0, "
    "'running_vms', coalesce(sum(servers), 0)) AS totals FROM host",
    0
};
static const struct kn_stmt DECIDE = {
    "host_decide",
    "UPDATE host SET disabled = coalesce($2::boolean, disabled), "
    "disabled_reason = CASE WHEN $2::boolean IS NULL THEN disabled_reason ELSE $3 END, "
    "forced_down = coalesce($4::boolean, forced_down), updated_at = now() WHERE name = $1",
    4
};

bool kn_compute_host_is_up(const struct kn_request *req, const char *silence)
{
    return silence[0] != '\0' && strtod(silence, NULL) < (double)req->conf->scheduler_agent_timeout_s;
}

int kn_compute_hypervisor_totals(struct kn_db *db, struct kn_rows **ret, struct kn_error *err)
{
    return kn_db_run(db, &TOTALS, KN_NO_ARGS, ret, err);
}

int kn_compute_host_decide(struct kn_db *db, const char *host, const struct kn_compute_host_decision *decision,
                           struct kn_error *err)
{
    int64_t changed = 0;

    if (kn_db_change(db, &DECIDE, KN_ARGS(host, decision->disabled, decision->reason, decision->forced_down), &changed,
                     err) < 0) {
        return -1;
    }
    return changed == 0 ? kn_fail(err, KN_NOT_FOUND, "Could not find binary nova-compute on host %.255s.", host) : 0;
}

int kn_compute_zone_check(struct kn_db *db, const char *zone, struct kn_error *err)
{
    int64_t found = 0;

    if (kn_db_change(db, &ZONE, KN_ARGS(zone), &found, err) < 0) {
        return -1;
    }
    return found > 0 ? 0 : kn_fail(err, KN_BAD_REQUEST, "The requested availability zone is not available");
}

int kn_compute_host_check(struct kn_db *db, const char *host, struct kn_error *err)
{
    int64_t found = 0;

    if (kn_db_change(db, &HOST, KN_ARGS(host), &found, err) < 0) {
        return -1;
    }
    return found > 0 ? 0 : kn_fail(err, KN_BAD_REQUEST, "Compute host %.255s could not be found.", host);
}
