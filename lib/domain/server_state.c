/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's state machine, as tables: which action may begin where, what a pair of states is called outside, and what a
 * look at the guest says about its state. The API asks before it writes a wish, the conductor when it applies what came of it;
 * both read the same rows. It decides and never acts: no row, no clock, no I/O here.
 */
#include "lib/domain/server_state.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "lib/base/mem.h"

#define ANY \
    { \
        NULL \
    }
#define IDLE \
    { \
        NULL \
    }
#define ALWAYS \
    { \
        "*" \
    }

const struct kn_server_action kn_server_actions[] = {
    /* name, flow, vm_states, task_states, during, end, end_power, ignores_lock */
    { "create", "server.create", { "building" }, { "scheduling" }, "scheduling", "active", KN_POWER_RUNNING, true },
    { "delete", "server.delete", ANY, ALWAYS, "deleting", "deleted", KN_POWER_NONE, false },
    { "soft_delete", "server.softDelete", ANY, ALWAYS, "soft-deleting", "soft-delete", KN_POWER_SHUTDOWN, false },
    { "restore", "server.restore", { "soft-delete" }, IDLE, "restoring", "active", KN_POWER_RUNNING, false },
    { "stop", "server.stop", { "active", "error" }, IDLE, "powering-off", "stopped", KN_POWER_SHUTDOWN, false },
    { "start", "server.start", { "stopped" }, IDLE, "powering-on", "active", KN_POWER_RUNNING, false },
    { "reboot", "server.reboot", { "active" }, IDLE, "rebooting", "active", KN_POWER_RUNNING, false },
    { "reboot_hard",
      "server.reboot",
      { "active", "stopped", "paused", "suspended", "error" },
      { "rebooting", "reboot_pending", "reboot_started", "rebooting_hard", "resuming", "unpausing", "pausing",
        "suspending" },
      "rebooting_hard",
      "active",
      KN_POWER_RUNNING,
      false },
    { "pause", "server.pause", { "active" }, IDLE, "pausing", "paused", KN_POWER_PAUSED, false },
    { "unpause", "server.unpause", { "paused" }, IDLE, "unpausing", "active", KN_POWER_RUNNING, false },
    { "suspend", "server.suspend", { "active" }, IDLE, "suspending", "suspended", KN_POWER_SUSPENDED, false },
    { "resume", "server.resume", { "suspended" }, IDLE, "resuming", "active", KN_POWER_RUNNING, false },
    { "rescue",
      "server.rescue",
      { "active", "stopped", "error" },
      IDLE,
      "rescuing",
      "rescued",
      KN_POWER_RUNNING,
      false },
    { "unrescue", "server.unrescue", { "rescued" }, IDLE, "unrescuing", "active", KN_POWER_RUNNING, false },
    { "rebuild", "server.rebuild", { "active", "stopped", "error" }, IDLE, "rebuilding", "active", -1, false },
    { "createImage",
      "server.createImage",
      { "active", "stopped", "paused", "suspended" },
      IDLE,
      "image_snapshot",
      NULL,
      -1,
      true },
    { "createBackup",
      "server.createBackup",
      { "active", "stopped", "paused", "suspended" },
      IDLE,
      "image_backup",
      NULL,
      -1,
      true },
    { "shelve",
      "server.shelve",
      { "active", "stopped", "paused", "suspended" },
      IDLE,
      "shelving",
      "shelved",
      KN_POWER_SHUTDOWN,
      false },
    { "shelveOffload",
      "server.shelveOffload",
      { "shelved" },
      IDLE,
      "shelving_offloading",
      "shelved_offloaded",
      KN_POWER_NONE,
      false },
    { "unshelve",
      "server.unshelve",
      { "shelved", "shelved_offloaded" },
      IDLE,
      "unshelving",
      "active",
      KN_POWER_RUNNING,
      false },
    { "attach_volume",
      "server.attach_volume",
      { "active", "paused", "stopped", "shelved", "shelved_offloaded" },
      IDLE,
      NULL,
      NULL,
      -1,
      false },
    { "detach_volume",
      "server.detach_volume",
      { "active", "paused", "stopped", "shelved", "shelved_offloaded" },
      IDLE,
      NULL,
      NULL,
      -1,
      false },
    { "swap_volume", "server.swap_volume", { "active", "paused" }, IDLE, NULL, NULL, -1, false },
    { "attach_interface", "server.attach_interface", { "active", "paused", "stopped" }, IDLE, NULL, NULL, -1, false },
    { "detach_interface", "server.detach_interface", { "active", "paused", "stopped" }, IDLE, NULL, NULL, -1, false },
    { "addFixedIp", NULL, { "active", "paused", "stopped" }, IDLE, NULL, NULL, -1, false },
    { "removeFixedIp", NULL, { "active", "paused", "stopped" }, IDLE, NULL, NULL, -1, false },
    { "create share", NULL, { "stopped" }, ALWAYS, NULL, NULL, -1, false },
    { "delete share", NULL, { "stopped", "error" }, ALWAYS, NULL, NULL, -1, false },
    { "trigger_crash_dump",
      "server.trigger_crash_dump",
      { "active", "paused", "rescued", "error" },
      IDLE,
      NULL,
      NULL,
      -1,
      false },
    { "changePassword", NULL, { "active" }, IDLE, NULL, NULL, -1, false },
    { "injectNetworkInfo", NULL, ANY, ALWAYS, NULL, NULL, -1, false },
    { "lock", NULL, ANY, ALWAYS, NULL, NULL, -1, true },
    { "unlock", NULL, ANY, ALWAYS, NULL, NULL, -1, true },
    { "resetState", "server.resetState", ANY, ALWAYS, NULL, NULL, -1, true },
    { "update metadata", NULL, { "active", "paused", "suspended", "stopped" }, ALWAYS, NULL, NULL, -1, false },
    { "update tag", NULL, { "active", "paused", "suspended", "stopped" }, ALWAYS, NULL, NULL, -1, true },
    { NULL, NULL, { NULL }, { NULL }, NULL, NULL, 0, false },
};

struct status_row {
    const char *vm_state;
    const char *task_state; /* NULL: whatever it is */
    const char *status;
};

/* The rows of a vm_state stand together, the one that holds for any task_state last. */
static const struct status_row STATUSES[] = {
    { "building", NULL, "BUILD" },
    { "active", "rebooting", "REBOOT" },
    { "active", "reboot_pending", "REBOOT" },
    { "active", "reboot_started", "REBOOT" },
    { "active", "rebooting_hard", "HARD_REBOOT" },
    { "active", "reboot_pending_hard", "HARD_REBOOT" },
    { "active", "reboot_started_hard", "HARD_REBOOT" },
    { "active", "updating_password", "PASSWORD" },
    { "active", "rebuilding", "REBUILD" },
    { "active", "rebuild_block_device_mapping", "REBUILD" },
    { "active", "rebuild_spawning", "REBUILD" },
    { "active", "migrating", "MIGRATING" },
    { "active", "resize_prep", "RESIZE" },
    { "active", "resize_migrating", "RESIZE" },
    { "active", "resize_migrated", "RESIZE" },
    { "active", "resize_finish", "RESIZE" },
    { "active", NULL, "ACTIVE" },
    { "stopped", "resize_prep", "RESIZE" },
    { "stopped", "resize_migrating", "RESIZE" },
    { "stopped", "resize_migrated", "RESIZE" },
    { "stopped", "resize_finish", "RESIZE" },
    { "stopped", "rebuilding", "REBUILD" },
    { "stopped", "rebuild_block_device_mapping", "REBUILD" },
    { "stopped", "rebuild_spawning", "REBUILD" },
    { "stopped", NULL, "SHUTOFF" },
    { "resized", "resize_reverting", "REVERT_RESIZE" },
    { "resized", NULL, "VERIFY_RESIZE" },
    { "paused", "migrating", "MIGRATING" },
    { "paused", NULL, "PAUSED" },
    { "suspended", NULL, "SUSPENDED" },
    { "rescued", NULL, "RESCUE" },
    { "error", "rebuilding", "REBUILD" },
    { "error", "rebuild_block_device_mapping", "REBUILD" },
    { "error", "rebuild_spawning", "REBUILD" },
    { "error", NULL, "ERROR" },
    { "deleted", NULL, "DELETED" },
    { "soft-delete", NULL, "SOFT_DELETED" },
    { "shelved", NULL, "SHELVED" },
    { "shelved_offloaded", NULL, "SHELVED_OFFLOADED" },
};

struct seen_row {
    const char *vm_state;
    int power_state;
    const char *becomes;
};

/*
 * The guest is right, the row is wrong: it was stopped from inside, started by hand, paused by an I/O error. A suspended guest
 * that is off is where it should be (its memory is in a file), and a guest nobody can see (NONE) says nothing.
 */
static const struct seen_row SEEN[] = {
    { "active", KN_POWER_PAUSED, "paused" },      { "active", KN_POWER_SHUTDOWN, "stopped" },
    { "active", KN_POWER_CRASHED, "stopped" },    { "active", KN_POWER_SUSPENDED, "suspended" },
    { "stopped", KN_POWER_RUNNING, "active" },    { "stopped", KN_POWER_PAUSED, "paused" },
    { "paused", KN_POWER_RUNNING, "active" },     { "paused", KN_POWER_SHUTDOWN, "stopped" },
    { "paused", KN_POWER_CRASHED, "stopped" },    { "paused", KN_POWER_SUSPENDED, "suspended" },
    { "suspended", KN_POWER_RUNNING, "active" },  { "suspended", KN_POWER_PAUSED, "paused" },
    { "suspended", KN_POWER_CRASHED, "stopped" },
};

static bool server_state_holds(const char *const *list, size_t max, const char *word)
{
    for (size_t i = 0; i < max && list[i] != NULL; i++) {
        if (strcmp(list[i], word) == 0) {
            return true;
        }
    }
    return false;
}

const struct kn_server_action *kn_server_action(const char *name)
{
    for (const struct kn_server_action *a = kn_server_actions; a->name != NULL; a++) {
        if (strcmp(a->name, name) == 0) {
            return a;
        }
    }
    return NULL;
}

const char *kn_server_action_of_flow(const char *flow)
{
    for (const struct kn_server_action *a = kn_server_actions; a->name != NULL; a++) {
        if (a->flow != NULL && strcmp(a->flow, flow) == 0) {
            return a->name;
        }
    }
    return NULL;
}

static bool task_state_allowed(const struct kn_server_action *action, const char *task_state)
{
    if (task_state == NULL) {
        return true;
    }
    return server_state_holds(action->task_states, 1, "*") ||
           server_state_holds(action->task_states, KN_COUNT(action->task_states), task_state);
}

int kn_server_action_allowed(const struct kn_server_action *action, const char *server_id, const char *vm_state,
                             const char *task_state, bool locked, bool overrides_lock, struct kn_error *err)
{
    const char *name = action->flow != NULL ? kn_server_action_of_flow(action->flow) : action->name;

    if (locked && !overrides_lock && !action->ignores_lock) {
        return kn_fail(err, KN_CONFLICT, "Instance %s is locked", server_id);
    }
    if (action->vm_states[0] != NULL && !server_state_holds(action->vm_states, KN_COUNT(action->vm_states), vm_state)) {
        return kn_fail(err, KN_CONFLICT, "Cannot '%s' instance %s while it is in vm_state %s", name, server_id,
                       vm_state);
    }
    if (!task_state_allowed(action, task_state)) {
        return kn_fail(err, KN_CONFLICT, "Cannot '%s' instance %s while it is in task_state %s", name, server_id,
                       task_state);
    }
    return 0;
}

const char *kn_server_status(const char *vm_state, const char *task_state)
{
    for (size_t i = 0; i < KN_COUNT(STATUSES); i++) {
        const struct status_row *row = &STATUSES[i];

        if (strcmp(row->vm_state, vm_state) == 0 &&
            (row->task_state == NULL || (task_state != NULL && strcmp(row->task_state, task_state) == 0))) {
            return row->status;
        }
    }
    return "UNKNOWN";
}

int kn_server_states_of(const char *status, const char **ret_vm_states, int max)
{
    int count = 0;

    for (size_t i = 0; i < KN_COUNT(STATUSES) && count < max; i++) {
        if (strcasecmp(STATUSES[i].status, status) == 0 &&
            !server_state_holds(ret_vm_states, (size_t)count, STATUSES[i].vm_state)) {
            ret_vm_states[count++] = STATUSES[i].vm_state;
        }
    }
    return count;
}

int kn_server_tasks_of(const char *status, const char **ret_task_states, int max)
{
    int count = 0;

    for (size_t i = 0; i < KN_COUNT(STATUSES) && count < max; i++) {
        const char *task = STATUSES[i].task_state;

        if (task != NULL && strcasecmp(STATUSES[i].status, status) == 0 &&
            !server_state_holds(ret_task_states, (size_t)count, task)) {
            ret_task_states[count++] = task;
        }
    }
    return count;
}

const char *kn_server_state_seen(const char *vm_state, int power_state)
{
    for (size_t i = 0; i < KN_COUNT(SEEN); i++) {
        if (SEEN[i].power_state == power_state && strcmp(SEEN[i].vm_state, vm_state) == 0) {
            return SEEN[i].becomes;
        }
    }
    return NULL;
}

const char *kn_server_states_unlike(int power_state)
{
    static const struct {
        int power_state;
        const char *vm_states;
    } UNLIKE[] = {
        { KN_POWER_RUNNING, "stopped paused suspended" }, { KN_POWER_PAUSED, "active stopped suspended" },
        { KN_POWER_SHUTDOWN, "active paused" },           { KN_POWER_CRASHED, "active paused suspended" },
        { KN_POWER_SUSPENDED, "active paused" },
    };

    for (size_t i = 0; i < KN_COUNT(UNLIKE); i++) {
        if (UNLIKE[i].power_state == power_state) {
            return UNLIKE[i].vm_states;
        }
    }
    return "";
}
