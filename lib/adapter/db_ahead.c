/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking ahead: several questions go to the server in one message, and their answers wait until somebody asks. A question is answered so once, with the
 * same arguments, and only while the scope lasts that asked ahead; what fails here is asked again by whoever wants it, and is told to him.
 *
 * Threads that want the same at the same time ask once: while one asks, those who come gather, and one of them asks next, for all. So nobody hears what was
 * read before he came, and nothing is kept that could grow old.
 */
#include <pthread.h>
#include <string.h>

#include "lib/adapter/db_private.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"

struct ahead_question {
    const struct kn_stmt *stmt;
    char **args;
    PGresult *answer; /* NULL: there is none, or it was taken */
};

struct kn_db_asked {
    struct ahead_question list[KN_DB_AHEAD];
    int count;
    bool noting;
};

/* One asking of one or more threads. */
struct ahead_flight {
    struct ahead_flight *next;
    char *key;         /* database, statements, arguments */
    int users;         /* threads that wait for it or have not taken its answers yet */
    pthread_cond_t landed;
    bool started;      /* nobody joins any more */
    bool over;
    PGresult *answers[KN_DB_AHEAD];
};

static struct {
    pthread_mutex_t lock;
    struct ahead_flight *first; /* guarded by lock, and so is what they hold */
} flights = { PTHREAD_MUTEX_INITIALIZER, NULL };

static bool same_args(const struct ahead_question *question, const char *const *args)
{
    for (int i = 0; i < question->stmt->params; i++) {
        const char *mine = question->args[i];

        if ((mine == NULL) != (args[i] == NULL) || (mine != NULL && strcmp(mine, args[i]) != 0)) {
            return false;
        }
    }
    return true;
}

void kn_db_ahead_note(struct kn_db *db, const struct kn_stmt *stmt, const char *const *args)
{
    struct kn_db_asked *asked = db->asked;
    struct ahead_question *question;

    if (asked->count == KN_DB_AHEAD || db->tx != KN_TX_NONE) {
        return;
    }
    question = &asked->list[asked->count++];
    *question = (struct ahead_question){ .stmt = stmt };
    question->args = kn_realloc_array(NULL, (size_t)stmt->params + 1, sizeof(*question->args));
    for (int i = 0; i < stmt->params; i++) {
        question->args[i] = kn_strdup(args[i]);
    }
}

bool kn_db_ahead_notes(const struct kn_db *db)
{
    return db->asked != NULL && db->asked->noting;
}

PGresult *kn_db_ahead_take(struct kn_db *db, const struct kn_stmt *stmt, const char *const *args)
{
    for (int i = 0; db->asked != NULL && i < db->asked->count; i++) {
        struct ahead_question *question = &db->asked->list[i];

        if (question->answer != NULL && question->stmt == stmt && same_args(question, args)) {
            return kn_steal(&question->answer);
        }
    }
    return NULL;
}

/* --- one message there, one back ---------------------------------------------------------------------------------------- */

static bool ahead_prepare(struct kn_db *db)
{
    for (int i = 0; i < db->asked->count; i++) {
        PGresult *failed = NULL;

        if (!kn_db_prepared(db, db->asked->list[i].stmt, &failed)) {
            PQclear(failed);
            return false;
        }
    }
    return true;
}

static bool ahead_send(struct kn_db *db)
{
    for (int i = 0; i < db->asked->count; i++) {
        const struct ahead_question *question = &db->asked->list[i];

        if (PQsendQueryPrepared(db->conn, question->stmt->name, question->stmt->params,
                                (const char *const *)question->args, NULL, NULL, 0) == 0) {
            return false;
        }
    }
    return PQpipelineSync(db->conn) == 1;
}

/* One result and the NULL behind it; of the mark at the end there is no NULL. */
static PGresult *ahead_next(struct kn_db *db, int64_t until_ms)
{
    PGresult *result = kn_db_next(db, until_ms);

    if (result != NULL && PQresultStatus(result) != PGRES_PIPELINE_SYNC) {
        PQclear(kn_db_next(db, until_ms));
    }
    return result;
}

static bool ahead_receive(struct kn_db *db)
{
    const int64_t until_ms = db->patience_ms == 0 ? INT64_MAX : kn_mono_ms() + db->patience_ms;
    PGresult *end;
    bool ended;

    for (int i = 0; i < db->asked->count; i++) {
        PGresult *answer = ahead_next(db, until_ms);

        if (answer != NULL && PQresultStatus(answer) == PGRES_TUPLES_OK) {
            db->asked->list[i].answer = answer;
        } else {
            PQclear(answer);
        }
    }
    end = ahead_next(db, until_ms);
    ended = PQresultStatus(end) == PGRES_PIPELINE_SYNC;
    PQclear(end);
    return ended;
}

/* A connection on which something is still under way is no good to anybody. */
static void ahead_ask_once(struct kn_db *db)
{
    if (kn_db_ready(db, NULL) < 0 || !ahead_prepare(db) || PQenterPipelineMode(db->conn) == 0) {
        return;
    }
    if (!ahead_send(db) || !ahead_receive(db) || PQexitPipelineMode(db->conn) == 0) {
        kn_db_drop(db);
    }
}

static void ahead_ask(struct kn_db *db)
{
    ahead_ask_once(db);
    kn_db_share_give(db);
}

/* --- together ----------------------------------------------------------------------------------------------------------- */

static char *flight_key(const struct kn_db *db)
{
    struct kn_strbuf key = KN_STRBUF_INIT;

    kn_strbuf_addstr(&key, db->url);
    for (int i = 0; i < db->asked->count; i++) {
        const struct ahead_question *question = &db->asked->list[i];

        kn_strbuf_addf(&key, "\n%s", question->stmt->name);
        for (int arg = 0; arg < question->stmt->params; arg++) {
            kn_strbuf_addf(&key, "\t%s", question->args[arg] == NULL ? "\b" : question->args[arg]);
        }
    }
    return kn_strbuf_detach(&key);
}

/* The one that is under way, or the one that gathers. */
static struct ahead_flight *flight_find(const char *key, bool started)
{
    struct ahead_flight *flight = flights.first;

    while (flight != NULL && (flight->over || flight->started != started || strcmp(flight->key, key) != 0)) {
        flight = flight->next;
    }
    return flight;
}

static struct ahead_flight *flight_new(const char *key)
{
    struct ahead_flight *flight = KN_NEW(struct ahead_flight);

    flight->key = kn_strdup(key);
    pthread_cond_init(&flight->landed, NULL);
    flight->next = flights.first;
    flights.first = flight;
    return flight;
}

static void flight_leave(struct ahead_flight *flight)
{
    struct ahead_flight **at = &flights.first;

    if (--flight->users > 0) {
        return;
    }
    while (*at != flight) {
        at = &(*at)->next;
    }
    *at = flight->next;
    for (int i = 0; i < KN_DB_AHEAD; i++) {
        PQclear(flight->answers[i]);
    }
    pthread_cond_destroy(&flight->landed);
    free(flight->key);
    free(flight);
}

static void flight_await(struct ahead_flight *flight)
{
    flight->users++;
    while (!flight->over) {
        pthread_cond_wait(&flight->landed, &flights.lock);
    }
}

/* Called and left with the lock held: asks when the one before has landed. */
static void flight_lead(struct kn_db *db, struct ahead_flight *flight)
{
    struct ahead_flight *before = flight_find(flight->key, true);

    flight->users++;
    if (before != NULL) {
        flight_await(before);
        flight_leave(before);
    }
    flight->started = true;
    pthread_mutex_unlock(&flights.lock);
    ahead_ask(db);
    pthread_mutex_lock(&flights.lock);
    for (int i = 0; i < db->asked->count; i++) {
        flight->answers[i] = kn_steal(&db->asked->list[i].answer);
    }
    flight->over = true;
    pthread_cond_broadcast(&flight->landed);
}

/* The last one gets the answers themselves. */
static void flight_take(struct kn_db *db, struct ahead_flight *flight)
{
    const int what = PG_COPYRES_ATTRS | PG_COPYRES_TUPLES;

    for (int i = 0; i < db->asked->count; i++) {
        PGresult **answer = &flight->answers[i];

        db->asked->list[i].answer = flight->users == 1 || *answer == NULL ? kn_steal(answer)
                                                                          : PQcopyResult(*answer, what);
    }
    flight_leave(flight);
}

static void ahead_ask_together(struct kn_db *db)
{
    AUTO_FREE char *key = flight_key(db);
    struct ahead_flight *flight;

    pthread_mutex_lock(&flights.lock);
    flight = flight_find(key, false);
    if (flight == NULL) {
        flight = flight_new(key);
        flight_lead(db, flight);
    } else {
        flight_await(flight);
    }
    flight_take(db, flight);
    pthread_mutex_unlock(&flights.lock);
}

/* --- the scope ---------------------------------------------------------------------------------------------------------- */

void kn_db_ahead_note_all(struct kn_db_ahead *ahead, struct kn_db *db)
{
    kn_db_ahead_release(ahead);
    ahead->db = db;
    db->asked = KN_NEW(struct kn_db_asked);
    db->asked->noting = true;
}

void kn_db_ahead_ask(struct kn_db_ahead *ahead)
{
    struct kn_db *db = ahead->db;

    db->asked->noting = false;
    if (db->asked->count > 1 && db->tx == KN_TX_NONE) {
        ahead_ask_together(db);
    }
}

void kn_db_ahead_release(struct kn_db_ahead *ahead)
{
    struct kn_db_asked *asked = ahead->db == NULL ? NULL : kn_steal(&ahead->db->asked);

    for (int i = 0; asked != NULL && i < asked->count; i++) {
        for (int arg = 0; arg < asked->list[i].stmt->params; arg++) {
            free(asked->list[i].args[arg]);
        }
        free(asked->list[i].args);
        PQclear(asked->list[i].answer);
    }
    free(asked);
    ahead->db = NULL;
}
