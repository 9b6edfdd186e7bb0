/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Servers, as tasks see and change them. Every statement takes many rows at once; the API's own statements on servers are in
 * compute/rows/. A deleted server gives its usage back in the same transaction: quota usage = what exists.
 */
#include "conductor/flows/bodies.h"
#include "conductor/store/change.h"
#include "lib/adapter/batch.h"

static const struct kn_stmt LOAD = { "conductor_server_load",
    "SELECT s.id, json_build_object('generation', s.generation, 'host', s.host, 'agent', h.agent_id, 'zone', s.zone, "
    "'name', s.name, 'hostname', s.hostname, 'project', s.project_id, 'user', s.user_id, "
    "'flavor', s.flavor->'name', 'vcpus', s.flavor->'vcpus', 'memory_mib', s.flavor->'memory_mib', 'disk_gib', s.flavor->'disk_gib', "
    "'image_id', s.image_id, 'key_name', s.key_name, 'key_data', s.key_data, 'user_data', s.user_data, "
    "'metadata', s.metadata, 'nics', s.nics, "
    "'created_at', to_char(s.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), "
    "'volumes', (SELECT coalesce(json_agg(json_build_object('volume', a.volume_id, 'attachment', a.id, 'device', a.device, "
    "'status', a.status, 'connection', a.connection) ORDER BY a.created_at), '[]') FROM attachment a WHERE a.server_id = s.id)) "
    "FROM server s LEFT JOIN host h ON h.name = s.host WHERE s.id = ANY($1::uuid[])", 1 };

/* Above what a move that it ends has claimed for its destination, too. */
static const struct kn_stmt BUMP = { "conductor_server_bump",
    "UPDATE server s SET generation = greatest(s.generation, (SELECT max((t.dest->>'generation')::bigint) FROM task t "
    "WHERE t.object_id = s.id AND t.dest IS NOT NULL)) + 1 WHERE s.id = ANY($1::uuid[])", 1 };

static const struct kn_stmt DELETE = { "conductor_server_delete",
    "WITH gone AS (UPDATE server SET deleted_at = now(), terminated_at = now(), updated_at = now(), vm_state = 'deleted', "
    "task_state = NULL, power_state = 0, host = NULL, user_data = NULL, key_data = NULL "
    "WHERE id = ANY($1::uuid[]) AND deleted_at IS NULL "
    "RETURNING id, project_id, user_id, (flavor->>'vcpus')::int AS vcpus, (flavor->>'memory_mib')::bigint AS memory_mib), "
    "freed AS (DELETE FROM attachment a USING gone WHERE a.server_id = gone.id "
    "RETURNING a.volume_id, a.server_id, gone.user_id, a.delete_on_termination AND a.status <> 'detaching' AS dies_too), "
    "free AS (UPDATE volume SET status = CASE WHEN dies_too THEN 'deleting' ELSE 'available' END, updated_at = now() "
    "FROM freed WHERE volume.id = freed.volume_id RETURNING volume.id, volume.project_id, freed.server_id, freed.user_id, freed.dies_too) "
    "SELECT project_id, count(*), sum(vcpus), sum(memory_mib), NULL::uuid, NULL, NULL FROM gone GROUP BY project_id "
    "UNION ALL SELECT project_id, NULL, NULL, NULL, id, user_id, (SELECT t.request_id FROM task t WHERE t.object_id = free.server_id "
    "AND t.kind = 'server.delete' ORDER BY t.id DESC LIMIT 1) FROM free WHERE dies_too ORDER BY 1", 1 };
enum gone_column { GONE_PROJECT, GONE_COUNT, GONE_VCPUS, GONE_MEMORY, GONE_VOLUME, GONE_USER, GONE_REQUEST };

/*
 * What dies with its server: a task of its own for each, written with the server's end, so that it is neither forgotten nor begun too early. Whoever has
 * the volume's shard finds it.
 */
static struct kn_batch_stmt DOOM = { "conductor_volume_doom",
    "INSERT INTO task (kind, shard, object_id, project_id, user_id, request_id) "
    "SELECT 'volume.delete', shard, volume, project, user_id, request FROM @",
    { { "volume", "uuid" }, { "shard", "smallint" }, { "project", "text" }, { "user_id", "text" }, { "request", "text" } }, { 0 }, { 0 }, false };

static struct kn_batch_stmt GIVE_BACK = { "conductor_usage_give_back",
    "UPDATE compute_usage c SET instances = c.instances - u.instances, cores = c.cores - u.cores, "
    "ram_mib = c.ram_mib - u.ram_mib FROM @ WHERE c.project_id = u.project_id",
    { { "project_id", "text" }, { "instances", "bigint" }, { "cores", "bigint" }, { "ram_mib", "bigint" } }, { 0 }, { 0 }, false };

static void doom(struct kn_batch *batch, const struct kn_rows *gone, int row)
{
    const char *request = kn_rows_str(gone, row, GONE_REQUEST);

    kn_batch_add(batch, kn_rows_text(gone, row, GONE_VOLUME));
    kn_batch_addint(batch, kn_shard_of(kn_rows_text(gone, row, GONE_VOLUME)));
    kn_batch_add(batch, kn_rows_text(gone, row, GONE_PROJECT));
    kn_batch_add(batch, kn_rows_text(gone, row, GONE_USER));
    kn_batch_add(batch, request == NULL ? "req-none" : request);
}

static int end_servers(struct kn_db *db, const char *ids, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *gone = NULL;
    AUTO_RELEASE(kn_batch) struct kn_batch usage;
    AUTO_RELEASE(kn_batch) struct kn_batch doomed;

    kn_batch_init(&usage, &GIVE_BACK);
    kn_batch_init(&doomed, &DOOM);
    if (kn_db_run(db, &DELETE, KN_ARGS(ids), &gone, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(gone); i++) {
        if (!kn_rows_null(gone, i, GONE_VOLUME)) {
            doom(&doomed, gone, i);
            continue;
        }
        for (int col = GONE_PROJECT; col <= GONE_MEMORY; col++) {
            kn_batch_add(&usage, kn_rows_str(gone, i, col));
        }
    }
    return kn_batch_run(&usage, db, NULL, err) < 0 ? -1 : kn_batch_run(&doomed, db, NULL, err);
}

static const struct kn_becomes BROKEN[] = {
    KN_SET(kn_record_server, "vm_state", "error"),
    KN_SET(kn_record_server, "task_state", NULL),
    KN_SET_MADE(kn_record_server, "fault", kn_fault_of),
    KN_BECOMES_END,
};

const struct kn_record kn_record_server = {
    .table = "server",
    .load = &LOAD,
    .bump = &BUMP,
    .guard = "t.vm_state <> 'deleted'",
    .always = "updated_at = now()",
    .end = end_servers,
    .broken = BROKEN,
    .columns = {
        { "generation", "bigint", "greatest(t.generation, u.generation)" },
        { "host", "text", NULL },
        { "zone", "text", NULL },
        { "nics", "jsonb", NULL },
        { "vm_state", "text", NULL },
        { "task_state", "text", NULL },
        { "power_state", "smallint", NULL },
        { "launched_at", "timestamptz", "coalesce(t.launched_at, u.launched_at)" }, /* the first time stays */
        { "fault", "jsonb", "u.fault || jsonb_build_object('created', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'))" },
    },
};
