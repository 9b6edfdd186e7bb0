/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volumes as disks of new servers: what compute's handlers ask before they accept one, and what they write together with the server's row. New volumes are rows like all others, made by a
 * task of the server (conductor/flows/boot.c); whose creation comes to nothing takes along what was not whole yet.
 */
#include <string.h>

#include "lib/adapter/quota.h"
#include "lib/adapter/task.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/domain/message.h"
#include "lib/domain/schema.h"
#include "volume/api.h"
#include "volume/rows/encryption.h"
#include "volume/rows/source.h"
#include "volume/rows/type.h"
#include "volume/rows/volume.h"

#define INVALID "Block Device Mapping is Invalid: "

static bool boot_is(const json_t *entry, const char *source)
{
    return strcmp(kn_json_str(entry, "source"), source) == 0;
}

/* What is not there, or may not be used, is a mistake of the body. */
static int boot_refuse(const json_t *entry, struct kn_error *err)
{
    struct kn_error why = *err;

    if (kn_code_status(why.code) >= 500) {
        return -1;
    }
    kn_error_clear(err);
    return why.code == KN_NOT_FOUND ? kn_fail(err, KN_BAD_REQUEST, INVALID "failed to get %s %.64s.",
                                              kn_json_str(entry, "source"), kn_json_str(entry, "id"))
                                    : kn_fail(err, KN_BAD_REQUEST, INVALID "%s", why.message);
}

static int boot_look_volume(struct kn_request *req, json_t *entry, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_volume v;

    if (kn_volume_get(req->db, &req->caller, kn_json_str(entry, "id"), false, &rows, &v, err) < 0) {
        return boot_refuse(entry, err);
    }
    if (v.is_shared && req->microversion < KN_VOLUME_SHARED_SINCE) {
        return kn_volume_refuse_shared(err);
    }
    if (!kn_volume_allows(v.status, v.is_shared ? KN_VOLUME_SHARE : KN_VOLUME_ATTACH)) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid volume: Volume %s status must be available, but current status is: %s.", v.id,
                       v.status);
    }
    json_object_set_new(entry, "image", v.image != NULL ? json_loads(v.image, 0, NULL) : json_null());
    return json_object_set_new(entry, "is_bootable", json_boolean(v.is_bootable));
}

static int boot_look_type(struct kn_request *req, json_t *entry, json_t *object, struct kn_error *err)
{
    const char *wanted = kn_json_str(entry, "type");
    char id[KN_UUID_SIZE];

    if (*kn_json_str(object, "type_id") != '\0') {
        return 0;
    }
    if (kn_volume_type_find(req, *wanted != '\0' ? wanted : NULL, id, err) < 0) {
        return err->code == KN_NOT_FOUND
                   ? kn_fail(err, KN_BAD_REQUEST, "The volume type %.64s could not be found.", wanted)
                   : boot_refuse(entry, err);
    }
    return json_object_set_new(object, "type_id", json_string(id));
}

static int boot_look_size(struct kn_request *req, json_t *entry, struct kn_error *err)
{
    const int64_t size = kn_schema_int(entry, "size", 0);
    int64_t most = 0;

    if (size <= 0) {
        return kn_fail(err, KN_BAD_REQUEST,
                       boot_is(entry, "image")
                           ? INVALID "Images with destination_type 'volume' need to have a non-zero size specified"
                           : INVALID "Blank volumes (source: 'blank', dest: 'volume') need to have non-zero size");
    }
    if (kn_quota_limit(req->db, KN_QUOTA_PER_VOLUME, req->caller.project_id, &most, err) < 0) {
        return -1;
    }
    return most < 0 || size <= most
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "Requested volume size %lld is larger than maximum allowed limit %lld.",
                         (long long)size, (long long)most);
}

int kn_volume_boot_look(struct kn_request *req, json_t *entry, struct kn_error *err)
{
    static const char *const LEARNT[] = { "size", "type_id", "image", "is_bootable", "from_snapshot", "from_image" };
    json_auto_t *object = json_object();

    if (boot_is(entry, "volume")) {
        return boot_look_volume(req, entry, err);
    }
    json_object_set(object, "size", json_object_get(entry, "size"));
    json_object_set(object, "volume_type", json_object_get(entry, "type"));
    if (!boot_is(entry, "blank")) {
        json_object_set(object, boot_is(entry, "image") ? "image_id" : "snapshot_id", json_object_get(entry, "id"));
    }
    if (!boot_is(entry, "snapshot") && boot_look_size(req, entry, err) < 0) {
        return -1;
    }
    if (kn_volume_source_read(req, object, err) < 0) {
        return boot_refuse(entry, err);
    }
    if (boot_look_type(req, entry, object, err) < 0) {
        return -1;
    }
    if (kn_volume_encryption_admit(req->db, req->conf, kn_json_str(object, "type_id"), object, err) < 0) {
        return boot_refuse(entry, err);
    }
    for (size_t i = 0; i < KN_COUNT(LEARNT); i++) {
        json_object_set(entry, LEARNT[i], json_object_get(object, LEARNT[i]));
    }
    return boot_is(entry, "snapshot") ? boot_look_size(req, entry, err) : 0;
}

/* --- writing ---------------------------------------------------------------------------------------------------------------- */

static const char *boot_text(const json_t *entry, const char *key)
{
    const char *text = kn_json_str(entry, key);

    return *text != '\0' ? text : NULL;
}

/* One that nothing is in yet, for the attachment: as if it was there. */
static int boot_insert(struct kn_db *db, const struct kn_volume_boot *boot, const char *id,
                       struct kn_quota_claims *claims, struct kn_error *err)
{
    static const struct kn_stmt INSERT = {
        "volume_boot_insert",
        "INSERT INTO volume (id, project_id, user_id, name, size_gib, status, zone, type_id, snapshot_id, image, bootable, multiattach) "
        "VALUES ($1, $2, $3, '', $4, 'creating', '" KN_VOLUME_ZONE "', $5, $6, $7::jsonb, $8, volume_type_shares($5))",
        8
    };
    const json_t *entry = boot->entry, *image = json_object_get(entry, "image");
    const int64_t size = kn_schema_int(entry, "size", 0);
    AUTO_FREE char *known = json_is_object(image) ? json_dumps(image, JSON_COMPACT) : NULL;
    const char *project = boot->caller->project_id, *type = kn_json_str(entry, "type_id");
    struct kn_arg gib;

    if (kn_volume_source_hold(db, boot->caller, entry, err) < 0) {
        return boot_refuse(entry, err);
    }
    kn_quota_claim_disks(claims, project, KN_QUOTA_VOLUMES, type, 1, size);
    return kn_db_run(db, &INSERT,
                     KN_ARGS(id, project, boot->caller->user_id, kn_arg_int(&gib, size), type,
                             boot_text(entry, "from_snapshot"), known,
                             json_is_true(json_object_get(entry, "is_bootable")) ? "t" : "f"),
                     NULL, err);
}

static json_t *boot_wish(const json_t *entry, bool is_new, const char *volume, const char *attachment)
{
    json_t *input = json_pack("{s:s, s:s}", "volume", volume, "attachment", attachment);

    if (is_new) {
        json_object_set(input, "size_gib", json_object_get(entry, "size"));
        if (boot_text(entry, "from_snapshot") != NULL) {
            json_object_set(input, "from_snapshot", json_object_get(entry, "from_snapshot"));
        }
        if (boot_text(entry, "from_image") != NULL) {
            json_object_set(input, "image", json_object_get(entry, "from_image"));
        }
    }
    return input;
}

int kn_volume_boot_begin(struct kn_db *db, const struct kn_volume_boot *boot, struct kn_quota_claims *claims,
                         int64_t *ret_task, struct kn_error *err)
{
    const bool is_new = !boot_is(boot->entry, "volume");
    char id[KN_UUID_SIZE], attachment[KN_UUID_SIZE];
    struct kn_volume_attach wish = {
        .volume_id = is_new ? id : kn_json_str(boot->entry, "id"),
        .server_id = boot->server_id,
        .device = kn_json_str(boot->entry, "device"),
        .tag = boot_text(boot->entry, "tag"),
        .delete_on_termination = json_is_true(json_object_get(boot->entry, "dies")),
        .boots = json_object_get(boot->entry, "boot") != NULL,
        .boot_index = kn_json_int(boot->entry, "boot"),
        .is_new = is_new,
    };

    kn_uuid_make(id);
    if (is_new && boot_insert(db, boot, id, claims, err) < 0) {
        return -1;
    }
    if (kn_volume_attach_begin(db, boot->caller, &wish, attachment, err) < 0) {
        return boot_refuse(boot->entry, err);
    }
    json_auto_t *input = boot_wish(boot->entry, is_new, wish.volume_id, attachment);
    const struct kn_task_wish task = { "server.boot_volume",  boot->server_id,  boot->caller->project_id,
                                       boot->caller->user_id, boot->request_id, input };
    return kn_task_insert(db, &task, ret_task, err);
}
