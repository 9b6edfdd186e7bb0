/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flows of what fills disks: a volume that is made, empty or of an image, a snapshot, a backup or another volume; one that is overwritten or grows; an image of one; snapshots.
 * Nothing is written of the source: its row says, while the copy is on its way, that it may not change (volume/rows/volume_write.c).
 */
#include "conductor/flows/bodies.h"
#include "conductor/flows/context.h"
#include "conductor/flows/flow.h"
#include "conductor/store/task.h"

/* --- [where the image's data is] -> [a disk of it] ----------------------------------------------------------------------------- */

static int count_if_disk_of_image(const struct kn_conductor_task *task)
{
    return *kn_conductor_wished_str(task, "image") != '\0';
}

static json_t *build_disk_sized(const struct kn_conductor_task *task, int item)
{
    json_t *body = kn_conductor_body_volume(task, item);

    json_object_set(body, "size_gib", kn_conductor_wished(task, "size_gib"));
    return body;
}

static void disk_add_base(const struct kn_conductor_task *task, json_t *body)
{
    json_t *base = json_copy(kn_conductor_found(task, "base"));

    json_object_set(base, "id", kn_conductor_wished(task, "image"));
    json_object_set_new(body, "base", base);
}

static json_t *build_disk_create(const struct kn_conductor_task *task, int item)
{
    static const char *const FROM[] = { "from_volume", "from_snapshot", "from_backup" };
    json_t *body = build_disk_sized(task, item);

    for (size_t i = 0; i < sizeof(FROM) / sizeof(FROM[0]); i++) {
        if (*kn_conductor_wished_str(task, FROM[i]) != '\0') {
            json_object_set(body, FROM[i], kn_conductor_wished(task, FROM[i]));
        }
    }
    if (count_if_disk_of_image(task) > 0) {
        disk_add_base(task, body);
    }
    return body;
}

static json_t *build_disk_revert(const struct kn_conductor_task *task, int item)
{
    json_t *body = build_disk_sized(task, item);

    json_object_set(body, "from_snapshot", kn_conductor_wished(task, "from_snapshot"));
    return body;
}

static json_t *build_disk_restore(const struct kn_conductor_task *task, int item)
{
    json_t *body = build_disk_sized(task, item);

    json_object_set(body, "from_backup", kn_conductor_wished(task, "from_backup"));
    return body;
}

static json_t *build_disk_reimage(const struct kn_conductor_task *task, int item)
{
    json_t *body = build_disk_sized(task, item);

    disk_add_base(task, body);
    return body;
}

#define BASE_OF(reader, lacks) \
    { \
        { .name = "base", \
          .kind = KN_OBJ, \
          .from = "image.locate", \
          .whole = true, \
          .read_by = reader, \
          .may_lack = lacks }, \
        { \
            .name = NULL \
        } \
    }
static const struct kn_conductor_finding CREATE_FINDS[] = BASE_OF("volume.create", true);
static const struct kn_conductor_finding REIMAGE_FINDS[] = BASE_OF("volume.overwrite", false);

static const struct kn_conductor_flow_row CREATE_ROWS[] = {
    { { { .message = "image.locate", .build = kn_conductor_body_image_wished, .count = count_if_disk_of_image } },
      NULL },
    { { { .message = "volume.create",
          .build = build_disk_create,
          .undo = "volume.delete",
          .undo_build = kn_conductor_body_volume } },
      NULL },
};
static const struct kn_conductor_flow_row REVERT_ROWS[] = {
    { { { .message = "volume.overwrite", .build = build_disk_revert } }, NULL },
};
static const struct kn_conductor_flow_row RESTORE_ROWS[] = {
    { { { .message = "volume.overwrite", .build = build_disk_restore } }, NULL },
};
static const struct kn_conductor_flow_row REIMAGE_ROWS[] = {
    { { { .message = "image.locate", .build = kn_conductor_body_image_wished } }, NULL },
    { { { .message = "volume.overwrite", .build = build_disk_reimage } }, NULL },
};
static const struct kn_conductor_flow_row EXTEND_ROWS[] = {
    { { { .message = "volume.extend", .build = build_disk_sized } }, NULL },
};

/* --- [where it goes] -> [it is brought] ------------------------------------------------------------------------------------------ */

static json_t *build_disk_upload(const struct kn_conductor_task *task, int item)
{
    json_t *body = kn_conductor_body_volume(task, item);

    json_object_set(body, "disk_format", kn_conductor_wished(task, "disk_format"));
    json_object_set(body, "url", kn_conductor_found(task, "url"));
    return body;
}

static const struct kn_conductor_finding UPLOAD_FINDS[] = {
    { .name = "url", .kind = KN_STR, .from = "image.receive", .read_by = "volume.upload" },
    { .name = NULL },
};
static const struct kn_conductor_flow_row UPLOAD_ROWS[] = {
    { { { .message = "image.receive", .build = kn_conductor_body_image_wished } }, NULL },
    { { { .message = "volume.upload", .build = build_disk_upload } }, NULL },
};

/* --- snapshots --------------------------------------------------------------------------------------------------------------------- */

static json_t *build_disk_snapshot(const struct kn_conductor_task *task, int item)
{
    (void)item;
    return json_pack("{s:s, s:O}", "snapshot", task->object_id, "volume", kn_conductor_wished(task, "volume"));
}

static const struct kn_conductor_flow_row SNAPSHOT_ROWS[] = {
    { { { .message = "snapshot.create",
          .build = build_disk_snapshot,
          .undo = "snapshot.delete",
          .undo_build = build_disk_snapshot } },
      NULL },
};
static const struct kn_conductor_flow_row DROP_ROWS[] = {
    { { { .message = "snapshot.delete", .build = build_disk_snapshot } }, NULL },
};

/* --- what becomes of the rows -------------------------------------------------------------------------------------------------------- */

#define DISK_IS(record, text) \
    (const struct kn_conductor_becomes[]) \
    { \
        KN_SET(record, "status", text), KN_BECOMES_END \
    }
#define VOLUME_IS(text) DISK_IS(kn_conductor_record_volume, text)
#define SNAPSHOT_IS(text) DISK_IS(kn_conductor_record_snapshot, text)

static const struct kn_conductor_becomes EXTENDED[] = {
    KN_SET(kn_conductor_record_volume, "status", NULL),
    KN_SET(kn_conductor_record_volume, "extends_from", NULL),
    KN_BECOMES_END,
};
static const struct kn_conductor_becomes NOT_EXTENDED[] = { KN_GOES(kn_conductor_record_growth), KN_BECOMES_END };
static const struct kn_conductor_becomes SNAPSHOT_GONE[] = { KN_GOES(kn_conductor_record_snapshot), KN_BECOMES_END };

#define OF_VOLUME(name, its, count) \
    .kind = name, .object = &kn_conductor_record_volume, .rows = its, .row_count = count, .retry_row = -1

const struct kn_conductor_flow kn_conductor_flows_disk[] = {
    { OF_VOLUME("volume.create", CREATE_ROWS, 2), .finds = CREATE_FINDS, .done = VOLUME_IS("available"),
      .failed = VOLUME_IS("error") },
    { OF_VOLUME("volume.revert", REVERT_ROWS, 1), .done = VOLUME_IS(NULL), .failed = VOLUME_IS("error") },
    { OF_VOLUME("volume.restore", RESTORE_ROWS, 1), .done = VOLUME_IS(NULL), .failed = VOLUME_IS("error_restoring") },
    { OF_VOLUME("volume.reimage", REIMAGE_ROWS, 2), .finds = REIMAGE_FINDS, .done = VOLUME_IS(NULL),
      .failed = VOLUME_IS("error") },
    { OF_VOLUME("volume.extend", EXTEND_ROWS, 1), .done = EXTENDED, .failed = VOLUME_IS("error_extending"),
      .no_room = NOT_EXTENDED },
    { OF_VOLUME("volume.upload", UPLOAD_ROWS, 2), .finds = UPLOAD_FINDS, .done = VOLUME_IS(NULL),
      .failed = VOLUME_IS(NULL) },
    { .kind = "snapshot.create",
      .object = &kn_conductor_record_snapshot,
      .rows = SNAPSHOT_ROWS,
      .row_count = 1,
      .retry_row = -1,
      .done = SNAPSHOT_IS("available"),
      .failed = SNAPSHOT_IS("error") },
    { .kind = "snapshot.delete",
      .object = &kn_conductor_record_snapshot,
      .rows = DROP_ROWS,
      .row_count = 1,
      .retry_row = -1,
      .supersedes = true,
      .insists = true,
      .done = SNAPSHOT_GONE,
      .failed = SNAPSHOT_IS("error_deleting") },
    { .kind = NULL },
};
