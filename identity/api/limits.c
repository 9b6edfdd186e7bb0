/* SPDX-License-Identifier: Apache-2.0 */
/* Unified limits over HTTP: their model, and whose limits somebody sees. The rest is like all nouns (nouns.c); rows are limit.c's. */
#include "identity/api/handlers.h"
#include "identity/rows/nouns.h"
#include "lib/base/jsonw.h"

int kn_identity_limits_model(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)req;
    (void)err;
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, "model");
    kn_jsonw_str(&res->body, "name", "flat");
    kn_jsonw_str(&res->body, "description",
                 "Limit enforcement and validation does not take project hierarchy into consideration.");
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

static bool sees_all(const struct kn_caller *caller)
{
    return kn_policy_allows(KN_KEYSTONE_GET_LIMIT, caller, NULL);
}

/* A limit is seen by whose it is: somebody on the project, or of its domain. */
static struct kn_rest_bound seen_by(const struct kn_caller *caller)
{
    if (sees_all(caller)) {
        return (struct kn_rest_bound){ NULL, NULL };
    }
    return caller->domain_id[0] != '\0'
               ? (struct
                  kn_rest_bound){ "(project_id = ? OR project_id IN (SELECT id FROM project WHERE domain_id = ?))",
                                  caller->domain_id }
               : (struct kn_rest_bound){ "project_id = ?", caller->project_id };
}

int kn_identity_limits_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_rest_bound bounds[] = { seen_by(&req->caller), { NULL, NULL } };

    return kn_rest_list_within(&kn_identity_limit_noun, req, KN_REST_LIST, NULL, bounds, res, err);
}

int kn_identity_limits_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_rest_bound bounds[] = { seen_by(&req->caller), { NULL, NULL } };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_rest_find(&kn_identity_limit_noun, req, req->params[0], KN_REST_SHOW, bounds, &rows, err) < 0) {
        return err->code != KN_NOT_FOUND || sees_all(&req->caller) ? -1 : kn_policy_refuse(KN_KEYSTONE_GET_LIMIT, err);
    }
    kn_rest_write_one(&kn_identity_limit_noun, req, KN_REST_SHOW, rows, res);
    return 0;
}
