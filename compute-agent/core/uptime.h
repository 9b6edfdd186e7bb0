/* SPDX-License-Identifier: Apache-2.0 */
/* uptime: how long the agent's machine is up and how busy it is, in the words of uptime(1), which is what clients expect of a hypervisor's uptime. */
#ifndef KN_COMPUTE_AGENT_CORE_UPTIME_H
#define KN_COMPUTE_AGENT_CORE_UPTIME_H

#include <stddef.h>
#include <time.h>

/* " 08:32:11 up 93 days, 18:25, 12 users,  load average: 0.20, 0.12, 0.14". Pure. */
void kn_agent_uptime_text(const struct tm *now, long up_s, int users, const double load[3], char *out, size_t size);
/* The same of this machine, now; "" if it does not say. */
void kn_agent_uptime(char *out, size_t size);

#endif
