/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attachments on a real database, as the API wishes them and the conductor ends them: one for a plain volume, one a server for a shared one. A volume's
 * status follows them, also when several end at once; the end of one leaves the others.
 */
#include <pthread.h>
#include <string.h>

#include "conductor/audit/audit.h"
#include "conductor/flows/flow.h"
#include "conductor/store/objects.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/postgres.h"
#include "tests/support/test.h"
#include "volume/api.h"

#define S1 "11111111-1111-4111-8111-111111111111"
#define S2 "22222222-2222-4222-8222-222222222222"
#define PLAIN "dddddddd-0000-4000-8000-000000000001"
#define SHARED "dddddddd-0000-4000-8000-000000000002"
#define WAIT_MS 60000

static struct kn_test_pg *pg;
static char *url;
static struct kn_db *db;
static const struct kn_caller CALLER = { .project_id = "p" };

static int group_setup(void **state)
{
    (void)state;
    pg = kn_test_pg_start(KN_TEST_PG_FAST);
    url = kn_test_pg_migrated(pg, "attachments");
    db = kn_db_new(url, "test");
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    kn_db_free(db);
    kn_test_pg_free(pg);
    free(url);
    return 0;
}

static int setup(void **state)
{
    struct kn_error err = { 0 };

    (void)state;
    return kn_db_script(
        db,
        KN_TEST_EMPTY(
            "task, attachment, volume, allocation, server, quota_usage") "INSERT INTO quota_usage VALUES ('compute', 'p', 'instances', 2);"
                                                                         "INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, flavor, reservation_id) SELECT id::uuid, 'p', 'u', 's', 's', 'active', "
                                                                         "'{\"vcpus\": 0, \"memory_mib\": 0, \"disk_gib\": 0}', 'r' FROM unnest(ARRAY['" S1
                                                                         "', '" S2 "']) u(id);"
                                                                         "INSERT INTO volume (id, project_id, user_id, size_gib, status, multiattach) VALUES ('" PLAIN
                                                                         "', 'p', 'u', 1, 'available', false), "
                                                                         "('" SHARED
                                                                         "', 'p', 'u', 1, 'available', true)",
        &err);
}

static int64_t number(const char *sql)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    assert_ok(kn_db_query(db, sql, 0, KN_NO_ARGS, &rows, &err), &err);
    return kn_rows_int(rows, 0, 0);
}

/* The volume's status and how many attachments it has; then everything that the audit promises of volumes. */
static void expect(const char *volume, const char *status, int attachments)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_FREE char *sql = kn_asprintf(
        "SELECT status, (SELECT count(*) FROM attachment WHERE volume_id = v.id) FROM volume v WHERE id = '%s'",
        volume);
    struct kn_error err = { 0 };

    assert_ok(kn_db_query(db, sql, 0, KN_NO_ARGS, &rows, &err), &err);
    assert_string_equal(kn_rows_text(rows, 0, 0), status);
    assert_int_equal(kn_rows_int(rows, 0, 1), attachments);
}

static void expect_sound(void)
{
    for (const struct kn_conductor_promise *promise = kn_conductor_promises_storage; promise->promise != NULL;
         promise++) {
        AUTO(kn_rows) struct kn_rows *rows = NULL;
        struct kn_error err = { 0 };

        if (strncmp(promise->promise, "5. ", 3) == 0 && promise->argument == NULL) {
            assert_ok(kn_db_query(db, promise->sql, 0, KN_NO_ARGS, &rows, &err), &err);
            if (kn_rows_count(rows) > 0) {
                fail_msg("%s: %s", promise->promise, kn_rows_text(rows, 0, 0));
            }
        }
    }
}

static int begin_attach(const char *volume, const char *server, bool dies_too, char id[KN_UUID_SIZE],
                        struct kn_error *err)
{
    const struct kn_volume_attach wish = { .volume_id = volume,
                                           .server_id = server,
                                           .delete_on_termination = dies_too };
    AUTO_TX struct kn_tx tx = { NULL };

    if (kn_tx_begin(&tx, db, err) < 0 || kn_volume_attach_begin(db, &CALLER, &wish, id, err) < 0) {
        return -1;
    }
    return kn_tx_commit(&tx, err);
}

static int begin_detach(const char *volume, const char *server, char id[KN_UUID_SIZE], struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };

    if (kn_tx_begin(&tx, db, err) < 0 || kn_volume_detach_begin(db, &CALLER, volume, server, id, err) < 0) {
        return -1;
    }
    return kn_tx_commit(&tx, err);
}

/* What the end of such a task makes of the rows, written on this connection. */
static int write_end(struct kn_db *on, const char *kind, bool done, const char *volume, const char *attachment,
                     struct kn_error *err)
{
    struct kn_conductor_task task = { .flow = kn_conductor_flow(kind), .object_id = S1 };
    struct kn_conductor_change change = KN_CHANGE_INIT;
    const struct kn_conductor_change *all[] = { &change };
    int rc;

    task.input = json_pack("{s:s, s:s}", "volume", volume, "attachment", attachment);
    task.context = json_pack("{s:s, s:{}}", "device", strcmp(volume, PLAIN) == 0 ? "/dev/vdb" : "/dev/vdc",
                             "connection");
    kn_conductor_change_becomes(&change, done ? task.flow->done : task.flow->failed, &task);
    rc = kn_conductor_objects_write(on, all, 1, err);
    kn_conductor_change_release(&change);
    json_decref(task.input);
    json_decref(task.context);
    return rc;
}

static void end(const char *kind, bool done, const char *volume, const char *attachment)
{
    AUTO_TX struct kn_tx tx = { NULL };
    struct kn_error err = { 0 };

    assert_ok(kn_tx_begin(&tx, db, &err), &err);
    assert_ok(write_end(db, kind, done, volume, attachment, &err), &err);
    assert_ok(kn_tx_commit(&tx, &err), &err);
    expect_sound();
}

static void attach(const char *volume, const char *server, bool dies_too, char id[KN_UUID_SIZE])
{
    struct kn_error err = { 0 };

    assert_ok(begin_attach(volume, server, dies_too, id, &err), &err);
    end("server.attach_volume", true, volume, id);
}

static void end_server(const char *server)
{
    AUTO_TX struct kn_tx tx = { NULL };
    struct kn_conductor_change change = KN_CHANGE_INIT;
    const struct kn_conductor_change *all[] = { &change };
    struct kn_error err = { 0 };

    kn_conductor_change_end(&change, &kn_conductor_record_server, server);
    assert_ok(kn_tx_begin(&tx, db, &err), &err);
    assert_ok(kn_conductor_objects_write(db, all, 1, &err), &err);
    assert_ok(kn_tx_commit(&tx, &err), &err);
    kn_conductor_change_release(&change);
    expect_sound();
}

static void test_a_plain_volume_is_one_servers(void **state)
{
    struct kn_error err = { 0 };
    char id[KN_UUID_SIZE], other[KN_UUID_SIZE];

    (void)state;
    assert_ok(begin_attach(PLAIN, S1, false, id, &err), &err);
    expect(PLAIN, "attaching", 1);
    end("server.attach_volume", true, PLAIN, id);
    expect(PLAIN, "in-use", 1);
    assert_fails(begin_attach(PLAIN, S2, false, other, &err), &err, KN_BAD_REQUEST);
    /* Whatever anybody writes, the database keeps to it. */
    assert_int_equal(
        kn_db_script(db,
                     "INSERT INTO attachment (id, volume_id, server_id, status) VALUES (gen_random_uuid(), '" PLAIN
                     "', '" S2 "', 'attaching')",
                     &err),
        -1);
    assert_int_equal(kn_db_script(db,
                                  "INSERT INTO attachment (id, volume_id, server_id, status, shared) VALUES "
                                  "(gen_random_uuid(), '" PLAIN "', '" S2 "', 'attaching', true)",
                                  &err),
                     -1);
    assert_ok(begin_detach(PLAIN, S1, other, &err), &err);
    assert_string_equal(other, id);
    expect(PLAIN, "detaching", 1);
    end("server.detach_volume", false, PLAIN, id); /* it stays */
    expect(PLAIN, "in-use", 1);
    assert_ok(begin_detach(PLAIN, S1, other, &err), &err);
    end("server.detach_volume", true, PLAIN, id);
    expect(PLAIN, "available", 0);
    assert_ok(begin_attach(PLAIN, S2, false, id, &err), &err);
    end("server.attach_volume", false, PLAIN, id); /* it failed */
    expect(PLAIN, "available", 0);
}

static void test_a_shared_volume_is_many_servers(void **state)
{
    struct kn_error err = { 0 };
    char one[KN_UUID_SIZE], two[KN_UUID_SIZE], again[KN_UUID_SIZE];

    (void)state;
    attach(SHARED, S1, false, one);
    expect(SHARED, "in-use", 1);
    assert_fails(begin_attach(SHARED, S1, false, again, &err), &err, KN_BAD_REQUEST); /* not twice to one server */
    assert_ok(begin_attach(SHARED, S2, false, two, &err), &err);
    expect(SHARED, "in-use", 2); /* the first still has it */
    assert_fails(begin_detach(SHARED, S2, again, &err), &err, KN_BAD_REQUEST); /* it is on its way in */
    end("server.attach_volume", true, SHARED, two);
    expect(SHARED, "in-use", 2);
    assert_int_equal(kn_db_script(db, "UPDATE volume SET multiattach = false WHERE id = '" SHARED "'", &err), -1);
    assert_ok(begin_detach(SHARED, S1, again, &err), &err);
    assert_string_equal(again, one);
    assert_fails(begin_detach(SHARED, S1, again, &err), &err, KN_BAD_REQUEST); /* it is on its way out */
    expect(SHARED, "in-use", 2);
    end("server.detach_volume", true, SHARED, one);
    expect(SHARED, "in-use", 1);
    assert_int_equal(number("SELECT count(*) FROM attachment WHERE server_id = '" S2 "' AND status = 'attached'"), 1);
    assert_ok(begin_detach(SHARED, S2, again, &err), &err);
    expect(SHARED, "detaching", 1);
    end("server.detach_volume", true, SHARED, two);
    expect(SHARED, "available", 0);
}

/* What dies with its server is nobody else's. */
static void test_a_servers_end_leaves_the_others(void **state)
{
    char one[KN_UUID_SIZE], two[KN_UUID_SIZE], plain[KN_UUID_SIZE];

    (void)state;
    attach(SHARED, S1, true, one);
    attach(SHARED, S2, true, two);
    attach(PLAIN, S1, false, plain);
    end_server(S1);
    expect(SHARED, "in-use", 1);
    expect(PLAIN, "available", 0);
    assert_int_equal(number("SELECT count(*) FROM task"), 0);
    end_server(S2);
    expect(SHARED, "deleting", 0);
    assert_int_equal(number("SELECT count(*) FROM task WHERE kind = 'volume.delete' AND object_id = '" SHARED "'"), 1);
}

/* --- at once ---------------------------------------------------------------------------------------------------------------- */

struct ender {
    const char *attachment;
    int rc;
};

static void *end_elsewhere(void *arg)
{
    struct ender *ender = arg;
    AUTO(kn_db) struct kn_db *on = kn_db_new(url, "ender");
    AUTO_TX struct kn_tx tx = { NULL };
    struct kn_error err = { 0 };

    ender->rc = kn_tx_begin(&tx, on, &err) < 0 ||
                        write_end(on, "server.detach_volume", true, SHARED, ender->attachment, &err) < 0 ||
                        kn_tx_commit(&tx, &err) < 0
                    ? -1
                    : 0;
    return NULL;
}

/* Two servers let go of a volume in two transactions at once: neither takes the other's attachment for one that stays. */
static void test_two_that_end_at_once(void **state)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;
    AUTO(kn_db) struct kn_db *first = kn_db_new(url, "first");
    struct kn_error err = { 0 };
    char one[KN_UUID_SIZE], two[KN_UUID_SIZE], same[KN_UUID_SIZE];
    struct ender ender = { .attachment = two };
    struct kn_tx tx = { NULL };
    pthread_t thread;

    (void)state;
    attach(SHARED, S1, false, one);
    attach(SHARED, S2, false, two);
    assert_ok(begin_detach(SHARED, S1, same, &err), &err);
    assert_ok(begin_detach(SHARED, S2, same, &err), &err);
    assert_ok(kn_tx_begin(&tx, first, &err), &err);
    assert_ok(write_end(first, "server.detach_volume", true, SHARED, one, &err), &err);
    assert_int_equal(pthread_create(&thread, NULL, end_elsewhere, &ender), 0);
    while (
        number("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'ender' AND wait_event_type = 'Lock'") ==
        0) {
        assert_true(kn_mono_ms() < deadline);
    }
    assert_ok(kn_tx_commit(&tx, &err), &err);
    pthread_join(thread, NULL);
    assert_int_equal(ender.rc, 0);
    expect(SHARED, "available", 0);
    expect_sound();
}

/* The audit says so when a status and its attachments disagree. */
static void test_the_audit_sees_a_status_that_does_not_follow(void **state)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const struct kn_conductor_promise *promise = kn_conductor_promises_storage;
    struct kn_error err = { 0 };
    char one[KN_UUID_SIZE], two[KN_UUID_SIZE];

    (void)state;
    attach(SHARED, S1, false, one);
    attach(SHARED, S2, false, two);
    assert_ok(kn_db_script(db, "UPDATE volume SET status = 'available' WHERE id = '" SHARED "'", &err), &err);
    while (strcmp(promise->promise, "5. a volume in use has its attachment, any other has none") != 0) {
        promise++;
    }
    assert_ok(kn_db_query(db, promise->sql, 0, KN_NO_ARGS, &rows, &err), &err);
    assert_int_equal(kn_rows_count(rows), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_plain_volume_is_one_servers, setup),
        cmocka_unit_test_setup(test_a_shared_volume_is_many_servers, setup),
        cmocka_unit_test_setup(test_a_servers_end_leaves_the_others, setup),
        cmocka_unit_test_setup(test_two_that_end_at_once, setup),
        cmocka_unit_test_setup(test_the_audit_sees_a_status_that_does_not_follow, setup),
    };

    return cmocka_run_group_tests_name("it/attachments", tests, group_setup, group_teardown);
}
