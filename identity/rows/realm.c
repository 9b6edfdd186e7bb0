/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the border of a domain: what is on which side of it. It must never widen what policy decided. */
#include "identity/rows/realm.h"

#include <string.h>

#include "identity/rows/nouns.h"
#include "lib/base/mem.h"

static const struct kn_stmt IN_REALM[] = {
    [KN_REALM_USER] = { "realm_user", "SELECT FROM identity_user WHERE id = $1 AND domain_id = $2", 2 },
    [KN_REALM_GROUP] = { "realm_group", "SELECT FROM identity_group WHERE id = $1 AND domain_id = $2", 2 },
    [KN_REALM_PROJECT] = { "realm_project", "SELECT FROM project WHERE id = $1 AND domain_id = $2", 2 },
    [KN_REALM_DOMAIN] = { "realm_domain", "SELECT FROM domain WHERE id = $1 AND id = $2", 2 },
    [KN_REALM_ROLE] = { "realm_role", "SELECT FROM role WHERE id = $1 AND coalesce(domain_id, $2) = $2", 2 },
};
_Static_assert(KN_COUNT(IN_REALM) == KN_REALM_COUNT, "one row a noun");

const char *kn_identity_realm(const struct kn_request *req)
{
    const struct kn_caller *caller = &req->caller;
    const struct kn_target named = { .user_id = req->params[0], .project_id = req->params[0] };

    return caller->domain_id[0] == '\0' || kn_policy_allows(req->route->rule, caller, &named) ? NULL
                                                                                              : caller->domain_id;
}

const char *kn_identity_realm_of_lists(const struct kn_request *req)
{
    return req->caller.domain_id[0] != '\0' ? req->caller.domain_id : NULL;
}

int kn_identity_realm_list(const struct kn_rest_noun *noun, struct kn_request *req, const struct kn_rest_bound *of,
                           struct kn_response *res, struct kn_error *err)
{
    const char *realm = kn_identity_realm_of_lists(req);
    struct kn_rest_bound bounds[3] = { { NULL, NULL } };
    int count = 0;

    if (realm != NULL) {
        bounds[count++] = (struct kn_rest_bound){ noun == &kn_identity_domain_noun ? "id = ?" : "domain_id = ?",
                                                  realm };
    }
    if (of != NULL) {
        bounds[count++] = *of;
    }
    return kn_rest_list_within(noun, req, KN_REST_LIST, NULL, bounds, res, err);
}

int kn_identity_realm_refuse(const struct kn_request *req, struct kn_error *err)
{
    return kn_policy_refuse(req->route->rule, err);
}

int kn_identity_realm_check(const struct kn_request *req, enum kn_identity_realm_noun noun, const char *id,
                            struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *realm = kn_identity_realm(req);

    if (realm == NULL) {
        return 0;
    }
    if (kn_db_run(req->db, &IN_REALM[noun], KN_ARGS(id, realm), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) > 0 ? 0 : kn_identity_realm_refuse(req, err);
}

int kn_identity_realm_home(const struct kn_request *req, const char *named, const char **ret_domain,
                           struct kn_error *err)
{
    const struct kn_caller *caller = &req->caller;
    const char *realm = kn_identity_realm(req);

    if (realm != NULL && (named == NULL || strcmp(realm, named) != 0)) {
        return kn_identity_realm_refuse(req, err);
    }
    if (named == NULL) {
        named = caller->domain_id[0] != '\0'           ? caller->domain_id
                : caller->project_domain_id[0] != '\0' ? caller->project_domain_id
                                                       : "default";
    }
    *ret_domain = named;
    return 0;
}

int kn_identity_settle_home(const struct kn_request *req, json_t *object, struct kn_error *err)
{
    const char *domain = NULL;

    if (kn_identity_realm_home(req, kn_identity_said(object, "domain_id"), &domain, err) < 0) {
        return -1;
    }
    json_object_set_new(object, "domain_id", json_string(domain));
    return 0;
}
