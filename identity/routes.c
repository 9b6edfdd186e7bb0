/* SPDX-License-Identifier: Apache-2.0 */
/* Keystone's route table: every method and path that is answered, and who may call it. */
#include "identity/api.h"
#include "identity/handlers.h"

#define PUBLIC KN_POLICY_PUBLIC
#define ANY KN_POLICY_AUTHENTICATED
#define ADMIN KN_POLICY_ADMIN
#define SELF KN_POLICY_SELF
#define READER KN_POLICY_SYSTEM_READER
#define READER_OR_SELF KN_POLICY_SYSTEM_READER_OR_SELF
#define READER_OR_OWN KN_POLICY_DOMAIN_READER_OR_OWN_PROJECT

#define ROUTE(method, path, policy, status, handle) { method, "/v3" path, policy, status, handle, 0, 0, NULL }
#define GRANTS(target)                                                                          \
    ROUTE("GET", target "/users/{user}/roles", READER, 200, kn_grants_list),                    \
    ROUTE("PUT", target "/users/{user}/roles/{role}", ADMIN, 204, kn_grants_create),            \
    ROUTE("HEAD", target "/users/{user}/roles/{role}", READER, 204, kn_grants_check),           \
    ROUTE("DELETE", target "/users/{user}/roles/{role}", ADMIN, 204, kn_grants_delete)

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
    ROUTE("POST", "/domains", ADMIN, 201, kn_domains_create),
    ROUTE("GET", "/domains/{id}", READER, 200, kn_domains_show),
    ROUTE("PATCH", "/domains/{id}", ADMIN, 200, kn_domains_update),
    ROUTE("DELETE", "/domains/{id}", ADMIN, 204, kn_domains_delete),

    ROUTE("GET", "/projects", READER, 200, kn_projects_list),
    ROUTE("POST", "/projects", ADMIN, 201, kn_projects_create),
    ROUTE("GET", "/projects/{id}", READER_OR_OWN, 200, kn_projects_show),
    ROUTE("PATCH", "/projects/{id}", ADMIN, 200, kn_projects_update),
    ROUTE("DELETE", "/projects/{id}", ADMIN, 204, kn_projects_delete),

    ROUTE("GET", "/users", READER, 200, kn_users_list),
    ROUTE("POST", "/users", ADMIN, 201, kn_users_create),
    ROUTE("GET", "/users/{id}", READER_OR_SELF, 200, kn_users_show),
    ROUTE("PATCH", "/users/{id}", ADMIN, 200, kn_users_update),
    ROUTE("DELETE", "/users/{id}", ADMIN, 204, kn_users_delete),
    ROUTE("POST", "/users/{id}/password", PUBLIC, 204, kn_users_password),
    ROUTE("GET", "/users/{id}/projects", READER_OR_SELF, 200, kn_users_projects),

    ROUTE("GET", "/roles", READER, 200, kn_roles_list),
    ROUTE("POST", "/roles", ADMIN, 201, kn_roles_create),
    ROUTE("GET", "/roles/{id}", READER, 200, kn_roles_show),
    ROUTE("PATCH", "/roles/{id}", ADMIN, 200, kn_roles_update),
    ROUTE("DELETE", "/roles/{id}", ADMIN, 204, kn_roles_delete),

    GRANTS("/projects/{project}"),
    GRANTS("/domains/{domain}"),
    GRANTS("/system"),
    ROUTE("GET", "/role_assignments", READER, 200, kn_assignments_list),

    { NULL, NULL, KN_POLICY_NONE, 0, NULL, 0, 0, NULL },
};

static bool hashes(const struct kn_route *route)
{
    return route->handle == kn_tokens_create || route->handle == kn_users_create || route->handle == kn_users_update ||
           route->handle == kn_users_password;
}

const struct kn_api kn_identity_api = {
    .name = "identity",
    .prefix = "/identity",
    .dialect = KN_DIALECT_KEYSTONE,
    .is_slow = hashes,
    .routes = ROUTES,
};
