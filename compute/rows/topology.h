/* SPDX-License-Identifier: Apache-2.0 */
/* topology: how a guest's processors look to it, sockets, cores and threads, chosen of what its image and its flavor prefer and allow, as Nova chooses. Pure. */
#ifndef KN_COMPUTE_ROWS_TOPOLOGY_H
#define KN_COMPUTE_ROWS_TOPOLOGY_H

#include <jansson.h>
#include <stdint.h>

#include "lib/base/error.h"

struct kn_compute_topology {
    int64_t sockets, cores, threads; /* all 0: nobody asked for any */
};

/* properties: the image's (checked numbers); specs: the flavor's. KN_BAD_REQUEST in Nova's words. */
int kn_compute_topology_choose(const json_t *properties, const json_t *specs, int64_t vcpus,
                               struct kn_compute_topology *ret, struct kn_error *err);

#endif
