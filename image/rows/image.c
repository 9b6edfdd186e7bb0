/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading images: one row, what the caller sees of it, Glance's view of it, its draft. Writing is image_write.c's, lists are
 * noun.c's, statuses status.c's. Nothing here may show an image to somebody who may not see it.
 */
#include "image/rows/image.h"

#include <string.h>

#include "image/rows/property.h"
#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/base/uuid.h"

#define SELECT "SELECT " KN_IMAGE_COLUMNS " FROM " KN_IMAGE_FROM " "
#define WHERE "WHERE i.id = $3 AND " KN_IMAGE_KEPT " AND ($2::boolean OR " KN_IMAGE_SEEN("$1") ")"

void kn_image_at(const struct kn_rows *rows, int row, struct kn_image *ret)
{
    *ret = (struct kn_image){
        .id = kn_rows_text(rows, row, 0),
        .owner = kn_rows_text(rows, row, 1),
        .name = kn_rows_str(rows, row, 2),
        .status = kn_rows_text(rows, row, 3),
        .visibility = kn_rows_text(rows, row, 4),
        .disk_format = kn_rows_str(rows, row, 5),
        .container_format = kn_rows_str(rows, row, 6),
        .min_disk_gib = kn_rows_int(rows, row, 7),
        .min_ram_mib = kn_rows_int(rows, row, 8),
        .is_protected = kn_rows_bool(rows, row, 9),
        .is_hidden = kn_rows_bool(rows, row, 10),
        .properties = kn_rows_text(rows, row, 11),
        .tags = kn_rows_text(rows, row, 12),
        .sha512 = kn_rows_str(rows, row, 13),
        .md5 = kn_rows_str(rows, row, 14),
        .size = kn_rows_str(rows, row, 15),
        .virtual_size = kn_rows_str(rows, row, 16),
        .created_at = kn_rows_text(rows, row, 17),
        .updated_at = kn_rows_text(rows, row, 18),
        .import = kn_rows_str(rows, row, 19),
    };
}

/* "/v2/images/<id>" + tail */
static void print_link(struct kn_strbuf *out, const char *key, const char *id, const char *tail)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf link = KN_STRBUF_INIT;

    kn_strbuf_addf(&link, "/v2/images/%s%s", id, tail);
    kn_jsonw_str(out, key, link.buf);
}

/* The members of a JSON object, without its braces, into the object being written. */
static void print_inner(struct kn_strbuf *out, const char *object)
{
    const size_t len = strlen(object);

    if (len > 2) {
        kn_strbuf_addch(out, ',');
        kn_strbuf_add(out, object + 1, len - 2);
    }
}

void kn_image_print(const struct kn_image *image, struct kn_strbuf *out)
{
    kn_jsonw_str(out, "id", image->id);
    kn_jsonw_str(out, "name", image->name);
    kn_jsonw_str(out, "status", image->status);
    kn_jsonw_str(out, "visibility", image->visibility);
    kn_jsonw_str(out, "owner", image->owner);
    kn_jsonw_str(out, "disk_format", image->disk_format);
    kn_jsonw_str(out, "container_format", image->container_format);
    kn_jsonw_int(out, "min_disk", image->min_disk_gib);
    kn_jsonw_int(out, "min_ram", image->min_ram_mib);
    kn_jsonw_bool(out, "protected", image->is_protected);
    kn_jsonw_bool(out, "os_hidden", image->is_hidden);
    kn_jsonw_str(out, "checksum", image->md5);
    kn_jsonw_str(out, "os_hash_algo", image->sha512 != NULL ? "sha512" : NULL);
    kn_jsonw_str(out, "os_hash_value", image->sha512);
    kn_jsonw_raw(out, "size", image->size);
    kn_jsonw_raw(out, "virtual_size", image->virtual_size);
    kn_jsonw_str(out, "created_at", image->created_at);
    kn_jsonw_str(out, "updated_at", image->updated_at);
    kn_jsonw_raw(out, "tags", image->tags);
    print_link(out, "self", image->id, "");
    print_link(out, "file", image->id, "/file");
    kn_jsonw_str(out, "schema", "/v2/schemas/image");
    if (image->sha512 != NULL) {
        kn_jsonw_str(out, "stores", KN_IMAGE_STORE);
    }
    print_inner(out, image->properties);
    if (image->import != NULL) {
        print_inner(out, image->import);
    }
}

json_t *kn_image_draft(const struct kn_image *image)
{
    json_t *draft = json_pack("{s:s?, s:s, s:s, s:s?, s:s?, s:I, s:I, s:b, s:b}", "name", image->name, "owner",
                              image->owner, "visibility", image->visibility, "disk_format", image->disk_format,
                              "container_format", image->container_format, "min_disk",
                              (json_int_t)image->min_disk_gib, "min_ram", (json_int_t)image->min_ram_mib,
                              "protected", image->is_protected, "os_hidden", image->is_hidden);

    json_object_set_new(draft, "tags", json_loads(image->tags, 0, NULL));
    json_t *properties = json_loads(image->properties, 0, NULL);
    json_object_update_missing(draft, properties);
    json_decref(properties);
    return draft;
}

/* --- access --------------------------------------------------------------------------------------------------------- */

int kn_image_get(struct kn_db *db, const struct kn_caller *caller, const char *id, bool update,
                 struct kn_rows **ret_rows, struct kn_image *ret, struct kn_error *err)
{
    static const struct kn_stmt GET = {
        "image_get", SELECT WHERE, 3
    };
    static const struct kn_stmt LOCK = {
        "image_lock", SELECT WHERE " FOR UPDATE OF i", 3
    };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_uuid_valid(id) &&
        kn_db_run(db, update ? &LOCK : &GET, KN_ARGS(caller->project_id, kn_policy_allows(KN_GLANCE_GET_IMAGE, caller, NULL) ? "t" : "f", id), &rows,
                  err) < 0) {
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

int kn_image_check_draft(const json_t *draft, const struct kn_image *before, const struct kn_caller *caller,
                         struct kn_error *err)
{
    const char *owner = json_string_value(json_object_get(draft, "owner"));
    const char *visibility = json_string_value(json_object_get(draft, "visibility"));
    const bool was_public = before != NULL && strcmp(before->visibility, "public") == 0;

    if (owner == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "an image must have an owner");
    }
    if (before == NULL && !kn_policy_allows(KN_GLANCE_ADD_IMAGE, caller, &(struct kn_target){ .project_id = owner })) {
        return kn_fail(err, KN_FORBIDDEN, "You are not permitted to create images owned by '%.64s'", owner);
    }
    if (before != NULL && strcmp(owner, before->owner) != 0 && !kn_policy_allows(KN_GLANCE_CHANGE_OWNER, caller, NULL)) {
        return kn_fail(err, KN_FORBIDDEN, "Owner can't be updated by non admin.");
    }
    return visibility != NULL && strcmp(visibility, "public") == 0 && !was_public
               ? kn_policy_check(KN_GLANCE_PUBLICIZE_IMAGE, caller, NULL, err)
               : 0;
}
