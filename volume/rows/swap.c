/* SPDX-License-Identifier: Apache-2.0 */
/* Two volumes that change places at a server: the wish. What comes of it the conductor writes (conductor/flows/volume.c). */
#include <string.h>

#include "lib/base/cleanup.h"
#include "volume/api.h"
#include "volume/rows/volume.h"

/* Both, in the order of their ids: so nobody waits in a circle. */
static int swap_hold(struct kn_db *db, const char *one, const char *other, struct kn_error *err)
{
    static const struct kn_stmt HOLD = { "volume_swap_hold",
                                         "SELECT 1 FROM volume WHERE id IN ($1, $2) ORDER BY id FOR UPDATE", 2 };

    return kn_db_run(db, &HOLD, KN_ARGS(one, other), NULL, err);
}

static int swap_refuse(const char *why, struct kn_error *err)
{
    return kn_fail(err, KN_BAD_REQUEST, "Invalid volume: %s", why);
}

/* That the one may be copied to the other while its guest writes it, and that the guest does not see a difference. */
static int swap_judge(struct kn_db *db, const struct kn_volume *v, const struct kn_volume *to, struct kn_error *err)
{
    static const struct kn_stmt LOOK = {
        "volume_swap_look",
        "SELECT (SELECT count(*) FROM attachment WHERE volume_id = v.id AND coalesce(mode, CASE WHEN v.readonly THEN 'ro' ELSE 'rw' END) = 'rw'), "
        "EXISTS (SELECT FROM attachment WHERE volume_id = t.id AND status IN ('attached', 'detaching')), coalesce(t.readonly, false), "
        "NOT (coalesce(v.format, 'raw') IN ('raw', 'qcow2') AND coalesce(t.format, 'raw') IN ('raw', 'qcow2')) "
        "FROM volume v, volume t WHERE v.id = $1 AND t.id = $2",
        2
    };
    enum { WRITERS, IS_ATTACHED, IS_READONLY, IS_SEALED };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &LOOK, KN_ARGS(v->id, to->id), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_int(rows, 0, WRITERS) == 0   ? swap_refuse("Volume is attached read-only, and is not swapped.", err)
           : kn_rows_bool(rows, 0, IS_ATTACHED) ? swap_refuse("New volume must be detached in order to swap.", err)
           : to->size_gib < v->size_gib         ? swap_refuse("New volume must be the same size or larger.", err)
           : kn_rows_int(rows, 0, WRITERS) > 1
               ? kn_fail(err, KN_BAD_REQUEST,
                         "Swapping multi-attach volumes with more than one read/write attachment is not supported.")
           : v->is_shared || to->is_shared
               ? kn_fail(err, KN_CONFLICT, "Volume %s may have several servers, and is not swapped.",
                         v->is_shared ? v->id : to->id)
           : to->size_gib != v->size_gib
               ? swap_refuse("New volume must be of the same size: no disk grows while it is copied.", err)
           : kn_rows_bool(rows, 0, IS_SEALED)           ? swap_refuse("Only raw and qcow2 disks are swapped.", err)
           : kn_rows_bool(rows, 0, IS_READONLY)         ? swap_refuse("New volume is read-only.", err)
           : strcmp(v->project_id, to->project_id) != 0 ? swap_refuse("New volume belongs to another project.", err)
                                                        : 0;
}

static const struct kn_stmt BEGIN = {
    "attachment_swap_begin",
    "WITH old AS (UPDATE attachment SET status = 'detaching' WHERE volume_id = $1 AND server_id = $3 AND status = 'attached' RETURNING *) "
    "INSERT INTO attachment (id, volume_id, server_id, status, tag, device) SELECT gen_random_uuid(), $2, $3, 'attaching', tag, device FROM old "
    "RETURNING id, (SELECT id FROM old), (SELECT boot_index FROM old)",
    3
};
enum { NEW_ID, OLD_ID, OLD_BOOT };

static int swap_move(struct kn_db *db, const struct kn_volume *v, const struct kn_volume *to, const char *server_id,
                     json_t *input, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_volume_move(db, v, KN_VOLUME_DETACH, err) < 0 || kn_volume_move(db, to, KN_VOLUME_ATTACH, err) < 0 ||
        kn_db_run(db, &BEGIN, KN_ARGS(v->id, to->id, server_id), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid volume: Volume %s must be attached to server %s in order to swap.",
                       v->id, server_id);
    }
    json_object_set_new(input, "attachment", json_string(kn_rows_text(rows, 0, OLD_ID)));
    json_object_set_new(input, "to_attachment", json_string(kn_rows_text(rows, 0, NEW_ID)));
    if (kn_rows_str(rows, 0, OLD_BOOT) != NULL) {
        json_object_set_new(input, "boot", json_integer(kn_rows_int(rows, 0, OLD_BOOT)));
    }
    return 0;
}

int kn_volume_swap_begin(struct kn_db *db, const struct kn_caller *caller, const char *volume_id, const char *to_id,
                         const char *server_id, json_t *input, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO(kn_rows) struct kn_rows *to_rows = NULL;
    struct kn_volume v, to;

    if (swap_hold(db, volume_id, to_id, err) < 0 || kn_volume_get(db, caller, volume_id, true, &rows, &v, err) < 0) {
        return -1;
    }
    if (kn_volume_get(db, caller, to_id, true, &to_rows, &to, err) <
        0) { /* it stands in the body: the request is wrong */
        return err->code == KN_NOT_FOUND ? kn_fail(err, KN_BAD_REQUEST, "Volume %.64s could not be found.", to_id) : -1;
    }
    return swap_judge(db, &v, &to, err) < 0 ? -1 : swap_move(db, &v, &to, server_id, input, err);
}
