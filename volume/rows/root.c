/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volumes that servers boot from, as what compute does to a server changes them: overwritten while the server that has them is off. Who may is the server's owner, so the volume is found by its
 * attachment and nothing else.
 */
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/domain/message.h"
#include "volume/api.h"
#include "volume/rows/source.h"
#include "volume/rows/volume.h"

int kn_volume_root_find(struct kn_db *db, const char *server_id, struct kn_volume_root *ret, struct kn_error *err)
{
    static const struct kn_stmt ROOT = {
        "volume_root",
        "SELECT v.id, coalesce(v.image->>'image_id', ''), v.size_gib, v.multiattach FROM attachment a "
        "JOIN volume v ON v.id = a.volume_id WHERE a.server_id = $1 AND a.boot_index = 0",
        1
    };
    enum { ID, IMAGE, SIZE, IS_SHARED };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &ROOT, KN_ARGS(server_id), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_CONFLICT, "Instance %s has no root disk", server_id);
    }
    kn_copy(ret->id, sizeof(ret->id), kn_rows_text(rows, 0, ID));
    kn_copy(ret->image, sizeof(ret->image), kn_rows_text(rows, 0, IMAGE));
    ret->size_gib = kn_rows_int(rows, 0, SIZE);
    ret->is_shared = kn_rows_bool(rows, 0, IS_SHARED);
    return 0;
}

int kn_volume_root_overwrite(const struct kn_request *req, const char *volume_id, json_t *input, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    json_auto_t *known = NULL;
    struct kn_volume v;

    if (kn_volume_get(req->db, &req->caller, volume_id, true, &rows, &v, err) < 0 ||
        kn_volume_move(req->db, &v, KN_VOLUME_REBUILD, err) < 0 ||
        kn_volume_source_image(req, kn_json_str(input, "image"), v.size_gib, &known, err) < 0) {
        return -1;
    }
    AUTO_FREE char *text = json_dumps(known, JSON_COMPACT);

    json_object_set_new(input, "size_gib", json_integer(v.size_gib));
    return kn_volume_know_image(req->db, v.id, text, err);
}
