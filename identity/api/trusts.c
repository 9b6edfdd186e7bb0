/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trusts over HTTP: who lends is who asks, and only the two of a trust, and those who may look into the whole system, see it. Rows are
 * trust.c's. What was lent itself, a trust's or an application credential's token, neither makes trusts nor sees any.
 */
#include <string.h>

#include "identity/api/handlers.h"
#include "identity/api/view.h"
#include "identity/auth/identity.h"
#include "identity/rows/trust.h"
#include "identity/rows/nouns.h"
#include "lib/base/mem.h"

static bool may(const struct kn_request *req, enum kn_rule rule, const char *user_id)
{
    return kn_policy_allows(rule, &req->caller, &(struct kn_target){ .user_id = user_id });
}

static int check_own_right(const struct kn_request *req, struct kn_error *err)
{
    return req->caller.credential_id[0] == '\0' && !req->caller.restricted
               ? 0
               : kn_fail(err, KN_FORBIDDEN,
                         "Whoever acts by an application credential or a trust has nothing to do with trusts.");
}

/* The trust of the path, if the caller may see it. A trust that is used up cannot be found. */
static int see(struct kn_request *req, struct kn_error *err)
{
    struct kn_identity_trust trust = { 0 };

    if (check_own_right(req, err) < 0 || kn_identity_trust_find(req->db, req->params[0], &trust, err) < 0) {
        return -1;
    }
    if (!may(req, req->route->rule, trust.trustor_id) && !may(req, req->route->rule, trust.trustee_id)) {
        return kn_policy_refuse(req->route->rule, err);
    }
    return trust.spent ? kn_rest_not_found(&kn_identity_trust_noun, trust.id, err) : 0;
}

static void add_roles(struct kn_strbuf *sb, const struct kn_request *req, const char *id, const struct kn_rows *roles)
{
    AUTO_FREE char *self = kn_asprintf("%s/v3/OS-TRUST/trusts/%s/roles", req->base_url, id);

    kn_jsonw_array(sb, "roles");
    for (int i = 0; i < kn_rows_count(roles); i++) {
        kn_jsonw_object(sb, NULL);
        kn_rest_members(&kn_identity_role_noun, req, KN_REST_SHOW, roles, i, sb);
        kn_jsonw_end_object(sb);
    }
    kn_jsonw_end_array(sb);
    kn_jsonw_object(sb, "roles_links");
    kn_jsonw_str(sb, "self", self);
    kn_jsonw_null(sb, "next");
    kn_jsonw_null(sb, "previous");
    kn_jsonw_end_object(sb);
}

static int trusts_show(struct kn_request *req, const char *id, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL, *roles = NULL;
    struct kn_strbuf *sb = &res->body;

    if (kn_rest_find(&kn_identity_trust_noun, req, id, KN_REST_SHOW, NULL, &rows, err) < 0 ||
        kn_identity_trust_roles(req->db, id, &roles, err) < 0) {
        return -1;
    }
    kn_jsonw_object(sb, NULL);
    kn_jsonw_object(sb, "trust");
    kn_rest_members(&kn_identity_trust_noun, req, KN_REST_SHOW, rows, 0, sb);
    add_roles(sb, req, id, roles);
    kn_jsonw_end_object(sb);
    kn_jsonw_end_object(sb);
    return 0;
}

int kn_identity_trusts_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const char *trustor = kn_request_query(req, "trustor_user_id"), *trustee = kn_request_query(req, "trustee_user_id");
    const enum kn_rule rule = trustor != NULL   ? KN_KEYSTONE_LIST_TRUSTS_FOR_TRUSTOR
                              : trustee != NULL ? KN_KEYSTONE_LIST_TRUSTS_FOR_TRUSTEE
                                                : KN_KEYSTONE_LIST_TRUSTS;

    if (check_own_right(req, err) < 0) {
        return -1;
    }
    return may(req, KN_KEYSTONE_LIST_TRUSTS_FOR_TRUSTOR, trustor) ||
                   may(req, KN_KEYSTONE_LIST_TRUSTS_FOR_TRUSTEE, trustee)
               ? kn_rest_list(&kn_identity_trust_noun, req, KN_REST_LIST, NULL, res, err)
               : kn_policy_refuse(rule, err);
}

int kn_identity_trusts_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return see(req, err) < 0 ? -1 : trusts_show(req, req->params[0], res, err);
}

/* What was lent, without what it implies. */
#define OF_TRUST(req) \
    { \
        { "id IN (SELECT role_id FROM trust_role WHERE trust_id = ?)", (req)->params[0] }, \
        { \
            NULL, NULL \
        } \
    }

int kn_identity_trust_roles_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_rest_bound of[] = OF_TRUST(req);

    return see(req, err) < 0 ? -1 : kn_rest_list_within(&kn_identity_role_noun, req, KN_REST_LIST, NULL, of, res, err);
}

int kn_identity_trust_roles_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_rest_bound of[] = OF_TRUST(req);
    AUTO(kn_rows) struct kn_rows *role = NULL;

    if (see(req, err) < 0 ||
        kn_rest_find(&kn_identity_role_noun, req, req->params[1], KN_REST_SHOW, of, &role, err) < 0) {
        return -1;
    }
    kn_rest_write_one(&kn_identity_role_noun, req, KN_REST_SHOW, role, res);
    return 0;
}

int kn_identity_trusts_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const char *id = NULL;
    json_t *object = NULL;

    return check_own_right(req, err) < 0 ||
                   kn_rest_body(&kn_identity_trust_noun, req, KN_REST_POST, &object, err) < 0 ||
                   kn_rest_insert(&kn_identity_trust_noun, req, object, &id, err) < 0
               ? -1
               : trusts_show(req, id, res, err);
}

int kn_identity_trusts_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    struct kn_identity_trust trust = { 0 };

    (void)res;
    if (check_own_right(req, err) < 0 || kn_identity_trust_find(req->db, req->params[0], &trust, err) < 0) {
        return -1;
    }
    if (!may(req, req->route->rule, trust.trustor_id)) {
        return kn_policy_refuse(req->route->rule, err);
    }
    return kn_identity_nouns_forget(&kn_identity_trust_noun, req, NULL, err);
}
