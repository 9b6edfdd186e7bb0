/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rank: who may touch whom. A caller bound to a domain gives the managed roles (role.c) within it and no others; whoever holds anything
 * beyond that is above him. Setting such a user's password, or joining such a group, would make the caller more than he is. Every
 * handler that changes a user, a group, a membership or a grant for such callers asks here, after the border (realm.h).
 */
#ifndef KN_IDENTITY_ROWS_RANK_H
#define KN_IDENTITY_ROWS_RANK_H

#include "identity/rows/realm.h"

/* KN_FORBIDDEN: this KN_REALM_USER or KN_REALM_GROUP is not in the caller's realm (kn_identity_realm_check), or holds what he cannot give. */
int kn_identity_rank_check(const struct kn_request *req, enum kn_identity_realm_noun noun, const char *id,
                           struct kn_error *err);
/* KN_FORBIDDEN: this role is, or implies, one that the caller cannot give. */
int kn_identity_rank_check_role(const struct kn_request *req, const char *role_id, struct kn_error *err);

#endif
