/* SPDX-License-Identifier: Apache-2.0 */
/* five_servers: a seeded nova (compute_seed.h) that has servers: three of a member's, one of a stranger's, one that is gone. */
#ifndef KN_TESTS_SUPPORT_FIVE_SERVERS_H
#define KN_TESTS_SUPPORT_FIVE_SERVERS_H

#include "tests/support/compute_seed.h"

#define SERVERS "/compute/v2.1/servers"
#define ONE "77777777-7777-4777-8777-000000000001"
#define TWO "77777777-7777-4777-8777-000000000002"
#define THREE "77777777-7777-4777-8777-000000000003"
#define FOREIGN "77777777-7777-4777-8777-000000000004"
#define GONE "77777777-7777-4777-8777-000000000005"

/* What the first has: a port, and on it its project's default security group. */
#define ITS_PORT "55555555-5555-4555-8555-00000000000a"
#define ITS_GROUP "66666666-6666-4666-8666-00000000000a"

#define FLAVOR \
    "{\"id\": \"1\", \"name\": \"m1.tiny\", \"vcpus\": 1, \"memory_mib\": 512, \"disk_gib\": 1, \"ephemeral_gib\": 0, " \
    "\"swap_mib\": 0, \"extra_specs\": {\"hw:x\": \"y\"}}"

/* The setup of each test: all of it as it was in the beginning. */
int five_servers_fresh(void **state);

#endif
