/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The columns against lib/domain/limits.def: each column that is written from outside has a constraint that says what the table says, in
 * the same numbers, and each limit either has a column or is listed here with the reason why not. Compared as PostgreSQL itself prints
 * them: the expected constraint is put on a copy of the table, or on a type like the column's where that has the constraint.
 */
#include <string.h>

#include "lib/adapter/db.h"
#include "lib/base/mem.h"
#include "lib/domain/limits.h"
#include "tests/support/own_database.h"
#include "tests/support/test.h"

enum kept { KEPT_TEXT, KEPT_NUMBER, KEPT_LIST, KEPT_MAP };

struct column {
    const char *table, *column;
    enum kept kept;
    enum kn_limit limits[3]; /* of a list: how many, each; of a map: how many, names, values */
};

static const struct column COLUMNS[] = {
    { "server", "name", KEPT_TEXT, { KN_LIMIT_SERVER_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "server", "description", KEPT_TEXT, { KN_LIMIT_SERVER_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "server", "hostname", KEPT_TEXT, { KN_LIMIT_SERVER_HOSTNAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "server", "user_data", KEPT_TEXT, { KN_LIMIT_USER_DATA, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "server", "key_name", KEPT_TEXT, { KN_LIMIT_KEYPAIR_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "server", "zone", KEPT_TEXT, { KN_LIMIT_HOST_ZONE, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "server", "pinned_zone", KEPT_TEXT, { KN_LIMIT_ZONE, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "server", "locked_reason", KEPT_TEXT, { KN_LIMIT_LOCK_REASON, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "server", "tags", KEPT_LIST, { KN_LIMIT_SERVER_TAGS, KN_LIMIT_SERVER_TAG, KN_LIMIT_NONE } },
    { "server", "metadata", KEPT_MAP, { KN_LIMIT_NONE, KN_LIMIT_META_KEY, KN_LIMIT_META_VALUE } },
    { "server_group", "name", KEPT_TEXT, { KN_LIMIT_SERVER_GROUP_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "server_group", "max_per_host", KEPT_NUMBER, { KN_LIMIT_GROUP_PER_HOST, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "aggregate", "name", KEPT_TEXT, { KN_LIMIT_AGGREGATE_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "aggregate", "metadata", KEPT_MAP, { KN_LIMIT_AGGREGATE_METADATA, KN_LIMIT_META_KEY, KN_LIMIT_META_VALUE } },
    { "address_group", "name", KEPT_TEXT, { KN_LIMIT_NETWORK_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "address_group", "description", KEPT_TEXT, { KN_LIMIT_LONG_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "security_group", "name", KEPT_TEXT, { KN_LIMIT_NETWORK_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "security_group", "description", KEPT_TEXT, { KN_LIMIT_NETWORK_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "security_group_rule", "description", KEPT_TEXT, { KN_LIMIT_NETWORK_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "security_group_template",
      "description",
      KEPT_TEXT,
      { KN_LIMIT_NETWORK_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "qos_policy", "name", KEPT_TEXT, { KN_LIMIT_NETWORK_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "qos_policy", "description", KEPT_TEXT, { KN_LIMIT_NETWORK_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "qos_rule", "max_kbps", KEPT_NUMBER, { KN_LIMIT_QOS_KBPS, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "qos_rule", "max_burst_kbps", KEPT_NUMBER, { KN_LIMIT_QOS_KBPS, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "flavor", "id", KEPT_TEXT, { KN_LIMIT_FLAVOR_ID, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "flavor", "name", KEPT_TEXT, { KN_LIMIT_FLAVOR_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "flavor", "description", KEPT_TEXT, { KN_LIMIT_FLAVOR_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "flavor", "vcpus", KEPT_NUMBER, { KN_LIMIT_FLAVOR_VCPUS, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "flavor", "memory_mib", KEPT_NUMBER, { KN_LIMIT_FLAVOR_MEMORY_MIB, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "flavor", "disk_gib", KEPT_NUMBER, { KN_LIMIT_FLAVOR_DISK_GIB, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "flavor", "ephemeral_gib", KEPT_NUMBER, { KN_LIMIT_FLAVOR_EPHEMERAL_GIB, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "flavor", "swap_mib", KEPT_NUMBER, { KN_LIMIT_FLAVOR_SWAP_MIB, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "flavor", "extra_specs", KEPT_MAP, { KN_LIMIT_NONE, KN_LIMIT_META_KEY, KN_LIMIT_EXTRA_SPEC_VALUE } },
    { "flavor_access", "project_id", KEPT_TEXT, { KN_LIMIT_FLAVOR_TENANT, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "keypair", "name", KEPT_TEXT, { KN_LIMIT_KEYPAIR_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "keypair", "public_key", KEPT_TEXT, { KN_LIMIT_PUBLIC_KEY, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "keypair", "user_id", KEPT_TEXT, { KN_LIMIT_IDENTITY_ID, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "task", "progress", KEPT_NUMBER, { KN_LIMIT_PERCENT, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "quota_limit", "hard_limit", KEPT_NUMBER, { KN_LIMIT_QUOTA, KN_LIMIT_RESOURCE_LIMIT, KN_LIMIT_NONE } },
    { "quota_limit", "project_id", KEPT_TEXT, { KN_LIMIT_VOLUME_TENANT, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "quota_limit", "resource", KEPT_TEXT, { KN_LIMIT_RESOURCE_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "quota_limit", "description", KEPT_TEXT, { KN_LIMIT_IDENTITY_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "agent", "id", KEPT_TEXT, { KN_LIMIT_AGENT, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "agent", "boot", KEPT_TEXT, { KN_LIMIT_BOOT, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "agent", "report_seq", KEPT_NUMBER, { KN_LIMIT_SEQ, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "agent", "uptime", KEPT_TEXT, { KN_LIMIT_UPTIME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "host", "name", KEPT_TEXT, { KN_LIMIT_HOST, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "host", "zone", KEPT_TEXT, { KN_LIMIT_HOST_ZONE, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "host", "vcpus", KEPT_NUMBER, { KN_LIMIT_HOST_VCPUS, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "host", "memory_mib", KEPT_NUMBER, { KN_LIMIT_HOST_MEMORY_MIB, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "host", "reserved_memory_mib", KEPT_NUMBER, { KN_LIMIT_HOST_MEMORY_MIB, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "host", "disk_gib", KEPT_NUMBER, { KN_LIMIT_HOST_DISK_GIB, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "host", "underlay", KEPT_TEXT, { KN_LIMIT_UNDERLAY, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "host", "hypervisor_type", KEPT_TEXT, { KN_LIMIT_HYPERVISOR_TYPE, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "host", "hypervisor_version", KEPT_NUMBER, { KN_LIMIT_HYPERVISOR_VERSION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "host", "disabled_reason", KEPT_TEXT, { KN_LIMIT_DISABLED_REASON, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "network", "name", KEPT_TEXT, { KN_LIMIT_NETWORK_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "network", "description", KEPT_TEXT, { KN_LIMIT_NETWORK_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "network", "project_id", KEPT_TEXT, { KN_LIMIT_TENANT, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "auto_topology", "project_id", KEPT_TEXT, { KN_LIMIT_TENANT, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "network_agent", "description", KEPT_TEXT, { KN_LIMIT_NETWORK_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "qos_policy", "tags", KEPT_LIST, { KN_LIMIT_NETWORK_TAGS, KN_LIMIT_NETWORK_TAG, KN_LIMIT_NONE } },
    { "network", "tags", KEPT_LIST, { KN_LIMIT_NETWORK_TAGS, KN_LIMIT_NETWORK_TAG, KN_LIMIT_NONE } },
    { "subnet", "tags", KEPT_LIST, { KN_LIMIT_NETWORK_TAGS, KN_LIMIT_NETWORK_TAG, KN_LIMIT_NONE } },
    { "port", "tags", KEPT_LIST, { KN_LIMIT_NETWORK_TAGS, KN_LIMIT_NETWORK_TAG, KN_LIMIT_NONE } },
    { "security_group", "tags", KEPT_LIST, { KN_LIMIT_NETWORK_TAGS, KN_LIMIT_NETWORK_TAG, KN_LIMIT_NONE } },
    { "network", "physical", KEPT_TEXT, { KN_LIMIT_NETWORK_PHYSICAL, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "router", "name", KEPT_TEXT, { KN_LIMIT_NETWORK_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "router", "description", KEPT_TEXT, { KN_LIMIT_NETWORK_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "router_stand", "why", KEPT_TEXT, { KN_LIMIT_NETWORK_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "router", "tags", KEPT_LIST, { KN_LIMIT_NETWORK_TAGS, KN_LIMIT_NETWORK_TAG, KN_LIMIT_NONE } },
    { "floating_ip", "tags", KEPT_LIST, { KN_LIMIT_NETWORK_TAGS, KN_LIMIT_NETWORK_TAG, KN_LIMIT_NONE } },
    { "router", "project_id", KEPT_TEXT, { KN_LIMIT_TENANT, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "floating_ip", "description", KEPT_TEXT, { KN_LIMIT_NETWORK_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "floating_ip", "project_id", KEPT_TEXT, { KN_LIMIT_TENANT, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "port_forwarding", "description", KEPT_TEXT, { KN_LIMIT_LONG_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "port_forwarding", "external_port", KEPT_NUMBER, { KN_LIMIT_PORT_NUMBER, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "port_forwarding", "external_last", KEPT_NUMBER, { KN_LIMIT_PORT_NUMBER, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "port_forwarding", "internal_last", KEPT_NUMBER, { KN_LIMIT_PORT_NUMBER, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "port_forwarding", "internal_port", KEPT_NUMBER, { KN_LIMIT_PORT_NUMBER, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "network", "dns_domain", KEPT_TEXT, { KN_LIMIT_DNS_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "port", "dns_name", KEPT_TEXT, { KN_LIMIT_DNS_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "network", "mtu", KEPT_NUMBER, { KN_LIMIT_MTU, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "network", "vni", KEPT_NUMBER, { KN_LIMIT_VNI, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "subnet", "name", KEPT_TEXT, { KN_LIMIT_NETWORK_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "subnet", "description", KEPT_TEXT, { KN_LIMIT_NETWORK_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "subnet", "project_id", KEPT_TEXT, { KN_LIMIT_TENANT, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "subnet_pool", "name", KEPT_TEXT, { KN_LIMIT_NETWORK_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "subnet_pool", "description", KEPT_TEXT, { KN_LIMIT_NETWORK_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "subnet_pool", "project_id", KEPT_TEXT, { KN_LIMIT_TENANT, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "subnet_pool", "default_quota", KEPT_NUMBER, { KN_LIMIT_POOL_QUOTA, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "subnet", "service_types", KEPT_LIST, { KN_LIMIT_SERVICE_TYPES, KN_LIMIT_DEVICE_OWNER, KN_LIMIT_NONE } },
    { "subnet_pool", "tags", KEPT_LIST, { KN_LIMIT_NETWORK_TAGS, KN_LIMIT_NETWORK_TAG, KN_LIMIT_NONE } },
    { "rbac_policy", "project_id", KEPT_TEXT, { KN_LIMIT_TENANT, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "rbac_policy", "target", KEPT_TEXT, { KN_LIMIT_TENANT, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "address_scope", "name", KEPT_TEXT, { KN_LIMIT_NETWORK_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "address_scope", "project_id", KEPT_TEXT, { KN_LIMIT_TENANT, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "port", "name", KEPT_TEXT, { KN_LIMIT_NETWORK_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "port", "description", KEPT_TEXT, { KN_LIMIT_NETWORK_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "port", "project_id", KEPT_TEXT, { KN_LIMIT_TENANT, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "port", "device_id", KEPT_TEXT, { KN_LIMIT_DEVICE_ID, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "port", "device_owner", KEPT_TEXT, { KN_LIMIT_DEVICE_OWNER, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "port", "host_asked", KEPT_TEXT, { KN_LIMIT_PORT_HOST, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "port", "tag", KEPT_TEXT, { KN_LIMIT_SERVER_TAG, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "volume", "name", KEPT_TEXT, { KN_LIMIT_VOLUME_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "volume", "description", KEPT_TEXT, { KN_LIMIT_VOLUME_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "volume", "status", KEPT_TEXT, { KN_LIMIT_VOLUME_STATUS, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "volume", "zone", KEPT_TEXT, { KN_LIMIT_VOLUME_WORD, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "volume", "size_gib", KEPT_NUMBER, { KN_LIMIT_VOLUME_SIZE_GIB, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "volume_backend", "disabled_reason", KEPT_TEXT, { KN_LIMIT_DISABLED_REASON, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "volume_group_type", "name", KEPT_TEXT, { KN_LIMIT_VOLUME_GROUP_TYPE_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "volume_group_type", "description", KEPT_TEXT, { KN_LIMIT_VOLUME_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "volume_group_type",
      "group_specs",
      KEPT_MAP,
      { KN_LIMIT_VOLUME_METADATA, KN_LIMIT_META_KEY, KN_LIMIT_EXTRA_SPEC_VALUE } },
    { "volume_group_snapshot", "name", KEPT_TEXT, { KN_LIMIT_VOLUME_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "volume_group_snapshot",
      "description",
      KEPT_TEXT,
      { KN_LIMIT_VOLUME_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "volume_group", "name", KEPT_TEXT, { KN_LIMIT_VOLUME_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "volume_group", "description", KEPT_TEXT, { KN_LIMIT_VOLUME_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "volume_type_encryption",
      "provider",
      KEPT_TEXT,
      { KN_LIMIT_VOLUME_ENCRYPTION_PROVIDER, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "volume_type_encryption",
      "cipher",
      KEPT_TEXT,
      { KN_LIMIT_VOLUME_ENCRYPTION_CIPHER, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "volume_type_encryption",
      "key_size",
      KEPT_NUMBER,
      { KN_LIMIT_VOLUME_ENCRYPTION_KEY_SIZE, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "volume_qos", "name", KEPT_TEXT, { KN_LIMIT_VOLUME_QOS_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "volume_qos", "specs", KEPT_MAP, { KN_LIMIT_VOLUME_METADATA, KN_LIMIT_META_KEY, KN_LIMIT_EXTRA_SPEC_VALUE } },
    { "volume_type_default", "project_id", KEPT_TEXT, { KN_LIMIT_FLAVOR_TENANT, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "volume_transfer", "name", KEPT_TEXT, { KN_LIMIT_VOLUME_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "volume_snapshot", "name", KEPT_TEXT, { KN_LIMIT_VOLUME_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "volume_snapshot", "description", KEPT_TEXT, { KN_LIMIT_VOLUME_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "volume_snapshot", "metadata", KEPT_MAP, { KN_LIMIT_VOLUME_METADATA, KN_LIMIT_META_KEY, KN_LIMIT_META_VALUE } },
    { "volume_backup", "name", KEPT_TEXT, { KN_LIMIT_VOLUME_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "volume_backup", "description", KEPT_TEXT, { KN_LIMIT_VOLUME_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "volume_backup", "metadata", KEPT_MAP, { KN_LIMIT_VOLUME_METADATA, KN_LIMIT_META_KEY, KN_LIMIT_META_VALUE } },
    { "volume_backup", "container", KEPT_TEXT, { KN_LIMIT_BACKUP_CONTAINER, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "volume", "metadata", KEPT_MAP, { KN_LIMIT_VOLUME_METADATA, KN_LIMIT_META_KEY, KN_LIMIT_META_VALUE } },
    { "attachment", "device", KEPT_TEXT, { KN_LIMIT_DEVICE, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "attachment", "host_name", KEPT_TEXT, { KN_LIMIT_HOST, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "attachment", "tag", KEPT_TEXT, { KN_LIMIT_SERVER_TAG, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "image", "name", KEPT_TEXT, { KN_LIMIT_IMAGE_TEXT, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "image", "min_disk", KEPT_NUMBER, { KN_LIMIT_IMAGE_MINIMUM, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "image", "min_ram", KEPT_NUMBER, { KN_LIMIT_IMAGE_MINIMUM, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "image", "virtual_size", KEPT_NUMBER, { KN_LIMIT_VIRTUAL_SIZE, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "image", "tags", KEPT_LIST, { KN_LIMIT_IMAGE_TAGS, KN_LIMIT_IMAGE_TEXT, KN_LIMIT_NONE } },
    { "image",
      "properties",
      KEPT_MAP,
      { KN_LIMIT_IMAGE_PROPERTIES, KN_LIMIT_IMAGE_PROPERTY, KN_LIMIT_IMAGE_PROPERTIES_SIZE } },
    { "image_member", "member", KEPT_TEXT, { KN_LIMIT_IMAGE_MEMBER, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "metadef_namespace", "namespace", KEPT_TEXT, { KN_LIMIT_METADEF_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "metadef_namespace", "display_name", KEPT_TEXT, { KN_LIMIT_METADEF_DISPLAY_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "metadef_namespace", "description", KEPT_TEXT, { KN_LIMIT_METADEF_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "metadef_namespace", "owner", KEPT_TEXT, { KN_LIMIT_METADEF_OWNER, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "metadef_item", "name", KEPT_TEXT, { KN_LIMIT_METADEF_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "metadef_resource_type", "name", KEPT_TEXT, { KN_LIMIT_METADEF_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "identity_user", "name", KEPT_TEXT, { KN_LIMIT_IDENTITY_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "identity_user", "description", KEPT_TEXT, { KN_LIMIT_IDENTITY_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "identity_user", "email", KEPT_TEXT, { KN_LIMIT_EMAIL, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "identity_user", "default_project_id", KEPT_TEXT, { KN_LIMIT_IDENTITY_REF, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "identity_group", "name", KEPT_TEXT, { KN_LIMIT_IDENTITY_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "identity_group", "description", KEPT_TEXT, { KN_LIMIT_IDENTITY_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "role", "name", KEPT_TEXT, { KN_LIMIT_IDENTITY_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "role", "description", KEPT_TEXT, { KN_LIMIT_IDENTITY_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "project", "name", KEPT_TEXT, { KN_LIMIT_PROJECT_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "project", "description", KEPT_TEXT, { KN_LIMIT_IDENTITY_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "project", "tags", KEPT_LIST, { KN_LIMIT_PROJECT_TAGS, KN_LIMIT_PROJECT_TAG, KN_LIMIT_NONE } },
    { "domain", "name", KEPT_TEXT, { KN_LIMIT_PROJECT_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "domain", "description", KEPT_TEXT, { KN_LIMIT_IDENTITY_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "domain", "tags", KEPT_LIST, { KN_LIMIT_PROJECT_TAGS, KN_LIMIT_PROJECT_TAG, KN_LIMIT_NONE } },
    { "application_credential", "name", KEPT_TEXT, { KN_LIMIT_IDENTITY_NAME, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "application_credential",
      "description",
      KEPT_TEXT,
      { KN_LIMIT_IDENTITY_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "access_rule", "id", KEPT_TEXT, { KN_LIMIT_IDENTITY_ID, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "access_rule", "service", KEPT_TEXT, { KN_LIMIT_ACCESS_SERVICE, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "access_rule", "path", KEPT_TEXT, { KN_LIMIT_ACCESS_PATH, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "credential", "type", KEPT_TEXT, { KN_LIMIT_CREDENTIAL_TYPE, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "catalog_region", "id", KEPT_TEXT, { KN_LIMIT_CATALOG_TEXT, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "catalog_region", "description", KEPT_TEXT, { KN_LIMIT_IDENTITY_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "catalog_service", "type", KEPT_TEXT, { KN_LIMIT_CATALOG_TYPE, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "catalog_service", "name", KEPT_TEXT, { KN_LIMIT_CATALOG_TEXT, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "catalog_service", "description", KEPT_TEXT, { KN_LIMIT_IDENTITY_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "catalog_endpoint", "url", KEPT_TEXT, { KN_LIMIT_ENDPOINT_URL, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "catalog_endpoint", "name", KEPT_TEXT, { KN_LIMIT_CATALOG_TEXT, KN_LIMIT_NONE, KN_LIMIT_NONE } },
    { "catalog_endpoint", "description", KEPT_TEXT, { KN_LIMIT_IDENTITY_DESCRIPTION, KN_LIMIT_NONE, KN_LIMIT_NONE } },
};

/* What is kept nowhere, or in a column that says less or more. */
static const struct {
    enum kn_limit limit;
    const char *why;
} NOT_KEPT[] = {
    { KN_LIMIT_SERVER_LABEL, "kept as SERVER_HOSTNAME" },
    { KN_LIMIT_SERVERS_AT_ONCE, "of a request" },
    { KN_LIMIT_ADMIN_PASS, "answered, never kept" },
    { KN_LIMIT_SERVER_METADATA, "the row has it as jsonb, which has another length" },
    { KN_LIMIT_ONE_ITEM, "of a request" },
    { KN_LIMIT_AGGREGATE_ID, "counted by the database" },
    { KN_LIMIT_AGGREGATE_ZONE, "of an aggregate's metadata, which the API alone writes" },
    { KN_LIMIT_CACHED_IMAGES, "of a request" },
    { KN_LIMIT_EXTERNAL_EVENTS, "of a request" },
    { KN_LIMIT_HINT_SERVERS, "of jsonb, which the API alone writes" },
    { KN_LIMIT_FILE_PATH, "of jsonb, which the API alone writes" },
    { KN_LIMIT_PERSONALITY, "of jsonb, which the API alone writes" },
    { KN_LIMIT_SCHEDULER_HINTS, "of jsonb, which the API alone writes" },
    { KN_LIMIT_ROUTER_ROUTES, "of jsonb, which the API alone writes" },
    { KN_LIMIT_TRUSTED_CERTIFICATES, "refused" },
    { KN_LIMIT_TRUSTED_CERTIFICATE, "refused" },
    { KN_LIMIT_CONSOLE_LINES, "of a request" },
    { KN_LIMIT_SECURITY_GROUP, "only 'default' is there" },
    { KN_LIMIT_DEVICE_WISH, "a wish in a task" },
    { KN_LIMIT_DISKS, "rows of attachment" },
    { KN_LIMIT_VOLUME_ATTACHMENTS, "rows of attachment" },
    { KN_LIMIT_VOLUME_GROUP_TYPES, "rows of volume_group_volume_type" },
    { KN_LIMIT_VOLUME_GROUP_VOLUMES, "rows of volume" },
    { KN_LIMIT_LOCAL_SIZE_MIB, "of jsonb, which the API alone writes" },
    { KN_LIMIT_LOCAL_LABEL, "of jsonb, which the API alone writes" },
    { KN_LIMIT_MACHINE_WORD, "of jsonb, which the API alone writes" },
    { KN_LIMIT_SHUTDOWN_S, "of jsonb, which the API alone writes" },
    { KN_LIMIT_VIDEO_MIB, "of jsonb, which the API alone writes" },
    { KN_LIMIT_CPU_SHARES, "of jsonb, which the API alone writes" },
    { KN_LIMIT_CPU_PERIOD_US, "of jsonb, which the API alone writes" },
    { KN_LIMIT_CPU_QUOTA_US, "of jsonb, which the API alone writes" },
    { KN_LIMIT_DISK_RATE, "of jsonb, which the API alone writes" },
    { KN_LIMIT_VIF_RATE, "of jsonb, which the API alone writes" },
    { KN_LIMIT_RNG_RATE, "of jsonb, which the API alone writes" },
    { KN_LIMIT_NICS, "rows of port" },
    { KN_LIMIT_DHCP_OPTION, "in a port's JSON" },
    { KN_LIMIT_DHCP_OPTION_VALUE, "in a port's JSON" },
    { KN_LIMIT_DHCP_OPTIONS, "in a port's JSON" },
    { KN_LIMIT_PORT_PROFILE, "a port's JSON" },
    { KN_LIMIT_ADDRESS_PAIRS, "in a port's JSON" },
    { KN_LIMIT_GROUP_ADDRESSES, "rows of address_group_address" },
    { KN_LIMIT_POOL_PREFIXES, "prefixes of a row of subnet_pool" },
    { KN_LIMIT_BLOCK_NAME, "of jsonb, which the API alone writes" },
    { KN_LIMIT_BLOCK_TEXT, "of jsonb, which the API alone writes" },
    { KN_LIMIT_BLOCK_SIZE_GIB, "of jsonb, which the API alone writes" },
    { KN_LIMIT_POWER_STATE, "ours" },
    { KN_LIMIT_PAGE, "of a request" },
    { KN_LIMIT_FLAVOR_REF, "its last part is a flavor's id" },
    { KN_LIMIT_BINARY, "one of ours" },
    { KN_LIMIT_NIC_MTU, "on the bus alone" },
    { KN_LIMIT_WIRE_MTU, "on the bus alone" },
    { KN_LIMIT_NETWORK_WORD, "one of ours" },
    { KN_LIMIT_IP_VERSION, "the column says 4 or 6" },
    { KN_LIMIT_CIDR, "the column is a cidr" },
    { KN_LIMIT_MAC, "the column is a macaddr" },
    { KN_LIMIT_METADEF_LENGTH, "in JSON" },
    { KN_LIMIT_METADEF_TEXT, "in JSON" },
    { KN_LIMIT_PREFIX, "the column is a cidr" },
    { KN_LIMIT_TAP, "on hosts alone" },
    { KN_LIMIT_STATE_LIST, "on the bus alone" },
    { KN_LIMIT_STATE_ITEMS, "on the bus alone" },
    { KN_LIMIT_ANNOUNCED, "on the bus alone" },
    { KN_LIMIT_ANNOUNCED_MOVES, "counted, not said by anybody" },
    { KN_LIMIT_ANNOUNCED_REST, "as above" },
    { KN_LIMIT_GUEST_CONNECTIONS, "in the kernels of hosts alone" },
    { KN_LIMIT_GUEST_FLOOD, "in the kernels of hosts alone" },
    { KN_LIMIT_STATE_PIECES, "on the bus alone" },
    { KN_LIMIT_STATE_FROM, "on the bus alone" },
    { KN_LIMIT_STATE_PROTOCOL, "on the bus alone" },
    { KN_LIMIT_STATE_SOCKET, "on the bus alone" },
    { KN_LIMIT_STATE_DSCP, "on the bus alone" },
    { KN_LIMIT_IMAGE_MEMBERS, "rows of image_member" },
    { KN_LIMIT_DISK_FORMAT, "one of a list" },
    { KN_LIMIT_IMPORT_URI, "in an order's JSON" },
    { KN_LIMIT_BACKUP_SERVICE, "one of two" },
    { KN_LIMIT_MADE_ID, "an id like any other" },
    { KN_LIMIT_PASSWORD, "its hash is kept" },
    { KN_LIMIT_CREDENTIAL_BLOB, "kept sealed, which is longer" },
    { KN_LIMIT_APP_SECRET, "its hash is kept" },
    { KN_LIMIT_ROLE_ITEMS, "rows of their own" },
    { KN_LIMIT_ACCESS_RULES, "rows of their own" },
    { KN_LIMIT_EXPIRY, "the column is a time" },
    { KN_LIMIT_TRUST_USES, "counted down to 0" },
    { KN_LIMIT_REDELEGATIONS, "trusts are not passed on" },
    { KN_LIMIT_MFA_RULES, "in a user's options" },
    { KN_LIMIT_MFA_METHODS, "in a user's options" },
    { KN_LIMIT_MFA_METHOD, "in a user's options" },
    { KN_LIMIT_LIMIT_ITEMS, "of a request" },
    { KN_LIMIT_LIMIT_REGION, "the id of a region" },
    { KN_LIMIT_CONSOLE_OUTPUT, "on the bus alone" },
    { KN_LIMIT_CONSOLE_TYPE, "one of ours" },
    { KN_LIMIT_CONSOLE_ADDRESS, "on the bus alone" },
    { KN_LIMIT_CONSOLE_SECRET, "on the bus alone" },
    { KN_LIMIT_CONSOLES_OF_SERVER, "open consoles, in memory" },
    { KN_LIMIT_CONSOLES_OF_PROJECT, "open consoles, in memory" },
    { KN_LIMIT_CONSOLES, "open consoles, in memory" },
    { KN_LIMIT_CONSOLE_TOKENS, "rows of console_token" },
    { KN_LIMIT_WORK_DETAIL, "on the bus alone" },
    { KN_LIMIT_GUEST_PASSWORD, "on a host" },
    { KN_LIMIT_KEY_BOX, "asked and forgotten" },
    { KN_LIMIT_SEALED_KEY, "the same" },
    { KN_LIMIT_VOLUME_TYPE_NAME, "migrations/0026_volume_type.sql says it in a constraint without a name" },
    { KN_LIMIT_VOLUME_SPECS, "of a request" },
    { KN_LIMIT_VOLUME_IMAGE_NAME, "an image's name, which may be longer" },
    { KN_LIMIT_EXACT, "on the bus alone" },
};

static struct kn_db *db;

static int start(void **state)
{
    (void)state;
    db = kn_own_database_start("limits");
    return 0;
}

static char *condition_of(const struct column *c, const char *what)
{
    const struct kn_limit_row *a = &kn_limit_rows[c->limits[0]], *b = &kn_limit_rows[c->limits[1]],
                              *d = &kn_limit_rows[c->limits[2]];
    const long long items = c->limits[0] == KN_LIMIT_NONE ? INT32_MAX : a->max;

    switch (c->kept) {
    case KEPT_TEXT:
        return kn_asprintf("char_length(%s) BETWEEN %lld AND %lld", what, (long long)a->min, (long long)a->max);
    case KEPT_NUMBER:
        return kn_asprintf("%s BETWEEN %lld AND %lld", what, (long long)a->min, (long long)a->max);
    case KEPT_LIST:
        return kn_asprintf("kn_texts_fit(%s, %lld, %lld, %lld)", what, items, (long long)b->min, (long long)b->max);
    case KEPT_MAP:
        return kn_asprintf("kn_map_fits(%s, %lld, %lld, %lld)", what, items, (long long)b->max, (long long)d->max);
    }
    return NULL;
}

/* The one text that a statement finds; "" if it finds none. */
static char *text_of(const char *sql)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    assert_ok(kn_db_query(db, sql, 0, KN_NO_ARGS, &rows, &err), &err);
    return kn_strdup(kn_rows_count(rows) == 1 ? kn_rows_text(rows, 0, 0) : "");
}

/* The type's own, if the column's type was made for it: a table's rows that change often are not asked for it at every change. */
static char *wanted_of(const struct column *c, bool in_type)
{
    AUTO_FREE char *condition = condition_of(c, in_type ? "VALUE" : c->column);
    AUTO_FREE char *make =
        in_type ? kn_asprintf("CREATE DOMAIN wanted_type AS %s CONSTRAINT w CHECK (%s)",
                              c->kept == KEPT_LIST  ? "text[]"
                              : c->kept == KEPT_MAP ? "jsonb"
                                                    : "text",
                              condition)
                : kn_asprintf("CREATE TABLE wanted (LIKE %s); ALTER TABLE wanted ADD CONSTRAINT w CHECK (%s)", c->table,
                              condition);
    struct kn_error err = { 0 };
    char *wanted;

    assert_ok(kn_db_script(db, make, &err), &err);
    wanted = text_of("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'w'");
    assert_ok(kn_db_script(db, in_type ? "DROP DOMAIN wanted_type" : "DROP TABLE wanted", &err), &err);
    return wanted;
}

static void test_columns_say_what_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < KN_COUNT(COLUMNS); i++) {
        const struct column *c = &COLUMNS[i];
        AUTO_FREE char *look = kn_asprintf(
            "SELECT CASE WHEN t.typtype = 'd' THEN 'type' ELSE 'table' END FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid WHERE a.attrelid = '%s'::regclass AND a.attname = '%s'",
            c->table, c->column);
        AUTO_FREE char *where = text_of(look);
        AUTO_FREE char *find = kn_asprintf(
            "SELECT pg_get_constraintdef(oid) || CASE WHEN convalidated THEN '' ELSE ' (not valid)' END FROM pg_constraint WHERE conname = 'limit_%s_%s' AND "
            "(conrelid = '%s'::regclass OR contypid = (SELECT atttypid FROM pg_attribute WHERE attrelid = '%s'::regclass AND attname = '%s'))",
            c->table, c->column, c->table, c->table, c->column);
        AUTO_FREE char *wanted = wanted_of(c, strcmp(where, "type") == 0);
        AUTO_FREE char *is = text_of(find);

        if (strcmp(wanted, is) != 0) {
            fail_msg("%s.%s says \"%s\", lib/domain/limits.def \"%s\"", c->table, c->column, is, wanted);
        }
    }
}

/* Nobody writes a constraint that this list does not know, and so does not hold against the table. */
static void test_no_other_constraints(void **state)
{
    (void)state;
    AUTO_FREE char *count = text_of("SELECT count(*)::text FROM pg_constraint WHERE conname LIKE 'limit\\_%'");
    assert_int_equal(strtol(count, NULL, 10), KN_COUNT(COLUMNS));
}

static void test_each_limit_is_kept_or_says_why_not(void **state)
{
    (void)state;
    for (int limit = KN_LIMIT_NONE + 1; limit < KN_LIMIT_COUNT; limit++) {
        bool kept = false, excused = false;

        for (size_t i = 0; i < KN_COUNT(COLUMNS); i++) {
            for (int j = 0; j < 3; j++) {
                kept = kept || COLUMNS[i].limits[j] == (enum kn_limit)limit;
            }
        }
        for (size_t i = 0; i < KN_COUNT(NOT_KEPT); i++) {
            excused = excused || NOT_KEPT[i].limit == (enum kn_limit)limit;
        }
        if (kept == excused) {
            fail_msg("%s is %s", kn_limit_rows[limit].name,
                     kept ? "in both lists" : "in neither list: which column keeps it?");
        }
    }
}

/* The functions that the constraints call. */
static void test_lists_and_maps(void **state)
{
    (void)state;
    AUTO_FREE char *all = text_of(
        "SELECT (kn_texts_fit('{}', 0, 1, 2) AND kn_texts_fit('{é,éé}', 2, 1, 2) AND NOT kn_texts_fit('{ééé}', 2, 1, 2) AND "
        "NOT kn_texts_fit('{\"\"}', 2, 1, 2) AND NOT kn_texts_fit('{a,b,c}', 2, 1, 2) AND kn_map_fits('{}', 0, 1, 1) AND "
        "kn_map_fits('{\"é\": \"éé\", \"b\": null}', 2, 1, 2) AND NOT kn_map_fits('{\"éé\": \"\"}', 2, 1, 2) AND "
        "NOT kn_map_fits('{\"é\": \"ééé\"}', 2, 1, 2) AND NOT kn_map_fits('{\"a\": \"\", \"b\": \"\", \"c\": \"\"}', 2, 1, 2))::text");
    assert_string_equal(all, "true");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_say_what_the_table_says),
        cmocka_unit_test(test_no_other_constraints),
        cmocka_unit_test(test_each_limit_is_kept_or_says_why_not),
        cmocka_unit_test(test_lists_and_maps),
    };
    return cmocka_run_group_tests(tests, start, kn_own_database_teardown);
}
