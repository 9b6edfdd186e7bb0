/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flows that make an image of a server: [its host makes a file of the root disk] -> [kilonova-image says where it goes] -> [the host brings it there] -> [and drops
 * the file]. Of a server whose root disk is a volume: [the snapshots of its volumes, tasks before this one, are the image]. The image's row was written with the wish; when the task is over and brought nothing, kilonova-image ends it (image/rows/snapshot.c). The guest is what it
 * was, whatever happens.
 */
#include "conductor/flows/bodies.h"
#include "conductor/flows/context.h"
#include "conductor/flows/flow.h"
#include "conductor/store/task.h"

static json_t *build_snapshot(const struct kn_conductor_task *task, int item)
{
    json_t *body = kn_conductor_body_server_on_host(task, item);

    if (json_is_true(kn_conductor_wished(task, "quiesce"))) {
        json_object_set_new(body, "quiesce", json_true());
    }
    return body;
}

static json_t *build_upload(const struct kn_conductor_task *task, int item)
{
    static const char *const found[] = { "url", "sha512", "disk_format", NULL };
    json_t *body = kn_conductor_body_server_on_host(task, item);

    for (int i = 0; found[i] != NULL; i++) {
        json_object_set(body, found[i], kn_conductor_found(task, found[i]));
    }
    return body;
}

static const struct kn_conductor_finding SNAPSHOT_FINDS[] = {
    { .name = "sha512", .kind = KN_STR, .from = "server.snapshot", .read_by = "server.upload" },
    { .name = "disk_format", .kind = KN_STR, .from = "server.snapshot", .read_by = "server.upload" },
    { .name = "url", .kind = KN_STR, .from = "image.receive", .read_by = "server.upload" },
    { .name = NULL },
};

#define NOW_IN(state) \
    (const struct kn_conductor_becomes[]) \
    { \
        KN_SET(kn_conductor_record_server, "task_state", state), KN_BECOMES_END \
    }

/* Of a server whose root disk is a volume there is no data to bring: its volumes' snapshots, which stood before this task, are the image. */
static int count_if_of_disk(const struct kn_conductor_task *task)
{
    return kn_conductor_wished(task, "snapshots") == NULL ? 1 : 0;
}

static int count_if_of_snapshots(const struct kn_conductor_task *task)
{
    return 1 - count_if_of_disk(task);
}

static json_t *build_compose(const struct kn_conductor_task *task, int item)
{
    json_t *body = kn_conductor_body_server(task, item);

    json_object_set(body, "image", kn_conductor_wished(task, "image"));
    json_object_set(body, "snapshots", kn_conductor_wished(task, "snapshots"));
    return body;
}

static json_t *build_rotate(const struct kn_conductor_task *task, int item)
{
    static const char *const wished[] = { "image", "backup_type", "rotation", NULL };
    json_t *body = kn_conductor_body_server(task, item);

    for (int i = 0; wished[i] != NULL; i++) {
        json_object_set(body, wished[i], kn_conductor_wished(task, wished[i]));
    }
    return body;
}

#define TAKES(state, counted) \
    { \
        { { .message = "server.snapshot", \
            .to = KN_TO_HOME, \
            .build = build_snapshot, \
            .count = counted, \
            .undo = "server.drop_snapshot", \
            .undo_build = kn_conductor_body_server_on_host, \
            .undo_waits_for_host = true, \
            .undo_tires = true } }, \
            NOW_IN(state) \
    }
#define IS_RECEIVED(state, counted) \
    { \
        { { .message = "image.receive", .build = kn_conductor_body_image_wished, .count = counted } }, NOW_IN(state) \
    }
/* A host that is down then finds at its hello what it has to drop: the server waits for that no more. */
#define DROPS(counted) \
    { \
        .message = "server.drop_snapshot", .to = KN_TO_HOME, .build = kn_conductor_body_server_on_host, \
        .count = counted, .waits_for_host = true \
    }

static const struct kn_conductor_flow_row SNAPSHOT_ROWS[] = {
    TAKES("image_pending_upload", count_if_of_disk),
    IS_RECEIVED("image_uploading", count_if_of_disk),
    { { { .message = "server.upload", .to = KN_TO_HOME, .build = build_upload, .count = count_if_of_disk },
        { .message = "image.compose", .build = build_compose, .count = count_if_of_snapshots } },
      NOW_IN(NULL) },
    { { DROPS(count_if_of_disk) }, NULL },
};

static const struct kn_conductor_flow_row BACKUP_ROWS[] = {
    TAKES("image_pending_upload", NULL),
    IS_RECEIVED("image_uploading", NULL),
    { { { .message = "server.upload", .to = KN_TO_HOME, .build = build_upload } }, NOW_IN(NULL) },
    { { DROPS(NULL), { .message = "image.rotate", .build = build_rotate } }, NULL },
};

/* --- server.shelve: [off] -> an image of it ---------------------------------------------------------------------------------- */

static int count_if_kept_in_image(const struct kn_conductor_task *task)
{
    return *kn_conductor_wished_str(task, "image") != '\0' ? 1 : 0;
}

static json_t *shelving_pends(const struct kn_conductor_task *task)
{
    return count_if_kept_in_image(task) > 0 ? json_string("shelving_image_pending_upload") : NULL;
}

static json_t *shelving_uploads(const struct kn_conductor_task *task)
{
    return count_if_kept_in_image(task) > 0 ? json_string("shelving_image_uploading") : NULL;
}

#define SHELVE_IN(made) \
    (const struct kn_conductor_becomes[]) \
    { \
        KN_SET_MADE(kn_conductor_record_server, "task_state", made), KN_BECOMES_END \
    }

static json_t *build_shelve_stop(const struct kn_conductor_task *task, int item)
{
    (void)item;
    return kn_conductor_body_power(task, "stop", NULL);
}

/* What stands behind it goes on where this ends. */
static json_t *shelved_task_state(const struct kn_conductor_task *task)
{
    return json_is_true(kn_conductor_wished(task, "offloads")) ? json_string("shelving_offloading") : json_null();
}

/* One that was stopped and could not be kept is off; nothing is done to it by what stands behind. */
static json_t *shelved_not_state(const struct kn_conductor_task *task)
{
    return kn_conductor_found(task, "power_state") != NULL ? json_string("stopped") : NULL;
}

static const struct kn_conductor_finding SHELVE_FINDS[] = {
    { .name = "power_state", .kind = KN_INT, .from = "server.power", .read_by = "row failed", .may_lack = true },
    { .name = "sha512", .kind = KN_STR, .from = "server.snapshot", .read_by = "server.upload" },
    { .name = "disk_format", .kind = KN_STR, .from = "server.snapshot", .read_by = "server.upload" },
    { .name = "url", .kind = KN_STR, .from = "image.receive", .read_by = "server.upload" },
    { .name = NULL },
};

/* A volume is its own keeper: of such a server only the guest is stopped. */
static const struct kn_conductor_flow_row SHELVE_ROWS[] = {
    { { { .message = "server.power", .to = KN_TO_HOME, .build = build_shelve_stop } },
      (const struct kn_conductor_becomes[]){ KN_SET_FOUND(kn_conductor_record_server, "power_state", "power_state"),
                                             KN_BECOMES_END } },
    { { { .message = "server.snapshot",
          .to = KN_TO_HOME,
          .build = kn_conductor_body_server_on_host,
          .count = count_if_kept_in_image,
          .undo = "server.drop_snapshot",
          .undo_build = kn_conductor_body_server_on_host,
          .undo_waits_for_host = true,
          .undo_tires = true } },
      SHELVE_IN(shelving_pends) },
    { { { .message = "image.receive", .build = kn_conductor_body_image_wished, .count = count_if_kept_in_image } },
      SHELVE_IN(shelving_uploads) },
    { { { .message = "server.upload", .to = KN_TO_HOME, .build = build_upload, .count = count_if_kept_in_image } },
      NULL },
    { { { .message = "server.drop_snapshot",
          .to = KN_TO_HOME,
          .build = kn_conductor_body_server_on_host,
          .count = count_if_kept_in_image,
          .waits_for_host = true } },
      NULL },
};

static const struct kn_conductor_becomes SHELVE_DONE[] = {
    KN_SET(kn_conductor_record_server, "vm_state", "shelved"),
    KN_SET_MADE(kn_conductor_record_server, "task_state", shelved_task_state),
    KN_SET(kn_conductor_record_server, "shelved_at", "now"),
    KN_BECOMES_END,
};

static const struct kn_conductor_becomes SHELVE_FAILED[] = {
    KN_SET_MADE(kn_conductor_record_server, "vm_state", shelved_not_state),
    KN_SET(kn_conductor_record_server, "task_state", NULL),
    KN_BECOMES_END,
};

/* The snapshots that were to be the image go with it. */
static const struct kn_conductor_becomes SNAPSHOT_FAILED[] = {
    KN_SET(kn_conductor_record_server, "task_state", NULL),
    KN_GOES(kn_conductor_record_server_snapshots),
    KN_BECOMES_END,
};

#define SNAPSHOT_FLOW(name, its) \
    { \
        .kind = name, .object = &kn_conductor_record_server, .rows = its, .row_count = 4, .retry_row = -1, \
        .finds = SNAPSHOT_FINDS, .failed = SNAPSHOT_FAILED \
    }

const struct kn_conductor_flow kn_conductor_flows_snapshot[] = {
    SNAPSHOT_FLOW("server.createImage", SNAPSHOT_ROWS),
    SNAPSHOT_FLOW("server.createBackup", BACKUP_ROWS),
    { .kind = "server.shelve",
      .object = &kn_conductor_record_server,
      .rows = SHELVE_ROWS,
      .row_count = 5,
      .retry_row = -1,
      .finds = SHELVE_FINDS,
      .done = SHELVE_DONE,
      .failed = SHELVE_FAILED },
    { .kind = NULL },
};
