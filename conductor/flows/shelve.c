/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flows of a server that was shelved (snapshot.c): server.shelveOffload: [its guest and disk go] -> [host and bindings go; ports and volumes stay its own];
 * server.unshelve: [a place ∥ the image that it was kept in] -> [a guest of it, on that place], or [its guest starts] where it never left its host -> [the image goes].
 * One whose root disk is a volume was kept in no image.
 */
#include <string.h>

#include "conductor/flows/bodies.h"
#include "conductor/flows/context.h"
#include "conductor/flows/flow.h"
#include "conductor/flows/spec.h"
#include "conductor/store/task.h"

/* --- server.shelveOffload -------------------------------------------------------------------------------------------------- */

/* It may stand behind a shelving that failed: then there is nothing to do. */
static bool shelve_is_shelved(const struct kn_conductor_task *task)
{
    return strcmp(kn_conductor_known_str(task, "vm_state"), "shelved") == 0;
}

static int count_if_offloads(const struct kn_conductor_task *task)
{
    return shelve_is_shelved(task) ? kn_conductor_count_if_on_host(task) : 0;
}

static json_t *offloaded_vm_state(const struct kn_conductor_task *task)
{
    return shelve_is_shelved(task) ? json_string("shelved_offloaded") : NULL;
}

static json_t *offload_null(const struct kn_conductor_task *task)
{
    return shelve_is_shelved(task) ? json_null() : NULL;
}

static json_t *offloaded_power(const struct kn_conductor_task *task)
{
    return shelve_is_shelved(task) ? json_integer(0) : NULL;
}

/* Its host has a tombstone of this one: whoever comes back is of a newer. */
static json_t *next_generation(const struct kn_conductor_task *task)
{
    return json_integer(task->home.generation + 1);
}

static json_t *offloaded_generation(const struct kn_conductor_task *task)
{
    return shelve_is_shelved(task) ? next_generation(task) : NULL;
}

static const struct kn_conductor_flow_row OFFLOAD_ROWS[] = {
    { { { .message = "server.destroy",
          .to = KN_TO_HOME,
          .build = kn_conductor_body_server_on_host,
          .count = count_if_offloads } },
      NULL },
    { { { .message = "port.release", .build = kn_conductor_body_server_on_host, .count = count_if_offloads },
        { .message = "place.release", .build = kn_conductor_body_server, .count = count_if_offloads } },
      NULL },
};

static const struct kn_conductor_becomes OFFLOAD_DONE[] = {
    KN_SET_MADE(kn_conductor_record_server, "vm_state", offloaded_vm_state),
    KN_SET_MADE(kn_conductor_record_server, "task_state", offload_null),
    KN_SET_MADE(kn_conductor_record_server, "host", offload_null),
    KN_SET_MADE(kn_conductor_record_server, "power_state", offloaded_power),
    KN_SET_MADE(kn_conductor_record_server, "generation", offloaded_generation),
    KN_BECOMES_END,
};

static const struct kn_conductor_becomes OFFLOAD_FAILED[] = {
    KN_SET_MADE(kn_conductor_record_server, "task_state", offload_null), KN_BECOMES_END
};

/* --- server.unshelve --------------------------------------------------------------------------------------------------------- */

/* As the wish says, not the row: it says another thing once a host was chosen. */
static bool shelve_was_offloaded(const struct kn_conductor_task *task)
{
    return json_is_true(kn_conductor_wished(task, "offloaded"));
}

static int count_if_offloaded(const struct kn_conductor_task *task)
{
    return shelve_was_offloaded(task) ? 1 : 0;
}

static int count_if_in_image(const struct kn_conductor_task *task)
{
    return *kn_conductor_wished_str(task, "image") != '\0' ? 1 : 0;
}

static int count_if_made_of_image(const struct kn_conductor_task *task)
{
    return shelve_was_offloaded(task) ? count_if_in_image(task) : 0;
}

static int count_if_kept(const struct kn_conductor_task *task)
{
    return shelve_was_offloaded(task) ? 0 : kn_conductor_count_if_on_host(task);
}

static json_t *build_unshelve_spawn(const struct kn_conductor_task *task, int item)
{
    json_auto_t *image = count_if_in_image(task) > 0 ? json_copy(kn_conductor_found(task, "image")) : NULL;
    const struct kn_conductor_spec_found found = { image, NULL, kn_conductor_found_str(task, "zone"), NULL };
    json_t *body = kn_conductor_body_server_on_host(task, item);

    if (image != NULL) {
        json_object_set(image, "id", kn_conductor_wished(task, "image"));
    }
    json_object_set_new(body, "spec", kn_conductor_spec_build(task, &found));
    return body;
}

static json_t *build_unshelve_start(const struct kn_conductor_task *task, int item)
{
    (void)item;
    return kn_conductor_body_power(task, "start", kn_conductor_spec_build(task, KN_SPEC_KNOWN));
}

static json_t *build_unshelve_discard(const struct kn_conductor_task *task, int item)
{
    json_t *body = kn_conductor_body_server(task, item);

    json_object_set(body, "image", kn_conductor_wished(task, "image"));
    return body;
}

static json_t *unshelve_host(const struct kn_conductor_task *task)
{
    return shelve_was_offloaded(task) ? json_string(task->home.host) : NULL;
}

static json_t *unshelve_host_again(const struct kn_conductor_task *task)
{
    return shelve_was_offloaded(task) ? json_null() : NULL;
}

static json_t *unshelve_generation(const struct kn_conductor_task *task)
{
    return shelve_was_offloaded(task) ? next_generation(task) : NULL;
}

static const struct kn_conductor_finding UNSHELVE_FINDS[] = {
    { .name = "zone",
      .kind = KN_STR,
      .from = "place.claim",
      .read_by = "row server.spawn",
      .may_lack = true,
      .in_row = true },
    { .name = "image",
      .kind = KN_OBJ,
      .from = "image.locate",
      .whole = true,
      .read_by = "server.spawn",
      .may_lack = true },
    { .name = NULL },
};

static const struct kn_conductor_becomes UNSHELVE_PLACED[] = {
    KN_SET_MADE(kn_conductor_record_server, "host", unshelve_host),
    KN_SET_FOUND(kn_conductor_record_server, "zone", "zone"),
    KN_SET(kn_conductor_record_server, "task_state", "spawning"),
    KN_BECOMES_END,
};

/* It runs; what is left is nobody's to wait for. */
static const struct kn_conductor_becomes UNSHELVE_RUNS[] = {
    KN_SET(kn_conductor_record_server, "vm_state", "active"),
    KN_SET(kn_conductor_record_server, "task_state", NULL),
    KN_SET(kn_conductor_record_server, "power_state", "1"),
    KN_SET(kn_conductor_record_server, "shelved_image", NULL),
    KN_BECOMES_END,
};

static const struct kn_conductor_flow_row UNSHELVE_ROWS[] = {
    { { { .message = "place.claim",
          .build = kn_conductor_body_claim,
          .count = count_if_offloaded,
          .chooses = KN_TO_HOME,
          .undo = "place.release",
          .undo_build = kn_conductor_body_server },
        { .message = "image.locate", .build = kn_conductor_body_image_wished, .count = count_if_made_of_image } },
      UNSHELVE_PLACED },
    { { { .message = "server.spawn",
          .to = KN_TO_HOME,
          .build = build_unshelve_spawn,
          .count = count_if_offloaded,
          .undo = "server.destroy",
          .undo_build = kn_conductor_body_server_on_host },
        { .message = "port.bind",
          .build = kn_conductor_body_server_on_host,
          .count = count_if_offloaded,
          .undo = "port.release",
          .undo_build = kn_conductor_body_server_on_host },
        { .message = "server.power", .to = KN_TO_HOME, .build = build_unshelve_start, .count = count_if_kept } },
      UNSHELVE_RUNS },
    { { { .message = "image.discard", .build = build_unshelve_discard, .count = count_if_in_image } }, NULL },
};

/* It is shelved as it was; what its destroyed guest left on the host that was tried is of this generation. */
static const struct kn_conductor_becomes UNSHELVE_FAILED[] = {
    KN_SET(kn_conductor_record_server, "task_state", NULL),
    KN_SET_MADE(kn_conductor_record_server, "host", unshelve_host_again),
    KN_SET_MADE(kn_conductor_record_server, "generation", unshelve_generation),
    KN_BECOMES_END,
};

const struct kn_conductor_flow kn_conductor_flows_shelve[] = {
    { .kind = "server.shelveOffload",
      .object = &kn_conductor_record_server,
      .rows = OFFLOAD_ROWS,
      .row_count = 2,
      .retry_row = -1,
      .done = OFFLOAD_DONE,
      .failed = OFFLOAD_FAILED },
    { .kind = "server.unshelve",
      .object = &kn_conductor_record_server,
      .rows = UNSHELVE_ROWS,
      .row_count = 3,
      .retry_row = -1,
      .finds = UNSHELVE_FINDS,
      .failed = UNSHELVE_FAILED },
    { .kind = NULL },
};
