/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db: PostgreSQL over libpq. One struct kn_db is one connection and belongs to one thread at a time.
 *
 *   static const struct kn_stmt SERVER_GET = { "server_get", "SELECT … WHERE id = $1 AND project_id = $2", 2 };
 *   AUTO(kn_rows) struct kn_rows *rows = NULL;
 *   if (kn_db_run(db, &SERVER_GET, KN_ARGS(id, project), &rows, err) < 0) return -1;
 *
 * Statements are prepared on first use per connection, by name (unique in the process). Values travel as text; NULL is
 * SQL NULL; lists travel as one array literal (kn_array) and are unnested in SQL.
 *
 * A lost connection outside a transaction is reconnected with back-off inside kn_db_run (the statement is run again
 * only if it was never sent or is a plain SELECT); inside a transaction the call fails with KN_UNAVAILABLE and the
 * transaction is gone: the caller starts it again from its beginning. Errors of SQL become: unique/foreign key/check
 * violation KN_CONFLICT (kn_db_constraint() names it), deadlock/serialization KN_UNAVAILABLE, the rest KN_INTERNAL.
 * After an error of a COMMIT whose answer was lost the outcome is unknown: statements are written so that a second run
 * finds out.
 */
#ifndef KN_ADAPTER_DB_H
#define KN_ADAPTER_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/error.h"
#include "lib/base/strbuf.h"

struct kn_db;
struct kn_rows;

struct kn_stmt {
    const char *name;
    const char *sql;
    int params;
};

#define KN_ARGS(...) ((const char *const[]){ __VA_ARGS__ })
#define KN_NO_ARGS NULL

/* url: libpq conninfo; name: shown in pg_stat_activity. Connects lazily; never fails. */
struct kn_db *kn_db_new(const char *url, const char *name);
void kn_db_free(struct kn_db *db);
KN_DEFINE_AUTO(kn_db);
/* Connects now, waiting up to wait_ms (-1: for ever) with back-off. Nothing to do when connected. */
int kn_db_connect(struct kn_db *db, int64_t wait_ms, struct kn_error *err);
/*
 * From now on every session of this connection holds the advisory lock of that name, and connecting fails with
 * KN_UNAVAILABLE while somebody else has it: one active writer. Call before the first connect. Such a connection never
 * reconnects by itself: after a loss calls fail until kn_db_connect(), because another writer may have worked meanwhile.
 */
void kn_db_hold(struct kn_db *db, const char *lock);
/* The last try to connect reached the server, but another session held the lock. */
bool kn_db_locked_out(const struct kn_db *db);
/*
 * Every statement of this connection touches few rows by key: its sessions keep to the indexes. A plan that was made while the tables were
 * empty would otherwise read them whole for ever after. Call before the first connect.
 */
void kn_db_by_key(struct kn_db *db);
/*
 * The same, and each of its statements is prepared and planned once: with its own numbers in hand PostgreSQL takes an unnest of few rows to be cheaper than one of
 * many, and plans it anew each time it runs. Not where statements are put together for their values (lists).
 */
void kn_db_plan_once(struct kn_db *db);
/*
 * The connections of one url and name that say so share their sessions: each takes one for a statement or a transaction, the one that was used last, and there are no
 * more than work at once. All of them are told the same (kn_db_by_key, …); none holds a lock. Call before the first connect.
 */
void kn_db_share(struct kn_db *db);
/*
 * No statement is waited for longer than this (0 = for ever, the default): a server that takes connections and says nothing holds nobody for
 * ever. Then the connection is dropped and the call fails with KN_UNAVAILABLE; what the server makes of the statement is unknown, as after
 * any loss, and it is not asked again. Scripts are not bounded.
 */
void kn_db_patience(struct kn_db *db, int64_t ms);
/* How many times this connection was made. Whoever caches what the database says reads it again when this changed. */
int64_t kn_db_session(const struct kn_db *db);

/* Runs a statement. ret_rows may be NULL when nobody wants them. */
int kn_db_run(struct kn_db *db, const struct kn_stmt *stmt, const char *const *args, struct kn_rows **ret_rows,
              struct kn_error *err);
/* The same, for those who only want how many rows were returned or changed. */
int kn_db_change(struct kn_db *db, const struct kn_stmt *stmt, const char *const *args, int64_t *ret_count,
                 struct kn_error *err);
/* Unprepared text, several statements allowed: migrations and tests only. */
int kn_db_script(struct kn_db *db, const char *sql, struct kn_error *err);
/* Unprepared text with parameters and rows: lists whose WHERE is built from fixed pieces. Never from user text. */
int kn_db_query(struct kn_db *db, const char *sql, int params, const char *const *args, struct kn_rows **ret_rows,
                struct kn_error *err);
/*
 * The same for texts of which there are few and that come again and again: a session prepares each once, up to KN_DB_REPEATED of them, and
 * runs what is beyond as it is.
 */
#define KN_DB_REPEATED 256
int kn_db_repeat(struct kn_db *db, const char *sql, int params, const char *const *args, struct kn_rows **ret_rows,
                 struct kn_error *err);
/* The violated constraint's name after KN_CONFLICT; "" otherwise. Valid until the next call. */
const char *kn_db_constraint(const struct kn_db *db);
/*
 * Was the last failure due to the values that were to be written (a constraint, a range, a format)? Then the same again fails again, and others' values do
 * not. Ask at once, after the transaction's scope at the latest.
 */
bool kn_db_values_at_fault(const struct kn_db *db);

/*
 * Asking ahead. Who knows that several questions will be asked in turn, each by its own room, calls those rooms once before, between
 * kn_db_ahead_note_all() and kn_db_ahead_ask(): there SELECTs are only noted, and fail with KN_UNAVAILABLE. Then all of them go to the server in one message, and
 * each is answered from there when it is asked in earnest, once, with the same arguments, until the scope ends. Outside of transactions; the first
 * KN_DB_AHEAD of them. Threads that ask the same ahead at the same time get the same answers, of one asking that began when all of them were there.
 *
 *   AUTO_RELEASE(kn_db_ahead) struct kn_db_ahead ahead = { NULL };
 *   kn_db_ahead_note_all(&ahead, db);  ask_a(db); ask_b(db);  kn_db_ahead_ask(&ahead);
 */
#define KN_DB_AHEAD 8
struct kn_db_ahead {
    struct kn_db *db; /* NULL: nothing was asked */
};
void kn_db_ahead_note_all(struct kn_db_ahead *ahead, struct kn_db *db);
void kn_db_ahead_ask(struct kn_db_ahead *ahead);
void kn_db_ahead_release(struct kn_db_ahead *ahead);

/* Transactions: leaving scope without commit rolls back. */
struct kn_tx {
    struct kn_db *db; /* NULL: not open */
};
int kn_tx_begin(struct kn_tx *tx, struct kn_db *db, struct kn_error *err);
int kn_tx_commit(struct kn_tx *tx, struct kn_error *err);
void kn_tx_release(struct kn_tx *tx);
bool kn_tx_is_open(const struct kn_db *db);
#define AUTO_TX AUTO_RELEASE(kn_tx)

/* Rows: cells are text; a NULL cell is NULL. Pointers live as long as the rows. */
void kn_rows_free(struct kn_rows *rows);
KN_DEFINE_AUTO(kn_rows);
int kn_rows_count(const struct kn_rows *rows);
/* A column has a name: an enum beside its statement, members.h, an attribute; or this, of a statement that selects one thing. */
enum { KN_ONLY };
const char *kn_rows_str(const struct kn_rows *rows, int row, int col); /* NULL if SQL NULL */
const char *kn_rows_text(const struct kn_rows *rows, int row, int col); /* "" if SQL NULL */
int64_t kn_rows_int(const struct kn_rows *rows, int row, int col); /* 0 if SQL NULL */
bool kn_rows_bool(const struct kn_rows *rows, int row, int col);
bool kn_rows_null(const struct kn_rows *rows, int row, int col);
int kn_rows_col(const struct kn_rows *rows, const char *name); /* -1 if absent */

/* An array literal: {"a","b",NULL}. */
struct kn_array {
    struct kn_strbuf text;
    int count;
    bool closed; /* the closing brace stands; the next element takes it away */
};
#define KN_ARRAY_INIT \
    { \
        KN_STRBUF_INIT, 0, false \
    }
void kn_array_release(struct kn_array *a);
void kn_array_clear(struct kn_array *a);
void kn_array_add(struct kn_array *a, const char *value); /* NULL: SQL NULL */
void kn_array_addint(struct kn_array *a, int64_t value);
const char *kn_array_value(struct kn_array *a); /* the finished literal; adding may go on after */

/* A number as an argument: kn_arg(buf, n). */
struct kn_arg {
    char text[24];
};
const char *kn_arg_int(struct kn_arg *arg, int64_t value);

#endif
