/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Promises about tasks, shards and services. Ages are generous: a busy cloud has a backlog, a task behind another one of its object waits for it,
 * and an import may take hours.
 */
#include "conductor/audit/audit.h"
#include "conductor/flows/flow.h"
#include "lib/base/uuid.h"

static const char *task_kinds(struct kn_array *array)
{
    for (int t = 0; kn_conductor_flow_tables[t] != NULL; t++) {
        for (const struct kn_conductor_flow *flow = kn_conductor_flow_tables[t]; flow->kind != NULL; flow++) {
            kn_array_add(array, flow->kind);
        }
    }
    return kn_array_value(array);
}

static bool is_misplaced(const struct kn_rows *rows, int row)
{
    enum { SHARD = KN_FINDING_MORE, OBJECT };

    return kn_rows_int(rows, row, SHARD) != kn_shard_of(kn_rows_text(rows, row, OBJECT));
}

static bool task_is_beyond(const struct kn_rows *rows, int row)
{
    enum { KIND = KN_FINDING_MORE, STEP };
    const struct kn_conductor_flow *flow = kn_conductor_flow(kn_rows_text(rows, row, KIND));
    const int64_t step = kn_rows_int(rows, row, STEP);

    return flow != NULL && (step < 0 || step >= flow->row_count);
}

const struct kn_conductor_promise kn_conductor_promises_task[] = {
    { "2. no open task more than a minute past its deadline",
      "SELECT format('task %s (%s of %s) should have ended its step at %s', id, kind, object_id, deadline) FROM task "
      "WHERE state IN ('run', 'undo') AND deadline < now() - interval '1 minute'",
      NULL, NULL },
    { "2. every open task that has moved has a deadline",
      "SELECT format('task %s (%s of %s) is at step %s without a deadline', id, kind, object_id, step) FROM task "
      "WHERE state IN ('run', 'undo') AND deadline IS NULL AND (step > 0 OR attempt > 1 OR state = 'undo')",
      NULL, NULL },
    { "2. every open task is of a kind that there is",
      "SELECT format('task %s is \"%s\"', id, kind) FROM task WHERE state IN ('run', 'undo') AND kind <> ALL ($1::text[])",
      task_kinds, NULL },
    { "2. every open task is at a step of its kind",
      "SELECT format('task %s (%s of %s) is at step %s', id, kind, object_id, step), kind, step FROM task WHERE state IN ('run', 'undo')",
      NULL, task_is_beyond },
    { "2. every open task is in its object's shard",
      "SELECT format('task %s (%s of %s) is in shard %s', id, kind, object_id, shard), shard, object_id FROM task "
      "WHERE state IN ('run', 'undo')",
      NULL, is_misplaced },
    { "2. every task has ended exactly when it has the time of it",
      "SELECT format('task %s (%s) is %s, finished at %s', id, kind, state, coalesce(finished_at::text, '-')) FROM task "
      "WHERE (state IN ('done', 'failed')) IS DISTINCT FROM (finished_at IS NOT NULL)",
      NULL, NULL },
    { "2. while every service is up, tasks get on",
      "SELECT format('task %s (%s of %s) is at step %s, attempt %s, since %s', t.id, t.kind, t.object_id, t.step, t.attempt, t.created_at) FROM task t "
      "LEFT JOIN server s ON s.id = t.object_id "
      "WHERE t.state IN ('run', 'undo') AND t.kind <> 'image.import' AND t.created_at < now() - interval '20 minutes' "
      "AND NOT EXISTS (SELECT 1 FROM task o WHERE o.object_id = t.object_id AND o.id < t.id AND o.state IN ('run', 'undo')) "
      "AND NOT EXISTS (SELECT 1 FROM host h JOIN agent g ON g.id = h.agent_id WHERE h.name IN (coalesce(t.home->>'host', s.host), t.dest->>'host') "
      "AND g.last_seen <= now() - interval '1 minute') "
      "AND EXISTS (SELECT 1 FROM service) AND NOT EXISTS (SELECT 1 FROM service GROUP BY binary_name "
      "HAVING max(last_seen) < now() - interval '1 minute')",
      NULL, NULL },
    { "2. every service that lives gets on",
      "SELECT format('%s is stuck since %s: %s', id, stuck_since, stuck) FROM service "
      "WHERE last_seen > now() - interval '1 minute' AND stuck_since < now() - interval '1 minute'",
      NULL, NULL },
    { "2. what failed was taken back",
      "SELECT format('task %s (%s of %s) left behind: %s', t.id, t.kind, t.object_id, t.context->'not_undone') FROM task t "
      "WHERE t.state = 'failed' AND t.context ? 'not_undone' AND (EXISTS (SELECT 1 FROM server s WHERE s.id = t.object_id AND s.deleted_at IS NULL) "
      "OR EXISTS (SELECT 1 FROM volume v WHERE v.id = t.object_id) OR EXISTS (SELECT 1 FROM volume_backup b WHERE b.id = t.object_id)) "
      "AND NOT EXISTS (SELECT 1 FROM task o WHERE o.object_id = t.object_id AND o.id > t.id AND o.state = 'done' AND o.kind LIKE '%.delete')",
      NULL, NULL },
    { "2. every shard is there",
      "SELECT format('shard %s is missing', n) FROM generate_series(0, 15) n WHERE NOT EXISTS (SELECT 1 FROM shard WHERE id = n)",
      NULL, NULL },
    { "2. every leased shard is leased by a living conductor",
      "SELECT format('shard %s is leased by %s, which does not live', h.id, h.owner) FROM shard h "
      "WHERE h.owner IS NOT NULL AND h.lease_until > now() AND NOT EXISTS (SELECT 1 FROM service s WHERE s.binary_name = 'kilonova-conductor' "
      "AND s.last_seen > now() - interval '1 minute' AND (s.host = h.owner OR strpos(h.owner, s.boot) > 0))",
      NULL, NULL },
    { "2. every shard in which tasks wait is leased",
      "SELECT format('shard %s is leased by nobody since %s, %s tasks wait in it', h.id, h.lease_until, count(*)) FROM shard h "
      "JOIN task t ON t.shard = h.id AND t.state IN ('run', 'undo') AND t.created_at < now() - interval '1 minute' "
      "WHERE h.owner IS NULL OR h.lease_until < now() - interval '1 minute' GROUP BY h.id, h.lease_until",
      NULL, NULL },
    { NULL, NULL, NULL, NULL },
};
