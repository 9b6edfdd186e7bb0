/* SPDX-License-Identifier: Apache-2.0 */
/* Cinder's routes as one table. The handlers are in api_*.c; the project in the path is taken out by the front door. */
#include "volume/api.h"

#include "volume/api_private.h"

#define READER KN_POLICY_PROJECT_READER
#define MEMBER KN_POLICY_PROJECT_MEMBER
#define ADMIN KN_POLICY_ADMIN
#define ROUTE(method, path, policy, status, handler) { method, path, policy, status, handler, 0, 0, NULL }
#define SINCE(minor, method, path, policy, status, handler) { method, path, policy, status, handler, minor, 0, NULL }

static const struct kn_route ROUTES[] = {
    ROUTE("POST", "/v3/volumes", MEMBER, 202, kn_volume_api_create),
    ROUTE("GET", "/v3/volumes", READER, 200, kn_volume_api_list),
    ROUTE("GET", "/v3/volumes/detail", READER, 200, kn_volume_api_detail),
    SINCE(12, "GET", "/v3/volumes/summary", READER, 200, kn_volume_api_summary),
    ROUTE("GET", "/v3/volumes/{id}", READER, 200, kn_volume_api_show),
    ROUTE("PUT", "/v3/volumes/{id}", MEMBER, 200, kn_volume_api_update),
    ROUTE("DELETE", "/v3/volumes/{id}", MEMBER, 202, kn_volume_api_delete),
    ROUTE("POST", "/v3/volumes/{id}/action", MEMBER, 202, kn_volume_api_action),
    ROUTE("GET", "/v3/volumes/{id}/metadata", READER, 200, kn_volume_api_metadata),
    ROUTE("POST", "/v3/volumes/{id}/metadata", MEMBER, 200, kn_volume_api_metadata_add),
    ROUTE("PUT", "/v3/volumes/{id}/metadata", MEMBER, 200, kn_volume_api_metadata_replace),
    ROUTE("GET", "/v3/volumes/{id}/metadata/{key}", READER, 200, kn_volume_api_meta),
    ROUTE("PUT", "/v3/volumes/{id}/metadata/{key}", MEMBER, 200, kn_volume_api_meta_set),
    ROUTE("DELETE", "/v3/volumes/{id}/metadata/{key}", MEMBER, 200, kn_volume_api_meta_delete),
    ROUTE("GET", "/v3/snapshots", READER, 200, kn_volume_api_empty),
    ROUTE("GET", "/v3/snapshots/detail", READER, 200, kn_volume_api_empty),
    ROUTE("GET", "/v3/backups", READER, 200, kn_volume_api_empty),
    ROUTE("GET", "/v3/backups/detail", READER, 200, kn_volume_api_empty),
    ROUTE("GET", "/v3/types", READER, 200, kn_volume_api_types),
    ROUTE("GET", "/v3/types/{id}", READER, 200, kn_volume_api_type),
    ROUTE("POST", "/v3/types", ADMIN, 200, kn_volume_api_type_create),
    ROUTE("PUT", "/v3/types/{id}", ADMIN, 200, kn_volume_api_type_update),
    ROUTE("DELETE", "/v3/types/{id}", ADMIN, 202, kn_volume_api_type_delete),
    ROUTE("GET", "/v3/types/{id}/extra_specs", ADMIN, 200, kn_volume_api_type_specs),
    ROUTE("POST", "/v3/types/{id}/extra_specs", ADMIN, 200, kn_volume_api_type_specs_add),
    ROUTE("GET", "/v3/types/{id}/extra_specs/{key}", ADMIN, 200, kn_volume_api_type_spec),
    ROUTE("PUT", "/v3/types/{id}/extra_specs/{key}", ADMIN, 200, kn_volume_api_type_spec_set),
    ROUTE("DELETE", "/v3/types/{id}/extra_specs/{key}", ADMIN, 202, kn_volume_api_type_spec_delete),
    ROUTE("GET", "/v3/types/{id}/os-volume-type-access", ADMIN, 200, kn_volume_api_type_access),
    ROUTE("POST", "/v3/types/{id}/action", ADMIN, 202, kn_volume_api_type_action),
    ROUTE("GET", "/v3/limits", READER, 200, kn_volume_api_limits),
    ROUTE("GET", "/v3/os-quota-sets/{project}", READER, 200, kn_volume_api_quota),
    ROUTE("GET", "/v3/os-quota-sets/{project}/defaults", READER, 200, kn_volume_api_quota_defaults),
    ROUTE("PUT", "/v3/os-quota-sets/{project}", KN_POLICY_ADMIN, 200, kn_volume_api_quota_set),
    ROUTE("DELETE", "/v3/os-quota-sets/{project}", KN_POLICY_ADMIN, 200, kn_volume_api_quota_reset),
    ROUTE("GET", "/v3/os-availability-zone", READER, 200, kn_volume_api_zones),
    ROUTE("GET", "/v3/os-services", KN_POLICY_ADMIN, 200, kn_volume_api_services),
    ROUTE("GET", "/v3/extensions", READER, 200, kn_volume_api_extensions),
    { NULL, NULL, KN_POLICY_NONE, 0, NULL, 0, 0, NULL },
};

const struct kn_api kn_volume_api = {
    .name = "volume",
    .prefix = "/volume",
    .dialect = KN_DIALECT_CINDER,
    .microversion_service = "volume",
    .major = 3,
    .min_minor = 0,
    .max_minor = 71,
    .project_in_path = true,
    .json_suffix = true,
    .routes = ROUTES,
};
