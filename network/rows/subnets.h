/* SPDX-License-Identifier: Apache-2.0 */
/* subnets: the rows of subnets and their rules. */
#ifndef KN_NETWORK_ROWS_SUBNETS_H
#define KN_NETWORK_ROWS_SUBNETS_H

#include <jansson.h>

#include "lib/adapter/http.h"
#include "lib/base/uuid.h"
#include "network/rows/subnet_plan.h"

struct kn_subnet_row {
    char id[KN_UUID_SIZE];
    char network_id[KN_UUID_SIZE];
    bool is_mine; /* the caller owns it or its network, or is an admin */
    struct kn_subnet_plan plan;
};

void kn_subnet_row_release(struct kn_subnet_row *row);
/* KN_NOT_FOUND, or KN_FORBIDDEN (naming `rule`) for one that the caller may only see. */
int kn_subnet_get_mine(struct kn_request *req, const char *id, const char *rule, struct kn_subnet_row *ret,
                       struct kn_error *err);
/* Inside a transaction that holds kn_network_lock. KN_BAD_REQUEST if it overlaps; makes the DHCP port's address. */
int kn_subnet_insert(struct kn_db *db, const char *network_id, const char *project_id, const json_t *object,
                     const struct kn_subnet_plan *plan, char ret_id[KN_UUID_SIZE], struct kn_error *err);
/* plan: what holds afterwards. Inside a transaction that holds kn_network_lock. */
int kn_subnet_update(struct kn_db *db, const struct kn_subnet_row *row, const json_t *object,
                     const struct kn_subnet_plan *plan, struct kn_error *err);
/* KN_CONFLICT while ports have addresses of it. Inside a transaction that holds kn_network_lock. */
int kn_subnet_delete(struct kn_db *db, const char *id, struct kn_error *err);

#endif
