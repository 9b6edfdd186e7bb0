/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine: what an image's properties (hw_…) and a flavor's extra specs ask of a guest's machine, as its host is told it (kn_form_machine). Nova checks much of it on the
 * host, where a mistake is a server in ERROR; here all of it is checked at the door, and what no host of this cloud can do is refused with the reason. Pure.
 */
#ifndef KN_COMPUTE_ROWS_MACHINE_H
#define KN_COMPUTE_ROWS_MACHINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"

struct kn_compute_machine_asked {
    const json_t *properties; /* the image's: texts */
    const json_t *specs; /* the flavor's */
    int64_t vcpus;
    bool is_cd; /* the image is an iso */
};

struct kn_compute_machine {
    char *text; /* server.machine; NULL: it is as any other. Heap */
    bool is_pc; /* not q35 */
    char disk_bus[16]; /* of disks that name none */
    char cdrom_bus[16];
};

/* KN_BAD_REQUEST in Nova's words. */
int kn_compute_machine_plan(const struct kn_compute_machine_asked *asked, struct kn_compute_machine *ret,
                            struct kn_error *err);

#endif
