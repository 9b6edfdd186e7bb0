/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quota: what is counted, once for all services: its name where a quota is shown, its name among Keystone's unified limits, what it is limited to
 * where nobody says otherwise, and a service's words when it is not enough. Rows and transactions are lib/adapter/quota.h's.
 *
 * A volume type counts as well: volumes_<name>, gigabytes_<name> and snapshots_<name>, kept under the type's id; their default is no limit.
 */
#ifndef KN_DOMAIN_QUOTA_H
#define KN_DOMAIN_QUOTA_H

#include <stdint.h>

#include "lib/base/error.h"

/*
 * X(id, service, name, among unified limits ("": not there), default (-1: none), counted units in one of the limit's, last minor microversion that
 * shows it (0: all)). Those of Nova and Glance are called in Keystone what Nova and Glance ask it for; the others have one name.
 */
#define KN_QUOTAS(X) \
    X(KN_QUOTA_INSTANCES, "compute", "instances", "servers", 10, 1, 0) \
    X(KN_QUOTA_CORES, "compute", "cores", "class:VCPU", 20, 1, 0) \
    X(KN_QUOTA_RAM, "compute", "ram", "class:MEMORY_MB", 51200, 1, 0) \
    X(KN_QUOTA_METADATA, "compute", "metadata_items", "server_metadata_items", 128, 1, 0) \
    X(KN_QUOTA_KEY_PAIRS, "compute", "key_pairs", "server_key_pairs", 100, 1, 0) \
    X(KN_QUOTA_SERVER_GROUPS, "compute", "server_groups", "server_groups", 10, 1, 0) \
    X(KN_QUOTA_GROUP_MEMBERS, "compute", "server_group_members", "server_group_members", 10, 1, 0) \
    X(KN_QUOTA_FILES, "compute", "injected_files", "server_injected_files", 5, 1, 56) \
    X(KN_QUOTA_FILE_BYTES, "compute", "injected_file_content_bytes", "server_injected_file_content_bytes", 10240, 1, \
      56) \
    X(KN_QUOTA_PATH_BYTES, "compute", "injected_file_path_bytes", "server_injected_file_path_bytes", 255, 1, 56) \
    X(KN_QUOTA_FIXED_IPS, "compute", "fixed_ips", "", -1, 1, 35) \
    X(KN_QUOTA_FLOATING_IPS, "compute", "floating_ips", "", -1, 1, 35) \
    X(KN_QUOTA_GROUPS, "compute", "security_groups", "", -1, 1, 35) \
    X(KN_QUOTA_GROUP_RULES, "compute", "security_group_rules", "", -1, 1, 35) \
    X(KN_QUOTA_IMAGE_SIZE, "image", "image_size_total", "image_size_total", -1, 1048576, 0) \
    X(KN_QUOTA_IMAGE_STAGE, "image", "image_stage_total", "image_stage_total", -1, 1048576, 0) \
    X(KN_QUOTA_IMAGE_COUNT, "image", "image_count_total", "image_count_total", -1, 1, 0) \
    X(KN_QUOTA_IMAGE_UPLOADING, "image", "image_count_uploading", "image_count_uploading", -1, 1, 0) \
    X(KN_QUOTA_NETWORK, "network", "network", "network", 100, 1, 0) \
    X(KN_QUOTA_SUBNET, "network", "subnet", "subnet", 100, 1, 0) \
    X(KN_QUOTA_SUBNETPOOL, "network", "subnetpool", "subnetpool", -1, 1, 0) \
    X(KN_QUOTA_PORT, "network", "port", "port", 500, 1, 0) \
    X(KN_QUOTA_SECURITY_GROUP, "network", "security_group", "security_group", 10, 1, 0) \
    X(KN_QUOTA_SECURITY_GROUP_RULE, "network", "security_group_rule", "security_group_rule", 100, 1, 0) \
    X(KN_QUOTA_ROUTER, "network", "router", "router", 10, 1, 0) \
    X(KN_QUOTA_FLOATINGIP, "network", "floatingip", "floatingip", 50, 1, 0) \
    X(KN_QUOTA_RBAC_POLICY, "network", "rbac_policy", "rbac_policy", 10, 1, 0) \
    X(KN_QUOTA_VOLUMES, "volume", "volumes", "volumes", 10, 1, 0) \
    X(KN_QUOTA_SNAPSHOTS, "volume", "snapshots", "snapshots", 10, 1, 0) \
    X(KN_QUOTA_GIGABYTES, "volume", "gigabytes", "gigabytes", 1000, 1, 0) \
    X(KN_QUOTA_BACKUPS, "volume", "backups", "backups", 10, 1, 0) \
    X(KN_QUOTA_BACKUP_GIGABYTES, "volume", "backup_gigabytes", "backup_gigabytes", 1000, 1, 0) \
    X(KN_QUOTA_PER_VOLUME, "volume", "per_volume_gigabytes", "per_volume_gigabytes", -1, 1, 0) \
    X(KN_QUOTA_VOLUME_GROUPS, "volume", "groups", "groups", 10, 1, 0)

enum kn_quota {
#define X(id, service, name, seen, dflt, unit, until) id,
    KN_QUOTAS(X)
#undef X
        KN_QUOTA_COUNT
};

struct kn_quota_row {
    const char *service;
    const char *name;
    const char *seen; /* among unified limits; "": not there */
    int64_t dflt;
    int64_t unit;
    int until;
};
extern const struct kn_quota_row kn_quota_rows[KN_QUOTA_COUNT];

/* KN_QUOTA_COUNT: no such resource. */
enum kn_quota kn_quota_find(const char *service, const char *name);

/* What is too much: in the limit's units. */
struct kn_quota_over {
    const char *name;
    const char *project;
    int64_t asked;
    int64_t used; /* before */
    int64_t limit;
};

/* Fails in the words of the service. Returns -1. */
int kn_quota_refuse(struct kn_error *err, const char *service, const struct kn_quota_over *over, int count);

#endif
