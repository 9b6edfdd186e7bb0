/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backups as clients see and make them, their end, and volumes that are restored from them. Who makes one holds the volume's row (and the snapshot's), who restores the volume's and then the backup's: so nothing
 * that is copied changes or goes meanwhile. That a backup is `restoring` is no column: a volume says so, for as long as it is true.
 */
#include "volume/rows/backup.h"

#include <string.h>

#include "lib/adapter/task.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/domain/message.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"
#include "volume/rows/holder.h"
#include "volume/rows/snapshot.h"
#include "volume/rows/volume.h"

#define GETS (KN_REST_LIST | KN_REST_SHOW)
#define CONTAINER "volumebackups"
#define STATUS "CASE WHEN b.status = 'available' AND volume_backup_is_read(b.id) THEN 'restoring' ELSE b.status END"
#define HAS_DEPENDENTS "EXISTS (SELECT FROM volume_backup d WHERE d.parent_id = b.id)"

static const struct kn_schema META[] = { KN_SCHEMA("value", KN_IS_STRING, .limit = KN_LIMIT_META_VALUE),
                                         KN_SCHEMA_END };

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "b.id", KN_REST_UUID, KN_REST_ALWAYS | KN_REST_FIND),
    KN_REST_ATTR("name", "b.name", KN_REST_TEXT,
                 KN_REST_ALWAYS | KN_REST_FIND | KN_REST_NULL | KN_REST_WRITE | KN_REST_CLEAR, .column = "name",
                 .limit = KN_LIMIT_VOLUME_NAME),
    KN_REST_ATTR("links", NULL, KN_REST_LINKS, KN_REST_ALWAYS),
    KN_REST_ATTR("status", STATUS, KN_REST_TEXT, GETS | KN_REST_FIND, .column = "status"),
    KN_REST_ATTR("size", "b.size_gib", KN_REST_INT, GETS | KN_REST_FIND, .column = "size_gib"),
    KN_REST_ATTR("object_count", "b.object_count", KN_REST_INT, GETS),
    KN_REST_ATTR("availability_zone", "b.zone", KN_REST_TEXT, GETS, .column = "zone"),
    KN_REST_ATTR("container", "b.container", KN_REST_TEXT, GETS),
    KN_REST_ATTR("container", NULL, KN_REST_TEXT, KN_REST_POST | KN_REST_CLEAR, .column = "container",
                 .form = "coalesce(?, '" CONTAINER "')", .limit = KN_LIMIT_BACKUP_CONTAINER,
                 .rule = &KN_TEXT_CONTAINER),
    KN_REST_ATTR("created_at", "b.created_at", KN_REST_TIME, GETS | KN_REST_SORT),
    KN_REST_ATTR("updated_at", "b.updated_at", KN_REST_TIME, GETS | KN_REST_SORT),
    KN_REST_ATTR("description", "b.description", KN_REST_TEXT, GETS | KN_REST_WRITE | KN_REST_CLEAR,
                 .column = "description", .limit = KN_LIMIT_VOLUME_DESCRIPTION),
    KN_REST_ATTR("fail_reason", "b.fail_reason", KN_REST_TEXT, GETS),
    KN_REST_ATTR("volume_id", "b.volume_id", KN_REST_UUID, GETS | KN_REST_FIND),
    KN_REST_ATTR("is_incremental", "b.parent_id IS NOT NULL", KN_REST_BOOL, GETS),
    KN_REST_ATTR("has_dependent_backups", HAS_DEPENDENTS, KN_REST_BOOL, GETS),
    KN_REST_ATTR("snapshot_id", "b.snapshot_id", KN_REST_UUID, GETS | KN_REST_FILTER),
    KN_REST_ATTR("data_timestamp", "b.data_timestamp", KN_REST_TIME, GETS | KN_REST_SORT),
    KN_REST_ATTR("os-backup-project-attr:project_id", "b.project_id", KN_REST_TEXT, GETS,
                 .read = KN_CINDER_BACKUP_PROJECT, .since = 18),
    KN_REST_ATTR("metadata", "b.metadata", KN_REST_JSON, GETS | KN_REST_WRITE | KN_REST_CLEAR, .column = "metadata",
                 .form = "coalesce(?::jsonb, %C, '{}')", .inner = META, .inner_shape = KN_IS_MAP, .since = 43,
                 .limit = KN_LIMIT_VOLUME_METADATA, .rule = &KN_TEXT_META_KEY),
    KN_REST_ATTR("user_id", "b.user_id", KN_REST_TEXT, GETS, .since = 56),
    KN_REST_ATTR("encryption_key_id", "NULL", KN_REST_TEXT, GETS | KN_REST_IF_SET, .since = 64),
    KN_REST_ATTR("project_id", "b.project_id", KN_REST_TEXT, KN_REST_FILTER, .read = KN_CINDER_PROJECT_FILTER),
    /* What bodies say beside. */
    KN_REST_ATTR("volume_id", NULL, KN_REST_TEXT, KN_REST_POST | KN_REST_REQUIRED, .rule = &KN_TEXT_UUID),
    KN_REST_ATTR("snapshot_id", NULL, KN_REST_TEXT, KN_REST_POST | KN_REST_CLEAR, .rule = &KN_TEXT_UUID),
    KN_REST_ATTR("incremental", NULL, KN_REST_BOOL, KN_REST_POST),
    KN_REST_ATTR("force", NULL, KN_REST_BOOL, KN_REST_POST),
    KN_REST_ATTR("availability_zone", NULL, KN_REST_TEXT, KN_REST_POST | KN_REST_CLEAR, .since = 51,
                 .limit = KN_LIMIT_VOLUME_WORD),
    /* What no body says. */
    KN_REST_ATTR("of_volume", NULL, KN_REST_UUID, 0, .column = "volume_id"),
    KN_REST_ATTR("of_snapshot", NULL, KN_REST_UUID, 0, .column = "snapshot_id"),
    KN_REST_ATTR("of_moment", NULL, KN_REST_TEXT, 0, .column = "data_timestamp",
                 .form = "coalesce((SELECT s.created_at FROM volume_snapshot s WHERE s.id = ?::uuid), now())"),
    KN_REST_ATTR("parent", NULL, KN_REST_UUID, 0, .column = "parent_id"),
    KN_REST_ATTR("image", NULL, KN_REST_JSON, 0, .column = "image"),
    KN_REST_ATTR("of_metadata", NULL, KN_REST_JSON, 0, .column = "volume_metadata"),
    KN_REST_ATTR("is_bootable", NULL, KN_REST_BOOL, 0, .column = "bootable"),
    KN_REST_ATTR("copy", NULL, KN_REST_TEXT, 0, .column = "copy"),
    KN_REST_ATTRS_END,
};

static const struct kn_rest_param PARAMS[] = {
    KN_REST_PARAM("all_tenants", NULL),
    KN_REST_PARAM("created_at", kn_rest_time, .since = 60, .sql = "b.created_at"),
    KN_REST_PARAM("project_id", kn_rest_ignored),
    KN_REST_PARAM("updated_at", kn_rest_time, .since = 60, .sql = "b.updated_at"),
    KN_REST_PARAMS_END,
};

/* --- making and changing -------------------------------------------------------------------------------------------------- */

static int backup_check(struct kn_request *req, json_t *object, struct kn_error *err)
{
    const char *zone = kn_json_str(object, "availability_zone");

    if (strcmp(req->method, "POST") != 0) {
        return json_object_size(object) > 0
                   ? 0
                   : kn_fail(err, KN_BAD_REQUEST, "Invalid input for field/attribute backup: nothing to update");
    }
    if (*zone != '\0' && strcmp(zone, KN_VOLUME_ZONE) != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input received: Availability zone '%.64s' is invalid.", zone);
    }
    if (json_object_get(object, "container") == NULL) {
        json_object_set_new(object, "container", json_null());
    }
    return json_object_set_new(object, "availability_zone", json_string(KN_VOLUME_ZONE));
}

/* What it is of: held, and at rest. */
static int backup_hold_snapshot(struct kn_request *req, const char *id, const char *volume_id, json_t *object,
                                struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_volume_snapshot s;

    if (kn_volume_snapshot_get(req->db, &req->caller, id, true, &rows, &s, err) < 0 ||
        kn_volume_snapshot_see(req->db, &s, err) < 0) {
        return -1;
    }
    if (strcmp(s.volume_id, volume_id) != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid volume: Volume %s does not match with snapshot.volume_id %s.",
                       volume_id, s.volume_id);
    }
    if (strcmp(s.status, "available") != 0) {
        return kn_fail(
            err, KN_BAD_REQUEST,
            "Invalid snapshot: Snapshot to be backed up must be available, but the current status is \"%s\".",
            s.status);
    }
    json_object_set_new(object, "size", json_integer(s.size_gib));
    json_object_set_new(object, "image", s.image != NULL ? json_loads(s.image, 0, NULL) : json_null());
    return json_object_set_new(object, "is_bootable", json_boolean(s.is_bootable));
}

/* Before the volume is: by force, the server that has it. *ret_server "": nobody has it, or it is a snapshot that is backed up. */
static int backup_hold_server(struct kn_request *req, const json_t *object, char ret_server[KN_UUID_SIZE],
                              struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_volume v;

    ret_server[0] = '\0';
    if (*kn_json_str(object, "snapshot_id") != '\0' || !kn_schema_bool(object, "force", false)) {
        return 0;
    }
    if (kn_volume_get(req->db, &req->caller, kn_json_str(object, "volume_id"), false, &rows, &v, err) < 0) {
        return -1;
    }
    return strcmp(v.status, "in-use") == 0 ? kn_volume_holder_hold(req->db, v.id, ret_server, err) : 0;
}

/* In the words that Cinder has for a backup. */
static int backup_refuse_second(struct kn_db *db, const struct kn_volume *v, struct kn_error *err)
{
    bool is_read = false;

    if (kn_volume_is_read(db, v->id, &is_read, err) < 0) {
        return -1;
    }
    return !is_read
               ? 0
               : kn_fail(err, KN_BAD_REQUEST,
                         "Invalid volume: Volume to be backed up must be available or in-use, but the current status "
                         "is \"backing-up\".");
}

static int backup_hold_volume(struct kn_request *req, const struct kn_volume *v, const char *server, json_t *object,
                              struct kn_error *err)
{
    const bool is_held = *server != '\0';

    if (strcmp(v->status, "in-use") == 0 && !is_held) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid volume: Backing up an in-use volume must use the force flag.");
    }
    if (!kn_volume_allows(v->status, is_held ? KN_VOLUME_COPY_HELD : KN_VOLUME_COPY)) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid volume: Volume to be backed up must be available or in-use, but the current status is "
                       "\"%s\".",
                       v->status);
    }
    if (backup_refuse_second(req->db, v, err) < 0) {
        return -1;
    }
    json_object_set_new(object, "size", json_integer(v->size_gib));
    json_object_set_new(object, "image", v->image != NULL ? json_loads(v->image, 0, NULL) : json_null());
    json_object_set_new(object, "is_bootable", json_boolean(v->is_bootable));
    json_object_set_new(object, "copy", is_held ? json_string("making") : json_null());
    return kn_volume_move(req->db, v, is_held ? KN_VOLUME_COPY_HELD : KN_VOLUME_COPY, err) < 0 ||
                   (is_held && (kn_volume_holder_check(req->db, v, server, err) < 0 ||
                                kn_volume_holder_can_copy(req->db, v, err) < 0))
               ? -1
               : 0;
}

/* The newest of the project's backups of the volume whose bytes are not younger. It is held, so it stays. */
static int backup_find_parent(struct kn_request *req, json_t *object, struct kn_error *err)
{
    static const struct kn_stmt NEWEST = {
        "volume_backup_newest",
        "SELECT b.id FROM volume_backup b WHERE b.volume_id = $1 AND b.project_id = $2 AND b.status = 'available' AND b.data_timestamp <= "
        "coalesce((SELECT s.created_at FROM volume_snapshot s WHERE s.id = $3::uuid), now()) "
        "ORDER BY b.data_timestamp DESC, b.created_at DESC, b.id DESC LIMIT 1 FOR UPDATE OF b",
        3
    };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(req->db, &NEWEST,
                  KN_ARGS(kn_json_str(object, "of_volume"), req->caller.project_id,
                          json_string_value(json_object_get(object, "of_snapshot"))),
                  &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) > 0
               ? json_object_set_new(object, "parent", json_string(kn_rows_text(rows, 0, KN_ONLY)))
               : kn_fail(err, KN_BAD_REQUEST, "Invalid backup: No backups available to do an incremental backup.");
}

/* What is restored of ciphertext needs its key, which is the volume's alone. */
static int backup_refuse_encrypted(const struct kn_volume *v, struct kn_error *err)
{
    return v->key_id == NULL ? 0
                             : kn_fail(err, KN_BAD_REQUEST,
                                       "Invalid volume: Volume %s is encrypted, and cannot be backed up here.", v->id);
}

static int backup_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                         struct kn_error *err)
{
    const char *snapshot = kn_json_str(object, "snapshot_id");
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    char server[KN_UUID_SIZE];
    struct kn_volume v;

    (void)id;
    if (now != NULL) {
        return 0;
    }
    if (backup_hold_server(req, object, server, err) < 0 ||
        kn_volume_get(req->db, &req->caller, kn_json_str(object, "volume_id"), true, &rows, &v, err) < 0 ||
        backup_refuse_encrypted(&v, err) < 0 ||
        (*snapshot != '\0' ? backup_hold_snapshot(req, snapshot, v.id, object, err)
                           : backup_hold_volume(req, &v, server, object, err)) < 0) {
        return -1;
    }
    json_object_set_new(object, "held_by", json_string(server));
    json_object_set_new(object, "of_volume", json_string(v.id));
    json_object_set_new(object, "of_metadata", json_loads(v.metadata, 0, NULL));
    json_object_set_new(object, "of_snapshot", *snapshot != '\0' ? json_string(snapshot) : json_null());
    json_object_set(object, "of_moment", json_object_get(object, "of_snapshot"));
    json_object_set_new(object, "status", json_string("creating"));
    return kn_schema_bool(object, "incremental", false) ? backup_find_parent(req, object, err) : 0;
}

static int backup_after(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                        struct kn_error *err)
{
    json_auto_t *input = json_pack("{s:s}", "volume", kn_json_str(object, "of_volume"));
    const char *server = kn_json_str(object, "held_by");
    const bool is_held = *server != '\0';
    const struct kn_task_wish wish = { is_held ? "server.backup_volume" : "backup.create",
                                       is_held ? server : id,
                                       req->caller.project_id,
                                       req->caller.user_id,
                                       req->request_id,
                                       input };
    int64_t task = 0;

    if (now != NULL) {
        return 0;
    }
    if (is_held) {
        json_object_set_new(input, "backup", json_string(id));
    }
    if (*kn_json_str(object, "of_snapshot") != '\0') {
        json_object_set(input, "snapshot", json_object_get(object, "of_snapshot"));
    }
    return kn_task_insert(req->db, &wish, &task, err) < 0 ? -1
                                                          : json_object_set_new(object, "task", json_integer(task));
}

static const struct kn_rest_counts COUNTS = {
    "volume",
    { "volume_backup_counts",
      "SELECT b.project_id, r.resource, sum(r.n)::bigint FROM volume_backup b CROSS JOIN LATERAL (VALUES ('backups', 1), "
      "('backup_gigabytes', b.size_gib)) r(resource, n) WHERE b.id = ANY($1::uuid[]) GROUP BY b.project_id, r.resource",
      1 },
    false
};

const struct kn_rest_noun kn_volume_backup_noun = {
    .one = "backup",
    .many = "backups",
    .label = "Backup",
    .path = "/backups",
    .from = "volume_backup b",
    .id = "b.id",
    .id_type = KN_REST_UUID,
    .visible = "b.project_id = ?",
    .order = "created_at",
    .ties = "created_at,id",
    .attrs = ATTRS,
    .params = PARAMS,
    .narrow = kn_rest_all_tenants,
    .manners = &KN_REST_CINDER,
    .table = "volume_backup",
    .project_column = "project_id",
    .user_column = "user_id",
    .check = backup_check,
    .decide = backup_decide,
    .after = backup_after,
    .tell = kn_volume_holder_tell,
    .counts = &COUNTS,
};

/* --- one row ---------------------------------------------------------------------------------------------------------------- */

enum {
    B_ID,
    B_PROJECT,
    B_VOLUME,
    B_STATUS,
    B_SIZE,
    B_IMAGE,
    B_BOOTABLE,
    B_WHOLE,
    B_READ,
    B_DEPENDENTS,
    B_METADATA,
    B_COPIED
};

int kn_volume_backup_get(struct kn_db *db, const struct kn_caller *caller, const char *id, bool update,
                         struct kn_rows **ret_rows, struct kn_volume_backup *ret, struct kn_error *err)
{
#define BACKUP_OF \
    "SELECT b.id, b.project_id, b.volume_id, b.status, b.size_gib, b.image, b.bootable, b.status = 'available', " \
    "volume_backup_is_read(b.id) OR volume_backup_is_imported(b.id), " HAS_DEPENDENTS \
    ", b.volume_metadata, b.copy IS NOT NULL FROM volume_backup b WHERE b.id = $1 AND (b.project_id = $2 OR $3::boolean)"
    static const struct kn_stmt GET = { "volume_backup_get", BACKUP_OF, 3 };
    static const struct kn_stmt LOCK = { "volume_backup_lock", "SELECT 1 FROM volume_backup WHERE id = $1 FOR UPDATE",
                                         1 };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    /* Held first and then read: what whoever held it before has written is seen. */
    if (kn_uuid_valid(id) &&
        ((update && kn_db_run(db, &LOCK, KN_ARGS(id), NULL, err) < 0) ||
         kn_db_run(db, &GET,
                   KN_ARGS(id, caller->project_id, kn_policy_allows(KN_CINDER_BACKUP, caller, NULL) ? "t" : "f"), &rows,
                   err) < 0)) {
        return -1;
    }
    if (rows == NULL || kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Backup %.64s could not be found.", id);
    }
    *ret = (struct kn_volume_backup){
        .id = kn_rows_text(rows, 0, B_ID),
        .project_id = kn_rows_text(rows, 0, B_PROJECT),
        .volume_id = kn_rows_text(rows, 0, B_VOLUME),
        .status = kn_rows_text(rows, 0, B_STATUS),
        .size_gib = kn_rows_int(rows, 0, B_SIZE),
        .image = kn_rows_str(rows, 0, B_IMAGE),
        .is_bootable = kn_rows_bool(rows, 0, B_BOOTABLE),
        .is_whole = kn_rows_bool(rows, 0, B_WHOLE),
        .is_read = kn_rows_bool(rows, 0, B_READ),
        .has_dependents = kn_rows_bool(rows, 0, B_DEPENDENTS),
        .volume_metadata = kn_rows_text(rows, 0, B_METADATA),
        .is_copied = kn_rows_bool(rows, 0, B_COPIED),
    };
    *ret_rows = kn_steal(&rows);
    return 0;
}

int kn_volume_backup_set_status(struct kn_db *db, const struct kn_volume_backup *b, const char *status,
                                struct kn_error *err)
{
    static const struct kn_stmt SET = { "volume_backup_set_status",
                                        "UPDATE volume_backup SET status = $2, updated_at = now() WHERE id = $1 "
                                        "AND ($2 <> 'available' OR manifest IS NOT NULL)",
                                        2 };
    int64_t count = 0;

    if (kn_db_change(db, &SET, KN_ARGS(b->id, status), &count, err) < 0) {
        return -1;
    }
    return count == 1 ? 0
                      : kn_fail(err, KN_BAD_REQUEST,
                                "Invalid backup: Backup %s is not whole: no volume could be restored from it.", b->id);
}

/* --- its end ---------------------------------------------------------------------------------------------------------------- */

static bool backup_may_go(const char *status)
{
    return strcmp(status, "available") == 0 || strcmp(status, "error") == 0 || strcmp(status, "error_deleting") == 0;
}

/* A copy that a host is making for it comes to its end first. */
static int backup_refuse_made(struct kn_db *db, const struct kn_volume_backup *b, struct kn_error *err)
{
    static const struct kn_stmt MADE = {
        "volume_backup_made",
        "SELECT 1 FROM task WHERE kind = 'server.backup_volume' AND state IN ('run', 'undo') AND input->>'backup' = $1",
        1
    };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (!b->is_copied) {
        return 0;
    }
    if (kn_db_run(db, &MADE, KN_ARGS(b->id), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) == 0
               ? 0
               : kn_fail(err, KN_BAD_REQUEST,
                         "Invalid backup: The volume of backup %s is just being copied by the host "
                         "of the server that has it.",
                         b->id);
}

int kn_volume_backup_doom(struct kn_request *req, const struct kn_volume_backup *b, bool by_force, int64_t *ret_task,
                          struct kn_error *err)
{
    json_auto_t *input = json_pack("{s:s}", "volume", b->volume_id);
    const struct kn_task_wish wish = { "backup.delete",     b->id,           req->caller.project_id,
                                       req->caller.user_id, req->request_id, input };

    if (b->is_read || (!by_force && !backup_may_go(b->status))) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid backup: Backup status must be available or error");
    }
    if (b->has_dependents) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid backup: Incremental backups exist for this backup.");
    }
    if (b->is_copied) {
        json_object_set_new(input, "copied", json_true());
    }
    return backup_refuse_made(req->db, b, err) < 0 || kn_volume_backup_set_status(req->db, b, "deleting", err) < 0
               ? -1
               : kn_task_insert(req->db, &wish, ret_task, err);
}

/* --- restoring -------------------------------------------------------------------------------------------------------------- */

static int backup_judge_target(const struct kn_volume *v, const struct kn_volume_backup *b, struct kn_error *err)
{
    if (!b->is_whole) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid backup: Backup status must be available");
    }
    if (strcmp(v->status, "available") != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid volume: Volume to be restored to must be available");
    }
    return b->size_gib <= v->size_gib
               ? 0
               : kn_fail(err, KN_BAD_REQUEST,
                         "Invalid volume: volume size %lld is too small to restore backup of size %lld.",
                         (long long)v->size_gib, (long long)b->size_gib);
}

int kn_volume_backup_restore(struct kn_request *req, const char *id, const char *volume_id, char **ret_name,
                             int64_t *ret_task, struct kn_error *err)
{
    static const struct kn_stmt MARK = {
        "volume_restores_backup",
        "UPDATE volume SET backup_id = $2, image = $3::jsonb, bootable = $4, metadata = $5::jsonb WHERE id = $1", 5
    };
    AUTO(kn_rows) struct kn_rows *volumes = NULL;
    AUTO(kn_rows) struct kn_rows *backups = NULL;
    struct kn_volume v;
    struct kn_volume_backup b;

    if (kn_volume_get(req->db, &req->caller, volume_id, true, &volumes, &v, err) < 0 ||
        kn_volume_backup_get(req->db, &req->caller, id, true, &backups, &b, err) < 0 ||
        backup_judge_target(&v, &b, err) < 0 || kn_volume_move(req->db, &v, KN_VOLUME_RESTORE, err) < 0 ||
        kn_db_run(req->db, &MARK, KN_ARGS(v.id, b.id, b.image, b.is_bootable ? "t" : "f", b.volume_metadata), NULL,
                  err) < 0) {
        return -1;
    }
    json_auto_t *input = json_pack("{s:I, s:s}", "size_gib", (json_int_t)v.size_gib, "from_backup", b.id);
    const struct kn_task_wish wish = { "volume.restore", v.id, req->caller.project_id, req->caller.user_id,
                                       req->request_id,  input };
    if (kn_task_insert(req->db, &wish, ret_task, err) < 0) {
        return -1;
    }
    *ret_name = v.name != NULL ? kn_strdup(v.name) : NULL;
    return 0;
}
