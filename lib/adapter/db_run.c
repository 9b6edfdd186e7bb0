/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running statements: prepared on first use in each session, text in, text out. What happens when the connection goes
 * away under a statement is decided here: a SELECT (or BEGIN) outside a transaction is asked again, everything else is the
 * caller's to repeat, because its outcome is unknown.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/adapter/db_private.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"

/* One statement on its way: prepared when stmt->name is not NULL. */
struct db_run_call {
    const struct kn_stmt *stmt;
    const char *const *args;
    const char *what; /* in errors */
};

static bool succeeded(const PGresult *result)
{
    const ExecStatusType status = PQresultStatus(result);

    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* Changes nothing, so that it may run twice. */
static bool is_repeatable(const char *sql)
{
    return strncasecmp(sql, "SELECT", strlen("SELECT")) == 0 || strcmp(sql, "BEGIN") == 0;
}

/* --- waiting, but not for ever -------------------------------------------------------------------------------------- */

/* One look at the socket: more is sent, more is read. -1: the time is over, or the connection broke. */
static int wait_once(const struct kn_db *db, int64_t until_ms)
{
    const int unsent = PQflush(db->conn);
    struct pollfd socket = { .fd = PQsocket(db->conn), .events = (short)(unsent > 0 ? POLLIN | POLLOUT : POLLIN) };
    const int64_t left = until_ms - kn_mono_ms();

    if (unsent < 0 || left <= 0 || (poll(&socket, 1, (int)left) < 0 && errno != EINTR)) {
        return -1;
    }
    return (socket.revents & ~POLLOUT) == 0 || PQconsumeInput(db->conn) == 1 ? 0 : -1;
}

PGresult *kn_db_next(const struct kn_db *db, int64_t until_ms)
{
    while (PQisBusy(db->conn) == 1) {
        if (wait_once(db, until_ms) < 0) {
            return NULL;
        }
    }
    return PQgetResult(db->conn);
}

/* The statement's one result; NULL when none came in time, or none can come any more. */
static PGresult *await(const struct kn_db *db, int sent)
{
    const int64_t until_ms = kn_mono_ms() + db->patience_ms;
    PGresult *last = NULL, *next;

    if (sent == 0) {
        return NULL;
    }
    for (;;) {
        while (PQisBusy(db->conn) == 1) {
            if (wait_once(db, until_ms) < 0) {
                PQclear(last);
                return NULL;
            }
        }
        next = PQgetResult(db->conn);
        if (next == NULL) {
            return last;
        }
        PQclear(last);
        last = next;
    }
}

/* --- statements ----------------------------------------------------------------------------------------------------- */

static PGresult *db_run_prepare(struct kn_db *db, const struct kn_stmt *stmt)
{
    PGresult *result = db->patience_ms == 0
                           ? PQprepare(db->conn, stmt->name, stmt->sql, stmt->params, NULL)
                           : await(db, PQsendPrepare(db->conn, stmt->name, stmt->sql, stmt->params, NULL));

    if (result != NULL && succeeded(result)) {
        kn_hmap_put(db->prepared, stmt->name, db);
    }
    return result;
}

bool kn_db_prepared(struct kn_db *db, const struct kn_stmt *stmt, PGresult **ret_failed)
{
    PGresult *prepared;

    if (kn_hmap_get(db->prepared, stmt->name) != NULL) {
        return true;
    }
    prepared = db_run_prepare(db, stmt);
    if (prepared == NULL || !succeeded(prepared)) {
        *ret_failed = prepared;
        return false;
    }
    PQclear(prepared);
    return true;
}

static PGresult *execute_prepared(struct kn_db *db, const struct db_run_call *call)
{
    const struct kn_stmt *stmt = call->stmt;

    return db->patience_ms == 0
               ? PQexecPrepared(db->conn, stmt->name, stmt->params, call->args, NULL, NULL, 0)
               : await(db, PQsendQueryPrepared(db->conn, stmt->name, stmt->params, call->args, NULL, NULL, 0));
}

static PGresult *execute_text(struct kn_db *db, const struct db_run_call *call)
{
    const struct kn_stmt *stmt = call->stmt;

    return db->patience_ms == 0
               ? PQexecParams(db->conn, stmt->sql, stmt->params, NULL, call->args, NULL, NULL, 0)
               : await(db, PQsendQueryParams(db->conn, stmt->sql, stmt->params, NULL, call->args, NULL, NULL, 0));
}

static PGresult *execute(struct kn_db *db, const struct db_run_call *call)
{
    PGresult *failed = NULL;

    if (call->stmt->name == NULL) {
        return execute_text(db, call);
    }
    return kn_db_prepared(db, call->stmt, &failed) ? execute_prepared(db, call) : failed;
}

/* The server is there and says nothing. */
static bool is_hung(const struct kn_db *db, const PGresult *result)
{
    return result == NULL && db->patience_ms > 0 && !kn_db_lost(db);
}

static int db_run_run_once(struct kn_db *db, const struct db_run_call *call, PGresult **ret_result,
                           struct kn_error *err)
{
    PGresult *result = NULL;

    if (kn_db_ready(db, err) < 0) {
        return -1;
    }
    result = execute(db, call);
    if (result != NULL && succeeded(result)) {
        *ret_result = result;
        return 0;
    }
    if (is_hung(db, result)) {
        kn_db_drop(db);
        kn_fail(err, KN_UNAVAILABLE, "%s: the database says nothing for %lld ms", call->what,
                (long long)db->patience_ms);
        return kn_fail_private(err);
    }
    kn_db_fail(db, result, call->what, err);
    PQclear(result);
    return -1;
}

static int db_run_again(struct kn_db *db, const struct db_run_call *call, PGresult **ret_result, struct kn_error *err)
{
    const bool again = db->tx == KN_TX_NONE && is_repeatable(call->stmt->sql);

    db->constraint[0] = '\0';
    db->values_at_fault = false;
    if (kn_db_ahead_notes(db) && again && call->stmt->name != NULL) {
        kn_db_ahead_note(db, call->stmt, call->args);
        return kn_fail(err, KN_UNAVAILABLE, "%s: noted", call->what);
    }
    *ret_result = kn_db_ahead_take(db, call->stmt, call->args);
    if (*ret_result != NULL) {
        return 0;
    }
    if (db_run_run_once(db, call, ret_result, err) == 0) {
        return 0;
    }
    if (db->conn == NULL || !kn_db_lost(db)) {
        return -1;
    }
    kn_db_drop(db);
    return again ? db_run_run_once(db, call, ret_result, err) : -1;
}

static int db_run_run(struct kn_db *db, const struct db_run_call *call, PGresult **ret_result, struct kn_error *err)
{
    const int rc = db_run_again(db, call, ret_result, err);

    kn_db_share_give(db);
    return rc;
}

/* What both public forms end with: the rows, the count, or neither. */
static int deliver(PGresult *result, struct kn_rows **ret_rows, int64_t *ret_count)
{
    if (ret_count != NULL) {
        const bool rows = PQresultStatus(result) == PGRES_TUPLES_OK;
        *ret_count = rows ? PQntuples(result) : strtoll(PQcmdTuples(result), NULL, 10);
    }
    if (ret_rows != NULL) {
        *ret_rows = kn_rows_new(result);
    } else {
        PQclear(result);
    }
    return 0;
}

int kn_db_run(struct kn_db *db, const struct kn_stmt *stmt, const char *const *args, struct kn_rows **ret_rows,
              struct kn_error *err)
{
    const struct db_run_call call = { stmt, args, stmt->name };
    PGresult *result = NULL;

    return db_run_run(db, &call, &result, err) < 0 ? -1 : deliver(result, ret_rows, NULL);
}

int kn_db_change(struct kn_db *db, const struct kn_stmt *stmt, const char *const *args, int64_t *ret_count,
                 struct kn_error *err)
{
    const struct db_run_call call = { stmt, args, stmt->name };
    PGresult *result = NULL;

    return db_run_run(db, &call, &result, err) < 0 ? -1 : deliver(result, NULL, ret_count);
}

int kn_db_query(struct kn_db *db, const char *sql, int params, const char *const *args, struct kn_rows **ret_rows,
                struct kn_error *err)
{
    const struct kn_stmt stmt = { NULL, sql, params };
    const struct db_run_call call = { &stmt, args, "query" };
    PGresult *result = NULL;

    return db_run_run(db, &call, &result, err) < 0 ? -1 : deliver(result, ret_rows, NULL);
}

/* A text's name, eight bytes at a time: every request makes one. The texts are the program's own, so nobody looks for two of one name. */
static uint64_t db_run_hash_of(const char *sql)
{
    uint64_t hash = 0xcbf29ce484222325u, word;

    for (size_t left = strlen(sql); left > 0; left -= left < sizeof(word) ? left : sizeof(word)) {
        word = 0;
        memcpy(&word, sql, left < sizeof(word) ? left : sizeof(word));
        sql += left < sizeof(word) ? left : sizeof(word);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 32;
    }
    return hash;
}

int kn_db_repeat(struct kn_db *db, const char *sql, int params, const char *const *args, struct kn_rows **ret_rows,
                 struct kn_error *err)
{
    char name[24];
    const struct kn_stmt stmt = { name, sql, params };
    const struct db_run_call call = { &stmt, args, "query" };
    PGresult *result = NULL;

    kn_db_share_take(db); /* which it will run on */
    snprintf(name, sizeof(name), "again_%016llx", (unsigned long long)db_run_hash_of(sql));
    if (db->prepared == NULL || kn_hmap_get(db->prepared, name) == NULL) {
        if (db->repeated >= KN_DB_REPEATED) {
            return kn_db_query(db, sql, params, args, ret_rows, err);
        }
        db->repeated++;
    }
    return db_run_run(db, &call, &result, err) < 0 ? -1 : deliver(result, ret_rows, NULL);
}

int kn_db_script(struct kn_db *db, const char *sql, struct kn_error *err)
{
    PGresult *result = NULL;
    int rc = 0;

    if (kn_db_ready(db, err) < 0) {
        return -1;
    }
    result = PQexec(db->conn, sql);
    if (!succeeded(result) && PQresultStatus(result) != PGRES_EMPTY_QUERY) {
        rc = kn_db_fail(db, result, "script", err);
    }
    PQclear(result);
    if (kn_db_lost(db)) {
        kn_db_drop(db);
    }
    kn_db_share_give(db);
    return rc;
}

const char *kn_arg_int(struct kn_arg *arg, int64_t value)
{
    snprintf(arg->text, sizeof(arg->text), "%lld", (long long)value);
    return arg->text;
}
