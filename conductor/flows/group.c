/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flows of snapshots of groups: [every volume is copied] and [every copy goes]. The copies are made side by side, each in the lane of its volume; if one cannot be made none stays. Of the
 * volumes nothing is written: their snapshots are `creating` meanwhile, so they may not change.
 */
#include "conductor/flows/context.h"
#include "conductor/flows/flow.h"
#include "conductor/store/task.h"

static int count_parts(const struct kn_conductor_task *task)
{
    return (int)json_array_size(kn_conductor_wished(task, "snapshots"));
}

static json_t *build_part(const struct kn_conductor_task *task, int item)
{
    return json_copy(json_array_get(kn_conductor_wished(task, "snapshots"), (size_t)item));
}

static const struct kn_conductor_flow_row CREATE_ROWS[] = {
    { { { .message = "snapshot.create",
          .build = build_part,
          .count = count_parts,
          .undo = "snapshot.delete",
          .undo_build = build_part } },
      NULL },
};
static const struct kn_conductor_flow_row DELETE_ROWS[] = {
    { { { .message = "snapshot.delete", .build = build_part, .count = count_parts } }, NULL },
};

#define GROUP_SNAPSHOT_IS(text) \
    (const struct kn_conductor_becomes[]) \
    { \
        KN_SET(kn_conductor_record_group_snapshot, "status", text), KN_BECOMES_END \
    }
static const struct kn_conductor_becomes GONE[] = { KN_GOES(kn_conductor_record_group_snapshot), KN_BECOMES_END };

const struct kn_conductor_flow kn_conductor_flows_group[] = {
    { .kind = "group_snapshot.create",
      .object = &kn_conductor_record_group_snapshot,
      .rows = CREATE_ROWS,
      .row_count = 1,
      .retry_row = -1,
      .done = GROUP_SNAPSHOT_IS("available"),
      .failed = GROUP_SNAPSHOT_IS("error") },
    { .kind = "group_snapshot.delete",
      .object = &kn_conductor_record_group_snapshot,
      .rows = DELETE_ROWS,
      .row_count = 1,
      .retry_row = -1,
      .supersedes = true,
      .insists = true,
      .done = GONE,
      .failed = GROUP_SNAPSHOT_IS("error_deleting") },
    { .kind = NULL },
};
