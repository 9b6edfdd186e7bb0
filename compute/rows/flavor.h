/* SPDX-License-Identifier: Apache-2.0 */
/* flavor: rows of `flavor` and `flavor_access`. A server keeps a copy of its flavor, so a flavor may go at any time. */
#ifndef KN_COMPUTE_ROWS_FLAVOR_H
#define KN_COMPUTE_ROWS_FLAVOR_H

#include "compute/rows/select.h"
#include "lib/adapter/db.h"

/* Columns of every result that these functions give, in this order. */
enum kn_flavor_col { KN_FLAVOR_ID, KN_FLAVOR_NAME, KN_FLAVOR_VCPUS, KN_FLAVOR_MEMORY, KN_FLAVOR_DISK, KN_FLAVOR_EPHEMERAL,
                     KN_FLAVOR_SWAP, KN_FLAVOR_RXTX, KN_FLAVOR_PUBLIC, KN_FLAVOR_DISABLED, KN_FLAVOR_DESCRIPTION,
                     KN_FLAVOR_SPECS, KN_FLAVOR_COLUMNS };
extern const char KN_FLAVOR_SELECT[]; /* "SELECT … FROM flavor f WHERE true" */

struct kn_flavor {
    const char *id;
    const char *name;
    int64_t vcpus, memory_mib, disk_gib, ephemeral_gib, swap_mib;
    const char *rxtx_factor;
    const char *description; /* NULL = none */
    bool is_public;
};

/* One row, or KN_NOT_FOUND. project NULL: whoever may see it; otherwise it must be public or the project must have access. */
int kn_flavor_get(struct kn_db *db, const char *id, const char *project, struct kn_rows **ret, struct kn_error *err);
/* Writes the row. KN_CONFLICT in Nova's words when the name or the id is taken. ret: the row as it is now. */
int kn_flavor_insert(struct kn_db *db, const struct kn_flavor *flavor, struct kn_rows **ret, struct kn_error *err);
int kn_flavor_describe(struct kn_db *db, const char *id, const char *description, struct kn_rows **ret, struct kn_error *err);
int kn_flavor_delete(struct kn_db *db, const char *id, struct kn_error *err);

/* Extra specs. specs: a JSON object's text, merged into what is there. */
int kn_flavor_specs_merge(struct kn_db *db, const char *id, const char *specs, struct kn_error *err);
int kn_flavor_spec_delete(struct kn_db *db, const char *id, const char *key, struct kn_error *err);

/* Access of projects to a private flavor. ret: flavor_id, project_id. */
int kn_flavor_access(struct kn_db *db, const char *id, struct kn_rows **ret, struct kn_error *err);
int kn_flavor_access_add(struct kn_db *db, const char *id, const char *project, struct kn_error *err);
int kn_flavor_access_remove(struct kn_db *db, const char *id, const char *project, struct kn_error *err);

#endif
