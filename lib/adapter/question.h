/* SPDX-License-Identifier: Apache-2.0 */
/*
 * question: what only a host knows, asked of its agent on behalf of a request that waits without a thread. A question is of no task and no row is
 * written: it goes to the agent's topic, and the answer comes on kn.answer, which every API reads from its end. Lost ones are not repeated: the
 * deadline says so to the client, who may ask again.
 *
 * Who waits is bounded, per host and per project, so that nobody fills the API's connections with a host that is silent. An answer is used only if
 * its id is that of a question that still waits (a uuid that nobody but the asked agent has seen) and that agent says it; any other is dropped.
 */
#ifndef KN_ADAPTER_QUESTION_H
#define KN_ADAPTER_QUESTION_H

#include "lib/adapter/http.h"
#include "lib/base/cleanup.h"
#include "lib/domain/message.h"

#define KN_QUESTIONS_PER_HOST 32
#define KN_QUESTIONS_PER_PROJECT 8

struct kn_questions;

/*
 * Writes what the answer means into res; or fails with what the client is told. On the reader's thread: it must not block, and req has no database.
 * answer->ok is false when the agent refused: its words name hosts and paths, and are not the client's. KN_ASKED_ON: it asked another question
 * (kn_question.follows), whose answer is the client's.
 */
#define KN_ASKED_ON 1
typedef int kn_question_answered(struct kn_request *req, const struct kn_message *answer, struct kn_response *res,
                                 struct kn_error *err);

/* The same for a host that does not answer in time, or cannot be asked any more: what the client is told instead of `why`. KN_ASKED_ON as above. */
typedef int kn_question_silent(struct kn_request *req, const struct kn_error *why, struct kn_response *res,
                               struct kn_error *err);

/* All of it borrowed until kn_question_ask() has returned. */
struct kn_question {
    const char *type; /* of a message that is_question */
    const char *agent; /* who is asked */
    const char *host; /* about what; the body names it, too */
    int64_t generation;
    json_t *body;
    kn_question_answered *answered;
    bool follows; /* asked by an answer's function: the request waits already */
    kn_question_silent *silent; /* NULL: `why` is what the client is told */
};

/* Who asks when it is no request (a console that was dialled): told once, of the answer or of why there is none. Reader's thread: it must not block. */
struct kn_question_party {
    const char *project; /* borrowed until kn_question_put() has returned, as the next */
    const char *request_id;
    void (*told)(void *ctx, const struct kn_message *answer, const struct kn_error *why); /* one of the two is NULL */
    void *ctx;
};

/* Listens on a thread of its own from now on, as soon as there is a bus. wait_ms: how long an answer may take. */
int kn_questions_new(struct kn_bus *bus, int64_t wait_ms, struct kn_questions **ret_questions, struct kn_error *err);
/* Everybody who waits is answered now, whoever comes later is refused. Before the listener stops. */
void kn_questions_stop(struct kn_questions *questions);
void kn_questions_free(struct kn_questions *questions); /* after the listener; stops if nobody did */
KN_DEFINE_AUTO(kn_questions);

/*
 * Asks, and defers req: after success its handler returns 0 and touches it no more. KN_TOO_MANY: the project has too many that wait; KN_UNAVAILABLE: the
 * host has, or there is no bus to hear answers from. questions may be NULL: then there is none.
 */
int kn_question_ask(struct kn_questions *questions, struct kn_request *req, const struct kn_question *question,
                    struct kn_error *err);
/* The same for a party; of the question, `answered` and what follows it are not looked at. After a failure nobody is told. */
int kn_question_put(struct kn_questions *questions, const struct kn_question_party *party,
                    const struct kn_question *question, struct kn_error *err);
int kn_questions_waiting(struct kn_questions *questions);

#endif
