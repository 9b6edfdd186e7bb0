/* SPDX-License-Identifier: Apache-2.0 */
/* Promises about hosts, servers and allocations. */
#include "conductor/audit/audit.h"

/* clang-format off */
const struct kn_conductor_promise kn_conductor_promises_compute[] = {
    { "1. a host's use is the sum of its allocations",
      "SELECT format('host %s says %s vcpus, %s MiB, %s GiB, %s servers; its allocations say %s, %s, %s, %s', h.name, h.used_vcpus, "
      "h.used_memory_mib, h.used_disk_gib, h.servers, coalesce(a.v, 0), coalesce(a.m, 0), coalesce(a.d, 0), coalesce(a.n, 0)) FROM host h "
      "LEFT JOIN (SELECT host, sum(vcpus) v, sum(memory_mib) m, sum(disk_gib) d, count(*) n FROM allocation GROUP BY host) a ON a.host = h.name "
      "WHERE (h.used_vcpus, h.used_memory_mib, h.used_disk_gib, h.servers) IS DISTINCT FROM "
      "(coalesce(a.v, 0)::int, coalesce(a.m, 0)::bigint, coalesce(a.d, 0)::bigint, coalesce(a.n, 0)::int)", NULL, NULL },
    { "1. no host holds more than its capacity",
      "SELECT format('host %s holds too much', name) FROM host WHERE used_vcpus::bigint * 100 > vcpus::bigint * cpu_ratio_percent "
      "OR used_memory_mib > memory_mib - reserved_memory_mib OR used_disk_gib > disk_gib", NULL, NULL },
    { "2. no server in a transitional state without an open task",
      "SELECT format('server %s is %s/%s and nobody works on it', s.id, s.vm_state, coalesce(s.task_state, '-')) FROM server s "
      "WHERE s.deleted_at IS NULL AND (s.task_state IS NOT NULL OR s.vm_state = 'building') AND NOT " KN_AUDIT_WORKED_AT("s.id"), NULL, NULL },
    { "3. every server is in a state that there is",
      "SELECT format('server %s is in vm_state \"%s\"', id, vm_state) FROM server WHERE vm_state NOT IN ('building', 'active', 'paused', 'suspended', "
      "'stopped', 'rescued', 'resized', 'error', 'deleted', 'soft-delete', 'shelved', 'shelved_offloaded')", NULL, NULL },
    { "3. a server is deleted exactly when it has the time of it",
      "SELECT format('server %s is %s, deleted at %s', id, vm_state, coalesce(deleted_at::text, '-')) FROM server "
      "WHERE (vm_state = 'deleted') IS DISTINCT FROM (deleted_at IS NOT NULL)", NULL, NULL },
    { "3. a guest's power is what its server's state says",
      "SELECT format('server %s is %s, its power state is %s', s.id, s.vm_state, s.power_state) FROM server s "
      "WHERE s.deleted_at IS NULL AND s.task_state IS NULL AND NOT " KN_AUDIT_MOVING("s.id") " AND (s.power_state NOT IN (0, 1, 3, 4, 6, 7) "
      "OR (s.vm_state, s.power_state) IN (('active', 3), ('active', 4), ('active', 6), ('active', 7), ('stopped', 1), ('stopped', 3), "
      "('paused', 1), ('paused', 4), ('paused', 6), ('paused', 7), ('suspended', 1), ('suspended', 3), ('suspended', 6)))", NULL, NULL },
    { "3. every running server has one host and its allocation there",
      "SELECT format('server %s is %s on host %s, its allocation is on %s', s.id, s.vm_state, coalesce(s.host, '-'), coalesce(a.host, '-')) "
      "FROM server s LEFT JOIN allocation a ON a.server_id = s.id AND a.role = 'home' WHERE s.deleted_at IS NULL "
      "AND s.vm_state IN ('active', 'paused', 'suspended', 'stopped', 'rescued', 'resized') AND NOT " KN_AUDIT_MOVING("s.id") " "
      "AND (s.host IS NULL OR s.host IS DISTINCT FROM a.host)", NULL, NULL },
    { "3. servers and allocations are on hosts that there are, allocations are servers'",
      "SELECT format('server %s is on %s', s.id, s.host) FROM server s WHERE s.host IS NOT NULL AND NOT EXISTS (SELECT 1 FROM host h WHERE h.name = s.host) "
      "UNION ALL SELECT format('an allocation on %s is of server %s', a.host, a.server_id) FROM allocation a "
      "WHERE NOT EXISTS (SELECT 1 FROM host h WHERE h.name = a.host) OR NOT EXISTS (SELECT 1 FROM server s WHERE s.id = a.server_id)", NULL, NULL },
    { "3. the servers of a group stand as its policy says",
      "SELECT format('group %s, %s: %s of its servers are on host %s', g.id, g.policy, count(*), a.host) FROM server_group g JOIN server s ON s.group_id = g.id "
      "JOIN allocation a ON a.server_id = s.id AND a.role = 'home' WHERE g.policy = 'anti-affinity' GROUP BY g.id, a.host "
      "HAVING count(*) > coalesce(g.max_per_host, 1) "
      "UNION ALL SELECT format('group %s, affinity: its servers are on %s hosts', g.id, count(DISTINCT a.host)) FROM server_group g "
      "JOIN server s ON s.group_id = g.id JOIN allocation a ON a.server_id = s.id AND a.role = 'home' WHERE g.policy = 'affinity' GROUP BY g.id "
      "HAVING count(DISTINCT a.host) > 1", NULL, NULL },
    { "3. a server in ERROR that has a host has its allocation",
      "SELECT format('server %s is on host %s without an allocation', s.id, s.host) FROM server s WHERE s.deleted_at IS NULL "
      "AND s.vm_state = 'error' AND s.host IS NOT NULL AND NOT " KN_AUDIT_MOVING("s.id") " "
      "AND NOT EXISTS (SELECT 1 FROM allocation a WHERE a.server_id = s.id AND a.role = 'home')", NULL, NULL },
    { "3. no allocation without a server that holds it",
      "SELECT format('allocation of server %s (%s) on %s as %s', s.id, s.vm_state, a.host, a.role) FROM allocation a JOIN server s ON s.id = a.server_id "
      "WHERE NOT " KN_AUDIT_MOVING("s.id") " AND (a.role <> 'home' OR s.deleted_at IS NOT NULL OR s.host IS NULL OR (s.vm_state = 'error' AND s.host <> a.host))", NULL, NULL },
    { "3. an allocation is as large as its server's flavor",
      "SELECT format('server %s: flavor says %s vcpus, %s MiB, %s GiB; allocation says %s, %s, %s', s.id, s.flavor->>'vcpus', "
      "s.flavor->>'memory_mib', server_local_gib(s.id, s.flavor), a.vcpus, a.memory_mib, a.disk_gib) FROM allocation a JOIN server s ON s.id = a.server_id "
      "WHERE a.role = 'home' AND NOT " KN_AUDIT_MOVING("s.id") " AND (a.vcpus, a.memory_mib, a.disk_gib) IS DISTINCT FROM "
      "((s.flavor->>'vcpus')::int, (s.flavor->>'memory_mib')::bigint, server_local_gib(s.id, s.flavor))", NULL, NULL },
    { "3. an allocation is of its server's generation",
      "SELECT format('server %s is of generation %s, its allocation of %s', s.id, s.generation, a.generation) FROM allocation a "
      "JOIN server s ON s.id = a.server_id WHERE a.role = 'home' AND NOT " KN_AUDIT_MOVING("s.id") " AND s.vm_state <> 'error' AND a.generation <> s.generation", NULL, NULL },
    { "3. what runs or ran was launched",
      "SELECT format('server %s is %s and was never launched', s.id, s.vm_state) FROM server s WHERE s.deleted_at IS NULL AND s.launched_at IS NULL "
      "AND s.vm_state IN ('active', 'paused', 'suspended', 'stopped', 'rescued', 'resized') AND NOT " KN_AUDIT_MOVING("s.id"), NULL, NULL },
    { "3. a server is locked exactly when it is known by whom",
      "SELECT format('server %s is %s by \"%s\"', id, CASE WHEN locked THEN 'locked' ELSE 'not locked' END, coalesce(locked_by, '-')) FROM server "
      "WHERE deleted_at IS NULL AND locked IS DISTINCT FROM (coalesce(locked_by, '-') IN ('owner', 'admin'))", NULL, NULL },
    { NULL, NULL, NULL, NULL },
};
/* clang-format on */
