/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images of servers, before their data is there: the row, with what it inherits and what Nova writes on it, and its end when nothing comes. An image that waits for
 * a server's task goes with that task, however it ended: kilonova-image looks every few seconds, so no crash leaves one.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "image/api.h"
#include "image/rows/arrival.h"
#include "image/rows/image.h"
#include "image/rows/property.h"
#include "image/rows/quota.h"
#include "lib/adapter/task.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

static const struct kn_stmt INSERT = {
    "image_snapshot_insert",
    "WITH made AS (INSERT INTO image (id, owner, name, visibility, disk_format, container_format, min_disk, min_ram, properties, brought_by) "
    "VALUES ($1, $2, $3, CASE WHEN $2 = $4 THEN 'private' ELSE 'shared' END, 'qcow2', 'bare', $5::int, $6::int, $7::jsonb, $8) RETURNING id, owner) "
    "INSERT INTO image_member (image_id, member) SELECT id, $4 FROM made WHERE owner <> $4",
    8
};
static const struct kn_stmt UNBROUGHT = {
    "image_unbrought",
    "SELECT i.id FROM image i WHERE i.brought_by IS NOT NULL AND i.status IN ('queued', 'saving') AND i.deleted_at IS NULL "
    "AND NOT EXISTS (SELECT FROM task t WHERE t.object_id = i.brought_by AND t.state IN ('run', 'undo') "
    "AND t.input->>'image' = i.id::text)",
    0
};

static const struct kn_stmt TOO_MANY = {
    "image_rotate",
    "SELECT id, sha512 FROM (SELECT b.id, b.sha512, b.protected, row_number() OVER (ORDER BY b.created_at DESC, b.id DESC) AS place "
    "FROM image b JOIN image n ON n.id = $2 AND n.owner = b.owner WHERE b.brought_by = $1 AND b.deleted_at IS NULL AND b.status = 'active' "
    "AND b.properties->>'image_type' = 'backup' AND b.properties->>'backup_type' = $3) o WHERE place > $4::bigint AND NOT protected",
    4
};

/* What a copy has not only because its original had it. */
static bool snapshot_inherits(const char *name)
{
    static const char *const NOT[] = { "cache_in_nova",
                                       "bittorrent",
                                       "img_signature_hash_method",
                                       "img_signature",
                                       "img_signature_key_type",
                                       "img_signature_certificate_uuid",
                                       "image_type",
                                       "backup_type",
                                       "instance_uuid",
                                       "user_id",
                                       "instance_owner",
                                       KN_IMAGE_MAPPING,
                                       "bdm_v2",
                                       "root_device_name" };

    for (size_t i = 0; i < KN_COUNT(NOT); i++) {
        if (strcmp(name, NOT[i]) == 0) {
            return false;
        }
    }
    return true;
}

/* What the volume knows of its image and an image of it may say, too: properties alone. */
static json_t *volume_properties(const json_t *known)
{
    static const char *const OWN[] = { "image_id", "image_name", "container_format", "disk_format", "min_disk",
                                       "min_ram",  "size",       "checksum" };
    json_t *properties = json_object(), *value;
    const char *name;

    json_object_foreach ((json_t *)(uintptr_t)known, name, value) {
        if (snapshot_inherits(name) && kn_image_property(name) == NULL) {
            json_object_set(properties, name, value);
        }
    }
    for (size_t i = 0; i < KN_COUNT(OWN); i++) {
        json_object_del(properties, OWN[i]);
    }
    return properties;
}

static json_t *snapshot_inherit(const struct kn_image_look *base, const json_t *known)
{
    json_auto_t *all = json_loads(base->properties != NULL ? base->properties : "{}", 0, NULL);
    json_t *properties = known != NULL ? volume_properties(known) : json_object(), *value;
    const char *name;

    json_object_foreach (all, name, value) {
        if (snapshot_inherits(name)) {
            json_object_set(properties, name, value);
        }
    }
    return properties;
}

static json_t *snapshot_text(const json_t *value)
{
    AUTO_FREE char *text = json_dumps(value, JSON_COMPACT);

    return json_string(text);
}

static int snapshot_add_own(json_t *properties, const json_t *own, struct kn_error *err)
{
    const char *name;
    json_t *value;

    json_object_foreach ((json_t *)(uintptr_t)own, name, value) {
        if (kn_image_property(name) != NULL) {
            return kn_fail(err, KN_BAD_REQUEST, "Image property name %.64s is an attribute of images.", name);
        }
        json_object_set(properties, name, value);
    }
    return 0;
}

/* As Nova writes them. */
static json_t *snapshot_properties(const struct kn_request *req, const struct kn_image_snapshot *wish,
                                   const struct kn_image_look *base, struct kn_error *err)
{
    json_auto_t *properties = snapshot_inherit(base, wish->known);

    json_object_set_new(properties, "instance_uuid", json_string(wish->server));
    json_object_set_new(properties, "user_id", json_string(req->caller.user_id));
    json_object_set_new(properties, "owner_id", json_string(wish->project));
    json_object_set_new(properties, "image_type", json_string(wish->type));
    json_object_set_new(properties, "image_location", json_string("snapshot"));
    json_object_set_new(properties, "image_state", json_string("available"));
    if (wish->base[0] != '\0') {
        json_object_set_new(properties, "base_image_ref", json_string(wish->base));
    }
    if (strcmp(wish->project, req->caller.project_id) != 0) {
        json_object_set_new(properties, "instance_owner", json_string(wish->project));
    }
    if (snapshot_add_own(properties, wish->properties, err) < 0) {
        return NULL;
    }
    if (wish->mapping != NULL) { /* last: it names what is there, whatever the client says */
        json_object_set_new(properties, KN_IMAGE_MAPPING, snapshot_text(wish->mapping));
        json_object_set_new(properties, "bdm_v2", json_string("True"));
        json_object_set_new(properties, "root_device_name", json_string(wish->root_device));
    }
    if (json_object_size(properties) > KN_MAX_IMAGE_PROPERTIES) {
        kn_fail(err, KN_QUOTA, "Image metadata limit exceeded");
        return NULL;
    }
    return json_incref(properties);
}

static int snapshot_insert(struct kn_db *db, const char *id, const char *owner, const struct kn_image_snapshot *wish,
                           const struct kn_image_look *base, const char *properties, struct kn_error *err)
{
    const int64_t least = base->min_disk_gib > wish->root_gib ? base->min_disk_gib : wish->root_gib;
    AUTO_RELEASE(kn_image_tally) struct kn_image_tally tally = KN_IMAGE_TALLY_INIT;
    struct kn_arg disk, ram;

    return kn_image_tally_begin(&tally, db, id, err) < 0 ||
                   kn_db_run(db, &INSERT,
                             KN_ARGS(id, owner, wish->name, wish->project, kn_arg_int(&disk, least),
                                     kn_arg_int(&ram, base->min_ram_mib), properties, wish->server),
                             NULL, err) < 0
               ? -1
               : kn_image_tally_end(&tally, db, id, err);
}

/* What its owner wrote on the volume by hand may be no number that an image can have: then it says nothing. */
static int64_t snapshot_known_ram(const json_t *known)
{
    char *end;
    const long long mib = strtoll(kn_json_str(known, "min_ram"), &end, 10);

    return *end == '\0' && mib >= 0 && mib <= INT32_MAX ? mib : 0;
}

int kn_image_snapshot_begin(const struct kn_request *req, const struct kn_image_snapshot *wish,
                            char ret_id[KN_UUID_SIZE], bool *ret_quiesce, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_image_look base = { 0 };
    struct kn_error why = { 0 };

    if (wish->base[0] != '\0' && kn_image_look_one(req->db, &req->caller, wish->base, &rows, &why) < 0 &&
        why.code != KN_NOT_FOUND) {
        *err = why;
        return -1;
    }
    if (rows != NULL) {
        kn_image_look_at(rows, 0, &base);
    }
    if (wish->known != NULL) {
        base.min_ram_mib = snapshot_known_ram(wish->known);
    }
    json_auto_t *properties = snapshot_properties(req, wish, &base, err);
    AUTO_FREE char *text = properties == NULL ? NULL : json_dumps(properties, JSON_COMPACT);
    const char *quiesce = kn_json_str(properties, "os_require_quiesce");

    kn_uuid_make(ret_id);
    if (text == NULL || snapshot_insert(req->db, ret_id, req->caller.project_id, wish, &base, text, err) < 0) {
        return -1;
    }
    *ret_quiesce = strcasecmp(quiesce, "yes") == 0 || strcasecmp(quiesce, "true") == 0 || strcmp(quiesce, "1") == 0;
    return 0;
}

int kn_image_of_volume_begin(const struct kn_request *req, const struct kn_image_of_volume *wish,
                             char ret_id[KN_UUID_SIZE], struct kn_error *err)
{
    static const struct kn_stmt OF_VOLUME = {
        "image_of_volume_insert",
        "INSERT INTO image (id, owner, name, visibility, disk_format, container_format, properties, protected, brought_by) "
        "VALUES ($1, $2, $3, $4, $5, 'bare', $6::jsonb, $7::boolean, $8)",
        8
    };
    AUTO_RELEASE(kn_image_tally) struct kn_image_tally tally = KN_IMAGE_TALLY_INIT;
    json_auto_t *properties = volume_properties(wish->known);
    AUTO_FREE char *text = json_dumps(properties, JSON_COMPACT);

    if (json_object_size(properties) > KN_MAX_IMAGE_PROPERTIES) {
        return kn_fail(err, KN_TOO_LARGE, "Image metadata limit exceeded");
    }
    kn_uuid_make(ret_id);
    return kn_image_tally_begin(&tally, req->db, ret_id, err) < 0 ||
                   kn_db_run(req->db, &OF_VOLUME,
                             KN_ARGS(ret_id, req->caller.project_id, wish->name, wish->visibility, wish->disk_format,
                                     text, wish->is_protected ? "t" : "f", wish->volume),
                             NULL, err) < 0
               ? -1
               : kn_image_tally_end(&tally, req->db, ret_id, err);
}

int kn_image_drop_unbrought(struct kn_db *db, int *ret_count, struct kn_error *err)
{
    enum { IMAGE_ID };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    int count = 0;

    if (kn_db_run(db, &UNBROUGHT, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        struct kn_error why = { 0 };

        if (kn_image_delete(db, kn_rows_text(rows, i, IMAGE_ID), &why) == 0) {
            count++;
        } else if (why.code != KN_NOT_FOUND) { /* its owner was faster */
            *err = why;
            return -1;
        }
    }
    *ret_count = count;
    return 0;
}

static int snapshot_delete_all(struct kn_db *db, const struct kn_rows *rows, struct kn_error *err)
{
    for (int i = 0; i < kn_rows_count(rows); i++) {
        struct kn_error why = { 0 };

        if (kn_image_delete(db, kn_rows_text(rows, i, KN_ROTATED_ID), &why) < 0 && why.code != KN_NOT_FOUND) {
            *err = why;
            return -1;
        }
    }
    return 0;
}

int kn_image_discard(struct kn_db *db, const char *id, const char *server, struct kn_rows **ret_rows,
                     struct kn_error *err)
{
    static const struct kn_stmt OWN = {
        "image_discard", "SELECT id, sha512 FROM image WHERE id = $1 AND brought_by = $2 AND deleted_at IS NULL", 2
    };

    return kn_db_run(db, &OWN, KN_ARGS(id, server), ret_rows, err) < 0 ? -1 : snapshot_delete_all(db, *ret_rows, err);
}

int kn_image_rotate(struct kn_db *db, const json_t *body, struct kn_rows **ret_rows, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_arg rotation;

    if (kn_db_run(db, &TOO_MANY,
                  KN_ARGS(kn_json_str(body, "server"), kn_json_str(body, "image"), kn_json_str(body, "backup_type"),
                          kn_arg_int(&rotation, kn_json_int(body, "rotation"))),
                  &rows, err) < 0) {
        return -1;
    }
    if (snapshot_delete_all(db, rows, err) < 0) {
        return -1;
    }
    *ret_rows = kn_steal(&rows);
    return 0;
}

/* --- image.compose ---------------------------------------------------------------------------------------------------------- */

/*
 * As many as were wished, all there, and from here on they belong to nobody's making: one that failed, that its owner deleted, or that went with its server is missed. Whoever ends a snapshot for an
 * image holds its row (conductor/store/object_volume.c, volume/rows/snapshot.c), as this does until the image is active, so of the two one is first.
 */
static int compose_take(struct kn_db *db, const void *ctx, struct kn_error *err)
{
    static const struct kn_stmt TAKE = {
        "image_compose_take",
        "WITH made AS (SELECT id FROM volume_snapshot WHERE for_image = $1 AND status = 'available' ORDER BY id FOR UPDATE) "
        "UPDATE volume_snapshot s SET for_image = NULL FROM made WHERE s.id = made.id",
        1
    };
    const json_t *body = ctx;
    int64_t count = 0;

    if (kn_db_change(db, &TAKE, KN_ARGS(kn_json_str(body, "image")), &count, err) < 0) {
        return -1;
    }
    return count == kn_json_int(body, "snapshots")
               ? 0
               : kn_fail(err, KN_CONFLICT, "of %lld snapshots for image \"%s\" there are %lld",
                         (long long)kn_json_int(body, "snapshots"), kn_json_str(body, "image"), (long long)count);
}

/* Its data is of no byte. */
static int compose_activate(struct kn_db *db, const struct kn_conf *conf, const struct kn_image *image,
                            const json_t *body, struct kn_error *err)
{
    AUTO(kn_image_arrival) struct kn_image_arrival *arrival = NULL;

    if (kn_image_arrival_begin(db, conf, image, 0, KN_BLOB_UPLOAD, &arrival, err) < 0) {
        return -1;
    }
    arrival->condition = compose_take;
    arrival->condition_ctx = body;
    if (kn_image_arrival_end(db, conf, arrival, NULL, NULL, err) < 0) {
        kn_image_arrival_give_up(db, arrival);
        return -1;
    }
    return 0;
}

int kn_image_compose(struct kn_db *db, const struct kn_conf *conf, const json_t *body, struct kn_error *err)
{
    static const struct kn_stmt AWAITED = {
        "image_compose_awaited",
        "SELECT id, owner, status FROM image WHERE id = $1 AND brought_by = $2 AND deleted_at IS NULL", 2
    };
    enum { IMAGE_ID, OWNER, STATUS };
    const char *id = kn_json_str(body, "image");
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &AWAITED, KN_ARGS(id, kn_json_str(body, "server")), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "image \"%s\" does not exist", id);
    }
    const struct kn_image image = { .id = kn_rows_text(rows, 0, IMAGE_ID),
                                    .owner = kn_rows_text(rows, 0, OWNER),
                                    .status = kn_rows_text(rows, 0, STATUS),
                                    .disk_format = "raw" };
    const bool is_whole = strcmp(image.status, "active") == 0 || strcmp(image.status, "deactivated") == 0;

    return is_whole ? 0 : compose_activate(db, conf, &image, body, err);
}
