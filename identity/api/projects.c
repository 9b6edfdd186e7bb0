/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Projects over HTTP where they may be domains: one that is made or read as a project is changed as a domain. Their place in the tree is tree.c's,
 * their tags are tags.c's, rows and rules identity/rows/project.c's.
 */
#include <string.h>

#include "identity/api/handlers.h"
#include "identity/api/view.h"
#include "identity/auth/identity.h"
#include "identity/rows/nouns.h"
#include "identity/rows/realm.h"

/* How what the path names is written, if it is in the caller's realm. */
static int projects_find(struct kn_request *req, const struct kn_rest_noun **ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_identity_realm_check(req, KN_REALM_PROJECT, req->params[0], err) < 0 ||
        kn_rest_find(&kn_identity_project_noun, req, req->params[0], KN_REST_NOW, NULL, &rows, err) < 0) {
        return -1;
    }
    *ret = strcmp(kn_rest_was(&kn_identity_project_noun, rows, "is_domain"), "t") == 0
               ? &kn_identity_domain_as_project_noun
               : &kn_identity_project_noun;
    return 0;
}

static int check_root(const struct kn_request *req, const json_t *object, struct kn_error *err)
{
    if (kn_identity_said(object, "parent_id") != NULL || kn_identity_said(object, "domain_id") != NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "only root projects are allowed to act as domains.");
    }
    return kn_identity_realm(req) != NULL ? kn_identity_realm_refuse(req, err) : 0;
}

int kn_identity_projects_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const char *id = NULL;
    json_t *object = NULL;

    if (kn_rest_body(&kn_identity_project_noun, req, KN_REST_POST, &object, err) < 0) {
        return -1;
    }
    const bool is_domain = kn_schema_bool(object, "is_domain", false);
    if ((is_domain && check_root(req, object, err) < 0) ||
        kn_rest_insert(is_domain ? &kn_identity_domain_as_project_noun : &kn_identity_project_noun, req, object, &id,
                       err) < 0) {
        return -1;
    }
    return kn_rest_show(&kn_identity_project_noun, req, id, KN_REST_SHOW, res, err);
}

int kn_identity_projects_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_rest_noun *noun = NULL;
    json_t *object = NULL;

    if (projects_find(req, &noun, err) < 0 || kn_rest_body(noun, req, KN_REST_PUT, &object, err) < 0 ||
        kn_rest_change(noun, req, req->params[0], object, err) < 0) {
        return -1;
    }
    kn_identity_refresh(req->db);
    return kn_rest_show(&kn_identity_project_noun, req, req->params[0], KN_REST_SHOW, res, err);
}

int kn_identity_projects_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_rest_noun *noun = NULL;

    (void)res;
    return projects_find(req, &noun, err) < 0 ? -1 : kn_identity_nouns_forget(noun, req, NULL, err);
}
