/* SPDX-License-Identifier: Apache-2.0 */
/* The body of POST /servers as a table: Nova's fields, types and ranges with the microversions that brought and took them. */
#include "compute/rows/server_schema.h"

#include <stddef.h>

#include "compute/rows/server_plan_files.h"
#include "lib/domain/message.h"

#define WORDLESS 36 /* from 2.37 on "networks" must be there, and may be a word */

static const char *const DISK_CONFIGS[] = { "AUTO", "MANUAL", NULL };
static const char *const NETWORK_WORDS[] = { "none", "auto", NULL };
static const char *const SOURCES[] = { "volume", "image", "snapshot", "blank", NULL };
static const char *const DESTINATIONS[] = { "local", "volume", NULL };

static const struct kn_schema META_VALUE[] = { KN_SCHEMA("value", KN_IS_STRING, .limit = KN_LIMIT_META_VALUE),
                                               KN_SCHEMA_END };

static const struct kn_schema NIC[] = {
    KN_SCHEMA("uuid", KN_IS_STRING, .rule = &KN_TEXT_UUID),
    KN_SCHEMA("port", KN_IS_STRING, .flags = KN_NULLABLE, .rule = &KN_TEXT_UUID),
    KN_SCHEMA("fixed_ip", KN_IS_STRING, .rule = &KN_TEXT_IP),
    KN_SCHEMA("tag", KN_IS_STRING, .limit = KN_LIMIT_SERVER_TAG, .rule = &KN_TEXT_TAG, .since = 32, .until = 36),
    KN_SCHEMA("tag", KN_IS_STRING, .limit = KN_LIMIT_SERVER_TAG, .rule = &KN_TEXT_TAG, .since = 42),
    KN_SCHEMA_END,
};
static const struct kn_schema NICS[] = { KN_SCHEMA("network", KN_IS_OBJECT, .inner = NIC), KN_SCHEMA_END };

static const struct kn_schema DEVICE[] = {
    KN_SCHEMA("virtual_name", KN_IS_STRING, .limit = KN_LIMIT_BLOCK_TEXT),
    KN_SCHEMA("volume_id", KN_IS_STRING, .rule = &KN_TEXT_UUID),
    KN_SCHEMA("snapshot_id", KN_IS_STRING, .rule = &KN_TEXT_UUID),
    KN_SCHEMA("image_id", KN_IS_STRING, .rule = &KN_TEXT_UUID),
    KN_SCHEMA("volume_size", KN_IS_INTEGER, .limit = KN_LIMIT_BLOCK_SIZE_GIB),
    KN_SCHEMA("device_name", KN_IS_STRING, .limit = KN_LIMIT_BLOCK_NAME),
    KN_SCHEMA("delete_on_termination", KN_IS_BOOLEAN),
    KN_SCHEMA("no_device", KN_IS_ANY),
    KN_SCHEMA("connection_info", KN_IS_STRING),
    KN_SCHEMA("source_type", KN_IS_STRING, .words = SOURCES),
    KN_SCHEMA("destination_type", KN_IS_STRING, .words = DESTINATIONS),
    KN_SCHEMA("uuid", KN_IS_STRING, .limit = KN_LIMIT_BLOCK_NAME, .rule = &KN_TEXT_DEVICE_ID),
    KN_SCHEMA("guest_format", KN_IS_STRING, .limit = KN_LIMIT_BLOCK_TEXT),
    KN_SCHEMA("device_type", KN_IS_STRING, .limit = KN_LIMIT_BLOCK_TEXT),
    KN_SCHEMA("disk_bus", KN_IS_STRING, .limit = KN_LIMIT_BLOCK_TEXT),
    KN_SCHEMA("boot_index", KN_IS_INTEGER, .flags = KN_NULLABLE),
    KN_SCHEMA("tag", KN_IS_STRING, .limit = KN_LIMIT_SERVER_TAG, .rule = &KN_TEXT_TAG, .since = 32, .until = 32),
    KN_SCHEMA("tag", KN_IS_STRING, .limit = KN_LIMIT_SERVER_TAG, .rule = &KN_TEXT_TAG, .since = 42),
    KN_SCHEMA("volume_type", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_BLOCK_TEXT, .since = 67),
    KN_SCHEMA_END,
};
static const struct kn_schema DEVICES[] = { KN_SCHEMA("device", KN_IS_OBJECT, .inner = DEVICE), KN_SCHEMA_END };

const struct kn_schema kn_compute_devices_schema[] = {
    KN_SCHEMA("block_device_mapping", KN_IS_LIST, .inner = DEVICES),
    KN_SCHEMA("block_device_mapping_v2", KN_IS_LIST, .inner = DEVICES),
    KN_SCHEMA_END,
};

static const struct kn_schema GROUP[] = {
    KN_SCHEMA("name", KN_IS_STRING, .limit = KN_LIMIT_SECURITY_GROUP, .rule = &KN_TEXT_NAME),
    KN_SCHEMA_END,
};
static const struct kn_schema GROUPS[] = { KN_SCHEMA("security_group", KN_IS_OBJECT, .inner = GROUP), KN_SCHEMA_END };

static const struct kn_schema TAGS[] = {
    KN_SCHEMA("tag", KN_IS_STRING, .limit = KN_LIMIT_SERVER_TAG, .rule = &KN_TEXT_TAG),
    KN_SCHEMA_END,
};
static const struct kn_schema CERTS[] = { KN_SCHEMA("certificate", KN_IS_STRING, .limit = KN_LIMIT_TRUSTED_CERTIFICATE),
                                          KN_SCHEMA_END };

static const struct kn_schema SERVER[] = {
    KN_SCHEMA("name", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_SERVER_NAME, .rule = &KN_TEXT_NAME),
    KN_SCHEMA("flavorRef", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_FLAVOR_REF),
    KN_SCHEMA("flavorRef", KN_IS_INTEGER, .flags = KN_REQUIRED),
    KN_SCHEMA("imageRef", KN_IS_STRING, .rule = &KN_TEXT_UUID_OR_EMPTY),
    KN_SCHEMA("adminPass", KN_IS_STRING, .limit = KN_LIMIT_ADMIN_PASS),
    KN_SCHEMA("metadata", KN_IS_MAP, .rule = &KN_TEXT_META_KEY, .inner = META_VALUE),
    KN_SCHEMA("networks", KN_IS_LIST, .inner = NICS, .until = WORDLESS),
    KN_SCHEMA("networks", KN_IS_LIST, .flags = KN_REQUIRED, .inner = NICS, .since = WORDLESS + 1),
    KN_SCHEMA("networks", KN_IS_STRING, .flags = KN_REQUIRED, .words = NETWORK_WORDS, .since = WORDLESS + 1),
    KN_SCHEMA("OS-DCF:diskConfig", KN_IS_STRING, .words = DISK_CONFIGS),
    KN_SCHEMA("accessIPv4", KN_IS_STRING, .rule = &KN_TEXT_IPV4),
    KN_SCHEMA("accessIPv6", KN_IS_STRING, .rule = &KN_TEXT_IPV6),
    KN_SCHEMA("personality", KN_IS_LIST, .inner = kn_compute_personality_schema, .until = 56),
    KN_SCHEMA("availability_zone", KN_IS_STRING, .limit = KN_LIMIT_ZONE, .rule = &KN_TEXT_NAME),
    KN_SCHEMA("block_device_mapping", KN_IS_LIST, .inner = DEVICES),
    KN_SCHEMA("block_device_mapping_v2", KN_IS_LIST, .inner = DEVICES),
    KN_SCHEMA("config_drive", KN_IS_BOOLEAN),
    KN_SCHEMA("key_name", KN_IS_STRING, .limit = KN_LIMIT_KEYPAIR_NAME, .rule = &KN_TEXT_NAME),
    KN_SCHEMA("min_count", KN_IS_INTEGER, .limit = KN_LIMIT_SERVERS_AT_ONCE),
    KN_SCHEMA("max_count", KN_IS_INTEGER, .limit = KN_LIMIT_SERVERS_AT_ONCE),
    KN_SCHEMA("return_reservation_id", KN_IS_BOOLEAN),
    KN_SCHEMA("security_groups", KN_IS_LIST, .inner = GROUPS),
    KN_SCHEMA("user_data", KN_IS_STRING, .limit = KN_LIMIT_USER_DATA, .rule = &KN_TEXT_BASE64),
    KN_SCHEMA("description", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_SERVER_DESCRIPTION,
              .rule = &KN_TEXT_PRINTABLE, .since = 19),
    KN_SCHEMA("tags", KN_IS_LIST, .limit = KN_LIMIT_SERVER_TAGS, .inner = TAGS, .since = 52),
    KN_SCHEMA("trusted_image_certificates", KN_IS_LIST, .flags = KN_NULLABLE, .limit = KN_LIMIT_TRUSTED_CERTIFICATES,
              .inner = CERTS, .since = 63),
    KN_SCHEMA("host", KN_IS_STRING, .limit = KN_LIMIT_HOST, .rule = &KN_TEXT_FQDN, .since = 74),
    KN_SCHEMA("hypervisor_hostname", KN_IS_STRING, .limit = KN_LIMIT_HOST, .rule = &KN_TEXT_FQDN, .since = 74),
    KN_SCHEMA("hostname", KN_IS_STRING, .limit = KN_LIMIT_SERVER_LABEL, .rule = &KN_TEXT_HOSTNAME, .since = 90,
              .until = 93),
    KN_SCHEMA("hostname", KN_IS_STRING, .limit = KN_LIMIT_SERVER_HOSTNAME, .rule = &KN_TEXT_FQDN, .since = 94),
    KN_SCHEMA_END,
};

/* What the scheduler obeys; what becomes of other hints says server_plan_hints.c. */
static const struct kn_schema HINT_SERVER[] = { KN_SCHEMA("server", KN_IS_STRING, .rule = &KN_TEXT_UUID),
                                                KN_SCHEMA_END };
static const struct kn_schema HINTS[] = {
    KN_SCHEMA("group", KN_IS_STRING, .rule = &KN_TEXT_UUID),
    KN_SCHEMA("different_host", KN_IS_STRING, .rule = &KN_TEXT_UUID),
    KN_SCHEMA("different_host", KN_IS_LIST, .flags = KN_UNIQUE, .inner = HINT_SERVER, .limit = KN_LIMIT_HINT_SERVERS),
    KN_SCHEMA("same_host", KN_IS_STRING, .rule = &KN_TEXT_UUID),
    KN_SCHEMA("same_host", KN_IS_LIST, .flags = KN_UNIQUE, .inner = HINT_SERVER, .limit = KN_LIMIT_HINT_SERVERS),
    KN_SCHEMA_END,
};

const struct kn_schema kn_compute_server_create_schema[] = {
    KN_SCHEMA("server", KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = SERVER),
    KN_SCHEMA("os:scheduler_hints", KN_IS_OBJECT, .flags = KN_OPEN, .inner = HINTS),
    KN_SCHEMA("OS-SCH-HNT:scheduler_hints", KN_IS_OBJECT, .flags = KN_OPEN, .inner = HINTS),
    KN_SCHEMA_END,
};
