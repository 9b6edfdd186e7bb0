/* SPDX-License-Identifier: Apache-2.0 */
/* power: what an action needs of a simulated guest's power and where it ends, as libvirt has it. Pure. */
#ifndef KN_COMPUTE_AGENT_SIM_POWER_H
#define KN_COMPUTE_AGENT_SIM_POWER_H

#include <stdbool.h>

#include "lib/base/error.h"

/* *ret_to: where the action (as in server.power) leads from there. KN_BAD_REQUEST: there is no such action; KN_CONFLICT: it does not begin there. */
int kn_agent_sim_power(const char *server, const char *action, int from, int *ret_to, struct kn_error *err);
/* It runs, or is paused. */
bool kn_agent_sim_power_is_on(int power_state);

#endif
