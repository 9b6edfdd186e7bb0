/* SPDX-License-Identifier: Apache-2.0 */
/* Users over HTTP, passwords included: they are hashed here (on the login threads) and go no further. Rows are user.c's. */
#include <string.h>

#include "identity/api/handlers.h"
#include "identity/auth/authenticate.h"
#include "identity/auth/identity.h"
#include "identity/rows/body.h"
#include "identity/rows/held.h"
#include "identity/rows/password.h"
#include "identity/rows/rank.h"
#include "identity/rows/realm.h"
#include "identity/rows/user.h"
#include "lib/adapter/crypto.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"

#define PASSWORD(key, flag) KN_SCHEMA(key, KN_IS_STRING, .flags = flag, .limit = KN_LIMIT_PASSWORD)
#define COMMON                                                                              \
    KN_BODY_DESCRIPTION, KN_SCHEMA("enabled", KN_IS_BOOLEAN, .flags = KN_EXACT),            \
    KN_SCHEMA("options", KN_IS_OBJECT, .inner = kn_user_options),                           \
    KN_SCHEMA("email", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_EMAIL), \
    KN_SCHEMA("default_project_id", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_IDENTITY_REF), \
    KN_SCHEMA("domain_id", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_IDENTITY_REF), \
    PASSWORD("password", KN_NULLABLE)

static const struct kn_schema CREATE[] = { KN_BODY_NAME(KN_REQUIRED), COMMON, KN_SCHEMA_END };
static const struct kn_schema UPDATE[] = { KN_BODY_NAME(0), COMMON, KN_SCHEMA("id", KN_IS_STRING), KN_SCHEMA_END };
static const struct kn_schema OWN_PASSWORD[] = {
    PASSWORD("password", KN_REQUIRED), PASSWORD("original_password", KN_REQUIRED), KN_SCHEMA_END,
};

int kn_users_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_realm_list(&kn_user_noun, req, NULL, res, err);
}

static int show(struct kn_request *req, const char *id, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_show(&kn_user_noun, req, id, KN_REST_SHOW, res, err);
}

int kn_users_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_realm_check(req, KN_REALM_USER, req->params[0], err) < 0 ? -1 : show(req, req->params[0], res, err);
}

/* Its hash, if the body sets one; null takes it away. */
static int read_password(struct kn_request *req, const json_t *user, struct kn_user_change *ret, char hash[KN_PASSWORD_HASH],
                         struct kn_error *err)
{
    const json_t *password = json_object_get(user, "password");

    ret->sets_password = password != NULL;
    if (!json_is_string(password)) {
        return 0;
    }
    ret->hash = hash;
    return kn_password_allowed(req->conf, json_string_value(password), err) < 0
               ? -1
               : kn_password_hash(json_string_value(password), hash, err);
}

/* What a body wants. */
static int read_change(struct kn_request *req, const json_t *user, struct kn_user_change *ret, char hash[KN_PASSWORD_HASH],
                       struct kn_error *err)
{
    const json_t *options = json_object_get(user, "options");
    struct kn_change common = { 0 };

    kn_body_change(user, &common);
    ret->name = common.name;
    ret->description = common.description;
    ret->enabled = common.enabled;
    ret->email = kn_body_text(user, "email");
    ret->default_project_id = kn_body_text(user, "default_project_id");
    if (options != NULL) {
        AUTO_FREE char *text = json_dumps(options, JSON_COMPACT);
        ret->options = kn_request_strdup(req, text);
    }
    return read_password(req, user, ret, hash, err);
}

int kn_users_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    char id[KN_HEX_SIZE], hash[KN_PASSWORD_HASH];
    const json_t *user = NULL;
    struct kn_user_change change = { 0 };

    kn_uuid_make_hex(id);
    if (kn_body_open_object(req, "user", CREATE, &user, &change.extra, err) < 0 ||
        read_change(req, user, &change, hash, err) < 0) {
        return -1;
    }
    const char *domain = NULL;
    if (kn_realm_home(req, json_string_value(json_object_get(user, "domain_id")), &domain, err) < 0) {
        return -1;
    }
    return kn_user_insert(req->db, req->conf, id, domain, &change, err) < 0 ? -1 : show(req, id, res, err);
}

/* A body may say who the user is, but not make it somebody else. */
static int check_identity(struct kn_request *req, const json_t *user, struct kn_error *err)
{
    const struct kn_named named = { .id = req->params[0] };
    const char *id = json_string_value(json_object_get(user, "id"));
    const char *domain = json_string_value(json_object_get(user, "domain_id"));
    struct kn_account account = { 0 };

    if (id != NULL && strcmp(id, req->params[0]) != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Cannot change user ID");
    }
    if (domain == NULL) {
        return 0;
    }
    if (kn_account_find(req->db, &named, &account, err) < 0) {
        return -1;
    }
    return strcmp(domain, account.domain_id) == 0 ? 0 : kn_fail(err, KN_BAD_REQUEST, "Cannot change Domain ID");
}

int kn_users_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    char hash[KN_PASSWORD_HASH];
    const json_t *user = NULL;
    struct kn_user_change change = { 0 };

    if (kn_rank_check(req, KN_REALM_USER, req->params[0], err) < 0 ||
        kn_body_open_object(req, "user", UPDATE, &user, &change.extra, err) < 0 || check_identity(req, user, err) < 0 ||
        read_change(req, user, &change, hash, err) < 0 || kn_user_update(req->db, req->conf, req->params[0], &change, err) < 0) {
        return -1;
    }
    kn_identity_refresh(req->db);
    return show(req, req->params[0], res, err);
}

int kn_users_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    if (kn_rank_check(req, KN_REALM_USER, req->params[0], err) < 0 ||
        kn_user_delete(req->db, req->params[0], err) < 0) {
        return -1;
    }
    kn_identity_refresh(req->db);
    return 0;
}

/* Without a token: a password that has expired gives none, and has to be changed all the same. The old one says who asks. */
int kn_users_password(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_named named = { .id = req->params[0] };
    const json_t *user = NULL;
    struct kn_account account = { 0 };

    (void)res;
    if (kn_body_object(req, "user", OWN_PASSWORD, &user, err) < 0 ||
        kn_authenticate_password(req, &named, json_string_value(json_object_get(user, "original_password")), &account, err) < 0 ||
        kn_password_change(req->db, req->conf, &account, json_string_value(json_object_get(user, "password")), err) < 0) {
        return -1;
    }
    kn_identity_refresh(req->db);
    return 0;
}

int kn_users_projects(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_rest_bound of[] = { { "id IN " KN_HELD_PROJECTS("?"), req->params[0] }, { NULL, NULL } };

    return kn_realm_check(req, KN_REALM_USER, req->params[0], err) < 0
               ? -1
               : kn_rest_list_within(&kn_project_noun, req, KN_REST_LIST, NULL, of, res, err);
}
