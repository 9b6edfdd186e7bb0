/* SPDX-License-Identifier: Apache-2.0 */
/* diagnosis: what a simulated guest uses: nothing, of all that it has. Pure. */
#ifndef KN_COMPUTE_AGENT_SIM_DIAGNOSIS_H
#define KN_COMPUTE_AGENT_SIM_DIAGNOSIS_H

#include <jansson.h>

#include "compute-agent/sim/store.h"

/* The result of server.diagnose. New reference. */
json_t *kn_agent_sim_diagnosis(const struct kn_agent_sim_guest *guest);

#endif
