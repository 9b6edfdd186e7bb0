/* SPDX-License-Identifier: Apache-2.0 */
/* spec: what an agent must know to make a server's guest ("A spec" in ARCHITECTURE.md), from its row and what the steps found out. Pure. */
#ifndef KN_CONDUCTOR_FLOWS_SPEC_H
#define KN_CONDUCTOR_FLOWS_SPEC_H

#include "conductor/store/task.h"

/* New reference. The image is in it only when a step located it: a guest that exists needs no data. */
json_t *kn_spec_build(const struct kn_task *task);
/* The NICs: from the steps if they allocated any, else from the row. Borrowed. */
json_t *kn_spec_nics(const struct kn_task *task);

#endif
