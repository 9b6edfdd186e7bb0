/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trusts over HTTP: who lends is who asks, and only the two of a trust, and those who may look into the whole system, see it. Rows are
 * trust.c's. What was lent itself, a trust's or an application credential's token, neither makes trusts nor sees any.
 */
#include <string.h>

#include "identity/api/handlers.h"
#include "identity/api/view.h"
#include "identity/auth/identity.h"
#include "identity/rows/body.h"
#include "identity/rows/trust.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"

#define TRUSTS "OS-TRUST/trusts"

static const struct kn_schema ROLE[] = {
    KN_SCHEMA("id", KN_IS_STRING, .limit = KN_LIMIT_IDENTITY_ID), KN_SCHEMA("name", KN_IS_STRING, .limit = KN_LIMIT_IDENTITY_NAME), KN_SCHEMA_END,
};
static const struct kn_schema ROLE_ITEM[] = { KN_SCHEMA("role", KN_IS_OBJECT, .inner = ROLE), KN_SCHEMA_END };
static const struct kn_schema CREATE[] = {
    KN_SCHEMA("trustor_user_id", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_IDENTITY_ID),
    KN_SCHEMA("trustee_user_id", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_IDENTITY_ID),
    KN_SCHEMA("project_id", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_IDENTITY_ID),
    KN_SCHEMA("impersonation", KN_IS_BOOLEAN, .flags = KN_REQUIRED | KN_EXACT),
    KN_SCHEMA("roles", KN_IS_LIST, .inner = ROLE_ITEM, .limit = KN_LIMIT_ROLE_ITEMS),
    KN_SCHEMA("expires_at", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_EXPIRY),
    KN_SCHEMA("remaining_uses", KN_IS_INTEGER, .flags = KN_NULLABLE | KN_EXACT, .limit = KN_LIMIT_TRUST_USES),
    KN_SCHEMA("allow_redelegation", KN_IS_BOOLEAN, .flags = KN_NULLABLE | KN_EXACT),
    KN_SCHEMA("redelegation_count", KN_IS_INTEGER, .flags = KN_NULLABLE | KN_EXACT, .limit = KN_LIMIT_REDELEGATIONS),
    KN_SCHEMA_END,
};

/* --- who may --- */

static bool sees_all(const struct kn_request *req)
{
    return (req->caller.is_admin && req->caller.domain_id[0] == '\0') || (req->caller.system_scoped && (req->caller.roles & KN_ROLE_READER) != 0);
}

/* action: Keystone's name of the rule. */
static int refuse(const char *action, struct kn_error *err)
{
    return kn_fail(err, KN_FORBIDDEN, "You are not authorized to perform the requested action: identity:%s.", action);
}

static int check_own_right(const struct kn_request *req, struct kn_error *err)
{
    return req->caller.credential_id[0] == '\0' && !req->caller.restricted
               ? 0
               : kn_fail(err, KN_FORBIDDEN, "Whoever acts by an application credential or a trust has nothing to do with trusts.");
}

/* The trust of the path, if the caller may see it. A trust that is used up cannot be found. */
static int see(const struct kn_request *req, const char *action, struct kn_trust *ret, struct kn_error *err)
{
    struct kn_trust trust = { 0 };

    if (check_own_right(req, err) < 0 || kn_trust_find(req->db, req->params[0], &trust, err) < 0) {
        return -1;
    }
    if (!sees_all(req) && strcmp(trust.trustor_id, req->caller.user_id) != 0 && strcmp(trust.trustee_id, req->caller.user_id) != 0) {
        return refuse(action, err);
    }
    if (trust.spent) {
        return kn_fail(err, KN_NOT_FOUND, "Could not find trust: %.64s.", trust.id);
    }
    *ret = trust;
    return 0;
}

/* --- what they look like --- */

static void view(struct kn_strbuf *sb, const struct kn_request *req, const struct kn_rows *rows, int row)
{
    char expires[KN_TIME_SIZE];

    kn_time_iso_us_z(kn_rows_int(rows, row, 5), expires);
    kn_jsonw_str(sb, "id", kn_rows_str(rows, row, 0));
    kn_jsonw_str(sb, "trustor_user_id", kn_rows_str(rows, row, 1));
    kn_jsonw_str(sb, "trustee_user_id", kn_rows_str(rows, row, 2));
    kn_jsonw_str(sb, "project_id", kn_rows_str(rows, row, 3));
    kn_jsonw_bool(sb, "impersonation", kn_rows_bool(rows, row, 4));
    kn_jsonw_str(sb, "expires_at", kn_rows_null(rows, row, 5) ? NULL : expires);
    kn_jsonw_raw(sb, "remaining_uses", kn_rows_str(rows, row, 6));
    kn_jsonw_null(sb, "deleted_at");
    kn_jsonw_int(sb, "redelegation_count", 0);
    kn_view_self(sb, req, TRUSTS, kn_rows_text(rows, row, 0));
}

static void add_roles(struct kn_strbuf *sb, const struct kn_request *req, const char *id, const struct kn_rows *roles)
{
    AUTO_FREE char *self = kn_asprintf("%s/v3/" TRUSTS "/%s/roles", req->base_url, id);

    kn_jsonw_array(sb, "roles");
    for (int i = 0; i < kn_rows_count(roles); i++) {
        kn_jsonw_object(sb, NULL);
        kn_rest_members(&kn_role_noun, req, KN_REST_SHOW, roles, i, sb);
        kn_jsonw_end_object(sb);
    }
    kn_jsonw_end_array(sb);
    kn_jsonw_object(sb, "roles_links");
    kn_jsonw_str(sb, "self", self);
    kn_jsonw_null(sb, "next");
    kn_jsonw_null(sb, "previous");
    kn_jsonw_end_object(sb);
}

static int show(const struct kn_request *req, const char *id, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL, *roles = NULL;
    struct kn_strbuf *sb = &res->body;

    if (kn_trust_list(req->db, id, NULL, NULL, &rows, err) < 0 || kn_trust_roles(req->db, id, &roles, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Could not find trust: %.64s.", id);
    }
    kn_jsonw_object(sb, NULL);
    kn_jsonw_object(sb, "trust");
    view(sb, req, rows, 0);
    add_roles(sb, req, id, roles);
    kn_jsonw_end_object(sb);
    kn_jsonw_end_object(sb);
    return 0;
}

int kn_trusts_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *trustor = kn_request_query(req, "trustor_user_id"), *trustee = kn_request_query(req, "trustee_user_id");
    bool own = (trustor != NULL && strcmp(trustor, req->caller.user_id) == 0) ||
               (trustee != NULL && strcmp(trustee, req->caller.user_id) == 0);

    if (check_own_right(req, err) < 0) {
        return -1;
    }
    if (!own && !sees_all(req)) {
        return refuse(trustor != NULL ? "list_trusts_for_trustor" : trustee != NULL ? "list_trusts_for_trustee" : "list_trusts", err);
    }
    if (kn_trust_list(req->db, NULL, trustor, trustee, &rows, err) < 0) {
        return -1;
    }
    kn_view_list(res, req, "trusts", rows, view);
    return 0;
}

int kn_trusts_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    struct kn_trust trust = { 0 };

    return see(req, "get_trust", &trust, err) < 0 ? -1 : show(req, trust.id, res, err);
}

int kn_trust_roles_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *roles = NULL;
    struct kn_trust trust = { 0 };

    if (see(req, "list_roles_for_trust", &trust, err) < 0 || kn_trust_roles(req->db, trust.id, &roles, err) < 0) {
        return -1;
    }
    kn_rest_write_all(&kn_role_noun, req, KN_REST_LIST, roles, res);
    return 0;
}

int kn_trust_roles_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *roles = NULL;
    struct kn_trust trust = { 0 };

    if (see(req, "get_role_for_trust", &trust, err) < 0 || kn_trust_roles(req->db, trust.id, &roles, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(roles); i++) {
        if (strcmp(kn_rows_text(roles, i, 0), req->params[1]) == 0) {
            kn_jsonw_object(&res->body, NULL);
            kn_jsonw_object(&res->body, "role");
            kn_rest_members(&kn_role_noun, req, KN_REST_SHOW, roles, i, &res->body);
            kn_jsonw_end_object(&res->body);
            kn_jsonw_end_object(&res->body);
            return 0;
        }
    }
    return kn_fail(err, KN_NOT_FOUND, "Could not find role: %.64s.", req->params[1]);
}

/* --- making and ending them --- */

/* The ids of the wanted roles, each of which the caller holds on that project. */
static int choose_roles(const struct kn_request *req, const json_t *body, struct kn_array *ret, struct kn_error *err)
{
    const struct kn_named project = { .id = json_string_value(json_object_get(body, "project_id")) };
    AUTO_RELEASE(kn_scope_facts) struct kn_scope_facts held = { 0 };
    const json_t *wanted = NULL;
    size_t k = 0;

    if (json_array_size(json_object_get(body, "roles")) == 0) {
        return kn_fail(err, KN_FORBIDDEN, "You are not authorized to perform the requested action: At least one role should be specified.");
    }
    if (kn_scope_find(req->db, KN_SCOPE_PROJECT, &project, req->caller.user_id, &held, err) < 0) {
        return -1;
    }
    json_array_foreach(json_object_get(body, "roles"), k, wanted) {
        int row = kn_scope_role(&held, wanted);
        if (row < 0) {
            return kn_fail(err, KN_NOT_FOUND, "Could not find a role of the trustor that was to be lent.");
        }
        kn_array_add(ret, kn_rows_text(held.role_rows, row, 0));
    }
    return 0;
}

static int check_create(const struct kn_request *req, const json_t *body, struct kn_error *err)
{
    if (strcmp(req->caller.user_id, json_string_value(json_object_get(body, "trustor_user_id"))) != 0) {
        return kn_fail(err, KN_FORBIDDEN, "You are not authorized to perform the requested action: The authenticated user should match "
                       "the trustor.");
    }
    return kn_schema_bool(body, "allow_redelegation", false) || kn_schema_int(body, "redelegation_count", 0) > 0
               ? kn_fail(err, KN_FORBIDDEN, "Trusts cannot be lent on here.")
               : 0;
}

int kn_trusts_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array roles = KN_ARRAY_INIT;
    struct kn_trust_wish wish = { .trustor_id = req->caller.user_id };
    char id[KN_HEX_SIZE], expires[KN_TIME_SIZE];
    const json_t *body = NULL;
    struct kn_arg uses;

    if (kn_body_object(req, "trust", CREATE, &body, err) < 0 || check_own_right(req, err) < 0 || check_create(req, body, err) < 0 ||
        kn_body_expiry(body, expires, &wish.expires_at, err) < 0 || choose_roles(req, body, &roles, err) < 0) {
        return -1;
    }
    kn_uuid_make_hex(id);
    wish.trustee_id = json_string_value(json_object_get(body, "trustee_user_id"));
    wish.project_id = json_string_value(json_object_get(body, "project_id"));
    wish.impersonation = json_is_true(json_object_get(body, "impersonation"));
    wish.role_ids = kn_array_value(&roles);
    if (json_is_integer(json_object_get(body, "remaining_uses"))) {
        wish.remaining_uses = kn_arg_int(&uses, json_integer_value(json_object_get(body, "remaining_uses")));
    }
    return kn_trust_insert(req->db, id, &wish, err) < 0 ? -1 : show(req, id, res, err);
}

int kn_trusts_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    struct kn_trust trust = { 0 };

    (void)res;
    if (check_own_right(req, err) < 0 || kn_trust_find(req->db, req->params[0], &trust, err) < 0) {
        return -1;
    }
    bool admin = req->caller.is_admin && req->caller.domain_id[0] == '\0';
    if (!admin && strcmp(trust.trustor_id, req->caller.user_id) != 0) {
        return refuse("delete_trust", err);
    }
    if (kn_trust_delete(req->db, trust.id, err) < 0) {
        return -1;
    }
    kn_identity_refresh(req->db);
    return 0;
}
