/* SPDX-License-Identifier: Apache-2.0 */
/* The SQL of what is read and changed beside the noun (compute/api/flavors.c). */
#include "compute/rows/flavor.h"

#include <string.h>

#define COLUMNS \
    "SELECT f.id, f.name, f.vcpus, f.memory_mib, f.disk_gib, f.ephemeral_gib, f.swap_mib, f.is_public, f.disabled, f.extra_specs " \
    "FROM flavor f WHERE f.id = $1"

/* Two, because "$2 IS NULL OR" would be planned anew for every administrator's question. */
static const struct kn_stmt GET = { "flavor_get", COLUMNS, 1 };
static const struct kn_stmt GET_VISIBLE = {
    "flavor_get_visible",
    COLUMNS
    " AND (f.is_public OR EXISTS (SELECT FROM flavor_access a WHERE a.flavor_id = f.id AND a.project_id = $2::text))",
    2
};
/* clang-format off */
static const struct kn_stmt ACCESS_ADD = { "flavor_access_add",
    "INSERT INTO flavor_access (flavor_id, project_id) VALUES ($1, $2)", 2 };
/* clang-format on */
/* clang-format off */
static const struct kn_stmt ACCESS_REMOVE = { "flavor_access_remove",
    "DELETE FROM flavor_access WHERE flavor_id = $1 AND project_id = $2", 2 };
/* clang-format on */

static int flavor_not_found(const char *id, struct kn_error *err)
{
    return kn_fail(err, KN_NOT_FOUND, "Flavor %.100s could not be found.", id);
}

int kn_compute_flavor_get(struct kn_db *db, const char *id, const char *project, struct kn_rows **ret,
                          struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, project == NULL ? &GET : &GET_VISIBLE, KN_ARGS(id, project), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return flavor_not_found(id, err);
    }
    *ret = kn_steal(&rows);
    return 0;
}

int kn_compute_flavor_access_add(struct kn_db *db, const char *id, const char *project, struct kn_error *err)
{
    if (kn_db_run(db, &ACCESS_ADD, KN_ARGS(id, project), NULL, err) == 0) {
        return 0;
    }
    if (strcmp(kn_db_constraint(db), "flavor_access_pkey") == 0) {
        return kn_fail(err, KN_CONFLICT,
                       "Flavor access already exists for flavor %.100s and project %.100s combination.", id, project);
    }
    return kn_db_constraint(db)[0] != '\0' ? flavor_not_found(id, err) : -1;
}

int kn_compute_flavor_access_remove(struct kn_db *db, const char *id, const char *project, struct kn_error *err)
{
    int64_t changed = 0;

    if (kn_db_change(db, &ACCESS_REMOVE, KN_ARGS(id, project), &changed, err) < 0) {
        return -1;
    }
    return changed == 0
               ? kn_fail(err, KN_NOT_FOUND, "Flavor access not found for %.100s / %.100s combination.", id, project)
               : 0;
}
