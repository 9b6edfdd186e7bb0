/* SPDX-License-Identifier: Apache-2.0 */
/* spec: what an agent must know to make a server's guest (kn_form_spec), from its row and what the steps found out. Pure. */
#ifndef KN_CONDUCTOR_FLOWS_SPEC_H
#define KN_CONDUCTOR_FLOWS_SPEC_H

#include "conductor/store/task.h"

/* What the steps of a flow found out for it; of a flow that finds nothing, KN_SPEC_KNOWN. Borrowed. */
struct kn_conductor_spec_found {
    json_t *image; /* NULL: a guest that exists needs no data */
    json_t *nics; /* NULL: the row's */
    const char *zone; /* "": the row's */
    json_t *rescue; /* kn_form_rescue; NULL: it starts from its own disk */
};

#define KN_SPEC_KNOWN (&(const struct kn_conductor_spec_found){ NULL, NULL, "", NULL })

/* New reference. */
json_t *kn_conductor_spec_build(const struct kn_conductor_task *task, const struct kn_conductor_spec_found *found);

#endif
