/* SPDX-License-Identifier: Apache-2.0 */
/* noun: what Cinder's API shows and takes of volumes, as tables for lib/rest. */
#ifndef KN_VOLUME_ROWS_NOUN_H
#define KN_VOLUME_ROWS_NOUN_H

#include "lib/rest/noun.h"

extern const struct kn_rest_noun kn_volume_noun;

#endif
