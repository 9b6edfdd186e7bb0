/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot: what volumes held at some time. The API writes wishes (creating, deleting), the conductor what came of them, as of volumes. */
#ifndef KN_VOLUME_ROWS_SNAPSHOT_H
#define KN_VOLUME_ROWS_SNAPSHOT_H

#include "lib/adapter/db.h"
#include "lib/adapter/http.h"
#include "lib/rest/noun.h"
#include "volume/rows/volume.h"

extern const struct kn_rest_noun kn_volume_snapshot_noun;

/* One row. The pointers live as long as the rows they came from. */
struct kn_volume_snapshot {
    const char *id;
    const char *volume_id;
    const char *project_id;
    const char *status;
    int64_t size_gib;
    const char *type_id;
    const char *image; /* as its volume's was, JSON; NULL = nothing */
    bool is_bootable;
    const char *group_snapshot_id; /* which it is a part of; NULL = it stands alone */
};

/* A snapshot of the caller's project, any for an admin; KN_NOT_FOUND otherwise. update: locked until the transaction ends. */
int kn_volume_snapshot_get(struct kn_db *db, const struct kn_caller *caller, const char *id, bool update,
                           struct kn_rows **ret_rows, struct kn_volume_snapshot *ret, struct kn_error *err);
/*
 * The wish to delete, in the caller's transaction, the row being held: status and task; *ret_task for the wake. by_force: whatever its status is. KN_BAD_REQUEST: its status
 * does not allow it, or a volume is being made of it.
 */
int kn_volume_snapshot_doom(struct kn_request *req, const struct kn_volume_snapshot *s, bool by_force,
                            int64_t *ret_task, struct kn_error *err);
/*
 * All of a volume that is held, in the same way; *ret_wakes: {id: task}. Without `cascade` none may be there, and those that another project kept when it gave the volume away
 * keep it in any case.
 */
int kn_volume_snapshots_doom(struct kn_request *req, const struct kn_volume *v, bool cascade, json_t *ret_wakes,
                             struct kn_error *err);
int kn_volume_snapshot_set_status(struct kn_db *db, const char *id, const char *status, struct kn_error *err);
/* Its status as clients see it, "backing-up" among them: asked under its lock, which whoever backs it up held, too. */
int kn_volume_snapshot_see(struct kn_db *db, struct kn_volume_snapshot *s, struct kn_error *err);
/* What whoever keeps it says of one on its way, along Cinder's table; progress: "80%", NULL: nothing. KN_BAD_REQUEST: not of this status, or a task is about it. */
int kn_volume_snapshot_say(struct kn_db *db, const struct kn_volume_snapshot *s, const char *status,
                           const char *progress, struct kn_error *err);

#endif
