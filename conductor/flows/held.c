/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.snapshot_volume, a snapshot of a volume that a server has, and server.backup_volume, the copy that a backup of one is made of (it is named as the backup is): [where its host puts it] -> [its host copies what a guest that runs has in it] -> [that is the snapshot, or, of a guest that is off, the volume is
 * copied as it lies]. A task of the server, so that the guest neither starts nor stops, nor loses the volume, in between.
 */
#include <string.h>

#include "conductor/flows/bodies.h"
#include "conductor/flows/context.h"
#include "conductor/flows/flow.h"
#include "conductor/store/task.h"

static json_t *build_held(const struct kn_conductor_task *task, int item)
{
    const bool is_backup = strcmp(task->flow->kind, "server.backup_volume") == 0;

    (void)item;
    return json_pack("{s:O, s:O}", "snapshot", kn_conductor_wished(task, is_backup ? "backup" : "snapshot"), "volume",
                     kn_conductor_wished(task, "volume"));
}

static json_t *build_held_drop(const struct kn_conductor_task *task, int item)
{
    json_t *body = kn_conductor_body_server_on_host(task, item);

    json_object_set(body, "volume", kn_conductor_wished(task, "volume"));
    json_object_set(body, "path", kn_conductor_found(task, "path"));
    return body;
}

static json_t *build_held_copy(const struct kn_conductor_task *task, int item)
{
    json_t *body = build_held_drop(task, item);

    json_object_set(body, "format", kn_conductor_found(task, "format"));
    return body;
}

static json_t *build_held_snapshot(const struct kn_conductor_task *task, int item)
{
    json_t *body = build_held(task, item);

    if (json_is_true(kn_conductor_found(task, "copied"))) {
        json_object_set_new(body, "copied", json_true());
    }
    return body;
}

static const struct kn_conductor_finding HELD_FINDS[] = {
    { .name = "path", .kind = KN_STR, .from = "snapshot.open", .read_by = "server.copy_volume server.drop_copy" },
    { .name = "format", .kind = KN_STR, .from = "snapshot.open", .read_by = "server.copy_volume" },
    { .name = "copied", .kind = KN_BOOL, .from = "server.copy_volume", .read_by = "snapshot.create", .may_lack = true },
    { .name = NULL },
};

static const struct kn_conductor_flow_row HELD_ROWS[] = {
    { { { .message = "snapshot.open", .build = build_held, .undo = "snapshot.delete", .undo_build = build_held } },
      NULL },
    { { { .message = "server.copy_volume",
          .to = KN_TO_HOME,
          .build = build_held_copy,
          .count = kn_conductor_count_if_on_host,
          .undo = "server.drop_copy",
          .undo_build = build_held_drop,
          .undo_waits_for_host = true,
          .undo_tires = true } },
      NULL },
    { { { .message = "snapshot.create", .build = build_held_snapshot } }, NULL },
};

#define HELD_SNAPSHOT_IS(text) \
    (const struct kn_conductor_becomes[]) \
    { \
        KN_SET_OF(kn_conductor_record_snapshot, "snapshot", "status", text), KN_BECOMES_END \
    }

/* A task of its own goes on. */
static const struct kn_conductor_becomes HELD_COPIED[] = { KN_GOES_OF(kn_conductor_record_backup_wait, "backup"),
                                                           KN_BECOMES_END };
static const struct kn_conductor_becomes HELD_NOT_COPIED[] = {
    KN_SET_OF(kn_conductor_record_backup, "backup", "status", "error"),
    KN_SET_MADE_OF(kn_conductor_record_backup, "backup", "fail_reason", kn_conductor_body_failure),
    KN_GOES_OF(kn_conductor_record_backup_copy, "backup"),
    KN_BECOMES_END,
};

const struct kn_conductor_flow kn_conductor_flows_held[] = {
    { .kind = "server.snapshot_volume",
      .object = &kn_conductor_record_server,
      .rows = HELD_ROWS,
      .row_count = 3,
      .finds = HELD_FINDS,
      .retry_row = -1,
      .done = HELD_SNAPSHOT_IS("available"),
      .failed = HELD_SNAPSHOT_IS("error") },
    { .kind = "server.backup_volume",
      .object = &kn_conductor_record_server,
      .rows = HELD_ROWS,
      .row_count = 3,
      .finds = HELD_FINDS,
      .retry_row = -1,
      .done = HELD_COPIED,
      .failed = HELD_NOT_COPIED },
    { .kind = NULL },
};
