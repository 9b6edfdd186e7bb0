/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the reading of login requests, Keystone's shape and words. It must never guess: a half-said scope is refused, not dropped. */
#include "identity/auth/login.h"

#include <string.h>

#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/domain/schema.h"

/*
 * What is there has to be of its type. Names that are not known may be there, as in Keystone's keystone/auth/schema.py (token_issue): plug-ins
 * of clients send along what other methods want.
 */
#define OBJECT(name, rows) KN_SCHEMA(name, KN_IS_OBJECT, .flags = KN_OPEN, .inner = rows)
#define TEXT(name) KN_SCHEMA(name, KN_IS_STRING)

static const struct kn_schema NAMED[] = { TEXT("id"), TEXT("name"), KN_SCHEMA_END };
static const struct kn_schema USER[] = { TEXT("id"), TEXT("name"), TEXT("password"), OBJECT("domain", NAMED),
                                         KN_SCHEMA_END };
static const struct kn_schema PASSWORD[] = { OBJECT("user", USER), KN_SCHEMA_END };
static const struct kn_schema TOKEN[] = { TEXT("id"), KN_SCHEMA_END };
static const struct kn_schema CREDENTIAL[] = { TEXT("id"), TEXT("name"), TEXT("secret"), OBJECT("user", USER),
                                               KN_SCHEMA_END };
static const struct kn_schema METHOD[] = { TEXT("method"), KN_SCHEMA_END };
static const struct kn_schema IDENTITY[] = {
    KN_SCHEMA("methods", KN_IS_LIST, .inner = METHOD),
    OBJECT("password", PASSWORD),
    OBJECT("token", TOKEN),
    OBJECT("application_credential", CREDENTIAL),
    KN_SCHEMA_END,
};
static const struct kn_schema PROJECT[] = { TEXT("id"), TEXT("name"), OBJECT("domain", NAMED), KN_SCHEMA_END };
static const struct kn_schema SYSTEM[] = { KN_SCHEMA("all", KN_IS_BOOLEAN, .flags = KN_EXACT), KN_SCHEMA_END };
static const struct kn_schema SCOPE[] = {
    OBJECT("project", PROJECT), OBJECT("domain", NAMED), OBJECT("OS-TRUST:trust", TOKEN),
    OBJECT("system", SYSTEM),   KN_SCHEMA_END,
};
static const struct kn_schema AUTH[] = {
    OBJECT("identity", IDENTITY),
    OBJECT("scope", SCOPE),
    TEXT("scope"),
    KN_SCHEMA_END,
};
static const struct kn_schema BODY[] = { OBJECT("auth", AUTH), KN_SCHEMA_END };

static int login_missing(const char *what, struct kn_error *err)
{
    return kn_fail(err, KN_BAD_REQUEST,
                   "Expecting to find %s in the request. The server could not comply with the request since "
                   "it is either malformed or otherwise incorrect. The client is assumed to be in error.",
                   what);
}

static int take_object(const json_t *from, const char *key, const json_t **ret, struct kn_error *err)
{
    const json_t *object = json_object_get(from, key);
    if (!json_is_object(object)) {
        return login_missing(key, err);
    }
    *ret = object;
    return 0;
}

/* {"id"} or {"name"}, as strings; neither is an error. */
static int take_id_or_name(const json_t *from, const char *what, const char **ret_id, const char **ret_name,
                           struct kn_error *err)
{
    *ret_id = json_string_value(json_object_get(from, "id"));
    *ret_name = *ret_id == NULL ? json_string_value(json_object_get(from, "name")) : NULL;
    return *ret_id != NULL || *ret_name != NULL ? 0 : login_missing(what, err);
}

static int login_take_named(const json_t *from, const char *what, struct kn_identity_named *ret, struct kn_error *err)
{
    const json_t *domain = NULL;

    if (take_id_or_name(from, what, &ret->id, &ret->name, err) < 0) {
        return -1;
    }
    if (ret->id != NULL) {
        return 0;
    }
    return take_object(from, "domain", &domain, err) < 0
               ? -1
               : take_id_or_name(domain, "domain", &ret->domain_id, &ret->domain_name, err);
}

static int parse_password(const json_t *identity, struct kn_identity_login *login, struct kn_error *err)
{
    const json_t *method = NULL, *user = NULL;

    if (take_object(identity, "password", &method, err) < 0 || take_object(method, "user", &user, err) < 0 ||
        login_take_named(user, "user", &login->user, err) < 0) {
        return -1;
    }
    login->password = json_string_value(json_object_get(user, "password"));
    return login->password != NULL ? 0 : login_missing("password", err);
}

static int parse_token(const json_t *identity, struct kn_identity_login *login, struct kn_error *err)
{
    const json_t *method = NULL;

    if (take_object(identity, "token", &method, err) < 0) {
        return -1;
    }
    login->token = json_string_value(json_object_get(method, "id"));
    return login->token != NULL ? 0 : login_missing("token", err);
}

static int parse_credential(const json_t *identity, struct kn_identity_login *login, struct kn_error *err)
{
    const json_t *method = NULL, *user = NULL;

    if (take_object(identity, "application_credential", &method, err) < 0) {
        return -1;
    }
    login->secret = json_string_value(json_object_get(method, "secret"));
    login->credential.id = json_string_value(json_object_get(method, "id"));
    login->credential.name = json_string_value(json_object_get(method, "name"));
    if (login->secret == NULL) {
        return login_missing("secret", err);
    }
    if (login->credential.id != NULL) {
        return 0;
    }
    return login->credential.name == NULL                ? login_missing("application_credential", err)
           : take_object(method, "user", &user, err) < 0 ? -1
                                                         : login_take_named(user, "user", &login->credential.user, err);
}

static const struct {
    const char *name;
    enum kn_identity_method bit;
    int (*parse)(const json_t *identity, struct kn_identity_login *login, struct kn_error *err);
} METHODS[] = {
    { "password", KN_METHOD_PASSWORD, parse_password },
    { "token", KN_METHOD_TOKEN, parse_token },
    { "application_credential", KN_METHOD_APP_CREDENTIAL, parse_credential },
};

void kn_identity_methods_write(struct kn_strbuf *sb, const char *key, unsigned methods)
{
    kn_jsonw_array(sb, key);
    for (size_t i = 0; i < KN_COUNT(METHODS); i++) {
        if ((methods & METHODS[i].bit) != 0) {
            kn_jsonw_str(sb, NULL, METHODS[i].name);
        }
    }
    kn_jsonw_end_array(sb);
}

static int login_parse_method(const json_t *identity, const char *name, struct kn_identity_login *login,
                              struct kn_error *err)
{
    for (size_t i = 0; i < KN_COUNT(METHODS); i++) {
        if (strcmp(METHODS[i].name, name) == 0) {
            login->methods |= METHODS[i].bit;
            return METHODS[i].parse(identity, login, err);
        }
    }
    return kn_fail(err, KN_UNAUTHORIZED, "Attempted to authenticate with an unsupported method.");
}

static int parse_identity(const json_t *identity, struct kn_identity_login *login, struct kn_error *err)
{
    const json_t *methods = json_object_get(identity, "methods");
    const json_t *method = NULL;
    size_t i = 0;

    if (json_array_size(methods) == 0) {
        return login_missing("methods", err);
    }
    json_array_foreach (methods, i, method) {
        if (!json_is_string(method)) {
            return login_missing("methods", err);
        }
        if (login_parse_method(identity, json_string_value(method), login, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int parse_project_scope(const json_t *value, struct kn_identity_login *login, struct kn_error *err)
{
    return json_is_object(value) ? login_take_named(value, "project", &login->target, err)
                                 : login_missing("project", err);
}

static int parse_domain_scope(const json_t *value, struct kn_identity_login *login, struct kn_error *err)
{
    return json_is_object(value) ? take_id_or_name(value, "domain", &login->target.id, &login->target.name, err)
                                 : login_missing("domain", err);
}

static int parse_system_scope(const json_t *value, struct kn_identity_login *login, struct kn_error *err)
{
    (void)login;
    return json_is_true(json_object_get(value, "all")) ? 0 : login_missing("system.all", err);
}

static int parse_trust(const json_t *value, struct kn_identity_login *login, struct kn_error *err)
{
    login->trust = json_string_value(json_object_get(value, "id"));
    return login->trust != NULL ? 0 : login_missing("OS-TRUST:trust.id", err);
}

static int parse_unscoped(const json_t *value, struct kn_identity_login *login, struct kn_error *err)
{
    (void)value;
    (void)login;
    (void)err;
    return 0;
}

static const struct {
    const char *name;
    enum kn_identity_scope scope;
    int (*parse)(const json_t *value, struct kn_identity_login *login, struct kn_error *err);
} SCOPES[] = {
    { "project", KN_SCOPE_PROJECT, parse_project_scope }, { "domain", KN_SCOPE_DOMAIN, parse_domain_scope },
    { "system", KN_SCOPE_SYSTEM, parse_system_scope },    { "unscoped", KN_SCOPE_NONE, parse_unscoped },
    { "OS-TRUST:trust", KN_SCOPE_PROJECT, parse_trust },
};

static int parse_scope(const json_t *scope, struct kn_identity_login *login, struct kn_error *err)
{
    login->scope_said = scope != NULL;
    if (scope == NULL || (json_is_string(scope) && strcmp(json_string_value(scope), "unscoped") == 0)) {
        return 0;
    }
    if (json_object_size(scope) != 1) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "scope names one of project, domain, system, OS-TRUST:trust and unscoped, and no more");
    }
    for (size_t i = 0; i < KN_COUNT(SCOPES); i++) {
        const json_t *value = json_object_get(scope, SCOPES[i].name);
        if (value != NULL) {
            login->scope = SCOPES[i].scope;
            return SCOPES[i].parse(value, login, err);
        }
    }
    return kn_fail(err, KN_BAD_REQUEST, "scope names one of project, domain, system, OS-TRUST:trust and unscoped");
}

int kn_identity_login_parse(const json_t *body, struct kn_identity_login *ret, struct kn_error *err)
{
    struct kn_identity_login login = { 0 };
    const json_t *auth = NULL, *identity = NULL;

    if (kn_schema_check_secret(BODY, body, err) < 0 || take_object(body, "auth", &auth, err) < 0 ||
        take_object(auth, "identity", &identity, err) < 0 || parse_identity(identity, &login, err) < 0 ||
        parse_scope(json_object_get(auth, "scope"), &login, err) < 0) {
        return -1;
    }
    *ret = login;
    return 0;
}

char *kn_identity_login_account(const json_t *body)
{
    struct kn_error err = { 0 };
    struct kn_identity_login login = { 0 };

    if (kn_identity_login_parse(body, &login, &err) < 0) {
        return NULL;
    }
    const struct kn_identity_named *user = login.credential.name != NULL ? &login.credential.user : &login.user;
    const char *id = login.credential.id != NULL ? login.credential.id : user->id;
    const char *domain = user->domain_id != NULL ? user->domain_id : user->domain_name;
    return id != NULL           ? kn_asprintf("%.100s", id)
           : user->name != NULL ? kn_asprintf("%.255s@%.40s", user->name, domain != NULL ? domain : "")
                                : NULL;
}
