/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flows of backups: store what a volume holds, look whether what a record names is there, remove it. What a server has is copied before (held.c). Of the volume nothing is written: while its backup is `creating` it may not change (volume_is_copied), and while a volume is
 * restored its row says from which backup. Restoring is a task of the volume (disk.c).
 */
#include "conductor/flows/bodies.h"
#include "conductor/flows/context.h"
#include "conductor/flows/flow.h"
#include "conductor/store/task.h"

static json_t *build_backup_delete(const struct kn_conductor_task *task, int item)
{
    (void)item;
    return json_pack("{s:s, s:O}", "backup", task->object_id, "volume", kn_conductor_wished(task, "volume"));
}

static json_t *build_backup_create(const struct kn_conductor_task *task, int item)
{
    json_t *body = build_backup_delete(task, item);

    if (*kn_conductor_wished_str(task, "snapshot") != '\0') {
        json_object_set(body, "snapshot", kn_conductor_wished(task, "snapshot"));
    }
    return body;
}

static json_t *build_backup_import(const struct kn_conductor_task *task, int item)
{
    json_t *body = build_backup_delete(task, item);

    json_object_set(body, "manifest", kn_conductor_wished(task, "manifest"));
    json_object_set(body, "size_gib", kn_conductor_wished(task, "size_gib"));
    return body;
}

/* The copy of what a server has, named as the backup is. */
static json_t *build_backup_copy(const struct kn_conductor_task *task, int item)
{
    (void)item;
    return json_pack("{s:s, s:O}", "snapshot", task->object_id, "volume", kn_conductor_wished(task, "volume"));
}

static int backup_count_copies(const struct kn_conductor_task *task)
{
    return json_is_true(kn_conductor_wished(task, "copied")) ? 1 : 0;
}

static const struct kn_conductor_finding CREATE_FINDS[] = {
    { .name = "objects", .kind = KN_INT, .from = "backup.create", .read_by = "done" },
    { .name = "manifest", .kind = KN_STR, .from = "backup.create", .read_by = "done" },
    { .name = NULL },
};
static const struct kn_conductor_finding IMPORT_FINDS[] = {
    { .name = "objects", .kind = KN_INT, .from = "backup.import", .read_by = "done" },
    { .name = "manifest", .kind = KN_STR, .from = "backup.import", .read_by = "done" },
    { .name = NULL },
};
/* Nothing is taken back: what lies in the store was there before. */
static const struct kn_conductor_flow_row IMPORT_ROWS[] = {
    { { { .message = "backup.import", .build = build_backup_import } }, NULL },
};
static const struct kn_conductor_flow_row CREATE_ROWS[] = {
    { { { .message = "backup.create",
          .build = build_backup_create,
          .undo = "backup.delete",
          .undo_build = build_backup_delete,
          .undo_tires = true } },
      NULL },
};
static const struct kn_conductor_flow_row DELETE_ROWS[] = {
    { { { .message = "backup.delete", .build = build_backup_delete },
        { .message = "snapshot.delete", .build = build_backup_copy, .count = backup_count_copies } },
      NULL },
};

static const struct kn_conductor_becomes CREATED[] = {
    KN_SET(kn_conductor_record_backup, "status", "available"),
    KN_SET_FOUND(kn_conductor_record_backup, "object_count", "objects"),
    KN_SET_FOUND(kn_conductor_record_backup, "manifest", "manifest"),
    KN_GOES(kn_conductor_record_backup_copy),
    KN_BECOMES_END,
};
static const struct kn_conductor_becomes IMPORTED[] = {
    KN_SET(kn_conductor_record_backup, "status", "available"),
    KN_SET_FOUND(kn_conductor_record_backup, "object_count", "objects"),
    KN_SET_FOUND(kn_conductor_record_backup, "manifest", "manifest"),
    KN_BECOMES_END,
};
/* It builds on nothing: what its record names may go. */
static const struct kn_conductor_becomes NOT_IMPORTED[] = {
    KN_SET(kn_conductor_record_backup, "status", "error"),
    KN_SET(kn_conductor_record_backup, "parent_id", NULL),
    KN_SET_MADE(kn_conductor_record_backup, "fail_reason", kn_conductor_body_failure),
    KN_BECOMES_END,
};
static const struct kn_conductor_becomes NOT_CREATED[] = {
    KN_SET(kn_conductor_record_backup, "status", "error"),
    KN_SET_MADE(kn_conductor_record_backup, "fail_reason", kn_conductor_body_failure),
    KN_GOES(kn_conductor_record_backup_copy),
    KN_BECOMES_END,
};
static const struct kn_conductor_becomes DELETED[] = { KN_GOES(kn_conductor_record_backup), KN_BECOMES_END };
static const struct kn_conductor_becomes NOT_DELETED[] = {
    KN_SET(kn_conductor_record_backup, "status", "error_deleting"),
    KN_SET_MADE(kn_conductor_record_backup, "fail_reason", kn_conductor_body_failure),
    KN_BECOMES_END,
};

const struct kn_conductor_flow kn_conductor_flows_backup[] = {
    { .kind = "backup.create",
      .object = &kn_conductor_record_backup,
      .rows = CREATE_ROWS,
      .row_count = 1,
      .finds = CREATE_FINDS,
      .retry_row = -1,
      .done = CREATED,
      .failed = NOT_CREATED },
    { .kind = "backup.import",
      .object = &kn_conductor_record_backup,
      .rows = IMPORT_ROWS,
      .row_count = 1,
      .finds = IMPORT_FINDS,
      .retry_row = -1,
      .done = IMPORTED,
      .failed = NOT_IMPORTED },
    { .kind = "backup.delete",
      .object = &kn_conductor_record_backup,
      .rows = DELETE_ROWS,
      .row_count = 1,
      .retry_row = -1,
      .supersedes = true,
      .insists = true,
      .done = DELETED,
      .failed = NOT_DELETED },
    { .kind = NULL },
};
