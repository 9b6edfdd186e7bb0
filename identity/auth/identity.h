/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity: the room's state in a process: keys, revocations, failed logins, and the thread that keeps the first two fresh, once a
 * second. Everything is thread-safe between kn_identity_start() and kn_identity_stop().
 */
#ifndef KN_IDENTITY_AUTH_IDENTITY_H
#define KN_IDENTITY_AUTH_IDENTITY_H

#include "identity/api.h"
#include "identity/auth/token.h"

/* Signed by the current key. */
void kn_identity_sign(const struct kn_identity_token *token, struct kn_strbuf *out);
/* Valid in every respect, revocation included. KN_UNAUTHORIZED otherwise. */
int kn_identity_read(const char *text, struct kn_identity_token *ret, struct kn_error *err);
/* The same for a token that ended up to late_us ago. */
int kn_identity_read_late(const char *text, int64_t late_us, struct kn_identity_token *ret, struct kn_error *err);
/* The same, with what other processes have revoked up to now: for what outlives the second that they are behind, another token. */
int kn_identity_read_now(struct kn_db *db, const char *text, struct kn_identity_token *ret, struct kn_error *err);
/* Whether the process knows tokens at all; whether one was revoked, whatever else it is. */
bool kn_identity_is_open(void);
bool kn_identity_is_revoked(const struct kn_identity_token *token);
/* Sees in this process at once what was just revoked or changed in the catalog; the others see it within a second. Never fails: the
 * thread repeats it. */
void kn_identity_refresh(struct kn_db *db);

/* Seals a text about an id, and opens it. KN_UNAVAILABLE: there are no keys for that. The caller frees the text. */
int kn_identity_seal(const char *about, const char *plain, struct kn_strbuf *out, struct kn_error *err);
int kn_identity_unseal(const char *about, const char *sealed, char **ret_plain, struct kn_error *err);

/* The front door's URL: what the configuration says, or how the caller reached us. The caller frees it. */
char *kn_identity_public_url(const struct kn_request *req);
/* "catalog":[…] for somebody on a project ("" = none). */
void kn_identity_catalog_write(const struct kn_request *req, const char *user_id, const char *project_id,
                               struct kn_strbuf *sb);

/* Failed logins of one name ("user address"). */
int kn_identity_may_try(const char *name, struct kn_error *err); /* KN_TOO_MANY */
void kn_identity_failed(const char *name);

#endif
