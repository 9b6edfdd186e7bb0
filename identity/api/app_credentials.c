/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Application credentials and access rules over HTTP, below their user. A secret is shown once, in the answer that makes it. Rows are
 * app_credential.c's and access_rule.c's.
 */
#include <string.h>

#include "identity/api/handlers.h"
#include "identity/api/view.h"
#include "identity/auth/identity.h"
#include "identity/rows/access_rule.h"
#include "identity/rows/app_credential.h"
#include "identity/rows/body.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"

static const struct kn_schema ROLE[] = {
    KN_SCHEMA("id", KN_IS_STRING, .limit = KN_LIMIT_IDENTITY_ID), KN_SCHEMA("name", KN_IS_STRING, .limit = KN_LIMIT_IDENTITY_NAME), KN_SCHEMA_END,
};
static const struct kn_schema ROLE_ITEM[] = { KN_SCHEMA("role", KN_IS_OBJECT, .inner = ROLE), KN_SCHEMA_END };
static const struct kn_schema RULE_ITEM[] = { KN_SCHEMA("access_rule", KN_IS_OBJECT, .inner = kn_access_rule_body), KN_SCHEMA_END };
static const struct kn_schema CREATE[] = {
    KN_BODY_NAME(KN_REQUIRED),
    KN_BODY_DESCRIPTION,
    KN_SCHEMA("secret", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_APP_SECRET),
    KN_SCHEMA("expires_at", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_EXPIRY),
    KN_SCHEMA("unrestricted", KN_IS_BOOLEAN, .flags = KN_NULLABLE | KN_EXACT),
    KN_SCHEMA("roles", KN_IS_LIST, .inner = ROLE_ITEM, .limit = KN_LIMIT_ROLE_ITEMS),
    KN_SCHEMA("access_rules", KN_IS_LIST, .inner = RULE_ITEM, .limit = KN_LIMIT_ACCESS_RULES),
    KN_SCHEMA("project_id", KN_IS_STRING, .limit = KN_LIMIT_IDENTITY_REF),
    KN_SCHEMA_END,
};

/* --- what they look like --- */

static void view(struct kn_strbuf *sb, const struct kn_request *req, const struct kn_rows *rows, int row)
{
    AUTO_FREE char *collection = kn_asprintf("users/%s/application_credentials", kn_rows_text(rows, row, 4));
    char expires[KN_TIME_SIZE];

    kn_time_iso_us(kn_rows_int(rows, row, 6), expires);
    kn_jsonw_str(sb, "id", kn_rows_str(rows, row, 0));
    kn_jsonw_str(sb, "name", kn_rows_str(rows, row, 1));
    kn_jsonw_str(sb, "description", kn_rows_str(rows, row, 2));
    kn_jsonw_str(sb, "project_id", kn_rows_str(rows, row, 3));
    kn_jsonw_str(sb, "user_id", kn_rows_str(rows, row, 4));
    kn_jsonw_bool(sb, "unrestricted", kn_rows_bool(rows, row, 5));
    kn_jsonw_str(sb, "expires_at", kn_rows_null(rows, row, 6) ? NULL : expires);
    kn_jsonw_raw(sb, "roles", kn_rows_str(rows, row, 7));
    if (!kn_rows_null(rows, row, 8)) {
        kn_jsonw_raw(sb, "access_rules", kn_rows_str(rows, row, 8));
    }
    kn_view_self(sb, req, collection, kn_rows_text(rows, row, 0));
}

static void view_rule(struct kn_strbuf *sb, const struct kn_request *req, const struct kn_rows *rows, int row)
{
    AUTO_FREE char *collection = kn_asprintf("users/%s/access_rules", req->params[0]);

    kn_jsonw_str(sb, "id", kn_rows_str(rows, row, 0));
    kn_jsonw_str(sb, "service", kn_rows_str(rows, row, 1));
    kn_jsonw_str(sb, "method", kn_rows_str(rows, row, 2));
    kn_jsonw_str(sb, "path", kn_rows_str(rows, row, 3));
    kn_view_self(sb, req, collection, kn_rows_text(rows, row, 0));
}

static int show(const struct kn_request *req, const char *id, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_app_credential_list(req->db, req->params[0], id, NULL, &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Could not find Application Credential: %s.", id);
    }
    return kn_view_one(res, req, "application_credential", id, rows, view, err);
}

int kn_app_credentials_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_app_credential_list(req->db, req->params[0], NULL, kn_request_query(req, "name"), &rows, err) < 0) {
        return -1;
    }
    kn_view_list(res, req, "application_credentials", rows, view);
    return 0;
}

int kn_app_credentials_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return show(req, req->params[1], res, err);
}

/* --- making them --- */

/* A credential that must not make others must not take them away either. */
static int check_unrestricted(const struct kn_request *req, struct kn_error *err)
{
    return !req->caller.restricted ? 0
                                   : kn_fail(err, KN_FORBIDDEN, "Using method '%s' is not allowed for managing additional application "
                                             "credentials.", req->caller.credential_id[0] != '\0' ? "application_credential" : "trust");
}

/* What the caller's token gives on its project: all of the user's roles there, or those of the credential that logged in. */
static int held_roles(const struct kn_request *req, struct kn_scope_facts *ret, struct kn_error *err)
{
    const struct kn_named project = { .id = req->caller.project_id };

    if (req->caller.project_id[0] == '\0') {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid application credential: the token is not scoped to a project");
    }
    return req->caller.credential_id[0] != '\0'
               ? kn_app_credential_scope(req->db, req->caller.credential_id, req->caller.user_id, project.id, ret, err)
               : kn_scope_find(req->db, KN_SCOPE_PROJECT, &project, req->caller.user_id, ret, err);
}

/* The wanted ones of the held roles; all if none is named. */
static int choose_roles(const struct kn_scope_facts *held, const json_t *wanted, struct kn_array *ret, struct kn_error *err)
{
    const json_t *role = NULL;
    size_t k = 0;

    json_array_foreach(wanted, k, role) {
        int row = kn_scope_role(held, role);
        if (row < 0) {
            return kn_fail(err, KN_BAD_REQUEST, "Invalid application credential: Cannot create an application credential with "
                           "unassigned role");
        }
        kn_array_add(ret, kn_rows_text(held->role_rows, row, 0));
    }
    for (int i = 0; json_array_size(wanted) == 0 && i < kn_rows_count(held->role_rows); i++) {
        kn_array_add(ret, kn_rows_text(held->role_rows, i, 0));
    }
    return ret->count > 0 ? 0 : kn_fail(err, KN_BAD_REQUEST, "Invalid application credential: there is no role to give");
}

static int make_secret(const json_t *body, char made[KN_APP_SECRET], char hash[129], const char **ret_secret, struct kn_error *err)
{
    *ret_secret = json_string_value(json_object_get(body, "secret"));
    if (*ret_secret != NULL) {
        return kn_app_secret_hash(*ret_secret, hash, err);
    }
    kn_app_secret_make(made, hash);
    *ret_secret = made;
    return 0;
}

/* The answer once more, with the secret in front of its last two braces. */
static void add_secret(struct kn_strbuf *sb, const char *secret)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf member = KN_STRBUF_INIT;

    kn_strbuf_addjson(&member, secret);
    sb->len -= 2;
    kn_strbuf_addf(sb, ",\"secret\":%s}}", member.buf);
}

int kn_app_credentials_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_scope_facts) struct kn_scope_facts held = { 0 };
    AUTO_RELEASE(kn_array) struct kn_array roles = KN_ARRAY_INIT;
    struct kn_app_credential_wish wish = { .user_id = req->caller.user_id, .project_id = req->caller.project_id };
    char id[KN_HEX_SIZE], made[KN_APP_SECRET], hash[129], expires[KN_TIME_SIZE];
    const char *secret = NULL;
    const json_t *body = NULL;

    if (kn_body_object(req, "application_credential", CREATE, &body, err) < 0 || check_unrestricted(req, err) < 0 ||
        held_roles(req, &held, err) < 0 || choose_roles(&held, json_object_get(body, "roles"), &roles, err) < 0 ||
        kn_body_expiry(body, expires, &wish.expires_at, err) < 0 ||
        make_secret(body, made, hash, &secret, err) < 0) {
        return -1;
    }
    kn_uuid_make_hex(id);
    wish.name = json_string_value(json_object_get(body, "name"));
    wish.description = json_string_value(json_object_get(body, "description"));
    wish.hash = hash;
    wish.unrestricted = json_is_true(json_object_get(body, "unrestricted"));
    wish.role_ids = kn_array_value(&roles);
    wish.rules = json_object_get(body, "access_rules");
    if (kn_app_credential_insert(req->db, id, &wish, err) < 0 || show(req, id, res, err) < 0) {
        return -1;
    }
    add_secret(&res->body, secret);
    return 0;
}

int kn_app_credentials_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    if (check_unrestricted(req, err) < 0 || kn_app_credential_delete(req->db, req->params[0], req->params[1], err) < 0) {
        return -1;
    }
    kn_identity_refresh(req->db);
    return 0;
}

/* --- access rules --- */

int kn_access_rules_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_access_rule_filter filter = {
        .service = kn_request_query(req, "service"),
        .method = kn_request_query(req, "method"),
        .path = kn_request_query(req, "path"),
    };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_access_rule_list(req->db, req->params[0], &filter, &rows, err) < 0) {
        return -1;
    }
    kn_view_list(res, req, "access_rules", rows, view_rule);
    return 0;
}

int kn_access_rules_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_access_rule_filter filter = { .id = req->params[1] };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_access_rule_list(req->db, req->params[0], &filter, &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Could not find Access Rule: %s.", req->params[1]);
    }
    return kn_view_one(res, req, "access_rule", req->params[1], rows, view_rule, err);
}

int kn_access_rules_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return check_unrestricted(req, err) < 0 ? -1 : kn_access_rule_delete(req->db, req->params[0], req->params[1], err);
}
