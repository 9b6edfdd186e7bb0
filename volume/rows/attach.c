/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The volume's side of attaching: what compute's handlers write together with their task. The conductor finishes or undoes
 * both rows (conductor/store/object_volume.c).
 */
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "volume/api.h"
#include "volume/rows/volume.h"

int kn_volume_refuse_shared(struct kn_error *err)
{
    return kn_fail(err, KN_BAD_REQUEST,
                   "Multiattach volumes are only supported starting with compute API version 2.60.");
}

int kn_volume_attach_begin(struct kn_db *db, const struct kn_caller *caller, const struct kn_volume_attach *wish,
                           char ret_attachment_id[KN_UUID_SIZE], struct kn_error *err)
{
    static const struct kn_stmt ATTACH = {
        "attachment_begin",
        "INSERT INTO attachment (id, volume_id, server_id, status, tag, delete_on_termination, shared, device, boot_index) "
        "VALUES ($1, $2, $3, 'attaching', $4, $5, $6, $7, nullif($8, -1))",
        8
    };
    static const struct kn_stmt THERE = { "attachment_there",
                                          "SELECT 1 FROM attachment WHERE volume_id = $1 AND server_id = $2", 2 };
    AUTO(kn_rows) struct kn_rows *there = NULL;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_arg boot;
    struct kn_volume v;
    char id[KN_UUID_SIZE];

    if (kn_volume_get(db, caller, wish->volume_id, true, &rows, &v, err) < 0 ||
        (v.is_shared && kn_db_run(db, &THERE, KN_ARGS(v.id, wish->server_id), &there, err) < 0)) {
        return -1;
    }
    if (v.is_shared && wish->may_not_share) {
        return kn_volume_refuse_shared(err);
    }
    if (there != NULL && kn_rows_count(there) > 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid volume: Volume %s is already attached to server %s.", v.id,
                       wish->server_id);
    }
    kn_uuid_make(id);
    if ((!wish->is_new && kn_volume_move(db, &v, v.is_shared ? KN_VOLUME_SHARE : KN_VOLUME_ATTACH, err) < 0) ||
        kn_db_run(db, &ATTACH,
                  KN_ARGS(id, v.id, wish->server_id, wish->tag, wish->delete_on_termination ? "t" : "f",
                          v.is_shared ? "t" : "f", wish->device,
                          kn_arg_int(&boot, wish->boots ? wish->boot_index : -1)),
                  NULL, err) < 0 ||
        (!wish->is_new && kn_volume_follow(db, v.id, err) < 0)) {
        return -1;
    }
    kn_copy(ret_attachment_id, KN_UUID_SIZE, id);
    return 0;
}

int kn_volume_attach_keep(struct kn_db *db, const char *volume_id, const char *server_id, bool delete_on_termination,
                          struct kn_error *err)
{
    static const struct kn_stmt KEEP = {
        "attachment_keep", "UPDATE attachment SET delete_on_termination = $3 WHERE volume_id = $1 AND server_id = $2", 3
    };
    int64_t count = 0;

    if (kn_db_change(db, &KEEP, KN_ARGS(volume_id, server_id, delete_on_termination ? "t" : "f"), &count, err) < 0) {
        return -1;
    }
    return count > 0 ? 0 : kn_fail(err, KN_NOT_FOUND, "Volume %s is not attached to server %s.", volume_id, server_id);
}

int kn_volume_detach_begin(struct kn_db *db, const struct kn_caller *caller, const char *volume_id,
                           const char *server_id, char ret_attachment_id[KN_UUID_SIZE], struct kn_error *err)
{
    static const struct kn_stmt FIND = {
        "attachment_find",
        "SELECT id, status, boot_index = 0 FROM attachment WHERE volume_id = $1 AND server_id = $2 FOR UPDATE", 2
    };
    enum { ID, STATUS, IS_ROOT };
    static const struct kn_stmt DETACH = { "attachment_detach",
                                           "UPDATE attachment SET status = 'detaching' WHERE id = $1", 1 };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO(kn_rows) struct kn_rows *found = NULL;
    struct kn_volume v;

    if (kn_volume_get(db, caller, volume_id, true, &rows, &v, err) < 0 ||
        kn_db_run(db, &FIND, KN_ARGS(v.id, server_id), &found, err) < 0) {
        return -1;
    }
    if (kn_rows_count(found) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Volume %s is not attached to server %s.", v.id, server_id);
    }
    if (kn_rows_bool(found, 0, IS_ROOT)) {
        return kn_fail(err, KN_FORBIDDEN, "Cannot detach a root device volume");
    }
    const char *id = kn_rows_text(found, 0, ID);
    if (v.is_shared &&
        strcmp(kn_rows_text(found, 0, STATUS), "attached") != 0) { /* its status may be of another's attachment */
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid volume: Volume %s must be attached to server %s to detach, but it is %s.", v.id,
                       server_id, kn_rows_text(found, 0, STATUS));
    }
    if (kn_volume_move(db, &v, KN_VOLUME_DETACH, err) < 0 || kn_db_run(db, &DETACH, KN_ARGS(id), NULL, err) < 0 ||
        kn_volume_follow(db, v.id, err) < 0) {
        return -1;
    }
    kn_copy(ret_attachment_id, KN_UUID_SIZE, id);
    return 0;
}
