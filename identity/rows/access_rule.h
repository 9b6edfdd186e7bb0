/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access_rule: what an application credential may ask for: a service, a method, a path. Rules belong to a user and cannot change; a
 * credential's rules travel in its tokens, one line a rule: "service<TAB>method<TAB>path<LF>".
 *
 * In a path "*" and "{anything}" stand for one part between slashes or for some of its characters, "**" for any characters.
 */
#ifndef KN_IDENTITY_ROWS_ACCESS_RULE_H
#define KN_IDENTITY_ROWS_ACCESS_RULE_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/adapter/db.h"
#include "lib/domain/schema.h"

/* Pure. */
bool kn_identity_access_path_matches(const char *pattern, const char *path);
/* Pure. service: our own name ("volume"), which the rule may call by any of the catalog's types; path: without the service's prefix. */
bool kn_identity_access_rules_allow(const char *rules, const char *service, const char *method, const char *path);

/* What a body may say of rules: each one whole, or by its id. */
extern const struct kn_schema kn_identity_access_rule_body[];

/*
 * In the caller's transaction: the rules of a body, those that are not there yet made, tied to the credential. KN_NOT_FOUND: an id that is
 * none; KN_BAD_REQUEST: more than a token can carry.
 */
int kn_identity_access_rule_tie(struct kn_db *db, const char *user_id, const char *credential_id, const json_t *rules,
                                struct kn_error *err);

#endif
