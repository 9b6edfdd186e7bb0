/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust: a user, the trustor, lends another one, the trustee, some of his roles on a project, until he takes them back, loses one
 * himself, or the time or the number of uses is over. Its tokens end with it. A trust cannot be lent on.
 */
#ifndef KN_IDENTITY_ROWS_TRUST_H
#define KN_IDENTITY_ROWS_TRUST_H

#include "identity/rows/account.h"

struct kn_identity_trust {
    char id[65];
    char trustor_id[65];
    char trustee_id[65];
    char project_id[65];
    bool impersonation;      /* tokens name the trustor as their user */
    int64_t expires_us;      /* 0 = never */
    bool spent;              /* no uses remain */
};

/* KN_NOT_FOUND: no such trust, or one that is expired. */
int kn_identity_trust_find(struct kn_db *db, const char *id, struct kn_identity_trust *ret, struct kn_error *err);
/* The project and the roles lent there. KN_UNAUTHORIZED: the trustor no longer holds one of them, or the project is disabled. */
int kn_identity_trust_scope(struct kn_db *db, const struct kn_identity_trust *trust,
                            struct kn_identity_scope_facts *ret, struct kn_error *err);
/* One use less. KN_FORBIDDEN: none remains. */
int kn_identity_trust_use(struct kn_db *db, const char *id, struct kn_error *err);

/* Rows of roles: those that were lent, without what they imply. */
int kn_identity_trust_roles(struct kn_db *db, const char *id, struct kn_rows **ret_rows, struct kn_error *err);

#endif
