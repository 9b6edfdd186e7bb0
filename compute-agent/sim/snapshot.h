/* SPDX-License-Identifier: Apache-2.0 */
/* sim/snapshot: server.snapshot and what follows it, of guests that have no disk (compute-agent/core/driver.h says what they must do). */
#ifndef KN_COMPUTE_AGENT_SIM_SNAPSHOT_H
#define KN_COMPUTE_AGENT_SIM_SNAPSHOT_H

#include <jansson.h>

#include "lib/adapter/work.h"
#include "lib/base/error.h"

int kn_agent_sim_snapshot(const char *state_dir, const char *server, struct kn_work *work, json_t **ret_made,
                          struct kn_error *err);
int kn_agent_sim_snapshot_upload(const char *state_dir, const char *server, const json_t *body, struct kn_work *work,
                                 struct kn_error *err);
int kn_agent_sim_snapshot_drop(const char *state_dir, const char *server, struct kn_error *err);

#endif
