/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flows of a server's NICs after it was made: in, out, and out because the port is gone. The wish has made the port the server's already
 * (network/rows/ports/server_nics.c); what is missing is its place, its device in the guest, and that the server shows it.
 */
#include "conductor/flows/bodies.h"
#include "conductor/flows/context.h"
#include "conductor/flows/flow.h"
#include "conductor/store/task.h"
#include "lib/domain/form.h"

static json_t *interface_port(const struct kn_conductor_task *task, int item)
{
    json_t *body = kn_conductor_body_server(task, item);

    json_object_set(body, "port", kn_conductor_wished(task, "port"));
    return body;
}

static json_t *interface_port_on_host(const struct kn_conductor_task *task, int item)
{
    json_t *body = kn_conductor_body_server_on_host(task, item);

    json_object_set(body, "port", kn_conductor_wished(task, "port"));
    return body;
}

static json_t *interface_plug(const struct kn_conductor_task *task, int item)
{
    json_t *body = kn_conductor_body_server_on_host(task, item);

    json_object_set_new(body, "nic", kn_form_write_plug(kn_conductor_found(task, "nic")));
    return body;
}

/* Its port is gone, or goes: there is nothing that the guest could hold on to. */
static json_t *interface_force(const struct kn_conductor_task *task, int item)
{
    json_t *body = interface_port_on_host(task, item);

    json_object_set_new(body, "force", json_true());
    return body;
}

static const struct kn_conductor_finding ATTACH_FINDS[] = {
    { .name = "nic", .kind = KN_OBJ, .from = "port.attach", .read_by = "server.attach_interface" },
    { .name = NULL },
};

/* What a host that went silent has plugged is unplugged when it is back: nobody else would ever tell it. */
static const struct kn_conductor_flow_row ATTACH_ROWS[] = {
    { { { .message = "port.attach",
          .build = interface_port_on_host,
          .undo = "port.detach",
          .undo_build = interface_port } },
      NULL },
    { { { .message = "server.attach_interface",
          .to = KN_TO_HOME,
          .build = interface_plug,
          .undo = "server.detach_interface",
          .undo_build = interface_force,
          .undo_waits_for_host = true } },
      NULL },
};

static const struct kn_conductor_flow_row DETACH_ROWS[] = {
    { { { .message = "server.detach_interface",
          .to = KN_TO_HOME,
          .build = interface_port_on_host,
          .count = kn_conductor_count_if_on_host } },
      NULL },
    { { { .message = "port.detach", .build = interface_port } }, NULL },
};

static const struct kn_conductor_flow_row DROP_ROWS[] = {
    { { { .message = "server.detach_interface",
          .to = KN_TO_HOME,
          .build = interface_force,
          .count = kn_conductor_count_if_on_host,
          .waits_for_host = true } },
      NULL },
    { { { .message = "port.detach", .build = interface_port } }, NULL },
};

const struct kn_conductor_flow kn_conductor_flows_interface[] = {
    { .kind = "server.attach_interface",
      .object = &kn_conductor_record_server,
      .rows = ATTACH_ROWS,
      .row_count = 2,
      .finds = ATTACH_FINDS,
      .retry_row = -1 },
    { .kind = "server.detach_interface",
      .object = &kn_conductor_record_server,
      .rows = DETACH_ROWS,
      .row_count = 2,
      .retry_row = -1 },
    { .kind = "server.drop_interface",
      .object = &kn_conductor_record_server,
      .rows = DROP_ROWS,
      .row_count = 2,
      .retry_row = -1,
      .insists = true },
    { .kind = NULL },
};
