/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limit: Keystone's unified limits, model "flat": a registered limit says what a resource of a service is limited to by default, a limit
 * says otherwise for one project or domain. They are kept for services that ask; the quotas of this program's own are elsewhere.
 */
#ifndef KN_IDENTITY_LIMIT_H
#define KN_IDENTITY_LIMIT_H

#include <jansson.h>

#include "identity/filter.h"

/* Rows: registered: id, service, region, resource, default, description; limits: id, service, region, resource, project, domain, limit,
 * description. */
extern const struct kn_listing kn_registered_limits, kn_limits;

/* All of an array or none; *ret_rows are the new ones in their order. The items were checked by a schema. */
int kn_registered_limits_insert(struct kn_db *db, const json_t *items, struct kn_rows **ret_rows, struct kn_error *err);
/* KN_FORBIDDEN: there is no registered limit to differ from. */
int kn_limits_insert(struct kn_db *db, const json_t *items, struct kn_rows **ret_rows, struct kn_error *err);
int kn_registered_limit_get(struct kn_db *db, const char *id, struct kn_rows **ret_rows, struct kn_error *err);
int kn_limit_get(struct kn_db *db, const char *id, struct kn_rows **ret_rows, struct kn_error *err);
/* KN_NOT_FOUND. KN_FORBIDDEN: what a limit rests on cannot change or go. */
int kn_registered_limit_update(struct kn_db *db, const char *id, const json_t *change, struct kn_error *err);
int kn_limit_update(struct kn_db *db, const char *id, const json_t *change, struct kn_error *err);
int kn_registered_limit_delete(struct kn_db *db, const char *id, struct kn_error *err);
int kn_limit_delete(struct kn_db *db, const char *id, struct kn_error *err);

#endif
