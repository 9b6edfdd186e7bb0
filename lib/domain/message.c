/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one parser and the one printer of what travels on the bus. Bytes become a checked struct kn_message or an error that says
 * which field is wrong; nothing is sent that this parser would refuse. What the messages are is said by the registry
 * (message_types.c); this file knows only the envelope. It must never look into the meaning of a body.
 */
#include "lib/domain/message.h"

#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/domain/json_text.h"

#define MAX_INT INT64_C(9007199254740991) /* the largest that every JSON reader keeps exact */
#define USUAL_BYTES 1000 /* of a message: its text is no string that grows and moves five times */

/* The numbers of the envelope, with their place in struct kn_message. */
static const struct {
    const char *name;
    size_t offset;
    bool wide; /* int64_t, else int */
    int64_t max;
} NUMBERS[] = {
    { "task", offsetof(struct kn_message, task), true, MAX_INT },
    { "step", offsetof(struct kn_message, step), false, 1000 },
    { "part", offsetof(struct kn_message, part), false, 1000 },
    { "attempt", offsetof(struct kn_message, attempt), false, INT_MAX },
    { "generation", offsetof(struct kn_message, generation), true, MAX_INT },
    { "shard", offsetof(struct kn_message, shard), false, KN_SHARDS - 1 },
    { "sent_at", offsetof(struct kn_message, sent_at), true, MAX_INT },
    { "deadline", offsetof(struct kn_message, deadline), true, MAX_INT },
    { "seq", offsetof(struct kn_message, seq), true, MAX_INT },
};

static int64_t number_get(const struct kn_message *m, size_t i)
{
    const char *at = (const char *)m + NUMBERS[i].offset;
    int64_t wide = 0;
    int narrow = 0;

    if (NUMBERS[i].wide) {
        memcpy(&wide, at, sizeof(wide));
        return wide;
    }
    memcpy(&narrow, at, sizeof(narrow));
    return narrow;
}

static void number_set(struct kn_message *m, size_t i, int64_t value)
{
    char *at = (char *)m + NUMBERS[i].offset;
    const int narrow = (int)value;

    if (NUMBERS[i].wide) {
        memcpy(at, &value, sizeof(value));
    } else {
        memcpy(at, &narrow, sizeof(narrow));
    }
}

/* --- life ---------------------------------------------------------------------------------------------------------- */

void kn_message_release(struct kn_message *m)
{
    json_decref(m->body);
    json_decref(m->result);
    *m = (struct kn_message){ 0 };
}

const struct kn_message_type *kn_message_type(const char *name)
{
    for (const struct kn_message_type *t = kn_message_types; t->name != NULL; t++) {
        if (strcmp(t->name, name) == 0) {
            return t;
        }
    }
    return NULL;
}

void kn_message_init(struct kn_message *m, const char *type, json_t *body)
{
    *m = (struct kn_message){ .type = kn_message_type(type), .body = body != NULL ? body : json_object() };
    if (m->type == NULL || m->body == NULL) {
        abort();
    }
}

void kn_message_about(struct kn_message *m, const char *type, const struct kn_message *command, json_t *body)
{
    kn_message_init(m, type, body);
    m->task = command->task;
    m->step = command->step;
    m->part = command->part;
    m->attempt = command->attempt;
    m->generation = command->generation;
    m->shard = command->shard;
    kn_copy(m->request_id, sizeof(m->request_id), command->request_id);
}

/* --- parsing ------------------------------------------------------------------------------------------------------- */

static int parse_numbers(const json_t *object, struct kn_message *m, struct kn_error *err)
{
    for (size_t i = 0; i < KN_COUNT(NUMBERS); i++) {
        const json_t *value = json_object_get(object, NUMBERS[i].name);

        if (value == NULL) {
            continue; /* 0 */
        }
        if (!json_is_integer(value)) {
            return kn_fail(err, KN_BAD_REQUEST, "\"%s\" must be an integer", NUMBERS[i].name);
        }
        if (json_integer_value(value) < 0 || json_integer_value(value) > NUMBERS[i].max) {
            return kn_fail(err, KN_BAD_REQUEST, "\"%s\" must be from 0 to %lld", NUMBERS[i].name,
                           (long long)NUMBERS[i].max);
        }
        number_set(m, i, json_integer_value(value));
    }
    return 0;
}

static int parse_request_id(const json_t *object, struct kn_message *m, struct kn_error *err)
{
    const json_t *id = json_object_get(object, "request_id");

    if (id == NULL) {
        return 0;
    }
    if (!kn_request_id_valid(json_string_value(id))) {
        return kn_fail(err, KN_BAD_REQUEST, "\"request_id\" must be \"req-\" and a uuid");
    }
    kn_copy(m->request_id, sizeof(m->request_id), json_string_value(id));
    return 0;
}

static int parse_project(const json_t *object, struct kn_message *m, struct kn_error *err)
{
    const json_t *project = json_object_get(object, "project");

    if (project == NULL) {
        return 0;
    }
    if (!json_is_string(project) || !kn_limit_fits(KN_LIMIT_TENANT, json_string_value(project))) {
        return kn_fail(err, KN_BAD_REQUEST, "\"project\" must be a string of at most %d characters", KN_MAX_TENANT);
    }
    kn_copy(m->project, sizeof(m->project), json_string_value(project));
    return 0;
}

static int parse_question(const json_t *object, struct kn_message *m, struct kn_error *err)
{
    const char *id = json_string_value(json_object_get(object, "question"));

    if (!m->type->is_question) {
        return 0;
    }
    if (!kn_uuid_valid(id)) {
        return kn_fail(err, KN_BAD_REQUEST, "\"question\" of %s must be a uuid", m->type->name);
    }
    kn_copy(m->question, sizeof(m->question), id);
    return 0;
}

/* Of an answer to a question. */
static int parse_agent(const json_t *object, struct kn_message *m, struct kn_error *err)
{
    const char *agent = json_string_value(json_object_get(object, "agent"));

    if (!m->type->is_question) {
        return 0;
    }
    if (agent == NULL || !kn_limit_fits(KN_LIMIT_AGENT, agent)) {
        return kn_fail(err, KN_BAD_REQUEST, "\"agent\" must say who answers %s", m->type->name);
    }
    kn_copy(m->agent, sizeof(m->agent), agent);
    return 0;
}

/* Who says it, as a claim; whether it is true is the bus's matter. */
static int parse_speaker(const json_t *object, struct kn_message *m, struct kn_error *err)
{
    const json_t *from = json_object_get(object, "from");
    const json_t *sig = json_object_get(object, "sig");
    const size_t len = json_string_length(from);

    if ((from != NULL && (!json_is_string(from) || len == 0 || len >= sizeof(m->from))) ||
        (sig != NULL && !json_is_string(sig))) {
        return kn_fail(err, KN_BAD_REQUEST, "\"from\" must be a string of 1 to %zu bytes, \"sig\" a string",
                       sizeof(m->from) - 1);
    }
    kn_copy(m->from, sizeof(m->from), from != NULL ? json_string_value(from) : "");
    return 0;
}

static int parse_type(const json_t *object, struct kn_message *m, struct kn_error *err)
{
    const char *name = json_string_value(json_object_get(object, "type"));
    const json_t *version = json_object_get(object, "v");

    if (name == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "\"type\" must be a string");
    }
    m->type = kn_message_type(name);
    if (m->type == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "unknown message type \"%s\"", name);
    }
    if (!json_is_integer(version) || json_integer_value(version) != m->type->version) {
        return kn_fail(err, KN_BAD_REQUEST, "\"v\" of %s must be %d", name, m->type->version);
    }
    return 0;
}

static int parse_failure(const json_t *reply, struct kn_message *m, struct kn_error *err)
{
    const json_t *failure = json_object_get(reply, "error");
    const char *code = json_string_value(json_object_get(failure, "code"));
    const char *message = json_string_value(json_object_get(failure, "message"));

    if (code == NULL || message == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "a failed reply must have an error with code and message");
    }
    /* A failure may not claim that nothing failed. */
    const enum kn_code known = kn_code_from_name(code);
    kn_fail(&m->error, known == KN_OK ? KN_INTERNAL : known, "%s", message);
    if (kn_json_str(failure, "hint")[0] != '\0') {
        kn_fail_hint(&m->error, "%s", kn_json_str(failure, "hint"));
    }
    m->elsewhere = kn_json_bool(reply, "elsewhere");
    return 0;
}

static int parse_reply(json_t *reply, struct kn_message *m, struct kn_error *err)
{
    const json_t *ok = json_object_get(reply, "ok");
    json_t *result = json_object_get(reply, "result");

    if (m->type->result == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "%s is never answered", m->type->name);
    }
    if (!json_is_boolean(ok)) {
        return kn_fail(err, KN_BAD_REQUEST, "\"ok\" of a reply must be true or false");
    }
    m->is_reply = true;
    m->ok = json_is_true(ok);
    if (!m->ok) {
        return parse_failure(reply, m, err);
    }
    m->result = result != NULL ? json_incref(result) : json_object();
    return kn_fields_check(m->type->result, m->result, "result", err);
}

static int message_parse_body(json_t *object, struct kn_message *m, struct kn_error *err)
{
    json_t *body = json_object_get(object, "body");

    m->body = body != NULL ? json_incref(body) : json_object();
    return m->type->result != NULL ? kn_fields_check_outer(m->type->fields, m->body, "body", err)
                                   : kn_fields_check(m->type->fields, m->body, "body", err);
}

int kn_message_fits(const struct kn_message *m, struct kn_error *err)
{
    return m->is_reply || m->type->result == NULL ? 0 : kn_fields_check(m->type->fields, m->body, "body", err);
}

static int message_parse_object(json_t *object, struct kn_message *m, struct kn_error *err)
{
    json_t *reply = json_object_get(object, "reply");

    if (!json_is_object(object)) {
        return kn_fail(err, KN_BAD_REQUEST, "a message must be a JSON object");
    }
    if (parse_type(object, m, err) < 0 || parse_numbers(object, m, err) < 0 || parse_request_id(object, m, err) < 0 ||
        parse_project(object, m, err) < 0 || parse_question(object, m, err) < 0 || parse_speaker(object, m, err) < 0) {
        return -1;
    }
    if (reply == NULL) {
        return message_parse_body(object, m, err);
    }
    if (!json_is_object(reply)) {
        return kn_fail(err, KN_BAD_REQUEST, "\"reply\" must be an object");
    }
    return parse_agent(object, m, err) < 0 ? -1 : parse_reply(reply, m, err);
}

int kn_message_parse(const char *data, size_t len, struct kn_message *ret, struct kn_error *err)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    json_error_t why = { 0 };
    json_t *object = NULL;
    int rc = 0;

    if (len > KN_MESSAGE_MAX) {
        return kn_fail(err, KN_TOO_LARGE, "a message of %zu bytes is larger than %d", len, KN_MESSAGE_MAX);
    }
    object = json_loadb(data, len, JSON_REJECT_DUPLICATES, &why);
    if (object == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "not JSON at byte %d: %s", why.position, why.text);
    }
    rc = message_parse_object(object, &m, err);
    json_decref(object);
    if (rc == 0) {
        *ret = m;
        m = (struct kn_message){ 0 };
    }
    return rc;
}

/* --- printing ------------------------------------------------------------------------------------------------------ */

static void add_member(struct kn_strbuf *out, const char *name, const json_t *value)
{
    kn_strbuf_addstr(out, ",\"");
    kn_strbuf_addstr(out, name);
    kn_strbuf_addstr(out, "\":");
    kn_json_print(out, value);
}

static void add_failure(struct kn_strbuf *out, const struct kn_message *m)
{
    kn_strbuf_addf(out, ",\"elsewhere\":%s,\"error\":{\"code\":\"%s\",\"message\":", m->elsewhere ? "true" : "false",
                   kn_code_name(m->error.code));
    kn_strbuf_addjson(out, m->error.message);
    if (m->error.hint[0] != '\0') {
        kn_strbuf_addstr(out, ",\"hint\":");
        kn_strbuf_addjson(out, m->error.hint);
    }
    kn_strbuf_addch(out, '}');
}

static void add_envelope(struct kn_strbuf *out, const struct kn_message *m)
{
    kn_strbuf_addf(out, "{\"type\":\"%s\",\"v\":%d", m->type->name, m->type->version);
    for (size_t i = 0; i < KN_COUNT(NUMBERS); i++) {
        if (number_get(m, i) != 0) {
            kn_strbuf_addstr(out, ",\"");
            kn_strbuf_addstr(out, NUMBERS[i].name);
            kn_strbuf_addstr(out, "\":");
            kn_strbuf_addint(out, number_get(m, i));
        }
    }
    if (m->request_id[0] != '\0') {
        kn_strbuf_addstr(out, ",\"request_id\":");
        kn_strbuf_addjson(out, m->request_id);
    }
    if (m->project[0] != '\0') {
        kn_strbuf_addstr(out, ",\"project\":");
        kn_strbuf_addjson(out, m->project);
    }
    if (m->type->is_question) {
        kn_strbuf_addstr(out, ",\"question\":");
        kn_strbuf_addjson(out, m->question);
    }
    if (m->type->is_question && m->is_reply) {
        kn_strbuf_addstr(out, ",\"agent\":");
        kn_strbuf_addjson(out, m->agent);
    }
}

static int message_check(const struct kn_message *m, struct kn_error *err)
{
    for (size_t i = 0; i < KN_COUNT(NUMBERS); i++) {
        if (number_get(m, i) < 0 || number_get(m, i) > NUMBERS[i].max) {
            return kn_fail(err, KN_INTERNAL, "\"%s\" is out of range", NUMBERS[i].name);
        }
    }
    if (m->request_id[0] != '\0' && !kn_request_id_valid(m->request_id)) {
        return kn_fail(err, KN_INTERNAL, "\"request_id\" \"%s\" is not \"req-\" and a uuid", m->request_id);
    }
    if (m->type->is_question && !kn_uuid_valid(m->question)) {
        return kn_fail(err, KN_INTERNAL, "\"question\" is missing");
    }
    if (!m->is_reply) {
        return kn_fields_check(m->type->fields, m->body, "body", err);
    }
    if (m->type->result == NULL) {
        return kn_fail(err, KN_INTERNAL, "%s is never answered", m->type->name);
    }
    if (m->type->is_question && m->agent[0] == '\0') {
        return kn_fail(err, KN_INTERNAL, "\"agent\" is missing");
    }
    return m->ok && m->result != NULL ? kn_fields_check(m->type->result, m->result, "result", err) : 0;
}

int kn_message_print(const struct kn_message *m, struct kn_strbuf *out, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;

    if (message_check(m, err) < 0) {
        return kn_fail_context(err, "%s", m->type->name);
    }
    kn_strbuf_grow(&text, USUAL_BYTES);
    add_envelope(&text, m);
    if (m->is_reply) {
        kn_strbuf_addf(&text, ",\"reply\":{\"ok\":%s", m->ok ? "true" : "false");
        if (!m->ok) {
            add_failure(&text, m);
        } else if (m->result != NULL) {
            add_member(&text, "result", m->result);
        }
        kn_strbuf_addch(&text, '}');
    } else {
        add_member(&text, "body", m->body);
    }
    if (m->from[0] != '\0') {
        kn_strbuf_addstr(&text, ",\"from\":");
        kn_strbuf_addjson(&text, m->from);
    }
    kn_strbuf_addch(&text, '}');
    if (text.len > KN_MESSAGE_MAX) {
        return kn_fail(err, KN_TOO_LARGE, "%s of %zu bytes is larger than %d", m->type->name, text.len, KN_MESSAGE_MAX);
    }
    kn_strbuf_add(out, text.buf, text.len);
    return 0;
}

/* --- reading a checked body ---------------------------------------------------------------------------------------- */

const char *kn_json_str(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));

    return value != NULL ? value : "";
}

int64_t kn_json_int(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

bool kn_json_bool(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}
