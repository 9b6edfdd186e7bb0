/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transactions: one open at a time on a connection, rolled back when their scope ends without a commit. A connection that is
 * lost underneath marks them as lost (db.c); they then fail until released and can be begun anew.
 */
#include <string.h>

#include "lib/adapter/db_private.h"

static const struct kn_stmt BEGIN_TX = { "tx_begin", "BEGIN", 0 };
static const struct kn_stmt COMMIT_TX = { "tx_commit", "COMMIT", 0 };
static const struct kn_stmt ROLLBACK_TX = { "tx_rollback", "ROLLBACK", 0 };

int kn_tx_begin(struct kn_tx *tx, struct kn_db *db, struct kn_error *err)
{
    if (db->tx != KN_TX_NONE) {
        return kn_fail(err, KN_INTERNAL, "a transaction is open already");
    }
    if (kn_db_run(db, &BEGIN_TX, KN_NO_ARGS, NULL, err) < 0) {
        return -1;
    }
    db->tx = KN_TX_OPEN;
    tx->db = db;
    return 0;
}

int kn_tx_commit(struct kn_tx *tx, struct kn_error *err)
{
    struct kn_db *db = tx->db;

    if (db == NULL) {
        return kn_fail(err, KN_INTERNAL, "commit without a transaction");
    }
    if (db->tx == KN_TX_OPEN && PQtransactionStatus(db->conn) == PQTRANS_INERROR) {
        return kn_fail(err, KN_INTERNAL, "commit of a transaction that has failed");
    }
    if (kn_db_run(db, &COMMIT_TX, KN_NO_ARGS, NULL, err) < 0) {
        return -1;
    }
    db->tx = KN_TX_NONE;
    tx->db = NULL;
    kn_db_share_give(db);
    return 0;
}

bool kn_tx_is_open(const struct kn_db *db)
{
    return db->tx != KN_TX_NONE;
}

void kn_tx_release(struct kn_tx *tx)
{
    struct kn_db *db = tx->db;
    char constraint[sizeof(db->constraint)];
    bool values_at_fault;

    tx->db = NULL;
    if (db == NULL) {
        return;
    }
    /* Why the transaction failed is asked after its scope has ended. */
    memcpy(constraint, db->constraint, sizeof(constraint));
    values_at_fault = db->values_at_fault;
    /* A COMMIT that failed (a deferred constraint) has ended the transaction already. */
    if (db->tx == KN_TX_OPEN && PQtransactionStatus(db->conn) != PQTRANS_IDLE &&
        kn_db_run(db, &ROLLBACK_TX, KN_NO_ARGS, NULL, NULL) < 0) {
        kn_db_drop(db);
    }
    memcpy(db->constraint, constraint, sizeof(constraint));
    db->values_at_fault = values_at_fault;
    db->tx = KN_TX_NONE;
    kn_db_share_give(db);
}
