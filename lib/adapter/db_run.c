/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running statements: prepared on first use in each session, text in, text out. What happens when the connection goes
 * away under a statement is decided here: a SELECT (or BEGIN) outside a transaction is asked again, everything else is the
 * caller's to repeat, because its outcome is unknown.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/adapter/db_private.h"
#include "lib/base/mem.h"

/* One statement on its way: prepared when stmt->name is not NULL. */
struct call {
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

static PGresult *prepare(struct kn_db *db, const struct kn_stmt *stmt)
{
    PGresult *result = PQprepare(db->conn, stmt->name, stmt->sql, stmt->params, NULL);

    if (succeeded(result)) {
        kn_hmap_put(db->prepared, stmt->name, db);
        PQclear(result);
        return NULL;
    }
    return result;
}

static PGresult *execute(struct kn_db *db, const struct call *call)
{
    const struct kn_stmt *stmt = call->stmt;
    PGresult *failed = NULL;

    if (stmt->name == NULL) {
        return PQexecParams(db->conn, stmt->sql, stmt->params, NULL, call->args, NULL, NULL, 0);
    }
    if (kn_hmap_get(db->prepared, stmt->name) == NULL) {
        failed = prepare(db, stmt);
    }
    return failed != NULL ? failed
                          : PQexecPrepared(db->conn, stmt->name, stmt->params, call->args, NULL, NULL, 0);
}

static int run_once(struct kn_db *db, const struct call *call, PGresult **ret_result, struct kn_error *err)
{
    PGresult *result = NULL;

    if (kn_db_ready(db, err) < 0) {
        return -1;
    }
    result = execute(db, call);
    if (succeeded(result)) {
        *ret_result = result;
        return 0;
    }
    kn_db_fail(db, result, call->what, err);
    PQclear(result);
    return -1;
}

static int run(struct kn_db *db, const struct call *call, PGresult **ret_result, struct kn_error *err)
{
    const bool again = db->tx == KN_TX_NONE && is_repeatable(call->stmt->sql);

    db->constraint[0] = '\0';
    db->values_at_fault = false;
    if (run_once(db, call, ret_result, err) == 0) {
        return 0;
    }
    if (db->conn == NULL || !kn_db_lost(db)) {
        return -1;
    }
    kn_db_drop(db);
    return again ? run_once(db, call, ret_result, err) : -1;
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
    const struct call call = { stmt, args, stmt->name };
    PGresult *result = NULL;

    return run(db, &call, &result, err) < 0 ? -1 : deliver(result, ret_rows, NULL);
}

int kn_db_change(struct kn_db *db, const struct kn_stmt *stmt, const char *const *args, int64_t *ret_count,
                 struct kn_error *err)
{
    const struct call call = { stmt, args, stmt->name };
    PGresult *result = NULL;

    return run(db, &call, &result, err) < 0 ? -1 : deliver(result, NULL, ret_count);
}

int kn_db_query(struct kn_db *db, const char *sql, int params, const char *const *args, struct kn_rows **ret_rows,
                struct kn_error *err)
{
    const struct kn_stmt stmt = { NULL, sql, params };
    const struct call call = { &stmt, args, "query" };
    PGresult *result = NULL;

    return run(db, &call, &result, err) < 0 ? -1 : deliver(result, ret_rows, NULL);
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
    return rc;
}

const char *kn_arg_int(struct kn_arg *arg, int64_t value)
{
    snprintf(arg->text, sizeof(arg->text), "%lld", (long long)value);
    return arg->text;
}
