/* SPDX-License-Identifier: Apache-2.0 */
/* Users over HTTP where they are not like all nouns (nouns.c): their own passwords, hashed here on the login threads, and their projects. */
#include "identity/api/handlers.h"
#include "identity/auth/authenticate.h"
#include "identity/auth/identity.h"
#include "identity/rows/held.h"
#include "identity/rows/nouns.h"
#include "identity/rows/password.h"
#include "identity/rows/realm.h"
#include "lib/domain/schema.h"

#define PASSWORD(key) KN_SCHEMA(key, KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_PASSWORD)
static const struct kn_schema OWN_PASSWORD[] = { PASSWORD("password"), PASSWORD("original_password"), KN_SCHEMA_END };
static const struct kn_schema BODY[] = { KN_SCHEMA("user", KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = OWN_PASSWORD),
                                         KN_SCHEMA_END };

/* Like all nouns, on the login threads. */
int kn_identity_users_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_identity_nouns_create(req, res, err);
}

int kn_identity_users_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_identity_nouns_update(req, res, err);
}

/* Without a token: a password that has expired gives none, and has to be changed all the same. The old one says who asks. */
int kn_identity_users_password(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_identity_named named = { .id = req->params[0] };
    const json_t *user = json_object_get(req->body, "user");
    struct kn_identity_account account = { 0 };

    (void)res;
    if (kn_schema_check_in(&KN_SCHEMA_KEYSTONE, BODY, req->body, 0, err) < 0 ||
        kn_identity_authenticate_password(req, &named, kn_identity_said(user, "original_password"), &account, err) <
            0 ||
        kn_identity_password_change(req->db, req->conf, &account, kn_identity_said(user, "password"), err) < 0) {
        return -1;
    }
    kn_identity_refresh(req->db);
    return 0;
}

int kn_identity_users_projects(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_rest_bound of[] = { { "id IN " KN_HELD_PROJECTS("?"), req->params[0] }, { NULL, NULL } };

    return kn_identity_realm_check(req, KN_REALM_USER, req->params[0], err) < 0
               ? -1
               : kn_rest_list_within(&kn_identity_project_noun, req, KN_REST_LIST, NULL, of, res, err);
}
