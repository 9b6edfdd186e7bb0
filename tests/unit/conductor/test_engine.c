/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine, event by event: a task is walked by hand, and after each event its position is compared with one line of text:
 * "run 1 attempt 2: server.spawn port.bind". The flows as tables are looked at in test_flows.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "conductor/engine/engine.h"
#include "lib/base/mem.h"

#define SERVER "11111111-1111-4111-8111-111111111111"
#define VOLUME "22222222-2222-4222-8222-222222222222"
#define MAX_TRIES 3
#define NIC \
    "{\"port\":\"" VOLUME "\",\"network\":\"" VOLUME \
    "\",\"network_name\":\"n\",\"mac\":\"fa:16:3e:00:00:01\",\"vni\":7,\"mtu\":1450," \
    "\"ips\":[],\"tap\":\"tap22222222-22\"}"

static struct kn_conductor_task *new_task(const char *kind, const char *input)
{
    struct kn_conductor_task *task = KN_NEW(struct kn_conductor_task);

    task->id = 7;
    task->flow = kn_conductor_flow(kind);
    assert_non_null(task->flow);
    kn_copy(task->object_id, sizeof(task->object_id), SERVER);
    task->attempt = 1;
    task->input = json_loads(input, 0, NULL);
    task->context = json_object();
    task->object = json_loads(
        "{\"generation\": 1, \"name\": \"a\", \"hostname\": \"a\", \"project\": \"p\", \"user\": \"u\", \"vcpus\": 1,"
        " \"memory_mib\": 128, \"disk_gib\": 1, \"local_gib\": 1, \"metadata\": {}, \"nics\": [], \"volumes\": [],"
        " \"image_id\": \"" VOLUME "\", \"zone\": \"nova\", \"created_at\": \"2026-01-01T00:00:00Z\"}",
        0, NULL);
    assert_non_null(task->input);
    assert_non_null(task->object);
    return task;
}

static const char CREATE_INPUT[] = "{\"requests\": [{\"network\": \"" VOLUME "\"}]}";

/* What the change says of the task's server in a column; "(kept)" where it says nothing. */
static const char *server_becomes(const struct kn_conductor_change *change, const char *column)
{
    const struct kn_conductor_change_row *row = kn_conductor_change_row(change, &kn_conductor_record_server, SERVER);
    int at = kn_conductor_record_column(&kn_conductor_record_server, column);

    assert_true(at >= 0);
    if (row == NULL || (row->mask & UINT32_C(1) << at) == 0) {
        return "(kept)";
    }
    return row->values[at] == NULL ? "(none)" : row->values[at];
}

static const char *position(const struct kn_conductor_task *task)
{
    static char text[512];
    int len = snprintf(text, sizeof(text), "%s %d attempt %d:", kn_conductor_task_state_name(task->state), task->step,
                       task->attempt);

    for (int i = 0; i < task->part_count; i++) {
        len += snprintf(text + len, sizeof(text) - (size_t)len, " %s", task->parts[i].type->name);
    }
    return text;
}

static void admit(struct kn_conductor_task *task)
{
    struct kn_conductor_change change = KN_CHANGE_INIT;

    kn_conductor_task_settle(task);
    kn_conductor_engine_admit(task, MAX_TRIES, &change);
    kn_conductor_change_release(&change);
}

static int part_named(const struct kn_conductor_task *task, const char *type)
{
    for (int i = 0; i < task->part_count; i++) {
        if (strcmp(task->parts[i].type->name, type) == 0) {
            return i;
        }
    }
    fail_msg("no part %s in: %s", type, position(task));
    return -1;
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

static enum kn_conductor_verdict_of_row done(struct kn_conductor_task *task, const char *type, const char *result)
{
    struct kn_message reply = reply_to(task, type);
    enum kn_conductor_verdict_of_row verdict;

    reply.ok = true;
    reply.result = json_loads(result, 0, NULL);
    task->parts[reply.part].state = KN_PART_SENT;
    verdict = kn_conductor_engine_reply(task, &reply);
    json_decref(reply.result);
    return verdict;
}

static enum kn_conductor_verdict_of_row failed(struct kn_conductor_task *task, const char *type, bool elsewhere)
{
    struct kn_message reply = reply_to(task, type);

    reply.elsewhere = elsewhere;
    kn_fail(&reply.error, KN_INTERNAL, "it broke");
    task->parts[reply.part].state = KN_PART_SENT;
    return kn_conductor_engine_reply(task, &reply);
}

/* Moves on; the change is left to the caller. */
static struct kn_conductor_change advance(struct kn_conductor_task *task, bool fail)
{
    struct kn_conductor_change change = KN_CHANGE_INIT;
    struct kn_conductor_step_record records[8];
    int count;

    kn_conductor_engine_advance(task, fail, MAX_TRIES, &change, records, &count);
    return change;
}

static void advance_only(struct kn_conductor_task *task, bool fail)
{
    struct kn_conductor_change change = advance(task, fail);

    kn_conductor_change_release(&change);
}

static void place(struct kn_conductor_task *task, const char *host)
{
    char claim[128];

    snprintf(claim, sizeof(claim), "{\"host\": \"%s\", \"agent\": \"a-%s\", \"zone\": \"nova\"}", host, host);
    assert_int_equal(done(task, "place.claim", claim), KN_ROW_WAITS);
    assert_int_equal(
        done(task, "image.locate",
             "{\"url\": \"u\", \"sha512\": \"00\", \"size\": 1, \"disk_format\": \"raw\", \"virtual_size\": 1}"),
        KN_ROW_WAITS);
    assert_int_equal(done(task, "port.allocate", "{\"nics\": [" NIC "]}"), KN_ROW_ENDED);
}

static void test_create_walks_to_the_end(void **state)
{
    struct kn_conductor_task *task = new_task("server.create", CREATE_INPUT);
    struct kn_conductor_change change;

    (void)state;
    admit(task);
    assert_string_equal(position(task), "run 0 attempt 1: place.claim port.allocate image.locate");
    place(task, "h1");
    change = advance(task, false);
    assert_string_equal(server_becomes(&change, "host"), "h1");
    assert_string_equal(server_becomes(&change, "task_state"), "spawning");
    assert_string_equal(server_becomes(&change, "nics"), "[" NIC "]");
    kn_conductor_change_release(&change);
    assert_string_equal(position(task), "run 1 attempt 2: server.spawn port.bind");
    assert_int_equal(done(task, "port.bind", "{}"), KN_ROW_WAITS);
    assert_int_equal(done(task, "server.spawn", "{\"power_state\": 1}"), KN_ROW_ENDED);
    change = advance(task, false);
    assert_string_equal(position(task), "done 1 attempt 3:");
    assert_string_equal(server_becomes(&change, "vm_state"), "active");
    assert_string_equal(server_becomes(&change, "power_state"), "1");
    assert_string_equal(server_becomes(&change, "launched_at"), "now");
    assert_string_equal(server_becomes(&change, "host"), "(kept)");
    kn_conductor_change_release(&change);
    kn_conductor_task_free(task);
}

static void test_late_and_double_replies_change_nothing(void **state)
{
    struct kn_conductor_task *task = new_task("server.create", CREATE_INPUT);
    struct kn_message late;

    (void)state;
    admit(task);
    late = reply_to(task, "place.claim");
    late.ok = true;
    late.generation++;
    assert_int_equal(kn_conductor_engine_reply(task, &late), KN_ROW_IGNORED); /* of another generation */
    late.generation--;
    place(task, "h1");
    assert_int_equal(kn_conductor_engine_reply(task, &late), KN_ROW_IGNORED); /* the same a second time */
    advance_only(task, false);
    assert_int_equal(kn_conductor_engine_reply(task, &late), KN_ROW_IGNORED); /* of an earlier attempt */
    late.attempt = task->attempt;
    assert_int_equal(kn_conductor_engine_reply(task, &late), KN_ROW_IGNORED); /* of another type */
    late.part = 99;
    assert_int_equal(kn_conductor_engine_reply(task, &late), KN_ROW_IGNORED); /* of a part that is not there */
    assert_string_equal(position(task), "run 1 attempt 2: server.spawn port.bind");
    kn_conductor_task_free(task);
}

static void test_another_host_is_tried_with_the_next_generation(void **state)
{
    struct kn_conductor_task *task = new_task("server.create", CREATE_INPUT);
    struct kn_conductor_change change;
    json_t *body;

    (void)state;
    admit(task);
    place(task, "h1");
    advance_only(task, false);
    assert_int_equal(failed(task, "server.spawn", true), KN_ROW_FAILED);
    advance_only(task, true);
    assert_string_equal(position(task), "undo 1 attempt 3: server.destroy");
    assert_int_equal(done(task, "server.destroy", "{}"), KN_ROW_ENDED);
    change = advance(task, false);
    assert_string_equal(server_becomes(&change, "generation"), "2");
    kn_conductor_change_release(&change);
    assert_string_equal(position(task), "run 0 attempt 4: place.claim port.allocate image.locate");
    assert_int_equal(task->home.generation, 2);
    assert_string_equal(task->home.host, "");
    body = task->parts[0].of->build(task, 0);
    assert_string_equal(json_string_value(json_array_get(json_object_get(body, "exclude"), 0)), "h1");
    json_decref(body);
    kn_conductor_task_free(task);
}

/* What is written about a step stands for itself: trying another host forgets the one it was done on. */
static void test_records_outlive_the_host(void **state)
{
    struct kn_conductor_task *task = new_task("server.create", CREATE_INPUT);
    struct kn_conductor_change change = KN_CHANGE_INIT;
    struct kn_conductor_step_record records[8];
    int count;

    (void)state;
    admit(task);
    place(task, "h1");
    advance_only(task, false);
    assert_int_equal(failed(task, "server.spawn", true), KN_ROW_FAILED);
    advance_only(task, true);
    assert_int_equal(done(task, "server.destroy", "{}"), KN_ROW_ENDED);
    kn_conductor_engine_advance(task, false, MAX_TRIES, &change, records, &count);
    assert_int_equal(count, 1);
    assert_string_equal(records[0].name, "server.destroy");
    assert_string_equal(records[0].host, "h1");
    kn_conductor_change_release(&change);
    kn_conductor_task_free(task);
}

static void test_tries_end(void **state)
{
    struct kn_conductor_task *task = new_task("server.create", CREATE_INPUT);
    struct kn_conductor_change change = KN_CHANGE_INIT;
    json_t *fault;

    (void)state;
    admit(task);
    for (int i = 0; i < MAX_TRIES; i++) {
        place(task, "h1");
        advance_only(task, false);
        assert_int_equal(failed(task, "server.spawn", true), KN_ROW_FAILED);
        advance_only(task, true);
        assert_int_equal(done(task, "server.destroy", "{}"), KN_ROW_ENDED);
        if (i + 1 < MAX_TRIES) {
            advance_only(task, false);
        }
    }
    advance_only(task, false);
    assert_int_equal(task->state, KN_TASK_UNDO);
    assert_string_equal(strchr(position(task), ':'), ": place.release port.release");
    assert_int_equal(done(task, "place.release", "{}"), KN_ROW_WAITS);
    assert_int_equal(done(task, "port.release", "{}"), KN_ROW_ENDED);
    change = advance(task, false);
    assert_int_equal(task->state, KN_TASK_FAILED);
    assert_string_equal(server_becomes(&change, "vm_state"), "error");
    assert_string_equal(server_becomes(&change, "host"), "(none)");
    fault = json_loads(server_becomes(&change, "fault"), 0, NULL);
    assert_string_equal(kn_json_str(fault, "message"), "it broke");
    assert_null(strstr(kn_json_str(fault, "public"), "broke")); /* the cloud's own failure is the operator's to read */
    json_decref(fault);
    kn_conductor_change_release(&change);
    kn_conductor_task_free(task);
}

static void test_no_valid_host_takes_the_ports_back(void **state)
{
    struct kn_conductor_task *task = new_task("server.create", CREATE_INPUT);

    (void)state;
    admit(task);
    assert_int_equal(done(task, "port.allocate", "{\"nics\": []}"), KN_ROW_WAITS);
    assert_int_equal(failed(task, "place.claim", false), KN_ROW_FAILED);
    advance_only(task, true);
    assert_string_equal(position(task), "undo 0 attempt 2: place.release port.release");
    kn_conductor_task_free(task);
}

static void test_a_server_without_nics_asks_no_network(void **state)
{
    struct kn_conductor_task *task = new_task("server.create", "{\"requests\": []}");

    (void)state;
    admit(task);
    assert_string_equal(position(task), "run 0 attempt 1: place.claim image.locate");
    kn_conductor_task_free(task);
}

static void test_silence(void **state)
{
    struct kn_conductor_task *task = new_task("server.create", CREATE_INPUT);

    (void)state;
    admit(task);
    for (int i = 0; i < task->part_count; i++) {
        task->parts[i].state = KN_PART_SENT;
    }
    for (int i = 0; i < 20; i++) { /* a service that is away is waited for */
        assert_int_equal(kn_conductor_engine_timeout(task, 0), KN_ROW_AGAIN);
    }
    place(task, "h1");
    advance_only(task, false);
    task->parts[part_named(task, "server.spawn")].state = KN_PART_SENT;
    for (int i = 0; i < KN_MAX_RESENDS; i++) {
        assert_int_equal(kn_conductor_engine_timeout(task, 0), KN_ROW_AGAIN);
    }
    assert_int_equal(kn_conductor_engine_timeout(task, 0), KN_ROW_FAILED); /* a host that lives but does not answer */
    assert_true(task->elsewhere);
    assert_int_equal(task->error.code, KN_TIMEOUT);
    kn_conductor_task_free(task);
}

/* A host that lives and does not take back: nobody will, so the end says it, to its owner and to the audit. */
static void test_what_a_silent_host_does_not_take_back_is_told(void **state)
{
    struct kn_conductor_task *task = new_task("server.create", CREATE_INPUT);
    struct kn_conductor_change change = KN_CHANGE_INIT;
    struct kn_conductor_step_record records[KN_ROW_PARTS * 20];
    int count = 0;

    (void)state;
    admit(task);
    place(task, "h1");
    advance_only(task, false);
    kn_fail(&task->error, KN_CONFLICT, "no");
    task->elsewhere = false;
    advance_only(task, true);
    assert_string_equal(position(task), "undo 1 attempt 3: server.destroy");
    task->parts[0].state = KN_PART_SENT;
    for (int i = 0; i < KN_MAX_RESENDS; i++) {
        assert_int_equal(kn_conductor_engine_timeout(task, 0), KN_ROW_AGAIN);
    }
    assert_int_equal(kn_conductor_engine_timeout(task, 0), KN_ROW_ENDED);
    kn_conductor_engine_advance(task, false, MAX_TRIES, &change, records, &count);
    assert_string_equal(records[0].state, "failed"); /* not "undone" */
    kn_conductor_change_release(&change);
    change = (struct kn_conductor_change)KN_CHANGE_INIT;
    assert_string_equal(position(task), "undo 0 attempt 4: place.release port.release");
    kn_conductor_engine_advance(task, false, MAX_TRIES, &change, records, &count);
    assert_int_equal(task->state, KN_TASK_FAILED);
    assert_string_equal(task->error.message, "no"); /* why it failed stays the reason */
    assert_int_equal(json_array_size(json_object_get(task->context, "not_undone")), 1);
    assert_string_equal(server_becomes(&change, "vm_state"), "error");
    assert_non_null(strstr(server_becomes(&change, "fault"),
                           "not taken back: server.destroy: host \\\"h1\\\" does not answer"));
    kn_conductor_change_release(&change);
    kn_conductor_task_free(task);
}

/* The bus will never take it: no host is to blame, and none is asked instead. */
static void test_what_can_never_be_sent_fails_at_once(void **state)
{
    struct kn_conductor_task *task = new_task("server.create", CREATE_INPUT);
    const struct kn_error why = { .code = KN_BAD_REQUEST, .message = "too much" };

    (void)state;
    admit(task);
    task->parts[0].state = KN_PART_SENT;
    kn_conductor_engine_refuse(task, 0, &why);
    assert_int_equal(task->deadline_ms, 0);
    assert_int_equal(kn_conductor_engine_timeout(task, 0), KN_ROW_FAILED);
    assert_string_equal(task->error.message, "too much");
    assert_false(task->elsewhere);
    kn_conductor_task_free(task);
}

/* A command of the way back that can never be said is no success: the server is in ERROR, and the task says what may be left. */
static void test_what_cannot_be_taken_back_is_told(void **state)
{
    struct kn_conductor_task *task = new_task("server.create", CREATE_INPUT);
    struct kn_conductor_change change = KN_CHANGE_INIT;
    struct kn_conductor_step_record records[8];
    struct kn_error why = { 0 };
    int count = 0;

    (void)state;
    admit(task);
    kn_fail(&task->error, KN_CONFLICT, "no");
    task->elsewhere = true; /* another host would be tried */
    kn_conductor_engine_advance(task, true, MAX_TRIES, &change, records, &count);
    task->state = KN_TASK_UNDO;
    task->step = 0;
    kn_conductor_engine_plan(task);
    kn_fail(&why, KN_TOO_LARGE, "too much");
    for (int i = 0; i < task->part_count; i++) {
        task->parts[i].state = i == 0 ? KN_PART_SENT : KN_PART_DONE;
    }
    kn_conductor_engine_refuse(task, 0, &why);
    assert_int_equal(kn_conductor_engine_timeout(task, 0), KN_ROW_ENDED);
    kn_conductor_change_release(&change);
    change = (struct kn_conductor_change)KN_CHANGE_INIT;
    kn_conductor_engine_advance(task, false, MAX_TRIES, &change, records, &count);
    assert_int_equal(task->state, KN_TASK_FAILED);
    assert_string_equal(records[0].state, "failed");
    assert_string_equal(server_becomes(&change, "vm_state"), "error");
    assert_non_null(strstr(server_becomes(&change, "fault"), "not taken back: place.release: too much"));
    kn_conductor_change_release(&change);
    kn_conductor_task_free(task);
}

/* What cannot be written is taken back; what cannot be taken back either ends. */
static void test_what_cannot_be_written(void **state)
{
    struct kn_conductor_task *task = new_task("server.create", CREATE_INPUT);
    struct kn_conductor_change change = KN_CHANGE_INIT;
    struct kn_error why = { 0 };

    (void)state;
    admit(task);
    kn_fail(&why, KN_CONFLICT, "a constraint");
    task->state = KN_TASK_DONE;
    kn_conductor_engine_unwritable(task, false, &why, &change);
    assert_string_equal(position(task), "undo 1 attempt 2: server.destroy");
    kn_conductor_engine_unwritable(task, true, &why, &change);
    assert_int_equal(task->state, KN_TASK_FAILED);
    assert_string_equal(task->error.message, "a constraint");
    assert_string_equal(server_becomes(&change, "vm_state"), "error");
    kn_conductor_change_release(&change);
    kn_conductor_task_free(task);
}

static void test_a_host_that_is_down_stops_no_deletion(void **state)
{
    struct kn_conductor_task *task = new_task("server.delete", "{}");

    (void)state;
    json_object_set_new(task->object, "host", json_string("h1"));
    json_object_set_new(task->object, "agent", json_string("a1"));
    admit(task);
    assert_string_equal(position(task), "run 0 attempt 1: server.destroy");
    task->parts[0].state = KN_PART_SENT;
    assert_int_equal(kn_conductor_engine_timeout(task, KN_DOWN(KN_TO_HOME)), KN_ROW_ENDED);
    advance_only(task, false);
    assert_string_equal(position(task), "run 1 attempt 2: port.release place.release");
    kn_conductor_task_free(task);
}

/* A full disk, a libvirt that stumbled: asked again with longer and longer pauses, for as long as the host lives. */
static void test_a_deletion_insists(void **state)
{
    struct kn_conductor_task *task = new_task("server.delete", "{}");
    struct kn_message reply;

    (void)state;
    json_object_set_new(task->object, "host", json_string("h1"));
    json_object_set_new(task->object, "agent", json_string("a1"));
    admit(task);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(failed(task, "server.destroy", false), KN_ROW_WAITS);
        assert_int_equal(kn_conductor_engine_pause_ms(task), i < 5 ? 1000 << i : 32000);
        assert_int_equal(kn_conductor_engine_timeout(task, 0), KN_ROW_AGAIN);
    }
    assert_int_equal(done(task, "server.destroy", "{}"), KN_ROW_ENDED);
    advance_only(task, false);
    assert_string_equal(position(task), "run 1 attempt 2: port.release place.release");
    assert_int_equal(failed(task, "place.release", false), KN_ROW_WAITS);
    assert_int_equal(kn_conductor_engine_pause_ms(task), 1000); /* another row, another patience */
    reply = reply_to(task, "port.release"); /* what is wrong stays wrong */
    kn_fail(&reply.error, KN_BAD_REQUEST, "no such thing");
    task->parts[reply.part].state = KN_PART_SENT;
    assert_int_equal(kn_conductor_engine_reply(task, &reply), KN_ROW_FAILED);
    kn_conductor_task_free(task);
}

static void test_a_description_waits_for_its_host(void **state)
{
    struct kn_conductor_task *task = new_task("server.describe", "{}");

    (void)state;
    json_object_set_new(task->object, "host", json_string("h1"));
    json_object_set_new(task->object, "agent", json_string("a1"));
    admit(task);
    task->parts[0].state = KN_PART_SENT;
    assert_true(task->flow->beside); /* nobody waits for it */
    assert_true(task->parts[0].of->waits_for_host);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(kn_conductor_engine_timeout(task, 0), KN_ROW_AGAIN);
    }
    assert_int_equal(done(task, "server.describe", "{}"), KN_ROW_ENDED);
    kn_conductor_task_free(task);
}

/* What a host plugged before it fell silent would stay there for good: it is told when it is back, however late. */
static void test_what_a_host_plugged_is_unplugged_when_it_is_back(void **state)
{
    struct kn_conductor_task *task = new_task("server.attach_interface", "{\"port\": \"" VOLUME "\"}");

    (void)state;
    json_object_set_new(task->object, "host", json_string("h1"));
    json_object_set_new(task->object, "agent", json_string("a1"));
    admit(task);
    done(task, "port.attach", "{\"nic\": " NIC "}");
    advance_only(task, false);
    task->parts[0].state = KN_PART_SENT;
    assert_int_equal(kn_conductor_engine_timeout(task, KN_DOWN(KN_TO_HOME)), KN_ROW_FAILED);
    advance_only(task, true);
    assert_string_equal(position(task), "undo 1 attempt 3: server.detach_interface");
    task->parts[0].state = KN_PART_SENT;
    for (int i = 0; i < 50; i++) {
        assert_int_equal(kn_conductor_engine_timeout(task, KN_DOWN(KN_TO_HOME)), KN_ROW_AGAIN);
    }
    for (int i = 0; i < KN_MAX_RESENDS; i++) { /* it lives, and says nothing */
        assert_int_equal(kn_conductor_engine_timeout(task, 0), KN_ROW_AGAIN);
    }
    assert_int_equal(done(task, "server.detach_interface", "{}"), KN_ROW_ENDED);
    advance_only(task, false);
    assert_string_equal(position(task), "undo 0 attempt 4: port.detach");
    kn_conductor_task_free(task);
}

static void test_a_server_that_was_never_placed_is_deleted_without_a_host(void **state)
{
    struct kn_conductor_task *task = new_task("server.delete", "{}");

    (void)state;
    admit(task);
    assert_string_equal(position(task), "run 1 attempt 2: port.release place.release");
    kn_conductor_task_free(task);
}

static void test_commands_fit_the_registry(void **state)
{
    struct kn_conductor_task *task = new_task("server.create", CREATE_INPUT);

    (void)state;
    admit(task);
    for (int row = 0; row < 2; row++) {
        for (int i = 0; i < task->part_count; i++) {
            struct kn_message message;
            struct kn_strbuf text = KN_STRBUF_INIT;
            struct kn_error err = { 0 };

            kn_conductor_engine_command(task, i, 1000, 2000, &message);
            if (kn_message_print(&message, &text, &err) < 0) {
                fail_msg("%s: %s", message.type->name, err.message);
            }
            kn_message_release(&message);
            kn_strbuf_release(&text);
        }
        if (row == 0) {
            place(task, "h1");
            advance_only(task, false);
        }
    }
    kn_conductor_task_free(task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create_walks_to_the_end),
        cmocka_unit_test(test_late_and_double_replies_change_nothing),
        cmocka_unit_test(test_another_host_is_tried_with_the_next_generation),
        cmocka_unit_test(test_records_outlive_the_host),
        cmocka_unit_test(test_tries_end),
        cmocka_unit_test(test_no_valid_host_takes_the_ports_back),
        cmocka_unit_test(test_a_server_without_nics_asks_no_network),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_what_a_silent_host_does_not_take_back_is_told),
        cmocka_unit_test(test_what_can_never_be_sent_fails_at_once),
        cmocka_unit_test(test_a_host_that_is_down_stops_no_deletion),
        cmocka_unit_test(test_a_deletion_insists),
        cmocka_unit_test(test_a_description_waits_for_its_host),
        cmocka_unit_test(test_what_a_host_plugged_is_unplugged_when_it_is_back),
        cmocka_unit_test(test_a_server_that_was_never_placed_is_deleted_without_a_host),
        cmocka_unit_test(test_commands_fit_the_registry),
        cmocka_unit_test(test_what_cannot_be_taken_back_is_told),
        cmocka_unit_test(test_what_cannot_be_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
