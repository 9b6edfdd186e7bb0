/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limit: Keystone's unified limits, model "flat": a registered limit says what a resource of a service is limited to by default, a limit
 * says otherwise for one project or domain. They are kept for services that ask; the quotas of this program's own are elsewhere.
 */
#ifndef KN_IDENTITY_ROWS_LIMIT_H
#define KN_IDENTITY_ROWS_LIMIT_H

#include <jansson.h>

#include "identity/rows/nouns.h"

extern const struct kn_rest_noun kn_registered_limit_noun, kn_limit_noun;

/* All of an array or none; their ids go behind those of the array. The items were checked by a schema. */
int kn_registered_limits_insert(struct kn_db *db, const json_t *items, struct kn_array *ids, struct kn_error *err);
/* KN_FORBIDDEN: there is no registered limit to differ from. */
int kn_limits_insert(struct kn_db *db, const json_t *items, struct kn_array *ids, struct kn_error *err);
/* KN_NOT_FOUND. KN_FORBIDDEN: what a limit rests on cannot change or go. */
int kn_registered_limit_update(struct kn_db *db, const char *id, const json_t *change, struct kn_error *err);
int kn_limit_update(struct kn_db *db, const char *id, const json_t *change, struct kn_error *err);
int kn_registered_limit_delete(struct kn_db *db, const char *id, struct kn_error *err);
int kn_limit_delete(struct kn_db *db, const char *id, struct kn_error *err);

#endif
