/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots of all volumes of a server, for an image of it: all of them are wished in one transaction, or none. Each is a task of the server like any snapshot of a volume that it has; the rows
 * know their image (for_image) until that is whole, so that whatever ends its making ends them, too (conductor/store/object_volume.c).
 */
#include <string.h>

#include "lib/adapter/quota.h"
#include "lib/adapter/task.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/domain/message.h"
#include "volume/api.h"
#include "volume/rows/backend.h"
#include "volume/rows/holder.h"
#include "volume/rows/volume.h"

/* In the order of their ids, as everybody holds volumes. */
static const struct kn_stmt VOLUMES = {
    "volume_server_volumes",
    "SELECT volume_id, device, boot_index, tag, delete_on_termination FROM attachment WHERE server_id = $1 ORDER BY volume_id",
    1
};
enum { OF_VOLUME, OF_DEVICE, OF_BOOT, OF_TAG, OF_DIES };

/* One volume, held from here on, that may be copied with its server. */
static int server_snapshots_take(const struct kn_request *req, const char *server, const struct kn_rows *of, int row,
                                 json_t *list, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    char snapshot[KN_UUID_SIZE];
    struct kn_volume v;

    if (kn_volume_get(req->db, &req->caller, kn_rows_text(of, row, OF_VOLUME), true, &rows, &v, err) < 0 ||
        kn_volume_backend_refuse_frozen(req->db, req->conf, v.id, err) < 0 ||
        kn_volume_move(req->db, &v, KN_VOLUME_COPY_HELD, err) < 0 ||
        kn_volume_holder_check(req->db, &v, server, err) < 0 || kn_volume_holder_can_copy(req->db, &v, err) < 0) {
        return -1;
    }
    kn_uuid_make(snapshot);
    json_t *one = json_pack("{s:s, s:s, s:s, s:I, s:s*, s:s*, s:s*, s:b, s:b}", "volume", v.id, "snapshot", snapshot,
                            "type", v.type_id, "size", (json_int_t)v.size_gib, "description", v.description, "device",
                            kn_rows_str(of, row, OF_DEVICE), "tag", kn_rows_str(of, row, OF_TAG), "dies",
                            kn_rows_bool(of, row, OF_DIES), "is_bootable", v.is_bootable);

    if (!kn_rows_null(of, row, OF_BOOT)) {
        json_object_set_new(one, "boot", json_integer(kn_rows_int(of, row, OF_BOOT)));
    }
    if (v.image != NULL) {
        json_object_set_new(one, "image", json_loads(v.image, 0, NULL));
    }
    return json_array_append_new(list, one);
}

int kn_volume_server_snapshots_take(const struct kn_request *req, const char *server_id, json_t **ret,
                                    struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *of = NULL;
    json_auto_t *list = json_array();

    if (kn_db_run(req->db, &VOLUMES, KN_ARGS(server_id), &of, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(of); row++) {
        if (server_snapshots_take(req, server_id, of, row, list, err) < 0) {
            return -1;
        }
    }
    *ret = json_incref(list);
    return 0;
}

static int server_snapshots_insert(const struct kn_request *req, const struct kn_volume_server_snapshots *wish,
                                   const json_t *one, struct kn_error *err)
{
    static const struct kn_stmt INSERT = {
        "volume_server_snapshot_insert",
        "INSERT INTO volume_snapshot (id, volume_id, project_id, user_id, name, description, size_gib, status, type_id, image, bootable, for_image) "
        "VALUES ($1, $2, $3, $4, left($5, 255), $6, $7, 'creating', $8, $9::jsonb, $10, $11)",
        11
    };
    const json_t *image = json_object_get(one, "image");
    AUTO_FREE char *known = json_is_object(image) ? json_dumps(image, JSON_COMPACT) : NULL;
    AUTO_FREE char *name = kn_asprintf("snapshot for %s", wish->name);
    const char *description = json_string_value(json_object_get(one, "description")), *type = kn_json_str(one, "type");
    const char *project = req->caller.project_id;
    struct kn_arg gib;

    kn_quota_claim_disks(wish->claims, project, KN_QUOTA_SNAPSHOTS, type, 1, kn_json_int(one, "size"));
    return kn_db_run(req->db, &INSERT,
                     KN_ARGS(kn_json_str(one, "snapshot"), kn_json_str(one, "volume"), project, req->caller.user_id,
                             name, description, kn_arg_int(&gib, kn_json_int(one, "size")), type, known,
                             json_is_true(json_object_get(one, "is_bootable")) ? "t" : "f", wish->image_id),
                     NULL, err);
}

int kn_volume_server_snapshots_begin(const struct kn_request *req, const struct kn_volume_server_snapshots *wish,
                                     struct kn_error *err)
{
    const json_t *one;
    size_t i;

    json_array_foreach (wish->list, i, one) {
        json_auto_t *input = json_pack("{s:O, s:O}", "volume", json_object_get(one, "volume"), "snapshot",
                                       json_object_get(one, "snapshot"));
        const struct kn_task_wish task = { "server.snapshot_volume", wish->server_id, wish->project_id,
                                           req->caller.user_id,      req->request_id, input };
        int64_t id = 0;

        if (server_snapshots_insert(req, wish, one, err) < 0 || kn_task_insert(req->db, &task, &id, err) < 0) {
            return -1;
        }
    }
    return 0;
}
