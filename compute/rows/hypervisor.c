/* SPDX-License-Identifier: Apache-2.0 */
/* The SQL of hosts and zones. */
#include "compute/rows/hypervisor.h"

#include <stdlib.h>

#include "lib/adapter/host.h"

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

static const struct kn_stmt REMOVE_DAEMON = {
    "daemon_remove",
    "DELETE FROM service s WHERE replace(s.binary_name, 'kilonova-', 'nova-') = $1 AND s.host = $2 AND s.last_seen <= now() - $3::bigint * interval '1 s' "
    "AND NOT EXISTS (SELECT FROM shard h WHERE h.owner IN (s.host, s.boot))",
    3
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

int kn_compute_host_remove(struct kn_db *db, const char *host, int64_t silent_s, struct kn_error *err)
{
    struct kn_host_obstacles is = { 0 };

    if (kn_host_remove(db, host, silent_s, &is, err) == 0) {
        return 0;
    }
    if (err->code == KN_NOT_FOUND) {
        return kn_fail(err, KN_NOT_FOUND, "Compute host %.255s could not be found.", host);
    }
    if (is.servers > 0 || is.places > 0) {
        return kn_fail(
            err, KN_CONFLICT,
            "Unable to delete compute service that is hosting instances. Migrate or delete the instances first.");
    }
    return is.is_heard
               ? kn_fail(err, KN_CONFLICT,
                         "Unable to delete compute service on %.255s: it is alive and would come back. Stop it first.",
                         host)
               : -1;
}

int kn_compute_daemon_remove(struct kn_db *db, const char *binary, const char *host, int64_t silent_s,
                             struct kn_error *err)
{
    int64_t removed = 0;
    struct kn_arg patience;

    if (kn_db_change(db, &REMOVE_DAEMON, KN_ARGS(binary, host, kn_arg_int(&patience, silent_s)), &removed, err) < 0) {
        return -1;
    }
    return removed > 0 ? 0
                       : kn_fail(err, KN_CONFLICT,
                                 "Unable to delete %.80s on %.255s: it is alive and would come back. Stop it first.",
                                 binary, host);
}
