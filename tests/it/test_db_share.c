/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that share their sessions (kn_db_share): who gets which, and a server that goes away under them. */
#include "lib/adapter/db.h"
#include "lib/base/mem.h"
#include "tests/support/own_database.h"
#include "tests/support/test.h"

#define WAIT_MS 60000

static const struct kn_stmt INSERT = { "s_insert", "INSERT INTO s (id, name) VALUES ($1, $2)", 2 };
static const struct kn_stmt COUNT = { "s_count", "SELECT count(*) FROM s", 0 };

static int group_setup(void **state)
{
    (void)state;
    kn_own_database_start("dbshare");
    return 0;
}

static void restart(void)
{
    kn_test_pg_down(kn_own_database.pg);
    kn_test_pg_up(kn_own_database.pg);
}

static int setup(void **state)
{
    AUTO(kn_db) struct kn_db *db = kn_db_new(kn_own_database.url, "setup");
    struct kn_error err = { 0 };

    (void)state;
    return kn_db_script(db, "DROP TABLE IF EXISTS s; CREATE TABLE s (id int CONSTRAINT s_id PRIMARY KEY, name text)",
                        &err);
}

static int64_t number(struct kn_db *db, const struct kn_stmt *stmt)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    assert_ok(kn_db_run(db, stmt, KN_NO_ARGS, &rows, &err), &err);
    return kn_rows_int(rows, 0, KN_ONLY);
}

static int64_t count_rows(struct kn_db *db)
{
    return number(db, &COUNT);
}

static struct kn_db *sharer(void)
{
    struct kn_db *db = kn_db_new(kn_own_database.url, "sharer");

    kn_db_patience(db, WAIT_MS);
    kn_db_share(db);
    return db;
}

/* Who carries it out: the server's process. */
static int64_t session_of(struct kn_db *db)
{
    static const struct kn_stmt WHO = { "s_who", "SELECT pg_backend_pid()", 0 };

    return number(db, &WHO);
}

/* As many sessions as work at once: a transaction keeps its own, and who comes behind takes the one that was used last. */
static void test_sessions_are_shared(void **state)
{
    AUTO(kn_db) struct kn_db *db = kn_db_new(kn_own_database.url, "alone");
    AUTO(kn_db) struct kn_db *one = sharer(), *two = sharer();
    struct kn_error err = { 0 };
    const int64_t first = session_of(one);
    int64_t second;

    (void)state;
    assert_int_equal(session_of(two), first);
    assert_int_not_equal(session_of(db), first);
    {
        AUTO_TX struct kn_tx tx = { NULL };

        assert_ok(kn_tx_begin(&tx, one, &err), &err);
        assert_ok(kn_db_run(one, &INSERT, KN_ARGS("1", "a"), NULL, &err), &err);
        second = session_of(two);
        assert_int_not_equal(second, first);
        assert_int_equal(count_rows(two), 0);
        assert_int_equal(session_of(one), first);
        assert_fails(kn_db_run(one, &INSERT, KN_ARGS("1", "b"), NULL, &err), &err, KN_CONFLICT);
    }
    assert_string_equal(kn_db_constraint(one), "s_id");
    assert_int_equal(session_of(two), first);
    {
        AUTO_TX struct kn_tx tx = { NULL };

        assert_ok(kn_tx_begin(&tx, two, &err), &err);
        assert_ok(kn_db_run(two, &INSERT, KN_ARGS("5", "e"), NULL, &err), &err);
        assert_ok(kn_tx_commit(&tx, &err), &err);
    }
    assert_int_equal(session_of(one), first);
    assert_int_equal(session_of(two), first);
}

/* A server that went away is looked for once: none of the sessions that rested is given to anybody. */
static void test_shared_sessions_survive_a_restart(void **state)
{
    AUTO(kn_db) struct kn_db *one = sharer(), *two = sharer();
    struct kn_error err = { 0 };

    (void)state;
    {
        AUTO_TX struct kn_tx tx = { NULL };

        assert_ok(kn_tx_begin(&tx, one, &err), &err);
        assert_ok(kn_db_run(two, &INSERT, KN_ARGS("1", "a"), NULL, &err), &err);
        assert_ok(kn_db_run(one, &INSERT, KN_ARGS("2", "b"), NULL, &err), &err);
    }
    restart();
    assert_ok(kn_db_run(one, &INSERT, KN_ARGS("2", "b"), NULL, &err), &err);
    assert_ok(kn_db_run(two, &INSERT, KN_ARGS("3", "c"), NULL, &err), &err);
    assert_int_equal(session_of(one), session_of(two));
    {
        AUTO_TX struct kn_tx tx = { NULL };

        assert_ok(kn_tx_begin(&tx, one, &err), &err);
        restart();
        assert_fails(kn_db_run(one, &INSERT, KN_ARGS("4", "d"), NULL, &err), &err, KN_UNAVAILABLE);
        assert_ok(kn_db_run(two, &INSERT, KN_ARGS("5", "e"), NULL, &err), &err);
        assert_fails(kn_db_run(one, &INSERT, KN_ARGS("6", "f"), NULL, &err), &err, KN_UNAVAILABLE);
    }
    assert_int_equal(count_rows(one), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_sessions_are_shared, setup),
        cmocka_unit_test_setup(test_shared_sessions_survive_a_restart, setup),
    };

    return cmocka_run_group_tests_name("it/db_share", tests, group_setup, kn_own_database_teardown);
}
