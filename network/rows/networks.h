/* SPDX-License-Identifier: Apache-2.0 */
/* networks: the rows of networks and their rules. */
#ifndef KN_NETWORK_ROWS_NETWORKS_H
#define KN_NETWORK_ROWS_NETWORKS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/adapter/http.h"
#include "lib/base/uuid.h"

struct kn_network_row {
    char id[KN_UUID_SIZE];
    char project_id[65];
    bool is_mine; /* the caller's project owns it, or the caller is an admin */
};

/* KN_NOT_FOUND unless the caller may see it. */
int kn_network_get(struct kn_request *req, const char *id, struct kn_network_row *ret, struct kn_error *err);
/* KN_NOT_FOUND, or KN_FORBIDDEN for one that the caller may only see. */
int kn_network_get_mine(struct kn_request *req, const char *id, const char *rule, struct kn_network_row *ret,
                        struct kn_error *err);
/*
 * Keeps others from changing the network's subnets until the transaction ends. Row locks always go subnets first, in the order of their
 * ids, then the network: the bus side does the same.
 */
int kn_network_lock(struct kn_db *db, const char *id, struct kn_error *err);

/* vni: 0 = the next free one. Checked object of the POST body. */
int kn_network_insert(struct kn_db *db, int64_t vni_first, const char *project_id, const json_t *object,
                      char ret_id[KN_UUID_SIZE], struct kn_error *err);
int kn_network_update(struct kn_db *db, const struct kn_network_row *network, const json_t *object, struct kn_error *err);
/* With its subnets and DHCP port; KN_CONFLICT while other ports are there. */
int kn_network_delete(struct kn_db *db, const char *id, struct kn_error *err);

#endif
