/* SPDX-License-Identifier: Apache-2.0 */
/* The SQL of hosts as operators and clients see them. Capacity and usage are the scheduler's to write; this file only reads them. */
#include "api/hypervisor.h"

static const struct kn_stmt ZONE = { "zone_look", "SELECT EXISTS (SELECT FROM host WHERE zone = $1)", 1 };
static const struct kn_stmt HOST = { "host_look", "SELECT EXISTS (SELECT FROM host WHERE name = $1)", 1 };

static int look(struct kn_db *db, const struct kn_stmt *stmt, const char *name, bool *ret_found, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, stmt, KN_ARGS(name), &rows, err) < 0) {
        return -1;
    }
    *ret_found = kn_rows_bool(rows, 0, 0);
    return 0;
}

int kn_zone_check(struct kn_db *db, const char *zone, struct kn_error *err)
{
    bool found = false;

    if (look(db, &ZONE, zone, &found, err) < 0) {
        return -1;
    }
    return found ? 0 : kn_fail(err, KN_BAD_REQUEST, "The requested availability zone is not available");
}

int kn_host_check(struct kn_db *db, const char *host, struct kn_error *err)
{
    bool found = false;

    if (look(db, &HOST, host, &found, err) < 0) {
        return -1;
    }
    return found ? 0 : kn_fail(err, KN_BAD_REQUEST, "Compute host %.255s could not be found.", host);
}
