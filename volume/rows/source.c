/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sources of new volumes. A snapshot, a backup or a volume is held by its row while the new one's row is written: from then on whoever would change or remove the source
 * finds the new one `creating` (volume_is_copied, snapshot_refuse_used, volume_backup_is_read) and is refused, until its copy is whole.
 */
#include "volume/rows/source.h"

#include <string.h>

#include "image/api.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/domain/message.h"
#include "lib/domain/schema.h"
#include "volume/rows/backup.h"
#include "volume/rows/snapshot.h"
#include "volume/rows/volume.h"

#define SOURCE_GIB (INT64_C(1) << 30)

static const char *source_text(const json_t *in, const char *key)
{
    const char *text = kn_json_str(in, key);

    return *text != '\0' ? text : NULL;
}

static const char *source_image_id(const json_t *object)
{
    const char *image = source_text(object, "image_id");

    return image != NULL ? image : source_text(object, "imageRef");
}

/* There are groups; what was before them there is not, so that none exists. */
static int source_refuse_unbuilt(const json_t *in, struct kn_error *err)
{
    const char *group = source_text(in, "consistencygroup_id");

    return group == NULL ? 0 : kn_fail(err, KN_NOT_FOUND, "ConsistencyGroup %.64s could not be found.", group);
}

/* type NULL: as the object says, or the default. */
static void source_set(json_t *object, int64_t size_gib, const char *type, const char *image, bool is_bootable)
{
    if (kn_schema_int(object, "size", 0) == 0) {
        json_object_set_new(object, "size", json_integer(size_gib));
    }
    if (type != NULL && source_text(object, "volume_type") == NULL) {
        json_object_set_new(object, "type_id", json_string(type));
    }
    json_object_set_new(object, "image", image != NULL ? json_loads(image, 0, NULL) : json_null());
    json_object_set_new(object, "is_bootable", json_boolean(is_bootable));
}

static int source_fits(const json_t *object, const char *what, int64_t least, struct kn_error *err)
{
    return kn_schema_int(object, "size", 0) >= least
               ? 0
               : kn_fail(err, KN_BAD_REQUEST,
                         "Invalid input received: Volume size '%lldGB' cannot be smaller than the %s size %lldGB. They "
                         "must be >= original %s size.",
                         (long long)kn_schema_int(object, "size", 0), what, (long long)least, what);
}

/* --- snapshots and volumes ------------------------------------------------------------------------------------------------- */

static int source_snapshot(struct kn_db *db, const struct kn_caller *caller, const char *id, bool held,
                           json_t *ret_object, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_volume_snapshot s;

    if (kn_volume_snapshot_get(db, caller, id, held, &rows, &s, err) < 0 || kn_volume_snapshot_see(db, &s, err) < 0) {
        return -1;
    }
    if (strcmp(s.status, "available") != 0) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid snapshot: Originating snapshot status must be one of 'available' values");
    }
    if (ret_object == NULL) {
        return 0;
    }
    source_set(ret_object, s.size_gib, s.type_id, s.image, s.is_bootable);
    json_object_set_new(ret_object, "from_snapshot", json_string(s.id));
    return source_fits(ret_object, "snapshot", s.size_gib, err);
}

static int source_volume(struct kn_db *db, const struct kn_caller *caller, const char *id, bool held,
                         json_t *ret_object, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_volume v;

    if (kn_volume_get(db, caller, id, held, &rows, &v, err) < 0 || kn_volume_move(db, &v, KN_VOLUME_COPY, err) < 0) {
        return -1;
    }
    if (ret_object == NULL) {
        return 0;
    }
    source_set(ret_object, v.size_gib, v.type_id, v.image, v.is_bootable);
    json_object_set_new(ret_object, "from_volume", json_string(v.id));
    return source_fits(ret_object, "volume", v.size_gib, err);
}

/* Of which type it was nobody asks: what it holds fits any. */
static int source_backup(struct kn_db *db, const struct kn_caller *caller, const char *id, bool held,
                         json_t *ret_object, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_volume_backup b;

    if (kn_volume_backup_get(db, caller, id, held, &rows, &b, err) < 0) {
        return -1;
    }
    if (!b.is_whole) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid backup: Originating backup status must be one of 'available' values");
    }
    if (ret_object == NULL) {
        return 0;
    }
    source_set(ret_object, b.size_gib, NULL, b.image, b.is_bootable);
    json_object_set_new(ret_object, "from_backup", json_string(b.id));
    return source_fits(ret_object, "backup", b.size_gib, err);
}

/* --- images ---------------------------------------------------------------------------------------------------------------- */

static int source_judge_image(const struct kn_image_facts *facts, int64_t size_gib, struct kn_error *err)
{
    const int64_t bytes = facts->virtual_size > facts->size ? facts->virtual_size : facts->size;
    const int64_t least = (bytes + SOURCE_GIB - 1) / SOURCE_GIB;

    if (strcmp(facts->status, "active") != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Image %s is not active.", facts->id);
    }
    if (facts->is_mapping) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid input received: Image %s has no data, but is snapshots of volumes.", facts->id);
    }
    if (least > size_gib) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid input received: Size of specified image %lldGB is larger than volume size %lldGB.",
                       (long long)least, (long long)size_gib);
    }
    return facts->min_disk_gib <= size_gib
               ? 0
               : kn_fail(err, KN_BAD_REQUEST,
                         "Invalid input received: Volume size %lldGB cannot be smaller than the image minDisk size "
                         "%lldGB.",
                         (long long)size_gib, (long long)facts->min_disk_gib);
}

/* As Cinder keeps it: all as texts. */
static int source_know_image(const struct kn_request *req, const struct kn_image_facts *facts, const json_t *properties,
                             json_t **ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_image_look look;
    const char *name;
    json_t *value;

    if (kn_image_look_one(req->db, &req->caller, facts->id, &rows, err) < 0) {
        return -1;
    }
    kn_image_look_at(rows, 0, &look);
    AUTO_FREE char *min_disk = kn_asprintf("%lld", (long long)facts->min_disk_gib),
                   *min_ram = kn_asprintf("%lld", (long long)facts->min_ram_mib);
    json_t *known = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "image_id", facts->id, "image_name",
                              look.name != NULL ? look.name : "", "disk_format", facts->disk_format, "container_format",
                              "bare", "min_disk", min_disk, "min_ram", min_ram, "size",
                              look.size != NULL ? look.size : "0");
    json_object_foreach ((json_t *)(uintptr_t)properties, name, value) {
        if (json_is_string(value) && json_object_get(known, name) == NULL) {
            json_object_set(known, name, value);
        }
    }
    *ret = known;
    return 0;
}

int kn_volume_source_image(const struct kn_request *req, const char *image, int64_t size_gib, json_t **ret_known,
                           struct kn_error *err)
{
    struct kn_image_facts facts;
    json_t *properties = NULL;
    char id[KN_UUID_SIZE];

    if (!kn_uuid_valid(image)) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid image identifier or unable to access requested image.");
    }
    kn_copy(id, sizeof(id), image);
    kn_uuid_lower(id);
    if (kn_image_usable_with(req->db, &req->caller, id, &facts, &properties, err) < 0) {
        return err->code == KN_NOT_FOUND ? kn_fail(err, KN_NOT_FOUND, "Image %.64s could not be found.", image) : -1;
    }
    const int rc = source_judge_image(&facts, size_gib, err) < 0
                       ? -1
                       : source_know_image(req, &facts, properties, ret_known, err);
    json_decref(properties);
    return rc;
}

static int source_of_image(struct kn_request *req, const char *image, json_t *object, struct kn_error *err)
{
    const int64_t size_gib = kn_schema_int(object, "size", 0);
    json_t *known = NULL;

    if (size_gib == 0) {
        return 0; /* refused by whoever looks at sizes */
    }
    if (kn_volume_source_image(req, image, size_gib, &known, err) < 0) {
        return -1;
    }
    json_object_set(object, "from_image", json_object_get(known, "image_id"));
    json_object_set_new(object, "image", known);
    return json_object_set_new(object, "is_bootable", json_true());
}

/* ---------------------------------------------------------------------------------------------------------------------------- */

int kn_volume_source_read(struct kn_request *req, json_t *object, struct kn_error *err)
{
    const char *snapshot = source_text(object, "snapshot_id"), *volume = source_text(object, "source_volid"),
               *backup = source_text(object, "backup_id"), *image = source_image_id(object);

    if (source_refuse_unbuilt(object, err) < 0) {
        return -1;
    }
    if ((snapshot != NULL) + (volume != NULL) + (image != NULL) + (backup != NULL) > 1) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid input received: May specify only one of snapshot, imageRef, source volume or backup");
    }
    if (snapshot != NULL) {
        return source_snapshot(req->db, &req->caller, snapshot, false, object, err);
    }
    if (volume != NULL) {
        return source_volume(req->db, &req->caller, volume, false, object, err);
    }
    if (backup != NULL) {
        return source_backup(req->db, &req->caller, backup, false, object, err);
    }
    return image != NULL ? source_of_image(req, image, object, err) : 0;
}

int kn_volume_source_hold(struct kn_db *db, const struct kn_caller *caller, const json_t *object, struct kn_error *err)
{
    const char *snapshot = source_text(object, "from_snapshot"), *volume = source_text(object, "from_volume"),
               *backup = source_text(object, "from_backup");

    if (snapshot != NULL) {
        return source_snapshot(db, caller, snapshot, true, NULL, err);
    }
    if (backup != NULL) {
        return source_backup(db, caller, backup, true, NULL, err);
    }
    return volume != NULL ? source_volume(db, caller, volume, true, NULL, err) : 0;
}

void kn_volume_source_wish(const json_t *object, json_t *input)
{
    static const struct {
        const char *from, *to;
    } WISHED[] = {
        { "from_snapshot", "from_snapshot" },
        { "from_volume", "from_volume" },
        { "from_backup", "from_backup" },
        { "from_image", "image" },
    };

    for (size_t i = 0; i < KN_COUNT(WISHED); i++) {
        if (source_text(object, WISHED[i].from) != NULL) {
            json_object_set(input, WISHED[i].to, json_object_get(object, WISHED[i].from));
        }
    }
}
