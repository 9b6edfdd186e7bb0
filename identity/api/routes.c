/* SPDX-License-Identifier: Apache-2.0 */
/* Keystone's route table: every method and path that is answered, and who may call it. */
#include "identity/api.h"
#include "identity/api/handlers.h"
#include "identity/api/home.h"
#include "identity/auth/login.h"

#define PUBLIC KN_POLICY_PUBLIC
#define ANY KN_POLICY_AUTHENTICATED
#define CLOUD_ADMIN KN_POLICY_CLOUD_ADMIN
#define CLOUD_READER KN_POLICY_CLOUD_READER
#define MANAGER KN_POLICY_DOMAIN_MANAGER
#define READER KN_POLICY_DOMAIN_READER
#define READER_OR_SELF KN_POLICY_DOMAIN_READER_OR_SELF
#define SELF KN_POLICY_SELF
#define PROJECT KN_POLICY_PROJECT_TOKEN
#define CLOUD_ADMIN_OR_SELF KN_POLICY_CLOUD_ADMIN_OR_SELF
#define CLOUD_READER_OR_SELF KN_POLICY_CLOUD_READER_OR_SELF
#define SYSTEM_ADMIN_OR_SELF KN_POLICY_SYSTEM_ADMIN_OR_SELF
#define AUDITOR_OR_SELF KN_POLICY_AUDITOR_OR_SELF
#define READER_OR_OWN KN_POLICY_DOMAIN_READER_OR_OWN_PROJECT
#define READER_OR_HOME KN_POLICY_SYSTEM_READER_OR_OWN_DOMAIN
#define READER_OR_MANAGER KN_POLICY_SYSTEM_READER_OR_DOMAIN_MANAGER

#define ROUTE(method, path, policy, status, handle) { method, "/v3" path, policy, status, handle, 0, 0, NULL }
/* Of users or groups; tail: what stands behind "roles" and behind the role. */
#define GRANTS_OF(target, actors, tail, reader, writer)                                         \
    ROUTE("GET", target actors "/{actor}/roles" tail, reader, 200, kn_grants_list),             \
    ROUTE("PUT", target actors "/{actor}/roles/{role}" tail, writer, 204, kn_grants_create),    \
    ROUTE("GET", target actors "/{actor}/roles/{role}" tail, reader, 204, kn_grants_check),     \
    ROUTE("DELETE", target actors "/{actor}/roles/{role}" tail, writer, 204, kn_grants_delete)
#define GRANTS(target, tail, reader, writer)                                                    \
    GRANTS_OF(target, "/users", tail, reader, writer), GRANTS_OF(target, "/groups", tail, reader, writer)

#define CATALOG(collection, reader)                                                             \
    ROUTE("GET", collection, reader, 200, kn_catalog_nouns_list),                               \
    ROUTE("POST", collection, CLOUD_ADMIN, 201, kn_catalog_nouns_create),                       \
    ROUTE("GET", collection "/{key}", reader, 200, kn_catalog_nouns_show),                       \
    ROUTE("PATCH", collection "/{key}", CLOUD_ADMIN, 200, kn_catalog_nouns_update),              \
    ROUTE("DELETE", collection "/{key}", CLOUD_ADMIN, 204, kn_catalog_nouns_delete)

static const struct kn_route ROUTES[] = {
    /* method, path, policy, status, handler */
    ROUTE("POST", "/auth/tokens", PUBLIC, 201, kn_tokens_create),
    ROUTE("GET", "/auth/tokens", ANY, 200, kn_tokens_show),
    ROUTE("DELETE", "/auth/tokens", ANY, 204, kn_tokens_delete),
    ROUTE("GET", "/auth/catalog", ANY, 200, kn_auth_catalog),
    ROUTE("GET", "/auth/projects", ANY, 200, kn_auth_projects),
    ROUTE("GET", "/auth/domains", ANY, 200, kn_auth_domains),
    ROUTE("GET", "/auth/system", ANY, 200, kn_auth_system),

    ROUTE("GET", "/domains", READER, 200, kn_domains_list),
    ROUTE("POST", "/domains", CLOUD_ADMIN, 201, kn_domains_create),
    ROUTE("GET", "/domains/{id}", READER_OR_HOME, 200, kn_domains_show),
    ROUTE("PATCH", "/domains/{id}", CLOUD_ADMIN, 200, kn_domains_update),
    ROUTE("DELETE", "/domains/{id}", CLOUD_ADMIN, 204, kn_domains_delete),

    ROUTE("GET", "/projects", READER, 200, kn_projects_list),
    ROUTE("POST", "/projects", MANAGER, 201, kn_projects_create),
    ROUTE("GET", "/projects/{id}", READER_OR_OWN, 200, kn_projects_show),
    ROUTE("PATCH", "/projects/{id}", MANAGER, 200, kn_projects_update),
    ROUTE("DELETE", "/projects/{id}", MANAGER, 204, kn_projects_delete),
    ROUTE("GET", "/projects/{id}/tags", READER_OR_OWN, 200, kn_tags_list),
    ROUTE("PUT", "/projects/{id}/tags", MANAGER, 200, kn_tags_replace),
    ROUTE("DELETE", "/projects/{id}/tags", MANAGER, 204, kn_tags_clear),
    ROUTE("GET", "/projects/{id}/tags/{tag}", READER_OR_OWN, 204, kn_tags_check),
    ROUTE("PUT", "/projects/{id}/tags/{tag}", MANAGER, 201, kn_tags_add),
    ROUTE("DELETE", "/projects/{id}/tags/{tag}", MANAGER, 204, kn_tags_remove),

    ROUTE("GET", "/users", READER, 200, kn_users_list),
    ROUTE("POST", "/users", MANAGER, 201, kn_users_create),
    ROUTE("GET", "/users/{id}", READER_OR_SELF, 200, kn_users_show),
    ROUTE("PATCH", "/users/{id}", MANAGER, 200, kn_users_update),
    ROUTE("DELETE", "/users/{id}", MANAGER, 204, kn_users_delete),
    ROUTE("POST", "/users/{id}/password", PUBLIC, 204, kn_users_password),
    ROUTE("GET", "/users/{id}/projects", READER_OR_SELF, 200, kn_users_projects),
    ROUTE("GET", "/users/{id}/groups", READER_OR_SELF, 200, kn_groups_of_user),

    CATALOG("/regions", ANY),
    ROUTE("PUT", "/regions/{key}", CLOUD_ADMIN, 201, kn_catalog_nouns_create),
    CATALOG("/services", CLOUD_READER),
    CATALOG("/endpoints", CLOUD_READER),

    ROUTE("GET", "/registered_limits", ANY, 200, kn_registered_limits_list),
    ROUTE("POST", "/registered_limits", CLOUD_ADMIN, 201, kn_registered_limits_create),
    ROUTE("GET", "/registered_limits/{id}", ANY, 200, kn_registered_limits_show),
    ROUTE("PATCH", "/registered_limits/{id}", CLOUD_ADMIN, 200, kn_registered_limits_update),
    ROUTE("DELETE", "/registered_limits/{id}", CLOUD_ADMIN, 204, kn_registered_limits_delete),
    ROUTE("GET", "/limits/model", ANY, 200, kn_limits_model),
    ROUTE("GET", "/limits", ANY, 200, kn_limits_list),
    ROUTE("POST", "/limits", CLOUD_ADMIN, 201, kn_limits_create),
    ROUTE("GET", "/limits/{id}", ANY, 200, kn_limits_show),
    ROUTE("PATCH", "/limits/{id}", CLOUD_ADMIN, 200, kn_limits_update),
    ROUTE("DELETE", "/limits/{id}", CLOUD_ADMIN, 204, kn_limits_delete),

    ROUTE("GET", "/users/{user}/application_credentials", CLOUD_READER_OR_SELF, 200, kn_app_credentials_list),
    ROUTE("POST", "/users/{user}/application_credentials", SELF, 201, kn_app_credentials_create),
    ROUTE("GET", "/users/{user}/application_credentials/{id}", CLOUD_READER_OR_SELF, 200, kn_app_credentials_show),
    ROUTE("DELETE", "/users/{user}/application_credentials/{id}", CLOUD_ADMIN_OR_SELF, 204, kn_app_credentials_delete),
    ROUTE("GET", "/users/{user}/access_rules", AUDITOR_OR_SELF, 200, kn_access_rules_list),
    ROUTE("GET", "/users/{user}/access_rules/{id}", AUDITOR_OR_SELF, 200, kn_access_rules_show),
    ROUTE("DELETE", "/users/{user}/access_rules/{id}", SYSTEM_ADMIN_OR_SELF, 204, kn_access_rules_delete),

    ROUTE("GET", "/credentials", ANY, 200, kn_credentials_list),
    ROUTE("POST", "/credentials", ANY, 201, kn_credentials_create),
    ROUTE("GET", "/credentials/{id}", ANY, 200, kn_credentials_show),
    ROUTE("PATCH", "/credentials/{id}", ANY, 200, kn_credentials_update),
    ROUTE("DELETE", "/credentials/{id}", ANY, 204, kn_credentials_delete),

    ROUTE("GET", "/users/{user}/credentials/OS-EC2", ANY, 404, kn_ec2_refuse),
    ROUTE("POST", "/users/{user}/credentials/OS-EC2", ANY, 404, kn_ec2_refuse),
    ROUTE("GET", "/users/{user}/credentials/OS-EC2/{id}", ANY, 404, kn_ec2_refuse),
    ROUTE("DELETE", "/users/{user}/credentials/OS-EC2/{id}", ANY, 404, kn_ec2_refuse),
    ROUTE("POST", "/ec2tokens", ANY, 404, kn_ec2_refuse),
    ROUTE("POST", "/s3tokens", ANY, 404, kn_ec2_refuse),

    ROUTE("GET", "/OS-TRUST/trusts", ANY, 200, kn_trusts_list),
    ROUTE("POST", "/OS-TRUST/trusts", PROJECT, 201, kn_trusts_create),
    ROUTE("GET", "/OS-TRUST/trusts/{id}", ANY, 200, kn_trusts_show),
    ROUTE("DELETE", "/OS-TRUST/trusts/{id}", ANY, 204, kn_trusts_delete),
    ROUTE("GET", "/OS-TRUST/trusts/{id}/roles", ANY, 200, kn_trust_roles_list),
    ROUTE("GET", "/OS-TRUST/trusts/{id}/roles/{role}", ANY, 200, kn_trust_roles_show),

    ROUTE("GET", "/groups", READER, 200, kn_groups_list),
    ROUTE("POST", "/groups", MANAGER, 201, kn_groups_create),
    ROUTE("GET", "/groups/{id}", READER, 200, kn_groups_show),
    ROUTE("PATCH", "/groups/{id}", MANAGER, 200, kn_groups_update),
    ROUTE("DELETE", "/groups/{id}", MANAGER, 204, kn_groups_delete),
    ROUTE("GET", "/groups/{id}/users", READER, 200, kn_members_list),
    ROUTE("PUT", "/groups/{id}/users/{user}", MANAGER, 204, kn_members_add),
    ROUTE("GET", "/groups/{id}/users/{user}", READER, 204, kn_members_check),
    ROUTE("DELETE", "/groups/{id}/users/{user}", MANAGER, 204, kn_members_remove),

    ROUTE("GET", "/roles", READER_OR_MANAGER, 200, kn_roles_list),
    ROUTE("POST", "/roles", CLOUD_ADMIN, 201, kn_roles_create),
    ROUTE("GET", "/roles/{id}", READER_OR_MANAGER, 200, kn_roles_show),
    ROUTE("PATCH", "/roles/{id}", CLOUD_ADMIN, 200, kn_roles_update),
    ROUTE("DELETE", "/roles/{id}", CLOUD_ADMIN, 204, kn_roles_delete),
    ROUTE("GET", "/roles/{id}/implies", CLOUD_READER, 200, kn_implied_list),
    ROUTE("PUT", "/roles/{id}/implies/{role}", CLOUD_ADMIN, 201, kn_implied_create),
    ROUTE("GET", "/roles/{id}/implies/{role}", CLOUD_READER, 200, kn_implied_show),
    ROUTE("HEAD", "/roles/{id}/implies/{role}", CLOUD_READER, 204, kn_implied_check),
    ROUTE("DELETE", "/roles/{id}/implies/{role}", CLOUD_ADMIN, 204, kn_implied_delete),
    ROUTE("GET", "/role_inferences", CLOUD_READER, 200, kn_inferences_list),

    GRANTS("/projects/{project}", "", READER, MANAGER),
    GRANTS("/domains/{domain}", "", READER, MANAGER),
    GRANTS("/OS-INHERIT/projects/{project}", "/inherited_to_projects", READER, MANAGER),
    GRANTS("/OS-INHERIT/domains/{domain}", "/inherited_to_projects", READER, MANAGER),
    GRANTS("/system", "", CLOUD_READER, CLOUD_ADMIN),
    ROUTE("GET", "/role_assignments", READER, 200, kn_assignments_list),

    { NULL, NULL, KN_POLICY_NONE, 0, NULL, 0, 0, NULL },
};

static bool hashes(const struct kn_route *route)
{
    return route->handle == kn_tokens_create || route->handle == kn_users_create || route->handle == kn_users_update ||
           route->handle == kn_users_password || route->handle == kn_app_credentials_create;
}

/* Nothing lies below these, and they grow with users times projects. */
static bool is_list(const struct kn_route *route)
{
    return route->handle == kn_assignments_list || route->handle == kn_inferences_list;
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
    .home = kn_home_write,
    .account = kn_login_account,
    .routes = ROUTES,
    .unbuilt = UNBUILT,
};
