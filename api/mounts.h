/* SPDX-License-Identifier: Apache-2.0 */
/* mounts: every service behind the door; the one list that kilonova-api and the tests of policies walk. */
#ifndef KN_API_MOUNTS_H
#define KN_API_MOUNTS_H

#include "lib/adapter/http.h"

extern const struct kn_api *const kn_api_mounts[]; /* ended by NULL */

#endif
