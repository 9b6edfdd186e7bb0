/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message: the registry of everything that travels on the bus, and its one parser and one printer.
 *
 * A message is a JSON object:
 *   {"type":"place.claim","v":1,"task":12,"step":0,"part":0,"attempt":1,"generation":1,"shard":3,
 *    "request_id":"req-…","project":"…","sent_at":1763722800000,"deadline":1763722920000,"body":{…}}
 * On a bus whose speakers sign (lib/adapter/signer.h) the last members are "from": who says it, and "sig"; message_speaker.c has who may say what.
 * shard is the partition of kn.reply where the answer is awaited; of a task.wake, the task's own.
 * A reply repeats type, task, step, part, attempt, generation and shard of its command and has "reply":
 *   {"ok":true,"result":{…}}  or  {"ok":false,"elsewhere":true,"error":{"code":"KN_NOT_FOUND","message":"…"}}
 *
 * Work that takes long says so: `working`, on the partition of the answer, with the names of its command; and `cancel`, on the command's topic, ends it.
 * Both name one command of all that ever were by task, attempt, part and generation.
 *
 * A question is asked by the API of one agent and belongs to no task: it has "question", a uuid that nobody can guess. Its answer, on kn.answer,
 * repeats it and says in "agent" who answers.
 *
 * lib/domain/message_types.c declares every type with its topic, the fields of its body and those of its result. Parsing checks
 * all of it: an unknown type or version, a missing required field, a wrong JSON type or a value out of range is an error that
 * says which; the caller sends such a message to kn.dead. Unknown extra fields are ignored (a newer sender).
 */
#ifndef KN_DOMAIN_MESSAGE_H
#define KN_DOMAIN_MESSAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/error.h"
#include "lib/base/strbuf.h"
#include "lib/base/uuid.h"
#include "lib/domain/limits.h"

#define KN_TOPIC_TASK "kn.task"       /* KN_SHARDS partitions */
#define KN_TOPIC_REPLY "kn.reply"     /* KN_SHARDS partitions */
#define KN_TOPIC_PLACE "kn.place"
#define KN_TOPIC_NETWORK "kn.network"
#define KN_TOPIC_VOLUME "kn.volume"
#define KN_TOPIC_IMAGE "kn.image"
#define KN_TOPIC_REPORT "kn.report"
#define KN_TOPIC_ANSWER "kn.answer"   /* every API reads it, agents write it */
#define KN_TOPIC_EVENT "kn.event"
#define KN_TOPIC_DEAD "kn.dead"
#define KN_TOPIC_OWN "kn.<service>"   /* stands for the topic that a service reads */
#define KN_TOPIC_AGENT "kn.agent."    /* + agent id; one partition is read: 0 */
#define KN_TOPIC_WORK \
    "kn.<worker>"   /* stands for the topic that the command went to; who does long work listens there */

#define KN_SPEAKER_SIZE (KN_SIZE_OF(AGENT) + 32) /* "agent/" and an id, or "conductor/" and a host; with its NUL */
#define KN_MESSAGE_MAX (1000 * 1000)  /* bytes; a larger one is refused by both ends */

enum kn_field_kind { KN_FIELD_END, KN_STR, KN_UUID, KN_INT, KN_BOOL, KN_OBJ, KN_ARR };

struct kn_form;

struct kn_field {
    const char *name;
    enum kn_field_kind kind;
    bool required;
    enum kn_limit limit; /* of a KN_INT, of the length of a KN_STR or KN_ARR: a row of lib/domain/limits.def */
    const char *doc;
    const struct kn_form *form; /* of a KN_OBJ, of each item of a KN_ARR (lib/domain/form.h); NULL: of no form */
    enum kn_field_kind items;   /* of a KN_ARR without a form: each item's kind; KN_FIELD_END: any */
    bool apart; /* each item is judged by whoever reads it, by itself: the others stand whatever it says */
};

/* Rows of a table of fields: KN_MUST(name, kind, limit, doc[, .form = …]). */
#define KN_ROW(n, k, r, l, ...) \
    { \
        .name = n, .kind = k, .required = r, .limit = KN_LIMIT_##l, .doc = __VA_ARGS__ \
    }
#define KN_MUST(n, k, l, ...) KN_ROW(n, k, true, l, __VA_ARGS__)
#define KN_MAY(n, k, l, ...) KN_ROW(n, k, false, l, __VA_ARGS__)
#define KN_FIELDS_END \
    { \
        .name = NULL, .kind = KN_FIELD_END \
    }
/* A whole table, in place: KN_FIELDS(KN_MUST(…), KN_MAY(…)). */
#define KN_FIELDS(...) \
    (const struct kn_field[]) \
    { \
        __VA_ARGS__, KN_FIELDS_END \
    }
#define KN_NO_FIELDS \
    (const struct kn_field[]) \
    { \
        KN_FIELDS_END \
    }

struct kn_message_type {
    const char *name; /* "place.claim" */
    int version;
    const char *topic; /* KN_TOPIC_AGENT stands for the agent's own topic, KN_TOPIC_OWN for the speaker's */
    const char *doc;
    const struct kn_field *fields; /* of body, ended by KN_FIELD_END */
    const struct kn_field *result; /* of reply.result; NULL: never answered */
    bool
        is_question; /* of no task and no order: it changes nothing, or what it names for good; answered on kn.answer */
};

struct kn_message {
    const struct kn_message_type *type;
    int64_t task; /* 0: not part of a task (reports) */
    int step; /* row of the flow */
    int part; /* message of the row */
    int attempt;
    int64_t generation;
    int shard;
    char request_id[KN_REQUEST_ID_SIZE];
    char project[KN_SIZE_OF(TENANT)]; /* of a command: who waits for it, so that work is shared fairly; "" = nobody */
    int64_t sent_at; /* ms */
    int64_t deadline; /* ms, 0 = none */
    int64_t seq; /* of a report: grows with each that its agent says, over all its lives; 0 = it does not count */
    char question[KN_UUID_SIZE]; /* of a question and its answer */
    char agent[KN_SIZE_OF(AGENT)]; /* of an answer: who says it; written by the agent */
    char from[KN_SPEAKER_SIZE]; /* who said it: parsed, a claim; from kn_bus_hear(), proven, or "" where nobody signs */
    json_t *body; /* never NULL in a command or report */

    bool is_reply;
    bool ok;
    bool elsewhere; /* failed, but another host could do it */
    json_t *result; /* of an ok reply, never NULL there */
    struct kn_error error; /* of a failed reply */
};

void kn_message_release(struct kn_message *m); /* drops body and result, clears */
const struct kn_message_type *kn_message_type(const char *name); /* NULL if unknown */
extern const struct kn_message_type kn_message_types[]; /* ended by name == NULL */

/* A command or report of a type that must exist (aborts otherwise: a programming error). Steals body (NULL = {}). */
void kn_message_init(struct kn_message *m, const char *type, json_t *body);
/* A message about a command, in its names: working, cancel. As kn_message_init. */
void kn_message_about(struct kn_message *m, const char *type, const struct kn_message *command, json_t *body);
int kn_message_parse(const char *data, size_t len, struct kn_message *ret, struct kn_error *err);
/*
 * A command that is answered is parsed also when the forms inside its fields are wrong: who is told nothing waits for nothing. Whoever executes it asks here
 * first, and answers KN_BAD_REQUEST.
 */
int kn_message_fits(const struct kn_message *m, struct kn_error *err);
/* Also checks the body against the registry, so that nobody sends what nobody would accept. */
int kn_message_print(const struct kn_message *m, struct kn_strbuf *out, struct kn_error *err);
/*
 * Whether `from` may say this: agents answer what agents are told and report of themselves; everything else is the control plane's.
 * KN_FORBIDDEN names who said what.
 */
int kn_message_speaker_check(const struct kn_message *m, struct kn_error *err);
/* "agent/h1" -> "h1"; NULL: it is no agent. */
const char *kn_speaker_agent(const char *from);
/* An object against a field table; `where` names it in the error. */
int kn_fields_check(const struct kn_field *fields, const json_t *object, const char *where, struct kn_error *err);
/* The same, of the object's own fields only: what is inside them may be anything of their kinds. */
int kn_fields_check_outer(const struct kn_field *fields, const json_t *object, const char *where, struct kn_error *err);
/* kn_fields_check, and a name that no field has is refused. */
int kn_fields_check_closed(const struct kn_field *fields, const json_t *object, const char *where,
                           struct kn_error *err);
/* The fields as a Markdown table; nothing for none. */
void kn_fields_document(struct kn_strbuf *out, const char *title, const struct kn_field *fields);
/* The registry as Markdown, for docs/messages.md. */
void kn_message_document(struct kn_strbuf *out);

/* Reading a checked body. The string getters give "" and 0 for what is absent. */
const char *kn_json_str(const json_t *object, const char *key);
int64_t kn_json_int(const json_t *object, const char *key);
bool kn_json_bool(const json_t *object, const char *key);

#endif
