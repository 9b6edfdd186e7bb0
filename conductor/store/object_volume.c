/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volumes, their snapshots and attachments, as tasks change them. A volume's status follows its attachments (volume_status() in the database): in use while at least one is
 * attached. So that two that end at once do not each see the other's, the volume is held first. A deleted volume gives its usage back in the same transaction.
 */
#include "conductor/store/objects.h"
#include "lib/adapter/batch.h"
#include "lib/adapter/quota.h"

/* The groups that go with the last of their volumes: held, so that of two that end at once one sees that it is the last. */
static const struct kn_stmt HOLD_GROUPS = {
    "conductor_group_hold",
    "SELECT g.id FROM volume_group g WHERE g.id IN (SELECT group_id FROM volume WHERE id = ANY($1::uuid[])) ORDER BY g.id FOR UPDATE",
    1
};
static const struct kn_stmt END_GROUPS = {
    "conductor_group_end",
    "DELETE FROM volume_group g WHERE g.id = ANY($1::uuid[]) AND g.status = 'deleting' AND NOT EXISTS (SELECT FROM volume v WHERE v.group_id = g.id) "
    "RETURNING g.project_id",
    1
};
static const struct kn_stmt DELETE = {
    "conductor_volume_delete",
    "WITH gone AS (DELETE FROM volume WHERE id = ANY($1::uuid[]) RETURNING project_id, size_gib, type_id) "
    "SELECT project_id, type_id, count(*), sum(size_gib) FROM gone GROUP BY project_id, type_id",
    1
};
enum { GONE_PROJECT, GONE_TYPE, GONE_COUNT, GONE_GIB };
/* clang-format off */
static const struct kn_stmt DETACH = { "conductor_attachment_delete", "DELETE FROM attachment WHERE id = ANY($1::uuid[])", 1 };
/* clang-format on */

/* clang-format off */
static const struct kn_stmt HOLD = { "conductor_volume_hold", "SELECT 1 FROM volume WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE", 1 };
/* clang-format on */

/* --- the end of a server ---------------------------------------------------------------------------------------------------- */

static const struct kn_stmt HOLD_OF_SERVERS = {
    "conductor_volume_hold_of_servers",
    "SELECT 1 FROM volume WHERE id IN (SELECT volume_id FROM attachment WHERE server_id = ANY($1::uuid[])) ORDER BY id FOR UPDATE",
    1
};

/* What was not made yet, for the server alone, goes as well, and of what was growing nobody knows how large it is. By volume: of two servers that end at once, both must want it gone. One whose detachment was accepted is wanted by its owner, unless another was to come in its place; one that there are snapshots of stays for them, and a member of a group goes with the group. */
static const struct kn_stmt FREE = {
    "conductor_attachment_free",
    "WITH freed AS (DELETE FROM attachment a USING server s WHERE s.id = a.server_id AND s.id = ANY($1::uuid[]) "
    "RETURNING a.volume_id, s.id AS server, s.user_id, a.delete_on_termination AND (a.status <> 'detaching' OR EXISTS (SELECT FROM attachment n "
    "WHERE n.server_id = a.server_id AND n.device = a.device AND n.status = 'attaching')) AS dies_too), "
    "per AS (SELECT volume_id, bool_and(dies_too) AS dies_too, min(user_id) AS user_id, min(server::text)::uuid AS server FROM freed GROUP BY volume_id) "
    "SELECT volume_id, dies_too, user_id, coalesce((SELECT t.request_id FROM task t WHERE t.object_id = per.server "
    "AND t.kind IN ('server.delete', 'server.create', 'server.boot_volume') ORDER BY t.kind = 'server.delete' DESC, t.id DESC LIMIT 1), 'req-none') FROM per ORDER BY 1",
    1
};
enum { FREE_VOLUME, FREE_REQUEST = 3 };

/* Snapshots that were tasks of the server and came to no end. */
static const struct kn_stmt UNKEPT = {
    "conductor_snapshot_unkept",
    "UPDATE volume_snapshot SET status = 'error', updated_at = now() WHERE status = 'creating' AND id IN "
    "(SELECT (t.input->>'snapshot')::uuid FROM task t WHERE t.object_id = ANY($1::uuid[]) AND t.kind = 'server.snapshot_volume')",
    1
};

/*
 * Snapshots for an image of these servers that is not whole: they go, by a task of their own each. One that somebody makes a volume or a backup of stays: it is his by now; and so does what
 * belongs to an image that is whole already.
 */
static const struct kn_stmt UNNEEDED = {
    "conductor_snapshot_unneeded",
    "WITH mine AS (SELECT s.id, s.project_id, s.user_id, s.volume_id, i.status IN ('active', 'deactivated') OR s.status NOT IN ('creating', 'available', 'error') "
    "OR EXISTS (SELECT FROM volume v WHERE v.status = 'creating' AND v.snapshot_id = s.id) "
    "OR EXISTS (SELECT FROM volume v WHERE v.status = 'reverting' AND v.id = s.volume_id) "
    "OR EXISTS (SELECT FROM volume_backup b WHERE b.status = 'creating' AND b.snapshot_id = s.id) AS stays, "
    "coalesce((SELECT t.request_id FROM task t WHERE t.object_id = i.brought_by AND (t.kind = 'server.delete' OR t.input->>'image' = i.id::text) "
    "ORDER BY t.kind = 'server.delete' DESC, t.id DESC LIMIT 1), 'req-none') AS request "
    "FROM volume_snapshot s JOIN image i ON i.id = s.for_image WHERE i.brought_by = ANY($1::uuid[]) ORDER BY s.id FOR UPDATE OF s) "
    "UPDATE volume_snapshot s SET for_image = NULL, status = CASE WHEN m.stays THEN s.status ELSE 'deleting' END, updated_at = now() FROM mine m WHERE s.id = m.id "
    "RETURNING s.id, m.project_id, m.user_id, m.volume_id, NOT m.stays, m.request",
    1
};
enum { UNNEEDED_ID, UNNEEDED_PROJECT, UNNEEDED_USER, UNNEEDED_VOLUME, UNNEEDED_GOES, UNNEEDED_REQUEST };

static struct kn_batch_stmt DOOM_SNAPSHOTS = {
    "conductor_snapshot_doom",
    "INSERT INTO task (kind, shard, object_id, project_id, user_id, request_id, input) "
    "SELECT 'snapshot.delete', shard, snapshot, project, user_id, request, jsonb_build_object('volume', volume) FROM @",
    { { "snapshot", "uuid" },
      { "shard", "smallint" },
      { "project", "text" },
      { "user_id", "text" },
      { "volume", "text" },
      { "request", "text" } },
    { 0 },
    { 0 },
    false
};

static struct kn_batch_stmt FOLLOW = {
    "conductor_volume_follow",
    "UPDATE volume v SET status = CASE WHEN (u.dies_too OR v.status = 'creating') AND v.group_id IS NULL AND volume_status(v.id) = 'available' "
    "AND NOT EXISTS (SELECT FROM volume_snapshot s WHERE s.volume_id = v.id AND s.status <> 'deleting') THEN 'deleting' "
    "WHEN v.extends_from IS NOT NULL THEN 'error_extending' ELSE volume_status(v.id) END, "
    "updated_at = now() FROM @ WHERE v.id = u.volume RETURNING v.id, v.project_id, u.user_id, u.request, v.status = 'deleting'",
    { { "volume", "uuid" }, { "dies_too", "boolean" }, { "user_id", "text" }, { "request", "text" } },
    { 0 },
    { 0 },
    false
};
enum { FOLLOW_VOLUME, FOLLOW_PROJECT, FOLLOW_USER, FOLLOW_REQUEST, FOLLOW_DIES };

/*
 * What dies with its server: a task of its own for each, written with the server's end, so that it is neither forgotten nor begun too early. Whoever has
 * the volume's shard finds it.
 */
/* clang-format off */
static struct kn_batch_stmt DOOM = { "conductor_volume_doom",
    "INSERT INTO task (kind, shard, object_id, project_id, user_id, request_id) "
    "SELECT 'volume.delete', shard, volume, project, user_id, request FROM @",
    { { "volume", "uuid" }, { "shard", "smallint" }, { "project", "text" }, { "user_id", "text" }, { "request", "text" } }, { 0 }, { 0 }, false };
/* clang-format on */

static void doom(struct kn_batch *batch, const struct kn_rows *rows, int row)
{
    kn_batch_add(batch, kn_rows_text(rows, row, FOLLOW_VOLUME));
    kn_batch_addint(batch, kn_shard_of(kn_rows_text(rows, row, FOLLOW_VOLUME)));
    kn_batch_add(batch, kn_rows_text(rows, row, FOLLOW_PROJECT));
    kn_batch_add(batch, kn_rows_text(rows, row, FOLLOW_USER));
    kn_batch_add(batch, kn_rows_text(rows, row, FOLLOW_REQUEST));
}

static int end_snapshots_of_servers(struct kn_db *db, const char *ids, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_RELEASE(kn_batch) struct kn_batch doomed;

    kn_batch_init(&doomed, &DOOM_SNAPSHOTS);
    if (kn_db_run(db, &UNNEEDED, KN_ARGS(ids), &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        if (kn_rows_bool(rows, i, UNNEEDED_GOES)) {
            kn_batch_add(&doomed, kn_rows_text(rows, i, UNNEEDED_ID));
            kn_batch_addint(&doomed, kn_shard_of(kn_rows_text(rows, i, UNNEEDED_ID)));
            kn_batch_add(&doomed, kn_rows_text(rows, i, UNNEEDED_PROJECT));
            kn_batch_add(&doomed, kn_rows_text(rows, i, UNNEEDED_USER));
            kn_batch_add(&doomed, kn_rows_text(rows, i, UNNEEDED_VOLUME));
            kn_batch_add(&doomed, kn_rows_text(rows, i, UNNEEDED_REQUEST));
        }
    }
    return kn_batch_run(&doomed, db, NULL, err);
}

int kn_conductor_volumes_let_go(struct kn_db *db, const char *server_ids, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *freed = NULL;
    AUTO(kn_rows) struct kn_rows *followed = NULL;
    AUTO_RELEASE(kn_batch) struct kn_batch follow;
    AUTO_RELEASE(kn_batch) struct kn_batch doomed;

    kn_batch_init(&follow, &FOLLOW);
    kn_batch_init(&doomed, &DOOM);
    if (kn_db_run(db, &HOLD_OF_SERVERS, KN_ARGS(server_ids), NULL, err) < 0 ||
        kn_db_run(db, &UNKEPT, KN_ARGS(server_ids), NULL, err) < 0 ||
        kn_conductor_backups_let_go(db, server_ids, err) < 0 || end_snapshots_of_servers(db, server_ids, err) < 0 ||
        kn_db_run(db, &FREE, KN_ARGS(server_ids), &freed, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(freed); i++) {
        for (int col = FREE_VOLUME; col <= FREE_REQUEST; col++) {
            kn_batch_add(&follow, kn_rows_str(freed, i, col));
        }
    }
    if (kn_batch_run(&follow, db, &followed, err) < 0) {
        return -1;
    }
    for (int i = 0; followed != NULL && i < kn_rows_count(followed); i++) {
        if (kn_rows_bool(followed, i, FOLLOW_DIES)) {
            doom(&doomed, followed, i);
        }
    }
    return kn_batch_run(&doomed, db, NULL, err);
}

/* --- records ---------------------------------------------------------------------------------------------------------------- */

/* What is deleted counts in no quota any more: added to what is given back. */
static int end_disks_in(struct kn_db *db, const struct kn_stmt *stmt, enum kn_quota what, const char *ids,
                        struct kn_quota_claims *back, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *gone = NULL;

    if (kn_db_run(db, stmt, KN_ARGS(ids), &gone, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(gone); row++) {
        kn_quota_claim_disks(back, kn_rows_text(gone, row, GONE_PROJECT), what, kn_rows_text(gone, row, GONE_TYPE),
                             -kn_rows_int(gone, row, GONE_COUNT), -kn_rows_int(gone, row, GONE_GIB));
    }
    return 0;
}

static int end_disks(struct kn_db *db, const struct kn_stmt *stmt, enum kn_quota what, const char *ids,
                     struct kn_error *err)
{
    AUTO_RELEASE(kn_quota_claims) struct kn_quota_claims back = KN_QUOTA_CLAIMS("volume");

    return end_disks_in(db, stmt, what, ids, &back, err) < 0 ? -1 : kn_quota_take(db, &back, err);
}

static int end_groups(struct kn_db *db, const struct kn_rows *groups, struct kn_quota_claims *back,
                      struct kn_error *err)
{
    enum { GROUP, ENDED_PROJECT = 0 };
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *ended = NULL;

    for (int row = 0; row < kn_rows_count(groups); row++) {
        kn_array_add(&ids, kn_rows_text(groups, row, GROUP));
    }
    if (ids.count == 0) {
        return 0;
    }
    if (kn_db_run(db, &END_GROUPS, KN_ARGS(kn_array_value(&ids)), &ended, err) < 0) {
        return -1;
    }
    kn_quota_claim_rows(back, ended, ENDED_PROJECT, KN_QUOTA_VOLUME_GROUPS, -1);
    return 0;
}

static int end_volumes(struct kn_db *db, const char *ids, struct kn_error *err)
{
    AUTO_RELEASE(kn_quota_claims) struct kn_quota_claims back = KN_QUOTA_CLAIMS("volume");
    AUTO(kn_rows) struct kn_rows *groups = NULL;

    return kn_db_run(db, &HOLD, KN_ARGS(ids), NULL, err) < 0 ||
                   kn_db_run(db, &HOLD_GROUPS, KN_ARGS(ids), &groups, err) < 0 ||
                   end_disks_in(db, &DELETE, KN_QUOTA_VOLUMES, ids, &back, err) < 0 ||
                   end_groups(db, groups, &back, err) < 0
               ? -1
               : kn_quota_take(db, &back, err);
}

/* clang-format off */
static const struct kn_stmt DELETE_SNAPSHOTS = {
    "conductor_snapshot_delete",
    "WITH gone AS (DELETE FROM volume_snapshot WHERE id = ANY($1::uuid[]) RETURNING project_id, size_gib, type_id) "
    "SELECT project_id, type_id, count(*), sum(size_gib) FROM gone GROUP BY project_id, type_id",
    1
};
/* clang-format on */

static int end_snapshots(struct kn_db *db, const char *ids, struct kn_error *err)
{
    return end_disks(db, &DELETE_SNAPSHOTS, KN_QUOTA_SNAPSHOTS, ids, err);
}

static int end_attachments(struct kn_db *db, const char *ids, struct kn_error *err)
{
    return kn_db_run(db, &DETACH, KN_ARGS(ids), NULL, err);
}

static const struct kn_stmt DELETE_PARTS = {
    "conductor_group_snapshot_parts_delete",
    "WITH gone AS (DELETE FROM volume_snapshot WHERE group_snapshot_id = ANY($1::uuid[]) RETURNING project_id, size_gib, type_id) "
    "SELECT project_id, type_id, count(*), sum(size_gib) FROM gone GROUP BY project_id, type_id",
    1
};
static const struct kn_stmt DELETE_GROUP_SNAPSHOTS = { "conductor_group_snapshot_delete",
                                                       "DELETE FROM volume_group_snapshot WHERE id = ANY($1::uuid[])",
                                                       1 };

static int end_group_snapshots(struct kn_db *db, const char *ids, struct kn_error *err)
{
    AUTO_RELEASE(kn_quota_claims) struct kn_quota_claims back = KN_QUOTA_CLAIMS("volume");

    return end_disks_in(db, &DELETE_PARTS, KN_QUOTA_SNAPSHOTS, ids, &back, err) < 0 ||
                   kn_db_run(db, &DELETE_GROUP_SNAPSHOTS, KN_ARGS(ids), NULL, err) < 0
               ? -1
               : kn_quota_take(db, &back, err);
}

static const struct kn_conductor_becomes GROUP_SNAPSHOT_BROKEN[] = {
    KN_SET(kn_conductor_record_group_snapshot, "status", "error"), KN_BECOMES_END
};

/* Its parts become what it becomes: a trigger's work (volume_group_snapshot_tells). */
const struct kn_conductor_record kn_conductor_record_group_snapshot = {
    .table = "volume_group_snapshot",
    .always = "updated_at = now()",
    .end = end_group_snapshots,
    .broken = GROUP_SNAPSHOT_BROKEN,
    .columns = { { "status", "text", NULL } },
};

static const struct kn_conductor_becomes SNAPSHOT_BROKEN[] = { KN_SET(kn_conductor_record_snapshot, "status", "error"),
                                                               KN_BECOMES_END };

const struct kn_conductor_record kn_conductor_record_snapshot = {
    .table = "volume_snapshot",
    .always = "updated_at = now()",
    .end = end_snapshots,
    .broken = SNAPSHOT_BROKEN,
    .columns = { { "status", "text", NULL } },
};

static const struct kn_conductor_becomes BROKEN[] = { KN_SET(kn_conductor_record_volume, "status", "error"),
                                                      KN_BECOMES_END };

const struct kn_conductor_record kn_conductor_record_volume = {
    .table = "volume",
    .always = "updated_at = now()",
    .end = end_volumes,
    .broken = BROKEN,
    .hold = &HOLD,
    .columns = { { "status", "text", "coalesce(u.status, volume_status(t.id))" }, /* SQL NULL: as its attachments say */
                 { "extends_from", "integer", NULL } },
};

/* What did not grow has its old size, and its owner the rest of his quota. One that did grow is not concerned. */
static int end_growths(struct kn_db *db, const char *ids, struct kn_error *err)
{
    static const struct kn_stmt SHRINK = {
        "conductor_volume_shrink",
        "WITH was AS (SELECT id, size_gib - extends_from AS gib FROM volume WHERE id = ANY($1::uuid[]) AND extends_from IS NOT NULL), "
        "back AS (UPDATE volume v SET size_gib = v.extends_from, extends_from = NULL, status = volume_status(v.id), updated_at = now() "
        "FROM was WHERE was.id = v.id RETURNING v.project_id, v.type_id, was.gib) "
        "SELECT project_id, type_id, 0, sum(gib) FROM back GROUP BY project_id, type_id",
        1
    };

    return end_disks(db, &SHRINK, KN_QUOTA_VOLUMES, ids, err);
}

/* Named by the volume: that it grows. */
const struct kn_conductor_record kn_conductor_record_growth = {
    .table = "volume",
    .name = "volume_growth",
    .end = end_growths,
    .hold = &HOLD,
    .columns = { { "status", "text", NULL } },
};

static int end_volumes_of_servers(struct kn_db *db, const char *ids, struct kn_error *err)
{
    return kn_conductor_volumes_let_go(db, ids, err);
}

/* Named by the server: all volumes of one that did not come up. */
const struct kn_conductor_record kn_conductor_record_server_volumes = {
    .table = "attachment",
    .name = "server_volumes",
    .end = end_volumes_of_servers,
    .columns = { { "status", "text", NULL } },
};

/* Named by the server. */
const struct kn_conductor_record kn_conductor_record_server_snapshots = {
    .table = "volume_snapshot",
    .name = "server_snapshots",
    .end = end_snapshots_of_servers,
    .columns = { { "status", "text", NULL } },
};

const struct kn_conductor_record kn_conductor_record_attachment = {
    .table = "attachment",
    .end = end_attachments,
    .columns = {
        { "status", "text", NULL },
        { "device", "text", NULL },
        { "connection", "jsonb", NULL },
        { "boot_index", "smallint", NULL },
        { "attached_at", "timestamptz", "coalesce(t.attached_at, u.attached_at)" }, /* the first time stays */
    },
};

static int end_attachments_unused(struct kn_db *db, const char *ids, struct kn_error *err)
{
    static const struct kn_stmt UNUSED = {
        "conductor_attachment_unused",
        "WITH gone AS (DELETE FROM attachment WHERE id = ANY($1::uuid[]) AND status <> 'attached' RETURNING *) "
        "UPDATE attachment n SET delete_on_termination = gone.delete_on_termination FROM gone WHERE gone.status = 'detaching' "
        "AND n.server_id = gone.server_id AND n.device = gone.device AND n.status = 'attaching' AND n.id <> gone.id",
        1
    };

    return kn_db_run(db, &UNUSED, KN_ARGS(ids), NULL, err);
}

/* Of two that change places (one device has both): before what the other becomes is written. The other dies with its server if the one would have by now, whatever the wish knew of it. */
const struct kn_conductor_record kn_conductor_record_attachment_unused = {
    .table = "attachment",
    .name = "attachment_unused",
    .end = end_attachments_unused,
    .columns = { { "status", "text", NULL } },
};
