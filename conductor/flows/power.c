/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flows that change a guest's power state: server.power, for a rescue with the disk that it starts from, for a rebuild with the image of its new one, or after its volume was overwritten. Which vm_state they end in stands in
 * lib/domain/server_state.c, so that the API's check and the conductor's end cannot drift apart.
 */
#include <string.h>

#include "conductor/flows/bodies.h"
#include "conductor/flows/context.h"
#include "conductor/flows/flow.h"
#include "conductor/flows/spec.h"
#include "conductor/store/task.h"
#include "lib/base/mem.h"
#include "lib/domain/server_state.h"

/* A flow's kind, the agent's word for it (NULL: the wish has it), and whether the guest may have to be made anew. */
static const struct {
    const char *kind;
    const char *action;
    bool needs_spec;
} POWER_ACTIONS[] = {
    { "server.stop", "stop", false },       { "server.start", "start", true },
    { "server.pause", "pause", false },     { "server.unpause", "unpause", false },
    { "server.suspend", "suspend", false }, { "server.resume", "resume", true },
    { "server.reboot", NULL, true },        { "server.trigger_crash_dump", "crash_dump", false },
};

static const char *action_of(const struct kn_conductor_task *task, bool *ret_needs_spec)
{
    for (size_t i = 0; i < KN_COUNT(POWER_ACTIONS); i++) {
        if (strcmp(POWER_ACTIONS[i].kind, task->flow->kind) == 0) {
            *ret_needs_spec = POWER_ACTIONS[i].needs_spec;
            return POWER_ACTIONS[i].action != NULL                              ? POWER_ACTIONS[i].action
                   : strcmp(kn_conductor_wished_str(task, "type"), "HARD") == 0 ? "reboot_hard"
                                                                                : "reboot_soft";
        }
    }
    abort(); /* a flow without its line above: test_flows finds it */
}

static json_t *build_power(const struct kn_conductor_task *task, int item)
{
    bool needs_spec;
    const char *action = action_of(task, &needs_spec);

    (void)item;
    return kn_conductor_body_power(task, action, needs_spec ? kn_conductor_spec_build(task, KN_SPEC_KNOWN) : NULL);
}

static const struct kn_conductor_finding POWER_FINDS[] = {
    { .name = "power_state", .kind = KN_INT, .from = "server.power", .read_by = "done" },
    { .name = NULL },
};

static const struct kn_conductor_flow_row POWER_ROWS[] = {
    { { { .message = "server.power", .to = KN_TO_HOME, .build = build_power } }, NULL },
};

/* The state of Nova's table for this flow ("server.stop" is the action "stop"). */
static json_t *end_state(const struct kn_conductor_task *task)
{
    const struct kn_server_action *action = kn_server_action(strchr(task->flow->kind, '.') + 1);

    return action == NULL || action->end == NULL ? NULL : json_string(action->end);
}

static const struct kn_conductor_becomes POWER_DONE[] = {
    KN_SET(kn_conductor_record_server, "task_state", NULL),
    KN_SET_MADE(kn_conductor_record_server, "vm_state", end_state),
    KN_SET_FOUND(kn_conductor_record_server, "power_state", "power_state"),
    KN_BECOMES_END,
};

/* The guest stays as it was; the task keeps the reason for os-instance-actions. */
static const struct kn_conductor_becomes POWER_FAILED[] = { KN_SET(kn_conductor_record_server, "task_state", NULL),
                                                            KN_BECOMES_END };

/* --- server.rescue: [locate the image] -> [start from it]; server.unrescue: [start from its own disk] ------------------------------ */

static json_t *build_rescue(const struct kn_conductor_task *task, int item)
{
    json_auto_t *image = json_copy(kn_conductor_found(task, "image"));
    json_auto_t *rescue = json_pack("{s:O}", "image", image);
    const struct kn_conductor_spec_found found = { NULL, NULL, "", rescue };

    (void)item;
    json_object_set(image, "id", kn_conductor_wished(task, "image"));
    if (*kn_conductor_wished_str(task, "bus") != '\0') {
        json_object_set(rescue, "bus", kn_conductor_wished(task, "bus"));
    }
    return kn_conductor_body_power(task, "rescue", kn_conductor_spec_build(task, &found));
}

static json_t *build_unrescue(const struct kn_conductor_task *task, int item)
{
    (void)item;
    return kn_conductor_body_power(task, "unrescue", kn_conductor_spec_build(task, KN_SPEC_KNOWN));
}

/* As it was before. */
static json_t *build_take_rescue_back(const struct kn_conductor_task *task, int item)
{
    const bool ran = strcmp(kn_conductor_known_str(task, "vm_state"), "active") == 0;

    (void)item;
    return kn_conductor_body_power(task, ran ? "unrescue" : "unrescue_off",
                                   kn_conductor_spec_build(task, KN_SPEC_KNOWN));
}

/*
 * --- server.rebuild: [locate the image] -> [a new disk of it, with the same ports and volumes]; of a server whose root disk is a volume, which is overwritten:
 * [locate the image] -> [off] -> [the volume] -> [its guest again], which stays what it is: [its guest again]. -----------------------------------------
 */

static bool power_was_off(const struct kn_conductor_task *task)
{
    return strcmp(kn_conductor_known_str(task, "vm_state"), "stopped") == 0;
}

static int count_if_overwrites(const struct kn_conductor_task *task)
{
    return kn_conductor_wished(task, "size_gib") != NULL ? 1 : 0;
}

static bool rebuild_is_of_volume(const struct kn_conductor_task *task)
{
    return *kn_conductor_wished_str(task, "volume") != '\0';
}

static int count_if_image_is_read(const struct kn_conductor_task *task)
{
    return rebuild_is_of_volume(task) ? count_if_overwrites(task) : 1;
}

/* New reference. */
static json_t *rebuild_image(const struct kn_conductor_task *task)
{
    json_t *image = json_copy(kn_conductor_found(task, "image"));

    json_object_set(image, "id", kn_conductor_wished(task, "image"));
    return image;
}

static json_t *build_off(const struct kn_conductor_task *task, int item)
{
    (void)item;
    return kn_conductor_body_power(task, "unrescue_off", kn_conductor_spec_build(task, KN_SPEC_KNOWN));
}

static json_t *build_overwrite(const struct kn_conductor_task *task, int item)
{
    (void)item;
    return json_pack("{s:O, s:O, s:o, s:b}", "volume", kn_conductor_wished(task, "volume"), "size_gib",
                     kn_conductor_wished(task, "size_gib"), "base", rebuild_image(task), "held", 1);
}

static json_t *build_rebuild(const struct kn_conductor_task *task, int item)
{
    json_auto_t *image = rebuild_is_of_volume(task) ? NULL : rebuild_image(task);
    const struct kn_conductor_spec_found found = { image, NULL, "", NULL };

    (void)item;
    return kn_conductor_body_power(task, power_was_off(task) ? "rebuild_off" : "rebuild",
                                   kn_conductor_spec_build(task, &found));
}

/* One that was off stays off, on its new disk. */
static json_t *rebuilt_state(const struct kn_conductor_task *task)
{
    return json_string(power_was_off(task) ? "stopped" : "active");
}

static json_t *rebuild_located(const struct kn_conductor_task *task)
{
    return json_string(count_if_overwrites(task) > 0 ? "rebuild_block_device_mapping" : "rebuild_spawning");
}

static json_t *rebuild_overwritten(const struct kn_conductor_task *task)
{
    return count_if_overwrites(task) > 0 ? json_string("rebuild_spawning") : NULL;
}

/* Whatever came of it, the volume is what it was or what it was to be, and in use. */
static json_t *rebuild_volume_follows(const struct kn_conductor_task *task)
{
    return count_if_overwrites(task) > 0 ? json_null() : NULL;
}

static const struct kn_conductor_becomes REBUILD_LOCATED[] = {
    KN_SET_MADE(kn_conductor_record_server, "task_state", rebuild_located), KN_BECOMES_END
};

static const struct kn_conductor_becomes REBUILD_OVERWRITTEN[] = {
    KN_SET_MADE(kn_conductor_record_server, "task_state", rebuild_overwritten),
    KN_SET_MADE_OF(kn_conductor_record_volume, "volume", "status", rebuild_volume_follows),
    KN_BECOMES_END,
};

static const struct kn_conductor_finding REBUILD_FINDS[] = {
    { .name = "image",
      .kind = KN_OBJ,
      .from = "image.locate",
      .whole = true,
      .read_by = "volume.overwrite server.power",
      .may_lack = true },
    { .name = "power_state", .kind = KN_INT, .from = "server.power", .read_by = "done" },
    { .name = NULL },
};

static const struct kn_conductor_flow_row REBUILD_ROWS[] = {
    { { { .message = "image.locate", .build = kn_conductor_body_image_wished, .count = count_if_image_is_read } },
      REBUILD_LOCATED },
    { { { .message = "server.power", .to = KN_TO_HOME, .build = build_off, .count = count_if_overwrites } }, NULL },
    { { { .message = "volume.overwrite", .build = build_overwrite, .count = count_if_overwrites } },
      REBUILD_OVERWRITTEN },
    { { { .message = "server.power", .to = KN_TO_HOME, .build = build_rebuild } }, NULL },
};

static const struct kn_conductor_becomes REBUILD_DONE[] = {
    KN_SET(kn_conductor_record_server, "task_state", NULL),
    KN_SET_MADE(kn_conductor_record_server, "vm_state", rebuilt_state),
    KN_SET_FOUND(kn_conductor_record_server, "power_state", "power_state"),
    KN_BECOMES_END,
};

/* Its row says already what it shall be, so it is not what it was: another rebuild heals it. */
static const struct kn_conductor_becomes REBUILD_FAILED[] = {
    KN_SET(kn_conductor_record_server, "vm_state", "error"),
    KN_SET_MADE_OF(kn_conductor_record_volume, "volume", "status", rebuild_volume_follows),
    KN_SET(kn_conductor_record_server, "task_state", NULL),
    KN_SET_MADE(kn_conductor_record_server, "fault", kn_conductor_fault_of),
    KN_BECOMES_END,
};

static const struct kn_conductor_finding RESCUE_FINDS[] = {
    { .name = "image", .kind = KN_OBJ, .from = "image.locate", .whole = true, .read_by = "server.power" },
    { .name = "power_state", .kind = KN_INT, .from = "server.power", .read_by = "done" },
    { .name = NULL },
};

static const struct kn_conductor_flow_row RESCUE_ROWS[] = {
    { { { .message = "image.locate", .build = kn_conductor_body_image_wished } }, NULL },
    { { { .message = "server.power",
          .to = KN_TO_HOME,
          .build = build_rescue,
          .undo = "server.power",
          .undo_build = build_take_rescue_back,
          .undo_waits_for_host = true } },
      NULL },
};

static const struct kn_conductor_flow_row UNRESCUE_ROWS[] = {
    { { { .message = "server.power", .to = KN_TO_HOME, .build = build_unrescue } }, NULL },
};

/* What a guest makes of it is its own affair: it runs, or it is seen when it does not. */
static const struct kn_conductor_becomes CRASH_DUMP_DONE[] = {
    KN_SET_FOUND(kn_conductor_record_server, "power_state", "power_state"), KN_BECOMES_END
};

/* --- server.resetState: what an administrator says is held against what its host sees ------------------------------------------- */

static const struct kn_conductor_finding RESET_FINDS[] = {
    { .name = "power_state", .kind = KN_INT, .from = "server.look", .read_by = "done" },
    { .name = NULL },
};

static const struct kn_conductor_flow_row RESET_ROWS[] = {
    { { { .message = "server.look", .to = KN_TO_HOME, .build = kn_conductor_body_server_on_host } }, NULL },
};

static json_t *state_as_seen(const struct kn_conductor_task *task)
{
    const json_int_t power_state = json_integer_value(kn_conductor_found(task, "power_state"));

    return json_string(power_state == KN_POWER_RUNNING     ? "active"
                       : power_state == KN_POWER_PAUSED    ? "paused"
                       : power_state == KN_POWER_SUSPENDED ? "suspended"
                                                           : "stopped");
}

static const struct kn_conductor_becomes RESET_DONE[] = {
    KN_SET_MADE(kn_conductor_record_server, "vm_state", state_as_seen),
    KN_SET_FOUND(kn_conductor_record_server, "power_state", "power_state"),
    KN_BECOMES_END,
};

/* It has no such guest, or cannot be asked. */
static const struct kn_conductor_becomes RESET_FAILED[] = {
    KN_SET(kn_conductor_record_server, "vm_state", "error"),
    KN_SET_MADE(kn_conductor_record_server, "fault", kn_conductor_fault_of),
    KN_BECOMES_END,
};

#define POWER_FLOW(name) \
    { \
        .kind = name, .object = &kn_conductor_record_server, .rows = POWER_ROWS, .row_count = 1, .retry_row = -1, \
        .finds = POWER_FINDS, .done = POWER_DONE, .failed = POWER_FAILED \
    }

const struct kn_conductor_flow kn_conductor_flows_power[] = {
    POWER_FLOW("server.stop"),
    POWER_FLOW("server.start"),
    POWER_FLOW("server.pause"),
    POWER_FLOW("server.unpause"),
    POWER_FLOW("server.suspend"),
    POWER_FLOW("server.resume"),
    POWER_FLOW("server.reboot"),
    { .kind = "server.rescue",
      .object = &kn_conductor_record_server,
      .rows = RESCUE_ROWS,
      .row_count = 2,
      .retry_row = -1,
      .finds = RESCUE_FINDS,
      .done = POWER_DONE,
      .failed = POWER_FAILED },
    { .kind = "server.rebuild",
      .object = &kn_conductor_record_server,
      .rows = REBUILD_ROWS,
      .row_count = 4,
      .retry_row = -1,
      .finds = REBUILD_FINDS,
      .done = REBUILD_DONE,
      .failed = REBUILD_FAILED },
    { .kind = "server.unrescue",
      .object = &kn_conductor_record_server,
      .rows = UNRESCUE_ROWS,
      .row_count = 1,
      .retry_row = -1,
      .finds = POWER_FINDS,
      .done = POWER_DONE,
      .failed = POWER_FAILED },
    { .kind = "server.trigger_crash_dump",
      .object = &kn_conductor_record_server,
      .rows = POWER_ROWS,
      .row_count = 1,
      .retry_row = -1,
      .finds = POWER_FINDS,
      .done = CRASH_DUMP_DONE },
    { .kind = "server.resetState",
      .object = &kn_conductor_record_server,
      .rows = RESET_ROWS,
      .row_count = 1,
      .retry_row = -1,
      .finds = RESET_FINDS,
      .beside = true,
      .done = RESET_DONE,
      .failed = RESET_FAILED },
    { .kind = NULL },
};
