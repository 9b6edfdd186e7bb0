/* SPDX-License-Identifier: Apache-2.0 */
/* server_plan_hints: what POST /servers hints the scheduler. */
#ifndef KN_COMPUTE_ROWS_SERVER_PLAN_HINTS_H
#define KN_COMPUTE_ROWS_SERVER_PLAN_HINTS_H

#include "compute/rows/server_plan.h"

/* The plan's group, neighbours and hints out of the request's body. KN_BAD_REQUEST in Nova's words. */
int kn_compute_plan_hints(const struct kn_request *req, struct kn_compute_server_plan *plan, struct kn_error *err);

#endif
