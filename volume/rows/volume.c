/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a volume: its row, and who may have it. Writing is volume_write.c's, what clients see noun.c's. */
#include "volume/rows/volume.h"

#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"

#define SELECT \
    "SELECT v.id, v.project_id, v.user_id, v.name, v.description, v.size_gib, v.status, v.zone, v.bootable, " \
    "v.metadata, v.multiattach, v.type_id, v.image, v.extends_from, v.group_id, v.key_id FROM volume v "

enum {
    ID,
    PROJECT,
    USER,
    NAME,
    DESCRIPTION,
    SIZE,
    STATUS,
    ZONE,
    BOOTABLE,
    METADATA,
    SHARED,
    TYPE,
    IMAGE,
    EXTENDS_FROM,
    GROUP,
    KEY
};

static void volume_at(const struct kn_rows *rows, int row, struct kn_volume *ret)
{
    *ret = (struct kn_volume){
        .id = kn_rows_text(rows, row, ID),
        .project_id = kn_rows_text(rows, row, PROJECT),
        .user_id = kn_rows_text(rows, row, USER),
        .name = kn_rows_str(rows, row, NAME),
        .description = kn_rows_str(rows, row, DESCRIPTION),
        .size_gib = kn_rows_int(rows, row, SIZE),
        .status = kn_rows_text(rows, row, STATUS),
        .zone = kn_rows_text(rows, row, ZONE),
        .is_bootable = kn_rows_bool(rows, row, BOOTABLE),
        .metadata = kn_rows_text(rows, row, METADATA),
        .is_shared = kn_rows_bool(rows, row, SHARED),
        .type_id = kn_rows_text(rows, row, TYPE),
        .image = kn_rows_str(rows, row, IMAGE),
        .extends_from_gib = kn_rows_int(rows, row, EXTENDS_FROM),
        .group_id = kn_rows_str(rows, row, GROUP),
        .key_id = kn_rows_str(rows, row, KEY),
    };
}

int kn_volume_get(struct kn_db *db, const struct kn_caller *caller, const char *id, bool update,
                  struct kn_rows **ret_rows, struct kn_volume *ret, struct kn_error *err)
{
    static const struct kn_stmt GET = { "volume_get", SELECT "WHERE v.id = $1 AND (v.project_id = $2 OR $3::boolean)",
                                        3 };
    static const struct kn_stmt LOCK = {
        "volume_lock", SELECT "WHERE v.id = $1 AND (v.project_id = $2 OR $3::boolean) FOR UPDATE OF v", 3
    };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_uuid_valid(id) &&
        kn_db_run(db, update ? &LOCK : &GET,
                  KN_ARGS(id, caller->project_id, kn_policy_allows(KN_CINDER_SHOW, caller, NULL) ? "t" : "f"), &rows,
                  err) < 0) {
        return -1;
    }
    if (rows == NULL || kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Volume %.64s could not be found.", id);
    }
    volume_at(rows, 0, ret);
    *ret_rows = kn_steal(&rows);
    return 0;
}
