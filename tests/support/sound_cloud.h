/* SPDX-License-Identifier: Apache-2.0 */
/* sound_cloud: the rows of a small cloud in which every promise of the audit holds, for tests that break them. */
#ifndef KN_TESTS_SUPPORT_SOUND_CLOUD_H
#define KN_TESTS_SUPPORT_SOUND_CLOUD_H

#define A "aaaaaaaa-0000-4000-8000-000000000001" /* a server on host h with a NIC and a volume */
#define B "aaaaaaaa-0000-4000-8000-000000000002" /* another one, stopped, with a NIC */
#define E "aaaaaaaa-0000-4000-8000-000000000003" /* in ERROR, was on no host */
#define GONE "aaaaaaaa-0000-4000-8000-000000000004"
#define NET "bbbbbbbb-0000-4000-8000-000000000001"
#define SUBNET "bbbbbbbb-0000-4000-8000-000000000002"
#define PORT_A "cccccccc-0000-4000-8000-000000000001"
#define PORT_B "cccccccc-1000-4000-8000-000000000002"
#define VOLUME "dddddddd-0000-4000-8000-000000000001"
#define SPARE "dddddddd-0000-4000-8000-000000000002"
#define IMAGE "eeeeeeee-0000-4000-8000-000000000001"
#define FLAVOR "{\"id\":\"1\",\"vcpus\":1,\"memory_mib\":64,\"disk_gib\":1}"
#define NIC(port, mac, ip) \
    "[{\"port\":\"" port "\",\"network\":\"" NET "\",\"vni\":1000,\"mtu\":1450,\"mac\":\"" mac \
    "\",\"ips\":[{\"address\":\"" ip "\"}]}]"

#define GROUP_OF(policy) \
    "INSERT INTO server_group (id, project_id, user_id, name, policy) VALUES ('" NET "', 'p', 'u', 'g', '" policy \
    "'); " \
    "INSERT INTO quota_usage (service, project_id, resource, used) VALUES ('compute', 'p', 'server_groups', 1); " \
    "UPDATE server SET group_id = '" NET "' WHERE id IN ('" A "', '" B "'); "

/* Two scripts, because no text in C is longer than 4,095 characters: people, servers, networks; then what is stored, and who works. */
extern const char sound_cloud[], sound_cloud_stores[];
/* Keeps each table as it is now; puts all back as they were kept, without triggers. */
extern const char sound_cloud_keep[], sound_cloud_put_back[];

#endif
