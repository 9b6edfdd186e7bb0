/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes and the records that they are of, as values: the statement that is made from a table, letter by letter, what the lines of a flow become, and
 * that a column which no record declares is found before a conductor does anything. That the statements run is tests/it/test_conductor_change.c's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "conductor/engine/engine.h"
#include "conductor/store/change.h"
#include "conductor/flows/flow.h"
#include "conductor/store/task.h"
#include "lib/base/mem.h"

#define SERVER "11111111-1111-4111-8111-111111111111"
#define VOLUME "22222222-2222-4222-8222-222222222222"
#define NEW_VOLUME "44444444-4444-4444-8444-444444444444"
#define NEW_ATTACHMENT "55555555-5555-4555-8555-555555555555"
#define ATTACHMENT "33333333-3333-4333-8333-333333333333"

static void test_the_statement_is_made_from_the_table(void **state)
{
    const struct kn_batch_stmt *stmt = kn_conductor_record_stmt(&kn_conductor_record_attachment);

    (void)state;
    assert_string_equal(stmt->name, "change_attachment");
    assert_string_equal(
        stmt->sql,
        "UPDATE attachment t SET "
        "status = CASE WHEN (u.mask & 1) <> 0 THEN u.status ELSE t.status END, "
        "device = CASE WHEN (u.mask & 2) <> 0 THEN u.device ELSE t.device END, "
        "connection = CASE WHEN (u.mask & 4) <> 0 THEN u.connection ELSE t.connection END, "
        "boot_index = CASE WHEN (u.mask & 8) <> 0 THEN u.boot_index ELSE t.boot_index END, "
        "attached_at = CASE WHEN (u.mask & 16) <> 0 THEN coalesce(t.attached_at, u.attached_at) ELSE t.attached_at END "
        "FROM @ WHERE t.id = u.id");
    assert_string_equal(stmt->columns[0].name, "id");
    assert_string_equal(stmt->columns[1].name, "mask");
    assert_string_equal(stmt->columns[4].name, "connection");
    assert_string_equal(stmt->columns[4].type, "jsonb");
    assert_null(stmt->columns[8].name);
    assert_ptr_equal(kn_conductor_record_stmt(&kn_conductor_record_attachment), stmt);
}

static void test_guard_and_always_stand_in_it(void **state)
{
    const char *sql = kn_conductor_record_stmt(&kn_conductor_record_server)->sql;

    (void)state;
    assert_non_null(strstr(
        sql,
        "generation = CASE WHEN (u.mask & 1) <> 0 THEN greatest(t.generation, u.generation) ELSE t.generation END, "));
    assert_non_null(
        strstr(sql, " ELSE t.fault END, updated_at = now() FROM @ WHERE t.id = u.id AND t.vm_state <> 'deleted'"));
    for (int i = 0; i < KN_RECORDS; i++) {
        assert_non_null(kn_conductor_record_stmt(kn_conductor_records[i])->sql);
    }
}

static void test_what_is_loaded_is_made_from_the_table(void **state)
{
    const struct kn_stmt *load = kn_conductor_record_load(&kn_conductor_record_server);
    const char *start =
        "SELECT t.id, json_build_object('generation', t.generation, 'host', t.host, 'agent', h.agent_id, ";
    const char *end = ") FROM server t LEFT JOIN host h ON h.name = t.host WHERE t.id = ANY($1::uuid[])";

    (void)state;
    assert_string_equal(load->name, "load_server");
    assert_int_equal(load->params, 1);
    assert_int_equal(strncmp(load->sql, start, strlen(start)), 0);
    assert_string_equal(load->sql + strlen(load->sql) - strlen(end), end);
    assert_ptr_equal(kn_conductor_record_load(&kn_conductor_record_server), load);
    assert_null(
        kn_conductor_record_load(&kn_conductor_record_volume)); /* what is asked of a volume stands in its tasks */
    assert_non_null(kn_conductor_record_knows(&kn_conductor_record_server, "hostname"));
    assert_null(kn_conductor_record_knows(&kn_conductor_record_server, "key_data"));
}

static const char *value(const struct kn_conductor_change *change, const struct kn_conductor_record *record,
                         const char *id, const char *column)
{
    const struct kn_conductor_change_row *row = kn_conductor_change_row(change, record, id);
    int at = kn_conductor_record_column(record, column);

    assert_non_null(row);
    assert_true(at >= 0);
    return (row->mask & UINT32_C(1) << at) == 0 ? "(kept)" : row->values[at] == NULL ? "(none)" : row->values[at];
}

static void test_the_last_word_of_a_column_holds(void **state)
{
    struct kn_conductor_change change = KN_CHANGE_INIT;
    json_t *nics = json_loads("[{\"mac\": \"m\"}]", 0, NULL);

    (void)state;
    kn_conductor_change_set(&change, &kn_conductor_record_server, SERVER, "vm_state", "active");
    kn_conductor_change_set(&change, &kn_conductor_record_server, SERVER, "vm_state", "error");
    kn_conductor_change_set(&change, &kn_conductor_record_server, SERVER, "host", NULL);
    kn_conductor_change_set_int(&change, &kn_conductor_record_server, SERVER, "generation", 3);
    kn_conductor_change_set_json(&change, &kn_conductor_record_server, SERVER, "nics", nics);
    kn_conductor_change_set(&change, &kn_conductor_record_volume, VOLUME, "status", "in-use");
    assert_int_equal(change.count, 2);
    assert_string_equal(value(&change, &kn_conductor_record_server, SERVER, "vm_state"), "error");
    assert_string_equal(value(&change, &kn_conductor_record_server, SERVER, "host"), "(none)");
    assert_string_equal(value(&change, &kn_conductor_record_server, SERVER, "generation"), "3");
    assert_string_equal(value(&change, &kn_conductor_record_server, SERVER, "nics"), "[{\"mac\":\"m\"}]");
    assert_string_equal(value(&change, &kn_conductor_record_server, SERVER, "zone"), "(kept)");
    assert_string_equal(value(&change, &kn_conductor_record_volume, VOLUME, "status"), "in-use");
    assert_null(kn_conductor_change_row(&change, &kn_conductor_record_volume, SERVER));
    kn_conductor_change_release(&change);
    assert_int_equal(change.count, 0);
    json_decref(nics);
}

static void test_what_a_flow_says_becomes_a_change(void **state)
{
    struct kn_conductor_task task = { .flow = kn_conductor_flow("server.attach_volume"), .object_id = SERVER };
    struct kn_conductor_change change = KN_CHANGE_INIT;

    (void)state;
    task.input = json_pack("{s:s, s:s}", "volume", VOLUME, "attachment", ATTACHMENT);
    task.context = json_pack("{s:s}", "device", "/dev/vdb"); /* no connection was found: the column stays */
    kn_conductor_change_becomes(&change, task.flow->done, &task);
    assert_string_equal(value(&change, &kn_conductor_record_volume, VOLUME, "status"),
                        "(none)"); /* as its attachments say */
    assert_string_equal(value(&change, &kn_conductor_record_attachment, ATTACHMENT, "status"), "attached");
    assert_string_equal(value(&change, &kn_conductor_record_attachment, ATTACHMENT, "device"), "/dev/vdb");
    assert_string_equal(value(&change, &kn_conductor_record_attachment, ATTACHMENT, "connection"), "(kept)");
    kn_conductor_change_release(&change);
    kn_conductor_change_becomes(&change, task.flow->failed, &task);
    assert_true(kn_conductor_change_row(&change, &kn_conductor_record_attachment, ATTACHMENT)->ends);
    assert_string_equal(value(&change, &kn_conductor_record_volume, VOLUME, "status"), "(none)");
    kn_conductor_change_release(&change);
    json_decref(task.input);
    json_decref(task.context);
}

/* What a record says that was not found to be true keeps nothing. */
static void test_an_import_that_failed_builds_on_nothing(void **state)
{
    struct kn_conductor_task task = { .flow = kn_conductor_flow("backup.import"), .object_id = VOLUME };
    struct kn_conductor_change change = KN_CHANGE_INIT;

    (void)state;
    kn_fail(&task.error, KN_GONE, "it has lost a chunk");
    kn_conductor_change_becomes(&change, task.flow->failed, &task);
    assert_string_equal(value(&change, &kn_conductor_record_backup, VOLUME, "status"), "error");
    assert_string_equal(value(&change, &kn_conductor_record_backup, VOLUME, "parent_id"), "(none)");
    kn_conductor_change_release(&change);
}

/* The host was asked to take a swap back and did not: both volumes stay the server's, and the new one connected, for nobody knows which of them the guest has. */
static void test_what_was_perhaps_swapped_is_nobody_elses(void **state)
{
    struct kn_conductor_task task = {
        .flow = kn_conductor_flow("server.swap_volume"), .object_id = SERVER, .state = KN_TASK_UNDO, .step = 1
    };
    struct kn_conductor_change change = KN_CHANGE_INIT;
    struct kn_conductor_step_record records[KN_ROW_PARTS];
    struct kn_error why = { 0 };
    int count = 0;

    (void)state;
    kn_fail(&task.error, KN_CONFLICT, "no");
    task.input = json_pack("{s:s, s:s, s:s, s:s}", "volume", VOLUME, "attachment", ATTACHMENT, "to", NEW_VOLUME,
                           "to_attachment", NEW_ATTACHMENT);
    task.context = json_pack("{s:{}, s:[s]}", "connection", "not_undone", "server.swap_volume: no answer");
    task.object = json_object();
    kn_conductor_engine_advance(&task, false, 1, &change, records, &count);
    assert_int_equal(task.state, KN_TASK_FAILED); /* nobody was told to disconnect anything */
    assert_null(kn_conductor_change_row(&change, &kn_conductor_record_attachment, ATTACHMENT));
    assert_null(kn_conductor_change_row(&change, &kn_conductor_record_attachment, NEW_ATTACHMENT));
    assert_null(kn_conductor_change_row(&change, &kn_conductor_record_attachment_unused, NEW_ATTACHMENT));
    assert_string_equal(value(&change, &kn_conductor_record_server, SERVER, "vm_state"), "error");
    kn_conductor_change_release(&change);

    task.state = KN_TASK_RUN; /* it was swapped, and the rows cannot say it */
    task.step = 2;
    json_object_del(task.context, "not_undone");
    json_object_set_new(task.context, "device", json_string("/dev/vdb"));
    kn_fail(&why, KN_CONFLICT, "a constraint");
    kn_conductor_engine_unwritable(&task, false, &why, &change);
    assert_int_equal(task.state, KN_TASK_FAILED);
    assert_null(kn_conductor_change_row(&change, &kn_conductor_record_attachment, ATTACHMENT));
    assert_null(kn_conductor_change_row(&change, &kn_conductor_record_attachment_unused, NEW_ATTACHMENT));
    assert_string_equal(value(&change, &kn_conductor_record_server, SERVER, "vm_state"), "error");
    kn_conductor_change_release(&change);
    change = (struct kn_conductor_change)KN_CHANGE_INIT;
    json_object_del(task.context, "device");

    task.state = KN_TASK_UNDO; /* the same, taken back */
    task.step = 1;
    json_object_del(task.context, "not_undone");
    kn_conductor_engine_advance(&task, false, 1, &change, records, &count);
    assert_int_equal(task.state, KN_TASK_UNDO);
    assert_string_equal(task.parts[0].type->name, "volume.disconnect");
    kn_conductor_engine_advance(&task, false, 1, &change, records, &count);
    assert_int_equal(task.state, KN_TASK_FAILED);
    assert_string_equal(value(&change, &kn_conductor_record_attachment, ATTACHMENT, "status"), "attached");
    assert_true(kn_conductor_change_row(&change, &kn_conductor_record_attachment_unused, NEW_ATTACHMENT)->ends);
    assert_null(kn_conductor_change_row(&change, &kn_conductor_record_server, SERVER));
    kn_conductor_change_release(&change);
    free(task.parts);
    json_decref(task.input);
    json_decref(task.context);
    json_decref(task.object);
}

static void test_what_no_record_declares_is_refused(void **state)
{
    static const struct kn_conductor_becomes UNKNOWN[] = { KN_SET(kn_conductor_record_server, "vm_state", "x"),
                                                           KN_SET(kn_conductor_record_server, "metadata", "{}"),
                                                           KN_BECOMES_END };
    static const struct kn_conductor_becomes ENDLESS[] = { KN_GOES(kn_conductor_record_image), KN_BECOMES_END };
    const struct kn_conductor_flow broken = { .kind = "server.odd",
                                              .object = &kn_conductor_record_server,
                                              .done = UNKNOWN };
    struct kn_error err = { 0 };

    (void)state;
    assert_int_equal(kn_conductor_flow_check(&broken, &err), -1);
    assert_string_equal(err.message, "flow \"server.odd\": record \"server\" declares no column \"metadata\"");
    kn_error_clear(&err);
    assert_int_equal(kn_conductor_becomes_check(ENDLESS, &err), -1);
    assert_string_equal(err.message, "no task ends a row of \"image\"");
    assert_int_equal(kn_conductor_becomes_check(NULL, &err), 0);
    kn_error_clear(&err);
    if (kn_conductor_flows_check(&err) < 0) {
        fail_msg("%s", err.message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_statement_is_made_from_the_table),
        cmocka_unit_test(test_guard_and_always_stand_in_it),
        cmocka_unit_test(test_what_is_loaded_is_made_from_the_table),
        cmocka_unit_test(test_the_last_word_of_a_column_holds),
        cmocka_unit_test(test_what_a_flow_says_becomes_a_change),
        cmocka_unit_test(test_an_import_that_failed_builds_on_nothing),
        cmocka_unit_test(test_what_was_perhaps_swapped_is_nobody_elses),
        cmocka_unit_test(test_what_no_record_declares_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
