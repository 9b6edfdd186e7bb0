/* SPDX-License-Identifier: Apache-2.0 */
/* command: what the agent can be told (command.c is the table); here what the files that obey share. */
#ifndef KN_COMPUTE_AGENT_CORE_COMMAND_H
#define KN_COMPUTE_AGENT_CORE_COMMAND_H

#include "compute-agent/core/agent.h"
#include "compute-agent/core/order.h"

/* A command on its way: what its handler needs at hand. */
struct kn_agent_call {
    struct kn_agent *agent;
    const json_t *body;
    struct kn_agent_guest_ref ref;
    struct kn_agent_order order;
    struct kn_work *work;   /* NULL: nobody watches it */
    int part;               /* of the command's row: with the order it names one message of a task's life */
    struct kn_agent_guest known;
    json_t *result; /* new reference, NULL = {} */
};

typedef int kn_agent_call_fn(struct kn_agent_call *call, struct kn_error *err);

/* --- command_volume.c --- */
kn_agent_call_fn kn_agent_command_attach_volume;
kn_agent_call_fn kn_agent_command_detach_volume;
kn_agent_call_fn kn_agent_command_swap_volume;
kn_agent_call_fn kn_agent_command_copy_volume;
kn_agent_call_fn kn_agent_command_drop_copy;
kn_agent_call_fn kn_agent_command_resize_volume;

#endif
