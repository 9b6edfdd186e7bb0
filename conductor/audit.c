/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The promises that PostgreSQL alone can judge: one statement each, whose every row is a finding in words. Comparisons with hosts stand in
 * audit_hosts.c. Nothing here repairs: what is found is for people.
 */
#include "conductor/audit.h"

#include <string.h>

#include "lib/base/mem.h"

#define OPEN_TASK(object) "EXISTS (SELECT 1 FROM task t WHERE t.object_id = " object " AND t.state IN ('run', 'undo'))"

static const struct {
    const char *promise;
    const char *sql;
} PROMISES[] = {
    { "1. a host's use is the sum of its allocations",
      "SELECT format('host %s says %s vcpus, %s MiB, %s GiB, %s servers; its allocations say %s, %s, %s, %s', h.name, h.used_vcpus, "
      "h.used_memory_mib, h.used_disk_gib, h.servers, coalesce(a.v, 0), coalesce(a.m, 0), coalesce(a.d, 0), coalesce(a.n, 0)) FROM host h "
      "LEFT JOIN (SELECT host, sum(vcpus) v, sum(memory_mib) m, sum(disk_gib) d, count(*) n FROM allocation GROUP BY host) a ON a.host = h.name "
      "WHERE (h.used_vcpus, h.used_memory_mib, h.used_disk_gib, h.servers) IS DISTINCT FROM "
      "(coalesce(a.v, 0)::int, coalesce(a.m, 0)::bigint, coalesce(a.d, 0)::bigint, coalesce(a.n, 0)::int)" },
    { "1. no host holds more than its capacity",
      "SELECT format('host %s holds too much', name) FROM host WHERE used_vcpus::bigint * 100 > vcpus::bigint * cpu_ratio_percent "
      "OR used_memory_mib > memory_mib - reserved_memory_mib OR used_disk_gib > disk_gib" },
    { "2. no server in a transitional state without an open task",
      "SELECT format('server %s is %s/%s and nobody works on it', s.id, s.vm_state, coalesce(s.task_state, '-')) FROM server s "
      "WHERE s.deleted_at IS NULL AND (s.task_state IS NOT NULL OR s.vm_state = 'building') AND NOT " OPEN_TASK("s.id") },
    { "2. no volume in a transitional state without an open task",
      "SELECT format('volume %s is %s and nobody works on it', v.id, v.status) FROM volume v LEFT JOIN attachment a ON a.volume_id = v.id "
      "WHERE v.status IN ('creating', 'deleting', 'attaching', 'detaching') AND NOT " OPEN_TASK("v.id") " AND NOT " OPEN_TASK("a.server_id") },
    { "2. no image is importing without an open task",
      "SELECT format('image %s is importing and nobody works on it', i.id) FROM image i WHERE i.status = 'importing' "
      "AND i.deleted_at IS NULL AND NOT " OPEN_TASK("i.id") },
    { "2. no open task more than a minute past its deadline",
      "SELECT format('task %s (%s of %s) should have ended its step at %s', id, kind, object_id, deadline) FROM task "
      "WHERE state IN ('run', 'undo') AND deadline < now() - interval '1 minute'" },
    { "3. every running server has one host and its allocation there",
      "SELECT format('server %s is %s on host %s, its allocation is on %s', s.id, s.vm_state, coalesce(s.host, '-'), coalesce(a.host, '-')) "
      "FROM server s LEFT JOIN allocation a ON a.server_id = s.id WHERE s.deleted_at IS NULL "
      "AND s.vm_state IN ('active', 'paused', 'suspended', 'stopped', 'rescued', 'resized') AND NOT " OPEN_TASK("s.id")
      " AND (s.host IS NULL OR s.host IS DISTINCT FROM a.host)" },
    { "3. no allocation without a server that holds it",
      "SELECT format('allocation of server %s (%s) on %s', s.id, s.vm_state, a.host) FROM allocation a JOIN server s ON s.id = a.server_id "
      "WHERE NOT " OPEN_TASK("s.id") " AND (s.deleted_at IS NOT NULL OR s.host IS DISTINCT FROM a.host)" },
    { "4. every bound port belongs to a server or to the network itself",
      "SELECT format('port %s is bound to %s for %s \"%s\"', p.id, p.host, p.device_owner, p.device_id) FROM port p "
      "WHERE p.host IS NOT NULL AND p.device_owner NOT LIKE 'network:%' AND NOT EXISTS "
      "(SELECT 1 FROM server s WHERE s.id::text = p.device_id AND s.deleted_at IS NULL)" },
    { "4. no port outlives the server that it was made for",
      "SELECT format('port %s of server %s', p.id, p.device_id) FROM port p WHERE p.made_for_server AND NOT EXISTS "
      "(SELECT 1 FROM server s WHERE s.id::text = p.device_id AND (s.deleted_at IS NULL OR " OPEN_TASK("s.id") "))" },
    { "4. every address lies in its subnet",
      "SELECT format('address %s of port %s is not in %s', a.ip, a.port_id, s.cidr) FROM address a JOIN subnet s ON s.id = a.subnet_id "
      "WHERE NOT a.ip <<= s.cidr" },
    { "5. a volume in use has its attachment, any other has none",
      "SELECT format('volume %s is %s, its attachment is %s', v.id, v.status, coalesce(a.status, 'absent')) FROM volume v "
      "LEFT JOIN attachment a ON a.volume_id = v.id WHERE (v.status = 'in-use') IS DISTINCT FROM (a.status = 'attached') "
      "AND NOT (a.id IS NULL AND v.status <> 'in-use') AND NOT " OPEN_TASK("a.server_id") },
    { "5. no attachment to a server that is gone",
      "SELECT format('volume %s is attached to the deleted server %s', a.volume_id, s.id) FROM attachment a JOIN server s ON s.id = a.server_id "
      "WHERE s.deleted_at IS NOT NULL AND NOT " OPEN_TASK("s.id") },
    { "6. compute usage is what exists",
      "SELECT format('project %s: usage says %s servers, %s cores, %s MiB; there are %s, %s, %s', coalesce(u.project_id, s.project_id), "
      "u.instances, u.cores, u.ram_mib, coalesce(s.n, 0), coalesce(s.c, 0), coalesce(s.m, 0)) FROM compute_usage u FULL JOIN "
      "(SELECT project_id, count(*) n, sum((flavor->>'vcpus')::int) c, sum((flavor->>'memory_mib')::bigint) m FROM server "
      "WHERE deleted_at IS NULL GROUP BY project_id) s ON s.project_id = u.project_id WHERE (coalesce(u.instances, 0), coalesce(u.cores, 0), "
      "coalesce(u.ram_mib, 0)) IS DISTINCT FROM (coalesce(s.n, 0)::int, coalesce(s.c, 0)::int, coalesce(s.m, 0)::bigint)" },
    { "6. volume usage is what exists",
      "SELECT format('project %s: usage says %s volumes, %s GiB; there are %s, %s', coalesce(u.project_id, v.project_id), u.volumes, "
      "u.gigabytes, coalesce(v.n, 0), coalesce(v.g, 0)) FROM volume_usage u FULL JOIN (SELECT project_id, count(*) n, sum(size_gib) g "
      "FROM volume GROUP BY project_id) v ON v.project_id = u.project_id WHERE (coalesce(u.volumes, 0), coalesce(u.gigabytes, 0)) "
      "IS DISTINCT FROM (coalesce(v.n, 0)::int, coalesce(v.g, 0)::bigint)" },
    { "7. passwords are argon2id hashes",
      "SELECT format('user %s', id) FROM identity_user WHERE password_hash IS NOT NULL AND password_hash NOT LIKE '$argon2id$%'" },
    { "7. no password travels through a task",
      "SELECT format('task %s', id) FROM task WHERE input::text ~* '\"(admin_?pass|password|token)\"' OR context::text ~* '\"(admin_?pass|password|token)\"'" },
    { "8. no enabled project stands below a disabled one",
      "SELECT format('project %s is enabled, its parent %s is not', p.id, up.id) FROM project p JOIN project up ON up.id = p.parent_id "
      "WHERE p.enabled AND NOT up.enabled" },
};

void kn_audit_say_list(struct kn_audit *audit, const char *promise, const json_t *findings)
{
    size_t n = json_array_size(findings);

    audit->promises++;
    audit->broken += n > 0 ? 1 : 0;
    fprintf(audit->out, "%-6s %s\n", n == 0 ? "ok" : "BROKEN", promise);
    for (size_t i = 0; i < n && i < 10; i++) {
        fprintf(audit->out, "         %s\n", json_string_value(json_array_get(findings, i)));
    }
    if (n > 10) {
        fprintf(audit->out, "         … and %zu more\n", n - 10);
    }
}

void kn_audit_say(struct kn_audit *audit, const char *promise, const struct kn_rows *findings)
{
    json_t *list = json_array();

    for (int i = 0; i < kn_rows_count(findings); i++) {
        json_array_append_new(list, json_string(kn_rows_text(findings, i, 0)));
    }
    kn_audit_say_list(audit, promise, list);
    json_decref(list);
}

int kn_audit_database(struct kn_audit *audit, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };

    /* One snapshot for all: a promise is judged on one moment. */
    if (kn_tx_begin(&tx, audit->db, err) < 0 ||
        kn_db_script(audit->db, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < KN_COUNT(PROMISES); i++) {
        AUTO(kn_rows) struct kn_rows *rows = NULL;

        if (kn_db_query(audit->db, PROMISES[i].sql, 0, KN_NO_ARGS, &rows, err) < 0) {
            return kn_fail_context(err, "promise %s", PROMISES[i].promise);
        }
        kn_audit_say(audit, PROMISES[i].promise, rows);
    }
    return kn_tx_commit(&tx, err);
}
