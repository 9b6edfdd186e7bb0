/* SPDX-License-Identifier: Apache-2.0 */
/* pools: pools of ranges and address scopes as tables, and a range out of a pool for a new subnet. */
#ifndef KN_NETWORK_ROWS_SUBNETS_POOLS_H
#define KN_NETWORK_ROWS_SUBNETS_POOLS_H

#include "lib/adapter/http.h"
#include "lib/rest/noun.h"

extern const struct kn_rest_noun kn_network_subnetpools, kn_network_address_scopes;

/*
 * In a POST's transaction: what the body says of a pool (subnetpool_id, use_default_subnetpool, prefixlen) becomes a cidr and the pool's id in it. Without
 * a pool only that the network's other subnets have none either. The pool is held until the transaction ends. project: whose the subnet becomes.
 */
int kn_network_pool_take(struct kn_request *req, const char *project, json_t *object, struct kn_error *err);

/* As bodies say them. New reference. */
struct kn_network_prefix_set;
json_t *kn_network_pool_prefixes(const struct kn_network_prefix_set *set);

/* PUT {"prefixes": […]}: answered with all that the pool has then. */
kn_handler kn_network_pool_add_prefixes, kn_network_pool_remove_prefixes;

/* PUT {"network_id": …}: answered with a list of the subnets that are taken in. The noun's part of it, nothing in its other changes, is what follows. */
kn_handler kn_network_pool_onboard;
int kn_network_onboard_before_lock(struct kn_request *req, const char *id, struct kn_error *err);
int kn_network_onboard_after(struct kn_request *req, const char *id, const struct kn_rows *now, struct kn_error *err);

#endif
