/* SPDX-License-Identifier: Apache-2.0 */
/* db_private: what the files of db share; nobody else includes it. */
#ifndef KN_ADAPTER_DB_PRIVATE_H
#define KN_ADAPTER_DB_PRIVATE_H

#include <libpq-fe.h>

#include "lib/adapter/db.h"
#include "lib/base/hmap.h"

enum kn_db_tx_state {
    KN_TX_NONE,
    KN_TX_OPEN,
    KN_TX_LOST, /* the connection went away under it: nothing works until the transaction is released */
};

struct kn_db {
    char *url;
    char *name;
    char *lock;              /* advisory lock that every session holds; NULL = none */
    bool by_key;             /* sessions are told to keep to the indexes */
    bool plan_once;          /* and to plan each statement for all values at once */
    int64_t patience_ms;     /* 0: none */
    PGconn *conn;            /* NULL: not connected */
    int64_t session;         /* counts connections made */
    enum kn_db_tx_state tx;
    struct kn_db_share
        *share; /* whose sessions these are while nobody runs a statement on them; NULL: the connection's own */
    struct kn_hmap *prepared; /* names of statements that this session knows */
    int repeated;             /* how many of them are texts of kn_db_repeat() */
    struct kn_db_asked *asked; /* NULL: nobody asks ahead */
    bool locked_out;         /* the last try to connect failed because another session has the lock */
    char constraint[64];
    bool values_at_fault;    /* of the last failure; kept with constraint */
};

/* One try. KN_UNAVAILABLE when the server is away, or the lock is held by another session. */
int kn_db_connect_once(struct kn_db *db, struct kn_error *err);
/* Drops the connection, if any; marks an open transaction as lost. */
void kn_db_drop(struct kn_db *db);
/* True when the connection looks usable: nothing pending says that the server closed it. Not inside a transaction. */
bool kn_db_alive(const struct kn_db *db);
/*
 * Shared sessions (db_share.c); nothing is done to a connection that has its own. Taking one that rests, if there is one and none is held; giving it back, unless a
 * transaction is open or the session is lost; ending those that rest; the end of a connection that shares.
 */
void kn_db_share_take(struct kn_db *db);
void kn_db_share_give(struct kn_db *db);
void kn_db_share_clear(struct kn_db *db);
void kn_db_share_leave(struct kn_db *db);
/* Connects if need be, the way kn_db_run promises. */
int kn_db_ready(struct kn_db *db, struct kn_error *err);

/* Turns a failed result (or a broken connection) into *err and sets the constraint. Always -1. */
int kn_db_fail(struct kn_db *db, const PGresult *result, const char *what, struct kn_error *err);
bool kn_db_lost(const struct kn_db *db);

/* Whether the session knows the statement now; else *ret_failed says why (NULL: nothing came). */
bool kn_db_prepared(struct kn_db *db, const struct kn_stmt *stmt, PGresult **ret_failed);
/* The next result, or NULL behind the last; also when it did not come in time, or none can come any more. */
PGresult *kn_db_next(const struct kn_db *db, int64_t until_ms);

/* Asking ahead (db_ahead.c): whether statements are only noted now; noting one; the answer that waits for this question, or NULL. */
bool kn_db_ahead_notes(const struct kn_db *db);
void kn_db_ahead_note(struct kn_db *db, const struct kn_stmt *stmt, const char *const *args);
PGresult *kn_db_ahead_take(struct kn_db *db, const struct kn_stmt *stmt, const char *const *args);

struct kn_rows *kn_rows_new(PGresult *result); /* takes the result */

#endif
