/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking ahead: several questions go to the server in one message, and their answers wait until somebody asks. A question is answered so once, with the
 * same arguments, and only while the scope lasts that asked ahead; what fails here is asked again by whoever wants it, and is told to him.
 */
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
static void ahead_ask(struct kn_db *db)
{
    if (kn_db_ready(db, NULL) < 0 || !ahead_prepare(db) || PQenterPipelineMode(db->conn) == 0) {
        return;
    }
    if (!ahead_send(db) || !ahead_receive(db) || PQexitPipelineMode(db->conn) == 0) {
        kn_db_drop(db);
    }
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
        ahead_ask(db);
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
