/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all nouns do alike over HTTP: one set of handlers, the path says which noun. Rows and rules are the files' of rows/; how far the caller
 * reaches is realm.c's and rank.c's.
 */
#include <string.h>

#include "identity/api/handlers.h"
#include "identity/api/view.h"
#include "identity/auth/identity.h"
#include "identity/rows/nouns.h"
#include "identity/rows/rank.h"

static const struct {
    const struct kn_rest_noun *noun;
    enum kn_identity_realm_noun realm; /* KN_REALM_COUNT: it belongs to no domain */
} NOUNS[] = {
    { &kn_identity_domain_noun, KN_REALM_DOMAIN },
    { &kn_identity_project_noun, KN_REALM_PROJECT },
    { &kn_identity_user_noun, KN_REALM_USER },
    { &kn_identity_group_noun, KN_REALM_GROUP },
    { &kn_identity_role_noun, KN_REALM_ROLE },
    { &kn_identity_region_noun, KN_REALM_COUNT },
    { &kn_identity_service_noun, KN_REALM_COUNT },
    { &kn_identity_endpoint_noun, KN_REALM_COUNT },
    { &kn_identity_registered_limit_noun, KN_REALM_COUNT },
    { &kn_identity_limit_noun, KN_REALM_COUNT },
};

/* "/v3/<collection>[/{id}]" */
static size_t of(const struct kn_request *req)
{
    const char *word = req->route->path + strlen("/v3/");
    const size_t len = strcspn(word, "/");
    size_t i = 0;

    while (strlen(NOUNS[i].noun->many) != len || strncmp(NOUNS[i].noun->many, word, len) != 0) {
        i++; /* routes.c names no other */
    }
    return i;
}

static int check_reach(const struct kn_request *req, struct kn_error *err)
{
    const enum kn_identity_realm_noun realm = NOUNS[of(req)].realm;

    return realm == KN_REALM_COUNT ? 0 : kn_identity_realm_check(req, realm, req->params[0], err);
}

/* Nobody changes who stands above him. */
static int check_rank(const struct kn_request *req, struct kn_error *err)
{
    const enum kn_identity_realm_noun realm = NOUNS[of(req)].realm;

    return realm == KN_REALM_USER || realm == KN_REALM_GROUP ? kn_identity_rank_check(req, realm, req->params[0], err)
                                                             : check_reach(req, err);
}

int kn_identity_nouns_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const size_t i = of(req);

    return NOUNS[i].realm == KN_REALM_COUNT ? kn_rest_list(NOUNS[i].noun, req, KN_REST_LIST, NULL, res, err)
                                            : kn_identity_realm_list(NOUNS[i].noun, req, NULL, res, err);
}

int kn_identity_nouns_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return check_reach(req, err) < 0 ? -1
                                     : kn_rest_show(NOUNS[of(req)].noun, req, req->params[0], KN_REST_SHOW, res, err);
}

int kn_identity_nouns_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const size_t i = of(req);
    const struct kn_rest_noun *noun = NOUNS[i].noun;

    if ((noun->many_limit != KN_LIMIT_NONE ? kn_rest_create_many : kn_rest_create)(noun, req, res, err) < 0) {
        return -1;
    }
    if (NOUNS[i].realm == KN_REALM_COUNT) {
        kn_identity_refresh(req->db); /* the catalog; what is new of the others takes nothing away */
    }
    return 0;
}

int kn_identity_nouns_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    if (check_rank(req, err) < 0 || kn_rest_update(NOUNS[of(req)].noun, req, req->params[0], res, err) < 0) {
        return -1;
    }
    kn_identity_refresh(req->db);
    return 0;
}

int kn_identity_nouns_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return check_rank(req, err) < 0 ? -1 : kn_identity_nouns_forget(NOUNS[of(req)].noun, req, NULL, err);
}

int kn_identity_nouns_forget(const struct kn_rest_noun *noun, struct kn_request *req,
                             const struct kn_rest_bound *bounds, struct kn_error *err)
{
    if (kn_rest_delete_within(noun, req, req->params[bounds != NULL ? 1 : 0], bounds, err) < 0) {
        return -1;
    }
    kn_identity_refresh(req->db);
    return 0;
}
