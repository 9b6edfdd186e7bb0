/* SPDX-License-Identifier: Apache-2.0 */
/* The SQL and the rules of flavors; the words of HTTP are in compute/api/flavors.c. */
#include "compute/rows/flavor.h"

#include <string.h>

#define COLUMNS                                                                                                         \
    "f.id, f.name, f.vcpus, f.memory_mib, f.disk_gib, f.ephemeral_gib, f.swap_mib, f.rxtx_factor, f.is_public, "        \
    "f.disabled, f.description, f.extra_specs"
#define VISIBLE                                                                                                         \
    "(f.is_public OR EXISTS (SELECT FROM flavor_access a WHERE a.flavor_id = f.id "                 \
    "AND a.project_id = $2::text))"

const char KN_FLAVOR_SELECT[] = "SELECT " COLUMNS " FROM flavor f WHERE true";

/* Two, because "$2 IS NULL OR" would be planned anew for every administrator's question. */
static const struct kn_stmt GET = { "flavor_get", "SELECT " COLUMNS " FROM flavor f WHERE f.id = $1", 1 };
static const struct kn_stmt GET_VISIBLE = { "flavor_get_visible",
    "SELECT " COLUMNS " FROM flavor f WHERE f.id = $1 AND " VISIBLE, 2 };
static const struct kn_stmt INSERT = { "flavor_insert",
    "INSERT INTO flavor AS f (id, name, vcpus, memory_mib, disk_gib, ephemeral_gib, swap_mib, rxtx_factor, is_public, "
    "description) VALUES ($1, $2, $3::integer, $4::integer, $5::integer, $6::integer, $7::integer, $8::real, $9::boolean, $10) "
    "RETURNING " COLUMNS, 10 };
static const struct kn_stmt DESCRIBE = { "flavor_describe",
    "UPDATE flavor f SET description = $2 WHERE f.id = $1 RETURNING " COLUMNS, 2 };
static const struct kn_stmt DELETE_ROW = { "flavor_delete", "DELETE FROM flavor WHERE id = $1", 1 };
static const struct kn_stmt SPECS_MERGE = { "flavor_specs_merge",
    "UPDATE flavor SET extra_specs = extra_specs || $2::jsonb WHERE id = $1", 2 };
static const struct kn_stmt SPEC_DELETE = { "flavor_spec_delete",
    "UPDATE flavor SET extra_specs = extra_specs - $2 WHERE id = $1 AND extra_specs ? $2", 2 };
static const struct kn_stmt ACCESS = { "flavor_access",
    "SELECT flavor_id, project_id FROM flavor_access WHERE flavor_id = $1 ORDER BY project_id", 1 };
static const struct kn_stmt ACCESS_ADD = { "flavor_access_add",
    "INSERT INTO flavor_access (flavor_id, project_id) VALUES ($1, $2)", 2 };
static const struct kn_stmt ACCESS_REMOVE = { "flavor_access_remove",
    "DELETE FROM flavor_access WHERE flavor_id = $1 AND project_id = $2", 2 };

static int not_found(const char *id, struct kn_error *err)
{
    return kn_fail(err, KN_NOT_FOUND, "Flavor %.100s could not be found.", id);
}

int kn_flavor_get(struct kn_db *db, const char *id, const char *project, struct kn_rows **ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, project == NULL ? &GET : &GET_VISIBLE, KN_ARGS(id, project), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return not_found(id, err);
    }
    *ret = kn_steal(&rows);
    return 0;
}

int kn_flavor_insert(struct kn_db *db, const struct kn_flavor *flavor, struct kn_rows **ret, struct kn_error *err)
{
    struct kn_arg vcpus, memory, disk, ephemeral, swap;

    if (kn_db_run(db, &INSERT,
                  KN_ARGS(flavor->id, flavor->name, kn_arg_int(&vcpus, flavor->vcpus), kn_arg_int(&memory, flavor->memory_mib),
                          kn_arg_int(&disk, flavor->disk_gib), kn_arg_int(&ephemeral, flavor->ephemeral_gib),
                          kn_arg_int(&swap, flavor->swap_mib), flavor->rxtx_factor, flavor->is_public ? "t" : "f",
                          flavor->description),
                  ret, err) == 0) {
        return 0;
    }
    if (strcmp(kn_db_constraint(db), "flavor_pkey") == 0) {
        return kn_fail(err, KN_CONFLICT, "Flavor with ID %s already exists.", flavor->id);
    }
    if (strcmp(kn_db_constraint(db), "flavor_name_key") == 0) {
        return kn_fail(err, KN_CONFLICT, "Flavor with name %s already exists.", flavor->name);
    }
    return -1;
}

int kn_flavor_describe(struct kn_db *db, const char *id, const char *description, struct kn_rows **ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &DESCRIBE, KN_ARGS(id, description), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return not_found(id, err);
    }
    *ret = kn_steal(&rows);
    return 0;
}

int kn_flavor_delete(struct kn_db *db, const char *id, struct kn_error *err)
{
    int64_t changed = 0;

    if (kn_db_change(db, &DELETE_ROW, KN_ARGS(id), &changed, err) < 0) {
        return -1;
    }
    return changed == 0 ? not_found(id, err) : 0;
}

int kn_flavor_specs_merge(struct kn_db *db, const char *id, const char *specs, struct kn_error *err)
{
    int64_t changed = 0;

    if (kn_db_change(db, &SPECS_MERGE, KN_ARGS(id, specs), &changed, err) < 0) {
        return -1;
    }
    return changed == 0 ? not_found(id, err) : 0;
}

int kn_flavor_spec_delete(struct kn_db *db, const char *id, const char *key, struct kn_error *err)
{
    int64_t changed = 0;

    if (kn_db_change(db, &SPEC_DELETE, KN_ARGS(id, key), &changed, err) < 0) {
        return -1;
    }
    return changed == 0 ? kn_fail(err, KN_NOT_FOUND, "Flavor %.100s has no extra specs with key %.100s.", id, key) : 0;
}

int kn_flavor_access(struct kn_db *db, const char *id, struct kn_rows **ret, struct kn_error *err)
{
    return kn_db_run(db, &ACCESS, KN_ARGS(id), ret, err);
}

int kn_flavor_access_add(struct kn_db *db, const char *id, const char *project, struct kn_error *err)
{
    if (kn_db_run(db, &ACCESS_ADD, KN_ARGS(id, project), NULL, err) == 0) {
        return 0;
    }
    if (strcmp(kn_db_constraint(db), "flavor_access_pkey") == 0) {
        return kn_fail(err, KN_CONFLICT, "Flavor access already exists for flavor %.100s and project %.100s combination.", id,
                       project);
    }
    return kn_db_constraint(db)[0] != '\0' ? not_found(id, err) : -1;
}

int kn_flavor_access_remove(struct kn_db *db, const char *id, const char *project, struct kn_error *err)
{
    int64_t changed = 0;

    if (kn_db_change(db, &ACCESS_REMOVE, KN_ARGS(id, project), &changed, err) < 0) {
        return -1;
    }
    return changed == 0
               ? kn_fail(err, KN_NOT_FOUND, "Flavor access not found for %.100s / %.100s combination.", id, project)
               : 0;
}
