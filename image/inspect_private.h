/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the inspector share; see inspect.h. */
#ifndef KN_IMAGE_INSPECT_PRIVATE_H
#define KN_IMAGE_INSPECT_PRIVATE_H

#include "image/inspect.h"

/* The magic was checked; everything else was not. */
int kn_inspect_qcow2(const struct kn_sample *sample, struct kn_inspection *ret, struct kn_error *err);

#endif
