/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capabilities: what the pool of a back end says of itself, and whether it is what a type's extra specs ask for, as Cinder's CapabilitiesFilter has it: "key" and "capabilities:key" are asked of
 * the pool, other scopes are their maker's affair; a value may begin with an operator (<is>, <in>, <or>, ==, >=, s==, …). Pure.
 */
#ifndef KN_VOLUME_ROWS_CAPABILITIES_H
#define KN_VOLUME_ROWS_CAPABILITIES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* all_gib: what may be promised in all; promised_gib: what is. The caller drops it. */
json_t *kn_volume_capabilities(const char *backend, int64_t all_gib, int64_t promised_gib);
/* *ret_key: the first spec that is not met; untouched if all are. */
bool kn_volume_capabilities_fit(const json_t *capabilities, const json_t *specs, const char **ret_key);
/* One value against one requirement. value NULL: the pool says nothing of it. */
bool kn_volume_capability_meets(const char *value, const char *required);

#endif
