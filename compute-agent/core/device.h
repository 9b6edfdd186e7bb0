/* SPDX-License-Identifier: Apache-2.0 */
/* device: names of virtio disks (vda, vdb, …). Pure. */
#ifndef KN_COMPUTE_AGENT_CORE_DEVICE_H
#define KN_COMPUTE_AGENT_CORE_DEVICE_H

#include <stdint.h>

#include "compute-agent/core/driver.h"

/* used: a bit for each taken index. The wish if it is free, else the first free one after vda; KN_CONFLICT if none is. */
int kn_agent_device_pick(uint32_t used, const char *wish, char ret_device[KN_DEVICE_SIZE], struct kn_error *err);

#endif
