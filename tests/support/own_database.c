/* SPDX-License-Identifier: Apache-2.0 */
/* Starts and ends the private cluster of a test program that needs one database. */
#include "tests/support/own_database.h"

#include <stdlib.h>

struct kn_own_database kn_own_database;

struct kn_db *kn_own_database_start(const char *name)
{
    kn_own_database.pg = kn_test_pg_start(KN_TEST_PG_FAST);
    kn_own_database.url = kn_test_pg_migrated(kn_own_database.pg, name);
    kn_own_database.db = kn_db_new(kn_own_database.url, "test");
    return kn_own_database.db;
}

int kn_own_database_teardown(void **state)
{
    (void)state;
    kn_db_free(kn_own_database.db);
    free(kn_own_database.url);
    kn_test_pg_free(kn_own_database.pg);
    return 0;
}
