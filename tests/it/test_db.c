/* SPDX-License-Identifier: Apache-2.0 */
/* db against a real server: statements, arrays, errors, transactions, and a server that goes away under each of them. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "lib/adapter/db.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/own_database.h"
#include "tests/support/test.h"

#define WAIT_MS 60000

static const struct kn_stmt INSERT = { "t_insert", "INSERT INTO t (id, name) VALUES ($1, $2)", 2 };
static const struct kn_stmt SELECT = { "t_select", "SELECT id, name, name IS NULL FROM t ORDER BY id", 0 };
/* clang-format off */
static const struct kn_stmt INSERT_MANY = { "t_insert_many",
    "INSERT INTO t (id, name) SELECT * FROM unnest($1::int[], $2::text[])", 2 };
/* clang-format on */
static const struct kn_stmt DELETE = { "t_delete", "DELETE FROM t", 0 };
static const struct kn_stmt BROKEN = { "t_broken", "SELECT nothing FROM nowhere", 0 };

static int group_setup(void **state)
{
    (void)state;
    kn_own_database_start("dbtest");
    return 0;
}

static void restart(void)
{
    kn_test_pg_down(kn_own_database.pg);
    kn_test_pg_up(kn_own_database.pg);
}

static int setup(void **state)
{
    struct kn_error err = { 0 };
    struct kn_db *db = kn_db_new(kn_own_database.url, "test_db");

    kn_db_patience(db, WAIT_MS);
    *state = db;
    return kn_db_script(db,
                        "DROP TABLE IF EXISTS t; CREATE TABLE t (id int CONSTRAINT t_id PRIMARY KEY, name text, "
                        "CONSTRAINT t_positive CHECK (id >= 0))",
                        &err);
}

static int teardown(void **state)
{
    kn_db_free(*state);
    return 0;
}

static int64_t count_rows(struct kn_db *db)
{
    struct kn_error err = { 0 };
    int64_t count = -1;

    assert_ok(kn_db_change(db, &SELECT, KN_NO_ARGS, &count, &err), &err);
    return count;
}

static void test_rows_come_back(void **state)
{
    struct kn_db *db = *state;
    struct kn_error err = { 0 };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    int64_t count = 0;

    assert_ok(kn_db_change(db, &INSERT, KN_ARGS("1", "a \"quoted\" 'name'"), &count, &err), &err);
    assert_int_equal(count, 1);
    assert_ok(kn_db_run(db, &INSERT, KN_ARGS("2", NULL), NULL, &err), &err);
    assert_ok(kn_db_run(db, &SELECT, KN_NO_ARGS, &rows, &err), &err);
    assert_int_equal(kn_rows_count(rows), 2);
    assert_int_equal(kn_rows_int(rows, 1, 0), 2);
    assert_string_equal(kn_rows_str(rows, 0, 1), "a \"quoted\" 'name'");
    assert_null(kn_rows_str(rows, 1, 1));
    assert_string_equal(kn_rows_text(rows, 1, 1), "");
    assert_true(kn_rows_bool(rows, 1, 2));
    assert_false(kn_rows_bool(rows, 0, 2));
    assert_int_equal(kn_rows_col(rows, "name"), 1);
    assert_int_equal(kn_rows_col(rows, "nobody"), -1);
}

static void test_arrays_keep_every_character(void **state)
{
    struct kn_db *db = *state;
    struct kn_error err = { 0 };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO_RELEASE(kn_array) struct kn_array names = KN_ARRAY_INIT;
    const char *hard[] = { "plain", "com,ma", "quo\"te", "back\\slash", "{brace}", "", "NULL", NULL, "ünï" };

    for (size_t i = 0; i < KN_COUNT(hard); i++) {
        kn_array_addint(&ids, (int64_t)i);
        kn_array_add(&names, hard[i]);
        kn_array_value(&names); /* reading in between must not disturb */
    }
    assert_ok(kn_db_run(db, &INSERT_MANY, KN_ARGS(kn_array_value(&ids), kn_array_value(&names)), NULL, &err), &err);
    assert_ok(kn_db_run(db, &SELECT, KN_NO_ARGS, &rows, &err), &err);
    assert_int_equal(kn_rows_count(rows), KN_COUNT(hard));
    for (int i = 0; i < (int)KN_COUNT(hard); i++) {
        if (hard[i] == NULL) {
            assert_true(kn_rows_null(rows, i, 1));
        } else {
            assert_string_equal(kn_rows_str(rows, i, 1), hard[i]);
        }
    }
    kn_array_clear(&ids);
    assert_string_equal(kn_array_value(&ids), "{}");
    kn_array_addint(&ids, 7);
    assert_string_equal(kn_array_value(&ids), "{7}");
}

static void test_errors_say_what_they_are(void **state)
{
    struct kn_db *db = *state;
    struct kn_error err = { 0 };

    assert_ok(kn_db_run(db, &INSERT, KN_ARGS("1", "a"), NULL, &err), &err);
    assert_fails(kn_db_run(db, &INSERT, KN_ARGS("1", "b"), NULL, &err), &err, KN_CONFLICT);
    assert_string_equal(kn_db_constraint(db), "t_id");
    assert_int_equal(kn_db_run(db, &INSERT, KN_ARGS("-1", "b"), NULL, &err), -1);
    assert_string_equal(kn_db_constraint(db), "t_positive");
    assert_fails(kn_db_run(db, &BROKEN, KN_NO_ARGS, NULL, &err), &err, KN_INTERNAL);
    assert_non_null(strstr(err.message, "nowhere"));
    assert_null(strchr(err.message, '\n'));
    assert_string_equal(kn_db_constraint(db), "");
    assert_fails(kn_db_run(db, &INSERT, KN_ARGS("many", "b"), NULL, &err), &err, KN_INTERNAL);
    assert_int_equal(count_rows(db), 1);
}

static int insert_and_leave(struct kn_db *db, bool commit, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };

    if (kn_tx_begin(&tx, db, err) < 0 || kn_db_run(db, &INSERT, KN_ARGS("5", "e"), NULL, err) < 0) {
        return -1;
    }
    return commit ? kn_tx_commit(&tx, err) : 0;
}

static void test_scope_without_commit_rolls_back(void **state)
{
    struct kn_db *db = *state;
    struct kn_error err = { 0 };

    assert_ok(insert_and_leave(db, false, &err), &err);
    assert_int_equal(count_rows(db), 0);
    assert_ok(insert_and_leave(db, true, &err), &err);
    assert_int_equal(count_rows(db), 1);
    assert_fails(insert_and_leave(db, true, &err), &err, KN_CONFLICT); /* unique violation inside */
    assert_int_equal(count_rows(db), 1); /* the connection is fit for use */
}

static void test_failed_transaction_does_not_commit(void **state)
{
    struct kn_db *db = *state;
    struct kn_error err = { 0 };
    AUTO_TX struct kn_tx tx = { NULL };

    assert_ok(kn_tx_begin(&tx, db, &err), &err);
    assert_ok(kn_db_run(db, &INSERT, KN_ARGS("6", "f"), NULL, &err), &err);
    assert_int_equal(kn_db_run(db, &BROKEN, KN_NO_ARGS, NULL, &err), -1);
    assert_int_equal(kn_tx_commit(&tx, &err), -1);
    kn_tx_release(&tx);
    assert_int_equal(count_rows(db), 0);
}

static void test_deferred_violation_fails_the_commit(void **state)
{
    struct kn_db *db = *state;
    struct kn_error err = { 0 };
    AUTO_TX struct kn_tx tx = { NULL };

    assert_ok(kn_db_script(db, "ALTER TABLE t ADD CONSTRAINT t_name UNIQUE (name) DEFERRABLE INITIALLY DEFERRED", &err),
              &err);
    assert_ok(kn_tx_begin(&tx, db, &err), &err);
    assert_ok(kn_db_run(db, &INSERT, KN_ARGS("1", "same"), NULL, &err), &err);
    assert_ok(kn_db_run(db, &INSERT, KN_ARGS("2", "same"), NULL, &err), &err);
    assert_fails(kn_tx_commit(&tx, &err), &err, KN_CONFLICT);
    assert_string_equal(kn_db_constraint(db), "t_name");
    kn_tx_release(&tx);
    assert_ok(insert_and_leave(db, true, &err), &err);
}

static void test_idle_connection_survives_a_restart(void **state)
{
    struct kn_db *db = *state;
    struct kn_error err = { 0 };
    const int64_t before = kn_db_session(db);

    assert_ok(kn_db_run(db, &INSERT, KN_ARGS("1", "a"), NULL, &err), &err);
    restart();
    /* Not even an INSERT notices: it was never sent to the server that went away. */
    assert_ok(kn_db_run(db, &INSERT, KN_ARGS("2", "b"), NULL, &err), &err);
    assert_true(kn_db_session(db) > before);
    assert_int_equal(count_rows(db), 2);
}

static void test_restart_inside_a_transaction_is_told(void **state)
{
    struct kn_db *db = *state;
    struct kn_error err = { 0 };
    AUTO_TX struct kn_tx tx = { NULL };

    assert_ok(kn_tx_begin(&tx, db, &err), &err);
    assert_ok(kn_db_run(db, &INSERT, KN_ARGS("1", "a"), NULL, &err), &err);
    restart();
    assert_fails(kn_db_run(db, &INSERT, KN_ARGS("2", "b"), NULL, &err), &err, KN_UNAVAILABLE);
    /* Nothing of it may slip through on a fresh connection, the commit included. */
    assert_int_equal(kn_db_run(db, &INSERT, KN_ARGS("3", "c"), NULL, &err), -1);
    assert_fails(kn_tx_commit(&tx, &err), &err, KN_UNAVAILABLE);
    kn_tx_release(&tx);
    assert_int_equal(count_rows(db), 0);
    assert_ok(insert_and_leave(db, true, &err), &err);
}

static void test_server_away_is_unavailable(void **state)
{
    struct kn_db *db = *state;
    struct kn_error err = { 0 };

    kn_test_pg_down(kn_own_database.pg);
    assert_fails(kn_db_run(db, &DELETE, KN_NO_ARGS, NULL, &err), &err, KN_UNAVAILABLE);
    assert_fails(kn_db_connect(db, 0, &err), &err, KN_UNAVAILABLE);
    kn_test_pg_up(kn_own_database.pg);
    assert_ok(kn_db_connect(db, WAIT_MS, &err), &err);
    assert_ok(kn_db_run(db, &DELETE, KN_NO_ARGS, NULL, &err), &err);
}

/* What takes longer than the patience is given up, not waited for; the next statement has a session of its own. */
static void test_patience_ends(void **state)
{
    struct kn_db *db = *state;
    struct kn_error err = { 0 };
    struct kn_rows *rows = NULL;
    const int64_t session = kn_db_session(db);

    kn_db_patience(db, 50);
    assert_fails(kn_db_query(db, "SELECT pg_sleep(60)", 0, NULL, &rows, &err), &err, KN_UNAVAILABLE);
    assert_non_null(strstr(err.message, "says nothing"));
    assert_null(rows);
    kn_db_patience(db, WAIT_MS);
    assert_int_equal(count_rows(db), 0);
    assert_int_equal(kn_db_session(db), session + 1);
}

static void test_patience_ends_in_a_transaction(void **state)
{
    struct kn_db *db = *state;
    struct kn_error err = { 0 };

    {
        AUTO_TX struct kn_tx tx = { NULL };

        assert_ok(kn_tx_begin(&tx, db, &err), &err);
        assert_ok(kn_db_run(db, &INSERT, KN_ARGS("1", "a"), NULL, &err), &err);
        kn_db_patience(db, 50);
        assert_fails(kn_db_query(db, "SELECT pg_sleep(60)", 0, NULL, NULL, &err), &err, KN_UNAVAILABLE);
        kn_db_patience(db, WAIT_MS);
        assert_fails(kn_db_run(db, &INSERT, KN_ARGS("2", "b"), NULL, &err), &err, KN_UNAVAILABLE);
        assert_fails(kn_tx_commit(&tx, &err), &err, KN_UNAVAILABLE);
    }
    assert_int_equal(count_rows(db), 0);
}

/* A row far larger than a socket's buffer, both ways. */
static void test_patience_with_much(void **state)
{
    struct kn_db *db = *state;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_FREE char *text = kn_alloc(8 * 1024 * 1024 + 1);
    struct kn_error err = { 0 };

    memset(text, 'x', 8 * 1024 * 1024);
    assert_ok(kn_db_query(db, "SELECT $1::text || 'y'", 1, KN_ARGS(text), &rows, &err), &err);
    assert_int_equal(strlen(kn_rows_text(rows, 0, 0)), 8 * 1024 * 1024 + 1);
}

static void test_one_holder_of_a_lock(void **state)
{
    struct kn_error err = { 0 };
    AUTO(kn_db) struct kn_db *active = kn_db_new(kn_own_database.url, "active");
    AUTO(kn_db) struct kn_db *standby = kn_db_new(kn_own_database.url, "standby");

    (void)state;
    kn_db_hold(active, "kilonova-test");
    kn_db_hold(standby, "kilonova-test");
    assert_ok(kn_db_connect(active, WAIT_MS, &err), &err);
    assert_fails(kn_db_connect(standby, 0, &err), &err, KN_UNAVAILABLE);
    assert_int_equal(kn_db_run(standby, &SELECT, KN_NO_ARGS, NULL, &err), -1);

    /* A holder that lost its session must not carry on by itself: it may not be the holder any more. */
    restart();
    assert_ok(kn_db_connect(standby, WAIT_MS, &err), &err);
    assert_fails(kn_db_run(active, &DELETE, KN_NO_ARGS, NULL, &err), &err, KN_UNAVAILABLE);
    assert_int_equal(kn_db_connect(active, 0, &err), -1);
    kn_db_free(kn_steal(&standby));
    assert_ok(kn_db_connect(active, WAIT_MS, &err), &err);
}

/* A caller that tries again asks why after the scope of its transaction has ended. */
static void test_the_constraint_outlives_the_rollback(void **state)
{
    struct kn_db *db = *state;
    struct kn_error err = { 0 };

    {
        AUTO_TX struct kn_tx tx = { NULL };

        assert_ok(kn_tx_begin(&tx, db, &err), &err);
        assert_ok(kn_db_run(db, &INSERT, KN_ARGS("1", "a"), NULL, &err), &err);
        assert_fails(kn_db_run(db, &INSERT, KN_ARGS("1", "b"), NULL, &err), &err, KN_CONFLICT);
    }
    assert_string_equal(kn_db_constraint(db), "t_id");
    assert_int_equal(count_rows(db), 0);
}

/* Few rows of an array are always cheaper than the many that it might have: by itself PostgreSQL would plan this anew for ever. */
static void test_daemons_plan_once(void **state)
{
    AUTO(kn_db) struct kn_db *db = kn_db_new(kn_own_database.url, "daemon");
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    (void)state;
    kn_db_plan_once(db);
    for (int i = 0; i < 20; i++) {
        AUTO_FREE char *ids = kn_asprintf("{%d}", i);

        assert_ok(kn_db_run(db, &INSERT_MANY, KN_ARGS(ids, "{a}"), NULL, &err), &err);
    }
    assert_ok(kn_db_query(db,
                          "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE name = 't_insert_many'",
                          0, KN_NO_ARGS, &rows, &err),
              &err);
    assert_int_equal(kn_rows_int(rows, 0, 0), 20);
    assert_int_equal(kn_rows_int(rows, 0, 1), 0);
}

static const struct kn_stmt NAME_OF = { "t_name_of", "SELECT name FROM t WHERE id = $1::int", 1 };
static const struct kn_stmt COUNT = { "t_count", "SELECT count(*), $1::text FROM t", 1 };

static void assert_cell(struct kn_db *db, const struct kn_stmt *stmt, const char *arg, const char *wanted)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    assert_ok(kn_db_run(db, stmt, KN_ARGS(arg), &rows, &err), &err);
    assert_string_equal(kn_rows_text(rows, 0, 0), wanted);
}

/* What was asked ahead is as old as the asking, answers once, and only what was asked; behind the scope everything is asked again. */
static void test_asking_ahead(void **state)
{
    struct kn_db *db = *state;
    AUTO(kn_db) struct kn_db *other = kn_db_new(kn_own_database.url, "other");
    struct kn_error err = { 0 };

    assert_ok(kn_db_script(db, "INSERT INTO t VALUES (1, 'a'), (2, 'b')", &err), &err);
    {
        AUTO_RELEASE(kn_db_ahead) struct kn_db_ahead ahead = { NULL };

        kn_db_ahead_note_all(&ahead, db);
        assert_fails(kn_db_run(db, &NAME_OF, KN_ARGS("1"), NULL, &err), &err, KN_UNAVAILABLE);
        assert_int_equal(kn_db_run(db, &NAME_OF, KN_ARGS("2"), NULL, NULL), -1);
        assert_int_equal(kn_db_run(db, &COUNT, KN_ARGS(NULL), NULL, NULL), -1);
        kn_db_ahead_ask(&ahead);
        assert_ok(kn_db_script(other, "UPDATE t SET name = name || '!'; INSERT INTO t VALUES (3, 'c')", &err), &err);
        assert_cell(db, &COUNT, NULL, "2");
        assert_cell(db, &COUNT, NULL, "3"); /* once */
        assert_cell(db, &COUNT, "x", "3"); /* other arguments */
        assert_cell(db, &NAME_OF, "2", "b");
        assert_cell(db, &NAME_OF, "3", "c");
    }
    assert_cell(db, &NAME_OF, "1", "a!");
}

/* A question that fails spoils those behind it, and is told to whoever asks it; a server that went away is looked for again. */
static void test_asking_ahead_what_fails(void **state)
{
    struct kn_db *db = *state;
    AUTO_RELEASE(kn_db_ahead) struct kn_db_ahead ahead = { NULL };
    struct kn_error err = { 0 };

    assert_ok(kn_db_script(db, "INSERT INTO t VALUES (1, 'a')", &err), &err);
    assert_cell(db, &NAME_OF, "1", "a");
    kn_db_ahead_note_all(&ahead, db);
    kn_db_run(db, &NAME_OF, KN_ARGS("1"), NULL, NULL);
    kn_db_run(db, &NAME_OF, KN_ARGS("no number"), NULL, NULL);
    kn_db_run(db, &COUNT, KN_ARGS(NULL), NULL, NULL);
    kn_db_run(db, &BROKEN, KN_NO_ARGS, NULL, NULL);
    kn_db_ahead_ask(&ahead);
    assert_cell(db, &NAME_OF, "1", "a");
    assert_int_equal(kn_db_run(db, &NAME_OF, KN_ARGS("no number"), NULL, &err), -1);
    assert_cell(db, &COUNT, NULL, "1");
    kn_db_ahead_note_all(&ahead, db);
    kn_db_run(db, &NAME_OF, KN_ARGS("1"), NULL, NULL);
    kn_db_run(db, &NAME_OF, KN_ARGS("no number"), NULL, NULL);
    kn_db_run(db, &COUNT, KN_ARGS(NULL), NULL, NULL);
    kn_db_ahead_ask(&ahead); /* all of them can be prepared: the second fails on its way */
    assert_cell(db, &NAME_OF, "1", "a");
    assert_int_equal(kn_db_run(db, &NAME_OF, KN_ARGS("no number"), NULL, &err), -1);
    assert_cell(db, &COUNT, NULL, "1");
    kn_test_pg_down(kn_own_database.pg);
    kn_test_pg_up(kn_own_database.pg);
    kn_db_ahead_note_all(&ahead, db);
    kn_db_run(db, &NAME_OF, KN_ARGS("1"), NULL, NULL);
    kn_db_run(db, &COUNT, KN_ARGS(NULL), NULL, NULL);
    kn_db_ahead_ask(&ahead);
    assert_cell(db, &NAME_OF, "1", "a");
    assert_cell(db, &COUNT, NULL, "1");
}

/* --- many at once --- */

#define ASKERS 6

static atomic_int at_the_door;

/* Each asking takes a number; the first one is held up by whoever holds the lock. */
static const struct kn_stmt NUMBER = { "t_number", "SELECT nextval('asked'), pg_advisory_xact_lock_shared(7)", 0 };
static const struct kn_stmt HOLD = { "t_hold", "SELECT pg_advisory_lock(7)", 0 };
static const struct kn_stmt LET_GO = { "t_let_go", "SELECT pg_advisory_unlock(7)", 0 };
static const struct kn_stmt HELD_UP = { "t_held_up",
                                        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted",
                                        0 };

static void *ask_number(void *ret)
{
    AUTO(kn_db) struct kn_db *db = kn_db_new(kn_own_database.url, "asker");
    AUTO_RELEASE(kn_db_ahead) struct kn_db_ahead ahead = { NULL };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    kn_db_ahead_note_all(&ahead, db);
    kn_db_run(db, &NUMBER, KN_NO_ARGS, NULL, NULL);
    kn_db_run(db, &COUNT, KN_ARGS(NULL), NULL, NULL);
    atomic_fetch_add(&at_the_door, 1);
    kn_db_ahead_ask(&ahead);
    *(int64_t *)ret = kn_db_run(db, &NUMBER, KN_NO_ARGS, &rows, NULL) < 0 ? -1 : kn_rows_int(rows, 0, 0);
    return NULL;
}

/* The number that the first got, and the highest that one got who came while it was asked. */
static void ask_while_one_asks(struct kn_db *db, int64_t *ret_first, int64_t *ret_most)
{
    pthread_t threads[ASKERS];
    int64_t numbers[ASKERS];
    struct kn_error err = { 0 };

    atomic_store(&at_the_door, 0);
    assert_ok(kn_db_run(db, &HOLD, KN_NO_ARGS, NULL, &err), &err);
    pthread_create(&threads[0], NULL, ask_number, &numbers[0]);
    for (int64_t held = 0; held == 0;) {
        AUTO(kn_rows) struct kn_rows *rows = NULL;

        assert_ok(kn_db_run(db, &HELD_UP, KN_NO_ARGS, &rows, &err), &err);
        held = kn_rows_int(rows, 0, 0);
    }
    for (int i = 1; i < ASKERS; i++) {
        pthread_create(&threads[i], NULL, ask_number, &numbers[i]);
    }
    while (atomic_load(&at_the_door) < ASKERS) {
        sched_yield();
    }
    assert_ok(kn_db_run(db, &LET_GO, KN_NO_ARGS, NULL, &err), &err);
    *ret_most = 0;
    for (int i = 0; i < ASKERS; i++) {
        pthread_join(threads[i], NULL);
        assert_true(i == 0 || numbers[i] > numbers[0]); /* nobody hears what was asked before he came */
        *ret_most = numbers[i] > *ret_most ? numbers[i] : *ret_most;
    }
    *ret_first = numbers[0];
}

static void test_many_ask_once(void **state)
{
    struct kn_db *db = *state;
    const int64_t deadline = kn_mono_ms() + WAIT_MS;
    struct kn_error err = { 0 };
    int64_t first = 0, most = 0;

    assert_ok(kn_db_script(db, "CREATE SEQUENCE IF NOT EXISTS asked", &err), &err);
    do {
        ask_while_one_asks(db, &first, &most);
    } while (most != first + 1 && kn_mono_ms() < deadline);
    assert_int_equal(most, first + 1); /* all the others by one of them, once nobody was late */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rows_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_arrays_keep_every_character, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors_say_what_they_are, setup, teardown),
        cmocka_unit_test_setup_teardown(test_scope_without_commit_rolls_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failed_transaction_does_not_commit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deferred_violation_fails_the_commit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_idle_connection_survives_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_restart_inside_a_transaction_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_server_away_is_unavailable, setup, teardown),
        cmocka_unit_test_setup_teardown(test_patience_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_patience_ends_in_a_transaction, setup, teardown),
        cmocka_unit_test_setup_teardown(test_patience_with_much, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_holder_of_a_lock, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_constraint_outlives_the_rollback, setup, teardown),
        cmocka_unit_test_setup_teardown(test_daemons_plan_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_asking_ahead, setup, teardown),
        cmocka_unit_test_setup_teardown(test_asking_ahead_what_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_ask_once, setup, teardown),
    };

    return cmocka_run_group_tests_name("it/db", tests, group_setup, kn_own_database_teardown);
}
