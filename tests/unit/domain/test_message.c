/* SPDX-License-Identifier: Apache-2.0 */
/* Messages by text: what parses comes out as it went in, and every way to be wrong is refused with its reason. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/domain/message.h"

#define SERVER "\"server\":\"6f1f4d5e-0000-4000-8000-000000000001\""
#define CLAIM_BODY "{" SERVER ",\"project\":\"p\",\"vcpus\":1,\"memory_mib\":512,\"disk_gib\":0}"
#define CLAIM(extra) "{\"type\":\"place.claim\",\"v\":1" extra ",\"body\":" CLAIM_BODY "}"
#define CLAIM_WITH(body) "{\"type\":\"place.claim\",\"v\":1,\"body\":" body "}"
#define QUESTION ",\"question\":\"6f1f4d5e-0000-4000-8000-000000000002\""
#define ASK(extra) "{\"type\":\"server.console_log\",\"v\":1" extra ",\"body\":{\"host\":\"h\"," SERVER "}}"
#define ANSWER(extra) \
    "{\"type\":\"server.console_log\",\"v\":1" QUESTION extra \
    ",\"reply\":{\"ok\":true,\"result\":{\"output\":\"login: \"}}}"
#define REPLY(reply) "{\"type\":\"place.claim\",\"v\":1,\"reply\":" reply "}"

static int parse(const char *text, struct kn_message *m, struct kn_error *err)
{
    return kn_message_parse(text, strlen(text), m, err);
}

static void test_command_comes_out_as_it_went_in(void **state)
{
    const char *text =
        "{\"type\":\"place.claim\",\"v\":1,\"task\":12,\"step\":1,\"part\":2,\"attempt\":3,\"generation\":4,"
        "\"shard\":5,\"sent_at\":1763722800000,\"deadline\":1763722920000,"
        "\"request_id\":\"req-6f1f4d5e-0000-4000-8000-000000000009\",\"body\":" CLAIM_BODY "}";
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf out = KN_STRBUF_INIT;
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(parse(text, &m, &err), &err);
    assert_false(m.is_reply);
    assert_int_equal(m.task, 12);
    assert_int_equal(m.step, 1);
    assert_int_equal(m.part, 2);
    assert_int_equal(m.attempt, 3);
    assert_int_equal(m.generation, 4);
    assert_int_equal(m.shard, 5);
    assert_int_equal(m.sent_at, 1763722800000);
    assert_int_equal(m.deadline, 1763722920000);
    assert_int_equal(kn_json_int(m.body, "memory_mib"), 512);
    assert_string_equal(kn_json_str(m.body, "zone"), "");
    assert_ok(kn_message_print(&m, &out, &err), &err);

    json_t *before = json_loads(text, 0, NULL);
    json_t *after = json_loads(out.buf, 0, NULL);
    assert_true(json_equal(before, after));
    json_decref(before);
    json_decref(after);
}

/* Who waits for a command travels with it; a word about it has its names, and nothing of its body. */
static void test_work_is_named_by_its_command(void **state)
{
    AUTO_RELEASE(kn_message) struct kn_message command = { 0 }, cancel = { 0 }, working = { 0 }, got = { 0 };
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf out = KN_STRBUF_INIT;
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(
        parse(CLAIM(",\"task\":12,\"step\":1,\"part\":2,\"attempt\":3,\"generation\":4,\"shard\":5,\"project\":\"p\""),
              &command, &err),
        &err);
    assert_string_equal(command.project, "p");
    kn_message_about(&cancel, "cancel", &command, NULL);
    kn_message_about(&working, "working", &command,
                     json_pack("{s:s, s:i, s:s}", "command", "place.claim", "percent", 101, "detail", ""));
    assert_fails(kn_message_print(&working, &out, &err), &err, KN_BAD_REQUEST); /* more than all */
    assert_ok(kn_message_print(&cancel, &out, &err), &err);
    assert_string_equal(
        out.buf,
        "{\"type\":\"cancel\",\"v\":1,\"task\":12,\"step\":1,\"part\":2,\"attempt\":3,\"generation\":4,\"shard\":5,\"body\":{}}");
    assert_fails(parse(CLAIM(",\"project\":1"), &got, &err), &err, KN_BAD_REQUEST);
    kn_copy(cancel.from, sizeof(cancel.from), "agent/h1");
    kn_copy(working.from, sizeof(working.from), "agent/h1");
    assert_fails(kn_message_speaker_check(&cancel, &err), &err,
                 KN_FORBIDDEN); /* nobody on a host ends another's work */
    assert_ok(kn_message_speaker_check(&working, &err), &err);
}

static void test_failed_reply_travels_whole(void **state)
{
    AUTO_RELEASE(kn_message) struct kn_message sent = { 0 };
    AUTO_RELEASE(kn_message) struct kn_message got = { 0 };
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf out = KN_STRBUF_INIT;
    struct kn_error err = { 0 };

    (void)state;
    kn_message_init(&sent, "place.claim", NULL);
    sent.is_reply = true;
    sent.elsewhere = true;
    sent.task = 7;
    kn_fail(&sent.error, KN_NO_VALID_HOST, "no \"valid\" host");
    kn_fail_hint(&sent.error, "add one");
    assert_ok(kn_message_print(&sent, &out, &err), &err);
    assert_ok(parse(out.buf, &got, &err), &err);
    assert_true(got.is_reply);
    assert_false(got.ok);
    assert_true(got.elsewhere);
    assert_int_equal(got.task, 7);
    assert_int_equal(got.error.code, KN_NO_VALID_HOST);
    assert_string_equal(got.error.message, "no \"valid\" host");
    assert_string_equal(got.error.hint, "add one");
}

static void test_done_reply_has_a_result(void **state)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    AUTO_RELEASE(kn_message) struct kn_message empty = { 0 };
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(parse(REPLY("{\"ok\":true,\"result\":{\"host\":\"h\",\"agent\":\"a\",\"zone\":\"z\",\"new\":1}}"), &m,
                    &err),
              &err);
    assert_true(m.ok);
    assert_string_equal(kn_json_str(m.result, "host"), "h");
    assert_ok(parse("{\"type\":\"place.release\",\"v\":1,\"reply\":{\"ok\":true}}", &empty, &err), &err);
    assert_non_null(empty.result);
}

/* Letter for letter: who asks and who answers are different programs. */
static void test_question_and_answer(void **state)
{
    static const char *const TEXTS[] = { ASK(QUESTION), ANSWER(",\"agent\":\"a1\"") };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(TEXTS); i++) {
        AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf out = KN_STRBUF_INIT;
        struct kn_error err = { 0 };

        assert_ok(parse(TEXTS[i], &m, &err), &err);
        assert_string_equal(m.question, "6f1f4d5e-0000-4000-8000-000000000002");
        assert_string_equal(m.agent, i == 0 ? "" : "a1");
        assert_ok(kn_message_print(&m, &out, &err), &err);
        assert_string_equal(out.buf, TEXTS[i]);
        m.question[0] = '\0'; /* nobody sends one that cannot be answered */
        assert_fails(kn_message_print(&m, &out, &err), &err, KN_INTERNAL);
    }
}

static void test_unknown_fields_are_a_newer_sender(void **state)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(parse(CLAIM(",\"traceparent\":\"x\""), &m, &err), &err);
}

static const struct {
    const char *text;
    const char *says;
} BAD[] = {
    { "", "not JSON" },
    { "{", "not JSON" },
    { "nonsense", "not JSON" },
    { "{\"type\":\"place.claim\"}garbage", "not JSON" },
    { "{\"type\":\"a\",\"type\":\"b\"}", "not JSON" },
    { "\xff\xfe", "not JSON" },
    { "{\"type\":\"\\u0000\"}", "not JSON" },
    { "[]", "must be a JSON object" },
    { "{}", "\"type\" must be a string" },
    { "{\"type\":7}", "\"type\" must be a string" },
    { "{\"type\":\"server.explode\",\"v\":1}", "unknown message type \"server.explode\"" },
    { "{\"type\":\"place.claim\"}", "\"v\" of place.claim must be 1" },
    { "{\"type\":\"place.claim\",\"v\":2}", "\"v\" of place.claim must be 1" },
    { "{\"type\":\"place.claim\",\"v\":\"1\"}", "\"v\" of place.claim must be 1" },
    { CLAIM(",\"task\":\"12\""), "\"task\" must be an integer" },
    { CLAIM(",\"task\":-1"), "\"task\" must be from 0" },
    { CLAIM(",\"from\":\"\""), "\"from\" must be a string of 1 to" },
    { CLAIM(",\"from\":7"), "\"from\" must be a string of 1 to" },
    { CLAIM(",\"sig\":7"), "\"sig\" a string" },
    { CLAIM(",\"task\":1.5"), "\"task\" must be an integer" },
    { CLAIM(",\"task\":99999999999999999999999"), "not JSON" },
    { CLAIM(",\"shard\":16"), "\"shard\" must be from 0 to 15" },
    { CLAIM(",\"attempt\":3000000000"), "\"attempt\" must be from 0" },
    { CLAIM(",\"request_id\":\"me\""), "\"request_id\" must be" },
    { CLAIM(",\"request_id\":1"), "\"request_id\" must be" },
    { "{\"type\":\"place.claim\",\"v\":1}", "body: \"server\" is missing" },
    { CLAIM_WITH("[]"), "body must be an object" },
    { CLAIM_WITH("null"), "body must be an object" },
    { CLAIM_WITH("{\"server\":null}"), "body: \"server\" is missing" },
    { CLAIM_WITH("{\"server\":\"me\"}"), "body: \"server\" must be a uuid" },
    { CLAIM_WITH("{" SERVER ",\"project\":{}}"), "body: \"project\" must be a string" },
    { CLAIM_WITH("{" SERVER ",\"project\":\"p\",\"vcpus\":0}"),
      "body: the value of \"vcpus\" must be from 1 to 2147483647" },
    { CLAIM_WITH("{" SERVER ",\"project\":\"p\",\"vcpus\":true}"), "body: \"vcpus\" must be an integer" },
    { CLAIM_WITH("{" SERVER ",\"project\":\"p\",\"vcpus\":1,\"memory_mib\":1,\"disk_gib\":1,\"exclude\":\"h\"}"),
      "body: \"exclude\" must be an array" },
    { ASK(""), "\"question\" of server.console_log must be a uuid" },
    { ASK(",\"question\":1"), "\"question\" of server.console_log must be a uuid" },
    { ASK(",\"question\":\"12\""), "\"question\" of server.console_log must be a uuid" },
    { ANSWER(""), "\"agent\" must say who answers server.console_log" },
    { ANSWER(",\"agent\":\"\""), "\"agent\" must say who answers server.console_log" },
    { ANSWER(",\"agent\":[]"), "\"agent\" must say who answers server.console_log" },
    { REPLY("[]"), "\"reply\" must be an object" },
    { REPLY("{}"), "\"ok\" of a reply must be true or false" },
    { REPLY("{\"ok\":1}"), "\"ok\" of a reply must be true or false" },
    { REPLY("{\"ok\":true}"), "result: \"host\" is missing" },
    { REPLY("{\"ok\":true,\"result\":7}"), "result must be an object" },
    { REPLY("{\"ok\":false}"), "must have an error with code and message" },
    { REPLY("{\"ok\":false,\"error\":{\"code\":\"KN_CONFLICT\"}}"), "must have an error with code and message" },
    { "{\"type\":\"task.wake\",\"v\":1,\"reply\":{\"ok\":true}}", "task.wake is never answered" },
};

static void test_bad_messages_say_why(void **state)
{
    (void)state;
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        struct kn_message m = { .task = 77 };
        struct kn_error err = { 0 };

        if (parse(BAD[i].text, &m, &err) != -1) {
            fail_msg("accepted: %s", BAD[i].text);
        }
        if (strstr(err.message, BAD[i].says) == NULL) {
            fail_msg("%s\n  says \"%s\"\n  not  \"%s\"", BAD[i].text, err.message, BAD[i].says);
        }
        assert_int_equal(m.task, 77); /* untouched */
    }
}

static void test_failure_never_carries_ok(void **state)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(parse(REPLY("{\"ok\":false,\"error\":{\"code\":\"KN_OK\",\"message\":\"?\"}}"), &m, &err), &err);
    assert_int_equal(m.error.code, KN_INTERNAL);
}

static void test_size_is_bounded_both_ways(void **state)
{
    AUTO_FREE char *huge = kn_alloc(KN_MESSAGE_MAX + 2);
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    AUTO_RELEASE(kn_message) struct kn_message big = { 0 };
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf out = KN_STRBUF_INIT;
    struct kn_error err = { 0 };

    (void)state;
    memset(huge, ' ', KN_MESSAGE_MAX + 1);
    assert_fails(parse(huge, &m, &err), &err, KN_TOO_LARGE);
    kn_message_init(&big, "service.hello", json_pack("{s:s, s:s}", "topic", huge, "boot", "b"));
    assert_fails(kn_message_print(&big, &out, &err), &err, KN_TOO_LARGE);
    assert_int_equal(out.len, 0);
}

static void test_nobody_sends_what_nobody_accepts(void **state)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf out = KN_STRBUF_INIT;
    struct kn_error err = { 0 };

    (void)state;
    kn_message_init(&m, "place.release", json_pack("{s:s}", "server", "me"));
    assert_int_equal(kn_message_print(&m, &out, &err), -1);
    assert_non_null(strstr(err.message, "place.release: body: \"server\" must be a uuid"));
    json_object_set_new(m.body, "server", json_string("6f1f4d5e-0000-4000-8000-000000000001"));
    m.shard = KN_SHARDS;
    assert_int_equal(kn_message_print(&m, &out, &err), -1);
    m.shard = 0;
    assert_ok(kn_message_print(&m, &out, &err), &err);
}

/* The registry itself: names are unique, topics are ours, every row is documented. */
static void test_registry_is_sound(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf doc = KN_STRBUF_INIT;

    (void)state;
    kn_message_document(&doc);
    for (const struct kn_message_type *t = kn_message_types; t->name != NULL; t++) {
        AUTO_FREE char *title = kn_asprintf("\n## %s (v%d)\n", t->name, t->version);

        assert_ptr_equal(kn_message_type(t->name), t);
        assert_true(strncmp(t->topic, "kn.", 3) == 0);
        assert_true(t->version > 0 && t->doc[0] != '\0' && t->fields != NULL);
        assert_non_null(strstr(doc.buf, title));
        for (const struct kn_field *f = t->fields; f->kind != KN_FIELD_END; f++) {
            assert_true(f->doc[0] != '\0' && f->limit >= KN_LIMIT_NONE && f->limit < KN_LIMIT_COUNT);
        }
    }
    assert_null(kn_message_type("server.explode"));
}

/* At the limit and one over, of ASCII and of longer characters: a text is measured as the API measures it. */
static void test_texts_are_measured_in_characters(void **state)
{
    static const char *const CHARACTERS[] = { "a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80" };
    static const struct kn_field NAME[] = { KN_MUST("name", KN_STR, SERVER_NAME, "a name"), KN_FIELDS_END };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CHARACTERS); i++) {
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
        struct kn_error err = { 0 };

        for (int n = 0; n <= KN_MAX_SERVER_NAME; n++) {
            json_t *object = NULL;

            kn_strbuf_addstr(&text, CHARACTERS[i]);
            object = json_pack("{s:s}", "name", text.buf);
            assert_int_equal(kn_fields_check(NAME, object, "body", &err), n < KN_MAX_SERVER_NAME ? 0 : -1);
            json_decref(object);
        }
    }
}

/* What the parser would refuse is not printed. */
static void test_an_odd_request_id_is_not_sent(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    struct kn_error err = { 0 };

    (void)state;
    kn_message_init(&m, "task.wake", NULL);
    assert_ok(kn_message_print(&m, &text, &err), &err);
    kn_copy(m.request_id, sizeof(m.request_id), "me");
    assert_fails(kn_message_print(&m, &text, &err), &err, KN_INTERNAL);
    assert_non_null(strstr(err.message, "request_id"));
    kn_request_id_make(m.request_id);
    assert_ok(kn_message_print(&m, &text, &err), &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_odd_request_id_is_not_sent),
        cmocka_unit_test(test_command_comes_out_as_it_went_in),
        cmocka_unit_test(test_work_is_named_by_its_command),
        cmocka_unit_test(test_failed_reply_travels_whole),
        cmocka_unit_test(test_done_reply_has_a_result),
        cmocka_unit_test(test_question_and_answer),
        cmocka_unit_test(test_unknown_fields_are_a_newer_sender),
        cmocka_unit_test(test_bad_messages_say_why),
        cmocka_unit_test(test_failure_never_carries_ok),
        cmocka_unit_test(test_size_is_bounded_both_ways),
        cmocka_unit_test(test_nobody_sends_what_nobody_accepts),
        cmocka_unit_test(test_registry_is_sound),
        cmocka_unit_test(test_texts_are_measured_in_characters),
    };

    return cmocka_run_group_tests_name("domain/message", tests, NULL, NULL);
}
