/* SPDX-License-Identifier: Apache-2.0 */
/* Failures become messages: the task's kind and code say which (lib/domain/volume_failure.h). A task fails once, so there is one message of it, however often its move is written. */
#include "conductor/store/failure.h"

#include <string.h>

#include "conductor/flows/context.h"
#include "lib/adapter/batch.h"
#include "lib/domain/volume_failure.h"

static struct kn_batch_stmt TELL = {
    "conductor_failure_tell",
    "INSERT INTO volume_message (task_id, project_id, request_id, resource_type, resource_uuid, kind, action, detail, expires_at) "
    "SELECT u.task, u.project, u.request, u.type, u.object, u.kind, u.action, u.detail, now() + nullif(u.days, 0) * interval '1 day' FROM @ "
    "ON CONFLICT (task_id) DO NOTHING",
    { { "task", "bigint" },
      { "project", "text" },
      { "request", "text" },
      { "type", "text" },
      { "object", "uuid" },
      { "kind", "text" },
      { "action", "text" },
      { "detail", "text" },
      { "days", "integer" } },
    { 0 },
    { 0 },
    false
};

/* What is done to a volume with the server that has it is that server's task. */
static const char *failure_object(const struct kn_conductor_task *task, const struct kn_volume_failure *failure)
{
    return task->flow->object != &kn_conductor_record_server ? task->object_id
           : strcmp(failure->resource, "VOLUME") == 0        ? kn_conductor_wished_str(task, "volume")
           : strcmp(failure->resource, "VOLUME_BACKUP") == 0 ? kn_conductor_wished_str(task, "backup")
                                                             : kn_conductor_wished_str(task, "snapshot");
}

int kn_conductor_failures_tell(struct kn_db *db, const struct kn_conductor_move *moves, int count, int64_t days,
                               struct kn_error *err)
{
    AUTO_RELEASE(kn_batch) struct kn_batch batch;

    kn_batch_init(&batch, &TELL);
    for (int i = 0; i < count; i++) {
        const struct kn_conductor_task *task = moves[i].task;
        const bool is_told = moves[i].applied && task->state == KN_TASK_FAILED && task->error.code != KN_CANCELLED;
        const struct kn_volume_failure *failure = is_told ? kn_volume_failure_of(task->flow->kind, task->error.code)
                                                          : NULL;

        if (failure != NULL) {
            kn_batch_addint(&batch, task->id);
            kn_batch_add(&batch, task->project_id);
            kn_batch_add(&batch, task->request_id);
            kn_batch_add(&batch, failure->resource);
            kn_batch_add(&batch, failure_object(task, failure));
            kn_batch_add(&batch, failure->kind);
            kn_batch_add(&batch, failure->action);
            kn_batch_add(&batch, failure->detail);
            kn_batch_addint(&batch, days);
        }
    }
    return kn_batch_run(&batch, db, NULL, err);
}
