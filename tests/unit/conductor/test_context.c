/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every path of every flow, walked: each row may end, fail at its first part with nothing answered, or fail at its last with all else answered, also
 * while it is taken back. On all of them, what a flow's bodies and changes ask of the wish and of the context is held against what is declared: who
 * reads it, that it was written before, that every declaration is needed, and that the messages that come out fit the registry.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conductor/engine/engine.h"
#include "conductor/flows/bodies.h"
#include "conductor/flows/context.h"
#include "lib/base/mem.h"
#include "lib/domain/form.h"
#include "lib/domain/wish.h"

#define SERVER "11111111-1111-4111-8111-111111111111"
#define OTHER "22222222-2222-4222-8222-222222222222"
#define MAX_TRIES 2
#define MAX_DECISIONS 12

enum decision { ENDS, FAILS_FIRST, FAILS_LAST, DECISIONS };

/* The walk that is going on. */
static struct {
    const struct kn_conductor_flow *flow;
    bool full;                        /* everything optional is there, every conditional part is sent */
    int decisions[MAX_DECISIONS];
    int used;                         /* of them, on this path */
    const char *by;                   /* who is asking: words of kn_conductor_finding.read_by, or a message */
    json_t *needed;                   /* "finding/nics/row" and "wish/volume/": what was asked for */
    json_t *rows;                     /* "row/name/": what any flow asked of its object */
    struct kn_strbuf complaints;
} walk;

static bool word_in(const char *words, const char *word, size_t len)
{
    for (const char *p = words; *p != '\0'; p += strcspn(p, " "), p += strspn(p, " ")) {
        if (strcspn(p, " ") == len && strncmp(p, word, len) == 0) {
            return true;
        }
    }
    return false;
}

static void complain(const char *what, const char *name)
{
    kn_strbuf_addf(&walk.complaints, "%s: %s %s %s\n", walk.flow->kind, walk.by, what, name);
}

static void need(const char *what, const char *name, const char *by, size_t len)
{
    char key[128];

    snprintf(key, sizeof(key), "%s/%s/%.*s", what, name, (int)len, by);
    json_object_set_new(strcmp(what, "row") == 0 ? walk.rows : walk.needed, key, json_true());
}

static void asked(const struct kn_conductor_task *task, const char *what, const char *name)
{
    const struct kn_conductor_finding *finding = kn_conductor_finding(task->flow, name);
    bool listed = false;

    if (strcmp(what, "finding") != 0) {
        need(what, name, "", 0);
        return;
    }
    for (const char *p = walk.by; *p != '\0'; p += strcspn(p, " "), p += strspn(p, " ")) {
        if (word_in(finding->read_by, p, strcspn(p, " "))) {
            listed = true;
            need("finding", name, p, strcspn(p, " "));
        }
    }
    if (!listed) {
        complain("is not declared to read", name);
    }
    if (!finding->may_lack && json_object_get(task->context, name) == NULL) {
        complain("reads before it is written:", name);
    }
}

/* --- samples -------------------------------------------------------------------------------------------------------------- */

static json_t *sample(const struct kn_field *fields);

/* One of what it may hold, or none. */
static json_t *sample_list(const struct kn_field *field)
{
    json_t *list = json_array();

    if (walk.full && field->form != NULL) {
        json_array_append_new(list, sample(field->form->fields));
        if (field->form == &kn_form_wanted_nic) { /* a port, or a network */
            json_object_del(json_array_get(list, 0), "port");
        }
    }
    return list;
}

static json_t *sample_value(const struct kn_field *field)
{
    int64_t least = field->limit == KN_LIMIT_NONE ? 1 : kn_limit_rows[field->limit].min;
    char text[64] = { 0 };

    switch (field->kind) {
    case KN_STR:
        memset(text, 'x', least < 1 ? 1 : least > 60 ? 60 : (size_t)least);
        return json_string(strcmp(field->name, "driver") == 0 ? "file" : text);
    case KN_UUID:
        return json_string(OTHER);
    case KN_INT:
        return json_integer(least);
    case KN_BOOL:
        return json_true();
    case KN_ARR:
        return sample_list(field);
    case KN_OBJ:
        return field->form == NULL ? json_object() : sample(field->form->fields);
    case KN_FIELD_END:
        break;
    }
    return json_null();
}

static json_t *sample(const struct kn_field *fields)
{
    json_t *object = json_object();

    for (const struct kn_field *field = fields; field != NULL && field->kind != KN_FIELD_END; field++) {
        if (field->required || walk.full || strcmp(field->name, "path") == 0) { /* a path some drivers must have */
            json_object_set_new(object, field->name, sample_value(field));
        }
    }
    return object;
}

static json_t *sample_input(const struct kn_conductor_flow *flow)
{
    const struct kn_wish_type *type = kn_wish_type(flow->kind);

    return sample(type == NULL ? NULL : type->fields);
}

static const char FULL_OBJECT[] =
    "{\"generation\": 1, \"host\": \"h1\", \"agent\": \"a1\", \"name\": \"a\", \"hostname\": \"a\", \"project\": \"p\", \"user\": \"u\", \"vcpus\": 1,"
    " \"memory_mib\": 128, \"disk_gib\": 1, \"local_gib\": 1, \"image_id\": \"" OTHER
    "\", \"metadata\": {}, \"nics\": [], \"zone\": \"nova\", \"vm_state\": \"active\", \"shelved_image\": \"" OTHER
    "\","
    " \"volumes\": [{\"volume\": \"" OTHER "\", \"device\": \"/dev/vdb\", \"status\": \"attached\","
    " \"connection\": {\"driver\": \"file\", \"path\": \"/v\", \"format\": \"raw\"}}]}";
static const char BARE_OBJECT[] =
    "{\"generation\": 1, \"host\": null, \"agent\": null, \"name\": \"a\", \"hostname\": \"a\", \"project\": \"p\", \"user\": \"u\", \"vcpus\": 1,"
    " \"memory_mib\": 128, \"disk_gib\": 1, \"local_gib\": 1, \"image_id\": null, \"metadata\": {}, \"nics\": [], \"zone\": \"nova\", \"vm_state\": \"active\", \"volumes\": []}";

/* Whether the flow copes with a server that is nowhere: nobody is told, or its home is chosen first. */
static bool lives_without_home(const struct kn_conductor_flow *flow)
{
    for (int row = 0; row < flow->row_count; row++) {
        for (int i = 0; i < KN_ROW_PARTS && flow->rows[row].parts[i].message != NULL; i++) {
            const struct kn_conductor_flow_part *part = &flow->rows[row].parts[i];

            if (part->chooses == KN_TO_HOME) {
                return true;
            }
            if (part->to == KN_TO_HOME && part->count != kn_conductor_count_if_on_host) {
                return false;
            }
        }
    }
    return true;
}

static struct kn_conductor_task *new_task(const struct kn_conductor_flow *flow)
{
    struct kn_conductor_task *task = KN_NEW(struct kn_conductor_task);

    task->id = 7;
    task->flow = flow;
    kn_copy(task->object_id, sizeof(task->object_id), SERVER);
    kn_copy(task->project_id, sizeof(task->project_id), "p");
    task->attempt = 1;
    task->input = sample_input(flow);
    task->context = json_object();
    task->object = json_loads(walk.full ? FULL_OBJECT : BARE_OBJECT, 0, NULL);
    assert_non_null(task->object);
    if (!walk.full && !lives_without_home(flow)) {
        json_object_set_new(task->object, "host", json_string("h1"));
        json_object_set_new(task->object, "agent", json_string("a1"));
    }
    kn_conductor_task_settle(task);
    task->asked = asked;
    return task;
}

/* --- one path --------------------------------------------------------------------------------------------------------------- */

static int decide(void)
{
    assert_in_range(walk.used, 0, MAX_DECISIONS - 1);
    return walk.decisions[walk.used++];
}

static void say_commands(struct kn_conductor_task *task)
{
    for (int i = 0; i < task->part_count; i++) {
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
        struct kn_message command;
        struct kn_error err = { 0 };

        walk.by = task->parts[i].type->name;
        kn_conductor_engine_command(task, i, 1000, 2000, &command);
        if (kn_message_print(&command, &text, &err) < 0) {
            complain("does not fit the registry:", err.message);
        }
        kn_message_release(&command);
        task->parts[i].state = KN_PART_SENT;
    }
}

static enum kn_conductor_verdict_of_row reply(struct kn_conductor_task *task, int part, bool ok, bool elsewhere)
{
    struct kn_message message = { .type = task->parts[part].type,
                                  .task = task->id,
                                  .step = task->step,
                                  .part = part,
                                  .attempt = task->attempt,
                                  .generation = kn_conductor_task_place(task, task->parts[part].of)->generation,
                                  .is_reply = true,
                                  .ok = ok,
                                  .elsewhere = elsewhere };
    enum kn_conductor_verdict_of_row verdict;

    if (ok) {
        message.result = sample(message.type->result);
    } else {
        kn_fail(&message.error, KN_CONFLICT, "it broke"); /* what no flow insists on */
    }
    verdict = kn_conductor_engine_reply(task, &message);
    json_decref(message.result);
    return verdict;
}

static bool answers(struct kn_conductor_task *task)
{
    int decision = decide();
    int last = task->part_count - 1;

    if (task->state == KN_TASK_UNDO && decision != ENDS) { /* it cannot be taken back, and that is told */
        struct kn_error why = { 0 };

        kn_fail(&why, KN_TOO_LARGE, "it does not fit");
        kn_conductor_engine_refuse(task, decision == FAILS_FIRST ? 0 : last, &why);
        kn_conductor_engine_timeout(task, 0);
        for (int i = 0; i <= last; i++) {
            task->parts[i].state = KN_PART_DONE;
        }
        return true;
    }
    if (decision == FAILS_FIRST) {
        assert_int_equal(reply(task, 0, false, false), KN_ROW_FAILED);
        return false;
    }
    for (int i = 0; i < last; i++) {
        assert_int_equal(reply(task, i, true, false), KN_ROW_WAITS);
    }
    return reply(task, last, decision == ENDS, true) == KN_ROW_ENDED;
}

static void check_context(const struct kn_conductor_task *task)
{
    const char *name;
    json_t *value;

    json_object_foreach (task->context, name, value) {
        if (kn_conductor_finding(task->flow, name) == NULL) {
            complain("writes undeclared", name);
        }
    }
}

static void walk_path(void)
{
    struct kn_conductor_task *task = new_task(walk.flow);
    struct kn_conductor_change change = KN_CHANGE_INIT;

    walk.used = 0;
    walk.by = KN_BY_ENGINE " row";
    kn_conductor_engine_admit(task, MAX_TRIES, &change);
    while (task->state == KN_TASK_RUN || task->state == KN_TASK_UNDO) {
        struct kn_conductor_step_record records[8];
        int count;
        bool ended;

        say_commands(task);
        walk.by = KN_BY_ENGINE;
        ended = answers(task);
        walk.by = ended && task->state == KN_TASK_RUN ? KN_BY_ENGINE " row done" : KN_BY_ENGINE " failed";
        kn_conductor_engine_advance(task, !ended, MAX_TRIES, &change, records, &count);
        check_context(task);
    }
    kn_conductor_change_release(&change);
    kn_conductor_task_free(task);
}

/* The next path: the last decision that can still be taken otherwise is. */
static bool next_path(void)
{
    for (int i = walk.used - 1; i >= 0; i--) {
        if (++walk.decisions[i] < DECISIONS) {
            memset(walk.decisions + i + 1, 0, sizeof(walk.decisions) - sizeof(*walk.decisions) * (size_t)(i + 1));
            return true;
        }
    }
    return false;
}

static int walk_flow(const struct kn_conductor_flow *flow)
{
    int paths = 0;

    walk.flow = flow;
    json_object_clear(walk.needed);
    for (int full = 0; full < 2; full++) {
        walk.full = full == 1;
        memset(walk.decisions, 0, sizeof(walk.decisions));
        do {
            walk_path();
            paths++;
        } while (next_path());
    }
    return paths;
}

/* --- declarations that nobody needs --------------------------------------------------------------------------------------- */

static void check_needed(const char *what, const char *name, const char *by, size_t len)
{
    char key[128];

    snprintf(key, sizeof(key), "%s/%s/%.*s", what, name, (int)len, by);
    if (json_object_get(walk.needed, key) == NULL) {
        walk.by = "nobody";
        complain("needs", key);
    }
}

/* What is loaded of a row is asked for by some flow; the place is read as one. */
static void check_rows(const struct kn_conductor_record *record)
{
    for (const struct kn_conductor_knowledge *k = record->knows; k != NULL && k->name != NULL; k++) {
        AUTO_FREE char *key = kn_asprintf("row/%s/", k->name);

        if (strcmp(k->name, "generation") != 0 && strcmp(k->name, "host") != 0 && strcmp(k->name, "agent") != 0 &&
            json_object_get(walk.rows, key) == NULL) {
            walk.by = record->table;
            complain("is loaded with what nobody asks for:", k->name);
        }
    }
}

static void check_declarations(const struct kn_conductor_flow *flow)
{
    const struct kn_wish_type *type = kn_wish_type(flow->kind);

    for (const struct kn_conductor_finding *f = flow->finds; f != NULL && f->name != NULL; f++) {
        for (const char *p = f->read_by; *p != '\0'; p += strcspn(p, " "), p += strspn(p, " ")) {
            check_needed("finding", f->name, p, strcspn(p, " "));
        }
    }
    for (const struct kn_field *f = type->fields; f->kind != KN_FIELD_END; f++) {
        if (!flow->told_home) { /* the place itself: read as one */
            check_needed("wish", f->name, "", 0);
        }
    }
}

/* --- the tests -------------------------------------------------------------------------------------------------------------- */

static int setup(void **state)
{
    (void)state;
    walk.needed = json_object();
    walk.rows = json_object();
    walk.complaints = (struct kn_strbuf)KN_STRBUF_INIT;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    json_decref(walk.needed);
    json_decref(walk.rows);
    kn_strbuf_release(&walk.complaints);
    return 0;
}

static void test_every_path_of_every_flow(void **state)
{
    int paths = 0;

    (void)state;
    for (int t = 0; kn_conductor_flow_tables[t] != NULL; t++) {
        for (const struct kn_conductor_flow *flow = kn_conductor_flow_tables[t]; flow->kind != NULL; flow++) {
            paths += walk_flow(flow);
            check_declarations(flow);
        }
    }
    for (int i = 0; i < KN_RECORDS; i++) {
        check_rows(kn_conductor_records[i]);
    }
    if (walk.complaints.len > 0) {
        fail_msg("%s", walk.complaints.buf);
    }
    assert_true(paths > 100);
}

static const struct kn_field *result_field(const char *message, const char *name)
{
    for (const struct kn_field *f = kn_message_type(message)->result; f->kind != KN_FIELD_END; f++) {
        if (strcmp(f->name, name) == 0) {
            return f;
        }
    }
    return NULL;
}

static bool says(const struct kn_conductor_flow *flow, const char *message)
{
    for (int row = 0; row < flow->row_count; row++) {
        for (int i = 0; i < KN_ROW_PARTS && flow->rows[row].parts[i].message != NULL; i++) {
            if (strcmp(flow->rows[row].parts[i].message, message) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void test_a_finding_is_what_its_message_answers(void **state)
{
    (void)state;
    for (int t = 0; kn_conductor_flow_tables[t] != NULL; t++) {
        for (const struct kn_conductor_flow *flow = kn_conductor_flow_tables[t]; flow->kind != NULL; flow++) {
            for (const struct kn_conductor_finding *f = flow->finds; f != NULL && f->name != NULL; f++) {
                const struct kn_field *field = f->whole || !says(flow, f->from) ? NULL : result_field(f->from, f->name);

                if (!says(flow, f->from) || (f->whole ? f->kind != KN_OBJ : field == NULL || field->kind != f->kind)) {
                    fail_msg("%s: \"%s\" is no such thing of %s", flow->kind, f->name, f->from);
                }
            }
        }
    }
}

static void test_every_flow_has_its_wish(void **state)
{
    int wishes = 0;

    (void)state;
    for (const struct kn_wish_type *t = kn_wish_types; t->kind != NULL; t++) {
        assert_non_null(kn_conductor_flow(t->kind));
        wishes++;
    }
    for (int t = 0; kn_conductor_flow_tables[t] != NULL; t++) {
        for (const struct kn_conductor_flow *flow = kn_conductor_flow_tables[t]; flow->kind != NULL; flow++) {
            const char *const place[] = { "host", "agent", "generation" };
            json_t *lacking;

            assert_non_null(kn_wish_type(flow->kind));
            wishes--;
            for (size_t i = 0; flow->told_home && i < KN_COUNT(place);
                 i++) { /* a wish that says the home says all of it */
                walk.full = true;
                lacking = sample(kn_wish_type(flow->kind)->fields);
                assert_int_equal(kn_wish_check(flow->kind, lacking, NULL), 0);
                json_object_del(lacking, place[i]);
                assert_int_equal(kn_wish_check(flow->kind, lacking, NULL), -1);
                json_decref(lacking);
            }
        }
    }
    assert_int_equal(wishes, 0);
}

/* --- flows that are wrong --------------------------------------------------------------------------------------------------- */

static json_t *build_early(const struct kn_conductor_task *task, int item)
{
    (void)kn_conductor_found(task, "power_state");
    return kn_conductor_body_server(task, item);
}

static const struct kn_conductor_flow_row WRONG_ROWS[] = {
    { { { .message = "server.power",
          .to = KN_TO_HOME,
          .build = kn_conductor_body_server_on_host,
          .undo = "place.release",
          .undo_build = build_early } },
      NULL },
    { { { .message = "place.release", .build = build_early } }, NULL },
};
static const struct kn_conductor_finding WRONG_FINDS[] = {
    { .name = "power_state", .kind = KN_INT, .from = "server.power", .read_by = "place.release done" },
    { .name = NULL },
};
static const struct kn_conductor_flow WRONG = { .kind = "server.odd",
                                                .object = &kn_conductor_record_server,
                                                .rows = WRONG_ROWS,
                                                .row_count = 2,
                                                .retry_row = -1,
                                                .finds = WRONG_FINDS };
/* Nobody may read it where it is read. */
static const struct kn_conductor_finding UNREAD_FINDS[] = {
    { .name = "power_state", .kind = KN_INT, .from = "server.power", .read_by = "done", .may_lack = true },
    { .name = NULL },
};
static const struct kn_conductor_flow UNREAD = { .kind = "server.odd",
                                                 .object = &kn_conductor_record_server,
                                                 .rows = WRONG_ROWS,
                                                 .row_count = 2,
                                                 .retry_row = -1,
                                                 .finds = UNREAD_FINDS };
static const struct kn_conductor_flow UNDECLARED = {
    .kind = "server.odd", .object = &kn_conductor_record_server, .rows = WRONG_ROWS, .row_count = 2, .retry_row = -1
};

/* The row that should have found it failed, and its undo needs it. */
static void test_what_is_read_too_early_is_found_out(void **state)
{
    (void)state;
    walk_flow(&WRONG);
    assert_non_null(strstr(walk.complaints.buf, "server.odd: place.release reads before it is written: power_state\n"));
    kn_strbuf_clear(&walk.complaints);
    walk_flow(&UNREAD);
    assert_non_null(strstr(walk.complaints.buf, "server.odd: place.release is not declared to read power_state\n"));
}

static void test_what_is_not_declared_cannot_be_read(void **state)
{
    const struct rlimit none = { 0, 0 };
    int status = 0;
    pid_t pid = fork();

    (void)state;
    assert_true(pid >= 0);
    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGABRT, SIG_DFL);
        walk_flow(&UNDECLARED);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void check_refused(const char *kind, const char *input, const char *words)
{
    json_t *object = json_loads(input, 0, NULL);
    struct kn_error err = { 0 };

    assert_int_equal(kn_wish_check(kind, object, &err), -1);
    assert_string_equal(err.message, words);
    assert_int_equal(err.code, KN_INTERNAL);
    json_decref(object);
}

static void test_a_wish_says_what_is_declared(void **state)
{
    (void)state;
    check_refused("volume.create", "{}", "wish \"volume.create\": input: \"size_gib\" is missing");
    check_refused("volume.create", "{\"size_gib\": \"9\"}",
                  "wish \"volume.create\": input: \"size_gib\" must be an integer");
    check_refused("volume.delete", "{\"size_gib\": 9}", "wish \"volume.delete\": input: \"size_gib\" is unknown");
    check_refused("volume.paint", "{}", "wish \"volume.paint\": there is no such kind of task");
    assert_int_equal(kn_wish_check("volume.delete", NULL, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_path_of_every_flow, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_read_too_early_is_found_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_not_declared_cannot_be_read, setup, teardown),
        cmocka_unit_test(test_a_finding_is_what_its_message_answers),
        cmocka_unit_test(test_every_flow_has_its_wish),
        cmocka_unit_test(test_a_wish_says_what_is_declared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
