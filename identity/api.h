/* SPDX-License-Identifier: Apache-2.0 */
/* What the identity room offers the front door: Keystone's routes, and who a token belongs to. One identity a process. */
#ifndef KN_IDENTITY_API_H
#define KN_IDENTITY_API_H

#include "lib/adapter/conf.h"
#include "lib/adapter/http.h"

extern const struct kn_api kn_identity_api; /* prefix "/identity", KN_DIALECT_KEYSTONE */

/* Loads the keys and what was revoked, and keeps both fresh. conf must live until the stop. */
int kn_identity_start(const struct kn_conf *conf, struct kn_error *err);
void kn_identity_stop(void);
/* Any thread, a few µs, no database. KN_UNAUTHORIZED: forged, expired or revoked. */
int kn_identity_check(const char *token, struct kn_caller *ret_caller, struct kn_error *err);
/* Whether the access rules of the caller's token allow this request to the service of that name. KN_UNAUTHORIZED otherwise. */
int kn_identity_allows(const struct kn_request *req, const char *service, struct kn_error *err);

/*
 * For what outlives a request of a caller, and the token that it came with (an open console): what of the token revocations may hit, as a text that is worth nothing to a
 * thief. KN_UNAUTHORIZED as kn_identity_check(). Stands: nothing of it was revoked; that the token has ended by itself is no matter. "" stands for ever, and is
 * the mark of a process that has no identity (tests of a front door).
 */
int kn_identity_mark(const char *token, struct kn_strbuf *out, struct kn_error *err);
bool kn_identity_stands(const char *mark);

/* What other services ask Keystone about a project that they are told to do something for: KN_BAD_REQUEST in Nova's words if there is none. */
int kn_identity_project_verify(struct kn_db *db, const char *project_id, struct kn_error *err);

#endif
