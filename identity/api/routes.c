/* SPDX-License-Identifier: Apache-2.0 */
/* Keystone's route table: every method and path that is answered, and who may call it. */
#include "identity/api.h"
#include "identity/api/handlers.h"
#include "identity/api/home.h"
#include "identity/auth/login.h"

#define ROUTE(m, p, r, s, h) \
    { \
        .method = m, .path = "/v3" p, .rule = KN_KEYSTONE_##r, .status = s, .handle = h \
    }
/* Of users or groups; tail: what stands behind "roles" and behind the role; of: what the rules' names end in. */
#define GRANTS_OF(target, actors, tail, list, check, create, revoke) \
    ROUTE("GET", target actors "/{actor}/roles" tail, list, 200, kn_identity_grants_list), \
        ROUTE("PUT", target actors "/{actor}/roles/{role}" tail, create, 204, kn_identity_grants_create), \
        ROUTE("GET", target actors "/{actor}/roles/{role}" tail, check, 204, kn_identity_grants_check), \
        ROUTE("DELETE", target actors "/{actor}/roles/{role}" tail, revoke, 204, kn_identity_grants_delete)
#define GRANTS(target, tail) \
    GRANTS_OF(target, "/users", tail, LIST_GRANTS, CHECK_GRANT, CREATE_GRANT, REVOKE_GRANT), \
        GRANTS_OF(target, "/groups", tail, LIST_GRANTS, CHECK_GRANT, CREATE_GRANT, REVOKE_GRANT)
#define SYSTEM_GRANTS(actors, of) \
    GRANTS_OF("/system", actors, "", LIST_SYSTEM_GRANTS_FOR_##of, CHECK_SYSTEM_GRANT_FOR_##of, \
              CREATE_SYSTEM_GRANT_FOR_##of, REVOKE_SYSTEM_GRANT_FOR_##of)

#define CATALOG(collection, many, one) \
    ROUTE("GET", collection, LIST_##many, 200, kn_identity_nouns_list), \
        ROUTE("POST", collection, CREATE_##one, 201, kn_identity_nouns_create), \
        ROUTE("GET", collection "/{key}", GET_##one, 200, kn_identity_nouns_show), \
        ROUTE("PATCH", collection "/{key}", UPDATE_##one, 200, kn_identity_nouns_update), \
        ROUTE("DELETE", collection "/{key}", DELETE_##one, 204, kn_identity_nouns_delete)

static const struct kn_route ROUTES[] = {
    /* method, path, rule, status, handler */
    ROUTE("POST", "/auth/tokens", AUTHENTICATE, 201, kn_identity_tokens_create),
    ROUTE("GET", "/auth/tokens", VALIDATE_TOKEN, 200, kn_identity_tokens_show),
    ROUTE("DELETE", "/auth/tokens", REVOKE_TOKEN, 204, kn_identity_tokens_delete),
    ROUTE("GET", "/auth/catalog", AUTH_CATALOG, 200, kn_identity_auth_catalog),
    ROUTE("GET", "/auth/projects", AUTH_PROJECTS, 200, kn_identity_auth_projects),
    ROUTE("GET", "/auth/domains", AUTH_DOMAINS, 200, kn_identity_auth_domains),
    ROUTE("GET", "/auth/system", AUTH_SYSTEM, 200, kn_identity_auth_system),

    ROUTE("GET", "/domains", LIST_DOMAINS, 200, kn_identity_nouns_list),
    ROUTE("POST", "/domains", CREATE_DOMAIN, 201, kn_identity_nouns_create),
    ROUTE("GET", "/domains/{id}", GET_DOMAIN, 200, kn_identity_nouns_show),
    ROUTE("PATCH", "/domains/{id}", UPDATE_DOMAIN, 200, kn_identity_nouns_update),
    ROUTE("DELETE", "/domains/{id}", DELETE_DOMAIN, 204, kn_identity_nouns_delete),

    ROUTE("GET", "/projects", LIST_PROJECTS, 200, kn_identity_nouns_list),
    ROUTE("POST", "/projects", CREATE_PROJECT, 201, kn_identity_projects_create),
    ROUTE("GET", "/projects/{id}", GET_PROJECT, 200, kn_identity_projects_show),
    ROUTE("PATCH", "/projects/{id}", UPDATE_PROJECT, 200, kn_identity_projects_update),
    ROUTE("DELETE", "/projects/{id}", DELETE_PROJECT, 204, kn_identity_projects_delete),
    ROUTE("GET", "/projects/{id}/tags", LIST_PROJECT_TAGS, 200, kn_identity_tags_list),
    ROUTE("PUT", "/projects/{id}/tags", UPDATE_PROJECT_TAGS, 200, kn_identity_tags_replace),
    ROUTE("DELETE", "/projects/{id}/tags", DELETE_PROJECT_TAGS, 204, kn_identity_tags_clear),
    ROUTE("GET", "/projects/{id}/tags/{tag}", GET_PROJECT_TAG, 204, kn_identity_tags_check),
    ROUTE("PUT", "/projects/{id}/tags/{tag}", CREATE_PROJECT_TAG, 201, kn_identity_tags_add),
    ROUTE("DELETE", "/projects/{id}/tags/{tag}", DELETE_PROJECT_TAG, 204, kn_identity_tags_remove),

    ROUTE("GET", "/users", LIST_USERS, 200, kn_identity_nouns_list),
    ROUTE("POST", "/users", CREATE_USER, 201, kn_identity_users_create),
    ROUTE("GET", "/users/{id}", GET_USER, 200, kn_identity_nouns_show),
    ROUTE("PATCH", "/users/{id}", UPDATE_USER, 200, kn_identity_users_update),
    ROUTE("DELETE", "/users/{id}", DELETE_USER, 204, kn_identity_nouns_delete),
    ROUTE("POST", "/users/{id}/password", CHANGE_PASSWORD, 204, kn_identity_users_password),
    ROUTE("GET", "/users/{id}/projects", LIST_USER_PROJECTS, 200, kn_identity_users_projects),
    ROUTE("GET", "/users/{id}/groups", LIST_GROUPS_FOR_USER, 200, kn_identity_groups_of_user),

    CATALOG("/regions", REGIONS, REGION),
    ROUTE("PUT", "/regions/{key}", CREATE_REGION, 201, kn_identity_nouns_create),
    CATALOG("/services", SERVICES, SERVICE),
    CATALOG("/endpoints", ENDPOINTS, ENDPOINT),

    ROUTE("GET", "/registered_limits", LIST_REGISTERED_LIMITS, 200, kn_identity_nouns_list),
    ROUTE("POST", "/registered_limits", CREATE_REGISTERED_LIMITS, 201, kn_identity_nouns_create),
    ROUTE("GET", "/registered_limits/{id}", GET_REGISTERED_LIMIT, 200, kn_identity_nouns_show),
    ROUTE("PATCH", "/registered_limits/{id}", UPDATE_REGISTERED_LIMIT, 200, kn_identity_nouns_update),
    ROUTE("DELETE", "/registered_limits/{id}", DELETE_REGISTERED_LIMIT, 204, kn_identity_nouns_delete),
    ROUTE("GET", "/limits/model", LIMIT_MODEL, 200, kn_identity_limits_model),
    ROUTE("GET", "/limits", LIST_LIMITS, 200, kn_identity_limits_list),
    ROUTE("POST", "/limits", CREATE_LIMITS, 201, kn_identity_nouns_create),
    ROUTE("GET", "/limits/{id}", GET_LIMIT, 200, kn_identity_limits_show),
    ROUTE("PATCH", "/limits/{id}", UPDATE_LIMIT, 200, kn_identity_nouns_update),
    ROUTE("DELETE", "/limits/{id}", DELETE_LIMIT, 204, kn_identity_nouns_delete),

    ROUTE("GET", "/users/{user}/application_credentials", LIST_APP_CREDENTIALS, 200, kn_identity_app_credentials_list),
    ROUTE("POST", "/users/{user}/application_credentials", CREATE_APP_CREDENTIAL, 201,
          kn_identity_app_credentials_create),
    ROUTE("GET", "/users/{user}/application_credentials/{id}", GET_APP_CREDENTIAL, 200,
          kn_identity_app_credentials_show),
    ROUTE("DELETE", "/users/{user}/application_credentials/{id}", DELETE_APP_CREDENTIAL, 204,
          kn_identity_app_credentials_delete),
    ROUTE("GET", "/users/{user}/access_rules", LIST_ACCESS_RULES, 200, kn_identity_access_rules_list),
    ROUTE("GET", "/users/{user}/access_rules/{id}", GET_ACCESS_RULE, 200, kn_identity_access_rules_show),
    ROUTE("DELETE", "/users/{user}/access_rules/{id}", DELETE_ACCESS_RULE, 204, kn_identity_access_rules_delete),

    ROUTE("GET", "/credentials", LIST_CREDENTIALS, 200, kn_identity_credentials_list),
    ROUTE("POST", "/credentials", CREATE_CREDENTIAL, 201, kn_identity_credentials_create),
    ROUTE("GET", "/credentials/{id}", GET_CREDENTIAL, 200, kn_identity_credentials_show),
    ROUTE("PATCH", "/credentials/{id}", UPDATE_CREDENTIAL, 200, kn_identity_credentials_update),
    ROUTE("DELETE", "/credentials/{id}", DELETE_CREDENTIAL, 204, kn_identity_credentials_delete),

    ROUTE("GET", "/users/{user}/credentials/OS-EC2", EC2_LIST, 404, kn_identity_ec2_refuse),
    ROUTE("POST", "/users/{user}/credentials/OS-EC2", EC2_CREATE, 404, kn_identity_ec2_refuse),
    ROUTE("GET", "/users/{user}/credentials/OS-EC2/{id}", EC2_GET, 404, kn_identity_ec2_refuse),
    ROUTE("DELETE", "/users/{user}/credentials/OS-EC2/{id}", EC2_DELETE, 404, kn_identity_ec2_refuse),
    ROUTE("POST", "/ec2tokens", EC2_VALIDATE, 404, kn_identity_ec2_refuse),
    ROUTE("POST", "/s3tokens", S3_VALIDATE, 404, kn_identity_ec2_refuse),

    ROUTE("GET", "/OS-TRUST/trusts", LIST_TRUSTS, 200, kn_identity_trusts_list),
    ROUTE("POST", "/OS-TRUST/trusts", CREATE_TRUST, 201, kn_identity_trusts_create),
    ROUTE("GET", "/OS-TRUST/trusts/{id}", GET_TRUST, 200, kn_identity_trusts_show),
    ROUTE("DELETE", "/OS-TRUST/trusts/{id}", DELETE_TRUST, 204, kn_identity_trusts_delete),
    ROUTE("GET", "/OS-TRUST/trusts/{id}/roles", LIST_ROLES_FOR_TRUST, 200, kn_identity_trust_roles_list),
    ROUTE("GET", "/OS-TRUST/trusts/{id}/roles/{role}", GET_ROLE_FOR_TRUST, 200, kn_identity_trust_roles_show),

    ROUTE("GET", "/groups", LIST_GROUPS, 200, kn_identity_nouns_list),
    ROUTE("POST", "/groups", CREATE_GROUP, 201, kn_identity_nouns_create),
    ROUTE("GET", "/groups/{id}", GET_GROUP, 200, kn_identity_nouns_show),
    ROUTE("PATCH", "/groups/{id}", UPDATE_GROUP, 200, kn_identity_nouns_update),
    ROUTE("DELETE", "/groups/{id}", DELETE_GROUP, 204, kn_identity_nouns_delete),
    ROUTE("GET", "/groups/{id}/users", LIST_USERS_IN_GROUP, 200, kn_identity_members_list),
    ROUTE("PUT", "/groups/{id}/users/{user}", ADD_USER_TO_GROUP, 204, kn_identity_members_add),
    ROUTE("GET", "/groups/{id}/users/{user}", CHECK_USER_IN_GROUP, 204, kn_identity_members_check),
    ROUTE("DELETE", "/groups/{id}/users/{user}", REMOVE_USER_FROM_GROUP, 204, kn_identity_members_remove),

    ROUTE("GET", "/roles", LIST_ROLES, 200, kn_identity_roles_list),
    ROUTE("POST", "/roles", CREATE_ROLE, 201, kn_identity_nouns_create),
    ROUTE("GET", "/roles/{id}", GET_ROLE, 200, kn_identity_roles_show),
    ROUTE("PATCH", "/roles/{id}", UPDATE_ROLE, 200, kn_identity_nouns_update),
    ROUTE("DELETE", "/roles/{id}", DELETE_ROLE, 204, kn_identity_nouns_delete),
    ROUTE("GET", "/roles/{id}/implies", LIST_IMPLIED_ROLES, 200, kn_identity_implied_list),
    ROUTE("PUT", "/roles/{id}/implies/{role}", CREATE_IMPLIED_ROLE, 201, kn_identity_implied_create),
    ROUTE("GET", "/roles/{id}/implies/{role}", GET_IMPLIED_ROLE, 200, kn_identity_implied_show),
    ROUTE("HEAD", "/roles/{id}/implies/{role}", CHECK_IMPLIED_ROLE, 204, kn_identity_implied_check),
    ROUTE("DELETE", "/roles/{id}/implies/{role}", DELETE_IMPLIED_ROLE, 204, kn_identity_implied_delete),
    ROUTE("GET", "/role_inferences", LIST_INFERENCES, 200, kn_identity_inferences_list),

    GRANTS("/projects/{project}", ""),
    GRANTS("/domains/{domain}", ""),
    GRANTS("/OS-INHERIT/projects/{project}", "/inherited_to_projects"),
    GRANTS("/OS-INHERIT/domains/{domain}", "/inherited_to_projects"),
    SYSTEM_GRANTS("/users", USER),
    SYSTEM_GRANTS("/groups", GROUP),
    ROUTE("GET", "/role_assignments", LIST_ASSIGNMENTS, 200, kn_identity_assignments_list),

    { .method = NULL },
};

static bool hashes(const struct kn_route *route)
{
    return route->handle == kn_identity_tokens_create || route->handle == kn_identity_users_create ||
           route->handle == kn_identity_users_update || route->handle == kn_identity_users_password ||
           route->handle == kn_identity_app_credentials_create;
}

/* Nothing lies below these, and they grow with users times projects. */
static bool is_list(const struct kn_route *route)
{
    return route->handle == kn_identity_assignments_list || route->handle == kn_identity_inferences_list;
}

static const struct kn_unbuilt UNBUILT[] = {
    { "/v3/OS-FEDERATION", "federation" },
    { "/v3/auth/OS-FEDERATION", "federation" },
    { "/v3/OS-OAUTH1", "OAuth" },
    { "/v3/OS-OAUTH2", "OAuth" },
    { "/v3/users/{id}/OS-OAUTH1", "OAuth" },
    { "/v3/domains/config", "configuration of domains" },
    { "/v3/domains/{id}/config", "configuration of domains" },
    { "/v3/OS-EP-FILTER", "endpoint filters" },
    { "/v3/OS-ENDPOINT-POLICY", "endpoint policies" },
    { "/v3/policies", "stored policies" },
    { "/v3/OS-SIMPLE-CERT", "certificates" },
    { "/v3/OS-REVOKE", "list of revocations" },
    { "/v3/auth/tokens/OS-PKI", "PKI tokens" },
    { NULL, NULL },
};

const struct kn_api kn_identity_api = {
    .name = "identity",
    .prefix = "/identity",
    .dialect = KN_DIALECT_KEYSTONE,
    .is_slow = hashes,
    .is_list = is_list,
    .home = kn_identity_home_write,
    .account = kn_identity_login_account,
    .routes = ROUTES,
    .unbuilt = UNBUILT,
};
