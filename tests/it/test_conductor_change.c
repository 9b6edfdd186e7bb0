/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes on a real database: what the records' tables say of columns and types is so there, a change writes what it says and no more, and what
 * ends together gives back together. How the statements are made is tests/unit/conductor/test_change.c's.
 */
#include "conductor/store/objects.h"
#include "lib/adapter/task.h"
#include "lib/base/mem.h"
#include "tests/support/conductor_rows.h"
#include "tests/support/postgres.h"
#include "tests/support/test.h"

#define FIRST "dddddddd-0000-4000-8000-000000000001"
#define SECOND "dddddddd-0000-4000-8000-000000000002"
#define THIRD "dddddddd-0000-4000-8000-000000000003"
#define NOBODY "eeeeeeee-0000-4000-8000-000000000001"
#define NO_OTHER "eeeeeeee-0000-4000-8000-000000000002"

static void add_host(struct kn_db *db)
{
    struct kn_error err = { 0 };

    assert_ok(
        kn_db_script(
            db,
            "INSERT INTO agent (id, boot) VALUES ('a', 'b') ON CONFLICT DO NOTHING;"
            "INSERT INTO host (name, uuid, agent_id, zone, vcpus, memory_mib, disk_gib, cpu_ratio_percent, hypervisor_type, hypervisor_version) "
            "VALUES ('h', gen_random_uuid(), 'a', 'nova', 4, 4096, 10, 400, 'sim', 1) ON CONFLICT DO NOTHING",
            &err),
        &err);
}

/* What the tables say of columns and types is so in the database, of one row and of many. */
static void test_every_record_can_be_written(void **state)
{
    struct kn_db *db = *state;
    struct kn_error err = { 0 };

    for (int i = 0; i < KN_RECORDS; i++) {
        struct kn_conductor_change one = KN_CHANGE_INIT, two = KN_CHANGE_INIT;
        const struct kn_conductor_change *const changes[] = { &one, &two };

        for (int c = 0; c < kn_conductor_record_column_count(kn_conductor_records[i]); c++) {
            kn_conductor_change_set(&one, kn_conductor_records[i], NOBODY, kn_conductor_records[i]->columns[c].name,
                                    NULL);
            kn_conductor_change_set(&two, kn_conductor_records[i], NO_OTHER, kn_conductor_records[i]->columns[c].name,
                                    NULL);
        }
        for (int count = 1; count <= 2; count++) {
            if (kn_conductor_objects_write(db, changes, count, &err) < 0) {
                fail_msg("record \"%s\": %s", kn_conductor_records[i]->table, err.message);
            }
        }
        kn_conductor_change_release(&one);
        kn_conductor_change_release(&two);
    }
}

static void test_a_change_writes_what_it_says_and_no_more(void **state)
{
    struct kn_db *db = *state;
    struct kn_conductor_change first = KN_CHANGE_INIT, second = KN_CHANGE_INIT;
    const struct kn_conductor_change *const changes[] = { &first, &second };
    struct kn_error err = { 0 };

    add_host(db);
    assert_ok(kn_db_script(db, "UPDATE server SET host = 'h', generation = 7", &err), &err);
    kn_conductor_change_set(&first, &kn_conductor_record_server, SERVER, "vm_state", "error");
    kn_conductor_change_set(&first, &kn_conductor_record_server, SERVER, "host", NULL);
    kn_conductor_change_set_int(&first, &kn_conductor_record_server, SERVER, "generation",
                                3); /* an older one is no news */
    kn_conductor_change_set(&second, &kn_conductor_record_server, SERVER, "vm_state",
                            "active"); /* of the same batch: the later one holds */
    kn_conductor_change_set(&second, &kn_conductor_record_server, SERVER, "launched_at", "now");
    assert_ok(kn_conductor_objects_write(db, changes, 2, &err), &err);
    assert_int_equal(
        row_number(
            db,
            "SELECT count(*) FROM server WHERE vm_state = 'active' AND host IS NULL AND generation = 7 AND task_state = 'scheduling' "
            "AND launched_at > now() - interval '1 minute'"),
        1);
    assert_ok(kn_db_script(db, "UPDATE server SET launched_at = '2026-01-01T00:00:00Z'", &err), &err);
    assert_ok(kn_conductor_objects_write(db, changes, 2, &err), &err);
    assert_int_equal(row_number(db, "SELECT count(*) FROM server WHERE launched_at = '2026-01-01T00:00:00Z'"),
                     1); /* the first time stays */
    kn_conductor_change_end(&second, &kn_conductor_record_server, SERVER);
    assert_ok(kn_conductor_objects_write(db, &changes[1], 1, &err), &err);
    assert_ok(kn_conductor_objects_write(db, changes, 1, &err), &err);
    assert_int_equal(row_number(db, "SELECT count(*) FROM server WHERE vm_state = 'deleted'"),
                     1); /* nothing reaches it any more */
    kn_conductor_change_release(&first);
    kn_conductor_change_release(&second);
}

static void test_volumes_that_end_together_give_back_together(void **state)
{
    struct kn_db *db = *state;
    struct kn_conductor_change change = KN_CHANGE_INIT;
    const struct kn_conductor_change *const changes[] = { &change };
    struct kn_error err = { 0 };

    assert_ok(
        kn_db_script(
            db,
            KN_TEST_EMPTY(
                "volume, quota_usage") "INSERT INTO quota_usage VALUES ('volume', 'p', 'volumes', 3), ('volume', 'p', 'gigabytes', 9);"
                                       "INSERT INTO volume (id, project_id, user_id, size_gib, status) VALUES ('" FIRST
                                       "', 'p', 'u', 2, 'deleting'), "
                                       "('" SECOND "', 'p', 'u', 3, 'deleting'), ('" THIRD
                                       "', 'p', 'u', 4, 'available')",
            &err),
        &err);
    kn_conductor_change_end(&change, &kn_conductor_record_volume, FIRST);
    kn_conductor_change_end(&change, &kn_conductor_record_volume, SECOND);
    for (int i = 0; i < 2; i++) { /* twice is once */
        assert_ok(kn_conductor_objects_write(db, changes, 1, &err), &err);
        assert_int_equal(row_number(db, "SELECT count(*) FROM volume"), 1);
        assert_int_equal(
            row_number(
                db,
                "SELECT sum(used * CASE resource WHEN 'volumes' THEN 100 WHEN 'gigabytes' THEN 1 ELSE 0 END) FROM quota_usage"),
            104);
    }
    kn_conductor_change_release(&change);
}

/* What a task knows of its server is all that its record's table says, and nothing else. */
static void swap_is_under_way(struct kn_db *db)
{
    struct kn_error err = { 0 };

    assert_ok(
        kn_db_script(
            db,
            "DELETE FROM attachment; DELETE FROM volume; INSERT INTO volume (id, project_id, user_id, size_gib, status) VALUES ('" FIRST
            "', 'p', 'u', 1, 'detaching'), ('" SECOND "', 'p', 'u', 1, 'attaching');"
            "INSERT INTO attachment (id, volume_id, server_id, status, device, delete_on_termination) VALUES ('" FIRST
            "', '" FIRST "', '" SERVER "', 'detaching', '/dev/vdb', true), ('" SECOND "', '" SECOND "', '" SERVER
            "', 'attaching', '/dev/vdb', false)",
            &err),
        &err);
}

/* Whether a volume dies with its server is read of the old one's row when the new one takes its place, and of the old one while it has not. */
static void test_what_dies_is_what_is_there(void **state)
{
    struct kn_db *db = *state;
    struct kn_conductor_change change = KN_CHANGE_INIT;
    const struct kn_conductor_change *const changes[] = { &change };
    struct kn_error err = { 0 };

    swap_is_under_way(db);
    kn_conductor_change_end(&change, &kn_conductor_record_attachment_unused, FIRST);
    kn_conductor_change_set(&change, &kn_conductor_record_attachment, SECOND, "status", "attached");
    for (int twice = 0; twice < 2; twice++) {
        assert_ok(kn_conductor_objects_write(db, changes, 1, &err), &err);
        assert_int_equal(
            row_number(db, "SELECT count(*) FROM attachment WHERE status = 'attached' AND delete_on_termination"), 1);
        assert_int_equal(row_number(db, "SELECT count(*) FROM attachment WHERE delete_on_termination"), 1);
        assert_int_equal(row_number(db, "SELECT count(*) FROM attachment WHERE id = '" FIRST "'"), 0);
    }
    kn_conductor_change_release(&change);

    swap_is_under_way(db);
    assert_ok(kn_conductor_volumes_let_go(db, "{" SERVER "}", &err), &err);
    assert_int_equal(row_number(db, "SELECT count(*) FROM volume WHERE id = '" FIRST "' AND status = 'deleting'"), 1);
    assert_int_equal(row_number(db, "SELECT count(*) FROM volume WHERE id = '" SECOND "' AND status = 'available'"), 1);
    assert_int_equal(row_number(db,
                                "SELECT count(*) FROM task WHERE kind = 'volume.delete' AND object_id = '" FIRST "'"),
                     1);
}

static void test_a_server_is_known_as_declared(void **state)
{
    struct kn_conductor_task task = { .flow = kn_conductor_flow("server.stop"), .object_id = SERVER };
    struct kn_conductor_task *const tasks[] = { &task };
    struct kn_error err = { 0 };
    const char *name;
    json_t *value;
    int declared = 0;

    assert_ok(kn_conductor_objects_load(*state, tasks, 1, &err), &err);
    json_object_foreach (task.object, name, value) {
        assert_non_null(kn_conductor_record_knows(&kn_conductor_record_server, name));
    }
    while (kn_conductor_record_server.knows[declared].name != NULL) {
        declared++;
    }
    assert_int_equal(json_object_size(task.object), declared);
    assert_string_equal(kn_json_str(task.object, "hostname"), "a");
    assert_int_equal(kn_json_int(task.object, "vcpus"), 2);
    assert_true(json_is_array(json_object_get(task.object, "volumes")));
    json_decref(task.object);
}

/* The writer is told which name is wrong, and nothing is written. */
static void test_a_wish_that_says_too_little_is_not_written(void **state)
{
    struct kn_db *db = *state;
    json_t *sized = json_loads("{\"size_gib\": 4}", 0, NULL);
    struct kn_task_wish wish = {
        .kind = "volume.create", .object_id = FIRST, .project_id = "p", .user_id = "u", .request_id = "req-x"
    };
    struct kn_error err = { 0 };
    int64_t id = 0;

    assert_int_equal(kn_task_insert(db, &wish, &id, &err), -1);
    assert_string_equal(err.message, "wish \"volume.create\": input: \"size_gib\" is missing");
    kn_error_clear(&err);
    wish.kind = "volume.delete";
    wish.input = sized;
    assert_int_equal(kn_task_insert(db, &wish, &id, &err), -1);
    assert_string_equal(err.message, "wish \"volume.delete\": input: \"size_gib\" is unknown");
    assert_int_equal(row_number(db, "SELECT count(*) FROM task"), 0);
    kn_error_clear(&err);
    wish.kind = "volume.create";
    assert_ok(kn_task_insert(db, &wish, &id, &err), &err);
    assert_int_equal(row_number(db, "SELECT (input->>'size_gib')::int FROM task"), 4);
    json_decref(sized);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_record_can_be_written, conductor_rows_setup,
                                        conductor_rows_teardown),
        cmocka_unit_test_setup_teardown(test_a_change_writes_what_it_says_and_no_more, conductor_rows_setup,
                                        conductor_rows_teardown),
        cmocka_unit_test_setup_teardown(test_volumes_that_end_together_give_back_together, conductor_rows_setup,
                                        conductor_rows_teardown),
        cmocka_unit_test_setup_teardown(test_what_dies_is_what_is_there, conductor_rows_setup, conductor_rows_teardown),
        cmocka_unit_test_setup_teardown(test_a_server_is_known_as_declared, conductor_rows_setup,
                                        conductor_rows_teardown),
        cmocka_unit_test_setup_teardown(test_a_wish_that_says_too_little_is_not_written, conductor_rows_setup,
                                        conductor_rows_teardown),
    };

    return cmocka_run_group_tests(tests, conductor_rows_start, conductor_rows_stop);
}
