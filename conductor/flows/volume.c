/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flows of volumes and images: make and remove a disk, plug it into a server and out again, drop an image's data. Attaching and
 * detaching are tasks of the server, so that they queue with everything else that happens to it.
 */
#include "conductor/flows/bodies.h"
#include "conductor/flows/flow.h"
#include "conductor/store/task.h"

static json_t *build_volume(const struct kn_task *task, int item)
{
    (void)item;
    return json_pack("{s:s}", "volume", task->object_id);
}

/* --- volume.create, volume.delete -------------------------------------------------------------------------------------- */

static json_t *build_create(const struct kn_task *task, int item)
{
    json_t *body = build_volume(task, item);

    json_object_set(body, "size_gib", json_object_get(task->input, "size_gib"));
    return body;
}

static const struct kn_flow_row CREATE_ROWS[] = {
    { { { .message = "volume.create", .build = build_create, .undo = "volume.delete", .undo_build = build_volume } } },
};

static void volume_becomes(const struct kn_task *task, struct kn_change *change, const char *status)
{
    change->volume.any = true;
    change->volume.volume = task->object_id;
    change->volume.status = status;
}

static void create_done(const struct kn_task *task, struct kn_change *change)
{
    volume_becomes(task, change, "available");
}

static void create_failed(const struct kn_task *task, struct kn_change *change)
{
    volume_becomes(task, change, "error");
}

static const struct kn_flow_row DELETE_ROWS[] = {
    { { { .message = "volume.delete", .build = build_volume } } },
};

static void delete_done(const struct kn_task *task, struct kn_change *change)
{
    volume_becomes(task, change, NULL);
    change->volume.deleted = true;
}

static void delete_failed(const struct kn_task *task, struct kn_change *change)
{
    volume_becomes(task, change, "error_deleting");
}

/* --- server.attach_volume: [connect] -> [plug]; server.detach_volume: [unplug] -> [disconnect] --------------------------------- */

static json_t *build_use(const struct kn_task *task, int item)
{
    (void)item;
    return json_pack("{s:O, s:s}", "volume", json_object_get(task->input, "volume"), "server", task->object_id);
}

static json_t *build_connect(const struct kn_task *task, int item)
{
    json_t *body = build_use(task, item);

    json_object_set_new(body, "host", json_string(task->home.host));
    return body;
}

static void apply_connect(struct kn_task *task, int item, const json_t *result)
{
    (void)item;
    json_object_set(task->context, "connection", json_object_get(result, "connection"));
}

static json_t *build_plug(const struct kn_task *task, int item)
{
    json_t *body = build_connect(task, item);

    json_object_set(body, "connection", json_object_get(task->context, "connection"));
    if (*kn_json_str(task->input, "device") != '\0') {
        json_object_set(body, "device", json_object_get(task->input, "device"));
    }
    return body;
}

static void apply_plug(struct kn_task *task, int item, const json_t *result)
{
    (void)item;
    json_object_set(task->context, "device", json_object_get(result, "device"));
}

static const struct kn_flow_row ATTACH_ROWS[] = {
    { { { .message = "volume.connect", .build = build_connect, .apply = apply_connect,
          .undo = "volume.disconnect", .undo_build = build_use } } },
    { { { .message = "server.attach_volume", .to = KN_TO_HOME, .build = build_plug, .apply = apply_plug, .count = kn_count_if_on_host,
          .undo = "server.detach_volume", .undo_build = build_connect } } },
};

static const struct kn_flow_row DETACH_ROWS[] = {
    { { { .message = "server.detach_volume", .to = KN_TO_HOME, .build = build_connect, .count = kn_count_if_on_host } } },
    { { { .message = "volume.disconnect", .build = build_use } } },
};

static void use_becomes(const struct kn_task *task, struct kn_change *change, const char *volume_status)
{
    change->volume.any = true;
    change->volume.volume = kn_json_str(task->input, "volume");
    change->volume.attachment = kn_json_str(task->input, "attachment");
    change->volume.status = volume_status;
}

static void attach_done(const struct kn_task *task, struct kn_change *change)
{
    use_becomes(task, change, "in-use");
    change->volume.attachment_status = "attached";
    change->volume.device = kn_json_str(task->context, "device");
    change->volume.connection = json_incref(json_object_get(task->context, "connection"));
}

static void attachment_gone(const struct kn_task *task, struct kn_change *change)
{
    use_becomes(task, change, "available");
    change->volume.detached = true;
}

static void detach_failed(const struct kn_task *task, struct kn_change *change)
{
    use_becomes(task, change, "in-use");
    change->volume.attachment_status = "attached";
}

/* --- image.import, image.delete ------------------------------------------------------------------------------------------------------ */

static json_t *build_image(const struct kn_task *task, int item)
{
    json_t *body = json_pack("{s:s}", "image", task->object_id);

    (void)item;
    if (*kn_json_str(task->input, "sha512") != '\0') {
        json_object_set(body, "sha512", json_object_get(task->input, "sha512"));
    }
    return body;
}

/* kilonova-image writes what becomes of the image itself: it alone knows when the data is whole. */
static json_t *build_import(const struct kn_task *task, int item)
{
    (void)item;
    return json_pack("{s:s, s:O, s:s}", "image", task->object_id, "import", json_object_get(task->input, "import"), "project",
                     task->project_id);
}

static const struct kn_flow_row IMAGE_IMPORT_ROWS[] = {
    { { { .message = "image.import", .build = build_import } } },
};

static const struct kn_flow_row IMAGE_DELETE_ROWS[] = {
    { { { .message = "image.delete", .build = build_image } } },
};

const struct kn_flow kn_flows_volume[] = {
    { .kind = "volume.create", .object = KN_OBJECT_VOLUME, .rows = CREATE_ROWS, .row_count = 1, .retry_row = -1,
      .done = create_done, .failed = create_failed },
    { .kind = "volume.delete", .object = KN_OBJECT_VOLUME, .rows = DELETE_ROWS, .row_count = 1, .retry_row = -1,
      .supersedes = true, .insists = true, .done = delete_done, .failed = delete_failed },
    { .kind = "server.attach_volume", .object = KN_OBJECT_SERVER, .rows = ATTACH_ROWS, .row_count = 2, .retry_row = -1,
      .done = attach_done, .failed = attachment_gone },
    { .kind = "server.detach_volume", .object = KN_OBJECT_SERVER, .rows = DETACH_ROWS, .row_count = 2, .retry_row = -1,
      .done = attachment_gone, .failed = detach_failed },
    { .kind = "image.import", .object = KN_OBJECT_IMAGE, .rows = IMAGE_IMPORT_ROWS, .row_count = 1, .retry_row = -1 },
    { .kind = "image.delete", .object = KN_OBJECT_IMAGE, .rows = IMAGE_DELETE_ROWS, .row_count = 1, .retry_row = -1,
      .supersedes = true, .insists = true },
    { .kind = NULL },
};
