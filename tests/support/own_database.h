/* SPDX-License-Identifier: Apache-2.0 */
/* own_database: a database with the schema and one connection to it: what tests of rows need, as the fixtures of a group. One a test program. */
#ifndef KN_TESTS_SUPPORT_OWN_DATABASE_H
#define KN_TESTS_SUPPORT_OWN_DATABASE_H

#include "lib/adapter/db.h"
#include "tests/support/postgres.h"

struct kn_own_database {
    struct kn_test_pg *pg;
    char *url; /* for connections of a test's own */
    struct kn_db *db;
};
extern struct kn_own_database kn_own_database;

/* The connection, which is the database's. */
struct kn_db *kn_own_database_start(const char *name);
int kn_own_database_teardown(void **state);

#endif
