/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the sessions that threads share: who runs a statement or a transaction takes one, the one that was given back last, and gives it back behind it. So as many
 * sessions know the statements as work at once, not as there are threads. A session that rests here has no transaction and nothing on its way.
 */
#include <pthread.h>
#include <string.h>

#include "lib/adapter/db_private.h"
#include "lib/base/mem.h"

struct share_session {
    PGconn *conn;
    struct kn_hmap *prepared;
    int repeated;
    struct share_session *next;
};

/* Guarded by the lock. */
struct kn_db_share {
    char *url, *name; /* immutable */
    int users;        /* those who may take and give */
    struct share_session *rest;
    struct kn_db_share *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct kn_db_share *shares; /* guarded by the lock */

static struct kn_db_share *share_find(const char *url, const char *name)
{
    struct kn_db_share *share = shares;

    while (share != NULL && (strcmp(share->url, url) != 0 || strcmp(share->name, name) != 0)) {
        share = share->next;
    }
    return share;
}

void kn_db_share(struct kn_db *db)
{
    pthread_mutex_lock(&lock);
    struct kn_db_share *share = share_find(db->url, db->name);
    if (share == NULL) {
        share = KN_NEW(struct kn_db_share);
        share->url = kn_strdup(db->url);
        share->name = kn_strdup(db->name);
        share->next = shares;
        shares = share;
    }
    share->users++;
    db->share = share;
    pthread_mutex_unlock(&lock);
}

static void share_end(struct share_session *rest)
{
    while (rest != NULL) {
        struct share_session *session = rest;

        rest = session->next;
        PQfinish(session->conn);
        kn_hmap_free(session->prepared);
        free(session);
    }
}

void kn_db_share_take(struct kn_db *db)
{
    struct share_session *session;

    if (db->share == NULL || db->conn != NULL) {
        return;
    }
    pthread_mutex_lock(&lock);
    session = db->share->rest;
    if (session != NULL) {
        db->share->rest = session->next;
    }
    pthread_mutex_unlock(&lock);
    if (session != NULL) {
        db->conn = session->conn;
        db->prepared = session->prepared;
        db->repeated = session->repeated;
        free(session);
    }
}

void kn_db_share_give(struct kn_db *db)
{
    struct share_session *session;

    if (db->share == NULL || db->tx != KN_TX_NONE || db->conn == NULL ||
        PQtransactionStatus(db->conn) != PQTRANS_IDLE) {
        return;
    }
    session = KN_NEW(struct share_session);
    session->conn = kn_steal(&db->conn);
    session->prepared = kn_steal(&db->prepared);
    session->repeated = db->repeated;
    pthread_mutex_lock(&lock);
    session->next = db->share->rest;
    db->share->rest = session;
    pthread_mutex_unlock(&lock);
}

void kn_db_share_clear(struct kn_db *db)
{
    struct share_session *rest = NULL;

    if (db->share != NULL) {
        pthread_mutex_lock(&lock);
        rest = kn_steal(&db->share->rest);
        pthread_mutex_unlock(&lock);
    }
    share_end(rest);
}

void kn_db_share_leave(struct kn_db *db)
{
    struct kn_db_share *share = kn_steal(&db->share);
    struct kn_db_share **at = &shares;

    if (share == NULL) {
        return;
    }
    pthread_mutex_lock(&lock);
    if (--share->users > 0) {
        share = NULL;
    } else {
        while (*at != share) {
            at = &(*at)->next;
        }
        *at = share->next;
    }
    pthread_mutex_unlock(&lock);
    if (share != NULL) {
        share_end(share->rest);
        free(share->name);
        free(share->url);
        free(share);
    }
}
