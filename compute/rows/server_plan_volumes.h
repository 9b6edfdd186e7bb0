/* SPDX-License-Identifier: Apache-2.0 */
/* server_plan_volumes: the volumes among a new server's disks: what they name is there and may be used, and what the root disk's says of the guest. */
#ifndef KN_COMPUTE_ROWS_SERVER_PLAN_VOLUMES_H
#define KN_COMPUTE_ROWS_SERVER_PLAN_VOLUMES_H

#include "compute/rows/server_plan.h"

/*
 * devices: as kn_compute_disks_read gave them; each volume among them learns what its creation needs. *ret_root: the root disk's, borrowed from devices; NULL: it is the image's. Then the plan has what an
 * image says of the guest: properties, config_drive, and no image_id. KN_BAD_REQUEST in Nova's words.
 */
int kn_compute_plan_volumes(struct kn_request *req, const json_t *devices, struct kn_compute_server_plan *plan,
                            const json_t **ret_root, struct kn_error *err);

#endif
