/* SPDX-License-Identifier: Apache-2.0 */
/* Users over HTTP, passwords included: they are hashed here (on the login threads) and go no further. Rows are user.c's. */
#include <string.h>

#include "identity/account.h"
#include "identity/body.h"
#include "identity/handlers.h"
#include "identity/identity.h"
#include "identity/view.h"
#include "lib/adapter/crypto.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"

#define PASSWORD(key, flag) KN_SCHEMA(key, KN_IS_STRING, .flags = flag, .min = 1, .max = 1024)
#define COMMON                                                                              \
    KN_BODY_DESCRIPTION, KN_SCHEMA("enabled", KN_IS_BOOLEAN), KN_BODY_OPTIONS,              \
    KN_SCHEMA("email", KN_IS_STRING, .flags = KN_NULLABLE, .max = 255),                     \
    KN_SCHEMA("default_project_id", KN_IS_STRING, .flags = KN_NULLABLE, .max = 64),         \
    PASSWORD("password", KN_NULLABLE)

static const struct kn_schema CREATE[] = {
    KN_BODY_NAME(KN_REQUIRED), COMMON, KN_SCHEMA("domain_id", KN_IS_STRING, .flags = KN_NULLABLE, .max = 64), KN_SCHEMA_END,
};
static const struct kn_schema UPDATE[] = { KN_BODY_NAME(0), COMMON, KN_SCHEMA_END };
static const struct kn_schema OWN_PASSWORD[] = {
    PASSWORD("password", KN_REQUIRED), PASSWORD("original_password", KN_REQUIRED), KN_SCHEMA_END,
};

static int show(const struct kn_request *req, const char *id, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_user_get(req->db, id, &rows, err) < 0) {
        return -1;
    }
    return kn_view_one(res, req, "user", id, rows, kn_view_user, err);
}

int kn_users_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_filter filter;

    if (kn_body_filter(req, &filter, err) < 0 || kn_user_list(req->db, &filter, &rows, err) < 0) {
        return -1;
    }
    kn_view_list(res, req, "users", rows, kn_view_user);
    return 0;
}

int kn_users_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return show(req, req->params[0], res, err);
}

/* The change that a body wants; its password hashed into `hash`. */
static int read_change(const json_t *user, struct kn_change *ret, char hash[128], struct kn_error *err)
{
    const char *password = json_string_value(json_object_get(user, "password"));

    kn_body_change(user, ret);
    ret->email = kn_body_text(user, "email");
    ret->default_project_id = kn_body_text(user, "default_project_id");
    if (password == NULL) {
        return 0;
    }
    ret->password_hash = hash;
    return kn_password_hash(password, hash, err);
}

int kn_users_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    char id[KN_HEX_SIZE], hash[128];
    const json_t *user = NULL;
    struct kn_change change = { 0 };

    kn_uuid_make_hex(id);
    if (kn_body_object(req, "user", CREATE, &user, err) < 0 || read_change(user, &change, hash, err) < 0) {
        return -1;
    }
    const char *domain = json_string_value(json_object_get(user, "domain_id"));
    if (domain == NULL) {
        domain = req->caller.domain_id[0] != '\0' ? req->caller.domain_id : "default";
    }
    return kn_user_insert(req->db, id, domain, &change, err) < 0 ? -1 : show(req, id, res, err);
}

int kn_users_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    char hash[128];
    const json_t *user = NULL;
    struct kn_change change = { 0 };

    if (kn_body_object(req, "user", UPDATE, &user, err) < 0 || read_change(user, &change, hash, err) < 0 ||
        kn_user_update(req->db, req->params[0], &change, err) < 0) {
        return -1;
    }
    kn_identity_refresh(req->db);
    return show(req, req->params[0], res, err);
}

int kn_users_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    if (kn_user_delete(req->db, req->params[0], err) < 0) {
        return -1;
    }
    kn_identity_refresh(req->db);
    return 0;
}

/* Whoever has a token still has to know the password to change it, and may not guess it here instead of at the login. */
static int check_original(struct kn_request *req, const char *password, struct kn_error *err)
{
    const struct kn_named self = { .id = req->caller.user_id };
    AUTO_FREE char *name = kn_asprintf("%s/ %s", self.id, kn_request_remote(req));
    struct kn_account account;

    if (kn_identity_may_try(name, err) < 0 || kn_account_find(req->db, &self, &account, err) < 0) {
        return -1;
    }
    if (!kn_password_matches(account.hash, password)) {
        kn_identity_failed(name);
        return kn_fail(err, KN_UNAUTHORIZED, "The original password is wrong.");
    }
    return 0;
}

int kn_users_password(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    char hash[128];
    const json_t *user = NULL;
    struct kn_change change = { .password_hash = hash };

    (void)res;
    if (kn_body_object(req, "user", OWN_PASSWORD, &user, err) < 0 ||
        check_original(req, json_string_value(json_object_get(user, "original_password")), err) < 0 ||
        kn_password_hash(json_string_value(json_object_get(user, "password")), hash, err) < 0 ||
        kn_user_update(req->db, req->caller.user_id, &change, err) < 0) {
        return -1;
    }
    kn_identity_refresh(req->db);
    return 0;
}

int kn_users_projects(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_filter filter;

    if (kn_body_filter(req, &filter, err) < 0) {
        return -1;
    }
    filter.user_id = req->params[0];
    if (kn_project_list(req->db, &filter, &rows, err) < 0) {
        return -1;
    }
    kn_view_list(res, req, "projects", rows, kn_view_project);
    return 0;
}
