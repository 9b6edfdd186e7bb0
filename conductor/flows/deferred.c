/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flows of a deletion that waits: server.softDelete: [the guest stops]; server.restore: [it starts anew, as its spec says]. What is deleted for good when its time has come is
 * an ordinary server.delete (conductor/store/due.c). A server that is kept holds its place, its ports and its volumes.
 */
#include <string.h>

#include "conductor/flows/bodies.h"
#include "conductor/flows/context.h"
#include "conductor/flows/flow.h"
#include "conductor/flows/spec.h"
#include "conductor/store/task.h"
#include "lib/domain/server_state.h"

static const struct kn_conductor_finding DEFERRED_FINDS[] = {
    { .name = "power_state", .kind = KN_INT, .from = "server.power", .read_by = "row done", .may_lack = true },
    { .name = NULL },
};

/* --- server.softDelete ------------------------------------------------------------------------------------------------------ */

static json_t *build_soft_stop(const struct kn_conductor_task *task, int item)
{
    (void)item;
    return kn_conductor_body_power(task, "stop", NULL);
}

/* Who was told to delete it does not hear that it was not stopped: a host that is down stops it at its hello. */
static const struct kn_conductor_flow_row SOFT_DELETE_ROWS[] = {
    { { { .message = "server.power",
          .to = KN_TO_HOME,
          .build = build_soft_stop,
          .count = kn_conductor_count_if_on_host,
          .waits_for_host = true } },
      NULL },
};

static const struct kn_conductor_becomes SOFT_DELETED[] = {
    KN_SET(kn_conductor_record_server, "vm_state", "soft-delete"),
    KN_SET(kn_conductor_record_server, "task_state", NULL),
    KN_SET_FOUND(kn_conductor_record_server, "power_state", "power_state"),
    KN_BECOMES_END,
};

/* Its host has no such guest, or cannot stop it: deleted it is all the same, and what is reclaimed is destroyed. */
static const struct kn_conductor_becomes SOFT_DELETED_UNSTOPPED[] = {
    KN_SET(kn_conductor_record_server, "vm_state", "soft-delete"),
    KN_SET(kn_conductor_record_server, "task_state", NULL),
    KN_BECOMES_END,
};

/* --- server.restore ----------------------------------------------------------------------------------------------------------- */

/* In an image, or in its volumes: then it is on no host. */
static bool deferred_was_shelved(const struct kn_conductor_task *task)
{
    return *kn_conductor_known_str(task, "shelved_image") != '\0' ||
           (task->home.host[0] == '\0' && *kn_conductor_known_str(task, "image_id") == '\0');
}

static int count_if_restarts(const struct kn_conductor_task *task)
{
    return deferred_was_shelved(task) ? 0 : kn_conductor_count_if_on_host(task);
}

static json_t *build_restart(const struct kn_conductor_task *task, int item)
{
    (void)item;
    return kn_conductor_body_power(task, "reboot_hard", kn_conductor_spec_build(task, KN_SPEC_KNOWN));
}

/* What was shelved is shelved again; without a host and an image there is nothing that could run. */
static json_t *restored_state(const struct kn_conductor_task *task)
{
    const bool has_host = task->home.host[0] != '\0';

    return json_string(deferred_was_shelved(task) ? (has_host ? "shelved" : "shelved_offloaded")
                       : has_host                 ? "active"
                                                  : "error");
}

static const struct kn_conductor_flow_row RESTORE_ROWS[] = {
    { { { .message = "server.power",
          .to = KN_TO_HOME,
          .build = build_restart,
          .count = count_if_restarts,
          .waits_for_host = true } },
      NULL },
};

static const struct kn_conductor_becomes RESTORED[] = {
    KN_SET_MADE(kn_conductor_record_server, "vm_state", restored_state),
    KN_SET(kn_conductor_record_server, "task_state", NULL),
    KN_SET_FOUND(kn_conductor_record_server, "power_state", "power_state"),
    KN_BECOMES_END,
};

static const struct kn_conductor_becomes RESTORE_FAILED[] = {
    KN_SET(kn_conductor_record_server, "vm_state", "error"),
    KN_SET(kn_conductor_record_server, "task_state", NULL),
    KN_SET_MADE(kn_conductor_record_server, "fault", kn_conductor_fault_of),
    KN_BECOMES_END,
};

const struct kn_conductor_flow kn_conductor_flows_deferred[] = {
    { .kind = "server.softDelete",
      .object = &kn_conductor_record_server,
      .rows = SOFT_DELETE_ROWS,
      .row_count = 1,
      .retry_row = -1,
      .finds = DEFERRED_FINDS,
      .insists = true,
      .done = SOFT_DELETED,
      .failed = SOFT_DELETED_UNSTOPPED },
    { .kind = "server.restore",
      .object = &kn_conductor_record_server,
      .rows = RESTORE_ROWS,
      .row_count = 1,
      .retry_row = -1,
      .finds = DEFERRED_FINDS,
      .done = RESTORED,
      .failed = RESTORE_FAILED },
    { .kind = NULL },
};
