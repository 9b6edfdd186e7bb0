/* SPDX-License-Identifier: Apache-2.0 */
/* Compute's route table: every method and path that is answered, who may call it, and from which microversion to which. */
#include "api/compute.h"

#define READER KN_POLICY_PROJECT_READER
#define MEMBER KN_POLICY_PROJECT_MEMBER
#define ADMIN KN_POLICY_ADMIN

#define ROUTE(method, path, policy, status, handle, since, until) { method, "/v2.1" path, policy, status, handle, since, until, NULL }

static const struct kn_route ROUTES[] = {
    /* method, path, policy, status, handler, first and last minor microversion */
    ROUTE("GET", "/flavors", READER, 200, kn_flavors_list, 0, 0),
    ROUTE("POST", "/flavors", ADMIN, 200, kn_flavors_create, 0, 0),
    ROUTE("GET", "/flavors/detail", READER, 200, kn_flavors_detail, 0, 0),
    ROUTE("GET", "/flavors/{id}", READER, 200, kn_flavors_show, 0, 0),
    ROUTE("PUT", "/flavors/{id}", ADMIN, 200, kn_flavors_update, 55, 0),
    ROUTE("DELETE", "/flavors/{id}", ADMIN, 202, kn_flavors_delete, 0, 0),
    ROUTE("POST", "/flavors/{id}/action", ADMIN, 200, kn_flavors_action, 0, 0),
    ROUTE("GET", "/flavors/{id}/os-flavor-access", ADMIN, 200, kn_flavor_access_list, 0, 0),
    ROUTE("GET", "/flavors/{id}/os-extra_specs", READER, 200, kn_flavor_specs_list, 0, 0),
    ROUTE("POST", "/flavors/{id}/os-extra_specs", ADMIN, 200, kn_flavor_specs_create, 0, 0),
    ROUTE("GET", "/flavors/{id}/os-extra_specs/{key}", READER, 200, kn_flavor_specs_show, 0, 0),
    ROUTE("PUT", "/flavors/{id}/os-extra_specs/{key}", ADMIN, 200, kn_flavor_specs_update, 0, 0),
    ROUTE("DELETE", "/flavors/{id}/os-extra_specs/{key}", ADMIN, 200, kn_flavor_specs_delete, 0, 0),

    ROUTE("GET", "/os-keypairs", READER, 200, kn_keypairs_list, 0, 0),
    ROUTE("POST", "/os-keypairs", READER, 201, kn_keypairs_create, 0, 0),
    ROUTE("GET", "/os-keypairs/{name}", READER, 200, kn_keypairs_show, 0, 0),
    ROUTE("DELETE", "/os-keypairs/{name}", READER, 204, kn_keypairs_delete, 0, 0),

    ROUTE("GET", "/servers", READER, 200, kn_servers_list, 0, 0),
    ROUTE("POST", "/servers", MEMBER, 202, kn_servers_create, 0, 0),
    ROUTE("GET", "/servers/detail", READER, 200, kn_servers_detail, 0, 0),
    ROUTE("GET", "/servers/{id}", READER, 200, kn_servers_show, 0, 0),
    ROUTE("PUT", "/servers/{id}", MEMBER, 200, kn_servers_update, 0, 0),
    ROUTE("DELETE", "/servers/{id}", MEMBER, 204, kn_servers_delete, 0, 0),
    ROUTE("GET", "/servers/{id}/ips", READER, 200, kn_server_ips_list, 0, 0),
    ROUTE("GET", "/servers/{id}/ips/{label}", READER, 200, kn_server_ips_show, 0, 0),

    { NULL, NULL, KN_POLICY_NONE, 0, NULL, 0, 0, NULL },
};

const struct kn_api kn_compute_api = {
    .name = "compute",
    .prefix = "/compute",
    .dialect = KN_DIALECT_NOVA,
    .microversion_service = "compute",
    .major = 2,
    .min_minor = 1,
    .max_minor = 96,
    .project_in_path = true,
    .routes = ROUTES,
};
