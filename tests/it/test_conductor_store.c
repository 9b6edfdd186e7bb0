/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shards, leases and moves on a real database: who may write, and who was too slow. A conductor that was frozen while another took its
 * shard wakes up and must not be able to write one row.
 */
#include "conductor/conductor.h"
#include "conductor/store/objects.h"
#include "conductor/store/store.h"
#include "lib/adapter/migrate.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/domain/wish.h"
#include "tests/support/conductor_rows.h"
#include "tests/support/postgres.h"
#include "tests/support/test.h"

static int64_t add_task(struct kn_db *db, const char *kind)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_FREE char *sql =
        kn_asprintf("INSERT INTO task (kind, shard, object_id, project_id, user_id, request_id, input) VALUES "
                    "('%s', %d, '" SERVER "', 'p', 'u', 'req-x', '{\"requests\": []}') RETURNING id",
                    kind, kn_shard_of(SERVER));
    struct kn_error err = { 0 };

    assert_ok(kn_db_query(db, sql, 0, KN_NO_ARGS, &rows, &err), &err);
    return kn_rows_int(rows, 0, 0);
}

static struct kn_conductor_shards conductor(const char *name)
{
    struct kn_conductor_shards shards;
    char boot[37];

    kn_uuid_make(boot);
    kn_conductor_shards_init(&shards, name, boot, 60000);
    return shards;
}

static int count_mine(const struct kn_conductor_shards *shards)
{
    int n = 0;

    for (int i = 0; i < KN_SHARDS; i++) {
        n += shards->mine[i] ? 1 : 0;
    }
    return n;
}

static void live(struct kn_db *db, const char *name)
{
    AUTO_FREE char *sql =
        kn_asprintf("INSERT INTO service (id, binary_name, host, boot) VALUES ('%s', 'kilonova-conductor', '%s', 'b')",
                    name, name);
    struct kn_error err = { 0 };

    assert_ok(kn_db_script(db, sql, &err), &err);
}

static void test_two_conductors_share(void **state)
{
    struct kn_db *db = *state;
    struct kn_conductor_shards one = conductor("one");
    struct kn_conductor_shards two = conductor("two");
    struct kn_error err = { 0 };

    live(db, "one");
    assert_ok(kn_conductor_shards_renew(&one, db, &err), &err);
    assert_int_equal(count_mine(&one), KN_SHARDS);
    live(db, "two");
    assert_ok(kn_conductor_shards_renew(&two, db, &err), &err); /* nothing is free yet */
    assert_int_equal(count_mine(&two), 0);
    assert_ok(kn_conductor_shards_renew(&one, db, &err), &err); /* gives half up */
    assert_ok(kn_conductor_shards_renew(&two, db, &err), &err);
    assert_int_equal(count_mine(&one), KN_SHARDS / 2);
    assert_int_equal(count_mine(&two), KN_SHARDS / 2);
    for (int i = 0; i < KN_SHARDS; i++) {
        assert_true(one.mine[i] != two.mine[i]);
    }
}

static void test_a_restarted_conductor_takes_its_own_back(void **state)
{
    struct kn_db *db = *state;
    struct kn_conductor_shards before = conductor("one");
    struct kn_conductor_shards after = conductor("one");
    struct kn_error err = { 0 };

    live(db, "one");
    assert_ok(kn_conductor_shards_renew(&before, db, &err), &err);
    assert_ok(kn_conductor_shards_reclaim(&after, db, &err), &err); /* the lease still runs */
    assert_int_equal(count_mine(&after), KN_SHARDS);
    assert_true(after.epoch[0] > before.epoch[0]);
}

/* Two machines with one name: the hung one's leases end although its twin lives. */
static void test_a_twin_does_not_renew_for_the_other(void **state)
{
    struct kn_db *db = *state;
    struct kn_conductor_shards hung = conductor("one");
    struct kn_conductor_shards twin = conductor("one");
    struct kn_error err = { 0 };

    live(db, "one");
    assert_ok(kn_conductor_shards_renew(&hung, db, &err), &err);
    assert_ok(kn_conductor_shards_renew(&twin, db, &err), &err);
    assert_int_equal(count_mine(&twin), 0);
    assert_ok(kn_db_script(db, "UPDATE shard SET lease_until = now() - interval '1 s'", &err), &err);
    assert_ok(kn_conductor_shards_renew(&twin, db, &err), &err);
    assert_int_equal(count_mine(&twin), KN_SHARDS);
    assert_ok(kn_conductor_shards_renew(&hung, db, &err), &err); /* it wakes up and has lost all */
    assert_int_equal(count_mine(&hung), 0);
    assert_int_equal(row_number(db, "SELECT count(DISTINCT owner) FROM shard"), 1);
}

/* The answer of the statement that took them was lost: memory does not know them, and they must not be nobody's for ever. */
static void test_what_was_taken_unknowingly_is_taken_again(void **state)
{
    struct kn_db *db = *state;
    struct kn_conductor_shards one = conductor("one");
    struct kn_error err = { 0 };

    live(db, "one");
    assert_ok(kn_conductor_shards_renew(&one, db, &err), &err);
    one.mine[3] = false;
    one.epoch[4]--;
    assert_ok(kn_conductor_shards_renew(&one, db, &err), &err);
    assert_int_equal(count_mine(&one), KN_SHARDS);
}

static struct kn_conductor_admission admit(struct kn_db *db, const struct kn_conductor_shards *shards, int64_t id)
{
    struct kn_conductor_admission admission = { 0 };
    struct kn_error err = { 0 };

    assert_ok(kn_conductor_store_admit(db, shards, &id, 1, &admission, &err), &err);
    return admission;
}

/* Moves the task to its next row, as if place.claim had been answered. */
static struct kn_conductor_move first_move(struct kn_conductor_task *task)
{
    struct kn_conductor_move move = { .task = task, .from_attempt = task->attempt, .change = KN_CHANGE_INIT };

    kn_conductor_engine_plan(task);
    task->parts[0].state = KN_PART_DONE;
    move.records = kn_realloc_array(NULL, (size_t)task->part_count + 1, sizeof(*move.records));
    kn_conductor_engine_advance(task, false, 3, &move.change, move.records, &move.record_count);
    return move;
}

static void test_a_frozen_conductor_cannot_write(void **state)
{
    struct kn_db *db = *state;
    struct kn_conductor_shards frozen = conductor("one");
    struct kn_conductor_shards other = conductor("two");
    struct kn_conductor_admission admission;
    struct kn_conductor_move move;
    struct kn_error err = { 0 };
    int64_t id = add_task(db, "server.create");

    live(db, "one");
    assert_ok(kn_conductor_shards_renew(&frozen, db, &err), &err);
    admission = admit(db, &frozen, id);
    assert_int_equal(admission.task_count, 1);
    move = first_move(admission.tasks[0]);
    assert_ok(kn_db_script(db, "UPDATE shard SET lease_until = now() - interval '1 s'", &err), &err);
    assert_ok(kn_conductor_shards_renew(&other, db, &err), &err);

    assert_ok(kn_conductor_store_write(db, &frozen, &move, 1, 120, 30, &err), &err);
    assert_false(move.applied);
    assert_int_equal(row_number(db, "SELECT attempt FROM task"), 1);
    assert_int_equal(row_number(db, "SELECT count(*) FROM server WHERE task_state = 'scheduling'"), 1);
    kn_conductor_move_release(&move);
    kn_conductor_admission_release(&admission);
}

static void test_a_move_is_applied_once(void **state)
{
    struct kn_db *db = *state;
    struct kn_conductor_shards shards = conductor("one");
    struct kn_conductor_admission admission;
    struct kn_conductor_admission again;
    struct kn_conductor_move move, late;
    struct kn_error err = { 0 };
    int64_t id = add_task(db, "server.create");

    live(db, "one");
    assert_ok(kn_conductor_shards_renew(&shards, db, &err), &err);
    admission = admit(db, &shards, id);
    again = admit(db, &shards, id);
    move = first_move(admission.tasks[0]);
    late = first_move(again.tasks[0]);
    assert_ok(kn_conductor_store_write(db, &shards, &move, 1, 120, 30, &err), &err);
    assert_true(move.applied);
    assert_int_equal(row_number(db, "SELECT count(*) FROM server WHERE task_state = 'spawning'"), 1);
    assert_ok(kn_conductor_store_write(db, &shards, &late, 1, 120, 30, &err), &err);
    assert_false(late.applied);
    assert_int_equal(row_number(db, "SELECT attempt FROM task"), 2);
    kn_conductor_move_release(&move);
    kn_conductor_move_release(&late);
    kn_conductor_admission_release(&admission);
    kn_conductor_admission_release(&again);
}

static void test_a_deletion_supersedes_what_was_cancelled(void **state)
{
    struct kn_db *db = *state;
    struct kn_conductor_shards shards = conductor("one");
    struct kn_conductor_admission admission;
    struct kn_error err = { 0 };
    int64_t create = add_task(db, "server.create");
    int64_t delete = add_task(db, "server.delete");

    live(db, "one");
    assert_ok(kn_conductor_shards_renew(&shards, db, &err), &err);
    admission = admit(db, &shards, delete); /* not cancelled: it waits */
    assert_int_equal(admission.task_count, 0);
    assert_int_equal(admission.waiting_count, 1);
    assert_int_equal(admission.waiting[0].behind, create);
    kn_conductor_admission_release(&admission);
    assert_ok(kn_db_script(db, "UPDATE task SET cancel = true WHERE kind = 'server.create'", &err), &err);
    admission = admit(db, &shards, delete);
    assert_int_equal(admission.task_count, 1);
    assert_int_equal(row_number(db, "SELECT generation FROM server"), 2);
    assert_int_equal(row_number(db, "SELECT count(*) FROM task WHERE kind = 'server.create' AND state = 'failed'"), 1);
    /* Whoever still has it in memory is told, in the same place. */
    assert_non_null(admission.ended);
    assert_int_equal(kn_rows_count(admission.ended), 1);
    assert_int_equal(kn_rows_int(admission.ended, 0, 0), create);
    kn_conductor_admission_release(&admission);
}

static void test_a_lapsed_lease_is_known_by_the_own_clock(void **state)
{
    struct kn_db *db = *state;
    struct kn_conductor_shards shards = conductor("one");
    struct kn_error err = { 0 };

    live(db, "one");
    assert_true(kn_conductor_shards_lapsed(&shards, kn_boot_ms())); /* nothing was leased yet */
    assert_ok(kn_conductor_shards_renew(&shards, db, &err), &err);
    assert_false(kn_conductor_shards_lapsed(&shards, kn_boot_ms()));
    assert_true(kn_conductor_shards_lapsed(&shards, kn_boot_ms() + shards.lease_ms));
}

/* A row that no release of ours wrote is left alone; the audit names it. */
static void test_a_step_that_no_flow_has_is_left_alone(void **state)
{
    struct kn_db *db = *state;
    struct kn_conductor_shards shards = conductor("steps");
    struct kn_conductor_admission admission;
    struct kn_error err = { 0 };
    int64_t id = add_task(db, "server.stop");
    AUTO_FREE char *beyond = kn_asprintf("UPDATE task SET step = 99 WHERE id = %lld", (long long)id);

    assert_ok(kn_db_script(db, beyond, &err), &err);
    live(db, "steps");
    assert_ok(kn_conductor_shards_renew(&shards, db, &err), &err);
    admission = admit(db, &shards, id);
    assert_int_equal(admission.task_count, 0);
    kn_conductor_admission_release(&admission);
}

static void test_only_what_is_open_is_current(void **state)
{
    struct kn_db *db = *state;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };
    int64_t open = add_task(db, "server.stop");
    int64_t ended = add_task(db, "server.start");
    AUTO_FREE char *ids = kn_asprintf("{%lld,%lld}", (long long)open, (long long)ended);
    AUTO_FREE char *sql = kn_asprintf("UPDATE task SET state = 'failed' WHERE id = %lld", (long long)ended);

    assert_ok(kn_db_script(db, sql, &err), &err);
    assert_ok(kn_conductor_store_current(db, ids, &rows, &err), &err);
    assert_int_equal(kn_rows_count(rows), 1);
    assert_int_equal(kn_rows_int(rows, 0, 0), open);
    assert_int_equal(kn_rows_int(rows, 0, 1), 1);
}

static void test_a_deleted_server_gives_its_usage_back(void **state)
{
    struct kn_db *db = *state;
    struct kn_conductor_change change = KN_CHANGE_INIT;
    const struct kn_conductor_change *const changes[] = { &change };
    struct kn_error err = { 0 };

    kn_conductor_change_end(&change, &kn_conductor_record_server, SERVER);
    assert_ok(kn_conductor_objects_write(db, changes, 1, &err), &err);
    assert_ok(kn_conductor_objects_write(db, changes, 1, &err), &err); /* twice is once */
    kn_conductor_change_release(&change);
    assert_int_equal(row_number(db, "SELECT sum(used) FROM quota_usage WHERE service = 'compute'"), 0);
}

#define DIES "dddddddd-0000-4000-8000-000000000001"
#define STAYS "dddddddd-0000-4000-8000-000000000002"
#define MEMBER "dddddddd-0000-4000-8000-000000000004" /* of a group, with which it goes */
#define LEAVES "dddddddd-0000-4000-8000-000000000003" /* its detachment was accepted: its owner wants it */

/* A server's end and the wish to delete what dies with it are one transaction. */
static void test_volumes_die_with_their_server(void **state)
{
    struct kn_db *db = *state;
    struct kn_conductor_change change = KN_CHANGE_INIT;
    const struct kn_conductor_change *const changes[] = { &change };
    AUTO_FREE char *placed =
        kn_asprintf("SELECT count(*) FROM task WHERE kind = 'volume.delete' AND object_id = '" DIES "' AND shard = %d "
                    "AND project_id = 'p' AND user_id = 'u' AND request_id = 'req-x' AND state = 'run'",
                    kn_shard_of(DIES));
    struct kn_error err = { 0 };

    assert_ok(
        kn_db_script(
            db,
            KN_TEST_EMPTY(
                "volume") "INSERT INTO volume (id, project_id, user_id, size_gib, status) VALUES ('" DIES
                          "', 'p', 'u', 1, 'in-use'), "
                          "('" STAYS "', 'p', 'u', 1, 'in-use'), ('" LEAVES "', 'p', 'u', 1, 'detaching'), ('" MEMBER
                          "', 'p', 'u', 1, 'in-use');"
                          "INSERT INTO volume_group_type (id, name) VALUES ('" MEMBER "', 't');"
                          "INSERT INTO volume_group (id, project_id, user_id, group_type_id, zone, status) VALUES ('" MEMBER
                          "', 'p', 'u', '" MEMBER "', 'nova', 'available');"
                          "UPDATE volume SET group_id = id WHERE id = '" MEMBER "';"
                          "INSERT INTO attachment (id, volume_id, server_id, status, delete_on_termination) VALUES "
                          "(gen_random_uuid(), '" DIES "', '" SERVER "', 'attached', true), (gen_random_uuid(), '" STAYS
                          "', '" SERVER "', 'attached', false), "
                          "(gen_random_uuid(), '" LEAVES "', '" SERVER
                          "', 'detaching', true), (gen_random_uuid(), '" MEMBER "', '" SERVER "', 'attached', true)",
            &err),
        &err);
    add_task(db, "server.delete");
    kn_conductor_change_end(&change, &kn_conductor_record_server, SERVER);
    assert_ok(kn_conductor_objects_write(db, changes, 1, &err), &err);
    assert_ok(kn_conductor_objects_write(db, changes, 1, &err), &err); /* twice is once */
    kn_conductor_change_release(&change);
    assert_int_equal(row_number(db, placed), 1);
    assert_int_equal(row_number(db, "SELECT count(*) FROM task WHERE kind = 'volume.delete'"), 1);
    assert_int_equal(row_number(db, "SELECT count(*) FROM volume WHERE id = '" DIES "' AND status = 'deleting'"), 1);
    assert_int_equal(row_number(db, "SELECT count(*) FROM volume WHERE id IN ('" STAYS "', '" LEAVES "', '" MEMBER
                                    "') AND status = 'available'"),
                     3);
    assert_int_equal(row_number(db, "SELECT count(*) FROM attachment"), 0);
    assert_int_equal(row_number(db, "SELECT used FROM quota_usage WHERE project_id = 'p' AND resource = 'instances'"),
                     0);
}

/* What an agent's list of guests says of SERVER's. */
static void hear_power(struct kn_db *db, int power_state)
{
    static struct kn_conductor c;
    struct kn_error err = { 0 };
    struct kn_message m;

    c.daemon.db = db;
    c.shards.mine[kn_shard_of(SERVER)] = true;
    if (c.said == NULL) {
        c.tasks = kn_hmap_new(NULL);
        c.waiting = kn_hmap_new(NULL);
        c.held = kn_hmap_new(NULL);
        assert_ok(kn_conductor_reports_start(&c, &err), &err);
    }
    kn_message_init(&m, "agent.domains",
                    json_pack("{s:s, s:s, s:[{s:s, s:i, s:i}]}", "agent", "a", "host", "h", "domains", "server", SERVER,
                              "generation", 1, "power_state", power_state));
    assert_ok(kn_conductor_report(&c, &m, &err), &err);
    kn_message_release(&m);
}

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

/* The one wish that is written in SQL alone: it says what is declared, too. */
static void test_a_fence_is_wished_as_declared(void **state)
{
    struct kn_db *db = *state;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };
    json_t *input;

    add_host(db);
    hear_power(db, 1); /* of a server that is not there */
    assert_ok(kn_db_query(db, "SELECT input FROM task WHERE kind = 'server.fence'", 0, KN_NO_ARGS, &rows, &err), &err);
    assert_int_equal(kn_rows_count(rows), 1);
    input = json_loads(kn_rows_text(rows, 0, 0), 0, NULL);
    assert_ok(kn_wish_check("server.fence", input, &err), &err);
    assert_string_equal(kn_json_str(input, "host"), "h");
    json_decref(input);
}

/* A state that an operator set is corrected by what the host says, also when the row's power is right already. */
static void test_a_reset_state_is_corrected_by_the_guest(void **state)
{
    static const struct {
        const char *vm_state;
        int power_state;
        const char *becomes;
    } ROWS[] = {
        { "active", 4, "stopped" },      { "active", 3, "paused" }, { "active", 7, "suspended" },
        { "stopped", 1, "active" },      { "active", 1, "active" }, { "error", 4, "error" },
        { "suspended", 4, "suspended" },
    };
    struct kn_db *db = *state;
    struct kn_error err = { 0 };

    add_host(db);
    for (size_t i = 0; i < KN_COUNT(ROWS); i++) {
        AUTO_FREE char *set = kn_asprintf(
            "UPDATE server SET vm_state = '%s', task_state = NULL, power_state = %d, host = 'h', generation = 1",
            ROWS[i].vm_state, ROWS[i].power_state);
        AUTO_FREE char *is = kn_asprintf("SELECT count(*) FROM server WHERE vm_state = '%s' AND power_state = %d",
                                         ROWS[i].becomes, ROWS[i].power_state);

        assert_ok(kn_db_script(db, set, &err), &err);
        hear_power(db, ROWS[i].power_state);
        assert_int_equal(row_number(db, is), 1);
    }
}

#define HOST(name, agent) \
    "INSERT INTO agent (id, boot) VALUES ('" agent "', 'b') ON CONFLICT DO NOTHING;" \
    "INSERT INTO host (name, uuid, agent_id, zone, vcpus, memory_mib, disk_gib, cpu_ratio_percent, hypervisor_type, hypervisor_version) " \
    "VALUES ('" name "', gen_random_uuid(), '" agent "', 'nova', 4, 4096, 10, 400, 'sim', 1) ON CONFLICT DO NOTHING;"

static void check_place(const struct kn_conductor_place *place, const char *host, const char *agent, int64_t generation)
{
    assert_string_equal(place->host, host);
    assert_string_equal(place->agent, agent);
    assert_int_equal(place->generation, generation);
}

/*
 * A move that is ended by the deletion had claimed a destination of a later generation than the server's. The deletion is above it, and takes it over: both
 * halves are destroyed, also by a conductor that loads the deletion afterwards.
 */
static void test_a_deletion_ends_both_halves_of_a_move(void **state)
{
    struct kn_db *db = *state;
    struct kn_conductor_shards shards = conductor("above");
    struct kn_error err = { 0 };
    int64_t delete;

    add_task(db, "server.create");
    delete = add_task(db, "server.delete");
    assert_ok(
        kn_db_script(
            db,
            HOST("h1", "a1") HOST(
                "h2",
                "a2") "UPDATE server SET host = 'h1'; UPDATE task SET cancel = true, "
                      "dest = '{\"host\": \"h2\", \"agent\": \"a2\", \"generation\": 5}' WHERE kind = 'server.create'",
            &err),
        &err);
    live(db, "above");
    assert_ok(kn_conductor_shards_renew(&shards, db, &err), &err);
    for (int generation = 6; generation < 8; generation++) { /* the second time after a crash before its first move */
        struct kn_conductor_admission admission = admit(db, &shards, delete);
        struct kn_conductor_task *task = admission.tasks[0];
        char topic[KN_TOPIC_SIZE];

        check_place(&task->home, "h1", "a1", generation);
        check_place(&task->dest, "h2", "a2", generation);
        kn_conductor_engine_plan(task);
        assert_int_equal(task->part_count, 2);
        kn_conductor_engine_topic(task, 0, topic);
        assert_string_equal(topic, KN_TOPIC_AGENT "a1");
        kn_conductor_engine_topic(task, 1, topic);
        assert_string_equal(topic, KN_TOPIC_AGENT "a2");
        kn_conductor_admission_release(&admission);
    }
}

/* Both places are in the task's row with the move that found them, and whoever loads it next is told them, not where the server is by then. */
static void test_the_row_keeps_both_places(void **state)
{
    struct kn_db *db = *state;
    struct kn_conductor_shards shards = conductor("places");
    struct kn_conductor_admission admission;
    struct kn_conductor_move move;
    struct kn_error err = { 0 };
    int64_t id = add_task(db, "server.create");

    assert_ok(kn_db_script(db, HOST("h1", "a1") HOST("h2", "a2") "UPDATE server SET host = 'h1', generation = 3", &err),
              &err);
    live(db, "places");
    assert_ok(kn_conductor_shards_renew(&shards, db, &err), &err);
    admission = admit(db, &shards, id);
    check_place(&admission.tasks[0]->home, "h1", "a1", 3);
    check_place(&admission.tasks[0]->dest, "", "", 4);
    admission.tasks[0]->dest = (struct kn_conductor_place){ .host = "h2", .agent = "a2", .generation = 5 };
    move = first_move(admission.tasks[0]);
    assert_ok(kn_conductor_store_write(db, &shards, &move, 1, 120, 30, &err), &err);
    assert_true(move.applied);
    kn_conductor_move_release(&move);
    kn_conductor_admission_release(&admission);
    assert_ok(kn_db_script(db, "UPDATE server SET host = NULL", &err), &err);
    admission = admit(db, &shards, id);
    check_place(&admission.tasks[0]->home, "h1", "a1", 3);
    check_place(&admission.tasks[0]->dest, "h2", "a2", 5);
    kn_conductor_admission_release(&admission);
}

/* A creation that was at its second row and a fence, both written by the release before tasks knew places: they go on where they were told. */
static void test_tasks_in_flight_at_the_upgrade_go_on(void **state)
{
    AUTO_FREE char *old = kn_test_pg_database(conductor_rows_pg, "upgrade");
    AUTO_FREE char *tasks = kn_asprintf(
        "INSERT INTO task (kind, shard, object_id, project_id, user_id, request_id, step, attempt, input, context) VALUES "
        "('server.create', %d, '" SERVER
        "', 'p', 'u', 'req-x', 1, 2, '{\"requests\": []}', '{\"host\": \"h1\", \"agent\": \"a1\", \"zone\": \"z\", \"tries\": 1}'), "
        "('server.fence', %d, '" SERVER
        "', 'p', 'u', 'req-x', 0, 1, '{\"host\": \"h9\", \"agent\": \"a9\", \"generation\": 1}', '{}')",
        kn_shard_of(SERVER), kn_shard_of(SERVER));
    AUTO(kn_db) struct kn_db *db = kn_db_new(old, "test");
    struct kn_conductor_shards shards = conductor("upgrade");
    struct kn_conductor_admission admission;
    struct kn_error err = { 0 };
    char topic[KN_TOPIC_SIZE];
    int before = 0;

    (void)state;
    while (strstr(kn_migrations[before].name, "two_places") == NULL) {
        before++;
    }
    assert_ok(kn_migrate(db, kn_migrations, before, NULL, &err), &err);
    assert_ok(
        kn_db_script(
            db,
            "INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, task_state, generation, flavor, reservation_id) VALUES "
            "('" SERVER
            "', 'p', 'u', 'a', 'a', 'building', 'spawning', 2, '{\"vcpus\": 2, \"memory_mib\": 128, \"disk_gib\": 1}', 'r')",
            &err),
        &err);
    assert_ok(kn_db_script(db, tasks, &err), &err);
    assert_ok(kn_migrate(db, kn_migrations, kn_migrations_count, NULL, &err), &err);
    live(db, "upgrade");
    assert_ok(kn_conductor_shards_renew(&shards, db, &err), &err);
    admission = admit(db, &shards, row_number(db, "SELECT id FROM task WHERE kind = 'server.create'"));
    check_place(&admission.tasks[0]->home, "h1", "a1", 2);
    assert_int_equal(kn_conductor_task_tries(admission.tasks[0]), 1);
    kn_conductor_engine_plan(admission.tasks[0]);
    kn_conductor_engine_topic(admission.tasks[0], 0, topic);
    assert_string_equal(topic, KN_TOPIC_AGENT "a1");
    kn_conductor_admission_release(&admission);
    admission = admit(db, &shards, row_number(db, "SELECT id FROM task WHERE kind = 'server.fence'"));
    check_place(&admission.tasks[0]->home, "h9", "a9", 1);
    kn_conductor_admission_release(&admission);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_two_conductors_share, conductor_rows_setup, conductor_rows_teardown),
        cmocka_unit_test_setup_teardown(test_a_restarted_conductor_takes_its_own_back, conductor_rows_setup,
                                        conductor_rows_teardown),
        cmocka_unit_test_setup_teardown(test_a_twin_does_not_renew_for_the_other, conductor_rows_setup,
                                        conductor_rows_teardown),
        cmocka_unit_test_setup_teardown(test_what_was_taken_unknowingly_is_taken_again, conductor_rows_setup,
                                        conductor_rows_teardown),
        cmocka_unit_test_setup_teardown(test_a_frozen_conductor_cannot_write, conductor_rows_setup,
                                        conductor_rows_teardown),
        cmocka_unit_test_setup_teardown(test_a_move_is_applied_once, conductor_rows_setup, conductor_rows_teardown),
        cmocka_unit_test_setup_teardown(test_a_deletion_supersedes_what_was_cancelled, conductor_rows_setup,
                                        conductor_rows_teardown),
        cmocka_unit_test_setup_teardown(test_a_lapsed_lease_is_known_by_the_own_clock, conductor_rows_setup,
                                        conductor_rows_teardown),
        cmocka_unit_test_setup_teardown(test_a_step_that_no_flow_has_is_left_alone, conductor_rows_setup,
                                        conductor_rows_teardown),
        cmocka_unit_test_setup_teardown(test_only_what_is_open_is_current, conductor_rows_setup,
                                        conductor_rows_teardown),
        cmocka_unit_test_setup_teardown(test_a_deleted_server_gives_its_usage_back, conductor_rows_setup,
                                        conductor_rows_teardown),
        cmocka_unit_test_setup_teardown(test_volumes_die_with_their_server, conductor_rows_setup,
                                        conductor_rows_teardown),
        cmocka_unit_test_setup_teardown(test_a_fence_is_wished_as_declared, conductor_rows_setup,
                                        conductor_rows_teardown),
        cmocka_unit_test_setup_teardown(test_a_reset_state_is_corrected_by_the_guest, conductor_rows_setup,
                                        conductor_rows_teardown),
        cmocka_unit_test_setup_teardown(test_the_row_keeps_both_places, conductor_rows_setup, conductor_rows_teardown),
        cmocka_unit_test_setup_teardown(test_a_deletion_ends_both_halves_of_a_move, conductor_rows_setup,
                                        conductor_rows_teardown),
        cmocka_unit_test_setup_teardown(test_tasks_in_flight_at_the_upgrade_go_on, conductor_rows_setup,
                                        conductor_rows_teardown),
    };

    return cmocka_run_group_tests(tests, conductor_rows_start, conductor_rows_stop);
}
