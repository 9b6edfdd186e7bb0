/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volumes and attachments, as tasks change them. Rare beside servers, so each change is a statement of its own. A deleted volume gives
 * its usage back in the same statement.
 */
#include "conductor/store/objects.h"

static const struct kn_stmt STATUS = { "conductor_volume_status",
    "UPDATE volume SET status = coalesce($2, status), updated_at = now() WHERE id = $1::uuid", 2 };
static const struct kn_stmt DELETE = { "conductor_volume_delete",
    "WITH gone AS (DELETE FROM volume WHERE id = $1::uuid RETURNING project_id, size_gib) "
    "UPDATE volume_usage v SET volumes = v.volumes - 1, gigabytes = v.gigabytes - gone.size_gib FROM gone "
    "WHERE v.project_id = gone.project_id", 1 };
static const struct kn_stmt ATTACHMENT = { "conductor_attachment_write",
    "UPDATE attachment SET status = coalesce($2, status), device = coalesce($3, device), "
    "connection = coalesce($4::jsonb, connection), "
    "attached_at = CASE WHEN $2 = 'attached' THEN coalesce(attached_at, now()) ELSE attached_at END WHERE id = $1::uuid", 4 };
static const struct kn_stmt DETACH = { "conductor_attachment_delete", "DELETE FROM attachment WHERE id = $1::uuid", 1 };

static int write_attachment(struct kn_db *db, const struct kn_volume_change *change, struct kn_error *err)
{
    AUTO_FREE char *connection = change->connection == NULL ? NULL : json_dumps(change->connection, JSON_COMPACT);

    if (change->attachment == NULL) {
        return 0;
    }
    if (change->detached) {
        return kn_db_run(db, &DETACH, KN_ARGS(change->attachment), NULL, err);
    }
    return kn_db_run(db, &ATTACHMENT,
                     KN_ARGS(change->attachment, change->attachment_status, change->device, connection), NULL, err);
}

static int write_volume(struct kn_db *db, const struct kn_volume_change *change, struct kn_error *err)
{
    if (change->deleted) {
        return kn_db_run(db, &DELETE, KN_ARGS(change->volume), NULL, err);
    }
    return kn_db_run(db, &STATUS, KN_ARGS(change->volume, change->status), NULL, err);
}

int kn_volume_write(struct kn_db *db, const struct kn_object_change *changes, int count, struct kn_error *err)
{
    for (int i = 0; i < count; i++) {
        const struct kn_volume_change *change = &changes[i].change->volume;

        if (change->any && (write_attachment(db, change, err) < 0 || write_volume(db, change, err) < 0)) {
            return -1;
        }
    }
    return 0;
}
