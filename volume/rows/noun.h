/* SPDX-License-Identifier: Apache-2.0 */
/* noun: what Cinder's API shows and takes of volumes, as tables for lib/rest. */
#ifndef KN_VOLUME_ROWS_NOUN_H
#define KN_VOLUME_ROWS_NOUN_H

#include <jansson.h>

#include "lib/rest/noun.h"

extern const struct kn_rest_noun kn_volume_noun;

/* What volumes and snapshots count as in quotas, of the ids in $1; the same as kn_quota_claim_disks() of lib/adapter/quota.h. */
#define KN_VOLUME_COUNTS(table, resource_name) \
    "SELECT c.project_id, r.resource, sum(r.n)::bigint FROM " table " c CROSS JOIN LATERAL (VALUES ('" resource_name \
    "', 1), ('gigabytes', c.size_gib), ('" resource_name \
    "_' || c.type_id, 1), ('gigabytes_' || c.type_id, c.size_gib)) " \
    "r(resource, n) WHERE c.id = ANY($1::uuid[]) GROUP BY c.project_id, r.resource"

/* A filter of lists, of `sql`: {'k': 'v'}, as Python prints it, or JSON. */
kn_rest_filter kn_volume_filter_metadata;
/* What a body says under the name that the first API had for it alone is said under the new one. */
void kn_volume_take_old(json_t *object, const char *name, const char *old);

#endif
