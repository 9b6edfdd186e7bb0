/* SPDX-License-Identifier: Apache-2.0 */
/* sim/secret: what opens encrypted volumes is asked for as a real host does, when a guest is made or gets one, and forgotten at once: nothing is opened here. */
#ifndef KN_COMPUTE_AGENT_SIM_SECRET_H
#define KN_COMPUTE_AGENT_SIM_SECRET_H

#include <jansson.h>

#include "compute-agent/core/driver.h"
#include "lib/base/error.h"

/* 0: the volume is not encrypted, or its key came. KN_UNAVAILABLE, KN_CONFLICT: compute-agent/core/keys.h. */
int kn_agent_sim_secret(const struct kn_agent_driver_events *events, const struct kn_agent_guest_ref *ref,
                        const char *volume, const json_t *connection, struct kn_error *err);
/* The same of all that a guest is made with. */
int kn_agent_sim_secrets(const struct kn_agent_driver_events *events, const struct kn_agent_guest_ref *ref,
                         const json_t *spec, struct kn_error *err);

#endif
