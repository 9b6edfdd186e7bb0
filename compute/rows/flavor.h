/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flavor: what a server is made of, and a flavor's access. A server keeps a copy of its flavor, so a flavor may go at any
 * time. Flavors as clients see and write them are compute/api/flavors.c.
 */
#ifndef KN_COMPUTE_ROWS_FLAVOR_H
#define KN_COMPUTE_ROWS_FLAVOR_H

#include "lib/adapter/db.h"

/* Columns of kn_compute_flavor_get(), in this order. */
enum kn_compute_flavor_col {
    KN_FLAVOR_ID,
    KN_FLAVOR_NAME,
    KN_FLAVOR_VCPUS,
    KN_FLAVOR_MEMORY,
    KN_FLAVOR_DISK,
    KN_FLAVOR_EPHEMERAL,
    KN_FLAVOR_SWAP,
    KN_FLAVOR_PUBLIC,
    KN_FLAVOR_DISABLED,
    KN_FLAVOR_SPECS
};

/* One row, or KN_NOT_FOUND. project NULL: whoever may see it; otherwise it must be public or the project must have access. */
int kn_compute_flavor_get(struct kn_db *db, const char *id, const char *project, struct kn_rows **ret,
                          struct kn_error *err);

/* Access of projects to a private flavor. */
int kn_compute_flavor_access_add(struct kn_db *db, const char *id, const char *project, struct kn_error *err);
int kn_compute_flavor_access_remove(struct kn_db *db, const char *id, const char *project, struct kn_error *err);

#endif
