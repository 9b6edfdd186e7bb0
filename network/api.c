/* SPDX-License-Identifier: Apache-2.0 */
/* api.c: the route table of Neutron v2.0. The front door serves the version documents; what is not in this table does not exist. */
#include "network/api.h"

#include "network/api_nouns.h"

/* GET and POST of the collection, GET, PUT and DELETE of one of it. */
#define NOUN(plural)                                                                                                \
    { .method = "GET", .path = "/v2.0/" #plural, .policy = KN_POLICY_PROJECT_READER, .status = 200,                 \
      .handle = kn_##plural##_list },                                                                               \
    { .method = "POST", .path = "/v2.0/" #plural, .policy = KN_POLICY_PROJECT_MEMBER, .status = 201,                \
      .handle = kn_##plural##_create },                                                                             \
    { .method = "GET", .path = "/v2.0/" #plural "/{id}", .policy = KN_POLICY_PROJECT_READER, .status = 200,         \
      .handle = kn_##plural##_show },                                                                               \
    { .method = "PUT", .path = "/v2.0/" #plural "/{id}", .policy = KN_POLICY_PROJECT_MEMBER, .status = 200,         \
      .handle = kn_##plural##_update },                                                                             \
    { .method = "DELETE", .path = "/v2.0/" #plural "/{id}", .policy = KN_POLICY_PROJECT_MEMBER, .status = 204,      \
      .handle = kn_##plural##_delete }

#define ROUTE(m, p, pol, s, h) { .method = m, .path = p, .policy = pol, .status = s, .handle = h }

static const struct kn_route ROUTES[] = {
    NOUN(networks),
    NOUN(subnets),
    NOUN(ports),
    ROUTE("GET", "/v2.0/extensions", KN_POLICY_AUTHENTICATED, 200, kn_neutron_extensions_list),
    ROUTE("GET", "/v2.0/extensions/{alias}", KN_POLICY_AUTHENTICATED, 200, kn_neutron_extensions_show),
    ROUTE("GET", "/v2.0/availability_zones", KN_POLICY_AUTHENTICATED, 200, kn_neutron_zones_list),
    ROUTE("GET", "/v2.0/quotas", KN_POLICY_ADMIN, 200, kn_quotas_list),
    ROUTE("GET", "/v2.0/quotas/{project}", KN_POLICY_AUTHENTICATED, 200, kn_quotas_show),
    ROUTE("PUT", "/v2.0/quotas/{project}", KN_POLICY_ADMIN, 200, kn_quotas_update),
    ROUTE("DELETE", "/v2.0/quotas/{project}", KN_POLICY_ADMIN, 204, kn_quotas_delete),
    ROUTE("GET", "/v2.0/quotas/{project}/default", KN_POLICY_AUTHENTICATED, 200, kn_quotas_default),
    ROUTE("GET", "/v2.0/quotas/{project}/details", KN_POLICY_AUTHENTICATED, 200, kn_quotas_details),
    { .method = NULL },
};

const struct kn_api kn_network_api = {
    .name = "network",
    .prefix = "/network",
    .dialect = KN_DIALECT_NEUTRON,
    .major = 2,
    .json_suffix = true,
    .routes = ROUTES,
};
