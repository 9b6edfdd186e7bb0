/* SPDX-License-Identifier: Apache-2.0 */
/* Roles over HTTP. Rows and rules are role.c's. */
#include "identity/api/handlers.h"
#include "identity/auth/identity.h"
#include "identity/rows/body.h"
#include "identity/rows/realm.h"
#include "lib/base/uuid.h"

static const struct kn_schema CREATE[] = {
    KN_BODY_NAME(KN_REQUIRED), KN_BODY_DESCRIPTION, KN_BODY_IMMUTABLE,
    KN_SCHEMA("domain_id", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_IDENTITY_ID), KN_SCHEMA_END,
};
static const struct kn_schema UPDATE[] = { KN_BODY_NAME(0), KN_BODY_DESCRIPTION, KN_BODY_IMMUTABLE, KN_SCHEMA_END };

/* The roles of domains are for those who look at the whole cloud; the manager of a domain sees of the others what it may give. */
static bool is_hidden(const struct kn_request *req, const struct kn_rows *role)
{
    const char *name = kn_rest_cell(&kn_role_noun, req, KN_REST_SHOW, "name", role, 0);
    bool of_domain = kn_rest_cell(&kn_role_noun, req, KN_REST_SHOW, "domain_id", role, 0) != NULL;

    return (of_domain && kn_realm_of_lists(req) != NULL) || (kn_realm(req) != NULL && !kn_role_is_managed(name));
}

static int show(struct kn_request *req, const char *id, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_rest_find(&kn_role_noun, req, id, KN_REST_SHOW, NULL, &rows, err) < 0) {
        return -1;
    }
    if (is_hidden(req, rows)) {
        return kn_realm_refuse(req, err);
    }
    kn_rest_write_one(&kn_role_noun, req, KN_REST_SHOW, rows, res);
    return 0;
}

/* The roles of the cloud are nobody's. */
int kn_roles_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_realm_of_lists(req) != NULL && kn_request_query(req, "domain_id") != NULL
               ? kn_realm_refuse(req, err)
               : kn_rest_list(&kn_role_noun, req, KN_REST_LIST, NULL, res, err);
}

int kn_roles_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return show(req, req->params[0], res, err);
}

int kn_roles_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    char id[KN_HEX_SIZE];
    const json_t *role = NULL;
    struct kn_change change = { 0 };

    kn_uuid_make_hex(id);
    if (kn_body_open_object(req, "role", CREATE, &role, &change.extra, err) < 0) {
        return -1;
    }
    kn_body_change(role, &change);
    return kn_role_insert(req->db, id, json_string_value(json_object_get(role, "domain_id")), &change, err) < 0 ? -1 : show(req, id, res, err);
}

int kn_roles_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const json_t *role = NULL;
    struct kn_change change = { 0 };

    if (kn_body_open_object(req, "role", UPDATE, &role, &change.extra, err) < 0) {
        return -1;
    }
    kn_body_change(role, &change);
    return kn_role_update(req->db, req->params[0], &change, err) < 0 ? -1 : show(req, req->params[0], res, err);
}

int kn_roles_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    if (kn_role_delete(req->db, req->params[0], err) < 0) {
        return -1;
    }
    kn_identity_refresh(req->db);
    return 0;
}
