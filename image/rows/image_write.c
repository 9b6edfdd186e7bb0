/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of images beside their attributes: data arriving, deletion. Callers have checked who asks; here each change
 * is one statement.
 */
#include <string.h>

#include "image/rows/image.h"
#include "image/rows/quota.h"
#include "lib/base/cleanup.h"
#include "lib/base/uuid.h"

int kn_image_activate(struct kn_db *db, const char *id, enum kn_image_event event, const struct kn_image_data *data,
                      struct kn_error *err)
{
    static const struct kn_stmt BLOB = {
        "image_blob", "INSERT INTO blob (sha512, md5, size) VALUES ($1, $2, $3) ON CONFLICT (sha512) DO NOTHING", 3
    };
    static const struct kn_stmt DATA = {
        "image_data",
        "UPDATE image SET sha512 = $2, size = $3, virtual_size = $4, disk_format = coalesce($5, disk_format) WHERE id = $1",
        5
    };
    AUTO_RELEASE(kn_image_tally) struct kn_image_tally tally = KN_IMAGE_TALLY_INIT;
    struct kn_arg size, virtual_size;

    kn_arg_int(&size, data->size);
    kn_arg_int(&virtual_size, data->virtual_size);
    if (kn_image_move(db, id, "unknown", event, err) < 0) {
        return err != NULL && err->code != KN_CONFLICT
                   ? -1
                   : kn_fail(err, KN_GONE,
                             "Image %s could not be found after upload. The image may have been deleted "
                             "during the upload.",
                             id);
    }
    if (kn_db_run(db, &BLOB, KN_ARGS(data->sha512, data->md5, size.text), NULL, err) < 0 ||
        kn_image_tally_begin(&tally, db, id, err) < 0 ||
        kn_db_run(db, &DATA, KN_ARGS(id, data->sha512, size.text, virtual_size.text, data->disk_format), NULL, err) <
            0) {
        return -1;
    }
    return kn_image_tally_end(&tally, db, id, err);
}

int kn_image_staged(struct kn_db *db, const char *id, int64_t size, struct kn_error *err)
{
    static const struct kn_stmt STAGED = {
        "image_staged",
        "UPDATE image SET size = $2, updated_at = now() WHERE id = $1 AND status = 'uploading' AND deleted_at IS NULL",
        2
    };
    AUTO_RELEASE(kn_image_tally) struct kn_image_tally tally = KN_IMAGE_TALLY_INIT;
    struct kn_arg arg;
    int64_t wanted = 0;

    if (kn_image_tally_begin(&tally, db, id, err) < 0 ||
        kn_db_change(db, &STAGED, KN_ARGS(id, kn_arg_int(&arg, size)), &wanted, err) < 0) {
        return -1;
    }
    return wanted == 1 ? kn_image_tally_end(&tally, db, id, err)
                       : kn_fail(err, KN_GONE, "Image %s was deleted while its data was staged.", id);
}

int kn_image_delete(struct kn_db *db, const char *id, struct kn_error *err)
{
    static const struct kn_stmt DELETE = {
        "image_delete",
        "WITH gone AS (UPDATE image SET status = 'deleted', sha512 = NULL, deleted_at = now(), updated_at = now() "
        "WHERE id = $1 AND deleted_at IS NULL RETURNING id), "
        "members AS (DELETE FROM image_member m USING gone WHERE m.image_id = gone.id), "
        "tasks AS (UPDATE image_task t SET status = 'failure', message = 'the image was deleted', updated_at = now(), "
        "expires_at = now() + interval '48 hours' FROM gone WHERE t.image_id = gone.id AND t.status IN ('pending', 'processing')) "
        "SELECT id FROM gone",
        1
    };
    AUTO_RELEASE(kn_image_tally) struct kn_image_tally tally = KN_IMAGE_TALLY_INIT;
    int64_t deleted = 0;

    if (kn_image_tally_begin(&tally, db, id, err) < 0 || kn_db_change(db, &DELETE, KN_ARGS(id), &deleted, err) < 0) {
        return -1;
    }
    return deleted == 1 ? kn_image_tally_end(&tally, db, id, err)
                        : kn_fail(err, KN_NOT_FOUND, "Failed to find image %s to delete", id);
}
