/* SPDX-License-Identifier: Apache-2.0 */
/* Which roles somebody sees, over HTTP. The rest is like all nouns (nouns.c); rows and rules are role.c's. */
#include "identity/api/handlers.h"
#include "identity/rows/nouns.h"
#include "identity/rows/realm.h"

/* The roles of domains are for those who look at the whole cloud; the manager of a domain sees of the others what it may give. */
static bool is_hidden(const struct kn_request *req, const struct kn_rows *role)
{
    const char *name = kn_rest_cell(&kn_identity_role_noun, req, KN_REST_SHOW, "name", role, 0);
    bool of_domain = kn_rest_cell(&kn_identity_role_noun, req, KN_REST_SHOW, "domain_id", role, 0) != NULL;

    return (of_domain && kn_identity_realm_of_lists(req) != NULL) ||
           (kn_identity_realm(req) != NULL && !kn_identity_role_is_managed(name));
}

int kn_identity_roles_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_rest_find(&kn_identity_role_noun, req, req->params[0], KN_REST_SHOW, NULL, &rows, err) < 0) {
        return -1;
    }
    if (is_hidden(req, rows)) {
        return kn_identity_realm_refuse(req, err);
    }
    kn_rest_write_one(&kn_identity_role_noun, req, KN_REST_SHOW, rows, res);
    return 0;
}

/* The roles of the cloud are nobody's. */
int kn_identity_roles_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_identity_realm_of_lists(req) != NULL && kn_request_query(req, "domain_id") != NULL
               ? kn_identity_realm_refuse(req, err)
               : kn_rest_list(&kn_identity_role_noun, req, KN_REST_LIST, NULL, res, err);
}
