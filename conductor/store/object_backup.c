/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backups of volumes, as tasks change them. One of a volume that a server has begins with a task of that server, which copies it (conductor/flows/held.c); what follows is a task of the backup, written with the
 * end of the first. The copy goes by a task of its own, written with the end of whatever needed it: so no ending leaves it behind, and none waits for it.
 */
#include "conductor/store/objects.h"
#include "lib/adapter/quota.h"
#include "lib/adapter/task.h"
#include "lib/base/mem.h"

static const struct kn_stmt DELETE_BACKUPS = {
    "conductor_backup_delete", "DELETE FROM volume_backup WHERE id = ANY($1::uuid[]) RETURNING project_id, size_gib", 1
};
enum { BACKUP_PROJECT, BACKUP_GIB };

/* What is deleted counts in no quota any more. */
static int end_backups(struct kn_db *db, const char *ids, struct kn_error *err)
{
    AUTO_RELEASE(kn_quota_claims) struct kn_quota_claims back = KN_QUOTA_CLAIMS("volume");
    AUTO(kn_rows) struct kn_rows *gone = NULL;

    if (kn_db_run(db, &DELETE_BACKUPS, KN_ARGS(ids), &gone, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(gone); row++) {
        const char *project = kn_rows_text(gone, row, BACKUP_PROJECT);

        kn_quota_claim(&back, project, KN_QUOTA_BACKUPS, -1);
        kn_quota_claim(&back, project, KN_QUOTA_BACKUP_GIGABYTES, -kn_rows_int(gone, row, BACKUP_GIB));
    }
    return kn_quota_take(db, &back, err);
}

static const struct kn_conductor_becomes BACKUP_BROKEN[] = { KN_SET(kn_conductor_record_backup, "status", "error"),
                                                             KN_BECOMES_END };

const struct kn_conductor_record kn_conductor_record_backup = {
    .table = "volume_backup",
    .always = "updated_at = now()",
    .end = end_backups,
    .broken = BACKUP_BROKEN,
    .columns = { { "status", "text", NULL },
                 { "fail_reason", "text", NULL },
                 { "parent_id", "uuid", NULL },
                 { "object_count", "integer", NULL },
                 { "manifest", "text", NULL } },
};

/* --- the copies of what servers have -------------------------------------------------------------------------------------------- */

/* Of whoever asked for it: its own last task's, or that of the server that has the volume. */
#define BACKUP_COLUMNS \
    "b.id, b.project_id, b.user_id, b.volume_id, coalesce((SELECT t.request_id FROM task t WHERE t.object_id = b.id ORDER BY t.id DESC LIMIT 1), " \
    "(SELECT t.request_id FROM task t JOIN attachment a ON a.server_id = t.object_id WHERE a.volume_id = b.volume_id " \
    "AND t.kind = 'server.backup_volume' AND t.input->>'backup' = b.id::text LIMIT 1), 'req-none')"
enum { COPY_BACKUP, COPY_PROJECT, COPY_USER, COPY_VOLUME, COPY_REQUEST };

/* A task about each backup; from_copy: it reads the copy, which is named as the backup is. */
static int backup_wish(struct kn_db *db, const struct kn_rows *rows, const char *kind, bool from_copy,
                       struct kn_error *err)
{
    for (int i = 0; i < kn_rows_count(rows); i++) {
        const char *id = kn_rows_text(rows, i, COPY_BACKUP);
        json_auto_t *input = json_pack("{s:s, s:s*}", "volume", kn_rows_text(rows, i, COPY_VOLUME), "snapshot",
                                       from_copy ? id : NULL);
        const struct kn_task_wish wish = { kind,
                                           id,
                                           kn_rows_text(rows, i, COPY_PROJECT),
                                           kn_rows_text(rows, i, COPY_USER),
                                           kn_rows_text(rows, i, COPY_REQUEST),
                                           input };
        int64_t task = 0;

        if (kn_task_insert(db, &wish, &task, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int end_copies(struct kn_db *db, const char *ids, struct kn_error *err)
{
    static const struct kn_stmt DROP = {
        "conductor_backup_drop_copy",
        "UPDATE volume_backup b SET copy = NULL WHERE b.id = ANY($1::uuid[]) AND b.copy IS NOT NULL RETURNING " BACKUP_COLUMNS,
        1
    };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    return kn_db_run(db, &DROP, KN_ARGS(ids), &rows, err) < 0 ? -1
                                                              : backup_wish(db, rows, "snapshot.delete", false, err);
}

/* Named by the backup: the copy that it was, or was to be, made of. */
const struct kn_conductor_record kn_conductor_record_backup_copy = {
    .table = "volume_backup",
    .name = "backup_copy",
    .end = end_copies,
    .columns = { { "status", "text", NULL } },
};

/* Whoever took the backup's status away meanwhile wants no backup. */
static int end_waits(struct kn_db *db, const char *ids, struct kn_error *err)
{
    static const struct kn_stmt GO_ON = {
        "conductor_backup_go_on",
        "UPDATE volume_backup b SET copy = 'made', data_timestamp = now(), updated_at = now() WHERE b.id = ANY($1::uuid[]) "
        "AND b.copy = 'making' AND b.status = 'creating' RETURNING " BACKUP_COLUMNS,
        1
    };
    static const struct kn_stmt UNWANTED = {
        "conductor_backup_unwanted",
        "SELECT coalesce(array_agg(id), '{}') FROM volume_backup WHERE id = ANY($1::uuid[]) AND copy = 'making'", 1
    };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO(kn_rows) struct kn_rows *unwanted = NULL;

    return kn_db_run(db, &GO_ON, KN_ARGS(ids), &rows, err) < 0 ||
                   backup_wish(db, rows, "backup.create", true, err) < 0 ||
                   kn_db_run(db, &UNWANTED, KN_ARGS(ids), &unwanted, err) < 0
               ? -1
               : end_copies(db, kn_rows_text(unwanted, 0, KN_ONLY), err);
}

/* Named by the backup: that it waits for its copy. */
const struct kn_conductor_record kn_conductor_record_backup_wait = {
    .table = "volume_backup",
    .name = "backup_wait",
    .end = end_waits,
    .columns = { { "status", "text", NULL } },
};

int kn_conductor_backups_let_go(struct kn_db *db, const char *server_ids, struct kn_error *err)
{
    static const struct kn_stmt UNCOPIED = {
        "conductor_backup_uncopied",
        "WITH ended AS (UPDATE volume_backup SET status = 'error', fail_reason = 'The server that had the volume was deleted. Back the volume up again.', "
        "updated_at = now() WHERE status = 'creating' AND copy = 'making' AND id IN (SELECT (t.input->>'backup')::uuid FROM task t "
        "WHERE t.object_id = ANY($1::uuid[]) AND t.kind = 'server.backup_volume') RETURNING id) SELECT coalesce(array_agg(id), '{}') FROM ended",
        1
    };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    return kn_db_run(db, &UNCOPIED, KN_ARGS(server_ids), &rows, err) < 0
               ? -1
               : end_copies(db, kn_rows_text(rows, 0, KN_ONLY), err);
}
