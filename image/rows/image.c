/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading images: one row, what the caller sees of it. What clients are shown and may write is noun.c's, data and deletion image_write.c's,
 * statuses status.c's. Nothing here may show an image to somebody who may not see it.
 */
#include "image/rows/image.h"

#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/uuid.h"
#include "lib/domain/schema.h"

#define SELECT "SELECT " KN_IMAGE_COLUMNS " FROM " KN_IMAGE_FROM " "
#define WHERE "WHERE i.id = $3 AND " KN_IMAGE_KEPT " AND ($2::boolean OR " KN_IMAGE_SEEN("$1") ")"

/* The columns of KN_IMAGE_COLUMNS. */
enum {
    ID,
    OWNER,
    NAME,
    STATUS,
    VISIBILITY,
    DISK_FORMAT,
    CONTAINER_FORMAT,
    MIN_DISK,
    MIN_RAM,
    PROTECTED,
    HIDDEN,
    PROPERTIES,
    TAGS,
    SHA512,
    MD5,
    SIZE,
    VIRTUAL_SIZE,
    CREATED_AT,
    UPDATED_AT,
    BROUGHT
};

void kn_image_at(const struct kn_rows *rows, int row, struct kn_image *ret)
{
    *ret = (struct kn_image){
        .id = kn_rows_text(rows, row, ID),
        .owner = kn_rows_text(rows, row, OWNER),
        .name = kn_rows_str(rows, row, NAME),
        .status = kn_rows_text(rows, row, STATUS),
        .visibility = kn_rows_text(rows, row, VISIBILITY),
        .disk_format = kn_rows_str(rows, row, DISK_FORMAT),
        .container_format = kn_rows_str(rows, row, CONTAINER_FORMAT),
        .min_disk_gib = kn_rows_int(rows, row, MIN_DISK),
        .min_ram_mib = kn_rows_int(rows, row, MIN_RAM),
        .is_protected = kn_rows_bool(rows, row, PROTECTED),
        .is_hidden = kn_rows_bool(rows, row, HIDDEN),
        .is_brought = kn_rows_bool(rows, row, BROUGHT),
        .properties = kn_rows_text(rows, row, PROPERTIES),
        .tags = kn_rows_text(rows, row, TAGS),
        .sha512 = kn_rows_str(rows, row, SHA512),
        .md5 = kn_rows_str(rows, row, MD5),
        .size = kn_rows_str(rows, row, SIZE),
        .virtual_size = kn_rows_str(rows, row, VIRTUAL_SIZE),
        .created_at = kn_rows_text(rows, row, CREATED_AT),
        .updated_at = kn_rows_text(rows, row, UPDATED_AT),
    };
}

/* --- access --------------------------------------------------------------------------------------------------------- */

int kn_image_get(struct kn_db *db, const struct kn_caller *caller, const char *id, bool update,
                 struct kn_rows **ret_rows, struct kn_image *ret, struct kn_error *err)
{
    static const struct kn_stmt GET = { "image_get", SELECT WHERE, 3 };
    static const struct kn_stmt LOCK = { "image_lock", SELECT WHERE " FOR UPDATE OF i", 3 };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_uuid_valid(id) &&
        kn_db_run(db, update ? &LOCK : &GET,
                  KN_ARGS(caller->project_id, kn_policy_allows(KN_GLANCE_GET_IMAGE, caller, NULL) ? "t" : "f", id),
                  &rows, err) < 0) {
        return -1;
    }
    if (rows == NULL || kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "No image found with ID %.64s", id);
    }
    kn_image_at(rows, 0, ret);
    *ret_rows = kn_steal(&rows);
    return 0;
}

int kn_image_check_owner(const struct kn_image *image, const struct kn_caller *caller, struct kn_error *err)
{
    return kn_policy_allows(KN_GLANCE_MODIFY_IMAGE, caller, &(struct kn_target){ .project_id = image->owner })
               ? 0
               : kn_fail(err, KN_FORBIDDEN, "You are not permitted to modify this image");
}

int kn_image_check_draft(const json_t *draft, const json_t *before, const struct kn_caller *caller,
                         struct kn_error *err)
{
    const char *owner = kn_schema_text(draft, "owner", NULL);
    const bool is_public = strcmp(kn_schema_text(draft, "visibility", ""), "public") == 0;

    if (owner == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "an image must have an owner");
    }
    if (before == NULL && !kn_policy_allows(KN_GLANCE_ADD_IMAGE, caller, &(struct kn_target){ .project_id = owner })) {
        return kn_fail(err, KN_FORBIDDEN, "You are not permitted to create images owned by '%.64s'", owner);
    }
    if (before != NULL && strcmp(owner, kn_schema_text(before, "owner", "")) != 0 &&
        !kn_policy_allows(KN_GLANCE_CHANGE_OWNER, caller, NULL)) {
        return kn_fail(err, KN_FORBIDDEN, "Owner can't be updated by non admin.");
    }
    return is_public && strcmp(kn_schema_text(before, "visibility", ""), "public") != 0
               ? kn_policy_check(KN_GLANCE_PUBLICIZE_IMAGE, caller, NULL, err)
               : 0;
}
