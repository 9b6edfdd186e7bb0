/* SPDX-License-Identifier: Apache-2.0 */
/* sim/console: what a guest that does not exist says at its consoles: a line that repeats what it hears, and a grey picture. */
#ifndef KN_COMPUTE_AGENT_SIM_CONSOLE_H
#define KN_COMPUTE_AGENT_SIM_CONSOLE_H

#include "compute-agent/sim/store.h"
#include "lib/base/error.h"

/* Driver's console of a guest that is there: the socket lives until it is closed. */
int kn_agent_sim_console_open(const struct kn_agent_sim_guest *guest, const char *type, int *ret_fd,
                              struct kn_error *err);

#endif
