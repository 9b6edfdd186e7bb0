/* SPDX-License-Identifier: Apache-2.0 */
/* power: what an action needs of a simulated guest's power and where it ends, as libvirt has it. Pure. */
#ifndef KN_COMPUTE_AGENT_SIM_POWER_H
#define KN_COMPUTE_AGENT_SIM_POWER_H

#include <stdint.h>

struct kn_agent_sim_power {
    const char *action; /* as in server.power */
    uint32_t from; /* bits of 1 << power state */
    int to; /* KN_SIM_POWER_STAYS: as it was */
};
#define KN_SIM_POWER_STAYS (-1)

/* NULL: there is no such action. */
const struct kn_agent_sim_power *kn_agent_sim_power(const char *action);

#endif
