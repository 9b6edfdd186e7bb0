/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Servers, as tasks see and change them. Every statement takes many rows at once; the API's own statements on servers are in
 * compute/rows/. A deleted server gives its usage back in the same transaction: quota usage = what exists.
 */
#include "conductor/flows/bodies.h"
#include "conductor/store/change.h"
#include "conductor/store/objects.h"
#include "lib/adapter/batch.h"
#include "lib/adapter/quota.h"

static const struct kn_conductor_knowledge KNOWS[] = {
    { "generation", "t.generation" },
    { "host", "t.host" },
    { "agent", "h.agent_id" },
    { "vm_state", "t.vm_state" },
    { "zone", "t.zone" },
    { "name", "t.name" },
    { "hostname", "t.hostname" },
    { "project", "t.project_id" },
    { "user", "t.user_id" },
    { "flavor", "t.flavor->'name'" },
    { "vcpus", "t.flavor->'vcpus'" },
    { "memory_mib", "t.flavor->'memory_mib'" },
    { "disk_gib", "t.flavor->'disk_gib'" },
    { "disks", "t.disks" },
    { "machine", "t.machine" },
    { "local_gib", "server_local_gib(t.id, t.flavor)" },
    { "image_id", "t.image_id" },
    { "shelved_image", "t.shelved_image" },
    { "key_name", "t.key_name" },
    { "public_key", "t.key_data" },
    { "user_data", "t.user_data" },
    { "files", "t.files" },
    { "config_drive", "nullif(t.config_drive, false)" },
    { "metadata", "t.metadata" },
    { "nics", "t.nics" },
    { "created_at", "to_char(t.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')" },
    { "volumes",
      "(SELECT coalesce(json_agg(json_build_object('volume', a.volume_id, 'device', a.device, 'status', a.status, "
      "'connection', a.connection, 'tag', a.tag, 'boot', a.boot_index) ORDER BY a.created_at), '[]') FROM attachment a WHERE a.server_id = t.id)" },
    { NULL, NULL },
};

/* Above what a move that it ends has claimed for its destination, too. */
static const struct kn_stmt BUMP = {
    "conductor_server_bump",
    "UPDATE server s SET generation = greatest(s.generation, (SELECT max((t.dest->>'generation')::bigint) FROM task t "
    "WHERE t.object_id = s.id AND t.dest IS NOT NULL)) + 1 WHERE s.id = ANY($1::uuid[])",
    1
};

static const struct kn_stmt DELETE = {
    "conductor_server_delete",
    "WITH gone AS (UPDATE server SET deleted_at = now(), terminated_at = now(), updated_at = now(), vm_state = 'deleted', "
    "task_state = NULL, power_state = 0, host = NULL, user_data = NULL, files = NULL, key_data = NULL, group_ids = NULL "
    "WHERE id = ANY($1::uuid[]) AND deleted_at IS NULL "
    "RETURNING id, project_id, user_id, soft_deleted_at IS NULL AS counts, (flavor->>'vcpus')::int AS vcpus, (flavor->>'memory_mib')::bigint AS memory_mib) "
    "SELECT project_id, count(*) FILTER (WHERE counts), coalesce(sum(vcpus) FILTER (WHERE counts), 0), "
    "coalesce(sum(memory_mib) FILTER (WHERE counts), 0), sum((SELECT count(*) FROM attachment a WHERE a.server_id = gone.id)) "
    "FROM gone GROUP BY project_id ORDER BY 1",
    1
};
enum gone_column { GONE_PROJECT, GONE_COUNT, GONE_VCPUS, GONE_MEMORY, GONE_ATTACHED };

static int end_servers(struct kn_db *db, const char *ids, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *gone = NULL;
    AUTO_RELEASE(kn_quota_claims) struct kn_quota_claims back = KN_QUOTA_CLAIMS("compute");
    bool attached = false;

    if (kn_db_run(db, &DELETE, KN_ARGS(ids), &gone, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(gone); i++) {
        attached = attached || kn_rows_int(gone, i, GONE_ATTACHED) > 0;
        kn_quota_claim(&back, kn_rows_text(gone, i, GONE_PROJECT), KN_QUOTA_INSTANCES,
                       -kn_rows_int(gone, i, GONE_COUNT));
        kn_quota_claim(&back, kn_rows_text(gone, i, GONE_PROJECT), KN_QUOTA_CORES, -kn_rows_int(gone, i, GONE_VCPUS));
        kn_quota_claim(&back, kn_rows_text(gone, i, GONE_PROJECT), KN_QUOTA_RAM, -kn_rows_int(gone, i, GONE_MEMORY));
    }
    return attached && kn_conductor_volumes_let_go(db, ids, err) < 0 ? -1 : kn_quota_take(db, &back, err);
}

static const struct kn_conductor_becomes BROKEN[] = {
    KN_SET(kn_conductor_record_server, "vm_state", "error"),
    KN_SET(kn_conductor_record_server, "task_state", NULL),
    KN_SET_MADE(kn_conductor_record_server, "fault", kn_conductor_fault_of),
    KN_BECOMES_END,
};

const struct kn_conductor_record kn_conductor_record_server = {
    .table = "server",
    .knows = KNOWS,
    .from = "server t LEFT JOIN host h ON h.name = t.host",
    .bump = &BUMP,
    .guard = "t.vm_state <> 'deleted'",
    .always = "updated_at = now()",
    .end = end_servers,
    .broken = BROKEN,
    .columns = {
        { "generation", "bigint", "greatest(t.generation, u.generation)" },
        { "host", "text", NULL },
        { "zone", "text", NULL },
        { "nics", "json", NULL },
        { "group_ids", "text", "CASE WHEN u.group_ids IS NULL THEN NULL ELSE coalesce(t.group_ids, translate(u.group_ids, '[]\"', '{}')::uuid[]) END" }, /* who changed them since stays */
        { "vm_state", "text", NULL },
        { "task_state", "text", NULL },
        { "power_state", "smallint", NULL },
        { "shelved_image", "uuid", NULL },
        { "shelved_at", "timestamptz", NULL },
        { "launched_at", "timestamptz", "coalesce(t.launched_at, u.launched_at)" }, /* the first time stays */
        { "fault", "jsonb", "u.fault || jsonb_build_object('created', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'))" },
    },
};
