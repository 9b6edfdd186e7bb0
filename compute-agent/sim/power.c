/* SPDX-License-Identifier: Apache-2.0 */
/* The manners of a hypervisor, a row an action. It must never be kinder than libvirt. */
#include "compute-agent/sim/power.h"

#include <stdint.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/domain/server_state.h"

#define ON (1U << KN_POWER_RUNNING)
#define PAUSED (1U << KN_POWER_PAUSED)
#define OFF (1U << KN_POWER_SHUTDOWN | 1U << KN_POWER_CRASHED | 1U << KN_POWER_NONE)
#define STAYS (-1)
#define SAVED (1U << KN_POWER_SUSPENDED)

static const struct {
    const char *action;
    uint32_t from; /* bits of 1 << power state */
    int to;
} RULES[] = {
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
    { "crash_dump", ON | PAUSED, STAYS },
    { "unrescue_off", ON | PAUSED | OFF, KN_POWER_SHUTDOWN },
    { "rebuild", ON | PAUSED | OFF | SAVED, KN_POWER_RUNNING },
    { "rebuild_off", ON | PAUSED | OFF | SAVED, KN_POWER_SHUTDOWN },
};

int kn_agent_sim_power(const char *server, const char *action, int from, int *ret_to, struct kn_error *err)
{
    for (size_t i = 0; i < KN_COUNT(RULES); i++) {
        if (strcmp(RULES[i].action, action) == 0) {
            *ret_to = RULES[i].to == STAYS ? from : RULES[i].to;
            return (RULES[i].from >> from & 1) != 0
                       ? 0
                       : kn_fail(err, KN_CONFLICT,
                                 "server \"%s\" is in power state %d, which \"%s\" does not start from", server, from,
                                 action);
        }
    }
    return kn_fail(err, KN_BAD_REQUEST, "power action \"%s\" is unknown", action);
}

bool kn_agent_sim_power_is_on(int power_state)
{
    return ((ON | PAUSED) >> power_state & 1) != 0;
}
