/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.boot_volume: a volume that a server was wished with at its creation: [where its image's data is] -> [its disk, if it is a new one] -> [how it is reached]. A task of the server for each of its
 * volumes, before server.create, which finds them attached and gives them to the guest. Where one fails the server is in error, its volumes are let go, and what stands behind it
 * finds nothing to do.
 */
#include <string.h>

#include "conductor/flows/bodies.h"
#include "conductor/flows/context.h"
#include "conductor/flows/flow.h"
#include "conductor/store/task.h"

static bool boot_goes_on(const struct kn_conductor_task *task)
{
    return strcmp(kn_conductor_known_str(task, "vm_state"), "error") != 0;
}

static int count_if_boot_connects(const struct kn_conductor_task *task)
{
    return boot_goes_on(task) ? 1 : 0;
}

static int count_if_boot_makes(const struct kn_conductor_task *task)
{
    return boot_goes_on(task) && kn_conductor_wished(task, "size_gib") != NULL ? 1 : 0;
}

static int count_if_boot_image(const struct kn_conductor_task *task)
{
    return boot_goes_on(task) && *kn_conductor_wished_str(task, "image") != '\0' ? 1 : 0;
}

static json_t *build_boot_create(const struct kn_conductor_task *task, int item)
{
    json_t *body = json_pack("{s:O, s:O}", "volume", kn_conductor_wished(task, "volume"), "size_gib",
                             kn_conductor_wished(task, "size_gib"));

    (void)item;
    if (*kn_conductor_wished_str(task, "from_snapshot") != '\0') {
        json_object_set(body, "from_snapshot", kn_conductor_wished(task, "from_snapshot"));
    }
    if (*kn_conductor_wished_str(task, "image") != '\0') {
        json_t *base = json_copy(kn_conductor_found(task, "base"));

        json_object_set(base, "id", kn_conductor_wished(task, "image"));
        json_object_set_new(body, "base", base);
    }
    return body;
}

/* It has no host yet. */
static json_t *build_boot_connect(const struct kn_conductor_task *task, int item)
{
    (void)item;
    return json_pack("{s:O, s:s}", "volume", kn_conductor_wished(task, "volume"), "server", task->object_id);
}

static const struct kn_conductor_finding BOOT_FINDS[] = {
    { .name = "base",
      .kind = KN_OBJ,
      .from = "image.locate",
      .whole = true,
      .read_by = "volume.create",
      .may_lack = true },
    { .name = "connection", .kind = KN_OBJ, .from = "volume.connect", .read_by = "done", .may_lack = true },
    { .name = NULL },
};

/* What is void changes no row: its volumes are somebody else's by now. */
static json_t *boot_follows(const struct kn_conductor_task *task)
{
    return boot_goes_on(task) ? json_null() : NULL;
}

static json_t *boot_attached(const struct kn_conductor_task *task)
{
    return boot_goes_on(task) ? json_string("attached") : NULL;
}

static json_t *boot_attached_at(const struct kn_conductor_task *task)
{
    return boot_goes_on(task) ? json_string("now") : NULL;
}

static json_t *boot_failed_state(const struct kn_conductor_task *task)
{
    return boot_goes_on(task) ? json_string("error") : NULL;
}

static json_t *boot_failed_fault(const struct kn_conductor_task *task)
{
    return boot_goes_on(task) ? kn_conductor_fault_of(task) : NULL;
}

#define OF_VOLUME(column, made) KN_SET_MADE_OF(kn_conductor_record_volume, "volume", column, made)
#define OF_ATTACHMENT(column, made) KN_SET_MADE_OF(kn_conductor_record_attachment, "attachment", column, made)

/* From here on it is a volume like any other, on its way to a server. */
static const struct kn_conductor_becomes BOOT_MADE[] = { OF_VOLUME("status", boot_follows), KN_BECOMES_END };

static const struct kn_conductor_becomes BOOT_DONE[] = {
    OF_VOLUME("status", boot_follows),
    OF_ATTACHMENT("status", boot_attached),
    OF_ATTACHMENT("attached_at", boot_attached_at),
    KN_SET_FOUND_OF(kn_conductor_record_attachment, "attachment", "connection", "connection"),
    KN_BECOMES_END,
};

static const struct kn_conductor_becomes BOOT_FAILED[] = {
    KN_SET_MADE(kn_conductor_record_server, "vm_state", boot_failed_state),
    KN_SET(kn_conductor_record_server, "task_state", NULL),
    KN_SET_MADE(kn_conductor_record_server, "fault", boot_failed_fault),
    KN_GOES(kn_conductor_record_server_volumes),
    KN_BECOMES_END,
};

static const struct kn_conductor_flow_row BOOT_ROWS[] = {
    { { { .message = "image.locate",
          .build = kn_conductor_body_image_wished,
          .count = count_if_boot_image,
          .is_anybodys = true } },
      NULL },
    { { { .message = "volume.create", .build = build_boot_create, .count = count_if_boot_makes } }, BOOT_MADE },
    { { { .message = "volume.connect", .build = build_boot_connect, .count = count_if_boot_connects } }, NULL },
};

const struct kn_conductor_flow kn_conductor_flows_boot[] = {
    { .kind = "server.boot_volume",
      .object = &kn_conductor_record_server,
      .rows = BOOT_ROWS,
      .row_count = 3,
      .finds = BOOT_FINDS,
      .retry_row = -1,
      .done = BOOT_DONE,
      .failed = BOOT_FAILED },
    { .kind = NULL },
};
