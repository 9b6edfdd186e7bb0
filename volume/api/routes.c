/* SPDX-License-Identifier: Apache-2.0 */
/* Cinder's routes as one table. The handlers are in api_*.c; the project in the path is taken out by the front door. */
#include "volume/api.h"

#include "volume/api/private.h"

#define ROUTE(method, path, rule, status, handler) \
    { \
        method, path, KN_CINDER_##rule, status, handler, 0, 0, NULL \
    }
#define SINCE(minor, method, path, rule, status, handler) \
    { \
        method, path, KN_CINDER_##rule, status, handler, minor, 0, NULL \
    }

/* Transfers have two addresses. */
#define TRANSFERS_AT(minor, noun) \
    SINCE(minor, "POST", "/v3/" noun, TRANSFER_CREATE, 202, kn_volume_api_transfer_create), \
        SINCE(minor, "GET", "/v3/" noun, TRANSFERS, 200, kn_volume_api_transfers), \
        SINCE(minor, "GET", "/v3/" noun "/detail", TRANSFERS, 200, kn_volume_api_transfers_detail), \
        SINCE(minor, "GET", "/v3/" noun "/{id}", TRANSFER, 200, kn_volume_api_transfer), \
        SINCE(minor, "DELETE", "/v3/" noun "/{id}", TRANSFER_DELETE, 202, kn_volume_api_transfer_delete), \
        SINCE(minor, "POST", "/v3/" noun "/{id}/accept", TRANSFER_ACCEPT, 202, kn_volume_api_transfer_accept)

/* A list of what cannot be made. */
#define EMPTY(minor, rule, noun) SINCE(minor, "GET", "/v3/" noun, rule, 200, kn_volume_api_empty)

static const struct kn_route ROUTES[] = {
    ROUTE("POST", "/v3/volumes", CREATE, 202, kn_volume_api_create),
    ROUTE("GET", "/v3/volumes", LIST, 200, kn_volume_api_list),
    ROUTE("GET", "/v3/volumes/detail", LIST, 200, kn_volume_api_detail),
    SINCE(12, "GET", "/v3/volumes/summary", LIST, 200, kn_volume_api_summary),
    ROUTE("GET", "/v3/volumes/{id}", SHOW, 200, kn_volume_api_show),
    ROUTE("PUT", "/v3/volumes/{id}", UPDATE, 200, kn_volume_api_update),
    ROUTE("DELETE", "/v3/volumes/{id}", DELETE, 202, kn_volume_api_delete),
    ROUTE("POST", "/v3/volumes/{id}/action", ACTION, 202, kn_volume_api_action),
    ROUTE("GET", "/v3/volumes/{id}/metadata", METADATA, 200, kn_volume_api_metadata),
    ROUTE("POST", "/v3/volumes/{id}/metadata", METADATA_CREATE, 200, kn_volume_api_metadata_add),
    ROUTE("PUT", "/v3/volumes/{id}/metadata", METADATA_UPDATE, 200, kn_volume_api_metadata_replace),
    ROUTE("GET", "/v3/volumes/{id}/metadata/{key}", METADATA, 200, kn_volume_api_meta),
    ROUTE("PUT", "/v3/volumes/{id}/metadata/{key}", METADATA_UPDATE, 200, kn_volume_api_meta_set),
    ROUTE("DELETE", "/v3/volumes/{id}/metadata/{key}", METADATA_DELETE, 200, kn_volume_api_meta_delete),
    SINCE(27, "GET", "/v3/attachments", ATTACHMENTS, 200, kn_volume_api_attachments),
    SINCE(27, "GET", "/v3/attachments/detail", ATTACHMENTS, 200, kn_volume_api_attachments_detail),
    SINCE(27, "GET", "/v3/attachments/{id}", ATTACHMENTS, 200, kn_volume_api_attachment),
    SINCE(27, "POST", "/v3/attachments", ATTACHMENT_CREATE, 200, kn_volume_api_attachment_create),
    SINCE(27, "PUT", "/v3/attachments/{id}", ATTACHMENT_UPDATE, 200, kn_volume_api_attachment_update),
    SINCE(27, "DELETE", "/v3/attachments/{id}", ATTACHMENT_DELETE, 200, kn_volume_api_attachment_delete),
    SINCE(44, "POST", "/v3/attachments/{id}/action", ATTACHMENT_COMPLETE, 204, kn_volume_api_attachment_complete),
    ROUTE("POST", "/v3/snapshots", SNAPSHOT_CREATE, 202, kn_volume_api_snapshot_create),
    ROUTE("GET", "/v3/snapshots", SNAPSHOTS, 200, kn_volume_api_snapshots),
    ROUTE("GET", "/v3/snapshots/detail", SNAPSHOTS, 200, kn_volume_api_snapshots_detail),
    ROUTE("GET", "/v3/snapshots/{id}", SNAPSHOT, 200, kn_volume_api_snapshot),
    ROUTE("PUT", "/v3/snapshots/{id}", SNAPSHOT_UPDATE, 200, kn_volume_api_snapshot_update),
    ROUTE("DELETE", "/v3/snapshots/{id}", SNAPSHOT_DELETE, 202, kn_volume_api_snapshot_delete),
    ROUTE("POST", "/v3/snapshots/{id}/action", SNAPSHOT_ACTION, 202, kn_volume_api_snapshot_action),
    ROUTE("GET", "/v3/snapshots/{id}/metadata", SNAPSHOT_METADATA, 200, kn_volume_api_snapshot_metadata),
    ROUTE("POST", "/v3/snapshots/{id}/metadata", SNAPSHOT_METADATA_UPDATE, 200, kn_volume_api_snapshot_metadata_add),
    ROUTE("PUT", "/v3/snapshots/{id}/metadata", SNAPSHOT_METADATA_UPDATE, 200, kn_volume_api_snapshot_metadata_replace),
    ROUTE("GET", "/v3/snapshots/{id}/metadata/{key}", SNAPSHOT_METADATA, 200, kn_volume_api_snapshot_meta),
    ROUTE("PUT", "/v3/snapshots/{id}/metadata/{key}", SNAPSHOT_METADATA_UPDATE, 200, kn_volume_api_snapshot_meta_set),
    ROUTE("DELETE", "/v3/snapshots/{id}/metadata/{key}", SNAPSHOT_METADATA_DELETE, 200,
          kn_volume_api_snapshot_meta_delete),
    ROUTE("POST", "/v3/backups", BACKUP_CREATE, 202, kn_volume_api_backup_create),
    ROUTE("GET", "/v3/backups", BACKUPS, 200, kn_volume_api_backups),
    ROUTE("GET", "/v3/backups/detail", BACKUPS, 200, kn_volume_api_backups_detail),
    ROUTE("GET", "/v3/backups/{id}", BACKUP, 200, kn_volume_api_backup),
    SINCE(9, "PUT", "/v3/backups/{id}", BACKUP_UPDATE, 200, kn_volume_api_backup_update),
    ROUTE("DELETE", "/v3/backups/{id}", BACKUP_DELETE, 202, kn_volume_api_backup_delete),
    ROUTE("POST", "/v3/backups/{id}/restore", BACKUP_RESTORE, 202, kn_volume_api_backup_restore),
    ROUTE("POST", "/v3/backups/{id}/action", BACKUP_ACTION, 202, kn_volume_api_backup_action),
    TRANSFERS_AT(0, "os-volume-transfer"),
    TRANSFERS_AT(55, "volume-transfers"),
    EMPTY(0, GROUPS, "consistencygroups"),
    EMPTY(0, GROUPS, "consistencygroups/detail"),
    EMPTY(0, GROUP_SNAPSHOTS, "cgsnapshots"),
    EMPTY(0, GROUP_SNAPSHOTS, "cgsnapshots/detail"),
    EMPTY(13, GROUPS, "groups"),
    EMPTY(13, GROUPS, "groups/detail"),
    EMPTY(14, GROUP_SNAPSHOTS, "group_snapshots"),
    EMPTY(14, GROUP_SNAPSHOTS, "group_snapshots/detail"),
    EMPTY(11, GROUP_TYPES, "group_types"),
    SINCE(3, "GET", "/v3/messages", MESSAGES, 200, kn_volume_api_messages),
    SINCE(3, "GET", "/v3/messages/{id}", MESSAGE, 200, kn_volume_api_message),
    SINCE(3, "DELETE", "/v3/messages/{id}", MESSAGE_DELETE, 204, kn_volume_api_message_delete),
    EMPTY(7, CLUSTERS, "clusters"),
    EMPTY(7, CLUSTERS, "clusters/detail"),
    ROUTE("GET", "/v3/qos-specs", QOS_LIST, 200, kn_volume_api_qos_list),
    ROUTE("POST", "/v3/qos-specs", QOS_CREATE, 200, kn_volume_api_qos_create),
    ROUTE("GET", "/v3/qos-specs/{id}", QOS, 200, kn_volume_api_qos),
    ROUTE("PUT", "/v3/qos-specs/{id}", QOS_UPDATE, 200, kn_volume_api_qos_set),
    ROUTE("DELETE", "/v3/qos-specs/{id}", QOS_DELETE, 202, kn_volume_api_qos_delete),
    ROUTE("PUT", "/v3/qos-specs/{id}/delete_keys", QOS_DELETE, 202, kn_volume_api_qos_unset),
    ROUTE("GET", "/v3/qos-specs/{id}/associations", QOS_LIST, 200, kn_volume_api_qos_associations),
    ROUTE("GET", "/v3/qos-specs/{id}/associate", QOS_UPDATE, 202, kn_volume_api_qos_associate),
    ROUTE("GET", "/v3/qos-specs/{id}/disassociate", QOS_UPDATE, 202, kn_volume_api_qos_disassociate),
    ROUTE("GET", "/v3/qos-specs/{id}/disassociate_all", QOS_UPDATE, 202, kn_volume_api_qos_disassociate_all),
    SINCE(7, "GET", "/v3/clusters/{name}", CLUSTER, 200, kn_volume_api_cluster),
    SINCE(7, "PUT", "/v3/clusters/{verb}", CLUSTER_UPDATE, 200, kn_volume_api_cluster_switch),
    SINCE(24, "POST", "/v3/workers/cleanup", CLEANUP, 202, kn_volume_api_cleanup),
    SINCE(62, "GET", "/v3/default-types", DEFAULT_TYPES, 200, kn_volume_api_default_types),
    SINCE(62, "GET", "/v3/default-types/{project}", DEFAULT_TYPE, 200, kn_volume_api_default_type),
    SINCE(62, "PUT", "/v3/default-types/{project}", DEFAULT_TYPE_SET, 200, kn_volume_api_default_type_set),
    SINCE(62, "DELETE", "/v3/default-types/{project}", DEFAULT_TYPE_UNSET, 204, kn_volume_api_default_type_unset),
    SINCE(33, "GET", "/v3/resource_filters", RESOURCE_FILTERS, 200, kn_volume_api_filters),
    ROUTE("GET", "/v3/scheduler-stats/get_pools", POOLS, 200, kn_volume_api_pools),
    ROUTE("GET", "/v3/capabilities/{host}", CAPABILITIES, 200, kn_volume_api_capabilities),
    ROUTE("GET", "/v3/types", TYPES, 200, kn_volume_api_types),
    ROUTE("GET", "/v3/types/{id}", TYPE, 200, kn_volume_api_type),
    ROUTE("POST", "/v3/types", TYPE_CREATE, 200, kn_volume_api_type_create),
    ROUTE("PUT", "/v3/types/{id}", TYPE_UPDATE, 200, kn_volume_api_type_update),
    ROUTE("DELETE", "/v3/types/{id}", TYPE_DELETE, 202, kn_volume_api_type_delete),
    ROUTE("GET", "/v3/types/{id}/extra_specs", TYPE_SPECS, 200, kn_volume_api_type_specs),
    ROUTE("POST", "/v3/types/{id}/extra_specs", TYPE_SPECS_CREATE, 200, kn_volume_api_type_specs_add),
    ROUTE("GET", "/v3/types/{id}/extra_specs/{key}", TYPE_SPEC, 200, kn_volume_api_type_spec),
    ROUTE("PUT", "/v3/types/{id}/extra_specs/{key}", TYPE_SPECS_UPDATE, 200, kn_volume_api_type_spec_set),
    ROUTE("DELETE", "/v3/types/{id}/extra_specs/{key}", TYPE_SPECS_DELETE, 202, kn_volume_api_type_spec_delete),
    ROUTE("GET", "/v3/types/{id}/os-volume-type-access", TYPE_ACCESS, 200, kn_volume_api_type_access),
    ROUTE("POST", "/v3/types/{id}/action", TYPE_ACTION, 202, kn_volume_api_type_action),
    ROUTE("GET", "/v3/types/{id}/encryption", TYPE_ENCRYPTION, 200, kn_volume_api_type_encryption),
    ROUTE("GET", "/v3/limits", LIMITS, 200, kn_volume_api_limits),
    ROUTE("GET", "/v3/os-quota-sets/{project}", QUOTA, 200, kn_volume_api_quota),
    ROUTE("GET", "/v3/os-quota-sets/{project}/defaults", QUOTA, 200, kn_volume_api_quota_defaults),
    ROUTE("PUT", "/v3/os-quota-sets/{project}", QUOTA_UPDATE, 200, kn_volume_api_quota_set),
    ROUTE("DELETE", "/v3/os-quota-sets/{project}", QUOTA_DELETE, 200, kn_volume_api_quota_reset),
    ROUTE("GET", "/v3/os-quota-class-sets/{class}", QUOTA_CLASS, 200, kn_volume_api_quota_class),
    ROUTE("PUT", "/v3/os-quota-class-sets/{class}", QUOTA_CLASS_UPDATE, 200, kn_volume_api_quota_class_set),
    ROUTE("GET", "/v3/os-availability-zone", ZONES, 200, kn_volume_api_zones),
    ROUTE("GET", "/v3/os-services", SERVICES, 200, kn_volume_api_services),
    ROUTE("PUT", "/v3/os-services/enable", SERVICE_UPDATE, 200, kn_volume_api_service_switch),
    ROUTE("PUT", "/v3/os-services/disable", SERVICE_UPDATE, 200, kn_volume_api_service_switch),
    ROUTE("PUT", "/v3/os-services/disable-log-reason", SERVICE_UPDATE, 200, kn_volume_api_service_switch),
    ROUTE("PUT", "/v3/os-services/freeze", FREEZE, 200, kn_volume_api_service_freeze),
    ROUTE("PUT", "/v3/os-services/thaw", THAW, 200, kn_volume_api_service_freeze),
    ROUTE("PUT", "/v3/os-services/failover_host", FAILOVER, 202, kn_volume_api_service_failover),
    SINCE(26, "PUT", "/v3/os-services/failover", FAILOVER, 202, kn_volume_api_service_failover),
    ROUTE("GET", "/v3/os-hosts", HOSTS, 200, kn_volume_api_hosts),
    ROUTE("GET", "/v3/os-hosts/{host}", HOSTS, 200, kn_volume_api_host),
    ROUTE("PUT", "/v3/os-hosts/{host}", HOSTS, 200, kn_volume_api_host_update),
    ROUTE("GET", "/v3/extensions", EXTENSIONS, 200, kn_volume_api_extensions),
    { NULL, NULL, KN_RULE_NONE, 0, NULL, 0, 0, NULL },
};

static const struct kn_unbuilt UNBUILT[] = {
    { "/v3/backups", "exports and imports of backups' records" },
    { "/v3/consistencygroups", "consistency groups" },
    { "/v3/cgsnapshots", "consistency groups" },
    { "/v3/groups", "groups" },
    { "/v3/group_snapshots", "groups" },
    { "/v3/group_types", "groups" },
    { "/v3/types/{id}/encryption", "encryption" },
    { "/v3/os-volume-manage", "volumes made elsewhere" },
    { "/v3/os-snapshot-manage", "snapshots made elsewhere" },
    { "/v3/manageable_volumes", "volumes made elsewhere" },
    { "/v3/manageable_snapshots", "snapshots made elsewhere" },
    { "/v3/volumes/{id}/encryption", "encryption" },
    { NULL, NULL },
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
    .unbuilt = UNBUILT,
};
