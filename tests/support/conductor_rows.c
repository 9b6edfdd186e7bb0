/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the database of the tests of the conductor's rows: see conductor_rows.h. */
#include "tests/support/conductor_rows.h"

#include <stdlib.h>

#include "tests/support/postgres.h"
#include "tests/support/test.h"

struct kn_test_pg *conductor_rows_pg;
static char *url;

int conductor_rows_start(void **state)
{
    (void)state;
    conductor_rows_pg = kn_test_pg_start(KN_TEST_PG_FAST);
    url = kn_test_pg_migrated(conductor_rows_pg, "conductor_rows");
    return 0;
}

int conductor_rows_stop(void **state)
{
    (void)state;
    kn_test_pg_free(conductor_rows_pg);
    free(url);
    return 0;
}

int conductor_rows_setup(void **state)
{
    struct kn_error err = { 0 };
    struct kn_db *db = kn_db_new(url, "test");

    *state = db;
    return kn_db_script(
        db,
        KN_TEST_EMPTY(
            "task, allocation, attachment, server, quota_usage, service") "UPDATE shard SET owner = NULL, lease_until = '-infinity';"
                                                                          "INSERT INTO quota_usage VALUES ('compute', 'p', 'instances', 1), ('compute', 'p', 'cores', 2), ('compute', 'p', 'ram', 128);"
                                                                          "INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, task_state, flavor, reservation_id) VALUES "
                                                                          "('" SERVER
                                                                          "', 'p', 'u', 'a', 'a', 'building', 'scheduling', '{\"vcpus\": 2, \"memory_mib\": 128, \"disk_gib\": 1}', 'r')",
        &err);
}

int conductor_rows_teardown(void **state)
{
    kn_db_free(*state);
    return 0;
}

int64_t row_number(struct kn_db *db, const char *sql)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    assert_ok(kn_db_query(db, sql, 0, KN_NO_ARGS, &rows, &err), &err);
    return kn_rows_int(rows, 0, 0);
}
