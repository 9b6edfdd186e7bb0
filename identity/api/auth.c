/* SPDX-License-Identifier: Apache-2.0 */
/* /v3/auth/…: what the caller's own token leads to: the catalog, and the projects and domains that it could be scoped to. */
#include "identity/api/handlers.h"
#include "identity/api/view.h"
#include "identity/auth/identity.h"
#include "identity/rows/account.h"
#include "identity/rows/held.h"
#include "identity/rows/nouns.h"

int kn_identity_auth_catalog(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)err;
    kn_jsonw_object(&res->body, NULL);
    kn_identity_catalog_write(req, req->caller.user_id, req->caller.project_id, &res->body);
    kn_identity_view_list_links(&res->body, req);
    kn_jsonw_end_object(&res->body);
    return 0;
}

/* Of those that are enabled. */
int kn_identity_auth_projects(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_rest_bound of[] = { { "enabled AND id IN " KN_HELD_PROJECTS("?"), req->caller.user_id },
                                        { NULL, NULL } };

    return kn_rest_list_within(&kn_identity_project_noun, req, KN_REST_LIST, NULL, of, res, err);
}

int kn_identity_auth_domains(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_rest_bound of[] = { { "enabled AND id IN " KN_HELD_DOMAINS("?"), req->caller.user_id },
                                        { NULL, NULL } };

    return kn_rest_list_within(&kn_identity_domain_noun, req, KN_REST_LIST, NULL, of, res, err);
}

int kn_identity_auth_system(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_identity_named nothing = { 0 };
    AUTO_RELEASE(kn_identity_scope_facts) struct kn_identity_scope_facts facts = { 0 };

    if (kn_identity_scope_find(req->db, KN_SCOPE_SYSTEM, &nothing, req->caller.user_id, &facts, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "system");
    if (kn_rows_count(facts.role_rows) > 0) {
        kn_jsonw_object(&res->body, NULL);
        kn_jsonw_bool(&res->body, "all", true);
        kn_jsonw_end_object(&res->body);
    }
    kn_jsonw_end_array(&res->body);
    kn_identity_view_list_links(&res->body, req);
    kn_jsonw_end_object(&res->body);
    return 0;
}
