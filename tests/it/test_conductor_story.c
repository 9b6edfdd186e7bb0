/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a task's row tells of how it went: its steps, written with the move that ended them, exactly once; what a conductor that takes it over finds again
 * although the task's row has no copy of it; and what a conductor of the release before wrote elsewhere.
 */
#include "tests/support/test.h"

#include <string.h>

#include "conductor/flows/context.h"
#include "conductor/store/store.h"
#include "lib/adapter/migrate.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/domain/form.h"
#include "lib/domain/message.h"
#include "tests/support/conductor_rows.h"

#define PLACED "{\"host\": \"h1\", \"agent\": \"a1\", \"zone\": \"east\"}"
#define NICS "{\"nics\": [{\"port\": \"" SERVER "\"}]}"

static struct kn_error err;

static int64_t story_task(struct kn_db *db)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_FREE char *sql = kn_asprintf(
        "INSERT INTO agent (id, boot) VALUES ('a1', 'b') ON CONFLICT DO NOTHING;"
        "INSERT INTO host (name, uuid, agent_id, zone, vcpus, memory_mib, disk_gib, cpu_ratio_percent, hypervisor_type, hypervisor_version) "
        "VALUES ('h1', gen_random_uuid(), 'a1', 'east', 8, 8192, 100, 100, 'sim', 1) ON CONFLICT DO NOTHING;"
        "INSERT INTO task (kind, shard, object_id, project_id, user_id, request_id, input) VALUES ('server.create', %d, '" SERVER
        "', 'p', 'u', 'req-x', '{\"requests\": [{\"network\": \"" SERVER "\"}]}')",
        kn_shard_of(SERVER));

    assert_ok(kn_db_script(db, sql, &err), &err);
    assert_ok(kn_db_query(db, "SELECT max(id) FROM task", 0, KN_NO_ARGS, &rows, &err), &err);
    return kn_rows_int(rows, 0, 0);
}

static struct kn_conductor_shards story_conductor(struct kn_db *db)
{
    struct kn_conductor_shards shards;

    assert_ok(kn_db_script(
                  db,
                  "INSERT INTO service (id, binary_name, host, boot) VALUES ('one', 'kilonova-conductor', 'one', 'b')",
                  &err),
              &err);
    kn_conductor_shards_init(&shards, "one", SERVER, 60000);
    assert_ok(kn_conductor_shards_renew(&shards, db, &err), &err);
    return shards;
}

static struct kn_conductor_task *story_admit(struct kn_db *db, const struct kn_conductor_shards *shards, int64_t id)
{
    AUTO_RELEASE(kn_conductor_admission) struct kn_conductor_admission admission = { 0 };
    struct kn_conductor_task *task;

    assert_ok(kn_conductor_store_admit(db, shards, &id, 1, &admission, &err), &err);
    assert_int_equal(admission.task_count, 1);
    task = admission.tasks[0];
    admission.task_count = 0;
    kn_conductor_engine_plan(task);
    return task;
}

/* All parts of its row are answered, as far as it asks for something; the first one so. */
static void story_answered(struct kn_conductor_task *task)
{
    for (int i = 0; i < task->part_count; i++) {
        const char *name = task->parts[i].type->name;
        json_t *answer = json_loads(strcmp(name, "place.claim") == 0     ? PLACED
                                    : strcmp(name, "port.allocate") == 0 ? NICS
                                                                         : "{\"power_state\": 1}",
                                    0, NULL);
        struct kn_message reply = { .type = task->parts[i].type,
                                    .task = task->id,
                                    .part = i,
                                    .attempt = task->attempt,
                                    .generation = task->home.generation,
                                    .is_reply = true,
                                    .ok = true,
                                    .result = answer };

        task->parts[i].state = KN_PART_SENT;
        task->parts[i].sent_at_us = kn_now_us();
        kn_conductor_engine_reply(task, &reply);
        json_decref(answer);
    }
}

static struct kn_conductor_move story_move(struct kn_conductor_task *task, bool failed)
{
    struct kn_conductor_move move = { .task = task, .from_attempt = task->attempt, .change = KN_CHANGE_INIT };

    move.records = kn_realloc_array(NULL, (size_t)task->part_count + 1, sizeof(*move.records));
    kn_conductor_engine_advance(task, failed, 3, &move.change, move.records, &move.record_count);
    return move;
}

static void assert_steps(struct kn_db *db, const char *wanted)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    json_t *steps, *step;
    size_t i;

    assert_ok(kn_db_query(db,
                          "SELECT steps, (SELECT string_agg(s->>'name' || ' ' || (s->>'state'), ', ' ORDER BY n) "
                          "FROM jsonb_array_elements(steps) WITH ORDINALITY e(s, n)) FROM task",
                          0, KN_NO_ARGS, &rows, &err),
              &err);
    assert_string_equal(kn_rows_text(rows, 0, 1), wanted);
    steps = json_loads(kn_rows_text(rows, 0, 0), 0, NULL);
    json_array_foreach (steps, i, step) {
        assert_ok(kn_form_check(&kn_form_step, step, "step", &err), &err);
        assert_true(kn_json_int(step, "began_us") <= kn_json_int(step, "ended_us"));
    }
    json_decref(steps);
}

static void test_steps_are_told_with_their_move(void **state)
{
    struct kn_db *db = *state;
    const int64_t id = story_task(db);
    struct kn_conductor_shards shards = story_conductor(db);
    AUTO(kn_conductor_task) struct kn_conductor_task *first = story_admit(db, &shards, id);
    AUTO(kn_conductor_task) struct kn_conductor_task *twin = story_admit(db, &shards, id);
    struct kn_conductor_move moves[2];

    story_answered(first);
    story_answered(twin);
    moves[0] = story_move(first, false);
    moves[1] = story_move(twin, false);
    assert_ok(kn_conductor_store_write(db, &shards, &moves[0], 1, 120, 30, &err), &err);
    assert_steps(db, "place.claim done, port.allocate done");
    assert_ok(kn_conductor_store_write(db, &shards, &moves[1], 1, 120, 30, &err), &err); /* somebody was faster */
    assert_false(moves[1].applied);
    assert_steps(db, "place.claim done, port.allocate done");
    kn_conductor_move_release(&moves[0]);
    kn_conductor_move_release(&moves[1]);
}

/* A conductor that was killed right behind the commit: who takes over knows what stands in the server's row, and the story goes on. */
static void test_what_the_server_has_is_found_again(void **state)
{
    struct kn_db *db = *state;
    const int64_t id = story_task(db);
    struct kn_conductor_shards shards = story_conductor(db);
    AUTO(kn_conductor_task) struct kn_conductor_task *killed = story_admit(db, &shards, id);
    AUTO(kn_conductor_task) struct kn_conductor_task *task = NULL;
    struct kn_conductor_move move;

    story_answered(killed);
    move = story_move(killed, false);
    assert_ok(kn_conductor_store_write(db, &shards, &move, 1, 120, 30, &err), &err);
    kn_conductor_move_release(&move);
    assert_int_equal(row_number(db, "SELECT count(*) FROM task WHERE context ?| '{nics,zone}'"), 0);

    task = story_admit(db, &shards, id);
    assert_int_equal(task->step, 1);
    assert_int_equal(json_array_size(kn_conductor_found(task, "nics")), 1);
    assert_string_equal(kn_conductor_found_str(task, "zone"), "east");
    assert_string_equal(task->home.host, "h1");
    story_answered(task);
    move = story_move(task, false);
    assert_ok(kn_conductor_store_write(db, &shards, &move, 1, 120, 30, &err), &err);
    kn_conductor_move_release(&move);
    assert_steps(db, "place.claim done, port.allocate done, server.spawn done, port.bind done");
    assert_int_equal(row_number(db, "SELECT count(*) FROM task WHERE state = 'done' AND context = '{}'"), 1);
}

/* Another try remembers the hosts that failed, also when it is over. */
static void test_a_failure_is_told_with_its_reason(void **state)
{
    struct kn_db *db = *state;
    const int64_t id = story_task(db);
    struct kn_conductor_shards shards = story_conductor(db);
    AUTO(kn_conductor_task) struct kn_conductor_task *task = story_admit(db, &shards, id);
    struct kn_conductor_move move;

    story_answered(task);
    move = story_move(task, false);
    assert_ok(kn_conductor_store_write(db, &shards, &move, 1, 120, 30, &err), &err);
    kn_conductor_move_release(&move);
    kn_fail(&task->error, KN_INTERNAL, "no disk");
    move = story_move(task, true);
    assert_ok(kn_conductor_store_write(db, &shards, &move, 1, 120, 30, &err), &err);
    kn_conductor_move_release(&move);
    assert_steps(db, "place.claim done, port.allocate done, server.spawn failed, port.bind failed");
    assert_int_equal(row_number(db, "SELECT count(*) FROM task WHERE steps->2->'error'->>'message' = 'no disk' "
                                    "AND steps->2->>'host' = 'h1' AND NOT steps->0 ? 'error'"),
                     1);
}

/* Whoever reads that a volume's creation failed reads why: both are written at once, and once. */
static void test_the_owner_of_a_volume_is_told(void **state)
{
#define LOST "99999999-9999-4999-8999-999999999999"
    struct kn_db *db = *state;
    AUTO_FREE char *wish =
        kn_asprintf("INSERT INTO volume (id, project_id, user_id, size_gib, status) VALUES ('" LOST
                    "', 'p', 'u', 1, 'creating'); "
                    "INSERT INTO task (kind, shard, object_id, project_id, user_id, request_id, input) VALUES "
                    "('volume.create', %d, '" LOST "', 'p', 'u', 'req-x', '{\"size_gib\": 1}')",
                    kn_shard_of(LOST));

    assert_ok(kn_db_script(db, wish, &err), &err);
    struct kn_conductor_shards shards = story_conductor(db);
    AUTO(kn_conductor_task)
    struct kn_conductor_task *task = story_admit(db, &shards,
                                                 row_number(db, "SELECT id FROM task WHERE kind = 'volume.create'"));
    struct kn_conductor_move move = { .task = task, .from_attempt = task->attempt, .change = KN_CHANGE_INIT };

    task->state = KN_TASK_FAILED;
    task->attempt++;
    kn_fail(&task->error, KN_NO_VALID_HOST, "no back end has room");
    kn_conductor_change_set(&move.change, task->flow->object, LOST, "status", "error");
    for (int i = 0; i < 2; i++) {
        assert_ok(kn_conductor_store_write(db, &shards, &move, 1, 120, 30, &err), &err);
        assert_int_equal(row_number(db, "SELECT count(*) FROM volume WHERE status = 'error'"), 1);
        assert_int_equal(row_number(db, "SELECT count(*) FROM volume_message"), 1);
    }
    assert_int_equal(
        row_number(db,
                   "SELECT count(*) FROM volume_message m JOIN task t ON t.id = m.task_id WHERE m.project_id = 'p' AND "
                   "m.resource_uuid = '" LOST
                   "' AND m.kind = 'volume.create' AND m.action = '001' AND m.detail = '003' AND "
                   "m.expires_at = m.created_at + interval '30 days'"),
        1);
    kn_conductor_move_release(&move);
}

static void test_steps_of_the_release_before(void **state)
{
    AUTO_FREE char *old = kn_test_pg_database(conductor_rows_pg, "steps");
    AUTO(kn_db) struct kn_db *db = kn_db_new(old, "test");
    int before = 0;

    (void)state;
    while (strstr(kn_migrations[before].name, "task_story") == NULL) {
        before++;
    }
    assert_ok(kn_migrate(db, kn_migrations, before, NULL, &err), &err);
    assert_ok(
        kn_db_script(
            db,
            "INSERT INTO task (kind, shard, object_id, project_id, user_id, request_id, context) VALUES "
            "('server.stop', 0, '" SERVER "', 'p', 'u', 'req-x', '{\"steps\": 2, \"tries\": 1}');"
            "INSERT INTO task_step (task_id, n, name, state, started_at, finished_at, host, error) VALUES "
            "(1, 1, 'b', 'failed', '2026-01-01 00:00:01Z', '2026-01-01 00:00:02.5Z', 'h1', '{\"code\": \"KN_INTERNAL\"}'),"
            "(1, 0, 'a', 'done', '2026-01-01 00:00:00Z', '2026-01-01 00:00:01Z', NULL, NULL)",
            &err),
        &err);
    assert_ok(kn_migrate(db, kn_migrations, kn_migrations_count, NULL, &err), &err);
    assert_steps(db, "a done, b failed");
    assert_int_equal(
        row_number(
            db,
            "SELECT count(*) FROM task WHERE context = '{\"tries\": 1}' AND NOT steps->0 ?| '{host,error}' AND "
            "steps->1->>'host' = 'h1' AND (steps->1->>'ended_us')::bigint - (steps->1->>'began_us')::bigint = 1500000"),
        1);
    /* Its successor has not taken over yet. */
    assert_ok(
        kn_db_script(
            db,
            "INSERT INTO task_step (task_id, n, name, state, started_at, finished_at) VALUES (1, 2, 'c', 'undone', now(), now()) "
            "ON CONFLICT DO NOTHING",
            &err),
        &err);
    assert_steps(db, "a done, b failed, c undone");
    assert_int_equal(row_number(db, "SELECT count(*) FROM task_step"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_owner_of_a_volume_is_told, conductor_rows_setup,
                                        conductor_rows_teardown),
        cmocka_unit_test_setup_teardown(test_steps_are_told_with_their_move, conductor_rows_setup,
                                        conductor_rows_teardown),
        cmocka_unit_test_setup_teardown(test_what_the_server_has_is_found_again, conductor_rows_setup,
                                        conductor_rows_teardown),
        cmocka_unit_test_setup_teardown(test_a_failure_is_told_with_its_reason, conductor_rows_setup,
                                        conductor_rows_teardown),
        cmocka_unit_test(test_steps_of_the_release_before),
    };

    return cmocka_run_group_tests_name("it/conductor_story", tests, conductor_rows_start, conductor_rows_stop);
}
