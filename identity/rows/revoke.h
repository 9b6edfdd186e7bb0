/* SPDX-License-Identifier: Apache-2.0 */
/*
 * revoke: which tokens no longer count, although their signature is right. Rows of `revocation` are "tokens of this target that were
 * issued until then"; a copy in memory answers for every request. Disabling, deleting, a new password and a role taken away all
 * end here, so a token needs no database to be checked.
 */
#ifndef KN_IDENTITY_ROWS_REVOKE_H
#define KN_IDENTITY_ROWS_REVOKE_H

#include "identity/auth/token.h"
#include "lib/adapter/db.h"

#define KN_REVOKE_KINDS(X) \
    X(KN_REVOKE_TOKEN, "token")     /* an audit id: one token, not those made from it */ \
    X(KN_REVOKE_USER, "user") \
    X(KN_REVOKE_GRANT, "grant")     /* "user/scope id", "user/system": one user in one scope */ \
    X(KN_REVOKE_CREDENTIAL, "credential")   /* an application credential */ \
    X(KN_REVOKE_TRUST, "trust") \
    X(KN_REVOKE_PROJECT, "project") \
    X(KN_REVOKE_DOMAIN, "domain")   /* users of it, its projects, tokens scoped to it */

enum kn_identity_revoke_kind {
#define X(kind, name) kind,
    KN_REVOKE_KINDS(X)
#undef X
        KN_REVOKE_COUNT
};

/* Writes the row: inside the transaction that takes something away. Its moment is the database's (a trigger). */
int kn_identity_revoke(struct kn_db *db, enum kn_identity_revoke_kind kind, const char *target, struct kn_error *err);
/*
 * The moment, by the database's clock, that a token may be issued at whose facts are read from now on; waits for transactions that are
 * revoking something. Outside a transaction.
 */
int kn_identity_revocations_moment(struct kn_db *db, int64_t *ret_now_us, struct kn_error *err);
/* The target of a KN_REVOKE_GRANT. */
void kn_identity_revoke_grant_name(const char *user_id, const char *scope_id, char out[160]);

struct kn_identity_revocations;
struct kn_identity_revocations *kn_identity_revocations_new(void);
void kn_identity_revocations_free(struct kn_identity_revocations *r);
/* Reads what is new; all: forgets what it has and reads everything. Thread-safe. */
int kn_identity_revocations_refresh(struct kn_identity_revocations *r, struct kn_db *db, bool all,
                                    struct kn_error *err);
/* One row in memory; what refresh does with each, and tests. */
void kn_identity_revocations_add(struct kn_identity_revocations *r, enum kn_identity_revoke_kind kind,
                                 const char *target, int64_t before_us);
/* Thread-safe, no I/O. */
bool kn_identity_revocations_hit(struct kn_identity_revocations *r, const struct kn_identity_token *token);

#endif
