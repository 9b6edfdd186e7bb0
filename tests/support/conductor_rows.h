/* SPDX-License-Identifier: Apache-2.0 */
/* conductor_rows: a database with one server that is being made and nothing else, for tests of what the conductor writes. */
#ifndef KN_TESTS_SUPPORT_CONDUCTOR_ROWS_H
#define KN_TESTS_SUPPORT_CONDUCTOR_ROWS_H

#include <stdint.h>

#include "lib/adapter/db.h"
#include "tests/support/postgres.h"

#define SERVER "11111111-1111-4111-8111-111111111111"

/* The group's PostgreSQL, for a test that wants another database. */
extern struct kn_test_pg *conductor_rows_pg;

/* For the group: PostgreSQL starts and ends. For each test: its state is a connection, the rows are as they are said above. */
int conductor_rows_start(void **state);
int conductor_rows_stop(void **state);
int conductor_rows_setup(void **state);
int conductor_rows_teardown(void **state);

/* The one number that a query gives. */
int64_t row_number(struct kn_db *db, const char *sql);

#endif
