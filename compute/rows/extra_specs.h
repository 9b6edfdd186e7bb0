/* SPDX-License-Identifier: Apache-2.0 */
/* extra_specs: which extra specs of flavors Nova knows, and what they may say: from 2.86 on a flavor is given no others. Pure. */
#ifndef KN_COMPUTE_ROWS_EXTRA_SPECS_H
#define KN_COMPUTE_ROWS_EXTRA_SPECS_H

#include <jansson.h>

#include "lib/base/error.h"

/* All of an object of texts and numbers. KN_BAD_REQUEST in Nova's words. Names of no namespace of Nova's may say anything. */
int kn_compute_extra_specs_check(const json_t *specs, struct kn_error *err);

#endif
