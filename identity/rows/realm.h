/* SPDX-License-Identifier: Apache-2.0 */
/*
 * realm: how far a caller reaches. Policy lets readers and managers of a domain in; what they see and change there is that domain's, and
 * every handler behind such a policy asks here. Admins, system-scoped tokens, and everybody about themselves: everywhere.
 */
#ifndef KN_IDENTITY_ROWS_REALM_H
#define KN_IDENTITY_ROWS_REALM_H

#include "lib/rest/list.h"

enum kn_identity_realm_noun {
    KN_REALM_USER,
    KN_REALM_GROUP,
    KN_REALM_PROJECT,
    KN_REALM_DOMAIN,
    KN_REALM_ROLE,
    KN_REALM_COUNT
};

/* The domain that bounds the caller; NULL = none does. */
const char *kn_identity_realm(const struct kn_request *req);
/* The domain that bounds what lists show: that of the token, even an admin's. */
const char *kn_identity_realm_of_lists(const struct kn_request *req);
/*
 * GET of many: what lies in that domain (rows have a domain_id; domains are it), and of those what `of` leaves; NULL = all.
 */
int kn_identity_realm_list(const struct kn_rest_noun *noun, struct kn_request *req, const struct kn_rest_bound *of,
                           struct kn_response *res, struct kn_error *err);
/* KN_FORBIDDEN: it is not in the caller's realm, or not there at all, which is none of the caller's business. */
int kn_identity_realm_check(const struct kn_request *req, enum kn_identity_realm_noun noun, const char *id,
                            struct kn_error *err);
/*
 * The domain of a new thing: the one that is named, or (NULL) that of the token. KN_FORBIDDEN as above, and for who is bound to a domain
 * and does not name it.
 */
int kn_identity_realm_home(const struct kn_request *req, const char *named, const char **ret_domain,
                           struct kn_error *err);
/* The same for an object that is to be a row: it says its domain_id then. */
int kn_identity_settle_home(const struct kn_request *req, json_t *object, struct kn_error *err);
/* KN_FORBIDDEN, in the front door's words. */
int kn_identity_realm_refuse(const struct kn_request *req, struct kn_error *err);

#endif
