/* SPDX-License-Identifier: Apache-2.0 */
/* noun: what Cinder's API shows and takes of volumes, as tables for lib/rest. */
#ifndef KN_VOLUME_ROWS_NOUN_H
#define KN_VOLUME_ROWS_NOUN_H

#include <jansson.h>

#include "lib/rest/noun.h"

extern const struct kn_rest_noun kn_volume_noun;

/* A filter of lists, of `sql`: {'k': 'v'}, as Python prints it, or JSON. */
kn_rest_filter kn_volume_filter_metadata;
/* What a body says under the name that the first API had for it alone is said under the new one. */
void kn_volume_take_old(json_t *object, const char *name, const char *old);

#endif
