/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statuses of an image as a table of events, and the one function that moves an image along it. Deletion is not in it:
 * it is the row's own field, and any status may meet it.
 */
#include <string.h>

#include "image/rows/image.h"
#include "image/rows/quota.h"

static const struct {
    const char *from[3]; /* ended by NULL */
    const char *to;
} EVENTS[] = {
    /* "saving" as well: whoever holds the lock knows that the writer who said so is dead */
    [KN_IMAGE_UPLOAD_BEGINS] = { { "queued", "saving" }, "saving" },
    [KN_IMAGE_UPLOAD_FAILS] = { { "saving" }, "queued" },
    [KN_IMAGE_UPLOAD_ENDS] = { { "saving" }, "active" },
    /* "uploading" as well, for the same reason; never when something is staged already */
    [KN_IMAGE_STAGE_BEGINS] = { { "queued", "uploading" }, "uploading" },
    [KN_IMAGE_STAGE_FAILS] = { { "uploading" }, "queued" },
    [KN_IMAGE_IMPORT_BEGINS] = { { "uploading", "queued" }, "importing" },
    [KN_IMAGE_IMPORT_FAILS] = { { "importing" }, "queued" },
    [KN_IMAGE_IMPORT_ENDS] = { { "importing" }, "active" },
    [KN_IMAGE_DEACTIVATE] = { { "active" }, "deactivated" },
    [KN_IMAGE_REACTIVATE] = { { "deactivated" }, "active" },
};
_Static_assert(sizeof(EVENTS) / sizeof(EVENTS[0]) == KN_IMAGE_EVENT_COUNT, "a row for every event");

bool kn_image_stands(const char *status, enum kn_image_event event)
{
    return strcmp(status, EVENTS[event].to) == 0;
}

static int status_refuse(const char *current, enum kn_image_event event, struct kn_error *err)
{
    return kn_fail(err, KN_CONFLICT, "Image status transition from %s to %s is not allowed", current, EVENTS[event].to);
}

int kn_image_refuse_brought(const struct kn_image *image, enum kn_image_event event, struct kn_error *err)
{
    return image->is_brought ? status_refuse(image->status, event, err) : 0;
}

int kn_image_move(struct kn_db *db, const char *id, const char *current, enum kn_image_event event,
                  struct kn_error *err)
{
    static const struct kn_stmt MOVE = { "image_move",
                                         "UPDATE image SET status = $2, updated_at = now() "
                                         "WHERE id = $1 AND status IN ($3, $4) AND deleted_at IS NULL",
                                         4 };
    AUTO_RELEASE(kn_image_tally) struct kn_image_tally tally = KN_IMAGE_TALLY_INIT;
    const char *const *from = EVENTS[event].from;
    int64_t moved = 0;

    if (kn_image_tally_begin(&tally, db, id, err) < 0 ||
        kn_db_change(db, &MOVE, KN_ARGS(id, EVENTS[event].to, from[0], from[1]), &moved, err) < 0) {
        return -1;
    }
    return moved == 1 ? kn_image_tally_end(&tally, db, id, err) : status_refuse(current, event, err);
}
