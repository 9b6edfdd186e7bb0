/* SPDX-License-Identifier: Apache-2.0 */
/* The SQL of hosts, daemons and zones. An integer id, which clients before 2.53 want, is made from the uuid. */
#include "compute/rows/hypervisor.h"

#include "compute/rows/view.h"

#define NUMBER(uuid) "hashtext(" uuid "::text) & 2147483647"

/*
 * A host that the scheduler left out, because what its agent says makes no sense, gets no new servers: it is disabled, with the reason. It stays up if it was
 * in use before, because its servers run on, and who sees "down" may start to evacuate; one that was never taken in is down.
 */
#define UP "h.known AND NOT h.forced_down"
#define STATUS "h.disabled OR h.refused IS NOT NULL AS disabled, coalesce('refused: ' || h.refused, h.disabled_reason)"

static const struct kn_stmt ZONE = { "zone_look", "SELECT EXISTS (SELECT FROM host WHERE zone = $1)", 1 };
static const struct kn_stmt HOST = { "host_look", "SELECT EXISTS (SELECT FROM host WHERE name = $1)", 1 };
static const struct kn_stmt TOTALS = { "hypervisor_totals",
    "SELECT count(*), coalesce(sum(vcpus), 0), coalesce(sum(used_vcpus), 0), coalesce(sum(memory_mib), 0), "
    "coalesce(sum(used_memory_mib + reserved_memory_mib), 0), coalesce(sum(disk_gib), 0), coalesce(sum(used_disk_gib), 0), "
    "coalesce(sum(servers), 0) FROM host", 0 };
static const struct kn_stmt SERVERS = { "hypervisor_servers",
    "SELECT host, id, name FROM server WHERE host = ANY($1::text[]) AND deleted_at IS NULL ORDER BY host, created_at", 1 };
static const struct kn_stmt SERVICES = { "service_list",
    "SELECT uuid, " NUMBER("uuid") ", binary_name, host, zone, disabled, reason, up, " KN_TIME_COLUMN("seen") ", forced_down FROM ("
    "SELECT h.uuid, 'nova-compute' AS binary_name, h.name AS host, h.zone, " STATUS " AS reason, "
    UP " AND g.last_seen > now() - $1::bigint * interval '1 s' AS up, g.last_seen AS seen, h.forced_down "
    "FROM any_host h JOIN agent g ON g.id = h.agent_id UNION ALL "
    "SELECT s.uuid, replace(s.binary_name, 'kilonova-', 'nova-'), s.host, 'internal', false, 'stuck: ' || s.stuck, "
    "s.stuck IS NULL AND s.last_seen > now() - $1::bigint * interval '1 s', s.last_seen, false FROM service s "
    "WHERE s.binary_name IN ('kilonova-conductor', 'kilonova-scheduler')) AS all_of_them "
    "WHERE ($2::text IS NULL OR host = $2) AND ($3::text IS NULL OR binary_name = $3) AND ($4::uuid IS NULL OR uuid = $4) "
    "ORDER BY zone, host, binary_name", 4 };
static const struct kn_stmt DECIDE = { "host_decide",
    "UPDATE host SET disabled = coalesce($2::boolean, disabled), "
    "disabled_reason = CASE WHEN $2::boolean IS NULL THEN disabled_reason ELSE $3 END, "
    "forced_down = coalesce($4::boolean, forced_down), updated_at = now() WHERE name = $1", 4 };

void kn_hypervisor_select(struct kn_select *sel, struct kn_arg *silence, int64_t seconds)
{
    kn_select_add(sel,
                  "SELECT h.uuid, " NUMBER("h.uuid") ", h.name, " UP " AND g.last_seen > now() - ?::bigint * interval '1 s', "
                  STATUS ", h.hypervisor_type, h.hypervisor_version, h.underlay, h.cpu_info, "
                  "h.vcpus, h.used_vcpus, h.memory_mib, h.used_memory_mib + h.reserved_memory_mib, h.disk_gib, h.used_disk_gib, "
                  "h.servers FROM any_host h JOIN agent g ON g.id = h.agent_id WHERE true",
                  kn_arg_int(silence, seconds));
}

int kn_hypervisor_totals(struct kn_db *db, struct kn_rows **ret, struct kn_error *err)
{
    return kn_db_run(db, &TOTALS, KN_NO_ARGS, ret, err);
}

int kn_hypervisor_servers(struct kn_db *db, const char *hosts, struct kn_rows **ret, struct kn_error *err)
{
    return kn_db_run(db, &SERVERS, KN_ARGS(hosts), ret, err);
}

int kn_service_list(struct kn_db *db, int64_t silence, const char *host, const char *binary, const char *uuid,
                    struct kn_rows **ret, struct kn_error *err)
{
    struct kn_arg seconds;

    return kn_db_run(db, &SERVICES, KN_ARGS(kn_arg_int(&seconds, silence), host, binary, uuid), ret, err);
}

int kn_host_decide(struct kn_db *db, const char *host, const struct kn_host_decision *decision, struct kn_error *err)
{
    int64_t changed = 0;

    if (kn_db_change(db, &DECIDE, KN_ARGS(host, decision->disabled, decision->reason, decision->forced_down), &changed, err) < 0) {
        return -1;
    }
    return changed == 0 ? kn_fail(err, KN_NOT_FOUND, "Could not find binary nova-compute on host %.255s.", host) : 0;
}

static int look(struct kn_db *db, const struct kn_stmt *stmt, const char *name, bool *ret_found, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, stmt, KN_ARGS(name), &rows, err) < 0) {
        return -1;
    }
    *ret_found = kn_rows_bool(rows, 0, 0);
    return 0;
}

int kn_zone_check(struct kn_db *db, const char *zone, struct kn_error *err)
{
    bool found = false;

    if (look(db, &ZONE, zone, &found, err) < 0) {
        return -1;
    }
    return found ? 0 : kn_fail(err, KN_BAD_REQUEST, "The requested availability zone is not available");
}

int kn_host_check(struct kn_db *db, const char *host, struct kn_error *err)
{
    bool found = false;

    if (look(db, &HOST, host, &found, err) < 0) {
        return -1;
    }
    return found ? 0 : kn_fail(err, KN_BAD_REQUEST, "Compute host %.255s could not be found.", host);
}
