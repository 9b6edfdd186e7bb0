/* SPDX-License-Identifier: Apache-2.0 */
/*
 * volume_qos: what QoS specs of volumes say, and what a guest's disk is held to by them. Keys that no hypervisor knows are their maker's affair: they are kept and shown. Those that one knows
 * are whole numbers that fit together, so that no disk is refused by libvirt for them. A rate "…_per_gb" grows with the volume, not below "…_per_gb_min" and not above "…_max". Pure.
 */
#ifndef KN_DOMAIN_VOLUME_QOS_H
#define KN_DOMAIN_VOLUME_QOS_H

#include <jansson.h>
#include <stdint.h>

#include "lib/base/error.h"

/* specs: an object of texts. KN_BAD_REQUEST: no disk can be held to it. */
int kn_volume_qos_check(const json_t *specs, struct kn_error *err);
/* What kn_form_disk_limits has of a volume of that size; NULL: nothing. The caller drops it. */
json_t *kn_volume_qos_limits(const json_t *specs, int64_t size_gib);

#endif
