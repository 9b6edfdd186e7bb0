/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup: the rows of volumes' backups. The API writes wishes (creating, deleting), the conductor what came of them, as of snapshots; where the bytes are kilonova-volume writes. Who reads
 * one is asked of the rows: a volume that is being restored from it, a backup that is incremental to it.
 */
#ifndef KN_VOLUME_ROWS_BACKUP_H
#define KN_VOLUME_ROWS_BACKUP_H

#include "lib/adapter/db.h"
#include "lib/adapter/http.h"
#include "lib/rest/noun.h"

extern const struct kn_rest_noun kn_volume_backup_noun;

/* One row. The pointers live as long as the rows they came from. */
struct kn_volume_backup {
    const char *id;
    const char *project_id;
    const char *volume_id;
    const char *status; /* as it is kept: no "restoring" */
    int64_t size_gib;
    const char *image; /* as its volume's was, JSON; NULL = nothing */
    const char *volume_metadata; /* likewise, JSON */
    bool is_bootable;
    bool is_whole; /* all of it is stored, and it is to stay: a volume can be restored from it */
    bool is_read; /* one is just now, or a record of it is being imported */
    bool has_dependents;
    bool is_copied; /* of what a server has: there is a copy that it is made of, or one is being made */
};

/* A backup of the caller's project, any for an admin; KN_NOT_FOUND otherwise. update: locked until the transaction ends. */
int kn_volume_backup_get(struct kn_db *db, const struct kn_caller *caller, const char *id, bool update,
                         struct kn_rows **ret_rows, struct kn_volume_backup *ret, struct kn_error *err);
/* The wish to delete it: the caller holds its row, and wakes the task behind the commit. KN_BAD_REQUEST: it has dependents, or a volume is restored from it, or, without force, it is not at rest. */
int kn_volume_backup_doom(struct kn_request *req, const struct kn_volume_backup *b, bool by_force, int64_t *ret_task,
                          struct kn_error *err);
/* An admin's word. KN_BAD_REQUEST: "available" of one that is not whole. */
int kn_volume_backup_set_status(struct kn_db *db, const struct kn_volume_backup *b, const char *status,
                                struct kn_error *err);
/* The wish that a volume which is there gets what the backup holds, in the caller's transaction. ret_name: the volume's, heap or NULL. KN_BAD_REQUEST, KN_NOT_FOUND in Cinder's words. */
int kn_volume_backup_restore(struct kn_request *req, const char *id, const char *volume_id, char **ret_name,
                             int64_t *ret_task, struct kn_error *err);

#endif
