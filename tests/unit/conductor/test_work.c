/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work that takes long, as the engine sees it: a server.create that stands at [server.spawn, port.bind], and what is said about its parts; and before that, what another was
 * answered.
 */
#include "tests/support/test.h"

#include <string.h>

#include "conductor/engine/engine.h"
#include "conductor/flows/context.h"
#include "lib/base/mem.h"

#define SERVER "11111111-1111-4111-8111-111111111111"
#define NETWORK "22222222-2222-4222-8222-222222222222"
#define MAX_TRIES 3

static int part_named(const struct kn_conductor_task *task, const char *type)
{
    int i = 0;

    while (strcmp(task->parts[i].type->name, type) != 0) {
        assert_true(++i < task->part_count);
    }
    return i;
}

static struct kn_message reply_to(const struct kn_conductor_task *task, const char *type)
{
    return (struct kn_message){ .type = kn_message_type(type),
                                .task = task->id,
                                .step = task->step,
                                .part = part_named(task, type),
                                .attempt = task->attempt,
                                .generation = task->home.generation,
                                .is_reply = true };
}

static void done(struct kn_conductor_task *task, const char *type, const char *result)
{
    struct kn_message reply = reply_to(task, type);

    reply.ok = true;
    reply.result = json_loads(result, 0, NULL);
    task->parts[reply.part].state = KN_PART_SENT;
    kn_conductor_engine_reply(task, &reply);
    json_decref(reply.result);
}

static void move_on(struct kn_conductor_task *task, bool fail)
{
    struct kn_conductor_change change = KN_CHANGE_INIT;
    struct kn_conductor_step_record records[8];
    int count;

    kn_conductor_engine_advance(task, fail, MAX_TRIES, &change, records, &count);
    kn_conductor_change_release(&change);
}

static struct kn_conductor_task *begun(void)
{
    struct kn_conductor_task *task = KN_NEW(struct kn_conductor_task);
    struct kn_conductor_change change = KN_CHANGE_INIT;

    task->id = 7;
    task->flow = kn_conductor_flow("server.create");
    kn_copy(task->object_id, sizeof(task->object_id), SERVER);
    task->attempt = 1;
    task->input = json_loads("{\"requests\": [{\"network\": \"" NETWORK "\"}]}", 0, NULL);
    task->context = json_object();
    task->object = json_loads(
        "{\"generation\": 1, \"name\": \"a\", \"hostname\": \"a\", \"project\": \"p\", \"user\": \"u\", \"vcpus\": 1,"
        " \"memory_mib\": 128, \"disk_gib\": 1, \"image_id\": \"" NETWORK "\", \"metadata\": {}, \"nics\": [],"
        " \"volumes\": [], \"zone\": \"nova\", \"created_at\": \"2026-01-01T00:00:00Z\"}",
        0, NULL);
    kn_conductor_task_settle(task);
    kn_conductor_engine_admit(task, MAX_TRIES, &change);
    kn_conductor_change_release(&change);
    return task;
}

static struct kn_conductor_task *spawning(void)
{
    struct kn_conductor_task *task = begun();

    done(task, "place.claim", "{\"host\": \"h1\", \"agent\": \"a-h1\", \"zone\": \"nova\"}");
    done(task, "image.locate", "{\"url\": \"u\"}");
    done(task, "port.allocate", "{\"nics\": [{\"mac\": \"m\"}]}");
    move_on(task, false);
    return task;
}

static struct kn_message working_on(const struct kn_conductor_task *task, const char *type, int percent)
{
    struct kn_message m = reply_to(task, type);

    m.type = kn_message_type("working");
    m.is_reply = false;
    m.body = json_pack("{s:s, s:i, s:s}", "command", type, "percent", percent, "detail", "");
    return m;
}

static bool may_share(const struct kn_conductor_task *task, const char *type)
{
    return kn_conductor_engine_may_share(task, part_named(task, type));
}

/* An answer that is anybody's does for a part, but never as the last word of a row, nor for a task that tries again. */
static void test_what_is_anybodys_answers_a_part(void **state)
{
    struct kn_conductor_task *task = begun();
    json_auto_t *answer = json_pack("{s:s}", "url", "other's");

    (void)state;
    assert_false(may_share(task, "place.claim"));
    assert_false(may_share(task, "port.allocate"));
    assert_true(may_share(task, "image.locate"));
    kn_conductor_engine_share(task, part_named(task, "image.locate"), answer);
    assert_string_equal(kn_json_str(kn_conductor_found(task, "image"), "url"), "other's");
    assert_int_equal(task->parts[part_named(task, "image.locate")].state, KN_PART_DONE);
    kn_conductor_task_free(task);

    task = begun();
    done(task, "place.claim", "{\"host\": \"h1\", \"agent\": \"a-h1\", \"zone\": \"nova\"}");
    assert_true(may_share(task, "image.locate"));
    done(task, "port.allocate", "{\"nics\": [{\"mac\": \"m\"}]}");
    assert_false(may_share(task, "image.locate"));
    kn_conductor_task_free(task);

    task = spawning();
    task->elsewhere = true;
    move_on(task, true);
    done(task, "server.destroy", "{}");
    move_on(task, false);
    assert_int_equal(task->step, 0);
    assert_false(may_share(task, "image.locate"));
    kn_conductor_task_free(task);
}

/* Work that takes longer than a host may be silent is no silence, whoever says so of it; and it is not for ever. */
static void test_work_is_no_silence(void **state)
{
    struct kn_conductor_task *task = spawning();
    const int64_t hour_us = INT64_C(3600) * 1000000;

    (void)state;
    task->parts[part_named(task, "server.spawn")].state = KN_PART_SENT;
    struct kn_message m = working_on(task, "server.spawn", 40);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < KN_MAX_RESENDS; i++) {
            assert_int_equal(kn_conductor_engine_timeout(task, 0), KN_ROW_AGAIN);
        }
        assert_true(kn_conductor_engine_working(task, &m, 1000 + round, hour_us));
        assert_int_equal(task->progress, 40);
        assert_int_equal(task->working_since_us, 1000); /* the first time counts */
    }
    for (int i = 0; i < KN_MAX_RESENDS; i++) {
        assert_int_equal(kn_conductor_engine_timeout(task, 0), KN_ROW_AGAIN);
    }
    struct kn_message late = m, other = working_on(task, "port.bind", 90);
    late.attempt--;
    assert_false(kn_conductor_engine_working(task, &late, 2000, hour_us)); /* of another time */
    late = m;
    late.generation++;
    assert_false(kn_conductor_engine_working(task, &late, 2000, hour_us));
    late = m;
    late.part = other.part; /* of another part, as what it is not */
    assert_false(kn_conductor_engine_working(task, &late, 2000, hour_us));
    late = m;
    kn_copy(late.from, sizeof(late.from), "agent/a-h9");
    struct kn_error why = { 0 };
    assert_false(kn_conductor_engine_answers(task, &late, &why)); /* and of another's mouth */
    assert_int_equal(task->progress, 40);
    assert_int_equal(kn_conductor_engine_timeout(task, 0), KN_ROW_FAILED);
    assert_int_equal(task->error.code, KN_TIMEOUT);
    kn_message_release(&m);
    kn_message_release(&other);
    kn_conductor_task_free(task);
}

static void test_work_ends_some_time(void **state)
{
    struct kn_conductor_task *task = spawning();
    const int64_t hour_us = INT64_C(3600) * 1000000;

    (void)state;
    task->parts[part_named(task, "server.spawn")].state = KN_PART_SENT;
    struct kn_message m = working_on(task, "server.spawn", 99);
    assert_true(kn_conductor_engine_working(task, &m, 1000, hour_us));
    assert_true(kn_conductor_engine_working(task, &m, 1000 + hour_us, hour_us));
    assert_false(kn_conductor_engine_working(task, &m, 1001 + hour_us, hour_us));
    assert_int_equal(task->deadline_ms, 0);
    assert_int_equal(kn_conductor_engine_timeout(task, 0), KN_ROW_FAILED);
    assert_int_equal(task->error.code, KN_TIMEOUT);
    assert_non_null(strstr(task->error.message, "conductor.work_limit_s"));
    move_on(task, true);
    assert_int_equal(task->working_since_us, 0); /* of that step alone */
    assert_int_equal(task->progress, 0);
    kn_message_release(&m);
    kn_conductor_task_free(task);
}

/* A task that stands where what its second row did on its host is taken back, or its only one. */
static struct kn_conductor_task *undoing(const char *kind, const char *input)
{
    struct kn_conductor_task *task = KN_NEW(struct kn_conductor_task);

    task->id = 7;
    task->flow = kn_conductor_flow(kind);
    kn_copy(task->object_id, sizeof(task->object_id), SERVER);
    task->home = (struct kn_conductor_place){ .host = "h1", .agent = "a-h1", .generation = 1 };
    task->attempt = 1;
    task->input = json_loads(input, 0, NULL);
    task->context = json_pack("{s:s, s:s, s:{}}", "path", "/p", "format", "raw", "connection");
    task->object = json_object();
    task->step = task->flow->row_count > 1 ? 1 : 0;
    task->state = KN_TASK_UNDO;
    kn_conductor_engine_plan(task);
    assert_int_equal(task->part_count, 1);
    task->parts[0].state = KN_PART_SENT;
    task->parts[0].sent_at_us = 1000;
    return task;
}

/* A store that refuses for good is asked to forget a backup that failed for a while; then that is told, and the backup has its end. */
static void test_a_refusal_is_not_repeated_for_ever(void **state)
{
    struct kn_conductor_task *task = undoing("backup.create", "{\"volume\": \"" NETWORK "\"}");
    const int64_t hour_us = INT64_C(3600) * 1000000, late_us = 1001 + hour_us;
    struct kn_error why = { 0 };

    (void)state;
    assert_false(kn_conductor_engine_tires(task, 0, 0, 1000 * late_us,
                                           hour_us)); /* a service that is away comes back */
    struct kn_message no = {
        .is_reply = true, .type = task->parts[0].type, .task = task->id, .attempt = task->attempt, .generation = 1
    };
    kn_fail(&no.error, KN_FORBIDDEN, "the key is none");
    assert_int_equal(kn_conductor_engine_reply(task, &no), KN_ROW_WAITS);
    assert_int_equal(kn_conductor_engine_timeout(task, 0), KN_ROW_AGAIN);
    assert_false(kn_conductor_engine_tires(task, 0, 0, 1000 + hour_us, hour_us));
    assert_true(kn_conductor_engine_tires(task, 0, 0, late_us, hour_us));
    kn_fail(&why, KN_FORBIDDEN, "refused for too long");
    kn_conductor_engine_refuse(task, 0, &why);
    assert_int_equal(kn_conductor_engine_timeout(task, 0), KN_ROW_ENDED);
    assert_int_equal(json_array_size(json_object_get(task->context, "not_undone")), 1);
    move_on(task, false);
    assert_int_equal(task->state, KN_TASK_FAILED);
    kn_conductor_task_free(task);
}

/* A copy that a silent host may still have is waited for for a while, then told; what a guest may still use for as long as it takes. */
static void test_a_silent_host_is_not_waited_for_for_ever(void **state)
{
    static const char COPY[] = "{\"volume\": \"" NETWORK "\", \"snapshot\": \"" NETWORK "\"}",
                      DISK[] = "{\"volume\": \"" NETWORK "\", \"attachment\": \"" NETWORK "\"}";
    struct kn_conductor_task *copy = undoing("server.snapshot_volume", COPY),
                             *disk = undoing("server.attach_volume", DISK);
    const unsigned down = KN_DOWN(KN_TO_HOME);
    const int64_t hour_us = INT64_C(3600) * 1000000, late_us = 1001 + hour_us;
    struct kn_error why = { 0 };

    (void)state;
    assert_false(kn_conductor_engine_tires(copy, 0, down, 1000 + hour_us, hour_us));
    assert_int_equal(kn_conductor_engine_timeout(copy, down), KN_ROW_AGAIN);
    assert_false(kn_conductor_engine_tires(copy, 0, 0, late_us, hour_us)); /* it lives, and is asked again */
    assert_true(kn_conductor_engine_tires(copy, 0, down, late_us, hour_us));
    assert_false(kn_conductor_engine_tires(disk, 0, down, 1000 * late_us, hour_us));
    kn_fail(&why, KN_UNAVAILABLE, "it is silent");
    kn_conductor_engine_refuse(copy, 0, &why);
    assert_int_equal(kn_conductor_engine_timeout(copy, down), KN_ROW_ENDED);
    assert_int_equal(json_array_size(json_object_get(copy->context, "not_undone")), 1);
    kn_conductor_task_free(copy);
    kn_conductor_task_free(disk);
}

/* What is in flight where work may take long can be ended; what is answered, or was not sent, or is short, is left alone. */
static void test_what_is_in_flight_can_be_cancelled(void **state)
{
    struct kn_conductor_task *task = spawning();
    struct kn_message m;

    (void)state;
    const int spawn = part_named(task, "server.spawn"), bind = part_named(task, "port.bind");
    assert_false(kn_conductor_engine_cancel(task, spawn, &m));
    task->parts[spawn].state = KN_PART_SENT;
    task->parts[bind].state = KN_PART_SENT;
    assert_false(kn_conductor_engine_cancel(task, bind, &m));
    assert_true(kn_conductor_engine_cancel(task, spawn, &m));
    assert_string_equal(m.type->name, "cancel");
    assert_int_equal(m.task, task->id);
    assert_int_equal(m.attempt, task->attempt);
    assert_int_equal(m.part, spawn);
    assert_int_equal(m.generation, task->home.generation);
    kn_message_release(&m);
    task->parts[spawn].state = KN_PART_DONE;
    assert_false(kn_conductor_engine_cancel(task, spawn, &m));
    kn_conductor_task_free(task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_anybodys_answers_a_part),
        cmocka_unit_test(test_work_is_no_silence),
        cmocka_unit_test(test_work_ends_some_time),
        cmocka_unit_test(test_a_refusal_is_not_repeated_for_ever),
        cmocka_unit_test(test_a_silent_host_is_not_waited_for_for_ever),
        cmocka_unit_test(test_what_is_in_flight_can_be_cancelled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
