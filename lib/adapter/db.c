/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of one connection: made lazily, noticed when lost, made again with back-off, holding its advisory lock if it
 * has one. Statements are db_run.c's, transactions db_tx.c's, errors db_error.c's. This file must never run a statement of
 * a caller, nor reconnect under an open transaction.
 */
#include <poll.h>
#include <string.h>
#include <time.h>

#include "lib/adapter/db_private.h"
#include "lib/base/backoff.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

/* How long a statement waits for a server that is away before its caller hears KN_UNAVAILABLE. */
#define PATIENCE_MS 3000
#define RETRY_MIN_MS 20
#define RETRY_MAX_MS 1000

struct kn_db *kn_db_new(const char *url, const char *name)
{
    struct kn_db *db = KN_NEW(struct kn_db);

    db->url = kn_strdup(url);
    db->name = kn_strdup(name);
    return db;
}

void kn_db_free(struct kn_db *db)
{
    if (db == NULL) {
        return;
    }
    PQfinish(db->conn);
    kn_hmap_free(db->prepared);
    kn_db_share_leave(db);
    free(db->lock);
    free(db->name);
    free(db->url);
    free(db);
}

void kn_db_by_key(struct kn_db *db)
{
    db->by_key = true;
}

void kn_db_plan_once(struct kn_db *db)
{
    db->by_key = true;
    db->plan_once = true;
}

void kn_db_hold(struct kn_db *db, const char *lock)
{
    free(db->lock);
    db->lock = kn_strdup(lock);
}

bool kn_db_locked_out(const struct kn_db *db)
{
    return db->locked_out;
}

void kn_db_patience(struct kn_db *db, int64_t ms)
{
    db->patience_ms = ms;
}

int64_t kn_db_session(const struct kn_db *db)
{
    return db->session;
}

void kn_db_drop(struct kn_db *db)
{
    if (db->conn == NULL) {
        return;
    }
    PQfinish(db->conn);
    db->conn = NULL;
    kn_db_share_clear(db); /* what this one met, the others will */
    kn_hmap_free(db->prepared);
    db->prepared = NULL;
    if (db->tx == KN_TX_OPEN) {
        db->tx = KN_TX_LOST;
    }
}

/*
 * The server asks whether we are still there: a machine that lost its power cannot say that it is gone, and its session would hold its advisory
 * lock, and so keep away whoever is to take over, for the two hours that kernels wait by default. While a statement runs it looks, too: what we gave up
 * ends there with its locks.
 */
#define KEEPALIVE \
    "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 -c client_connection_check_interval=2s"
#define SESSION "-c TimeZone=UTC -c DateStyle=ISO -c jit=off " KEEPALIVE

#define BY_KEY " -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
#define PLAN_ONCE " -c plan_cache_mode=force_generic_plan"

static PGconn *open_connection(const struct kn_db *db)
{
    /* What stands before dbname is a default that the url may override, what stands after it is not. */
    const char *const keys[] = { "options",         "connect_timeout", "keepalives_idle",           "tcp_user_timeout",
                                 "client_encoding", "dbname",          "fallback_application_name", NULL };
    const char *options = db->plan_once ? SESSION BY_KEY PLAN_ONCE : db->by_key ? SESSION BY_KEY : SESSION;
    const char *const values[] = { options, "5", "15", "30000", "UTF8", db->url, db->name, NULL };

    return PQconnectdbParams(keys, values, 1);
}

static void ignore_notice(void *ctx, const PGresult *result)
{
    (void)ctx;
    (void)result;
}

/* Session locks end with the session, so nothing needs to be given back. */
static int take_lock(struct kn_db *db, struct kn_error *err)
{
    const char *args[] = { db->lock };
    PGresult *result = PQexecParams(db->conn, "SELECT pg_try_advisory_lock(hashtextextended($1, 0))", 1, NULL, args,
                                    NULL, NULL, 0);
    int rc = 0;

    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        rc = kn_db_fail(db, result, "advisory lock", err);
    } else if (PQgetvalue(result, 0, 0)[0] != 't') {
        db->locked_out = true;
        rc = kn_fail(err, KN_UNAVAILABLE, "another process holds the lock \"%s\"", db->lock);
    }
    PQclear(result);
    return rc;
}

int kn_db_connect_once(struct kn_db *db, struct kn_error *err)
{
    kn_db_drop(db);
    db->locked_out = false;
    db->conn = open_connection(db);
    if (db->conn == NULL || PQstatus(db->conn) != CONNECTION_OK) {
        kn_db_fail(db, NULL, "database", err);
        kn_db_drop(db);
        if (err != NULL) {
            err->code = KN_UNAVAILABLE;
        }
        return -1;
    }
    PQsetNoticeReceiver(db->conn, ignore_notice, NULL);
    if (db->lock != NULL && take_lock(db, err) < 0) {
        kn_db_drop(db);
        return -1;
    }
    db->prepared = kn_hmap_new(NULL);
    db->repeated = 0;
    db->session++;
    return 0;
}

bool kn_db_lost(const struct kn_db *db)
{
    return db->conn == NULL || PQstatus(db->conn) != CONNECTION_OK;
}

bool kn_db_alive(const struct kn_db *db)
{
    struct pollfd idle = { .events = POLLIN };

    if (kn_db_lost(db)) {
        return false;
    }
    /* An idle server says something only when it closes the connection (or its settings were changed: a new one is cheap). */
    idle.fd = PQsocket(db->conn);
    return poll(&idle, 1, 0) == 0;
}

static int connect_patiently(struct kn_db *db, int64_t wait_ms, struct kn_error *err)
{
    struct kn_backoff backoff = { RETRY_MIN_MS, RETRY_MAX_MS, 0 };
    const int64_t start = kn_mono_ms();

    for (;;) {
        const int64_t pause = kn_backoff_next(&backoff, (uint32_t)kn_mono_us());
        const struct timespec ts = { pause / 1000, (pause % 1000) * 1000000 };

        if (kn_db_connect_once(db, err) == 0) {
            return 0;
        }
        if (wait_ms >= 0 && kn_mono_ms() - start + pause > wait_ms) {
            return -1;
        }
        nanosleep(&ts, NULL);
    }
}

int kn_db_connect(struct kn_db *db, int64_t wait_ms, struct kn_error *err)
{
    if (db->tx != KN_TX_NONE) {
        return kn_fail(err, KN_INTERNAL, "connect inside a transaction");
    }
    kn_db_share_take(db);
    const int rc = kn_db_alive(db) ? 0 : connect_patiently(db, wait_ms, err);
    kn_db_share_give(db);
    return rc;
}

int kn_db_ready(struct kn_db *db, struct kn_error *err)
{
    if (db->tx == KN_TX_LOST) {
        return kn_fail(err, KN_UNAVAILABLE, "the database connection was lost inside a transaction");
    }
    kn_db_share_take(db);
    if (db->tx == KN_TX_OPEN || kn_db_alive(db)) {
        return 0;
    }
    const bool was_lost = db->share != NULL ? db->conn != NULL : db->session > 0;
    kn_db_drop(db);
    if (db->lock != NULL) {
        return kn_fail(err, KN_UNAVAILABLE, "the database connection that held the lock \"%s\" was lost", db->lock);
    }
    if (was_lost) {
        kn_log(KN_WARNING, "database connection lost, connecting again", "connection", db->name, NULL);
    }
    return connect_patiently(db, PATIENCE_MS, err);
}
