/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group_snapshot: what all volumes of a group held at one moment. Their copies are one task: all are whole, or none is there. No volume of the group has a server, and none changes before all
 * copies of it are made, so what they hold is of the moment of the request.
 */
#ifndef KN_VOLUME_ROWS_GROUP_SNAPSHOT_H
#define KN_VOLUME_ROWS_GROUP_SNAPSHOT_H

#include "lib/adapter/db.h"
#include "lib/adapter/http.h"
#include "lib/rest/noun.h"

extern const struct kn_rest_noun kn_volume_group_snapshot_noun;

/* One row. The pointers live as long as the rows they came from. */
struct kn_volume_group_snapshot {
    const char *id;
    const char *project_id;
    const char *group_id;
    const char *status;
};

/* One of the caller's project, any for whoever may see all; KN_NOT_FOUND otherwise. update: locked until the transaction ends. */
int kn_volume_group_snapshot_get(struct kn_db *db, const struct kn_caller *caller, const char *id, bool update,
                                 struct kn_rows **ret_rows, struct kn_volume_group_snapshot *ret, struct kn_error *err);
int kn_volume_group_snapshot_set_status(struct kn_db *db, const char *id, const char *status, struct kn_error *err);
/* The administrator's word; KN_BAD_REQUEST while a task is making or ending it, because its parts become what the task says. */
int kn_volume_group_snapshot_reset(struct kn_db *db, const char *id, const char *status, struct kn_error *err);
/* The wish to delete it with all its parts, in the caller's transaction, the row being held; *ret_task for the wake. KN_BAD_REQUEST: its status, or what is being made of a part. */
int kn_volume_group_snapshot_doom(struct kn_request *req, const struct kn_volume_group_snapshot *s, int64_t *ret_task,
                                  struct kn_error *err);
/* Its parts: *ret_rows of ids and names, in the order of their volumes. */
int kn_volume_group_snapshot_parts(struct kn_db *db, const char *id, struct kn_rows **ret_rows, struct kn_error *err);

#endif
