/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quotas: how many networks, subnets and ports a project may have, and has. Ports that were made for servers
 * count as well; only the cloud's own (network:dhcp) do not.
 */
#ifndef KN_NETWORK_ROWS_QUOTAS_H
#define KN_NETWORK_ROWS_QUOTAS_H

#include <stdint.h>

#include "lib/adapter/db.h"

enum kn_net_resource { KN_RES_NETWORK, KN_RES_SUBNET, KN_RES_PORT, KN_RES_COUNT };

struct kn_net_quota {
    int64_t limit; /* -1: unlimited */
    int64_t used;
};

extern const char *const kn_net_resource_names[KN_RES_COUNT];
int64_t kn_net_quota_default(enum kn_net_resource resource);

int kn_net_quota_read(struct kn_db *db, const char *project_id, struct kn_net_quota ret[KN_RES_COUNT],
                      struct kn_error *err);
/* Sets the project's limit; -1 = unlimited. */
int kn_net_quota_write(struct kn_db *db, const char *project_id, enum kn_net_resource resource, int64_t limit,
                       struct kn_error *err);
/* Back to the defaults. */
int kn_net_quota_reset(struct kn_db *db, const char *project_id, struct kn_error *err);
/* KN_QUOTA in Neutron's words if `more` do not fit. In the transaction that makes them; serialises makers of one project. */
int kn_net_quota_check(struct kn_db *db, const char *project_id, enum kn_net_resource resource, int64_t more,
                       struct kn_error *err);
/*
 * How many more ports each of these projects may have: rows of project and number, NULL = as many as it likes. In the transaction that
 * makes them; serialises makers as above.
 */
int kn_net_quota_room(struct kn_db *db, struct kn_array *projects, struct kn_rows **ret_rows, struct kn_error *err);
/* KN_QUOTA in Nova's words if servers that want so many new ports would not get them. Reads only: port.allocate decides. */
int kn_net_quota_foresee(struct kn_db *db, const char *project_id, int64_t more, struct kn_error *err);

#endif
