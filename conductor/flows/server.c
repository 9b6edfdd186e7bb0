/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flows of a server's life: create, delete, fence, and telling its host of it. Tables with the small pure functions that they
 * name. How they are walked is engine.c's business, how their changes are written object_server.c's.
 */
#include <string.h>

#include "conductor/flows/bodies.h"
#include "conductor/flows/context.h"
#include "conductor/flows/flow.h"
#include "conductor/flows/spec.h"
#include "conductor/store/task.h"
#include "lib/base/mem.h"
#include "lib/domain/form.h"

/* --- server.create: [place ∥ ports ∥ image] -> [spawn ∥ bind] ------------------------------------------------------------ */

/* Its volumes could not be made or connected (boot.c): it is in error already, and says why. */
static bool create_is_void(const struct kn_conductor_task *task)
{
    return json_is_true(kn_conductor_wished(task, "booted")) &&
           strcmp(kn_conductor_known_str(task, "vm_state"), "error") == 0;
}

static int count_if_comes(const struct kn_conductor_task *task)
{
    return create_is_void(task) ? 0 : 1;
}

/* A server that wants no NIC asks the network for nothing. */
static int count_if_nics_wanted(const struct kn_conductor_task *task)
{
    return json_array_size(kn_conductor_wished(task, "requests")) > 0 ? count_if_comes(task) : 0;
}

static json_t *build_allocate(const struct kn_conductor_task *task, int item)
{
    (void)item;
    return json_pack("{s:s, s:O, s:O, s:O}", "server", task->object_id, "project", kn_conductor_known(task, "project"),
                     "hostname", kn_conductor_known(task, "hostname"), "requests",
                     kn_conductor_wished(task, "requests"));
}

static int count_if_image(const struct kn_conductor_task *task)
{
    return *kn_conductor_known_str(task, "image_id") != '\0' ? count_if_comes(task) : 0;
}

static json_t *build_locate(const struct kn_conductor_task *task, int item)
{
    (void)item;
    return json_pack("{s:O}", "image", kn_conductor_known(task, "image_id"));
}

static json_t *build_spawn(const struct kn_conductor_task *task, int item)
{
    const struct kn_conductor_spec_found found = { kn_conductor_found(task, "image"), kn_conductor_found(task, "nics"),
                                                   kn_conductor_found_str(task, "zone"), NULL };
    json_t *body = kn_conductor_body_server_on_host(task, item);

    json_object_set_new(body, "spec", kn_conductor_spec_build(task, &found));
    return body;
}

static json_t *build_bind(const struct kn_conductor_task *task, int item)
{
    return kn_conductor_body_server_on_host(task, item);
}

static json_t *chosen_host(const struct kn_conductor_task *task)
{
    return task->home.host[0] == '\0' ? json_null() : json_string(task->home.host);
}

static json_t *create_spawns(const struct kn_conductor_task *task)
{
    return create_is_void(task) ? NULL : json_string("spawning");
}

static json_t *create_vm_state(const struct kn_conductor_task *task)
{
    return create_is_void(task) ? NULL : json_string("active");
}

static json_t *create_launched(const struct kn_conductor_task *task)
{
    return create_is_void(task) ? NULL : json_string("now");
}

static const struct kn_conductor_finding CREATE_FINDS[] = {
    { .name = "zone",
      .kind = KN_STR,
      .from = "place.claim",
      .read_by = "row server.spawn",
      .may_lack = true,
      .in_row = true },
    { .name = "nics",
      .kind = KN_ARR,
      .from = "port.allocate",
      .read_by = "row server.spawn",
      .may_lack = true,
      .in_row = true },
    { .name = "group_ids", .kind = KN_ARR, .from = "port.allocate", .read_by = "row", .may_lack = true },
    { .name = "image",
      .kind = KN_OBJ,
      .from = "image.locate",
      .whole = true,
      .read_by = "server.spawn",
      .may_lack = true },
    { .name = "power_state", .kind = KN_INT, .from = "server.spawn", .read_by = "done", .may_lack = true },
    { .name = NULL },
};

static const struct kn_conductor_becomes CREATE_PLACED[] = {
    KN_SET_MADE(kn_conductor_record_server, "host", chosen_host),
    KN_SET_FOUND(kn_conductor_record_server, "zone", "zone"),
    KN_SET_FOUND(kn_conductor_record_server, "nics", "nics"),
    KN_SET_FOUND(kn_conductor_record_server, "group_ids", "group_ids"),
    KN_SET_MADE(kn_conductor_record_server, "task_state", create_spawns),
    KN_BECOMES_END,
};

static const struct kn_conductor_flow_row CREATE_ROWS[] = {
    { { { .message = "place.claim",
          .build = kn_conductor_body_claim,
          .count = count_if_comes,
          .chooses = KN_TO_HOME,
          .undo = "place.release",
          .undo_build = kn_conductor_body_server },
        { .message = "port.allocate",
          .build = build_allocate,
          .count = count_if_nics_wanted,
          .undo = "port.release",
          .undo_build = kn_conductor_body_server },
        { .message = "image.locate", .build = build_locate, .count = count_if_image, .is_anybodys = true } },
      CREATE_PLACED },
    { { { .message = "server.spawn",
          .to = KN_TO_HOME,
          .build = build_spawn,
          .count = count_if_comes,
          .undo = "server.destroy",
          .undo_build = kn_conductor_body_server_on_host },
        { .message = "port.bind", .build = build_bind, .count = count_if_nics_wanted } },
      NULL },
};

static const struct kn_conductor_becomes CREATE_DONE[] = {
    KN_SET_MADE(kn_conductor_record_server, "vm_state", create_vm_state),
    KN_SET(kn_conductor_record_server, "task_state", NULL),
    KN_SET_FOUND(kn_conductor_record_server, "power_state", "power_state"),
    KN_SET_MADE(kn_conductor_record_server, "launched_at", create_launched),
    KN_BECOMES_END,
};

static const struct kn_conductor_becomes CREATE_FAILED[] = {
    KN_SET(kn_conductor_record_server, "vm_state", "error"),
    KN_SET(kn_conductor_record_server, "task_state", NULL),
    KN_SET(kn_conductor_record_server, "power_state", "0"),
    KN_SET(kn_conductor_record_server, "host", NULL),
    KN_SET(kn_conductor_record_server, "nics", "[]"),
    KN_SET(kn_conductor_record_server, "group_ids", NULL),
    KN_SET_MADE(kn_conductor_record_server, "fault", kn_conductor_fault_of),
    KN_GOES(kn_conductor_record_server_volumes), /* as of one that is deleted */
    KN_BECOMES_END,
};

/* --- server.delete: [destroy, also where it was on its way to] -> [ports ∥ place ∥ volumes] ---------------------------------------------------------------- */

static json_t *attachment_at(const struct kn_conductor_task *task, int item)
{
    return json_array_get(kn_conductor_known(task, "volumes"), (size_t)item);
}

static int count_attachments(const struct kn_conductor_task *task)
{
    return (int)json_array_size(kn_conductor_known(task, "volumes"));
}

static json_t *build_disconnect(const struct kn_conductor_task *task, int item)
{
    return kn_conductor_body_volume_let_go(task, json_object_get(attachment_at(task, item), "volume"));
}

/* The image that a shelved server is kept in, or was to be, is nobody else's. */
static int count_if_shelved(const struct kn_conductor_task *task)
{
    return *kn_conductor_known_str(task, "shelved_image") != '\0' ? 1 : 0;
}

static json_t *build_discard_shelved(const struct kn_conductor_task *task, int item)
{
    json_t *body = kn_conductor_body_server(task, item);

    json_object_set(body, "image", kn_conductor_known(task, "shelved_image"));
    return body;
}

static const struct kn_conductor_flow_row DELETE_ROWS[] = {
    { { { .message = "server.destroy",
          .to = KN_TO_HOME,
          .build = kn_conductor_body_server_on_host,
          .count = kn_conductor_count_if_on_host,
          .skip_if_down = true },
        { .message = "server.destroy",
          .to = KN_TO_DEST,
          .build = kn_conductor_body_server_on_dest,
          .count = kn_conductor_count_if_dest,
          .skip_if_down = true } },
      NULL },
    { { { .message = "port.release", .build = kn_conductor_body_server },
        { .message = "place.release", .build = kn_conductor_body_server },
        { .message = "volume.disconnect", .build = build_disconnect, .count = count_attachments },
        { .message = "image.discard", .build = build_discard_shelved, .count = count_if_shelved } },
      NULL },
};

static const struct kn_conductor_becomes DELETE_DONE[] = { KN_GOES(kn_conductor_record_server), KN_BECOMES_END };

static const struct kn_conductor_becomes DELETE_FAILED[] = {
    KN_SET(kn_conductor_record_server, "vm_state", "error"),
    KN_SET(kn_conductor_record_server, "task_state", NULL),
    KN_SET_MADE(kn_conductor_record_server, "fault", kn_conductor_fault_of),
    KN_BECOMES_END,
};

/* --- server.fence: what a host still has although the server is elsewhere or gone ------------------------------------------ */

static const struct kn_conductor_flow_row FENCE_ROWS[] = {
    { { { .message = "server.destroy",
          .to = KN_TO_HOME,
          .build = kn_conductor_body_server_on_host,
          .count = kn_conductor_count_if_on_host,
          .skip_if_down = true } },
      NULL },
};

/* --- server.describe: what users wrote on a server, into its metadata service ------------------------------------------------ */

static json_t *build_describe(const struct kn_conductor_task *task, int item)
{
    json_t *body = kn_conductor_body_server_on_host(task, item);
    json_t *description = json_object();

    for (const struct kn_field *told = kn_form_description.fields; told->kind != KN_FIELD_END; told++) {
        json_object_set(description, told->name, kn_conductor_known(task, told->name));
    }
    json_object_set_new(body, "description", description);
    return body;
}

static const struct kn_conductor_flow_row DESCRIBE_ROWS[] = {
    { { { .message = "server.describe",
          .to = KN_TO_HOME,
          .build = build_describe,
          .count = kn_conductor_count_if_on_host,
          .waits_for_host = true } },
      NULL },
};

const struct kn_conductor_flow kn_conductor_flows_server[] = {
    { .kind = "server.create",
      .object = &kn_conductor_record_server,
      .rows = CREATE_ROWS,
      .row_count = 2,
      .finds = CREATE_FINDS,
      .retry_row = 0,
      .retry_place = KN_TO_HOME,
      .done = CREATE_DONE,
      .failed = CREATE_FAILED },
    { .kind = "server.delete",
      .object = &kn_conductor_record_server,
      .rows = DELETE_ROWS,
      .row_count = 2,
      .retry_row = -1,
      .supersedes = true,
      .insists = true,
      .done = DELETE_DONE,
      .failed = DELETE_FAILED },
    { .kind = "server.fence",
      .object = &kn_conductor_record_server,
      .rows = FENCE_ROWS,
      .row_count = 1,
      .retry_row = -1,
      .told_home = true,
      .beside = true,
      .insists = true },
    { .kind = "server.describe",
      .object = &kn_conductor_record_server,
      .rows = DESCRIBE_ROWS,
      .row_count = 1,
      .retry_row = -1,
      .beside = true,
      .insists = true },
    { .kind = NULL },
};
