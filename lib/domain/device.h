/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device: names of virtio disks (vda, vdb, …). Pure. Compute's door gives a volume its name when it is asked to attach it, so that the answer says it;
 * the host takes that one, or picks by the same rule if its guest has something there.
 */
#ifndef KN_DOMAIN_DEVICE_H
#define KN_DOMAIN_DEVICE_H

#include <stdint.h>

#include "lib/base/error.h"

#define KN_DEVICE_SIZE 16 /* "vdb" with room */

/* used: a bit for each taken index. The wish if it is free, else the first free one after vda; KN_CONFLICT if none is. */
int kn_device_pick(uint32_t used, const char *wish, char ret_device[KN_DEVICE_SIZE], struct kn_error *err);

#endif
