/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the table `revocation` and its copy in memory. Rows are read by the time they were written, with an overlap for transactions that
 * commit late; reading one twice changes nothing. It must never forget a row that still matters: a full read replaces the copy
 * only when it succeeded.
 */
#include "identity/rows/revoke.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/hmap.h"
#include "lib/base/mem.h"

static const char *const KINDS[] = {
#define X(kind, name) [kind] = name,
    KN_REVOKE_KINDS(X)
#undef X
};
_Static_assert(KN_COUNT(KINDS) == KN_REVOKE_COUNT, "every kind has a name");

static const struct kn_stmt INSERT = {
    "revocation_insert",
    "INSERT INTO revocation (kind, target, before_us, expires_at) VALUES ($1, $2, $3, now() + interval '3 days')", 3
};
/* Nobody revokes at that moment: migrations/0020_revocation_moment.sql. */
static const struct kn_stmt MOMENT = {
    "revocation_pass",
    "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint FROM pg_advisory_xact_lock(7305216410)", 0
};
enum moment_column { MOMENT_US };
static const struct kn_stmt NEWER = {
    "revocation_newer",
    "SELECT kind, target, before_us, (max(created_at) OVER () - interval '30 seconds')::text FROM revocation "
    "WHERE created_at > $1::timestamptz",
    1
};
enum newer_column { NEWER_KIND, NEWER_TARGET, NEWER_BEFORE_US, NEWER_SINCE };
static const struct kn_stmt EXPIRE = { "revocation_expire", "DELETE FROM revocation WHERE expires_at < now()", 0 };

struct kn_identity_revocations {
    pthread_rwlock_t lock;
    struct kn_hmap *rows;  /* guarded by lock: "kind:target" -> int64_t before_us */
    char since[64];        /* guarded by lock: rows written later are new */
};

int kn_identity_revoke(struct kn_db *db, enum kn_identity_revoke_kind kind, const char *target, struct kn_error *err)
{
    struct kn_arg before;
    return kn_db_run(db, &INSERT, KN_ARGS(KINDS[kind], target, kn_arg_int(&before, kn_now_us())), NULL, err);
}

int kn_identity_revocations_moment(struct kn_db *db, int64_t *ret_now_us, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &MOMENT, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    *ret_now_us = kn_rows_int(rows, 0, MOMENT_US);
    return 0;
}

void kn_identity_revoke_grant_name(const char *user_id, const char *scope_id, char out[160])
{
    snprintf(out, 160, "%s/%s", user_id, scope_id[0] != '\0' ? scope_id : "system");
}

struct kn_identity_revocations *kn_identity_revocations_new(void)
{
    struct kn_identity_revocations *r = KN_NEW(struct kn_identity_revocations);

    pthread_rwlock_init(&r->lock, NULL);
    r->rows = kn_hmap_new(free);
    kn_copy(r->since, sizeof(r->since), "-infinity");
    return r;
}

void kn_identity_revocations_free(struct kn_identity_revocations *r)
{
    if (r != NULL) {
        kn_hmap_free(r->rows);
        pthread_rwlock_destroy(&r->lock);
        free(r);
    }
}

static void row_key(enum kn_identity_revoke_kind kind, const char *target, char out[200])
{
    snprintf(out, 200, "%s:%s", KINDS[kind], target);
}

static void revoke_keep(struct kn_hmap *rows, const char *key, int64_t before_us)
{
    const int64_t *known = kn_hmap_get(rows, key);

    if (known == NULL || *known < before_us) {
        int64_t *value = KN_NEW(int64_t);
        *value = before_us;
        kn_hmap_put(rows, key, value);
    }
}

void kn_identity_revocations_add(struct kn_identity_revocations *r, enum kn_identity_revoke_kind kind,
                                 const char *target, int64_t before_us)
{
    char key[200];

    row_key(kind, target, key);
    pthread_rwlock_wrlock(&r->lock);
    revoke_keep(r->rows, key, before_us);
    pthread_rwlock_unlock(&r->lock);
}

static void take_rows(struct kn_identity_revocations *r, const struct kn_rows *rows, bool all)
{
    pthread_rwlock_wrlock(&r->lock);
    if (all) {
        kn_hmap_free(r->rows);
        r->rows = kn_hmap_new(free);
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        char key[200];
        snprintf(key, sizeof(key), "%s:%s", kn_rows_text(rows, i, NEWER_KIND), kn_rows_text(rows, i, NEWER_TARGET));
        revoke_keep(r->rows, key, kn_rows_int(rows, i, NEWER_BEFORE_US));
        kn_copy(r->since, sizeof(r->since), kn_rows_text(rows, i, NEWER_SINCE));
    }
    pthread_rwlock_unlock(&r->lock);
}

int kn_identity_revocations_refresh(struct kn_identity_revocations *r, struct kn_db *db, bool all, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    char since[64];

    pthread_rwlock_rdlock(&r->lock);
    kn_copy(since, sizeof(since), all ? "-infinity" : r->since);
    pthread_rwlock_unlock(&r->lock);
    if ((all && kn_db_run(db, &EXPIRE, KN_NO_ARGS, NULL, err) < 0) ||
        kn_db_run(db, &NEWER, KN_ARGS(since), &rows, err) < 0) {
        return -1;
    }
    if (all || kn_rows_count(rows) > 0) {
        take_rows(r, rows, all);
    }
    return 0;
}

/* Under the read lock. */
static bool hit(const struct kn_identity_revocations *r, enum kn_identity_revoke_kind kind, const char *target,
                int64_t issued_us)
{
    char key[200];

    if (target[0] == '\0') {
        return false;
    }
    row_key(kind, target, key);
    const int64_t *before = kn_hmap_get(r->rows, key);
    return before != NULL && issued_us <= *before;
}

/* Tokens of a trust rest on both of its users, and on what the trustor holds. */
static bool trust_hit(const struct kn_identity_revocations *r, const struct kn_identity_token *t)
{
    char grant[160];

    kn_identity_revoke_grant_name(t->trustor_id, t->scope_id, grant);
    return hit(r, KN_REVOKE_TRUST, t->trust_id, t->issued_us) || hit(r, KN_REVOKE_USER, t->trustor_id, t->issued_us) ||
           hit(r, KN_REVOKE_USER, t->trustee_id, t->issued_us) || hit(r, KN_REVOKE_GRANT, grant, t->issued_us);
}

static bool any_hit(const struct kn_identity_revocations *r, const struct kn_identity_token *t)
{
    char audit[KN_AUDIT_TEXT], grant[160];
    enum kn_identity_revoke_kind scope_kind = t->scope == KN_SCOPE_DOMAIN ? KN_REVOKE_DOMAIN : KN_REVOKE_PROJECT;

    kn_identity_audit_text(t->audit, audit);
    kn_identity_revoke_grant_name(t->user_id, t->scope_id, grant);
    return hit(r, KN_REVOKE_TOKEN, audit, t->issued_us) || hit(r, KN_REVOKE_USER, t->user_id, t->issued_us) ||
           hit(r, KN_REVOKE_DOMAIN, t->user_domain_id, t->issued_us) ||
           hit(r, KN_REVOKE_CREDENTIAL, t->credential_id, t->issued_us) ||
           hit(r, scope_kind, t->scope_id, t->issued_us) ||
           hit(r, KN_REVOKE_DOMAIN, t->scope_domain_id, t->issued_us) || (t->trust_id[0] != '\0' && trust_hit(r, t)) ||
           (t->scope != KN_SCOPE_NONE && hit(r, KN_REVOKE_GRANT, grant, t->issued_us));
}

bool kn_identity_revocations_hit(struct kn_identity_revocations *r, const struct kn_identity_token *token)
{
    pthread_rwlock_rdlock(&r->lock);
    bool found = kn_hmap_count(r->rows) > 0 && any_hit(r, token);
    pthread_rwlock_unlock(&r->lock);
    return found;
}
