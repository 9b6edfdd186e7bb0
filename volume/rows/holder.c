/* SPDX-License-Identifier: Apache-2.0 */
/* holder: see the header. */
#include "volume/rows/holder.h"

#include <string.h>

#include "lib/adapter/task.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

static int holder_refuse(const char *volume, const char *why, struct kn_error *err)
{
    return kn_fail(err, KN_BAD_REQUEST, "Invalid volume: Volume %s %s.", volume, why);
}

int kn_volume_holder_hold(struct kn_db *db, const char *volume, char ret_server[KN_UUID_SIZE], struct kn_error *err)
{
    static const struct kn_stmt HOLD = {
        "volume_holder_hold",
        "SELECT s.id, s.task_state IS NULL AND s.soft_deleted_at IS NULL FROM server s WHERE s.deleted_at IS NULL AND "
        "s.id = (SELECT server_id FROM attachment WHERE volume_id = $1 ORDER BY id LIMIT 1) FOR UPDATE",
        1
    };
    enum { SERVER, IS_IDLE };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &HOLD, KN_ARGS(volume), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return holder_refuse(volume, "is in use, but no server of this cloud has it", err);
    }
    if (!kn_rows_bool(rows, 0, IS_IDLE)) {
        return holder_refuse(volume, "belongs to a server that is busy", err);
    }
    kn_copy(ret_server, KN_UUID_SIZE, kn_rows_text(rows, 0, SERVER));
    return 0;
}

int kn_volume_holder_check(struct kn_db *db, const struct kn_volume *v, const char *server, struct kn_error *err)
{
    static const struct kn_stmt ALONE = {
        "volume_holder_alone",
        "SELECT coalesce(bool_and(server_id = $2 AND status = 'attached'), false) FROM attachment WHERE volume_id = $1",
        2
    };
    enum { IS_ALONE };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &ALONE, KN_ARGS(v->id, server), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_bool(rows, 0, IS_ALONE) ? 0 : holder_refuse(v->id, "has several servers", err);
}

static const struct kn_stmt DISK = { "volume_holder_disk",
                                     "SELECT backend = 'file', format = 'raw' FROM volume WHERE id = $1", 1 };
enum { DISK_IS_FILE, DISK_IS_RAW };

int kn_volume_holder_can_copy(struct kn_db *db, const struct kn_volume *v, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &DISK, KN_ARGS(v->id), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_bool(rows, 0, DISK_IS_FILE)
               ? 0
               : holder_refuse(v->id, "is attached, and only the back end file takes snapshots then", err);
}

int kn_volume_holder_can_grow(struct kn_db *db, const struct kn_volume *v, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &DISK, KN_ARGS(v->id), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_bool(rows, 0, DISK_IS_FILE) && kn_rows_bool(rows, 0, DISK_IS_RAW)
               ? 0
               : holder_refuse(v->id, "is attached, and only raw disks of the back end file grow then", err);
}

void kn_volume_holder_tell(struct kn_request *req, const json_t *changed)
{
    const char *id;
    json_t *object;

    json_object_foreach ((json_t *)(uintptr_t)changed, id, object) { /* jansson walks over non-const objects only */
        const char *server = kn_json_str(object, "held_by");
        const int64_t task = json_integer_value(json_object_get(object, "task"));

        if (task > 0) {
            kn_task_wake(req->bus, *server != '\0' ? server : id, task);
        }
    }
}
