/* SPDX-License-Identifier: Apache-2.0 */
/* The manners of a hypervisor, a row an action. It must never be kinder than libvirt. */
#include "compute-agent/sim/power.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/domain/server_state.h"

#define ON (1U << KN_POWER_RUNNING)
#define PAUSED (1U << KN_POWER_PAUSED)
#define OFF (1U << KN_POWER_SHUTDOWN | 1U << KN_POWER_CRASHED | 1U << KN_POWER_NONE)
#define SAVED (1U << KN_POWER_SUSPENDED)

static const struct kn_agent_sim_power RULES[] = {
    { "start", ON | OFF, KN_POWER_RUNNING },
    { "stop", ON | PAUSED | OFF | SAVED, KN_POWER_SHUTDOWN },
    { "reboot_soft", ON, KN_POWER_RUNNING },
    { "reboot_hard", ON | PAUSED | OFF | SAVED, KN_POWER_RUNNING },
    { "pause", ON | PAUSED, KN_POWER_PAUSED },
    { "unpause", ON | PAUSED, KN_POWER_RUNNING },
    { "suspend", ON | PAUSED | SAVED, KN_POWER_SUSPENDED },
    { "resume", ON | SAVED, KN_POWER_RUNNING },
    { "rescue", ON | PAUSED | OFF, KN_POWER_RUNNING },
    { "unrescue", ON | PAUSED | OFF, KN_POWER_RUNNING },
    { "crash_dump", ON | PAUSED, KN_SIM_POWER_STAYS },
    { "unrescue_off", ON | PAUSED | OFF, KN_POWER_SHUTDOWN },
    { "rebuild", ON | PAUSED | OFF | SAVED, KN_POWER_RUNNING },
    { "rebuild_off", ON | PAUSED | OFF | SAVED, KN_POWER_SHUTDOWN },
};

const struct kn_agent_sim_power *kn_agent_sim_power(const char *action)
{
    for (size_t i = 0; i < KN_COUNT(RULES); i++) {
        if (strcmp(RULES[i].action, action) == 0) {
            return &RULES[i];
        }
    }
    return NULL;
}
