/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the questions that wait: a table by their ids under one lock, and the thread that reads kn.answer. An exchange is in the table from the moment
 * it was deferred until somebody takes it out, and whoever takes it out answers it: the reader (an answer, the deadline, a client that went away, a bus
 * that did), or the one who stops it all. Nothing is answered under the lock.
 */
#include "lib/adapter/question.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/hmap.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#define BATCH 64
#define POLL_MS 100
#define LOOK_MS 200         /* for clients that went away */
#define SILENCE_MS 1000     /* of a question: then it is asked whether the bus carries at all */
#define BUS_WAIT_MS 2000
#define TOPIC_WAIT_MS 500
#define PAUSE_MS 200        /* between two looks for a bus */

struct waiting {
    char id[KN_UUID_SIZE];
    const struct kn_message_type *type;
    char *agent, *host, *project;
    int64_t asked_ms, until_ms;
    kn_question_answered *answered;
    kn_question_silent *silent;
    struct kn_request *req; /* NULL: a party's */
    struct kn_question_party party;
};

struct kn_questions {
    struct kn_bus *bus;             /* these two: immutable after init */
    int64_t wait_ms;
    struct kn_bus_reader *reader;   /* the thread's own, as are the two below; NULL before there was a bus */
    int64_t looked_ms, bus_asked_ms;
    pthread_t thread;
    atomic_bool stopping;
    pthread_mutex_t lock;
    struct kn_hmap *waiting;        /* guarded by lock, as is the next: id -> struct waiting */
    bool hears;                     /* whoever asks now will hear the answer */
};

static void waiting_free(void *value)
{
    struct waiting *w = value;

    free(w->agent);
    free(w->host);
    free(w->project);
    free(w);
}

/* --- asking ------------------------------------------------------------------------------------------------------------ */

static const char *question_project_of(const struct kn_request *req)
{
    return req->caller.project_id[0] != '\0' ? req->caller.project_id : req->caller.user_id;
}

/* Lock held. */
static int check_bounds(const struct kn_questions *qs, const char *host, const char *project, struct kn_error *err)
{
    int of_host = 0, of_project = 0;
    const char *key;
    void *value;

    for (size_t at = 0; kn_hmap_next(qs->waiting, &at, &key, &value);) {
        const struct waiting *w = value;

        of_host += strcmp(w->host, host) == 0;
        of_project += strcmp(w->project, project) == 0;
    }
    if (of_project >= KN_QUESTIONS_PER_PROJECT) {
        return kn_fail(err, KN_TOO_MANY, "%d requests of this project wait for answers of hosts already", of_project);
    }
    if (of_host >= KN_QUESTIONS_PER_HOST) {
        return kn_fail(err, KN_UNAVAILABLE, "too many requests wait for answers of this host already");
    }
    return 0;
}

static struct waiting *waiting_new(const struct kn_questions *qs, struct kn_request *req, const char *project,
                                   const struct kn_question *question)
{
    struct waiting *w = KN_NEW(struct waiting);

    kn_uuid_make(w->id);
    w->type = kn_message_type(question->type);
    w->agent = kn_strdup(question->agent);
    w->host = kn_strdup(question->host);
    w->project = kn_strdup(project);
    w->asked_ms = kn_mono_ms();
    w->until_ms = w->asked_ms + qs->wait_ms;
    w->answered = question->answered;
    w->silent = question->silent;
    w->req = req;
    w->party.request_id = req != NULL ? req->request_id : NULL;
    return w;
}

static void question_build(const struct kn_questions *qs, const struct waiting *w, const struct kn_question *question,
                           struct kn_message *m)
{
    kn_message_init(m, question->type, json_incref(question->body));
    m->generation = question->generation;
    m->sent_at = kn_now_ms();
    m->deadline = m->sent_at + qs->wait_ms;
    kn_copy(m->question, sizeof(m->question), w->id);
    kn_copy(m->project, sizeof(m->project), w->project); /* whose turn it takes at the agent */
    kn_copy(m->request_id, sizeof(m->request_id), w->party.request_id);
}

/* Lock held. The answer may come as soon as it is sent; the reader then waits for the lock. */
static int send_locked(struct kn_questions *qs, struct waiting *w, const struct kn_message *m, bool follows,
                       struct kn_error *err)
{
    AUTO_FREE char *topic = kn_asprintf("%s%s", KN_TOPIC_AGENT, w->agent);

    if (!qs->hears) {
        return kn_fail(err, KN_UNAVAILABLE, "hosts cannot be asked now: the message bus is away");
    }
    if (check_bounds(qs, w->host, w->project, err) < 0) {
        return -1;
    }
    if (kn_bus_say(qs->bus, topic, 0, m, err) < 0) {
        if (!kn_code_retriable(err->code)) {
            return -1; /* the question itself */
        }
        kn_log_error("question", err); /* it names the agent, which is not the client's to know */
        return kn_fail(err, KN_UNAVAILABLE, "hosts cannot be asked now: the message bus takes nothing");
    }
    if (!follows && w->req != NULL) {
        kn_request_defer(w->req);
    }
    kn_hmap_put(qs->waiting, w->id, w);
    return 0;
}

/* w is taken, or freed. */
static int question_send(struct kn_questions *qs, struct waiting *w, const struct kn_question *question,
                         struct kn_error *err)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    int result = 0;

    question_build(qs, w, question, &m);
    pthread_mutex_lock(&qs->lock);
    result = send_locked(qs, w, &m, question->follows, err);
    pthread_mutex_unlock(&qs->lock);
    if (result < 0) {
        waiting_free(w);
    }
    return result;
}

static int nobody_hears(struct kn_error *err)
{
    return kn_fail(err, KN_UNAVAILABLE, "hosts cannot be asked here");
}

int kn_question_ask(struct kn_questions *qs, struct kn_request *req, const struct kn_question *question,
                    struct kn_error *err)
{
    return qs == NULL ? nobody_hears(err)
                      : question_send(qs, waiting_new(qs, req, question_project_of(req), question), question, err);
}

int kn_question_put(struct kn_questions *qs, const struct kn_question_party *party, const struct kn_question *question,
                    struct kn_error *err)
{
    if (qs == NULL) {
        return nobody_hears(err);
    }
    struct waiting *w = waiting_new(qs, NULL, party->project, question);

    w->party = *party;
    return question_send(qs, w, question, err);
}

int kn_questions_waiting(struct kn_questions *qs)
{
    pthread_mutex_lock(&qs->lock);
    const int count = (int)kn_hmap_count(qs->waiting);
    pthread_mutex_unlock(&qs->lock);
    return count;
}

/* --- answering --------------------------------------------------------------------------------------------------------- */

/* The question that this answers; it is the caller's from now on. NULL: none that waits, or not of him who was asked. */
static struct waiting *take_answered(struct kn_questions *qs, const struct kn_message *m)
{
    struct waiting *w = NULL;

    pthread_mutex_lock(&qs->lock);
    w = kn_hmap_get(qs->waiting, m->question);
    if (w != NULL && w->type == m->type && strcmp(w->agent, m->agent) == 0) {
        kn_hmap_take(qs->waiting, m->question);
    } else {
        w = NULL;
    }
    pthread_mutex_unlock(&qs->lock);
    return w;
}

static void question_take(struct kn_questions *qs, const struct kn_bus_message *raw)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    struct kn_error err = { 0 };

    /* Nobody is told of what is broken or unknown: whoever may write here may write anything. */
    if (kn_bus_hear(qs->bus, raw, &m, &err) < 0 || !m.is_reply || !m.type->is_question) {
        return;
    }
    struct waiting *w = take_answered(qs, &m);
    if (w == NULL) {
        return;
    }
    if (w->req == NULL) {
        w->party.told(w->party.ctx, &m, NULL);
        waiting_free(w);
        return;
    }
    const int told = w->answered(w->req, &m, kn_request_response(w->req), &err);
    if (told != KN_ASKED_ON) { /* else it is the next question's */
        kn_request_answer(w->req, told < 0 ? &err : NULL);
    }
    waiting_free(w);
}

typedef bool is_over(const struct kn_questions *qs, const struct waiting *w, int64_t now);

static bool is_late(const struct kn_questions *qs, const struct waiting *w, int64_t now)
{
    (void)qs;
    return now >= w->until_ms;
}

static bool is_gone(const struct kn_questions *qs, const struct waiting *w, int64_t now)
{
    (void)qs;
    (void)now;
    return w->req != NULL && kn_request_is_gone(w->req);
}

static bool is_any(const struct kn_questions *qs, const struct waiting *w, int64_t now)
{
    (void)qs;
    (void)w;
    (void)now;
    return true;
}

/* One of those that are over, taken out; NULL: there is none. */
static struct waiting *take_over(struct kn_questions *qs, is_over *over)
{
    const int64_t now = kn_mono_ms();
    struct waiting *found = NULL;
    const char *key;
    void *value;

    pthread_mutex_lock(&qs->lock);
    for (size_t at = 0; found == NULL && kn_hmap_next(qs->waiting, &at, &key, &value);) {
        found = over(qs, value, now) ? value : NULL;
    }
    if (found != NULL) {
        kn_hmap_take(qs->waiting, found->id);
    }
    pthread_mutex_unlock(&qs->lock);
    return found;
}

/* A client that went away is told nothing, and of its other hosts nobody is asked. */
static void end_request(const struct waiting *w, bool is_wanted, const struct kn_error *why)
{
    struct kn_error err = *why;
    const int told = w->silent == NULL || !is_wanted ? -1 : w->silent(w->req, why, kn_request_response(w->req), &err);

    if (told != KN_ASKED_ON) {
        kn_request_answer(w->req, told < 0 ? &err : NULL);
    }
}

static void question_end(struct kn_questions *qs, is_over *over, const struct kn_error *why)
{
    for (struct waiting *w = take_over(qs, over); w != NULL; w = take_over(qs, over)) {
        if (w->req == NULL) {
            w->party.told(w->party.ctx, NULL, why);
        } else {
            end_request(w, over != is_gone, why);
        }
        waiting_free(w);
    }
}

static void set_hears(struct kn_questions *qs, bool hears)
{
    pthread_mutex_lock(&qs->lock);
    qs->hears = hears && !atomic_load(&qs->stopping);
    pthread_mutex_unlock(&qs->lock);
}

/* --- the thread -------------------------------------------------------------------------------------------------------- */

static bool has_bus(struct kn_questions *qs, int64_t wait_ms)
{
    struct kn_error err = { 0 };

    if (kn_bus_ensure_topic(qs->bus, KN_TOPIC_ANSWER, 1, wait_ms, &err) < 0) {
        return false;
    }
    if (qs->reader != NULL) {
        return true;
    }
    AUTO(kn_bus_reader) struct kn_bus_reader *reader = NULL;
    if (kn_bus_reader_new(qs->bus, &reader, &err) < 0 || kn_bus_assign(reader, KN_TOPIC_ANSWER, 0, &err) < 0) {
        kn_log_error("questions", &err);
        return false;
    }
    qs->reader = kn_steal(&reader);
    return true;
}

static void look_for_bus(struct kn_questions *qs)
{
    const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };

    if (has_bus(qs, TOPIC_WAIT_MS)) {
        set_hears(qs, true);
    } else {
        nanosleep(&pause, NULL);
    }
}

static bool is_silent(const struct kn_questions *qs, const struct waiting *w, int64_t now)
{
    (void)qs;
    return now - w->asked_ms >= SILENCE_MS;
}

static bool any(struct kn_questions *qs, is_over *what)
{
    const int64_t now = kn_mono_ms();
    const char *key;
    void *value;
    bool found = false;

    pthread_mutex_lock(&qs->lock);
    for (size_t at = 0; !found && kn_hmap_next(qs->waiting, &at, &key, &value);) {
        found = what(qs, value, now);
    }
    pthread_mutex_unlock(&qs->lock);
    return found;
}

/* A host is silent: if it is the bus, nobody waits for the deadline. */
static void doubt_bus(struct kn_questions *qs)
{
    struct kn_error why = { 0 };

    if (kn_mono_ms() - qs->bus_asked_ms < SILENCE_MS || !any(qs, is_silent)) {
        return;
    }
    if (!has_bus(qs, BUS_WAIT_MS)) {
        set_hears(qs, false);
        kn_fail(&why, KN_UNAVAILABLE, "hosts cannot be asked now: the message bus is away");
        question_end(qs, is_any, &why);
    }
    qs->bus_asked_ms = kn_mono_ms();
}

static void look_after(struct kn_questions *qs)
{
    struct kn_error late = { 0 }, gone = { 0 };

    kn_fail(&late, KN_TIMEOUT, "the answer did not come within %.3g s", (double)qs->wait_ms / 1000);
    question_end(qs, is_late, &late);
    if (kn_mono_ms() - qs->looked_ms >= LOOK_MS) {
        kn_fail(&gone, KN_BAD_REQUEST, "the client went away");
        question_end(qs, is_gone, &gone);
        qs->looked_ms = kn_mono_ms();
    }
}

static void hear(struct kn_questions *qs)
{
    struct kn_bus_message batch[BATCH];
    const int count = kn_bus_poll(qs->reader, batch, BATCH, POLL_MS);

    for (int i = 0; i < count; i++) {
        question_take(qs, &batch[i]);
        kn_bus_message_done(&batch[i]);
    }
}

static void *listen_for_answers(void *arg)
{
    struct kn_questions *qs = arg;

    while (!atomic_load(&qs->stopping)) {
        if (!qs->hears) { /* written by this thread alone */
            look_for_bus(qs);
            continue;
        }
        hear(qs);
        look_after(qs);
        doubt_bus(qs);
    }
    kn_bus_reader_free(qs->reader);
    return NULL;
}

/* --- life -------------------------------------------------------------------------------------------------------------- */

int kn_questions_new(struct kn_bus *bus, int64_t wait_ms, struct kn_questions **ret_questions, struct kn_error *err)
{
    struct kn_questions *qs = KN_NEW(struct kn_questions);

    qs->bus = bus;
    qs->wait_ms = wait_ms;
    qs->waiting = kn_hmap_new(waiting_free);
    pthread_mutex_init(&qs->lock, NULL);
    if (pthread_create(&qs->thread, NULL, listen_for_answers, qs) != 0) {
        kn_hmap_free(qs->waiting);
        pthread_mutex_destroy(&qs->lock);
        free(qs);
        return kn_fail(err, KN_INTERNAL, "cannot start the thread that hears answers");
    }
    *ret_questions = qs;
    return 0;
}

void kn_questions_stop(struct kn_questions *qs)
{
    struct kn_error why = { 0 };

    if (qs == NULL || atomic_exchange(&qs->stopping, true)) {
        return;
    }
    pthread_join(qs->thread, NULL);
    set_hears(qs, false);
    kn_fail(&why, KN_UNAVAILABLE, "this API stops; ask again");
    question_end(qs, is_any, &why);
}

void kn_questions_free(struct kn_questions *qs)
{
    if (qs == NULL) {
        return;
    }
    kn_questions_stop(qs);
    kn_hmap_free(qs->waiting);
    pthread_mutex_destroy(&qs->lock);
    free(qs);
}
