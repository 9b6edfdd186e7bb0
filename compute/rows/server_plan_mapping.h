/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_plan_mapping: images that are no data but a list of what a server's disks are made of: those of servers that boot from volumes. Written when such an image is made, read when a server is made of
 * it, in Nova's form: the entries of block_device_mapping_v2, with snapshot_id, volume_id or image_id for the uuid. Pure.
 */
#ifndef KN_COMPUTE_ROWS_SERVER_PLAN_MAPPING_H
#define KN_COMPUTE_ROWS_SERVER_PLAN_MAPPING_H

#include <jansson.h>

#include "lib/base/error.h"

/* The entries for snapshots (kn_volume_server_snapshots_take's) and local disks (server.disks; NULL: none). A new reference. */
json_t *kn_compute_mapping_make(const json_t *snapshots, const json_t *disks);
/*
 * What the image's properties say of disks, together with what the body says (kn_compute_disks_read's; NULL: nothing), which comes first where both name a device. *ret: a new array, or NULL where neither
 * says anything. KN_BAD_REQUEST: the property is no such list.
 */
int kn_compute_mapping_read(const json_t *properties, const json_t *devices, json_t **ret, struct kn_error *err);

#endif
