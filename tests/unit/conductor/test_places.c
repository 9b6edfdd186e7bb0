/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks that know two places. The move that is walked here is made for the test: a claim of the destination, then the destination and the home told at
 * once. Who is told what, whose answer counts, whose silence matters, and which place another try chooses anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "conductor/flows/bodies.h"
#include "conductor/engine/engine.h"
#include "lib/base/mem.h"

#define SERVER "11111111-1111-4111-8111-111111111111"
#define MAX_TRIES 3

enum { CLAIM = 0, DEST = 0, HOME = 1 }; /* parts of row 0, of row 1 */

static json_t *build_at_dest(const struct kn_conductor_task *task, int item)
{
    (void)item;
    return json_pack("{s:s, s:s}", "host", task->dest.host, "server", task->object_id);
}

static const struct kn_conductor_flow_row MOVE_ROWS[] = {
    { { { .message = "place.claim",
          .about_dest = true,
          .build = kn_conductor_body_server,
          .chooses = KN_TO_DEST,
          .undo = "place.release",
          .undo_build = kn_conductor_body_server } },
      NULL },
    { { { .message = "server.spawn",
          .to = KN_TO_DEST,
          .build = build_at_dest,
          .undo = "server.destroy",
          .undo_build = build_at_dest },
        { .message = "server.power", .to = KN_TO_HOME, .build = kn_conductor_body_server_on_host } },
      NULL },
};
static const struct kn_conductor_flow MOVE = { .kind = "server.move",
                                               .object = &kn_conductor_record_server,
                                               .rows = MOVE_ROWS,
                                               .row_count = 2,
                                               .retry_row = 0,
                                               .retry_place = KN_TO_DEST };

static struct kn_conductor_task *new_task(const struct kn_conductor_flow *flow, const char *input)
{
    struct kn_conductor_task *task = KN_NEW(struct kn_conductor_task);
    struct kn_conductor_change change = KN_CHANGE_INIT;

    task->id = 7;
    task->flow = flow;
    kn_copy(task->object_id, sizeof(task->object_id), SERVER);
    task->attempt = 1;
    task->input = json_loads(input, 0, NULL);
    task->context = json_object();
    task->object = json_loads("{\"generation\": 4, \"host\": \"h1\", \"agent\": \"a1\"}", 0, NULL);
    kn_conductor_task_settle(task);
    kn_conductor_engine_admit(task, MAX_TRIES, &change);
    kn_conductor_change_release(&change);
    return task;
}

static void send_all(struct kn_conductor_task *task)
{
    for (int i = 0; i < task->part_count; i++) {
        task->parts[i].state = KN_PART_SENT;
    }
}

static struct kn_message answer(const struct kn_conductor_task *task, int part, const char *from)
{
    struct kn_message reply = { .type = task->parts[part].type,
                                .task = task->id,
                                .part = part,
                                .attempt = task->attempt,
                                .generation = kn_conductor_task_place(task, task->parts[part].of)->generation,
                                .is_reply = true,
                                .ok = true };

    kn_copy(reply.from, sizeof(reply.from), from);
    return reply;
}

static struct kn_conductor_change advance(struct kn_conductor_task *task, bool failed)
{
    struct kn_conductor_change change = KN_CHANGE_INIT;
    struct kn_conductor_step_record records[8];
    int count;

    kn_conductor_engine_advance(task, failed, MAX_TRIES, &change, records, &count);
    return change;
}

/* To row 1, with "h2" as the destination. */
static struct kn_conductor_task *moving(void)
{
    struct kn_conductor_task *task = new_task(&MOVE, "{}");
    struct kn_message claimed = answer(task, CLAIM, "kilonova");
    struct kn_conductor_change change;

    claimed.result = json_loads("{\"host\": \"h2\", \"agent\": \"a2\", \"zone\": \"nova\"}", 0, NULL);
    send_all(task);
    assert_int_equal(kn_conductor_engine_reply(task, &claimed), KN_ROW_ENDED);
    json_decref(claimed.result);
    change = advance(task, false);
    kn_conductor_change_release(&change);
    send_all(task);
    return task;
}

static void check_command(const struct kn_conductor_task *task, int part, const char *topic, int64_t generation)
{
    struct kn_message command;
    char to[KN_TOPIC_SIZE];

    kn_conductor_engine_topic(task, part, to);
    assert_string_equal(to, topic);
    kn_conductor_engine_command(task, part, 1, 2, &command);
    assert_int_equal(command.generation, generation);
    kn_message_release(&command);
}

static void test_each_part_tells_its_place(void **state)
{
    struct kn_conductor_task *task = new_task(&MOVE, "{}");

    (void)state;
    check_command(task, CLAIM, KN_TOPIC_PLACE, 5); /* of the destination, so of the next generation */
    kn_conductor_task_free(task);
    task = moving();
    check_command(task, DEST, KN_TOPIC_AGENT "a2", 5);
    check_command(task, HOME, KN_TOPIC_AGENT "a1", 4);
    kn_conductor_task_free(task);
}

static void test_only_the_place_that_was_told_answers(void **state)
{
    static const struct {
        int part;
        const char *from;
        bool counts;
    } CASES[] = {
        { DEST, "agent/a2", true }, { DEST, "agent/a1", false }, { DEST, "agent/a3", false },
        { HOME, "agent/a1", true }, { HOME, "agent/a2", false }, { DEST, "", true /* a bus without signatures */ },
    };
    struct kn_conductor_task *task = moving();
    struct kn_message claimed;

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        struct kn_message reply = answer(task, CASES[i].part, CASES[i].from);
        struct kn_error err = { 0 };

        assert_int_equal(kn_conductor_engine_answers(task, &reply, &err), CASES[i].counts);
        assert_int_equal(err.code, CASES[i].counts ? KN_OK : KN_FORBIDDEN);
    }
    claimed = answer(task, HOME, "agent/a1");
    claimed.generation = task->dest.generation; /* what the other place was told */
    assert_int_equal(kn_conductor_engine_reply(task, &claimed), KN_ROW_IGNORED);
    kn_conductor_task_free(task);
    task = new_task(&MOVE, "{}");
    claimed = answer(task, CLAIM, "agent/a1"); /* its home is no scheduler */
    send_all(task);
    assert_false(kn_conductor_engine_answers(task, &claimed, &(struct kn_error){ 0 }));
    kn_conductor_task_free(task);
}

static void test_the_silence_of_one_place_is_not_the_others(void **state)
{
    struct kn_conductor_task *task = moving();

    (void)state;
    task->parts[DEST].state = KN_PART_DONE;
    assert_int_equal(kn_conductor_engine_timeout(task, KN_DOWN(KN_TO_DEST)),
                     KN_ROW_AGAIN); /* it has answered: nobody waits for it */
    assert_int_equal(kn_conductor_engine_timeout(task, KN_DOWN(KN_TO_HOME)), KN_ROW_FAILED);
    assert_string_equal(task->error.message, "host \"h1\" does not answer server.power");
    kn_conductor_task_free(task);
    task = moving();
    assert_int_equal(kn_conductor_engine_timeout(task, KN_DOWN(KN_TO_DEST)), KN_ROW_FAILED);
    assert_string_equal(task->error.message, "host \"h2\" does not answer server.spawn");
    kn_conductor_task_free(task);
}

/* The destination failed it: another one is chosen, the home and the server's generation stay. */
static void test_another_destination(void **state)
{
    struct kn_conductor_task *task = moving();
    struct kn_conductor_change change;

    (void)state;
    kn_fail(&task->error, KN_INTERNAL, "full");
    task->elsewhere = true;
    change = advance(task, true);
    assert_string_equal(task->parts[0].type->name, "server.destroy");
    check_command(task, 0, KN_TOPIC_AGENT "a2", 5);
    task->parts[0].state = KN_PART_DONE;
    change = advance(task, false);
    assert_int_equal(change.count, 0);
    assert_int_equal(task->state, KN_TASK_RUN);
    assert_string_equal(task->home.host, "h1");
    assert_string_equal(task->dest.host, "");
    assert_string_equal(json_string_value(json_array_get(json_object_get(task->context, "exclude"), 0)), "h2");
    check_command(task, CLAIM, KN_TOPIC_PLACE, 6);
    assert_int_equal(task->home.generation, 4);
    kn_conductor_change_release(&change);
    kn_conductor_task_free(task);
}

static void test_records_name_each_place(void **state)
{
    struct kn_conductor_task *task = moving();
    struct kn_conductor_change change = KN_CHANGE_INIT;
    struct kn_conductor_step_record records[8];
    int count;

    (void)state;
    kn_conductor_engine_advance(task, true, 0, &change, records, &count);
    assert_int_equal(count, 2);
    assert_string_equal(records[DEST].host, "h2");
    assert_string_equal(records[HOME].host, "h1");
    kn_conductor_change_release(&change);
    kn_conductor_task_free(task);
}

/* Its owner learns neither the home's name nor the destination's. */
static void test_a_fault_names_no_place(void **state)
{
    static const char *const SECRETS[] = { "h1", "h2", "a1", "a2" };
    struct kn_conductor_task *task = moving();

    (void)state;
    for (size_t i = 0; i < KN_COUNT(SECRETS); i++) {
        json_t *fault;

        kn_fail(&task->error, KN_CONFLICT, "\"%s\" is busy", SECRETS[i]);
        fault = kn_conductor_fault_of(task);
        assert_null(strstr(kn_json_str(fault, "public"), SECRETS[i]));
        json_decref(fault);
    }
    kn_conductor_task_free(task);
}

/* A fence goes where its wish says, at the generation that it says, wherever the server is by now. */
static void test_a_fence_goes_where_it_was_told(void **state)
{
    struct kn_conductor_task *task = new_task(kn_conductor_flow("server.fence"),
                                              "{\"host\": \"h9\", \"agent\": \"a9\", \"generation\": 2}");

    (void)state;
    check_command(task, 0, KN_TOPIC_AGENT "a9", 2);
    kn_conductor_task_free(task);
    task = new_task(kn_conductor_flow("server.fence"),
                    "{}"); /* told nothing: it must not be the host where the server runs */
    assert_int_equal(task->state, KN_TASK_DONE);
    kn_conductor_task_free(task);
}

/* What a row says of the places wins over where the object is by now. */
static void test_the_row_knows_best(void **state)
{
    struct kn_conductor_task task = { .flow = kn_conductor_flow("server.stop"), .at_home = true };
    json_t *object = json_loads("{\"generation\": 9, \"host\": \"h9\", \"agent\": \"a9\"}", 0, NULL);
    struct kn_conductor_place read;
    json_t *written;

    (void)state;
    task.home = (struct kn_conductor_place){ .host = "h1", .agent = "a1", .generation = 3 };
    task.object = object;
    kn_conductor_task_settle(&task);
    written = kn_conductor_place_json(&task.home);
    kn_conductor_place_read(&read, written);
    assert_string_equal(read.host, "h1");
    assert_string_equal(read.agent, "a1");
    assert_int_equal(read.generation, 3);
    assert_int_equal(task.dest.generation, 4);
    json_decref(written);
    json_decref(object);
}

/* Who lets a volume go says from which host: another host may have it, too. A server that is on none says nothing of it. */
static void test_letting_go_names_the_host(void **state)
{
    static const char VOLUME[] = "22222222-2222-4222-8222-222222222222";
    AUTO_FREE char *wish = kn_asprintf("{\"volume\": \"%s\", \"attachment\": \"%s\"}", VOLUME, VOLUME);
    struct kn_conductor_task *task = new_task(kn_conductor_flow("server.detach_volume"), wish);
    const struct kn_conductor_flow_part *let_go = &task->flow->rows[1].parts[0];

    (void)state;
    assert_string_equal(let_go->message, "volume.disconnect");
    for (int on_host = 1; on_host >= 0; on_host--) {
        json_t *body;

        kn_copy(task->home.host, sizeof(task->home.host), on_host ? "h1" : "");
        body = let_go->build(task, 0);
        assert_string_equal(kn_json_str(body, "host"), on_host ? "h1" : "");
        assert_int_equal(json_object_size(body), on_host ? 3 : 2);
        json_decref(body);
    }
    kn_conductor_task_free(task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_part_tells_its_place),
        cmocka_unit_test(test_only_the_place_that_was_told_answers),
        cmocka_unit_test(test_the_silence_of_one_place_is_not_the_others),
        cmocka_unit_test(test_another_destination),
        cmocka_unit_test(test_records_name_each_place),
        cmocka_unit_test(test_a_fault_names_no_place),
        cmocka_unit_test(test_a_fence_goes_where_it_was_told),
        cmocka_unit_test(test_the_row_knows_best),
        cmocka_unit_test(test_letting_go_names_the_host),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
