/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_state: Nova's server state machine as tables: which action is allowed in which vm_state and task_state, what
 * task_state it sets, where it ends; and the API status shown for a pair of states. Pure. (openstack-api notes, section 6.)
 */
#ifndef KN_DOMAIN_SERVER_STATE_H
#define KN_DOMAIN_SERVER_STATE_H

#include <stdbool.h>

#include "lib/base/error.h"

enum kn_power_state {
    KN_POWER_NONE = 0,
    KN_POWER_RUNNING = 1,
    KN_POWER_PAUSED = 3,
    KN_POWER_SHUTDOWN = 4,
    KN_POWER_CRASHED = 6,
    KN_POWER_SUSPENDED = 7
};

struct kn_server_action {
    const char *name;         /* Nova's instance-action name: "stop" */
    const char *flow;         /* the task's kind: "server.stop"; NULL: done at once, without a task */
    const char *vm_states[8]; /* allowed; {NULL} = any */
    const char *task_states[12]; /* allowed besides none; { "*" } = any */
    const char *during;       /* task_state while the task runs; NULL = none is set */
    const char *end;          /* vm_state when it is done; NULL = unchanged */
    int end_power;            /* power state then; -1 = what the agent says */
    bool ignores_lock;
};

/* Two rows may share a flow: "reboot" and "reboot_hard" (the task's input says which). */
extern const struct kn_server_action kn_server_actions[]; /* ended by name == NULL */
const struct kn_server_action *kn_server_action(const char *name); /* NULL if unknown */
/* Nova's name of what a task of this kind does to a server: "server.stop" -> "stop"; NULL if it is not an action. */
const char *kn_server_action_of_flow(const char *flow);

/* 0, or -1 with KN_CONFLICT and Nova's words: Cannot 'stop' instance <id> while it is in vm_state paused. */
int kn_server_action_allowed(const struct kn_server_action *action, const char *server_id, const char *vm_state,
                             const char *task_state, bool locked, bool overrides_lock, struct kn_error *err);
/* ACTIVE, BUILD, SHUTOFF, … */
const char *kn_server_status(const char *vm_state, const char *task_state);
/* The vm_states that a status filter means ("ACTIVE" -> active), any case; up to max, returns how many, 0 = unknown status. */
int kn_server_states_of(const char *status, const char **ret_vm_states, int max);
/* The task_states that it asks for besides ("REBOOT" -> rebooting, …); 0 = whatever they are. */
int kn_server_tasks_of(const char *status, const char **ret_task_states, int max);
/* vm_state after the guest was seen in this power state, when no task is open; NULL = unchanged. */
const char *kn_server_state_seen(const char *vm_state, int power_state);
/* The vm_states that a guest in this power state contradicts, as words: "active paused"; static, "" = none. */
const char *kn_server_states_unlike(int power_state);

#endif
