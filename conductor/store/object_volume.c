/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes and attachments, as tasks change them. A deleted volume gives its usage back in the same statement. */
#include "conductor/store/change.h"

static const struct kn_stmt DELETE = { "conductor_volume_delete",
    "WITH gone AS (DELETE FROM volume WHERE id = ANY($1::uuid[]) RETURNING project_id, size_gib), "
    "sums AS (SELECT project_id, count(*) AS volumes, sum(size_gib) AS gigabytes FROM gone GROUP BY project_id) "
    "UPDATE volume_usage v SET volumes = v.volumes - sums.volumes, gigabytes = v.gigabytes - sums.gigabytes FROM sums "
    "WHERE v.project_id = sums.project_id", 1 };
static const struct kn_stmt DETACH = { "conductor_attachment_delete", "DELETE FROM attachment WHERE id = ANY($1::uuid[])", 1 };

static int end_volumes(struct kn_db *db, const char *ids, struct kn_error *err)
{
    return kn_db_run(db, &DELETE, KN_ARGS(ids), NULL, err);
}

static int end_attachments(struct kn_db *db, const char *ids, struct kn_error *err)
{
    return kn_db_run(db, &DETACH, KN_ARGS(ids), NULL, err);
}

static const struct kn_becomes BROKEN[] = { KN_SET(kn_record_volume, "status", "error"), KN_BECOMES_END };

const struct kn_record kn_record_volume = {
    .table = "volume",
    .always = "updated_at = now()",
    .end = end_volumes,
    .broken = BROKEN,
    .columns = { { "status", "text", NULL } },
};

const struct kn_record kn_record_attachment = {
    .table = "attachment",
    .end = end_attachments,
    .columns = {
        { "status", "text", NULL },
        { "device", "text", NULL },
        { "connection", "jsonb", NULL },
        { "attached_at", "timestamptz", "coalesce(t.attached_at, u.attached_at)" }, /* the first time stays */
    },
};
